"""What a station reported, as a table: one row an event, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.clock import iso_utc, to_datetime
from bench.csms.events import EventKind, StationEvent
from bench.exchange import Severity
from ui import theme
from ui.models.table import RowModel

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    SEQ = 0
    TIME = 1
    KIND = 2
    WHAT = 3
    VALUE = 4
    DETAIL = 5


HEADERS = ("#", "Time", "Kind", "What", "Value", "Detail")
# What a typical cell holds: widths come from these, never from the live rows.
SAMPLES = ("120433", "12:03:11", "⚠ security", "TamperDetectionActivated", "Unavailable", "")
_SIGNS = {Severity.INFO: "·", Severity.WARN: "⚠", Severity.FAIL: "✖"}
_ROLES = {Severity.WARN: "warn", Severity.FAIL: "fail"}


class StationEventsModel(RowModel):
    """Mirrors a station's events, bounded as they are there: rows only come at the end and go at the top."""

    headers = HEADERS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._events: list[StationEvent] = []

    def show(self, events: Sequence[StationEvent], kind: EventKind | None = None) -> bool:
        """Take over the events of that kind (None: all); returns whether rows came or went."""
        fresh = [event for event in events if kind in (None, event.kind)]
        known = self._events
        gone = _gone(known, fresh)
        if gone is None:
            self.beginResetModel()
            self._events = fresh
            self.endResetModel()
            return True
        if gone:
            self.beginRemoveRows(QModelIndex(), 0, gone - 1)
            del known[:gone]
            self.endRemoveRows()
        count = len(fresh) - len(known)
        if count:
            self.beginInsertRows(QModelIndex(), len(known), len(fresh) - 1)
            known.extend(fresh[len(known) :])
            self.endInsertRows()
        return bool(gone or count)

    def event_at(self, row: int) -> StationEvent | None:
        return self._events[row] if 0 <= row < len(self._events) else None

    # Qt

    def count(self) -> int:
        return len(self._events)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        event = self.event_at(index.row()) if index.isValid() else None
        if event is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(event, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{iso_utc(event.utc_ns)}\n{event.action}\n" + " · ".join(
                part for part in (event.what, event.value, event.detail) if part
            )
        if role == Qt.ItemDataRole.ForegroundRole:
            if index.column() == Column.KIND and event.severity in _ROLES:
                return theme.color(_ROLES[event.severity])
            return theme.color("muted") if index.column() in (Column.SEQ, Column.TIME, Column.DETAIL) else None
        return None


def _gone(known: list[StationEvent], fresh: list[StationEvent]) -> int | None:
    """How many rows went at the top, where all others are still there; None where the two have nothing to do with each other."""
    if not known:
        return 0
    if not fresh:
        return None
    gone = next((at for at, event in enumerate(known) if event is fresh[0]), None)
    if gone is None or len(known) - gone > len(fresh):
        return None
    return gone if all(one is other for one, other in zip(known[gone:], fresh, strict=False)) else None


def _text(event: StationEvent, column: int) -> str:
    if column == Column.SEQ:
        return str(event.seq)
    if column == Column.TIME:
        return f"{to_datetime(event.utc_ns).astimezone():%H:%M:%S}"
    if column == Column.KIND:
        return f"{_SIGNS[event.severity]} {event.kind}"
    return {Column.WHAT: event.what, Column.VALUE: event.value}.get(Column(column), event.detail)
