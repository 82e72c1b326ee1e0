"""One contract for the Josev bus, run against the embedded broker and a real mosquitto."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from bench.codecs.josev import authorization_request, authorization_response, encode
from bench.errors import BadInput, LinkDown
from bench.ports import LinkState
from bench.settings import Topics
from bench.tokens.model import JosevTokenType
from devices import josev, mqtt_connection
from devices.josev import JosevBus
from fixtures.broker import EmbeddedBroker
from tests.devices.bus_helpers import LIMIT_S, Peer, RecordingSink
from tests.mosquitto import Mosquitto

TOPICS = Topics()
TO_JOSEV, TO_CS = TOPICS.cs_to_josev, TOPICS.josev_to_cs
ID = "57828133-8cfe-477d-b829-0b60aff90c2a"
REQUEST = encode(authorization_request(ID, JosevTokenType.ISO14443, "04A2B3C4D5E680", None))
RESPONSE = encode(authorization_response(ID, "accepted"))


class AnyBroker(Protocol):
    port: int

    @property
    def url(self) -> str: ...

    async def up(self) -> None: ...

    async def down(self) -> None: ...


class Embedded(EmbeddedBroker):
    up = EmbeddedBroker.start
    down = EmbeddedBroker.stop


class Real(Mosquitto):
    async def up(self) -> None:
        await asyncio.to_thread(self.start)

    async def down(self) -> None:
        await asyncio.to_thread(self.kill)


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AnyBroker]:
    made = Embedded() if request.param == "embedded" else Real(tmp_path)
    await made.up()
    yield made
    await made.down()


@pytest.fixture
async def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
async def bus(broker: AnyBroker, sink: RecordingSink) -> AsyncIterator[JosevBus]:
    made = JosevBus(broker.url, TOPICS)
    await made.start(sink)  # type: ignore[arg-type]
    assert await made.wait_ready(LIMIT_S)
    yield made
    await made.stop()


@pytest.fixture
async def peer(broker: AnyBroker) -> AsyncIterator[Peer]:
    made = await asyncio.to_thread(Peer, broker.port)
    yield made
    await asyncio.to_thread(made.close)


async def test_a_request_goes_out_and_its_response_comes_in(bus: JosevBus, peer: Peer, sink: RecordingSink) -> None:
    sent = bus.publish(TO_JOSEV, REQUEST)
    await asyncio.to_thread(peer.wait_for, 1)
    assert peer.heard == [(TO_JOSEV, REQUEST)]
    await asyncio.to_thread(peer.publish, TO_CS, RESPONSE)
    await sink.until(lambda s: s.messages)
    assert sink.messages == [(TO_CS, RESPONSE)]
    assert sink.metas == [{"qos": 1, "retain": False}]
    assert sink.stamps[0].mono_ns > sent.mono_ns
    assert sink.states == [LinkState.CONNECTING, LinkState.UP]


async def test_the_echo_is_swallowed_once_and_the_same_bytes_of_others_are_seen(
    bus: JosevBus, peer: Peer, sink: RecordingSink
) -> None:
    bus.publish(TO_JOSEV, REQUEST)
    bus.publish(TO_JOSEV, REQUEST)
    await asyncio.to_thread(peer.wait_for, 2)
    await asyncio.to_thread(peer.publish, TO_JOSEV, REQUEST)
    await asyncio.to_thread(peer.publish, TO_CS, b"last")
    await sink.until(lambda s: (TO_CS, b"last") in s.messages)
    assert sink.messages == [(TO_JOSEV, REQUEST), (TO_CS, b"last")]


async def test_updates_are_heard_on_both_their_topics_and_nothing_else_is(
    bus: JosevBus, peer: Peer, sink: RecordingSink
) -> None:
    for topic in ("cs/other", "cs/josev/deeper", *TOPICS.updates):
        await asyncio.to_thread(peer.publish, topic, topic.encode())
    await sink.until(lambda s: len(s.messages) >= 2)
    assert sorted(sink.messages) == sorted((topic, topic.encode()) for topic in TOPICS.updates)


async def test_five_megabytes_pass_both_ways(bus: JosevBus, peer: Peer, sink: RecordingSink) -> None:
    large = bytes(range(256)) * 20_000
    bus.publish(TO_JOSEV, large)
    await asyncio.to_thread(peer.wait_for, 1)
    assert peer.heard[0][1] == large
    await asyncio.to_thread(peer.publish, TO_CS, large[::-1])
    await sink.until(lambda s: s.messages)
    assert sink.messages == [(TO_CS, large[::-1])]


async def test_a_retained_message_is_marked_and_never_taken_for_an_echo(
    broker: AnyBroker, peer: Peer, sink: RecordingSink
) -> None:
    await asyncio.to_thread(peer.publish, TO_CS, RESPONSE, True)
    bus = JosevBus(broker.url, TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        await sink.until(lambda s: s.messages)
        assert sink.metas[0]["retain"] is True
    finally:
        await asyncio.to_thread(peer.publish, TO_CS, b"", True)
        await bus.stop()


async def test_while_the_broker_is_down_nothing_is_sent_and_nothing_comes_late(
    broker: AnyBroker, bus: JosevBus, sink: RecordingSink
) -> None:
    bus.publish(TO_JOSEV, b"before")
    await broker.down()
    await sink.until(lambda s: s.states[-1] is LinkState.FAULTY)
    with pytest.raises(LinkDown, match="the Josev bus is down"):
        bus.publish(TO_JOSEV, b"while down")
    assert not await bus.wait_ready(0)
    await broker.up()
    peer = await asyncio.to_thread(Peer, broker.port)
    try:
        assert await bus.wait_ready(LIMIT_S)
        assert sink.states[-1] is LinkState.UP
        bus.publish(TO_JOSEV, b"after")
        await asyncio.to_thread(peer.wait_for, 1)
        assert peer.heard == [(TO_JOSEV, b"after")]
        assert sink.messages == []
    finally:
        await asyncio.to_thread(peer.close)


@pytest.mark.mosquitto
async def test_what_a_frozen_broker_never_read_dies_with_the_connection(tmp_path: Path, sink: RecordingSink) -> None:
    """The bus cannot notice yet, so it takes the messages; after the restart none of them may arrive."""
    broker = Real(tmp_path)
    await broker.up()
    bus = JosevBus(broker.url, TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        broker.freeze()
        for _ in range(50):
            bus.publish(TO_JOSEV, b"stale grant")
        await broker.down()
        await sink.until(lambda s: LinkState.FAULTY in s.states)
        assert "50 messages may not have arrived" in sink.statuses[-1].detail
        await broker.up()
        peer = await asyncio.to_thread(Peer, broker.port)
        try:
            await sink.until(lambda s: s.states[-1] is LinkState.UP)
            bus.publish(TO_JOSEV, b"after")
            await asyncio.to_thread(peer.wait_for, 1)
            assert peer.heard == [(TO_JOSEV, b"after")]
        finally:
            await asyncio.to_thread(peer.close)
    finally:
        await bus.stop()
        await broker.down()


@pytest.mark.gui
async def test_it_works_on_the_loop_of_the_window(sink: RecordingSink) -> None:
    broker = EmbeddedBroker()
    await broker.start()
    bus = JosevBus(broker.url, TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        peer = await asyncio.to_thread(Peer, broker.port)
        bus.publish(TO_JOSEV, REQUEST)
        await asyncio.to_thread(peer.wait_for, 1)
        await asyncio.to_thread(peer.publish, TO_CS, RESPONSE)
        await sink.until(lambda s: s.messages)
        assert sink.messages == [(TO_CS, RESPONSE)]
        await asyncio.to_thread(peer.close)
    finally:
        await bus.stop()
        await broker.stop()


@pytest.mark.slow
async def test_a_quiet_bus_stays_up(broker: AnyBroker, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but keep-alives for three of their periods."""
    monkeypatch.setattr(mqtt_connection, "KEEPALIVE_S", 1)
    bus = JosevBus(broker.url, TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        await asyncio.sleep(4)
        assert sink.states == [LinkState.CONNECTING, LinkState.UP]
    finally:
        await bus.stop()


@pytest.mark.slow
async def test_a_broker_that_comes_and_goes(
    broker: AnyBroker, bus: JosevBus, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(josev, "STEADY_NS", 0)
    for round_ in range(10):
        await broker.down()
        await sink.until(lambda s: s.states[-1] is LinkState.FAULTY)
        await broker.up()
        await sink.until(lambda s: s.states[-1] is LinkState.UP)
        peer = await asyncio.to_thread(Peer, broker.port)
        bus.publish(TO_JOSEV, str(round_).encode())
        await asyncio.to_thread(peer.wait_for, 1)
        await asyncio.to_thread(peer.close)
        assert peer.heard == [(TO_JOSEV, str(round_).encode())]
    assert sink.messages == []


@pytest.mark.slow
async def test_a_flood_arrives_whole_and_in_order(broker: AnyBroker, bus: JosevBus, sink: RecordingSink) -> None:
    count = 5_000
    peer = await asyncio.to_thread(Peer, broker.port)
    try:
        await asyncio.to_thread(peer.flood, TO_CS, count)
        await sink.until(lambda s: len(s.messages) >= count)
        assert [int(payload) for _, payload in sink.messages] == list(range(count))
    finally:
        await asyncio.to_thread(peer.close)


async def test_two_benches_on_one_broker_leave_each_other_alone(broker: AnyBroker, bus: JosevBus) -> None:
    other_sink = RecordingSink()
    other = JosevBus(broker.url, TOPICS)
    assert other.client_id != bus.client_id
    await other.start(other_sink)  # type: ignore[arg-type]
    try:
        assert await other.wait_ready(LIMIT_S)
        bus.publish(TO_JOSEV, REQUEST)
        await other_sink.until(lambda s: s.messages)
        assert other_sink.messages == [(TO_JOSEV, REQUEST)]
        assert bus._ready.is_set()
    finally:
        await other.stop()


async def test_order_is_kept_in_a_burst(bus: JosevBus, peer: Peer, sink: RecordingSink) -> None:
    for number in range(300):
        bus.publish(TO_JOSEV, str(number).encode())
    await asyncio.to_thread(peer.wait_for, 300)
    assert [int(payload) for _, payload in peer.heard] == list(range(300))
    await asyncio.to_thread(peer.publish, TO_CS, b"last")
    await sink.until(lambda s: s.messages)
    assert sink.messages == [(TO_CS, b"last")]


async def test_stopping_says_so_and_refuses_further_messages(broker: AnyBroker, sink: RecordingSink) -> None:
    bus = JosevBus(broker.url, TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    assert await bus.wait_ready(LIMIT_S)
    await bus.stop()
    await bus.stop()
    assert sink.states == [LinkState.CONNECTING, LinkState.UP, LinkState.OFF]
    with pytest.raises(LinkDown):
        bus.publish(TO_JOSEV, REQUEST)
    await bus.start(sink)  # type: ignore[arg-type]
    assert await bus.wait_ready(LIMIT_S)
    await bus.stop()


async def test_a_bus_that_never_connected_stops_and_refuses(sink: RecordingSink) -> None:
    bus = JosevBus("mqtt://127.0.0.1:1", TOPICS)
    with pytest.raises(LinkDown, match="not connected"):
        bus.publish(TO_JOSEV, REQUEST)
    await bus.start(sink)  # type: ignore[arg-type]
    await sink.until(lambda s: LinkState.FAULTY in s.states)
    assert sink.statuses[-1].detail == "nothing listens on 127.0.0.1:1"
    assert sink.statuses[-1].cure == "start the broker, or correct host and port"
    assert not await bus.wait_ready(0.01)
    await bus.stop()


async def test_too_much_is_refused_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = JosevBus("mqtt://127.0.0.1", TOPICS)
    monkeypatch.setattr(josev, "MAX_PAYLOAD", 10)
    with pytest.raises(BadInput, match="11 bytes"):
        bus.publish(TO_JOSEV, b"x" * 11)


@pytest.mark.parametrize("topic", ["cs/#", "+/josev", "", "a\0b"])
async def test_wildcards_are_no_topics(topic: str) -> None:
    with pytest.raises(BadInput, match="no topic"):
        JosevBus("mqtt://127.0.0.1", Topics(cs_to_josev=topic))
    with pytest.raises(BadInput, match="no topic"):
        JosevBus("mqtt://127.0.0.1", TOPICS).publish(topic, b"")
