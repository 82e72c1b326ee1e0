"""The two message types that OCPP 2.1 adds (Part 4): SEND and CALLRESULTERROR."""

from __future__ import annotations

import json

import pytest

from bench.codecs.ocpp import CallResultError, Unconfirmed, decode, encode_error, field_verdicts
from bench.message import Malformed

STREAM = {"id": 1, "pending": 0, "basetime": "2025-01-01T00:00:00Z", "data": [{"t": 0.5, "v": "230"}]}


def test_a_send() -> None:
    sent = decode(json.dumps([6, "1", "NotifyPeriodicEventStream", STREAM]).encode(), "2.1")
    assert (sent.kind, sent.name, sent.correlation, sent.faults) == ("SEND", "NotifyPeriodicEventStream", "1", ())
    assert sent.body == Unconfirmed("1", "NotifyPeriodicEventStream", STREAM)
    assert ("data[0].v", "230", True, "string, maxLength 2500, required") in field_verdicts("2.1", sent.body)


@pytest.mark.parametrize(
    ("frame", "rule", "text"),
    [
        ([6, "1", "NotifyPeriodicEventStream", STREAM | {"id": -1}], "ocpp.schema.minimum", "minimum 0, got -1"),
        ([6, "1", "Heartbeat", {}], "ocpp.action", "Heartbeat is called and not sent with SEND"),
        ([6, "1", "Heartbeet", {}], "ocpp.action", "OCPP 2.1 has no action 'Heartbeet'"),
        ([6, "x" * 37, "NotifyPeriodicEventStream", STREAM], "ocpp.message-id", "maxLength 36, got 37"),
        (
            [2, "1", "NotifyPeriodicEventStream", STREAM],
            "ocpp.action",
            "NotifyPeriodicEventStream is sent with SEND and not called",
        ),
    ],
)
def test_a_wrong_one(frame: list[object], rule: str, text: str) -> None:
    (fault,) = decode(json.dumps(frame).encode(), "2.1").faults
    assert (fault.rule, fault.text.replace(".0", "")) == (rule, text.replace(".0", ""))


def test_a_callresulterror() -> None:
    error = decode(b'[5,"1","FormatViolation","no",{"a":1}]', "2.1", {"1": "ClearCache"}.get)
    assert (error.kind, error.name, error.faults) == ("CALLRESULTERROR", "", ())
    assert error.body == CallResultError("1", "", "FormatViolation", "no", {"a": 1})
    assert decode(encode_error(CallResultError("1", "", "FormatViolation", "no", {"a": 1})), "2.1") == error
    assert field_verdicts("2.1", error.body)[0] == ("code", "FormatViolation", True, "")
    short = decode(b'[5,"1","Odd"]', "2.1")
    assert [fault.rule for fault in short.faults] == ["ocpp.length", "ocpp.error-code"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'[6,"1","Heartbeat"]', "SEND has 3 elements, wanted 4"),
        (b'[6,"1",5,{}]', "action is an integer"),
        (b'[6,"1","Heartbeat",[]]', "payload is an array"),
        (b'[5,"1"]', "CALLRESULTERROR has 2 elements, wanted 5"),
        (b'[7,"1",{}]', "message type 7, wanted 2 to 6"),
    ],
)
def test_what_cannot_be_read(data: bytes, why: str) -> None:
    assert decode(data, "2.1").body == Malformed(why, decode(data, "2.1").faults[0].where)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("number", [5, 6])
def test_earlier_versions_have_neither(version: str, number: int) -> None:
    decoded = decode(json.dumps([number, "1", "NotifyPeriodicEventStream", STREAM]).encode(), version)
    assert decoded.body == Malformed(f"message type {number}, wanted 2, 3 or 4", "[0]")
