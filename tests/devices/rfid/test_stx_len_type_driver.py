"""Frames of the 7941E class: types, byte orders, checksums, and what is no frame."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.card import Hint, Technology, hints_of
from bench.clock import NS_PER_MS
from bench.codecs.stx_bytes import TYPES, bcc, explain
from devices.rfid.cutting import IDLE_GAP_NS as PAUSE_NS
from devices.rfid.driver import CardSeen, Event, Flaw, Frame, Notice, Ready
from devices.rfid.drivers import find
from devices.rfid.drivers.stx_len_type import StxLenType
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

EM_A = bytes.fromhex("02 0A 02 2E 00 B6 D7 B5 F2 03")
EM_B = bytes.fromhex("02 0A 02 06 00 8E 6D 5D B0 03")
MIFARE = bytes.fromhex("02 09 01 6B 3D 12 D6 9A 03")
ISO15693 = bytes.fromhex("02 0D 30 E0 04 01 00 12 34 56 78 D0 03")


def frame(kind: int, number: str) -> bytes:
    sn = bytes.fromhex(number)
    body = bytes([len(sn) + 5, kind]) + sn
    return b"\x02" + body + bytes([bcc(body), 0x03])


# The bytes of this UID look like the head of a frame, its end, or a whole one.
NESTED = frame(0x01, "02 09 01 03 02 06 03")
VECTORS = {
    EM_A: ("2E00B6D7B5", Technology.EM4100),
    EM_B: ("06008E6D5D", Technology.EM4100),
    MIFARE: ("6B3D12D6", Technology.ISO14443),
    ISO15693: ("E004010012345678", Technology.ISO15693),
}
TYPED = {
    frame(0x01, "04A2B3C4D5E680"): ("04A2B3C4D5E680", Technology.ISO14443),
    frame(0x03, "5237AB3B"): ("5237AB3B", Technology.ISO14443),
    frame(0x10, "0102030405"): ("0102030405", Technology.HID),
    frame(0x11, "0102030405"): ("0102030405", Technology.UNKNOWN),
    frame(0x20, "0102030405060708"): ("0102030405060708", Technology.ISO14443),
    frame(0x21, "01020304"): ("01020304", Technology.ISO14443),
    frame(0x22, "0102030405060708"): ("0102030405060708", Technology.FELICA),
    frame(0x50, "04112233445566778899"): ("04112233445566778899", Technology.ISO14443),
    NESTED: ("02090103020603", Technology.ISO14443),
}
ALL = [*VECTORS, *TYPED]


@pytest.fixture
def reader() -> StxLenType:
    driver = StxLenType()
    assert driver.tick(NOW) == [Ready("listening for frames with STX, LEN and TYPE")]
    return driver


def test_the_frames_are_built_as_the_readers_build_them() -> None:
    assert frame(0x02, "2E00B6D7B5") == EM_A
    assert frame(0x30, "E004010012345678") == ISO15693


@pytest.mark.parametrize("raw", ALL, ids=lambda raw: raw.hex())
def test_every_type_of_card(reader: StxLenType, raw: bytes) -> None:
    uid, technology = (VECTORS | TYPED)[raw]
    told, card = reader.feed(raw, NOW)
    assert isinstance(card, CardSeen)
    assert (card.uid.hex().upper(), card.technology, card.raw, card.stamp) == (uid, technology, raw, NOW)
    assert frames([told])[0].decoded.summary == f"{TYPES[raw[2]]} UID {uid}"


def test_the_order_of_iso_15693() -> None:
    reversed_ = frame(0x30, "78563412000104E0")
    events = read(StxLenType(), reversed_ * 2)
    assert cards(events) == ["78563412000104E0"] * 2
    assert hints_of(bytes.fromhex(cards(events)[0]), Technology.ISO15693) == (Hint.REVERSED_15693,)
    assert rules(events) == ["reader.reversed-15693"]
    info = find("7941E")
    assert "iso15693=reversed" in next(event.cure for event in events if isinstance(event, Notice))
    events = read(info.make(info.choose({"iso15693": "reversed"})), reversed_)
    assert (cards(events), rules(events)) == (["E004010012345678"], [])


def test_a_type_that_nobody_knows_is_a_card_of_no_technology(reader: StxLenType) -> None:
    events = read(reader, frame(0x07, "5237AB3B") * 2)
    assert [event.technology for event in events if isinstance(event, CardSeen)] == [Technology.UNKNOWN] * 2
    assert rules(events) == ["reader.type"]
    assert frames(events)[0].decoded.faults[0].text == "type byte 07 is none that is known"


def test_sector_information_and_odd_lengths_are_no_cards(reader: StxLenType) -> None:
    events = read(reader, frame(0x51, "00" * 16) + frame(0x01, "0102") + frame(0x07, "010203"))
    assert cards(events) == []
    assert [message.decoded.name for message in frames(events)] == ["sector", "refused", "refused"]
    assert rules(events) == ["reader.uid-length"]


def test_what_is_typed_is_not_kept(reader: StxLenType) -> None:
    (told,) = frames(read(reader, frame(0xFF, b"4711\r".hex())))
    assert (told.raw, told.decoded.summary) == (b"\x02\x0a\xff******\x03", "5 bytes, not kept")
    assert "4711" not in repr(told)
    assert partitions(told.raw, explain(told.raw))
    assert all(span.ok is not False for span in explain(told.raw))


@pytest.mark.parametrize("end", [b"\x00\x03", b"\x03", b""], ids=["wrong BCC", "no BCC", "cut short"])
def test_nor_where_its_frame_is_broken(reader: StxLenType, end: bytes) -> None:
    events = read(reader, b"\x02\x09\xff4711" + end)
    assert "4711" not in repr(events)
    assert frames(events)[0].raw == b"\x02\x09\xff" + (b"****" if len(end) < 2 else b"*****") + (
        b"\x03" if end else b""
    )


def test_a_wrong_bcc_is_told_and_no_card(reader: StxLenType) -> None:
    wrong = EM_A[:-2] + b"\xf3\x03"
    events = read(reader, wrong) + read(reader, wrong)
    assert cards(events) == []
    assert flaws(events) == [(wrong, Flaw.CHECKSUM)] * 2
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "a frame was refused: BCC is F3, the exclusive or of LEN to SN is F2"
    ]
    assert cards(reader.feed(wrong[:-1] + EM_B, NOW)) == ["06008E6D5D"]


def test_len_without_stx_and_etx_is_no_frame(reader: StxLenType) -> None:
    """As the text of a shop has it; no reader was seen to send it."""
    body = bytes.fromhex("08 02 2E 00 B6 D7 B5")
    assert cards(read(reader, b"\x02" + body + bytes([bcc(body), 3]))) == []


@pytest.mark.parametrize("raw", [EM_A, ISO15693, NESTED], ids=lambda raw: raw.hex())
@pytest.mark.parametrize("following", [EM_B, MIFARE], ids=lambda raw: raw.hex())
def test_a_frame_cut_short_anywhere_never_hides_the_next(raw: bytes, following: bytes) -> None:
    for cut in range(1, len(raw)):
        events = read(StxLenType(), raw[:cut] + following)
        assert cards(events) == [VECTORS[following][0]], cut
        assert b"".join(told.raw for told in frames(events)) == raw[:cut] + following


def test_half_a_frame_is_told_after_a_pause(reader: StxLenType) -> None:
    assert reader.feed(EM_A[:5], NOW) == []
    assert reader.deadline_ns == NOW.mono_ns + PAUSE_NS
    assert flaws(reader.tick(later(PAUSE_NS))) == [(EM_A[:5], Flaw.CUT)]
    reader.feed(EM_A[:5], NOW)
    assert cards(reader.feed(EM_A[5:], later(100 * NS_PER_MS))) == ["2E00B6D7B5"]


def whole(stream: bytes) -> list[int]:
    """Where frames stand in a stream, found the slow way: the places that satisfy layout and checksum."""
    return [
        at
        for at in range(len(stream) - 6)
        if stream[at] == 0x02
        and 6 <= (size := stream[at + 1]) <= 32
        and at + size <= len(stream)
        and stream[at + size - 1] == 0x03
        and bcc(stream[at + 1 : at + size - 1]) == 0
    ]


NOISE = [
    b"",
    b"\x02",
    b"\x02\x02\x02",
    b"\xff",
    b"\x03",
    b"\x02\x20\x01",
    EM_A[:4],
    EM_A[3:],
    ISO15693[:12],
    b"AT+GMM\r",
]
ANY_NOISE = st.sampled_from(NOISE) | st.binary(max_size=30)


@settings(deadline=None)
@given(st.data())
def test_any_chopping_and_any_noise_between_frames(data: st.DataObject) -> None:
    """Noise matters only where it is a frame, alone or together with the beginning of a true one."""
    parts = data.draw(st.lists(st.tuples(ANY_NOISE, st.sampled_from(ALL)), max_size=6))
    stream = b"".join(before + raw for before, raw in parts)
    at, starts = 0, []
    for before, raw in parts:
        starts.append(at + len(before))
        at += len(before) + len(raw)
    assume(whole(stream) == starts)
    events = read(StxLenType(), *data.draw(chopped(st.just(stream))))
    assert cards(events) == [(VECTORS | TYPED)[raw][0] for _, raw in parts]
    assert sum(len(told.raw) for told in frames(events)) == len(stream)


@settings(deadline=None)
@given(chopped(st.lists(st.sampled_from(ALL) | ANY_NOISE).map(b"".join)))
def test_the_pieces_it_comes_in_change_nothing(chunks: list[bytes]) -> None:
    def told(events: list[Event]) -> list[object]:
        return [event for event in events if not isinstance(event, Ready)]

    assert told(read(StxLenType(), *chunks)) == told(read(StxLenType(), b"".join(chunks)))


@pytest.mark.parametrize("name", list(noises()))
def test_long_noise_is_told_alike_in_whatever_pieces(name: str) -> None:
    noise = noises()[name]()
    bytewise = read(StxLenType(), *(noise[at : at + 1] for at in range(len(noise))))
    assert flaws(bytewise) == flaws(read(StxLenType(), noise))
    assert sum(len(raw) for raw, _ in flaws(bytewise)) == len(noise)


@pytest.mark.parametrize("name", list(noises()))
def test_noise_without_end_holds_memory_flat(name: str) -> None:
    began = time.thread_time()
    told, most = hold_memory(StxLenType, noises()[name], chunks=64)
    took = time.thread_time() - began
    assert told > 0
    assert most <= 1024
    # A quarter of a MB, of the processor's time; far more than is measured, and a second at the fastest baud rate is less.
    assert took < 3


@pytest.mark.parametrize("raw", ALL, ids=lambda raw: raw.hex())
def test_every_byte_of_a_frame_is_named(raw: bytes) -> None:
    spans = explain(raw)
    assert partitions(raw, spans)
    assert [span.name for span in spans] == ["STX", "LEN", "TYPE", "SN", "BCC", "ETX"]
    assert spans[4].ok


def test_what_is_wrong_is_named() -> None:
    assert [(s.name, s.text, s.ok) for s in explain(EM_A[:-2] + b"\xf3\x03")][4:] == [
        ("BCC", "should be F2, the exclusive or of LEN to SN, got F3", False),
        ("ETX", "end of the frame", None),
    ]
    assert [(s.name, s.text) for s in explain(b"\xff\xfe" + EM_A[:4])] == [
        ("noise", "2 bytes that belong to no frame"),
        ("STX", "start of a frame"),
        ("LEN", "10 bytes from STX to ETX; 6 bytes missing"),
        ("TYPE", "EM4100"),
        ("SN", "2E"),
    ]


@settings(deadline=None)
@given(st.lists(st.sampled_from(ALL) | ANY_NOISE, min_size=1).map(b"".join))
def test_every_byte_of_anything_is_named(raw: bytes) -> None:
    assert not raw or partitions(raw, explain(raw))


def test_a_card_has_one_uid_whatever_reads_it() -> None:
    ways = {
        "stx_len_type": EM_A,
        "em4100": b"\x022E00B6D7B5FA\x03",
        "ascii": b"\x022E00B6D7B5FA\x03",
        "7941w": bytes.fromhex("CD DC 00 81 05 2E 00 B6 D7 B5 7E"),
    }
    for name, raw in ways.items():
        info = find(name)
        told = [event for event in read(info.make(info.choose({})), raw) if isinstance(event, CardSeen)]
        assert [(card.uid.hex().upper(), card.technology) for card in told] == [("2E00B6D7B5", Technology.EM4100)], name


@pytest.mark.parametrize("before", ["020A022E00", "022002", "99", "02", "020A022E00B6D7B5F203"])
@pytest.mark.parametrize("step", [1, 1000])
def test_keys_behind_whatever_was_cut_are_not_kept(before: str, step: int) -> None:
    """The beginning of another frame, then keyboard data that is cut as well: both are one stretch of noise."""
    reader = find("stx_len_type").make({"iso15693": "as-sent"})
    stream = bytes.fromhex(before) + frame(0xFF, b"4711".hex())[:-2]
    events: list[Event] = []
    for at in range(0, len(stream), step):
        events += reader.feed(stream[at : at + step], NOW)
    events += reader.end()
    kept = b"".join(event.raw for event in events if isinstance(event, Frame))
    assert kept.endswith(b"\xff****")
    assert len(kept) == len(stream)
    assert "4711" not in repr(events)
