"""What of the store goes into a station's local list, and whether it fits.

Sources: OCPP 2.0.1 D01 and AuthorizationData; OCPP 1.6 section 5.15 and AuthorizationData; MaEVe API, Token.cacheMode.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import orjson

from bench.clock import iso_datetime, utc_now
from bench.exchange import MASK
from bench.station import ListLimits
from bench.tokens.checks import MAX_UID_16
from bench.tokens.id_token_info import group_too_long, id_tag_info, id_token_info
from bench.tokens.index import PREFERENCE
from bench.tokens.model import STATUS_16, CacheMode, IdTokenType, Token

Entry = dict[str, object]
LeftOut = tuple[str, str]

# Types that a station never looks up: it accepts them without asking, and must not keep them (C02, C05).
_NEVER_LISTED = {
    IdTokenType.NO_AUTHORIZATION: "NoAuthorization needs no entry: free charging asks nobody",
    IdTokenType.CENTRAL: "Central tokens come from remote starts and are never kept by a station",
}
_FRAME = len(b'[2,"","SendLocalList",]') + 36  # with the longest message id


def entries(
    version: str, tokens: Iterable[Token], *, expiry: bool = False, now: datetime | None = None
) -> tuple[list[Entry], list[LeftOut]]:
    """The entries of a local list, and (uid, why) of tokens that stay out.

    version: ``1.6`` gives AuthorizationData with idTag and idTagInfo; all else that of 2.0.1 with idToken and idTokenInfo.
    expiry: the station honours it in its list (2.x; C13.FR.05); to another it would promise what nobody keeps. 1.6 always may.
    now: UTC, the present if None; a token whose expiry has passed is listed as Expired. No two entries are the same (D01.FR.06).
    Key codes are masked in the second list (C04.FR.04).
    """
    made: list[Entry] = []
    left_out: list[LeftOut] = []
    listed: dict[str, IdTokenType] = {}
    seen: set[tuple[str, IdTokenType]] = set()
    old = version == "1.6"
    moment = now or utc_now()
    # 1.6 tells no types apart, so of equal values the one that an Authorize would find goes in.
    for token in sorted(tokens, key=_preferred) if old else tokens:
        why = _unfit(token) or (_unfit_16(token, listed) if old else "")
        if not why and token.key in seen:
            why = "the same value and type are in the list already"
        if why:
            left_out.append((MASK if token.id_token_type is IdTokenType.KEY_CODE else token.uid, why))
            continue
        seen.add(token.key)
        listed[token.uid.casefold()] = token.id_token_type
        made.append(_entry_16(token, moment) if old else _entry_201(token, moment, expiry=expiry))
    return made, left_out


def payload(version: str, number: int, made: list[Entry], update_type: str = "Full") -> dict[str, object]:
    """The payload of SendLocalList. An empty list leaves its field out (2.0.1: minItems 1)."""
    sent: dict[str, object] = {
        "listVersion" if version == "1.6" else "versionNumber": number,
        "updateType": update_type,
    }
    if made:
        sent["localAuthorizationList"] = made
    return sent


def frame_bytes(sent: dict[str, object]) -> int:
    """Bytes of the message that would carry this payload."""
    return len(orjson.dumps(sent)) + _FRAME


def expiring(tokens: Iterable[Token]) -> int:
    """How many of those that a list may hold have an expiry."""
    return sum(token.expiry is not None and not _unfit(token) for token in tokens)


def values(made: list[Entry]) -> set[str]:
    """The values of entries, folded: what the station should hold afterwards."""
    found = set()
    for entry in made:
        token = entry.get("idToken")
        value = token["idToken"] if isinstance(token, dict) else entry["idTag"]
        found.add(str(value).casefold())
    return found


def over_capacity(count: int, limits: ListLimits) -> str:
    """Why the station's list cannot hold so many entries, with the numbers; empty if it can."""
    if limits.capacity is not None and count > limits.capacity:
        return f"the station's list holds {limits.capacity} entries, the store has {count} for it"
    return ""


def _preferred(token: Token) -> tuple[str, int]:
    return token.uid.casefold(), PREFERENCE.index(token.id_token_type)


def _unfit(token: Token) -> str:
    if token.cache_mode is CacheMode.NEVER:
        return "its cacheMode is NEVER"
    return _NEVER_LISTED.get(token.id_token_type, "")


def _unfit_16(token: Token, listed: dict[str, IdTokenType]) -> str:
    if len(token.uid) > MAX_UID_16:
        return f"{len(token.uid)} characters, OCPP 1.6 takes {MAX_UID_16}"
    if token.group_id is not None and group_too_long(token):
        return f"its group has {len(token.group_id)} characters, OCPP 1.6 takes {MAX_UID_16}"
    same = listed.get(token.uid.casefold())
    if same is not None:
        return f"OCPP 1.6 tells no types apart: the value is in the list already, as {same}"
    return ""


def _entry_16(token: Token, now: datetime) -> Entry:
    until = None if token.expiry is None else iso_datetime(token.expiry)
    return {"idTag": token.uid, "idTagInfo": id_tag_info(token, STATUS_16[token.status_at(now)], until)}


def _entry_201(token: Token, now: datetime, *, expiry: bool) -> Entry:
    until = iso_datetime(token.expiry) if expiry and token.expiry is not None else None
    return {
        "idToken": {"idToken": token.uid, "type": token.id_token_type.value},
        "idTokenInfo": id_token_info(token, token.status_at(now), until),
    }
