"""Tokens: the store as a table; every change can be taken back and made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from bench.errors import BadInput
from bench.tokens.edits import Edits
from bench.tokens.forms import near_miss
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from ui import theme
from ui.models.tokens import SAMPLES, TokenTableModel
from ui.panels.base import Panel
from ui.panels.cells import make_table, set_widths
from ui.panels.token_bulk import TokenBulkForm
from ui.panels.token_drop import DropSign, holds_tokens, token_file
from ui.panels.token_files import TokenFiles
from ui.panels.token_form import TokenForm
from ui.panels.token_menu import TokenMenu, named
from ui.panels.unknown_tokens import UnknownChoice
from ui.widgets import EmptyState, RoleLabel, mark

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks
    from ui.panels.maeve_sync import SyncDialog

MAX_LABEL = 32
LEAST_WIDTH = 976
SEARCH_ROOM = 140
"""Pixels that the search keeps beyond its least width while the bar tells all its words."""
MAX_KEPT = 500
"""Selected tokens that are selected again after the table was made anew."""


class TokensPanel(Panel):
    """The token store. Changes made elsewhere (the API, another bench on the same database) show at the next refresh."""

    title = "Tokens"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._edits: Edits | None = None
        self._stale = True
        self._kept: list[tuple[str, IdTokenType]] = []
        self._unsubscribe: Callable[[], None] | None = None
        self._sync: SyncDialog | None = None
        self._build()
        self.files = TokenFiles(self, self._model, self._made_edits, self.selected, self._imported)
        self.sign = DropSign(self)
        self.setAcceptDrops(True)
        theme.on_change(self.table.viewport().update)

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self.files.end()
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._unsubscribe = session.store.subscribe(self._store_changed)
        self._edits = Edits(session.store)
        self._tell_undo()
        self._stale = True
        for button in (self.add_button, self.import_button):
            button.setEnabled(self.has_store)
        self.sync_button.setVisible(self.has_store and session.maeve_desk is not None)
        if self._sync is not None:  # of the store that was shown before
            self._sync.close()
        self.refresh(set())

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        self.unknown.show_session(self.session if self.has_store else None)
        if self.session is None or not self._stale:
            return
        self._stale = False
        self._model.show(self.session.store.index)

    def focus_filter(self) -> bool:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()
        return True

    def remembered(self) -> dict[str, str]:
        return {"mappings": self.files.remembered()}

    def recall(self, values: dict[str, str]) -> None:
        self.files.recall(values.get("mappings", ""))

    # Building

    def _build(self) -> None:
        self._model = TokenTableModel(self)
        self.table = make_table("Tokens", live=True)
        self.table.setModel(self._model)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        set_widths(self.table, SAMPLES)
        self.menu = TokenMenu(self)
        self.table.customContextMenuRequested.connect(self.menu.popup)
        self.table.doubleClicked.connect(lambda index: self.edit())
        self.table.selectionModel().selectionChanged.connect(self._tell_buttons)
        self.search = QLineEdit()
        self.search.setPlaceholderText("search: UID, printed number, contract, group, note")
        self.search.setAccessibleName("Search the tokens")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        self.status = QComboBox()
        self.status.setAccessibleName("Show tokens of a status")
        self.status.setToolTip("What an Authorize is answered now")
        self.status.addItem("any status", None)
        for word in AuthorizationStatus:
            self.status.addItem(word.value, word)
        self.status.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.status.currentIndexChanged.connect(self._filter_status)
        self.count = RoleLabel("", "muted")
        self.add_button = mark(self._button("Add", self.add, "A new token (Ctrl+N)"), "primary")
        self.edit_button = self._button(
            "Edit", self.edit, "Change the selected token (Enter), or status, group, expiry and cache of several"
        )
        self.block_button = self._button("Block", self.toggle_block, "Block or unblock the selected tokens (Ctrl+K)")
        self.delete_button = self._button(
            "Delete", self.delete, "Delete the selected tokens (Del); Ctrl+Z brings them back"
        )
        self.import_button = self._button(
            "Import…", self.import_file, "Read tokens from CSV or JSON, with a preview; or drag a file here"
        )
        self.export_button = self._button("Export…", self.export_file, "Write tokens to CSV, JSON or a local list")
        self.sync_button = self._button("MaEVe…", self.sync, "Compare with a MaEVe CSMS, then push, pull or both")
        self.undo_button = self._button("Undo", self.undo, "Ctrl+Z")
        self.redo_button = self._button("Redo", self.redo, "Ctrl+Shift+Z")
        self._bar = bar = QHBoxLayout()
        bar.setContentsMargins(10, 6, 10, 0)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.status)
        bar.addWidget(self.count)
        self.unknown = UnknownChoice()
        bar.addWidget(self.unknown)
        for button in (self.undo_button, self.redo_button, self.add_button, self.edit_button, self.block_button):
            bar.addWidget(button)
        bar.addWidget(self.delete_button)
        bar.addSpacing(8)
        bar.addWidget(self.import_button)
        bar.addWidget(self.export_button)
        bar.addWidget(self.sync_button)
        self.empty = EmptyState(
            "The store has no tokens",
            "An Authorize is answered from this list. Present a card and enrol it, add one here, or drag a CSV or JSON file here.",
            "Add a token",
        )
        self.empty.asked.connect(self.add)
        self.no_store = EmptyState(
            "A capture holds no tokens",
            "How each of them was judged stands under Exchanges. A running bench has its store here.",
        )
        self.nothing = EmptyState("No token is like this", "", "Show all")
        self.nothing.asked.connect(self.show_all)
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
            (QKeySequence("Ctrl+Shift+Z"), self.redo),
            (QKeySequence("Ctrl+Y"), self.redo),
            (QKeySequence(QKeySequence.StandardKey.New), self.add),
            (QKeySequence("Ctrl+K"), self.toggle_block),
        ):
            shortcut = QShortcut(keys, self, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        for keys, slot in (
            ("Del", self.delete),
            ("Return", self.edit),
            ("Enter", self.edit),
            ("Ctrl+C", self.menu.copy_values),
        ):
            shortcut = QShortcut(QKeySequence(keys), self.table, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._model.modelAboutToBeReset.connect(self._keep_selection)
        self._model.settled.connect(self._settled)
        self.setMinimumWidth(LEAST_WIDTH)  # else the bar's words would make the whole window wider than its screen
        self._settled()

    @staticmethod
    def _button(text: str, slot: Callable[[], None], tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False: slot())
        return button

    # Showing

    def selected(self) -> list[Token]:
        """The selected tokens, from top to bottom."""
        if self.selected_count() == self._model.count() > MAX_KEPT:
            return list(self._model.shown())
        rows = sorted(
            row for found in self.table.selectionModel().selection() for row in range(found.top(), found.bottom() + 1)
        )
        return [token for row in rows if (token := self._model.token_at(row)) is not None]

    def show_all(self) -> None:
        """Neither a search nor a status."""
        self.search.clear()
        self.status.setCurrentIndex(0)

    def _keep_selection(self) -> None:
        if self.selected_count() <= MAX_KEPT:
            self._kept = [token.key for token in self.selected()] or self._kept

    def selected_count(self) -> int:
        """How many tokens are selected."""
        return sum(found.height() for found in self.table.selectionModel().selection())

    def _settled(self) -> None:
        """The table shows what was asked for."""
        kept, self._kept = self._kept, []
        self._choose(kept)
        rows, total = self._model.rowCount(), self._model.total
        empty = self.empty if self.has_store else self.no_store
        self._stack.setCurrentWidget(self.table if rows else self.nothing if total else empty)
        self.count.setText(f"{total:,} token{'s' * (total != 1)}" if rows == total else f"{rows:,} of {total:,}")
        self.export_button.setEnabled(total > 0)
        self._fit_bar()
        self._tell_buttons()

    def _choose(self, keys: list[tuple[str, IdTokenType]]) -> None:
        rows = [row for key in keys if (row := self._model.row_of(key)) is not None]
        if not rows:
            return
        chosen = QItemSelection()
        for row in rows:
            chosen.select(self._model.index(row, 0), self._model.index(row, self._model.columnCount() - 1))
        self.table.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.table.selectionModel().setCurrentIndex(
            self._model.index(rows[0], 0), QItemSelectionModel.SelectionFlag.NoUpdate
        )

    def _show_now(self, *keys: tuple[str, IdTokenType]) -> None:
        """Show what was just changed here, with these tokens selected."""
        self._kept = list(keys)
        self._stale = True
        self.table.clearSelection()
        self.refresh(set())

    def _store_changed(self) -> None:
        self._stale = True

    def _search(self, text: str) -> None:
        self._model.search(text)
        self._tell_busy()

    def _filter_status(self) -> None:
        word = self.status.currentData()
        self._model.filter_status(AuthorizationStatus(word) if word else None)
        self._tell_busy()

    def _tell_busy(self) -> None:
        if self._model.busy:
            self.count.setText("searching…")

    def _tell_buttons(self) -> None:
        count = self.selected_count()
        self.edit_button.setEnabled(count > 0)
        self.block_button.setEnabled(count > 0)
        self.delete_button.setEnabled(count > 0)
        few = self.selected() if 0 < count <= MAX_KEPT else []
        self.block_button.setText("Unblock" if few and all(map(_blocked, few)) else "Block")

    def _imported(self) -> None:
        self._tell_undo()
        self.refresh(set())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_bar()

    def _fit_bar(self) -> None:
        """Where it is narrow, words that a tooltip tells too give way to the search: of undo first, then others."""
        what = "" if self._edits is None else self._edits.undoable
        for undo, wide in ((f"{_cut(what)} · Undo", True), ("Undo", True), ("Undo", False)):
            self.undo_button.setText(undo)
            self._bar.setSpacing(8 if wide else 5)
            self.status.setMinimumContentsLength(10 if wide else 6)
            self.unknown.shorten(not wide)
            if self._bar.minimumSize().width() + SEARCH_ROOM <= self.width():
                break

    def _tell_undo(self) -> None:
        what = "" if self._edits is None else self._edits.undoable
        again = "" if self._edits is None else self._edits.redoable
        self.undo_button.setVisible(bool(what))
        self.redo_button.setVisible(bool(again))
        self.undo_button.setToolTip(f"{what}. Ctrl+Z takes it back.")
        self.redo_button.setToolTip(f"{again}: make it again (Ctrl+Shift+Z)")
        self._fit_bar()

    # Changing

    def _made_edits(self) -> Edits:
        if self._edits is None:
            raise BadInput("there is no store to change", "start the bench first")
        return self._edits

    async def _change(self, what: str, put: list[Token], remove: list[Token] | None = None) -> None:
        """Change the store, show it, and offer to take it back."""
        try:
            await self._made_edits().make(what, put, remove or [])
        finally:
            self._tell_undo()
        self._show_now(*(token.key for token in put[:MAX_KEPT]))

    def add(self) -> None:
        """Open the form for a new token."""
        self._open_form(None)

    def edit(self) -> None:
        """Open the form for the selected token, or that for what several get at once."""
        chosen = self.selected()
        if len(chosen) == 1:
            self._open_form(chosen[0])
        elif chosen:
            self._open_bulk(chosen)

    def _open_form(self, token: Token | None) -> None:
        if self.session is None or not self.has_store:
            return
        store = self.session.store
        form = TokenForm(
            token, self.session.profile.enrol, store.get, self, near=lambda uid: near_miss(uid, store.index)
        )
        form.saved.connect(lambda before, after: self.run(self._save(before, after), name="save token"))
        form.finished.connect(form.deleteLater)
        form.show()
        form.uid.setFocus()

    async def _save(self, before: Token | None, after: Token) -> None:
        moved = before is not None and before.key != after.key
        what = f"{'Added' if before is None else 'Edited'} {named([after])}"
        await self._change(what, [after], [before] if moved and before is not None else [])

    def _open_bulk(self, chosen: list[Token]) -> None:
        form = TokenBulkForm(chosen, self)
        form.saved.connect(
            lambda changed: self.run(self._change(f"Edited {named(changed)}", changed), name="edit tokens")
        )
        form.finished.connect(form.deleteLater)
        form.show()

    def toggle_block(self) -> None:
        """Block the selected tokens, or unblock them when all are blocked."""
        chosen = self.selected()
        if chosen:
            block = not all(map(_blocked, chosen))
            what = f"{'Blocked' if block else 'Unblocked'} {named(chosen)}"
            made = [replace(token, valid=not block, status=None) for token in chosen]
            self.run(self._change(what, made), name="block tokens")

    def delete(self) -> None:
        """Delete the selected tokens at once; they can be brought back."""
        chosen = self.selected()
        if chosen:
            self.run(self._delete(chosen), name="delete tokens")

    async def _delete(self, chosen: list[Token]) -> None:
        what = f"Deleted {named(chosen)}"
        await self._change(what, [], chosen)
        back = f"Ctrl+Z brings {'it' if len(chosen) == 1 else 'them'} back."
        small = self._made_edits().undoable == what
        self.notice.emit("info", f"{what}. {back if small else 'They are too many to be brought back.'}")

    def undo(self) -> None:
        """Take the latest change back."""
        if self._edits is not None and self._edits.undoable:
            self.run(self._move(self._edits, back=True), name="undo")

    def redo(self) -> None:
        """Make again what was taken back last."""
        if self._edits is not None and self._edits.redoable:
            self.run(self._move(self._edits, back=False), name="redo")

    async def _move(self, edits: Edits, *, back: bool) -> None:
        try:
            edit = await (edits.undo() if back else edits.redo())
        finally:
            self._tell_undo()
        wanted = edit.before if back else edit.after
        self._show_now(*[key for key, token in wanted.items() if token is not None][:MAX_KEPT])
        word = "Taken back" if back else "Made again"
        self.notice.emit("ok", f"{word}: {edit.what[0].lower()}{edit.what[1:]}.")

    # Files

    def import_file(self) -> None:
        self.run(self.files.ask_import(), name="import tokens")

    def export_file(self) -> None:
        if self._model.total:
            self.files.ask_export()

    def takes(self, path: Path) -> bool:
        """Whether a file holds tokens by its beginning, and there is a store for them."""
        return self.session is not None and self.has_store and holds_tokens(path)

    def take_file(self, path: Path) -> bool:
        """Import a file that was dropped on the window; False where it holds no tokens, or there is no store."""
        if not self.takes(path):
            return False
        self.run(self.files.import_path(path), name="import tokens")
        return True

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = token_file(event.mimeData())
        if path is not None and self.session is not None and self.has_store:
            self.sign.tell(f"Import tokens from {path.name}")
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.sign.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.sign.hide()
        path = token_file(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.run(self.files.import_path(path), name="import tokens")

    # MaEVe

    def sync(self) -> None:
        """Open the comparison with a MaEVe CSMS; it does not block."""
        if self.session is None or not self.has_store or self.session.maeve_desk is None or self.tasks is None:
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
        self._made_edits().made("Pulled from MaEVe", pulled)
        self._tell_undo()
        self.refresh(set())


def _blocked(token: Token) -> bool:
    return token.effective_status is AuthorizationStatus.BLOCKED


def _cut(text: str) -> str:
    """Short enough for a button beside the others."""
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"
