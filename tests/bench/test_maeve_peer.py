"""All tokens of a list that has another order at each request, and when that cannot be made certain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.codecs.maeve import Answer, Outcome
from bench.errors import OperatorError
from bench.maeve_peer import list_tokens
from tests.maeve_world import token_there

Page = Callable[[int], Awaitable[Answer]]


def page_of(uids: list[str]) -> Answer:
    return Answer(Outcome.OK, 200, tuple(token_there(uid) for uid in uids))


def shuffled(count: int, size: int, seed: int) -> Page:
    """A server whose pages come from a list in another order each time."""
    order = random.Random(seed)  # noqa: S311 - an order, no secret
    uids = [str(number) for number in range(count)]

    async def page(offset: int) -> Answer:
        order.shuffle(uids)
        return page_of(uids[offset : offset + size])

    return page


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 1000))
async def test_every_token_is_found_whatever_the_order(count: int, size: int, seed: int) -> None:
    listing = await list_tokens(shuffled(count, size, seed), max_passes=1000, max_requests=100_000)
    assert listing.tokens.keys() == {str(number) for number in range(count)}
    assert listing.doubt == ""


async def test_a_list_with_an_order_takes_one_pass() -> None:
    asked: list[int] = []

    async def page(offset: int) -> Answer:
        asked.append(offset)
        return page_of([str(number) for number in range(25)][offset : offset + 10])

    told: list[tuple[int, int]] = []
    listing = await list_tokens(page, lambda done, total: told.append((done, total)))
    assert (listing.passes, len(listing.tokens), listing.doubt) == (1, 25, "")
    assert asked == [0, 10, 20, 25]
    assert told == [(10, 10), (20, 20), (25, 25)]


async def test_too_few_passes_or_requests_leave_a_doubt() -> None:
    listing = await list_tokens(shuffled(200, 10, 1), max_passes=2)
    assert listing.doubt.endswith("2 passes over its unordered list were not enough")
    assert listing.doubt.startswith(f"{len(listing.tokens)} of 200 tokens of MaEVe are known")
    listing = await list_tokens(shuffled(200, 10, 1), max_requests=5)
    assert "so many requests" in listing.doubt


async def test_a_server_that_ignores_the_offset_does_not_keep_us_for_ever() -> None:
    async def page(offset: int) -> Answer:
        return page_of(["1", "2"])

    listing = await list_tokens(page)
    assert len(listing.tokens) == 2
    assert "whatever the offset" in listing.doubt


async def test_entries_that_are_no_tokens_are_counted_and_told() -> None:
    async def page(offset: int) -> Answer:
        return Answer(Outcome.OK, 200, (token_there("1"),), lost=2) if offset == 0 else page_of([])

    listing = await list_tokens(page)
    assert listing.doubt == "1 of 3 tokens of MaEVe are known: 2 entries of its list cannot be read as tokens"


async def test_a_list_that_became_shorter_meanwhile_is_told() -> None:
    pages = iter([["1", "2"], ["2"], [], ["1"], []])  # between its passes it was restarted, and its memory is gone

    async def page(offset: int) -> Answer:
        return page_of(next(pages))

    assert "became shorter" in (await list_tokens(page)).doubt


async def test_a_slow_list_ends_when_its_time_is_up() -> None:
    async def page(offset: int) -> Answer:
        if offset:
            await asyncio.Event().wait()
        return page_of(["1"])

    listing = await list_tokens(page, limit_s=0.01)
    assert list(listing.tokens) == ["1"]
    assert "0.01 s were not enough" in listing.doubt


async def test_a_refusal_is_an_error_with_its_words() -> None:
    async def page(offset: int) -> Answer:
        return Answer(Outcome.REFUSED, 401, error="answered 401", cure="name a user")

    with pytest.raises(OperatorError, match="answered 401") as failed:
        await list_tokens(page)
    assert failed.value.cure == "name a user"
