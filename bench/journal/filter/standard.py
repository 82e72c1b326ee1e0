"""The fields every message has, as far as a filter may name them."""

from __future__ import annotations

from collections.abc import Callable

from bench.journal.filter import narrowing
from bench.journal.filter.errors import FilterError
from bench.journal.filter.fields import Comparison, Context, Field, Predicate
from bench.journal.filter.narrowing import UNKNOWN, Narrowing
from bench.journal.filter.payload import status_of
from bench.journal.filter.values import memoised, moment_ns, number_test, text_test, time_test
from bench.journal.pairing import ASKS, Flag
from bench.message import Direction, Link, Message
from bench.summary import summary

LINKS = tuple(str(link) for link in Link)
FLAGS = tuple(str(flag) for flag in Flag)
ANSWERS = ("CALLRESULT", "CALLERROR", "response")
DIRECTIONS = tuple(str(direction) for direction in Direction)
KINDS = (
    *("request", "response", "update", "CALL", "CALLRESULT", "CALLERROR", "CALLRESULTERROR", "SEND"),
    *("frame", "line", "ack", "link", "malformed"),
)
STATUSES = ("Accepted", "Rejected", "Blocked", "Expired", "Invalid", "Unknown", "ConcurrentTx", "accepted", "rejected")
COMMON_NAMES = (
    *("authorization", "Authorize", "BootNotification", "ClearCache", "GetLocalListVersion", "Heartbeat"),
    *("RequestStartTransaction", "SendLocalList", "StartTransaction", "StatusNotification", "TransactionEvent"),
)


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


def _meta(name: str) -> Callable[[Message, Context], float | None]:
    def get(message: Message, context: Context) -> float | None:
        value = None if message.meta is None else message.meta.get(name)
        return float(value) if isinstance(value, (int, float)) else None

    return get


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


STANDARD = (
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
)
