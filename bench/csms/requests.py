"""What the bench asks of a station, and what its answers mean in plain words.

Builders return ``(action, payload)`` for the station's version; they check what an operator may get wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.answers import CallAnswer, Said
from bench.errors import BadInput
from bench.tokens.model import IdTokenType

Request = tuple[str, dict[str, Any]]

MAX_ID_TAG = 20
MAX_ID_TOKEN = 36
MAX_TRANSACTION_ID = 36


def remote_start(
    version: str, id_token: str, id_token_type: IdTokenType, evse: int | None, remote_start_id: int
) -> Request:
    """RequestStartTransaction (OCPP 2.0.1 F01, F02) or RemoteStartTransaction (1.6 section 5.11).

    evse: EVSE (1.6: connector) from 1, or None: the station chooses. On 1.6 type and start id do not exist.

    Raises:
        BadInput: the token is empty or too long, or there is no such EVSE number.
    """
    limit = MAX_ID_TAG if version == "1.6" else MAX_ID_TOKEN
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
    if not 0 < len(transaction_id) <= MAX_TRANSACTION_ID:
        raise BadInput(f"a transaction id has 1 to {MAX_TRANSACTION_ID} characters, got {len(transaction_id)}")
    return "RequestStopTransaction", {"transactionId": transaction_id}


def clear_cache(version: str) -> Request:
    """ClearCache (OCPP 2.0.1 C11, 1.6 section 5.4): the authorization cache, not the local list."""
    return "ClearCache", {}


def list_version(version: str) -> Request:
    """GetLocalListVersion (OCPP 2.0.1 D02, 1.6 section 5.10)."""
    return "GetLocalListVersion", {}


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
}


def _reason(payload: Mapping[str, Any]) -> str:
    """statusInfo of OCPP 2.0.1, in one piece."""
    info = payload.get("statusInfo")
    if not isinstance(info, dict):
        return ""
    parts = (info.get("reasonCode"), info.get("additionalInfo"))
    return ", ".join(part for part in parts if isinstance(part, str) and part)
