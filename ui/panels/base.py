"""What every panel of the window is: built empty, attached to a session later, refreshed by the window's one timer."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from bench.errors import OperatorError
from bench.ports import LinkState

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks


class Panel(QWidget):
    """A part of the window.

    title: shown on its tab or header. session, tasks: None until attached.

    The window calls :meth:`refresh` on its flush timer, never while it is hidden. It calls ``select_message``,
    ``select_exchange`` and ``select_station`` on every panel but the one that emitted the signal; a panel overrides what
    concerns it.

    Signals:
        message_selected: journal number of a message the operator picked here.
        exchange_selected: id of an exchange the operator picked here.
        station_selected: id of a station the operator picked here.
        notice: severity (``info ok warn fail``) and text for the window's banner.
    """

    title = ""
    message_selected = Signal(int)
    exchange_selected = Signal(int)
    station_selected = Signal(str)
    notice = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session: Session | None = None
        self.tasks: Tasks | None = None
        if self.title:
            self.setAccessibleName(self.title)

    def attach(self, session: Session, tasks: Tasks) -> None:
        """Show this session from now on. Called once the engine is up, and again when another one takes its place."""
        self.session = session
        self.tasks = tasks

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        """Show what changed since the last call; ``changes`` may be empty while the journal grew."""

    def run(self, action: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Start an action from a slot. What the operator can mend becomes a notice; a bug of ours is logged by Tasks."""
        if self.tasks is None:
            action.close()
            self.notice.emit("warn", "The bench is not running yet.")
            return
        task = self.tasks.spawn(self._guarded(action), name=name)
        task.add_done_callback(lambda _: action.close())  # cancelled before it began, nobody would have awaited it

    @property
    def has_store(self) -> bool:
        """Whether there are tokens behind what is shown; an opened capture holds none."""
        store = None if self.session is None else self.session.links.get("store")
        return store is None or store.state is not LinkState.OFF

    async def _guarded(self, action: Coroutine[Any, Any, Any]) -> None:
        try:
            await action
        except OperatorError as error:
            self.notice.emit("fail", str(error))

    # What the window passes on

    def select_message(self, seq: int) -> None:
        """A message was picked elsewhere."""

    def select_exchange(self, exchange_id: int) -> None:
        """An exchange was picked elsewhere."""

    def select_station(self, station: str) -> None:
        """A station was picked elsewhere."""

    def focus_filter(self) -> bool:
        """Put the cursor into the filter of this panel (Ctrl+F); False where it has none."""
        return False

    def toggle_pause(self) -> bool:
        """Pause or resume the view, never the capture (Space); False where there is nothing to pause."""
        return False

    def set_joined(self, joined: bool) -> None:
        """The panel brings its own cards, and its first one is (or is not) joined to a title above it."""

    def remembered(self) -> dict[str, str]:
        """What to remember over a restart (filters, chosen columns), as short strings."""
        return {}

    def recall(self, values: dict[str, str]) -> None:
        """Take back what :meth:`remembered` gave; unknown or spoiled values are ignored."""


def touches(changes: Iterable[tuple[object, object]], *kinds: str) -> bool:
    """Whether one of those kinds of :class:`bench.change.Change` (by their words) is among the changes."""
    return any(kind in kinds for kind, _ in changes)
