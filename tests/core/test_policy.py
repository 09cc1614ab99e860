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
    assert Policy("10m").but(cooldown_ms=1) == Policy(0.001)
    with pytest.raises(TypeError, match="immutable"):
        Policy("10m").cooldown_ms = 1  # type: ignore[misc]


@pytest.mark.parametrize("on_cooldown", ["defer", "skip"])
def test_who_waits_for_a_turn_is_deferred(on_cooldown: Any) -> None:
    words: dict[str, Any] = {"quiet": "30s", "max_wait": "1m", "limit": "3/1h", "overlap": "defer"}
    policy = Policy("10m", on_cooldown=on_cooldown, **words)
    assert policy.for_caller(waits=True) == Policy("10m", **words)


@pytest.mark.parametrize(
    ("overlap", "then"),
    [("allow", "allow"), ("skip", "skip"), ("defer", "skip"), ("cancel", "cancel")],
)
def test_who_does_not_wait_leaves_nothing_for_later(overlap: Any, then: Any) -> None:
    words: dict[str, Any] = {"limit": "3/1h", "on_failure": "rearm", "unchanged": "skip"}
    policy = Policy("10m", quiet="30s", max_wait="1m", overlap=overlap, **words)
    at_once = Policy("10m", on_cooldown="skip", overlap=then, **words)
    assert policy.for_caller(waits=False) == at_once


DURATION = "a duration such as 90 (seconds), '10m' or '1h30m'"
LIMIT = "a count from 1 to 100 and a duration of at most 366d, such as '3/1h'"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cooldown": "-1m"}, f"cooldown is '-1m'; write {DURATION}"),
        ({"cooldown": -1}, "cooldown is -1; write zero or more: a duration cannot be negative"),
        ({"cooldown": 10**5000}, "cooldown is some int that cannot be shown; write at most 366d"),
        ({"cooldown": "10 minutes"}, f"cooldown is '10 minutes'; write {DURATION}"),
        ({"on_cooldown": "drop"}, "on_cooldown is 'drop'; write one of 'defer', 'skip'"),
        ({"overlap": True}, "overlap is True; write one of 'allow', 'skip', 'defer', 'cancel'"),
        ({"cooldown_from": "end"}, "cooldown_from is 'end'; write one of 'start', 'finish'"),
        ({"on_failure": ""}, "on_failure is ''; write one of 'keep', 'rearm'"),
        ({"unchanged": None}, "unchanged is None; write one of 'build', 'skip'"),
        ({"quiet": 0}, "quiet is 0; write more than zero, or leave it out"),
        ({"quiet": "soon"}, f"quiet is 'soon'; write {DURATION}"),
        ({"quiet": "1m", "max_wait": 0}, "max_wait is 0; write more than zero, or leave it out"),
        ({"quiet": "1m", "max_wait": "soon"}, f"max_wait is 'soon'; write {DURATION}"),
        ({"max_wait": "5m"}, "max_wait is '5m'; write quiet as well: it bounds the quiet time"),
        ({"quiet": "5m", "max_wait": "1m"}, "max_wait is '1m'; write at least quiet (5m)"),
        ({"limit": 3}, f"limit is 3; write {LIMIT}"),
        ({"limit": "3"}, f"limit is '3'; write {LIMIT}"),
        ({"limit": "0/1h"}, f"limit is '0/1h'; write {LIMIT}"),
        ({"limit": "101/1h"}, f"limit is '101/1h'; write {LIMIT}"),
        ({"limit": "3/0s"}, f"limit is '3/0s'; write {LIMIT}"),
        ({"limit": "3/soon"}, f"limit is '3/soon'; write {LIMIT}"),
        ({"limit": "3/400d"}, f"limit is '3/400d'; write {LIMIT}"),
        ({"limit": "3/h"}, f"limit is '3/h'; write {LIMIT}"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Policy(**{"cooldown": "10m", **settings})
    assert str(refused.value) == said


@pytest.mark.parametrize(
    "choices",
    [
        {"on_cooldown": ("defer", "skip")},
        {"overlap": ("allow", "skip", "defer", "cancel")},
        {"cooldown_from": ("start", "finish")},
        {"on_failure": ("keep", "rearm")},
        {"unchanged": ("build", "skip")},
    ],
)
def test_what_there_is_to_choose(choices: dict[str, tuple[str, ...]]) -> None:
    [(name, values)] = choices.items()
    for value in values:
        word: dict[str, Any] = {name: value}
        assert getattr(Policy("10m", **word), name) == value


def test_durations_as_people_write_them() -> None:
    policy = Policy("10m", quiet="30s", max_wait="30s", limit="3/1h")
    assert (policy.cooldown_ms, policy.quiet_ms, policy.max_wait_ms) == (600_000, 30_000, 30_000)
    assert policy.limit == Limit(3, 3_600_000)
    assert Policy("10m", quiet=0.001).quiet_ms == 1


def test_limits() -> None:
    assert Limit.parse("3/1h") == Limit(3, 3_600_000)
    assert Limit.parse("1/90s") == Limit(1, 90_000)
    assert Limit.parse("3 / 90s") == Limit(3, 90_000)
    assert Limit.parse("0003/0.001") == Limit(3, 1)
    assert str(Limit.parse("100/90s")) == "100/1m30s"


@pytest.mark.parametrize(
    "settings",
    [
        {"overlap": "skip"},
        {"overlap": "defer"},
        {"overlap": "cancel"},
        {"cooldown_from": "finish"},
        {"on_failure": "rearm"},
        {"unchanged": "skip"},
    ],
)
def test_which_policies_follow_builds(settings: dict[str, Any]) -> None:
    assert Policy("10m", **settings).follows_builds
