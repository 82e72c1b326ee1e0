"""What the bench asks of a station, and the station's answers in plain words."""

from __future__ import annotations

import pytest

from bench.answers import CallAnswer
from bench.codecs.ocpp import ERROR_CODES
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms import requests
from bench.errors import BadInput
from bench.tokens.model import IdTokenType


def test_remote_start_of_each_version() -> None:
    assert requests.remote_start("1.6", "04A1", IdTokenType.ISO14443, 2, 7) == (
        "RemoteStartTransaction",
        {"idTag": "04A1", "connectorId": 2},
    )
    assert requests.remote_start("2.0.1", "04A1", IdTokenType.ISO14443, None, 7) == (
        "RequestStartTransaction",
        {"idToken": {"idToken": "04A1", "type": "ISO14443"}, "remoteStartId": 7},
    )
    assert requests.remote_start("2.0.1", "", IdTokenType.NO_AUTHORIZATION, 1, 7)[1] == {
        "idToken": {"idToken": "", "type": "NoAuthorization"},
        "remoteStartId": 7,
        "evseId": 1,
    }


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_what_is_built_satisfies_the_schema(version: str) -> None:
    for action, payload in (
        requests.remote_start(version, "04A1", IdTokenType.CENTRAL, 1, 7),
        requests.remote_stop(version, "17"),
        requests.clear_cache(version),
        requests.list_version(version),
    ):
        schema = schema_of(version, Half.REQUEST, action)
        assert schema is not None
        assert schema.is_valid(payload)


@pytest.mark.parametrize(
    ("version", "token", "evse", "text"),
    [
        ("1.6", "A" * 21, 1, "the token has 21 characters, but an idTag of OCPP 1.6 holds 20"),
        ("2.0.1", "A" * 37, 1, "the token has 37 characters, but an idToken of OCPP 2.0.1 holds 36"),
        ("1.6", "", 1, "a remote start needs a token"),
        ("2.0.1", "A", 0, "no EVSE has the number 0"),
    ],
)
def test_a_wrong_remote_start(version: str, token: str, evse: int, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        requests.remote_start(version, token, IdTokenType.CENTRAL, evse, 1)


@pytest.mark.parametrize(
    ("version", "transaction", "text"),
    [
        ("1.6", "tx-1", "'tx-1' is no transaction id of OCPP 1.6"),
        ("2.0.1", "", "1 to 36 characters, got 0"),
        ("2.0.1", "x" * 37, "1 to 36 characters, got 37"),
    ],
)
def test_a_wrong_remote_stop(version: str, transaction: str, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        requests.remote_stop(version, transaction)


@pytest.mark.parametrize(
    ("version", "action", "payload", "ok", "text"),
    [
        # fmt: off
        ("1.6", "RemoteStartTransaction", {"status": "Accepted"}, True, "the station accepted the remote start"),
        (
            "2.0.1",
            "RequestStartTransaction",
            {"status": "Accepted", "transactionId": "t1"},
            True,
            "the station accepted the remote start for transaction t1",
        ),
        (
            "2.0.1",
            "RequestStartTransaction",
            {"status": "Rejected", "statusInfo": {"reasonCode": "TxInProgress", "additionalInfo": "EVSE 1"}},
            False,
            "the station refused the remote start; reason given: TxInProgress, EVSE 1",
        ),
        (
            "1.6",
            "RemoteStopTransaction",
            {"status": "Rejected"},
            False,
            "the station refused the remote stop: it may not know that transaction",
        ),
        ("2.0.1", "RequestStopTransaction", {"status": "Accepted"}, True, "the station accepted the remote stop"),
        ("1.6", "ClearCache", {"status": "Accepted"}, True, "the station cleared its authorization cache"),
        (
            "2.0.1",
            "ClearCache",
            {"status": "Rejected"},
            False,
            "the station did not clear its authorization cache: it has none, or it is disabled",
        ),
        (
            "1.6",
            "GetLocalListVersion",
            {"listVersion": -1},
            False,
            "the station does not support a local list (version -1)",
        ),
        (
            "1.6",
            "GetLocalListVersion",
            {"listVersion": 0},
            True,
            "the station's local list is empty or was never sent (version 0)",
        ),
        (
            "2.0.1",
            "GetLocalListVersion",
            {"versionNumber": 0},
            True,
            "the station's local list was never sent, or is disabled (version 0)",
        ),
        ("2.0.1", "GetLocalListVersion", {"versionNumber": 5}, True, "the station's local list has version 5"),
        (
            "2.0.1",
            "GetLocalListVersion",
            {"versionNumber": -1},
            False,
            "the station answered the impossible list version -1",
        ),
        ("1.6", "Reset", {"status": "Accepted"}, True, "the station resets"),
        ("1.6", "Reset", {"status": "Rejected"}, False, "the station refused to reset"),
        ("2.0.1", "Reset", {"status": "Scheduled"}, True, "the station will reset when no transaction runs any more"),
        (
            "1.6",
            "ChangeConfiguration",
            {"status": "RebootRequired"},
            True,
            "the station answered ChangeConfiguration with RebootRequired",
        ),
        (
            "1.6",
            "UnlockConnector",
            {"status": "UnlockFailed"},
            False,
            "the station answered UnlockConnector with UnlockFailed",
        ),
        ("1.6", "GetConfiguration", {"configurationKey": []}, True, "the station answered GetConfiguration"),
        # fmt: on
    ],
)
def test_answers_in_plain_words(version: str, action: str, payload: dict[str, object], ok: bool, text: str) -> None:
    answer = CallAnswer(action, payload)
    said = requests.plain_words(version, answer)
    assert (said.ok, said.text, said.answer) == (ok, text, answer)


@pytest.mark.parametrize(
    ("code", "description", "text"),
    [
        ("NotImplemented", "", "the station does not know ClearCache (NotImplemented)"),
        ("NotSupported", "no cache", "the station knows ClearCache but does not support it (NotSupported): no cache"),
        ("Whatever", "", "the station refused ClearCache with the unknown code Whatever"),
        ("{x}", "", "the station refused ClearCache with the unknown code {x}"),
    ],
)
def test_refusals_in_plain_words(code: str, description: str, text: str) -> None:
    said = requests.plain_words("1.6", CallAnswer("ClearCache", None, code, description))
    assert (said.ok, said.text) == (False, text)


@pytest.mark.parametrize("code", sorted(ERROR_CODES["1.6"] | ERROR_CODES["2.0.1"]))
def test_every_error_code_has_words(code: str) -> None:
    text = requests.plain_words("2.0.1", CallAnswer("Reset", None, code)).text
    assert text.startswith("the station ")
    assert "unknown code" not in text


@pytest.mark.parametrize(("version", "limit"), [("1.6", 20), ("2.0.1", 36), ("2.1", 255)])
def test_a_token_is_as_long_as_its_version_allows(version: str, limit: int) -> None:
    action, payload = requests.remote_start(version, "A" * limit, IdTokenType.CENTRAL, None, 1)
    schema = schema_of(version, Half.REQUEST, action)
    assert schema is not None
    assert schema.is_valid(payload)
    with pytest.raises(BadInput, match=f"holds {limit}"):
        requests.remote_start(version, "A" * (limit + 1), IdTokenType.CENTRAL, None, 1)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_availability_of_each_version(version: str) -> None:
    old = version == "1.6"
    asked = [(None, None), (None, 2)] if old else [(None, None), (1, None), (1, 2)]
    for evse, connector in asked:
        action, payload = requests.change_availability(version, False, evse, connector)
        schema = schema_of(version, Half.REQUEST, action)
        assert schema is not None
        assert schema.is_valid(payload)
    assert payload == (
        {"connectorId": 2, "type": "Inoperative"}
        if old
        else {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 2}}
    )
    with pytest.raises(BadInput, match="knows no EVSEs" if old else "of no EVSE"):
        requests.change_availability(version, True, 1 if old else None, 2)
    with pytest.raises(BadInput, match="no connector has the number 0"):
        requests.change_availability(version, True, None, 0)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_data_transfer_of_each_version(version: str) -> None:
    data: object = "on" if version == "1.6" else {"lamp": ["on"]}
    action, payload = requests.data_transfer(version, "V" * 255, "m" * 50, data)
    schema = schema_of(version, Half.REQUEST, action)
    assert schema is not None
    assert schema.is_valid(payload)
    assert payload["data"] == data
    assert requests.data_transfer(version, "acme")[1] == {"vendorId": "acme"}
    for vendor, message, why in (
        ("", "", "needs a vendor id"),
        ("V" * 256, "", "256 characters"),
        ("V", "m" * 51, "holds 50"),
    ):
        with pytest.raises(BadInput, match=why):
            requests.data_transfer(version, vendor, message)


def test_data_of_16_is_text() -> None:
    with pytest.raises(BadInput, match="is text"):
        requests.data_transfer("1.6", "acme", "", {"lamp": "on"})


@pytest.mark.parametrize(
    ("action", "payload", "ok", "words"),
    [
        ("ChangeAvailability", {"status": "Accepted"}, True, "changed its availability"),
        ("ChangeAvailability", {"status": "Scheduled"}, True, "when the transaction has ended"),
        ("ChangeAvailability", {"status": "Rejected"}, False, "may not know that EVSE or connector"),
        ("DataTransfer", {"status": "Accepted", "data": {"pin": "4711"}}, True, 'it sent back: {"pin":"••••"}'),
        ("DataTransfer", {"status": "Rejected"}, False, "refused the data"),
        ("DataTransfer", {"status": "UnknownVendorId"}, False, "does not know that vendor"),
        ("DataTransfer", {"status": "UnknownMessageId"}, False, "but not that message"),
    ],
)
def test_availability_and_data_in_words(action: str, payload: dict[str, object], ok: bool, words: str) -> None:
    said = requests.plain_words("2.0.1", CallAnswer(action, payload))
    assert said.ok is ok
    assert words in said.text
