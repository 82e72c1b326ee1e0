"""What goes wrong between the bench and a broker: each with its plain words, and never with a message that comes late."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.clock import utc_now
from bench.errors import BadInput, LinkDown, OperatorError
from bench.ports import LinkState
from bench.settings import Topics
from devices import josev, mqtt_connection, mqtt_echo, mqtt_failure
from devices.josev import JosevBus
from devices.mqtt_echo import ECHO_LIMIT_NS, MAX_EXPECTED, Echoes
from devices.mqtt_url import BrokerAddress, parse_url
from tests.devices.bus_helpers import LIMIT_S, RecordingSink
from tests.mosquitto import Mosquitto, find

TOPICS = Topics()
CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14


class ScriptedBroker:
    """A broker that does what a test wants: it takes packets, and answers or not.

    refused: topics whose subscription it refuses. mute: packet types it does not answer. hang_up_on: packet type at which
    it closes, after sending farewell. stalled: it stops reading after SUBSCRIBE. packets: (type, body) of all connections.
    """

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.mute: set[int] = set()
        self.hang_up_on: int | None = None
        self.farewell = b""
        self.stalled = False
        self.packets: list[tuple[int, bytes]] = []
        self.ends: list[str] = []
        self.port = 0
        self._changed = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def until(self, kind: int, count: int = 1) -> None:
        async with asyncio.timeout(LIMIT_S):
            while sum(met == kind for met, _ in self.packets) < count:
                self._changed.clear()
                await self._changed.wait()

    async def until_end(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not self.ends:
                self._changed.clear()
                await self._changed.wait()

    def published(self) -> list[bytes]:
        return [body[4 + int.from_bytes(body[:2], "big") :] for kind, body in self.packets if kind == PUBLISH]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                kind, body = await self._packet(reader)
                self.packets.append((kind, body))
                self._changed.set()
                if kind == self.hang_up_on:
                    writer.write(self.farewell)
                    return
                if kind not in self.mute:
                    writer.write(self._answer(kind, body))
                if self.stalled and kind == SUBSCRIBE:
                    writer.transport.pause_reading()  # type: ignore[attr-defined]
        except asyncio.IncompleteReadError:
            self.ends.append("closed")
        except ConnectionResetError:
            self.ends.append("reset")
        finally:
            self._changed.set()
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind = (await reader.readexactly(1))[0] >> 4
        length = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return kind, await reader.readexactly(length)

    def _answer(self, kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            return b"\x20\x02\x00\x00"
        if kind == SUBSCRIBE:
            codes, rest = b"", body[2:]
            while rest:
                end = 2 + int.from_bytes(rest[:2], "big")
                codes += b"\x80" if rest[2:end].decode() in self.refused else b"\x01"
                rest = rest[end + 1 :]
            return bytes((0x90, 2 + len(codes))) + body[:2] + codes
        if kind == PUBLISH:
            topic_end = 2 + int.from_bytes(body[:2], "big")
            return b"\x40\x02" + body[topic_end : topic_end + 2]
        return b""


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    made = ScriptedBroker()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def sink() -> RecordingSink:
    return RecordingSink()


async def fault_of(bus: JosevBus, sink: RecordingSink) -> tuple[str, str]:
    """Detail and cure of the first fault of this bus."""
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        await sink.until(lambda s: LinkState.FAULTY in s.states)
    finally:
        await bus.stop()
    status = sink.statuses[sink.states.index(LinkState.FAULTY)]
    return status.detail, status.cure


# A broker that misbehaves


async def test_what_the_broker_did_not_acknowledge_is_not_sent_again(
    broker: ScriptedBroker, sink: RecordingSink
) -> None:
    """paho would send it again after its reconnect, with the DUP flag."""
    broker.hang_up_on = PUBLISH
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        bus.publish("cs/josev", b"grant")
        bus.publish("cs/josev", b"grant 2")
        await sink.until(lambda s: LinkState.FAULTY in s.states)
        assert "2 messages may not have arrived and will not be sent again" in sink.statuses[-1].detail
        broker.hang_up_on = None
        broker.packets.clear()
        assert await bus.wait_ready(LIMIT_S)
        bus.publish("cs/josev", b"later")
        await broker.until(PUBLISH)
        assert broker.published() == [b"later"]
    finally:
        await bus.stop()


async def test_a_stalled_connection_is_cut_so_that_nothing_arrives_late(
    broker: ScriptedBroker, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(josev, "ACKNOWLEDGE_LIMIT_S", 0.1)
    monkeypatch.setattr(josev, "WATCH_S", 0.05)
    broker.mute = {PUBLISH}
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        bus.publish("cs/josev", b"grant")
        await broker.until_end()
        assert broker.ends == ["reset"]
        await sink.until(lambda s: LinkState.FAULTY in s.states)
        fault = sink.statuses[sink.states.index(LinkState.FAULTY)]
        assert "did not acknowledge a message for 0.1 s" in fault.detail
        assert await bus.wait_ready(LIMIT_S)
        assert broker.published() == [b"grant"]
    finally:
        await bus.stop()


async def test_what_would_have_to_wait_is_refused(
    broker: ScriptedBroker, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_connection, "MAX_UNACKNOWLEDGED", 3)
    broker.mute = {PUBLISH}
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        for _ in range(3):
            bus.publish("cs/josev", b"grant")
        with pytest.raises(LinkDown, match="not take messages fast enough"):
            bus.publish("cs/josev", b"one more")
        await broker.until(PUBLISH, 3)
        assert broker.published() == [b"grant"] * 3
    finally:
        await bus.stop()


async def test_small_messages_do_not_wait_for_more(broker: ScriptedBroker, sink: RecordingSink) -> None:
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        wire = bus._life.connection._client.socket()  # type: ignore[union-attr]
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        await bus.stop()


async def test_a_broker_that_stops_reading_does_not_hold_up_the_stop(
    broker: ScriptedBroker, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_connection, "GOODBYE_S", 0.1)
    broker.stalled = True
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    assert await bus.wait_ready(LIMIT_S)
    bus.publish("cs/josev", b"x" * josev.MAX_PAYLOAD)
    async with asyncio.timeout(5):
        await bus.stop()


async def test_a_refused_subscription_names_its_topic(broker: ScriptedBroker, sink: RecordingSink) -> None:
    broker.refused = {"josev/cs"}
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        await sink.until(lambda s: LinkState.FAULTY in s.states)
        assert sink.statuses[-1].detail == "the broker refused the subscription to josev/cs"
        assert not await bus.wait_ready(0.01)
        bus.publish("cs/josev", b"still possible")
        await broker.until(PUBLISH)
    finally:
        await bus.stop()


@pytest.mark.parametrize(
    ("mute", "words"), [(CONNECT, "does not answer MQTT"), (SUBSCRIBE, "does not acknowledge subscriptions")]
)
async def test_a_silent_broker_is_told(
    broker: ScriptedBroker, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch, mute: int, words: str
) -> None:
    monkeypatch.setattr(josev, "ANSWER_LIMIT_S", 0.1)
    broker.mute = {mute}
    detail, _ = await fault_of(JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS), sink)
    assert words in detail


async def test_a_port_that_hangs_up_is_told(broker: ScriptedBroker, sink: RecordingSink) -> None:
    broker.hang_up_on = CONNECT
    detail, cure = await fault_of(JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS), sink)
    assert detail == f"127.0.0.1:{broker.port} hung up without an answer"
    assert "mqtts://" in cure


async def test_a_fault_is_told_once_however_often_it_is_tried_again(sink: RecordingSink) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        bus = JosevBus(f"mqtt://127.0.0.1:{closed.getsockname()[1]}", TOPICS)
        tries = 0
        enough = asyncio.Event()
        make = mqtt_connection.MqttConnection.open

        def count(connection: mqtt_connection.MqttConnection) -> None:
            nonlocal tries
            tries += 1
            if tries == 5:
                enough.set()
            make(connection)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mqtt_connection.MqttConnection, "open", count)
            patch.setattr(josev, "backoff", lambda: iter([0.0] * 1000))
            await bus.start(sink)  # type: ignore[arg-type]
            async with asyncio.timeout(LIMIT_S):
                await enough.wait()
            await bus.stop()
    assert sink.states == [LinkState.CONNECTING, LinkState.FAULTY, LinkState.OFF]


async def test_a_broker_that_keeps_our_messages_to_itself_is_told(
    broker: ScriptedBroker, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(josev, "WATCH_S", 0.05)
    monkeypatch.setattr(mqtt_echo, "ECHO_LIMIT_NS", 1)
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        bus.publish("cs/josev", b"one")
        await sink.until(lambda s: s.findings)
        assert sink.findings[0][0] == "bus.no-echo"
        assert "cs/josev" in sink.findings[0][1]
    finally:
        await bus.stop()


async def test_a_ca_file_that_is_none_is_told_before_anything_is_sent(sink: RecordingSink, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot read"):
        await JosevBus("mqtts://h", TOPICS, ca_file=tmp_path / "none.pem").start(sink)  # type: ignore[arg-type]
    empty = tmp_path / "empty.pem"
    empty.write_text("hello")
    with pytest.raises(OperatorError, match="holds no certificate"):
        await JosevBus("mqtts://h", TOPICS, ca_file=empty).start(sink)  # type: ignore[arg-type]


async def test_a_bug_over_one_message_does_not_deafen_the_bus(
    broker: ScriptedBroker,
    sink: RecordingSink,
    monkeypatch: pytest.MonkeyPatch,
    expected_log: Callable[[str], None],
) -> None:
    expected_log("a message on josev/cs was not handled")

    def stumble(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(sink, "bus_message", stumble)
    broker.farewell = b"\x30\x0b\x00\x08josev/csx"
    broker.hang_up_on = PUBLISH
    bus = JosevBus(f"mqtt://127.0.0.1:{broker.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        bus.publish("cs/josev", b"go")
        await sink.until(lambda s: LinkState.FAULTY in s.states)
    finally:
        await bus.stop()


# Passwords and access lists, on a real broker


@pytest.fixture
def guarded(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A mosquitto with one user, ``bench`` with password ``secret``, who may read all topics and write only josev/cs."""
    passwords, access = tmp_path / "passwords", tmp_path / "access"
    subprocess.run(
        [find("mosquitto_passwd"), "-c", "-b", str(passwords), "bench", "secret"], check=True, capture_output=True
    )
    access.write_text("user bench\ntopic read #\ntopic write josev/cs\n")
    lines = f"allow_anonymous false\npassword_file {passwords}\nacl_file {access}"
    made = Mosquitto(tmp_path, config=lines)
    made.start()
    yield made  # type: ignore[misc]
    made.kill()


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("user", "password", "words", "cure"),
    [
        (None, None, "wants a user and a password", "mqtt://user@"),
        ("bench", "wrong", "refused the user bench or the password", "correct user and password"),
        ("nobody", "secret", "refused the user nobody or the password", "correct user and password"),
    ],
)
async def test_a_wrong_password_is_told_without_it(
    guarded: Mosquitto, sink: RecordingSink, user: str | None, password: str | None, words: str, cure: str
) -> None:
    detail, advice = await fault_of(JosevBus(guarded.url, TOPICS, user=user, password=password), sink)
    assert words in detail
    assert cure in advice
    assert "secret" not in detail + advice


@pytest.mark.mosquitto
async def test_the_right_password_is_taken_and_the_access_list_told(
    guarded: Mosquitto, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(josev, "WATCH_S", 0.05)
    monkeypatch.setattr(mqtt_echo, "ECHO_LIMIT_NS", ECHO_LIMIT_NS // 20)
    bus = JosevBus(f"mqtt://bench:secret@127.0.0.1:{guarded.port}", TOPICS)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        assert bus.url == guarded.url
        bus.publish("josev/cs", b"may")
        bus.publish("cs/josev", b"may not")
        await sink.until(lambda s: s.findings)
        assert [text.partition(" on ")[2].partition(" ")[0] for _, text in sink.findings] == ["cs/josev"]
    finally:
        await bus.stop()


# TLS, on a real broker


def certificate(folder: Path, *, host: str = "127.0.0.1", days: int = 1) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {host}")])
    now = utc_now()
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{host}.{days}.pem", folder / f"{host}.{days}.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


def tls_broker(folder: Path, cert_file: Path, key_file: Path) -> Mosquitto:
    made = Mosquitto(folder, config=f"allow_anonymous true\ncertfile {cert_file}\nkeyfile {key_file}")
    made.start()
    return made


@pytest.mark.mosquitto
async def test_tls_with_a_trusted_certificate(tmp_path: Path, sink: RecordingSink) -> None:
    cert_file, key_file = certificate(tmp_path)
    broker = tls_broker(tmp_path, cert_file, key_file)
    bus = JosevBus(f"mqtts://127.0.0.1:{broker.port}", TOPICS, ca_file=cert_file)
    await bus.start(sink)  # type: ignore[arg-type]
    try:
        assert await bus.wait_ready(LIMIT_S)
        bus.publish("cs/josev", b"x" * 1_000_000)
        assert sink.statuses[-1].detail == f"mqtts://127.0.0.1:{broker.port}"
    finally:
        await bus.stop()
        broker.kill()


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("served", "trusted", "scheme", "words"),
    [
        ({}, None, "mqtts", "is not trusted: self-signed certificate"),
        ({}, {"host": "other.example"}, "mqtts", "is not trusted"),
        ({"host": "other.example"}, {"host": "other.example"}, "mqtts", "is for another host"),
        ({"days": -1}, {"days": -1}, "mqtts", "is not valid now: certificate has expired"),
        ({}, None, "mqtt", "hung up without an answer"),
    ],
)
async def test_tls_that_fails_says_why(
    tmp_path: Path,
    sink: RecordingSink,
    served: dict[str, object],
    trusted: dict[str, object] | None,
    scheme: str,
    words: str,
) -> None:
    cert_file, key_file = certificate(tmp_path, **served)  # type: ignore[arg-type]
    ca_file = cert_file if trusted == served else None
    if trusted is not None and ca_file is None:
        ca_file, _ = certificate(tmp_path, **trusted)  # type: ignore[arg-type]
    broker = tls_broker(tmp_path, cert_file, key_file)
    try:
        detail, cure = await fault_of(JosevBus(f"{scheme}://127.0.0.1:{broker.port}", TOPICS, ca_file=ca_file), sink)
    finally:
        broker.kill()
    assert words in detail
    assert cure


@pytest.mark.mosquitto
async def test_tls_to_a_port_without_it(tmp_path: Path, sink: RecordingSink) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        detail, cure = await fault_of(JosevBus(f"mqtts://127.0.0.1:{broker.port}", TOPICS), sink)
    finally:
        broker.kill()
    assert "TLS" in detail or "hung up" in detail
    assert cure


# Words, addresses and echoes, without a wire

ADDRESS = BrokerAddress("charger.local", 1883)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the host charger.local is unknown"),
        (ConnectionRefusedError(), "nothing listens on charger.local:1883"),
        (TimeoutError(), "charger.local:1883 does not answer"),
        (OSError(113, "No route to host"), "there is no route to charger.local:1883"),
        (OSError(99, "Cannot assign requested address"), "Cannot assign requested address"),
        (ConnectionResetError(), "hung up while the connection was made"),
        (ssl.SSLError(1, "[SSL: SOMETHING] something"), "TLS with charger.local:1883 failed"),
        (None, "no connection to charger.local:1883"),
    ],
)
def test_why_a_connection_did_not_come_about(error: BaseException | None, words: str) -> None:
    failure = mqtt_failure.of_connecting(error, ADDRESS)
    assert words in failure.detail
    assert failure.cure


@pytest.mark.parametrize(
    "reason", ["Unsupported protocol version", "Server unavailable", "Client identifier not valid", "Not authorized"]
)
def test_every_refusal_has_words_and_a_cure(reason: str) -> None:
    failure = mqtt_failure.of_refusal(reason, ADDRESS, None)
    assert "charger.local:1883" in failure.detail
    assert failure.cure


@pytest.mark.parametrize(
    ("url", "shown", "user", "password"),
    [
        ("mqtt://host", "mqtt://host:1883", None, None),
        ("mqtts://host", "mqtts://host:8883", None, None),
        (" mqtt://10.0.0.2:10003/ ", "mqtt://10.0.0.2:10003", None, None),
        ("mqtt://bench@host:1", "mqtt://host:1", "bench", None),
        ("MQTT://b%40x:p%3Aw@Host:65535", "mqtt://host:65535", "b@x", "p:w"),
        ("mqtt://[::1]:1884", "mqtt://[::1]:1884", None, None),
        ("mqtt://u:@[fe80::1]", "mqtt://[fe80::1]:1883", "u", ""),
    ],
)
def test_a_url_is_read(url: str, shown: str, user: str | None, password: str | None) -> None:
    address = parse_url(url)
    assert (address.url, address.user, address.password) == (shown, user, password)
    assert not password or password not in repr(address)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is empty"),
        ("host:1883", "does not begin with mqtt://"),
        ("u:secret@host", "does not begin with mqtt://"),
        ("tcp://host", "tcp:// is no way"),
        ("ws://u:secret@host", "ws:// is no way"),
        ("mqtt://", "names no host"),
        ("mqtt://:1883", "names no host"),
        ("mqtt://host:0", "0 is no port"),
        ("mqtt://host:65536", "65536 is no port"),
        ("mqtt://host:http", "http is no port"),
        ("mqtt://host:-1", "-1 is no port"),
        ("mqtt://host/topic", "goes on after the port"),
        ("mqtt://host?x", "goes on after the port"),
        ("mqtt://a b", "characters"),
        ("mqtt://[::1", "cannot be read"),
        ("mqtt://" + "a" * 70 + ".example", "no host name"),
        ("mqtt://" + "a" * 3000, "too many"),
    ],
)
def test_a_url_that_is_none_says_why(url: str, words: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_url(url)
    assert words in refusal.value.what
    assert refusal.value.cure
    assert "secret" not in str(refusal.value)


def test_echoes_are_counted_one_for_one_and_forgotten_in_time() -> None:
    echoes = Echoes()
    echoes.expect("a", b"1", 0)
    echoes.expect("a", b"1", 1)
    echoes.expect("b", b"1", 2)
    assert [echoes.swallow("a", b"1") for _ in range(3)] == [True, True, False]
    assert not echoes.swallow("a", b"2")
    assert echoes.overdue(ECHO_LIMIT_NS + 1) is None
    assert echoes.overdue(ECHO_LIMIT_NS + 2) == "b"
    assert not echoes.swallow("b", b"1")
    for number in range(MAX_EXPECTED + 5):
        echoes.expect("a", str(number).encode(), 10)
    assert len(echoes) == MAX_EXPECTED
    assert not echoes.swallow("a", b"4")
    assert echoes.swallow("a", b"5")
    echoes.clear()
    assert len(echoes) == 0
    assert not echoes.swallow("a", b"6")
