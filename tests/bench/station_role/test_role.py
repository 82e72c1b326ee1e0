"""The bench as a station, rule by rule, on the versions it speaks."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bench.card import CardRead, Technology
from bench.clock import ManualClock
from bench.codecs.ocpp_forms import form_of, minimal
from bench.codecs.ocpp_schemas import Half, actions, schema_of
from bench.errors import BadInput, LinkDown, OperatorError
from bench.exchange import MASK, DecidedBy, Party, Verdict
from bench.message import Decoded, Direction
from bench.ports import LinkState
from bench.session import Session
from bench.settings import CsmsSettings, OcppSettings, Profile
from bench.station_role.answers import ANSWERS
from bench.station_role.keep import RoleFile
from bench.station_role.view import role_json
from bench.tokens.model import JosevTokenType
from bench.tokens.store import TokenStore
from tests.bench.csms.schema_payloads import broken, maximal
from tests.bench.station_role.rolebook import CARD, RoleBook, TableDialer, TableKeeper

VERSIONS = ["1.6", "2.0.1", "2.1"]
OTHER = "04B10C4ED08280"


@pytest.fixture(params=VERSIONS)
async def made(request: pytest.FixtureRequest) -> RoleBook:
    return RoleBook(request.param)


@pytest.fixture
async def up(made: RoleBook) -> RoleBook:
    return made.accepted()


# Boot (B01 to B03)


async def test_boots_before_all_else_and_tells_its_connectors(made: RoleBook) -> None:
    made.open()
    assert made.actions == ["BootNotification"]
    made.answers(currentTime="2030-01-01T00:00:00Z", interval=30, status="Accepted")
    assert made.actions == ["BootNotification", "StatusNotification"]
    made.answers()
    assert made.statuses[-1].state is LinkState.UP
    made.clock.advance(30_000)
    made.desk._wake()
    assert made.actions[-1] == "Heartbeat"
    made.answers(currentTime="2030-01-01T00:00:30Z")
    assert made.set("HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "0") == "Accepted"
    await made.desk.stop()


@pytest.mark.parametrize(("word", "state"), [("Pending", LinkState.CONNECTING), ("Rejected", LinkState.FAULTY)])
async def test_asks_again_when_not_accepted_yet(made: RoleBook, word: str, state: LinkState) -> None:
    made.open()
    made.answers(currentTime="2030-01-01T00:00:00Z", interval=20, status=word)
    assert made.texts() == [f"role.boot-{word.lower()}"]
    assert made.statuses[-1].state is state
    made.clock.advance(19_000)
    made.desk._wake()
    assert made.actions == ["BootNotification"]
    exchange = made.taps()
    assert made.actions == ["BootNotification"]  # nothing but boot before it is accepted
    assert (exchange.verdict, exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
    if word == "Rejected":
        assert made.asks("ClearCache", {}) == (4, "SecurityError")
    else:
        assert made.calls("ClearCache") == {"status": "Accepted"}
        start = {"idTag": CARD} if made.version == "1.6" else token(CARD) | {"remoteStartId": 1}
        action = "RemoteStartTransaction" if made.version == "1.6" else "RequestStartTransaction"
        assert made.calls(action, **start) == {"status": "Rejected"}
    made.clock.advance(1_000)
    made.desk._wake()
    assert made.actions == ["BootNotification", "BootNotification"]
    made.answers(currentTime="2030-01-01T00:00:00Z", interval=0, status="Accepted")
    assert made.statuses[-1].state is LinkState.UP
    await made.desk.stop()


def token(uid: str, kind: str = "ISO14443") -> dict[str, object]:
    return {"idToken": {"idToken": uid, "type": kind}}


async def test_a_boot_that_is_refused_or_not_answered_is_sent_again(made: RoleBook) -> None:
    made.open()
    made.says(4, made.last[1], "InternalError", "", {})
    assert made.texts() == ["role.not-booted"]
    made.clock.advance(60_000)
    made.desk._wake()
    made.desk._expire(made.last[1])
    made.clock.advance(60_000)
    made.desk._wake()
    assert made.actions == ["BootNotification"] * 3
    await made.desk.stop()


@pytest.mark.parametrize("answer", [(), ("Accepted",), ({}, "too much")])
async def test_a_boot_whose_answer_cannot_be_read_is_sent_again(made: RoleBook, answer: tuple[object, ...]) -> None:
    made.open()
    made.says(3, made.last[1], *answer)
    made.clock.advance(60_000)
    made.desk._wake()
    assert made.actions == ["BootNotification"] * 2
    await made.desk.stop()


async def test_a_csms_that_is_mute_after_the_boot_does_not_stop_the_station(made: RoleBook) -> None:
    made.open()
    made.answers(currentTime="2030-01-01T00:00:00Z", interval=300, status="Accepted")
    assert made.last[2] == "StatusNotification"
    assert made.desk._call_timer is not None
    made.desk._expire(made.last[1])
    made.taps()
    assert made.last[2] == "Authorize"
    await made.desk.stop()


async def test_a_heartbeat_interval_counts_from_when_it_is_set(up: RoleBook) -> None:
    def beats_after(seconds: int) -> int:
        before = up.actions.count("Heartbeat")
        up.clock.advance(seconds * 1000)
        up.desk._wake()
        return up.actions.count("Heartbeat") - before

    assert up.set("HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "0") == "Accepted"
    assert beats_after(1000) == 0
    assert up.set("HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "10") == "Accepted"
    assert (beats_after(9), beats_after(1)) == (0, 1)
    await up.desk.stop()


# Taps (C01, C10, C12 to C15)


async def test_the_csms_decides_and_is_remembered(up: RoleBook) -> None:
    exchange = up.taps()
    assert up.last[2:] == ["Authorize", {"idTag": CARD} if up.version == "1.6" else token(CARD)]
    assert exchange.open
    up.clock.advance(120)
    up.authorized("Accepted")
    assert (exchange.verdict, exchange.decided_by, exchange.reason) == (Verdict.ACCEPTED, DecidedBy.CSMS, "accepted")
    assert exchange.total_ms == 120
    assert [(hop.from_, hop.to) for hop in exchange.hops] == [
        (Party.READER, Party.BENCH),
        (Party.BENCH, Party.CSMS),
        (Party.CSMS, Party.BENCH),
    ]
    asked = len(up.actions)
    assert up.taps().decided_by is DecidedBy.CACHE
    assert len(up.actions) == asked
    assert up.calls("ClearCache") == {"status": "Accepted"}
    assert up.taps().open
    up.authorized("Blocked")
    assert up.taps().open  # a refused one is asked about again (C10.FR.03)
    await up.desk.stop()


async def test_settings_decide_whether_it_asks(up: RoleBook) -> None:
    up.taps()
    up.authorized("Accepted")
    assert up.set("LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize", "false") == "Accepted"
    assert up.taps().open
    up.authorized("Accepted")
    assert up.set("LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize", "perhaps") == "Rejected"
    assert up.set("AuthorizationCacheEnabled", "AuthCacheCtrlr", "Enabled", "false") == "Accepted"
    assert up.calls("ClearCache") == {"status": "Rejected"}
    up.close()
    assert up.taps().verdict is Verdict.FAILED
    await up.desk.stop()


async def test_the_list_beats_the_cache_and_decides_offline(up: RoleBook) -> None:
    assert up.send_list("Full", 3, (CARD.lower(), "Accepted"), (OTHER, "Blocked")) == "Accepted"
    assert up.taps().decided_by is DecidedBy.LIST
    blocked = up.taps(OTHER)
    assert blocked.open  # C14.FR.03
    up.authorized("Accepted")
    assert blocked.verdict is Verdict.ACCEPTED
    if up.version == "1.6":
        assert up.last[3]["errorCode"] == "LocalListConflict"
        up.answers()
    up.close()
    refused = up.taps(OTHER)  # what is listed was never cached
    assert (refused.verdict, refused.decided_by) == (Verdict.REJECTED, DecidedBy.LIST)
    assert up.taps().verdict is Verdict.ACCEPTED
    unknown = up.taps("04DEADBEEF0102")
    assert (unknown.verdict, unknown.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
    assert up.texts()[-1] == "role.offline"
    up.accepted()
    assert up.set("AllowOfflineTxForUnknownId", "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true") == "Accepted"
    up.close()
    allowed = up.taps("04DEADBEEF0102")
    assert (allowed.verdict, allowed.decided_by) == (Verdict.ACCEPTED, DecidedBy.DEFAULT)
    await up.desk.stop()


async def test_no_answer_in_time_and_one_that_is_late(up: RoleBook) -> None:
    exchange = up.taps()
    up.clock.advance(5_000)
    up.limit()
    assert (exchange.verdict, exchange.decided_by) == (Verdict.TIMED_OUT, DecidedBy.NOBODY)
    up.clock.advance(1_500)
    up.authorized("Accepted")
    assert (exchange.verdict, exchange.reason) == (Verdict.ACCEPTED, "accepted, too late")
    assert exchange.hops[-1].fault == "late by 1.50 s"
    assert [finding.rule for finding in exchange.findings] == ["role.no-answer", "role.late-answer"]
    up.limit()  # a second ring changes nothing
    assert exchange.verdict is Verdict.ACCEPTED
    await up.desk.stop()


async def test_a_call_that_is_given_up_makes_way_for_the_next(up: RoleBook) -> None:
    first, second = up.taps(), up.taps(OTHER)
    assert up.actions.count("Authorize") == 1  # one at a time
    late = up.last[1]
    up.desk._expire(late)
    assert (first.verdict, up.actions.count("Authorize")) == (Verdict.FAILED, 2)
    name = "idTagInfo" if up.version == "1.6" else "idTokenInfo"
    up.says(3, late, {name: {"status": "Accepted"}})
    assert "ocpp.late-answer" in up.texts()
    assert second.open
    up.authorized("Accepted")
    assert second.verdict is Verdict.ACCEPTED
    await up.desk.stop()


async def test_the_connection_breaks_in_the_middle_of_a_call(up: RoleBook) -> None:
    first, second = up.taps(), up.taps(OTHER)
    up.close()
    for exchange in (first, second):
        assert (exchange.verdict, exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
    assert up.texts() == ["role.offline", "role.offline"]
    await up.desk.stop()


@pytest.mark.parametrize("frame", [["InternalError", "no", {}], None])
async def test_an_answer_that_decides_nothing(up: RoleBook, frame: list[object] | None) -> None:
    exchange = up.taps()
    if frame is None:
        up.answers(nonsense=True)
    else:
        up.says(4, up.last[1], *frame)
    assert (exchange.verdict, exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)
    assert "role.refused" in up.texts()
    await up.desk.stop()


@pytest.mark.parametrize(("version", "length"), [("1.6", 20), ("2.0.1", 36), ("2.1", 255)])
async def test_what_the_version_cannot_carry(version: str, length: int) -> None:
    made = RoleBook(version).accepted()
    assert made.taps("x" * length, JosevTokenType.LOCAL).open
    with pytest.raises(BadInput, match=f"holds {length}|at most {length}"):
        made.taps("x" * (length + 1), JosevTokenType.LOCAL)
    with pytest.raises(BadInput, match="C02"):
        made.taps(None, JosevTokenType.NO_AUTHORIZATION)  # type: ignore[arg-type]
    assert made.book.opened_count == 1
    await made.desk.stop()


async def test_key_codes_are_masked_and_kept_where_they_can_be(up: RoleBook) -> None:
    exchange = up.taps("481516", JosevTokenType.KEY_CODE)
    up.authorized("Accepted")
    assert exchange.verdict is Verdict.ACCEPTED
    shown = json.dumps(role_json(up.desk.view()), ensure_ascii=False)
    assert "481516" not in shown
    assert (MASK in shown) is (up.version != "1.6")
    await up.desk.stop()


async def test_a_card_of_a_reader_is_a_tap_like_any_other(tmp_path: Path) -> None:
    clock = ManualClock()
    csms = CsmsSettings(url="ws://csms.example", identity="CP-1", versions=("1.6",))
    session = Session(
        Profile(ocpp=OcppSettings(csms=csms)),
        TokenStore(f"sqlite:///{tmp_path / 'tokens.db'}"),
        clock=clock,
        csms=TableDialer(clock, "1.6"),
        keeper=TableKeeper(),
    )
    await session.start()
    uid = bytes.fromhex(CARD)
    decoded = Decoded("frame", "InListPassiveTarget", None, None)
    frame = session.reader_frame("pn532:ttyTEST", Direction.IN, uid, decoded, clock.stamp())
    session.card_read(CardRead("pn532:ttyTEST", uid, Technology.ISO14443, uid, clock.stamp()), frame.seq)
    (exchange,) = session.exchanges.values()
    assert (exchange.hops[0].seq, exchange.hops[0].name) == (frame.seq, "CardRead")
    assert (exchange.verdict, exchange.decided_by) == (Verdict.FAILED, DecidedBy.NOBODY)  # nobody answered the dial
    await session.stop()


# Local list (D01, D02)


async def test_list_versions(up: RoleBook) -> None:
    old = up.version == "1.6"
    assert up.list_version() == 0
    assert up.send_list("Full", 0, (CARD, "Accepted")) == "Failed"  # D01.FR.18
    assert up.send_list("Full", 5, (CARD, "Accepted")) == "Accepted"
    assert up.send_list("Differential", 5, (OTHER, "Accepted")) == "VersionMismatch"  # D01.FR.19
    assert up.send_list("Differential", 6, (OTHER, "Accepted")) == "Accepted"
    assert up.send_list("Differential", 7, (CARD, None)) == "Accepted"  # without info: gone
    assert [entry.token for entry in up.desk.view().listed] == [OTHER]
    assert up.send_list("Differential", 8) == "Accepted"
    assert up.list_version() == (7 if old else 8)  # D01.FR.05
    assert up.send_list("Full", 9, (CARD, "Accepted"), (CARD.lower(), "Blocked")) == "Failed"  # D01.FR.06
    assert up.send_list("Full", 9, (CARD, None)) == "Failed"
    assert up.send_list("Full", 9) == "Accepted"
    assert up.list_version() == (0 if old else 9)
    assert up.set("LocalAuthListEnabled", "LocalAuthListCtrlr", "Enabled", "false") == "Accepted"
    assert up.list_version() == (-1 if old else 0)
    assert up.send_list("Full", 10, (CARD, "Accepted")) == ("NotSupported" if old else "Failed")
    await up.desk.stop()


async def test_list_limits_are_told_and_hold(up: RoleBook) -> None:
    many = [(f"{number:014X}", "Accepted") for number in range(101)]
    assert up.send_list("Full", 1, *many) == "Failed"
    for part in range(10):
        entries = [(f"{part * 100 + number:014X}", "Accepted") for number in range(100)]
        assert up.send_list("Full" if part == 0 else "Differential", part + 1, *entries) == "Accepted"
    assert up.send_list("Differential", 11, (CARD, "Accepted")) == "Failed"
    assert (up.desk.view().list_entries, up.list_version()) == (1000, 10)
    if up.version == "1.6":
        keys = up.calls("GetConfiguration", key=["LocalAuthListMaxLength", "SendLocalListMaxLength", "Nonsense"])
        assert [entry["value"] for entry in keys["configurationKey"]] == ["1000", "100"]
        assert keys["unknownKey"] == ["Nonsense"]
        assert len(up.calls("GetConfiguration")["configurationKey"]) > 10
    else:
        asked = [(None, "Entries"), ("MaxSet", "Entries"), (None, "ItemsPerMessage"), (None, "Nonsense")]
        data = [
            {"component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": name}}
            | ({"attributeType": kind} if kind else {})
            for kind, name in asked
        ]
        results = up.calls("GetVariables", getVariableData=data)["getVariableResult"]
        assert [result.get("attributeValue") for result in results] == ["1000", "1000", "100", None]
        assert results[3]["attributeStatus"] == "UnknownVariable"
        assert up.calls("GetBaseReport", requestId=7, reportBase="FullInventory") == {"status": "Accepted"}
        told = 0
        while up.last[2:3] == ["NotifyReport"]:
            told += len(up.last[3]["reportData"])
            more = up.last[3]["tbc"]
            up.answers()
            if not more:
                break
        assert told == len([s for s in up.desk.view().settings if s.name != "list-capacity"])
    await up.desk.stop()


async def test_all_is_remembered_over_a_restart(up: RoleBook, tmp_path: Path) -> None:
    up.send_list("Full", 5, (CARD, "Accepted"))
    up.taps(OTHER)
    up.authorized("Accepted")
    up.set("LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize", "false")
    await up.desk.stop()
    file = RoleFile(tmp_path / "station.json")
    assert file.load() is None
    assert up.keeper.data is not None
    file.save(up.keeper.data)
    assert file.path.stat().st_mode & 0o077 == 0
    again = RoleBook(up.version, TableKeeper(file.load()))
    await again.desk.start()
    assert (again.taps().decided_by, again.taps(OTHER).decided_by) == (DecidedBy.LIST, DecidedBy.CACHE)
    again.accepted()
    assert again.list_version() == 5
    assert again.taps().open  # the setting too
    await again.desk.stop()


async def test_a_memory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    made = RoleBook("2.0.1", TableKeeper({"format": 99}))
    await made.desk.start()
    assert made.findings[0][0] == "role.memory"
    broken = RoleFile(tmp_path / "station.json")
    broken.path.write_text("{")
    with pytest.raises(OperatorError, match="no JSON"):
        broken.load()
    with pytest.raises(OperatorError, match="cannot write"):
        RoleFile(tmp_path / "nowhere" / "station.json").save({})


async def test_another_version_needs_other_tokens(up: RoleBook) -> None:
    up.send_list("Full", 5, (CARD, "Accepted"))
    up.close()
    other = "2.0.1" if up.version == "1.6" else "1.6"
    up.desk.csms_opened(other, up.clock.stamp())
    assert up.findings[-1][0] == "role.version-changed"
    assert up.desk.view().list_entries == 0
    await up.desk.stop()


# What else a CSMS may say


async def test_remote_starts_are_taps_of_the_csms(up: RoleBook) -> None:
    old = up.version == "1.6"
    action = "RemoteStartTransaction" if old else "RequestStartTransaction"
    start = {"idTag": CARD} if old else token(CARD) | {"remoteStartId": 1}
    assert up.calls(action, **start) == {"status": "Accepted"}
    exchange = list(up.book.exchanges.values())[-1]
    assert (exchange.origin, exchange.verdict, exchange.decided_by) == (
        "remote_start",
        Verdict.ACCEPTED,
        DecidedBy.CSMS,
    )
    assert (exchange.hops[0].from_, exchange.hops[0].to) == (Party.CSMS, Party.BENCH)
    assert up.set("AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart", "true") == "Accepted"
    assert up.calls(action, **start) == {"status": "Accepted"}
    asked = list(up.book.exchanges.values())[-1]
    assert asked.open
    up.authorized("Blocked")
    assert asked.verdict is Verdict.REJECTED
    where = {"connectorId": 9} if old else {"evseId": 9}
    assert up.calls(action, **start, **where) == {"status": "Rejected"}
    stop = (
        ("RemoteStopTransaction", {"transactionId": 1}) if old else ("RequestStopTransaction", {"transactionId": "1"})
    )
    assert up.calls(stop[0], **stop[1]) == {"status": "Rejected"}
    await up.desk.stop()


async def test_reset_availability_and_trigger(up: RoleBook) -> None:
    old = up.version == "1.6"
    assert up.calls("Reset", type="Soft" if old else "Immediate") == {"status": "Accepted"}
    assert up.dialer.hung_up == [(1000, "the station starts anew")]
    up.close()
    up.accepted()
    boots = [frame[3] for frame in up.dialer.sent if frame[2] == "BootNotification"]
    if not old:
        assert [boot["reason"] for boot in boots] == ["PowerUp", "RemoteReset"]
        assert up.calls("Reset", type="Immediate", evseId=1) == {"status": "Rejected"}
    off = {"connectorId": 1, "type": "Inoperative"} if old else {"operationalStatus": "Inoperative", "evse": {"id": 1}}
    assert up.calls("ChangeAvailability", **off) == {"status": "Accepted"}
    assert up.last[3]["status" if old else "connectorStatus"] == "Unavailable"
    up.answers()
    assert up.taps().reason == "out of service (ChangeAvailability)"
    for wanted in ("BootNotification", "Heartbeat", "StatusNotification"):
        assert up.calls("TriggerMessage", requestedMessage=wanted) == {"status": "Accepted"}
        assert up.actions[-1] == wanted
        if wanted == "StatusNotification":
            up.answers()
        else:
            up.answers(
                currentTime="2030-01-01T00:00:00Z",
                **({} if wanted == "Heartbeat" else {"interval": 9, "status": "Accepted"}),
            )
    assert up.calls("TriggerMessage", requestedMessage="MeterValues") == {"status": "NotImplemented"}
    assert up.calls("DataTransfer", vendorId="x") == {"status": "UnknownVendorId"}
    await up.desk.stop()


def answered_well(up: RoleBook, action: str, payload: object) -> str:
    """The answer is valid, or one CALLERROR; its code, or empty."""
    up.dialer.sent.clear()
    kind, answer = up.asks(action, payload)
    if kind == 4:
        return str(answer)
    response = schema_of(up.version, Half.RESPONSE, action)
    assert response is not None
    assert response.faults(answer) == (), action
    return ""


async def test_every_action_gets_one_valid_answer(up: RoleBook) -> None:
    """What a CSMS may call is answered or refused; what only stations call is refused; the rest is unknown."""
    for action in sorted(actions(up.version)):
        schema = schema_of(up.version, Half.REQUEST, action)
        assert schema is not None
        codes = {
            answered_well(up, action, minimal(form_of(schema.document))),
            answered_well(up, action, maximal(up.version, Half.REQUEST, action)),
        }
        if action in ANSWERS[up.version]:
            assert codes == {""}, action
        else:
            assert codes == {"NotSupported"}, action
        for wrong in broken(up.version, Half.REQUEST, action):
            assert answered_well(up, action, wrong.payload) not in ("", "NotSupported", "InternalError"), wrong
    assert up.asks("Nonsense", {}) == (4, "NotImplemented")
    await up.desk.stop()


async def test_a_csms_that_wants_more_than_it_answers(up: RoleBook) -> None:
    for _ in range(70):
        assert up.calls("TriggerMessage", requestedMessage="Heartbeat") == {"status": "Accepted"}
    assert "role.queue-full" in up.texts()
    assert up.actions.count("Heartbeat") == 1
    exchange = up.taps()
    assert exchange.verdict is Verdict.FAILED
    await up.desk.stop()
    assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]


async def test_own_bytes_go_out_marked(up: RoleBook) -> None:
    sent = up.desk.inject(b'[2,"x1","Heartbeat",{}]')
    assert (sent.injected, sent.decoded.name, up.last[1]) == (True, "Heartbeat", "x1")
    up.close()
    with pytest.raises(LinkDown):
        up.desk.inject(b"[]")
    await up.desk.stop()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00.000Z"),
        ("2030-01-01T00:00:00+01:00", "2029-12-31T23:00:00.000Z"),
    ],
)
async def test_an_expiry_at_the_end_of_the_calendar_is_told(up: RoleBook, written: str, told: str) -> None:
    field = "expiryDate" if up.version == "1.6" else "cacheExpiryDateTime"
    token_info = {"status": "Accepted", field: written}
    entry = (
        {"idTag": CARD, "idTagInfo": token_info} if up.version == "1.6" else token(CARD) | {"idTokenInfo": token_info}
    )
    number = "listVersion" if up.version == "1.6" else "versionNumber"
    assert (
        up.calls("SendLocalList", updateType="Full", localAuthorizationList=[entry], **{number: 1})["status"]
        == "Accepted"
    )
    shown = role_json(up.desk.view())
    assert [each["expires"] for each in shown["list"]["entries"]] == [told]  # type: ignore[index]
    await up.desk.stop()
