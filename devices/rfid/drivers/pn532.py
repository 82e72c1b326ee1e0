"""NXP PN532 on a serial line (HSU): wake it, set it up, and ask again and again for ISO 14443-A cards.

Sources: NXP UM0701-02; the behaviour of chips in the field from the issues of libnfc, nfcpy and Adafruit-PN532.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.codecs import pn532_bytes
from bench.errors import BadInput
from bench.message import Decoded, Direction
from devices.rfid import pn532_frames as pn532
from devices.rfid.driver import CardSeen, DriverInfo, Event, Frame, PollEnded, Probe, Ready, Trouble
from devices.rfid.presence import POLLED

# A Raspberry Pi with a USB adapter was seen to need more than 100 ms for an ACK (nfcpy).
ACK_LIMIT_NS = 500 * NS_PER_MS
ANSWER_LIMIT_NS = 1000 * NS_PER_MS
# Each question is three rows of the journal; a tap is stamped by its own frame, so a slower pace costs no accuracy.
POLL_PAUSE_NS = 150 * NS_PER_MS
# After a hit the field is off this long (a card needs 5 ms), then on this long before the next question.
FIELD_OFF_NS = 190 * NS_PER_MS
FIELD_ON_NS = 10 * NS_PER_MS
SETTLE_NS = 20 * NS_PER_MS
RESTART_PAUSE_NS = 500 * NS_PER_MS
IDLE_GAP_NS = 200 * NS_PER_MS
TRIES = 2
MAX_NACKS = 2

WAKE_UP = bytes([0x55, 0x55]) + bytes(14)


@dataclass(frozen=True, slots=True)
class _Step:
    """A command to send, and how long to wait before it."""

    code: int
    raw: bytes
    pause_ns: int = 0


def _step(code: int, data: str = "", pause_ns: int = 0, before: bytes = b"") -> _Step:
    return _Step(code, before + pn532.build(code, bytes.fromhex(data)), pause_ns)


_SET_UP = (
    _step(pn532.SAM_CONFIGURATION, "01", before=WAKE_UP),
    _step(pn532.GET_FIRMWARE_VERSION),
    # Without a bound InListPassiveTarget stays silent until a card comes.
    _step(pn532.RF_CONFIGURATION, "05 FF 01 02"),
)
_LIST = _step(pn532.IN_LIST_PASSIVE_TARGET, "02 00", POLL_PAUSE_NS)
# A card that was selected stays halted, and would be found and missed in turn, until the field was off.
_LIST_AFTER_HIT = (
    _step(pn532.RF_CONFIGURATION, "01 00"),
    _step(pn532.RF_CONFIGURATION, "01 01", FIELD_OFF_NS),
    _step(pn532.IN_LIST_PASSIVE_TARGET, "02 00", FIELD_ON_NS),
)

_DEAF = (
    "no PN532 answers on this port",
    "check that the board's switches select HSU (UART), that TX and RX are crossed, its power, and that this is its port",
)
_LOST = ("the PN532 stopped answering", "check its power and cable; the bench goes on waking it")


class Pn532:
    """The conversation with one chip."""

    def __init__(self) -> None:
        self._scanner = pn532.FrameScanner()
        self._last: Stamp | None = None  # of the newest bytes
        self._ready = False
        self._ever_ready = False
        self._firmware = ""
        self._urgent: list[bytes] = []
        self._step: _Step | None = None  # the command whose answer is awaited
        self._due_ns = 0  # when the next one may go out
        self._limit_ns = 0  # until when the chip may take to answer
        self._restart(0)

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        self._last = stamp
        rejected = self._scanner.rejected
        events: list[Event] = []
        for piece in self._scanner.feed(data):
            events += self._take(piece, stamp)
        if self._scanner.rejected > rejected and self._step is not None and self._acked and self._nacks < MAX_NACKS:
            self._nacks += 1
            self._urgent.append(pn532.NACK)
        return events

    def tick(self, now: Stamp) -> list[Event]:
        events: list[Event] = []
        gap = self._gap_ends_ns
        if gap is not None and now.mono_ns >= gap:
            events += self.end()
        if self._step is not None and now.mono_ns >= self._limit_ns:
            events += self._overdue(self._step, now)
        return events

    def poll(self, now_ns: int) -> list[bytes]:
        out, self._urgent = self._urgent, []
        if self._step is None and now_ns >= self._due_ns:
            step = self._queue.popleft()
            self._step = step
            self._acked = False
            self._nacks = 0
            self._limit_ns = now_ns + ACK_LIMIT_NS
            out.append(step.raw)
        return out

    def describe(self, sent: bytes) -> Decoded:
        return pn532.decode_frame(sent)

    def order(self, name: str) -> None:
        raise BadInput(f"a PN532 cannot {name}", "it has neither a light nor a buzzer of its own")

    def end(self) -> list[Event]:
        events: list[Event] = []
        if self._last is not None:
            for piece in self._scanner.give_up():
                events += self._take(piece, self._last)
        return events

    @property
    def deadline_ns(self) -> int | None:
        if self._urgent:
            return 0
        due = self._due_ns if self._step is None else self._limit_ns
        gap = self._gap_ends_ns
        return due if gap is None else min(due, gap)

    @property
    def _gap_ends_ns(self) -> int | None:
        if self._last is None or not self._scanner.pending:
            return None
        return self._last.mono_ns + IDLE_GAP_NS

    def _take(self, piece: pn532.Piece, stamp: Stamp) -> list[Event]:
        decoded = pn532.decode(piece)
        events: list[Event] = [Frame(Direction.IN, piece.raw, decoded, stamp, piece.flaw)]
        body = decoded.body
        if isinstance(body, pn532.Ack) and self._step is not None:
            self._acked = True
            self._limit_ns = stamp.mono_ns + ANSWER_LIMIT_NS
        elif isinstance(body, pn532.ErrorFrame) and self._step is not None:
            events += self._failed(self._step, stamp)
        elif piece.payload[:1] == bytes([pn532.CHIP]):
            # A card in a late or unasked answer was in the field all the same.
            if isinstance(body, pn532.Targets):
                events += [
                    CardSeen(card.uid, Technology.ISO14443, piece.raw, stamp, card.sak, card.atqa, card.ats)
                    for card in body.targets
                ]
            # The chip may answer before its ACK arrives (go-pn532), so an ACK is not waited for.
            if self._step is not None and piece.payload[1:2] == bytes([self._step.code + 1]):
                events += self._answered(body, stamp)
        return events

    def _answered(self, body: object, stamp: Stamp) -> list[Event]:
        self._step = None
        self._failures = 0
        if isinstance(body, pn532.Firmware):
            self._firmware = f"PN5{body.ic:02X} firmware {body.version}.{body.revision}"
        if isinstance(body, pn532.Targets):
            self._mute = 0
            self._queue.extend(_LIST_AFTER_HIT if body.targets else (_LIST,))
            self._next_due(stamp.mono_ns)
            return [PollEnded(tuple(card.uid for card in body.targets), stamp)]
        if not self._queue:
            self._queue.append(_LIST)
        self._next_due(stamp.mono_ns)
        if self._ready or self._queue[0].code != pn532.IN_LIST_PASSIVE_TARGET:
            return []
        self._ready = self._ever_ready = True
        return [Ready(self._firmware or "PN532")]

    def _overdue(self, step: _Step, now: Stamp) -> list[Event]:
        """No ACK, or no answer after it."""
        if not self._acked:
            return self._failed(step, now)
        # The chip still works on the command: an ACK from the host ends it (UM0701-02, 6.2.1.3).
        self._urgent.append(pn532.ACK)
        if step.code != pn532.IN_LIST_PASSIVE_TARGET or self._mute:
            return self._failed(step, now)
        # Some firmware keeps silent instead of saying "no target"; twice in a row it has forgotten its settings.
        self._mute += 1
        self._step = None
        self._queue.append(_LIST)
        self._next_due(now.mono_ns)
        return [PollEnded((), now)]

    def _failed(self, step: _Step, now: Stamp) -> list[Event]:
        """Once more; after the last try start over from the wake-up."""
        self._failures += 1
        if self._failures < TRIES:
            self._step = None
            self._queue.appendleft(step)
            self._due_ns = now.mono_ns + SETTLE_NS
            return []
        what, cure = _LOST if self._ever_ready else _DEAF
        self._restart(now.mono_ns + RESTART_PAUSE_NS)
        return [Trouble(what, cure)]

    def _restart(self, due_ns: int) -> None:
        self._queue: deque[_Step] = deque(_SET_UP)
        self._step = None
        self._acked = False
        self._nacks = 0
        self._failures = 0
        self._mute = 0
        self._ready = False
        self._due_ns = due_ns

    def _next_due(self, now_ns: int) -> None:
        self._due_ns = now_ns + self._queue[0].pause_ns


def _answer_to_probe(data: bytes) -> str:
    """What the chip says of itself in its answer to GetFirmwareVersion."""
    scanner = pn532.FrameScanner()
    for piece in scanner.feed(data) + scanner.give_up():
        body = pn532.decode(piece).body
        if isinstance(body, pn532.Firmware):
            return f"PN5{body.ic:02X} firmware {body.version}.{body.revision}"
    return ""


DRIVER = DriverInfo(
    "pn532",
    "NXP PN532 boards on a serial line (HSU): ISO 14443-A",
    115200,
    POLLED,
    lambda options: Pn532(),
    pn532_bytes.explain,
    ("pn532_hsu",),
    bauds=(115200,),
    probe=Probe(WAKE_UP + pn532.build(pn532.GET_FIRMWARE_VERSION), _answer_to_probe),
)
