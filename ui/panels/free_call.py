"""Any OCPP call: an action, a payload as JSON, judged against its schema while typing."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from ui import theme
from ui.widgets import RoleLabel, mark

JUDGE_AFTER_MS = 150
MAX_PAYLOAD = 200_000
MAX_FAULTS = 4

# What an operator asks of a station most, with something to start from.
STARTERS: dict[str, dict[str, dict[str, object]]] = {
    "1.6": {
        "TriggerMessage": {"requestedMessage": "StatusNotification"},
        "GetConfiguration": {"key": ["AuthorizeRemoteTxRequests", "LocalPreAuthorize", "LocalAuthorizeOffline"]},
        "ChangeConfiguration": {"key": "LocalAuthListEnabled", "value": "true"},
        "GetLocalListVersion": {},
        "ClearCache": {},
        "ChangeAvailability": {"connectorId": 0, "type": "Operative"},
        "UnlockConnector": {"connectorId": 1},
        "Reset": {"type": "Soft"},
        "DataTransfer": {"vendorId": "org.example"},
        "RemoteStartTransaction": {"idTag": "04A2B3C4", "connectorId": 1},
        "RemoteStopTransaction": {"transactionId": 1},
    },
    "2.0.1": {
        "TriggerMessage": {"requestedMessage": "StatusNotification"},
        "GetVariables": {
            "getVariableData": [{"component": {"name": "AuthCtrlr"}, "variable": {"name": "LocalPreAuthorize"}}]
        },
        "SetVariables": {
            "setVariableData": [
                {"component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": "Enabled"}, "attributeValue": "true"}
            ]
        },
        "GetBaseReport": {"requestId": 1, "reportBase": "SummaryInventory"},
        "GetLocalListVersion": {},
        "ClearCache": {},
        "ChangeAvailability": {"operationalStatus": "Operative"},
        "UnlockConnector": {"evseId": 1, "connectorId": 1},
        "GetTransactionStatus": {},
        "Reset": {"type": "OnIdle"},
        "DataTransfer": {"vendorId": "org.example"},
    },
}

BOTH_WAYS = frozenset({"DataTransfer"})


def sent_by_stations(version: str) -> frozenset[str]:
    """Actions of an OCPP version that only a station may send: those the CSMS answers, but for what goes both ways."""
    # The schemas behind the answers are heavy; the window is painted before they are loaded.
    from bench.csms import answers16, answers201

    return frozenset(answers16.ANSWERS if version == "1.6" else answers201.ANSWERS) - BOTH_WAYS


def go_to(editor: QPlainTextEdit, at: int) -> None:
    """Put the cursor before a character of the text, counted as Python counts, and the keys into the editor."""
    text = editor.toPlainText()[:at]
    cursor = QTextCursor(editor.document())
    cursor.setPosition(len(text.encode("utf-16-le", "surrogatepass")) // 2)  # Qt counts in UTF-16
    editor.setTextCursor(cursor)
    editor.ensureCursorVisible()
    editor.setFocus()


class FreeCall(QWidget):
    """Call is always there: pressed on what is no call, it says why and puts the cursor where it is wrong.

    Signals:
        asked: action and payload, once the payload is a JSON object.
    """

    asked = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._version = ""
        self._starter = ""
        self._wrong_at = 0
        self.action = QComboBox()
        self.action.setEditable(True)
        self.action.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.action.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.action.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.action.setAccessibleName("Action to call")
        self.action.currentTextChanged.connect(self._action_changed)
        self.send_button = mark(QPushButton("Call"), "primary")
        self.send_button.setToolTip("Ctrl+Enter")
        self.send_button.clicked.connect(self.send)
        self.payload = QPlainTextEdit("{}")
        self.payload.setFont(theme.mono_font())
        self.payload.setAccessibleName("Payload of the call, as JSON")
        self.payload.setTabChangesFocus(True)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setAccessibleName("What is wrong with the payload")
        self.verdict.setMinimumHeight(self.verdict.fontMetrics().height())
        row = QHBoxLayout()
        row.addWidget(self.action, 1)
        row.addWidget(self.send_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addLayout(row)
        # Above the editor: whatever else is scrolled away or squeezed, the reason stands beside the button.
        layout.addWidget(self.verdict)
        layout.addWidget(self.payload, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(JUDGE_AFTER_MS)
        self._timer.timeout.connect(self.judge)
        self.payload.textChanged.connect(self._timer.start)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(keys), self, self.send)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def set_version(self, version: str) -> None:
        """Offer the actions of an OCPP version."""
        if version == self._version:
            return
        self._version = version
        starters = STARTERS["1.6" if version == "1.6" else "2.0.1"]
        # The schemas are heavy; the window is painted before they are loaded.
        from bench.codecs.ocpp_schemas import actions

        others = sorted(actions(version) - set(starters) - sent_by_stations(version)) if version in STARTERS else []
        chosen = self.action.currentText()
        self.action.blockSignals(True)
        self.action.clear()
        self.action.addItems([*starters, *others])
        self.action.setCurrentText(chosen or next(iter(starters)))
        self.action.blockSignals(False)
        self._action_changed(self.action.currentText())

    def judge(self) -> dict[str, object] | None:
        """Say what the schema says; the payload, or None while it is no JSON object."""
        text = self.payload.toPlainText()
        if len(text) > MAX_PAYLOAD:
            return self._refuse(f"too long: {len(text):,} characters, at most {MAX_PAYLOAD:,}", MAX_PAYLOAD)
        try:
            payload = json.loads(text or "{}")
        except json.JSONDecodeError as error:
            return self._refuse(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}", error.pos)
        except ValueError as error:  # a number of thousands of digits
            return self._refuse(f"not JSON: {error}")
        except RecursionError:
            return self._refuse("nested too deep")
        if not isinstance(payload, dict):
            return self._refuse("a payload is a JSON object: { }")
        self._check(payload)
        return payload

    def send(self) -> None:
        """Ask for the call, or say what keeps it from being one. The session judges what the schema refuses."""
        payload = self.judge()
        action = self.action.currentText().strip()
        if payload is None:
            go_to(self.payload, self._wrong_at)
        elif not action:
            self.action.setFocus()
        else:
            self.asked.emit(action, payload)

    def _check(self, payload: dict[str, object]) -> None:
        from bench.codecs.ocpp_schemas import Half, schema_of

        action = self.action.currentText().strip()
        if not action:
            self._say("fail", "✖ choose an action")
            return
        if self._version in STARTERS and action in sent_by_stations(self._version):
            self._say("fail", f"✖ {action} is sent by stations, not by a CSMS")
            return
        schema = schema_of(self._version, Half.REQUEST, action) if self._version in STARTERS else None
        if schema is None:
            self._say("warn", f"⚠ OCPP {self._version} has no action {action}" if self._version else "")
            return
        faults = schema.faults(payload)
        if not faults:
            self._say("ok", "✔ as the schema wants it")
            return
        lines = [f"✖ {fault.where + ': ' if fault.where else ''}{fault.text}" for fault in faults[:MAX_FAULTS]]
        if len(faults) > MAX_FAULTS:
            lines.append(f"and {len(faults) - MAX_FAULTS} more")
        self._say("fail", "\n".join(lines))

    def _action_changed(self, action: str) -> None:
        """Give the action something to start from, unless the operator has written a payload."""
        starters = STARTERS["1.6" if self._version == "1.6" else "2.0.1"]
        now = self.payload.toPlainText()
        if now.strip() in ("", "{}") or now == self._starter:
            self._starter = json.dumps(starters.get(action, {}), indent=2)
            self.payload.setPlainText(self._starter)
        self._timer.start()

    def _refuse(self, text: str, at: int = 0) -> None:
        self._wrong_at = at
        self._say("fail", f"✖ {text}")

    def _say(self, role: str, text: str) -> None:
        self.verdict.set_role(role)
        self.verdict.setText(text)
