"""How tests do things at once, and wait for what another thread or process does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Far more than anything that is waited for takes, on the slowest of machines: a test that hangs says so.
PATIENCE_S = 300


def until(is_so: Callable[[], object]) -> None:
    """Return as soon as it is so."""
    give_up = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up, f"not within {PATIENCE_S} s"
        time.sleep(0.005)


def all_at_once(acts: Sequence[Callable[[], object]]) -> None:
    """Each in a thread, beside the others. What one raises, this raises."""
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
