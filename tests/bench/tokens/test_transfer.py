from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import NS_PER_MS, to_datetime
from bench.errors import BadInput, OperatorError
from bench.settings import EnrolSettings
from bench.tokens import import_plan, text_file
from bench.tokens.api_form import from_api, infer_type, to_api
from bench.tokens.checks import checked
from bench.tokens.contract_id import make, normalise
from bench.tokens.export import format_tokens, write_tokens
from bench.tokens.model import (
    AuthorizationStatus,
    CacheMode,
    IdTokenType,
    MessageFormat,
    PersonalMessage,
    Token,
    TokenKind,
)
from bench.tokens.transfer import parse_tokens, read_tokens

BODY = {
    "countryCode": "GB",
    "partyId": "TWK",
    "type": "RFID",
    "uid": "DEADBEEF",
    "contractId": "GB-TWK-012345678-V",
    "issuer": "Thoughtworks",
    "valid": True,
    "cacheMode": "ALWAYS",
}

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, categories=("L", "N", "P", "S", "Zs")), max_size=20)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=36)
TOKENS = st.builds(
    Token,
    uid=ASCII.map(str.strip).filter(bool).filter(lambda uid: uid[-4:-2] != "E+"),
    country_code=st.sampled_from(["GB", "DE"]),
    party_id=st.sampled_from(["TWK", "8AA"]),
    contract_id=st.text("0123456789ABC", min_size=9, max_size=9).map(lambda text: normalise("GBTWK" + text)),
    issuer=TEXT.filter(lambda text: text.isprintable() and text.strip()),
    kind=st.sampled_from(TokenKind),
    id_token_type=st.sampled_from([kind for kind in IdTokenType if kind is not IdTokenType.NO_AUTHORIZATION]),
    valid=st.booleans(),
    cache_mode=st.sampled_from(CacheMode),
    status=st.none() | st.sampled_from(AuthorizationStatus),
    visual_number=st.none() | TEXT.filter(str.isprintable),
    group_id=st.none() | ASCII,
    language_code=st.none() | st.just("de"),
    expiry=st.none() | st.integers(0, 4_000_000_000_000).map(lambda ms: to_datetime(ms * NS_PER_MS)),
    evse_ids=st.lists(st.integers(1, 2**31 - 1), max_size=3).map(tuple),
    language2=st.none() | st.just("en-US"),
    personal_message=st.none()
    | st.builds(
        PersonalMessage,
        TEXT.filter(lambda text: text.isprintable() and text.strip()),
        st.sampled_from([MessageFormat.HTML, MessageFormat.URI, MessageFormat.UTF8]),
        st.none() | st.just("de-AT"),
    ),
    charging_priority=st.none() | st.integers(-9, 9),
    note=st.none() | TEXT.filter(lambda text: text.replace("\n", "").isprintable()),
    source=st.none() | TEXT.filter(str.isprintable),
).map(lambda token: checked(token if token.language_code else replace(token, language2=None)))


@given(TOKENS)
def test_the_api_form_round_trips(token: Token) -> None:
    stamped = replace(token, last_updated=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC))
    body = json.loads(json.dumps(to_api(stamped)))
    assert from_api(body) == token
    assert body["lastUpdated"] == "2026-01-02T03:04:05.678Z"


@given(st.lists(TOKENS, max_size=5, unique_by=lambda token: token.key), st.sampled_from(["csv", "json"]))
def test_a_file_round_trips(tokens: list[Token], file_format: str) -> None:
    assert read_tokens(format_tokens(tokens, file_format), file_format) == (tokens, [])


def test_a_plain_maeve_token_is_read_back_as_it_was_posted() -> None:
    body = to_api(from_api({**BODY, "lastUpdated": "2019-08-24T14:15:22Z", "unheardOf": 1}))
    assert body == {**BODY, "contractId": "GBTWK012345678V"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *((({name: None}), name) for name in BODY),
        ({"uid": 7}, "uid"),
        ({"type": "CARD"}, "type"),
        ({"valid": "true"}, "valid"),
        ({"cacheMode": "SOMETIMES"}, "cacheMode"),
        ({"contractId": "GB-TWK-012345678-X"}, "contractId"),
        ({"status": "Maybe"}, "status"),
        ({"idTokenType": "RFID"}, "idTokenType"),
        ({"idTokenType": []}, "idTokenType"),
        ({"groupId": "x" * 37}, "groupId"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_api({**BODY, **change})
    assert caught.value.what.startswith(f"{field}:")


@pytest.mark.parametrize(
    ("uid", "kind", "expected"),
    [
        ("DEADBEEF", "RFID", "ISO14443"),
        ("04a2b3c4d5e680", "APP_USER", "ISO14443"),
        ("0123456789ABCDEF0123", "OTHER", "ISO14443"),
        ("E0040150AABBCCDD", "RFID", "ISO15693"),
        ("e0040150aabbccdd", "OTHER", "ISO15693"),
        ("A0040150AABBCCDD", "RFID", "ISO14443"),
        ("04:A2:B3:C4", "RFID", "ISO14443"),
        ("001122334455", "OTHER", "MacAddress"),
        ("VID:001122334455", "OTHER", "MacAddress"),
        ("001122334455", "APP_USER", "Local"),
        ("GB-TWK-012345678-V", "OTHER", "eMAID"),
        ("EMP77TWTW00002", "OTHER", "eMAID"),
        ("EMP77TWTW00003", "OTHER", "Local"),
        ("user@example.org", "APP_USER", "Local"),
        ("123e4567-e89b-12d3-a456-426614174000", "AD_HOC_USER", "Local"),
    ],
)
def test_the_type_is_inferred(uid: str, kind: str, expected: str) -> None:
    assert infer_type(uid, TokenKind(kind), normalise("EMP77TWTW00002")) == expected


# Files


def test_a_chargers_own_list() -> None:
    text = (
        "\ufeffidTag;Expiry Date;parent;status\r\n"
        "04A2B3C4;;FLEET;Accepted\r\n"
        "0BAD;;;blocked\r\n"
        "\r\n"
        "01D0;2020-01-01;;Accepted\r\n"
        "CAFE;2999-12-31T23:59:59Z;;\r\n"
    )
    found = parse_tokens(text, defaults=EnrolSettings(country_code="de", party_id="8AA", issuer="Us"))
    assert found.errors == []
    first, blocked, expired, dated = found.tokens
    assert first == Token(
        "04A2B3C4", "DE", "8AA", make("DE", "8AA", "04A2B3C4"), "Us", group_id="FLEET", valid=True, status=None
    )
    assert (blocked.valid, blocked.status) == (False, AuthorizationStatus.BLOCKED)
    assert (expired.valid, expired.expiry) == (True, datetime(2020, 1, 1, tzinfo=UTC))
    assert expired.status_at(datetime(2020, 1, 1, tzinfo=UTC)) is AuthorizationStatus.EXPIRED
    assert dated.expiry == datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert [(note.row, note.field) for note in found.notes] == [(5, "expiry")]  # over already


def test_columns_of_what_ocpp_says_of_a_token() -> None:
    text = (
        "idTag,language,language2,EVSEs,priority,message,personalMessageFormat,expiry\n"
        'CAFE,de,en-US,"2, 1",-3,Willkommen,ascii,2030-06-01T12:00:00+02:00\n'
    )
    tokens, errors = read_tokens(text)
    assert errors == []
    (token,) = tokens
    assert (token.language_code, token.language2, token.evse_ids, token.charging_priority) == (
        "de",
        "en-US",
        (1, 2),
        -3,
    )
    assert token.personal_message == PersonalMessage("Willkommen", MessageFormat.ASCII)
    assert token.expiry == datetime(2030, 6, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "cell", "field", "why"),
    [
        ("evseIds", "1 a", "evseIds", "'a', wanted a whole number"),
        ("evseIds", "0", "evseIds", "0, wanted numbers from 1"),
        ("chargingPriority", "high", "chargingPriority", "'high', wanted a whole number"),
        ("chargingPriority", "10", "chargingPriority", "10, wanted -9 to 9"),
        ("personalMessageFormat", "UTF8", "personalMessage", "empty, but its format or language is given"),
        ("expiry", "soon", "expiry", "'soon', wanted a date"),
        ("language2", "en", "language2", "set without a first language"),
    ],
)
def test_what_is_wrong_of_them_is_told(column: str, cell: str, field: str, why: str) -> None:
    _, (error,) = read_tokens(f"uid,{column}\nCAFE,{cell}\n")
    assert error.field == field
    assert error.why.startswith(why)


def test_a_column_type_may_name_either_type() -> None:
    tokens, errors = read_tokens("uid,type\n1234,KeyCode\n04A2B3C4,RFID\n04A2B3C5,iso14443\n")
    assert errors == []
    assert [(t.id_token_type.value, t.kind.value) for t in tokens] == [
        ("KeyCode", "OTHER"),
        ("ISO14443", "RFID"),
        ("ISO14443", "RFID"),
    ]


def test_every_wrong_row_is_told_with_its_line_and_field() -> None:
    text = (
        "uid,status,contractId,valid\n"
        "04A2B3C4,Accepted,,yes\n"
        ",Accepted,,\n"
        "0001,Perhaps,,\n"
        "0002,,GBTWK012345678X,\n"
        "0003,,,maybe\n"
        "8.31E+14,,,\n"
        "04a2b3c4,,,\n"
        "0004,,,,surplus\n"
        '"0005\n",,,\n'
        "0006,,,,\n"
    )
    tokens, errors = read_tokens(text)
    assert [t.uid for t in tokens] == ["04A2B3C4", "0005", "0006"]
    assert [(e.row, e.field) for e in errors] == [
        (3, "uid"),
        (4, "status"),
        (5, "contractId"),
        (6, "valid"),
        (7, "uid"),
        (8, "uid"),
        (9, ""),
    ]
    assert "check digit X, expected V" in errors[2].why
    assert "spreadsheet" in errors[4].why
    assert "row 2 already" in errors[5].why
    assert errors[6].why == "5 cells, the header has 4"


def test_json_rows() -> None:
    text = json.dumps([BODY, {**BODY, "uid": 7}, "x", {"idTag": "04A2B3C4", "parentIdTag": "FLEET"}, {}])
    tokens, errors = read_tokens(text)
    assert [t.uid for t in tokens] == ["DEADBEEF", "04A2B3C4"]
    assert [(e.row, e.field) for e in errors] == [(2, "uid"), (3, ""), (5, "uid")]
    assert [t.uid for t in read_tokens(json.dumps({"tokens": [BODY]}))[0]] == ["DEADBEEF"]
    assert [t.uid for t in read_tokens(json.dumps(BODY))[0]] == ["DEADBEEF"]


@pytest.mark.parametrize(
    ("text", "file_format", "why"),
    [
        ("", "csv", "the file is empty"),
        ("a,b\n1,2\n", "csv", "no column names a token"),
        ("uid,idTag\n1,2\n", "csv", "two columns mean uid"),
        ('uid\n"abc', "csv", "not CSV"),
        ('uid\n"a"b\n', "csv", "not CSV"),
        ("[", "json", "not JSON"),
        ("7", "json", "no list of tokens"),
        ("{}", "json", "no list of tokens"),
        ("uid\n1", "xml", "'xml' is not known"),
    ],
)
def test_what_is_no_file_of_tokens(text: str, file_format: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_tokens(text, file_format)


@given(st.text(max_size=200), st.sampled_from(["csv", "json", None]))
def test_any_text_is_read_or_refused(text: str, file_format: str | None) -> None:
    for given_text in (text, "uid,status,valid,expiry,type\n" + text):
        try:
            tokens, errors = read_tokens(given_text, file_format)
        except BadInput:
            continue
        assert len({token.key for token in tokens}) == len(tokens)
        assert all(error.why for error in errors)


def test_errors_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_plan, "MAX_ERRORS", 10)
    _, errors = read_tokens("uid,status\n" + "0001,Perhaps\n" * 50)
    assert len(errors) == 11
    assert "more than 10" in errors[-1].why


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.csv"
    file.write_text("uid\n" + "0" * 100)
    monkeypatch.setattr(text_file, "MAX_BYTES", 50)
    with pytest.raises(BadInput, match="over 0 MiB"):
        read_tokens(file)
    with pytest.raises(BadInput, match="over 0 MiB"):
        read_tokens("x" * 51)


def test_files_by_their_ending(tmp_path: Path) -> None:
    tokens = [checked(Token("04A2B3C4", "GB", "TWK", "GBTWK012345678V", 'Größe, "quoted"; x'))]
    for name in ("t.csv", "t.JSON"):
        write_tokens(tokens, tmp_path / name)
        assert read_tokens(tmp_path / name) == (tokens, [])
    (tmp_path / "t.txt").write_bytes((tmp_path / "t.csv").read_bytes())
    assert read_tokens(tmp_path / "t.txt") == (tokens, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.JSON", "t.csv", "t.txt"]
    with pytest.raises(BadInput, match="not known"):
        write_tokens(tokens, tmp_path / "t.xlsx")


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read_tokens(tmp_path / "missing.csv")
    (tmp_path / "latin.csv").write_bytes("uid,issuer\n1,Größe\n".encode("cp1252"))
    with pytest.raises(BadInput, match="not UTF-8"):
        read_tokens(tmp_path / "latin.csv")
    with pytest.raises(OperatorError, match="cannot write"):
        write_tokens([], tmp_path / "missing" / "t.csv")


def test_a_uid_with_separators_becomes_the_readers_form() -> None:
    tokens, errors = read_tokens(
        "idTag,status\n52:37:ab:3b,Accepted\n04 A2 B3 C4 D5 E6 80,Blocked\nmy-tag,Accepted\n", "csv"
    )
    assert errors == []
    assert [token.uid for token in tokens] == ["5237AB3B", "04A2B3C4D5E680", "my-tag"]


@pytest.mark.parametrize("column", ["note", "Notes", "comment", "Description", "remark"])
def test_what_a_person_wrote_of_a_card_is_its_note(column: str) -> None:
    tokens, errors = read_tokens(f"uid,name,{column}\n04A2B3C4,TAG-7,spare card\n")
    assert errors == []
    assert [(token.visual_number, token.note) for token in tokens] == [("TAG-7", "spare card")]
