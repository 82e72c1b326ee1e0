from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.clock import NS_PER_S
from bench.journal.filter import MAX_DEPTH, MAX_LENGTH, Field, FilterError, complete, parse, register
from bench.journal.filter.fields import FIELDS
from bench.journal.filter.values import local_day_ns, text_test
from bench.journal.pairing import Flag
from bench.message import Decoded, Direction, Fault, Link, Message, malformed


@dataclass
class Josev:
    id: str
    name: str
    type: str
    data: dict[str, object]


@dataclass
class Call:
    id: str
    action: str
    payload: dict[str, object]


@dataclass
class CallError:
    id: str
    action: str
    code: str
    description: str
    details: dict[str, object]


class Facts:
    """Exchange 42 owns message 2; message 3 took 138.2 ms and came late."""

    def exchange_of(self, seq: int) -> int | None:
        return 42 if seq == 2 else None

    def answer_ms(self, message: Message) -> float | None:
        return 138.2 if message.seq == 3 else None

    def flags(self, message: Message) -> tuple[Flag, ...]:
        return (Flag.LATE, Flag.DUPLICATE) if message.seq == 3 else ()


def message(seq: int, link: Link, direction: Direction, channel: str, raw: bytes, decoded: Decoded, **more) -> Message:
    return Message(seq, seq, (1_700_000_000 + seq) * NS_PER_S, link, direction, channel, raw, decoded, **more)


TOKEN = {"idToken": "04A2B3C4D5E680", "type": "ISO14443"}
MESSAGES = [
    message(1, Link.READER, Direction.IN, "ttyUSB0", b"\xd5\x4b", Decoded("frame", "InListPassiveTarget", None, None)),
    message(
        2,
        Link.OCPP,
        Direction.IN,
        "CP-001",
        b'[2,"a","Authorize",{"idToken":{"idToken":"04A2B3C4D5E680"}}]',
        Decoded("CALL", "Authorize", "a", Call("a", "Authorize", {"idToken": TOKEN, "evse": [{"id": 1}, {"id": 2}]})),
    ),
    message(
        3,
        Link.OCPP,
        Direction.OUT,
        "CP-001",
        b'[3,"a",{"idTokenInfo":{"status":"Blocked"}}]',
        Decoded("CALLRESULT", "Authorize", "a", Call("a", "Authorize", {"idTokenInfo": {"status": "Blocked"}})),
    ),
    message(
        4,
        Link.JOSEV,
        Direction.IN,
        "josev/cs",
        b'{"data":{"status":"accepted"}}',
        Decoded(
            "response",
            "authorization",
            "57828133-8cfe",
            Josev("57828133-8cfe", "authorization", "response", {"status": "accepted"}),
        ),
        meta={"qos": 1},
    ),
    message(5, Link.OCPP, Direction.IN, "CP-002", b"[oops", malformed("not JSON", "byte 1")),
    message(
        6,
        Link.OCPP,
        Direction.IN,
        "CP-002",
        b'[4,"b","NotImplemented","",{}]',
        Decoded(
            "CALLERROR",
            "Authorize",
            "b",
            CallError("b", "Authorize", "NotImplemented", "", {}),
            (Fault("ocpp.schema", "details are wrong", "details"),),
        ),
        injected=True,
    ),
]


def found(text: str) -> list[int]:
    matches = parse(text).matches
    return [each.seq for each in MESSAGES if matches(each, Facts())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("link:ocpp", [2, 3, 5, 6]),
        ("link:OCPP name:authorize", [2, 3, 6]),
        ("link:josev,reader", [1, 4]),
        ("link!=ocpp", [1, 4]),
        ("dir:out", [3]),
        ("kind:CALL", [2]),
        ("kind:CALL*", [2, 3, 6]),
        ("kind=CALL*", []),
        ("name~thori", [2, 3, 4, 6]),
        ("channel:CP-001", [2, 3]),
        ("channel:CP-*", [2, 3, 5, 6]),
        ("exchange:42", [2]),
        ("exchange!=42", []),
        ("seq>100", []),
        ("seq >= 5", [5, 6]),
        ("seq:1,4", [1, 4]),
        ("ms>100", [3]),
        ("ms>500", []),
        ("flag", [3]),
        ("flag:late", [3]),
        ("flag:orphan", []),
        ("flag:unanswered,duplicate", [3]),
        ("size<3", [1]),
        ("qos:1", [4]),
        ("id:57828133*", [4]),
        ("status:accepted", [4]),
        ("status!=Accepted", [3, 6]),
        ("not status:Accepted", [1, 2, 3, 5, 6]),
        ("link:ocpp name:Authorize status!=Accepted", [3, 6]),
        ("status:NotImplemented", [6]),
        ("malformed", [5]),
        ("not malformed and link:ocpp", [2, 3, 6]),
        ("injected", [6]),
        ("fault", [5, 6]),
        ("fault:ocpp.*", [6]),
        ('"fault"', []),
        ("04a2b3", [2]),
        ("BLOCKED", [3]),
        ("cp-002", [5, 6]),
        ("authorize blocked", [3]),
        ("link:reader or dir:out", [1, 3]),
        ("link:reader or dir:out and ms>500", [1]),
        ("(link:reader or link:josev) dir:in", [1, 4]),
        ("not (link:ocpp or link:josev)", [1]),
        ("NOT link:ocpp", [1, 4]),
        ("data.status=accepted", [4]),
        ("type:response", None),
        (".type:response", [4]),
        ('idToken.idToken~"04a2"', [2]),
        ("evse.id:2", [2]),
        ("evse.1.id=2", [2]),
        ("evse.id>1", [2]),
        ("payload.idToken.type:ISO*", [2]),
        ("idTokenInfo.status:Blocked", [3]),
        ("no.such.path:1", []),
        ("raw~accepted", [4]),
    ],
)
def test_finds(text: str, expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(FilterError):
            parse(text)
    else:
        assert found(text) == expected


def test_times_of_day_are_local_and_dates_absolute() -> None:
    day_ns = local_day_ns(MESSAGES[3].utc_ns)
    seconds = day_ns // NS_PER_S
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    assert found(f"after:{clock}") == [4, 5, 6]
    assert found(f"before:{clock}") == [1, 2, 3]
    assert found("after:2023-11-14T22:13:24Z") == [4, 5, 6]
    assert found('before:"2023-11-14T22:13:22+00:00"') == [1]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("nmae:Authorize", 0, "did you mean name?"),
        ("link:ocpp zzz:1", 10, "there is no field zzz"),
        ("link:ocp", 5, "ocp is no link: reader, josev, ocpp"),
        ("dir>in", 4, "dir is text"),
        ("flag:slow", 5, "slow is no flag: orphan, late, duplicate, reused-id, unanswered"),
        ("ms>fast", 3, "ms is a number, not fast"),
        ("ms~5", 3, "ms is a number"),
        ("after:noon", 6, "noon is no time"),
        ("after:25:00", 6, "25:00 is no time of day"),
        ('name:"Auth', 5, "the quote is not closed"),
        ('link:ocpp ""', 10, "nothing between the quotes"),
        ("name:", 5, "name: needs a value"),
        ("(link:ocpp", 0, "not closed"),
        ("link:ocpp)", 9, "never opened"),
        ("link:ocpp and", 13, "missing at the end"),
        ("or link:ocpp", 0, "missing before or"),
        ("()", 1, "missing before this bracket"),
        ("malformed:yes", 10, "malformed stands alone"),
    ],
)
def test_says_what_is_wrong_and_where(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.position == position
    assert words in caught.value.text


def test_is_bounded() -> None:
    with pytest.raises(FilterError, match="at most 2000"):
        parse("a" * (MAX_LENGTH + 1))
    deep = MAX_DEPTH + 1
    with pytest.raises(FilterError, match="deeper than 50"):
        parse("(" * deep + "a" + ")" * deep)
    with pytest.raises(FilterError, match="deeper than 50"):
        parse("not " * deep + "a")
    assert parse("(" * MAX_DEPTH + "authorize" + ")" * MAX_DEPTH).matches(MESSAGES[1], Facts())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab:=!~<>()".,* \\ndotr1-é', max_size=40))
def test_any_text_parses_or_is_refused_in_place(text: str) -> None:
    trouble = None
    try:
        matches = parse(text).matches
    except FilterError as error:
        trouble = error
    if trouble is None:
        assert all(isinstance(matches(each, Facts()), bool) for each in MESSAGES)
    else:
        assert 0 <= trouble.position <= len(text)
        assert trouble.text


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("li", ["link:"]),
        ("link:", [f"link:{name}" for name in ("reader", "josev", "ocpp", "http", "hub", "maeve", "ocpi", "everest")]),
        ("dir:in link:oc", ["link:ocpp", "link:ocpi"]),
        ("kind!=callr", ["kind!=CALLRESULT", "kind!=CALLRESULTERROR"]),
        ("(mal", ["malformed"]),
        ("no", ["not"]),
        ("", []),
        ("link:ocpp ", []),
        ('"li', []),
        ("nosuch:a", []),
    ],
)
def test_completion(text: str, offered: list[str]) -> None:
    assert complete(text, len(text)) == offered


def test_completion_looks_at_the_cursor_only() -> None:
    assert complete("lin name:Authorize", 3) == ["link:"]


def test_later_parts_add_fields() -> None:
    register(Field("long", "over 40 bytes", FIELDS["size"].make, flag=lambda m, c: len(m.raw) > 40))
    try:
        assert found("long") == [2, 3]
        assert complete("lo", 2) == ["long"]
    finally:
        del FIELDS["long"]


def test_stars_take_linear_time() -> None:
    """A station may call itself, or an action, whatever it likes."""
    test = text_test(":", "*a" * 500 + "*b")
    began = time.process_time()
    assert not test("a" * 1_000_000)
    assert test("a" * 1_000_000 + "b")
    assert time.process_time() - began < 2


@given(st.text("ab*", min_size=1, max_size=6), st.text("ab", max_size=8))
def test_stars_are_what_a_regular_expression_would_say(pattern: str, text: str) -> None:
    wanted = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    assert text_test(":", pattern)(text) == (wanted.fullmatch(text) is not None)
