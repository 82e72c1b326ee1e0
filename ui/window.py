"""The window: on the screen at once as an outline, filled a moment later.

Only Qt and the theme are imported here. What is inside (:mod:`ui.workspace`) is imported and built after the first paint,
the engine later still. Not even the namespace ``Qt`` is imported: making its enums costs 20 ms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QPointF, QRectF, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPalette,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QMainWindow

from bench.errors import BadInput, OperatorError
from ui import theme

if TYPE_CHECKING:
    from pathlib import Path

    from bench.session import Session
    from bench.tasks import Tasks
    from ui.menu import WindowMenu
    from ui.panels.messages import MessagesPanel
    from ui.state import UiState
    from ui.workspace import Workspace

COMPLETE_MS = 16
"""From the first paint to building what is inside: one frame, so that the outline is on the screen."""
DEFAULT_SIZE = (1280, 800)
STRIP_HEIGHT = 42


class MainWindow(QMainWindow):
    """The whole window.

    Signals:
        demo_requested, connect_requested: a door was chosen. listen_requested: ``HOST:PORT`` the OCPP listener should bind.
        capture_requested: a capture should be opened; empty where its name is still to be asked for.
    """

    demo_requested = Signal()
    connect_requested = Signal()
    listen_requested = Signal(str)
    capture_requested = Signal(str)

    def __init__(self, state: UiState | None = None, exit_request: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.setWindowTitle("Authbench")
        self.setObjectName("authbench")
        self.setContentsMargins(10, 0, 10, 0)
        self._state = state
        self._exit_request = exit_request
        self.setAcceptDrops(True)
        self._released = False
        self._painted = False
        self._sized = False
        self._workspace: Workspace | None = None
        self._menu: WindowMenu | None = None
        kept = state.layout() if state is not None else None
        if kept is not None:
            self.restoreGeometry(kept[0])

    # What the composition root uses

    @property
    def workspace(self) -> Workspace:
        """What is inside; built at the first need."""
        if self._workspace is None:
            self._build()
        assert self._workspace is not None
        return self._workspace

    @property
    def menu(self) -> WindowMenu:
        self.workspace  # noqa: B018 - builds it
        assert self._menu is not None
        return self._menu

    @property
    def messages(self) -> MessagesPanel:
        """The table of messages, for whoever wants one tap's messages shown."""
        return self.workspace.messages

    def attach(self, session: Session, tasks: Tasks) -> None:
        """Show a session; the one before, if any, is let go."""
        self.workspace.attach(session, tasks)

    def flush(self) -> None:
        """Let every visible panel show what changed; a timer does so ten times a second."""
        self.workspace.flush()

    def show_notice(self, severity: str, text: str) -> None:
        """A notice at the foot of the window (``info ok warn fail``); never modal."""
        self.workspace.show_notice(severity, text)

    def select_exchange(self, exchange_id: int) -> None:
        self.workspace.select_exchange(exchange_id)

    def select_message(self, seq: int) -> None:
        self.workspace.select_message(seq)

    def show_doors(self) -> None:
        """The start page: Demo, Connect a charger, Open a capture."""
        self.workspace.show_doors()

    def show_connect(self) -> None:
        """The connect page, beside the running window."""
        self.workspace.show_connect()

    def grab_png(self, path: Path) -> None:
        """Save a picture of the window.

        Raises:
            OperatorError: the file cannot be written.
        """
        self.flush()
        if not self.grab().save(str(path), "PNG"):
            raise OperatorError(f"the picture could not be written to {path}", "choose another folder or name")

    def choose_theme(self, choice: theme.Choice) -> None:
        theme.current.choose(choice)
        self.menu.themes[choice].setChecked(True)
        if self._state is not None:
            self._state.theme = choice
            self._state.save()

    def reset_layout(self) -> None:
        """Docks as they were at first; what was remembered is forgotten."""
        self.workspace.reset_layout()
        if self._state is not None:
            self._state.forget_layout()

    def last_profile(self) -> Path | None:
        """The profile of the last run, if its file is still there."""
        path = self._state.profile if self._state is not None else None
        return path if path is not None and path.is_file() else None

    def remember_profile(self, path: Path) -> None:
        if self._state is not None:
            self._state.profile = path.absolute()
            self._state.save()

    def release(self) -> None:
        """Remember the layout and close for good; the engine has ended."""
        if self._released:
            return
        self._released = True
        if self._workspace is not None:
            self._workspace.end()
            if self._state is not None:
                self._state.keep_layout(self.saveGeometry(), self.saveState())
                self._workspace.keep(self._state)
                self._state.save()
        self.close()

    # Qt

    def closeEvent(self, event: QCloseEvent) -> None:
        # The engine ends first, in order and with everything written; release() then closes the window.
        if self._released:
            event.accept()
        else:
            event.ignore()
            self._exit_request()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._size_once()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if file := dropped_file(event.mimeData()):
            event.acceptProposedAction()
            self.workspace.tell_drop(file)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tokens dropped on the window go into the store, a capture is opened, what may become one is imported."""
        event.acceptProposedAction()
        self.workspace.take_file(dropped_file(event.mimeData()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        from PySide6.QtCore import Qt

        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            self.workspace.pause()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._workspace is None:
            _paint_outline(painter, self.palette(), self.width(), self.height())
        else:
            painter.fillRect(0, STRIP_HEIGHT, self.width(), 1, theme.color("border"))
        if not self._painted:
            self._painted = True
            QTimer.singleShot(COMPLETE_MS, self, lambda: self._released or self.workspace)

    # Inside

    def _build(self) -> None:
        from ui.glyphs import glyph_icon
        from ui.menu import WindowMenu
        from ui.workspace import Workspace

        self.setUpdatesEnabled(False)
        theme.current.style()
        self.setWindowIcon(glyph_icon("card", theme.color("accent"), 64))
        workspace = Workspace(self)
        self._workspace = workspace
        workspace.demo_requested.connect(self.demo_requested)
        workspace.connect_requested.connect(self.connect_requested)
        workspace.listen_requested.connect(self.listen_requested)
        workspace.capture_requested.connect(self.capture_requested)
        self._menu = WindowMenu(self, workspace, self.choose_theme, self.reset_layout, self.close)
        if self._state is not None:
            workspace.recall(self._state)
        # What is added to a visible window appears by a queued call; what follows needs it there.
        for part in (self.menuWidget(), self.centralWidget(), self.statusBar(), *workspace.docks.values()):
            QApplication.sendPostedEvents(part, QEvent.Type.MetaCall)
        kept = self._state.layout() if self._state is not None else None
        if kept is not None:
            self.restoreState(kept[1])
        self._size_once()
        workspace.tap.setFocus()
        self.setUpdatesEnabled(True)

    def _size_once(self) -> None:
        """Proportions of a fresh window, once it has its size; a remembered layout has its own."""
        if self._sized or self._workspace is None or not self.isVisible():
            return
        self._sized = True
        if self._state is None or self._state.layout() is None:
            self._workspace.size_docks()


def _paint_outline(painter: QPainter, palette: QPalette, width: int, height: int) -> None:
    """The cards that are about to be filled, where they will be.

    Only paths filled with the palette's brushes: a pen, a brush or a colour as an argument makes the enums of the namespace Qt.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    below = max(196, height * 30 // 100)
    middle = height - STRIP_HEIGHT - 9 - below - 64
    right = max(300, width * 26 // 100)
    top = STRIP_HEIGHT + 9
    for x, y, w, h in (
        (10, top, 238, middle),
        (256, top, width - right - 274, middle),
        (width - right - 10, top, right, middle),
        (10, height - below - 25, width - 20, below),
    ):
        for inset, brush in ((0, palette.mid()), (1, palette.base())):
            card = QPainterPath()
            card.addRoundedRect(QRectF(x, y, w, h).adjusted(inset, inset, -inset, -inset), 6 - inset, 6 - inset)
            painter.fillPath(card, brush)
    rule = QPainterPath()
    rule.addRect(QRectF(0, STRIP_HEIGHT, width, 1))
    painter.fillPath(rule, palette.mid())
    painter.setFont(theme.ui_font(1.0, bold=True))
    painter.drawText(QPointF(12, STRIP_HEIGHT / 2 + painter.fontMetrics().ascent() / 2 - 1), "Authbench")


def dropped_file(data: QMimeData) -> str:
    """The one file of this computer that is being dropped, or nothing."""
    urls = data.urls()
    return urls[0].toLocalFile() if len(urls) == 1 and urls[0].isLocalFile() else ""


def make_window(
    *,
    theme: str | None = None,
    size: tuple[int, int] | None = None,
    remember: bool = True,
    exit_request: Callable[[], None] = lambda: None,
    state_file: Path | None = None,
) -> tuple[QApplication, MainWindow]:
    """The application and its window, not shown yet.

    theme: ``system``, ``light``, ``dark``, or None for the one remembered. size: of the window in pixels. remember: read and
    write ``state_file`` (by default in the user's configuration folder). exit_request is called when the operator closes it.

    Raises:
        BadInput: a theme that does not exist.
    """
    from ui import theme as look

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("authbench")
    app.setApplicationDisplayName("Authbench")
    app.setDesktopFileName("authbench")
    app.setQuitOnLastWindowClosed(False)
    state = None
    if remember:
        from ui.state import UiState, default_path

        state = UiState(state_file or default_path())
    try:
        choice = look.Choice(theme) if theme is not None else state.theme if state is not None else look.Choice.SYSTEM
    except ValueError as error:
        raise BadInput(f"there is no theme {theme}", "choose system, light or dark") from error
    look.current.install(app, choice)
    window = MainWindow(state, exit_request)
    if size is not None:
        window.resize(*size)
    elif state is None or state.layout() is None:
        room = app.primaryScreen().availableSize()
        window.resize(min(DEFAULT_SIZE[0], room.width()), min(DEFAULT_SIZE[1], room.height()))
    return app, window
