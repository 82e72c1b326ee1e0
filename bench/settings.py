"""Profiles: what the bench is connected to, as TOML the operator can read.

pydantic validates (well kept, names the field and the value in its errors). Passwords are never in the file: a URL with a
user and no password takes it from the system keyring, service ``authbench``, name ``user@host:port``.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.errors import BadInput


class Role(StrEnum):
    """Who the bench is on the Josev bus."""

    CS = "cs"
    JOSEV = "josev"
    OBSERVER = "observer"


class BootAnswers(StrEnum):
    """Whether the bench answers cs_parameters and device_model: auto = unless other charger software was heard."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evse(_Section):
    """One EVSE: the string id of the Josev bus and the number of OCPP."""

    id: str = "GB*SEV*E123456789"
    ocpp_id: Annotated[int, Field(ge=1)] = 1
    power_kw: Annotated[float, Field(gt=0)] = 22.0
    connector_type: str = "AC_three_phase_core"


class Topics(_Section):
    """Topics of the Josev bus; ``ocpp/15118`` and ``ocpp/iso15118`` both occur in the field."""

    cs_to_josev: str = "cs/josev"
    josev_to_cs: str = "josev/cs"
    updates: tuple[str, ...] = ("ocpp/15118", "ocpp/iso15118")

    @property
    def all(self) -> tuple[str, ...]:
        return (self.cs_to_josev, self.josev_to_cs, *self.updates)


class BusSettings(_Section):
    """url: ``embedded``, ``embedded:PORT``, ``off``, ``mqtt://[user@]host[:1883]`` or ``mqtts://...``. ca_file: PEM, for mqtts."""

    url: str = "embedded"
    role: Role = Role.CS
    topics: Topics = Topics()
    boot_answers: BootAnswers = BootAnswers.AUTO
    ca_file: Path | None = None


class SecuritySettings(_Section):
    """How stations must prove who they are (security profiles of OCPP 2.0.1 part 2, A00, and of the 1.6 security whitepaper).

    profile: 0 plain, 1 basic auth, 2 TLS with basic auth, 3 TLS with station certificates. certificate, key: of this server, PEM,
    for 2 and 3. station_ca: who signed the stations' certificates, PEM, for 3. Passwords of stations are in the system keyring,
    service ``authbench``, name ``ocpp:STATION``.
    """

    profile: Annotated[int, Field(ge=0, le=3)] = 0
    certificate: Path | None = None
    key: Path | None = None
    station_ca: Path | None = None


class DialSettings(_Section):
    """A CSMS that the bench connects to. url: ``ws://`` or ``wss://``, the station's id is appended. ca_file, certificate, key:
    PEM, for ``wss://``.
    """

    url: str
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class UpstreamSettings(DialSettings):
    """A CSMS that stations are passed on to, with the bench as a proxy between."""


class CsmsSettings(DialSettings):
    """A CSMS to which the bench is a charging station; taps become Authorize there.

    identity: of this station; None = the charger's. versions: of OCPP, offered in this order. user: of basic auth; its password is
    in the system keyring, service ``authbench``, name ``ocpp-csms:IDENTITY``. None = no basic auth.
    """

    identity: Annotated[str, Field(pattern=r"^[A-Za-z0-9*\-_=:+|@.]{1,48}$")] | None = None
    versions: Annotated[tuple[Literal["1.6", "2.0.1", "2.1"], ...], Field(min_length=1)] = ("2.1", "2.0.1", "1.6")
    user: Annotated[str, Field(pattern=r"^[^:]{1,255}$")] | None = None


class OcppSettings(_Section):
    """listen: ``HOST:PORT``. unknown_stations: any station may connect. security: how they prove who they are.
    upstream: a CSMS that stations are passed on to, or None. csms: a CSMS to which the bench is a station, or None.
    contract_roots: PEM files of the roots (V2G, MO) that contract certificates must come from, with their CRLs; without any, only
    dates and signatures are judged.
    """

    listen: str = "127.0.0.1:9000"
    unknown_stations: bool = True
    stations: tuple[str, ...] = ()
    call_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    heartbeat_s: Annotated[int, Field(ge=1, le=86400)] = 300
    security: SecuritySettings = SecuritySettings()
    upstream: UpstreamSettings | None = None
    csms: CsmsSettings | None = None
    contract_roots: tuple[Path, ...] = ()


class ReaderSettings(_Section):
    """driver: a name of ``authbench readers --drivers``. port: a device path, ``COM3`` or ``socket://host:port``. baud: None = the
    driver's own. options: of the driver, by name.
    """

    driver: str
    port: str
    baud: Annotated[int, Field(gt=0)] | None = None
    options: dict[str, str] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """``DRIVER[,NAME=VALUE...]:PORT``, as ``--reader`` takes it."""
        named = dict(self.options) if self.baud is None else {"baud": str(self.baud), **self.options}
        return ",".join([self.driver, *(f"{name}={_quoted(value)}" for name, value in named.items())]) + f":{self.port}"


def _quoted(value: str) -> str:
    """A value without the signs that part a reader's text."""
    return value.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


class ChargerSettings(_Section):
    """What the bench says of the charger in ``device_model`` when it is the charger software."""

    identity: str = "CP-001"
    model: str = "Bench"
    vendor: str = "Authbench"
    serial_number: str = "AB-0001"
    firmware_version: str = "1.0"
    evses: Annotated[tuple[Evse, ...], Field(min_length=1)] = (Evse(),)


class EnrolSettings(_Section):
    """What Enrol fills in."""

    country_code: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")] = "GB"
    party_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3}$")] = "ABX"
    issuer: Annotated[str, Field(min_length=1, max_length=64)] = "Authbench"


def _without_password(url: str) -> str:
    try:
        given = urlsplit(url).password
    except ValueError:  # the store itself says what is wrong with it
        return url
    if given is not None:
        raise ValueError("a password does not belong into a profile; keep it with: authbench secret set user@host:port")
    return url


class Profile(_Section):
    """One bench set-up. answer_limit_s: how long a tap waits for its answer. accept_unknown: tokens not in the store are Accepted.
    concurrent_tx: one token may charge in several transactions at once; false: the second start is answered ConcurrentTx.
    """

    name: Annotated[str, Field(pattern=r"^[\w][\w .-]{0,63}$")] = "default"
    answer_limit_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    accept_unknown: bool = False
    concurrent_tx: bool = True
    store: Annotated[str, AfterValidator(_without_password)] | None = None
    bus: BusSettings = BusSettings()
    ocpp: OcppSettings = OcppSettings()
    readers: tuple[ReaderSettings, ...] = ()
    charger: ChargerSettings = ChargerSettings()
    enrol: EnrolSettings = EnrolSettings()
    api: str = "127.0.0.1:9410"


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        BadInput: no such file, not TOML, or a field that is wrong; the message names it.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the profile {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"the profile {path} is not TOML: {error}") from error
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(
            f"the profile {path} is wrong at {where}: {first['msg']}", "correct or remove that line"
        ) from error


def save_profile(profile: Profile, path: Path) -> None:
    """Write a profile so that a crash leaves the old file or the new one, never half of it."""
    import tomli_w

    text = tomli_w.dumps(profile.model_dump(mode="json", exclude_none=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
