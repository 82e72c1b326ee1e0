"""One WebSocket connection of a station, on the loop's own transport.

The WebSocket protocol itself is ``websockets``' sans-I/O ``ServerProtocol``. A burst of bytes is read, handed over and answered in
one go and leaves in one write, in the loop's next turn: no task per connection and no switch per message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from websockets.exceptions import NegotiationError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from bench.clock import Stamp, stamp
from bench.errors import LinkDown
from devices.ocpp import basic_auth, refusals, registered
from devices.ocpp.endings import MAX_MESSAGE, Ending, broken_off, violation
from devices.ocpp.handshake import VERSIONS, Refusal, basic_user, common_name_of, not_a_websocket, offered_by, select
from devices.ocpp.host import Host

MAX_UNSENT = 32 * 2**20  # bytes waiting for a station that does not read
HIGH_WATER = 2**20  # bytes waiting from which on nothing more is read from that station
MAX_PIECES = 100_000  # frames of one message
MANY_PIECES = 1000  # are told
READ_SIZE = 64 * 1024
HANDSHAKE_S = 10.0
CLOSE_S = 5.0
STALLED_S = 10.0
PING_S = 20.0

# websockets logs request headers, passwords among them, at DEBUG: never, whatever the program's own level.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


class Connection(asyncio.BufferedProtocol):
    """From TCP accept to connection_lost.

    station: its id once the handshake is done, else empty. version: negotiated. peer: ``host:port``.
    address: its host alone. certificate_cn: the common name in its certificate, where it showed one. tls_version: ``TLSv1.3``,
    empty without TLS.
    """

    def __init__(self, host: Host) -> None:
        self.station = ""
        self.version = ""
        self.peer = ""
        self.address = ""
        self.certificate_cn: str | None = None
        self.tls_version = ""
        self.replaced = False
        self._host = host
        self._offered: tuple[str, ...] = ()
        self._refusal: Refusal | None = None
        # Without extensions, so without compression: what is on the wire is what is shown.
        self._protocol = ServerProtocol(
            select_subprotocol=lambda _, offered: self._select(offered), max_size=MAX_MESSAGE, logger=_log
        )
        self._transport: asyncio.Transport
        self._loop: asyncio.AbstractEventLoop
        # A plain Protocol is given a fresh 256 KiB object a read, which costs more page faults than the rest of the work.
        self._view = host.read_buffer
        self._burst = False
        self._paused = False
        self._held = False
        self._heard = False
        self._pinged = False
        self._flush_due = False
        self._ending = False
        self._aborted = False
        self._waits_for: Refusal | None = None
        self._prepared: asyncio.Task[str | Refusal] | None = None
        self._chosen = ""
        self._told_binary = False
        self._told_pieces = False
        self._fragments: bytearray | None = None
        self._pieces = 0
        self._binary = False
        self._first = b""
        self._code = 0
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    # What the server wants

    @property
    def closing(self) -> tuple[int, str]:
        """Close code and reason: the station's, else ours, else 1006 (RFC 6455 section 7.4)."""
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if self._code:
            return self._code, self._reason
        if received is not None:
            return int(received.code), received.reason
        if sent is not None:
            return int(sent.code), sent.reason
        return 1006, "the connection broke off"

    def send(self, data: bytes, *, binary: bool = False) -> Stamp:
        """One message: written at once, or with the answers to the burst that is being read.

        Raises:
            LinkDown: the connection is closing or closed.
        """
        protocol = self._protocol
        if protocol.state is not State.OPEN or self._transport.is_closing():
            raise LinkDown(f"station {self.station} is not connected", "wait until it connects again, then repeat")
        if binary:
            protocol.send_binary(data)
        else:
            protocol.send_text(data)
        at = stamp()
        if not self._burst:
            self._flush()
        return at

    def close(self, code: int | None, reason: str) -> None:
        """Start the closing handshake; the transport is aborted when the station does not play along. code: None = a close frame
        without one.
        """
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            if not self._burst:
                self._flush()
                self._expect_close()
        elif self._protocol.state is State.CONNECTING and self._refusal is None:
            self.abort()

    def hold_reading(self, held: bool) -> None:
        """Read no more of the station for now, or go on."""
        if held is self._held or self._transport.is_closing():
            return
        self._held = held
        if held:
            self._transport.pause_reading()
        elif not self._paused:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._aborted = True
        self._transport.abort()

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        transport.set_write_buffer_limits(high=HIGH_WATER)
        name = transport.get_extra_info("peername")
        self.address, port = (str(name[0]), name[1]) if isinstance(name, tuple) and len(name) >= 2 else ("unknown", 0)
        self.peer = f"{self.address}:{port}" if port else self.address
        refusal = self._host.arrived(self)
        if refusal is not None:
            self._refusal = refusal
            response = self._protocol.reject(refusal.status, refusal.body)
            transport.write(response.serialize())
            transport.close()
            return
        self._timer = self._loop.call_later(HANDSHAKE_S, self._no_handshake)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view  # a view, for asyncio's TLS slices it, and a slice of a bytearray would be a copy

    def buffer_updated(self, nbytes: int) -> None:
        at = stamp()
        data = bytes(self._view[:nbytes])
        protocol = self._protocol
        self._heard = True
        if not self.station and len(self._first) < 8:
            self._first += data[:8]
        protocol.receive_data(data)
        self._burst = True
        try:
            for event in protocol.events_received():
                if isinstance(event, Frame):
                    self._frame(event, at)
                elif isinstance(event, Request):
                    self._request(event, at)
        finally:
            self._burst = False
            self._flush_soon()
        if protocol.state is not State.OPEN:
            self._look_why()
            self._expect_close()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._flush()
        if not self.station:
            self._look_why()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.station:
            self._protocol.receive_eof()  # a connection that was reset ends without it
            pieces = self._pieces if self._fragments is not None else 0
            self._tell_end(broken_off(self.station, self._protocol, pieces))
        for timer in (self._timer, self._stall):
            if timer is not None:
                timer.cancel()
        if self._prepared is not None:
            self._prepared.cancel()
        self._host.lost(self)

    def pause_writing(self) -> None:
        # A station that sends but does not read gets no further until it does.
        self._paused = True
        if not self._held:
            self._transport.pause_reading()
        self._host.writable(self, False)
        self._stall = self._loop.call_later(STALLED_S, self._drop, 1008, f"it read nothing for {STALLED_S:.0f} s")

    def resume_writing(self) -> None:
        self._paused = False
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        if not self._transport.is_closing() and not self._held:
            self._transport.resume_reading()
        self._host.writable(self, True)

    # Handshake

    def _request(self, request: Request, at: Stamp) -> None:
        found = self._host.admit(request.path)
        if isinstance(found, Refusal):
            self._refuse(found)
            return
        auth = self._host.registered(found)
        if auth is not None:
            refusal = registered.judge(found, auth, request.headers, self._transport.get_extra_info)
            if refusal is None:
                self._prepare(request, found, at)
            else:
                self._refuse(refusal, found)
            return
        password_of = self._host.password_of
        if password_of is None:
            self._prepare(request, found, at)
            return
        claim = basic_auth.claim(request.headers, found)
        if isinstance(claim, Refusal) and not self._host.password_optional:
            self._refuse(claim, found)
            return
        # A keyring may take its time, or ask its owner: neither may stop the other stations.
        self._waits_for = refusals.KEYRING
        self._transport.pause_reading()
        known = self._loop.run_in_executor(None, password_of, found)
        known.add_done_callback(partial(self._password_known, request, found, claim, at))

    def _password_known(
        self, request: Request, found: str, claim: bytes | Refusal, at: Stamp, known: asyncio.Future[str | None]
    ) -> None:
        # First: a failure that nobody looks at is told as ours.
        refusal = basic_auth.judge(found, claim, known, optional=self._host.password_optional)
        if self._transport.is_closing():
            return
        self._waits_for = None
        self._transport.resume_reading()
        if refusal is not None:
            self._refuse(refusal, found)
        else:
            self._prepare(request, found, at)
        self._answered()

    def _prepare(self, request: Request, found: str, at: Stamp) -> None:
        """Let the host get ready for a station that can be let in; what it cannot speak with, needs none of it to be refused."""
        is_websocket = any(name.lower() == "websocket" for name in request.headers.get_all("Upgrade"))
        if is_websocket and isinstance(select(offered_by(request.headers), self._host.subprotocols), str):
            self._prepared = self._host.prepare(self, found, request)
        if self._prepared is None:
            self._answer(request, found, at)
            return
        self._waits_for = refusals.CSMS
        self._transport.pause_reading()
        self._prepared.add_done_callback(partial(self._is_prepared, request, found, at))

    def _is_prepared(self, request: Request, found: str, at: Stamp, prepared: asyncio.Task[str | Refusal]) -> None:
        if self._transport.is_closing():
            return
        self._waits_for = None
        self._transport.resume_reading()
        if prepared.cancelled() or prepared.exception() is not None:
            ready: str | Refusal = refusals.STOPS if prepared.cancelled() else refusals.BUG
        else:
            ready = prepared.result()
        if isinstance(ready, Refusal):
            self._refuse(ready, found)
        else:
            self._chosen = ready
            self._answer(request, found, at)
        self._answered()

    def _answered(self) -> None:
        """Send what was answered outside of a read."""
        self._flush_soon()
        if self._protocol.state is not State.OPEN:
            self._expect_close()

    def _answer(self, request: Request, found: str, at: Stamp) -> None:
        """Negotiate the version and open the connection of a station that is who it says."""
        response = self._protocol.accept(request)
        if response.status_code != 101:
            self._refusal = self._refusal or not_a_websocket(self._protocol.handshake_exc)
            self._tell(self._refusal, found)
            self._protocol.send_response(response)
            return
        self._protocol.send_response(response)
        self.station = found
        self.certificate_cn = common_name_of(self._transport.get_extra_info("peercert"))
        self.tls_version = self._transport.get_extra_info("tls_version") or ""
        self.version = VERSIONS[str(self._protocol.subprotocol)]
        self._first = b""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._host.ping_s, self._keep_alive)
        self._host.opened(self, self._offered, basic_user(request.headers), at)

    def _select(self, offered: Sequence[Subprotocol]) -> Subprotocol:
        self._offered = tuple(offered)
        chosen = self._chosen or select(self._offered, self._host.subprotocols)
        if isinstance(chosen, Refusal):
            self._refusal = chosen
            raise NegotiationError(f"{chosen.text}; {chosen.cure}")
        return Subprotocol(chosen)

    def _refuse(self, refusal: Refusal, station: str = "") -> None:
        self._refusal = refusal
        self._tell(refusal, station)
        response = self._protocol.reject(refusal.status, refusal.body)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = basic_auth.CHALLENGE
        self._protocol.send_response(response)

    def refuse_tls(self, refusal: Refusal) -> None:
        """Tell why there is no TLS with this peer; its transport ends it. Not told where we ended it ourselves."""
        if self._refusal is None and not self._aborted:
            self._refusal = refusal
            text = f"{self.peer} was refused in the TLS handshake: {refusal.text}"
            self._host.finding(refusal.rule, "fail", text, refusal.cure, who=self.address)

    def _tell(self, refusal: Refusal, station: str) -> None:
        who = f"station {station} at {self.peer}" if station else self.peer
        text = f"{who} was refused with HTTP {refusal.status}: {refusal.text}"
        self._host.finding(refusal.rule, "fail", text, refusal.cure, who=station or self.address)

    def _no_handshake(self) -> None:
        late = self._waits_for
        if self._refusal is None and late is not None:
            text = f"{self.peer} was dropped: {late.text} within {HANDSHAKE_S:.0f} s"
            self._host.finding(late.rule, "fail", text, late.cure, who=self.address)
        elif self._refusal is None:
            missing = (
                "no WebSocket handshake" if self._transport.get_extra_info("tls_done", True) else "no TLS handshake"
            )
            self._host.finding(
                "ocpp.no-handshake",
                "warn",
                f"{self.peer} connected but finished {missing} within {HANDSHAKE_S:.0f} s",
                "look whether it is a charging station at all",
                who=self.address,
            )
        self.abort()

    # Messages

    def _frame(self, frame: Frame, at: Stamp) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            if opcode is Opcode.BINARY and not self._told_binary:
                self._told_binary = True
                self._host.finding(
                    "ocpp.binary-frame",
                    "warn",
                    f"station {self.station} sends binary WebSocket frames; OCPP-J wants text",
                    "the station's software must send text frames",
                )
            self._binary = opcode is Opcode.BINARY
            if frame.fin:
                self._host.frame(self, bytes(frame.data), at, self._binary)
            else:
                self._fragments, self._pieces = bytearray(frame.data), 1
        elif opcode is Opcode.CONT and self._fragments is not None:
            self._fragments += frame.data
            self._pieces += 1
            if frame.fin:
                data, self._fragments = bytes(self._fragments), None
                self._tell_pieces(len(data))
                self._host.frame(self, data, at, self._binary)
            elif self._pieces > MAX_PIECES:  # empty ones would go on for ever
                self._fragments = None
                self._drop(1008, f"it sent one message in more than {MAX_PIECES} pieces")

    def _tell_pieces(self, size: int) -> None:
        if self._pieces > MANY_PIECES and not self._told_pieces:
            self._told_pieces = True
            self._host.finding(
                "ocpp.fragments",
                "info",
                f"station {self.station} sent a message of {size} bytes in {self._pieces} WebSocket frames; read all the same",
                "let its software send a message in one frame, or in few",
            )

    def _flush_soon(self) -> None:
        """Write when all that is ready now has been read. Answers to fifty stations then leave together, and each write
        wakes a peer only after the reading is done: a third more answers a second than writing at once."""
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        writes = self._protocol.data_to_send()
        if not writes:
            return
        transport = self._transport
        if transport.is_closing():
            return
        end = not writes[-1]  # SEND_EOF
        data = writes[0] if len(writes) == 1 else b"".join(writes)
        if data:
            transport.write(data)
            if self._paused and transport.get_write_buffer_size() > MAX_UNSENT:
                self._drop(1008, f"it left {MAX_UNSENT // 2**20} MiB unread")
                return
        if end:
            transport.write_eof()

    # The end

    def _look_why(self) -> None:
        """Tell, once, of an end that the other side's software caused."""
        if self.station:
            self._tell_end(violation(self.station, self._protocol))
        elif self._protocol.handshake_exc is not None and self._refusal is None and self._first:
            self._refusal = not_a_websocket(self._protocol.handshake_exc, self._first)
            text = f"{self.peer}: {self._refusal.text}"
            self._host.finding(self._refusal.rule, "warn", text, self._refusal.cure, who=self.address)

    def _tell_end(self, ending: Ending | None) -> None:
        if ending is None or self._code or self._aborted or self.replaced:
            return  # as it should be, told already, or our own doing
        self._code, self._reason = ending.code, ending.reason
        self._host.finding(ending.rule, ending.severity, ending.text, ending.cure, who=self.station)

    def _expect_close(self) -> None:
        if (
            self._ending or not self._protocol.close_expected()
        ):  # once: a station that goes on talking does not get more time
            return
        self._ending = True
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_S, self._not_closed)

    def _not_closed(self) -> None:
        if self.station and not self.replaced and not self._code:
            self._host.finding(
                "ocpp.no-close",
                "warn",
                f"station {self.station} did not end its connection within {CLOSE_S:.0f} s of the close; it was cut",
                "a station must answer a close frame and end the connection (RFC 6455 section 7)",
            )
        self.abort()

    def _drop(self, code: int, why: str) -> None:
        """End a connection that is beyond a closing handshake: nothing can be written, or nobody is there."""
        if self._code:
            return
        self._code, self._reason = code, why
        self._host.finding(
            "ocpp.connection-dropped",
            "fail",
            f"the connection to station {self.station} was dropped: {why}",
            "look whether the station hangs, and at its network",
        )
        self.abort()

    def _keep_alive(self) -> None:
        """Every ping_s: whoever said nothing since the last ping, not even a pong, is gone."""
        if self._protocol.state is not State.OPEN:
            return
        if self._pinged and not self._heard:
            self._drop(1006, f"no sign of life for {self._host.ping_s:.0f} s after a ping")
            return
        self._heard, self._pinged = False, True
        self._protocol.send_ping(b"")
        self._flush()
        self._timer = self._loop.call_later(self._host.ping_s, self._keep_alive)
