"""The line at the foot of the window: what is recorded, how fast messages come, what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStatusBar, QWidget

from bench.clock import NS_PER_S, Stamp
from bench.ports import LinkState
from ui.widgets import RoleLabel

if TYPE_CHECKING:
    from bench.session import Session


class StatusLine(QStatusBar):
    """Refreshed by the window's flush; reads counters, never the journal itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.capture = RoleLabel("no capture", "muted", delta=-0.5)
        self.rate = RoleLabel("— msg/s", "muted", delta=-0.5)
        self.dropped = RoleLabel("", "muted", delta=-0.5)
        self.keys = RoleLabel("F1 keys", "muted", delta=-0.5)
        for label in (self.capture, self.rate, self.dropped, self.keys):
            label.setContentsMargins(0, 0, 14, 0)
            self.addWidget(label)
        hint = RoleLabel("Ctrl+T present · Ctrl+F filter · Space pause · Ctrl+L reconcile list", "muted", delta=-0.5)
        self.addPermanentWidget(hint)
        self.rate.setMinimumWidth(self.rate.fontMetrics().horizontalAdvance("99,999 msg/s ") + 14)
        self._last: tuple[int, int] | None = None

    def reset(self) -> None:
        """Another session: rates start anew."""
        self._last = None
        self.rate.setText("— msg/s")

    def show_counts(self, session: Session, now: Stamp) -> None:
        """Take over counters; the rate is taken over about a second."""
        counters = session.counters()
        count = counters["messages"]
        if self._last is None:
            self._last = (now.mono_ns, count)
        elif (elapsed := now.mono_ns - self._last[0]) >= NS_PER_S:
            rate = (count - self._last[1]) * NS_PER_S / elapsed
            self.rate.setText(f"{rate:.0f} msg/s" if rate >= 10 or rate == 0 else f"{rate:.1f} msg/s")
            self._last = (now.mono_ns, count)
        dropped = counters["dropped"]
        self.dropped.setText(f"{dropped:,} dropped")
        self.dropped.set_role("fail" if dropped else "muted")
        self.capture.setText(capture_words(session))
        status = session.links.get("capture")
        faulty = status is not None and status.state is LinkState.FAULTY
        self.capture.set_role("fail" if faulty else "muted")
        self.capture.setToolTip(f"{status.detail}\n{status.cure}".strip() if status is not None else "")


def capture_words(session: Session) -> str:
    """``capture depot-north.db · 3.1 MB``, or what is wrong with it."""
    status = session.links.get("capture")
    capture = getattr(session, "capture", None)
    if status is not None and status.state is LinkState.FAULTY:
        return f"capture faulty: {status.detail}"
    if capture is None:
        return f"capture {status.detail}" if status is not None and status.detail else "not recording"
    return f"capture {getattr(capture.path, 'name', capture.path)} · {readable_size(capture.size())}"


def readable_size(count: int) -> str:
    """Bytes for a person: ``812 B``, ``3.1 MB``."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
