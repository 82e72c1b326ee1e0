"""Errors by blame: the operator's world (say what to do) or our own bug (report it)."""

from __future__ import annotations


class OperatorError(Exception):
    """Something in the operator's world is not as needed.

    Args:
        what: what is wrong, in one plain sentence.
        cure: what to do about it; may be empty.
    """

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.what}; {self.cure}" if self.cure else self.what


class LinkDown(OperatorError):
    """A link that a message should go out on is not up. Nothing was sent and nothing is queued."""


class Busy(OperatorError):
    """The same is being done already. Nothing was begun."""


class BadInput(OperatorError):
    """What the operator, a file or an API client gave cannot be used as it is."""


class NotFound(OperatorError):
    """A named station, token, exchange or message does not exist."""


class StoreError(OperatorError):
    """The database refused: read-only, locked, full or not ours."""


class BenchBug(Exception):
    """A state that only a fault in this program can reach."""
