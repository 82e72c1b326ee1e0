"""A reader that types: from the events of its keys to a card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.codecs import serial_bytes
from bench.codecs.input_event import EV_KEY, EVENT, character, decode, explain, key_code
from devices.rfid.driver import CardSeen, Event, Flaw, Frame, Notice, Ready
from devices.rfid.drivers import all_drivers, find
from devices.rfid.drivers.keyboard_wedge import DRIVER, IDLE_GAP_NS, MAX_RAW, MAX_TEXT, UNFINISHED_NS, KeyLines
from fixtures.readers.keyboard_wedge import key_events

NOW = Stamp(1_000 * NS_PER_MS, 0)
UID = "04A2B3C4D5E680"


def later(ns: int) -> Stamp:
    return Stamp(NOW.mono_ns + ns, 0)


def keys(**options: str) -> KeyLines:
    made = DRIVER.make(DRIVER.choose(options))
    assert isinstance(made, KeyLines)
    assert made.tick(Stamp(0, 0)) == [Ready("listening for keys")]
    return made


def uids(events: list[Event]) -> list[str]:
    return [event.uid.hex().upper() for event in events if isinstance(event, CardSeen)]


def flaws(events: list[Event]) -> list[Flaw | None]:
    return [event.flaw for event in events if isinstance(event, Frame)]


def test_keys_and_enter_are_a_card_and_its_frame_holds_every_event() -> None:
    raw = key_events(UID)
    frame, card = keys().feed(raw, NOW)
    assert isinstance(frame, Frame)
    assert isinstance(card, CardSeen)
    assert (card.uid.hex().upper(), card.technology, card.raw) == (UID, Technology.ISO14443, frame.raw)
    assert raw.startswith(frame.raw)
    assert len(frame.raw) % EVENT.size == 0
    assert frame.decoded.summary == f"ISO14443 UID {UID}"


def test_the_same_options_as_lines_have() -> None:
    assert uids(keys(digits="decimal").feed(key_events("1379380027"), NOW)) == ["5237AB3B"]
    assert uids(keys(order="reversed").feed(key_events("80e6d5c4b3a204"), NOW)) == [UID]
    (notice,) = (e for e in keys().feed(key_events("4a2b3c4d5e680"), NOW) if isinstance(e, Notice))
    assert notice.rule == "reader.lost-zero"


def test_without_enter_a_pause_ends_the_number() -> None:
    lines = keys()
    assert uids(lines.feed(key_events(UID, enter=False), NOW)) == []
    assert lines.deadline_ns == NOW.mono_ns + IDLE_GAP_NS
    assert uids(lines.tick(later(IDLE_GAP_NS))) == [UID]
    assert lines.deadline_ns is None


def test_once_enter_was_seen_half_a_number_is_no_card() -> None:
    lines = keys()
    lines.feed(key_events("5237AB3B"), NOW)
    events = lines.feed(key_events("04A2B3C4", enter=False), NOW)
    events += lines.tick(later(IDLE_GAP_NS))
    assert events == []
    events = lines.tick(later(UNFINISHED_NS))
    assert (uids(events), flaws(events)) == ([], [Flaw.CUT])


def test_a_held_key_types_once() -> None:
    raw = key_events("5237AB3B")
    code, _ = key_code("B")
    held = EVENT.pack(1_700_000_000, 0, EV_KEY, key_code("b")[0], 2)
    cut = raw.index(EVENT.pack(*decode(raw[-6 * EVENT.size : -5 * EVENT.size])))
    assert code == key_code("b")[0]
    assert uids(keys().feed(raw[:cut] + held * 5 + raw[cut:], NOW)) == ["5237AB3B"]


def test_every_character_has_a_key_and_back() -> None:
    for char in "0123456789abcdefABCDEF:;-=<>? ,./":
        code, shift = key_code(char)
        assert character(code, shift) == char
    assert character(999, False) == ""


def test_each_event_is_explained_in_one_span() -> None:
    all_drivers()
    raw = key_events("A")
    spans = serial_bytes.explain("keyboard_wedge", raw)
    assert [span.end - span.start for span in spans] == [EVENT.size] * (len(raw) // EVENT.size)
    assert "Shift (42) pressed" in [span.text for span in spans]
    assert "A (30) pressed" in [span.text for span in spans]
    assert "Enter (28) released" in [span.text for span in spans]


@given(st.binary(max_size=200))
def test_any_bytes_are_explained_whole(raw: bytes) -> None:
    spans = explain(raw)
    assert b"".join(raw[span.start : span.end] for span in spans) == raw


def test_no_keyboard_is_told_as_noise_and_bounded() -> None:
    lines = keys()
    events: list[Event] = []
    for _ in range(4):
        events += lines.feed(b"\xff" * MAX_RAW, NOW)
    assert len(lines._stray) < MAX_RAW
    assert set(flaws(events)) == {Flaw.NOISE}
    assert flaws(lines.end()) == [Flaw.NOISE]


def test_an_endless_line_is_bounded() -> None:
    lines = keys()
    events = lines.feed(key_events("7" * (MAX_TEXT * 3), enter=False), NOW)
    assert set(flaws(events)) == {Flaw.NOISE}
    assert len(lines._text) <= MAX_TEXT
    assert len(lines._raw) <= MAX_RAW


def test_the_end_of_a_connection_hands_over_half_a_line() -> None:
    lines = keys()
    lines.feed(key_events("04A2", enter=False), NOW)
    assert flaws(lines.end()) == [Flaw.CUT]
    assert lines.end() == []


def test_found_by_its_aliases() -> None:
    assert find("Keyboard-Wedge") is DRIVER


NOISE = st.sampled_from([b"", b"\xff" * 7, b"AT+GMM\r", b"\x00" * 5, b"\xf0\x81" * 20])


@given(st.data())
def test_any_chopping_with_noise_between_gives_the_same_cards(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from([UID, "5237AB3B", "0013530444", "4a2b3c4d5e680"]), max_size=4))
    stream = b"".join(data.draw(NOISE) + key_events(text) for text in chosen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    lines = keys()
    events: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += lines.feed(stream[start:end], NOW)
    assert uids(events) == [uid for text in chosen for uid in uids(keys().feed(key_events(text), NOW))]


@pytest.mark.parametrize("noise", [b"\x00", b"\xff", b"A1"])
def test_megabytes_of_noise_hold_memory_flat(noise: bytes) -> None:
    lines = keys()
    for _ in range(16):
        lines.feed(noise * (65_536 // len(noise)), NOW)
        assert len(lines._buffer) + len(lines._stray) + len(lines._raw) <= 2 * MAX_RAW
