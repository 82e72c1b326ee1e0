"""Frames of readers without a driver, as published or built by their makers' rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codecs import foreign_bytes, serial_bytes

FRAMES = {
    "SonMicro SM130": (
        "FF 00 01 81 82",
        "FF 00 01 82 83",
        "FF 00 01 83 84",
        "FF 00 02 82 4C D0",
        "FF 00 02 83 4E D3",
        "FF 00 06 82 02 52 37 AB 3B F9",
        "FF 00 09 82 01 04 A2 B3 C4 D5 E6 80 E4",
    ),
    "FEIG OBID": (
        "02 00 09 FF B0 01 00 18 43",
        "07 FF B0 01 00 1C 56",
        "02 00 13 00 B0 00 01 03 00 E0 04 01 00 12 34 56 78 03 71",
        "02 00 08 00 B0 01 19 CE",
    ),
    "Eccel Pepper C1": (
        "F5 03 00 FC FF 01 D1 F1",
        "F5 03 00 FC FF 02 B2 C1",
        "F5 04 00 FB FF 03 00 5C 48",
        "F5 03 00 FC FF 0B 9B 50",
        "F5 04 00 FB FF 06 01 88 A7",
    ),
    "ACS ACR122S": (
        "02 6F 09 00 00 00 00 01 00 00 00 FF 00 00 00 04 D4 4A 01 00 03 03",
        "02 6F 05 00 00 00 00 01 00 00 00 FF CA 00 00 00 5E 03",
        "02 00 00 03",
        "02 FF FF 03",
        "02 FE FE 03",
        "02 FD FD 03",
        "02 FC FC 03",
        "02 00 00 00 00 00 00 00 00 00 00 00 03",
    ),
}
EACH = [
    pytest.param(reader, frame, id=f"{reader} {frame[:17]}") for reader, frames in FRAMES.items() for frame in frames
]


@pytest.mark.parametrize(("reader", "frame"), EACH)
def test_a_frame_names_its_reader(reader: str, frame: str) -> None:
    raw = bytes.fromhex(frame)
    spans = foreign_bytes.explain(raw)
    assert spans[0].text.startswith(reader)
    assert foreign_bytes.NO_DRIVER in spans[0].text
    assert [span.start for span in spans] == [0, *(span.end for span in spans[:-1])]
    assert spans[-1].end == len(raw)
    assert any(span.ok for span in spans)


@pytest.mark.parametrize(("reader", "frame"), EACH)
def test_with_any_byte_changed_or_missing_it_is_none(reader: str, frame: str) -> None:
    raw = bytes.fromhex(frame)
    assert not foreign_bytes.explain(raw[:-1])
    assert not foreign_bytes.explain(raw + b"\x00")
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 0x21]) + raw[at + 1 :]
        assert not foreign_bytes.explain(changed), changed.hex(" ")


def test_whoever_looks_at_noise_is_told() -> None:
    raw = bytes.fromhex("FF 00 06 82 02 52 37 AB 3B F9")
    for driver in ("em4100", "ascii", "stronglink", "pn532", "a driver of tomorrow"):
        assert serial_bytes.explain(driver, raw)[0].text.startswith("SonMicro SM130")


def test_a_frame_of_the_driver_stays_its_own() -> None:
    pn532 = bytes.fromhex("00 00 FF 02 FE D5 15 16 00")
    assert serial_bytes.explain("pn532", pn532)[0].name == "preamble"


@given(st.binary(max_size=64))
def test_any_bytes_do(raw: bytes) -> None:
    foreign_bytes.explain(raw)
