"""What the window remembers over a restart: layout, theme, filters. A small ini file in the user's configuration folder."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from ui.theme import Choice

log = logging.getLogger(__name__)

LAYOUT_VERSION = 2
"""Raised when docks come or go; an older layout is then not restored."""


def default_path() -> Path:
    """``window.ini`` where this system keeps a user's configuration."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(folder) / "authbench" / "window.ini"


class UiState:
    """Reads and writes the file. Nothing in it is trusted: what is spoiled counts as not there."""

    def __init__(self, path: Path) -> None:
        self._settings = QSettings(str(path), QSettings.Format.IniFormat)

    @property
    def theme(self) -> Choice:
        try:
            return Choice(str(self._settings.value("theme", Choice.SYSTEM.value)))
        except ValueError:
            return Choice.SYSTEM

    @theme.setter
    def theme(self, choice: Choice) -> None:
        self._settings.setValue("theme", choice.value)

    @property
    def profile(self) -> Path | None:
        """The profile file of the last run, or None; it may be gone."""
        value = self._settings.value("profile")
        return Path(value) if isinstance(value, str) and value else None

    @profile.setter
    def profile(self, path: Path) -> None:
        self._settings.setValue("profile", str(path))

    def layout(self) -> tuple[QByteArray, QByteArray] | None:
        """Geometry and dock state as last saved, or None."""
        if self._settings.value("layout/version") != str(LAYOUT_VERSION):
            return None
        geometry, docks = self._settings.value("layout/geometry"), self._settings.value("layout/docks")
        if isinstance(geometry, QByteArray) and isinstance(docks, QByteArray):
            return geometry, docks
        return None

    def keep_layout(self, geometry: QByteArray, docks: QByteArray) -> None:
        self._settings.setValue("layout/version", str(LAYOUT_VERSION))
        self._settings.setValue("layout/geometry", geometry)
        self._settings.setValue("layout/docks", docks)

    def forget_layout(self) -> None:
        self._settings.remove("layout")

    def panel(self, name: str) -> dict[str, str]:
        """What a panel asked to remember."""
        self._settings.beginGroup(f"panel.{name}")
        values = {key: str(self._settings.value(key, "")) for key in self._settings.childKeys()}
        self._settings.endGroup()
        return values

    def keep_panel(self, name: str, values: dict[str, str]) -> None:
        self._settings.remove(f"panel.{name}")
        self._settings.beginGroup(f"panel.{name}")
        for key, value in values.items():
            self._settings.setValue(key, value)
        self._settings.endGroup()

    def save(self) -> None:
        """Write to disk now; a folder that cannot be written is told once in the log, not to the operator's face."""
        self._settings.sync()
        if self._settings.status() is not QSettings.Status.NoError:
            log.info("the window's state could not be written to %s", self._settings.fileName())
