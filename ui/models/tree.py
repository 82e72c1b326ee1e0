"""A decoded message as a tree, with a verdict per field; branches are filled when opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from ui import theme

BATCH = 500
MAX_TEXT = 400
MAX_TOOL_TIP = 2_000
HEADERS = ("Field", "Value", "Check")
FIELD, VALUE, CHECK = range(3)
Index = QModelIndex | QPersistentModelIndex


class _Missing:
    """Stands where a required field is not."""

    def __str__(self) -> str:
        return "missing"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Check:
    """What the schema says of one field."""

    ok: bool
    note: str = ""


@dataclass(slots=True, eq=False)
class Node:
    """One field. children: those made so far; a branch makes them by the hundred."""

    name: str
    value: object
    path: str
    parent: Node | None
    row: int = 0
    children: list[Node] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many members the value has."""
        return len(self.value) if isinstance(self.value, (dict, list)) else 0


class TreeModel(QAbstractItemModel):
    """JSON-able data as Field, Value, Check.

    Paths are dotted (``data.id_token``, ``configurationKey.0.key``).
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._root = Node("", None, "", None)
        self._checks: dict[str, Check] = {}

    def show(self, tree: object, checks: Iterable[tuple[str, Check]] = ()) -> None:
        """Replace what is shown. A tree that is no object or list becomes one row. The tree is the model's from now on."""
        self.beginResetModel()
        self._checks = {}
        for path, check in checks:
            path = plain_path(path)
            # Several findings on one field: the first that fails is the one to show.
            if path not in self._checks or (self._checks[path].ok and not check.ok):
                self._checks[path] = check
        _add_missing(tree, self._checks)
        value = tree if isinstance(tree, (dict, list)) else ({} if tree is None else {"value": tree})
        self._root = Node("", value, "", None)
        self._fill(self._root)
        self.endResetModel()

    def check_of(self, index: Index) -> Check | None:
        return self._checks.get(self._node(index).path)

    def text_of(self, index: Index) -> str:
        """The whole value as text."""
        value = self._node(index).value
        return f"{len(value)} entries" if isinstance(value, (dict, list)) else scalar_text(value)

    # Qt

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        children = self._node(parent).children
        if not 0 <= row < len(children) or not 0 <= column < len(HEADERS):
            return QModelIndex()
        return self.createIndex(row, column, children[row])

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        above = self._node(index).parent
        if above is None or above is self._root:
            return QModelIndex()
        return self.createIndex(above.row, 0, above)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.column() > 0 else len(self._node(parent).children)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(HEADERS)

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        return parent.column() <= 0 and self._node(parent).size > 0

    def canFetchMore(self, parent: Index) -> bool:
        node = self._node(parent)
        return parent.column() <= 0 and len(node.children) < node.size

    def fetchMore(self, parent: Index) -> None:
        node = self._node(parent)
        have = len(node.children)
        count = min(BATCH, node.size - have)
        if count > 0:
            self.beginInsertRows(parent, have, have + count - 1)
            self._fill(node)
            self.endInsertRows()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal and section < len(HEADERS):
            return HEADERS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        node = self._node(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(node, index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(node, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            check = self._checks.get(node.path)
            value = "" if node.size else scalar_text(node.value)[:MAX_TOOL_TIP]
            return "\n".join(part for part in (node.path, value, check.note if check else "") if part)
        return None

    def _text(self, node: Node, column: int) -> str:
        if column == FIELD:
            return node.name
        if column == VALUE:
            if isinstance(node.value, dict):
                return "" if node.value else "{}"
            if isinstance(node.value, list):
                return f"[{len(node.value)}]"
            text = scalar_text(node.value)
            return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"
        check = self._checks.get(node.path)
        if check is None:
            return ""
        return f"{'✔' if check.ok else '✖'} {check.note}".rstrip()

    def _colour(self, node: Node, column: int) -> object:
        if column == CHECK:
            check = self._checks.get(node.path)
            return None if check is None else theme.color("ok" if check.ok else "fail")
        if column == VALUE:
            return theme.color("muted" if node.value in (None, MISSING) or node.size else "in")
        return None

    def _node(self, index: Index) -> Node:
        return index.internalPointer() if index.isValid() else self._root

    def _fill(self, node: Node) -> None:
        """Make the next batch of children."""
        have = len(node.children)
        prefix = f"{node.path}." if node.path else ""
        if isinstance(node.value, dict):
            names = list(node.value)[have : have + BATCH]
            members = [(str(name), node.value[name]) for name in names]
        else:
            assert isinstance(node.value, list)
            members = [(str(have + i), value) for i, value in enumerate(node.value[have : have + BATCH])]
        for name, value in members:
            node.children.append(Node(name, value, prefix + name, node, len(node.children)))


def plain_path(path: str) -> str:
    """``a[0].b`` and ``$.a.0.b`` are both ``a.0.b``."""
    dotted = path.replace("[", ".").replace("]", "").removeprefix("$")
    return ".".join(part for part in dotted.split(".") if part)


def _add_missing(tree: object, checks: dict[str, Check]) -> None:
    """A required field that is not there gets a row too, in the tree given (which is ours to change)."""
    for path, check in checks.items():
        if check.ok or not path:
            continue
        *above, name = path.split(".")
        place: object = tree
        for part in above:
            if isinstance(place, dict):
                place = place.get(part)
            elif isinstance(place, list) and part.isdecimal() and int(part) < len(place):
                place = place[int(part)]
            else:
                place = None
        if isinstance(place, dict) and name not in place:
            place[name] = MISSING


def scalar_text(value: object) -> str:
    """A plain value as JSON writes it, without quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
