"""A token database that another program holds, or that cannot be written: told at once, and cards are answered all the same."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.assembly import Bench
from bench.errors import StoreError
from bench.exchange import DecidedBy, Verdict
from bench.session import TapRequest
from tests.e2e.world import ACCEPTED_UID, UNKNOWN_UID, closed, command, options, running, until


async def test_locked_by_another_program_and_let_go(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        unknown = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
        assert unknown.verdict is Verdict.REJECTED

        with closing(sqlite3.connect(tmp_path / "tokens.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError) as error:
                await session.enrol(unknown.id)
            assert error.value.what == f"the token store {tmp_path / 'tokens.db'} is locked by another program"
            assert error.value.cure == "close that program, then try again"

            # Cards go on being answered, and the refused one is not half in.
            known = await closed(session, session.present(TapRequest(ACCEPTED_UID)))
            assert (known.verdict, known.decided_by) == (Verdict.ACCEPTED, DecidedBy.STORE)
            again = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
            assert again.verdict is Verdict.REJECTED
            other.execute("ROLLBACK")

        await session.enrol(unknown.id)
        enrolled = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
        assert (enrolled.verdict, enrolled.decided_by) == (Verdict.ACCEPTED, DecidedBy.STORE)


async def test_read_only_is_told_at_the_start(tmp_path: Path) -> None:
    async with running(options(tmp_path)):
        pass
    url = f"sqlite:///file:{tmp_path / 'tokens.db'}?mode=ro&uri=true"
    bench = Bench(options(tmp_path, store=url))
    with pytest.raises(StoreError, match=r"the token store \S+ is read-only; make it writable, or name another file"):
        await bench.start()


def test_read_only_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    assert command(tmp_path, "tokens", "--store", "tokens.db", "add", "04AA11BB22CC33").returncode == 0
    url = f"sqlite:///file:{tmp_path / 'tokens.db'}?mode=ro&uri=true"

    done = command(tmp_path, "serve", "--mqtt", "off", "--api", "off", "--ocpp", "127.0.0.1:0", "--store", url)

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("authbench: the token store ")
    assert "is read-only" in line


async def test_what_another_program_adds_is_known_to_the_bench_that_runs(tmp_path: Path) -> None:
    async with running(options(tmp_path)) as bench:
        session = bench.session
        assert session.store.get(UNKNOWN_UID) is None

        done = await asyncio.to_thread(command, tmp_path, "tokens", "--store", "tokens.db", "add", UNKNOWN_UID)

        assert done.returncode == 0, done.stderr
        await until(session, lambda: session.store.get(UNKNOWN_UID), "the token that the command line added")
        exchange = await closed(session, session.present(TapRequest(UNKNOWN_UID)))
        assert (exchange.verdict, exchange.decided_by) == (Verdict.ACCEPTED, DecidedBy.STORE)
