"""The readers of a running bench: more may be plugged in, set up otherwise, told to beep, and taken away again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bench.errors import BenchBug, NotFound
from bench.ports import Reader, Sink
from bench.serial_port import SerialPorts

if TYPE_CHECKING:
    from bench.settings import ReaderSettings


class Readers:
    """In the order in which they came; all on the loop's thread.

    ports: the serial ports of this computer; None where it is of no concern. changed: told after a reader came or went, with its
    name.
    """

    def __init__(
        self,
        readers: tuple[Reader, ...],
        ports: SerialPorts | None = None,
        changed: Callable[[str], None] | None = None,
    ) -> None:
        self.ports = ports
        self._readers = list(readers)
        self._changed = changed or (lambda name: None)
        self._sink: Sink | None = None
        self._testing: set[str] = set()

    def __iter__(self) -> Iterator[Reader]:
        return iter(tuple(self._readers))

    def __len__(self) -> int:
        return len(self._readers)

    def __getitem__(self, index: int) -> Reader:
        return self._readers[index]

    def named(self, name: str) -> Reader:
        """A reader by its name, such as ``pn532:/dev/ttyUSB0``.

        Raises:
            NotFound: there is none.
        """
        for reader in self._readers:
            if reader.name == name:
                return reader
        known = ", ".join(reader.name for reader in self._readers) or "none"
        raise NotFound(f"there is no reader {name}", f"readers: {known}")

    async def start(self, sink: Sink) -> None:
        self._sink = sink
        for reader in self:
            await reader.start(sink)

    async def use(self, settings: ReaderSettings) -> Reader:
        """Start a reader; one on the same port ends before, and what was set for its cards holds for this one's.

        Raises:
            BadInput: no such driver or option, or no port.
        """
        if self.ports is None or self._sink is None:
            raise BenchBug("readers are used before the bench started")
        reader = self.ports.make(settings)
        # Looked for anew after each: while one ended, another may have been started there.
        testing = False
        while (other := self._on(reader.settings.port)) is not None:
            testing = testing or self.is_testing(other.name)
            await self.drop(other.name)
        self._readers.append(reader)
        if testing:
            self._testing.add(reader.name)
        await reader.start(self._sink)
        self._changed(reader.name)
        return reader

    def _on(self, port: str) -> Reader | None:
        return next((reader for reader in self._readers if reader.settings.port == port), None)

    async def drop(self, name: str) -> None:
        """End a reader and let go of its port.

        Raises:
            NotFound: there is none of that name.
        """
        reader = self.named(name)
        self._readers.remove(reader)
        try:
            await reader.stop()  # it may have cards to tell yet
        finally:
            if not any(each.name == name for each in self._readers):
                self._testing.discard(name)
        self._changed(name)

    def order(self, name: str, what: str) -> None:
        """Have a reader do one of its orders, such as ``beep``.

        Raises:
            NotFound: no such reader. BadInput: it cannot do that. LinkDown: it is not ready.
        """
        self.named(name).order(what)

    def test(self, name: str, on: bool) -> None:
        """Whether cards held to that reader are only shown, and nothing is asked because of them."""
        if on:
            self._testing.add(self.named(name).name)
        else:
            self._testing.discard(name)

    def is_testing(self, name: str) -> bool:
        return name in self._testing
