"""What the bench does on the Josev bus: journals what it hears, publishes what the flow orders, answers what Josev asks at boot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench import josev
from bench.authorization import Command, Publish, Referred, TapFlow
from bench.book import ExchangeBook
from bench.clock import Clock, Stamp
from bench.codecs.josev import JosevMessage, decode, encode
from bench.errors import LinkDown, OperatorError
from bench.exchange import Exchange, Severity
from bench.journal.log import Journal
from bench.message import Direction, Link, Message
from bench.ports import Bus
from bench.referrals import Refer
from bench.settings import BootAnswers, Profile, Role
from bench.tokens.model import Decision

BOOT_REQUESTS = ("cs_parameters", "device_model")


class BusDesk:
    """Between the bus and the flow.

    csms_url names our own OCPP listener, for ``device_model``. later(seconds, exchange) calls ``flow.expired`` when time is up.
    refer has operator or fallback decide.
    """

    def __init__(
        self,
        bus: Bus | None,
        journal: Journal,
        book: ExchangeBook,
        flow: TapFlow,
        profile: Profile,
        clock: Clock,
        csms_url: Callable[[], str],
        later: Callable[[float, Exchange], None],
        refer: Refer,
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._book = book
        self._flow = flow
        self._profile = profile
        self._clock = clock
        self._csms_url = csms_url
        self._later = later
        self._refer = refer
        self._foreign_charger_software = False

    def heard(self, topic: str, payload: bytes, stamp: Stamp, meta: Mapping[str, object]) -> None:
        """A message from the broker that is not our own."""
        topics = self._profile.bus.topics
        message = self._journal.append(
            Link.JOSEV, Direction.IN, topic, payload, decode(payload, topic, topics), stamp, meta
        )
        body = message.decoded.body
        if isinstance(body, JosevMessage):
            if topic == topics.cs_to_josev:
                self._foreign_charger_software = True
            if body.name == "authorization":
                self.carry_out(self._flow.heard(message))
            elif body.type == "request" and body.name in BOOT_REQUESTS and topic == topics.josev_to_cs:
                self._answer_boot(body)
        self._tell_faults(message)

    def carry_out(self, commands: list[Command]) -> None:
        """Do what the flow ordered."""
        for command in commands:
            exchange = self._book.exchanges[command.exchange]
            if isinstance(command, Publish):
                self._publish(command, exchange)
            elif isinstance(command, Referred):
                self._have_decided(command, exchange)
            elif exchange.open:
                self._later(command.seconds, exchange)

    def inject(self, topic: str, raw: bytes) -> Message:
        """Send the operator's own bytes.

        Raises:
            LinkDown: the bus is off or down.
        """
        stamp = self._connected().publish(topic, raw)
        decoded = decode(raw, topic, self._profile.bus.topics)
        return self._journal.append(Link.JOSEV, Direction.OUT, topic, raw, decoded, stamp, injected=True)

    def lost(self, why: str, cure: str) -> None:
        """The broker is gone: taps that wait for an answer are told so."""
        for exchange in self._book.open_exchanges:
            if exchange.request_id is not None:
                self._book.finding(
                    "bus.lost",
                    Severity.FAIL,
                    f"the bus went down while this tap waited for its answer: {why}",
                    stamp=self._clock.stamp(),
                    exchange=exchange,
                    cure=cure,
                )

    def _have_decided(self, command: Referred, exchange: Exchange) -> None:
        def decided(decision: Decision) -> None:
            self.carry_out(self._flow.decided(exchange, decision, self._clock.stamp()))

        self._refer(command.ask, command.to, exchange, command.from_, decided)

    def _connected(self) -> Bus:
        if self._bus is None:
            raise LinkDown("the Josev bus is off", "start the bench with a bus")
        return self._bus

    def _publish(self, command: Publish, exchange: Exchange) -> None:
        topics = self._profile.bus.topics
        topic = topics.cs_to_josev if command.to_josev else topics.josev_to_cs
        try:
            message = self._send(topic, command.message)
        except OperatorError as error:
            self._flow.publish_failed(exchange, error.what, error.cure, self._clock.stamp())
            return
        self._flow.published(exchange, message, command.to_josev)

    def _send(self, topic: str, body: JosevMessage) -> Message:
        raw = encode(body)
        stamp = self._connected().publish(topic, raw)
        decoded = decode(raw, topic, self._profile.bus.topics)
        return self._journal.append(Link.JOSEV, Direction.OUT, topic, raw, decoded, stamp)

    def _answer_boot(self, request: JosevMessage) -> None:
        """As charger software alone on the bus, answer what Josev asks at its boot."""
        settings = self._profile.bus
        alone = settings.boot_answers is BootAnswers.AUTO and not self._foreign_charger_software
        if settings.role is not Role.CS or not (alone or settings.boot_answers is BootAnswers.ALWAYS):
            return
        if request.name == "cs_parameters":
            data = josev.cs_parameters(self._profile)
        else:
            data = josev.device_model(self._profile, self._csms_url())
        try:
            self._send(settings.topics.cs_to_josev, JosevMessage(request.id, request.name, "response", data))
        except OperatorError as error:
            self._book.finding(
                "bus.down",
                Severity.FAIL,
                f"{request.name} could not be answered: {error.what}",
                stamp=self._clock.stamp(),
                cure=error.cure,
            )

    def _tell_faults(self, message: Message) -> None:
        exchange = self._book.of_seq(message.seq)
        for fault in message.decoded.faults:
            where = f" at {fault.where}" if fault.where else ""
            self._book.finding(
                fault.rule,
                Severity.INFO if fault.rule == "josev.extra-member" else Severity.WARN,
                f"{message.channel}: {fault.text}{where}",
                stamp=Stamp(message.mono_ns, message.utc_ns),
                exchange=exchange,
                evidence=(message.seq,),
            )
