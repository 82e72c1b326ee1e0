"""A CSMS written by someone else, with the ``ocpp`` package and its validation on, whose station the bench is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import ocpp.messages
import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.authorization import TapRequest
from bench.codecs.ocpp import CallError
from bench.exchange import DecidedBy, Exchange, Verdict
from bench.ports import LinkState
from bench.session import Session
from bench.settings import BusSettings, CsmsSettings, OcppSettings, Profile
from bench.station_role.keep import RoleFile
from bench.tokens.store import TokenStore
from devices.ocpp.station import CsmsConnection

DEADLINE_S = 5.0
TIME = "2030-01-01T00:00:00Z"
GOOD, BAD, OTHER = "04A2B3C4D5E680", "04B10C4ED08280", "04DEADBEEF0102"
IDENTITY = "CP-1"


def status_of(uid: str) -> str:
    return {GOOD: "Accepted", BAD: "Blocked"}.get(uid, "Invalid")


class Csms16(ChargePoint16):
    @on("BootNotification")
    def boot(self, **told: Any) -> Any:
        return result16.BootNotification(TIME, 300, "Accepted")

    @on("StatusNotification")
    def status(self, **told: Any) -> Any:
        return result16.StatusNotification()

    @on("Authorize")
    def authorize(self, id_tag: str) -> Any:
        return result16.Authorize({"status": status_of(id_tag)})


class Csms201(ChargePoint201):
    @on("BootNotification")
    def boot(self, **told: Any) -> Any:
        return result201.BootNotification(TIME, 300, "Accepted")

    @on("StatusNotification")
    def status(self, **told: Any) -> Any:
        return result201.StatusNotification()

    @on("Authorize")
    def authorize(self, id_token: dict[str, Any], **more: Any) -> Any:
        return result201.Authorize({"status": status_of(id_token["id_token"])})


class Stranger:
    """Listens; station: the last one that connected, to be called."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.station: ChargePoint16 | ChargePoint201 | None = None
        self.paths: list[str] = []
        self.refuse: HTTPStatus | None = None
        self._server: Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    async def start(self, **more: Any) -> None:
        async def admit(connection: ServerConnection, request: Any) -> Any:
            return None if self.refuse is None else connection.respond(self.refuse, "no\n")

        names: list[Any] = [f"ocpp{self.version}"]
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, subprotocols=names, process_request=admit, **more
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def call(self, request: Any) -> Any:
        assert self.station is not None
        return await self.station.call(request, suppress=False)

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.paths.append(socket.request.path)
        made = Csms16 if self.version == "1.6" else Csms201
        self.station = made(IDENTITY, socket, response_timeout=DEADLINE_S)
        try:
            await self.station.start()
        except ConnectionClosed:
            pass


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    # Validation in a thread would leave an executor behind; the check is the same.
    monkeypatch.setattr(ocpp.messages, "ASYNC_VALIDATION", False)
    logging.getLogger("ocpp").setLevel(logging.WARNING)


@asynccontextmanager
async def station(folder: Path, url: str, *versions: str, **more: Any) -> AsyncIterator[Session]:
    """A session that is only a station, with the real socket."""
    csms = CsmsSettings(url=url, identity=IDENTITY, versions=versions)  # type: ignore[arg-type]
    session = Session(
        Profile(ocpp=OcppSettings(csms=csms), bus=BusSettings(url="off")),
        TokenStore(f"sqlite:///{folder / 'tokens.db'}"),
        csms=CsmsConnection(url, IDENTITY, versions, first_retry_s=0.05, **more),
        keeper=RoleFile(folder / "station.json"),
    )
    await session.start()
    try:
        yield session
    finally:
        await session.stop()


async def until(session: Session, true: Callable[[], object]) -> None:
    news = asyncio.Event()
    unsubscribe = session.subscribe(lambda change, key: news.set())
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                news.clear()
                await news.wait()
    finally:
        unsubscribe()


async def booted(session: Session) -> None:
    assert session.role is not None
    assert await session.role.wait_ready(DEADLINE_S)


async def tap(session: Session, uid: str) -> Exchange:
    return await session.wait_closed(session.present(TapRequest(uid)).id, DEADLINE_S)


def send_list(version: str, kind: str, number: int, entries: dict[str, str | None]) -> Any:
    if version == "1.6":
        listed: list[Any] = [
            {"idTag": uid} | ({"idTagInfo": {"status": status}} if status else {}) for uid, status in entries.items()
        ]
        return call16.SendLocalList(number, kind, listed)
    listed = [
        {"idToken": {"idToken": uid, "type": "ISO14443"}} | ({"idTokenInfo": {"status": status}} if status else {})
        for uid, status in entries.items()
    ]
    return call201.SendLocalList(number, kind, listed)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_boots_authorizes_and_keeps_list_and_cache(tmp_path: Path, version: str) -> None:
    stranger = Stranger(version)
    call: Any = call16 if version == "1.6" else call201
    await stranger.start()
    async with station(tmp_path, stranger.url, version) as session:
        await booted(session)
        assert stranger.paths == ["/ocpp/CP-1"]
        good, bad, other = await tap(session, GOOD), await tap(session, BAD), await tap(session, OTHER)
        assert (good.verdict, good.decided_by) == (Verdict.ACCEPTED, DecidedBy.CSMS)
        assert [(e.verdict, e.reason) for e in (bad, other)] == [
            (Verdict.REJECTED, "blocked"),
            (Verdict.REJECTED, "invalid"),
        ]
        assert (await tap(session, GOOD)).decided_by is DecidedBy.CACHE
        assert (await stranger.call(call.ClearCache())).status == "Accepted"
        assert (await tap(session, GOOD)).decided_by is DecidedBy.CSMS

        assert (
            await stranger.call(send_list(version, "Full", 1, {OTHER: "Accepted", GOOD: "Blocked"}))
        ).status == "Accepted"
        changes = {GOOD: None, BAD: "Accepted"}
        assert (await stranger.call(send_list(version, "Differential", 2, changes))).status == "Accepted"
        assert (await stranger.call(send_list(version, "Differential", 2, changes))).status == "VersionMismatch"
        told = await stranger.call(call.GetLocalListVersion())
        assert (told.list_version if version == "1.6" else told.version_number) == 2
        assert (await tap(session, OTHER)).decided_by is DecidedBy.LIST

        if version == "1.6":
            keys = await stranger.call(call16.GetConfiguration(["LocalAuthListEnabled", "Nonsense"]))
            assert (keys.configuration_key[0]["value"], keys.unknown_key) == ("true", ["Nonsense"])
            assert (await stranger.call(call16.ChangeConfiguration("LocalPreAuthorize", "false"))).status == "Accepted"
        else:
            item = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "LocalPreAuthorize"}}
            read = await stranger.call(call201.GetVariables([item]))
            assert read.get_variable_result[0]["attribute_value"] == "true"
            written = await stranger.call(call201.SetVariables([{**item, "attributeValue": "false"}]))
            assert written.set_variable_result[0]["attribute_status"] == "Accepted"

        await stranger.stop()
        await until(session, lambda: session.links["csms"].state is LinkState.FAULTY)
        offline, unknown = await tap(session, BAD), await tap(session, "0400000000")
        assert (offline.verdict, offline.decided_by) == (Verdict.ACCEPTED, DecidedBy.LIST)
        assert (unknown.verdict, unknown.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
        await stranger.start()
        await until(session, lambda: session.links["csms"].state is LinkState.UP)
        assert (await tap(session, GOOD)).decided_by is DecidedBy.CSMS  # LocalPreAuthorize is off
        assert [f.rule for f in session.findings] == ["role.csms-down", "role.offline"]
        assert not [m for m in session.journal.since(0) if m.decoded.faults or isinstance(m.decoded.body, CallError)]
    await stranger.stop()


async def test_the_csms_dies_in_the_middle_of_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: Csms201, **asked: Any) -> Any:
        self._connection.transport.abort()
        return result201.Authorize({"status": "Accepted"})

    die._on_action = "Authorize"  # type: ignore[attr-defined]
    die._skip_schema_validation = False  # type: ignore[attr-defined]
    die._call_unique_id_required = False  # type: ignore[attr-defined]
    monkeypatch.setattr(Csms201, "authorize", die)
    stranger = Stranger("2.0.1")
    await stranger.start()
    async with station(tmp_path, stranger.url, "2.0.1") as session:
        await booted(session)
        exchange = await tap(session, GOOD)
        assert (exchange.verdict, exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
        assert [f.rule for f in exchange.findings] == ["role.offline"]
        await until(session, lambda: session.links["csms"].state is LinkState.UP)
        assert len(stranger.paths) == 2
    await stranger.stop()


@pytest.mark.parametrize(
    ("status", "cure"), [(HTTPStatus.UNAUTHORIZED, "password"), (HTTPStatus.NOT_FOUND, "knows this station")]
)
async def test_a_refused_handshake_is_told_once(tmp_path: Path, status: HTTPStatus, cure: str) -> None:
    stranger = Stranger("1.6")
    stranger.refuse = status
    await stranger.start()
    async with station(tmp_path, stranger.url, "1.6") as session:
        await until(session, lambda: session.findings)
        (finding,) = session.findings
        assert (finding.rule, f"HTTP {status.value}" in finding.text) == ("role.csms-refused", True)
        assert cure in finding.cure
        assert session.links["csms"].state is LinkState.FAULTY
        stranger.refuse = None
        await booted(session)
        assert len(session.findings) == 1
    await stranger.stop()


async def test_no_common_version_is_told(tmp_path: Path, expected_log: Callable[[str], None]) -> None:
    expected_log("opening handshake failed")  # the stranger's own
    stranger = Stranger("1.6")
    await stranger.start()
    async with station(tmp_path, stranger.url, "2.0.1") as session:
        await until(session, lambda: session.findings)
        assert (session.findings[0].rule, "HTTP 400" in session.findings[0].text) == ("role.csms-refused", True)
        assert "OCPP versions" in session.findings[0].cure
    await stranger.stop()
