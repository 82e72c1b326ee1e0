"""Where the bench as a station keeps list, cache and settings over a restart (OCPP 2.0.1 C10.FR.02, TC_D_07)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import orjson

from bench.errors import OperatorError

MAX_BYTES = 16_000_000


class Keeper(Protocol):
    """Raises OperatorError where it cannot."""

    def load(self) -> dict[str, Any] | None:
        """What was saved last, or None where nothing ever was."""
        ...

    def save(self, data: dict[str, Any]) -> None: ...


class RoleFile:
    """A JSON file that only its owner can read: a list may hold key codes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, Any] | None:
        try:
            if self.path.stat().st_size > MAX_BYTES:
                raise OperatorError(f"{self.path} is too big to be the memory of a station", "move it away")
            data = orjson.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OperatorError(f"cannot read {self.path}: {error.strerror or error}", "look at its rights") from error
        except orjson.JSONDecodeError as error:
            raise OperatorError(
                f"{self.path} is no JSON: {error}", "delete it; the CSMS sends the list again"
            ) from error
        if not isinstance(data, dict):
            raise OperatorError(f"{self.path} is not the memory of a station", "move it away")
        return data

    def save(self, data: dict[str, Any]) -> None:
        """A crash leaves the old file or the new one."""
        draft = self.path.with_suffix(".new")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps(data))
            draft.replace(self.path)
        except OSError as error:
            raise OperatorError(
                f"cannot write {self.path}: {error.strerror or error}", "make room, or look at the rights of its folder"
            ) from error
