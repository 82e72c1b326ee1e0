"""Frames of the PN532: published ones, built ones, and those that must be refused."""

from __future__ import annotations

import pytest

from bench.message import Malformed
from devices.rfid.pn532_frames import (
    Ack,
    Command,
    ErrorFrame,
    Firmware,
    FrameScanner,
    Nack,
    PieceKind,
    Response,
    Target,
    Targets,
    build,
    decode,
    decode_frame,
)

UID7 = bytes.fromhex("04A2B3C4D5E680")
UID4 = bytes.fromhex("5237AB3B")
ATS = bytes.fromhex("067577810280")

VECTORS = {
    "ack": ("00 00 FF 00 FF 00", Ack()),
    "nack": ("00 00 FF FF 00 00", Nack()),
    "error frame": ("00 00 FF 01 FF 7F 81 00", ErrorFrame()),
    "wake-up and SAMConfiguration in one write": (
        "55 55" + " 00" * 14 + " FF 03 FD D4 14 01 17 00",
        Command(0x14, b"\x01"),
    ),
    "SAMConfiguration, libnfc": ("00 00 FF 03 FD D4 14 01 17 00", Command(0x14, b"\x01")),
    "SAMConfiguration, nfcpy": ("00 00 FF 05 FB D4 14 01 00 00 17 00", Command(0x14, b"\x01\x00\x00")),
    "SAMConfiguration, EVerest": ("00 00 FF 05 FB D4 14 01 00 01 16 00", Command(0x14, b"\x01\x00\x01")),
    "SAMConfiguration, Adafruit": ("00 00 FF 05 FB D4 14 01 14 01 02 00", Command(0x14, b"\x01\x14\x01")),
    "SAM response": ("00 00 FF 02 FE D5 15 16 00", Response(0x15, b"")),
    "GetFirmwareVersion": ("00 00 FF 02 FE D4 02 2A 00", Command(0x02, b"")),
    "firmware 1.6": ("00 00 FF 06 FA D5 03 32 01 06 07 E8 00", Firmware(0x32, 1, 6, 7)),
    "MaxRetries bounded": ("00 00 FF 06 FA D4 32 05 FF 01 02 F3 00", Command(0x32, b"\x05\xff\x01\x02")),
    "MaxRetries, nfcpy": ("00 00 FF 06 FA D4 32 05 01 00 01 F3 00", Command(0x32, b"\x05\x01\x00\x01")),
    "field off": ("00 00 FF 04 FC D4 32 01 00 F9 00", Command(0x32, b"\x01\x00")),
    "RFConfiguration response": ("00 00 FF 02 FE D5 33 F8 00", Response(0x33, b"")),
    "list 1 of type A": ("00 00 FF 04 FC D4 4A 01 00 E1 00", Command(0x4A, b"\x01\x00")),
    "list 2 of type A": ("00 00 FF 04 FC D4 4A 02 00 E0 00", Command(0x4A, b"\x02\x00")),
    "list 1 of type B": ("00 00 FF 05 FB D4 4A 01 03 00 DE 00", Command(0x4A, b"\x01\x03\x00")),
    "list 1 FeliCa": (
        "00 00 FF 09 F7 D4 4A 01 01 00 FF FF 00 00 E2 00",
        Command(0x4A, b"\x01\x01\x00\xff\xff\x00\x00"),
    ),
    "no target": ("00 00 FF 03 FD D5 4B 00 E0 00", Targets(())),
    "MIFARE 1K of a capture": (
        "00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 FB 0E E2 0B D8 00",
        Targets((Target(1, bytes.fromhex("FB0EE20B"), 0x08, 0x0004),)),
    ),
    "MIFARE 1K": (
        "00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 52 37 AB 3B 5F 00",
        Targets((Target(1, UID4, 0x08, 0x0004),)),
    ),
    "NTAG": (
        "00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 A2 B3 C4 D5 E6 80 3B 00",
        Targets((Target(1, UID7, 0x00, 0x0044),)),
    ),
    "DESFire with ATS": (
        "00 00 FF 15 EB D5 4B 01 01 03 44 20 07 04 A2 B3 C4 D5 E6 80 06 75 77 81 02 80 23 00",
        Targets((Target(1, UID7, 0x20, 0x0344, ATS),)),
    ),
    "DESFire with a random UID": (
        "00 00 FF 12 EE D5 4B 01 01 00 04 20 04 08 24 A9 37 06 75 77 81 02 80 B5 00",
        Targets((Target(1, bytes.fromhex("0824A937"), 0x20, 0x0004, ATS),)),
    ),
    "10-byte UID": (
        "00 00 FF 12 EE D5 4B 01 01 00 84 00 0A 04 11 22 33 44 55 66 77 88 99 4F 00",
        Targets((Target(1, bytes.fromhex("04112233445566778899"), 0x00, 0x0084),)),
    ),
    "two targets": (
        "00 00 FF 18 E8 D5 4B 02 01 00 04 08 04 52 37 AB 3B 02 00 44 00 07 04 A2 B3 C4 D5 E6 80 B9 00",
        Targets((Target(1, UID4, 0x08, 0x0004), Target(2, UID7, 0x00, 0x0044))),
    ),
    "UID that holds start codes": (
        "00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 00 FF 00 FF 00 80 11 00",
        Targets((Target(1, bytes.fromhex("0400FF00FF0080"), 0x00, 0x0044),)),
    ),
    "InRelease all": ("00 00 FF 03 FD D4 52 00 DA 00", Command(0x52, b"\x00")),
    "InRelease response": ("00 00 FF 03 FD D5 53 00 D8 00", Response(0x53, b"\x00")),
    "InDeselect all": ("00 00 FF 03 FD D4 44 00 E8 00", Command(0x44, b"\x00")),
    "InDeselect response": ("00 00 FF 03 FD D5 45 00 E6 00", Response(0x45, b"\x00")),
    "InAutoPoll, OpenEVSE, bare of zeros": ("00 FF 06 FA D4 60 01 01 10 20 9A", Command(0x60, b"\x01\x01\x10\x20")),
    "InAutoPoll endless": ("00 00 FF 05 FB D4 60 FF 01 10 BC 00", Command(0x60, b"\xff\x01\x10")),
    "InAutoPoll one NTAG215": (
        "00 00 FF 11 EF D5 61 01 10 0C 01 00 44 00 07 04 C6 3A 63 11 01 89 5F 00",
        Targets((Target(1, bytes.fromhex("04C63A63110189"), 0x00, 0x0044),)),
    ),
    "InAutoPoll nothing": ("00 00 FF 03 FD D5 61 00 CA 00", Targets(())),
    "Diagnose, libnfc": ("00 00 FF 09 F7 D4 00 00 6C 69 62 6E 66 63 BE 00", Command(0x00, b"\x00libnfc")),
    "PowerDown": ("00 00 FF 03 FD D4 16 10 06 00", Command(0x16, b"\x10")),
    "nfcpy command": ("00 00 FF 05 FB D4 00 31 32 33 96 00", Command(0x00, b"123")),
    "nfcpy response": ("00 00 FF 05 FB D5 01 34 35 36 8B 00", Response(0x01, b"456")),
}

REJECTED = {
    "bad data checksum": ("00 00 FF 05 FB D5 01 34 35 36 8A 00", "data checksum 8A should be 8B"),
    "bad length checksum": ("00 00 FF 04 FB D5 01 34 35 36 8B 00", "length checksum FB should be FC"),
    "wrong frame identifier": ("00 00 FF 05 FB D6 01 34 35 36 8A 00", "frame identifier D6 is none of D4, D5, 7F"),
    "bad extended length": (
        "00 00 FF FF FF 01 05 FB D5 01",
        "length checksum FB does not fit the extended length 0105",
    ),
    "empty": ("00 00 FF 00 00 00", "length 0 is outside 1 to 265"),
    "too long": ("00 00 FF FF FF 01 0A F5 D5 01", "length 266 is outside 1 to 265"),
}


@pytest.mark.parametrize(("text", "body"), VECTORS.values(), ids=list(VECTORS))
def test_a_frame_says(text: str, body: object) -> None:
    assert decode_frame(bytes.fromhex(text)).body == body


@pytest.mark.parametrize("text", [text for text, _ in VECTORS.values()], ids=list(VECTORS))
def test_byte_by_byte_it_says_the_same_and_no_byte_is_lost(text: str) -> None:
    raw = bytes.fromhex(text)
    scanner = FrameScanner()
    pieces = [piece for byte in raw for piece in scanner.feed(bytes([byte]))] + scanner.give_up()
    noise, frame = pieces if raw.startswith(b"\x55") else (None, *pieces)
    assert noise is None or noise.raw == b"\x55\x55"
    assert decode(frame).body == decode_frame(raw).body
    # The postamble stays with the scanner: it may be the preamble of the next frame.
    assert b"".join(piece.raw for piece in pieces).rstrip(b"\x00") == raw.rstrip(b"\x00")


@pytest.mark.parametrize(("text", "why"), REJECTED.values(), ids=list(REJECTED))
def test_a_broken_frame_is_refused_kept_and_explained(text: str, why: str) -> None:
    raw = bytes.fromhex(text)
    scanner = FrameScanner()
    pieces = scanner.feed(raw) + scanner.give_up()
    assert [piece.kind for piece in pieces] == [PieceKind.NOISE]
    assert pieces[0].raw == raw.rstrip(b"\x00")
    assert decode(pieces[0]).body == Malformed(why)


@pytest.mark.parametrize(("text", "why"), REJECTED.values(), ids=list(REJECTED))
def test_the_frame_after_a_broken_one_is_read(text: str, why: str) -> None:
    good = bytes.fromhex(VECTORS["NTAG"][0])
    scanner = FrameScanner()
    pieces = scanner.feed(bytes.fromhex(text) + good) + scanner.give_up()
    assert decode(pieces[-1]).body == VECTORS["NTAG"][1]


def test_a_frame_cut_short_does_not_hide_the_next_one() -> None:
    good = bytes.fromhex(VECTORS["two targets"][0])
    scanner = FrameScanner()
    pieces = scanner.feed(good[:9]) + scanner.feed(good) + scanner.give_up()
    assert [piece.kind for piece in pieces] == [PieceKind.NOISE, PieceKind.FRAME]
    assert decode(pieces[1]).body == VECTORS["two targets"][1]


def test_a_postamble_may_be_the_start_code_of_the_next_frame() -> None:
    bare = bytes.fromhex(VECTORS["NTAG"][0])[1:-1]
    for cut in range(2 * len(bare)):
        stream = bare + bare
        scanner = FrameScanner()
        pieces = scanner.feed(stream[:cut]) + scanner.feed(stream[cut:]) + scanner.give_up()
        assert [decode(piece).body for piece in pieces] == [VECTORS["NTAG"][1]] * 2
        assert b"".join(piece.raw for piece in pieces) == stream


def test_an_extended_frame() -> None:
    raw = build(0x41, bytes(range(256)) + b"1234567", tfi=0xD5)
    assert raw[:8] == bytes.fromhex("0000FFFFFF0109F6")
    assert decode_frame(raw).body == Response(0x41, bytes(range(256)) + b"1234567")


def test_the_example_of_an_extended_header_is_accepted() -> None:
    scanner = FrameScanner()
    assert scanner.feed(bytes.fromhex("0000FFFFFF0105FAD501")) == []
    assert scanner.rejected == 0
    assert scanner.pending


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4B 02 01 00 04 08 04 52 37 AB 3B", "target data end too early"),
        ("4B 01 01 00 04 08 07 52 37 AB 3B", "target data end too early"),
        ("4B 01 01 00 04 08 05 52 37 AB 3B 11", "UID length 5 is none of 4, 7, 10"),
        ("4B 01 01 03 44 20 04 52 37 AB 3B 06 75", "target data end too early"),
        ("4B", "target data end too early"),
        ("61 01 10 0C 01 00 44", "target data end too early"),
    ],
)
def test_targets_that_cannot_be_told_apart_are_malformed(text: str, why: str) -> None:
    data = bytes.fromhex(text)
    decoded = decode_frame(build(data[0], data[1:], tfi=0xD5))
    assert isinstance(decoded.body, Malformed)
    assert decoded.body.why == why


def test_summaries_are_for_tables() -> None:
    assert decode_frame(bytes.fromhex(VECTORS["NTAG"][0])).summary == "1 target, SENS_RES 0044, UID 04A2B3C4D5E680"
    assert decode_frame(bytes.fromhex(VECTORS["no target"][0])).summary == "no target"
    assert decode_frame(bytes.fromhex(VECTORS["firmware 1.6"][0])).summary == "PN532 firmware 1.6"
    assert decode_frame(build(0x14, b"\x01")).summary == "SAMConfiguration 01"


def test_floods_of_noise_stay_bounded_and_whole() -> None:
    scanner = FrameScanner()
    noise = bytes(range(1, 255)) * 400
    pieces = scanner.feed(noise) + scanner.give_up()
    assert b"".join(piece.raw for piece in pieces) == noise
    zeros = FrameScanner()
    assert sum(len(piece.raw) for piece in zeros.feed(bytes(100_000))) > 99_000
