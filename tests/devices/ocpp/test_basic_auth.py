"""Security profile 1: HTTP basic auth without TLS."""

from __future__ import annotations

import asyncio
import threading

import pytest
from websockets.exceptions import InvalidStatus

from bench.errors import OperatorError
from devices.ocpp.basic_auth import matches
from tests.devices.ocpp.bench_sink import DEADLINE_S
from tests.devices.ocpp.secure_bench import PASSWORD, boot, serving


async def test_the_right_password_lets_a_station_in(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with serving(1) as sink:
        assert '"Accepted"' in await boot(sink, None, f"CP-1:{PASSWORD}")
        assert sink.opened[0].user == "CP-1"
        assert sink.findings == []
        told = repr([(m.raw, m.decoded) for m in sink.journal.since(0)]) + repr(sink.texts) + repr(sink.opened)
    assert PASSWORD not in told
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.client")]
    assert not any(PASSWORD in text for text in ours)


@pytest.mark.gui
async def test_on_the_window_s_loop() -> None:
    async with serving(1) as sink:
        assert '"Accepted"' in await boot(sink, None, f"CP-1:{PASSWORD}")


@pytest.mark.parametrize(
    ("login", "station", "rule", "says"),
    [
        ("", "CP-1", "ocpp.basic-auth-missing", "it sent no basic-auth header"),
        (f"CP-2:{PASSWORD}", "CP-1", "ocpp.basic-auth-user", "it logs in as the user 'CP-2'"),
        ("CP-1:not-this-one-surely", "CP-1", "ocpp.basic-auth-password", "its password is wrong"),
        (f"CP-9:{PASSWORD}", "CP-9", "ocpp.password-unknown", "authbench secret set ocpp:CP-9"),
    ],
)
async def test_who_is_refused_and_why(login: str, station: str, rule: str, says: str) -> None:
    async with serving(1) as sink:
        with pytest.raises(InvalidStatus) as caught:
            await boot(sink, None, login, station)
        answer = caught.value.response
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert sink.findings == [(rule, "fail")]
        assert says in sink.texts[0]
        assert f"station {station} at 127.0.0.1" in sink.texts[0]
        assert PASSWORD not in sink.texts[0]
        assert "not-this-one" not in sink.texts[0] + str(answer.body)
        assert sink.opened == []


async def test_a_keyring_that_fails_is_told() -> None:
    def locked(station: str) -> str | None:
        raise OperatorError("the system keyring is locked", "unlock it")

    async with serving(1) as sink:
        sink.server.password_of = locked  # type: ignore[attr-defined]
        with pytest.raises(InvalidStatus) as caught:
            await boot(sink, None, f"CP-1:{PASSWORD}")
        assert caught.value.response.status_code == 503
        assert sink.findings == [("ocpp.password-unknown", "fail")]
        assert "the system keyring is locked; unlock it" in sink.texts[0]


async def test_a_slow_keyring_holds_up_nobody_else() -> None:
    go = threading.Event()

    def slow(station: str) -> str | None:
        if station == "SLOW":
            go.wait(DEADLINE_S)
        return PASSWORD

    async with serving(1) as sink:
        sink.server.password_of = slow  # type: ignore[attr-defined]
        waiting = asyncio.gather(boot(sink, None, f"SLOW:{PASSWORD}", "SLOW"))
        assert '"Accepted"' in await boot(sink, None, f"CP-1:{PASSWORD}")
        go.set()
        assert '"Accepted"' in (await waiting)[0]


def test_a_key_of_16_may_be_sent_as_bytes() -> None:
    key = "00112233445566778899AABBCCDDEEFF00112233"
    assert matches(key, bytes.fromhex(key))
    assert matches(key, key.encode())
    assert not matches(key, bytes(20))
    assert not matches("pass", b"pas")
