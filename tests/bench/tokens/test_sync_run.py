"""A plan carried out against the simulated MaEVe: what is written, what is told of each token, and nothing half known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from bench.clock import utc_now
from bench.journal.log import Journal
from bench.maeve_peer import list_tokens
from bench.masking import message_json
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from bench.tokens.store import TokenStore
from bench.tokens.sync import Comparison, Conflict, Direction, Kind, Plan, compare, plan
from bench.tokens.sync_run import Came, SyncReport, apply
from devices.maeve import MaeveClient
from fixtures.http_peer import Request, Trouble
from fixtures.maeve import SimulatedMaeve
from tests.maeve_world import client_of, token_here


@pytest_asyncio.fixture
async def store() -> AsyncIterator[TokenStore]:
    async with TokenStore("sqlite://") as opened:
        yield opened


@pytest_asyncio.fixture
async def maeve() -> AsyncIterator[SimulatedMaeve]:
    async with SimulatedMaeve() as started:
        yield started


@pytest_asyncio.fixture
async def client(maeve: SimulatedMaeve) -> AsyncIterator[MaeveClient]:
    async with client_of(maeve) as made:
        yield made


async def compared(store: TokenStore, client: MaeveClient, *, key_codes: bool = False) -> Comparison:
    listing = await list_tokens(client.page_of_tokens)
    return compare(store.all(), listing.tokens.values(), utc_now(), key_codes=key_codes, doubt=listing.doubt)


async def planned(
    store: TokenStore,
    client: MaeveClient,
    direction: Direction,
    rule: Conflict | None = None,
    *,
    key_codes: bool = False,
) -> Plan:
    return plan(await compared(store, client, key_codes=key_codes), direction, rule)


def came(report: SyncReport) -> dict[str, Came]:
    return {result.step.entry.uid: result.came for result in report.results}


def is_post(request: Request) -> bool:
    return request.method == "POST"


async def test_both_ways_until_both_sides_are_equal(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here(f"{number:08X}") for number in range(130)])
    for number in range(100, 260):
        maeve.put(
            uid=f"{number:08X}", issuer="Theirs" if number < 130 else "Thoughtworks", lastUpdated="2026-01-01T00:00:00Z"
        )
    told: list[tuple[int, int]] = []
    report = await apply(
        await planned(store, client, Direction.BOTH), client, store, lambda done, total: told.append((done, total))
    )
    assert report.ok
    assert report.counts() == {Came.DONE: 260}
    assert told[-1] == (260, 260)
    assert (store.count, len(maeve.state.tokens)) == (260, 260)
    again = await compared(store, client)
    assert again.counts() == {Kind.EQUAL: 260}
    assert maeve.state.tokens["00000064"]["issuer"] == "Thoughtworks"


async def test_a_refused_token_does_not_stop_the_others(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here("A"), token_here("B"), token_here("C")])
    work = await planned(store, client, Direction.PUSH)
    maeve.fail(Trouble.SERVER_ERROR, concerns=lambda request: b'"uid":"B"' in request.body)
    report = await apply(work, client, store)
    assert came(report) == {"A": Came.DONE, "B": Came.REFUSED, "C": Came.DONE}
    assert report.results[1].why == "Internal Server Error: store: no space"
    assert report.text == "2 done, 1 refused"
    assert not report.ok


async def test_an_answer_that_was_lost_is_read_back(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here("A"), token_here("B")])
    work = await planned(store, client, Direction.PUSH)
    maeve.fail(Trouble.LOST, concerns=is_post)
    assert came(await apply(work, client, store)) == {"A": Came.DONE, "B": Came.DONE}


async def test_a_server_that_goes_leaves_one_token_unknown_and_the_rest_not_tried(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here("A"), token_here("B"), token_here("C")])
    work = await planned(store, client, Direction.PUSH)
    seen: list[str] = []

    def falls_at_b(request: Request) -> bool:
        if b'"uid":"B"' in request.body:
            seen.append("B")
        return bool(seen)

    maeve.fail(Trouble.HANG_UP, times=None, concerns=falls_at_b)
    report = await apply(work, client, store)
    assert came(report) == {"A": Came.DONE, "B": Came.UNKNOWN, "C": Came.NOT_TRIED}
    assert "broke" in report.stopped
    assert "not known" in report.results[1].why


async def test_a_server_that_is_down_before_is_not_tried(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here("A"), token_here("B")])
    work = await planned(store, client, Direction.PUSH)
    await maeve.stop()
    report = await apply(work, client, store)
    assert came(report) == {"A": Came.NOT_TRIED, "B": Came.NOT_TRIED}
    assert "cannot be reached" in report.stopped


async def test_cancelling_finishes_the_token_under_way(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here(f"{number}") for number in range(5)])
    work = await planned(store, client, Direction.PUSH)
    report = await apply(work, client, store, cancelled=lambda: len(maeve.state.tokens) == 2)
    assert report.counts() == {Came.DONE: 2, Came.NOT_TRIED: 3}
    assert report.stopped == "cancelled"
    assert len(maeve.state.tokens) == 2


async def test_what_changed_since_the_preview_is_not_written_over(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put_many([token_here("HERE"), token_here("NEW"), token_here("MINE")])
    maeve.put(uid="HERE", issuer="Other")
    maeve.put(uid="THERE")
    work = await planned(store, client, Direction.BOTH, Conflict.OURS)
    maeve.put(uid="HERE", issuer="Changed")
    maeve.put(uid="NEW")
    await store.put(token_here("MINE", issuer="Changed"))
    await store.put(token_here("THERE", issuer="Changed"))
    report = await apply(work, client, store)
    assert set(came(report).values()) == {Came.CHANGED}
    assert maeve.state.tokens["HERE"]["issuer"] == "Changed"
    assert "MINE" not in maeve.state.tokens


async def test_a_store_that_refuses_keeps_nothing_of_the_batch(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put(token_here("HERE"))
    maeve.put(uid="THERE")
    work = await planned(store, client, Direction.BOTH)
    await store.close()
    report = await apply(work, client, store)
    assert came(report) == {"THERE": Came.REFUSED, "HERE": Came.NOT_TRIED}
    assert maeve.state.tokens.keys() == {"THERE"}


async def test_what_was_pulled_can_be_taken_back(store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient) -> None:
    before = await store.put(token_here("04A2"))
    maeve.put(uid="04A2", valid=False)
    maeve.put(uid="NEW")
    report = await apply(await planned(store, client, Direction.PULL), client, store)
    assert [(was, now.uid) for was, now in report.pulled] == [(before, "04A2"), (None, "NEW")]
    kept = store.get("04A2")
    assert kept is not None
    assert kept.effective_status is AuthorizationStatus.BLOCKED


async def test_several_spellings_are_told_as_partly_done(
    store: TokenStore, maeve: SimulatedMaeve, client: MaeveClient
) -> None:
    await store.put(token_here("04A2", valid=False))
    maeve.put(uid="04A2")
    maeve.put(uid="04a2")
    work = await planned(store, client, Direction.PUSH)
    maeve.fail(Trouble.SERVER_ERROR, concerns=lambda request: b'"uid":"04a2"' in request.body)
    report = await apply(work, client, store)
    assert came(report) == {"04A2": Came.PARTLY}
    assert report.results[0].why.startswith("1 of 2 spellings were written")


async def test_key_codes_go_only_when_asked_for_and_never_stand_in_a_url_or_the_journal(maeve: SimulatedMaeve) -> None:
    journal = Journal()

    def is_key_code(uid: str) -> bool:
        return uid == "481516"

    pin: Token = replace(token_here("481516"), id_token_type=IdTokenType.KEY_CODE)
    async with TokenStore("sqlite://") as store, client_of(maeve, journal, is_key_code=is_key_code) as client:
        await store.put(pin)
        assert (await planned(store, client, Direction.PUSH)).to_do() == []
        report = await apply(await planned(store, client, Direction.PUSH, key_codes=True), client, store)
        assert report.ok
        await compared(store, client)
    assert "481516" in maeve.state.tokens
    assert not any("481516" in request.path for request in maeve.requests)
    assert "481516" not in str([message_json(message, exchange=None) for message in journal.since(0)])
