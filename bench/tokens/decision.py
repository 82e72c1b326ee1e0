"""May this token charge: named rules, asked in order, the first that has an answer decides.

Sources: OCPP 2.0.1 C01 (RFID), C02 (start button), C04 (PIN), C05 (remote start), C07 (contract), C09 (group), C16 (master pass);
MaEVe API, Token.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bench.tokens.model import Ask, AuthorizationStatus, Decision, IdTokenType, Token

Lookup = Callable[[str, IdTokenType | None], Token | None]


class UnknownTokens(StrEnum):
    """What becomes of a token that the store does not know."""

    REFUSE = "refuse"  # Unknown; on 1.6, which has no such word, Invalid
    INVALID = "invalid"
    ACCEPT = "accept"
    OPERATOR = "operator"
    FALLBACK = "fallback"


class Referral(StrEnum):
    """Who else is to be asked: there is no decision yet."""

    OPERATOR = "operator"
    FALLBACK = "fallback"


RULES: dict[str, str] = {
    "contract": "its contract certificate is no good: Expired or Invalid, without a look-up (C07.FR.15 to FR.17)",
    "free-charging": "type NoAuthorization is accepted without a look-up (C02)",
    "remote-start": "a token of a remote start of ours is accepted without a look-up (C05)",
    "found": "in the store: its status there; Accepted only if no rule below is against it",
    "expired": "its expiry has passed: Expired",
    "master-pass": "a token of the master-pass group stops charges, but starts none: Invalid (C16; OCPP 2.x)",
    "location": "not for this EVSE, or for none of this station: NotAtThisLocation (C01.FR.22); a PIN is Invalid (C04.FR.01)",
    "authorization-ended": "the station waits for others to pull their cable: NotAtThisTime (C01.FR.24)",
    "concurrent": "already charging, and may not twice: ConcurrentTx",
    "accept-unknown": "not in the store, and such tokens are accepted",
    "invalid-unknown": "not in the store, and such tokens are Invalid",
    "unknown-key-code": "a PIN not in the store is Invalid (C04.FR.01)",
    "unknown": "not in the store: Unknown",
    "operator": "not in the store, and the operator decided",
    "operator-silent": "not in the store, and the operator did not answer in time: Unknown, a PIN Invalid",
    "fallback": "not in the store, and the fallback decided",
    "fallback-unknown": "nor does the fallback know it: Unknown, a PIN Invalid",
    "fallback-failed": "the fallback could not be asked, or not in time: Unknown, a PIN Invalid",
    "too-many-asked": "too many wait for operator or fallback already: Unknown, a PIN Invalid",
    "not-asked": "nobody is asked about a charge that is over: Unknown, a PIN Invalid",
}
"""Every rule in its order, by its name on a :class:`Decision`."""

REASONS: dict[AuthorizationStatus, str] = {
    AuthorizationStatus.ACCEPTED: "valid",
    AuthorizationStatus.BLOCKED: "blocked",
    AuthorizationStatus.CONCURRENT_TX: "already charging",
    AuthorizationStatus.EXPIRED: "expired",
    AuthorizationStatus.INVALID: "invalid",
    AuthorizationStatus.NO_CREDIT: "no credit",
    AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE: "not allowed on this type of EVSE",
    AuthorizationStatus.NOT_AT_THIS_LOCATION: "not at this location",
    AuthorizationStatus.NOT_AT_THIS_TIME: "not at this time",
    AuthorizationStatus.UNKNOWN: "unknown",
}
MASTER_PASS = "a master pass starts no charge"  # noqa: S105 - a sentence

FREE_CHARGING = Decision(AuthorizationStatus.ACCEPTED, "default", "free charging", "free-charging")
REMOTE_START = Decision(AuthorizationStatus.ACCEPTED, "operator", "remote start", "remote-start")
UNKNOWN_ACCEPTED = Decision(
    AuthorizationStatus.ACCEPTED, "default", "unknown, accepted by the profile", "accept-unknown"
)
UNKNOWN_INVALID = Decision(AuthorizationStatus.INVALID, "default", "unknown", "invalid-unknown")
UNKNOWN_KEY_CODE = Decision(AuthorizationStatus.INVALID, "default", "unknown", "unknown-key-code")
UNKNOWN = Decision(AuthorizationStatus.UNKNOWN, "default", "unknown", "unknown")


class Situation(NamedTuple):
    """What counts beside the token.

    now: UTC. evses: those of the station that asks, as far as it told of them. concurrent: the token charges in another
    transaction already and may not in two. ended: every EVSE there waits for the cable of another's charge to be pulled
    (C01.FR.24). master_pass: the token is of the master-pass group (C16).
    """

    now: datetime
    evses: Set[int] = frozenset()
    concurrent: bool = False
    ended: bool = False
    master_pass: bool = False


Judge = Callable[[Token], Situation | None]
"""The situation of a token that was found and accepted; None where nothing counts beside it."""


def decide(
    ask: Ask, lookup: Lookup, judge: Judge, unknown: UnknownTokens = UnknownTokens.REFUSE
) -> Decision | Referral:
    """The answer to a station's question, by :data:`RULES`, or who else is to be asked.

    lookup: the store's ``get``. judge: tells the situation. unknown: what becomes of tokens that are not in the store.
    """
    kind = ask.id_token_type
    if ask.refused is not None:
        status, why = ask.refused
        return Decision(status, "default", why, "contract")
    if kind is IdTokenType.NO_AUTHORIZATION:
        return FREE_CHARGING
    if ask.remote_start:
        return REMOTE_START
    token = lookup(ask.value, kind)
    return _of_unknown(kind, unknown) if token is None else _of_token(token, ask, judge)


def undecided(ask: Ask, reason: str, rule: str) -> Decision:
    """The safe answer where whoever was to be asked said nothing: it holds for this question only."""
    pin = ask.id_token_type is IdTokenType.KEY_CODE
    status = AuthorizationStatus.INVALID if pin else AuthorizationStatus.UNKNOWN
    return Decision(status, "default", reason, rule, once=True)


def _of_unknown(kind: IdTokenType | None, unknown: UnknownTokens) -> Decision | Referral:
    match unknown:
        case UnknownTokens.OPERATOR:
            return Referral.OPERATOR
        case UnknownTokens.FALLBACK:
            return Referral.FALLBACK
        case UnknownTokens.ACCEPT:
            return UNKNOWN_ACCEPTED
        case UnknownTokens.INVALID:
            return UNKNOWN_INVALID
        case UnknownTokens.REFUSE:
            return UNKNOWN_KEY_CODE if kind is IdTokenType.KEY_CODE else UNKNOWN


def _of_token(token: Token, ask: Ask, judge: Judge) -> Decision:
    status, rule = token.effective_status, "found"
    if status is AuthorizationStatus.ACCEPTED and (situation := judge(token)) is not None:
        if situation.master_pass and _starts_201(ask) and not _expired(token, situation):
            # Of this start, not of the card: a station that kept it would not let the card stop anything either (C09.FR.11).
            return Decision(AuthorizationStatus.INVALID, "store", MASTER_PASS, "master-pass", token, once=True)
        status, rule = _in_situation(token, ask, situation)
    return Decision(status, "store", REASONS[status], rule, token)


def _in_situation(token: Token, ask: Ask, situation: Situation) -> tuple[AuthorizationStatus, str]:
    """What is against a token that is accepted as such."""
    if _expired(token, situation):
        return AuthorizationStatus.EXPIRED, "expired"
    if not _may_charge_here(token, ask, situation):
        pin = token.id_token_type is IdTokenType.KEY_CODE
        return AuthorizationStatus.INVALID if pin else AuthorizationStatus.NOT_AT_THIS_LOCATION, "location"
    if situation.ended and not situation.master_pass:
        return AuthorizationStatus.NOT_AT_THIS_TIME, "authorization-ended"
    if situation.concurrent:
        return AuthorizationStatus.CONCURRENT_TX, "concurrent"
    return AuthorizationStatus.ACCEPTED, "found"


def _expired(token: Token, situation: Situation) -> bool:
    return token.expiry is not None and token.expiry <= situation.now


def _starts_201(ask: Ask) -> bool:
    """Whether a transaction of OCPP 2.x starts; 1.6 knows no master pass."""
    return ask.starts is not None and ask.action == "TransactionEvent"


def _may_charge_here(token: Token, ask: Ask, situation: Situation) -> bool:
    """On the EVSE that is asked for; else on any that the station told of, if it told of some."""
    if not token.evse_ids:
        return True
    if ask.evse is not None:
        return ask.evse in token.evse_ids
    return not situation.evses or not situation.evses.isdisjoint(token.evse_ids)
