"""What a handshake asks for, as pure functions."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from devices.ocpp.handshake import Refusal, allowed, basic_user, select, station_of

URL = "ws://127.0.0.1:9000"
SPOKEN = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("/CP-1", "CP-1"),
        ("/ws/CP-1", "CP-1"),
        ("/CP-1/", "CP-1"),
        ("//CP-1", "CP-1"),
        ("/CP-1?x=1", "CP-1"),
        ("/RDAM%7C123", "RDAM|123"),  # the example of OCPP-J
        ("/" + "x" * 48, "x" * 48),
    ],
)
def test_paths(path: str, station: str) -> None:
    assert station_of(path, URL) == station


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/", "ocpp.no-station-id"),
        ("/ws", "ocpp.no-station-id"),
        ("/ws/", "ocpp.no-station-id"),
        ("/ocpp/CP-1", "ocpp.wrong-path"),
        ("/" + "x" * 49, "ocpp.bad-station-id"),
        ("/CP%2F1", "ocpp.bad-station-id"),
        ("/CP%001", "ocpp.bad-station-id"),
        ("/CP%FF", "ocpp.bad-station-id"),
        ("/CP%0A1", "ocpp.bad-station-id"),
        ("/CP%201", "ocpp.bad-station-id"),
    ],
)
def test_wrong_paths(path: str, rule: str) -> None:
    refusal = station_of(path, URL)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.rule) == (404, rule)
    assert refusal.cure


def test_unknown_stations_are_a_matter_of_the_profile() -> None:
    assert allowed("CP-1", lambda station: True) is None
    refusal = allowed("CP-1", lambda station: False)
    assert refusal is not None
    assert (refusal.status, refusal.rule) == (404, "ocpp.unknown-station")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("ocpp1.6",), "ocpp1.6"),
        (("ocpp1.6", "ocpp2.0.1"), "ocpp2.0.1"),
        (("ocpp2.0.1", "ocpp2.1"), "ocpp2.1"),
        (("ocpp2.2", "ocpp2.1"), "ocpp2.1"),
    ],
)
def test_the_newest_common_version(offered: tuple[str, ...], chosen: str) -> None:
    assert select(offered, SPOKEN) == chosen


@pytest.mark.parametrize(
    ("offered", "said"), [((), "it offered none"), (("ocpp1.5", "soap"), "it offered ocpp1.5, soap")]
)
def test_no_common_version(offered: tuple[str, ...], said: str) -> None:
    refusal = select(offered, SPOKEN)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400
    assert said in refusal.body
    assert "this bench speaks ocpp2.1, ocpp2.0.1, ocpp1.6" in refusal.body


def basic(text: bytes) -> Headers:
    return Headers(Authorization="Basic " + base64.b64encode(text).decode())


def test_the_user_of_basic_auth() -> None:
    assert basic_user(basic(b"CP-1:secret:with:colons")) == "CP-1"
    assert basic_user(basic(b"CP-1:\xff\xfe")) == "CP-1"  # 1.6 passwords may be any bytes
    assert basic_user(Headers()) is None
    assert basic_user(Headers(Authorization="Bearer abc")) is None
    assert basic_user(Headers(Authorization="Basic !!!")) is None
    assert basic_user(basic(b"no colon")) is None


@given(st.text(max_size=80))
def test_any_path_is_judged(path: str) -> None:
    found = station_of(path, URL)
    assert isinstance(found, Refusal) or 0 < len(found) <= 48
