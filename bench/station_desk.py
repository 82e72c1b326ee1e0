"""What the operator asks of a station, in the words of either OCPP version, and its answer in plain words.

Every method raises NotFound (no such station), LinkDown (not connected, or gone before it answered) or OperatorError (no answer
in time).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench import settings_flow
from bench.answers import CallAnswer, Said
from bench.auth_settings import setting
from bench.clock import Clock
from bench.csms import requests
from bench.errors import OperatorError
from bench.exchange import Exchange
from bench.ocpp_story import OcppStory
from bench.settings_flow import SettingValue, SettingWritten
from bench.stations import StationBoard
from bench.tokens.model import IdTokenType


class StationDesk:
    """Remote start and stop, availability, vendor data, settings.

    changed is called with a station's id when what is known of it changed. later(exchange) calls ``remote_start_waited`` when
    the time limit of a tap is up. finding(rule, severity, text, cure) tells of a station whose word cannot be believed.
    """

    def __init__(
        self,
        board: StationBoard,
        story: OcppStory,
        clock: Clock,
        changed: Callable[[str], None],
        later: Callable[[Exchange], None],
        finding: Callable[[str, str, str, str], None],
    ) -> None:
        self._board = board
        self._story = story
        self._clock = clock
        self._changed = changed
        self._later = later
        self._finding = finding
        self._remote_starts = 0

    async def remote_start(self, station: str, id_token: str, id_token_type: IdTokenType, evse: int | None) -> Said:
        known = self._board.known(station)
        self._remote_starts += 1
        action, payload = requests.remote_start(known.version, id_token, id_token_type, evse, self._remote_starts)
        exchange = self._story.remote_start(known, id_token, id_token_type, evse, self._clock.stamp())
        try:
            answer = await self._board.call(station, action, payload, exchange)
        except OperatorError as error:
            if exchange.open:
                self._story.our_call_failed(exchange, error.what, self._clock.stamp())
            raise
        if exchange.open:
            self._later(exchange)
        return requests.plain_words(known.version, answer)

    async def remote_stop(self, station: str, transaction_id: str) -> Said:
        known = self._board.known(station)
        action, payload = requests.remote_stop(known.version, transaction_id)
        return requests.plain_words(known.version, await self._board.call(station, action, payload))

    async def change_availability(self, station: str, operative: bool, evse: int | None, connector: int | None) -> Said:
        known = self._board.known(station)
        action, payload = requests.change_availability(known.version, operative, evse, connector)
        return requests.plain_words(known.version, await self._board.call(station, action, payload))

    async def data_transfer(self, station: str, vendor_id: str, message_id: str, data: object) -> Said:
        known = self._board.known(station)
        action, payload = requests.data_transfer(known.version, vendor_id, message_id, data)
        try:
            return requests.plain_words(known.version, await self._board.call(station, action, payload))
        finally:
            self._changed(station)  # it is among the station's events

    async def read_settings(self, station: str, report: bool) -> list[SettingValue]:
        known = self._board.known(station)
        if report:
            return await settings_flow.report_settings(known, self._caller(station), self._board.reports(station))
        return await settings_flow.read_settings(known, self._caller(station))

    async def write_setting(self, station: str, name: str, value: bool | int | str) -> SettingWritten:
        known = self._board.known(station)
        written = await settings_flow.write_setting(known, setting(name), value, self._caller(station))
        if written.denied:
            self._finding(
                "setting.not-taken",
                "fail",
                f"{station}: {written.text}",
                "set it on the station itself, and ask its maker",
            )
        return written

    def _caller(self, station: str) -> Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]:
        return lambda action, payload: self._board.call(station, action, payload)
