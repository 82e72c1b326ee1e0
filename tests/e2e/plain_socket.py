"""A station on a bare socket: it does the WebSocket handshake, then writes and reads bytes, and nothing by itself."""

from __future__ import annotations

import asyncio
import base64
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from bench.session import Session
from tests.e2e.world import LIMIT_S

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x00\x00\x00\x00"  # so that what is masked reads as it is


def frame(opcode: int, payload: bytes, *, fin: bool = True, says: int | None = None) -> bytes:
    """A client's frame. says: the length its header tells, where that is not the true one."""
    length = len(payload) if says is None else says
    head = bytes([(0x80 if fin else 0) | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 2**16:
        head += bytes([0x80 | 126]) + struct.pack("!H", length)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", length)
    return head + MASK + payload


class Plain:
    """The two ends of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def read_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame of the bench."""
        async with asyncio.timeout(LIMIT_S):
            first, length = await self.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(length)

    async def ended(self) -> bytes:
        """What the bench still wrote until it ended the connection."""
        told = b""
        async with asyncio.timeout(LIMIT_S):
            try:
                while more := await self.reader.read(2**16):
                    told += more
            except (ConnectionError, ssl.SSLError):
                pass
        return told

    def end(self) -> None:
        """End the connection without a close frame."""
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


def port_of(session: Session) -> int:
    assert session.server is not None
    return urlsplit(session.server.url).port or 0


async def nobody_left(session: Session) -> None:
    """No connection to the bench is left."""
    async with asyncio.timeout(LIMIT_S):
        await session.server._empty.wait()  # type: ignore[union-attr]


def request(name: str = "CP-9", protocol: str | None = "ocpp2.0.1", *more: str, upgrade: bool = True) -> bytes:
    """An HTTP request as a station writes it. more: header lines."""
    key = base64.b64encode(b"0123456789abcdef").decode()
    lines = [f"GET /{name} HTTP/1.1", "Host: bench"]
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    if protocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return "\r\n".join([*lines, *more, "", ""]).encode()


@asynccontextmanager
async def dialled(session: Session, tls: ssl.SSLContext | None = None) -> AsyncIterator[Plain]:
    """A connection on which nothing was said."""
    name = "localhost" if tls is not None else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(session), ssl=tls, server_hostname=name)
    try:
        yield Plain(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass  # that it ended badly is what is tried here


@asynccontextmanager
async def plain_station(
    session: Session, name: str = "CP-9", version: str = "2.0.1", *more: str, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Plain]:
    """A station that is connected; it has not booted."""
    async with dialled(session, tls) as plain:
        plain.write(request(name, f"ocpp{version}", *more))
        async with asyncio.timeout(LIMIT_S):
            answer = await plain.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield plain
