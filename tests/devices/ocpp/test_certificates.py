"""Certificates made, read back and judged."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bench.cli import main
from bench.clock import utc_now
from bench.errors import BadInput, OperatorError
from devices.ocpp.certificates import KeyType, common_name, describe, hosts_of, make, problems, read, read_key, type_of


def test_a_set_that_fits_together(tmp_path: Path) -> None:
    ca, server, station = make(tmp_path, ["bench.local", "10.0.0.5"], ["SN/001"])
    signer = read(ca.certificate)
    for made in (server, station):
        assert problems(read(made.certificate), key=read_key(made.key), ca=signer) == []
        if os.name == "posix":
            assert made.key.stat().st_mode & 0o777 == 0o600
    assert hosts_of(read(server.certificate)) == ("localhost", "bench.local", "127.0.0.1", "::1", "10.0.0.5")
    assert common_name(read(station.certificate).subject) == "SN/001"
    assert station.certificate.name == "station-SN_001.pem"


def test_more_stations_are_signed_by_the_same_ca_and_nothing_is_overwritten(tmp_path: Path) -> None:
    ca, server, _ = make(tmp_path, stations=["A"])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    _, _, second = make(tmp_path, stations=["B"])
    assert problems(read(second.certificate), ca=read(ca.certificate)) == []
    with pytest.raises(OperatorError, match=r"station-A.pem is there already; .*--force"):
        make(tmp_path, stations=["C", "A"])
    assert not (tmp_path / "station-C.pem").exists()
    assert all(path.read_bytes() == data for path, data in before.items())
    make(tmp_path, stations=["A"], force=True)
    assert server.certificate.read_bytes() != before[server.certificate]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    ca, server, old = make(tmp_path / "one", stations=["OLD"], days=-1)
    other_ca, _, other = make(tmp_path / "two", stations=["NEW"])
    certificate = read(old.certificate)
    assert problems(certificate)[0].startswith("expired on ")
    assert problems(read(other.certificate), now=utc_now() - timedelta(days=1))[0].startswith("not valid before ")
    found = problems(read(other.certificate), key=read_key(old.key), ca=read(ca.certificate))
    assert found[0] == "the key is not the certificate's own"
    assert found[1].startswith("not signed by Authbench CA")
    assert problems(read(other.certificate), ca=read(other_ca.certificate)) == []


@pytest.mark.parametrize("host", ["", "a b", "wss://x", "x" * 70])
def test_no_host(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput, match="no host name"):
        make(tmp_path, [host])


def test_no_certificate_names_itself_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be the name"):
        make(tmp_path, stations=["x" * 65])
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(BadInput, match="no PEM certificate"):
        read(tmp_path / "text.pem")
    with pytest.raises(BadInput, match="cannot read"):
        read(tmp_path / "absent.pem")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tls"
    assert main(["certificates", "make", str(folder), "--host", "bench.local", "--station", "CP-1"]) == 0
    assert "station_ca = " in capsys.readouterr().out
    assert main(["certificates", "show", str(folder / "server.pem")]) == 0
    assert "bench.local" in capsys.readouterr().out
    assert main(["certificates", "make", str(folder), "--station", "CP-1"]) == 2
    assert "--force" in capsys.readouterr().err
    (folder / "station-CP-1.key").write_bytes((folder / "server.key").read_bytes())
    assert main(["certificates", "show", str(folder / "station-CP-1.pem")]) == 1
    assert "the key is not the certificate's own" in capsys.readouterr().out


def test_rsa_keys(tmp_path: Path) -> None:
    assert main(["certificates", "make", str(tmp_path), "--station", "CP-1", "--key-type", "rsa", "--days", "30"]) == 0
    signer = read(tmp_path / "ca.pem")
    for name in ("server", "station-CP-1"):
        certificate, key = read(tmp_path / f"{name}.pem"), read_key(tmp_path / f"{name}.key")
        assert problems(certificate, key=key, ca=signer) == []
        assert type_of(key) is KeyType.RSA
        assert "key:     RSA 2048 bits" in describe(certificate)
        assert certificate.not_valid_after_utc - utc_now() < timedelta(days=31)


def test_one_folder_has_keys_of_one_type(tmp_path: Path) -> None:
    make(tmp_path, stations=["A"], key_type=KeyType.RSA)
    (_, _, more) = make(tmp_path, stations=["B"])
    assert type_of(read_key(more.key)) is KeyType.RSA, "as the CA's"
    with pytest.raises(OperatorError, match=r"has an RSA key; .*--force"):
        make(tmp_path, stations=["C"], key_type=KeyType.EC)
    assert not (tmp_path / "station-C.pem").exists()
