"""What waits in the proxy: released, edited and released, or dropped by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import orjson
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bench.clock import NS_PER_S, Clock
from bench.errors import OperatorError
from bench.masking import hide
from bench.proxy import Waiting
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import edit
from ui import theme
from ui.models.texts import TextRow, TextTable
from ui.panels.cells import make_table, set_widths
from ui.panels.json_field import JsonField
from ui.widgets import RoleLabel, mark

HEADERS = ("#", "Station", "Said by", "Message", "Waits", "Until")
SAMPLES = ("10000", "CP-0001", "station", "TransactionEvent an", "100 s", "")
MAX_ROWS = 500
KINDS = {"CALLRESULT": "answer", "CALLERROR": "refusal"}


class WaitingList(QWidget):
    """One row a message that waits, of all stations, the oldest of each first.

    Signals:
        picked: number of the message that was picked. refused: what could not be done, in words.
    """

    picked = Signal(int)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk: ProxyDesk | None = None
        self.count = 0
        self.model = TextTable(HEADERS, self)
        self.table = make_table("Messages that wait")
        self.table.setModel(self.model)
        set_widths(self.table, SAMPLES)
        self.table.setMinimumHeight(60)
        self.table.selectionModel().currentRowChanged.connect(lambda now, before: self._offer())
        self.table.clicked.connect(lambda index: self._pick())
        theme.on_change(self.table.viewport().update)
        self.hint = RoleLabel("Nothing waits. A rule that holds or delays fills this list.", "muted", wrap=True)
        self.release_button = mark(self._button("Release", self.release, "Let it go its way (Enter)"), "primary")
        self.edit_button = self._button("Edit and release…", self.edit, "Let it go with another payload (Shift+Enter)")
        self.drop_button = self._button("Drop", self.drop, "It reaches nobody (Del)")
        for keys, slot in (("Return", self.release), ("Shift+Return", self.edit), ("Del", self.drop)):
            shortcut = QShortcut(QKeySequence(keys), self.table, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        row = QHBoxLayout()
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(6)
        for button in (self.release_button, self.edit_button, self.drop_button):
            row.addWidget(button)
        row.addWidget(self.hint, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        self._offer()

    def show_waiting(self, clock: Clock) -> None:
        """Take in what waits now."""
        if self.desk is None:
            return
        desk, now_ns = self.desk, clock.stamp().mono_ns
        found = [(station, one) for station in desk.stations for one in desk.waiting(station)]
        self.count = len(found)
        chosen = self.table.currentIndex().row()
        key = self.model.key_at(chosen)
        self.model.show([_row(station, one, now_ns) for station, one in islice(found, MAX_ROWS)])
        row = self.model.row_of(key) if key is not None else None
        if self.model.rowCount() and (row is None or row != self.table.currentIndex().row()):
            self.table.selectRow(row if row is not None else min(max(chosen, 0), self.model.rowCount() - 1))
        self.hint.setVisible(not found)
        self._offer()

    # What is done

    def release(self) -> None:
        self._do(lambda desk, station, one: desk.release(station, one.seq))

    def drop(self) -> None:
        self._do(lambda desk, station, one: desk.drop(station, one.seq))

    def edit(self) -> None:
        """Open the editor of its payload."""
        found = self._chosen()
        if found is not None and self.desk is not None and _payload(found[1]) is not None:
            ReleaseForm(self.desk, *found, parent=self).show()

    # Inside

    def _do(self, deed: Callable[[ProxyDesk, str, Waiting], None]) -> None:
        found = self._chosen()
        if found is None or self.desk is None:
            return
        try:
            deed(self.desk, *found)
        except OperatorError as error:
            self.refused.emit(str(error))

    def _pick(self) -> None:
        found = self._chosen()
        if found is not None:
            self.picked.emit(found[1].seq)

    def _chosen(self) -> tuple[str, Waiting] | None:
        key = self.model.key_at(self.table.currentIndex().row())
        if self.desk is None or not isinstance(key, tuple):
            return None
        station, seq = key
        if station not in self.desk.stations:
            return None
        return next(((station, one) for one in self.desk.waiting(station) if one.seq == seq), None)

    def _offer(self) -> None:
        found = self._chosen()
        self.release_button.setEnabled(found is not None)
        self.drop_button.setEnabled(found is not None)
        self.edit_button.setEnabled(found is not None and _payload(found[1]) is not None)

    @staticmethod
    def _button(text: str, slot: Callable[[], None], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(text.rstrip("…"))
        button.clicked.connect(lambda checked=False: slot())
        return button


class ReleaseForm(QDialog):
    """The payload of a message that waits; Release lets it go as edited. Not modal; judged by its schema while typing."""

    def __init__(self, desk: ProxyDesk, station: str, waiting: Waiting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._station = station
        self._waiting = waiting
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.setWindowTitle(f"Edit and release #{waiting.seq} of {station}")
        self.resize(560, 460)
        self.json = JsonField("Payload to release", self._complaints)
        self.json.show_value(_payload(waiting) or {})
        self.problem = RoleLabel("", "fail", wrap=True)
        self.problem.setAccessibleName("Why it was not released")
        self.release_button = mark(QPushButton("Release"), "primary")
        self.release_button.setToolTip("Ctrl+Enter")
        self.release_button.clicked.connect(self.release)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self.release)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.release_button)
        layout = QVBoxLayout(self)
        layout.addWidget(
            RoleLabel(
                f"{_name(waiting)}, said by the {waiting.side}. It is passed on as written here.", "muted", wrap=True
            )
        )
        layout.addWidget(self.json, 1)
        layout.addWidget(self.problem)
        layout.addLayout(buttons)

    def release(self) -> None:
        """Let it go as written; what does not parse, or is gone meanwhile, is said."""
        payload = self.json.judge()
        if payload is None:
            self.json.setFocus()
            return
        try:
            self._desk.release(self._station, self._waiting.seq, payload=payload)
        except OperatorError as error:
            self.problem.setText(f"✖ not released: {error}")
            return
        self.close()

    def _complaints(self, payload: dict[str, Any]) -> list[str]:
        """What the schema says of it."""
        if self._station not in self._desk.stations:
            return ["the station has left: this message reaches nobody any more"]
        data = edit(self._waiting.data, payload=payload)
        message = self._desk.reread(self._station, self._waiting.message, data)
        return [
            hide(f"{fault.where + ': ' if fault.where else ''}{fault.text}", message)
            for fault in message.decoded.faults
        ]


def _name(waiting: Waiting) -> str:
    decoded = waiting.message.decoded
    return f"{decoded.name} {KINDS.get(decoded.kind, '')}".strip() or "a message that cannot be read"


def _payload(waiting: Waiting) -> dict[str, Any] | None:
    """Its payload, None where it has none to edit."""
    if waiting.message.decoded.kind not in ("CALL", "CALLRESULT"):
        return None
    payload = orjson.loads(waiting.data)[-1]
    return payload if isinstance(payload, dict) else None


def _row(station: str, waiting: Waiting, now_ns: int) -> TextRow:
    waits = f"{(now_ns - waiting.message.mono_ns) / NS_PER_S:.0f} s"
    if waiting.held:
        until = "released"
    elif waiting.due_ns > now_ns:
        until = f"in {(waiting.due_ns - now_ns) / NS_PER_S:.0f} s"
    else:
        until = "its turn"
    texts = (str(waiting.seq), station, str(waiting.side), _name(waiting), waits, until)
    return TextRow((station, waiting.seq), texts, "warn" if waiting.held else None)
