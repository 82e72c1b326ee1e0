"""A station's password, right, wrong or in the wrong place, is in nothing that the program writes or tells."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import keyring.backends.fail
import pytest

from bench.cli import main, report_bug
from bench.secret import secret_variable
from bench.settings import OcppSettings, Profile, SecuritySettings, save_profile
from devices.ocpp.certificates import make
from fixtures.charger.credentials import credentials
from tests.e2e.plain_socket import TEXT, frame, request
from tests.e2e.world import LIMIT_S, Serve, command, environment, finding, options, running
from tests.keyrings import MemoryKeyring, keyring_in_use

RIGHT, WRONG = "pw/Geheim+161803 ü&", "pw/Falsch+271828 ß&"


def spellings(secret: str) -> set[bytes]:
    told = {secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe="")}
    for user in ("", "CP-001:", "CP-9:", "CP-8:"):
        code = base64.b64encode(f"{user}{secret}".encode()).decode()
        told |= {code, code.rstrip("=")[:-1]}
    return {form.encode() for form in told} | {secret.encode().hex().encode()}


SPELLINGS = {form for secret in (RIGHT, WRONG) for form in spellings(secret)}


def leaks(name: str, data: bytes) -> list[str]:
    found = [data.find(form) for form in SPELLINGS]
    return [f"{name}: {data[max(at - 100, 0) : at + 60]!r}" for at in found if at >= 0]


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.name, file.read_bytes()


class SecretServe(Serve):
    """``authbench -vv serve`` with passwords in its environment."""

    def __init__(self, folder: Path, **secrets: str) -> None:
        self._errors = folder / "stderr.log"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "bench", "-vv", "serve", "--profile", "bench.toml", "--charger", "sim",
                    "--ocpp", "127.0.0.1:0", "--api", "127.0.0.1:0", "--mqtt", "embedded:0", "--reader", "off",
                    "--store", "tokens.db", "--capture", "capture.db",
                ],
                cwd=folder,
                env={
                    **environment(folder),
                    "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
                    **{secret_variable(f"ocpp:{name}"): value for name, value in secrets.items()},
                },
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )  # fmt: skip
        self.ready = {}


def logins() -> Iterator[bytes]:
    """What stations show at the door, the right one last."""
    for user, password in (("CP-9", WRONG), ("CP-8", RIGHT), (RIGHT, "CP-9"), ("CP-9", RIGHT)):
        yield request(
            "CP-9", "ocpp1.6", f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        )
    yield request("CP-9", "ocpp1.6", f"Authorization: Basic CP-9:{quote(RIGHT)}")
    yield request("CP-9", "ocpp1.6", f"Authorization: Bearer {quote(RIGHT)}")
    yield request(f"CP-9?password={quote(RIGHT)}", "ocpp1.6")
    yield request(f"a/b?password={quote(RIGHT)}", "ocpp1.6")


@pytest.mark.parametrize("number", [1, 2])
async def test_in_no_file_no_log_and_no_answer(tmp_path: Path, number: int) -> None:
    made = make(tmp_path / "tls")
    security = SecuritySettings(profile=number, certificate=made[1].certificate, key=made[1].key)
    profile = Profile(ocpp=OcppSettings(security=security))
    save_profile(profile, tmp_path / "bench.toml")
    tls = credentials(security, "CP-9", RIGHT).tls if number == 2 else None
    told: list[str] = []
    with SecretServe(tmp_path, **{"CP-001": RIGHT, "CP-9": RIGHT}) as serve:
        address = urlsplit(serve.ready["ocpp"])
        answers = []
        for said in logins():
            reader, writer = await asyncio.open_connection(
                address.hostname, address.port, ssl=tls, server_hostname="localhost" if tls else None
            )
            writer.write(said)
            async with asyncio.timeout(LIMIT_S):
                answers.append(await reader.readuntil(b"\r\n\r\n"))
                if answers[-1].startswith(b"HTTP/1.1 101"):
                    writer.write(frame(TEXT, b'[2,"1","Heartbeat",{}]'))
                    await reader.read(100)
                else:
                    answers[-1] += await reader.read()
            writer.close()
        assert [answer.split()[1] for answer in answers] == [b"401"] * 3 + [b"101"] + [b"401"] * 3 + [b"404"]
        async with httpx.AsyncClient(base_url=serve.ready["api"], trust_env=False, timeout=LIMIT_S) as api:
            for path in ("state", "messages?limit=1000", "exchanges", "openapi.json"):
                told.append((await api.get(f"/bench/v1/{path}")).text)
        state = json.loads(told[0])
        assert {station["id"]: station["boot"] for station in state["stations"]}["CP-001"] == "Accepted"
        during = dict(files(tmp_path))  # with the write-ahead log of the capture
        assert serve.terminate() == 0
    for arguments in (
        ("show", "capture.db", "--raw"),
        ("export", "capture.db", "all.jsonl"),
        ("export", "capture.db", "a.csv"),
    ):
        done = await asyncio.to_thread(command, tmp_path, "journal", *arguments)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout + done.stderr)
    assert " DEBUG " in serve.errors
    found = [leak for name, data in (*during.items(), *files(tmp_path)) for leak in leaks(name, data)]
    found += [leak for text in told for leak in leaks("told", text.encode())]
    found += [leak for answer in answers for leak in leaks("answer", answer)]
    assert not found, "\n".join(found)


def test_in_no_crash_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(MemoryKeyring):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise RuntimeError("the backend broke")

    reports: list[str] = []
    monkeypatch.setattr("bench.cli.report_bug", lambda trace: reports.append(trace) or report_bug(trace))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("click.prompt", lambda *_, **__: RIGHT)
    with keyring_in_use(Broken()):
        assert main(["secret", "set", "ocpp:CP-9"]) == 3
    (report,) = tmp_path.glob("authbench-report-*.txt")
    text = report.read_text()
    assert "the backend broke" in text
    assert leaks("report", text.encode() + "".join(capsys.readouterr()).encode()) == []


async def test_without_a_keyring_the_operator_is_told_what_to_do(tmp_path: Path) -> None:
    asked = options(tmp_path, profile=Profile(ocpp=OcppSettings(security=SecuritySettings(profile=1))))
    with keyring_in_use(keyring.backends.fail.Keyring()):
        async with running(asked) as bench:
            told = await finding(bench.session, "ocpp.no-keyring", "the system keyring cannot be read")
            assert "stations are let in only by passwords from the environment of the bench" in told
            cure = bench.session.findings[0].cure
            assert "set AUTHBENCH_SECRET_OCPP_CP_001 for CP-001" in cure
            assert "Secret Service" in cure
    with keyring_in_use(MemoryKeyring()):
        async with running(asked) as bench:
            assert [one.rule for one in bench.session.findings] == []


def test_a_program_without_a_window_says_it_on_its_standard_error(tmp_path: Path) -> None:
    save_profile(Profile(ocpp=OcppSettings(security=SecuritySettings(profile=1))), tmp_path / "bench.toml")
    with SecretServe(tmp_path, **{"CP-001": RIGHT}) as serve:
        assert serve.terminate() == 0
    told = [
        line for line in serve.errors.splitlines() if line.startswith("authbench: the system keyring cannot be read")
    ]
    assert len(told) == 1
    assert "AUTHBENCH_SECRET_OCPP_CP_001" in told[0]


def test_a_password_in_the_profile_file_is_refused_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(f'[ocpp.security]\nprofile = 1\npassword = "{RIGHT}"\n', encoding="utf-8")
    done = command(tmp_path, "serve", "--profile", "bench.toml")
    assert done.returncode == 2
    assert "wrong at ocpp.security.password" in done.stderr
    assert leaks("stderr", done.stderr.encode()) == []
