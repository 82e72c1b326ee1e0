"""``/bench/v1``: state, taps, exchanges, the journal, and the bench as a station."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from bench.errors import BadInput, NotFound
from bench.exchange import to_json
from bench.journal.filter import FilterError, parse
from bench.journal.view import JournalContext
from bench.masking import message_json
from bench.session import TapRequest
from bench.station_role.view import role_json
from devices.api.jsonio import JsonRoute, reply
from devices.api.models import ExchangeOut, MessageOut, RoleOut, State, TapBody

if TYPE_CHECKING:
    from bench.role_desk import RoleDesk
    from bench.session import Session

MAX_NUMBER = 2**63 - 1
SLICE = 500


def bench_router(session: Session) -> APIRouter:
    """What a session shows and is told, but for its stations."""
    router = APIRouter(route_class=JsonRoute, tags=["bench"])

    @router.get("/state", response_model=State)
    async def state() -> Response:
        """Links, stations, readers and counters."""
        return reply(session.state())

    @router.post("/taps", response_model=ExchangeOut)
    async def present(tap: TapBody) -> Response:
        """Present a card. The finished exchange, or one with verdict null where wait_s ran out."""
        request = TapRequest(tap.uid, tap.josev_type, tap.evse_id, tap.plugged_in_first)
        exchange = session.present(request)
        return reply(to_json(await session.wait_closed(exchange.id, tap.wait_s)))

    @router.get("/exchanges", response_model=list[ExchangeOut])
    async def exchanges(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """The latest exchanges, newest first."""
        newest = islice(reversed(session.exchanges.values()), limit)
        return reply([to_json(exchange) for exchange in newest])

    @router.get("/exchanges/{exchange_id}", response_model=ExchangeOut)
    async def exchange(exchange_id: Annotated[int, Path(ge=1, le=MAX_NUMBER)]) -> Response:
        found = session.exchanges.get(exchange_id)
        if found is None:
            raise NotFound(f"there is no exchange {exchange_id}")
        return reply(to_json(found))

    @router.get("/messages", response_model=list[MessageOut])
    async def messages(
        filter_: Annotated[str, Query(alias="filter", description="see the filter language")] = "",
        after: Annotated[int, Query(ge=0, le=MAX_NUMBER, description="only messages of a higher number")] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> Response:
        """Messages in memory that the filter lets through, by number; older ones are in the capture."""
        return reply(await matching(session, filter_, after, limit))

    def station_role() -> RoleDesk:
        if session.role is None:
            raise NotFound("the bench is no station of another CSMS; start it with --csms URL")
        return session.role

    @router.get("/role", response_model=RoleOut)
    async def role() -> Response:
        """The bench as a station: its connection, local list, cache and settings; key codes masked."""
        return reply(role_json(station_role().view()))

    @router.delete("/role/list", response_model=RoleOut)
    async def clear_role_list() -> Response:
        """Forget the local list, as a factory reset does."""
        station_role().clear_list()
        return reply(role_json(station_role().view()))

    @router.delete("/role/cache", response_model=RoleOut)
    async def clear_role_cache() -> Response:
        """Forget the authorization cache."""
        station_role().clear_cache()
        return reply(role_json(station_role().view()))

    return router


async def matching(session: Session, text: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The JSON of messages numbered above ``after`` that a filter lets through, at most ``limit``.

    Raises:
        BadInput: the filter is wrong; names the character.
    """
    try:
        matches = parse(text).matches
    except FilterError as error:
        raise BadInput(f"the filter is wrong at character {error.position + 1}: {error.text}") from error
    journal = session.journal
    context = JournalContext(session.pairs, session.exchange_of)
    head = journal.head
    rows: list[dict[str, Any]] = []
    while after < head and (batch := journal.since(after, SLICE)):
        for message in batch:
            if message.seq > head or len(rows) == limit:
                return rows
            if matches(message, context):
                rows.append(message_json(message, exchange=session.exchange_of(message.seq)))
        after = batch[-1].seq
        await asyncio.sleep(0)  # a long journal is searched in slices: taps and stations come in between
    return rows
