"""What the operator asks of a station, in the words of either OCPP version, and its answer in plain words.

Every method raises NotFound (no such station), LinkDown (not connected, or gone before it answered) or OperatorError (no answer
in time).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from bench.answers import CallAnswer, PushReport, Said
from bench.clock import Clock
from bench.csms import requests
from bench.errors import BadInput, OperatorError
from bench.exchange import Exchange
from bench.ocpp_story import OcppStory
from bench.stations import StationBoard
from bench.tokens import local_list
from bench.tokens.model import IdTokenType, Token


class StationDesk:
    """Remote start and stop, local list, cache.

    changed is called with a station's id when what is known of it changed. later(exchange) calls ``remote_start_waited`` when
    the time limit of a tap is up.
    """

    def __init__(
        self,
        board: StationBoard,
        story: OcppStory,
        clock: Clock,
        changed: Callable[[str], None],
        later: Callable[[Exchange], None],
    ) -> None:
        self._board = board
        self._story = story
        self._clock = clock
        self._changed = changed
        self._later = later
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

    async def push_list(self, station: str, tokens: Iterable[Token], mode: str) -> PushReport:
        if mode != "full":
            raise BadInput(f"the mode {mode} is not offered", "use full")
        known = self._board.known(station)
        try:
            return await local_list.push_full(known, tokens, self._caller(station))
        finally:
            self._changed(station)

    async def list_version(self, station: str) -> Said:
        known = self._board.known(station)
        try:
            return await local_list.read_version(known, self._caller(station))
        finally:
            self._changed(station)

    async def clear_cache(self, station: str) -> Said:
        known = self._board.known(station)
        action, payload = requests.clear_cache(known.version)
        said = requests.plain_words(known.version, await self._board.call(station, action, payload))
        if said.ok:
            known.accepted.clear()
        return said

    def _caller(self, station: str) -> Callable[[str, Mapping[str, object]], Awaitable[CallAnswer]]:
        return lambda action, payload: self._board.call(station, action, payload)
