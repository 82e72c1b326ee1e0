"""A new token for a card that was just read."""

from __future__ import annotations

from bench.errors import BadInput
from bench.exchange import TapCard
from bench.settings import EnrolSettings
from bench.tokens import contract_id
from bench.tokens.checks import checked
from bench.tokens.model import JOSEV_TO_OCPP, AuthorizationStatus, IdTokenType, JosevTokenType, Token, TokenKind

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


def enrol_card(card: TapCard | None, settings: EnrolSettings, status: AuthorizationStatus) -> Token:
    """A token for the card of an exchange; one of no known type is taken for ISO14443.

    Raises:
        BadInput: there is no card, or it cannot be stored.
    """
    if card is None:
        raise BadInput("this exchange has no card to enrol", "present a card first")
    try:
        id_type = JOSEV_TO_OCPP[JosevTokenType(card.token_type)]
    except ValueError:
        id_type = IdTokenType.ISO14443
    return enrol(card.uid, id_type, settings, status)
