"""The server against strangers: the plain ``ocpp`` package over ``websockets``, and sockets that misbehave."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bench.clock import stamp
from bench.errors import BenchBug, LinkDown, OperatorError
from bench.message import Direction
from bench.ports import LinkState
from devices.ocpp import connection as connection_module
from devices.ocpp import door as door_module
from devices.ocpp.csms import CsmsServer
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink


@pytest.fixture
async def sink() -> AsyncIterator[BenchSink]:
    """A server on a free port with an engine behind it; stopped afterwards, and nothing may be left."""
    engine = BenchSink()
    server = CsmsServer("127.0.0.1", 0, stations_allowed=lambda station: station != "STRANGER")
    engine.server = server
    await server.start(engine)
    yield engine
    await server.stop()
    assert not server._connections
    assert engine.statuses[-1].state is LinkState.OFF


def station(sink: BenchSink, path: str = "CP-1", *offered: str, **more: object) -> connect:
    names = offered or ("ocpp1.6",)
    return connect(f"{sink.server.url}/{path}", subprotocols=names, compression=None, **more)  # type: ignore[arg-type]


async def said(client: ClientConnection) -> str:
    async with asyncio.timeout(DEADLINE_S):
        message = await client.recv()
    assert isinstance(message, str)
    return message


async def test_stations_of_every_version_are_served(sink: BenchSink) -> None:
    async with station(sink, "CP-1") as old, station(sink, "ws/CP-2", "ocpp1.6", "ocpp2.0.1") as new:
        assert (old.subprotocol, new.subprotocol) == ("ocpp1.6", "ocpp2.0.1")
        assert [(o.station, o.version, o.user) for o in sink.opened] == [("CP-1", "1.6", None), ("CP-2", "2.0.1", None)]
        assert sink.opened[1].offered == ("ocpp1.6", "ocpp2.0.1")
        await old.send('[2,"1","Authorize",{"idTag":"BAD"}]')
        assert await said(old) == '[3,"1",{"idTagInfo":{"status":"Blocked"}}]'
        async with station(sink, "CP-3", "ocpp1.6", "ocpp2.0.1", "ocpp2.1") as newest:
            assert (newest.subprotocol, sink.opened[2].version) == ("ocpp2.1", "2.1")
            await newest.send('[2,"1","Authorize",{"idToken":{"idToken":"BAD","type":"ISO14443"}}]')
            assert await said(newest) == '[3,"1",{"idTokenInfo":{"status":"Blocked"}}]'
            assert sink.statuses[-1].detail == f"{sink.server.url}, 3 stations"
    await sink.until(lambda: len(sink.closed) == 3)
    assert [code for _, code, _ in sink.closed] == [1000, 1000, 1000]
    assert sink.statuses[-1].detail == f"{sink.server.url}, 0 stations"
    assert sink.findings == []


async def test_a_burst_is_answered_in_order_in_one_go(sink: BenchSink) -> None:
    async with station(sink) as client:
        for number in range(200):
            await client.send(f'[2,"{number}","DataTransfer",{{"vendorId":"x"}}]')
        for number in range(200):
            assert await said(client) == f'[3,"{number}",{{"status":"UnknownVendorId"}}]'
    directions = [message.direction for message in sink.journal.since(0)]
    assert directions == [Direction.IN, Direction.OUT] * 200


@pytest.mark.gui
async def test_the_window_s_loop_serves_as_well(sink: BenchSink) -> None:
    async with station(sink) as client:
        for number in range(20):
            await client.send(f'[2,"{number}","Authorize",{{"idTag":"GOOD"}}]')
            assert await said(client) == f'[3,"{number}",{{"idTagInfo":{{"status":"Accepted"}}}}]'


async def test_our_call_reaches_the_station_and_its_answer_us(sink: BenchSink) -> None:
    async with station(sink) as client:

        async def answers() -> None:
            call = await said(client)
            await client.send('[3,"' + call.split('"')[1] + '",{"status":"Accepted"}]')

        answer, _ = await asyncio.gather(sink.call("CP-1", "ClearCache"), answers())
        assert answer is not None
        assert answer.payload == {"status": "Accepted"}


async def test_gone_in_the_middle_of_our_call(sink: BenchSink) -> None:
    async with station(sink) as client:
        call = asyncio.gather(sink.call("CP-1", "ClearCache"))
        await said(client)
        client.transport.abort()
        assert await call == [None]
    assert sink.settled[0][2] == "the connection closed before the answer"
    assert sink.closed[0][:2] == ("CP-1", 1006)
    with pytest.raises(LinkDown, match="CP-1 is not connected"):
        sink.server.send("CP-1", b"[]")


async def test_a_message_of_five_megabytes(sink: BenchSink) -> None:
    async with station(sink) as client:
        await client.send('[2,"1","DataTransfer",{"vendorId":"x","data":"' + "y" * 5_000_000 + '"}]')
        assert await said(client) == '[3,"1",{"status":"UnknownVendorId"}]'
        pieces = ['[2,"2","DataTransfer",{"vendorId":"x","data":"', *["z" * 1000] * 100, '"}]']
        await client.send(pieces)  # the same in fragments
        assert await said(client) == '[3,"2",{"status":"UnknownVendorId"}]'
    assert [len(message.raw) > 100_000 for message in sink.journal.since(0)] == [True, False, True, False]


async def test_binary_frames_are_read_and_told_once(sink: BenchSink) -> None:
    async with station(sink) as client:
        await client.send(b'[2,"1","Heartbeat",{}]')
        assert (await said(client)).startswith('[3,"1"')
        await client.send(b"\x00\xff")
        await sink.until(lambda: sink.journal.malformed)
    assert [rule for rule, _ in sink.findings] == ["ocpp.binary-frame", "ocpp.unanswerable"]


async def test_text_that_is_not_utf8_is_journaled(sink: BenchSink) -> None:
    async with station(sink, "CP-1", "ocpp2.0.1") as client:
        await client.send(b'[2,"1","Heart\xff', text=True)
        assert (await said(client)).startswith('[4,"1","RpcFrameworkError","byte 13: not UTF-8"')


async def test_a_broken_websocket_frame_closes_with_1002(sink: BenchSink) -> None:
    async with station(sink) as client:
        client.transport.write(b"\xff\xff\xff\xff")
        await sink.until(lambda: sink.closed)
    assert sink.findings == [("ocpp.websocket", "fail")]
    assert sink.closed[0][:2] == ("CP-1", 1002)


@pytest.mark.parametrize(
    ("path", "offered", "status", "rule", "body"),
    [
        ("CP-1", ("ocpp1.5",), 400, "ocpp.no-common-version", "it offered ocpp1.5; this bench speaks ocpp2.1"),
        ("CP-1", ("ocpp2.2",), 400, "ocpp.no-common-version", "it offered ocpp2.2; this bench speaks ocpp2.1"),
        ("STRANGER", ("ocpp1.6",), 404, "ocpp.unknown-station", "station STRANGER is not one of the profile's"),
        ("a/b/c", ("ocpp1.6",), 404, "ocpp.wrong-path", "there is nothing at /a/b/c"),
        ("ws/", ("ocpp1.6",), 404, "ocpp.no-station-id", "names no station"),
    ],
)
async def test_refusals_say_why(
    sink: BenchSink, path: str, offered: tuple[str, ...], status: int, rule: str, body: str
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with station(sink, path, *offered):
            pass
    assert caught.value.response.status_code == status
    assert body in caught.value.response.body.decode()
    assert sink.findings == [(rule, "fail")]
    assert body in sink.texts[0]
    assert sink.opened == []


async def test_no_subprotocol_at_all_is_refused(sink: BenchSink) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"{sink.server.url}/CP-1"):
            pass
    assert caught.value.response.status_code == 400
    assert "it offered none" in sink.texts[0]


async def test_basic_auth_user_is_noted_and_the_password_nowhere(
    sink: BenchSink, caplog: pytest.LogCaptureFixture
) -> None:
    url = sink.server.url.replace("ws://", "ws://OTHER:hunter2@")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("websockets.client").setLevel(logging.INFO)  # the client side is not ours
        async with connect(f"{url}/CP-1", subprotocols=["ocpp1.6"]):
            pass
        await sink.until(lambda: sink.closed)
    assert sink.opened[0].user == "OTHER"
    assert sink.findings == [("ocpp.basic-auth-user", "info")]
    everything = caplog.text + repr(sink.opened) + repr(sink.texts) + repr(sink.statuses)
    assert "hunter2" not in everything
    assert "T1RIRVI6" not in everything  # base64 of "OTHER:"


async def test_a_station_that_connects_again_replaces_its_old_connection(sink: BenchSink) -> None:
    async with station(sink) as old, station(sink, "CP-1", "ocpp2.0.1") as new:
        with pytest.raises(ConnectionClosed) as caught:
            await said(old)
        assert caught.value.rcvd is not None
        assert "replaced by a new connection" in caught.value.rcvd.reason
        await new.send('[2,"1","Heartbeat",{}]')
        assert (await said(new)).startswith('[3,"1"')
        assert sink.closed == [("CP-1", 1000, "replaced by a new connection of the same station")]
        assert sink.statuses[-1].detail.endswith("1 station")
    await sink.until(lambda: len(sink.closed) == 2)
    assert sink.findings == [("ocpp.replaced", "info")]


async def test_the_bench_closes_a_station(sink: BenchSink) -> None:
    async with station(sink) as client:
        sink.server.close("CP-1", 1012, "go away")
        with pytest.raises(ConnectionClosed) as caught:
            await said(client)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1012, "go away")
        await sink.until(lambda: sink.closed)
        assert sink.closed == [("CP-1", 1012, "go away")]
    sink.server.close("CP-1")  # nothing to close: nothing happens


async def test_a_port_in_use_is_told_with_a_cure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        engine = BenchSink()
        server = CsmsServer("127.0.0.1", port, stations_allowed=lambda station: True)
        with pytest.raises(OperatorError, match=f"port {port} on 127.0.0.1 is in use by another program") as caught:
            await server.start(engine)
    assert "--ocpp HOST:PORT" in caught.value.cure
    assert engine.statuses[-1].state is LinkState.FAULTY
    await server.stop()


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("192.0.2.1", 0, "this computer has no address 192.0.2.1"),
        ("127.0.0.1", 70000, "70000 is no port"),
    ],
)
async def test_an_address_that_cannot_be(host: str, port: int, text: str, expected_log: Callable[[str], None]) -> None:
    expected_log("error while attempting to bind")  # asyncio of Python 3.13 logs it as well
    server = CsmsServer(host, port, stations_allowed=lambda station: True)
    with pytest.raises(OperatorError, match=text):
        await server.start(BenchSink())


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    server = CsmsServer("bench.invalid", 0, stations_allowed=lambda station: True)
    with pytest.raises(OperatorError, match="the address bench.invalid is not known"):
        await server.start(BenchSink())


def test_a_subprotocol_nobody_speaks_is_our_bug() -> None:
    with pytest.raises(BenchBug):
        CsmsServer("127.0.0.1", 0, stations_allowed=lambda station: True, subprotocols=("ocpp9",))


def test_urls() -> None:
    assert CsmsServer("::1", 9000, stations_allowed=lambda station: True).url == "ws://[::1]:9000"


async def test_stop_tells_stations_and_starts_again(sink: BenchSink) -> None:
    async with station(sink) as client:
        await sink.server.stop()
        with pytest.raises(ConnectionClosed) as caught:
            await said(client)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001
    assert sink.closed == [("CP-1", 1001, "the bench stops")]
    await sink.server.start(sink)
    async with station(sink) as client:
        await client.send('[2,"1","Heartbeat",{}]')
        await said(client)


class Raw:
    """A TCP client with its own idea of WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, sink: BenchSink) -> Raw:
        server = sink.server
        assert isinstance(server, CsmsServer)
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    async def handshake(self, station: str = "CP-1") -> None:
        self.writer.write(
            f"GET /{station} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )
        async with asyncio.timeout(DEADLINE_S):
            assert b" 101 " in await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """What comes until the server hangs up."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read(-1)
            except ConnectionResetError:
                return b""

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


async def test_a_frame_in_the_same_packet_as_the_handshake(sink: BenchSink) -> None:
    raw = await Raw.to(sink)
    frame = b"\x81" + bytes([0x80 | 22]) + b"\0\0\0\0" + b'[2,"1","Heartbeat",{}]'
    raw.writer.write(
        b"GET /CP-1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n" + frame
    )
    async with asyncio.timeout(DEADLINE_S):
        await raw.reader.readuntil(b'[3,"1",{"currentTime":')
    await raw.close()


async def test_a_message_too_big_closes_with_1009(sink: BenchSink) -> None:
    raw = await Raw.to(sink)
    await raw.handshake()
    raw.writer.write(b"\x81\xff" + (16 * 2**20 + 1).to_bytes(8, "big") + b"\0\0\0\0")  # the length is enough
    assert (1009).to_bytes(2, "big") in await raw.rest()
    await raw.close()
    await sink.until(lambda: sink.closed)
    assert sink.findings == [("ocpp.message-too-big", "fail")]
    assert sink.closed[0][:2] == ("CP-1", 1009)


async def test_a_message_too_big_in_pieces_closes_with_1009(sink: BenchSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_MESSAGE", 1000)
    raw = await Raw.to(sink)
    await raw.handshake()
    piece = bytes([0x80 | 100]) + b"\0\0\0\0" + b"x" * 100
    raw.writer.write(b"\x01" + piece + (b"\x00" + piece) * 10)
    assert (1009).to_bytes(2, "big") in await raw.rest()
    await raw.close()
    await sink.until(lambda: sink.closed)
    assert sink.findings == [("ocpp.message-too-big", "fail")]


async def test_a_browser_is_told_what_this_is(sink: BenchSink) -> None:
    raw = await Raw.to(sink)
    raw.writer.write(b"GET /CP-1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await raw.rest()).startswith(b"HTTP/1.1 426 ")
    assert sink.findings == [("ocpp.not-websocket", "fail")]
    await raw.close()


@pytest.mark.parametrize(
    ("hello", "rule"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", "ocpp.tls-on-plain-port"),
        (b"POST / HTTP/1.1\r\n\r\n", "ocpp.not-websocket"),
        (b"garbage\r\n\r\n", "ocpp.not-websocket"),
    ],
)
async def test_something_else_knocks(sink: BenchSink, hello: bytes, rule: str) -> None:
    raw = await Raw.to(sink)
    raw.writer.write(hello)
    await raw.rest()
    assert sink.findings == [(rule, "warn")]
    await raw.close()


async def test_a_port_check_is_not_worth_a_word(sink: BenchSink) -> None:
    raw = await Raw.to(sink)
    await raw.close()
    async with station(sink):
        pass
    assert sink.findings == []


async def test_whoever_never_shakes_hands_is_hung_up_on(sink: BenchSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "HANDSHAKE_S", 0.05)
    raw = await Raw.to(sink)
    raw.writer.write(b"GET /CP-1 HTTP/1.1\r\n")
    await raw.rest()
    assert sink.findings == [("ocpp.no-handshake", "warn")]
    await raw.close()


async def test_a_flood_of_connections_is_turned_away(sink: BenchSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "MAX_HANDSHAKES", 4)
    idle = [await Raw.to(sink) for _ in range(4)]
    for _ in range(3):
        raw = await Raw.to(sink)
        assert (await raw.rest()).startswith(b"HTTP/1.1 503 ")
        await raw.close()
    assert sink.findings == [("ocpp.too-many-connections", "fail")]  # once
    for raw in idle:
        await raw.close()


async def test_a_half_open_station_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = BenchSink()
    server = CsmsServer("127.0.0.1", 0, stations_allowed=lambda station: True, ping_s=0.05)
    engine.server = server
    await server.start(engine)
    raw = await Raw.to(engine)
    await raw.handshake()  # and never a pong
    await engine.until(lambda: engine.closed)
    assert engine.findings == [("ocpp.connection-dropped", "fail")]
    assert engine.closed == [("CP-1", 1006, "no sign of life for 0 s after a ping")]
    await raw.close()
    await server.stop()


async def test_a_station_that_answers_pings_stays() -> None:
    engine = BenchSink()
    server = CsmsServer("127.0.0.1", 0, stations_allowed=lambda station: True, ping_s=0.02)
    engine.server = server
    await server.start(engine)
    pings = 0
    async with connect(f"{server.url}/CP-1", subprotocols=["ocpp1.6"]) as client:
        seen = asyncio.Event()
        pong = client.protocol.recv_frame

        def count(frame: object) -> None:
            nonlocal pings
            pings += getattr(frame, "opcode", None) == 9
            if pings >= 3:
                seen.set()
            pong(frame)  # type: ignore[arg-type]

        client.protocol.recv_frame = count  # type: ignore[method-assign,assignment]
        async with asyncio.timeout(DEADLINE_S):
            await seen.wait()
        assert engine.closed == []
    await server.stop()


async def test_a_station_that_does_not_read_is_dropped(sink: BenchSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "STALLED_S", 0.1)
    raw = await Raw.to(sink)
    await raw.handshake()
    raw.reader._transport.pause_reading()  # type: ignore[attr-defined]
    before = stamp()
    while not sink.closed and stamp().mono_ns - before.mono_ns < DEADLINE_S * 1e9:
        try:
            sink.server.send("CP-1", b'"' + b"x" * 4_000_000 + b'"')
        except LinkDown:
            break
        await asyncio.sleep(0.01)
    await sink.until(lambda: sink.closed)
    assert sink.findings == [("ocpp.connection-dropped", "fail")]
    assert sink.closed[0][1] == 1008
    raw.writer.transport.abort()


async def test_a_close_that_the_station_ignores_ends_all_the_same(
    sink: BenchSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CLOSE_S", 0.05)
    raw = await Raw.to(sink)
    await raw.handshake()
    sink.server.close("CP-1", 1000, "bye")
    await sink.until(lambda: sink.closed)
    assert sink.closed == [("CP-1", 1000, "bye")]
    await raw.close()


async def test_stop_is_bounded_when_a_station_ignores_it(sink: BenchSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "STOP_S", 0.05)
    raw = await Raw.to(sink)
    await raw.handshake()
    silent = await Raw.to(sink)
    async with asyncio.timeout(DEADLINE_S):
        await sink.server.stop()
    assert sink.closed == [("CP-1", 1001, "the bench stops")]
    await raw.close()
    await silent.close()
