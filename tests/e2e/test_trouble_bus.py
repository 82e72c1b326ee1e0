"""Trouble on the Josev bus: each kind is told in plain words, nothing is lost, nothing is published late, taps go on."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from bench.assembly import Bench
from bench.exchange import Exchange, Verdict
from bench.message import Link
from bench.ports import LinkState
from bench.session import TapRequest
from tests.devices.bus_helpers import Peer
from tests.e2e.world import ACCEPTED_UID, closed, finding, link, options, profile, running, until
from tests.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto


async def tap(bench: Bench) -> Exchange:
    return await closed(bench.session, bench.session.present(TapRequest(ACCEPTED_UID)))


async def test_broker_killed_while_a_tap_waits_and_back(tmp_path: Path, broker: Mosquitto) -> None:
    asked = options(tmp_path, profile=profile(answer_limit_s=1.0), mqtt=broker.url, charger="sim")
    async with running(asked) as bench:
        session = bench.session
        assert bench.charger is not None
        bench.charger.behaviour.mute = True
        waiting = session.present(TapRequest(ACCEPTED_UID))
        broker.kill()

        where = f"127.0.0.1:{broker.port}"
        await finding(session, "bus.lost", "the bus went down while this tap waited for its answer: the connection to")
        assert where in await link(session, "josev", LinkState.FAULTY)
        await closed(session, waiting)
        assert waiting.verdict is Verdict.TIMED_OUT

        meanwhile = await tap(bench)
        assert (meanwhile.verdict, meanwhile.reason) == (Verdict.FAILED, "bus down")
        assert meanwhile.findings[0].text.startswith("the Josev bus is down: ")
        assert meanwhile.findings[0].cure

        broker.start()
        peer = Peer(broker.port)  # is there before the bench comes back: whatever were sent late, it hears
        try:
            bench.charger.behaviour.mute = False
            await link(session, "josev", LinkState.UP)
            assert await bench.charger.wait_ready(10)
            after = await tap(bench)
            assert after.verdict is Verdict.ACCEPTED
            await asyncio.to_thread(peer.wait_for, 2)
        finally:
            peer.close()
        heard = [json.loads(payload) for topic, payload in peer.heard if topic == "cs/josev"]
        assert [m["id"] for m in heard if m["name"] == "authorization"] == [after.request_id]


async def test_what_is_no_message_is_kept_and_told(tmp_path: Path, broker: Mosquitto, peer: Peer) -> None:
    async with running(options(tmp_path, mqtt=broker.url, charger="sim")) as bench:
        session = bench.session
        wrong_type = {
            "id": str(uuid.uuid4()),
            "name": "authorization",
            "type": "respones",
            "data": {"status": "accepted"},
        }
        junk = [b"{ this is not JSON", b"\xff\xfe\x00", b"[1, 2]", b"", json.dumps(wrong_type).encode()]
        for payload in junk:
            peer.publish("josev/cs", payload)

        await finding(session, "malformed", "josev/cs: not JSON: ")
        await finding(session, "malformed", "josev/cs: not UTF-8 at byte 0")
        await finding(session, "malformed", "the message is an array; it must be an object")
        await finding(session, "malformed", "type is 'respones'; it must be one of request, response, update at type")

        assert session.counters()["malformed"] == len(junk)
        kept = [m.raw for m in session.journal.since(0, 100_000) if m.link is Link.JOSEV and m.malformed]
        assert kept == junk
        assert (await tap(bench)).verdict is Verdict.ACCEPTED


async def test_a_response_with_an_unknown_id(tmp_path: Path, broker: Mosquitto) -> None:
    asked = options(tmp_path, profile=profile(answer_limit_s=0.5), mqtt=broker.url, charger="sim")
    async with running(asked) as bench:
        assert bench.charger is not None
        bench.charger.behaviour.unknown_id_response = True
        exchange = await tap(bench)
        assert exchange.verdict is Verdict.TIMED_OUT
        await finding(bench.session, "josev.orphan-response", "a response (accepted) with an id that no request had: ")
        assert "the CSMS answered, but Josev's response never came" in exchange.findings[-1].text

        bench.charger.behaviour.unknown_id_response = False
        assert (await tap(bench)).verdict is Verdict.ACCEPTED


async def test_two_responses_to_one_request(tmp_path: Path, broker: Mosquitto) -> None:
    async with running(options(tmp_path, mqtt=broker.url, charger="sim")) as bench:
        assert bench.charger is not None
        bench.charger.behaviour.double_response = True
        exchange = await tap(bench)
        assert exchange.verdict is Verdict.ACCEPTED
        await finding(bench.session, "josev.second-response", "already answered; the first one counts")
        faults = [hop.fault for hop in exchange.hops if hop.fault]
        assert faults == ["second response to one request"]


async def test_five_megabytes_in_one_message(tmp_path: Path, broker: Mosquitto, peer: Peer) -> None:
    async with running(options(tmp_path, mqtt=broker.url, charger="sim")) as bench:
        session = bench.session
        junk = b"x" * 5_000_000
        data = {"evse_id": "E1", "id_token": "A" * 5_000_000, "token_type": "central", "status": "accepted"}
        update = json.dumps({"id": str(uuid.uuid4()), "name": "authorization", "type": "update", "data": data}).encode()
        peer.publish("josev/cs", junk)
        peer.publish("josev/cs", update)

        def big() -> list[bytes]:
            found = [m.raw for m in session.journal.since(0, 100_000) if len(m.raw) >= 5_000_000]
            return found if len(found) == 2 else []

        big_ones = await until(session, big, "both big messages")
        assert big_ones == [junk, update]
        assert session.links["josev"].state is LinkState.UP
        assert (await tap(bench)).verdict is Verdict.ACCEPTED
        assert max(len(f.text) for f in session.findings) < 1000
