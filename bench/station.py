"""What is known of a charging station."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_CONNECTORS = 1_000
MAX_TRANSACTIONS = 256


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


@dataclass(slots=True)
class Station:
    """One station, connected or remembered.

    version: negotiated OCPP version. boot: what our BootNotification answer said, or None before it.
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
    list_version: int | None = None
    limits: ListLimits = field(default_factory=ListLimits)
    shadow: set[str] | None = None
    accepted: set[str] = field(default_factory=set)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    connectors: dict[str, str] = field(default_factory=dict)
    last_heartbeat_utc_ns: int | None = None
    revision: int = 0

    def connector(self, name: str, status: str) -> None:
        """Keep a connector's status; name: ``evse`` or ``evse.connector``."""
        if name in self.connectors or len(self.connectors) < MAX_CONNECTORS:
            self.connectors[name] = status

    def started(self, transaction: Transaction) -> None:
        """Keep a running transaction; the oldest is forgotten where there are too many."""
        self.transactions[transaction.id] = transaction
        if len(self.transactions) > MAX_TRANSACTIONS:
            del self.transactions[next(iter(self.transactions))]
