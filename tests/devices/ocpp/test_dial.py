"""Dialling a CSMS: what goes to nobody else, and what cannot be dialled at all."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from bench.errors import BadInput
from devices.ocpp.dial import as_it_ended, basic_auth_header, dial
from devices.ocpp.handshake import Refusal
from devices.ocpp.proxy_tls import check_url


async def test_a_redirect_is_told_and_not_followed_with_the_password() -> None:
    elsewhere: list[bytes] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        elsewhere.append(await reader.readline())
        writer.close()

    async def csms(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        port = there.sockets[0].getsockname()[1]
        writer.write(
            f"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:{port}/CP-1\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_server(other, "127.0.0.1", 0) as there,
        await asyncio.start_server(csms, "127.0.0.1", 0) as here,
    ):
        url = f"ws://127.0.0.1:{here.sockets[0].getsockname()[1]}"
        headers = {"Authorization": basic_auth_header("CP-1", "not-for-others")}
        found = await dial(url, "CP-1", ["ocpp1.6"], headers, None, ping_s=20.0, rules="role.csms")
    assert isinstance(found, Refusal)
    assert (found.status, found.rule) == (502, "role.csms-refused")
    assert "redirects the station with HTTP 302" in found.text
    assert elsewhere == []


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".example", "csms..example", "[::1", "csms:99999", "", "user:password@csms"]
)
def test_an_address_that_cannot_be_dialled_is_refused_at_once(host: str) -> None:
    with pytest.raises(BadInput, match="none that can be dialled"):
        check_url(f"ws://{host}/ocpp")


@pytest.mark.parametrize("host", ["csms.example:9000", "[::1]:9000", "127.0.0.1", "bücher.example", "csms.example."])
def test_addresses_that_can(host: str) -> None:
    check_url(f"ws://{host}/ocpp")


@pytest.mark.parametrize(
    ("rcvd", "sent", "told"),
    [
        (Close(4001, "moved"), Close(4001, "moved"), (4001, "moved")),
        (None, Close(1011, "keepalive ping timeout"), (1006, "the connection broke off")),  # our words, of its silence
        (None, Close(1009, "too big"), (1009, "too big")),
        (None, None, (1006, "the connection broke off")),
    ],
)
def test_how_a_connection_ended(rcvd: Close | None, sent: Close | None, told: tuple[int, str]) -> None:
    assert as_it_ended(ConnectionClosedError(rcvd, sent, True if rcvd else None)) == told
