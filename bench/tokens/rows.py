"""One row of an imported file: the columns that occur in the field, brought to the names of the MaEVe API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from bench.clock import utc_now
from bench.errors import BadInput
from bench.tokens import contract_id
from bench.tokens.api_form import from_api, moment
from bench.tokens.checks import MAX_TEXT
from bench.tokens.columns import BLOCKED, EXPIRY, STATUS, STATUS_WORDS, UID
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, MessageFormat, Token, TokenKind
from bench.uid import typed_uid

if TYPE_CHECKING:
    from bench.settings import EnrolSettings

ACCEPTED = AuthorizationStatus.ACCEPTED.value
_YES = frozenset(("true", "1", "yes", "y", "on"))
_NO = frozenset(("false", "0", "no", "n", "off"))
_WORDS = {
    "type": {word.casefold(): word.value for word in TokenKind},
    "idTokenType": {word.casefold(): word.value for word in IdTokenType},
    STATUS: STATUS_WORDS,
    "cacheMode": {word.casefold(): word.value for word in CacheMode},
    "personalMessageFormat": {word.casefold(): word.value for word in MessageFormat},
}
_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_BETWEEN = re.compile(r"[\s,;|]+")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,T]+(\d{1,2}:\d\d(?::\d\d)?))?", re.ASCII)
_PLAIN_UID = re.compile(r"[0-9A-Fa-f]{8,20}", re.ASCII)
_CARDS = (IdTokenType.ISO14443, IdTokenType.ISO15693)
_OWN = (UID, "contractId", "visualNumber", "note")
_ATTRIBUTES = tuple(entry.name for entry in fields(Token))
_UID, _CONTRACT, _NUMBER, _NOTE, _TYPE, _COUNTRY, _PARTY = map(
    _ATTRIBUTES.index,
    ("uid", "contract_id", "visual_number", "note", "id_token_type", "country_code", "party_id"),
)
MAX_ALIKE = 4_096
_NEVER = frozenset(("never", "none", "unlimited", "-", "n/a"))
_WHOLE = frozenset((UID, "idTokenType", "contractId", "valid", "cacheMode"))
# What a spreadsheet makes of a long number: the digits are gone.
_SPREADSHEET_NUMBER = re.compile(r"\d([.,]\d+)?E\+\d\d", re.ASCII)


class RowReader:
    """Rows to tokens, many of which are alike but for their value, contract, number and note.

    What is alike is judged once and kept, for some thousand kinds of rows; what is not is always judged. origin: the ``source`` of
    tokens whose row names none.
    """

    def __init__(self, defaults: EnrolSettings, origin: str | None = None) -> None:
        self._defaults = defaults
        self._origin = origin
        self._alike: dict[tuple[object, ...], tuple[list[Any], str]] = {}

    def token(self, row: Mapping[str, object]) -> tuple[Token, str]:
        """As :func:`to_token`."""
        own = _own(row)
        if own is None:
            return self._judged(row)
        rest = dict(row)
        for name in _OWN:
            rest.pop(name, None)
        # Equal values of other types (1 and true) are not alike.
        alike = (*rest, *rest.values(), *map(type, rest.values()))
        try:
            known = self._alike.get(alike)
        except TypeError:  # a list among the values
            return self._judged(row)
        if known is not None and (made := _like(known[0], *own)) is not None:
            return made, known[1]
        token, note = self._judged(row)
        pattern = [getattr(token, name) for name in _ATTRIBUTES]
        if _like(pattern, *own) == token:
            if len(self._alike) >= MAX_ALIKE:
                self._alike.clear()
            self._alike[alike] = pattern, note
        return token, note

    def _judged(self, row: Mapping[str, object]) -> tuple[Token, str]:
        token, note = to_token(row, self._defaults)
        return (replace(token, source=self._origin) if token.source is None else token), note


def _own(row: Mapping[str, object]) -> tuple[str, str, str, str] | None:
    """Value, contract, number and note of a row where they are as plain as they mostly are."""
    uid = row.get(UID)
    if not isinstance(uid, str) or _PLAIN_UID.fullmatch(uid) is None:
        return None
    if not row.get("idTokenType") and len(uid) not in (8, 14, 20):
        return None  # its type depends on it
    contract, number, note = row.get("contractId") or "", row.get("visualNumber") or "", row.get("note") or ""
    for text in (contract, number, note):
        if text and not (
            isinstance(text, str) and len(text) <= MAX_TEXT and text.isprintable() and text[0] != " " != text[-1]
        ):
            return None
    return uid, contract, number, note  # type: ignore[return-value]


def _like(pattern: list[Any], uid: str, contract: str, number: str, note: str) -> Token | None:
    """The token of that pattern but for these; None where they need a closer look."""
    if pattern[_TYPE] not in _CARDS:
        return None
    try:
        kept = (
            contract_id.normalise(contract) if contract else contract_id.make(pattern[_COUNTRY], pattern[_PARTY], uid)
        )
    except BadInput:
        return None
    values = pattern.copy()
    values[_UID], values[_CONTRACT], values[_NUMBER], values[_NOTE] = uid, kept, number or None, note or None
    return Token(*values)


def to_token(row: Mapping[str, object], defaults: EnrolSettings) -> tuple[Token, str]:
    """The token of a row of known fields, and what an operator should know of it (or an empty text).

    What a charger's list does not say is filled in: country, party and issuer from ``defaults``, a contract id made from
    the uid, kind RFID, cacheMode ALWAYS, valid unless a status says otherwise. The separators of a UID go, unless the row says
    all that a store keeps: a program wrote that.

    Raises:
        BadInput: the message opens with the field's name.
    """
    body: dict[str, object] = {name: _tidy(name, value) for name, value in row.items() if value not in (None, "")}
    if isinstance(given := body.get(UID), str) and not body.keys() >= _WHOLE:
        body[UID] = _packed(given)
    _move_id_type(body)
    if (blocked := body.pop(BLOCKED, None)) is not None:
        _block(body, blocked)
    uid = body.get(UID)
    if isinstance(uid, str) and _SPREADSHEET_NUMBER.fullmatch(uid):
        raise BadInput(
            f"uid: {uid} is what a spreadsheet made of a long number", "format that column as text, then export"
        )
    note = _passed(body)
    _gather_message(body)
    if "valid" not in body:
        # Accepted says no more than valid does, and would outlive a later valid = false.
        body["valid"] = body.get("status") in (None, ACCEPTED)
        if body["valid"]:
            body.pop("status", None)
    card = body.get("idTokenType") in (None, IdTokenType.ISO14443.value, IdTokenType.ISO15693.value)
    body.setdefault("type", (TokenKind.RFID if card else TokenKind.OTHER).value)
    body.setdefault("cacheMode", CacheMode.ALWAYS.value)
    body.setdefault("issuer", defaults.issuer)
    body.setdefault("countryCode", defaults.country_code)
    body.setdefault("partyId", defaults.party_id)
    if "contractId" not in body and isinstance(uid, str) and uid.strip():
        body["contractId"] = _contract(str(body["countryCode"]), str(body["partyId"]), uid, body.get("idTokenType"))
    return from_api(body), note


def _contract(country: str, party: str, uid: str, type_word: object) -> str:
    known = type_word in set(IdTokenType)  # an unknown word is told of later, by its own name
    id_token_type = IdTokenType(str(type_word)) if known else IdTokenType.ISO14443
    try:
        return contract_id.for_token(country, party, uid, id_token_type)
    except BadInput as error:
        raise BadInput(f"countryCode and partyId: {country!r} and {party!r} make no contract id", error.cure) from error


def _tidy(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if name in ("valid", BLOCKED):
        folded = text.casefold()
        return True if folded in _YES else False if folded in _NO else text
    if name == EXPIRY:
        return _iso(text)
    if name == "chargingPriority":
        return int(text) if _INTEGER.fullmatch(text) else text
    if name == "evseIds":
        return evse_parts(text)
    return _WORDS.get(name, {}).get(text.casefold(), text)


def evse_parts(text: str) -> list[int | str]:
    """The numbers of ``1 2``, ``1,2`` or ``[1, 2]``; what is no number stays a text."""
    parts = _BETWEEN.split(text.strip(" []"))
    return [int(part) if _INTEGER.fullmatch(part) else part for part in parts if part]


def _packed(text: str) -> str:
    """Bytes with separators, as people and chargers' own pages write them, in the reader's form, which has none."""
    packed = typed_uid(text)
    return packed if len(packed) < len(text) else text


def _iso(text: str) -> str:
    """A date as pages show it, as ISO 8601 has it; with the month by its place (``12/31/2030``) it stays as it is."""
    if text.casefold() in _NEVER:
        return ""
    found = _DAY_FIRST.fullmatch(text)
    if found is None:
        return text
    day, month, year, time = found.groups()
    return f"{year}-{month:0>2}-{day:0>2}" + (f"T{time:0>5}" if time else "")


def _block(body: dict[str, object], blocked: object) -> None:
    if not isinstance(blocked, bool):
        raise BadInput(f"blocked: {str(blocked)[:60]!r}, wanted yes or no")
    if blocked:
        body[STATUS] = AuthorizationStatus.BLOCKED.value
        body["valid"] = False


def _move_id_type(body: dict[str, object]) -> None:
    """A column ``type`` may mean the OCPP type of the token and not the MaEVe kind."""
    given = body.get("type")
    meant = _WORDS["idTokenType"].get(given.casefold()) if isinstance(given, str) else None
    if meant is not None and "idTokenType" not in body:
        body["idTokenType"] = meant
        del body["type"]


def _passed(body: Mapping[str, object]) -> str:
    """What to tell of an expiry that is over already."""
    given = body.get(EXPIRY)
    expiry = moment(EXPIRY, given)
    return f"{given}: passed already, the token is Expired" if expiry is not None and expiry <= utc_now() else ""


def _gather_message(body: dict[str, object]) -> None:
    """The columns of a personal message become the object that JSON has; a JSON file may give it whole."""
    kind, language = body.pop("personalMessageFormat", None), body.pop("personalMessageLanguage", None)
    content = body.get("personalMessage")
    if isinstance(content, str):
        body["personalMessage"] = {"content": content, "format": kind, "language": language}
    elif content is None and (kind or language):
        raise BadInput("personalMessage: empty, but its format or language is given")
