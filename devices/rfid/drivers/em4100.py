"""125 kHz readers that send EM4100 cards as hex digits: RDM6300, ID-2LA/12LA/20LA, EM-18, Seeed and Grove, look-alikes.

The five ways of framing (:mod:`bench.codecs.em4100_bytes`) are told apart telegram by telegram. The readers send again and
again while a card is near; nothing is ever sent to them.

What of noise can be taken for a card: digits between STX and ETX that fit their checksum, or exactly twelve digits alone
between other bytes or pauses that do. Noise never swallows a framed telegram, whatever it ends with. A telegram without STX and
ETX is lost where noise touches it with a further hex digit: then nothing says where it begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.codecs import em4100_bytes
from bench.codecs.em4100_bytes import Check, check_of
from bench.message import Decoded, Direction, Fault, malformed
from bench.serial_port import Option
from devices.rfid.cutting import IDLE_GAP_NS, Found, Layout, Piece
from devices.rfid.driver import CardSeen, DriverInfo, Event, Flaw, Frame, Notice
from devices.rfid.frame_reader import FrameListener, noise_frame
from devices.rfid.presence import PUSH

# At 9600 baud a byte takes about a millisecond: this is a pause, not an adapter that gathers bytes.
BARE_PAUSE_NS = 50 * NS_PER_MS

_DIGITS, _STX, _CR = 12, 0x02, 0x0D
MAX_JOINED = 20
"""Telegrams without STX and ETX that may follow each other without a pause; readers send a few in a second."""

_HEX = rb"[0-9A-Fa-f]"
# STX with two digits, or twelve digits; at the end of the data whatever may become one of them.
_BEGINS = re.compile(rb"\x02%b{2}|%b{12}|\x02%b?\Z|%b{1,11}\Z" % (_HEX, _HEX, _HEX, _HEX))
_RUN = re.compile(rb"%b+" % _HEX)
_UNFINISHED = re.compile(rb"\x02(?:%b{0,9}|%b{10}(?:\r\n?)?|%b{11}|%b{12}(?:\r\n?)?)\Z" % (_HEX, _HEX, _HEX, _HEX))


def _measure(data: bytearray, start: int, last: bool) -> Found:
    if data[start] != _STX:
        return _bare(data, start, last)
    framed = em4100_bytes.FRAMED.match(data, start)
    if framed is not None:
        end = framed.end()
        if _check(framed) is Check.WRONG:
            return Found((end,), Flaw.CHECKSUM, resume=end)
        return Found((end,))
    if not last and _UNFINISHED.match(data, start):
        return Found((len(data) + 1,))
    # The digits may stand for themselves all the same: the STX is noise then, or the ETX is lost.
    return Found((start + 1,), Flaw.CUT, "telegram cut short or without its ETX", start + 1)


def _bare(data: bytearray, start: int, last: bool) -> Found:
    run = _RUN.match(data, start)
    end = start if run is None else run.end()
    if not last and (end == len(data) or (end + 1 == len(data) and data[end] == _CR)):
        return Found((len(data) + 1,))
    ends = range(start + _DIGITS, end + 1, _DIGITS)
    if not 0 < len(ends) <= MAX_JOINED or ends[-1] != end:
        return Found((end,), Flaw.NOISE, resume=end)
    checks = [_check(em4100_bytes.BARE.match(data, end - _DIGITS)) for end in ends]
    if Check.WRONG in checks:
        # Twelve digits and nothing else are a telegram; of more nobody knows what they are.
        return Found((end,), Flaw.CHECKSUM if len(ends) == 1 else Flaw.NOISE, resume=end)
    terminated = em4100_bytes.BARE.match(data, end - _DIGITS)
    return Found((*ends[:-1], end if terminated is None else terminated.end()))


def _patience_ns(unfinished: bytearray) -> int:
    # A telegram whose end is still to come may be held up longer.
    return IDLE_GAP_NS if unfinished.startswith(b"\x02") else BARE_PAUSE_NS


# Framed ones by STX, bare ones by their twelve digits.
_TELEGRAMS = Layout(_BEGINS, MAX_JOINED * _DIGITS + 2, _measure, _patience_ns)


def _check(telegram: re.Match[bytes] | None) -> Check:
    if telegram is None:
        return Check.WRONG
    check = None if telegram[2] is None else int(telegram[2], 16)
    return check_of(bytes.fromhex(telegram[1].decode("ascii")), check)


@dataclass(frozen=True, slots=True)
class Telegram:
    """card: the five bytes in upper-case hex. printed: what stands on the card. check: what was found of its checksum."""

    card: str
    printed: str
    check: Check


class Em4100(FrameListener):
    """number_only: leave out the first byte, as ESPHome does. strict: only telegrams with an exclusive or are cards."""

    def __init__(self, *, number_only: bool = False, strict: bool = False) -> None:
        super().__init__(_TELEGRAMS, "listening for 125 kHz cards")
        self._number_only = number_only
        self._strict = strict
        self._has_checksum = False  # seen once, it cannot be missing: two digits are lost then
        self._sum_told = False
        self._cooked_told = False
        self._refused = b""

    def take(self, piece: Piece, stamp: Stamp) -> list[Event]:
        raw = piece.raw
        found = em4100_bytes.FRAMED.match(raw) or em4100_bytes.BARE.match(raw)
        if found is None:
            return [noise_frame(Piece(raw, False, Flaw.NOISE), stamp)]
        data = bytes.fromhex(found[1].decode("ascii"))
        check = _check(found)
        telegram = Telegram(data.hex().upper(), em4100_bytes.printed(data), check)
        if check is Check.NONE and (self._has_checksum or self._strict):
            text = f"{telegram.card} came without the checksum that this reader sends: digits may be missing"
            if not self._has_checksum:
                text = f"{telegram.card} came without a checksum"
            return self._refuse(raw, stamp, Flaw.CUT, "reader.no-checksum", text)
        if check is Check.SUM and self._strict:
            return self._wrong(raw, stamp)
        self._has_checksum |= check is not Check.NONE
        self._refused = b""
        uid = data[1:] if self._number_only else data
        summary = f"EM4100 {telegram.card}, printed {telegram.printed}"
        events: list[Event] = [
            Frame(Direction.IN, raw, Decoded("frame", "card", None, telegram, summary=summary), stamp),
            CardSeen(uid, Technology.EM4100, raw, stamp),
        ]
        if check is Check.SUM and not self._sum_told:
            self._sum_told = True
            events.append(
                Notice(
                    "reader.checksum-sum",
                    "info",
                    "this reader sends the sum of the five bytes as its checksum, not their exclusive or",
                    "nothing to do; with the option checksum=xor such telegrams are refused",
                )
            )
        return events

    def take_noise(self, piece: Piece, stamp: Stamp) -> list[Event]:
        if piece.flaw is Flaw.CHECKSUM:
            return self._wrong(piece.raw, stamp)
        events: list[Event] = [noise_frame(piece, stamp)]
        if b"^C" in piece.raw and not self._cooked_told:
            self._cooked_told = True
            text = "^C came where a telegram was due: a terminal on the way takes its ETX (03) for Ctrl-C and drops the card"
            cure = "set the port that the reader hangs on to raw (stty -F PORT raw -echo), and let no login run on it"
            events.append(Notice("reader.cooked-terminal", "warn", text, cure))
        return events

    def _wrong(self, raw: bytes, stamp: Stamp) -> list[Event]:
        digits = raw.strip(b"\x02\x03\r\n").decode("ascii").upper()
        wants = em4100_bytes.check_text(bytes.fromhex(digits[:10]), int(digits[10:12], 16))
        return self._refuse(raw, stamp, Flaw.CHECKSUM, "reader.checksum", f"checksum of {digits[:10]} {wants}")

    def _refuse(self, raw: bytes, stamp: Stamp, flaw: Flaw, rule: str, text: str) -> list[Event]:
        """A telegram that is no card, told; the notice once while the same is sent again and again."""
        decoded = malformed(text)._replace(faults=(Fault(rule, text),))
        events: list[Event] = [Frame(Direction.IN, raw, decoded, stamp, flaw)]
        if raw != self._refused:
            self._refused = raw
            cure = "hold the card still and closer; if it stays so, check cable, supply and baud rate"
            events.append(Notice(rule, "warn", text, cure))
        return events


def _make(options: Mapping[str, str]) -> Em4100:
    return Em4100(number_only=options["uid"] == "number", strict=options["checksum"] == "xor")


DRIVER = DriverInfo(
    "em4100",
    "125 kHz readers (RDM6300, ID-12LA, EM-18, Grove and look-alikes): EM4100",
    9600,
    PUSH,
    _make,
    em4100_bytes.explain,
    ("rdm6300", "id12la", "em18", "em4100_ascii"),
    bauds=(9600,),
    options=(
        Option(
            "uid", "all five bytes of a card, or the printed number only (last four bytes)", "full", ("full", "number")
        ),
        Option("checksum", "auto: exclusive or, sum, or none; xor: refuse all others", "auto", ("auto", "xor")),
    ),
)
