"""Lines of the Elatec TWN4, byte by byte: two characters of a line are one byte of its message."""

from __future__ import annotations

from bench.codecs import ascii_bytes
from bench.codecs.checksums import crc16_8408
from bench.codecs.spans import Cutter, Span, bytes_text
from devices.rfid import twn4_protocol as twn4

_HEX = b"0123456789ABCDEFabcdef"
_ENDS = b"\r\n"
_MAX_SHOWN = 1024
_ANSWERED = (twn4.SEARCH_TAG, twn4.SEARCH_MULTI_TAG, twn4.GET_VERSION)


def explain(raw: bytes) -> list[Span]:
    """Every byte in one span. Where a line is no message of the Simple Protocol, its text."""
    cut = Cutter(raw)
    while cut.at < len(raw) and not cut.full:
        begin, end = cut.at, _line_end(raw, cut.at)
        text = raw[begin:end].rstrip(_ENDS)
        tail = text[len(text.rstrip(_HEX)) :]
        if (
            not tail
            or len(tail) % 2
            or len(tail) > _MAX_SHOWN
            or not _message(cut, begin + len(text) - len(tail), tail)
        ):
            for span in ascii_bytes.explain(raw[begin:end]):
                cut.take(begin + span.end, span.name, span.text, span.ok)
        cut.take(end, "CR", "end of the line")
    cut.take(len(raw), "rest", "not looked at: too many parts")
    return cut.spans


def _line_end(raw: bytes, at: int) -> int:
    """Behind the terminators of the line that begins there."""
    found = [end for end in (raw.find(b"\r", at), raw.find(b"\n", at)) if end >= 0]
    if not found:
        return len(raw)
    end = min(found)
    while end < len(raw) and raw[end] in _ENDS:
        end += 1
    return end


def _message(cut: Cutter, at: int, digits: bytes) -> bool:
    """The spans of a command or an answer, and of the noise before it; False where it is neither."""
    data = bytes.fromhex(digits.decode("ascii"))
    for crc in (False, True):
        fields = _answer(digits, crc=crc) or _command(data[:-2] if crc else data, data if crc else b"")
        if fields is None:
            continue
        cut.take(at, "noise", f"{bytes_text(at - cut.at)} that belong to no line", False)
        for size, name, text, ok in fields:
            cut.take(cut.at + 2 * size, name, text, ok)
        if crc:
            cut.take(cut.at + 4, "CRC", "fits: 8408 from FFFF, low byte first", True)
        return True
    return False


_Field = tuple[int, str, str, bool | None]


def _answer(digits: bytes, *, crc: bool) -> list[_Field] | None:
    """An answer that can be told without its question: a tag, tags, a version, an error."""
    for code in _ANSWERED:
        reply = twn4.parse(digits, code, crc=crc)
        if not isinstance(reply, twn4.Reply):
            continue
        fields: list[_Field] = [(1, "response", twn4.RESPONSES[reply.refused], False if reply.refused else None)]
        if isinstance(reply, twn4.Version):
            return [
                *fields,
                (1, "length", bytes_text(len(reply.text)), None),
                (len(reply.text), "version", reply.text, None),
            ]
        if isinstance(reply, twn4.Tags) and reply.tags:
            fields.append((1, "result", "found", None))
            return fields + (_tag(reply.tags[0]) if code == twn4.SEARCH_TAG else _tags(reply))
        if isinstance(reply, twn4.Tags):
            return [*fields, (len(reply.data), "result", "no tag, or 0", None)]
        return fields
    if digits in (b"00",) and not crc:
        return [(1, "response", "done", None)]
    return None


def _tag(tag: twn4.Tag) -> list[_Field]:
    fits = (tag.bits + 7) // 8 == len(tag.uid)
    return [
        (1, "tag type", twn4.kind_text(tag.kind), None),
        (1, "bits", f"{tag.bits} bits of ID", None if fits else False),
        (1, "length", bytes_text(len(tag.uid)), None),
        (len(tag.uid), "UID", tag.uid.hex().upper(), None),
    ]


def _tags(reply: twn4.Tags) -> list[_Field]:
    fields: list[_Field] = [
        (1, "cards", str(len(reply.tags)), None),
        (1, "length", f"{bytes_text(len(reply.data) - 3)} of list", None),
    ]
    for tag in reply.tags:
        fields.append((1, "length", bytes_text(len(tag.uid)), None))
        fields.append((len(tag.uid), "UID", tag.uid.hex().upper(), None))
    return fields


def _command(data: bytes, checked: bytes) -> list[_Field] | None:
    """A command, or an answer of which only the response code can be told; with ``checked`` its CRC must fit."""
    if checked and (len(checked) < 3 or crc16_8408(checked[:-2]) != int.from_bytes(checked[-2:], "little")):
        return None
    code = int.from_bytes(data[:2], "big")
    if len(data) >= 2 and code in twn4.COMMANDS and (checked or not _has_crc(data)):
        fields: list[_Field] = [(2, "command", twn4.COMMANDS[code], None)]
        return fields + _parameters(code, data[2:])
    if not checked and not _has_crc(data) and data[:1] == b"\x00":
        return [(1, "response", "done", None), (len(data) - 1, "data", bytes_text(len(data) - 1), None)]
    return (
        None
        if not checked
        else [(1, "response", "done", None), (len(data) - 1, "data", bytes_text(len(data) - 1), None)]
    )


def _has_crc(data: bytes) -> bool:
    return len(data) > 2 and crc16_8408(data[:-2]) == int.from_bytes(data[-2:], "little")


def _parameters(code: int, data: bytes) -> list[_Field]:
    number = int.from_bytes
    match code:
        case twn4.SEARCH_TAG if len(data) == 1:
            return [(1, "max length", f"{bytes_text(data[0])} of ID", None)]
        case twn4.SEARCH_MULTI_TAG | twn4.GET_VERSION if len(data) == 1:
            return [(1, "max length", bytes_text(data[0]), None)]
        case twn4.SET_TAG_TYPES if len(data) == 8:
            return [
                (4, "LF tag types", f"mask {number(data[:4], 'little'):08X}", None),
                (4, "HF tag types", f"mask {number(data[4:], 'little'):08X}", None),
            ]
        case twn4.BEEP if len(data) == 7:
            return [
                (1, "volume", str(data[0]), None),
                (2, "frequency", f"{number(data[1:3], 'little')} Hz", None),
                (2, "on", f"{number(data[3:5], 'little')} ms", None),
                (2, "off", f"{number(data[5:7], 'little')} ms", None),
            ]
        case _:
            return [(len(data), "data", bytes_text(len(data)), None)] if data else []
