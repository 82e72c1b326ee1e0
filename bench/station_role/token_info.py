"""What a CSMS says of a token, IdTagInfo of OCPP 1.6 and IdTokenInfoType of 2.x, as :class:`TokenInfo`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bench.station_role.memory import TokenInfo


def id_tag_info(info: Mapping[str, Any] | None) -> TokenInfo | None:
    """IdTagInfo (OCPP 1.6 section 7.27), its status known to be a string; None stays None."""
    if info is None:
        return None
    parent = info.get("parentIdTag")
    return TokenInfo(
        info["status"], moment(info.get("expiryDate")), parent.casefold() if isinstance(parent, str) else None
    )


def id_token_info(info: Mapping[str, Any] | None) -> TokenInfo | None:
    """IdTokenInfoType (OCPP 2.0.1 section 2.24), its status known to be a string; None stays None."""
    if info is None:
        return None
    group = info.get("groupIdToken")
    value = group.get("idToken") if isinstance(group, Mapping) else None
    return TokenInfo(
        info["status"], moment(info.get("cacheExpiryDateTime")), value.casefold() if isinstance(value, str) else None
    )


def moment(text: object) -> datetime | None:
    """An RFC 3339 time as UTC, which it is taken for without an offset. None for what is no time."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:  # the first or the last day of the calendar: "ever" or "never", as some write it
        return datetime.min.replace(tzinfo=UTC) if found.year == 1 else datetime.max.replace(tzinfo=UTC)
