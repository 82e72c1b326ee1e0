"""The columns of a file of tokens, each with the field it is taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QHeaderView, QTableWidget, QTableWidgetItem

from bench.exchange import MASK
from bench.tokens.columns import MAPPABLE, UID
from ui import theme
from ui.panels.cells import CellDelegate

WORDS = {
    "uid": "UID",
    "idTokenType": "type (OCPP)",
    "type": "kind (OCPI)",
    "status": "status",
    "valid": "valid (yes or no)",
    "blocked": "blocked (yes or no)",
    "contractId": "contract",
    "countryCode": "country",
    "partyId": "party",
    "issuer": "issuer",
    "visualNumber": "printed number",
    "groupId": "group, parent",
    "languageCode": "language",
    "language2": "second language",
    "cacheMode": "cache mode",
    "expiry": "expiry",
    "evseIds": "EVSEs",
    "chargingPriority": "priority",
    "personalMessage": "message",
    "personalMessageFormat": "format of the message",
    "personalMessageLanguage": "language of the message",
    "note": "note",
    "source": "source",
}
LEFT_OUT = "— left out"


class ColumnTable(QTableWidget):
    """One row a column: its name, a combo of fields, the first value of it.

    Signals:
        chosen: the operator takes a column for another field.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__(0, 3)
        self.setAccessibleName("Columns of the file")
        self.setHorizontalHeaderLabels(["Column", "Taken for", "First value"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setItemDelegate(CellDelegate(self))
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 16)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        self.setColumnWidth(0, 112)
        self.setColumnWidth(1, 142)
        self._columns: tuple[str, ...] = ()

    def show_columns(
        self, columns: Sequence[str], mapping: Mapping[str, str | None], samples: Mapping[str, str]
    ) -> None:
        """Show these; combos that are there already only change where they differ."""
        if tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._rebuild()
        secret = any(value.strip().casefold() == "keycode" for value in samples.values())
        for row, column in enumerate(self._columns):
            field = mapping.get(column)
            box = self.combo(column)
            box.setCurrentIndex(max(0, box.findData(field)))
            sample = MASK if secret and field == UID else samples.get(column, "")
            item = self.item(row, 2)
            item.setText(" ".join(sample.split())[:80])
            item.setToolTip(item.text())

    def combo(self, column: str) -> QComboBox:
        """The fields a column can be taken for."""
        box = self.cellWidget(self._columns.index(column), 1)
        assert isinstance(box, QComboBox)
        return box

    def mapping(self) -> dict[str, str | None]:
        """Column -> field, None for one that is left out."""
        return {column: self.combo(column).currentData() or None for column in self._columns}

    def _rebuild(self) -> None:
        self.setRowCount(0)
        self.setRowCount(len(self._columns))
        for row, column in enumerate(self._columns):
            name = QTableWidgetItem(column)
            name.setToolTip(column)
            name.setFont(theme.mono_font(-0.25))
            sample = QTableWidgetItem("")
            sample.setFont(theme.mono_font(-0.25))
            self.setItem(row, 0, name)
            self.setItem(row, 2, sample)
            box = QComboBox()
            box.setAccessibleName(f"What column {column} is taken for")
            box.addItem(LEFT_OUT, "")
            for field in MAPPABLE:
                box.addItem(WORDS[field], field)
            box.activated.connect(lambda _: self.chosen.emit())
            self.setCellWidget(row, 1, box)
