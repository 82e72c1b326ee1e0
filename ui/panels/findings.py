"""Findings: what should have happened and did not, each with its evidence and a cure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from bench.clock import iso_utc, to_datetime
from bench.exchange import Finding
from ui import theme
from ui.panels.base import Panel, touches
from ui.widgets import BADGE_ROLE, SEVERITY_BADGES, BadgeDelegate, Card, EmptyState, RoleLabel, badge_font, badge_size

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

SEVERITY_ROLES = {"info": "info", "warn": "warn", "fail": "fail"}


def evidence_text(finding: Finding) -> str:
    """``#3981, #3990``; a long list is cut."""
    shown = ", ".join(f"#{seq}" for seq in finding.evidence[:3])
    return f"{shown}, …" if len(finding.evidence) > 3 else shown


class FindingNote(QWidget):
    """One finding in few words, with a bar in the colour of its severity. A click or Enter shows its evidence.

    Signals:
        asked: journal number of the first evidence.
    """

    asked = Signal(int)

    def __init__(self, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding = finding
        word = SEVERITY_BADGES[str(finding.severity)].word
        self.setAccessibleName(f"{word}: {finding.text}")
        headline, _, rest = finding.text.partition(": ")
        small = " · ".join(part for part in (rest, evidence_text(finding)) if part)
        if finding.cure:
            small = f"{small} · fix: {finding.cure}" if small else f"fix: {finding.cure}"
        layout = QVBoxLayout(self)
        layout.setContentsMargins(11, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(RoleLabel(headline, bold=True, wrap=True, delta=-0.25))
        if small:
            layout.addWidget(RoleLabel(small, "muted", wrap=True, delta=-0.5))
        self.setToolTip(f"{word}: {finding.text}" + (f"\n{finding.cure}" if finding.cure else ""))
        if finding.evidence:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        theme.on_change(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, 1, 3, self.height() - 2, theme.color(SEVERITY_ROLES[str(self.finding.severity)]))
        if self.hasFocus():
            painter.setPen(theme.color("accent"))
            painter.drawRect(self.rect().adjusted(6, 0, -1, -1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._ask()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._ask()
        else:
            super().keyPressEvent(event)

    def _ask(self) -> None:
        if self.finding.evidence:
            self.asked.emit(self.finding.evidence[0])


class FindingsCard(Card):
    """The latest few findings, as many as there is room for.

    Signals:
        asked: journal number of the evidence that was picked.
    """

    asked = Signal(int)
    SHOWN = 4
    LEAST_HEIGHT = 34
    ROOM_FOR_TEXT = 64
    """Pixels below which there is only room to say how many there are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName("Latest findings")
        self.heading = RoleLabel("Findings", bold=True)
        self.body.addWidget(self.heading)
        self._empty = RoleLabel("Nothing to complain about.", "muted", wrap=True)
        self._holder = QWidget()
        self._list = QVBoxLayout(self._holder)
        self._list.setContentsMargins(0, 0, 6, 0)
        self._list.setSpacing(8)
        self._list.addWidget(self._empty)
        self._list.addStretch(1)
        self._scroll = scroll = QScrollArea()
        scroll.setWidget(self._holder)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        self._holder.setAutoFillBackground(False)
        self.body.setContentsMargins(11, 8, 4, 6)
        self.setMinimumHeight(self.LEAST_HEIGHT)
        self.body.addWidget(scroll, 1)
        self._shown: tuple[Finding, ...] = ()

    def hasHeightForWidth(self) -> bool:
        # What it would like is no least height: in a low window it gives way to the buttons above it, and scrolls.
        return False

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """findings: newest last, as the session keeps them."""
        latest = tuple(findings[-n] for n in range(1, min(self.SHOWN, len(findings)) + 1))
        if latest == self._shown:
            return
        self._shown = latest
        for old in self.notes():
            self._list.removeWidget(old)
            old.hide()
            old.deleteLater()
        for n, finding in enumerate(latest):
            note = FindingNote(finding)
            note.asked.connect(self.asked)
            self._list.insertWidget(n, note)
        self._empty.setVisible(not latest)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        roomy = self.height() >= self.ROOM_FOR_TEXT
        self._scroll.setVisible(roomy)
        count = len(self._shown)
        words = f"latest {count} under Ctrl+9" if count > 1 else "one, under Ctrl+9" if count else "none"
        self.heading.setText("Findings" if roomy else f"Findings: {words}")

    def notes(self) -> list[FindingNote]:
        """The notes shown, newest first."""
        found = (self._list.itemAt(n).widget() for n in range(self._list.count()))
        return [widget for widget in found if isinstance(widget, FindingNote)]


class Column(IntEnum):
    TIME = 0
    SEVERITY = 1
    TEXT = 2
    CURE = 3
    EVIDENCE = 4
    EXCHANGE = 5


HEADERS = ("Time", "Severity", "Finding", "What to do", "Evidence", "Exchange")


class FindingsModel(QAbstractTableModel):
    """Mirrors ``session.findings``, newest first. They are immutable and bounded: rows only come and fall off the end."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._findings: list[Finding] = []  # newest last

    def show(self, findings: Sequence[Finding]) -> None:
        """Take over the session's findings."""
        fresh = list(findings)
        known = self._findings
        if known and fresh and known[0] is fresh[0] and len(fresh) >= len(known) and fresh[len(known) - 1] is known[-1]:
            count = len(fresh) - len(known)
            if count:
                self.beginInsertRows(QModelIndex(), 0, count - 1)
                self._findings = fresh
                self.endInsertRows()
            return
        if len(fresh) == len(known) and all(one is other for one, other in zip(fresh, known, strict=True)):
            return
        self.beginResetModel()
        self._findings = fresh
        self.endResetModel()

    def finding_at(self, row: int) -> Finding | None:
        return self._findings[-1 - row] if 0 <= row < len(self._findings) else None

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._findings)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADERS)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        finding = self.finding_at(index.row()) if index.isValid() else None
        if finding is None:
            return None
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(finding, column)
        if role == BADGE_ROLE:
            return SEVERITY_BADGES[str(finding.severity)] if column == Column.SEVERITY else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return iso_utc(finding.utc_ns) if column == Column.TIME else _text(finding, column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.color("muted") if column in (Column.CURE, Column.EVIDENCE, Column.EXCHANGE) else None
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None


def _text(finding: Finding, column: int) -> str:
    if column == Column.TIME:
        when = to_datetime(finding.utc_ns).astimezone()
        return f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}"
    if column == Column.SEVERITY:
        return SEVERITY_BADGES[str(finding.severity)].word
    if column == Column.TEXT:
        return finding.text
    if column == Column.CURE:
        return finding.cure
    if column == Column.EVIDENCE:
        return evidence_text(finding)
    return "" if finding.exchange is None else str(finding.exchange)


class FindingsPanel(Panel):
    """All findings. Picking one shows its exchange, and its first evidence in the inspector."""

    title = "Findings"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = FindingsModel(self)
        self.table = QTableView()
        self._set_up_table()
        self._pages = QStackedWidget()
        self._pages.addWidget(
            EmptyState(
                "No findings",
                "What breaks a rule of the protocols, or is likely a mistake, is listed here with its cure.",
            )
        )
        self._pages.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)
        self.setFocusProxy(self.table)

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self._show()

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if touches(changes, "finding", "exchange"):
            self._show()

    def _show(self) -> None:
        assert self.session is not None
        self.model.show(self.session.findings)
        self._pages.setCurrentIndex(1 if self.model.rowCount() else 0)

    def _set_up_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setAccessibleName("Findings, newest first")
        table.setItemDelegate(BadgeDelegate(table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(25)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        metrics = QFontMetrics(theme.ui_font())
        widest = max(badge_size(badge, badge_font()).width() for badge in SEVERITY_BADGES.values())
        header.resizeSection(Column.TIME, metrics.horizontalAdvance("00:00:00.000") + 18)
        header.resizeSection(Column.SEVERITY, widest + 14)
        header.resizeSection(Column.EVIDENCE, metrics.horizontalAdvance("#00000, #00000") + 18)
        header.resizeSection(Column.EXCHANGE, metrics.horizontalAdvance("Exchange") + 18)
        header.setSectionResizeMode(Column.TEXT, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(Column.CURE, QHeaderView.ResizeMode.Stretch)
        table.selectionModel().currentRowChanged.connect(lambda current, _: self._pick(current))
        table.clicked.connect(self._pick)  # the row may be current already

    def _pick(self, index: QModelIndex) -> None:
        finding = self.model.finding_at(index.row())
        if finding is None:
            return
        if finding.exchange is not None:
            self.exchange_selected.emit(finding.exchange)
        if finding.evidence:
            self.message_selected.emit(finding.evidence[0])
