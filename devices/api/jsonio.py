"""JSON in and out: strict when read, whatever the content type; every error in one shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute


class JsonRequest(Request):
    """A request whose body is read by orjson: no NaN, no lone surrogates, no bottomless nesting."""

    async def json(self) -> Any:
        return orjson.loads(await self.body())


class JsonRoute(APIRoute):
    """A route that reads its body as :class:`JsonRequest` does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle


def to_bytes(value: object) -> bytes:
    """JSON of what the bench tells; what orjson refuses (a station may send any text or number) is escaped instead."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        return json.dumps(value, default=str, ensure_ascii=True).encode()


def reply(value: object, status: int = 200) -> Response:
    return Response(to_bytes(value), status, media_type="application/json")


def refusal(status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    """``{"status", "error"}`` (MaEVe API, Status): the HTTP phrase, and what is wrong in words."""
    content = to_bytes({"status": HTTPStatus(status).phrase, "error": error})
    return Response(content, status, headers, media_type="application/json")
