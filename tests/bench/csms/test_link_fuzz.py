"""Frames that were valid and then were changed, through a connection: nothing is raised, and every call that can be told as one is
answered exactly once."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.codecs.ocpp import ERROR_CODES, MAX_ECHOED_ID, Unconfirmed, decode
from bench.codecs.ocpp_schemas import VERSIONS, Half, actions, schema_of, unconfirmed
from bench.csms.effects import Noticed, Send, Settled
from bench.message import Direction, Link
from tests.bench.csms.linkbook import LinkBook
from tests.bench.csms.minimal import minimal
from tests.bench.csms.schema_payloads import maximal

FRAMES = 20  # of one connection
NUMBERS = (0, -1, 2, 3, 4, 5, 6, 7, 2**70, 1.5, 1e308)
VALUES = (None, True, *NUMBERS, "", "x" * 40, "x" * 300, "\ud7ff", "\x00", [], {}, [[]], {"a": {}})


@cache
def _calls(version: str) -> tuple[bytes, ...]:
    """Valid calls of a version as bytes."""
    made: list[list[object]] = [
        [2, "s-1", action, make(version, Half.REQUEST, action)]
        for action in sorted(actions(version))
        for make in (minimal, maximal)
    ]
    return tuple(data for data in map(orjson.dumps, made) if len(data) < 20_000)


@cache
def _others(version: str) -> tuple[bytes, ...]:
    """What is valid and no call: answers to a call of ours, and what 2.1 adds."""
    made: list[list[object]] = [[3, "b-1", {"status": "Accepted"}], [4, "b-1", "NotSupported", "", {}]]
    made += [[6, "s-2", action, minimal(version, Half.SEND, action)] for action in unconfirmed(version)]
    if version == "2.1":
        made.append([5, "s-1", "FormatViolation", "", {}])
    return tuple(map(orjson.dumps, made))


def frame(version: str, chance: random.Random) -> bytes:
    """One of the valid frames of a version, mostly changed: in its structure, in its bytes, or in both."""
    data = chance.choice(_calls(version) if chance.randrange(6) else _others(version))
    way = chance.randrange(8)
    if way & 1:
        data = _changed_structure(orjson.loads(data), chance)
    if way & 2:
        data = _changed_bytes(data, chance)
    return data


def _changed_structure(message: list[Any], chance: random.Random) -> bytes:
    for _ in range(chance.randrange(1, 3)):
        place: Any = message
        while chance.randrange(3):
            inner = [
                value
                for value in (place.values() if isinstance(place, dict) else place)
                if isinstance(value, dict | list) and value
            ]
            if not inner:
                break
            place = chance.choice(inner)
        if not place:
            continue
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        what = chance.randrange(4)
        if what == 0:
            del place[key]
        elif what == 1 and isinstance(place, list):
            place.insert(key, chance.choice(VALUES))
        elif what == 1:
            place[chance.choice(["x", "idToken", "customData"])] = chance.choice(VALUES)
        else:
            place[key] = chance.choice(VALUES)
    try:
        return orjson.dumps(message)
    except TypeError:  # a whole number beyond 64 bits
        return b'[2,"s-1","Heartbeat",{"x":1180591620717411303424}]'


def _changed_bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(changed) + 1)
        what = chance.randrange(4)
        if what == 0:
            del changed[at : at + chance.randrange(1, 9)]
        elif what == 1:
            changed[at:at] = chance.choice(
                [b"\x00", b'"', b"[", b"}", b",", b"\xff", b"\\u0000", b"\\ud800", b"9" * 30]
            )
        elif what == 2:
            del changed[at:]
        elif at < len(changed):
            changed[at] = chance.randrange(256)
    return bytes(changed)


def call_id_of(data: bytes) -> str | None:
    """The id of what is a call and can be read, judged without the codec."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, list) or len(message) < 2 or type(message[0]) is not int or message[0] != 2:
        return None
    return message[1] if isinstance(message[1], str) and len(message[1]) <= MAX_ECHOED_ID else None


def holds(version: str, frames: list[bytes]) -> None:
    """A connection takes the frames, with a call of ours under way, and answers as it must."""
    book = LinkBook(version)
    book.calls("ClearCache")
    ends = 0
    for data in frames:
        decoded = book.link.decode(data)
        message = book.journal.append(Link.OCPP, Direction.IN, "CP-1", data, decoded, book.clock.stamp())
        effects = book.link.handle(message)
        assert all(isinstance(effect, Send | Settled | Noticed) for effect in effects)
        ends += sum(isinstance(effect, Settled) for effect in effects)
        sent = [effect for effect in effects if isinstance(effect, Send)]
        answers = [effect for effect in sent if effect.decoded.kind in ("CALLRESULT", "CALLERROR")]
        assert len(answers) <= 1
        call_id = call_id_of(data)
        if call_id is not None:
            assert [orjson.loads(answer.data)[1] for answer in answers] == [call_id], data
        if isinstance(decoded.body, Unconfirmed) or decoded.kind in ("CALLRESULT", "CALLERROR", "CALLRESULTERROR"):
            assert answers == [], data
        for effect in sent:
            _good(version, effect)
    assert book.journal.head == len(frames)
    assert ends + len(book.link.closed()) == 1  # our call came to its one end


def _good(version: str, effect: Send) -> None:
    read = decode(effect.data, version, lambda _: effect.decoded.name)
    assert read.kind == effect.decoded.kind
    if read.kind == "CALLRESULT":
        schema = schema_of(version, Half.RESPONSE, effect.decoded.name)
        assert schema is not None
        assert schema.faults(orjson.loads(effect.data)[2]) == ()
    else:
        assert orjson.loads(effect.data)[2] in ERROR_CODES[version]


connections = st.tuples(st.sampled_from(VERSIONS), st.randoms(use_true_random=False))
quick = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow, HealthCheck.large_base_example],
)


@given(connections)
@quick
def test_some_hundred_frames(connection: tuple[str, random.Random]) -> None:
    version, chance = connection
    holds(version, [frame(version, chance) for _ in range(FRAMES)])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(connections)
@settings(quick, max_examples=100_000 // FRAMES)
def test_a_hundred_thousand_frames(connection: tuple[str, random.Random]) -> None:
    version, chance = connection
    holds(version, [frame(version, chance) for _ in range(FRAMES)])


def test_the_frames_are_of_every_kind() -> None:
    """The changes leave some frames right, make some wrong and some unreadable, so that all ways through are taken."""
    chance = random.Random(1)
    for version in VERSIONS:
        kinds = {decode(frame(version, chance), version).kind for _ in range(400)}
        assert kinds >= {"CALL", "CALLRESULT", "CALLERROR", "malformed"}
        assert (version == "2.1") == bool(kinds & {"CALLRESULTERROR", "SEND"})
