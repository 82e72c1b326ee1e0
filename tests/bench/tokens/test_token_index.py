from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bench.tokens.index import PREFERENCE, TokenIndex, plain
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token


def token(
    uid: str, kind: IdTokenType = IdTokenType.ISO14443, valid: bool = True, expiry: datetime | None = None
) -> Token:
    return Token(uid, "GB", "TWK", "GBTWK012345678V", "x", id_token_type=kind, valid=valid, expiry=expiry)


VALUES = st.text("aAbB0:-", min_size=1, max_size=4)
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "page"]), VALUES, st.sampled_from(IdTokenType), st.booleans()),
    max_size=40,
)


@given(STEPS, VALUES)
def test_the_index_agrees_with_a_plain_list(steps: list[tuple[str, str, IdTokenType, bool]], asked: str) -> None:
    index = TokenIndex()
    truth: dict[tuple[str, str], Token] = {}
    for step, value, kind, valid in steps:
        key = (value.casefold(), kind.value)
        if step == "put":
            truth[key] = token(value, kind, valid)
            index.put([truth[key]])
        elif step == "remove":
            truth.pop(key, None)
            index.remove(value, kind)
        else:
            index.page()
    ordered = [truth[key] for key in sorted(truth)]
    assert index.page() == ordered
    assert index.page(1, 2) == ordered[1:3]
    assert len(index) == len(truth)
    assert index.valid_count == sum(t.effective_status is AuthorizationStatus.ACCEPTED for t in ordered)
    for kind in IdTokenType:
        assert index.get(asked, kind) == truth.get((asked.casefold(), kind.value))
    same = sorted(
        (t for t in ordered if t.uid.casefold() == asked.casefold()), key=lambda t: PREFERENCE.index(t.id_token_type)
    )
    assert index.get(asked, None) == (same[0] if same else None)
    assert list(index.named(asked)) == same
    if plain(asked):
        written = {t.key for t in ordered if plain(t.uid) == plain(asked)}
        assert {t.key for t in index.written_as(asked)} == written
    assert index.starting_with(asked, 100) == [t for t in ordered if t.uid.casefold().startswith(asked.casefold())]


def test_case_is_ignored_and_type_counts() -> None:
    card, pin = token("04a2B3"), token("04A2b3", IdTokenType.KEY_CODE, valid=False)
    index = TokenIndex([pin, card])
    assert index.get("04A2B3", IdTokenType.ISO14443) is card
    assert index.get("04A2B3", IdTokenType.KEY_CODE) is pin
    assert index.get("04A2B3", IdTokenType.LOCAL) is None
    assert index.get("04A2B3", None) is card
    assert index.valid_count == 1


def test_a_large_batch_keeps_the_order() -> None:
    index = TokenIndex(token(f"{n:08X}") for n in range(0, 4000, 2))
    index.page()
    index.put(token(f"{n:08X}") for n in range(1, 4000, 2))
    values = [t.uid for t in index.page()]
    assert values == sorted(values)
    assert len(values) == 4000
    assert values[bisect_left(values, "000007CF")] == "000007CF"


def test_a_token_that_expired_is_not_counted_as_valid() -> None:
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
    index = TokenIndex(
        [token("A"), token("B", expiry=past), token("C", expiry=future), token("D", expiry=past, valid=False)]
    )
    assert (len(index), index.valid_count) == (4, 2)
    index.put([token("B", expiry=future), token("C")])
    assert index.valid_count == 3
    index.put([token("A", expiry=past)])
    assert index.valid_count == 2
    index.remove("A", IdTokenType.ISO14443)
    index.remove("B", IdTokenType.ISO14443)
    assert (len(index), index.valid_count) == (2, 1)
