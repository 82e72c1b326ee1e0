"""One station's connection as packet traces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codecs.ocpp import decode
from bench.codecs.ocpp_schemas import VERSIONS
from bench.csms.link import MAX_SEEN_IDS, Send
from bench.errors import BadInput, OperatorError
from bench.journal.log import Journal
from bench.message import Direction, Link
from tests.bench.csms.linkbook import NOW, STORE_GONE, LinkBook


@pytest.fixture
def v16() -> LinkBook:
    return LinkBook("1.6")


@pytest.fixture
def v201() -> LinkBook:
    return LinkBook("2.0.1")


@pytest.fixture
def v21() -> LinkBook:
    return LinkBook("2.1")


class TestTheStationCalls:
    def test_a_call_gets_its_answer(self, v16: LinkBook, v201: LinkBook) -> None:
        # fmt: off
        assert v16.says(2, "1", "Authorize", {"idTag": "GOOD"}) == [
            '> [3,"1",{"idTagInfo":{"status":"Accepted"}}]']
        assert v201.says(2, "1", "Authorize", {"idToken": {"idToken": "GOOD", "type": "ISO14443"}}) == [
            '> [3,"1",{"idTokenInfo":{"status":"Accepted"}}]']
        assert v201.says(2, "2", "Heartbeat", {}) == [f'> [3,"2",{{"currentTime":"{NOW}"}}]']
        # fmt: on

    def test_an_unknown_action_is_not_implemented(self, v16: LinkBook, v201: LinkBook) -> None:
        # fmt: off
        assert v16.says(2, "1", "Autorize", {}) == [
            '> [4,"1","NotImplemented","[2]: OCPP 1.6 has no action \'Autorize\'",{"where":"[2]"}]']
        assert v201.says(2, "1", "StartTransaction", {}) == [
            '> [4,"1","NotImplemented","[2]: OCPP 2.0.1 has no action \'StartTransaction\'",{"where":"[2]"}]']
        # fmt: on

    def test_an_action_of_the_csms_is_not_supported(self, v16: LinkBook) -> None:
        text = "ClearCache is for the CSMS to send, not for a station"
        assert v16.says(2, "1", "ClearCache", {}) == [
            f"! fail ocpp.direction: {text}",
            f'> [4,"1","NotSupported","{text}",{{}}]',
        ]

    def test_a_wrong_payload_is_refused_with_the_code_of_its_version(self, v16: LinkBook, v201: LinkBook) -> None:
        # fmt: off
        assert v16.says(2, "1", "Authorize", {"idTag": "A" * 21}) == [
            '> [4,"1","PropertyConstraintViolation","idTag: maxLength 20, got 21",{"where":"idTag"}]']
        assert v16.says(2, "2", "Authorize", {"x": 1, "idTag": "A"}) == [
            '> [4,"2","FormationViolation","x: additionalProperties not allowed, got x",{"where":"x"}]']
        assert v201.says(2, "1", "Authorize", {"x": 1, "idToken": {"idToken": "A", "type": "Local"}}) == [
            '> [4,"1","FormatViolation","x: additionalProperties not allowed, got x",{"where":"x"}]']
        assert v201.says(2, "2", "Authorize", {}) == [
            '> [4,"2","OccurrenceConstraintViolation","idToken: required, but idToken is missing",{"where":"idToken"}]']
        # fmt: on
        assert v16.desk.asked == v201.desk.asked == []

    def test_a_sloppy_time_is_answered(self, v16: LinkBook) -> None:
        start = {"connectorId": 1, "idTag": "GOOD", "meterStart": 0, "timestamp": "2024-01-01T10:00:00"}
        (line,) = v16.says(2, "1", "StartTransaction", start)
        assert line.startswith('> [3,"1",{"transactionId":')

    def test_an_id_used_twice_is_told_and_answered_again(self, v16: LinkBook) -> None:
        assert v16.says(2, "1", "Heartbeat", {}) == [f'> [3,"1",{{"currentTime":"{NOW}"}}]']
        assert v16.says(2, "1", "Heartbeat", {}) == [
            "! warn ocpp.duplicate-id: Heartbeat uses the message id '1' again; answered again",
            f'> [3,"1",{{"currentTime":"{NOW}"}}]',
        ]

    def test_only_so_many_ids_are_remembered(self, v16: LinkBook) -> None:
        v16.says(2, "first", "Heartbeat", {})
        for number in range(MAX_SEEN_IDS):
            v16.says(2, str(number), "Heartbeat", {})
        assert len(v16.says(2, "first", "Heartbeat", {})) == 1
        assert len(v16.says(2, str(MAX_SEEN_IDS - 1), "Heartbeat", {})) == 2

    def test_a_store_that_is_gone_is_an_internal_error(self, v201: LinkBook) -> None:
        v201.desk.broken = STORE_GONE
        assert v201.says(2, "1", "Authorize", {"idToken": {"idToken": "GOOD", "type": "ISO14443"}}) == [
            "! fail ocpp.no-decision: Authorize not answered: the store is locked",
            '> [4,"1","InternalError","the store is locked",{}]',
        ]

    def test_a_bug_of_ours_is_logged_and_still_answered(
        self, v16: LinkBook, expected_log: Callable[[str], None]
    ) -> None:
        expected_log("answering Authorize of station CP-1 failed")
        v16.desk.broken = ZeroDivisionError("ours")
        assert v16.says(2, "1", "Authorize", {"idTag": "GOOD"}) == [
            '> [4,"1","InternalError","a fault in the test bench",{}]'
        ]

    def test_the_station_may_call_while_our_call_is_open(self, v16: LinkBook) -> None:
        call_id, lines = v16.calls("ClearCache")
        assert lines == ['> [2,"b-1","ClearCache",{}]']
        assert len(v16.says(2, "1", "Heartbeat", {})) == len(v16.says(2, "2", "Heartbeat", {})) == 1
        assert v16.says(3, call_id, {"status": "Accepted"}) == ['= b-1 ClearCache {"status": "Accepted"}']


class TestTheStationIsNotUnderstood:
    def test_the_id_that_can_be_read_is_answered(self, v16: LinkBook, v201: LinkBook) -> None:
        # fmt: off
        assert v16.sends(b'[2,"77","Authorize",{"idTag":') == [
            '> [4,"77","FormationViolation","character 29: not JSON: unexpected end of data",'
            '{"where":"character 29"}]']
        assert v201.sends(b'[2,"77","Authorize",{"idTag":') == [
            '> [4,"77","RpcFrameworkError","character 29: not JSON: unexpected end of data",'
            '{"where":"character 29"}]']
        assert v201.says(2, "78", "Heartbeat", []) == [
            '> [4,"78","FormatViolation","[3]: payload is an array",{"where":"[3]"}]']
        # fmt: on

    def test_without_an_id_201_answers_minus_one_and_16_cannot(self, v16: LinkBook, v201: LinkBook) -> None:
        text = "not JSON: unexpected character, expected a JSON value"
        assert v201.sends(b"hello")[0].startswith('> [4,"-1","RpcFrameworkError"')
        assert v16.sends(b"hello") == [f"! fail ocpp.unanswerable: a message without a usable id got no answer: {text}"]

    def test_an_unknown_message_type(self, v16: LinkBook, v201: LinkBook) -> None:
        assert v16.says(6, "1", {}) == ["! warn ocpp.unanswerable: ignored: message type 6, wanted 2, 3 or 4"]
        assert v201.says(6, "1", {})[0].startswith('> [4,"1","MessageTypeNotSupported"')

    def test_an_id_that_is_too_long_is_echoed_as_long_as_it_is_sane(self, v201: LinkBook) -> None:
        assert v201.says(2, "x" * 40, "Heartbeat", {})[0].startswith(f'> [4,"{"x" * 40}","RpcFrameworkError"')
        assert v201.says(2, "x" * 4000, "Heartbeat", {})[0].startswith('> [4,"-1","RpcFrameworkError"')

    def test_an_unreadable_answer_is_never_answered(self, v201: LinkBook) -> None:
        orphan = "! warn ocpp.orphan-answer: an unreadable answer to no call of ours: "
        assert v201.sends(b'[3,"1",') == [orphan + "not JSON: unexpected end of data"]
        assert v201.says(4, "1") == [orphan + "CALLERROR has 2 elements, wanted 5"]

    def test_an_unreadable_answer_ends_its_call(self, v201: LinkBook) -> None:
        v201.calls("ClearCache")
        assert v201.says(3, "b-1", "Accepted") == ["= b-1 the answer cannot be read: payload is a string"]


class TestWeCall:
    def test_an_answer_settles_the_call(self, v201: LinkBook) -> None:
        assert v201.calls("GetLocalListVersion") == ("b-1", ['> [2,"b-1","GetLocalListVersion",{}]'])
        assert v201.says(3, "b-1", {"versionNumber": 4}) == ['= b-1 GetLocalListVersion {"versionNumber": 4}']

    def test_a_refusal_settles_it_too(self, v201: LinkBook) -> None:
        v201.calls("ClearCache")
        assert v201.says(4, "b-1", "NotSupported", "no cache", {}) == ["= b-1 ClearCache NotSupported no cache"]

    def test_an_answer_that_breaks_its_schema_settles_it_with_a_fault(self, v201: LinkBook) -> None:
        v201.calls("ClearCache")
        assert v201.says(3, "b-1", {"status": "Done"}) == ['= b-1 ClearCache {"status": "Done"}']
        message = v201.journal.get(1)
        assert message is not None
        assert [fault.rule for fault in message.decoded.faults] == ["ocpp.schema.enum"]

    def test_one_call_at_a_time_the_others_wait(self, v16: LinkBook) -> None:
        assert v16.calls("ClearCache")[1] == ['> [2,"b-1","ClearCache",{}]']
        assert v16.calls("GetLocalListVersion")[1] == []
        assert v16.calls("Reset", type="Soft")[1] == []
        assert v16.says(3, "b-1", {"status": "Accepted"}) == [
            '= b-1 ClearCache {"status": "Accepted"}',
            '> [2,"b-2","GetLocalListVersion",{}]',
        ]
        assert v16.says(4, "b-2", "NotSupported", "", {}) == [
            "= b-2 GetLocalListVersion NotSupported ",
            '> [2,"b-3","Reset",{"type":"Soft"}]',
        ]

    def test_a_call_that_is_not_answered_makes_room_and_its_late_answer_is_told(self, v16: LinkBook) -> None:
        v16.calls("ClearCache")
        v16.calls("GetLocalListVersion")
        assert v16.written(v16.link.expire("b-1")) == [
            "= b-1 no answer in time",
            '> [2,"b-2","GetLocalListVersion",{}]',
        ]
        assert v16.says(3, "b-1", {"status": "Accepted"}) == [
            "! warn ocpp.late-answer: the answer to ClearCache came after its time had run out"
        ]
        assert v16.says(3, "b-2", {"listVersion": 1}) == ['= b-2 GetLocalListVersion {"listVersion": 1}']
        assert v16.link.expire("b-2") == []

    def test_a_call_that_never_had_its_turn_expires_in_the_queue(self, v16: LinkBook) -> None:
        v16.calls("ClearCache")
        v16.calls("GetLocalListVersion")
        assert v16.written(v16.link.expire("b-2")) == [
            "= b-2 not sent in time: the station did not answer the calls before it"
        ]
        assert v16.says(3, "b-1", {"status": "Accepted"}) == ['= b-1 ClearCache {"status": "Accepted"}']

    def test_an_answer_to_no_call(self, v16: LinkBook) -> None:
        orphan = "! warn ocpp.orphan-answer: an answer with the message id 'zzz', but no call of ours has that id"
        assert v16.says(3, "zzz", {}) == [orphan]
        assert v16.says(4, "zzz", "GenericError", "", {}) == [orphan]

    def test_the_station_could_not_read_us(self, v201: LinkBook) -> None:
        assert v201.says(4, "-1", "RpcFrameworkError", "no JSON", {}) == [
            "! fail ocpp.station-could-not-read: the station could not read a message of ours: RpcFrameworkError no JSON"
        ]

    def test_gone_in_the_middle_of_calls(self, v16: LinkBook) -> None:
        v16.calls("ClearCache")
        v16.calls("GetLocalListVersion")
        gone = "the connection closed before the answer"
        assert v16.written(v16.link.closed()) == [f"= b-1 {gone}", f"= b-2 {gone}"]
        assert v16.link.closed() == []

    def test_the_queue_is_bounded(self, v16: LinkBook) -> None:
        for _ in range(65):
            v16.calls("ClearCache")
        with pytest.raises(OperatorError, match="64 calls already wait for this station to answer ClearCache"):
            v16.calls("ClearCache")

    @pytest.mark.parametrize(
        ("version", "action", "payload", "text"),
        [
            ("1.6", "Reset", {"type": "Warm"}, "Reset is wrong at type: enum Hard, Soft, got Warm"),
            ("1.6", "Reset", {}, "Reset is wrong at type: required, but type is missing"),
            (
                "2.0.1",
                "RequestStartTransaction",
                {"remoteStartId": 1},
                "wrong at idToken: required, but idToken is missing",
            ),
            ("1.6", "RequestStartTransaction", {}, "OCPP 1.6 has no action RequestStartTransaction"),
            ("1.6", "Heartbeat", {}, "Heartbeat is sent by stations, not by a CSMS"),
            ("2.0.1", "ClearCache", {"x": object()}, "the payload of ClearCache is no JSON"),
        ],
    )
    def test_a_wrong_call_is_refused_before_it_is_sent(
        self, version: str, action: str, payload: dict[str, object], text: str
    ) -> None:
        book = LinkBook(version)
        with pytest.raises(BadInput, match=text):
            book.calls(action, **payload)
        assert book.calls("ClearCache")[1] == ['> [2,"b-1","ClearCache",{}]']

    def test_raw_sends_what_it_is_given(self, v16: LinkBook) -> None:
        assert v16.calls("Nonsense", raw=True, x=1)[1] == ['> [2,"b-1","Nonsense",{"x":1}]']

    def test_both_sides_may_send_data_transfer(self, v16: LinkBook) -> None:
        assert v16.calls("DataTransfer", vendorId="x")[1] == ['> [2,"b-1","DataTransfer",{"vendorId":"x"}]']


class TestMessageTypesOf21:
    """OCPP 2.1 Part 4: SEND and CALLRESULTERROR."""

    STREAM = {"id": 1, "pending": 0, "basetime": "2025-01-01T00:00:00Z", "data": [{"t": 0, "v": "230"}]}

    def test_a_send_is_recorded_and_never_answered(self, v21: LinkBook) -> None:
        assert v21.says(6, "1", "NotifyPeriodicEventStream", self.STREAM) == []
        assert v21.says(6, "2", "NotifyPeriodicEventStream", {}) == []
        assert v21.says(6, "3", "Heartbeat", {}) == []
        assert v21.says(6, "4", "Heartbeat") == ["! warn ocpp.unanswerable: ignored: SEND has 3 elements, wanted 4"]
        kinds = [(m.decoded.kind, [f.rule for f in m.decoded.faults]) for m in v21.journal.since(0)]
        assert kinds[0] == ("SEND", [])
        assert kinds[1] == ("SEND", ["ocpp.schema.required"] * 4)
        assert kinds[2] == ("SEND", ["ocpp.action"])
        assert kinds[3] == ("malformed", ["malformed"])

    def test_its_id_counts_like_that_of_a_call(self, v21: LinkBook) -> None:
        v21.says(6, "1", "NotifyPeriodicEventStream", self.STREAM)
        assert v21.says(6, "1", "NotifyPeriodicEventStream", self.STREAM) == [
            "! warn ocpp.duplicate-id: NotifyPeriodicEventStream uses the message id '1' again"
        ]
        assert len(v21.says(2, "1", "Heartbeat", {})) == 2

    def test_what_is_sent_with_send_is_no_action(self, v21: LinkBook) -> None:
        (line,) = v21.says(2, "1", "NotifyPeriodicEventStream", self.STREAM)
        assert line.startswith(
            '> [4,"1","NotImplemented","[2]: NotifyPeriodicEventStream is sent with SEND and not called"'
        )
        with pytest.raises(BadInput, match="OCPP 2.1 has no action NotifyPeriodicEventStream"):
            v21.calls("NotifyPeriodicEventStream", **self.STREAM)

    def test_a_callresulterror_is_a_finding_and_ends_nothing(self, v21: LinkBook) -> None:
        v21.calls("ClearCache")
        v21.says(2, "b-1", "Heartbeat", {})  # the same id in the other direction is another call
        assert v21.says(5, "b-1", "FormatViolation", "currentTime is no time", {}) == [
            "! fail ocpp.answer-refused: the station could not use our answer to its call 'b-1': "
            "FormatViolation currentTime is no time"
        ]
        assert v21.says(5, "b-1") == ["! warn ocpp.unanswerable: ignored: CALLRESULTERROR has 2 elements, wanted 5"]
        assert v21.says(3, "b-1", {"status": "Accepted"}) == ['= b-1 ClearCache {"status": "Accepted"}']

    def test_a_wrong_answer_is_told_to_the_station_before_the_next_call(self, v21: LinkBook) -> None:
        """OCPP 2.1 Part 2, FR.06."""
        v21.calls("ClearCache")
        v21.calls("GetLocalListVersion")
        v21.calls("ClearCache")
        assert v21.says(3, "b-1", {"status": "Done"}) == [
            '= b-1 ClearCache {"status": "Done"}',
            '> [5,"b-1","PropertyConstraintViolation","status: enum Accepted, Rejected, got Done",{"where":"status"}]',
            '> [2,"b-2","GetLocalListVersion",{}]',
        ]
        assert v21.says(3, "b-2", "four") == [
            "= b-2 the answer cannot be read: payload is a string",
            '> [5,"b-2","RpcFrameworkError","[2]: payload is a string",{"where":"[2]"}]',
            '> [2,"b-3","ClearCache",{}]',
        ]
        assert v21.says(4, "b-3", 7) == ["= b-3 the answer cannot be read: error code is an integer"]

    def test_an_unknown_message_type_is_ignored(self, v21: LinkBook) -> None:
        assert v21.says(7, "1", {}) == ["! warn ocpp.unanswerable: ignored: message type 7, wanted 2 to 6"]
        assert v21.sends(b"hello")[0].startswith('> [4,"-1","RpcFrameworkError"')


class TestRemoteStarts:
    START = {"connectorId": 1, "meterStart": 0, "timestamp": "2024-01-01T10:00:00Z"}

    def test_16_the_first_start_with_the_tag_is_ours(self, v16: LinkBook) -> None:
        v16.calls("RemoteStartTransaction", idTag="App", connectorId=1)
        v16.says(3, "b-1", {"status": "Accepted"})
        v16.asks("1", "Authorize", idTag="APP")
        v16.asks("2", "StartTransaction", idTag="APP", **self.START)
        v16.asks("3", "StartTransaction", idTag="APP", **self.START | {"connectorId": 2})
        assert [(ask.action, ask.remote_start) for ask, _ in v16.desk.asked] == [
            ("Authorize", False),
            ("StartTransaction", True),
            ("StartTransaction", False),
        ]

    @pytest.mark.parametrize("answer", [(3, "b-1", {"status": "Rejected"}), (4, "b-1", "GenericError", "", {})])
    def test_16_a_refused_remote_start_is_forgotten(self, v16: LinkBook, answer: tuple[object, ...]) -> None:
        v16.calls("RemoteStartTransaction", idTag="APP")
        v16.says(*answer)
        v16.asks("2", "StartTransaction", idTag="APP", **self.START)
        assert not v16.desk.asked[0][0].remote_start

    def test_16_an_old_remote_start_no_longer_counts(self, v16: LinkBook) -> None:
        v16.calls("RemoteStartTransaction", idTag="APP")
        v16.says(3, "b-1", {"status": "Accepted"})
        v16.clock.advance(601_000)
        v16.asks("2", "StartTransaction", idTag="APP", **self.START)
        assert not v16.desk.asked[0][0].remote_start

    @pytest.mark.parametrize(
        ("start_id", "kind", "value", "remote"),
        [
            (5, "ISO14443", "x", True),
            (6, "ISO14443", "X", False),
            (5, "ISO14443", "another card", False),
            (None, "Central", "X", False),
        ],
    )
    def test_201_by_its_start_id_and_the_token_we_sent(
        self, v201: LinkBook, start_id: int | None, kind: str, value: str, remote: bool
    ) -> None:
        v201.calls("RequestStartTransaction", idToken={"idToken": "X", "type": "ISO14443"}, remoteStartId=5)
        info: dict[str, object] = {"transactionId": "t"} | ({"remoteStartId": start_id} if start_id else {})
        v201.asks(
            "1",
            "TransactionEvent",
            eventType="Started",
            timestamp="2024-01-01T10:00:00Z",
            triggerReason="RemoteStart",
            seqNo=0,
            transactionInfo=info,
            idToken={"idToken": value, "type": kind},
        )
        assert v201.desk.asked[0][0].remote_start is remote


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b'[2,"1","Heartbeat",{}]', b'[3,"b-1",{}]']), max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_a_station_sends_every_call_gets_one_answer(frames: list[bytes]) -> None:
    for version in VERSIONS:
        book = LinkBook(version)
        journal = Journal()
        for data in frames:
            decoded = book.link.decode(data)
            message = journal.append(Link.OCPP, Direction.IN, "CP-1", data, decoded, book.clock.stamp())
            answers = [effect for effect in book.link.handle(message) if isinstance(effect, Send)]
            assert len(answers) <= 1
            assert len(answers) == 1 or decoded.kind != "CALL"
            for answer in answers:
                assert decode(answer.data, version).kind in ("CALLRESULT", "CALLERROR", "CALLRESULTERROR")
