"""Answers to every action a station may initiate on OCPP 2.0.1 (edition 3)."""

from __future__ import annotations

from collections.abc import Mapping

from bench.csms.context import Answer, Answerer, Context, Payload, never_cached, nothing
from bench.message import Message
from bench.station import Transaction
from bench.tokens.model import ID_TOKEN_TYPES, Ask, AuthorizationStatus, Decision

MAX_LANGUAGE = 8
MAX_GROUP = 36

# OCPP 2.0.1 C07.FR.13: the chain may be fine, the contract is not.
_CONTRACT_CANCELLED = frozenset(
    {
        AuthorizationStatus.BLOCKED,
        AuthorizationStatus.EXPIRED,
        AuthorizationStatus.INVALID,
        AuthorizationStatus.UNKNOWN,
    }
)


def id_token_info(context: Context, decision: Decision) -> Answer:
    """IdTokenInfoType. A token that must not be cached expires now (C10); the group is of type Central (C09.FR.13)."""
    info: Answer = {"status": decision.status.value}
    token = decision.token
    if token is not None:
        if token.group_id and len(token.group_id) <= MAX_GROUP:
            info["groupIdToken"] = {"idToken": token.group_id, "type": "Central"}
        if token.language_code and len(token.language_code) <= MAX_LANGUAGE:
            info["language1"] = token.language_code
        if never_cached(decision):
            info["cacheExpiryDateTime"] = context.now()
    return info


def authorize(context: Context, request: Payload, message: Message) -> Answer:
    """Authorize (C01, C07). Certificates are not checked here: certificateStatus follows from the decision alone."""
    id_token = request["idToken"]
    ask = Ask(id_token["idToken"], ID_TOKEN_TYPES[id_token["type"]], context.station.id, None, "Authorize")
    decision = context.decide(ask, message)
    answer: Answer = {"idTokenInfo": id_token_info(context, decision)}
    if "iso15118CertificateHashData" in request or "certificate" in request:
        answer["certificateStatus"] = "ContractCancelled" if decision.status in _CONTRACT_CANCELLED else "Accepted"
        context.notice(
            "ocpp.certificate-unchecked",
            "info",
            f"the bench does not check contract certificates; certificateStatus {answer['certificateStatus']} "
            f"follows from the token's status {decision.status.value} (OCPP 2.0.1 C07.FR.13, FR.14)",
        )
    return answer


def transaction_event(context: Context, request: Payload, message: Message) -> Answer:
    """TransactionEvent (E01 to E07). idTokenInfo is answered only to an event that carries an idToken."""
    station = context.station
    info, id_token, evse = request["transactionInfo"], request.get("idToken"), request.get("evse")
    name = info["transactionId"]
    known = station.transactions.get(name)
    number = int(evse["id"]) if evse is not None else known.evse if known is not None else None
    if request["eventType"] == "Ended":
        station.transactions.pop(name, None)
    else:
        value = id_token["idToken"] if id_token is not None else known.id_token if known is not None else ""
        started = known.started_seq if known is not None else message.seq if request["eventType"] == "Started" else None
        context.started(Transaction(name, number, value, started))
    if id_token is None:
        return {}
    kind = ID_TOKEN_TYPES[id_token["type"]]
    remote = context.remote_starts.has(info.get("remoteStartId"), id_token["idToken"], message.mono_ns)
    ask = Ask(id_token["idToken"], kind, station.id, number, "TransactionEvent", remote)
    return {"idTokenInfo": id_token_info(context, context.decide(ask, message))}


def boot_notification(context: Context, request: Payload, message: Message) -> Answer:
    station, described = context.station, request["chargingStation"]
    station.boot = "Accepted"
    station.vendor = described["vendorName"]
    station.model = described["model"]
    station.serial_number = described.get("serialNumber", "")
    station.firmware = described.get("firmwareVersion", "")
    return {"status": "Accepted", "currentTime": context.now(), "interval": context.heartbeat_s}


def heartbeat(context: Context, request: Payload, message: Message) -> Answer:
    context.station.last_heartbeat_utc_ns = message.utc_ns
    return {"currentTime": context.now()}


def status_notification(context: Context, request: Payload, message: Message) -> Answer:
    context.connector(f"{int(request['evseId'])}.{int(request['connectorId'])}", request["connectorStatus"])
    return {}


def data_transfer(context: Context, request: Payload, message: Message) -> Answer:
    return {"status": "UnknownVendorId"}


def sign_certificate(context: Context, request: Payload, message: Message) -> Answer:
    """The bench is no certificate authority."""
    return {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}


def get_certificate_status(context: Context, request: Payload, message: Message) -> Answer:
    """The bench asks no OCSP responder."""
    return {"status": "Failed", "statusInfo": {"reasonCode": "UnsupportedRequest"}}


def get_15118_ev_certificate(context: Context, request: Payload, message: Message) -> Answer:
    """The bench knows no certificate provisioning service; exiResponse is required and so empty."""
    return {"status": "Failed", "statusInfo": {"reasonCode": "UnsupportedRequest"}, "exiResponse": ""}


def notify_ev_charging_needs(context: Context, request: Payload, message: Message) -> Answer:
    """No charging profile will follow (K15)."""
    return {"status": "Rejected"}


def notify_ev_charging_schedule(context: Context, request: Payload, message: Message) -> Answer:
    return {"status": "Accepted"}


ANSWERS: Mapping[str, Answerer] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "ClearedChargingLimit": nothing,
    "DataTransfer": data_transfer,
    "FirmwareStatusNotification": nothing,
    "Get15118EVCertificate": get_15118_ev_certificate,
    "GetCertificateStatus": get_certificate_status,
    "Heartbeat": heartbeat,
    "LogStatusNotification": nothing,
    "MeterValues": nothing,
    "NotifyChargingLimit": nothing,
    "NotifyCustomerInformation": nothing,
    "NotifyDisplayMessages": nothing,
    "NotifyEVChargingNeeds": notify_ev_charging_needs,
    "NotifyEVChargingSchedule": notify_ev_charging_schedule,
    "NotifyEvent": nothing,
    "NotifyMonitoringReport": nothing,
    "NotifyReport": nothing,
    "PublishFirmwareStatusNotification": nothing,
    "ReportChargingProfiles": nothing,
    "ReservationStatusUpdate": nothing,
    "SecurityEventNotification": nothing,
    "SignCertificate": sign_certificate,
    "StatusNotification": status_notification,
    "TransactionEvent": transaction_event,
}
