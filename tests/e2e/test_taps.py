"""A card on the reader, all the way on real parts: PN532 frames, mosquitto, simulated charger, OCPP, store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.exchange import DecidedBy, Exchange, Verdict
from bench.message import Link
from bench.ports import LinkState
from bench.session import Session
from fixtures.readers import Fault, VirtualPN532, Writing
from tests.devices.bus_helpers import Peer
from tests.e2e.world import ACCEPTED_UID, BLOCKED_UID, UNKNOWN_UID, closed, link, options, running, taps, until
from tests.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto

CARDS = {
    ACCEPTED_UID: (Verdict.ACCEPTED, DecidedBy.STORE),
    BLOCKED_UID: (Verdict.REJECTED, DecidedBy.STORE),
    UNKNOWN_UID: (Verdict.REJECTED, DecidedBy.DEFAULT),
}
# How answers reach the wire, and what goes wrong with each frame that carries a card. A half frame costs the driver's patience.
WIRES = [
    pytest.param(writing, faults, id="-".join((writing, *faults)), marks=[pytest.mark.slow] * slow)
    for writing, faults, slow in [
        (Writing.WHOLE, (), False),
        (Writing.BYTEWISE, (Fault.NOISE,), False),
        (Writing.BURSTS, (Fault.BAD_CHECKSUM, Fault.NOISE), False),
        (Writing.BURSTS, (Fault.HALF_FRAME,), False),
        (Writing.WHOLE, (Fault.HALF_FRAME,), True),
        (Writing.BYTEWISE, (Fault.HALF_FRAME,), True),
        (Writing.BYTEWISE, (Fault.RESPONSE_BEFORE_ACK,), True),
        (Writing.BURSTS, (Fault.NOISE, Fault.NO_ACK), True),
    ]
]


async def swipe(session: Session, reader: VirtualPN532, uid: str) -> Exchange:
    """Lay a card on the reader, wait for its verdict, take it away and wait until the bench saw that too."""
    before = len(taps(session))
    session.last_removed = None
    reader.present(uid)
    exchange = await until(session, lambda: taps(session)[before:], f"a tap of {uid}")
    await closed(session, exchange[0])
    reader.remove()
    await until(session, lambda: session.last_removed, f"{uid} taken away")
    return exchange[0]


@pytest.mark.parametrize(("writing", "faults"), WIRES)
async def test_one_exchange_per_tap(
    tmp_path: Path, broker: Mosquitto, peer: Peer, writing: Writing, faults: tuple[Fault, ...]
) -> None:
    with VirtualPN532(writing=writing) as reader:
        asked = options(tmp_path, mqtt=broker.url, charger="sim", readers=(f"pn532:{reader.port}",))
        async with running(asked) as bench:
            session = bench.session
            await link(session, f"reader:{session.readers[0].name}", LinkState.UP)

            for uid, wanted in CARDS.items():
                for fault in faults:
                    reader.inject(fault)
                exchange = await swipe(session, reader, uid)
                assert (exchange.verdict, exchange.decided_by) == wanted
                assert exchange.card is not None
                assert exchange.card.uid == uid

            # One exchange for each card laid on, however torn its frames were.
            assert [tap.card.uid for tap in taps(session) if tap.card] == list(CARDS)
            published = [m for m in session.journal.since(0, 100_000) if m.link is Link.JOSEV and m.decoded.name]
            asked_for = [m for m in published if m.channel == "cs/josev" and m.decoded.kind == "request"]
    assert [json.loads(m.raw)["data"]["id_token"] for m in asked_for] == list(CARDS)
    # Whoever else listens on the bus heard the same, once each.
    heard = [json.loads(payload) for topic, payload in peer.heard if topic == "cs/josev"]
    assert [m["data"]["id_token"] for m in heard if m["type"] == "request"] == list(CARDS)
