from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.panels.inspector_http import mask_headers, parse_http
from ui.panels.inspector_json import MAX_INDENT, Pretty, Unwanted, read
from ui.panels.sliced_text import MAX_LINE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=30,
)


def laid_out(text):
    return "".join(Pretty(text).lines())


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_reads_what_json_writes(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert read(text) == value
    assert laid_out(text) == json.dumps(value, ensure_ascii=ascii_only, indent=2)


@given(st.text(alphabet='{}[],:"\\ a1-.e\n', max_size=24))
def test_refuses_what_json_refuses(text):
    try:
        value = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 (any kind of it)
            read(text)
    else:
        assert read(text) == value


@given(st.text(alphabet='{}[],:"\\ a1-.e\n', max_size=40))
def test_laying_out_loses_nothing_but_space(text):
    assert "".join(laid_out(text).split()) == "".join(text.split())


def test_a_hundred_thousand_brackets():
    text = "[" * 100_000 + '{"a":[]}' + "]" * 100_000
    place = read(text)
    depth = 0
    while isinstance(place, list):
        place, depth = place[0], depth + 1
    assert (depth, place) == (100_000, {"a": []})
    made = laid_out(text)
    assert len(made) < 300_000 * (2 * MAX_INDENT + 2)
    assert "".join(made.split()) == text


def test_long_strings_with_escapes_stay_as_they_came():
    text = '["' + "x" * 5_000 + '\\"\\\\", "\\u00e9\\\\"]'
    assert read(text) == json.loads(text)
    assert laid_out(text) == text.replace("[", "[\n  ").replace(", ", ",\n  ").replace("]", "\n]")


def test_only_what_is_looked_at_is_laid_out():
    pieces = Pretty("[" + "1," * 500_000 + '"' + "x" * 10_000 + '"]')
    lines = iter(pieces)
    assert pieces.share == 0
    assert [next(lines) for _ in range(3)] == ["[\n", "  1,\n", "  1,\n"]
    assert 0 < pieces.share < 0.001
    rest = list(lines)
    assert pieces.share == 1
    assert max(map(len, rest)) == MAX_LINE + 1, "long lines are broken"
    assert Pretty("").share == 1


def test_work_that_nobody_wants_ends():
    with pytest.raises(Unwanted):
        read("[" + "1," * 50_000 + "1]", lambda: False)


def test_http_in_parts():
    raw = b'POST /x HTTP/1.1\r\nHost: a\r\nVia: 1\r\nvia: 2\r\nVia: 3\r\n\r\n{"a":1}\r\n\r\n'
    http = parse_http(raw)
    assert (http.start, http.body) == ("POST /x HTTP/1.1", b'{"a":1}\r\n\r\n')
    assert http.headers == {"Host": "a", "Via": ["1", "3"], "via": "2"}
    assert parse_http(b"HTTP/1.1 204 No Content\r\n\r\n").headers == {}
    assert parse_http(b"HTTP/1.1 200\r\nServer: x").headers == {"Server": "x"}
    for other in (b"", b"{}", b"GET /x\r\n\r\n", b"get / HTTP/1.1\r\n\r\n"):
        assert parse_http(other) is None


def test_credentials_in_headers_are_dots():
    raw = b"GET / HTTP/1.1\r\nauthorization: Basic c2VjcmV0\r\nCookie: a=b\r\nHost: x\r\n\r\nAuthorization: stays"
    shown = mask_headers(raw)
    assert b"c2VjcmV0" not in shown
    assert b"a=b" not in shown
    assert shown.endswith(b"Host: x\r\n\r\nAuthorization: stays")
