"""One decision, every version: what 1.6 and 2.x are told comes of the same table; cacheMode and the master pass in answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import utc_now
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.tokens.list_entries import wanted
from bench.tokens.model import STATUS_16, AuthorizationStatus, CacheMode, IdTokenType
from tests.bench.csms.linkbook import NOW, token
from tests.bench.csms.storebook import StoreBook

SOON = "2023-11-14T22:14:20.000Z"  # a minute later
STATUSES_16 = {"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"}


@pytest.mark.parametrize("status", AuthorizationStatus)
@pytest.mark.parametrize("where", ["authorize", "start"])
def test_both_versions_answer_from_one_decision(status: AuthorizationStatus, where: str) -> None:
    card = token("CARD", status=status, group_id="FAMILY")
    old, new, newest = (StoreBook(version, card) for version in ("1.6", "2.0.1", "2.1"))
    if where == "authorize":
        told = [book.authorized("CARD") for book in (old, new, newest)]
    else:
        start = old.call_of(
            "StartTransaction", connectorId=1, idTag="CARD", meterStart=0, timestamp="2024-01-01T10:00:00Z"
        )
        told = [start["idTagInfo"], *(book.event("Started", "CARD")["idTokenInfo"] for book in (new, newest))]
    assert old.store.decided == new.store.decided == newest.store.decided
    assert [info["status"] for info in told] == [STATUS_16[status], status, status]
    assert STATUS_16[status] in STATUSES_16
    assert told[0]["parentIdTag"] == told[1]["groupIdToken"]["idToken"] == "FAMILY"


@given(
    status=st.none() | st.sampled_from(AuthorizationStatus),
    valid=st.booleans(),
    cache_mode=st.sampled_from(CacheMode),
    group=st.none() | st.just("MASTER") | st.just("FAMILY"),
    kind=st.sampled_from([IdTokenType.ISO14443, IdTokenType.KEY_CODE, IdTokenType.MAC_ADDRESS]),
    evses=st.sampled_from([(), (1,), (7,)]),
    known=st.booleans(),
)
def test_whatever_the_token_the_answers_agree(
    status: AuthorizationStatus | None,
    valid: bool,
    cache_mode: CacheMode,
    group: str | None,
    kind: IdTokenType,
    evses: tuple[int, ...],
    known: bool,
) -> None:
    card = token(
        "CARD" if known else "OTHER",
        id_token_type=kind, status=status, valid=valid, cache_mode=cache_mode, group_id=group, evse_ids=evses,
    )  # fmt: skip
    old, new = (StoreBook(version, card, master_pass_group="MASTER") for version in ("1.6", "2.0.1"))
    for book in (old, new):
        book.has_evses(1, 2)
    told_16, told_201 = old.authorized("CARD"), new.authorized("CARD", kind)
    (decision_16,), (decision,) = old.store.decided, new.store.decided
    assert decision_16.accepted == decision.accepted  # type: ignore[union-attr]
    assert told_16["status"] == STATUS_16[AuthorizationStatus(told_201["status"])]
    assert ("expiryDate" in told_16) == ("cacheExpiryDateTime" in told_201)
    for book, member, info in ((old, "idTagInfo", told_16), (new, "idTokenInfo", told_201)):
        schema = schema_of(book.station.version, Half.RESPONSE, "Authorize")
        assert schema is not None
        assert schema.is_valid({member: info})


# cacheMode (MaEVe API, Token; OCPI 2.2 WhitelistType)


@pytest.mark.parametrize(
    ("mode", "until_201", "until_16", "held"),
    [
        (CacheMode.ALWAYS, None, None, True),
        (CacheMode.ALLOWED, None, None, True),
        (CacheMode.ALLOWED_OFFLINE, NOW, SOON, False),
        (CacheMode.NEVER, NOW, SOON, False),
    ],
)
def test_cache_mode(mode: CacheMode, until_201: str | None, until_16: str | None, held: bool) -> None:
    """An accepted card of 1.6 is given a minute: some stations call a card Expired whose expiryDate has come."""
    card = token("CARD", cache_mode=mode)
    for version, member, until in (
        ("1.6", "expiryDate", until_16),
        ("2.0.1", "cacheExpiryDateTime", until_201),
        ("2.1", "cacheExpiryDateTime", until_201),
    ):
        book = StoreBook(version, card)
        assert book.authorized("CARD").get(member) == until
        assert book.station.accepted == ({"card"} if held else set())
    blocked = StoreBook("1.6", token("CARD", cache_mode=mode, valid=False)).authorized("CARD")
    assert blocked.get("expiryDate") == until_201  # nothing of a refused card can be taken for a refusal of its date


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_cache_mode_in_local_lists(version: str) -> None:
    """Only NEVER stays out: a card that is asked about while the station is online is known to it when it is not."""
    made = wanted(version, [token(mode, cache_mode=mode) for mode in CacheMode], utc_now())
    assert {value for value, _ in made.entries} == {"always", "allowed", "allowed_offline"}
    assert [(left.uid, left.why) for left in made.left_out] == [("NEVER", "its cacheMode is NEVER")]
    assert not any(until in str(made.entries) for until in ("expiryDate", "cacheExpiryDateTime"))


def test_an_expiry_before_the_minute_is_over_counts() -> None:
    expiry = datetime(2023, 11, 14, 22, 13, 25, tzinfo=UTC)
    book = StoreBook("1.6", token("CARD", cache_mode=CacheMode.NEVER, expiry=expiry))
    assert book.authorized("CARD")["expiryDate"] == "2023-11-14T22:13:25.000Z"


# Master pass (OCPP 2.0.1 C16, E07; MasterPassGroupId)

MASTER = token("POLICE", group_id="Master")
CARD = token("CARD")


@pytest.fixture(params=["2.0.1", "2.1"])
def book(request: pytest.FixtureRequest) -> StoreBook:
    return StoreBook(request.param, MASTER, CARD, master_pass_group="MASTER")


def rule(book: StoreBook) -> str:
    return book.store.decided[-1].rule  # type: ignore[union-attr]


def test_c16_authorize_is_told_the_group(book: StoreBook) -> None:
    """TC_C_47, TC_C_48, TC_C_49: Accepted with groupIdToken, by which the station knows a master pass (C01.FR.06)."""
    assert book.authorized("POLICE") == {"status": "Accepted", "groupIdToken": {"idToken": "Master", "type": "Central"}}


def test_c16_stops_any_charge(book: StoreBook) -> None:
    """C16.FR.01, FR.02: the station ends it with the master pass as idToken, which is answered Accepted."""
    book.event("Started", "CARD")
    assert book.event("Updated", "POLICE", trigger="StopAuthorized")["idTokenInfo"]["status"] == "Accepted"
    assert book.event("Ended", "POLICE", trigger="StopAuthorized")["idTokenInfo"]["status"] == "Accepted"


def test_c16_starts_none(book: StoreBook) -> None:
    """The refusal is of this start, so no station may keep it: the card still stops charges."""
    told = book.event("Started", "POLICE")["idTokenInfo"]
    assert (told["status"], told["cacheExpiryDateTime"], rule(book)) == ("Invalid", NOW, "master-pass")
    assert book.authorized("POLICE")["status"] == "Accepted"


def test_c16_starts_none_after_the_cable_either(book: StoreBook) -> None:
    book.event("Started", trigger="CablePluggedIn")
    assert book.event("Updated", "POLICE")["idTokenInfo"]["status"] == "Invalid"
    assert rule(book) == "master-pass"


def test_c16_is_let_through_where_others_wait_for_their_cable(book: StoreBook) -> None:
    book.has_evses(1)
    book.event("Started", "CARD")
    book.event("Updated", trigger="Deauthorized")
    assert book.authorized("POLICE")["status"] == "Accepted"


def test_a_blocked_master_pass_is_blocked() -> None:
    book = StoreBook("2.0.1", token("POLICE", group_id="MASTER", valid=False), master_pass_group="MASTER")
    assert book.event("Started", "POLICE")["idTokenInfo"]["status"] == "Blocked"


def test_without_the_setting_and_on_16_it_is_a_group_like_any_other() -> None:
    assert StoreBook("2.0.1", MASTER).event("Started", "POLICE")["idTokenInfo"]["status"] == "Accepted"
    old = StoreBook("1.6", MASTER, master_pass_group="MASTER")
    start = {"connectorId": 1, "idTag": "POLICE", "meterStart": 0, "timestamp": "2024-01-01T10:00:00Z"}
    assert old.call_of("StartTransaction", **start)["idTagInfo"] == {"status": "Accepted", "parentIdTag": "Master"}


# Concurrent transactions and groups


def test_concurrent_is_said_of_a_start_only(book: StoreBook) -> None:
    """AuthorizationStatusEnumType: ConcurrentTx is relevant for the start of a transaction; an Authorize may mean to stop."""
    one = StoreBook(book.station.version, CARD, concurrent_tx=False)
    one.event("Started", "CARD")
    assert one.authorized("CARD")["status"] == "Accepted"
    assert one.event("Started", "CARD", name="tx-2", evse=2)["idTokenInfo"]["status"] == "ConcurrentTx"
    assert one.event("Ended", "CARD", trigger="StopAuthorized")["idTokenInfo"]["status"] == "Accepted"


def test_cards_of_a_group_may_charge_at_the_same_time(book: StoreBook) -> None:
    family = [token(name, group_id="FAMILY") for name in ("MUM", "DAD")]
    one = StoreBook(book.station.version, *family, concurrent_tx=False)
    one.event("Started", "MUM")
    assert one.event("Started", "DAD", name="tx-2", evse=2)["idTokenInfo"]["status"] == "Accepted"


@pytest.mark.parametrize(
    ("group", "status"), [("family", "Accepted"), ("OTHERS", "NotAtThisTime"), (None, "NotAtThisTime")]
)
def test_c01_fr_24_is_not_about_the_own_group(book: StoreBook, group: str | None, status: str) -> None:
    one = StoreBook(book.station.version, token("MUM", group_id="FAMILY"), token("DAD", group_id=group))
    one.has_evses(1)
    one.event("Started", "MUM")
    one.event("Updated", trigger="Deauthorized")
    assert one.authorized("DAD")["status"] == status
