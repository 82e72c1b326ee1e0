"""Is a token fit for the store: lengths and characters, field by field.

Limits: MaEVe API, Token; OCPI 2.2 Tokens; OCPP 2.0.1 IdTokenType; OCPP 1.6 IdToken (CiString20).
"""

from __future__ import annotations

import re
from dataclasses import replace

from bench.errors import BadInput
from bench.tokens import contract_id
from bench.tokens.model import IdTokenType, Token

MAX_UID = 36
MAX_UID_16 = 20
MAX_TEXT = 64
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_PARTY = re.compile(r"[A-Za-z0-9]{3}", re.ASCII)
_PRINTABLE_ASCII = re.compile(r"[ -~]*", re.ASCII)


def checked(token: Token) -> Token:
    """The token as it is kept: contract id normalised, country and party upper-case, empty texts as None.

    Raises:
        BadInput: a field breaks its limit; the message opens with the field's MaEVe name.
    """
    return replace(
        token,
        uid=_uid(token),
        country_code=_matching("countryCode", token.country_code, _COUNTRY, "2 letters").upper(),
        party_id=_matching("partyId", token.party_id, _PARTY, "3 letters or digits").upper(),
        contract_id=_contract(token.contract_id),
        issuer=_required("issuer", token.issuer),
        visual_number=_text("visualNumber", token.visual_number, MAX_TEXT),
        group_id=_group(token.group_id),
        language_code=_language(token.language_code),
    )


def notes(token: Token) -> list[str]:
    """What an operator should know of a token that is fit: limits of OCPP 1.6."""
    found = []
    if len(token.uid) > MAX_UID_16:
        found.append(
            f"uid has {len(token.uid)} characters: OCPP 1.6 takes {MAX_UID_16}, such stations can never ask for it"
        )
    if token.group_id is not None and len(token.group_id) > MAX_UID_16:
        found.append(f"groupId has {len(token.group_id)} characters: OCPP 1.6 takes {MAX_UID_16}")
    return found


def _uid(token: Token) -> str:
    if token.id_token_type is IdTokenType.NO_AUTHORIZATION:
        raise BadInput(
            "idTokenType: NoAuthorization has no value to store", "free charging is accepted without a token"
        )
    uid = token.uid
    if not 1 <= len(uid) <= MAX_UID:
        raise BadInput(f"uid: {len(uid)} characters, wanted 1 to {MAX_UID}")
    if not _PRINTABLE_ASCII.fullmatch(uid):
        raise BadInput("uid: a character that is not printable ASCII", "OCPP allows letters, digits and plain signs")
    if uid != uid.strip():
        raise BadInput("uid: begins or ends with a space", "remove it")
    return uid


def _contract(text: str) -> str:
    try:
        return contract_id.normalise(text)
    except BadInput as error:
        raise BadInput(f"contractId: {error.what}", error.cure) from error


def _matching(field: str, text: str, form: re.Pattern[str], wanted: str) -> str:
    if not form.fullmatch(text):
        raise BadInput(f"{field}: {text[:MAX_TEXT]!r}, wanted {wanted}")
    return text


def _required(field: str, text: str) -> str:
    kept = _text(field, text, MAX_TEXT)
    if kept is None:
        raise BadInput(f"{field}: empty, wanted 1 to {MAX_TEXT} characters")
    return kept


def _text(field: str, text: str | None, longest: int) -> str | None:
    kept = (text or "").strip()
    if len(kept) > longest:
        raise BadInput(f"{field}: {len(kept)} characters, wanted at most {longest}")
    if not kept.isprintable():
        raise BadInput(f"{field}: a character that cannot be printed")
    return kept or None


def _group(text: str | None) -> str | None:
    kept = _text("groupId", text, MAX_UID)
    if kept is not None and not kept.isascii():
        raise BadInput("groupId: a character that is not printable ASCII")
    return kept


def _language(text: str | None) -> str | None:
    kept = _text("languageCode", text, 2)
    return None if kept is None else _matching("languageCode", kept, _COUNTRY, "2 letters (ISO 639-1)").lower()
