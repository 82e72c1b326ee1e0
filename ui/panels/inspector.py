"""Inspector: one message, decoded with a verdict per field, raw, as bytes and in time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QStackedLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from bench.clock import NS_PER_MS, iso_utc, to_datetime
from bench.journal.view import JournalContext
from bench.masking import hide, mask, message_json, to_tree
from bench.message import Direction, Link, Malformed, Message
from ui import theme
from ui.models.tree import Check
from ui.panels.base import Panel
from ui.panels.copying import mosquitto_pub
from ui.panels.message_tree import MessageTree
from ui.panels.resend import ResendEditor, can_resend
from ui.panels.sliced_text import SlicedText, hex_length, hex_lines, length_of_pieces, pieces_of
from ui.widgets import ElidedLabel, EmptyState, RoleLabel, mark, menu_button

if TYPE_CHECKING:
    from bench.session import Change, Session
    from bench.tasks import Tasks

LARGE = 200_000
"""Bytes from which a message is prepared beside the window, and not judged field by field again."""
MAX_SHOWN_FAULTS = 8

APIS = {
    Link.JOSEV: "Josev API",
    Link.OCPP: "OCPP",
    Link.READER: "reader",
    Link.HUB: "OICP",
    Link.MAEVE: "MaEVe API",
    Link.EVEREST: "EVerest",
    Link.HTTP: "HTTP",
}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the tabs show of one message."""

    tree: object
    raw: bytes
    pretty: str
    verbatim: str
    hidden: bool


class InspectorPanel(Panel):
    """Shows the message picked anywhere in the window; keeps it when the journal lets it go."""

    title = "Inspector"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message: Message | None = None
        self._prepared: _Prepared | None = None
        self._context: JournalContext | None = None
        self._other: int | None = None
        self._filled: set[int] = set()
        self._build()

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self._context = JournalContext(session.journal, session.answered_by, session.exchange_of)
        self.message = None
        self._stack.setCurrentWidget(self.empty)

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        # The answer may come while its request is being looked at.
        if self.message is not None:
            self._tell_facts()

    def select_message(self, seq: int) -> None:
        message = None if self.session is None else self.session.journal.get(seq)
        if message is None:
            self.notice.emit("info", f"Message {seq} is no longer in memory; it is in the capture.")
            return
        if self.message is not None and message.seq == self.message.seq:
            return
        self.show_secrets.setChecked(False)
        self._show(message)

    # Building

    def _build(self) -> None:
        self.heading = ElidedLabel("", bold=True)
        self.where = RoleLabel("", "muted")
        self.sub = ElidedLabel("", "muted")
        self.tree = MessageTree()
        self.faults = RoleLabel("", "fail", wrap=True)
        self.faults.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.answer_button = mark(QPushButton(""), "flat")
        self.answer_button.clicked.connect(self._go_to_other)
        self.exchange_button = mark(QPushButton(""), "flat")
        self.exchange_button.clicked.connect(self._go_to_exchange)
        self.facts = RoleLabel("", "muted", mono=True, wrap=True)

        decoded = QWidget()
        column = QVBoxLayout(decoded)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.tree, 1)
        column.addWidget(self.faults)
        self.raw = SlicedText("Raw text of the message")
        self.verbatim = QCheckBox("Verbatim, as it crossed the link")
        self.verbatim.toggled.connect(lambda on: self._refill(1))
        raw = QWidget()
        column = QVBoxLayout(raw)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.verbatim)
        column.addWidget(self.raw, 1)
        self.bytes = SlicedText("Bytes of the message")
        self.timing = QPlainTextEdit()
        self.timing.setProperty("bare", True)
        self.timing.setReadOnly(True)
        self.timing.setFont(theme.mono_font())
        self.timing.setAccessibleName("When the message crossed the link")
        self.timing.setTabChangesFocus(True)
        self.timing.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Views of the message")
        for page, name in ((decoded, "Decoded"), (raw, "Raw"), (self._padded(self.bytes), "Bytes")):
            self.tabs.addTab(page, name)
        self.tabs.addTab(self._padded(self.timing), "Timing")
        self.tabs.currentChanged.connect(self._fill)

        self.show_secrets = QCheckBox("Show secrets")
        self.show_secrets.setToolTip("Key codes, PINs and passwords are shown as dots until asked for")
        self.show_secrets.toggled.connect(self._reveal)
        self.resend_button = QPushButton("Edit and resend")
        self.resend_button.clicked.connect(self.edit_and_resend)
        copying = QMenu(self)
        copying.addAction("Copy as JSON", self.copy_json)
        self.publish_action = copying.addAction("Copy as mosquitto_pub", self.copy_mosquitto_pub)
        self.copy_button = menu_button("Copy", copying)

        self.empty = EmptyState(
            "No message picked", "Pick a row under Messages, or an arrow of an exchange, to see what it says."
        )
        self.reading = EmptyState("Reading…", "A long message is prepared beside the window.")
        self._stack = QStackedLayout(self)
        for page in (self.empty, self.reading, self._make_page()):
            self._stack.addWidget(page)

    def _make_page(self) -> QWidget:
        head = QHBoxLayout()
        head.addWidget(self.heading, 1)
        head.addWidget(self.where)
        links = QHBoxLayout()
        links.setSpacing(2)
        links.addWidget(self.answer_button)
        links.addWidget(self.exchange_button)
        links.addStretch(1)
        links.addWidget(self.show_secrets)
        first = QHBoxLayout()
        first.setSpacing(8)
        for button in (self.resend_button, self.copy_button):
            first.addWidget(button, 1)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 6, 0, 10)
        layout.setSpacing(3)
        for row, side in ((head, 11), (None, 11)):
            box = QWidget()
            box.setLayout(row or self._row(self.sub))
            box.layout().setContentsMargins(side, 0, side, 0)
            layout.addWidget(box)
        layout.addWidget(self.tabs, 1)
        for row in (links, self._row(self.facts), first):
            box = QWidget()
            box.setLayout(row)
            row.setContentsMargins(9, 0, 9, 0)
            layout.addWidget(box)
        self._page = page
        return page

    @staticmethod
    def _row(widget: QWidget) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(widget, 1)
        return row

    @staticmethod
    def _padded(widget: QWidget) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(widget)
        return page

    # Showing

    def _show(self, message: Message) -> None:
        self.message = message
        self._prepared = None
        self._filled.clear()
        if len(message.raw) <= LARGE:
            self._display(message, _prepare(message, self.show_secrets.isChecked()))
        elif self.tasks is not None:
            self._stack.setCurrentWidget(self.reading)
            self.run(self._read_large(message, self.show_secrets.isChecked()), name="inspector")

    async def _read_large(self, message: Message, reveal: bool) -> None:
        prepared = await asyncio.to_thread(_prepare, message, reveal)
        if self.message is message:  # nothing else was picked meanwhile
            self._display(message, prepared)

    def _display(self, message: Message, prepared: _Prepared) -> None:
        assert self.session is not None
        self._prepared = prepared
        decoded = message.decoded
        self.heading.set_text(" ".join(part for part in (decoded.name, decoded.kind) if part))
        arrow = "→" if message.direction is Direction.OUT else "←"
        self.where.setText(f"#{message.seq} {arrow} {message.channel[:40]}")
        self.sub.set_text(self._standard(message) + (" · injected" if message.injected else ""))
        self.show_secrets.setVisible(prepared.hidden or self.show_secrets.isChecked())
        why_not = can_resend(message)
        self.resend_button.setEnabled(not why_not)
        self.resend_button.setToolTip(why_not)
        self.publish_action.setVisible(message.link is Link.JOSEV)
        self._fill_tree(message, prepared)
        self._tell_facts()
        self._stack.setCurrentWidget(self._page)
        self._fill(self.tabs.currentIndex())

    def _standard(self, message: Message) -> str:
        name = APIS.get(message.link, str(message.link))
        if message.link is Link.OCPP and self.session is not None:
            station = self.session.stations.get(message.channel)
            name += f" {station.version}" if station is not None else ""
        return f"{name} · {to_datetime(message.utc_ns).astimezone():%H:%M:%S}.{message.utc_ns // NS_PER_MS % 1000:03}"

    def _fill_tree(self, message: Message, prepared: _Prepared) -> None:
        assert self.session is not None
        checks = [(fault.where, Check(False, fault.text)) for fault in message.decoded.faults if fault.where]
        if len(message.raw) <= LARGE:
            checks += field_checks(message, self.session)
        if not self.show_secrets.isChecked() and prepared.hidden:
            checks = [(path, Check(check.ok, hide(check.note, message))) for path, check in checks]
        self.tree.show_tree(prepared.tree, checks)
        texts = [
            f"✖ {fault.where}: {fault.text}" if fault.where else f"✖ {fault.text}"
            for fault in message.decoded.faults[:MAX_SHOWN_FAULTS]
        ]
        if len(message.decoded.faults) > MAX_SHOWN_FAULTS:
            texts.append(f"and {len(message.decoded.faults) - MAX_SHOWN_FAULTS} more")
        text = "\n".join(texts)
        self.faults.setText(text if self.show_secrets.isChecked() else hide(text, message))
        self.faults.setVisible(bool(texts))

    def _tell_facts(self) -> None:
        message, session, context = self.message, self.session, self._context
        assert message is not None and session is not None and context is not None  # noqa: PT018
        self._other = session.answered_by(message.seq)
        self.answer_button.setVisible(self._other is not None)
        if self._other is not None:
            other = session.journal.get(self._other)
            word = "answered by" if self._other > message.seq else "answers"
            took = "" if other is None else f" after {abs(other.mono_ns - message.mono_ns) / NS_PER_MS:.1f} ms"
            self.answer_button.setText(f"{word} #{self._other}{took}")
        exchange = session.exchange_of(message.seq)
        self.exchange_button.setVisible(exchange is not None)
        self.exchange_button.setText(f"exchange {exchange}")
        parts = []
        if message.meta is not None:
            for name, value in message.meta.items():
                shown = ("yes" if value else "no") if isinstance(value, bool) else value
                parts.append(f"{'QoS' if name == 'qos' else name} {shown}")
        parts.append(f"{len(message.raw):,} bytes")
        self.facts.setText(" · ".join(parts))

    def _refill(self, tab: int) -> None:
        self._filled.discard(tab)
        self._fill(self.tabs.currentIndex())

    def _fill(self, tab: int) -> None:
        """Fill a tab when it is first looked at."""
        prepared, message = self._prepared, self.message
        if prepared is None or message is None or tab in self._filled:
            return
        self._filled.add(tab)
        if tab == 1:
            text = prepared.verbatim if self.verbatim.isChecked() else prepared.pretty
            self.raw.show_pieces(pieces_of(text), length_of_pieces(text))
        elif tab == 2:
            wide = self.bytes.text.viewport().width() > self.bytes.text.fontMetrics().horizontalAdvance("0") * 80
            width = 16 if wide else 8
            self.bytes.show_pieces(hex_lines(prepared.raw, width), hex_length(len(prepared.raw), width))
        elif tab == 3:
            self.timing.setPlainText(self._timing_text(message))

    def _timing_text(self, message: Message) -> str:
        assert self.session is not None and self._context is not None  # noqa: PT018
        lines = [
            f"UTC        {iso_utc(message.utc_ns)}",
            f"local      {to_datetime(message.utc_ns).astimezone():%Y-%m-%d %H:%M:%S.%f}",
            f"monotonic  {message.mono_ns:,} ns",
        ]
        took = self._context.answer_ms(message)
        if took is not None:
            lines.append(f"answers    #{self._other} after {took:.3f} ms")
        exchange = self.session.exchanges.get(self.session.exchange_of(message.seq) or 0)
        if exchange is not None:
            lines += ["", f"exchange {exchange.id}", "       at     delta"]
            before = exchange.opened.mono_ns
            for hop in exchange.hops:
                at, delta = (hop.mono_ns - exchange.opened.mono_ns) / NS_PER_MS, (hop.mono_ns - before) / NS_PER_MS
                before = hop.mono_ns
                sign = "▸" if hop.seq == message.seq else " "
                fault = f"  ✖ {hop.fault}" if hop.fault else ""
                lines.append(f"{sign}{at:8.1f}  {delta:+8.1f} ms  {hop.from_} → {hop.to}  {hop.name}{fault}")
        return "\n".join(lines)

    # Doing

    def edit_and_resend(self) -> ResendEditor | None:
        """Open the editor beside the window."""
        if self.message is None or self.session is None or can_resend(self.message):
            return None
        editor = ResendEditor(self.message, self.session, self)
        editor.sent.connect(self.message_selected)
        editor.show()
        return editor

    def copy_json(self) -> None:
        if self.message is not None and self.session is not None:
            exchange = self.session.exchange_of(self.message.seq)
            shown = message_json(self.message, exchange=exchange, reveal=self.show_secrets.isChecked())
            QGuiApplication.clipboard().setText(json.dumps(shown, indent=2, ensure_ascii=False))
            self.notice.emit("info", f"Message {self.message.seq} copied as JSON.")

    def copy_mosquitto_pub(self) -> None:
        if self.message is not None and self.session is not None:
            line = mosquitto_pub(self.message, self.session, reveal=self.show_secrets.isChecked())
            QGuiApplication.clipboard().setText(line)
            self.notice.emit("info", f"Message {self.message.seq} copied as a mosquitto_pub command.")

    def _reveal(self, reveal: bool) -> None:
        if self.message is not None:
            self._show(self.message)

    def _go_to_other(self) -> None:
        if self._other is not None:
            other = self._other
            self.select_message(other)
            self.message_selected.emit(other)

    def _go_to_exchange(self) -> None:
        exchange = None if self.message is None or self.session is None else self.session.exchange_of(self.message.seq)
        if exchange is not None:
            self.exchange_selected.emit(exchange)


def field_checks(message: Message, session: Session) -> list[tuple[str, Check]]:
    """What the message's codec says of each field; empty for links without schemas and for unreadable bytes."""
    body = message.decoded.body
    if isinstance(body, Malformed):
        return []
    # The codecs are heavy; the window is painted before any of them is loaded.
    if message.link is Link.JOSEV:
        from bench.codecs import josev

        if not isinstance(body, josev.JosevMessage):
            return []
        rows = josev.field_verdicts(body, message.channel, session.profile.bus.topics)
    elif message.link is Link.OCPP and message.decoded.kind != "link":
        from bench.codecs import ocpp

        station = session.stations.get(message.channel)
        rows = ocpp.field_verdicts(station.version if station is not None else "2.0.1", body)
    else:
        return []
    return [(path, Check(ok, note)) for path, _value, ok, note in rows]


def _prepare(message: Message, reveal: bool) -> _Prepared:
    """Everything the tabs show; may take a while for a long message and touches no widget."""
    hidden = False
    if reveal:
        raw, tree = message.raw, to_tree(message.decoded.body)
    else:
        shown = mask(message)
        raw, tree, hidden = shown.raw, shown.decoded, shown.hidden
    if isinstance(tree, dict):
        tree = tree.get("payload", tree)  # an OCPP call is its payload: paths are those of the filter and the schema
    verbatim = raw.decode("utf-8", "backslashreplace")
    try:
        pretty = json.dumps(json.loads(verbatim), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        pretty = verbatim
    return _Prepared(tree, raw, pretty, verbatim, hidden)
