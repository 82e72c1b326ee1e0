"""``/bench/v1/stations``: what is asked of a charging station."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Path, Query, Response

from bench.answers import CallAnswer, Said
from bench.clock import iso_utc
from bench.csms.events import EventKind, StationEvent
from bench.errors import BadInput, Busy, LinkDown, NotFound, OperatorError, StoreError
from devices.api.jsonio import JsonRoute, reply
from devices.api.models import (
    AvailabilityBody,
    CallOut,
    DataTransferBody,
    RemoteStartBody,
    RemoteStopBody,
    SaidOut,
    SettingBody,
    SettingOut,
    SettingWrittenOut,
    StationEventOut,
    Status,
)

if TYPE_CHECKING:
    from bench.session import Session
    from bench.settings_flow import SettingValue

T = TypeVar("T")
StationId = Annotated[str, Path(max_length=255, description="the station's identity")]
Action = Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$", description="OCPP action, such as GetVariables")]
SettingName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,63}$", description="plain name, such as list-enabled")]
FromReport = Annotated[bool, Query(description="from the base report of OCPP 2.x, with what may be written")]
Raw = Annotated[
    bool,
    Query(
        description="send the payload as it is, even where it breaks the schema of its action or is not a CSMS's to send; "
        "the message is marked injected"
    ),
]
OfKind = Annotated[EventKind | None, Query(description="only events of that kind")]
Payload = Annotated[dict[str, Any] | None, Body(description="payload of the call; nothing means {}")]

RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"model": Status, "description": "No such station"},
    409: {"model": Status, "description": "The station is not connected, or a list is being pushed to it"},
    504: {"model": Status, "description": "The station did not answer in time"},
}


class NoAnswer(OperatorError):
    """The station took the call and said nothing."""


def stations_router(session: Session) -> APIRouter:
    """Calls to stations. A refusal by the station is an answer (200), not an error of the API."""
    router = APIRouter(prefix="/stations/{station}", route_class=JsonRoute, tags=["stations"], responses=RESPONSES)

    @router.post("/calls/{action}", response_model=CallOut, response_model_exclude_unset=True)
    async def call(station: StationId, action: Action, payload: Payload = None, raw: Raw = False) -> Response:
        """Any OCPP call; the body is its payload. A CALLERROR of the station is told under ``error``."""
        return reply(answer_json(await answered(session.call(station, action, payload or {}, raw=raw))))

    @router.post("/clear-cache", response_model=SaidOut)
    async def clear_cache(station: StationId) -> Response:
        """ClearCache (OCPP 2.0.1 C11, OCPP 1.6 section 5.4)."""
        return reply(said_json(await answered(session.clear_cache(station))))

    @router.post("/remote-start", response_model=SaidOut)
    async def remote_start(station: StationId, body: RemoteStartBody) -> Response:
        """RequestStartTransaction (OCPP 2.0.1 F01), RemoteStartTransaction (OCPP 1.6)."""
        said = await answered(session.remote_start(station, body.id_token, body.id_token_type, body.evse))
        return reply(said_json(said))

    @router.post("/remote-stop", response_model=SaidOut)
    async def remote_stop(station: StationId, body: RemoteStopBody) -> Response:
        """RequestStopTransaction (OCPP 2.0.1 F03), RemoteStopTransaction (OCPP 1.6)."""
        return reply(said_json(await answered(session.remote_stop(station, body.transaction_id))))

    @router.post("/availability", response_model=SaidOut)
    async def change_availability(station: StationId, body: AvailabilityBody) -> Response:
        """ChangeAvailability (OCPP 2.0.1 G03, G04; OCPP 1.6 section 5.2)."""
        said = await answered(session.change_availability(station, body.operative, body.evse, body.connector))
        return reply(said_json(said))

    @router.post("/data-transfer", response_model=SaidOut)
    async def data_transfer(station: StationId, body: DataTransferBody) -> Response:
        """DataTransfer (OCPP 2.0.1 P01; OCPP 1.6 section 5.6)."""
        return reply(
            said_json(await answered(session.data_transfer(station, body.vendor_id, body.message_id, body.data)))
        )

    @router.get("/events", response_model=list[StationEventOut])
    async def events(station: StationId, kind: OfKind = None) -> Response:
        """What the station reported, oldest first: security events, monitored variables, vendor data, states, progress."""
        found = session.station_events(station)
        return reply([event_json(event) for event in found if kind in (None, event.kind)])

    @router.get("/settings", response_model=list[SettingOut])
    async def read_settings(station: StationId, report: FromReport = False) -> Response:
        """The authorization settings by their meaning (GetConfiguration, GetVariables, or GetBaseReport)."""
        values = await answered(session.read_settings(station, report))
        version = session.stations[station].version
        return reply([setting_json(value, version) for value in values])

    @router.put("/settings/{name}", response_model=SettingWrittenOut, response_model_exclude_unset=True)
    async def write_setting(station: StationId, name: SettingName, body: SettingBody) -> Response:
        """Set one (ChangeConfiguration, SetVariables) and read it back."""
        written = await answered(session.write_setting(station, name, body.value))
        told = said_json(Said(written.ok, written.text, written.answer))
        more = {"status": written.status, "value": written.read, "reboot_required": written.reboot_required}
        return reply({**told, **more})

    return router


def setting_json(value: SettingValue, version: str) -> dict[str, object]:
    entry = value.setting
    return {
        "name": entry.name,
        "means": entry.means,
        "type": entry.kind,
        "unit": entry.unit,
        "key": entry.address(version),
        "read_only": value.read_only,
        "value": value.value,
        "status": value.status,
    }


def event_json(event: StationEvent) -> dict[str, object]:
    return {
        "seq": event.seq,
        "utc": iso_utc(event.utc_ns),
        "kind": event.kind,
        "action": event.action,
        "what": event.what,
        "value": event.value,
        "detail": event.detail,
        "severity": event.severity,
    }


def answer_json(answer: CallAnswer) -> dict[str, object]:
    """``{"result": payload}``, or ``{"error": {"code", "description", "details"}}``."""
    if answer.payload is not None:
        return {"result": dict(answer.payload)}
    details = dict(answer.details or {})
    return {"error": {"code": answer.code, "description": answer.description, "details": details}}


def said_json(said: Said) -> dict[str, object]:
    answer = {} if said.answer is None else answer_json(said.answer)
    return {"ok": said.ok, "text": said.text, **answer}


async def answered(asked: Awaitable[T]) -> T:
    """What came of it; an answer that did not come in time is told apart from other troubles."""
    try:
        return await asked
    except (BadInput, Busy, NotFound, LinkDown, StoreError):
        raise
    except OperatorError as error:
        raise NoAnswer(error.what, error.cure) from error
