"""Our own JSON Lines: everything a capture holds, so that an import gives the same capture and its export the same bytes.

UTF-8, one object a line. The first is the header ``{"format", "version", "program"}``, with ``redacted`` where values were
replaced by pseudonyms: the kinds of them. Every other has a ``record``: ``fact``, ``station``, ``message``, ``exchange``,
``note``, ``gap``, and at last ``end`` with the number of messages, so that a file which was cut short is known for one.

A message has the columns of the capture (times are integer nanoseconds); its bytes are ``raw`` where they are UTF-8 text,
else ``raw_base64``; what is empty (correlation, meta, faults, injected) is left out. An exchange has ``utc_ns`` beside it,
and a column only where it says something else than the exchange does (``id``, ``verdict``, ``decided_by``, and ``seqs``,
the numbers of its messages). A reader refuses what it does not know rather than lose it.
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
from bench.journal.capture_schema import MAX_SEQ
from bench.journal.formats import REDACTED, Fact, Item, Station
from bench.journal.formats.lines import Damaged, Line, json_of, parse_time
from bench.journal.notes import Note
from bench.message import Decoded, Direction, Fault, Link, Malformed, Message

FORMAT = "authbench-journal"
VERSION = 1

T = TypeVar("T")
_Object = dict[str, object]
_MAX_INT = 2**63


# Writing


def header(redacted: str = "") -> bytes:
    """The first line. redacted: the kinds of values that were replaced."""
    told: _Object = {"format": FORMAT, "version": VERSION, "program": __version__}
    return _line(told | {REDACTED: redacted} if redacted else told)


def fact_line(fact: Fact) -> bytes:
    """Any fact but the one that stands in the header."""
    return _line({"record": "fact", "name": fact.name, "value": fact.value})


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


def exchange_line(row: ExchangeRow, exchange: Mapping[str, object]) -> bytes:
    """The line of an exchange. exchange: what the row tells, in the shape of ``GET /bench/v1/exchanges/{id}``."""
    derived = _columns(exchange)
    columns: _Object = {
        "id": row.id,
        "verdict": row.verdict,
        "decided_by": row.decided_by,
        "seqs": list(row.sequences),
    }
    differing = {name: value for name, value in columns.items() if value != derived[name]}
    return _line({"record": "exchange", "utc_ns": row.utc_ns, **differing, "exchange": exchange})


def _columns(exchange: Mapping[str, object]) -> _Object:
    """The columns as the members of an exchange tell them."""
    number, hops = exchange.get("id"), exchange.get("hops")
    verdict, decided_by = exchange.get("verdict"), exchange.get("decided_by")
    told = [hop.get("seq") for hop in hops if isinstance(hop, dict)] if isinstance(hops, list) else []
    return {
        "id": number if type(number) is int and 0 <= number < _MAX_INT else None,
        "verdict": verdict if isinstance(verdict, str) else None,
        "decided_by": decided_by if isinstance(decided_by, str) else None,
        "seqs": sorted({seq for seq in told if type(seq) is int and 0 < seq < _MAX_INT}),
    }


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
    once = _Once()
    for number, line in lines:
        record = _object(number, line)
        if not started:
            _check_header(record)
            started = True
            if (redacted := _Fields(number, record).maybe(REDACTED, str)) is not None:
                yield Fact(REDACTED, redacted)
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
            item = _other(kind, fields)
            once.check(number, item)
            yield item
        fields.done()
    if not started:
        raise BadInput("the file is empty", "name a file that authbench journal export wrote")
    if not ended:
        raise BadInput(f"the file is cut short after {messages} messages; nothing was imported", "export it again")


class _Once:
    """What a capture has one of: the second would take the place of the first."""

    def __init__(self) -> None:
        self._names: set[tuple[str, str]] = set()
        self._last: dict[str, int] = {}

    def check(self, line: int, item: Item) -> None:
        match item:
            case Station(name) | Fact(name):
                what = type(item).__name__.lower()
                if (what, name) in self._names:
                    raise Damaged(line, f"a second {what} of that name")
                self._names.add((what, name))
            case ExchangeRow():
                self._follows(line, "exchange", item.id)
            case Note():
                self._follows(line, "note", item.seq)

    def _follows(self, line: int, what: str, number: int) -> None:
        last = self._last.get(what)
        if last is not None and number <= last:
            raise Damaged(line, f"{what} {number} does not follow {last}")
        self._last[what] = number


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

    def optional(self, name: str, kind: type[T]) -> T | None:
        """What may be null."""
        if name in self._record and self._record[name] is None:
            del self._record[name]
            return None
        return self.take(name, kind)

    def __contains__(self, name: str) -> bool:
        return name in self._record

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
    json_of(fields.line, "meta", meta)
    faults = tuple(_fault(fields.line, fault) for fault in fields.maybe("faults", list) or ())
    body = Malformed(faults[0].text, faults[0].where) if kind == "malformed" and faults else None
    injected = fields.maybe("injected", bool) or False
    if not 1 <= seq <= MAX_SEQ:
        raise Damaged(fields.line, f"number {seq}; they count from 1 to {MAX_SEQ}")
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
    if kind == "fact":
        fact = Fact(fields.take("name", str), fields.take("value", str))
        if fact.name == REDACTED:
            raise Damaged(fields.line, f"the fact {REDACTED!r} belongs in the header")
        return fact
    if kind == "gap":
        what, first, last = fields.take("what", str), fields.take("first", int), fields.take("last", int)
        if what not in ("messages", "exchanges"):
            raise Damaged(fields.line, f"a gap of {what[:50]!r}; messages or exchanges can be missing")
        return Gap(what, first, last, fields.take("count", int), fields.take("why", str))
    if kind == "exchange":
        return _exchange(fields)
    raise Damaged(
        fields.line, f"the record {kind[:50]!r} is not known to this version", "update this program to read it"
    )


def _exchange(fields: _Fields) -> ExchangeRow:
    """All of it is kept as JSON; only the columns beside it are made of its members, where the record does not tell them."""
    exchange: _Object = fields.take("exchange", dict)
    columns, opened = _columns(exchange), exchange.get("opened")
    utc_ns = fields.maybe("utc_ns", int)
    if utc_ns is None and isinstance(opened, str):
        utc_ns = parse_time(opened)
    number = fields.maybe("id", int) if "id" in fields else columns["id"]
    if not isinstance(number, int) or utc_ns is None or not -_MAX_INT <= utc_ns < _MAX_INT:
        raise Damaged(fields.line, "an exchange needs id, opened and hops")
    verdict, decided_by = (
        fields.optional(name, str) if name in fields else columns[name] for name in ("verdict", "decided_by")
    )
    sequences = fields.take("seqs", list) if "seqs" in fields else columns["seqs"]
    assert isinstance(sequences, list)
    if not all(type(seq) is int and -_MAX_INT <= seq < _MAX_INT for seq in sequences):
        raise Damaged(fields.line, "seqs is not a list of numbers")
    text = json_of(fields.line, "exchange", exchange)
    return ExchangeRow(
        number,
        utc_ns,
        verdict if isinstance(verdict, str) else None,
        decided_by if isinstance(decided_by, str) else None,
        text,
        tuple(sequences),
    )
