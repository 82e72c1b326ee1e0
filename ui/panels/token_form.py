"""One token of the store as a form, beside the window, judged while typing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bench.errors import BadInput
from bench.tokens import checks, contract_id
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, Token, TokenKind
from ui import theme
from ui.widgets import RoleLabel, mark


class Defaults(Protocol):
    """What a new token starts with: :class:`bench.settings.EnrolSettings`."""

    @property
    def country_code(self) -> str: ...

    @property
    def party_id(self) -> str: ...

    @property
    def issuer(self) -> str: ...


class TokenForm(QDialog):
    """Not modal; closes when saved.

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
    ) -> None:
        super().__init__(parent)
        self._before = token
        self._exists = exists
        self.token: Token | None = None
        self.setModal(False)
        self.setWindowTitle("New token" if token is None else f"Token {token.label}")
        start = token or Token("", defaults.country_code, defaults.party_id, "", defaults.issuer)
        self._build(start)
        self.judge()

    def _build(self, start: Token) -> None:
        self.uid = self._line(start.uid, "UID", "The card's UID, or the value of the token", mono=True)
        self.id_type = _choice(IdTokenType, start.id_token_type, "Type of the token")
        self.status = _choice(AuthorizationStatus, start.effective_status, "What an Authorize is answered")
        self.number = self._line(start.visual_number, "Printed number", "Number printed on the card")
        self.contract = self._line(start.contract_id, "Contract", "Contract id (eMAID)", mono=True)
        self.make_button = QPushButton("Make")
        self.make_button.setToolTip("A valid contract id made from country, party and UID")
        self.make_button.setAutoDefault(False)
        self.make_button.clicked.connect(self.make_contract)
        self.country = self._line(start.country_code, "Country", "Country of the issuing eMSP, 2 letters")
        self.party = self._line(start.party_id, "Party", "Party of the issuing eMSP, 3 characters")
        self.issuer = self._line(start.issuer, "Issuer", "Issuing company")
        self.group = self._line(start.group_id, "Group", "Tokens of one group may end each other's charge", mono=True)
        self.language = self._line(start.language_code, "Language", "Language, 2 letters (ISO 639-1)")
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
        form.addRow(_label("&Contract", self.contract), contract)
        form.addRow(_label("&Issuer", self.country), issuer)
        form.addRow("&Group", self.group)
        form.addRow("C&ache", self.cache)
        form.addRow("&Kind", self.kind)
        form.addRow("&Language", self.language)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setMinimumHeight(3 * self.verdict.fontMetrics().height())
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
        self._lines = {
            "uid": self.uid,
            "contractId": self.contract,
            "countryCode": self.country,
            "partyId": self.party,
            "issuer": self.issuer,
            "groupId": self.group,
            "languageCode": self.language,
            "visualNumber": self.number,
        }
        for box in (self.id_type, self.status, self.kind, self.cache):
            box.currentIndexChanged.connect(self.judge)

    def make_contract(self) -> None:
        """Fill in a contract id that belongs to this UID."""
        try:
            self.contract.setText(contract_id.make(self.country.text(), self.party.text(), self.uid.text()))
        except BadInput as error:
            self._say("fail", f"✖ {error}")

    def judge(self) -> None:
        """Say what is wrong and mark its field; Save is there only for a token that can be kept."""
        id_type = IdTokenType(self.id_type.currentText())
        # A key code is typed like a password, and shown like one.
        secret = id_type is IdTokenType.KEY_CODE
        self.uid.setEchoMode(QLineEdit.EchoMode.PasswordEchoOnEdit if secret else QLineEdit.EchoMode.Normal)
        try:
            self.token = checks.checked(self._entered(id_type))
        except BadInput as error:
            self.token = None
            field, _, why = str(error).partition(": ")
            name = self._lines[field].accessibleName() if field in self._lines else field
            self._mark(field)
            self._say("fail", f"✖ {name}: {why}" if why else f"✖ {error}")
        else:
            self._mark("")
            self._say(*self._remark(self.token))
        self.save_button.setEnabled(self.token is not None)

    def save(self) -> None:
        if self.token is not None:
            self.saved.emit(self._before, self.token)
            self.accept()

    def _entered(self, id_type: IdTokenType) -> Token:
        chosen = AuthorizationStatus(self.status.currentText())
        before = self._before
        if before is not None and chosen is before.effective_status:
            valid, status = before.valid, before.status
        elif chosen in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED):
            valid, status = chosen is AuthorizationStatus.ACCEPTED, None
        else:
            valid, status = False, chosen
        token = before or Token("", "", "", "", "")
        return replace(
            token,
            uid=self.uid.text(),
            country_code=self.country.text(),
            party_id=self.party.text(),
            contract_id=self.contract.text(),
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
        notes = checks.notes(token)
        if notes:
            return "warn", "⚠ " + "; ".join(notes)
        return "ok", f"✔ contract {token.contract_id}"

    def _line(self, text: str | None, name: str, tip: str, *, mono: bool = False) -> QLineEdit:
        line = QLineEdit(text or "")
        line.setAccessibleName(name)
        line.setToolTip(tip)
        line.setMaxLength(256)
        if mono:
            line.setFont(theme.mono_font())
        line.textChanged.connect(self.judge)
        return line

    def _mark(self, wrong: str) -> None:
        for field, line in self._lines.items():
            if bool(line.property("wrong")) != (field == wrong):
                line.setProperty("wrong", field == wrong)
                line.style().unpolish(line)
                line.style().polish(line)

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    label.setBuddy(buddy)
    return label


def _choice(
    kinds: type[IdTokenType] | type[AuthorizationStatus] | type[TokenKind] | type[CacheMode], now: str, name: str
) -> QComboBox:
    box = QComboBox()
    box.addItems([kind.value for kind in kinds])
    box.setCurrentText(now)
    box.setAccessibleName(name)
    box.setToolTip(name)
    return box
