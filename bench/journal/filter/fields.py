"""The fields a filter may name: a table that other parts extend."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bench.journal.filter import narrowing
from bench.journal.filter.errors import FilterError
from bench.journal.filter.narrowing import UNKNOWN, Narrowing
from bench.journal.filter.values import memoised, moment_ns, number_test, payload_test, text_test, time_test
from bench.journal.pairing import ASKS, Flag
from bench.message import Direction, Link, Malformed, Message
from bench.summary import only_quotes, summary

MAX_PATH_VALUES = 10_000
_JSON_LINKS = frozenset((Link.JOSEV, Link.OCPP))


class Context(Protocol):
    """What a filter may ask beyond the message itself."""

    def exchange_of(self, seq: int) -> int | None: ...

    def flags(self, message: Message) -> tuple[Flag, ...]:
        """What is wrong with it as a request or an answer, by now."""
        ...

    def answer_ms(self, message: Message) -> float | None:
        """Milliseconds since the request this message answers; None when it answers nothing."""
        ...


Predicate = Callable[[Message, Context], bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value`` as written. literal: the value was quoted. position: of the value in the filter."""

    field: str
    operator: str
    value: str
    literal: bool
    position: int


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the language.

    make: turns a comparison into a predicate; raises FilterError for a value it cannot use. narrow: what SQL can tell of it.
    candidates: values offered while typing. flag: the predicate of the bare name, where the name alone is a term; flag_narrow: as
    above. paired: whether it asks who answers whom.
    """

    name: str
    help: str
    make: Callable[[Comparison], Predicate]
    candidates: tuple[str, ...] = ()
    flag: Predicate | None = None
    narrow: Callable[[Comparison], Narrowing] = lambda asked: UNKNOWN
    flag_narrow: Narrowing = UNKNOWN
    paired: bool = False


class Term(NamedTuple):
    """A filter or a part of one. holds: the test. narrowing: what SQL can tell of it. paired: whether it asks who answers whom."""

    holds: Predicate
    narrowing: Narrowing = UNKNOWN
    paired: bool = False


FIELDS: dict[str, Field] = {}


def register(field: Field) -> None:
    """Add a field to the language; a field of that name is replaced."""
    FIELDS[field.name] = field


def field_named(name: str, position: int) -> Field:
    """The field of that name, ignoring case.

    Raises:
        FilterError: there is none; the text offers the closest.
    """
    field = FIELDS.get(name.lower())
    if field is not None:
        return field
    close = difflib.get_close_matches(name.lower(), FIELDS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"write .{name} for a name in the payload, or quote the word"
    raise FilterError(position, f"there is no field {name}; {hint}")


# Makers


def _text(get: Callable[[Message], str | None], *, few: bool = True) -> Callable[[Comparison], Predicate]:
    def make(asked: Comparison) -> Predicate:
        _no_order(asked)
        test = text_test(asked.operator, asked.value, literal=asked.literal)
        if few:
            test = memoised(test)

        def holds(message: Message, context: Context) -> bool:
            value = get(message)
            return value is not None and test(value)

        return holds

    return make


def _number(get: Callable[[Message, Context], float | None]) -> Callable[[Comparison], Predicate]:
    def make(asked: Comparison) -> Predicate:
        test = number_test(asked.operator, asked.value, asked.position, asked.field)

        def holds(message: Message, context: Context) -> bool:
            value = get(message, context)
            return value is not None and test(value)

        return holds

    return make


def _word_of(words: tuple[str, ...], what: str, get: Callable[[Message], object]) -> Callable[[Comparison], Predicate]:
    """A field with a fixed vocabulary: an unknown word is an error, not an empty table."""

    def make(asked: Comparison) -> Predicate:
        _no_order(asked)
        chosen = _chosen(words, asked)
        known = asked.operator == "!=" and asked.value.casefold() in words
        if not known and (not chosen or asked.operator == "!="):
            raise FilterError(asked.position, f"{asked.value or 'empty'} is no {what}: " + ", ".join(words))
        if len(chosen) == 1:
            (only,) = chosen
            return lambda message, context: get(message) == only
        return lambda message, context: get(message) in chosen

    return make


def _chosen(words: tuple[str, ...], asked: Comparison) -> frozenset[str]:
    return frozenset(filter(text_test(asked.operator, asked.value, literal=asked.literal), words))


def _time(after: bool) -> Callable[[Comparison], Predicate]:
    def make(asked: Comparison) -> Predicate:
        if asked.operator not in (":", "="):
            raise FilterError(asked.position, f"write {asked.field}:12:03")
        test = time_test(after, asked.value, asked.position)
        return lambda message, context: test(message.utc_ns)

    return make


def _fault(asked: Comparison) -> Predicate:
    _no_order(asked)
    test = text_test(asked.operator, asked.value, literal=asked.literal)
    return lambda message, context: any(test(fault.rule) for fault in message.decoded.faults)


def _status(asked: Comparison) -> Predicate:
    _no_order(asked)
    test = memoised(text_test(asked.operator, asked.value, literal=asked.literal))

    def holds(message: Message, context: Context) -> bool:
        word = status_of(message.decoded.body)
        return word is not None and test(word)

    return holds


def _flag(asked: Comparison) -> Predicate:
    _no_order(asked)
    chosen = _chosen(FLAGS, asked)
    if not chosen:
        raise FilterError(asked.position, f"{asked.value or 'empty'} is no flag: " + ", ".join(FLAGS))
    return lambda message, context: not chosen.isdisjoint(context.flags(message))


def _raw(asked: Comparison) -> Predicate:
    _no_order(asked)
    if asked.operator not in ("~", ":"):
        raise FilterError(asked.position, "search in the raw bytes with raw~text")
    wanted = asked.value.lower().encode()
    return lambda message, context: wanted in message.raw.lower()


def _never(name: str) -> Callable[[Comparison], Predicate]:
    def make(asked: Comparison) -> Predicate:
        raise FilterError(asked.position, f"{name} stands alone: write {name}, or not {name}")

    return make


def _no_order(asked: Comparison) -> None:
    if asked.operator in (">", "<", ">=", "<="):
        raise FilterError(asked.position, f"{asked.field} is text: use : = != ~")


# What bodies hold


def payload_of(body: object) -> object:
    """Where a path starts: the payload of an OCPP call or result, else the whole body.

    Josev messages start at ``id name type data``, OCPP errors at ``code description details``.
    """
    payload = getattr(body, "payload", None)
    if payload is not None:
        return payload
    data = getattr(body, "data", None)
    if data is not None:
        return {"id": getattr(body, "id", None), "name": getattr(body, "name", None), "type": _kind(body), "data": data}
    return body


def status_of(body: object) -> str | None:
    """The status word a message carries: of its token where it has one, else its own; an OCPP error's code."""
    payload = getattr(body, "payload", None)
    if payload is None:
        payload = getattr(body, "data", None)
    if isinstance(payload, dict):
        info = payload.get("idTokenInfo") or payload.get("idTagInfo")
        word = info.get("status") if isinstance(info, dict) else payload.get("status")
        return word if isinstance(word, str) else None
    code = getattr(body, "code", None)
    return code if isinstance(code, str) else None


def values_at(root: object, path: tuple[str, ...]) -> list[object]:
    """Every value a path leads to; lists are searched through, a number picks one entry. Bounded."""
    found: list[object] = [root]
    for name in path:
        reached: list[object] = []
        for value in found:
            if type(value) is dict:  # nearly always: decoded JSON
                if name in value:
                    reached.append(value[name])
            else:
                _step(value, name, reached)
            if len(reached) > MAX_PATH_VALUES:
                break
        found = reached
        if not found:
            return found
    spread: list[object] = []
    for value in found[:MAX_PATH_VALUES]:
        if isinstance(value, (list, tuple)):
            spread.extend(value[:MAX_PATH_VALUES])
        else:
            spread.append(value)
    return spread


def _step(value: object, name: str, reached: list[object]) -> None:
    if isinstance(value, dict):
        if name in value:
            reached.append(value[name])
    elif isinstance(value, (list, tuple)):
        if name.isascii() and name.isdigit() and len(name) < 8:
            if int(name) < len(value):
                reached.append(value[int(name)])
        else:
            for entry in value[:MAX_PATH_VALUES]:
                if isinstance(entry, dict) and name in entry:
                    reached.append(entry[name])
    elif not name.startswith("_") and hasattr(type(value), "__dataclass_fields__") and hasattr(value, name):
        reached.append(getattr(value, name))


_MISSING = object()
_PLAIN = frozenset((str, int, float, bool, type(None)))


def _straight(body: object, path: tuple[str, ...]) -> object:
    """The plain value at the end of a path through nothing but objects; ``_MISSING`` where there is none or lists are met."""
    value = getattr(body, "payload", None)
    if value is None:
        value = getattr(body, "data", None)
        if value is None or path[0] != "data":
            return _MISSING
        path = path[1:]
    for name in path:
        if type(value) is not dict or name not in value:
            return _MISSING
        value = value[name]
    return value if type(value) in _PLAIN else _MISSING


def path_term(asked: Comparison) -> Term:
    """A comparison with a value inside the payload."""
    path = tuple(part for part in asked.field.split(".") if part)
    if not path:
        raise FilterError(asked.position, "a path needs a name after the dot")
    if path[0] == "payload" and len(path) > 1:
        path = path[1:]
    test = payload_test(asked.operator, asked.value, literal=asked.literal)

    def holds(message: Message, context: Context) -> bool:
        body = message.decoded.body
        value = _straight(body, path)
        if value is not _MISSING:
            return test(value)
        return any(test(value) for value in values_at(payload_of(body), path))

    return Term(holds, narrowing.path(path, asked.operator, asked.value, literal=asked.literal))


def word_term(word: str) -> Term:
    """A free word, ignoring case; the raw bytes first, for most words are found there."""
    folded = word.casefold()
    raw = word.lower().encode()
    quoted = only_quotes(folded.replace("-", "").replace("_", ""))

    def holds(message: Message, context: Context) -> bool:
        if raw in message.raw.lower() or folded in message.channel.casefold():
            return True
        decoded = message.decoded
        if folded in decoded.name.casefold():
            return True
        # Making the line costs ten times the rest, and of plain JSON it says nothing that the bytes do not.
        if quoted and type(decoded.body) is not Malformed and message.link in _JSON_LINKS and b"\\" not in message.raw:
            return False
        return folded in summary(message).casefold()

    return Term(holds, narrowing.word(word, only_quotes=quoted))


def compared_term(asked: Comparison, position: int) -> Term:
    """``field operator value``.

    Raises:
        FilterError: there is no such field, or it cannot use the value.
    """
    if "." in asked.field:
        return path_term(asked)
    field = field_named(asked.field, position)
    return Term(field.make(asked), field.narrow(asked), field.paired)


def flag_term(name: str) -> Term | None:
    """The bare name of a field, where that is a term."""
    field = FIELDS.get(name.lower())
    if field is None or field.flag is None:
        return None
    return Term(field.flag, field.flag_narrow, field.paired)


def _kind(body: object) -> object:
    kind = getattr(body, "type", None)
    return getattr(kind, "value", kind)


def _meta(name: str) -> Callable[[Message, Context], float | None]:
    def get(message: Message, context: Context) -> float | None:
        value = None if message.meta is None else message.meta.get(name)
        return float(value) if isinstance(value, (int, float)) else None

    return get


LINKS = tuple(str(link) for link in Link)
FLAGS = tuple(str(flag) for flag in Flag)
ANSWERS = ("CALLRESULT", "CALLERROR", "response")
DIRECTIONS = tuple(str(direction) for direction in Direction)
KINDS = (
    *("request", "response", "update", "CALL", "CALLRESULT", "CALLERROR"),
    *("frame", "line", "ack", "link", "malformed"),
)
STATUSES = ("Accepted", "Rejected", "Blocked", "Expired", "Invalid", "Unknown", "ConcurrentTx", "accepted", "rejected")
COMMON_NAMES = (
    *("authorization", "Authorize", "BootNotification", "ClearCache", "GetLocalListVersion", "Heartbeat"),
    *("RequestStartTransaction", "SendLocalList", "StartTransaction", "StatusNotification", "TransactionEvent"),
)


def _text_column(column: str) -> Callable[[Comparison], Narrowing]:
    return lambda asked: narrowing.text(column, asked.operator, asked.value, literal=asked.literal)


def _number_column(column: str) -> Callable[[Comparison], Narrowing]:
    return lambda asked: narrowing.number(column, asked.operator, asked.value)


def _word_column(column: str, words: tuple[str, ...]) -> Callable[[Comparison], Narrowing]:
    return lambda asked: narrowing.one_of(column, _chosen(words, asked))


def _time_column(after: bool) -> Callable[[Comparison], Narrowing]:
    def narrow(asked: Comparison) -> Narrowing:
        edge = moment_ns(asked.value)
        return UNKNOWN if edge is None else narrowing.exact(f"utc_ns {'>=' if after else '<'} ?", edge)

    return narrow


for _field in (
    Field(
        "link",
        "reader, josev, ocpp, ...",
        _word_of(LINKS, "link", lambda m: m.link),
        LINKS,
        narrow=_word_column("link", LINKS),
    ),
    Field(
        "dir",
        "in or out, as seen from the bench",
        _word_of(DIRECTIONS, "direction", lambda m: m.direction),
        DIRECTIONS,
        narrow=_word_column("dir", DIRECTIONS),
    ),
    Field("kind", "CALL, request, frame, ...", _text(lambda m: m.decoded.kind), KINDS, narrow=_text_column("kind")),
    Field(
        "name",
        "message name or OCPP action",
        _text(lambda m: m.decoded.name),
        COMMON_NAMES,
        narrow=_text_column("name"),
    ),
    Field("channel", "topic, station or port", _text(lambda m: m.channel), narrow=_text_column("channel")),
    Field(
        "id",
        "the id that ties an answer to its request",
        _text(lambda m: m.decoded.correlation, few=False),
        narrow=lambda asked: Narrowing(_text_column("correlation")(asked).may),  # may be absent, and then never holds
    ),
    Field(
        "exchange",
        "number of the tap it belongs to",
        _number(lambda m, c: c.exchange_of(m.seq)),
        narrow=lambda asked: narrowing.exchange(asked.operator, asked.value),
    ),
    Field("seq", "number in the journal", _number(lambda m, c: m.seq), narrow=_number_column("seq")),
    Field(
        "ms",
        "milliseconds since the request it answers",
        _number(lambda m, c: c.answer_ms(m)),
        narrow=lambda asked: Narrowing(narrowing.one_of("kind", ANSWERS).may),
        paired=True,
    ),
    Field("size", "bytes", _number(lambda m, c: len(m.raw)), narrow=_number_column("length(raw)")),
    Field("qos", "MQTT quality of service", _number(_meta("qos")), ("0", "1", "2")),
    Field(
        "status",
        "status word of the answer",
        _status,
        STATUSES,
        narrow=lambda asked: narrowing.status(asked.operator, asked.value, literal=asked.literal),
    ),
    Field("summary", "the line in the table", _text(summary, few=False)),
    Field("raw", "text in the raw bytes", _raw, narrow=lambda asked: narrowing.raw(asked.value)),
    Field("after", "not before this time", _time(after=True), narrow=_time_column(after=True)),
    Field("before", "before this time", _time(after=False), narrow=_time_column(after=False)),
    Field(
        "fault",
        "has a fault; fault:rule names it",
        _fault,
        flag=lambda m, c: bool(m.decoded.faults),
        narrow=lambda asked: Narrowing(narrowing.exact("faults IS NOT NULL").may),
        flag_narrow=narrowing.exact("faults IS NOT NULL"),
    ),
    Field(
        "flag",
        "late, orphan, ...: as a request or an answer",
        _flag,
        FLAGS,
        flag=lambda m, c: bool(c.flags(m)),
        narrow=lambda asked: Narrowing(narrowing.one_of("kind", ASKS).may),
        flag_narrow=Narrowing(narrowing.one_of("kind", ASKS).may),
        paired=True,
    ),
    Field(
        "malformed",
        "could not be read",
        _never("malformed"),
        flag=lambda m, c: m.malformed,
        flag_narrow=narrowing.exact("kind = 'malformed' AND faults IS NOT NULL"),
    ),
    Field(
        "injected",
        "made by the operator",
        _never("injected"),
        flag=lambda m, c: m.injected,
        flag_narrow=narrowing.exact("injected <> 0"),
    ),
):
    register(_field)
