"""OCPP-J frames in, typed messages out; whatever comes, nothing is raised."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codecs.ocpp import (
    ERROR_CODES,
    Call,
    CallError,
    CallResult,
    Salvage,
    decode,
    encode_call,
    encode_error,
    encode_result,
    error_code,
    field_verdicts,
    refuses,
    salvage,
)
from bench.codecs.ocpp_schemas import VERSIONS, Half, actions, schema_of, self_check, unconfirmed
from bench.errors import BenchBug
from bench.message import Fault, Malformed

AUTHORIZE_201 = b'[2,"1","Authorize",{"idToken":{"idToken":"04A1B2C3","type":"ISO14443"}}]'


def test_a_call_a_result_and_an_error_are_read() -> None:
    call = decode(AUTHORIZE_201, "2.0.1")
    assert (call.kind, call.name, call.correlation, call.faults) == ("CALL", "Authorize", "1", ())
    assert call.body == Call("1", "Authorize", {"idToken": {"idToken": "04A1B2C3", "type": "ISO14443"}})
    assert call.summary == ""

    result = decode(b'[3,"7",{"status":"Accepted"}]', "1.6", {"7": "ClearCache"}.get)
    assert (result.kind, result.name, result.faults) == ("CALLRESULT", "ClearCache", ())
    assert result.body == CallResult("7", "ClearCache", {"status": "Accepted"})

    error = decode(b'[4,"7","NotSupported","kein Cache",{"a":1}]', "1.6", {"7": "ClearCache"}.get)
    assert (error.kind, error.name, error.faults) == ("CALLERROR", "ClearCache", ())
    assert error.body == CallError("7", "ClearCache", "NotSupported", "kein Cache", {"a": 1})


def test_a_result_without_a_call_is_read_unchecked() -> None:
    result = decode(b'[3,"7",{"anything":1}]', "2.0.1")
    assert (result.kind, result.name, result.faults) == ("CALLRESULT", "", ())


@pytest.mark.parametrize(
    ("data", "why", "where", "correlation"),
    [
        (b'[2,"1","A\xff",{}]', "not UTF-8", "byte 9", "1"),
        (b"", "not JSON: Input is a zero-length, empty document", "character 0", None),
        (b'[2,"1","Authorize",{"idTag":', "not JSON: unexpected end of data", "character 28", "1"),
        (b'[2,"1","MeterValues",{"value":NaN}]', "not JSON: unexpected character, expected a JSON value", None, "1"),
        (b"[" * 5000, "not JSON: depth limit exceeded", None, None),
        (b"\xef\xbb\xbf[]", "not JSON: UTF-8 byte order mark (BOM) is not supported", None, None),
        (b"{}", "not a JSON array but an object", "", None),
        (b"null", "not a JSON array but null", "", None),
        (b"[]", "an empty array", "", None),
        (b'[5,"1",{}]', "message type 5, wanted 2, 3 or 4", "[0]", "1"),
        (b'["2","1","Heartbeat",{}]', "message type a string, wanted 2, 3 or 4", "[0]", "1"),
        (b'[true,"1","Heartbeat",{}]', "message type a boolean, wanted 2, 3 or 4", "[0]", "1"),
        (b"[2]", "no message id", "[1]", None),
        (b'[2,17,"Heartbeat",{}]', "message id is an integer", "[1]", None),
        (b'[2,"1","Heartbeat"]', "CALL has 3 elements, wanted 4", "", "1"),
        (b'[2,"1","Heartbeat",{},{}]', "CALL has 5 elements, wanted 4", "", "1"),
        (b'[3,"1"]', "CALLRESULT has 2 elements, wanted 3", "", "1"),
        (b'[4,"1"]', "CALLERROR has 2 elements, wanted 5", "", "1"),
        (b'[2,"1",null,{}]', "action is null", "[2]", "1"),
        (b'[2,"1","Heartbeat",[]]', "payload is an array", "[3]", "1"),
        (b'[3,"1","Accepted"]', "payload is a string", "[2]", "1"),
        (b'[4,"1",500,"",{}]', "error code is an integer", "[2]", "1"),
    ],
)
def test_what_cannot_be_read_is_malformed_with_a_reason(
    data: bytes, why: str, where: str | None, correlation: str | None
) -> None:
    decoded = decode(data, "2.0.1")
    assert decoded.kind == "malformed"
    assert isinstance(decoded.body, Malformed)
    assert decoded.body.why == why
    assert where is None or decoded.body.where == where
    assert decoded.correlation == correlation


ID_TOKEN = {"idToken": "A", "type": "ISO14443"}
SIGNED_METER = {"meterValue": [{"timestamp": "2024-01-01T00:00:00Z", "sampledValue": [{"value": "1"}, {"value": 1}]}]}


@pytest.mark.parametrize(
    ("version", "action", "payload", "rule", "text", "where", "code"),
    [
        # fmt: off
        (
            "2.0.1",
            "Authorize",
            {"idToken": {"idToken": "A" * 41, "type": "ISO14443"}},
            "ocpp.schema.maxLength",
            "maxLength 36, got 41",
            "idToken.idToken",
            "PropertyConstraintViolation",
        ),
        (
            "2.0.1",
            "Authorize",
            {"idToken": {"idToken": "A", "type": "RFID"}},
            "ocpp.schema.enum",
            "enum Central, eMAID, ISO14443, ISO15693, KeyCode, Local, MacAddress, NoAuthorization, got RFID",
            "idToken.type",
            "PropertyConstraintViolation",
        ),
        (
            "2.0.1",
            "Authorize",
            {"idToken": "A"},
            "ocpp.schema.type",
            "type object, got string",
            "idToken",
            "TypeConstraintViolation",
        ),
        (
            "2.0.1",
            "Authorize",
            {},
            "ocpp.schema.required",
            "required, but idToken is missing",
            "idToken",
            "OccurrenceConstraintViolation",
        ),
        (
            "2.0.1",
            "Authorize",
            {"idToken": {"idToken": "A"}},
            "ocpp.schema.required",
            "required, but type is missing",
            "idToken.type",
            "OccurrenceConstraintViolation",
        ),
        (
            "2.0.1",
            "Authorize",
            {"idToken": ID_TOKEN, "iso15118CertificateHashData": []},
            "ocpp.schema.minItems",
            "minItems 1, got 0",
            "iso15118CertificateHashData",
            "OccurrenceConstraintViolation",
        ),
        (
            "2.0.1",
            "Authorize",
            {"idToken": ID_TOKEN, "x": 1},
            "ocpp.schema.additionalProperties",
            "additionalProperties not allowed, got x",
            "x",
            "FormatViolation",
        ),
        ("2.0.1", "Autorize", {}, "ocpp.action", "OCPP 2.0.1 has no action 'Autorize'", "[2]", "NotImplemented"),
        (
            "2.0.1",
            "StartTransaction",
            {},
            "ocpp.action",
            "OCPP 2.0.1 has no action 'StartTransaction'",
            "[2]",
            "NotImplemented",
        ),
        (
            "1.6",
            "Authorize",
            {"idTag": "A" * 21},
            "ocpp.schema.maxLength",
            "maxLength 20, got 21",
            "idTag",
            "PropertyConstraintViolation",
        ),
        (
            "1.6",
            "Authorize",
            {"idTag": 5},
            "ocpp.schema.type",
            "type string, got integer",
            "idTag",
            "TypeConstraintViolation",
        ),
        ("1.6", "Authorize", {}, "ocpp.schema.required", "required, but idTag is missing", "idTag", "ProtocolError"),
        (
            "1.6",
            "Authorize",
            {"idTag": "A", "idToken": "A"},
            "ocpp.schema.additionalProperties",
            "additionalProperties not allowed, got idToken",
            "idToken",
            "FormationViolation",
        ),
        (
            "1.6",
            "MeterValues",
            {"connectorId": 1} | SIGNED_METER,
            "ocpp.schema.type",
            "type string, got integer",
            "meterValue[0].sampledValue[1].value",
            "TypeConstraintViolation",
        ),
        # fmt: on
    ],
)
def test_a_payload_that_breaks_its_schema(
    version: str, action: str, payload: object, rule: str, text: str, where: str, code: str
) -> None:
    decoded = decode(json.dumps([2, "1", action, payload]).encode(), version)
    assert decoded.kind == "CALL"
    assert decoded.faults == (Fault(rule, text, where),)
    assert error_code(version, decoded.faults[0]) == code
    assert code in ERROR_CODES[version]
    assert refuses(decoded.faults[0])


def test_one_decimal_is_one_decimal() -> None:
    """1.6 wants multiples of 0.1; 21.4 is one, whatever binary fractions say."""
    period = {"startPeriod": 0, "limit": 21.4}
    profile = {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]},
        },
    }
    assert decode(encode_call(Call("1", "SetChargingProfile", profile)), "1.6").faults == ()
    period["limit"] = 21.41
    (fault,) = decode(encode_call(Call("1", "SetChargingProfile", profile)), "1.6").faults
    assert (fault.rule, fault.text) == ("ocpp.schema.multipleOf", "multipleOf 0.1, got 21.41")
    assert error_code("1.6", fault) == "PropertyConstraintViolation"


def test_a_time_without_a_zone_is_noted_not_refused_and_listed_last() -> None:
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2024-01-01T10:00:00"}
    (fault,) = decode(encode_call(Call("1", "StartTransaction", start)), "1.6").faults
    assert (fault.rule, fault.where) == ("ocpp.schema.format", "timestamp")
    assert not refuses(fault)

    del start["connectorId"]
    faults = decode(encode_call(Call("1", "StartTransaction", start)), "1.6").faults
    assert [fault.rule for fault in faults] == ["ocpp.schema.required", "ocpp.schema.format"]


def test_faults_are_bounded() -> None:
    wrong = {"connectorId": 1, "meterValue": [{"timestamp": 1, "sampledValue": []}] * 5000}
    assert len(decode(encode_call(Call("1", "MeterValues", wrong)), "1.6").faults) == 20


def test_key_code_values_stay_out_of_faults() -> None:
    """OCPP 2.0.1 C04.FR.04: a key code appears in no log."""
    data = encode_call(Call("1", "Authorize", {"idToken": {"idToken": "9" * 40, "type": "KeyCode"}, "x": 1}))
    assert all("999" not in fault.text for fault in decode(data, "2.0.1").faults)


def test_a_long_id_is_a_fault_and_refused() -> None:
    decoded = decode(encode_call(Call("x" * 37, "Heartbeat", {})), "1.6")
    assert decoded.faults == (Fault("ocpp.message-id", "maxLength 36, got 37", "[1]"),)
    assert error_code("1.6", decoded.faults[0]) == "FormationViolation"
    assert error_code("2.0.1", decoded.faults[0]) == "RpcFrameworkError"


def test_a_sloppy_callerror_is_understood_with_faults() -> None:
    decoded = decode(b'[4,"1","Nope",5]', "1.6")
    assert decoded.body == CallError("1", "", "Nope", "", {})
    assert [fault.rule for fault in decoded.faults] == ["ocpp.length", "ocpp.error-code", "ocpp.error-description"]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_both_spellings_of_occurrence_are_known(version: str) -> None:
    for code in ("OccurenceConstraintViolation", "OccurrenceConstraintViolation"):
        assert decode(encode_error(CallError("1", "", code, "", {})), version).faults == ()


@pytest.mark.parametrize(
    ("fault", "code_16", "code_201"),
    [
        (Fault("ocpp.direction", ""), "NotSupported", "NotSupported"),
        (Fault("malformed", "", "[0]"), "FormationViolation", "MessageTypeNotSupported"),
        (Fault("malformed", "", "[3]"), "FormationViolation", "FormatViolation"),
        (Fault("malformed", "not JSON"), "FormationViolation", "RpcFrameworkError"),
        (
            Fault("ocpp.schema.maxItems", ""),
            "OccurenceConstraintViolation",  # the spelling 1.6 prints
            "OccurrenceConstraintViolation",
        ),
        (Fault("ocpp.schema.minimum", ""), "PropertyConstraintViolation", "PropertyConstraintViolation"),
    ],
)
def test_error_codes_by_version(fault: Fault, code_16: str, code_201: str) -> None:
    assert error_code("1.6", fault) == code_16
    assert error_code("2.0.1", fault) == code_201
    # 2.1 has the table of 2.0.1, but no longer sends MessageTypeNotSupported.
    assert error_code("2.1", fault) == ("RpcFrameworkError" if fault.where == "[0]" else code_201)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b' [ 2 , "abc" , ', Salvage(2, "abc")),
        (b'[3,"x", tru', Salvage(3, "x")),
        (b"[2,17", Salvage(2, None)),
        (b'[2,"a\\u0041"', Salvage(2, None)),
        (b'[2,"' + b"x" * 256 + b'"', Salvage(2, None)),
        (b"garbage", Salvage(None, None)),
        (b"", Salvage(None, None)),
    ],
)
def test_salvage(data: bytes, found: Salvage) -> None:
    assert salvage(data) == found


def test_every_schema_compiles() -> None:
    assert self_check() == 2 * sum(len(actions(version)) for version in VERSIONS) + len(unconfirmed("2.1")) == 387
    assert (unconfirmed("1.6"), unconfirmed("2.0.1")) == (frozenset(), frozenset())
    assert schema_of("1.6", Half.REQUEST, "../Authorize") is None
    with pytest.raises(BenchBug):
        actions("3.0")


def test_verdicts_tell_every_field() -> None:
    payload = {"idToken": {"idToken": "A" * 37, "type": "ISO14443"}, "iso15118CertificateHashData": []}
    assert field_verdicts("2.0.1", Call("1", "Authorize", payload)) == [
        ("idToken.idToken", "A" * 37, False, "maxLength 36, got 37"),
        (
            "idToken.type",
            "ISO14443",
            True,
            "one of Central, eMAID, ISO14443, ISO15693, KeyCode, Local, MacAddress, NoAuthorization, required",
        ),
        ("iso15118CertificateHashData", [], False, "minItems 1, got 0"),
    ]
    assert field_verdicts("2.0.1", Call("1", "Authorize", {})) == [
        ("idToken", None, False, "required, but idToken is missing")
    ]
    meter = {"connectorId": 1} | SIGNED_METER
    rows = {path: (ok, note) for path, _, ok, note in field_verdicts("1.6", Call("1", "MeterValues", meter))}
    assert rows["connectorId"] == (True, "integer, required")
    assert rows["meterValue[0].timestamp"] == (True, "string, format date-time, required")
    assert rows["meterValue[0].sampledValue[1].value"] == (False, "type string, got integer")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_callerror_and_a_message_id_are_held_to_their_lengths(version: str) -> None:
    good = CallError("i" * 36, "", "OccurenceConstraintViolation", "d" * 255, {})
    assert all(ok for _, _, ok, _ in field_verdicts(version, good))
    bad = field_verdicts(version, CallError("i" * 37, "", "RpcFrameworkError", "d" * 256, {}))
    assert [(path, ok, note) for path, _, ok, note in bad] == [
        ("messageId", False, "maxLength 36, got 37"),
        ("code", version != "1.6", "" if version != "1.6" else "not an error code of OCPP 1.6"),
        ("description", False, "maxLength 255, got 256"),
    ]
    assert field_verdicts("1.6", CallError("1", "", "FormationViolation", "", {}))[0][2]
    for body in (Call("i" * 37, "Heartbeat", {}), CallResult("i" * 37, "Heartbeat", {}), CallResult("i" * 37, "", {})):
        assert field_verdicts(version, body)[0] == ("messageId", "i" * 37, False, "maxLength 36, got 37")


def test_verdicts_of_the_other_kinds() -> None:
    assert field_verdicts("1.6", Malformed("not JSON", "character 3")) == [("character 3", None, False, "not JSON")]
    assert field_verdicts("1.6", CallError("1", "", "Nope", "x", {"a": 1})) == [
        ("code", "Nope", False, "not an error code of OCPP 1.6"),
        ("description", "x", True, "string, maxLength 255"),
        ("details.a", 1, True, ""),
    ]
    assert field_verdicts("1.6", CallResult("1", "", {"a": 1})) == [("a", 1, True, "not checked: no schema")]
    assert field_verdicts("1.6", object()) == []


def test_verdicts_of_a_deep_or_wide_message_are_bounded() -> None:
    deep: object = 1
    for _ in range(500):
        deep = {"a": deep}
    payload = {"customData": {"vendorId": "x", "deep": deep}}
    assert len(field_verdicts("2.0.1", Call("1", "Heartbeat", payload))) == 2
    wide = {"connectorId": 1, "meterValue": [{"timestamp": "", "sampledValue": [{"value": "1"}] * 9000}]}
    assert len(field_verdicts("1.6", Call("1", "MeterValues", wide))) <= 2100


# Whatever comes

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
versions = st.sampled_from(VERSIONS)
names = st.sampled_from(sorted(actions("2.1") | actions("1.6") | unconfirmed("2.1"))) | st.text(max_size=10)


@given(st.binary(max_size=200), versions)
@settings(max_examples=300, deadline=None)
def test_any_bytes_decode_to_something(data: bytes, version: str) -> None:
    decoded = decode(data, version)
    assert decoded.kind in ("CALL", "CALLRESULT", "CALLERROR", "CALLRESULTERROR", "SEND", "malformed")
    field_verdicts(version, decoded.body)
    salvage(data)


@given(st.integers(0, 6), st.text(max_size=40), names, st.lists(json_values, max_size=4), versions)
@settings(max_examples=300, deadline=None)
def test_any_frame_decodes_to_something(number: int, call_id: str, name: str, rest: list[object], version: str) -> None:
    data = json.dumps([number, call_id, name, *rest]).encode("utf-8", "surrogatepass")
    decoded = decode(data, version, lambda _: name)
    for fault in decoded.faults:
        assert error_code(version, fault) in ERROR_CODES[version]
    field_verdicts(version, decoded.body)


@given(names, st.dictionaries(st.text(max_size=8), json_values, max_size=5), versions)
@settings(max_examples=200, deadline=None)
def test_any_payload_is_judged_as_the_verdicts_say(name: str, payload: dict[str, object], version: str) -> None:
    data = json.dumps([2, "1", name, payload]).encode("utf-8", "surrogatepass")
    decoded = decode(data, version)
    if isinstance(decoded.body, Call) and name in actions(version):
        assert all(row[2] for row in field_verdicts(version, decoded.body)) == (not decoded.faults)


ids = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=36)


@given(ids, st.sampled_from(["Heartbeat", "ClearCache"]))
def test_what_is_encoded_decodes_to_the_same(call_id: str, action: str) -> None:
    call = Call(call_id, action, {})
    assert decode(encode_call(call), "1.6").body == call
    result = CallResult(call_id, action, {"status": "Accepted"})
    assert decode(encode_result(result), "1.6", lambda _: action).body == result
    error = CallError(call_id, action, "GenericError", "ä", {"x": [1]})
    assert decode(encode_error(error), "1.6", lambda _: action).body == error


@pytest.mark.parametrize(("version", "code"), [("1.6", "FormationViolation"), ("2.0.1", "FormatViolation")])
@pytest.mark.parametrize("depth", [100, 300, 900, 5_000, 100_000])
def test_a_payload_of_any_depth_that_breaks_its_schema_is_told(version, code, depth):
    raw = f'[2,"a","DataTransfer",{{"vendorId":"x","pin":1,"data":{"[" * depth}{"]" * depth}}}]'.encode()
    decoded = decode(raw, version)
    assert decoded.faults
    if decoded.kind == "CALL" and decoded.faults[0].rule == "ocpp.schema.depth":
        assert error_code(version, decoded.faults[0]) == code
