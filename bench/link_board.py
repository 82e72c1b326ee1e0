"""The state of every link, and the story of its changes in the journal."""

from __future__ import annotations

from collections.abc import Callable

from bench.clock import Clock
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link
from bench.ports import LinkState, LinkStatus

_LINKS = {"reader": Link.READER, "josev": Link.JOSEV, "ocpp": Link.OCPP, "maeve": Link.MAEVE}
"""By the first part of a status's name (``reader:pn532:/dev/ttyUSB0``); the capture and the store are no links."""

_TELL_THEMSELVES = ("csms",)
"""Links whose every fault is a finding of its own already."""


class LinkBoard:
    """Keeps the latest status of each link by name; a change of state is a message of its own.

    faulty: called with a status that became faulty. bus_lost: called with that of the Josev bus when it is up no longer.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        faulty: Callable[[LinkStatus], None],
        bus_lost: Callable[[LinkStatus], None],
    ) -> None:
        self.links: dict[str, LinkStatus] = {}
        self._journal = journal
        self._clock = clock
        self._faulty = faulty
        self._bus_lost = bus_lost

    def changed(self, status: LinkStatus) -> None:
        before = self.links.get(status.name)
        self.links[status.name] = status
        if before is not None and before.state is status.state:
            return
        self._record(status)
        if status.state is LinkState.FAULTY and status.name not in _TELL_THEMSELVES:
            self._faulty(status)
        gone = status.state in (LinkState.FAULTY, LinkState.CONNECTING)
        if status.name == "josev" and gone and before is not None and before.state is LinkState.UP:
            self._bus_lost(status)

    def forget(self, name: str) -> None:
        """That link is no longer part of the bench."""
        self.links.pop(name, None)

    def _record(self, status: LinkStatus) -> None:
        """A change of a link's state is part of the story of what was not heard."""
        kind, _, port = status.name.partition(":")
        link = _LINKS.get(kind)
        if link is None:
            return
        body = {"detail": status.detail, "cure": status.cure}
        decoded = Decoded("link", str(status.state), None, body, (), status.detail)
        self._journal.append(link, Direction.IN, port or kind, b"", decoded, self._clock.stamp())
