"""Checksums that several readers share, against published frames, those of readers without a driver here too."""

from __future__ import annotations

import pytest

from bench.codecs.checksums import crc16_8408, xor8
from devices.rfid.pn532_frames import ACK, FrameScanner, PieceKind, Response, decode


@pytest.mark.parametrize(
    ("data", "check"),
    [
        pytest.param("00 05", "15 A7", id="TWN4 GetUSBType, binary form"),
        pytest.param("00 01", "31 E1", id="TWN4 answer to it"),
        pytest.param("02 00 09 FF B0 01 00", "18 43", id="FEIG OBID inventory, advanced frame"),
        pytest.param("07 FF B0 01 00", "1C 56", id="FEIG OBID inventory, standard frame"),
        pytest.param("02 00 13 00 B0 00 01 03 00 E0 04 01 00 12 34 56 78", "03 71", id="FEIG OBID, one tag"),
        pytest.param("02 00 08 00 B0 01", "19 CE", id="FEIG OBID, no tag"),
    ],
)
def test_crc_8408_is_sent_low_byte_first(data: str, check: str) -> None:
    assert crc16_8408(bytes.fromhex(data)).to_bytes(2, "little") == bytes.fromhex(check)


@pytest.mark.parametrize(
    ("data", "check"),
    [
        pytest.param("3C 00 CE 75 4C", 0xCB, id="EM4100"),
        pytest.param("0A 02 2E 00 B6 D7 B5", 0xF2, id="7941E"),
        pytest.param("00 11 04 6D E9 5C 17", 0xDA, id="7941W"),
        pytest.param("BA 14 80 90 00" + " FF" * 16, 0xBE, id="SL025"),
        pytest.param("00 00 09 02 01 00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF", 0x0A, id="SL060"),
        pytest.param("6F 09 00 00 00 00 01 00 00 00 FF 00 00 00 04 D4 4A 01 00", 0x03, id="ACR122S, poll"),
        pytest.param("6F 05 00 00 00 00 01 00 00 00 FF CA 00 00 00", 0x5E, id="ACR122S, Get UID"),
    ],
)
def test_exclusive_or(data: str, check: int) -> None:
    assert xor8(bytes.fromhex(data)) == check


def test_the_answer_of_a_pn532_to_its_wake_up_in_one_read() -> None:
    """ACK and response with no byte between them, as a Waveshare board sends them."""
    raw = bytes.fromhex("00 00 FF 00 FF 00 00 00 FF 02 FE D5 15 16 00")
    for step in (1, 2, 3, 7, len(raw)):
        scanner = FrameScanner()
        pieces = [piece for at in range(0, len(raw), step) for piece in scanner.feed(raw[at : at + step])]
        assert [piece.kind for piece in pieces] == [PieceKind.ACK, PieceKind.FRAME]
        assert pieces[0].raw.startswith(ACK[:-1])
        assert decode(pieces[1]).body == Response(0x15, b"")
        assert not scanner.give_up()
