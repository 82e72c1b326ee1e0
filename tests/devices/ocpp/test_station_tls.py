"""The bench as a station over TLS and with a password: let in, or the cause is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.clock import Stamp
from bench.errors import LinkDown
from bench.ports import LinkState, LinkStatus
from devices.ocpp.certificates import Made
from devices.ocpp.dial import why_not
from devices.ocpp.station import CsmsConnection
from tests.devices.ocpp.bench_sink import DEADLINE_S, BenchSink
from tests.devices.ocpp.secure_bench import PASSWORD, client_tls, fresh, serving


class TableSink:
    """Implements bench.ports.CsmsSink."""

    def __init__(self) -> None:
        self.statuses: list[LinkStatus] = []
        self.findings: list[tuple[str, str, str]] = []
        self.opened: list[str] = []
        self.closed: list[tuple[int, str]] = []
        self._news = asyncio.Event()

    def link_changed(self, status: LinkStatus) -> None:
        self.statuses.append(status)
        self._news.set()

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self.findings.append((rule, text, cure))
        self._news.set()

    def csms_opened(self, version: str, stamp: Stamp) -> None:
        self.opened.append(version)
        self._news.set()

    def csms_frame(self, data: bytes, stamp: Stamp) -> None: ...

    def csms_closed(self, code: int, reason: str, stamp: Stamp) -> None:
        self.closed.append((code, reason))
        self._news.set()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def dialling(
    csms: BenchSink, context: ssl.SSLContext | None, *, password: str | None = PASSWORD
) -> AsyncIterator[tuple[TableSink, CsmsConnection]]:
    sink = TableSink()
    credentials = None if password is None else ("CP-1", password)
    connection = CsmsConnection(
        csms.server.url, "CP-1", ["2.0.1", "1.6"], credentials=credentials, ssl=context, first_retry_s=0.05
    )
    await connection.start(sink)
    try:
        yield sink, connection
    finally:
        await connection.stop()


async def test_password_and_both_kinds_of_tls_are_let_in(tmp_path: Path) -> None:
    ca, server, own = made = fresh(tmp_path, "CP-1")
    assert server is not None
    for profile in (1, 2, 3):
        context = None if profile == 1 else client_tls(ca.certificate, own if profile == 3 else None)
        async with serving(profile, made) as csms, dialling(csms, context) as (sink, _):
            await sink.until(lambda sink=sink: sink.opened)  # type: ignore[misc]
            assert sink.opened == ["2.0.1"]
            assert sink.findings == []
            if profile != 3:
                assert csms.opened[0].user == "CP-1"
        assert sink.statuses[-1].state is LinkState.OFF
        assert sink.closed == [(1001, "the bench stops")]


async def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path) -> None:
    async with serving(1) as csms:
        for password in ("wrong-wrong-wrong", None):
            async with dialling(csms, None, password=password) as (sink, connection):
                await sink.until(lambda sink=sink: sink.findings)  # type: ignore[misc]
                rule, text, cure = sink.findings[0]
                assert (rule, "HTTP 401" in text, "password" in cure) == ("role.csms-refused", True, True)
                assert "wrong" not in text
                with pytest.raises(LinkDown):
                    connection.send(b"[]")


async def cause(csms: BenchSink, context: ssl.SSLContext) -> tuple[str, str, str]:
    async with dialling(csms, context) as (sink, _):
        await sink.until(lambda: sink.findings)
        assert sink.statuses[-1].state is LinkState.FAULTY
        return sink.findings[0]


async def test_certificates_that_do_not_fit_are_told_apart(tmp_path: Path) -> None:
    made = fresh(tmp_path / "one", "CP-1")
    other: tuple[Made, ...] = fresh(tmp_path / "other", "CP-1")
    async with serving(2, made) as csms:
        rule, text, cure = await cause(csms, client_tls(other[0].certificate))
        assert (rule, "does not trust" in text, "ca_file" in cure) == ("role.csms-tls", True, True)
    async with serving(3, made) as csms:
        for own in (None, other[2]):  # none, and one of another CA
            rule, text, cure = await cause(csms, client_tls(made[0].certificate, own))
            assert (rule, "after the TLS handshake" in text) == ("role.csms-tls", True)
            assert "security profile 3" in cure


@pytest.mark.parametrize(
    ("code", "said", "text", "cure"),
    [
        (9, "certificate is not yet valid", "is not valid yet", "clock"),
        (10, "certificate has expired", "has expired", "renew it"),
        (62, "Hostname mismatch", "Hostname mismatch", "dial the name"),
        (20, "unable to get local issuer certificate", "signed by a CA", "ca_file"),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, said: str, text: str, cure: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, said
    found = why_not(error, "wss://csms.example", "role.csms")
    assert found.rule == "role.csms-tls"
    assert text in found.text
    assert cure in found.cure


async def test_nobody_there(tmp_path: Path) -> None:
    sink = TableSink()
    connection = CsmsConnection("ws://127.0.0.1:9", "CP 1", ["1.6"], first_retry_s=0.01)
    assert connection.url == "ws://127.0.0.1:9/CP%201"
    await connection.start(sink)
    await sink.until(lambda: len(sink.statuses) > 4)
    assert [rule for rule, _, _ in sink.findings] == ["role.csms-down"]  # once, however often it tried
    await connection.stop()
    await connection.stop()
