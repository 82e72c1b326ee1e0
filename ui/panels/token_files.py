"""Import and export of the token store from the window: read and written beside the loop, told as it goes, called off at will."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BadInput, OperatorError
from bench.tokens.columns import MAPPABLE
from bench.tokens.model import ID_TOKEN_TYPES, Token
from ui import dialogs
from ui.transfer import CalledOff, Work

if TYPE_CHECKING:
    from bench.tokens.edits import Edits
    from bench.tokens.export import ExportForm, Written
    from bench.tokens.import_plan import Plan
    from bench.tokens.index import TokenIndex
    from bench.tokens.token_file import Reading
    from ui.models.tokens import TokenTableModel
    from ui.panels.base import Panel
    from ui.panels.token_export import TokenExportPage
    from ui.panels.token_import import ImportPreview

FILTERS = "Tokens (*.csv *.json *.txt *.tsv);;CSV (*.csv *.txt *.tsv);;JSON (*.json);;All files (*)"
MAX_MAPPINGS = 20
LARGE = 256 * 1024
"""Files from this size on show their first rows before they are read."""

Mapping = dict[str, str | None]


class _StoreWork(Work):
    """Work that the store does: stopping it cancels who waits for it, and the store rolls back."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.task: asyncio.Task[bool | OperatorError] | None = None

    def told(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def stop(self) -> None:
        super().stop()
        if self.task is not None:
            self.task.cancel()


class TokenFiles:
    """Files of one Tokens panel. edits: through which the store is changed. selected: tokens that are selected in the table.

    changed: called when an import has changed the store.
    """

    def __init__(
        self,
        panel: Panel,
        model: TokenTableModel,
        edits: Callable[[], Edits],
        selected: Callable[[], list[Token]],
        changed: Callable[[], None],
    ) -> None:
        self._panel = panel
        self._model = model
        self._edits = edits
        self._selected = selected
        self._changed = changed
        self._open: dict[ImportPreview, Work | None] = {}
        self._mappings: dict[tuple[str, ...], Mapping] = {}
        self._page: TokenExportPage | None = None

    def end(self) -> None:
        """Another session, or none: what was begun for this one is called off."""
        for preview in tuple(self._open):
            preview.dismiss()
        if self._page is not None:
            self._page.dismiss()

    # Remembered

    def remembered(self) -> str:
        """What columns were taken for, by the names of all columns of their file."""
        return json.dumps([[list(names), mapping] for names, mapping in self._mappings.items()])

    def recall(self, text: str) -> None:
        """Take back what :meth:`remembered` gave; what is spoiled counts as nothing."""
        try:
            kept = json.loads(text)
            for names, mapping in kept[-MAX_MAPPINGS:]:
                fit = {str(name): field for name, field in mapping.items() if field is None or field in MAPPABLE}
                self._mappings[tuple(map(str, names))] = fit
        except (ValueError, TypeError, AttributeError, KeyError):
            self._mappings.clear()

    def _remember(self, columns: tuple[str, ...], mapping: Mapping) -> None:
        self._mappings.pop(columns, None)
        self._mappings[columns] = mapping
        while len(self._mappings) > MAX_MAPPINGS:
            del self._mappings[next(iter(self._mappings))]

    # Import

    async def ask_import(self) -> None:
        """Ask for a file and show what importing it would do."""
        path = await dialogs.ask_open_path(self._panel, "Import tokens", FILTERS)
        if path is not None:
            await self.import_path(Path(path))

    async def import_path(self, path: Path) -> None:
        """Show what importing a file would do; done when its beginning is shown and it is read.

        Raises:
            BadInput: the file cannot be opened, or is no text.
        """
        from bench.tokens.text_file import TextFile
        from ui.panels.token_import import ImportPreview

        session, panel = self._panel.session, self._panel
        assert session is not None
        (await asyncio.to_thread(TextFile, path)).close()
        preview = ImportPreview(path.name, session.profile.enrol, panel)
        self._open[preview] = None
        preview.finished.connect(lambda _: self._open.pop(preview, None))
        preview.changed.connect(lambda: panel.run(self._read(preview, path), name="read tokens"))
        preview.ordered.connect(lambda: panel.run(self._import(preview, path), name="import tokens"))
        preview.save_errors.connect(lambda: panel.run(self._save_errors(preview, path), name="save wrong rows"))
        preview.show()
        await self._read(preview, path, fresh=True)

    async def _read(self, preview: ImportPreview, path: Path, *, fresh: bool = False) -> None:
        """Read the file as the preview says and show what importing it would do; a reading under way ends."""
        before = self._open.get(preview)
        if before is not None:
            before.stop()
        work = self._open[preview] = Work("Reading")
        preview.begin(work)
        try:
            reading, size = await self._look(preview, path, fresh=fresh)
            plan = await self._plan(preview, path, reading, work, large=size > LARGE)
        except CalledOff:
            return
        except OperatorError as error:
            if self._open.get(preview) is work:
                self._open[preview] = None
                preview.fail(error)
            return
        if self._open.get(preview) is work:
            self._open[preview] = None
            preview.show_plan(plan)

    async def _look(self, preview: ImportPreview, path: Path, *, fresh: bool) -> tuple[Reading, int]:
        """Show what the file is, and say how to read it and how large it is.

        fresh: its columns are taken for what they were the last time.
        """
        from bench.tokens.token_file import TokenFile

        def look(reading: Reading) -> TokenFile:
            with TokenFile(path, reading) as file:
                return file

        reading = preview.reading(mapped=not fresh)
        file = await asyncio.to_thread(look, reading)
        known = self._mappings.get(file.columns)
        if fresh and known is not None:
            reading = replace(reading, mapping=known)
            file = await asyncio.to_thread(look, reading)
        if preview in self._open:
            preview.show_file(file)
        return replace(reading, mapping=dict(file.mapping), named=file.named), file.size

    async def _plan(self, preview: ImportPreview, path: Path, reading: Reading, work: Work, *, large: bool) -> Plan:
        from bench.tokens.import_plan import SHOWN, origin_of, plan_import

        assert self._panel.session is not None
        store = self._panel.session.store
        existing, origin = preview.chosen, origin_of(path)
        preview.revision = store.revision
        if large:
            first = await work.run(
                lambda tell: plan_import(path, reading, store.get, existing, origin=origin, limit=SHOWN)
            )
            if self._open.get(preview) is not work:
                raise CalledOff
            preview.show_first(first)
        return await work.run(
            lambda tell: plan_import(path, reading, store.get, existing, origin=origin, progress=tell)
        )

    async def _import(self, preview: ImportPreview, path: Path) -> None:
        panel = self._panel
        if panel.session is None or panel.tasks is None or preview not in self._open:
            return
        if preview.revision != panel.session.store.revision:
            await self._read(preview, path)
            if preview in self._open:
                preview.remark("The store changed meanwhile: this is what the import would do now.")
            return
        tokens = preview.plan.tokens
        work = _StoreWork("Writing")
        self._open[preview] = work
        preview.begin(work, importing=True)
        what = f"Imported {len(tokens):,} tokens from {path.name}"
        work.task = panel.tasks.spawn(self._put(what, tokens, work), name="write tokens")
        try:
            await asyncio.wait([work.task])
        except asyncio.CancelledError:
            work.stop()
            raise
        self._tell_import(preview, path, work.task, what)

    async def _put(self, what: str, tokens: list[Token], work: _StoreWork) -> bool | OperatorError:
        """Whether it can be taken back, or why it was not done."""
        try:
            return await self._edits().make(what, tokens, by="import", progress=work.told)
        except OperatorError as error:
            return error

    def _tell_import(
        self, preview: ImportPreview, path: Path, done: asyncio.Task[bool | OperatorError], what: str
    ) -> None:
        here = preview in self._open
        if here:
            self._open[preview] = None
        if done.cancelled() or done.exception() is not None:
            if here:
                preview.stopped("Called off; nothing was imported." if done.cancelled() else "✖ Nothing was imported.")
            return
        outcome = done.result()
        if isinstance(outcome, OperatorError):
            if here:
                preview.stopped(f"✖ Nothing was imported: {outcome}")
            self._panel.notice.emit("fail", f"Nothing was imported from {path.name}: {outcome}")
            return
        if here:
            self._remember(tuple(preview.columns.mapping()), preview.columns.mapping())
            preview.accept()
        self._changed()
        hint = "Ctrl+Z takes it back." if outcome else "It is too large to be taken back."
        self._panel.notice.emit("ok", f"{what}. {hint}")

    async def _save_errors(self, preview: ImportPreview, path: Path) -> None:
        from bench.tokens.export import write_errors

        errors = list(preview.plan.errors)
        target = await dialogs.ask_save_path(preview, "Save the wrong rows", f"{path.stem}-wrong.csv", "CSV (*.csv)")
        if target is not None:
            await asyncio.to_thread(write_errors, errors, Path(target))
            self._panel.notice.emit("ok", f"Wrote {len(errors):,} wrong rows to {target}.")

    # Export

    def ask_export(self) -> None:
        """Show the page on which to choose what is exported, and where to."""
        from ui.panels.token_export import TokenExportPage

        page, panel = self._page, self._panel
        if page is None:
            page = self._page = TokenExportPage(panel)
            page.ordered.connect(lambda: panel.run(self._export(), name="export tokens"))
            page.choose_file.connect(lambda: panel.run(self._choose_target(), name="file to export to"))
        if not page.running:
            page.offer(self._model.total, self._model.count(), len(self._selected()))
        page.present()

    async def export_path(self, path: Path, form: ExportForm | None = None, *, key_codes: bool = False) -> None:
        """Write the whole store.

        Raises:
            OperatorError: the file cannot be written.
        """
        written = await self._write(Work("Writing"), self._everything(), self._model.total, path, form, key_codes)
        self._panel.notice.emit("ok", f"Wrote {written} to {path}.")

    async def _choose_target(self) -> None:
        page = self._page
        assert page is not None
        filters = f"(*{page.chosen_form.ending});;All files (*)"
        chosen = await dialogs.ask_save_path(page, "Export tokens to", page.file.text(), filters, confirm=False)
        if chosen:
            page.file.setText(chosen)

    async def _export(self) -> None:
        from ui.panels.token_export import Scope

        page = self._page
        assert page is not None
        try:
            choice = page.choice()
        except OperatorError as error:
            page.tell("fail", str(error))
            return
        if choice.target.is_file() and not await dialogs.ask(
            page, f"Replace {choice.target.name}?", detail=f"{choice.target} exists already.", yes="Replace"
        ):
            return
        tokens: Iterable[Token]
        if choice.scope is Scope.SELECTED:
            tokens = self._selected()
            total = len(tokens)
        elif choice.scope is Scope.SHOWN:
            tokens, total = self._model.shown(), self._model.count()
        else:
            tokens, total = self._everything(), self._model.total
        work = Work("Writing tokens")
        page.begin(work)
        try:
            written = await self._write(work, tokens, total, choice.target, choice.form, choice.key_codes)
        except CalledOff:
            page.finish("info", "Called off; nothing was written.")
        except OperatorError as error:
            page.finish("fail", str(error))
        except BaseException:
            page.finish("info", "Called off; nothing was written.")
            raise
        else:
            lack = bool(written.key_codes or written.left_out)
            page.finish("warn" if lack else "ok", f"{choice.target}: {written}")

    async def _write(
        self, work: Work, tokens: Iterable[Token], total: int, path: Path, form: ExportForm | None, key_codes: bool
    ) -> Written:
        from bench.tokens.export import write_tokens

        return await work.run(
            lambda tell: write_tokens(tokens, path, form, key_codes=key_codes, total=total, progress=tell)
        )

    def _everything(self) -> Iterator[Token]:
        """The store's tokens as they are now, or when their turn comes: nothing is copied but their order."""
        session = self._panel.session
        if session is None:
            raise BadInput("there is no store to export", "start the bench first")
        return _in_order(session.store.index)


def _in_order(index: TokenIndex) -> Iterator[Token]:
    order = list(index.sort())
    return (token for value, kind in order if (token := index.get(value, ID_TOKEN_TYPES[kind])) is not None)
