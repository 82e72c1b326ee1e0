"""The link strip: one chip a link, its state as a shape and a word, what is wrong and the cure on hover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from bench.ports import LinkState, LinkStatus
from ui import theme
from ui.glyphs import paint_dot
from ui.models.list_words import offer_text, versions_text
from ui.panels.base import Panel, touches
from ui.widgets import RoleLabel

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.station import Station
    from bench.tasks import Tasks

STATE_ROLES = {
    LinkState.OFF: "muted",
    LinkState.CONNECTING: "warn",
    LinkState.UP: "ok",
    LinkState.FAULTY: "fail",
}
STATE_WORDS = {
    LinkState.OFF: "Off",
    LinkState.CONNECTING: "Connecting",
    LinkState.UP: "Up",
    LinkState.FAULTY: "Faulty",
}
MAX_DETAIL = 210
"""Pixels a chip's detail may take: one long fault must not push the others off the strip."""
HIDDEN_WHILE_WELL = ("capture", "api")
"""Links that need a chip only where something is wrong; the status bar tells of the capture."""


@dataclass(frozen=True, slots=True)
class ChipText:
    """What a chip says. key: the link, for clicks. tip: the whole story. waiting: well, but nobody is at the other end yet."""

    key: str
    name: str
    state: LinkState
    detail: str
    tip: str
    waiting: bool = False

    @property
    def dot(self) -> str:
        """Its shape: a link that waits for the other side is half."""
        return "connecting" if self.waiting else str(self.state)

    @property
    def role(self) -> str:
        return "info" if self.waiting else STATE_ROLES[self.state]

    @property
    def word(self) -> str:
        return "Listening" if self.waiting else STATE_WORDS[self.state]


class LinkStrip(Panel):
    """A row of chips on top of the window.

    Signals:
        picked: key of the chip that was clicked (``reader:...``, ``josev``, ``ocpp``, ``store``, ``list``, ...).
    """

    title = "Links"
    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: dict[str, Chip] = {}
        self._told: set[str] = set()
        self._texts: list[ChipText] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 7, 0, 7)
        row.setSpacing(7)
        self.brand = RoleLabel("Authbench", bold=True, delta=1.0)
        row.addWidget(self.brand)
        row.addSpacing(4)
        self._row = QHBoxLayout()
        self._row.setSpacing(7)
        row.addLayout(self._row)
        row.addStretch(1)
        self.profile = RoleLabel("", "muted")
        row.addWidget(self.profile)
        self.ends = row  # the window puts its menu button here
        self.setFixedHeight(42)
        self._show([_not_running()])

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self._told.clear()
        self._refresh()

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if touches(changes, "link", "station", "list", "tokens"):
            self._refresh()

    def chips(self) -> dict[str, Chip]:
        """The chips shown, by key, from left to right."""
        return dict(self._chips)

    def _refresh(self) -> None:
        assert self.session is not None
        self._show(chip_texts(self.session))
        recording = self.session.links.get("capture")
        words = self.session.profile.name
        if recording is not None and recording.state is LinkState.UP:
            words += "  ● rec"
        self.profile.setText(words)
        for status in self.session.links.values():
            if status.state is not LinkState.FAULTY:
                self._told.discard(status.name)
            elif status.name not in self._told:
                self._told.add(status.name)
                cure = f" {status.cure[0].upper()}{status.cure[1:]}" if status.cure else ""
                self.notice.emit("fail", f"{link_title(status.name)}: {status.detail}.{cure}".replace("..", "."))

    def _show(self, texts: list[ChipText]) -> None:
        if texts == self._texts:
            return
        self._texts = texts
        keys = [text.key for text in texts]
        if keys != list(self._chips):
            for chip in self._chips.values():
                self._row.removeWidget(chip)
                chip.hide()
                chip.deleteLater()
            self._chips = {}
            for key in keys:
                chip = Chip(self)
                chip.clicked.connect(self._picker(key))
                self._chips[key] = chip
                self._row.addWidget(chip)
        for text in texts:
            self._chips[text.key].set_text(text)

    def _picker(self, key: str) -> Callable[[], None]:
        return lambda: self.picked.emit(key)


class Chip(QAbstractButton):
    """One link: shape, name, detail. The detail is cut where there is no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text_shown = ChipText("", "", LinkState.OFF, "", "")
        self._hover = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        theme.on_change(self.update)

    def set_text(self, text: ChipText) -> None:
        if text == self.text_shown:
            return
        self.text_shown = text
        self.setToolTip(text.tip)
        self.setAccessibleName(f"{text.name}: {text.word}, {text.detail}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        name, detail = self._widths()
        return QSize(28 + name + (7 + detail if detail else 0) + 10, 26)

    def minimumSizeHint(self) -> QSize:
        name, detail = self._widths()
        return QSize(28 + name + (7 + min(detail, 30) if detail else 0) + 10, 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        faulty = self.text_shown.state is LinkState.FAULTY
        border = "accent" if self.hasFocus() else "fail" if faulty else "border"
        painter.setPen(QPen(theme.color(border), 1))
        painter.setBrush(theme.color("fail_bg" if faulty else "button_hover" if self._hover else "panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        dot = QRectF(8, self.height() / 2 - 6, 12, 12)
        paint_dot(painter, dot, self.text_shown.dot, theme.color(self.text_shown.role))
        name, _ = self._widths()
        bold = theme.ui_font(-0.5, bold=True)
        painter.setFont(bold)
        painter.setPen(theme.color("text"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(27, 0, name + 2, self.height()), flags, self.text_shown.name)
        plain = theme.ui_font(-0.5)
        painter.setFont(plain)
        painter.setPen(theme.color("fail" if faulty else "muted"))
        left = 27 + name + 7
        room = self.width() - left - 8
        detail = QFontMetrics(plain).elidedText(self.text_shown.detail, Qt.TextElideMode.ElideRight, round(room))
        painter.drawText(QRectF(left, 0, room + 2, self.height()), flags, detail)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hover = True
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._hover = False
        self.update()

    def _widths(self) -> tuple[int, int]:
        name = QFontMetrics(theme.ui_font(-0.5, bold=True)).horizontalAdvance(self.text_shown.name)
        detail = QFontMetrics(theme.ui_font(-0.5)).horizontalAdvance(self.text_shown.detail)
        return name, min(detail, MAX_DETAIL)


def chip_texts(session: Session) -> list[ChipText]:
    """The chips of a session, from the card to the store."""
    links = session.links
    texts = [_reader_chip(status) for name, status in links.items() if name.startswith("reader:")]
    if not texts:
        texts.append(
            ChipText("reader", "Reader", LinkState.OFF, "none", "No reader: present cards from the Tap panel.")
        )
    texts.append(_plain_chip("josev", "Josev bus", links.get("josev"), _bare))
    texts.append(_ocpp_chip(links.get("ocpp"), list(session.stations.values())))
    store = links.get("store")
    state = store.state if store is not None else LinkState.UP
    detail = f"{session.store.valid_count} valid" if state is LinkState.UP else _detail(store, _bare)
    texts.append(
        ChipText("store", "Tokens", state, detail, _tip("Tokens", store, f"{session.store.count} in the store"))
    )
    texts.append(_list_chip(session))
    shown = {"josev", "ocpp", "store"}
    for name, status in links.items():
        if name in shown or name.startswith("reader:"):
            continue
        if name in HIDDEN_WHILE_WELL and status.state is not LinkState.FAULTY:
            continue
        texts.append(_plain_chip(name, link_title(name), status, _bare))
    return texts


def link_title(name: str) -> str:
    """``reader:pn532:/dev/ttyUSB0`` -> ``Reader``; ``josev`` -> ``Josev bus``."""
    words = {
        "josev": "Josev bus",
        "ocpp": "OCPP",
        "csms": "CSMS",
        "store": "Tokens",
        "capture": "Capture",
        "api": "API",
        "hub": "Hub",
        "maeve": "MaEVe",
    }
    first = name.partition(":")[0]
    return words.get(first, first.capitalize())


def _not_running() -> ChipText:
    return ChipText(
        "start", "Bench", LinkState.OFF, "not running", "Choose Demo or Connect a charger to start the bench."
    )


def _plain_chip(key: str, name: str, status: LinkStatus | None, form: Callable[[str], str]) -> ChipText:
    state = status.state if status is not None else LinkState.OFF
    return ChipText(key, name, state, _detail(status, form), _tip(name, status))


def _reader_chip(status: LinkStatus) -> ChipText:
    driver, _, port = status.name.removeprefix("reader:").partition(":")
    place = port.rpartition("/")[2]
    detail = f"{driver.upper()} · {place}" if place else driver.upper()
    if status.state is not LinkState.UP:
        detail = _detail(status, _bare) if status.state is LinkState.FAULTY else f"{STATE_WORDS[status.state]} {place}"
    return ChipText(status.name, "Reader", status.state, detail.strip(), _tip(f"Reader {driver} on {port}", status))


def _ocpp_chip(status: LinkStatus | None, stations: list[Station]) -> ChipText:
    state = status.state if status is not None else LinkState.OFF
    here = [station for station in stations if station.connected]
    tip = _tip("OCPP", status, *(f"{s.id} · {s.version} · from {s.peer}" for s in here))
    if state is not LinkState.UP or not here:
        waiting = state is LinkState.UP
        detail = "no station yet" if waiting else _detail(status, _bare)
        return ChipText("ocpp", "OCPP", state, detail, tip, waiting)
    first = here[0]
    more = f" +{len(here) - 1}" if len(here) > 1 else ""
    return ChipText("ocpp", "OCPP", state, f"{first.id} · {first.version}{more}", tip)


def _list_chip(session: Session) -> ChipText:
    tip = "Local authorization list: the version the station told = the one it should have. Ctrl+L pushes the store."
    first = next((station for station in session.stations.values() if station.connected), None)
    if first is None or not hasattr(session, "lists"):  # a capture has none
        return ChipText("list", "Local list", LinkState.OFF, "no station", tip)
    view = session.lists.view(first.id, with_rows=False)
    agree = view.known and view.list_version == view.shadow_version
    state = LinkState.UP if agree or view.progress is not None else LinkState.OFF
    lines = (first.id, "" if view.known else f"What it holds is unknown: {view.why_unknown}.", offer_text(view), tip)
    return ChipText("list", "Local list", state, versions_text(view), "\n".join(line for line in lines if line))


def _detail(status: LinkStatus | None, form: Callable[[str], str]) -> str:
    if status is None:
        return "off"
    if status.state is LinkState.UP:
        return form(status.detail) or "up"
    word = STATE_WORDS[status.state]
    return f"{word}: {status.detail}" if status.state is LinkState.FAULTY and status.detail else word.lower()


def _bare(detail: str) -> str:
    """An address without its scheme."""
    return detail.partition("://")[2] or detail


def _tip(name: str, status: LinkStatus | None, *more: str) -> str:
    if status is None:
        return "\n".join([f"{name}: Off", *more])
    lines = [f"{name}: {STATE_WORDS[status.state]}", status.detail, *more, status.cure]
    return "\n".join(line for line in lines if line)
