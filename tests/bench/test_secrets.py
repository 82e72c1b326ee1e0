"""Passwords: set, read, deleted, and what is told where there is no keyring."""

from __future__ import annotations

from collections.abc import Iterator

import keyring.backends.fail
import pytest
from click.testing import CliRunner

from bench.assembly import Bench, Options
from bench.cli import cli
from bench.errors import OperatorError
from bench.secret import secret, secret_variable
from bench.settings import OcppSettings, Profile, SecuritySettings
from tests.keyrings import MemoryKeyring, keyring_in_use


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    with keyring_in_use(MemoryKeyring()) as ours:
        yield ours


@pytest.fixture
def no_ring() -> Iterator[None]:
    with keyring_in_use(keyring.backends.fail.Keyring()):
        yield


def test_set_read_delete(ring: MemoryKeyring) -> None:
    runner = CliRunner()
    done = runner.invoke(cli, ["secret", "set", "ocpp:CP-1"], input="sixteen-letters-x\nsixteen-letters-x\n")
    assert "sixteen" not in done.output
    assert secret("ocpp:CP-1") == "sixteen-letters-x"
    runner.invoke(cli, ["secret", "delete", "ocpp:CP-1"])
    assert secret("ocpp:CP-1") is None
    gone = runner.invoke(cli, ["secret", "delete", "ocpp:CP-1"])
    assert "there is no password" in str(gone.exception)


def test_a_short_password_of_a_station_is_noted(ring: MemoryKeyring) -> None:
    done = CliRunner().invoke(cli, ["secret", "set", "ocpp:CP-1"], input="short\nshort\n")
    assert "16 to 40 characters" in done.output
    assert secret("ocpp:CP-1") == "short"


def test_without_a_keyring_the_environment_serves(no_ring: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secret_variable("ocpp:CP-001") == "AUTHBENCH_SECRET_OCPP_CP_001"
    with pytest.raises(OperatorError, match="AUTHBENCH_SECRET_OCPP_CP_001"):
        secret("ocpp:CP-001")
    refused = CliRunner().invoke(cli, ["secret", "set", "ocpp:CP-001"], input="sixteen-letters-x\nsixteen-letters-x\n")
    assert isinstance(refused.exception, OperatorError)
    assert "AUTHBENCH_SECRET_OCPP_CP_001" in str(refused.exception)
    monkeypatch.setenv("AUTHBENCH_SECRET_OCPP_CP_001", "from-the-environment")
    assert secret("ocpp:CP-001") == "from-the-environment"


def test_a_profile_with_tls_and_no_files_is_told_before_anything_listens() -> None:
    profile = Profile(ocpp=OcppSettings(security=SecuritySettings(profile=2)))
    with pytest.raises(OperatorError, match="security profile 2 needs a file for certificate"):
        Bench(Options(profile=profile))._make_server("127.0.0.1:0")
