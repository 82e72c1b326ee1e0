"""What the comparisons of a window need around them: captures asked for and opened, work beside the loop, what opens what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from bench.errors import BadInput, OperatorError
from ui.transfer import CalledOff, Orders, Work, captured

if TYPE_CHECKING:
    from bench.journal.capture_reader import CaptureReader
    from bench.session import Session
    from ui.panels.compare_captures import CapturesWindow
    from ui.panels.compare_sources import Source
    from ui.panels.exchanges import ExchangesPanel

FILTERS = "Captures (*.db);;All files (*)"


class Comparisons:
    """Comparing exchanges with those of another capture, and whole captures with each other.

    captures: the window that compares whole captures, once it was asked for.
    """

    def __init__(self, window: QMainWindow, exchanges: ExchangesPanel, orders: Orders) -> None:
        self._window = window
        self._exchanges = exchanges
        self._orders = orders
        self._session: Session | None = None
        self._open: list[CaptureReader] = []
        self._compared: tuple[Path, Path] | None = None
        self.captures: CapturesWindow | None = None
        exchanges.capture_wanted.connect(self.with_capture)

    def attach(self, session: Session) -> None:
        """This session's capture is offered from now on."""
        self._session = session

    def end(self) -> None:
        """The window closes: what runs is called off, what is open is closed."""
        if self.captures is not None:
            self.captures.reject()
        for reader in self._open:
            reader.close()
        self._open = []

    # Exchanges

    def with_capture(self) -> None:
        """Have a capture named and put its exchanges beside those of the session."""
        self._orders.run(self._beside(), name="capture to compare with")

    async def _beside(self) -> None:
        from bench.journal.capture_reader import CaptureReader
        from ui.dialogs import ask_open_path
        from ui.panels.compare_sources import RecordedSource

        chosen = await ask_open_path(self._window, "Compare with a capture", FILTERS)
        compare = self._exchanges.compare
        if not chosen or compare is None:
            return
        reader = CaptureReader(Path(chosen))
        self._open.append(reader)
        compare.show_capture(RecordedSource(reader, reader.path.name))
        self._close_unused()

    # Whole captures

    def show_captures(self) -> None:
        """Open the comparison of captures, or bring it to the front; that of the session is offered on the left."""
        from ui.panels.compare_captures import CapturesWindow

        window = self.captures
        if window is None:
            window = self.captures = CapturesWindow(self._window)
            window.ordered.connect(lambda: self._orders.run(self._compare(), name="compare captures"))
            window.choose.connect(lambda side: self._orders.run(self._choose(side), name="capture to compare"))
            window.tap_opened.connect(self._open_tap)
        if not window.left.text() and self._session is not None:
            window.name(left=self._session.history.file)
        window.show()
        window.raise_()
        window.activateWindow()
        (window.right if window.left.text() else window.left).setFocus()

    async def _choose(self, side: str) -> None:
        from ui.dialogs import ask_open_path

        window = self.captures
        assert window is not None
        chosen = await ask_open_path(window, f"Capture on the {side}", FILTERS)
        if chosen:
            window.name(**{side: Path(chosen)})

    async def _compare(self) -> None:
        from ui.panels.compare_outline import outline

        window = self.captures
        assert window is not None
        work = Work("Comparing")

        def say(what: str, done: int, total: int) -> None:
            work.what = what
            work.tell(done, total)

        try:
            left, right = _named(window.left.text(), "left"), _named(window.right.text(), "right")
            window.begin(work)
            await self._write_out(left, right)
            made = await work.run(lambda tell: outline(left, right, say))
        except CalledOff:
            window.fail("info", "Called off.")
        except OperatorError as error:
            window.fail("fail", str(error))
        except BaseException:
            window.fail("info", "Called off.")
            raise
        else:
            self._compared = (left, right)
            window.show_outline(made)

    async def _write_out(self, *files: Path) -> None:
        """Where the capture that is being recorded is compared, what waits to be written goes into it first."""
        session = self._session
        capture = session.capture if session is not None else None
        if session is not None and capture is not None and capture.readable in files:
            async with captured(session):
                pass

    def _open_tap(self, left: int, right: int) -> None:
        """Both sides of a tap, message by message."""
        if self._compared is None:
            return
        try:
            sources = [self._source(path, id_) for path, id_ in zip(self._compared, (left, right), strict=True)]
            compare = self._exchanges.show_compare()
            compare.show_sources(*sources)
            compare.choose(left or None, right or None)
        except OperatorError as error:
            self._orders.notice("fail", str(error))
        self._close_unused()

    def _source(self, path: Path, exchange_id: int) -> Source:
        """The session itself where it is of its capture: its messages can then be picked in the other panels."""
        from bench.journal.capture_reader import CaptureReader
        from ui.panels.compare_sources import RecordedSource, SessionSource

        session = self._session
        if session is not None and session.history.file == path and exchange_id in session.exchanges:
            return SessionSource(session)
        reader = CaptureReader(path)
        self._open.append(reader)
        return RecordedSource(reader, path.name)

    def _close_unused(self) -> None:
        """A capture that is on neither side any more is closed."""
        compare = self._exchanges.compare
        sides = () if compare is None else (compare.left.source, compare.right.source)
        used = [getattr(source, "reader", None) for source in sides]
        for reader in self._open:
            if reader not in used:
                reader.close()
        self._open = [reader for reader in self._open if reader in used]


def _named(text: str, side: str) -> Path:
    if not text.strip():
        raise BadInput(f"no capture is named on the {side}", "choose one")
    return Path(text.strip()).expanduser()
