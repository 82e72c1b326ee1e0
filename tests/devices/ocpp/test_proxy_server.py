"""The proxy between sockets: what passes, what is meddled with, and how either side's end reaches the other."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bench.errors import LinkDown, NotFound, OperatorError
from bench.message import Direction
from bench.proxy_rules import Deed, Side, make_rule
from devices.ocpp import connection as connection_module
from devices.ocpp import dial as dial_module
from devices.ocpp import proxy as proxy_module
from tests.devices.ocpp.bench_sink import DEADLINE_S
from tests.devices.ocpp.proxy_bench import ProxyBench, proxied

ACCEPTED = '[3,"1",{"idTagInfo":{"status":"Accepted"}}]'
AUTHORIZE = '[2,"1","Authorize",{"idTag":"GOOD"}]'
HEARTBEAT = '[2,"2","DataTransfer",{"vendorId":"x"}]'


@pytest.fixture
async def bench() -> AsyncIterator[ProxyBench]:
    async with proxied() as made:
        yield made


async def said(client: ClientConnection) -> str | bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await client.recv()


async def closed(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as ended:
        await said(client)
    close = ended.value.rcvd
    return (int(close.code), close.reason) if close is not None else (1006, "")


async def refused(bench: ProxyBench, *args: str, **more: object) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as told:
        async with bench.station(*args, **more):
            pass
    return told.value.response.status_code, told.value.response.body.decode()


# Passing on


async def test_frames_pass_unchanged_both_ways_and_are_journaled(bench: ProxyBench) -> None:
    spaced = '[2, "1",\t"Authorize", {"idTag":"GO\\u004fD"}]'
    async with bench.station() as client:
        await client.send(spaced)
        assert await said(client) == ACCEPTED
        answer = asyncio.gather(bench.csms.call("CP-1", "ClearCache"))
        call = str(await said(client))
        await client.send(f'[3,  "{call.split(chr(34))[1]}",{{"status":"Accepted"}}]')
        assert (await answer)[0].payload == {"status": "Accepted"}
    assert [m.raw for m in bench.csms.journal.since(0)] == [m.raw for m in bench.here.journal.since(0)][:4]
    assert bench.said("station")[0] == spaced.encode()
    kinds = [(m.direction, m.decoded.kind, m.decoded.name) for m in bench.here.journal.since(0)][:4]
    assert kinds == [
        (Direction.IN, "CALL", "Authorize"),
        (Direction.OUT, "CALLRESULT", "Authorize"),
        (Direction.OUT, "CALL", "ClearCache"),
        (Direction.IN, "CALLRESULT", "ClearCache"),
    ]


async def test_the_csms_chooses_the_version_and_gets_the_credentials(bench: ProxyBench) -> None:
    secret = base64.b64encode(b"CP-2:hidden").decode()
    headers = {"Authorization": f"Basic {secret}"}
    async with bench.station("ws/CP-2", "ocpp1.6", "ocpp2.0.1", additional_headers=headers) as client:
        assert client.subprotocol == "ocpp2.0.1"
        there, here = bench.csms.opened[0], bench.here.opened[0]
        assert (there.station, there.version, there.user) == ("CP-2", "2.0.1", "CP-2")
        assert (here.station, here.version, here.offered) == ("CP-2", "2.0.1", ("ocpp1.6", "ocpp2.0.1"))
    assert not any(secret.encode() in m.raw for m in bench.here.journal.since(0))


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_newer_versions_are_read_as_such(bench: ProxyBench, version: str) -> None:
    payload = '{"idToken":{"idToken":"G","type":"ISO14443"}}'
    async with bench.station("CP-3", f"ocpp{version}") as client:
        await client.send(f'[2,"1","Authorize",{payload}]')
        assert '"Accepted"' in str(await said(client))
        await client.send(f'[2,"2","Authorize",{payload[:-1]},"odd":1}}]')
        await said(client)
    right, _, wrong, refusal = (m for m in bench.here.journal.since(0) if m.meta)
    assert (right.decoded.faults, wrong.decoded.faults[0].rule) == ((), "ocpp.schema.additionalProperties")
    assert refusal.decoded.kind == "CALLERROR"
    assert {station.version for station in bench.here.stations.values()} == {version}


async def test_five_megabytes_and_a_burst_in_order(bench: ProxyBench) -> None:
    big = '[2,"big","DataTransfer",{"vendorId":"x","data":"' + "y" * 5_000_000 + '"}]'
    async with bench.station() as client:
        await client.send(big)
        for number in range(200):
            await client.send(f'[2,"{number}","DataTransfer",{{"vendorId":"x"}}]')
        assert await said(client) == '[3,"big",{"status":"UnknownVendorId"}]'
        for number in range(200):
            assert await said(client) == f'[3,"{number}",{{"status":"UnknownVendorId"}}]'
    assert bench.csms.journal.since(0)[0].raw == big.encode()


async def test_binary_stays_binary() -> None:
    async def echo(there: ServerConnection) -> None:
        async for message in there:
            await there.send(message)

    async with (
        serve(echo, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server,  # type: ignore[list-item]
        proxied(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}") as bench,  # type: ignore[index]
        bench.station() as client,
    ):
        await client.send(b"\x00\xff")
        assert await said(client) == b"\x00\xff"
        await client.send("text")
        assert await said(client) == "text"
        assert bench.here.journal.since(0)[0].meta == {"side": "station", "binary": True}


# Meddling


async def test_hold_and_release(bench: ProxyBench) -> None:
    bench.rules(make_rule("name=Authorize", Deed.HOLD, side=Side.STATION))
    async with bench.station() as client:
        await client.send(AUTHORIZE)
        await client.send(HEARTBEAT)
        await bench.until_waiting(2)
        held, behind = bench.desk.waiting("CP-1")
        assert (held.held, behind.held) == (True, False)
        assert bench.csms.journal.head == 0
        bench.desk.release("CP-1", held.seq, payload={"idTag": "BAD"})
        assert await said(client) == '[3,"1",{"idTagInfo":{"status":"Blocked"}}]'
        assert await said(client) == '[3,"2",{"status":"UnknownVendorId"}]'
    edited = [m for m in bench.here.journal.since(0) if m.injected]
    assert [(m.raw, m.meta) for m in edited] == [
        (b'[2,"1","Authorize",{"idTag":"BAD"}]', {"side": "station", "note": "message 1 as it was passed on"})
    ]
    assert bench.said("station")[0] == AUTHORIZE.encode()
    assert "message 1 released by the operator" in bench.notes()


async def test_edit(bench: ProxyBench) -> None:
    bench.rules(make_rule("name=Authorize", Deed.EDIT, side=Side.CSMS, patch={"idTagInfo": {"status": "Expired"}}))
    async with bench.station() as client:
        await client.send(AUTHORIZE)
        assert await said(client) == '[3,"1",{"idTagInfo":{"status":"Expired"}}]'
    assert bench.said("csms")[0] == ACCEPTED.encode()


async def test_delay(bench: ProxyBench) -> None:
    bench.rules(make_rule("name=Authorize", Deed.DELAY, side=Side.STATION, delay_ms=120))
    async with bench.station() as client:
        await client.send(AUTHORIZE)
        assert await said(client) == ACCEPTED
    came, there = bench.here.journal.since(0)[0], bench.csms.journal.since(0)[0]
    assert 120 <= (there.mono_ns - came.mono_ns) / 1e6 < 2000


async def test_drop(bench: ProxyBench) -> None:
    bench.rules(make_rule("name=Authorize", Deed.DROP, side=Side.STATION, times=1))
    async with bench.station() as client:
        await client.send(AUTHORIZE)
        await client.send(HEARTBEAT)
        assert await said(client) == '[3,"2",{"status":"UnknownVendorId"}]'
    assert [m.raw for m in bench.csms.journal.since(0)][0] == HEARTBEAT.encode()
    assert bench.said("station") == [AUTHORIZE.encode(), HEARTBEAT.encode()]
    assert "message 1 dropped by the rule name=Authorize" in bench.notes()


async def test_calls_of_the_bench_to_either_side(bench: ProxyBench) -> None:
    async with bench.station() as client:
        answer = await bench.desk.call("CP-1", Side.CSMS, "Authorize", {"idTag": "BAD"})
        assert answer.payload == {"idTagInfo": {"status": "Blocked"}}
        refusal = await bench.desk.call("CP-1", Side.CSMS, "NoSuchAction", {})
        assert refusal.code == "NotImplemented"
        # The window, the API and the list push call stations through the server port.
        asked = asyncio.gather(bench.here.call("CP-1", "ClearCache"))
        call = str(await said(client))
        await client.send('[3,"' + call.split('"')[1] + '",{"status":"Rejected"}]')
        assert (await asked)[0].payload == {"status": "Rejected"}
        await client.send(AUTHORIZE)
        assert await said(client) == ACCEPTED  # and none of the bench's own came to the station in between
    at_csms = [m.decoded.name for m in bench.csms.journal.since(0) if m.direction is Direction.IN]
    assert at_csms == ["Authorize", "NoSuchAction", "Authorize"]  # nor a ClearCache answer to the CSMS


async def test_an_injected_call_whose_line_ends_or_that_is_not_answered(bench: ProxyBench) -> None:
    async with bench.station() as client:
        asked = asyncio.gather(bench.desk.call("CP-1", Side.STATION, "ClearCache", {}))
        await said(client)
        client.transport.abort()
        with pytest.raises(LinkDown, match="closed before the answer"):
            await asked
    with pytest.raises(NotFound, match="no station CP-1"):
        await bench.desk.call("CP-1", Side.CSMS, "Heartbeat", {})
    with pytest.raises(LinkDown):
        bench.proxy.send("CP-1", b"[]")
    bench.desk._call_timeout_s = 0.05
    async with bench.station():
        with pytest.raises(OperatorError, match="did not answer ClearCache in time"):
            await bench.desk.call("CP-1", Side.STATION, "ClearCache", {})


# Ends


async def test_the_station_closes(bench: ProxyBench) -> None:
    async with bench.station() as client:
        await client.close(3000, "maintenance")
    await bench.csms.until(lambda: bench.csms.closed)
    assert bench.csms.closed == [("CP-1", 3000, "maintenance")]
    assert bench.here.closed == [("CP-1", 3000, "maintenance")]
    assert bench.here.findings == []


async def test_a_close_without_a_code_stays_one(bench: ProxyBench) -> None:
    async with bench.station() as client:
        await client.close(None)  # type: ignore[arg-type]
    await bench.csms.until(lambda: bench.csms.closed)
    assert bench.csms.closed == [("CP-1", 1005, "")]


async def test_the_station_breaks_off(bench: ProxyBench) -> None:
    async with bench.station() as client:
        client.transport.abort()
    await bench.csms.until(lambda: bench.csms.closed)
    assert bench.csms.closed[0][:2] == ("CP-1", 1006)


async def test_the_csms_closes(bench: ProxyBench) -> None:
    async with bench.station() as client:
        bench.csms_server.close("CP-1", 4001, "go away")
        assert await closed(client) == (4001, "go away")
    assert bench.here.closed == [("CP-1", 4001, "go away")]
    assert bench.here.findings == [("proxy.upstream-lost", "warn")]


async def test_the_csms_breaks_off(bench: ProxyBench) -> None:
    async with bench.station() as client:
        bench.csms_server._stations["CP-1"].abort()
        assert await closed(client) == (1006, "")
    assert "upstream down" in [m.decoded.name for m in bench.here.journal.since(0)]


async def test_the_last_words_before_a_close_still_pass(bench: ProxyBench) -> None:
    bench.rules(make_rule("name=DataTransfer", Deed.DELAY, side=Side.STATION, delay_ms=60_000))
    async with bench.station() as client:
        await client.send(HEARTBEAT)
    await bench.csms.until(lambda: bench.csms.closed)
    assert [m.raw for m in bench.csms.journal.since(0)][0] == HEARTBEAT.encode()
    assert bench.csms.closed == [("CP-1", 1000, "")]


async def test_a_message_beyond_the_limit_ends_both_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_MESSAGE", 1000)
    async with proxied() as bench, bench.station() as client:
        await client.send("x" * 1001)
        assert (await closed(client))[0] == 1009
        await bench.csms.until(lambda: bench.csms.closed)
        assert bench.csms.closed[0][1] == 1009


async def test_stopping_tells_both_sides() -> None:
    async with proxied() as bench:
        client = await bench.station()
        await bench.proxy.stop()
        assert await closed(client) == (1001, "the bench stops")
        await bench.csms.until(lambda: bench.csms.closed)
        assert bench.csms.closed == [("CP-1", 1001, "the bench stops")]


async def test_a_station_that_connects_again_replaces_itself(bench: ProxyBench) -> None:
    first = await bench.station()
    async with bench.station() as second:
        assert (await closed(first))[0] == 1000
        await second.send(AUTHORIZE)
        assert await said(second) == ACCEPTED
        assert len(bench.here.opened) == 2
    assert bench.here.closed[0][:2] == ("CP-1", 1000)


async def test_a_hundred_stations_whose_csms_takes_its_time() -> None:
    """After a power cut: more of them wait for their CSMS than may stand in an unfinished handshake."""
    asked = asyncio.Semaphore(0)
    go_on = asyncio.Event()

    async def slow(there: ServerConnection, request: object) -> None:
        asked.release()
        await go_on.wait()

    async with (
        asyncio.timeout(6 * DEADLINE_S),
        serve(
            lambda there: there.wait_closed(), "127.0.0.1", 0, subprotocols=["ocpp1.6"], process_request=slow
        ) as server,  # type: ignore[list-item]
        proxied(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}") as bench,  # type: ignore[index]
    ):
        dialling = []
        for batch in range(4):
            names = [f"CP-{batch}-{number}" for number in range(25)]
            dialling.append(asyncio.gather(*(bench.station(name) for name in names)))
            for _ in names:
                await asked.acquire()
        go_on.set()
        for clients in [await some for some in dialling]:
            await asyncio.gather(*(client.close() for client in clients))
        assert len(bench.here.opened) == 100
        assert bench.here.findings == []


# Refusals


async def test_no_csms_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody is there, and nobody else will be
        async with proxied(f"ws://127.0.0.1:{taken.getsockname()[1]}") as bench:
            status, body = await refused(bench)
            assert status == 502
            assert "cannot be reached" in body
            assert bench.here.findings == [("proxy.upstream-down", "fail")]
            assert "station CP-1 at 127.0.0.1:" in bench.here.texts[0]
            assert bench.here.opened == []


async def test_a_csms_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "DIAL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with proxied(f"ws://127.0.0.1:{mute.getsockname()[1]}") as bench:
            assert (await refused(bench))[0] == 503
            assert bench.here.findings == [("proxy.upstream-down", "fail")]


async def test_stopping_does_not_wait_for_a_csms_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with proxied(f"ws://127.0.0.1:{mute.getsockname()[1]}") as bench:
            waiting = asyncio.gather(refused(bench))
            there, _ = await asyncio.get_running_loop().run_in_executor(None, mute.accept)
            async with asyncio.timeout(DEADLINE_S / 2):
                await bench.proxy.stop()
                assert (await waiting)[0][0] == 503
            there.close()


async def test_a_station_that_leaves_while_its_csms_is_dialled() -> None:
    asked, go_on, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(there: ServerConnection, request: object) -> None:
        asked.set()
        await go_on.wait()

    async def serving(there: ServerConnection) -> None:
        await there.wait_closed()
        gone.set()

    async with (
        asyncio.timeout(DEADLINE_S),
        serve(serving, "127.0.0.1", 0, subprotocols=["ocpp1.6"], process_request=slow) as server,  # type: ignore[list-item]
        proxied(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}") as bench,  # type: ignore[index]
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", bench.proxy.port)
        writer.write(
            b"GET /CP-1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
        )
        await asked.wait()
        writer.transport.abort()
        go_on.set()
        await gone.wait()


async def test_a_csms_that_knows_no_such_station(bench: ProxyBench) -> None:
    status, body = await refused(bench, "STRANGER")
    assert status == 404
    assert "refused the station with HTTP 404" in body
    assert bench.here.findings == [("proxy.upstream-refused", "fail")]


async def test_a_csms_that_chooses_no_version() -> None:
    async with (
        serve(lambda there: there.wait_closed(), "127.0.0.1", 0) as server,
        proxied(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}") as bench,  # type: ignore[index]
    ):
        assert (await refused(bench))[0] == 502
        assert bench.here.findings == [("proxy.no-common-version", "fail")]


async def test_stations_that_cannot_be_passed_on(bench: ProxyBench) -> None:
    assert (await refused(bench, "UNKNOWN"))[0] == 404
    assert (await refused(bench, "CP-1", "soap"))[0] == 400
    assert (await refused(bench, "a/b"))[0] == 404
    rules = [rule for rule, _ in bench.here.findings]
    assert rules == ["ocpp.unknown-station", "ocpp.no-common-version", "ocpp.wrong-path"]
    assert bench.csms.opened == []


async def test_what_is_no_websocket_is_told_and_leaves_nothing(bench: ProxyBench) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.proxy.port)
    writer.write(b"GARBAGE\r\n\r\n")
    async with asyncio.timeout(DEADLINE_S):
        await reader.read()
    writer.close()
    await bench.here.until(lambda: bench.here.findings)
    assert bench.here.findings == [("ocpp.not-websocket", "warn")]


async def test_a_port_that_is_taken(bench: ProxyBench) -> None:
    other = ProxyBench()
    await other.csms_server.start(other.csms)
    twin = proxy_module.ProxyServer(
        "127.0.0.1", bench.proxy.port, "ws://127.0.0.1:1", other.desk, stations_allowed=lambda station: True
    )
    with pytest.raises(OperatorError, match="in use by another program"):
        await twin.start(other.here)
    await other.csms_server.stop()


async def test_a_fault_of_ours_while_dialling_is_an_answer_and_no_silence(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*args: object) -> str:
        raise RuntimeError("a bug")

    async with proxied() as bench:
        bench.proxy._dial = broken  # type: ignore[method-assign, assignment]
        assert (await refused(bench))[0] == 500
        assert "task dial CSMS failed" in caplog.text
        caplog.clear()
        assert bench.here.findings == [("ocpp.bug", "fail")]
