"""A text file that may be larger than memory: its encoding found, its lines and stretches bounded."""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BadInput

MAX_BYTES = 4 * 1024**3
MAX_LINE = 1024 * 1024
_HEAD = 4096
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),  # what Excel calls Unicode text
    (b"\xfe\xff", "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, .xls


class TextFile:
    """Text that is read from its beginning, once; never whole in memory.

    source: a file (Path) or its text (str). encoding: None = by its byte order mark, or by the NULs of UTF-16 without one, else
    UTF-8. begins: its first character that is no white space. Reading raises BadInput where bytes are no text, or a line is over
    1 MiB.

    Raises:
        BadInput: it cannot be opened, is a workbook, or is over 4 GiB.
    """

    def __init__(self, source: Path | str, encoding: str | None = None) -> None:
        self.name = source.name if isinstance(source, Path) else "the text"
        self.lines = 0
        if isinstance(source, str):
            self.encoding = "utf-8"
            self.size = len(source)
            self.begins = _first(source[:_HEAD])
            self._check(b"")
            self._bytes: io.BufferedReader | None = None
            self._text: io.TextIOBase = io.StringIO(source.removeprefix("\ufeff"), newline="")
            return
        try:
            file = source.open("rb")
        except OSError as error:
            raise BadInput(f"cannot read {source}: {error.strerror or error}") from error
        try:
            self.size = file.seek(0, io.SEEK_END)
            file.seek(0)
            head = file.peek(_HEAD)[:_HEAD]
            self.encoding = encoding or _encoding(head)
            self._check(head)
            self.begins = _first(head.decode(self.encoding, "ignore"))
        except BaseException:
            file.close()
            raise
        self._bytes = file
        self._text = io.TextIOWrapper(file, self.encoding, newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._text.close()

    @property
    def done(self) -> int:
        """How much of :attr:`size` was read."""
        return self._text.tell() if self._bytes is None else self._bytes.tell()

    def line(self) -> str:
        """The next line with its end, or an empty text at the end."""
        self.lines += 1
        text = self._read(self._text.readline, MAX_LINE)
        if len(text) == MAX_LINE and not text.endswith(("\n", "\r")):
            raise BadInput(f"line {self.lines} of {self.name} is over 1 MiB", "a list of tokens has one a line")
        return text

    def read(self, characters: int) -> str:
        """The next stretch, or an empty text at the end."""
        return self._read(self._text.read, characters)

    def _read(self, read: object, limit: int) -> str:
        try:
            return read(limit)  # type: ignore[operator, no-any-return]
        except UnicodeError as error:
            place = f" (after line {self.lines - 1})" if self.lines else ""
            raise BadInput(
                f"{self.name} is not {_shown(self.encoding)}{place}",
                "save it as CSV UTF-8, or say that it is Windows-1252 (Western European)",
            ) from error
        except OSError as error:
            raise BadInput(f"cannot read {self.name}: {error.strerror or error}") from error

    def _check(self, head: bytes) -> None:
        if head.startswith(_WORKBOOKS):
            raise BadInput(
                f"{self.name} is a workbook of a spreadsheet", "save the sheet as CSV UTF-8, then import that"
            )
        if self.size > MAX_BYTES:
            raise BadInput(f"{self.name} is over {MAX_BYTES // 1024**2} MiB", "split it")


def _encoding(head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    for first, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        half = head[first::2]
        if len(half) > 4 and half.count(0) > len(half) // 2 and 0 not in head[1 - first :: 2]:
            return encoding
    return "utf-8"


def _first(text: str) -> str:
    return text.lstrip("\ufeff \t\r\n")[:1]


def _shown(encoding: str) -> str:
    return {"cp1252": "Windows-1252"}.get(encoding, encoding.upper().removesuffix("-SIG"))
