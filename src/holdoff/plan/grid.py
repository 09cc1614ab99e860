"""The policies to try: the present one, a build for each trigger, and each combination of the given settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

from holdoff.core.errors import ConfigError
from holdoff.core.policy import Policy
from holdoff.core.units import parse_duration
from holdoff.plan.report import settings_of, written

#: The settings to combine where none are given.
COOLDOWNS: Final = ("0", "1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h")
QUIETS: Final = ("0", "30s", "2m")
#: The least ``max_wait`` for a quiet time that is not given.
LEAST_MAX_WAIT_MS: Final = 300_000
#: The settings that are combined; a project's other settings stay as they are.
_VARIED: Final = ("cooldown", "quiet", "max_wait")


def policies(
    own: Policy | None,
    *,
    cooldowns: Sequence[str] = (),
    quiets: Sequence[str] = (),
    most: Sequence[str] = (),
    limits: Sequence[str] = (),
    kept: Mapping[str, Any] = {},
) -> list[Policy]:
    """The policies to try, each once, the present one first. Other settings stay as they are in the present one. Wrong
    settings, or settings that do not go together, raise ConfigError.

    Args:
        own: the present policy; ``None``: there is none.
        cooldowns, quiets, limits: texts as people write them, 0 for none; the defaults above, unless given.
        most: values of ``max_wait``. Without any, a given quiet time has no bound. A default quiet time is bounded by
            the length of the cooldown, and by no less than five minutes.
        kept: settings of all policies, instead of the present one's.
    """
    fixed: dict[str, Any] = (
        {} if own is None else {name: one for name, one in settings_of(own).items() if name not in _VARIED}
    )
    fixed |= kept
    of_limit = limits or (fixed.get("limit"),)
    found, left_out = [Policy(0)] if own is None else [own, Policy(0)], False
    for cooldown, quiet, bound, limit in product(cooldowns or COOLDOWNS, quiets or QUIETS, most or (None,), of_limit):
        bound_ms = 0 if bound is None else parse_duration(bound, field="max_wait")
        if bound is None and not quiets:
            bound_ms = max(parse_duration(cooldown, field="cooldown"), LEAST_MAX_WAIT_MS)
        quiet_ms = parse_duration(quiet, field="quiet")
        if quiet_ms and 0 < bound_ms < quiet_ms:
            left_out = True  # a bound shorter than the quiet time
            continue
        waits: dict[str, Any] = {"quiet": written(quiet_ms)} if quiet_ms else {}
        waits |= {"max_wait": written(bound_ms)} if quiet_ms and bound_ms else {}
        found.append(Policy(cooldown, **fixed | waits | {"limit": None if limit == "0" else limit}))
    if quiets and left_out and not any(policy.quiet_ms for policy in found):
        raise ConfigError(field="max_wait", got=", ".join(most), want="no less than the quiet time, which it bounds")
    return list(dict.fromkeys(found))
