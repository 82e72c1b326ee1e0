"""What SQL sorts out is what the filter itself would have sorted out, whatever messages look like."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.clock import ManualClock
from bench.codecs import josev, ocpp
from bench.codecs.josev import JosevMessage, Topics
from bench.codecs.ocpp import Call, CallError, CallResult
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import narrowing, parse
from bench.journal.log import Journal
from bench.journal.older import OlderScan
from bench.journal.pairs import Pairs
from bench.journal.redecode import redecode
from bench.journal.walk import Messages, Recorded, end_clock
from bench.message import Decoded, Direction, Fault, Link, Malformed, Message, malformed

KELVIN = "\u212a"  # folds to k
LONG_S = "\u017f"  # folds to s
VALUES = [
    "accepted",
    "Acc%pted",
    "a_b",
    "Blocked",
    f"bloc{KELVIN}ed",
    f"{LONG_S}tatus",
    'x"y',
    "back\\slash",
    "",
    "é",
    "É",
]
VALUES += ["1e2", "100", "100.0", "true", "null", "inf", "04A2", "tab\there", "line\nbreak", "a*b", "a,b"]
NUMBERS = [100, 100.0, 1e2, 1e16, -1, 0.5, True, None, 12345678901234567890]
FILTERS = [
    *("link:ocpp", "link:ocpp,josev", "link!=reader", "dir:in", "kind:CALL*", "kind!=CALL", "kind=response"),
    *("name:Authorize", "name:auth*", "name!=Authorize", 'name="a*b"', "name~o", "name:a*,Heartbeat", "name~é"),
    *(
        "channel:CP-1",
        "channel~cp",
        f"channel:{KELVIN}-1",
        "channel:k-1",
        "channel!=k-1",
        "id:id-1*",
        "id!=id-1",
        "id~1",
    ),
    *(
        "exchange:7",
        "flag",
        "flag:late",
        "flag:duplicate,orphan",
        "flag:unanswered",
        "flag!=late",
        "exchange>3",
        "exchange=8",
        "seq<40",
        "seq>=30",
        "seq:3,5,7",
        "seq!=5",
        "size>100",
        "size:2,3",
        "qos=1",
    ),
    *("ms>15", "ms<=15", "raw~accepted", "raw~%", "raw:é", "raw~k", 'raw~"a\\"y"', "summary~accepted"),
    *(
        "after:12:03",
        "before:2026-11-21T00:00Z",
        "after:2001-01-01",
        "before:2001-01-01T00:00:00.150",
        "after:1950-01-01",
    ),
    *("fault", "fault:ocpp.*", "fault!=malformed", "malformed", "injected"),
    *("status:accepted", "status:Accepted,blocked", "status!=Accepted", "status:a*d", "status~ck", 'status:"a,b"'),
    *("status:GenericError", "status:blocked", f"status:bloc{KELVIN}ed", "status:status", "status:100", "status:é"),
    *(
        "data.status:accepted",
        "data.status=blocked",
        "data.v=100",
        "data.v>99",
        "data.v:1e2,7",
        "data.v~0",
        "data.v:null",
    ),
    *("data.v=true", "data.v:inf", "data.v:a*", "data.list.0=accepted", "data.list.1.k:accepted", "data.list.k:x*"),
    *(
        "idToken.type:x",
        ".idTag=04a2",
        "payload.idTag=04a2",
        ".code:Generic*",
        "details.why:accepted",
        ".why~utf",
        ".where~byte",
    ),
    *(".action:Authorize", "data.type=request", ".type=request", ".id~1", "data.v!=100", "data.v<b", ".v:*"),
    *(
        "accepted",
        "ACCEPTED",
        "k",
        "100",
        "tx",
        "true",
        "%",
        "_",
        "é",
        "nowhere",
        '"a,b"',
        '"x\\"y"',
        "CP-1",
        "authorize",
    ),
]


def bodies() -> st.SearchStrategy[object]:
    leaf = st.sampled_from([*VALUES, *NUMBERS])
    inner = st.fixed_dictionaries(
        {}, optional={"status": leaf, "v": leaf, "idTag": leaf, "list": st.lists(leaf, max_size=2)}
    )
    deeper = st.fixed_dictionaries(
        {},
        optional={
            "idTokenInfo": inner,
            "idToken": st.fixed_dictionaries({"type": leaf}),
            "status": leaf,
            "v": leaf,
            "why": leaf,
            "list": st.lists(st.one_of(leaf, st.fixed_dictionaries({"k": leaf})), max_size=2),
        },
    )
    return st.one_of(inner, deeper)


@st.composite
def streams(draw: st.DrawFn) -> list[Message]:
    """Some messages of every link, some of them broken, with answers a while after their requests."""
    journal, clock = Journal(window=1000), ManualClock(utc_ns=978_307_200_000_000_000)
    for number in range(draw(st.integers(1, 25))):
        clock.advance(draw(st.sampled_from([10, 20, 60_000])))
        body, id_ = draw(bodies()), f"id-{draw(st.integers(1, 3))}"
        way, inject = draw(st.sampled_from([Direction.IN, Direction.OUT])), draw(st.booleans())
        match draw(st.integers(0, 7)):
            case 0 | 1 | 2 as kind:
                action = draw(st.sampled_from(["Authorize", "Heartbeat", "a*b", f"O{KELVIN}"]))
                frame = [
                    [2, id_, action, body],
                    [3, id_, body],
                    [4, id_, draw(st.sampled_from(VALUES)), "é accepted", body],
                ]
                raw = _json(draw, frame[kind])
                decoded = ocpp.decode(raw, "1.6", lambda id_: "Authorize")
                channel = draw(st.sampled_from(["CP-1", f"{KELVIN}-1", "cp_1"]))
                journal.append(Link.OCPP, way, channel, raw, decoded, clock.stamp(), None, inject)
            case 3 | 4:
                kind = draw(st.sampled_from(["request", "response", "update"]))
                raw = _json(draw, {"id": id_, "name": "authorization", "type": kind, "data": body})
                decoded = josev.decode(raw, "josev/cs", Topics())
                journal.append(Link.JOSEV, way, "josev/cs", raw, decoded, clock.stamp(), {"qos": number % 2}, inject)
            case 5:
                raw = draw(st.sampled_from([b"\xff accepted", b"a\x00accepted", b"", b"{bro\\ken"]))
                decoded = malformed("not UTF-8", "byte 0", name=draw(st.sampled_from(["", "Authorize"])))
                journal.append(draw(st.sampled_from([Link.OCPP, Link.JOSEV])), way, "CP-1", raw, decoded, clock.stamp())
            case 6:
                faults = draw(st.sampled_from([(), (Fault("reader.checksum", "accepted", ""),)]))
                decoded = Decoded("frame", "InListPassiveTarget", None, None, faults, "UID 04A2 accepted")
                journal.append(Link.READER, way, "pn532", b"\xd5\x4b\x00", decoded, clock.stamp())
            case _:
                journal.append(Link.OCPP, way, "CP-1", b"", Decoded("link", "up", None, None, (), "up"), clock.stamp())
    return journal.since(0)


def _json(draw: st.DrawFn, value: object) -> bytes:
    raw = orjson.dumps(value)
    # The same text may be written with escapes.
    return raw.replace(b"accepted", b"\\u0061ccepted") if draw(st.integers(0, 5)) == 0 else raw


def terms() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(FILTERS),
        lambda inner: st.one_of(
            st.builds("not ({})".format, inner),
            st.builds("({}) and ({})".format, inner, inner),
            st.builds("({}) or ({})".format, inner, inner),
        ),
        max_leaves=4,
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that each example makes anew."""
    return tmp_path_factory.mktemp("narrowing") / "capture.db"


def record(path: Path, stream: list[Message]) -> None:
    path.unlink(missing_ok=True)
    file = CaptureFile(path)
    file.open()
    member = stream[len(stream) // 2].seq
    rows = [ExchangeRow(number, 0, "accepted", "store", "{}", (member,)) for number in (7, 8)]
    file.write(Batch(stream, rows))
    file.close()


def narrowed(path: Path, text: str, count: int) -> list[int]:
    """Found by the window's search; what goes over a capture for the command line and for exports finds the same."""
    scan = OlderScan(path, parse(text), 1, count, redecode, routine=True)
    try:
        found = list(scan.step()[0])
    finally:
        scan.close()
    with CaptureReader(path) as reader:
        assert [message.seq for message in Messages(reader, parse(text))] == found, text
    return found


def unhurried(path: Path, texts: list[str], count: int) -> dict[str, list[int]]:
    """Every message decoded and tested."""
    with CaptureReader(path) as reader:
        pairs = Pairs(end_clock(reader))
        pairs.take(reader.messages(limit=count))
        context = Recorded(reader, 1, count, pairs)
        whole = [redecode(message) for message in reader.messages(limit=count)]
        return {text: [m.seq for m in whole if parse(text).matches(m, context)] for text in texts}


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(stream=streams(), more=st.lists(terms(), min_size=5, max_size=20))
def test_the_same_is_found_with_and_without_sql(path: Path, stream: list[Message], more: list[str]) -> None:
    record(path, stream)
    texts = [*FILTERS, *(f"not {text}" for text in FILTERS), *more]
    for text, expected in unhurried(path, texts, len(stream)).items():
        assert narrowed(path, text, len(stream)) == expected, text


HOSTILE = [
    b'[3,"1",{"idTagInfo":{"status":"\\u0061ccepted"}}]',
    b'[2,"2","Authorize",{"idT\\u0061g":"04A2","status":"x"}]',
    '[2,"3","Authorize",{"idTag":"04A2","status":"bloc\u212aed"}]'.encode(),
    '[2,"3","Authorize",{"idTag":"no\u017fuch","v":"\ufb01ne"}]'.encode(),
    b'[2,"4","Authorize",{"v":1e2,"status":"a"}]',
    b'[4,"5","accepted","",{}]',
    b"\xff accepted \x00 nowhere",
    b"\x00accepted",
    b'[2,"6","Authorize",{"v":"a%b_c","idTag":"A_C"}]',
    b'[2,"7","Authorize",{"v":"axbyc","idTag":"ABC"}]',
]
HOSTILE_FILTERS = [
    "status:accepted",
    "status~CCEPT",
    "status!=x",
    ".idTag=04a2",
    ".idTag:04*",
    "status:blocked",
    "status~ck",
    "accepted",
]
HOSTILE_FILTERS += [
    ".idTag:nosuch",
    ".v:fine",
    ".v~fin",
    ".v=100",
    ".v>99",
    "raw~accepted",
    "raw~nowhere",
    "nowhere",
    "a%b",
    "a_c",
]
HOSTILE_FILTERS += [
    "raw~a_c",
    "raw~a%b",
    ".idTag:a_c",
    ".idTag~_",
    ".v:a*b*c",
    "name:k",
    "name~k",
    "channel:CP-k",
    "k",
    "utf",
    "summary~utf",
]


HOSTILE_FILTERS += [
    "channel:*p*b*",
    "name:a*",
    "name!=a",
    "channel=cp",
    "name:*a*a*b",
    "name~accepted",
    'name="a\0accepted"',
]


def hostile_stream() -> list[Message]:
    journal, clock = Journal(window=100), ManualClock()
    for raw in HOSTILE:
        decoded = ocpp.decode(raw, "1.6", lambda id_: "Authorize")
        for channel, name in (("CP-1", decoded.name), (f"CP-{KELVIN}", KELVIN), ("CP\0b", "a\0accepted")):
            journal.append(Link.OCPP, Direction.IN, channel, raw, decoded._replace(name=name), clock.stamp())
    return journal.since(0)


def test_nothing_hides_behind_escapes_folded_letters_nul_and_wildcards(path: Path) -> None:
    stream = hostile_stream()
    record(path, stream)
    texts = [*HOSTILE_FILTERS, *(f"not {text}" for text in HOSTILE_FILTERS)]
    for text, expected in unhurried(path, texts, len(stream)).items():
        assert narrowed(path, text, len(stream)) == expected, text


def test_every_part_of_a_body_that_a_path_may_mean_is_known() -> None:
    for body in (Call, CallResult, CallError, JosevMessage, Malformed):
        assert {field.name for field in fields(body)} <= narrowing._ATTRIBUTES


def test_filters_as_long_as_they_may_be_are_not_too_much_for_sqlite(path: Path) -> None:
    stream = hostile_stream()
    record(path, stream)
    words = " ".join(["a"] * 999)
    for text in (
        words,
        " or ".join(["a"] * 400),
        f"name:{','.join(['a'] * 900)}",
        "(" * 50 + "accepted" + ")" * 50,
    ):
        count = len(stream)
        assert narrowed(path, text, count) == unhurried(path, [text], count)[text]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("link:ocpp dir:in", 0),
        ("name:Authorize or name:Heartbeat", 0),
        ("not name:Authorize", 0),
        ("nowhere", 0),
        ("not accepted", 0),
        ("seq>3 malformed", 0),
        ("status:Blocked", 1),
        (".idTag=04A2", 1),
        ("ms>1", 2),
    ],
)
def test_no_more_is_read_than_is_in_doubt(tmp_path: Path, text: str, read: int) -> None:
    journal, clock = Journal(window=10), ManualClock()
    for raw in (
        b'[2,"1","Authorize",{"idTag":"04A2"}]',
        b'[3,"1",{"idTagInfo":{"status":"Accepted"}}]',
        b'[2,"2","Authorize",{"idTag":"04B7"}]',
        b'[3,"2",{"idTagInfo":{"status":"Blocked"}}]',
    ):
        decoded = ocpp.decode(raw, "1.6", lambda id_: "Authorize")
        journal.append(Link.OCPP, Direction.IN, "CP-1", raw, decoded, clock.stamp())
    record(tmp_path / "x.db", journal.since(0))
    wanted = parse(text)
    with CaptureReader(tmp_path / "x.db") as reader:
        candidates = reader.candidates(1, 4, wanted.narrowing, routine=True)
    assert sum(doubt for _, doubt in candidates) == read
