"""Captures to files and files to captures. Blocks; constant memory; a half-finished target never stays."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from bench.errors import BadInput, NotFound
from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal.filter import Filter
from bench.journal.formats import REDACTED, Fact, Item, Station, csv_rows, lossless, ocpp_trace, plain
from bench.journal.formats.drafts import draft, new_capture
from bench.journal.formats.lines import Line, numbered
from bench.journal.formats.redaction import KINDS, Redactor
from bench.journal.formats.whole_reader import WholeReader
from bench.journal.notes import Note
from bench.journal.walk import Messages
from bench.message import Message

BATCH = 2_000
BATCH_BYTES = 4 * 1024 * 1024
"""Written at once on import."""
_SNIFF = 64 * 1024

Progress = Callable[[int, int], None]
"""Told how much is done of how much: numbers of messages (export; twice as many to redact them), bytes (import). An exception it
raises ends the work and leaves no target."""


class Form(StrEnum):
    """The formats. plain can be read only."""

    LOSSLESS = "lossless"
    TRACE = "trace"
    CSV = "csv"
    PLAIN = "plain"


@dataclass(slots=True)
class Report:
    """What was written. left_out: how many were not, by reason.

    redacted: which kinds of values were replaced, empty for none. version: the OCPP version of a plain log, and how it is known.
    """

    form: Form
    messages: int = 0
    exchanges: int = 0
    notes: int = 0
    gaps: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    redacted: str = ""
    version: str = ""

    def __str__(self) -> str:
        """One sentence."""
        counts = ((self.exchanges, "exchange"), (self.notes, "note"), (self.gaps, "gap"))
        parts = [_counted(self.messages, "message"), *(_counted(count, what) for count, what in counts if count)]
        if self.left_out:
            why = ", ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
            parts.append(f"{self.left_out.total()} left out: {why}")
        if self.redacted:
            parts.append(f"redacted: {self.redacted}")
        if self.version:
            parts.append(self.version)
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
    with WholeReader(path) as reader, draft(target) as file:
        return _Export(reader, form, filter, _learnt(reader, key, progress) if redact else None, progress).write(file)


class _Export:
    def __init__(
        self,
        reader: WholeReader,
        form: Form,
        filter_: Filter | None,
        redactor: Redactor | None,
        progress: Progress | None,
    ) -> None:
        self._reader = reader
        self._filter = filter_
        self._redactor = redactor
        self._report = Report(form)
        behind = _part(progress, 2, of=2) if redactor else progress
        csv = form is Form.CSV
        self._source = Messages(reader, filter_, bodies=csv, paired=csv, progress=behind)
        self._written = array("q")
        stations = reader.stations()
        self._facts = reader.facts()
        if redactor is not None:
            # In the order in which a capture tells them: an import and its export are to have the same bytes.
            stations = dict(sorted((redactor.text(name), redactor.text(version)) for name, version in stations.items()))
            facts = sorted((redactor.text(name), redactor.text(value)) for name, value in self._facts.items())
            self._facts = dict(facts) | {REDACTED: KINDS}
        self._report.redacted = self._facts.get(REDACTED, "")
        self._stations = stations

    def write(self, file: BinaryIO) -> Report:
        make = {Form.TRACE: self._trace, Form.CSV: self._csv}.get(self._report.form, self._lossless)
        for line in make():
            file.write(line)
        return self._report

    def _messages(self) -> Iterator[Message]:
        """What is to be written, redacted."""
        for message in self._source:
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
            yield csv_rows.line(message, self._source.answer_ms(message))

    def _lossless(self) -> Iterator[bytes]:
        report, redactor = self._report, self._redactor
        yield lossless.header(report.redacted)
        for name, value in self._facts.items():
            if name != REDACTED:
                yield lossless.fact_line(Fact(name, value))
        for name, version in self._stations.items():
            yield lossless.station_line(Station(name, version))
        for message in self._messages():
            self._written.append(message.seq)
            report.messages += 1
            yield lossless.message_line(message)
        for row in self._reader.exchange_rows():
            if self._filter is None or any(map(self._has, row.sequences)):
                report.exchanges += 1
                exchange = self._reader.exchange_tree(row)
                if redactor is not None:
                    row, exchange = redactor.exchange_row(row), redactor.tree(exchange)
                yield lossless.exchange_line(row, exchange)
        for note in self._reader.notes():
            if self._filter is None or self._has(note.seq):
                report.notes += 1
                text = note.text if redactor is None else redactor.text(note.text)
                yield lossless.note_line(Note(note.seq, text, note.utc_ns))
        for gap in self._reader.every_gap():
            report.gaps += 1
            yield lossless.gap_line(gap if redactor is None else replace(gap, why=redactor.text(gap.why)))
        yield lossless.footer(report.messages)

    def _has(self, seq: int) -> bool:
        at = bisect_left(self._written, seq)
        return at < len(self._written) and self._written[at] == seq


def _learnt(reader: WholeReader, key: bytes | None, progress: Progress | None) -> Redactor:
    """A redactor that knows every value of a capture: what is exported may hold what only other messages name."""
    redactor = Redactor(key)
    for message in Messages(reader, bodies=False, progress=_part(progress, 1, of=2)):
        redactor.learn(message)
    for row in reader.exchange_rows():
        redactor.learn_exchange(reader.exchange_tree(row))
    return redactor


def _part(progress: Progress | None, number: int, *, of: int) -> Progress | None:
    """Progress in one of several passes."""
    return None if progress is None else lambda done, total: progress((number - 1) * total + done, of * total)


# Import


def import_file(
    source: Path,
    capture: Path,
    form: Form | None = None,
    *,
    ocpp_version: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Make a new capture of a file.

    form: None = by the first line, else by the name. The lossless format keeps the numbers of its messages; others are
    numbered from 1. ocpp_version: of a plain log, one of :data:`~bench.journal.formats.plain.VERSIONS`; None = by its calls.

    Raises:
        NotFound, BadInput: the file cannot be read (a damaged line is named), or the capture exists; nothing is left behind.
        StoreError: the capture cannot be written.
    """
    if capture.exists():
        raise BadInput(f"{capture} exists already", "name a new file for the capture")
    if ocpp_version is not None and ocpp_version not in plain.VERSIONS:
        raise BadInput(f"{ocpp_version!r} is no OCPP version", f"name one: {', '.join(plain.VERSIONS)}")
    try:
        with source.open("rb") as file:
            form = form or _sniff(file, source)
            size = os.fstat(file.fileno()).st_size
            report = Report(form)
            if ocpp_version is not None and form is not Form.PLAIN:
                raise BadInput(f"a {form} file tells its OCPP versions itself", "leave the version out")
            with new_capture(capture) as made:
                items = _read(file, report, source.stem, ocpp_version)
                return _write(items, made, report, file, size, progress)
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


def _read(file: BinaryIO, report: Report, name: str, ocpp_version: str | None) -> Iterator[Item]:
    lines: Iterator[Line] = numbered(file)
    form = report.form
    if form is Form.LOSSLESS:
        return lossless.read(lines)
    if form is Form.TRACE:
        return ocpp_trace.read(lines)
    if form is Form.CSV:
        return csv_rows.read(lines)
    version = plain.version_of(lines) if ocpp_version is None else plain.told(ocpp_version)
    report.version = version.how
    file.seek(0)
    return plain.read(numbered(file), name, version.codec)


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
        self._facts: list[Fact] = []
        self._count = self._bytes = 0

    @property
    def full(self) -> bool:
        return self._count >= BATCH or self._bytes >= BATCH_BYTES

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
            case Fact():
                self._facts.append(item)
                if item.name == REDACTED:
                    report.redacted = item.value

    def taken(self) -> Batch:
        return Batch(
            messages=self._messages,
            exchanges=self._exchanges,
            gaps=self._gaps,
            notes=self._notes,
            stations=self._stations,
            facts=self._facts,
        )


__all__ = [
    "Form",
    "Progress",
    "Report",
    "export_capture",
    "form_of",
    "import_file",
]
