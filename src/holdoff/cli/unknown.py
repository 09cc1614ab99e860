"""The message about a gate that is not known, with the one that may have been meant.

A misspelt name must not hold or reset a gate that no trigger will ever reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdoff.config import Config
    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store


def no_such_gate(config: Config, store: Store, key: GateKey) -> str:
    where = store.url if config.path is None else f"{store.url} or {config.path}"
    known = sorted({*config.keys(store), *(gate for gate, _ in store.gates())})
    if not known:
        return f"{key}: no such gate in {where}, which has no gates yet"
    meant = _nearest(key, known)
    return f"{key}: no such gate in {where}" + (f"; did you mean {meant}?" if meant else "")


def _nearest(key: GateKey, known: list[GateKey]) -> str | None:
    """What may have been meant: another region of this project, else another project."""
    from difflib import get_close_matches

    here = [gate.region for gate in known if gate.project == key.project]
    if here:
        return f"--region {(get_close_matches(key.region, here, 1) or here)[0]}"
    projects = [gate.project for gate in known if gate.region == key.region] or [gate.project for gate in known]
    return next(iter(get_close_matches(key.project, projects, 1)), None)
