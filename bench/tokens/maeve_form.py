"""A token of the store as MaEVe can keep it, what is lost on the way, and a token of MaEVe as the store keeps it.

Source: MaEVe CSMS API, Token; ``manager/services/token_auth.go`` and ``manager/handlers/ocpp16/authorize.go`` for what MaEVe makes
of a token: it knows no type, no expiry and no status but valid or not, and answers OCPP 1.6 Accepted for any token it has.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from bench.codecs.maeve import TOKEN_FIELDS, MaeveToken, token_body
from bench.errors import BadInput
from bench.tokens import contract_id
from bench.tokens.api_form import from_api, infer_type, to_api
from bench.tokens.checks import MAX_SOURCE
from bench.tokens.model import ID_TOKEN_TYPES, AuthorizationStatus, IdTokenType, Token

_NOT_LOST = frozenset((*TOKEN_FIELDS, "lastUpdated", "source"))
_KEPT = frozenset((*TOKEN_FIELDS.values(), "last_updated", "source", "id_token_type"))
_FIELDS_BEYOND = [field for field in fields(Token) if field.name not in _KEPT]
_BEYOND = attrgetter(*(field.name for field in _FIELDS_BEYOND))
_NOTHING_BEYOND = tuple(field.default for field in _FIELDS_BEYOND)


class Loss(NamedTuple):
    """A field that MaEVe cannot carry. field: its name in the API. value: as JSON would have it."""

    field: str
    value: str


def to_maeve(token: Token, now: datetime) -> MaeveToken:
    """The token as MaEVe would keep it. One that has expired by ``now`` is not valid: MaEVe would accept it for ever."""
    return MaeveToken(
        uid=token.uid,
        country_code=token.country_code,
        party_id=token.party_id,
        kind=token.kind.value,
        contract_id=token.contract_id,
        issuer=token.issuer,
        valid=token.status_at(now) is AuthorizationStatus.ACCEPTED,
        cache_mode=token.cache_mode.value,
        visual_number=token.visual_number,
        group_id=token.group_id,
        language_code=token.language_code,
        last_updated=token.last_updated,
    )


def losses(token: Token) -> tuple[Loss, ...]:
    """What MaEVe cannot keep of it. A type counts where it would be inferred otherwise from what MaEVe keeps."""
    inferred = infer_type(token.uid, token.kind, token.contract_id) is token.id_token_type
    if inferred and _BEYOND(token) == _NOTHING_BEYOND:  # most are, and the form of the API costs ten times as much
        return ()
    kept = _NOT_LOST | {"idTokenType"} if inferred else _NOT_LOST
    return tuple(Loss(name, str(value)) for name, value in to_api(token).items() if name not in kept)


def effects(token: Token, now: datetime) -> tuple[str, ...]:
    """What MaEVe will do with this token that this bench would not, in words."""
    told = []
    status = token.status_at(now)
    if token.id_token_type is IdTokenType.LOCAL:
        told.append("MaEVe answers every Local token Invalid, without a look-up")
    if token.id_token_type is IdTokenType.CENTRAL:
        told.append("MaEVe accepts every Central token, without a look-up")
    if status is not AuthorizationStatus.ACCEPTED:
        told.append("MaEVe accepts on OCPP 1.6 every token it has, valid or not")
        if status is not AuthorizationStatus.INVALID:
            told.append(f"MaEVe answers OCPP 2.0.1 Invalid where this bench says {status}")
    if token.expiry is not None and token.expiry > now:
        told.append(f"MaEVe will accept it after its expiry, {token.expiry:%Y-%m-%d}, too")
    if token.evse_ids:
        told.append("MaEVe accepts it at every EVSE")
    return tuple(told)


def normal(token: MaeveToken) -> MaeveToken:
    """The token with its texts as the store would write them, for a comparison: country and party upper-case, language lower-case,
    no spaces around, contract id in its normal form where it has one.
    """
    try:
        contract = contract_id.normalise(token.contract_id)
    except BadInput:
        contract = token.contract_id
    return replace(
        token,
        country_code=token.country_code.upper(),
        party_id=token.party_id.upper(),
        contract_id=contract,
        issuer=token.issuer.strip(),
        visual_number=(token.visual_number or "").strip() or None,
        group_id=(token.group_id or "").strip() or None,
        language_code=(token.language_code or "").strip().lower() or None,
    )


def from_maeve(theirs: MaeveToken, ours: Token | None = None, *, source: str = "") -> Token:
    """The token as the store would keep it. What MaEVe cannot carry stays as ours has it; of a new one the type is inferred
    where it was not told.

    source: where it came from, for a token that is new here.

    Raises:
        BadInput: the store cannot keep it; the message opens with the field.
    """
    known = theirs.id_token_type in ID_TOKEN_TYPES
    taken = from_api({**token_body(theirs), **({"idTokenType": theirs.id_token_type} if known else {})})
    if ours is None:
        return replace(taken, last_updated=theirs.last_updated, source=source[:MAX_SOURCE] or None)
    status = ours.status
    if theirs.valid:
        status = None if status not in (None, AuthorizationStatus.ACCEPTED) else status
    elif ours.effective_status is AuthorizationStatus.ACCEPTED and status is not None:
        status = None
    carried = {field: getattr(taken, field) for field in TOKEN_FIELDS.values()}
    return replace(ours, **carried, status=status, last_updated=theirs.last_updated)
