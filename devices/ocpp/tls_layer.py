"""TLS between a socket and a :class:`~devices.ocpp.connection.Connection`.

asyncio's own TLS server tells nobody of a failed handshake and does not even send its alert. Here ``ssl.MemoryBIO`` does the
cryptography, so that both sides learn the cause. To the connection this is a transport like any other; what it writes goes through
the socket's own buffer and is held back by it.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

from devices.ocpp.connection import Connection
from devices.ocpp.handshake import Refusal
from devices.ocpp.tls import TlsServer, explain, not_tls

_RECORD = 16 * 1024  # plain bytes of one TLS record


class TlsLayer(asyncio.BufferedProtocol):
    """The socket's protocol. The connection behind it bounds the time of the handshake, and reads into its own buffer.

    failed is called once, with the cause, when the TLS handshake does not succeed.
    """

    def __init__(self, connection: Connection, server: TlsServer) -> None:
        self.raw: asyncio.Transport
        self.server = server
        self.connection = connection
        self.done = False
        self.paused = False
        self._ended = False
        self._failed = False
        self._first = b""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = server.context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.raw = transport
        self.connection.connection_made(TlsTransport(self))

    def get_buffer(self, sizehint: int) -> memoryview:
        # The connection's buffer is free here: what it holds was taken over before the next read.
        return self.connection.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        if self._failed:
            return
        data = self.connection.get_buffer(nbytes)[:nbytes]
        if not self._first:
            self._first = bytes(data[:8])
            plain = not_tls(self._first)
            if plain is not None:
                self._turn_away(plain)
                return
        self._incoming.write(data)
        self.pump()

    def eof_received(self) -> bool:
        if not self.done:
            self._fail(None)
            return False
        self._incoming.write_eof()
        self.pump()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done and not self._failed:
            self._fail(None)
        self.connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self.connection.pause_writing()

    def resume_writing(self) -> None:
        self.connection.resume_writing()

    # Both ways

    def pump(self) -> None:
        """Handshake, then hand over what can be read, until more is needed or the connection wants no more."""
        if self._failed:
            return
        try:
            if not self.done:
                self.tls.do_handshake()
                self.done = True
            while not self.paused and not self._ended:
                view = self.connection.get_buffer(-1)
                size = cast(int, self.tls.read(len(view), view))
                if not size:
                    self._end()
                    break
                self.connection.buffer_updated(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLError as error:
            if self.done:
                self._end(error)
            else:
                self._fail(error)
        self.flush()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.done or self.raw.is_closing():
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self.tls.write(view[:_RECORD]) :]
        except ssl.SSLError as error:
            self._end(error)
        self.flush()

    def flush(self) -> None:
        data = self._outgoing.read()
        if data and not self.raw.is_closing():
            self.raw.write(data)

    def say_goodbye(self) -> None:
        """Our close_notify, so that the station knows this for the end and not for a cut."""
        if self.done:
            try:
                self.tls.unwrap()
            except (ssl.SSLError, OSError, ValueError):
                pass  # it waits for the station's own, or the station is gone; ours is in the buffer
        self.flush()

    # The end

    def _end(self, error: Exception | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        if "ALERT" in (getattr(error, "reason", None) or "") and not self.connection.station:
            self.connection.refuse_tls(explain(error, self.server, self._host()))
        self.connection.eof_received()
        self.say_goodbye()
        self.raw.close()

    def _fail(self, error: Exception | None) -> None:
        if self._failed:
            return
        self._failed = True
        self.connection.refuse_tls(explain(error, self.server, self._host(), saw_hello=bool(self._first)))
        self.flush()  # our alert: the station's own log then tells the cause, too
        if not self.raw.is_closing():
            self.raw.close()

    def _turn_away(self, refusal: Refusal) -> None:
        self._failed = True
        self.connection.refuse_tls(refusal)
        if refusal.rule == "ocpp.plain-on-tls-port":
            body = refusal.body.encode()
            head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}"
            self.raw.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        self.raw.close()

    def _host(self) -> str:
        """The host the station dialled: by its own word, else the address it reached us at."""
        asked = self.server.asked.get(self.tls)
        if asked:
            return asked
        name = self.raw.get_extra_info("sockname")
        return str(name[0]) if isinstance(name, tuple) and name else ""


class TlsTransport(asyncio.Transport):
    """What a connection writes to; all but the cryptography is the socket's transport."""

    def __init__(self, layer: TlsLayer) -> None:
        super().__init__()
        self._layer = layer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        layer = self._layer
        if name == "peercert":
            return layer.tls.getpeercert() if layer.done else default
        if name == "tls_version":
            return layer.tls.version() or default
        if name == "tls_done":
            return layer.done
        return layer.raw.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._layer.raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._layer.raw.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nothing is written before the handshake is done: it would be in plain text."""
        self._layer.write(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._layer.say_goodbye()
        if self._layer.raw.can_write_eof() and not self._layer.raw.is_closing():
            self._layer.raw.write_eof()

    def pause_reading(self) -> None:
        self._layer.paused = True
        self._layer.raw.pause_reading()

    def resume_reading(self) -> None:
        layer = self._layer
        layer.paused = False
        layer.raw.resume_reading()
        # What is decrypted already waits for no byte from the socket. Not at once: the caller may stand inside a read.
        asyncio.get_running_loop().call_soon(layer.pump)

    def is_closing(self) -> bool:
        return self._layer.raw.is_closing()

    def close(self) -> None:
        self._layer.say_goodbye()
        self._layer.raw.close()

    def abort(self) -> None:
        self._layer.raw.abort()
