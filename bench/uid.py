"""How token values are written: UIDs as upper-case hex without separators (OCPP 1.6 section 3.9), anything else as it is."""

from __future__ import annotations

import re

# Bytes with a separator between each two; a UUID's dashes do not match, and it must stay as it is.
_SEPARATED = re.compile(r"[0-9A-Fa-f]{2}(?:([:\- ])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2})*")
_HEX = re.compile(r"[0-9A-Fa-f]+")


def typed_uid(value: str) -> str:
    """A value that a person typed: separators between the bytes of a UID are for the eye and go."""
    value = value.strip()
    if _SEPARATED.fullmatch(value):
        return re.sub(r"[:\- ]", "", value).upper()
    return wire_uid(value)


def wire_uid(value: str) -> str:
    """A value that came over a wire: hex in upper case; separators stay, for no protocol ignores them in a comparison."""
    if value == (upper := value.upper()):
        return value
    return upper if _HEX.fullmatch(value) and len(value) >= 8 else value
