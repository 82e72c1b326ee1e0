"""What came of something asked of a station, for the window, the API and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """A station's answer to a call of ours: a payload, or a refusal (code, description, details). Never both."""

    action: str
    payload: Mapping[str, object] | None
    code: str = ""
    description: str = ""
    details: Mapping[str, object] | None = None
    request_seq: int | None = None
    answer_seq: int | None = None

    @property
    def refused(self) -> bool:
        return self.payload is None


@dataclass(frozen=True, slots=True)
class Said:
    """A station's answer in plain words. ok: it did what was asked."""

    ok: bool
    text: str
    answer: CallAnswer | None = None


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """One SendLocalList of a push. part: from 1. entries: deletions included. bytes: of the message. status: the station's word, or
    the code of a CALLERROR. version_read: read back after it, None where that failed.
    """

    part: int
    update_type: str
    version_sent: int
    entries: int
    bytes: int
    status: str
    version_read: int | None


@dataclass(frozen=True, slots=True)
class PushReport:
    """What came of pushing the store as a local list.

    status: the station's word (Accepted, Failed, VersionMismatch, NotSupported), or NotSent, Cancelled, NoAnswer. sent: entries
    that it accepted, in however many messages. version_sent: of the latest message. version_read: read back afterwards.
    left_out: (uid, why) of tokens not sent. text: one plain sentence. chunks: every message, in order.
    """

    ok: bool
    status: str
    text: str
    sent: int
    left_out: tuple[tuple[str, str], ...]
    version_before: int | None
    version_sent: int | None
    version_read: int | None
    chunks: tuple[ChunkReport, ...] = ()

    @property
    def denied(self) -> bool:
        """The station accepted the list, but the version it then told says that it did not take it."""
        return self.status == "Accepted" and not self.ok and self.version_read is not None
