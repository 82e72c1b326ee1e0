"""May this token charge: named rules, asked in order, the first that has an answer decides.

Sources: OCPP 2.0.1 C01 (RFID), C02 (start button), C04 (PIN), C05 (remote start), C07 (contract); MaEVe API, Token.
"""

from __future__ import annotations

from collections.abc import Callable

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


def decide(ask: Ask, lookup: Lookup, *, accept_unknown: bool = False, concurrent: bool = False) -> Decision:
    """The answer to a station's question.

    lookup: the store's ``get``. accept_unknown: what the profile says of tokens that are not in the store.
    concurrent: this token already charges elsewhere and may not twice.

    The rules, in order:

    ``contract``          its contract certificate is no good: Expired or Invalid, without a look-up (C07).
    ``free-charging``     type NoAuthorization is accepted without a look-up (C02).
    ``remote-start``      a token of a remote start of ours is accepted without a look-up (C05).
    ``concurrent``        in the store and accepted, but already charging: ConcurrentTx.
    ``found``             in the store: the status that stands there.
    ``accept-unknown``    not in the store, and the profile accepts such tokens.
    ``unknown-key-code``  a PIN not in the store is Invalid (C04).
    ``unknown``           all else: Unknown.
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
        status = token.effective_status
        if concurrent and status is AuthorizationStatus.ACCEPTED:
            status = AuthorizationStatus.CONCURRENT_TX
            return Decision(status, "store", REASONS[status], "concurrent", token)
        return Decision(status, "store", REASONS[status], "found", token)
    if accept_unknown:
        return UNKNOWN_ACCEPTED
    return UNKNOWN_KEY_CODE if kind is IdTokenType.KEY_CODE else UNKNOWN
