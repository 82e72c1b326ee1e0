"""One station's local list beside the store, a row a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.exchange import MASK
from bench.list_view import Difference, ListRow
from bench.masking import is_key_code
from bench.tokens.list_entries import Entry
from ui import theme
from ui.models.table import RowModel
from ui.models.tokens import GLYPHS
from ui.widgets import grouped

Index = QModelIndex | QPersistentModelIndex

HEADERS = ("UID", "Difference", "In the store", "In the station", "Type", "Why")
NOTHING = "—"
STATUS_GLYPHS = {word.value: glyph for word, glyph in GLYPHS.items()}


class Column(IntEnum):
    UID = 0
    DIFFERENCE = 1
    STORE = 2
    STATION = 3
    TYPE = 4
    WHY = 5


class Sign(NamedTuple):
    """How a difference is told: sign, word, colour role."""

    glyph: str
    word: str
    role: str

    @property
    def text(self) -> str:
        return f"{self.glyph} {self.word}"


SIGNS: Mapping[Difference, Sign] = {
    Difference.ADD: Sign("+", "add", "ok"),
    Difference.UPDATE: Sign("≠", "update", "warn"),
    Difference.DELETE: Sign("−", "delete", "fail"),
    Difference.LEFT_OUT: Sign("○", "left out", "info"),
    Difference.SAME: Sign("=", "same", "muted"),
}
"""In the order in which they are counted and sorted."""
_RANK = {difference: rank for rank, difference in enumerate(SIGNS)}


def entry_text(entry: Entry | None) -> str:
    """Status, expiry and group of an entry of either OCPP version in one line; nothing for none.

    Without an info (idTokenInfo, 1.6: idTagInfo) there is nothing more to say of it than that it is there.
    """
    if entry is None:
        return ""
    info = entry.get("idTokenInfo") or entry.get("idTagInfo")
    if not isinstance(info, dict):
        return "listed"
    group = info.get("groupIdToken") or info.get("parentIdTag")
    if isinstance(group, dict):
        group = MASK if _is_key_code(str(group.get("type", ""))) else group.get("idToken")
    return _info_text(info.get("status"), info.get("cacheExpiryDateTime") or info.get("expiryDate"), group)


_is_key_code = lru_cache(maxsize=64)(is_key_code)


@lru_cache(maxsize=4096)  # most cards of a list say the same
def _info_text(status: object, until: object, group: object) -> str:
    parts = [f"{STATUS_GLYPHS.get(str(status), '⚠')} {status or 'no status'}"]
    if until:
        moment = str(until)
        parts.append(f"until {moment[:10]} {moment[11:16]}{'Z' if moment.endswith('Z') else ''}")
    if group:
        parts.append(f"group {group}")
    return " · ".join(parts)


class LocalListModel(RowModel):
    """Rows that hold every searched word, sorted by one column. known: whether it is known what the station holds.

    It keeps indexes into the rows that it was given: a hundred thousand of them are not copied.
    """

    headers = HEADERS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: Sequence[ListRow] = ()
        self._shown: Sequence[int] = ()
        self._texts: list[str] | None = None
        self._known = False
        self._words: tuple[str, ...] = ()
        self._only_differences = False
        self._column = Column.UID
        self._descending = False

    @property
    def total(self) -> int:
        return len(self._rows)

    def show(self, rows: Sequence[ListRow], *, known: bool) -> None:
        """Take other rows, by value and type; search and sorting stay."""
        self._rows, self._known, self._texts = rows, known, None
        self._reset(self._chosen())

    def search(self, text: str) -> None:
        """Keep rows in which every word occurs, ignoring case; a UID as it is printed too, in groups or with separators."""
        self._words = _words(text)
        self._reset(self._chosen())

    def only_differences(self, only: bool) -> None:
        """Leave out the rows that are the same on both sides."""
        self._only_differences = only
        self._reset(self._chosen())

    def row_at(self, row: int) -> ListRow | None:
        return self._rows[self._shown[row]] if 0 <= row < len(self._shown) else None

    def row_of(self, uid: str, id_token_type: str) -> int | None:
        """Where a token is shown."""
        wanted = (uid, id_token_type)
        return next((row for row, at in enumerate(self._shown) if self._rows[at][:2] == wanted), None)

    # Qt

    def count(self) -> int:
        return len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.row_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            colour = self._role(row, index.column())
            return None if colour is None else theme.color(colour)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return (
                self._text(row, index.column()) if index.column() != Column.DIFFERENCE else SIGNS[row.difference].word
            )
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(HEADERS):
            self._column = Column(column)
            self._descending = order is Qt.SortOrder.DescendingOrder
            self._reset(self._chosen())

    # Inside

    def _reset(self, shown: Sequence[int]) -> None:
        self.beginResetModel()
        self._shown = shown
        self.endResetModel()

    def _chosen(self) -> Sequence[int]:
        rows, found = self._rows, range(len(self._rows))
        chosen: Sequence[int] = found
        if self._only_differences:
            chosen = [at for at in found if rows[at].difference is not Difference.SAME]
        if self._words:
            texts = self._searchable()
            chosen = [at for at in chosen if all(word in texts[at] for word in self._words)]
        if self._column is not Column.UID:
            key = self._sorter()
            chosen = sorted(chosen, key=lambda at: key(rows[at]), reverse=self._descending)
        elif self._descending:
            chosen = chosen[::-1]
        return chosen

    def _sorter(self) -> Callable[[ListRow], object]:
        if self._column is Column.DIFFERENCE:
            return lambda row: _RANK[row.difference]
        column = self._column
        return lambda row: self._text(row, column)

    def _searchable(self) -> list[str]:
        """What is searched of each row, made at the first search."""
        if self._texts is None:
            self._texts = [_searched(row) for row in self._rows]
        return self._texts

    def _text(self, row: ListRow, column: int) -> str:
        match column:
            case Column.UID:
                return grouped(row.uid)
            case Column.TYPE:
                return row.id_token_type
            case Column.STORE:
                return entry_text(row.wanted) or NOTHING
            case Column.DIFFERENCE:
                return SIGNS[row.difference].text
            case Column.STATION:
                if self._known:
                    return entry_text(row.held) or NOTHING
                return f"? {entry_text(row.held) or 'unknown'}"
        return row.why

    def _role(self, row: ListRow, column: int) -> str | None:
        if column == Column.DIFFERENCE:
            return SIGNS[row.difference].role
        if column == Column.WHY or (column == Column.STATION and (row.held is None or not self._known)):
            return "muted"
        if column == Column.STORE and row.wanted is None:
            return "muted"
        return None


def _searched(row: ListRow) -> str:
    held = "" if row.held is None or row.difference is Difference.SAME else entry_text(row.held)
    return row.uid.casefold() + _rest(
        row.id_token_type, SIGNS[row.difference].word, entry_text(row.wanted), held, row.why
    )


@lru_cache(maxsize=4096)
def _rest(*texts: str) -> str:
    return "\n".join(("", *texts)).casefold()


def _words(text: str) -> tuple[str, ...]:
    """A UID typed in groups of two, or with colons or dashes, is one word."""
    words = text.casefold().replace(":", "").split()
    if len(words) > 1 and all(len(word) == 2 and all(c in "0123456789abcdef" for c in word) for word in words):
        return ("".join(words),)
    return tuple(word.replace("-", "") if all(c in "0123456789abcdef-" for c in word) else word for word in words)
