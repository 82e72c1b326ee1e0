"""Shapes of the part of the API about tokens that the store does not know."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bench.tokens.decision import UnknownTokens
from bench.tokens.model import AuthorizationStatus, IdTokenType
from devices.api.models import Reads, StrictBool, Tells


class QuestionOut(Tells):
    """An open question to the operator: may this token charge. token: key codes masked. token_type: null on OCPP 1.6. station:
    empty for a tap on the bus. left_s: until the safe answer is given without the operator.
    """

    id: int
    station: str
    token: str
    token_type: IdTokenType | None
    evse: int | None
    action: str
    since: datetime
    left_s: float


class AnswerBody(Reads):
    status: AuthorizationStatus
    remember: StrictBool = Field(default=False, description="keep the token in the store, with that status")


class AnswerOut(Tells):
    """What the station was told, in OCPP's words: status on 2.x, status_16 on 1.6."""

    status: AuthorizationStatus
    status_16: str
    reason: str


class UnknownBody(Reads):
    unknown: UnknownTokens


class UnknownOut(Tells):
    """What becomes of tokens that the store does not know. operator_limit_s, fallback_limit_s: how long a station waits for them.
    fallback: who is asked, null where nobody is set up.
    """

    unknown: UnknownTokens
    operator_limit_s: float
    fallback_limit_s: float
    fallback: str | None
