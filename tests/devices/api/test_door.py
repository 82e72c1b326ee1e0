"""Who is let in, what hostile requests get, and how the server comes and goes."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from bench.errors import BadInput, BenchBug, OperatorError
from bench.ports import LinkState
from bench.tasks import Tasks
from devices.api import guard
from devices.api.server import ApiServer


async def send(url: str, data: bytes) -> bytes:
    """Bytes as they are to the server; all it answers until it closes or pauses for a moment after an answer."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head + await asyncio.wait_for(reader.readexactly(int(length.split(b":")[1])), 5)
    finally:
        writer.close()
        await writer.wait_closed()


def assert_error(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert set(told) == {"status", "error"}
    assert "Traceback" not in answer.text
    return told["error"]


async def test_start_and_stop_tell_the_link_strip(serving):
    async with serving() as api:
        assert api.session.links["api"].state is LinkState.UP
        assert api.session.links["api"].detail == api.server.url
        assert api.server.url.startswith("http://127.0.0.1:")
        assert api.server.token is None
    assert api.session.links["api"].state is LinkState.OFF
    await api.server.stop()
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, by system
        await send(api.server.url, b"GET / HTTP/1.1\r\n\r\n")


async def test_a_taken_port_is_told_with_a_cure(api):
    port = api.server.url.rsplit(":", 1)[1]
    with pytest.raises(OperatorError, match="in use; close the other program"):
        await ApiServer(api.session, f"127.0.0.1:{port}").start()


@pytest.mark.parametrize("listen", ["", "127.0.0.1", ":80", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"])
async def test_a_wrong_address_is_refused(listen):
    with pytest.raises(BadInput, match="HOST:PORT"):
        await ApiServer(None, listen).start()


async def test_an_address_of_another_computer_is_refused():
    with pytest.raises(OperatorError, match="name an address of this computer"):
        await ApiServer(None, "192.0.2.1:0").start()


async def test_there_is_no_url_before_the_start():
    with pytest.raises(BenchBug):
        _ = ApiServer(None, "127.0.0.1:0").url


@pytest.mark.parametrize("token", ["", "naïve", "two words", "two\nlines"])
async def test_a_token_nobody_could_send_is_refused(token):
    with pytest.raises(BadInput, match="token"):
        await ApiServer(None, "127.0.0.1:0", token).start()


async def test_ipv6_loopback(serving):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this computer has no IPv6")
    async with serving("[::1]:0") as api:
        assert api.server.url.startswith("http://[::1]:")
        assert (await api.client.get("/bench/v1/state")).status_code == 200


async def test_bound_to_the_network_a_token_is_made_and_demanded(serving):
    async with serving("0.0.0.0:0") as api:
        assert api.server.token_generated
        assert len(api.server.token) >= 32
        assert api.server.url.startswith("http://127.0.0.1:")
        assert (await api.client.get("/bench/v1/state")).status_code == 200
        assert (await api.client.get("/bench/v1/state", headers={"Host": "bench.local:9410"})).status_code == 200
        for wrong in ("", "Bearer", "Bearer x", f"Basic {api.server.token}", f"Bearer {api.server.token}x"):
            answer = await api.client.get("/bench/v1/state", headers={"Authorization": wrong})
            assert "bearer token" in assert_error(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/", "/api/v0/token", "/bench/v1/openapi.json", "/nothing"):
            assert_error(await api.client.get(path, headers={"Authorization": "Bearer ü".encode("latin-1")}), 401)


async def test_two_authorizations_are_none(serving):
    async with serving(token="correct") as api:
        twice = [("Authorization", "Bearer correct"), ("Authorization", "Bearer wrong")]
        request = api.client.build_request("GET", "/bench/v1/state")
        request.headers = type(request.headers)(
            [*((k, v) for k, v in request.headers.items() if k != "authorization"), *twice]
        )
        assert_error(await api.client.send(request), 401)


async def test_a_token_given_is_demanded_on_loopback_too(serving):
    async with serving(token="s3cret") as api:
        assert not api.server.token_generated
        assert (await api.client.get("/bench/v1/state")).status_code == 200
        assert_error(await api.client.get("/bench/v1/state", headers={"Authorization": "Bearer nope"}), 401)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "192.0.2.7", "127.0.0.1.evil.example", "", "[::2]"]
)
async def test_a_name_that_is_not_this_computer_is_refused(api, host):
    assert "Host" in assert_error(await api.client.get("/bench/v1/state", headers={"Host": host}), 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:9", "[::1]:80"])
async def test_names_of_this_computer_are_welcome(api, host):
    assert (await api.client.get("/bench/v1/state", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
async def test_other_web_pages_are_refused(api, origin):
    answer = await api.client.post("/bench/v1/taps", json={"uid": "04"}, headers={"Origin": origin})
    assert "web pages" in assert_error(answer, 403)
    assert "access-control-allow-origin" not in answer.headers
    assert not api.session.taps


async def test_a_page_of_the_server_itself_is_welcome(api):
    assert (await api.client.get("/bench/v1/state", headers={"Origin": api.server.url})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/bench/v1/", 404),
        ("GET", "/bench/v1/state/", 404),
        ("GET", "/bench/v1/../../etc/passwd", 404),
        ("GET", "/bench/v1/exchanges/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/bench/v1/%00", 404),
        ("GET", "/bench/v1/%ff%fe", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("DELETE", "/bench/v1/state", 405),
        ("PUT", "/bench/v1/taps", 405),
        ("OPTIONS", "/bench/v1/taps", 405),
        ("POST", "/api/v0/cs/CP-001/reboot", 404),
    ],
)
async def test_what_is_not_there_is_told_in_json(api, method, path, status):
    answer = await send(api.server.url, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert set(json.loads(body)) == {"status", "error"}


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /bench/v1/taps HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_in_json(api, data):
    answer = await send(api.server.url, data)
    assert answer.startswith(b"HTTP/1.1 400")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == "Bad Request"
    assert (await api.client.get("/bench/v1/state")).status_code == 200


async def test_a_long_path_is_not_echoed(api):
    assert len(assert_error(await api.client.get("/" + "a" * 50_000), 404)) < 300


async def test_ten_megabytes_are_too_many(api):
    assert "2097152" in assert_error(await api.client.post("/bench/v1/taps", content=b"x" * 10_000_000), 413)

    async def stream():
        for _ in range(100):
            yield b"x" * 100_000

    assert_error(await api.client.post("/bench/v1/taps", content=stream()), 413)
    assert (await api.client.get("/bench/v1/state")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"uid=04",
        b'{"uid": NaN}',
        b'{"uid": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"uid":' * 5000,
        b'{"wait_s": 1e999, "uid": "04"}',
        b'{"wait_s": 99999999999999999999999999, "uid": "04"}',
    ],
)
async def test_a_body_that_is_not_json_is_refused(api, body):
    assert_error(await api.client.post("/bench/v1/taps", content=body), 400)
    assert not api.session.taps


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
async def test_the_body_is_json_whatever_it_is_called(api, kind):
    headers = {"content-type": kind} if kind else {}
    answer = await api.client.post("/bench/v1/taps", content=b'{"uid":"04A2"}', headers=headers)
    assert answer.status_code == 200


async def test_text_that_means_something_elsewhere_is_only_text(api):
    for uid in ("'; DROP TABLE tokens; --", "<script>alert(1)</script>", "../../etc/passwd", "%s%n{0}", "\u202e"):
        told = (await api.client.post("/bench/v1/taps", json={"uid": uid})).json()
        assert told["card"]["uid"] == uid


async def test_more_requests_than_the_bound_are_turned_away(api, monkeypatch):
    monkeypatch.setattr(guard, "MAX_REQUESTS", 2)
    api.session.verdict = None
    taps = [Tasks().spawn(api.client.post("/bench/v1/taps", json={"uid": "04", "wait_s": 5}), name="tap") for _ in "ab"]
    async with asyncio.timeout(5):
        await api.session.waiting.acquire()
        await api.session.waiting.acquire()
    answer = await api.client.get("/bench/v1/state")
    assert "under way" in assert_error(answer, 503)
    await api.server.stop()
    assert [answer.status_code for answer in await asyncio.gather(*taps)] == [503, 503]


async def test_a_body_that_never_comes_is_given_up(api, monkeypatch):
    monkeypatch.setattr(guard, "BODY_S", 0.05)
    head = b"POST /bench/v1/taps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
    assert (await send(api.server.url, head)).startswith(b"HTTP/1.1 408")


async def test_a_connection_that_never_asks_is_closed(serving, monkeypatch):
    monkeypatch.setattr("devices.api.http.HEAD_S", 0.05)
    async with serving() as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(api.server.url.rsplit(":", 1)[1]))
        writer.write(b"GET /bench")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await writer.wait_closed()


async def test_a_fault_of_ours_is_logged_and_not_shown(api, expected_log):
    expected_log("the API failed on GET /bench/v1/state")
    api.session.state = lambda: 1 / 0
    error = assert_error(await api.client.get("/bench/v1/state"), 500)
    assert "ZeroDivision" not in error


async def test_stopping_answers_who_waits(serving):
    async with serving() as api:
        api.session.verdict = None
        tap = Tasks().spawn(api.client.post("/bench/v1/taps", json={"uid": "04", "wait_s": 60}), name="tap")
        async with asyncio.timeout(5):
            await api.session.waiting.acquire()
        await api.server.stop()
        assert "shutting down" in assert_error(await tap, 503)


async def test_a_client_that_hangs_up_does_no_harm(api):
    api.session.verdict = None
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.server.url.rsplit(":", 1)[1]))
    body = b'{"uid":"04","wait_s":0.05}'
    writer.write(b"POST /bench/v1/taps HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    async with asyncio.timeout(5):
        await api.session.waiting.acquire()
    writer.transport.abort()
    assert (await api.client.get("/bench/v1/state")).status_code == 200


@pytest.mark.gui
async def test_serves_on_the_windows_loop(serving):
    async with serving() as api:
        answers = await asyncio.gather(*(api.client.post("/bench/v1/taps", json={"uid": f"0{n}"}) for n in range(5)))
        assert {answer.status_code for answer in answers} == {200}
