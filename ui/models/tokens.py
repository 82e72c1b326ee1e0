"""The store's tokens as a table with search, a filter by status and sorting, on the store's own index: nothing is copied."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from enum import IntEnum

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from bench.clock import NS_PER_MS, stamp, utc_now
from bench.tokens.index import TokenIndex
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from ui import theme
from ui.models.table import RowModel
from ui.models.token_rows import Order, date_text, expiry_text, find, shown_uid

Index = QModelIndex | QPersistentModelIndex
Key = tuple[str, IdTokenType]

AT_ONCE = 3_000
"""Stores up to this size are searched and sorted at once."""
SLICE_MS = 8
PAUSE_MS = 2
MAX_SEEN = 4_096


class Column(IntEnum):
    UID = 0
    TYPE = 1
    STATUS = 2
    NUMBER = 3
    EXPIRY = 4
    GROUP = 5
    NOTE = 6
    CONTRACT = 7
    ISSUER = 8
    CACHE = 9
    SOURCE = 10
    UPDATED = 11


HEADERS = ("UID", "Type", "Status", "Printed number", "Expiry", "Group", "Note", "Contract", "Issuer")
HEADERS += ("Cache", "Source", "Updated")
SAMPLES = (
    "04A2B3C4D5E68000",
    "MacAddress",
    "✖ ConcurrentTx",
    "TAG-7 · M. Okaf",
    "2030-12-31 · in 9 months",
    "FLEET-NORTH",
)
SAMPLES += ("spare card", "GBABXC012345678", "Authbench", "ALLOWED_OFFLINE", "file cards.csv", "")
GLYPHS = {AuthorizationStatus.ACCEPTED: "✔", AuthorizationStatus.BLOCKED: "✖"}


def status_text(token: Token) -> str:
    """Glyph and word of what an Authorize gets now."""
    status = token.status_at(utc_now())
    return f"{GLYPHS.get(status, '⚠')} {status}"


TEXTS: tuple[Callable[[Token], str], ...] = (
    shown_uid,
    lambda token: token.id_token_type.value,
    status_text,
    lambda token: token.visual_number or "",
    lambda token: expiry_text(token, utc_now()),
    lambda token: token.group_id or "",
    lambda token: (token.note or "").replace("\n", " · "),
    lambda token: token.contract_id,
    lambda token: token.issuer,
    lambda token: token.cache_mode.value,
    lambda token: token.source or "",
    lambda token: date_text(token.last_updated),
)
_LAST = "\U0010ffff"
# By moment, not by the words for it; what never expires comes last.
_SORT_KEYS: dict[int, Callable[[Token], str]] = {
    Column.EXPIRY: lambda token: _LAST if token.expiry is None else token.expiry.isoformat(),
    Column.UPDATED: lambda token: "" if token.last_updated is None else token.last_updated.isoformat(),
}


def haystack(token: Token) -> str:
    """What a search looks at; made for every token of the store."""
    expiry = token.expiry
    parts = (
        shown_uid(token),
        token.id_token_type,
        token.effective_status if expiry is None else token.status_at(utc_now()),
        token.visual_number or "",
        token.group_id or "",
        token.note or "",
        token.contract_id,
        token.issuer,
        token.cache_mode,
        token.source or "",
        "" if expiry is None else date_text(expiry),
    )
    return "\n".join(parts)


class TokenTableModel(RowModel):
    """Tokens of an index. All of them in the store's order cost nothing; else they are found in slices beside the window's work.

    Signals:
        settled: the rows are what was asked for last.
    """

    headers = HEADERS
    settled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._index = TokenIndex()
        self._rows: list[Token] | None = None  # None: the index itself, in its order
        self._count = 0
        # The index goes on changing under the rows: what was shown of one stays its token until they are made anew.
        self._seen: dict[int, Token] = {}
        self._words: tuple[str, ...] = ()
        self._status: AuthorizationStatus | None = None
        self._column = Column.UID
        self._descending = False
        self._work: Iterator[list[Token] | None] | None = None
        self._again = False
        self._timer = QTimer(self)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._go_on)

    @property
    def total(self) -> int:
        return len(self._index)

    @property
    def busy(self) -> bool:
        """Whether it still looks for what was asked for."""
        return self._work is not None

    @property
    def narrowed(self) -> bool:
        """Whether a search or a status leaves tokens out."""
        return bool(self._words) or self._status is not None

    def show(self, index: TokenIndex) -> None:
        """Show the tokens of an index as it is now; search and sorting stay."""
        self._index = index
        if self._work is not None:
            self._again = True  # a store that changes all the time must not keep a search from ending
        else:
            self._select()

    def search(self, text: str) -> None:
        """Keep tokens in which every word occurs, ignoring case; a UID also with its separators."""
        words = tuple(text.casefold().split())
        if words != self._words:
            self._words = words
            self._select()

    def filter_status(self, status: AuthorizationStatus | None) -> None:
        """Keep tokens whose Authorize would be answered so now; None for all."""
        self._status = status
        self._select()

    def token_at(self, row: int) -> Token | None:
        if self._rows is not None:
            return self._rows[row] if 0 <= row < len(self._rows) else None
        if not 0 <= row < self._count:
            return None
        token = self._seen.get(row)
        if token is None:
            found = self._index.page(self._count - 1 - row if self._descending else row, 1)
            if not found:
                return None
            token = found[0]
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            self._seen[row] = token
        return token

    def row_of(self, key: Key) -> int | None:
        """The row of a token by :attr:`Token.key`."""
        if self._rows is not None:
            return next((row for row, token in enumerate(self._rows) if token.key == key), None)
        if self._index.get(*key) is None:
            return None
        at = bisect_left(self._index.sort(), (key[0], key[1].value))
        return self._count - 1 - at if self._descending else at

    def shown(self) -> Iterator[Token]:
        """The tokens of all rows."""
        if self._rows is not None:
            yield from self._rows
            return
        yield from self._index.page()

    # Qt

    def count(self) -> int:
        return self._count

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ForegroundRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            return None
        column = index.column()
        token = self.token_at(index.row())
        if token is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return TEXTS[column](token)
        if role == Qt.ItemDataRole.ToolTipRole:
            return token.note if column == Column.NOTE else None
        if column == Column.STATUS:
            status = token.status_at(utc_now())
            return theme.color({"Accepted": "ok", "Blocked": "fail"}.get(status.value, "warn"))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(HEADERS):
            self._column = Column(column)
            self._descending = order is Qt.SortOrder.DescendingOrder
            self._select()

    # Inside

    def _select(self) -> None:
        self._stop()
        self._again = False
        plain = self._column is Column.UID
        if plain and not self.narrowed:
            self._take(None)
            return
        key = None if plain else _SORT_KEYS.get(self._column, TEXTS[self._column])
        wanted = Order(self._words, self._status, key, self._descending)
        self._work = find(self._index, wanted, haystack)
        if len(self._index) <= AT_ONCE:
            for found in self._work:
                if found is not None:
                    self._take(found)
        else:
            self._timer.start()

    def _go_on(self) -> None:
        until = stamp().mono_ns + SLICE_MS * NS_PER_MS
        while self._work is not None and stamp().mono_ns < until:
            found = next(self._work, None)
            if found is not None:
                self._take(found)

    def _take(self, rows: list[Token] | None) -> None:
        again, self._again = self._again, False
        self._stop()
        self.beginResetModel()
        self._seen.clear()
        self._rows = rows
        self._count = len(self._index) if rows is None else len(rows)
        self.endResetModel()
        self.settled.emit()
        if again:
            self._select()

    def _stop(self) -> None:
        self._timer.stop()
        self._work = None
