"""A reader that is unplugged, in the middle of a frame too, and comes back."""

from __future__ import annotations

from pathlib import Path

from bench.exchange import Verdict
from bench.ports import LinkState
from fixtures.readers import Fault, VirtualPN532
from tests.e2e.world import ACCEPTED_UID, BLOCKED_UID, closed, link, options, running, taps, until


async def test_reader_unplugged_in_a_frame_and_back(tmp_path: Path) -> None:
    with VirtualPN532() as reader:
        asked = options(tmp_path, mqtt="embedded:0", charger="sim", readers=(f"pn532:{reader.port}",))
        async with running(asked) as bench:
            session = bench.session
            name = f"reader:{session.readers[0].name}"
            await link(session, name, LinkState.UP)

            reader.inject(Fault.HALF_FRAME_UNPLUG)
            reader.present(ACCEPTED_UID)
            said = await link(session, name, LinkState.FAULTY)
            assert f"the reader at {reader.port} was unplugged" in said or f"{reader.port} does not exist" in said
            assert "plug" in said
            assert taps(session) == []  # half a frame is no card
            assert [f.rule for f in session.findings] == ["link.faulty"]

            reader.remove()
            reader.replug()
            await link(session, name, LinkState.UP)
            reader.present(BLOCKED_UID)
            [exchange] = await until(session, lambda: taps(session), "the tap after it came back")
            assert (await closed(session, exchange)).verdict is Verdict.REJECTED
            assert exchange.card is not None
            assert exchange.card.uid == BLOCKED_UID
