"""The Josev bus: topics of an MQTT broker, any MQTT 3.1.1 or 5 broker.

Josev API: topics are named ``sender/receiver``, both messages of a pair are correlated by their id, QoS 1, nothing retained.
A message that cannot be sent now is refused; one that the broker does not acknowledge takes the connection with it. Nothing
is ever queued or sent twice, since a late authorization would start a charge nobody stands beside.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import threading
from pathlib import Path

from bench.clock import NS_PER_S, Stamp, stamp
from bench.errors import BadInput, BenchBug, LinkDown, OperatorError
from bench.ports import LinkState, LinkStatus, Sink
from bench.settings import Topics
from bench.tasks import Tasks
from devices.inbox import Inbox
from devices.mqtt_connection import Accepted, Acknowledged, Ended, Event, Heard, Login, MqttConnection, Subscribed
from devices.mqtt_echo import Echoes
from devices.mqtt_failure import Failure, of_silence, of_subscription, of_unacknowledged
from devices.mqtt_url import BrokerAddress, parse_url
from devices.supervisor import backoff

LINK = "josev"
MAX_PAYLOAD = 16 * 1024 * 1024
ANSWER_LIMIT_S = 10.0
"""For TCP, TLS, CONNACK and SUBACK together."""
ACKNOWLEDGE_LIMIT_S = 5.0
STEADY_NS = 5 * NS_PER_S
"""A connection that lived this long was a good one: the next try comes quickly."""
WATCH_S = 1.0
MAX_WAITING = 20_000


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
        self._connection: MqttConnection | None = None
        self._settled = self._over = asyncio.Event()
        self._ready = asyncio.Event()
        self._closing = threading.Event()
        self._put_count = 0  # written by paho's thread only
        self._taken_count = 0  # written by the loop's thread only
        self._reset()

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
        self._inbox = Inbox(asyncio.get_running_loop(), self._consume)
        self._closing.clear()
        self._say(LinkState.CONNECTING, self.url)
        self._tasks.spawn(self._keep_connected(), name="josev bus")

    async def stop(self) -> None:
        """Say goodbye to the broker, end paho's thread, hand over what had still arrived."""
        inbox = self._inbox
        if inbox is None:
            return
        self._closing.set()
        await self._tasks.cancel()
        inbox.close()
        self._inbox = None
        self._reset()
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
        if self._connection is None or not self._up:
            raise self._down()
        moment = stamp()
        mid = self._connection.publish(topic, payload)
        self._unacknowledged[mid] = moment.mono_ns
        if topic in self._heard_topics:
            self._echoes.expect(topic, payload, moment.mono_ns)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._look_after)
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
        """Connect, serve until it ends, and clear everything that belonged to it."""
        connection = MqttConnection(self._address, self._login, self._topics, self._put)
        self._reset()
        self._connection = connection
        try:
            connection.open()
            try:
                async with asyncio.timeout(ANSWER_LIMIT_S):
                    await self._settled.wait()
            except TimeoutError:
                self._fail(of_silence(self._address, self._accepted))
                return
            await self._over.wait()
        finally:
            self._connection = None
            self._up = False
            self._ready.clear()
            # Off the loop: it joins paho's thread. Shielded: a stop that interrupts it must not leave the thread behind.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, connection.close))

    def _reset(self) -> None:
        """Nothing of one connection outlives it."""
        self._accepted = False
        self._up = False
        self._settled = asyncio.Event()
        self._over = asyncio.Event()
        self._ready.clear()
        self._echoes = Echoes()
        self._heard_topics: frozenset[str] = frozenset()
        self._unacknowledged: dict[int, int] = {}
        self._missed_echo_told = False
        watch: asyncio.TimerHandle | None = getattr(self, "_watch", None)
        if watch is not None:
            watch.cancel()
        self._watch: asyncio.TimerHandle | None = None

    # What paho's thread tells

    def _put(self, event: Event) -> None:
        """On paho's thread: hand over, and hold the broker back while the loop is far behind."""
        inbox = self._inbox
        if inbox is None:
            return
        while self._put_count - self._taken_count >= MAX_WAITING and not self._closing.wait(0.01):
            pass
        if inbox.put(event):
            self._put_count += 1

    def _consume(self, events: list[Event]) -> None:
        self._taken_count += len(events)
        for event in events:
            match event:
                case Heard():
                    self._on_heard(event)
                case Acknowledged():
                    self._unacknowledged.pop(event.mid, None)
                case Accepted():
                    self._accepted = True
                case Subscribed():
                    self._on_subscribed(event)
                case Ended():
                    self._on_ended(event)

    def _on_heard(self, heard: Heard) -> None:
        # A retained message was in the broker before we came: never an echo.
        if not heard.meta["retain"] and self._echoes.swallow(heard.topic, heard.payload):
            return
        if self._sink is not None:
            self._sink.bus_message(heard.topic, heard.payload, heard.stamp, heard.meta)

    def _on_subscribed(self, subscribed: Subscribed) -> None:
        self._heard_topics = frozenset(self._topics) - frozenset(subscribed.refused)
        self._up = True
        self._settled.set()
        if subscribed.refused:
            self._fail(of_subscription(subscribed.refused, self._user))
            return
        self._ready.set()
        self._say(LinkState.UP, self.url)

    def _on_ended(self, ended: Ended) -> None:
        unsure = len(self._unacknowledged)
        failure = ended.failure
        if unsure:
            messages = "a message" if unsure == 1 else f"{unsure} messages"
            failure = Failure(
                f"{failure.detail}; {messages} may not have arrived and will not be sent again", failure.cure
            )
        self._up = False
        self._ready.clear()
        self._echoes.clear()
        self._unacknowledged.clear()
        self._settled.set()
        self._over.set()
        if not self._closing.is_set():
            self._fail(failure)

    def _look_after(self) -> None:
        """Once a second while something is outstanding."""
        self._watch = None
        now = stamp().mono_ns
        oldest = next(iter(self._unacknowledged.values()), None)
        if oldest is not None and now - oldest >= ACKNOWLEDGE_LIMIT_S * NS_PER_S and self._connection is not None:
            self._unacknowledged.clear()
            self._up = False
            self._ready.clear()
            self._fail(of_unacknowledged(self._address, ACKNOWLEDGE_LIMIT_S))
            self._connection.abort()
            return
        topic = self._echoes.overdue(now)
        if topic is not None:
            self._tell_missed_echo(topic)
        if self._unacknowledged or self._echoes:
            self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._look_after)

    # Saying

    def _tell_missed_echo(self, topic: str) -> None:
        if self._missed_echo_told or self._sink is None:
            return
        self._missed_echo_told = True
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


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise OperatorError(f"{ca_file} holds no certificate", "give the CA's certificate as a PEM file") from error
    except OSError as error:
        raise OperatorError(f"cannot read {ca_file}: {error.strerror or error}", "correct ca_file") from error


__all__ = ["BrokerAddress", "JosevBus"]
