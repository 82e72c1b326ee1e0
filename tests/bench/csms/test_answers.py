"""Every action a station may initiate is answered, and what the answers make known of the station."""

from __future__ import annotations

import json
from typing import Any

import ocpp.messages
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codecs.ocpp_schemas import Half, actions, schema_of
from bench.csms import answers16, answers21, answers201
from bench.csms.link import Send
from bench.message import Direction, Link
from bench.station import MAX_CONNECTORS, MAX_TRANSACTIONS
from bench.tokens.model import AuthorizationStatus, CacheMode, Decision
from tests.bench.csms.linkbook import NOW, LinkBook, token
from tests.bench.csms.minimal import minimal

HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "n",
    "issuerKeyHash": "k",
    "serialNumber": "1",
    "responderURL": "http://ocsp",
}
TIME = "2024-01-01T10:00:00Z"
ANSWERED = {"1.6": answers16.ANSWERS, "2.0.1": answers201.ANSWERS, "2.1": answers21.ANSWERS}
EVERY = [(version, name) for version, answers in ANSWERED.items() for name in answers]


@pytest.fixture
def v16() -> LinkBook:
    return LinkBook("1.6", heartbeat_s=60)


@pytest.fixture
def v201() -> LinkBook:
    return LinkBook("2.0.1", heartbeat_s=60)


@pytest.fixture
def v21() -> LinkBook:
    return LinkBook("2.1", heartbeat_s=60)


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_every_station_action_gets_an_answer_that_a_stranger_validates(version: str, action: str) -> None:
    book = LinkBook(version)
    call = [2, "1", action, minimal(version, Half.REQUEST, action)]
    data = json.dumps(call).encode()
    decoded = book.link.decode(data)
    assert decoded.faults == ()
    message = book.journal.append(Link.OCPP, Direction.IN, "CP-1", data, decoded, book.clock.stamp())
    (answer,) = (effect for effect in book.link.handle(message) if isinstance(effect, Send))
    result = ocpp.messages.unpack(answer.data.decode())
    assert isinstance(result, ocpp.messages.CallResult)
    result.action = action
    ocpp.messages._validate_payload(result, version)


def test_the_tables_are_complete() -> None:
    """What is not answered is what a CSMS sends: OCPP 1.6 sections 5.2 to 5.19 and the white paper, 2.0.1 Part 2."""
    assert len(answers16.ANSWERS) == 14
    assert len(answers201.ANSWERS) == 25
    assert sorted(actions("1.6") - answers16.ANSWERS.keys()) == [
        *("CancelReservation", "CertificateSigned", "ChangeAvailability", "ChangeConfiguration", "ClearCache"),
        *("ClearChargingProfile", "DeleteCertificate", "ExtendedTriggerMessage", "GetCompositeSchedule"),
        *("GetConfiguration", "GetDiagnostics", "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog"),
        *("InstallCertificate", "RemoteStartTransaction", "RemoteStopTransaction", "ReserveNow", "Reset"),
        *("SendLocalList", "SetChargingProfile", "SignedUpdateFirmware", "TriggerMessage", "UnlockConnector"),
        "UpdateFirmware",
    ]
    assert sorted(actions("2.0.1") - answers201.ANSWERS.keys()) == [
        *("CancelReservation", "CertificateSigned", "ChangeAvailability", "ClearCache", "ClearChargingProfile"),
        *("ClearDisplayMessage", "ClearVariableMonitoring", "CostUpdated", "CustomerInformation"),
        *("DeleteCertificate", "GetBaseReport", "GetChargingProfiles", "GetCompositeSchedule"),
        *("GetDisplayMessages", "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog"),
        *("GetMonitoringReport", "GetReport", "GetTransactionStatus", "GetVariables", "InstallCertificate"),
        *("PublishFirmware", "RequestStartTransaction", "RequestStopTransaction", "ReserveNow", "Reset"),
        *("SendLocalList", "SetChargingProfile", "SetDisplayMessage", "SetMonitoringBase", "SetMonitoringLevel"),
        *("SetNetworkProfile", "SetVariableMonitoring", "SetVariables", "TriggerMessage", "UnlockConnector"),
        *("UnpublishFirmware", "UpdateFirmware"),
    ]

    new = actions("2.1") - actions("2.0.1")
    assert sorted(answers21.ANSWERS.keys() - answers201.ANSWERS.keys()) == sorted(new & answers21.ANSWERS.keys())
    assert len(answers21.ANSWERS) == 36
    assert sorted(new - answers21.ANSWERS.keys()) == [
        *("AFRRSignal", "AdjustPeriodicEventStream", "ChangeTransactionTariff", "ClearDERControl", "ClearTariffs"),
        *("GetDERControl", "GetPeriodicEventStream", "GetTariffs", "NotifyAllowedEnergyTransfer"),
        *("NotifyWebPaymentStarted", "RequestBatterySwap", "SetDERControl", "SetDefaultTariff"),
        *("UpdateDynamicSchedule", "UsePriorityCharging"),
    ]


class TestOf21:
    """What 2.1 adds to 2.0.1."""

    @pytest.mark.parametrize(("value", "status"), [("GOOD", "Accepted"), ("BAD", "Blocked")])
    def test_a_known_token_type_is_decided_about(self, v21: LinkBook, value: str, status: str) -> None:
        assert v21.asks("1", "Authorize", idToken={"idToken": value, "type": "ISO14443"}) == {
            "idTokenInfo": {"status": status}
        }

    def test_a_token_type_that_nobody_knows_is_unknown(self, v21: LinkBook) -> None:
        """The type is any text since 2.1, the value has up to 255 characters."""
        token = {"idToken": "p" * 255, "type": "DirectPayment"}
        unknown = '> [3,"1",{"idTokenInfo":{"status":"Unknown"}}]'
        told = (
            "! warn ocpp.token-type: Authorize with a token of the type 'DirectPayment', which this bench does not know"
        )
        answer, notice = v21.says(2, "1", "Authorize", {"idToken": token})
        assert answer == unknown
        assert notice.startswith(told)
        assert v21.desk.asked == []

    def test_its_transaction_is_followed_all_the_same(self, v21: LinkBook) -> None:
        event = TestTransactions201.event("Started", evse={"id": 1}, idToken={"idToken": "x", "type": "DirectPayment"})
        answer, _ = v21.says(2, "1", "TransactionEvent", event)
        assert answer == '> [3,"1",{"idTokenInfo":{"status":"Unknown"}}]'
        assert v21.station.transactions["tx-1"].evse == 1
        v21.says(2, "2", "TransactionEvent", TestTransactions201.event("Ended"))
        assert v21.station.transactions == {}

    def test_a_certificate_chain_is_not_looked_up(self, v21: LinkBook) -> None:
        hashes = {key: HASH[key] for key in HASH if key != "responderURL"}
        asked = {"certificateHashData": hashes, "source": "OCSP", "urls": ["http://ocsp"]}
        assert v21.asks("1", "GetCertificateChainStatus", certificateStatusRequests=[asked, asked]) == {
            "certificateStatus": [
                {"certificateHashData": hashes, "source": "OCSP", "status": "Failed", "nextUpdate": NOW}
            ]
            * 2
        }

    def test_vat_numbers_are_repeated_and_not_confirmed(self, v21: LinkBook) -> None:
        answer = v21.asks("1", "VatNumberValidation", vatNumber="DE123", evseId=2)
        assert (answer["status"], answer["vatNumber"], answer["evseId"]) == ("Rejected", "DE123", 2)
        assert "evseId" not in v21.asks("2", "VatNumberValidation", vatNumber="DE123")


class TestIdTagInfo:
    @pytest.mark.parametrize(
        ("tag", "info"),
        [
            ("GOOD", {"status": "Accepted"}),
            ("BAD", {"status": "Blocked"}),
            ("POOR", {"status": "Blocked"}),
            ("NOBODY", {"status": "Invalid"}),
            ("FAMILY", {"status": "Accepted", "parentIdTag": "GROUP"}),
            ("ONCE", {"status": "Accepted", "expiryDate": "2023-11-14T22:14:20.000Z"}),  # a minute: see kept_until_16
        ],
    )
    def test_16(self, v16: LinkBook, tag: str, info: dict[str, object]) -> None:
        assert v16.asks("1", "Authorize", idTag=tag) == {"idTagInfo": info}

    def test_a_group_that_does_not_fit_into_16_is_left_out_and_told(self, v16: LinkBook) -> None:
        answer, told = v16.says(2, "1", "Authorize", {"idTag": "BIGGROUP"})
        assert answer == '> [3,"1",{"idTagInfo":{"status":"Accepted"}}]'
        assert told.startswith("! warn ocpp.group-too-long: the group of GBABX000000001X has 36 characters")

    @pytest.mark.parametrize(
        ("value", "info"),
        [
            ("GOOD", {"status": "Accepted"}),
            ("BAD", {"status": "Blocked"}),
            ("POOR", {"status": "NoCredit"}),
            ("NOBODY", {"status": "Unknown"}),
            (
                "FAMILY",
                {"status": "Accepted", "groupIdToken": {"idToken": "GROUP", "type": "Central"}, "language1": "de"},
            ),
            ("BIGGROUP", {"status": "Accepted", "groupIdToken": {"idToken": "G" * 36, "type": "Central"}}),
            ("ONCE", {"status": "Accepted", "cacheExpiryDateTime": NOW}),
        ],
    )
    def test_201(self, v201: LinkBook, value: str, info: dict[str, object]) -> None:
        answer = v201.asks("1", "Authorize", idToken={"idToken": value, "type": "ISO14443"})
        assert answer == {"idTokenInfo": info}

    def test_what_the_authority_is_asked(self, v16: LinkBook, v201: LinkBook) -> None:
        v16.asks("1", "Authorize", idTag="GOOD")
        ((ask, seq),) = v16.desk.asked
        assert (ask.value, ask.id_token_type, ask.station, ask.action, seq) == ("GOOD", None, "CP-1", "Authorize", 1)
        v201.asks("1", "Authorize", idToken={"idToken": "DE*ABC", "type": "eMAID"})
        ((ask, _),) = v201.desk.asked
        assert (ask.value, ask.id_token_type) == ("DE*ABC", "eMAID")

    @pytest.mark.parametrize(("value", "status"), [("GOOD", "Accepted"), ("BAD", "ContractCancelled")])
    def test_a_contract_without_configured_roots_follows_the_token_and_that_is_told(
        self, v201: LinkBook, value: str, status: str
    ) -> None:
        """OCPP 2.0.1 C07.FR.13, FR.14."""
        answer, told = v201.says(
            2, "1", "Authorize", {"idToken": {"idToken": value, "type": "eMAID"}, "iso15118CertificateHashData": [HASH]}
        )
        assert f'"certificateStatus":"{status}"' in answer
        assert told.startswith("! info ocpp.certificate-unanchored: no contract roots are configured")


@given(
    st.sampled_from(AuthorizationStatus),
    st.none() | st.text(max_size=40),
    st.none() | st.text(max_size=12),
    st.sampled_from(CacheMode),
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_decided_makes_a_valid_answer(
    status: AuthorizationStatus, group: str | None, language: str | None, cache_mode: CacheMode
) -> None:
    found = token("X", group_id=group, language_code=language, cache_mode=cache_mode)
    for version, request in (
        ("1.6", {"idTag": "X"}),
        ("2.0.1", {"idToken": {"idToken": "X", "type": "eMAID"}, "iso15118CertificateHashData": [HASH]}),
    ):
        book = LinkBook(version)
        book.desk.cards["X"] = Decision(status, "store", "", "", found)
        answer = json.loads(book.says(2, "1", "Authorize", request)[0].removeprefix("> "))
        schema = schema_of(version, Half.RESPONSE, "Authorize")
        assert schema is not None
        assert schema.faults(answer[2]) == ()


class TestWhatTheStationMayHaveCached:
    def test_16(self, v16: LinkBook) -> None:
        for number, tag in enumerate(("GOOD", "BAD", "ONCE", "NOBODY")):
            v16.asks(str(number), "Authorize", idTag=tag)
        assert v16.station.accepted == {"good"}
        del v16.desk.cards["GOOD"]
        v16.asks("9", "Authorize", idTag="Good")
        assert v16.station.accepted == set()

    def test_201_central_and_no_authorization_are_never_cached(self, v201: LinkBook) -> None:
        """OCPP 2.0.1 C02, C05."""
        for kind in ("Central", "NoAuthorization", "ISO14443"):
            v201.asks(kind, "Authorize", idToken={"idToken": "GOOD", "type": kind})
            assert v201.station.accepted == (set() if kind != "ISO14443" else {"good"})


class TestBoot:
    def test_16(self, v16: LinkBook) -> None:
        answer = v16.asks(
            "1",
            "BootNotification",
            chargePointVendor="Acme",
            chargePointModel="One",
            chargeBoxSerialNumber="S1",
            firmwareVersion="1.2",
        )
        assert answer == {"status": "Accepted", "currentTime": NOW, "interval": 60}
        station = v16.station
        assert (station.boot, station.vendor, station.model) == ("Accepted", "Acme", "One")
        assert (station.serial_number, station.firmware) == ("S1", "1.2")

    def test_201(self, v201: LinkBook) -> None:
        answer = v201.asks(
            "1",
            "BootNotification",
            reason="PowerUp",
            chargingStation={"model": "Two", "vendorName": "Acme", "serialNumber": "S2", "firmwareVersion": "3"},
        )
        assert answer == {"status": "Accepted", "currentTime": NOW, "interval": 60}
        station = v201.station
        assert (station.boot, station.vendor, station.model) == ("Accepted", "Acme", "Two")
        assert (station.serial_number, station.firmware) == ("S2", "3")

    @pytest.mark.parametrize("version", ["1.6", "2.0.1"])
    def test_a_heartbeat_is_remembered(self, version: str) -> None:
        book = LinkBook(version)
        book.clock.advance(1500)
        assert book.asks("1", "Heartbeat") == {"currentTime": "2023-11-14T22:13:21.500Z"}
        assert book.station.last_heartbeat_utc_ns == 1_700_000_001_500_000_000


class TestConnectors:
    def test_16(self, v16: LinkBook) -> None:
        v16.asks("1", "StatusNotification", connectorId=0, errorCode="NoError", status="Available")
        v16.asks("2", "StatusNotification", connectorId=1, errorCode="NoError", status="Charging")
        assert v16.station.connectors == {"0": "Available", "1": "Charging"}

    def test_16_a_list_conflict_is_told(self, v16: LinkBook) -> None:
        payload = {"connectorId": 0, "errorCode": "LocalListConflict", "status": "Available"}
        assert v16.says(2, "1", "StatusNotification", payload)[1].startswith("! warn list.conflict:")

    def test_201(self, v201: LinkBook) -> None:
        v201.asks("1", "StatusNotification", timestamp=TIME, connectorStatus="Occupied", evseId=1, connectorId=2)
        assert v201.station.connectors == {"1.2": "Occupied"}

    def test_they_are_bounded(self, v16: LinkBook) -> None:
        for number in range(MAX_CONNECTORS + 5):
            v16.asks(str(number), "StatusNotification", connectorId=number, errorCode="NoError", status="Available")
        assert len(v16.station.connectors) == MAX_CONNECTORS


class TestTransactions16:
    START = {"connectorId": 2, "meterStart": 0, "timestamp": TIME}

    def test_from_start_to_stop(self, v16: LinkBook) -> None:
        answer = v16.asks("1", "StartTransaction", idTag="GOOD", **self.START)
        number = answer["transactionId"]
        assert answer["idTagInfo"] == {"status": "Accepted"}
        ((ask, _),) = v16.desk.asked
        assert (ask.action, ask.evse) == ("StartTransaction", 2)
        transaction = v16.station.transactions[str(number)]
        assert (transaction.evse, transaction.id_token, transaction.started_seq) == (2, "GOOD", 1)

        stopped = v16.asks("2", "StopTransaction", transactionId=number, idTag="BAD", meterStop=5, timestamp=TIME)
        assert stopped == {"idTagInfo": {"status": "Blocked"}}
        assert (v16.desk.asked[1][0].action, v16.desk.asked[1][0].evse) == ("StopTransaction", 2)
        assert v16.station.transactions == {}

    def test_ids_are_unique_across_transactions_and_connections(self, v16: LinkBook) -> None:
        numbers = [
            v16.asks(str(n), "StartTransaction", idTag="GOOD", **self.START | {"meterStart": n})["transactionId"]
            for n in range(5)
        ]
        assert numbers == list(range(1_700_000_000, 1_700_000_005))
        again = LinkBook("1.6")
        again.station.transactions.update(v16.station.transactions)
        assert again.asks("1", "StartTransaction", idTag="GOOD", **self.START)["transactionId"] == 1_700_000_005

    def test_a_start_sent_again_keeps_its_id(self, v16: LinkBook) -> None:
        first = v16.asks("1", "StartTransaction", idTag="GOOD", **self.START)
        assert v16.asks("2", "StartTransaction", idTag="GOOD", **self.START) == first
        assert len(v16.station.transactions) == 1

    def test_a_refused_start_still_runs_at_the_station(self, v16: LinkBook) -> None:
        answer = v16.asks("1", "StartTransaction", idTag="BAD", **self.START)
        assert answer["idTagInfo"] == {"status": "Blocked"}
        assert list(v16.station.transactions) == [str(answer["transactionId"])]

    def test_a_stop_of_an_unknown_transaction_is_answered_and_told(self, v16: LinkBook) -> None:
        answer, told = v16.says(2, "1", "StopTransaction", {"transactionId": 7, "meterStop": 5, "timestamp": TIME})
        assert answer == '> [3,"1",{}]'
        assert told.startswith("! warn ocpp.unknown-transaction: StopTransaction of transaction 7")

    def test_ids_stay_within_an_integer(self, v16: LinkBook) -> None:
        v16.clock.utc_ns = 2**31 * 1_000_000_000  # the year 2038
        number = v16.asks("1", "StartTransaction", idTag="GOOD", **self.START)["transactionId"]
        assert 0 < number < 2**31

    def test_they_are_bounded(self, v16: LinkBook) -> None:
        for n in range(MAX_TRANSACTIONS + 5):
            v16.asks(str(n), "StartTransaction", idTag="GOOD", **self.START | {"meterStart": n})
        assert len(v16.station.transactions) == MAX_TRANSACTIONS


class TestTransactions201:
    @staticmethod
    def event(kind: str, **more: Any) -> dict[str, Any]:
        return {
            "eventType": kind,
            "timestamp": TIME,
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "tx-1"},
        } | more

    def test_from_started_to_ended(self, v201: LinkBook) -> None:
        token = {"idToken": "GOOD", "type": "ISO14443"}
        assert v201.asks("1", "TransactionEvent", **self.event("Started", evse={"id": 1})) == {}
        assert v201.station.transactions["tx-1"].id_token == ""

        answer = v201.asks("2", "TransactionEvent", **self.event("Updated", idToken=token))
        assert answer == {"idTokenInfo": {"status": "Accepted"}}
        transaction = v201.station.transactions["tx-1"]
        assert (transaction.evse, transaction.id_token, transaction.started_seq) == (1, "GOOD", 1)
        ((ask, _),) = v201.desk.asked
        assert (ask.action, ask.evse, ask.id_token_type) == ("TransactionEvent", 1, "ISO14443")

        assert v201.asks("3", "TransactionEvent", **self.event("Updated")) == {}
        assert v201.station.transactions["tx-1"].id_token == "GOOD"
        assert v201.asks("4", "TransactionEvent", **self.event("Ended")) == {}
        assert v201.station.transactions == {}

    def test_one_that_began_unseen(self, v201: LinkBook) -> None:
        v201.asks("1", "TransactionEvent", **self.event("Updated"))
        assert v201.station.transactions["tx-1"].started_seq is None

    def test_no_authorization_is_an_empty_token(self, v201: LinkBook) -> None:
        """OCPP 2.0.1 C02: start button."""
        event = self.event("Started", idToken={"idToken": "", "type": "NoAuthorization"})
        assert v201.asks("1", "TransactionEvent", **event) == {"idTokenInfo": {"status": "Accepted"}}
