"""Tokens: the store as a table; every change can be taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from ui import dialogs, theme
from ui.models.tokens import TokenTableModel, shown_uid
from ui.panels.base import Panel
from ui.panels.cells import make_table, set_widths
from ui.panels.token_form import TokenForm
from ui.panels.token_import import SAMPLES, ImportPreview
from ui.panels.unknown_tokens import UnknownChoice
from ui.widgets import EmptyState, RoleLabel, grouped, mark

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks
    from ui.panels.maeve_sync import SyncDialog

MAX_UNDO = 50
MAX_LABEL = 32
BATCH = 500
FILTERS = "Tokens (*.csv *.json);;CSV (*.csv);;JSON (*.json)"


@dataclass(frozen=True, slots=True)
class _Undo:
    """How to take one change back. what: the change, as "Deleted 04 A2 B3 C4". put: tokens as they were.

    remove: tokens that were not there.
    """

    what: str
    put: tuple[Token, ...] = ()
    remove: tuple[Token, ...] = ()


class TokensPanel(Panel):
    """The token store. Changes made elsewhere (the API, another bench on the same database) show at the next refresh."""

    title = "Tokens"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._undo: list[_Undo] = []
        self._stale = True
        self._unsubscribe: Callable[[], None] | None = None
        self._sync: SyncDialog | None = None
        self._build()
        theme.on_change(self.table.viewport().update)

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._unsubscribe = session.store.subscribe(self._store_changed)
        self._undo.clear()
        self._tell_undo()
        self._stale = True
        for button in (self.add_button, self.import_button):
            button.setEnabled(self.has_store)
        self.sync_button.setVisible(session.maeve_desk is not None)
        if self._sync is not None:  # of the store that was shown before
            self._sync.close()
        self.refresh(set())

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        self.unknown.show_session(self.session if self.has_store else None)
        if self.session is None or not self._stale:
            return
        self._stale = False
        chosen = [token.key for token in self.selected()]
        self._model.show(self.session.store.all())
        self._choose(chosen)
        self._tell()

    def focus_filter(self) -> bool:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()
        return True

    # Building

    def _build(self) -> None:
        self._model = TokenTableModel(self)
        self.table = make_table("Tokens", live=True)
        self.table.setModel(self._model)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        set_widths(self.table, SAMPLES)
        self.table.customContextMenuRequested.connect(self._context_menu)
        self.table.doubleClicked.connect(lambda index: self.edit())
        self.table.selectionModel().selectionChanged.connect(self._tell_buttons)
        self.search = QLineEdit()
        self.search.setPlaceholderText("search: UID, printed number, contract, group, status")
        self.search.setAccessibleName("Search the tokens")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        self.count = RoleLabel("", "muted")
        self.add_button = mark(self._button("Add", self.add, "A new token (Ctrl+N)"), "primary")
        self.edit_button = self._button("Edit", self.edit, "Change the selected token (Enter)")
        self.block_button = self._button("Block", self.toggle_block, "Block or unblock the selected tokens (Ctrl+K)")
        self.delete_button = self._button(
            "Delete", self.delete, "Delete the selected tokens (Del); Ctrl+Z brings them back"
        )
        self.import_button = self._button("Import…", self.import_file, "Read tokens from CSV or JSON, with a preview")
        self.export_button = self._button("Export…", self.export_file, "Write all tokens to CSV or JSON")
        self.sync_button = self._button("MaEVe…", self.sync, "Compare with a MaEVe CSMS, then push, pull or both")
        self.undo_button = self._button("Undo", self.undo, "Ctrl+Z")
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress of the import")
        self.progress.setMaximumWidth(160)
        self.progress.hide()

        bar = QHBoxLayout()
        bar.setContentsMargins(10, 6, 10, 0)
        bar.setSpacing(8)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.count)
        self.unknown = UnknownChoice()
        bar.addWidget(self.unknown)
        bar.addWidget(self.progress)
        for button in (self.undo_button, self.add_button, self.edit_button, self.block_button, self.delete_button):
            bar.addWidget(button)
        bar.addSpacing(8)
        bar.addWidget(self.import_button)
        bar.addWidget(self.export_button)
        bar.addWidget(self.sync_button)
        self.empty = EmptyState(
            "The store has no tokens",
            "An Authorize is answered from this list. Present a card and enrol it, add one here, or import a CSV or JSON file.",
            "Add a token",
        )
        self.empty.asked.connect(self.add)
        self.no_store = EmptyState(
            "A capture holds no tokens",
            "How each of them was judged stands under Exchanges. A running bench has its store here.",
        )
        self.nothing = EmptyState("No token holds these words", "", "Clear the search")
        self.nothing.asked.connect(self.search.clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(bar)
        # In its place before it has pages: a page without a parent would show as a window and take the focus.
        self._stack = QStackedLayout()
        layout.addLayout(self._stack, 1)
        for page in (self.empty, self.no_store, self.nothing, self.table):
            self._stack.addWidget(page)
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Undo), self.undo),
            (QKeySequence(QKeySequence.StandardKey.New), self.add),
            (QKeySequence("Ctrl+K"), self.toggle_block),
        ):
            shortcut = QShortcut(keys, self, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        for keys, slot in (("Del", self.delete), ("Return", self.edit), ("Enter", self.edit)):
            shortcut = QShortcut(QKeySequence(keys), self.table, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._tell_undo()
        self._tell()

    @staticmethod
    def _button(text: str, slot: Callable[[], None], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False: slot())
        return button

    # Showing

    def selected(self) -> list[Token]:
        """The selected tokens, from top to bottom."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [token for row in rows if (token := self._model.token_at(row)) is not None]

    def _choose(self, keys: list[tuple[str, IdTokenType]]) -> None:
        if len(keys) == 1 and (row := self._model.row_of(keys[0])) is not None:
            self.table.selectRow(row)

    def _store_changed(self) -> None:
        self._stale = True

    def _search(self, text: str) -> None:
        self._model.search(text)
        self._tell()

    def _tell(self) -> None:
        rows, total = self._model.rowCount(), self._model.total
        empty = self.empty if self.has_store else self.no_store
        self._stack.setCurrentWidget(self.table if rows else self.nothing if total else empty)
        self.count.setText(f"{total:,} token{'s' * (total != 1)}" if rows == total else f"{rows:,} of {total:,}")
        self.export_button.setEnabled(total > 0)
        self._tell_buttons()

    def _tell_buttons(self) -> None:
        chosen = self.selected()
        self.edit_button.setEnabled(len(chosen) == 1)
        self.block_button.setEnabled(bool(chosen))
        self.delete_button.setEnabled(bool(chosen))
        self.block_button.setText("Unblock" if chosen and all(map(_blocked, chosen)) else "Block")

    def _tell_undo(self) -> None:
        self.undo_button.setVisible(bool(self._undo))
        if self._undo:
            what = self._undo[-1].what
            self.undo_button.setText(f"{_cut(what)} · Undo")
            self.undo_button.setToolTip(f"{what}. Ctrl+Z takes it back.")

    # Changing

    def add(self) -> None:
        """Open the form for a new token."""
        self._open_form(None)

    def edit(self) -> None:
        """Open the form for the selected token."""
        chosen = self.selected()
        if len(chosen) == 1:
            self._open_form(chosen[0])

    def _open_form(self, token: Token | None) -> TokenForm | None:
        if self.session is None:
            return None
        form = TokenForm(token, self.session.profile.enrol, self.session.store.get, self)
        form.saved.connect(lambda before, after: self.run(self._save(before, after), name="save token"))
        form.finished.connect(form.deleteLater)
        form.show()
        form.uid.setFocus()
        return form

    async def _save(self, before: Token | None, after: Token) -> None:
        assert self.session is not None
        store = self.session.store
        in_the_way = store.get(after.uid, after.id_token_type)
        kept = await store.put(after)
        put = [] if in_the_way is None else [in_the_way]
        if before is not None and before.key != after.key:
            await store.delete(before.uid, before.id_token_type)
            put.append(before)
        remove = (kept,) if in_the_way is None else ()
        self._remember(_Undo(f"{'Added' if before is None else 'Edited'} {_named([kept])}", tuple(put), remove))
        self.refresh(set())
        self._choose([kept.key])

    def toggle_block(self) -> None:
        """Block the selected tokens, or unblock them when all are blocked."""
        chosen = self.selected()
        if chosen:
            self.run(self._block(chosen, not all(map(_blocked, chosen))), name="block tokens")

    async def _block(self, chosen: list[Token], block: bool) -> None:
        assert self.session is not None
        await self.session.store.put_many([replace(token, valid=not block, status=None) for token in chosen])
        self._remember(_Undo(f"{'Blocked' if block else 'Unblocked'} {_named(chosen)}", tuple(chosen)))
        self.refresh(set())

    def delete(self) -> None:
        """Delete the selected tokens at once; they can be brought back."""
        chosen = self.selected()
        if chosen:
            self.run(self._delete(chosen), name="delete tokens")

    async def _delete(self, chosen: list[Token]) -> None:
        assert self.session is not None
        gone: list[Token] = []
        try:
            for token in chosen:
                await self.session.store.delete(token.uid, token.id_token_type)
                gone.append(token)
        finally:
            if gone:
                self._remember(_Undo(f"Deleted {_named(gone)}", tuple(gone)))
        self.refresh(set())
        self.notice.emit("info", f"Deleted {_named(gone)}. Ctrl+Z brings {'it' if len(gone) == 1 else 'them'} back.")

    def undo(self) -> None:
        """Take the latest change back."""
        if self._undo:
            change = self._undo.pop()
            self._tell_undo()
            self.run(self._take_back(change), name="undo")

    async def _take_back(self, change: _Undo) -> None:
        assert self.session is not None
        store = self.session.store
        for token in change.remove:
            if store.get(token.uid, token.id_token_type) is not None:
                await store.delete(token.uid, token.id_token_type)
        if change.put:
            await store.put_many(list(change.put))
        self.refresh(set())
        self._choose([token.key for token in change.put[:1]])
        self.notice.emit("ok", f"Taken back: {change.what[0].lower()}{change.what[1:]}.")

    def _remember(self, change: _Undo) -> None:
        self._undo.append(change)
        del self._undo[:-MAX_UNDO]
        self._tell_undo()

    # Files

    def import_file(self) -> None:
        self.run(self._import(), name="import tokens")

    def export_file(self) -> None:
        self.run(self._export(), name="export tokens")

    async def _import(self) -> None:
        path = await dialogs.ask_open_path(self, "Import tokens", FILTERS)
        if path is not None:
            await self.import_path(Path(path))

    async def import_path(self, path: Path) -> None:
        """Read a file beside the window, show what it holds, and import it when the operator agrees.

        Raises:
            BadInput: the file cannot be read.
        """
        assert self.session is not None
        from bench.tokens.transfer import parse_tokens

        store = self.session.store
        found = await asyncio.to_thread(parse_tokens, path, None, self.session.profile.enrol)
        before = [old for token in found.tokens if (old := store.get(token.uid, token.id_token_type)) is not None]
        preview = ImportPreview(path.name, found.tokens, found.errors, found.notes, len(before), self)
        if await dialogs.finished(preview) != QDialog.DialogCode.Accepted:
            return
        known = {token.key for token in before}
        new = tuple(token for token in found.tokens if token.key not in known)
        self.progress.setRange(0, len(found.tokens))
        self.progress.setValue(0)
        self.progress.show()
        try:
            for start in range(0, len(found.tokens), BATCH):
                await store.put_many(found.tokens[start : start + BATCH])
                self.progress.setValue(start + BATCH)
        finally:
            self.progress.hide()
            self._remember(_Undo(f"Imported {path.name}", tuple(before), new))
        self.refresh(set())
        self.notice.emit("ok", f"Imported {len(found.tokens):,} tokens from {path.name}.")

    async def _export(self) -> None:
        path = await dialogs.ask_save_path(self, "Export tokens", "tokens.csv", FILTERS)
        if path is not None:
            await self.export_path(Path(path))

    async def export_path(self, path: Path) -> None:
        """Write all tokens.

        Raises:
            OperatorError: the file cannot be written.
        """
        assert self.session is not None
        from bench.tokens.transfer import write_tokens

        tokens = self.session.store.all()
        await asyncio.to_thread(write_tokens, tokens, path)
        self.notice.emit("ok", f"Wrote {len(tokens):,} tokens to {path}.")

    # MaEVe

    def sync(self) -> None:
        """Open the comparison with a MaEVe CSMS; it does not block."""
        if self.session is None or self.session.maeve_desk is None or self.tasks is None:
            return
        from ui.panels.maeve_sync import SyncDialog

        if self._sync is None:
            self._sync = SyncDialog(self.session.maeve_desk, self.tasks, self)
            self._sync.pulled.connect(self._pulled)
            self._sync.finished.connect(self._sync_closed)
            self._sync.show()
        self._sync.raise_()
        self._sync.activateWindow()

    def _sync_closed(self) -> None:
        if self._sync is not None:
            self._sync.deleteLater()
        self._sync = None

    def _pulled(self, pulled: list[tuple[Token | None, Token]]) -> None:
        before = tuple(old for old, _ in pulled if old is not None)
        new = tuple(now for old, now in pulled if old is None)
        self._remember(_Undo("Pulled from MaEVe", before, new))
        self.refresh(set())

    # Menu

    def _context_menu(self, where: QPoint) -> None:
        if not self.selected():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Edit", self.edit).setEnabled(self.edit_button.isEnabled())
        menu.addAction(self.block_button.text(), self.toggle_block)
        menu.addAction("Delete", self.delete)
        # popup, never exec: a nested event loop would starve the engine.
        menu.popup(self.table.viewport().mapToGlobal(where))


def _blocked(token: Token) -> bool:
    return token.effective_status is AuthorizationStatus.BLOCKED


def _named(tokens: list[Token]) -> str:
    """One token by its UID, as it is printed on the card; a key code by its number or as dots; several by their count."""
    if len(tokens) != 1:
        return f"{len(tokens):,} tokens"
    (token,) = tokens
    if token.id_token_type is IdTokenType.KEY_CODE:
        return f"key code {token.visual_number or shown_uid(token)}"
    return grouped(shown_uid(token))


def _cut(text: str) -> str:
    """Short enough for a button beside the others."""
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"
