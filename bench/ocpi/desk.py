"""Parties registered with this bench over OCPI 2.2, from either side of the handshake."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bench.errors import BadInput, LinkDown
from bench.maeve.records import Records
from bench.ocpi.handshake import Http, PeerProblem, introduce, look
from bench.ocpi.model import Code, Credentials, Party, Status, tokens_of
from bench.settings import EnrolSettings

MAX_PARTIES = 1000
TOKEN_BYTES = 32


class OcpiDesk:
    """Knows the parties and their tokens. All methods on the loop's thread.

    names: country, party and name of this bench as a CPO. Every method that waits raises StoreError: the database refused, and
    nothing changed.
    """

    def __init__(self, records: Records, names: EnrolSettings, changed: Callable[[], None]) -> None:
        self._records = records
        self._names = names
        self._changed = changed
        self._parties: dict[str, Party] = {}
        self._changing = asyncio.Lock()
        self._http: Http | None = None
        self._base: Callable[[str], Awaitable[str]]

    def load(self, parties: dict[str, Party]) -> None:
        """Begin with what the database holds."""
        self._parties = parties

    def reach(self, http: Http | None, base: Callable[[str], Awaitable[str]]) -> None:
        """From now on ask others with this client (None: nobody can be asked). base(url): the address of this bench's API for the
        system behind a URL, such as ``http://192.0.2.7:9410``.
        """
        self._http, self._base = http, base

    @property
    def parties(self) -> list[Party]:
        return list(self._parties.values())

    def party_of(self, authorization: str) -> Party | None:
        """Whose token an Authorization header shows, in base64 or as it is; in constant time for each."""
        given = tokens_of(authorization)
        found = None
        for party in self._parties.values():
            for token in given:
                if hmac.compare_digest(token.encode("utf-8", "replace"), party.token.encode()):
                    found = party
        return found

    def credentials(self, token: str, base: str) -> Credentials:
        """Ours, with that token. base: of this bench's API as the party reaches it."""
        role = {
            "role": "CPO",
            "party_id": self._names.party_id,
            "country_code": self._names.country_code,
            "business_details": {"name": self._names.issuer},
        }
        return Credentials(token, f"{base}/ocpi/versions", (role,))

    async def register(self, token: str, url: str | None, status: Status) -> None:
        """registerParty: with a URL and PENDING the handshake is done here and now; else the party may come with the token.

        Raises:
            BadInput: there are too many. LinkDown: the API that asks is not served. PeerProblem: the handshake failed, nothing is
                kept.
        """
        known = next((party for party in self._parties.values() if party.token == token), None)
        if known is None and len(self._parties) >= MAX_PARTIES:
            raise BadInput(f"{MAX_PARTIES} parties are registered already", "no more are taken")
        if url is not None and status is Status.PENDING:
            await self._introduce(token, url)
            return
        await self._keep(
            Party(known.id if known is not None else _id(), token, status, url, token if url is not None else None)
        )

    async def welcome(self, party: Party, theirs: Credentials, base: str) -> Credentials:
        """A party shows its credentials (POST, PUT): look at its versions, then give it a token of its own.

        Raises:
            PeerProblem: its API cannot be used, or the token it came with is over meanwhile.
        """
        await look(self._client(), theirs.url, theirs.token)
        fresh = secrets.token_urlsafe(TOKEN_BYTES)
        made = Party(party.id, fresh, Status.REGISTERED, theirs.url, theirs.token, theirs.roles)
        await self._keep(made, instead_of=party)
        return self.credentials(fresh, base)

    async def leave(self, party: Party) -> None:
        """A party unregisters (DELETE): its token is worth nothing any more."""
        async with self._changing:
            await self._records.drop_party(party.id)
            self._parties.pop(party.id, None)
        self._changed()

    async def _introduce(self, token: str, url: str) -> None:
        http = self._client()
        found = await look(http, url, token)
        # The party may look at our versions with its token while it still handles ours: it is good before it is sent.
        party = Party(_id(), secrets.token_urlsafe(TOKEN_BYTES), Status.PENDING, url)
        await self._keep(party)
        try:
            theirs = await introduce(http, found, token, self.credentials(party.token, await self._base(url)))
        except BaseException:
            await asyncio.shield(self.leave(party))
            raise
        await self._keep(replace(party, status=Status.REGISTERED, their_token=theirs.token, roles=theirs.roles))
        for old in self.parties:
            if old.url == url and old.id != party.id:
                await self.leave(old)

    def _client(self) -> Http:
        if self._http is None:
            raise LinkDown(
                "the API of this bench is not served, so nobody could register with it", "start it with --api"
            )
        return self._http

    async def _keep(self, party: Party, *, instead_of: Party | None = None) -> None:
        """instead_of: the party as it was asked about; one that left or renewed its token since stays as it is."""
        async with self._changing:
            if instead_of is not None and self._parties.get(party.id) is not instead_of:
                raise PeerProblem(
                    Code.CLIENT_ERROR,
                    "the token shown is over: it was renewed or given up meanwhile",
                    "show the new one",
                )
            await self._records.keep_party(party)
            self._parties[party.id] = party
        self._changed()


def _id() -> str:
    return str(uuid.uuid4())
