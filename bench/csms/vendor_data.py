"""The data of a DataTransfer in a line: text on OCPP 1.6, any JSON on 2.x."""

from __future__ import annotations

from bench.masking import mask_tree
from bench.plain_data import json_text

MAX_SHOWN = 300
MAX_READ = 20_000
"""Characters of data that are looked through for secrets; of more only the size is told."""


def shown(data: object) -> str:
    """At most :data:`MAX_SHOWN` characters, secrets masked; the whole of it is in the journal."""
    text = data if isinstance(data, str) else json_text(data)
    if len(text) > MAX_READ:
        return f"{len(text):,} characters"
    masked = mask_tree(data)
    text = masked if isinstance(masked, str) else json_text(masked)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
