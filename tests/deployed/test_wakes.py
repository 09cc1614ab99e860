"""Last of all, since a schedule waits for a whole minute: the wake that a deferral promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployed.stack import until

if TYPE_CHECKING:
    from tests.deployed.conftest import Deployed

pytestmark = [pytest.mark.dynamodb, pytest.mark.ministack, pytest.mark.slow]


def test_the_schedule_starts_what_was_deferred(deployed: Deployed) -> None:
    assert [decision["outcome"] for decision in deployed.news] == ["started", "deferred"]
    assert "starts in " in deployed.news[1]["message"]
    until(lambda: len(deployed.started("news")) == 2, what="the wake")
    until(lambda: not _wakes_of(deployed, "news"), what="the schedule deletes itself")
    last, first = until(lambda: deployed.history("news")[:2], what="both builds")
    assert [first["source_version"], last["source_version"]] == ["v1", "v2"]
    assert [first["build_id"], last["build_id"]] == deployed.started("news")


def test_the_sweep_finds_what_a_lost_schedule_left(deployed: Deployed) -> None:
    deployed.stack.invoke({"project": "lost"})
    # Again, where it took longer than the cooldown.
    until(lambda: deployed.stack.invoke({"project": "lost"})["outcome"] == "deferred", what="a deferral")
    (name,) = _wakes_of(deployed, "lost")
    group = deployed.stack.physical("Wakes")
    deployed.stack.client("scheduler").delete_schedule(Name=name, GroupName=group)
    before = len(deployed.started("lost"))
    until(lambda: _swept(deployed, before), what="the sweep starts it")
    assert deployed.gate("lost")["pending"] is None


def _swept(deployed: Deployed, before: int) -> bool:
    deployed.stack.invoke({"holdoff": "sweep"})
    return len(deployed.started("lost")) == before + 1


def _wakes_of(deployed: Deployed, project: str) -> list[str]:
    return [name for name in deployed.stack.schedules() if name.startswith(f"{project}-")]
