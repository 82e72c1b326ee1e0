"""StrongLink and Ehuoyan modules on a serial line, asked again and again for a card: the ``BA/BD`` and the ``AA BB`` protocol.

Sources: user manuals of SL025M, SL032 and SL060; mdeverdelhan/YHY523U-driver; amphancm/RaspberryPi_rfid_sl500.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bench.card import Technology
from bench.errors import BadInput
from bench.message import Decoded
from bench.serial_port import Option
from devices.rfid import aabb_frames as aabb
from devices.rfid import stronglink_frames as sl
from devices.rfid.cutting import Cutter, Layout, cut_whole
from devices.rfid.driver import CardSeen, DriverInfo, Event, Frame, PollEnded, Probe
from devices.rfid.polled import POLL_PAUSE_NS, Ask, Polled
from devices.rfid.presence import POLLED
from devices.rfid.stronglink_spans import explain, explain_aabb

_CURE = "check its power, that TX and RX are crossed, and its baud rate: such modules are set to 9600, 19200, 57600 or 115200"
_COLLISION = (
    "reader.collision",
    "warn",
    "more than one card lies on the reader; it reads none",
    "leave one card on it",
)
FIELD_OFF_NS = 2_000_000_000
REQUEST_ALL = b"\x52"
CASCADE_TAG = 0x88


class StrongLink(Polled):
    """SL025, SL031, SL032: one command does request, anticollision and select."""

    def __init__(self) -> None:
        super().__init__("StrongLink SL02x/SL03x", _CURE)

    def _make_cutter(self) -> Cutter:
        return sl.make_cutter()

    def _begin(self) -> Iterable[Ask]:
        return (Ask(sl.FIRMWARE, sl.build(sl.FIRMWARE)),)

    def _decode(self, raw: bytes) -> Decoded:
        return sl.decode(raw)

    def describe(self, sent: bytes) -> Decoded:
        return sl.decode(sent)

    def _fits(self, ask: Ask, body: object) -> bool:
        return isinstance(body, sl.Reply) and body.code == ask.code

    def _answered(self, ask: Ask, frame: Frame) -> list[Event]:
        body = frame.decoded.body
        self._then(Ask(sl.SELECT_CARD, sl.build(sl.SELECT_CARD), POLL_PAUSE_NS))
        if not isinstance(body, sl.Reply):
            return []
        if ask.code == sl.FIRMWARE:
            return self._now_ready(sl.text_of(body.data) if body.status == sl.OK else self._name)
        if body.status == sl.COLLISION:
            # Cards are there all the same: none of them was missed.
            return self._notice(*_COLLISION)
        self._over("reader.collision")
        if body.status == sl.CHECKSUM_ERROR:
            return self._notice("reader.line", "warn", frame.decoded.summary, "check the cable and the baud rate")
        if isinstance(body, sl.Selected):
            card = CardSeen(body.uid, Technology.ISO14443, frame.raw, frame.stamp)
            return [card, PollEnded((body.uid,), frame.stamp)]
        ended = PollEnded((), frame.stamp)
        if body.status == sl.OK:
            return [*self._notice("reader.uid-length", "warn", frame.decoded.summary), ended]
        return [ended]

    def _refused(self, ask: Ask, body: object) -> str:
        if not isinstance(body, sl.Reply) or body.status == sl.OK:
            return ""
        return sl.STATUS.get(body.status, f"status {body.status:02X}")

    def _asks_of(self, order: str) -> Iterable[Ask]:
        data = {"light on": b"\x01", "light off": b"\x00"}.get(order)
        return () if data is None else (Ask(sl.RED_LED, sl.build(sl.RED_LED, data), order=order),)


class Aabb(Polled):
    """Request, anticollision, select: one after the other; a card whose UID is longer by another command.

    device: id of the reader, 4 hex digits, or ``auto``: the ids that all such readers of a kind obey.
    iso15693: ask for ISO 15693 cards (SL500F) instead of ISO 14443-A; no source confirms the inventory command and the order of
    the bytes in its answer, which is DSFID and UID, or UID. turned: hand such a UID over with its bytes in reverse.
    """

    def __init__(self, device: str, *, iso15693: bool, turned: bool) -> None:
        # YHY523U obeys FFFF, SL060 and SL500 obey 0000 (their broadcast).
        self._ids = _BROADCAST_IDS if device == "auto" else (bytes.fromhex(device),)
        self._id = self._ids[0]
        self._iso15693 = iso15693
        self._turned = turned
        # Ehuoyan's anticollision wants a parameter, StrongLink's has none.
        self._with_parameter = self._id == _BROADCAST_IDS[0]
        self._version = ""
        self._atqa: int | None = None
        self._found: Frame | None = None  # the answer that carried the UID of the card that is being selected
        super().__init__("StrongLink/Ehuoyan AA BB reader", _CURE)

    def _make_cutter(self) -> Cutter:
        return aabb.make_cutter()

    def _begin(self) -> Iterable[Ask]:
        yield self._ask(aabb.FIRMWARE)
        if self._iso15693:
            yield self._ask(aabb.CARD_KIND, b"1")

    def _another_way(self) -> bool:
        if self._ever_ready:
            return False
        at = (self._ids.index(self._id) + 1) % len(self._ids)
        self._id = self._ids[at]
        self._with_parameter = self._id == _BROADCAST_IDS[0]
        return at > 0

    def _decode(self, raw: bytes) -> Decoded:
        return aabb.decode(raw)

    def describe(self, sent: bytes) -> Decoded:
        return aabb.decode(sent, sent=True)

    def _fits(self, ask: Ask, body: object) -> bool:
        return isinstance(body, aabb.Reply) and body.code == ask.code

    def _answered(self, ask: Ask, frame: Frame) -> list[Event]:
        body = frame.decoded.body
        if not isinstance(body, aabb.Reply):
            return []
        match ask.code:
            case aabb.FIRMWARE:
                self._version = sl.text_of(body.data) if body.status == aabb.OK and body.data else self._name
                return [] if self._queue else self._ready_to_poll()
            case aabb.CARD_KIND:
                return [*self._unable(body), *self._ready_to_poll()]
            case aabb.REQUEST:
                return self._requested(body, frame)
            case aabb.ANTICOLLISION:
                return self._anticollided(body, frame)
            case aabb.SELECT:
                return self._selected(body, frame)
            case aabb.UL_SELECT if body.status == aabb.OK and len(body.data) == 7:
                return self._card(body.data, frame)
            case aabb.INVENTORY:
                return self._inventoried(body, frame)
            case _:
                text = f"a card with a long UID lies there, but it was not told: {frame.decoded.summary}"
                return [*self._notice("reader.long-uid", "warn", text), *self._missed(frame)]

    def _ready_to_poll(self) -> list[Event]:
        self._poll_again()
        return self._now_ready(self._version)

    def _requested(self, body: aabb.Reply, frame: Frame) -> list[Event]:
        if body.status != aabb.OK:
            return self._missed(frame)
        self._atqa = int.from_bytes(body.data, "little") if len(body.data) == 2 else None
        self._then(self._ask(aabb.UL_SELECT) if (self._atqa or 0) & 0xC0 else self._ask_anticollision())
        return []

    def _anticollided(self, body: aabb.Reply, frame: Frame) -> list[Event]:
        if body.status == aabb.OK and len(body.data) == 4:
            self._over("reader.collision")
            if body.data[0] == CASCADE_TAG:
                self._then(self._ask(aabb.UL_SELECT))
                return []
            self._found = frame
            self._then(self._ask(aabb.SELECT, body.data))
            return []
        if body.status in (aabb.UNSUPPORTED, aabb.BAD_PARAMETER):
            self._with_parameter = not self._with_parameter
        if body.status == aabb.FAILED:
            # Cards are there all the same: none of them was missed.
            self._poll_again()
            return self._notice(*_COLLISION)
        return self._missed(frame)

    def _selected(self, body: aabb.Reply, frame: Frame) -> list[Event]:
        found, self._found = self._found, None
        if found is None or not isinstance(found.decoded.body, aabb.Reply):
            return self._missed(frame)
        sak = body.data[-1] if body.status == aabb.OK and body.data else None
        return self._card(found.decoded.body.data, found, sak)

    def _inventoried(self, body: aabb.Reply, frame: Frame) -> list[Event]:
        if body.status != aabb.OK or len(body.data) not in (8, 9):
            return [*self._unable(body), *self._missed(frame)]
        uid = body.data[-8:]
        return self._card(uid[::-1] if self._turned else uid, frame, technology=Technology.ISO15693)

    def _unable(self, body: aabb.Reply) -> list[Event]:
        if body.status not in (aabb.UNSUPPORTED, aabb.BAD_PARAMETER):
            return []
        cure = "set the option cards to iso14443a, or use a reader for ISO 15693 such as the SL500F"
        return self._notice("reader.iso15693", "fail", "this reader does not know ISO 15693", cure)

    def _card(
        self, uid: bytes, frame: Frame, sak: int | None = None, technology: Technology = Technology.ISO14443
    ) -> list[Event]:
        atqa = self._atqa if technology is Technology.ISO14443 else None
        self._poll_again()
        return [CardSeen(uid, technology, frame.raw, frame.stamp, sak, atqa), PollEnded((uid,), frame.stamp)]

    def _missed(self, frame: Frame) -> list[Event]:
        self._poll_again()
        return [PollEnded((), frame.stamp)]

    def _poll_again(self) -> None:
        if self._iso15693:
            self._then(self._ask(aabb.INVENTORY, pause_ns=POLL_PAUSE_NS))
        else:
            self._then(self._ask(aabb.REQUEST, REQUEST_ALL, pause_ns=POLL_PAUSE_NS))

    def _ask_anticollision(self) -> Ask:
        return self._ask(aabb.ANTICOLLISION, b"\x04" if self._with_parameter else b"")

    def _ask(self, code: int, data: bytes = b"", *, pause_ns: int = 0, order: str = "", rest_ns: int = 0) -> Ask:
        return Ask(code, aabb.build(code, data, self._id), pause_ns, order=order, rest_ns=rest_ns)

    def _refused(self, ask: Ask, body: object) -> str:
        if not isinstance(body, aabb.Reply) or body.status == aabb.OK:
            return ""
        return aabb.STATUS.get(body.status, f"status {body.status:02X}")

    def _asks_of(self, order: str) -> Iterable[Ask]:
        match order:
            case "beep":
                return (self._ask(aabb.BEEP, b"\x64", order=order),)
            case "light on":
                return (self._ask(aabb.LED, b"\x03", order=order),)
            case "light off":
                return (self._ask(aabb.LED, b"\x00", order=order),)
            case "field off":
                off = self._ask(aabb.ANTENNA, b"\x00", order=order, rest_ns=FIELD_OFF_NS)
                return off, self._ask(aabb.ANTENNA, b"\x01", order=order)
            case _:
                return ()


_BROADCAST_IDS = (b"\xff\xff", b"\x00\x00")


def _make_aabb(options: Mapping[str, str]) -> Aabb:
    device = options["device"].strip().lower()
    if device != "auto" and (len(device) != 4 or device.strip("0123456789abcdef")):
        raise BadInput(f"device cannot be {options['device']!r}", "give its id as 4 hex digits such as FFFF, or auto")
    return Aabb(device, iso15693=options["cards"] == "iso15693", turned=options["iso15693"] == "reversed")


def _probe(
    layout: Layout, decode: Callable[[bytes], Decoded], known: Callable[[object], bool]
) -> Callable[[bytes], str]:
    """What a reader says of itself in its answer to a question for the firmware."""

    def answer(data: bytes) -> str:
        for piece in cut_whole(layout, data):
            decoded = decode(piece.raw)
            if piece.is_frame and known(decoded.body):
                return decoded.summary
        return ""

    return answer


DRIVERS = (
    DriverInfo(
        "stronglink",
        "StrongLink SL025, SL031, SL032 (BA/BD): ISO 14443-A",
        115200,
        POLLED,
        lambda options: StrongLink(),
        explain,
        ("sl025", "sl031", "sl032", "stronglink_ba"),
        bauds=(115200, 9600, 19200, 57600),
        orders=("light on", "light off"),
        probe=Probe(
            sl.build(sl.FIRMWARE),
            _probe(sl.LAYOUT, sl.decode, lambda body: isinstance(body, sl.Reply) and body.code == sl.FIRMWARE),
        ),
    ),
    DriverInfo(
        "stronglink_aabb",
        "StrongLink SL060, SL500, SL600, Ehuoyan YHY502/523U/632/638 (AA BB): ISO 14443-A; SL500F also ISO 15693",
        115200,
        POLLED,
        _make_aabb,
        explain_aabb,
        ("aabb", "sl500", "yhy523u"),
        bauds=(115200, 9600, 19200, 57600),
        options=(
            Option("device", "id of the reader: 4 hex digits; auto tries FFFF and 0000, which all obey", "auto"),
            Option("cards", "what to look for", "iso14443a", ("iso14443a", "iso15693")),
            Option("iso15693", "bytes of an ISO 15693 UID", "as-sent", ("as-sent", "reversed")),
        ),
        orders=("beep", "light on", "light off", "field off"),
        probe=Probe(
            aabb.build(aabb.FIRMWARE),
            _probe(aabb.LAYOUT, aabb.decode, lambda body: isinstance(body, aabb.Reply) and body.code == aabb.FIRMWARE),
        ),
    ),
)
