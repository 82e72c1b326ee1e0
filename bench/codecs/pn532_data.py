"""What the data of PN532 commands and of their answers mean (NXP UM0701-02, 7; cards: ISO/IEC 14443-3 6.4)."""

from __future__ import annotations

from collections.abc import Iterator

Field = tuple[int, str, str, bool | None]
"""Size in bytes, name, meaning, and whether it passed its check (None: there is none)."""

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


def command_name(code: int) -> str:
    """The command of that code in the words of the manual."""
    return _COMMANDS.get(code, f"unknown command {code:02X}")


def explain_data(command: int, data: bytes, *, answer: bool) -> Iterator[Field]:
    """The fields of a command's data, or of its answer's, in order; what they leave over is for the caller to name.

    command: its code, also for an answer. Sizes may reach beyond the data where these are cut short.
    """
    rules = _ANSWERS if answer else _CALLS
    rule = rules.get(command)
    if rule is not None and data:
        yield from rule(data)


def _call_sam(data: bytes) -> Iterator[Field]:
    known = _MODES.get(data[0])
    yield 1, "Mode", known or f"{data[0]:02X} is no mode", None if known else False
    if len(data) > 1:
        yield 1, "Timeout", f"{data[1] * 50} ms (for the virtual card only)" if data[1] else "none", None
    if len(data) > 2:
        yield 1, "IRQ", "the chip drives its P70_IRQ pin" if data[2] & 1 else "the P70_IRQ pin is left alone", None


def _call_power_down(data: bytes) -> Iterator[Field]:
    sources = [name for bit, name in enumerate(_WAKE_UP) if data[0] >> bit & 1 and name]
    yield 1, "WakeUpEnable", f"woken by {', '.join(sources)}" if sources else "woken by nothing", bool(sources) and None
    if len(data) > 1:
        yield 1, "GenerateIRQ", "yes" if data[1] & 1 else "no", None


def _call_rf(data: bytes) -> Iterator[Field]:
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


def _call_target(data: bytes) -> Iterator[Field]:
    yield _target_number(data[0])


def _target_number(number: int) -> Field:
    return 1, "Tg", f"target {number}" if number else "all targets", None


def _call_list(data: bytes) -> Iterator[Field]:
    yield 1, "MaxTg", f"at most {data[0]} target{'s' if data[0] != 1 else ''}", data[0] in (1, 2)
    if len(data) > 1:
        rate = _BIT_RATES.get(data[1])
        yield 1, "BrTy", rate or f"{data[1]:02X} is no modulation", None if rate else False
    if len(data) > 2:
        names = {0x00: "UID to look for", 0x03: "AFI", 0x01: "polling request", 0x02: "polling request"}
        yield len(data) - 2, "InitiatorData", names.get(data[1], f"{len(data) - 2} bytes"), None


def _call_poll(data: bytes) -> Iterator[Field]:
    yield 1, "PollNr", "for ever" if data[0] == 0xFF else f"{data[0]} times", data[0] != 0 and None
    if len(data) > 1:
        yield 1, "Period", f"{data[1] * 150} ms", None
    for kind in data[2:17]:
        yield 1, "Type", _POLL_TYPES.get(kind, f"type {kind:02X}"), None


def _answer_firmware(data: bytes) -> Iterator[Field]:
    yield 1, "IC", f"PN5{data[0]:02X}", None
    if len(data) > 1:
        yield 1, "Ver", f"firmware {data[1]}", None
    if len(data) > 2:
        yield 1, "Rev", f"revision {data[2]}", None
    if len(data) > 3:
        kinds = [name for bit, name in enumerate(_SUPPORT) if data[3] >> bit & 1]
        yield 1, "Support", ", ".join(kinds) or "nothing", None


def _answer_status(data: bytes) -> Iterator[Field]:
    code = data[0] & 0x3F
    yield 1, "Status", _STATUS.get(code, f"error {code:02X}"), code == 0
    if len(data) > 1:
        yield len(data) - 1, "DataIn", f"{len(data) - 1} bytes of the card", None


def _answer_list(data: bytes) -> Iterator[Field]:
    yield 1, "NbTg", _targets(data[0]), data[0] <= 2
    at = 1
    for _ in range(data[0]):
        fields = list(_target(data[at:]))
        yield from fields
        at += sum(size for size, *_ in fields)
        if not fields or at >= len(data):
            break


def _answer_poll(data: bytes) -> Iterator[Field]:
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


def _target(data: bytes) -> Iterator[Field]:
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
