"""The generated description beside the published one, operation by operation and member by member."""

from __future__ import annotations

from typing import Any

import pytest

from devices.api.app import make_app
from tests.devices.api.conftest import FakeSession
from tests.devices.api.maeve_operations import NULLABLE, OBJECTS, OPERATIONS, Member

PREFIX = "/api/v0"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return make_app(FakeSession(), "http://localhost", needs_token=False).openapi()  # type: ignore[arg-type]


def test_every_operation_is_served_and_no_other(described: dict[str, Any]) -> None:
    served = {
        operation["operationId"]: (method, path.removeprefix(PREFIX))
        for path, item in described["paths"].items()
        if path.startswith(PREFIX)
        for method, operation in item.items()
    }
    assert served == {name: (wanted.method, wanted.path) for name, wanted in OPERATIONS.items()}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_takes_and_tells_what_is_published(described: dict[str, Any], name: str) -> None:
    wanted = OPERATIONS[name]
    operation = described["paths"][PREFIX + wanted.path][wanted.method]
    parameters = {(one["in"], one["name"]): one for one in operation.get("parameters", ())}
    in_path = {part[1:-1] for part in wanted.path.split("/") if part.startswith("{")}
    assert {key[1] for key in parameters if key[0] == "path"} == in_path
    assert {key[1] for key in parameters if key[0] == "query"} == set(wanted.query)
    for query in wanted.query:
        assert not parameters["query", query]["required"]
        assert parameters["query", query]["schema"]["type"] == "integer"

    responses = operation["responses"]
    assert {str(wanted.success), "default", *map(str, wanted.refusals)} <= set(responses)
    assert [status for status in responses if status.startswith("2")] == [str(wanted.success)]
    content = responses[str(wanted.success)].get("content")
    if wanted.tells is None:
        assert content is None
    else:
        compare(described, wanted.tells, content["application/json"]["schema"], told=True)
    for status in ("default", *map(str, wanted.refusals)):
        compare(described, "Status", responses[status]["content"]["application/json"]["schema"], told=True)

    if wanted.body is None:
        assert "requestBody" not in operation
    else:
        assert operation["requestBody"]["required"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if wanted.body == "ChargeStationSettings":
            settings = resolved(described, schema)
            assert (settings["type"], settings["additionalProperties"]["type"]) == ("object", "string")
        else:
            compare(described, wanted.body, schema, told=False)


def compare(described: dict[str, Any], name: str, schema: dict[str, Any], *, told: bool) -> None:
    """An object of the description has every published member, with its type, words and limits. What is added may be left out.

    told: it is sent by the bench, which says nothing of limits.
    """
    if name.startswith("["):
        schema = resolved(described, schema)
        assert schema["type"] == "array"
        name, schema = name[1:-1], schema["items"]
    found = resolved(described, schema)
    assert found["type"] == "object"
    required = set(found.get("required", ()))
    for member, wanted in OBJECTS[name].items():
        assert member in found["properties"], (name, member)
        compare_member(described, name, member, wanted, found["properties"][member], told=told)
        if wanted.required or not told:
            assert (member in required) is wanted.required, (name, member)
    assert required - {member for member, wanted in OBJECTS[name].items() if wanted.required} <= always_told(name, told)


def always_told(name: str, told: bool) -> set[str]:
    """Members that clients may leave out and the bench never does."""
    return (
        {"ChargeStationAuth": {"invalidUsernameAllowed"}, "Token": {"lastUpdated"}, "Status": {"error"}}.get(
            name, set()
        )
        if told
        else set()
    )


def compare_member(
    described: dict[str, Any], name: str, member: str, wanted: Member, schema: dict[str, Any], *, told: bool
) -> None:
    where = (name, member)
    plain = without_null(described, schema)
    if where in NULLABLE and not told:
        assert any(one.get("type") == "null" for one in schema["anyOf"]), where
    if wanted.of:
        compare(described, wanted.of, plain, told=told)
        return
    type_, _, format_ = wanted.type.partition(":")
    assert plain["type"] == type_, where
    if format_:
        assert plain["format"] == format_, where
    if wanted.words:
        assert plain["enum"] == list(wanted.words) or set(plain["enum"]) == set(wanted.words), where
    else:
        assert "enum" not in plain, where
    if not told:
        for limit, value in wanted.limits.items():
            assert plain[limit] == value, (*where, limit)


def without_null(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a member is where it is not null."""
    choices = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    assert len(choices) == 1
    return resolved(described, choices[0])


def resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
