"""Tokens in memory: what an Authorize is answered from."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from bench.clock import utc_now
from bench.tokens.model import AuthorizationStatus, IdTokenType, Token
from bench.tokens.pieces import sorted_in_pieces

# Whom a value means when the asker cannot name the type (OCPP 1.6): a card before anything typed or derived.
PREFERENCE = (
    IdTokenType.ISO14443,
    IdTokenType.ISO15693,
    IdTokenType.EMAID,
    IdTokenType.MAC_ADDRESS,
    IdTokenType.LOCAL,
    IdTokenType.KEY_CODE,
    IdTokenType.CENTRAL,
    IdTokenType.NO_AUTHORIZATION,
)
_RANK = {kind: rank for rank, kind in enumerate(PREFERENCE)}
_RESORT_FROM = 1_000
_SEPARATORS = str.maketrans("", "", " :-._")


def plain(value: str) -> str:
    """A value without separators, folded: ``04:A2:b3`` and ``04a2b3`` are one."""
    return value.translate(_SEPARATORS).casefold()


class TokenIndex:
    """Tokens by value and type, equal ignoring case (OCPP 2.0.1 C01.FR.25).

    A look-up is one dictionary access and a comparison by identity.
    """

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._count = 0
        self._valid = 0
        self._expiring: dict[tuple[str, IdTokenType], Token] = {}  # accepted ones that have an expiry
        self._by_value: dict[str, tuple[Token, ...]] = {}
        self._with_separators: dict[str, set[str]] = {}  # plain form -> folded values that differ from it
        self._order: list[tuple[str, str]] | None = None  # (folded value, type), sorted; None until asked for
        for token in tokens:
            self._add(token)

    def __len__(self) -> int:
        return self._count

    @property
    def valid_count(self) -> int:
        """Tokens an Authorize would be answered Accepted for now."""
        now = utc_now()
        return self._valid - sum(
            token.status_at(now) is not AuthorizationStatus.ACCEPTED for token in self._expiring.values()
        )

    def get(self, value: str, id_token_type: IdTokenType | None) -> Token | None:
        """The token of that value and type; without a type the one first in :data:`PREFERENCE`."""
        found = self._by_value.get(value.casefold())
        if found is None:
            return None
        if id_token_type is None:
            return found[0]
        for token in found:
            if token.id_token_type is id_token_type:
                return token
        return None

    def same_as(self, other: TokenIndex) -> bool:
        """Whether both hold the same tokens."""
        return self._by_value == other._by_value

    def named(self, value: str) -> tuple[Token, ...]:
        """All tokens of that value, of any type, ignoring case."""
        return self._by_value.get(value.casefold(), ())

    def written_as(self, value: str) -> list[Token]:
        """All tokens whose value equals this one ignoring case and separators."""
        bare = plain(value)
        if not bare:
            return list(self.named(value))
        found = list(self._by_value.get(bare, ()))
        for folded in sorted(self._with_separators.get(bare, ())):
            found += self._by_value[folded]
        return found

    def starting_with(self, prefix: str, limit: int) -> list[Token]:
        """Up to ``limit`` tokens whose value begins so, ignoring case, in order."""
        order = self.sort()
        folded = prefix.casefold()
        found: list[Token] = []
        for at in range(bisect_left(order, (folded, "")), len(order)):
            if len(found) == limit or not order[at][0].startswith(folded):
                break
            found.append(self._at(order[at]))
        return found

    def page(self, offset: int = 0, limit: int | None = None) -> list[Token]:
        """Tokens ordered by value (ignoring case), then type."""
        keys = self.sort()[offset : None if limit is None else offset + limit]
        return [self._at(key) for key in keys]

    def put(self, tokens: Iterable[Token]) -> None:
        """Add or replace."""
        batch = list(tokens)
        if len(batch) > _RESORT_FROM:
            self._order = None  # sorting once is cheaper than so many insertions
        for token in batch:
            self._add(token)

    def copy(self) -> TokenIndex:
        """Another index of the same tokens."""
        made = TokenIndex()
        made._count, made._valid = self._count, self._valid
        made._expiring, made._by_value = dict(self._expiring), dict(self._by_value)
        made._with_separators = {bare: set(written) for bare, written in self._with_separators.items()}
        made._order = None if self._order is None else list(self._order)
        return made

    def remove(self, value: str, id_token_type: IdTokenType) -> None:
        """Take one out; nothing happens where it is not there."""
        folded = value.casefold()
        found = self._by_value.get(folded, ())
        left = tuple(token for token in found if token.id_token_type is not id_token_type)
        if len(left) == len(found):
            return
        gone = next(token for token in found if token.id_token_type is id_token_type)
        self._count -= 1
        self._count_valid(gone, -1)
        if left:
            self._by_value[folded] = left
        else:
            del self._by_value[folded]
            self._forget_separators(folded)
        if self._order is not None:
            del self._order[bisect_left(self._order, (folded, id_token_type.value))]

    def _add(self, token: Token) -> None:
        folded = token.uid.casefold()
        before = self._by_value.get(folded)
        if before is None:
            self._by_value[folded] = (token,)
            self._count_new(folded, token)
            if not folded.isalnum() and (bare := plain(folded)) != folded:
                self._with_separators.setdefault(bare, set()).add(folded)
            return
        others = tuple(other for other in before if other.id_token_type is not token.id_token_type)
        self._by_value[folded] = tuple(sorted((*others, token), key=_rank)) if others else (token,)
        if len(others) < len(before):
            self._count_valid(next(other for other in before if other.id_token_type is token.id_token_type), -1)
            self._count_valid(token, 1)
            return
        self._count_new(folded, token)

    def _count_new(self, folded: str, token: Token) -> None:
        self._count_valid(token, 1)
        self._count += 1
        if self._order is not None:
            insort(self._order, (folded, token.id_token_type.value))

    def _count_valid(self, token: Token, by: int) -> None:
        if token.effective_status is not AuthorizationStatus.ACCEPTED:
            return
        self._valid += by
        if token.expiry is not None:
            if by > 0:
                self._expiring[token.key] = token
            else:
                self._expiring.pop(token.key, None)

    def _forget_separators(self, folded: str) -> None:
        bare = plain(folded)
        written = self._with_separators.get(bare)
        if written is not None:
            written.discard(folded)
            if not written:
                del self._with_separators[bare]

    def sort(self) -> list[tuple[str, str]]:
        """(folded value, type) of all tokens, sorted; made on first use, kept up to date from then on."""
        if self._order is None:
            self._order = sorted_in_pieces(
                (folded, token.id_token_type.value) for folded, tokens in self._by_value.items() for token in tokens
            )
        return self._order

    def _at(self, key: tuple[str, str]) -> Token:
        folded, kind = key
        found = self._by_value[folded]
        return found[0] if len(found) == 1 else next(token for token in found if token.id_token_type.value == kind)


def _rank(token: Token) -> int:
    return _RANK[token.id_token_type]
