"""Edit a message and send it again: a window of its own beside the others, judged while typing."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bench.errors import OperatorError
from bench.masking import mask
from bench.message import Decoded, Direction, Link, Message
from ui import theme
from ui.widgets import RoleLabel, mark

if TYPE_CHECKING:
    from bench.session import Session

JUDGE_AFTER_MS = 150
MAX_EDITED = 1_000_000
MAX_FAULTS = 6
RESENDABLE = (Link.JOSEV, Link.OCPP)


class ResendEditor(QDialog):
    """Not modal. What it sends is marked injected.

    Signals:
        sent: journal number of the message that went out.
    """

    sent = Signal(int)

    def __init__(self, message: Message, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = message.link
        self._session = session
        self._fresh_id = message.decoded.correlation
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.setWindowTitle(f"Edit and resend #{message.seq}")
        self.resize(620, 560)
        self._build(message)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(JUDGE_AFTER_MS)
        self._timer.timeout.connect(self.judge)
        self.editor.textChanged.connect(self._timer.start)
        self.channel.textChanged.connect(self._timer.start)
        self.judge()

    def _build(self, message: Message) -> None:
        to_station = message.link is Link.OCPP
        self.channel = QLineEdit(message.channel)
        self.channel.setFont(theme.mono_font())
        self.channel.setAccessibleName("Station" if to_station else "Topic")
        self.editor = QPlainTextEdit(_editable(message.raw))
        self.editor.setFont(theme.mono_font())
        self.editor.setAccessibleName("Message to send")
        self.editor.setTabChangesFocus(True)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setAccessibleName("What is wrong with the message")
        self.exact = QCheckBox("Send exactly as typed")
        self.exact.setToolTip("Otherwise readable JSON goes out on one line without spaces")
        self.fresh_button = QPushButton("New id")
        self.fresh_button.setToolTip("A message with an id that was used before may be ignored")
        self.fresh_button.setEnabled(bool(self._fresh_id))
        self.fresh_button.clicked.connect(self.renew_id)
        self.send_button = mark(QPushButton("Send"), "primary")
        self.send_button.setToolTip("Ctrl+Enter")
        self.send_button.clicked.connect(self.send)
        close_button = QPushButton("Close")
        close_button.clicked.connect(self.close)
        for button in (self.fresh_button, close_button):
            button.setAutoDefault(False)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self.send)

        form = QFormLayout()
        form.addRow("Station" if to_station else "Topic", self.channel)
        buttons = QHBoxLayout()
        buttons.addWidget(self.exact)
        buttons.addStretch(1)
        for button in (self.fresh_button, close_button, self.send_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for note in _notes(message):
            layout.addWidget(RoleLabel(note, "warn", wrap=True))
        layout.addWidget(self.editor, 1)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)

    @property
    def raw(self) -> bytes:
        """What Send would send."""
        text = self.editor.toPlainText()
        if not self.exact.isChecked():
            try:
                text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
            except (ValueError, RecursionError):
                pass  # what is not JSON goes out as typed: sending nonsense is a use of this window
        return text.encode("utf-8", "surrogateescape")

    def judge(self) -> None:
        """Say what the schema says; nothing keeps the operator from sending it."""
        text = self.editor.toPlainText()
        try:
            json.loads(text)
        except ValueError as error:
            where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            self._say("fail", f"✖ not JSON at {where}: {getattr(error, 'msg', error)}")
            return
        except RecursionError:
            self._say("fail", "✖ nested too deep to be read")
            return
        decoded = self._decode(self.raw)
        if decoded.faults:
            lines = [
                f"✖ {fault.where + ': ' if fault.where else ''}{fault.text}" for fault in decoded.faults[:MAX_FAULTS]
            ]
            if len(decoded.faults) > MAX_FAULTS:
                lines.append(f"and {len(decoded.faults) - MAX_FAULTS} more")
            self._say("fail", "\n".join(lines))
        else:
            what = " ".join(part for part in (decoded.name, decoded.kind) if part)
            self._say("ok", f"✔ {what or 'message'}: nothing wrong")

    def renew_id(self) -> None:
        """Put a fresh id in place of the old one; the new one is replaced the next time."""
        old, new = self._fresh_id, str(uuid.uuid4())
        text = self.editor.toPlainText()
        quoted = json.dumps(old)
        if old is None or quoted not in text:
            self._say("warn", "the old id is no longer in the text: change it by hand")
            return
        cursor = QTextCursor(self.editor.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text.replace(quoted, json.dumps(new)))
        self._fresh_id = new

    def send(self) -> None:
        """Send it. What the link says against it is shown here; the window stays open for the next try."""
        try:
            message = self._session.inject(self._link, self.channel.text().strip(), self.raw)
        except OperatorError as error:
            self._say("fail", f"✖ not sent: {error}")
            return
        self._timer.stop()
        self._say("ok", f"✔ sent as #{message.seq}, marked injected")
        self.sent.emit(message.seq)

    def _decode(self, raw: bytes) -> Decoded:
        # The codecs are heavy; the window is painted before any of them is loaded.
        if self._link is Link.JOSEV:
            from bench.codecs import josev

            return josev.decode(raw, self.channel.text().strip(), self._session.profile.bus.topics)
        from bench.codecs import ocpp

        station = self._session.stations.get(self.channel.text().strip())
        return ocpp.decode(raw, station.version if station is not None else "2.0.1")

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)
        self.send_button.setText("Send" if role != "fail" else "Send anyway")


def can_resend(message: Message) -> str:
    """Why a message cannot be edited and sent again; empty when it can."""
    if message.link not in RESENDABLE:
        return "Only messages of the Josev bus and of a station can be sent again"
    if len(message.raw) > MAX_EDITED:
        return f"Too long to edit: {len(message.raw):,} bytes"
    return ""


def _editable(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _notes(message: Message) -> list[str]:
    notes = []
    if message.direction is Direction.IN:
        notes.append("This message was received. Sent again, it goes out from the bench to that same channel.")
    if mask(message).hidden:
        notes.append("This message holds a secret, shown here in clear.")
    return notes
