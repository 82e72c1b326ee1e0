"""The bench as a charging station: journals what it and its CSMS say to each other, and carries out what the role orders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bench.authorization import TapRequest
from bench.book import ExchangeBook
from bench.card import CardRead
from bench.clock import NS_PER_S, Clock, Stamp
from bench.codecs.ocpp import Call
from bench.csms.effects import Effect, Noticed, Send, Settled
from bench.errors import LinkDown, OperatorError
from bench.exchange import Exchange, Severity
from bench.journal.log import Journal
from bench.message import Decoded, Direction, Link, Message
from bench.ports import CsmsDialer, LinkState, LinkStatus
from bench.settings import Profile
from bench.station_role.answers import Restart
from bench.station_role.keep import Keeper
from bench.station_role.link import RoleLink
from bench.station_role.memory import IdToken
from bench.station_role.state import RoleState
from bench.station_role.taps import RoleTaps
from bench.station_role.view import RoleView, view_of

NAME = "csms"
MAX_FAULTS_TOLD = 10


class RoleDesk:
    """Implements :class:`bench.ports.CsmsSink`. All on the loop's thread, each message handled synchronously.

    later(seconds, method, exchange) calls a method of an exchange when time is up. link_changed, finding: of the session.
    changed is called after whatever changed what :meth:`view` tells.
    """

    def __init__(
        self,
        profile: Profile,
        dialer: CsmsDialer,
        keeper: Keeper,
        journal: Journal,
        book: ExchangeBook,
        clock: Clock,
        *,
        later: Callable[[float, Callable[[Exchange, Stamp], None], Exchange], None],
        link_changed: Callable[[LinkStatus], None],
        finding: Callable[[str, str, str, str], None],
        changed: Callable[[], None],
    ) -> None:
        settings = profile.ocpp.csms
        assert settings is not None
        self.link_changed = link_changed
        self.identity = settings.identity or profile.charger.identity
        self.state = RoleState(self.identity, settings.versions[0], profile.charger, clock)
        self._dialer = dialer
        self._keeper = keeper
        self._journal = journal
        self._book = book
        self._clock = clock
        self._tell = finding
        self._changed = changed
        self._call_timeout_s = profile.ocpp.call_timeout_s
        self._taps = RoleTaps(
            self.state,
            book,
            clock,
            profile.answer_limit_s,
            ask=self._ask,
            online=lambda: self._link is not None and self._link.accepted,
            offline_why=self._offline_why,
            conflict=self._tell_conflict,
            later=lambda seconds, exchange: later(seconds, self._taps.expired, exchange),
        )
        self._link: RoleLink | None = None
        self._reason = "PowerUp"
        self._kept = 0
        self._timer: asyncio.TimerHandle | None = None
        self._call_timer: asyncio.TimerHandle | None = None
        self._timed = ""  # id of the call whose time is running
        self._ready = asyncio.Event()

    # Life

    async def start(self) -> None:
        """Remember what an earlier run kept, and begin to dial. What cannot be read is told, and the station begins empty."""
        try:
            kept = self._keeper.load()
            if kept is not None:
                self.state.load(kept)
        except OperatorError as error:
            self.finding("role.memory", "warn", f"{error.what}; the station begins without list and cache", error.cure)
        await self._dialer.start(self)

    async def stop(self) -> None:
        await self._dialer.stop()
        self._over("the bench stops")

    async def wait_ready(self, timeout_s: float) -> bool:
        """True once the CSMS accepted this station; False when the time ran out."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    # What the operator does

    def present(
        self, tap: TapRequest, stamp: Stamp, read: CardRead | None = None, frame: Message | None = None
    ) -> Exchange:
        """See :meth:`RoleTaps.present`."""
        exchange = self._taps.present(tap, stamp, read, frame)
        self._keep()
        return exchange

    def clear_list(self) -> None:
        """Forget the local list, as a factory reset does; its version is 0 again."""
        self.state.clear_list()
        self._keep()

    def clear_cache(self) -> None:
        self.state.clear_cache()
        self._keep()

    def inject(self, raw: bytes) -> Message:
        """Send the operator's own bytes to the CSMS.

        Raises:
            LinkDown: it is not connected.
        """
        if self._link is None:
            raise LinkDown(*self._offline_why())
        decoded = self._link.decode(raw)
        stamp = self._dialer.send(raw)
        return self._journal.append(Link.OCPP, Direction.OUT, self.identity, raw, decoded, stamp, injected=True)

    def view(self) -> RoleView:
        """What the operator may see of it; key codes masked."""
        boot = self._link.boot if self._link is not None else None
        return view_of(self.state, self._dialer.url, boot, connected=self._link is not None)

    # bench.ports.CsmsSink, with link_changed above

    def finding(self, rule: str, severity: str, text: str, cure: str = "") -> None:
        self._tell(rule, severity, text, cure)

    def csms_opened(self, version: str, stamp: Stamp) -> None:
        if self.state.adopt(version):
            text = f"the CSMS chose OCPP {version}: list and cache of the version before are of no use and forgotten"
            self.finding("role.version-changed", "warn", text, "offer one version only, with --csms-version")
        self._link = RoleLink(self.state, self._clock, reason=self._reason)
        self._reason = "Unknown"
        self._note("up", f"connected to {self._dialer.url}, OCPP {version}", stamp)
        self._carry_out(self._link.start(), None)
        self._tell_state()

    def csms_frame(self, data: bytes, stamp: Stamp) -> None:
        """One message of the CSMS: journaled before anyone acts on it."""
        link = self._link
        if link is None:
            return
        boot, decoded = link.boot, link.decode(data)
        message = self._journal.append(Link.OCPP, Direction.IN, self.identity, data, decoded, stamp)
        self._taps.heard(message)
        self._carry_out(link.handle(message), message)
        self._tell_faults(message)
        for order in link.take_orders():
            if isinstance(order, Restart):
                self._reason = "RemoteReset"
                self._dialer.hang_up(1000, "the station starts anew")
            else:
                self._taps.remote_start(order, message)
        self._keep()
        if link.boot != boot:
            self._tell_state()

    def csms_closed(self, code: int, reason: str, stamp: Stamp) -> None:
        self._note("down", f"closed, code {code}{': ' + reason if reason else ''}", stamp)
        self._over(f"the connection to the CSMS ended (code {code})")
        self._changed()

    # Inside: calls of ours

    def _ask(self, token: IdToken) -> tuple[str, Callable[[], None]]:
        link = self._link
        if link is None:
            raise LinkDown(*self._offline_why())
        call_id, effects = link.authorize(token)
        return call_id, lambda: self._carry_out(effects, None)

    def _offline_why(self) -> tuple[str, str]:
        """Why the CSMS cannot be asked, and the cure."""
        if self._link is None:
            return "there is no connection to the CSMS", "look at the link csms: it tells the cause"
        if self._link.boot is None:
            return "the CSMS has not answered the BootNotification yet", "wait a moment, or look at its log"
        return f"the CSMS has not accepted this station ({self._link.boot})", "register its identity in the CSMS"

    def _tell_conflict(self) -> None:
        if self._link is not None:
            self._carry_out(self._link.conflict(), None)

    def _expire(self, call_id: str) -> None:
        self._call_timer = None
        if self._link is not None:
            self._carry_out(self._link.expire(call_id), None)

    def _wake(self) -> None:
        self._timer = None
        if self._link is not None:
            self._carry_out(self._link.tick(), None)

    # Inside: effects

    def _carry_out(self, effects: list[Effect], cause: Message | None) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect)
                case Settled(call_id, answer, why):
                    if call_id == self._timed:  # the next call may be out already
                        self._stop_call_timer()
                    if answer is None:
                        self._taps.unanswered(call_id, why)
                case Noticed():
                    self._notice(effect, cause)
        self._set_timer()

    def _send(self, effect: Send) -> None:
        decoded = effect.decoded
        try:
            stamp = self._dialer.send(effect.data)
        except LinkDown:
            return  # the close that follows settles every call
        message = self._journal.append(Link.OCPP, Direction.OUT, self.identity, effect.data, decoded, stamp)
        if isinstance(decoded.body, Call):
            self._taps.sent(message)
            self._stop_call_timer()
            loop = asyncio.get_running_loop()
            self._call_timer = loop.call_later(self._call_timeout_s, self._expire, decoded.body.id)
            self._timed = decoded.body.id

    def _notice(self, effect: Noticed, cause: Message | None) -> None:
        self._book.finding(
            effect.rule,
            Severity(effect.severity),
            f"CSMS: {effect.text}",
            stamp=self._clock.stamp(),
            exchange=None if cause is None else self._book.of_seq(cause.seq),
            evidence=() if cause is None else (cause.seq,),
            cure=effect.cure,
        )

    def _tell_faults(self, message: Message) -> None:
        for fault in message.decoded.faults[:MAX_FAULTS_TOLD]:
            where = f" at {fault.where}" if fault.where else ""
            self._book.finding(
                fault.rule,
                Severity.WARN,
                f"CSMS {message.decoded.name}: {fault.text}{where}",
                stamp=Stamp(message.mono_ns, message.utc_ns),
                exchange=self._book.of_seq(message.seq),
                evidence=(message.seq,),
                cure="the message breaks the protocol; its bytes are in the journal",
            )

    # Inside: the connection

    def _over(self, why: str) -> None:
        """The connection is gone: nobody waits any more."""
        link, self._link = self._link, None
        self._ready.clear()
        self._stop_call_timer()
        self._set_timer()
        if link is not None:
            for effect in link.closed():
                assert isinstance(effect, Settled)
                self._taps.unanswered(effect.call_id, why)

    def _tell_state(self) -> None:
        link = self._link
        if link is None:
            return
        where = f"{self._dialer.url}, OCPP {self.state.version}"
        if link.accepted:
            self._ready.set()
            self.link_changed(LinkStatus(NAME, LinkState.UP, where))
        elif link.boot == "Rejected":
            cure = "register the identity in the CSMS"
            self.link_changed(LinkStatus(NAME, LinkState.FAULTY, f"{where}: the CSMS rejected this station", cure))
        else:
            self._ready.clear()
            word = "has not answered its boot yet" if link.boot is None else f"says {link.boot}"
            self.link_changed(LinkStatus(NAME, LinkState.CONNECTING, f"{where}: the CSMS {word}"))
        self._changed()

    def _note(self, name: str, detail: str, stamp: Stamp) -> None:
        decoded = Decoded("link", name, None, {"detail": detail}, (), detail)
        self._journal.append(Link.OCPP, Direction.IN, self.identity, b"", decoded, stamp)

    def _stop_call_timer(self) -> None:
        if self._call_timer is not None:
            self._call_timer.cancel()
            self._call_timer = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ns = self._link.due_ns if self._link is not None else None
        if due_ns is not None:
            wait_s = max(0.0, (due_ns - self._clock.stamp().mono_ns) / NS_PER_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._wake)

    def _keep(self) -> None:
        """Write down what changed before anything else happens: a list that was accepted must be there after a crash."""
        if self.state.revision == self._kept:
            return
        self._kept = self.state.revision
        try:
            self._keeper.save(self.state.dump())
        except OperatorError as error:
            self.finding("role.memory", "fail", error.what, error.cure)
        self._changed()
