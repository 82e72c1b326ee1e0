"""Dialogs that never block: shown with ``open()`` and awaited through a future.

``QDialog.exec`` inside a coroutine starves every other task for good (qasync issues 59 and 174).
"""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QLineEdit, QMessageBox, QPushButton, QWidget

TEXT_WIDTH = 420
"""Pixels of a dialog that asks for a line of text: a filter or a MAC address is seen whole."""
LEAST_SIZE = QSize(960, 560)


def fit_to_window(dialog: QDialog, width: int, height: int) -> None:
    """Give a wide dialog its size in pixels, or that of the window it stands over where this is smaller: on the screen of a small
    laptop it would reach over the edge."""
    parent = dialog.parentWidget()
    room = QSize(width, height) if parent is None else parent.window().size().expandedTo(LEAST_SIZE)
    dialog.resize(QSize(width, height).boundedTo(room))


async def finished(dialog: QDialog) -> int:
    """Show a dialog and wait until it was closed; its result code. Cancelling closes the dialog."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def done(code: int) -> None:
        if not future.done():
            future.set_result(code)

    dialog.finished.connect(done)
    dialog.open()
    try:
        return await future
    finally:
        dialog.finished.disconnect(done)
        if dialog.isVisible():
            dialog.close()
        dialog.deleteLater()


async def ask(parent: QWidget, question: str, *, detail: str = "", yes: str = "Yes", no: str = "Cancel") -> bool:
    """A question with two answers, named by what they do. Enter and Escape both mean ``no``."""
    box = QMessageBox(QMessageBox.Icon.Question, parent.window().windowTitle(), question, parent=parent)
    box.setInformativeText(detail)
    agree: QPushButton = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    refuse = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    await finished(box)
    return box.clickedButton() is agree


async def ask_text(
    parent: QWidget, title: str, label: str, *, text: str = "", hidden: bool = False, ok: str = "OK"
) -> str | None:
    """One line of text, or None when the operator left. hidden: show dots (a key code)."""
    dialog = QInputDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setLabelText(label)
    dialog.setTextEchoMode(QLineEdit.EchoMode.Password if hidden else QLineEdit.EchoMode.Normal)
    dialog.setTextValue(text)
    dialog.setOkButtonText(ok)
    dialog.resize(TEXT_WIDTH, dialog.sizeHint().height())
    accepted = await finished(dialog) == QDialog.DialogCode.Accepted
    return dialog.textValue().strip() if accepted else None


async def ask_save_path(
    parent: QWidget, title: str, suggestion: str, filters: str, *, confirm: bool = True
) -> str | None:
    """A file to write, or None. filters: as Qt writes them, ``SVG (*.svg);;PNG (*.png)``.

    confirm: ask whether a file that exists should be replaced; without it the caller asks.
    """
    return await _ask_path(parent, title, filters, QFileDialog.AcceptMode.AcceptSave, suggestion, confirm=confirm)


async def ask_open_path(parent: QWidget, title: str, filters: str) -> str | None:
    """A file to read, or None."""
    return await _ask_path(parent, title, filters, QFileDialog.AcceptMode.AcceptOpen, "")


async def _ask_path(
    parent: QWidget, title: str, filters: str, mode: QFileDialog.AcceptMode, suggestion: str, *, confirm: bool = True
) -> str | None:
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(mode)
    dialog.setOption(QFileDialog.Option.DontConfirmOverwrite, not confirm)
    if mode is QFileDialog.AcceptMode.AcceptOpen:
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters(filters.split(";;"))
    if suggestion:
        dialog.selectFile(suggestion)
    accepted = await finished(dialog) == QDialog.DialogCode.Accepted
    chosen = dialog.selectedFiles()
    return chosen[0] if accepted and chosen else None
