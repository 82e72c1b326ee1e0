"""Payloads made from a JSON schema of the ``ocpp`` package: the largest it allows, and each of its constraints broken once.

Objects and arrays around the field in question are as small as the schema lets them be, so that one thing is wrong at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.codecs.ocpp_schemas import Half, schema_of
from tests.bench.csms.minimal import value_of

Node = dict[str, Any]

NOWHERE = "notInTheSchema"
TIME = "2024-01-01T10:00:00Z"
_WRONG_TYPE: dict[str, object] = {"string": 5, "integer": "x", "number": "x", "boolean": "x", "object": [], "array": {}}


class Broken(NamedTuple):
    """A payload with one constraint broken. where: the field, as a fault names it."""

    keyword: str
    where: str
    payload: Any


def maximal(version: str, half: Half, action: str) -> dict[str, Any]:
    """Every field, at its limits; an array within an array has one element, for the sizes would multiply."""
    root = _root(version, half, action)
    payload: dict[str, Any] = _largest(root, root, within_array=False)
    return payload


def broken(version: str, half: Half, action: str) -> Iterator[Broken]:
    """Each constraint of the schema broken once (``type`` of the payload itself is a matter of the frame)."""
    root = _root(version, half, action)
    return _broken_object(root, root)


def _root(version: str, half: Half, action: str) -> Node:
    schema = schema_of(version, half, action)
    assert schema is not None, action
    return dict(schema.document)


def _resolved(node: Node, root: Node) -> Node:
    while "$ref" in node:
        node = root["definitions"][node["$ref"].removeprefix("#/definitions/")]
    return node


def _largest(node: Node, root: Node, *, within_array: bool) -> Any:
    node = _resolved(node, root)
    if "enum" in node:
        return node["enum"][-1]
    kind = node.get("type")
    if kind == "object":
        properties = node.get("properties", {})
        made = {name: _largest(inner, root, within_array=within_array) for name, inner in properties.items()}
        return made if node.get("additionalProperties") is False else made | {NOWHERE: {"deep": [1, None]}}
    if kind == "array":
        number = node.get("minItems", 1) or 1 if within_array else node.get("maxItems", 2)
        return [_largest(node["items"], root, within_array=True)] * number
    if kind == "string":
        if node.get("format") == "date-time":
            return TIME
        longest = node.get("maxLength", 1000)
        return "http://bench.example/".ljust(longest, "x") if node.get("format") == "uri" else "ä" * longest
    if kind == "boolean":
        return True
    return node.get("maximum", 2**31 - 1)


def _broken(node: Node, root: Node) -> Iterator[Broken]:
    """Values that break one constraint of a field, or of what is inside it."""
    node = _resolved(node, root)
    kind = node.get("type")
    if kind in _WRONG_TYPE:
        yield Broken("type", "", _WRONG_TYPE[kind])
    if "enum" in node:
        yield Broken("enum", "", NOWHERE)
    if "maxLength" in node:
        yield Broken("maxLength", "", "x" * (node["maxLength"] + 1))
    if node.get("minLength", 0) > 0:
        yield Broken("minLength", "", "x" * (node["minLength"] - 1))
    if "minimum" in node:
        yield Broken("minimum", "", node["minimum"] - 1)
    if "maximum" in node:
        yield Broken("maximum", "", node["maximum"] + 1)
    if "multipleOf" in node:
        yield Broken("multipleOf", "", node["multipleOf"] * 1.5)
    if kind == "array":
        yield from _broken_array(node, root)
    elif kind == "object":
        yield from _broken_object(node, root)


def _broken_array(node: Node, root: Node) -> Iterator[Broken]:
    least = node.get("minItems", 0)
    item = value_of(node["items"], root)
    if least > 0:
        yield Broken("minItems", "", [item] * (least - 1))
    if "maxItems" in node:
        yield Broken("maxItems", "", [item] * (node["maxItems"] + 1))
    for inner in _broken(node["items"], root):
        yield Broken(inner.keyword, f"[0]{_joined(inner.where)}", [inner.payload, *[item] * (least - 1)])


def _broken_object(node: Node, root: Node) -> Iterator[Broken]:
    good = value_of(node, root)
    for name in node.get("required", ()):
        yield Broken("required", name, {key: good[key] for key in good if key != name})
    if node.get("additionalProperties") is False:
        yield Broken("additionalProperties", NOWHERE, good | {NOWHERE: 1})
    for name, inner_node in node.get("properties", {}).items():
        for inner in _broken(inner_node, root):
            yield Broken(inner.keyword, name + _joined(inner.where), good | {name: inner.payload})


def _joined(where: str) -> str:
    return where if not where or where.startswith("[") else f".{where}"
