"""Files that appear under their name when they are whole, and leave nothing otherwise; readable by their owner only."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bench.errors import BadInput, StoreError
from bench.journal.capture_file import CaptureFile


@contextmanager
def draft(target: Path) -> Iterator[BinaryIO]:
    """A file that becomes the target when all went well, and nothing otherwise."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}", "name another file") from error
    part = Path(name)
    try:
        with open(number, "wb") as file:
            yield file
        part.replace(target)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}", "free space or name another"
        ) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def new_capture(path: Path) -> Iterator[CaptureFile]:
    """A capture that gets its name when all went well, and leaves nothing otherwise."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}", "name another file") from error
    try:
        file = CaptureFile(folder / path.name)
        file.open()
        try:
            yield file
        finally:
            file.close()
        if any(folder.glob("*-wal")):
            raise StoreError(f"{path} could not be completed on its disk", "free space on it")
        if path.exists():
            raise BadInput(f"{path} was made meanwhile by another program", "name another file")
        try:
            file.path.rename(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}", "name another file") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
