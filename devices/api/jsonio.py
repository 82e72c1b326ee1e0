"""JSON in and out: strict when read, whatever the content type; every error in one shape, those of OCPI in its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from bench.clock import iso_datetime, utc_now
from bench.ocpi.model import Code

OCPI = "/ocpi"


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


def is_ocpi(path: str) -> bool:
    """Whether a path is one of OCPI, which has tokens of its own."""
    return path == OCPI or path.startswith(f"{OCPI}/")


def envelope(data: object, code: Code = Code.SUCCESS, message: str = "") -> dict[str, object]:
    """OCPI 2.2, Response format."""
    made: dict[str, object] = {"status_code": int(code), "timestamp": iso_datetime(utc_now())}
    if data is not None:
        made["data"] = data
    if message:
        made["status_message"] = message
    return made


def _problem(status: int, error: str) -> dict[str, object]:
    """The envelope of an HTTP error."""
    code = Code.SERVER_ERROR if status >= 500 else Code.BAD_PARAMETERS if status == 400 else Code.CLIENT_ERROR
    return envelope(None, code, error)


def refusal(status: int, error: str, headers: Mapping[str, str] | None = None, *, path: str = "") -> Response:
    """``{"status", "error"}`` (MaEVe API, Status): the HTTP phrase, and what is wrong in words; on a path of OCPI its envelope."""
    told = _problem(status, error) if is_ocpi(path) else {"status": HTTPStatus(status).phrase, "error": error}
    return Response(to_bytes(told), status, headers, media_type="application/json")
