"""Is a token fit for the store: lengths and characters, field by field.

Limits: MaEVe API, Token; OCPI 2.2 Tokens; OCPP 2.0.1 IdTokenType; OCPP 1.6 IdToken (CiString20).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from bench.errors import BadInput
from bench.tokens import contract_id
from bench.tokens.model import IdTokenType, MessageFormat, PersonalMessage, Token

MAX_UID = 36
MAX_UID_16 = 20
MAX_TEXT = 64
MAX_LANGUAGE = 8
MAX_MESSAGE = 512
MAX_NOTE = 500
MAX_SOURCE = 120
MAX_EVSES = 100
MAX_EVSE = 2**31 - 1
PRIORITIES = range(-9, 10)
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_PARTY = re.compile(r"[A-Za-z0-9]{3}", re.ASCII)
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
_USUAL_UID = re.compile(r"[A-Za-z0-9]{1,36}", re.ASCII)
_PRINTABLE_ASCII = re.compile(r"[ -~]*", re.ASCII)


def checked(token: Token, last_updated: datetime | None = None) -> Token:
    """The token as it is kept: contract id normalised, country and party upper-case, empty texts as None.

    last_updated: UTC; None = as the token has it.

    Raises:
        BadInput: a field breaks its limit; the message opens with the field's MaEVe name.
    """
    uid, contract = _uid(token), _contract(token.contract_id)
    country, party, issuer, group, language, language2, expiry, evses, message, priority, source = _shared(
        token.country_code,
        token.party_id,
        token.issuer,
        token.group_id,
        token.language_code,
        token.language2,
        token.expiry,
        token.evse_ids,
        token.personal_message,
        token.charging_priority,
        token.source,
    )
    # In the order of the fields: by name each takes twice the time, replace() thrice, and an import makes a million.
    return Token(
        uid,
        country,
        party,
        contract,
        issuer,
        token.kind,
        token.id_token_type,
        token.valid,
        token.cache_mode,
        token.status,
        _text("visualNumber", token.visual_number, MAX_TEXT),
        group,
        language,
        last_updated or token.last_updated,
        expiry,
        evses,
        language2,
        message,
        priority,
        _note(token.note),
        source,
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
    if _USUAL_UID.fullmatch(uid):
        return uid
    if not 1 <= len(uid) <= MAX_UID:
        raise BadInput(f"uid: {len(uid)} characters, wanted 1 to {MAX_UID}")
    if not _PRINTABLE_ASCII.fullmatch(uid):
        raise BadInput("uid: a character that is not printable ASCII", "OCPP allows letters, digits and plain signs")
    if uid != uid.strip():
        raise BadInput("uid: begins or ends with a space", "remove it")
    return uid


@lru_cache(maxsize=4096)  # several cards of one driver lie side by side
def _contract(text: str) -> str:
    try:
        return contract_id.normalise(text)
    except BadInput as error:
        raise BadInput(f"contractId: {error.what}", error.cure) from error


@lru_cache(maxsize=4096)
def _shared(
    country: str,
    party: str,
    issuer: str,
    group: str | None,
    language: str | None,
    language2: str | None,
    expiry: datetime | None,
    evses: tuple[int, ...],
    message: PersonalMessage | None,
    priority: int | None,
    source: str | None,
) -> tuple[
    str,
    str,
    str,
    str | None,
    str | None,
    str | None,
    datetime | None,
    tuple[int, ...],
    PersonalMessage | None,
    int | None,
    str | None,
]:
    """What many tokens have in common is looked at once."""
    return (
        _matching("countryCode", country, _COUNTRY, "2 letters").upper(),
        _matching("partyId", party, _PARTY, "3 letters or digits").upper(),
        _required("issuer", issuer),
        _group(group),
        _language(language),
        _language2(language2, language),
        _expiry(expiry),
        _evses(evses),
        _message(message),
        _priority(priority),
        _text("source", source, MAX_SOURCE),
    )


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
    if not text:
        return None
    kept = text.strip()
    if len(kept) > longest:
        raise BadInput(f"{field}: {len(kept)} characters, wanted at most {longest}")
    if not kept.isprintable():
        raise BadInput(f"{field}: a character that cannot be printed")
    return kept or None


def _note(text: str | None) -> str | None:
    if not text:
        return None
    kept = text.replace("\r\n", "\n").strip()
    if len(kept) > MAX_NOTE:
        raise BadInput(f"note: {len(kept)} characters, wanted at most {MAX_NOTE}")
    if not kept.replace("\n", "").isprintable():
        raise BadInput("note: a character that cannot be printed")
    return kept or None


def _group(text: str | None) -> str | None:
    kept = _text("groupId", text, MAX_UID)
    if kept is not None and not kept.isascii():
        raise BadInput("groupId: a character that is not printable ASCII")
    return kept


def _language(text: str | None) -> str | None:
    kept = _text("languageCode", text, 2)
    return None if kept is None else _matching("languageCode", kept, _COUNTRY, "2 letters (ISO 639-1)").lower()


def _language2(text: str | None, first_language: str | None) -> str | None:
    """OCPP 2.0.1 C01.FR.10, FR.11, FR.17."""
    kept = _tag("language2", text)
    if kept is None:
        return None
    first = _language(first_language)
    if first is None:
        raise BadInput("language2: set without a first language", "set languageCode too, or leave it empty")
    if kept.casefold() == first:
        raise BadInput(f"language2: {kept} is the first language already", "leave it empty, or name another")
    return kept


def _tag(field: str, text: str | None) -> str | None:
    kept = _text(field, text, MAX_LANGUAGE)
    return None if kept is None else _matching(field, kept, _LANGUAGE_TAG, "a language as de or en-US (RFC 5646)")


def _expiry(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise BadInput("expiry: no time zone", "write it as 2030-12-31T23:59:59Z")
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:  # year 1 or 9999 in a zone that moves it out
        raise BadInput(f"expiry: {moment.isoformat()} is out of range") from error
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)  # OCPP writes milliseconds


def _evses(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if not numbers:
        return ()
    for number in numbers:
        if not 1 <= number <= MAX_EVSE:
            raise BadInput(
                f"evseIds: {number}, wanted numbers from 1", "0 is the station itself; none means everywhere"
            )
    kept = tuple(sorted(set(numbers)))
    if len(kept) > MAX_EVSES:
        raise BadInput(f"evseIds: {len(kept)} numbers, wanted at most {MAX_EVSES}")
    return kept


def _message(message: PersonalMessage | None) -> PersonalMessage | None:
    if message is None:
        return None
    content = message.content.strip()
    if not content:
        raise BadInput("personalMessage: empty", "leave it out where there is nothing to say")
    if len(content) > MAX_MESSAGE:
        raise BadInput(f"personalMessage: {len(content)} characters, wanted at most {MAX_MESSAGE}")
    if message.format is MessageFormat.ASCII and not content.isascii():
        raise BadInput("personalMessage: a character that is not ASCII", "take the format UTF8")
    if not all(sign.isprintable() or sign in "\t\n" for sign in content):
        raise BadInput("personalMessage: a character that cannot be printed")
    return PersonalMessage(content, message.format, _tag("personalMessageLanguage", message.language))


def _priority(priority: int | None) -> int | None:
    if priority is not None and priority not in PRIORITIES:
        raise BadInput(f"chargingPriority: {priority}, wanted {PRIORITIES[0]} to {PRIORITIES[-1]}")
    return priority
