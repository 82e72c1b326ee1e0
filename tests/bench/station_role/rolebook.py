"""The bench as a station on the table: a RoleDesk whose CSMS is a list of frames, written line by line."""

from __future__ import annotations

import json
from typing import Any

from bench.authorization import TapRequest
from bench.book import ExchangeBook
from bench.clock import ManualClock, Stamp
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.errors import LinkDown
from bench.exchange import Exchange
from bench.journal.log import Journal
from bench.ports import CsmsSink, LinkStatus
from bench.role_desk import RoleDesk
from bench.settings import BusSettings, CsmsSettings, OcppSettings, Profile
from bench.tokens.model import JosevTokenType

CARD = "04A2B3C4D5E680"


class TableDialer:
    """Implements bench.ports.CsmsDialer; what is sent is kept, and must satisfy its schema."""

    url = "ws://csms.example/CP-1"

    def __init__(self, clock: ManualClock, version: str) -> None:
        self.sent: list[list[Any]] = []
        self.down = False
        self.hung_up: list[tuple[int, str]] = []
        self._clock = clock
        self._version = version

    async def start(self, sink: CsmsSink) -> None: ...

    async def stop(self) -> None: ...

    def send(self, data: bytes) -> Stamp:
        if self.down:
            raise LinkDown("gone")
        frame = json.loads(data)
        if frame[0] == 2:
            schema = schema_of(self._version, Half.REQUEST, frame[2])
            assert schema is not None
            assert schema.faults(frame[3]) == ()
        self.sent.append(frame)
        return self._clock.stamp()

    def hang_up(self, code: int = 1000, reason: str = "") -> None:
        self.hung_up.append((code, reason))


class TableKeeper:
    def __init__(self, data: dict[str, Any] | None = None) -> None:
        self.data = data

    def load(self) -> dict[str, Any] | None:
        return self.data

    def save(self, data: dict[str, Any]) -> None:
        self.data = json.loads(json.dumps(data))


class RoleBook:
    """One station. late: what was asked to be called later; call them with :meth:`limit`."""

    def __init__(self, version: str, keeper: TableKeeper | None = None) -> None:
        self.version = version
        self.clock = ManualClock()
        self.journal = Journal()
        self.book = ExchangeBook()
        self.dialer = TableDialer(self.clock, version)
        self.keeper = keeper or TableKeeper()
        self.statuses: list[LinkStatus] = []
        self.findings: list[tuple[str, str]] = []
        self._later: list[Any] = []
        csms = CsmsSettings(url="ws://csms.example", identity="CP-1", versions=(version,))  # type: ignore[arg-type]
        self.desk = RoleDesk(
            Profile(ocpp=OcppSettings(csms=csms), bus=BusSettings(url="off")),
            self.dialer,
            self.keeper,
            self.journal,
            self.book,
            self.clock,
            later=lambda seconds, method, exchange: self._later.append((method, exchange)),
            link_changed=self.statuses.append,
            finding=lambda rule, severity, text, cure: self.findings.append((rule, text)),
            changed=lambda: None,
        )
        self._numbers = 0

    # The CSMS

    def open(self) -> None:
        self.desk.csms_opened(self.version, self.clock.stamp())

    def close(self) -> None:
        self.dialer.down = True
        self.desk.csms_closed(1006, "", self.clock.stamp())

    def says(self, *frame: object) -> None:
        self.desk.csms_frame(json.dumps(frame).encode(), self.clock.stamp())

    def answers(self, **payload: object) -> None:
        """To the last call of the station."""
        self.says(3, self.last[1], payload)

    def calls(self, action: str, **payload: object) -> dict[str, Any]:
        """The payload of the answer, which satisfies its schema."""
        kind, answer, *_ = self.asks(action, payload)
        assert kind == 3, answer
        schema = schema_of(self.version, Half.RESPONSE, action)
        assert schema is not None
        assert schema.faults(answer) == ()
        return answer

    def asks(self, action: str, payload: object) -> tuple[int, Any]:
        """Message type of the one answer, and its payload or error code."""
        self._numbers += 1
        call_id = f"c{self._numbers}"
        self.says(2, call_id, action, payload)
        (answer,) = [frame for frame in self.dialer.sent if frame[0] in (3, 4) and frame[1] == call_id]
        return answer[0], answer[2]

    def accepted(self, interval: int = 300) -> RoleBook:
        """Open, booted, its StatusNotification answered."""
        self.dialer.down = False
        self.open()
        self.answers(currentTime="2030-01-01T00:00:00Z", interval=interval, status="Accepted")
        assert self.last[2] == "StatusNotification"
        self.answers()
        return self

    @property
    def last(self) -> list[Any]:
        return self.dialer.sent[-1]

    @property
    def actions(self) -> list[str]:
        return [frame[2] for frame in self.dialer.sent if frame[0] == 2]

    # The operator

    def taps(self, uid: str = CARD, kind: JosevTokenType = JosevTokenType.ISO14443) -> Exchange:
        return self.desk.present(TapRequest(uid, kind), self.clock.stamp())

    def limit(self) -> None:
        """The time limit of every tap is up."""
        waiting, self._later = self._later, []
        for method, exchange in waiting:
            method(exchange, self.clock.stamp())

    def authorized(self, status: str, **more: object) -> None:
        """Answer an Authorize."""
        name = "idTagInfo" if self.version == "1.6" else "idTokenInfo"
        self.answers(**{name: {"status": status, **more}})

    def send_list(self, kind: str, number: int, *entries: tuple[str, str | None]) -> str:
        """SendLocalList; a status None asks to delete. The status of the answer."""
        payload: dict[str, Any] = {"updateType": kind}
        payload["listVersion" if self.version == "1.6" else "versionNumber"] = number
        listed = [self._entry(uid, status) for uid, status in entries]
        if listed:
            payload["localAuthorizationList"] = listed
        return str(self.calls("SendLocalList", **payload)["status"])

    def _entry(self, uid: str, status: str | None) -> dict[str, Any]:
        if self.version == "1.6":
            return {"idTag": uid} | ({} if status is None else {"idTagInfo": {"status": status}})
        token = {"idToken": {"idToken": uid, "type": "ISO14443"}}
        return token | ({} if status is None else {"idTokenInfo": {"status": status}})

    def list_version(self) -> int:
        answer = self.calls("GetLocalListVersion")
        return int(answer["listVersion" if self.version == "1.6" else "versionNumber"])

    def set(self, key: str, component: str, variable: str, value: str) -> str:
        """ChangeConfiguration or SetVariables; the status."""
        if self.version == "1.6":
            return str(self.calls("ChangeConfiguration", key=key, value=value)["status"])
        item = {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": value}
        return str(self.calls("SetVariables", setVariableData=[item])["setVariableResult"][0]["attributeStatus"])

    def texts(self) -> list[str]:
        return [finding.rule for finding in self.book.findings]
