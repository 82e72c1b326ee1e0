"""A request and its answer side by side, with the time between."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from bench.clock import NS_PER_MS
from bench.message import Message
from ui.panels.inspector_prepare import NO_TREE, Prepared
from ui.panels.inspector_tree import SteppedTree
from ui.panels.sliced_text import SlicedText, length_of_pieces, pieces_of
from ui.widgets import ElidedLabel, EmptyState, RoleLabel, mark, readable_ms

"""An answer that did not come in so long does not come: the longest call timeouts in use are half of it."""
STACKED_BELOW = 380
"""Pixels under which the two stand one above the other: side by side neither could be read."""

MAX_TEXT = 64 * 1024
"""Bytes shown here of a half that has no fields."""

REQUESTS = frozenset(("request", "CALL"))
ANSWERS = frozenset(("response", "CALLRESULT", "CALLERROR"))


def pairs(message: Message) -> bool:
    """Whether a message of this kind has another half."""
    return message.decoded.kind in REQUESTS or message.decoded.kind in ANSWERS


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two. prepared: None while it is being read."""

    message: Message
    prepared: Prepared | None


class _Side(QWidget):
    """One message: its name, and its fields, its text, or why there is neither."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.heading = ElidedLabel(name, bold=True)
        self.go = mark(QPushButton(""), "flat")
        policy = self.go.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # both headings stand at one height
        self.go.setSizePolicy(policy)
        self.fields = SteppedTree(f"Fields of the {name.lower()}")
        self.text = SlicedText(f"Text of the {name.lower()}")
        self.empty = EmptyState("")
        self.pages = QStackedWidget()
        for page in (self.fields, self.text, self.empty):
            self.pages.addWidget(page)
        head = QHBoxLayout()
        head.setContentsMargins(4, 0, 0, 0)
        head.addWidget(self.heading, 1)
        head.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.pages, 1)

    def show_half(self, half: Half | None, absent: str, shown: int) -> None:
        self.go.setVisible(half is not None and half.message.seq != shown)
        if half is None:
            self.heading.set_text(self._name)
            self._say(absent)
            return
        decoded = half.message.decoded
        self.heading.set_text(f"{self._name} · {decoded.name or decoded.kind}")
        self.go.setText(f"#{half.message.seq}")
        self.go.setAccessibleName(f"Show message {half.message.seq}")
        if half.prepared is None:
            self._say("Reading…")
        elif half.prepared.tree is not NO_TREE:
            wrong = [(path, check) for path, check in half.prepared.checks if not check.ok]
            self.fields.show_tree(half.prepared.tree, wrong)
            self.pages.setCurrentWidget(self.fields)
        else:
            text = half.prepared.raw[:MAX_TEXT].decode("utf-8", "backslashreplace")
            rest = len(half.prepared.raw) - MAX_TEXT
            if rest > 0:
                text += f"\n… {rest:,} more bytes under Raw of that message"
            self.text.show_pieces(pieces_of(text), length_of_pieces(text))
            self.pages.setCurrentWidget(self.text)

    def _say(self, text: str) -> None:
        self.empty.title.setText(text)
        self.pages.setCurrentWidget(self.empty)


class PairView(QWidget):
    """Both halves at equal height.

    Signals:
        picked: number of the half the operator wants to see.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.between = RoleLabel("", delta=8, bold=True)
        self.between.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.said = RoleLabel("", "muted", wrap=True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.request = _Side("Request")
        self.answer = _Side("Answer")
        self._numbers: dict[_Side, int] = {}
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        for side in (self.request, self.answer):
            self.split.addWidget(side)
            side.go.clicked.connect(lambda _=False, side=side: self.picked.emit(self._numbers[side]))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.between)
        layout.addWidget(self.said)
        layout.addWidget(self.split, 1)

    def show_pair(self, request: Half | None, answer: Half | None, *, shown: int, over: bool) -> None:
        """Show what there is. shown: number of the message the inspector is at. over: what is missing will not come."""
        missing = "never" if over else "no answer yet"
        for side, half in ((self.request, request), (self.answer, answer)):
            if half is not None:
                self._numbers[side] = half.message.seq
        self.request.show_half(request, "No request was seen", shown)
        self.answer.show_half(answer, missing.capitalize(), shown)
        if request is not None and answer is not None:
            took = (answer.message.mono_ns - request.message.mono_ns) / NS_PER_MS
            self.between.setText(readable_ms(took))
            self.between.set_role("text")
            self.said.setText("between the request and its answer")
        else:
            self.between.setText(missing if request is not None else "no request")
            self.between.set_role("fail" if over or request is None else "warn")
            self.said.setText(_absence(request is not None, over))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= STACKED_BELOW
        wanted = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self.split.orientation() is not wanted:
            self.split.setOrientation(wanted)
            self.split.setSizes([10_000, 10_000])


def _absence(asked: bool, over: bool) -> str:
    if not asked:
        return "an answer to a message that was not seen here"
    return "this request was not answered" if over else "the answer is awaited"
