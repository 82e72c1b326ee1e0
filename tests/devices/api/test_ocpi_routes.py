"""OCPI 2.2 as the side that is asked: who may do what, and answers in OCPI's own shape."""

from __future__ import annotations

import base64

import httpx
import pytest

from devices.api.app import make_app
from devices.api.guard import MAX_OCPI_BODY
from tests.bench.ocpi.test_ocpi_handshake import THEIRS, URL, Party

CREDENTIALS = "/ocpi/2.2/credentials"


def token(value: str, *, encoded: bool = False) -> dict[str, str]:
    shown = base64.b64encode(value.encode()).decode() if encoded else value
    return {"Authorization": f"Token {shown}"}


@pytest.fixture
async def party(api):
    """The other party, which was registered here with token-a and may now come."""
    made = Party()
    api.session.registry.ocpi.reach(made, api.server.url_towards)
    assert (await api.client.post("/api/v0/register", json={"token": "token-a"})).status_code == 201
    return made


@pytest.mark.parametrize(
    "header", [{}, token("nobody"), {"Authorization": "Bearer token-a"}, {"Authorization": "Token"}]
)
async def test_without_a_known_token_nothing_is_told(api, party, header):
    changing = [(method, CREDENTIALS) for method in ("GET", "POST", "PUT", "DELETE")]
    for method, path in [("GET", "/ocpi/versions"), ("GET", "/ocpi/2.2"), *changing]:
        answer = await api.client.request(method, path, headers=header, json=THEIRS)
        assert answer.status_code == 401
        told = answer.json()
        assert (told["status_code"], set(told)) == (2000, {"status_code", "status_message", "timestamp"})
    assert not party.asked


@pytest.mark.parametrize("encoded", [False, True])
async def test_versions_lead_to_credentials(api, party, encoded):
    header = token("token-a", encoded=encoded)
    told = (await api.client.get("/ocpi/versions", headers=header)).json()
    assert (told["status_code"], told["data"]) == (1000, [{"version": "2.2", "url": f"{api.server.url}/ocpi/2.2"}])
    told = (await api.client.get("/ocpi/2.2", headers=header)).json()["data"]
    assert told["version"] == "2.2"
    assert [(one["identifier"], one["url"]) for one in told["endpoints"]] == [
        ("credentials", api.server.url + CREDENTIALS)
    ]
    told = (await api.client.get(CREDENTIALS, headers=header)).json()["data"]
    assert (told["token"], told["url"]) == ("token-a", f"{api.server.url}/ocpi/versions")


async def test_a_party_registers_renews_and_leaves(api, party):
    for method in ("PUT", "DELETE"):
        answer = await api.client.request(method, CREDENTIALS, headers=token("token-a"), json=THEIRS)
        assert (answer.status_code, answer.json()["status_code"]) == (405, 2000)
    first = (await api.client.post(CREDENTIALS, headers=token("token-a"), json=THEIRS | {"more": 1})).json()
    assert first["status_code"] == 1000
    assert [(method, url) for method, url, _ in party.asked] == [("GET", URL), ("GET", "http://emsp.example/2.2")]
    assert (await api.client.get("/ocpi/versions", headers=token("token-a"))).status_code == 401
    fresh = first["data"]["token"]
    assert (await api.client.post(CREDENTIALS, headers=token(fresh), json=THEIRS)).status_code == 405
    renewed = (await api.client.put(CREDENTIALS, headers=token(fresh), json=THEIRS)).json()["data"]["token"]
    assert renewed != fresh
    assert (await api.client.get(CREDENTIALS, headers=token(fresh))).status_code == 401
    answer = await api.client.delete(CREDENTIALS, headers=token(renewed))
    assert (answer.status_code, answer.json()["status_code"]) == (200, 1000)
    assert not api.session.registry.ocpi.parties


async def test_a_party_whose_api_cannot_be_used_is_told_so_and_stays_pending(api, party):
    party.answers["versions"] = {"status_code": 1000, "data": []}
    told = (await api.client.post(CREDENTIALS, headers=token("token-a"), json=THEIRS)).json()
    assert told["status_code"] == 3002
    assert "data" not in told
    assert (await api.client.get("/ocpi/versions", headers=token("token-a"))).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 50_000,
        b'{"token":"x"}',
        b'{"token":"\\ud800"}',
        b'{"token":"x","url":"ftp://x","roles":[]}',
    ],
)
async def test_a_body_that_is_wrong_is_told_in_the_shape_of_ocpi(api, party, body):
    answer = await api.client.post(CREDENTIALS, headers=token("token-a"), content=body)
    assert (answer.status_code, answer.json()["status_code"]) == (400, 2001)
    answer = await api.client.post(CREDENTIALS, headers=token("token-a"), content=b"x" * 10_000_000)
    assert (answer.status_code, answer.json()["status_code"]) == (413, 2000)
    assert not party.asked


async def test_a_stranger_may_not_fill_the_journal(api, party):
    before = api.session.journal.head
    answer = await api.client.post(CREDENTIALS, content=b"x" * (MAX_OCPI_BODY + 1))
    assert (answer.status_code, api.session.journal.head) == (413, before)
    assert (await api.client.post(CREDENTIALS, content=b"x" * MAX_OCPI_BODY)).status_code == 400


@pytest.mark.parametrize(
    "path", ["/ocpi", "/ocpi/", "/ocpi/2.1.1", "/ocpi/2.2/tokens", "/ocpi/2.2/..%2f..%2fapi", "/ocpi/%00"]
)
async def test_what_is_not_there_is_told_in_the_shape_of_ocpi(api, party, path):
    answer = await api.client.get(path, headers=token("token-a"))
    assert (answer.status_code, answer.json()["status_code"]) == (404, 2000)


@pytest.mark.parametrize(
    ("url", "who", "status"),
    [
        ("http://127.0.0.1:9/", "192.0.2.7", 400),
        ("http://localhost:9/", "192.0.2.7", 400),
        ("http://169.254.169.254/latest/", "192.0.2.7", 400),
        ("http://[::ffff:127.0.0.1]:9/", "192.0.2.7", 400),
        ("http://0.0.0.0:9/", "192.0.2.7", 400),
        ("http://192.0.2.8/versions", "192.0.2.7", 200),
        ("http://127.0.0.1:9/versions", "127.0.0.1", 200),
    ],
)
async def test_a_party_elsewhere_sends_the_bench_to_no_service_of_its_own_computer(api, party, url, who, status):
    app = make_app(api.session, api.server.url, needs_token=True)
    transport = httpx.ASGITransport(app, client=(who, 4711))
    party.answers["versions"] = {"status_code": 1000, "data": []}
    async with httpx.AsyncClient(transport=transport, base_url=api.server.url) as client:
        headers = token("token-a") | {"Content-Type": "application/json"}
        answer = await client.post(CREDENTIALS, headers=headers, json={**THEIRS, "url": url})
    assert answer.status_code == status, answer.text
    assert bool(party.asked) is (status == 200)
