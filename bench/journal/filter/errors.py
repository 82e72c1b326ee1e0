"""What is wrong with a filter, and where."""

from __future__ import annotations

from bench.errors import BadInput


class FilterError(BadInput):
    """A filter that cannot be read.

    Attributes:
        position: index of the character where the trouble starts, from 0.
        text: one plain sentence.
    """

    def __init__(self, position: int, text: str) -> None:
        super().__init__(text)
        self.position = position
        self.text = text
