"""Draws the policies for docs/explained/policies.md: triggers and builds, replayed and drawn by the planner's code.

Run: python -m tools.written
"""

from __future__ import annotations

from html import escape
from typing import Final

from holdoff.core.policy import Policy
from holdoff.core.value import Value
from holdoff.plan import page
from holdoff.plan.replay import Past, replay

MINUTE_MS: Final = 60_000
#: 2026-03-02, a Monday, UTC: midnight and nine o'clock.
DAY: Final = 1_772_409_600_000
NINE: Final = DAY + 9 * 60 * MINUTE_MS


class Scene(Value, kw_only=False):
    """One picture. ``minutes``: when triggers come. ``takes``: the minutes that a build takes. ``lanes``: by name."""

    title: str
    minutes: tuple[float, ...]
    takes: float
    lanes: tuple[tuple[str, Policy], ...]


SCENES: Final = {
    "cooldown": Scene(
        "No cooldown, a cooldown, and a cooldown that skips",
        (0, 1, 2, 3, 14, 30, 31),
        2,
        (
            ("no Holdoff", Policy(0)),
            ('cooldown = "10m"', Policy("10m")),
            ('cooldown = "10m", on_cooldown = "skip"', Policy("10m", on_cooldown="skip")),
        ),
    ),
    "quiet": Scene(
        "Waiting for quiet",
        (0, 1, 2, 3, 4, 5, 6, 20, 21),
        2,
        (
            ('cooldown = "5m"', Policy("5m")),
            ('cooldown = "5m", quiet = "2m"', Policy("5m", quiet="2m")),
            ('cooldown = "5m", quiet = "2m", max_wait = "4m"', Policy("5m", quiet="2m", max_wait="4m")),
        ),
    ),
    "limit": Scene(
        "A budget of builds",
        (0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36),
        1,
        (
            ('cooldown = "2m"', Policy("2m")),
            ('cooldown = "2m", limit = "3/30m"', Policy("2m", limit="3/30m")),
        ),
    ),
    "overlap": Scene(
        "What to do while a build runs",
        (0, 5, 6, 17),
        9,
        tuple(
            (f'cooldown = "4m", overlap = "{word}"', Policy("4m", overlap=word))
            for word in ("allow", "defer", "skip", "cancel")
        ),
    ),
    "from": Scene(
        "A cooldown from the start, and from the end of a build",
        (0, 3, 4, 19),
        6,
        (
            ('cooldown = "8m"', Policy("8m")),
            ('cooldown = "8m", cooldown_from = "finish"', Policy("8m", cooldown_from="finish")),
        ),
    ),
}


def drawn() -> dict[str, str]:
    """The pictures, by their paths in the repository."""
    return {f"docs/explained/{name}.svg": picture(scene) for name, scene in SCENES.items()}


def picture(scene: Scene) -> str:
    """One picture, with its style sheet in it: a browser shows it alone."""
    at_ms = [NINE + int(minute * MINUTE_MS) for minute in scene.minutes]
    past = Past(at_ms, [int(scene.takes * MINUTE_MS)] * len(at_ms))
    lanes = [(name, policy, replay(past, policy)) for name, policy in scene.lanes]
    svg = page.timeline(past, DAY, lanes)
    label = f'aria-label="{escape(scene.title)}"'
    looks = f">\n<style>\n{page._COLOURS}{page._PICTURE}</style>"
    start, _, rest = svg.partition(">")
    return f"{start.partition('aria-label=')[0]}{label}{looks}{rest}\n"
