"""What a proxy tells of taps and stations, on a whole session without sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.clock import ManualClock
from bench.exchange import DecidedBy, Exchange, TapCard, Verdict
from bench.ports import StationOpened
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Deed, Side, make_rule
from bench.session import Session
from bench.settings import Profile
from bench.tokens.store import TokenStore

TAG = "04AABBCC"
AUTHORIZE = [2, "1", "Authorize", {"idTag": TAG}]
ACCEPTED = [3, "1", {"idTagInfo": {"status": "Accepted"}}]


class Wire:
    """Both sockets of a proxied connection; keeps what went out."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, to: Side, data: bytes, binary: bool) -> None:
        self.sent.append((str(to), json.loads(data)))

    def hang_up(self, to: Side, code: int | None, reason: str) -> None:
        self.sent.append((str(to), code))

    def wake_at(self, due_ns: int | None) -> None: ...


class Play:
    def __init__(self, session: Session, clock: ManualClock) -> None:
        self.session, self.clock = session, clock
        self.desk: ProxyDesk = session.become_proxy()
        self.desk.start(session)
        self.wire = Wire()

    def opens(self, version: str = "1.6", certificate_cn: str | None = None) -> None:
        self.desk.opened("CP", version, self.wire)
        self.session.station_opened(
            StationOpened("CP", version, "127.0.0.1:5", (), None, self.clock.stamp(), certificate_cn)
        )

    def says(self, side: Side, frame: object, after_ms: int = 10) -> None:
        self.clock.advance(after_ms)
        self.desk.frame("CP", side, json.dumps(frame).encode(), self.clock.stamp())

    def station(self, frame: object) -> None:
        self.says(Side.STATION, frame)

    def csms(self, frame: object) -> None:
        self.says(Side.CSMS, frame)

    @property
    def exchange(self) -> Exchange:
        (found,) = self.session.exchanges.values()
        return found

    def hops(self) -> list[tuple[str, str, str, str | None]]:
        return [(str(hop.from_), str(hop.to), hop.name, hop.fault) for hop in self.exchange.hops]


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    clock = ManualClock()
    session = Session(Profile(answer_limit_s=0.05), TokenStore("sqlite://"), clock=clock)
    await session.start()
    made = Play(session, clock)
    made.opens()
    yield made
    await session.stop()


async def test_a_tap_behind_the_proxy_is_an_exchange_that_its_csms_decides(play: Play) -> None:
    play.station(AUTHORIZE)
    assert play.exchange.open
    assert (play.exchange.origin, play.exchange.station) == ("authorize", "CP")
    play.csms(ACCEPTED)
    tap = play.exchange
    assert (tap.verdict, tap.decided_by, tap.reason) == (Verdict.ACCEPTED, DecidedBy.CSMS, "Accepted")
    assert play.hops() == [("station", "csms", "Authorize", None), ("csms", "station", "Accepted", None)]
    assert tap.total_ms == pytest.approx(10)
    assert tap.card is not None
    assert tap.card.uid == TAG
    assert play.wire.sent == [("csms", AUTHORIZE), ("station", ACCEPTED)]


async def test_a_transaction_joins_the_tap_that_allowed_it_and_its_end_too(play: Play) -> None:
    play.station(AUTHORIZE)
    play.csms(ACCEPTED)
    start = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": "2026-11-21T08:00:00Z"}
    play.station([2, "2", "StartTransaction", start])
    play.csms([3, "2", {"transactionId": 77, "idTagInfo": {"status": "Accepted"}}])
    assert play.session.stations["CP"].transactions["77"].id_token == TAG
    stop = {"transactionId": 77, "meterStop": 5, "timestamp": "2026-11-21T08:10:00Z"}
    play.station([2, "3", "StopTransaction", stop])
    play.csms([3, "3", {}])
    assert [name for _, _, name, _ in play.hops()] == [
        "Authorize", "Accepted", "StartTransaction", "Accepted", "StopTransaction", "answer",
    ]  # fmt: skip
    assert play.session.stations["CP"].transactions == {}


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_newer_versions(play: Play, version: str) -> None:
    play.desk.closed("CP", Side.STATION, 1000, "")
    play.opens(version)
    token = {"idToken": TAG, "type": "ISO14443"}
    event = {
        "eventType": "Started",
        "timestamp": "2026-11-21T08:00:00Z",
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T-1"},
        "evse": {"id": 1},
        "idToken": token,
    }
    play.station([2, "1", "TransactionEvent", event])
    play.csms([3, "1", {"idTokenInfo": {"status": "Blocked"}}])
    tap = play.exchange
    assert (tap.origin, tap.verdict, tap.decided_by) == ("transaction", Verdict.REJECTED, DecidedBy.CSMS)
    assert play.session.stations["CP"].transactions["T-1"].evse == 1


async def test_a_refused_call_fails_the_tap(play: Play) -> None:
    play.station(AUTHORIZE)
    play.csms([4, "1", "InternalError", "no database", {}])
    assert (play.exchange.verdict, play.exchange.reason) == (Verdict.FAILED, "InternalError")
    assert play.hops()[-1] == ("csms", "station", "InternalError", "no database")


async def test_an_answer_without_a_word_of_the_token(play: Play) -> None:
    play.station(AUTHORIZE)
    play.csms([3, "1", {}])
    assert (play.exchange.verdict, play.exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
    assert "says nothing of the token" in play.exchange.reason
    assert [finding.rule for finding in play.session.findings] == ["ocpp.schema.required"]
    assert "the CSMS of CP" in play.session.findings[0].text


# Meddling shows on its hop


async def test_held_edited_and_released(play: Play) -> None:
    play.desk.rules.replace([make_rule("name=Authorize", Deed.HOLD, side=Side.CSMS)])
    play.station(AUTHORIZE)
    play.csms(ACCEPTED)
    assert play.exchange.open
    assert play.hops()[1][3] == "held by the rule name=Authorize"
    (waiting,) = play.desk.waiting("CP")
    play.clock.advance(3200)
    play.desk.release("CP", waiting.seq, payload={"idTagInfo": {"status": "Blocked"}})
    assert play.hops()[1][3] == "held 3.2 s; edited by the operator"
    tap = play.exchange
    assert (tap.verdict, tap.decided_by) == (Verdict.REJECTED, DecidedBy.OPERATOR)
    assert tap.reason == "edited to Blocked"


async def test_what_waits_behind_a_held_message_says_so(play: Play) -> None:
    play.desk.rules.replace([make_rule("name=Heartbeat", Deed.HOLD)])
    play.station([2, "0", "Heartbeat", {}])
    play.station(AUTHORIZE)
    play.clock.advance(1490)
    play.desk.drop("CP", play.desk.waiting("CP")[0].seq)
    assert play.hops() == [("station", "csms", "Authorize", "waited behind another message for 1.5 s")]


async def test_an_edit_that_leaves_the_verdict_alone_is_still_the_csms_s(play: Play) -> None:
    rule = make_rule("name=Authorize", Deed.EDIT, side=Side.CSMS, patch={"idTagInfo": {"parentIdTag": "GROUP"}})
    play.desk.rules.replace([rule])
    play.station(AUTHORIZE)
    play.csms(ACCEPTED)
    assert play.exchange.decided_by is DecidedBy.CSMS
    assert play.hops()[1][3] == "edited by the rule name=Authorize"


async def test_dropped_and_then_timed_out_and_a_late_answer(play: Play) -> None:
    play.desk.rules.replace([make_rule("name=Authorize", Deed.DROP, times=1)])
    play.station(AUTHORIZE)
    assert play.hops() == [("station", "csms", "Authorize", "dropped by the rule name=Authorize")]
    tap = await play.session.wait_closed(play.exchange.id, 5)
    assert (tap.verdict, tap.reason) == (Verdict.TIMED_OUT, "dropped by the rule name=Authorize")
    assert [finding.rule for finding in tap.findings] == ["proxy.no-answer"]
    play.csms(ACCEPTED)  # a CSMS that heard of it elsewhere, or late
    assert tap.verdict is Verdict.ACCEPTED


async def test_an_answer_that_was_dropped_decides_nothing(play: Play) -> None:
    play.desk.rules.replace([make_rule("name=Authorize", Deed.DROP, side=Side.CSMS)])
    play.station(AUTHORIZE)
    play.csms(ACCEPTED)
    assert play.exchange.open
    tap = await play.session.wait_closed(play.exchange.id, 5)
    assert (tap.verdict, tap.decided_by) == (Verdict.TIMED_OUT, DecidedBy.NOBODY)


# Loss


@pytest.mark.parametrize("side", list(Side))
async def test_a_side_that_leaves_fails_the_tap(play: Play, side: Side) -> None:
    play.station(AUTHORIZE)
    play.desk.closed("CP", side, 1006, "gone")
    assert (play.exchange.verdict, play.exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
    assert play.exchange.reason == f"the {side} closed before the answer"
    assert play.wire.sent[-1] == (str(side.other), 1006)


@pytest.mark.parametrize("deed", [Deed.HOLD, Deed.DROP])
async def test_nor_does_an_answer_that_never_got_through_leave_it_open(play: Play, deed: Deed) -> None:
    play.desk.rules.replace([make_rule("name=Authorize", deed, side=Side.CSMS)])
    play.station(AUTHORIZE)
    play.csms(ACCEPTED)
    play.desk.closed("CP", Side.CSMS, 1001, "")
    assert play.exchange.verdict is Verdict.FAILED


# Remote start


async def test_a_remote_start_of_the_csms(play: Play) -> None:
    play.csms([2, "r", "RemoteStartTransaction", {"idTag": TAG, "connectorId": 1}])
    assert (play.exchange.origin, play.exchange.open) == ("remote_start", True)
    play.station([3, "r", {"status": "Accepted"}])
    start = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": "2026-11-21T08:00:00Z"}
    play.station([2, "2", "StartTransaction", start])
    tap = play.exchange
    assert (tap.verdict, tap.decided_by, tap.reason) == (Verdict.ACCEPTED, DecidedBy.CSMS, "remote start")


async def test_a_remote_start_that_is_refused_lost_or_not_answered(play: Play) -> None:
    start = {"idTag": TAG}
    play.csms([2, "r1", "RemoteStartTransaction", start])
    play.station([3, "r1", {"status": "Rejected"}])
    play.csms([2, "r2", "RemoteStartTransaction", start])
    await play.session.wait_closed(2, 5)
    play.csms([2, "r3", "RemoteStartTransaction", start])
    play.desk.closed("CP", Side.STATION, 1006, "")
    verdicts = [tap.verdict for tap in play.session.exchanges.values()]
    assert verdicts == [Verdict.REJECTED, Verdict.TIMED_OUT, Verdict.FAILED]


# The station


async def test_the_station_is_known_by_what_it_says_and_is_told(play: Play) -> None:
    station = play.session.stations["CP"]
    boot = {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "7", "chargePointSerialNumber": "S"}
    play.station([2, "b", "BootNotification", boot])
    assert (station.boot, station.vendor, station.model) == (None, "V", "M")
    answer = {"status": "Pending", "currentTime": "2026-11-21T08:00:00Z", "interval": 30}
    play.csms([3, "b", answer])
    play.station([2, "s", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}])
    play.station([2, "h", "Heartbeat", {}])
    play.csms([2, "v", "GetLocalListVersion", {}])
    play.station([3, "v", {"listVersion": 4}])
    assert (station.boot, station.firmware, station.serial_number) == ("Pending", "7", "S")
    assert (station.connectors, station.list_version) == ({"1": "Preparing"}, 4)
    assert station.last_heartbeat_utc_ns is not None
    told = play.session.state()["stations"]
    assert isinstance(told, list)
    assert told[0]["boot"] == "Pending"


async def test_what_breaks_the_schema_makes_nothing_known_and_is_told(play: Play) -> None:
    play.station([2, "b", "BootNotification", {"chargePointVendor": "V"}])
    play.station([2, "s", "StatusNotification", {"connectorId": "one"}])
    play.csms([3, "b", {"status": "Nonsense"}])
    station = play.session.stations["CP"]
    assert (station.vendor, station.boot, station.connectors) == ("", None, {})
    assert {finding.rule.partition(".schema.")[0] for finding in play.session.findings} == {"ocpp"}
    assert len(play.wire.sent) == 3  # and all of it was passed on


async def test_a_certificate_for_another_station_is_told(play: Play) -> None:
    play.opens(certificate_cn="OTHER")
    play.station([2, "b", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}])
    (finding,) = play.session.findings
    assert finding.rule == "ocpp.certificate-cn"
    assert "'OTHER'" in finding.text
    assert len(play.wire.sent) == 1


async def test_a_tap_of_the_bench_is_decided_by_the_csms_behind_the_proxy(play: Play) -> None:
    """The bus is not there: the exchange that a tap opens is opened by hand."""
    tap = play.session._book.open("tap", play.clock.stamp(), card=TapCard(TAG, None, ""))
    play.station(AUTHORIZE)
    play.csms(ACCEPTED)
    assert (play.exchange, tap.open, tap.station) == (tap, True, "CP")  # the bus ends it
    inferred = play.session.decisions.decider.infer(tap, accepted=True)
    assert (inferred.by, inferred.reason) == (DecidedBy.CSMS, "Accepted")
