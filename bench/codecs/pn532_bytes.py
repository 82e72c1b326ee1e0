"""Frames of the NXP PN532 on its serial line, byte by byte (NXP UM0701-02, 6.2.1)."""

from __future__ import annotations

from bench.codecs.pn532_data import command_name, explain_data
from bench.codecs.spans import Cutter, Span, bytes_text, run

SYNC = b"\x00\xff"
"""What begins a frame."""

_HOST, _CHIP, _ERROR = 0xD4, 0xD5, 0x7F
_MAX_LEN = 265
_WAKE = 0x55


def explain(raw: bytes) -> list[Span]:
    """Every byte in one span; at most a few more than :data:`~bench.codecs.spans.MAX_SPANS`."""
    cut = Cutter(raw)
    # The zero before this FF came with the message before, as what looked like its postamble.
    if raw[:1] == b"\xff" and len(raw) > 2 and _is_head(raw, 1):
        cut.take(1, "start code", "FF; its 00 came at the end of the message before")
        _frame(cut)
    while cut.at < len(raw) and not cut.full:
        sync = raw.find(SYNC, cut.at)
        if sync < 0:
            _between(cut, len(raw), last=True)
            break
        _between(cut, sync, last=False)
        cut.take(sync + 2, "start code", "00 FF begins a frame")
        _frame(cut)
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


def _between(cut: Cutter, end: int, *, last: bool) -> None:
    """What stands outside of frames: wake-up bytes, zeros, noise."""
    raw = cut.raw
    while cut.at < end:
        at = cut.at
        if raw[at] == _WAKE:
            stop = run(raw, at, end)
            cut.take(stop, "wake-up", f"{bytes_text(stop - at)} 55, which a sleeping chip may lose")
        elif raw[at] == 0:
            stop = run(raw, at, end)
            if cut.spans and cut.spans[-1].name == "wake-up":
                cut.take(stop, "wake-up", f"{bytes_text(stop - at)} 00: time to wake up, and preamble")
            elif last and stop == end and cut.spans:
                cut.take(stop, "postamble", "zeros after a frame")
            else:
                cut.take(stop, "preamble", "zeros before a frame" if not last else "zeros, and no frame after them")
        else:
            stop = at + 1
            while stop < end and raw[stop] not in (0, _WAKE):
                stop += 1
            cut.take(stop, "noise", f"{bytes_text(stop - at)} that belong to no frame", False)


def _is_head(raw: bytes, at: int) -> bool:
    """Whether LEN and LCS stand here, or the mark of an acknowledge or an extended frame."""
    length, check = raw[at], raw[at + 1]
    return (length + check) & 0xFF in (0, 0xFF) or (length, check) == (0xFF, 0xFF)


def _frame(cut: Cutter) -> None:
    """What follows a start code. Stops behind the first part that is wrong: a true frame may begin right after it."""
    raw, at = cut.raw, cut.at
    if len(raw) < at + 2:
        cut.take(len(raw), "LEN", "the frame ends here, too early", False)
        return
    length, check = raw[at], raw[at + 1]
    if (length, check) in ((0x00, 0xFF), (0xFF, 0x00)):
        if length:
            cut.take(at + 2, "NACK", "the host wants the last answer again")
        else:
            cut.take(at + 2, "ACK", "the chip took the command, or the host ends one")
        _postamble(cut)
        return
    if (length, check) == (0xFF, 0xFF):
        if not _extended_head(cut):
            return
        length = raw[at + 2] * 256 + raw[at + 3]
    else:
        fits = (length + check) & 0xFF == 0
        cut.take(at + 1, "LEN", _length_text(length), length >= 1)
        want = -length & 0xFF
        cut.take(at + 2, "LCS", f"LEN {length:02X} + LCS {check:02X} = 00" if fits else _wanted(check, want), fits)
        if not fits or not length:
            return
    _body(cut, length)


def _extended_head(cut: Cutter) -> bool:
    """Mark, LENM, LENL and LCS of an extended frame; whether its data can be found."""
    raw, at = cut.raw, cut.at
    cut.take(at + 2, "extended", "FF FF: a frame with a length of two bytes")
    if len(raw) < at + 5:
        cut.take(len(raw), "LEN", "the frame ends here, too early", False)
        return False
    high, low, check = raw[at + 2 : at + 5]
    length = high * 256 + low
    cut.take(at + 4, "LEN", _length_text(length), 1 <= length <= _MAX_LEN)
    fits = (high + low + check) & 0xFF == 0
    cut.take(at + 5, "LCS", "LENM + LENL + LCS = 00" if fits else _wanted(check, -(high + low) & 0xFF), fits)
    return fits and 1 <= length <= _MAX_LEN


def _body(cut: Cutter, length: int) -> None:
    """TFI, command, data, DCS and postamble."""
    raw, start = cut.raw, cut.at
    end = min(start + length, len(raw))
    missing = start + length + 1 - len(raw)
    if start == len(raw):
        _say_short(cut, missing)
        return
    tfi = raw[start]
    if tfi == _ERROR:
        cut.take(start + 1, "TFI", "7F, an error frame: the chip refused the command as a syntax error", False)
    elif tfi in (_HOST, _CHIP):
        cut.take(start + 1, "TFI", "D4, host to chip" if tfi == _HOST else "D5, chip to host")
        if end > start + 1:
            code = raw[start + 1]
            asked = code if tfi == _HOST else (code - 1) & 0xFF
            name = command_name(asked)
            cut.take(start + 2, "command", name if tfi == _HOST else f"{name}, answered")
            for size, field, text, ok in explain_data(asked, raw[start + 2 : end], answer=tfi == _CHIP):
                cut.take(min(end, cut.at + size), field, text, ok)
    else:
        cut.take(start + 1, "TFI", f"{tfi:02X} is none of D4, D5, 7F", False)
    cut.take(end, "data", bytes_text(end - cut.at))
    if missing > 0:
        _say_short(cut, missing)
        return
    check = raw[end]
    want = -sum(raw[start:end]) & 0xFF
    cut.take(end + 1, "DCS", "TFI + data + DCS = 00" if check == want else _wanted(check, want), check == want)
    _postamble(cut)


def _postamble(cut: Cutter) -> None:
    """One zero, unless it begins the next frame."""
    raw, at = cut.raw, cut.at
    if raw[at : at + 1] == b"\x00" and raw[at + 1 : at + 2] != b"\xff":
        cut.take(at + 1, "postamble", "00 ends the frame")


def _say_short(cut: Cutter, missing: int) -> None:
    """Say on the last part that the frame was cut short."""
    last = cut.spans.pop()
    text = f"{last.text}; then the frame is cut short, {bytes_text(missing)} missing"
    cut.spans.append(Span(last.start, last.end, last.name, text, False))


def _length_text(length: int) -> str:
    if length == 0:
        return "0: a frame holds a byte at least"
    if length > _MAX_LEN:
        return f"{length}: a frame holds {_MAX_LEN} at most"
    return f"{bytes_text(length)} from TFI to before DCS"


def _wanted(got: int, want: int) -> str:
    return f"should be {want:02X}, got {got:02X}"
