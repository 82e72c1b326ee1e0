"""What of the store goes into a station's local list.

Sources: OCPP 2.0.1 D01 and AuthorizationData; OCPP 1.6 section 5.15 and AuthorizationData; MaEVe API, Token.cacheMode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from bench.clock import iso_datetime
from bench.collector import uncollected
from bench.exchange import MASK
from bench.station import ListLimits
from bench.tokens.checks import MAX_UID_16
from bench.tokens.id_token_info import group_too_long, id_tag_info, id_token_info
from bench.tokens.index import PREFERENCE
from bench.tokens.model import STATUS_16, AuthorizationStatus, CacheMode, IdTokenType, Token

Entry = dict[str, object]
Key = tuple[str, str]
"""Value, folded, and type (1.6: empty): what makes two entries the same (C01.FR.25)."""

# Types that a station never looks up: it accepts them without asking, and must not keep them (C02, C05).
_NEVER_LISTED = {
    IdTokenType.NO_AUTHORIZATION: "NoAuthorization needs no entry: free charging asks nobody",
    IdTokenType.CENTRAL: "Central tokens come from remote starts and are never kept by a station",
}
MAX_SHARED = 10_000
"""Infos of which it is remembered that they are the same."""

_FRAME = len(b'[2,"","SendLocalList",]') + 36  # with the longest message id
_TYPE_TEXT = {kind: kind.value for kind in IdTokenType}


class LeftOut(NamedTuple):
    """A token that is in no list. uid: as written, a key code masked (C04.FR.04)."""

    uid: str
    id_token_type: str
    why: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The list that a station should hold: entries by key, in the order of the store (1.6: by value).

    secret: values, folded, that are key codes. expiring: how many tokens of it have an expiry. until: UTC, when it changes by
    itself because a token expires; None = it does not. No two entries are the same (D01.FR.06).
    """

    entries: dict[Key, Entry]
    left_out: tuple[LeftOut, ...]
    secret: frozenset[str]
    expiring: int
    until: datetime | None


def wanted(version: str, tokens: Iterable[Token], now: datetime, *, expiry: bool = False) -> Wanted:
    """The list of a station of that OCPP version.

    expiry: the station honours it in its list (2.x; C13.FR.05); to another it would promise what nobody keeps. 1.6 always may.
    now: UTC; a token whose expiry has passed is listed as Expired.
    """
    made = _Making(version == "1.6", expiry, now)
    with uncollected():
        for token in tokens:
            made.take(token)
    return Wanted(made.entries, tuple(made.left_out), frozenset(made.secret), made.expiring, made.until)


class _Making:
    """A list under way. Entries of equal content share their info: a list of cards is mostly one status."""

    def __init__(self, old: bool, expiry: bool, now: datetime) -> None:
        self.entries: dict[Key, Entry] = {}
        self.left_out: list[LeftOut] = []
        self.secret: set[str] = set()
        self.expiring = 0
        self.until: datetime | None = None
        self._old = old
        self._expiry = expiry
        self._now = now
        self._listed: dict[str, Token] = {}  # 1.6: by folded value
        self._shared: dict[object, Entry] = {}
        self._entry: Callable[[str, str, Entry], Entry] = _entry_16 if old else _entry_2x

    def take(self, token: Token) -> None:
        kind = token.id_token_type
        if token.cache_mode is CacheMode.NEVER:
            return self._leave_out(token, "its cacheMode is NEVER")
        if kind is IdTokenType.CENTRAL or kind is IdTokenType.NO_AUTHORIZATION:
            return self._leave_out(token, _NEVER_LISTED[kind])
        folded = token.uid.casefold()
        if self._old and not self._fits_16(token, folded):
            return None
        text = _TYPE_TEXT[kind]
        key = folded, "" if self._old else text
        if not self._old and key in self.entries:
            return self._leave_out(token, "the same value and type are in the list already")
        if kind is IdTokenType.KEY_CODE:
            self.secret.add(folded)
        self.entries[key] = self._entry(token.uid, text, self._info(token))
        return None

    def _fits_16(self, token: Token, folded: str) -> bool:
        """1.6 tells no types apart, so of equal values the one that an Authorize would find goes in."""
        if len(token.uid) > MAX_UID_16:
            self._leave_out(token, f"{len(token.uid)} characters, OCPP 1.6 takes {MAX_UID_16}")
            return False
        if token.group_id is not None and group_too_long(token):
            self._leave_out(token, f"its group has {len(token.group_id)} characters, OCPP 1.6 takes {MAX_UID_16}")
            return False
        other = self._listed.get(folded)
        if other is None:
            self._listed[folded] = token
            return True
        better = PREFERENCE.index(token.id_token_type) < PREFERENCE.index(other.id_token_type)
        listed, left = (token, other) if better else (other, token)
        why = f"OCPP 1.6 tells no types apart: the value is in the list already, as {listed.id_token_type}"
        self._leave_out(left, why)
        self._listed[folded] = listed
        return better

    def _info(self, token: Token) -> Entry:
        if token.expiry is not None:
            return self._made(token)
        said = (
            token.status,
            token.valid,
            token.group_id,
            token.language_code,
            token.language2,
            token.evse_ids,
            token.personal_message,
            token.charging_priority,
        )
        found = self._shared.get(said)
        if found is None:
            if len(self._shared) >= MAX_SHARED:
                self._shared.clear()
            found = self._shared[said] = self._made(token)
        return found

    def _made(self, token: Token) -> Entry:
        until = None
        if token.expiry is not None:
            self.expiring += 1
            soon = token.expiry > self._now and token.effective_status is AuthorizationStatus.ACCEPTED
            if soon and (self.until is None or token.expiry < self.until):
                self.until = token.expiry
            if self._old or self._expiry:
                until = iso_datetime(token.expiry)
        status = token.status_at(self._now)
        return id_tag_info(token, STATUS_16[status], until) if self._old else id_token_info(token, status, until)

    def _leave_out(self, token: Token, why: str) -> None:
        uid = MASK if token.id_token_type is IdTokenType.KEY_CODE else token.uid
        self.left_out.append(LeftOut(uid, token.id_token_type.value, why))


def _entry_16(uid: str, kind: str, info: Entry) -> Entry:
    return {"idTag": uid, "idTagInfo": info}


def _entry_2x(uid: str, kind: str, info: Entry) -> Entry:
    return {"idToken": {"idToken": uid, "type": kind}, "idTokenInfo": info}


def key_of(entry: Entry) -> Key:
    """The key of an entry of either version."""
    token = entry.get("idToken")
    if isinstance(token, dict):
        return str(token["idToken"]).casefold(), str(token["type"])
    return str(entry["idTag"]).casefold(), ""


def uid_of(entry: Entry) -> str:
    """The value of an entry as written."""
    token: Any = entry.get("idToken")
    value: Any = entry["idTag"] if token is None else token["idToken"]
    uid: str = value
    return uid


def deletes(entry: Entry) -> bool:
    """Whether this entry of a Differential takes one out: it has no info (D01.FR.17; 1.6 section 5.15)."""
    return "idTokenInfo" not in entry and "idTagInfo" not in entry


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


def over_capacity(count: int, limits: ListLimits) -> str:
    """Why the station's list cannot hold so many entries, with the numbers; empty if it can."""
    if limits.capacity is not None and count > limits.capacity:
        return f"the station's list holds {limits.capacity} entries, the store has {count} for it"
    return ""
