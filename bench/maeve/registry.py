"""What was registered with this bench: the desks of the MaEVe API and of OCPI on one set of records."""

from __future__ import annotations

from collections.abc import Callable

from bench.change import Change
from bench.maeve.desk import Finding, RegistrationDesk
from bench.maeve.records import Records
from bench.ocpi.desk import OcpiDesk
from bench.settings import EnrolSettings
from bench.stations import StationBoard
from bench.tasks import Tasks


class Registry:
    """stations: charge stations, certificates, locations. ocpi: parties."""

    def __init__(
        self,
        records: Records,
        board: StationBoard,
        names: EnrolSettings,
        tasks: Tasks,
        finding: Finding,
        subscribe: Callable[[Callable[[Change, object], None]], object],
        tell: Callable[[Change, object], None],
    ) -> None:
        self._records = records
        self.stations = RegistrationDesk(records, board, tasks, finding, lambda: tell(Change.REGISTRY, None))
        self.ocpi = OcpiDesk(records, names, lambda: tell(Change.REGISTRY, None))
        subscribe(self.stations.noticed)

    async def open(self) -> None:
        """Load what is kept. Raises StoreError."""
        kept = await self._records.load()
        self.stations.load(kept)
        self.ocpi.load(kept.parties)
