"""Pushing the store to a station as its local list, and reading the list's version.

Sources: OCPP 2.0.1 D01 (SendLocalList), D02 (GetLocalListVersion); OCPP 1.6 sections 5.10 and 5.15 with errata.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from bench.answers import CallAnswer, ChunkReport, PushReport, Said
from bench.csms.reports import Reports
from bench.errors import BadInput, LinkDown, OperatorError
from bench.list_view import Mode, Progress
from bench.station import Station
from bench.tokens.list_entries import Entry, Wanted, frame_bytes, key_of, payload
from bench.tokens.list_keep import KeptList
from bench.tokens.list_limits import Call, read_limits
from bench.tokens.list_plan import DIFFERENTIAL, FULL, MAX_VERSION, Planned, make_plan, next_version
from bench.tokens.list_shadow import Chunk

ACCEPTED = "Accepted"
CANCELLED = "Cancelled"
NO_ANSWER = "NoAnswer"
NOT_SENT = "NotSent"
NOT_SUPPORTED = "NotSupported"
AHEAD = 16
"""Messages that are saved at once, before the first of them is sent."""

BIG = 16
"""Entries from which on a message may be refused for its size by a station that states none."""

_TRY_FULL = frozenset(("Failed", "VersionMismatch"))
_UNSUPPORTED_CODES = frozenset((NOT_SUPPORTED, "NotImplemented"))


async def read_version(station: Station, call: Call) -> Said:
    """GetLocalListVersion, kept in ``station.list_version``.

    Raises:
        LinkDown, OperatorError: the station is gone or did not answer in time.
    """
    answer = await call("GetLocalListVersion", {})
    if answer.payload is None:
        if answer.code in _UNSUPPORTED_CODES:
            station.list_version = -1
            return Said(False, f"the station supports no local list ({answer.code})", answer)
        station.list_version = None
        return Said(False, f"the station refused GetLocalListVersion: {_refusal(answer)}", answer)
    number = answer.payload.get("listVersion" if station.version == "1.6" else "versionNumber")
    if not isinstance(number, int) or isinstance(number, bool):
        station.list_version = None
        return Said(False, "the station's answer holds no version", answer)
    if number < (-1 if station.version == "1.6" else 0):
        station.list_version = None
        return Said(False, f"the station answered the impossible list version {number}", answer)
    station.list_version = number
    if number == -1:
        return Said(False, "version -1: the station supports no local list", answer)
    if number == 0:
        # D02.FR.02, FR.03; OCPP 1.6 section 5.10.
        empty = (
            "the local list is empty"
            if station.version == "1.6"
            else "the station has no local list yet, or it is switched off"
        )
        return Said(True, f"version 0: {empty}", answer)
    return Said(True, f"the local list has version {number}", answer)


class ListPush:
    """One push to one station.

    kept: what it holds; saved before every message. wanted: the list that it should hold, given whether it honours an expiry
    (2.x). reports: of the station (2.x). progress: called before each message. cancelled: asked between messages.
    """

    def __init__(
        self,
        station: Station,
        kept: KeptList,
        wanted: Callable[[bool], Wanted],
        call: Call,
        *,
        reports: Reports | None = None,
        progress: Callable[[Progress], None] = lambda progress: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.chunks: list[ChunkReport] = []
        self.before: int | None = None
        self._station = station
        self._kept = kept
        self._wanted_of = wanted
        self._wanted: Wanted | None = None
        self._call = call
        self._reports = reports
        self._progress = progress
        self._cancelled = cancelled
        self._mode = Mode.FULL
        self._obstacle = ""
        self._count = self._total = 0  # entries accepted in this attempt, of so many
        self._halved = False

    async def run(self, mode: Mode) -> PushReport:
        """Make the station's list that of the store, each message with the next version, which is read back.

        Nothing is sent where the station supports no list or states limits that the list would break; the report says so with
        the numbers. ``reconcile`` sends the full list once where a change was refused (D01.FR.03 advises so).

        Raises:
            LinkDown, OperatorError: the station is gone or did not answer in time; ``kept`` says what is then known.
            StoreError: what is about to be sent could not be saved; it was not sent.
        """
        station, kept = self._station, self._kept
        self._mode = mode
        self._obstacle = await read_limits(station, self._call, self._reports)
        kept.honours_expiry(station.limits.honours_expiry)
        said = await self._read()
        self._wanted = self._wanted_of(station.version == "1.6" or kept.shadow.honours_expiry is True)
        self.before = station.list_version
        if not said.ok or self.before is None:
            status = NOT_SUPPORTED if self.before == -1 else NOT_SENT
            return self._report(False, status, f"nothing was sent: {said.text}")
        report = await self._attempt(mode)
        if mode is Mode.RECONCILE and report.status in _TRY_FULL and self.chunks[-1].update_type == DIFFERENTIAL:
            refused = report.status
            report = await self._attempt(Mode.FULL)
            if report.ok:
                text = f"{report.text}; the station answered {refused} to a change, so the full list was sent"
                report = self._report(True, report.status, text)
        return report

    def failed(self, error: OperatorError) -> PushReport:
        """The report of a push that an error ended."""
        return self._report(False, NO_ANSWER, f"{error.what}{self._taken_so_far()}")

    # Inside

    async def _attempt(self, mode: Mode, most: int | None = None) -> PushReport:
        """Plan and send. most: entries in a message at most, whatever the station states."""
        assert self._wanted is not None
        planned = make_plan(self._station, self._kept.shadow, self._wanted, mode, most)
        plan = planned.plan
        if not plan.kind:
            more = " more" if self.chunks else ""
            return self._report(plan.ok, NOT_SENT, f"nothing{more} was sent: {plan.why}{self._taken_so_far()}")
        self._count, self._total = 0, plan.entries
        number = self._first_version(plan.kind, plan.parts)
        chunks = [
            self._chunk(number + at, plan.kind == FULL and at == 0, made) for at, made in enumerate(planned.messages)
        ]
        for part, chunk in enumerate(chunks, 1):
            if self._cancelled():
                sent = f"after {part - 1} of {plan.parts} messages" if self.chunks else "before anything was sent"
                text = f"cancelled {sent}"
                return self._report(False, CANCELLED, text + self._taken_so_far())
            self._progress(Progress(self._mode, part, plan.parts, self._count, plan.entries))
            if part % AHEAD == 1:
                await self._announce(chunks[part - 1 : part - 1 + AHEAD])
            answer = await self._send(chunk)
            trouble = await self._judge(answer, planned)
            if trouble is not None:
                half = self._half(answer, chunk.entries)
                if half:
                    self._halved = True
                    return await self._attempt(mode if part == 1 else Mode.DIFFERENTIAL, half)
                return trouble
            self._count += len(chunk.entries)
        return self._done(planned, chunks[-1].version)

    def _first_version(self, kind: str, count: int) -> int:
        """A full list may begin again at 1 (D01.FR.15); the Differentials behind it must be able to go up."""
        at = max(self._kept.shadow.highest, self._station.list_version or 0)
        return 1 if kind == FULL and at + count > MAX_VERSION else next_version(at)

    def _chunk(self, number: int, full: bool, entries: list[Entry]) -> Chunk:
        assert self._wanted is not None
        secret = self._wanted.secret
        return Chunk(number, full, entries, tuple(secret & {key_of(each)[0] for each in entries}) if secret else ())

    async def _announce(self, chunks: list[Chunk]) -> None:
        """Save what is about to be sent."""
        self._kept.announce(chunks)
        try:
            await self._kept.save()
        except BaseException:  # given up while it was saved, too
            self._kept.refused()
            raise

    def _check_form(self) -> None:
        """Raises:
        LinkDown: the station came back in the middle, and its lists have another form now.
        """
        station = self._station
        if (station.version == "1.6") is not self._kept.shadow.old:
            raise LinkDown(f"station {station.id} came back with OCPP {station.version}", "push its list again")

    async def _send(self, chunk: Chunk) -> CallAnswer:
        """One SendLocalList. What it may have changed is in doubt until it is answered."""
        self._check_form()
        kept, number, kind = self._kept, chunk.version, FULL if chunk.full else DIFFERENTIAL
        kept.send(chunk)
        sent = payload(self._station.version, number, chunk.entries, kind)
        size = frame_bytes(sent)
        self.chunks.append(ChunkReport(len(self.chunks) + 1, kind, number, len(chunk.entries), size, NO_ANSWER, None))
        try:
            return await self._call("SendLocalList", sent)
        except BadInput:  # it was not sent
            kept.refused()
            raise
        except LinkDown as error:
            kept.doubt(f"{error.what}: its version will tell whether version {number} was taken")
            raise
        except asyncio.CancelledError:
            kept.doubt(f"the push was given up while version {number} was under way")
            raise
        except OperatorError as error:
            kept.doubt(f"{error.what}: its version will tell whether version {number} was taken")
            await self._try_to_read()
            raise

    async def _judge(self, answer: CallAnswer, planned: Planned) -> PushReport | None:
        """What became of a message; None where the station took it. An Accepted is believed only when the version moved."""
        station, kept, sent = self._station, self._kept, self.chunks[-1]
        status = answer.code if answer.payload is None else str(answer.payload.get("status"))
        if status == NOT_SUPPORTED:
            kept.refused()
            station.list_version = -1
            why = ""
        else:
            why = await self._try_to_read()
        read = station.list_version if not why else None
        self.chunks[-1] = ChunkReport(
            sent.part,
            sent.update_type,
            sent.version_sent,
            sent.entries,
            sent.bytes,
            status,
            read if read != -1 else None,
        )
        taken = kept.shadow.known and not kept.shadow.pending and not why
        if status == ACCEPTED:
            return None if taken else self._not_taken(planned, why)
        if why:
            kept.doubt(f"it answered {status}, and then its version could not be read: {why}")
        elif taken and read == sent.version_sent:
            kept.forget(f"it answered {status} to version {read}, and yet has that version now")
        else:
            kept.refused()
        first = self._count == 0
        if answer.payload is None:
            text = f"the station refused SendLocalList: {_refusal(answer)}"
        else:
            text = f"the station answered {_status_in_words(status, answer, sent.update_type if first else '')}"
        return self._report(False, status, text + self._taken_so_far())

    def _not_taken(self, planned: Planned, why: str) -> PushReport:
        """It accepted the list, but its version does not say so."""
        read, number = self.chunks[-1].version_read, self.chunks[-1].version_sent
        if why or read is None:
            self._kept.doubt(f"it accepted version {number}, but its version could not be read back")
            text = f"Accepted, but the version could not be read back: {why or 'it has none'}"
        elif read in (self.before, self._kept.shadow.version):
            text = f"Accepted, but the version did not move: it is still {read}, {number} was sent"
        else:
            text = f"Accepted, but the version read back is {read}, {number} was sent"
        return self._report(False, ACCEPTED, text + self._taken_so_far())

    def _half(self, answer: CallAnswer, entries: list[Entry]) -> int:
        """How many entries to try where a station that states no limit refused a message: half of them, once. Else 0."""
        limits = self._station.limits
        stated = limits.items_per_message is not None or limits.bytes_per_message is not None
        status = answer.code if answer.payload is None else answer.payload.get("status")
        may = len(entries) >= BIG and status not in (ACCEPTED, "VersionMismatch", *_UNSUPPORTED_CODES)
        return len(entries) // 2 if may and not stated and not self._halved else 0

    def _done(self, planned: Planned, number: int) -> PushReport:
        plan = planned.plan
        noun = "entry" if plan.kind == FULL else "change"
        inside = f" in {plan.parts} messages" if plan.parts > 1 else ""
        text = f"{_counted(self._count, noun)} accepted{inside} as version {number} (before: {self.before})"
        return self._report(True, ACCEPTED, text)

    async def _read(self) -> Said:
        self._check_form()
        said = await read_version(self._station, self._call)
        if self._station.list_version is not None:
            self._kept.told(self._station.list_version)
        return said

    async def _try_to_read(self) -> str:
        """Why the version could not be read; empty where it could."""
        try:
            said = await self._read()
        except OperatorError as error:
            return error.what
        return "" if said.answer is not None and self._station.list_version is not None else said.text

    def _taken_so_far(self) -> str:
        if self._count == 0:
            return ""
        shadow = self._kept.shadow
        state = f"its list has version {shadow.version} with {_counted(len(shadow.entries), 'entry')}"
        what = state if shadow.known else "what it holds is not known"
        return f"; it took {self._count} of {_counted(self._total, 'entry')} before: {what}; reconcile to send the rest"

    def _report(self, ok: bool, status: str, text: str) -> PushReport:
        wanted = self._wanted
        left_out = () if wanted is None else tuple((each.uid, each.why) for each in wanted.left_out)
        if not ok and self._obstacle:
            text += f"; {self._obstacle}"
        if left_out:
            text += f"; {_counted(len(left_out), 'token')} left out"
        keeps_expiry = self._station.version == "1.6" or self._kept.shadow.honours_expiry is True
        if ok and wanted is not None and wanted.expiring and not keeps_expiry:
            text += f"; this station ignores expiry in its list: push again when {_counted(wanted.expiring, 'token')} expired"
        sent = self.chunks[-1].version_sent if self.chunks else None
        read = self.chunks[-1].version_read if self.chunks else self.before if ok else None
        return PushReport(ok, status, text, self._count, left_out, self.before, sent, read, tuple(self.chunks))


_STAYS: Mapping[tuple[str, str], str] = {
    ("Failed", FULL): "its list stays as it was; look at its limits and whether its list is switched on",
    ("Failed", DIFFERENTIAL): "its list stays as it was; push the full list",
    # A Full list may have any version above 0 (D01.FR.15); only a Differential must go up (D01.FR.19).
    ("VersionMismatch", FULL): "its list stays as it was; it must not refuse a full list for its version",
    ("VersionMismatch", DIFFERENTIAL): "its list stays as it was; push the full list",
}
"""What a refusal means and the next step, by status and updateType (OCPP 2.0.1 D01.FR.03; 1.6 section 5.15)."""


def _status_in_words(status: str, answer: CallAnswer, update: str) -> str:
    meaning = "it supports no local list" if status == NOT_SUPPORTED else _STAYS.get((status, update), "")
    info = answer.payload.get("statusInfo") if answer.payload is not None else None
    if isinstance(info, dict):
        status += f" ({' '.join(str(info[key]) for key in ('reasonCode', 'additionalInfo') if key in info)})"
    return f"{status}: {meaning}" if meaning else status


def _refusal(answer: CallAnswer) -> str:
    return f"{answer.code} ({answer.description})" if answer.description else answer.code


def _counted(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count} {noun if count == 1 else plural}"
