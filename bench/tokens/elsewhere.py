"""What other systems would say of the same card, asked with its token as it is stored here.

OCPP 2.x compares value and type, the value ignoring case (C01.FR.25), and so does this store; others do not. Sources: OCPP 1.6
sections 5.1, 7.28 (IdToken, CiString20); MaEVe CSMS, services/token_auth.go and handlers/ocpp16/authorize.go; EVerest,
types/authorization.yaml and the module Auth; OICP 2.3, eRoamingAuthorizeStart and Identification; Josev API, Authorization.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from bench.tokens.checks import MAX_UID_16
from bench.tokens.model import STATUS_16, AuthorizationStatus, IdTokenType, Token

OCPP_16 = "OCPP 1.6"
MAEVE = "MaEVe, OCPP 2.0.1"
MAEVE_16 = "MaEVe, OCPP 1.6"
EVEREST = "EVerest"
OICP = "OICP (Hubject)"
JOSEV = "Josev"

CANNOT_ASK = "cannot ask"
CARDS = frozenset((IdTokenType.ISO14443, IdTokenType.ISO15693))
_HEX = re.compile(r"[0-9A-F]+", re.IGNORECASE | re.ASCII)
_MAC = re.compile(r"[0-9A-F]{12}", re.IGNORECASE | re.ASCII)
_OICP_UID_LENGTHS = (8, 14, 20)
_EVCO_ID_ISO = re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?C[A-Z0-9]{8}-?[A-Z0-9]", re.IGNORECASE | re.ASCII)
_EVCO_ID_DIN = re.compile(r"[A-Z]{2}[*-]?[A-Z0-9]{3}[*-]?[A-Z0-9]{6}[*-]?[0-9X]", re.IGNORECASE | re.ASCII)
# OICP 2.3, Status codes: what a hub passes on as the reason of NotAuthorized.
_OICP_CODES: dict[AuthorizationStatus, str] = {
    AuthorizationStatus.BLOCKED: "200",
    AuthorizationStatus.EXPIRED: "210",
    AuthorizationStatus.NO_CREDIT: "210",
    AuthorizationStatus.CONCURRENT_TX: "602",
    AuthorizationStatus.INVALID: "102",
    AuthorizationStatus.UNKNOWN: "102",
}
_OICP_OTHERWISE = "106"


class Elsewhere(NamedTuple):
    """system: whose answer. says: a status of that system, or that it cannot be asked. why: one sentence; never the value."""

    system: str
    says: str
    why: str


def elsewhere(token: Token, now: datetime) -> list[Elsewhere]:
    """What each of them would say of that token at that moment."""
    status = token.status_at(now)
    return [
        _ocpp_16(token, status),
        _maeve(token),
        _maeve_16(token),
        _everest(token, status),
        _oicp(token, status),
        _josev(token, status),
    ]


def case_matters(asked: str, stored: Token) -> bool:
    """Whether a value differs from the stored one in nothing but case: equal in OCPP, another token in MaEVe."""
    return asked != stored.uid and asked.casefold() == stored.uid.casefold()


def type_matters(asked: IdTokenType | None, stored: Token) -> bool:
    """Whether a token that is no card answered a question that names no type (OCPP 1.6), as a card would have."""
    return asked is None and stored.id_token_type not in CARDS


def _ocpp_16(token: Token, status: AuthorizationStatus) -> Elsewhere:
    if len(token.uid) > MAX_UID_16:
        return Elsewhere(
            OCPP_16, CANNOT_ASK, f"an idTag has at most {MAX_UID_16} characters, this has {len(token.uid)}"
        )
    said = STATUS_16[status]
    if said != status.value:
        return Elsewhere(OCPP_16, said, f"it has no word for {status}, and names no type")
    return Elsewhere(OCPP_16, said, "it names no type: any token of this value is the same to a station")


def _maeve(token: Token) -> Elsewhere:
    if token.id_token_type is IdTokenType.CENTRAL:
        return Elsewhere(MAEVE, "Accepted", "a Central token is accepted without a look-up")
    if token.id_token_type is IdTokenType.LOCAL:
        return Elsewhere(MAEVE, "Invalid", "a Local token is refused without a look-up")
    if token.id_token_type is IdTokenType.EMAID and token.uid != token.contract_id:
        return Elsewhere(
            MAEVE,
            "Accepted" if token.valid else "Invalid",
            "only where the car writes its contract as the uid does: contractId is not searched",
        )
    said = "Accepted" if token.valid else "Invalid"
    lost = f"; it knows valid only, not {token.status}" if token.status is not None else ""
    return Elsewhere(MAEVE, said, f"only where asked in the same case, else Unknown; the type is ignored{lost}")


def _maeve_16(token: Token) -> Elsewhere:
    if len(token.uid) > MAX_UID_16:
        return Elsewhere(MAEVE_16, CANNOT_ASK, f"an idTag has at most {MAX_UID_16} characters")
    return Elsewhere(
        MAEVE_16, "Accepted", "every token that it holds is accepted, valid or not, where asked in the same case"
    )


def _everest(token: Token, status: AuthorizationStatus) -> Elsewhere:
    said = "Accepted" if status is AuthorizationStatus.ACCEPTED else "Rejected"
    if token.id_token_type is IdTokenType.MAC_ADDRESS and _MAC.fullmatch(token.uid):
        return Elsewhere(EVEREST, "Rejected", "Autocharge asks for VID: before the address; this is stored without it")
    if token.id_token_type is IdTokenType.KEY_CODE:
        return Elsewhere(EVEREST, said, "it has no way of its own for a key code: it comes as RFID or OCPP")
    return Elsewhere(EVEREST, said, "a card is the same to it whatever its type and case")


def _oicp(token: Token, status: AuthorizationStatus) -> Elsewhere:
    if token.id_token_type is IdTokenType.ISO14443:
        if not _HEX.fullmatch(token.uid) or len(token.uid) not in _OICP_UID_LENGTHS:
            return Elsewhere(OICP, CANNOT_ASK, "an RFID UID has 8, 14 or 20 hex digits, without separators")
        upper = token.uid == token.uid.upper()
        return Elsewhere(
            OICP, _authorized(status), "as it is" if upper else "in upper-case only: as stored, its schema refuses it"
        )
    if token.id_token_type in (IdTokenType.EMAID, IdTokenType.CENTRAL):
        if _EVCO_ID_ISO.fullmatch(token.uid) or _EVCO_ID_DIN.fullmatch(token.uid):
            way = "PlugAndCharge" if token.id_token_type is IdTokenType.EMAID else "RemoteIdentification"
            return Elsewhere(OICP, _authorized(status), f"as the EvcoID of {way}")
        return Elsewhere(OICP, CANNOT_ASK, "an EvcoID marks the contract with C behind the party, or has the DIN form")
    if token.id_token_type is IdTokenType.KEY_CODE:
        return Elsewhere(OICP, CANNOT_ASK, "a PIN goes with an EvcoID only, which a key code does not tell")
    if token.id_token_type is IdTokenType.ISO15693:
        return Elsewhere(OICP, CANNOT_ASK, "16 hex digits are no length of a UID there")
    return Elsewhere(OICP, CANNOT_ASK, f"it has no identification for {token.id_token_type}")


def _authorized(status: AuthorizationStatus) -> str:
    if status is AuthorizationStatus.ACCEPTED:
        return "Authorized"
    return f"NotAuthorized {_OICP_CODES.get(status, _OICP_OTHERWISE)}"


def _josev(token: Token, status: AuthorizationStatus) -> Elsewhere:
    if token.id_token_type in (IdTokenType.EMAID, IdTokenType.CENTRAL):
        return Elsewhere(JOSEV, CANNOT_ASK, "such a token comes in updates only, from the car or from a remote start")
    if status is AuthorizationStatus.ACCEPTED:
        return Elsewhere(JOSEV, "accepted", "as it is")
    return Elsewhere(JOSEV, "rejected", f"it has one word for every refusal: that it is {status} is lost")
