"""Stations that break the WebSocket protocol, or hold to it badly: each ends in the right state and is told once."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bench.assembly import Bench
from bench.errors import LinkDown, OperatorError
from bench.exchange import Verdict
from bench.secret import secret_variable
from bench.settings import OcppSettings, Profile, SecuritySettings
from devices.ocpp import connection as connection_module
from devices.ocpp.certificates import make
from fixtures.bad_station import Vice, bad_station
from fixtures.charger.credentials import credentials
from tests.e2e.plain_socket import CLOSE, PING, TEXT, Plain, frame, nobody_left, plain_station
from tests.e2e.strangers import raw_station
from tests.e2e.world import finding, options, profile, running, until

PASSWORD = "a-password-of-16-or-more"
HEARTBEAT = b'[2,"1","Heartbeat",{}]'


def rules(bench: Bench) -> list[str]:
    return [one.rule for one in bench.session.findings]


async def offline(bench: Bench, name: str = "CP-9") -> None:
    """The station is gone, and nothing of its connection is left."""
    session = bench.session
    await until(session, lambda: not session.stations[name].connected, f"{name} is offline")
    await nobody_left(session)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (frame(TEXT, b'[2,"1"', says=100), "stream ends after 6 bytes, expected 100 bytes"),
        (frame(TEXT, b"", says=100), "stream ends after 0 bytes, expected 100 bytes"),
        (b"\x81", "stream ends after 1 bytes, expected 2 bytes"),
        (frame(TEXT, b'[2,"1"', fin=False) + frame(0, b",", fin=False), "2 frames of it came, the last did not"),
    ],
)
@pytest.mark.parametrize("how", [Plain.end, Plain.reset])
async def test_one_that_breaks_off_in_the_middle_of_a_message(
    tmp_path: Path, written: bytes, says: str, how: object
) -> None:
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        station.write(frame(TEXT, HEARTBEAT) + written)
        await station.read_frame()  # the answer to the first: the rest has arrived with it
        how(station)  # type: ignore[operator]
        await finding(bench.session, "ocpp.broken-off", f"CP-9 broke off in the middle of a message: {says}")
        await offline(bench)
        assert rules(bench) == ["ocpp.broken-off"]
        down = next(m for m in bench.session.journal.since(0) if m.decoded.name == "down")
        assert down.decoded.summary == "closed, code 1006: it broke off in the middle of a message"


async def test_one_that_is_cut_off_between_messages_is_nothing_special(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        station.write(frame(TEXT, HEARTBEAT))
        await station.read_frame()
        station.reset()
        await offline(bench)
        assert rules(bench) == []


async def test_what_breaks_off_after_our_close_is_nobody_s_loss(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        station.write(frame(TEXT, HEARTBEAT) + frame(TEXT, b"[2,", says=50))
        await station.read_frame()
        bench.session.server.close("CP-9", 1000, "enough")
        await station.read_frame()
        station.end()
        await offline(bench)
        assert rules(bench) == []


async def test_one_that_breaks_off_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path / "tls")
    security = SecuritySettings(profile=2, certificate=made[1].certificate, key=made[1].key)
    monkeypatch.setenv(secret_variable("ocpp:CP-9"), PASSWORD)
    login = "Authorization: Basic " + base64.b64encode(f"CP-9:{PASSWORD}".encode()).decode()
    tls = credentials(security, "CP-9", PASSWORD).tls
    asked = options(tmp_path, profile=Profile(ocpp=OcppSettings(security=security)))
    async with running(asked) as bench:
        for how in (Plain.end, Plain.reset):
            bench.session.findings.clear()
            async with plain_station(bench.session, "CP-9", "1.6", login, tls=tls) as station:
                station.write(frame(TEXT, HEARTBEAT) + frame(TEXT, b"[2,", says=50))
                await station.read_frame()
                how(station)
                await finding(bench.session, "ocpp.broken-off", "stream ends after 3 bytes, expected 50 bytes")
            await offline(bench)
            assert rules(bench) == ["ocpp.broken-off"]


async def test_one_that_breaks_off_under_a_call_of_ours_is_told_both(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        async with bad_station(bench.session.server.url, Vice.BREAKING):
            with pytest.raises(LinkDown):
                await bench.session.clear_cache("BAD-1")
            await offline(bench, "BAD-1")
        assert sorted(rules(bench)) == ["ocpp.broken-off", "ocpp.no-answer"]


@pytest.mark.parametrize("answers", [True, False])
async def test_one_that_never_ends_after_our_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    monkeypatch.setattr(connection_module, "CLOSE_S", 0.1)
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        bench.session.server.close("CP-9", 1000, "enough")
        opcode, payload = await station.read_frame()
        assert (opcode, payload) == (CLOSE, b"\x03\xe8enough")
        for number in range(3):  # it goes on talking: that gives it no more time
            station.write(frame(TEXT, b'[2,"%d","Heartbeat",{}]' % number))
        if answers:
            station.write(frame(CLOSE, payload))
        await finding(bench.session, "ocpp.no-close", "CP-9 did not end its connection within")
        await offline(bench)
        assert await station.ended() == b""
        assert rules(bench) == ["ocpp.no-close"]


async def test_one_that_closes_as_it_should_is_not_told(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench, raw_station(bench.session.server.url):
        bench.session.server.close("RAW-1", 1000, "enough")
        await offline(bench, "RAW-1")
        assert rules(bench) == []


async def test_one_that_does_not_answer_a_ping(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        bench.session.server.ping_s = 0.1  # type: ignore[union-attr]
        async with plain_station(bench.session) as station:
            assert await station.read_frame() == (PING, b"")
            await finding(bench.session, "ocpp.connection-dropped", "CP-9 was dropped: no sign of life for")
            await offline(bench)
            assert rules(bench) == ["ocpp.connection-dropped"]


async def test_a_frame_of_more_than_16_mib(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        station.write(frame(TEXT, b"[2,", says=16 * 2**20 + 1))
        opcode, payload = await station.read_frame()
        assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf1")  # 1009
        station.end()
        await finding(bench.session, "ocpp.message-too-big", "CP-9 sent a message of more than 16 MiB")
        await offline(bench)
        assert rules(bench) == ["ocpp.message-too-big"]


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_text_that_is_no_utf_8(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as bench, plain_station(bench.session, "CP-9", version) as station:
        station.write(frame(TEXT, b'[2,"bad","Heartbeat\xff",{}]') + frame(TEXT, HEARTBEAT))
        answer = json.loads((await station.read_frame())[1])
        code = "FormationViolation" if version == "1.6" else "RpcFrameworkError"
        assert answer[:3] == [4, "bad", code]
        assert json.loads((await station.read_frame())[1])[:2] == [3, "1"]  # it goes on
        told = [one.text for one in bench.session.findings]
        assert len(told) == 1
        assert "not UTF-8" in told[0]
        assert bench.session.stations["CP-9"].connected


async def test_a_message_in_10_000_pieces(tmp_path: Path) -> None:
    message = b'[2,"1","DataTransfer",{"vendorId":"x","data":"' + b"y" * 9950 + b'"}]'
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        first, last = message[:1], message[-1:]
        for _ in range(2):
            pieces = [frame(TEXT, first, fin=False)]
            pieces += [frame(0, message[at : at + 1], fin=False) for at in range(1, len(message) - 1)]
            station.write(b"".join(pieces) + frame(0, last))
            assert json.loads((await station.read_frame())[1])[:2] == [3, "1"]
        assert any(m.raw == message for m in bench.session.journal.since(0))
        told = await finding(bench.session, "ocpp.fragments", f"in {len(message)} WebSocket frames; read all the same")
        assert f"a message of {len(message)} bytes" in told
        assert rules(bench).count("ocpp.fragments") == 1


async def test_pieces_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_PIECES", 500)
    async with running(options(tmp_path)) as bench, plain_station(bench.session) as station:
        station.write(frame(TEXT, b"[", fin=False) + frame(0, b"", fin=False) * 1000)
        await finding(bench.session, "ocpp.connection-dropped", "it sent one message in more than 500 pieces")
        await offline(bench)
        assert rules(bench) == ["ocpp.connection-dropped"]


async def test_two_stations_with_one_id_are_told_once(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session, url = bench.session, bench.session.server.url
        tasks = len(session.tasks)
        one = await connect(f"{url}/TWIN", subprotocols=["ocpp1.6"])  # type: ignore[list-item]
        for _ in range(50):
            other = await connect(f"{url}/TWIN", subprotocols=["ocpp1.6"])  # type: ignore[list-item]
            with pytest.raises(ConnectionClosed, match="replaced by a new connection"):
                await one.recv()
            one = other
        assert session.stations["TWIN"].connected
        assert rules(bench) == ["ocpp.replaced", "ocpp.shared-id"]
        assert "3 times in a row" in session.findings[1].text
        await one.send(HEARTBEAT.decode())
        assert json.loads(await one.recv())[:2] == [3, "1"]
        await one.close()
        await offline(bench, "TWIN")
        assert len(session.tasks) == tasks
        assert not session._board._links


async def test_one_that_is_refused_again_and_again_is_told_some_times(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        for _ in range(30):
            with pytest.raises(Exception, match="HTTP 400"):
                await connect(f"{bench.session.server.url}/OLD", subprotocols=["ocpp1.5"])  # type: ignore[list-item]
        with pytest.raises(Exception, match="HTTP 400"):
            await connect(f"{bench.session.server.url}/NEW", subprotocols=["ocpp1.5"])  # type: ignore[list-item]
        told = [one.text for one in bench.session.findings]
        assert len([text for text in told if "station OLD" in text]) == 5
        assert told[4].endswith("(5 times in a row; not told again until it was quiet for 60 s)")
        assert len(told) == 6  # another one is told all the same


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_refusal_with_a_code_that_no_version_knows(tmp_path: Path, version: str) -> None:
    async with running(options(tmp_path)) as bench, raw_station(bench.session.server.url, version=version) as station:
        asked = asyncio.gather(bench.session.call("RAW-1", "ClearCache", {}))
        call = await station.hear()
        await station.say([4, call[1], "NoCoffee", "the pot is empty", {}])
        (answer,) = await asked
        assert (answer.refused, answer.code, answer.description) == (True, "NoCoffee", "the pot is empty")
        await finding(bench.session, "ocpp.error-code", f"OCPP {version} has no error code 'NoCoffee'")
        assert bench.session.stations["RAW-1"].connected


@pytest.mark.parametrize(
    ("version", "payload", "rule"),
    [
        ("1.6", {"status": "Perhaps"}, "ocpp.schema.enum"),
        ("2.0.1", {}, "ocpp.schema.required"),
        ("2.1", {"status": "Accepted", "more": 1}, "ocpp.schema.additionalProperties"),
    ],
)
async def test_an_answer_that_breaks_its_schema(
    tmp_path: Path, version: str, payload: dict[str, object], rule: str
) -> None:
    async with running(options(tmp_path)) as bench, raw_station(bench.session.server.url, version=version) as station:
        asked = asyncio.gather(bench.session.call("RAW-1", "ClearCache", {}))
        call = await station.hear()
        await station.say([3, call[1], payload])
        (answer,) = await asked
        assert answer.payload == payload  # the operator sees what came
        await finding(bench.session, rule, "RAW-1 ClearCache")
        if version == "2.1":
            assert (await station.hear())[:2] == [5, call[1]]
        again = asyncio.gather(bench.session.call("RAW-1", "ClearCache", {}))
        await station.say([3, (await station.hear())[1], {"status": "Accepted"}])
        assert (await again)[0].payload == {"status": "Accepted"}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("late", [{"status": "Accepted"}, None])
async def test_a_late_answer_is_told_on_its_exchange(tmp_path: Path, version: str, late: dict[str, str] | None) -> None:
    asked = options(tmp_path, profile=profile(call_timeout_s=0.2))
    async with running(asked) as bench, raw_station(bench.session.server.url, version=version) as station:
        session = bench.session
        with pytest.raises(OperatorError, match="no answer in time"):
            await session.remote_start("RAW-1", "ABC")
        exchange = next(reversed(session.exchanges.values()))
        assert exchange.verdict is Verdict.FAILED
        call = await station.hear()
        await station.say([3, call[1], late] if late else [4, call[1], "InternalError", "", {}])
        await finding(session, "ocpp.late-answer", "came after its time had run out")
        hop = exchange.hops[-1]
        assert (hop.name, hop.fault) == ("Accepted" if late else "InternalError", "after the limit")
        assert "ocpp.late-answer" in [one.rule for one in exchange.findings]
        assert exchange.verdict is Verdict.FAILED
        assert session.exchange_of(hop.seq or 0) == exchange.id
