"""What is searched to the end: few actors, few calls, each aimed at one way to go wrong."""

from __future__ import annotations

from typing import Final

from tests.model.scenario import Scenario

FINISH = {"cooldown": "2m", "overlap": "defer"}
REARM = {"cooldown": "10m", "on_failure": "rearm"}

PAUSED: Final = Scenario(
    name="a paused claimant",
    scripts=(("trigger",), ("wake",)),
    fine=True,
    depth=20,
    faults=0,
    clocks=3,
)
REMEMBERED: Final = Scenario(
    name="an event that only a process remembers",
    scripts=(("trigger", "trigger event=E1", "trigger event=E1"), ("wake",)),
    start="cooling",
    depth=13,
    faults=0,
    clocks=3,
)
WITHDRAWN: Final = Scenario(
    name="a withdrawal made twice",
    scripts=(("trigger revocable", "withdraw", "withdraw"), ("trigger revocable", "wake")),
    start="cooling",
)

SCENARIOS: Final = (
    Scenario(
        name="two triggers at a fresh gate",
        scripts=(("trigger",), ("trigger",)),
    ),
    Scenario(
        name="two triggers at an old item",
        scripts=(("trigger",), ("trigger",)),
        start="a fraction ago",
    ),
    Scenario(
        name="two wakers at one pending",
        scripts=(("wake",), ("wake",)),
        start="pending",
    ),
    Scenario(
        name="answers from memory while others wake",
        scripts=(("trigger", "trigger", "trigger"), ("wake", "wake")),
        start="cooling",
    ),
    Scenario(
        name="a forced start beside a pending",
        scripts=(("trigger force version",), ("trigger version", "wake")),
        start="pending",
    ),
    Scenario(
        name="a reset between two triggers",
        scripts=(("trigger", "trigger"), ("reset", "trigger")),
        start="pending",
    ),
    Scenario(
        name="the old snippet beside two triggers",
        scripts=(("trigger",), ("snippet",), ("trigger",)),
        actors="ABC",
        start="long ago",
    ),
    Scenario(
        name="a cooldown shorter than the lease",
        policy={"cooldown": "20s"},
        scripts=(("trigger",), ("trigger", "wake")),
    ),
    Scenario(
        name="no overlap",
        policy=FINISH,
        scripts=(("trigger",), ("trigger",), ("finish",)),
        actors="ABC",
    ),
    Scenario(
        name="cancel what runs",
        policy={"cooldown": 0, "overlap": "cancel"},
        scripts=(("trigger",), ("trigger",)),
    ),
    Scenario(
        name="a limit",
        policy={"cooldown": 0, "limit": "1/20m"},
        scripts=(("trigger",), ("trigger",)),
    ),
    Scenario(
        name="a failed build is armed again",
        policy=REARM,
        scripts=(("trigger version",), ("finish failed", "trigger version")),
    ),
    Scenario(
        name="quiet time",
        policy={"cooldown": "2m", "quiet": "20s", "max_wait": "90s"},
        scripts=(("trigger", "trigger"), ("wake", "trigger")),
    ),
    Scenario(
        name="a hold",
        scripts=(("trigger", "wake"), ("hold", "resume")),
        start="pending",
    ),
    Scenario(
        name="a starter that cannot be asked",
        scripts=(("trigger",), ("wake",)),
        finds=False,
    ),
    Scenario(
        name="clocks that differ",
        scripts=(("trigger", "trigger"), ("trigger",)),
        margin_ms=2_000,
        skews_ms=(1_000, -1_000),
    ),
    Scenario(
        name="an event delivered twice",
        scripts=(("trigger event=E1",), ("trigger event=E1", "wake")),
    ),
    Scenario(
        name="a withdrawal beside a trigger",
        scripts=(("trigger revocable", "withdraw"), ("trigger", "wake")),
        start="cooling",
    ),
    WITHDRAWN,
    Scenario(
        name="a drop between two triggers",
        scripts=(("trigger", "trigger"), ("drop", "wake")),
        start="pending",
    ),
    PAUSED,
    REMEMBERED,
)
