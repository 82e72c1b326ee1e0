"""Whose password is whose: the operator's first, one for the simulated charger's run where there is none."""

from __future__ import annotations

import pytest

from bench.errors import OperatorError
from bench.passwords import StationPasswords


def test_what_the_operator_keeps_goes_first() -> None:
    passwords = StationPasswords({"ocpp:CP-1": "kept"}.get)
    assert passwords.of("CP-1") == passwords.of_simulated("CP-1", make=True) == "kept"
    assert passwords.of("CP-2") is None
    assert passwords.of_simulated("CP-2", make=False) is None


def test_one_made_for_a_run_stays_the_same_and_is_of_the_right_length() -> None:
    passwords = StationPasswords(lambda name: None)
    made = passwords.of_simulated("CP-1", make=True)
    assert made is not None
    assert 16 <= len(made) <= 40  # BasicAuthPassword
    assert passwords.of("CP-1") == passwords.of_simulated("CP-1", make=True) == made
    assert StationPasswords(lambda name: None).of_simulated("CP-1", make=True) != made


def test_a_keyring_that_does_not_work_is_told_but_to_a_run_that_needs_none() -> None:
    def broken(name: str) -> str | None:
        raise OperatorError(f"the keyring cannot be read for {name}")

    passwords = StationPasswords(broken)
    with pytest.raises(OperatorError, match="ocpp:CP-1"):
        passwords.of_simulated("CP-1", make=False)
    assert passwords.of_simulated("CP-1", make=True) == passwords.of("CP-1")
