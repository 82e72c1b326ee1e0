"""A proxy without sockets for the window's tests: a desk on the stub's journal, with a wire that keeps what goes out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bench.journal.view import JournalContext
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Side
from tests.ui.stub_session import StubSession


class Proxied:
    """sent: what went to which side. news: set when something did."""

    def __init__(self, session: StubSession, version: str = "1.6") -> None:
        self.session = session
        context = JournalContext(session.pairs, session.exchange_of)
        self.desk = session.proxy = ProxyDesk(session.journal, context, session.clock, call_timeout_s=5)
        self.desk.waiting_changed = lambda station: session.tell("proxy", station)
        self.sent: list[tuple[str, Any]] = []
        self.news = asyncio.Event()
        self.desk.opened("CP-001", version, self)

    def says(self, side: Side, frame: object) -> None:
        self.desk.frame("CP-001", side, json.dumps(frame).encode(), self.session.clock.stamp())

    # bench.proxy_desk.Wire

    def send(self, to: Side, data: bytes, binary: bool) -> None:
        self.sent.append((str(to), json.loads(data)))
        self.news.set()

    def hang_up(self, to: Side, code: int | None, reason: str) -> None:
        self.sent.append((str(to), code))

    def wake_at(self, due_ns: int | None) -> None: ...
