"""``authbench readers``: serial ports, the drivers for readers, and what is on a port."""

from __future__ import annotations

import asyncio

import click


@click.command()
@click.option("--drivers", is_flag=True, help="List the drivers: what each can read, its options and orders.")
@click.option("--detect", "port", metavar="PORT", help="Find out which reader is on that port: listens, then asks.")
def readers(drivers: bool, port: str | None) -> int:
    """Serial ports, what is likely on them, permission problems and their cure."""
    if drivers:
        return _drivers()
    return _ports() if port is None else asyncio.run(_detect(port))


def _drivers() -> int:
    from devices.rfid.drivers import all_drivers

    for name, driver in sorted(all_drivers().items()):
        click.echo(f"{name:16} {driver.reads}")
        for option in driver.options:
            choices = f" ({', '.join(option.choices)})" if option.choices else ""
            click.echo(f"{'':18}{option.name}={option.default}: {option.text}{choices}")
        if driver.orders:
            click.echo(f"{'':18}can: {', '.join(driver.orders)}")
    return 0


def _ports() -> int:
    from devices.rfid.discovery import list_ports

    ports = list_ports()
    if not ports:
        click.echo("no serial ports found; plug a reader in, then look again")
    for port in ports:
        click.echo(f"{port.device}\t{port.description or '-'}\t{port.likely or 'unknown device'}")
        if port.problem:
            click.echo(f"  {port.problem}: {port.cure}")
    return 0


async def _detect(port: str) -> int:
    from devices.rfid.detect import detect

    click.echo(f"listening on {port}; hold a card to the reader", err=True)
    found = await detect(port)
    if found is None:
        click.echo(
            f"no reader made itself known on {port}; hold a card to it and try again, or look at its cable and power"
        )
        return 1
    click.echo(f"{found.driver},baud={found.baud}:{port}\t{found.detail}")
    return 0
