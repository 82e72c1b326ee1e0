"""The first page: three doors."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from ui import theme
from ui.glyphs import paint_glyph
from ui.widgets import Card, RoleLabel

NARROW = 580
"""Pixels under which three doors do not fit beside each other."""


class StartPage(Card):
    """What a bench that is not running offers.

    Signals:
        demo_requested, connect_requested, capture_requested: that door was chosen.
    """

    demo_requested = Signal()
    connect_requested = Signal()
    capture_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName("Start")
        self.demo = Door("play", "Demo", "A simulated charger and reader, one tap of each kind. No hardware needed.")
        self.connect_door = Door("plug", "Connect a charger", "The address to type into it, and what it then says.")
        self.capture = Door("folder", "Open a capture", "Look through what another bench recorded.")
        title = RoleLabel("See every hop of a card tap, and why", bold=True, delta=5, wrap=True)
        text = RoleLabel(
            "Authbench shows a tap from the reader's frame to the verdict: the Josev bus, OCPP, the token store.",
            "muted",
            wrap=True,
        )
        for label in (title, text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._doors = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._doors.setSpacing(12)
        self._doors.addStretch(1)
        for door in (self.demo, self.connect_door, self.capture):
            self._doors.addWidget(door, 8)
        self._doors.addStretch(1)
        self.body.setContentsMargins(24, 18, 24, 18)
        self.body.addStretch(2)
        self.body.addWidget(title)
        self.body.addWidget(text)
        self.body.addSpacing(18)
        self.body.addLayout(self._doors)
        self.body.addStretch(3)
        self.demo.clicked.connect(self.demo_requested)
        self.connect_door.clicked.connect(self.connect_requested)
        self.capture.clicked.connect(self.capture_requested)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Doors beside each other, or under each other where there is no room."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        way = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if self._doors.direction() is not way:
            self._doors.setDirection(way)
            for door in (self.demo, self.connect_door, self.capture):
                door.set_flat(narrow)


class Door(QAbstractButton):
    """A large button: sign, title, one sentence."""

    def __init__(self, glyph: str, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._glyph = glyph
        self.setText(title)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(150)
        self._flat = False
        self._column = column = QVBoxLayout(self)
        column.setSpacing(4)
        self._title = RoleLabel(title, bold=True, delta=1)
        self._text = RoleLabel(text, "muted", wrap=True)
        for label in (self._title, self._text):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        column.addStretch(1)
        theme.on_change(self.update)
        self.set_flat(False)

    def set_flat(self, flat: bool) -> None:
        """The sign beside the words instead of above them."""
        self._flat = flat
        self._column.setContentsMargins(*((62, 10, 12, 8) if flat else (14, 58, 14, 14)))
        side = Qt.AlignmentFlag.AlignLeft if flat else Qt.AlignmentFlag.AlignHCenter
        for label in (self._title, self._text):
            label.setAlignment(side | Qt.AlignmentFlag.AlignTop)
        self.setMaximumWidth(420 if flat else 260)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(340, 76) if self._flat else QSize(210, 168)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.EnabledChange:
            self._title.set_role("text" if self.isEnabled() else "muted")
            self.setCursor(Qt.CursorShape.PointingHandCursor if self.isEnabled() else Qt.CursorShape.ArrowCursor)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.isEnabled() and (self.underMouse() or self.hasFocus())
        style = Qt.PenStyle.SolidLine if self.isEnabled() else Qt.PenStyle.DashLine
        painter.setPen(QPen(theme.color("accent" if lit else "border"), 1.5 if lit else 1, style))
        painter.setBrush(theme.color("selection" if self.isDown() else "surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        ink = theme.color("accent" if self.isEnabled() else "muted")
        left, top = (18.0, self.height() / 2 - 14) if self._flat else (self.width() / 2 - 15, 18.0)
        paint_glyph(painter, QRectF(left, top, 30, 30), self._glyph, ink)
