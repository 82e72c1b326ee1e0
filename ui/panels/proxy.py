"""Proxy: what is done to messages between charging stations and their CSMS, where the bench stands between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedLayout, QTabWidget, QWidget

from bench.errors import OperatorError
from bench.masking import mask_tree
from bench.proxy_rules import Side
from ui.panels.base import Panel
from ui.panels.proxy_call import InjectedCall
from ui.panels.proxy_rules import RuleList
from ui.panels.proxy_waiting import WaitingList
from ui.panels.schema_form_values import compact
from ui.widgets import EmptyState

if TYPE_CHECKING:
    from bench.answers import CallAnswer
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

MAX_ANSWER = 300
NO_PROXY = (
    'Write url = "ws://HOST:PORT/PATH" of a CSMS under [ocpp.upstream] in the profile, or start with --upstream and that URL. '
    "Stations are then passed on to that CSMS, and messages of either side can be held, edited, delayed, dropped or injected here."
)


class ProxyPanel(Panel):
    """Rules at the left; what waits for them, and calls to either side, at the right."""

    title = "Proxy"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rules = RuleList()
        self.waiting = WaitingList()
        self.call = InjectedCall()
        for part in (self.rules, self.waiting):
            part.refused.connect(lambda text: self.notice.emit("fail", text))
        self.waiting.picked.connect(self.message_selected)
        self.call.asked.connect(self._ask)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setAccessibleName("At the proxy")
        self.tabs.addTab(self.waiting, "Waiting")
        self.tabs.addTab(self.call, "Inject a call")
        self.tabs.setTabToolTip(1, "Only the side it goes to learns of it")
        self.tabs.setCornerWidget(self.call.place)
        self.tabs.currentChanged.connect(lambda index: self._tab_chosen())
        self._page = QSplitter(Qt.Orientation.Horizontal)
        self._page.setChildrenCollapsible(False)
        self._page.addWidget(self.rules)
        self._page.addWidget(self.tabs)
        self._page.setSizes([600, 640])
        self.empty = EmptyState("This bench is no proxy", NO_PROXY)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._page)
        self._tab_chosen()

    # What the window uses

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        self.rules.desk = self.waiting.desk = self.call.desk = session.proxy
        self._stack.setCurrentWidget(self.empty if session.proxy is None else self._page)
        self.setFocusProxy(None if session.proxy is None else self.rules.table)
        self.refresh(set())

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if self.session is None or self.session.proxy is None:
            return
        self.rules.show_rules()
        self.waiting.show_waiting(self.session.clock)
        self.call.show_stations()
        count = self.waiting.count
        self.tabs.setTabText(0, f"Waiting ({count})" if count else "Waiting")

    # Inside

    def _tab_chosen(self) -> None:
        self.call.place.setVisible(self.tabs.currentWidget() is self.call)

    def _ask(self, station: str, side: str, action: str, payload: dict[str, Any]) -> None:
        if self.session is None or self.session.proxy is None:
            return
        self.call.say("muted", f"Calling {action}…")
        self.run(self._asked(station, Side(side), action, payload), name="injected call")

    async def _asked(self, station: str, side: Side, action: str, payload: dict[str, Any]) -> None:
        assert self.session is not None
        assert self.session.proxy is not None
        try:
            answer = await self.session.proxy.call(station, side, action, payload)
        except OperatorError as error:
            self.call.say("fail", f"✖ {error}")
            return
        role, text = answer_text(side, answer)
        self.call.say(role, text)


def answer_text(side: Side, answer: CallAnswer) -> tuple[str, str]:
    """Colour role and words; secrets masked, cut where it is long."""
    if answer.payload is None:
        return "fail", f"✖ the {side} refused {answer.action}: {answer.code} {answer.description}".rstrip()
    said = compact(mask_tree(dict(answer.payload)))
    said = said if len(said) <= MAX_ANSWER else f"{said[: MAX_ANSWER - 1]}…"
    return "ok", f"✔ the {side} answered {answer.action}: {said}"
