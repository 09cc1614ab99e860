"""G1 to G7 on a finished history: builds that really started, and what triggers were answered. Never on records alone.

Each check yields what it found wrong, as one sentence that begins with the guarantee's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdoff.core.decision import Outcome, Why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.model.history import Asked, Build, History


def problems(history: History) -> list[str]:
    """All that is wrong with this history, worst first."""
    if _outside(history):
        return [problem for check in FAITHFUL for problem in check(history)]
    first = [problem for check in (g7_any_data, g3_refused_but_built) for problem in check(history)]
    return first or [problem for check in CHECKS for problem in check(history)]


def _outside(history: History) -> bool:
    """Outside the assumptions: a starter that cannot be asked, and a take-over after it forgot the token."""
    if history.scenario.finds:
        return False
    asked_again = [(build.token, build.started_ms) for build in history.builds]
    asked_again += [(token, at_ms) for _, at_ms, token in history.refusals]
    memory_ms = history.scenario.token_memory_ms
    return any(
        build.token == token and at_ms - build.started_ms >= memory_ms
        for build in history.builds
        for token, at_ms in asked_again
    )


def g3_one_build_per_token(history: History) -> Iterator[str]:
    """One claim makes at most one build."""
    seen: set[str] = set()
    for build in history.builds:
        if build.token in seen:
            yield f"G3 double: {build.token} made more than one build"
        seen.add(build.token)


def g3_refused_but_built(history: History) -> Iterator[str]:
    """What was given back as refused was not built. (Else all that follows is off: this one alone is told.)"""
    for actor, token in history.rolled_back:
        yield f"G3 rolled back: {actor} gave {token} back, which was somebody else's by then"
    given_back = {token for _, _, token in history.given_back}
    for build in history.builds:
        if build.token in given_back:
            yield f"G3 refused but built: {build.token} was given back as refused, and was built"


def g3_redelivered(history: History) -> Iterator[str]:
    """An event that has changed the record causes no second build; one that is only remembered in a process may."""
    for n, later in enumerate(history.asked):
        decision = later.decision
        if later.event is None or decision is None or decision.outcome is Outcome.SKIPPED:
            continue
        if later.from_memory:
            continue  # it rests on what is pending anyhow, and causes nothing by itself
        kind = "redelivered" if later.knew else "redelivered unwritten"
        for earlier in history.asked[:n]:
            if _is_built_again(history, earlier, later):
                yield f"G3 {kind}: the event of {earlier.token} came again with {later.token}, and was built again"


def _is_built_again(history: History, earlier: Asked, later: Asked) -> bool:
    decision = earlier.decision
    if earlier.event != later.event or decision is None or (earlier.decided or 0) > later.called:
        return False
    if decision.outcome not in {Outcome.STARTED, Outcome.DEFERRED}:
        return False
    decided, builds = earlier.decided or 0, history.builds
    answered = any(
        history.claimed.get(build.token, 0) > decided and build.started < later.called
        for build in builds
    )
    return answered and any(build.started > later.called for build in builds)


def g1_spacing(history: History) -> Iterator[str]:
    """Two builds start at least a cooldown apart, up to the stated skew; limits hold in every window."""
    policy, margin_ms = history.rules.policy, history.scenario.margin_ms
    for n, later in enumerate(history.builds):
        if history.forced(later.token):
            continue
        for earlier in history.builds[:n]:
            apart_ms = later.started_ms - earlier.started_ms
            if apart_ms < policy.cooldown_ms - margin_ms and not _waived(history, earlier, later):
                kind = "beside the snippet" if history.snippets else "spacing"
                yield f"G1 {kind}: {later.id} started {apart_ms / 1000:g} s after {earlier.id}"
        yield from _limit(history, n, later)
        yield from _unseen(history, later)
        if policy.cooldown_from == "finish":
            yield from _from_finish(history, n, later)


def _waived(history: History, earlier: Build, later: Build) -> bool:
    """Whether somebody ended the cooldown in between: a person's reset, or the failure of the earlier, re-armed."""
    if any(earlier.started < at < later.started for at in history.resets):
        return True
    failed = earlier.ended is not None and earlier.ended < later.started and not earlier.succeeded
    return failed and history.rules.policy.on_failure == "rearm"


def _unseen(history: History, build: Build) -> Iterator[str]:
    """A claim made after the old snippet wrote ``lastbuild`` goes by it."""
    claimed = history.claimed.get(build.token, 0)
    for at, at_ms in history.snippets:
        reset = any(at < reset < build.started for reset in history.resets)
        free_ms = (
            at_ms // 1000 * 1000 + history.rules.policy.cooldown_ms - history.scenario.margin_ms
        )
        if at < claimed and build.started_ms < free_ms and not reset:
            yield f"G1 unseen: {build.id} was claimed as if the old snippet had not built"


def _limit(history: History, n: int, later: Build) -> Iterator[str]:
    limit = history.rules.policy.limit
    if limit is None:
        return
    since = max((at for at in history.resets if at < later.started), default=0)
    window_ms = limit.window_ms - history.scenario.margin_ms
    inside = [
        build
        for build in history.builds[:n]
        if build.started > since and later.started_ms - build.started_ms < window_ms
    ]
    if len(inside) >= limit.count:
        yield f"G1 limit: {later.id} is number {len(inside) + 1} in a window of {limit}"


def _from_finish(history: History, n: int, later: Build) -> Iterator[str]:
    policy = history.rules.policy
    for earlier in history.builds[:n]:
        lease_ms = earlier.started_ms + history.rules.build_lease_ms
        ended_ms = lease_ms if earlier.ended_ms is None else min(lease_ms, earlier.ended_ms)
        free_ms = ended_ms + policy.cooldown_ms - history.scenario.margin_ms
        if later.started_ms < free_ms and not _waived(history, earlier, later):
            yield f"G1 from finish: {later.id} started before the cooldown after {earlier.id}"


def g2_nothing_lost(history: History) -> Iterator[str]:
    """A trigger answered deferred (or failed, to be tried again) is built by a build that starts later."""
    if history.end.pending is not None and history.end.due_ms is None:
        yield "G2 asleep: something is pending, and nobody is to wake it"
        return
    if history.restless:
        yield "G2 restless: wakes go on and on, and nothing comes of them"
    for asked in history.asked:
        decision = asked.decision
        if decision is None or decision.outcome not in {Outcome.DEFERRED, Outcome.FAILED}:
            continue
        if _taken_back(history, asked):
            continue
        after = [build for build in history.builds if build.started > asked.called]
        if not [build for build in after if not build.cancelled]:
            how = " from memory" if asked.from_memory else ""
            kind = "dropped before it came" if history.drops and asked.from_memory else "lost"
            if after and history.withdrawn:
                continue  # its build was cancelled, for one that its caller may have withdrawn
            kind = "cancelled" if any(build.cancelled for build in history.builds) else kind
            yield f"G2 {kind}: {asked.token} was answered {decision.outcome}{how}, and no build came"
        elif asked.version is not None and not _has_version(history, asked, after):
            yield f"G2 stale: no build after {asked.token} has its version, or a later one"


def _taken_back(history: History, asked: Asked) -> bool:
    """Whether a person dropped it after it came, or its own caller withdrew it."""
    if any(at > asked.called for at in history.drops):
        return True
    return asked.token in history.withdrawn


def _has_version(history: History, asked: Asked, after: list[Build]) -> bool:
    """Which of two triggers of the same instant is newer, nobody can tell."""
    margin_ms = history.scenario.margin_ms
    newer = {
        other.version
        for other in history.asked
        if other.decision is None or other.decision.decided_ms + margin_ms >= asked.called_ms
    }
    return any(build.request.source_version in newer for build in after)


def g2_last_change_last(history: History) -> Iterator[str]:
    """The last build is of no older version than a later trigger asked for: the newest change is what stays."""
    if not history.builds or history.drops or history.withdrawn:
        return
    last = history.builds[-1]
    named = [a for a in history.asked if a.version == last.request.source_version]
    if last.request.source_version is None or not named or any(a.decided is None for a in named):
        return
    source = named[-1]
    decided = max(a.decided or 0 for a in named)
    decided_ms = max(a.decision.decided_ms for a in named if a.decision)
    for asked in history.asked:
        newer = asked.version is not None and asked.called > decided
        newer = newer and asked.called_ms > decided_ms + history.scenario.margin_ms
        if newer and asked.decision and asked.decision.outcome is not Outcome.SKIPPED:
            yield f"G2 order: the last build is {last.id} of {source.token}, older than {asked.token}"
            return


def g2_cancelled(history: History) -> Iterator[str]:
    """A build cancelled for a newer one is followed by a newer one."""
    if history.drops or history.withdrawn:
        return  # a person may drop the newer one, or its caller withdraw it
    for n, build in enumerate(history.builds):
        if build.cancelled and not any(not b.cancelled for b in history.builds[n + 1 :]):
            yield f"G2 cancelled: {build.id} was cancelled for a newer build, and none came"


def g4_no_overlap(history: History) -> Iterator[str]:
    """With overlap other than allow, a build starts only when the one before has ended or its lease has run out."""
    if history.rules.policy.overlap == "allow":
        return
    lease_ms = history.rules.build_lease_ms - history.scenario.margin_ms
    for n, later in enumerate(history.builds):
        for earlier in history.builds[:n]:
            over = earlier.ended is not None and earlier.ended < later.started
            if not over and later.started_ms < earlier.started_ms + lease_ms:
                yield f"G4 overlap: {later.id} started while {earlier.id} runs"


def hold_is_kept(history: History) -> Iterator[str]:
    """What was claimed while the gate was on hold was forced. (What was claimed before, a hold does not stop.)"""
    for build in history.builds:
        if build.token in history.on_hold and not history.forced(build.token):
            yield f"H hold: {build.id} was claimed and started while the gate was on hold"


def g5_no_waste(history: History) -> Iterator[str]:
    """After a start that certainly failed, the next one comes at the end of the back-off, not of a cooldown."""
    policy, scenario = history.rules.policy, history.scenario
    plain = set(scenario.policy) <= {"cooldown", "overlap"} and policy.overlap == "allow"
    if not plain or not history.given_back or history.snippets or scenario.start != "nothing":
        return
    order, at_ms, token = history.given_back[-1]
    following = [build for build in history.builds if build.started > order]
    hampered = history.holds or history.faults or history.resets or len(history.refusals) > 1
    if hampered or not following or len(following) < len(history.builds):
        return
    latest_ms = max(at_ms + 5_000, history.drained_ms) + scenario.margin_ms + 1_000
    if following[0].started_ms > latest_ms:
        yield f"G5 waste: {token} was refused, and the next start came only a cooldown later"


def g6_nothing_silent(history: History) -> Iterator[str]:
    """Every trigger that ended has an answer that says why, and is counted."""
    for asked in history.asked:
        decision = asked.decision
        if decision is None:
            if not asked.lost:
                yield f"G6 silent: {asked.token} got no answer"
            continue
        yield from _true_words(history, asked)
        if not str(decision) or not decision.to_dict()["why"]:
            yield f"G6 silent: {asked.token} got no reason"
    yield from _counts(history)


def _true_words(history: History, asked: Asked) -> Iterator[str]:
    decision = asked.decision
    assert decision is not None
    mine = [build for build in history.builds if build.token == asked.token]
    if decision.outcome is Outcome.STARTED and decision.build_id not in [b.id for b in mine]:
        yield f"G6 untrue: {asked.token} was answered started, and there is no such build"
    if decision.why is Why.START_FAILED and mine:
        yield f"G6 untrue: {asked.token} was told that its start was refused, and it was built"


def _counts(history: History) -> Iterator[str]:
    counted = history.end.counts.total + history.unwritten
    decided = sum(asked.decision is not None for asked in history.asked)
    unknown = sum(asked.lost for asked in history.asked)
    if counted + history.lost_tallies < decided:
        yield f"G6 uncounted: {decided} triggers were answered, {counted} are counted"
    # A claim whose lost response is sent again only after another has taken it over, been refused and given it back:
    # its trigger was counted with that, and is decided afresh.
    given_back = {token for _, _, token in history.given_back}
    unknown += sum(
        asked.token in given_back
        and asked.decision is not None
        and asked.decision.why is not Why.START_FAILED
        for asked in history.asked
    )
    if counted > decided + unknown:
        how = "counted again" if history.unrecognised else "overcounted"
        yield f"G6 {how}: {decided + unknown} triggers came, {counted} are counted"


def g7_any_data(history: History) -> Iterator[str]:
    """Whatever stood there and whatever the old snippet wrote: no error but a store's."""
    for crash in history.crashes:
        yield f"G7 crash: {crash}"


CHECKS: Final[tuple[Callable[[History], Iterator[str]], ...]] = (
    g7_any_data,
    g3_one_build_per_token,
    g3_redelivered,
    g2_nothing_lost,
    g1_spacing,
    g4_no_overlap,
    hold_is_kept,
    g5_no_waste,
    g2_cancelled,
    g2_last_change_last,
    g6_nothing_silent,
)
#: What holds even outside the assumptions.
FAITHFUL: Final[tuple[Callable[[History], Iterator[str]], ...]] = (g7_any_data, g2_nothing_lost)
