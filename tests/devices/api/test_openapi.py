"""The description is true: every answer fits it, and nothing is served that it does not name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from bench.maeve.pem import checked
from bench.station_role.memory import TokenInfo
from tests.devices.api.certificates import a_certificate

TOKEN = {
    "countryCode": "GB", "partyId": "TWK", "type": "RFID", "uid": "DEADBEEF", "contractId": "GBTWK012345678V",
    "issuer": "x", "valid": True, "cacheMode": "NEVER",
}  # fmt: skip

PEM = a_certificate("CP-1")
HASH = checked(PEM)[1]
LOCATION = {
    "country_code": "GB", "party_id": "TWK", "address": "76 Wardour St", "city": "London", "country": "GBR",
    "coordinates": {"latitude": "51.5", "longitude": "-0.13"},
}  # fmt: skip
ROLE = {"role": "EMSP", "party_id": "TWK", "country_code": "GB", "business_details": {"name": "Us"}}
CREDENTIALS = {"token": "theirs", "url": "http://127.0.0.1:9/", "roles": [ROLE]}
TOKEN_A = {"Authorization": "Token token-a"}

REQUESTS = [
    ("GET", "/bench/v1/state", "/bench/v1/state", None, 200),
    ("GET", "/bench/v1/role", "/bench/v1/role", None, 200),
    ("DELETE", "/bench/v1/role/list", "/bench/v1/role/list", None, 200),
    ("DELETE", "/bench/v1/role/cache", "/bench/v1/role/cache", None, 200),
    ("POST", "/bench/v1/taps", "/bench/v1/taps", {"uid": "04A2"}, 200),
    ("POST", "/bench/v1/taps", "/bench/v1/taps", {"token_type": "no_authorization"}, 200),
    ("POST", "/bench/v1/taps", "/bench/v1/taps", {}, 400),
    ("GET", "/bench/v1/exchanges", "/bench/v1/exchanges", None, 200),
    ("GET", "/bench/v1/exchanges/{exchange_id}", "/bench/v1/exchanges/1", None, 200),
    ("GET", "/bench/v1/exchanges/{exchange_id}", "/bench/v1/exchanges/99", None, 404),
    ("GET", "/bench/v1/messages", "/bench/v1/messages", None, 200),
    ("GET", "/bench/v1/messages", "/bench/v1/messages?limit=0", None, 400),
    ("GET", "/bench/v1/openapi.json", "/bench/v1/openapi.json", None, 200),
    ("POST", "/bench/v1/stations/{station}/calls/{action}", "/bench/v1/stations/CP/calls/Reset", {}, 200),
    ("POST", "/bench/v1/stations/{station}/calls/{action}", "/bench/v1/stations/gone/calls/Reset", {}, 409),
    ("POST", "/bench/v1/stations/{station}/local-list", "/bench/v1/stations/CP/local-list", {"mode": "full"}, 200),
    ("POST", "/bench/v1/stations/{station}/local-list", "/bench/v1/stations/gone/local-list", {"mode": "reconcile"}, 409),
    ("GET", "/bench/v1/stations/{station}/local-list", "/bench/v1/stations/CP/local-list", None, 200),
    ("GET", "/bench/v1/stations/{station}/local-list", "/bench/v1/stations/CP/local-list?difference=add&limit=1", None, 200),
    ("GET", "/bench/v1/stations/{station}/local-list", "/bench/v1/stations/nobody/local-list", None, 404),
    ("GET", "/bench/v1/stations/{station}/local-list", "/bench/v1/stations/CP/local-list?limit=-1", None, 400),
    ("GET", "/bench/v1/stations/{station}/local-list/plan", "/bench/v1/stations/CP/local-list/plan?mode=full", None, 200),
    ("GET", "/bench/v1/stations/{station}/local-list/plan", "/bench/v1/stations/CP/local-list/plan?mode=half", None, 400),
    ("POST", "/bench/v1/stations/{station}/local-list/cancel", "/bench/v1/stations/CP/local-list/cancel", None, 200),
    ("GET", "/bench/v1/stations/{station}/local-list/version", "/bench/v1/stations/CP/local-list/version", None, 200),
    ("POST", "/bench/v1/stations/{station}/clear-cache", "/bench/v1/stations/CP/clear-cache", None, 200),
    ("POST", "/bench/v1/stations/{station}/clear-cache", "/bench/v1/stations/silent/clear-cache", None, 504),
    ("POST", "/bench/v1/stations/{station}/remote-start", "/bench/v1/stations/CP/remote-start", {"id_token": "A"}, 200),
    ("POST", "/bench/v1/stations/{station}/remote-stop", "/bench/v1/stations/CP/remote-stop", {"transaction_id": "T"}, 200),
    ("POST", "/bench/v1/stations/{station}/availability", "/bench/v1/stations/CP/availability", {"operative": False}, 200),
    ("POST", "/bench/v1/stations/{station}/availability", "/bench/v1/stations/CP/availability", {"evse": 0}, 400),
    ("POST", "/bench/v1/stations/{station}/data-transfer", "/bench/v1/stations/CP/data-transfer", {"vendor_id": "V"}, 200),
    ("POST", "/bench/v1/stations/{station}/data-transfer", "/bench/v1/stations/CP/data-transfer", {"vendor_id": ""}, 400),
    ("GET", "/bench/v1/stations/{station}/events", "/bench/v1/stations/CP/events", None, 200),
    ("GET", "/bench/v1/stations/{station}/events", "/bench/v1/stations/CP/events?kind=status", None, 200),
    ("GET", "/bench/v1/stations/{station}/events", "/bench/v1/stations/CP/events?kind=rumour", None, 400),
    ("GET", "/bench/v1/stations/{station}/events", "/bench/v1/stations/nobody/events", None, 404),
    ("GET", "/bench/v1/stations/{station}/settings", "/bench/v1/stations/CP/settings", None, 200),
    ("GET", "/bench/v1/stations/{station}/settings", "/bench/v1/stations/CP/settings?report=true", None, 200),
    ("PUT", "/bench/v1/stations/{station}/settings/{name}", "/bench/v1/stations/CP/settings/list-enabled", {"value": True}, 200),
    ("PUT", "/bench/v1/stations/{station}/settings/{name}", "/bench/v1/stations/CP/settings/list-enabled", {"value": 1.5}, 400),
    ("PUT", "/bench/v1/stations/{station}/settings/{name}", "/bench/v1/stations/CP/settings/no-such", {"value": True}, 404),
    ("GET", "/bench/v1/unknown-tokens", "/bench/v1/unknown-tokens", None, 200),
    ("PUT", "/bench/v1/unknown-tokens", "/bench/v1/unknown-tokens", {"unknown": "fallback"}, 200),
    ("PUT", "/bench/v1/unknown-tokens", "/bench/v1/unknown-tokens", {"unknown": True}, 400),
    ("GET", "/bench/v1/questions", "/bench/v1/questions", None, 200),
    ("POST", "/bench/v1/questions/{question_id}", "/bench/v1/questions/1", {"status": "Accepted"}, 200),
    ("POST", "/bench/v1/questions/{question_id}", "/bench/v1/questions/2", {"status": "Accepted"}, 404),
    ("POST", "/bench/v1/questions/{question_id}", "/bench/v1/questions/1", {"status": "maybe"}, 400),
    ("GET", "/bench/v1/proxy/rules", "/bench/v1/proxy/rules", None, 409),
    ("PUT", "/bench/v1/proxy/rules", "/bench/v1/proxy/rules", [], 409),
    ("POST", "/bench/v1/proxy/rules", "/bench/v1/proxy/rules", {"filter": "", "deed": "drop"}, 409),
    ("DELETE", "/bench/v1/proxy/rules/{number}", "/bench/v1/proxy/rules/1", None, 409),
    ("GET", "/bench/v1/proxy/{station}/waiting", "/bench/v1/proxy/CP/waiting", None, 409),
    ("POST", "/bench/v1/proxy/{station}/waiting/{seq}/release", "/bench/v1/proxy/CP/waiting/1/release", {}, 409),
    ("POST", "/bench/v1/proxy/{station}/waiting/{seq}/drop", "/bench/v1/proxy/CP/waiting/1/drop", None, 409),
    ("POST", "/bench/v1/proxy/{station}/calls/{side}/{action}", "/bench/v1/proxy/CP/calls/csms/Heartbeat", {}, 409),
    ("GET", "/bench/v1/registered", "/bench/v1/registered", None, 200),
    ("POST", "/api/v0/cs/{csId}", "/api/v0/cs/CP-1", {"securityProfile": 2}, 201),
    ("GET", "/api/v0/cs/{csId}/auth", "/api/v0/cs/CP-1/auth", None, 200),
    ("GET", "/api/v0/cs/{csId}/auth", "/api/v0/cs/CP-9/auth", None, 404),
    ("POST", "/api/v0/cs/{csId}/reconfigure", "/api/v0/cs/CP-1/reconfigure", {"Key": "1"}, 200),
    ("POST", "/api/v0/cs/{csId}/certificates", "/api/v0/cs/CP-1/certificates", {"certificates": []}, 200),
    ("POST", "/api/v0/cs/{csId}/trigger", "/api/v0/cs/CP-1/trigger", {"trigger": "BootNotification"}, 200),
    ("POST", "/api/v0/certificate", "/api/v0/certificate", {"certificate": PEM}, 201),
    ("POST", "/api/v0/certificate", "/api/v0/certificate", {"certificate": "x"}, 400),
    ("GET", "/api/v0/certificate/{certificateHash}", f"/api/v0/certificate/{HASH}", None, 200),
    ("DELETE", "/api/v0/certificate/{certificateHash}", f"/api/v0/certificate/{HASH}", None, 204),
    ("DELETE", "/api/v0/certificate/{certificateHash}", f"/api/v0/certificate/{HASH}", None, 404),
    ("POST", "/api/v0/register", "/api/v0/register", {"token": "token-a"}, 201),
    ("POST", "/api/v0/register", "/api/v0/register", {"token": "b", "url": "http://127.0.0.1:9/"}, 502),
    ("POST", "/api/v0/location/{locationId}", "/api/v0/location/L1", LOCATION, 201),
    ("GET", "/bench/v1/registered", "/bench/v1/registered", None, 200),
    ("GET", "/ocpi/versions", "/ocpi/versions", None, 200),
    ("GET", "/ocpi/2.2", "/ocpi/2.2", None, 200),
    ("GET", "/ocpi/2.2/credentials", "/ocpi/2.2/credentials", None, 200),
    ("POST", "/ocpi/2.2/credentials", "/ocpi/2.2/credentials", CREDENTIALS, 200),
    ("PUT", "/ocpi/2.2/credentials", "/ocpi/2.2/credentials", CREDENTIALS, 405),
    ("PUT", "/ocpi/2.2/credentials", "/ocpi/2.2/credentials", {}, 400),
    ("DELETE", "/ocpi/2.2/credentials", "/ocpi/2.2/credentials", None, 405),
    ("POST", "/api/v0/token", "/api/v0/token", TOKEN, 201),
    ("GET", "/api/v0/token", "/api/v0/token", None, 200),
    ("GET", "/api/v0/token/{tokenUid}", "/api/v0/token/DEADBEEF", None, 200),
    ("GET", "/api/v0/token/{tokenUid}", "/api/v0/token/NONE", None, 404),
]  # fmt: skip


@pytest.fixture
async def described(api) -> dict[str, Any]:
    return (await api.client.get("/bench/v1/openapi.json")).json()


async def test_every_answer_is_as_described(api, described):
    api.session.record("Authorize", b"{}")
    api.session.record("", b"\xff")
    remembered = api.session.role.state.tokens
    remembered.local_list.restore(3, [(("04b1", "iso14443"), TokenInfo("Accepted", datetime(2031, 1, 1, tzinfo=UTC)))])
    for method, path, url, body, status in REQUESTS:
        answer = await api.client.request(method, url, json=body, headers=TOKEN_A if "ocpi" in path else {})
        assert answer.status_code == status, (url, answer.text)
        responses = described["paths"][path][method.lower()]["responses"]
        content = responses.get(str(status), responses["default"]).get("content")
        if not answer.content:
            assert content is None, url
            continue
        schema = content["application/json"]["schema"] | {"components": described["components"]}
        jsonschema.validate(answer.json(), schema)


async def test_what_clients_may_send_is_described(described):
    schema = described["components"]["schemas"]
    components = {"components": described["components"]}
    jsonschema.validate(TOKEN, schema["TokenBody"] | components)
    for wrong in ({**TOKEN, "uid": "A" * 37}, {**TOKEN, "color": 1}, {**TOKEN, "valid": "yes"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema["TokenBody"] | components)


def test_every_operation_is_tried():
    assert len({(method, path) for method, path, *_ in REQUESTS}) == 55


async def test_nothing_is_missing_and_nothing_is_made_up(described):
    served = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert served == {(method, path) for method, path, *_ in REQUESTS}
    assert "HTTPValidationError" not in described["components"]["schemas"]
    for item in described["paths"].values():
        for operation in item.values():
            assert "422" not in operation["responses"]
            assert {"400", "default"} <= set(operation["responses"])


async def test_it_names_server_and_version_and_whether_a_token_is_needed(serving):
    async with serving(token="t0ken") as api:
        told = (await api.client.get("/bench/v1/openapi.json")).json()
        assert told["servers"] == [{"url": api.server.url}]
        assert told["security"] == [{"bearer": []}]
    async with serving() as api:
        assert "security" not in (await api.client.get("/bench/v1/openapi.json")).json()
