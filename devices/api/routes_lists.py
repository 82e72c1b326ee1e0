"""``/bench/v1/stations/{station}/local-list``: what a station's list should hold, what it holds, and pushing it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response

from bench.answers import PushReport
from bench.exchange import MASK
from bench.list_view import Difference, ListRow, ListView
from bench.tokens.list_entries import Entry
from devices.api.jsonio import JsonRoute, reply
from devices.api.models_lists import CancelOut, ListOut, ListPush, ListVersionOut, ModeWord, PlanOut, PushOut
from devices.api.routes_stations import RESPONSES, StationId, answered, said_json

if TYPE_CHECKING:
    from bench.session import Session

OfMode = Annotated[ModeWord, Query(description="as for the push")]
OfDifference = Annotated[Difference | None, Query(description="only rows of that difference")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="rows to pass over")]
Limit = Annotated[int, Query(ge=0, le=1000, description="rows at most")]


def lists_router(session: Session) -> APIRouter:
    """The local list. A refusal by the station is an answer (200), not an error of the API."""
    router = APIRouter(
        prefix="/stations/{station}/local-list", route_class=JsonRoute, tags=["stations"], responses=RESPONSES
    )

    @router.get("", response_model=ListOut)
    async def view(
        station: StationId, difference: OfDifference = None, offset: Offset = 0, limit: Limit = 100
    ) -> Response:
        """The list as the store makes it and as the station holds it, side by side; rows by value, a page of them."""
        found = session.lists.view(station)
        rows = [row for row in found.rows if difference in (None, row.difference)]
        return reply({**view_json(found), "rows": [row_json(row) for row in rows[offset : offset + limit]]})

    @router.post("", response_model=PushOut)
    async def push(station: StationId, push: ListPush | None = None) -> Response:
        """Push the store as local list (OCPP 2.0.1 D01, OCPP 1.6 SendLocalList) and read its version back after each message."""
        return reply(report_json(await answered(session.push_list(station, (push or ListPush()).mode))))

    @router.get("/plan", response_model=PlanOut)
    async def plan(station: StationId, mode: OfMode = "auto") -> Response:
        """What a push would send now; nothing is sent."""
        found = session.lists.preview(station, mode)
        told = {"kind": found.kind or None, "parts": found.parts, "entries": found.entries, "bytes": found.bytes}
        return reply({**told, "why": found.why})

    @router.post("/cancel", response_model=CancelOut)
    async def cancel(station: StationId) -> Response:
        """Stop the push under way before its next message; what the station holds then is known."""
        return reply({"cancelled": session.lists.cancel(station)})

    @router.get("/version", response_model=ListVersionOut)
    async def list_version(station: StationId) -> Response:
        """Ask for the version of the local list (OCPP 2.0.1 D02); null where the answer has none."""
        said = await answered(session.list_version(station))
        payload = said.answer.payload if said.answer is not None else None
        version = None if payload is None else payload.get("versionNumber", payload.get("listVersion"))
        return reply({**said_json(said), "version": version})

    return router


def view_json(view: ListView) -> dict[str, Any]:
    """All of a view but its rows."""
    counts = view.counts
    return {
        "station": view.station,
        "version": view.version,
        "connected": view.connected,
        "list_version": view.list_version,
        "shadow_version": view.shadow_version,
        "known": view.known,
        "why_unknown": view.why_unknown,
        "limits": asdict(view.limits),
        "progress": None if view.progress is None else asdict(view.progress),
        "last_report": None if view.last_report is None else report_json(view.last_report),
        "offer": view.offer,
        "counts": {difference.value: counts.get(difference, 0) for difference in Difference},
    }


def row_json(row: ListRow) -> dict[str, Any]:
    masked = row.uid == MASK
    return {
        "uid": row.uid,
        "id_token_type": row.id_token_type,
        "difference": row.difference,
        "why": row.why,
        "wanted": _shown(row.wanted, masked),
        "held": _shown(row.held, masked),
    }


def report_json(report: PushReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "status": report.status,
        "text": report.text,
        "sent": report.sent,
        "left_out": [{"uid": uid, "why": why} for uid, why in report.left_out],
        "version_before": report.version_before,
        "version_sent": report.version_sent,
        "version_read": report.version_read,
        "chunks": [asdict(chunk) for chunk in report.chunks],
    }


def _shown(entry: Entry | None, masked: bool) -> Entry | None:
    """An entry, its key code masked (OCPP 2.0.1 C04.FR.04)."""
    if entry is None or not masked:
        return entry
    token = entry.get("idToken")
    if isinstance(token, dict):
        return {**entry, "idToken": {**token, "idToken": MASK}}
    return {**entry, "idTag": MASK}
