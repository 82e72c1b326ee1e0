"""From one line to the events of a driver; shared by the drivers of readers that send text."""

from __future__ import annotations

from dataclasses import dataclass

from bench.clock import Stamp
from bench.message import Decoded, Direction, Fault, malformed
from devices.rfid.driver import CardSeen, Event, Flaw, Frame, NothingSeen, Notice
from devices.rfid.uid_text import Gone, Reading, Refused, Uid

SHOWN = 80


@dataclass(frozen=True, slots=True)
class Line:
    """One line. uid: upper-case hex, or empty where it holds no card."""

    text: str
    uid: str = ""
    technology: str = ""


class LineTeller:
    """Tells what lines mean; a refusal that repeats itself while a card rests is told once."""

    def __init__(self) -> None:
        self._refused = ""

    def tell(self, raw: bytes, text: str, reading: Reading, stamp: Stamp) -> list[Event]:
        """raw: the line as it was on the wire. text: what it says. reading: what that means."""
        if isinstance(reading, Uid):
            self._refused = ""
            faults = (Fault("reader.decimal", reading.doubt),) if reading.doubt else ()
            shown = reading.uid.hex().upper()
            body = Line(text, shown, reading.technology.value)
            decoded = Decoded("line", "card", None, body, faults, f"{reading.technology.value} UID {shown}")
            frame = Frame(Direction.IN, raw, decoded, stamp)
            return [frame, CardSeen(reading.uid, reading.technology, raw, stamp)]
        if isinstance(reading, Refused):
            fault = Fault(reading.rule, reading.text)
            decoded = Decoded("line", "refused", None, Line(text), (fault,), reading.text)
            return [Frame(Direction.IN, raw, decoded, stamp), *self._refuse(text, reading)]
        if isinstance(reading, Gone):
            decoded = Decoded("line", "removed", None, Line(text), summary="card removed")
            return [Frame(Direction.IN, raw, decoded, stamp), NothingSeen(stamp)]
        return [Frame(Direction.IN, raw, Decoded("line", "", None, Line(text), summary=text[:SHOWN]), stamp)]

    def conclude(self, raw: bytes, reading: Reading, stamp: Stamp) -> list[Event]:
        """What several lines mean together, each of which was told already."""
        if isinstance(reading, Uid):
            self._refused = ""
            return [CardSeen(reading.uid, reading.technology, raw, stamp)]
        return self._refuse(reading.text, reading) if isinstance(reading, Refused) else []

    def _refuse(self, text: str, reading: Refused) -> list[Event]:
        if text == self._refused:
            return []
        self._refused = text
        return [Notice(reading.rule, "warn", reading.text, reading.cure)]


def noise(raw: bytes, why: str, stamp: Stamp, flaw: Flaw = Flaw.NOISE) -> Frame:
    """Bytes that are no line, or half of one."""
    return Frame(Direction.IN, raw, malformed(why), stamp, flaw)


def is_plain(content: bytes) -> bool:
    """Whether these bytes are printable ASCII and tabs."""
    return not any(byte < 0x20 and byte != 0x09 or byte > 0x7E for byte in content)
