"""The book of exchanges: steps stand in the order of time, whatever order they come in."""

from __future__ import annotations

from bench.book import ExchangeBook
from bench.clock import ManualClock, Stamp
from bench.exchange import Party
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link


def test_steps_stand_in_the_order_of_their_stamps() -> None:
    """Broker and station have threads of their own: the update may be stamped before the answer that is handed over first."""
    journal, clock, book = Journal(), ManualClock(), ExchangeBook()
    opened = clock.stamp()
    exchange = book.open("remote", opened)
    for name, at_ns in (
        ("RequestStartTransaction", 1),
        ("Accepted", 9),
        ("update accepted (central)", 6),
        ("again", 9),
    ):
        decoded = Decoded("CALL", name, None, None)
        moment = Stamp(opened.mono_ns + at_ns, opened.utc_ns + at_ns)
        message = journal.append(Link.OCPP, Direction.IN, "CP-1", b"", decoded, moment)
        book.hop(exchange, message, Party.CSMS, Party.STATION, name)
    assert [hop.name for hop in exchange.hops] == [
        "RequestStartTransaction",
        "update accepted (central)",
        "Accepted",
        "again",
    ]
    assert book.of_seq(2) is exchange
