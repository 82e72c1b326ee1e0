"""HTTP messages in the journal: what is kept, what is hidden, and that a capture gives the same again."""

from __future__ import annotations

import pytest

from bench.clock import ManualClock
from bench.exchange import MASK
from bench.http_record import MAX_BODY_KEPT, HttpAsked, HttpExchange, HttpSaid, phrase, reread
from bench.journal.log import Journal
from bench.journal.redecode import redecode
from bench.masking import message_json
from bench.message import Direction, Link, Message


def exchanged(link: Link, body: bytes, answer: bytes = b"") -> list[Message]:
    journal, clock = Journal(), ManualClock()
    exchange = HttpExchange(journal, link, "127.0.0.1", "served-1", Direction.IN)
    headers = [("Host", "x"), ("Authorization", "Token s3cret"), ("X-Odd", "a\r\nb")]
    exchange.request("POST", "/api/v0/register?x=1", headers, body, clock.stamp())
    exchange.response("POST /api/v0/register", 201, [("Set-Cookie", "s3cret")], answer, clock.stamp())
    exchange.failed("POST /api/v0/register", "broken", clock.stamp())
    return journal.since(0)


def test_heads_are_those_of_http_without_credentials() -> None:
    asked, said, failed = exchanged(Link.MAEVE, b'{"a":1}', b"[]")
    assert asked.raw == (
        f"POST /api/v0/register?x=1 HTTP/1.1\r\nHost: x\r\nAuthorization: {MASK}\r\nX-Odd: a  b\r\n\r\n".encode()
        + b'{"a":1}'
    )
    assert said.raw == f"HTTP/1.1 201 Created\r\nSet-Cookie: {MASK}\r\n\r\n[]".encode()
    assert (asked.decoded.name, asked.decoded.summary) == ("POST /api/v0/register", "POST /api/v0/register?x=1")
    assert (failed.decoded.kind, failed.decoded.summary) == ("link", "broken")


@pytest.mark.parametrize("link", [Link.MAEVE, Link.OCPI])
def test_a_capture_gives_the_bodies_again(link: Link) -> None:
    for message in exchanged(
        link, b'{"token":"s3cret","status":"PENDING"}', b'{"data":{"token":"s3cret","url":"u","roles":[]}}'
    )[:2]:
        bare = message._replace(decoded=message.decoded._replace(body=None))
        assert redecode(bare) == message
        assert "s3cret" not in str(message_json(redecode(bare), exchange=None))


def test_a_body_that_is_no_json_hides_what_is_named_as_a_secret() -> None:
    asked, said, _ = exchanged(Link.MAEVE, b'{"base64SHA256Password":"s3cret', b'{"password": "s3cret", x')
    for message in (asked, said):
        assert message.malformed
        assert [fault.rule for fault in message.decoded.faults] == ["http.json"]
        shown = str(message_json(message, exchange=None))
        assert "s3cret" not in shown
        bare = message._replace(decoded=message.decoded._replace(body=None))
        assert redecode(bare) == message


@pytest.mark.parametrize("link", [Link.MAEVE, Link.OCPI])
@pytest.mark.parametrize(
    "body",
    [
        b'{"token":"s3cret","bogus":1}',
        b'{"Token":"s3cret","statsu":"PENDING"}',
        b'{"token":["s3cret"]}',
        b'{"token":"s3cret","url":',
        b'{"SecurityCtrlr/BasicAuthPassword;;Target":"s3cret"}',
        b'{"SecurityCtrlr;;1/BasicAuthPassword;x":"s3cret"',
    ],
)
def test_a_body_that_is_refused_keeps_its_secrets_too(link: Link, body: bytes) -> None:
    for message in exchanged(link, body, body)[:2]:
        assert "s3cret" not in str(message_json(message, exchange=None))


def test_a_long_body_is_cut_and_says_so() -> None:
    asked = exchanged(Link.MAEVE, b'"' + b"x" * MAX_BODY_KEPT + b'"')[0]
    assert len(asked.raw.partition(b"\r\n\r\n")[2]) == MAX_BODY_KEPT
    assert asked.meta == {"note": f"the first {MAX_BODY_KEPT} of {MAX_BODY_KEPT + 2} bytes"}
    assert asked.decoded.body == HttpAsked("POST", "/api/v0/register?x=1", "x" * MAX_BODY_KEPT)


def test_what_is_no_http_is_not_read() -> None:
    assert reread("request", b"") is None
    assert reread("response", b"HTTP/1.1 abc\r\n\r\n") is None
    assert reread("CALL", b"GET / HTTP/1.1\r\n\r\n") is None
    assert reread("response", b"HTTP/1.1 204\r\n\r\n") == HttpSaid(204)
    assert (phrase(404), phrase(799)) == ("Not Found", "")
