"""``/api/v0``: the MaEVe CSMS API, acting on this bench. Tokens go to the store that answers Authorize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from bench.errors import NotFound
from bench.maeve.desk import LOCATION_ID, STATION_ID
from bench.maeve.model import ChargeStation, StationAuth, WantedCertificate
from bench.tokens.api_form import from_api, to_api
from devices.api.jsonio import JsonRoute, reply
from devices.api.models import Status, TokenBody, TokenOut
from devices.api.models_maeve import (
    CertificateBody,
    CertificateOut,
    InstallCertificatesBody,
    LocationBody,
    RegisteredOut,
    RegistrationBody,
    StationAuthBody,
    StationAuthOut,
    StationSettings,
    TriggerBody,
)

if TYPE_CHECKING:
    from bench.session import Session

MAX_OFFSET = 2**63 - 1
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Status, "description": "Not found"}}
NO_STATION: dict[int | str, dict[str, Any]] = {404: {"model": Status, "description": "Unknown charge station"}}
PEER_FAILED: dict[int | str, dict[str, Any]] = {
    409: {"model": Status, "description": "The other party cannot be asked from here"},
    502: {"model": Status, "description": "The handshake with the other party failed"},
}
CsId = Annotated[str, Path(alias="csId", pattern=STATION_ID, description="the charge station's identity")]
# Base64 and uids may hold slashes, percent-encoded in a URL and plain again where it is routed: hence the paths below.
Hash = Annotated[str, Path(alias="certificateHash", max_length=100, description="base64 SHA-256 of the DER bytes")]
LocationId = Annotated[str, Path(alias="locationId", pattern=LOCATION_ID, description="the location's identity")]


def maeve_router(session: Session) -> APIRouter:
    """MaEVe API, Default."""
    router = APIRouter(route_class=JsonRoute, tags=["maeve"])
    router.include_router(_stations_router(session))
    router.include_router(_tokens_router(session))
    router.include_router(_certificates_router(session))
    router.include_router(_parties_router(session))
    return router


def _stations_router(session: Session) -> APIRouter:
    router = APIRouter(prefix="/cs/{csId}", route_class=JsonRoute)
    desk = session.registry.stations

    @router.post("", status_code=201, operation_id="registerChargeStation", response_class=Response)
    async def register(station: CsId, body: StationAuthBody) -> Response:
        """Register a station: it must prove who it is that way, and is Pending until it was configured."""
        auth = StationAuth(body.securityProfile, body.base64SHA256Password, bool(body.invalidUsernameAllowed))
        await desk.register(station, auth)
        return Response(status_code=201)

    @router.post("/reconfigure", operation_id="reconfigureChargeStation", response_class=Response, responses=NO_STATION)
    async def reconfigure(station: CsId, body: StationSettings) -> Response:
        """Have settings set (SetVariables, ChangeConfiguration), and the station rebooted where it says so; kept until then."""
        await desk.reconfigure(station, body.root)
        return Response(status_code=200)

    @router.post(
        "/certificates",
        operation_id="installChargeStationCertificates",
        response_class=Response,
        responses=NO_STATION,
    )
    async def install(station: CsId, body: InstallCertificatesBody) -> Response:
        """Have root certificates installed (InstallCertificate), asynchronously. On OCPP 1.6 those for CSMS and MF only."""
        await desk.install(
            station, [WantedCertificate(one.type, one.certificate, one.status) for one in body.certificates]
        )
        return Response(status_code=200)

    @router.get("/auth", response_model=StationAuthOut, operation_id="lookupChargeStationAuth", responses=NO_STATION)
    async def lookup_auth(station: CsId) -> Response:
        """How the station must prove who it is."""
        auth = desk.auth_of(station)
        if auth is None:
            raise NotFound("no station of this id is registered")
        told: dict[str, object] = {"securityProfile": auth.security_profile}
        if auth.password_sha256 is not None:
            told["base64SHA256Password"] = auth.password_sha256
        return reply({**told, "invalidUsernameAllowed": auth.invalid_username_allowed})

    @router.post("/trigger", operation_id="triggerChargeStation", response_class=Response, responses=NO_STATION)
    async def trigger(station: CsId, body: TriggerBody) -> Response:
        """Have a message sent (TriggerMessage; on OCPP 1.6 ExtendedTriggerMessage for a certificate); kept until it is there."""
        await desk.trigger(station, body.trigger)
        return Response(status_code=200)

    return router


def _tokens_router(session: Session) -> APIRouter:
    router = APIRouter(prefix="/token", route_class=JsonRoute)

    @router.post("", status_code=201, operation_id="setToken", response_class=Response)
    async def set_token(token: TokenBody) -> Response:
        """Create or update a token; uid and idTokenType, ignoring case, say which. contractId is normalised."""
        await session.store.put(from_api(token.model_dump(mode="json", exclude_none=True)), by="api")
        return Response(status_code=201)

    @router.get("", response_model=list[TokenOut], operation_id="listTokens")
    async def list_tokens(
        offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> Response:
        """Tokens in an order that stays from page to page."""
        return reply([to_api(token) for token in session.store.page(offset, limit)])

    @router.get("/{tokenUid:path}", response_model=TokenOut, operation_id="lookupToken", responses=UNKNOWN)
    async def lookup_token(uid: Annotated[str, Path(alias="tokenUid")]) -> Response:
        """The token of that uid, ignoring case."""
        token = session.store.get(uid, None)
        if token is None:
            raise NotFound("there is no token with this uid")
        return reply(to_api(token))

    return router


def _certificates_router(session: Session) -> APIRouter:
    router = APIRouter(prefix="/certificate", route_class=JsonRoute)
    desk = session.registry.stations

    @router.post("", status_code=201, operation_id="uploadCertificate", response_class=Response)
    async def upload(body: CertificateBody) -> Response:
        """Keep a client certificate of a station."""
        await desk.upload(body.certificate)
        return Response(status_code=201)

    @router.get(
        "/{certificateHash:path}", response_model=CertificateOut, operation_id="lookupCertificate", responses=UNKNOWN
    )
    async def lookup(certificate_hash: Hash) -> Response:
        """The certificate of that hash; either alphabet of base64, padded or not."""
        return reply({"certificate": desk.certificate(certificate_hash)})

    @router.delete(
        "/{certificateHash:path}",
        status_code=204,
        operation_id="deleteCertificate",
        response_class=Response,
        responses=UNKNOWN,
    )
    async def delete(certificate_hash: Hash) -> Response:
        """Forget the certificate of that hash."""
        await desk.delete_certificate(certificate_hash)
        return Response(status_code=204)

    return router


def _parties_router(session: Session) -> APIRouter:
    router = APIRouter(route_class=JsonRoute)

    @router.post(
        "/register", status_code=201, operation_id="registerParty", response_class=Response, responses=PEER_FAILED
    )
    async def register_party(body: RegistrationBody) -> Response:
        """Register an OCPI party. With a url the handshake is made before this is answered; without, the party comes by itself."""
        await session.registry.ocpi.register(body.token, body.url, body.status)
        return Response(status_code=201)

    @router.post("/location/{locationId}", status_code=201, operation_id="registerLocation", response_class=Response)
    async def register_location(location: LocationId, body: LocationBody) -> Response:
        """Keep a location, in the place of one of the same id."""
        await session.registry.stations.register_location(location, body.model_dump(mode="json", exclude_unset=True))
        return Response(status_code=201)

    return router


def registered_router(session: Session) -> APIRouter:
    """What was registered, and what came of orders: the MaEVe API has no operation for it."""
    router = APIRouter(route_class=JsonRoute, tags=["bench"])

    @router.get("/registered", response_model=RegisteredOut)
    async def registered() -> Response:
        """Stations with their orders, OCPI parties, locations. No passwords and no tokens."""
        desk = session.registry.stations
        return reply(
            {
                "stations": [_station_json(session, station) for station in desk.stations],
                "parties": [
                    {"id": party.id, "status": party.status, "url": party.url, "roles": list(party.roles)}
                    for party in session.registry.ocpi.parties
                ],
                "locations": desk.locations,
                "certificates": desk.certificates,
            }
        )

    return router


def _station_json(session: Session, station: ChargeStation) -> dict[str, object]:
    auth, met = station.auth, session.stations.get(station.id)
    return {
        "id": station.id,
        "security_profile": None if auth is None else auth.ocpp_profile,
        "password": auth is not None and auth.password_sha256 is not None,
        "configured": station.provisioned,
        "connected": met is not None and met.connected,
        "boot": None if met is None else met.boot,
        "waiting": station.waiting,
        "settings": [
            {"name": name, "value": wanted.shown(name), "status": wanted.status, "why": wanted.why}
            for name, wanted in station.settings.items()
        ],
        "certificates": [{"type": one.use, "status": one.status, "why": one.why} for one in station.certificates],
        "triggers": list(station.triggers),
    }
