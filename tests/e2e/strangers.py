"""Stations that others wrote: on the plain ``ocpp`` package with its schema validation, and one that speaks raw frames."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call_result as result201
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.tasks import Tasks

logging.getLogger("ocpp").setLevel(logging.WARNING)


class Stranger16(ChargePoint16):
    """OCPP 1.6: holds a list, clears its cache, starts when told."""

    version = "1.6"

    def __init__(self, name: str, connection: ClientConnection) -> None:
        super().__init__(name, connection)
        self.list_version = 0
        self.local_list: list[str] = []
        self.told_to_start: list[dict[str, Any]] = []
        self.cache_cleared = 0

    @on("GetConfiguration")
    def get_configuration(self, key: list[str]) -> Any:
        known = {"LocalAuthListEnabled": "true", "LocalAuthListMaxLength": "500", "SendLocalListMaxLength": "100"}
        found = [{"key": name, "readonly": True, "value": known[name]} for name in key if name in known]
        return result16.GetConfiguration(found, [name for name in key if name not in known])

    @on("GetLocalListVersion")
    def get_local_list_version(self) -> Any:
        return result16.GetLocalListVersion(self.list_version)

    @on("SendLocalList")
    def send_local_list(self, list_version: int, update_type: str, local_authorization_list: Any = ()) -> Any:
        assert update_type == "Full"
        self.list_version = list_version
        self.local_list = [entry["id_tag"] for entry in local_authorization_list]
        return result16.SendLocalList("Accepted")

    @on("ClearCache")
    def clear_cache(self) -> Any:
        self.cache_cleared += 1
        return result16.ClearCache("Accepted")

    @on("RemoteStartTransaction")
    def remote_start(self, **asked: Any) -> Any:
        self.told_to_start.append(asked)
        return result16.RemoteStartTransaction("Accepted")


class Stranger201(ChargePoint201):
    """OCPP 2.0.1: the same."""

    version = "2.0.1"

    def __init__(self, name: str, connection: ClientConnection) -> None:
        super().__init__(name, connection)
        self.list_version = 0
        self.local_list: list[str] = []
        self.told_to_start: list[dict[str, Any]] = []
        self.cache_cleared = 0

    @on("GetVariables")
    def get_variables(self, get_variable_data: list[dict[str, Any]]) -> Any:
        known = {"ItemsPerMessage": "100", "BytesPerMessage": "65000", "Enabled": "true", "Available": "true"}
        results = []
        for asked in get_variable_data:
            value = known.get(asked["variable"]["name"])
            result = {**asked, "attribute_status": "Accepted" if value else "UnknownVariable"}
            results.append(result if value is None else {**result, "attribute_value": value})
        return result201.GetVariables(results)

    @on("GetReport")
    def get_report(self, **asked: Any) -> Any:
        return result201.GetReport("NotSupported")

    @on("GetLocalListVersion")
    def get_local_list_version(self) -> Any:
        return result201.GetLocalListVersion(self.list_version)

    @on("SendLocalList")
    def send_local_list(self, version_number: int, update_type: str, local_authorization_list: Any = ()) -> Any:
        assert update_type == "Full"
        self.list_version = version_number
        self.local_list = [entry["id_token"]["id_token"] for entry in local_authorization_list]
        return result201.SendLocalList("Accepted")

    @on("ClearCache")
    def clear_cache(self) -> Any:
        self.cache_cleared += 1
        return result201.ClearCache("Accepted")

    @on("RequestStartTransaction")
    def remote_start(self, **asked: Any) -> Any:
        self.told_to_start.append(asked)
        return result201.RequestStartTransaction("Accepted")


@asynccontextmanager
async def stranger(url: str, kind: type[Any], name: str = "STRANGER-1") -> AsyncIterator[Any]:
    """A connected station of that kind, which answers calls until the end."""
    tasks = Tasks()
    async with connect(f"{url}/{name}", subprotocols=[f"ocpp{kind.version}"]) as connection:
        station = kind(name, connection)

        async def serve() -> None:
            try:
                await station.start()
            except ConnectionClosed:
                pass

        tasks.spawn(serve(), name="stranger")
        try:
            yield station
        finally:
            await tasks.cancel()


class RawStation:
    """A station that says exactly what it is told to."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, frame: object) -> None:
        """A frame, or raw text."""
        await self.connection.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def hear(self) -> list[Any]:
        frame: list[Any] = json.loads(await self.connection.recv())
        return frame

    async def ask(self, frame: list[Any]) -> list[Any]:
        """Call, and the answer to it."""
        await self.say(frame)
        return await self.hear()

    def drop(self) -> None:
        """Cut the cable: no closing handshake."""
        self.connection.transport.abort()


@asynccontextmanager
async def raw_station(url: str, name: str = "RAW-1", version: str = "2.0.1") -> AsyncIterator[RawStation]:
    """A station that has booted."""
    async with connect(f"{url}/{name}", subprotocols=[f"ocpp{version}"], max_size=2**25) as connection:
        station = RawStation(connection)
        if version == "1.6":
            boot: dict[str, Any] = {"chargePointVendor": "Raw", "chargePointModel": "R1"}
        else:
            boot = {"reason": "PowerUp", "chargingStation": {"vendorName": "Raw", "model": "R1"}}
        answer = await station.ask([2, "boot", "BootNotification", boot])
        assert answer[2]["status"] == "Accepted"
        yield station
