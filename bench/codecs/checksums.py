"""Checksums that several protocols share."""

from __future__ import annotations


def xor8(data: bytes | bytearray) -> int:
    """The exclusive or of all bytes; 0 of none."""
    # Folding halves as one integer each is several times faster than a loop over the bytes.
    value, size = int.from_bytes(data, "big"), len(data)
    while size > 1:
        half = size - size // 2
        value = (value >> half * 8) ^ (value & (1 << half * 8) - 1)
        size = half
    return value


def crc16_8408(data: bytes) -> int:
    """CRC-16, polynomial 8408 reflected, beginning with FFFF, not inverted at the end (TWN4 Simple Protocol, FEIG OBID)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def crc16_ccitt_false(data: bytes) -> int:
    """CRC-16 with the polynomial 1021 and FFFF to begin with (Eccel Pepper C1)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else (crc << 1) & 0xFFFF
    return crc
