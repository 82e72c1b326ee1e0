"""Settings, list changes and contracts on a running bench, with the simulated charger and with a stranger's frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.assembly import Bench
from bench.csms.events import EventKind
from bench.csms.plug_and_charge16 import VENDOR
from bench.errors import BadInput
from bench.exchange import Verdict
from bench.settings import OcppSettings, Profile
from bench.tokens.model import AuthorizationStatus, IdTokenType
from devices.ocpp.certificates import make
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


async def test_contracts_come_from_the_configured_roots(tmp_path: Path) -> None:
    """A CA of the helper stands in for a contract root, and a station's certificate for a contract."""
    root, _, contract = make(tmp_path / "mo", stations=["DEABCC12345678"])
    _, _, stranger = make(tmp_path / "other", stations=["DEABCC12345678"])
    profile = Profile(ocpp=OcppSettings(contract_roots=(root.certificate,)))
    async with running(options(tmp_path, profile=profile)) as bench:
        session = bench.session
        token = session.store.all()[0]
        for uid, status in (
            ("DEABCC12345678", AuthorizationStatus.ACCEPTED),
            ("DEABCC00000001", AuthorizationStatus.BLOCKED),
        ):
            valid = status is AuthorizationStatus.ACCEPTED
            await session.store.put(
                replace(token, uid=uid, id_token_type=IdTokenType.EMAID, status=status, valid=valid)
            )
        async with raw_station(session.server.url) as station:
            told = []
            for uid, files in (
                ("DEABCC12345678", contract),
                ("DEABCC12345678", stranger),
                ("DEABCC00000001", contract),
            ):
                payload = {"idToken": {"idToken": uid, "type": "eMAID"}, "certificate": files.certificate.read_text()}
                answer = (await station.ask([2, str(len(told)), "Authorize", payload]))[2]
                told.append((answer["certificateStatus"], answer["idTokenInfo"]["status"]))
            assert told == [("Accepted", "Accepted"), ("CertChainError", "Invalid"), ("ContractCancelled", "Blocked")]
        await finding(session, "ocpp.contract-certificate", "no configured root signed the certificate of")
        assert "ocpp.certificate-unanchored" not in [each.rule for each in session.findings]


@pytest.mark.parametrize(
    ("text", "why"), [(None, "cannot read the contract roots"), ("no PEM", "contract roots cannot be read")]
)
async def test_roots_that_cannot_be_read_are_told_at_the_start(tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "roots.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadInput, match=why) as caught:
        await Bench(options(tmp_path, profile=Profile(ocpp=OcppSettings(contract_roots=(file,))))).start()
    assert str(file) in caught.value.what
    assert "ocpp.contract_roots" in caught.value.cure


async def test_availability_vendor_data_and_what_the_charger_reports(tmp_path: Path) -> None:
    async with running(options(tmp_path, charger="sim", mqtt="embedded:0")) as bench:
        session = bench.session
        await until(session, lambda: session.stations.get(STATION) and session.stations[STATION].boot, "boot")
        station = session.stations[STATION]
        said = await session.change_availability(STATION, False, 1)
        assert said.ok, said.text
        await until(session, lambda: "Unavailable" in station.connectors.values(), "the connector out of service")
        said = await session.data_transfer(STATION, "com.example", "hello", {"lamp": "on"})
        assert (said.ok, said.text) == (False, "the station does not know that vendor")
        events = session.station_events(STATION)
        assert (EventKind.STATUS, "Unavailable") in [(event.kind, event.value) for event in events]
        ours = next(event for event in events if event.kind is EventKind.DATA)
        assert (ours.what, ours.value) == ("com.example · hello", '{"lamp":"on"}')
        message = session.journal.get(ours.seq)
        assert message is not None
        assert message.decoded.name == "DataTransfer"
        assert station.security_profile == 0
        assert station.last_heard_utc_ns is not None
        assert station.identity.reason == "PowerUp"
