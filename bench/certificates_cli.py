"""``authbench certificates``: the certificates of a bench with TLS."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def certificates() -> None:
    """Certificates for wss:// and for stations (security profiles 2 and 3)."""


@certificates.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--host", "hosts", multiple=True, metavar="H", help="Name or address of this computer; repeatable.")
@click.option("--station", "stations", multiple=True, metavar="CN", help="Serial number or id; repeatable.")
@click.option("--days", type=click.IntRange(1, 3650), metavar="N", help="Term of server and stations; 825 if left out.")
@click.option("--key-type", type=click.Choice(["ec", "rsa"]), help="Of a new CA and all it signs; ec if left out.")
@click.option("--force", is_flag=True, help="Replace what is there, the CA too.")
def make(
    folder: Path,
    hosts: tuple[str, ...],
    stations: tuple[str, ...],
    days: int | None,
    key_type: str | None,
    force: bool,
) -> int:
    """Make a CA, a server certificate (loopback is always in it) and station certificates in FOLDER."""
    from devices.ocpp.certificates import LEAF_DAYS, KeyType
    from devices.ocpp.certificates import make as make_all

    kind = None if key_type is None else KeyType(key_type)
    ca, server, *made = make_all(folder, hosts, stations, force=force, days=days or LEAF_DAYS, key_type=kind)
    click.echo(f"CA       {ca.certificate}  install this one in the stations")
    click.echo(f"server   {server.certificate}  key {server.key}")
    for files in made:
        click.echo(f"station  {files.certificate}  key {files.key}")
    click.echo("in the profile:\n")
    click.echo("[ocpp.security]\nprofile = 3" if stations else "[ocpp.security]\nprofile = 2")
    for name, path in (("certificate", server.certificate), ("key", server.key), ("station_ca", ca.certificate)):
        click.echo(f"{name} = '{path.absolute()}'")
    return 0


@certificates.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def show(file: Path) -> int:
    """What is in FILE and what is wrong with it; compared with its key and CA where they lie beside it. Exit code 1 if wrong."""
    from devices.ocpp.certificates import describe, problems, read, read_all, read_key

    key, ca = file.with_suffix(".key"), file.with_name("ca.pem")
    first, *more = read_all(file)
    wrong = problems(first, key=read_key(key) if key.exists() else None, ca=read(ca) if ca.exists() else None)
    for certificate in (first, *more):
        for line in describe(certificate):
            click.echo(line)
    for problem in wrong:
        click.echo(f"wrong:   {problem}")
    return 1 if wrong else 0
