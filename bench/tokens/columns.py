"""Which field of a token a column means: our own names, and those of chargers' pages and back ends.

Sources: MaEVe API, Token; OCPI 2.2.1 Tokens (``whitelist``, ``country_code``) and 2.1.1 (``auth_id``); OCPP 1.6 AuthorizationData
(``idTag``, ``idTagInfo``) and 2.0.1 AuthorizationData (``idToken``, ``idTokenInfo``); SteVe's OCPP tags (``blocked``, ``note``);
Lite-On IC3 (``CARD_IDTAG``, ``EXPIRY_DATE``, ``PARENT_CARD_IDTAG``, ``CARD_STATUS``); Everon (``RFID``, ``Contract ID``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.errors import BadInput
from bench.tokens.model import AuthorizationStatus

UID = "uid"
STATUS = "status"
EXPIRY = "expiry"
BLOCKED = "blocked"
"""A column of yes and no that says Blocked; files have it, tokens do not."""

FIELDS = (
    *(UID, "idTokenType", "type", STATUS, "valid", "contractId", "countryCode", "partyId", "issuer", "visualNumber"),
    *("groupId", "languageCode", "language2", "cacheMode", EXPIRY, "evseIds", "chargingPriority"),
    *("personalMessage", "personalMessageFormat", "personalMessageLanguage", "note", "source", "lastUpdated"),
)
"""Columns of a CSV file of ours, in their order."""
MAPPABLE = (*FIELDS[:-1], BLOCKED)
"""What a column of any file can be taken for."""

_SQUEEZED = str.maketrans("", "", " _-.?()")
_OWN = {name.casefold(): name for name in (*FIELDS, BLOCKED)}
_ALIASES = {
    **dict.fromkeys(
        ("idtag", "idtoken", "tag", "tagid", "taguid", "token", "card", "cardid", "cardidtag", "cardnumber"), UID
    ),
    **dict.fromkeys(("carduid", "rfid", "rfidtag", "rfiduid", "rfidcard", "rfidcode", "serial", "serialnumber"), UID),
    **dict.fromkeys(("parent", "parentid", "parentidtag", "parenttag", "parentcardidtag", "parenttagid"), "groupId"),
    **dict.fromkeys(("group", "groupidtoken", "grouptag"), "groupId"),
    **dict.fromkeys(("expirydate", "expirydatetime", "expirydate/time", "expires", "expiresat", "expiration"), EXPIRY),
    **dict.fromkeys(("expirationdate", "validuntil", "validto", "cacheexpirydatetime", "cacheexpirydate"), EXPIRY),
    **dict.fromkeys(("tokentype", "idtype", "idtokenkind"), "idTokenType"),
    **dict.fromkeys(("contract", "emaid", "evcoid", "authid"), "contractId"),
    **dict.fromkeys(("name", "label", "cardname", "printednumber", "visualid"), "visualNumber"),
    **dict.fromkeys(("comment", "description", "remark", "remarks", "notes"), "note"),
    **dict.fromkeys(("country",), "countryCode"),
    **dict.fromkeys(("party",), "partyId"),
    **dict.fromkeys(("language", "lang", "language1"), "languageCode"),
    **dict.fromkeys(("evse", "evseid", "evses"), "evseIds"),
    **dict.fromkeys(("priority",), "chargingPriority"),
    **dict.fromkeys(("message",), "personalMessage"),
    **dict.fromkeys(("authorizationstatus", "state", "cardstatus", "idtagstatus"), STATUS),
    **dict.fromkeys(("whitelist", "cache"), "cacheMode"),
    **dict.fromkeys(("enabled", "active", "isactive"), "valid"),
    **dict.fromkeys(("isblocked", "locked"), BLOCKED),
}
STATUS_WORDS = {
    **{word.casefold(): word.value for word in AuthorizationStatus},
    **dict.fromkeys(("active", "enabled", "allowed", "ok"), AuthorizationStatus.ACCEPTED.value),
    **dict.fromkeys(("inactive", "disabled", "locked", "deactivated", "denied"), AuthorizationStatus.BLOCKED.value),
}
"""What a status is called, in lower case: OCPP's words, and those of chargers' pages."""
_INFO = ("idTagInfo", "idTokenInfo")


def field_of(column: str) -> str | None:
    """The field a column means, whatever its case, spaces and underscores; None for one that is not of a token."""
    squeezed = column.strip().translate(_SQUEEZED).casefold()
    return _OWN.get(squeezed) or _ALIASES.get(squeezed)


def path_field(path: str) -> str | None:
    """The field that a path of names in a JSON file means: ``idTagInfo.status``, ``idToken.idToken``."""
    names = path.rsplit(".", 2)
    name = names[-1]
    if len(names) == 1:
        return field_of(name)
    parent = names[-2]
    if parent == "groupIdToken":
        return "groupId" if name == "idToken" else None
    if parent == "personalMessage":
        return {
            "content": "personalMessage",
            "format": "personalMessageFormat",
            "language": "personalMessageLanguage",
        }.get(name)
    if parent == "idToken":
        return {"idToken": UID, "type": "idTokenType"}.get(name)
    return field_of(name) if parent in _INFO else None


def is_status(text: str) -> bool:
    """Whether it is a word for a status."""
    return text.casefold() in STATUS_WORDS


def guess(names: Iterable[str]) -> dict[str, str | None]:
    """What each column of a sheet means; a field's own name is preferred to another word for it.

    Two columns may still mean one field: :func:`check` tells.
    """
    found = {column: field_of(column) for column in names}
    own = {field for column, field in found.items() if field is not None and is_own(column, field)} - {UID}
    return {
        column: None if field in own and not is_own(column, str(field)) else field for column, field in found.items()
    }


def check(mapping: Mapping[str, str | None], *, sheet: bool) -> None:
    """Whether tokens can be made of columns so understood. sheet: each row has all of them; entries of JSON may differ.

    Raises:
        BadInput: none or two name the token, two mean one field.
    """
    fields = [field for field in mapping.values() if field is not None]
    if UID not in fields:
        raise BadInput(
            "no column names a token",
            "say which one is the uid, or name it uid or idTag in the first line",
        )
    twice = next((field for field in fields if sheet and fields.count(field) > 1), None)
    if twice is not None:
        named = " and ".join(repr(column) for column, field in mapping.items() if field == twice)
        raise BadInput(f"two columns mean {twice}: {named}", "leave one out")


def is_own(column: str, field: str) -> bool:
    """Whether a column has the field's own name, whatever its spelling."""
    return column.strip().translate(_SQUEEZED).casefold() == field.casefold()
