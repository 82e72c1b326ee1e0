"""One row a tap, newest first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from bench.clock import NS_PER_MS, iso_utc, to_datetime
from bench.exchange import Exchange, Hop, Party, Verdict, shown_uid
from bench.journal.marks import SIGN, judge
from bench.message import Link
from ui import theme
from ui.widgets import BADGE_ROLE, VERDICT_BADGES, readable_ms

if TYPE_CHECKING:
    from bench.session import Session


class Column(IntEnum):
    TIME = 0
    CARD = 1
    VERDICT = 2
    DECIDED_BY = 3
    BUS = 4
    OCPP = 5
    TOTAL = 6


HEADERS = ("Time", "Card", "Verdict", "Decided by", "Bus", "OCPP", "Total")
TIPS = (
    "When the tap began, local time",
    "UID as the card gave it",
    "What came of it",
    "Who decided, and why",
    "From the request on the Josev bus to its response",
    "From the station's call to our answer",
    "From the tap to the verdict",
)
WITHOUT_CARD = {
    "no_authorization": "— free charging",
    "": "— no card",
}


def bus_ms(exchange: Exchange) -> float | None:
    """From the request on the Josev bus to its response; None where one of them is missing."""
    return _between(
        exchange.hops,
        lambda hop: hop.link is Link.JOSEV and hop.seq is not None and "request" in hop.name,
        lambda hop: hop.link is Link.JOSEV and hop.name.startswith("response"),
    )


def ocpp_ms(exchange: Exchange) -> float | None:
    """From the station's first call to the answer; None where one of them is missing."""
    return _between(
        exchange.hops,
        lambda hop: hop.link is Link.OCPP and hop.to is Party.CSMS,
        lambda hop: hop.link is Link.OCPP and hop.from_ is Party.CSMS,
    )


def _between(hops: list[Hop], first: Callable[[Hop], bool], then: Callable[[Hop], bool]) -> float | None:
    begun = next((n for n, hop in enumerate(hops) if first(hop)), None)
    if begun is None:
        return None
    ended = next((hop for hop in islice(hops, begun + 1, None) if then(hop)), None)
    return None if ended is None else (ended.mono_ns - hops[begun].mono_ns) / NS_PER_MS


def card_text(exchange: Exchange) -> str:
    """The UID, or what stands for it."""
    if exchange.card is not None and exchange.card.uid:
        return shown_uid(exchange.card)
    return WITHOUT_CARD.get(exchange.token_type, f"— {exchange.token_type.replace('_', ' ')}")


def decided_text(exchange: Exchange) -> str:
    """``store · TAG-7``, ``store · unknown (reversed TAG-7?)``, ``nobody · Josev silent``."""
    if exchange.decided_by is None:
        return ""
    why = why_text(exchange)
    return f"{exchange.decided_by} · {why}" if why else str(exchange.decided_by)


def why_text(exchange: Exchange) -> str:
    """The token's name where it was accepted, else the reason, with the name where there is one."""
    why = exchange.reason.removesuffix(f" by the {exchange.decided_by}")  # who decided is told beside it
    label = exchange.token_label
    if not label or label in why:
        return why
    if exchange.verdict is Verdict.ACCEPTED or not why:
        return label
    return f"{why} ({label})"


MAX_TROUBLES = 10
MAX_LOOKED_AT = 5_000
"""Messages with a flag whose exchanges are looked for one by one; where there are more, every row is made anew when shown."""


class _Row(NamedTuple):
    """What is shown of an exchange at one revision. troubles: a line each, for the tooltip of the warning sign. due_ns: monotonic
    time from which one more request is unanswered, or None."""

    revision: int
    texts: tuple[str, ...]
    troubles: tuple[str, ...]
    due_ns: int | None


class ExchangesModel(QAbstractTableModel):
    """Mirrors ``session.exchanges``; rows are made once per revision of their exchange."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session: Session | None = None
        self._ids: list[int] = []  # oldest first; row 0 is the last
        self._rows: dict[int, _Row] = {}
        self._due: dict[int, int] = {}
        self._judged_to = 0  # number of the last message with a flag that was looked at
        self._accepted: set[int] = set()
        self._short_time = False
        self._bold = theme.ui_font(bold=True)
        self._mono = theme.mono_font(-0.25)

    def show_session(self, session: Session) -> None:
        self.beginResetModel()
        self._session = session
        self._ids = list(session.exchanges)
        self._rows.clear()
        self._due.clear()
        amiss = session.pairs.amiss(0)
        self._judged_to = amiss[-1] if amiss else 0
        self._accepted.clear()
        self.endResetModel()
        self._note_verdicts(self._ids)

    @property
    def accepted(self) -> int:
        """How many of the rows ended accepted."""
        return len(self._accepted)

    def update(self, changed: Iterable[object]) -> int:
        """Take over what changed (ids; None = any of them). Returns how many rows are new."""
        if self._session is None:
            return 0
        exchanges = self._session.exchanges
        oldest = next(iter(exchanges), None)
        gone = len(self._ids) if oldest is None else bisect_left(self._ids, oldest)
        if gone:
            count = len(self._ids)
            self.beginRemoveRows(QModelIndex(), count - gone, count - 1)
            for id_ in self._ids[:gone]:
                self._rows.pop(id_, None)
                self._due.pop(id_, None)
                self._accepted.discard(id_)
            del self._ids[:gone]
            self.endRemoveRows()
        newest = self._ids[-1] if self._ids else 0
        fresh: list[int] = []
        for id_ in reversed(exchanges):
            if id_ <= newest:
                break
            fresh.append(id_)
        if fresh:
            self.beginInsertRows(QModelIndex(), 0, len(fresh) - 1)
            self._ids.extend(reversed(fresh))
            self.endInsertRows()
        touched = {id_ for key in changed for id_ in (self._ids if key is None else (key,)) if isinstance(id_, int)}
        for row in sorted(row for id_ in touched if (row := self.row_of(id_)) is not None):
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(HEADERS) - 1))
        self._note_verdicts(touched.union(fresh))
        return len(fresh)

    def look_again(self) -> None:
        """What changed without its exchange: an answer came late, or twice, or the time of one ran out."""
        if self._session is None:
            return
        stale = set()
        amiss = self._session.pairs.amiss(self._judged_to)
        if len(amiss) > MAX_LOOKED_AT:
            self._judged_to = amiss[-1]
            self.judge_anew()
            return
        for seq in amiss:
            self._judged_to = seq
            request = self._session.pairs.other_half(seq)
            stale.update(id_ for of in (seq, request) if of and (id_ := self._session.exchange_of(of)) is not None)
        if self._due:
            now = self._session.clock.stamp().mono_ns
            stale.update(id_ for id_, due_ns in self._due.items() if now > due_ns)
        for id_ in stale:
            self._due.pop(id_, None)
            row = self.row_of(id_)
            if self._rows.pop(id_, None) is not None and row is not None:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(HEADERS) - 1))

    def judge_anew(self) -> None:
        """More is known of the messages now than when the rows were made."""
        self._rows.clear()
        self.repaint_all()

    def troubles(self, exchange_id: int) -> tuple[str, ...]:
        """What does not fit among the messages of an exchange, a line each."""
        exchange = self._session.exchanges.get(exchange_id) if self._session is not None else None
        return () if exchange is None else self._row(exchange).troubles

    def id_at(self, row: int) -> int | None:
        return self._ids[-1 - row] if 0 <= row < len(self._ids) else None

    def row_of(self, exchange_id: int) -> int | None:
        at = bisect_left(self._ids, exchange_id)
        return len(self._ids) - 1 - at if at < len(self._ids) and self._ids[at] == exchange_id else None

    def set_short_time(self, short: bool) -> None:
        """Leave milliseconds out of the time of day, where there is no room; the tooltip has them."""
        if short != self._short_time:
            self._short_time = short
            self._rows.clear()
            self.repaint_all()

    def repaint_all(self) -> None:
        """The colours or the texts of every row are others now."""
        if self._ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, len(HEADERS) - 1))

    # Qt

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADERS)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role not in _ROLES or not index.isValid():
            return None
        exchange = self._exchange(index.row())
        if exchange is None:
            return None
        column = index.column()
        shown = self._row(exchange)
        if role == Qt.ItemDataRole.DisplayRole:
            return shown.texts[column]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return shown.texts[column].replace(SIGN, "warning:")
        if role == BADGE_ROLE:
            return VERDICT_BADGES[exchange.verdict] if column == Column.VERDICT else None
        if role == Qt.ItemDataRole.FontRole:
            if column == Column.TOTAL:
                return self._bold
            return (
                self._mono if column == Column.TIME or (column == Column.CARD and exchange.card is not None) else None
            )
        if role == Qt.ItemDataRole.ForegroundRole:
            if column == Column.DECIDED_BY:
                return theme.color("warn") if shown.troubles else None
            return theme.color("muted") if column in (Column.BUS, Column.OCPP) else None
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == Column.TIME:
                return iso_utc(exchange.opened.utc_ns)
            return _with_troubles(shown) if column == Column.DECIDED_BY else shown.texts[column]
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return TIPS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    # Inside

    def _exchange(self, row: int) -> Exchange | None:
        id_ = self.id_at(row)
        return None if id_ is None or self._session is None else self._session.exchanges.get(id_)

    def _row(self, exchange: Exchange) -> _Row:
        kept = self._rows.get(exchange.id)
        if kept is not None and kept.revision == exchange.revision:
            return kept
        opened = to_datetime(exchange.opened.utc_ns).astimezone()
        troubles, due_ns = self._look(exchange)
        decided = decided_text(exchange)
        texts = (
            f"{opened:%H:%M:%S}" + ("" if self._short_time else f".{opened.microsecond // 1000:03d}"),
            card_text(exchange),
            VERDICT_BADGES[exchange.verdict].word,
            f"{SIGN} {decided or troubles[0].partition(': ')[2]}" if troubles else decided,
            readable_ms(bus_ms(exchange)),
            readable_ms(ocpp_ms(exchange)),
            readable_ms(exchange.total_ms),
        )
        made = self._rows[exchange.id] = _Row(exchange.revision, texts, troubles, due_ns)
        if due_ns is None:
            self._due.pop(exchange.id, None)
        else:
            self._due[exchange.id] = due_ns
        return made

    def _look(self, exchange: Exchange) -> tuple[tuple[str, ...], int | None]:
        """Messages of the exchange that do not fit. A step that never came is told by the verdict."""
        assert self._session is not None
        marked = judge(exchange, self._session.pairs, self._session.history.get)
        troubles = []
        for hop in marked.hops(exchange):
            told = hop.fault, marked.of(hop)
            if hop.seq is not None and any(told):
                troubles.append(f"#{hop.seq} {hop.name}: " + ", ".join(filter(None, told)))
        more = len(troubles) - MAX_TROUBLES
        return (*troubles[:MAX_TROUBLES], *([f"and {more} more"] if more > 0 else ())), marked.due_ns

    def _note_verdicts(self, ids: Iterable[int]) -> None:
        assert self._session is not None
        for id_ in ids:
            exchange = self._session.exchanges.get(id_)
            if exchange is not None and exchange.verdict is Verdict.ACCEPTED:
                self._accepted.add(id_)
            else:
                self._accepted.discard(id_)


def _with_troubles(shown: _Row) -> str:
    decided = shown.texts[Column.DECIDED_BY]
    return "\n".join((decided.removeprefix(f"{SIGN} "), *shown.troubles)) if shown.troubles else decided


_ROLES = frozenset(
    {
        int(Qt.ItemDataRole.DisplayRole),
        int(Qt.ItemDataRole.AccessibleTextRole),
        int(Qt.ItemDataRole.FontRole),
        int(Qt.ItemDataRole.ForegroundRole),
        int(Qt.ItemDataRole.ToolTipRole),
        BADGE_ROLE,
    }
)
