"""Why did(n't) my build run? Answers from a gate's record and history, also that an answer is no longer kept.

A deferral leaves a note of its event, version and line in the pending trigger, and later in the build that covers it. A
build *contains* a note without a version, a note of the build's version, and a note of another version of the build's
line, because versions of one line follow one another. Every other note was *replaced*: the last trigger to arrive won,
and no build is made for the replaced one.

A decision's id has an instant only. It is compared with instants of other machines within the margin of their clocks.
If two answers are possible, the later build is named: an answer must not call a trigger covered that may not be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from holdoff.core.builds import as_it_is_now, failed_ms, leaving
from holdoff.core.decision import Why
from holdoff.core.errors import ConfigError
from holdoff.core.lines import course_of
from holdoff.core.pending import note_of, variables_of, waiter_name
from holdoff.core.record import KEPT_HISTORY_MS, KEPT_NOTES, Claim, Finished, Note, Pending, Record, digest
from holdoff.core.request import GateKey, Request
from holdoff.core.terms import Terms
from holdoff.core.token import instant_ms
from holdoff.core.units import say_age, say_duration
from holdoff.core.value import Value
from holdoff.core.waits import SNIPPET_MS, ready_ms, waits
from holdoff.observe.status import Status, claim_notes, hold_now, plain, say_instant, status_of, triggers_of

if TYPE_CHECKING:
    from holdoff.stores.base import Store

KEPT_DAYS: Final = KEPT_HISTORY_MS // 86_400_000
#: No machine's clock is wrong by more: a build that was claimed this long before an instant cannot answer for it.
MAX_CLOCK_ERROR_MS: Final = 86_400_000
#: The answer for each verdict, unless there is more to say; {} is the build's id.
_ANSWERS: Final = {
    "started": "it started build {}",
    "covered": "it was covered by build {}",
    "starting": "its build is being started",
    "pending": "pending, not built yet",
    "passed_over": "it was skipped, dropped or failed, and nothing has started since",
    "aged_out": f"older than the history, which is kept for {KEPT_DAYS} days",
    "unknown": "not known here. It was skipped, never came, or is no longer kept: "
    f"the newest few triggers of each build are kept for {KEPT_DAYS} days",
}
_WAITS: Final = {
    Why.COOLING_DOWN: "the cooldown",
    Why.RUNNING: "the build before",
    Why.HELD: "the hold",
    Why.CLAIMED: "the start under way",
    Why.LIMIT: "the limit",
    Why.BACKING_OFF: "the back-off after that",
}


class Explanation(Value):
    """An answer: what was asked about, what became of it, and the build that covers it, if any."""

    subject: str
    #: ``started``, ``covered``, ``pending``, ``starting``, ``replaced``, ``superseded``, ``passed_over`` (skipped,
    #: dropped or failed), ``unknown`` or ``aged_out``; of a gate its state.
    verdict: str
    lines: tuple[str, ...]  #: the answer for people, the most important first
    build_id: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {**plain(self, "subject", "verdict", "build_id"), "answer": list(self.lines)}


class Scene(Value):
    """What an answer is made from: a gate, its record, read once, and its history, read as far as needed."""

    store: Store
    key: GateKey
    record: Record
    terms: Terms | None
    now_ms: int

    @property
    def status(self) -> Status:
        return status_of(self.key, self.record, self.terms, self.now_ms)

    @property
    def current(self) -> Record:
        """The record as the next trigger finds it: a build whose lease is over has ended, and may be pending again."""
        return self.record if self.terms is None else as_it_is_now(self.record, self.terms, self.now_ms)

    def builds(self, limit: int | None = None) -> Iterator[Finished]:
        """The builds, the newest first, with the one in the record."""
        return islice(chain(self._running(), self.store.history(self.key, limit=limit)), limit)

    def naming(self, *texts: str) -> Iterator[Finished]:
        """The same; a store that can search may leave out builds that contain none of these texts."""
        search = getattr(self.store, "naming", None)
        return self.builds() if search is None else chain(self._running(), search(self.key, texts))

    def _running(self) -> tuple[Finished, ...]:
        """The build in the record, as the history will have it."""
        return leaving(self.record.but(claim=None), self.current.but(running=None))

    def outcome_of(self, build: Finished) -> str:
        """How a build of the gate ended, or that it still runs, in words."""
        running, detail = self.record.running, f" ({build.detail})" if build.detail else ""
        if running is not None and running.token == build.token and running.lease_until_ms > self.now_ms:
            return "is running, and could not be cancelled for a newer one" if running.cancel_failed else "is running"
        if build.ended_ms is None:
            return f"its end was not reported{detail}"
        after = say_duration(max(0, build.ended_ms - build.started_ms))
        if build.succeeded is None:
            return f"ended after {after}, outcome not known{detail}"
        return f"{'succeeded' if build.succeeded else 'failed'} after {after}{detail}"


def parse_decision_id(text: str) -> tuple[GateKey, str]:
    """The gate and the token in a decision's id. Other texts raise ConfigError."""
    parts = text.rsplit("/", 2)
    if len(parts) != 3 or instant_ms(parts[2]) is None:
        raise ConfigError(field="decision", got=text, want="an id such as 'PROJECT/REGION/01M85NYK...'")
    return GateKey(parts[0], parts[1]), parts[2]


def explain(
    scene: Scene, *, token: str | None = None, event: str | None = None, version: str | None = None
) -> Explanation:
    """Explain a decision by its token, an event or a version; without any of these, the gate."""
    if token:
        return explain_decision(scene, token)
    if event:
        return explain_event(scene, event)
    return explain_version(scene, version) if version else explain_gate(scene)


def explain_event(scene: Scene, event_id: str) -> Explanation:
    """What became of the event with this id."""
    known = str(digest(event_id))
    found = _explain_noted(scene, f"event {event_id}", (known, event_id), lambda note: note.event == known)
    if found.verdict != "unknown" or known not in scene.record.events:
        return found
    what = f"it was accepted, and is not among the newest {KEPT_NOTES} triggers that are kept by name for each build"
    return _answer(scene, found.subject, "unknown", what=what)


def explain_version(scene: Scene, version: str) -> Explanation:
    """Which build answered the triggers for this source version: a whole one, or a commit as git shortens it."""
    subject, older = f"source version {version}", digest(version)
    explanation = _explain_noted(scene, subject, (version,), lambda note: note.version == version)
    if explanation.verdict == "unknown" and re.fullmatch("[0-9a-f]{7,39}", version):
        folds = _places(scene, scene.builds())
        known = (note.version or "" for fold, *_ in folds for note in notes_of(fold))
        if whole := next((one for one in known if len(one) >= 40 and one.startswith(version)), None):
            return explain_version(scene, whole)
    newer = [line.source_version for line in scene.record.lines if line.parent == older and line.source_version]
    if explanation.verdict != "unknown" or not newer:
        return explanation
    for build in scene.builds():  # if the version came, it came after the next version of its line
        if digest(build.source_version) in newer:
            what = f"an older version of its line; {build.source_version} was built already"
            return _answer(scene, subject, "superseded", build, what)
    return explanation


def contains(covers: Pending, note: Note) -> bool:
    """Whether a build of these triggers contains what the trigger of this note asked for: the same version with the
    same variables, or an older version of the same line. If instants do not tell, the last to arrive is the newer, as
    long as no trigger of another line came between."""
    request = covers.request
    if note.version is None or note.version == request.source_version:
        return note.variables in {None, variables_of(request)}
    line = digest(request.line)
    if line is None or note.line != line:
        return False
    has_led_to_it = digest(note.version) in [step.source_version for step in course_of(covers)]
    is_onto = note.parent is not None and note.parent == digest(request.source_version)  # so it is newer, or set back
    if note.at_ms is not None and request.at_ms is not None and not is_onto:
        return note.at_ms < request.at_ms or has_led_to_it
    if is_onto or (request.parent is not None and note.parent is not None):
        return has_led_to_it
    return all(other.line == line for other in covers.notes)


def notes_of(fold: Pending) -> tuple[Note, ...]:
    """The notes of a fold's triggers. The request that is built comes first: its own note may no longer be kept."""
    return (note_of(fold.request), *fold.notes)


def _explain_noted(scene: Scene, subject: str, texts: tuple[str, ...], asked: Callable[[Note], bool]) -> Explanation:
    replaced: str | None = None
    for fold, verdict, build in _places(scene, scene.naming(*texts)):
        notes = [note for note in notes_of(fold) if asked(note)]
        if any(contains(fold, note) for note in notes):
            return _answer(scene, subject, verdict, build)
        if notes and replaced is None:
            replaced = _replaced_by(fold.request, notes[0])
    return _answer(scene, subject, "unknown" if replaced is None else "replaced", what=replaced)


def _replaced_by(newer: Request, note: Note) -> str:
    if note.version in {None, newer.source_version}:
        return "replaced by a newer trigger with other variables: no build has the variables of this one"
    what = newer.source_version or "a trigger that names no version"
    return f"replaced by {what} (another line, or not known to follow it): no build was made for it"


def _places(scene: Scene, builds: Iterator[Finished]) -> Iterator[tuple[Pending, str, Finished | None]]:
    """The folds that are pending, in a claim and in builds, the newest first, each with the verdict on its triggers."""
    pending, claim = scene.current.pending, scene.record.claim
    if pending is not None:
        yield pending, "pending", None
    if claim is not None:
        yield claim.covers, "starting", None
    for build in builds:
        if build.covers is not None:
            yield build.covers, "covered", build


def explain_decision(scene: Scene, token: str) -> Explanation:
    """What became of the trigger with this token: by the token, else by the instant it carries."""
    subject, at_ms = f"{scene.key.project}/{scene.key.region}/{token}", instant_ms(token) or 0
    margin_ms, claim = scene.store.clock_margin_ms, scene.record.claim
    if claim is not None and claim.token == token:
        return _answer(scene, subject, "starting")

    def fits(fold: Pending, by: Claim | Finished | None) -> bool:
        if by is not None and fold.count == 1 and by.claimed_ms == fold.last_ms:
            return False  # its only trigger is the one that made the claim
        # Of several triggers, the last to be stored may not be the last that came: a write may take long.
        latest_ms = fold.last_ms if fold.count == 1 else by.claimed_ms if by is not None else scene.now_ms
        return waiter_name(token) in fold.waiters or fold.first_ms - margin_ms <= at_ms <= latest_ms + margin_ms

    answers, later = [], None
    for fold, verdict, build in _places(scene, scene.builds()):
        if fits(fold, claim if verdict == "starting" else build):
            answer, doubt = _answer(scene, subject, verdict, build), ""
            if waiter_name(token) not in fold.waiters:
                # A skip is in no record, and its instant may fit by chance. Which version was its own, no record says.
                is_contained = fold.count <= len(fold.notes) and all(contains(fold, note) for note in fold.notes)
                doubt = ", unless the decision said skipped" + ("" if is_contained else " or its version was replaced")
            answers.append(answer.but(lines=(f"{answer.lines[0]}{doubt}", *answer.lines[1:])))
        if build is None:
            continue
        if build.token == token:
            return _answer(scene, subject, "started", build)
        if build.claimed_ms < at_ms - MAX_CLOCK_ERROR_MS:
            break
        later = build if build.claimed_ms >= at_ms + margin_ms else later
    if answers:
        apart = f"before that: clocks may be {say_duration(margin_ms)} apart"
        others = [f"or by build {other.build_id} {apart}" for other in answers[1:] if other.build_id]
        return answers[0].but(lines=(*answers[0].lines, *others))
    if at_ms < scene.now_ms - KEPT_HISTORY_MS:
        return _answer(scene, subject, "aged_out")
    what = f"it was skipped, dropped or failed; the first build started after it is {later.build_id}" if later else None
    return _answer(scene, subject, "passed_over", later, what)


def explain_gate(scene: Scene) -> Explanation:
    """What the gate is doing, what it waits for, and what it did last."""
    record, builds = scene.record, list(scene.builds(3))
    status = scene.status
    lines = [str(status), *status.notes, *_hold_line(scene), *_claim_line(scene), *_pending_lines(scene)]
    if scene.terms is None:
        lines.append("not in holdoff.toml: its cooldown is not known here, nor when it is ready")
    last_ms, own_ms = record.lastbuild_ms or 0, builds[0].started_ms if builds else 0
    if record.claim is None and last_ms - own_ms > SNIPPET_MS:
        lines.append(f"last build at {say_instant(last_ms)}, not one of Holdoff's own")
    lines += [_build_line(scene, build) for build in builds]
    for act in record.acts:
        why = f": {act.why}" if act.why else ""
        lines.append(f"{act.what}{_by(act.by)} {_ago(scene, act.at_ms)}{why}")
    return Explanation(subject=str(scene.key), verdict=status.state, lines=tuple(lines))


def _answer(
    scene: Scene, subject: str, verdict: str, build: Finished | None = None, what: str | None = None
) -> Explanation:
    if build is not None:
        lines = [_build_line(scene, build)]
    elif verdict == "pending":
        lines = [*_hold_line(scene), *_pending_lines(scene)]
    elif verdict == "starting":
        lines = [*claim_notes(scene.record, scene.now_ms), *_claim_line(scene)]
    else:
        lines = [str(scene.status), *_hold_line(scene)]
    build_id = None if build is None else build.build_id
    said = f"{subject}: {what or _ANSWERS[verdict].format(build_id)}"
    return Explanation(subject=subject, verdict=verdict, lines=(said, *lines), build_id=build_id)


def _hold_line(scene: Scene) -> Iterator[str]:
    hold = hold_now(scene.record, scene.now_ms)
    if hold is not None:
        end = f"until {_at(scene, hold.until_ms)}" if hold.until_ms else "until a person resumes it"
        yield f"on hold{_by(hold.by)} for {say_duration(max(0, scene.now_ms - hold.since_ms))}, {end}: {hold.why}"


def _claim_line(scene: Scene) -> Iterator[str]:
    claim = scene.record.claim
    if claim is None:
        return
    left_ms = claim.lease_until_ms - scene.now_ms
    when = (
        f"a trigger or wake in {say_duration(left_ms, up=True)} or later" if left_ms > 0 else "the next trigger or wake"
    )
    if claim.attempt > 1:  # its note says what it is
        yield f"{when} tries to finish it; `holdoff reset --drop-claim` gives it up"
    elif left_ms > 0:
        yield f"a start is under way; if it does not end, {when} finishes it"
    else:
        yield f"a start was left unfinished; {when} finishes it"


def _pending_lines(scene: Scene) -> list[str]:
    terms, record = scene.terms, scene.current
    pending = record.pending
    if pending is None:
        return []
    lines = [f"pending: {triggers_of(pending)}, the first {_ago(scene, pending.first_ms)}{_newest(pending)}"]
    if pending.waiters:
        lines.append(f"callers of `holdoff run --wait`: {len(pending.waiters)}, unless they have given up")
    if pending.failures:
        lines.append(_failures(scene, pending))
    if terms is None:
        return lines
    found = waits(record, terms, scene.now_ms, pending=pending)
    for wait in found:
        until = f" until {_at(scene, wait.until_ms)}" if wait.until_ms and wait.until_ms > scene.now_ms else ""
        lines.append(f"waits for {_WAITS.get(wait.why, wait.why)}{until}")
    if not found:
        late_ms = max(0, scene.now_ms - (ready_ms(record, terms) or scene.now_ms))
        wakes = "wake" if terms.policy.quiet_ms else "trigger or wake"  # a trigger starts the quiet time anew
        lines.append(f"due for {say_duration(late_ms)}: the next {wakes} builds it")
    return lines


def _failures(scene: Scene, pending: Pending) -> str:
    """The failures so far: starts that were refused, or, with ``on_failure = "rearm"``, a build that failed."""
    times = {1: "once", 2: "twice"}.get(pending.failures, f"{pending.failures} times")
    failed = failed_ms(scene.current)
    refusal = f": {pending.refusal}" if pending.refusal else ""
    last = f"the last start was refused{refusal}" if failed is None else f"the last build failed {_ago(scene, failed)}"
    return f"tried {times}: {last}"


def _at(scene: Scene, at_ms: int) -> str:
    return f"{say_instant(at_ms)}, in {say_duration(max(0, at_ms - scene.now_ms), up=True)}"


def _ago(scene: Scene, at_ms: int) -> str:
    return say_age(scene.now_ms - at_ms)


def _by(name: str | None) -> str:
    return f" by {name}" if name else ""


def reasons_of(fold: Pending) -> list[str]:
    return list(dict.fromkeys(note.reason for note in fold.notes if note.reason))


def _newest(fold: Pending) -> str:
    reasons, request = ", ".join(reasons_of(fold)), fold.request
    version = f", newest version {request.source_version}" if request.source_version else ""
    forced, who = ", forced" if request.forced else "", f",{_by(request.by)}" if request.by else ""
    return (f" ({reasons})" if reasons else "") + version + forced + who


def _build_line(scene: Scene, build: Finished) -> str:
    line = f"build {build.build_id}: started {_ago(scene, build.started_ms)}, {scene.outcome_of(build)}"
    return line if build.covers is None else f"{line}, for {triggers_of(build.covers)}{_newest(build.covers)}"


def build_to_dict(build: Finished) -> dict[str, object]:
    fields = ("build_id", "token", "started_ms", "ended_ms", "succeeded", "exit_status", "source_version", "detail")
    shown, covers = plain(build, *fields), build.covers
    if covers is None:
        return {**shown, "covers": None}
    notes = notes_of(covers)
    contained = {note.version for note in notes if contains(covers, note)}
    versions = list(dict.fromkeys(note.version for note in notes if note.version))
    more = {
        "reasons": reasons_of(covers),
        "source_versions": [version for version in versions if version in contained],
        "replaced": [version for version in versions if version not in contained],
    }
    return {**shown, "covers": plain(covers, "count", "first_ms", "last_ms") | more}
