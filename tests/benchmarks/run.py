"""Run every benchmark, or the ones named: ``python tests/benchmarks/run.py [first_paint tap authorize journal flood ...]``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = ("first_paint", "tap", "authorize", "journal", "flood", "local_list")


def main() -> int:
    names = sys.argv[1:] or ALL
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"there is no benchmark {unknown[0]}; choose from {', '.join(ALL)}")
        return 2
    for name in names:
        print(f"\n# {name}", flush=True)
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], cwd=HERE.parents[1], check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
