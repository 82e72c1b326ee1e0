"""CSV as it occurs in the field: any delimiter, with a line of names or without, Excel's ``sep=`` before it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from bench.errors import BadInput
from bench.tokens.columns import is_status
from bench.tokens.text_file import TextFile

MAX_COLUMNS = 256
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_VALUE = re.compile(r"(VID:)?(?=.*[0-9])[0-9A-Fa-f:\- ]{4,40}", re.ASCII)
# A cell that a spreadsheet would take for a formula is written with an apostrophe before it, one more where it has some.
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_RISKY = frozenset("'=+-@\t\r")
_NUMBER = re.compile(r"-?\d{1,15}", re.ASCII)


class Sheet:
    """The cells of a CSV file. columns: their names, each once; ``column 3`` where the file has none. example: the first row of
    such a file.

    named: whether the first line names the columns; None = by its words.

    Raises:
        BadInput: it is empty, or has over 256 columns.
    """

    def __init__(self, text: TextFile, *, named: bool | None = None) -> None:
        first = self._first_lines(text)
        told = _SEP_LINE.fullmatch(first[-1])
        self.delimiter = told[1] if told else _delimiter(first[-1])
        # The reader counts lines, so those before the first are given to it too; it takes blank ones for nothing.
        lines = ["\n"] * len(first) if told else first
        self._reader = csv.reader(
            chain(lines, iter(text.line, "")), delimiter=self.delimiter, strict=True, skipinitialspace=False
        )
        self._first: tuple[int, list[str]] | None = None
        found = next(self.rows(), None)
        if found is None:
            raise BadInput("the file is empty", "its first line must name the columns")
        line, cells = found
        if len(cells) > MAX_COLUMNS:
            raise BadInput(
                f"the first line has {len(cells):,} cells", f"a list of tokens has at most {MAX_COLUMNS} columns"
            )
        self.named = _is_header(cells) if named is None else named
        self.columns = _unique(cells if self.named else [""] * len(cells))
        self.example: list[str] = [] if self.named else cells
        self._first = None if self.named else (line, cells)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each row that is not blank.

        Raises:
            BadInput: not CSV, with the line.
        """
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        reader = self._reader
        try:
            for cells in reader:
                if any(cells) and any(map(str.strip, cells)):
                    yield reader.line_num, cells
        except csv.Error as error:
            raise BadInput(f"line {reader.line_num} is not CSV: {error}") from error

    @staticmethod
    def _first_lines(text: TextFile) -> list[str]:
        """Up to the first line that is not blank."""
        lines = []
        while line := text.line():
            lines.append(line)
            if line.strip(f"{_DELIMITERS} \r\n") or len(lines) > MAX_COLUMNS:
                break
        return lines or [""]


def guess_unnamed(cells: list[str]) -> list[str | None]:
    """Fields of a list without names, by its first line: the value, and where they are to be known expiry, parent and status.

    The columns of chargers' own pages: ``idTag,expiry,parent,status``, and behind that the moment it was cached.
    """
    fields: list[str | None] = ["uid"] + [None] * (len(cells) - 1)
    for at, cell in enumerate(cells[1:], 1):
        text = cell.strip()
        if is_status(text) and "status" not in fields:
            fields[at] = "status"
        elif _is_moment(text) and "expiry" not in fields and "status" not in fields:
            fields[at] = "expiry"
    if len(cells) >= 4 and fields[3] == "status":
        fields[1] = fields[1] or "expiry"
        fields[2] = fields[2] or "groupId"
    return fields


def guarded(value: object) -> object:
    """A cell that no spreadsheet runs; :func:`unguarded` takes the guard off again."""
    if not isinstance(value, str) or value[:1] not in _RISKY:
        return value
    return f"'{value}" if _FORMULA.match(value) is not None and _NUMBER.fullmatch(value) is None else value


def unguarded(cell: str) -> str:
    """What was written as such a cell."""
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) is not None else cell


def _delimiter(line: str) -> str:
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count)


def _is_header(cells: list[str]) -> bool:
    """Whether they name columns: a value of a card in the first does not, whatever words stand behind it."""
    return _VALUE.fullmatch(cells[0].strip()) is None


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _unique(names: list[str]) -> list[str]:
    made: list[str] = []
    seen: set[str] = set()
    for at, given in enumerate(names, 1):
        name = unguarded(given).strip()[:64] or f"column {at}"
        while name in seen:
            name = f"{name} ({at})"
        seen.add(name)
        made.append(name)
    return made
