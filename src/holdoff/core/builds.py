"""What becomes of a build: confirmed, its lease renewed, polled, cancelled, ended, and kept in the history.

The record keeps the newest build. The write that ends it, or with which a newer one starts, puts it into the history.
An end that is reported later is kept there (``Gate.finished``).
"""

from __future__ import annotations

from holdoff.core import claims, clocks, lines
from holdoff.core.pending import content_of
from holdoff.core.record import GONE, KEPT_EARLY, Claim, End, Finished, Record, Running, shifted
from holdoff.core.terms import Terms
from holdoff.core.units import ms_from_seconds


def confirmed(record: Record, claim: Claim, build_id: str, terms: Terms, now_ms: int) -> Record:
    """The claim's build exists. If its end was reported while the start was under way, it has ended, too."""
    held = record.claim if record.claim is not None and record.claim.token == claim.token else None
    newest, sure_ms = record.running or record.finished, claim.claimed_ms - terms.clock_margin_ms
    # This claim was finished or given up, and a newer one was made since, perhaps by a slower clock.
    is_overtaken = held is None and newest is not None and newest.claimed_ms > sure_ms
    if is_overtaken or claims.build_of(record, claim.token):
        return record
    claim = held or claim  # another process may have taken it over
    before = claims.lastbuild_without(record, claim.held_ms, claim.before)
    is_newest = before is None or ms_from_seconds(before) <= claim.claimed_ms  # the old snippet has built nothing since
    # As many starts as this limit counts, or as there were: after an edit the limit may be another one.
    kept = max(limit.count if (limit := terms.policy.limit) else 0, len(record.starts))
    running = Running(
        build_id=build_id,
        token=claim.token,
        started_ms=now_ms,
        lease_until_ms=now_ms + terms.build_lease_ms,
        covers=claims.thawed(claim.covers),
        claimed_ms=claim.claimed_ms,
        before=before,
    )
    new = record.but(
        lastbuild=claims.later(record.lastbuild, now_ms),
        claim=None if held else record.claim,
        running=running,
        starts=(now_ms, *record.starts)[:kept],
        built=content_of(claim.request) if is_newest else None,
        lines=lines.with_started(record, claim.request),
    )
    end = next((end for end in claim.early if end.build_id == build_id), None)
    return new if end is None else finished(new, end, terms, now_ms)


def renewed(record: Record, token: str, terms: Terms, now_ms: int) -> Record:
    """The lease of a build that is alive starts again."""
    running = record.running
    if running is None or running.token != token:
        return record
    return record.but(running=running.but(lease_until_ms=now_ms + terms.build_lease_ms))


def finished(record: Record, end: End, terms: Terms, now_ms: int) -> Record:
    """A build ended. Reports come late, twice, early and in any order. One that says nothing new changes nothing."""
    running = record.running
    if running is None or running.build_id != end.build_id:
        return _late_or_early(record, end)
    # If the clock was set back meanwhile, the build ends when it started, not before.
    build = unended(running).but(ended_ms=max(now_ms, running.started_ms)).with_end(end)
    new = record.but(running=None, finished=build)
    # A claim that is out is newer, and builds what this one should have built.
    if end.succeeded is False and terms.policy.on_failure == "rearm" and record.claim is None:
        return _rearmed(new, running, now_ms)
    return new


def failed_ms(record: Record) -> int | None:
    """When the last build ended, if it failed; ``None``: it did not, or another has started since."""
    end = record.finished
    if end is None or end.succeeded is not False or record.running is not None:
        return None
    return None if (record.lastbuild_ms or 0) > end.started_ms else end.ended_ms


def _late_or_early(record: Record, end: End) -> Record:
    """A report for a build that is not running: for one whose lease ran out, its end is known now. While a start is
    under way, an unknown build may be the one that starts: its end is kept in the claim."""
    build, claim = record.finished, record.claim
    if build is not None and build.build_id == end.build_id:
        return record if build.is_reported else record.but(finished=build.with_end(end))
    if claim is None or any(known.build_id == end.build_id for known in claim.early):
        return record
    return record.but(claim=claim.but(early=shifted(end, claim.early, KEPT_EARLY)))


def _rearmed(record: Record, running: Running, now_ms: int) -> Record:
    # Only the first start was forced, and only its callers wait: they get the end of this build.
    covers = running.covers.but(request=running.covers.request.but(forced=False), waiters=())
    both = claims.pending_again(record.pending, covers)
    pending = claims.backed_off(record.pending, both, now_ms, worth_retrying=False)
    return record.but(lastbuild=claims.lastbuild_without(record, running.started_ms, running.before), pending=pending)


def polled(record: Record, build_id: str, state: str | None, terms: Terms, now_ms: int) -> Record:
    """The starter was asked how a build is. Any state but an end leaves it running."""
    if state in {"succeeded", "failed"}:
        return finished(record, End(build_id=build_id, succeeded=state == "succeeded"), terms, now_ms)
    running = record.running
    if running is None or running.build_id != build_id:
        return record
    return record.but(running=running.but(polled_ms=now_ms))


def as_known(record: Record, terms: Terms, now_ms: int, *, starts: bool | None, runs: bool | None) -> Record:
    """The record with leases that say what is known of the processes behind them: over if the process is dead, not over
    if it is alive. If that is not known, the lease stays. ``starts``: whether the claimant is still about to start its
    build. ``runs``: whether the running build runs."""

    def lease_ms(until_ms: int, more_ms: int, goes_on: bool | None) -> int:
        if goes_on is None or goes_on is (until_ms > now_ms):
            return until_ms
        return now_ms + more_ms if goes_on else now_ms

    claim, running = record.claim, record.running
    return record.but(
        claim=claim and claim.but(lease_until_ms=lease_ms(claim.lease_until_ms, terms.claim_lease_ms, starts)),
        running=running and running.but(lease_until_ms=lease_ms(running.lease_until_ms, terms.build_lease_ms, runs)),
    )


def must_cancel(record: Record, terms: Terms, now_ms: int) -> bool:
    """Whether a running build is to be cancelled before the claimed one starts."""
    running = record.running
    if running is None or terms.policy.overlap != "cancel" or running.cancel_failed:
        return False
    return now_ms < running.lease_until_ms


def as_it_is_now(record: Record, terms: Terms, now_ms: int) -> Record:
    """The record that triggers, wakes and status use: instants are put right, and a build whose lease is over has
    ended, if its end changes what may start. How it ended is not known; but a child process has failed, because it was
    stopped when its parent died."""
    record = clocks.put_right(record, terms, now_ms)
    running = record.running
    if running is None or not terms.policy.follows_builds or running.lease_until_ms > now_ms:
        return record
    end = End(build_id=running.build_id)
    if terms.children:
        end = end.but(succeeded=False, detail=GONE)
    return finished(record, end, terms, running.lease_until_ms)


def unended(running: Running) -> Finished:
    """A build as the history has it before its end is reported."""
    return Finished(
        build_id=running.build_id,
        token=running.token,
        started_ms=running.started_ms,
        claimed_ms=running.claimed_ms,
        source_version=running.covers.request.source_version,
    )


def leaving(before: Record, after: Record) -> tuple[Finished, ...]:
    """The builds that this write moves from the record into the history, with all they covered: the running one, and
    one that this write both confirms and ends."""
    running, claim, end = before.running, before.claim, after.finished
    found = []
    if running is not None and (after.running is None or after.running.token != running.token):
        build = end if end is not None and end.token == running.token else unended(running)  # else it was overtaken
        found.append(build.but(covers=running.covers))
    if claim is not None and end is not None and end.token == claim.token:
        found.append(end.but(covers=claims.thawed(claim.covers)))
    return tuple(found)
