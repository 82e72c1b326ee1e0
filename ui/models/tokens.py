"""The store's tokens as a table with search and sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.clock import utc_now
from bench.exchange import MASK
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from ui import theme
from ui.models.table import RowModel

Index = QModelIndex | QPersistentModelIndex
Key = tuple[str, IdTokenType]


class Column(IntEnum):
    UID = 0
    TYPE = 1
    STATUS = 2
    NUMBER = 3
    CONTRACT = 4
    GROUP = 5
    ISSUER = 6
    CACHE = 7
    UPDATED = 8


HEADERS = ("UID", "Type", "Status", "Printed number", "Contract", "Group", "Issuer", "Cache", "Updated")
GLYPHS = {AuthorizationStatus.ACCEPTED: "✔", AuthorizationStatus.BLOCKED: "✖"}


def shown_uid(token: Token) -> str:
    """The value as it may be shown: key codes masked (OCPP 2.0.1 C04.FR.04)."""
    return MASK if token.id_token_type is IdTokenType.KEY_CODE else token.uid


def status_text(token: Token) -> str:
    """Glyph and word of what an Authorize gets now."""
    status = token.status_at(utc_now())
    return f"{GLYPHS.get(status, '⚠')} {status}"


def _updated(token: Token) -> str:
    return "" if token.last_updated is None else f"{token.last_updated.astimezone():%Y-%m-%d %H:%M}"


_TEXTS: tuple[Callable[[Token], str], ...] = (
    shown_uid,
    lambda token: str(token.id_token_type),
    status_text,
    lambda token: token.visual_number or "",
    lambda token: token.contract_id,
    lambda token: token.group_id or "",
    lambda token: token.issuer,
    lambda token: str(token.cache_mode),
    _updated,
)


class TokenTableModel(RowModel):
    """Tokens that hold every searched word, sorted by one column."""

    headers = HEADERS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: Sequence[Token] = ()
        self._shown: list[Token] = []
        self._words: tuple[str, ...] = ()
        self._column = Column.UID
        self._descending = False

    @property
    def total(self) -> int:
        return len(self._all)

    def show(self, tokens: Sequence[Token]) -> None:
        """Replace all tokens; search and sorting stay."""
        self._all = tokens
        self._select()

    def search(self, text: str) -> None:
        """Keep tokens in which every word occurs, ignoring case; a UID also with its separators."""
        self._words = tuple(text.casefold().split())
        self._select()

    def token_at(self, row: int) -> Token | None:
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def row_of(self, key: Key) -> int | None:
        """The row of a token by :attr:`Token.key`."""
        return next((row for row, token in enumerate(self._shown) if token.key == key), None)

    # Qt

    def count(self) -> int:
        return len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        token = self.token_at(index.row()) if index.isValid() else None
        if token is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TEXTS[index.column()](token)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == Column.STATUS:
            status = token.status_at(utc_now())
            return theme.color({"Accepted": "ok", "Blocked": "fail"}.get(status.value, "warn"))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(HEADERS):
            self._column = Column(column)
            self._descending = order is Qt.SortOrder.DescendingOrder
            self._select()

    def _select(self) -> None:
        text = _TEXTS[self._column]
        chosen = [token for token in self._all if self._holds(token)]
        chosen.sort(key=lambda token: text(token).casefold(), reverse=self._descending)
        self.beginResetModel()
        self._shown = chosen
        self.endResetModel()

    def _holds(self, token: Token) -> bool:
        if not self._words:
            return True
        text = "\n".join(make(token) for make in _TEXTS).casefold()
        return all(word in text or _compact(word) in text for word in self._words)


def _compact(word: str) -> str:
    """A UID as typed with colons or dashes, without them."""
    return word.replace(":", "").replace("-", "") or word
