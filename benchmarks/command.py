"""``holdoff run`` in front of a command, on SQLite, against the bare interpreter and ``flock``. By the whole process.

Name an installed (not an editable) holdoff with ``HOLDOFF_BENCH_PROGRAM``: its modules are compiled at installation, as
a user's are.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Row, Section, ratio, us


def measure(*, quick: bool) -> Section:
    """Each in turn, again and again."""
    program = Path(os.environ.get("HOLDOFF_BENCH_PROGRAM") or Path(sysconfig.get_path("scripts"), "holdoff"))
    python = program.with_name("python")
    commands = {
        "python -c pass (the floor)": [str(python if python.exists() else sys.executable), "-c", "pass"],
        "true": ["true"],
        **({"flock FILE true": ["flock", "lock", "true"]} if shutil.which("flock") else {}),
        "holdoff run X -- true, starts": [str(program), "run", "p", "--cooldown", "0", "--", "true"],
        "holdoff run X -- true, skips": [str(program), "run", "q", "--cooldown", "1h", "--", "true"],
    }
    with tempfile.TemporaryDirectory() as folder:
        rows = _timed(commands, folder, 10 if quick else 40)
    return Section(
        title="`holdoff run` in front of a command",
        text="The floor is the same interpreter, doing nothing. What Python takes to begin is in all of ours.",
        head=("", "µs of the processor", "x the floor", "x the floor, by the clock"),
        rows=[(row.name, us(row.cpu), ratio(row, rows[0]), ratio(row, rows[0], "wall")) for row in rows],
    )


def _timed(commands: dict[str, list[str]], folder: str, rounds: int) -> list[Row]:
    environment = os.environ | {"XDG_STATE_HOME": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    rows = [Row(name=name) for name in commands]
    for turn in range(rounds + 2):  # the first two warm the caches, and make the store
        for row, argv in zip(rows, commands.values(), strict=True):
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(argv, check=True, env=environment, cwd=folder, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if turn >= 2:
                row.wall.append(time.perf_counter() - began)
                row.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return rows
