"""Elatec TWN4: asked for tags where it runs a Simple Protocol firmware (PRS), listened to where it sends by itself.

Source: TWN4 Simple Protocol, DocRev17. A factory firmware sends a line of hex for a card, and a version at power-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.message import Decoded, Fault, malformed
from bench.serial_port import Option
from devices.rfid import twn4_protocol as twn4
from devices.rfid.cutting import Cutter
from devices.rfid.driver import CardSeen, DriverInfo, Event, Flaw, Frame, NothingSeen, PollEnded, Probe
from devices.rfid.polled import ANSWER_LIMIT_NS, POLL_PAUSE_NS, Ask, Polled
from devices.rfid.presence import POLLED, PUSH
from devices.rfid.twn4_spans import explain
from devices.rfid.uid_text import Gone, Reading, Refused, Uid, read_line

# Two tries in two ways, without and with CRC, fit into less than 2 s.
VERSION_LIMIT_NS = 350 * NS_PER_MS
BEEP_LIMIT_NS = 2_000 * NS_PER_MS
FIELD_OFF_NS = 2_000 * NS_PER_MS
# A reader that was taken to send by itself may have been busy only: it is asked for its version again and again.
LISTEN_NS = 5_000 * NS_PER_MS
ALL_TAG_TYPES = b"\xff" * 8
MAX_ID = b"\x10"
MAX_LIST = MAX_TEXT = b"\xff"
# Volume 100, 2400 Hz, 500 ms on, 500 ms off.
ONE_BEEP = bytes.fromhex("646009F401F401")


class _Order(NamedTuple):
    code: int
    data: bytes = b""
    limit_ns: int = ANSWER_LIMIT_NS
    rest_ns: int = 0


_ORDERS = {
    "beep": _Order(twn4.BEEP, ONE_BEEP, BEEP_LIMIT_NS),
    "light on": _Order(twn4.LED_ON),
    "light off": _Order(twn4.LED_OFF),
    # The next search turns the field on again.
    "field off": _Order(twn4.RF_OFF, rest_ns=FIELD_OFF_NS),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a firmware that sends by itself. uid: upper-case hex, or empty where it holds no card."""

    text: str
    reading: Reading
    uid: str = ""


class Twn4(Polled):
    """firmware: ``simple``, ``push`` or ``auto``: simple once it answers, until then both. crc: ``on``, ``off`` or ``auto``.

    turned: hand the UID of an ISO 15693 card over with its bytes in reverse.
    """

    def __init__(self, firmware: str, crc: str, *, turned: bool) -> None:
        self._firmware = firmware
        self._crc_option = crc
        self._crc = crc == "on"
        self._turned = turned
        self._version = ""
        self._simple = firmware == "simple"  # known to answer
        self._listens = firmware == "push"  # taken to send by itself
        self._multi = True  # ISO14443A_SearchMultiTag was not refused
        self._found: tuple[bytes, ...] = ()
        self._empty_ns: int | None = None  # when the field of a reader that sends by itself counts as empty
        super().__init__(
            "TWN4", "check that it is a TWN4 with a Simple Protocol firmware (PRS), its cable, and option crc"
        )

    # Questions

    def _make_cutter(self) -> Cutter:
        return twn4.LineCutter(self._find)

    def _begin(self) -> Iterable[Ask]:
        if self._firmware == "push":
            return ()
        pause_ns = LISTEN_NS if self._listens else 0
        return (self._ask(twn4.GET_VERSION, MAX_TEXT, pause_ns=pause_ns, limit_ns=VERSION_LIMIT_NS),)

    def _another_way(self) -> bool:
        if self._version:
            return False
        if self._crc_option == "auto":
            self._crc = not self._crc
            if self._crc:
                return True
        self._listens = not self._simple
        return self._listens

    def _ask(self, code: int, data: bytes = b"", *, pause_ns: int = 0, limit_ns: int = ANSWER_LIMIT_NS) -> Ask:
        return Ask(code, twn4.build(code, data, crc=self._crc), pause_ns, limit_ns)

    def _fits(self, ask: Ask, body: object) -> bool:
        return isinstance(body, twn4.Reply) and body.code == ask.code

    def _answered(self, ask: Ask, frame: Frame) -> list[Event]:
        reply = frame.decoded.body
        if not isinstance(reply, twn4.Reply):
            return []
        match ask.code:
            case twn4.GET_VERSION if reply.refused and ask.raw != twn4.build(twn4.GET_VERSION, MAX_TEXT, crc=self._crc):
                self._then(self._ask(twn4.GET_VERSION, MAX_TEXT, limit_ns=VERSION_LIMIT_NS))
                return []
            case twn4.GET_VERSION:
                self._version = reply.text if isinstance(reply, twn4.Version) else "TWN4"
                if self._listens:
                    self._ready = False  # it was only listened to
                self._simple, self._listens, self._empty_ns = True, False, None
                self._then(self._ask(twn4.SET_TAG_TYPES, ALL_TAG_TYPES))
                return []
            case twn4.SET_TAG_TYPES:
                self._search()
                return [*self._refusal(reply, frame), *self._now_ready(self._version)]
            case twn4.SEARCH_TAG:
                return self._searched(reply, frame)
            case _:
                return self._searched_more(reply, frame)

    def _search(self) -> None:
        self._then(self._ask(twn4.SEARCH_TAG, MAX_ID, pause_ns=POLL_PAUSE_NS))

    def _searched(self, reply: twn4.Reply, frame: Frame) -> list[Event]:
        tags = reply.tags if isinstance(reply, twn4.Tags) else ()
        events = [*self._refusal(reply, frame)]
        for tag in tags:
            events += self._card(tag.uid, tag.technology, frame)
        self._found = tuple(self._in_order(tag.uid, tag.technology) for tag in tags)
        # SearchTag tells of one tag, however many there are.
        if self._multi and any(tag.kind == twn4.ISO14443A for tag in tags):
            self._then(self._ask(twn4.SEARCH_MULTI_TAG, MAX_LIST))
            return events
        self._search()
        return events if reply.refused else [*events, PollEnded(self._found, frame.stamp)]

    def _searched_more(self, reply: twn4.Reply, frame: Frame) -> list[Event]:
        events: list[Event] = []
        self._multi = not reply.refused
        for tag in reply.tags if isinstance(reply, twn4.Tags) else ():
            if tag.uid not in self._found:
                self._found += (tag.uid,)
                events += self._card(tag.uid, tag.technology, frame)
        self._search()
        return [*events, PollEnded(self._found, frame.stamp)]

    def _refusal(self, reply: twn4.Reply, frame: Frame) -> list[Event]:
        if not reply.refused:
            return []
        return self._notice("twn4.refused", "warn", frame.decoded.summary, "look for a newer firmware of the reader")

    def _card(self, uid: bytes, technology: Technology, frame: Frame) -> list[Event]:
        uid = self._in_order(uid, technology)
        events: list[Event] = [CardSeen(uid, technology, frame.raw, frame.stamp)]
        if technology is Technology.ISO15693 and len(uid) == 8 and uid[-1] == 0xE0 != uid[0]:
            other = "as-sent" if self._turned else "reversed"
            text = f"the ISO 15693 UID {uid.hex().upper()} has its bytes in reverse: it ends in E0"
            events += self._notice("reader.reversed-15693", "warn", text, f"set the option iso15693 to {other}")
        return events

    def _in_order(self, uid: bytes, technology: Technology) -> bytes:
        return uid[::-1] if self._turned and technology is Technology.ISO15693 else uid

    # Orders

    @property
    def _takes_orders(self) -> bool:
        return not self._listens

    def _asks_of(self, order: str) -> Iterable[Ask]:
        wanted = _ORDERS.get(order)
        if wanted is None:
            return ()
        raw = twn4.build(wanted.code, wanted.data, crc=self._crc)
        return (Ask(wanted.code, raw, limit_ns=wanted.limit_ns, order=order, rest_ns=wanted.rest_ns),)

    def _refused(self, ask: Ask, body: object) -> str:
        return twn4.RESPONSES[body.refused] if isinstance(body, twn4.Reply) and body.refused else ""

    # Lines

    def describe(self, sent: bytes) -> Decoded:
        return twn4.decode_command(sent, crc=self._crc)

    def _find(self, text: bytes) -> int | twn4.Wrong:
        """Where in a line a message begins: an answer, or a whole line of a firmware that sends by itself."""
        if self._asked is not None:
            found = twn4.find_answer(text, self._asked.code, crc=self._crc)
            if isinstance(found, twn4.Wrong) and self._crc_option == "auto" and not self._version:
                found = self._find_other_way(text, self._asked.code, found)
            if not isinstance(found, twn4.Wrong) or self._simple:
                return found
        elif self._simple:
            return twn4.Wrong(Flaw.NOISE, "a line that nobody asked for")
        if not text.isascii() or not text.decode("ascii").isprintable():
            return twn4.Wrong(Flaw.NOISE, "not text: another baud rate, or another kind of reader")
        return 0

    def _find_other_way(self, text: bytes, code: int, wrong: twn4.Wrong) -> int | twn4.Wrong:
        """An answer with a CRC to a question without one, or the other way round, tells what the reader is set to."""
        found = twn4.find_answer(text, code, crc=not self._crc)
        if isinstance(found, twn4.Wrong):
            return wrong
        self._crc = not self._crc
        return found

    def _decode(self, raw: bytes) -> Decoded:
        if self._asked is not None:
            decoded = twn4.decode_answer(raw, self._asked.code, crc=self._crc)
            if isinstance(decoded.body, twn4.Reply) or self._simple:
                return decoded
        elif self._simple:
            return malformed("a line that nobody asked for")
        text = raw.decode("ascii").strip()
        reading = read_line(text)
        match reading:
            case Uid():
                uid = self._in_order(reading.uid, reading.technology).hex().upper()
                faults = (Fault("reader.decimal", reading.doubt),) if reading.doubt else ()
                summary = f"{reading.technology.value} UID {uid}"
                return Decoded("line", "card", None, Line(text, reading, uid), faults, summary)
            case Refused():
                fault = Fault(reading.rule, reading.text)
                return Decoded("line", "refused", None, Line(text, reading), (fault,), reading.text)
            case _:
                return Decoded("line", "", None, Line(text, reading), summary=text[:80])

    def _unasked(self, frame: Frame) -> list[Event]:
        body = frame.decoded.body
        if not isinstance(body, Line):
            return []
        match body.reading:
            case Uid(uid, technology):
                events = self._sends_by_itself(frame.stamp)
                return [*events, *self._card(uid, technology, frame)]
            case Refused(rule, text, cure):
                return self._notice(rule, "warn", text, cure)
            case Gone():
                return [NothingSeen(frame.stamp)]
            case _:
                return []

    def _sends_by_itself(self, now: Stamp) -> list[Event]:
        """A card came unasked: no need to ask any more."""
        self._listens = True
        self._asked = None
        self._queue.clear()
        self._empty_ns = now.mono_ns + PUSH.silence_ns
        return self._now_ready("firmware that sends by itself")

    def tick(self, now: Stamp) -> list[Event]:
        events = super().tick(now)
        if self._listens and not self._ready:
            events += self._now_ready("listening for lines")
        # Presence counts the misses of polled readers; this one is never missed, it falls silent.
        if self._empty_ns is not None and now.mono_ns >= self._empty_ns:
            self._empty_ns = None
            events.append(NothingSeen(now))
        return events

    @property
    def deadline_ns(self) -> int | None:
        if self._listens and not self._ready:
            return 0
        due = [at for at in (super().deadline_ns, self._empty_ns) if at is not None]
        return min(due, default=None)


def _make(options: Mapping[str, str]) -> Twn4:
    return Twn4(options["firmware"], options["crc"], turned=options["iso15693"] == "reversed")


def _answer_to_probe(data: bytes) -> str:
    """The version in an answer to GetVersionString."""
    for text in data.splitlines():
        for crc in (False, True):
            begin = twn4.find_answer(text, twn4.GET_VERSION, crc=crc)
            reply = None if isinstance(begin, twn4.Wrong) else twn4.parse(text[begin:], twn4.GET_VERSION, crc=crc)
            if isinstance(reply, twn4.Version):
                return reply.text
    return ""


DRIVER = DriverInfo(
    "twn4",
    "Elatec TWN4 (Simple Protocol, or firmware that sends by itself): EM4100, HID, ISO 14443, ISO 15693, LEGIC, iCLASS, FeliCa",
    9600,
    POLLED,
    _make,
    explain,
    ("twn4_simple", "elatec"),
    bauds=(9600, 115200),
    options=(
        Option("firmware", "simple: answers questions; push: sends by itself", "auto", ("auto", "simple", "push")),
        Option("crc", "whether its lines end with a CRC", "auto", ("auto", "on", "off")),
        Option("iso15693", "bytes of an ISO 15693 UID", "as-sent", ("as-sent", "reversed")),
    ),
    orders=tuple(_ORDERS),
    # The CR ends what the questions to other readers left in its line; without it this one would be refused with them.
    probe=Probe(
        b"\r" + b"".join(twn4.build(twn4.GET_VERSION, MAX_TEXT, crc=crc) for crc in (False, True)), _answer_to_probe
    ),
)
