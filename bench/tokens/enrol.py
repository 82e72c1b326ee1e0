"""A new token for a card that was just read."""

from __future__ import annotations

from bench.settings import EnrolSettings
from bench.tokens import contract_id
from bench.tokens.checks import checked
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token, TokenKind

CARDS = frozenset((IdTokenType.ISO14443, IdTokenType.ISO15693))


def enrol(
    uid: str,
    id_token_type: IdTokenType,
    settings: EnrolSettings,
    status: AuthorizationStatus = AuthorizationStatus.ACCEPTED,
) -> Token:
    """A token with country, party and issuer of the profile and a valid contract id made from the uid (from the token
    itself where it is an eMAID).

    Raises:
        BadInput: the uid cannot be stored; the message names the field.
    """
    contract = contract_id.for_token(settings.country_code, settings.party_id, uid, id_token_type)
    accepted = status is AuthorizationStatus.ACCEPTED
    return checked(
        Token(
            uid=uid,
            country_code=settings.country_code,
            party_id=settings.party_id,
            contract_id=contract,
            issuer=settings.issuer,
            kind=TokenKind.RFID if id_token_type in CARDS else TokenKind.OTHER,
            id_token_type=id_token_type,
            valid=accepted,
            status=None if accepted else status,
            source="enrolled",
        )
    )
