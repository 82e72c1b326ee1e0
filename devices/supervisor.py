"""Connect, back off, reconnect: what every adapter with a wire needs, without a wire of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from bench.errors import LinkDown

try:
    from termios import error as _TermiosError
except ImportError:  # Windows has no termios, hence none of its errors

    class _TermiosError(Exception):  # type: ignore[no-redef]
        pass


# pyserial raises SerialException (an OSError) from read and write, a bare OSError from in_waiting, termios.error (not an
# OSError) from settings and flushes, and TypeError where a port or a listed device vanishes under its hands.
WIRE_FAULTS: tuple[type[Exception], ...] = (OSError, EOFError, TypeError, _TermiosError)


def is_retryable(error: BaseException) -> bool:
    """Whether trying again may help: the wire failed, not the request.

    A lost or missing device, a refused connection, a busy port or a missing permission may all be put right by the
    operator while the bench runs. A wrong URL, a baud rate that cannot be (ValueError) or a bug of ours may not.
    """
    return isinstance(error, (*WIRE_FAULTS, LinkDown))


def backoff(first_s: float = 0.2, cap_s: float = 5.0, factor: float = 2.0) -> Iterator[float]:
    """Endless delays in seconds: ``first_s``, growing by ``factor``, never above ``cap_s``.

    No jitter: a bench is one client on a desk, not a fleet.
    """
    delay = min(first_s, cap_s)
    while True:
        yield delay
        delay = min(delay * factor, cap_s)


def keep_serving(
    serve: Callable[[Callable[[], None]], None],
    failed: Callable[[Exception], None],
    stopping: threading.Event,
    delays: Callable[[], Iterator[float]] = backoff,
) -> None:
    """Run ``serve`` again and again on this thread until ``stopping`` is set.

    serve: connects and works until told to stop or until the wire fails; it calls its argument once connected, which
        starts the delays afresh. failed: told of each failure that is worth another try.

    Raises:
        Exception: whatever ``serve`` raised that is not retryable.
    """
    waits = delays()

    def connected() -> None:
        nonlocal waits
        waits = delays()

    while not stopping.is_set():
        try:
            serve(connected)
        except Exception as error:
            if not is_retryable(error):
                raise
            failed(error)
            stopping.wait(next(waits))
