"""Readers of the Gwiot 7941E class, and the desktop readers alike: ``02 LEN TYPE SN... BCC 03``, sent by themselves.

The frame says what the card is. Layout and types: :mod:`bench.codecs.stx_bytes`.

What of noise can be taken for a card: bytes with a possible LEN behind an STX, an ETX in the place that LEN says, and a BCC that
fits; random bytes do so about once in 800 MB. Where noise and the beginning of a frame together look so, the noise wins, for
nothing says otherwise. All other noise leaves every frame whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.card import Hint, Technology
from bench.clock import Stamp
from bench.codecs import stx_bytes
from bench.codecs.spans import bytes_text
from bench.codecs.stx_bytes import ETX, KEYBOARD, MAX_SN, OVERHEAD, SECTOR, bcc
from bench.message import Decoded, Direction, Fault, malformed
from bench.serial_port import Option
from devices.rfid.cutting import Found, Layout, Piece
from devices.rfid.driver import CardSeen, DriverInfo, Event, Flaw, Frame, Notice
from devices.rfid.frame_reader import FrameListener, noise_frame
from devices.rfid.presence import PUSH

_TECHNOLOGIES = {
    0x01: Technology.ISO14443,
    0x02: Technology.EM4100,
    0x03: Technology.ISO14443,
    0x10: Technology.HID,
    0x20: Technology.ISO14443,
    0x21: Technology.ISO14443,
    0x22: Technology.FELICA,
    0x30: Technology.ISO15693,
    0x50: Technology.ISO14443,
}
_ISO15693 = 0x30
_MAX_UID = 16
_USUAL_UIDS = (4, 5, 7, 8, 10)
# STX and a LEN with room for at least one byte of SN; or an STX whose LEN is still to come.
_KEYS = re.compile(rb"\x02.\x%02x" % KEYBOARD, re.DOTALL)  # with a LEN that was spoiled on the way, too
_BEGINS = re.compile(rb"\x02(?:[\x%02x-\x%02x]|\Z)" % (OVERHEAD + 1, OVERHEAD + MAX_SN))


def _measure(data: bytearray, start: int, last: bool) -> Found:
    end = start + data[start + 1] if len(data) > start + 1 else len(data) + 1
    if end > len(data) and not last:
        return Found((end,))
    if end > len(data) or data[end - 1] != ETX:
        # Only with a type that readers know: in noise an STX is no news.
        if len(data) > start + 2 and data[start + 2] in stx_bytes.TYPES:
            return Found((start + 1,), Flaw.CUT, "frame cut short: no ETX where its LEN says", start + 1)
        return Found((start + 1,), Flaw.NOISE, resume=start + 1)
    if bcc(data[start + 1 : end - 1]):
        return Found((end,), Flaw.CHECKSUM, resume=start + 1)
    return Found((end,))


# A wrong frame, and one that begins inside it, may wait; the longest takes 33 ms at 9600 baud.
_FRAMES = Layout(_BEGINS, 2 * (OVERHEAD + MAX_SN), _measure)


@dataclass(frozen=True, slots=True)
class CardFrame:
    """type: the byte. kind: that in words. number: SN in upper-case hex as it was sent; of keyboard data only how much it is."""

    type: int
    kind: str
    number: str


class StxLenType(FrameListener):
    """reverse_15693: the reader sends the bytes of an ISO 15693 UID in the order of the air, E0 last."""

    def __init__(self, *, reverse_15693: bool = False) -> None:
        super().__init__(_FRAMES, "listening for frames with STX, LEN and TYPE")
        self._reverse_15693 = reverse_15693
        self._notices: set[str] = set()
        self._refused = b""

    def take(self, piece: Piece, stamp: Stamp) -> list[Event]:
        raw = piece.raw
        kind, number = raw[2], raw[3:-2]
        name = stx_bytes.type_name(kind)
        if kind == KEYBOARD:
            raw = _without_keys(raw)
            body = CardFrame(kind, name, f"{bytes_text(len(number))}, not kept")
            return [Frame(Direction.IN, raw, Decoded("frame", "keyboard", None, body, summary=body.number), stamp)]
        body = CardFrame(kind, name, number.hex().upper())
        if kind == SECTOR:
            summary = f"sector information, {len(number)} bytes: no UID"
            return [Frame(Direction.IN, raw, Decoded("frame", "sector", None, body, summary=summary), stamp)]
        if not 3 <= len(number) <= _MAX_UID or (kind not in stx_bytes.TYPES and len(number) not in _USUAL_UIDS):
            return self._odd(raw, body, stamp)
        self._refused = b""
        uid = number[::-1] if kind == _ISO15693 and self._reverse_15693 else number
        technology = _TECHNOLOGIES.get(kind, Technology.UNKNOWN)
        faults: tuple[Fault, ...] = ()
        notices: list[Event] = []
        if kind not in stx_bytes.TYPES:
            faults = (Fault("reader.type", f"type byte {kind:02X} is none that is known", "byte 2"),)
            text = f"the reader sent a card with {name}; it is taken as a card of no known technology"
            notices = self._once("reader.type", text, "check the reader's manual; the Inspector shows the frame")
        elif kind == _ISO15693 and uid[-1] == 0xE0 and uid[0] != 0xE0:
            faults = (Fault("reader.reversed-15693", Hint.REVERSED_15693.value, "byte 3"),)
            cure = "set the driver's option iso15693=reversed; a UID begins with E0"
            notices = self._once("reader.reversed-15693", f"{uid.hex().upper()} {Hint.REVERSED_15693.value}", cure)
        summary = f"{name} UID {uid.hex().upper()}"
        decoded = Decoded("frame", "card", None, body, faults, summary)
        return [Frame(Direction.IN, raw, decoded, stamp), CardSeen(uid, technology, raw, stamp), *notices]

    def take_noise(self, piece: Piece, stamp: Stamp) -> list[Event]:
        if piece.flaw is not Flaw.CHECKSUM:
            return [noise_frame(piece._replace(raw=_without_keys(piece.raw)), stamp)]
        raw = piece.raw
        text = f"BCC is {raw[-2]:02X}, the exclusive or of LEN to SN is {bcc(raw[1:-2]):02X}"
        if raw[2] == KEYBOARD:
            raw, text = _without_keys(raw), "the BCC of keyboard data does not fit"
        decoded = malformed(text)._replace(faults=(Fault("reader.checksum", text),))
        events: list[Event] = [Frame(Direction.IN, raw, decoded, stamp, piece.flaw)]
        # A resting card is sent again and again: said once is enough.
        if raw != self._refused:
            self._refused = raw
            cure = "if it stays so, check cable, supply and baud rate (9600 or 115200)"
            events.append(Notice("reader.checksum", "warn", f"a frame was refused: {text}", cure))
        return events

    def _odd(self, raw: bytes, body: CardFrame, stamp: Stamp) -> list[Event]:
        text = f"{len(raw) - OVERHEAD} bytes of {body.kind} are no UID"
        fault = Fault("reader.uid-length", text, "byte 3")
        frame = Frame(Direction.IN, raw, Decoded("frame", "refused", None, body, (fault,), text), stamp)
        return [frame, *self._once(fault.rule, text, "check the reader's output settings")]

    def _once(self, rule: str, text: str, cure: str) -> list[Event]:
        if rule in self._notices:
            return []
        self._notices.add(rule)
        return [Notice(rule, "warn", text, cure)]


def _without_keys(raw: bytes) -> bytes:
    """raw: a frame, or noise in which one may begin. What is typed on a keypad is mostly a PIN: it does not even reach the journal.

    The BCC goes with it, for together with a single key it gives that key away.
    """
    found = _KEYS.search(raw)
    if found is None:
        return raw
    begin = found.end()
    end = len(raw) - 1 if raw[-1] == ETX and len(raw) > begin else len(raw)
    return raw[:begin] + b"*" * (end - begin) + raw[end:]


def _make(options: Mapping[str, str]) -> StxLenType:
    return StxLenType(reverse_15693=options["iso15693"] == "reversed")


DRIVER = DriverInfo(
    "stx_len_type",
    "Gwiot 7941E and desktop readers alike (02 LEN TYPE): ISO 14443, ISO 15693, EM4100, HID, FeliCa",
    9600,
    PUSH,
    _make,
    stx_bytes.explain,
    ("7941e", "stx-len-type"),
    bauds=(9600, 115200),
    options=(
        Option(
            "iso15693",
            "order of the bytes of an ISO 15693 UID: as sent, or reversed where the reader sends E0 last",
            "as-sent",
            ("as-sent", "reversed"),
        ),
    ),
)
