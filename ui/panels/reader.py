"""Reader: which readers and ports there are, how each is set up, what comes from it byte by byte, and how well."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from bench.card import CardRead
from bench.clock import NS_PER_S
from bench.codecs.serial_bytes import explain
from bench.message import Link
from bench.ports import Reader, ReaderStats
from bench.serial_port import PortInfo
from bench.settings import ReaderSettings
from ui.models.readers import ReaderTableModel, Row, rows_of
from ui.panels.base import Panel, touches
from ui.panels.cells import make_table, set_widths
from ui.panels.frame_view import FrameView
from ui.panels.reader_frames import FrameList
from ui.panels.reader_setup import ReaderSetup
from ui.widgets import ElidedLabel, RoleLabel, grouped

if TYPE_CHECKING:
    from bench.session import Change, Session
    from bench.tasks import Tasks

SAMPLES = ("/dev/ttyUSB0", "◐ waiting", "stx_len_type")
LOOK_EVERY_NS = 2 * NS_PER_S
COUNTED = {
    "frames": "Good frames",
    "cards": "Cards (taps)",
    "repeats": "Repeats of a card that lay there",
    "checksum": "Frames with a wrong checksum",
    "noise": "Runs of noise between frames",
    "cut": "Frames cut short",
    "octets": "Bytes received",
    "ups": "Times it became ready",
}


class ReaderPanel(Panel):
    """Ports are looked for only while the panel is seen; none is ever opened unasked."""

    title = "Reader"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ports: list[PortInfo] = []
        self._looked_ns = 0
        self._looking = False
        self._choosing = False  # the panel itself is selecting a row
        self._shown: str | None = None
        self._build()

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self._shown = None
        self._ports = []
        self._looked_ns = 0
        self._looking = False  # a look that was cancelled before it began could not say that it is over
        hardware = session.readers.ports
        self.setup.set_drivers(hardware.drivers() if hardware is not None else {})
        self.frames.clear()
        self.refresh(set())

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if self.session is None:
            return
        self._look_for_ports()
        self._fill()
        reader = self.reader
        self._follow(reader)
        self._count(reader)
        if touches(changes, "card") and reader is not None:
            self._tell_card(self.session.last_card)

    @property
    def row(self) -> Row | None:
        """The selected reader or port."""
        return self._model.at(self.table.currentIndex().row())

    @property
    def reader(self) -> Reader | None:
        """The selected reader; None for a free port."""
        row = self.row
        if self.session is None or row is None or not row.reader:
            return None
        return next((reader for reader in self.session.readers if reader.name == row.reader), None)

    # Building

    def _build(self) -> None:
        self._model = ReaderTableModel(self)
        self.table = make_table("Readers and serial ports")
        self.table.setModel(self._model)
        self.table.setMinimumHeight(62)
        set_widths(self.table, SAMPLES)
        self.table.selectionModel().currentRowChanged.connect(lambda now, before: self._chosen())
        for chosen_again in (self.table.clicked, self.table.activated):
            chosen_again.connect(lambda index: self._chosen_again())
        self.state = ElidedLabel("", "muted")
        self.card = RoleLabel("", "muted", wrap=True)
        self.card.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.testing = QCheckBox("Test taps")
        self.testing.setToolTip(
            "Cards held to this reader are shown here and nowhere else: nothing is asked of the charger"
        )
        self.testing.toggled.connect(self._test)
        self._orders = QHBoxLayout()
        self._orders.setSpacing(6)
        below = QHBoxLayout()
        below.addWidget(self.testing)
        below.addLayout(self._orders)
        below.addStretch(1)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(4)
        column.addWidget(self.table, 1)
        words = QVBoxLayout()
        words.setContentsMargins(10, 0, 10, 0)
        words.addWidget(self.state)
        words.addWidget(self.card)
        words.addLayout(below)
        column.addLayout(words)
        self.frames = FrameList()
        self.frames.picked.connect(self._show_frame)
        self.frames.opened.connect(self.message_selected)
        self.bytes = FrameView()
        live = QSplitter(Qt.Orientation.Horizontal)
        live.addWidget(self.frames)
        live.addWidget(self.bytes)
        live.setSizes([340, 380])
        self.setup = ReaderSetup()
        self.setup.wanted.connect(self._use)
        self.setup.detect_wanted.connect(self._detect)
        self.setup.drop_wanted.connect(self._drop)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setAccessibleName("Of the reader")
        self.tabs.addTab(live, "Frames")
        self.tabs.addTab(self.setup, "Set up")
        self.tabs.addTab(self._make_counters(), "Counters")
        page = QSplitter(Qt.Orientation.Horizontal)
        page.addWidget(left)
        page.addWidget(self.tabs)
        page.setSizes([480, 760])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(page)

    def _make_counters(self) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)  # two counters a row: the panel is as high as its highest page
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(3)
        self.counters = {name: RoleLabel("0", mono=True) for name in COUNTED}
        rows = -(-len(COUNTED) // 2)
        for at, (name, words) in enumerate(COUNTED.items()):
            self.counters[name].setAccessibleName(words)
            grid.addWidget(RoleLabel(words), at % rows, at // rows * 2)
            grid.addWidget(self.counters[name], at % rows, at // rows * 2 + 1)
        grid.setColumnStretch(3, 1)
        grid.setRowStretch(rows, 1)
        return page

    # Showing

    def _fill(self) -> None:
        assert self.session is not None
        chosen = self.row.port if self.row is not None else None
        changed = self._model.show(rows_of(self.session.readers, self.session.links, self._ports))
        row = None if chosen is None else self._model.row_of(chosen)
        if self._model.rowCount() and (row is None or row != self.table.currentIndex().row()):
            self._choosing = row is None
            self.table.selectRow(row or 0)
            self._choosing = False
        elif changed or self._shown is None:
            self._chosen()

    def _chosen(self) -> None:
        row, reader = self.row, self.reader
        self.state.set_text(self._state_text(row))
        key = f"{row.reader}|{row.port}" if row is not None else ""
        if key == self._shown:
            return
        self._shown = key
        self.testing.setEnabled(reader is not None)
        self.testing.blockSignals(True)
        self.testing.setChecked(
            reader is not None and self.session is not None and self.session.readers.is_testing(reader.name)
        )
        self.testing.blockSignals(False)
        self.card.setText("")
        self._show_orders(reader)
        if reader is not None:
            self.setup.show_settings(reader.settings, running=True)
        elif row is None or (self._choosing and self.setup.edited):
            self.setup.show_running(False)  # what the operator is typing stays
        else:
            self.setup.show_settings(ReaderSettings(driver=row.driver.rstrip("?"), port=row.port), running=False)
        self.tabs.setCurrentIndex(0 if reader is not None else 1)
        self.bytes.show_frame(b"", ())
        self._follow(reader)
        self._count(reader)

    def _chosen_again(self) -> None:
        """The row that is selected already: what was typed over it is let go."""
        if self.setup.edited:
            self._shown = None
            self._chosen()

    def _state_text(self, row: Row | None) -> str:
        if row is None:
            return "No serial port is there. Plug a reader in, or type a port under Set up."
        return row.tip.replace("\n", " · ")

    def _show_orders(self, reader: Reader | None) -> None:
        while (item := self._orders.takeAt(0)) is not None:
            widget = item.widget()
            widget.hide()
            widget.deleteLater()
        for order in reader.orders if reader is not None else ():
            button = QPushButton(order.capitalize())
            button.setToolTip(f"Tell the reader: {order}")
            button.clicked.connect(lambda checked=False, order=order: self._order(order))
            self._orders.addWidget(button)

    def _follow(self, reader: Reader | None) -> None:
        if self.session is not None:
            self.frames.follow(
                self.session.journal, reader.name if reader is not None else "", self.session.exchange_of
            )

    def _count(self, reader: Reader | None) -> None:
        stats = reader.stats if reader is not None else ReaderStats()
        for field in fields(stats):
            text = f"{getattr(stats, field.name):,}"
            label = self.counters[field.name]
            if label.text() != text:
                label.setText(text)

    def _tell_card(self, card: CardRead | None) -> None:
        if card is None or self.reader is None or card.reader != self.reader.name:
            return
        more = [f"{len(card.uid)} bytes"]
        if card.sak is not None:
            more.append(f"SAK {card.sak:02X}")
        more += [str(hint) for hint in card.hints]
        self.card.setText(f"{grouped(card.uid_hex)} · {card.technology} · {' · '.join(more)}")

    def _show_frame(self, seq: int) -> None:
        message = self.session.journal.get(seq) if self.session is not None else None
        if message is not None and message.link is Link.READER:
            self.bytes.show_frame(message.raw, explain(message.channel.partition(":")[0], message.raw))

    # Asking

    def _look_for_ports(self) -> None:
        assert self.session is not None
        hardware = self.session.readers.ports
        now = self.session.clock.stamp().mono_ns
        if hardware is None or self._looking or now - self._looked_ns < LOOK_EVERY_NS:
            return
        self._looked_ns = now
        self._looking = True

        async def look() -> None:
            try:
                found = await hardware.ports()
            finally:
                self._looking = False
            self._ports = found
            if self.session is not None:
                self._fill()

        self.run(look(), name="list ports")

    def _use(self, settings: ReaderSettings) -> None:
        if self.session is None:
            return
        session = self.session

        async def use() -> None:
            reader = await session.readers.use(settings)
            self._fill()
            row = self._model.row_of(reader.settings.port)
            if row is not None:
                self.table.selectRow(row)

        self.run(use(), name="use reader")

    def _drop(self) -> None:
        reader = self.reader
        if self.session is not None and reader is not None:
            self.run(self.session.readers.drop(reader.name), name="drop reader")

    def _detect(self, port: str) -> None:
        if self.session is None or self.session.readers.ports is None:
            return
        hardware = self.session.readers.ports
        if any(reader.settings.port == port for reader in self.session.readers):
            self.notice.emit("warn", f"{port} is in use by a reader of this bench: let go of it first.")
            return

        async def search() -> None:
            self.setup.detect_button.setEnabled(False)
            self.notice.emit("info", f"Listening on {port}: hold a card to the reader.")
            try:
                found = await hardware.detect(port)
            finally:
                self.setup.detect_button.setEnabled(True)
            if found is None:
                self.notice.emit("warn", f"No reader made itself known on {port}. Hold a card to it and detect again.")
                return
            self.setup.show_settings(ReaderSettings(driver=found.driver, port=port, baud=found.baud), running=False)
            self.notice.emit("ok", f"{port}: {found.driver} at {found.baud} baud, {found.detail}")

        self.run(search(), name="detect reader")

    def _order(self, order: str) -> None:
        reader = self.reader
        if self.session is None or reader is None:
            return
        session = self.session

        async def tell() -> None:
            session.readers.order(reader.name, order)
            self.notice.emit("info", f"{reader.name} was told: {order}.")

        self.run(tell(), name="order reader")

    def _test(self, on: bool) -> None:
        if self.session is not None and self.reader is not None:
            self.session.readers.test(self.reader.name, on)
