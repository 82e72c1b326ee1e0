"""Two runs of the same thing, compared message by message; captures as a reader gives them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench.clock import ManualClock
from bench.exchange import Exchange, Hop, Party, TapCard, Verdict
from bench.journal.capture import Capture as RecordedCapture
from bench.journal.capture_reader import CaptureReader
from bench.journal.compare import (
    WINDOW,
    Difference,
    State,
    all_messages,
    compare_captures,
    compare_messages,
    differences,
    exchange_messages,
    tally,
    totals,
)
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link, Message, malformed

NS = 1_000_000


def message(
    seq: int, raw: object, link: Link = Link.OCPP, name: str = "Authorize", kind: str = "CALL", ms: float = 0
) -> Message:
    data = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    at = int((ms or seq) * NS)
    return Message(seq, at, at, link, Direction.IN, "CP-001", data, Decoded(kind, name, None, None))


def call(seq: int, payload: object, id_: str = "1", name: str = "Authorize", ms: float = 0) -> Message:
    return message(seq, [2, id_, name, payload], name=name, ms=ms)


class Capture:
    """What is read of a capture, in memory; counts what is asked for."""

    def __init__(self, messages: list[Message], exchanges: list[dict[str, object]]) -> None:
        self._messages = messages
        self._exchanges = exchanges
        self.largest = 0

    def messages(self, after: int = 0, limit: int = 1000) -> list[Message]:
        self.largest = max(self.largest, limit)
        return [made for made in self._messages if made.seq > after][:limit]

    def exchanges(self, after: int = 0, limit: int = 1000) -> list[dict[str, object]]:
        return [entry for entry in self._exchanges if int(str(entry["id"])) > after][:limit]


def exchange(id_: int, uid: str | None, *sequences: int, verdict: str = "accepted") -> dict[str, object]:
    card = None if uid is None else {"uid": uid, "token_type": "ISO14443", "technology": None}
    return {"id": id_, "card": card, "verdict": verdict, "hops": [{"seq": seq} for seq in (*sequences, None)]}


# Fields


def test_equal_bytes_are_the_same():
    assert differences(call(1, {"a": 1}), call(9, {"a": 1})) == ()


def test_fields_are_named_by_path_with_both_values():
    left = call(1, {"idToken": {"idToken": "04A2", "type": "ISO14443"}, "evse": [{"id": 1}], "gone": True})
    right = call(1, {"idToken": {"idToken": "04B1", "type": "ISO14443"}, "evse": [{"id": 2}], "new": None})
    assert differences(left, right) == (
        Difference("payload.idToken.idToken", "04A2", "04B1"),
        Difference("payload.evse[0].id", "1", "2"),
        Difference("payload.gone", "true", None),
        Difference("payload.new", None, "null"),
    )


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("transactionId", "TX-1", "TX-2"),
        ("transaction_id", 1, 2),
        ("timestamp", "2026-11-21T11:57:40Z", "2026-11-21T11:57:41.5+01:00"),
        ("currentTime", "a", "b"),
        ("expiryDate", "2026-11-21T11:57:40Z", "2027-11-21T11:57:40Z"),
        ("anything", "57828133-8cfe-477d-b829-0b60aff90001", "57828133-8cfe-477d-b829-0b60aff90002"),
    ],
)
def test_what_differs_every_time_is_set_aside(name, left, right):
    (found,) = differences(call(1, {name: left}), call(1, {name: right}))
    assert found.volatile
    (row,) = compare_messages([call(1, {name: left})], [call(1, {name: right})])
    assert row.state is State.SAME


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"timestamp": "2026-11-21T11:57:40Z"}, {}),
        ({"expiryDate": "2026-11-21T11:57:40Z"}, {"expiryDate": "never"}),
        ({"idToken": "57828133-8cfe-477d-b829-0b60aff90001"}, {"idToken": "57828133-8cfe-477d-b829-0b60aff90002"}),
        ({"evse": {"id": 1}}, {"evse": {"id": 2}}),
        ({"flag": True}, {"flag": 1}),
    ],
)
def test_what_only_looks_like_it_counts(left, right):
    (found,) = differences(call(1, left), call(1, right))
    assert not found.volatile


def test_envelope_ids_of_both_protocols_are_set_aside():
    (found,) = differences(call(1, {}, "a"), call(1, {}, "b"))
    assert (found.path, found.volatile) == ("id", True)
    bus = [
        message(1, {"id": id_, "name": "authorization", "type": "request", "data": {"id_token": token}}, Link.JOSEV)
        for id_, token in (("a", "04A2"), ("b", "04B1"))
    ]
    assert [(found.path, found.volatile) for found in differences(*bus)] == [("id", True), ("data.id_token", False)]


def test_secrets_differ_without_being_shown():
    left = call(1, {"idToken": {"idToken": "1234", "type": "KeyCode"}})
    right = call(1, {"idToken": {"idToken": "9876", "type": "KeyCode"}})
    (found,) = differences(left, right)
    assert found == Difference("payload.idToken.idToken", "••••", "••••")
    broken = [
        message(1, b'{"idToken": "%s", "type": "KeyCode"' % code)._replace(decoded=malformed("not JSON"))
        for code in (b"1234", b"9876")
    ]
    assert "1234" not in str(differences(*broken))
    assert "9876" not in str(differences(*broken))


def test_what_is_no_json_is_compared_as_bytes():
    left, right = (message(1, raw, Link.READER, "line", "line") for raw in (b"\xd5\x4b\x01", b"\xd5\x4b\x02"))
    assert differences(left, right) == (Difference("raw", "D5 4B 01", "D5 4B 02"),)


def test_huge_and_deep_messages_are_bounded():
    big = [call(1, {"data": "x" * (2 << 20) + end}) for end in "ab"]
    assert differences(*big) == (Difference("raw", "2,097,188 bytes", "2,097,188 bytes"),)
    deep = [message(1, b'[2,"1","A",' + b'{"a":' * 900 + end + b"}" * 900 + b"]") for end in (b"1", b"2")]
    assert len(differences(*deep)) <= 1
    wide = [call(1, {str(n): n + add for n in range(20_000)}) for add in (0, 1)]
    assert len(differences(*wide)) == 2_000 - 3


# Messages


def test_messages_are_aligned_in_order_with_their_times():
    left = [call(1, {}, ms=1), call(2, {}, name="Heartbeat", ms=4), call(3, {"x": 1}, name="StartTransaction", ms=9)]
    right = [call(7, {}, ms=100), call(8, {"x": 2}, name="StartTransaction", ms=150), call(9, {}, name="New", ms=151)]
    rows = list(compare_messages(left, right))
    assert [
        (str(row.state), row.left and row.left.seq, row.right and row.right.seq, row.left_ms, row.right_ms)
        for row in rows
    ] == [
        ("same", 1, 7, None, None),
        ("only left", 2, None, 3.0, None),
        ("changed", 3, 8, 5.0, 50.0),
        ("only right", None, 9, None, 1.0),
    ]
    assert totals(rows) == {State.SAME: 1, State.CHANGED: 1, State.LEFT: 1, State.RIGHT: 1}


def test_nothing_is_lost_whatever_the_lengths():
    one = [call(n, {}, name=f"A{n % 7}") for n in range(1, 3_000)]
    other = [call(n, {}, name=f"A{n % 5}") for n in range(1, 2_000)]
    for left, right in ((one, other), (other, one), (one, []), ([], one), ([], [])):
        rows = list(compare_messages(left, right))
        assert [row.left.seq for row in rows if row.left] == [made.seq for made in left]
        assert [row.right.seq for row in rows if row.right] == [made.seq for made in right]


def test_a_few_more_on_one_side_do_not_lose_step():
    left = [call(n, {"n": n}, name=f"A{n}") for n in range(1, 2_001)]
    right = [made for made in left if made.seq % 50]
    counts = totals(list(compare_messages(left, right)))
    assert counts == {State.SAME: len(right), State.CHANGED: 0, State.LEFT: 40, State.RIGHT: 0}


def test_rounds_of_alike_messages_stay_in_step():
    left = [call(n, {"n": n}, name=("Authorize", "Heartbeat", "MeterValues")[n % 3]) for n in range(1, 2_001)]
    right = [made for made in left if made.seq % 97]
    counts = totals(list(compare_messages(left, right)))
    assert counts == {State.SAME: len(right), State.CHANGED: 0, State.LEFT: 20, State.RIGHT: 0}


def test_long_streams_are_read_as_rows_are_asked_for():
    taken = [0, 0]

    def endless(side: int) -> Iterator[Message]:
        while True:
            taken[side] += 1
            yield call(taken[side], {}, name=f"A{taken[side] % 100 + side}")

    rows = list(islice(compare_messages(endless(0), endless(1)), 5_000))
    assert len(rows) == 5_000
    assert max(taken) <= 5_000 + 2 * WINDOW


# Captures


def test_captures_are_compared_tap_by_tap_of_each_card():
    left = Capture(
        [call(1, {"t": "A"}), call(2, {"t": "B"}), call(3, {"t": "A2"}), call(4, {})],
        [exchange(1, "A", 1), exchange(2, "B", 2), exchange(3, "A", 3), exchange(4, None, 4)],
    )
    right = Capture(
        [call(5, {"t": "B"}), call(6, {"t": "A"}), call(7, {"t": "A!"}), call(8, {"t": "C"})],
        [exchange(1, "B", 5), exchange(2, "A", 6), exchange(3, "A", 7, verdict="rejected"), exchange(4, "C", 8)],
    )
    pairs = list(compare_captures(left, right))
    assert [
        (str(pair.state), pair.left and pair.left["id"], pair.right and pair.right["id"]) for pair in pairs
    ] == [
        ("same", 1, 2), ("same", 2, 1), ("changed", 3, 3), ("only left", 4, None), ("only right", None, 4),
    ]  # fmt: skip
    assert pairs[2].facts == (Difference("verdict", "accepted", "rejected"),)
    assert pairs[2].rows[0].differences == (Difference("payload.t", "A2", "A!"),)
    assert [row.state for row in pairs[3].rows] == [State.LEFT]


def test_an_exchange_finds_its_messages_and_misses_what_was_not_recorded():
    capture = Capture([call(n, {}) for n in (1, 2, 40, 41)], [])
    entry = exchange(1, "A", 41, 2, 30, 2)
    assert [made.seq for made in exchange_messages(capture, entry)] == [2, 41]
    assert exchange_messages(capture, {"id": 1, "hops": "spoiled"}) == []


def test_kinds_are_counted_page_by_page():
    left = Capture([call(n, {}, name="Heartbeat") for n in range(1, 2_501)] + [call(2_501, {})], [])
    right = Capture([call(1, {}), call(2, {}, name="Heartbeat")], [])
    assert tally(left, right) == [
        ("ocpp", "in", "CALL", "Heartbeat", 2_500, 1),
        ("ocpp", "in", "CALL", "Authorize", 1, 1),
    ]
    assert left.largest <= 1_000
    assert len(list(all_messages(left))) == 2_501


# Real captures


async def recorded(path: Path, taps: list[tuple[str, str]], *, heartbeats: int = 0) -> Path:
    """A capture file of taps (UID, status), each a request on the bus and the answer, with ids and times of its own."""
    capture = RecordedCapture(path)
    await capture.open()
    journal, clock = Journal(), ManualClock()
    for number, (uid, status) in enumerate(taps, 1):
        made = Exchange(number, clock.stamp(), "tap", card=TapCard(uid, "ISO14443", "ISO14443", "reader", ()))
        for direction, name, tree in (
            (Direction.IN, "CALL", [2, f"{path.stem}-{number}", "Authorize", {"idToken": {"idToken": uid}}]),
            (Direction.OUT, "CALLRESULT", [3, f"{path.stem}-{number}", {"idTokenInfo": {"status": status}}]),
        ):
            clock.advance(3)
            decoded = Decoded(name, "Authorize", None, None)
            raw = json.dumps(tree).encode()
            kept = journal.append(Link.OCPP, direction, "CP-001", raw, decoded, clock.stamp())
            made.hops.append(Hop(kept.seq, Party.STATION, Party.CSMS, Link.OCPP, name, kept.mono_ns))
        made.verdict = Verdict.ACCEPTED if status == "Accepted" else Verdict.REJECTED
        capture.offer_exchange(made)
    for _ in range(heartbeats):
        journal.append(
            Link.OCPP, Direction.IN, "CP-001", b"[]", Decoded("CALL", "Heartbeat", None, None), clock.stamp()
        )
    capture.pull(journal)
    await capture.close()
    return path


async def test_capture_files_are_compared_tap_by_tap(tmp_path):
    left = await recorded(tmp_path / "left.db", [("04A2", "Accepted"), ("04B1", "Accepted"), ("04A2", "Accepted")])
    right = await recorded(
        tmp_path / "right.db", [("04B1", "Accepted"), ("04A2", "Accepted"), ("04A2", "Blocked")], heartbeats=2
    )
    with CaptureReader(left) as one, CaptureReader(right) as other:
        pairs = list(compare_captures(one, other))
        numbers = [(pair.left["id"], pair.right["id"], pair.state) for pair in pairs]
        assert numbers == [(1, 2, State.SAME), (2, 1, State.SAME), (3, 3, State.CHANGED)]
        assert [fact[:3] for fact in pairs[2].facts] == [("verdict", "accepted", "rejected")]
        told = [found for row in pairs[2].rows for found in row.differences if not found.volatile]
        assert told == [Difference("payload.idTokenInfo.status", "Accepted", "Blocked")]
        assert [row.left_ms for row in pairs[2].rows] == [None, 3.0]
        assert [(kind.name, kind.left, kind.right) for kind in tally(one, other)][0] == ("Heartbeat", 0, 2)
        assert [row.state for row in compare_messages(all_messages(one), all_messages(one))] == [State.SAME] * 6


async def test_a_tap_of_one_capture_file_only_is_told(tmp_path):
    left = await recorded(tmp_path / "left.db", [("04A2", "Accepted")])
    right = await recorded(tmp_path / "right.db", [("04B1", "Accepted")])
    with CaptureReader(left) as one, CaptureReader(right) as other:
        states = [(pair.state, pair.left is None, len(pair.rows)) for pair in compare_captures(one, other)]
    assert states == [(State.LEFT, False, 2), (State.RIGHT, True, 2)]
