"""One token of the store as a form, beside the window, judged while typing."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bench.errors import BadInput
from bench.tokens import checks, contract_id
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, Token, TokenKind
from bench.uid import typed_uid
from ui import theme
from ui.panels.token_info_fields import InfoFields
from ui.widgets import RoleLabel, buddy_label, mark

MADE = "made from country, party and UID"
_FIT: dict[str, tuple[str, object]] = {
    "uid": ("uid", "0"),
    "idTokenType": ("id_token_type", IdTokenType.ISO14443),
    "contractId": ("contract_id", contract_id.make("XX", "XXX", "0")),
    "countryCode": ("country_code", "XX"),
    "partyId": ("party_id", "XXX"),
    "issuer": ("issuer", "x"),
    "visualNumber": ("visual_number", None),
    "groupId": ("group_id", None),
    "languageCode": ("language_code", "xx"),
    "expiry": ("expiry", None),
    "evseIds": ("evse_ids", ()),
    "language2": ("language2", None),
    "personalMessage": ("personal_message", None),
    "personalMessageLanguage": ("personal_message", None),
    "note": ("note", None),
}
"""By the names the checks give fields: the attribute of a token, and something the store takes for it."""
MAX_LINES = 3
TYPED = "typed in"
CARDS = (IdTokenType.ISO14443, IdTokenType.ISO15693)


class Defaults(Protocol):
    """What a new token starts with: :class:`bench.settings.EnrolSettings`."""

    @property
    def country_code(self) -> str: ...

    @property
    def party_id(self) -> str: ...

    @property
    def issuer(self) -> str: ...


class TokenForm(QDialog):
    """Not modal; closes when saved. A field is called wrong once it was edited, or when Save was tried.

    near: tokens of the store that may be the same card written otherwise, with the word for the difference.

    Signals:
        saved: the token as it was before (None for a new one) and the token to keep.
    """

    saved = Signal(object, object)

    def __init__(
        self,
        token: Token | None,
        defaults: Defaults,
        exists: Callable[[str, IdTokenType], Token | None],
        parent: QWidget | None = None,
        near: Callable[[str], list[tuple[Token, str]]] = lambda uid: [],
    ) -> None:
        super().__init__(parent)
        self._before = token
        self._exists = exists
        self._near = near
        self.token: Token | None = None
        self._edited: set[str] = set()
        self._tried = False
        self.setModal(False)
        self.setWindowTitle("New token" if token is None else f"Token {token.label}")
        start = token or Token("", defaults.country_code, defaults.party_id, "", defaults.issuer, source=TYPED)
        self._build(start)
        self.judge()

    def _build(self, start: Token) -> None:
        self.uid = self._line(start.uid, "UID", "The card's UID, or the value of the token", mono=True)
        self.id_type = _choice(IdTokenType, start.id_token_type, "Type of the token")
        self.status = _choice(AuthorizationStatus, start.effective_status, "What an Authorize is answered")
        self.number = self._line(start.visual_number, "Printed number", "Number printed on the card")
        self.contract = self._line(start.contract_id, "Contract", "Contract id (eMAID)", mono=True)
        self.make_button = QPushButton("Make")
        self.make_button.setToolTip("Write down the contract id made from country, party and UID")
        self.make_button.setAutoDefault(False)
        self.make_button.clicked.connect(self.make_contract)
        self.country = self._line(start.country_code, "Country", "Country of the issuing eMSP, 2 letters")
        self.party = self._line(start.party_id, "Party", "Party of the issuing eMSP, 3 characters")
        self.issuer = self._line(start.issuer, "Issuer", "Issuing company")
        self.group = self._line(start.group_id, "Group", "Tokens of one group may end each other's charge", mono=True)
        self.language = self._line(start.language_code, "Language", "Language, 2 letters (ISO 639-1)")
        self.language.setPlaceholderText("first, as de")
        self.info = InfoFields(start, self._edit)
        self.kind = _choice(TokenKind, start.kind, "Kind of token (OCPI)")
        self.cache = _choice(CacheMode, start.cache_mode, "May the charger keep it in its list or cache")

        contract = QHBoxLayout()
        contract.addWidget(self.contract, 1)
        contract.addWidget(self.make_button)
        issuer = QHBoxLayout()
        for widget, stretch in ((self.country, 1), (self.party, 1), (self.issuer, 3)):
            issuer.addWidget(widget, stretch)
        form = QFormLayout()
        form.addRow("&UID", self.uid)
        form.addRow("&Type", self.id_type)
        form.addRow("&Status", self.status)
        form.addRow("&Printed number", self.number)
        form.addRow(buddy_label("&Contract", self.contract), contract)
        form.addRow(buddy_label("&Issuer", self.country), issuer)
        form.addRow("&Group", self.group)
        form.addRow("C&ache", self.cache)
        form.addRow("&Kind", self.kind)
        self.info.add_to(form, self.language)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setMinimumHeight(MAX_LINES * self.verdict.fontMetrics().height())
        self.verdict.setAccessibleName("What is wrong with the token")
        self.save_button = mark(QPushButton("Save"), "primary")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.save)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)
        self.resize(480, self.sizeHint().height())
        self._fields: dict[str, QLineEdit | QComboBox | QPlainTextEdit] = {
            "uid": self.uid,
            "idTokenType": self.id_type,
            "visualNumber": self.number,
            "contractId": self.contract,
            "countryCode": self.country,
            "partyId": self.party,
            "issuer": self.issuer,
            "groupId": self.group,
            "languageCode": self.language,
        }
        for field, widget in self._fields.items():
            changed = widget.textChanged if isinstance(widget, QLineEdit) else widget.currentTextChanged
            changed.connect(lambda text, field=field: self._edit(field))
        self._fields |= self.info.lines | {"note": self.info.note}
        for box in (self.status, self.kind, self.cache):
            box.currentIndexChanged.connect(self.judge)

    def make_contract(self) -> None:
        """Fill in a contract id that belongs to this UID."""
        try:
            id_type = IdTokenType(self.id_type.currentText())
            made = contract_id.for_token(self.country.text(), self.party.text(), self._uid(), id_type)
            self.contract.setText(made)
        except BadInput as error:
            self._say("fail", f"✖ {error}")

    def judge(self) -> None:
        """Say what is wrong of what was edited, and mark it; what is still empty is only named."""
        id_type = IdTokenType(self.id_type.currentText())
        # A key code is typed like a password, and shown like one.
        secret = id_type is IdTokenType.KEY_CODE
        self.uid.setEchoMode(QLineEdit.EchoMode.PasswordEchoOnEdit if secret else QLineEdit.EchoMode.Normal)
        made = self._made_contract(id_type)
        self.contract.setPlaceholderText(f"{made}, made from the UID" if made and not secret else MADE)
        info, unread = self.info.values()
        self.token, wrong = _judged(replace(self._entered(id_type, made), **info), unread)
        shown = {field: why for field, why in wrong.items() if self._tried or field in self._edited}
        self._mark(shown)
        if shown:
            # The checks say once more which field, where its value is the sentence's subject.
            lines = [f"✖ {self._name(field)}: {why.removeprefix('contract id ')}" for field, why in shown.items()]
            self._say("fail", "\n".join(lines[:MAX_LINES]))
        elif wrong:
            self._say("muted", "Still needed: " + ", ".join(map(self._name, wrong)))
        elif self.token is not None:
            self._say(*self._remark(self.token))

    def save(self) -> None:
        """Give the token away, or say what keeps it and go there."""
        self._tried = True
        self.judge()
        if self.token is not None:
            self.saved.emit(self._before, self.token)
            self.accept()
            return
        wrong = next((widget for widget in self._fields.values() if widget.property("wrong")), None)
        if wrong is not None:
            wrong.setFocus()

    def _edit(self, field: str) -> None:
        self._edited.add(field)
        self.judge()

    def _name(self, field: str) -> str:
        return self._fields[field].accessibleName() if field in self._fields else field

    def _uid(self) -> str:
        """The UID as it is kept: a card's without the separators it is often written with; an untouched one as it is."""
        text = self.uid.text()
        if "uid" in self._edited and self.id_type.currentText() in CARDS:
            return typed_uid(text)
        return text

    def _made_contract(self, id_type: IdTokenType) -> str:
        """The contract id of a token whose contract is left empty, as enrolling and importing make it; empty for none."""
        if not self._uid():
            return ""
        try:
            return contract_id.for_token(self.country.text(), self.party.text(), self._uid(), id_type)
        except BadInput:
            return ""

    def _entered(self, id_type: IdTokenType, made: str) -> Token:
        chosen = AuthorizationStatus(self.status.currentText())
        before = self._before
        if before is not None and chosen is before.effective_status:
            valid, status = before.valid, before.status
        elif chosen in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED):
            valid, status = chosen is AuthorizationStatus.ACCEPTED, None
        else:
            valid, status = False, chosen
        token = before or Token("", "", "", "", "", source=TYPED)
        return replace(
            token,
            uid=self._uid(),
            country_code=self.country.text(),
            party_id=self.party.text(),
            # None could be made where country, party or UID is wrong, and there is what is told of.
            contract_id=self.contract.text().strip() or made or str(_FIT["contractId"][1]),
            issuer=self.issuer.text(),
            kind=TokenKind(self.kind.currentText()),
            id_token_type=id_type,
            valid=valid,
            status=status,
            cache_mode=CacheMode(self.cache.currentText()),
            visual_number=self.number.text() or None,
            group_id=self.group.text() or None,
            language_code=self.language.text() or None,
        )

    def _remark(self, token: Token) -> tuple[str, str]:
        other = self._exists(token.uid, token.id_token_type)
        if other is not None and (self._before is None or other.key != self._before.key):
            return "warn", f"⚠ {other.label} has this UID and type already; saving replaces it"
        if self._before is None and token.id_token_type is not IdTokenType.KEY_CODE and other is None:
            # A key code among them is not told of: who types digits would learn what opens the charger.
            near = [found for found in self._near(token.uid) if found[0].id_token_type is not IdTokenType.KEY_CODE]
            if near:
                seen, word = near[0]
                return "warn", f"⚠ {seen.label} may be the same card: {seen.uid} in the store ({word})"
        notes = checks.notes(token)
        if notes:
            return "warn", "⚠ " + "; ".join(notes)
        if not self.contract.text():
            return "ok", "✔ can be saved"  # its field tells what is made; from a key code nothing is told
        return "ok", f"✔ contract {token.contract_id}"

    def _line(self, text: str | None, name: str, tip: str, *, mono: bool = False) -> QLineEdit:
        line = QLineEdit(text or "")
        line.setAccessibleName(name)
        line.setToolTip(tip)
        line.setMaxLength(256)
        if mono:
            line.setFont(theme.mono_font())
        return line

    def _mark(self, wrong: Container[str]) -> None:
        for field, widget in self._fields.items():
            if bool(widget.property("wrong")) != (field in wrong):
                widget.setProperty("wrong", field in wrong)
                widget.style().unpolish(widget)
                widget.style().polish(widget)

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)
        needed = self.layout().totalHeightForWidth(self.width())
        if needed > self.height():  # grow rather than squeeze the fields
            self.resize(self.width(), needed)


def _judged(token: Token, unread: dict[str, str]) -> tuple[Token | None, dict[str, str]]:
    """The token as the store keeps it, or None; and why not, by the names of the fields that are wrong.

    unread: fields whose text could not even be read, which the token has as if they were empty.
    """
    wrong = dict(unread)
    while True:
        try:
            kept = checks.checked(token)
        except BadInput as error:
            field, _, why = str(error).partition(": ")
            if field in wrong or field not in _FIT:
                return None, wrong | {field: why}
            wrong[field] = why
            name, fit = _FIT[field]  # the checks stop at the first: mend it to find the next
            token = replace(token, **{name: fit})
        else:
            return (None if wrong else kept), wrong


def _choice(
    kinds: type[IdTokenType] | type[AuthorizationStatus] | type[TokenKind] | type[CacheMode], now: str, name: str
) -> QComboBox:
    box = QComboBox()
    box.addItems([kind.value for kind in kinds])
    box.setCurrentText(now)
    box.setAccessibleName(name)
    box.setToolTip(name)
    return box
