"""A charging station of the plain ``ocpp`` package, through the proxy, to a CSMS: every byte as without it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

from bench.message import Direction
from bench.tasks import Tasks
from devices.ocpp.tls import TlsServer
from tests.devices.ocpp.bench_sink import DEADLINE_S
from tests.devices.ocpp.proxy_bench import ProxyBench, proxied
from tests.devices.ocpp.test_csms_tls import certificate

__all__ = ["certificate"]


class Station16(ChargePoint16):
    @on("ClearCache")
    def clear_cache(self) -> result16.ClearCache:
        return result16.ClearCache(status="Accepted")

    @on("GetLocalListVersion")
    def list_version(self) -> result16.GetLocalListVersion:
        return result16.GetLocalListVersion(list_version=7)

    @on("SendLocalList")
    def send_list(self, **_: Any) -> result16.SendLocalList:
        return result16.SendLocalList(status="Accepted")


class Station201(ChargePoint201):
    @on("ClearCache")
    def clear_cache(self) -> result201.ClearCache:
        return result201.ClearCache(status="Accepted")

    @on("GetLocalListVersion")
    def list_version(self) -> result201.GetLocalListVersion:
        return result201.GetLocalListVersion(version_number=7)

    @on("SendLocalList")
    def send_list(self, **_: Any) -> result201.SendLocalList:
        return result201.SendLocalList(status="Accepted")


@pytest.fixture(autouse=True)
def plain_ocpp(monkeypatch: pytest.MonkeyPatch) -> None:
    # Validation in a thread would leave an executor behind; the check is the same.
    monkeypatch.setattr(ocpp.messages, "ASYNC_VALIDATION", False)
    logging.getLogger("ocpp").setLevel(logging.WARNING)


@asynccontextmanager
async def running(station: Any) -> AsyncIterator[None]:
    tasks = Tasks()
    tasks.spawn(station.start(), name="stranger")
    try:
        yield
    finally:
        await tasks.cancel()


def assert_identical(bench: ProxyBench) -> None:
    """What the CSMS received and sent is what the proxy saw of station and CSMS, byte for byte and in order."""
    at_csms = bench.csms.journal.since(0)
    assert bench.said("station") == [m.raw for m in at_csms if m.direction is Direction.IN]
    assert bench.said("csms") == [m.raw for m in at_csms if m.direction is Direction.OUT]
    assert not [fault for m in bench.here.journal.since(0) for fault in m.decoded.faults]
    assert bench.here.findings == bench.csms.findings == []


async def test_16() -> None:
    async with proxied() as bench, bench.station("CP-16") as socket:
        station = Station16("CP-16", socket, response_timeout=DEADLINE_S)
        async with running(station):
            boot = await station.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
            assert boot.status == "Accepted"
            good = await station.call(call16.Authorize(id_tag="GOOD"))
            bad = await station.call(call16.Authorize(id_tag="BAD"))
            assert (good.id_tag_info["status"], bad.id_tag_info["status"]) == ("Accepted", "Blocked")
            entry = {"idTag": "GOOD", "idTagInfo": {"status": "Accepted"}}
            pushed = await bench.csms.call(
                "CP-16", "SendLocalList", listVersion=7, localAuthorizationList=[entry], updateType="Full"
            )
            version = await bench.csms.call("CP-16", "GetLocalListVersion")
            cleared = await bench.csms.call("CP-16", "ClearCache")
        assert pushed is not None
        assert version is not None
        assert cleared is not None
        assert (pushed.payload, version.payload) == ({"status": "Accepted"}, {"listVersion": 7})
        assert cleared.payload == {"status": "Accepted"}
        assert_identical(bench)


async def test_201() -> None:
    async with proxied() as bench, bench.station("CP-201", "ocpp2.0.1") as socket:
        station = Station201("CP-201", socket, response_timeout=DEADLINE_S)
        async with running(station):
            plate = {"model": "M", "vendor_name": "V"}
            boot = await station.call(call201.BootNotification(charging_station=plate, reason="PowerUp"))
            assert boot.status == "Accepted"
            token = {"id_token": "BAD", "type": "ISO14443"}
            bad = await station.call(call201.Authorize(id_token=token))
            assert bad.id_token_info["status"] == "Blocked"
            entry = {"idToken": {"idToken": "G", "type": "ISO14443"}, "idTokenInfo": {"status": "Accepted"}}
            pushed = await bench.csms.call(
                "CP-201", "SendLocalList", versionNumber=7, localAuthorizationList=[entry], updateType="Full"
            )
            version = await bench.csms.call("CP-201", "GetLocalListVersion")
            cleared = await bench.csms.call("CP-201", "ClearCache")
        assert pushed is not None
        assert version is not None
        assert cleared is not None
        assert (pushed.payload, version.payload) == ({"status": "Accepted"}, {"versionNumber": 7})
        assert cleared.payload == {"status": "Accepted"}
        assert_identical(bench)


async def test_tls_on_either_side(certificate: Any) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=str(certificate))
    async with proxied(tls=TlsServer(server), upstream_ssl=client, csms_ssl=server) as bench:
        assert bench.proxy.url.startswith("wss://")
        assert bench.csms_server.url.startswith("wss://")
        async with bench.station("CP-16", ssl=client) as socket:
            station = Station16("CP-16", socket, response_timeout=DEADLINE_S)
            async with running(station):
                good = await station.call(call16.Authorize(id_tag="GOOD"))
                assert good.id_tag_info["status"] == "Accepted"
        assert_identical(bench)


async def test_a_csms_whose_certificate_is_not_trusted(certificate: Any) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    async with proxied(upstream_ssl=ssl.create_default_context(), csms_ssl=server) as bench:
        with pytest.raises(Exception, match="HTTP 502"):
            async with asyncio.timeout(DEADLINE_S), bench.station("CP-16"):
                pass
        assert bench.here.findings == [("proxy.upstream-tls", "fail")]
        assert "certificate" in bench.here.texts[0]
