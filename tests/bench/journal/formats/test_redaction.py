"""Redaction: no value is left anywhere, equal things stay equal, shapes stay, everything else stays as it was."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal.capture_reader import CaptureReader
from bench.journal.formats.convert import Form, export_capture
from bench.journal.formats.redaction import Redactor
from bench.journal.notes import Note
from bench.message import Decoded, Direction, Fault, Link, Message, malformed
from devices.rfid.pn532_frames import decode_frame

KEY = b"the same key"
UID = "04A2B3C4D5E680"
# InListPassiveTarget's answer: one target, ATQA 0044, SAK 00, seven bytes of UID.
BODY = bytes.fromhex("D54B010100440007") + bytes.fromhex(UID)
FRAME = bytes([0, 0, 0xFF, len(BODY), -len(BODY) & 0xFF, *BODY, -sum(BODY) & 0xFF, 0])


def message(raw: bytes | str, link: Link = Link.OCPP, seq: int = 1, **decoded: Any) -> Message:
    data = raw.encode() if isinstance(raw, str) else raw
    told = Decoded("CALL", "Authorize", "1", None)._replace(**decoded)
    return Message(seq, seq, seq, link, Direction.IN, "CP-1", data, told)


def redacted(*messages: Message, key: bytes | None = KEY) -> list[Message]:
    redactor = Redactor(key)
    for each in messages:
        redactor.learn(each)
    return [redactor.message(each) for each in messages]


def reader(raw: bytes, kind: str = "frame", name: str = "InListPassiveTarget", summary: str = "") -> Message:
    return message(raw, Link.READER, kind=kind, name=name, summary=summary, correlation=None)


def test_one_card_across_every_link(record: Any, tmp_path: Path) -> None:
    decoded = decode_frame(FRAME)
    backwards = bytes.fromhex(UID)[::-1]
    spread = UID.lower()
    messages = [
        reader(FRAME, summary=decoded.summary),
        reader(b"seen " + backwards + b" again", "line", ""),
        message(f'{{"id":"x","name":"authorization","type":"request","data":{{"id_token":"{UID}"}}}}', Link.JOSEV),
        message(f'[2, "1", "Authorize", {{ "idTag" : "{spread}" }}]', faults=(Fault("x", f"'{spread}' is long"),)),
        message(f'[2,"1","DataTransfer",{{"data":"{{\\"a\\":\\"uid={UID}\\"}}"}}]'),
        reader(b"04 A2 B3 C4 D5 E6 80\r\n", "line", "card", f"ISO14443 UID {UID}"),
        reader(b"dump 0b:00:04:a2:b3:c4:d5:e6:80:ff", "line", ""),
    ]
    messages = [each._replace(seq=number) for number, each in enumerate(messages, 1)]
    exchange = {
        "id": 1,
        "opened": "2026-11-21T12:00:00.000Z",
        "card": {"uid": UID, "token_type": "iso14443"},
        "reason": f"{UID} is unknown",
        "hops": [],
    }
    row = ExchangeRow(1, 0, None, None, orjson.dumps(exchange).decode(), ())
    capture = record(
        [each._replace(seq=number) for number, each in enumerate(messages, 1)], [row], [], [Note(1, UID, 1)]
    )
    target = tmp_path / "shared.jsonl"
    export_capture(capture, target, redact=True, key=KEY)
    told = target.read_bytes()
    for spelled in (UID, UID.lower(), "04 A2 B3", "04:a2:b3", bytes.fromhex(UID).hex(), backwards.hex()):
        assert spelled.encode() not in told
    lines = [orjson.loads(line) for line in told.splitlines()]
    raws = [line["raw"].encode() if "raw" in line else base64.b64decode(line["raw_base64"]) for line in lines[1:8]]
    stand_in = orjson.loads(raws[2])["data"]["id_token"]
    assert re.fullmatch(r"[0-9A-F]{14}", stand_in)
    assert orjson.loads(raws[3])[3]["idTag"] == stand_in.lower()
    assert raws[3] == f'[2, "1", "Authorize", {{ "idTag" : "{stand_in.lower()}" }}]'.encode()
    assert stand_in in lines[5]["raw"]
    assert lines[4]["faults"][0]["text"] == f"'{stand_in.lower()}' is long"
    assert raws[0] == FRAME.replace(bytes.fromhex(UID), bytes.fromhex(stand_in))
    assert bytes.fromhex(stand_in)[::-1] in raws[1]
    assert raws[5].rstrip().replace(b" ", b"").decode() == stand_in
    assert stand_in.lower() in raws[6].replace(b":", b"").decode()
    told_exchange = lines[8]["exchange"]
    assert told_exchange["card"]["uid"] == stand_in
    assert told_exchange["reason"] == f"{stand_in} is unknown"
    assert lines[9]["text"] == stand_in
    for form in (Form.CSV, Form.TRACE):
        export_capture(capture, tmp_path / f"x.{form}", form, redact=True, key=KEY)
        assert UID.lower() not in (tmp_path / f"x.{form}").read_text().lower()
        assert stand_in.lower() in (tmp_path / f"x.{form}").read_text().lower()


@pytest.mark.parametrize(
    ("raw", "secret"),
    [
        ('[2,"1","Authorize",{"idToken":{"idToken":"4711","type":"KeyCode"}}]', "4711"),
        ('[2,"1","Authorize",{"idToken":{"idToken":"DE*8AA/12#x","type":"Central"}}]', "DE*8AA/12#x"),
        ('[2,"1","x",{"idToken":{"idToken":"A","additionalInfo":[{"additionalIdToken":"998877"}]}}]', "998877"),
        ('[2,"1","x",{"idTagInfo":{"status":"Accepted","parentIdTag":"GROUP1"}}]', "GROUP1"),
        ('[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"s3cr3t-Pass"}]', "s3cr3t-Pass"),
        ('[2,"1","x",{"variable":{"name":"BasicAuthPassword"},"attributeValue":"hunter22x"}]', "hunter22x"),
        ('{"data":{"basic_auth_password":"p\\u00e4ss w0rd"}}', "päss w0rd"),
        ('{"data":{"contract_id":"GB-TWK-012345678-V"}}', "GB-TWK-012345678-V"),
        ('{"data":{"emaid":"GBTWK012345678V"}}', "GBTWK012345678V"),
        ('{"pin":1234}', "1234"),
        ('{"token":{"value":"998877665544","type":"eMAID"}}', "998877665544"),
        ('{"x":"{\\"idTag\\":\\"CAFE0011\\"}"}', "CAFE0011"),
        ('{"idTags":[],"id_tag":["AABBCCDD"]}', "AABBCCDD"),
    ],
)  # fmt: skip
def test_secrets_by_name(raw: str, secret: str) -> None:
    elsewhere = message(orjson.dumps({"text": f"he typed {secret} today"}))
    first, second = redacted(message(raw), elsewhere)
    for found in (first, second):
        text = found.raw.decode()
        assert secret not in text
        assert secret.lower() not in str(orjson.loads(found.raw)).lower()
    masked = re.sub(r"[0-9]", "9", re.sub(r"[^\W\d_]", "a", secret))
    typed = orjson.loads(second.raw)["text"].removeprefix("he typed ").removesuffix(" today")
    if not re.fullmatch("[0-9A-F]+", secret):
        assert re.sub(r"[0-9]", "9", re.sub(r"[^\W\d_]", "a", typed)) == masked
    assert len(typed) == len(secret)


@pytest.mark.parametrize("link", [Link.MAEVE, Link.OCPI])
def test_http_is_redacted_in_its_path_and_its_body(link: Link) -> None:
    head = b"POST /api/v0/register HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    registered = message(head + b'{"token": "ocpi-t0ken-1", "status": "PENDING"}', link)
    broken = message(head + b'{"token": "ocpi-t0ken-2", "url": ', link, seq=2)
    looked_up = message(b"GET /api/v0/token/%30%34A2B3C4 HTTP/1.1\r\nhost: x\r\n\r\n", link, seq=3,
                        name="GET /api/v0/token/%30%34A2B3C4", summary="GET /api/v0/token/04A2B3C4")  # fmt: skip
    other = message(head + b'{"uid": "04A2B3C4", "issuer": "Us"}', link, seq=4)
    found = redacted(registered, broken, looked_up, other)
    text = str(found)
    for secret in ("t0ken", "04A2B3C4", "%30%34A2B3C4"):
        assert secret not in text
    assert found[0].raw.startswith(head)
    assert json.loads(found[0].raw.removeprefix(head))["status"] == "PENDING"
    assert b"left out" in found[1].raw
    assert json.loads(found[3].raw.removeprefix(head))["issuer"] == "Us"


def test_a_uid_of_any_length_is_redacted() -> None:
    [found] = redacted(message(json.dumps({"idTag": "a1" * 50_000})))
    assert b"a1" * 20 not in found.raw


def test_everything_else_stays_byte_by_byte() -> None:
    raw = '[2, "1","Authorize",{"idTag":"04A2B3C4", "n":1.50,"t":"2026-11-21T12:00:00Z","u":"\\u00e4" }]'
    (found,) = redacted(message(raw))
    stand_in = orjson.loads(found.raw)[3]["idTag"]
    assert found.raw.decode().replace(stand_in, "04A2B3C4") == raw.replace("\\u00e4", "\\u00e4")
    heartbeat = message('[2,"1","Heartbeat",{ }]', summary="nothing")
    assert redacted(heartbeat, message(raw))[0] == heartbeat


def test_short_values_are_replaced_where_they_are_named_and_nowhere_else() -> None:
    named = message(
        '[2,"1","Authorize",{"idTag":"1","connectorId":1}]', faults=(Fault("x", "'1' is short, wanted 12"),)
    )
    other = message('[2,"1","Reset",{"type":"1"}]')
    first, second = redacted(named, other)
    payload = orjson.loads(first.raw)[3]
    assert payload["idTag"] != "1"
    assert payload["connectorId"] == 1
    assert first.decoded.faults[0].text == f"'{payload['idTag']}' is short, wanted 12"
    assert second == other


def test_a_pin_does_not_eat_the_year_nor_the_names_of_fields() -> None:
    pin = message('{"pin":"2026","password":"status"}')
    other = message('{"at":"2026-11-21T12:00:00Z","status":"fine","n":20261,"x":"A2026B"}')
    assert redacted(pin, other)[1] == other


def test_numbers_stay_numbers() -> None:
    first, second = redacted(message('{"idTag":1234567890}'), message('{"n":1234567890,"s":"1234567890"}'))
    stand_in = orjson.loads(first.raw)["idTag"]
    assert isinstance(stand_in, int)
    assert orjson.loads(second.raw) == {"n": stand_in, "s": str(stand_in)}


def test_what_cannot_be_parsed_becomes_a_note_if_it_may_tell() -> None:
    known = message('{"idTag":"04A2B3C4"}')
    cut = message('[2,"1","Authorize",{"idTag":"04FFFF', kind="malformed", faults=malformed("not JSON").faults)
    telling = message(b"\xff 04a2b3c4", kind="malformed")
    harmless = message(b"\xff\xfe", kind="malformed", faults=malformed("not UTF-8", "byte 0").faults)
    _, first, second, third = redacted(known, cut, telling, harmless)
    assert first.raw == b"(35 bytes left out: they hold a value that is redacted)"
    assert second.raw.startswith(b"(10 bytes left out")
    assert third.raw == b"\xff\xfe"
    assert third.malformed


def test_what_a_reader_prints_goes_even_where_it_is_no_uid() -> None:
    decimal = reader(b"0012345678\r\n", "line", "refused", "12345678: a decimal number")
    apart = reader(b"UID: 0x4 0xA2 0xB3 0xC4", "line", "card", "ISO14443 UID 04A2B3C4")
    chatter = reader(b"PN532 found, firmware 1.6", "line", "")
    first, second, third = redacted(decimal, apart, chatter)
    assert b"12345678" not in first.raw
    assert second.raw.startswith(b"(23 bytes left out")
    assert "04A2B3C4" not in second.decoded.summary
    assert third == chatter


def test_pseudonyms_differ_from_export_to_export_unless_the_key_is_given() -> None:
    card = message(f'{{"idTag":"{UID}"}}')
    assert redacted(card) == redacted(card)
    assert redacted(card, key=None) != redacted(card, key=None)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.text("0123456789ABCDEF", min_size=8, max_size=14), min_size=2, max_size=30))
def test_equal_stays_equal_and_different_different(values: set[str]) -> None:
    messages = [message(orjson.dumps({"idTag": value})) for value in sorted(values)]
    found = [orjson.loads(each.raw)["idTag"] for each in redacted(*messages)]
    assert len(set(found)) == len(values)
    assert not set(found) & values
    assert [orjson.loads(each.raw)["idTag"] for each in redacted(*messages)] == found
    assert [len(each) for each in found] == [len(value) for value in sorted(values)]


LEAVES = (
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8"))
)
FIELDS = st.sampled_from(["idTag", "x", "type", "value", "pin"])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner), max_leaves=20)


@settings(deadline=None, max_examples=60)
@given(TREES.map(lambda tree: json.dumps(tree).encode()), st.sampled_from(Link))
def test_any_json_stays_json_of_the_same_shape(raw: bytes, link: Link) -> None:
    (found,) = redacted(message(raw, link))
    assert _shape(json.loads(found.raw)) == _shape(json.loads(raw))


def _shape(tree: object) -> object:
    if isinstance(tree, dict):
        return {name: _shape(entry) for name, entry in tree.items()}
    if isinstance(tree, list):
        return [_shape(entry) for entry in tree]
    return type(tree), len(tree) if isinstance(tree, str) else None


def test_many_values_in_a_payload_of_5_mb() -> None:
    entries = [
        {"idTag": f"{number * 2654435761 % 2**56:014X}", "idTagInfo": {"status": "Accepted"}}
        for number in range(20_000)
    ]
    listed = message(
        orjson.dumps([2, "1", "SendLocalList", {"localAuthorizationList": entries, "x": "lorem " * 650_000}])
    )
    assert len(listed.raw) > 4_000_000
    (found,) = redacted(listed)
    after = orjson.loads(found.raw)[3]["localAuthorizationList"]
    assert len({entry["idTag"] for entry in after}) == 20_000
    assert not {entry["idTag"] for entry in after} & {entry["idTag"] for entry in entries}


def test_what_comes_while_it_is_redacted_is_not_in_the_file(tmp_path: Path) -> None:
    """It could hold a value that was not learnt."""
    live = CaptureFile(tmp_path / "live.db")
    live.open()
    call = b'[2,"1","Authorize",{"idTag":"%s"}]'
    decoded = Decoded("CALL", "Authorize", "1", None)
    live.write(Batch([Message(1, 0, 0, Link.OCPP, Direction.IN, "CP-1", call % b"04A2B3C4", decoded)]))

    def progress(done: int, total: int) -> None:
        seq = 2 if done == 1 else 3
        live.write(Batch([Message(seq, 0, 0, Link.OCPP, Direction.IN, "CP-1", call % b"CAFE0001", decoded)]))

    report = export_capture(live.path, tmp_path / "out.jsonl", redact=True, progress=progress)
    live.close()
    assert report.messages == 1
    assert b"CAFE0001" not in (tmp_path / "out.jsonl").read_bytes()
    with CaptureReader(live.path) as reader:
        assert reader.count() == 3


UID = "04A2B3C4D5E680"
PAIRS = [UID[at : at + 2] for at in range(0, len(UID), 2)]


@pytest.mark.parametrize(
    "spelled",
    [
        *(between.join(PAIRS) for between in (":", "-", " ", ".", ",", ", ", "_")),
        "0x" + ", 0x".join(PAIRS),
        "%" + "%".join(PAIRS),
        "\\x" + "\\x".join(PAIRS).lower(),
        "04A2 B3C4 D5E6 80",
        ":".join(reversed(PAIRS)),
        str(int(UID, 16)),
        str(int("".join(reversed(PAIRS)), 16)),
    ],
)
def test_a_uid_goes_with_any_separator_and_as_a_number(spelled: str) -> None:
    named = message(json.dumps([2, "1", "Authorize", {"idTag": UID}]))
    told = message(json.dumps([2, "2", "DataTransfer", {"data": f"card {spelled} seen", f"S{spelled}": 1}]), seq=2)
    (_, found) = redacted(named, told)
    tree = json.loads(found.raw)[3]
    assert spelled not in found.raw.decode()
    assert json.dumps(spelled)[1:-1] not in found.raw.decode()
    assert len(tree["data"]) == len(f"card {spelled} seen")
    assert re.sub(r"[0-9A-Fa-f]", "h", tree["data"]) == re.sub(r"[0-9A-Fa-f]", "h", f"card {spelled} seen")


def test_no_column_of_a_capture_keeps_a_value(tmp_path: Path) -> None:
    source = CaptureFile(tmp_path / "all.db")
    source.open()
    call = b'[2,"1","Authorize",{"idTag":"%s"}]' % UID.encode()
    decoded = Decoded(f"CALL {UID}", UID, UID, None, (Fault(f"rule.{UID}", UID, UID),), UID)
    source.write(
        Batch(
            messages=[Message(1, 0, 0, Link.OCPP, Direction.IN, UID, call, decoded, {UID: UID})],
            exchanges=[
                ExchangeRow(1, 0, f"v {UID}", f"d {UID}", json.dumps({"id": 1, "opened": "", "why": UID}), (1,))
            ],
            gaps=[Gap("messages", 2, 3, 2, f"lost {UID}")],
            notes=[Note(1, UID, 0)],
            stations=[(UID, f"2.0.1 {UID}")],
            facts=[(f"fact {UID}", UID)],
        )
    )
    source.close()
    export_capture(source.path, tmp_path / "out.jsonl", redact=True)
    assert UID.lower() not in (tmp_path / "out.jsonl").read_text().lower()


def test_a_run_of_letters_is_redacted_in_time() -> None:
    began = time.process_time()
    redacted(message(json.dumps([2, "1", "Authorize", {"idTag": UID}])), message(b"a" * 3_000_000, seq=2))
    assert time.process_time() - began < 3
