"""Frames of the Gwiot 7941W: ``AB BA addr command len data xor`` to the reader, ``CD DC addr status len data xor`` back.

xor is the exclusive or of addr to the last byte of data. Source: vendor text and examples in herra/rfidtagsclone.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.codecs.checksums import xor8
from bench.codecs.spans import Cutter, Span, bytes_text

HOST, READER = b"\xab\xba", b"\xcd\xdc"
HEAD = 5
"""Bytes before data: two of start, addr, command or status, len."""
MAX_DATA = 64
READ_UID, READ_LF_ID = 0x10, 0x15
COMMANDS = {
    READ_UID: "read UID",
    0x11: "write UID",
    0x12: "read sector",
    READ_LF_ID: "read 125 kHz ID",
    0x16: "write 125 kHz ID",
}
DONE, FAILED = 0x81, 0x80
STATUS = {DONE: "done", FAILED: "failed, or no card"}


class Parts(NamedTuple):
    """Of one whole frame. code: command or status."""

    from_reader: bool
    address: int
    code: int
    data: bytes


def check(data: bytes | bytearray) -> int:
    """data: from addr to the last byte of data."""
    return xor8(data)


def build(command: int, data: bytes = b"", start: bytes = HOST) -> bytes:
    """One frame to the reader at address 0, or with ``start=READER`` its answer with that status."""
    body = bytes([0, command, len(data)]) + data
    return start + body + bytes([check(body)])


def parse(raw: bytes) -> Parts:
    """raw: one whole frame."""
    return Parts(raw.startswith(READER), raw[2], raw[3], raw[HEAD:-1])


def explain(raw: bytes) -> list[Span]:
    """Every byte in one span; at most a few more than :data:`~bench.codecs.spans.MAX_SPANS`."""
    cut = Cutter(raw)
    while cut.at < len(raw) and not cut.full:
        starts = [at for at in (raw.find(HOST, cut.at), raw.find(READER, cut.at)) if at >= 0]
        start = min(starts, default=len(raw))
        cut.take(start, "noise", f"{bytes_text(start - cut.at)} that belong to no frame", False)
        if start < len(raw):
            _frame(cut)
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


def _frame(cut: Cutter) -> None:
    """A frame, or as much of it as is there. Stops behind a wrong len: a true frame may begin right after it."""
    raw, at = cut.raw, cut.at
    answer = raw.startswith(READER, at)
    cut.take(at + 2, "start", "the reader answers" if answer else "a command to the reader")
    if len(raw) > cut.at:
        cut.take(at + 3, "addr", f"address {raw[at + 2]:02X}")
    if len(raw) > cut.at:
        code = raw[at + 3]
        known = (STATUS if answer else COMMANDS).get(code)
        cut.take(at + 4, "status" if answer else "command", known or f"{code:02X}, not known", None if known else False)
    if len(raw) <= cut.at:
        return
    size = raw[at + 4]
    end = at + HEAD + size
    enough = size <= MAX_DATA and len(raw) > end
    cut.take(at + HEAD, "len", f"{bytes_text(size)} of data" + ("" if enough else ": more than there are"), enough)
    if not enough:
        return
    cut.take(end, "data", raw[at + HEAD : end].hex().upper())
    want, got = check(raw[at + 2 : end]), raw[end]
    text = "exclusive or of addr to data"
    cut.take(end + 1, "xor", text if want == got else f"should be {want:02X}, the {text}, got {got:02X}", want == got)
