"""What is known of a charging station."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from bench.csms.events import MAX_EVENTS, StationEvent

MAX_CONNECTORS = 1_000
MAX_TRANSACTIONS = 256


@dataclass(slots=True)
class ListLimits:
    """What a station states of its local list; None = it did not say.

    items_per_message: 1.6 SendLocalListMaxLength, 2.0.1 LocalAuthListCtrlr.ItemsPerMessage.
    bytes_per_message: 2.0.1 LocalAuthListCtrlr.BytesPerMessage. capacity: 1.6 LocalAuthListMaxLength, 2.0.1 Entries maxLimit.
    honours_expiry: 2.0.1 LocalAuthListCtrlr.SupportsExpiryDateTime. enabled: 1.6 LocalAuthListEnabled, 2.0.1
    LocalAuthListCtrlr.Enabled.
    """

    items_per_message: int | None = None
    bytes_per_message: int | None = None
    capacity: int | None = None
    honours_expiry: bool | None = None
    enabled: bool | None = None


@dataclass(slots=True)
class Transaction:
    """A running transaction: id as the station knows it (1.6: our integer as text).

    id_token_type: empty where it was not told (1.6). authorized: False once the station told that its authorization ended, while
    it waits for the cable to be pulled (2.x).
    """

    id: str
    evse: int | None
    id_token: str
    started_seq: int | None = None
    id_token_type: str = ""
    authorized: bool = True

    def has(self, value: str, id_token_type: str) -> bool:
        """Whether that token authorized it: equal value, ignoring case, and type where both are known (OCPP 2.0.1 C01.FR.25)."""
        same_type = not id_token_type or not self.id_token_type or id_token_type == self.id_token_type
        return same_type and self.id_token.casefold() == value.casefold()


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
    shadow: values, casefolded, of the list that it holds, or None when unknown. connection: number of its connection, from 1.
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
    shadow: Collection[str] | None = None
    connection: int = 0
    accepted: set[str] = field(default_factory=set)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    connectors: dict[str, str] = field(default_factory=dict)
    events: deque[StationEvent] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    last_heard_utc_ns: int | None = None
    last_heartbeat_utc_ns: int | None = None
    offline_since_utc_ns: int | None = None
    revision: int = 0

    @property
    def evses(self) -> set[int]:
        """EVSEs that it told of by StatusNotification; of a 1.6 station its connectors, 0 aside (that is the station itself)."""
        numbers = {name.partition(".")[0] for name in self.connectors}
        return {int(number) for number in numbers if number.isdecimal()} - {0}

    def connector(self, name: str, status: str) -> None:
        """Keep a connector's status; name: ``evse`` or ``evse.connector``."""
        if name in self.connectors or len(self.connectors) < MAX_CONNECTORS:
            self.connectors[name] = status

    def started(self, transaction: Transaction) -> None:
        """Keep a running transaction; the oldest is forgotten where there are too many."""
        self.transactions[transaction.id] = transaction
        if len(self.transactions) > MAX_TRANSACTIONS:
            del self.transactions[next(iter(self.transactions))]
