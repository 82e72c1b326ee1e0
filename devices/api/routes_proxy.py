"""``/bench/v1/proxy``: what is done to messages between stations and their CSMS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Path, Response

from bench.clock import NS_PER_S
from bench.errors import BadInput, LinkDown, NotFound
from bench.journal.filter import FilterError
from bench.masking import mask_tree, message_json
from bench.proxy import Waiting
from bench.proxy_desk import ProxyDesk
from bench.proxy_rules import Rule, Side, make_rule
from devices.api.jsonio import JsonRoute, reply
from devices.api.models import CallOut, Status
from devices.api.models_proxy import ReleaseBody, RuleBody, RuleOut, Rules, WaitingOut
from devices.api.routes_stations import Action, Payload, StationId, answer_json, answered

if TYPE_CHECKING:
    from bench.session import Session

Seq = Annotated[int, Path(ge=1, le=2**63 - 1, description="number of the message")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="number of the rule, from 1")]

RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"model": Status, "description": "No such rule, or no such station or message waits in the proxy"},
    409: {"model": Status, "description": "This bench is no proxy, or the station left"},
    504: {"model": Status, "description": "No answer in time"},
}


def proxy_router(session: Session) -> APIRouter:
    """Rules, waiting messages and injected calls; 409 where the bench is no proxy."""
    router = APIRouter(prefix="/proxy", route_class=JsonRoute, tags=["proxy"], responses=RESPONSES)

    def desk() -> ProxyDesk:
        if session.proxy is None:
            raise LinkDown("this bench is no proxy", "start it with --upstream and the URL of the CSMS")
        return session.proxy

    @router.get("/rules", response_model=list[RuleOut])
    async def rules() -> Response:
        """The rules, in the order in which they are applied."""
        return reply(rules_json(desk()))

    @router.put("/rules", response_model=list[RuleOut])
    async def replace_rules(wanted: Rules) -> Response:
        """Take these in the place of all there are; or none of them, where one makes no sense."""
        proxy = desk()
        proxy.rules.replace([rule_of(body, number) for number, body in enumerate(wanted, 1)])
        return reply(rules_json(proxy))

    @router.post("/rules", response_model=list[RuleOut])
    async def add_rule(wanted: RuleBody) -> Response:
        """Add one behind the others."""
        proxy = desk()
        proxy.rules.replace([*proxy.rules.rules, rule_of(wanted, len(proxy.rules.rules) + 1)])
        return reply(rules_json(proxy))

    @router.delete("/rules/{number}", response_model=list[RuleOut])
    async def remove_rule(number: Number) -> Response:
        """Remove one; those behind it move up."""
        proxy = desk()
        left = list(proxy.rules.rules)
        if number > len(left):
            raise NotFound(f"there is no rule {number}", f"there are {len(left)}")
        del left[number - 1]
        proxy.rules.replace(left)
        return reply(rules_json(proxy))

    @router.get("/{station}/waiting", response_model=list[WaitingOut])
    async def waiting(station: StationId) -> Response:
        """What is held or delayed, by number."""
        return reply([waiting_json(session, desk(), station, one) for one in desk().waiting(station)])

    @router.post("/{station}/waiting/{seq}/release", response_model=list[WaitingOut])
    async def release(station: StationId, seq: Seq, body: ReleaseBody | None = None) -> Response:
        """Let a held message go, with another payload if given; what still waits."""
        proxy = desk()
        proxy.release(station, seq, payload=None if body is None else body.payload)
        return reply([waiting_json(session, proxy, station, one) for one in proxy.waiting(station)])

    @router.post("/{station}/waiting/{seq}/drop", response_model=list[WaitingOut])
    async def drop(station: StationId, seq: Seq) -> Response:
        """Drop a message that waits; what still waits."""
        proxy = desk()
        proxy.drop(station, seq)
        return reply([waiting_json(session, proxy, station, one) for one in proxy.waiting(station)])

    @router.post("/{station}/calls/{side}/{action}", response_model=CallOut, response_model_exclude_unset=True)
    async def call(
        station: StationId, side: Side, action: Action, payload: Annotated[Payload, Body()] = None
    ) -> Response:
        """Call the station or its CSMS in the name of the other, which sees neither call nor answer. Nothing is checked."""
        return reply(answer_json(await answered(desk().call(station, side, action, payload or {}))))

    return router


def rule_of(body: RuleBody, number: int) -> Rule:
    """A rule that makes sense.

    Raises:
        BadInput: it makes none; says which rule, and where its filter is wrong.
    """
    try:
        return make_rule(
            body.filter,
            body.deed,
            side=body.side,
            times=body.times,
            delay_ms=body.delay_ms,
            patch=body.patch,
            payload=body.payload,
        )
    except FilterError as error:
        where = f"the filter is wrong at character {error.position + 1}: {error.text}"
        raise BadInput(f"rule {number}: {where}") from error
    except BadInput as error:
        raise BadInput(f"rule {number}: {error.what}", error.cure) from error


def rules_json(desk: ProxyDesk) -> list[dict[str, object]]:
    """The rules with their counts; secrets in what they write are masked."""
    counted = zip(desk.rules.rules, desk.rules.applied, strict=True)
    return [
        {
            "number": number,
            "filter": rule.filter.text,
            "deed": rule.deed,
            "side": rule.side,
            "times": rule.times,
            "delay_ms": rule.delay_ms,
            "patch": None if rule.patch is None else mask_tree(dict(rule.patch)),
            "payload": None if rule.payload is None else mask_tree(dict(rule.payload)),
            "applied": applied,
        }
        for number, (rule, applied) in enumerate(counted, 1)
    ]


def waiting_json(session: Session, desk: ProxyDesk, station: str, waiting: Waiting) -> dict[str, object]:
    now_ns = session.clock.stamp().mono_ns
    message = desk.as_passed_on(station, waiting)
    return {
        "seq": waiting.seq,
        "side": waiting.side,
        "held": waiting.held,
        "edited": waiting.edited,
        "waited_s": round((now_ns - waiting.message.mono_ns) / NS_PER_S, 3),
        "due_in_s": None if waiting.held else round(max(0, waiting.due_ns - now_ns) / NS_PER_S, 3),
        "message": message_json(message, exchange=session.exchange_of(waiting.seq)),
    }
