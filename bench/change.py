"""What changed in a bench, for those who show it."""

from __future__ import annotations

from enum import StrEnum


class Change(StrEnum):
    """What changed; the key says which one."""

    LINK = "link"  # key: link name
    EXCHANGE = "exchange"  # key: exchange id
    STATION = "station"  # key: station id
    TOKENS = "tokens"  # key: None
    FINDING = "finding"  # key: None
    CARD = "card"  # key: reader name; session.last_card is new
    NOTE = "note"  # key: number of the message
    PROXY = "proxy"  # key: station id; messages began or ceased to wait in the proxy
    QUESTION = "question"  # key: None; the operator is asked about a token, or not any more
    REGISTRY = "registry"  # key: None; what was registered over the MaEVe API or OCPI
    LIST = "list"  # key: station id; its local list, what is known of it, or a push under way
    ROLE = "role"  # key: None; the bench as a station
