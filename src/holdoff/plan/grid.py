"""Which policies are tried: the present one, a build for each trigger, and each combination of what is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

from holdoff.core.errors import ConfigError
from holdoff.core.policy import Policy
from holdoff.core.units import parse_duration
from holdoff.plan.report import settings_of, written

#: What is tried where no policy is given.
COOLDOWNS: Final = ("0", "1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h")
QUIETS: Final = ("0", "30s", "2m")
#: The least bound of a quiet time of the grid.
LEAST_MAX_WAIT_MS: Final = 300_000
#: What the combinations set; a project's other settings stay as they are.
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
    """The policies to try, each once, ``own`` the first. What is not varied stays as it is there.

    Args:
        own: the present one; ``None``: there is none.
        cooldowns, quiets, limits: as people write them; the grid's, unless given.
        most: of ``max_wait``. Without it a quiet time that is given has no bound; the grid's is the cooldown's length,
            and at least five minutes.
        kept: settings of all, instead of the present one's.

    Raises:
        ConfigError: that is no duration or limit, or they do not go together; it names the setting.
    """
    fixed: dict[str, Any] = (
        {} if own is None else {name: one for name, one in settings_of(own).items() if name not in _VARIED}
    )
    fixed |= kept
    of_limit = tuple(limits) or (fixed.pop("limit", None),)
    found, left_out = [Policy(0)] if own is None else [own, Policy(0)], False
    for cooldown, quiet, bound, limit in product(cooldowns or COOLDOWNS, quiets or QUIETS, most or (None,), of_limit):
        bound_ms = 0 if bound is None else parse_duration(bound, field="max_wait")
        if bound is None and not quiets:
            bound_ms = max(parse_duration(cooldown, field="cooldown"), LEAST_MAX_WAIT_MS)
        quiet_ms = parse_duration(quiet, field="quiet")
        if quiet_ms and 0 < bound_ms < quiet_ms:
            left_out = True  # it could not bound the quiet time
            continue
        waits: dict[str, Any] = {"quiet": written(quiet_ms)} if quiet_ms else {}
        waits |= {"max_wait": written(bound_ms)} if quiet_ms and bound_ms else {}
        found.append(Policy(cooldown, limit=limit, **waits, **fixed))
    if quiets and left_out and not any(policy.quiet_ms for policy in found):
        raise ConfigError(field="max_wait", got=", ".join(most), want="no less than the quiet time, which it bounds")
    return list(dict.fromkeys(found))
