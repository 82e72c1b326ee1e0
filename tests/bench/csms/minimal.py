"""The smallest payload that a schema of the ``ocpp`` package allows: required fields only."""

from __future__ import annotations

from typing import Any

from bench.codecs.ocpp_schemas import Half, schema_of


def minimal(version: str, half: Half, action: str) -> dict[str, Any]:
    schema = schema_of(version, half, action)
    assert schema is not None, action
    payload: dict[str, Any] = value_of(schema.document, schema.document)
    return payload


def value_of(node: Any, root: Any) -> Any:
    """The smallest value of one node. root: the schema it stands in."""
    if "$ref" in node:
        return value_of(root["definitions"][node["$ref"].removeprefix("#/definitions/")], root)
    if "enum" in node:
        return node["enum"][0]
    kind = node.get("type")
    if kind == "object":
        return {name: value_of(node["properties"][name], root) for name in node.get("required", ())}
    if kind == "array":
        return [value_of(node["items"], root)] * node.get("minItems", 1)
    if kind == "string":
        return "2024-01-01T10:00:00Z" if node.get("format") == "date-time" else "x"
    if kind == "boolean":
        return False
    return node.get("minimum", 0)
