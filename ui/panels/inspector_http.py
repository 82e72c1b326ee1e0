"""HTTP messages in parts: start line, headers, body (RFC 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.exchange import MASK

MAX_HEAD = 256 * 1024
"""Bytes in which the head must end."""

_START = re.compile(rb"(?:[A-Z]{3,16} \S+ HTTP/\d(?:\.\d)?|HTTP/\d(?:\.\d)? \d{3}(?: [^\r\n]*)?)\r?\n")
_END = re.compile(rb"\r?\n\r?\n")
_SECRET_HEADER = re.compile(
    rb"^((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|ocp-apim-subscription-key)([ \t]*:[ \t]*)([^\r\n]+)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Http:
    """A request or a response. headers: by name; a name given twice has a list. body: as it came."""

    start: str
    headers: dict[str, object]
    body: bytes


def parse_http(raw: bytes) -> Http | None:
    """The parts of an HTTP message; None where the bytes are none."""
    start = _START.match(raw)
    if start is None:
        return None
    end = _END.search(raw, start.end() - 2, MAX_HEAD)
    head = raw[start.end() : end.start() if end else min(len(raw), MAX_HEAD)]
    headers: dict[str, object] = {}
    for line in _text(head).splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            name, value = line, ""
        name, value = name.strip(), value.strip()
        if not name:
            continue
        before = headers.get(name)
        headers[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return Http(_text(start[0]).strip(), headers, raw[end.end() :] if end else b"")


def _text(head: bytes) -> str:
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")  # any bytes are; what RFC 9112 calls obs-text


def mask_headers(raw: bytes) -> bytes:
    """The message with the values of headers that carry credentials replaced by dots."""
    end = _END.search(raw, 0, MAX_HEAD)
    cut = end.start() if end else min(len(raw), MAX_HEAD)
    return _SECRET_HEADER.sub(lambda match: match[1] + match[2] + MASK.encode(), raw[:cut]) + raw[cut:]
