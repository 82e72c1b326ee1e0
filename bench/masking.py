"""What may be shown of a message: secrets replaced by dots, in the decoded tree and in the raw bytes alike.

Secret are the value of a key code (OCPP 2.0.1 C04.FR.04), passwords and PINs, and the values of the settings that hold
the station's own password (OCPP 1.6 ``AuthorizationKey``, OCPP 2.x ``BasicAuthPassword``); in JSON inside a string too.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Set
from dataclasses import dataclass

from bench.clock import iso_utc
from bench.exchange import MASK
from bench.message import Link, Message
from bench.plain_data import Place, folded, json_text, plain, put

MAX_DEPTH = 200
"""Levels of a tree that are shown as such; what lies deeper stands in it as JSON text."""

_SECRET_NAMES = frozenset(
    ("authorizationkey", "pin", "hashedpin", "simpin", "passwd", "base64sha256password", "privatekey")
)
_SECRET_SETTINGS = frozenset(("authorizationkey", "basicauthpassword"))
_SETTING_VALUES = frozenset(("value", "attributevalue", "actualvalue"))
_SECRET_SETTING_WORD = re.compile(r"authorization_?key|basic_?auth_?password", re.IGNORECASE)
_VPN = frozenset(("server", "user", "password"))  # OCPP 2.x VPNType, whose "key" is its shared secret
_TOKEN_COMPANIONS = frozenset(("url", "roles"))
"""What stands beside the secret ``token`` of OCPI Credentials; the Registration of the MaEVe API has one of them too."""
_REGISTRATION = frozenset(("token", "status"))
_TOKEN_LINKS = frozenset((Link.OCPI, Link.MAEVE))
"""Where every ``token`` is a party's, also in a body that is not as it should be."""
_KEY_CODE = "keycode"
# Pairs of names under which the five systems keep a token's value and its type.
_TOKEN_SHAPES = (
    ("idToken", "type"),
    ("id_token", "token_type"),
    ("value", "type"),
    ("additionalIdToken", "type"),
    ("uid", "idTokenType"),
)
_TOKEN_NAMES = frozenset(("idtoken", "value", "additionalidtoken", "uid"))
_PLAIN = re.compile(r"[^a-z0-9]")
_NAME_PARTS = re.compile(r"[/;]")
# Runs of plain characters at once: one at a time, a string of 20 MB holds up every other thread for seconds.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_CUT_STRING = f"{_STRING}?"  # its last quote may be missing
_JSON_TOKEN = re.compile(_STRING + r"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.DOTALL)
# A name of bounded length, and from no escaped quote on: each of a text full of them would be looked from.
_NAMED_VALUE = re.compile(rf"((?<!\\)\"(?:[^\"\\]|\\.){{0,64}}+\")(\s*:\s*)({_CUT_STRING}|-?\d[\d.]*)", re.DOTALL)
_KEY_CODE_WORD = re.compile(r"key_?code", re.IGNORECASE)
# Of text that only resembles JSON: other quotes or none, or quotes escaped because all of it stands in a string.
_LOOSE_NAME = re.compile(r"\b([A-Za-z_]\w{0,60})\\{0,8}[\"']?\s{0,20}[:=]\s{0,20}")
_LOOSE_VALUE = re.compile(
    r"""(?P<open>\\{0,8}(?P<quote>["']))(?P<inside>.*?)(?=(?P=open)|\Z)|(?P<bare>\[[^\]]*|[^\s,{}\[\]"'\\][^,{}\[\]\r\n"'\\]*)""",
    re.DOTALL,
)
_EMBEDDED = re.compile(r"\s*[{\[]")
_SECRET_WORD = re.compile(r"key_?code|pin|passw|authorization|privatekey", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Masked:
    """A message as it may be shown. decoded: JSON-able. hidden: whether anything was replaced."""

    raw: bytes
    decoded: object
    hidden: bool


def to_tree(body: object) -> object:
    """Any decoded body as JSON-able data: dataclasses become objects, bytes hex, times RFC 3339.

    What lies deeper than :data:`MAX_DEPTH` levels stands there as JSON text.
    """
    return folded(plain(body), MAX_DEPTH)


def is_secret_name(name: str) -> bool:
    """Whether a value under that name is a password or a PIN, by the name alone."""
    return _is_secret_word(name) or (
        # Of the MaEVe API: ``SecurityCtrlr/BasicAuthPassword;;Target``.
        _NAME_PARTS.search(name) is not None and any(map(_is_secret_word, _NAME_PARTS.split(name)))
    )


def _is_secret_word(name: str) -> bool:
    plain = _PLAIN.sub("", name.lower())
    return plain in _SECRET_NAMES or plain.endswith("password")


def is_key_code(token_type: object) -> bool:
    """Whether a token of that type must not be shown (``KeyCode``, ``key_code``)."""
    return isinstance(token_type, str) and _PLAIN.sub("", token_type.lower()) == _KEY_CODE


def may_hide(text: str) -> bool:
    """Whether a string begins as JSON does and holds a word that may make a value in it secret."""
    return _EMBEDDED.match(text) is not None and _SECRET_WORD.search(text) is not None


def mask(message: Message) -> Masked:
    """The message with its secrets replaced by dots. Unreadable bytes are searched for named values all the same.

    A tree deeper than :data:`MAX_DEPTH` levels is folded as :func:`to_tree` does, after it was masked.
    """
    if message.malformed:
        raw = _mask_names(message.raw, tokens=message.link in _TOKEN_LINKS)
        return Masked(raw, to_tree(message.decoded.body), raw != message.raw)
    found = _Secrets(tokens=message.link in _TOKEN_LINKS)
    tree = folded(found.masked(plain(message.decoded.body)), MAX_DEPTH)
    if not found:
        return Masked(message.raw, tree, hidden=False)
    return Masked(found.masked_raw(message.raw), tree, hidden=True)


def mask_tree(tree: object) -> object:
    """A copy of JSON-able data of any depth with its secrets replaced by dots."""
    return _Secrets().masked(tree)


def secrets_of(tree: object) -> set[str | int | float]:
    """The values in JSON-able data that masking replaces; of JSON inside a string those in it."""
    found = _Secrets()
    found.masked(tree)
    return found.values


def message_json(message: Message, *, exchange: int | None, reveal: bool = False) -> dict[str, object]:
    """The shape of a message in the control API; ``raw`` as text, or ``raw_base64`` where the bytes are not UTF-8."""
    shown = Masked(message.raw, to_tree(message.decoded.body), hidden=False) if reveal else mask(message)
    raw: dict[str, object]
    try:
        raw = {"raw": shown.raw.decode("utf-8")}
    except UnicodeDecodeError:
        raw = {"raw_base64": base64.b64encode(shown.raw).decode("ascii")}
    secrets = _quotable(message) if shown.hidden else frozenset()
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
    return _mask_text(text, _quotable(message))


def _quotable(message: Message) -> Set[str | int | float]:
    """What a sentence about a message must not quote."""
    found = _Secrets(tokens=message.link in _TOKEN_LINKS)
    found.masked(plain(message.decoded.body))
    return found.values | found.texts.keys()


def _mask_text(text: str, secrets: Set[str | int | float]) -> str:
    for secret in sorted(map(str, secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return text


# Decoded


class _Secrets:
    """What is secret in one tree. values: as they stand in it. texts: strings with JSON inside, and what stands for them.

    tokens: whatever is named ``token`` is one of OCPI, whatever stands beside it.
    """

    def __init__(self, *, tokens: bool = False) -> None:
        self._tokens = tokens
        self.values: set[str | int | float] = set()
        self.texts: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.values or self.texts)

    def masked(self, tree: object) -> object:
        """A copy of JSON-able data with its secrets replaced; they are kept."""
        root: list[object] = [None]
        # secret: all below is. setting: it is the ``variableAttribute`` of a secret setting (OCPP 2.x NotifyReport).
        waiting: list[tuple[object, Place, bool, bool]] = [(tree, (root, 0), False, False)]
        while waiting:
            value, place, secret, setting = waiting.pop()
            if isinstance(value, dict):
                named = _names_secret_setting(value)
                hidden = _hidden_names(value, named or setting)
                object_: dict[str, object] = dict.fromkeys(value)
                put(place, object_)
                for name, entry in value.items():
                    below = secret or name in hidden or is_secret_name(name) or (self._tokens and _is_token(name))
                    if isinstance(entry, dict | list):
                        waiting.append((entry, (object_, name), below, named and name == "variableAttribute"))
                    else:
                        object_[name] = self._scalar(entry, below)
            elif isinstance(value, list):
                list_: list[object] = [None] * len(value)
                put(place, list_)
                for at, entry in enumerate(value):
                    if isinstance(entry, dict | list):
                        waiting.append((entry, (list_, at), secret, setting))
                    else:
                        list_[at] = self._scalar(entry, secret)
            else:
                put(place, self._scalar(value, secret))
        return root[0]

    def _scalar(self, value: object, secret: bool) -> object:
        if secret:
            if value is None or isinstance(value, bool) or value == "" or not isinstance(value, str | int | float):
                return value
            self.values.add(value)
            return MASK
        if isinstance(value, str) and may_hide(value):
            return self._embedded(value)
        return value

    def _embedded(self, text: str) -> str:
        """JSON inside a string: as it was written where nothing in it is secret."""
        import orjson  # the window is painted before it is loaded

        found = _Secrets()
        try:
            shown = json_text(found.masked(orjson.loads(text)))
        except ValueError:
            shown = _mask_named_text(text)
            if shown == text:
                return text
        else:
            if not found:
                return text
        self.values |= found.values
        self.texts[text] = shown
        return shown

    def masked_raw(self, raw: bytes) -> bytes:
        """The bytes with every JSON token whose value is a secret replaced, however it is escaped."""
        text = raw.decode("utf-8", "surrogateescape")

        def replace(match: re.Match[str]) -> str:
            token = match[0]
            value: object = token[1:-1]
            if token[0] != '"' or "\\" in token:
                try:
                    value = json.loads(token)
                except ValueError:
                    return token
            if value in self.values:
                return f'"{MASK}"'
            if isinstance(value, str) and value in self.texts:
                return json.dumps(self.texts[value], ensure_ascii=False)
            return token

        return _JSON_TOKEN.sub(replace, text).encode("utf-8", "surrogateescape")


def _hidden_names(entry: dict[str, object], secret_setting: bool) -> frozenset[str]:
    """Names in this object whose values are secret because of what stands beside them."""
    hidden = {value for value, kind in _TOKEN_SHAPES if value in entry and _is_secret_type(entry.get(kind))}
    if secret_setting:
        hidden.update(name for name in entry if name.lower() in _SETTING_VALUES)
    if entry.keys() >= _VPN:
        hidden.add("key")
    if "token" in entry and (entry.keys() & _TOKEN_COMPANIONS or entry.keys() <= _REGISTRATION):
        hidden.add("token")
    return frozenset(hidden)


def _is_token(name: str) -> bool:
    return name.lower() == "token"


def _is_secret_type(token_type: object) -> bool:
    return is_key_code(token_type) or (isinstance(token_type, str) and token_type.lower() == "pin")


def _names_secret_setting(entry: dict[str, object]) -> bool:
    """OCPP 1.6 ``{"key": "AuthorizationKey", "value"}``, 2.x ``{"variable": {"name": "BasicAuthPassword"}, ...}``."""
    variable = entry.get("variable")
    for name in (entry.get("key"), variable.get("name") if isinstance(variable, dict) else None):
        if isinstance(name, str) and name.lower() in _SECRET_SETTINGS:
            return True
    return False


# Bytes that are not readable as a message


def _mask_names(raw: bytes, *, tokens: bool) -> bytes:
    """Replace values beside secret names. tokens: ``token`` is one."""
    return _mask_named_text(raw.decode("utf-8", "surrogateescape"), tokens=tokens).encode("utf-8", "surrogateescape")


def _mask_named_text(text: str, *, tokens: bool = False) -> str:
    beside: set[str] = {"token"} if tokens else set()
    if _KEY_CODE_WORD.search(text) is not None:
        beside |= _TOKEN_NAMES
    if _SECRET_SETTING_WORD.search(text) is not None:
        beside |= _SETTING_VALUES

    def is_secret(name: str) -> bool:
        return is_secret_name(name) or _PLAIN.sub("", name.lower()) in beside

    def replace(match: re.Match[str]) -> str:
        return f'{match[1]}{match[2]}"{MASK}"' if is_secret(match[1][1:-1]) else match[0]

    return _mask_loose(_NAMED_VALUE.sub(replace, text), is_secret)


def _mask_loose(text: str, is_secret: Callable[[str], bool]) -> str:
    """What no JSON has: values in other quotes or in none."""
    parts, at = [], 0
    for name in _LOOSE_NAME.finditer(text):
        if name.start() < at or not is_secret(name[1]):
            continue
        value = _LOOSE_VALUE.match(text, name.end())
        if value is None:
            continue
        start, end = value.span("bare" if value["bare"] is not None else "inside")
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]])
