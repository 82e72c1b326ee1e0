"""Finding a message without hiding the others: what to look for is asked once, then it goes from match to match."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bench.journal.filter import Context, FilterError, parse
from ui.dialogs import ask_text
from ui.panels.base import Panel

if TYPE_CHECKING:
    from bench.session import Session


class Finder:
    """Works for a panel. selected: number of the message that is picked there, or None. go_to: shows a message."""

    def __init__(self, panel: Panel, selected: Callable[[], int | None], go_to: Callable[[int], None]) -> None:
        self._panel = panel
        self._selected = selected
        self._go_to = go_to
        self._sought = ""

    async def find(self, session: Session, context: Context, *, forwards: bool, anew: bool) -> None:
        """Go to the next match of what was looked for last; anew, or the first time, ask for it.

        Raises:
            OperatorError: the capture cannot be read.
        """
        if anew or not self._sought:
            asked = await ask_text(self._panel, "Find", "A word, or a filter:", text=self._sought, ok="Find next")
            if not asked:
                return
            self._sought = asked
        try:
            wanted = parse(self._sought)
        except FilterError as error:
            self._panel.notice.emit("fail", f"What to find is wrong at character {error.position + 1}: {error.text}")
            self._sought = ""
            return
        # The capture's reader is heavy; the window is painted before it is loaded.
        from bench.journal.find import find_before, find_next

        history = session.history
        if forwards:
            found = await find_next(history, context, wanted, self._selected() or 0)
        else:
            found = await find_before(history, context, wanted, self._selected() or history.head + 1)
        if found is None:
            words = "further" if forwards else "earlier"
            self._panel.notice.emit("info", f"No {words} message matches {self._sought}")
        else:
            self._go_to(found)
