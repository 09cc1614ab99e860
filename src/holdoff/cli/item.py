"""``holdoff item``: a gate's stored item as JSON, numbers exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.cli.common import add_project, load_config, print_json, say
from holdoff.cli.gates import key_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``item``."""
    add_project(parser)


def main(args: argparse.Namespace) -> int:
    """Print it; status 1 where there is none."""
    config = load_config(args)
    store = config.open_store(args.store)
    key = key_of(config, args, store)
    item = store.item(key)
    if item is None:
        say(f"{key} has no item in {store.url}: it never built")
        return 1
    print_json(item)
    return 0
