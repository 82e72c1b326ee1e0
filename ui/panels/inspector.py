"""Inspector: one message, explained with a verdict per field, raw, as bytes, with its answer and in time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from bench.clock import NS_PER_MS, to_datetime
from bench.journal.marks import SIGN, sentences
from bench.journal.pairing import Flag
from bench.journal.view import JournalContext
from bench.masking import message_json
from bench.message import Direction, Link, Message
from ui.panels.base import Panel
from ui.panels.copying import mosquitto_pub
from ui.panels.inspector_json import Unwanted
from ui.panels.inspector_note import NoteLine
from ui.panels.inspector_prepare import (
    BYTES,
    DECODED,
    FRAME,
    HTTP,
    PAIR,
    RAW,
    TIMING,
    Prepared,
    field_checks,
    is_large,
    lay_out,
    prepare,
)
from ui.panels.inspector_tabs import MessageTabs
from ui.panels.inspector_timing import timing_text
from ui.panels.pair_view import ANSWERS, Half, pairs
from ui.panels.resend import ResendEditor, can_resend
from ui.widgets import ElidedLabel, EmptyState, RoleLabel, mark, menu_button

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

APIS = {
    Link.JOSEV: "Josev API",
    Link.OCPP: "OCPP",
    Link.READER: "reader",
    Link.HUB: "OICP",
    Link.MAEVE: "MaEVe API",
    Link.OCPI: "OCPI",
    Link.EVEREST: "EVerest",
    Link.HTTP: "HTTP",
}


class InspectorPanel(Panel):
    """Shows the message picked anywhere in the window; keeps it when the journal lets it go."""

    title = "Inspector"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message: Message | None = None
        self._prepared: Prepared | None = None
        self._context: JournalContext | None = None
        self._other: int | None = None
        self._over = False
        self._build()

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        self.note.commit()
        super().attach(session, tasks)
        self._context = JournalContext(session.pairs, session.exchange_of)
        self.message = None
        self.note.attach(session)
        self._stack.setCurrentWidget(self.empty)

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        # The answer may come while its request is being looked at.
        if self.message is None or self._prepared is None:
            return
        if self._tell_facts():
            self.tabs.set_offered(PAIR, self._is_half(self.message))
            self.tabs.refill(PAIR, TIMING)
        if any(change == "note" and key == self.message.seq for change, key in changes):
            self.note.refresh()

    def select_message(self, seq: int) -> None:
        message = None if self.session is None else self.session.history.get(seq)
        if message is None:
            why = "" if self.session is None else self.session.history.missing(seq)
            self.notice.emit("info", why or f"Message {seq} is neither in memory nor in a capture.")
            return
        if self.message is not None and message.seq == self.message.seq:
            return
        self.show_secrets.setChecked(False)
        self._show(message)

    def edit_note(self) -> None:
        """Put the focus into the note of the message shown."""
        self.note.text.setFocus(Qt.FocusReason.OtherFocusReason)

    # Building

    def _build(self) -> None:
        self.heading = ElidedLabel("", bold=True)
        self.where = ElidedLabel("", "muted", mode=Qt.TextElideMode.ElideMiddle)
        self.where.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.sub = ElidedLabel("", "muted")
        self.tabs = MessageTabs()
        self.tabs.wanted.connect(self._fill)
        self.tabs.pair.picked.connect(self._go_to)
        self.tree = self.tabs.decoded.tree
        self.faults = RoleLabel("", "fail", wrap=True)
        self.faults.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.amiss = RoleLabel("", "warn", wrap=True)
        self.amiss.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.answer_button = mark(QPushButton(""), "flat")
        self.answer_button.clicked.connect(self._go_to_other)
        self.exchange_button = mark(QPushButton(""), "flat")
        self.exchange_button.clicked.connect(self._go_to_exchange)
        self.facts = RoleLabel("", "muted", mono=True, wrap=True)
        self.note = NoteLine()
        self.note.refused.connect(lambda why: self.notice.emit("fail", why))
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
        self._page = self._make_page()
        self._stack = QStackedLayout(self)
        for page in (self.empty, self.reading, self._page):
            self._stack.addWidget(page)

    def _make_page(self) -> QWidget:
        links = _row(self.answer_button, self.exchange_button, spacing=2)
        links.addStretch(1)
        links.addWidget(self.show_secrets)
        orders = _row(spacing=8)
        for button in (self.resend_button, self.copy_button):
            orders.addWidget(button, 1)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 6, 0, 10)
        layout.setSpacing(3)
        layout.addWidget(_inset(_row(self.heading, self.where, stretch=0), 11))
        layout.addWidget(_inset(_row(self.sub, stretch=0), 11))
        layout.addWidget(self.tabs, 1)
        layout.addWidget(_inset(_row(self.faults, stretch=0), 11))
        layout.addWidget(_inset(_row(self.amiss, stretch=0), 11))
        layout.addWidget(_inset(links, 9))
        layout.addWidget(_inset(_row(self.facts, stretch=0), 9))
        layout.addWidget(self.note)
        layout.addWidget(_inset(orders, 9))
        return page

    # Showing

    def _show(self, message: Message) -> None:
        assert self.session is not None
        self.message = message
        self._prepared = None
        self._other = None
        self._over = False
        reveal = self.show_secrets.isChecked()
        if not is_large(message):
            self._display(message, prepare(message, reveal, field_checks(message, self.session)))
        elif self.tasks is not None:
            self._stack.setCurrentWidget(self.reading)
            self.run(self._read_large(message, reveal), name="inspector")

    def _is_wanted(self, message: Message, reveal: bool) -> bool:
        """Whether a message is still being looked at, in the same way. Also asked on other threads."""
        return self.message is message and self.show_secrets.isChecked() is reveal

    async def _read_large(self, message: Message, reveal: bool) -> None:
        def wanted() -> bool:
            return self.message is message

        try:
            prepared = await asyncio.to_thread(prepare, message, reveal, (), wanted)
        except Unwanted:
            return
        if self._is_wanted(message, reveal):
            self._display(message, prepared)

    def _display(self, message: Message, prepared: Prepared) -> None:
        self._prepared = prepared
        decoded = message.decoded
        self.heading.set_text(" ".join(part for part in (decoded.name, decoded.kind) if part))
        arrow = "→" if message.direction is Direction.OUT else "←"
        self.where.set_text(f"#{message.seq} {arrow} {message.channel}")
        self.sub.set_text(self._standard(message) + (" · injected" if message.injected else ""))
        self.faults.setText(prepared.faults)
        self.faults.parentWidget().setVisible(bool(prepared.faults))
        self.show_secrets.setVisible(prepared.hidden or self.show_secrets.isChecked())
        why_not = can_resend(message)
        self.resend_button.setEnabled(not why_not)
        self.resend_button.setToolTip(why_not)
        self.publish_action.setVisible(message.link is Link.JOSEV)
        self.note.show_note(message.seq)
        self._tell_facts()
        self.tabs.offer((*prepared.tabs, *((PAIR,) if self._is_half(message) else ()), TIMING))
        self._stack.setCurrentWidget(self._page)

    def _standard(self, message: Message) -> str:
        name = APIS.get(message.link, str(message.link))
        if message.link is Link.OCPP and self.session is not None:
            station = self.session.stations.get(message.channel)
            name += f" {station.version}" if station is not None else ""
        return f"{name} · {to_datetime(message.utc_ns).astimezone():%H:%M:%S}.{message.utc_ns // NS_PER_MS % 1000:03}"

    def _is_half(self, message: Message) -> bool:
        return self._other is not None or pairs(message)

    def _tell_facts(self) -> bool:
        """What may change while the message is shown: its answer, its exchange. True if the other half came or is given up."""
        message, session = self.message, self.session
        assert message is not None and session is not None  # noqa: PT018
        exchange = session.exchange_of(message.seq)
        before = (self._other, self._over)
        if self._other is None:
            self._other = session.pairs.other_half(message.seq)
            self._over = self._is_closed(exchange) or Flag.UNANSWERED in session.pairs.of(message.seq).flags
            if self._other is not None:
                self.answer_button.setText(self._other_text(message, self._other))
        told = sentences(session.pairs.of(message.seq))
        self.amiss.setText("\n".join(f"{SIGN} {sentence}" for sentence in told))
        self.amiss.parentWidget().setVisible(bool(told))
        self.answer_button.setVisible(self._other is not None)
        self.exchange_button.setVisible(exchange is not None)
        self.exchange_button.setText(f"exchange {exchange}")
        parts = []
        if message.meta is not None:
            for name, value in message.meta.items():
                shown = ("yes" if value else "no") if isinstance(value, bool) else value
                parts.append(f"{'QoS' if name == 'qos' else name} {shown}")
        parts.append(f"{len(message.raw):,} bytes")
        self.facts.setText(" · ".join(parts))
        return before != (self._other, self._over)

    def _is_closed(self, exchange: int | None) -> bool:
        found = None if self.session is None or exchange is None else self.session.exchanges.get(exchange)
        return found is not None and found.closed is not None

    def _other_text(self, message: Message, seq: int) -> str:
        other = None if self.session is None else self.session.history.get(seq)
        took = "" if other is None else f" after {abs(other.mono_ns - message.mono_ns) / NS_PER_MS:.1f} ms"
        return f"{'answered by' if seq > message.seq else 'answers'} #{seq}{took}"

    def _fill(self, tab: str) -> None:
        """Fill a view that is being looked at."""
        prepared, message, session = self._prepared, self.message, self.session
        if prepared is None or message is None or session is None:
            return
        if tab == FRAME:
            self.tabs.frame.show_frame(prepared.raw, prepared.spans)
        elif tab == HTTP:
            self.tabs.show_http(prepared)
        elif tab == DECODED:
            self.tabs.decoded.show_tree(prepared.tree, prepared.checks)
        elif tab == RAW:
            self.tabs.raw.show_growing(lay_out(prepared, self.tabs.verbatim.isChecked()))
        elif tab == BYTES:
            self.tabs.show_bytes(prepared.raw)
        elif tab == PAIR:
            self._fill_pair(message, prepared)
        elif tab == TIMING and self._context is not None:
            took = self._context.answer_ms(message)
            exchange = session.exchanges.get(session.exchange_of(message.seq) or 0)
            self.tabs.timing.setPlainText(timing_text(message, self._other, took, exchange))

    def _fill_pair(self, message: Message, prepared: Prepared) -> None:
        assert self.session is not None
        other = None if self._other is None else self.session.history.get(self._other)
        ready = None
        if other is not None and not is_large(other):
            ready = prepare(other, self.show_secrets.isChecked(), field_checks(other, self.session))
        elif other is not None:
            self.run(self._read_other(message, prepared, other), name="inspector pair")
        self._show_pair(message, prepared, other, ready)

    async def _read_other(self, message: Message, prepared: Prepared, other: Message) -> None:
        def wanted() -> bool:
            return self._prepared is prepared

        try:
            ready = await asyncio.to_thread(prepare, other, self.show_secrets.isChecked(), (), wanted)
        except Unwanted:
            return
        if wanted():
            self._show_pair(message, prepared, other, ready)

    def _show_pair(self, message: Message, prepared: Prepared, other: Message | None, ready: Prepared | None) -> None:
        halves = [Half(message, prepared), None if other is None else Half(other, ready)]
        answers = message.seq > other.seq if other is not None else message.decoded.kind in ANSWERS
        request, answer = reversed(halves) if answers else halves
        self.tabs.pair.show_pair(request, answer, shown=message.seq, over=self._over)

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
        if self.message is None or self.session is None:
            return
        message, reveal = self.message, self.show_secrets.isChecked()
        exchange = self.session.exchange_of(message.seq)
        if not is_large(message):
            self._copy(_json_text(message, exchange, reveal), f"Message {message.seq} copied as JSON.")
        else:
            self.run(self._copy_large(message, exchange, reveal), name="inspector copy")

    async def _copy_large(self, message: Message, exchange: int | None, reveal: bool) -> None:
        text = await asyncio.to_thread(_json_text, message, exchange, reveal)
        self._copy(text, f"Message {message.seq} copied as JSON.")

    def copy_mosquitto_pub(self) -> None:
        if self.message is not None and self.session is not None:
            line = mosquitto_pub(self.message, self.session, reveal=self.show_secrets.isChecked())
            self._copy(line, f"Message {self.message.seq} copied as a mosquitto_pub command.")

    def _copy(self, text: str, told: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.notice.emit("info", told)

    def _reveal(self, reveal: bool) -> None:
        if self.message is not None:
            self._show(self.message)

    def _go_to_other(self) -> None:
        if self._other is not None:
            self._go_to(self._other)

    def _go_to(self, seq: int) -> None:
        self.select_message(seq)
        self.message_selected.emit(seq)

    def _go_to_exchange(self) -> None:
        exchange = None if self.message is None or self.session is None else self.session.exchange_of(self.message.seq)
        if exchange is not None:
            self.exchange_selected.emit(exchange)


def _json_text(message: Message, exchange: int | None, reveal: bool) -> str:
    return json.dumps(message_json(message, exchange=exchange, reveal=reveal), indent=2, ensure_ascii=False)


def _row(*widgets: QWidget, stretch: int | None = None, spacing: int = 6) -> QHBoxLayout:
    """Widgets in a row. stretch: which of them takes the room."""
    row = QHBoxLayout()
    row.setSpacing(spacing)
    for place, widget in enumerate(widgets):
        row.addWidget(widget, int(place == stretch))
    return row


def _inset(row: QLayout, side: int) -> QWidget:
    box = QWidget()
    row.setContentsMargins(side, 0, side, 0)
    box.setLayout(row)
    return box
