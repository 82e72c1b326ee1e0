"""The decoded message as a tree that can be stepped into: deep branches get the whole width, long runs of brackets one step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ui.models.tree import FIELD, Check, plain_path
from ui.panels.message_tree import MessageTree
from ui.widgets import ElidedLabel, mark

STEP_DEPTH = 3
"""Branches at this level or deeper are stepped into by a double click; those above it fold and unfold."""
NAMES_SHOWN = 4
MEASURED_ROWS = 100
"""Rows from which the width of a column is taken; Qt's thousand cost a tenth of a second."""


class SteppedTree(QWidget):
    """A :class:`MessageTree` with, above it, where it stands in the message once that is not the top."""

    def __init__(self, name: str = "Decoded message", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checks: list[tuple[str, Check]] = []
        self._places: list[tuple[tuple[str, ...], object]] = []
        self.tree = MessageTree()
        self.tree.setAccessibleName(name)
        self.tree.setExpandsOnDoubleClick(False)
        self.tree.header().setResizeContentsPrecision(MEASURED_ROWS)
        self.tree.doubleClicked.connect(self._double_clicked)
        enter = QShortcut(QKeySequence(Qt.Key.Key_Return), self.tree, context=Qt.ShortcutContext.WidgetShortcut)
        enter.activated.connect(lambda: self.step_in(self.tree.currentIndex()))
        back = QShortcut(QKeySequence(Qt.Key.Key_Backspace), self.tree, context=Qt.ShortcutContext.WidgetShortcut)
        back.activated.connect(self.step_out)
        self.up_button = mark(QPushButton("↑ Up"), "flat")
        self.up_button.setToolTip("Back to the branch above (Backspace)")
        self.up_button.setAccessibleName("Back to the branch above")
        self.up_button.clicked.connect(self.step_out)
        self.place = ElidedLabel("", "muted", mono=True)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 2)
        row.addWidget(self.up_button)
        row.addWidget(self.place, 1)
        self._bar = QWidget()
        self._bar.setLayout(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._bar)
        layout.addWidget(self.tree, 1)
        self._bar.hide()

    def show_tree(self, tree: object, checks: Iterable[tuple[str, Check]] = ()) -> None:
        """Show JSON-able data, which is left as it is, and what is known of its fields by path."""
        self._checks = [(plain_path(path), check) for path, check in checks]
        self._places = [((), _with_rooms(tree, (path for path, check in self._checks if not check.ok)))]
        self._show_place()

    def step_in(self, index: QModelIndex | QPersistentModelIndex) -> None:
        """Show one branch alone; a run of branches with one member each is passed in one step."""
        names = self._names_of(index)
        value = self._value_at(names)
        if not isinstance(value, (dict, list)) or not value:
            return
        names, value = _end_of_run(names, value)
        self._places.append((self._places[-1][0] + names, value))
        self._show_place()

    def step_out(self) -> None:
        """Back to where the last step was taken."""
        if len(self._places) > 1:
            self._places.pop()
            self._show_place()

    def _show_place(self) -> None:
        names, value = self._places[-1]
        checks = self._checks
        if names:
            prefix = ".".join(names) + "." if checks else ""
            checks = [(path.removeprefix(prefix), check) for path, check in checks if path.startswith(prefix)]
        self.tree.show_tree(value, checks)
        self._bar.setVisible(bool(names))
        self.place.set_text(_place_text(names))

    def _double_clicked(self, index: QModelIndex) -> None:
        depth = len(self._names_of(index))
        if depth >= STEP_DEPTH:
            self.step_in(index)
        else:
            top = index.siblingAtColumn(FIELD)
            self.tree.setExpanded(top, not self.tree.isExpanded(top))

    def _names_of(self, index: QModelIndex | QPersistentModelIndex) -> tuple[str, ...]:
        names = []
        while index.isValid():
            names.append(str(index.siblingAtColumn(FIELD).data()))
            index = index.parent()
        return tuple(reversed(names))

    def _value_at(self, names: Sequence[str]) -> object:
        value = self._places[-1][1]
        for name in names:
            if isinstance(value, dict):
                value = value.get(name)
            elif isinstance(value, list):
                value = value[int(name)]
        return value


def _end_of_run(names: tuple[str, ...], value: object) -> tuple[tuple[str, ...], object]:
    passed = list(names)
    while isinstance(value, (dict, list)) and len(value) == 1:
        name, inner = next(iter(value.items())) if isinstance(value, dict) else ("0", value[0])
        if not isinstance(inner, (dict, list)) or not inner:
            break
        passed.append(str(name))
        value = inner
    return tuple(passed), value


def _place_text(names: tuple[str, ...]) -> str:
    if len(names) <= 2 * NAMES_SHOWN:
        return ".".join(names)
    return f"{len(names):,} levels down: {'.'.join(names[:NAMES_SHOWN])} … {'.'.join(names[-NAMES_SHOWN:])}"


def _with_rooms(tree: object, paths: Iterable[str]) -> object:
    """The tree with copies of the branches on those paths: the model adds rows to them for what is missing."""
    copied: set[int] = set()

    def own(value: object) -> object:
        if not isinstance(value, (dict, list)) or id(value) in copied:
            return value
        made = value.copy()
        copied.add(id(made))
        kept.append(made)
        return made

    kept: list[object] = []  # an id is only another's while its object lives
    tree = own(tree)
    for path in paths:
        place = tree
        for name in path.split(".")[:-1]:
            if isinstance(place, dict) and name in place:
                place[name] = place = own(place[name])
            elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
                place[int(name)] = place = own(place[int(name)])
            else:
                break
    return tree
