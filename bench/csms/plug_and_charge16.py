"""Plug and Charge on OCPP 1.6: 2.0.1 messages as JSON text inside DataTransfer (OCA application note "Using ISO 15118 Plug & Charge
with OCPP 1.6").

The outer status says whether the inner message could be handled; the inner answer, in ``data``, says what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from bench.codecs.ocpp_schemas import SCHEMA_RULE, Half, schema_of
from bench.csms import answers201
from bench.csms.context import Answer, Answerer, Asked, Context, Payload
from bench.message import Message

VENDOR = "org.openchargealliance.iso15118pnc"


def sign_certificate(context: Context, request: Payload, message: Message) -> Answer:
    """The bench is no certificate authority."""
    return {"status": "Rejected"}


_ANSWERS: Mapping[str, Answerer] = {
    "Authorize": answers201.authorize,
    "Get15118EVCertificate": answers201.get_15118_ev_certificate,
    "GetCertificateStatus": answers201.get_certificate_status,
    "SignCertificate": sign_certificate,
}


def answer(context: Context, transfer: Payload, message: Message) -> Answer | Asked:
    """DataTransfer.conf to a DataTransfer.req of that vendor."""
    action = transfer.get("messageId", "")
    answerer = _ANSWERS.get(action)
    if answerer is None:
        return {"status": "UnknownMessageId"}
    request = _read(transfer.get("data"))
    why = "its data is no JSON object" if request is None else _wrong(action, request)
    if request is None or why:
        context.notice(
            "ocpp.plug-and-charge",
            "warn",
            f"{action} inside DataTransfer cannot be used: {why}",
            "its data must be the 2.0.1 message as JSON text",
        )
        return {"status": "Rejected"}
    inner = answerer(context, request, message)
    if isinstance(inner, Asked):
        return Asked(inner.ask, lambda decision: _around(inner.answer(decision)))
    return _around(inner)


def _around(inner: Answer) -> Answer:
    return {"status": "Accepted", "data": orjson.dumps(inner).decode()}


def authorize_inside(transfer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Authorize that a DataTransfer.req carries, or None."""
    if transfer.get("vendorId") != VENDOR or transfer.get("messageId") != "Authorize":
        return None
    return _read(transfer.get("data"))


def answer_inside(transfer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The message that a DataTransfer.conf of ours carries, or None."""
    return _read(transfer.get("data"))


def _read(data: object) -> dict[str, Any] | None:
    if not isinstance(data, str):
        return None
    try:
        request = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(request, dict):
        return None
    if isinstance(request.get("idToken"), str):  # some write the eMAID alone
        request["idToken"] = {"idToken": request["idToken"], "type": "eMAID"}
    return request


def _wrong(action: str, request: dict[str, Any]) -> str:
    schema = schema_of("2.0.1", Half.REQUEST, action)
    if schema is None or schema.is_valid(request):
        return ""
    fault = schema.faults(request)[0]
    # The constraint and not the fault's text, which may quote a token.
    return f"{fault.where or 'the payload'} breaks its schema ({fault.rule.removeprefix(SCHEMA_RULE)})"
