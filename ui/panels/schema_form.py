"""A payload as a form made from its schema: a row a field, required ones first, what is wrong beside the field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from bench.codecs.ocpp_forms import Field, Kind, minimal
from bench.message import Fault
from ui import theme
from ui.panels.schema_form_editors import Editor, make_editor
from ui.panels.schema_form_values import ABSENT, Path, compact, put_at, suits, value_at, veil
from ui.widgets import ElidedLabel, RoleLabel, mark

MAX_ELEMENTS = 40
"""Elements of one array in the form; those after it are edited as JSON."""

MAX_STRANGERS = 20
OPEN_LEVELS = 3
"""Levels of required objects that are open at first."""

NAME, VALUE, SAID = range(3)
_UNKNOWN = "not in the schema"


@dataclass(slots=True)
class _Row:
    """One row. field: as the schema has it. filled: whether the rows below it are made."""

    item: QTreeWidgetItem
    field: Field
    editor: Editor | None = None
    said: ElidedLabel | None = None
    filled: bool = False


class SchemaForm(QTreeWidget):
    """Objects and arrays fold. The payload is the form's own copy; :attr:`payload` is never to be changed from outside.

    Signals:
        edited: the operator changed the payload.
    """

    edited = Signal()

    def __init__(self, now: Callable[[], str], parent: QWidget | None = None) -> None:
        """now: the time as RFC 3339."""
        super().__init__(parent)
        self.payload: dict[str, Any] = {}
        self._now = now
        self._root = Field("", Kind.OBJECT)
        self._rows: dict[Path, _Row] = {}
        self._open: dict[Path, bool] = {}
        self._faults: dict[str, str] = {}
        self.setColumnCount(3)
        self.setHeaderLabels(["Field", "Value", "Limits and faults"])
        self.setAccessibleName("The call as a form")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIndentation(14)
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(NAME, 160)
        header.resizeSection(VALUE, 175)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.itemExpanded.connect(self._expanded)
        self.itemCollapsed.connect(lambda item: self._remember(item, False))
        theme.on_change(self.viewport().update)

    # What the panel uses

    def show_form(self, root: Field, payload: dict[str, Any]) -> None:
        """Another action: fold as at first."""
        self._root = root
        self._open.clear()
        self.payload = json.loads(compact(payload))
        self._rebuild()

    def set_payload(self, payload: dict[str, Any]) -> None:
        """Show what was edited elsewhere; what was open stays open."""
        if compact(payload) != compact(self.payload):
            self.payload = json.loads(compact(payload))
            self._rebuild()

    def show_faults(self, faults: Iterable[Fault]) -> None:
        """Tell each fault beside its field, or beside the folded one that holds it."""
        self._faults = {}
        for fault in faults:
            self._faults.setdefault(fault.where, fault.text)
        for path in self._rows:
            self._tell(path)

    def row_of(self, path: Path) -> QTreeWidgetItem | None:
        """The row of a field, if it is made."""
        row = self._rows.get(path)
        return None if row is None else row.item

    def editor_of(self, path: Path) -> Editor | None:
        row = self._rows.get(path)
        return None if row is None else row.editor

    def said_of(self, path: Path) -> str:
        """What is told beside a field."""
        row = self._rows.get(path)
        return "" if row is None or row.said is None else row.said.whole_text()

    def add(self, path: Path) -> None:
        """Add an optional field, or the element after an array's last; with what the schema wants in it at least."""
        field = self._field_at(path)
        put_at(self.payload, path, minimal(field, self._now()))
        self._open[path] = True
        self._restructured(path)

    def remove(self, path: Path) -> None:
        """Take a field or an element away."""
        put_at(self.payload, path, ABSENT)
        # Elements move up; what was open below the removed one is no longer known by its number.
        holder = path[:-1]
        self._open = {
            each: state
            for each, state in self._open.items()
            if len(each) <= len(holder) or each[: len(holder)] != holder
        }
        self._restructured(holder)

    # Building

    def _field_at(self, path: Path) -> Field:
        field = self._root
        for part in path:
            field = field.child(part) or Field(str(part), Kind.ANY)
        return field

    def _rebuild(self) -> None:
        scrolled = self.verticalScrollBar().value()
        self.setUpdatesEnabled(False)
        self.clear()
        self._rows.clear()
        self._fill(self.invisibleRootItem(), self._root, ())
        self._mask()
        self.setUpdatesEnabled(True)
        self.verticalScrollBar().setValue(scrolled)

    def _restructured(self, focus: Path) -> None:
        self._rebuild()
        row = self._rows.get(focus)
        if row is not None:
            self.scrollToItem(row.item)
            (row.editor or self).setFocus()
            if row.editor is None:
                self.setCurrentItem(row.item)
        self.edited.emit()

    def _fill(self, parent: QTreeWidgetItem, field: Field, path: Path) -> None:
        """Make the rows of an object's fields or an array's elements."""
        value = value_at(self.payload, path)
        if isinstance(value, list):
            self._fill_array(parent, field, path, value)
            return
        known = {each.name for each in field.fields}
        absent = []
        for each in field.fields:
            present = each.name in value
            if present or each.required or each.kind is Kind.BOOLEAN:
                self._add_row(parent, each, (*path, each.name))
            else:
                absent.append(each)
        strangers = [name for name in value if name not in known]
        for name in strangers[:MAX_STRANGERS]:
            self._add_row(parent, Field(name, Kind.ANY), (*path, name))
        if absent:
            self._add_button(parent, path, absent)

    def _fill_array(self, parent: QTreeWidgetItem, field: Field, path: Path, value: list[Any]) -> None:
        item = field.item or Field("", Kind.ANY)
        for at in range(min(len(value), MAX_ELEMENTS)):
            self._add_row(parent, item, (*path, at))
        if len(value) > MAX_ELEMENTS:
            more = QTreeWidgetItem(parent, [f"{len(value) - MAX_ELEMENTS:,} more", "edit them as JSON"])
            more.setFirstColumnSpanned(True)
        elif field.limits.max_items is None or len(value) < field.limits.max_items:
            button = mark(QPushButton("+ Add element"), "flat")
            button.setAccessibleName(f"Add an element to {path_text(path)}")
            button.clicked.connect(lambda: self.add((*path, len(value))))
            self._put(QTreeWidgetItem(parent), NAME, button)

    def _add_row(self, parent: QTreeWidgetItem, field: Field, path: Path) -> None:
        name = f"[{path[-1]}]" if isinstance(path[-1], int) else str(path[-1])
        in_array = isinstance(path[-1], int)
        marked = field.required and not in_array
        item = QTreeWidgetItem(parent, [f"{name} *" if marked else name])
        item.setData(NAME, Qt.ItemDataRole.UserRole, path)
        item.setToolTip(NAME, field.description or name)
        item.setFont(NAME, theme.ui_font(bold=marked))
        row = self._rows[path] = _Row(item, field)
        value = value_at(self.payload, path)
        removable = value is not ABSENT and (in_array or (not field.required and field.kind is not Kind.BOOLEAN))
        row.said = ElidedLabel("", "muted")
        self._put(item, SAID, _inset(row.said))
        spoken = f"{path_text(path)}, required" if marked else path_text(path)
        if field.kind in (Kind.OBJECT, Kind.ARRAY) and suits(field, value):
            self._put(item, VALUE, self._folded(field, path, value, removable))
            if value is not ABSENT:
                item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
                if self._open.get(path, field.required and len(path) <= OPEN_LEVELS):
                    item.setExpanded(True)
        else:
            row.editor = make_editor(field, value, spoken, self._now)
            row.editor.changed.connect(lambda now, path=path: self._changed(path, now))
            self._put(item, VALUE, _beside(row.editor, self._remover(path)) if removable else row.editor)
        self._tell(path)

    def _folded(self, field: Field, path: Path, value: Any, removable: bool) -> QWidget:
        """What stands in the row of an object or an array."""
        if value is ABSENT:
            button = mark(QPushButton("+ Add"), "flat")
            button.setAccessibleName(f"Add {path_text(path)}")
            button.clicked.connect(lambda: self.add(path))
            return button
        word = "element" if isinstance(value, list) else "field"
        label = RoleLabel(f"{len(value)} {word}{'' if len(value) == 1 else 's'}", "muted")
        label.setContentsMargins(8, 0, 0, 0)
        return _beside(label, self._remover(path)) if removable else label

    def _remover(self, path: Path) -> QPushButton:
        button = mark(QPushButton("✕"), "flat")
        button.setToolTip("Take it away")
        button.setAccessibleName(f"Take {path_text(path)} away")
        button.setMaximumWidth(30)
        button.clicked.connect(lambda: self.remove(path))
        return button

    def _add_button(self, parent: QTreeWidgetItem, path: Path, absent: list[Field]) -> None:
        button = mark(QPushButton("+ Add field ▾"), "flat")
        button.setAccessibleName(f"Add a field to {path_text(path) or 'the payload'}")
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        for each in absent:
            action = menu.addAction(each.name, lambda name=each.name: self.add((*path, name)))
            action.setToolTip(each.description)
        button.clicked.connect(lambda: menu.popup(button.mapToGlobal(button.rect().bottomLeft())))
        self._put(QTreeWidgetItem(parent), NAME, button)

    def _put(self, item: QTreeWidgetItem, column: int, widget: QWidget) -> None:
        for label in (widget, *widget.findChildren(RoleLabel)):
            label.setForegroundRole(QPalette.ColorRole.WindowText)  # a view would give it the colour of its cells
        self.setItemWidget(item, column, widget)
        widget.installEventFilter(self)

    # Reacting

    def _changed(self, path: Path, value: object) -> None:
        put_at(self.payload, path, value)
        self._mask()
        self.edited.emit()

    def _expanded(self, item: QTreeWidgetItem) -> None:
        self._remember(item, True)
        path = item.data(NAME, Qt.ItemDataRole.UserRole)
        row = self._rows.get(tuple(path)) if path is not None else None
        if (
            row is not None
            and row.editor is None
            and not row.filled
            and isinstance(value_at(self.payload, tuple(path)), dict | list)
        ):
            row.filled = True
            self._fill(item, row.field, tuple(path))
            self._mask()
        if row is not None:
            self._tell(tuple(path))

    def _remember(self, item: QTreeWidgetItem, opened: bool) -> None:
        path = item.data(NAME, Qt.ItemDataRole.UserRole)
        if path is not None:
            self._open[tuple(path)] = opened
            self._tell(tuple(path))

    def _mask(self) -> None:
        """Dots for what is secret as the payload stands now: a token's type makes its value a secret."""
        hidden = veil(self.payload).hidden
        for path, row in self._rows.items():
            if row.editor is not None:
                row.editor.set_secret(any(path == each[: len(path)] for each in hidden))

    def _tell(self, path: Path) -> None:
        row = self._rows.get(path)
        if row is None or row.said is None:
            return
        where = path_text(path)
        fault = self._faults.get(where)
        if fault is None and row.editor is None and not row.item.isExpanded():
            below = sum(each.startswith((f"{where}.", f"{where}[")) for each in self._faults)
            fault = f"{below} wrong inside" if below else None
        if row.editor is not None:
            row.editor.set_wrong(fault is not None)
        row.said.set_role("muted" if fault is None else "fail")
        row.said.set_text(_hint(row.field) if fault is None else f"✖ {fault}")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A wheel over a row's widget scrolls the form.
        if event.type() is QEvent.Type.Wheel:
            event.ignore()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Keys fold and unfold; they search no names, which would take the letters of a shortcut.
        if event.text().isprintable() and event.text() not in ("", "+", "-", "*", " "):
            event.ignore()
            return
        super().keyPressEvent(event)


def path_text(path: Path) -> str:
    """A path as faults name it."""
    from bench.codecs import ocpp_schemas  # heavy; the window is painted before it is loaded

    return ocpp_schemas.path_text(path)


def _hint(field: Field) -> str:
    if field.kind is Kind.ANY:
        return "any JSON" if not field.required and field.description else _UNKNOWN
    kind = "one of its words" if field.choices else str(field.kind)
    words = field.limits.words()
    return f"{kind}, {words}" if words else kind


def _inset(label: QWidget) -> QWidget:
    """A label with room before it, which an elided one cannot have of its own."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(6, 0, 2, 0)
    row.addWidget(label)
    return holder


def _beside(left: QWidget, right: QWidget) -> QWidget:
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(2)
    row.addWidget(left, 1)
    row.addWidget(right)
    both.setFocusProxy(left)
    return both
