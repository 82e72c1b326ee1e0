"""The device model as a station reports it in parts: GetBaseReport, then NotifyReport until ``tbc`` is false (OCPP 2.0.1 B07)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_ENTRIES = 20_000
MAX_REPORTS = 4
"""Reports of one station that are waited for at a time; the oldest is given up."""


@dataclass(slots=True)
class Report:
    """One report under way. entries: reportData so far, at most :data:`MAX_ENTRIES`. cut: there were more. missing: parts that did
    not come (a gap in seqNo). complete: the last part came.
    """

    ended: Callable[[], None]
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    parts: int = 0
    cut: bool = False
    complete: bool = False
    missing: bool = False


class Reports:
    """Reports asked of one station, by requestId."""

    def __init__(self) -> None:
        self._open: dict[int, Report] = {}
        self._last = 0

    def expect(self, ended: Callable[[], None]) -> tuple[int, Report]:
        """A request id to ask with, and the report that gathers what comes; ``ended`` is called with its last part."""
        self._last += 1
        report = self._open[self._last] = Report(ended)
        if len(self._open) > MAX_REPORTS:
            del self._open[next(iter(self._open))]
        return self._last, report

    def forget(self, request_id: int) -> None:
        """What still comes of it is not gathered."""
        self._open.pop(request_id, None)

    def heard(self, notified: Mapping[str, Any]) -> None:
        """A NotifyReport, valid by its schema. One that nobody asked for is left to the journal."""
        request_id = notified["requestId"]
        report = self._open.get(request_id)
        if report is None:
            return
        report.missing = report.missing or notified["seqNo"] != report.parts
        report.parts += 1
        room = MAX_ENTRIES - len(report.entries)
        data = notified.get("reportData", ())
        report.cut = report.cut or len(data) > room
        report.entries.extend(data[:room])
        if not notified.get("tbc", False):
            report.complete = True
            self.forget(request_id)
            report.ended()
