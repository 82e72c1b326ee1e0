"""The Token, the kinds of IdToken and the statuses: MaEVe API setToken, OCPP 2.0.1 IdTokenType and IdTokenInfoType."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class IdTokenType(StrEnum):
    """OCPP 2.0.1 IdTokenEnumType."""

    CENTRAL = "Central"
    EMAID = "eMAID"
    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "KeyCode"
    LOCAL = "Local"
    MAC_ADDRESS = "MacAddress"
    NO_AUTHORIZATION = "NoAuthorization"


class JosevTokenType(StrEnum):
    """Token types of the Josev API, Authorization: six in requests, all eight in updates."""

    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "key_code"
    LOCAL = "local"
    NO_AUTHORIZATION = "no_authorization"
    MAC_ADDRESS = "mac_address"
    E_MAID = "e_maid"
    CENTRAL = "central"


REQUEST_TOKEN_TYPES = frozenset(JosevTokenType) - {JosevTokenType.E_MAID, JosevTokenType.CENTRAL}

JOSEV_TO_OCPP: dict[JosevTokenType, IdTokenType] = {
    JosevTokenType.ISO14443: IdTokenType.ISO14443,
    JosevTokenType.ISO15693: IdTokenType.ISO15693,
    JosevTokenType.KEY_CODE: IdTokenType.KEY_CODE,
    JosevTokenType.LOCAL: IdTokenType.LOCAL,
    JosevTokenType.NO_AUTHORIZATION: IdTokenType.NO_AUTHORIZATION,
    JosevTokenType.MAC_ADDRESS: IdTokenType.MAC_ADDRESS,
    JosevTokenType.E_MAID: IdTokenType.EMAID,
    JosevTokenType.CENTRAL: IdTokenType.CENTRAL,
}
OCPP_TO_JOSEV: dict[IdTokenType, JosevTokenType] = {ocpp: josev for josev, ocpp in JOSEV_TO_OCPP.items()}


class AuthorizationStatus(StrEnum):
    """OCPP 2.0.1 AuthorizationStatusEnumType; 1.6 knows Accepted, Blocked, Expired, Invalid, ConcurrentTx."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


ID_TOKEN_TYPES: dict[str, IdTokenType] = {kind.value: kind for kind in IdTokenType}

# What OCPP 1.6 can say of each status: Blocked where the holder is refused, Invalid where 1.6 has no word for why.
STATUS_16: dict[AuthorizationStatus, str] = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.CONCURRENT_TX: "ConcurrentTx",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.INVALID: "Invalid",
    AuthorizationStatus.NO_CREDIT: "Blocked",
    AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE: "Invalid",
    AuthorizationStatus.NOT_AT_THIS_LOCATION: "Invalid",
    AuthorizationStatus.NOT_AT_THIS_TIME: "Invalid",
    AuthorizationStatus.UNKNOWN: "Invalid",
}


class TokenKind(StrEnum):
    """MaEVe API Token.type (OCPI 2.2 TokenType)."""

    AD_HOC_USER = "AD_HOC_USER"
    APP_USER = "APP_USER"
    OTHER = "OTHER"
    RFID = "RFID"


class CacheMode(StrEnum):
    """MaEVe API Token.cacheMode (OCPI 2.2 WhitelistType): may the charger keep this token in its list or cache.

    ALWAYS: used without asking. ALLOWED: may be used without asking, though asking is preferred. ALLOWED_OFFLINE: asked about
    while the charger is online, so in the list and not in the cache. NEVER: asked about always, so in neither.

    OCPP has no word for the preference of ALLOWED: a station keeps it as it keeps ALWAYS. Nor for offline only: a station with
    LocalPreAuthorize asks nobody about what is in its list.
    """

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


CACHED = (CacheMode.ALWAYS, CacheMode.ALLOWED)
"""Modes that let a station keep a token in its authorization cache. A tuple: every answer looks here, and an enum hashes slowly."""


class MessageFormat(StrEnum):
    """OCPP 2.0.1 MessageFormatEnumType."""

    ASCII = "ASCII"
    HTML = "HTML"
    URI = "URI"
    UTF8 = "UTF8"


@dataclass(frozen=True, slots=True)
class PersonalMessage:
    """OCPP 2.0.1 MessageContentType: what the station shows the driver. content: <= 512 characters. language: RFC 5646, <= 8."""

    content: str
    format: MessageFormat = MessageFormat.UTF8
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One entry of the store.

    uid: <= 36 characters, kept as given; equality is by ``uid`` and ``id_token_type``, ignoring case (OCPP 2.0.1 C01.FR.25).
    country_code: 2 letters, party_id: 3 characters, of the issuing eMSP. contract_id: normalised eMAID, 15 characters.
    valid: MaEVe's flag. status: what an Authorize is answered; None means Accepted if valid, else Blocked.
    group_id: <= 36 characters. last_updated: UTC.

    What OCPP's IdTokenInfoType says beside these (2.0.1 section 2.27):
    expiry: UTC; from then on the token is Expired, and no station may keep it longer. evse_ids: EVSEs where it may charge (1.6:
    connectors), ascending; none = everywhere. language2: RFC 5646, second to language_code. charging_priority: -9 to 9.

    What no station is told: note: the operator's own words, <= 500 characters, lines allowed. source: where it came from
    (``enrolled``, ``file tokens.csv``, ``maeve http://host:9410``, ``api``), <= 120 characters.
    """

    uid: str
    country_code: str
    party_id: str
    contract_id: str
    issuer: str
    kind: TokenKind = TokenKind.RFID
    id_token_type: IdTokenType = IdTokenType.ISO14443
    valid: bool = True
    cache_mode: CacheMode = CacheMode.ALWAYS
    status: AuthorizationStatus | None = None
    visual_number: str | None = None
    group_id: str | None = None
    language_code: str | None = None
    last_updated: datetime | None = None
    expiry: datetime | None = None
    evse_ids: tuple[int, ...] = ()
    language2: str | None = None
    personal_message: PersonalMessage | None = None
    charging_priority: int | None = None
    note: str | None = None
    source: str | None = None

    @property
    def effective_status(self) -> AuthorizationStatus:
        """The status the token was given: the explicit one, else by ``valid``. Its expiry aside."""
        if self.status is not None:
            return self.status
        return AuthorizationStatus.ACCEPTED if self.valid else AuthorizationStatus.BLOCKED

    def status_at(self, moment: datetime) -> AuthorizationStatus:
        """The status an Authorize gets at that moment, wherever it is asked: an accepted token expires."""
        status = self.effective_status
        expired = self.expiry is not None and self.expiry <= moment and status is AuthorizationStatus.ACCEPTED
        return AuthorizationStatus.EXPIRED if expired else status

    @property
    def key(self) -> tuple[str, IdTokenType]:
        return (self.uid.casefold(), self.id_token_type)

    @property
    def label(self) -> str:
        """How a person names it: the printed number, else the contract."""
        return self.visual_number or self.contract_id


class Ask(NamedTuple):
    """A question to the store: may this token charge here now.

    id_token_type: None when the asker cannot say (OCPP 1.6). evse: where, None when the asker does not say; on 1.6 a connector.
    action: the message that asks. remote_start: the token came from a remote start of ours, which OCPP says is not asked again
    (C05). refused: the contract certificate that came with it is no good: what that makes of the token, and why (C07).
    starts: id of the transaction that starts with this token, None where none does. ends: the charge is over, or is being ended
    with this token: nobody need be asked about it any more.
    """

    value: str
    id_token_type: IdTokenType | None
    station: str = ""
    evse: int | None = None
    action: str = "Authorize"
    remote_start: bool = False
    refused: tuple[AuthorizationStatus, str] | None = None
    starts: str | None = None
    ends: bool = False

    @property
    def key(self) -> AskKey:
        """What makes two questions the same: the station, and the token by value, ignoring case, and type."""
        return self.station, self.value.casefold(), self.id_token_type


AskKey = tuple[str, str, IdTokenType | None]


class Decision(NamedTuple):
    """One answer, from which those of both OCPP versions are derived.

    decided_by: ``store``, ``default``, ``operator``, ``csms`` or ``hub``. reason: one word or two for a person: ``valid``,
    ``blocked``. rule: stable name of the rule that decided. token: the entry found, or None. once: the answer holds for this
    question only, so a station must not keep it.
    """

    status: AuthorizationStatus
    decided_by: str
    reason: str
    rule: str
    token: Token | None = None
    once: bool = False

    @property
    def accepted(self) -> bool:
        return self.status is AuthorizationStatus.ACCEPTED

    @property
    def may_be_cached(self) -> bool:
        """Whether a station that is online may answer the same question itself later, from its authorization cache."""
        return not self.once and (self.token is None or self.token.cache_mode in CACHED)

    @property
    def status_16(self) -> str:
        return STATUS_16[self.status]
