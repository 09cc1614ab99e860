"""Why did(n't) my build run? Answers from the record and the history, and says so where an answer has aged out.

No decision is written down by itself. A decision's id carries its gate and its instant, and a build says from when to
when it covers: that is enough to name the build that answered any trigger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from holdoff.core.errors import ConfigError
from holdoff.core.machine import ended, event_digest, quiet_end_ms, waits
from holdoff.core.record import Act, Finished, GateKey, Pending, Record
from holdoff.core.status import status_of
from holdoff.core.token import instant_ms
from holdoff.core.units import iso, say_duration
from holdoff.stores.base import KEPT_HISTORY_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.core.policy import Policy
    from holdoff.stores.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An answer: what was asked about, what became of it, and the build that covered it, if any.

    Attributes:
        verdict: ``started``, ``covered``, ``pending``, ``starting``, ``passed_over`` (skipped or failed), ``unknown``
            or ``aged_out``.
        lines: the answer for people, the most important first.
    """

    subject: str
    verdict: str
    lines: tuple[str, ...]
    build_id: str | None = None

    def __str__(self) -> str:
        return "\n  ".join(self.lines)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "build_id": self.build_id,
            "answer": list(self.lines),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that an answer is drawn from: one gate, read once."""

    key: GateKey
    record: Record
    builds: tuple[Finished, ...]
    policy: Policy | None
    now_ms: int

    @classmethod
    def of(cls, store: Store, key: GateKey, policy: Policy | None, now_ms: int) -> Scene:
        """The gate as it stands in a store; builds the newest first, the one in the record included."""
        record = store.get(key)
        builds = list(store.history(key))
        if record.running is not None:
            running = replace(ended(record.running, None), covers=record.running.covers)
            builds.insert(0, running)
        return cls(key=key, record=record, builds=tuple(builds), policy=policy, now_ms=now_ms)


def parse_decision_id(text: str) -> tuple[GateKey, str, int]:
    """The gate, the token and the instant (epoch milliseconds) that a decision's id carries.

    Raises:
        ConfigError: not a decision's id.
    """
    parts = text.rsplit("/", 2)
    at_ms = instant_ms(parts[-1])
    if len(parts) != 3 or at_ms is None:
        raise ConfigError(
            field="decision", got=text, want="an id such as 'PROJECT/REGION/01M85NYK...'"
        )
    return GateKey(parts[0], parts[1]), parts[2], at_ms


def explain_decision(scene: Scene, token: str) -> Explanation:
    """What became of the trigger with this token."""
    subject = f"{scene.key.project}/{scene.key.region}/{token}"
    for build in scene.builds:
        if build.token == token:
            return _answer(scene, subject, "started", "it started", build)
    claim = scene.record.claim
    if claim is not None and claim.token == token:
        return _starting(scene, subject)
    at_ms = instant_ms(token)
    return _explain_instant(scene, subject, at_ms if at_ms is not None else 0)


def explain_event(scene: Scene, event_id: str) -> Explanation:
    """What became of the event with this id."""
    digest = event_digest(event_id)

    def has(fold: Pending) -> bool:
        return fold.request.event_id == event_id or digest in fold.events

    return _explain_noted(scene, f"event {event_id}", has)


def explain_version(scene: Scene, version: str) -> Explanation:
    """Which build answered the triggers for this source version."""

    def has(fold: Pending) -> bool:
        return version == fold.request.source_version or version in fold.versions

    return _explain_noted(scene, f"source version {version}", has)


def explain_gate(scene: Scene) -> Explanation:
    """What the gate is doing, what it waits for, and what it did last."""
    status = status_of(scene.key, scene.record, scene.policy, scene.now_ms)
    lines = [str(status), *_hold_line(scene), *_claim_line(scene), *_pending_lines(scene)]
    lines += [_build_line(scene, build) for build in scene.builds[:3]]
    if not scene.builds and scene.record.lastbuild_ms:
        lines.append(f"last build at {iso(scene.record.lastbuild_ms)}, not one of Holdoff's own")
    lines += [_act_line(scene, act) for act in scene.record.acts]
    counts = scene.record.counts
    lines.append(
        f"triggers so far: {counts.total}: {counts.started} started, {counts.deferred} deferred, "
        f"{counts.skipped} skipped, {counts.failed} failed"
    )
    return Explanation(subject=str(scene.key), verdict=status.state, lines=tuple(lines))


def _explain_instant(scene: Scene, subject: str, at_ms: int) -> Explanation:
    for fold, explain in ((scene.record.pending, _pending), (_claimed(scene.record), _starting)):
        if fold is not None and fold.first_ms <= at_ms:
            return explain(scene, subject)
    later = [build for build in scene.builds if build.claimed_ms >= at_ms]
    for build in reversed(later):
        if build.covers is not None and build.covers.first_ms <= at_ms:
            return _answer(scene, subject, "covered", "it was covered", build)
    if at_ms < scene.now_ms - KEPT_HISTORY_MS:
        days = KEPT_HISTORY_MS // 86_400_000
        line = f"{subject}: older than the history, which is kept for {days} days"
        return Explanation(subject=subject, verdict="aged_out", lines=(line,))
    if later:
        told = "it was skipped or failed; the first build started after it"
        return _answer(scene, subject, "passed_over", told, later[-1])
    line = f"{subject}: it was skipped or failed, and nothing has started since"
    return Explanation(subject=subject, verdict="passed_over", lines=(line, *_gate_lines(scene)))


def _claimed(record: Record) -> Pending | None:
    return None if record.claim is None else record.claim.covers


def _explain_noted(scene: Scene, subject: str, noted: Callable[[Pending], bool]) -> Explanation:
    record = scene.record
    if record.pending is not None and noted(record.pending):
        return _pending(scene, subject)
    if record.claim is not None and noted(record.claim.covers):
        return _starting(scene, subject)
    for build in scene.builds:
        if build.covers is not None and noted(build.covers):
            return _answer(scene, subject, "covered", "it was covered", build)
    line = (
        f"{subject}: not known here. It was skipped, never came, or is older than what is kept: "
        "the newest few of each build, for 90 days"
    )
    return Explanation(subject=subject, verdict="unknown", lines=(line, *_gate_lines(scene)))


def _answer(scene: Scene, subject: str, verdict: str, told: str, build: Finished) -> Explanation:
    lines = (f"{subject}: {told} by build {build.build_id}", _build_line(scene, build))
    if verdict == "started":
        lines = (f"{subject}: {told} build {build.build_id}", lines[1])
    elif verdict == "passed_over":
        lines = (f"{subject}: {told} is {build.build_id}", lines[1])
    return Explanation(subject=subject, verdict=verdict, lines=lines, build_id=build.build_id)


def _pending(scene: Scene, subject: str) -> Explanation:
    lines = (f"{subject}: pending, not built yet", *_hold_line(scene), *_pending_lines(scene))
    return Explanation(subject=subject, verdict="pending", lines=lines)


def _starting(scene: Scene, subject: str) -> Explanation:
    lines = (f"{subject}: its build is being started", *_claim_line(scene))
    return Explanation(subject=subject, verdict="starting", lines=lines)


def _gate_lines(scene: Scene) -> tuple[str, ...]:
    return (str(status_of(scene.key, scene.record, scene.policy, scene.now_ms)), *_hold_line(scene))


def _hold_line(scene: Scene) -> list[str]:
    hold = scene.record.hold
    if hold is None or (hold.until_ms is not None and hold.until_ms <= scene.now_ms):
        return []
    who = f" by {hold.by}" if hold.by else ""
    end = f"until {iso(hold.until_ms)}" if hold.until_ms else "until somebody resumes it"
    since = say_duration(max(0, scene.now_ms - hold.since_ms))
    return [f"on hold{who} for {since}, {end}: {hold.why}"]


def _act_line(scene: Scene, act: Act) -> str:
    who = f" by {act.by}" if act.by else ""
    why = f": {act.why}" if act.why else ""
    return f"{act.what}{who} {say_duration(max(0, scene.now_ms - act.at_ms))} ago{why}"


def _claim_line(scene: Scene) -> list[str]:
    claim = scene.record.claim
    if claim is None:
        return []
    left = claim.lease_until_ms - scene.now_ms
    if left > 0:
        return [
            f"a start is under way; if nothing comes of it, anybody may finish it in {say_duration(left, up=True)}"
        ]
    return ["a start was left unfinished; the next trigger or wake finishes it"]


def _pending_lines(scene: Scene) -> list[str]:
    pending = scene.record.pending
    if pending is None:
        return []
    age = say_duration(max(0, scene.now_ms - pending.first_ms))
    lines = [f"pending: {_triggers(pending)}, the first {age} ago{_newest(pending)}"]
    found = [] if scene.policy is None else waits(scene.record, scene.policy, scene.now_ms)
    lines += [f"waits for {_named(str(wait.why))}{_until(scene, wait.until_ms)}" for wait in found]
    if scene.policy is not None and scene.policy.quiet_ms is not None:
        end_ms = quiet_end_ms(pending, scene.policy)
        if end_ms > scene.now_ms:
            lines.append(f"waits for quiet{_until(scene, end_ms)}")
    if pending.failures:
        lines.append(f"its start was refused {pending.failures} times")
    if len(lines) == 1 or pending.failures:
        lines.append(f"due{_until(scene, pending.due_ms)}")
    return lines


def _named(why: str) -> str:
    names = {
        "cooling_down": "the cooldown",
        "running": "the build before",
        "held": "the hold",
        "claimed": "the start under way",
        "limit": "the limit",
    }
    return names.get(why, why)


def _until(scene: Scene, until_ms: int | None) -> str:
    if until_ms is None:
        return ""
    if until_ms <= scene.now_ms:
        return " now"
    return f" until {iso(until_ms)}, in {say_duration(until_ms - scene.now_ms, up=True)}"


def _triggers(fold: Pending) -> str:
    return f"{fold.count} trigger{'' if fold.count == 1 else 's'}"


def _newest(fold: Pending) -> str:
    reasons = [reason for reason in (fold.request.reason, *fold.reasons) if reason]
    versions = [version for version in (fold.request.source_version, *fold.versions) if version]
    said = f" ({', '.join(reasons)})" if reasons else ""
    who = f", by {fold.request.by}" if fold.request.by else ""
    forced = ", forced" if fold.request.forced else ""
    return said + (f", newest version {versions[0]}" if versions else "") + forced + who


def _build_line(scene: Scene, build: Finished) -> str:
    ago = say_duration(max(0, scene.now_ms - build.started_ms))
    parts = [f"build {build.build_id}: started {ago} ago, {outcome_of(build)}"]
    if build.covers is not None:
        parts.append(f"for {_triggers(build.covers)}{_newest(build.covers)}")
    return ", ".join(parts)


def outcome_of(build: Finished) -> str:
    """How a build ended, as a person says it."""
    said = f" ({build.detail})" if build.detail else ""
    if build.ended_ms is None:
        return f"its end was not reported{said}"
    after = say_duration(max(0, build.ended_ms - build.started_ms))
    if build.succeeded is None:
        return f"ended after {after}, outcome not known{said}"
    return f"{'succeeded' if build.succeeded else 'failed'} after {after}{said}"
