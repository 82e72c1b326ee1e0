"""What is known of a charging station."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bench.csms.events import MAX_EVENTS, StationEvent


@dataclass(slots=True)
class ListLimits:
    """What a station states of its local list; None = it did not say.

    items_per_message: 1.6 SendLocalListMaxLength, 2.0.1 LocalAuthListCtrlr.ItemsPerMessage.
    bytes_per_message: 2.0.1 LocalAuthListCtrlr.BytesPerMessage. capacity: 1.6 LocalAuthListMaxLength, 2.0.1 Entries maxLimit.
    """

    items_per_message: int | None = None
    bytes_per_message: int | None = None
    capacity: int | None = None


@dataclass(slots=True)
class Transaction:
    """A running transaction: id as the station knows it (1.6: our integer as text)."""

    id: str
    evse: int | None
    id_token: str
    started_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a BootNotification says beside vendor, model, serial number and firmware; empty where it does not.

    reason: of the boot (2.x). box_serial_number: chargeBoxSerialNumber, deprecated (1.6). iccid, imsi: of the modem's SIM card.
    """

    reason: str = ""
    box_serial_number: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""


@dataclass(slots=True)
class Station:
    """One station, connected or remembered.

    version: negotiated OCPP version. boot: what our BootNotification answer said, or None before it.
    identity: the rest of what its BootNotification said. events: what it reported, newest last.
    security_profile: in force on its connection (0 to 3), None = not known. tls: ``TLSv1.3``, empty without.
    last_heard_utc_ns: its latest message. offline_since_utc_ns: when its connection ended, None while it is up.
    list_version: as last read back or pushed; None = never asked, -1 = not supported (1.6).
    shadow: token keys (value casefolded) of the list we pushed, or None when unknown.
    accepted: values this station was told are accepted (it may hold them in its cache).
    peer_certificate_cn: the common name in the certificate it showed (security profile 3), or None.
    connectors: ``evse`` or ``evse.connector`` -> status word.
    """

    id: str
    version: str
    connected: bool = True
    peer: str = ""
    user: str | None = None
    peer_certificate_cn: str | None = None
    boot: str | None = None
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware: str = ""
    identity: Identity = Identity()
    security_profile: int | None = None
    tls: str = ""
    list_version: int | None = None
    limits: ListLimits = field(default_factory=ListLimits)
    shadow: set[str] | None = None
    accepted: set[str] = field(default_factory=set)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    connectors: dict[str, str] = field(default_factory=dict)
    events: deque[StationEvent] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    last_heard_utc_ns: int | None = None
    last_heartbeat_utc_ns: int | None = None
    offline_since_utc_ns: int | None = None
    revision: int = 0
