"""Runs the fast tests on every supported Python: ``make matrix``.

The supported versions stand in the classifiers of pyproject.toml. Each Python gets its own environment with the exact
versions of requirements-dev.txt, kept in build/matrix. A Python comes from PATH or from pyenv, or uv fetches it. One
that cannot be found is named at the end; with ``--all``, as in CI, that is a failure.

Run: python -m tools.matrix [--all] [--only 3.13] [-- arguments of pytest]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENTS: Final = ROOT / "build" / "matrix"
MARK: Final = "Programming Language :: Python :: 3."
UV: Final = str(Path(sys.executable).with_name("uv"))
TESTS: Final = ("-m", "pytest", "-q", "-m", "not slow", "-n", "2", "--dist", "worksteal", "-p", "no:cacheprovider")


def main() -> int:
    """Run the tests on each Python, and print the results."""
    parser = argparse.ArgumentParser(description="Run the fast tier on every supported Python.")
    parser.add_argument("--all", action="store_true", help="fail where a Python cannot be had")
    parser.add_argument("--only", action="append", metavar="3.N", help="this one; may be given again")
    parser.add_argument("arguments", nargs="*", help="of pytest")
    args = parser.parse_args()
    said = {version: run(version, args.arguments) for version in args.only or supported()}
    print("\n".join(f"Python {version}: {what}" for version, what in said.items()))
    bad = {"failed", "not found"} if args.all else {"failed"}
    return int(any(what.partition(":")[0] in bad for what in said.values()))


def supported() -> list[str]:
    """The supported versions: ``3.11``, ..."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    return ["3." + line.removeprefix(MARK) for line in classifiers if line.startswith(MARK)]


def run(version: str, arguments: list[str]) -> str:
    """The result of one version: ``passed``, ``failed`` or ``not found``, with the details."""
    python = found(version)
    if python is None:
        return "not found: neither on PATH nor with pyenv, and uv could not fetch it"
    home = ENVIRONMENTS / version
    inside = str(home / "bin" / "python")
    print(f"--- Python {version}: {python}", flush=True)
    for command in (
        [UV, "venv", "--quiet", "--allow-existing", "--python", python, str(home)],
        [UV, "pip", "install", "--quiet", "--python", inside, "-r", "requirements-dev.txt", "--editable", "."],
        [inside, *TESTS, *arguments],
    ):
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return f"failed: {' '.join(command[:3])} ..."
    return "passed"


def found(version: str) -> str | None:
    """A Python of that version. A name on PATH may be a shim that leads nowhere, so each is asked for its version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in [f"python{version}", *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")), reverse=True)]:
        if asked(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])") == version:
            return path
    asked(UV, "python", "install", version)
    return asked(UV, "python", "find", version) or None


def asked(*command: str) -> str | None:
    """What a command printed; ``None``: it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
