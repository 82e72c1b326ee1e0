"""What a form does to a payload, without Qt: values at paths, texts of values, and dots for what may not be shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.codecs.ocpp_forms import Field, Kind
from bench.exchange import MASK
from bench.masking import mask_tree

Path = tuple[str | int, ...]

ABSENT: Final = object()
"""Stands for a value that is not in the payload."""

MAX_DIGITS = 30
"""Of a number that is typed; a longer one stays text, which the schema then refuses."""

# QPlainTextEdit gives these back as something else.
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\u00a0\u2028\u2029\u0085\ufdd0\ufdd1"}


def value_at(payload: Any, path: Path) -> Any:
    """The value at a path, or ABSENT."""
    for part in path:
        if isinstance(payload, dict):
            payload = payload.get(part, ABSENT)
        elif isinstance(payload, list) and isinstance(part, int) and part < len(payload):
            payload = payload[part]
        else:
            return ABSENT
    return payload


def put_at(payload: Any, path: Path, value: Any) -> None:
    """Put a value at a path, in place; ABSENT takes it away. What it stands in must be there."""
    holder, last = value_at(payload, path[:-1]), path[-1]
    if value is not ABSENT:
        if isinstance(holder, list) and last == len(holder):
            holder.append(value)
        else:
            holder[last] = value
    elif value_at(holder, (last,)) is not ABSENT:
        del holder[last]


def text_of(kind: Kind, value: object) -> str:
    """A scalar as it stands in its editor; ABSENT is empty."""
    if value is ABSENT:
        return ""
    return value if kind is Kind.STRING and isinstance(value, str) else compact(value)


def value_of(kind: Kind, text: str) -> object:
    """What a typed text stands for. What is no number in a number's field stays text, for the schema to refuse."""
    if kind is Kind.STRING:
        return text
    text = text.strip()
    if not text:
        return ABSENT
    if len(text) > MAX_DIGITS and kind is not Kind.ANY:
        return text
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        return text
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return value if numeric or kind is Kind.ANY else text


def read_json(text: str) -> Any:
    """JSON to the letter.

    Raises:
        ValueError (JSONDecodeError where the place is known), RecursionError.
    """
    return json.loads(text, parse_constant=_no_number)


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPED)


def pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2).translate(_ESCAPED)


def suits(schema: Field, value: object) -> bool:
    """Whether the editor made for a field can show a value; if not it is shown as JSON."""
    if value is ABSENT:
        return True
    # 1.0 is an integer to JSON schema, but it is not what typing a 1 makes.
    return schema.fits(value)


# Secrets


@dataclass(frozen=True, slots=True)
class Veiled:
    """A payload as it may be shown. hidden: paths of the dots. dots: what each of them stands for."""

    shown: Any
    hidden: frozenset[Path] = frozenset()
    dots: Mapping[str, object] = field(default_factory=dict)

    def lift(self, tree: Any) -> Any:
        """A copy of an edited tree with the true values for dots that were left alone, wherever they stand now."""
        if not self.dots:
            return tree
        if isinstance(tree, dict):
            return {name: self.lift(value) for name, value in tree.items()}
        if isinstance(tree, list):
            return [self.lift(value) for value in tree]
        return self.dots.get(tree, tree) if isinstance(tree, str) else tree


def veil(payload: Any) -> Veiled:
    """Dots for every secret of a payload; those of different secrets differ, so that they can be moved about."""
    hidden: set[Path] = set()
    values: list[object] = []
    _compare(payload, mask_tree(payload), (), hidden, values)
    if not hidden:
        return Veiled(payload)
    distinct = list(dict.fromkeys(map(compact, values)))
    written = compact(payload)
    dots = MASK
    while dots in written:
        dots += MASK[0]
    named = {text: dots if len(distinct) == 1 else f"{dots}{n}" for n, text in enumerate(distinct, 1)}
    shown = json.loads(written)
    for path in hidden:
        put_at(shown, path, named[compact(value_at(payload, path))])
    return Veiled(shown, frozenset(hidden), {each: json.loads(text) for text, each in named.items()})


def without_secrets(payload: Any) -> tuple[Any, bool]:
    """A copy with an empty text for every secret, and whether there was one."""
    hidden: set[Path] = set()
    _compare(payload, mask_tree(payload), (), hidden, [])
    copy = json.loads(compact(payload))
    for path in hidden:
        put_at(copy, path, "")
    return copy, bool(hidden)


def _compare(value: Any, masked: Any, path: Path, hidden: set[Path], values: list[object]) -> None:
    """Find where masking changed a value. A text with a secret in the JSON inside it is one as a whole."""
    if isinstance(value, dict):
        for name, below in value.items():
            _compare(below, masked[name], (*path, name), hidden, values)
    elif isinstance(value, list):
        for at, below in enumerate(value):
            _compare(below, masked[at], (*path, at), hidden, values)
    elif value != masked:
        hidden.add(path)
        values.append(value)
