"""What the operator knows of a reader's lines, from its options to the card; every row of real output that readers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.errors import BadInput
from devices.rfid.driver import CardSeen, Event, Frame, Notice
from devices.rfid.drivers.ascii import DRIVER, IDLE_GAP_NS, UNFINISHED_NS, AsciiLines
from devices.rfid.port import SerialReader
from fixtures.readers.ascii import VirtualAsciiReader
from fixtures.readers.models import all_models

NOW = Stamp(1_000 * NS_PER_MS, 0)
UID4, UID7, UID8 = "5237AB3B", "04A2B3C4D5E680", "E004151234ABCDEF"


def driver(**options: str) -> AsciiLines:
    made = DRIVER.make(DRIVER.choose(options))
    assert isinstance(made, AsciiLines)
    return made


def later(ns: int) -> Stamp:
    return Stamp(NOW.mono_ns + ns, 0)


def uids(events: list[Event]) -> list[str]:
    return [event.uid.hex().upper() for event in events if isinstance(event, CardSeen)]


def read(raw: str, **options: str) -> tuple[list[str], list[str]]:
    """The cards and the refusals of those lines."""
    lines = driver(**options)
    events = [*lines.feed(raw.encode(), NOW), *lines.tick(later(UNFINISHED_NS)), *lines.end()]
    return uids(events), [event.rule for event in events if isinstance(event, Notice)]


REAL = [
    ("Card UID: 04 A2 B3 C4 D5 E6 80\r\nCard SAK: 00\r\nPICC type: MIFARE Ultralight\r\n", [UID7], []),
    (" 04A2B3C4D5E680\r\n", [UID7], []),
    (" 4A2B3C4D5E680\r\n", [], ["reader.lost-zero"]),
    ("Card UID: 4a2b3c4d5e680\r\n", [], ["reader.lost-zero"]),
    ("4 A2 B3 C4\r\n", ["04A2B3C4"], []),
    ("Start Dump\r\n4\r\n162\r\n179\r\n196\r\n213\r\n230\r\n128\r\nHello!\r\n", [UID7], []),
    ("Start Dump\r\n82\r\n55\r\n171\r\n59\r\n", [UID4], []),
    ("UID Value:  0x4 0xA2 0xB3 0xC4 0xD5 0xE6 0x80\r\n", [UID7], []),
    ("NFC uid is 0x4 0xa2 0xb3 0xc4\r\n", ["04A2B3C4"], []),
    ("Inventory successful, UID=E0:4:151234ABCDEF\r\n", [UID8], []),
    ("Inventory successful, UID=E0:4:1012345678\r\n", [], ["reader.lost-zero"]),
    ("SCAN\tuid=04a1b2c3d4e5f6\ttext=x\n", ["04A1B2C3D4E5F6"], []),
    ("ISO14443:44332211\nISO15693:8877665544332211\n", ["44332211", "8877665544332211"], []),
    ('{"event":"card","uid":"04:A2:B3:C4"}\n', ["04A2B3C4"], []),
    ("4500C5D1E9B8", ["4500C5D1E9"], []),
]


@pytest.mark.parametrize(("raw", "cards", "refusals"), REAL)
def test_what_real_readers_print(raw: str, cards: list[str], refusals: list[str]) -> None:
    assert read(raw) == (cards, refusals)


@pytest.mark.parametrize(
    ("raw", "options", "cards", "refusals"),
    [
        ("1379380027\r\n", {"digits": "decimal"}, [UID4], []),
        ("1001076562\r\n", {"digits": "decimal", "order": "reversed"}, [UID4], []),
        (f"{int(UID7, 16)}\r\n", {"digits": "decimal"}, [UID7], []),
        (f"{int('04A2B3C4D5E680', 16)}\r\n", {"digits": "decimal", "length": "7"}, [UID7], []),
        (f"{int('80E6D5C4B3A204', 16)}\r\n", {"digits": "decimal", "order": "reversed", "length": "7"}, [UID7], []),
        ("123456\r\n", {"digits": "decimal", "length": "7"}, ["0000000001E240"], []),
        ("82 55 171 59\r\n", {"digits": "decimal"}, [UID4], []),
        ("UID: 82 55 171 59\r\n", {}, [], ["reader.decimal"]),
        ("257712345678\r\n", {"digits": "decimal"}, [], ["reader.decimal"]),
        ("4294967296\r\n", {"digits": "decimal", "length": "4"}, [], ["reader.decimal"]),
        ("1379380027\r\n", {"digits": "hex"}, ["1379380027"], []),
        ("137938002\r\n", {"digits": "hex"}, [], ["reader.lost-zero"]),
        ("ready 7\r\n12\r\n", {"digits": "decimal"}, [], []),
        ("077,00535\r\n", {"digits": "decimal"}, [], ["reader.decimal"]),
        ("80E6D5C4B3A204\r\n", {"order": "reversed"}, [UID7], []),
        ("EFCDAB34121504E0\r\n", {"order": "reversed"}, [UID8], []),
        ("badge=5237AB3B;\r\nUID 11223344\r\n", {"prefix": "/badge=(.*);/"}, [UID4], []),
        ("badge 5237AB3B\r\nUID 11223344\r\n", {"prefix": "Badge"}, [UID4], []),
        ("04A2B3C4D5E6\r\n", {"length": "6"}, ["04A2B3C4D5E6"], []),
        ("5237AB3B\r\n04A2B3C4D5E680\r\n", {"length": "7"}, [UID7], ["reader.uid-length"]),
    ],
)
def test_what_the_operator_knows(raw: str, options: dict[str, str], cards: list[str], refusals: list[str]) -> None:
    assert read(raw, **options) == (cards, refusals)


def test_a_technology_that_is_named_is_that_of_every_card() -> None:
    (card,) = (e for e in driver(technology="EM4100").feed(b"3C00CE75\r", NOW) if isinstance(e, CardSeen))
    assert card.technology is Technology.EM4100
    (card,) = (e for e in driver(order="reversed").feed(b"EFCDAB34121504E0\r", NOW) if isinstance(e, CardSeen))
    assert card.technology is Technology.ISO15693


@pytest.mark.parametrize(
    ("end", "raw", "cards"),
    [
        ("cr", b"5237AB3B\r11223344\r", [UID4, "11223344"]),
        ("lf", b"5237AB3B\r\n11223344\n", [UID4, "11223344"]),
        ("crlf", b"5237AB3B\r\n11223344\r\n", [UID4, "11223344"]),
        ("etx", b"\x025237AB3B\x03\x0211223344\x03", [UID4, "11223344"]),
    ],
)
def test_the_end_of_a_line_that_the_operator_names(end: str, raw: bytes, cards: list[str]) -> None:
    assert uids(driver(end=end).feed(raw, NOW)) == cards


def test_with_a_named_end_a_pause_ends_nothing() -> None:
    lines = driver(end="lf")
    lines.feed(b"04A2B3C4", NOW)
    assert uids(lines.tick(later(IDLE_GAP_NS))) == []
    assert uids(lines.feed(b"D5E680\n", later(2 * IDLE_GAP_NS))) == [UID7]


def test_with_end_pause_only_a_pause_ends_a_line() -> None:
    lines = driver(end="pause")
    assert uids(lines.feed(b"\x025237AB3B\r\n", NOW)) == []
    assert uids(lines.tick(later(IDLE_GAP_NS))) == [UID4]
    assert uids(lines.feed(b"11223344", later(IDLE_GAP_NS + 1))) == []
    assert uids(lines.tick(later(3 * IDLE_GAP_NS))) == ["11223344"]


def test_a_dump_that_stalls_makes_no_shorter_card() -> None:
    lines = driver()
    lines.feed(b"Start Dump\r\n4\r\n162\r\n179\r\n196\r\n", NOW)
    assert uids(lines.tick(later(300 * NS_PER_MS))) == []
    events = lines.feed(b"213\r\n230\r\n128\r\n", later(300 * NS_PER_MS))
    assert lines.deadline_ns == NOW.mono_ns + 300 * NS_PER_MS + UNFINISHED_NS
    events += lines.tick(later(300 * NS_PER_MS + UNFINISHED_NS))
    assert uids(events) == [UID7]
    assert lines.deadline_ns is None


def test_a_dump_of_known_length_is_a_card_at_its_last_line_and_follows_its_frame() -> None:
    events = driver(length="4").feed(b"Start Dump\r\n82\r\n55\r\n171\r\n59\r\n", NOW)
    assert uids(events) == [UID4]
    assert isinstance(events[-1], CardSeen)
    assert isinstance(events[-2], Frame)
    assert events[-1].raw == b"Start Dump\r\n82\r\n55\r\n171\r\n59\r\n"


@pytest.mark.parametrize("count", [2, 5 + 1, 11, 16, 200])
def test_a_dump_as_long_as_no_uid_is_refused(count: int) -> None:
    assert read("Start Dump\r\n" + "17\r\n" * count + "Hello!\r\n") == ([], ["reader.uid-length"])


def test_a_dump_whose_end_nobody_saw_is_no_card() -> None:
    lines = driver()
    assert uids(lines.feed(b"Start Dump\r\n82\r\n55\r\n171\r\n59\r\n", NOW) + lines.end()) == []


def test_a_bad_pattern_is_told_before_the_port_is_opened() -> None:
    with pytest.raises(BadInput, match="cannot be used"):
        SerialReader("ascii", "/dev/null", options={"prefix": "/(a+)+/"})
    with pytest.raises(BadInput, match="cannot be"):
        SerialReader("ascii", "/dev/null", options={"digits": "octal"})


STYLES = [model for model in all_models().values() if model.driver == "ascii"]


@pytest.mark.parametrize("model", STYLES, ids=lambda model: model.name)
@pytest.mark.parametrize("uid", [UID4, UID7, UID8, "10203040"])
def test_every_virtual_style_is_read_as_its_card_or_refused(model, uid: str) -> None:
    device: VirtualAsciiReader = model.make()
    raw = device.line(bytes.fromhex(uid))
    device._wire.close()
    for end in (device._bell, device._ring):
        end.close()
    cards, refusals = read(raw.decode(), **model.options)
    assert cards in ([uid], [])
    assert cards or refusals or model.name in ("pn5180", "sketch-unpadded", "decimal", "decimal-reversed")


NOISE = [b"", b"AT+GMM\r\n", b"\xf0\x81\x02\r\n", b"Hello!\r\n", b"Card SAK: 08\r\n", b"12\r\n"]
PRINTED = [
    b"Card UID: 04 A2 B3 C4 D5 E6 80\r\n",
    b"Start Dump\r\n82\r\n55\r\n171\r\n59\r\nBye\r\n",
    b"UID Value:  0x4 0xA2 0xB3 0xC4\r\n",
    b"UID: 4a2b3c4d5e680\n",
    b"ISO15693:8877665544332211\n",
]


@given(st.data(), st.sampled_from([{}, {"order": "reversed"}, {"length": "4"}, {"prefix": "UID"}, {"end": "lf"}]))
def test_any_chopping_with_noise_between_gives_the_same_cards(data: st.DataObject, options: dict[str, str]) -> None:
    chosen = data.draw(st.lists(st.sampled_from(PRINTED), max_size=6))
    stream = b"".join(data.draw(st.sampled_from(NOISE)) + line for line in chosen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    lines = driver(**options)
    events: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += lines.feed(stream[start:end], NOW)
    expected = []
    for line in chosen:
        expected += uids(driver(**options).feed(line, NOW))
    # A number that follows a dump is told apart from it by the line between.
    assert uids(events + lines.tick(later(UNFINISHED_NS))) == expected


def test_megabytes_of_noise_hold_memory_flat() -> None:
    lines = driver()
    noise = bytes(range(1, 256)) * 257
    for turn in range(64):
        lines.feed(noise[turn:], later(turn))
        assert len(lines._buffer) <= 1024


@pytest.mark.parametrize("line", ["0", "00000", "Card UID: 0", "Card UID: 00000000"])
def test_nought_in_decimal_is_no_card(line: str) -> None:
    """It has no length of its own: a card without a UID would come of it."""
    assert read(f"{line}\r\n", digits="decimal") == ([], [])
    assert read("Card UID: 0\r\n", digits="decimal", length="4") == (["00000000"], [])
