"""Messages in the making, for tests of who answers whom."""

from __future__ import annotations

from bench.clock import NS_PER_S
from bench.journal.pairing import Pairing
from bench.message import Decoded, Direction, Link, Message


class Trace:
    """Messages in the making; ``at`` is seconds on the monotonic clock. No bodies: as a capture gives them back."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def add(
        self, link: Link, direction: str, channel: str, kind: str, id_: str | None, at: float, name: str = ""
    ) -> Message:
        decoded = Decoded(kind, name or "Authorize", id_, None)
        ns = int(at * NS_PER_S)
        made = Message(len(self.messages) + 1, ns, ns, link, Direction(direction), channel, b"", decoded)
        self.messages.append(made)
        return made

    def ocpp(self, direction: str, kind: str, id_: str | None, at: float, station: str = "CP-001") -> Message:
        return self.add(Link.OCPP, direction, station, kind, id_, at)

    def bus(self, direction: str, topic: str, kind: str, id_: str | None, at: float) -> Message:
        return self.add(Link.JOSEV, direction, topic, kind, id_, at, "authorization")

    def judged(self, **kwargs: object) -> list[tuple[int | None, float | None, tuple[str, ...]]]:
        pairing = Pairing(**kwargs)  # type: ignore[arg-type]
        return [tuple(pairing.feed(message)) for message in self.messages]  # type: ignore[misc]

    def link_up(self, at: float, station: str = "CP-001") -> Message:
        """A station connects (again)."""
        return self.add(Link.OCPP, "in", station, "link", None, at, "up")


def every_flaw() -> Trace:
    """On both links: answers in time, late, second and to nothing, ids used before, requests without an answer, a reconnection."""
    trace = Trace()
    trace.link_up(0)
    for n, at in enumerate((0, 40, 80)):
        trace.ocpp("in", "CALL", str(n), at)
        trace.bus("out", "cs/josev", "request", f"r{n}", at)
        trace.ocpp("out", "CALLRESULT", str(n), at + (31 if n == 1 else 1))
        trace.bus("in", "josev/cs", "response", f"r{n}", at + (32 if n == 1 else 2))
        trace.bus("in", "josev/cs", "update", f"u{n}", at + 33)
    trace.ocpp("out", "CALLRESULT", "0", 120)
    trace.ocpp("out", "CALLERROR", "0", 121)
    trace.bus("in", "josev/cs", "response", "r2", 121)
    trace.ocpp("in", "CALLRESULT", "nobody asked", 122)
    trace.bus("in", "josev/cs", "response", "nobody asked", 122)
    trace.ocpp("in", "CALL", "0", 123)
    trace.ocpp("out", "CALLRESULT", "0", 124)
    trace.ocpp("out", "CALL", "silent", 125)
    trace.bus("out", "cs/josev", "request", "silent", 125)
    trace.bus("in", "cs/josev", "malformed", None, 126)
    trace.link_up(130)
    trace.ocpp("in", "CALL", "0", 131)
    trace.ocpp("out", "CALLERROR", "0", 132)
    trace.ocpp("in", "CALL", "open still", 159)
    trace.ocpp("in", "CALL", None, 160)
    return trace
