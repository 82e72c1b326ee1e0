"""Telegrams of 125 kHz readers: five framings, their checksums, and what is none of them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS
from bench.codecs.em4100_bytes import explain
from bench.message import Malformed
from devices.rfid.cutting import IDLE_GAP_NS as FRAMED_PAUSE_NS
from devices.rfid.driver import CardSeen, Event, Flaw, Notice, Ready
from devices.rfid.drivers import find
from devices.rfid.drivers.em4100 import BARE_PAUSE_NS, MAX_JOINED, Em4100
from tests.devices.rfid.frame_streams import (
    NOW,
    cards,
    chopped,
    flaws,
    frames,
    hold_memory,
    later,
    noises,
    partitions,
    read,
    rules,
)

RDM6300 = {
    "3C00CE754C": "02 33 43 30 30 43 45 37 35 34 43 43 42 03",
    "62E3086CED": "02 36 32 45 33 30 38 36 43 45 44 30 38 03",
    "01000734E0": "02 30 31 30 30 30 37 33 34 45 30 44 32 03",
    "0700952F22": "02 30 37 30 30 39 35 32 46 32 32 39 46 03",
    "78003E5C1E": "02 37 38 30 30 33 45 35 43 31 45 30 34 03",
}
ID12LA = {"3C00CE754C": "02 33 43 30 30 43 45 37 35 34 43 43 42 0D 0A 03"}
PLAIN = {"50008C0891": "02 35 30 30 30 38 43 30 38 39 31 0D 0A 03"}
EM18 = {"4500C5D1E9": "34 35 30 30 43 35 44 31 45 39 42 38", "307E4DE5C2": b"307E4DE5C224".hex()}
SUM = {"2E00AF0EC9": b"2E00AF0EC9B4".hex()}
VECTORS = [(uid, bytes.fromhex(raw)) for sort in (RDM6300, ID12LA, PLAIN, EM18, SUM) for uid, raw in sort.items()]
FRAMED = [bytes.fromhex(raw) for sort in (RDM6300, ID12LA) for raw in sort.values()]
BARE = [bytes.fromhex(raw) for raw in EM18.values()]
ONE, TWO = FRAMED[0], FRAMED[1]


@pytest.fixture
def reader() -> Em4100:
    driver = Em4100()
    assert driver.deadline_ns == 0
    assert driver.tick(NOW) == [Ready("listening for 125 kHz cards")]
    assert driver.deadline_ns is None
    return driver


@pytest.mark.parametrize(("uid", "raw"), VECTORS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_telegram_that_was_seen(reader: Em4100, uid: str, raw: bytes) -> None:
    frame, card = (event for event in read(reader, raw) if not isinstance(event, Notice))
    assert isinstance(card, CardSeen)
    assert (card.uid.hex().upper(), card.technology, card.raw, card.stamp) == (uid, Technology.EM4100, raw, NOW)
    assert frames([frame])[0].raw == raw
    assert frames([frame])[0].flaw is None


@pytest.mark.parametrize(
    ("uid", "printed"),
    [
        ("3C00CE754C", "0013530444 or 206,30028"),
        ("01000734E0", "0000472288 or 007,13536"),
        ("0700952F22", "0009776930 or 149,12066"),
        ("78003E5C1E", "0004086814 or 062,23582"),
        ("4500C5D1E9", "0012964329 or 197,53737"),
        ("50008C0891", "0009177233 or 140,02193"),
        ("2E00AF0EC9", "0011472585 or 175,03785"),
    ],
)
def test_the_number_on_the_card(reader: Em4100, uid: str, printed: str) -> None:
    (frame,) = frames(read(reader, dict(VECTORS)[uid]))
    assert frame.decoded.summary == f"EM4100 {uid}, printed {printed}"


def test_a_framed_telegram_needs_no_pause(reader: Em4100) -> None:
    assert cards(reader.feed(ONE, NOW)) == ["3C00CE754C"]
    assert reader.deadline_ns is None


def test_a_bare_telegram_ends_with_a_pause(reader: Em4100) -> None:
    assert reader.feed(BARE[0], NOW) == []
    assert reader.deadline_ns == NOW.mono_ns + BARE_PAUSE_NS
    assert reader.tick(later(BARE_PAUSE_NS - 1)) == []
    assert cards(reader.tick(later(BARE_PAUSE_NS))) == ["4500C5D1E9"]
    reader.feed(BARE[1], later(NS_PER_MS))
    assert cards(reader.feed(BARE[0], later(BARE_PAUSE_NS + NS_PER_MS))) == ["307E4DE5C2"]


def test_or_with_a_line_end(reader: Em4100) -> None:
    for end in (b"\r\n", b"\n", b"\r\xff"):
        assert cards(reader.feed(BARE[0] + end, NOW)) == ["4500C5D1E9"]
    assert cards(reader.feed(BARE[0] + b"\r", NOW)) == []
    assert cards(reader.feed(b"\n", NOW)) == ["4500C5D1E9"]


def test_the_sum_is_told_once(reader: Em4100) -> None:
    raw = bytes.fromhex(SUM["2E00AF0EC9"])
    events = read(reader, b"\x02" + raw + b"\x03" + b"\x02" + raw + b"\x03")
    assert cards(events) == ["2E00AF0EC9"] * 2
    (notice,) = (event for event in events if isinstance(event, Notice))
    assert (notice.rule, notice.severity) == ("reader.checksum-sum", "info")


@pytest.mark.parametrize(
    "raw", [b"\x023C00CE754CCA\x03", b"\x023C00CE754CCA\r\n\x03", b"3C00CE754CCA"], ids=["rdm6300", "id12la", "em18"]
)
def test_a_wrong_checksum_is_told_and_no_card(reader: Em4100, raw: bytes) -> None:
    events = read(reader, raw) + read(reader, raw)
    assert cards(events) == []
    assert flaws(events) == [(raw, Flaw.CHECKSUM)] * 2
    (notice,) = (event for event in events if isinstance(event, Notice))
    assert (notice.rule, notice.severity) == ("reader.checksum", "warn")
    assert notice.text == "checksum of 3C00CE754C should be CB, the exclusive or of the five bytes, got CA"
    assert frames(events)[0].decoded.faults[0].rule == "reader.checksum"


def test_the_same_wrong_telegram_is_told_again_after_a_card(reader: Em4100) -> None:
    wrong = b"\x023C00CE754CCA\x03"
    assert rules(read(reader, wrong + wrong + ONE + wrong)) == ["reader.checksum"] * 2


def test_two_digits_lost_are_no_telegram_without_checksum(reader: Em4100) -> None:
    lost = b"\x023C00CE754C\r\n\x03"
    assert cards(read(reader, lost)) == ["3C00CE754C"]
    events = read(reader, FRAMED[-1], lost)
    assert cards(events) == ["3C00CE754C"]
    assert flaws(events) == [(lost, Flaw.CUT)]
    assert rules(events) == ["reader.no-checksum"]


def test_options() -> None:
    info = find("RDM6300")
    assert info.name == "em4100"
    assert cards(read(info.make(info.choose({"uid": "number"})), ONE)) == ["00CE754C"]
    strict = info.make(info.choose({"checksum": "xor"}))
    assert cards(read(strict, ONE)) == ["3C00CE754C"]
    assert rules(read(info.make(info.choose({"checksum": "xor"})), *(raw for _, raw in VECTORS[-3:]))) == [
        "reader.checksum"
    ]
    events = read(info.make(info.choose({"checksum": "xor"})), bytes.fromhex(PLAIN["50008C0891"]))
    assert (cards(events), rules(events)) == ([], ["reader.no-checksum"])


@pytest.mark.parametrize("cut", range(1, 15))
def test_a_telegram_cut_short_never_hides_the_next(reader: Em4100, cut: int) -> None:
    events = read(reader, FRAMED[-1][:cut] + TWO)
    whole = ["3C00CE754C"] if cut >= 13 else []  # all digits and the checksum came: only its end is missing
    assert cards(events) == [*whole, "62E3086CED"]
    assert b"".join(frame.raw for frame in frames(events)) == FRAMED[-1][:cut] + TWO


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_telegram_that_lost_its_beginning_is_no_card(reader: Em4100, cut: int) -> None:
    events = read(reader, ONE[1 + cut :] + TWO)
    assert cards(events) == ["62E3086CED"]


def test_half_a_telegram_is_told_after_a_pause(reader: Em4100) -> None:
    assert reader.feed(ONE[:7], NOW) == []
    assert reader.deadline_ns == NOW.mono_ns + FRAMED_PAUSE_NS
    events = reader.tick(later(FRAMED_PAUSE_NS))
    assert flaws(events) == [(ONE[:7], Flaw.CUT)]
    assert cards(reader.feed(ONE[7:], later(FRAMED_PAUSE_NS))) == []


def test_a_stall_within_a_telegram_is_waited_for(reader: Em4100) -> None:
    reader.feed(ONE[:7], NOW)
    assert reader.tick(later(100 * NS_PER_MS)) == []
    assert cards(reader.feed(ONE[7:], later(100 * NS_PER_MS))) == ["3C00CE754C"]


def test_a_terminal_that_takes_etx_for_ctrl_c(reader: Em4100) -> None:
    events = read(reader, b"^C") + read(reader, b"^C")
    assert rules(events) == ["reader.cooked-terminal"]
    assert "stty" in next(event.cure for event in events if isinstance(event, Notice))


@pytest.mark.parametrize(
    "noise",
    [b"04A2B3C4D5E680\r\n", b"4500C5D1E9B80", b"Hello, world", b"3C00CE754C", b"\x023C00CE754C\x03", b"AT+GMM\r"],
)
def test_what_is_no_telegram(reader: Em4100, noise: bytes) -> None:
    events = read(reader, noise)
    assert cards(events) == []
    assert b"".join(frame.raw for frame in frames(events)) == noise
    assert all(isinstance(frame.decoded.body, Malformed) for frame in frames(events))


def test_more_than_can_be_joined_is_noise(reader: Em4100) -> None:
    assert len(cards(read(reader, BARE[0] * MAX_JOINED))) == MAX_JOINED
    assert cards(read(reader, BARE[0] * (MAX_JOINED + 1))) == []
    for _ in range(MAX_JOINED + 1):
        assert reader.feed(BARE[0], NOW) == [] or not cards(reader.feed(b"", NOW))
    assert cards(reader.end()) == []


# Noise that ends in the beginning of a telegram, or holds half of one, is the worst there is.
NOISE = [
    b"",
    b"\x02",
    b"\x02\x02",
    b"\xff",
    b"\x03",
    b"\r\n",
    b"\x00",
    b"AT+GMM\r",
    b"\x023C00",
    ONE[:13],
    ONE[5:],
    b"4500C5",
]
NO_DIGITS = re.compile(rb"[^0-9A-Fa-f]*")
TELEGRAM = re.compile(
    rb"\x02(?:[0-9A-Fa-f]{12}(?:\r\n)?|[0-9A-Fa-f]{10}\r\n)\x03|(?<![0-9A-Fa-f])[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
)


@settings(deadline=None)
@given(st.data())
def test_any_chopping_and_any_noise_between_framed_telegrams(data: st.DataObject) -> None:
    """The only noise that matters is such as holds a telegram by itself: it leaves all others whole, whatever it ends with."""
    noise = st.sampled_from(NOISE) | st.binary(max_size=30)
    parts = data.draw(st.lists(st.tuples(noise, st.sampled_from(FRAMED)), max_size=6))
    assume(not any(TELEGRAM.search(before) for before, _ in parts))
    chunks = data.draw(chopped(st.just(b"".join(before + raw for before, raw in parts))))
    events = read(Em4100(), *chunks)
    assert cards(events) == [bytes.fromhex(raw[1:11].decode()).hex().upper() for _, raw in parts]
    assert b"".join(frame.raw for frame in frames(events)) == b"".join(chunks)


@settings(deadline=None)
@given(st.data())
def test_any_chopping_of_telegrams_without_checksum(data: st.DataObject) -> None:
    raw = bytes.fromhex(PLAIN["50008C0891"])
    noise = st.sampled_from([b"", b"\x02", b"\xff", b"\x02500", raw[:9]]) | st.binary(max_size=30)
    parts = data.draw(st.lists(noise, max_size=6))
    assume(not any(TELEGRAM.search(before) for before in parts))
    events = read(Em4100(), *data.draw(chopped(st.just(b"".join(before + raw for before in parts)))))
    assert cards(events) == ["50008C0891"] * len(parts)


@settings(deadline=None)
@given(st.data())
def test_any_chopping_of_bare_telegrams(data: st.DataObject) -> None:
    """Without STX and ETX noise may be anything but a digit where it touches a telegram."""
    edges = st.binary(max_size=20).map(lambda raw: NO_DIGITS.match(raw)[0])  # type: ignore[index]
    parts = data.draw(st.lists(st.tuples(edges, st.sampled_from(BARE)), max_size=6))
    events = read(Em4100(), *data.draw(chopped(st.just(b"".join(before + raw for before, raw in parts)))))
    assert cards(events) == [raw[:10].decode() for _, raw in parts]


@settings(deadline=None)
@given(chopped(st.lists(st.sampled_from([*NOISE, *FRAMED, *BARE]) | st.binary(max_size=40)).map(b"".join)))
def test_the_pieces_it_comes_in_change_nothing(chunks: list[bytes]) -> None:
    def told(events: list[Event]) -> list[object]:
        return [event for event in events if not isinstance(event, Ready)]

    assert told(read(Em4100(), *chunks)) == told(read(Em4100(), b"".join(chunks)))


@pytest.mark.parametrize("name", list(noises()))
def test_long_noise_is_told_alike_in_whatever_pieces(name: str) -> None:
    noise = noises()[name]()
    bytewise = read(Em4100(), *(noise[at : at + 1] for at in range(len(noise))))
    assert flaws(bytewise) == flaws(read(Em4100(), noise))
    assert b"".join(raw for raw, _ in flaws(bytewise)) == noise


@pytest.mark.parametrize("name", list(noises()))
def test_noise_without_end_holds_memory_flat(name: str) -> None:
    began = time.thread_time()
    told, most = hold_memory(Em4100, noises()[name], chunks=64)
    took = time.thread_time() - began
    assert told > 0
    assert most <= 4096
    # A quarter of a MB, of the processor's time; far more than is measured, and a second at the fastest baud rate is less.
    assert took < 3


@pytest.mark.parametrize(("uid", "raw"), VECTORS)
def test_every_byte_of_a_telegram_is_named(uid: str, raw: bytes) -> None:
    spans = explain(raw)
    assert partitions(raw, spans)
    card = next(span for span in spans if span.name == "card")
    assert card.text.startswith(f"{uid}, printed ")
    assert [span.ok for span in spans if span.name == "checksum"] == [True] * (uid != "50008C0891")


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*NOISE, *FRAMED, *BARE]) | st.binary(min_size=1, max_size=30), min_size=1).map(b"".join)
)
def test_every_byte_of_anything_is_named(raw: bytes) -> None:
    assert not raw or partitions(raw, explain(raw))


def test_a_wrong_checksum_explained() -> None:
    spans = {span.name: span for span in explain(b"\x023C00CE754CCA\r\n\x03")}
    assert list(spans) == ["STX", "card", "checksum", "CR LF", "ETX"]
    assert spans["checksum"].text == "should be CB, the exclusive or of the five bytes, got CA"
    assert spans["checksum"].ok is False
