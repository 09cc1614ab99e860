"""The main job in ten seconds, on SQLite: triggers in, one build out, and why the others did not run.

With ``--serve`` it ends with the page of ``holdoff serve`` over a simulated day, until Ctrl-C.

Run: make demo, or make demo SERVE=yes
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

CONFIG = """\
[projects.site]
cooldown = "4s"
starter = { command = ["sh", "-c", "echo '   >>> building' $HOLDOFF_SOURCE_VERSION"] }
"""
HOLDOFF = [sys.executable, "-m", "holdoff"]


def main(*options: str) -> None:
    """Tell the story, and show the page where it is asked for."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed: as Ctrl-C, it leaves nothing behind
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(prefix="holdoff-demo-") as folder:
        os.chdir(folder)
        os.environ.pop("HOLDOFF_STORE", None)  # your gates are none of this
        os.environ |= {"XDG_STATE_HOME": folder, "HOLDOFF_CONFIG": str(Path(folder, "holdoff.toml"))}
        Path("holdoff.toml").write_text(CONFIG, encoding="utf-8")
        tell("A project that may build every 4 seconds:")
        print(CONFIG)
        tell("Eight pushes to one branch at once, from eight processes, in whatever order they get through:")
        burst([f"commit-{number}" for number in range(1, 9)])
        tell("One more, the last change:")
        holdoff("trigger", "site", "--reason", "push", "--source-version", "the-last-change", *pushed(9))
        tell("Was it lost?")
        holdoff("explain", "site", "--source-version", "the-last-change")
        tell("No. When the cooldown is over, a wake builds it, once for all that waited:")
        time.sleep(4)
        holdoff("wake")
        holdoff("explain", "site", "--source-version", "the-last-change")
        holdoff("history", "site")
        tell("Or gate any command of this machine, with no file at all:")
        for _ in range(2):
            holdoff("run", "report", "--cooldown", "10m", "--", "echo", "   >>> reporting")
        holdoff("status")
        if "--serve" in options:
            from examples.page import show

            tell("A simulated day of pushes at six gates, on the page of `holdoff serve`:")
            show(Path(folder), HOLDOFF)
        elif sys.stdout.isatty():
            tell("`make demo SERVE=yes` ends with a page that shows a day of this, live.")


def tell(text: str) -> None:
    """A line of the story."""
    bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"\n{bold[0]}# {text}{bold[1]}", flush=True)


def holdoff(*args: str) -> None:
    """Run one command as a person would, and show it."""
    shown = " ".join(arg if " " not in arg else repr(arg) for arg in args)
    print(f"$ holdoff {shown}", flush=True)
    subprocess.run([*HOLDOFF, *args], check=False)


def pushed(minute: int) -> list[str]:
    """Where and when it was pushed: an older commit of a branch is never built after a newer one."""
    return ["--line", "main", "--at", f"2026-01-01T09:0{minute}Z"]


def burst(versions: list[str]) -> None:
    """All at once; what each was told, as it comes."""
    print(
        "$ holdoff trigger site --reason push --source-version commit-N --line main --at 2026-01-01T09:0NZ   (N = 1..8)"
    )
    sys.stdout.flush()
    started = [
        subprocess.Popen(
            [*HOLDOFF, "trigger", "site", "--reason", "push", "--source-version", version, *pushed(number)]
        )
        for number, version in enumerate(versions, start=1)
    ]
    for process in started:
        process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
