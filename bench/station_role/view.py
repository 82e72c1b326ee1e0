"""What an operator may see of the bench as a station."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bench.clock import iso_datetime
from bench.exchange import MASK
from bench.masking import is_key_code
from bench.station_role.memory import Key, TokenInfo
from bench.station_role.state import RoleState
from bench.tokens.model import IdTokenType
from bench.uid import wire_uid

MAX_SHOWN = 1000

_TYPES = {kind.casefold(): str(kind) for kind in IdTokenType}


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """One token of list or cache. token: as shown, key codes masked. type: of OCPP 2.x, empty on 1.6. updated: cache only."""

    token: str
    type: str
    status: str
    expires: datetime | None = None
    group: str = ""
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class RoleSetting:
    name: str
    value: str
    means: str
    address: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class RoleView:
    """boot: RegistrationStatus, None before the CSMS said one on this connection. list_entries, cache_entries: how many there are;
    listed and cached hold at most :data:`MAX_SHOWN` each."""

    url: str
    identity: str
    version: str
    connected: bool
    boot: str | None
    list_version: int
    list_entries: int
    cache_entries: int
    listed: tuple[RoleEntry, ...]
    cached: tuple[RoleEntry, ...]
    settings: tuple[RoleSetting, ...]
    in_service: bool


def view_of(state: RoleState, url: str, boot: str | None, *, connected: bool) -> RoleView:
    """The state as it is now."""
    settings, tokens = state.settings, state.tokens
    cached = tokens.cache.entries()
    return RoleView(
        url,
        state.identity,
        state.version,
        connected,
        boot,
        tokens.local_list.reported_version(settings.on("list-enabled")),
        len(tokens.local_list),
        len(cached),
        tuple(_entry(key, info, None) for key, info in list(tokens.local_list)[:MAX_SHOWN]),
        tuple(_entry(key, info, updated) for key, info, updated in cached[-MAX_SHOWN:]),
        tuple(
            RoleSetting(
                setting.name,
                settings.value(setting),
                setting.means,
                setting.address(state.version),
                settings.read_only(setting),
            )
            for setting in settings.all(state.version)
        ),
        state.in_service,
    )


def role_json(view: RoleView) -> dict[str, object]:
    """The shape of ``GET /bench/v1/role``."""
    return {
        "url": view.url,
        "identity": view.identity,
        "version": view.version,
        "connected": view.connected,
        "boot": view.boot,
        "in_service": view.in_service,
        "list": {
            "version": view.list_version,
            "count": view.list_entries,
            "entries": [_json(entry) for entry in view.listed],
        },
        "cache": {"count": view.cache_entries, "entries": [_json(entry) for entry in view.cached]},
        "settings": [
            {"name": s.name, "value": s.value, "address": s.address, "read_only": s.read_only} for s in view.settings
        ],
    }


def _entry(key: Key, info: TokenInfo, updated: datetime | None) -> RoleEntry:
    value, kind = key
    shown = MASK if is_key_code(kind) else wire_uid(value)
    return RoleEntry(shown, _TYPES.get(kind, kind), info.status, info.expires, info.group or "", updated)


def _json(entry: RoleEntry) -> dict[str, object]:
    return {
        "token": entry.token,
        "type": entry.type,
        "status": entry.status,
        "expires": _time(entry.expires),
        "group": entry.group,
        "updated": _time(entry.updated),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso_datetime(moment)
