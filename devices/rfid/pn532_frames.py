"""Frames of the NXP PN532 on its serial line (HSU): cutting a stream into frames, and frames into typed messages.

Layout (NXP UM0701-02, 6.2.1): ``00* 00 FF LEN LCS TFI data DCS 00*`` with LEN + LCS = 0 and TFI + data + DCS = 0 modulo
256; extended ``00 FF FF FF LENM LENL LCS ...``. TFI is D4 from host to chip, D5 back, 7F in an error frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bench.codecs.spans import with_bytes
from bench.message import Decoded, Fault, malformed
from devices.rfid.driver import Flaw

HOST, CHIP, ERROR = 0xD4, 0xD5, 0x7F
ACK = bytes.fromhex("0000FF00FF00")
NACK = bytes.fromhex("0000FFFF0000")
MAX_LEN = 265
SYNC = b"\x00\xff"

DIAGNOSE, GET_FIRMWARE_VERSION, SAM_CONFIGURATION, RF_CONFIGURATION = 0x00, 0x02, 0x14, 0x32
IN_LIST_PASSIVE_TARGET, IN_AUTO_POLL = 0x4A, 0x60
COMMANDS = {
    DIAGNOSE: "Diagnose",
    GET_FIRMWARE_VERSION: "GetFirmwareVersion",
    0x04: "GetGeneralStatus",
    0x06: "ReadRegister",
    0x08: "WriteRegister",
    0x10: "SetSerialBaudRate",
    SAM_CONFIGURATION: "SAMConfiguration",
    0x16: "PowerDown",
    RF_CONFIGURATION: "RFConfiguration",
    0x40: "InDataExchange",
    0x42: "InCommunicateThru",
    0x44: "InDeselect",
    IN_LIST_PASSIVE_TARGET: "InListPassiveTarget",
    0x52: "InRelease",
    0x54: "InSelect",
    IN_AUTO_POLL: "InAutoPoll",
}

_MAX_ZEROS = 32
_MAX_JUNK = 512
_AUTO_POLL_TYPE_A = (0x00, 0x10, 0x20)
_ISO_DEP = 0x20


class PieceKind(StrEnum):
    FRAME = "frame"
    ACK = "ack"
    NACK = "nack"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the stream. payload: TFI and data of a frame. why, flaw: what is wrong with noise, the first such thing."""

    kind: PieceKind
    raw: bytes
    payload: bytes = b""
    why: str = ""
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """The chip took the command, or the host aborts one."""


@dataclass(frozen=True, slots=True)
class Nack:
    """The host wants the last response again."""


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """The chip did not understand the command (application level error)."""


@dataclass(frozen=True, slots=True)
class Command:
    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """code: that of the command, plus 1."""

    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Firmware:
    """Answer to GetFirmwareVersion. ic: 0x32 = PN532. support: bit 0 ISO 14443-A, 1 ISO 14443-B, 2 ISO 18092."""

    ic: int
    version: int
    revision: int
    support: int


@dataclass(frozen=True, slots=True)
class Target:
    """An ISO 14443-A card. number: Tg. ats: with its own length byte first; empty where there is none."""

    number: int
    uid: bytes
    sak: int
    atqa: int
    ats: bytes = b""


@dataclass(frozen=True, slots=True)
class Targets:
    """Answer to InListPassiveTarget or InAutoPoll. others: targets of another kind than ISO 14443-A."""

    targets: tuple[Target, ...]
    others: int = 0


def build(code: int, data: bytes = b"", tfi: int = HOST) -> bytes:
    """One frame around a command (or, with ``tfi=CHIP``, a response); extended where the normal form is too short."""
    body = bytes([tfi, code]) + data
    if len(body) > 0xFF:
        high, low = divmod(len(body), 256)
        head = bytes([0, 0, 0xFF, 0xFF, 0xFF, high, low, -(high + low) & 0xFF])
    else:
        head = bytes([0, 0, 0xFF, len(body), -len(body) & 0xFF])
    return head + body + bytes([-sum(body) & 0xFF, 0])


class _Wrong(NamedTuple):
    flaw: Flaw
    why: str


class FrameScanner:
    """Cuts a byte stream into frames. What is none is kept as noise, in as few pieces as it came in.

    A frame is given as soon as its checksum is there. A rejected frame is searched again from behind its start code, so a
    frame that was cut short never hides the one after it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._told = 0  # leading bytes of the buffer that were part of an earlier piece: a postamble may be a preamble
        self._junk = bytearray()
        self._wrong: _Wrong | None = None
        self.rejected = 0

    @property
    def pending(self) -> bool:
        """Whether bytes wait for what follows (zeros alone do not: they are the postamble)."""
        return bool(self._junk or self._buffer.strip(b"\x00"))

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes of any length; the frames and the noise between them."""
        self._buffer += data
        return self._scan(last=False)

    def give_up(self) -> list[Piece]:
        """Nothing more will come: frames hidden behind an unfinished one, and the noise."""
        pieces = self._scan(last=True)
        self._flush(pieces)
        return pieces

    def _scan(self, *, last: bool) -> list[Piece]:
        pieces: list[Piece] = []
        buffer = self._buffer
        while (at := buffer.find(SYNC)) >= 0:
            start = len(buffer[:at].rstrip(b"\x00"))
            end, wrong = _measure(buffer, at)
            if end > len(buffer) and last:
                wrong = _Wrong(Flaw.CUT, f"frame cut short, at least {end - len(buffer)} bytes are missing")
            if wrong is not None:
                self.rejected += 1
                self._wrong = self._wrong or wrong
                self._spill(at + len(SYNC), pieces)
            elif end > len(buffer):
                self._spill(start, pieces)
                return pieces
            else:
                self._spill(start, pieces)
                self._flush(pieces)
                pieces.append(self._cut(end - start))
        zeros = len(buffer) - len(buffer.rstrip(b"\x00"))
        self._spill(len(buffer) - min(zeros, _MAX_ZEROS), pieces)
        return pieces

    def _cut(self, end: int) -> Piece:
        """Take the frame at the front of the buffer, with its postamble where that has come."""
        buffer = self._buffer
        kind, payload = _inside(buffer, buffer.find(SYNC), end)
        if buffer[end : end + 1] == b"\x00" and buffer[end + 1 : end + 2] != b"\xff":
            raw = bytes(buffer[self._told : end + 1])
            # Left in place: should FF follow, this zero was the start of the next frame.
            told = 1
        else:
            raw = bytes(buffer[self._told : end])
            told = 0
        del buffer[:end]
        self._told = told
        return Piece(kind, raw, payload)

    def _spill(self, count: int, pieces: list[Piece]) -> None:
        """Move bytes from the front of the buffer to the noise."""
        if count <= 0:
            return
        self._junk += self._buffer[self._told : count]
        self._told = max(0, self._told - count)
        del self._buffer[:count]
        if len(self._junk) >= _MAX_JUNK:
            self._flush(pieces)

    def _flush(self, pieces: list[Piece]) -> None:
        if self._junk:
            flaw, why = self._wrong or _Wrong(Flaw.NOISE, "")
            pieces.append(Piece(PieceKind.NOISE, bytes(self._junk), why=why, flaw=flaw))
            self._junk.clear()
        self._wrong = None


def _measure(data: bytes | bytearray, at: int) -> tuple[int, _Wrong | None]:
    """Where the frame with its start code at ``at`` ends, before the postamble, and what is wrong where it is none.

    An end beyond the data means that more bytes are needed; then nothing is known to be wrong.
    """
    if len(data) < at + 4:
        return at + 4, None
    length, check = data[at + 2], data[at + 3]
    if (length, check) in ((0x00, 0xFF), (0xFF, 0x00)):
        return at + 4, None
    body = at + 4
    if (length, check) == (0xFF, 0xFF):
        body = at + 7
        if len(data) < body:
            return body, None
        length, check = data[at + 4] * 256 + data[at + 5], data[at + 6]
        if (data[at + 4] + data[at + 5] + check) & 0xFF:
            return 0, _Wrong(
                Flaw.CHECKSUM, f"length checksum {check:02X} does not fit the extended length {length:04X}"
            )
    elif (length + check) & 0xFF:
        return 0, _Wrong(Flaw.CHECKSUM, f"length checksum {check:02X} should be {-length & 0xFF:02X}")
    if not 1 <= length <= MAX_LEN:
        return 0, _Wrong(Flaw.NOISE, f"length {length} is outside 1 to {MAX_LEN}")
    end = body + length + 1
    if len(data) > body and data[body] not in (HOST, CHIP, ERROR):
        return 0, _Wrong(Flaw.NOISE, f"frame identifier {data[body]:02X} is none of D4, D5, 7F")
    if len(data) >= end and sum(data[body:end]) & 0xFF:
        want = -sum(data[body : end - 1]) & 0xFF
        return 0, _Wrong(Flaw.CHECKSUM, f"data checksum {data[end - 1]:02X} should be {want:02X}")
    return end, None


def _inside(data: bytes | bytearray, at: int, end: int) -> tuple[PieceKind, bytes]:
    """Kind and payload of a frame that :func:`_measure` accepted."""
    head = bytes(data[at + 2 : at + 4])
    if end == at + 4:
        return (PieceKind.ACK if head == b"\x00\xff" else PieceKind.NACK), b""
    return PieceKind.FRAME, bytes(data[at + (7 if head == b"\xff\xff" else 4) : end - 1])


def decode(piece: Piece) -> Decoded:
    """What a piece of the stream says. Never raises."""
    if piece.kind is PieceKind.ACK:
        return Decoded("ack", "ACK", None, Ack(), summary="ACK")
    if piece.kind is PieceKind.NACK:
        return Decoded("ack", "NACK", None, Nack(), summary="NACK")
    if piece.kind is PieceKind.NOISE:
        return malformed(piece.why or f"{len(piece.raw)} bytes that are no frame")
    return _decode_payload(piece.payload)


def decode_frame(raw: bytes) -> Decoded:
    """What one whole frame says; a wake-up of 55s before it is named."""
    scanner = FrameScanner()
    stripped = raw.lstrip(b"\x55")
    pieces = scanner.feed(stripped) + scanner.give_up()
    if len(pieces) != 1:
        return malformed(f"{len(raw)} bytes hold {len(pieces)} pieces, not one frame")
    decoded = decode(pieces[0])
    if stripped == raw:
        return decoded
    return Decoded(decoded.kind, decoded.name, None, decoded.body, decoded.faults, f"wake-up, {decoded.summary}")


def _decode_payload(payload: bytes) -> Decoded:
    tfi, code, data = payload[0], payload[1:2], payload[2:]
    if tfi == ERROR:
        text = "the chip refused the command as a syntax error"
        return Decoded("frame", "error", None, ErrorFrame(), (Fault("pn532.error", text),), "error frame")
    if not code:
        return malformed("frame without a command code", "byte 1")
    if tfi == HOST:
        name = COMMANDS.get(code[0], f"command {code[0]:02X}")
        return Decoded("frame", name, None, Command(code[0], data), summary=with_bytes(name, data))
    asked = (code[0] - 1) & 0xFF
    name = COMMANDS.get(asked, f"command {asked:02X}")
    if asked in (IN_LIST_PASSIVE_TARGET, IN_AUTO_POLL):
        try:
            body = _list_targets(data) if asked == IN_LIST_PASSIVE_TARGET else _auto_poll_targets(data)
        except IndexError:
            return malformed("target data end too early", f"byte {len(payload)}", name=name)
        except ValueError as error:
            return malformed(str(error), name=name)
        return Decoded("frame", name, None, body, summary=_shown_targets(body))
    if asked == GET_FIRMWARE_VERSION and len(data) == 4:
        firmware = Firmware(*data)
        summary = f"PN5{firmware.ic:02X} firmware {firmware.version}.{firmware.revision}"
        return Decoded("frame", name, None, firmware, summary=summary)
    return Decoded("frame", name, None, Response(code[0], data), summary=with_bytes(f"{name} done", data))


def _list_targets(data: bytes) -> Targets:
    """InListPassiveTarget at 106 kbit/s type A: NbTg, then each target."""
    targets = []
    at = 1
    for _ in range(data[0]):
        target, at = _target(data, at)
        targets.append(target)
    return Targets(tuple(targets))


def _auto_poll_targets(data: bytes) -> Targets:
    """InAutoPoll: NbTg, then type, length and data of each; type A has the layout of InListPassiveTarget."""
    targets = []
    others = 0
    at = 1
    for _ in range(data[0]):
        kind, length = data[at], data[at + 1]
        at += 2
        if len(data) < at + length:
            raise IndexError
        if kind in _AUTO_POLL_TYPE_A:
            targets.append(_target(data[at : at + length], 0)[0])
        else:
            others += 1
        at += length
    return Targets(tuple(targets), others)


def _target(data: bytes, at: int) -> tuple[Target, int]:
    """Tg, SENS_RES (2), SEL_RES, NFCIDLength, NFCID, and an ATS only where SEL_RES says ISO-DEP; and where it ends."""
    number, atqa, sak, size = data[at], data[at + 1] * 256 + data[at + 2], data[at + 3], data[at + 4]
    if size not in (4, 7, 10):
        raise ValueError(f"UID length {size} is none of 4, 7, 10")
    at += 5
    uid = data[at : at + size]
    at += size
    if len(uid) < size:
        raise IndexError
    ats = b""
    if sak & _ISO_DEP and at < len(data):
        ats = data[at : at + data[at]]
        if not 1 <= data[at] == len(ats):
            raise IndexError
        at += len(ats)
    return Target(number, uid, sak, atqa, ats), at


def _shown_targets(body: Targets) -> str:
    count = len(body.targets) + body.others
    if not count:
        return "no target"
    cards = [f"SENS_RES {target.atqa:04X}, UID {target.uid.hex().upper()}" for target in body.targets]
    return "; ".join(
        [f"{count} target{'s' if count > 1 else ''}, {cards[0]}" if cards else f"{count} target", *cards[1:]]
    )
