"""Where passwords are asked for: the environment, then the system keyring (keyring: one interface to those of all systems)."""

from __future__ import annotations

import os

from bench.errors import OperatorError


def secret_variable(name: str) -> str:
    """The environment variable for a password, such as ``AUTHBENCH_SECRET_OCPP_CP_001`` for ``ocpp:CP-001``."""
    return "AUTHBENCH_SECRET_" + "".join(char if char.isascii() and char.isalnum() else "_" for char in name.upper())


def secret(name: str) -> str | None:
    """A password from its environment variable, else from the system keyring, or None.

    Raises:
        OperatorError: the keyring does not work.
    """
    given = os.environ.get(secret_variable(name))
    return given or kept_secret(name)


def kept_secret(name: str) -> str | None:
    """A password from the system keyring, or None; raises as :func:`secret`."""
    import keyring
    import keyring.errors

    try:
        return keyring.get_password("authbench", name)
    except (keyring.errors.KeyringError, keyring.errors.InitError) as error:
        why = str(error).partition("\n")[0].partition(". ")[0]
        raise OperatorError(
            f"the system keyring cannot be read for {name}: {why}",
            f"set the environment variable {secret_variable(name)} for the bench",
        ) from error
