"""Files as chargers, back ends, spreadsheets and enemies write them."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BadInput, OperatorError
from bench.settings import EnrolSettings
from bench.tokens import import_plan
from bench.tokens.export import ExportForm, Written, format_tokens, write_tokens
from bench.tokens.import_plan import Existing, Outcome, Plan, origin_of, plan_import
from bench.tokens.model import AuthorizationStatus, CacheMode, IdTokenType, Token
from bench.tokens.sheet import guarded, unguarded
from bench.tokens.token_file import Reading
from bench.tokens.transfer import parse_tokens, read_tokens
from tests.bench.tokens.test_transfer import TOKENS

CONTRACT = "GBTWK012345678V"


def nothing(value: str, id_token_type: IdTokenType) -> Token | None:
    return None


def only(text: str | Path) -> list[Token]:
    tokens, errors = read_tokens(text)
    assert errors == []
    return tokens


# Round trips


@settings(deadline=None)
@given(st.lists(TOKENS, max_size=5, unique_by=lambda token: token.key), st.sampled_from(["csv", "json"]))
def test_what_is_exported_is_imported_the_same(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[Token], ending: str
) -> None:
    file = tmp_path_factory.mktemp("export") / f"tokens.{ending}"
    noted = [
        replace(token, note="=1+1\n'=2" if at % 2 else None, source="file a.csv") for at, token in enumerate(tokens)
    ]
    write_tokens(noted, file, key_codes=True)
    assert read_tokens(file) == (noted, [])
    there = {token.key: token for token in noted}
    plan = plan_import(file, Reading(), lambda value, kind: there.get((value.casefold(), kind)))
    assert plan.counts[Outcome.UNCHANGED] == len(noted)


def test_a_uid_with_separators_comes_back_as_it_was() -> None:
    token = Token("04:a2:b3:c4", "GB", "TWK", CONTRACT, "Us")
    for form in ("csv", "json"):
        assert only(format_tokens([token], form)) == [token]


def test_key_codes_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    code = Token("471147", "GB", "TWK", CONTRACT, "Us", id_token_type=IdTokenType.KEY_CODE)
    card = Token("04A2B3C4", "GB", "TWK", CONTRACT, "Us")
    file = tmp_path / "t.csv"
    for form in ExportForm:
        assert write_tokens([code, card], file, form) == Written(1, 1, [])
        assert "471147" not in file.read_text()
    assert str(write_tokens([code, card], file, key_codes=True)) == "2 tokens"
    assert "471147" in file.read_text()


def test_an_export_that_is_called_off_leaves_the_old_file(tmp_path: Path) -> None:
    class CalledOff(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise CalledOff

    file = tmp_path / "t.csv"
    file.write_text("old")
    tokens = (Token(f"{number:08X}", "GB", "TWK", CONTRACT, "Us") for number in range(2000))
    with pytest.raises(CalledOff):
        write_tokens(tokens, file, total=2000, progress=stop)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("form", ["list-1.6", "list-2.0.1"])
def test_a_local_list_goes_out_and_comes_in_again(form: str) -> None:
    tokens = [
        Token("04A2B3C4", "GB", "TWK", CONTRACT, "Us", group_id="FLEET", expiry=datetime(2999, 1, 1, tzinfo=UTC)),
        Token("04A2B3C5", "GB", "TWK", CONTRACT, "Us", valid=False),
        Token("04A2B3C6", "GB", "TWK", CONTRACT, "Us", cache_mode=CacheMode.NEVER),
    ]
    text = format_tokens(tokens, form)
    sent = json.loads(text)
    assert sent["updateType"] == "Full"
    assert len(sent["localAuthorizationList"]) == 2
    called = f'[2, "17", "SendLocalList", {text}]'
    for given_text in (text, called, json.dumps(sent["localAuthorizationList"])):
        first, second = only(given_text)
        assert (first.uid, first.group_id, first.expiry) == ("04A2B3C4", "FLEET", datetime(2999, 1, 1, tzinfo=UTC))
        assert second.effective_status is AuthorizationStatus.BLOCKED


def test_a_differential_list_takes_nothing_out() -> None:
    text = json.dumps(
        {
            "listVersion": 4,
            "updateType": "Differential",
            "localAuthorizationList": [
                {"idTag": "04A2B3C4"},
                {"idTag": "04A2B3C5", "idTagInfo": {"status": "Accepted"}},
            ],
        }
    )
    plan = parse_tokens(text)
    assert [token.uid for token in plan.tokens] == ["04A2B3C5"]
    assert plan.counts[Outcome.LEFT_OUT] == 1
    assert [(note.row, note.field) for note in plan.notes] == [(1, "uid")]
    with pytest.raises(BadInput, match="only SendLocalList"):
        read_tokens('[2, "17", "Authorize", {"idTag": "04A2B3C4"}]')


# As they come in the field


def test_the_list_of_a_chargers_page_without_names() -> None:
    """Lite-On IC3: idTag, expiry, parent, status, a line each; its cache list has bars, and when it was cached."""
    first, second = only("0123456789ABCD,2999-12-31T16:00:00.000,PARENTID,Accepted\n0123456789ABCE,,,Blocked\n")
    assert (first.group_id, first.expiry) == ("PARENTID", datetime(2999, 12, 31, 16, tzinfo=UTC))
    assert second.effective_status is AuthorizationStatus.BLOCKED
    (cached,) = only("0123456789ABCD|2999-12-31T16:00:00.000|PARENTID|Accepted|2019-01-01T00:00:00.000\n")
    assert cached == first


@pytest.mark.parametrize(
    "text",
    ["04A2B3C4\n04A2B3C5\n", "04:A2:B3:C4\r\n04:A2:B3:C5", '"04A2B3C4"\n\n"04A2B3C5"\n', '["04A2B3C4", "04A2B3C5"]'],
)
def test_a_bare_list_of_values(text: str) -> None:
    assert [token.uid for token in only(text)] == ["04A2B3C4", "04A2B3C5"]


def test_the_exports_of_back_ends() -> None:
    steve = '"ID Tag","Parent ID Tag","Expiry Date/Time","In Transaction?","Blocked?","Note"\n'
    (token,) = only(steve + '"04A2B3C4","FLEET","2999-12-31 23:59","false","true","Gate"\n')
    assert (token.group_id, token.note, token.effective_status) == ("FLEET", "Gate", AuthorizationStatus.BLOCKED)
    rest = [{"ocppTagPk": 1, "idTag": "04A2B3C4", "parentIdTag": None, "blocked": False, "note": "Gate"}]
    assert only(json.dumps(rest))[0].effective_status is AuthorizationStatus.ACCEPTED
    ocpi = {
        "data": [
            {
                "country_code": "DE",
                "party_id": "8AA",
                "uid": "04A2B3C4",
                "type": "RFID",
                "contract_id": "DE8AA123456789",
                "issuer": "eMSP",
                "valid": True,
                "whitelist": "NEVER",
                "group_id": "FLEET",
                "energy_contract": {"supplier_name": "Wind"},
                "last_updated": "2026-01-01T00:00:00Z",
            }
        ],
        "status_code": 1000,
    }
    (token,) = only(json.dumps(ocpi))
    assert (token.country_code, token.cache_mode, token.contract_id[:14]) == ("DE", CacheMode.NEVER, "DE8AA123456789")
    (token,) = only("RFID;Contract ID\n04A2B3C4;GB-TWK-012345678-V\n")
    assert token.contract_id == CONTRACT
    lines = '{"idTag": "04A2B3C4"}\n{"idTag": "04A2B3C5"}\n'
    assert len(only(lines)) == 2


def test_dates_as_pages_show_them() -> None:
    tokens = only("uid;expiry\n04A2B3C4;31.12.2999\n04A2B3C5;1.2.2999 8:05\n04A2B3C6;never\n")
    assert [token.expiry for token in tokens] == [
        datetime(2999, 12, 31, tzinfo=UTC),
        datetime(2999, 2, 1, 8, 5, tzinfo=UTC),
        None,
    ]
    _, (error,) = read_tokens("uid,expiry\n04A2B3C4,12/31/2030\n")
    assert error.why.startswith("'12/31/2030', wanted a date as 2030-12-31")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", ["", "sep=;\r\n", "\r\n"])
def test_what_spreadsheets_write(tmp_path: Path, encoding: str, before: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(f'{before}uid;note\r\n04A2B3C4;"Größe; ""1"""\r\n'.encode(encoding))
    (token,) = only(file)
    assert token.note == 'Größe; "1"'


def test_western_european_is_refused_with_a_cure_and_read_when_said(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes("uid\tnote\n04A2B3C4\tGröße\n".encode("cp1252"))
    with pytest.raises(BadInput, match="t.csv is not UTF-8.*Windows-1252"):
        read_tokens(file)
    plan = plan_import(file, Reading(encoding="cp1252"), nothing)
    assert plan.tokens[0].note == "Größe"


# Beside the store


def test_what_the_file_does_not_say_stays_replaced_or_kept() -> None:
    there = Token(
        "04A2B3C4", "GB", "TWK", CONTRACT, "Us", group_id="FLEET", note="gate", visual_number="TAG-7", source="enrolled"
    )

    def plan(text: str, existing: Existing) -> Plan:
        return plan_import(text, Reading(), lambda value, kind: there, existing, origin="file t.csv")

    text = "idTag,parent,status\n04A2B3C4,,Blocked\n"
    updated = plan(text, Existing.UPDATE)
    assert updated.tokens == [replace(there, group_id=None, valid=False, status=AuthorizationStatus.BLOCKED)]
    assert updated.first[0][1:] == (Outcome.CHANGED, updated.tokens[0], "status, groupId")
    (replaced,) = plan(text, Existing.REPLACE).tokens
    assert (replaced.note, replaced.visual_number) == (None, None)
    kept = plan(text, Existing.KEEP)
    assert (kept.tokens, kept.counts[Outcome.KEPT]) == ([], 1)
    assert plan("idTag,status\n04A2B3C4,\n", Existing.UPDATE).counts[Outcome.UNCHANGED] == 1
    wrong = plan("uid,language2\n04A2B3C4,de\n", Existing.UPDATE)
    assert [error.field for error in wrong.errors] == ["language2"]


def test_a_mapping_and_other_defaults() -> None:
    reading = Reading(
        mapping={"Karte": "uid", "note": None},
        defaults=EnrolSettings(country_code="DE", party_id="8AA", issuer="Depot"),
    )
    plan = plan_import("Karte,note\n04A2B3C4,gate\n", reading, nothing, origin=origin_of(Path("a\nb.csv")))
    (token,) = plan.tokens
    assert (token.note, token.country_code, token.issuer, token.source) == (None, "DE", "Depot", "file a?b.csv")
    with pytest.raises(BadInput, match="two columns mean uid: 'a' and 'b'"):
        plan_import("a,b\n1,2\n", Reading(mapping={"a": "uid", "b": "uid"}), nothing)
    assert plan_import("uid,note\n1,2\n", Reading(named=False), nothing).rows == 2


def test_progress_is_told_and_ends_the_reading(tmp_path: Path) -> None:
    file = tmp_path / "t.txt"
    file.write_text("".join(f"04A2{number:04X}\n" for number in range(3500)))
    told: list[tuple[int, int]] = []
    plan = plan_import(file, Reading(), nothing, progress=lambda done, total: told.append((done, total)))
    size = file.stat().st_size
    assert len(told) == 4
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (size, size)
    assert plan.whole
    limited = plan_import(file, Reading(), nothing, limit=100)
    assert (limited.rows, limited.whole) == (100, False)


# Hostile


def test_a_cell_that_a_spreadsheet_would_run_is_guarded() -> None:
    token = Token(
        "=cmd|'/c calc'!A0", "GB", "TWK", CONTRACT, "@SUM(A1)", note="-2+3", group_id="+49", visual_number="-9"
    )
    text = format_tokens([replace(token, id_token_type=IdTokenType.LOCAL)], "csv")
    cells = text.splitlines()[1].split(",")
    assert not [cell for cell in cells if cell[:1] in "=@+" and cell]
    assert "'=cmd|'/c calc'!A0" in cells
    assert only(text) == [replace(token, id_token_type=IdTokenType.LOCAL)]


@given(st.text(max_size=20))
def test_the_guard_comes_off_again(text: str) -> None:
    cell = str(guarded(text))
    assert unguarded(cell) == text
    assert cell[:1] not in ("=", "+", "@", "\t", "\r")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"uid\n" + b"A" * 10_000_000 + b"\n", "line 2 of t.csv is over 1 MiB"),
        (b"uid" + b",a" * 500_000 + b"\n1\n", "500,001 cells"),
        (b"uid\n" + b'"' + b"x\n" * 500_000, "not CSV: field larger"),
        (b"PK\x03\x04" + bytes(100), "workbook"),
        (b"\xff\xfe\0\0" + bytes(3), "not UTF-32"),
        (b"\n" * 5000, "the file is empty"),
    ],
    ids=["line", "columns", "quote", "workbook", "utf-32", "blank"],
)
def test_files_that_are_no_lists(tmp_path: Path, data: bytes, why: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(data)
    with pytest.raises(BadInput, match=why):
        read_tokens(file)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"uid": "' + "A" * 3_000_000 + '"}]', "over 1 MiB"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ('[{"uid": "04A2B3C4"} {"uid": "1"}]', "not JSON"),
        ('[{"uid": "04A2B3C4"}', "ends too early"),
        ("{" + ",".join(f'"k{number}": 1' for number in range(1000)) + "}", "not JSON of tokens"),
        ('[{"uid": 1' + "0" * 5000 + "}]", "not JSON"),
        ("nul", "not JSON"),
    ],
)
def test_json_that_is_no_list(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_tokens(text, "json")


def test_nuls_and_other_characters_are_errors_of_their_row(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"uid,issuer\n04A2\0B3C4,Us\n04A2B3C5,U\0s\n04A2B3C6,Us\n")
    tokens, errors = read_tokens(file)
    assert [token.uid for token in tokens] == ["04A2B3C6"]
    assert [(error.row, error.field) for error in errors] == [(2, "uid"), (3, "issuer")]


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([".csv", ".json", ".txt"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str) -> None:
    file = tmp_path_factory.mktemp("any") / f"t{ending}"
    for content in (data, b"uid,status\n" + data, b'[{"uid": "04A2B3C4"},' + data):
        file.write_bytes(content)
        try:
            plan = parse_tokens(file)
        except BadInput:
            continue
        assert all(error.why for error in plan.errors)


def test_too_many_tokens_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_plan, "MAX_TOKENS", 3)
    with pytest.raises(BadInput, match="over 3 tokens; split"):
        read_tokens("".join(f"04A2B3{number:02X}\n" for number in range(5)))


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_memory_goes_with_the_tokens_and_not_with_the_file(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"t.{ending}"
    padding = "x" * 20_000
    with file.open("w") as text:
        if ending == "csv":
            text.write("uid,unheard of\n")
            text.writelines(f"04A2B3{number:02X},{padding}\n" for number in range(256))
        else:
            rows = (f'{{"uid": "04A2B3{number:02X}", "x": "{padding}"}}' for number in range(256))
            text.write(f"[{','.join(rows)}]")
    assert file.stat().st_size > 5_000_000
    parse_tokens(file)  # what is loaded once is none of it
    tracemalloc.start()
    try:
        assert parse_tokens(file).rows == 256
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_500_000


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot write"):
        write_tokens([], tmp_path / "missing" / "t.csv")
    with pytest.raises(BadInput, match="not known"):
        write_tokens([], tmp_path / "t.xlsx")
