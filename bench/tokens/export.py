"""Tokens into files: CSV and JSON of our own, the columns of chargers' own pages, and local lists of both OCPP versions."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import orjson

from bench.clock import iso_datetime, utc_now
from bench.errors import BadInput, OperatorError
from bench.tokens.api_form import to_api
from bench.tokens.columns import FIELDS
from bench.tokens.import_plan import RowError
from bench.tokens.list_entries import LeftOut, wanted
from bench.tokens.model import STATUS_16, IdTokenType, Token
from bench.tokens.sheet import guarded

CHARGER_COLUMNS = ("idTag", "expiry", "parent", "status")
_STEP = 1_000

Progress = Callable[[int, int], None]


class ExportForm(StrEnum):
    """CSV and JSON say all a token has. CHARGER: the four columns of chargers' own pages. LIST_16, LIST_201: the payload of a full
    SendLocalList, of version 1."""

    CSV = "csv"
    JSON = "json"
    CHARGER = "charger"
    LIST_16 = "list-1.6"
    LIST_201 = "list-2.0.1"

    @property
    def ending(self) -> str:
        return ".csv" if self in (ExportForm.CSV, ExportForm.CHARGER) else ".json"


class Written(NamedTuple):
    """tokens: how many are in the file. key_codes: how many were left out because they are secret. left_out: others, and why."""

    tokens: int
    key_codes: int
    left_out: list[LeftOut]

    def __str__(self) -> str:
        parts = [f"{self.tokens:,} token{'s' * (self.tokens != 1)}"]
        if self.key_codes:
            parts.append(f"{self.key_codes:,} key code{'s' * (self.key_codes != 1)} left out")
        if self.left_out:
            parts.append(f"{len(self.left_out):,} left out ({self.left_out[0].why})")
        return ", ".join(parts)


def form_named(name: str) -> ExportForm:
    """The form of that name.

    Raises:
        BadInput: there is none.
    """
    try:
        return ExportForm(name.casefold())
    except ValueError as error:
        raise BadInput(f"the format {name[:20]!r} is not known", f"use {', '.join(ExportForm)}") from error


def write_tokens(
    tokens: Iterable[Token],
    path: Path,
    form: ExportForm | str | None = None,
    *,
    key_codes: bool = False,
    total: int = 0,
    progress: Progress | None = None,
) -> Written:
    """Write a file that an import reads back; a failure leaves the old file as it was. Blocks: for a thread of its own.

    form: None = CSV or JSON, by the file's ending. key_codes: they are secret, so they are left out unless asked for.
    progress: told how many of ``total`` tokens are done; what it raises ends the writing.

    Raises:
        BadInput: no such form. OperatorError: the file cannot be written.
    """
    chosen = form_named(form or path.suffix.removeprefix("."))
    sifted = _Sifted(tokens, key_codes=key_codes, total=total, progress=progress)
    left_out: list[LeftOut] = []
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            for text in _texts(sifted, chosen, left_out):
                file.write(text)
        draft.replace(path)
    except OSError as error:
        raise OperatorError(f"cannot write {path}: {error.strerror or error}", "name another file") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return Written(sifted.given - len(left_out), sifted.key_codes, left_out)


def format_tokens(tokens: Iterable[Token], form: ExportForm | str) -> str:
    """The text of such a file, key codes and all."""
    sifted = _Sifted(tokens, key_codes=True, total=0, progress=None)
    return "".join(_texts(sifted, form_named(form), []))


class _Sifted:
    """Tokens without key codes, counted as they go by."""

    def __init__(self, tokens: Iterable[Token], *, key_codes: bool, total: int, progress: Progress | None) -> None:
        self._tokens = tokens
        self._all = key_codes
        self._total = total
        self._progress = progress
        self.given = 0
        self.key_codes = 0

    def __iter__(self) -> Iterator[Token]:
        for count, token in enumerate(self._tokens, 1):
            if self._progress is not None and count % _STEP == 0:
                self._progress(count, max(count, self._total))
            if token.id_token_type is IdTokenType.KEY_CODE and not self._all:
                self.key_codes += 1
                continue
            self.given += 1
            yield token


def _texts(tokens: Iterable[Token], form: ExportForm, left_out: list[LeftOut]) -> Iterator[str]:
    """The pieces of a file."""
    if form is ExportForm.CSV:
        yield from _sheet(FIELDS, map(_cells, tokens))
    elif form is ExportForm.CHARGER:
        yield from _sheet(CHARGER_COLUMNS, map(_charger_cells, tokens))
    elif form is ExportForm.JSON:
        yield from _json(_body(token) for token in tokens)
    else:
        old = form is ExportForm.LIST_16
        made = wanted("1.6" if old else "2.0.1", tokens, utc_now(), expiry=True)
        left_out += made.left_out
        number = "listVersion" if old else "versionNumber"
        yield f'{{"{number}": 1, "updateType": "Full", "localAuthorizationList": '
        yield from _json(made.entries.values())
        yield "}\n"


def _json(bodies: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A list, an entry a line."""
    before = "[\n"
    for body in bodies:
        yield before + orjson.dumps(body).decode()
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _sheet(names: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([guarded(cell) if (cell := row.get(name)) else cell for name in names])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _body(token: Token) -> dict[str, object]:
    return {**to_api(token), "idTokenType": token.id_token_type.value}


def _cells(token: Token) -> dict[str, object]:
    """The cells of a CSV row: what is a list or an object in JSON, flat."""
    body = _body(token)
    cells = {**body, "valid": "true" if body["valid"] else "false"}
    evses, message = body.get("evseIds"), body.get("personalMessage")
    if isinstance(evses, list):
        cells["evseIds"] = " ".join(map(str, evses))
    if isinstance(message, dict):
        cells["personalMessage"] = message["content"]
        cells["personalMessageFormat"] = message["format"]
        cells["personalMessageLanguage"] = message.get("language", "")
    return cells


def _charger_cells(token: Token) -> dict[str, object]:
    return {
        "idTag": token.uid,
        "expiry": iso_datetime(token.expiry) if token.expiry is not None else "",
        "parent": token.group_id or "",
        "status": STATUS_16[token.status_at(utc_now())],
    }


def write_errors(errors: Iterable[RowError], path: Path) -> None:
    """The wrong rows of an import as CSV: row, field, why.

    Raises:
        OperatorError: the file cannot be written.
    """
    rows = [{"row": error.row, "field": error.field, "why": error.why} for error in errors]
    try:
        path.write_text("".join(_sheet(("row", "field", "why"), rows)), encoding="utf-8", newline="")
    except OSError as error:
        raise OperatorError(f"cannot write {path}: {error.strerror or error}", "name another file") from error
