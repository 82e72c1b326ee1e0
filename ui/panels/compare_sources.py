"""Where the exchanges that are compared come from, and the list to pick one from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QWidget

from bench.clock import from_iso, to_datetime
from bench.exchange import to_json
from bench.journal.compare import CaptureSource, exchange_messages
from bench.message import Message
from ui import theme

if TYPE_CHECKING:
    from bench.session import Session

MAX_CHOICES = 500
"""Newest exchanges a picker offers."""


class Source(Protocol):
    """Where exchanges come from. name: how it is called beside its picker."""

    @property
    def name(self) -> str: ...

    def entries(self) -> dict[int, Mapping[str, object]]:
        """The newest exchanges by number, in the shape of ``GET /bench/v1/exchanges/{id}``, oldest first."""
        ...

    def entry(self, exchange_id: int) -> Mapping[str, object] | None: ...

    def messages(self, exchange_id: int) -> list[Message]: ...


class Reader(CaptureSource, Protocol):
    """What is read of another capture; see :class:`bench.journal.capture_reader.CaptureReader`."""

    def newest_exchanges(self, count: int) -> list[dict[str, object]]: ...


class SessionSource:
    """The exchanges of the running session."""

    name = "this session"

    def __init__(self, session: Session) -> None:
        self.session = session

    def entries(self) -> dict[int, Mapping[str, object]]:
        newest = deque(self.session.exchanges.values(), MAX_CHOICES)
        return {exchange.id: to_json(exchange) for exchange in newest}

    def entry(self, exchange_id: int) -> Mapping[str, object] | None:
        exchange = self.session.exchanges.get(exchange_id)
        return None if exchange is None else to_json(exchange)

    def messages(self, exchange_id: int) -> list[Message]:
        exchange = self.session.exchanges.get(exchange_id)
        numbers = [] if exchange is None else sorted(set(exchange.sequences))
        return [message for seq in numbers if (message := self.session.history.get(seq)) is not None]


class RecordedSource:
    """The exchanges of a capture. reader: opened on the window's thread, and open as long as this is shown."""

    def __init__(self, reader: Reader, name: str) -> None:
        self.name = name
        self.reader = reader

    def entries(self) -> dict[int, Mapping[str, object]]:
        return {int(str(entry["id"])): entry for entry in self.reader.newest_exchanges(MAX_CHOICES)}

    def entry(self, exchange_id: int) -> Mapping[str, object] | None:
        found = self.reader.exchanges(exchange_id - 1, 1)
        return found[0] if found and found[0]["id"] == exchange_id else None

    def messages(self, exchange_id: int) -> list[Message]:
        entry = self.entry(exchange_id)
        return [] if entry is None else exchange_messages(self.reader, entry)


class Picker(QComboBox):
    """One side: the exchange that is shown there. The list is made anew whenever it drops down."""

    def __init__(self, side: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source: Source | None = None
        self.setAccessibleName(f"Exchange on the {side}")
        self.setFont(theme.mono_font(-0.25))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(24)
        self.setMaxVisibleItems(20)

    @property
    def chosen(self) -> int | None:
        value = self.currentData()
        return value if isinstance(value, int) else None

    def fill(self, chosen: int | None) -> None:
        """Offer what the source has, newest first, with one of them chosen (None: the newest); tells nobody."""
        entries = dict(self.source.entries()) if self.source is not None else {}
        if chosen is not None and chosen not in entries and self.source is not None:
            older = self.source.entry(chosen)
            if older is not None:
                entries = {chosen: older, **entries}
        with QSignalBlocker(self):
            self.clear()
            for id_, entry in reversed(entries.items()):
                self.addItem(label_of(entry), id_)
            at = self.findData(chosen) if chosen is not None else -1
            self.setCurrentIndex(max(at, 0) if entries else -1)

    def showPopup(self) -> None:
        self.fill(self.chosen)
        super().showPopup()


def label_of(entry: Mapping[str, object]) -> str:
    """An exchange in a list: ``5 · 12:03:11 · 04A2B3C4D5E680 · accepted``."""
    card = entry.get("card")
    uid = str(card.get("uid") or "no card") if isinstance(card, dict) else "no card"
    return f"{entry.get('id')} · {_time(str(entry.get('opened', '')))} · {uid} · {_verdict(entry)}"


def short_label(entry: Mapping[str, object]) -> str:
    """The same where its card stands beside it: ``5 · 12:03:11 · accepted``."""
    return f"{entry.get('id')} · {_time(str(entry.get('opened', '')))} · {_verdict(entry)}"


def _verdict(entry: Mapping[str, object]) -> str:
    return str(entry.get("verdict") or "waiting").replace("_", " ")


def _time(text: str) -> str:
    try:
        return f"{to_datetime(from_iso(text)).astimezone():%H:%M:%S}"
    except ValueError:
        return "—"


def alike(source: Source, entry: Mapping[str, object] | None, not_this: int | None) -> int | None:
    """The exchange to compare with: the nearest before it of the same card, else any of that card, else the nearest before."""
    if entry is None:
        return None
    own, at = entry.get("card"), not_this if not_this is not None else 1 << 62
    others = {id_: other for id_, other in source.entries().items() if id_ != not_this}
    uid = own.get("uid") if isinstance(own, dict) else None
    alike = [
        id_
        for id_, other in others.items()
        if (card.get("uid") if isinstance(card := other.get("card"), dict) else None) == uid
    ]
    for ids in (alike, list(others)):
        if ids:
            before = [id_ for id_ in ids if id_ < at]
            return before[-1] if before else ids[0]
    return None
