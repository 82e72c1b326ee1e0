"""The few parts that every panel is made of: cards, badges, labels in a colour role, empty states, the banner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QBrush,
    QFont,
    QFontMetrics,
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from bench.exchange import Verdict
from ui import theme
from ui.glyphs import paint_glyph
from ui.tips import plain_tip

CELL_PADDING = 8
"""Pixels left of a cell's text, as in the headers."""
BADGE_ROLE = Qt.ItemDataRole.UserRole + 100
"""A model gives a :class:`Badge` (or None) under this role for :class:`BadgeDelegate`."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict as a word, a sign and a colour. role: a colour role that has a ``_bg`` twin."""

    word: str
    glyph: str
    role: str


VERDICT_BADGES: dict[Verdict | None, Badge] = {
    Verdict.ACCEPTED: Badge("ACCEPTED", "check", "ok"),
    Verdict.REJECTED: Badge("REJECTED", "cross", "fail"),
    Verdict.DEAUTHORIZED: Badge("DEAUTHORIZED", "ban", "fail"),
    Verdict.TIMED_OUT: Badge("TIMED OUT", "clock", "warn"),
    Verdict.FAILED: Badge("FAILED", "warning", "fail"),
    None: Badge("WAITING", "wait", "info"),
}

SEVERITY_BADGES: dict[str, Badge] = {
    "info": Badge("INFO", "info", "info"),
    "ok": Badge("OK", "check", "ok"),
    "warn": Badge("WARNING", "warning", "warn"),
    "fail": Badge("FAULT", "cross", "fail"),
}


def badge_font() -> QFont:
    return theme.ui_font(-1.0, bold=True)


def badge_size(badge: Badge, font: QFont) -> QSize:
    metrics = QFontMetrics(font)
    return QSize(metrics.horizontalAdvance(badge.word) + metrics.height() + 16, metrics.height() + 4)


def paint_badge(painter: QPainter, rect: QRectF, badge: Badge, font: QFont) -> None:
    """Draw a badge at the left of ``rect``, centred in its height, cut where there is no room."""
    size = badge_size(badge, font)
    box = QRectF(rect.left(), rect.center().y() - size.height() / 2, min(size.width(), rect.width()), size.height())
    ink = theme.color(badge.role)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(f"{badge.role}_bg"))
    painter.drawRoundedRect(box, 4, 4)
    side = QFontMetricsF(font).ascent() - 1
    paint_glyph(painter, QRectF(box.left() + 6, box.center().y() - side / 2, side, side), badge.glyph, ink)
    painter.setFont(font)
    painter.setPen(ink)
    words = box.adjusted(6 + side + 5, 0, -4, 0)
    painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, badge.word)
    painter.restore()


class BadgeDelegate(QStyledItemDelegate):
    """Paints the :class:`Badge` that a model gives under :data:`BADGE_ROLE`; other cells as text with the header's padding.

    A cell keeps its own colour (ForegroundRole) and font (FontRole) when its row is selected.
    """

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        # By hand: through a style sheet a cell asks the model for twice as many roles, which a live table feels.
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, theme.color("selection"))
        room = QRectF(option.rect).adjusted(CELL_PADDING, 0, -4, 0)
        badge = index.data(BADGE_ROLE)
        if badge is not None:
            paint_badge(painter, room, badge, badge_font())
            return
        text = index.data(Qt.ItemDataRole.DisplayRole)
        if not text:
            return
        font = index.data(Qt.ItemDataRole.FontRole) or option.font
        painter.setFont(font)
        ink = index.data(Qt.ItemDataRole.ForegroundRole) or theme.color("selection_text" if selected else "text")
        painter.setPen(ink.color() if isinstance(ink, QBrush) else ink)  # a brush is what an item of a tree keeps
        metrics = QFontMetricsF(font)
        if metrics.horizontalAdvance(text) > room.width():
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        badge = index.data(BADGE_ROLE)
        return super().sizeHint(option, index) if badge is None else badge_size(badge, badge_font())


class BadgeLabel(QWidget):
    """A badge as a widget; hidden while it has none."""

    def __init__(self, badge: Badge | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.badge: Badge | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.on_change(self.update)
        self.set_badge(badge)

    def set_badge(self, badge: Badge | None) -> None:
        self.badge = badge
        self.setVisible(badge is not None)
        if badge is not None:
            self.setAccessibleName(badge.word)
            self.setFixedSize(badge_size(badge, badge_font()))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.badge is not None:
            painter = QPainter(self)
            paint_badge(painter, QRectF(self.rect()), self.badge, badge_font())


class RoleLabel(QLabel):
    """Text in a colour role that follows the theme. delta: font size in points from the base."""

    def __init__(
        self,
        text: str = "",
        role: str = "text",
        *,
        delta: float = 0.0,
        bold: bool = False,
        mono: bool = False,
        wrap: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setFont(theme.mono_font(delta, bold=bold) if mono else theme.ui_font(delta, bold=bold))
        self._role = role
        theme.on_change(self._recolour)
        self._recolour()

    def set_role(self, role: str) -> None:
        if role != self._role:
            self._role = role
            self._recolour()

    def _recolour(self) -> None:
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, theme.color(self._role))
        self.setPalette(palette)


class ElidedLabel(RoleLabel):
    """One line that is cut with an ellipsis where it does not fit; the whole of it as the tooltip."""

    def __init__(
        self,
        text: str = "",
        role: str = "text",
        *,
        delta: float = 0.0,
        bold: bool = False,
        mono: bool = False,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", role, delta=delta, bold=bold, mono=mono, parent=parent)
        self._whole = text
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._fit()

    def set_text(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self._fit()
            self.updateGeometry()

    def whole_text(self) -> str:
        return self._whole

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._whole) + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, self.fontMetrics().height() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, self._mode, max(0, self.width()))
        self.setText(shown)
        self.setAccessibleName(self._whole)
        self.setToolTip(plain_tip(self._whole) if shown != self._whole else "")


class Card(QFrame):
    """A rounded panel. header: a row for a title and what belongs beside it; body: the column below.

    role: the colour role of its ground (``panel``, ``ok_bg``); a framed card draws its border.
    """

    def __init__(
        self,
        title: str = "",
        *,
        role: str = "panel",
        framed: bool = True,
        margin: int = 11,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._ground = role
        self._framed = framed
        self._joined = False
        self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.title = RoleLabel(title, bold=True)
        self.note = RoleLabel("", "muted")
        self._header_row = QWidget()
        self._header_row.setLayout(self.header)
        self.header.setContentsMargins(11, 0, 8, 0)
        self._header_row.setFixedHeight(31)
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        self.header.addWidget(self.note)
        outer.addWidget(self._header_row)
        self._rule = Rule()
        outer.addWidget(self._rule)
        self._header_row.setVisible(bool(title))
        self._rule.setVisible(bool(title))
        self.body = QVBoxLayout()
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(6)
        outer.addLayout(self.body, 1)
        theme.on_change(self.update)

    def set_ground(self, role: str, *, framed: bool = True) -> None:
        """Another ground, with or without a border."""
        self._ground = role
        self._framed = framed
        self.update()

    def set_joined(self, joined: bool) -> None:
        """Open at the top: a title above it is part of the card."""
        self._joined = joined
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border"), 1) if self._framed else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(self._ground))
        top = -20.0 if self._joined else 0.5
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, top, -0.5, -0.5), 6, 6)


class Rule(QWidget):
    """A thin horizontal line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(1)
        theme.on_change(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("rule"))


class EmptyState(QWidget):
    """What a panel without data says: what would fill it, and a button for it.

    Signals:
        asked: the button was pressed.
    """

    asked = Signal()
    LEAST_HEIGHT = 40

    def __init__(
        self, title: str, text: str = "", button: str = "", glyph: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 12, 18, 12)
        layout.setSpacing(6)
        layout.addStretch(1)
        if glyph:
            layout.addWidget(GlyphLabel(glyph, "muted", 26), 0, Qt.AlignmentFlag.AlignHCenter)
        self.title = RoleLabel(title, bold=True, wrap=True)
        self.text = RoleLabel(text, "muted", wrap=True)
        for label in (self.title, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label)
        self.text.setVisible(bool(text))
        self.button = QPushButton(button)
        self.button.clicked.connect(self.asked)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.button.setVisible(bool(button))  # only now: without a parent it would be a window of its own
        layout.addStretch(1)

    def say(self, title: str, text: str) -> None:
        """Other words; the button stays."""
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def minimumSizeHint(self) -> QSize:
        # A page that is not even shown must not make a low window grow.
        return QSize(super().minimumSizeHint().width(), self.LEAST_HEIGHT)


class GlyphLabel(QWidget):
    """One sign of :mod:`ui.glyphs` in a colour role."""

    def __init__(self, glyph: str, role: str = "text", side: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._glyph = glyph
        self._role = role
        self.setFixedSize(side, side)
        theme.on_change(self.update)

    def set_glyph(self, glyph: str, role: str) -> None:
        self._glyph = glyph
        self._role = role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_glyph(QPainter(self), QRectF(self.rect()), self._glyph, theme.color(self._role))


class Banner(QWidget):
    """One notice about what just happened. It lies over the foot of the window and moves nothing: a click that was aimed
    at a button still hits it. It takes no focus; faults stay until closed, the rest leaves after ``LINGER_MS``.
    """

    LINGER_MS = 8000
    MARGIN = 10
    MAX_WIDTH = 760

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.severity = "info"
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._leave.setInterval(self.LINGER_MS)
        self._leave.timeout.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 3, 5, 3)
        row.setSpacing(9)
        self._sign = GlyphLabel("info", "info", 15)
        self.label = RoleLabel("", wrap=True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.close_button = QPushButton("Close")
        self.close_button.setProperty("flat", True)
        self.close_button.setAccessibleName("Close this notice")
        self.close_button.clicked.connect(self.hide)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.label, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)
        theme.on_change(self.update)
        window.installEventFilter(self)
        self.hide()

    @property
    def is_fault(self) -> bool:
        """Whether it tells of a fault, which stays until closed."""
        return self.severity == "fail"

    def show_notice(self, severity: str, text: str) -> None:
        badge = SEVERITY_BADGES.get(severity, SEVERITY_BADGES["info"])
        self.severity = badge.role
        self._sign.set_glyph(badge.glyph, badge.role)
        self.label.setText(text)
        self.setAccessibleName(f"{badge.word}: {text}")
        if badge.role == "fail":
            self._leave.stop()
        else:
            self._leave.start()
        self._place()
        self.show()
        self.raise_()
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        """At the right of the window's foot, as wide as the words need; higher where they need more lines."""
        window = self.parentWidget()
        self.ensurePolished()
        words = self.label.fontMetrics().horizontalAdvance(self.label.text())
        around = self.close_button.sizeHint().width() + self._sign.width() + 17 + 2 * 9 + 8
        width = min(words + around, self.MAX_WIDTH, window.width() - 2 * self.MARGIN)
        one_line = self.close_button.sizeHint().height() + 6
        height = one_line if words + around <= width else max(one_line, self.heightForWidth(width))
        self.setGeometry(
            window.width() - self.MARGIN - width, max(0, window.height() - self.MARGIN // 2 - height), width, height
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color(self.severity), 1))
        painter.setBrush(theme.color(f"{self.severity}_bg"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def readable_ms(ms: float | None) -> str:
    """A duration for a table cell: ``3.1 ms``, ``143 ms``, ``5.00 s``; a dash for none."""
    if ms is None:
        return "—"
    if ms >= 1000:
        return f"{ms / 1000:.2f} s"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"


def grouped(uid: str) -> str:
    """Hex in groups of two, as it is printed on cards; other text as it is."""
    if len(uid) % 2 or not uid or any(c not in "0123456789ABCDEFabcdef" for c in uid):
        return uid
    return " ".join(uid[i : i + 2] for i in range(0, len(uid), 2))


def mark(button: QPushButton, kind: str) -> QPushButton:
    """Give a button the look ``primary``, ``flat`` or ``menu`` of the theme."""
    button.setProperty(kind, True)
    return button


def order_button(text: str, slot: Callable[[], object], tip: str = "") -> QPushButton:
    """A button that does one thing, and says in its tooltip what."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda checked=False: slot())
    return button


def buddy_label(text: str, buddy: QWidget) -> QLabel:
    """A label whose underlined letter goes to that field."""
    label = QLabel(text)
    label.setBuddy(buddy)
    return label


def menu_button(text: str, menu: QMenu) -> QPushButton:
    """A button that drops a menu without blocking: ``QPushButton.setMenu`` would run a loop of its own."""
    button = mark(QPushButton(f"{text} ▾"), "menu")
    button.setAccessibleName(f"{text}, a menu")
    button.clicked.connect(lambda: menu.popup(button.mapToGlobal(button.rect().bottomLeft())))
    return button
