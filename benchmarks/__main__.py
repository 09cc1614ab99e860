"""All benchmarks: ``python -m benchmarks``. Each prints a ratio against a floor measured in the same run."""

from __future__ import annotations

from benchmarks import coldstart, due, startup

if __name__ == "__main__":
    startup.main()
    print()
    coldstart.main()
    print()
    due.main()
