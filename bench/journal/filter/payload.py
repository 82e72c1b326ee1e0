"""Terms that look into what a message says: paths inside the payload, and free words."""

from __future__ import annotations

from bench.journal.filter import narrowing
from bench.journal.filter.errors import FilterError
from bench.journal.filter.fields import Comparison, Context, Term
from bench.journal.filter.values import memoised, payload_test
from bench.message import Link, Malformed, Message
from bench.summary import only_quotes, summary

MAX_PATH_VALUES = 10_000
# Apart: the hash of an enum's member is Python code.
_JOSEV, _OCPP = Link.JOSEV, Link.OCPP


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
    among = memoised(lambda text: folded in text.casefold())

    def holds(message: Message, context: Context) -> bool:
        bytes_ = message.raw
        decoded, link = message.decoded, message.link
        if raw in bytes_.lower() or among(message.channel) or among(decoded.name):
            return True
        # Making the line costs ten times the rest, and of plain JSON it says nothing that the bytes do not.
        if quoted and (link is _JOSEV or link is _OCPP) and type(decoded.body) is not Malformed and b"\\" not in bytes_:
            return False
        return folded in summary(message).casefold()

    return Term(holds, narrowing.word(word, only_quotes=quoted))


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


def _kind(body: object) -> object:
    kind = getattr(body, "type", None)
    return getattr(kind, "value", kind)
