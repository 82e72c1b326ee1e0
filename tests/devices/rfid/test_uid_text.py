"""UIDs in the lines that real sketches and readers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Hint, Technology, hints_of
from devices.rfid.uid_text import Chatter, Gone, Refused, Uid, read_line

A, V, EM, ANY = Technology.ISO14443, Technology.ISO15693, Technology.EM4100, Technology.UNKNOWN

READ = [
    ("Card UID: 04 A2 B3 C4 D5 E6 80", "04A2B3C4D5E680", A),
    (" 04 A2 B3 C4 D5 E6 80 ", "04A2B3C4D5E680", A),
    ("4 A2 B3 C4", "04A2B3C4", A),
    ("UID Value:  0x4 0xA2 0xB3 0xC4 0xD5 0xE6 0x80", "04A2B3C4D5E680", A),
    ("NFC uid is 0x4 0xa2 0xb3 0xc4", "04A2B3C4", A),
    ("UID: 04-a2-b3-c4", "04A2B3C4", A),
    ("Tag ID = 04:A2:B3:C4:D5:E6:80", "04A2B3C4D5E680", A),
    ("ID 5237AB3B", "5237AB3B", A),
    ("Found a card, UID 52 37 AB 3B", "5237AB3B", A),
    ("5237AB3B", "5237AB3B", A),
    ("04112233445566778899", "04112233445566778899", A),
    ("SCAN\tuid=04a1b2c3d4e5f6\ttext=", "04A1B2C3D4E5F6", A),
    ("SCAN\ttext=x\tuid=04a1b2c3d4e5f6", "04A1B2C3D4E5F6", A),
    ("ISO14443:44332211", "44332211", A),
    ("ISO15693:8877665544332211", "8877665544332211", V),
    ('{"event":"card","uid":"04:A2:B3:C4"}', "04A2B3C4", A),
    ("E004010012345678", "E004010012345678", V),
    ("Inventory successful, UID=E0:4:010012345678", "E004010012345678", V),
    ("78563412000104E0", "78563412000104E0", V),
    ("0123456789ABCDEF", "0123456789ABCDEF", ANY),
    ("3C00CE754C", "3C00CE754C", EM),
    ("4500C5D1E9B8", "4500C5D1E9", EM),
    ("307E4DE5C224", "307E4DE5C2", EM),
]
REFUSED = [
    ("Card UID: 4a2b3c4d5e680", "reader.lost-zero"),
    ("4a2b3c4d5e680", "reader.lost-zero"),
    ("Inventory successful, UID=E0:4:1012345678", "reader.lost-zero"),
    ("ISO14443:4433221", "reader.uid-length"),
    ("ISO15693:44332211", "reader.uid-length"),
    ("UID: 04 A2 B3", "reader.uid-length"),
    ("4500C5D1E9B9", "reader.uid-length"),
    ("077,00535", "reader.decimal"),
    ("013530444", "reader.decimal"),
]
CHATTER = [
    "",
    "Hello!",
    "Firmware Version: 0x92 = v2.0",
    "Scan PICC to see UID, SAK, type, and data blocks...",
    "Card SAK: 08",
    "PICC type: MIFARE 1KB",
    "Sector Block   0  1  2  3   4  5  6  7   8  9 10 11  12 13 14 15  AccessBits",
    "  15     63   00 00 00 00  00 00 FF 07  80 69 FF FF  FF FF FF FF  [ 0 0 1 ] ",
    "  4  04 A2 B3 C4",
    "UID Length: 7 bytes",
    "Found chip PN532",
    "Chip ID: 00A1B2C3",
    "TWN4/B1.03/CCF1.57/PRS1.03/",
    "Start Dump",
    "162",
    "ID: 5",
    "SCAN\ttext=hello",
    '{"event":"card"}',
    '{"uid":12}',
    '{"uid":',
    "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
]


@pytest.mark.parametrize(("line", "uid", "technology"), READ)
def test_a_line_with_a_card(line: str, uid: str, technology: Technology) -> None:
    reading = read_line(line)
    assert isinstance(reading, Uid)
    assert (reading.uid.hex().upper(), reading.technology) == (uid, technology)


@pytest.mark.parametrize(("line", "rule"), REFUSED)
def test_a_line_that_lost_something_is_refused_not_guessed(line: str, rule: str) -> None:
    reading = read_line(line)
    assert isinstance(reading, Refused)
    assert reading.rule == rule
    assert reading.text
    assert reading.cure


@pytest.mark.parametrize("line", CHATTER)
def test_chatter_is_no_card(line: str) -> None:
    assert read_line(line) == Chatter()


def test_the_reader_says_that_the_card_is_gone() -> None:
    assert read_line("SCAN") == Gone()


def test_a_reversed_iso15693_uid_is_kept_as_read_and_hinted_at() -> None:
    reading = read_line("78563412000104E0")
    assert isinstance(reading, Uid)
    assert hints_of(reading.uid, reading.technology) == (Hint.REVERSED_15693,)


def test_all_decimal_digits_are_read_as_hex_but_doubted() -> None:
    reading = read_line("13791380")
    assert isinstance(reading, Uid)
    assert "decimal" in reading.doubt


@given(st.text(max_size=200))
def test_any_text_is_read_without_raising(text: str) -> None:
    read_line(text)


@given(st.binary(min_size=4, max_size=10).filter(lambda uid: len(uid) in (4, 7, 10)), st.sampled_from(" :-,"))
def test_unpadded_bytes_with_separators_come_back_whole(uid: bytes, separator: str) -> None:
    assert read_line("UID: " + separator.join(f"{byte:X}" for byte in uid)) == Uid(uid, A)
