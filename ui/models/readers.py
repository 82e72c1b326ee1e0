"""The readers of the bench, and the serial ports that none of them uses, as one small table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from bench.ports import LinkState, LinkStatus, Reader
from bench.serial_port import PortInfo
from ui import theme
from ui.models.table import KeptRows

Index = QModelIndex | QPersistentModelIndex

HEADERS = ("Port", "State", "Driver", "What is there")
PORT, STATE, DRIVER, WHAT = range(4)
WORDS = {
    LinkState.OFF: "□ off",
    LinkState.CONNECTING: "◐ waiting",
    LinkState.UP: "● up",
    LinkState.FAULTY: "▲ faulty",
}
ROLES = {LinkState.OFF: "muted", LinkState.CONNECTING: "warn", LinkState.UP: "ok", LinkState.FAULTY: "fail"}


@dataclass(frozen=True, slots=True)
class Row:
    """A reader, or a port without one. reader: its name, or empty. port: the path to open it by. driver: of the reader, or the
    likely one. tip: all that is known.
    """

    port: str
    reader: str
    driver: str
    state: LinkState | None
    what: str
    tip: str

    @property
    def key(self) -> str:
        return self.port

    def text(self, column: int) -> str:
        return (self.port, "free" if self.state is None else WORDS[self.state], self.driver, self.what)[column]


def rows_of(readers: Iterable[Reader], links: Mapping[str, LinkStatus], ports: Iterable[PortInfo]) -> list[Row]:
    """Readers first, in their order; then the free ports, likeliest first."""
    rows = []
    taken = set()
    for reader in readers:
        settings = reader.settings
        status = links.get(f"reader:{reader.name}")
        detail = status.detail if status is not None else ""
        cure = status.cure if status is not None else ""
        taken.add(settings.port)
        state = status.state if status is not None else LinkState.OFF
        tip = "\n".join(part for part in (reader.name, detail, cure) if part)
        rows.append(Row(settings.port, reader.name, settings.driver, state, detail, tip))
    for port in ports:
        if port.path in taken or port.device in taken:
            continue
        what = port.likely or port.description or "unknown device"
        if port.problem:
            what = f"{what}: {port.problem}"
        tip = "\n".join(
            part for part in (port.device, port.description, port.identity, port.problem, port.cure) if part
        )
        rows.append(Row(port.path, "", port.driver and f"{port.driver}?", None, what, tip))
    return rows


class ReaderTableModel(KeptRows[Row]):
    """One row a reader or free port, as they were at the latest :meth:`show`."""

    headers = HEADERS

    # Qt

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.at(index.row())
        if row is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.text(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip
        if role == Qt.ItemDataRole.ForegroundRole:
            if row.state is None:
                return theme.color("muted")
            if index.column() == STATE:
                return theme.color(ROLES[row.state])
        return None
