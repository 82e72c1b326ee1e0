"""``/bench/v1/questions`` and ``/bench/v1/unknown-tokens``: what becomes of tokens that the store does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Response

from bench.questions import question_json
from devices.api.jsonio import JsonRoute, reply
from devices.api.models import Status
from devices.api.models_questions import AnswerBody, AnswerOut, QuestionOut, UnknownBody, UnknownOut

if TYPE_CHECKING:
    from bench.session import Session

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
NOT_OPEN: dict[int | str, dict[str, Any]] = {404: {"model": Status, "description": "No such question is open"}}


def questions_router(session: Session) -> APIRouter:
    """The operator's answers, and what is asked at all."""
    router = APIRouter(route_class=JsonRoute, tags=["tokens"])

    @router.get("/questions", response_model=list[QuestionOut])
    async def questions() -> Response:
        """Tokens that wait for the operator, oldest first."""
        now = session.clock.stamp()
        return reply([question_json(question, now) for question in session.questions.open])

    @router.post("/questions/{question_id}", response_model=AnswerOut, responses=NOT_OPEN)
    async def answer(question_id: Number, body: AnswerBody) -> Response:
        """Decide about the token; the station is answered at once."""
        decision = await session.questions.answer(question_id, body.status, remember=body.remember)
        return reply({"status": decision.status, "status_16": decision.status_16, "reason": decision.reason})

    @router.get("/unknown-tokens", response_model=UnknownOut)
    async def unknown() -> Response:
        """What becomes of a token that the store does not know."""
        return reply(unknown_json(session))

    @router.put("/unknown-tokens", response_model=UnknownOut)
    async def choose(body: UnknownBody) -> Response:
        """Choose it, from the next token on and until the bench ends; the profile says what it begins with."""
        session.decisions.unknown = body.unknown
        return reply(unknown_json(session))

    return router


def unknown_json(session: Session) -> dict[str, object]:
    desk = session.decisions
    return {
        "unknown": desk.unknown,
        "operator_limit_s": desk.limits.operator_s,
        "fallback_limit_s": desk.limits.fallback_s,
        "fallback": desk.fallback.name if desk.fallback is not None else None,
    }
