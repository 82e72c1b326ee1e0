"""Frames of StrongLink and Ehuoyan readers: published ones, built ones, and those that must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codecs.checksums import xor8
from bench.message import Malformed
from devices.rfid import aabb_frames as aabb
from devices.rfid import stronglink_frames as sl
from devices.rfid.cutting import FrameCutter
from devices.rfid.driver import Flaw

UID4, UID7 = bytes.fromhex("5237AB3B"), bytes.fromhex("04A2B3C4D5E680")
UID10 = bytes.fromhex("04112233445566778899")
FF = b"\xff\xff"
ZERO = b"\x00\x00"

SL_COMMANDS = {
    "BA 02 01 B9": (0x01, b""),
    "BA 02 F0 48": (0xF0, b""),
    "BA 03 40 01 F8": (0x40, b"\x01"),
    "BA 14 80 90 00" + " FF" * 16 + " BE": (0x80, b"\x90\x00" + b"\xff" * 16),
}
SL_REPLIES = {
    "BD 03 01 01 BE": (0x01, 0x01, b""),
    "BD 08 01 00 52 37 AB 3B 03 42": (0x01, 0x00, UID4 + b"\x03"),
    "BD 0B 01 00 04 A2 B3 C4 D5 E6 80 07 D2": (0x01, 0x00, UID7 + b"\x07"),
    "BD 03 01 0A B5": (0x01, 0x0A, b""),
}
AABB_COMMANDS = {
    "AA BB 06 00 FF FF 06 01 64 63": (0x0106, b"\x64", FF),
    "AA BB 06 00 00 00 01 02 52 51": (0x0201, b"\x52", ZERO),
    "AA BB 05 00 00 00 02 02 00": (0x0202, b"", ZERO),
    "AA BB 06 00 FF FF 02 02 04 04": (0x0202, b"\x04", FF),
    "AA BB 06 00 00 00 08 01 41 48": (0x0108, b"A", ZERO),
    "AA BB 06 00 00 00 08 01 31 38": (0x0108, b"1", ZERO),
}
# Sixteen bytes for block 01.
STUFFED = "AA BB 16 00 00 00 09 02 01 00 11 22 33 44 55 66 77 88 99 AA 00 BB CC DD EE FF 0A"
AABB_REPLIES = {
    "AA BB 0A 00 00 00 02 02 00 4C D9 00 80 15": (0x0202, 0x00, bytes.fromhex("4CD90080")),
    "AA BB 0A 00 00 00 02 02 00 12 AA 00 34 56 DA": (0x0202, 0x00, bytes.fromhex("12AA3456")),
    "AA BB 06 00 00 00 01 02 14 17": (0x0201, 0x14, b""),
}


def only(cutter: FrameCutter, raw: bytes) -> bytes:
    (piece,) = cutter.feed(raw) + cutter.give_up()
    assert piece.is_frame, piece.why
    assert piece.flaw is None
    return piece.raw


@pytest.mark.parametrize("text", SL_COMMANDS)
def test_commands_of_ba(text: str) -> None:
    code, data = SL_COMMANDS[text]
    assert sl.build(code, data) == bytes.fromhex(text)
    assert sl.decode(bytes.fromhex(text)).body == sl.Command(code, data)


@pytest.mark.parametrize("text", SL_REPLIES)
def test_replies_of_bd(text: str) -> None:
    raw = bytes.fromhex(text)
    code, status, data = SL_REPLIES[text]
    assert sl.build_reply(code, status, data) == raw == only(sl.make_cutter(), raw)
    body = sl.decode(raw).body
    assert (body.code, body.status, body.data) == (code, status, data)
    if data:
        assert body == sl.Selected(code, status, data, data[:-1], data[-1])


@pytest.mark.parametrize("uid", [UID4, UID7, UID10])
@pytest.mark.parametrize("kind", range(0x0C))
def test_the_length_tells_the_uid_and_not_the_type(uid: bytes, kind: int) -> None:
    body = sl.decode(sl.build_reply(sl.SELECT_CARD, sl.OK, uid + bytes([kind]))).body
    assert (body.uid, body.kind) == (uid, kind)


def test_a_uid_of_five_bytes_is_none() -> None:
    decoded = sl.decode(sl.build_reply(sl.SELECT_CARD, sl.OK, bytes(6)))
    assert not isinstance(decoded.body, sl.Selected)
    assert decoded.faults[0].rule == "reader.uid-length"


def test_what_a_status_means() -> None:
    assert sl.decode(bytes.fromhex("BD 03 01 01 BE")).summary == "Select card: no tag"
    assert sl.decode(bytes.fromhex("BD 03 01 01 BE")).faults == ()
    assert sl.decode(bytes.fromhex("BD 03 01 0A B5")).faults[0].text == "Select card: collision: more than one card"
    assert "F7" in sl.decode(sl.build_reply(0x01, 0xF7)).summary
    assert sl.decode(sl.build_reply(0xF0, 0, b"SL025-2.3\x00")).summary == "firmware SL025-2.3"


@pytest.mark.parametrize(
    "text", ["", "BD", "BA 02 01 B8", "BD 02 01 BE", "BC 02 01 BF", "BD 09 01 00 52 37 AB 3B 03 43"]
)
def test_what_is_no_frame_of_ba(text: str) -> None:
    assert isinstance(sl.decode(bytes.fromhex(text)).body, Malformed)


@pytest.mark.parametrize("text", AABB_COMMANDS)
def test_commands_of_aabb(text: str) -> None:
    code, data, device = AABB_COMMANDS[text]
    assert aabb.build(code, data, device) == bytes.fromhex(text)
    assert aabb.decode(bytes.fromhex(text), sent=True).body == aabb.Command(device, code, data)


@pytest.mark.parametrize("text", AABB_REPLIES)
def test_replies_of_aabb(text: str) -> None:
    raw = bytes.fromhex(text)
    code, status, data = AABB_REPLIES[text]
    assert aabb.build_reply(code, status, data) == raw == only(aabb.make_cutter(), raw)
    assert aabb.decode(raw).body == aabb.Reply(ZERO, code, data, status)


def test_the_stuffing_example_of_the_manual() -> None:
    raw = bytes.fromhex(STUFFED)
    data = bytes.fromhex("01001122334455667788" + "99AABBCCDDEEFF")
    assert aabb.build(0x0209, data, ZERO) == raw == only(aabb.make_cutter(), raw)
    assert aabb.decode(raw, sent=True).body == aabb.Command(ZERO, 0x0209, data)


@pytest.mark.parametrize("stuffed", [True, False])
def test_a_checksum_of_aa_with_and_without_stuffing(stuffed: bool) -> None:
    uid = bytes([0x00, 0x00, 0x00, 0xAA])
    raw = aabb.build_reply(aabb.ANTICOLLISION, aabb.OK, uid)
    assert raw.endswith(b"\xaa\x00\xaa\x00")
    sent = raw if stuffed else raw[:-1]
    following = aabb.build_reply(aabb.SELECT, aabb.OK, b"\x08")
    pieces = aabb.make_cutter().feed(sent + following)
    assert [(piece.is_frame, piece.raw) for piece in pieces] == [(True, sent), (True, following)]
    assert aabb.decode(pieces[0].raw).body.data == uid
    cutter = aabb.make_cutter()
    assert [piece.raw for piece in cutter.feed(sent) + cutter.give_up()] == [sent]


@pytest.mark.parametrize("cut", range(3, 15))
def test_a_frame_cut_short_is_known_by_the_next_head(cut: int) -> None:
    whole = bytes.fromhex("AA BB 0A 00 00 00 02 02 00 12 AA 00 34 56 DA")
    pieces = aabb.make_cutter().feed(whole[:cut] + whole)
    assert [piece.raw for piece in pieces if piece.is_frame] == [whole]


@pytest.mark.parametrize("cut", range(1, 13))
def test_a_frame_of_bd_cut_short_hides_nothing(cut: int) -> None:
    whole = bytes.fromhex("BD 0B 01 00 04 A2 B3 C4 D5 E6 80 07 D2")
    cutter = sl.make_cutter()
    pieces = cutter.feed(whole[:cut] + whole) + cutter.give_up()
    assert [piece.raw for piece in pieces if piece.is_frame] == [whole]


def test_a_bad_checksum_is_told_with_the_right_one() -> None:
    for cutter, text in (
        (sl.make_cutter(), "BD 08 01 00 52 37 AB 3B 03 43"),
        (aabb.make_cutter(), "AA BB 0A 00 00 00 02 02 00 4C D9 00 80 14"),
    ):
        (piece,) = cutter.feed(bytes.fromhex(text)) + cutter.give_up()
        assert (piece.is_frame, piece.flaw) == (False, Flaw.CHECKSUM)
        assert "should be" in piece.why


def test_a_refusal_counts_though_its_checksum_is_wrong() -> None:
    raw = bytes.fromhex("AA BB 06 00 00 00 01 02 14 18")
    (piece,) = aabb.make_cutter().feed(raw)
    assert (piece.is_frame, piece.flaw) == (True, Flaw.CHECKSUM)
    decoded = aabb.decode(piece.raw)
    assert decoded.body.status == aabb.REQUEST_FAILED
    assert decoded.faults[0].text == "checksum 18 should be 17"


@given(st.binary(max_size=300))
def test_folding_is_the_exclusive_or_of_all_bytes(data: bytes) -> None:
    want = 0
    for byte in data:
        want ^= byte
    assert xor8(data) == want


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"\xbd", b"\xaa", b"\xaa\xbb", b"\x06\x00"])), max_size=30
    )
)
@pytest.mark.parametrize("make", [sl.make_cutter, aabb.make_cutter])
def test_any_bytes_are_kept_in_order(make: object, chunks: list[bytes]) -> None:
    cutter = make()
    pieces = [piece for chunk in chunks for piece in cutter.feed(chunk)]
    pieces += cutter.give_up()
    assert b"".join(piece.raw for piece in pieces) == b"".join(chunks)
    assert not cutter.pending
