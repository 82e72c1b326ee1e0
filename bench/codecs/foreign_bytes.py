"""Frames of readers that have no driver here: named, so that whoever hears them knows what is on the port.

SonMicro SM130, FEIG OBID, Eccel Pepper C1 and ACS ACR122S, after their makers' protocol descriptions. A frame counts only whole,
and with a check that fits.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.codecs.checksums import crc16_8408, crc16_ccitt_false, xor8
from bench.codecs.spans import Cutter, Span

NO_DRIVER = "there is no driver for it"
_ACR_TYPES = {
    0x62: "power on",
    0x63: "power off",
    0x6F: "exchange",
    0x80: "answer with data",
    0x81: "answer: slot status",
}
_ACR_STATUS = {
    b"\x02\x00\x00\x03": "taken",
    b"\x02\xff\xff\x03": "checksum error",
    b"\x02\xfe\xfe\x03": "length error",
    b"\x02\xfd\xfd\x03": "end of the frame missing",
    b"\x02\xfc\xfc\x03": "timeout",
    b"\x02" + bytes(11) + b"\x03": "not taken: send the last answer again",
}


def explain(raw: bytes) -> list[Span]:
    """The fields of the one frame that these bytes are, or nothing where they are none. Never raises."""
    for read in _READERS:
        if spans := read(raw):
            return spans
    return []


def _sm130(raw: bytes) -> list[Span]:
    """``FF 00 LEN CMD data SUM``; LEN counts CMD and data, SUM is LEN + CMD + data modulo 256."""
    if raw[:2] != b"\xff\x00" or len(raw) < 5 or len(raw) != raw[2] + 4 or sum(raw[2:-1]) & 0xFF != raw[-1]:
        return []
    cut = _started(raw, 2, "SonMicro SM130")
    cut.take(3, "LEN", f"{raw[2]} bytes from CMD to data")
    cut.take(4, "CMD", {0x81: "firmware", 0x82: "seek for a tag", 0x83: "select a tag"}.get(raw[3], f"{raw[3]:02X}"))
    return _finished(cut, 1, "SUM", "sum of LEN, CMD and data")


def _pepper(raw: bytes) -> list[Span]:
    """``F5 LEN ~LEN payload CRC``, both low byte first; LEN counts payload and CRC."""
    if raw[:1] != b"\xf5" or len(raw) < 8:
        return []
    size, inverse = int.from_bytes(raw[1:3], "little"), int.from_bytes(raw[3:5], "little")
    check = int.from_bytes(raw[-2:], "little")
    if size ^ inverse != 0xFFFF or len(raw) != size + 5 or crc16_ccitt_false(raw[5:-2]) != check:
        return []
    cut = _started(raw, 1, "Eccel Pepper C1")
    cut.take(3, "LEN", f"{size} bytes from payload to CRC")
    cut.take(5, "~LEN", "its complement", True)
    return _finished(cut, 2, "CRC", "CRC-16/CCITT-FALSE of the payload")


def _feig(raw: bytes) -> list[Span]:
    """``02 LEN(2) ADR CMD data CRC`` or ``LEN ADR CMD data CRC``; LEN counts all of it, the CRC comes low byte first."""
    if len(raw) < 6 or crc16_8408(raw[:-2]) != int.from_bytes(raw[-2:], "little"):
        return []
    if raw[0] == 0x02 and int.from_bytes(raw[1:3], "big") == len(raw):
        cut = _started(raw, 1, "FEIG OBID, advanced frame")
        cut.take(3, "LEN", f"{len(raw)} bytes in all")
    elif raw[0] == len(raw):
        cut = _started(raw, 1, "FEIG OBID, standard frame; LEN")
    else:
        return []
    cut.take(cut.at + 1, "ADR", f"address {raw[cut.at]:02X}")
    cut.take(cut.at + 1, "CMD", "inventory" if raw[cut.at] == 0xB0 else f"{raw[cut.at]:02X}")
    return _finished(cut, 2, "CRC", "CRC-16 (8408) of all before it")


def _acr122s(raw: bytes) -> list[Span]:
    """``02 type LEN(4) slot seq 3 bytes data XOR 03``, LEN low byte first; or a status of few bytes."""
    if raw in _ACR_STATUS:
        return [Span(0, len(raw), "status", f"ACS ACR122S, {_ACR_STATUS[raw]}; {NO_DRIVER}", True)]
    if len(raw) < 13 or raw[0] != 0x02 or raw[-1] != 0x03 or raw[1] not in _ACR_TYPES:
        return []
    if int.from_bytes(raw[2:6], "little") != len(raw) - 13 or xor8(raw[1:-2]) != raw[-2]:
        return []
    cut = _started(raw, 1, "ACS ACR122S")
    cut.take(2, "type", _ACR_TYPES[raw[1]])
    cut.take(6, "LEN", f"{len(raw) - 13} bytes of data")
    cut.take(8, "slot, sequence", f"{raw[6]}, {raw[7]}")
    cut.take(11, "parameters", raw[8:11].hex(" ").upper())
    cut.take(len(raw) - 2, "data", raw[11:-2].hex(" ").upper())
    cut.take(len(raw) - 1, "XOR", "of type to data", True)
    cut.take(len(raw), "ETX", "end of the frame")
    return cut.spans


_READERS: tuple[Callable[[bytes], list[Span]], ...] = (_sm130, _pepper, _feig, _acr122s)


def _started(raw: bytes, end: int, reader: str) -> Cutter:
    cut = Cutter(raw)
    cut.take(end, "head", f"{reader}: {NO_DRIVER}")
    return cut


def _finished(cut: Cutter, size: int, name: str, text: str) -> list[Span]:
    """The data that are left, and the check of that many bytes."""
    raw = cut.raw
    cut.take(len(raw) - size, "data", raw[cut.at : len(raw) - size].hex(" ").upper())
    cut.take(len(raw), name, text, True)
    return cut.spans
