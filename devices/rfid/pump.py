"""The thread of one reader: opens its port, moves bytes between port and driver, and opens it again when it is lost."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from queue import Empty, SimpleQueue
from typing import cast

import serial

from bench.card import CardRead, CardRemoved
from bench.clock import NS_PER_MS, NS_PER_S, Stamp, stamp
from bench.errors import BadInput
from bench.message import Direction
from bench.ports import LinkState, LinkStatus
from devices.rfid.descriptor import open_descriptor
from devices.rfid.driver import (
    CardSeen,
    Driver,
    DriverInfo,
    Event,
    Frame,
    NothingSeen,
    Notice,
    PollEnded,
    Ready,
    Trouble,
)
from devices.rfid.presence import Presence
from devices.rfid.trouble import AnotherDevice, PortTrouble, group_of, loss_trouble, open_trouble
from devices.rfid.whereabouts import Whereabouts
from devices.supervisor import WIRE_FAULTS, backoff, keep_serving

log = logging.getLogger(__name__)

Item = LinkStatus | Frame | CardRead | CardRemoved | Notice

# Sockets know no cancel_read, so no read blocks longer than this.
MAX_BLOCK_NS = 200 * NS_PER_MS
MAX_CHUNK = 4096
WRITE_LIMIT_S = 1.0
# Looking for a missing path costs microseconds, and a port that came back should be found at once.
RECONNECT_CAP_S = 0.5
SHORT_LIFE_NS = 3 * NS_PER_S


class WireLost(OSError):
    """The open port failed; the cause says how."""


class Pump:
    """Runs on a thread of its own from :meth:`start` until ``stopping`` is set, at best by :meth:`cancel`.

    put: takes, on this thread, what the loop should know.
    """

    def __init__(
        self,
        info: DriverInfo,
        options: Mapping[str, str],
        where: Whereabouts,
        port: str,
        baud: int,
        name: str,
        put: Callable[[Item], None],
        stopping: threading.Event,
    ) -> None:
        self._info = info
        self._options = options
        self._where = where
        self._orders: SimpleQueue[str] = SimpleQueue()
        self._port = self._path = port
        self._baud = baud
        self._put = put
        self._link_name = f"reader:{name}"
        self._presence = Presence(name, info.rule)
        self._status: LinkStatus | None = None
        self._short_lives = 0
        self._stopping = stopping
        self._wire_lock = threading.Lock()
        self._wire: serial.Serial | None = None
        self._thread = threading.Thread(target=self._run, name=f"reader {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ask the thread to end; safe from any thread and at any time."""
        self._stopping.set()
        with self._wire_lock:
            cancel_read = getattr(self._wire, "cancel_read", None)
            if cancel_read is not None:
                try:
                    cancel_read()
                except WIRE_FAULTS:
                    log.debug("the port was gone before its read could be cancelled", exc_info=True)

    def order(self, name: str) -> None:
        """Have the reader do that; one that is not there does not. Safe from any thread. Heard within MAX_BLOCK_NS."""
        self._orders.put(name)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._say(LinkState.CONNECTING, self._port)
        try:
            keep_serving(self._serve, self._failed, self._stopping, self._delays)
        except BadInput as error:
            self._say(LinkState.FAULTY, error.what, error.cure)
        except Exception:
            log.exception("reader %s: fault in this program, the reader is off", self._link_name)
            self._say(
                LinkState.FAULTY, "a fault in the bench stopped this reader", "report it with the capture attached"
            )

    @staticmethod
    def _delays() -> Iterator[float]:
        return backoff(cap_s=RECONNECT_CAP_S)

    def _serve(self, connected: Callable[[], None]) -> None:
        """One connection, from open to stop or loss."""
        wire = self._open()
        opened = stamp()
        driver = self._info.make(self._options)
        try:
            with self._wire_lock:
                self._wire = wire
            connected()
            self._say(LinkState.CONNECTING, f"{self._path} is open, waiting for the reader")
            list(self._orders_given())  # what was asked while no reader was there would come when nobody expects it
            while not self._stopping.is_set():
                self._turn(wire, driver)
        except WireLost:
            self._where.lost()
            self._short_lives = self._short_lives + 1 if stamp().mono_ns - opened.mono_ns < SHORT_LIFE_NS else 0
            raise
        finally:
            with self._wire_lock:
                self._wire = None
            now = stamp()
            self._handle(driver.end(), now)
            self._gone(self._presence.clear(now))
            _close(wire)

    def _open(self) -> serial.Serial:
        """The port, for us alone.

        Raises:
            OSError, TypeError, termios.error: not now. BadInput: port or baud rate as given can never work.
        """
        self._path = self._where.find()
        try:
            # Typed as Serial: a URL, a named pipe or a keyboard gives another class with the same methods.
            wire = cast("serial.Serial", open_descriptor(self._path)) or serial.serial_for_url(
                self._path, self._baud, timeout=MAX_BLOCK_NS / NS_PER_S, write_timeout=WRITE_LIMIT_S, exclusive=True
            )
        except (ValueError, OverflowError) as error:  # a baud rate beyond what the system can be told
            raise BadInput(*open_trouble(error, self._port)) from error
        try:
            self._where.opened(self._path)
        except AnotherDevice:
            _close(wire)
            raise
        return wire

    def _orders_given(self) -> Iterator[str]:
        with contextlib.suppress(Empty):
            while True:
                yield self._orders.get_nowait()

    def _turn(self, wire: serial.Serial, driver: Driver) -> None:
        """Let time pass, send what is due, and wait for bytes until something is due again."""
        now = stamp()
        self._handle(driver.tick(now), now)
        self._gone(self._presence.tick(now))
        for order in self._orders_given():
            try:
                driver.order(order)
            except BadInput as error:
                self._put(Notice("reader.order", "warn", error.what, error.cure))
        for raw in driver.poll(now.mono_ns):
            _write(wire, raw)
            self._put(Frame(Direction.OUT, raw, driver.describe(raw), stamp()))
        data = _read(wire, self._block_ns(driver))
        if data:
            arrived = stamp()
            self._handle(driver.feed(data, arrived), arrived)

    def _block_ns(self, driver: Driver) -> int:
        due = [at for at in (driver.deadline_ns, self._presence.deadline_ns) if at is not None]
        if not due:
            return MAX_BLOCK_NS
        return max(0, min(MAX_BLOCK_NS, min(due) - stamp().mono_ns))

    def _handle(self, events: list[Event], now: Stamp) -> None:
        for event in events:
            match event:
                case Frame() | Notice():
                    self._put(event)
                case CardSeen():
                    if (card := self._presence.seen(event)) is not None:
                        self._put(card)
                case PollEnded(uids, at):
                    self._gone(self._presence.polled(uids, at))
                case NothingSeen(at):
                    self._gone(self._presence.clear(at))
                case Ready(detail):
                    self._say(LinkState.UP, f"{detail}, {self._path}")
                case Trouble(what, cure):
                    self._gone(self._presence.clear(now))
                    self._say(LinkState.FAULTY, f"{what} ({self._path})", cure)

    def _gone(self, cards: list[CardRemoved]) -> None:
        for removed in cards:
            self._put(removed)

    def _failed(self, error: Exception) -> None:
        trouble: PortTrouble
        if isinstance(error, WireLost):
            trouble = loss_trouble(error.__cause__ or error, self._path, self._short_lives > 1)
        else:
            trouble = open_trouble(error, self._port, group_of(self._port))
        self._say(LinkState.FAULTY, *trouble)

    def _say(self, state: LinkState, detail: str, cure: str = "") -> None:
        """Tell of a change of the link; the same thing is said once."""
        status = LinkStatus(self._link_name, state, detail, cure)
        if status != self._status:
            self._status = status
            self._put(status)


def _close(wire: serial.Serial) -> None:
    # pyserial 3.5 forgets to close the socket of a socket:// port whose peer has gone.
    end = getattr(wire, "_socket", None)
    try:
        wire.close()
    except WIRE_FAULTS:
        log.debug("closing a lost port failed", exc_info=True)
    if isinstance(end, socket.socket):
        end.close()


def _read(wire: serial.Serial, block_ns: int) -> bytes:
    """Wait for a first byte, then take what came with it; empty when the time ran out or the read was cancelled.

    Raises:
        WireLost: the port failed.
    """
    try:
        timeout = block_ns / NS_PER_S
        if wire.timeout != timeout:
            wire.timeout = timeout
        data = bytes(wire.read(1))
        # A socket tells of one byte only, however many wait.
        while data and len(data) < MAX_CHUNK and (waiting := wire.in_waiting):
            more = bytes(wire.read(min(waiting, MAX_CHUNK - len(data))))
            if not more:
                break
            data += more
    except WIRE_FAULTS as error:
        raise WireLost(str(error)) from error
    return data


def _write(wire: serial.Serial, data: bytes) -> None:
    """Raises WireLost where the port failed or took no byte for too long."""
    try:
        wire.write(data)
    except WIRE_FAULTS as error:
        raise WireLost(str(error)) from error
