"""What differs between the store and MaEVe as a table: what it is, here, there, and what would be done or came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.codecs.maeve import MaeveToken
from bench.tokens.model import Token
from bench.tokens.sync import Deed, Entry, Kind, Plan, Step
from bench.tokens.sync_run import Came, Result
from ui import theme
from ui.models.table import RowModel
from ui.tips import plain_tip

COLUMNS = ("UID", "What", "Here", "There", "What happens")
WHAT_COLUMN, DEED_COLUMN = 1, 4
KIND_ROLES: dict[Kind, str] = {
    Kind.EQUAL: "muted",
    Kind.HERE: "out",
    Kind.THERE: "in",
    Kind.DIFFERENT: "warn",
    Kind.COLLISION: "fail",
}
CAME_ROLES: dict[Came, str] = {Came.DONE: "ok", Came.NOT_TRIED: "muted", Came.CHANGED: "warn"}
_DEEDS = {Deed.PUSH: "→ push", Deed.PULL: "← pull"}
_GLYPHS = {Came.DONE: "✔", Came.NOT_TRIED: "·"}
NONE = "—"


class SyncModel(RowModel):
    """One row a card. Equal ones are left out unless asked for."""

    headers = COLUMNS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._plan: Plan | None = None
        self._came: Mapping[int, Result] = {}
        self._rows: list[Step] = []
        self._equal = False

    def show(self, plan: Plan | None, results: list[Result] | None = None) -> None:
        """Replace all. results: what came of the steps, once they were tried."""
        self._plan = plan
        self._came = {id(result.step): result for result in results or ()}
        self._choose()

    def show_equal(self, equal: bool) -> None:
        self._equal = equal
        self._choose()

    def step_at(self, row: int) -> Step | None:
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def count(self) -> int:
        return len(self._rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        step = self.step_at(index.row())
        if step is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(step, index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            name = self._role(step, index.column())
            return theme.color(name) if name else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(details(step))
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return details(step)
        return None

    def _text(self, step: Step, column: int) -> str:
        entry = step.entry
        match column:
            case 0:
                return entry.shown
            case 1:
                return entry.kind
            case 2:
                return _side(entry, entry.here, here=True)
            case 3:
                return _side(entry, entry.there[0] if entry.there else None, here=False)
        result = self._came.get(id(step))
        if result is None:
            return _DEEDS.get(step.deed) or f"leave: {step.why}"
        return f"{_GLYPHS.get(result.came, '✖')} {result.came}{': ' + result.why if result.why else ''}"

    def _role(self, step: Step, column: int) -> str:
        if column == WHAT_COLUMN:
            return KIND_ROLES[step.entry.kind]
        if column == DEED_COLUMN:
            result = self._came.get(id(step))
            if result is not None:
                return CAME_ROLES.get(result.came, "fail")
            return "muted" if step.deed is Deed.LEAVE else ""
        return ""

    def _choose(self) -> None:
        steps = self._plan.steps if self._plan is not None else ()
        self.beginResetModel()
        self._rows = [step for step in steps if self._equal or step.entry.kind is not Kind.EQUAL]
        self.endResetModel()


def _side(entry: Entry, token: Token | MaeveToken | None, *, here: bool) -> str:
    """What one side holds: of what differs its values, else contract, issuer and whether it is valid."""
    if token is None:
        return NONE
    if entry.differences:
        return " · ".join(f"{each.field} {(each.here if here else each.there) or NONE}" for each in entry.differences)
    return f"{'valid' if token.valid else 'not valid'} · {token.contract_id} · {token.issuer}"


def details(step: Step) -> str:
    """What differs, what MaEVe cannot keep of it and what it makes of it, in lines; empty where there is nothing to say."""
    entry = step.entry
    lines = []
    if entry.differences:
        pairs = (f"{each.field} {each.here or NONE} here, {each.there or NONE} there" for each in entry.differences)
        lines.append(f"Differs: {'; '.join(pairs)}")
    if entry.lost:
        lines.append("MaEVe cannot keep: " + ", ".join(f"{loss.field} {loss.value}" for loss in entry.lost))
    lines += entry.notes
    if step.why:
        lines.append(f"Left: {step.why}")
    return "\n".join(lines)
