"""The window's event loop: asyncio inside Qt's loop, with timers that are never early and never pile up.

qasync gives every callback a Qt timer of its own. Those are coarse (they fire up to 5 % early), and a cancelled one lives on
until it would have fired: twenty thousand finished timeouts leave twenty thousand live timers. Here callbacks wait in a queue
and a heap of our own, and one precise Qt timer serves both. Swapping the loop touches this module alone.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

# Imported before qasync, which takes the Qt binding it finds loaded.
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

import qasync  # isort: skip

SLICE_S = 0.008
"""How long callbacks may run before Qt gets a turn: half a frame, so that a flood leaves the window alive."""
PURGE_ABOVE = 100
"""Cancelled deadlines kept before they are swept out (as asyncio does)."""


class _Wake(QObject):
    """Carries a wake-up from any thread to the loop's own."""

    asked = Signal()


class BenchLoop(qasync.QEventLoop):  # type: ignore[misc]
    """An asyncio event loop that runs inside ``QApplication.exec``.

    Guarantees, held by ``tests/ui/test_loop.py``: callbacks run in the order they were given, also across threads; nothing
    runs before its deadline; finished timeouts leave nothing behind; nested Qt loops (``dialog.open``) keep it turning.
    """

    def __init__(self, app: QApplication) -> None:
        self._soon: deque[asyncio.Handle] = deque()
        self._due: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = itertools.count()
        self._cancelled_due = 0
        self._armed_for: float | None = None
        self._wake_asked = False
        self._escaped: BaseException | None = None
        self._ticker = QTimer()
        self._ticker.setSingleShot(True)
        self._ticker.setTimerType(Qt.TimerType.PreciseTimer)
        self._ticker.timeout.connect(self._tick)
        self._wake = _Wake()
        self._wake.asked.connect(self._woken, Qt.ConnectionType.QueuedConnection)
        super().__init__(app)
        # qasync's own executor keeps ten QThreads; the standard one starts threads as they are needed.
        self.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio_window"))

    # Scheduling

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        self._check_callback_and_state(callback)
        return self._add_callback(asyncio.Handle(callback, args, self, context))

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + max(0.0, delay), callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_callback_and_state(callback)
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        handle._scheduled = True  # asks asyncio to report its cancellation to us
        heapq.heappush(self._due, (when, next(self._order), handle))
        if self._due[0][2] is handle:
            self._arm()
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        self._check_callback_and_state(callback)
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append(handle)
        # Append, then look: the loop clears the flag before it empties the queue, so no callback is left behind.
        if not self._wake_asked:
            self._wake_asked = True
            self._wake.asked.emit()
        return handle

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        """The one private method of qasync that this class takes over (hence the pin ``qasync==0.28.*``)."""
        if delay > 0:
            return self.call_later(delay, handle._run)
        self._soon.append(handle)
        if self._armed_for != 0.0:
            self._arm()
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio calls this when a deadline is cancelled: sweep once most of the heap is dead."""
        self._cancelled_due += 1
        if self._cancelled_due > PURGE_ABOVE and self._cancelled_due * 2 > len(self._due):
            self._due = [entry for entry in self._due if not entry[2].cancelled()]
            heapq.heapify(self._due)
            self._cancelled_due = 0

    def _check_callback_and_state(self, callback: object) -> None:
        self._check_closed()
        if not callable(callback) or asyncio.iscoroutinefunction(callback):
            raise TypeError(f"a callable that is no coroutine function is needed, not {callback!r}")

    # Running

    def run_forever(self) -> int:
        result: int = super().run_forever()
        escaped, self._escaped = self._escaped, None
        if escaped is not None:
            raise escaped
        return result

    def _before_run_forever(self) -> None:
        super()._before_run_forever()
        self._armed_for = None
        self._arm()

    def close(self) -> None:
        if self.is_running() or self.is_closed():
            super().close()
            return
        self._ticker.stop()
        super().close()
        self._soon.clear()
        self._due.clear()

    def _woken(self) -> None:
        self._wake_asked = False
        self._arm()

    def _arm(self) -> None:
        """Set the one timer for the earliest thing to do."""
        while self._due and self._due[0][2].cancelled():
            heapq.heappop(self._due)
            self._cancelled_due = max(0, self._cancelled_due - 1)
        if self._soon:
            wanted = 0.0
        elif self._due:
            wanted = self._due[0][0]
        else:
            if self._armed_for is not None:
                self._ticker.stop()
                self._armed_for = None
            return
        if wanted == self._armed_for:
            return
        self._armed_for = wanted
        # Rounded up: a millisecond late is a delay, a microsecond early is a wrong verdict.
        wait_ms = 0 if wanted == 0.0 else max(0, math.ceil((wanted - self.time()) * 1000))
        self._ticker.start(min(wait_ms, 0x7FFFFFFF))

    def _tick(self) -> None:
        self._armed_for = None
        if not self.is_running():
            return
        self._move_due()
        # Armed before anything runs: a callback may open a nested Qt loop, which needs the next tick to keep turning.
        self._armed_for = 0.0
        self._ticker.start(0)
        deadline = self.time() + SLICE_S
        try:
            while self._soon:
                handle = self._soon.popleft()
                if not handle.cancelled():
                    handle._run()
                if not self.is_running() or self.time() > deadline:
                    break
        except (KeyboardInterrupt, SystemExit) as escaped:
            # Qt would swallow it here; run_forever raises it again, as asyncio's does.
            self._escaped = escaped
            self.stop()
        self._arm()

    def _move_due(self) -> None:
        now = self.time()
        while self._due and self._due[0][0] <= now:
            handle = heapq.heappop(self._due)[2]
            handle._scheduled = False
            if handle.cancelled():
                self._cancelled_due = max(0, self._cancelled_due - 1)
            else:
                self._soon.append(handle)


def make_loop() -> BenchLoop:
    """A loop on the application there is, or on a new one; the caller closes it.

    The application does not end with its last window: a dialog that closes must not take the engine with it.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    return BenchLoop(app)
