"""What each byte of a reader's message means: frames of the NXP PN532 on its serial line, and lines of ASCII text.

Sources: NXP UM0701-02 (PN532 user manual) 6.2.1 and 7, ISO/IEC 14443-3 6.4, ANSI X3.4 (names of the control characters).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_SPANS = 4_000
"""A message in more parts than this has its rest in one: no reader sends such a thing, a strange file may hold it."""

_HOST, _CHIP, _ERROR = 0xD4, 0xD5, 0x7F
_SYNC = b"\x00\xff"
_MAX_LEN = 265
_WAKE = 0x55

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
_EM_DIGITS = 12

_COMMANDS = {
    0x00: "Diagnose",
    0x02: "GetFirmwareVersion",
    0x04: "GetGeneralStatus",
    0x06: "ReadRegister",
    0x08: "WriteRegister",
    0x0C: "ReadGPIO",
    0x0E: "WriteGPIO",
    0x10: "SetSerialBaudRate",
    0x12: "SetParameters",
    0x14: "SAMConfiguration",
    0x16: "PowerDown",
    0x32: "RFConfiguration",
    0x40: "InDataExchange",
    0x42: "InCommunicateThru",
    0x44: "InDeselect",
    0x46: "InJumpForDEP",
    0x4A: "InListPassiveTarget",
    0x50: "InATR",
    0x52: "InRelease",
    0x54: "InSelect",
    0x60: "InAutoPoll",
}
_Field = tuple[int, str, str, bool | None]
"""Size in bytes, name, meaning, and whether it passed its check (None: there is none)."""

_MODES = {1: "normal, without a SAM", 2: "virtual card", 3: "wired card", 4: "dual card"}
_BIT_RATES = {
    0: "106 kbit/s type A",
    1: "212 kbit/s FeliCa",
    2: "424 kbit/s FeliCa",
    3: "106 kbit/s type B",
    4: "Jewel",
}
_WAKE_UP = ("INT0", "INT1", "", "RF field", "HSU", "SPI", "GPIO", "I2C")
_ITEMS = {
    0x01: ("RF field",),
    0x02: ("RFU", "ATR_RES timeout", "retry timeout"),
    0x04: ("MaxRtyCOM",),
    0x05: ("MxRtyATR", "MxRtyPSL", "MxRtyPassiveActivation"),
}
_ITEM_NAMES = {0x01: "RF field", 0x02: "timings", 0x04: "MaxRtyCOM", 0x05: "MaxRetries", 0x0A: "analog, type A"}
_STATUS = {
    0x00: "done",
    0x01: "time out: the target did not answer",
    0x02: "CRC error",
    0x03: "parity error",
    0x05: "framing error",
    0x13: "data format wrong",
    0x14: "MIFARE authentication failed",
    0x27: "command not acceptable now",
    0x29: "the target was released",
}
_POLL_TYPES = {
    0x00: "106 kbit/s type A",
    0x03: "106 kbit/s type B",
    0x04: "Jewel",
    0x10: "MIFARE",
    0x11: "212 kbit/s FeliCa",
    0x12: "424 kbit/s FeliCa",
    0x20: "106 kbit/s ISO 14443-4A",
    0x23: "106 kbit/s ISO 14443-4B",
}
_TYPE_A = (0x00, 0x10, 0x20)
_ISO_DEP = 0x20
_UID_SIZES = (4, 7, 10)
_SAK = {
    0x00: "MIFARE Ultralight or NTAG",
    0x08: "MIFARE Classic 1K",
    0x09: "MIFARE Mini",
    0x10: "MIFARE Plus 2K",
    0x11: "MIFARE Plus 4K",
    0x18: "MIFARE Classic 4K",
    0x20: "ISO 14443-4 (DESFire and others)",
    0x28: "ISO 14443-4 with MIFARE Classic 1K",
    0x38: "ISO 14443-4 with MIFARE Classic 4K",
}
_SUPPORT = ("ISO 14443-A", "ISO 14443-B", "ISO 18092")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``start`` to before ``end`` of a message.

    name: of the field (``LCS``). text: what its value means. ok: whether it passed its check; None where there is none.
    """

    start: int
    end: int
    name: str
    text: str
    ok: bool | None = None


def explain(kind_of_driver: str, raw: bytes) -> tuple[Span, ...]:
    """Name every byte of a reader's message, in order, each in exactly one span; none for no bytes. Never raises.

    kind_of_driver: the part before the colon of a reader's name (``pn532``, ``ascii``); of another driver the bytes tell.
    """
    if kind_of_driver.startswith("pn532"):
        spans = _pn532(raw)
    elif kind_of_driver.startswith("ascii") or _is_text(raw):
        spans = _ascii(raw)
    elif _SYNC in raw:
        spans = _pn532(raw)
    else:
        spans = [Span(0, len(raw), "bytes", "of a layout that is not known here")] if raw else []
    if len(spans) > MAX_SPANS:
        rest = Span(spans[MAX_SPANS - 1].start, len(raw), "rest", f"{len(spans) - MAX_SPANS + 1:,} further parts")
        spans = [*spans[: MAX_SPANS - 1], rest]
    return tuple(spans)


# PN532


class _Cutter:
    """Takes spans off the front of a message, so that none overlap and none are left out."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.spans: list[Span] = []

    def take(self, end: int, name: str, text: str, ok: bool | None = None) -> None:
        """The next bytes, up to ``end``; nothing where there are none."""
        end = min(end, len(self.raw))
        if end > self.at:
            self.spans.append(Span(self.at, end, name, text, ok))
            self.at = end


def _pn532(raw: bytes) -> list[Span]:
    cut = _Cutter(raw)
    # The zero before this FF came with the message before, as what looked like its postamble.
    if raw[:1] == b"\xff" and len(raw) > 2 and _is_head(raw, 1):
        cut.take(1, "start code", "FF; its 00 came at the end of the message before")
        _frame(cut)
    while cut.at < len(raw) and len(cut.spans) <= MAX_SPANS:
        sync = raw.find(_SYNC, cut.at)
        if sync < 0:
            _between(cut, len(raw), last=True)
            break
        _between(cut, sync, last=False)
        cut.take(sync + 2, "start code", "00 FF begins a frame")
        _frame(cut)
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


def _between(cut: _Cutter, end: int, *, last: bool) -> None:
    """What stands outside of frames: wake-up bytes, zeros, noise."""
    raw = cut.raw
    while cut.at < end:
        at = cut.at
        if raw[at] == _WAKE:
            stop = _run(raw, at, end)
            cut.take(stop, "wake-up", f"{_count(stop - at)} 55, which a sleeping chip may lose")
        elif raw[at] == 0:
            stop = _run(raw, at, end)
            if cut.spans and cut.spans[-1].name == "wake-up":
                cut.take(stop, "wake-up", f"{_count(stop - at)} 00: time to wake up, and preamble")
            elif last and stop == end and cut.spans:
                cut.take(stop, "postamble", "zeros after a frame")
            else:
                cut.take(stop, "preamble", "zeros before a frame" if not last else "zeros, and no frame after them")
        else:
            stop = at + 1
            while stop < end and raw[stop] not in (0, _WAKE):
                stop += 1
            cut.take(stop, "noise", f"{_count(stop - at)} that belong to no frame", False)


def _run(raw: bytes, at: int, end: int) -> int:
    stop = at + 1
    while stop < end and raw[stop] == raw[at]:
        stop += 1
    return stop


def _is_head(raw: bytes, at: int) -> bool:
    """Whether LEN and LCS stand here, or the mark of an acknowledge or an extended frame."""
    length, check = raw[at], raw[at + 1]
    return (length + check) & 0xFF in (0, 0xFF) or (length, check) == (0xFF, 0xFF)


def _frame(cut: _Cutter) -> None:
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


def _extended_head(cut: _Cutter) -> bool:
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


def _body(cut: _Cutter, length: int) -> None:
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
            name = _COMMANDS.get(asked, f"unknown command {asked:02X}")
            cut.take(start + 2, "command", name if tfi == _HOST else f"{name}, answered")
            for size, field, text, ok in _explain_data(asked, raw[start + 2 : end], answer=tfi == _CHIP):
                cut.take(min(end, cut.at + size), field, text, ok)
    else:
        cut.take(start + 1, "TFI", f"{tfi:02X} is none of D4, D5, 7F", False)
    cut.take(end, "data", _count(end - cut.at))
    if missing > 0:
        _say_short(cut, missing)
        return
    check = raw[end]
    want = -sum(raw[start:end]) & 0xFF
    cut.take(end + 1, "DCS", "TFI + data + DCS = 00" if check == want else _wanted(check, want), check == want)
    _postamble(cut)


def _postamble(cut: _Cutter) -> None:
    """One zero, unless it begins the next frame."""
    raw, at = cut.raw, cut.at
    if raw[at : at + 1] == b"\x00" and raw[at + 1 : at + 2] != b"\xff":
        cut.take(at + 1, "postamble", "00 ends the frame")


def _say_short(cut: _Cutter, missing: int) -> None:
    """Say on the last part that the frame was cut short."""
    last = cut.spans.pop()
    text = f"{last.text}; then the frame is cut short, {_count(missing)} missing"
    cut.spans.append(Span(last.start, last.end, last.name, text, False))


def _length_text(length: int) -> str:
    if length == 0:
        return "0: a frame holds a byte at least"
    if length > _MAX_LEN:
        return f"{length}: a frame holds {_MAX_LEN} at most"
    return f"{_count(length)} from TFI to before DCS"


def _wanted(got: int, want: int) -> str:
    return f"should be {want:02X}, got {got:02X}"


def _count(size: int) -> str:
    return f"{size:,} byte{'s' if size != 1 else ''}"


# Data of PN532 commands (7) and of their answers


def _explain_data(command: int, data: bytes, *, answer: bool) -> Iterator[_Field]:
    """The fields of a command's data, or of its answer's, in order; what they leave over is for the caller to name.

    command: its code, also for an answer. Sizes may reach beyond the data where these are cut short.
    """
    rules = _ANSWERS if answer else _CALLS
    rule = rules.get(command)
    if rule is not None and data:
        yield from rule(data)


def _call_sam(data: bytes) -> Iterator[_Field]:
    known = _MODES.get(data[0])
    yield 1, "Mode", known or f"{data[0]:02X} is no mode", None if known else False
    if len(data) > 1:
        yield 1, "Timeout", f"{data[1] * 50} ms (for the virtual card only)" if data[1] else "none", None
    if len(data) > 2:
        yield 1, "IRQ", "the chip drives its P70_IRQ pin" if data[2] & 1 else "the P70_IRQ pin is left alone", None


def _call_power_down(data: bytes) -> Iterator[_Field]:
    sources = [name for bit, name in enumerate(_WAKE_UP) if data[0] >> bit & 1 and name]
    yield 1, "WakeUpEnable", f"woken by {', '.join(sources)}" if sources else "woken by nothing", bool(sources) and None
    if len(data) > 1:
        yield 1, "GenerateIRQ", "yes" if data[1] & 1 else "no", None


def _call_rf(data: bytes) -> Iterator[_Field]:
    item = data[0]
    yield 1, "CfgItem", _ITEM_NAMES.get(item, f"item {item:02X}"), None
    for name, value in zip(_ITEMS.get(item, ()), data[1:], strict=False):
        if item == 0x01:
            field = "on" if value & 1 else "off"
            yield 1, name, f"{field}, {'with' if value & 2 else 'without'} collision avoidance (RFCA)", None
        elif name.startswith(("Mx", "Max")):
            yield 1, name, "for ever" if value == 0xFF else f"{value} time{'s' if value != 1 else ''} again", None
        else:
            yield 1, name, f"{value:02X}", None


def _call_target(data: bytes) -> Iterator[_Field]:
    yield _target_number(data[0])


def _target_number(number: int) -> _Field:
    return 1, "Tg", f"target {number}" if number else "all targets", None


def _call_list(data: bytes) -> Iterator[_Field]:
    yield 1, "MaxTg", f"at most {data[0]} target{'s' if data[0] != 1 else ''}", data[0] in (1, 2)
    if len(data) > 1:
        rate = _BIT_RATES.get(data[1])
        yield 1, "BrTy", rate or f"{data[1]:02X} is no modulation", None if rate else False
    if len(data) > 2:
        names = {0x00: "UID to look for", 0x03: "AFI", 0x01: "polling request", 0x02: "polling request"}
        yield len(data) - 2, "InitiatorData", names.get(data[1], f"{len(data) - 2} bytes"), None


def _call_poll(data: bytes) -> Iterator[_Field]:
    yield 1, "PollNr", "for ever" if data[0] == 0xFF else f"{data[0]} times", data[0] != 0 and None
    if len(data) > 1:
        yield 1, "Period", f"{data[1] * 150} ms", None
    for kind in data[2:17]:
        yield 1, "Type", _POLL_TYPES.get(kind, f"type {kind:02X}"), None


def _answer_firmware(data: bytes) -> Iterator[_Field]:
    yield 1, "IC", f"PN5{data[0]:02X}", None
    if len(data) > 1:
        yield 1, "Ver", f"firmware {data[1]}", None
    if len(data) > 2:
        yield 1, "Rev", f"revision {data[2]}", None
    if len(data) > 3:
        kinds = [name for bit, name in enumerate(_SUPPORT) if data[3] >> bit & 1]
        yield 1, "Support", ", ".join(kinds) or "nothing", None


def _answer_status(data: bytes) -> Iterator[_Field]:
    code = data[0] & 0x3F
    yield 1, "Status", _STATUS.get(code, f"error {code:02X}"), code == 0
    if len(data) > 1:
        yield len(data) - 1, "DataIn", f"{len(data) - 1} bytes of the card", None


def _answer_list(data: bytes) -> Iterator[_Field]:
    yield 1, "NbTg", _targets(data[0]), data[0] <= 2
    at = 1
    for _ in range(data[0]):
        fields = list(_target(data[at:]))
        yield from fields
        at += sum(size for size, *_ in fields)
        if not fields or at >= len(data):
            break


def _answer_poll(data: bytes) -> Iterator[_Field]:
    yield 1, "NbTg", _targets(data[0]), data[0] <= 2
    at = 1
    for _ in range(data[0]):
        if len(data) < at + 2:
            return
        kind, length = data[at], data[at + 1]
        inside = data[at + 2 : at + 2 + length]
        yield 1, "Type", _POLL_TYPES.get(kind, f"type {kind:02X}"), None
        whole = len(inside) == length
        yield 1, "Length", f"{length} bytes of target data", None if whole else False
        used = 0
        for field in _target(inside) if kind in _TYPE_A else ():
            used += field[0]
            yield field
        if used < len(inside):
            yield len(inside) - used, "target data", f"{len(inside) - used} bytes", None
        at += 2 + length


def _targets(count: int) -> str:
    return f"{count} target{'s' if count != 1 else ''}" if count else "no target"


def _target(data: bytes) -> Iterator[_Field]:
    """One ISO 14443-A card: Tg, SENS_RES, SEL_RES, NFCIDLength, NFCID1, and the ATS of an ISO 14443-4 card."""
    if not data:
        return
    yield 1, "Tg", f"target {data[0]}", None
    if len(data) < 3:
        return
    yield 2, "SENS_RES", _atqa(data[1], data[2]), None
    if len(data) < 4:
        return
    sak = data[3]
    yield 1, "SEL_RES", _sak(sak), not sak & 0x04 and None
    if len(data) < 5:
        return
    size = data[4]
    yield 1, "NFCIDLength", f"{size} bytes of UID", size in _UID_SIZES
    uid = data[5 : 5 + size]
    if uid:
        yield len(uid), "UID", _uid(uid, size), None if len(uid) == size else False
    ats = data[5 + size :]
    if sak & _ISO_DEP and ats:
        whole = 1 <= ats[0] <= len(ats)
        length = ats[0] if whole else len(ats)
        yield length, "ATS", _ats(ats[:length]) if whole else f"says {ats[0]} bytes, {len(ats)} are left", whole


def _atqa(high: int, low: int) -> str:
    sizes = {0: "4-byte UID", 1: "7-byte UID", 2: "10-byte UID"}
    return f"ATQA {high:02X}{low:02X}, {sizes.get(low >> 6, 'UID size reserved')}"


def _sak(sak: int) -> str:
    if sak & 0x04:
        return f"SAK {sak:02X}: the UID is not complete"
    kind = _SAK.get(sak, "ISO 14443-4" if sak & _ISO_DEP else "another card")
    return f"SAK {sak:02X}: {kind}"


def _uid(uid: bytes, size: int) -> str:
    text = uid.hex().upper()
    if len(uid) < size:
        return f"{text}, {size - len(uid)} bytes missing"
    if size == 4 and uid[0] == 0x08:
        return f"{text}, random: another at every tap"
    return text


def _ats(ats: bytes) -> str:
    """TL, T0, the interface bytes that T0 announces, and the historical bytes."""
    if len(ats) < 2:
        return f"{len(ats)} byte, nothing but its length"
    format_byte, at = ats[1], 2
    words = [f"T0 {format_byte:02X}"]
    for bit, name in ((0x10, "TA"), (0x20, "TB"), (0x40, "TC")):
        if format_byte & bit and at < len(ats):
            words.append(f"{name} {ats[at]:02X}")
            at += 1
    if at < len(ats):
        words.append(f"historical {ats[at:].hex(' ').upper()}")
    return f"{len(ats)} bytes with this one: {', '.join(words)}"


_CALLS = {
    0x14: _call_sam,
    0x16: _call_power_down,
    0x32: _call_rf,
    0x40: _call_target,
    0x44: _call_target,
    0x4A: _call_list,
    0x52: _call_target,
    0x54: _call_target,
    0x60: _call_poll,
}
_ANSWERS = {
    0x02: _answer_firmware,
    0x40: _answer_status,
    0x42: _answer_status,
    0x44: _answer_status,
    0x4A: _answer_list,
    0x52: _answer_status,
    0x54: _answer_status,
    0x60: _answer_poll,
}


# ASCII


def _is_text(raw: bytes) -> bool:
    return bool(raw) and all(0x20 <= byte < _DEL or byte in (_TAB, _CR, _LF, _STX, _ETX, 0) for byte in raw)


def _ascii(raw: bytes) -> list[Span]:
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
                at = _run(raw, start, len(raw))
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
    """A stretch of text; the telegram of an EM4100 reader (STX, ten digits, checksum, ETX) in its two parts."""
    text = raw[start:end].decode("ascii")
    if start and raw[start - 1] == _STX and len(text) == _EM_DIGITS and raw[end : end + 1] in (b"\x03", b"\r", b"\n"):
        try:
            data, check = bytes.fromhex(text[:10]), int(text[10:], 16)
        except ValueError:
            data = b""
        if len(data) == 5:
            return _em4100(start, data, check)
    return [Span(start, end, "text", text)]


def _em4100(start: int, data: bytes, check: int) -> list[Span]:
    exclusive = 0
    for byte in data:
        exclusive ^= byte
    if check == exclusive:
        text, ok = "exclusive or of the five bytes", True
    elif check == sum(data) & 0xFF:
        text, ok = "sum of the five bytes; most readers send their exclusive or", True
    else:
        text, ok = f"should be {exclusive:02X}, the exclusive or of the five bytes, got {check:02X}", False
    number = int.from_bytes(data[1:], "big")
    return [
        Span(start, start + 10, "card", f"{data.hex().upper()}, printed {number:010d}"),
        Span(start + 10, start + _EM_DIGITS, "checksum", text, ok),
    ]
