"""G1 to G8 on a finished history: builds that really started, and what triggers were answered. Never on records alone.

Each check yields what it found wrong, as one sentence that begins with the guarantee's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdoff.core import claims
from holdoff.core.decision import Outcome, Why
from holdoff.core.lines import is_older
from holdoff.core.record import KEPT_EVENTS
from holdoff.core.waits import SNIPPET_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.core.decision import Decision
    from holdoff.core.record import Record
    from holdoff.core.request import Request
    from tests.model.history import Asked, Build, History


def problems(history: History) -> list[str]:
    """All that is wrong with this history, worst first."""
    if _outside(history):
        return [problem for check in FAITHFUL for problem in check(history)]
    first = [problem for check in (g7_any_data, g3_refused_but_built, g6_same_again) for problem in check(history)]
    return first or [problem for check in CHECKS for problem in check(history)]


def _outside(history: History) -> bool:
    """Outside the assumptions: a starter that cannot be asked, and a take-over after it forgot the token; or its later
    refusal, which is believed once the lease of a build of an earlier try is over."""
    if history.scenario.finds:
        return False
    asked_again = [(build.token, build.started_ms) for build in history.builds]
    asked_again += [(token, at_ms) for _, at_ms, token in history.refusals]
    memory_ms = history.scenario.token_memory_ms
    lease_ms = history.terms.build_lease_ms
    believed = [(token, at_ms) for _, at_ms, token in history.given_back]
    return any(
        build.token == token and at_ms - build.started_ms >= least_ms
        for build in history.builds
        for instants, least_ms in ((asked_again, memory_ms), (believed, lease_ms))
        for token, at_ms in instants
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
        yield f"G3 rolled back: {actor} gave {token} back, which was another's by then"
    given_back = {token for _, _, token in history.given_back}
    for build in history.builds:
        if build.token in given_back:
            yield f"G3 refused but built: {build.token} was given back as refused, and was built"


def g6_same_again(history: History) -> Iterator[str]:
    """What is answered again without deciding is what would be decided."""
    for _, at_ms, why in history.wrong_again:
        yield f"G6 answered again: {why} at {at_ms}, and would be decided otherwise"


def g3_redelivered(history: History) -> Iterator[str]:
    """An event that the record knows causes no second build."""
    for n, later in enumerate(history.asked):
        decision = later.decision
        if later.request.event_id is None or decision is None or decision.outcome is Outcome.SKIPPED:
            continue
        if _events(history.asked[:n]) > KEPT_EVENTS:
            continue  # it may have been forgotten
        for earlier in history.asked[:n]:
            if _is_taken(earlier, later):
                yield f"G3 taken twice: the event of {earlier.token} came again with {later.token}, and was taken again"
            if _is_built_again(history, earlier, later):
                yield f"G3 redelivered: the event of {earlier.token} came again with {later.token}, and was built again"


def _events(asked: list[Asked]) -> int:
    return len({one.token for one in asked if one.request.event_id is not None})


def _is_taken(earlier: Asked, later: Asked) -> bool:
    """Whether the earlier one was answered, other than skipped, before the later one of the same event came."""
    decision = earlier.decision
    if decision is None or decision.outcome is Outcome.SKIPPED or (earlier.decided or 0) > later.called:
        return False
    return earlier.request.event_id == later.request.event_id


def _is_built_again(history: History, earlier: Asked, later: Asked) -> bool:
    decision = earlier.decision
    if earlier.request.event_id != later.request.event_id or decision is None or (earlier.decided or 0) > later.called:
        return False
    if decision.outcome not in {Outcome.STARTED, Outcome.DEFERRED}:
        return False
    decided, builds = earlier.decided or 0, history.builds
    answered = any(history.claimed.get(build.token, 0) > decided and build.started < later.called for build in builds)
    return answered and any(build.started > later.called for build in builds)


def g1_spacing(history: History) -> Iterator[str]:
    """Two builds start at least a cooldown apart, up to the stated skew; limits hold in every window."""
    policy, margin_ms = history.terms.policy, history.scenario.margin_ms
    if history.snippets and history.steps:
        margin_ms += SNIPPET_MS  # its whole second moves ``lastbuild`` back, as a person's edit does
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


def g1_force_waits_for_nothing(history: History) -> Iterator[str]:
    """A forced trigger that was put off waits for a start or a build, and for nothing else."""
    for words in history.held_up:
        yield f"G1 held up: {words}"


def _waived(history: History, earlier: Build, later: Build) -> bool:
    """Whether the cooldown was ended in between: by a person's reset, or by the failure of the earlier, re-armed."""
    if any(earlier.started < at < later.started for at in history.resets):
        return True
    failed = earlier.ended is not None and earlier.ended < later.started and not earlier.succeeded
    return failed and history.terms.policy.on_failure == "rearm"


def _unseen(history: History, build: Build) -> Iterator[str]:
    """A claim that is made or taken over after the old snippet wrote ``lastbuild`` goes by it; after two of them wrote,
    by the later one."""
    for at, at_ms in [written for written in history.snippets if written[0] < build.claimed][-1:]:
        reset = any(at < reset < build.started for reset in history.resets)
        free_ms = at_ms + history.terms.policy.cooldown_ms - history.scenario.margin_ms
        if build.started_ms < free_ms and not reset:
            yield f"G1 unseen: {build.id} was claimed as if the old snippet had not built"


def _limit(history: History, n: int, later: Build) -> Iterator[str]:
    limit = history.terms.policy.limit
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
    """By the build before. (One that a forced build was started beside may end later than that.)"""
    policy = history.terms.policy
    for earlier in history.builds[max(0, n - 1) : n]:
        lease_ms = earlier.started_ms + history.terms.build_lease_ms
        ended_ms = lease_ms if earlier.ended_ms is None else min(lease_ms, earlier.ended_ms)
        free_ms = ended_ms + policy.cooldown_ms - history.scenario.margin_ms
        if later.started_ms < free_ms and not _waived(history, earlier, later):
            yield f"G1 from finish: {later.id} started before the cooldown after {earlier.id}"


def g2_nothing_lost(history: History) -> Iterator[str]:
    """A trigger answered deferred (or failed, to be tried again) is built by a build that starts later."""
    if history.end.pending is not None and history.end.due_ms is None:
        yield "G2 asleep: something is pending, and nothing is to wake it"
        return
    for words in history.overslept:
        yield f"G2 late: {words}"
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
            kind = "cancelled" if any(build.cancelled for build in history.builds) else "lost"
            yield f"G2 {kind}: {asked.token} was answered {decision.outcome}, and no build came"
        elif asked.version is not None and not _has_version(history, asked, after):
            yield f"G2 stale: no build after {asked.token} has its version, or a later one"


def _taken_back(history: History, asked: Asked) -> bool:
    """Whether a person dropped it after it came."""
    return any(at > asked.called for at in history.drops)


def _has_version(history: History, asked: Asked, after: list[Build]) -> bool:
    """Which of two triggers of the same instant is newer cannot be told, unless their line tells.

    Of several lines at one gate the last to arrive wins, and the others are replaced, as ``explain`` says.
    """
    one_line = len({other.request.line for other in history.asked}) == 1
    newer = {other.version for other in history.asked if is_older(asked.request, other.request)}
    for other in history.asked:
        late = other.decided is None or other.decided > asked.called
        if late and not (one_line and is_older(other.request, asked.request)):
            newer.add(other.version)
    return any(build.request.source_version in newer for build in after)


def g2_last_change_last(history: History) -> Iterator[str]:
    """The last build is of no older version than a later trigger asked for: the newest change is what stays."""
    if not history.builds or history.drops:
        return
    last = history.builds[-1]
    named = [a for a in history.asked if a.version == last.request.source_version]
    if last.request.source_version is None or not named or any(a.decided is None for a in named):
        return
    source = named[-1]
    decided = max(a.decided or 0 for a in named)
    for asked in history.asked:
        newer = asked.version is not None and asked.called > decided
        newer = newer and not is_older(asked.request, last.request)
        said = asked.decision
        if newer and said and (said.outcome is not Outcome.SKIPPED or said.why is Why.UNCHANGED):
            yield f"G2 order: the last build is {last.id} of {source.token}, older than {asked.token}"
            return


def g2_cancelled(history: History) -> Iterator[str]:
    """A build cancelled for a newer one is followed by a newer one."""
    if history.drops:
        return  # a person may drop the newer one
    for n, build in enumerate(history.builds):
        if build.cancelled and not any(not b.cancelled for b in history.builds[n + 1 :]):
            yield f"G2 cancelled: {build.id} was cancelled for a newer build, and none came"


def g4_no_overlap(history: History) -> Iterator[str]:
    """With overlap other than allow, a build starts only when the one before has ended or its lease has run out."""
    if history.terms.policy.overlap == "allow":
        return
    lease_ms = history.terms.build_lease_ms - history.scenario.margin_ms
    for n, later in enumerate(history.builds):
        for earlier in history.builds[:n]:
            over = earlier.ended is not None and earlier.ended < later.started
            if not over and later.started_ms < earlier.started_ms + lease_ms:
                yield f"G4 overlap: {later.id} started while {earlier.id} runs"


def hold_is_kept(history: History) -> Iterator[str]:
    """What was claimed while the gate was on hold was claimed by a forced trigger, when it came. (What was claimed
    before, a hold does not stop.)"""
    forced = {asked.token for asked in history.asked if asked.request.forced}
    for build in history.builds:
        if build.token in history.on_hold and build.token not in forced:
            yield f"H hold: {build.id} was claimed and started while the gate was on hold"


def g5_no_waste(history: History) -> Iterator[str]:
    """After a start that certainly failed, the next one comes at the end of the back-off, not of a cooldown."""
    policy, scenario = history.terms.policy, history.scenario
    plain = set(scenario.policy) <= {"cooldown", "overlap"} and policy.overlap == "allow"
    if not plain or not history.given_back or history.snippets or scenario.start != "nothing":
        return
    order, at_ms, token = history.given_back[-1]
    following = [build for build in history.builds if build.started > order]
    hampered = history.holds or history.steps or history.faults or history.resets or len(history.refusals) > 1
    if hampered or not following or len(following) < len(history.builds):
        return
    next_token = following[0].token
    if history.holder.get(next_token) != next_token.rstrip("0123456789"):
        return  # its claimant died at the end of the history; another process took it over once its lease was over
    turns_ms = 1_000 * sum(asked.waits for asked in history.asked)
    latest_ms = max(at_ms + 5_000, history.drained_ms) + scenario.margin_ms + 1_000 + turns_ms
    if following[0].started_ms > latest_ms:
        yield f"G5 waste: {token} was refused, and the next start came only a cooldown later"


def g5_backs_off(history: History) -> Iterator[str]:
    """After a start that certainly failed, the next one that is not forced waits for the back-off."""
    for order, _, token in history.given_back:
        if order not in history.backed_off:
            continue
        refused = [at_ms for _, at_ms, refused in history.refusals if refused == token]
        following = [build for build in history.builds if build.started > order]
        if not refused or not following or history.steps or history.forced(following[0].token):
            continue  # (without a refusal: it could not cancel what runs)
        if any(order < at < following[0].started for at in history.resets):
            continue  # a reset ends the back-off, too
        if following[0].started_ms < refused[0] + 5_000 - history.scenario.margin_ms:
            yield f"G5 hurry: {token} was refused, and {following[0].id} started before the back-off was over"


def g2_quiet(history: History) -> Iterator[str]:
    """What is pending is claimed once nothing has come for the quiet time, or the first has waited for max_wait."""
    policy = history.terms.policy
    if policy.quiet_ms is None or policy.max_wait_ms is None or history.given_back or history.steps:
        return
    if history.scenario.start == "pending" or any(asked.lost for asked in history.asked):
        return
    kept = [*history.kept, *(build for build in (history.end.running, history.end.finished) if build is not None)]
    since = 0
    for claimed, token in sorted((order, token) for token, order in history.claimed.items()):
        waiting = [a.decision for a in history.asked if a.decision and since < (a.decided or 0) < claimed]
        came = [d.decided_ms for d in waiting if d.outcome is Outcome.DEFERRED]
        at_ms = [build.claimed_ms for build in kept if build.token == token]
        since = claimed
        if came and at_ms and not history.forced(token):
            over_ms = min(max(came) + policy.quiet_ms, min(came) + policy.max_wait_ms)
            if at_ms[0] < over_ms - history.scenario.margin_ms:
                yield f"G2 quiet: {token} claimed {(over_ms - at_ms[0]) / 1000:g} s before the quiet time was over"


def turns_are_kept(history: History) -> Iterator[str]:
    """Of the callers that wait the newest starts first, each older one a second later, another wake after all."""
    if history.resets or history.steps:
        return  # what was ready is ready earlier than it was written
    for token, early_ms in history.early.items():
        yield f"W turn: {token} was claimed {early_ms / 1000:g} s before its turn"


def g6_nothing_silent(history: History) -> Iterator[str]:
    """Every trigger that ended has an answer that says why, and is counted."""
    for asked in history.asked:
        decision = asked.decision
        if decision is None:
            if not asked.lost:
                yield f"G6 silent: {asked.token} got no answer"
            continue
        yield from _true_words(history, asked)
        if not str(decision) or not decision.why:
            yield f"G6 silent: {asked.token} got no reason"
        if decision.outcome is Outcome.SKIPPED and _is_stale(history, asked):
            yield f"G6 stale: {asked.token} was skipped by a lastbuild that is too long gone"
    yield from _counts(history)


def _is_stale(history: History, asked: Asked) -> bool:
    """Whether the lastbuild that it was told had been moved longer ago than a snapshot may be old."""
    assert asked.decision is not None
    gone_ms = history.moved_ms.get(asked.decision.lastbuild_ms)
    return gone_ms is not None and not history.steps and gone_ms < asked.called_ms - history.terms.max_staleness_ms


def _true_words(history: History, asked: Asked) -> Iterator[str]:
    decision = asked.decision
    assert decision is not None
    mine = [build for build in history.builds if build.token == asked.token]
    if decision.outcome is Outcome.STARTED and decision.build_id not in [b.id for b in mine]:
        yield f"G6 untrue: {asked.token} was answered started, and there is no such build"
    stands = any(_stands(decision, met, asked.token) for met in asked.met)
    if asked.met and decision.outcome is Outcome.DEFERRED and not stands:
        yield f"G6 untrue: {asked.token} was told {decision.why}, and wrote to a gate of which that is not so"
    if decision.outcome is Outcome.SKIPPED and decision.why in SAID_OF_BUILDS and not _is_built(history, asked):
        yield f"G6 untrue: {asked.token} was skipped as {decision.why}, and no build contains it"
    if decision.why is Why.START_FAILED and mine:
        yield f"G6 untrue: {asked.token} was told that its start was refused, and it was built"


SAID_OF_BUILDS: Final = frozenset({Why.SUPERSEDED, Why.UNCHANGED})


def _stands(decision: Decision, met: Record, token: str) -> bool:
    """Whether what a deferral says is so of the record that it was written to."""
    if met.claim is not None and met.claim.token == token:  # its own start, put off
        lastbuild = claims.lastbuild_without(met, met.claim.held_ms, met.claim.before)  # another may have moved it
        met = met.but(claim=None, lastbuild=lastbuild)
    if decision.why is Why.CLAIMED:
        return met.claim is not None
    if decision.why is Why.HELD:
        return met.hold is not None
    if decision.why is Why.RUNNING:
        return met.running is not None
    ahead = (met.lastbuild_ms or 0) > decision.decided_ms
    return met.claim is None and (ahead or decision.lastbuild_ms == (met.lastbuild_ms or None))


def _is_built(history: History, asked: Asked) -> bool:
    """Whether it was said rightly: that this version was built, or a newer one of its line (if a person lets it)."""
    request, decision = asked.request, asked.decision
    if decision is None or decision.why is Why.SUPERSEDED:
        replaced = bool(history.drops) or len({other.request.line for other in history.asked}) > 1
        newer = [other.request for other in (history.asked if replaced else history.builds)]
        return any(is_older(request, other) for other in newer)
    if any(build.request.source_version == request.source_version for build in history.builds):
        return True
    # The start that it went by may have been given up since: what that covered is in the next build, or dropped.
    since = asked.called
    is_given_back = any(at > since for at, *_ in history.given_back)
    return any(at > since for at in history.drops) or (is_given_back and any(b.started > since for b in history.builds))


def g6_as_asked(history: History) -> Iterator[str]:
    """What is built is what one trigger asked for, whole: its version with its own reason, event and line."""
    asked = [_without_time(asked.request) for asked in history.asked]
    for build in history.builds:
        if _without_time(build.request) not in asked and history.scenario.start != "pending":
            yield f"G6 mixed: {build.id} of {_version(build)} is what no trigger asked for"


def _without_time(request: Request) -> dict[str, object]:
    """A request's fields, but for what others may change in it."""
    return {**vars(request), "forced": False, "at_ms": None}


def _counts(history: History) -> Iterator[str]:
    """Every build says exactly what it covered: together with what is pending that is every trigger, once."""
    if history.drops or history.terms.policy.on_failure == "rearm":
        return  # what is dropped is covered by none, what is armed again by two
    end = history.end
    covers = [build.covers for build in history.kept]
    covers += [part.covers for part in (end.running, end.claim) if part is not None]
    counted = sum(part.count for part in [*covers, end.pending] if part is not None)
    counted -= history.scenario.start == "pending"
    taken = [a for a in history.asked if a.decision is not None and a.decision.outcome is not Outcome.SKIPPED]
    unknown = sum(asked.lost for asked in history.asked)
    if counted < len(taken):
        yield f"G6 uncounted: {len(taken)} triggers were taken, {counted} are covered or pending"
    if counted > len(taken) + unknown and not history.unrecognised:
        yield f"G6 overcounted: {len(taken) + unknown} triggers were taken, {counted} are covered or pending"


def g8_newest_wins(history: History) -> Iterator[str]:
    """No build of an older version of a line after a newer one of it; the newest that was taken is built."""
    for n, later in enumerate(history.builds):
        for earlier in history.builds[:n]:
            if is_older(later.request, earlier.request):
                yield f"G8 older: {later.id} of {_version(later)} started after {earlier.id} of {_version(earlier)}"
    if not history.drops and not any(asked.lost for asked in history.asked):
        yield from _newest_is_built(history)


def _newest_is_built(history: History) -> Iterator[str]:
    """On one line alone, with instants of its source, the last build is of the newest version that was taken, or is
    called built already."""
    answers = [(asked.request, asked.decision) for asked in history.asked if asked.decision is not None]
    taken = [request for request, said in answers if said.outcome is not Outcome.SKIPPED or said.why is Why.UNCHANGED]
    if not taken or not history.builds or any(r.line != taken[0].line or r.at_ms is None for r in taken):
        return
    newest = max(taken, key=lambda request: request.at_ms or 0)
    last = history.builds[-1].request
    if last.source_version != newest.source_version and is_older(last, newest):
        yield f"G8 newest: {newest.source_version} was asked for, and the last build is of {last.source_version}"


def _version(build: Build) -> str:
    return f"{build.request.source_version} ({build.request.line})"


def g7_any_data(history: History) -> Iterator[str]:
    """Whatever stood there and whatever the old snippet wrote: no error but a store's."""
    for crash in history.crashes:
        yield f"G7 crash: {crash}"
    for asked in history.asked:
        decision = asked.decision
        if decision and (decision.lastbuild_ms or 0) > decision.decided_ms + history.scenario.margin_ms:
            yield f"G7 ahead: {asked.token} was told of a last build that is still to come"


def every_end_is_kept(history: History) -> Iterator[str]:
    """A build whose end was reported runs no more, and how it ended is known, however soon or often it was told."""
    end = history.end
    known = {build.build_id: build for build in (*history.kept, end.finished) if build is not None}
    for build in history.builds:
        if not build.reported or build.cancelled:
            continue
        if end.running is not None and end.running.build_id == build.id:
            yield f"E running: the end of {build.id} was reported, and the record says that it runs"
        kept = known.get(build.id)
        if kept is not None and kept.detail is None and kept.succeeded is not build.succeeded:
            yield f"E end: that {build.id} ended was reported, and is not kept"


CHECKS: Final[tuple[Callable[[History], Iterator[str]], ...]] = (
    g7_any_data,
    g3_one_build_per_token,
    g3_redelivered,
    g2_nothing_lost,
    g1_spacing,
    g1_force_waits_for_nothing,
    g4_no_overlap,
    hold_is_kept,
    g5_no_waste,
    g5_backs_off,
    g2_quiet,
    turns_are_kept,
    g2_cancelled,
    g2_last_change_last,
    g8_newest_wins,
    g6_nothing_silent,
    g6_as_asked,
    every_end_is_kept,
)
#: What holds even outside the assumptions.
FAITHFUL: Final[tuple[Callable[[History], Iterator[str]], ...]] = (g7_any_data, g2_nothing_lost)
