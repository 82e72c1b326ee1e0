"""What the bench as a station answers to the calls of its CSMS, per version. Payloads are valid by their schemas here.

A handler changes the state, may add to ``wishes`` what is to be sent once the answer is out, and to ``orders`` what is to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.clock import Clock, iso_utc
from bench.message import Message
from bench.station_role import requests
from bench.station_role.memory import ACCEPTED, IdToken, ListUpdate
from bench.station_role.requests import Request
from bench.station_role.state import EvseState, RoleState
from bench.tokens.model import IdTokenType

Payload = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Restart:
    """The station starts anew: its connection ends and comes again."""


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """A charge is to start for a token without a card. ask: its token is authorized first (AuthorizeRemoteStart).
    seq: journal number of the message."""

    token: IdToken
    evse: int | None
    ask: bool
    seq: int


Order = Restart | RemoteStart


@dataclass(slots=True)
class Desk:
    """What the answers need. pending: the CSMS has not accepted the station yet (B02)."""

    state: RoleState
    clock: Clock
    pending: bool = False
    wishes: list[Request] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def now(self) -> str:
        return iso_utc(self.clock.stamp().utc_ns)

    def statuses(self, evses: list[EvseState]) -> list[Request]:
        version = self.state.version
        return [requests.status(version, evse.number, evse.operative, self.now()) for evse in evses]

    def boot(self, reason: str) -> Request:
        return requests.boot(self.state.version, self.state.nameplate, reason)


Answerer = Callable[[Desk, Payload, Message], Answer]


# Local list and cache


def send_local_list(desk: Desk, request: Payload, message: Message) -> Answer:
    """D01, OCPP 1.6 section 5.15: all of it or nothing."""
    state = desk.state
    entries = [requests.list_entry(state.version, entry) for entry in request.get("localAuthorizationList", ())]
    number = int(request["listVersion" if state.version == "1.6" else "versionNumber"])
    update = ListUpdate(request["updateType"] == "Full", number, entries, len(message.raw))
    status = state.tokens.local_list.update(update, state.settings.on("list-enabled"))
    if status == ACCEPTED:
        state.revision += 1
    return {"status": status}


def list_version(desk: Desk, request: Payload, message: Message) -> Answer:
    """D02, OCPP 1.6 section 5.10."""
    state = desk.state
    number = state.tokens.local_list.reported_version(state.settings.on("list-enabled"))
    return {"listVersion" if state.version == "1.6" else "versionNumber": number}


def clear_cache(desk: Desk, request: Payload, message: Message) -> Answer:
    """C11: Rejected where the cache is disabled."""
    if not desk.state.settings.on("cache-enabled"):
        return {"status": "Rejected"}
    desk.state.clear_cache()
    return {"status": ACCEPTED}


# Settings


def get_configuration(desk: Desk, request: Payload, message: Message) -> Answer:
    return desk.state.settings.get_configuration(list(request.get("key", ())))


def change_configuration(desk: Desk, request: Payload, message: Message) -> Answer:
    desk.state.revision += 1
    return {"status": desk.state.settings.change_configuration(request["key"], request["value"])}


def get_variables(desk: Desk, request: Payload, message: Message) -> Answer:
    return {"getVariableResult": [desk.state.settings.get_variable(item) for item in request["getVariableData"]]}


def set_variables(desk: Desk, request: Payload, message: Message) -> Answer:
    desk.state.revision += 1
    return {"setVariableResult": [desk.state.settings.set_variable(item) for item in request["setVariableData"]]}


def get_base_report(desk: Desk, request: Payload, message: Message) -> Answer:
    """B07; a SummaryInventory is optional and not told."""
    if request["reportBase"] == "SummaryInventory":
        return {"status": "NotSupported"}
    parts = desk.state.settings.report(request["reportBase"] == "ConfigurationInventory")
    desk.wishes += requests.report(int(request["requestId"]), parts, desk.now())
    return {"status": ACCEPTED}


# Starting, stopping


def remote_start_16(desk: Desk, request: Payload, message: Message) -> Answer:
    token = IdToken(request["idTag"], IdTokenType.CENTRAL)
    return _remote_start(desk, token, request.get("connectorId"), message)


def remote_start_2x(desk: Desk, request: Payload, message: Message) -> Answer:
    """F01, F02; Rejected while the station is pending (B02.FR.05)."""
    given = request["idToken"]
    try:
        token = IdToken(given["idToken"], IdTokenType(given["type"]))
    except ValueError:  # 2.1 leaves the type open
        return {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidIdToken"}}
    return _remote_start(desk, token, request.get("evseId"), message)


def _remote_start(desk: Desk, token: IdToken, evse: int | None, message: Message) -> Answer:
    free = [each for each in desk.state.evses if each.operative and evse in (None, each.number)]
    if desk.pending or not free:
        return {"status": "Rejected"}
    ask = desk.state.settings.on("authorize-remote-starts")
    desk.orders.append(RemoteStart(token, evse, ask, message.seq))
    return {"status": ACCEPTED}


def remote_stop(desk: Desk, request: Payload, message: Message) -> Answer:
    """No vehicle is ever plugged in here, so there is no transaction to stop."""
    return {"status": "Rejected"}


def reset_16(desk: Desk, request: Payload, message: Message) -> Answer:
    desk.orders.append(Restart())
    return {"status": ACCEPTED}


def reset_2x(desk: Desk, request: Payload, message: Message) -> Answer:
    """B11, B12; one EVSE alone cannot be reset."""
    if "evseId" in request:
        return {"status": "Rejected"}
    return reset_16(desk, request, message)


def availability_16(desk: Desk, request: Payload, message: Message) -> Answer:
    return _availability(desk, int(request["connectorId"]) or None, request["type"] == "Operative")


def availability_2x(desk: Desk, request: Payload, message: Message) -> Answer:
    evse = request.get("evse")
    return _availability(desk, evse["id"] if evse else None, request["operationalStatus"] == "Operative")


def _availability(desk: Desk, number: int | None, operative: bool) -> Answer:
    meant = [evse for evse in desk.state.evses if number in (None, evse.number)]
    if not meant:
        return {"status": "Rejected"}
    for evse in meant:
        evse.operative = operative
    desk.state.revision += 1
    desk.wishes += desk.statuses(meant)
    return {"status": ACCEPTED}


# The rest


def trigger(desk: Desk, request: Payload, message: Message) -> Answer:
    """F06, OCPP 1.6 section 5.17."""
    place = request.get("evse")
    number = place["id"] if place else request.get("connectorId")
    meant = [evse for evse in desk.state.evses if number in (None, 0, evse.number)]
    if not meant:
        return {"status": "Rejected"}
    match request["requestedMessage"]:
        case "BootNotification":
            desk.wishes.append(desk.boot("Triggered"))
        case "Heartbeat":
            desk.wishes.append(("Heartbeat", {}))
        case "StatusNotification":
            desk.wishes += desk.statuses(meant)
        case _:
            return {"status": "NotImplemented"}
    return {"status": ACCEPTED}


def data_transfer(desk: Desk, request: Payload, message: Message) -> Answer:
    return {"status": "UnknownVendorId"}


def unlock_16(desk: Desk, request: Payload, message: Message) -> Answer:
    return {"status": "NotSupported"}


def transaction_status(desk: Desk, request: Payload, message: Message) -> Answer:
    """E14: nothing waits here, nothing runs."""
    ongoing = {"ongoingIndicator": False} if "transactionId" in request else {}
    return {"messagesInQueue": False, **ongoing}


_ALL: dict[str, Answerer] = {
    "SendLocalList": send_local_list,
    "GetLocalListVersion": list_version,
    "ClearCache": clear_cache,
    "TriggerMessage": trigger,
    "DataTransfer": data_transfer,
}
_2X: dict[str, Answerer] = _ALL | {
    "GetVariables": get_variables,
    "SetVariables": set_variables,
    "GetBaseReport": get_base_report,
    "RequestStartTransaction": remote_start_2x,
    "RequestStopTransaction": remote_stop,
    "Reset": reset_2x,
    "ChangeAvailability": availability_2x,
    "GetTransactionStatus": transaction_status,
}
ANSWERS: Mapping[str, Mapping[str, Answerer]] = {
    "1.6": _ALL
    | {
        "GetConfiguration": get_configuration,
        "ChangeConfiguration": change_configuration,
        "RemoteStartTransaction": remote_start_16,
        "RemoteStopTransaction": remote_stop,
        "Reset": reset_16,
        "ChangeAvailability": availability_16,
        "UnlockConnector": unlock_16,
    },
    "2.0.1": _2X,
    "2.1": _2X,
}
"""By version and action; what stands in no table is answered NotSupported."""
