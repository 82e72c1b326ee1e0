"""Whatever the description allows or forbids, the API answers as described: requests made from it by schemathesis."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from bench.ocpi.model import Party, Status
from devices.api.app import describe, make_app
from tests.devices.api.conftest import FakeSession
from tests.devices.api.schema_server import TOKENS, serving_in_a_thread

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
FEW, MANY = 15, 400


def description() -> dict[str, Any]:
    app = make_app(FakeSession(), "http://localhost", needs_token=False)  # type: ignore[arg-type]
    return copy.deepcopy(describe(app.openapi(), needs_token=False))


schema = schemathesis.openapi.from_dict(description()).include(path_regex="^/(api/v0|ocpi)")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, FakeSession]]:
    with serving_in_a_thread() as running:
        yield running


def ask(case: schemathesis.Case, server: tuple[str, FakeSession], token: str) -> None:
    url, session = server
    parties = {status: Party(status, kept, status) for status, kept in TOKENS.items()}
    session.maeve.ocpi.load(parties)  # whoever left or was renewed is there again
    headers = {"Authorization": f"Token {token}"} if case.path.startswith("/ocpi") else {}
    case.call_and_validate(base_url=url, checks=CHECKS, headers=headers)


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
    for token in TOKENS.values():
        ask(case, server, token)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@schema.parametrize()
@limits(MANY)
def test_many_requests(case: schemathesis.Case, server: tuple[str, FakeSession]) -> None:
    for token in (*TOKENS.values(), "nobody's"):
        ask(case, server, token)


@pytest.mark.parametrize("status", Status)
def test_the_tokens_are_those_of_parties(server: tuple[str, FakeSession], status: Status) -> None:
    assert server[1].maeve.ocpi.party_of(f"Token {TOKENS[status]}") is not None
