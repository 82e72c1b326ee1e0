"""What the bench as a station is, whatever its connection does: identity, EVSEs, settings, local list and cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench.clock import Clock, to_datetime
from bench.errors import BadInput
from bench.station_role.memory import (
    AuthCache,
    IdToken,
    Judgement,
    Key,
    Limits,
    LocalList,
    TokenInfo,
    TokenMemory,
)
from bench.station_role.settings import RoleSettings
from bench.station_role.token_info import moment
from bench.tokens.model import IdTokenType

if TYPE_CHECKING:
    from bench.settings import ChargerSettings

MAX_TOKEN = {"1.6": 20, "2.0.1": 36, "2.1": 255}
"""Characters of an idTag (OCPP 1.6 section 7.28) and of an idToken (IdTokenType of 2.0.1 and 2.1)."""

FORMAT = 1


@dataclass(slots=True)
class EvseState:
    """number: as OCPP counts. operative: as the CSMS set it (ChangeAvailability)."""

    number: int
    operative: bool = True


class RoleState:
    """One station. version: as negotiated last, before that as it is offered first.

    revision: moves whenever something changed that is kept or shown.
    """

    def __init__(
        self, identity: str, version: str, nameplate: ChargerSettings, clock: Clock, limits: Limits | None = None
    ) -> None:
        self.identity = identity
        self.nameplate = nameplate
        self.evses = [EvseState(evse.ocpp_id) for evse in nameplate.evses]
        self.revision = 0
        self._clock = clock
        self._limits = limits or Limits()
        self.settings = RoleSettings(self._limits, len(self.evses))
        self.tokens = self._empty(version)

    @property
    def version(self) -> str:
        return self.tokens.version

    def adopt(self, version: str) -> bool:
        """Speak that version from now on; True when list and cache were lost to it, for 1.6 knows no token types."""
        old = self.tokens
        if old.version == version:
            return False
        self.tokens = self._empty(version)
        self.revision += 1
        if (old.version == "1.6") == (version == "1.6"):
            self.tokens.local_list.restore(old.local_list.version, list(old.local_list))
            self.tokens.cache.restore(old.cache.entries())
            return False
        return bool(len(old.local_list) or len(old.cache))

    @property
    def in_service(self) -> bool:
        return any(evse.operative for evse in self.evses)

    def judge(self, token: IdToken, *, online: bool) -> Judgement:
        return self.tokens.judge(token, online=online, now=self.now())

    def learn(self, token: IdToken, info: TokenInfo) -> bool:
        """Take the CSMS's word into the cache; True when it contradicts the local list. A key code is not cached on 1.6, where
        nothing would tell that it must be masked (C04.FR.04)."""
        if self.version == "1.6" and token.type is IdTokenType.KEY_CODE:
            return False
        self.revision += 1
        return self.tokens.learn(token, info, self.now())

    def now(self) -> datetime:
        return to_datetime(self._clock.stamp().utc_ns)

    def clear_list(self) -> None:
        """What a factory reset does: no list, version 0."""
        self.tokens.local_list.restore(0, [])
        self.revision += 1

    def clear_cache(self) -> None:
        self.tokens.cache.clear()
        self.revision += 1

    # Kept over a restart (C10.FR.02, TC_D_07)

    def dump(self) -> dict[str, Any]:
        """All of it as JSON-able data."""
        return {
            "format": FORMAT,
            "ocpp": self.version,
            "settings": self.settings.changed(),
            "list_version": self.tokens.local_list.version,
            "list": [_entry(key, info) for key, info in self.tokens.local_list],
            "cache": [
                {**_entry(key, info), "updated": updated.isoformat()}
                for key, info, updated in self.tokens.cache.entries()
            ],
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what an earlier run kept.

        Raises:
            BadInput: it is none of ours; nothing changed.
        """
        try:
            version, number = kept["ocpp"], int(kept["list_version"])
            if kept["format"] != FORMAT or version not in MAX_TOKEN:
                raise ValueError("another format")
            listed = [_read(entry) for entry in kept["list"]]
            cached = [(*_read(entry), datetime.fromisoformat(entry["updated"])) for entry in kept["cache"]]
            settings = {str(name): str(value) for name, value in kept["settings"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"what the station remembered cannot be read: {error!r:.80}") from error
        self.tokens = self._empty(version)
        self.settings.restore(settings)
        self.tokens.local_list.restore(number, listed)
        self.tokens.cache.restore(cached)

    def _empty(self, version: str) -> TokenMemory:
        local_list = LocalList(version, self._limits)
        self.settings.local_list = local_list
        return TokenMemory(version, local_list, AuthCache(), lambda: self.settings.policy)


def _entry(key: Key, info: TokenInfo) -> dict[str, Any]:
    expires = None if info.expires is None else info.expires.isoformat()
    return {"token": key[0], "type": key[1], "status": info.status, "expires": expires, "group": info.group}


def _read(entry: Mapping[str, Any]) -> tuple[Key, TokenInfo]:
    group = entry["group"]
    info = TokenInfo(str(entry["status"]), moment(entry["expires"]), None if group is None else str(group))
    return (str(entry["token"]), str(entry["type"])), info
