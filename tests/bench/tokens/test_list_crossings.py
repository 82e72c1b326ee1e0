"""Lists where two things meet: a list by hand, a database that refuses, a station that comes back as another, two benches."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.answers import CallAnswer
from bench.errors import LinkDown, StoreError
from bench.exchange import Finding
from bench.list_view import Progress
from bench.message import Link
from bench.tokens.list_keep import KeptList
from bench.tokens.list_shadow import Chunk
from bench.tokens.store import TokenStore
from fixtures.charger.behaviour import Behaviour
from tests.bench.tokens.listbench import NAME, ListBench, list_bench
from tests.bench.tokens.listpeer import holding, known, push, token


def found(bench: ListBench, rule: str) -> list[Finding]:
    return [finding for finding in bench.session.findings if finding.rule == rule]


async def test_a_list_injected_as_bytes_makes_the_shadow_unknown(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await bench.session.store.put(token("04AA"))
        await bench.push()
        # D01.FR.15: a full list may have any version, that of the one before too.
        raw = b'[2,"me","SendLocalList",{"versionNumber":1,"updateType":"Full"}]'
        bench.session.inject(Link.OCPP, NAME, raw)
        await bench.quiet()
        await bench.session.list_version(NAME)
        assert bench.really() == {}
        assert (bench.view.known, bench.view.why_unknown) == (False, "a list was sent to it by hand")


async def test_a_list_by_hand_is_remembered_although_the_database_refused(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await bench.session.store.put(token("04AA"))
        await bench.push()
        bench.store.killed = True
        await bench.session.call(NAME, "SendLocalList", {"versionNumber": 1, "updateType": "Full"})
        await bench.quiet()
        assert len(found(bench, "list.not-kept")) == 1
        bench.store.killed = False
        bench.wire.drop()
        await bench.connect()
        assert bench.really() == {}
        assert not bench.view.known
        await bench.push("reconcile")
        assert bench.said() == bench.really() != {}


async def test_a_list_by_hand_before_what_is_kept_could_be_read(tmp_path: Path) -> None:
    bench = ListBench(tmp_path / "t.db", "2.0.1", Behaviour())
    await bench.start()
    await bench.session.store.put(token("04AA"))
    await bench.push()
    await bench.stop()
    await bench.start(connect=False)
    try:
        bench.store.killed = True
        await bench.connect()
        await bench.session.call(NAME, "SendLocalList", {"versionNumber": 1, "updateType": "Full"})
        await bench.quiet()
        assert not bench.view.known
    finally:
        await bench.stop()


async def test_a_push_reads_what_could_not_be_read_for_showing(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await bench.session.store.put_many([token(f"{n:08X}") for n in range(20)])
        await bench.push()
        bench.session.lists._states.clear()
        bench.store.killed = True
        assert not bench.view.known
        await bench.quiet()
        bench.store.killed = False
        assert not bench.view.known
        await bench.session.store.put(token("04AA"))
        report = await bench.session.lists.push(NAME, "reconcile")
        assert [chunk.update_type for chunk in report.chunks] == ["Differential"]


@pytest.mark.parametrize(("before", "after"), [("1.6", "2.0.1"), ("2.0.1", "1.6")])
async def test_a_station_that_comes_back_with_another_version_in_the_middle(
    tmp_path: Path, before: str, after: str
) -> None:
    bench = ListBench(tmp_path / "t.db", before, Behaviour(items_per_message=2))
    other = ListBench(tmp_path / "t.db", after, Behaviour(items_per_message=2)).station
    await bench.start()
    try:
        await bench.session.store.put_many([token(f"{n:08X}") for n in range(6)])

        def between(at: Progress) -> None:
            if at.part == 2:
                bench.wire.drop()
                bench.wire.station = bench.station = other
                bench.wire.connect()

        with pytest.raises(LinkDown, match=f"came back with OCPP {after}"):
            await bench.session.lists.push(NAME, "full", between)
        await bench.quiet()
        assert bench.wire.lists == 1
        assert not bench.session.stations[NAME].shadow
        await bench.push("reconcile")
        assert bench.said() == bench.really()
        assert len(bench.really()) == 6
    finally:
        await bench.stop()


async def test_a_half_that_cannot_be_sent_says_what_was_sent() -> None:
    station = known("2.0.1")
    calls = {"lists": 0, "versions": 0}

    async def call(action: str, made: object) -> CallAnswer:
        if action == "SendLocalList":
            calls["lists"] += 1
            return CallAnswer(action, {"status": "Failed"})
        if action == "GetLocalListVersion":
            calls["versions"] += 1
            return CallAnswer(action, {"versionNumber": 1} if calls["versions"] == 1 else {"versionNumber": -5})
        return CallAnswer(action, {"getVariableResult": []})

    held = holding("2.0.1", 1, [])
    report, _ = await push(station, [token(f"{n:08X}") for n in range(40)], call, "differential", held)
    assert (report.ok, calls["lists"]) == (False, 1)
    assert report.text.startswith("nothing more was sent: what the station holds is not known")


async def test_what_another_bench_keeps_of_lists_is_no_change_of_the_tokens(tmp_path: Path) -> None:
    file = str(tmp_path / "t.db")
    async with TokenStore(file) as one, TokenStore(file) as other:
        await one.put(token("04AA"))
        assert await other.refresh() is True
        revision = other.revision
        kept = KeptList(one, NAME, True)
        kept.announce([Chunk(1, True, [])])
        await kept.save()
        assert await other.refresh() is False
        assert other.revision == revision


async def test_a_push_cancelled_while_the_station_is_asked_for_its_limits_sends_nothing(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await bench.session.store.put(token("04AA"))
        desk = bench.session.lists
        heard = bench.wire._deliver

        def deliver(data: bytes) -> None:
            if b"GetVariables" in data:
                assert desk.cancel(NAME)
            heard(data)

        bench.wire._deliver = deliver  # type: ignore[method-assign]
        report = await desk.push(NAME)
        assert (report.ok, report.status, report.text) == (False, "Cancelled", "cancelled before anything was sent")
        assert bench.wire.lists == 0


async def test_messages_that_could_not_be_saved_are_not_kept_as_under_way(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await bench.session.store.put(token("04AA"))
        await bench.push()
        await bench.session.store.put(token("04BB"))

        def lock(at: Progress) -> None:
            bench.store.killed = at.part == 1

        with pytest.raises(StoreError):
            await bench.session.lists.push(NAME, "full", lock)
        bench.store.killed = False
        await bench.session.lists._save(bench.session.stations[NAME], bench.session.lists._states[NAME])
        kept = KeptList(bench.store, NAME, False)
        assert await kept.load()
        assert (kept.shadow.version, kept.shadow.pending, len(kept.shadow.entries)) == (1, [], 1)


async def test_looking_often_reads_what_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await bench.session.store.put(token("04AA"))
        await bench.push()
        bench.session.lists._states.clear()
        spawned: list[str] = []
        spawn = bench.session.tasks.spawn
        monkeypatch.setattr(
            bench.session.tasks, "spawn", lambda made, name: (spawned.append(name), spawn(made, name=name))[1]
        )
        assert not bench.view.known
        await asyncio.sleep(0)
        for _ in range(100):
            assert not bench.view.known
        await bench.quiet()
        assert bench.view.known
        assert spawned == ["local list"]
