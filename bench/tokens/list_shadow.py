"""What a station holds, as far as the bench knows: a list with its version, and the messages whose fate is open.

Pure: what was sent, answered and read back goes in. :mod:`bench.tokens.list_keep` keeps it over a restart.
Sources: OCPP 2.0.1 D01, D02; OCPP 1.6 sections 5.10 and 5.15 with errata.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bench.tokens.list_entries import Entry, Key, deletes, key_of
from bench.tokens.model import IdTokenType

NOT_PUSHED = "this bench has not pushed a list to it"
RESTARTED = "messages were under way when the bench ended; its version will tell which were taken"

_TYPES = ("", *(kind.value for kind in IdTokenType))


class Chunk(NamedTuple):
    """One SendLocalList. secret: values in it, folded, that are key codes."""

    version: int
    full: bool
    entries: list[Entry]
    secret: tuple[str, ...] = ()


class Shadow:
    """The list of one station.

    old: it speaks OCPP 1.6. entries: what it holds, by key. version: of those entries as GetLocalListVersion tells it, None where
    nothing is known. why_unknown: why what it holds is not known, in words; empty where it is. pending: messages whose fate is
    open, each to be taken after the one before: the one under way, without an answer, or accepted although the version did not
    move; after a restart all that may have been sent. honours_expiry: whether the station said that it honours an expiry in its
    list. revision: grows with every change.
    """

    def __init__(self, old: bool) -> None:
        self.old = old
        self.entries: dict[Key, Entry] = {}
        self.secret: set[str] = set()
        self.version: int | None = None
        self.why_unknown = NOT_PUSHED
        self.pending: list[Chunk] = []
        self.honours_expiry: bool | None = None
        self.revision = 0

    @property
    def known(self) -> bool:
        return self.version is not None and not self.why_unknown

    @property
    def values(self) -> Collection[str]:
        """The values it holds, folded, whatever their type; changes with the list."""
        return _Values(self.entries)

    @property
    def highest(self) -> int:
        """The highest version that it has, or may still come to have."""
        return max(self.version or 0, *(chunk.version for chunk in self.pending), 0)

    def send(self, chunk: Chunk) -> None:
        """That message is about to be sent."""
        self.pending = [chunk]
        self.revision += 1

    def refused(self) -> None:
        """The station did not take it: its list stays as it was (D01.FR.02)."""
        self.pending = []
        self.revision += 1

    def doubt(self, why: str) -> None:
        """What it holds is not known until its version is read."""
        self.why_unknown = why
        self.revision += 1

    def forget(self, why: str) -> None:
        """What it holds is not known, and its version cannot tell: only a full list helps."""
        self.entries = {}
        self.secret = set()
        self.version, self.pending = None, []
        self.doubt(why)

    def settle(self) -> None:
        """The connection on which the open messages went is over: what was not taken until now will not be."""
        if self.known and self.pending:
            self.pending = []
            self.revision += 1

    def told(self, number: int) -> int:
        """The station told its version. How many of the open messages turned out to be taken."""
        count = self._taken(number)
        if count:
            self._apply(count, number)
            return count
        if self.old and number == 0:  # section 5.10: the list is empty
            if not self.known or self.entries:
                self._become({}, set(), 0)
        elif number < 1:
            self.doubt(f"it says version {number}: its list is not there, or switched off")
        elif number != self.version:
            if self.version is None:
                self.forget(self.why_unknown or NOT_PUSHED)
            else:
                self.forget(f"its list has version {number}, {self.version} was expected: somebody else changed it")
        elif self.why_unknown:
            self.doubt("")
        return 0

    def restore(
        self, chunks: Iterable[Chunk], version: int | None, why_unknown: str, pending: Sequence[Chunk] = ()
    ) -> None:
        """Take over what an earlier run kept: the messages that were taken, oldest first, and those that were open at its end."""
        self.entries, self.secret = {}, set()
        for chunk in chunks:
            self._merge(chunk)
        self.version, self.pending = version, list(pending)
        self.doubt(RESTARTED if pending else why_unknown)

    def snapshot(self, size: int) -> Iterator[Chunk]:
        """The list as messages of so many entries that would make it."""
        entries = list(self.entries.values())
        for at in range(0, len(entries), size):
            some = entries[at : at + size]
            yield Chunk(self.version or 0, at == 0, some, tuple(self.secret & {key_of(entry)[0] for entry in some}))

    def _taken(self, number: int) -> int:
        """How many of the open messages a station has taken that tells this version; 1.6 tells 0 of a list that it emptied."""
        for count, chunk in enumerate(self.pending, 1):
            if number == chunk.version:
                return count
        emptied = self.old and number == 0 and self.pending and not self._after(self.pending)
        return len(self.pending) if emptied else 0

    def _after(self, chunks: Iterable[Chunk]) -> set[Key]:
        """What would be in the list after these messages."""
        keys = set(self.entries)
        for chunk in chunks:
            if chunk.full:
                keys = set()
            for entry in chunk.entries:
                (keys.discard if deletes(entry) else keys.add)(key_of(entry))
        return keys

    def _apply(self, count: int, number: int) -> None:
        if not self.pending[0].full and self.version is None:
            # A change of nobody knows what.
            return self.forget(self.why_unknown or NOT_PUSHED)
        for chunk in self.pending[:count]:
            self._merge(chunk)
        self.version, self.pending = number, self.pending[count:]
        self.doubt("")
        return None

    def _merge(self, chunk: Chunk) -> None:
        if chunk.full:
            self.entries, self.secret = {}, set()
        self.secret.update(chunk.secret)
        for entry in chunk.entries:
            if deletes(entry):
                self.entries.pop(key_of(entry), None)
            else:
                self.entries[key_of(entry)] = entry

    def _become(self, entries: dict[Key, Entry], secret: set[str], number: int) -> None:
        self.entries, self.secret, self.version = entries, secret, number
        self.doubt("")


class _Values(Collection[str]):
    """The values of a list."""

    def __init__(self, entries: Mapping[Key, Entry]) -> None:
        self._entries = entries

    def __contains__(self, value: object) -> bool:
        return any((value, kind) in self._entries for kind in _TYPES)

    def __iter__(self) -> Iterator[str]:
        return (value for value, _ in self._entries)

    def __len__(self) -> int:
        return len(self._entries)
