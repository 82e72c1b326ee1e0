"""May this token charge: named rules, asked in order, the first that has an answer decides.

Sources: OCPP 2.0.1 C01 (RFID), C02 (start button), C04 (PIN), C05 (remote start), C07 (contract); MaEVe API, Token.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import datetime
from typing import NamedTuple

from bench.tokens.model import Ask, AuthorizationStatus, Decision, IdTokenType, Token

Lookup = Callable[[str, IdTokenType | None], Token | None]

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

FREE_CHARGING = Decision(AuthorizationStatus.ACCEPTED, "default", "free charging", "free-charging")
REMOTE_START = Decision(AuthorizationStatus.ACCEPTED, "operator", "remote start", "remote-start")
UNKNOWN_ACCEPTED = Decision(
    AuthorizationStatus.ACCEPTED, "default", "unknown, accepted by the profile", "accept-unknown"
)
UNKNOWN_KEY_CODE = Decision(AuthorizationStatus.INVALID, "default", "unknown", "unknown-key-code")
UNKNOWN = Decision(AuthorizationStatus.UNKNOWN, "default", "unknown", "unknown")


class Situation(NamedTuple):
    """What counts beside the token.

    now: UTC. evses: those of the station that asks, as far as it told of them. concurrent: the token charges in another
    transaction already and may not in two. ended: every EVSE there waits for the cable of another's charge to be pulled
    (C01.FR.24).
    """

    now: datetime
    evses: Set[int] = frozenset()
    concurrent: bool = False
    ended: bool = False


Judge = Callable[[Token], Situation | None]
"""The situation of a token that was found and accepted; None where nothing counts beside it."""


def decide(ask: Ask, lookup: Lookup, judge: Judge, *, accept_unknown: bool = False) -> Decision:
    """The answer to a station's question.

    lookup: the store's ``get``. judge: tells the situation. accept_unknown: what the profile says of tokens that are not in the
    store.

    The rules, in order:

    ``contract``             its contract certificate is no good: Expired or Invalid, without a look-up (C07).
    ``free-charging``        type NoAuthorization is accepted without a look-up (C02).
    ``remote-start``         a token of a remote start of ours is accepted without a look-up (C05).
    ``found``                in the store with a status that refuses it: that status.
    ``expired``              its expiry has passed: Expired.
    ``location``             not for this EVSE, or for none of this station: NotAtThisLocation (C01.FR.22); a PIN is Invalid
                             (C04.FR.01).
    ``authorization-ended``  the station waits for others to pull their cable: NotAtThisTime (C01.FR.24).
    ``concurrent``           already charging: ConcurrentTx.
    ``found``                in the store, and nothing against it: Accepted.
    ``accept-unknown``       not in the store, and the profile accepts such tokens.
    ``unknown-key-code``     a PIN not in the store is Invalid (C04.FR.01).
    ``unknown``              all else: Unknown.
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
    if token is not None:
        status, rule = _of_token(token, ask, judge)
        return Decision(status, "store", REASONS[status], rule, token)
    if accept_unknown:
        return UNKNOWN_ACCEPTED
    return UNKNOWN_KEY_CODE if kind is IdTokenType.KEY_CODE else UNKNOWN


def _of_token(token: Token, ask: Ask, judge: Judge) -> tuple[AuthorizationStatus, str]:
    status = token.effective_status
    if status is not AuthorizationStatus.ACCEPTED:
        return status, "found"
    situation = judge(token)
    if situation is None:
        return status, "found"
    if token.expiry is not None and token.expiry <= situation.now:
        return AuthorizationStatus.EXPIRED, "expired"
    if not _may_charge_here(token, ask, situation):
        pin = token.id_token_type is IdTokenType.KEY_CODE
        return AuthorizationStatus.INVALID if pin else AuthorizationStatus.NOT_AT_THIS_LOCATION, "location"
    if situation.ended:
        return AuthorizationStatus.NOT_AT_THIS_TIME, "authorization-ended"
    if situation.concurrent:
        return AuthorizationStatus.CONCURRENT_TX, "concurrent"
    return status, "found"


def _may_charge_here(token: Token, ask: Ask, situation: Situation) -> bool:
    """On the EVSE that is asked for; else on any that the station told of, if it told of some."""
    if not token.evse_ids:
        return True
    if ask.evse is not None:
        return ask.evse in token.evse_ids
    return not situation.evses or not situation.evses.isdisjoint(token.evse_ids)
