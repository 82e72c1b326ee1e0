"""A file of tokens, opened: what its columns are and mean, and its rows one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from bench.errors import BadInput
from bench.settings import EnrolSettings
from bench.tokens import columns
from bench.tokens.json_entries import JsonEntries, JsonEntry
from bench.tokens.sheet import Sheet, guess_unnamed, unguarded
from bench.tokens.text_file import TextFile

SAMPLE = 100
_BEGIN_JSON = ("[", "{")


class FileFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read. mapping: column -> field, None to leave it out; columns that are not in it are guessed.

    file_format: None = by the file's ending, else by its first character. encoding: None = by the file (``cp1252`` is what Windows
    calls Western European). named: whether the first line of a CSV file names its columns, None = by its words. defaults: country,
    party and issuer where a row names none.
    """

    mapping: Mapping[str, str | None] = field(default_factory=dict)
    file_format: FileFormat | None = None
    encoding: str | None = None
    named: bool | None = None
    defaults: EnrolSettings = field(default_factory=EnrolSettings)


class Row(NamedTuple):
    """number: the line of a CSV file, the entry of a JSON one, from 1. values: by field. problem: why it is no token at all.

    removal: it names a token that a local list should lose.
    """

    number: int
    values: dict[str, object]
    problem: str = ""
    removal: bool = False


class TokenFile:
    """Opened for one reading from beginning to end; use as a context.

    columns: their names. mapping: what each is taken for. samples: the first value of each, as text. told: what the file is, in
    words.

    Raises:
        BadInput: it cannot be read, or is neither CSV nor JSON of tokens.
    """

    def __init__(self, source: Path | str, reading: Reading) -> None:
        self._text = TextFile(source, reading.encoding)
        try:
            self.format = _format_of(source, reading, self._text)
            self.columns: tuple[str, ...] = ()
            self.mapping: dict[str, str | None] = {}
            self.samples: dict[str, str] = {}
            self.named = True
            if self.format is FileFormat.CSV:
                self._open_sheet(Sheet(self._text, named=reading.named))
            else:
                self._open_json(JsonEntries(self._text))
            self._given = reading.mapping
            self.mapping = {name: reading.mapping.get(name, meant) for name, meant in self.mapping.items()}
        except BaseException:
            self._text.close()
            raise

    def __enter__(self) -> TokenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    @property
    def done(self) -> int:
        """How much of :attr:`size` was read."""
        return self._text.done

    @property
    def size(self) -> int:
        return self._text.size

    @property
    def told(self) -> str:
        return f"{self._told}, {self._text.encoding.upper().removesuffix('-SIG').replace('CP1252', 'Windows-1252')}"

    def rows(self) -> Iterator[Row]:
        """Every row, its values by field.

        Raises:
            BadInput: the columns are not understood, or the file is broken further down.
        """
        if self.columns:
            columns.check(self.mapping, sheet=self.format is FileFormat.CSV)
        return self._cells() if self.format is FileFormat.CSV else self._entries()

    # CSV

    def _open_sheet(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self.named = sheet.named
        self.columns = tuple(sheet.columns)
        guessed = columns.guess(self.columns)
        if not sheet.named:
            guessed = dict(zip(self.columns, guess_unnamed(sheet.example), strict=True))
        self.mapping = guessed
        self._waiting = [row for _, row in zip(range(SAMPLE), sheet.rows(), strict=False)]
        for _, cells in reversed(self._waiting):
            self.samples |= {name: cell for name, cell in zip(self.columns, cells, strict=False) if cell.strip()}
        signs = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
        self._told = "CSV" if len(self.columns) == 1 else f"CSV with {signs.get(sheet.delimiter, sheet.delimiter)}"

    def _cells(self) -> Iterator[Row]:
        fields = [self.mapping[name] for name in self.columns]
        wanted = [at for at, name in enumerate(fields) if name is not None]
        names = [name for name in fields if name is not None]
        count = len(fields)
        waiting, self._waiting = self._waiting, []
        for source in (waiting, self._sheet.rows()):
            for number, cells in source:
                width = len(cells)
                if "'" in "".join(cells):
                    cells = [unguarded(cell) for cell in cells]
                chosen = cells if len(names) == width == count else [cells[at] for at in wanted if at < width]
                values: dict[str, object] = dict(zip(names, chosen, strict=False))
                # A stray delimiter shifts every value behind it, so such a row is not guessed at.
                surplus = width > count and any(cell.strip() for cell in cells[count:])
                yield Row(number, values, f"{width:,} cells, the header has {count}" if surplus else "")

    # JSON

    def _open_json(self, entries: JsonEntries) -> None:
        source = iter(entries)
        self._first = [entry for _, entry in zip(range(SAMPLE), source, strict=False)]
        self._rest = source
        names: dict[str, None] = {}
        for entry in self._first:
            names |= dict.fromkeys(entry.values)
        self.columns = tuple(names)
        self.mapping = {path: columns.path_field(path) for path in self.columns}
        for entry in reversed(self._first):
            self.samples |= {
                name: str(value)[:200] for name, value in entry.values.items() if value not in (None, "", {})
            }
        self._told = "JSON"

    def _entries(self) -> Iterator[Row]:
        number = 0
        held, self._first = self._first, []
        for source in (held, self._rest):
            for entry in source:
                number += 1
                yield Row(number, self._values(entry), entry.problem, entry.removal)

    def _values(self, entry: JsonEntry) -> dict[str, object]:
        values: dict[str, object] = {}
        for path, value in entry.values.items():
            try:
                name = self.mapping[path]
            except KeyError:  # a name that the first entries had not
                name = self._given.get(path, columns.path_field(path))
                if len(self.mapping) < 10 * SAMPLE:
                    self.mapping[path] = name
            if name is not None and (name not in values or columns.is_own(path, name)):
                values[name] = value
        return values


def _format_of(source: Path | str, reading: Reading, text: TextFile) -> FileFormat:
    ending = source.suffix.removeprefix(".").casefold() if isinstance(source, Path) else ""
    if reading.file_format is not None:
        return reading.file_format
    if ending in set(FileFormat):
        return FileFormat(ending)
    return FileFormat.JSON if text.begins in _BEGIN_JSON else FileFormat.CSV


def format_named(name: str) -> FileFormat:
    """The format of that name.

    Raises:
        BadInput: neither csv nor json.
    """
    try:
        return FileFormat(name.casefold())
    except ValueError as error:
        raise BadInput(f"the format {name[:20]!r} is not known", "use csv or json") from error
