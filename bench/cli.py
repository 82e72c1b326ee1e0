"""The command line. Exit codes: 0 fine, 1 a check failed, 2 usage or environment, 3 our own bug (a report file is named).

click, because it is well kept and its help is good. Heavy imports happen inside the commands: the window paints first.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from bench import __version__
from bench.certificates_cli import certificates
from bench.clock import utc_now
from bench.errors import BadInput, OperatorError
from bench.journal_cli import journal
from bench.maeve_cli import maeve
from bench.readers_cli import readers
from bench.secrets_cli import secret
from bench.sync_cli import sync
from bench.token_files_cli import export_tokens, import_tokens, with_store

log = logging.getLogger("authbench")

MAX_TOLD = 100
TOLD_WITHOUT_WINDOW = frozenset({"ocpp.no-keyring", "ocpp.server-certificate-expired"})
"""Findings that keep stations out until the operator does something; ``serve`` has no window to show them in."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; never a traceback for what the operator can mend."""
    try:
        result = cli.main(args=arguments, prog_name="authbench", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except OperatorError as error:
        click.echo(f"authbench: {error}", err=True)
        return 2
    except Exception:  # noqa: BLE001 - the last line of defence: our own bug, told with a report
        return report_bug(traceback.format_exc())


def report_bug(trace: str) -> int:
    """Write a report of our own bug and name it; exit code 3."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="authbench-report-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"authbench {__version__}\npython {sys.version}\n{sys.platform}\n\n{trace}")
    click.echo(f"authbench: this is a fault of ours; the report is in {file.name}", err=True)
    return 3


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that serve, demo and the window share."""
    for option in reversed(
        [
            click.option("--profile", "profile_file", type=click.Path(path_type=Path), help="Profile (TOML)."),
            click.option("--ocpp", metavar="HOST:PORT", help="Where the OCPP listener binds; port 0 = a free one."),
            click.option(
                "--upstream", metavar="URL", help="Pass stations on to this CSMS (ws:// or wss://), as a proxy."
            ),
            click.option("--csms", metavar="URL", help="Be a charging station of this CSMS (ws:// or wss://)."),
            click.option(
                "--csms-version", type=click.Choice(["1.6", "2.0.1", "2.1"]), help="Offer it this OCPP version only."
            ),
            click.option("--mqtt", metavar="URL|embedded[:PORT]|off", help="The Josev bus."),
            click.option(
                "--unknown",
                type=click.Choice(["refuse", "invalid", "accept", "operator", "fallback"]),
                help="What becomes of a token that the store does not know.",
            ),
            click.option("--store", metavar="URL", help="Token store: a SQLite file or an SQLAlchemy URL."),
            click.option("--capture", type=click.Path(path_type=Path), help="Capture file."),
            click.option("--api", metavar="HOST:PORT|off", help="HTTP control API."),
            click.option("--api-token", metavar="TOKEN", help="Bearer token of the API when it is not on loopback."),
            click.option("--reader", "readers", multiple=True, metavar="DRIVER:PORT|auto|off", help="Repeatable."),
            click.option("--charger", type=click.Choice(["sim", "off"]), default=None, help="Simulated charger."),
            click.option(
                "--charger-version",
                type=click.Choice(["1.6", "2.0.1", "2.1"]),
                default="2.0.1",
                help="Its OCPP version.",
            ),
        ]
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("-v", "--verbose", count=True, help="More on standard error.")
@click.option("--profile", "profile_file", type=click.Path(path_type=Path), help="Profile (TOML) for the window.")
@click.option("--open", "capture", type=click.Path(path_type=Path), help="Capture to look at in the window.")
@click.pass_context
def cli(context: click.Context, verbose: int, profile_file: Path | None, capture: Path | None) -> int:
    """Test bench for EV-charger authorization. Without a command: the window, with the last profile."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if context.invoked_subcommand is not None:
        for option, value in (("--profile", profile_file), ("--open", capture)):
            if value is not None:
                raise BadInput(
                    f"{option} before a command is for the window",
                    f"write authbench {context.invoked_subcommand} {option} FILE, or leave the command out",
                )
        return 0
    if profile_file is not None and not profile_file.is_file():
        raise BadInput(f"there is no profile {profile_file}", "name a TOML file; the README shows one")
    if not has_display():
        raise OperatorError(
            "there is no display to show the window on", "use authbench serve, or authbench demo --headless"
        )
    from ui.app import run_window

    code: int = run_window(profile_file, capture=capture)
    return code


def make_options(values: dict[str, Any], *, temporary: bool = False) -> Any:
    """Options of :mod:`bench.assembly` from the command line's."""
    from bench.assembly import Options
    from bench.settings import Profile, UpstreamSettings, load_profile
    from bench.tokens.decision import UnknownTokens

    profile = load_profile(values["profile_file"]) if values["profile_file"] is not None else Profile()
    if values["upstream"] is not None:
        known = profile.ocpp.upstream or UpstreamSettings(url="")
        upstream = known.model_copy(update={"url": values["upstream"]})
        profile = profile.model_copy(update={"ocpp": profile.ocpp.model_copy(update={"upstream": upstream})})
    if values["unknown"] is not None:
        profile = profile.model_copy(update={"unknown": UnknownTokens(values["unknown"])})
    profile = _as_station(profile, values["csms"], values["csms_version"])
    free = "127.0.0.1:0" if temporary and values["profile_file"] is None else None
    return Options(
        profile=profile,
        ocpp=values["ocpp"] or free,
        mqtt=values["mqtt"] or ("embedded" if temporary else None),
        store=values["store"],
        capture=values["capture"],
        api=values["api"] or free,
        api_token=values["api_token"],
        readers=values["readers"],
        charger=values["charger"] or ("sim" if temporary else "off"),
        version=values["charger_version"],
        temporary=temporary,
    )


def _as_station(profile: Any, url: str | None, version: str | None) -> Any:
    """The profile with the CSMS whose station the bench is to be, and the OCPP version."""
    from bench.settings import CsmsSettings

    known = profile.ocpp.csms
    if url is None and known is None:
        if version is not None:
            raise BadInput("--csms-version is of no use without a CSMS", "name it with --csms URL")
        return profile
    changes: dict[str, Any] = {"url": url} if url is not None else {}
    if version is not None:
        changes["versions"] = (version,)
    csms = (known or CsmsSettings(url="")).model_copy(update=changes)
    return profile.model_copy(update={"ocpp": profile.ocpp.model_copy(update={"csms": csms})})


@cli.command()
@shared_options
def serve(**values: Any) -> int:
    """The engine without a window, until SIGINT or SIGTERM."""
    for name in (signal.SIGINT, signal.SIGTERM):
        # While the libraries are imported there is no loop yet to tell, and nothing yet to end.
        signal.signal(name, lambda *_: sys.exit(0))
    return run(_serve(make_options(values)))


async def _serve(options: Any) -> int:
    import orjson

    from bench.assembly import Bench

    stopping = stop_event()
    bench = Bench(options)
    await bench.start()
    told: set[str] = set()

    def tell_faults(*_: object) -> None:
        """A link that is faulty is told at once, each text once: a reader of the ready line need not guess."""
        for status in bench.session.links.values():
            text = f"{status.name}: {status.detail}{'; ' + status.cure if status.cure else ''}"
            if status.state == "faulty" and text not in told and len(told) < MAX_TOLD:
                told.add(text)
                click.echo(f"authbench: {text}", err=True)
        if bench.session.findings:
            tell_finding(bench.session.findings[-1])

    def tell_finding(*findings: Any) -> None:
        for finding in findings:
            if finding.rule in TOLD_WITHOUT_WINDOW and finding.text not in told and len(told) < MAX_TOLD:
                told.add(finding.text)
                click.echo(f"authbench: {finding.text}; {finding.cure}", err=True)

    try:
        tell_faults()
        tell_finding(*bench.session.findings)
        bench.session.subscribe(tell_faults)
        await _until(bench.wait_ready(), stopping)
        if bench.api is not None and bench.api.token_generated:
            click.echo(f"API token (shown once): {bench.api.token}", err=True)
        for missing in bench.missing:
            click.echo(f"authbench: {missing}; going on", err=True)
        if not stopping.is_set():
            click.echo(orjson.dumps(bench.ready_line()).decode())
        await stopping.wait()
    finally:
        await bench.stop()
    return 0


@cli.command()
@shared_options
@click.option("--headless", is_flag=True, help="No window: one line per exchange, then the end.")
@click.option(
    "--screenshot", type=click.Path(path_type=Path, dir_okay=False), help="Show the window, tap, save it as PNG."
)
@click.option(
    "--reader-model",
    default="pn532",
    show_default=True,
    metavar="NAME",
    help="Virtual reader: pn532, ascii, ...; a wrong name lists them.",
)
@click.option(
    "--situation", "situations", multiple=True, help="Only this situation; repeatable. See --list-situations."
)
@click.option("--maeve", is_flag=True, help="A simulated MaEVe CSMS too, which decides about cards unknown here.")
@click.option("--list-situations", is_flag=True, help="Name the situations and end.")
@click.option("--theme", type=click.Choice(["system", "light", "dark"]), default=None, help="Theme of the window.")
@click.option(
    "--size", default="1440x900", show_default=True, metavar="WxH", help="Size of the window for --screenshot."
)
def demo(
    headless: bool,
    screenshot: Path | None,
    reader_model: str,
    situations: tuple[str, ...],
    maeve: bool,
    list_situations: bool,
    theme: str | None,
    size: str,
    **values: Any,
) -> int:
    """A whole bench without hardware: broker, simulated charger, virtual reader, sample tokens; one tap of each kind."""
    from fixtures.demo import SITUATIONS, Demo

    if list_situations:
        for name, situation in SITUATIONS.items():
            click.echo(f"{name:16} {situation.tells}")
        return 0
    unknown = [name for name in situations if name not in SITUATIONS]
    if unknown:
        raise BadInput(f"there is no situation {unknown[0]}", f"choose from {', '.join(SITUATIONS)}")
    made = Demo(make_options(values, temporary=True), reader_model, situations or tuple(SITUATIONS), maeve=maeve)
    if screenshot is not None or (not headless and has_display()):
        from ui.app import run_demo

        code: int = run_demo(made, screenshot=screenshot, theme=theme, size=size)
        return code
    if not headless:
        click.echo("authbench: no display here, so without a window", err=True)
    return run(_demo(made))


async def _demo(made: Any) -> int:
    stopping = stop_event()
    async with made:
        failed = 0
        async for line, good in made.play(stopping):
            click.echo(line)
            failed += not good
    return 1 if failed else 0


@cli.group()
@click.option("--store", metavar="URL", help="A SQLite file or an SQLAlchemy URL.")
@click.pass_context
def tokens(context: click.Context, store: str | None) -> None:
    """The token store: list, add, block, import, export, sync with a MaEVe."""
    context.obj = store


@tokens.command("list")
@click.pass_obj
def tokens_list(store: str | None) -> int:
    """Every token, one a line."""

    async def work(opened: Any) -> int:
        if not opened.count:
            click.echo(f"the store {opened.url} is empty", err=True)
        for token in opened.all():
            line = (
                token.uid,
                token.id_token_type,
                token.status_at(utc_now()),
                token.cache_mode,
                token.contract_id,
                token.issuer,
            )
            click.echo("\t".join(map(str, line)))
        return 0

    return run(with_store(store, work))


@tokens.command("add")
@click.argument("uid")
@click.option("--type", "id_type", default="ISO14443", show_default=True, help="IdToken type of OCPP 2.0.1.")
@click.option("--status", default="Accepted", show_default=True, help="Any status of OCPP.")
@click.option(
    "--profile", "profile_file", type=click.Path(path_type=Path), help="Whose country, party and issuer to use."
)
@click.pass_obj
def tokens_add(store: str | None, uid: str, id_type: str, status: str, profile_file: Path | None) -> int:
    """Add a token, with a valid contract id."""
    from dataclasses import replace

    from bench.settings import Profile, load_profile
    from bench.tokens.enrol import enrol
    from bench.tokens.model import AuthorizationStatus, IdTokenType
    from bench.uid import typed_uid

    kind, word = one_of(IdTokenType, id_type, "type"), one_of(AuthorizationStatus, status, "status")
    profile = load_profile(profile_file) if profile_file is not None else Profile()

    async def work(opened: Any) -> int:
        token = replace(enrol(typed_uid(uid), kind, profile.enrol), source="command line")
        if word is not AuthorizationStatus.ACCEPTED:
            token = replace(token, status=word, valid=False)
        before = opened.get(token.uid, kind)
        await opened.put(token, by="command line")
        was = f" (was {before.effective_status}, replaced)" if before is not None else ""
        click.echo(f"{token.uid} is in the store as {token.contract_id}, {word}{was}")
        return 0

    return run(with_store(store, work))


@tokens.command("block")
@click.argument("uid")
@click.pass_obj
def tokens_block(store: str | None, uid: str) -> int:
    """Block every token of that value."""
    from dataclasses import replace

    from bench.errors import NotFound
    from bench.tokens.model import AuthorizationStatus
    from bench.uid import typed_uid

    async def work(opened: Any) -> int:
        meant = {uid.casefold(), typed_uid(uid).casefold()}
        found = [token for token in opened.all() if token.uid.casefold() in meant]
        if not found:
            raise NotFound(f"there is no token {uid} in the store", "see: authbench tokens list")
        blocked = [replace(token, valid=False, status=AuthorizationStatus.BLOCKED) for token in found]
        await opened.put_many(blocked, by="command line")
        click.echo(f"{uid} is blocked")
        return 0

    return run(with_store(store, work))


@cli.command("self-test")
def self_test() -> int:
    """Imports, schemas, theme, database and ports of this installation."""
    from fixtures.selftest import checks
    from ui.app import check_window

    failed = 0
    for name, check in (("window", check_window), *checks()):
        try:
            told = check()
            click.echo(f"ok    {name}: {told}")
        except Exception as error:  # noqa: BLE001 - whatever a check meets is its result
            failed += 1
            click.echo(f"FAIL  {name}: {type(error).__name__}: {error}")
    return 1 if failed else 0


def one_of(kind: Any, text: str, what: str) -> Any:
    """The enum member of that value, ignoring case, or BadInput naming all."""
    for member in kind:
        if str(member).casefold() == text.casefold():
            return member
    raise BadInput(f"{text} is not a {what}", f"choose from {', '.join(map(str, kind))}")


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run on plain asyncio."""
    return asyncio.run(work)


def stop_event() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, stopping.set)
        except NotImplementedError:  # Windows loops have no signal handlers of their own
            signal.signal(name, lambda *_: loop.call_soon_threadsafe(stopping.set))
    return stopping


async def _until(work: Coroutine[Any, Any, Any], stopping: asyncio.Event) -> None:
    """Wait for work, or until the program is told to stop."""
    from bench.tasks import Tasks

    tasks = Tasks()
    waiting = [tasks.spawn(work, name="getting ready"), tasks.spawn(stopping.wait(), name="stop signal")]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.cancel()


def has_display() -> bool:
    """Whether a window can be shown here."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM"))


for command in (import_tokens, export_tokens, sync):
    tokens.add_command(command)
for command in (journal, certificates, secret, readers, maeve):
    cli.add_command(command)
