"""What a StationLink wants done: the session sends, settles and tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bench.answers import CallAnswer
from bench.message import Decoded
from bench.tokens.decision import Referral
from bench.tokens.model import Ask


class Send(NamedTuple):
    """Send these bytes to the station; decoded is what they mean, for the journal. A tuple: one is made for every answer."""

    data: bytes
    decoded: Decoded


@dataclass(frozen=True, slots=True)
class Settled:
    """A call of ours is over: with the station's answer (or refusal), or without, and then why says what happened."""

    call_id: str
    answer: CallAnswer | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A finding about this connection. severity: info, warn, fail. cure: what to do, may be empty."""

    rule: str
    severity: str
    text: str
    cure: str = ""


class Referred(NamedTuple):
    """A call of the station waits for a decision: somebody else is to be asked, then the link told. seq: journal number of the
    call, call_id: its message id.
    """

    seq: int
    call_id: str
    ask: Ask
    to: Referral


class Forsaken(NamedTuple):
    """The connection closed while a call of the station waited for a decision: there is nobody left to answer. seq, call_id: as in
    :class:`Referred`.
    """

    seq: int
    call_id: str


Effect = Send | Settled | Noticed | Referred | Forsaken
