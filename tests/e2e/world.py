"""What the stories need: a bench on real parts, waiting for what it says, the command line, and a look at what was recorded."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bench.assembly import Bench, Options
from bench.exchange import Exchange
from bench.journal.capture import CaptureReader
from bench.message import Message
from bench.ports import LinkState
from bench.session import Session
from bench.settings import BusSettings, OcppSettings, Profile
from fixtures.samples import sample_tokens

T = TypeVar("T")

LIMIT_S = 15.0
ROOT = Path(__file__).resolve().parents[2]

ACCEPTED_UID = "04A2B3C4D5E680"
BLOCKED_UID = "04B10C4ED08280"
UNKNOWN_UID = "04DEADBEEF0102"


def options(folder: Path, **changes: Any) -> Options:
    """A bench whose every file is in ``folder`` and every port free; without bus, API and reader unless named."""
    plain = Options(
        profile=Profile(),
        ocpp="127.0.0.1:0",
        mqtt="off",
        store=str(folder / "tokens.db"),
        capture=folder / "capture.db",
        api="off",
        readers=("off",),
    )
    return replace(plain, **changes)


def profile(*, answer_limit_s: float = 5.0, call_timeout_s: float = 10.0) -> Profile:
    return Profile(
        answer_limit_s=answer_limit_s, ocpp=OcppSettings(call_timeout_s=call_timeout_s), bus=BusSettings(url="off")
    )


@asynccontextmanager
async def running(asked: Options) -> AsyncIterator[Bench]:
    """A bench, ready, with the sample tokens; in the end it must have lost nothing."""
    bench = Bench(asked)
    await bench.start()
    try:
        assert await bench.wait_ready() == []
        await bench.session.store.put_many(sample_tokens())
        yield bench
    finally:
        await bench.stop()
    nothing_lost(bench.session)


async def until(session: Session, found: Callable[[], T | None], what: str, limit_s: float = LIMIT_S) -> T:
    """What ``found`` returns once it is true, asked anew at every change of the session."""
    changed = asyncio.Event()
    unsubscribe = session.subscribe(lambda change, key: changed.set())
    try:
        async with asyncio.timeout(limit_s):
            while not (result := found()):
                changed.clear()
                await changed.wait()
        return result
    except TimeoutError:
        raise AssertionError(f"{what}: not within {limit_s:g} s; the bench says {session.state()}") from None
    finally:
        unsubscribe()


async def link(session: Session, name: str, state: LinkState, said: str = "") -> str:
    """Wait for a link's state whose detail holds that text; the detail and its cure."""

    def found() -> str | None:
        status = session.links.get(name)
        if status is None or status.state is not state or said not in status.detail:
            return None
        return f"{status.detail}; {status.cure}"

    return await until(session, found, f"link {name} {state}")


async def finding(session: Session, rule: str, said: str) -> str:
    """Wait for a finding of that rule whose text holds ``said``."""

    def found() -> str | None:
        texts = (f.text for f in session.findings if f.rule == rule and said in f.text)
        return next(texts, None)

    try:
        return await until(session, found, f"finding {rule}")
    except AssertionError as error:
        told = [f"{f.rule}: {f.text}" for f in session.findings]
        raise AssertionError(f"{error}; findings: {told}") from None


async def closed(session: Session, exchange: Exchange) -> Exchange:
    """The exchange with its verdict."""
    await session.wait_closed(exchange.id, LIMIT_S)
    assert exchange.verdict is not None, f"exchange {exchange.id} is still open after {LIMIT_S:g} s"
    return exchange


def taps(session: Session) -> list[Exchange]:
    return [exchange for exchange in session.exchanges.values() if exchange.origin == "tap"]


# What was recorded


def recorded(path: Path) -> list[Message]:
    """Every message of a capture, which must be sound and numbered from 1 without a hole."""
    assert integrity(path) == "ok"
    messages: list[Message] = []
    with CaptureReader(path) as reader:
        while page := reader.messages(after=len(messages), limit=5000):
            messages += page
        assert reader.gaps() == []
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    return messages


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])


def nothing_lost(session: Session) -> None:
    """After the end: the capture holds all that the journal numbered, byte for byte."""
    assert session.capture is not None
    written = recorded(session.capture.path)
    counters = session.counters()
    assert len(written) == counters["messages"] == counters["recorded"]
    assert counters["dropped"] == 0
    for message in written:
        kept = session.journal.get(message.seq)
        assert kept is None or (kept.raw, kept.channel) == (message.raw, message.channel)


# The command line


def environment(folder: Path) -> dict[str, str]:
    """Files of the program go into ``folder``, and no display is there."""
    home = {
        name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "LOCALAPPDATA")
    }
    return {**os.environ, **home, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}


def command(folder: Path, *arguments: str, limit_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run ``authbench`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


class Serve:
    """``authbench serve`` as a program of its own; a context manager. ready: the line it printed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._errors = folder / "stderr.txt"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench", "serve", *arguments],
                cwd=folder,
                env=environment(folder),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Serve:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], 2 * LIMIT_S)
        line = self._process.stdout.readline() if readable else ""
        try:
            self.ready = json.loads(line)
        except ValueError:
            self.__exit__()
            raise AssertionError(f"no ready line but {line!r}; it said {self.errors}") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=LIMIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    @property
    def capture(self) -> Path:
        return Path(self.ready["capture"])

    def terminate(self, limit_s: float = 10.0) -> int:
        """SIGTERM, then its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=limit_s)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(timeout=LIMIT_S)
