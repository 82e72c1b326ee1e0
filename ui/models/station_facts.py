"""What is known of a station, as names and values for people."""

from __future__ import annotations

from typing import NamedTuple

from bench.clock import NS_PER_S, to_datetime
from bench.csms.certificate_name import fit_in_words
from bench.station import Station

PROFILES = ("0: no security", "1: password", "2: TLS and password", "3: TLS with certificates on both sides")


class Fact(NamedTuple):
    """role: a colour role, empty for the usual one."""

    name: str
    value: str
    role: str = ""


def facts(station: Station, now_utc_ns: int) -> list[Fact]:
    """Everything its BootNotification said, how it connected and proved itself, and when it was last heard of.

    What no station of its OCPP version can tell is left out; what it did not tell reads "not told".
    """
    return [*_identity(station), *_proof(station), *_presence(station, now_utc_ns)]


def copied(shown: list[Fact]) -> str:
    """As text, a line each."""
    wide = max((len(fact.name) for fact in shown), default=0)
    return "\n".join(f"{fact.name + ':':<{wide + 1}} {fact.value}" for fact in shown)


def _identity(station: Station) -> list[Fact]:
    said = station.identity
    told = [
        ("Vendor", station.vendor),
        ("Model", station.model),
        ("Serial number", station.serial_number),
        ("Firmware", station.firmware),
        ("SIM (ICCID)", said.iccid),
        ("Subscriber (IMSI)", said.imsi),
    ]
    if station.version == "1.6":
        told.insert(3, ("Box serial number", said.box_serial_number))
        told += [("Meter", said.meter_type), ("Meter serial number", said.meter_serial_number)]
    else:
        told.append(("Reason of the boot", said.reason))
    boot = Fact("Boot", station.boot or "not yet on this connection", _BOOT_ROLES.get(station.boot, "warn"))
    return [
        Fact("Station", station.id),
        Fact("OCPP", station.version),
        boot,
        *(Fact(name, value or "not told", "" if value else "muted") for name, value in told),
    ]


_BOOT_ROLES = {"Accepted": "ok", "Rejected": "fail"}


def _proof(station: Station) -> list[Fact]:
    level = station.security_profile
    fits, certificate = fit_in_words(station)
    role = {True: "ok", False: "fail", None: "" if station.peer_certificate_cn else "muted"}[fits]
    return [
        Fact("Address", station.peer or "not known"),
        Fact("Security profile", "not known" if level is None else PROFILES[level]),
        Fact("TLS", station.tls or "none", "" if station.tls else "muted"),
        Fact("User", station.user or "none", "" if station.user else "muted"),
        Fact("Certificate name", certificate, role),
    ]


def _presence(station: Station, now_utc_ns: int) -> list[Fact]:
    off = station.offline_since_utc_ns
    up = Fact("Connection", "up", "ok")
    if not station.connected:
        up = Fact("Connection", "off" if off is None else f"off since {_when(off, now_utc_ns)}", "warn")
    return [
        up,
        _heard("Last message", station.last_heard_utc_ns, now_utc_ns),
        _heard("Last heartbeat", station.last_heartbeat_utc_ns, now_utc_ns),
    ]


def _heard(name: str, at_ns: int | None, now_utc_ns: int) -> Fact:
    return Fact(name, "none yet", "muted") if at_ns is None else Fact(name, _when(at_ns, now_utc_ns))


def _when(at_ns: int, now_utc_ns: int) -> str:
    """``14:03:11, 12 s ago``."""
    when = to_datetime(at_ns).astimezone()
    seconds = max(0, (now_utc_ns - at_ns) // NS_PER_S)
    if seconds < 60:
        age = f"{seconds} s"
    elif seconds < 3600:
        age = f"{seconds // 60} min"
    else:
        age = f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{when:%H:%M:%S}, {age} ago" if seconds < 86_400 else f"{when:%Y-%m-%d %H:%M:%S}"
