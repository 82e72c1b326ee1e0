"""A UID over several lines: ``Start Dump``, then one decimal byte a line (an MFRC522 sketch, yastaheran/INF1510)."""

from __future__ import annotations

import re

from bench.card import Technology, technology_of
from bench.clock import Stamp
from devices.rfid.uid_text import LineRules, Reading, Refused, Uid, settled

START = "start dump"
MAX_BYTES = 64
"""Numbers that are collected: the dump of a memory block is longer than any UID, and must not become one."""
_BYTE = re.compile(r"[0-9]{1,3}")


class ByteDump:
    """Collects the numbers between a start line and whatever ends them."""

    def __init__(self, rules: LineRules) -> None:
        self._rules = rules
        self._open = False
        self._uid = bytearray()
        self._raw = bytearray()
        self._stamp: Stamp | None = None

    @property
    def pending_since(self) -> Stamp | None:
        """When the last number came, while more may follow."""
        return self._stamp if self._uid else None

    def takes(self, raw: bytes, text: str, stamp: Stamp) -> bool:
        """Whether a line is part of the dump; any other one ends it (see :meth:`ended`) before it is looked at."""
        word = text.strip()
        if word.casefold() == START and not self._uid:
            self._open = True
            self._raw = bytearray(raw)
            return True
        if not self._open or len(self._uid) == MAX_BYTES or not _BYTE.fullmatch(word) or int(word) > 0xFF:
            return False
        self._uid.append(int(word))
        self._raw += raw
        self._stamp = stamp
        return True

    @property
    def whole(self) -> bool:
        """Whether no further number can follow: only a length that the operator named tells."""
        return len(self._uid) == self._rules.length

    def ended(self) -> tuple[bytes, Reading, Stamp] | None:
        """The raw lines, what they mean and when the last one came; None where no number was collected. Begins anew."""
        uid, raw, stamp = bytes(self._uid), bytes(self._raw), self._stamp
        self._open, self._stamp = False, None
        self._uid.clear()
        self._raw.clear()
        if not uid or stamp is None:
            return None
        technology = technology_of(uid)
        if technology is Technology.UNKNOWN and self._rules.length is None and len(uid) != 8:
            text = f"a dump of {len(uid)} bytes is no UID: ISO 14443 has 4, 7 or 10, ISO 15693 has 8"
            return (
                raw,
                Refused("reader.uid-length", text, "hold the card still until the reader printed all of it"),
                stamp,
            )
        return raw, settled(Uid(uid, technology), self._rules), stamp
