"""Captures to files and files to captures. Blocks; constant memory; a half-finished target never stays.

What is written appears under its name when it is whole, readable by its owner only.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from bench.errors import BadInput, NotFound, StoreError
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal.capture_reader import CaptureReader
from bench.journal.filter import Filter
from bench.journal.formats import Item, Station, csv_rows, lossless, ocpp_trace, plain
from bench.journal.formats.lines import Line, numbered
from bench.journal.formats.redaction import Redactor
from bench.journal.notes import Note
from bench.journal.pairing import Paired, Pairing
from bench.journal.redecode import redecode
from bench.message import Message

PAGE = 2_000
PAGE_BYTES = 4 * 1024 * 1024
LOOK_BACK = 2_000
"""Messages before the first one wanted in which the request of an answer is looked for."""
_SNIFF = 64 * 1024
_TELL_EVERY = 1_000

Progress = Callable[[int, int], None]
"""Told how much is done of how much: messages (export; twice as many to redact them), bytes (import). An exception it
raises ends the work and leaves no target."""


class Form(StrEnum):
    """The formats. plain can be read only."""

    LOSSLESS = "lossless"
    TRACE = "trace"
    CSV = "csv"
    PLAIN = "plain"


@dataclass(slots=True)
class Report:
    """What was written. left_out: how many were not, by reason."""

    form: Form
    messages: int = 0
    exchanges: int = 0
    notes: int = 0
    gaps: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """One sentence."""
        counts = ((self.exchanges, "exchange"), (self.notes, "note"), (self.gaps, "gap"))
        parts = [_counted(self.messages, "message"), *(_counted(count, what) for count, what in counts if count)]
        if self.left_out:
            why = ", ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
            parts.append(f"{self.left_out.total()} left out: {why}")
        return "; ".join(parts)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def form_of(path: Path) -> Form | None:
    """The format a file's name stands for: ``.trace.jsonl`` and ``.oot``, ``.jsonl``, ``.csv``, ``.log`` and ``.txt``."""
    name = path.name.lower()
    for ends, form in (
        ((".trace.jsonl", ".oot"), Form.TRACE),
        ((".jsonl",), Form.LOSSLESS),
        ((".csv",), Form.CSV),
        ((".log", ".txt"), Form.PLAIN),
    ):
        if name.endswith(ends):
            return form
    return None


# Messages of a capture


class Messages:
    """Goes over the messages of a capture once, page by page, and answers what a filter asks of them.

    A filter's context: which exchange a message belongs to, and how long after its request an answer came.
    bodies: decode them, for filters and summaries. after: begin behind that number. paired: what is known of the message at
    hand as a request or an answer.
    """

    def __init__(self, reader: CaptureReader, *, bodies: bool = True, after: int = 0) -> None:
        self._reader = reader
        self._bodies = bodies
        self._after = after
        self._pairing = Pairing()
        self._exchanges: dict[int, int] = {}
        self._page: tuple[int, int] = (1, 0)
        self.paired = Paired(None, None, ())

    def __iter__(self) -> Iterator[Message]:
        """Every message, in order."""
        for page in pages(self._reader, max(0, self._after - LOOK_BACK)):
            self._page, self._exchanges = (page[0].seq, page[-1].seq), {}
            for recorded in page:
                message = redecode(recorded) if self._bodies else recorded
                self.paired = self._pairing.feed(message)
                if message.seq > self._after:
                    yield message

    def exchange_of(self, seq: int) -> int | None:
        """The exchange of a message of the page at hand, or None."""
        if not self._exchanges:
            self._exchanges = self._reader.exchanges_of(*self._page) or {-1: -1}
        return self._exchanges.get(seq)

    def answer_ms(self, message: Message) -> float | None:
        """Of the message at hand."""
        return self.paired.ms


def pages(reader: CaptureReader, after: int = 0) -> Iterator[list[Message]]:
    """The messages of a capture, as recorded; as many at a time as memory bears."""
    while page := reader.messages(after, PAGE, max_bytes=PAGE_BYTES):
        after = page[-1].seq
        yield page


def exchanges_of(reader: CaptureReader) -> Iterator[dict[str, object]]:
    """Every exchange of a capture."""
    after = 0
    while page := reader.exchanges(after, PAGE):
        yield from page
        numbers = [number for exchange in page if isinstance(number := exchange.get("id"), int)]
        after = max([after, *numbers]) if numbers else after + len(page)


# Export


def export_capture(
    path: Path,
    target: Path,
    form: Form | None = None,
    *,
    filter: Filter | None = None,
    redact: bool = False,
    key: bytes | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write the messages of a capture that a filter lets through (None: all) to a file.

    form: None = by the target's name. redact, key: see :mod:`bench.journal.formats.redaction`. force: replace the target.

    Raises:
        NotFound, BadInput: the capture cannot be read, the target exists, or the format is not known.
        StoreError: the target cannot be written.
    """
    form = form or form_of(target)
    if form is None:
        raise BadInput(f"the name {target.name} tells no format", "name one: lossless, trace or csv")
    if form is Form.PLAIN:
        raise BadInput("a plain log can be read, but not written", "choose lossless, trace or csv")
    if target.exists():
        if not target.is_file() or (path.exists() and path.samefile(target)):
            raise BadInput(f"{target} is no file to write to", "name another file")
        if not force:
            raise BadInput(f"{target} exists already", "name another file, or use --force to replace it")
    with CaptureReader(path) as reader, _draft(target) as file:
        return _Export(reader, form, filter, _learnt(reader, key, progress) if redact else None, progress).write(file)


class _Export:
    def __init__(
        self,
        reader: CaptureReader,
        form: Form,
        filter_: Filter | None,
        redactor: Redactor | None,
        progress: Progress | None,
    ) -> None:
        self._reader = reader
        self._filter = filter_
        self._redactor = redactor
        self._report = Report(form)
        self._source = Messages(reader, bodies=filter_ is not None or form is Form.CSV)
        self._written = array("q")
        self._tell = _telling(progress, reader, 2 if redactor else 1, 1 if redactor else 0)
        stations = reader.stations()
        if redactor is not None:
            stations = {redactor.text(name): version for name, version in stations.items()}
        self._stations = stations

    def write(self, file: BinaryIO) -> Report:
        make = {Form.TRACE: self._trace, Form.CSV: self._csv}.get(self._report.form, self._lossless)
        for line in make():
            file.write(line)
        return self._report

    def _messages(self) -> Iterator[Message]:
        """What is to be written, redacted."""
        for done, message in enumerate(self._source, 1):
            self._tell(done)
            if self._filter is None or self._filter.matches(message, self._source):
                yield message if self._redactor is None else self._redactor.message(message)

    def _trace(self) -> Iterator[bytes]:
        writer = ocpp_trace.Writer(self._stations)
        self._report.left_out = writer.left_out
        for message in self._messages():
            if (line := writer.line(message)) is not None:
                self._report.messages += 1
                yield line

    def _csv(self) -> Iterator[bytes]:
        yield csv_rows.header()
        for message in self._messages():
            self._report.messages += 1
            yield csv_rows.line(redecode(message), self._source.answer_ms(message))

    def _lossless(self) -> Iterator[bytes]:
        report, redactor = self._report, self._redactor
        yield lossless.header()
        for name, version in self._stations.items():
            yield lossless.station_line(Station(name, version))
        for message in self._messages():
            self._written.append(message.seq)
            report.messages += 1
            yield lossless.message_line(message)
        for exchange in exchanges_of(self._reader):
            if not isinstance(exchange.get("id"), int):
                report.left_out["an exchange that could not be recorded whole"] += 1
            elif self._filter is None or any(map(self._has, _numbers(exchange))):
                report.exchanges += 1
                yield lossless.exchange_line(exchange if redactor is None else redactor.tree(exchange))
        for note in self._reader.notes():
            if self._filter is None or self._has(note.seq):
                report.notes += 1
                text = note.text if redactor is None else redactor.text(note.text)
                yield lossless.note_line(Note(note.seq, text, note.utc_ns))
        for gap in self._reader.gaps():
            report.gaps += 1
            yield lossless.gap_line(gap)
        yield lossless.footer(report.messages)

    def _has(self, seq: int) -> bool:
        at = bisect_left(self._written, seq)
        return at < len(self._written) and self._written[at] == seq


def _numbers(exchange: dict[str, object]) -> list[int]:
    hops = exchange.get("hops")
    found = [hop.get("seq") for hop in hops if isinstance(hop, dict)] if isinstance(hops, list) else []
    return [seq for seq in found if isinstance(seq, int)]


def _learnt(reader: CaptureReader, key: bytes | None, progress: Progress | None) -> Redactor:
    """A redactor that knows every value of a capture: what is exported may hold what only other messages name."""
    redactor = Redactor(key)
    tell = _telling(progress, reader, 2, 0)
    done = 0
    for page in pages(reader):
        for message in page:
            redactor.learn(message)
        done += len(page)
        tell(done)
    for exchange in exchanges_of(reader):
        redactor.learn_exchange(exchange)
    return redactor


def _telling(progress: Progress | None, reader: CaptureReader, passes: int, before: int) -> Callable[[int], None]:
    """Tells progress in one of several passes, now and then."""
    if progress is None:
        return lambda done: None
    total, told = reader.count(), 0

    def tell(done: int) -> None:
        nonlocal told
        if done - told >= _TELL_EVERY or done == total:
            told = done
            progress(min(done, total) + before * total, passes * total)

    return tell


# Import


def import_file(source: Path, capture: Path, form: Form | None = None, *, progress: Progress | None = None) -> Report:
    """Make a new capture of a file.

    form: None = by the first line, else by the name. The lossless format keeps the numbers of its messages; others are
    numbered from 1.

    Raises:
        NotFound, BadInput: the file cannot be read (a damaged line is named), or the capture exists; nothing is left behind.
        StoreError: the capture cannot be written.
    """
    if capture.exists():
        raise BadInput(f"{capture} exists already", "name a new file for the capture")
    try:
        with source.open("rb") as file:
            form = form or _sniff(file, source)
            size = os.fstat(file.fileno()).st_size
            with _new_capture(capture) as made:
                return _write(_read(file, form, source.stem), made, Report(form), file, size, progress)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {source}", "check its name") from error
    except OSError as error:
        raise BadInput(f"cannot read {source}: {error.strerror or error}") from error


def _sniff(file: BinaryIO, source: Path) -> Form:
    head = file.read(_SNIFF).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    line = head.partition(b"\n")[0]
    if line.startswith(b"{") and b'"schemaVersion"' in head:
        return Form.TRACE
    if line.startswith(b"{") and b'"format"' in line:
        return Form.LOSSLESS
    if line.startswith(csv_rows.header().rstrip()):
        return Form.CSV
    if line.startswith(b"["):
        return Form.PLAIN
    form = form_of(source)
    if form is None:
        what = f"neither the name nor the content of {source.name} tells its format"
        raise BadInput(what, f"name one: {', '.join(Form)}")
    return form


def _read(file: BinaryIO, form: Form, name: str) -> Iterator[Item]:
    lines: Iterator[Line] = numbered(file)
    if form is Form.LOSSLESS:
        return lossless.read(lines)
    if form is Form.TRACE:
        return ocpp_trace.read(lines)
    if form is Form.CSV:
        return csv_rows.read(lines)
    version = plain.version_of(lines)
    file.seek(0)
    return plain.read(numbered(file), name, version)


def _write(
    items: Iterable[Item], file: CaptureFile, report: Report, source: BinaryIO, size: int, progress: Progress | None
) -> Report:
    """Batch by batch, so that memory stays the same however long the file is."""
    batch = _Batch()
    for item in items:
        batch.add(item, report)
        if batch.full:
            file.write(batch.taken())
            batch = _Batch()
            if progress is not None:
                progress(source.tell(), size)
    file.write(batch.taken())
    if progress is not None:
        progress(size, size)
    return report


class _Batch:
    """What one transaction will write."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._exchanges: list[ExchangeRow] = []
        self._gaps: list[Gap] = []
        self._notes: list[Note] = []
        self._stations: list[Station] = []
        self._count = self._bytes = 0

    @property
    def full(self) -> bool:
        return self._count >= PAGE or self._bytes >= PAGE_BYTES

    def add(self, item: Item, report: Report) -> None:
        self._count += 1
        match item:
            case Message():
                self._messages.append(item)
                self._bytes += len(item.raw)
                report.messages += 1
            case ExchangeRow():
                self._exchanges.append(item)
                self._bytes += len(item.json)
                report.exchanges += 1
            case Gap():
                self._gaps.append(item)
                report.gaps += 1
            case Note():
                self._notes.append(item)
                report.notes += 1
            case Station():
                self._stations.append(item)

    def taken(self) -> Batch:
        return Batch(
            messages=self._messages,
            exchanges=self._exchanges,
            gaps=self._gaps,
            notes=self._notes,
            stations=self._stations,
        )


# Whole or not at all


@contextmanager
def _draft(target: Path) -> Iterator[BinaryIO]:
    """A file that becomes the target when all went well, and nothing otherwise."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}", "name another file") from error
    draft = Path(name)
    try:
        with open(number, "wb") as file:
            yield file
        draft.replace(target)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}", "free space or name another"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _new_capture(path: Path) -> Iterator[CaptureFile]:
    """A capture that gets its name when all went well, and leaves nothing otherwise."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}", "name another file") from error
    try:
        file = CaptureFile(folder / path.name)
        file.open()
        try:
            yield file
        finally:
            file.close()
        if any(folder.glob("*-wal")):
            raise StoreError(f"{path} could not be completed on its disk", "free space on it")
        if path.exists():
            raise BadInput(f"{path} was made meanwhile by another program", "name another file")
        try:
            file.path.rename(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}", "name another file") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = [
    "Form",
    "Messages",
    "Progress",
    "Report",
    "exchanges_of",
    "export_capture",
    "form_of",
    "import_file",
    "pages",
]
