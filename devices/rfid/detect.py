"""Finds out which reader is on a port the operator chose: listens first, then asks, and is back by its deadline.

Nothing is ever sent to a port that was not chosen, and nothing at all where a reader speaks by itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

import serial

from bench.clock import NS_PER_MS, NS_PER_S, stamp
from bench.errors import OperatorError
from bench.serial_port import Detected
from devices.rfid.driver import CardSeen, Driver, DriverInfo
from devices.rfid.drivers import all_drivers
from devices.rfid.trouble import group_of, loss_trouble, open_trouble
from devices.supervisor import WIRE_FAULTS

LISTEN_NS = 300 * NS_PER_MS
ANSWER_NS = 500 * NS_PER_MS
DEADLINE_S = 8.0
READ_S = 0.02
MAX_HEARD = 64 * 1024

_FAULTS: tuple[type[Exception], ...] = (*WIRE_FAULTS, ValueError)


async def detect(
    port: str, drivers: Iterable[DriverInfo] | None = None, *, deadline_s: float = DEADLINE_S
) -> Detected | None:
    """Which reader is on that port, or None. Listens at every baud rate readers use, then sends the drivers' probes.

    deadline_s: of all of it; a port that hangs is left behind by then.

    Raises:
        OperatorError: the port cannot be opened, was lost, or hangs; says why and what to do.
    """
    search = _Search(port, tuple(all_drivers().values() if drivers is None else drivers), deadline_s)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Detected | None] = loop.create_future()

    def tell(found: Detected | None, error: Exception | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(found)
            else:
                done.set_exception(error)

    def run() -> None:
        found, error = None, None
        try:
            found = search.run()
        except Exception as raised:  # noqa: BLE001  # it belongs to whoever asked
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, found, error)

    # Of its own, not of a pool: a port whose driver never returns must not use one up (Zaparoo pull request 1427).
    threading.Thread(target=run, name=f"detect {port}", daemon=True).start()
    try:
        async with asyncio.timeout(deadline_s + 1):
            return await done
    except TimeoutError:
        raise OperatorError(f"{port} hangs: it could not be opened or read in time", "unplug that device") from None
    finally:
        search.stopping.set()


class _Search:
    def __init__(self, port: str, drivers: tuple[DriverInfo, ...], deadline_s: float) -> None:
        self.stopping = threading.Event()
        self._port = port
        self._drivers = drivers
        self._opened = False
        self._until_ns = stamp().mono_ns + round(deadline_s * NS_PER_S)

    def run(self) -> Detected | None:
        try:
            return self._at_all_rates()
        except _FAULTS as error:
            if self._opened:
                raise OperatorError(*loss_trouble(error, self._port, False)) from error
            raise OperatorError(*open_trouble(error, self._port, group_of(self._port))) from error

    def _at_all_rates(self) -> Detected | None:
        for baud, drivers in _by_baud(self._drivers).items():
            with serial.serial_for_url(self._port, baud, timeout=READ_S, write_timeout=1.0, exclusive=True) as wire:
                self._opened = True
                found = self._listen(wire, baud, drivers) or self._ask(wire, baud, drivers)
            if found is not None or self._over:
                return found
        return None

    @property
    def _over(self) -> bool:
        return self.stopping.is_set() or stamp().mono_ns >= self._until_ns

    def _listen(self, wire: serial.Serial, baud: int, drivers: list[DriverInfo]) -> Detected | None:
        """A reader that speaks by itself gives itself away by a card."""
        ears: list[tuple[DriverInfo, Driver]] = [
            (info, info.make(info.choose({}))) for info in drivers if info.probe is None
        ]
        heard = 0
        until = stamp().mono_ns + LISTEN_NS
        while stamp().mono_ns < until and heard < MAX_HEARD and not self._over:
            data = bytes(wire.read(1))
            if data:
                data += bytes(wire.read(min(wire.in_waiting, 4096)))
                heard += len(data)
                until = max(until, stamp().mono_ns + LISTEN_NS // 2)  # hear it out
            now = stamp()
            for info, ear in ears:
                events = (ear.feed(data, now) if data else []) + ear.tick(now)
                card = next((event for event in events if isinstance(event, CardSeen)), None)
                if card is not None:
                    return Detected(info.name, baud, f"it read the {card.technology} card {card.uid.hex().upper()}")
        return None

    def _ask(self, wire: serial.Serial, baud: int, drivers: list[DriverInfo]) -> Detected | None:
        for info in drivers:
            if info.probe is None or self._over:
                continue
            wire.reset_input_buffer()
            wire.write(info.probe.request)
            heard = bytearray()
            until = stamp().mono_ns + ANSWER_NS
            while stamp().mono_ns < until and len(heard) < MAX_HEARD and not self._over:
                heard += wire.read(1)
                heard += wire.read(min(wire.in_waiting, 4096))
                if heard and (detail := info.probe.answer(bytes(heard))):
                    return Detected(info.name, baud, detail)
        return None


def _by_baud(drivers: Iterable[DriverInfo]) -> dict[int, list[DriverInfo]]:
    """Baud rate -> the drivers that may be met there; the rates that most of them use first."""
    found: dict[int, list[DriverInfo]] = {}
    for info in drivers:
        for baud in info.bauds or (info.baud,):
            found.setdefault(baud, []).append(info)
    # Lines of text are what every other format could be mistaken for: whoever knows better is asked first.
    for each in found.values():
        each.sort(key=lambda info: info.name == "ascii")
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
