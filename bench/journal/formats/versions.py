"""OCPP versions as other programs write them, and what a call tells of the version it was written in."""

from __future__ import annotations

import re

from bench.codecs.ocpp_schemas import Half, actions, schema_of

_NOT_DIGITS = re.compile(r"\D")
_BEGINS = {"1": "1.6", "21": "2.1", "2": "2.0.1"}


def known_version(text: str) -> str | None:
    """The version a codec of ours reads it with (``1.6``, ``2.0.1`` or ``2.1``): ``1.6J``, ``ocpp2.0.1``, ``OCPP 2.1``,
    ``V16``...; None where the text names none."""
    digits = _NOT_DIGITS.sub("", text)
    return next((version for begin, version in _BEGINS.items() if digits.startswith(begin)), None)


def likely_version(action: str, payload: object) -> str | None:
    """The one version whose schema a call fits, None where 1.6 and 2.x do or none does.

    2.1 is told by the actions it adds alone: what 2.0.1 knows too mostly fits both, and where it fits 2.1 only, it may as well be
    a wrong call of 2.0.1.
    """
    known = actions("2.0.1")
    fits = [
        version
        for version in ("1.6", "2.0.1" if action in known else "2.1")
        if (schema := schema_of(version, Half.REQUEST, action)) is not None and schema.is_valid(payload)
    ]
    return fits[0] if len(fits) == 1 else None
