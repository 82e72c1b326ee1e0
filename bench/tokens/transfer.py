"""Tokens in and out of CSV and JSON files; nothing is ever half applied.

Columns and fields are those of the MaEVe API, Token, with ``status`` and ``idTokenType``; the columns of chargers' own
lists (idTag, expiry, parent, status) are understood too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import orjson

from bench.errors import BadInput, OperatorError
from bench.settings import EnrolSettings
from bench.tokens.api_form import from_api, to_api
from bench.tokens.model import IdTokenType, Token
from bench.tokens.rows import FIELDS, field_of, to_token

__all__ = [
    "FileFormat",
    "Import",
    "RowError",
    "format_tokens",
    "from_api",
    "parse_tokens",
    "read_tokens",
    "to_api",
    "write_tokens",
]

MAX_BYTES = 64 * 1024 * 1024
MAX_ERRORS = 1_000
_Row = tuple[int, Mapping[str, object], str]  # number, known fields, what is wrong with the row as a whole
_DELIMITERS = ",;\t|"


class FileFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


class RowError(NamedTuple):
    """row: the line of a CSV file (the header is 1), the entry of a JSON list (from 1); 0 = the whole file."""

    row: int
    field: str
    why: str


@dataclass(slots=True)
class Import:
    """What a file holds. tokens: as they would be kept. notes: what is no error but gets lost."""

    tokens: list[Token] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    notes: list[RowError] = field(default_factory=list)


def read_tokens(
    source: str | Path, file_format: str | None = None, defaults: EnrolSettings | None = None
) -> tuple[list[Token], list[RowError]]:
    """The tokens of a file (a Path) or of its text (a str), and the rows that are wrong. Import none where there are any.

    file_format: ``csv`` or ``json``; None = by the file's ending, else by its first character. defaults: country, party and
    issuer where a row names none.

    Raises:
        BadInput: the file cannot be read, is over 64 MiB, or is neither CSV nor JSON of tokens.
    """
    found = parse_tokens(source, file_format, defaults)
    return found.tokens, found.errors


def parse_tokens(source: str | Path, file_format: str | None = None, defaults: EnrolSettings | None = None) -> Import:
    """As :func:`read_tokens`, with notes (for a preview)."""
    text = _load(source) if isinstance(source, Path) else source
    if len(text) > MAX_BYTES:
        raise _too_large("the text")
    kind = _format_named(file_format) if file_format else _format_of(source, text)
    found = Import()
    first_row: dict[tuple[str, IdTokenType], int] = {}
    for number, row, problem in _csv_rows(text) if kind is FileFormat.CSV else _json_rows(text):
        if len(found.errors) >= MAX_ERRORS:
            found.errors.append(RowError(number, "", f"more than {MAX_ERRORS} errors: the rest was not read"))
            break
        if problem:
            found.errors.append(RowError(number, "", problem))
            continue
        try:
            token, note = to_token(row, defaults or EnrolSettings())
        except BadInput as error:
            name, _, why = error.what.partition(": ")
            found.errors.append(RowError(number, name, f"{why}; {error.cure}" if error.cure else why))
            continue
        before = first_row.setdefault(token.key, number)
        if before != number:
            found.errors.append(RowError(number, "uid", f"the same value and type are in row {before} already"))
            continue
        if note:
            found.notes.append(RowError(number, "expiry", note))
        found.tokens.append(token)
    return found


def write_tokens(tokens: Iterable[Token], path: Path, file_format: str | None = None) -> None:
    """Write a file that :func:`read_tokens` reads back; a failure leaves the old file as it was.

    Raises:
        BadInput: neither ``csv`` nor ``json``. OperatorError: the file cannot be written.
    """
    text = format_tokens(tokens, _format_named(file_format or path.suffix.removeprefix(".")))
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise OperatorError(f"cannot write {path}: {error.strerror or error}", "name another file") from error


def format_tokens(tokens: Iterable[Token], file_format: str) -> str:
    """The text of a CSV or JSON file."""
    bodies = [{**to_api(token), "idTokenType": token.id_token_type.value} for token in tokens]
    if file_format == FileFormat.JSON:
        return orjson.dumps(bodies, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    made = io.StringIO()
    writer = csv.DictWriter(made, FIELDS, lineterminator="\r\n")
    writer.writeheader()
    for body in bodies:
        writer.writerow(_cells(body))
    return made.getvalue()


def _cells(body: Mapping[str, object]) -> dict[str, object]:
    """The cells of a CSV row: what is a list or an object in JSON, flat."""
    cells = {**body, "valid": "true" if body["valid"] else "false"}
    evses, message = body.get("evseIds"), body.get("personalMessage")
    if isinstance(evses, list):
        cells["evseIds"] = " ".join(map(str, evses))
    if isinstance(message, dict):
        cells["personalMessage"] = message["content"]
        cells["personalMessageFormat"] = message["format"]
        cells["personalMessageLanguage"] = message.get("language", "")
    return cells


def _load(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise _too_large(str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 (byte {error.start})", "save it as CSV UTF-8, or as JSON") from error


def _too_large(what: str) -> BadInput:
    return BadInput(f"{what} is over {MAX_BYTES // 1024 // 1024} MiB", "split it")


def _format_named(name: str) -> FileFormat:
    try:
        return FileFormat(name.casefold())
    except ValueError as error:
        raise BadInput(f"the format {name[:20]!r} is not known", "use csv or json") from error


def _format_of(source: str | Path, text: str) -> FileFormat:
    ending = source.suffix.removeprefix(".").casefold() if isinstance(source, Path) else ""
    if ending in set(FileFormat):
        return FileFormat(ending)
    return FileFormat.JSON if text.lstrip("\ufeff \t\r\n").startswith(("[", "{")) else FileFormat.CSV


def _csv_rows(text: str) -> Iterator[_Row]:
    header, _, _ = text.lstrip("\ufeff\r\n").partition("\n")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    fields: list[str | None] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not fields:
                fields = _header([field_of(cell) for cell in cells])
                continue
            row = {name: cell for name, cell in zip(fields, cells, strict=False) if name is not None}
            # A stray delimiter shifts every value behind it, so such a row is not guessed at.
            surplus = any(cell.strip() for cell in cells[len(fields) :])
            yield reader.line_num, row, f"{len(cells)} cells, the header has {len(fields)}" if surplus else ""
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num} is not CSV: {error}") from error
    if not fields:
        raise BadInput("the file is empty", "its first line must name the columns")


def _header(fields: list[str | None]) -> list[str | None]:
    known = [name for name in fields if name is not None]
    if "uid" not in known:
        raise BadInput("no column names a token", "the first line must name the columns, one of them uid or idTag")
    twice = next((name for name in known if known.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"two columns mean {twice}", "remove one")
    return fields


def _json_rows(text: str) -> Iterator[_Row]:
    try:
        found = orjson.loads(text.lstrip("\ufeff"))
    except orjson.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error}") from error
    if isinstance(found, dict):
        found = found.get("tokens", [found] if "uid" in found or "idTag" in found else None)
    if not isinstance(found, list):
        raise BadInput("the JSON is no list of tokens")
    for number, entry in enumerate(found, 1):
        row: dict[str, object] = {}
        for key, value in entry.items() if isinstance(entry, dict) else ():
            name = field_of(key)
            if name is not None:
                row.setdefault(name, value)
        yield number, row, "" if isinstance(entry, dict) else "no JSON object"
