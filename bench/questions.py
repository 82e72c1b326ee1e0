"""Questions to the operator: may this token, which the store does not know, charge now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from bench.clock import NS_PER_S, Clock, Stamp, iso_utc
from bench.errors import BadInput, NotFound
from bench.exchange import MASK
from bench.settings import EnrolSettings
from bench.tokens.enrol import enrol
from bench.tokens.model import Ask, AuthorizationStatus, Decision, IdTokenType, Token

ANSWERS: dict[AuthorizationStatus, str] = {
    AuthorizationStatus.ACCEPTED: "accepted by the operator",
    AuthorizationStatus.BLOCKED: "blocked by the operator",
}


class Question(NamedTuple):
    """An open question. token: as it may be shown, key codes masked (OCPP 2.0.1 C04.FR.04). token_type: None on OCPP 1.6.

    station: empty where a tap on the bus asks. evse: None where it was not told. deadline_ns: on the monotonic clock.
    """

    id: int
    station: str
    token: str
    token_type: IdTokenType | None
    evse: int | None
    action: str
    since: Stamp
    deadline_ns: int

    def left_s(self, now: Stamp) -> float:
        """Seconds until it is answered without the operator, never below 0."""
        return max(0, self.deadline_ns - now.mono_ns) / NS_PER_S


@dataclass(frozen=True, slots=True)
class _Open:
    question: Question
    ask: Ask
    answered: Callable[[Decision], None]


class Questions:
    """The open ones, oldest first. put: keeps a token in the store. changed: called after one came, was answered or went.

    Whoever asks bounds how many there are, and takes a question back when its time is up.
    """

    def __init__(
        self,
        clock: Clock,
        settings: EnrolSettings,
        put: Callable[[Token], Awaitable[object]],
        changed: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._put = put
        self._changed = changed
        self._open: dict[int, _Open] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def open(self) -> list[Question]:
        return [one.question for one in self._open.values()]

    def ask(self, ask: Ask, limit_s: float, answered: Callable[[Decision], None]) -> Question:
        """Ask the operator; answered is called at most once, with what was decided."""
        now = self._clock.stamp()
        self._last += 1
        secret = ask.id_token_type is IdTokenType.KEY_CODE
        question = Question(
            self._last,
            ask.station,
            MASK if secret else ask.value,
            ask.id_token_type,
            ask.evse,
            ask.action,
            now,
            now.mono_ns + round(limit_s * NS_PER_S),
        )
        self._open[question.id] = _Open(question, ask, answered)
        self._changed()
        return question

    async def answer(self, question_id: int, status: AuthorizationStatus, *, remember: bool = False) -> Decision:
        """The operator's answer; the station has it before this returns. remember: the store keeps the token with that status.

        Raises:
            NotFound: no such question is open (any more). BadInput: the store cannot hold such a token; nothing was answered.
            StoreError: answered, but the store could not keep it.
        """
        one = self._open.get(question_id)
        if one is None:
            cure = "its time may be up, or it was answered elsewhere; let the card be tapped again"
            raise NotFound(f"no question {question_id} is open", cure)
        token = self._token(one.ask, status) if remember else None
        del self._open[question_id]
        reason = ANSWERS.get(status, "refused by the operator")
        decision = Decision(status, "operator", reason, "operator", token, once=token is None)
        one.answered(decision)
        self._changed()
        if token is not None:
            await self._put(token)
        return decision

    def withdraw(self, question_id: int) -> None:
        """Nobody waits for the answer any more. Nothing happens where it was given."""
        if self._open.pop(question_id, None) is not None:
            self._changed()

    def _token(self, ask: Ask, status: AuthorizationStatus) -> Token:
        kind = ask.id_token_type or IdTokenType.ISO14443
        if kind in (IdTokenType.CENTRAL, IdTokenType.NO_AUTHORIZATION):
            raise BadInput(f"the store keeps no tokens of the type {kind}", "answer without keeping it")
        return enrol(ask.value, kind, self._settings, status)


def question_json(question: Question, now: Stamp) -> dict[str, object]:
    """The shape of a question in ``GET /bench/v1/questions``; key codes masked."""
    return {
        "id": question.id,
        "station": question.station,
        "token": question.token,
        "token_type": question.token_type,
        "evse": question.evse,
        "action": question.action,
        "since": iso_utc(question.since.utc_ns),
        "left_s": round(question.left_s(now), 3),
    }
