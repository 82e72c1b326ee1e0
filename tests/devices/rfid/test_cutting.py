"""Cutting a stream into frames and noise, for the layouts that are cut by the same core."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rfid import aabb_frames as aabb
from devices.rfid import stronglink_frames as sl
from devices.rfid.cutting import MAX_NOISE, FrameCutter, Noise, Piece
from devices.rfid.driver import Flaw
from tests.devices.rfid.frame_streams import chopped

FOUR = bytes.fromhex("BD 08 01 00 52 37 AB 3B 03 42")
STUFFED = bytes.fromhex("AA BB 0A 00 00 00 02 02 00 12 AA 00 34 56 DA")
REFUSAL = bytes.fromhex("AA BB 06 00 00 00 01 02 14 18")  # its checksum is wrong
MAKES = {"ba": sl.make_cutter, "aabb": aabb.make_cutter}
STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([FOUR, STUFFED, REFUSAL, b"\xbd\x40\x01", b"\xaa\xbb\x06\x00", b"\xaa", bytes(600)]),
        st.builds(lambda frame, end: frame[:end], st.sampled_from([FOUR, STUFFED]), st.integers(1, 14)),
    ),
    max_size=5,
).map(b"".join)


def cut(cutter: FrameCutter, *chunks: bytes) -> list[Piece]:
    return [piece for chunk in chunks for piece in cutter.feed(chunk)] + cutter.give_up()


@given(chopped(STREAMS))
@pytest.mark.parametrize("name", MAKES)
def test_the_pieces_do_not_depend_on_how_the_stream_comes_in(name: str, chunks: list[bytes]) -> None:
    stream = b"".join(chunks)
    pieces = cut(MAKES[name](), *chunks)
    assert pieces == cut(MAKES[name](), stream) == cut(MAKES[name](), *(bytes([byte]) for byte in stream))
    assert b"".join(piece.raw for piece in pieces) == stream
    assert all(piece.is_frame or len(piece.raw) <= MAX_NOISE for piece in pieces)


def test_what_is_wrong_is_told_apart_from_the_noise_before_it() -> None:
    broken = FOUR[:-1] + b"\x43"
    assert cut(sl.make_cutter(), b"noise" + broken + b"more" + FOUR + FOUR[:4]) == [
        Piece(b"noise", False, Flaw.NOISE),
        Piece(broken, False, Flaw.CHECKSUM, "checksum 43 should be 42"),
        Piece(b"more", False, Flaw.NOISE),
        Piece(FOUR, True),
        Piece(FOUR[:4], False, Flaw.CUT, "frame cut short, 6 bytes missing"),
    ]


def test_a_frame_that_is_known_to_be_none_is_not_waited_for() -> None:
    cutter = aabb.make_cutter()
    assert cutter.feed(bytes.fromhex("AA BB 40 00 00 00 77 77 00 00") + STUFFED[:8]) == []
    noise, frame = cutter.feed(STUFFED[8:])
    assert (frame.is_frame, frame.raw, noise.flaw) == (True, STUFFED, Flaw.NOISE)
    assert "known command" in noise.why


@pytest.mark.parametrize("name", MAKES)
def test_an_unfinished_frame_waits_and_an_end_of_noise_does_not_grow(name: str) -> None:
    cutter = MAKES[name]()
    assert cutter.patience_ns is None
    told = sum(len(piece.raw) for _ in range(50) for piece in cutter.feed(bytes(100)))
    assert 5_000 - told < MAX_NOISE
    assert cutter.patience_ns is not None


def test_the_first_cause_of_noise_is_heard() -> None:
    noise, pieces = Noise(), []
    noise.add(b"plain", pieces)
    noise.blame(Flaw.CUT, "first", pieces)
    noise.blame(Flaw.NOISE, "second", pieces)
    noise.add(b"x" * (MAX_NOISE + 1), pieces)
    noise.flush(pieces)
    assert [(len(piece.raw), piece.flaw, piece.why) for piece in pieces] == [
        (5, Flaw.NOISE, ""),
        (MAX_NOISE, Flaw.CUT, "first"),
        (1, Flaw.NOISE, ""),
    ]
