"""A capture on disk out of a few lines, and the files beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.journal.capture_file import Batch, CaptureFile, ExchangeRow, Gap
from bench.journal.notes import Note
from bench.message import Message

Record = Callable[..., Path]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """``record(messages, ...)`` writes a capture and returns where it is."""

    def write(
        messages: Sequence[Message] = (),
        exchanges: Sequence[ExchangeRow] = (),
        gaps: Sequence[Gap] = (),
        notes: Sequence[Note] = (),
        stations: Sequence[tuple[str, str]] = (),
        facts: Sequence[tuple[str, str]] = (),
        name: str = "capture.db",
    ) -> Path:
        file = CaptureFile(tmp_path / name)
        file.open()
        try:
            file.write(
                Batch(messages=messages, exchanges=exchanges, gaps=gaps, notes=notes, stations=stations, facts=facts)
            )
        finally:
            file.close()
        return file.path

    return write
