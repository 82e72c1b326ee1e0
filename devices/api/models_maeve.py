"""Shapes of the MaEVe API beside its tokens, and what the bench tells of what was registered."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel

from bench.maeve.desk import MAX_CERTIFICATES, MAX_SETTINGS
from bench.maeve.model import CertificateUse, InstallState, Trigger
from bench.maeve.pem import MAX_PEM
from bench.maeve.setting_names import MAX_VALUE, MAX_WHOLE
from bench.ocpi.model import MAX_TOKEN, Status
from devices.api.models import Reads, StrictBool, Tells

# No database keeps a NUL in a text.
NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(max_length=255, pattern=NO_NUL, strict=True)]
Required = Annotated[str, Field(min_length=1, max_length=255, pattern=NO_NUL, strict=True)]
Pem = Annotated[str, Field(min_length=1, max_length=MAX_PEM, strict=True, description="PEM; line ends as \\n")]
PasswordHash = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$", description="base64 of the SHA-256 of the station's password")
]
Profile = Annotated[
    int,
    Field(
        ge=0,
        le=2,
        strict=True,
        description="0 basic auth without TLS, 1 TLS with basic auth, 2 TLS with client certificate; OCPP counts them from 1",
    ),
]
Int32 = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True, json_schema_extra={"format": "int32"})]
PartyToken = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN, pattern=r"^[!-~]+$")]
_URL = (
    r"^https?://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
    r"(/([A-Za-z0-9\-._~:/?&=+,;@!$'()*]|%[0-9A-Fa-f]{2})*)?$"
)


def _uri(text: str) -> str:
    """What the pattern cannot say: the port is one, and the address in brackets."""
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError above 65535
    if parts.netloc.startswith("["):
        ipaddress.IPv6Address(parts.hostname or "")
    return text


PartyUrl = Annotated[
    str, Field(max_length=255, pattern=_URL, json_schema_extra={"format": "uri"}, strict=True), AfterValidator(_uri)
]

Standard = Literal[
    "CHADEMO", "CHAOJI", "DOMESTIC_A", "DOMESTIC_B", "DOMESTIC_C", "DOMESTIC_D", "DOMESTIC_E", "DOMESTIC_F",
    "DOMESTIC_G", "DOMESTIC_H", "DOMESTIC_I", "DOMESTIC_J", "DOMESTIC_K", "DOMESTIC_L", "GBT_AC", "GBT_DC",
    "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64", "IEC_62196_T1",
    "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C", "NEMA_5_20",
    "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50", "PANTOGRAPH_BOTTOM_UP",
    "PANTOGRAPH_TOP_DOWN", "TESLA_R", "TESLA_S", "UNKNOWN",
]  # fmt: skip
ParkingType = Literal[
    "ALONG_MOTORWAY", "PARKING_GARAGE", "PARKING_LOT", "ON_DRIVEWAY", "ON_STREET", "UNDERGROUND_GARAGE"
]


class StationAuthBody(Reads):
    """MaEVe API, ChargeStationAuth."""

    securityProfile: Profile
    base64SHA256Password: PasswordHash | None = None
    invalidUsernameAllowed: StrictBool | None = None


class StationAuthOut(Tells):
    """MaEVe API, ChargeStationAuth."""

    securityProfile: int
    base64SHA256Password: str = ""
    invalidUsernameAllowed: bool


class StationSettings(
    RootModel[
        Annotated[
            dict[
                Annotated[str, Field(min_length=1, max_length=MAX_WHOLE)],
                Annotated[str, Field(max_length=MAX_VALUE, pattern=NO_NUL, strict=True)],
            ],
            Field(max_length=MAX_SETTINGS),
        ]
    ]
):
    """MaEVe API, ChargeStationSettings. By name: a key of OCPP 1.6 (values up to 500 characters), or for OCPP 2.x
    ``Component;Instance;EVSE/Variable;Instance;Attribute``, where all but the names of component and variable may be left out.
    """


class InstallBody(Reads):
    type: CertificateUse
    certificate: Pem
    status: InstallState = InstallState.PENDING


class InstallCertificatesBody(Reads):
    """MaEVe API, ChargeStationInstallCertificates."""

    certificates: Annotated[list[InstallBody], Field(max_length=MAX_CERTIFICATES)]


class TriggerBody(Reads):
    """MaEVe API, ChargeStationTrigger."""

    trigger: Trigger


class CertificateBody(Reads):
    """MaEVe API, Certificate."""

    certificate: Pem


class CertificateOut(Tells):
    """MaEVe API, Certificate."""

    certificate: str


class RegistrationBody(Reads):
    """MaEVe API, Registration. token: CREDENTIALS_TOKEN_A. url: of the party's versions; with it the bench asks. status: REGISTERED
    lets the token use every endpoint at once, without a handshake.
    """

    token: PartyToken
    url: PartyUrl | None = None
    status: Status = Status.PENDING


class GeoLocation(Reads):
    latitude: Text
    longitude: Text


class Connector(Reads):
    id: Required
    standard: Standard
    format: Literal["SOCKET", "CABLE"]
    power_type: Literal["AC_1_PHASE", "AC_3_PHASE", "DC"]
    max_voltage: Int32
    max_amperage: Int32


class EvseBody(Reads):
    uid: Required
    evse_id: Text | None = None
    connectors: Annotated[list[Connector], Field(max_length=100)]


class LocationBody(Reads):
    """MaEVe API, Location (OCPI 2.2 names)."""

    country_code: Text
    party_id: Text
    name: Text | None = None
    address: Text
    city: Text
    postal_code: Text | None = None
    country: Text
    coordinates: GeoLocation
    parking_type: ParkingType | None = None
    evses: Annotated[list[EvseBody], Field(max_length=1000)] | None = None


# What the bench tells of it


class SettingOrderOut(Tells):
    """status: Pending, then the station's word. value: empty where it is a secret that was sent."""

    name: str
    value: str
    status: str
    why: str


class CertificateOrderOut(Tells):
    type: CertificateUse
    status: InstallState
    why: str


class RegisteredStationOut(Tells):
    """security_profile: as OCPP counts it (1 to 3), null where the station was only given orders. configured: it was since it was
    registered; until then it is answered Pending. waiting: orders not carried out yet.
    """

    id: str
    security_profile: int | None
    password: bool
    configured: bool
    connected: bool
    boot: str | None
    waiting: int
    settings: list[SettingOrderOut]
    certificates: list[CertificateOrderOut]
    triggers: list[Trigger]


class PartyOut(Tells):
    id: str
    status: Status
    url: str | None
    roles: list[dict[str, Any]]


class RegisteredOut(Tells):
    """certificates: how many are kept. locations: as registered, by id."""

    stations: list[RegisteredStationOut]
    parties: list[PartyOut]
    locations: dict[str, Any]
    certificates: int


# OCPI 2.2


class Lenient(BaseModel):
    """Of OCPI, which lets parties say more than is known here."""

    model_config = ConfigDict(extra="ignore")


class BusinessDetails(Lenient):
    name: Annotated[str, Field(max_length=100, pattern=NO_NUL, strict=True)]


class RoleBody(Lenient):
    role: Literal["CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "SCSP"]
    business_details: BusinessDetails
    party_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3}$")]
    country_code: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]


class CredentialsBody(Lenient):
    """OCPI 2.2, Credentials object."""

    token: PartyToken
    url: PartyUrl
    roles: Annotated[list[RoleBody], Field(min_length=1, max_length=20)]


class VersionOut(Tells):
    version: str
    url: str


class EndpointOut(Tells):
    identifier: str
    role: str
    url: str


class VersionDetailsOut(Tells):
    version: str
    endpoints: list[EndpointOut]


class CredentialsOut(Tells):
    token: str
    url: str
    roles: list[RoleBody]


class OcpiOut(Tells):
    """OCPI 2.2, Response format. status_code: 1000 fine, 2xxx the request is wrong, 3xxx something else is."""

    status_code: int
    status_message: str | None = None
    timestamp: str


class VersionsAnswer(OcpiOut):
    data: list[VersionOut]


class DetailsAnswer(OcpiOut):
    data: VersionDetailsOut


class CredentialsAnswer(OcpiOut):
    data: CredentialsOut | None = None
