"""OCPP 2.0.1 edition 3 with errata 2025-09, block D, and C11: one test for each requirement that binds the CSMS, named by it; then
what 1.6 has otherwise, row by row.

The rest binds the station: C11; D01.FR.02, FR.04, FR.09, FR.10, FR.12, FR.13, FR.15 to FR.17, FR.19; D02. Where the CSMS must make
use of what the station does there, a test says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.answers import CallAnswer
from bench.csms.requests import clear_cache, plain_words
from bench.station import ListLimits
from bench.tokens.list_entries import frame_bytes, payload
from bench.tokens.list_parts import parts
from bench.tokens.list_plan import MAX_VERSION, next_version
from bench.tokens.local_list import read_version
from bench.tokens.model import CacheMode, IdTokenType, MessageFormat, PersonalMessage
from tests.bench.tokens.listpeer import (
    Peer,
    entries,
    holding,
    keys,
    known,
    push,
    push_full,
    token,
    values,
    variables,
)

V2 = pytest.mark.parametrize("version", ["2.0.1", "2.1"])
ALL = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TOKENS = [token("04A2"), token("0BAD", valid=False)]


def version_field(version: str) -> str:
    return "listVersion" if version == "1.6" else "versionNumber"


def sent(peer: Peer) -> Mapping[str, Any]:
    """The latest SendLocalList."""
    return peer.sent("SendLocalList")[-1]


# D01: SendLocalList


@ALL
async def test_D01_FR_01_a_type_and_a_version(version: str) -> None:
    peer = Peer(version, 6)
    await push_full(known(version), TOKENS, peer.call)
    assert (sent(peer)["updateType"], sent(peer)[version_field(version)]) == ("Full", 7)


@ALL
@pytest.mark.parametrize("status", ["Failed", "VersionMismatch"])
async def test_D01_FR_03_a_refused_differential_is_followed_by_the_full_list(version: str, status: str) -> None:
    peer, station = Peer(version, 6), known(version)
    _, held = await push(station, TOKENS, peer.call)

    async def call(action: str, made: Mapping[str, object]) -> CallAnswer:
        if made.get("updateType") == "Differential":
            peer.calls.append((action, made))
            return CallAnswer(action, {"status": status})
        return await peer.call(action, made)

    more = [*TOKENS, token("NEW")]
    report, _ = await push(station, more, call, "differential", held)
    assert report.text == f"the station answered {status}: its list stays as it was; push the full list"
    report, held = await push(station, more, call, "reconcile", held)
    assert [made["updateType"] for made in peer.sent("SendLocalList")] == [
        "Full",
        "Differential",
        "Differential",
        "Full",
    ]
    assert (report.ok, held.shadow.version) == (True, 8)


@V2
async def test_D01_FR_05_nothing_to_change_sends_nothing(version: str) -> None:
    """An empty Differential would only move the version; where it is sent by hand, its version is read back."""
    peer, station = Peer(version, 6), known(version)
    _, held = await push(station, TOKENS, peer.call)
    report, _ = await push(station, TOKENS, peer.call, "differential", held)
    assert (report.ok, len(peer.sent("SendLocalList"))) == (True, 1)
    await peer.call("SendLocalList", payload(version, 8, [], "Differential"))
    assert (await read_version(station, peer.call)).text == "the local list has version 8"
    report, _ = await push(station, TOKENS, peer.call, "reconcile", held)
    assert sent(peer)["updateType"] == "Full", "somebody else changed it"


@ALL
def test_D01_FR_06_no_entry_comes_twice(version: str) -> None:
    made, left_out = entries(version, [token("04a2"), token("04A2"), token("04A2", id_token_type=IdTokenType.LOCAL)])
    # 1.6 tells no types apart.
    assert len(made) == (1 if version == "1.6" else 2)
    assert left_out[0][1].startswith(
        "OCPP 1.6 tells no types apart" if version == "1.6" else "the same value and type are in the list already"
    )


@pytest.mark.parametrize(
    ("version", "limits"),
    [
        ("2.0.1", {"GetVariables": variables(ItemsPerMessage="2")}),
        ("2.1", {"GetVariables": variables(ItemsPerMessage="99", BytesPerMessage="300")}),
        ("1.6", {"GetConfiguration": keys(SendLocalListMaxLength="2")}),
    ],
)
async def test_D01_FR_11_a_list_over_the_limits_goes_in_several_messages(
    version: str, limits: dict[str, object]
) -> None:
    """Notes of D01.FR.03 and FR.15: a Full one, then Differentials, each with the next version."""
    peer, station = Peer(version, 6, **limits), known(version)
    report, held = await push(station, [token(f"0{n}") for n in range(5)], peer.call)
    lists = peer.sent("SendLocalList")
    assert [made["updateType"] for made in lists] == ["Full", "Differential", "Differential"]
    assert [made[version_field(version)] for made in lists] == [7, 8, 9]
    assert [len(made["localAuthorizationList"]) for made in lists] == [2, 2, 1]
    assert report.text == "5 entries accepted in 3 messages as version 9 (before: 6)"
    assert (station.list_version, held.shadow.version, len(held.shadow.entries)) == (9, 9, 5)
    assert values(held) == {"00", "01", "02", "03", "04"}


@pytest.mark.parametrize(
    ("version", "limits", "why"),
    [
        (
            "2.1",
            {"GetVariables": variables(BytesPerMessage="99")},
            "the station takes 99 bytes a message, one entry alone needs",
        ),
        ("1.6", {"GetConfiguration": keys(LocalAuthListMaxLength="1")}, "the station's list holds 1 entries"),
    ],
)
async def test_D01_FR_11_what_no_split_makes_fit_is_not_sent(version: str, limits: dict[str, object], why: str) -> None:
    peer = Peer(version, 6, **limits)
    report = await push_full(known(version), TOKENS, peer.call)
    assert report.text.startswith(f"nothing was sent: {why}")
    assert peer.sent("SendLocalList") == []


@given(st.lists(st.text("0123456789ABCDEF", min_size=1, max_size=36), unique=True, max_size=12), st.integers(200, 900))
def test_D01_FR_11_no_message_is_larger_than_stated(uids: list[str], room: int) -> None:
    made, _ = entries("2.0.1", [token(uid) for uid in uids])
    split, size, why = parts("2.0.1", made, "Differential", ListLimits(5, room), MAX_VERSION)
    if why:
        assert split == []
        return
    assert [entry for part in split for entry in part] == made
    for part in split:
        assert len(part) <= 5
        assert frame_bytes(payload("2.0.1", MAX_VERSION, part, "Differential")) <= room or not part
    assert all(split) or not made
    highest = {**payload("2.0.1", MAX_VERSION, [], "Differential"), "localAuthorizationList": []}
    assert size == sum(frame_bytes({**highest, "localAuthorizationList": part}) for part in split)


@V2
async def test_D01_FR_03_a_list_of_which_a_part_was_refused_is_not_relied_on(version: str) -> None:
    peer, station = Peer(version, 6, GetVariables=variables(ItemsPerMessage="1")), known(version)
    refused = [8]

    async def call(action: str, made: Mapping[str, object]) -> CallAnswer:
        if action == "SendLocalList" and made["versionNumber"] in refused:
            peer.calls.append((action, made))
            return CallAnswer(action, {"status": "Failed"})
        return await peer.call(action, made)

    report, held = await push(station, TOKENS, call)
    text = "the station answered Failed; it took 1 of 2 entries before: its list has version 7 with 1 entry"
    assert report.text == f"{text}; reconcile to send the rest"
    assert (report.sent, report.version_sent, station.list_version) == (1, 8, 7)
    assert values(held) == {"04a2"}
    # The rest is a change of what it has; it is refused as before, and then the whole list is.
    report, held = await push(station, TOKENS, call, "reconcile", held)
    assert [(chunk.update_type, chunk.version_sent, chunk.status) for chunk in report.chunks] == [
        ("Differential", 8, "Failed"),
        ("Full", 8, "Failed"),
    ]
    refused.clear()
    report, held = await push(station, TOKENS, call, "reconcile", held)
    assert report.text == "1 change accepted as version 8 (before: 7)"
    assert values(held) == {"04a2", "0bad"}
    # A difference that breaks off is followed by the whole list, above what the station took of it.
    refused.append(10)
    report, held = await push(station, [token("04A2"), token("A"), token("B")], call, "reconcile", held)
    assert [(made["updateType"], made["versionNumber"]) for made in peer.sent("SendLocalList")[-3:]] == [
        ("Differential", 9),
        ("Differential", 10),
        ("Full", 10),
    ]
    assert (report.status, values(held)) == ("Failed", {"04a2"})


@V2
async def test_D01_FR_18_versions_begin_again_where_too_few_are_left(version: str) -> None:
    peer = Peer(version, MAX_VERSION - 1, GetVariables=variables(ItemsPerMessage="1"))
    report, held = await push(known(version), TOKENS, peer.call)
    assert [made["versionNumber"] for made in peer.sent("SendLocalList")] == [1, 2]
    peer.version = MAX_VERSION - 1
    held = holding(version, MAX_VERSION - 1, TOKENS)
    report, _ = await push(known(version), [], peer.call, "differential", held)
    assert report.text == "nothing was sent: the versions that are left are too few; push the full list"


@V2
async def test_D01_FR_12_the_capacity_is_asked_for(version: str) -> None:
    peer = Peer(version, 6, GetVariables=variables(Entries="1"))
    report = await push_full(known(version), TOKENS, peer.call)
    assert report.text == "nothing was sent: the station's list holds 1 entries, the store has 2 for it"


@V2
async def test_D01_FR_13_a_list_that_is_switched_off_is_told(version: str) -> None:
    peer = Peer(version, 0, GetVariables=variables(Enabled="false"), SendLocalList={"status": "Failed"})
    report = await push_full(known(version), TOKENS, peer.call)
    assert report.text.endswith("; LocalAuthListCtrlr.Enabled is false on this station")


@ALL
@pytest.mark.parametrize("current", [0, 1, 6, MAX_VERSION, -1, -7])
def test_D01_FR_18_a_version_is_above_0(version: str, current: int) -> None:
    assert 0 < next_version(current) <= MAX_VERSION


@V2
async def test_D01_FR_19_a_differential_goes_up_from_the_stations_own_version(version: str) -> None:
    peer, station = Peer(version, 41), known(version)
    _, held = await push(station, TOKENS, peer.call)
    await push(station, TOKENS[:1], peer.call, "differential", held)
    assert [made[version_field(version)] for made in peer.sent("SendLocalList")] == [42, 43]
    # No number is above the highest: only a full list may begin again.
    report, _ = await push(
        station, TOKENS, Peer(version, MAX_VERSION).call, "differential", holding(version, MAX_VERSION)
    )
    assert report.text == "nothing was sent: its version is the highest there is; push the full list"


# C13.FR.05, C14.FR.04: expiry in the list


@V2
async def test_expiry_goes_into_the_list_where_the_station_honours_it(version: str) -> None:
    dated = [token("04A2", expiry=NOON)]
    for told, expected in (
        ("true", {"status": "Accepted", "cacheExpiryDateTime": "2030-01-01T12:00:00.000Z"}),
        ("false", {"status": "Accepted"}),
    ):
        peer, station = Peer(version, 6, GetVariables=variables(SupportsExpiryDateTime=told)), known(version)
        report = await push_full(station, dated, peer.call)
        assert sent(peer)["localAuthorizationList"][0]["idTokenInfo"] == expected
        assert report.text.endswith("push again when 1 token expired") is (told == "false")
        assert station.limits.honours_expiry is (told == "true")
    peer = Peer(version, 6)  # it says nothing of it
    await push_full(known(version), dated, peer.call)
    assert sent(peer)["localAuthorizationList"][0]["idTokenInfo"] == {"status": "Accepted"}


async def test_expiry_goes_into_every_list_of_16() -> None:
    peer = Peer("1.6", 6)
    report = await push_full(known("1.6"), [token("04A2", expiry=NOON)], peer.call)
    info = sent(peer)["localAuthorizationList"][0]["idTagInfo"]
    assert info == {"status": "Accepted", "expiryDate": "2030-01-01T12:00:00.000Z"}
    assert report.text == "1 entry accepted as version 7 (before: 6)"


@ALL
def test_a_token_that_expired_is_listed_as_expired(version: str) -> None:
    (entry,), _ = entries(version, [token("04A2", expiry=NOON)], now=NOON)
    info = entry["idTagInfo" if version == "1.6" else "idTokenInfo"]
    assert isinstance(info, dict)
    assert info["status"] == "Expired"


def test_an_entry_says_all_that_an_authorize_says() -> None:
    full = token(
        "04A2",
        group_id="fleet",
        language_code="de",
        language2="en-US",
        evse_ids=(1, 3),
        personal_message=PersonalMessage("Hi", MessageFormat.ASCII),
        charging_priority=0,
        expiry=NOON,
    )
    (entry,), _ = entries("2.0.1", [full], expiry=True)
    assert entry["idTokenInfo"] == {
        "status": "Accepted",
        "groupIdToken": {"idToken": "fleet", "type": "Central"},
        "language1": "de",
        "language2": "en-US",
        "evseId": [1, 3],
        "personalMessage": {"format": "ASCII", "content": "Hi"},
        "chargingPriority": 0,
        "cacheExpiryDateTime": "2030-01-01T12:00:00.000Z",
    }
    (entry,), _ = entries("1.6", [full])
    assert entry["idTagInfo"] == {
        "status": "Accepted",
        "parentIdTag": "fleet",
        "expiryDate": "2030-01-01T12:00:00.000Z",
    }


@ALL
def test_a_token_that_must_not_be_kept_stays_out(version: str) -> None:
    made, left_out = entries(version, [token("ONCE", cache_mode=CacheMode.NEVER)])
    assert (made, left_out) == ([], [("ONCE", "its cacheMode is NEVER")])


# D02: GetLocalListVersion


@pytest.mark.parametrize(
    ("version", "number", "ok", "text"),
    [
        ("2.0.1", 7, True, "the local list has version 7"),  # D02.FR.01
        ("2.1", 0, True, "version 0: the station has no local list yet, or it is switched off"),  # D02.FR.02, FR.03
        ("2.0.1", -1, False, "the station answered the impossible list version -1"),
        ("1.6", 0, True, "version 0: the local list is empty"),
        ("1.6", -1, False, "version -1: the station supports no local list"),
        ("1.6", -2, False, "the station answered the impossible list version -2"),
    ],
)
async def test_D02_what_a_version_means(version: str, number: int, ok: bool, text: str) -> None:
    said = await read_version(known(version), Peer(version, number).call)
    assert (said.ok, said.text) == (ok, text)


# C11: ClearCache


@ALL
@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("Accepted", "the station cleared its authorization cache"),  # C11.FR.03
        (
            "Rejected",
            "the station did not clear its authorization cache: it has none, or it is disabled",
        ),  # FR.04, FR.05
    ],
)
def test_C11_FR_02_what_became_of_the_cache(version: str, status: str, text: str) -> None:
    assert clear_cache(version) == ("ClearCache", {})
    said = plain_words(version, CallAnswer("ClearCache", {"status": status}))
    assert (said.ok, said.text) == (status == "Accepted", text)


# What differs between 2.0.1 and 1.6 (errata 2025-04 of 1.6 included)


@dataclass(frozen=True)
class Row:
    """before: the station's version. held, wanted: its list, and what it shall become. status: its answer to SendLocalList.
    sends: (updateType, version, entries, or None where the field is left out), or None where nothing is sent.
    """

    rule: str
    version: str
    before: int
    wanted: tuple[str, ...]
    sends: tuple[str, int, int | None] | None
    text: str
    held: tuple[str, ...] | None = None
    status: str = "Accepted"
    ok: bool = True


LEFT_AS_IT_WAS = "its list stays as it was"
ROWS = [
    Row("get version, 0", "2.0.1", 0, ("A",), ("Full", 1, 1), "1 entry accepted as version 1 (before: 0)"),
    Row("get version, 0", "1.6", 0, ("A",), ("Full", 1, 1), "1 entry accepted as version 1 (before: 0)"),
    Row(
        "get version, -1",
        "1.6",
        -1,
        ("A",),
        None,
        "nothing was sent: version -1: the station supports no local list",
        ok=False,
    ),
    Row(
        "get version, -1",
        "2.0.1",
        -1,
        ("A",),
        None,
        "nothing was sent: the station answered the impossible list version -1",
        ok=False,
    ),
    Row(
        "emptied list keeps its version",
        "2.0.1",
        6,
        (),
        ("Full", 7, None),
        "0 entries accepted as version 7 (before: 6)",
    ),
    Row("emptied list reports 0", "1.6", 6, (), ("Full", 7, None), "0 entries accepted as version 7 (before: 6)"),
    Row(
        "emptied by differences keeps its version",
        "2.0.1",
        6,
        (),
        ("Differential", 7, 1),
        "1 change accepted as version 7 (before: 6)",
        held=("A",),
    ),
    Row(
        "full, list present: replaced",
        "2.0.1",
        6,
        ("A", "B"),
        ("Full", 7, 2),
        "2 entries accepted as version 7 (before: 6)",
    ),
    Row(
        "full, list present: replaced",
        "1.6",
        6,
        ("A", "B"),
        ("Full", 7, 2),
        "2 entries accepted as version 7 (before: 6)",
    ),
    Row(
        "full may begin again",
        "2.0.1",
        MAX_VERSION,
        ("A",),
        ("Full", 1, 1),
        f"1 entry accepted as version 1 (before: {MAX_VERSION})",
    ),
    Row(
        "differential adds and deletes",
        "2.0.1",
        6,
        ("B",),
        ("Differential", 7, 2),
        "2 changes accepted as version 7 (before: 6)",
        held=("A",),
    ),
    Row(
        "differential adds and deletes",
        "1.6",
        6,
        ("B",),
        ("Differential", 7, 2),
        "2 changes accepted as version 7 (before: 6)",
        held=("A",),
    ),
    Row(
        "differential, nothing to change",
        "2.0.1",
        6,
        ("A",),
        None,
        "nothing was sent: the list holds all of it already, as version 6",
        held=("A",),
    ),
    Row(
        "differential, nothing to change",
        "1.6",
        6,
        ("A",),
        None,
        "nothing was sent: the list holds all of it already, as version 6",
        held=("A",),
    ),
    Row(
        "differential of no list",
        "1.6",
        0,
        ("A",),
        None,
        "nothing was sent: its list is empty, and a change of no list has no effect; push the full list",
        held=(),
        ok=False,
    ),
    Row(
        "status Failed",
        "2.0.1",
        6,
        ("B",),
        ("Differential", 7, 2),
        f"the station answered Failed: {LEFT_AS_IT_WAS}; push the full list",
        ("A",),
        "Failed",
        False,
    ),
    Row(
        "status VersionMismatch",
        "1.6",
        6,
        ("B",),
        ("Differential", 7, 2),
        f"the station answered VersionMismatch: {LEFT_AS_IT_WAS}; push the full list",
        ("A",),
        "VersionMismatch",
        False,
    ),
    Row(
        "status VersionMismatch of a full list",
        "2.0.1",
        6,
        ("B",),
        ("Full", 7, 1),
        f"the station answered VersionMismatch: {LEFT_AS_IT_WAS}; it must not refuse a full list for its version",
        None,
        "VersionMismatch",
        False,
    ),
    Row(
        "status NotSupported",
        "1.6",
        6,
        ("A",),
        ("Full", 7, 1),
        "the station answered NotSupported: it supports no local list",
        None,
        "NotSupported",
        False,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule}, {row.version}")
async def test_the_rules_of_lists(row: Row) -> None:
    answers: dict[str, Any] = {} if row.status == "Accepted" else {"SendLocalList": {"status": row.status}}
    peer, station = Peer(row.version, row.before, **answers), known(row.version)
    wanted = [token(uid) for uid in row.wanted]
    peer.empties = not wanted
    held = None
    if row.held is not None:
        held = holding(row.version, row.before, [token(uid) for uid in row.held])
    report, holds = await push(station, wanted, peer.call, "full" if held is None else "differential", held)
    assert (report.ok, report.text) == (row.ok, row.text)
    lists = peer.sent("SendLocalList")
    if row.sends is None:
        assert lists == []
        return
    update, number, count = row.sends
    (made,) = lists
    assert (made["updateType"], made[version_field(row.version)]) == (update, number)
    assert (len(made["localAuthorizationList"]) if "localAuthorizationList" in made else None) == count
    if update == "Full":  # every entry says what it is for
        info = "idTagInfo" if row.version == "1.6" else "idTokenInfo"
        assert all(info in entry for entry in made.get("localAuthorizationList", ()))
    if row.ok:
        read = 0 if row.version == "1.6" and not wanted else number
        assert (station.list_version, holds.shadow.version) == (read, read)
    elif row.status == "NotSupported":
        assert station.list_version == -1


@ALL
def test_an_empty_list_is_a_field_left_out(version: str) -> None:
    """2.x: minItems 1. The schema of 1.6 would take an empty one, but not every station does."""
    for update in ("Full", "Differential"):
        assert payload(version, 3, [], update) == {"updateType": update, version_field(version): 3}
