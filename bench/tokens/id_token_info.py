"""What OCPP is told of a token: idTokenInfo of 2.x and idTagInfo of 1.6, in an answer as in an entry of a local list.

Sources: OCPP 2.0.1 section 2.27 (IdTokenInfoType), C01.FR.06, FR.10, FR.20, FR.22, C09.FR.13; OCPP 1.6 section 7.27 (IdTagInfo).
"""

from __future__ import annotations

from typing import Any

from bench.tokens.api_form import message_form
from bench.tokens.checks import MAX_UID_16
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token

MAX_LANGUAGE = 8
MAX_GROUP = 36


def id_token_info(token: Token | None, status: AuthorizationStatus, until: str | None) -> dict[str, Any]:
    """IdTokenInfoType. until: cacheExpiryDateTime, None for none.

    EVSEs are named where the token may charge on some only; the list is left out beside NotAtThisLocation (C01.FR.22).
    """
    info: dict[str, Any] = {"status": status.value}
    if token is not None:
        if token.group_id and len(token.group_id) <= MAX_GROUP:
            info["groupIdToken"] = {"idToken": token.group_id, "type": IdTokenType.CENTRAL.value}
        if token.language_code and len(token.language_code) <= MAX_LANGUAGE:
            info["language1"] = token.language_code
            if token.language2:
                info["language2"] = token.language2
        if token.evse_ids and status is not AuthorizationStatus.NOT_AT_THIS_LOCATION:
            info["evseId"] = list(token.evse_ids)
        if token.personal_message is not None:
            info["personalMessage"] = message_form(token.personal_message)
        if token.charging_priority is not None:
            info["chargingPriority"] = token.charging_priority
    if until is not None:
        info["cacheExpiryDateTime"] = until
    return info


def id_tag_info(token: Token | None, status_16: str, until: str | None) -> dict[str, Any]:
    """IdTagInfo. until: expiryDate, None for none. A group that does not fit is left out: :func:`group_too_long`."""
    info: dict[str, Any] = {"status": status_16}
    if token is not None and token.group_id and not group_too_long(token):
        info["parentIdTag"] = token.group_id
    if until is not None:
        info["expiryDate"] = until
    return info


def group_too_long(token: Token) -> bool:
    """Whether its group is no parentIdTag: OCPP 1.6 takes 20 characters (section 7.28)."""
    return token.group_id is not None and len(token.group_id) > MAX_UID_16
