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
        name="folds while others wake",
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
        name="a drop between two triggers",
        scripts=(("trigger", "trigger"), ("drop", "wake")),
        start="pending",
    ),
    PAUSED,
    Scenario(
        name="folds at once",
        scripts=(("trigger version",), ("trigger version",), ("wake",)),
        actors="ABC",
        start="pending",
    ),
    Scenario(
        name="a fold beside the snippet",
        scripts=(("trigger", "trigger"), ("snippet",), ("wake",)),
        actors="ABC",
        start="pending",
    ),
    Scenario(
        name="pushes delivered in the wrong order",
        scripts=(("trigger line=main at=2 version=B parent=A",), ("trigger line=main at=1 version=A parent=O", "wake")),
    ),
    Scenario(
        name="pushes in the wrong order, by parent alone",
        scripts=(("trigger line=main version=B parent=A", "wake"), ("trigger line=main version=A parent=O",)),
        start="pending",
    ),
    Scenario(
        name="two lines at one gate",
        scripts=(
            ("trigger line=main at=2 version=B", "wake"),
            ("trigger line=side at=1 version=S", "trigger line=main at=1 version=A"),
        ),
        start="cooling",
    ),
    Scenario(
        name="a failed build, then an older redelivery",
        policy=REARM,
        scripts=(("trigger line=main at=2 version=B",), ("finish failed", "trigger line=main at=1 version=A")),
    ),
    Scenario(
        name="two that wait for their turn",
        scripts=(("trigger waits", "turn"), ("trigger waits", "turn")),
        start="cooling",
    ),
)
