"""A serial RFID reader as the engine knows it: a thread reads, the loop is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from serial.tools.list_ports import comports

from bench.card import CardRead, CardRemoved
from bench.errors import BadInput, BenchBug, LinkDown
from bench.message import Direction
from bench.ports import LinkState, LinkStatus, ReaderStats, Sink
from bench.settings import ReaderSettings
from devices.inbox import Inbox
from devices.rfid.driver import Frame
from devices.rfid.drivers import find
from devices.rfid.pump import Item, Pump
from devices.rfid.whereabouts import Lister, Whereabouts

# More than any read or write may block; a socket that is being opened blocks longest (5 s in pyserial).
JOIN_LIMIT_S = 10.0
# A reader cannot outrun the loop for long; a socket that floods is held back on its own thread.
MAX_WAITING = 20_000


class SerialReader:
    """Implements :class:`bench.ports.Reader` for every driver.

    driver: name or alias, see :func:`devices.rfid.drivers.all_drivers`. port: device path or symlink, ``COM3`` or
    ``socket://host:port``; no other port is ever opened. baud: None = the driver's own. options: of the driver, see
    :class:`devices.rfid.driver.Option`. lister: stands in for pyserial's in tests. stats: since the bench started.

    Raises:
        BadInput: no such driver, no port, an option that the driver does not have, or a value that it cannot have.
    """

    def __init__(
        self,
        driver: str,
        port: str,
        baud: int | None = None,
        options: Mapping[str, str] | None = None,
        *,
        lister: Lister = comports,
    ) -> None:
        self._info = find(driver)
        self._options = self._info.choose(options or {})
        self._lister = lister
        self._state = LinkState.OFF
        self.stats = ReaderStats()
        self._info.make(self._options)  # a value that cannot be is told here, not on the reader's thread
        if not port.strip():
            raise BadInput("a reader needs a port", "name a device such as /dev/ttyUSB0, COM3 or socket://host:port")
        self._port = port.strip()
        self._baud = self._info.baud if baud is None else baud
        self._sink: Sink | None = None
        self._inbox: Inbox[Item] | None = None
        self._pump: Pump | None = None
        self._frame_seq = 0
        self._stopping = threading.Event()
        self._put_count = 0  # written by the reader's thread only
        self._taken_count = 0  # written by the loop's thread only

    @property
    def name(self) -> str:
        return f"{self._info.name}:{self._port}"

    @property
    def settings(self) -> ReaderSettings:
        """As it would stand in a profile."""
        return ReaderSettings(driver=self._info.name, port=self._port, baud=self._baud, options=self._options)

    @property
    def orders(self) -> tuple[str, ...]:
        return self._info.orders

    def order(self, name: str) -> None:
        if name not in self._info.orders:
            raise BadInput(f"{self.name} cannot {name}", f"it can: {', '.join(self._info.orders) or 'nothing'}")
        if self._pump is None or self._state is not LinkState.UP:
            raise LinkDown(f"{self.name} is not ready", "wait until its link is up")
        self._pump.order(name)

    async def start(self, sink: Sink) -> None:
        if self._pump is not None:
            raise BenchBug(f"reader {self.name} was started twice")
        self._sink = sink
        self._inbox = Inbox(asyncio.get_running_loop(), self._consume)
        self._stopping = threading.Event()
        self._put_count = self._taken_count = 0
        where = Whereabouts(self._port, self._lister)
        self._pump = Pump(
            self._info, self._options, where, self._port, self._baud, self.name, self._put, self._stopping
        )
        self._pump.start()

    async def stop(self) -> None:
        """Ends the thread, tells what it had still to say, then says that the link is off."""
        pump, inbox, sink = self._pump, self._inbox, self._sink
        if pump is None or inbox is None or sink is None:
            return
        pump.cancel()
        ended = await asyncio.get_running_loop().run_in_executor(None, pump.join, JOIN_LIMIT_S)
        inbox.close()
        self._pump = None
        sink.link_changed(LinkStatus(f"reader:{self.name}", LinkState.OFF, self._port))
        if not ended:
            raise BenchBug(f"the thread of reader {self.name} did not end within {JOIN_LIMIT_S:g} s")

    def _put(self, item: Item) -> None:
        """On the reader's thread: hand over, and wait while the loop is far behind."""
        inbox = self._inbox
        if inbox is None:
            return
        while self._put_count - self._taken_count >= MAX_WAITING and not self._stopping.wait(0.01):
            pass
        if inbox.put(item):
            self._put_count += 1

    def _consume(self, items: list[Item]) -> None:
        """On the loop's thread, in the order of the wire: a card follows the frame that carried it."""
        self._taken_count += len(items)
        sink = self._sink
        if sink is None:
            return
        for item in items:
            if isinstance(item, Frame):
                message = sink.reader_frame(self.name, item.direction, item.raw, item.decoded, item.stamp)
                if item.direction is Direction.IN:
                    self._frame_seq = message.seq
                    self.stats.heard(len(item.raw), item.flaw)
            elif isinstance(item, CardRead):
                self.stats.cards += 1
                sink.card_read(item, self._frame_seq)
            elif isinstance(item, CardRemoved):
                self.stats.repeats += item.repeats
                sink.card_removed(item)
            elif isinstance(item, LinkStatus):
                if item.state is LinkState.UP and self._state is not LinkState.UP:
                    self.stats.ups += 1
                self._state = item.state
                sink.link_changed(item)
            else:
                sink.finding(item.rule, item.severity, f"{self.name}: {item.text}", item.cure)
