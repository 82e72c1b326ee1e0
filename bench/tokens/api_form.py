"""A token under the field names of the MaEVe API, as JSON has it, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from bench.clock import iso_datetime
from bench.errors import BadInput
from bench.tokens import contract_id
from bench.tokens.checks import checked
from bench.tokens.index import plain
from bench.tokens.model import (
    AuthorizationStatus,
    CacheMode,
    IdTokenType,
    MessageFormat,
    PersonalMessage,
    Token,
    TokenKind,
)

Word = TypeVar("Word", bound=StrEnum)

_ISO14443 = re.compile(r"[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20}", re.IGNORECASE | re.ASCII)
_ISO15693 = re.compile(r"E0[0-9A-F]{14}", re.IGNORECASE | re.ASCII)
_MAC = re.compile(r"(VID:)?[0-9A-F]{12}", re.IGNORECASE | re.ASCII)


def infer_type(uid: str, kind: TokenKind, contract: str = "") -> IdTokenType:
    """The OCPP type of a token whose giver knows only the MaEVe kind.

    16 hex digits that begin with E0 are ISO15693, 8, 14 or 20 hex digits ISO14443, whatever the kind. An RFID of any other
    form is ISO14443 (a UID with separators, a printed number). What is no RFID: 12 hex digits (``VID:`` before them or not)
    of kind OTHER are MacAddress, a contract id with its check digit or equal to ``contract`` is eMAID, the rest is Local.
    """
    if _ISO15693.fullmatch(uid):
        return IdTokenType.ISO15693
    if kind is TokenKind.RFID or _ISO14443.fullmatch(uid):
        return IdTokenType.ISO14443
    if kind is TokenKind.OTHER and _MAC.fullmatch(uid):
        return IdTokenType.MAC_ADDRESS
    return IdTokenType.EMAID if _is_emaid(uid, contract) else IdTokenType.LOCAL


def to_api(token: Token) -> dict[str, object]:
    """The JSON object of a token; optional fields only where they are set.

    Names of ours: ``status`` where the token has one of its own, ``idTokenType`` where it is not an ISO14443 that
    :func:`from_api` would recognise, and what OCPP says beside these: ``expiry`` (RFC 3339), ``evseIds``, ``language2``,
    ``personalMessage`` {content, format, language} and ``chargingPriority``; and the bench's own ``note`` and ``source``.
    ``from_api(to_api(token))`` is the token again, its last_updated aside.
    """
    made: dict[str, object] = {
        "countryCode": token.country_code,
        "partyId": token.party_id,
        "type": token.kind.value,
        "uid": token.uid,
        "contractId": token.contract_id,
        "issuer": token.issuer,
        "valid": token.valid,
        "cacheMode": token.cache_mode.value,
    }
    for name, value in (
        ("visualNumber", token.visual_number),
        ("groupId", token.group_id),
        ("languageCode", token.language_code),
        ("language2", token.language2),
        ("chargingPriority", token.charging_priority),
        ("evseIds", list(token.evse_ids) or None),
        ("personalMessage", message_form(token.personal_message)),
        ("note", token.note),
        ("source", token.source),
        ("expiry", token.expiry and iso_datetime(token.expiry)),
        ("lastUpdated", token.last_updated and iso_datetime(token.last_updated)),
    ):
        if value is not None:
            made[name] = value
    if token.status is not None:
        made["status"] = token.status.value
    usual = IdTokenType.ISO14443
    if token.id_token_type is not usual or infer_type(token.uid, token.kind, token.contract_id) is not usual:
        made["idTokenType"] = token.id_token_type.value
    return made


def message_form(message: PersonalMessage | None) -> dict[str, str] | None:
    """MessageContentType as JSON has it, in OCPP 2.x and in the API alike."""
    if message is None:
        return None
    made = {"format": message.format.value, "content": message.content}
    if message.language is not None:
        made["language"] = message.language
    return made


def from_api(body: Mapping[str, object]) -> Token:
    """The token of a JSON object, checked; lastUpdated and names not known are ignored (MaEVe API, setToken).

    Raises:
        BadInput: a required field is missing, or one is wrong; the message opens with its name.
    """
    typed = _optional(body, "idTokenType")
    status = _optional(body, "status")
    valid = body.get("valid")
    if not isinstance(valid, bool):
        raise BadInput(f"valid: {_shown(valid)}, wanted true or false")
    token = checked(
        Token(
            uid=_text(body, "uid"),
            country_code=_text(body, "countryCode"),
            party_id=_text(body, "partyId"),
            contract_id=_text(body, "contractId"),
            issuer=_text(body, "issuer"),
            kind=_word("type", _text(body, "type"), TokenKind),
            id_token_type=IdTokenType.LOCAL if typed is None else _word("idTokenType", typed, IdTokenType),
            valid=valid,
            cache_mode=_word("cacheMode", _text(body, "cacheMode"), CacheMode),
            status=None if status is None else _word("status", status, AuthorizationStatus),
            visual_number=_optional(body, "visualNumber"),
            group_id=_optional(body, "groupId"),
            language_code=_optional(body, "languageCode"),
            expiry=moment("expiry", body.get("expiry")),
            evse_ids=numbers("evseIds", body.get("evseIds")),
            language2=_optional(body, "language2"),
            personal_message=_message(body.get("personalMessage")),
            charging_priority=_integer("chargingPriority", body.get("chargingPriority")),
            note=_optional(body, "note"),
            source=_optional(body, "source"),
        )
    )
    if typed is None:
        return replace(token, id_token_type=infer_type(token.uid, token.kind, token.contract_id))
    return token


def moment(name: str, value: object) -> datetime | None:
    """The moment of an RFC 3339 text, of a date alone (its beginning), UTC where it names no zone; None for none.

    Raises:
        BadInput: it is none.
    """
    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise BadInput(f"{name}: {_shown(value)}, wanted a date as 2030-12-31 or 2030-12-31T23:59:59Z")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def numbers(name: str, value: object) -> tuple[int, ...]:
    """The whole numbers of a list; none for None.

    Raises:
        BadInput: no list, or something else in it.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadInput(f"{name}: {_shown(value)}, wanted a list of numbers")
    for entry in value:
        if not isinstance(entry, int) or isinstance(entry, bool):
            raise BadInput(f"{name}: {_shown(entry)}, wanted a whole number")
    return tuple(value)


def _message(value: object) -> PersonalMessage | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadInput(f"personalMessage: {_shown(value)}, wanted an object with content, format and language")
    content = value.get("content")
    if not isinstance(content, str):
        raise BadInput(f"personalMessage: {_shown(content)}, wanted a text as its content")
    language = value.get("language")
    if language is not None and not isinstance(language, str):
        raise BadInput(f"personalMessageLanguage: {_shown(language)}, wanted a text")
    kind = value.get("format")
    return PersonalMessage(
        content,
        MessageFormat.UTF8 if kind is None else _word("personalMessageFormat", str(kind), MessageFormat),
        language or None,
    )


def _integer(name: str, value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadInput(f"{name}: {_shown(value)}, wanted a whole number")


def _is_emaid(uid: str, contract: str) -> bool:
    try:
        normal = contract_id.normalise(uid)
    except BadInput:
        return False
    return normal in (plain(uid).upper(), contract)


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if value is None:
        raise BadInput(f"{name}: missing")
    if not isinstance(value, str):
        raise BadInput(f"{name}: {_shown(value)}, wanted a text")
    return value


def _optional(body: Mapping[str, object], name: str) -> str | None:
    return None if body.get(name) in (None, "") else _text(body, name)


def _word(name: str, text: str, words: type[Word]) -> Word:
    try:
        return words(text)
    except ValueError as error:
        raise BadInput(f"{name}: {_shown(text)}, wanted one of {', '.join(words)}") from error


def _shown(value: object) -> str:
    return repr(value)[:60]
