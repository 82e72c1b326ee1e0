"""Whatever is sent, the API answers in JSON and never with a fault of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
TOKEN_NAMES = st.sampled_from(
    ["countryCode", "partyId", "type", "uid", "contractId", "visualNumber", "issuer", "groupId", "valid"]
    + ["languageCode", "cacheMode", "lastUpdated", "idTokenType", "status"]
    + ["expiry", "evseIds", "language2", "personalMessage", "chargingPriority", "note", "source"]
)
GOOD = st.sampled_from(["GB", "TWK", "RFID", "GBTWK012345678V", "ALWAYS", True, "Blocked", "ISO14443"])
TAP_NAMES = st.sampled_from(["uid", "token_type", "technology", "evse_id", "plugged_in_first"])
WORDS = st.sampled_from(["04A2B3C4", "ISO14443", "key_code", "no_authorization", False])


@pytest.fixture(scope="module")
def ask(asgi: Callable[[], Any]) -> Callable[..., httpx.Response]:
    app = asgi()

    def request(method: str, path: str, **options: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", verify=False) as client:
                return await client.request(method, path, **options)

        return asyncio.run(once())

    return request


def assert_in_order(answer: httpx.Response, *good: int) -> None:
    assert answer.status_code in (*good, 400), answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"status", "error"}


@settings(max_examples=100, deadline=None)
@given(body=st.dictionaries(TAP_NAMES, WORDS | JSON) | JSON)
def test_taps(ask, body):
    assert_in_order(ask("POST", "/bench/v1/taps", content=orjson.dumps(body)), 200)


@settings(max_examples=150, deadline=None)
@given(body=st.dictionaries(TOKEN_NAMES, GOOD | JSON, min_size=7) | JSON)
def test_tokens(ask, body):
    assert_in_order(ask("POST", "/api/v0/token", content=orjson.dumps(body)), 201)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=80) | JSON.map(orjson.dumps))
def test_payloads(ask, body):
    assert_in_order(ask("POST", "/bench/v1/stations/CP/calls/DataTransfer", content=body), 200)


@settings(max_examples=100, deadline=None)
@given(
    query=st.dictionaries(
        st.sampled_from(["filter", "after", "limit", "x"]), TEXT | st.integers(-5, 2**70).map(str), max_size=4
    )
)
def test_queries(ask, query):
    assert_in_order(ask("GET", "/bench/v1/messages", params=query), 200)


@settings(max_examples=60, deadline=None)
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#%"), max_size=40))
def test_paths(ask, path):
    assert_in_order(ask("GET", "/bench/v1/exchanges/" + path), 200, 404)
    assert_in_order(ask("GET", "/api/v0/token/" + path), 200, 404)


def test_commands_without_a_server_do_not_pay_for_one():
    code = "import sys, devices.api.server; print([m for m in ('fastapi', 'uvicorn', 'pydantic') if m in sys.modules])"
    root = Path(__file__).parents[3]
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == "[]"
