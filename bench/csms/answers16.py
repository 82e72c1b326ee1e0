"""Answers to every action a station may initiate on OCPP 1.6, those of the security white paper (edition 3) included."""

from __future__ import annotations

from collections.abc import Mapping

from bench.csms import plug_and_charge16
from bench.csms.certificate_name import boot_status
from bench.csms.context import Answer, Answerer, Asked, Context, Payload, nothing
from bench.message import Message
from bench.station import Identity, Station, Transaction
from bench.tokens import id_token_info
from bench.tokens.checks import MAX_UID_16
from bench.tokens.model import Ask, Decision


def id_tag_info(context: Context, decision: Decision) -> Answer:
    """IdTagInfo (OCPP 1.6 section 7.27). A token that must not be cached expires at once; a group that does not fit is left out,
    and that is told."""
    token = decision.token
    if token is not None and id_token_info.group_too_long(token):
        context.notice(
            "ocpp.group-too-long",
            "warn",
            f"the group of {token.label} has {len(token.group_id or '')} characters, a parentIdTag {MAX_UID_16} at most: left out, "
            "so the station does not see that it belongs to a group",
            "give the group a shorter name",
        )
    return id_token_info.id_tag_info(token, decision.status_16, context.kept_until_16(decision))


def authorize(context: Context, request: Payload, message: Message) -> Asked:
    ask = Ask(request["idTag"], None, context.station.id, None, "Authorize")
    return Asked(ask, lambda decision: {"idTagInfo": id_tag_info(context, decision)})


def start_transaction(context: Context, request: Payload, message: Message) -> Asked:
    id_tag, connector = request["idTag"], int(request["connectorId"])
    start = (connector, id_tag, request["timestamp"], request["meterStart"])
    number, remote = context.start(start, id_tag, message.mono_ns)
    ask = Ask(id_tag, None, context.station.id, connector, "StartTransaction", remote, starts=str(number))
    # Whatever the answer: the station did start, and may go on for a while (StopTransactionOnInvalidId, MaxEnergyOnInvalidId).
    context.station.started(Transaction(str(number), connector, id_tag, message.seq))
    return Asked(ask, lambda decision: {"transactionId": number, "idTagInfo": id_tag_info(context, decision)})


def stop_transaction(context: Context, request: Payload, message: Message) -> Answer | Asked:
    number = str(int(request["transactionId"]))
    transaction = context.station.transactions.pop(number, None)
    if transaction is None:
        context.notice(
            "ocpp.unknown-transaction",
            "warn",
            f"StopTransaction of transaction {number}, which this bench did not start; answered all the same",
            "none needed where it was started before the bench ran, or against another CSMS",
        )
    id_tag = request.get("idTag")
    if id_tag is None:
        return {}
    evse = transaction.evse if transaction is not None else None
    ask = Ask(id_tag, None, context.station.id, evse, "StopTransaction", ends=True)
    return Asked(ask, lambda decision: {"idTagInfo": id_tag_info(context, decision)})


def describe(station: Station, request: Payload) -> None:
    """Keep what a BootNotification says of its station."""
    station.vendor = request["chargePointVendor"]
    station.model = request["chargePointModel"]
    station.serial_number = request.get("chargePointSerialNumber") or request.get("chargeBoxSerialNumber", "")
    station.firmware = request.get("firmwareVersion", "")
    station.identity = Identity(
        box_serial_number=request.get("chargeBoxSerialNumber", ""),
        iccid=request.get("iccid", ""),
        imsi=request.get("imsi", ""),
        meter_type=request.get("meterType", ""),
        meter_serial_number=request.get("meterSerialNumber", ""),
    )


def boot_notification(context: Context, request: Payload, message: Message) -> Answer:
    station = context.station
    describe(station, request)
    station.boot = boot_status(context)
    return {"status": station.boot, "currentTime": context.now(), "interval": context.heartbeat_s}


def heartbeat(context: Context, request: Payload, message: Message) -> Answer:
    context.station.last_heartbeat_utc_ns = message.utc_ns
    return {"currentTime": context.now()}


def status_notification(context: Context, request: Payload, message: Message) -> Answer:
    context.station.connector(str(int(request["connectorId"])), request["status"])
    if request["errorCode"] == "LocalListConflict":
        context.notice(
            "list.conflict",
            "warn",
            "the station reports LocalListConflict: a token in its list differs from what an Authorize was answered",
            "push the local list again",
        )
    return {}


def data_transfer(context: Context, request: Payload, message: Message) -> Answer | Asked:
    """Plug and Charge comes this way; every other vendor is unknown here."""
    if request["vendorId"] == plug_and_charge16.VENDOR:
        return plug_and_charge16.answer(context, request, message)
    return {"status": "UnknownVendorId"}


def sign_certificate(context: Context, request: Payload, message: Message) -> Answer:
    """The bench is no certificate authority."""
    return {"status": "Rejected"}


ANSWERS: Mapping[str, Answerer] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "DataTransfer": data_transfer,
    "DiagnosticsStatusNotification": nothing,
    "FirmwareStatusNotification": nothing,
    "Heartbeat": heartbeat,
    "LogStatusNotification": nothing,
    "MeterValues": nothing,
    "SecurityEventNotification": nothing,
    "SignCertificate": sign_certificate,
    "SignedFirmwareStatusNotification": nothing,
    "StartTransaction": start_transaction,
    "StatusNotification": status_notification,
    "StopTransaction": stop_transaction,
}
