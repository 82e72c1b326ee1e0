"""Charge stations as the MaEVe API registers them, and what is to be done with them once they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bench.exchange import MASK
from bench.masking import is_secret_name

PENDING = "Pending"
"""A setting that was not sent yet."""

MAX_STATION_ID = 28
"""Characters of a csId (MaEVe API)."""


class CertificateUse(StrEnum):
    """What a root certificate is for."""

    V2G = "V2G"
    MO = "MO"
    MF = "MF"
    CSMS = "CSMS"


class InstallState(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    PENDING = "Pending"


class Trigger(StrEnum):
    BOOT_NOTIFICATION = "BootNotification"
    STATUS_NOTIFICATION = "StatusNotification"
    SIGN_V2G_CERTIFICATE = "SignV2GCertificate"
    SIGN_CHARGING_STATION_CERTIFICATE = "SignChargingStationCertificate"
    SIGN_COMBINED_CERTIFICATE = "SignCombinedCertificate"


@dataclass(frozen=True, slots=True)
class StationAuth:
    """How a station proves who it is.

    security_profile: 0 basic auth without TLS, 1 TLS with basic auth, 2 TLS with client certificate; one less than in OCPP.
    password_sha256: base64 of the SHA-256 of its password, None where it has none.
    """

    security_profile: int
    password_sha256: str | None = None
    invalid_username_allowed: bool = False

    @property
    def ocpp_profile(self) -> int:
        """The same as OCPP counts it (2.0.1 part 2, A00): 1 to 3."""
        return self.security_profile + 1


@dataclass(frozen=True, slots=True)
class WantedSetting:
    """status: ``Pending``, then the station's word (Accepted, RebootRequired, ...) or why it could not be asked. why: in words."""

    value: str
    status: str = PENDING
    why: str = ""

    def shown(self, name: str) -> str:
        """The value; dots where it is a password (of the setting of that name)."""
        return MASK if self.value and is_secret_name(name) else self.value


@dataclass(frozen=True, slots=True)
class WantedCertificate:
    """pem: one certificate. why: in words, where it was not accepted."""

    use: CertificateUse
    pem: str
    status: InstallState = InstallState.PENDING
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChargeStation:
    """auth: None for a station that was given orders without being registered. provisioned: it was configured since it was
    registered; until then its BootNotification is answered Pending. settings: by name. reset_due: a setting wants a reboot.
    """

    id: str
    auth: StationAuth | None = None
    provisioned: bool = True
    settings: Mapping[str, WantedSetting] = field(default_factory=dict)
    certificates: tuple[WantedCertificate, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    reset_due: bool = False

    @property
    def pending_settings(self) -> dict[str, str]:
        """Values that were not sent yet, by name."""
        return {name: wanted.value for name, wanted in self.settings.items() if wanted.status == PENDING}

    @property
    def pending_certificates(self) -> tuple[WantedCertificate, ...]:
        return tuple(wanted for wanted in self.certificates if wanted.status is InstallState.PENDING)

    @property
    def waiting(self) -> int:
        """How many orders were not carried out yet."""
        return len(self.pending_settings) + len(self.pending_certificates) + len(self.triggers) + self.reset_due

    @property
    def idle(self) -> bool:
        """There is nothing to do with it."""
        return self.provisioned and not self.waiting
