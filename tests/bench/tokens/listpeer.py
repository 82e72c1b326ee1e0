"""A station's local list, scripted, for pushing to: what it was asked is kept and checked against the schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import ocpp
import orjson

from bench.answers import CallAnswer, PushReport
from bench.clock import utc_now
from bench.list_view import Mode
from bench.station import Station
from bench.tokens.list_entries import Entry, wanted
from bench.tokens.list_keep import KeptList
from bench.tokens.list_limits import Call
from bench.tokens.list_shadow import Chunk
from bench.tokens.local_list import ListPush
from bench.tokens.model import Token

SCHEMAS = Path(ocpp.__file__).parent


def token(uid: str, **fields: Any) -> Token:
    return Token(uid, "GB", "TWK", "GBTWK012345678V", "x", **fields)


class Peer:
    """A station's answers, scripted; keeps every call. version: moves with an Accepted list."""

    def __init__(self, ocpp_version: str, version: int = 0, **answers: Any) -> None:
        self.ocpp_version = ocpp_version
        self.version = version
        self.answers = answers
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.stuck = False
        self.empties = False  # this push leaves the list empty

    def sent(self, action: str) -> list[Mapping[str, Any]]:
        return [made for name, made in self.calls if name == action]

    async def call(self, action: str, made: Mapping[str, object]) -> CallAnswer:
        self.calls.append((action, made))
        self.check_schema(action, made)
        answer = self.answers.get(action)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            return CallAnswer(action, None, answer, "not today")
        if answer is not None:
            return CallAnswer(action, answer)
        old = self.ocpp_version == "1.6"
        if action == "GetLocalListVersion":
            return CallAnswer(action, {"listVersion" if old else "versionNumber": self.version})
        if action == "SendLocalList":
            if not self.stuck:
                number = made["listVersion" if old else "versionNumber"]
                assert isinstance(number, int)
                emptied = self.empties or "localAuthorizationList" not in made
                self.version = 0 if old and emptied else number
            return CallAnswer(action, {"status": "Accepted"})
        return CallAnswer(action, {"configurationKey": []} if old else {"getVariableResult": []})

    def check_schema(self, action: str, made: Mapping[str, object]) -> None:
        folders = {"1.6": ("v16", ""), "2.0.1": ("v201", "Request"), "2.1": ("v21", "Request")}
        folder, suffix = folders[self.ocpp_version]
        schema = orjson.loads(
            (SCHEMAS / folder / "schemas" / f"{action}{suffix}.json").read_bytes().removeprefix(b"\xef\xbb\xbf")
        )
        jsonschema_rs.validate(schema, dict(made))


class NoDatabase:
    """A token store that keeps nothing."""

    async def transact(self, job: Callable[[Any], Any]) -> None:
        return None


def entries(
    version: str, tokens: Iterable[Token], *, expiry: bool = False, now: datetime | None = None
) -> tuple[list[Entry], list[tuple[str, str]]]:
    """The entries of a list, and what is left out of it."""
    made = wanted(version, tokens, now or utc_now(), expiry=expiry)
    return list(made.entries.values()), [(each.uid, each.why) for each in made.left_out]


def holding(version: str, number: int | None = None, tokens: Iterable[Token] = ()) -> KeptList:
    """What a station holds: the list of these tokens as that version, or nobody knows what."""
    kept = KeptList(NoDatabase(), "CP-001", version == "1.6")  # type: ignore[arg-type]
    if number is not None:
        kept.shadow.restore([Chunk(number, True, entries(version, tokens)[0])], number, "")
    return kept


async def push(
    station: Station,
    tokens: Iterable[Token],
    call: Call,
    mode: str = "full",
    held: KeptList | None = None,
    **more: Any,
) -> tuple[PushReport, KeptList]:
    """One push, and what the station then holds. held: before it, None where nobody knows."""
    kept = held if held is not None else holding(station.version)
    listed = list(tokens)
    pushing = ListPush(
        station, kept, lambda expiry: wanted(station.version, listed, utc_now(), expiry=expiry), call, **more
    )
    return await pushing.run(Mode(mode)), kept


async def push_full(station: Station, tokens: Iterable[Token], call: Call) -> PushReport:
    return (await push(station, tokens, call))[0]


def values(kept: KeptList) -> set[str] | None:
    """What a station holds, or None where nobody knows."""
    return set(kept.shadow.values) if kept.shadow.known else None


def known(version: str, **fields: Any) -> Station:
    return Station("CP-001", version, **fields)


def variables(**values: str) -> dict[str, object]:
    return {
        "getVariableResult": [
            {
                "attributeStatus": "Accepted",
                "attributeType": "MaxSet" if name == "Entries" else "Actual",
                "attributeValue": value,
                "component": {"name": "LocalAuthListCtrlr"},
                "variable": {"name": name},
            }
            for name, value in values.items()
        ]
    }


def keys(**values: str) -> dict[str, object]:
    return {"configurationKey": [{"key": key, "readonly": True, "value": value} for key, value in values.items()]}
