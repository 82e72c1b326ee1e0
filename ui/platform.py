"""What Qt needs of the system, told in one line when it is not there."""

from __future__ import annotations

import os
import sys

from bench.errors import OperatorError

# Debian and Ubuntu packages of the libraries that Qt's wheels leave to the system.
PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
X11_LIBRARIES = tuple(name for name in PACKAGES if "xcb" in name or "x11" in name)


def missing_library(text: str) -> str | None:
    """The shared library that an ImportError names as missing, or None."""
    import re

    found = re.search(r"(lib[\w.+-]+\.so(?:\.\d+)*): cannot open shared object file", text)
    return found.group(1) if found else None


def library_error(libraries: list[str]) -> OperatorError:
    """One line that says which package to install."""
    packages = " ".join(PACKAGES.get(name, name) for name in libraries)
    return OperatorError(
        f"Qt needs {', '.join(libraries)}, which this system does not have",
        f"install it with: sudo apt install {packages}",
    )


def require_qt() -> None:
    """Import Qt and look for the libraries of its X11 part, which would abort the program without a word of help.

    Raises:
        OperatorError: a system library is missing.
    """
    try:
        import PySide6.QtGui
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        library = missing_library(str(error))
        if library is None:
            raise OperatorError(f"Qt cannot be imported: {error}", "install authbench anew") from error
        raise library_error([library]) from error
    if sys.platform != "linux" or not uses_x11():
        return
    missing = [name for name in X11_LIBRARIES if not _loads(name)]
    if missing:
        raise library_error(missing)


def uses_x11() -> bool:
    """Whether Qt will open its window on an X server."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform:
        return platform.startswith("xcb")
    return bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")


def _loads(name: str) -> bool:
    import ctypes  # not before the first paint

    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
