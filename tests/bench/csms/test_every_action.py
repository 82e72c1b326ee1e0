"""Every action of every version, as a station sends it and as we do: the smallest and the largest payload its schema allows, and
each of its constraints broken once. One right answer each, nothing raises, all is recorded."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bench.codecs.ocpp_schemas import VERSIONS, Half, actions, schema_of, unconfirmed
from bench.csms import answers16, answers21, answers201
from bench.errors import BadInput
from tests.bench.csms.linkbook import LinkBook
from tests.bench.csms.minimal import minimal
from tests.bench.csms.schema_payloads import broken, maximal

ANSWERED = {"1.6": answers16.ANSWERS, "2.0.1": answers201.ANSWERS, "2.1": answers21.ANSWERS}
EVERY = [(version, action) for version in VERSIONS for action in sorted(actions(version))]
OURS = [(version, action) for version, action in EVERY if action not in ANSWERED[version] or action == "DataTransfer"]

# OCPP-J 1.6 table 7, OCPP 2.0.1 Part 4 table 8, OCPP 2.1 Part 4 table 9.
_CODES_16 = {
    "required": "ProtocolError",
    "additionalProperties": "FormationViolation",
    "type": "TypeConstraintViolation",
    "minItems": "OccurenceConstraintViolation",
    "maxItems": "OccurenceConstraintViolation",
}
_CODES_2 = {
    "required": "OccurrenceConstraintViolation",
    "additionalProperties": "FormatViolation",
    "type": "TypeConstraintViolation",
    "minItems": "OccurrenceConstraintViolation",
    "maxItems": "OccurrenceConstraintViolation",
}


def said_to(book: LinkBook, action: str, payload: object) -> list[object]:
    """The frame that answers a call, of which there is exactly one; the call stands in the journal as it came."""
    call_id = str(book.journal.head + 1)
    data = json.dumps([2, call_id, action, payload], ensure_ascii=False).encode()
    answers = [json.loads(line[2:]) for line in book.sends(data) if line.startswith("> ")]
    assert len(answers) == 1
    (answer,) = answers
    assert isinstance(answer, list)
    assert answer[1] == call_id
    recorded = book.journal.get(book.journal.head)
    assert recorded is not None
    assert recorded.raw == data
    return answer


@pytest.mark.parametrize(("version", "action"), EVERY)
@pytest.mark.parametrize("make", [minimal, maximal])
def test_a_valid_payload_gets_the_right_answer(version: str, action: str, make: type) -> None:
    book = LinkBook(version)
    answer = said_to(book, action, make(version, Half.REQUEST, action))
    if action in ANSWERED[version]:
        assert answer[0] == 3
        schema = schema_of(version, Half.RESPONSE, action)
        assert schema is not None
        assert schema.faults(answer[2]) == ()
    else:
        assert (answer[0], answer[2]) == (4, "NotSupported")
    recorded = book.journal.get(1)
    assert recorded is not None
    assert recorded.decoded.faults == () or [fault.rule for fault in recorded.decoded.faults] == ["ocpp.schema.format"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_action_of_another_version_is_not_implemented(version: str) -> None:
    book = LinkBook(version)
    others = {action for other in VERSIONS for action in actions(other)} - actions(version)
    for action in sorted(others):
        answer = said_to(book, action, {})
        assert (answer[0], answer[2]) == (4, "NotImplemented"), action


def code_of(version: str, keyword: str) -> str:
    return (_CODES_16 if version == "1.6" else _CODES_2).get(keyword, "PropertyConstraintViolation")


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_a_broken_call_is_refused_with_its_code(version: str, action: str) -> None:
    book = LinkBook(version)
    cases = list(broken(version, Half.REQUEST, action))
    for keyword, where, payload in cases:
        number, _, code, description, details = said_to(book, action, payload)
        assert (number, code) == (4, code_of(version, keyword)), (keyword, where, description)
        assert isinstance(description, str)
        assert description.startswith(f"{where}: {keyword}")
        assert details == {"where": where}
    assert book.journal.head == len(cases)
    assert book.desk.asked == []


@pytest.mark.parametrize(("version", "action"), OURS)
def test_a_valid_call_of_ours_is_sent(version: str, action: str) -> None:
    book = LinkBook(version)
    for make in (minimal, maximal):
        payload = make(version, Half.REQUEST, action)
        call_id, lines = book.calls(action, **payload)
        assert [json.loads(line[2:]) for line in lines] == [[2, call_id, action, payload]]
        assert len(book.link.closed()) == 1


@pytest.mark.parametrize(("version", "action"), OURS)
def test_a_broken_call_of_ours_is_not_sent(version: str, action: str) -> None:
    book = LinkBook(version)
    for keyword, where, payload in broken(version, Half.REQUEST, action):
        with pytest.raises(BadInput) as caught:
            book.link.call(action, payload, book.clock.stamp())
        assert caught.value.what.startswith(f"{action} is wrong at {where}: {keyword}"), (keyword, where)
    assert book.link.closed() == []


@pytest.mark.parametrize(("version", "action"), OURS)
def test_what_the_station_answers_is_checked(version: str, action: str) -> None:
    """Right or wrong, an answer ends our call; a wrong one is told to a station of 2.1 with a CALLRESULTERROR."""
    book = LinkBook(version)
    request = minimal(version, Half.REQUEST, action)
    for make in (minimal, maximal):
        call_id, _ = book.calls(action, **request)
        payload = make(version, Half.RESPONSE, action)
        (line,) = book.sends(json.dumps([3, call_id, payload]).encode())
        assert line == f"= {call_id} {action} {json.dumps(payload)}"
    for keyword, where, payload in broken(version, Half.RESPONSE, action):
        call_id, _ = book.calls(action, **request)
        line, *more = book.sends(json.dumps([3, call_id, payload]).encode())
        assert line.startswith(f"= {call_id} {action} ")
        recorded = book.journal.get(book.journal.head)
        assert recorded is not None
        fault = recorded.decoded.faults[0]
        assert (fault.rule, fault.where) == (f"ocpp.schema.{keyword}", where)
        told = [json.loads(line[2:])[:3] for line in more]
        assert told == ([[5, call_id, code_of(version, keyword)]] if version == "2.1" else [])


@pytest.mark.parametrize("action", sorted(unconfirmed("2.1")))
def test_a_send_is_never_answered(action: str) -> None:
    book = LinkBook("2.1")
    for number, make in enumerate((minimal, maximal)):
        assert book.says(6, f"good-{number}", action, make("2.1", Half.SEND, action)) == []
    for number, (keyword, where, payload) in enumerate(broken("2.1", Half.SEND, action)):
        assert book.says(6, str(number), action, payload) == []
        recorded = book.journal.get(book.journal.head)
        assert recorded is not None
        fault = recorded.decoded.faults[0]
        assert (fault.rule, fault.where) == (f"ocpp.schema.{keyword}", where)


def test_which_constraints_are_broken() -> None:
    """Every keyword the schemas use, thousands of times; so nothing above passes because nothing was tried."""
    found = {
        version: Counter(made.keyword for action in actions(version) for made in broken(version, Half.REQUEST, action))
        for version in VERSIONS
    }
    kinds = {"required", "additionalProperties", "type", "enum", "maxLength"}
    assert found["1.6"].keys() == kinds | {"multipleOf", "minItems"}
    assert found["2.0.1"].keys() == found["2.1"].keys()
    assert found["2.1"].keys() == kinds | {"minItems", "maxItems", "minimum", "maximum"}
    assert found["1.6"].total() > 400
    assert found["2.0.1"].total() > 2000
    assert found["2.1"].total() > 6000
