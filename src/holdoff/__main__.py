"""``python -m holdoff``."""

from holdoff.cli import entry

if __name__ == "__main__":
    entry()
