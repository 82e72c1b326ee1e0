"""Somebody who works at the real window: hands, and eyes on what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from bench.exchange import Verdict
from fixtures.demo import Demo
from ui.window import MainWindow

LIMIT_S = 10.0


class Technician:
    """Hands and eyes at one window."""

    def __init__(self, qtbot, window: MainWindow, demo: Demo) -> None:
        self.qtbot = qtbot
        self.window = window
        self.work = window.workspace
        self.demo = demo
        self.session = demo.session

    async def see(self, what: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
        """Look until it is so."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not what():  # noqa: ASYNC110 - nothing tells of a repaint
                    await asyncio.sleep(0.02)  # the loop is Qt's: this is the window painting, not a wait for luck
        except TimeoutError:
            pytest.fail(f"never seen; the window says {told()!r}")

    async def key(self, key: Qt.Key) -> None:
        """A key of the window, with Ctrl."""
        self.window.activateWindow()
        await self.see(self.window.isActiveWindow)
        self.qtbot.keyClick(QApplication.focusWidget() or self.window, key, Qt.KeyboardModifier.ControlModifier)

    def click(self, widget) -> None:
        assert widget.isEnabled(), widget.text()
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type_into(self, field, text: str) -> None:
        field.selectAll()
        self.qtbot.keyClicks(field, text)

    async def present(self, uid: str) -> None:
        """Type a UID and present it; the verdict card tells when it is through."""
        before = max(self.session.exchanges, default=0)
        self.type_into(self.work.tap.uid, uid)
        self.click(self.work.tap.present_button)
        await self.see(lambda: max(self.session.exchanges, default=0) > before)
        exchange = self.session.exchanges[max(self.session.exchanges)]
        await self.see(lambda: not exchange.open)
        words = {Verdict.ACCEPTED: "ACCEPTED", Verdict.REJECTED: "REJECTED"}
        await self.see(
            lambda: words[exchange.verdict] in self.work.tap.verdict.word.text(),
            lambda: self.work.tap.verdict.word.text(),
        )

    async def said(self, part: str) -> None:
        station = self.work.station
        await self.see(lambda: part in station.said.text(), station.said.text)
