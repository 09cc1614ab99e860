"""The referee can fail: a sound log passes, and each thing that must not be is told, and told alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.referee import (
    Answer,
    Asked,
    Build,
    End,
    Evidence,
    Problem,
    Rule,
    around,
    problems,
)

RULE = Rule(cooldown_ms=10_000)


def build(at_ms: int, token: str, **more: object) -> Build:
    told = {"id": f"b-{token}", "claimed_ms": at_ms - 5, "version": "v1", **more}
    return Build(gate="g", token=token, started_ms=at_ms, **told)  # type: ignore[arg-type]


def asked(at_ms: int, token: str, outcome: str, **more: str) -> Asked:
    answer = Answer(
        token=token,
        outcome=outcome,
        why=more.get("why", "ready"),
        decided_ms=at_ms,
        build_id=f"b-{token}" if outcome == "started" else None,
    )
    return Asked(
        owner="1.0",
        gate="g",
        at_ms=at_ms,
        version=more.get("version", "v1"),
        event=more.get("event"),
        answer=answer,
        answered_ms=at_ms + 2,
    )


def sound() -> Evidence:
    """One build at once, one deferred and built when the cooldown ends."""
    return Evidence(
        rules={"g": RULE},
        builds=[build(1_005, "T1"), build(11_010, "T2")],
        asked=[asked(1_000, "T1", "started"), asked(4_000, "D", "deferred", why="cooling_down")],
        ends={"g": End(covered=2)},
    )


def kinds(evidence: Evidence) -> list[str]:
    return [problem.kind for problem in problems(evidence)]


def test_a_sound_log_passes() -> None:
    assert problems(sound()) == []


def test_two_builds_of_one_token() -> None:
    doctored = sound()
    doctored.builds.append(build(22_000, "T2", id="another"))
    (problem,) = problems(doctored)
    assert problem.kind == "double"
    assert "token T2 made 2 builds: b-T2, another" in problem.says


def test_a_deferred_trigger_that_is_never_built() -> None:
    doctored = sound()
    doctored.builds.pop()
    (problem,) = problems(doctored)
    assert problem == Problem(
        kind="lost",
        gate="g",
        says="1.0's trigger D (v1) was deferred (cooling_down) at 4000, and no build came after that",
        at_ms=4_000,
    )


def test_a_build_claimed_before_the_trigger_does_not_answer_it() -> None:
    doctored = sound()
    doctored.builds[1] = build(11_010, "T2", claimed_ms=3_999)
    assert kinds(doctored) == ["lost"]


def test_a_failed_trigger_that_is_never_tried_again() -> None:
    doctored = sound()
    doctored.asked[1] = asked(4_000, "D", "failed", why="start_unknown")
    assert problems(doctored) == []
    doctored.builds.pop()
    assert kinds(doctored) == ["lost"]


def test_only_an_older_version_is_built() -> None:
    doctored = sound()
    doctored.builds[1] = build(11_010, "T2", version="v0")
    assert kinds(doctored) == ["stale"]


def test_of_two_triggers_at_once_either_is_the_newer() -> None:
    doctored = sound()
    other = asked(3_998, "O", "deferred", version="v0")
    doctored.asked.insert(1, other)
    doctored.ends["g"] = End(covered=3)
    doctored.builds[1] = build(11_010, "T2", version="v0")
    assert problems(doctored) == []
    other.answered_ms = 3_999
    assert kinds(doctored) == ["stale"]


def test_a_build_too_early() -> None:
    doctored = sound()
    doctored.builds[1] = build(11_003, "T2")
    (problem,) = problems(doctored)
    assert problem.kind == "spacing"
    assert "started 9998 ms after b-T1; the cooldown is 10000 ms" in problem.says


def test_within_the_tolerance_and_forced_builds_are_not_too_early() -> None:
    doctored = sound()
    doctored.builds[1] = build(11_004, "T2")
    assert problems(doctored) == []
    doctored.builds[1] = build(6_000, "T2", forced=True)
    assert kinds(doctored) == ["spacing"]  # no trigger was
    doctored.asked[1].forced = True
    assert problems(doctored) == []


def test_after_a_forced_build_too_early() -> None:
    doctored = sound()
    doctored.builds.insert(1, build(6_000, "F", forced=True))
    doctored.asked[1].forced = True
    assert kinds(doctored) == ["spacing"]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("limit", Rule(cooldown_ms=10_000, limit=(1, 10_010))),
        ("overlap", Rule(cooldown_ms=10_000, build_ms=10_010)),
    ],
)
def test_other_rules(kind: str, rule: Rule) -> None:
    assert kinds(replace(sound(), rules={"g": rule})) == [kind]


def test_started_without_a_build() -> None:
    doctored = sound()
    doctored.builds[0] = build(1_005, "another")
    assert kinds(doctored) == ["untrue"]


def test_refused_and_built_all_the_same() -> None:
    doctored = sound()
    doctored.asked[0] = asked(1_000, "T1", "failed", why="start_failed")
    assert kinds(doctored) == ["untrue"]


def test_a_duplicate_of_what_was_never_built() -> None:
    doctored = sound()
    late = [asked(12_000, "E1", "skipped", why="duplicate", event="e")]
    doctored.asked.extend(late)
    assert kinds(doctored) == ["lost"]


LINED = {"g": Rule(cooldown_ms=10_000, lined=True)}


def test_an_older_version_of_a_line_after_a_newer_one() -> None:
    doctored = replace(sound(), rules=LINED)
    doctored.builds[0] = build(1_005, "T1", version="v2")
    doctored.asked[1] = asked(4_000, "D", "deferred", version="v1")
    assert kinds(doctored) == ["older"]
    doctored.builds[1] = build(11_010, "T2", version="v2")
    assert problems(doctored) == []  # the newer contains it


def test_superseded_by_nothing() -> None:
    doctored = replace(sound(), rules=LINED)
    doctored.asked.append(asked(12_000, "S", "skipped", why="superseded", version="v0"))
    assert problems(doctored) == []
    doctored.asked[-1] = asked(12_000, "S", "skipped", why="superseded", version="v3")
    assert kinds(doctored) == ["lost"]


@pytest.mark.parametrize(("covered", "kind"), [(3, "overcounted"), (1, "uncounted")])
def test_what_the_builds_covered(covered: int, kind: str) -> None:
    doctored = sound()
    doctored.ends["g"] = End(covered=covered)
    assert kinds(doctored) == [kind]


def test_what_an_unanswered_write_counted_may_be_counted_again() -> None:
    doctored = sound()
    doctored.ends["g"] = End(covered=3, unanswered=1)
    assert problems(doctored) == []
    doctored.ends["g"] = End(covered=4, unanswered=1)
    assert kinds(doctored) == ["overcounted"]


def test_the_end_and_the_processes() -> None:
    doctored = replace(sound(), crashes=["1.0: ValueError"])
    doctored.builds[0] = build(1_005, "T1", claimed_ms=None)
    doctored.ends["g"] = End(unreadable="not JSON", still_due="due at 7")
    assert kinds(doctored) == ["crash", "unreadable", "restless", "unrecorded"]


def test_the_evidence_is_shown() -> None:
    doctored = sound()
    doctored.builds.pop()
    lines = around(doctored, problems(doctored)[0])
    assert [line.split()[0] for line in lines] == ["1000", "1005", "4000"]
