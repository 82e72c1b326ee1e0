"""The API put together: routes, errors in one shape, and a description that is true."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from bench import __version__
from bench.errors import BadInput, Busy, LinkDown, NotFound, OperatorError, StoreError
from bench.ocpi.handshake import PeerProblem
from devices.api.journaled import Journaled
from devices.api.jsonio import is_ocpi, refusal, reply
from devices.api.models import Status
from devices.api.routes_bench import bench_router
from devices.api.routes_lists import lists_router
from devices.api.routes_maeve import maeve_router, registered_router
from devices.api.routes_ocpi import ocpi_router
from devices.api.routes_proxy import proxy_router
from devices.api.routes_questions import questions_router
from devices.api.routes_stations import NoAnswer, stations_router

if TYPE_CHECKING:
    from bench.session import Session

BENCH = "/bench/v1"
MAEVE = "/api/v0"
MAX_SHOWN = 200

# First match wins. What is left of OperatorError is the world not ready: 503.
_STATUS: tuple[tuple[type[OperatorError], int], ...] = (
    (BadInput, 400),
    (NotFound, 404),
    (LinkDown, 409),
    (Busy, 409),
    (NoAnswer, 504),
    (PeerProblem, 502),
    (StoreError, 503),
)
_COMMON: dict[int | str, dict[str, Any]] = {
    400: {"model": Status, "description": "The request cannot be used as it is"},
    "default": {"model": Status, "description": "Unexpected error"},
}


def make_app(session: Session, url: str, needs_token: bool) -> FastAPI:
    """The ASGI application of a session; ``url`` is where it is served."""
    app = FastAPI(
        title="Authbench control API",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": url}],
        responses=_COMMON,
    )
    app.include_router(bench_router(session), prefix=BENCH)
    app.include_router(stations_router(session), prefix=BENCH)
    app.include_router(lists_router(session), prefix=BENCH)
    app.include_router(proxy_router(session), prefix=BENCH)
    app.include_router(questions_router(session), prefix=BENCH)
    app.include_router(registered_router(session), prefix=BENCH)
    app.include_router(maeve_router(session), prefix=MAEVE)
    app.include_router(ocpi_router(session))
    described: dict[str, Any] = {}

    @app.get(f"{BENCH}/openapi.json", response_model=dict[str, Any], tags=["bench"])
    async def openapi() -> Response:
        """This description."""
        if not described:
            described.update(describe(app.openapi(), needs_token))
        return reply(described)

    app.add_middleware(Journaled, session=session)
    app.add_exception_handler(OperatorError, _operator_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)
    return app


def describe(generated: dict[str, Any], needs_token: bool) -> dict[str, Any]:
    """What the framework generated, put right: wrong requests get 400 here, never 422, and some need a token."""
    schemes = generated["components"].setdefault("securitySchemes", {})
    schemes["ocpi"] = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token ..."}
    for path, item in generated["paths"].items():
        for operation in item.values():
            operation["responses"].pop("422", None)
            if is_ocpi(path):
                operation["security"] = [{"ocpi": []}]
    schemas = generated["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if needs_token:
        schemes["bearer"] = {"type": "http", "scheme": "bearer"}
        generated["security"] = [{"bearer": []}]
    return generated


async def _operator_error(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 503)
    return refusal(status, str(error), path=request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return refusal(400, "; ".join(_in_words(entry) for entry in error.errors()[:3]), path=request.url.path)


def _in_words(entry: dict[str, Any]) -> str:
    """One complaint of the validator: where and what, never the value, which may be a secret."""
    if entry["type"] == "json_invalid":
        return f"the body is not JSON: {entry.get('ctx', {}).get('error', entry['msg'])}"
    where = ".".join(str(part) for part in entry["loc"] if part != "body") or "the body"
    said = str(entry["msg"]).removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        said = "there is no such member"
    return f"{where}: {said}"


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:MAX_SHOWN]
    texts = {404: f"there is no {path}", 405: f"{request.method} is not possible there"}
    usual = HTTPStatus(error.status_code).phrase
    said = texts.get(error.status_code, usual) if error.detail == usual else str(error.detail)
    return refusal(error.status_code, said, error.headers, path=request.url.path)


async def _bug(request: Request, error: Exception) -> Response:
    """The guard logs it; clients learn no more than that it happened."""
    return refusal(500, "a fault in the bench itself; its log tells more", path=request.url.path)
