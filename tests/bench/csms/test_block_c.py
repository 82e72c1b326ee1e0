"""OCPP 2.0.1 edition 3 with errata 2025-09, block C: one test for each requirement that binds the CSMS, named by it.

The rest binds the station: C01.FR.01 to FR.05, FR.08, FR.09, FR.12, FR.13, FR.21, FR.23, FR.26; C02.FR.01, FR.03; C03; C04.FR.03,
FR.06; C05.FR.01 to FR.03, FR.05; C06.FR.01 to FR.03; C07.FR.01, FR.02, FR.06 to FR.12; C08; C09.FR.03 to FR.07, FR.11;
C10.FR.01 to FR.12; C12 but FR.03; C13 to C16.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bench.clock import NS_PER_S, to_datetime
from bench.csms.contract import ContractTrust
from bench.errors import BadInput
from bench.masking import mask
from bench.station import Station, Transaction
from bench.tokens import contract_id
from bench.tokens.checks import checked
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, MessageFormat, PersonalMessage, Token
from tests.bench.csms.contracts import NOW as TODAY
from tests.bench.csms.contracts import hash_data, world
from tests.bench.csms.linkbook import NOW, token
from tests.bench.csms.storebook import TIME, StoreBook

GOOD = token("GOOD")
FAMILY = token("FAMILY", group_id="GROUP")
BLOCKED_FAMILY = token("LOST", group_id="GROUP", valid=False)
V2 = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


def fit(uid: str, **fields: Any) -> Token:
    """A token that the store would take."""
    return replace(token(uid, **fields), contract_id=contract_id.make("GB", "ABX", "000000001"))


# C01: RFID


@V2
@pytest.mark.parametrize(("card", "status"), [(FAMILY, "Accepted"), (BLOCKED_FAMILY, "Blocked")])
def test_C01_FR_06_the_group_is_told_whatever_the_status(version: str, card: Any, status: str) -> None:
    info = StoreBook(version, card).authorized(card.uid)
    assert info == {"status": status, "groupIdToken": {"idToken": "GROUP", "type": "Central"}}


@V2
@pytest.mark.parametrize("status", AuthorizationStatus)
def test_C01_FR_07_every_authorize_gets_a_status(version: str, status: AuthorizationStatus) -> None:
    book = StoreBook(version, token("CARD", status=status))
    assert book.authorized("CARD") == {"status": status.value}
    assert book.authorized("STRANGER") == {"status": "Unknown"}


def test_C01_FR_10_no_second_language_without_a_first() -> None:
    with pytest.raises(BadInput, match="language2: set without a first language"):
        checked(fit("CARD", language2="en"))
    # However such a token came to be, the station is not told.
    assert StoreBook("2.0.1", token("CARD", language2="en")).authorized("CARD") == {"status": "Accepted"}


def test_C01_FR_11_two_languages_differ() -> None:
    with pytest.raises(BadInput, match="language2: DE is the first language already"):
        checked(fit("CARD", language_code="de", language2="DE"))


@V2
def test_C01_FR_17_languages_are_tags(version: str) -> None:
    """C04.FR.05, C05.FR.04: the same for PINs and remote starts."""
    card = fit("CARD", language_code="de", language2="en-US")
    assert StoreBook(version, card).authorized("CARD") == {
        "status": "Accepted",
        "language1": "de",
        "language2": "en-US",
    }
    with pytest.raises(BadInput, match="language2: 'English', wanted a language"):
        checked(replace(card, language2="English"))


@V2
def test_C01_FR_18_a_type_of_evse_that_the_driver_may_not_use(version: str) -> None:
    book = StoreBook(version, token("CARD", status=AuthorizationStatus.NOT_ALLOWED_TYPE_EVSE))
    assert book.authorized("CARD") == {"status": "NotAllowedTypeEVSE"}


@V2
def test_C01_FR_19_no_evses_are_named_where_all_will_do(version: str) -> None:
    book = StoreBook(version, GOOD)
    book.has_evses(1, 2)
    assert book.authorized("GOOD") == {"status": "Accepted"}


@V2
def test_C01_FR_20_evses_are_named_where_some_will_do(version: str) -> None:
    book = StoreBook(version, token("CARD", evse_ids=(1, 3)))
    assert book.authorized("CARD") == {"status": "Accepted", "evseId": [1, 3]}  # before it told of its EVSEs
    book.has_evses(1, 2, 3)
    assert book.authorized("CARD") == {"status": "Accepted", "evseId": [1, 3]}
    # A station that starts elsewhere all the same is refused.
    assert book.event("Started", "CARD", evse=2)["idTokenInfo"] == {"status": "NotAtThisLocation"}
    assert book.event("Started", "CARD", evse=3)["idTokenInfo"] == {"status": "Accepted", "evseId": [1, 3]}


@V2
def test_C01_FR_22_no_evse_of_this_station(version: str) -> None:
    book = StoreBook(version, token("CARD", evse_ids=(7,), group_id="GROUP"))
    book.has_evses(1, 2)
    info = book.authorized("CARD")
    assert info["status"] == "NotAtThisLocation"
    assert "evseId" not in info
    assert "groupIdToken" in info  # C01.FR.06 all the same


@V2
def test_C01_FR_24_a_second_token_on_a_transaction_that_waits_for_its_cable(version: str) -> None:
    book = StoreBook(version, GOOD, FAMILY)
    book.has_evses(1)
    book.event("Started", "GOOD")
    assert book.authorized("FAMILY")["status"] == "Accepted"  # GOOD is authorized still: FAMILY may be asked about
    book.event("Updated", "GOOD", trigger="StopAuthorized")
    assert book.authorized("FAMILY")["status"] == "NotAtThisTime"
    assert book.authorized("GOOD")["status"] == "Accepted"  # it may begin again
    book.event("Ended", trigger="EVCommunicationLost")
    assert book.authorized("FAMILY")["status"] == "Accepted"


def test_C01_FR_24_another_evse_is_free() -> None:
    book = StoreBook("2.0.1", GOOD, FAMILY)
    book.has_evses(1, 2)
    book.event("Started", "GOOD")
    book.event("Updated", trigger="Deauthorized")
    assert book.authorized("FAMILY")["status"] == "Accepted"
    book.event("Updated", "GOOD")  # authorized again
    assert book.station.transactions["tx-1"].authorized


@V2
def test_C01_FR_25_equal_are_value_ignoring_case_and_type(version: str) -> None:
    book = StoreBook(version, token("abCD"))
    assert book.authorized("ABcd")["status"] == "Accepted"
    assert book.authorized("ABCD", "ISO15693")["status"] == "Unknown"
    info = [{"additionalIdToken": "x", "type": "y"}]
    answer = book.call_of("Authorize", idToken={"idToken": "ABCD", "type": "ISO14443", "additionalInfo": info})
    assert answer["idTokenInfo"]["status"] == "Accepted"


@V2
def test_all_that_a_token_can_say(version: str) -> None:
    """OCPP 2.0.1 section 2.27: the order and the names of IdTokenInfoType, valid by its schema."""
    card = token(
        "CARD",
        group_id="GROUP",
        language_code="de",
        language2="en-US",
        evse_ids=(1,),
        personal_message=PersonalMessage("Gute Fahrt", MessageFormat.UTF8, "de"),
        charging_priority=-9,
        expiry=TODAY + timedelta(days=1),
    )
    told = {
        "status": "Accepted",
        "groupIdToken": {"idToken": "GROUP", "type": "Central"},
        "language1": "de",
        "language2": "en-US",
        "evseId": [1],
        "personalMessage": {"format": "UTF8", "content": "Gute Fahrt", "language": "de"},
        "chargingPriority": -9,
        "cacheExpiryDateTime": "2023-11-15T22:13:20.000Z",
    }
    book = StoreBook(version, card)
    assert book.authorized("CARD") == told
    assert book.event("Started", "CARD")["idTokenInfo"] == told


# C02: start button


@V2
def test_C02_FR_02_no_authorization_is_accepted(version: str) -> None:
    book = StoreBook(version)
    assert book.event("Started", "", kind="NoAuthorization") == {"idTokenInfo": {"status": "Accepted"}}
    assert book.station.accepted == set()  # C02.FR.03: no station has it in its cache


# C04: PIN


@V2
def test_C04_FR_01_a_pin_that_is_not_valid_here_is_invalid(version: str) -> None:
    book = StoreBook(version, token("4711", id_token_type=IdTokenType.KEY_CODE, evse_ids=(2,)))
    book.has_evses(1)
    assert book.authorized("0000", "KeyCode") == {"status": "Invalid"}
    assert book.authorized("4711", "KeyCode")["status"] == "Invalid"


@V2
def test_C04_FR_02_a_pin_that_is_valid_is_accepted(version: str) -> None:
    book = StoreBook(version, token("4711", id_token_type=IdTokenType.KEY_CODE))
    assert book.authorized("4711", "KeyCode") == {"status": "Accepted"}


@V2
def test_C04_FR_04_a_pin_is_in_no_log(version: str) -> None:
    book = StoreBook(version, token("4711", id_token_type=IdTokenType.KEY_CODE, group_id="GROUP"))
    book.authorized("4711", "KeyCode")
    message = book.journal.get(1)
    assert message is not None
    assert b"4711" in message.raw
    assert b"4711" not in mask(message).raw


# C06, C07: local ids, contracts


@V2
def test_C06_FR_04_a_local_id_gets_a_status(version: str) -> None:
    book = StoreBook(version, token("APP-1", id_token_type=IdTokenType.LOCAL))
    assert book.authorized("APP-1", "Local") == {"status": "Accepted"}
    assert book.authorized("APP-2", "Local") == {"status": "Unknown"}


def contract(
    version: str, trust: ContractTrust | None = None, *, status: AuthorizationStatus | None = None, **told: object
) -> tuple[str, str]:
    """certificateStatus and status of an Authorize with a contract."""
    card = token("EMAID", id_token_type=IdTokenType.EMAID, status=status)
    book = StoreBook(version, card, trust=trust or world().trust())
    answer, *_ = book.says(2, "1", "Authorize", {"idToken": {"idToken": "EMAID", "type": "eMAID"}, **told})
    payload = json.loads(answer.removeprefix("> "))[2]
    return payload["certificateStatus"], payload["idTokenInfo"]["status"]


TOLD: list[dict[str, object]] = [
    {"certificate": world().chain},
    {"certificate": world().chain, "iso15118CertificateHashData": [hash_data(world().sub)]},
    {"iso15118CertificateHashData": [hash_data(world().root, 7), hash_data(world().sub)]},
]


@V2
@pytest.mark.parametrize("told", TOLD)
def test_C07_FR_04_every_contract_gets_a_status(version: str, told: dict[str, object]) -> None:
    assert contract(version, **told) == ("Accepted", "Accepted")


@V2
@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "Unknown"])
def test_C07_FR_13_a_cancelled_contract(version: str, told: dict[str, object], status: str) -> None:
    assert contract(version, status=AuthorizationStatus(status), **told) == ("ContractCancelled", status)


@V2
@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize(
    "status", ["Accepted", "ConcurrentTx", "NoCredit", "NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime"]
)
def test_C07_FR_14_a_contract_that_is_good_though_not_here_and_now(
    version: str, told: dict[str, object], status: str
) -> None:
    assert contract(version, status=AuthorizationStatus(status), **told) == ("Accepted", status)


@V2
def test_C07_FR_15_an_expired_certificate(version: str) -> None:
    chain = world().expired.pem + world().sub.pem
    assert contract(version, certificate=chain) == ("CertificateExpired", "Expired")


@V2
@pytest.mark.parametrize("told", TOLD)
def test_C07_FR_16_a_revoked_certificate(version: str, told: dict[str, object]) -> None:
    """C07.FR.05 by revocation lists that the operator gives; no OCSP responder is asked."""
    assert contract(version, world().trust(0xAB12), **told) == ("CertificateRevoked", "Invalid")


def test_C07_FR_16_revoked_by_its_hash_data_though_its_chain_is_fine() -> None:
    told: dict[str, object] = {"certificate": world().chain, "iso15118CertificateHashData": [hash_data(world().sub, 7)]}
    assert contract("2.0.1", world().trust(7), **told) == ("CertificateRevoked", "Invalid")
    assert contract("2.0.1", world().trust(8), **told) == ("Accepted", "Accepted")


@V2
@pytest.mark.parametrize(
    "told",
    [
        {"certificate": "no certificate"},
        {"certificate": world().contract.pem + world().stranger.pem},
        {"iso15118CertificateHashData": [hash_data(world().stranger)]},
    ],
)
def test_C07_FR_17_a_chain_that_cannot_be_verified(version: str, told: dict[str, object]) -> None:
    assert contract(version, **told) == ("CertChainError", "Invalid")


# C09: groups


def test_C09_FR_02_tokens_of_a_group_name_the_same_group() -> None:
    book = StoreBook("2.0.1", FAMILY, token("CHILD", group_id="GROUP"))
    assert book.authorized("FAMILY")["groupIdToken"] == book.authorized("CHILD")["groupIdToken"]


@V2
def test_C09_FR_09_authorize_tells_the_group(version: str) -> None:
    """C16: the same tells a station of its master pass, which it must not let start a transaction (C12.FR.09)."""
    assert StoreBook(version, FAMILY).authorized("FAMILY")["groupIdToken"]["idToken"] == "GROUP"


def test_C09_FR_10_a_status_beside_the_group() -> None:
    assert StoreBook("2.0.1", BLOCKED_FAMILY).authorized("LOST")["status"] == "Blocked"


@V2
@pytest.mark.parametrize("event", ["Started", "Updated", "Ended"])
def test_C09_FR_12_a_transaction_event_tells_the_group(version: str, event: str) -> None:
    info = StoreBook(version, FAMILY).event(event, "FAMILY")["idTokenInfo"]
    assert info["groupIdToken"] == {"idToken": "GROUP", "type": "Central"}


@V2
def test_C09_FR_13_a_group_is_of_type_central(version: str) -> None:
    assert StoreBook(version, FAMILY).authorized("FAMILY")["groupIdToken"]["type"] == "Central"


def test_C09_FR_03_the_token_that_ended_a_charge_does_not_take_it_over() -> None:
    book = StoreBook("2.0.1", FAMILY, token("CHILD", group_id="GROUP"))
    book.event("Started", "FAMILY")
    assert book.event("Updated", "CHILD", trigger="StopAuthorized")["idTokenInfo"]["status"] == "Accepted"
    assert book.station.transactions["tx-1"] == Transaction("tx-1", 1, "FAMILY", 1, "ISO14443", authorized=False)


# C10: cache


@V2
def test_C10_FR_13_a_moment_that_has_come_keeps_a_token_out_of_the_cache(version: str) -> None:
    """Also C17 of OCPP 2.1, prepaid cards: never kept, refused where there is no credit."""
    book = StoreBook(version, token("PREPAID", cache_mode=CacheMode.NEVER, status=AuthorizationStatus.NO_CREDIT))
    assert book.authorized("PREPAID") == {"status": "NoCredit", "cacheExpiryDateTime": NOW}
    book = StoreBook(version, token("ONCE", cache_mode=CacheMode.NEVER, expiry=TODAY + timedelta(days=9)))
    assert book.authorized("ONCE") == {"status": "Accepted", "cacheExpiryDateTime": NOW}
    assert book.station.accepted == set()


@V2
def test_C10_FR_13_a_cache_outlives_no_token(version: str) -> None:
    book = StoreBook(version, token("DATED", expiry=TODAY + timedelta(seconds=10)))
    assert book.authorized("DATED") == {"status": "Accepted", "cacheExpiryDateTime": "2023-11-14T22:13:30.000Z"}
    book.clock.utc_ns += 10 * NS_PER_S
    assert to_datetime(book.clock.utc_ns) == TODAY + timedelta(seconds=10)
    assert book.authorized("DATED") == {"status": "Expired", "cacheExpiryDateTime": "2023-11-14T22:13:30.000Z"}


# C12: cached ids


@V2
def test_C12_FR_03_a_transaction_event_is_decided_about(version: str) -> None:
    book = StoreBook(version, BLOCKED_FAMILY)
    assert book.event("Started", "LOST")["idTokenInfo"]["status"] == "Blocked"
    assert book.event("Updated") == {}, "no idToken, no idTokenInfo"


# ConcurrentTx (AuthorizationStatusEnumType): relevant for the start of a transaction only


@V2
def test_a_token_may_charge_twice_unless_the_profile_says_otherwise(version: str) -> None:
    for allowed, status in ((True, "Accepted"), (False, "ConcurrentTx")):
        book = StoreBook(version, GOOD, token("GOOD", id_token_type=IdTokenType.LOCAL), concurrent_tx=allowed)
        assert book.event("Started", "GOOD", name="tx-1")["idTokenInfo"]["status"] == "Accepted"
        assert book.event("Started", "GOOD", name="tx-1")["idTokenInfo"]["status"] == "Accepted", "sent again"
        assert book.authorized("GOOD")["status"] == "Accepted", "it may want to stop"
        assert book.event("Started", "good", name="tx-2", evse=2)["idTokenInfo"]["status"] == status
        assert book.event("Started", "GOOD", name="tx-3", evse=2, kind="Local")["idTokenInfo"]["status"] == "Accepted"


def test_a_charge_at_another_station_counts_and_one_that_ended_does_not() -> None:
    book = StoreBook("2.0.1", GOOD, concurrent_tx=False)
    other = Station("CP-2", "1.6", connected=False)  # offline, and charging for all that is known
    other.transactions["7"] = Transaction("7", 1, "good")
    book.stations["CP-2"] = other
    assert book.event("Started", "GOOD")["idTokenInfo"]["status"] == "ConcurrentTx"
    assert book.store.decided[-1].rule == "concurrent"
    other.transactions.clear()
    assert book.event("Started", "GOOD", name="tx-2")["idTokenInfo"]["status"] == "ConcurrentTx", (
        "tx-1 runs all the same"
    )
    book.event("Ended", trigger="Deauthorized")
    book.event("Ended", name="tx-2", trigger="Deauthorized")
    assert book.event("Started", "GOOD", name="tx-3")["idTokenInfo"]["status"] == "Accepted"


# The same on OCPP 1.6


def start(book: StoreBook, tag: str, connector: int = 1, meter: int = 0) -> tuple[int, dict[str, Any]]:
    answer = book.call_of("StartTransaction", connectorId=connector, idTag=tag, timestamp=TIME, meterStart=meter)
    return answer["transactionId"], answer["idTagInfo"]


def test_16_what_a_token_can_say() -> None:
    """OCPP 1.6 section 7.27."""
    card = token(
        "CARD",
        group_id="G" * 20,
        expiry=TODAY + timedelta(days=1),
        language_code="de",
        personal_message=PersonalMessage("Hi"),
        charging_priority=3,
    )
    told = {"status": "Accepted", "parentIdTag": "G" * 20, "expiryDate": "2023-11-15T22:13:20.000Z"}
    book = StoreBook("1.6", card)
    assert book.authorized("card") == told
    assert start(book, "CARD")[1] == told
    book.clock.utc_ns += 86_400 * NS_PER_S
    assert book.authorized("CARD")["status"] == "Expired"


def test_16_a_token_of_another_connector_is_invalid() -> None:
    book = StoreBook("1.6", token("CARD", evse_ids=(2,)))
    book.has_evses(0, 1, 2)
    assert book.authorized("CARD") == {"status": "Accepted"}
    assert start(book, "CARD", 1)[1] == {"status": "Invalid"}
    assert start(book, "CARD", 2)[1] == {"status": "Accepted"}
    elsewhere = StoreBook("1.6", token("CARD", evse_ids=(3,)))
    elsewhere.has_evses(0, 1, 2)
    assert elsewhere.authorized("CARD") == {"status": "Invalid"}


def test_16_concurrent_tx() -> None:
    """OCPP 1.6 section 7.2: relevant for StartTransaction only."""
    book = StoreBook("1.6", GOOD, concurrent_tx=False)
    number, info = start(book, "GOOD")
    assert info == {"status": "Accepted"}
    assert start(book, "GOOD") == (number, info), "sent again"
    assert book.authorized("GOOD") == {"status": "Accepted"}
    second, info = start(book, "good", 2)
    assert (second > number, info) == (True, {"status": "ConcurrentTx"})
    for running in (number, second):
        book.call_of("StopTransaction", transactionId=running, meterStop=1, timestamp=TIME, idTag="GOOD")
    assert start(book, "GOOD", 2, 5)[1] == {"status": "Accepted"}
