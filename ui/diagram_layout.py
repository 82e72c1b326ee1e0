"""Where the lanes and arrows of a sequence diagram go. Pure: numbers in, numbers out, no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.clock import NS_PER_MS
from bench.exchange import Exchange, Hop, Party
from bench.journal.marks import UNMARKED, Marked

LANE_ORDER = (
    Party.READER,
    Party.BENCH,
    Party.EVEREST,
    Party.JOSEV,
    Party.STATION,
    Party.CSMS,
    Party.STORE,
    Party.HUB,
    Party.OPERATOR,
)
LABELS = {
    Party.READER: "Reader",
    Party.BENCH: "Bench (CS)",
    Party.EVEREST: "EVerest",
    Party.JOSEV: "Josev",
    Party.STATION: "Station",
    Party.CSMS: "OCPP · CSMS",
    Party.STORE: "Store",
    Party.HUB: "Hub",
    Party.OPERATOR: "Operator",
}
SHORT_LABELS = LABELS | {Party.BENCH: "Bench", Party.CSMS: "CSMS"}
"""Where lanes stand closer than :data:`LABEL_GAP`."""
ALWAYS = (Party.READER, Party.BENCH, Party.CSMS, Party.STORE, Party.HUB)

TOP = 38.0
"""Height of the lane heads."""
ROW = 27.0
MAX_ROW = 34.0
"""Height of a row: the least, and the most where there is room."""
FOOT = 14.0
FAULT_LINE = 15.0
"""Added to a row whose fault is written under its arrow."""
GUTTER = 64.0
"""Room left of the first lane, for its latencies."""
MARGIN = 56.0
"""Room right of the last lane."""
MIN_LANE_GAP = 56.0
LABEL_GAP = 84.0
"""Between lanes: the least, and from where on the whole labels have room."""
NO_MESSAGE = "No message crossed a link here:"
"""Said of a step within the bench, and of one that was missed."""
LOOP = 26.0
"""How far a step that stays on its lane reaches out."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A vertical line. used: at least one step touches it."""

    party: Party
    label: str
    x: float
    used: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """One step, from (x1, y) to (x2, y). y is the line of the arrow, top and bottom bound its row.

    latency: since the step before. tip: what is said of it at length; its first line says who told whom what.
    role: a colour role. dashed: an update, told later. lost: never arrived (a step that crossed no link and failed).
    fault: written under the arrow, or empty. mark: what does not fit (``late``, ``second answer``), written with a warning sign
    behind the name, or empty.
    """

    seq: int | None
    x1: float
    x2: float
    y: float
    top: float
    bottom: float
    name: str
    latency: str
    tip: str
    role: str
    dashed: bool = False
    lost: bool = False
    fault: str = ""
    mark: str = ""

    @property
    def left(self) -> float:
        return min(self.x1, self.x2)

    @property
    def loop(self) -> bool:
        return self.x1 == self.x2


@dataclass(frozen=True, slots=True)
class Diagram:
    """width and height are what the picture needs; the width may exceed the one asked for.

    least_width, least_height: what it would need with its lanes and rows as close as they may be.
    """

    width: float
    height: float
    lanes: tuple[Lane, ...]
    arrows: tuple[Arrow, ...]
    least_width: float
    least_height: float

    def arrow_at(self, y: float) -> int | None:
        """Index of the arrow in whose row this height lies."""
        return next((n for n, arrow in enumerate(self.arrows) if arrow.top <= y < arrow.bottom), None)


def lay_out(
    exchange: Exchange,
    width: float,
    height: float = 0,
    marked: Marked = UNMARKED,
) -> Diagram:
    """The diagram of an exchange for a picture of that size; it may need more.

    marked: what does not fit among its messages; the strays are drawn besides its own steps.
    """
    hops = marked.hops(exchange)
    place = _lane_of(hops)
    used = {place(party) for hop in hops for party in (hop.from_, hop.to)}
    charger = Party.STATION if Party.STATION in used and Party.JOSEV not in used else Party.JOSEV
    shown = [party for party in LANE_ORDER if party in used or party in ALWAYS or party is charger]
    gap = max(MIN_LANE_GAP, (width - GUTTER - MARGIN) / max(1, len(shown) - 1))
    x_of = {party: GUTTER + gap * n for n, party in enumerate(shown)}
    labels = LABELS if gap >= LABEL_GAP else SHORT_LABELS
    lanes = tuple(Lane(party, labels[party], x_of[party], party in used) for party in shown)

    arrows = []
    y = TOP
    told = [_told(hop) for hop in hops]
    least = TOP + FOOT + ROW * len(told) + FAULT_LINE * sum(bool(fault) for _, fault in told)
    row = min(MAX_ROW, ROW + max(0.0, height - least) / max(1, len(told)))
    before = start = exchange.opened.mono_ns
    for number, hop in enumerate(hops):
        name, fault = told[number]
        mark = marked.of(hop)
        tall = row + (FAULT_LINE if fault else 0)
        since_ms, at_ms = (hop.mono_ns - before) / NS_PER_MS, (hop.mono_ns - start) / NS_PER_MS
        arrows.append(
            Arrow(
                hop.seq,
                x_of[place(hop.from_)],
                x_of[place(hop.to)],
                y + row - 8,
                y,
                y + tall,
                name,
                "0.0" if number == 0 and at_ms == 0 else f"+{span(since_ms)}",
                _tip(hop, place, at_ms, since_ms, mark),
                _role(hop),
                dashed=hop.name.startswith("update"),
                lost=hop.fault is not None and hop.seq is None,
                fault=fault,
                mark=mark,
            )
        )
        before = hop.mono_ns
        y += tall
    wide = GUTTER + gap * (len(shown) - 1) + MARGIN
    least_width = GUTTER + MIN_LANE_GAP * (len(shown) - 1) + MARGIN
    return Diagram(max(width, wide), y + FOOT, lanes, tuple(arrows), least_width, least)


def span(ms: float) -> str:
    """A time between two arrows: ``0.1 ms``, ``124.6 ms``, ``2.4 s``, ``3 min``."""
    if abs(ms) < 1000:
        return f"{ms:.1f} ms"
    seconds = ms / 1000
    return f"{seconds:.1f} s" if abs(seconds) < 120 else f"{seconds / 60:.0f} min"


def _lane_of(hops: list[Hop]) -> Callable[[Party], Party]:
    """Which lane a party is drawn on: Josev is the charger's OCPP client, so it stands for the station where both were seen.

    They keep lanes of their own where they spoke to each other (then the charger software is somebody else).
    """
    parties = {party for hop in hops for party in (hop.from_, hop.to)}
    apart = any({hop.from_, hop.to} == {Party.JOSEV, Party.STATION} for hop in hops)
    if Party.JOSEV not in parties or apart:
        return lambda party: party
    return lambda party: Party.JOSEV if party is Party.STATION else party


def _told(hop: Hop) -> tuple[str, str]:
    """What stands above an arrow and what below it: a fault that says it all replaces the name."""
    if hop.fault and hop.seq is None and hop.fault.startswith(hop.name):
        return hop.fault, ""
    return hop.name, hop.fault or ""


def _role(hop: Hop) -> str:
    if hop.fault:
        return "fail"
    if Party.STORE in (hop.from_, hop.to):
        return "muted"
    if hop.to in (Party.BENCH, Party.CSMS):
        return "in"
    return "out" if hop.from_ in (Party.BENCH, Party.CSMS) else "info"


def _tip(hop: Hop, place: Callable[[Party], Party], at_ms: float, since_ms: float, mark: str) -> str:
    name, fault = _told(hop)
    number = f"#{hop.seq}" if hop.seq is not None else NO_MESSAGE
    lines = [
        f"{number} {LABELS[place(hop.from_)]} to {LABELS[place(hop.to)]}: {name}" + (f" ({mark})" if mark else ""),
        f"{at_ms:.3f} ms after the start, {since_ms:.3f} ms after the step before",
    ]
    if fault:
        lines.append(fault)
    return "\n".join(lines)
