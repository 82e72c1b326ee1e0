"""``authbench maeve``: any operation of the manager API of a MaEVe CSMS, asked once."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.errors import BadInput, OperatorError

if TYPE_CHECKING:
    from bench.codecs.maeve import Answer


@click.command("maeve")
@click.argument("url")
@click.argument("operation", required=False)
@click.argument("parameter", metavar="[ID]", required=False)
@click.option("--body", metavar="JSON|@FILE", help="What is sent with it.")
@click.option("--profile", "profile_file", type=click.Path(path_type=Path), help="Its [maeve] names user and CA file.")
def maeve(url: str, operation: str | None, parameter: str | None, body: str | None, profile_file: Path | None) -> int:
    """Ask the MaEVe at URL. Without an OPERATION: their names, and what each wants.

    Prints what the answer holds, as JSON. Exit code 1: it was refused.
    """
    from bench.codecs.maeve import OPERATIONS
    from bench.settings import MaeveSettings, load_profile

    if operation is None:
        for known in OPERATIONS.values():
            click.echo(f"{known.name:34} {known.method:6} {known.path.replace('{}', 'ID')}")
        return 0
    wanted = OPERATIONS.get(operation)
    if wanted is None:
        raise BadInput(f"there is no operation {operation[:40]}", f"choose from {', '.join(OPERATIONS)}")
    if ("{}" in wanted.path) != (parameter is not None):
        raise BadInput(f"{operation} wants {'an' if parameter is None else 'no'} ID", "see: authbench maeve URL")
    settings = load_profile(profile_file).maeve if profile_file is not None else None
    if settings is None or settings.url != url:
        settings = MaeveSettings(url=url)
    return asyncio.run(_ask(settings, operation, parameter, _json(body)))


async def _ask(settings: Any, operation: str, parameter: str | None, body: object) -> int:
    from bench.clock import SystemClock
    from bench.codecs.maeve import OPERATIONS
    from bench.journal.log import Journal
    from bench.secret import secret
    from devices.maeve import connector

    connect = connector(Journal(), SystemClock(), lambda status: None, lambda uid: False, secret)
    client = await connect(settings)
    try:
        answer = await client.ask(OPERATIONS[operation], parameter, body=body)
    finally:
        await client.close()
    return _tell(answer)


def _tell(answer: Answer) -> int:
    import orjson

    for fault in answer.faults:
        click.echo(f"authbench: {fault.text}", err=True)
    if not answer.ok:
        click.echo(f"authbench: {OperatorError(f'{answer.status}: {answer.error}', answer.cure)}", err=True)
        return 1
    if answer.body is None:
        click.echo(f"authbench: done ({answer.status})", err=True)
    else:
        click.echo(orjson.dumps(_plain(answer.body), option=orjson.OPT_INDENT_2).decode())
    return 0


def _plain(body: object) -> object:
    from bench.codecs.maeve import MaeveToken, token_json

    if isinstance(body, tuple):
        return [_plain(entry) for entry in body]
    if isinstance(body, MaeveToken):
        return token_json(body)
    return asdict(body) if is_dataclass(body) and not isinstance(body, type) else body


def _json(text: str | None) -> object:
    import orjson

    if text is None:
        return None
    try:
        raw = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
        return orjson.loads(raw)
    except OSError as error:
        raise BadInput(f"cannot read {text[1:]}: {error.strerror or error}") from error
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise BadInput(f"the body is no JSON: {error}", "quote it for your shell") from error
