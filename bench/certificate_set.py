"""A set of certificates that is wanted, the files that were made, and their use in a profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.settings import Profile, SecuritySettings, load_profile, save_profile


@dataclass(frozen=True, slots=True)
class CertificatesWanted:
    """hosts: names and addresses of this computer, loopback is always added. stations: a common name each. days: term of server and
    stations. replace: what is there already, the CA too.
    """

    folder: Path
    hosts: tuple[str, ...]
    stations: tuple[str, ...]
    days: int
    key_type: Literal["ec", "rsa"]
    replace: bool = False


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files. stations: common name, certificate and key of each."""

    ca: Path
    server: Path
    server_key: Path
    stations: tuple[tuple[str, Path, Path], ...]


def use_in_profile(file: Path, files: CertificateFiles, level: int) -> Profile:
    """Set ``ocpp.security`` of a profile file to these files at security profile 2 or 3; a file that is not there is made.

    Raises:
        BadInput: the profile is wrong. OSError: it cannot be written.
    """
    profile = load_profile(file) if file.exists() else Profile()
    security = SecuritySettings(
        profile=level,
        certificate=files.server.absolute(),
        key=files.server_key.absolute(),
        station_ca=files.ca.absolute(),
    )
    ocpp = profile.ocpp.model_copy(update={"security": security})
    changed = profile.model_copy(update={"ocpp": ocpp})
    save_profile(changed, file)
    return changed
