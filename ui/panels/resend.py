"""Edit a message and send it again: a window of its own beside the others, judged while typing.

Secrets are dots until asked for. Dots that were left alone stand for the true value and are sent as such.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
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

from bench.codecs.ocpp_forms import sent_by_stations
from bench.errors import OperatorError
from bench.exchange import MASK
from bench.masking import hide, mask
from bench.message import Decoded, Direction, Link, Message
from ui import theme
from ui.widgets import RoleLabel, mark

if TYPE_CHECKING:
    from bench.session import Session

JUDGE_AFTER_MS = 150
MAX_EDITED = 1_000_000
MAX_FAULTS = 6
RESENDABLE = (Link.JOSEV, Link.OCPP)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|-?\d[\d.]*(?:[eE][+-]?\d+)?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Veil:
    """A text with its secrets replaced by dots, and what each of those dots stands for.

    The dots of different secrets differ, so that they can be moved, copied and put back in any order.
    """

    text: str
    secrets: tuple[tuple[str, str], ...] = ()

    def lift(self, text: str) -> str:
        """The text with the true value in place of all dots that were left alone."""
        for dots, secret in self.secrets:
            text = text.replace(dots, secret)
        return text


def veil(text: str, message: Message) -> Veil:
    """Hide in the text (that of the message, however it is laid out) what may not be shown of the message."""
    masked = mask(message)
    if not masked.hidden:
        return Veil(text)
    raw, shown = (_TOKEN.findall(part.decode("utf-8", "backslashreplace")) for part in (message.raw, masked.raw))
    hidden = f'"{MASK}"'
    values = {_value(was) for was, now in zip(raw, shown, strict=False) if now == hidden != was}
    found = list(dict.fromkeys(token for token in _TOKEN.findall(text) if _value(token) in values))
    dots = MASK
    while dots in text:
        dots += MASK[0]
    named = {token: f'"{dots}{n if len(found) > 1 else ""}"' for n, token in enumerate(found, 1)}
    veiled = Veil(
        _TOKEN.sub(lambda match: named.get(match[0], match[0]), text), tuple((d, token) for token, d in named.items())
    )
    if len(raw) == len(shown) and found and veiled.lift(veiled.text) == text:
        return veiled
    return Veil(dots, ((dots, text),))  # too broken to tell the secret from the rest


class ResendEditor(QDialog):
    """Not modal. What it sends is marked injected.

    Signals:
        sent: journal number of the message that went out.
    """

    sent = Signal(int)

    def __init__(self, message: Message, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._message = message
        self._link = message.link
        self._session = session
        self._fresh_id = message.decoded.correlation
        self._veil = veil(editable(message.raw), message)
        self._wrong_way = False
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
        self.editor = QPlainTextEdit(self._veil.text)
        self.editor.setFont(theme.mono_font())
        self.editor.setAccessibleName("Message to send")
        self.editor.setTabChangesFocus(True)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setAccessibleName("What is wrong with the message")
        self.warning = RoleLabel("", "warn", wrap=True)
        self.warning.setAccessibleName("What to expect of it")
        self.show_secrets = QCheckBox("Show secrets")
        self.show_secrets.setToolTip("Key codes, PINs and passwords are shown as dots until asked for")
        self.show_secrets.setVisible(bool(self._veil.secrets))
        self.show_secrets.toggled.connect(self._reveal)
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
        buttons.addWidget(self.show_secrets)
        buttons.addStretch(1)
        for button in (self.fresh_button, close_button, self.send_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        if message.direction is Direction.IN:
            where = "the station" if to_station else "the same topic"
            note = f"This message was received. Sent again, it goes from the bench to {where}."
            layout.addWidget(RoleLabel(note, "warn", wrap=True))
        layout.addWidget(self.warning)
        layout.addWidget(self.editor, 1)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)

    @property
    def raw(self) -> bytes:
        """What Send would send."""
        text = self._true_text
        if not self.exact.isChecked():
            try:
                text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
            except (ValueError, RecursionError):
                pass  # what is not JSON goes out as typed: sending nonsense is a use of this window
        return _encoded(text)

    @property
    def _true_text(self) -> str:
        return self._veil.lift(self.editor.toPlainText())

    def judge(self) -> None:
        """Say what the schema says; nothing keeps the operator from sending it."""
        text = self.editor.toPlainText()
        raw = self.raw
        decoded = self._decode(raw)
        self._warn(decoded)
        try:
            json.loads(text)
        except ValueError as error:
            where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            self._say("fail", f"✖ not JSON{where}: {getattr(error, 'msg', error)}")
            return
        except RecursionError:
            self._say("fail", "✖ nested too deep to be read")
            return
        if decoded.faults:
            lines = [
                f"✖ {fault.where + ': ' if fault.where else ''}{fault.text}" for fault in decoded.faults[:MAX_FAULTS]
            ]
            if len(decoded.faults) > MAX_FAULTS:
                lines.append(f"and {len(decoded.faults) - MAX_FAULTS} more")
            said = "\n".join(lines)
            self._say("fail", hide(said, self._as_message(raw, decoded)) if self._veil.secrets else said)
        else:
            what = " ".join(part for part in (decoded.name, decoded.kind) if part)
            right = "as the schema wants it" if self._wrong_way else "nothing wrong"
            self._say("ok", f"✔ {what or 'message'}: {right}")

    def _warn(self, decoded: Decoded) -> None:
        """Say what to expect of what would be sent: who sends that action, and what the dots stand for."""
        lines = []
        is_call = self._link is Link.OCPP and decoded.kind == "CALL"
        self._wrong_way = is_call and decoded.name in sent_by_stations(self._version)
        if self._wrong_way:
            lines.append(
                f"⚠ {decoded.name} is sent by stations; a station answers it with NotImplemented or NotSupported."
            )
        if self._veil.secrets and MASK[0] in self._true_text:
            lines.append("⚠ Dots that were changed or typed stand for nothing: they are sent as dots.")
        elif self._true_text != self.editor.toPlainText():
            lines.append("Dots hide a secret. Left alone, they are sent as the true value; typed over, as typed.")
        self.warning.setText("\n".join(lines))
        self.warning.setVisible(bool(lines))

    def _reveal(self, shown: bool) -> None:
        """Show the text as it would be sent, or hide what is secret in it as it is now."""
        text = self._true_text
        if shown:
            self._veil = Veil(text)
        else:
            raw = _encoded(text)
            self._veil = veil(text, self._as_message(raw, self._decode(raw)))
        self.editor.setPlainText(self._veil.text)  # which forgets what Undo would bring back
        self.judge()

    def _as_message(self, raw: bytes, decoded: Decoded) -> Message:
        return self._message._replace(raw=raw, decoded=decoded)

    def renew_id(self) -> None:
        """Put a fresh id in place of the old one; the new one is replaced the next time."""
        old, new = self._fresh_id, str(uuid.uuid4())
        text = self.editor.toPlainText()
        quoted = json.dumps(old)
        if old is None or quoted not in text:
            self._say("warn", "⚠ the old id is no longer in the text: change it by hand")
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

        return ocpp.decode(raw, self._version)

    @property
    def _version(self) -> str:
        """OCPP version of the station it would go to."""
        station = self._session.stations.get(self.channel.text().strip())
        return station.version if station is not None else "2.0.1"

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)
        self.send_button.setText("Send anyway" if role == "fail" or self._wrong_way else "Send")


def can_resend(message: Message) -> str:
    """Why a message cannot be edited and sent again; empty when it can."""
    if message.link not in RESENDABLE:
        return "Only messages of the Josev bus and of a station can be sent again"
    if len(message.raw) > MAX_EDITED:
        return f"Too long to edit: {len(message.raw):,} bytes"
    return ""


def editable(raw: bytes) -> str:
    """Bytes as they are put into the editor: JSON with a line for each part, anything else as it is."""
    text = raw.decode("utf-8", "backslashreplace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _encoded(text: str) -> bytes:
    """The bytes of a text; half a surrogate pair, which UTF-8 has not, as the escape JSON has for it."""
    return text.encode("utf-8", "backslashreplace")


def _value(token: str) -> object:
    """What a JSON token says, however it is written; what is none stands for itself."""
    try:
        return json.loads(token)
    except ValueError:
        return token
