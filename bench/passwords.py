"""Passwords of stations for basic auth (OCPP 2.0.1 A00.FR.204): what the operator keeps, and one for a simulated charger's run."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from bench.errors import OperatorError

MADE_BYTES = 24
"""Of a password made for a run: 32 characters, where OCPP wants 16 to 40 (BasicAuthPassword)."""


class StationPasswords:
    """kept: the operator's, by ``ocpp:STATION``, from environment or keyring; may take its time, so both methods want a thread."""

    def __init__(self, kept: Callable[[str], str | None]) -> None:
        self._kept = kept
        self._made: dict[str, str] = {}

    def of(self, station: str) -> str | None:
        """The password of a station, or None.

        Raises:
            OperatorError: the keyring does not work.
        """
        made = self._made.get(station)
        return made if made is not None else self._kept(f"ocpp:{station}")

    def of_simulated(self, station: str, *, make: bool) -> str | None:
        """The same for a simulated charger. make: where the operator keeps none, make one that lives as long as this run."""
        try:
            known = self.of(station)
        except OperatorError:
            if not make:
                raise
            known = None
        if known is None and make:
            known = self._made[station] = secrets.token_urlsafe(MADE_BYTES)
        return known
