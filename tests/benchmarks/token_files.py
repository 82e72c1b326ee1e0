"""A million tokens in files: reading beside ``csv.DictReader`` and raw sqlite3, writing, and the panel that shows them.

``python -m tests.benchmarks.token_files [TOKENS]``
"""

from __future__ import annotations

import asyncio
import csv
import gc
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from bench.assembly import GC_THRESHOLDS
from bench.tokens.columns import FIELDS
from bench.tokens.contract_id import make
from bench.tokens.export import write_tokens
from bench.tokens.import_plan import Plan, plan_import
from bench.tokens.index import TokenIndex
from bench.tokens.model import Token
from bench.tokens.token_file import Reading
from tests.benchmarks.flood import Stalls, resident_mb

CONTRACTS = 1_000
PAGE = "page.csv"


def tokens(count: int) -> Iterator[Token]:
    """Cards of 7 bytes, several a contract."""
    contracts = [make("GB", "ABX", f"{number:09}") for number in range(CONTRACTS)]
    for number in range(count):
        group = "FLEET" if number % 3 else None
        yield Token(
            f"04{number * 7919 % 2**40:012X}",
            "GB",
            "ABX",
            contracts[number % CONTRACTS],
            "Authbench",
            visual_number=f"TAG-{number}",
            group_id=group,
        )


def raw(file: Path, folder: Path) -> float:
    """What the same file costs without us: every row into a table of texts."""
    began = time.perf_counter()
    with file.open(newline="") as text, closing(sqlite3.connect(folder / "raw.db")) as database:
        database.execute(f"CREATE TABLE tokens ({', '.join(FIELDS)}, PRIMARY KEY (uid, idTokenType))")
        places = ", ".join("?" * len(FIELDS))
        database.executemany(
            f"INSERT INTO tokens VALUES ({places})",  # noqa: S608 - names of our own
            (tuple(row.values()) for row in csv.DictReader(text)),
        )
        database.commit()
    return time.perf_counter() - began


def timed(what: str, work: Callable[[], Plan | object], base: float | None = None) -> object:
    before, began = resident_mb(), time.perf_counter()
    made = work()
    took = time.perf_counter() - began
    beside = f", {took / base:.1f} times raw" if base else ""
    print(f"  {what:34} {took:6.1f} s{beside}, {resident_mb() - before:+.0f} MB", flush=True)
    return made


def files(count: int, folder: Path) -> list[Token]:
    for name, form in (("t.csv", "csv"), ("t.json", "json"), (PAGE, "charger")):
        timed(f"write {name}", lambda name=name, form=form: write_tokens(tokens(count), folder / name, form))
    base = raw(folder / "t.csv", folder)
    print(f"  {'csv.DictReader and raw sqlite3':34} {base:6.1f} s")
    kept: list[Token] = []
    for name in ("t.csv", "t.json", PAGE):
        plan = timed(f"read {name}", lambda name=name: plan_import(folder / name, Reading(), lambda v, k: None), base)
        assert isinstance(plan, Plan)
        assert len(plan.tokens) == count
        kept = plan.tokens if name == "t.csv" else kept
        del plan
        gc.collect()
    there = {token.key: token for token in kept}
    timed(
        "read t.csv, all of it there already",
        lambda: plan_import(folder / "t.csv", Reading(), lambda v, k: there.get((v.casefold(), k))),
        base,
    )
    return kept


async def beside(folder: Path) -> None:
    """What a loop feels while a thread reads."""
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    await asyncio.to_thread(plan_import, folder / "t.csv", Reading(), lambda v, k: None)
    watching.cancel()
    print(f"  while a thread reads, the loop was late by {stalls.told()}")


async def panel(index: TokenIndex) -> None:
    """The table over the store's index."""
    from PySide6.QtCore import Qt

    from ui.models.tokens import Column, TokenTableModel
    from ui.panels.cells import make_table

    model, table = TokenTableModel(), make_table("Tokens", live=True)
    table.setModel(model)
    table.resize(1200, 600)
    began = time.perf_counter()
    model.show(index)
    table.grab()
    print(f"  open with {len(index):,} tokens: {(time.perf_counter() - began) * 1e3:.0f} ms")
    token = index.page(len(index) // 2, 1)[0]
    began = time.perf_counter()
    index.put([token])
    model.show(index)
    table.grab()
    print(f"  one token changed: {(time.perf_counter() - began) * 1e3:.0f} ms")
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    for what, order in (
        ("search 'tag-77123'", lambda: model.search("tag-77123")),
        ("search cleared", lambda: model.search("")),
        ("sorted by number", lambda: model.sort(Column.NUMBER, Qt.SortOrder.DescendingOrder)),
    ):
        began = time.perf_counter()
        order()
        at_once = time.perf_counter() - began
        while model.busy:
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        print(f"  {what:24} {at_once * 1e3:4.0f} ms at once, done in {took:.1f} s, {model.rowCount():,} rows")
    watching.cancel()
    print(f"  meanwhile the loop was late by {stalls.told()}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    gc.set_threshold(*GC_THRESHOLDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = files(count, folder)
        asyncio.run(beside(folder))
    from PySide6.QtWidgets import QApplication

    from ui.loop import BenchLoop

    app = QApplication([])
    index = TokenIndex(kept)
    index.sort()
    with BenchLoop(app) as loop:
        loop.run_until_complete(panel(index))


if __name__ == "__main__":
    main()
