"""The HTTP client against a server on loopback: what is journaled, what is bounded, and errors in words."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from bench.clock import SystemClock
from bench.errors import BadInput, LinkDown, OperatorError
from bench.http_record import HttpAsked, HttpSaid
from bench.journal.log import Journal
from bench.masking import message_json
from bench.message import Direction, Link
from devices.http_client import HttpClient

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with those bytes, or never; its URL and the heads it got."""
    heads: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            if answer is None:
                await ended.wait()
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


def said(body: bytes, status: str = "200 OK", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def client(journal: Journal, **limits: float) -> AsyncIterator[HttpClient]:
    made = HttpClient(journal, Link.MAEVE, SystemClock(), **limits)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def test_request_and_response_stand_in_the_journal_without_the_credential() -> None:
    journal = Journal()
    async with serving(said(b'{"a":1}')) as (url, heads), client(journal) as http:
        answer = await http.ask("POST", f"{url}/x?q=1", headers={"Authorization": "Token s3cret"}, json_body={"b": 2})
    assert (answer.status, answer.json(), answer.seq) == (200, {"a": 1}, 2)
    assert b"authorization: token s3cret" in heads[0].lower()
    asked, got = journal.since(0)
    assert (asked.link, asked.direction, got.direction) == (Link.MAEVE, Direction.OUT, Direction.IN)
    assert (asked.decoded.kind, got.decoded.kind) == ("request", "response")
    assert asked.decoded.correlation == got.decoded.correlation
    assert asked.decoded.body == HttpAsked("POST", "/x?q=1", {"b": 2})
    assert got.decoded.body == HttpSaid(200, {"a": 1})
    assert asked.raw.startswith(b"POST /x?q=1 HTTP/1.1\r\n")
    assert asked.raw.endswith(b'\r\n\r\n{"b":2}')
    assert b"s3cret" not in asked.raw


async def test_tokens_of_ocpi_and_of_a_registration_are_masked_where_they_are_shown() -> None:
    journal = Journal()
    async with (
        serving(said(b'{"data":{"token":"c-token","url":"http://x","roles":[]}}')) as (url, _),
        client(journal) as http,
    ):
        await http.ask("POST", f"{url}/register", json_body={"token": "a-token", "status": "PENDING"})
    shown = str([message_json(message, exchange=None) for message in journal.since(0)])
    assert "a-token" not in shown
    assert "c-token" not in shown


async def test_a_redirect_on_the_same_host_is_followed_and_another_one_is_not() -> None:
    journal = Journal()
    async with serving(said(b"[]")) as (end, _):
        async with serving(said(b"", "302 Found", f"Location: {end}/y")) as (url, _), client(journal) as http:
            with pytest.raises(OperatorError, match="not followed"):
                await http.ask("GET", f"{url}/x")
        async with serving(said(b"", "302 Found", "Location: /y")) as (url, heads), client(journal) as http:
            with pytest.raises(OperatorError, match="again and again"):
                await http.ask("GET", f"{url}/x")
            assert [head.split()[1] for head in heads] == [b"/x", b"/y", b"/y", b"/y"]


async def test_what_is_too_slow_too_large_or_not_there_is_told_in_words_and_journaled() -> None:
    journal = Journal()
    async with serving(None) as (url, _), client(journal, limit_s=0.1) as http:
        with pytest.raises(OperatorError, match=r"did not answer within 0.1 s"):
            await http.ask("GET", url)
    assert journal.since(0)[-1].decoded.kind == "link"
    async with serving(said(b"x" * 2000)) as (url, _), client(journal, max_body=1000) as http:
        with pytest.raises(OperatorError, match="more than 1000 bytes"):
            await http.ask("GET", url)
    async with client(journal) as http:
        with pytest.raises(LinkDown, match="cannot be reached"):
            await http.ask("GET", url)
    assert [message.decoded.kind for message in journal.since(0)] == ["request", "link"] * 3


async def test_an_answer_that_is_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(gzip.compress(bytes(10 * 1024 * 1024), 1))
    journal = Journal()
    async with serving(said(bomb, "200 OK", "Content-Encoding: gzip, gzip")) as (url, heads), client(journal) as http:
        with pytest.raises(OperatorError, match=r"packed its answer \(gzip, gzip\)"):
            await http.ask("GET", url)
    assert b"accept-encoding: identity" in heads[0].lower()
    assert journal.since(0)[-1].decoded.kind == "link"


@pytest.mark.parametrize(
    "url", ["ftp://x/", "file:///etc/passwd", "http://u:p@x/", "x", "http://", "http://" + "x" * 3000]
)
async def test_what_is_no_url_of_http_is_refused_before_anything_is_sent(url: str) -> None:
    journal = Journal()
    async with client(journal) as http:
        with pytest.raises(BadInput):
            await http.ask("GET", url)
    assert journal.head == 0


async def test_an_answer_that_is_no_json_says_so() -> None:
    journal = Journal()
    async with serving(said(b"<html>")) as (url, _), client(journal) as http:
        answer = await http.ask("GET", url)
    with pytest.raises(OperatorError, match="no JSON"):
        answer.json()
    assert [fault.rule for fault in journal.since(0)[-1].decoded.faults] == ["http.json"]
