"""Lines for EVerest's NxpNfcFrontend: what it takes is a card, what it refuses is refused and told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from devices.rfid.driver import CardSeen, Event, Flaw, Frame, Notice
from devices.rfid.drivers.everest_pipe import MAX_LINE, UNFINISHED_NS, EverestLines

NOW = Stamp(1_000 * NS_PER_MS, 0)


def cards(events: list[Event]) -> list[tuple[Technology, str]]:
    return [(event.technology, event.uid.hex().upper()) for event in events if isinstance(event, CardSeen)]


def rules(events: list[Event]) -> list[str]:
    return [event.rule for event in events if isinstance(event, Notice)]


@pytest.mark.parametrize(
    ("line", "technology", "uid"),
    [
        (b"ISO14443:44332211\n", Technology.ISO14443, "44332211"),
        (b"ISO14443:a4b3c2d1\n", Technology.ISO14443, "A4B3C2D1"),
        (b"ISO15693:8877665544332211\n", Technology.ISO15693, "8877665544332211"),
    ],
)
def test_what_everest_takes(line: bytes, technology: Technology, uid: str) -> None:
    assert cards(EverestLines().feed(line, NOW)) == [(technology, uid)]


@pytest.mark.parametrize(
    "line",
    [
        b"ISO14443:04A2B3C4D5E680\n",
        b"ISO14443:4433221\n",
        b"ISO14443:\n",
        b"ISO14443:443322110\n",
        b"ISO15693:44332211\n",
        b"ISO14443:4433221G\n",
        b"ISO14443: 4433221\n",
        b"ISO14443:44332211\r\n",
    ],
)
def test_what_everest_refuses_is_told_once_with_a_cure(line: bytes) -> None:
    events = EverestLines().feed(line * 3, NOW)
    assert cards(events) == []
    (notice,) = (event for event in events if isinstance(event, Notice))
    assert notice.rule == "reader.everest-line"
    assert notice.cure
    assert b"".join(event.raw for event in events if isinstance(event, Frame)) == line * 3


@pytest.mark.parametrize("line", [b"44332211\n", b"iso14443:44332211\n", b" ISO14443:44332211\n", b"Hello\n", b"\n"])
def test_other_lines_are_chatter(line: bytes) -> None:
    events = EverestLines().feed(line, NOW)
    assert (cards(events), rules(events)) == ([], [])


def test_a_writer_that_left_in_its_line_does_not_spoil_the_next() -> None:
    lines = EverestLines()
    lines.feed(b"ISO14443:4433", NOW)
    assert lines.deadline_ns == NOW.mono_ns + UNFINISHED_NS
    events = lines.feed(b"ISO14443:44332211\n", Stamp(NOW.mono_ns + UNFINISHED_NS, 0))
    assert [event.flaw for event in events if isinstance(event, Frame)] == [Flaw.CUT, None]
    assert cards(events) == [(Technology.ISO14443, "44332211")]


LINES = [b"ISO14443:44332211\n", b"ISO15693:8877665544332211\n", b"ISO14443:1\n"]


@given(st.data())
def test_any_chopping_with_noise_between_gives_the_same_cards(data: st.DataObject) -> None:
    noise = st.sampled_from([b"", b"\xff\xf0\n", b"AT+GMM\r\n", b"\n\n", b"x" * 300 + b"\n"])
    chosen = data.draw(st.lists(st.sampled_from(LINES), max_size=5))
    stream = b"".join(data.draw(noise) + line for line in chosen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    lines = EverestLines()
    events: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += lines.feed(stream[start:end], NOW)
    assert cards(events) == [card for line in chosen for card in cards(EverestLines().feed(line, NOW))]


def test_megabytes_of_noise_hold_memory_flat() -> None:
    lines = EverestLines()
    for _ in range(32):
        lines.feed(b"\xf0noise" * 20_000, NOW)
        assert len(lines._buffer) <= MAX_LINE
