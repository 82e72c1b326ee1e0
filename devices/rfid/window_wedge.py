"""The reader ``keyboard_wedge:window``: a reader in keyboard mode types into our window, and the window hands its bursts here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bench.clock import NS_PER_S, Stamp, stamp
from bench.errors import BadInput, BenchBug
from bench.message import Direction
from bench.ports import LinkState, LinkStatus, ReaderStats, Sink
from bench.settings import ReaderSettings
from devices.rfid.driver import CardSeen, Frame, Notice
from devices.rfid.drivers import keyboard_wedge
from devices.rfid.drivers.keyboard_wedge import TypedLines
from devices.rfid.line_options import line_rules
from devices.rfid.presence import PUSH, Presence

PORT = "window"


class WindowWedge:
    """Implements :class:`bench.ports.Reader`. options: those of the driver ``keyboard_wedge``.

    Raises:
        BadInput: an option that the driver does not have, or a value that it cannot have.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.name = f"{keyboard_wedge.DRIVER.name}:{PORT}"
        self._lines = TypedLines(line_rules(keyboard_wedge.DRIVER.choose(options or {})))
        self._options = dict(options or {})
        self._presence = Presence(self.name, PUSH)
        self.stats = ReaderStats()
        self.orders: tuple[str, ...] = ()
        self._sink: Sink | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, sink: Sink) -> None:
        if self._sink is not None:
            raise BenchBug(f"reader {self.name} was started twice")
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._say(
            LinkState.CONNECTING, "waiting for a window", "open the window of Authbench: keys reach it only there"
        )

    async def stop(self) -> None:
        sink = self._sink
        if sink is None:
            return
        for removed in self._presence.clear(stamp()):
            sink.card_removed(removed)
        if self._timer is not None:
            self._timer.cancel()
        self._say(LinkState.OFF, PORT)
        self._sink = None

    @property
    def settings(self) -> ReaderSettings:
        return ReaderSettings(driver=keyboard_wedge.DRIVER.name, port=PORT, options=self._options)

    def order(self, name: str) -> None:
        raise BadInput(f"{self.name} cannot {name}", "a reader that types takes no orders")

    def window_opened(self) -> None:
        """The window watches its keys from now on."""
        self.stats.ups += 1
        self._say(LinkState.UP, "fast keys in the window are a card")

    def typed(self, text: str, at: Stamp) -> None:
        """One burst of keys without its Enter, on the loop's thread. at: when its last key came."""
        sink = self._sink
        if sink is None:
            return
        seq = 0
        for event in self._lines.take(text, at):
            if isinstance(event, Frame):
                self.stats.heard(len(event.raw), event.flaw)
                seq = sink.reader_frame(self.name, Direction.IN, event.raw, event.decoded, event.stamp).seq
            elif isinstance(event, CardSeen) and (card := self._presence.seen(event)) is not None:
                self.stats.cards += 1
                sink.card_read(card, seq)
            elif isinstance(event, Notice):
                sink.finding(event.rule, event.severity, f"{self.name}: {event.text}", event.cure)
        self._wait()

    def _wait(self) -> None:
        """Look again when a card may be gone: a reader that types says nothing when it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._presence.deadline_ns
        if due is not None and self._loop is not None:
            self._timer = self._loop.call_later(max(0, due - stamp().mono_ns) / NS_PER_S, self._gone)

    def _gone(self) -> None:
        if self._sink is not None:
            for removed in self._presence.tick(stamp()):
                self._sink.card_removed(removed)
            self._wait()

    def _say(self, state: LinkState, detail: str, cure: str = "") -> None:
        if self._sink is not None:
            self._sink.link_changed(LinkStatus(f"reader:{self.name}", state, detail, cure))
