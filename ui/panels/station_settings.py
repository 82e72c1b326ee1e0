"""A station's authorization settings under their plain names, read together and set one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ui import theme
from ui.widgets import RoleLabel

NAME, VALUE, MEANING = range(3)
MAX_SHOWN = 1000


class Meaning(Protocol):
    """What a setting is: :class:`bench.auth_settings.Setting`."""

    @property
    def name(self) -> str: ...

    @property
    def means(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def unit(self) -> str: ...

    def address(self, version: str) -> str:
        """Where that OCPP version keeps it; empty where it does not know it."""
        ...


class Value(Protocol):
    """What a station said of one: :class:`bench.settings_flow.SettingValue`."""

    @property
    def setting(self) -> Meaning: ...

    @property
    def value(self) -> str | None: ...

    @property
    def status(self) -> str: ...

    @property
    def read_only(self) -> bool: ...


class SettingsTable(QWidget):
    """Empty until read. What the station does not know stands last, with its word for that.

    Signals:
        read_asked: read them all. set_asked: plain name and new value of the selected one.
    """

    read_asked = Signal()
    set_asked = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, Value] = {}
        self._ready = False
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setMinimumHeight(60)
        self.table.setHeaderLabels(["Setting", "Value", "Meaning"])
        self.table.setAccessibleName("Authorization settings of the station")
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setColumnWidth(NAME, 215)
        self.table.setColumnWidth(VALUE, 130)
        self.table.currentItemChanged.connect(lambda now, before: self._chosen())
        self.read_button = QPushButton("Read")
        self.read_button.setToolTip("Read every setting from the station")
        self.read_button.clicked.connect(self.read_asked)
        self.value = QComboBox()
        self.value.setEditable(True)
        self.value.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.value.setFont(theme.mono_font())
        self.value.setAccessibleName("New value of the setting")
        self.value.lineEdit().setMaxLength(MAX_SHOWN)
        self.value.lineEdit().setPlaceholderText("new value")
        self.value.lineEdit().returnPressed.connect(self._set)
        self.unit = RoleLabel("", "muted")
        self.set_button = QPushButton("Set")
        self.set_button.setToolTip("Set the selected one, and read it back")
        self.set_button.clicked.connect(self._set)
        row = QHBoxLayout()
        row.addWidget(self.read_button)
        row.addStretch(1)
        row.addWidget(self.value, 1)
        row.addWidget(self.unit)
        row.addWidget(self.set_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 6)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        self._chosen()

    def set_ready(self, ready: bool) -> None:
        """Whether the station can be asked now."""
        self._ready = ready
        self.read_button.setEnabled(ready)
        self._enable()

    def show_values(self, values: Iterable[Value], version: str) -> None:
        """Show what a station of an OCPP version said; of another station nothing stays."""
        chosen = self.chosen
        self._values = {each.setting.name: each for each in values}
        self.table.clear()
        known = sorted(self._values.values(), key=lambda each: each.value is None)
        for each in known:
            shown = each.status if each.value is None else each.value[:MAX_SHOWN]
            unit = f" {each.setting.unit}" if each.value and each.setting.unit else ""
            name = f"{each.setting.name} (read only)" if each.read_only else each.setting.name
            item = QTreeWidgetItem(self.table, [name, f"{shown}{unit}", each.setting.means])
            item.setData(NAME, Qt.ItemDataRole.UserRole, each.setting.name)
            item.setFont(VALUE, theme.mono_font())
            address = each.setting.address(version)
            item.setToolTip(NAME, address or f"OCPP {version} has no such setting")
            item.setToolTip(VALUE, shown)
            item.setToolTip(MEANING, each.setting.means)
            if each.value is None:
                for at in (NAME, VALUE, MEANING):
                    item.setForeground(at, theme.color("muted"))
            if each.setting.name == chosen:
                self.table.setCurrentItem(item)
        self._chosen()

    @property
    def chosen(self) -> str | None:
        """Plain name of the selected setting."""
        item = self.table.currentItem()
        return None if item is None else str(item.data(NAME, Qt.ItemDataRole.UserRole))

    def _chosen(self) -> None:
        each = self._values.get(self.chosen or "")
        self.value.clear()
        if each is not None and each.setting.kind == "bool":
            self.value.addItems(["true", "false"])
        self.value.setCurrentText("" if each is None else each.value or "")
        self.unit.setText("" if each is None else each.setting.unit)
        self._enable()

    def _enable(self) -> None:
        each = self._values.get(self.chosen or "")
        can = self._ready and each is not None and not each.read_only
        self.value.setEnabled(can)
        self.set_button.setEnabled(can)

    def _set(self) -> None:
        if self.chosen is not None and self.set_button.isEnabled():
            self.set_asked.emit(self.chosen, self.value.currentText())
