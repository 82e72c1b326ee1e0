"""Our own JSON Lines: everything a capture holds, so that an import gives the same capture and its export the same bytes.

UTF-8, one object a line. The first is the header ``{"format", "version", "program"}``; every other has a ``record``:
``station``, ``message``, ``exchange``, ``note``, ``gap``, and at last ``end`` with the number of messages, so that a file
which was cut short is known for one. A message has the columns of the capture (times are integer nanoseconds); its bytes
are ``raw`` where they are UTF-8 text, else ``raw_base64``; what is empty (correlation, meta, faults, injected) is left
out. A reader refuses what it does not know rather than lose it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import orjson

from bench import __version__
from bench.errors import BadInput
from bench.journal.capture_file import ExchangeRow, Gap
from bench.journal.formats import Item, Station
from bench.journal.formats.lines import Damaged, Line, parse_time
from bench.journal.notes import Note
from bench.message import Decoded, Direction, Fault, Link, Malformed, Message

FORMAT = "authbench-journal"
VERSION = 1

T = TypeVar("T")
_Object = dict[str, object]
_MAX_INT = 2**63


# Writing


def header() -> bytes:
    """The first line."""
    return _line({"format": FORMAT, "version": VERSION, "program": __version__})


def footer(messages: int) -> bytes:
    """The last line. messages: how many were written."""
    return _line({"record": "end", "messages": messages})


def message_line(message: Message) -> bytes:
    """The line of a message."""
    decoded = message.decoded
    record: _Object = {
        "record": "message",
        "seq": message.seq,
        "mono_ns": message.mono_ns,
        "utc_ns": message.utc_ns,
        "link": str(message.link),
        "dir": str(message.direction),
        "channel": message.channel,
        "kind": decoded.kind,
        "name": decoded.name,
    }
    if decoded.correlation is not None:
        record["correlation"] = decoded.correlation
    try:
        record["raw"] = message.raw.decode()
    except UnicodeDecodeError:
        record["raw_base64"] = base64.b64encode(message.raw).decode("ascii")
    record["summary"] = decoded.summary
    if message.meta:
        record["meta"] = dict(message.meta)
    if decoded.faults:
        record["faults"] = [{"rule": fault.rule, "text": fault.text, "where": fault.where} for fault in decoded.faults]
    if message.injected:
        record["injected"] = True
    return _line(record)


def exchange_line(exchange: Mapping[str, object]) -> bytes:
    """The line of an exchange, in the shape of ``GET /bench/v1/exchanges/{id}``."""
    return _line({"record": "exchange", "exchange": exchange})


def station_line(station: Station) -> bytes:
    return _line({"record": "station", "id": station.id, "version": station.version})


def note_line(note: Note) -> bytes:
    return _line({"record": "note", "seq": note.seq, "text": note.text, "utc_ns": note.utc_ns})


def gap_line(gap: Gap) -> bytes:
    values = {"what": gap.what, "first": gap.first, "last": gap.last, "count": gap.count, "why": gap.why}
    return _line({"record": "gap", **values})


def _line(record: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # lone surrogates become question marks, as in a capture; numbers beyond 64 bits text
        return orjson.dumps(_clean(record), option=orjson.OPT_APPEND_NEWLINE)


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {str(_clean(str(key))): _clean(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(entry) for entry in value]
    if value is None or isinstance(value, float) or (isinstance(value, int) and -_MAX_INT <= value < _MAX_INT):
        return value
    return _clean(str(value))


# Reading


def read(lines: Iterable[Line]) -> Iterator[Item]:
    """What a file holds, as it comes.

    Raises:
        BadInput: it is no such file, of a newer version, or cut short. Damaged: a line is wrong; the text has its number.
    """
    started = ended = False
    messages = last = 0
    for number, line in lines:
        record = _object(number, line)
        if not started:
            _check_header(record)
            started = True
            continue
        if ended:
            raise Damaged(number, "something follows the end")
        fields = _Fields(number, record)
        kind = fields.take("record", str)
        if kind == "message":
            message = _message(fields)
            if message.seq <= last:
                raise Damaged(number, f"number {message.seq} does not follow {last}")
            last = message.seq
            messages += 1
            yield message
        elif kind == "end":
            ended = True
            if (told := fields.take("messages", int)) != messages:
                raise Damaged(number, f"{told} messages were written and {messages} are here", "export it again")
        else:
            yield _other(kind, fields)
        fields.done()
    if not started:
        raise BadInput("the file is empty", "name a file that authbench journal export wrote")
    if not ended:
        raise BadInput(f"the file is cut short after {messages} messages; nothing was imported", "export it again")


class _Fields:
    """The members of one record; each is taken once, and what is left is not known."""

    def __init__(self, line: int, record: _Object) -> None:
        self.line = line
        self._record = record

    def take(self, name: str, kind: type[T]) -> T:
        value = self._record.pop(name, None)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Damaged(self.line, f"{name} is missing or not {kind.__name__}")
        if isinstance(value, int) and not -_MAX_INT <= value < _MAX_INT:
            raise Damaged(self.line, f"{name} is beyond 64 bits")
        return value

    def maybe(self, name: str, kind: type[T]) -> T | None:
        return self.take(name, kind) if name in self._record else None

    def done(self) -> None:
        if self._record:
            name = next(iter(self._record))
            raise Damaged(self.line, f"{name[:50]!r} is not known to this version", "update this program to read it")


def _object(number: int, line: bytes) -> _Object:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Damaged(number, f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise Damaged(number, "not a JSON object")
    return record


def _check_header(record: _Object) -> None:
    version = record.get("version")
    if record.get("format") != FORMAT or not isinstance(version, int):
        raise BadInput(f"the first line is no header of {FORMAT}", "name the format the file has")
    if version != VERSION:
        raise BadInput(f"the file has version {version} of {FORMAT}", "update this program to read it")


def _message(fields: _Fields) -> Message:
    seq, mono_ns, utc_ns = (fields.take(name, int) for name in ("seq", "mono_ns", "utc_ns"))
    link, direction = fields.take("link", str), fields.take("dir", str)
    channel, kind, name = (fields.take(key, str) for key in ("channel", "kind", "name"))
    correlation = fields.maybe("correlation", str)
    raw = _raw(fields)
    summary = fields.take("summary", str)
    meta: dict[str, object] | None = fields.maybe("meta", dict)
    faults = tuple(_fault(fields.line, fault) for fault in fields.maybe("faults", list) or ())
    body = Malformed(faults[0].text, faults[0].where) if kind == "malformed" and faults else None
    injected = fields.maybe("injected", bool) or False
    if seq < 1:
        raise Damaged(fields.line, f"number {seq}; they count from 1")
    try:
        where = Link(link), Direction(direction)
    except ValueError as error:
        raise Damaged(fields.line, str(error), "update this program to read it") from error
    decoded = Decoded(kind, name, correlation, body, faults, summary)
    return Message(seq, mono_ns, utc_ns, *where, channel, raw, decoded, meta, injected)


def _raw(fields: _Fields) -> bytes:
    coded = fields.maybe("raw_base64", str)
    if coded is None:
        return fields.take("raw", str).encode()
    try:
        return base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Damaged(fields.line, f"raw_base64 is not Base64: {error}") from error


def _fault(line: int, fault: object) -> Fault:
    if not isinstance(fault, dict):
        raise Damaged(line, "a fault is not a JSON object")
    fields = _Fields(line, fault)
    found = Fault(*(fields.take(name, str) for name in ("rule", "text", "where")))
    fields.done()
    return found


def _other(kind: str, fields: _Fields) -> Item:
    if kind == "station":
        return Station(fields.take("id", str), fields.take("version", str))
    if kind == "note":
        return Note(fields.take("seq", int), fields.take("text", str), fields.take("utc_ns", int))
    if kind == "gap":
        what, first, last = fields.take("what", str), fields.take("first", int), fields.take("last", int)
        return Gap(what, first, last, fields.take("count", int), fields.take("why", str))
    if kind == "exchange":
        exchange: _Object = fields.take("exchange", dict)
        return _exchange(fields.line, exchange)
    raise Damaged(
        fields.line, f"the record {kind[:50]!r} is not known to this version", "update this program to read it"
    )


def _exchange(line: int, exchange: _Object) -> ExchangeRow:
    """All of it is kept as JSON; only the columns beside it are made of its members."""
    number, opened, hops = exchange.get("id"), exchange.get("opened"), exchange.get("hops")
    verdict, decided_by = exchange.get("verdict"), exchange.get("decided_by")
    utc_ns = parse_time(opened) if isinstance(opened, str) else None
    if type(number) is not int or not 0 <= number < _MAX_INT or utc_ns is None or not isinstance(hops, list):
        raise Damaged(line, "an exchange needs id, opened and hops")
    sequences = [hop.get("seq") for hop in hops if isinstance(hop, dict)]
    return ExchangeRow(
        number,
        utc_ns,
        verdict if isinstance(verdict, str) else None,
        decided_by if isinstance(decided_by, str) else None,
        orjson.dumps(exchange).decode(),
        tuple(seq for seq in sequences if type(seq) is int and 0 < seq < _MAX_INT),
    )
