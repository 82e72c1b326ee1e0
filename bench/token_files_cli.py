"""``authbench tokens import`` and ``export``: the store out of files and into them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.errors import BadInput

if TYPE_CHECKING:
    from bench.tokens.import_plan import Plan
    from bench.tokens.store import TokenStore

STEP_PERCENT = 5


async def with_store(store: str | None, work: Callable[[Any], Coroutine[Any, Any, int]]) -> int:
    """Open the token store of a command, work on it and close it."""
    from bench.assembly import Bench, Options

    opened = Bench(Options(store=store)).token_store()
    await opened.open()
    try:
        return await work(opened)
    finally:
        await opened.close()


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Take a column for that field; COLUMN= leaves it out. Repeatable.",
)
@click.option("--keep", is_flag=True, help="Leave tokens alone that the store has already.")
@click.option("--replace", is_flag=True, help="Replace them whole; else what the file does not say stays.")
@click.option("--dry-run", is_flag=True, help="Say what it would do, and do nothing.")
@click.option("--encoding", type=click.Choice(["utf-8", "utf-16", "cp1252"]), help="Where the file does not tell.")
@click.option("--names/--no-names", default=None, help="The first line of a CSV file names its columns, or does not.")
@click.option(
    "--profile", "profile_file", type=click.Path(path_type=Path), help="Whose country, party and issuer to use."
)
@click.pass_obj
def import_tokens(
    store: str | None,
    file: Path,
    mapped: tuple[str, ...],
    keep: bool,
    replace: bool,
    dry_run: bool,
    encoding: str | None,
    names: bool | None,
    profile_file: Path | None,
) -> int:
    """Import CSV or JSON, all of it or, where a row is wrong, nothing.

    Columns of our own export, of chargers' own pages (idTag, expiry, parent, status), of SteVe, OCPI and others are known;
    so are local lists of OCPP 1.6 and 2.0.1.
    """
    from bench.settings import Profile, load_profile
    from bench.tokens.import_plan import Existing, origin_of, plan_import
    from bench.tokens.token_file import Reading

    if keep and replace:
        raise BadInput("--keep and --replace exclude each other", "use one")
    existing = Existing.KEEP if keep else Existing.REPLACE if replace else Existing.UPDATE
    profile = load_profile(profile_file) if profile_file is not None else Profile()
    reading = Reading(_mapping(mapped), None, encoding, names, profile.enrol)

    async def work(opened: TokenStore) -> int:
        plan = await asyncio.to_thread(
            plan_import, file, reading, opened.get, existing, origin=origin_of(file), progress=_tell("reading", file)
        )
        for error in plan.errors:
            field = f", {error.field}" if error.field else ""
            click.echo(f"{file}: row {error.row}{field}: {error.why}", err=True)
        if plan.errors:
            click.echo(f"authbench: nothing was imported; correct {len(plan.errors)} row(s) first", err=True)
            return 2
        for note in plan.notes:
            click.echo(f"{file}: row {note.row}, {note.field}: {note.why}", err=True)
        if dry_run:
            click.echo(_told(plan, "would be imported"))
            return 0
        await opened.put_many(plan.tokens, by="import", progress=_tell("writing", file))
        click.echo(_told(plan, "imported"))
        return 0

    return asyncio.run(with_store(store, work))


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "form",
    type=click.Choice(["csv", "json", "charger", "list-1.6", "list-2.0.1"]),
    help="charger: idTag,expiry,parent,status; list-...: a SendLocalList payload. Without it: by the file's ending.",
)
@click.option("--key-codes", is_flag=True, help="Key codes too: they are secret, and left out otherwise.")
@click.pass_obj
def export_tokens(store: str | None, file: Path, form: str | None, key_codes: bool) -> int:
    """Export to CSV or JSON."""
    from bench.tokens.export import write_tokens

    async def work(opened: TokenStore) -> int:
        written = write_tokens(opened.all(), file, form, key_codes=key_codes)
        click.echo(f"{written.tokens} tokens written to {file}")
        if written.key_codes:
            click.echo(f"authbench: {written.key_codes} key code(s) left out; --key-codes writes them too", err=True)
        for left in written.left_out:
            click.echo(f"authbench: {left.uid} left out: {left.why}", err=True)
        return 0

    return asyncio.run(with_store(store, work))


def _mapping(given: tuple[str, ...]) -> dict[str, str | None]:
    from bench.tokens.columns import MAPPABLE

    found: dict[str, str | None] = {}
    for text in given:
        column, equals, field = text.rpartition("=")
        if not equals or not column:
            raise BadInput(f"--map {text} names no column and field", "write --map COLUMN=FIELD")
        if field and field not in MAPPABLE:
            raise BadInput(f"a token has no field {field[:40]!r}", f"choose from {', '.join(MAPPABLE)}")
        found[column] = field or None
    return found


def _told(plan: Plan, done: str) -> str:
    from bench.tokens.import_plan import Outcome

    if plan.counts[Outcome.NEW] == plan.rows:
        return f"{plan.rows} tokens {done}"
    return f"{len(plan.tokens)} tokens {done}: " + ", ".join(
        f"{count} {outcome}" for outcome, count in plan.counts.items() if count
    )


def _tell(what: str, file: Path) -> Callable[[int, int], None]:
    """Progress on standard error, where somebody watches."""
    told = 0
    watched = sys.stderr.isatty()

    def tell(done: int, total: int) -> None:
        nonlocal told
        percent = 100 * done // total if total else 100
        if watched and percent >= told + STEP_PERCENT:
            told = percent
            click.echo(f"\rauthbench: {what} {file.name}: {percent} %", err=True, nl=percent >= 100)

    return tell
