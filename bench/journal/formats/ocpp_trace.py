"""Open OCPP Trace 1.1: the neutral JSON Lines format for OCPP (project open-ocpp-trace, specification).

It carries OCPP messages that can be read and nothing else; what is left out is counted by reason. Facts of ours go to
``meta.authbench``. A CALL from the station is ``cp-to-csms``, for the bench is the CSMS.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from bench.codecs import ocpp
from bench.journal.formats import Item, Station
from bench.journal.formats.calls import OpenCalls
from bench.journal.formats.lines import Damaged, Line, json_of, parse_time, rfc3339
from bench.journal.formats.versions import known_version, likely_version
from bench.message import Decoded, Direction, Fault, Link, Message
from bench.plain_data import json_text

SCHEMA_VERSION = "1.1"
OURS = "authbench"
RAW_RULE = "trace.raw"
"""A record that says something else than its raw text does."""

_NUMBERS = {"CALL": 2, "CALLRESULT": 3, "CALLERROR": 4}
_LEFT_OUT = {
    "link": "changes of an OCPP link",
    "SEND": "SEND of OCPP 2.1",
    "CALLRESULTERROR": "CALLRESULTERROR of OCPP 2.1",
}
_WAYS = {Direction.IN: "cp-to-csms", Direction.OUT: "csms-to-cp"}
_DIRECTIONS = {way: direction for direction, way in _WAYS.items()}
_OTHER_WAY = {"cp-to-csms": "csms-to-cp", "csms-to-cp": "cp-to-csms"}
_KNOWN = frozenset(
    ("schemaVersion", "timestamp", "transport", "direction", "messageType", "ocppVersion", "chargePointId")
    + ("connectorId", "messageId", "action", "payload", "raw", "error", "meta")
)
_Record = dict[str, Any]
_LONG_NUMBER = re.compile(rb"\d{19}")


# Writing


class Writer:
    """Makes the records of a capture's messages, handed over in their order.

    stations: OCPP version by station id. left_out: how many messages were not written, by reason.
    """

    def __init__(self, stations: Mapping[str, str]) -> None:
        self.left_out: Counter[str] = Counter()
        self._stations = stations
        self._by_station: OpenCalls[tuple[int, str]] = OpenCalls()
        self._by_id: OpenCalls[tuple[int, str]] = OpenCalls()

    def line(self, message: Message) -> bytes | None:
        """The line of a message, None where the format cannot carry it."""
        kind = message.decoded.kind
        frame: list[Any] | None = None
        if message.link is not Link.OCPP:
            why = f"not OCPP ({message.link})"
        elif kind not in _NUMBERS:
            why = _LEFT_OUT.get(kind, "malformed OCPP")
        else:
            frame, why = _frame(message.raw, _NUMBERS[kind]), "OCPP whose bytes cannot be read again"
        if frame is None:
            self.left_out[why] += 1
            return None
        record = self._record(message, frame)
        try:
            return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # whole numbers beyond 64 bits, deep nesting
            return f"{json_text(record)}\n".encode()

    def _record(self, message: Message, frame: list[Any]) -> _Record:
        kind, way = message.decoded.kind, _WAYS[message.direction]
        record: _Record = {
            "schemaVersion": SCHEMA_VERSION,
            "timestamp": rfc3339(message.utc_ns),
            "transport": "json",
            "direction": way,
            "messageType": kind,
        }
        if version := self._stations.get(message.channel):
            record["ocppVersion"] = version
        record["chargePointId"] = message.channel
        if kind == "CALL" and (connector := _connector(frame[3])) is not None:
            record["connectorId"] = connector
        record["messageId"] = frame[1]
        if (action := self._action(message, frame, way)) is not None:
            record["action"] = action
        if kind == "CALLERROR":
            record["error"] = _error(frame)
        else:
            record["payload"] = frame[-1]
        record["raw"] = message.raw.decode()
        record["meta"] = _meta(message)
        return record

    def _action(self, message: Message, frame: list[Any], way: str) -> str | None:
        """A response's is its call's. The rule pairs by id and direction alone; where two stations use one id at a time, it
        may mean another station's call, and then the action is left out."""
        by_station, by_id = (message.channel, frame[1]), frame[1]
        if message.decoded.kind == "CALL":
            call = (message.seq, str(frame[2]))
            self._by_station.call((by_station, way), call)
            self._by_id.call((by_id, way), call)
            return call[1]
        mine = self._by_station.answer((by_station, _OTHER_WAY[way]))
        said = self._by_id.answer((by_id, _OTHER_WAY[way]))
        return mine[1] if mine is not None and said is not None and mine[1] == said[1] else None


def _frame(raw: bytes, number: int) -> list[Any] | None:
    """The OCPP array, None where the bytes are no message of that type."""
    try:
        # orjson makes a float, which stands for another number, of a whole one beyond 64 bits.
        frame = json.loads(raw) if _LONG_NUMBER.search(raw) else orjson.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, list) or not 3 <= len(frame) <= 5 or frame[0] != number:
        return None
    wanted: tuple[type, ...] = (str, str) if number != 3 else (str,)
    if not all(isinstance(part, kind) for part, kind in zip(frame[1:], wanted, strict=False)):
        return None
    return frame if number == 4 or len(frame) == (4 if number == 2 else 3) else None


def _connector(payload: object) -> int | None:
    found = payload.get("connectorId") if isinstance(payload, dict) else None
    return found if type(found) is int and found >= 0 else None


def _error(frame: list[Any]) -> _Record:
    """Stations leave out description and details; they stand empty then."""
    description = frame[3] if len(frame) > 3 and isinstance(frame[3], str) else ""
    details = frame[4] if len(frame) > 4 and isinstance(frame[4], dict) else {}
    return {"code": frame[2], "description": description, "details": details}


def _meta(message: Message) -> _Record:
    faults = message.decoded.faults
    meta: _Record = {"seq": message.seq}
    if message.injected:
        meta["injected"] = True
    if faults:
        meta["faults"] = [{"rule": fault.rule, "text": fault.text, "where": fault.where} for fault in faults]
    before = (message.meta or {}).get("trace")
    foreign = before.get("meta") if isinstance(before, dict) else None
    return {**(foreign if isinstance(foreign, dict) else {}), OURS: meta}


# Reading


def read(lines: Iterable[Line]) -> Iterator[Item]:
    """The messages of a trace, numbered from 1, decoded anew; at the end the stations whose version is known.

    Fields nobody knows, ``meta`` and what had to be guessed are kept in the message's meta under ``trace``.

    Raises:
        Damaged: a line is no record; the text has its number.
    """
    reader = _Reader()
    for number, line in lines:
        if line.strip():
            yield reader.message(number, line)
    for station, version in reader.versions.items():
        yield Station(station, version)


class _Reader:
    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self._calls: OpenCalls[str] = OpenCalls()
        self._count = 0
        self._first_ns: int | None = None

    def message(self, number: int, line: bytes) -> Message:
        record = _checked(number, line)
        utc_ns = parse_time(record["timestamp"])
        if utc_ns is None or not 0 <= utc_ns < 2**63:
            raise Damaged(number, f"the timestamp {record['timestamp'][:40]!r} is no RFC 3339 date-time")
        if self._first_ns is None:
            self._first_ns = utc_ns
        self._count += 1
        station = record.get("chargePointId") if isinstance(record.get("chargePointId"), str) else ""
        about: _Record = {name: value for name, value in record.items() if name not in _KNOWN}
        if isinstance(meta := record.get("meta"), dict):
            ours = meta.pop(OURS, None)
            about |= {"meta": meta} if meta else {}
            injected = isinstance(ours, dict) and ours.get("injected") is True
        else:
            injected = False
        raw = self._raw(record, about)
        json_of(number, "what is unknown", [about])
        decoded = self._decode(record, station or "", raw)
        return Message(
            self._count,
            utc_ns - self._first_ns,
            utc_ns,
            Link.OCPP,
            _DIRECTIONS[record["direction"]],
            station or "",
            raw,
            decoded,
            {"trace": about} if about else None,
            injected,
        )

    def _raw(self, record: _Record, about: _Record) -> bytes:
        """The wire text; where the record has none, what it would have been."""
        if isinstance(raw := record.get("raw"), str):
            return raw.encode()
        about["raw"] = "made from the record"
        kind, message_id = record["messageType"], str(record.get("messageId", ""))
        if kind == "CALL":
            return json_text([2, message_id, record.get("action", ""), record.get("payload", {})]).encode()
        if kind == "CALLRESULT":
            return json_text([3, message_id, record.get("payload", {})]).encode()
        error = record["error"]
        parts = [error.get("code", ""), error.get("description", ""), error.get("details", {})]
        return json_text([4, message_id, *parts]).encode()

    def _decode(self, record: _Record, station: str, raw: bytes) -> Decoded:
        kind, way = record["messageType"], record["direction"]
        message_id = record.get("messageId")
        message_id = message_id if isinstance(message_id, str) else None
        if record["transport"] != "json":
            why = "SOAP is kept, but not read"
            named = str(record.get("action", ""))
            return Decoded(kind, named, message_id, None, (Fault("trace.transport", why),), why)
        version = self._version(record, station)
        action = record.get("action") if isinstance(record.get("action"), str) else None
        key = (station, ocpp.salvage(raw).id if message_id is None else message_id)
        if kind == "CALL":
            self._calls.call((key, way), action or "")
        else:
            action = self._calls.answer((key, _OTHER_WAY[way])) or action
        decoded = ocpp.decode(raw, version, lambda _: action)
        if decoded.kind == "malformed":
            return decoded
        pairs = [(kind, decoded.kind), (message_id or decoded.correlation, decoded.correlation)]
        pairs += [(action, decoded.name)] if kind == "CALL" else []
        wrong = [f"the record says {told}, its raw text {reads}"[:200] for told, reads in pairs if told != reads]
        return decoded._replace(faults=(*decoded.faults, *(Fault(RAW_RULE, text, "raw") for text in wrong)))

    def _version(self, record: _Record, station: str) -> str:
        told = record.get("ocppVersion")
        version = known_version(told) if isinstance(told, str) else None
        if version is None and record["messageType"] == "CALL":
            version = likely_version(str(record.get("action", "")), record.get("payload"))
        if version is not None:
            self.versions[station] = version
        return self.versions.get(station, "2.0.1")


def _checked(number: int, line: bytes) -> _Record:
    """A record with what it must have."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Damaged(number, f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise Damaged(number, "not a JSON object")
    if not str(record.get("schemaVersion", "")).startswith("1"):
        raise Damaged(number, "schemaVersion is missing or not 1.x")
    wanted = {"direction": tuple(_DIRECTIONS), "messageType": tuple(_NUMBERS), "transport": ("json", "soap")}
    for name, values in wanted.items():
        if not isinstance(record.get(name), str) or record[name] not in values:
            raise Damaged(number, f"{name} must be one of {', '.join(values)}")
    if not isinstance(record.get("timestamp"), str):
        raise Damaged(number, "timestamp is missing")
    if record["messageType"] == "CALL" and not isinstance(record.get("action"), str):
        raise Damaged(number, "a CALL without action")
    if record["messageType"] == "CALLERROR" and not isinstance(record.get("error"), dict):
        raise Damaged(number, "a CALLERROR without error")
    return record
