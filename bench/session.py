"""The engine as the window, the HTTP API and the command line see it. (Contract; bodies follow.)"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.answers import CallAnswer, PushReport, Said
from bench.exchange import Exchange, Finding
from bench.journal.log import Journal
from bench.message import Link, Message
from bench.ports import LinkStatus
from bench.settings import Profile
from bench.station import Station
from bench.tokens.model import IdTokenType, JosevTokenType, Token
from bench.tokens.store import TokenStore


class Change(StrEnum):
    """What changed; the key says which one."""

    LINK = "link"  # key: link name
    EXCHANGE = "exchange"  # key: exchange id
    STATION = "station"  # key: station id
    TOKENS = "tokens"  # key: None
    FINDING = "finding"  # key: None
    CARD = "card"  # key: reader name; session.last_card is new


@dataclass(frozen=True, slots=True)
class TapRequest:
    """A card (or what stands for one) to present.

    uid: value, None only for no_authorization. evse_id: a string id; None = by the rule of the Josev API (the only EVSE when
    plugged_in_first, else left out). plugged_in_first: the EV was plugged in before the scan, so the EVSE id must be sent.
    """

    uid: str | None
    token_type: JosevTokenType = JosevTokenType.ISO14443
    evse_id: str | None = None
    plugged_in_first: bool = False


class Session:
    """Wires ports, journal, exchanges and store. All methods on the loop's thread."""

    profile: Profile
    journal: Journal
    store: TokenStore
    exchanges: dict[int, Exchange]  # by id, in order of opening
    stations: dict[str, Station]
    links: dict[str, LinkStatus]  # by name
    findings: deque[Finding]  # newest last, bounded
    last_card: object | None  # bench.card.CardRead of the latest real card

    def subscribe(self, listener: Callable[[Change, object], None]) -> Callable[[], None]:
        """Be told of changes, synchronously and often: coalesce. Returns the unsubscribe function."""
        raise NotImplementedError

    # Taps
    def present(self, tap: TapRequest) -> Exchange:
        """Open an Exchange and publish its request. BadInput for a wrong request; a bus that is down closes it as failed."""
        raise NotImplementedError

    async def wait_closed(self, exchange_id: int, timeout_s: float) -> Exchange:
        """The Exchange once it has a verdict, or as it stands when the time ran out."""
        raise NotImplementedError

    async def enrol(self, exchange_id: int, status: str = "Accepted") -> Token:
        """Put the card of an Exchange into the store with country, party, issuer and contract id of the profile."""
        raise NotImplementedError

    # OCPP. Each raises NotFound (no such station), LinkDown (gone), OperatorError (no answer in time).
    async def call(self, station: str, action: str, payload: Mapping[str, object]) -> CallAnswer:
        raise NotImplementedError

    async def remote_start(
        self, station: str, id_token: str, id_token_type: IdTokenType = IdTokenType.CENTRAL, evse: int | None = 1
    ) -> Said:
        raise NotImplementedError

    async def remote_stop(self, station: str, transaction_id: str) -> Said:
        raise NotImplementedError

    async def push_list(self, station: str, mode: str = "full") -> PushReport:
        raise NotImplementedError

    async def list_version(self, station: str) -> Said:
        raise NotImplementedError

    async def clear_cache(self, station: str) -> Said:
        raise NotImplementedError

    # Operator's own messages
    def inject(self, link: Link, channel: str, raw: bytes) -> Message:
        """Send bytes as they are on the bus (channel = topic) or to a station (channel = its id); marked injected."""
        raise NotImplementedError

    def counters(self) -> dict[str, int]:
        """messages, recorded, malformed, dropped, exchanges."""
        raise NotImplementedError

    def state(self) -> dict[str, object]:
        """The shape of ``GET /bench/v1/state``."""
        raise NotImplementedError

    def answered_by(self, seq: int) -> int | None:
        """Number of the message that answered (or is answered by) this one."""
        raise NotImplementedError

    def exchange_of(self, seq: int) -> int | None:
        raise NotImplementedError
