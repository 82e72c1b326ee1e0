"""Stations registered and configured over the MaEVe API, for real: a bench, its API, and stations that come with a password."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from ocpp.routing import on
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bench.assembly import Bench
from bench.codecs.ocpp import Call
from bench.message import Direction, Link
from bench.session import Session
from bench.tasks import Tasks
from devices.ocpp.dial import basic_auth_header
from fixtures.charger.charger import SimulatedCharger
from tests.devices.api.certificates import a_certificate
from tests.e2e.strangers import Stranger16
from tests.e2e.world import finding, options, running, until

PASSWORD = "correct horse battery"
HASHED = base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()
AUTH = {"securityProfile": 0, "base64SHA256Password": HASHED}


@dataclass
class World:
    bench: Bench
    api: httpx.AsyncClient

    @property
    def session(self) -> Session:
        return self.bench.session

    @property
    def csms(self) -> str:
        assert self.session.server is not None
        return self.session.server.url

    async def post(self, path: str, body: object, status: int = 200) -> None:
        answer = await self.api.post(f"/api/v0{path}", json=body)
        assert answer.status_code == status, answer.text

    async def registered(self, station: str) -> dict[str, Any]:
        told = (await self.api.get("/bench/v1/registered")).json()
        return next(one for one in told["stations"] if one["id"] == station)

    def called(self, station: str) -> list[str]:
        """Actions of our calls to a station, in their order."""
        return [
            message.decoded.name
            for message in self.session.journal.since(0)
            if message.channel == station
            and message.direction is Direction.OUT
            and isinstance(message.decoded.body, Call)
        ]

    def boots(self, station: str) -> list[str]:
        """What its BootNotifications were answered."""
        return [
            message.decoded.body.payload["status"]
            for message in self.session.journal.since(0)
            if message.channel == station
            and (message.decoded.kind, message.decoded.name) == ("CALLRESULT", "BootNotification")
        ]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    async with running(options(folder, api="127.0.0.1:0")) as bench:
        assert bench.api is not None
        async with httpx.AsyncClient(base_url=bench.api.url, trust_env=False, verify=False, timeout=10) as api:
            yield World(bench, api)


@asynccontextmanager
async def charger(
    world: World, identity: str, version: str, password: str = PASSWORD
) -> AsyncIterator[SimulatedCharger]:
    made = SimulatedCharger(None, world.csms, identity=identity, version=version, basic_auth=(identity, password))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@pytest.mark.parametrize(
    ("version", "setting", "action"),
    [
        ("2.0.1", "AuthCtrlr/LocalPreAuthorize", "SetVariables"),
        ("1.6", "LocalPreAuthorize", "ChangeConfiguration"),
    ],
)
async def test_a_registered_station_is_pending_until_it_is_configured(
    tmp_path: Path, version: str, setting: str, action: str
) -> None:
    async with world(tmp_path) as it:
        await it.post("/cs/CP-7", AUTH, 201)
        await it.post(
            "/cs/CP-7/reconfigure", {setting: "false", "Nonsense/Nothing" if version != "1.6" else "Nothing": "1"}
        )
        assert (await it.registered("CP-7"))["waiting"] == 2
        async with charger(it, "CP-7", version) as station:
            assert await station.wait_ready(10)
            assert it.boots("CP-7") == ["Pending", "Accepted"]
            assert it.called("CP-7")[-1] == "TriggerMessage"
            assert action in it.called("CP-7")
            assert not station.station.settings.local_pre_authorize
        told = await it.registered("CP-7")
        assert (told["configured"], told["waiting"], told["security_profile"]) == (True, 0, 1)
        status = {one["name"]: one["status"] for one in told["settings"]}
        assert status.pop(setting) == "Accepted"
        assert list(status.values()) in (["UnknownComponent"], ["NotSupported"])
        assert "did not set N" in await finding(it.session, "maeve.setting-refused", "CP-7")
        assert it.session.stations["CP-7"].security_profile == 1


async def test_without_orders_the_second_boot_is_accepted_and_later_orders_go_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.post("/cs/CP-7", AUTH, 201)
        async with charger(it, "CP-7", "2.0.1") as station:
            assert await station.wait_ready(10)
            assert (it.boots("CP-7"), it.called("CP-7")) == (["Pending", "Accepted"], ["TriggerMessage"])
            await it.post("/cs/CP-7/reconfigure", {"AuthCtrlr/LocalPreAuthorize": "false"})
            await until(it.session, lambda: "SetVariables" in it.called("CP-7"), "the setting")
            await it.post("/cs/CP-7/trigger", {"trigger": "StatusNotification"})
            await until(it.session, lambda: it.called("CP-7").count("TriggerMessage") == 2, "the trigger")
            await it.post("/cs/CP-7/trigger", {"trigger": "SignV2GCertificate"})
            assert "NotImplemented" in await finding(it.session, "maeve.trigger-refused", "send SignV2GCertificate")


async def test_a_wrong_password_a_wrong_user_and_no_password_stay_outside(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.post("/cs/CP-7", AUTH, 201)
        for user, password in (("CP-7", "wrong"), ("CP-8", PASSWORD), (None, "")):
            headers = {} if user is None else {"Authorization": basic_auth_header(user, password)}
            with pytest.raises(InvalidStatus, match="401"):
                async with connect(f"{it.csms}/CP-7", subprotocols=["ocpp2.0.1"], additional_headers=headers):
                    pass
        await it.post("/cs/CP-7", {**AUTH, "invalidUsernameAllowed": True}, 201)
        headers = {"Authorization": basic_auth_header("whoever", PASSWORD)}
        async with connect(f"{it.csms}/CP-7", subprotocols=["ocpp2.0.1"], additional_headers=headers):
            pass
        for profile in (1, 2):
            await it.post("/cs/CP-7", {**AUTH, "securityProfile": profile}, 201)
            with pytest.raises(InvalidStatus, match="403"):
                async with connect(f"{it.csms}/CP-7", subprotocols=["ocpp2.0.1"], additional_headers=headers):
                    pass
        texts = " ".join(one.text for one in it.session.findings)
        assert PASSWORD not in texts
        assert "registered for security profile 3" in texts


async def test_what_is_registered_outlives_the_bench(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.post("/cs/CP-7", AUTH, 201)
        await it.post("/cs/CP-7/reconfigure", {"AuthCtrlr/LocalPreAuthorize": "false"})
        await it.post("/cs/CP-7/trigger", {"trigger": "StatusNotification"})
        await it.post("/register", {"token": "token-a"}, 201)
        before = (await it.api.get("/bench/v1/registered")).json()
    (tmp_path / "capture.db").unlink()
    async with world(tmp_path) as it:
        assert (await it.api.get("/bench/v1/registered")).json() == before
        assert (await it.api.get("/api/v0/cs/CP-7/auth")).json() == {**AUTH, "invalidUsernameAllowed": False}
        async with charger(it, "CP-7", "2.0.1") as station:
            assert await station.wait_ready(10)
            assert it.boots("CP-7") == ["Pending", "Accepted"]
            assert (await it.registered("CP-7"))["waiting"] == 0


async def test_every_exchange_of_the_api_is_in_the_journal_and_in_the_capture_without_secrets(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        await it.post("/cs/CP-7", AUTH, 201)
        await it.api.post("/api/v0/cs/CP-7", json={"securityProfile": 9})
        of_api = [message for message in it.session.journal.since(0) if message.link is Link.MAEVE]
        assert [(message.direction, message.decoded.kind, message.decoded.summary) for message in of_api] == [
            (Direction.IN, "request", "POST /api/v0/cs/CP-7"),
            (Direction.OUT, "response", "201 Created"),
            (Direction.IN, "request", "POST /api/v0/cs/CP-7"),
            (Direction.OUT, "response", "400 Bad Request"),
        ]
        shown = (await it.api.get("/bench/v1/messages", params={"filter": "link:maeve"})).text
        assert "securityProfile" in shown
        assert HASHED not in shown


class Registered16(Stranger16):
    """A station of the ``ocpp`` package that is configured, reset and triggered."""

    def __init__(self, name: str, connection: Any) -> None:
        super().__init__(name, connection)
        self.changed: dict[str, str] = {}
        self.heard: list[str] = []
        self.reset = asyncio.Event()

    @on("ChangeConfiguration")
    def change(self, key: str, value: str) -> Any:
        self.changed[key] = value
        return result16.ChangeConfiguration("RebootRequired" if key == "AuthorizationKey" else "Accepted")

    @on("InstallCertificate")
    def install(self, certificate_type: str, certificate: str) -> Any:
        self.heard.append(certificate_type)
        return result16.InstallCertificate("Accepted")

    @on("ExtendedTriggerMessage")
    def trigger(self, requested_message: str, connector_id: int = 0) -> Any:
        self.heard.append(requested_message)
        return result16.ExtendedTriggerMessage("Accepted")

    @on("Reset")
    def reset_(self, type: str) -> Any:
        self.heard.append(f"Reset {type}")
        self.reset.set()
        return result16.Reset("Accepted")


async def test_a_strangers_16_station_is_configured_rebooted_and_gets_the_rest_after_it(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        pem, desk = a_certificate("Root"), it.session.registry.stations
        await it.post("/cs/S-16", AUTH, 201)
        await it.post("/cs/S-16/reconfigure", {"HeartbeatInterval": "60", "AuthorizationKey": "new password 16"})
        wanted = [{"type": kind, "certificate": pem} for kind in ("CSMS", "V2G")]
        await it.post("/cs/S-16/certificates", {"certificates": wanted})
        await it.post("/cs/S-16/trigger", {"trigger": "SignChargingStationCertificate"})
        heard = []
        for boot in ("Pending", "Accepted"):
            tasks = Tasks()
            headers = {"Authorization": basic_auth_header("S-16", PASSWORD)}
            async with connect(f"{it.csms}/S-16", subprotocols=["ocpp1.6"], additional_headers=headers) as connection:
                station = Registered16("S-16", connection)
                tasks.spawn(_serve(station), name="stranger")
                try:
                    answer = await station.call(call16.BootNotification("Model", "Vendor"))
                    assert answer.status == boot
                    if boot == "Pending":
                        assert answer.interval <= 30
                        async with asyncio.timeout(10):
                            await station.reset.wait()
                        await until(it.session, lambda: desk.stations[0].provisioned, "the end of the reset")
                        assert station.changed == {"HeartbeatInterval": "60", "AuthorizationKey": "new password 16"}
                    else:
                        await until(it.session, lambda: not desk.stations[0].waiting, "the rest")
                    heard += station.heard
                finally:
                    await tasks.cancel()
        assert heard == ["CentralSystemRootCertificate", "Reset Soft", "SignChargePointCertificate"]
        told = await it.registered("S-16")
        assert [(one["type"], one["status"]) for one in told["certificates"]] == [
            ("CSMS", "Accepted"),
            ("V2G", "Rejected"),
        ]
        assert {one["name"]: (one["value"], one["status"]) for one in told["settings"]} == {
            "HeartbeatInterval": ("60", "Accepted"),
            "AuthorizationKey": ("", "RebootRequired"),
        }
        assert "OCPP 1.6 installs roots for" in await finding(it.session, "maeve.certificate-refused", "S-16")
        shown = (await it.api.get("/bench/v1/messages")).text
        assert "new password 16" not in shown


async def _serve(station: Registered16) -> None:
    try:
        await station.start()
    except ConnectionClosed:
        pass


async def test_a_station_that_comes_back_without_booting_gets_what_waits(tmp_path: Path) -> None:
    async with world(tmp_path) as it:
        tasks = Tasks()
        for visit in (1, 2):
            async with connect(f"{it.csms}/S-16", subprotocols=["ocpp1.6"]) as connection:
                station = Registered16("S-16", connection)
                tasks.spawn(_serve(station), name="stranger")
                try:
                    if visit == 1:
                        await station.call(call16.BootNotification("Model", "Vendor"))
                    else:
                        await station.call(call16.StatusNotification(1, "NoError", "Available"))
                        await until(
                            it.session, lambda: not it.session.registry.stations.stations[0].waiting, "the order"
                        )
                        assert station.changed == {"HeartbeatInterval": "60"}
                finally:
                    await tasks.cancel()
            if visit == 1:
                await until(it.session, lambda: not it.session.stations["S-16"].connected, "the end")
                await it.post("/cs/S-16/reconfigure", {"HeartbeatInterval": "60"})


async def test_two_benches_register_with_each_other_over_ocpi(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with world(tmp_path / "a") as ours, world(tmp_path / "b") as theirs:
        await theirs.post("/register", {"token": "token-a"}, 201)
        await ours.post("/register", {"token": "token-a", "url": f"{theirs.bench.api.url}/ocpi/versions"}, 201)
        for it in (ours, theirs):
            [party] = (await it.api.get("/bench/v1/registered")).json()["parties"]
            assert party["status"] == "REGISTERED"
            assert [(role["country_code"], role["party_id"], role["role"]) for role in party["roles"]] == [
                ("GB", "ABX", "CPO")
            ]
        [mine], [yours] = ours.session.registry.ocpi.parties, theirs.session.registry.ocpi.parties
        assert (mine.token, mine.their_token) == (yours.their_token, yours.token)
        names = [
            m.decoded.name for m in ours.session.journal.since(0) if m.link is Link.OCPI and m.decoded.kind == "request"
        ]
        assert names == [
            "OCPI versions",
            "OCPI version details",
            "OCPI credentials",
            "GET /ocpi/versions",
            "GET /ocpi/2.2",
        ]
        for it in (ours, theirs):
            shown = (await it.api.get("/bench/v1/messages")).text
            for secret in ("token-a", mine.token, yours.token):
                assert secret not in shown
        answer = await theirs.api.get("/ocpi/2.2/credentials", headers={"Authorization": "Token token-a"})
        assert answer.status_code == 401
