"""What drivers share whose reader answers every question, and says nothing unasked: questions, limits, retries, orders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from bench.clock import NS_PER_MS, Stamp
from bench.errors import BadInput
from bench.message import Decoded, Direction
from devices.rfid.cutting import IDLE_GAP_NS, Cutter, Piece
from devices.rfid.driver import Event, Flaw, Frame, Notice, Ready, Trouble
from devices.rfid.frame_reader import FrameReader

ANSWER_LIMIT_NS = 1000 * NS_PER_MS
# Each question is two rows of the journal; a tap is stamped by its own frame, so a slower pace costs no accuracy.
POLL_PAUSE_NS = 150 * NS_PER_MS
RETRY_PAUSE_NS = 20 * NS_PER_MS
RESTART_PAUSE_NS = 500 * NS_PER_MS
TRIES = 2
MAX_ORDERS = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. code: of its command. pause_ns: to wait before it. limit_ns: what its answer may take.

    order: the operator's order that it carries out, or empty. rest_ns: how long the reader is left alone after its answer.
    """

    code: int
    raw: bytes
    pause_ns: int = 0
    limit_ns: int = ANSWER_LIMIT_NS
    order: str = ""
    rest_ns: int = 0


class Polled(FrameReader, ABC):
    """One conversation. name: of the reader, for the operator. cure_deaf: what to check where it never answers."""

    def __init__(self, name: str, cure_deaf: str) -> None:
        super().__init__(self._make_cutter())
        self._name = name
        self._cure_deaf = cure_deaf
        self._queue: deque[Ask] = deque()
        self._orders: deque[Ask] = deque()
        self._asked: Ask | None = None  # the question whose answer is awaited
        self._due_ns = 0  # when the next one may go out
        self._order_due_ns = 0  # the same for orders
        self._limit_ns = 0  # until when its answer may take
        self._broken = False  # its answer, or another, came broken
        self._failures = 0
        self._ready = False
        self._ever_ready = False
        self._told: set[str] = set()  # rules of the notices that were said
        self._late: list[Event] = []  # what the next tick tells
        self._restart(0)

    # What a protocol says

    @abstractmethod
    def _make_cutter(self) -> Cutter:
        """How its stream is cut into answers."""

    @abstractmethod
    def _begin(self) -> Iterable[Ask]:
        """The questions that find and set up a reader of which nothing is known (any more)."""

    @abstractmethod
    def _decode(self, raw: bytes) -> Decoded:
        """What a frame from the reader says."""

    @abstractmethod
    def _fits(self, ask: Ask, body: object) -> bool:
        """Whether a frame's body is the answer to that question."""

    @abstractmethod
    def _answered(self, ask: Ask, frame: Frame) -> list[Event]:
        """An answer came: what it means; the next questions go to :meth:`_then`."""

    @abstractmethod
    def _refused(self, ask: Ask, body: object) -> str:
        """Why the reader did not do what an order asked, or empty where it did."""

    @abstractmethod
    def _asks_of(self, order: str) -> Iterable[Ask]:
        """What carries out that order of the operator; none = it cannot be done."""

    @abstractmethod
    def describe(self, sent: bytes) -> Decoded:
        """What the journal says of one item that poll gave and that was sent."""

    def _unasked(self, frame: Frame) -> list[Event]:
        """A frame that answers no question: what it means."""
        return []

    def _another_way(self) -> bool:
        """Nothing answered: change to another way of asking, if there is one that was not tried yet."""
        return False

    # The conversation

    def feed(self, data: bytes, stamp: Stamp) -> list[Event]:
        # An answer counts as long as nobody ticked: the limit is one for silence.
        self._last = stamp
        return self._take_all(self._cutter.feed(data), stamp)

    def tick(self, now: Stamp) -> list[Event]:
        events, self._late = self._late, []
        events += super().tick(now)
        if self._asked is not None and now.mono_ns >= self._answer_ends_ns:
            events += self._failed(self._asked, now)
        return events

    def poll(self, now_ns: int) -> list[bytes]:
        if self._asked is not None:
            return []
        if self._orders and self._ready and now_ns >= self._order_due_ns:
            ask = self._orders.popleft()
        elif self._queue and now_ns >= self._due_ns:
            ask = self._queue.popleft()
        else:
            return []
        self._asked = ask
        self._limit_ns = now_ns + ask.limit_ns
        self._broken = False
        return [ask.raw]

    def order(self, name: str) -> None:
        asks = list(self._asks_of(name))
        if not asks:
            raise BadInput(f"a {self._name} cannot {name}", "see what it can with authbench readers --drivers")
        if not self._takes_orders:
            self._late = [self._not_done(name, "this firmware takes no orders, it only sends")]
        elif len(self._orders) + len(asks) > MAX_ORDERS:
            self._late = [self._not_done(name, f"the reader has {len(self._orders)} orders to do yet")]
        else:
            self._orders.extend(asks)

    @property
    def deadline_ns(self) -> int | None:
        due = [0] if self._late else []
        if self._asked is not None:
            due.append(self._answer_ends_ns)
        else:
            if self._orders and self._ready:
                due.append(self._order_due_ns)
            if self._queue:
                due.append(self._due_ns)
        pause = self.pause_ends_ns
        if pause is not None:
            due.append(pause)
        return min(due, default=None)

    @property
    def _takes_orders(self) -> bool:
        """Whether the reader, as far as it is known by now, does what it is told."""
        return True

    # For protocols

    def _then(self, *asks: Ask) -> None:
        """Ask these next, in this order."""
        self._queue.extend(asks)

    def _now_ready(self, detail: str) -> list[Event]:
        """The reader can be used; said once, until it was lost."""
        if self._ready:
            return []
        self._ready = self._ever_ready = True
        return [Ready(detail)]

    def _notice(self, rule: str, severity: str, text: str, cure: str = "") -> list[Event]:
        """Said once, until :meth:`_over`."""
        if rule in self._told:
            return []
        self._told.add(rule)
        return [Notice(rule, severity, text, cure)]

    def _over(self, rule: str) -> None:
        """What that notice was about is over: it may be said again."""
        self._told.discard(rule)

    # Within

    @property
    def _answer_ends_ns(self) -> int:
        """When the answer that is awaited counts as missing."""
        if self._broken and self._last is not None:
            # It may still follow what was broken.
            return min(self._limit_ns, self._last.mono_ns + IDLE_GAP_NS)
        return self._limit_ns

    def _take_all(self, pieces: list[Piece], stamp: Stamp) -> list[Event]:
        """What a stretch of the stream says. An answer that came broken is asked for again once the line is quiet."""
        ask = self._asked
        events = super()._take_all(pieces, stamp)
        broken = any(not piece.is_frame and piece.flaw in (Flaw.CHECKSUM, Flaw.CUT) for piece in pieces)
        self._broken |= broken and ask is not None and self._asked is ask
        return events

    def take(self, piece: Piece, stamp: Stamp) -> list[Event]:
        frame = Frame(Direction.IN, piece.raw, self._decode(piece.raw), stamp, piece.flaw)
        ask = self._asked
        if ask is None or not self._fits(ask, frame.decoded.body):
            return [frame, *self._unasked(frame)]
        self._asked = None
        self._failures = 0
        if ask.order:
            refusal = self._refused(ask, frame.decoded.body)
            self._order_due_ns = stamp.mono_ns + ask.rest_ns
            self._due_ns = max(self._due_ns, self._order_due_ns)
            return [frame, self._not_done(ask.order, refusal)] if refusal else [frame]
        told = self._answered(ask, frame)
        if self._queue and self._asked is None:
            self._due_ns = stamp.mono_ns + self._queue[0].pause_ns
        return [frame, *told]

    def _failed(self, ask: Ask, now: Stamp) -> list[Event]:
        """Once more; after the last try start over."""
        self._asked = None
        if ask.order:
            return [self._not_done(ask.order, "the reader did not answer")]
        self._failures += 1
        if self._failures < TRIES:
            self._queue.appendleft(ask)
            self._due_ns = now.mono_ns + RETRY_PAUSE_NS
            return []
        return self._lost(now)

    def _lost(self, now: Stamp) -> list[Event]:
        """The reader does not answer (any more): find it again."""
        was_ready = self._ever_ready
        if self._another_way():
            self._ask_anew(now.mono_ns)
            return []
        self._restart(now.mono_ns + RESTART_PAUSE_NS)
        if was_ready:
            return [Trouble(f"the {self._name} stopped answering", "check its power and cable; the bench keeps asking")]
        return [Trouble(f"no {self._name} answers on this port", self._cure_deaf)]

    def _restart(self, now_ns: int) -> None:
        self._ready = False
        self._orders.clear()
        self._told.clear()
        self._ask_anew(now_ns)

    def _ask_anew(self, now_ns: int) -> None:
        self._asked = None
        self._failures = 0
        self._queue = deque(self._begin())
        self._due_ns = now_ns + (self._queue[0].pause_ns if self._queue else 0)

    @staticmethod
    def _not_done(order: str, why: str) -> Notice:
        return Notice("reader.order", "warn", f"{order}: {why}", "not every model has a light or a buzzer")
