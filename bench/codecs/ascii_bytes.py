"""Lines of ASCII text as readers send them (ANSI X3.4: names of the control characters), EM4100 telegrams among them."""

from __future__ import annotations

from bench.codecs import em4100_bytes
from bench.codecs.spans import MAX_SPANS, Span, run

_CONTROL = (
    *("NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI"),
    *("DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US"),
)
_MEANS = {
    0x00: "padding",
    0x02: "start of a telegram",
    0x03: "end of a telegram",
    0x04: "end of transmission",
    0x06: "acknowledged",
    0x0A: "end of the line",
    0x0D: "end of the line",
    0x15: "not acknowledged",
}
_STX, _ETX, _CR, _LF, _TAB, _DEL = 0x02, 0x03, 0x0D, 0x0A, 0x09, 0x7F


def is_text(raw: bytes) -> bool:
    """Whether the bytes are what readers of lines send."""
    return bool(raw) and all(0x20 <= byte < _DEL or byte in (_TAB, _CR, _LF, _STX, _ETX, 0) for byte in raw)


def explain(raw: bytes) -> list[Span]:
    """Every byte in one span; at most a few more than :data:`~bench.codecs.spans.MAX_SPANS`."""
    spans: list[Span] = []
    at = 0
    while at < len(raw) and len(spans) <= MAX_SPANS:
        start, kind = at, _sort(raw[at])
        at += 1
        if kind == "control":
            if raw[start] == _CR and raw[at : at + 1] == b"\n":
                at += 1
                spans.append(Span(start, at, "CR LF", _MEANS[_LF]))
            else:
                at = run(raw, start, len(raw))
                spans.append(_control(raw, start, at))
            continue
        while at < len(raw) and _sort(raw[at]) == kind:
            at += 1
        if kind == "text":
            spans += _text(raw, start, at)
        else:
            spans.append(Span(start, at, "not ASCII", "another baud rate, or another kind of reader", False))
    if at < len(raw):
        spans.append(Span(at, len(raw), "rest", "not looked at: too many parts"))
    return spans


def _sort(byte: int) -> str:
    if 0x20 <= byte < _DEL or byte == _TAB:
        return "text"
    return "control" if byte < 0x20 or byte == _DEL else "other"


def _control(raw: bytes, start: int, end: int) -> Span:
    byte = raw[start]
    name = "DEL" if byte == _DEL else _CONTROL[byte]
    times = f", {end - start:,} times" if end - start > 1 else ""
    known = _MEANS.get(byte)
    return Span(start, end, name, (known or f"control character {byte:02X}") + times, None if known else False)


def _text(raw: bytes, start: int, end: int) -> list[Span]:
    """A stretch of text; the telegram of a 125 kHz reader in its parts."""
    telegram = em4100_bytes.FRAMED.match(raw, start - 1) if start else None
    if telegram is not None:
        return em4100_bytes.card_spans(start, raw[start:end].decode("ascii"))
    return [Span(start, end, "text", raw[start:end].decode("ascii"))]
