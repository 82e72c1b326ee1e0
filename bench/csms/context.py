"""What the answers to a station's calls need besides the call: who decides, what is known, which starts were remote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.clock import NS_PER_S, Clock, iso_datetime, iso_utc
from bench.csms.authority import Authority
from bench.csms.contract import NO_TRUST, ContractTrust
from bench.csms.effects import Noticed
from bench.csms.reports import Reports
from bench.message import Message
from bench.station import Station
from bench.tokens.model import Ask, Decision, IdTokenType

MAX_ACCEPTED = 20_000
MAX_REMOTE_STARTS = 32
MAX_STARTS = 64
GRACE_16_NS = 60 * NS_PER_S
REMOTE_START_LIFE_NS = 600 * NS_PER_S  # longer than any ConnectionTimeOut in use
MAX_TRANSACTION_ID = 2**31 - 1

# OCPP 2.0.1 C02, C05: the station must not keep these in its cache.
_NEVER_CACHED = frozenset({IdTokenType.CENTRAL, IdTokenType.NO_AUTHORIZATION})

Payload = Mapping[str, Any]
Answer = dict[str, Any]


class RemoteStarts:
    """Remote starts of ours that a transaction may still follow: by start id (2.0.1) or by idTag (1.6)."""

    def __init__(self) -> None:
        self._waiting: dict[int | str, tuple[int, str]] = {}

    def asked(self, payload: Payload, mono_ns: int) -> None:
        """We sent RequestStartTransaction or RemoteStartTransaction with that payload."""
        key = self._key(payload)
        if key is None:
            return
        id_token = payload.get("idToken")
        value = id_token.get("idToken") if isinstance(id_token, Mapping) else payload.get("idTag")
        self._waiting[key] = mono_ns, str(value).casefold()
        if len(self._waiting) > MAX_REMOTE_STARTS:
            del self._waiting[next(iter(self._waiting))]

    def refused(self, payload: Payload) -> None:
        """The station did not accept it."""
        key = self._key(payload)
        if key is not None:
            self._waiting.pop(key, None)

    def has(self, start_id: object, value: str, mono_ns: int) -> bool:
        """2.0.1: the id is ours, of late, and was sent with that token. It stays: a first event may be sent again."""
        found = self._waiting.get(start_id) if isinstance(start_id, int) else None
        return found is not None and found[1] == value.casefold() and mono_ns - found[0] <= REMOTE_START_LIFE_NS

    def take_tag(self, id_tag: str, mono_ns: int) -> bool:
        """1.6: that idTag was started remotely a short while ago. True once: the next start with it is a card."""
        asked = self._waiting.pop(id_tag.casefold(), None)
        return asked is not None and mono_ns - asked[0] <= REMOTE_START_LIFE_NS

    @staticmethod
    def _key(payload: Payload) -> int | str | None:
        start_id, id_tag = payload.get("remoteStartId"), payload.get("idTag")
        if isinstance(start_id, int):
            return start_id
        return id_tag.casefold() if isinstance(id_tag, str) else None


@dataclass(slots=True)
class Memory:
    """What must outlive a connection: a station sends again, on its next one, what was not answered.

    starts: 1.6 StartTransaction -> (transactionId, whether it was a remote start of ours). reports: of its device model, 2.x.
    """

    remote_starts: RemoteStarts = field(default_factory=RemoteStarts)
    starts: dict[tuple[object, ...], tuple[int, bool]] = field(default_factory=dict)
    last_transaction: int = 0
    reports: Reports = field(default_factory=Reports)


@dataclass(slots=True)
class Context:
    """One connection's context.

    contract_trust: whom contract certificates must come from.
    """

    station: Station
    authority: Authority
    heartbeat_s: int
    clock: Clock
    memory: Memory = field(default_factory=Memory)
    contract_trust: ContractTrust = NO_TRUST
    notices: list[Noticed] = field(default_factory=list)

    @property
    def remote_starts(self) -> RemoteStarts:
        return self.memory.remote_starts

    def now(self) -> str:
        return iso_utc(self.clock.stamp().utc_ns)

    def kept_until(self, decision: Decision) -> str | None:
        """Until when the station may keep what it is told of the token, as OCPP writes time; None as long as it likes.

        A moment that has come keeps it out of the cache (OCPP 2.0.1 C10.FR.10, FR.13).
        """
        if not decision.may_be_cached:
            return self.now()
        expiry = decision.token.expiry if decision.token is not None else None
        return None if expiry is None else iso_datetime(expiry)

    def kept_until_16(self, decision: Decision) -> str | None:
        """The same as IdTagInfo.expiryDate, which says two things at once: until when it may be kept, and until when it is valid
        (OCPP 1.6 section 7.27).

        There are stations that call an accepted card Expired when that moment has come by their own clock, so an accepted one
        that must not be cached is given :data:`GRACE_16_NS`: too short to be used again, long enough for a clock that is slow.
        """
        if decision.accepted and not decision.may_be_cached:
            soon = self.clock.stamp().utc_ns + GRACE_16_NS
            expiry = decision.token.expiry if decision.token is not None else None
            return iso_utc(soon) if expiry is None else min(iso_utc(soon), iso_datetime(expiry))
        return self.kept_until(decision)

    def notice(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self.notices.append(Noticed(rule, severity, text, cure))

    def told(self, ask: Ask, decision: Decision) -> None:
        """The station is told that decision: remember what it may now hold in its cache."""
        accepted = self.station.accepted
        key = ask.value.casefold()
        if decision.accepted and ask.id_token_type not in _NEVER_CACHED and decision.may_be_cached:
            if len(accepted) < MAX_ACCEPTED:
                accepted.add(key)
        else:
            accepted.discard(key)

    def start(self, start: tuple[object, ...], id_tag: str, mono_ns: int) -> tuple[int, bool]:
        """A 1.6 StartTransaction: its transactionId, and whether it is a remote start of ours.

        Ids are seconds of the Unix epoch counted up, so that those of earlier runs do not come again. start tells one
        StartTransaction from another: a station that sends the same start again, because an answer was lost (OCPP 1.6 section
        3.7.1), gets the same answer, also on its next connection.
        """
        memory = self.memory
        known = memory.starts.get(start)
        if known is not None:
            return known
        newest = max((int(name) for name in self.station.transactions if name.isdecimal()), default=0)
        number = max(self.clock.stamp().utc_ns // NS_PER_S, memory.last_transaction + 1, newest + 1)
        number = number if number <= MAX_TRANSACTION_ID else number % MAX_TRANSACTION_ID + 1
        memory.last_transaction = number
        memory.starts[start] = number, self.remote_starts.take_tag(id_tag, mono_ns)
        if len(memory.starts) > MAX_STARTS:
            del memory.starts[next(iter(memory.starts))]
        return memory.starts[start]


class Asked(NamedTuple):
    """An answer that needs a decision first. answer: makes it of the decision."""

    ask: Ask
    answer: Callable[[Decision], Answer]


Answerer = Callable[[Context, Payload, Message], Answer | Asked]
"""Makes the answer to one action, or asks for the decision that it needs. The payload satisfies the schema, and so must the
answer.
"""


def nothing(context: Context, request: Payload, message: Message) -> Answer:
    """The empty answer of notifications."""
    return {}
