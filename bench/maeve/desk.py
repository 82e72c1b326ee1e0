"""The MaEVe API acting on this bench: stations registered, configured and triggered, certificates and locations kept.

An order (a setting, a certificate, a trigger) is kept first and sent when its station is there and has booted; until then it
waits, also across a restart of the bench. One task a station, one order at a time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from bench.change import Change
from bench.errors import BadInput, LinkDown, NotFound, OperatorError
from bench.maeve import orders, pem
from bench.maeve.model import (
    MAX_STATION_ID,
    PENDING,
    ChargeStation,
    InstallState,
    StationAuth,
    Trigger,
    WantedCertificate,
    WantedSetting,
)
from bench.maeve.orders import Done
from bench.maeve.records import Kept, Records
from bench.maeve.setting_names import check
from bench.masking import is_secret_name
from bench.station import Station
from bench.stations import StationBoard
from bench.tasks import Tasks

MAX_STATIONS = 10_000
MAX_SETTINGS = 200
MAX_CERTIFICATES = 50
MAX_UPLOADED = 10_000
MAX_LOCATIONS = 10_000
STATION_ID = r"^[A-Za-z0-9*\-_=:+|@.]{1,28}$"
LOCATION_ID = r"^[A-Za-z0-9*\-_=:+|@.]{1,36}$"
_TAKEN = frozenset(("Accepted", "Scheduled", orders.REBOOT_REQUIRED))
Finding = Callable[[str, str, str, str], None]


class RegistrationDesk:
    """All methods on the loop's thread; reading never waits, writing waits for the database.

    finding(rule, severity, text, cure) tells what a station refused. changed is called when something is registered or an order was
    carried out. Every writing method raises StoreError: the database refused, and nothing changed.
    """

    def __init__(
        self, records: Records, board: StationBoard, tasks: Tasks, finding: Finding, changed: Callable[[], None]
    ) -> None:
        self._records = records
        self._board = board
        self._tasks = tasks
        self._finding = finding
        self._changed = changed
        self._kept = Kept()
        self._changing = asyncio.Lock()
        self._working: set[str] = set()
        self._again: set[str] = set()
        self._touches: dict[str, int] = {}
        board.admission = self._booted

    def load(self, kept: Kept) -> None:
        """Begin with what the database holds."""
        self._kept = kept

    # Stations

    @property
    def stations(self) -> list[ChargeStation]:
        """All that are registered or were given orders, by id."""
        return sorted(self._kept.stations.values(), key=lambda station: station.id)

    def auth_of(self, station: str) -> StationAuth | None:
        """How that station must prove who it is; None where it was not registered."""
        found = self._kept.stations.get(station)
        return None if found is None else found.auth

    async def register(self, station: str, auth: StationAuth) -> None:
        """Register it (again): its next BootNotification is answered Pending, then it is configured.

        Raises:
            BadInput: its id, or there are too many.
        """
        self._check_id(station)
        if station not in self._kept.stations and len(self._kept.stations) >= MAX_STATIONS:
            raise BadInput(f"{MAX_STATIONS} stations are registered already", "no more are taken")
        await self._change(station, lambda known: replace(known, auth=auth, provisioned=False), new=True)

    async def reconfigure(self, station: str, settings: Mapping[str, str]) -> None:
        """Have settings set, and the station rebooted where it says that it needs it.

        Raises:
            BadInput: a name or a value. NotFound: no such station.
        """
        for name, value in settings.items():
            check(name, value)

        def edit(known: ChargeStation) -> ChargeStation:
            wanted = {**known.settings, **{name: WantedSetting(value) for name, value in settings.items()}}
            if len(wanted) > MAX_SETTINGS:
                raise BadInput(f"{len(wanted)} settings for {station}", f"up to {MAX_SETTINGS} are kept")
            return replace(known, settings=wanted)

        await self._change(station, edit)
        self._kick(station)

    async def install(self, station: str, wanted: Iterable[WantedCertificate]) -> None:
        """Have root certificates installed; those given as Accepted or Rejected are only noted.

        Raises:
            BadInput: one is no certificate, or there are too many. NotFound: no such station.
        """
        given = [replace(one, pem=pem.checked(one.pem)[0]) for one in wanted]

        def edit(known: ChargeStation) -> ChargeStation:
            merged = {(one.use, one.pem): one for one in (*known.certificates, *given)}
            if len(merged) > MAX_CERTIFICATES:
                raise BadInput(f"{len(merged)} certificates for {station}", f"up to {MAX_CERTIFICATES} are kept")
            return replace(known, certificates=tuple(merged.values()))

        await self._change(station, edit)
        self._kick(station)

    async def trigger(self, station: str, wanted: Trigger) -> None:
        """Have a message triggered, once however often it is asked for before it is sent. Raises NotFound: no such station."""

        def edit(known: ChargeStation) -> ChargeStation:
            return known if wanted in known.triggers else replace(known, triggers=(*known.triggers, wanted))

        await self._change(station, edit)
        self._kick(station)

    # Certificates and locations

    async def upload(self, text: str) -> None:
        """Keep a client certificate. Raises BadInput: it is none, or there are too many."""
        kept, hash_ = pem.checked(text)
        if hash_ not in self._kept.certificates and len(self._kept.certificates) >= MAX_UPLOADED:
            raise BadInput(f"{MAX_UPLOADED} certificates are kept already", "delete some")
        await self._records.keep_certificate(hash_, kept)
        self._kept.certificates[hash_] = kept
        self._changed()

    def certificate(self, hash_: str) -> str:
        """PEM of the certificate of that hash (base64 of the SHA-256 of its DER bytes, either alphabet). Raises NotFound."""
        return self._kept.certificates[self._known_hash(hash_)]

    async def delete_certificate(self, hash_: str) -> None:
        """Forget it. Raises NotFound."""
        known = self._known_hash(hash_)
        await self._records.drop_certificate(known)
        self._kept.certificates.pop(known, None)
        self._changed()

    @property
    def certificates(self) -> int:
        """How many are kept."""
        return len(self._kept.certificates)

    async def register_location(self, id_: str, body: Mapping[str, Any]) -> None:
        """Keep a location as given. Raises BadInput: its id, or there are too many."""
        if not re.fullmatch(LOCATION_ID, id_):
            raise BadInput("that cannot be the id of a location", "use 1 to 36 letters, digits or * - _ = : + | @ .")
        if id_ not in self._kept.locations and len(self._kept.locations) >= MAX_LOCATIONS:
            raise BadInput(f"{MAX_LOCATIONS} locations are registered already", "no more are taken")
        await self._records.keep_location(id_, body)
        self._kept.locations[id_] = body
        self._changed()

    @property
    def locations(self) -> Mapping[str, Mapping[str, Any]]:
        """By id."""
        return self._kept.locations

    # What stations do

    def _booted(self, station: Station) -> str:
        """The answer to a BootNotification; what waits is sent once that answer is out."""
        known = self._kept.stations.get(station.id)
        if known is None or known.idle:
            return "Accepted"
        asyncio.get_running_loop().call_soon(self._kick, station.id)
        return "Accepted" if known.provisioned else "Pending"

    def noticed(self, change: Change, key: object) -> None:
        """A station that came back without booting gets what waits for it after the first message it sends."""
        if change is not Change.STATION or not isinstance(key, str):
            return
        known, station = self._kept.stations.get(key), self._board.stations.get(key)
        if known is None or not known.waiting or station is None:
            return
        if not station.connected:
            self._touches.pop(key, None)
            return
        touches = self._touches[key] = self._touches.get(key, 0) + 1
        if touches == 2 and station.boot is None:  # the first is the connection itself; tried once
            self._kick(key)

    # Inside

    def _check_id(self, station: str) -> None:
        if not re.fullmatch(STATION_ID, station) or not station.strip("."):
            raise BadInput(
                "that cannot be the id of a station", f"use 1 to {MAX_STATION_ID} letters, digits or * - _ = : + | @ ."
            )

    def _known_hash(self, given: str) -> str:
        known = pem.plain_hash(given)
        if known is None or known not in self._kept.certificates:
            raise NotFound("there is no certificate with this hash", "give the base64 SHA-256 of its DER bytes")
        return known

    async def _change(self, station: str, edit: Callable[[ChargeStation], ChargeStation], *, new: bool = False) -> None:
        """Keep what ``edit`` makes of a station; the database first."""
        async with self._changing:
            before = self._kept.stations.get(station)
            if before is None:
                self._check_id(station)
                if not new and station not in self._board.stations:
                    raise NotFound(
                        "no station of this id is registered or has connected",
                        "register it with POST /api/v0/cs/{csId}",
                    )
                before = ChargeStation(station)
            after = edit(before)
            if after == before:
                return
            await self._records.keep_station(after)
            self._kept.stations[station] = after
        self._changed()

    def _kick(self, id_: str) -> None:
        known, station = self._kept.stations.get(id_), self._board.stations.get(id_)
        if known is None or known.idle or station is None or not station.connected:
            return
        if id_ in self._working:
            self._again.add(id_)
            return
        self._working.add(id_)
        self._tasks.spawn(self._work(id_), name=f"orders to {id_}")

    async def _work(self, id_: str) -> None:
        try:
            while True:
                self._again.discard(id_)
                try:
                    await self._carry_out(self._board.stations[id_])
                except LinkDown:
                    pass  # told by the link; the orders wait until it comes again
                except OperatorError as error:
                    self._finding(
                        "maeve.orders", "fail", f"{id_}: {error.what}", "what waits for it is sent when it boots again"
                    )
                if id_ not in self._again:
                    return
        finally:
            self._working.discard(id_)
            self._again.discard(id_)

    async def _carry_out(self, station: Station) -> None:
        """Send everything that waits for a station, settings first."""
        id_, version = station.id, station.version

        async def call(action: str, payload: Mapping[str, object]) -> Any:
            return await self._board.call(id_, action, payload)

        size = 0
        while pending := self._kept.stations[id_].pending_settings:
            size = size or (await orders.portion(version, call) if len(pending) > 1 else 1)
            some = dict(islice(pending.items(), size))
            await self._set(id_, some, await orders.set_settings(version, some, call))
        for wanted in self._kept.stations[id_].pending_certificates:
            state, why = await orders.install(version, wanted, call)
            await self._installed(id_, wanted, replace(wanted, status=state, why=why))
        if self._kept.stations[id_].reset_due:
            try:
                done = await orders.reset(version, call)
            except LinkDown:  # many go down before they answer; told again, such a one would reboot for ever
                done = Done("Accepted")
            if done.status in _TAKEN:
                self._again.discard(id_)  # what was given meanwhile waits for its boot, as the rest does
            await self._change(id_, lambda known: replace(known, reset_due=False, provisioned=True))
            if done.status in _TAKEN:
                return  # it boots, and gets the rest then
            self._refused(id_, "maeve.reset-refused", "reboot, which its new settings need", done)
        for message in self._kept.stations[id_].triggers:
            done = await orders.trigger(version, message, call)
            await self._triggered(id_, message)
            if done.status not in _TAKEN:
                self._refused(id_, "maeve.trigger-refused", f"send {message}", done)
        if not self._kept.stations[id_].provisioned:
            await self._change(id_, lambda known: replace(known, provisioned=True))
            if station.boot == "Pending":
                await orders.trigger(
                    version, Trigger.BOOT_NOTIFICATION, call
                )  # or it comes by itself after the interval

    async def _set(self, id_: str, sent: Mapping[str, str], done: Mapping[str, Done]) -> None:
        def edit(known: ChargeStation) -> ChargeStation:
            settings = dict(known.settings)
            for name, (status, why) in done.items():
                wanted = settings.get(name)
                if wanted is not None and wanted == WantedSetting(sent[name]):  # else it was given anew meanwhile
                    kept = "" if is_secret_name(name) else wanted.value
                    settings[name] = WantedSetting(kept, "NotAnswered" if status == PENDING else status, why)
            due = known.reset_due or any(said.status == orders.REBOOT_REQUIRED for said in done.values())
            return replace(known, settings=settings, reset_due=due)

        await self._change(id_, edit)
        for name, said in done.items():
            if said.status not in _TAKEN:
                self._refused(id_, "maeve.setting-refused", f"set {name}", said)

    async def _installed(self, id_: str, before: WantedCertificate, after: WantedCertificate) -> None:
        def edit(known: ChargeStation) -> ChargeStation:
            return replace(known, certificates=tuple(after if one == before else one for one in known.certificates))

        await self._change(id_, edit)
        if after.status is not InstallState.ACCEPTED:
            self._refused(
                id_, "maeve.certificate-refused", f"install a root certificate for {after.use}", Done("", after.why)
            )

    async def _triggered(self, id_: str, message: Trigger) -> None:
        def edit(known: ChargeStation) -> ChargeStation:
            return replace(known, triggers=tuple(one for one in known.triggers if one is not message))

        await self._change(id_, edit)

    def _refused(self, id_: str, rule: str, what: str, done: Done) -> None:
        why = " ".join(part for part in done if part)
        self._finding(
            rule, "warn", f"{id_} did not {what}: {why}", "the order is not repeated; correct and give it again"
        )
