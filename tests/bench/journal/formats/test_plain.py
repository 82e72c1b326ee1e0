"""Plain logs: arrays bare or behind a prefix, nothing dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BadInput
from bench.journal.capture_reader import CaptureReader
from bench.journal.formats.convert import Form, import_file
from bench.message import Direction, Malformed, Message

LOG = b"""\xef\xbb\xbf[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]
[3,"1",{"status":"Accepted","currentTime":"2026-11-21T12:00:00Z","interval":300}]

2026-11-21 12:00:01,250 INFO [ocpp] CP_1: receive message [2,"2","Authorize",{"idTag":"04A2B3C4"}]
2026-11-21T13:00:01.5+01:00 send: [ 3 , "2", {"idTagInfo":{"status":"Accepted"}}] (3 ms)
central > [2,"a","RemoteStopTransaction",{"transactionId":1}]
[4,"a","NotSupported","",{}]
[3,"lost",{}]
the server was started
[2,"3","Heart
2026-11-21 12:00:03 \xff\xfe[2,"4","Heartbeat",{}]
[2,"5","Reset",{"type":"Hard"},7]"""


def imported(tmp_path: Path, content: bytes) -> tuple[list[Message], dict[str, str]]:
    (tmp_path / "charger.log").write_bytes(content)
    report = import_file(tmp_path / "charger.log", tmp_path / "new.db")
    assert report.form is Form.PLAIN
    with CaptureReader(tmp_path / "new.db") as reader:
        assert report.messages == reader.count()
        return reader.messages(), reader.stations()


def test_a_log_as_programs_write_it(tmp_path: Path) -> None:
    found, stations = imported(tmp_path, LOG)
    assert stations == {"charger": "1.6"}
    assert [message.seq for message in found] == list(range(1, 12))
    assert [(m.decoded.kind, m.decoded.name, m.direction.value) for m in found] == [
        ("CALL", "BootNotification", "in"),
        ("CALLRESULT", "BootNotification", "out"),
        ("CALL", "Authorize", "in"),
        ("CALLRESULT", "Authorize", "out"),
        ("CALL", "RemoteStopTransaction", "out"),
        ("CALLERROR", "RemoteStopTransaction", "in"),
        ("CALLRESULT", "", "out"),
        ("malformed", "", "in"),
        ("malformed", "", "in"),
        ("CALL", "Heartbeat", "in"),
        ("malformed", "Reset", "in"),
    ]
    assert not any(message.decoded.faults for message in found[:7])
    assert found[0].meta == {"time": "unknown"}
    assert found[2].raw == b'[2,"2","Authorize",{"idTag":"04A2B3C4"}]'
    assert found[2].meta == {"before": "2026-11-21 12:00:01,250 INFO [ocpp] CP_1: receive message"}
    assert found[3].raw == b'[ 3 , "2", {"idTagInfo":{"status":"Accepted"}}]'
    assert found[3].meta is not None
    assert found[3].meta["after"] == "(3 ms)"
    assert found[3].mono_ns - found[2].mono_ns == found[3].utc_ns - found[2].utc_ns == 250_000_000
    assert found[4].utc_ns == found[3].utc_ns
    assert found[7].raw == b"the server was started"
    assert isinstance(found[8].decoded.body, Malformed)
    assert found[8].raw == b'[2,"3","Heart'
    assert found[10].raw == b'[2,"5","Reset",{"type":"Hard"},7]'


def test_a_log_of_2_0_1_is_known_by_its_calls(tmp_path: Path) -> None:
    call = b'[2,"1","Authorize",{"idToken":{"idToken":"04A2B3C4","type":"ISO14443"}}]'
    found, stations = imported(tmp_path, call)
    assert stations == {"charger": "2.0.1"}
    assert (found[0].decoded.faults, found[0].direction) == ((), Direction.IN)


def test_a_log_of_2_1_is_known_by_an_action_it_adds(tmp_path: Path) -> None:
    stream = b'{"id":1,"pending":0,"basetime":"2025-01-01T00:00:00Z","data":[{"t":0,"v":"230"}]}'
    lines = [
        b'[2,"1","Authorize",{"idToken":{"idToken":"04A2B3C4","type":"ISO14443"}}]',
        b'[2,"2","VatNumberValidation",{"vatNumber":"DE1"}]',
        b'[3,"2",{"vatNumber":"DE1","status":"Rejected"}]',
        b'12:00 < [6,"3","NotifyPeriodicEventStream",' + stream + b"]",
        b'[5,"2","FormatViolation","",{}]',
    ]
    found, stations = imported(tmp_path, b"\n".join(lines))
    assert stations == {"charger": "2.1"}
    assert [(m.decoded.kind, m.decoded.name, m.direction.value, m.decoded.faults) for m in found] == [
        ("CALL", "Authorize", "in", ()),
        ("CALL", "VatNumberValidation", "in", ()),
        ("CALLRESULT", "VatNumberValidation", "out", ()),
        ("SEND", "NotifyPeriodicEventStream", "in", ()),
        ("CALLRESULTERROR", "", "in", ()),
    ]


def test_a_wrong_call_of_2_0_1_makes_no_2_1(tmp_path: Path) -> None:
    """A value too long for 2.0.1 would fit 2.1, but is no sign of it."""
    long = b'[2,"1","Authorize",{"idToken":{"idToken":"' + b"A" * 40 + b'","type":"ISO14443"}}]'
    assert imported(tmp_path, long)[1] == {"charger": "2.0.1"}


def test_an_empty_log_and_a_payload_of_5_mb(tmp_path: Path) -> None:
    raw = b'[2,"1","DataTransfer",{"vendorId":"x","data":"' + b"[" * 5_000_000 + b'"}]'
    (tmp_path / "a").mkdir()
    found, _ = imported(tmp_path / "a", b"noise [2, \n" + raw + b" trailing")
    assert found[1].raw == raw
    (tmp_path / "b").mkdir()
    assert imported(tmp_path / "b", b"")[0] == []


CALL_16 = b'[2,"1","Authorize",{"idTag":"04A2B3C4"}]'
CALL_201 = b'[2,"2","Authorize",{"idToken":{"idToken":"04A2B3C4","type":"ISO14443"}}]'


@pytest.mark.parametrize(
    ("content", "version", "how"),
    [
        (CALL_16, "1.6", "OCPP 1.6 guessed from the one call that tells"),
        (b"\n".join([CALL_16, CALL_201, CALL_201]), "2.0.1", "OCPP 2.0.1 guessed from 2 of 3 calls that tell"),
        (b'[2,"1","Heartbeat",{}]', "2.0.1", "OCPP 2.0.1 assumed: no call tells the version"),
    ],
)
def test_the_version_that_was_guessed_is_told_and_how(tmp_path: Path, content: bytes, version: str, how: str) -> None:
    (tmp_path / "a.log").write_bytes(content)
    report = import_file(tmp_path / "a.log", tmp_path / "a.db")
    assert report.version == how
    assert str(report).endswith(f"; {how}")
    with CaptureReader(tmp_path / "a.db") as reader:
        assert reader.stations() == {"a": version}


@pytest.mark.parametrize(
    ("said", "read_as", "how"),
    [
        ("1.6", "1.6", "OCPP 1.6 as told"),
        ("2.0.1", "2.0.1", "OCPP 2.0.1 as told"),
        ("2.1", "2.1", "OCPP 2.1 as told"),
    ],
)
def test_the_version_can_be_told(tmp_path: Path, said: str, read_as: str, how: str) -> None:
    (tmp_path / "a.log").write_bytes(CALL_16)
    assert import_file(tmp_path / "a.log", tmp_path / "a.db", ocpp_version=said).version == how
    with CaptureReader(tmp_path / "a.db") as reader:
        assert reader.stations() == {"a": read_as}
        assert bool(reader.messages()[0].decoded.faults) == (read_as != "1.6")


def test_a_version_that_cannot_be_told_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(CALL_16)
    with pytest.raises(BadInput, match=r"'1\.5' is no OCPP version; name one: 1\.6, 2\.0\.1, 2\.1"):
        import_file(tmp_path / "a.log", tmp_path / "a.db", ocpp_version="1.5")
    with pytest.raises(BadInput, match="a trace file tells its OCPP versions itself"):
        import_file(tmp_path / "a.log", tmp_path / "a.db", Form.TRACE, ocpp_version="1.6")
    assert [file.name for file in tmp_path.iterdir()] == ["a.log"]
