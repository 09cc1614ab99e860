"""Gates as the verbs that start nothing need them: the project may be unknown to holdoff.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.core.policy import Policy
from holdoff.core.record import GateKey
from holdoff.gate import Gate

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.stores.base import Store


def bare_gate(config: Config, args: argparse.Namespace) -> Gate:
    """The gate that PROJECT, ``--region`` and ``--store`` name, with its policy where one is known."""
    known = config.projects.get(args.project)
    return Gate(
        args.project,
        region=region_of(config, args),
        store=config.open_store(args.store),
        policy=known.policy if known else Policy(0),
        knows_policy=known is not None,
    )


def key_of(config: Config, args: argparse.Namespace, store: Store) -> GateKey:
    """The gate that PROJECT and ``--region`` name in a store."""
    return GateKey(args.project, region_of(config, args) or store.region)


def region_of(config: Config, args: argparse.Namespace) -> str | None:
    """``--region``, else the project's; ``None``: the store's."""
    if args.region is not None:
        return str(args.region)
    known = config.projects.get(args.project)
    return known.region if known else None
