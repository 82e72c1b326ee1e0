"""The engine and another program on the bus, as far as tests of the bus need them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bench.clock import Stamp
from bench.ports import LinkState, LinkStatus
from bench.settings import Topics

TOPICS = Topics()
LIMIT_S = 10.0


class RecordingSink:
    """What the bus told the engine."""

    busy = False

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.metas: list[Mapping[str, object]] = []
        self.stamps: list[Stamp] = []
        self.statuses: list[LinkStatus] = []
        self.findings: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def bus_message(self, topic: str, payload: bytes, stamp: Stamp, meta: Mapping[str, object]) -> None:
        self.messages.append((topic, payload))
        self.metas.append(meta)
        self.stamps.append(stamp)
        self._changed.set()

    def link_changed(self, status: LinkStatus) -> None:
        self.statuses.append(status)
        self._changed.set()

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self.findings.append((rule, text))
        self._changed.set()

    @property
    def states(self) -> list[LinkState]:
        return [status.state for status in self.statuses]

    async def until(self, condition: Callable[[RecordingSink], object]) -> None:
        """Wait as long as the bus goes on telling; a flood takes what a loaded machine makes of it."""
        while not condition(self):
            self._changed.clear()
            async with asyncio.timeout(LIMIT_S):
                await self._changed.wait()


class Peer:
    """Another program on the bus, with a plain paho client."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._arrived = threading.Condition()
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe([(topic, 1) for topic in TOPICS.all])
        assert self._subscribed.wait(LIMIT_S)

    def _on_message(self, client: Client, userdata: object, message: object) -> None:
        with self._arrived:
            self.heard.append((message.topic, bytes(message.payload)))  # type: ignore[attr-defined]
            self._arrived.notify_all()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(LIMIT_S)

    def flood(self, topic: str, count: int) -> None:
        """Numbers from 0, as fast as it goes, with QoS 0."""
        for number in range(count):
            self._client.publish(topic, str(number).encode(), 0)

    def wait_for(self, count: int) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.heard) >= count, LIMIT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_subscribe = None
