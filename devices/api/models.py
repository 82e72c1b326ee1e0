"""Shapes of the API: what it reads, checked; what it tells, described."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.auth_settings import Kind
from bench.csms.events import EventKind
from bench.exchange import DecidedBy, Party, Severity, Verdict
from bench.message import Direction, Link
from bench.ports import LinkState
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, JosevTokenType, MessageFormat, TokenKind

StrictBool = Annotated[bool, Field(strict=True)]
RequestTokenType = Literal["ISO14443", "ISO15693", "key_code", "local", "no_authorization", "mac_address"]
EvseNumber = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
SettingText = Annotated[str, Field(max_length=1000, strict=True)]
Value = Annotated[str, Field(min_length=1, max_length=255)]


class Reads(BaseModel):
    """A body clients send: a member that is not known is a mistake, not decoration."""

    model_config = ConfigDict(extra="forbid")


class Tells(BaseModel):
    """A body the bench sends."""


class Status(Tells):
    """MaEVe API, Status. status: the HTTP phrase. error: what is wrong and what to do."""

    status: str
    error: str


# Bench


class TapBody(Reads):
    """A card to present, or what stands for one."""

    uid: Value | None = Field(default=None, description="UID in hex, or the typed value; left out for no_authorization")
    token_type: RequestTokenType | None = Field(
        default=None, description="Josev API, Authorization; ISO14443 if left out"
    )
    technology: RequestTokenType | None = Field(default=None, description="another name for token_type")
    evse_id: Value | None = Field(default=None, description="string id; left out: by the rule of the Josev API")
    plugged_in_first: StrictBool = Field(
        default=False, description="the EV was plugged in before the card was presented"
    )
    wait_s: float = Field(
        default=10.0, ge=0, le=60, allow_inf_nan=False, description="how long to wait for the verdict"
    )

    @property
    def josev_type(self) -> JosevTokenType:
        return JosevTokenType(self.token_type or self.technology or "ISO14443")

    @model_validator(mode="after")
    def _agree(self) -> TapBody:
        if self.token_type and self.technology and self.token_type != self.technology:
            raise ValueError("token_type and technology differ; give one of them")
        free = self.josev_type is JosevTokenType.NO_AUTHORIZATION
        if free and self.uid is not None:
            raise ValueError("no_authorization takes no uid")
        if not free and self.uid is None:
            raise ValueError(f"{self.josev_type} needs a uid")
        return self


class RemoteStartBody(Reads):
    id_token: Annotated[
        str, Field(min_length=1, max_length=255, description="up to 20 characters on OCPP 1.6, 36 on 2.0.1")
    ]
    id_token_type: IdTokenType = IdTokenType.CENTRAL
    evse: EvseNumber | None = Field(default=1, description="null: the station chooses")


class RemoteStopBody(Reads):
    transaction_id: Annotated[str, Field(min_length=1, max_length=36)]


class AvailabilityBody(Reads):
    """Neither evse nor connector: the whole station. On OCPP 1.6 a connector only."""

    operative: StrictBool
    evse: EvseNumber | None = None
    connector: EvseNumber | None = None


class DataTransferBody(Reads):
    vendor_id: Annotated[str, Field(min_length=1, max_length=255)]
    message_id: Annotated[str, Field(max_length=50)] = ""
    data: Any = Field(default=None, description="text on OCPP 1.6, any JSON on 2.x; null is none")


class LinkOut(Tells):
    state: LinkState
    detail: str
    cure: str | None = None


class StationOut(Tells):
    id: str
    version: str
    boot: str | None
    list_version: int | None
    connected: bool | None = None


class Counters(Tells):
    """recorded: durably written to the capture. dropped: never will be."""

    messages: int
    recorded: int
    malformed: int
    dropped: int
    exchanges: int


class State(Tells):
    links: dict[str, LinkOut]
    stations: list[StationOut]
    readers: list[dict[str, Any]]
    counters: Counters


class RoleEntryOut(Tells):
    """One token that the bench as a station remembers. type: empty on OCPP 1.6. updated: in the cache only."""

    token: str
    type: str
    status: str
    expires: datetime | None
    group: str
    updated: datetime | None


class RoleListOut(Tells):
    """version: as GetLocalListVersion is answered. entries: at most 1000 of ``count``."""

    version: int
    count: int
    entries: list[RoleEntryOut]


class RoleCacheOut(Tells):
    count: int
    entries: list[RoleEntryOut]


class RoleSettingOut(Tells):
    """address: the key of OCPP 1.6, or component.variable of 2.x."""

    name: str
    value: str
    address: str
    read_only: bool


class RoleOut(Tells):
    """The bench as a station. boot: RegistrationStatus, null before the CSMS said one on this connection."""

    url: str
    identity: str
    version: str
    connected: bool
    boot: str | None
    in_service: bool
    settings: list[RoleSettingOut]
    cache: RoleCacheOut
    list: RoleListOut


class CardOut(Tells):
    uid: str
    technology: str | None
    token_type: str


class HopOut(Tells):
    """seq: null where no message crossed a link. at_ms: since the exchange opened; delta_ms: since the hop before."""

    seq: int | None
    from_: Party = Field(alias="from")
    to: Party
    link: Link | None
    name: str
    at_ms: float
    delta_ms: float
    fault: str | None


class FindingOut(Tells):
    rule: str
    severity: Severity
    text: str
    evidence: list[int]
    cure: str


class ExchangeOut(Tells):
    """One card tap. verdict and total_ms are null while it is open."""

    id: int
    opened: datetime
    card: CardOut | None
    evse_id: str | None
    verdict: Verdict | None
    decided_by: DecidedBy | None
    reason: str
    total_ms: float | None
    hops: list[HopOut]
    findings: list[FindingOut]


class FaultOut(Tells):
    rule: str
    text: str
    where: str


class MessageOut(Tells):
    """raw is text; raw_base64 stands in its place where the bytes are not UTF-8. Secrets are masked."""

    seq: int
    utc: datetime
    link: Link
    dir: Direction
    channel: str
    kind: str
    name: str
    correlation: str | None
    raw: str = ""
    raw_base64: str = ""
    decoded: Any
    faults: list[FaultOut]
    exchange: int | None
    injected: bool


class CallRefused(Tells):
    """OCPP-J CALLERROR."""

    code: str
    description: str
    details: dict[str, Any]


class CallOut(Tells):
    """One of the two: the station's payload, or its CALLERROR."""

    result: dict[str, Any] = Field(default_factory=dict)
    error: CallRefused | None = None


class SaidOut(CallOut):
    """ok: the station did what was asked. text: its answer in plain words."""

    ok: bool
    text: str


class StationEventOut(Tells):
    """Something a station reported. seq: number of its message. utc: when the bench received it. what: the thing it tells of.
    value: its word or value, secrets masked. detail: the rest in words.
    """

    seq: int
    utc: datetime
    kind: EventKind
    action: str
    what: str
    value: str
    detail: str
    severity: Severity


class SettingOut(Tells):
    """A setting by its meaning. key: where this station's OCPP version keeps it, empty where it does not know it. value: as on the
    wire, null where the station has none or did not tell; status says why: Accepted, UnknownKey, UnknownVariable, NotInVersion, ...
    """

    name: str
    means: str
    type: Kind
    unit: str
    key: str
    read_only: bool
    value: str | None
    status: str


class SettingBody(Reads):
    value: Annotated[bool, Field(strict=True)] | Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | SettingText


class SettingWrittenOut(SaidOut):
    """status: the station's word. value: read back, null where it could not be. reboot_required: in force after a reboot only."""

    status: str
    value: str | None
    reboot_required: bool


# MaEVe


class MessageBody(Reads):
    """OCPP 2.0.1 MessageContentType."""

    content: Annotated[str, Field(min_length=1, max_length=512)]
    format: MessageFormat = MessageFormat.UTF8
    language: Annotated[str, Field(max_length=8)] | None = None


IDENTIFIER = r"^[A-Za-z0-9*_=:+|@.\-]*$"
"""Characters of an idToken (OCPP 2.0.1, identifierString); a token of an older system with others is typed in or imported."""


class TokenBody(Reads):
    """MaEVe API, Token. What follows lastUpdated are additions of this bench that may be left out.

    idTokenType: OCPP type of the token; if left out, by the form of its uid and its type. status: what an Authorize is
    answered; if left out, Accepted where valid, else Blocked. The rest is what OCPP's IdTokenInfoType says of a token.
    """

    countryCode: Annotated[str, Field(min_length=2, max_length=2)]
    partyId: Annotated[str, Field(min_length=3, max_length=3)]
    type: TokenKind
    uid: Annotated[str, Field(min_length=1, max_length=36, pattern=IDENTIFIER)]
    contractId: str
    visualNumber: str | None = None
    issuer: str
    groupId: Annotated[str, Field(max_length=36, pattern=IDENTIFIER)] | None = None
    valid: StrictBool
    languageCode: Annotated[str, Field(min_length=2, max_length=2)] | None = None
    cacheMode: CacheMode
    lastUpdated: datetime | None = Field(default=None, description="ignored when written")
    idTokenType: IdTokenType | None = None
    status: AuthorizationStatus | None = None
    expiry: datetime | None = Field(
        default=None, description="from then on the token is Expired; UTC if it names no zone"
    )
    evseIds: list[EvseNumber] | None = Field(default=None, description="where it may charge; left out: everywhere")
    language2: Annotated[str, Field(max_length=8)] | None = Field(default=None, description="RFC 5646")
    personalMessage: MessageBody | None = None
    chargingPriority: Annotated[int, Field(ge=-9, le=9, strict=True)] | None = None
    note: Annotated[str, Field(max_length=500)] | None = Field(default=None, description="the operator's own words")
    source: Annotated[str, Field(max_length=120)] | None = Field(default=None, description="where the token came from")


class TokenOut(Tells):
    """MaEVe API, Token. Optional members are left out where they are not set, the additions of this bench (all from
    idTokenType) where they say the usual, so that clients of MaEVe meet nothing new."""

    countryCode: str
    partyId: str
    type: TokenKind
    uid: str
    contractId: str
    visualNumber: str = ""
    issuer: str
    groupId: str = ""
    valid: bool
    languageCode: str = ""
    cacheMode: CacheMode
    lastUpdated: datetime
    idTokenType: IdTokenType | None = None
    status: AuthorizationStatus | None = None
    expiry: datetime | None = None
    evseIds: list[int] | None = None
    language2: str | None = None
    personalMessage: MessageBody | None = None
    chargingPriority: int | None = None
    note: str | None = None
    source: str | None = None
