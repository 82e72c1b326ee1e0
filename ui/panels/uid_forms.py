"""This card elsewhere: the UID of the last card as every other system writes it, to compare and to copy."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bench.card import Technology, technology_of
from bench.exchange import TapCard, shown_uid
from bench.tokens.model import JosevTokenType
from bench.uid_profiles import UidForm, uid_forms
from ui import theme
from ui.models.table import RowModel
from ui.panels.cells import make_table, set_widths
from ui.widgets import BADGE_ROLE, Badge, BadgeDelegate, RoleLabel, grouped, mark

COLUMNS = ("System", "Written", "Fits", "Why not")
SAMPLES = ("Decimal, last byte first", "04:11:22:33:44:55:66:77:88:99", "  FITS ", "")
SIZE = (960, 620)
FITS = Badge("FITS", "check", "ok")
UNFIT = Badge("NO", "cross", "fail")
BADGE_COLUMN = 2
_HINT = "Enter, Ctrl+C or a double click copies a form. The source of each row stands here."
_KNOWN = {str(technology): technology for technology in Technology}
_TYPES = {str(kind): _KNOWN[kind] for kind in (JosevTokenType.ISO14443, JosevTokenType.ISO15693)}
_CARD_TYPES = ("", *_TYPES, str(JosevTokenType.LOCAL))


class FormsModel(RowModel):
    """One row a system."""

    headers = COLUMNS

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.forms: list[UidForm] = []

    def show(self, forms: list[UidForm]) -> None:
        self.beginResetModel()
        self.forms = forms
        self.endResetModel()

    def count(self) -> int:
        return len(self.forms)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        form = self.forms[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (form.name, form.text or "—", "fits" if form.fits else "no", form.why)[index.column()]
        if role == BADGE_ROLE and index.column() == BADGE_COLUMN:
            return FITS if form.fits else UNFIT
        if role == Qt.ItemDataRole.ForegroundRole and not form.fits and index.column() == 1:
            return theme.color("muted")
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return details(form)
        return None


class UidForms(QDialog):
    """The list; it does not block, and follows the last card while it is open."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("This card elsewhere")
        self.setAccessibleName("This card elsewhere")
        self.resize(*SIZE)
        self.title = RoleLabel("", mono=True, delta=3.0)
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.model = FormsModel(self)
        self.table = make_table("The UID in other systems")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(BADGE_COLUMN, BadgeDelegate(self.table))
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)
        set_widths(self.table, SAMPLES)
        self.table.doubleClicked.connect(lambda _: self.copy())
        self.table.selectionModel().currentChanged.connect(lambda *_: self._detail())
        self.detail = RoleLabel(_HINT, "muted", wrap=True)
        self.detail.setFixedHeight(2 * self.detail.fontMetrics().lineSpacing() + 2)
        self.detail.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.copy_button = mark(QPushButton("Copy"), "primary")
        self.copy_button.setToolTip("Copy the form of the chosen row (Ctrl+C)")
        self.copy_button.clicked.connect(self.copy)
        self.close_button = QPushButton("Close")
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.close)
        copying = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        copying.setContext(Qt.ShortcutContext.WidgetShortcut)
        copying.activated.connect(self.copy)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.detail, 1)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)

    def show_uid(self, uid: bytes, technology: Technology) -> None:
        """Another card; the chosen row stays."""
        row = max(0, self.table.currentIndex().row())
        words = f"{grouped(uid.hex().upper())}   {technology}, {len(uid)} bytes"
        self.title.setText(words)
        self.title.setAccessibleName(words)
        self.model.show(uid_forms(uid, technology))
        self.table.setCurrentIndex(self.model.index(row, 0))
        self._detail()

    def copy(self) -> None:
        """Take the form of the chosen row to the clipboard."""
        form = self._chosen()
        if form is not None and form.text:
            QGuiApplication.clipboard().setText(form.text)
            self.detail.setText(f"Copied {form.text}")

    def _detail(self) -> None:
        form = self._chosen()
        self.detail.setText(_HINT if form is None else details(form))
        self.copy_button.setEnabled(form is not None and bool(form.text))

    def _chosen(self) -> UidForm | None:
        row = self.table.currentIndex().row()
        return self.model.forms[row] if 0 <= row < len(self.model.forms) else None


class ElsewhereButton(QPushButton):
    """Opens :class:`UidForms` for the card it was last shown; off where there is no UID to write."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Elsewhere", parent)
        self.setAccessibleName("This card elsewhere")
        self.setToolTip("This UID as other systems write it: OCPP, OICP, KEBA, decimal, ...")
        self.setEnabled(False)
        self._uid = b""
        self._technology = Technology.UNKNOWN
        self._forms: UidForms | None = None
        self.clicked.connect(self.open)

    def show_card(self, card: TapCard | None) -> None:
        self._uid, self._technology = card_uid(card)
        self.setEnabled(bool(self._uid))
        if self._uid and self._forms is not None and self._forms.isVisible():
            self._forms.show_uid(self._uid, self._technology)

    def open(self) -> None:
        if self._forms is None:
            self._forms = UidForms(self.window())
        self._forms.show_uid(self._uid, self._technology)
        self._forms.show()
        self._forms.raise_()
        self._forms.table.setFocus()


def card_uid(card: TapCard | None) -> tuple[bytes, Technology]:
    """The bytes of a card and what it is; no bytes for a key code, a MAC address and whatever else is no card."""
    if card is None or card.token_type not in _CARD_TYPES:
        return b"", Technology.UNKNOWN
    try:
        uid = bytes.fromhex(shown_uid(card))
    except ValueError:
        return b"", Technology.UNKNOWN
    return uid, _KNOWN.get(card.technology or "") or _TYPES.get(card.token_type) or technology_of(uid)


def details(form: UidForm) -> str:
    """Why it does not fit, and where the rule stands."""
    return f"{form.why}. {form.source}" if form.why else form.source
