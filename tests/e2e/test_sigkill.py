"""Killed with SIGKILL after the claim, before or after the start: the next trigger after the lease ends it.

There is one build for the token, whatever happened.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from holdoff.core.decision import Outcome
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.dynamodb

TRIGGER = """
import sys, holdoff
holdoff.Gate(
    "site-build",
    store=holdoff.open_store(sys.argv[1]),
    policy=holdoff.Policy("10m"),
    starter=holdoff.starters.CodeBuild(endpoint=sys.argv[2]),
).trigger(source_version="the-killed-one", reason="push")
"""
LEASE_OVER_MS = 61_000
TOKEN_FORGOTTEN_S = 301


@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["remembered", "forgotten"])
def test_one_build_for_the_token(cloud: Cloud, after_commit: bool, forgotten: bool) -> None:
    _kill_at_the_start(cloud, after_commit=after_commit)
    assert len(cloud.standin.builds_started) == int(after_commit)
    claim = cloud.store().get(cloud.gate().key).claim
    assert claim is not None
    if forgotten:
        cloud.standin.advance(TOKEN_FORGOTTEN_S)
    decision = cloud.gate(ahead_ms=LEASE_OVER_MS).trigger(source_version="the-next-one")
    assert decision.outcome is Outcome.DEFERRED  # taking over does not cover the taker
    assert decision.taken_over is not None
    builds = cloud.standin.builds_by_token()
    assert {token: len(made) for token, made in builds.items()} == {claim.token: 1}
    assert builds[claim.token][0].source_version == "the-killed-one"
    record = cloud.store().get(cloud.gate().key)
    assert record.claim is None
    assert record.running is not None
    assert record.running.build_id == decision.taken_over
    assert record.pending is not None
    assert record.pending.request.source_version == "the-next-one"


def test_before_the_lease_is_over_no_process_touches_it(cloud: Cloud) -> None:
    _kill_at_the_start(cloud, after_commit=True)
    assert cloud.gate(ahead_ms=30_000).trigger().outcome is Outcome.DEFERRED
    assert cloud.gate(ahead_ms=30_000, on_cooldown="skip").trigger().outcome is Outcome.DEFERRED  # it joins
    assert len(cloud.standin.builds_started) == 1


def _kill_at_the_start(cloud: Cloud, *, after_commit: bool) -> None:
    """A process that triggers, killed while StartBuild is under way: before or after the build exists."""
    pause = cloud.standin.fault("StartBuild", "pause", after_commit=after_commit)
    process = subprocess.Popen([sys.executable, "-c", TRIGGER, cloud.url, cloud.standin.url], env=cloud.environment)
    pause.wait_arrived(timeout=PATIENCE_S)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    if after_commit:
        pause.release()
    else:
        cloud.standin.clear_faults()  # the request dies with its sender


def test_a_role_that_may_only_start_builds_is_enough_while_the_token_is_remembered(
    cloud: Cloud,
) -> None:
    _kill_at_the_start(cloud, after_commit=True)
    cloud.standin.fault("ListBuildsForProject", "error", times=9, code="AccessDeniedException")
    decision = cloud.gate(ahead_ms=LEASE_OVER_MS).trigger()
    assert decision.taken_over == cloud.standin.builds_started[0].id
    assert len(cloud.standin.builds_started) == 1


def test_later_a_person_has_to_say_so(cloud: Cloud) -> None:
    _kill_at_the_start(cloud, after_commit=True)
    cloud.standin.fault("ListBuildsForProject", "error", times=9, code="AccessDeniedException")
    late_ms = 1000 * TOKEN_FORGOTTEN_S
    assert cloud.gate(ahead_ms=late_ms).trigger().outcome is Outcome.DEFERRED
    assert len(cloud.standin.builds_started) == 1
    gate = cloud.gate(ahead_ms=late_ms)
    gate.reset(drop_claim=True, by="ada", why="the role may not look for builds")
    assert gate.store.get(gate.key).claim is None
    assert gate.wake().outcome is Outcome.STARTED  # what the claim covered was not lost
