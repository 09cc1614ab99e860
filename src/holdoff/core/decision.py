"""What became of a trigger, and why: as a value to log, compare and replay, and as a sentence for people."""

from __future__ import annotations

from enum import StrEnum

from holdoff.core.token import another
from holdoff.core.units import iso, say_age, say_duration, to_datetime
from holdoff.core.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final


class Outcome(StrEnum):
    """What became of a trigger."""

    STARTED = "started"
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    FAILED = "failed"


class Why(StrEnum):
    """Why. The codes are stable; the sentences may be reworded."""

    READY = "ready"
    FORCED = "forced"
    COOLING_DOWN = "cooling_down"
    LIMIT = "limit"
    QUIET = "quiet"
    RUNNING = "running"
    CLAIMED = "claimed"
    HELD = "held"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REPLACED = "replaced"
    BACKING_OFF = "backing_off"
    PENDING = "pending"
    IDLE = "idle"
    START_FAILED = "start_failed"
    START_UNKNOWN = "start_unknown"
    TAKEN_OVER = "taken_over"
    COVERED = "covered"
    DROPPED = "dropped"


class Decision(Value):
    """What became of one trigger (or one wake), and why.

    Attributes:
        id: names this decision: gate, then a time-ordered token.
        outcome, why: what, and the stable reason code.
        decided_ms: the instant it was decided at, epoch milliseconds.
        due_ms: not started only: from when a wake or trigger may start it, or is not skipped; ``None``: not known.
        build_id: started only; ``None`` while the start is under way.
        lastbuild_ms: the last start before this decision; ``None``: never built, or reset since.
        failed_ms: when the last build ended, if it failed; ``None``: it did not, or another has started since.
        ahead_ms: how far in the future the last start was recorded, by a clock's fault: it counts as now.
        covers: started only: how many triggers this build answers.
        waited_ms: started only: how long the oldest of them had waited when the start was claimed.
        beside: started only: another build that still runs (``overlap="allow"``).
        detail: the words of the starter, or of the person who holds the gate.
        unconfirmed: started only: the build exists, but the store did not take its id (the next trigger or wake finds
            it).
        taken_over: the id of a build whose start another process had left, and this call finished.
        woken: whether something is set up to wake the gate when it is due.
    """

    project: str
    region: str
    id: str
    outcome: Outcome
    why: Why
    decided_ms: int
    due_ms: int | None = None
    build_id: str | None = None
    lastbuild_ms: int | None = None
    failed_ms: int | None = None
    ahead_ms: int = 0
    covers: int = 0
    waited_ms: int | None = None
    beside: str | None = None
    detail: str | None = None
    unconfirmed: bool = False
    taken_over: str | None = None
    woken: bool = False

    @property
    def token(self) -> str:
        """The last part of ``id``: the name of the trigger, and the idempotency key of the start it made."""
        return self.id.rpartition("/")[2]

    @property
    def due(self) -> datetime | None:
        """``due_ms`` as an aware ``datetime``."""
        return None if self.due_ms is None else to_datetime(self.due_ms)

    @property
    def last_build(self) -> datetime | None:
        """``lastbuild_ms`` as an aware ``datetime``."""
        return None if self.lastbuild_ms is None else to_datetime(self.lastbuild_ms)

    @property
    def retry_after(self) -> float | None:
        """Seconds from the decision until it is due."""
        return None if self.due_ms is None else max(0, self.due_ms - self.decided_ms) / 1000

    def repeated(self, now_ms: int, nth: int) -> Decision:
        """The same decision at another instant, with an id of its own."""
        new, state = object.__new__(Decision), self.__dict__.copy()
        state["decided_ms"] = now_ms
        state["id"] = another(state["id"], now_ms, nth)
        object.__setattr__(new, "__dict__", state)
        return new

    def __str__(self) -> str:
        sentence = f"{self.project} {self.outcome}: {self._because()}"
        if self.taken_over:
            sentence += f" (first finished a start that was left: build {self.taken_over})"
        return sentence

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values, for machines."""
        return {
            "project": self.project,
            "region": self.region,
            "id": self.id,
            "outcome": str(self.outcome),
            "why": str(self.why),
            "decided": iso(self.decided_ms),
            "due": None if self.due_ms is None else iso(self.due_ms),
            "retry_after": self.retry_after,
            "build_id": self.build_id,
            "last_build": None if self.lastbuild_ms is None else iso(self.lastbuild_ms),
            "last_failed": None if self.failed_ms is None else iso(self.failed_ms),
            "covers": self.covers,
            "waited": None if self.waited_ms is None else self.waited_ms / 1000,
            "beside": self.beside,
            "detail": self.detail,
            "unconfirmed": self.unconfirmed,
            "taken_over": self.taken_over,
            "message": str(self),
        }

    def _because(self) -> str:
        if self.outcome is Outcome.STARTED:
            return self._started()
        if self.outcome is Outcome.FAILED:
            return self._failed()
        if self.why in _FINAL:
            return self._reason()
        return f"{self._reason()}, {self._next()}"

    def _started(self) -> str:
        parts = [f"build {self.build_id}" if self.build_id else "its start is under way"]
        if self.why is Why.FORCED:
            parts.append("forced")
        if self.covers > 1:
            parts.append(f"for {self.covers} triggers")
        if self.beside:
            parts.append(f"beside {self.beside}, which still runs")
        if self.unconfirmed:
            parts.append("not yet recorded (the store did not answer); the next trigger or wake records it")
        return ", ".join(parts)

    def _failed(self) -> str:
        said = f": {self.detail}" if self.detail else ""
        if self.why is Why.START_UNKNOWN and self.due_ms is None:
            return f"it is not known here whether the build started{said}; `holdoff explain` says"
        if self.why is Why.START_UNKNOWN:
            return f"it is not known whether the build started{said}; {self._then('finds out')}"
        return f"the build was refused{said}; the slot is given back, {self._then('tries again')}"

    def _reason(self) -> str:
        if self.why is Why.COOLING_DOWN:
            return self._last_built()
        if self.why is Why.LIMIT:
            return f"the limit is reached, {self._last_built()}"
        if self.why is Why.BACKING_OFF and self.failed_ms is not None:
            return self._last_built()
        with_detail, without = _SENTENCES.get(self.why, (str(self.why), str(self.why)))
        return with_detail.format(self.detail) if self.detail else without

    def _last_built(self) -> str:
        if self.failed_ms is not None:
            return f"the last build failed {say_age(self.decided_ms - self.failed_ms)}"
        if self.ahead_ms:
            return f"the last build is recorded {say_age(-self.ahead_ms)}, and counts as now"
        if self.lastbuild_ms is None:
            return "never built"
        age_ms = self.decided_ms - self.lastbuild_ms
        return f"{'last built' if age_ms > -1_000 else 'the last build is recorded'} {say_age(age_ms)}"

    def _next(self) -> str:
        skipped = self.outcome is Outcome.SKIPPED
        wakes = "wake" if self.why is Why.QUIET else "trigger or wake"  # a trigger starts the quiet time anew
        starts = "ready" if skipped else "starts" if self.woken else f"starts at the next {wakes}"
        wait = self._wait()
        if self.why is Why.RUNNING:
            return f"{starts} after it ends{f', at the latest in {wait}' if self.due_ms is not None else ''}"
        if self.due_ms is None:
            return "dropped" if skipped else f"{starts} after that ends"
        return f"{starts} in {wait}{'' if skipped or self.woken else ' or later'}"

    def _then(self, does: str) -> str:
        when = "after the hold" if self.due_ms is None else f"in {self._wait()} or later"
        return f"the next trigger or wake {when} {does}"

    def _wait(self) -> str:
        return say_duration(max(0, (self.due_ms or 0) - self.decided_ms), up=True)


#: Each reason as a sentence, with its detail and without.
_SENTENCES: Final = {
    Why.QUIET: ("waiting for quiet", "waiting for quiet"),
    Why.RUNNING: ("build {} is running", "a build is running"),
    Why.CLAIMED: ("a start could not be finished: {}", "a start is under way"),
    Why.HELD: ("on hold: {}", "on hold"),
    Why.BACKING_OFF: ("the last start was refused: {}", "the last start was refused"),
    Why.PENDING: ("a build is pending", "a build is pending"),
    Why.UNCHANGED: ("{} is built already, or being built", "built already, or being built"),
    Why.DUPLICATE: ("event {} was taken before", "seen before"),
    Why.SUPERSEDED: ("{} or a newer version was started already", "a newer version was started already"),
    Why.COVERED: ("covered by {}", "covered by a build"),
    Why.REPLACED: ("replaced by {}", "replaced by another"),
    Why.DROPPED: ("what was pending was dropped", "what was pending was dropped"),
    Why.IDLE: ("nothing is pending", "nothing is pending"),
}
#: Reasons that say all: nothing follows.
_FINAL: Final = (Why.DUPLICATE, Why.UNCHANGED, Why.SUPERSEDED, Why.IDLE, Why.COVERED, Why.REPLACED, Why.DROPPED)
