"""Whatever is edited, pushed, lost and restarted: what the bench says that a station holds is what it holds, or it says that it
does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import OperatorError
from bench.list_view import Progress
from bench.message import Link
from bench.station_role.memory import ListUpdate
from bench.tasks import Tasks
from bench.tokens.model import AuthorizationStatus, IdTokenType
from bench.tokens.store import TokenStore
from fixtures.charger.behaviour import Behaviour, LimitsTold, ListFault
from tests.bench.tokens.listbench import ListBench, info_of
from tests.bench.tokens.listpeer import token

UIDS = [f"{n:02X}" for n in range(12)]
STATUSES = [AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED]
MODES = ["full", "differential", "reconcile"]

edits = st.tuples(st.just("edit"), st.sampled_from(UIDS), st.sampled_from([*STATUSES, None]))
pushes = st.tuples(
    st.just("push"), st.sampled_from(MODES), st.lists(st.sampled_from([*[ListFault.NONE] * 4, *ListFault]), max_size=4)
)
cancels = st.tuples(st.just("cancel"), st.sampled_from(MODES), st.integers(1, 3))
kills = st.tuples(st.just("kill"), st.sampled_from(MODES), st.integers(1, 4), st.booleans())
others = st.sampled_from([("drop",), ("restart",), ("version",), ("foreign",), ("toggle",), ("hand",)])
meetings = st.tuples(
    st.just("meet"),
    st.sampled_from(MODES),
    st.integers(1, 3),
    st.sampled_from(["give up", "come back", "refuse", "refuse till the end", "bytes", "edit", "edit and come back"]),
)
injected = st.tuples(st.just("bytes"), st.sampled_from([0, 1, 5]), st.booleans())
steps = st.lists(
    st.one_of(edits, edits, edits, pushes, pushes, cancels, kills, meetings, injected, others), max_size=20
)

STATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "honest 1.6": ("1.6", {"items_per_message": 3}),
    "honest 2.0.1": ("2.0.1", {"items_per_message": 3}),
    "by bytes": ("2.0.1", {"bytes_per_message": 300}),
    "lying 1.6": ("1.6", {"lying_list": True}),
    "lying 2.0.1": ("2.0.1", {"lying_list": True}),
    "tiny 1.6": ("1.6", {"list_capacity": 4, "items_per_message": 1}),
    "tiny 2.0.1": ("2.0.1", {"list_capacity": 4, "items_per_message": 1}),
    "mismatching 1.6": ("1.6", {"list_mismatch": True, "items_per_message": 5}),
    "mismatching 2.0.1": ("2.0.1", {"list_mismatch": True, "items_per_message": 5}),
    "silent on limits": ("2.0.1", {"limits_told": LimitsTold.NOWHERE, "items_per_message": 3}),
}


@pytest.fixture(scope="module")
def empty_store() -> Iterator[Path]:
    """A store of the newest shape, to be copied: migrating takes longer than a scenario."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"

        async def make() -> None:
            async with TokenStore(str(file)):
                pass

        asyncio.run(make())
        yield file


@pytest.mark.parametrize("name", list(STATIONS))
@given(steps)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shadow_and_station_agree(empty_store: Path, name: str, ops: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(empty_store, name, ops))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(STATIONS))
@given(steps)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shadow_and_station_agree_at_length(empty_store: Path, name: str, ops: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(empty_store, name, ops))


async def play(empty_store: Path, name: str, ops: list[tuple[Any, ...]]) -> None:
    version, behaviour = STATIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens.db"
        shutil.copy(empty_store, file)
        bench = ListBench(file, version, Behaviour(**behaviour))
        await bench.start()
        try:
            for op in ops:
                await step(bench, op)
                check(bench, op)
            await end(bench, name)
        finally:
            await bench.stop()


async def step(bench: ListBench, op: tuple[Any, ...]) -> None:
    match op:
        case "edit", uid, None:
            if bench.store.get(uid) is not None:
                await bench.store.delete(uid, IdTokenType.ISO14443)
        case "edit", uid, status:
            await bench.store.put(token(uid, status=status))
        case "push", mode, faults:
            bench.behaviour.list_faults = deque(faults)
            await bench.push(mode)
            bench.behaviour.list_faults.clear()
            if not bench.wire.up:
                check(bench, op)
                await bench.connect()
        case "cancel", mode, part:
            desk = bench.session.lists
            await desk.push("CP-001", mode, lambda at: at.part == part and desk.cancel("CP-001") and None)
        case "meet", mode, part, what:
            await meet(bench, mode, part, what)
        case "bytes", ahead, blocked:
            inject(bench, ahead, blocked)
            await bench.quiet()
        case "kill", mode, number, taken:
            await kill(bench, mode, number, ListFault.MUTE_AFTER if taken else ListFault.MUTE_BEFORE)
        case ("drop",):
            bench.wire.drop()
            check(bench, op)
            await bench.connect()
        case ("restart",):
            await bench.stop()
            await bench.start()
        case ("version",):
            await bench.session.lists.read_version("CP-001")
        case ("foreign",):
            foreign(bench)
            await bench.session.lists.read_version("CP-001")
        case ("toggle",):
            bench.station.settings.list_enabled = not bench.station.settings.list_enabled
            await bench.session.lists.read_version("CP-001")
        case ("hand",):
            field = "listVersion" if bench.station.version == "1.6" else "versionNumber"
            sent = {field: bench.station.local_list.version + 1, "updateType": "Full"}
            await bench.session.call("CP-001", "SendLocalList", sent)
            await bench.quiet()


async def kill(bench: ListBench, mode: str, number: int, fault: ListFault) -> None:
    """Push, and end the program while that message is under way, or after the push where it has fewer."""
    bench.behaviour.list_faults = deque([*[ListFault.NONE] * (number - 1), fault])
    last, here = bench.wire.lists + number, asyncio.Event()
    bench.wire.on_list = lambda: here.set() if bench.wire.lists == last else None
    bench.wire.patient = True
    pushing = Tasks().spawn(bench.push(mode), name="push")
    reached = Tasks().spawn(here.wait(), name="reached")
    await asyncio.wait([pushing, reached], return_when=asyncio.FIRST_COMPLETED)
    bench.store.killed = True
    for task in (pushing, reached):
        task.cancel()
    await asyncio.gather(pushing, reached, return_exceptions=True)
    bench.wire.on_list, bench.wire.patient = lambda: None, False
    bench.behaviour.list_faults.clear()
    await bench.kill()
    await bench.start()


async def meet(bench: ListBench, mode: str, part: int, what: str) -> None:
    """Push, and let something else happen before that message."""

    def happen(at: Progress) -> None:
        if at.part != part:
            return
        match what:
            case "give up":
                pushing.cancel()
            case "come back" | "edit and come back":
                bench.wire.drop()
                bench.wire.connect()
            case "refuse" | "refuse till the end":
                bench.store.killed = True
            case "bytes":
                inject(bench, 1, True)
        if what.startswith("edit"):
            bench.session.tasks.spawn(bench.store.put(token("0F", status=STATUSES[at.parts % 2])), name="edit")

    async def push() -> None:
        with contextlib.suppress(OperatorError):
            await bench.session.lists.push("CP-001", mode, happen)

    pushing = Tasks().spawn(push(), name="push")
    await asyncio.wait([pushing])
    if what == "refuse till the end":
        await bench.kill()
        await bench.start()
    bench.store.killed = False
    await bench.quiet()


def inject(bench: ListBench, ahead: int, blocked: bool) -> None:
    """The operator writes a list as bytes, with the version that the station has or one ahead."""
    old = bench.station.version == "1.6"
    status = "Blocked" if blocked else "Accepted"
    entry = (
        {"idTag": "EE", "idTagInfo": {"status": status}}
        if old
        else {
            "idToken": {"idToken": "EE", "type": "ISO14443"},
            "idTokenInfo": {"status": status},
        }
    )
    sent = {
        "listVersion" if old else "versionNumber": max(1, bench.station.local_list.version + ahead),
        "updateType": "Full",
        "localAuthorizationList": [entry],
    }
    raw = json.dumps([2, "me", "SendLocalList", sent]).encode()
    bench.session.inject(Link.OCPP, "CP-001", raw)


def foreign(bench: ListBench) -> None:
    """Another CSMS sends a list of its own, far above our versions."""
    local_list = bench.station.local_list
    entry = ("fe", "" if bench.station.version == "1.6" else "iso14443"), info_of({"idTagInfo": {"status": "Accepted"}})
    local_list.update(ListUpdate(True, local_list.version + 1000, [entry]), True)


def check(bench: ListBench, op: tuple[Any, ...]) -> None:
    view = bench.view
    if view.known:
        assert bench.said() == bench.really(), op
    else:
        assert view.why_unknown, op


async def end(bench: ListBench, name: str) -> None:
    """The list is switched on and nothing else goes wrong: at the end both are as the store says, or it is told why not."""
    bench.station.settings.list_enabled = True
    await bench.push("reconcile")
    check(bench, ("end",))
    view = bench.view
    kind = name.partition(" ")[0]
    if kind in ("honest", "by"):
        assert view.known
        assert bench.really() == bench.wanted()
    elif not view.known or bench.really() != bench.wanted():
        assert not view.last_report.ok
        assert view.last_report.text
