"""A MaEVe beside the bench: it decides about cards unknown here, and the command line syncs with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bench.authorization import TapRequest
from bench.exchange import DecidedBy, Verdict
from bench.message import Link
from bench.ports import LinkState
from bench.settings import MaeveSettings
from bench.tokens.decision import UnknownTokens
from fixtures.demo import Demo
from fixtures.http_peer import Trouble
from fixtures.maeve import SimulatedMaeve
from tests.e2e.world import UNKNOWN_UID, closed, command, finding, link, options, profile, recorded, running


@pytest_asyncio.fixture
async def maeve() -> AsyncIterator[SimulatedMaeve]:
    async with SimulatedMaeve() as started:
        yield started


def with_maeve(folder: Path, maeve: SimulatedMaeve, **changes: object):
    section = MaeveSettings(url=maeve.url.removesuffix("/api/v0"), limit_s=2.0, **changes)
    made = profile().model_copy(update={"unknown": UnknownTokens.FALLBACK, "maeve": section})
    return options(folder, profile=made, mqtt="embedded:0", charger="sim")


async def test_a_card_unknown_here_is_decided_by_maeve(tmp_path: Path, maeve: SimulatedMaeve) -> None:
    maeve.put(uid=UNKNOWN_UID.lower(), visualNumber="TAG-99")
    async with running(with_maeve(tmp_path, maeve)) as bench:
        session = bench.session
        assert session.links["maeve"].state is LinkState.OFF
        known = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
        assert (known.verdict, known.decided_by) == (Verdict.ACCEPTED, DecidedBy.CSMS)
        assert known.reason == f"MaEVe: valid, as {UNKNOWN_UID.lower()}"
        assert known.token_label == "TAG-99"
        assert session.links["maeve"].state is LinkState.UP
        await finding(session, "maeve.case", UNKNOWN_UID.lower())
        nowhere = await closed(session, session.present(TapRequest("04DEADBEEF9999")))
        assert nowhere.verdict is Verdict.REJECTED
        assert "unknown to MaEVe" in nowhere.reason
    asked = [message for message in recorded(tmp_path / "capture.db") if message.link is Link.MAEVE]
    assert [message.decoded.name for message in asked if message.decoded.kind == "request"] == ["lookupToken"] * 4


async def test_a_maeve_that_is_down_is_told_and_the_card_is_refused(tmp_path: Path, maeve: SimulatedMaeve) -> None:
    maeve.put(uid=UNKNOWN_UID)
    async with running(with_maeve(tmp_path, maeve)) as bench:
        session = bench.session
        await maeve.stop()
        refused = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
        assert refused.verdict is Verdict.REJECTED
        assert "cannot be reached" in await link(session, "maeve", LinkState.FAULTY)
        await finding(session, "unknown.fallback-failed", "cannot be reached")
        await maeve.start()
        again = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
        assert (again.verdict, again.decided_by) == (Verdict.ACCEPTED, DecidedBy.CSMS)
        assert session.links["maeve"].state is LinkState.UP


@pytest.mark.parametrize(("model", "version"), [("pn532", "2.0.1"), ("id12la", "1.6")])
async def test_the_demo_with_a_maeve(tmp_path: Path, model: str, version: str) -> None:
    asked = options(tmp_path, mqtt="embedded:0", charger="sim", version=version, readers=())
    async with Demo(asked, model, ("accepted", "unknown"), maeve=True) as demo:
        told = [(line.split()[0], good, line) async for line, good in demo.play(asyncio.Event())]
    assert [(name, good) for name, good, _ in told] == [("accepted", True), ("unknown", True), ("maeve", True)]
    assert "by csms: MaEVe: valid" in told[-1][2]


async def sync(folder: Path, maeve: SimulatedMaeve, *arguments: str):
    store = str(folder / "tokens.db")
    return await asyncio.to_thread(
        command, folder, "tokens", "--store", store, "sync", "--maeve", maeve.url, *arguments
    )


async def test_the_command_line_shows_then_does(tmp_path: Path, maeve: SimulatedMaeve) -> None:
    added = await asyncio.to_thread(
        command, tmp_path, "tokens", "--store", str(tmp_path / "tokens.db"), "add", "04A2B3C4"
    )
    assert added.returncode == 0
    maeve.put(uid="04FF00AA")
    shown = await sync(tmp_path, maeve, "--dry-run")
    assert shown.returncode == 0
    assert shown.stdout.splitlines() == ["only here\t04A2B3C4\tpush\t-\t-", "only there\t04FF00AA\tpull\t-\t-"]
    assert "1 to push, 1 to pull; where a token differs, newer counts" in shown.stderr
    assert list(maeve.state.tokens) == ["04FF00AA"]
    done = await sync(tmp_path, maeve)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "2 done"
    assert sorted(maeve.state.tokens) == ["04A2B3C4", "04FF00AA"]
    again = await sync(tmp_path, maeve, "--both")
    assert (again.returncode, again.stdout) == (0, "")
    assert "2 equal" in again.stderr


async def test_the_command_line_says_what_could_not_be_done(tmp_path: Path, maeve: SimulatedMaeve) -> None:
    await asyncio.to_thread(command, tmp_path, "tokens", "--store", str(tmp_path / "tokens.db"), "add", "04A2B3C4")
    maeve.fail(Trouble.SERVER_ERROR, concerns=lambda request: request.method == "POST")
    refused = await sync(tmp_path, maeve, "--push")
    assert refused.returncode == 1
    assert refused.stdout.splitlines()[-1] == "1 refused"
    assert "04A2B3C4: refused: Internal Server Error: store: no space" in refused.stderr
    await maeve.stop()
    down = await sync(tmp_path, maeve)
    assert down.returncode == 2
    assert len(down.stderr.splitlines()) == 1
    assert "cannot be reached" in down.stderr
    nothing = await asyncio.to_thread(command, tmp_path, "tokens", "sync")
    assert nothing.returncode == 2
    assert "no MaEVe is named" in nothing.stderr


async def test_any_operation_from_the_command_line(tmp_path: Path, maeve: SimulatedMaeve) -> None:
    maeve.put(uid="04A2")

    async def ask(*arguments: str):
        return await asyncio.to_thread(command, tmp_path, "maeve", maeve.url, *arguments)

    listed = await ask()
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 13
    found = await ask("lookupToken", "04A2")
    assert json.loads(found.stdout)["contractId"] == "GBTWK012345678V"
    done = await ask("triggerChargeStation", "CP-001", "--body", '{"trigger":"BootNotification"}')
    assert (done.returncode, done.stdout) == (0, "")
    assert "201 for success, the API says 200" in done.stderr
    assert maeve.state.triggers == {"CP-001": "BootNotification"}
    missing = await ask("lookupToken", "04FF")
    assert missing.returncode == 1
    assert missing.stderr == "authbench: 404: Not Found\n"
    wrong = await ask("lookupToken")
    assert wrong.returncode == 2
    assert "lookupToken wants an ID" in wrong.stderr


async def test_what_maeve_writes_into_a_uid_does_nothing_to_the_terminal(tmp_path: Path, maeve: SimulatedMaeve) -> None:
    maeve.put(uid="04\x1b[2J\tpush\n04FF")
    shown = await sync(tmp_path, maeve, "--dry-run")
    [line] = shown.stdout.splitlines()
    assert line.split("\t")[:2] == ["only there", "04?[2J?push?04FF"]
    assert "\x1b" not in shown.stdout + shown.stderr
