"""``authbench secret``: passwords in the system keyring."""

from __future__ import annotations

import click

from bench.errors import BadInput, OperatorError

SERVICE = "authbench"
MAX_SECRET = 1024


@click.group()
def secret() -> None:
    """Passwords, kept in the system keyring: ocpp:STATION, ocpp-csms:IDENTITY, upstream:IDENTITY, maeve:HOST:PORT,
    user@host:port of a broker."""


@secret.command("set")
@click.argument("name")
def secret_set(name: str) -> int:
    """Ask for a password, without showing it, and keep it under NAME."""
    import keyring
    import keyring.errors

    _check(name)
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if not 0 < len(password) <= MAX_SECRET:
        raise BadInput(f"a password has 1 to {MAX_SECRET} characters")
    if name.startswith(("ocpp:", "ocpp-csms:")) and not 16 <= len(password) <= 40:
        click.echo("authbench: note: OCPP wants 16 to 40 characters (BasicAuthPassword); kept all the same", err=True)
    try:
        keyring.set_password(SERVICE, name, password)
    except (keyring.errors.KeyringError, keyring.errors.InitError) as error:
        raise _no_keyring(name, error) from error
    click.echo(f"the password for {name} is in the system keyring")
    return 0


@secret.command("delete")
@click.argument("name")
def secret_delete(name: str) -> int:
    """Take the password under NAME out of the keyring."""
    import keyring
    import keyring.errors

    _check(name)
    try:
        keyring.delete_password(SERVICE, name)
    except keyring.errors.PasswordDeleteError as error:
        raise BadInput(f"there is no password for {name} in the keyring") from error
    except (keyring.errors.KeyringError, keyring.errors.InitError) as error:
        raise _no_keyring(name, error) from error
    click.echo(f"the password for {name} is deleted")
    return 0


def _check(name: str) -> None:
    if not 0 < len(name) <= 255 or not name.isprintable():
        raise BadInput("a name has 1 to 255 printable characters", "for a station write ocpp: and its id")


def _no_keyring(name: str, error: Exception) -> OperatorError:
    from bench.secret import secret_variable

    why = str(error).partition("\n")[0].partition(". ")[0]
    return OperatorError(
        f"this computer has no keyring that works: {why}",
        f"set the environment variable {secret_variable(name)} for the bench instead; it is then kept nowhere",
    )
