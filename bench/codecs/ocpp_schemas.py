"""The JSON schemas of the OCPP messages, compiled on first use.

The documents are those the ``ocpp`` package ships (OCA's own, drafts 4 and 6); the checking is done by ``jsonschema_rs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from bench.errors import BenchBug
from bench.message import Fault

MAX_FAULTS = 20
"""Faults reported of one payload; an array of thousands of wrong elements would say the same thousands of times."""

_MAX_VIOLATIONS = 1000  # looked at to find those faults, the refusing ones first
_SHOWN = 40  # characters of a value or a list shown in a fault


class Half(StrEnum):
    """Which half of an action a payload is; SEND is all there is of an unconfirmed message (OCPP 2.1 Part 4, SEND)."""

    REQUEST = "request"
    RESPONSE = "response"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class _Naming:
    """Where the package keeps a version's schemas: its folder, what follows the action in a file's name, and which messages
    are unconfirmed (their files are named like them)."""

    folder: str
    request: str
    response: str = "Response"
    sends: frozenset[str] = frozenset()

    def suffix(self, half: Half) -> str:
        return {Half.REQUEST: self.request, Half.RESPONSE: self.response, Half.SEND: ""}[half] + ".json"


_NAMING = {
    "1.6": _Naming("v16", ""),
    "2.0.1": _Naming("v201", "Request"),
    "2.1": _Naming("v21", "Request", sends=frozenset({"NotifyPeriodicEventStream"})),
}
VERSIONS = tuple(_NAMING)
"""The OCPP versions there are schemas of, oldest first."""


class Schema:
    """The schema of one payload.

    document: the JSON schema. is_valid: True when a payload satisfies it (under a microsecond for an Authorize).
    """

    __slots__ = ("_validator", "document", "is_valid")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document: Mapping[str, Any] = document
        self._validator = jsonschema_rs.validator_for(document, validate_formats=True)
        self.is_valid = self._validator.is_valid

    def faults(self, payload: object) -> tuple[Fault, ...]:
        """What is wrong with a payload, at most :data:`MAX_FAULTS`; faults that only deserve a note come last."""
        found: list[Fault] = []
        try:
            found.extend(_fault(error) for error in islice(self._validator.iter_errors(payload), _MAX_VIOLATIONS))
        except ValueError:  # the validator cannot hand over a value this deep to say what is wrong with it
            found.append(Fault(DEPTH_RULE, "breaks its schema, and is nested too deep to say where"))
        found.sort(key=lambda fault: fault.rule == FORMAT_RULE)
        return tuple(found[:MAX_FAULTS])


SCHEMA_RULE = "ocpp.schema."
"""Rules of schema violations are this and the JSON schema keyword: ``ocpp.schema.maxLength``."""

FORMAT_RULE = SCHEMA_RULE + "format"
DEPTH_RULE = SCHEMA_RULE + "depth"


class _Schemas(dict[str, Schema | None]):
    """Schemas by action, compiled when first asked for. Unknown actions are not kept: a stranger may invent any number."""

    def __init__(self, naming: _Naming, half: Half) -> None:
        super().__init__()
        self._folder = _folder(naming)
        self._suffix = naming.suffix(half)
        self._actions = naming.sends if half is Half.SEND else _actions(naming)

    def __missing__(self, action: str) -> Schema | None:
        if action not in self._actions:
            return None
        schema = self[action] = Schema(orjson.loads((self._folder / f"{action}{self._suffix}").read_bytes()))
        return schema


@lru_cache(maxsize=16)
def schemas(version: str, half: Half) -> Mapping[str, Schema | None]:
    """The compiled schemas of one version and half; ``[action]`` is None for an action it does not have."""
    return _Schemas(naming_of(version), half)


def schema_of(version: str, half: Half, action: str) -> Schema | None:
    """The compiled schema of a payload, or None when that version has no such action."""
    return schemas(version, half)[action]


def actions(version: str) -> frozenset[str]:
    """Every action of a version that is called and answered, whoever may initiate it."""
    return _actions(naming_of(version))


def unconfirmed(version: str) -> frozenset[str]:
    """The messages of a version that are sent without an answer (SEND of OCPP 2.1)."""
    return naming_of(version).sends


@lru_cache(maxsize=8)
def _actions(naming: _Naming) -> frozenset[str]:
    suffix = f"{naming.response}.json"
    return frozenset(
        entry.name.removesuffix(suffix) for entry in _folder(naming).iterdir() if entry.name.endswith(suffix)
    )


def self_check() -> int:
    """Compile every schema and say how many there are; for the self-test of an installed or frozen program."""
    return sum(
        schema_of(version, half, name) is not None
        for version in VERSIONS
        for name in actions(version) | unconfirmed(version)
        for half in Half
    )


def naming_of(version: str) -> _Naming:
    """Where the schemas of a version are; an unknown version is our bug."""
    naming = _NAMING.get(version)
    if naming is None:
        raise BenchBug(f"no schemas for OCPP version {version!r}")
    return naming


def _folder(naming: _Naming) -> Any:
    return resources.files("ocpp") / naming.folder / "schemas"


def path_text(parts: Any) -> str:
    """``meterValue[0].sampledValue[1].value`` of its parts."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def json_type(value: object) -> str:
    """The JSON name of a decoded value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _fault(error: Any) -> Fault:
    """One violation in words. Values are shown only where they are words of a list: a KeyCode must not leak (C04.FR.04)."""
    keyword: str = error.kind.name
    facts: dict[str, Any] = error.kind.as_dict()
    value = error.instance
    where = path_text(error.instance_path)
    if keyword == "required":
        missing = facts["property"]
        where = f"{where}.{missing}" if where else missing
        text = f"required, but {missing} is missing"
    elif keyword == "additionalProperties":
        unexpected = facts["unexpected"]
        where = f"{where}.{unexpected[0]}" if where else str(unexpected[0])
        text = f"additionalProperties not allowed, got {_cut(', '.join(unexpected))}"
    elif keyword == "type":
        text = f"type {' or '.join(facts['types'])}, got {json_type(value)}"
    elif keyword == "enum":
        text = f"enum {_cut(', '.join(map(str, facts['options'])), 200)}, got {_cut(str(value))}"
    elif keyword == "format":
        text = f"format {facts['format']}, got {_cut(str(value))}"
    elif keyword in ("maxLength", "minLength", "maxItems", "minItems"):
        text = f"{keyword} {facts['limit']}, got {len(value)}"
    elif keyword in ("minimum", "maximum"):
        text = f"{keyword} {facts['limit']}, got {value}"
    elif keyword == "multipleOf":
        text = f"multipleOf {facts['multiple_of']}, got {value}"
    else:
        text = f"{keyword}: {_cut(error.message, 200)}"
    return Fault(SCHEMA_RULE + keyword, text, where)


def _cut(text: str, limit: int = _SHOWN) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def constraint(schema: Schema, parts: tuple[str | int, ...]) -> str:
    """What the schema says of the field at a path, in a few words: ``string, maxLength 36, required``. Empty if unknown."""
    node: Mapping[str, Any] = schema.document
    required = False
    for part in parts:
        if isinstance(part, int):
            node, required = _resolve(schema, node.get("items", {})), False
            continue
        required = part in node.get("required", ())
        node = _resolve(schema, node.get("properties", {}).get(part, {}))
    words = []
    if "enum" in node:
        words.append(f"one of {_cut(', '.join(node['enum']), 200)}")
    elif isinstance(node.get("type"), str):
        words.append(node["type"])
    words += [
        f"{keyword} {node[keyword]}"
        for keyword in ("maxLength", "minItems", "maxItems", "minimum", "maximum", "multipleOf", "format")
        if keyword in node
    ]
    if required:
        words.append("required")
    return ", ".join(words)


def _resolve(schema: Schema, node: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    definition: Mapping[str, Any] = schema.document.get("definitions", {}).get(
        reference.removeprefix("#/definitions/"), {}
    )
    return definition
