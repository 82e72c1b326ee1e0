"""Where registered stations, certificates, locations and parties are kept: the database of the token store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from sqlalchemy import Connection, RowMapping, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bench.errors import StoreError
from bench.maeve.model import (
    CertificateUse,
    ChargeStation,
    InstallState,
    StationAuth,
    Trigger,
    WantedCertificate,
    WantedSetting,
)
from bench.maeve.tables import certificates, locations, parties, stations
from bench.ocpi.model import Party, Status
from bench.tokens.store import TokenStore


class Kept:
    """All there is, by id (certificates by hash)."""

    def __init__(self) -> None:
        self.stations: dict[str, ChargeStation] = {}
        self.certificates: dict[str, str] = {}
        self.locations: dict[str, Mapping[str, Any]] = {}
        self.parties: dict[str, Party] = {}


class Records(Protocol):
    """Keeps what it is given before it returns. Each method raises StoreError: the database refused; nothing changed."""

    async def load(self) -> Kept: ...

    async def keep_station(self, station: ChargeStation) -> None: ...

    async def keep_certificate(self, hash_: str, pem: str) -> None: ...

    async def drop_certificate(self, hash_: str) -> None: ...

    async def keep_location(self, id_: str, body: Mapping[str, Any]) -> None: ...

    async def keep_party(self, party: Party) -> None: ...

    async def drop_party(self, id_: str) -> None: ...


class StoredRecords:
    """:class:`Records` in the database of an open token store, on its thread."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store

    async def load(self) -> Kept:
        return await self._store.transact(_load)

    async def keep_station(self, station: ChargeStation) -> None:
        await self._put(stations, _station_row(station))

    async def keep_certificate(self, hash_: str, pem: str) -> None:
        await self._put(certificates, {"hash": hash_, "pem": pem})

    async def drop_certificate(self, hash_: str) -> None:
        await self._drop(certificates, hash_)

    async def keep_location(self, id_: str, body: Mapping[str, Any]) -> None:
        await self._put(locations, {"id": id_, "body": dict(body)})

    async def keep_party(self, party: Party) -> None:
        row = asdict(party) | {"status": party.status.value, "roles": [dict(role) for role in party.roles]}
        await self._put(parties, row)

    async def drop_party(self, id_: str) -> None:
        await self._drop(parties, id_)

    async def _put(self, table: Table, row: Mapping[str, Any]) -> None:
        def put(connection: Connection) -> None:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            key = [column.name for column in table.primary_key]
            statement = insert(table)
            rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=rest), dict(row))

        await self._store.transact(put)

    async def _drop(self, table: Table, id_: str) -> None:
        [key] = table.primary_key

        def drop(connection: Connection) -> None:
            connection.execute(delete(table).where(key == id_))

        await self._store.transact(drop)


def _load(connection: Connection) -> Kept:
    kept = Kept()
    try:
        for row in connection.execute(select(stations).order_by(stations.c.id)):
            kept.stations[row.id] = _station(row._mapping)
        for row in connection.execute(select(parties)):
            kept.parties[row.id] = _party(row._mapping)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"a registered station or party in the token store cannot be read: {error}",
            "correct or delete that row with an SQLite tool",
        ) from error
    kept.certificates = {row.hash: row.pem for row in connection.execute(select(certificates))}
    kept.locations = {row.id: row.body for row in connection.execute(select(locations))}
    return kept


def _station_row(station: ChargeStation) -> dict[str, Any]:
    auth = station.auth
    return {
        "id": station.id,
        "security_profile": None if auth is None else auth.security_profile,
        "password_sha256": None if auth is None else auth.password_sha256,
        "invalid_username_allowed": auth is not None and auth.invalid_username_allowed,
        "provisioned": station.provisioned,
        "reset_due": station.reset_due,
        "settings": {name: asdict(wanted) for name, wanted in station.settings.items()},
        "certificates": [asdict(wanted) for wanted in station.certificates],
        "triggers": list(station.triggers),
    }


def _station(row: RowMapping) -> ChargeStation:
    auth = None
    if row["security_profile"] is not None:
        auth = StationAuth(row["security_profile"], row["password_sha256"], row["invalid_username_allowed"])
    return ChargeStation(
        row["id"],
        auth,
        row["provisioned"],
        {name: WantedSetting(**kept) for name, kept in row["settings"].items()},
        tuple(
            WantedCertificate(CertificateUse(kept["use"]), kept["pem"], InstallState(kept["status"]), kept["why"])
            for kept in row["certificates"]
        ),
        tuple(Trigger(word) for word in row["triggers"]),
        row["reset_due"],
    )


def _party(row: RowMapping) -> Party:
    return Party(row["id"], row["token"], Status(row["status"]), row["url"], row["their_token"], tuple(row["roles"]))
