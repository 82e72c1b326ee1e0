"""Answers to every action a station may initiate on OCPP 2.1: those of 2.0.1, and those that 2.1 adds.

Unlike in 2.0.1 the type of an IdToken is any text of up to 20 characters; those of 2.1's appendix are no enum of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.csms import answers201
from bench.csms.context import Answer, Answerer, Asked, Context, Payload, nothing
from bench.message import Message
from bench.tokens.model import ID_TOKEN_TYPES, AuthorizationStatus

_UNKNOWN: Answer = {"idTokenInfo": {"status": AuthorizationStatus.UNKNOWN.value}}


def authorize(context: Context, request: Payload, message: Message) -> Answer | Asked:
    """Authorize (C01, C07). The store holds no tokens of a type it does not know, so such a one is Unknown."""
    if _is_known_type(context, "Authorize", request["idToken"]["type"]):
        return answers201.authorize(context, request, message)
    return dict(_UNKNOWN)


def transaction_event(context: Context, request: Payload, message: Message) -> Answer | Asked:
    """TransactionEvent (E01 to E07). The transaction is followed also where its token is of a type nobody here knows."""
    id_token = request.get("idToken")
    if id_token is None or _is_known_type(context, "TransactionEvent", id_token["type"]):
        return answers201.transaction_event(context, request, message)
    answers201.transaction_event(context, {key: request[key] for key in request if key != "idToken"}, message)
    return dict(_UNKNOWN)


def _is_known_type(context: Context, action: str, id_token_type: str) -> bool:
    if id_token_type in ID_TOKEN_TYPES:
        return True
    context.notice(
        "ocpp.token-type",
        "warn",
        f"{action} with a token of the type {id_token_type!r}, which this bench does not know; answered Unknown",
        f"types that can be decided about: {', '.join(ID_TOKEN_TYPES)}",
    )
    return False


def get_certificate_chain_status(context: Context, request: Payload, message: Message) -> Answer:
    """GetCertificateChainStatus: the bench asks neither OCSP responder nor CRL, so each certificate's status is Failed.

    nextUpdate is required; that it is now lets nobody keep the answer.
    """
    return {
        "certificateStatus": [
            {
                "certificateHashData": asked["certificateHashData"],
                "source": asked["source"],
                "status": "Failed",
                "nextUpdate": context.now(),
            }
            for asked in request["certificateStatusRequests"]
        ]
    }


def open_periodic_event_stream(context: Context, request: Payload, message: Message) -> Answer:
    """OpenPeriodicEventStream: accepted, for a bench wants to see the NotifyPeriodicEventStream messages that follow."""
    return {"status": "Accepted"}


def pull_dynamic_schedule_update(context: Context, request: Payload, message: Message) -> Answer:
    """PullDynamicScheduleUpdate: the bench sets no charging profiles, so it has no update for one."""
    return {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}


def vat_number_validation(context: Context, request: Payload, message: Message) -> Answer:
    """VatNumberValidation: the bench asks no register of companies; what was asked is repeated, as the schema wants."""
    answer: Answer = {
        "status": "Rejected",
        "statusInfo": {"reasonCode": "UnsupportedRequest"},
        "vatNumber": request["vatNumber"],
    }
    if "evseId" in request:
        answer["evseId"] = request["evseId"]
    return answer


ANSWERS: Mapping[str, Answerer] = {
    **answers201.ANSWERS,
    "Authorize": authorize,
    # The token only says who swapped: it was authorized before, or by RequestBatterySwap.
    "BatterySwap": nothing,
    "ClosePeriodicEventStream": nothing,
    "GetCertificateChainStatus": get_certificate_chain_status,
    "NotifyDERAlarm": nothing,
    "NotifyDERStartStop": nothing,
    "NotifyPriorityCharging": nothing,
    # A receipt would be the operator's to give: receiptUrl and receiptId are optional.
    "NotifySettlement": nothing,
    "OpenPeriodicEventStream": open_periodic_event_stream,
    "PullDynamicScheduleUpdate": pull_dynamic_schedule_update,
    "ReportDERControl": nothing,
    "TransactionEvent": transaction_event,
    "VatNumberValidation": vat_number_validation,
}
