"""Whatever the description allows or forbids, the API answers as described: requests made from it by schemathesis."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from bench.ocpi.model import Party
from devices.api.app import describe, make_app
from tests.devices.api.conftest import FakeSession
from tests.devices.api.schema_server import TOKENS, serving_in_a_thread


def no_fault(context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """Only the party that is asked during a handshake may have failed."""
    assert response.status_code < 500 or (case.path, response.status_code) == ("/api/v0/register", 502)


CHECKS = [
    no_fault,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
FRAMING = {"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
FEW, MANY = 8, 120


def description() -> dict[str, Any]:
    app = make_app(FakeSession(), "http://localhost", needs_token=False)  # type: ignore[arg-type]
    return copy.deepcopy(describe(app.openapi(), needs_token=False))


schema = schemathesis.openapi.from_dict(description()).include(path_regex="^/(api/v0|ocpi)")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, FakeSession]]:
    with serving_in_a_thread() as running:
        yield running


def ask(case: schemathesis.Case, server: tuple[str, FakeSession], token: str) -> None:
    """What frames a message is no part of an operation: broken, it is no HTTP request at all, which test_door.py tries."""
    url, session = server
    for name in [name for name in case.headers or () if name.lower() in FRAMING]:
        del case.headers[name]
    parties = {status: Party(status, kept, status) for status, kept in TOKENS.items()}
    session.registry.ocpi.load(parties)  # whoever left or was renewed is there again
    headers = {"Authorization": f"Token {token}"} if case.path.startswith("/ocpi") else {}
    case.call_and_validate(base_url=url, checks=CHECKS, headers=headers)


def tokens(case: schemathesis.Case) -> list[str]:
    """Of parties that are let in and are not yet; elsewhere none is wanted."""
    return list(TOKENS.values()) if case.path.startswith("/ocpi") else [""]


def limits(number: int) -> settings:
    return settings(
        max_examples=number, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
    )


def described_operations() -> set[str]:
    return {operation.ok().definition.raw["operationId"] for operation in schema.get_all_operations()}


def test_all_operations_are_tried() -> None:
    assert len(described_operations()) == 13 + 6


@schema.parametrize()
@limits(FEW)
def test_some_requests(case: schemathesis.Case, server: tuple[str, FakeSession]) -> None:
    for token in tokens(case):
        ask(case, server, token)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@schema.parametrize()
@limits(MANY)
def test_many_requests(case: schemathesis.Case, server: tuple[str, FakeSession]) -> None:
    for token in (*tokens(case), "nobody"):
        ask(case, server, token)
