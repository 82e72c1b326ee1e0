"""Stations, certificates, parties and locations over the MaEVe API: what is taken, what is refused, what is kept."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bench.maeve.desk import MAX_CERTIFICATES
from bench.maeve.model import Trigger
from bench.ocpi.model import Status
from tests.devices.api.certificates import a_certificate

HASHED = base64.b64encode(hashlib.sha256(b"secret").digest()).decode()
AUTH = {"securityProfile": 0, "base64SHA256Password": HASHED, "invalidUsernameAllowed": True}
PEM = a_certificate("CP-1")
HASH = hashlib.sha256(x509.load_pem_x509_certificate(PEM.encode()).public_bytes(Encoding.DER)).digest()
LOCATION: dict[str, Any] = {
    "country_code": "GB", "party_id": "TWK", "name": None, "address": "76 Wardour St", "city": "London",
    "country": "GBR", "coordinates": {"latitude": "51.5", "longitude": "-0.13"}, "parking_type": "ON_STREET",
    "evses": [{"uid": "1", "evse_id": "GB*TWK*E1", "connectors": [{
        "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_voltage": 400,
        "max_amperage": 32,
    }]}],
}  # fmt: skip
SQL = "'; DROP TABLE maeve_stations; --"


def refused(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"status", "error"}
    return str(answer.json()["error"])


def nothing_kept(api: Any) -> bool:
    registry = api.session.registry
    return not (registry.stations.stations or registry.stations.locations or registry.stations.certificates) and not (
        registry.ocpi.parties
    )


async def test_a_station_is_registered_and_its_credentials_looked_up(api):
    answer = await api.client.post("/api/v0/cs/CP-1", json=AUTH)
    assert (answer.status_code, answer.content) == (201, b"")
    assert (await api.client.get("/api/v0/cs/CP-1/auth")).json() == AUTH
    assert (await api.client.post("/api/v0/cs/CP-2", json={"securityProfile": 2})).status_code == 201
    told = (await api.client.get("/api/v0/cs/CP-2/auth")).json()
    assert told == {"securityProfile": 2, "invalidUsernameAllowed": False}
    told = (await api.client.get("/bench/v1/registered")).json()
    assert [(one["id"], one["security_profile"], one["password"], one["configured"]) for one in told["stations"]] == [
        ("CP-1", 1, True, False),
        ("CP-2", 3, False, False),
    ]
    assert HASHED not in str(told)


@pytest.mark.parametrize("path", ["auth", "reconfigure", "certificates", "trigger"])
async def test_an_unknown_station_is_not_found(api, path):
    body = {
        "auth": None,
        "reconfigure": {},
        "certificates": {"certificates": []},
        "trigger": {"trigger": Trigger.BOOT_NOTIFICATION},
    }
    method = "GET" if path == "auth" else "POST"
    assert "station" in refused(await api.client.request(method, f"/api/v0/cs/CP-9/{path}", json=body[path]), 404)
    assert nothing_kept(api)


async def test_orders_wait_until_the_station_is_there(api):
    url = "/api/v0/cs/CP"  # known, not connected
    settings = {
        "AuthCtrlr/Enabled": "true",
        "OCPPCommCtrlr;Eth0;1/RetryBackOff;Fast;Target": "3",
        "HeartbeatInterval": "60",
    }
    assert (await api.client.post(f"{url}/reconfigure", json=settings)).status_code == 200
    wanted = [
        {"type": "V2G", "certificate": PEM},
        {"type": "MO", "certificate": PEM.replace("\n", "\\n"), "status": "Accepted"},
    ]
    assert (await api.client.post(f"{url}/certificates", json={"certificates": wanted})).status_code == 200
    for _ in range(3):
        assert (await api.client.post(f"{url}/trigger", json={"trigger": "SignCombinedCertificate"})).status_code == 200
    [told] = (await api.client.get("/bench/v1/registered")).json()["stations"]
    assert {one["name"]: one["value"] for one in told["settings"]} == settings
    assert [(one["type"], one["status"]) for one in told["certificates"]] == [("V2G", "Pending"), ("MO", "Accepted")]
    assert (told["triggers"], told["waiting"], told["security_profile"]) == (["SignCombinedCertificate"], 5, None)
    assert refused(await api.client.get(f"{url}/auth"), 404)


BAD_IDS = ["CP 1", "CP/1", "CP%2f1", "..", ".", "..%2f..%2fetc%2fpasswd", "%00", "CP%00", "A" * 29, "%ff", "Ä",
           quote(SQL, safe=""), "%F0%9F%94%8C"]  # fmt: skip


@pytest.mark.parametrize("id_", BAD_IDS)
async def test_a_strange_station_or_location_id_is_refused(api, id_):
    import httpx

    for path, body in ((f"cs/{id_}", AUTH), (f"location/{id_ if len(id_) < 29 else 'A' * 37}", LOCATION)):
        url = httpx.URL(f"{api.server.url}/api/v0/").copy_with(raw_path=f"/api/v0/{path}".encode("ascii", "replace"))
        answer = await api.client.post(url, json=body)
        assert answer.status_code in (400, 404, 405), answer.text
        assert set(answer.json()) == {"status", "error"}
    assert nothing_kept(api)


BAD_BODIES = [
    ("cs/CP-1", {}, "securityProfile"),
    ("cs/CP-1", {"securityProfile": 3}, "securityProfile"),
    ("cs/CP-1", {"securityProfile": "0"}, "securityProfile"),
    ("cs/CP-1", {"securityProfile": True}, "securityProfile"),
    ("cs/CP-1", {**AUTH, "base64SHA256Password": "secret"}, "base64SHA256Password"),
    ("cs/CP-1", {**AUTH, "base64SHA256Password": SQL}, "base64SHA256Password"),
    ("cs/CP-1", {**AUTH, "invalidUsernameAllowed": "yes"}, "invalidUsernameAllowed"),
    ("cs/CP-1", {**AUTH, "password": "x"}, "password"),
    ("cs/CP-1", [], "the body"),
    ("cs/CP/reconfigure", {"a": 1}, "a"),
    ("cs/CP/reconfigure", {"": "x"}, ""),
    ("cs/CP/reconfigure", {"a": None}, "a"),
    ("cs/CP/reconfigure", {"Key": "x" * 501}, "500"),
    ("cs/CP/reconfigure", {"A/B": "x" * 2501}, "2500"),
    ("cs/CP/reconfigure", {"A/B": "x\0"}, "A/B"),
    ("cs/CP/reconfigure", {"A/B/C": "x"}, "Component"),
    ("cs/CP/reconfigure", {"A;i;0/B": "x"}, "EVSE"),
    ("cs/CP/reconfigure", {"A;i;one/B": "x"}, "EVSE"),
    ("cs/CP/reconfigure", {"A/B;i;Best": "x"}, "attribute"),
    ("cs/CP/reconfigure", {"/B": "x"}, "Component"),
    ("cs/CP/reconfigure", {"A" * 51 + "/B": "x"}, "name"),
    ("cs/CP/reconfigure", {"A\0": "x"}, "name"),
    ("cs/CP/reconfigure", {f"K{number}": "x" for number in range(201)}, "200"),
    ("cs/CP/certificates", {"certificates": [{"type": "V2G", "certificate": "x"}]}, "PEM"),
    ("cs/CP/certificates", {"certificates": [{"type": "V2G", "certificate": PEM * 2}]}, "2 certificates"),
    ("cs/CP/certificates", {"certificates": [{"type": "V2G", "certificate": PEM + "x" * 10_000}]}, "10000"),
    ("cs/CP/certificates", {"certificates": [{"type": "CA", "certificate": PEM}]}, "type"),
    ("cs/CP/certificates", {"certificates": [{"type": "V2G", "certificate": PEM, "status": "x"}]}, "status"),
    ("cs/CP/certificates", {"certificates": [{"type": "V2G", "certificate": PEM}] * (MAX_CERTIFICATES + 1)}, "certificates"),
    ("cs/CP/trigger", {"trigger": "Heartbeat"}, "trigger"),
    ("cs/CP/trigger", {"trigger": SQL}, "trigger"),
    ("certificate", {"certificate": SQL}, "PEM"),
    ("certificate", {"certificate": PEM, "name": "x"}, "name"),
    ("register", {}, "token"),
    ("register", {"token": ""}, "token"),
    ("register", {"token": "a b"}, "token"),
    ("register", {"token": SQL}, "token"),
    ("register", {"token": "x" * 65}, "token"),
    ("register", {"token": "x", "url": "ftp://x/"}, "url"),
    ("register", {"token": "x", "url": "http://x:99999/"}, "url"),
    ("register", {"token": "x", "url": "http://[::::]/"}, "url"),
    ("register", {"token": "x", "url": "http://u:p@x/"}, "url"),
    ("register", {"token": "x", "url": "http://x/\u202e"}, "url"),
    ("register", {"token": "x", "status": "DONE"}, "status"),
    *((f"location/{name}", {key: value for key, value in LOCATION.items() if key != name}, name)
      for name in ("country_code", "party_id", "address", "city", "country", "coordinates")),
    ("location/L1", {**LOCATION, "city": 1}, "city"),
    ("location/L1", {**LOCATION, "city": "x\0"}, "city"),
    ("location/L1", {**LOCATION, "city": "x" * 256}, "city"),
    ("location/L1", {**LOCATION, "parking_type": "LAWN"}, "parking_type"),
    ("location/L1", {**LOCATION, "colour": "red"}, "colour"),
    ("location/L1", {**LOCATION, "coordinates": {"latitude": "1"}}, "longitude"),
    ("location/L1", {**LOCATION, "evses": [{"uid": "1"}]}, "connectors"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "named"), BAD_BODIES)
async def test_what_cannot_be_used_is_refused_by_name_and_nothing_is_kept(api, path, body, named):
    error = refused(await api.client.post(f"/api/v0/{path}", json=body))
    assert named in error
    assert HASHED not in error
    assert nothing_kept(api)


POSTS = ["cs/CP-1", "cs/CP/reconfigure", "cs/CP/certificates", "cs/CP/trigger", "token", "certificate", "register"] + [
    "location/L1"
]


@pytest.mark.parametrize("path", POSTS)
async def test_hostile_bodies_are_refused_and_nothing_is_kept(api, path):
    for body in (b"", b"{", b"[" * 100_000, b'{"a":' * 50_000, b'"\\ud800"', b"\xff\xfe", b"null", b"7", b'{"a": NaN}'):
        refused(await api.client.post(f"/api/v0/{path}", content=body))
    refused(await api.client.post(f"/api/v0/{path}", content=b"x" * 10_000_000), 413)
    assert nothing_kept(api)


async def test_sql_in_free_text_is_only_text(api):
    body = {**LOCATION, "name": SQL, "address": SQL}
    assert (await api.client.post("/api/v0/location/L1", json=body)).status_code == 201
    assert (await api.client.get("/bench/v1/registered")).json()["locations"] == {"L1": body}


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", ["", "="])
async def test_a_certificate_is_found_by_either_base64_of_its_hash_and_deleted_once(api, encode, padding):
    assert (
        await api.client.post("/api/v0/certificate", json={"certificate": PEM.replace("\n", "\\n")})
    ).status_code == 201
    given = encode(HASH).decode().rstrip("=") + padding
    for name in {given, quote(given, safe="")}:
        answer = await api.client.get(f"/api/v0/certificate/{name}")
        assert answer.json() == {"certificate": PEM}
    answer = await api.client.delete(f"/api/v0/certificate/{quote(given, safe='')}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(await api.client.delete(f"/api/v0/certificate/{given}"), 404)
    refused(await api.client.get(f"/api/v0/certificate/{given}"), 404)


def hashes_with_both_signs() -> str:
    """A certificate whose hash holds a slash in the usual alphabet."""
    while True:
        pem = a_certificate("CP-1")
        digest = hashlib.sha256(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)).digest()
        if b"/" in base64.b64encode(digest):
            return pem


async def test_a_hash_with_a_slash_is_found(api):
    pem = hashes_with_both_signs()
    digest = hashlib.sha256(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)).digest()
    await api.client.post("/api/v0/certificate", json={"certificate": pem})
    for name in (base64.b64encode(digest).decode(), quote(base64.b64encode(digest).decode(), safe="")):
        assert (await api.client.get(f"/api/v0/certificate/{name}")).json() == {"certificate": pem}


@pytest.mark.parametrize("hash_", ["x", "..%2f..%2fetc", "%00", "A" * 43 + "=", "A" * 44, quote(SQL, safe="")])
async def test_what_is_no_hash_is_not_found(api, hash_):
    refused(await api.client.get(f"/api/v0/certificate/{hash_}"), 404)
    refused(await api.client.get(f"/api/v0/certificate/{'A' * 200}"))


async def test_a_party_is_kept_and_its_token_is_not_told(api):
    for token, status in (("token-a", "PENDING"), ("token-b", "REGISTERED")):
        body = {"token": token, "status": status}
        assert (await api.client.post("/api/v0/register", json=body)).status_code == 201
    told = (await api.client.get("/bench/v1/registered")).text
    assert [party.status for party in api.session.registry.ocpi.parties] == [Status.PENDING, Status.REGISTERED]
    assert "token-a" not in told


async def test_registering_a_token_again_changes_its_party(api):
    for status in ("PENDING", "REGISTERED"):
        await api.client.post("/api/v0/register", json={"token": "token-a", "status": status})
    assert [party.status for party in api.session.registry.ocpi.parties] == [Status.REGISTERED]


async def test_a_party_that_cannot_be_reached_is_not_kept(api):
    answer = await api.client.post(
        "/api/v0/register", json={"token": "token-a", "url": "http://127.0.0.1:9/ocpi/versions"}
    )
    assert "cannot be reached" in refused(answer, 502)
    assert nothing_kept(api)


async def test_a_store_that_cannot_write_keeps_nothing(api, full_disk):
    api.session.book.records.refuse = full_disk
    for path, body in (
        ("cs/CP-1", AUTH),
        ("cs/CP/trigger", {"trigger": "BootNotification"}),
        ("certificate", {"certificate": PEM}),
        ("register", {"token": "x"}),
        ("location/L1", LOCATION),
    ):
        assert "disk is full" in refused(await api.client.post(f"/api/v0/{path}", json=body), 503)
    assert nothing_kept(api)


async def test_beyond_this_computer_the_bearer_token_is_demanded_and_ocpi_has_its_own(serving):
    async with serving("0.0.0.0:0") as api:
        bearer = dict(api.client.headers)
        api.client.headers.pop("authorization")
        for method, path in (
            ("POST", "cs/CP-1"), ("GET", "cs/CP-1/auth"), ("POST", "cs/CP-1/reconfigure"), ("POST", "cs/CP-1/certificates"),
            ("POST", "cs/CP-1/trigger"), ("POST", "token"), ("GET", "token"), ("GET", "token/A"), ("POST", "certificate"),
            ("GET", "certificate/A"), ("DELETE", "certificate/A"), ("POST", "register"), ("POST", "location/L1"),
            ("GET", "../../bench/v1/registered"),
        ):  # fmt: skip
            refused(await api.client.request(method, f"/api/v0/{path}", json={}), 401)
        answer = await api.client.get("/ocpi/versions")
        assert (answer.status_code, answer.json()["status_code"]) == (401, 2000)
        answer = await api.client.get("/ocpi/../api/v0/token", headers={"authorization": "Token x"})
        assert answer.status_code in (401, 404)
        api.client.headers["authorization"] = bearer["authorization"]
        assert (await api.client.get("/ocpi/versions")).status_code == 401
        assert (await api.client.post("/api/v0/register", json={"token": "token-a"})).status_code == 201
        answer = await api.client.get("/ocpi/versions", headers={"authorization": "Token token-a"})
        assert answer.status_code == 200


async def test_the_uid_of_a_key_code_stands_nowhere_in_the_journal(api):
    token = {
        "countryCode": "GB", "partyId": "TWK", "type": "OTHER", "uid": "4711", "contractId": "GB-TWK-012345678-V",
        "issuer": "x", "valid": True, "cacheMode": "NEVER", "idTokenType": "KeyCode",
    }  # fmt: skip
    assert (await api.client.post("/api/v0/token", json=token)).status_code == 201
    assert (await api.client.get("/api/v0/token/4711")).json()["uid"] == "4711"
    assert (await api.client.get("/api/v0/token")).json()[0]["uid"] == "4711"
    shown = (await api.client.get("/bench/v1/messages")).json()
    assert len(shown) == 6
    assert "4711" not in str([{**message, "utc": ""} for message in shown])
