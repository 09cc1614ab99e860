"""A gate as it is in a store, for ``holdoff.observe.explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdoff.observe.explain import Scene

if TYPE_CHECKING:
    from holdoff.core.request import GateKey
    from holdoff.core.terms import Terms
    from holdoff.stores.base import Store


def scene_of(store: Store, key: GateKey, terms: Terms | None, now_ms: int) -> Scene:
    return Scene(store=store, key=key, record=store.get(key), terms=terms, now_ms=now_ms)
