"""All of it: ``python -m benchmarks [--quick] [--write] [--only NAME,...]``. Prints each table; ``--write`` puts them
into docs/performance.md, with the drawings beside it. In an hour at most; ``--quick`` takes five minutes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import coldstart, command, crowd, denials, durable, growth, peers, requests

if TYPE_CHECKING:
    from benchmarks.harness import Section

DOCUMENT = Path(__file__).parent.parent / "docs/performance.md"
SECTIONS = {
    "denials": denials,
    "requests": requests,
    "durable": durable,
    "command": command,
    "coldstart": coldstart,
    "crowd": crowd,
    "growth": growth,
}
#: Programs of their own, shown as they print.
PROGRAMS = ("due", "plan", "hooks")
SHORTER = {"due": ["--gates", "100000"], "plan": ["--triggers", "100000", "--core", "2000"]}
HEAD = """# Performance

*Every figure here is printed by one command, `make bench ARGS=--write`, which wrote this page: {when}, {machine}.*

{versions}.

A time by itself says little about another machine. So each time stands beside a *floor*: the time of the least
program that does the same work, measured in turn with Holdoff. A ratio is the median over all rounds; its quartiles
are in brackets. Times are processor time, unless a column says "by the clock". `tests/test_counts.py` fails if a
figure that is counted, not timed, grows by a tenth.

## Aims, and why they are not lower

Each line has an aim, as a ratio to the floor, and the reason why the aim is not lower. The tables below have what this
machine reaches. The *lean client* is [Holdoff's own client of AWS](aws.md#a-client-that-starts-sooner).

* DynamoDB, allowed: 2.2 x with botocore, 1.1 x with the lean client. A start makes two writes, and botocore's own
  part of two writes costs two floors.
* DynamoDB, skipped, gate object made anew: 1.0 x. A skip makes one read, and with botocore a bare read costs as much
  as the floor's write.
* Refused again, in a process that has seen the gate: 1 µs. Each answer is a decision of its own, with an instant and
  an id, which take that long to make.
* SQLite, started, durable: 3 x by the clock. Two commits cost two floors. The rest of the time reads and writes the
  record as JSON, and locks the file.
* `holdoff run`: 3 x. A start has two more processes and three commits. Each run pays for the interpreter and its
  library.
* The function's init and first start: 0.6 x one client of botocore's. Only the lean client can reach that.
* One hot gate, 8 threads on SQLite: half the starts of one thread. When one thread writes a start, the other threads'
  decisions on that gate are out of date, and these threads decide again.
"""


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: five minutes")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("--only", default=",".join((*SECTIONS, *PROGRAMS)), help="of %(default)s")
    args = parser.parse_args()
    parts = [_head()]
    print(parts[0], flush=True)
    for name in args.only.split(","):
        if name in PROGRAMS:
            parts.append(_printed(name, quick=args.quick))
            print(parts[-1], flush=True)
            continue
        section = SECTIONS[name].measure(quick=args.quick)
        parts.append(_shown(name, section))
        print(parts[-1], flush=True)
        if args.write and section.plot is not None:
            (DOCUMENT.parent / section.plot[0]).write_text(section.plot[1])
    if args.write:
        DOCUMENT.write_text("\n".join(parts))


def _head() -> str:
    machine = f"{os.cpu_count()} processors, {os.uname().sysname} {os.uname().machine}"
    return HEAD.format(when=time.strftime("%Y-%m-%d"), machine=machine, versions=peers.versions())


def _printed(name: str, *, quick: bool) -> str:
    """What a program says of itself, and what it prints."""
    module = importlib.import_module(f"benchmarks.{name}")
    command = [sys.executable, "-m", f"benchmarks.{name}", *(SHORTER.get(name, []) if quick else [])]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    about = (module.__doc__ or "").partition("\n")[0]
    return f"## {about}\n\n```\n{said}```\n\n`python -m benchmarks.{name}`\n"


def _shown(name: str, section: Section) -> str:
    table = [section.head, ["---", *["---:"] * (len(section.head) - 1)], *section.rows]
    rows = "\n".join(f"| {' | '.join(row)} |" for row in table)
    drawing = f"\n![{section.title}]({section.plot[0]})\n" if section.plot else ""
    return f"## {section.title}\n\n{section.text}\n\n{rows}\n{drawing}\n`python -m benchmarks --only {name}`\n"


if __name__ == "__main__":
    main()
