"""What each byte of a reader's message means; the drivers of readers say so for their own."""

from __future__ import annotations

from collections.abc import Callable

from bench.codecs import ascii_bytes, foreign_bytes, pn532_bytes
from bench.codecs.spans import MAX_SPANS, Span

MAX_FOREIGN = 1024

Explain = Callable[[bytes], list[Span]]

_EXPLAINED: dict[str, Explain] = {"pn532": pn532_bytes.explain, "ascii": ascii_bytes.explain}


def register(driver: str, explain: Explain) -> None:
    """From now on messages of that driver are explained so. explain: every byte in exactly one span, in order; never raises."""
    _EXPLAINED[driver] = explain


def explain(kind_of_driver: str, raw: bytes) -> tuple[Span, ...]:
    """Name every byte of a reader's message, in order, each in exactly one span; none for no bytes. Never raises.

    kind_of_driver: the part before the colon of a reader's name (``pn532``, ``ascii``); of another driver the bytes tell.
    """
    known = _EXPLAINED.get(kind_of_driver)
    if known is not None:
        spans = known(raw)
    elif ascii_bytes.is_text(raw):
        spans = ascii_bytes.explain(raw)
    elif pn532_bytes.SYNC in raw:
        spans = pn532_bytes.explain(raw)
    else:
        spans = [Span(0, len(raw), "bytes", "of a layout that is not known here")] if raw else []
    if len(raw) <= MAX_FOREIGN and not any(span.ok for span in spans):  # nothing in it is as this driver expects it
        spans = foreign_bytes.explain(raw) or spans
    if len(spans) > MAX_SPANS:
        rest = Span(spans[MAX_SPANS - 1].start, len(raw), "rest", f"{len(spans) - MAX_SPANS + 1:,} further parts")
        spans = [*spans[: MAX_SPANS - 1], rest]
    return tuple(spans)
