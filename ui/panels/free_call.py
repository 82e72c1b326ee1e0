"""Any OCPP call: an action, its payload as a form and as JSON side by side, judged against its schema while typing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from bench.clock import iso_utc, stamp
from bench.codecs.ocpp_forms import Field, Kind, form_of, minimal, sent_by_csms, sent_by_stations
from ui import theme
from ui.panels.schema_form import SchemaForm
from ui.panels.schema_form_presets import PresetMenu, Presets
from ui.panels.schema_form_values import Veiled, pretty, read_json, veil
from ui.widgets import RoleLabel, mark, menu_button

if TYPE_CHECKING:
    from bench.codecs.ocpp_schemas import Schema

JUDGE_AFTER_MS = 150
MAX_PAYLOAD = 200_000
MAX_DEPTH = 60
MAX_FAULTS = 4
MAX_DRAFTS = 200

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
STARTERS["2.1"] = STARTERS["2.0.1"]

# What a station says most; in the place of one, an operator starts from the smallest payload.
STATION_STARTERS: dict[str, dict[str, object]] = {"Authorize": {}, "Heartbeat": {}, "DataTransfer": {}}
BOTH_WAYS = frozenset({"DataTransfer"})


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

    The form and the JSON show one payload. JSON that does not parse leaves the form as it was. Each action keeps what was
    written for it while the window is open.

    Signals:
        asked: action, payload, and whether to send it although it breaks the schema.
    """

    asked = Signal(str, object, bool)

    def __init__(self, parent: QWidget | None = None, *, now: Callable[[], str] | None = None) -> None:
        """now: the time as RFC 3339, for the form's date-times."""
        super().__init__(parent)
        self._now = now or (lambda: iso_utc(stamp().utc_ns))
        self._version = ""
        self._by_station = False
        self._place = ("", "")  # version and action of what is shown
        self._drafts: dict[tuple[str, str], dict[str, Any]] = {}
        self._forms: dict[tuple[str, str], Field] = {}
        self._veil = Veiled({})
        self._wrong_at = 0
        self._wrong = False
        self.presets = Presets()
        self._build()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(JUDGE_AFTER_MS)
        self._timer.timeout.connect(self.judge)
        self.payload.textChanged.connect(self._timer.start)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(keys), self, self.send)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def _build(self) -> None:
        self.action = QComboBox()
        self.action.setEditable(True)
        self.action.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.action.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.action.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.action.setAccessibleName("Action to call")
        self.action.setMinimumContentsLength(18)
        self.action.currentTextChanged.connect(self._action_changed)
        self.preset_menu = PresetMenu(
            self.presets, self._offers, self._key, self.judge, self._use, lambda text: self._say("muted", text), self
        )
        self.preset_button = menu_button("Presets", self.preset_menu)
        self.raw = QCheckBox("although wrong")
        self.raw.setToolTip(
            "Send it although it breaks the schema or is not the sender's to send, to test the other side"
        )
        self.raw.setAccessibleName("Send although it breaks the schema")
        self.send_button = mark(QPushButton("Call"), "primary")
        self.send_button.setToolTip("Ctrl+Enter")
        self.send_button.clicked.connect(self.send)
        self.form = SchemaForm(self._now)
        self.form.edited.connect(self._form_edited)
        self.payload = QPlainTextEdit("{}")
        self.payload.setFont(theme.mono_font())
        self.payload.setAccessibleName("Payload of the call, as JSON")
        self.payload.setTabChangesFocus(True)
        self.payload.installEventFilter(self)
        self.verdict = RoleLabel("", "muted", wrap=True)
        self.verdict.setAccessibleName("What is wrong with the payload")
        self.verdict.setMinimumHeight(self.verdict.fontMetrics().height())
        row = QHBoxLayout()
        row.addWidget(self.action, 1)
        row.addWidget(self.preset_button)
        row.addWidget(self.raw)
        row.addWidget(self.send_button)
        both = QSplitter(Qt.Orientation.Horizontal)
        both.setChildrenCollapsible(False)
        both.addWidget(self.form)
        both.addWidget(self.payload)
        both.setStretchFactor(0, 5)
        both.setStretchFactor(1, 3)
        both.setSizes([500, 220])
        for side in (self.form, self.payload):
            side.setMinimumHeight(44)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 10, 4)
        layout.setSpacing(3)
        layout.addLayout(row)
        # Above the editors: whatever else is scrolled away or squeezed, the reason stands beside the button.
        layout.addWidget(self.verdict)
        layout.addWidget(both, 1)

    # What the panel uses

    def set_version(self, version: str, *, by_station: bool = False) -> None:
        """Offer the actions of an OCPP version that a CSMS sends, or those that a station does."""
        if (version, by_station) == (self._version, self._by_station):
            return
        turned = by_station is not self._by_station
        self._version, self._by_station = version, by_station
        starters = STATION_STARTERS if by_station else STARTERS.get(version, {})
        own = sent_by_stations if by_station else sent_by_csms
        others = sorted(own(version) - set(starters)) if version in STARTERS else []
        chosen = "" if turned else self.action.currentText()
        self.action.blockSignals(True)
        self.action.clear()
        self.action.addItems([*starters, *others])
        self.action.setCurrentText(chosen or next(iter(starters), ""))
        self.action.blockSignals(False)
        self._action_changed(self.action.currentText())

    def judge(self) -> dict[str, Any] | None:
        """Say what the schema says of the JSON, and show it in the form; the payload, or None while it is no JSON object."""
        payload = self._read()
        if payload is not None:
            self._keep_draft(payload)
            self.form.set_payload(payload)
            self._check(payload)
        return payload

    def _read(self) -> dict[str, Any] | None:
        """The payload as it is written, with its true secrets; None and a word of why where it is none."""
        self._timer.stop()
        text = self.payload.toPlainText()
        if len(text) > MAX_PAYLOAD:
            return self._refuse(f"too long: {len(text):,} characters, at most {MAX_PAYLOAD:,}", MAX_PAYLOAD)
        try:
            payload = read_json(text or "{}")
            if not isinstance(payload, dict):
                return self._refuse("a payload is a JSON object: { }")
            if _depth(payload) > MAX_DEPTH:
                return self._refuse("nested too deep")
        except json.JSONDecodeError as error:
            return self._refuse(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}", error.pos)
        except ValueError as error:  # a number of thousands of digits
            return self._refuse(f"not JSON: {error}")
        except RecursionError:
            return self._refuse("nested too deep")
        lifted: dict[str, Any] = self._veil.lift(payload)
        return lifted

    def send(self) -> None:
        """Ask for the call, or say what keeps it from being one. The session judges what the schema refuses."""
        payload = self.judge()
        action = self._key()[1]
        if payload is None:
            go_to(self.payload, self._wrong_at)
        elif not action:
            self.action.setFocus()
        else:
            self.asked.emit(action, payload, self.raw.isChecked())

    # Form and JSON

    def _form_edited(self) -> None:
        payload = self.form.payload
        self._show_json(payload)
        self._keep_draft(payload)
        self._check(payload)

    def _use(self, payload: dict[str, Any]) -> None:
        """Put a payload in force, in form and JSON."""
        self._show_json(payload)
        self.form.show_form(self._form(), payload)
        self._keep_draft(payload)
        self._check(payload)

    def _show_json(self, payload: dict[str, Any]) -> None:
        self._veil = veil(payload)
        self.payload.blockSignals(True)
        self.payload.setPlainText(pretty(self._veil.shown))
        self.payload.blockSignals(False)
        self._timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.payload and event.type() is QEvent.Type.FocusOut:
            payload = self.judge()
            # A secret that was typed stays readable until the typing is over.
            if payload is not None and veil(payload).hidden != self._veil.hidden:
                self._show_json(payload)
        return super().eventFilter(watched, event)

    # Actions

    def _key(self) -> tuple[str, str]:
        return self._version, self.action.currentText().strip()

    def _action_changed(self, action: str) -> None:
        """Show what was written for the action, or something to start from."""
        if self._place == self._key():
            return
        if self._timer.isActive():  # typed a moment ago, for the action before
            payload = self._read()
            if payload is None:
                self._place = self._key()
                self.form.show_form(self._form(), {})
                return  # what does not parse stays, to be mended
            self._keep_draft(payload)
        self._place = self._key()
        if self._place in self._drafts:
            self._use(self._drafts[self._place])
        elif self._schema() is not None:
            self._show_start()
        else:
            self.form.show_form(self._form(), self.form.payload)  # half a name; what is written stays
            self.judge()

    def _show_start(self) -> None:
        payload = next(iter(self._offers().values()))
        self._use(payload)
        self._drafts.pop(self._place, None)

    def _offers(self) -> dict[str, dict[str, Any]]:
        """What the action can be started from, by its words."""
        version, action = self._key()
        offers: dict[str, dict[str, Any]] = {}
        starter = None if self._by_station else STARTERS.get(version, {}).get(action)
        least = minimal(self._form(), self._now())
        if starter is not None and starter != least:
            offers["Usual payload"] = starter
        offers["Smallest payload"] = least
        return offers

    def _keep_draft(self, payload: dict[str, Any]) -> None:
        self._drafts.pop(self._place, None)
        self._drafts[self._place] = payload
        if len(self._drafts) > MAX_DRAFTS:
            self._drafts.pop(next(iter(self._drafts)))

    def _schema(self) -> Schema | None:
        version, action = self._key()
        if version not in STARTERS or not action:
            return None
        # The schemas are heavy; the window is painted before they are loaded.
        from bench.codecs.ocpp_schemas import Half, schema_of

        return schema_of(version, Half.REQUEST, action)

    def _form(self) -> Field:
        """The fields of the action; none for one that is unknown."""
        key, schema = self._key(), self._schema()
        if schema is None:
            return Field("", Kind.OBJECT)
        if key not in self._forms:
            self._forms[key] = form_of(schema.document)
        return self._forms[key]

    # Judging

    def _check(self, payload: dict[str, Any]) -> None:
        version, action = self._key()
        schema = self._schema()
        faults = () if schema is None else schema.faults(payload)
        self.form.show_faults(faults)
        if not action:
            self._say("fail", "✖ choose an action")
        elif self._is_wrong_way(action):
            who = "a CSMS, not by stations" if self._by_station else "stations, not by a CSMS"
            self._say("fail", f"✖ {action} is sent by {who}")
        elif schema is None:
            self._say("warn", f"⚠ OCPP {version} has no action {action}" if version else "")
        elif not faults:
            self._say("ok", "✔ as the schema wants it")
        else:
            lines = [f"✖ {fault.where + ': ' if fault.where else ''}{fault.text}" for fault in faults[:MAX_FAULTS]]
            if len(faults) > MAX_FAULTS:
                lines.append(f"and {len(faults) - MAX_FAULTS} more")
            self._say("fail", "\n".join(lines))

    @property
    def is_wrong(self) -> bool:
        """Whether what is shown was judged to be no call that its sender may send."""
        return self._wrong

    def _is_wrong_way(self, action: str) -> bool:
        version = self._version
        if not self._by_station:
            return action in sent_by_stations(version)
        return version in STARTERS and action in sent_by_csms(version) - BOTH_WAYS

    def _refuse(self, text: str, at: int = 0) -> None:
        self._wrong_at = at
        self._say("fail", f"✖ {text}")

    def _say(self, role: str, text: str) -> None:
        self._wrong = role in ("fail", "warn")
        self.verdict.set_role(role)
        self.verdict.setText(text)


def _depth(tree: object) -> int:
    """Levels of a tree, counted no further than there is a form for."""
    level, depth = [tree], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            below
            for each in level
            if isinstance(each, dict | list)
            for below in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
