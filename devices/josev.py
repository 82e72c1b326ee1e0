"""The Josev bus: topics of an MQTT broker, any MQTT 3.1.1 or 5 broker.

Josev API: topics are named ``sender/receiver``, both messages of a pair are correlated by their id, QoS 1, nothing retained.
A message that cannot be sent now is refused; one that the broker does not acknowledge takes the connection with it. Nothing
is ever queued or sent twice, since a late authorization would start a charge nobody stands beside.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

from bench.clock import NS_PER_S, Stamp, stamp
from bench.errors import BadInput, BenchBug, LinkDown, OperatorError
from bench.ports import LinkState, LinkStatus, Sink
from bench.settings import Topics
from bench.tasks import Tasks
from devices.inbox import Inbox
from devices.mqtt_connection import (
    Accepted,
    Acknowledged,
    Ended,
    Event,
    Heard,
    Login,
    MqttConnection,
    Subscribed,
    TidySocket,
)
from devices.mqtt_echo import Echoes
from devices.mqtt_failure import Failure, of_silence, of_subscription, of_unacknowledged
from devices.mqtt_url import parse_url
from devices.supervisor import backoff

log = logging.getLogger(__name__)

LINK = "josev"
MAX_PAYLOAD = 16 * 1024 * 1024
ANSWER_LIMIT_S = 10.0
"""For TCP, TLS, CONNACK and SUBACK together."""
ACKNOWLEDGE_LIMIT_S = 5.0
STEADY_NS = 5 * NS_PER_S
"""A connection that lived this long was a good one: the next try comes quickly."""
WATCH_S = 1.0
MAX_WAITING = 20_000
"""Messages that may wait for the loop, each 16 KiB of one counting as a further message: some 300 MiB at worst."""


@dataclass(slots=True, eq=False)
class _Life:
    """What belongs to one connection and ends with it.

    settled: the broker answered our subscriptions, or the connection ended. unacknowledged: number of the message -> when it
    was sent (monotonic ns). heard_topics: those whose messages come back to us.
    """

    connection: MqttConnection
    accepted: bool = False
    up: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    heard_topics: frozenset[str] = frozenset()
    echoes: Echoes = field(default_factory=Echoes)
    unacknowledged: dict[int, int] = field(default_factory=dict)
    missed_echo_told: bool = False


class JosevBus:
    """Implements :class:`bench.ports.Bus`. All methods on the loop's thread.

    url: ``mqtt://`` or ``mqtts://``, see :func:`devices.mqtt_url.parse_url`. user, password: before those of the URL.
    ca_file: PEM file of the CA to trust instead of the system's. client_id: None = a new one, so that two benches on one broker
    never throw each other out.

    Raises:
        BadInput: no such URL, or a topic that is none.
    """

    def __init__(
        self,
        url: str,
        topics: Topics,
        *,
        user: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
        client_id: str | None = None,
    ) -> None:
        self._address = parse_url(url)
        self._user = user if user is not None else self._address.user
        self._password = password if password is not None else self._address.password
        self._ca_file = ca_file
        # At most 23 characters: more is not sure to be taken (MQTT 3.1.1, 3.1.3.1).
        self._client_id = client_id or f"authbench-{secrets.token_hex(6)}"
        self._topics = _checked(topics)
        self._login = Login(self._client_id)
        self._sink: Sink | None = None
        self._inbox: Inbox[Event] | None = None
        self._tasks = Tasks()
        self._status: LinkStatus | None = None
        self._life: _Life | None = None
        self._closing: asyncio.Future[None] | None = None
        self._ready = asyncio.Event()
        self._stopping = threading.Event()
        self._put_weight = 0  # written by paho's thread only
        self._taken_weight = 0  # written by the loop's thread only

    @property
    def url(self) -> str:
        return self._address.url

    @property
    def client_id(self) -> str:
        return self._client_id

    async def start(self, sink: Sink) -> None:
        """Begin to connect, and keep connected until :meth:`stop`.

        Raises:
            OperatorError: ca_file cannot be read.
        """
        if self._inbox is not None:
            raise BenchBug("the Josev bus was started twice")
        tls = _tls(self._ca_file) if self._address.tls else None
        self._login = Login(self._client_id, self._user, self._password, tls)
        self._sink = sink
        self._inbox = Inbox(asyncio.get_running_loop(), self._consume, lambda: sink.busy)
        self._stopping.clear()
        self._say(LinkState.CONNECTING, self.url)
        self._tasks.spawn(self._keep_connected(), name="josev bus")

    async def stop(self) -> None:
        """Say goodbye to the broker, end paho's thread, hand over what had still arrived."""
        inbox = self._inbox
        if inbox is None:
            return
        self._stopping.set()
        await self._tasks.cancel()
        if self._closing is not None:
            await self._closing
        inbox.close()
        self._inbox = None
        self._say(LinkState.OFF, self.url)

    async def wait_ready(self, timeout_s: float) -> bool:
        """True once the broker acknowledged all our subscriptions; False when the time ran out."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    def publish(self, topic: str, payload: bytes) -> Stamp:
        """Send now, QoS 1, not retained.

        Raises:
            LinkDown: the broker is not connected. Nothing is queued.
            BadInput: more than 16 MiB, or a topic nobody can publish on.
        """
        if len(payload) > MAX_PAYLOAD:
            raise BadInput(
                f"the message has {len(payload)} bytes", f"the bus takes at most {MAX_PAYLOAD} bytes in one message"
            )
        _check_topic(topic)
        life = self._life
        if life is None or not life.up:
            raise self._down()
        moment = stamp()
        mid = life.connection.publish(topic, payload)
        life.unacknowledged[mid] = moment.mono_ns
        if topic in life.heard_topics:
            life.echoes.expect(topic, payload, moment.mono_ns)
        return moment

    # Connecting

    async def _keep_connected(self) -> None:
        delays = backoff()
        while True:
            began = stamp().mono_ns
            await self._one_connection()
            if stamp().mono_ns - began > STEADY_NS:
                delays = backoff()
            await asyncio.sleep(next(delays))

    async def _one_connection(self) -> None:
        """Connect, and serve until it ends; everything of it ends with it."""
        connection = MqttConnection(self._address, self._login, self._topics, self._put)
        life = self._life = _Life(connection)
        try:
            connection.open()
            try:
                async with asyncio.timeout(ANSWER_LIMIT_S):
                    await life.settled.wait()
            except TimeoutError:
                self._fail(of_silence(self._address, life.accepted))
                return
            while not life.over.is_set():
                try:
                    async with asyncio.timeout(WATCH_S):
                        await life.over.wait()
                except TimeoutError:
                    self._look_after(life)
        finally:
            life.up = False
            self._ready.clear()
            # Off the loop: it joins paho's thread. Shielded: a stop in between must wait for it, not leave the thread behind.
            self._closing = asyncio.get_running_loop().run_in_executor(None, connection.close)
            await asyncio.shield(self._closing)

    # What paho's thread tells

    def _put(self, event: Event) -> None:
        """On paho's thread: hand over, and hold the broker back while the loop is far behind."""
        inbox = self._inbox
        if inbox is None:
            return
        while self._put_weight - self._taken_weight >= MAX_WAITING and not self._stopping.wait(0.01):
            pass
        if inbox.put(event):
            self._put_weight += _weight(event)

    def _consume(self, events: list[Event]) -> None:
        self._taken_weight += sum(map(_weight, events))
        # Only one connection lives at a time: its thread is joined, and what it told consumed, before the next one begins.
        life = self._life
        if life is None:
            raise BenchBug("a broker spoke before there was a connection")
        for event in events:
            match event:
                case Heard():
                    self._on_heard(life, event)
                case Acknowledged():
                    life.unacknowledged.pop(event.mid, None)
                case Accepted():
                    life.accepted = True
                case Subscribed():
                    self._on_subscribed(life, event)
                case Ended():
                    self._on_ended(life, event.failure)

    def _on_heard(self, life: _Life, heard: Heard) -> None:
        # A retained message was in the broker before we came: never an echo.
        if not heard.meta["retain"] and life.echoes.swallow(heard.topic, heard.payload):
            return
        if self._sink is None:
            return
        try:
            self._sink.bus_message(heard.topic, heard.payload, heard.stamp, heard.meta)
        except Exception:
            # What follows in this burst may be the end of the connection: a bug over one message must not hide it.
            log.exception("a message on %s was not handled", heard.topic)

    def _on_subscribed(self, life: _Life, subscribed: Subscribed) -> None:
        life.heard_topics = frozenset(self._topics) - frozenset(subscribed.refused)
        life.up = True
        life.settled.set()
        if subscribed.refused:
            self._fail(of_subscription(subscribed.refused, self._user))
            return
        self._ready.set()
        self._say(LinkState.UP, self.url)

    def _on_ended(self, life: _Life, failure: Failure) -> None:
        life.up = False
        self._ready.clear()
        life.settled.set()
        life.over.set()
        if self._stopping.is_set():
            return
        if unsure := len(life.unacknowledged):
            messages = "a message" if unsure == 1 else f"{unsure} messages"
            detail = f"{failure.detail}; {messages} may not have arrived and will not be sent again"
            failure = Failure(detail, failure.cure)
        self._fail(failure)

    def _look_after(self, life: _Life) -> None:
        """Once a second: is an acknowledgement or an echo overdue?"""
        now = stamp().mono_ns
        oldest = next(iter(life.unacknowledged.values()), now)
        if now - oldest >= ACKNOWLEDGE_LIMIT_S * NS_PER_S:
            life.up = False
            life.connection.abort(of_unacknowledged(self._address, ACKNOWLEDGE_LIMIT_S))
            return
        topic = life.echoes.overdue(now)
        if topic is not None and not life.missed_echo_told:
            life.missed_echo_told = True
            self._tell_missed_echo(topic)

    # Saying

    def _tell_missed_echo(self, topic: str) -> None:
        if self._sink is None:
            return
        who = f"the user {self._user}" if self._user else "anonymous clients"
        self._sink.finding(
            "bus.no-echo",
            "warn",
            f"the broker {self._address} took a message on {topic} but gave it to nobody: it may not let us write there",
            f"let {who} write to {topic} in the broker's access list",
        )

    def _fail(self, failure: Failure) -> None:
        self._say(LinkState.FAULTY, failure.detail, failure.cure)

    def _say(self, state: LinkState, detail: str, cure: str = "") -> None:
        status = LinkStatus(LINK, state, detail, cure)
        if status != self._status and self._sink is not None:
            self._status = status
            self._sink.link_changed(status)

    def _down(self) -> LinkDown:
        status = self._status
        if status is not None and status.state is LinkState.FAULTY:
            return LinkDown(f"the Josev bus is down: {status.detail}", status.cure)
        return LinkDown(f"the Josev bus is not connected to {self._address} yet", "wait until it is up")


def _checked(topics: Topics) -> tuple[str, ...]:
    """Exactly the topics of the profile, each once. Other systems share the broker, so never a wildcard."""
    for topic in topics.all:
        _check_topic(topic)
    return tuple(dict.fromkeys(topics.all))


def _check_topic(topic: str) -> None:
    if not topic or len(topic.encode()) > 65_535 or any(sign in topic for sign in "+#\0"):
        raise BadInput(f"'{topic[:40]}' is no topic to use", "name one topic, without the wildcards + and #")


def _weight(event: Event) -> int:
    return 1 + len(event.payload) // 16_384 if isinstance(event, Heard) else 1


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise OperatorError(f"{ca_file} holds no certificate", "give the CA's certificate as a PEM file") from error
    except OSError as error:
        raise OperatorError(f"cannot read {ca_file}: {error.strerror or error}", "correct ca_file") from error
    context.sslsocket_class = TidySocket
    return context
