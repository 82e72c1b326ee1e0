"""One short line for tables, made when a row is first shown."""

from __future__ import annotations

from collections.abc import Callable

from bench.exchange import MASK
from bench.masking import is_key_code, is_secret_name, may_hide
from bench.message import Malformed, Message

MAX_CHARS = 160
MAX_VALUE = 48
MAX_PAIRS = 8
MAX_LOOK = 4096
"""Characters of a string with JSON inside that are searched for what makes it secret."""
SEPARATOR = " · "

Payload = dict[str, object]

_MADE_UP = "group cache until heartbeat connector evse tx version entries true false "


def only_quotes(word: str) -> bool:
    """Whether a word (in lower case) can stand in the line of a JSON message only where it stands in its bytes.

    Not so for what a line is joined with, the few words it adds, and short counts.
    """
    return word.isascii() and word.isalnum() and word not in _MADE_UP and not (word.isdigit() and len(word) < 4)


def summary(message: Message) -> str:
    """What a message says, in at most 160 characters; key codes and passwords masked. Works in bounded time."""
    decoded = message.decoded
    body = decoded.body
    if isinstance(body, Malformed):
        line = f"{body.why} (at {body.where})" if body.where else body.why
    elif (data := getattr(body, "data", None)) is not None and hasattr(body, "type"):
        line = _josev(decoded.name, data)
    elif hasattr(body, "payload"):
        line = _ocpp(decoded.name, body.payload)
    elif hasattr(body, "code") and hasattr(body, "description"):
        line = _join(body.code, body.description)
    else:
        line = decoded.summary or _pairs(body)
    return _cut(line or decoded.summary, MAX_CHARS)


# Josev API


def _josev(name: str, data: object) -> str:
    if not isinstance(data, dict):
        return _value(data)
    if name == "authorization":
        return _join(_josev_token(data), data.get("evse_id"), data.get("status"))
    return _pairs(data)


def _josev_token(data: Payload) -> str:
    token_type, value = data.get("token_type"), data.get("id_token")
    return " ".join(part for part in (_value(token_type), _token_value(value, token_type)) if part)


# OCPP


def _ocpp(action: str, payload: object) -> str:
    if not isinstance(payload, dict):
        return _value(payload)
    special = _OCPP.get(action)
    line = special(payload) if special is not None else ""
    return line or _general(payload)


def _general(payload: Payload) -> str:
    info = payload.get("idTokenInfo") or payload.get("idTagInfo")
    if isinstance(info, dict):
        return _id_info(info)
    status = payload.get("status")
    if isinstance(status, str):
        reason = payload.get("statusInfo")
        code = reason.get("reasonCode") if isinstance(reason, dict) else None
        return _join(status, code)
    return _pairs(payload)


def _id_info(info: Payload) -> str:
    group = info.get("groupIdToken")
    value = _token(group) if isinstance(group, dict) else _value(info.get("parentIdTag"))
    until = info.get("cacheExpiryDateTime") or info.get("expiryDate")
    return _join(
        info.get("status"),
        f"group {value}" if value else "",
        f"cache until {_value(until)}" if until else "",
    )


def _token(id_token: object) -> str:
    """``ISO14443 04A2B3C4`` of an OCPP 2.x IdToken, the bare tag of 1.6."""
    if not isinstance(id_token, dict):
        return _value(id_token)
    kind, value = id_token.get("type"), id_token.get("idToken")
    return " ".join(part for part in (_value(kind), _token_value(value, kind)) if part)


def _asks_token(payload: Payload) -> str:
    if "idToken" not in payload and "idTag" not in payload:
        return ""
    evse = payload.get("evseId", payload.get("connectorId"))
    token = payload.get("idToken", payload.get("idTag"))
    shown = _token_value(token, payload.get("type")) if isinstance(token, str) else _token(token)
    return _join(shown, f"EVSE {evse}" if evse is not None else "")


def _boot(payload: Payload) -> str:
    station = payload.get("chargingStation", payload)
    if not isinstance(station, dict):
        return ""
    vendor = station.get("vendorName", station.get("chargePointVendor"))
    model = station.get("model", station.get("chargePointModel"))
    if vendor is None and model is None:
        interval = payload.get("interval")
        return _join(payload.get("status"), f"heartbeat {interval} s" if interval is not None else "")
    return _join(f"{_value(vendor)} {_value(model)}".strip(), payload.get("reason"))


def _connector(payload: Payload) -> str:
    status = payload.get("connectorStatus", payload.get("status"))
    if status is None:
        return ""
    evse, connector = payload.get("evseId"), payload.get("connectorId")
    where = f"{evse}.{connector}" if evse is not None else connector
    error = payload.get("errorCode")
    return _join(f"connector {where}", status, error if error != "NoError" else None)


def _transaction(payload: Payload) -> str:
    info = payload.get("transactionInfo")
    if not isinstance(info, dict):
        return ""
    return _join(
        payload.get("eventType"),
        payload.get("triggerReason"),
        _token(payload["idToken"]) if "idToken" in payload else "",
        f"tx {_value(info.get('transactionId'))}",
        info.get("chargingState"),
    )


def _start_stop(payload: Payload) -> str:
    if (info := payload.get("idTagInfo")) is not None:
        number = payload.get("transactionId")
        return _join(_id_info(info) if isinstance(info, dict) else "", f"tx {number}" if number is not None else "")
    number = payload.get("transactionId")
    return _join(
        _value(payload.get("idTag")),
        f"connector {payload['connectorId']}" if "connectorId" in payload else "",
        f"tx {number}" if number is not None else "",
        payload.get("reason"),
    )


def _local_list(payload: Payload) -> str:
    version = payload.get("versionNumber", payload.get("listVersion"))
    if version is None:
        return ""
    if "updateType" not in payload:
        return f"version {version}"
    entries = payload.get("localAuthorizationList")
    count = len(entries) if isinstance(entries, (list, tuple)) else 0
    return _join(payload.get("updateType"), f"version {version}", f"{count} entries")


_OCPP: dict[str, Callable[[Payload], str]] = {
    "Authorize": _asks_token,
    "BootNotification": _boot,
    "StatusNotification": _connector,
    "TransactionEvent": _transaction,
    "StartTransaction": _start_stop,
    "StopTransaction": _start_stop,
    "SendLocalList": _local_list,
    "GetLocalListVersion": _local_list,
    "RequestStartTransaction": _asks_token,
    "RemoteStartTransaction": _asks_token,
}


# Anything else


def _pairs(value: object) -> str:
    """``name value`` of the first few plain members; what is nested is counted, not walked."""
    if not isinstance(value, dict):
        return _value(value) if isinstance(value, (str, int, float)) else ""
    named_secret = str(value.get("key", "")).lower() == "authorizationkey"
    parts: list[str] = []
    for name, entry in value.items():
        if len(parts) == MAX_PAIRS:
            parts.append("...")
            break
        hidden = is_secret_name(str(name)) or (named_secret and name == "value")
        if (name == "id_token" and is_key_code(value.get("token_type"))) or (
            name == "idToken" and is_key_code(value.get("type"))
        ):
            hidden = True
        parts.append(f"{_cut(str(name), MAX_VALUE)} {MASK if hidden else _value(entry)}")
    return SEPARATOR.join(parts)


def _token_value(value: object, token_type: object) -> str:
    return MASK if value and is_key_code(token_type) else _value(value)


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return MASK if may_hide(value[:MAX_LOOK]) else _cut(value, MAX_VALUE)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        if "idToken" in value and "type" in value:
            return _token(value)
        return "{}" if not value else f"{{{len(value)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{len(value)}]"
    return _cut(str(getattr(value, "value", value)), MAX_VALUE)


def _join(*parts: object) -> str:
    return SEPARATOR.join(text for part in parts if (text := _value(part)))


def _cut(text: str, limit: int) -> str:
    """On one line and no longer than the limit."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
