"""Decoded bodies as plain data (what JSON can hold), however deep: nothing here recurses, all of it takes linear time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum

from bench.message import Malformed

_SCALARS = frozenset((str, int, float, bool, type(None)))
Place = tuple[dict[str, object] | list[object], str | int]
"""An object and a key in it, or a list and an index."""


def plain(body: object) -> object:
    """A copy of any body: dataclasses become objects, bytes hex, times RFC 3339, what is not known its text."""
    root: list[object] = [None]
    waiting: list[tuple[object, Place]] = [(body, (root, 0))]
    while waiting:
        value, place = waiting.pop()
        opened = _opened(value)
        made: dict[str, object] | list[object]
        if isinstance(opened, dict):
            made = {}
            for key, entry in opened.items():
                name = str(key)
                made[name] = entry
                if type(entry) not in _SCALARS:
                    waiting.append((entry, (made, name)))
        elif isinstance(opened, list):
            made = opened
            waiting += [(entry, (made, at)) for at, entry in enumerate(opened) if type(entry) not in _SCALARS]
        else:
            put(place, opened)
            continue
        put(place, made)
    return root[0]


def put(place: Place, value: object) -> None:
    """Set what stands at a key of an object or at an index of a list."""
    container, key = place
    container[key] = value  # type: ignore[index]


def _opened(value: object) -> object:
    """A scalar, or a new dict or list whose entries are not looked at yet."""
    while isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return value.hex().upper()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Malformed):
        return {"malformed": value.why, "where": value.where}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return str(value)


def folded(tree: object, depth: int) -> object:
    """Plain data no deeper than that: what lies below stands there as JSON text. Changes the tree it is given."""
    level: list[object] = [tree]
    for _ in range(depth):
        level = [entry for value in level for entry in _entries(value) if isinstance(entry, dict | list)]
        if not level:
            return tree
    for value in level:
        for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):  # type: ignore[arg-type]
            if isinstance(entry, dict | list) and entry:
                put((value, key), json_text(entry))  # type: ignore[arg-type]
    return tree


def _entries(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def json_text(tree: object) -> str:
    """Compact JSON of plain data, at any depth."""
    import orjson  # the window is painted before it is loaded

    try:
        return orjson.dumps(tree).decode()
    except TypeError:  # deeper than orjson goes, lone surrogates, numbers beyond 64 bits
        return "".join(_pieces(tree))


def _pieces(tree: object) -> list[str]:
    pieces: list[str] = []
    waiting: list[tuple[bool, object]] = [(False, tree)]
    while waiting:
        written, value = waiting.pop()
        if written:
            pieces.append(str(value))
        elif isinstance(value, dict):
            waiting.append((True, "}"))
            for number, (name, entry) in reversed(list(enumerate(value.items()))):
                waiting += ((False, entry), (True, f"{',' if number else '{'}{_scalar(name)}:"))
            if not value:
                waiting.append((True, "{"))
        elif isinstance(value, list):
            waiting.append((True, "]"))
            for number in range(len(value) - 1, -1, -1):
                waiting += ((False, value[number]), (True, "," if number else "["))
            if not value:
                waiting.append((True, "["))
        else:
            pieces.append(_scalar(value))
    return pieces


def _scalar(value: object) -> str:
    import orjson

    try:
        return orjson.dumps(value).decode()
    except TypeError:  # lone surrogates are escaped
        return json.dumps(value)
