"""Export and import from the window: what is asked for is done beside the loop, told as it goes, and can be called off."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from PySide6.QtWidgets import QMainWindow

from bench.errors import BadInput, OperatorError
from bench.journal.filter import Filter, narrowing
from bench.journal.filter.narrowing import Narrowing

if TYPE_CHECKING:
    from bench.journal.formats.convert import Report
    from bench.session import Session
    from bench.tasks import Tasks
    from ui.panels.messages import MessagesPanel
    from ui.panels.transfer_page import Choice, ExportPage, ImportPage

T = TypeVar("T")
Tell = Callable[[int, int], None]
Notice = Callable[[str, str], None]

IMPORTABLE = (".jsonl", ".json", ".oot", ".csv", ".log", ".txt")
"""How the names of files end that are no captures but may be made into one."""
IMPORT_FILTERS = (
    "Exports, traces, rows and logs (*.jsonl *.json *.oot *.csv *.log *.txt);;"
    "Exports and traces (*.jsonl *.json *.oot);;Rows (*.csv);;Logs of OCPP arrays (*.log *.txt *.json);;All files (*)"
)
FLUSH_LIMIT_S = 10.0
SNAPSHOT_PART = 10_000
"""Messages of a session without a capture that are handed over at once."""


def importable(path: Path) -> bool:
    """Whether a file's name says that it is to be imported, not opened."""
    return path.name.lower().endswith(IMPORTABLE)


# Work beside the loop


class CalledOff(Exception):
    """The operator called the work off."""


class Work:
    """One piece of work on a thread of its own. done, total, what: how far it is, read by whoever shows it; total 0: unknown."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.done = 0
        self.total = 0
        self._stop = threading.Event()

    def tell(self, done: int, total: int) -> None:
        """For the thread: it is so far.

        Raises:
            CalledOff: it should clean up and end.
        """
        self.done, self.total = done, total
        if self._stop.is_set():
            raise CalledOff

    def stop(self) -> None:
        """Have it end soon, with nothing left behind."""
        self._stop.set()

    async def run(self, job: Callable[[Tell], T]) -> T:
        """Do it; whoever is cancelled meanwhile waits until the thread has cleaned up.

        Raises:
            CalledOff: it was stopped. Whatever the job raises.
        """
        future = asyncio.get_running_loop().run_in_executor(None, job, self.tell)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self.stop()
            await asyncio.wait([future])
            future.exception()  # whoever asked is gone, so it is told to nobody
            raise


class Orders:
    """Starts what menus and pages ask for, with a session and without. tasks: given by the composition root."""

    def __init__(self, notice: Notice) -> None:
        self.tasks: Tasks | None = None
        self.notice = notice

    def run(self, action: Coroutine[Any, Any, Any], *, name: str) -> None:
        """What the operator can mend becomes a notice; a bug of ours is logged by Tasks."""
        if self.tasks is None:
            action.close()
            self.notice("warn", "The program is still starting; try again in a moment.")
            return
        self.tasks.spawn(self._guarded(action), name=name)

    async def _guarded(self, action: Coroutine[Any, Any, Any]) -> None:
        try:
            await action
        except OperatorError as error:
            self.notice("fail", str(error))


# What there is to export


class Captured(NamedTuple):
    """A session as a file. lack: what of the session is not in it, as a sentence; empty where all is."""

    path: Path
    lack: str = ""


@asynccontextmanager
async def captured(session: Session) -> AsyncIterator[Captured]:
    """Everything up to now as a capture: the one that is being recorded, the one that was opened, or one made of what is in
    memory, which is gone again afterwards.

    Raises:
        StoreError: what is in memory cannot be written.
    """
    capture = session.capture
    file = session.history.file if capture is None else capture.readable
    if capture is not None and file is not None:
        capture.pull(session.journal)
        try:
            async with asyncio.timeout(FLUSH_LIMIT_S):
                await capture.flush()
        except TimeoutError:
            pass  # told by what still waits
        waiting = capture.pending
        yield Captured(file, f"{waiting:,} messages still wait for the disk and are missing" if waiting else "")
    elif file is not None:
        yield Captured(file)
    else:
        with tempfile.TemporaryDirectory(prefix="authbench-") as folder:
            first, last = session.journal.first, session.journal.head
            lack = f"nothing is recorded, so messages #1 to #{first - 1} are gone" if 1 < first <= last else ""
            yield Captured(await _from_memory(session, Path(folder)), lack)


async def _from_memory(session: Session, folder: Path) -> Path:
    from bench.journal.capture import Capture

    capture = Capture(folder / "memory.db")
    await capture.open()
    try:
        for station in list(session.stations.values()):
            capture.offer_station(station.id, station.version)
        journal, after = session.journal, session.journal.first - 1
        while batch := journal.since(after, SNAPSHOT_PART):
            after = batch[-1].seq
            capture.offer(batch)
            await capture.flush()
        for count, exchange in enumerate(list(session.exchanges.values()), 1):
            capture.offer_exchange(exchange)
            if count % SNAPSHOT_PART == 0:
                await capture.flush()
        seq = 0
        while (noted := session.notes.next_after(seq)) is not None and noted > seq:
            seq = noted
            capture.offer_note(seq, session.notes.of(seq))
    finally:
        await capture.close()
    return capture.path


def only_rows(rows: array[int]) -> Filter:
    """Lets the messages of these numbers through (rising)."""

    def among(seq: int) -> bool:
        at = bisect_left(rows, seq)
        return at < len(rows) and rows[at] == seq

    first, last = (rows[0], rows[-1]) if rows else (1, 0)
    within = narrowing.exact("seq BETWEEN ? AND ?", first, last)
    return Filter("the rows of the table", lambda message, context: among(message.seq), Narrowing(within.may))


# What the window offers


@dataclass(slots=True)
class Exported:
    """What an export came to."""

    report: Report
    lack: str
    without_message: int

    def __str__(self) -> str:
        parts = [str(self.report)]
        if self.without_message:
            parts.append(f"{self.without_message:,} rows hold no message (a gap, or gone from memory)")
        if self.lack:
            parts.append(self.lack)
        return "; ".join(parts)


class Transfers:
    """Export and import for one window. open_capture: is told the file of a new capture to show."""

    def __init__(
        self, window: QMainWindow, messages: MessagesPanel, orders: Orders, open_capture: Callable[[str], None]
    ) -> None:
        self._window = window
        self._messages = messages
        self._orders = orders
        self._open_capture = open_capture
        self._session: Session | None = None
        self._kept: dict[str, str] = {}
        self._imported: tuple[Path, str] | None = None
        self.export_page: ExportPage | None = None
        self.import_page: ImportPage | None = None

    def attach(self, session: Session) -> None:
        """Exports are of this session from now on; what was being exported of another ends."""
        self._session = session
        if self.export_page is not None:
            self.export_page.dismiss()
            self.export_page.file.clear()
        imported, self._imported = self._imported, None
        if imported is not None and imported[0] == session.history.file:
            self._orders.notice("ok", imported[1])  # what was said before the capture came up is gone

    def end(self) -> None:
        """The window closes."""
        for page in (self.export_page, self.import_page):
            if page is not None:
                page.dismiss()

    def remembered(self) -> dict[str, str]:
        return self.export_page.remembered() if self.export_page is not None else self._kept

    def recall(self, values: dict[str, str]) -> None:
        self._kept = values

    # Export

    def export(self, *, rows: bool = False) -> None:
        """Show the page on which to choose what is exported, and where to. rows: begin with the rows of the table, as CSV."""
        from ui.panels.transfer_page import ExportPage

        session = self._session
        if session is None:
            self._orders.notice("info", "There is nothing to export yet: start the bench or open a capture.")
            return
        page = self.export_page
        if page is None:
            page = self.export_page = ExportPage(self._window)
            page.recall(self._kept)
            page.ordered.connect(lambda: self._orders.run(self._export(), name="export"))
            page.choose_file.connect(lambda: self._orders.run(self._choose_target(), name="file to export to"))
            page.stale.connect(self._offer)
            self._messages.filter_line.applied.connect(self._offer)
        if not page.running:
            self._messages.filter_line.apply()
            page.suggest(session.history.file)
            self._offer()
            page.begin_with(rows=rows)
        page.present()

    def _offer(self, _: object = None) -> None:
        page, session = self.export_page, self._session
        if page is not None and session is not None:
            recorded = session.capture is not None or session.history.file is not None
            wanted = self._messages.filter_line.filter
            page.offer(
                session.counters()["messages"] if recorded else session.journal.head - session.journal.first + 1,
                wanted.text if wanted is not None else "",
                self._messages.table.model().rowCount(),
                recorded=recorded,
            )

    async def _choose_target(self) -> None:
        from ui.dialogs import ask_save_path

        page = self.export_page
        assert page is not None
        chosen = await ask_save_path(page, "Export to", page.file.text(), page.name_filters(), confirm=False)
        if chosen:
            page.file.setText(chosen)

    async def _export(self) -> None:
        from ui.dialogs import ask

        page, session = self.export_page, self._session
        assert page is not None
        assert session is not None
        try:
            choice = page.choice()
        except OperatorError as error:
            page.tell("fail", str(error))
            return
        replace = choice.target.is_file()
        if replace and not await ask(
            page, f"Replace {choice.target.name}?", detail=f"{choice.target} exists already.", yes="Replace"
        ):
            return
        work = Work("Writing messages")
        page.begin(work)
        try:
            done = await self._write(session, choice, work, replace)
        except CalledOff:
            page.finish("info", "Called off; nothing was written.")
        except OperatorError as error:
            page.finish("fail", str(error))
            self._orders.notice("fail", f"The export failed: {error}")
        except BaseException:
            page.finish("info", "Called off; nothing was written.")
            raise
        else:
            page.finish("warn" if done.lack else "ok", f"{choice.target}: {done}")
            self._orders.notice("warn" if done.lack else "ok", f"Exported to {choice.target}: {done}")

    async def _write(self, session: Session, choice: Choice, work: Work, replace: bool) -> Exported:
        from bench.journal.formats.convert import export_capture
        from ui.panels.transfer_page import Scope

        wanted, rows = None, array("q")
        if choice.scope is Scope.FILTER:
            wanted = self._messages.filter_line.filter
        elif choice.scope is Scope.ROWS:
            rows = self._messages.shown()
            if not rows:
                raise BadInput("the table shows no rows", "choose something else, or another filter")
            wanted = only_rows(rows)
        async with captured(session) as source:
            report = await work.run(
                lambda tell: export_capture(
                    source.path,
                    choice.target,
                    choice.form,
                    filter=wanted,
                    redact=choice.redact,
                    force=replace,
                    progress=tell,
                )
            )
        without = len(rows) - report.messages - report.left_out.total() if choice.scope is Scope.ROWS else 0
        return Exported(report, source.lack, max(0, without))

    # Import

    def import_file(self, file: str = "") -> None:
        """Make a capture of a file and open it; without a name it is asked for."""
        self._orders.run(self._ask_import(file), name="file to import")

    async def _ask_import(self, file: str) -> None:
        from ui.dialogs import ask_open_path
        from ui.panels.transfer_page import ImportPage

        page = self.import_page
        if page is not None and page.running:
            page.present()
            raise BadInput("a file is being imported already", "wait for it, or cancel it")
        chosen = file or await ask_open_path(self._window, "Import", IMPORT_FILTERS)
        if not chosen:
            return
        if page is None:
            page = self.import_page = ImportPage(self._window)
            page.ordered.connect(lambda: self._orders.run(self._import(), name="import"))
            page.choose_file.connect(lambda: self._orders.run(self._choose_capture(), name="capture to import to"))
        page.suggest(Path(chosen), busy=self._session is not None)
        page.present()

    async def _choose_capture(self) -> None:
        from ui.dialogs import ask_save_path

        page = self.import_page
        assert page is not None
        chosen = await ask_save_path(page, "New capture", page.file.text(), "Captures (*.db);;All files (*)")
        if chosen:
            page.file.setText(chosen)

    async def _import(self) -> None:
        from bench.journal.formats.convert import import_file

        page = self.import_page
        assert page is not None
        try:
            source, form, capture = page.source, page.chosen_form, page.target()
        except OperatorError as error:
            page.tell("fail", str(error))
            return
        work = Work("Reading")
        page.begin(work)
        try:
            report = await work.run(lambda tell: import_file(source, capture, form, progress=tell))
        except CalledOff:
            page.finish("info", "Called off; no capture was made.")
        except OperatorError as error:
            page.finish("fail", str(error))
            self._orders.notice("fail", f"The import failed: {error}")
        except BaseException:
            page.finish("info", "Called off; no capture was made.")
            raise
        else:
            page.finish("ok", f"{capture} (from {report.form}): {report}")
            told = f"Imported {source.name} to {capture}: {report}"
            self._orders.notice("ok", told)
            if page.open_after.isChecked():
                page.dismiss()
                self._imported = (capture, told)
                self._open_capture(str(capture))
