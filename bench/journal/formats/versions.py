"""OCPP versions as other programs write them, and what a call tells of the version it was written in."""

from __future__ import annotations

import re

from bench.codecs.ocpp_schemas import Half, schema_of

_DIGITS = re.compile(r"\d")
_KNOWN = ("1.6", "2.0.1")


def known_version(text: str) -> str | None:
    """The version a codec of ours reads it with (``1.6`` or ``2.0.1``): ``1.6J``, ``ocpp2.0.1``, ``OCPP 2.1``, ``V16``...;
    None where the text names none."""
    first = _DIGITS.search(text)
    return {"1": "1.6", "2": "2.0.1"}.get(first[0]) if first else None


def likely_version(action: str, payload: object) -> str | None:
    """The one version whose schema a call fits, None where both do or none does."""
    fits = [
        version
        for version in _KNOWN
        if (schema := schema_of(version, Half.REQUEST, action)) is not None and schema.is_valid(payload)
    ]
    return fits[0] if len(fits) == 1 else None
