"""``/ocpi``: OCPI 2.2 for parties that register with this bench. Every request shows its own token, whoever may reach the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from bench.errors import BadInput
from bench.ocpi.handshake import PeerProblem
from bench.ocpi.model import VERSION, Credentials, Party, Status, credentials_of
from devices.api.facing import leads_inside
from devices.api.guard import is_loopback_name
from devices.api.jsonio import OCPI, JsonRoute, envelope, reply
from devices.api.models_maeve import CredentialsAnswer, CredentialsBody, DetailsAnswer, OcpiOut, VersionsAnswer

if TYPE_CHECKING:
    from bench.session import Session

RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": OcpiOut, "description": "The request cannot be used as it is"},
    401: {"model": OcpiOut, "description": "No token of a registered party"},
    "default": {"model": OcpiOut, "description": "Unexpected error"},
}
NOT_NOW: dict[int | str, dict[str, Any]] = {
    405: {"model": OcpiOut, "description": "POST of a party that is registered, PUT or DELETE of one that is not"}
}


def ocpi_router(session: Session) -> APIRouter:
    """Versions and Credentials of OCPI 2.2, as the side that is asked."""
    router = APIRouter(prefix=OCPI, route_class=JsonRoute, tags=["ocpi"], responses=RESPONSES)
    desk = session.registry.ocpi

    def who(request: Request) -> Party:
        party = desk.party_of(request.headers.get("authorization", ""))
        if party is None:
            raise HTTPException(401, "a token of a registered party is needed: Authorization: Token ...")
        return party

    def who_is(request: Request, status: Status) -> Party:
        party = who(request)
        if party.status is not status:
            word = "already" if status is Status.PENDING else "not"
            raise HTTPException(405, f"this party is {word} registered")
        return party

    async def take(request: Request, party: Party, body: CredentialsBody) -> Response:
        theirs = credentials_of(body.model_dump(mode="json"))
        # It has the bench ask a URL of its choice, and hears what came of it: services that only this computer reaches are none
        # of its business.
        client = request.client
        if not (client is not None and is_loopback_name(client.host)) and await leads_inside(theirs.url):
            raise BadInput(
                "url: it leads to the bench's own computer", "name the address under which your API is reached"
            )
        try:
            ours = await desk.welcome(party, theirs, _base(request))
        except PeerProblem as problem:  # our answer is fine, OCPI says: what cannot be used is told in it
            return reply(envelope(None, problem.code, str(problem)))
        return _told(ours)

    @router.get("/versions", response_model=VersionsAnswer, operation_id="getVersions")
    async def versions(request: Request) -> Response:
        """The versions spoken here."""
        who(request)
        return reply(envelope([{"version": VERSION, "url": f"{_base(request)}{OCPI}/{VERSION}"}]))

    @router.get(f"/{VERSION}", response_model=DetailsAnswer, operation_id="getVersionDetails")
    async def details(request: Request) -> Response:
        """The endpoints of OCPI 2.2 served here."""
        who(request)
        url = f"{_base(request)}{OCPI}/{VERSION}/credentials"
        endpoints = [{"identifier": "credentials", "role": "RECEIVER", "url": url}]
        return reply(envelope({"version": VERSION, "endpoints": endpoints}))

    path = f"/{VERSION}/credentials"

    @router.get(path, response_model=CredentialsAnswer, operation_id="getCredentials")
    async def get(request: Request) -> Response:
        """Our credentials, with the token that the party shows."""
        return _told(desk.credentials(who(request).token, _base(request)))

    @router.post(path, response_model=CredentialsAnswer, operation_id="postCredentials", responses=NOT_NOW)
    async def post(request: Request, body: CredentialsBody) -> Response:
        """Register: the party's versions are looked at, and it gets a token of its own; the one it came with is over."""
        return await take(request, who_is(request, Status.PENDING), body)

    @router.put(path, response_model=CredentialsAnswer, operation_id="putCredentials", responses=NOT_NOW)
    async def put(request: Request, body: CredentialsBody) -> Response:
        """Renew the credentials of a registered party."""
        return await take(request, who_is(request, Status.REGISTERED), body)

    @router.delete(path, response_model=OcpiOut, operation_id="deleteCredentials", responses=NOT_NOW)
    async def delete(request: Request) -> Response:
        """Unregister."""
        await desk.leave(who_is(request, Status.REGISTERED))
        return reply(envelope(None))

    return router


def _told(credentials: Credentials) -> Response:
    return reply(envelope(credentials.json()))


def _base(request: Request) -> str:
    """The address under which the party reaches us."""
    return str(request.base_url).rstrip("/")
