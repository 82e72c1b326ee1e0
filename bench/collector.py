"""The garbage collector, kept out of work that makes hundreds of thousands of objects at a stroke."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected(*, stay: bool = False) -> Iterator[None]:
    """Without looking for cycles inside: it would go through all that was made so far again and again, and find none.

    stay: what was made lives on, so the collector passes it by from then on too. Looking through a million tokens holds the window
    up for a second.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if stay:
            gc.freeze()
        if enabled:
            gc.enable()
