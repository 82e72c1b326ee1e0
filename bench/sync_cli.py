"""``authbench tokens sync``: the store and a MaEVe CSMS brought together, with a preview."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.errors import BadInput

if TYPE_CHECKING:
    from bench.maeve_desk import MaeveDesk
    from bench.ports import LinkStatus
    from bench.settings import MaeveSettings
    from bench.tokens.sync import Comparison, Plan
    from bench.tokens.sync_run import SyncReport

MAX_TOLD = 1_000
DONE, NOT_ALL = 0, 1
"""Exit codes."""


@click.command("sync")
@click.option("--maeve", "url", metavar="URL", help="Its manager API, such as http://host:9410; else the profile's.")
@click.option("--push", "direction", flag_value="push", help="Write tokens of the store to MaEVe.")
@click.option("--pull", "direction", flag_value="pull", help="Take tokens of MaEVe into the store.")
@click.option("--both", "direction", flag_value="both", default=True, help="Both ways (the default).")
@click.option(
    "--conflict",
    type=click.Choice(["newer", "ours", "theirs"]),
    help="Which side counts where a token differs; else ours with --push, theirs with --pull, newer with --both.",
)
@click.option("--key-codes", is_flag=True, help="Key codes too: MaEVe shows them to whoever asks it.")
@click.option("--dry-run", is_flag=True, help="Print the difference and what would be done; write nothing.")
@click.option(
    "--profile", "profile_file", type=click.Path(path_type=Path), help="Its [maeve] names URL, user and CA file."
)
@click.pass_obj
def sync(
    store: str | None,
    url: str | None,
    direction: str,
    conflict: str | None,
    key_codes: bool,
    dry_run: bool,
    profile_file: Path | None,
) -> int:
    """Compare the store with a MaEVe CSMS, then push, pull or both.

    Prints one line a token: what it is, its uid, what is done, how it differs, what MaEVe cannot keep of it. Exit code 1: not all
    that was to be done could be done.
    """
    from bench.settings import MaeveSettings, load_profile

    known = load_profile(profile_file).maeve if profile_file is not None else None
    if url is None and known is None:
        raise BadInput("no MaEVe is named", "give --maeve URL, or a profile with a [maeve] section")
    settings = known if known is not None and url in (None, known.url) else MaeveSettings(url=url or "")
    return asyncio.run(_sync(store, settings, direction, conflict, key_codes, dry_run))


async def _sync(
    store: str | None, settings: MaeveSettings, direction: str, conflict: str | None, key_codes: bool, dry_run: bool
) -> int:
    from bench.cli import stop_event
    from bench.tokens.sync import Conflict, Direction

    async with _desk(store, settings) as desk:
        comparison = await desk.compare(settings.url, key_codes=key_codes)
        rule = None if conflict is None else Conflict(conflict)
        work = desk.plan(settings.url, comparison, Direction(direction), rule)
        for line in _lines(work):
            click.echo(line)
        for remark in _remarks(comparison, work):
            click.echo(f"authbench: {remark}", err=True)
        if dry_run or not work.to_do():
            return DONE
        stopping = stop_event()  # from here on Ctrl+C ends after the token under way
        report = await desk.apply(settings.url, work, cancelled=stopping.is_set)
    for line in _failures(report):
        click.echo(f"authbench: {_printable(line)}", err=True)
    click.echo(report.text)
    return DONE if report.ok else NOT_ALL


@asynccontextmanager
async def _desk(store: str | None, settings: MaeveSettings) -> AsyncIterator[MaeveDesk]:
    """The store opened, and a desk before it."""
    from bench.assembly import Bench, Options
    from bench.clock import SystemClock
    from bench.journal.log import Journal
    from bench.maeve_desk import MaeveDesk, key_codes_of
    from bench.secret import secret
    from bench.tokens.store import TokenStore
    from devices.maeve import connector

    def told(status: LinkStatus) -> None:
        """The command says what is wrong itself."""

    async with TokenStore(Bench(Options(store=store)).store_url()) as opened:
        connect = connector(Journal(), SystemClock(), told, key_codes_of(opened), secret)
        yield MaeveDesk(opened, connect, settings)


def _lines(work: Plan) -> Iterator[str]:
    """One line for each token that is not equal, tab-separated."""
    from bench.tokens.sync import Kind

    told = [step for step in work.steps if step.entry.kind is not Kind.EQUAL]
    for step in told[:MAX_TOLD]:
        entry = step.entry
        differing = "; ".join(
            f"{field} {_printable(here or '-')} | {_printable(there or '-')}"
            for field, here, there in entry.differences
        )
        lost = ", ".join(loss.field for loss in entry.lost)
        what = _printable(f"{step.deed}: {step.why}" if step.why else str(step.deed))
        yield "\t".join((entry.kind, _printable(entry.shown), what, differing or "-", f"lost: {lost}" if lost else "-"))
    if len(told) > MAX_TOLD:
        yield f"and {len(told) - MAX_TOLD:,} more"


def _printable(text: str) -> str:
    """A text of MaEVe's on one line, in one column, without a word to the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _remarks(comparison: Comparison, work: Plan) -> Iterator[str]:
    from bench.tokens.sync import Deed, Kind

    kinds, deeds = comparison.counts(), work.counts()
    yield ", ".join(f"{kinds[kind]:,} {kind}" for kind in Kind)
    yield f"{deeds[Deed.PUSH]:,} to push, {deeds[Deed.PULL]:,} to pull; where a token differs, {work.rule} counts"
    if comparison.held_back:
        yield f"left aside: {comparison.held_back:,} key code{'s' * (comparison.held_back != 1)}; --key-codes takes them too"
    if comparison.doubt:
        yield comparison.doubt


def _failures(report: SyncReport) -> Iterator[str]:
    from bench.tokens.sync_run import Came

    failed = [result for result in report.results if result.came not in (Came.DONE, Came.NOT_TRIED)]
    for result in failed[:MAX_TOLD]:
        yield f"{result.step.entry.shown}: {result.came}: {result.why}"
