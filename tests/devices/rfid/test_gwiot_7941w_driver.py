"""The 7941W: questions, answers, silence, and its frames on a virtual reader's wire."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS
from bench.codecs import gwiot_7941w_bytes as gwiot
from bench.errors import BadInput
from bench.ports import LinkState
from devices.rfid.driver import CardSeen, Event, Flaw, PollEnded, Ready, Trouble
from devices.rfid.drivers import find
from devices.rfid.drivers.gwiot_7941w import ANSWER_LIMIT_NS, BETWEEN_NS, MAX_SILENT, ROUND_PAUSE_NS, Gwiot7941W
from fixtures.readers.base import Fault, Writing
from fixtures.readers.gwiot_7941w import VirtualGwiot7941W
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
)
from tests.devices.rfid.reading import reading

ASK_UID, ASK_LF = bytes.fromhex("AB BA 00 10 00 10"), bytes.fromhex("AB BA 00 15 00 15")
COMMANDS = [
    ASK_UID,
    ASK_LF,
    bytes.fromhex("AB BA 00 11 04 6D E9 5C 17 DA"),
    bytes.fromhex("AB BA 00 16 05 2E 00 B6 A3 02 2A"),
    bytes.fromhex("AB BA 00 12 09 00 01 0A FF FF FF FF FF FF 10"),
]
CARD, NONE = bytes.fromhex("CD DC 00 81 04 6D E9 5C 17 4A"), bytes.fromhex("CD DC 00 80 00 80")
LF_CARD = gwiot.build(gwiot.DONE, bytes.fromhex("2E00B6A302"), gwiot.READER)
# Its bytes look like the head of an answer.
NESTED = gwiot.build(gwiot.DONE, bytes.fromhex("CD DC 00 81 04 6D CD"), gwiot.READER)


def polled(driver: Gwiot7941W, ns: int) -> list[bytes]:
    return driver.poll(later(ns).mono_ns)


@pytest.mark.parametrize("raw", COMMANDS, ids=lambda raw: raw.hex())
def test_every_command_that_was_seen(raw: bytes) -> None:
    parts = gwiot.parse(raw)
    assert gwiot.build(parts.code, parts.data) == raw
    assert Gwiot7941W().describe(raw).summary == gwiot.COMMANDS[parts.code]
    spans = gwiot.explain(raw)
    assert partitions(raw, spans)
    assert (spans[2].text, spans[-1].ok) == (gwiot.COMMANDS[parts.code], True)


@pytest.mark.parametrize(
    ("raw", "uid", "technology"),
    [(CARD, "6DE95C17", Technology.ISO14443), (LF_CARD, "2E00B6A302", Technology.EM4100)],
)
def test_answers_with_a_card(raw: bytes, uid: str, technology: Technology) -> None:
    (card,) = (event for event in read(Gwiot7941W(), raw) if isinstance(event, CardSeen))
    assert (card.uid.hex().upper(), card.technology, card.raw) == (uid, technology, raw)
    spans = gwiot.explain(raw)
    assert partitions(raw, spans)
    assert [span.name for span in spans] == ["start", "addr", "status", "len", "data", "xor"]


def test_a_round_asks_for_both_and_tells_what_was_found() -> None:
    driver = Gwiot7941W()
    assert polled(driver, 0) == [ASK_UID]
    assert polled(driver, 0) == []
    assert driver.deadline_ns == NOW.mono_ns + ANSWER_LIMIT_NS
    events = driver.feed(CARD, NOW)
    assert events[2:] == [Ready("Gwiot 7941W")]
    assert polled(driver, BETWEEN_NS - 1) == []
    assert polled(driver, BETWEEN_NS) == [ASK_LF]
    events = driver.feed(NONE, later(BETWEEN_NS))
    assert events[1:] == [PollEnded((bytes.fromhex("6DE95C17"),), later(BETWEEN_NS))]
    assert driver.deadline_ns == NOW.mono_ns + BETWEEN_NS + ROUND_PAUSE_NS
    assert polled(driver, BETWEEN_NS + ROUND_PAUSE_NS) == [ASK_UID]


def test_one_sort_of_cards_only() -> None:
    info = find("gwiot_7941w")
    for cards_, ask in (("hf", ASK_UID), ("lf", ASK_LF)):
        driver = info.make(info.choose({"cards": cards_}))
        assert driver.poll(0) == [ask]
        assert any(isinstance(event, PollEnded) for event in driver.feed(NONE, NOW))
        assert driver.poll(later(ROUND_PAUSE_NS).mono_ns) == [ask]


def test_silence_is_trouble_and_then_over() -> None:
    driver, at = Gwiot7941W(), 0
    events: list[Event] = []
    for _ in range(MAX_SILENT):
        assert len(polled(driver, at)) == 1
        events += driver.tick(later(at + ANSWER_LIMIT_NS))
        at += ANSWER_LIMIT_NS + ROUND_PAUSE_NS
    assert [event.what for event in events if isinstance(event, Trouble)] == ["no 7941W answers on this port"]
    assert polled(driver, at) == [ASK_UID]
    assert Ready("Gwiot 7941W") in driver.feed(NONE, later(at))


def test_a_card_in_a_late_answer_counts() -> None:
    driver = Gwiot7941W()
    assert cards(driver.feed(CARD, NOW)) == ["6DE95C17"]
    assert polled(driver, 0) == [ASK_UID]


def test_what_is_wrong_is_no_card() -> None:
    wrong = CARD[:-1] + b"\x4b"
    assert flaws(read(Gwiot7941W(), wrong)) == [(wrong, Flaw.CHECKSUM)]
    events = read(
        Gwiot7941W(), gwiot.build(gwiot.DONE, b"\x01\x02", gwiot.READER) + gwiot.build(0x82, b"", gwiot.READER)
    )
    assert cards(events) == []
    assert [frame.decoded.faults[0].rule for frame in frames(events)] == ["reader.uid-length", "reader.status"]


def test_probe_and_orders() -> None:
    probe = find("7941w").probe
    assert probe is not None
    assert probe.request == ASK_UID
    assert probe.answer(b"\xff" + NONE) == "Gwiot 7941W"
    assert probe.answer(b"Hello") == probe.answer(CARD[:5]) == ""
    with pytest.raises(BadInput):
        Gwiot7941W().order("beep")


def whole(stream: bytes) -> list[int]:
    """Where answers stand in a stream, found the slow way."""
    return [
        at
        for at in range(len(stream) - 5)
        if stream[at : at + 2] == gwiot.READER
        and stream[at + 4] <= gwiot.MAX_DATA
        and at + 6 + stream[at + 4] <= len(stream)
        and gwiot.check(stream[at + 2 : at + 6 + stream[at + 4]]) == 0
    ]


NOISE = st.sampled_from([b"", b"\xcd", b"\xcd\xdc", CARD[:7], CARD[4:], b"\xcd\xdc\x00\x81\x20", b"\xff"]) | st.binary(
    max_size=20
)


@settings(deadline=None)
@given(st.data())
def test_any_chopping_and_any_noise_between_answers(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.tuples(NOISE, st.sampled_from([CARD, LF_CARD, NESTED])), max_size=6))
    stream = b"".join(before + raw for before, raw in parts)
    at, starts = 0, []
    for before, raw in parts:
        starts.append(at + len(before))
        at += len(before) + len(raw)
    assume(whole(stream) == starts)
    events = read(Gwiot7941W(), *data.draw(chopped(st.just(stream))))
    assert cards(events) == [raw[5:-1].hex().upper() for _, raw in parts]
    assert b"".join(frame.raw for frame in frames(events)) == stream


@pytest.mark.parametrize("name", list(noises()))
def test_noise_without_end_holds_memory_flat(name: str) -> None:
    told, most = hold_memory(Gwiot7941W, noises()[name], chunks=64)
    assert told > 0
    assert most <= 1024


@settings(deadline=None)
@given(st.lists(st.sampled_from([*COMMANDS, CARD, NONE]) | NOISE, min_size=1).map(b"".join))
def test_every_byte_of_anything_is_named(raw: bytes) -> None:
    assert not raw or partitions(raw, gwiot.explain(raw))


@pytest.mark.parametrize("writing", list(Writing))
@pytest.mark.parametrize("fault", [None, Fault.NOISE, Fault.BAD_CHECKSUM, Fault.HALF_FRAME])
async def test_cards_on_the_wire(writing: Writing, fault: Fault | None) -> None:
    with VirtualGwiot7941W(writing=writing) as device:
        async with reading("7941w", device) as (sink, _):
            if fault is not None:
                device.inject(fault)
            device.present("6DE95C17")
            device.present("2E00B6A302")
            await sink.tap(2)
            device.remove("6DE95C17")
            await sink.until(lambda: sink.removed, "the card removed")
            assert [removed.uid.hex().upper() for removed in sink.removed] == ["6DE95C17"]
    assert {(card.uid_hex, card.technology) for card, _ in sink.taps} == {
        ("6DE95C17", Technology.ISO14443),
        ("2E00B6A302", Technology.EM4100),
    }
    assert any(message.malformed for message in sink.messages()) is (fault is not None)


async def test_unplugged_within_an_answer_and_plugged_in_again() -> None:
    with VirtualGwiot7941W() as device:
        async with reading("7941w", device) as (sink, _):
            device.inject(Fault.HALF_FRAME_UNPLUG)
            device.present("6DE95C17")
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the loss")
            assert sink.taps == []
            device.replug()
            assert (await sink.tap()).uid_hex == "6DE95C17"


async def test_silence_is_told_with_a_cure_and_ends() -> None:
    with VirtualGwiot7941W() as device:
        async with reading("7941w", device) as (sink, _):
            device.inject(Fault.SILENT, times=None)
            await sink.until(lambda: sink.links[-1].state is LinkState.FAULTY, "the fault")
            assert "stopped answering" in sink.links[-1].detail
            device.clear_faults()
            await sink.up()


def test_pauses_are_short() -> None:
    """A card is found within half a second."""
    assert ROUND_PAUSE_NS + BETWEEN_NS < 500 * NS_PER_MS
