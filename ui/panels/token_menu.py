"""What can be done with the tokens that are selected in the table: its context menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from bench.errors import BadInput
from bench.tokens.model import OCPP_TO_JOSEV, IdTokenType, Token
from ui.models.token_rows import shown_uid
from ui.panels.token_history import TokenHistory
from ui.widgets import grouped

if TYPE_CHECKING:
    from ui.panels.tokens import TokensPanel

SEARCH_EXCHANGES = 500
"""The latest exchanges, in which that of a token is looked for."""


def named(tokens: list[Token]) -> str:
    """One token by its UID, as it is printed on the card; a key code by its number or as dots; several by their count."""
    if len(tokens) != 1:
        return f"{len(tokens):,} tokens"
    (token,) = tokens
    if token.id_token_type is IdTokenType.KEY_CODE:
        return f"key code {token.visual_number or shown_uid(token)}"
    return grouped(shown_uid(token))


class TokenMenu:
    """The context menu of one Tokens panel, and what it does that the panel's buttons do not."""

    def __init__(self, panel: TokensPanel) -> None:
        self._panel = panel

    def popup(self, where: QPoint) -> None:
        """Show the menu at a point of the table."""
        panel = self._panel
        count = panel.selected_count()
        if not count:
            return
        one = count == 1
        menu = QMenu(panel)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Edit" if one else f"Edit {count:,} tokens", panel.edit)
        menu.addAction(panel.block_button.text(), panel.toggle_block)
        menu.addAction("Delete", panel.delete)
        menu.addSeparator()
        menu.addAction("Copy UID" if one else "Copy UIDs", self.copy_values)
        menu.addAction("Present it now (tap)", self.present).setEnabled(one)
        menu.addAction("Show its latest exchange", self.show_exchange).setEnabled(one)
        menu.addAction("History", self.history).setEnabled(one)
        menu.addSeparator()
        menu.addAction("Export…", panel.export_file)
        # popup, never exec: a nested event loop would starve the engine.
        menu.popup(panel.table.viewport().mapToGlobal(where))

    def copy_values(self) -> None:
        """Put the values of the selected tokens on the clipboard, one a line; key codes stay masked."""
        chosen = self._panel.selected()
        if chosen:
            QGuiApplication.clipboard().setText("\n".join(map(shown_uid, chosen)))
            self._panel.notice.emit("info", f"Copied {named(chosen)}.")

    def present(self) -> None:
        """Present the selected token, as if its card was held to the reader."""
        token, session = self._chosen(), self._panel.session
        if token is None or session is None:
            return
        from bench.session import TapRequest

        try:
            exchange = session.present(TapRequest(token.uid, OCPP_TO_JOSEV[token.id_token_type]))
        except BadInput as error:
            self._panel.notice.emit("fail", str(error))
        else:
            self._panel.exchange_selected.emit(exchange.id)

    def show_exchange(self) -> None:
        """Go to the latest exchange of the selected token."""
        token, session = self._chosen(), self._panel.session
        if token is None or session is None:
            return
        folded = token.uid.casefold()
        latest = list(session.exchanges.values())[: -SEARCH_EXCHANGES - 1 : -1]
        found = next((one for one in latest if one.card is not None and one.card.uid.casefold() == folded), None)
        if found is None:
            self._panel.notice.emit("info", f"{named([token])} is in none of the latest exchanges.")
        else:
            self._panel.exchange_selected.emit(found.id)

    def history(self) -> None:
        """Show what happened to the selected token."""
        token = self._chosen()
        if token is not None:
            self._panel.run(self._show_history(token), name="history of a token")

    async def _show_history(self, token: Token) -> None:
        assert self._panel.session is not None
        changes = await self._panel.session.store.history(token.uid, token.id_token_type)
        shown = TokenHistory(token, changes, self._panel)
        shown.finished.connect(shown.deleteLater)
        shown.show()

    def _chosen(self) -> Token | None:
        chosen = self._panel.selected()
        return chosen[0] if len(chosen) == 1 else None
