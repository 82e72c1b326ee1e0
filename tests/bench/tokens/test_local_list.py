"""Pushing a list, as a packet trace: what the station was asked, what it answered, what is then known of it."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest

from bench.answers import CallAnswer, PushReport
from bench.errors import LinkDown, OperatorError
from bench.exchange import MASK
from bench.station import ListLimits
from bench.tokens.list_changes import changes
from bench.tokens.list_entries import frame_bytes, key_of, over_capacity, payload
from bench.tokens.list_plan import next_version
from bench.tokens.local_list import read_version
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType
from tests.bench.tokens.listpeer import Peer, entries, holding, keys, known, push, push_full, token, values, variables

TOKENS = [
    token("04A2B3C4D5E680", group_id="fleet"),
    token("0BAD", valid=False),
    token("BROKE", status=AuthorizationStatus.NO_CREDIT, language_code="de"),
]


# Entries


def test_entries_of_201() -> None:
    made, left_out = entries("2.0.1", TOKENS)
    assert left_out == []
    assert made == [
        {
            "idToken": {"idToken": "04A2B3C4D5E680", "type": "ISO14443"},
            "idTokenInfo": {"status": "Accepted", "groupIdToken": {"idToken": "fleet", "type": "Central"}},
        },
        {"idToken": {"idToken": "0BAD", "type": "ISO14443"}, "idTokenInfo": {"status": "Blocked"}},
        {"idToken": {"idToken": "BROKE", "type": "ISO14443"}, "idTokenInfo": {"status": "NoCredit", "language1": "de"}},
    ]


def test_entries_of_16() -> None:
    made, left_out = entries("1.6", TOKENS)
    assert left_out == []
    assert made == [
        {"idTag": "04A2B3C4D5E680", "idTagInfo": {"status": "Accepted", "parentIdTag": "fleet"}},
        {"idTag": "0BAD", "idTagInfo": {"status": "Blocked"}},
        {"idTag": "BROKE", "idTagInfo": {"status": "Blocked"}},
    ]


def test_what_stays_out_is_told() -> None:
    tokens = [
        token("NEVER", cache_mode=CacheMode.NEVER),
        token("REMOTE", id_token_type=IdTokenType.CENTRAL),
        token("X" * 21),
        token("GROUPED", group_id="g" * 21),
        token("same", id_token_type=IdTokenType.LOCAL),
        token("SAME"),
        token("1234", id_token_type=IdTokenType.KEY_CODE, cache_mode=CacheMode.NEVER),
    ]
    made, left_out = entries("1.6", tokens)
    assert [entry["idTag"] for entry in made] == ["SAME"]  # the one that an Authorize would find
    assert dict(left_out) == {
        "NEVER": "its cacheMode is NEVER",
        "REMOTE": "Central tokens come from remote starts and are never kept by a station",
        "X" * 21: "21 characters, OCPP 1.6 takes 20",
        "GROUPED": "its group has 21 characters, OCPP 1.6 takes 20",
        "same": "OCPP 1.6 tells no types apart: the value is in the list already, as ISO14443",
        MASK: "its cacheMode is NEVER",
    }
    made, left_out = entries("2.0.1", tokens)
    assert len(made) == 4
    assert {uid for uid, _ in left_out} == {"NEVER", "REMOTE", MASK}


def test_an_empty_list_leaves_the_field_out() -> None:
    assert payload("2.0.1", 3, []) == {"versionNumber": 3, "updateType": "Full"}
    assert payload("1.6", 3, []) == {"listVersion": 3, "updateType": "Full"}


def test_the_capacity_names_its_numbers() -> None:
    assert over_capacity(14, ListLimits()) == over_capacity(14, ListLimits(capacity=14)) == ""
    assert over_capacity(14, ListLimits(capacity=13)) == "the station's list holds 13 entries, the store has 14 for it"


def test_the_size_is_that_of_the_whole_message() -> None:
    made = payload("2.0.1", 7, entries("2.0.1", TOKENS)[0])
    assert frame_bytes(made) == len(orjson.dumps([2, "x" * 36, "SendLocalList", made]))


@pytest.mark.parametrize(("current", "following"), [(0, 1), (7, 8), (-1, 1), (-5, 1), (2**31 - 1, 1)])
def test_the_next_version_is_never_0_or_minus_1(current: int, following: int) -> None:
    assert next_version(current) == following


# Pushing


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_push_that_works(version: str) -> None:
    peer, station = Peer(version, 6), known(version)
    report, held = await push(station, TOKENS, peer.call)
    (chunk,) = report.chunks
    assert (chunk.part, chunk.update_type, chunk.version_sent, chunk.entries) == (1, "Full", 7, 3)
    assert (chunk.status, chunk.version_read) == ("Accepted", 7)
    assert chunk.bytes == frame_bytes(dict(peer.sent("SendLocalList")[0]))
    text = "3 entries accepted as version 7 (before: 6)"
    assert report == PushReport(True, "Accepted", text, 3, (), 6, 7, 7, report.chunks)
    limits = "GetConfiguration" if version == "1.6" else "GetVariables"
    assert [action for action, _ in peer.calls] == [
        limits,
        "GetLocalListVersion",
        "SendLocalList",
        "GetLocalListVersion",
    ]
    assert station.list_version == 7
    assert values(held) == {"04a2b3c4d5e680", "0bad", "broke"}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_emptying_the_list(version: str) -> None:
    peer, station = Peer(version, 6), known(version)
    report, held = await push(station, [token("X", cache_mode=CacheMode.NEVER)], peer.call)
    assert report.ok
    assert report.text == "0 entries accepted as version 7 (before: 6); 1 token left out"
    assert "localAuthorizationList" not in peer.sent("SendLocalList")[0]
    assert report.version_read == (0 if version == "1.6" else 7)
    assert values(held) == set()


async def test_a_list_that_is_too_long_for_one_message_goes_in_several() -> None:
    """OCPP 2.0.1 D01.FR.11, FR.15."""
    stated = variables(ItemsPerMessage="2", BytesPerMessage="5000", Entries="100")
    peer, station = Peer("2.0.1", 6, GetVariables=stated), known("2.0.1")
    report, held = await push(station, TOKENS, peer.call)
    text = "3 entries accepted in 2 messages as version 8 (before: 6)"
    assert report == PushReport(True, "Accepted", text, 3, (), 6, 8, 8, report.chunks)
    assert [(chunk.version_sent, chunk.version_read) for chunk in report.chunks] == [(7, 7), (8, 8)]
    assert station.limits == ListLimits(2, 5000, 100)
    assert [(made["updateType"], made["versionNumber"]) for made in peer.sent("SendLocalList")] == [
        ("Full", 7),
        ("Differential", 8),
    ]
    assert [len(made["localAuthorizationList"]) for made in peer.sent("SendLocalList")] == [2, 1]
    assert values(held) == {"04a2b3c4d5e680", "0bad", "broke"}


async def test_limits_of_16_refuse_before_anything_is_sent() -> None:
    stated = keys(SendLocalListMaxLength="10", LocalAuthListMaxLength="2", LocalAuthListEnabled="true")
    peer, station = Peer("1.6", 6, GetConfiguration=stated), known("1.6")
    report = await push_full(station, TOKENS, peer.call)
    assert report.text == "nothing was sent: the station's list holds 2 entries, the store has 3 for it"
    assert station.limits == ListLimits(10, None, 2, enabled=True)


@pytest.mark.parametrize(
    "answer",
    [
        "NotImplemented",
        {"getVariableResult": "?"},
        {"getVariableResult": [1, {}]},
        variables(ItemsPerMessage="many", BytesPerMessage="0"),
    ],
)
async def test_limits_not_stated_keep_what_was_known(answer: object) -> None:
    station = known("2.0.1", limits=ListLimits(capacity=50))
    report = await push_full(station, TOKENS, Peer("2.0.1", GetVariables=answer).call)
    assert report.ok
    assert station.limits == ListLimits(capacity=50)


async def test_accepted_but_the_version_did_not_move() -> None:
    peer, station = Peer("2.0.1", 6), known("2.0.1")
    peer.stuck = True
    report, held = await push(station, TOKENS, peer.call, held=holding("2.0.1", 6, [token("OLD")]))
    assert not report.ok
    assert report.denied
    assert report.text == "Accepted, but the version did not move: it is still 6, 7 was sent"
    assert (report.status, report.version_read, station.list_version) == ("Accepted", 6, 6)
    assert values(held) == {"old"}
    # It may take it yet: a change would have nothing to start from.
    report, _ = await push(station, TOKENS, peer.call, "differential", held)
    assert "it did not move to version 7, which it was sent: it may still do so" in report.text
    peer.version = 7
    report, _ = await push(station, TOKENS, peer.call, "differential", held)
    assert report.text == "nothing was sent: the list holds all of it already, as version 7"
    assert values(held) == {"04a2b3c4d5e680", "0bad", "broke"}


async def test_accepted_but_not_read_back() -> None:
    peer, station = Peer("2.0.1", 6), known("2.0.1")

    async def call(action: str, made: Mapping[str, object]) -> CallAnswer:
        if peer.sent("SendLocalList"):
            raise OperatorError("no answer within 30 s")
        return await peer.call(action, made)

    report, held = await push(station, TOKENS, call, held=holding("2.0.1", 6, [token("OLD")]))
    assert not report.ok
    assert report.text == "Accepted, but the version could not be read back: no answer within 30 s"
    assert values(held) is None
    held.told(7)
    assert values(held) == {"04a2b3c4d5e680", "0bad", "broke"}


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (
            {"status": "Failed"},
            "Failed",
            "the station answered Failed: its list stays as it was; look at its limits and whether its list is switched on",
        ),
        (
            {"status": "VersionMismatch"},
            "VersionMismatch",
            "the station answered VersionMismatch: its list stays as it was; it must not refuse a full list for its version",
        ),
        (
            {"status": "Failed", "statusInfo": {"reasonCode": "NoMem", "additionalInfo": "full"}},
            "Failed",
            "the station answered Failed (NoMem full): its list stays as it was; "
            "look at its limits and whether its list is switched on",
        ),
        ("InternalError", "InternalError", "the station refused SendLocalList: InternalError (not today)"),
    ],
)
async def test_a_refused_list_leaves_the_shadow(answer: object, status: str, text: str) -> None:
    station, held = known("2.0.1", limits=ListLimits(3)), holding("2.0.1", 6, [token("OLD")])
    report, _ = await push(station, TOKENS, Peer("2.0.1", 6, SendLocalList=answer).call, held=held)
    assert (report.ok, report.status, report.text) == (False, status, text)
    assert (values(held), station.list_version) == ({"old"}, 6)


async def test_a_list_that_is_switched_off_is_named_where_the_push_fails() -> None:
    off = {"GetConfiguration": keys(LocalAuthListEnabled="false"), "SendLocalList": {"status": "Failed"}}
    report = await push_full(known("1.6"), TOKENS, Peer("1.6", **off).call)
    assert report.text.endswith("; LocalAuthListEnabled is false on this station")
    off = {"GetVariables": variables(Enabled="False"), "SendLocalList": {"status": "Failed"}}
    report = await push_full(known("2.0.1"), TOKENS, Peer("2.0.1", **off).call)
    assert report.text.endswith("; LocalAuthListCtrlr.Enabled is false on this station")


async def test_a_station_without_a_list() -> None:
    station = known("1.6")
    report = await push_full(station, TOKENS, Peer("1.6", -1).call)
    assert (report.ok, report.status) == (False, "NotSupported")
    assert report.text == "nothing was sent: version -1: the station supports no local list"
    station = known("2.0.1")
    report = await push_full(station, TOKENS, Peer("2.0.1", GetLocalListVersion="NotImplemented").call)
    assert (report.status, station.list_version) == ("NotSupported", -1)
    station = known("1.6")
    report = await push_full(station, TOKENS, Peer("1.6", SendLocalList={"status": "NotSupported"}).call)
    assert (report.status, station.list_version) == ("NotSupported", -1)


async def test_a_version_that_cannot_be_had_stops_the_push() -> None:
    for answer in ("InternalError", {"versionNumber": "seven"}, {"versionNumber": True}, {}):
        peer = Peer("2.0.1", GetLocalListVersion=answer)
        report = await push_full(known("2.0.1"), TOKENS, peer.call)
        assert (report.ok, report.status) == (False, "NotSent")
        assert peer.sent("SendLocalList") == []


async def test_a_lost_answer_makes_the_shadow_unknown() -> None:
    peer, held = Peer("2.0.1", 6, SendLocalList=LinkDown("gone")), holding("2.0.1", 6, [token("OLD")])
    with pytest.raises(LinkDown, match="gone"):
        await push(known("2.0.1"), TOKENS, peer.call, held=held)
    assert values(held) is None
    assert held.shadow.why_unknown == "gone: its version will tell whether version 7 was taken"
    held.told(6)
    assert values(held) == {"old"}


async def test_the_version_in_words() -> None:
    for version, number, text in (
        ("2.0.1", 7, "the local list has version 7"),
        ("1.6", 0, "version 0: the local list is empty"),
        ("2.0.1", 0, "version 0: the station has no local list yet, or it is switched off"),
    ):
        station = known(version)
        said = await read_version(station, Peer(version, number).call)
        assert (said.ok, said.text, station.list_version) == (True, text, number)


# Changes


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_differential_adds_updates_and_deletes(version: str) -> None:
    """OCPP 2.0.1 D01.FR.16, FR.17; 1.6 section 5.15: an entry without info deletes."""
    peer, station = Peer(version, 6), known(version)
    report, held = await push(station, TOKENS, peer.call)
    assert (report.ok, held.shadow.version) == (True, 7)
    later = [token("04a2b3c4d5e680", group_id="fleet"), token("BROKE"), token("NEW")]
    report, held = await push(station, later, peer.call, "differential", held)
    assert report.ok
    assert report.text == "4 changes accepted as version 8 (before: 7)"
    sent = peer.sent("SendLocalList")[1]
    assert sent["updateType"] == "Differential"
    assert sent["listVersion" if version == "1.6" else "versionNumber"] == 8
    if version == "1.6":
        assert sent["localAuthorizationList"][0] == {"idTag": "0BAD"}  # a list that is full has room then
        assert sent["localAuthorizationList"][2:] == [
            {"idTag": "BROKE", "idTagInfo": {"status": "Accepted"}},
            {"idTag": "NEW", "idTagInfo": {"status": "Accepted"}},
        ]
    else:
        assert sent["localAuthorizationList"][0] == {"idToken": {"idToken": "0BAD", "type": "ISO14443"}}
    assert values(held) == {"04a2b3c4d5e680", "broke", "new"}
    assert (held.shadow.version, len(held.shadow.entries)) == (8, 3)


async def test_a_type_that_changed_is_another_token() -> None:
    """OCPP 2.0.1 C01.FR.25: equal are value and type."""
    before, _ = entries("2.0.1", [token("A"), token("B")])
    after, _ = entries("2.0.1", [token("A", id_token_type=IdTokenType.LOCAL), token("b")])
    held, wanted = {key_of(entry): entry for entry in before}, {key_of(entry): entry for entry in after}
    assert changes(held, wanted) == [{"idToken": {"idToken": "A", "type": "ISO14443"}}, after[0], after[1]]


async def test_nothing_changed_sends_nothing() -> None:
    peer, station = Peer("2.0.1", 6), known("2.0.1")
    _, held = await push(station, TOKENS, peer.call)
    report, again = await push(station, TOKENS, peer.call, "differential", held)
    assert (report.ok, report.status, report.sent, report.version_read) == (True, "NotSent", 0, 7)
    assert report.text == "nothing was sent: the list holds all of it already, as version 7"
    assert again is held
    assert len(peer.sent("SendLocalList")) == 1


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_differential_may_empty_the_list_and_fill_it_again(version: str) -> None:
    peer, station = Peer(version, 6), known(version)
    _, held = await push(station, TOKENS[:1], peer.call)
    peer.empties = True
    report, held = await push(station, [], peer.call, "differential", held)
    assert report.ok
    assert (report.version_sent, report.version_read) == (8, 0 if version == "1.6" else 8)
    peer.empties = False
    report, _ = await push(station, TOKENS, peer.call, "reconcile", held)
    assert report.ok
    # A change of an empty list has no effect on 1.6; on 2.x it is no smaller than the full list.
    assert peer.sent("SendLocalList")[-1]["updateType"] == "Full"


@pytest.mark.parametrize("refusal", ["Failed", "VersionMismatch"])
async def test_auto_sends_the_full_list_where_a_change_is_refused(refusal: str) -> None:
    """OCPP 2.0.1 D01: on Failed and VersionMismatch the CSMS sends the full list."""
    peer, station = Peer("2.0.1", 6), known("2.0.1")
    _, held = await push(station, TOKENS, peer.call)

    async def call(action: str, made: Mapping[str, object]) -> CallAnswer:
        if made.get("updateType") == "Differential":
            peer.calls.append((action, made))
            return CallAnswer(action, {"status": refusal})
        return await peer.call(action, made)

    report, left = await push(station, TOKENS[:2], call, "differential", held)
    assert (report.ok, report.status, values(left)) == (False, refusal, {"04a2b3c4d5e680", "0bad", "broke"})
    report, left = await push(station, TOKENS[:2], call, "reconcile", held)
    text = "2 entries accepted as version 8 (before: 7)"
    assert report.text == f"{text}; the station answered {refusal} to a change, so the full list was sent"
    assert [chunk.status for chunk in report.chunks] == [refusal, "Accepted"]
    assert [made["updateType"] for made in peer.sent("SendLocalList")] == [
        "Full",
        "Differential",
        "Differential",
        "Full",
    ]
    assert left.shadow.version == 8


async def test_a_differential_wants_a_known_start() -> None:
    peer, station = Peer("2.0.1", 6), known("2.0.1")
    report, held = await push(station, TOKENS, peer.call, "differential", None)
    assert (report.status, values(held)) == ("NotSent", None)
    why = "what the station holds is not known: this bench has not pushed a list to it"
    assert report.text == f"nothing was sent: {why}; push the full list"
    _, held = await push(station, TOKENS, peer.call)
    peer.version = 12  # somebody else
    report, _ = await push(station, TOKENS[:1], peer.call, "differential", held)
    assert "its list has version 12, 7 was expected: somebody else changed it" in report.text
    report, _ = await push(station, TOKENS[:1], peer.call, "reconcile", held)
    assert report.text == "1 entry accepted as version 13 (before: 12)"


async def test_limits_of_a_differential_count_its_changes() -> None:
    stated = variables(ItemsPerMessage="2", Entries="3")
    peer, station = Peer("2.0.1", 6), known("2.0.1")
    _, held = await push(station, TOKENS, peer.call)
    peer.answers["GetVariables"] = stated
    report, held = await push(station, [*TOKENS[:2], token("NEW")], peer.call, "differential", held)
    assert report.ok  # one added and one deleted, of three
    report, held = await push(station, [token("X"), token("Y")], peer.call, "differential", held)
    assert report.text == "5 changes accepted in 3 messages as version 11 (before: 8)"
    report, _ = await push(station, [*TOKENS, token("X"), token("Y")], peer.call, "differential", held)
    assert report.text == "nothing was sent: the station's list holds 3 entries, the store has 5 for it"


@pytest.mark.parametrize(("version", "number"), [("2.0.1", -1), ("2.1", -7), ("1.6", -2)])
async def test_an_impossible_version_stops_the_push(version: str, number: int) -> None:
    """-1 has a meaning on 1.6 only."""
    peer, station = Peer(version, number), known(version)
    report = await push_full(station, TOKENS, peer.call)
    assert (report.ok, report.status) == (False, "NotSent")
    assert report.text == f"nothing was sent: the station answered the impossible list version {number}"
    assert station.list_version is None


def test_a_language_that_does_not_fit_is_left_out() -> None:
    made, _ = entries("2.0.1", [token("A", language_code="x" * 9)])
    assert made[0]["idTokenInfo"] == {"status": "Accepted"}
