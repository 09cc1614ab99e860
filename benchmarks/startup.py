"""What ``holdoff run`` in front of a command costs: the program on SQLite, against the bare interpreter.

Run: python -m benchmarks.startup [--runs N] [--holdoff PROGRAM]
Floor: ``python -c pass`` with the same interpreter, timed in turn with it in the same run.

Name an installed (not an editable) holdoff: its modules are compiled when it is installed, as a user's are.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Time the three in turn, print what each takes and the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--holdoff", default=Path(sysconfig.get_path("scripts"), "holdoff"))
    args = parser.parse_args()
    python = Path(args.holdoff).with_name("python")
    commands = {
        "true": ["true"],
        "python -c pass": [str(python if python.exists() else sys.executable), "-c", "pass"],
        "holdoff run": [str(args.holdoff), "run", "p", "--cooldown", "0", "--", "true"],
    }
    with tempfile.TemporaryDirectory() as folder:
        times = _timed(commands, folder, args.runs)
    print(f"startup: {args.runs} runs of each, in turn (min / median, milliseconds)")
    for name, taken in times.items():
        print(f"  {name:<16}{min(taken):8.1f} {statistics.median(taken):8.1f}")
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"  holdoff run adds {medians['holdoff run'] - medians['true']:.1f} ms to the command")
    print(f"  ratio to bare python {medians['holdoff run'] / medians['python -c pass']:.2f}")


def _timed(commands: dict[str, list[str]], folder: str, runs: int) -> dict[str, list[float]]:
    environment = os.environ | {"XDG_STATE_HOME": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 2):  # the first two warm the caches, and make the store
        for name, argv in commands.items():
            began = time.perf_counter()
            subprocess.run(argv, check=True, env=environment, cwd=folder)
            if turn >= 2:
                times[name].append((time.perf_counter() - began) * 1000)
    return times


if __name__ == "__main__":
    main()
