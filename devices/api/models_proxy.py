"""Shapes of the proxy's part of the API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bench.journal.filter import MAX_LENGTH
from bench.proxy_rules import MAX_DELAY_MS, MAX_RULES, Deed, Side
from devices.api.models import MessageOut, Reads, Tells

Payload = dict[str, Any]


class RuleBody(Reads):
    """What becomes of messages: of those that the filter lets through, of one side or of both."""

    filter: Annotated[str, Field(max_length=MAX_LENGTH, description="in the filter language; empty for every message")]
    deed: Deed
    side: Side | None = Field(default=None, description="who says them; null for either")
    times: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(
        default=None, description="how many messages it is for; null for all"
    )
    delay_ms: Annotated[int, Field(ge=0, le=MAX_DELAY_MS, strict=True)] = Field(default=0, description="for delay")
    patch: Payload | None = Field(default=None, description="for edit: JSON Merge Patch on the payload (RFC 7396)")
    payload: Payload | None = Field(default=None, description="for edit: the payload in its stead")


Rules = Annotated[list[RuleBody], Field(max_length=MAX_RULES)]


class RuleOut(Tells):
    """number: counted from 1, in the order in which they are applied. applied: messages it was applied to."""

    number: int
    filter: str
    deed: Deed
    side: Side | None
    times: int | None
    delay_ms: int
    patch: Payload | None
    payload: Payload | None
    applied: int


class WaitingOut(Tells):
    """A message that waits, as it would be passed on. held: for release or drop; else due_in_s from now, or as soon as those before
    it are gone. waited_s: since it came. Secrets are masked.
    """

    seq: int
    side: Side
    held: bool
    edited: bool
    waited_s: float
    due_in_s: float | None
    message: MessageOut


class ReleaseBody(Reads):
    payload: Payload | None = Field(default=None, description="in the place of the message's own")
