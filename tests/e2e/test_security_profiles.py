"""A bench of each security profile with the simulated charger: a tap goes all the way, and what is missing is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.assembly import Bench
from bench.authorization import TapRequest
from bench.errors import OperatorError
from bench.exchange import DecidedBy, Verdict
from bench.secret import secret_variable
from bench.settings import OcppSettings, Profile, SecuritySettings, save_profile
from devices.ocpp.certificates import Made, make
from tests.e2e.world import ACCEPTED_UID, closed, command, options, running

KEPT = "what-the-operator-set"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    return make(tmp_path_factory.mktemp("tls"))


def secured(number: int, made: tuple[Made, ...]) -> Profile:
    files = {"certificate": made[1].certificate, "key": made[1].key, "station_ca": made[0].certificate}
    return Profile(ocpp=OcppSettings(security=SecuritySettings(profile=number, **files)))


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("number", [0, 1, 2, 3])
async def test_a_tap_goes_through(tmp_path: Path, made: tuple[Made, ...], number: int, version: str) -> None:
    asked = options(
        tmp_path, profile=secured(number, made), mqtt="embedded:0", charger="sim", version=version, temporary=True
    )
    async with running(asked) as bench:
        session = bench.session
        exchange = await closed(session, session.present(TapRequest(ACCEPTED_UID)))
        assert (exchange.verdict, exchange.decided_by) == (Verdict.ACCEPTED, DecidedBy.STORE)
        assert [finding for finding in session.findings if finding.rule.startswith("ocpp.")] == []

        station = session.stations["CP-001"]
        assert station.user == ("CP-001" if number in (1, 2) else None)
        assert station.peer_certificate_cn == ("CP-001" if number == 3 else None)
        told = [m for m in session.journal.since(0) if m.decoded.name == "device_model" and b"response" in m.raw]
        model = json.loads(told[0].raw)["data"]
        assert model["security_profile"] == max(number, 1)
        assert model["ocpp_csms_url"].startswith("wss://" if number >= 2 else "ws://")
        assert "basic_auth_password" not in model  # the bus is open to all on it

        if number:  # and again elsewhere, with the same password
            await bench.listen_on("127.0.0.1:0")
            assert await bench.wait_ready() == []


async def test_the_operator_s_password_goes_before_a_made_one(
    tmp_path: Path, made: tuple[Made, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(secret_variable("ocpp:CP-001"), KEPT)
    async with running(options(tmp_path, profile=secured(2, made), charger="sim")) as bench:
        assert bench._passwords.of("CP-001") == KEPT
        assert bench.session.stations["CP-001"].boot == "Accepted"


async def test_a_bench_that_stays_wants_the_operator_to_set_it(
    tmp_path: Path, made: tuple[Made, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.assembly.secret", lambda name: None)
    bench = Bench(options(tmp_path, profile=secured(1, made), charger="sim"))
    with pytest.raises(OperatorError, match="the simulated charger has no password for security profile 1") as caught:
        await bench.start()
    assert caught.value.cure == "set one with: authbench secret set ocpp:CP-001"


async def test_its_certificate_is_the_one_beside_the_ca_or_made_for_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    files = make(folder, stations=["CP-001"])
    asked = options(tmp_path, profile=secured(3, files), charger="sim")
    files[0].key.unlink()  # kept elsewhere: the certificate that was made with it serves
    async with running(asked) as bench:
        assert bench.session.stations["CP-001"].peer_certificate_cn == "CP-001"

    files[2].certificate.unlink()
    with pytest.raises(OperatorError, match="the CA's key is not at") as caught:
        await Bench(asked).start()
    assert "put station-CP-001.pem and station-CP-001.key beside" in caught.value.cure
    assert sorted(path.name for path in folder.iterdir()) == [
        "ca.pem",
        "server.key",
        "server.pem",
        "station-CP-001.key",
    ]


async def test_a_ca_file_of_two_with_the_key_of_one(tmp_path: Path) -> None:
    mine, other = make(tmp_path / "mine"), make(tmp_path / "other")
    both = tmp_path / "both" / "ca.pem"
    both.parent.mkdir()
    both.write_bytes(other[0].certificate.read_bytes() + mine[0].certificate.read_bytes())
    both.with_suffix(".key").write_bytes(mine[0].key.read_bytes())
    profile = secured(3, (Made(both, both.with_suffix(".key")), mine[1]))
    async with running(options(tmp_path, profile=profile, charger="sim")) as bench:
        assert bench.session.stations["CP-001"].peer_certificate_cn == "CP-001"

    both.with_suffix(".key").write_bytes(make(tmp_path / "third")[0].key.read_bytes())
    with pytest.raises(OperatorError, match="belongs to no valid CA"):
        await Bench(options(tmp_path, profile=profile, charger="sim")).start()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_demonstration_with_a_profile_of_each(tmp_path: Path, made: tuple[Made, ...], number: int) -> None:
    save_profile(secured(number, made), tmp_path / "bench.toml")
    done = command(
        tmp_path, "demo", "--headless", "--profile", "bench.toml", "--situation", "accepted", "--api", "off",
        "--ocpp", "127.0.0.1:0", "--mqtt", "embedded:0",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "  accepted  by store: " in done.stdout
