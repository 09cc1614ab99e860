"""``holdoff run`` in front of a command, on SQLite, against the bare interpreter and ``flock``, and what its time goes
into. By the whole process.

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
from typing import Final

from benchmarks.harness import Row, Section, ratio, us

#: What a skip imports, of the standard library and of ours. Both begin and end as ``holdoff`` does.
LIBRARY: Final = "import _sqlite3, contextlib, decimal, fcntl, json, signal, threading, weakref"
OURS: Final = "import holdoff.cli.main, holdoff.cli.run, holdoff.config, holdoff.stores.sqlite"
IMPORT: Final = "import gc, os; gc.set_threshold(20_000); {}; os._exit(0)"
TEXT: Final = """\
The floor is the same interpreter, doing nothing. Every row of Holdoff includes the start of Python. Most of the rest
is imports, which two rows show. The first row imports what Holdoff needs of the standard library to read JSON, exact
numbers and SQLite and to handle signals (mostly `re` and `enum`, which `json` and `signal` need). The second row adds
Holdoff's own modules. The rest of a skip is its command line and one read of the store. A start writes three times to
the disk: the claim, the build, its end. A start also has two more processes: the command, and a shell that ends the
command if Holdoff is killed. As long as each run is a process, it cannot be faster than the row of the standard
library."""


def measure(*, quick: bool) -> Section:
    """Each in turn, again and again."""
    program = Path(os.environ.get("HOLDOFF_BENCH_PROGRAM") or Path(sysconfig.get_path("scripts"), "holdoff"))
    beside = program.with_name("python")
    python = str(beside if beside.exists() else sys.executable)
    commands = {
        "python -c pass (the floor)": [python, "-c", "pass"],
        "python, importing what a skip needs of the standard library": [python, "-c", IMPORT.format(LIBRARY)],
        "python, importing what a skip needs of Holdoff": [python, "-c", IMPORT.format(OURS)],
        "sh -c true": ["/bin/sh", "-c", "true"],
        "true": ["true"],
        **({"flock FILE true": ["flock", "lock", "true"]} if shutil.which("flock") else {}),
        "holdoff run X -- true, starts": [str(program), "run", "p", "--cooldown", "0", "--", "true"],
        "holdoff run X -- true, skips": [str(program), "run", "q", "--cooldown", "1h", "--", "true"],
    }
    with tempfile.TemporaryDirectory() as folder:
        rows = _timed(commands, folder, 10 if quick else 40)
    return Section(
        title="`holdoff run` in front of a command",
        text=TEXT,
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
