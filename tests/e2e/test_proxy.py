"""Two whole benches: a station on one, which passes it on to the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from bench.assembly import Bench, Options
from bench.errors import BadInput, OperatorError
from bench.exchange import DecidedBy, Party, Verdict
from bench.message import Direction, Link
from bench.proxy_rules import Deed, Side, make_rule
from bench.session import TapRequest
from bench.settings import EnrolSettings, OcppSettings, Profile, SecuritySettings, UpstreamSettings
from bench.tokens.enrol import enrol as make_token
from bench.tokens.model import AuthorizationStatus, IdTokenType
from fixtures.charger.charger import SimulatedCharger

DEADLINE_S = 10.0


def options(ocpp: OcppSettings) -> Options:
    return Options(
        Profile(ocpp=ocpp, unknown="accept"),
        ocpp="127.0.0.1:0",
        mqtt="off",
        api="off",
        readers=("off",),
        temporary=True,
    )


@pytest.fixture
async def csms() -> AsyncIterator[Bench]:
    bench = Bench(options(OcppSettings()))
    await bench.start()
    yield bench
    await bench.stop()


@pytest.fixture
async def proxy(csms: Bench) -> AsyncIterator[Bench]:
    assert csms.session.server is not None
    upstream = UpstreamSettings(url=csms.session.server.url)
    bench = Bench(options(OcppSettings(upstream=upstream)))
    await bench.start()
    yield bench
    await bench.stop()


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_charger_boots_authorizes_and_takes_lists_through_the_proxy(
    csms: Bench, proxy: Bench, version: str
) -> None:
    assert proxy.session.server is not None
    charger = SimulatedCharger(None, proxy.session.server.url, version=version)
    await charger.start()
    try:
        assert await charger.wait_ready(DEADLINE_S)
        outcome = await charger.tap_own_reader("04A1B2C3")
        assert (outcome.accepted, outcome.by) == (True, "csms")
        assert (await csms.session.push_list("CP-001")).status == "Accepted"
        assert (await csms.session.clear_cache("CP-001")).ok
        # The bench in the middle may ask the station as well; its CSMS sees nothing of it.
        assert (await proxy.session.list_version("CP-001")).ok
        assert (await proxy.session.call("CP-001", "GetLocalListVersion", {})).payload is not None
    finally:
        await charger.stop()
    for side, direction in (("station", Direction.IN), ("csms", Direction.OUT)):
        here = [m.raw for m in proxy.session.journal.since(0) if m.meta and m.meta.get("side") == side]
        there = [m.raw for m in csms.session.journal.since(0) if m.raw and m.direction is direction]
        assert here == there
        assert here


async def test_a_rule_meets_what_crosses(proxy: Bench) -> None:
    assert proxy.session.server is not None
    assert proxy.session.proxy is not None
    edit = make_rule("name=Authorize", Deed.EDIT, side=Side.CSMS, patch={"idTagInfo": {"status": "Blocked"}})
    proxy.session.proxy.rules.replace([edit])
    url = f"{proxy.session.server.url}/CP-7"
    async with asyncio.timeout(DEADLINE_S), connect(url, subprotocols=["ocpp1.6"]) as client:  # type: ignore[list-item]
        await client.send('[2,"1","Authorize",{"idTag":"04AA"}]')
        assert '"Blocked"' in str(await client.recv())
    await proxy.listen_on("127.0.0.1:0")
    assert proxy.session.proxy.rules.rules == (edit,)


@pytest.mark.parametrize(
    ("upstream", "why"),
    [
        (UpstreamSettings(url="http://127.0.0.1:1"), "none that can be dialled"),
        (UpstreamSettings(url="ws://user:secret@127.0.0.1:1"), "none that can be dialled"),
        (UpstreamSettings(url="ws://127.0.0.1:99999"), "none that can be dialled"),
    ],
)
async def test_an_upstream_that_cannot_be(upstream: UpstreamSettings, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        await Bench(options(OcppSettings(upstream=upstream))).start()


async def test_tls_files_that_are_missing(tmp_path: Path) -> None:
    plain = UpstreamSettings(url="ws://127.0.0.1:1")
    secure = UpstreamSettings(url="wss://127.0.0.1:1", ca_file=tmp_path / "no.pem")
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for settings, why in (
        (OcppSettings(upstream=secure), "CA file .* No such file"),
        (OcppSettings(upstream=secure.model_copy(update={"ca_file": empty})), "CA file .*NO_CERTIFICATE"),
        (OcppSettings(upstream=plain, security=SecuritySettings(profile=2)), "certificate"),
        (OcppSettings(upstream=plain, security=SecuritySettings(profile=2, certificate=empty, key=empty)), "PEM"),
    ):
        with pytest.raises(OperatorError, match=why):
            await Bench(options(settings)).start()


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_tap_on_the_bus_is_decided_by_the_csms_behind_the_proxy(csms: Bench, accepted: bool) -> None:
    """The bench presents a card to Josev; the charger asks through the proxy; all of it is one exchange."""
    assert csms.session.server is not None
    if not accepted:
        blocked = AuthorizationStatus.BLOCKED
        await csms.session.store.put(make_token("04A1B2C3", IdTokenType.ISO14443, EnrolSettings(), blocked))
    settings = OcppSettings(upstream=UpstreamSettings(url=csms.session.server.url))
    bench = Bench(replace(options(settings), mqtt="embedded:0", charger="sim"))
    await bench.start()
    try:
        assert await bench.wait_ready(DEADLINE_S) == []
        tap = bench.session.present(TapRequest("04A1B2C3"))
        await bench.session.wait_closed(tap.id, DEADLINE_S)
        assert len(bench.session.exchanges) == 1
        verdict = Verdict.ACCEPTED if accepted else Verdict.REJECTED
        assert (tap.origin, tap.verdict, tap.decided_by) == ("tap", verdict, DecidedBy.CSMS)
        ways = [(hop.from_, hop.to) for hop in tap.hops if hop.link is Link.OCPP]
        assert ways[:2] == [(Party.STATION, Party.CSMS), (Party.CSMS, Party.STATION)]
        assert bench.session.store.count == 0  # and the store of the bench in the middle was not asked
        assert not any(Party.STORE in (hop.from_, hop.to) for hop in tap.hops)
        assert bench.session.stations["CP-001"].boot == "Accepted"
    finally:
        await bench.stop()
