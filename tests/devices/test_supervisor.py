"""Backing off, and what is worth another try."""

from __future__ import annotations

import threading
from itertools import islice

import pytest
import serial

from bench.errors import BadInput, LinkDown
from devices.supervisor import backoff, is_retryable, keep_serving

termios = pytest.importorskip("termios")


def test_delays_grow_to_the_cap_and_stay_there() -> None:
    assert list(islice(backoff(0.2, 3.0), 6)) == [0.2, 0.4, 0.8, 1.6, 3.0, 3.0]
    assert list(islice(backoff(5.0, 1.0), 2)) == [1.0, 1.0]


@pytest.mark.parametrize(
    "error",
    [
        serial.SerialException("read failed: device disconnected"),
        serial.SerialTimeoutException("Write timeout"),
        OSError(5, "Input/output error"),
        termios.error(5, "Input/output error"),
        TypeError("'NoneType' object cannot be interpreted as an integer"),
        ConnectionRefusedError(),
        TimeoutError(),
        EOFError(),
        LinkDown("gone"),
    ],
)
def test_a_failed_wire_is_tried_again(error: Exception) -> None:
    assert is_retryable(error)


@pytest.mark.parametrize(
    "error", [ValueError("Invalid baud rate"), BadInput("no such driver"), KeyError("x"), AssertionError()]
)
def test_a_wrong_request_is_not(error: Exception) -> None:
    assert not is_retryable(error)


def test_serves_again_after_each_failure_and_starts_the_delays_afresh_once_connected() -> None:
    stopping = threading.Event()
    started: list[int] = []
    told: list[str] = []
    runs = iter(["refused", "refused", "lost", "refused", "stop"])

    def delays():
        started.append(len(told))
        return iter([0.0] * 9)

    def serve(connected) -> None:
        match next(runs):
            case "refused":
                raise ConnectionRefusedError("refused")
            case "lost":
                connected()
                raise OSError("lost")
            case "stop":
                stopping.set()

    keep_serving(serve, lambda error: told.append(str(error)), stopping, delays)
    assert told == ["refused", "refused", "lost", "refused"]
    assert started == [0, 2]


def test_a_bug_is_not_swallowed() -> None:
    def serve(connected) -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        keep_serving(serve, lambda error: None, threading.Event())


def test_stopping_ends_a_long_wait() -> None:
    stopping = threading.Event()
    waiting = threading.Event()

    def serve(connected) -> None:
        raise OSError("gone")

    thread = threading.Thread(
        target=keep_serving, args=(serve, lambda error: waiting.set(), stopping, lambda: iter([60.0]))
    )
    thread.start()
    assert waiting.wait(2)
    stopping.set()
    thread.join(2)
    assert not thread.is_alive()
