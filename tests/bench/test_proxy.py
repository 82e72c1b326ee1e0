"""The proxy's core, as transcripts: what each side says, and what is passed on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bench.clock import NS_PER_MS, Stamp
from bench.errors import BadInput, NotFound
from bench.journal.filter import FilterError
from bench.journal.log import Journal
from bench.journal.pairing import Flag
from bench.message import Direction, Link, Message
from bench.proxy import MAX_QUEUED, Answered, Effect, Forward, Hangup, Meddled, ProxyLine, Trouble, sendable
from bench.proxy_rules import Deed, Rule, Rules, Side, edit, make_rule, merge_patch

AUTHORIZE = b'[2,"1","Authorize",{"idTag":"04AA"}]'
ACCEPTED = b'[3,"1",{"idTagInfo":{"status":"Accepted"}}]'
HEARTBEAT = b'[2, "2", "Heartbeat", {}]'
STATION, CSMS = Side.STATION, Side.CSMS


class Asked:
    """Answers what filters ask: nothing is known."""

    def exchange_of(self, seq: int) -> int | None:
        return None

    def flags(self, message: Message) -> tuple[Flag, ...]:
        return ()

    def answer_ms(self, message: Message) -> float | None:
        return None


class Play:
    """A line with its journal. now_ms moves by hand."""

    def __init__(self, *rules: Rule) -> None:
        self.line = ProxyLine("1.6", Rules(rules), Asked(), id_prefix="ours")
        self.journal = Journal()
        self.now_ms = 0

    @property
    def now_ns(self) -> int:
        return self.now_ms * NS_PER_MS

    def says(self, side: Side, data: bytes) -> list[Effect]:
        decoded = self.line.decode(side, data)
        stamp = Stamp(self.now_ns, 0)
        return self.line.received(
            side, self.journal.append(Link.OCPP, Direction.IN, "CP-1", data, decoded, stamp, {"side": str(side)})
        )


def passed(effects: list[Effect]) -> list[tuple[Side, bytes]]:
    return [(effect.to, effect.data) for effect in effects if isinstance(effect, Forward)]


def test_without_rules_every_byte_passes_even_of_what_cannot_be_read() -> None:
    play = Play()
    for data in (AUTHORIZE, HEARTBEAT, b"[2,", b"\x00\xff", b"{}", b'[2,"1","NoSuch",{}]', b'[9,"x"]'):
        assert play.says(STATION, data) == [Forward(CSMS, data, play.journal.head)]
    for data in (ACCEPTED, b'[4,"9","GenericError"]', b"nonsense"):
        assert play.says(CSMS, data) == [Forward(STATION, data, play.journal.head)]


def test_an_answer_is_read_as_the_answer_to_its_call() -> None:
    play = Play()
    play.says(STATION, AUTHORIZE)
    assert play.line.decode(CSMS, ACCEPTED).name == "Authorize"
    assert play.line.decode(STATION, ACCEPTED).name == ""  # the station does not answer itself


def test_drop() -> None:
    play = Play(make_rule("name=Authorize", Deed.DROP, side=STATION, times=1))
    assert play.says(STATION, AUTHORIZE) == [Meddled(1, "dropped", "dropped by the rule name=Authorize")]
    assert passed(play.says(STATION, AUTHORIZE)) == [(CSMS, AUTHORIZE)]  # only the first


def test_a_rule_for_one_side_leaves_the_other_alone() -> None:
    play = Play(make_rule("", Deed.DROP, side=CSMS))
    assert passed(play.says(STATION, HEARTBEAT)) == [(CSMS, HEARTBEAT)]
    assert passed(play.says(CSMS, ACCEPTED)) == []


def test_edit_by_patch_keeps_the_head_and_says_so() -> None:
    play = Play(
        make_rule("kind:CALLRESULT", Deed.EDIT, patch={"idTagInfo": {"status": "Blocked", "parentIdTag": None}})
    )
    play.says(STATION, AUTHORIZE)
    told, sent = play.says(CSMS, b'[3,"1",{"idTagInfo":{"status":"Accepted","parentIdTag":"P"}}]')
    assert told == Meddled(2, "edited", "edited by the rule kind:CALLRESULT")
    assert sent == Forward(STATION, b'[3,"1",{"idTagInfo":{"status":"Blocked"}}]', 2, edited=True, action="Authorize")


def test_what_has_no_payload_is_passed_on_unedited_and_told() -> None:
    play = Play(make_rule("", Deed.EDIT, payload={}))
    data = b'[4,"1","GenericError","",{}]'
    told, sent = play.says(CSMS, data)
    assert told == Meddled(1, "not", "not edited by the rule (every message): it has no payload")
    assert sent == Forward(STATION, data, 1)


def test_every_rule_that_fits_is_applied() -> None:
    play = Play(
        make_rule("name=Authorize", Deed.EDIT, payload={"idTag": "X"}),
        make_rule(".idTag:04*", Deed.EDIT, patch={"idTag": "Y"}),  # looks at the message as it came
        make_rule("name=Authorize", Deed.DELAY, delay_ms=50),
    )
    assert passed(play.says(STATION, AUTHORIZE)) == []
    play.now_ms = 50
    assert passed(play.line.tick(play.now_ns)) == [(CSMS, b'[2,"1","Authorize",{"idTag":"Y"}]')]


def test_delay_keeps_the_order_of_its_direction_only() -> None:
    play = Play(make_rule("name=Authorize", Deed.DELAY, delay_ms=200))
    assert passed(play.says(STATION, AUTHORIZE)) == []
    play.now_ms = 10
    assert passed(play.says(STATION, HEARTBEAT)) == []  # not past the one before it
    assert passed(play.says(CSMS, b'[2,"c","ClearCache",{}]')) != []
    assert play.line.due_ns == 200 * NS_PER_MS
    play.now_ms = 199
    assert play.line.tick(play.now_ns) == []
    play.now_ms = 200
    assert passed(play.line.tick(play.now_ns)) == [(CSMS, AUTHORIZE), (CSMS, HEARTBEAT)]
    assert play.line.due_ns is None


def test_hold_release_and_drop_by_the_operator() -> None:
    play = Play(make_rule("name=Authorize", Deed.HOLD))
    play.says(STATION, AUTHORIZE)
    play.says(STATION, HEARTBEAT)
    play.says(STATION, AUTHORIZE)
    assert [(one.seq, one.held) for one in play.line.waiting] == [(1, True), (2, False), (3, True)]
    assert play.line.due_ns is None  # only the operator ends this
    assert passed(play.line.release(3, 0, payload={"idTag": "Z"})) == []  # the first still holds it up
    effects = play.line.release(1, 0)
    assert passed(effects) == [(CSMS, AUTHORIZE), (CSMS, HEARTBEAT), (CSMS, b'[2,"1","Authorize",{"idTag":"Z"}]')]
    with pytest.raises(NotFound, match="message 1 does not wait"):
        play.line.release(1, 0)


def test_dropping_a_held_message_lets_the_next_go() -> None:
    play = Play(make_rule("name=Authorize", Deed.HOLD))
    play.says(STATION, AUTHORIZE)
    play.says(STATION, HEARTBEAT)
    assert play.line.drop(1, 0) == [
        Meddled(1, "dropped", "dropped by the operator"),
        Forward(CSMS, HEARTBEAT, 2, waited_since=0),
    ]


def test_an_injected_call_is_answered_to_us_alone() -> None:
    play = Play()
    call, effects = play.line.call(STATION, "ClearCache", {})
    assert call.id == "ours-1"
    assert effects == [Forward(STATION, b'[2,"ours-1","ClearCache",{}]', None)]
    assert play.line.decode(STATION, b'[3,"ours-1",{"status":"Odd"}]').faults  # checked as that action's answer
    assert passed(play.says(CSMS, b'[3,"ours-1",{}]')) != []  # nobody asked the CSMS
    assert play.says(STATION, b'[3,"ours-1",{"status":"Accepted"}]') == [Answered("ours-1")]
    assert (
        passed(play.says(STATION, b'[3,"ours-1",{"status":"Accepted"}]')) != []
    )  # a second one is the station's affair


def test_a_refusal_of_an_injected_call_is_ours_too_and_rules_do_not_touch_it() -> None:
    play = Play(make_rule("", Deed.DROP))
    play.line.inject(CSMS, b'[2,"mine","Heartbeat",{}]')
    assert play.says(CSMS, b'[4,"mine","NotSupported","",{}]') == [Answered("mine")]


def test_an_id_that_is_open_already_cannot_be_injected() -> None:
    play = Play()
    play.says(CSMS, b'[2,"c","ClearCache",{}]')
    with pytest.raises(BadInput, match="has an open call with the id c"):
        play.line.inject(STATION, b'[2,"c","ClearCache",{}]')


def test_a_side_that_leaves_gets_its_last_words_through() -> None:
    play = Play(
        make_rule("name=Authorize", Deed.DELAY, delay_ms=1000),
        make_rule("name=Heartbeat", Deed.HOLD),
        make_rule("name=ClearCache", Deed.HOLD),
    )
    play.says(STATION, AUTHORIZE)
    play.says(STATION, HEARTBEAT)
    play.says(CSMS, b'[2,"c","ClearCache",{}]')
    assert play.line.closed(STATION, 3001, "power fails") == [
        Forward(CSMS, AUTHORIZE, 1, waited_since=0),
        Meddled(2, "dropped", "dropped: the station left while it was held"),
        Meddled(3, "dropped", "dropped: the station left before it was passed on"),
        Hangup(CSMS, 3001, "power fails"),
    ]
    assert play.line.waiting == ()


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ((1000, ""), (1000, "")),
        ((4999, "own"), (4999, "own")),
        ((1005, ""), (None, "")),
        ((1006, "broke off"), (1006, "")),
        ((1015, "TLS"), (1006, "")),
        ((2000, "no such code"), (1006, "")),
    ],
)
def test_close_codes(came: tuple[int, str], goes: tuple[int | None, str]) -> None:
    assert sendable(*came) == goes


def test_a_full_queue_lets_everything_go_and_tells() -> None:
    play = Play(make_rule("name=Authorize", Deed.HOLD))
    play.says(STATION, AUTHORIZE)
    for _ in range(MAX_QUEUED - 1):
        assert play.says(STATION, HEARTBEAT) == []
    trouble, *rest = play.says(STATION, HEARTBEAT)
    assert isinstance(trouble, Trouble)
    assert trouble.rule == "proxy.queue-full"
    assert [effect.of for effect in rest if isinstance(effect, Forward)] == list(range(1, MAX_QUEUED + 2))
    assert play.line.waiting == ()


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: object, patch: object, result: object) -> None:
    assert merge_patch(target, patch) == result


@pytest.mark.parametrize(
    ("deed", "more", "why"),
    [
        (Deed.EDIT, {}, "either a merge patch or a new payload"),
        (Deed.EDIT, {"patch": {}, "payload": {}}, "either a merge patch or a new payload"),
        (Deed.EDIT, {"patch": {"a": object()}}, "no JSON"),
        (Deed.DELAY, {}, "0 ms is not possible"),
        (Deed.DELAY, {"delay_ms": 10_000_000}, "not possible"),
        (Deed.DROP, {"delay_ms": 5}, "takes no delay"),
        (Deed.HOLD, {"payload": {}}, "changes no payload"),
        (Deed.DROP, {"times": 0}, "does nothing"),
    ],
)
def test_rules_that_make_no_sense(deed: Deed, more: Mapping[str, object], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        make_rule("", deed, **more)  # type: ignore[arg-type]


def test_a_filter_that_cannot_be_read() -> None:
    with pytest.raises(FilterError):
        make_rule("(name=Authorize", Deed.DROP)


def test_too_many_rules() -> None:
    with pytest.raises(BadInput, match="101 rules are too many"):
        Rules([make_rule("", Deed.DROP)] * 101)


@pytest.mark.parametrize("data", [b"[4]", b"[2,", b"[]", b'[2,"1"]', b'[4,"1","X"]', b'{"a":1}', b'[2,"\xff'])
def test_what_cannot_be_edited(data: bytes) -> None:
    with pytest.raises(BadInput):
        edit(data, payload={})


def test_rules_count_and_one_that_stays_goes_on_counting() -> None:
    first, second = make_rule("name=Authorize", Deed.DELAY, delay_ms=1), make_rule("", Deed.DELAY, delay_ms=1, times=1)
    play = Play(first, second)
    rules = play.line._rules
    play.says(STATION, AUTHORIZE)
    play.says(STATION, HEARTBEAT)
    assert rules.applied == (1, 1)
    rules.replace([second, make_rule("", Deed.DROP), first])
    assert rules.applied == (1, 0, 1)
    rules.replace([make_rule("name=Authorize", Deed.DELAY, delay_ms=1)])
    assert rules.applied == (0,)
