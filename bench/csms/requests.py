"""What the bench asks of a station, and what its answers mean in plain words.

Builders return ``(action, payload)`` for the station's version; they check what an operator may get wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.answers import CallAnswer, Said
from bench.csms.limits import max_id_token, max_length
from bench.csms.vendor_data import shown
from bench.errors import BadInput
from bench.tokens.model import IdTokenType

Request = tuple[str, dict[str, Any]]


def remote_start(
    version: str, id_token: str, id_token_type: IdTokenType, evse: int | None, remote_start_id: int
) -> Request:
    """RequestStartTransaction (OCPP 2.0.1 F01, F02) or RemoteStartTransaction (1.6 section 5.11).

    evse: EVSE (1.6: connector) from 1, or None: the station chooses. On 1.6 type and start id do not exist.

    Raises:
        BadInput: the token is empty or too long, or there is no such EVSE number.
    """
    limit = max_id_token(version)
    if not id_token and id_token_type is not IdTokenType.NO_AUTHORIZATION:
        raise BadInput("a remote start needs a token", "give its value")
    if len(id_token) > limit:
        name = "an idTag" if version == "1.6" else "an idToken"
        raise BadInput(
            f"the token has {len(id_token)} characters, but {name} of OCPP {version} holds {limit}", "use a shorter one"
        )
    if evse is not None and evse < 1:
        raise BadInput(f"no EVSE has the number {evse}", "count from 1, or leave it to the station")
    if version == "1.6":
        payload: dict[str, Any] = {"idTag": id_token}
        if evse is not None:
            payload["connectorId"] = evse
        return "RemoteStartTransaction", payload
    payload = {"idToken": {"idToken": id_token, "type": id_token_type.value}, "remoteStartId": remote_start_id}
    if evse is not None:
        payload["evseId"] = evse
    return "RequestStartTransaction", payload


def remote_stop(version: str, transaction_id: str) -> Request:
    """RequestStopTransaction (OCPP 2.0.1 F03) or RemoteStopTransaction (1.6 section 5.12).

    Raises:
        BadInput: not a transaction id of that version (1.6: a whole number).
    """
    if version == "1.6":
        try:
            return "RemoteStopTransaction", {"transactionId": int(transaction_id)}
        except ValueError:
            raise BadInput(f"{transaction_id!r} is no transaction id of OCPP 1.6", "give a whole number") from None
    limit = max_length(version, "RequestStopTransaction", "transactionId")
    if not 0 < len(transaction_id) <= limit:
        raise BadInput(f"a transaction id has 1 to {limit} characters, got {len(transaction_id)}")
    return "RequestStopTransaction", {"transactionId": transaction_id}


def clear_cache(version: str) -> Request:
    """ClearCache (OCPP 2.0.1 C11, 1.6 section 5.4): the authorization cache, not the local list."""
    return "ClearCache", {}


def list_version(version: str) -> Request:
    """GetLocalListVersion (OCPP 2.0.1 D02, 1.6 section 5.10)."""
    return "GetLocalListVersion", {}


def change_availability(version: str, operative: bool, evse: int | None, connector: int | None) -> Request:
    """ChangeAvailability (OCPP 2.0.1 G03, G04; 1.6 section 5.2).

    evse: from 1, or None: the whole station. connector: of that EVSE from 1, or None: all of it. On 1.6 there are no EVSEs, and the
    connector counts on the whole station.

    Raises:
        BadInput: no such number, or a connector without the EVSE that it belongs to (with it, on 1.6).
    """
    for name, number in (("EVSE", evse), ("connector", connector)):
        if number is not None and number < 1:
            raise BadInput(f"no {name} has the number {number}", "count from 1, or leave it out")
    word = "Operative" if operative else "Inoperative"
    if version == "1.6":
        if evse is not None:
            raise BadInput("OCPP 1.6 knows no EVSEs", "name the connector")
        return "ChangeAvailability", {"connectorId": connector or 0, "type": word}
    payload: dict[str, Any] = {"operationalStatus": word}
    if evse is not None:
        payload["evse"] = {"id": evse} | ({} if connector is None else {"connectorId": connector})
    elif connector is not None:
        raise BadInput(f"connector {connector} is of no EVSE", "name the EVSE too, or neither for the whole station")
    return "ChangeAvailability", payload


def data_transfer(version: str, vendor_id: str, message_id: str = "", data: object = None) -> Request:
    """DataTransfer (OCPP 2.0.1 P01; 1.6 section 5.6). message_id: empty for none. data: None for none, text on 1.6, any JSON on
    2.x.

    Raises:
        BadInput: an id is missing or too long, or the data is no text on 1.6.
    """
    if not vendor_id:
        raise BadInput("a data transfer needs a vendor id", "give the one that the station's maker names")
    payload: dict[str, Any] = {"vendorId": vendor_id}
    if message_id:
        payload["messageId"] = message_id
    for name, value in payload.items():
        limit = max_length(version, "DataTransfer", name)
        if len(value) > limit:
            raise BadInput(f"{name} has {len(value)} characters, but holds {limit}", "use a shorter one")
    if data is not None:
        if version == "1.6" and not isinstance(data, str):
            raise BadInput("the data of OCPP 1.6 is text", "send JSON as text")
        payload["data"] = data
    return "DataTransfer", payload


# Answers in words.

_REFUSALS = {
    "NotImplemented": "the station does not know {action}",
    "NotSupported": "the station knows {action} but does not support it",
    "SecurityError": "the station refused {action} for a security reason",
    "InternalError": "the station failed while it handled {action}",
    "ProtocolError": "the station found {action} incomplete",
    "FormationViolation": "the station could not read {action}",
    "FormatViolation": "the station could not read {action}",
    "RpcFrameworkError": "the station could not read {action}",
    "MessageTypeNotSupported": "the station does not know that type of message",
    "PropertyConstraintViolation": "the station found a wrong value in {action}",
    "OccurenceConstraintViolation": "the station found a field of {action} missing or too many",
    "OccurrenceConstraintViolation": "the station found a field of {action} missing or too many",
    "TypeConstraintViolation": "the station found a field of the wrong type in {action}",
    "GenericError": "the station refused {action}",
}


def plain_words(version: str, answer: CallAnswer) -> Said:
    """A station's answer as one sentence, and whether it did what was asked."""
    if answer.payload is None:
        sentence = _REFUSALS.get(answer.code)
        if sentence is None:
            text = f"the station refused {answer.action} with the unknown code {answer.code}"
        else:
            text = f"{sentence.format(action=answer.action)} ({answer.code})"
        return Said(False, f"{text}: {answer.description}" if answer.description else text, answer)
    words = _WORDS.get(answer.action, _any)
    ok, text = words(version, answer.action, answer.payload)
    reason = _reason(answer.payload)
    return Said(ok, f"{text}; reason given: {reason}" if reason else text, answer)


Words = Callable[[str, str, Mapping[str, Any]], tuple[bool, str]]


def _started(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    if payload.get("status") != "Accepted":
        return False, "the station refused the remote start"
    running = payload.get("transactionId")
    return True, "the station accepted the remote start" + (f" for transaction {running}" if running else "")


def _stopped(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    if payload.get("status") == "Accepted":
        return True, "the station accepted the remote stop"
    return False, "the station refused the remote stop: it may not know that transaction"


def _cleared(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    if payload.get("status") == "Accepted":
        return True, "the station cleared its authorization cache"
    return False, "the station did not clear its authorization cache: it has none, or it is disabled"


def _listed(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    number = payload.get("listVersion" if version == "1.6" else "versionNumber")
    if number == -1 and version == "1.6":
        return False, "the station does not support a local list (version -1)"
    if number == 0:
        empty = "is empty or was never sent" if version == "1.6" else "was never sent, or is disabled"
        return True, f"the station's local list {empty} (version 0)"
    if isinstance(number, int) and number > 0:
        return True, f"the station's local list has version {number}"
    return False, f"the station answered the impossible list version {number}"


def _reset(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    status = payload.get("status")
    if status == "Scheduled":
        return True, "the station will reset when no transaction runs any more"
    return (True, "the station resets") if status == "Accepted" else (False, "the station refused to reset")


def _made_available(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    """OCPP 2.0.1 G03.FR.05, 1.6 section 5.2: Scheduled waits for the end of a transaction."""
    status = payload.get("status")
    if status == "Scheduled":
        return True, "the station will change its availability when the transaction has ended"
    if status == "Accepted":
        return True, "the station changed its availability"
    return False, "the station refused to change its availability: it may not know that EVSE or connector"


_TRANSFERRED: Mapping[object, tuple[bool, str]] = {
    "Accepted": (True, "the station took the data"),
    "Rejected": (False, "the station knows that message but refused the data"),
    "UnknownVendorId": (False, "the station does not know that vendor"),
    "UnknownMessageId": (False, "the station knows that vendor, but not that message"),
}


def _transferred(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    status = payload.get("status")
    ok, text = _TRANSFERRED.get(status, (False, f"the station answered the data with {status}"))
    if "data" not in payload:
        return ok, text
    return ok, f"{text}; it sent back: {shown(payload['data'])}"


def _any(version: str, action: str, payload: Mapping[str, Any]) -> tuple[bool, str]:
    status = payload.get("status")
    if status is None:
        return True, f"the station answered {action}"
    return status in _GOOD, f"the station answered {action} with {status}"


_GOOD = frozenset({"Accepted", "Scheduled", "RebootRequired", "Unlocked", "AcceptedCanceled", "EmptyResultSet"})

_WORDS: Mapping[str, Words] = {
    "RemoteStartTransaction": _started,
    "RequestStartTransaction": _started,
    "RemoteStopTransaction": _stopped,
    "RequestStopTransaction": _stopped,
    "ClearCache": _cleared,
    "GetLocalListVersion": _listed,
    "Reset": _reset,
    "ChangeAvailability": _made_available,
    "DataTransfer": _transferred,
}


def _reason(payload: Mapping[str, Any]) -> str:
    """statusInfo of OCPP 2.0.1, in one piece."""
    info = payload.get("statusInfo")
    if not isinstance(info, dict):
        return ""
    parts = (info.get("reasonCode"), info.get("additionalInfo"))
    return ", ".join(part for part in parts if isinstance(part, str) and part)
