"""Docks that look like cards: a flat title joined to its panel, no title where the dock stands behind a tab."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from ui import theme
from ui.panels.base import Panel
from ui.widgets import RoleLabel

RADIUS = 6
TITLE_HEIGHT = 32


class PanelDock(QDockWidget):
    """Holds one panel. framed: the dock draws the card around it; else the panel brings cards of its own.
    scrolled: the panel may be lower than it wants to be, and scrolls then.

    Its title moves it by the mouse, as every dock's; :meth:`settle` hides the title where a tab names it already.
    """

    def __init__(
        self, panel: Panel, name: str, *, framed: bool = True, scrolled: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(panel.title, parent)
        self.setObjectName(name)
        self.panel = panel
        self._bar = DockTitle(panel.title, ruled=framed)
        self.setTitleBarWidget(self._bar)
        self._body = DockBody(_scrolled(panel) if scrolled else panel) if framed else None
        self.setWidget(self._body or panel)

    def settle(self, *, tabbed: bool) -> None:
        """Show or hide the title, and join the card's frame to it."""
        self._bar.set_shown(not tabbed)
        if self._body is not None:
            self._body.set_joined(not tabbed)
        else:
            self.panel.set_joined(not tabbed)


class DockTitle(QWidget):
    """The upper edge of a card with its title. It leaves the mouse to the dock, which moves by it."""

    def __init__(self, title: str, *, ruled: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ruled = ruled
        self._height = TITLE_HEIGHT
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 10, 0)
        row.addWidget(RoleLabel(title, bold=True))
        row.addStretch(1)
        self.setToolTip("Drag to move this panel; double-click to let it float")
        theme.on_change(self.update)

    def set_shown(self, shown: bool) -> None:
        height = TITLE_HEIGHT if shown else 0
        if height != self._height:
            self._height = height
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._height)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        _paint_frame(painter, QRectF(0, 0, self.width(), self.height() + 4 * RADIUS))
        if self._ruled:
            painter.fillRect(1, self.height() - 1, self.width() - 2, 1, theme.color("rule"))


class DockBody(QWidget):
    """The rest of the card around a panel."""

    def __init__(self, panel: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._joined = True
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 3)
        layout.addWidget(panel)
        theme.on_change(self.update)

    def set_joined(self, joined: bool) -> None:
        self._joined = joined
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        above = 4 * RADIUS if self._joined else 0
        _paint_frame(QPainter(self), QRectF(0, -above, self.width(), self.height() + above))


def _scrolled(panel: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.viewport().setAutoFillBackground(False)
    panel.setAutoFillBackground(False)
    return area


def _paint_frame(painter: QPainter, rect: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("border"), 1, Qt.PenStyle.SolidLine))
    painter.setBrush(theme.color("panel"))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
