"""A real mosquitto for tests: on a free port, in a folder of its own, ended by its pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

START_LIMIT_S = 10.0


def find(program: str) -> str:
    """Path of a mosquitto program. Without it the test is skipped, but fails on a build server (CI=true)."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if path is None:
        missing = f"{program} is not installed (package mosquitto)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """One broker process on loopback. folder: for its configuration. config: further lines of it."""

    def __init__(self, folder: Path, *, config: str = "allow_anonymous true", port: int | None = None) -> None:
        self.port = port or free_port()
        self._program = find("mosquitto")
        self._file = folder / f"mosquitto-{self.port}.conf"
        # Started by root it would become another user, who may not read the test's folder.
        self._file.write_text(f"user root\nlistener {self.port} 127.0.0.1\n{config}\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it accepts connections."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            if self._process.poll() is not None:
                pytest.fail(f"mosquitto ended at once with {self._process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self.kill()
                    pytest.fail("mosquitto does not accept connections")
                time.sleep(0.02)  # a process outside: nothing else tells when it listens

    def freeze(self) -> None:
        """Let it neither read nor write any more, as a computer that hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it without a goodbye, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None
