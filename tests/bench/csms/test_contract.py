"""Contract certificates: what Authorize answers of a chain or of hash data (OCPP 2.0.1 C07), on 1.6 inside DataTransfer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.codecs.ocpp_schemas import Half, schema_of
from bench.csms.contract import MAX_CHAIN, ContractTrust, judge_chain, judge_hashes
from bench.csms.plug_and_charge16 import VENDOR
from bench.errors import BadInput
from bench.tokens.model import IdTokenType
from tests.bench.csms.contracts import NOW, hash_data, issue, world
from tests.bench.csms.linkbook import LinkBook, token
from tests.bench.csms.storebook import StoreBook


class TestChain:
    def verdict(self, pem: str, trust: ContractTrust) -> tuple[str, str | None]:
        verdict = judge_chain(pem, trust, NOW)
        return verdict.certificate_status, verdict.token_status

    def test_up_to_a_configured_root(self) -> None:
        verdict = judge_chain(world().chain, world().trust(), NOW)
        assert (verdict.certificate_status, verdict.token_status, verdict.anchored) == ("Accepted", None, True)
        assert self.verdict(world().chain + world().root.pem, world().trust()) == ("Accepted", None)

    def test_without_roots_it_is_not_anchored(self) -> None:
        verdict = judge_chain(world().chain, ContractTrust(), NOW)
        assert (verdict.certificate_status, verdict.anchored) == ("Accepted", False)

    @pytest.mark.parametrize("trust", [ContractTrust(), None])
    def test_expired(self, trust: ContractTrust | None) -> None:
        """C07.FR.15, with and without roots."""
        pem = world().expired.pem + world().sub.pem
        assert self.verdict(pem, trust or world().trust()) == ("CertificateExpired", "Expired")

    def test_revoked(self) -> None:
        """C07.FR.16."""
        assert self.verdict(world().chain, world().trust(0xAB12)) == ("CertificateRevoked", "Invalid")
        assert self.verdict(world().chain, world().trust(0xAB13)) == ("Accepted", None)

    def test_that_cannot_be_verified(self) -> None:
        """C07.FR.17."""
        wrong = ("CertChainError", "Invalid")
        other = ContractTrust((world().stranger.certificate,))
        assert self.verdict(world().chain, other) == wrong
        assert self.verdict(world().contract.pem, world().trust()) == wrong  # the sub-CA is missing
        assert self.verdict(world().contract.pem + world().stranger.pem, ContractTrust()) == wrong
        assert self.verdict("-----BEGIN", world().trust()) == wrong
        assert self.verdict("", ContractTrust()) == wrong
        assert self.verdict(world().chain * MAX_CHAIN, ContractTrust()) == wrong

    def test_a_contract_signs_no_contracts(self) -> None:
        forged = issue("DE-ABC-C66666666-6", world().contract, ca=False)
        assert self.verdict(forged.pem + world().chain, world().trust()) == ("CertChainError", "Invalid")


class TestHashData:
    @pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
    def test_of_a_configured_issuer(self, algorithm: str) -> None:
        told = [hash_data(world().sub, algorithm=algorithm), hash_data(world().root, 1, algorithm)]
        assert judge_hashes(told, world().trust()).anchored

    def test_of_nobody_known(self) -> None:
        told = [hash_data(world().stranger)]
        assert judge_hashes(told, world().trust()).certificate_status == "CertChainError"
        assert judge_hashes(told, ContractTrust()).certificate_status == "Accepted"

    def test_revoked(self) -> None:
        told = [hash_data(world().sub), hash_data(world().root, 1)]
        assert judge_hashes(told, world().trust(0xAB12)).certificate_status == "CertificateRevoked"
        told[0]["serialNumber"] = "no number"
        assert judge_hashes(told, world().trust(0xAB12)).certificate_status == "Accepted"


@pytest.mark.parametrize("text", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_roots_that_cannot_be_read(text: bytes) -> None:
    with pytest.raises(BadInput, match="contract roots cannot be read"):
        ContractTrust.from_pem(text)


# In Authorize


def book(version: str = "2.0.1", trust: ContractTrust | None = None) -> LinkBook:
    made = LinkBook(version)
    made.link._context.contract_trust = trust if trust is not None else world().trust()
    return made


def authorized(made: LinkBook, value: str = "GOOD", **chain: Any) -> tuple[dict[str, Any], list[str]]:
    lines = made.says(2, "1", "Authorize", {"idToken": {"idToken": value, "type": "eMAID"}, **chain})
    answer = json.loads(lines[0].removeprefix("> "))[2]
    schema = schema_of(made.station.version, Half.RESPONSE, "Authorize")
    assert schema is not None
    assert schema.faults(answer) == ()
    return answer, lines[1:]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
@pytest.mark.parametrize(
    ("value", "token_status", "certificate_status"),
    [
        ("GOOD", "Accepted", "Accepted"),
        ("BAD", "Blocked", "ContractCancelled"),  # C07.FR.13
        ("NOBODY", "Unknown", "ContractCancelled"),
        ("POOR", "NoCredit", "Accepted"),  # C07.FR.14
    ],
)
def test_a_good_chain_follows_the_token(version: str, value: str, token_status: str, certificate_status: str) -> None:
    answer, told = authorized(book(version), value, certificate=world().chain)
    assert answer["idTokenInfo"]["status"] == token_status
    assert answer["certificateStatus"] == certificate_status
    assert told == []


def test_a_bad_chain_refuses_the_token_whatever_the_store_says() -> None:
    made = book()
    answer, told = authorized(made, certificate=world().expired.pem + world().sub.pem)
    assert answer == {"idTokenInfo": {"status": "Expired"}, "certificateStatus": "CertificateExpired"}
    assert told[0].startswith(
        "! warn ocpp.contract-certificate: the certificate of CN=DE-ABC-C00000000-0 expired on 2023-"
    )
    ((ask, _),) = made.desk.asked
    assert ask.refused is not None
    assert ask.refused[0] == "Expired"
    assert made.station.accepted == set()


def test_hash_data_in_authorize() -> None:
    answer, told = authorized(book(), iso15118CertificateHashData=[hash_data(world().root)])
    assert (answer["certificateStatus"], told) == ("Accepted", [])
    answer, told = authorized(book(), iso15118CertificateHashData=[hash_data(world().stranger)])
    assert (answer["certificateStatus"], answer["idTokenInfo"]["status"]) == ("CertChainError", "Invalid")
    answer, _ = authorized(book())
    assert "certificateStatus" not in answer


# OCPP 1.6


def transferred(made: LinkBook, message_id: str, data: object) -> tuple[dict[str, Any], list[str]]:
    payload = {"vendorId": VENDOR, "messageId": message_id, "data": data if isinstance(data, str) else json.dumps(data)}
    lines = made.says(2, "1", "DataTransfer", payload)
    return json.loads(lines[0].removeprefix("> "))[2], lines[1:]


@pytest.mark.parametrize("id_token", [{"idToken": "GOOD", "type": "eMAID"}, "GOOD"])
def test_16_authorize_inside_data_transfer(id_token: object) -> None:
    made = book("1.6")
    answer, told = transferred(made, "Authorize", {"idToken": id_token, "certificate": world().chain})
    assert (answer["status"], told) == ("Accepted", [])
    assert json.loads(answer["data"]) == {"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"}
    ((ask, _),) = made.desk.asked
    assert (ask.value, ask.id_token_type, ask.action) == ("GOOD", "eMAID", "Authorize")


@pytest.mark.parametrize(
    ("message_id", "data", "inner"),
    [
        ("GetCertificateStatus", {"ocspRequestData": hash_data(world().sub)}, {"status": "Failed"}),
        ("SignCertificate", {"csr": "-----BEGIN"}, {"status": "Rejected"}),
        (
            "Get15118EVCertificate",
            {"iso15118SchemaVersion": "urn:iso", "action": "Install", "exiRequest": "AA=="},
            {"status": "Failed", "exiResponse": ""},
        ),
    ],
)
def test_16_what_the_bench_has_no_service_for_is_refused_inside(
    message_id: str, data: dict[str, Any], inner: dict[str, Any]
) -> None:
    answer, told = transferred(book("1.6"), message_id, data)
    assert (answer["status"], told) == ("Accepted", [])
    said = json.loads(answer["data"])
    assert {key: said[key] for key in inner} == inner
    schema = schema_of("2.0.1", Half.RESPONSE, message_id)
    assert schema is not None
    assert schema.faults(said) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("not JSON", "its data is no JSON object"),
        ("[]", "its data is no JSON object"),
        ({}, "idToken"),
        ({"idToken": {"idToken": "X" * 37, "type": "eMAID"}}, "idToken"),
        ({"idToken": 7}, "idToken"),
        ({"idToken": "GOOD", "certificate": "x" * 5501}, "certificate"),
        ({"idToken": "GOOD", "iso15118CertificateHashData": []}, "iso15118CertificateHashData"),
        ({"idToken": "GOOD", "unheardOf": 1}, "additionalProperties"),
        ("[" * 5000, "its data is no JSON object"),
        ("", "its data is no JSON object"),
    ],
)
def test_16_a_message_inside_that_is_wrong_is_rejected_and_told(data: object, why: str) -> None:
    made = book("1.6")
    answer, told = transferred(made, "Authorize", data)
    assert answer == {"status": "Rejected"}
    assert told[0].startswith("! warn ocpp.plug-and-charge: Authorize inside DataTransfer cannot be used: ")
    assert why in told[0]
    assert made.desk.asked == []


@pytest.mark.parametrize(
    "message_id", ["Authorize", "GetCertificateStatus", "Get15118EVCertificate", "SignCertificate"]
)
def test_16_every_message_of_it_must_carry_its_data(message_id: str) -> None:
    for more in ({}, {"data": "{}"}, {"data": "null"}):
        lines = LinkBook("1.6").says(2, "1", "DataTransfer", {"vendorId": VENDOR, "messageId": message_id, **more})
        assert lines[0] == '> [3,"1",{"status":"Rejected"}]'
        assert lines[1].startswith(f"! warn ocpp.plug-and-charge: {message_id} inside DataTransfer cannot be used: ")


def test_16_what_the_token_can_say_is_inside_too() -> None:
    """The answer inside is that of 2.0.1, so nothing of it is lost."""
    card = token("EMAID", id_token_type=IdTokenType.EMAID, evse_ids=(1,), language_code="de", group_id="G" * 36)
    made = StoreBook("1.6", card, trust=world().trust())
    answer, told = transferred(made, "Authorize", {"idToken": "EMAID", "certificate": world().chain})
    assert (answer["status"], told) == ("Accepted", [])
    assert json.loads(answer["data"]) == {
        "idTokenInfo": {
            "status": "Accepted",
            "groupIdToken": {"idToken": "G" * 36, "type": "Central"},
            "language1": "de",
            "evseId": [1],
        },
        "certificateStatus": "Accepted",
    }


def test_16_other_vendors_and_messages() -> None:
    made = LinkBook("1.6")
    assert made.asks("1", "DataTransfer", vendorId="com.example") == {"status": "UnknownVendorId"}
    assert made.asks("2", "DataTransfer", vendorId=VENDOR, messageId="Party") == {"status": "UnknownMessageId"}
    assert made.asks("3", "DataTransfer", vendorId=VENDOR) == {"status": "UnknownMessageId"}
