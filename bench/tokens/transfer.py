"""Tokens out of a file or its text into memory, without a store beside them; and back into one.

Columns and fields are those of the MaEVe API, Token, with ``status`` and ``idTokenType``; chargers' own lists and exports of
back ends are understood too (:mod:`bench.tokens.columns`).
"""

from __future__ import annotations

from pathlib import Path

from bench.settings import EnrolSettings
from bench.tokens.import_plan import Plan, RowError, plan_import
from bench.tokens.model import Token
from bench.tokens.token_file import Reading, format_named


def read_tokens(
    source: str | Path, file_format: str | None = None, defaults: EnrolSettings | None = None
) -> tuple[list[Token], list[RowError]]:
    """The tokens of a file (a Path) or of its text (a str), and the rows that are wrong. Import none where there are any.

    file_format: ``csv`` or ``json``; None = by the file's ending, else by its first character. defaults: country, party and
    issuer where a row names none.

    Raises:
        BadInput: the file cannot be read, or is neither CSV nor JSON of tokens.
    """
    found = parse_tokens(source, file_format, defaults)
    return found.tokens, found.errors


def parse_tokens(source: str | Path, file_format: str | None = None, defaults: EnrolSettings | None = None) -> Plan:
    """As :func:`read_tokens`, with notes and counts, as if the store were empty."""
    reading = Reading(
        file_format=format_named(file_format) if file_format else None, defaults=defaults or EnrolSettings()
    )
    return plan_import(source, reading, lambda value, id_token_type: None)
