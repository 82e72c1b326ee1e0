"""What peers do again and again, such as a station that is refused every second: told, but not told a thousand times."""

from __future__ import annotations

from bench.clock import NS_PER_S, stamp

QUIET_S = 60.0
"""A row ends when the same did not happen for so long."""

MAX_ROWS = 1000


class Repeats:
    """Counts in a row, by key. The row that was quiet longest is forgotten first."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], tuple[int, int]] = {}  # count and time, latest last

    def nth(self, *key: str) -> int:
        """How often that happened in a row, with this time: 1 for the first."""
        now = stamp().mono_ns
        count, last = self._rows.pop(key, (0, now))
        count = count + 1 if now - last < QUIET_S * NS_PER_S else 1
        self._rows[key] = count, now
        if len(self._rows) > MAX_ROWS:
            del self._rows[next(iter(self._rows))]
        return count
