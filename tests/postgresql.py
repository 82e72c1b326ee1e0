"""A private PostgreSQL server for the tests that need a real one."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WAIT_S = 30.0
_ADMIN = "bench_admin"
_numbers = itertools.count(1)


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, or None where PostgreSQL is not installed."""
    places = []
    asked = shutil.which("pg_config")
    if asked is not None:
        told = subprocess.run([asked, "--bindir"], capture_output=True, text=True, timeout=10, check=False)
        places.append(Path(told.stdout.strip()))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found is not None:
        places.append(Path(found).resolve().parent)
    return next((place for place in places if (place / "initdb").is_file() and (place / "postgres").is_file()), None)


class Cluster:
    """One server on a free port of loopback, its files in a folder of its own; it forgets all when the machine does."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self._folder = folder
        self._bin = bin_folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._server: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    def make(self) -> None:
        """Create the files. initdb refuses root, so root hands them to the user postgres."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", _ADMIN, "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync")

    def start(self, *settings: str) -> None:
        """Start, and wait until it lets somebody in. settings: ``name=value``."""
        fast = (
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=40",
            "log_min_messages=log",
        )
        where = ("listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self._folder}")
        options = [part for setting in (*fast, *where, *settings) for part in ("-c", setting)]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [*self._as_user(), str(self._bin / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        deadline = time.monotonic() + WAIT_S
        while subprocess.run(
            self._command("pg_isready", "-q", "-d", "postgres"), cwd=self._folder, check=False
        ).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, as a restart of a server does to its clients; the next start finds all that was committed."""
        server, self._server = self._server, None
        if server is None:
            return
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGINT)  # fast shutdown: sessions are told and ended
        server.wait(WAIT_S)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run SQL as its owner."""
        command = self._command(
            "psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement
        )
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._folder, timeout=WAIT_S, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def database(self, encoding: str = "UTF8") -> str:
        """The URL of a new, empty database."""
        name = f"bench_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        return self.url(name)

    @contextmanager
    def guarded(self, user: str, password: str) -> Iterator[None]:
        """Meanwhile, let this superuser in only with its password."""
        rules = Path(self.sql("SHOW hba_file"))
        before = rules.read_text()
        self.sql(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{password}'")
        rules.write_text(f"host all {user} 127.0.0.1/32 scram-sha-256\n{before}")
        self.sql("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            rules.write_text(before)
            self.sql("SELECT pg_reload_conf()")

    def url(self, database: str, user: str = _ADMIN) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def _command(self, name: str, *arguments: str) -> list[str]:
        return [str(self._bin / name), "-h", "127.0.0.1", "-p", str(self.port), "-U", _ADMIN, *arguments]

    def _run(self, name: str, *arguments: str) -> None:
        command = [*self._as_user(), str(self._bin / name), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._folder, timeout=WAIT_S, check=False)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr[-2000:]}")

    @staticmethod
    def _as_user() -> list[str]:
        return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _missing() -> str:
    if os.name == "nt":
        return "these tests start PostgreSQL as POSIX does"
    if binaries() is None:
        return "PostgreSQL is not installed (apt install postgresql)"
    return ""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A running server, one a session; where there is none to start, the test is skipped, but on CI it fails."""
    missing = _missing()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    found = binaries()
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as name:  # short: a socket's path is bounded
        cluster = Cluster(Path(name), found)
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
