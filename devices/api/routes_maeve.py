"""``/api/v0``: the MaEVe CSMS API, acting on this bench. Tokens go to the store that answers Authorize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from bench.errors import NotFound
from bench.tokens.api_form import from_api, to_api
from devices.api.jsonio import JsonRoute, reply
from devices.api.models import Status, TokenBody, TokenOut

if TYPE_CHECKING:
    from bench.session import Session

MAX_OFFSET = 2**63 - 1
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Status, "description": "Not found"}}


def maeve_router(session: Session) -> APIRouter:
    """MaEVe API, Default. The operations on tokens."""
    router = APIRouter(route_class=JsonRoute, tags=["maeve"])

    @router.post("/token", status_code=201, operation_id="setToken", response_class=Response)
    async def set_token(token: TokenBody) -> Response:
        """Create or update a token; uid and idTokenType, ignoring case, say which. contractId is normalised."""
        await session.store.put(from_api(token.model_dump(mode="json", exclude_none=True)), by="api")
        return Response(status_code=201)

    @router.get("/token", response_model=list[TokenOut], operation_id="listTokens")
    async def list_tokens(
        offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> Response:
        """Tokens in an order that stays from page to page."""
        return reply([to_api(token) for token in session.store.page(offset, limit)])

    @router.get("/token/{tokenUid}", response_model=TokenOut, operation_id="lookupToken", responses=UNKNOWN)
    async def lookup_token(uid: Annotated[str, Path(alias="tokenUid")]) -> Response:
        """The token of that uid, ignoring case."""
        token = session.store.get(uid, None)
        if token is None:
            raise NotFound("there is no token with this uid")
        return reply(to_api(token))

    return router
