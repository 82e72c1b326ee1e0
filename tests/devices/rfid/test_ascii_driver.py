"""Lines of text: their ends, their noise, their cards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.message import Malformed
from devices.rfid.driver import CardSeen, Event, Frame, NothingSeen, Notice, Ready
from devices.rfid.drivers.ascii import IDLE_GAP_NS, MAX_LINE, UNFINISHED_NS, AsciiLines

NOW = Stamp(1_000 * NS_PER_MS, 0)
UID = "04A2B3C4D5E680"


def later(ns: int) -> Stamp:
    return Stamp(NOW.mono_ns + ns, 0)


def uids(events: list[Event]) -> list[str]:
    return [event.uid.hex().upper() for event in events if isinstance(event, CardSeen)]


def frames(events: list[Event]) -> list[Frame]:
    return [event for event in events if isinstance(event, Frame)]


@pytest.fixture
def lines() -> AsciiLines:
    driver = AsciiLines()
    assert driver.deadline_ns == 0
    assert driver.tick(Stamp(0, 0)) == [Ready("listening for lines")]
    return driver


@pytest.mark.parametrize(
    "raw",
    [
        b"04A2B3C4D5E680\r",
        b"04A2B3C4D5E680\n",
        b"04A2B3C4D5E680\r\n",
        b"\x0204A2B3C4D5E680\x03",
        b"\x0204A2B3C4D5E680\r\n\x03",
        b"\x0004A2B3C4D5E680\x00\r\n",
    ],
)
def test_every_way_to_end_a_line(lines: AsciiLines, raw: bytes) -> None:
    frame, card = lines.feed(raw, NOW)
    assert isinstance(frame, Frame)
    assert isinstance(card, CardSeen)
    assert frame.raw == card.raw == raw
    assert (card.uid.hex().upper(), card.technology, card.stamp) == (UID, Technology.ISO14443, NOW)
    assert (frame.decoded.kind, frame.decoded.summary) == ("line", f"ISO14443 UID {UID}")


@pytest.mark.parametrize(
    ("raw", "uid"),
    [
        ("02 33 43 30 30 43 45 37 35 34 43 43 42 03", "3C00CE754C"),
        ("02 30 37 30 30 39 35 32 46 32 32 39 46 03", "0700952F22"),
        ("02 33 43 30 30 43 45 37 35 34 43 43 42 0D 0A 03", "3C00CE754C"),
        ("02 35 30 30 30 38 43 30 38 39 31 0D 0A 03", "50008C0891"),
    ],
)
def test_em4100_telegrams(lines: AsciiLines, raw: str, uid: str) -> None:
    (card,) = (event for event in lines.feed(bytes.fromhex(raw), NOW) if isinstance(event, CardSeen))
    assert (card.uid.hex().upper(), card.technology) == (uid, Technology.EM4100)


def test_a_pause_ends_the_line_of_a_reader_that_ends_none(lines: AsciiLines) -> None:
    assert lines.feed(b"4500C5D1E9B8", NOW) == []
    assert lines.deadline_ns == NOW.mono_ns + IDLE_GAP_NS
    assert lines.tick(later(IDLE_GAP_NS - 1)) == []
    events = lines.tick(later(IDLE_GAP_NS))
    assert uids(events) == ["4500C5D1E9"]
    assert frames(events)[0].stamp == NOW
    assert lines.deadline_ns is None


def test_the_next_bytes_end_it_too_where_nobody_ticked(lines: AsciiLines) -> None:
    lines.feed(b"4500C5D1E9B8", NOW)
    assert uids(lines.feed(b"307E", later(IDLE_GAP_NS))) == ["4500C5D1E9"]


def test_a_stall_inside_a_line_never_makes_a_shorter_card(lines: AsciiLines) -> None:
    lines.feed(b"Hello!\r\n", NOW)
    assert lines.feed(b"04A2B3C4", NOW) == []
    assert uids(lines.tick(later(300 * NS_PER_MS))) == []
    assert uids(lines.feed(b"D5E680\r\n", later(300 * NS_PER_MS))) == [UID]


def test_a_line_that_never_ends_is_kept_as_malformed(lines: AsciiLines) -> None:
    lines.feed(b"Hello!\r\n04A2B3C4", NOW)
    (frame,) = lines.tick(later(UNFINISHED_NS))
    assert isinstance(frame, Frame)
    assert (frame.raw, frame.decoded.body) == (b"04A2B3C4", Malformed("line without its end"))


def test_a_telegram_without_etx_is_no_card(lines: AsciiLines) -> None:
    lines.feed(b"\x0204A2B3C4", NOW)
    assert uids(lines.tick(later(UNFINISHED_NS))) == []


def test_only_the_uid_line_of_a_dump_is_a_card(lines: AsciiLines) -> None:
    dump = (
        "Firmware Version: 0x92 = v2.0\r\nScan PICC to see UID, SAK, type, and data blocks...\r\n"
        "Card UID: 52 37 AB 3B\r\nCard SAK: 08\r\nPICC type: MIFARE 1KB\r\n"
        "Sector Block   0  1  2  3   4  5  6  7   8  9 10 11  12 13 14 15  AccessBits\r\n"
        "  15     63   00 00 00 00  00 00 FF 07  80 69 FF FF  FF FF FF FF  [ 0 0 1 ] \r\n"
        "         62   00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00  [ 0 0 0 ] \r\n"
    )
    events = lines.feed(dump.encode(), NOW)
    assert uids(events) == ["5237AB3B"]
    assert b"".join(frame.raw for frame in frames(events)) == dump.encode()


def test_a_lost_zero_is_told_once_while_the_card_rests(lines: AsciiLines) -> None:
    events = lines.feed(b"Card UID: 4a2b3c4d5e680\r\n" * 3, NOW)
    assert uids(events) == []
    assert [event.rule for event in events if isinstance(event, Notice)] == ["reader.lost-zero"]
    assert [frame.decoded.faults[0].rule for frame in frames(events)] == ["reader.lost-zero"] * 3


def test_zaparoo_says_when_the_card_is_gone(lines: AsciiLines) -> None:
    events = lines.feed(b"SCAN\tuid=04a1b2c3d4e5f6\ttext=x\nSCAN\n", NOW)
    assert uids(events) == ["04A1B2C3D4E5F6"]
    assert events[-1] == NothingSeen(NOW)


def test_binary_is_noise_not_a_card(lines: AsciiLines) -> None:
    (frame,) = frames(lines.feed(b"\x80\xf0\x81garbage\r\n", NOW))
    assert isinstance(frame.decoded.body, Malformed)


def test_endless_lines_and_endless_line_ends_stay_bounded(lines: AsciiLines) -> None:
    flood = b"A" * (MAX_LINE * 5 + 7)
    assert [len(frame.raw) for frame in frames(lines.feed(flood, NOW))] == [MAX_LINE] * 5
    assert len(frames(lines.feed(b"\r\n" * MAX_LINE * 3, NOW))) >= 1
    assert len(lines._buffer) <= MAX_LINE


def test_the_end_of_a_connection_hands_over_half_a_line(lines: AsciiLines) -> None:
    lines.feed(b"\r\n04A2", NOW)
    (frame,) = frames(lines.end())
    assert frame.raw == b"\r\n04A2"
    assert lines.end() == []


def test_nothing_is_ever_sent(lines: AsciiLines) -> None:
    assert lines.poll(0) == []


LINES = [
    b"Card UID: 04 A2 B3 C4 D5 E6 80\r\n",
    b"5237AB3B\r",
    b"\x023C00CE754CCB\x03",
    b"SCAN\tuid=04a1b2c3d4e5f6\ttext=\n",
    b"UID: 4a2b3c4d5e680\n",
    b"\n",
]
# Noise ends its own line, as the boot messages of a sketch or a modem command do.
NOISE = [b"", b"AT+GMM\r", b"\xf0\x81\x02\r\n", b"Hello!\r\n", b"\x00\x00", b"Card SAK: 08\r\n"]


@given(st.data())
def test_any_chopping_with_noise_between_gives_the_same_cards(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(LINES), max_size=6))
    stream = b"".join(data.draw(st.sampled_from(NOISE)) + line for line in chosen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    driver = AsciiLines()
    events: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += driver.feed(stream[start:end], NOW)
    events += driver.tick(later(UNFINISHED_NS)) + driver.end()
    assert uids(events) == [uid for line in chosen for uid in uids(AsciiLines().feed(line, NOW))]


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_any_bytes_are_kept_in_order_and_never_raise(chunks: list[bytes]) -> None:
    driver = AsciiLines()
    events: list[Event] = []
    for chunk in chunks:
        events += driver.feed(chunk, NOW)
    told = b"".join(frame.raw for frame in frames(events + driver.end()))
    assert b"".join(chunks).startswith(told)
    assert not b"".join(chunks)[len(told) :].strip(b"\r\n\x03\x00")
