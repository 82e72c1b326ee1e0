"""A MaEVe as the authority on tokens that the store does not know: its own rules, and where they differ from OCPP's.

Source: ``manager/services/token_auth.go`` and ``manager/handlers/ocpp16/authorize.go`` of MaEVe: NoAuthorization and Central are
accepted and Local is refused without a look-up; all else is looked up by its uid as it is written, whatever its type; valid is
Accepted, not valid Invalid, missing Unknown. OCPP 1.6 is Accepted for whatever is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bench.codecs.maeve import MaeveToken
from bench.errors import BadInput, OperatorError
from bench.exchange import DecidedBy
from bench.maeve_peer import MaevePeer
from bench.tokens.maeve_form import from_maeve
from bench.tokens.model import Ask, AuthorizationStatus, Decision, IdTokenType, Token

Tell = Callable[[str, str, str, str], None]
"""A finding: rule, severity, text, cure."""

MAX_TOLD = 1024
_CASE_CURE = (
    "write the uid at MaEVe as the station sends it; it tells upper from lower case, and knows the card only so"
)


class MaeveAuthority:
    """Implements :class:`bench.ports.Fallback`. tell: told once of each card that MaEVe would answer a station otherwise.

    A uid is tried as it was asked, then in upper case and in lower case, for OCPP takes them for equal and MaEVe does not.
    """

    decided_by = DecidedBy.CSMS

    def __init__(self, peer: MaevePeer, tell: Tell) -> None:
        self._peer = peer
        self._tell = tell
        self._told: set[tuple[str, str]] = set()

    @property
    def name(self) -> str:
        return f"MaEVe at {self._peer.url}"

    async def ask(self, ask: Ask) -> Decision | None:
        """Key codes are not asked about: their value would stand in a URL, and so in the logs of whatever is between."""
        match ask.id_token_type:
            case IdTokenType.NO_AUTHORIZATION:
                return self._said(AuthorizationStatus.ACCEPTED, "accepts free charging")
            case IdTokenType.CENTRAL:
                self._once("maeve.central", "", "MaEVe accepts every Central token without a look-up: this one too")
                return self._said(AuthorizationStatus.ACCEPTED, "accepts every Central token")
            case IdTokenType.LOCAL:
                self._once("maeve.local", "", "MaEVe answers every Local token Invalid without a look-up: this one too")
                return self._said(AuthorizationStatus.INVALID, "refuses every Local token")
            case IdTokenType.KEY_CODE:
                self._once("maeve.key-code", "", "MaEVe is not asked about key codes: their value would stand in a URL")
                return None
        for uid in spellings(ask.value):
            answer = await self._peer.lookup_token(uid)
            if answer.missing:
                continue
            if not isinstance(answer.body, MaeveToken):
                raise OperatorError(f"it did not look the token up: {answer.error}", answer.cure or "look at its log")
            if answer.body.uid.casefold() != uid.casefold():
                raise OperatorError("it answered with the token of another card", "look what stands before it")
            return self._of(answer.body, uid, ask)
        return None

    def _of(self, found: MaeveToken, uid: str, ask: Ask) -> Decision:
        status = AuthorizationStatus.ACCEPTED if found.valid else AuthorizationStatus.INVALID
        reason = "valid" if found.valid else "not valid"
        if uid != ask.value:
            reason += f", as {uid}"
            text = f"MaEVe knows the card {ask.value} as {uid}: asked by the station itself, it would answer Unknown"
            self._once("maeve.case", uid, text, _CASE_CURE)
        if ask.id_token_type is None and not found.valid:
            text = (
                f"MaEVe itself would accept the card {uid} on OCPP 1.6, though it is not valid there: answered Invalid"
            )
            self._once("maeve.valid-16", uid, text, "a station of OCPP 1.6 must not ask MaEVe about blocked cards")
        return self._said(status, reason, self._token(found, ask))

    def _token(self, found: MaeveToken, ask: Ask) -> Token | None:
        """The token behind the answer, for its group, language and cache mode; None where it breaks the store's limits."""
        try:
            token = from_maeve(found, source=f"maeve {self._peer.url}")
        except BadInput as error:
            text = f"MaEVe's token {found.uid[:36]} is not as its API says, so group and language are not told: {error.what}"
            self._once("maeve.token", found.uid, text, "correct the token at MaEVe")
            return None
        return token if ask.id_token_type is None else replace(token, id_token_type=ask.id_token_type)

    def _said(self, status: AuthorizationStatus, what: str, token: Token | None = None) -> Decision:
        return Decision(status, self.decided_by, f"MaEVe: {what}", "fallback", token)

    def _once(self, rule: str, uid: str, text: str, cure: str = "") -> None:
        if (rule, uid) not in self._told and len(self._told) < MAX_TOLD:
            self._told.add((rule, uid))
            self._tell(rule, "warn" if cure else "info", text, cure)


def spellings(uid: str) -> tuple[str, ...]:
    """A uid as it is, in upper case and in lower case, each once."""
    return tuple(dict.fromkeys((uid, uid.upper(), uid.lower())))
