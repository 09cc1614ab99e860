"""Policies, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from holdoff.core.errors import ConfigError
from holdoff.core.policy import Limit, Policy


def test_the_defaults() -> None:
    policy = Policy("10m")
    assert policy.cooldown_ms == 600_000
    assert (policy.on_cooldown, policy.overlap, policy.on_failure) == ("defer", "allow", "keep")
    assert (policy.cooldown_from, policy.unchanged) == ("start", "build")
    assert (policy.quiet_ms, policy.max_wait_ms, policy.limit) == (None, None, None)
    assert not policy.follows_builds


def test_policies_are_values() -> None:
    assert Policy("10m") == Policy(600)
    assert hash(Policy("10m")) == hash(Policy(600))
    with pytest.raises(AttributeError):
        Policy("10m").cooldown_ms = 1  # type: ignore[misc]


def test_who_waits_for_a_turn_is_deferred_and_who_does_not_leaves_nothing_for_later() -> None:
    policy = Policy("10m", quiet="30s", limit="3/1h", overlap="defer", on_cooldown="skip")
    waiting = Policy("10m", quiet="30s", limit="3/1h", overlap="defer")
    assert policy.for_caller(waits=True) == waiting
    at_once = Policy("10m", limit="3/1h", overlap="skip", on_cooldown="skip")
    assert policy.for_caller(waits=False) == at_once


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cooldown": "-1m"}, "cooldown is '-1m'; write a duration"),
        ({"cooldown": -1}, "cooldown is -1; write zero or more"),
        ({"cooldown": "10 minutes"}, "cooldown is '10 minutes'; write a duration"),
        ({"on_cooldown": "drop"}, "on_cooldown is 'drop'; write one of 'defer', 'skip'"),
        ({"overlap": True}, "overlap is True; write one of 'allow', 'skip', 'defer', 'cancel'"),
        ({"cooldown_from": "end"}, "cooldown_from is 'end'; write one of 'start', 'finish'"),
        ({"on_failure": ""}, "on_failure is ''; write one of 'keep', 'rearm'"),
        ({"unchanged": None}, "unchanged is None; write one of 'build', 'skip'"),
        ({"quiet": 0}, "quiet is 0; write more than zero, or leave it out"),
        ({"max_wait": "5m"}, "max_wait is '5m'; write quiet as well"),
        ({"quiet": "5m", "max_wait": "1m"}, r"max_wait is '1m'; write at least quiet \(5m\)"),
        ({"limit": "3"}, "limit is '3'; write a count from 1 to 100 and a duration"),
        ({"limit": "0/1h"}, "limit is '0/1h'"),
        ({"limit": "101/1h"}, "limit is '101/1h'"),
        ({"limit": "3/0s"}, "limit is '3/0s'"),
        ({"limit": "3/soon"}, "limit is 'soon'; write a duration"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Policy(**{"cooldown": "10m", **settings})


def test_limits() -> None:
    assert Limit.parse("3/1h") == Limit(3, 3_600_000)
    assert Limit.parse("3 / 90s") == Limit(3, 90_000)
    assert str(Limit.parse("100/90s")) == "100/1m30s"


@pytest.mark.parametrize(
    "settings", [{"overlap": "skip"}, {"cooldown_from": "finish"}, {"on_failure": "rearm"}]
)
def test_which_policies_follow_builds(settings: dict[str, Any]) -> None:
    assert Policy("10m", **settings).follows_builds
