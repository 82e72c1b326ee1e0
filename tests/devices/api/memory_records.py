"""What was registered, kept in memory, and a board whose stations answer as told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.answers import CallAnswer
from bench.change import Change
from bench.maeve.model import ChargeStation
from bench.maeve.records import Kept
from bench.maeve.registry import Registry
from bench.ocpi.model import Party
from bench.settings import EnrolSettings
from bench.station import Station
from bench.tasks import Tasks


class MemoryRecords:
    """refuse: what every write raises."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.refuse: Exception | None = None

    async def load(self) -> Kept:
        return self.kept

    async def keep_station(self, station: ChargeStation) -> None:
        await self._written()

    async def keep_certificate(self, hash_: str, pem: str) -> None:
        await self._written()

    async def drop_certificate(self, hash_: str) -> None:
        await self._written()

    async def keep_location(self, id_: str, body: Mapping[str, Any]) -> None:
        await self._written()

    async def keep_party(self, party: Party) -> None:
        await self._written()

    async def drop_party(self, id_: str) -> None:
        await self._written()

    async def _written(self) -> None:
        await asyncio.sleep(0)
        if self.refuse is not None:
            raise self.refuse


@dataclass
class FakeBoard:
    """calls: what was asked; called: something was. answers: by action, a payload or what is raised; else Accepted."""

    stations: dict[str, Station] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Mapping[str, object] | Exception] = field(default_factory=dict)
    admission: Any = None
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, station: str, action: str, payload: Mapping[str, object]) -> CallAnswer:
        self.calls.append((station, action, dict(payload)))
        self.called.set()
        await asyncio.sleep(0)
        answer = self.answers.get(action, {"status": "Accepted"})
        if isinstance(answer, Exception):
            raise answer
        return CallAnswer(action, answer)


@dataclass
class RegistryBook:
    """A registry on such parts. findings: rule and text. changes: that it told."""

    board: FakeBoard = field(default_factory=FakeBoard)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    tasks: Tasks = field(default_factory=Tasks)
    findings: list[tuple[str, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(
            self.records,
            self.board,  # type: ignore[arg-type]
            EnrolSettings(),
            self.tasks,
            lambda rule, severity, text, cure: self.findings.append((rule, text)),
            lambda listener: None,
            lambda change, key: self.changes.append(change),
        )
