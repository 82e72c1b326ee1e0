"""Settings, list changes and contracts on a running bench, with the simulated charger and with a stranger's frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.csms.plug_and_charge16 import VENDOR
from bench.exchange import Verdict
from bench.tokens.model import AuthorizationStatus
from tests.e2e.strangers import raw_station
from tests.e2e.world import finding, options, running, until

STATION = "CP-001"


async def test_settings_of_the_simulated_charger(tmp_path: Path) -> None:
    async with running(options(tmp_path, charger="sim", mqtt="embedded:0")) as bench:
        session = bench.session
        await until(session, lambda: session.stations.get(STATION) and session.stations[STATION].boot, "boot")
        values = {value.setting.name: value for value in await session.read_settings(STATION)}
        assert values["list-enabled"].value == "true"
        assert values["list-capacity"].known
        written = await session.write_setting(STATION, "cache-enabled", False)
        assert (written.ok, written.read) == (True, "false")
        reported = {value.setting.name: value.value for value in await session.read_settings(STATION)}
        assert reported["cache-enabled"] == "false"


async def test_the_list_changes_by_what_changed(tmp_path: Path) -> None:
    async with running(options(tmp_path, charger="sim", mqtt="embedded:0")) as bench:
        session = bench.session
        await until(session, lambda: session.stations.get(STATION) and session.stations[STATION].boot, "boot")
        first = await session.push_list(STATION)
        assert first.ok
        token = next(token for token in session.store.all() if token.effective_status is AuthorizationStatus.ACCEPTED)
        await session.store.put(replace(token, status=AuthorizationStatus.BLOCKED))
        second = await session.push_list(STATION, "auto")
        assert (second.ok, second.sent) == (True, 1)
        assert second.text.startswith("1 change accepted as version ")
        third = await session.push_list(STATION, "auto")
        assert (third.ok, third.sent) == (True, 0)


async def test_the_base_report_of_the_simulated_charger(tmp_path: Path) -> None:
    async with running(options(tmp_path, charger="sim", mqtt="embedded:0")) as bench:
        session = bench.session
        await until(session, lambda: session.stations.get(STATION) and session.stations[STATION].boot, "boot")
        reported = {value.setting.name: value for value in await session.read_settings(STATION, report=True)}
        read = {value.setting.name: value for value in await session.read_settings(STATION)}
        assert reported["list-enabled"].value == read["list-enabled"].value == "true"
        assert not reported["list-enabled"].read_only


async def test_plug_and_charge_on_16_is_an_exchange_like_any_other(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with raw_station(session.server.url, version="1.6") as station:
            inner = json.dumps({"idToken": {"idToken": "DEABCC12345678", "type": "eMAID"}})
            transfer = {"vendorId": VENDOR, "messageId": "Authorize", "data": inner}
            answer = await station.ask([2, "a", "DataTransfer", transfer])
            assert answer[2]["status"] == "Accepted"
            assert json.loads(answer[2]["data"]) == {"idTokenInfo": {"status": "Unknown"}}
            [exchange] = session.exchanges.values()
            assert (exchange.origin, exchange.verdict, exchange.reason) == ("authorize", Verdict.REJECTED, "unknown")
            # Other vendors' transfers are no taps.
            await station.ask([2, "b", "DataTransfer", {"vendorId": "com.example", "data": inner}])
            assert len(session.exchanges) == 1


@pytest.mark.parametrize("certificate", ["-----BEGIN nothing"])
async def test_a_contract_that_cannot_be_read_ends_the_exchange_as_rejected(tmp_path: Path, certificate: str) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        async with raw_station(session.server.url) as station:
            payload = {"idToken": {"idToken": "DEABCC12345678", "type": "eMAID"}, "certificate": certificate}
            answer = await station.ask([2, "a", "Authorize", payload])
            assert answer[2] == {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "CertChainError"}
            await finding(session, "ocpp.contract-certificate", "the certificate is no PEM that can be read")
        [exchange] = session.exchanges.values()
        assert (exchange.verdict, exchange.reason) == (Verdict.REJECTED, "the certificate is no PEM that can be read")
