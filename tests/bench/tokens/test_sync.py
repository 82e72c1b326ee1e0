"""Two sets of tokens compared, and what a plan makes of each difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.codecs.maeve import MaeveToken
from bench.tokens.maeve_form import from_maeve, losses, to_maeve
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, PersonalMessage, Token, TokenKind
from bench.tokens.sync import Conflict, Deed, Difference, Direction, Kind, Step, compare, plan
from tests.maeve_world import NOW, token_here, token_there

EARLIER, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 20, tzinfo=UTC)


def one(
    here: Token | None, there: MaeveToken | list[MaeveToken] | None, direction: Direction, rule: Conflict | None = None
) -> Step:
    """The one step for one card."""
    others = there if isinstance(there, list) else [] if there is None else [there]
    found = compare([] if here is None else [here], others, NOW)
    (step,) = plan(found, direction, rule, source="maeve http://h").steps
    return step


def test_every_kind_of_difference_is_told() -> None:
    here = [token_here("EQUAL"), token_here("HERE"), token_here("DIFF", group_id="FLEET"), token_here("04A2")]
    there = [
        token_there("EQUAL"),
        token_there("THERE"),
        token_there("DIFF", valid=False),
        token_there("04a2"),
        token_there("04A2"),
    ]
    found = compare(here, there, NOW)
    assert {entry.uid: entry.kind for entry in found.entries} == {
        "04A2": Kind.COLLISION,
        "DIFF": Kind.DIFFERENT,
        "EQUAL": Kind.EQUAL,
        "HERE": Kind.HERE,
        "THERE": Kind.THERE,
    }
    assert found.counts()[Kind.COLLISION] == 1
    (different,) = (entry for entry in found.entries if entry.kind is Kind.DIFFERENT)
    assert different.differences == (Difference("valid", "true", "false"), Difference("groupId", "FLEET", ""))
    (collision,) = (entry for entry in found.entries if entry.kind is Kind.COLLISION)
    assert [token.uid for token in collision.there] == ["04A2", "04a2"]
    assert "04A2, 04a2" in collision.notes[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"contract_id": "gb-twk-012345678"},
        {"contract_id": "GB-TWK-012345678-V"},
        {"country_code": "gb", "party_id": "twk"},
        {"language_code": None, "group_id": None},
        {"issuer": " Thoughtworks "},
    ],
)
def test_what_is_only_written_otherwise_is_equal(fields: dict[str, object]) -> None:
    assert one(token_here(), token_there(**fields), Direction.BOTH).entry.kind is Kind.EQUAL


def test_fields_that_maeve_cannot_carry_are_named() -> None:
    token = token_here(
        status=AuthorizationStatus.NO_CREDIT,
        valid=False,
        id_token_type=IdTokenType.LOCAL,
        expiry=LATER + timedelta(days=90),
        evse_ids=(1, 2),
        charging_priority=3,
        personal_message=PersonalMessage("Hi"),
        language_code="en",
        language2="de",
        note="the manager's",
        source="file x.csv",
    )
    assert {loss.field for loss in losses(token)} == {
        "status",
        "idTokenType",
        "expiry",
        "evseIds",
        "chargingPriority",
        "personalMessage",
        "language2",
        "note",
    }
    step = one(token, None, Direction.PUSH)
    assert step.push == (to_maeve(token, NOW),)
    assert step.push[0].valid is False
    notes = " / ".join(step.entry.notes)
    assert "every Local token Invalid" in notes
    assert "OCPP 1.6 every token it has" in notes
    assert "Invalid where this bench says NoCredit" in notes
    assert "at every EVSE" in notes


def test_a_plain_card_loses_nothing() -> None:
    assert losses(token_here()) == ()
    mac = token_here("FF44556670AA", kind=TokenKind.OTHER, id_token_type=IdTokenType.MAC_ADDRESS)
    assert losses(mac) == ()
    assert from_maeve(to_maeve(mac, NOW)) == replace(mac, last_updated=mac.last_updated)


def test_a_token_that_expired_here_is_pushed_as_not_valid_and_not_pulled_back() -> None:
    token = token_here(expiry=EARLIER)
    step = one(token, token_there(), Direction.PUSH)
    assert (step.deed, step.push[0].valid) == (Deed.PUSH, False)
    back = one(token, token_there(), Direction.PULL)
    assert (back.deed, back.why) == (Deed.LEAVE, "it has expired here, which MaEVe cannot know")
    assert one(token, token_there(valid=False), Direction.BOTH).entry.kind is Kind.EQUAL


def test_pulling_keeps_what_maeve_cannot_carry() -> None:
    here = token_here(status=AuthorizationStatus.NO_CREDIT, valid=False, evse_ids=(1,), id_token_type=IdTokenType.LOCAL)
    still = one(here, token_there(valid=False, issuer="Other"), Direction.PULL).pull
    assert still is not None
    assert (still.issuer, still.status, still.evse_ids, still.id_token_type) == (
        "Other",
        AuthorizationStatus.NO_CREDIT,
        (1,),
        IdTokenType.LOCAL,
    )
    good = one(here, token_there(valid=True), Direction.PULL).pull
    assert good is not None
    assert good.effective_status is AuthorizationStatus.ACCEPTED
    bad = one(token_here(status=AuthorizationStatus.ACCEPTED), token_there(valid=False), Direction.PULL).pull
    assert bad is not None
    assert bad.effective_status is AuthorizationStatus.BLOCKED


def test_a_new_token_from_there_gets_its_type_and_source() -> None:
    step = one(None, token_there("E00401503A9F2C11", contract_id="gb-twk-012345678"), Direction.PULL)
    assert step.pull is not None
    assert step.pull.id_token_type is IdTokenType.ISO15693
    assert step.pull.contract_id == "GBTWK012345678V"
    assert step.pull.source == "maeve http://h"


def test_a_token_that_the_store_cannot_keep_is_left_with_the_reason() -> None:
    step = one(None, token_there("X" * 40), Direction.BOTH)
    assert (step.deed, step.why) == (Deed.LEAVE, "the store cannot keep it: uid: 40 characters, wanted 1 to 36")
    step = one(None, token_there(country_code=""), Direction.PULL)
    assert step.why.startswith("the store cannot keep it: countryCode")


@pytest.mark.parametrize(
    ("direction", "here", "there"),
    [
        (Direction.PUSH, Deed.PUSH, Deed.LEAVE),
        (Direction.PULL, Deed.LEAVE, Deed.PULL),
        (Direction.BOTH, Deed.PUSH, Deed.PULL),
    ],
)
def test_what_only_one_side_has_goes_the_way_that_was_asked_for(direction: Direction, here: Deed, there: Deed) -> None:
    assert one(token_here(), None, direction).deed is here
    assert one(None, token_there(), direction).deed is there


@pytest.mark.parametrize(
    ("direction", "rule", "theirs_updated", "deed"),
    [
        (Direction.PUSH, None, LATER, Deed.PUSH),
        (Direction.PULL, None, EARLIER, Deed.PULL),
        (Direction.BOTH, None, EARLIER, Deed.PUSH),
        (Direction.BOTH, None, LATER, Deed.PULL),
        (Direction.BOTH, Conflict.OURS, LATER, Deed.PUSH),
        (Direction.BOTH, Conflict.THEIRS, EARLIER, Deed.PULL),
        (Direction.PUSH, Conflict.NEWER, LATER, Deed.LEAVE),
        (Direction.PULL, Conflict.NEWER, EARLIER, Deed.LEAVE),
        (Direction.PUSH, Conflict.THEIRS, EARLIER, Deed.LEAVE),
        (Direction.BOTH, None, None, Deed.LEAVE),
        (Direction.BOTH, None, datetime(2026, 2, 1, 0, 0, 0, 500_000, tzinfo=UTC), Deed.LEAVE),
    ],
)
def test_who_wins_where_both_have_it(
    direction: Direction, rule: Conflict | None, theirs_updated: datetime | None, deed: Deed
) -> None:
    step = one(token_here(), token_there(issuer="Other", last_updated=theirs_updated), direction, rule)
    assert step.deed is deed
    assert bool(step.why) == (deed is Deed.LEAVE)


def test_another_spelling_is_told_and_pushed_as_maeve_writes_it() -> None:
    step = one(token_here("04A2"), token_there("04a2", issuer="Other"), Direction.PUSH)
    assert step.entry.kind is Kind.DIFFERENT
    assert step.entry.differences[0] == Difference("uid", "04A2", "04a2")
    assert "upper from lower case" in step.entry.notes[0]
    assert [token.uid for token in step.push] == ["04a2"]
    only = one(token_here("04A2"), token_there("04a2"), Direction.PUSH)
    assert only.deed is Deed.LEAVE
    assert "neither rename nor delete" in only.why
    pulled = one(token_here("04A2"), token_there("04a2"), Direction.PULL)
    assert pulled.pull is not None
    assert pulled.pull.uid == "04a2"


def test_several_spellings_are_all_pushed_and_none_is_pulled() -> None:
    there = [token_there("04a2"), token_there("04A2", valid=False), token_there("04A2".swapcase().title())]
    step = one(token_here("04A2"), there[:2], Direction.PUSH)
    assert [token.uid for token in step.push] == ["04A2"]
    blocked = one(token_here("04A2", valid=False), there[:2], Direction.PUSH)
    assert [token.uid for token in blocked.push] == ["04a2"]
    pulled = one(token_here("04A2"), there[:2], Direction.PULL)
    assert pulled.deed is Deed.LEAVE
    assert "settle it at MaEVe" in pulled.why
    assert one(None, there[:2], Direction.BOTH).deed is Deed.LEAVE
    same = one(token_here("04A2"), [token_there("04a2"), token_there("04A2")], Direction.PUSH)
    assert (same.deed, same.why) == (Deed.LEAVE, "the same in every spelling")


def test_of_several_types_one_takes_the_place_there() -> None:
    card, local = token_here("04A2"), token_here("04A2", id_token_type=IdTokenType.LOCAL, issuer="Other")
    found = compare([local, card], [token_there("04A2")], NOW)
    assert [(entry.kind, entry.here) for entry in found.entries] == [(Kind.EQUAL, card), (Kind.HERE, local)]
    step = plan(found, Direction.BOTH).steps[1]
    assert (step.deed, step.why) == (Deed.LEAVE, "MaEVe knows no type: the ISO14443 of this uid takes its place")


def test_key_codes_stay_here_unless_asked_for_and_are_never_shown() -> None:
    pin = token_here("481516", id_token_type=IdTokenType.KEY_CODE)
    found = compare([pin], [token_there("481516")], NOW)
    assert (found.entries, found.held_back) == ((), 1)
    with_them = compare([pin], [], NOW, key_codes=True)
    (entry,) = with_them.entries
    assert entry.shown == "••••"
    assert plan(with_them, Direction.PUSH).steps[0].deed is Deed.PUSH
    told = token_there("481516", id_token_type="KeyCode")
    assert compare([], [told], NOW).held_back == 1
    step = plan(compare([], [told], NOW, key_codes=True), Direction.PULL).steps[0]
    assert step.pull is not None
    assert (step.entry.shown, step.pull.id_token_type) == ("••••", IdTokenType.KEY_CODE)


UIDS = st.sampled_from(["04A2", "04a2", "5237AB3B", "X" * 36])
HERE = st.builds(
    token_here,
    UIDS,
    valid=st.booleans(),
    cache_mode=st.sampled_from(CacheMode),
    group_id=st.sampled_from([None, "FLEET"]),
    id_token_type=st.sampled_from([IdTokenType.ISO14443, IdTokenType.LOCAL]),
    expiry=st.sampled_from([None, EARLIER, LATER + timedelta(days=99)]),
    last_updated=st.sampled_from([EARLIER, LATER]),
)
THERE = st.builds(
    token_there,
    UIDS,
    valid=st.booleans(),
    cache_mode=st.sampled_from(CacheMode),
    group_id=st.sampled_from([None, "FLEET"]),
    last_updated=st.sampled_from([None, EARLIER, LATER]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(HERE, unique_by=lambda token: token.key),
    st.lists(THERE, unique_by=lambda token: token.uid),
    st.sampled_from(Direction),
    st.sampled_from(Conflict),
)
def test_what_was_carried_out_needs_not_be_done_again(
    ours: list[Token], theirs: list[MaeveToken], direction: Direction, rule: Conflict
) -> None:
    """Carrying out a plan on plain dictionaries, whatever they held: the same plan is empty soon, and nothing goes to and fro.

    A second round may take over the spelling of a uid, which cannot be pushed.
    """
    here, there = {token.key: token for token in ours}, {token.uid: token for token in theirs}
    for _ in range(2):
        for step in plan(compare(here.values(), there.values(), NOW), direction, rule).to_do():
            there.update({token.uid: replace(token, last_updated=NOW) for token in step.push})
            if step.pull is not None:
                here[step.pull.key] = replace(step.pull, last_updated=NOW)
    assert plan(compare(here.values(), there.values(), NOW), direction, rule).to_do() == []
