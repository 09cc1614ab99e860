"""``python -m holdoff``."""

from holdoff.cli.main import entry

if __name__ == "__main__":
    entry()
