"""The token part of the MaEVe CSMS API."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, unquote

import httpx
import pytest

from bench.masking import message_json
from bench.tokens.api_form import from_api
from bench.tokens.model import AuthorizationStatus, IdTokenType
from devices.api.models import TokenBody

TOKEN = {
    "countryCode": "GB",
    "partyId": "TWK",
    "type": "RFID",
    "uid": "DEADBEEF",
    "contractId": "GB-TWK-012345678-V",
    "issuer": "Thoughtworks",
    "valid": True,
    "cacheMode": "ALWAYS",
}


async def test_a_token_is_set_and_found(api):
    answer = await api.client.post("/api/v0/token", json=TOKEN)
    assert (answer.status_code, answer.content) == (201, b"")
    told = (await api.client.get("/api/v0/token/DEADBEEF")).json()
    updated = told.pop("lastUpdated")
    assert updated.endswith("Z")
    assert told == TOKEN | {"contractId": "GBTWK012345678V"}
    assert (await api.client.get("/api/v0/token/deadbeef")).json()["uid"] == "DEADBEEF"


async def test_what_was_read_can_be_written_again(api):
    full = TOKEN | {
        "visualNumber": "0815", "groupId": "fleet", "languageCode": "de", "lastUpdated": "2019-08-24T14:15:22Z",
        "valid": False,
    }  # fmt: skip
    assert (await api.client.post("/api/v0/token", json=full)).status_code == 201
    told = (await api.client.get("/api/v0/token/DEADBEEF")).json()
    assert told["lastUpdated"] != full["lastUpdated"]
    assert (await api.client.post("/api/v0/token", json=told)).status_code == 201
    again = (await api.client.get("/api/v0/token/DEADBEEF")).json()
    assert {**again, "lastUpdated": ""} == {**told, "lastUpdated": ""}
    assert {**again, "lastUpdated": ""} == {**full, "contractId": "GBTWK012345678V", "lastUpdated": ""}
    [token] = api.session.store.tokens.values()
    assert token.effective_status is AuthorizationStatus.BLOCKED


async def test_status_and_type_may_be_added(api):
    extra = {"status": "Expired", "idTokenType": "eMAID", "uid": "GBTWK012345678V", "valid": False}
    assert (await api.client.post("/api/v0/token", json=TOKEN | extra)).status_code == 201
    [token] = api.session.store.tokens.values()
    assert (token.effective_status, token.id_token_type) == (AuthorizationStatus.EXPIRED, IdTokenType.EMAID)
    told = (await api.client.get("/api/v0/token/GBTWK012345678V")).json()
    assert (told["status"], told["idTokenType"]) == ("Expired", "eMAID")


async def test_what_ocpp_says_of_a_token_may_be_added(api):
    extra = {
        "languageCode": "de",
        "language2": "en-US",
        "expiry": "2030-12-31T23:59:59.500Z",
        "evseIds": [1, 2],
        "personalMessage": {"format": "ASCII", "content": "Hello", "language": "en"},
        "chargingPriority": 0,
        "note": "spare card\nin the drawer",
        "source": "maeve http://localhost:9410",
    }
    assert (await api.client.post("/api/v0/token", json=TOKEN | extra)).status_code == 201
    told = (await api.client.get("/api/v0/token/DEADBEEF")).json()
    assert {name: told[name] for name in extra} == extra
    zoneless = TOKEN | {"expiry": "2030-12-31T23:59:59", "personalMessage": {"content": "Hello"}}
    assert (await api.client.post("/api/v0/token", json=zoneless)).status_code == 201
    told = (await api.client.get("/api/v0/token/DEADBEEF")).json()
    assert told["expiry"] == "2030-12-31T23:59:59.000Z"
    assert told["personalMessage"] == {"format": "UTF8", "content": "Hello"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expiry": "soon"}, "expiry"),
        ({"expiry": "0001-01-01T00:00:00+14:00"}, "expiry"),
        ({"evseIds": [0]}, "evseIds"),
        ({"evseIds": [True]}, "evseIds"),
        ({"evseIds": list(range(1, 102))}, "evseIds"),
        ({"language2": "en"}, "language2"),
        ({"personalMessage": {"content": ""}}, "personalMessage"),
        ({"personalMessage": {"content": "ä", "format": "ASCII"}}, "personalMessage"),
        ({"personalMessage": {"content": "a", "format": "QRCODE"}}, "personalMessage"),
        ({"personalMessage": {"content": "a", "tone": "kind"}}, "personalMessage"),
        ({"chargingPriority": 10}, "chargingPriority"),
        ({"chargingPriority": "3"}, "chargingPriority"),
    ],
)
async def test_what_is_wrong_of_it_is_told(api, change, field):
    answer = await api.client.post("/api/v0/token", json=TOKEN | change)
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert not api.session.store.tokens


@pytest.mark.parametrize("uid", ["A/B", "/", "a%2Fb", "?x=1", "#", "..", "A B", "100%", "+"])
async def test_a_token_of_any_uid_is_found_by_it(api, uid):
    """The API takes the characters of OCPP 2.0.1; what was typed in or imported may have others."""
    await api.session.store.put(from_api(TOKEN | {"uid": uid}))
    path = f"/api/v0/token/{quote(uid, safe='')}".replace("..", "%2E%2E").encode()
    answer = await api.client.get(httpx.URL(api.server.url).copy_with(raw_path=path))
    assert answer.json()["uid"] == uid


async def test_an_unknown_token_is_not_found(api):
    answer = await api.client.get("/api/v0/token/NOBODY")
    assert (answer.status_code, answer.json()["status"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *(({name: None}, name) for name in TOKEN),
        ({"countryCode": "GBR"}, "countryCode"),
        ({"partyId": "TW"}, "partyId"),
        ({"type": "CARD"}, "type"),
        ({"uid": ""}, "uid"),
        ({"uid": "A" * 37}, "uid"),
        ({"uid": 4711}, "uid"),
        ({"contractId": "nonsense"}, "nonsense"),
        ({"contractId": "GBTWK012345678X"}, "check digit"),
        ({"valid": "yes"}, "valid"),
        ({"valid": 1}, "valid"),
        ({"cacheMode": "SOMETIMES"}, "cacheMode"),
        ({"groupId": "A" * 37}, "groupId"),
        ({"languageCode": "deu"}, "languageCode"),
        ({"lastUpdated": "yesterday"}, "lastUpdated"),
        ({"status": "Fine"}, "status"),
        ({"idTokenType": "RFID"}, "idTokenType"),
        ({"color": "red"}, "color"),
    ],
)
async def test_a_wrong_token_is_refused_by_name(api, change, named):
    answer = await api.client.post("/api/v0/token", json=TOKEN | change)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert not api.session.store.tokens


async def test_a_missing_member_is_named(api):
    for name in TOKEN:
        body = {key: value for key, value in TOKEN.items() if key != name}
        answer = await api.client.post("/api/v0/token", json=body)
        assert answer.status_code == 400
        assert name in answer.json()["error"]


async def test_tokens_come_in_pages(api):
    bodies = [TOKEN | {"uid": f"CARD{number:03}"} for number in range(45)]
    answers = await asyncio.gather(*(api.client.post("/api/v0/token", json=body) for body in bodies))
    assert {answer.status_code for answer in answers} == {201}
    first = (await api.client.get("/api/v0/token")).json()
    assert len(first) == 20
    seen = []
    for offset in range(0, 60, 15):
        page = await api.client.get("/api/v0/token", params={"offset": offset, "limit": 15})
        seen += [token["uid"] for token in page.json()]
    assert sorted(seen) == [body["uid"] for body in bodies]
    assert (await api.client.get("/api/v0/token", params={"offset": 2**62})).json() == []


@pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"offset": -1}, {"offset": 10**30}])
async def test_a_wrong_page_is_refused(api, page):
    answer = await api.client.get("/api/v0/token", params=page)
    assert answer.status_code == 400
    assert next(iter(page)) in answer.json()["error"]


SQL = "'; DROP TABLE tokens; --"
TEXTS = {"issuer", "visualNumber", "note", "source"}  # what people write: an apostrophe is as good as any letter


@pytest.mark.parametrize("field", [name for name in TokenBody.model_fields if name not in TEXTS])
async def test_sql_in_a_field_is_refused(api, field):
    answer = await api.client.post("/api/v0/token", json=TOKEN | {field: SQL})
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert not api.session.store.tokens


async def test_sql_in_a_text_is_only_text(api):
    said = dict.fromkeys(TEXTS, SQL)
    assert (await api.client.post("/api/v0/token", json=TOKEN | said)).status_code == 201
    [told] = (await api.client.get("/api/v0/token")).json()
    assert {name: told[name] for name in TEXTS} == said


async def test_a_store_that_cannot_write_is_unavailable(api, full_disk):
    api.session.store.refuse = full_disk
    answer = await api.client.post("/api/v0/token", json=TOKEN)
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "Service Unavailable", "error": "the disk is full; free space"},
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v0/token/KC987654"),
        ("GET", "/api/v0/%74oken/KC987654"),
        ("GET", "/%61pi/v0/token/kc%39%38%37654?a=KC987654"),
        ("DELETE", "/api/v0/token/KC987654"),
    ],
)
async def test_a_key_code_in_a_path_is_hidden_however_it_is_spelled(api, method, path):
    code = TOKEN | {"uid": "KC987654", "idTokenType": "KeyCode", "type": "OTHER"}
    assert (await api.client.post("/api/v0/token", json=code)).status_code == 201
    await api.client.request(method, path)
    messages = api.session.journal.since(0)
    assert len(messages) == 4
    shown = " ".join(unquote(str(message_json(message, exchange=None))) for message in messages)
    assert "987654" not in shown
