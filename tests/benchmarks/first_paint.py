"""First paint of the window against an empty PySide6 window, and the time until everything is ready.

Each in a fresh process, in turn; measured from the start of the process by the system-wide monotonic clock.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 9
ROOT = Path(__file__).parents[2]

EMPTY = """
import sys, time, os
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        print('{"painted": %.6f}' % (time.perf_counter() - float(os.environ["BEGUN"])), flush=True)
        QApplication.instance().quit()
app = QApplication(sys.argv)
window = Window()
window.resize(1280, 800)
window.show()
app.exec()
"""

BENCH = """
import sys, time, os, json
from ui.app import run_window
seen = {}
def milestone(name):
    seen[name] = time.perf_counter() - float(os.environ["BEGUN"])
    return name == "ready"
run_window(None, demo=True, milestone=milestone)
print(json.dumps(seen), flush=True)
"""


def measure(code: str, home: str) -> dict[str, float]:
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
        "PYTHONPATH": str(ROOT),
    }
    environment |= {"XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "BEGUN": repr(time.perf_counter())}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        pairs = []
        for _ in range(ROUNDS + 1):
            pairs.append((measure(EMPTY, home), measure(BENCH, home)))
    pairs = pairs[1:]  # the first pair warms the disk cache
    empty = statistics.median(pair[0]["painted"] for pair in pairs)
    painted = statistics.median(pair[1]["painted"] for pair in pairs)
    ready = statistics.median(pair[1]["ready"] for pair in pairs)
    ratio = statistics.median(b["painted"] / a["painted"] for a, b in pairs)
    print(f"first paint: empty window {empty * 1e3:.0f} ms, bench {painted * 1e3:.0f} ms, ratio {ratio:.2f} (aim 1.5)")
    print(f"everything ready (demo): {ready * 1e3:.0f} ms, {ready / empty:.1f} times the empty window")


if __name__ == "__main__":
    main()
