"""A held card is one tap; it is gone only after misses and silence."""

from __future__ import annotations

from bench.card import CardRead, Hint, Technology
from bench.clock import NS_PER_MS, Stamp
from devices.rfid.driver import CardSeen
from devices.rfid.presence import MAX_HELD, POLLED, PUSH, Presence

A = bytes.fromhex("04A2B3C4D5E680")
B = bytes.fromhex("5237AB3B")


def at(ms: int) -> Stamp:
    return Stamp(ms * NS_PER_MS, 0)


def card(uid: bytes, ms: int) -> CardSeen:
    return CardSeen(uid, Technology.ISO14443, b"frame", at(ms), 0x08, 0x0004, b"\x02\x80")


def test_a_tap_carries_what_the_reader_said() -> None:
    tap = Presence("pn532:x", POLLED).seen(card(bytes.fromhex("0824A937"), 5))
    assert tap == CardRead(
        "pn532:x",
        bytes.fromhex("0824A937"),
        Technology.ISO14443,
        b"frame",
        at(5),
        0x08,
        0x0004,
        b"\x02\x80",
        (Hint.RANDOM_ID,),
    )


def test_a_resting_card_found_and_missed_in_turn_is_one_tap() -> None:
    presence = Presence("r", POLLED)
    assert presence.seen(card(A, 0)) is not None
    for round_ in range(1, 20):
        assert presence.seen(card(A, round_ * 200)) is None
        assert presence.polled((A,), at(round_ * 200)) == []
        assert presence.polled((), at(round_ * 200 + 100)) == []
    assert presence.uids == [A]


def test_three_misses_and_300_ms_remove_a_polled_card_and_count_its_repeats() -> None:
    presence = Presence("r", POLLED)
    presence.seen(card(A, 0))
    presence.seen(card(A, 50))
    assert presence.polled((), at(100)) == []
    assert presence.polled((), at(400)) == []
    (removed,) = presence.polled((), at(410))
    assert (removed.uid, removed.repeats, removed.stamp) == (A, 1, at(410))
    assert presence.seen(card(A, 420)) is not None


def test_three_fast_misses_are_not_enough() -> None:
    presence = Presence("r", POLLED)
    presence.seen(card(A, 0))
    for ms in (10, 20, 30, 40, 299):
        assert presence.polled((), at(ms)) == []
    assert [removed.uid for removed in presence.polled((), at(300))] == [A]


def test_of_two_cards_the_one_taken_away_is_removed() -> None:
    presence = Presence("r", POLLED)
    assert presence.seen(card(A, 0)) is not None
    assert presence.seen(card(B, 0)) is not None
    gone = []
    for ms in (150, 300, 450):
        assert presence.seen(card(B, ms)) is None
        gone += presence.polled((B,), at(ms))
    assert [removed.uid for removed in gone] == [A]
    assert presence.uids == [B]


def test_silence_removes_the_card_of_a_push_reader() -> None:
    presence = Presence("r", PUSH)
    assert presence.deadline_ns is None
    presence.seen(card(A, 0))
    assert presence.seen(card(A, 700)) is None
    assert presence.deadline_ns == at(1700).mono_ns
    assert presence.tick(at(1699)) == []
    (removed,) = presence.tick(at(1700))
    assert (removed.uid, removed.repeats) == (A, 1)


def test_a_random_uid_card_is_one_tap_though_its_uid_changes_with_every_field() -> None:
    presence = Presence("r", POLLED)
    assert presence.seen(card(bytes.fromhex("0824A937"), 0)) is not None
    assert presence.seen(card(bytes.fromhex("080D3523"), 200)) is None
    assert presence.polled((bytes.fromhex("080D3523"),), at(200)) == []
    for ms in (400, 600):
        assert presence.polled((), at(ms)) == []
    (removed,) = presence.polled((), at(800))
    assert removed.uid == bytes.fromhex("0824A937")


def test_clearing_removes_all_and_floods_stay_bounded() -> None:
    presence = Presence("r", PUSH)
    for number in range(MAX_HELD * 2):
        presence.seen(card(number.to_bytes(7, "big"), 0))
    assert len(presence.clear(at(1))) == MAX_HELD
    assert presence.uids == []
