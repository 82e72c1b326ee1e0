"""The state of a bench as the API tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.ports import LinkStatus, Reader
from bench.station import Station


def state_json(
    links: Mapping[str, LinkStatus],
    stations: Iterable[Station],
    readers: Iterable[Reader],
    counters: Mapping[str, int],
) -> dict[str, object]:
    """The shape of ``GET /bench/v1/state``."""
    return {
        "links": {
            name: {
                "state": str(status.state),
                "detail": status.detail,
                **({"cure": status.cure} if status.cure else {}),
            }
            for name, status in links.items()
        },
        "stations": [
            {
                "id": station.id,
                "version": station.version,
                "boot": station.boot,
                "list_version": station.list_version,
                "connected": station.connected,
            }
            for station in stations
        ],
        "readers": [
            {"name": reader.name, "state": str(status.state), "detail": status.detail}
            for reader in readers
            if (status := links.get(f"reader:{reader.name}")) is not None
        ],
        "counters": counters,
    }
