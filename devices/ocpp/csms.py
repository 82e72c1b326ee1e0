"""The OCPP WebSocket server of a CSMS: what stations say goes to the engine (OCPP-J 1.6, OCPP 2.0.1 and 2.1 Part 4)."""

from __future__ import annotations

from bench.clock import Stamp
from bench.ports import StationOpened
from devices.ocpp.connection import Connection
from devices.ocpp.door import Door


class CsmsServer(Door):
    """The bench is the stations' CSMS."""

    def entered(self, connection: Connection, opened: StationOpened) -> None:
        self.sink.station_opened(opened)

    def heard(self, connection: Connection, data: bytes, at: Stamp, binary: bool) -> None:
        self.sink.station_frame(connection.station, data, at)

    def left(self, station: str, connection: Connection, code: int, reason: str, at: Stamp) -> None:
        self.sink.station_closed(station, code, reason, at)
