"""Open OCPP Trace: records that are valid, pair by the rule and say what the wire text says; tolerant reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from bench.errors import BadInput
from bench.journal.capture_reader import CaptureReader
from bench.journal.formats import ocpp_trace
from bench.journal.formats.convert import export_capture, import_file
from bench.message import Decoded, Direction, Fault, Link, Message, malformed

SCHEMA = jsonschema_rs.validator_for(
    orjson.loads((Path(__file__).parent / "open_ocpp_trace.schema.json").read_bytes()), validate_formats=True
)
IN, OUT = Direction.IN, Direction.OUT
KINDS = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR", 5: "CALLRESULTERROR", 6: "SEND"}


def wire(seq: int, direction: Direction, raw: bytes | str, station: str = "CP-1", **members: Any) -> Message:
    data = raw.encode() if isinstance(raw, str) else raw
    frame = orjson.loads(data)
    decoded = Decoded(KINDS[frame[0]], frame[2] if frame[0] == 2 else "", frame[1], None)
    utc_ns = 1_795_262_400_000_000_000 + seq
    return Message(seq, seq, utc_ns, Link.OCPP, direction, station, data, decoded)._replace(**members)


def records(record: Any, tmp_path: Path, messages: list[Message]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    target = tmp_path / "out.trace.jsonl"
    report = export_capture(record(messages, stations=[("CP-1", "1.6")]), target)
    found = [orjson.loads(line) for line in target.read_bytes().splitlines()]
    for entry in found:
        SCHEMA.validate(entry)
        says = [KINDS[orjson.loads(entry["raw"])[0]], orjson.loads(entry["raw"])[1]]
        assert says == [entry["messageType"], entry["messageId"]]
    assert report.messages == len(found)
    return found, dict(report.left_out)


def test_a_call_and_its_answer(record: Any, tmp_path: Path) -> None:
    raw = '[2, "1", "StartTransaction", {"connectorId": 2, "idTag": "Ä\\u00e4", "meterStart":1.50}]'
    call, answer = wire(1, IN, raw, injected=True), wire(2, OUT, '[3,"1",{}]')
    (first, second), left = records(record, tmp_path, [call, answer])
    assert first == {
        "schemaVersion": "1.1", "timestamp": "2026-11-21T12:00:00.000000001Z", "transport": "json",
        "direction": "cp-to-csms", "messageType": "CALL", "ocppVersion": "1.6", "chargePointId": "CP-1", "connectorId": 2,
        "messageId": "1", "action": "StartTransaction", "payload": {"connectorId": 2, "idTag": "Ää", "meterStart": 1.5},
        "raw": raw, "meta": {"authbench": {"seq": 1, "injected": True}},
    }  # fmt: skip
    assert (second["direction"], second["action"], second["payload"]) == ("csms-to-cp", "StartTransaction", {})
    assert not left


def test_what_2_1_adds_is_left_out_and_counted(record: Any, tmp_path: Path) -> None:
    """The format has three message types."""

    def of_21(seq: int, kind: str, raw: bytes) -> Message:
        return wire(seq, IN, raw, decoded=Decoded(kind, "", str(seq), None))

    messages = [
        wire(1, IN, '[2,"1","Heartbeat",{}]'),
        of_21(2, "SEND", b'[6,"2","NotifyPeriodicEventStream",{}]'),
        of_21(3, "CALLRESULTERROR", b'[5,"3","FormatViolation","",{}]'),
    ]
    found, left = records(record, tmp_path, messages)
    assert len(found) == 1
    assert left == {"SEND of OCPP 2.1": 1, "CALLRESULTERROR of OCPP 2.1": 1}


def test_pairing_of_orphans_and_reused_ids(record: Any, tmp_path: Path) -> None:
    messages = [
        wire(1, OUT, '[3,"7",{}]'),  # an orphan
        wire(2, IN, '[2,"7","Heartbeat",{}]'),
        wire(3, IN, '[2,"7","Authorize",{}]'),  # the id again, before an answer
        wire(4, IN, '[3,"7",{}]'),  # the same way as the calls: an orphan
        wire(5, OUT, '[4,"7","GenericError","",{}]'),  # answers the latest
        wire(6, OUT, '[3,"7",{}]'),  # answers the earlier
        wire(7, OUT, '[3,"7",{}]'),  # a third: an orphan
        wire(8, OUT, '[2,"7","Reset",{}]'),
        wire(9, IN, '[4,"7","NotSupported"]'),
    ]
    found, _ = records(record, tmp_path, messages)
    actions = [None, "Heartbeat", "Authorize", None, "Authorize", "Heartbeat", None, "Reset", "Reset"]
    assert [entry.get("action") for entry in found] == actions
    assert found[8]["error"] == {"code": "NotSupported", "description": "", "details": {}}


def test_two_stations_with_one_id_name_no_action_that_a_reader_would_doubt(record: Any, tmp_path: Path) -> None:
    messages = [
        wire(1, IN, '[2,"1","Heartbeat",{}]', "A"),
        wire(2, IN, '[2,"1","Authorize",{}]', "B"),
        wire(3, OUT, '[3,"1",{}]', "A"),
        wire(4, OUT, '[3,"1",{}]', "B"),
    ]
    found, _ = records(record, tmp_path, messages)
    assert [entry.get("action") for entry in found] == ["Heartbeat", "Authorize", None, None]


def test_what_the_format_cannot_carry_is_counted(record: Any, tmp_path: Path) -> None:
    good = wire(1, IN, '[2,"1","Heartbeat",{}]')
    messages = [
        good,
        good._replace(seq=2, link=Link.JOSEV),
        good._replace(seq=3, link=Link.READER),
        good._replace(seq=4, raw=b"\xff", decoded=malformed("not UTF-8")),
        good._replace(seq=5, raw=b"", decoded=Decoded("link", "connected", None, None)),
        good._replace(seq=6, raw=b""),
    ]
    found, left = records(record, tmp_path, messages)
    assert len(found) == 1
    assert left == {
        "not OCPP (josev)": 1, "not OCPP (reader)": 1, "malformed OCPP": 1, "changes of an OCPP link": 1,
        "OCPP whose bytes cannot be read again": 1,
    }  # fmt: skip


def test_numbers_beyond_64_bits_say_the_same_in_payload_and_raw(record: Any, tmp_path: Path) -> None:
    target = tmp_path / "out.oot"
    big = 123456789012345678901234567890
    export_capture(record([wire(1, IN, f'[2,"1","DataTransfer",{{"data":{big},"x":1e300}}]')]), target)
    import json

    found = json.loads(target.read_text())
    assert found["payload"] == json.loads(found["raw"])[3] == {"data": big, "x": 1e300}


def test_an_export_comes_back_and_goes_out_again_the_same(record: Any, tmp_path: Path) -> None:
    faulty = wire(3, IN, '[2,"2","Authorize",{"idTag":"012345678901234567890"}]')
    messages = [
        wire(1, IN, '[2,"1","Heartbeat",{}]'),
        wire(2, OUT, '[3,"1",{"currentTime":"2026-11-21T12:00:00Z"}]'),
        faulty,
    ]
    capture = record(messages, stations=[("CP-1", "1.6")])
    export_capture(capture, tmp_path / "a.oot")
    import_file(tmp_path / "a.oot", tmp_path / "b.db")
    export_capture(tmp_path / "b.db", tmp_path / "b.oot")
    export_capture(tmp_path / "b.db", tmp_path / "b.jsonl")
    with CaptureReader(tmp_path / "b.db") as reader:
        back = reader.messages()
        assert reader.stations() == {"CP-1": "1.6"}
    assert [(m.seq, m.utc_ns, m.raw, m.direction, m.channel) for m in back] == [
        (m.seq, m.utc_ns, m.raw, m.direction, m.channel) for m in messages
    ]
    assert [message.decoded.name for message in back] == ["Heartbeat", "Heartbeat", "Authorize"]
    assert "maxLength 20" in back[2].decoded.faults[0].text
    assert (tmp_path / "a.oot").read_bytes().splitlines()[:2] == (tmp_path / "b.oot").read_bytes().splitlines()[:2]


def line(**members: Any) -> bytes:
    base = {
        "schemaVersion": "1.1", "timestamp": "2026-11-21T12:00:00Z", "transport": "json", "direction": "cp-to-csms",
        "messageType": "CALL", "messageId": "1", "action": "Heartbeat", "payload": {},
    }  # fmt: skip
    return orjson.dumps({name: value for name, value in (base | members).items() if value is not ...})


def read(*lines: bytes) -> list[Any]:
    return list(ocpp_trace.read(enumerate(lines, 1)))


def test_reading_is_tolerant() -> None:
    payload = {"idTag": "04A2B3C4"}
    found = read(
        line(
            ocppVersion="OCPP1.6J",
            chargePointId="X",
            action="Authorize",
            payload=payload,
            mood="good",
            meta={"by": "y"},
        ),
        b"",
        line(messageType="CALLRESULT", direction="csms-to-cp", action=..., chargePointId="X", payload={"idTagInfo": 5}),
        line(messageType="CALLERROR", direction="csms-to-cp", action=..., error={"code": "GenericError"}),
        line(raw='[2,"2","Reset",{}]', messageId="2"),
        line(transport="soap", raw="<soap/>", action="BootNotification"),
        line(messageId=..., raw='[2,"5","Heartbeat",{}]'),
    )
    first, result, error, other, soap, bare, *stations = found
    assert (first.raw, first.decoded.faults, first.injected) == (b'[2,"1","Authorize",{"idTag":"04A2B3C4"}]', (), False)
    assert first.meta == {"trace": {"mood": "good", "meta": {"by": "y"}, "raw": "made from the record"}}
    assert (result.decoded.name, result.direction) == ("Authorize", OUT)
    assert result.decoded.faults[0].where == "idTagInfo"  # checked against the call it answers, in its version
    assert error.raw == b'[4,"1","GenericError","",{}]'
    assert other.decoded.faults[-1] == Fault("trace.raw", "the record says Heartbeat, its raw text Reset", "raw")
    assert (soap.raw, soap.decoded.kind, soap.decoded.faults[0].rule) == (b"<soap/>", "CALL", "trace.transport")
    assert (bare.decoded.correlation, bare.decoded.faults) == ("5", ())
    assert [message.seq for message in found[:6]] == [1, 2, 3, 4, 5, 6]
    assert [tuple(station) for station in stations] == [("X", "1.6")]


@pytest.mark.parametrize(
    "bad",
    [
        b"{", b"[]", line(schemaVersion=...), line(schemaVersion="2.0"), line(timestamp="yesterday"), line(timestamp=...),
        line(direction="up"), line(messageType=5), line(transport=...), line(action=...), line(timestamp="1969-01-01T00:00:00Z"),
        line(messageType="CALLERROR"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_named_and_nothing_is_imported(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "x.oot").write_bytes(b"\n".join([line(), line(), bad]))
    with pytest.raises(BadInput, match="line 3"):
        import_file(tmp_path / "x.oot", tmp_path / "x.db")
    assert [file.name for file in tmp_path.iterdir()] == ["x.oot"]


def test_deep_payloads_come_along_or_are_named(record: Any, tmp_path: Path) -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    call = b'[2,"1","DataTransfer",{"vendorId":"x","data":' + deep + b"}]"
    message = wire(1, IN, call)
    assert export_capture(record([message]), tmp_path / "deep.oot").messages == 1
    assert import_file(tmp_path / "deep.oot", tmp_path / "deep.db").messages == 1
    with CaptureReader(tmp_path / "deep.db") as reader:
        assert reader.messages()[0].raw == call
    text = (tmp_path / "deep.oot").read_bytes()
    (tmp_path / "bare.oot").write_bytes(text[: text.index(b',"raw":')] + b"}")
    assert import_file(tmp_path / "bare.oot", tmp_path / "bare.db").messages == 1
    (tmp_path / "odd.oot").write_bytes(text.replace(b'{"schemaVersion"', b'{"extra":' + deep + b',"schemaVersion"'))
    with pytest.raises(BadInput, match="line 1: what is unknown cannot be kept"):
        import_file(tmp_path / "odd.oot", tmp_path / "odd.db")
    assert not (tmp_path / "odd.db").exists()
