"""What the inspector shows of one message, made without touching a widget: on a thread where the message is long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

from bench.codecs.serial_bytes import explain
from bench.codecs.spans import Span
from bench.masking import MAX_DEPTH, hide, is_key_code, is_secret_name, mask, to_tree
from bench.message import Link, Malformed, Message, malformed
from ui.models.tree import Check, plain_path
from ui.panels.inspector_http import Http, mask_headers, parse_http
from ui.panels.inspector_json import Pretty, read
from ui.panels.sliced_text import Growing, Verbatim

if TYPE_CHECKING:
    from bench.session import Session

LARGE = 200_000
"""Bytes from which a message is prepared beside the window, and not judged field by field again."""
LARGE_UNREAD = 20_000
"""The same for a message its codec could not read: it is read here, a token at a time."""
MAX_SHOWN_FAULTS = 8
MAX_WORD = 64
"""Characters of a value that may make others secret: ``KeyCode``, ``BasicAuthPassword``."""

FRAME, HTTP, DECODED, RAW, BYTES, PAIR, TIMING = "Frame", "HTTP", "Decoded", "Raw", "Bytes", "Pair", "Timing"
NO_TREE = object()
"""Stands for the tree of bytes that hold none (``None`` is JSON's null)."""

_PLAIN = (str, int, float, bool, type(None))
Wanted = Callable[[], bool]


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Prepared:
    """One message as it may be shown.

    tree: JSON-able, or :data:`NO_TREE`; it may be the message's own: nobody changes it. raw: with its secrets hidden.
    checks: verdicts by path. faults: those of the message in words, a line each. hidden: whether a secret is replaced by dots.
    is_json: whether the raw text may be laid out as JSON. spans: of a reader's bytes. tabs: those that fit, the best first.
    """

    tree: object
    raw: bytes
    checks: tuple[tuple[str, Check], ...]
    faults: str
    hidden: bool
    is_json: bool
    http: Http | None
    spans: tuple[Span, ...]
    tabs: tuple[str, ...]


def is_large(message: Message) -> bool:
    """Whether a message is too long to be prepared while the window waits."""
    return len(message.raw) > (LARGE_UNREAD if message.malformed else LARGE)


def prepare(
    message: Message, reveal: bool, checks: Iterable[tuple[str, Check]] = (), wanted: Wanted = _always
) -> Prepared:
    """Everything but the texts of a message, which :func:`lay_out` makes when they are looked at.

    Raises:
        Unwanted: ``wanted`` said so meanwhile.
    """
    http = parse_http(message.raw)
    tree, raw, hidden = _shown(message, reveal, wanted) if http is None else _shown_http(message, reveal)
    http = parse_http(raw) if http is not None else None
    found = [(fault.where, Check(False, fault.text)) for fault in message.decoded.faults if fault.where]
    found += checks
    if message.malformed:
        found = [(path, check) for path, check in found if _is_there(tree, path)]
    faults = _fault_lines(message)
    if hidden:
        faults, *notes = hide("\0".join([faults, *(check.note for _, check in found)]), message).split("\0")
        found = [(path, Check(check.ok, note)) for (path, check), note in zip(found, notes, strict=False)]
    spans = explain(message.channel.partition(":")[0], message.raw) if message.link is Link.READER else ()
    is_json = message.link is not Link.READER and raw.lstrip()[:1] in (b"{", b"[") and tree is not NO_TREE
    body: object = NO_TREE
    if http is not None:
        body = _json_or(http.body, http.body.decode("utf-8", "backslashreplace"), wanted)
        tree = {"headers": http.headers, "body": body} if http.body else {"headers": http.headers}
    tabs = _tabs(message, tree, http)
    return Prepared(tree, raw, tuple(found), faults, hidden, is_json, http, spans, tabs)


def lay_out(prepared: Prepared, verbatim: bool) -> Growing:
    """The raw text as it came, or as JSON of one member a line; made as it is shown: what nobody looks at costs nothing."""
    text = prepared.raw.decode("utf-8", "backslashreplace")
    return Pretty(text) if prepared.is_json and not verbatim else Verbatim(text)


def field_checks(message: Message, session: Session) -> list[tuple[str, Check]]:
    """What the message's codec says of each field; empty for links without schemas, unreadable bytes and long messages."""
    body = message.decoded.body
    if isinstance(body, Malformed) or len(message.raw) > LARGE:
        return []
    # The codecs are heavy; the window is painted before any of them is loaded.
    if message.link is Link.JOSEV:
        from bench.codecs import josev

        if not isinstance(body, josev.JosevMessage):
            return []
        rows = josev.field_verdicts(body, message.channel, session.profile.bus.topics)
    elif message.link is Link.OCPP and message.decoded.kind != "link":
        from bench.codecs import ocpp

        station = session.stations.get(message.channel)
        rows = ocpp.field_verdicts(station.version if station is not None else "2.0.1", body)
    else:
        return []
    return [(path, Check(ok, note)) for path, _value, ok, note in rows]


# Trees


def _shown(message: Message, reveal: bool, wanted: Wanted) -> tuple[object, bytes, bool]:
    """Tree and raw bytes as they may be shown, and whether something in them is hidden."""
    if message.malformed:
        raw = message.raw if reveal else mask(message).raw
        # Deeper than its codec reads, cut short, of another system: where it is JSON, it is shown as such.
        tree = NO_TREE if message.link is Link.READER else _json_or(raw, NO_TREE, wanted)
        return tree, raw, raw != message.raw
    body = _opened(message.decoded.body)
    found = _survey(body)
    if found.json_able and (reveal or not found.secret):
        return _payload(body), message.raw, False  # as it is: no copy of 20 MB
    if found.depth <= MAX_DEPTH or not found.json_able:
        if reveal:
            return _payload(to_tree(message.decoded.body)), message.raw, False
        masked = mask(message)
        return _payload(masked.decoded), masked.raw, masked.hidden
    # Deeper than masking follows the tree: what it found, and what stands beside a secret name anywhere in the text.
    raw = mask(_unread(message, mask(message).raw)).raw
    return _json_payload(_json_or(raw, NO_TREE, wanted)), raw, raw != message.raw


def _shown_http(message: Message, reveal: bool) -> tuple[object, bytes, bool]:
    if reveal:
        return NO_TREE, message.raw, False
    raw = mask_headers(mask(_unread(message, mask(message).raw)).raw)
    return NO_TREE, raw, raw != message.raw


def _unread(message: Message, raw: bytes) -> Message:
    """The message as one whose bytes nobody could read: those are searched for named secrets."""
    return message._replace(raw=raw, decoded=malformed("not read"))


def _opened(body: object) -> object:
    """A typed message as an object; what is in it stays as it is."""
    if is_dataclass(body) and not isinstance(body, type):
        return {field.name: getattr(body, field.name) for field in fields(body)}
    return NO_TREE if body is None else body


def _payload(tree: object) -> object:
    """An OCPP call is its payload: paths are those of the filter and the schema."""
    return tree.get("payload", tree) if isinstance(tree, dict) else NO_TREE if tree is None else tree


def _json_payload(tree: object) -> object:
    """The same of a call that is an array still."""
    if isinstance(tree, list):
        return next((entry for entry in tree if isinstance(entry, dict)), tree)
    return tree


def _json_or(raw: bytes, other: object, wanted: Wanted) -> object:
    """What an object or an array in JSON holds, or ``other`` where it is none."""
    if raw.lstrip()[:1] not in (b"{", b"["):
        return other
    try:
        return read(raw.decode("utf-8"), wanted)
    except ValueError:
        return other


@dataclass(frozen=True, slots=True)
class _Survey:
    """json_able: nothing but objects, lists and plain values. secret: a word in it may make a value secret."""

    json_able: bool
    secret: bool
    depth: int


def _survey(tree: object) -> _Survey:
    """Look through a tree of any depth, level by level, without copying it."""
    words: set[str] = set()
    json_able = True
    depth = 0
    level: list[object] = [tree]
    while level:
        depth += 1
        below: list[object] = []
        for value in level:
            kind = type(value)
            if kind is dict:
                words.update(value)  # type: ignore[call-overload]
                entries: Iterable[object] = value.values()  # type: ignore[attr-defined]
            elif kind is list:
                entries = value  # type: ignore[assignment]
            else:
                json_able = json_able and kind in _PLAIN
                continue
            for entry in entries:
                kind = type(entry)
                if kind is dict or kind is list:
                    below.append(entry)
                elif kind is str:
                    if len(entry) <= MAX_WORD:  # type: ignore[arg-type]
                        words.add(entry)  # type: ignore[arg-type]
                elif kind not in _PLAIN:
                    json_able = False
        level = below
    return _Survey(json_able, any(is_secret_name(word) or is_key_code(word) for word in words), depth)


def _is_there(tree: object, path: str) -> bool:
    """Whether a path leads to something in the tree."""
    place = tree
    for part in plain_path(path).split("."):
        if isinstance(place, dict) and part in place:
            place = place[part]
        elif isinstance(place, list) and part.isdecimal() and int(part) < len(place):
            place = place[int(part)]
        else:
            return False
    return True


# Words


def _fault_lines(message: Message) -> str:
    faults = message.decoded.faults
    lines = [
        f"✖ {fault.where}: {fault.text}" if fault.where else f"✖ {fault.text}" for fault in faults[:MAX_SHOWN_FAULTS]
    ]
    if len(faults) > MAX_SHOWN_FAULTS:
        lines.append(f"and {len(faults) - MAX_SHOWN_FAULTS} more")
    return "\n".join(lines)


def _tabs(message: Message, tree: object, http: Http | None) -> tuple[str, ...]:
    """The views that fit the message, the best first."""
    rest = (RAW, BYTES)
    if message.link is Link.READER:
        return (FRAME, *((DECODED,) if tree is not NO_TREE else ()), *rest) if message.raw else (DECODED, *rest)
    if http is not None:
        return (HTTP, *rest)
    if tree is not NO_TREE:
        return (DECODED, *rest)
    return (RAW, BYTES) if message.decoded.kind == "link" else (BYTES, RAW)
