"""A million tokens: import beside raw sqlite3, look-up, opening the store again, and what the loop feels meanwhile.

``python -m tests.benchmarks.tokens [TOKENS [URL]]``: URL of an empty PostgreSQL database to measure instead of SQLite.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from bench.assembly import GC_THRESHOLDS
from bench.clock import utc_now
from bench.tokens.contract_id import make
from bench.tokens.model import Token
from bench.tokens.store import TokenStore
from bench.tokens.tables import to_row
from bench.tokens.tables import tokens as table
from tests.benchmarks.flood import Stalls

CONTRACTS = 1_000
LOOKUPS = 100_000
COLUMNS = ", ".join(column.name for column in table.columns)


def make_tokens(count: int) -> list[Token]:
    """Cards of 7 bytes in no order, several a contract."""
    contracts = [make("GB", "TWK", f"{n:09d}") for n in range(CONTRACTS)]
    base = Token("", "GB", "TWK", "", "Thoughtworks", group_id="fleet")
    return [
        replace(
            base, uid=f"04{n * 2654435761 % 2**48:012X}", contract_id=contracts[n % CONTRACTS], visual_number=f"TAG-{n}"
        )
        for n in range(count)
    ]


def raw_rows(tokens: list[Token]) -> Iterator[tuple[object, ...]]:
    now = utc_now().isoformat(" ")
    for token in tokens:
        yield tuple({**to_row(token), "last_updated": now}.values())


def raw_import(file: Path, tokens: list[Token]) -> float:
    """Seconds of one executemany of the same rows into the same table, made ready before, and the commit."""
    rows = list(raw_rows(tokens))
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO tokens ({COLUMNS}) VALUES ({', '.join('?' * len(table.columns))})", rows)
        connection.execute("COMMIT")
        return time.perf_counter() - began


def raw_open(file: Path) -> float:
    """Seconds of reading all rows."""
    began = time.perf_counter()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT * FROM tokens").fetchall()
    return time.perf_counter() - began


def lookups(store: TokenStore, tokens: list[Token]) -> list[int]:
    """Nanoseconds of each look-up, sorted; the values as a station writes them, in lower case."""
    asked = [(token.uid.lower(), token.id_token_type) for token in random.Random(1).choices(tokens, k=LOOKUPS)]
    for value, kind in asked[: LOOKUPS // 10]:
        store.get(value, kind)
    taken = []
    for value, kind in asked:
        began = time.perf_counter_ns()
        found = store.get(value, kind)
        taken.append(time.perf_counter_ns() - began)
        assert found is not None
    return sorted(taken)


async def timed_import(store: TokenStore, tokens: list[Token]) -> tuple[float, Stalls]:
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    began = time.perf_counter()
    await store.put_many(tokens, by="import", progress=lambda done, total: None)
    took = time.perf_counter() - began
    watching.cancel()
    return took, stalls


async def measure(count: int, url: str | None, folder: Path) -> None:
    tokens = make_tokens(count)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    file = folder / "tokens.db"
    raw = raw_import(folder / "raw.db", tokens)
    async with TokenStore(url or str(file)) as store:
        took, stalls = await timed_import(store, tokens)
        print(f"import {count:,}: {took:.1f} s, raw sqlite3 {raw:.1f} s: {took / raw:.1f} times (aim 2)")
        print(f"  the loop was late: {stalls.told()}")
        taken = lookups(store, tokens)
        p50, p99 = (taken[int(len(taken) * part)] / 1000 for part in (0.5, 0.99))
        print(f"look-up: median {p50:.1f} us, p99 {p99:.1f} us (aim 50)")
        began = time.perf_counter()
        changes = await store.history(tokens[0].uid, tokens[0].id_token_type)
        print(
            f"history of one token among {count:,} changes: {(time.perf_counter() - began) * 1000:.0f} ms, {len(changes)} found"
        )
        took, _ = await timed_import(store, tokens)
        print(f"import again, every token changed: {took:.1f} s: {took / raw:.1f} times")
    began = time.perf_counter()
    async with TokenStore(url or str(file)) as store:
        took = time.perf_counter() - began
        assert store.count == count
    raw = raw_open(folder / "raw.db")
    print(f"open with {count:,}: {took:.1f} s, raw read of all rows {raw:.1f} s: {took / raw:.1f} times")


def main() -> None:
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(count, sys.argv[2] if len(sys.argv) > 2 else None, Path(name)))


if __name__ == "__main__":
    main()
