"""Answers to every action a station may initiate on OCPP 2.0.1 (edition 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench.clock import to_datetime
from bench.csms import contract
from bench.csms.certificate_name import boot_status
from bench.csms.context import Answer, Answerer, Asked, Context, Payload, nothing
from bench.message import Message
from bench.station import Identity, Station, Transaction
from bench.tokens.id_token_info import id_token_info as info_of
from bench.tokens.model import ID_TOKEN_TYPES, Ask, Decision

ENDS_AUTHORIZATION = frozenset({"Deauthorized", "RemoteStop", "StopAuthorized"})
"""Trigger reasons of an event after which a transaction is not authorized any more (TriggerReasonEnumType)."""


def id_token_info(context: Context, decision: Decision) -> Answer:
    """IdTokenInfoType. A token that must not be cached expires now (C10.FR.13)."""
    return info_of(decision.token, decision.status, context.kept_until(decision))


def authorize(context: Context, request: Payload, message: Message) -> Asked:
    """Authorize (C01, C07). A contract certificate that is no good refuses the token, whatever the store says of it."""
    id_token = request["idToken"]
    chain = None
    if "certificate" in request or "iso15118CertificateHashData" in request:
        chain = contract.judge(request, context.contract_trust, to_datetime(message.utc_ns))
    refused = None if chain is None or chain.token_status is None else (chain.token_status, chain.reason)
    kind = ID_TOKEN_TYPES[id_token["type"]]
    ask = Ask(id_token["idToken"], kind, context.station.id, None, "Authorize", refused=refused)

    def answered(decision: Decision) -> Answer:
        answer: Answer = {"idTokenInfo": id_token_info(context, decision)}
        if chain is not None:
            answer["certificateStatus"] = chain.status_with(decision.status)
            _tell_chain(context, chain)
        return answer

    return Asked(ask, answered)


def _tell_chain(context: Context, chain: contract.ChainVerdict) -> None:
    if chain.token_status is not None:
        context.notice(
            "ocpp.contract-certificate",
            "warn",
            f"{chain.reason}: certificateStatus {chain.certificate_status}, token {chain.token_status.value} (OCPP 2.0.1 C07)",
            "look at the vehicle's contract certificate, and at the contract roots this bench was given",
        )
    elif not chain.anchored:
        context.notice(
            "ocpp.certificate-unanchored",
            "info",
            "no contract roots are configured: dates and signatures of a chain are checked, but not who stands behind it",
            "name the roots that contracts come from as ocpp.contract_roots in the profile",
        )


def follow(station: Station, request: Payload, seq: int) -> int | None:
    """Keep which transactions run, as a TransactionEvent tells it; the number of its EVSE, where known."""
    evse, name = request.get("evse"), request["transactionInfo"]["transactionId"]
    known = station.transactions.get(name)
    number = int(evse["id"]) if evse is not None else known.evse if known is not None else None
    if request["eventType"] == "Ended":
        station.transactions.pop(name, None)
    else:
        station.started(_followed(request, known, number, seq))
    return number


def transaction_event(context: Context, request: Payload, message: Message) -> Answer | Asked:
    """TransactionEvent (E01 to E07). idTokenInfo is answered only to an event that carries an idToken."""
    station, info, id_token = context.station, request["transactionInfo"], request.get("idToken")
    before = station.transactions.get(info["transactionId"])
    number = follow(station, request, message.seq)
    if id_token is None:
        return {}
    kind = ID_TOKEN_TYPES[id_token["type"]]
    remote = context.remote_starts.has(info.get("remoteStartId"), id_token["idToken"], message.mono_ns)
    starts = info["transactionId"] if _authorizes(request, before) else None
    ends = request["eventType"] == "Ended" or request["triggerReason"] in ENDS_AUTHORIZATION
    ask = Ask(id_token["idToken"], kind, station.id, number, "TransactionEvent", remote, starts=starts, ends=ends)
    return Asked(ask, lambda decision: {"idTokenInfo": id_token_info(context, decision)})


def _authorizes(request: Payload, before: Transaction | None) -> bool:
    """Whether a charge starts with the token of this event: a transaction may have begun without one, when the cable was plugged
    in (TxStartPoint; E01, E02).
    """
    if request["eventType"] == "Updated":
        return request["triggerReason"] == "Authorized" and (before is None or not before.id_token)
    return bool(request["eventType"] == "Started")


def _followed(request: Payload, known: Transaction | None, evse: int | None, seq: int) -> Transaction:
    """The transaction after this event. The token that authorized it stays: another one of its group may end it (C09.FR.03)."""
    name, id_token, trigger = (
        request["transactionInfo"]["transactionId"],
        request.get("idToken"),
        request["triggerReason"],
    )
    if known is None:
        known = Transaction(name, evse, "", seq if request["eventType"] == "Started" else None)
    if trigger in ENDS_AUTHORIZATION:
        return replace(known, evse=evse, authorized=False)
    if id_token is None:
        return replace(known, evse=evse)
    return replace(known, evse=evse, id_token=id_token["idToken"], id_token_type=id_token["type"], authorized=True)


def describe(station: Station, request: Payload) -> None:
    """Keep what a BootNotification says of its station."""
    described = request["chargingStation"]
    station.vendor = described["vendorName"]
    station.model = described["model"]
    station.serial_number = described.get("serialNumber", "")
    station.firmware = described.get("firmwareVersion", "")
    modem = described.get("modem", {})
    station.identity = Identity(request["reason"], iccid=modem.get("iccid", ""), imsi=modem.get("imsi", ""))


def boot_notification(context: Context, request: Payload, message: Message) -> Answer:
    station = context.station
    describe(station, request)
    station.boot = boot_status(context)
    return {"status": station.boot, "currentTime": context.now(), "interval": context.heartbeat_s}


def heartbeat(context: Context, request: Payload, message: Message) -> Answer:
    context.station.last_heartbeat_utc_ns = message.utc_ns
    return {"currentTime": context.now()}


def status_notification(context: Context, request: Payload, message: Message) -> Answer:
    context.station.connector(f"{int(request['evseId'])}.{int(request['connectorId'])}", request["connectorStatus"])
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


def notify_report(context: Context, request: Payload, message: Message) -> Answer:
    """A part of a report that was asked for is gathered (B07, B08)."""
    context.memory.reports.heard(request)
    return {}


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
    "NotifyReport": notify_report,
    "PublishFirmwareStatusNotification": nothing,
    "ReportChargingProfiles": nothing,
    "ReservationStatusUpdate": nothing,
    "SecurityEventNotification": nothing,
    "SignCertificate": sign_certificate,
    "StatusNotification": status_notification,
    "TransactionEvent": transaction_event,
}
