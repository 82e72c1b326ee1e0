"""CSV of rows as the message table shows them: secrets masked, no payloads; and such rows read again.

A cell that a spreadsheet would take for a formula gets a leading apostrophe, and loses it when read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from bench.journal.formats.lines import Damaged, Line, parse_time, rfc3339
from bench.masking import hide
from bench.message import Decoded, Direction, Fault, Link, Malformed, Message
from bench.summary import summary

COLUMNS = ("seq", "time", "link", "dir", "channel", "kind", "name", "id", "ms", "faults", "summary")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BETWEEN = "; "


def header() -> bytes:
    """The first line: the names of the columns."""
    return _line(COLUMNS)


def line(message: Message, ms: float | None) -> bytes:
    """The row of a message with its body. ms: from its request to this answer, None where it answers none."""
    decoded = message.decoded
    faults = _BETWEEN.join(hide(f"{fault.rule}: {fault.text}", message) for fault in decoded.faults)
    told = (message.link, message.direction, message.channel, decoded.kind, decoded.name, decoded.correlation or "")
    shown = "" if ms is None else f"{ms:.3f}"
    return _line(
        [str(message.seq), rfc3339(message.utc_ns), *map(safe, told), shown, safe(faults), safe(summary(message))]
    )


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _line(cells: Iterable[str]) -> bytes:
    made = io.StringIO()
    csv.writer(made, lineterminator="\r\n").writerow(cells)
    return made.getvalue().encode("utf-8", "replace")


def read(lines: Iterable[Line]) -> Iterator[Message]:
    """The rows of a file, numbered from 1; their payloads were never in it, so the bytes are empty.

    Raises:
        Damaged: a line is no row; the text has its number.
    """
    at = [0]
    rows = csv.reader(_texts(lines, at), strict=True)
    count = 0
    first_ns: int | None = None
    try:
        for cells in rows:
            if not count and not cells:
                continue
            if not count:
                if tuple(cells) != COLUMNS:
                    raise Damaged(at[0], f"the columns are not {', '.join(COLUMNS)}")
            elif cells:
                message = _message(at[0], count, dict(zip(COLUMNS, cells, strict=False)), len(cells))
                first_ns = message.utc_ns if first_ns is None else first_ns
                yield message._replace(mono_ns=message.utc_ns - first_ns)
            count += bool(cells)
    except csv.Error as error:
        raise Damaged(at[0], f"not CSV: {error}") from error


def _texts(lines: Iterable[Line], at: list[int]) -> Iterator[str]:
    for number, line in lines:
        at[0] = number
        try:
            yield line.decode() + "\n"
        except UnicodeDecodeError as error:
            raise Damaged(number, f"not UTF-8 (byte {error.start})") from error


def _message(line: int, seq: int, row: dict[str, str], width: int) -> Message:
    if width != len(COLUMNS):
        raise Damaged(line, f"{width} cells, wanted {len(COLUMNS)}")
    utc_ns = parse_time(row["time"])
    if utc_ns is None or not 0 <= utc_ns < 2**63:
        raise Damaged(line, f"the time {row['time'][:40]!r} is no RFC 3339 date-time")
    try:
        where = Link(row["link"]), Direction(row["dir"])
    except ValueError as error:
        raise Damaged(line, str(error)) from error
    cells = {name: _plain(cell) for name, cell in row.items()}
    faults = tuple(_fault(text) for text in cells["faults"].split(_BETWEEN) if text)
    body = Malformed(faults[0].text) if cells["kind"] == "malformed" and faults else None
    decoded = Decoded(cells["kind"], cells["name"], cells["id"] or None, body, faults, cells["summary"])
    return Message(seq, 0, utc_ns, *where, cells["channel"], b"", decoded, {"note": "a row of a CSV file: no payload"})


def _fault(text: str) -> Fault:
    rule, _, why = text.partition(": ")
    return Fault(rule, why) if why else Fault("", text)
