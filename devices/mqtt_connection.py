"""One connection to an MQTT broker: paho's client on its own thread, used for a single connection and then thrown away.

paho keeps what it could not send, and sends QoS 1 messages again after it reconnects, even with a clean session. On this bus
that would be a grant given long after its card. So a client never reconnects here: what it had not sent dies with it.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bench.clock import Stamp, stamp
from bench.errors import LinkDown
from devices.mqtt_client import ReadAheadClient
from devices.mqtt_failure import Failure, of_connecting, of_loss, of_refusal
from devices.mqtt_url import BrokerAddress

QOS = 1
CONNECT_LIMIT_S = 5.0
KEEPALIVE_S = 10
GOODBYE_S = 1.0
MAX_UNACKNOWLEDGED = 1_000
"""Any broker takes so many in far less time than we wait for an acknowledgement; what waits longer would come late."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message arrived."""

    topic: str
    payload: bytes
    stamp: Stamp
    meta: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has that message of ours."""

    mid: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker let us in."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker answered our subscriptions. refused: those topics it keeps from us."""

    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """There is no connection (any more)."""

    failure: Failure


Event = Heard | Acknowledged | Accepted | Subscribed | Ended


@dataclass(frozen=True, slots=True)
class Login:
    """How to introduce ourselves. tls: None = plain TCP."""

    client_id: str
    user: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


class TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _no_delay(client: Client, userdata: Any, sock: Any) -> None:
    """Every small packet goes out at once: waiting to fill a segment (Nagle) costs 40 ms a message here."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class MqttConnection:
    """tell: called on paho's thread, in the order things happened; it must only hand over."""

    def __init__(
        self, address: BrokerAddress, login: Login, topics: tuple[str, ...], tell: Callable[[Event], object]
    ) -> None:
        self._address = address
        self._login = login
        self._topics = topics
        self._tell = tell
        self._accepted = False
        self._why: Failure | None = None
        self._ended = threading.Event()
        self._client = self._make_client()

    def open(self) -> None:
        """Begin to connect; returns at once."""
        self._client.connect_async(self._address.host, self._address.port, KEEPALIVE_S)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> int:
        """Hand one message to paho, QoS 1, not retained; returns the number that its acknowledgement will have.

        Raises:
            LinkDown: not connected, or far too much is waiting for acknowledgement. Nothing is kept for later.
        """
        if not self._client.is_connected():
            raise LinkDown(f"the connection to {self._address} was just lost", "wait until the bus is up again")
        info = self._client.publish(topic, payload, QOS, retain=False)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkDown(f"the broker {self._address} does not take messages fast enough", "send more slowly")
        return info.mid

    def abort(self, why: Failure | None = None) -> None:
        """Cut the connection; what is not on the wire yet is thrown away. ``Ended`` follows, with ``why`` where given."""
        self._why = why
        sock = self._client.socket()
        if not isinstance(sock, socket.socket):
            return
        try:
            # A close without lingering sends RST and drops the unsent rest. Ending the reading side wakes paho's thread, which
            # then closes. Past the TLS layer, which would drop its keys and let paho go on in clear text.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.socket.shutdown(sock, socket.SHUT_RD)
        except OSError:  # it ended by itself in the meantime
            pass

    def close(self) -> None:
        """Say goodbye and end paho's thread. Blocks, at most while a connection is being made: call it off the loop."""
        client = self._client
        client.disconnect()
        if client.socket() is not None and not self._ended.wait(GOODBYE_S):
            self.abort()
        client.loop_stop()
        if client.socket() is not None:  # it connected while we were leaving
            client.disconnect()
        # paho's sockets go with the client, and the client with the last reference, not with the garbage collector.
        client.on_socket_open = client.on_connect = client.on_connect_fail = client.on_disconnect = None
        client.on_subscribe = client.on_publish = client.on_message = None

    # On paho's thread: stamp, hand over, nothing else

    def _make_client(self) -> Client:
        login = self._login
        client = ReadAheadClient(
            CallbackAPIVersion.VERSION2,
            login.client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_LIMIT_S
        client.reconnect_delay_set(0, 0)  # paho waits once more even where it will not try again
        client.max_queued_messages_set(MAX_UNACKNOWLEDGED)
        if login.user is not None:
            client.username_pw_set(login.user, login.password)
        if login.tls is not None:
            client.tls_set_context(login.tls)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._why = of_refusal(reason.getName(), self._address, self._login.user)
            return
        self._accepted = True
        self._tell(Accepted())
        client.subscribe([(topic, QOS) for topic in self._topics])

    def _on_connect_fail(self, client: Client, userdata: Any) -> None:
        # paho calls this while it handles the error, but does not hand it over.
        self._end(of_connecting(sys.exc_info()[1], self._address))

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._end(self._why or of_loss(self._address, self._accepted))

    def _end(self, failure: Failure) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._tell(Ended(failure))

    def _on_subscribe(
        self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        answers = zip(self._topics, reasons, strict=False)
        self._tell(Subscribed(tuple(topic for topic, reason in answers if reason.is_failure)))

    def _on_publish(
        self, client: Client, userdata: Any, mid: int, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._tell(Acknowledged(mid))

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        moment = stamp()
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(topic is not UTF-8)"
        meta: dict[str, object] = {"qos": message.qos, "retain": bool(message.retain)}
        if message.dup:
            meta["dup"] = True
        self._tell(Heard(topic, bytes(message.payload), moment, meta))
