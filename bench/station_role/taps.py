"""One tap of the bench as a station: list, cache, Authorize or the offline rule, told as an Exchange. No I/O.

Sources: OCPP 2.0.1 use cases C01, C10, C12 to C15; OCPP 1.6 sections 3.4 and 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.authorization import TapRequest, card_of, check_tap
from bench.book import ExchangeBook
from bench.card import CardRead
from bench.clock import NS_PER_S, Clock, Stamp
from bench.codecs.ocpp import CallError, CallResult
from bench.codecs.ocpp import refuses as breaks
from bench.errors import BadInput, OperatorError
from bench.exchange import DecidedBy, Exchange, Party, Severity, TapCard, Verdict
from bench.message import Link, Message
from bench.station_role.answers import RemoteStart
from bench.station_role.memory import NEVER_ASKED, Answer, IdToken, Judgement, TokenInfo
from bench.station_role.requests import info_in
from bench.station_role.state import MAX_TOKEN, RoleState
from bench.tokens.model import JOSEV_TO_OCPP, OCPP_TO_JOSEV, JosevTokenType

MAX_ASKED = 256
"""Authorizes whose late answers still find their tap."""

_BY = {"list": DecidedBy.LIST, "cache": DecidedBy.CACHE}


@dataclass(frozen=True, slots=True)
class _Asked:
    exchange: Exchange
    token: IdToken


class RoleTaps:
    """Taps and remote starts of one station.

    ask(token) prepares an Authorize: its message id, and what sends it; it raises OperatorError where it cannot. online: whether
    there is a CSMS that accepted this station. conflict is called when the CSMS contradicts its own list. limit_s: how long a tap
    waits.
    """

    def __init__(
        self,
        state: RoleState,
        book: ExchangeBook,
        clock: Clock,
        limit_s: float,
        *,
        ask: Callable[[IdToken], tuple[str, Callable[[], None]]],
        online: Callable[[], bool],
        offline_why: Callable[[], tuple[str, str]],
        conflict: Callable[[], None],
        later: Callable[[float, Exchange], None],
    ) -> None:
        self._state = state
        self._book = book
        self._clock = clock
        self._limit_s = limit_s
        self._ask = ask
        self._online = online
        self._offline_why = offline_why
        self._conflict = conflict
        self._later = later
        self._asked: dict[str, _Asked] = {}

    # What begins

    def present(
        self, tap: TapRequest, stamp: Stamp, read: CardRead | None = None, frame: Message | None = None
    ) -> Exchange:
        """A card was presented to a reader of ours, or typed in.

        Raises:
            BadInput: no Authorize of this version can carry it; nothing was opened.
        """
        check_tap(tap)
        card = card_of(tap, read)
        if card is None or tap.token_type is JosevTokenType.NO_AUTHORIZATION:
            raise BadInput(
                "no_authorization is in no Authorize: a start button starts the charge without (C02)",
                "present a card, a key code or a MAC address",
            )
        token = IdToken(card.uid, JOSEV_TO_OCPP[tap.token_type])
        limit = MAX_TOKEN[self._state.version]
        if len(token.value) > limit:
            name = "an idTag" if self._state.version == "1.6" else "an idToken"
            raise BadInput(
                f"the uid has {len(token.value)} characters, but {name} of OCPP {self._state.version} holds {limit}",
                "use a shorter one, or a newer version of OCPP",
            )
        exchange = self._book.open(
            "tap",
            stamp,
            card=card,
            token_type=str(tap.token_type),
            evse_id=tap.evse_id,
            station=self._state.identity,
        )
        name = "CardRead" if read is not None else "presented"
        if frame is not None:
            self._book.hop(exchange, frame, Party.READER, Party.BENCH, name)
        else:
            self._book.step(exchange, stamp, Party.READER, Party.BENCH, name)
        self._decide(exchange, token, stamp)
        return exchange

    def remote_start(self, order: RemoteStart, message: Message) -> Exchange:
        """The CSMS starts a charge: a tap that needs no Authorize unless AuthorizeRemoteStart is on (F01, C05)."""
        stamp, token = self._clock.stamp(), order.token
        kind = OCPP_TO_JOSEV[token.type]
        exchange = self._book.open(
            "remote_start",
            Stamp(message.mono_ns, message.utc_ns),
            card=TapCard(token.value, None, str(kind)),
            token_type=str(kind),
            station=self._state.identity,
        )
        self._book.hop(exchange, message, Party.CSMS, Party.BENCH, message.decoded.name)
        if order.ask and token.type not in NEVER_ASKED[self._state.version]:
            self._decide(exchange, token, stamp)
        else:
            self._close(exchange, True, DecidedBy.CSMS, "remote start", stamp)
        return exchange

    # What comes of it

    def sent(self, message: Message) -> None:
        """An Authorize went out."""
        asked = self._asked.get(message.decoded.correlation or "")
        if asked is not None:
            self._book.hop(asked.exchange, message, Party.BENCH, Party.CSMS, "Authorize")

    def heard(self, message: Message) -> None:
        """An answer of the CSMS, whatever call it answers; only those to an Authorize matter here."""
        body = message.decoded.body
        asked = self._asked.get(message.decoded.correlation or "")
        if asked is None or not isinstance(body, CallResult | CallError):
            return
        exchange, stamp = asked.exchange, Stamp(message.mono_ns, message.utc_ns)
        late = not exchange.open
        broken = next((fault.text for fault in message.decoded.faults if breaks(fault)), None)
        info = info_in(self._state.version, body.payload) if isinstance(body, CallResult) else None
        word = info.status if info is not None else body.code if isinstance(body, CallError) else "unreadable"
        fault = broken
        if late and exchange.closed is not None:
            fault = f"late by {(stamp.mono_ns - exchange.closed.mono_ns) / NS_PER_S:.2f} s"
        self._book.hop(exchange, message, Party.CSMS, Party.BENCH, f"Authorize {word}", fault)
        if info is not None and broken is None and self._state.learn(asked.token, info):
            self._conflict()
        if late:
            self._tell_late(exchange, info, stamp, message.seq)
        elif info is not None:
            self._close(exchange, info.accepted, DecidedBy.CSMS, info.status.lower(), stamp)
        else:
            why = f"the CSMS answered Authorize with {word}"
            self._fail(exchange, Verdict.FAILED, "role.refused", why, "look at the log of the CSMS", stamp, message.seq)

    def unanswered(self, call_id: str, why: str) -> None:
        """An Authorize will not be answered any more: the connection ended, or the answer cannot be read."""
        asked = self._asked.get(call_id)
        if asked is not None and asked.exchange.open:
            self._offline(asked.exchange, asked.token, why, "look at the link to the CSMS", self._clock.stamp())

    def expired(self, exchange: Exchange, stamp: Stamp) -> None:
        """The time limit of a tap ran out."""
        asked = next((asked for asked in self._asked.values() if asked.exchange is exchange), None)
        if asked is None or not exchange.open:
            return
        waited = (stamp.mono_ns - exchange.opened.mono_ns) / NS_PER_S
        why = f"no answer for {waited:.1f} s"
        self._book.step(exchange, stamp, Party.CSMS, Party.BENCH, "no answer", link=Link.OCPP, fault=why)
        cure = "raise answer_limit_s if this CSMS is always slow, or look at its log"
        self._offline(exchange, asked.token, f"the CSMS gave {why}", cure, stamp, Verdict.TIMED_OUT)

    # Inside

    def _decide(self, exchange: Exchange, token: IdToken, stamp: Stamp) -> None:
        settings = self._state.settings
        if not self._state.in_service:
            self._close(exchange, False, DecidedBy.CSMS, "out of service (ChangeAvailability)", stamp)
        elif not settings.on("authorization-enabled"):
            self._close(exchange, True, DecidedBy.DEFAULT, "authorization is off (AuthCtrlr.Enabled)", stamp)
        elif not self._online():
            self._offline(exchange, token, *self._offline_why(), stamp)
        else:
            judgement = self._state.judge(token, online=True)
            if judgement.answer is not Answer.ASK:
                self._by_memory(exchange, judgement, stamp)
            elif settings.on("remote-authorization-disabled"):
                reason = f"{judgement.status.lower()}, and the CSMS is not to be asked (DisableRemoteAuthorization)"
                self._close(exchange, False, _BY.get(judgement.by, DecidedBy.DEFAULT), reason, stamp)
            else:
                self._send(exchange, token, stamp)

    def _send(self, exchange: Exchange, token: IdToken, stamp: Stamp) -> None:
        try:
            call_id, send = self._ask(token)
        except OperatorError as error:
            self._offline(exchange, token, error.what, error.cure, stamp)
            return
        self._later(self._limit_s, exchange)
        self._asked[call_id] = _Asked(exchange, token)
        if len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        send()

    def _offline(
        self,
        exchange: Exchange,
        token: IdToken,
        why: str,
        cure: str,
        stamp: Stamp,
        verdict: Verdict = Verdict.FAILED,
    ) -> None:
        """Without the CSMS: list and cache decide, else the rule for unknown tokens (C13, C15)."""
        judgement = self._state.judge(token, online=False)
        if judgement.by != "unknown":
            self._by_memory(exchange, judgement, stamp, offline=True)
        elif judgement.answer is Answer.ACCEPT:
            reason = "unknown, accepted offline (OfflineTxForUnknownIdEnabled)"
            self._close(exchange, True, DecidedBy.DEFAULT, reason, stamp)
        else:
            rule = "role.no-answer" if verdict is Verdict.TIMED_OUT else "role.offline"
            text = f"{why}, and neither list nor cache knows this token"
            self._fail(exchange, verdict, rule, text, cure, stamp)

    def _by_memory(self, exchange: Exchange, judgement: Judgement, stamp: Stamp, *, offline: bool = False) -> None:
        where = "offline" if offline else "not asked"
        self._book.step(exchange, stamp, Party.BENCH, Party.BENCH, f"{judgement.by}: {judgement.status}")
        accepted = judgement.answer is Answer.ACCEPT
        reason = f"{judgement.status.lower()} in the {judgement.by}, {where}"
        self._close(exchange, accepted, _BY[judgement.by], reason, stamp)

    def _close(self, exchange: Exchange, accepted: bool, by: DecidedBy, reason: str, stamp: Stamp) -> None:
        self._book.close(exchange, Verdict.ACCEPTED if accepted else Verdict.REJECTED, by, reason, stamp)

    def _fail(
        self,
        exchange: Exchange,
        verdict: Verdict,
        rule: str,
        text: str,
        cure: str,
        stamp: Stamp,
        seq: int | None = None,
    ) -> None:
        self._book.close(exchange, verdict, DecidedBy.NOBODY, "no answer" if seq is None else "no decision", stamp)
        self._book.finding(
            rule,
            Severity.FAIL,
            text,
            stamp=stamp,
            exchange=exchange,
            evidence=tuple(exchange.sequences) if seq is None else (seq,),
            cure=cure,
        )

    def _tell_late(self, exchange: Exchange, info: TokenInfo | None, stamp: Stamp, seq: int) -> None:
        """The verdict of a tap that timed out is replaced; one that list or cache gave stands."""
        if info is not None and exchange.verdict is Verdict.TIMED_OUT:
            self._close(exchange, info.accepted, DecidedBy.CSMS, f"{info.status.lower()}, too late", stamp)
        self._book.finding(
            "role.late-answer",
            Severity.WARN,
            f"the CSMS answered Authorize {(stamp.mono_ns - exchange.opened.mono_ns) / NS_PER_S:.1f} s after the tap, too late",
            stamp=stamp,
            exchange=exchange,
            evidence=(seq,),
            cure="raise answer_limit_s if this CSMS is always slow",
        )
