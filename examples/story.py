"""Makes docs/story.md: runs the commands for real, on SQLite, and writes down what they said.

Run: python examples/story.py > docs/story.md
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIG = """\
[projects.site]
cooldown = "10s"
quiet = "2s"
max_wait = "5s"
starter = { command = ["sh", "-c", "echo building $HOLDOFF_SOURCE_VERSION"] }
"""
STORY: list[tuple[str, list[str] | float]] = [
    ("Twelve edits in six seconds, and a loop that builds what is due:", ["burst"]),
    (
        "Two builds: one when `max_wait` was over, and one for the edit that came after it. Which of them has edit 11?",
        [],
    ),
    ("", ["explain", "site", "--source-version", "edit-11"]),
    ("", ["history", "site"]),
    ("Something is wrong in production. A hold keeps builds from starting:", []),
    ("", ["hold", "site", "--why", "incident 42", "--by", "ada"]),
    ("", ["trigger", "site", "--reason", "cms", "--source-version", "edit-13", "--line", "live"]),
    ("", ["trigger", "site", "--reason", "cms", "--source-version", "edit-14", "--line", "live"]),
    ("", ["status"]),
    ("", ["explain", "site"]),
    ("The incident is over. One build covers all that came meanwhile:", ["resume", "site"]),
    ("", 10.5),
    ("", ["wake"]),
    ("", ["history", "site"]),
    ("And nothing waits any more:", ["status", "--max-stale", "1m"]),
]


def main() -> None:
    """Tell it."""
    with tempfile.TemporaryDirectory(prefix="holdoff-story-") as folder:
        os.chdir(folder)
        os.environ.pop("HOLDOFF_STORE", None)  # your gates are none of this
        os.environ |= {"XDG_STATE_HOME": folder, "HOLDOFF_CONFIG": str(Path(folder, "holdoff.toml"))}
        os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        Path("holdoff.toml").write_text(CONFIG, encoding="utf-8")
        print("# A story in a terminal\n")
        print("Made by `python examples/story.py`, which runs all of it for real.\n")
        print(f"```toml\n{CONFIG}```\n")
        for text, action in STORY:
            if text:
                print(f"{text}\n")
            if isinstance(action, float):
                time.sleep(action)
            elif action == ["burst"]:
                burst()
            elif action:
                show(action)


def burst() -> None:
    """Edits every half second, and `wake --watch` beside them."""
    loop = subprocess.Popen(
        [sys.executable, "-m", "holdoff", "wake", "--watch", "--every", "200ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    print("```console\n$ holdoff wake --watch &")
    for number in range(1, 13):
        args = ["trigger", "site", "--reason", "cms", "--source-version", f"edit-{number}", "--line", "live"]
        said = run(args)
        if number in {1, 2, 12} or "started" in said:
            print(f"$ holdoff {' '.join(args)}\n{said}", end="")
        elif number == 3:
            print("  ...")
        time.sleep(0.5)
    time.sleep(14)
    loop.terminate()
    print(loop.communicate()[0], end="")
    print("```\n")


def show(args: list[str]) -> None:
    """One command, and what it said in a terminal."""
    shown = " ".join(f"'{arg}'" if " " in arg else arg for arg in args)
    print(f"```console\n$ holdoff {shown}\n{run(args)}```\n")


def run(args: list[str]) -> str:
    """What a command says in a terminal, without the colours."""
    said: list[bytes] = []

    def read(fd: int) -> bytes:
        data = os.read(fd, 4096)
        said.append(data)
        return data

    sys.stdout.flush()
    keep = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        pty.spawn([sys.executable, "-m", "holdoff", *args], read)
        os.dup2(keep, 1)
    os.close(keep)
    text = b"".join(said).decode().replace("\r\n", "\n")
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).split("\n")]
    return "\n".join(line for line in lines if line) + "\n"


if __name__ == "__main__":
    main()
