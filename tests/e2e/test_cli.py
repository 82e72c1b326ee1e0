"""The command line as an operator meets it: what it prints, and the exit code."""

from __future__ import annotations

import csv
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.cli import main
from tests.e2e.world import command

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in a folder of its own: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        told = capsys.readouterr()
        return code, told.out, told.err

    return go


@pytest.fixture
def taken() -> Iterator[str]:
    """``HOST:PORT`` that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


# Tokens


def test_tokens_round_trip(run: Run, tmp_path: Path) -> None:
    def tokens(*arguments: str, store: str = "one.db") -> tuple[int, str, str]:
        return run("tokens", "--store", store, *arguments)

    assert tokens("list")[:2] == (0, "")
    code, out, _ = tokens("add", "04:aa:11:bb:22:cc:33")
    assert code == 0
    assert "04AA11BB22CC33 is in the store as GB" in out
    assert tokens("add", "5237AB3B", "--status", "expired")[0] == 0
    assert tokens("add", "481516", "--type", "keycode")[0] == 0
    assert tokens("block", "04-aa-11-bb-22-cc-33")[:2] == (0, "04-aa-11-bb-22-cc-33 is blocked\n")

    code, listed, _ = tokens("list")
    rows = {line.split("\t")[0]: line.split("\t")[1:3] for line in listed.splitlines()}
    assert rows["04AA11BB22CC33"] == ["ISO14443", "Blocked"]
    assert rows["5237AB3B"] == ["ISO14443", "Expired"]
    assert len(rows) == 3

    for ending in ("csv", "json"):
        file = tmp_path / f"tokens.{ending}"
        assert tokens("export", str(file))[1] == f"2 tokens written to {file}\n", "key codes are secret"
        assert tokens("export", "--key-codes", str(file))[:2] == (0, f"3 tokens written to {file}\n")
        assert tokens("import", str(file), store=f"{ending}.db")[:2] == (0, "3 tokens imported\n")
        assert tokens("list", store=f"{ending}.db")[:2] == (0, listed)


def test_an_import_says_first_what_it_would_do(run: Run, tmp_path: Path) -> None:
    def tokens(*arguments: str) -> tuple[int, str, str]:
        return run("tokens", "--store", "one.db", *arguments)

    file = tmp_path / "page.csv"
    file.write_text("Karte;Zustand;parent\n5237AB3B;blocked;FLEET\n04AABBCC;;FLEET\n")
    assert tokens("add", "04AABBCC")[0] == 0
    assert "no column names a token" in tokens("import", str(file))[2]
    mapped = ("--map", "Karte=uid", "--map", "Zustand=status")
    assert "no field 'colour'" in tokens("import", str(file), "--map", "Karte=colour")[2]
    told = (0, "2 tokens would be imported: 1 new, 1 changed\n")
    assert tokens("import", str(file), *mapped, "--dry-run")[:2] == told
    assert len(tokens("list")[1].splitlines()) == 1
    assert tokens("import", str(file), *mapped, "--keep")[1] == "1 tokens imported: 1 new, 1 kept\n"
    assert tokens("import", str(file), *mapped)[1] == "1 tokens imported: 1 changed, 1 unchanged\n"
    assert tokens("export", "--as", "charger", "out.csv")[0] == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "idTag,expiry,parent,status",
        "04AABBCC,,FLEET,Accepted",
        "5237AB3B,,FLEET,Blocked",
    ]


def test_tokens_that_cannot_be(run: Run, tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        code, out, err = run("tokens", "--store", "one.db", *arguments)
        assert (code, out) == (2, "")
        [line] = err.splitlines()
        return line

    assert refused("add", "04AA", "--type", "stone").startswith("authbench: stone is not a type; choose from ")
    assert refused("add", "04AA", "--status", "odd").startswith("authbench: odd is not a status; choose from ")
    assert "there is no token 04AA in the store" in refused("block", "04AA")
    assert "nowhere.csv" in refused("import", "nowhere.csv")
    assert refused("export", "tokens.doc").startswith("authbench: ")


def test_a_wrong_row_stops_the_import(run: Run, tmp_path: Path) -> None:
    assert run("tokens", "--store", "one.db", "add", "5237AB3B")[0] == 0
    assert run("tokens", "--store", "one.db", "export", "good.csv")[0] == 0
    with (tmp_path / "good.csv").open(newline="") as file:
        head, row = csv.reader(file)
    bad = [
        row[at] if name not in ("contract_id", "contractId") else "GB-ABX-C0000000-0" for at, name in enumerate(head)
    ]
    with (tmp_path / "bad.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, row, bad])

    code, out, err = run("tokens", "--store", "two.db", "import", "bad.csv")

    assert (code, out) == (2, "")
    assert "bad.csv: row 3, contract" in err
    assert "nothing was imported; correct 1 row(s) first" in err
    assert run("tokens", "--store", "two.db", "list")[:2] == (0, "")


# Serve and the others: what is wrong is one line and exit code 2


def one_line(answer: tuple[int, str, str]) -> str:
    code, out, err = answer
    assert (code, out) == (2, ""), err
    [line] = err.splitlines()
    return line


SERVE = ("serve", "--store", "tokens.db", "--capture", "capture.db")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ("--ocpp", "{taken}", "--mqtt", "off", "--api", "off"),
            "port {port} on 127.0.0.1 is in use by another program; end that program, or choose another port",
        ),
        (
            ("--ocpp", "127.0.0.1:0", "--mqtt", "embedded:{taken}", "--api", "off"),
            "port {port} is in use, so the embedded broker cannot listen on {taken}; stop the other broker, or use it",
        ),
        (("--ocpp", "127.0.0.1:0", "--mqtt", "off", "--api", "{taken}"), "{port}"),
    ],
    ids=["ocpp", "mqtt", "api"],
)
def test_a_port_that_is_taken(run: Run, taken: str, more: tuple[str, ...], said: str) -> None:
    port = taken.rpartition(":")[2]
    line = one_line(run(*SERVE, *(part.format(taken=taken) for part in more)))
    assert line.startswith("authbench: ")
    assert said.format(port=port, taken=taken) in line
    assert "in use" in line


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[ocpp]\nheartbeat_s = 0\n", "wrong at ocpp.heartbeat_s: "),
        ("[bus]\nrole = 'king'\n", "wrong at bus.role: "),
        ("[[readers]]\ndriver = 'pn532'\n", "wrong at readers.0.port: "),
        ("colour = 'red'\n", "wrong at colour: "),
        ("this is not TOML", "is not TOML: "),
    ],
)
def test_a_profile_that_is_wrong_names_the_field(run: Run, tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(toml)
    assert said in one_line(run(*SERVE, "--profile", "bad.toml"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*SERVE, "--profile", "none.toml"), "cannot read the profile none.toml"),
        ((*SERVE, "--mqtt", "off", "--reader", "crystal:/dev/ttyUSB0"), "crystal"),
        (
            (*SERVE, "--mqtt", "off", "--reader", "pn532"),
            "pn532 is not DRIVER:PORT; write for example pn532:/dev/ttyUSB0",
        ),
        ((*SERVE, "--mqtt", "off", "--ocpp", "127.0.0.1:99999"), "127.0.0.1:99999 is not HOST:PORT"),
        ((*SERVE, "--mqtt", "http://broker"), "http:// is no way to this broker; write it as mqtt://host:1883"),
        ((*SERVE, "--mqtt", "embedded:port"), "the embedded broker cannot listen on port:1883"),
        ((*SERVE[:3], "--mqtt", "off", "--capture", "/dev/null/capture.db"), "/dev/null/capture.db"),
        (("serve", "--mqtt", "off", "--api", "off", "--ocpp", "127.0.0.1:0", "--store", "oracle://x"), "oracle"),
        (
            ("demo", "--headless", "--reader-model", "crystal"),
            "there is no virtual reader 'crystal'; choose from ",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    line = one_line(run(*arguments))
    assert line.startswith("authbench: ")
    assert said in line


@pytest.mark.parametrize(
    "arguments",
    [("serve", "--nonsense"), ("dance",), ("serve", "--charger", "big"), ("tokens", "add"), ("serve", "more")],
)
def test_nonsense_is_usage(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err
    assert "Usage: authbench" in err


def test_help_and_version(run: Run) -> None:
    for arguments in (("--help",), ("serve", "--help"), ("tokens", "import", "--help")):
        code, out, _ = run(*arguments)
        assert code == 0
        assert out.startswith("Usage: authbench")
    assert run("--version")[0] == 0


def test_readers(run: Run) -> None:
    code, out, _ = run("readers")
    assert code == 0
    assert out
    code, out, _ = run("readers", "--drivers")
    assert code == 0
    assert {"ascii", "pn532"} <= {line.split()[0] for line in out.splitlines()}


def test_self_test(tmp_path: Path) -> None:
    done = command(tmp_path, "self-test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
    assert {"window", "database"} <= {line.split()[1].rstrip(":") for line in done.stdout.splitlines()}


def test_the_program_ends_with_the_code_main_returns(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--reader", "crystal:/dev/null", "--store", "t.db", "--capture", "c.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
