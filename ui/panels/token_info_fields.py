"""The fields of a token's form beside those that name it: what OCPP's IdTokenInfoType says of it, and the operator's note."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from bench.clock import iso_datetime
from bench.errors import BadInput
from bench.tokens.api_form import moment, numbers
from bench.tokens.checks import MAX_MESSAGE, MAX_NOTE, PRIORITIES
from bench.tokens.model import MessageFormat, PersonalMessage, Token
from bench.tokens.rows import evse_parts
from ui.widgets import buddy_label

NOTE_LINES = 2


class InfoFields:
    """Expiry, EVSEs, second language, personal message, priority and note of one token, as typed.

    edit(field): called when the operator changed one, by the name the checks give it.
    """

    def __init__(self, start: Token, edit: Callable[[str], None]) -> None:
        expiry = "" if start.expiry is None else iso_datetime(start.expiry).replace(".000Z", "Z")
        self.expiry = _line(
            expiry, "Expiry", "From then on the token is Expired; 2030-12-31 or 2030-12-31T23:59:59Z, UTC"
        )
        self.expiry.setPlaceholderText("never")
        self.evses = _line(" ".join(map(str, start.evse_ids)), "EVSEs", "Numbers of the EVSEs where it may charge: 1 2")
        self.evses.setPlaceholderText("all")
        self.language2 = _line(start.language2, "Second language", "Second language, as en or en-US (RFC 5646)")
        self.language2.setPlaceholderText("second, as en-US")
        message = start.personal_message
        # More than fits, so that what is pasted is told of and not cut.
        tip = "Shown to the driver by the station (OCPP 2.x)"
        self.message = _line(message.content if message else "", "Message", tip, longest=2 * MAX_MESSAGE)
        self._kept = message.content if message else ""
        self._shown = self.message.text()  # a line shows line breaks otherwise
        self.message_format = QComboBox()
        self.message_format.addItems([kind.value for kind in MessageFormat])
        self.message_format.setCurrentText((message.format if message else MessageFormat.UTF8).value)
        _name(self.message_format, "Message format", "How the station must read the message")
        self.message_language = _line(
            (message.language or "") if message else "", "Message language", "Language of the message, as de (RFC 5646)"
        )
        self.message_language.setPlaceholderText("as de")
        self.priority = QComboBox()
        self.priority.addItem("not set", None)
        for priority in reversed(PRIORITIES):
            self.priority.addItem(str(priority), priority)
        self.priority.setCurrentIndex(self.priority.findData(start.charging_priority))
        _name(self.priority, "Priority", "Charging priority from -9 to 9; stations take 0 where none is set (OCPP 2.x)")
        self.note = QPlainTextEdit(start.note or "")
        self.note.setPlaceholderText("your own words; no station is told")
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_LINES * self.note.fontMetrics().lineSpacing() + 20)
        _name(self.note, "Note", f"Your own words, at most {MAX_NOTE} characters; no station is told" + _origin(start))
        self.lines: dict[str, QLineEdit] = {
            "expiry": self.expiry,
            "evseIds": self.evses,
            "language2": self.language2,
            "personalMessage": self.message,
            "personalMessageLanguage": self.message_language,
        }
        for field, line in self.lines.items():
            line.textChanged.connect(lambda _, field=field: edit(field))
        self.note.textChanged.connect(lambda: edit("note"))
        self.message_format.currentIndexChanged.connect(lambda _: edit("personalMessage"))
        self.priority.currentIndexChanged.connect(lambda _: edit("chargingPriority"))

    def add_to(self, form: QFormLayout, language: QLineEdit) -> None:
        """Add the rows; the second language stands beside the first."""
        languages = QHBoxLayout()
        languages.addWidget(language, 1)
        languages.addWidget(self.language2, 1)
        message = QHBoxLayout()
        for widget, stretch in ((self.message, 4), (self.message_format, 1), (self.message_language, 1)):
            message.addWidget(widget, stretch)
        places = QHBoxLayout()
        places.addWidget(self.evses, 1)
        places.addWidget(buddy_label("P&riority", self.priority))
        places.addWidget(self.priority)
        form.addRow("E&xpiry", self.expiry)
        form.addRow(buddy_label("E&VSEs", self.evses), places)
        form.addRow(buddy_label("&Language", language), languages)
        form.addRow(buddy_label("&Message", self.message), message)
        form.addRow("&Note", self.note)

    def values(self) -> tuple[dict[str, object], dict[str, str]]:
        """The attributes of a token, and what cannot be read: field -> why. What cannot is left as if it was empty."""
        wrong: dict[str, str] = {}
        expiry: datetime | None = None
        evses: tuple[int, ...] = ()
        try:
            expiry = moment("expiry", self.expiry.text().strip())
        except BadInput as error:
            wrong["expiry"] = error.what.removeprefix("expiry: ")
        try:
            evses = numbers("evseIds", evse_parts(self.evses.text()))
        except BadInput as error:
            wrong["evseIds"] = error.what.removeprefix("evseIds: ")
        text, language = self.message.text(), self.message_language.text().strip()
        content = self._kept if text == self._shown else text.strip()
        message = None
        if content:
            message = PersonalMessage(content, MessageFormat(self.message_format.currentText()), language or None)
        elif language:
            wrong["personalMessageLanguage"] = "given, but there is no message"
        return {
            "expiry": expiry,
            "evse_ids": evses,
            "language2": self.language2.text() or None,
            "personal_message": message,
            "charging_priority": self.priority.currentData(),
            "note": self.note.toPlainText().strip() or None,
        }, wrong


def _origin(start: Token) -> str:
    return f". The token came from: {start.source}" if start.source else ""


def _line(text: str | None, name: str, tip: str, longest: int = 256) -> QLineEdit:
    line = QLineEdit()
    line.setMaxLength(longest)
    line.setText(text or "")
    line.setCursorPosition(0)
    _name(line, name, tip)
    return line


def _name(widget: QWidget, name: str, tip: str) -> None:
    widget.setAccessibleName(name)
    widget.setToolTip(tip)
