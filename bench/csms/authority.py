"""Who decides about a token, as the CSMS sees it."""

from __future__ import annotations

from typing import Protocol

from bench.tokens.decision import Referral
from bench.tokens.model import Ask, Decision


class Authority(Protocol):
    """Decides at once, or says that somebody else is to be asked; the OCPP answer is derived from the Decision."""

    def decide(self, ask: Ask, seq: int) -> Decision | Referral:
        """May this token charge here now. seq: journal number of the message that asks.

        A Referral: the call waits until the link is told the decision (:meth:`bench.csms.link.StationLink.decided`).

        Raises:
            OperatorError: no decision can be had (the store is gone); the station is answered InternalError.
        """
        ...
