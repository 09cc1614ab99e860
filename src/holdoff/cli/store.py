"""``holdoff store init|check``: create or check the table or file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_store, load_config, show

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.stores.base import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``store``."""
    parser.add_argument(
        "action",
        choices=["init", "check"],
        help="init creates what is missing and touches nothing that is there; check only looks",
    )
    add_store(parser)


def main(args: argparse.Namespace) -> int:
    """Do it; ``check`` exits 1 where something is wrong."""
    config = load_config(args)
    store = config.open_store(args.store)
    if args.action == "init":
        done = store.initialise()
        show("\n".join(done) or f"{store.url}: nothing to do")
        return 0
    wrong = store.check() + _wrong_gates(config, store)
    show("\n".join(wrong) or f"{store.url}: all is well")
    return 1 if wrong else 0


def _wrong_gates(config: Config, store: Store) -> list[str]:
    """Gates that must not be in it, where the store knows of such."""
    check = getattr(store, "check_gates", None)
    return [] if check is None else list(check(config.keys(store)))
