"""What may be shown of a message: secrets replaced by dots, in the decoded tree and in the raw bytes alike.

Secret are the value of a key code (OCPP 2.0.1 C04.FR.04), passwords and PINs, and the values of the settings that hold
the station's own password (OCPP 1.6 ``AuthorizationKey``, OCPP 2.x ``BasicAuthPassword``).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum

from bench.clock import iso_utc
from bench.exchange import MASK
from bench.message import Malformed, Message

MAX_DEPTH = 200

_SECRET_NAMES = frozenset(
    ("authorizationkey", "pin", "hashedpin", "simpin", "passwd", "base64sha256password", "privatekey")
)
_SECRET_SETTINGS = frozenset(("authorizationkey", "basicauthpassword"))
_SETTING_VALUES = frozenset(("value", "attributevalue"))
_KEY_CODE = "keycode"
# Pairs of names under which the five systems keep a token's value and its type.
_TOKEN_SHAPES = (
    ("idToken", "type"),
    ("id_token", "token_type"),
    ("value", "type"),
    ("additionalIdToken", "type"),
)
_PLAIN = re.compile(r"[^a-z0-9]")
# Runs of plain characters at once: one at a time, a string of 20 MB holds up every other thread for seconds.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_CUT_STRING = f"{_STRING}?"  # its last quote may be missing
_JSON_TOKEN = re.compile(_STRING + r"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.DOTALL)
_NAMED_VALUE = re.compile(rf"({_STRING})(\s*:\s*)({_CUT_STRING}|-?\d[\d.]*)", re.DOTALL)
_KEY_CODE_WORD = re.compile(r"key_?code", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Masked:
    """A message as it may be shown. decoded: JSON-able. hidden: whether anything was replaced."""

    raw: bytes
    decoded: object
    hidden: bool


def to_tree(body: object) -> object:
    """Any decoded body as JSON-able data: dataclasses become objects, bytes hex, times RFC 3339."""
    return _tree(body, 0)


def is_secret_name(name: str) -> bool:
    """Whether a value under that name is a password or a PIN, by the name alone."""
    plain = _PLAIN.sub("", name.lower())
    return plain in _SECRET_NAMES or plain.endswith("password")


def is_key_code(token_type: object) -> bool:
    """Whether a token of that type must not be shown (``KeyCode``, ``key_code``)."""
    return isinstance(token_type, str) and _PLAIN.sub("", token_type.lower()) == _KEY_CODE


def mask(message: Message) -> Masked:
    """The message with its secrets replaced by dots. Unreadable bytes are searched for named values all the same."""
    tree = to_tree(message.decoded.body)
    if message.malformed:
        raw = _mask_names(message.raw)
        return Masked(raw, tree, raw != message.raw)
    secrets: set[object] = set()
    masked = _mask_tree(tree, secrets)
    if not secrets:
        return Masked(message.raw, masked, hidden=False)
    return Masked(_mask_raw(message.raw, secrets), masked, hidden=True)


def mask_tree(tree: object) -> object:
    """JSON-able data with its secrets replaced by dots."""
    return _mask_tree(tree, set())


def message_json(message: Message, *, exchange: int | None, reveal: bool = False) -> dict[str, object]:
    """The shape of a message in the control API; ``raw`` as text, or ``raw_base64`` where the bytes are not UTF-8."""
    tree = to_tree(message.decoded.body)
    shown = Masked(message.raw, tree, hidden=False) if reveal else mask(message)
    raw: dict[str, object]
    try:
        raw = {"raw": shown.raw.decode("utf-8")}
    except UnicodeDecodeError:
        raw = {"raw_base64": base64.b64encode(shown.raw).decode("ascii")}
    secrets: set[object] = set()
    if shown.hidden:
        _mask_tree(tree, secrets)
    return {
        "seq": message.seq,
        "utc": iso_utc(message.utc_ns),
        "link": str(message.link),
        "dir": str(message.direction),
        "channel": message.channel,
        "kind": message.decoded.kind,
        "name": message.decoded.name,
        "correlation": message.decoded.correlation,
        **raw,
        "decoded": shown.decoded,
        "faults": [
            {"rule": fault.rule, "text": _mask_text(fault.text, secrets), "where": fault.where}
            for fault in message.decoded.faults
        ],
        "exchange": exchange,
        "injected": message.injected,
    }


def hide(text: str, message: Message) -> str:
    """A sentence about a message (a fault, a note) without the message's secrets."""
    secrets: set[object] = set()
    _mask_tree(to_tree(message.decoded.body), secrets)
    return _mask_text(text, secrets)


def _mask_text(text: str, secrets: set[object]) -> str:
    for secret in sorted(map(str, secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return text


# Decoded


def _tree(value: object, depth: int) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return _tree(value.value, depth + 1)
    if isinstance(value, str):
        return value
    if depth > MAX_DEPTH:
        return "..."
    if isinstance(value, (bytes, bytearray)):
        return value.hex().upper()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Malformed):
        return {"malformed": value.why, "where": value.where}
    if isinstance(value, Mapping):
        return {str(key): _tree(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_tree(entry, depth + 1) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _tree(getattr(value, field.name), depth + 1) for field in fields(value)}
    return str(value)


def _mask_tree(value: object, secrets: set[object], *, secret: bool = False, setting: bool = False) -> object:
    """setting: this is the ``variableAttribute`` of a secret setting (OCPP 2.x NotifyReport)."""
    if isinstance(value, dict):
        secret_setting = _names_secret_setting(value)
        hidden = _hidden_names(value, secret_setting or setting)
        return {
            name: _mask_tree(
                entry,
                secrets,
                secret=secret or name in hidden or is_secret_name(name),
                setting=secret_setting and name == "variableAttribute",
            )
            for name, entry in value.items()
        }
    if isinstance(value, list):
        return [_mask_tree(entry, secrets, secret=secret, setting=setting) for entry in value]
    if not secret or value is None or isinstance(value, bool) or value == "":
        return value
    secrets.add(value)
    return MASK


def _hidden_names(entry: dict[str, object], secret_setting: bool) -> frozenset[str]:
    """Names in this object whose values are secret because of what stands beside them."""
    hidden = {value for value, kind in _TOKEN_SHAPES if value in entry and _is_secret_type(entry.get(kind))}
    if secret_setting:
        hidden.update(name for name in entry if name.lower() in _SETTING_VALUES)
    return frozenset(hidden)


def _is_secret_type(token_type: object) -> bool:
    return is_key_code(token_type) or (isinstance(token_type, str) and token_type.lower() == "pin")


def _names_secret_setting(entry: dict[str, object]) -> bool:
    """OCPP 1.6 ``{"key": "AuthorizationKey", "value"}``, 2.x ``{"variable": {"name": "BasicAuthPassword"}, ...}``."""
    variable = entry.get("variable")
    for name in (entry.get("key"), variable.get("name") if isinstance(variable, dict) else None):
        if isinstance(name, str) and name.lower() in _SECRET_SETTINGS:
            return True
    return False


# Raw


def _mask_raw(raw: bytes, secrets: set[object]) -> bytes:
    """Replace every JSON token whose value is a secret, however it is escaped."""
    text = raw.decode("utf-8", "surrogateescape")

    def replace(match: re.Match[str]) -> str:
        token = match[0]
        value: object = token[1:-1]
        if token[0] != '"' or "\\" in token:
            try:
                value = json.loads(token)
            except ValueError:
                return token
        return f'"{MASK}"' if value in secrets else token

    return _JSON_TOKEN.sub(replace, text).encode("utf-8", "surrogateescape")


def _mask_names(raw: bytes) -> bytes:
    """Replace values beside secret names in text that is not readable as a message."""
    text = raw.decode("utf-8", "surrogateescape")
    key_code = _KEY_CODE_WORD.search(text) is not None

    def replace(match: re.Match[str]) -> str:
        name = match[1][1:-1]
        secret = is_secret_name(name) or (key_code and _PLAIN.sub("", name.lower()) in ("idtoken", "value"))
        return f'{match[1]}{match[2]}"{MASK}"' if secret else match[0]

    return _NAMED_VALUE.sub(replace, text).encode("utf-8", "surrogateescape")
