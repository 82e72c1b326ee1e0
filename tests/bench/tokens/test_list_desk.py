"""What the bench knows of a station's list, whatever happens to message, link and program."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from bench.change import Change
from bench.errors import BadInput, NotFound, OperatorError
from bench.exchange import MASK
from bench.list_view import Difference, Progress
from bench.tasks import Tasks
from bench.tokens.list_tables import local_list_chunks
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType
from fixtures.charger.behaviour import LimitsTold, ListFault
from tests.bench.tokens.listbench import NAME, ListBench, list_bench
from tests.bench.tokens.listpeer import token

BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])


async def fill(bench: ListBench, count: int, start: int = 0) -> None:
    await bench.session.store.put_many([token(f"{n:08X}") for n in range(start, start + count)])


def agree(bench: ListBench) -> None:
    assert bench.view.known, bench.view.why_unknown
    assert bench.said() == bench.really()


# Pushing


@BOTH
async def test_a_push_in_chunks_is_followed_to_its_end(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version, items_per_message=10) as bench:
        await fill(bench, 25)
        view = bench.view
        assert (view.known, view.shadow_version, view.counts) == (False, None, {Difference.ADD: 25})
        plan = bench.session.lists.preview(NAME, "reconcile")
        assert (plan.kind, plan.entries) == ("Full", 25)
        seen: list[Progress] = []
        report = await bench.session.lists.push(NAME, "reconcile", seen.append)
        assert [(at.part, at.parts, at.entries_done, at.entries_total) for at in seen] == [
            (1, 3, 0, 25),
            (2, 3, 10, 25),
            (3, 3, 20, 25),
        ]
        assert [(chunk.entries, chunk.status, chunk.version_read) for chunk in report.chunks] == [
            (10, "Accepted", 1),
            (10, "Accepted", 2),
            (5, "Accepted", 3),
        ]
        view = bench.view
        assert (view.list_version, view.shadow_version, view.progress, view.last_report) == (3, 3, None, report)
        assert view.counts == {Difference.SAME: 25}
        assert view.limits.items_per_message == 10
        agree(bench)
        assert bench.session.lists.preview(NAME, "auto").why == "the list holds all of it already, as version 3"


@BOTH
async def test_rows_tell_the_differences(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version) as bench:
        await bench.session.store.put_many(
            [token("A1"), token("B2"), token("C3"), token("4711", id_token_type=IdTokenType.KEY_CODE)]
        )
        await bench.push()
        await bench.session.store.delete("A1", IdTokenType.ISO14443)
        await bench.session.store.put_many(
            [
                token("B2", status=AuthorizationStatus.BLOCKED),
                token("D4"),
                token("E5", cache_mode=CacheMode.NEVER),
            ]
        )
        rows = [(row.uid, row.difference, row.why) for row in bench.view.rows]
        assert sorted(rows) == [
            ("A1", Difference.DELETE, "it is no longer for this list"),
            ("B2", Difference.UPDATE, "status Blocked, was Accepted"),
            ("C3", Difference.SAME, ""),
            ("D4", Difference.ADD, ""),
            ("E5", Difference.LEFT_OUT, "its cacheMode is NEVER"),
            (MASK, Difference.SAME, ""),
        ]
        plan = bench.session.lists.preview(NAME, "reconcile")
        assert (plan.kind, plan.parts, plan.entries) == ("Differential", 1, 3)
        # The key code that the station alone still holds is masked as well.
        await bench.session.store.delete("4711", IdTokenType.KEY_CODE)
        assert MASK in [row.uid for row in bench.view.rows if row.difference is Difference.DELETE]
        await bench.push("reconcile")
        agree(bench)


async def test_full_is_sent_where_it_is_smaller(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await fill(bench, 40)
        await bench.push()
        for n in range(30):
            await bench.session.store.delete(f"{n:08X}", IdTokenType.ISO14443)
        plan = bench.session.lists.preview(NAME, "reconcile")
        assert (plan.kind, plan.entries, plan.why) == ("Full", 10, "the whole list is smaller than what changed")
        assert plan.bytes < bench.session.lists.preview(NAME, "differential").bytes
        await bench.push("reconcile")
        agree(bench)


@BOTH
async def test_a_list_without_room_is_not_begun(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version, list_capacity=5, items_per_message=2) as bench:
        await fill(bench, 6)
        assert "the station's list holds 5 entries, the store has 6 for it" in await bench.push()
        assert bench.wire.lists == 0
        await bench.session.store.delete("00000000", IdTokenType.ISO14443)
        await bench.push()
        # A list that is full has room for others once those that go are gone.
        for n in range(1, 5):
            await bench.session.store.delete(f"{n:08X}", IdTokenType.ISO14443)
        await fill(bench, 4, start=100)
        await bench.push("differential")
        agree(bench)
        assert bench.really() == bench.wanted()


@BOTH
async def test_a_change_of_all_never_empties_the_list_between_messages(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version, items_per_message=2) as bench:
        await fill(bench, 3)
        await bench.push()
        for n in range(3):
            await bench.session.store.delete(f"{n:08X}", IdTokenType.ISO14443)
        await fill(bench, 3, start=100)
        assert (await bench.push("differential")).startswith("6 changes accepted in 3 messages")
        agree(bench)


async def test_one_push_at_a_time_and_no_other_mode(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db", items_per_message=1) as bench:
        await fill(bench, 3)
        lists = bench.session.lists

        async def another(progress: Progress) -> None:
            with pytest.raises(OperatorError, match="being pushed to CP-001 already"):
                await lists.push(NAME, "full")

        tasks = Tasks()
        begun: list[asyncio.Task[None]] = []
        await lists.push(NAME, "full", lambda now: begun.append(tasks.spawn(another(now), name="another")))
        await asyncio.gather(*begun)
        with pytest.raises(BadInput, match="the mode half is not offered"):
            await lists.push(NAME, "half")
        for asked in (lists.view, lists.cancel):
            with pytest.raises(NotFound):
                asked("CP-404")


@BOTH
async def test_cancel_between_chunks_leaves_a_known_list(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version, items_per_message=2) as bench:
        await fill(bench, 7)
        lists = bench.session.lists
        assert not lists.cancel(NAME)
        told: list[object] = []
        bench.session.subscribe(lambda change, key: told.append(key) if change is Change.LIST else None)
        report = await lists.push(NAME, "full", lambda now: now.part == 2 and lists.cancel(NAME) and None)
        assert report.status == "Cancelled"
        held = "its list has version 2 with 4 entries"
        assert (
            report.text
            == f"cancelled after 2 of 4 messages; it took 4 of 7 entries before: {held}; reconcile to send the rest"
        )
        assert set(told) == {NAME}
        agree(bench)
        assert (await bench.push("reconcile")) == "3 changes accepted in 2 messages as version 4 (before: 2)"
        agree(bench)


# Stations that go wrong


@BOTH
async def test_a_lying_station_keeps_its_old_list_for_all_we_know(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version) as bench:
        await fill(bench, 3)
        await bench.push()
        bench.behaviour.lying_list = True
        await fill(bench, 5)
        assert "Accepted, but the version did not move: it is still 1, 2 was sent" in await bench.push("reconcile")
        agree(bench)
        assert bench.view.counts == {Difference.SAME: 3, Difference.ADD: 2}
        assert [finding.rule for finding in bench.session.findings] == ["list.not-taken"]
        bench.behaviour.lying_list = False
        assert (await bench.push("reconcile")).startswith("5 entries accepted as version 3")
        agree(bench)


@BOTH
async def test_a_mismatch_is_recovered_with_the_full_list_once(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version, list_mismatch=True) as bench:
        await fill(bench, 3)
        await bench.push()
        await fill(bench, 4)
        report = await bench.session.lists.push(NAME, "reconcile")
        assert [(chunk.update_type, chunk.status) for chunk in report.chunks] == [
            ("Differential", "VersionMismatch"),
            ("Full", "Accepted"),
        ]
        agree(bench)
        bench.behaviour.items_per_message = 2
        await fill(bench, 5)
        report = await bench.session.lists.push(NAME, "reconcile")
        assert [chunk.status for chunk in report.chunks] == ["VersionMismatch", "Accepted", "VersionMismatch"]
        assert "it took 2 of 5 entries before: its list has version 3 with 2 entries" in report.text
        agree(bench)


@BOTH
async def test_a_chunk_that_fails_leaves_the_part_before_it(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version, items_per_message=2) as bench:
        bench.behaviour.list_faults = deque([ListFault.NONE, ListFault.FAILED])
        await fill(bench, 6)
        assert "it took 2 of 6 entries before: its list has version 1 with 2 entries" in await bench.push()
        agree(bench)
        assert bench.view.counts == {Difference.SAME: 2, Difference.ADD: 4}
        assert (await bench.push("reconcile")).startswith("4 changes accepted in 2 messages")
        agree(bench)


@BOTH
@pytest.mark.parametrize("fault", [ListFault.LOST_BEFORE, ListFault.LOST_AFTER])
async def test_a_link_lost_in_the_middle(tmp_path: Path, version: str, fault: ListFault) -> None:
    async with list_bench(tmp_path / "t.db", version, items_per_message=2) as bench:
        bench.behaviour.list_faults = deque([ListFault.NONE, fault])
        await fill(bench, 6)
        assert "did not answer SendLocalList" in await bench.push()
        view = bench.view
        assert (view.known, view.connected, view.last_report.status) == (False, False, "NoAnswer")
        assert view.why_unknown.endswith("its version will tell whether version 2 was taken")
        assert bench.session.stations[NAME].shadow is None
        await bench.connect()
        agree(bench)
        taken = 4 if fault is ListFault.LOST_AFTER else 2
        assert len(bench.session.stations[NAME].shadow) == taken
        assert bench.view.offer == f"{6 - taken} entries of its list differ from the store"
        (finding,) = [finding for finding in bench.session.findings if finding.rule == "list.differs"]
        assert (finding.severity, finding.text) == ("info", f"CP-001 came back: {bench.view.offer}")
        assert bench.wire.lists == 2, "a push is offered, never made unasked"
        report = await bench.session.lists.push(NAME, "reconcile")
        assert (report.ok, report.sent, report.chunks[0].update_type) == (True, 6 - taken, "Differential")
        assert bench.view.offer == ""
        agree(bench)


@BOTH
@pytest.mark.parametrize("fault", [ListFault.MUTE_BEFORE, ListFault.MUTE_AFTER])
async def test_a_message_without_an_answer(tmp_path: Path, version: str, fault: ListFault) -> None:
    """The station still tells its version: that settles it."""
    async with list_bench(tmp_path / "t.db", version, items_per_message=2) as bench:
        bench.behaviour.list_faults = deque([ListFault.NONE, fault])
        await fill(bench, 6)
        assert "no answer in time" in await bench.push()
        agree(bench)
        assert len(bench.really()) == (4 if fault is ListFault.MUTE_AFTER else 2)
        await bench.push("reconcile")
        agree(bench)
        assert bench.really() == bench.wanted()


# Restarts


@BOTH
@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("taken", [False, True])
async def test_a_restart_in_the_middle(tmp_path: Path, version: str, killed: bool, taken: bool) -> None:
    bench = ListBench(tmp_path / "t.db", version)
    bench.behaviour.items_per_message = 2
    await bench.start()
    await fill(bench, 8)
    bench.behaviour.list_faults = deque([ListFault.NONE, ListFault.MUTE_AFTER if taken else ListFault.MUTE_BEFORE])
    here = asyncio.Event()
    bench.wire.on_list = lambda: here.set() if bench.wire.lists == 2 else None
    bench.wire.patient = True
    pushing = Tasks().spawn(bench.push(), name="push")
    await here.wait()
    if killed:
        bench.store.killed = True
    pushing.cancel()
    await asyncio.gather(pushing, return_exceptions=True)
    await bench.stop()
    bench.wire.on_list, bench.wire.patient = lambda: None, False

    await bench.start()
    try:
        agree(bench)
        held = 4 if taken else 2
        assert (len(bench.really()), bench.view.shadow_version) == (held, held // 2)
        assert bench.view.offer == f"{8 - held} entries of its list differ from the store"
        plan = bench.session.lists.preview(NAME, "reconcile")
        assert (plan.kind, plan.entries) == ("Differential", 8 - held)
        assert (await bench.push("reconcile")).startswith(f"{8 - held} changes accepted")
        agree(bench)
    finally:
        await bench.stop()


@BOTH
async def test_after_a_restart_a_station_is_what_its_version_says(tmp_path: Path, version: str) -> None:
    bench = ListBench(tmp_path / "t.db", version)
    await bench.start()
    await fill(bench, 4)
    await bench.push()
    await bench.stop()

    await bench.start(connect=False)
    await bench.connect(boot=True)
    agree(bench)
    assert (bench.view.offer, list(bench.session.findings)) == ("", [])
    asked = bench.wire.actions.count("GetLocalListVersion")
    await bench.stop()

    # Somebody else changes it meanwhile.
    bench.station.local_list.restore(9, [])
    await bench.start()
    assert bench.wire.actions.count("GetLocalListVersion") == asked + 1
    if version == "1.6":  # version 0: the list is empty, and that is known
        agree(bench)
    else:
        assert bench.view.why_unknown == "its list has version 9, 1 was expected: somebody else changed it"
        assert bench.view.offer == bench.view.why_unknown
    assert bench.session.lists.preview(NAME, "reconcile").kind == "Full"
    await bench.push("reconcile")
    agree(bench)
    await bench.stop()


async def test_a_reconnect_without_a_boot_is_asked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.list_desk.BOOT_S", 0.01)
    async with list_bench(tmp_path / "t.db", items_per_message=2) as bench:
        bench.behaviour.list_faults = deque([ListFault.LOST_AFTER])
        await fill(bench, 4)
        await bench.push()
        assert not bench.view.known
        await bench.connect(boot=False)
        agree(bench)


async def test_a_list_sent_by_hand_makes_the_shadow_unknown(tmp_path: Path) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await fill(bench, 2)
        await bench.push()
        sent = {"versionNumber": 2, "updateType": "Full"}
        assert (await bench.session.call(NAME, "SendLocalList", sent)).payload == {"status": "Accepted"}
        await bench.quiet()
        assert (bench.view.known, bench.view.why_unknown) == (False, "a list was sent to it by hand")
        await bench.push("reconcile")
        agree(bench)


async def test_another_version_of_ocpp_is_another_list(tmp_path: Path) -> None:
    bench = ListBench(tmp_path / "t.db", "1.6")
    await bench.start()
    await fill(bench, 2)
    await bench.push()
    await bench.stop()
    other = ListBench(tmp_path / "t.db", "2.0.1")
    await other.start()
    assert not other.view.known
    await other.push("reconcile")
    agree(other)
    await other.stop()


# Limits


async def test_limits_that_only_a_report_tells(tmp_path: Path) -> None:
    async with list_bench(
        tmp_path / "t.db", limits_told=LimitsTold.REPORT, items_per_message=2, list_capacity=5
    ) as bench:
        await fill(bench, 6)
        assert "the station's list holds 5 entries, the store has 6 for it" in await bench.push()
        await bench.push()
        assert bench.wire.actions.count("GetReport") == 1, "once a connection"


@BOTH
async def test_limits_that_nobody_tells(tmp_path: Path, version: str) -> None:
    """A message that is refused is halved, once."""
    async with list_bench(tmp_path / "t.db", version, limits_told=LimitsTold.NOWHERE, items_per_message=20) as bench:
        await fill(bench, 40)
        report = await bench.session.lists.push(NAME, "full")
        assert [(chunk.entries, chunk.status) for chunk in report.chunks] == [
            (40, "Failed"),
            (20, "Accepted"),
            (20, "Accepted"),
        ]
        agree(bench)
        bench.behaviour.items_per_message = 5
        await fill(bench, 40, start=100)
        report = await bench.session.lists.push(NAME, "full")
        assert [(chunk.entries, chunk.status) for chunk in report.chunks] == [(80, "Failed"), (40, "Failed")]
        agree(bench)


@BOTH
async def test_a_list_that_is_switched_off(tmp_path: Path, version: str) -> None:
    async with list_bench(tmp_path / "t.db", version) as bench:
        await fill(bench, 2)
        await bench.push()
        bench.station.settings.list_enabled = False
        said = await bench.session.lists.read_version(NAME)
        assert said.ok is (version != "1.6")
        assert "its list is not there, or switched off" in bench.view.why_unknown
        bench.station.settings.list_enabled = True
        await bench.session.lists.read_version(NAME)
        agree(bench)


# The database


async def test_a_store_that_cannot_be_written_sends_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    async with list_bench(tmp_path / "t.db") as bench:
        await fill(bench, 2)
        await bench.push()
        await fill(bench, 3)
        sent = bench.wire.lists
        bench.store.killed = True
        assert await bench.push("reconcile") == "the program is gone"
        assert bench.wire.lists == sent
        assert [finding.rule for finding in bench.session.findings] == ["list.not-kept"]
        bench.store.killed = False
        agree(bench)
        await bench.push("reconcile")
        agree(bench)


async def test_what_is_kept_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.tokens.list_keep.COMPACT_FROM", 4)
    bench = ListBench(tmp_path / "t.db", "2.0.1")
    await bench.start()
    for n in range(12):
        await bench.session.store.put(token("A1", status=list(AuthorizationStatus)[n % 2]))
        await bench.push("differential" if n else "full")
    rows = await bench.store.transact(lambda connection: connection.execute(local_list_chunks.select()).all())
    assert len(rows) <= 6
    await bench.stop()
    await bench.start()
    agree(bench)
    await bench.stop()


async def test_two_benches_on_one_store(tmp_path: Path) -> None:
    """A station that was pushed to by the other bench meanwhile is known to this one when it comes back."""
    first, second = ListBench(tmp_path / "t.db", "2.0.1"), ListBench(tmp_path / "t.db", "2.0.1")
    second.wire.station = second.station = first.station
    await first.start()
    await fill(first, 3)
    await first.push()
    first.wire.drop()
    await second.start()
    agree(second)
    await second.session.store.put(token("FF"))
    await second.push("reconcile")
    second.wire.drop()
    await first.connect()
    agree(first)
    await first.session.store.put(token("EE"))
    await first.push("reconcile")
    agree(first)
    await first.stop()
    await second.stop()
