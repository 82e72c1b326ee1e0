from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codecs.serial_bytes import explain
from bench.codecs.spans import MAX_SPANS
from devices.rfid import pn532_frames as pn532
from devices.rfid.driver import DriverInfo
from devices.rfid.drivers import all_drivers


def rows(hexadecimal: str, kind: str = "pn532") -> list[tuple[str, str, str, bool | None]]:
    raw = bytes.fromhex(hexadecimal)
    return [(raw[s.start : s.end].hex(" ").upper(), s.name, s.text, s.ok) for s in explain(kind, raw)]


def named(hexadecimal: str, kind: str = "pn532") -> dict[str, str]:
    return {name: text for _, name, text, _ in rows(hexadecimal, kind)}


def test_a_card_byte_by_byte() -> None:
    found = rows("00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 A2 B3 C4 D5 E6 80 3B 00")
    assert found == [
        ("00", "preamble", "zeros before a frame", None),
        ("00 FF", "start code", "00 FF begins a frame", None),
        ("0F", "LEN", "15 bytes from TFI to before DCS", True),
        ("F1", "LCS", "LEN 0F + LCS F1 = 00", True),
        ("D5", "TFI", "D5, chip to host", None),
        ("4B", "command", "InListPassiveTarget, answered", None),
        ("01", "NbTg", "1 target", True),
        ("01", "Tg", "target 1", None),
        ("00 44", "SENS_RES", "ATQA 0044, 7-byte UID", None),
        ("00", "SEL_RES", "SAK 00: MIFARE Ultralight or NTAG", None),
        ("07", "NFCIDLength", "7 bytes of UID", True),
        ("04 A2 B3 C4 D5 E6 80", "UID", "04A2B3C4D5E680", None),
        ("3B", "DCS", "TFI + data + DCS = 00", True),
        ("00", "postamble", "00 ends the frame", None),
    ]


def test_two_cards_the_first_with_an_ats() -> None:
    data = bytes.fromhex("4B 02 01 0344 20 07 04A2B3C4D5E680 06 75 77 81 02 80 02 0004 08 04 5237AB3B")
    raw = pn532.build(data[0], data[1:], pn532.CHIP)
    fields = [(name, text) for _, name, text, _ in rows(raw.hex())]
    assert ("ATS", "6 bytes with this one: T0 75, TA 77, TB 81, TC 02, historical 80") in fields
    assert [text for name, text in fields if name == "UID"] == ["04A2B3C4D5E680", "5237AB3B"]
    assert [text for name, text in fields if name == "Tg"] == ["target 1", "target 2"]


@pytest.mark.parametrize(
    ("frame", "name", "text"),
    [
        ("0000FF05FBD4140100011600", "IRQ", "the chip drives its P70_IRQ pin"),
        ("0000FF05FBD4140100011600", "Mode", "normal, without a SAM"),
        ("0000FF06FAD43205FF0102F300", "MxRtyPassiveActivation", "2 times again"),
        ("0000FF06FAD43205FF0102F300", "MxRtyATR", "for ever"),
        ("0000FF04FCD4320100F900", "RF field", "off, without collision avoidance (RFCA)"),
        ("0000FF04FCD44A0100E100", "BrTy", "106 kbit/s type A"),
        ("0000FF06FAD4600101102 09A00".replace(" ", ""), "Period", "150 ms"),
        ("0000FF03FDD452 00DA00".replace(" ", ""), "Tg", "all targets"),
        ("0000FF03FDD4161006 00".replace(" ", ""), "WakeUpEnable", "woken by HSU"),
        ("0000FF06FAD50332010607E800", "Support", "ISO 14443-A, ISO 14443-B, ISO 18092"),
        ("0000FF03FDD54B00E000", "NbTg", "no target"),
        ("0000FF03FDD54500E300", "Status", "done"),
        (
            "0000FF12EED54B01010004200408 24A93706757781028 0B500".replace(" ", ""),
            "UID",
            "0824A937, random: another at every tap",
        ),
        ("0000FF00FF00", "ACK", "the chip took the command, or the host ends one"),
        ("0000FFFF0000", "NACK", "the host wants the last answer again"),
        ("0000FF01FF7F8100", "TFI", "7F, an error frame: the chip refused the command as a syntax error"),
        ("0000FFFFFF0002FED5151600", "extended", "FF FF: a frame with a length of two bytes"),
        ("5555" + "00" * 14 + "FF03FDD414011700", "wake-up", "13 bytes 00: time to wake up, and preamble"),
        ("FF02FED5151600", "start code", "FF; its 00 came at the end of the message before"),
    ],
)
def test_fields(frame: str, name: str, text: str) -> None:
    assert named(frame)[name] == text


@pytest.mark.parametrize(
    ("frame", "name", "text"),
    [
        ("0000FF05FBD5013435368A00", "DCS", "should be 8B, got 8A"),
        ("0000FF04FBD5013435368B00", "LCS", "should be FC, got FB"),
        ("0000FF05FBD6013435368A00", "TFI", "D6 is none of D4, D5, 7F"),
        ("0000FFFFFF0105FBD501", "LCS", "should be FA, got FB"),
        ("0000FF0FF1D54B0101", "Tg", "target 1; then the frame is cut short, 12 bytes missing"),
        ("0000FF0FF1D54B0101004400050 4A2B3C4D5E6803D00".replace(" ", ""), "NFCIDLength", "5 bytes of UID"),
        ("123456", "noise", "3 bytes that belong to no frame"),
        ("0000FF00", "LEN", "the frame ends here, too early"),
    ],
)
def test_what_is_wrong_says_what_was_expected(frame: str, name: str, text: str) -> None:
    (wrong,) = [row for row in rows(frame) if row[1] == name and row[3] is False]
    assert wrong[2] == text


def test_a_frame_after_a_broken_one_is_found() -> None:
    found = rows("00 00 FF 05 00 00 FF 00 FF 00")
    assert [(name, ok) for _, name, _, ok in found] == [
        ("preamble", None),
        ("start code", None),
        ("LEN", True),
        ("LCS", False),
        ("start code", None),
        ("ACK", None),
        ("postamble", None),
    ]


def test_a_telegram_of_an_em4100_reader() -> None:
    assert rows("02 33 43 30 30 43 45 37 35 34 43 43 42 0D 0A 03", "ascii") == [
        ("02", "STX", "start of a telegram", None),
        ("33 43 30 30 43 45 37 35 34 43", "card", "3C00CE754C, printed 0013530444 or 206,30028", None),
        ("43 42", "checksum", "exclusive or of the five bytes", True),
        ("0D 0A", "CR LF", "end of the line", None),
        ("03", "ETX", "end of a telegram", None),
    ]
    assert named("02 32 45 30 30 41 46 30 45 43 39 42 34 03", "ascii")["checksum"].startswith("sum of the five bytes")
    assert named("02 33 43 30 30 43 45 37 35 34 43 30 30 03", "ascii")["checksum"].startswith("should be CB")


def test_a_line_of_text() -> None:
    raw = b"Card UID: 04 A2\tB3\x1b\r\n\x00\x00\xff"
    assert [(s.name, s.text, s.ok) for s in explain("ascii", raw)] == [
        ("text", "Card UID: 04 A2\tB3", None),
        ("ESC", "control character 1B", False),
        ("CR LF", "end of the line", None),
        ("NUL", "padding, 2 times", None),
        ("not ASCII", "another baud rate, or another kind of reader", False),
    ]


def test_an_unknown_driver_is_judged_by_its_bytes() -> None:
    assert explain("new", pn532.ACK)[2].name == "ACK"
    assert explain("new", b"04A2\r\n")[0].name == "text"
    assert [span.name for span in explain("new", b"\x81\x82")] == ["bytes"]
    assert explain("new", b"") == ()


@pytest.mark.parametrize("driver", all_drivers().values(), ids=lambda driver: driver.name)
def test_every_driver_explains_whatever_bytes(driver: DriverInfo) -> None:
    for raw in (b"", b"\x81\x82", bytes(range(256)), b"\x02" * 40, b"\x02\x0a\x02", b"\x023C00CE754C\r\n\x03"):
        spans = explain(driver.name, raw)
        assert [span.start for span in spans] == [0, *(span.end for span in spans)][: len(spans)]
        assert not raw or spans[-1].end == len(raw)


WIRE = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [pn532.ACK, pn532.NACK, b"\x00", b"\x55\x55", b"\x00\xff", b"\xff\xff", b"\x02", b"\r\n", b"0F"]
        ),
        st.builds(
            pn532.build,
            st.sampled_from([*range(0x18), 0x32, *range(0x40, 0x62)]),
            st.binary(max_size=40) | st.binary(min_size=250, max_size=263),
            st.sampled_from([pn532.HOST, pn532.CHIP, pn532.ERROR]),
        ),
    ),
    max_size=8,
).map(b"".join)


@given(WIRE, st.sampled_from(["pn532", "ascii", "", "other"]))
def test_every_byte_belongs_to_one_span(raw: bytes, kind: str) -> None:
    at = 0
    for span in explain(kind, raw):
        assert span.start == at < span.end
        assert span.name
        assert span.text
        assert span.ok in (None, True, False)
        at = span.end
    assert at == len(raw)


@given(st.sampled_from(sorted(pn532.COMMANDS)), st.binary(max_size=60), st.sampled_from([pn532.HOST, pn532.CHIP]))
def test_a_whole_frame_has_good_checksums_and_no_noise(code: int, data: bytes, tfi: int) -> None:
    spans = explain("pn532", pn532.build(code + (tfi == pn532.CHIP), data, tfi))
    assert {span.name: span.ok for span in spans}["DCS"] is True
    assert "noise" not in [span.name for span in spans]


@pytest.mark.parametrize("part", [b"\x01\x00", b"\x00\xff\x01", b"\x01\x02", b"a\x01"])
@pytest.mark.parametrize("kind", ["pn532", "ascii"])
def test_a_flood_of_parts_is_bounded(part: bytes, kind: str) -> None:
    raw = part * 100_000
    spans = explain(kind, raw)
    assert len(spans) <= MAX_SPANS
    assert spans[-1].end == len(raw)
