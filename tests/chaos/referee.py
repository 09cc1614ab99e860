"""The referee: what was asked and answered, against the builds that really started. Pure; it can be shown to fail.

Which claim a build is of, and when that was made, is read from the gate's record and history (by the token); that a
build started, when, and how often, only from the stand-in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: All clocks of a run are one clock, which each process rounds down to a millisecond of the run's time.
TOLERANCE_MS = 1


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What the referee knows of a gate's policy."""

    cooldown_ms: int
    limit: tuple[int, int] | None = None  #: count, window in milliseconds
    build_ms: int | None = None  #: how long a build takes where builds must not overlap
    lined: bool = False  #: its versions are of one line, and carry their instants


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that really started. ``claimed_ms`` None: neither the record nor the history knows of it."""

    gate: str
    token: str
    id: str
    started_ms: int
    version: str | None = None
    forced: bool = False
    claimed_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a trigger was answered."""

    token: str
    outcome: str
    why: str
    decided_ms: int
    build_id: str | None = None


@dataclass(kw_only=True)
class Asked:
    """A trigger. No answer: its process was killed, or the store raised. ``answered_ms``: when its caller had it."""

    owner: str
    gate: str
    at_ms: int
    version: str | None = None
    event: str | None = None
    forced: bool = False
    answer: Answer | None = None
    answered_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class End:
    """What became of a gate.

    Attributes:
        covered: how many triggers its builds say they covered.
        unanswered: calls that the store did not answer. A write of one may be in all the same; it is counted again
            where so many others have written since that the record has forgotten it (``core.record.KEPT_WRITES``).
    """

    covered: int = 0
    unanswered: int = 0
    unreadable: str | None = None
    still_due: str | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the referee goes by."""

    rules: dict[str, Rule]
    builds: list[Build] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    ends: dict[str, End] = field(default_factory=dict)
    crashes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that must not be."""

    kind: str
    gate: str
    says: str
    at_ms: int | None = None


def problems(evidence: Evidence) -> list[Problem]:
    """All that is wrong."""
    return [problem for check in CHECKS for problem in check(evidence)]


def doubles(evidence: Evidence) -> Iterator[Problem]:
    """G3: one claim makes at most one build."""
    of_token: dict[str, list[Build]] = defaultdict(list)
    for build in evidence.builds:
        of_token[build.token].append(build)
    for token, builds in of_token.items():
        if len(builds) > 1:
            says = f"token {token} made {len(builds)} builds: {_listed(b.id for b in builds)}"
            yield Problem(kind="double", gate=builds[0].gate, says=says, at_ms=builds[1].started_ms)


def spacing(evidence: Evidence) -> Iterator[Problem]:
    """G1: a build starts at least a cooldown after the one before. Each forced trigger lets one through at most, which
    may be a build of others that came with it."""
    builds = _by_start(evidence)
    for gate, rule in evidence.rules.items():
        asked = sum(one.forced for one in evidence.asked if one.gate == gate)
        early = [build for build in builds[gate] if build.forced and build.claimed_ms is not None]
        if len(early) > asked:
            says = f"{len(early)} builds are called forced, and {asked} triggers were"
            yield Problem(kind="spacing", gate=gate, says=says, at_ms=early[-1].started_ms)
        for before, build in pairwise(builds[gate]):
            apart_ms = build.started_ms - before.started_ms
            if not build.forced and apart_ms < rule.cooldown_ms - TOLERANCE_MS:
                least = f"the cooldown is {rule.cooldown_ms} ms"
                yield _too_early("spacing", gate, build, before, apart_ms, least)


def limits(evidence: Evidence) -> Iterator[Problem]:
    """G1: no more than the limit in any window."""
    builds = _by_start(evidence)
    for gate, rule in evidence.rules.items():
        if rule.limit is None:
            continue
        count, window_ms = rule.limit
        for first, build in zip(builds[gate], builds[gate][count:], strict=False):
            apart_ms = build.started_ms - first.started_ms
            if apart_ms < window_ms - TOLERANCE_MS:
                least = f"at most {count} may start in {window_ms} ms"
                yield _too_early("limit", gate, build, first, apart_ms, least)


def overlaps(evidence: Evidence) -> Iterator[Problem]:
    """G4: a build starts only when the one before has ended."""
    builds = _by_start(evidence)
    for gate, rule in evidence.rules.items():
        if rule.build_ms is None:
            continue
        for before, build in pairwise(builds[gate]):
            apart_ms = build.started_ms - before.started_ms
            if apart_ms < rule.build_ms - TOLERANCE_MS:
                least = f"that one takes {rule.build_ms} ms"
                yield _too_early("overlap", gate, build, before, apart_ms, least)


def lost(evidence: Evidence) -> Iterator[Problem]:
    """G2: what was answered deferred (or failed, to be tried again) is built by a claim that came later."""
    builds = _by_start(evidence)
    asked_of: dict[str, list[Asked]] = defaultdict(list)
    for one in evidence.asked:
        asked_of[one.gate].append(one)
    for gate, asked in asked_of.items():
        for one, answer in _answered(asked):
            if answer.outcome not in {"deferred", "failed"}:
                continue
            after = [build for build in builds[gate] if _is_after(build, answer)]
            as_new, rule = _as_new(asked, one), evidence.rules[gate]
            says = f"{one.owner}'s trigger {answer.token} ({one.version}) was {answer.outcome}"
            if not after:
                says += f" ({answer.why}) at {answer.decided_ms}, and no build came after that"
                yield Problem(kind="lost", gate=gate, says=says, at_ms=answer.decided_ms)
            elif not any(build.version in as_new or _is_newer(build.version, one.version, rule) for build in after):
                says += f" at {answer.decided_ms}, and only older versions were built after that"
                yield Problem(kind="stale", gate=gate, says=says, at_ms=answer.decided_ms)


def _is_after(build: Build, answer: Answer) -> bool:
    if answer.outcome == "failed" and build.token == answer.token:
        return True  # it was not known whether it had started; it had, or it was started again
    claimed_ms = build.started_ms if build.claimed_ms is None else build.claimed_ms
    return min(claimed_ms, build.started_ms) >= answer.decided_ms


def _as_new(asked: list[Asked], one: Asked) -> set[str | None]:
    """The versions that may count as asked for after this one: not answered yet when it was asked."""
    versions = {other.version for other in asked if other.answered_ms is None or other.answered_ms >= one.at_ms}
    return versions | {one.version}


def _is_newer(version: str | None, other: str | None, rule: Rule) -> bool:
    """Whether a version of a line contains another: it happened later."""
    return rule.lined and version is not None and other is not None and _number(version) >= _number(other)


def _number(version: str) -> int:
    return int(version.removeprefix("v"))


def newest(evidence: Evidence) -> Iterator[Problem]:
    """G8: no older version of a line is built after a newer one, and what is superseded is so by a build."""
    builds = _by_start(evidence)
    for gate, rule in evidence.rules.items():
        versioned = [build for build in builds[gate] if rule.lined and build.version is not None]
        for before, build in pairwise(versioned):
            if not _is_newer(build.version, before.version, rule):
                says = f"{build.id} of {build.version} started after {before.id} of {before.version}"
                yield Problem(kind="older", gate=gate, says=says, at_ms=build.started_ms)
    for one, answer in _answered(evidence.asked):
        rule = evidence.rules[one.gate]
        newer = (_is_newer(build.version, one.version, rule) for build in builds[one.gate])
        if answer.why == "superseded" and not any(newer):
            says = f"{one.owner}'s {one.version} was superseded, and nothing newer was built"
            yield Problem(kind="lost", gate=one.gate, says=says, at_ms=answer.decided_ms)


def duplicates(evidence: Evidence) -> Iterator[Problem]:
    """G2: an event that is refused as taken before has been built, or taken by a claim since it first came."""
    builds = _by_start(evidence)
    first_ms: dict[str, int] = {}
    for one in evidence.asked:
        if one.event is not None:
            first_ms[one.event] = min(one.at_ms, first_ms.get(one.event, one.at_ms))
    for one, answer in _answered(evidence.asked):
        if answer.why != "duplicate" or one.event is None:
            continue
        since_ms = first_ms[one.event]
        if not any(build.started_ms >= since_ms for build in builds[one.gate]):
            says = f"event {one.event} was a duplicate for {one.owner}, and never built"
            yield Problem(kind="lost", gate=one.gate, says=says, at_ms=answer.decided_ms)


def untrue(evidence: Evidence) -> Iterator[Problem]:
    """G6: what was answered started has started, under its own token; what certainly failed has not."""
    token_of = {build.id: build.token for build in evidence.builds}
    built = set(token_of.values())
    for one, answer in _answered(evidence.asked):
        says = f"{one.owner}'s trigger {answer.token} was {answer.outcome} ({answer.why})"
        if answer.outcome == "started" and token_of.get(answer.build_id or "") != answer.token:
            says += f" as {answer.build_id}, and there is no such build"
        elif answer.why == "start_failed" and answer.token in built:
            says += ", and it was built all the same"
        else:
            continue
        yield Problem(kind="untrue", gate=one.gate, says=says, at_ms=answer.decided_ms)


def counts(evidence: Evidence) -> Iterator[Problem]:
    """G6: the builds say that they covered every trigger that was not skipped, once, and nothing that was not asked."""
    skipped = Counter(one.gate for one, answer in _answered(evidence.asked) if answer.outcome == "skipped")
    answered = Counter(one.gate for one, _ in _answered(evidence.asked))
    asked = Counter(one.gate for one in evidence.asked)
    for gate, end in evidence.ends.items():
        if end.unreadable is not None:
            continue
        most, least = asked[gate] - skipped[gate], answered[gate] - skipped[gate]
        if end.covered > most + end.unanswered:
            says = f"its builds covered {end.covered} triggers, and {most} were asked and not skipped"
            yield Problem(kind="overcounted", gate=gate, says=says)
        if end.covered < least:
            says = f"its builds covered {end.covered} triggers, and {least} were answered and not skipped"
            yield Problem(kind="uncounted", gate=gate, says=says)


def ends(evidence: Evidence) -> Iterator[Problem]:
    """G7 and G2: every record can be read, nothing stays due for ever, and no build is unknown to its gate."""
    for gate, end in evidence.ends.items():
        if end.unreadable is not None:
            yield Problem(kind="unreadable", gate=gate, says=end.unreadable)
        if end.still_due is not None:
            yield Problem(kind="restless", gate=gate, says=end.still_due)
    for build in evidence.builds:
        if build.claimed_ms is None:
            says = f"build {build.id} of token {build.token} is in no record and no history"
            yield Problem(kind="unrecorded", gate=build.gate, says=says, at_ms=build.started_ms)


def crashes(evidence: Evidence) -> Iterator[Problem]:
    """G6: no process ended, and no call failed, but by SIGKILL or with a ``StoreError``."""
    for crash in evidence.crashes:
        yield Problem(kind="crash", gate="", says=crash)


CHECKS: tuple[Callable[[Evidence], Iterator[Problem]], ...] = (
    crashes,
    doubles,
    lost,
    duplicates,
    spacing,
    limits,
    overlaps,
    newest,
    untrue,
    counts,
    ends,
)


def around(evidence: Evidence, problem: Problem, lines: int = 8) -> list[str]:
    """What happened to the gate of a problem, around its instant."""
    told = [(build.started_ms, f"build {build}") for build in evidence.builds]
    told += [(one.at_ms if one.answer is None else one.answer.decided_ms, f"trigger {one}") for one in evidence.asked]
    here = sorted((at, text) for at, text in told if f"gate={problem.gate!r}" in text)
    if problem.at_ms is None:
        return []
    middle = sum(at < problem.at_ms for at, _ in here)
    return [f"{at} {text}" for at, text in here[max(0, middle - lines) : middle + lines]]


def _by_start(evidence: Evidence) -> dict[str, list[Build]]:
    """The builds of each gate, in the order of their starts."""
    builds: dict[str, list[Build]] = defaultdict(list)
    for build in sorted(evidence.builds, key=lambda build: build.started_ms):
        builds[build.gate].append(build)
    return builds


def _answered(asked: list[Asked]) -> Iterator[tuple[Asked, Answer]]:
    for one in asked:
        if one.answer is not None:
            yield one, one.answer


def _too_early(kind: str, gate: str, build: Build, before: Build, apart_ms: int, least: str) -> Problem:
    says = f"{build.id} ({build.token}) started {apart_ms} ms after {before.id}; {least}"
    return Problem(kind=kind, gate=gate, says=says, at_ms=build.started_ms)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
