"""Why did(n't) my build run? Each kind of answer, from the store alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import holdoff
from holdoff import Gate
from holdoff.core.decision import Decision, Why
from holdoff.core.errors import ConfigError, StartRefused
from holdoff.core.pending import note_of, single
from holdoff.core.record import Record
from holdoff.observe import explain
from holdoff.observe.explain import Explanation, Scene, contains
from holdoff.starters import Call
from holdoff.testing import ManualClock
from tests.core.build import NOW, request
from tests.scenes import scene_of


class Place:
    """One gate in memory, and what can be asked about it."""

    def __init__(self, **policy: Any) -> None:
        self.clock = ManualClock()
        self.store = holdoff.open_store("memory:")
        self.policy = holdoff.Policy("10m", **policy)
        self.errors: list[Exception] = []
        self.built = 0

    def gate(self) -> holdoff.Gate:
        return holdoff.Gate(
            "site",
            store=self.store,
            policy=self.policy,
            starter=Call(self._start),
            clock=self.clock,
        )

    def _start(self, *_: object) -> str:
        if self.errors:
            raise self.errors.pop()
        self.built += 1
        return f"b{self.built}"

    def scene(self) -> Scene:
        gate = self.gate()
        return scene_of(self.store, gate.key, gate.terms, self.clock.now_ms())

    def event(self, event_id: str) -> Explanation:
        return explain.explain_event(self.scene(), event_id)

    def version(self, version: str) -> Explanation:
        return explain.explain_version(self.scene(), version)

    def decision(self, decision_id: str) -> Explanation:
        key, token = explain.parse_decision_id(decision_id)
        assert key == self.gate().key
        return explain.explain_decision(self.scene(), token)


def test_of_a_build_whose_lease_is_over_all_lines_agree() -> None:
    """It is pending again, said one line; the last *start* was refused, and its version is covered, said others."""
    place = Place(overlap="defer", on_failure="rearm")
    place.gate().trigger(source_version="v1")
    place.clock.sleep(9 * 3_600_000)
    scene = place.scene()
    scene = scene.but(terms=scene.terms and scene.terms.but(children=True))
    gate, version = "\n".join(explain.explain_gate(scene).lines), explain.explain_version(scene, "v1")

    why = "(the process that looked after it is gone)"
    assert f"failed after 8h {why}" in gate
    assert "tried once: the last build failed 1h ago" in gate
    assert (version.verdict, version.lines[0]) == ("pending", "source version v1: pending, not built yet")


def test_a_build_that_runs_is_none_of_those_before_it() -> None:
    place = Place()
    for build_id in ("b1", "b2"):
        place.gate().trigger(force=True)
        place.gate().finished(build_id, succeeded=True)
        place.clock.advance("1m")
    place.gate().trigger(force=True)
    scene = place.scene()

    told = [f"{build.build_id} {scene.outcome_of(build)}" for build in scene.builds()]
    assert told == ["b3 is running", "b2 succeeded after 0s", "b1 succeeded after 0s"]


def test_a_trigger_that_started_names_its_build() -> None:
    place = Place()
    started = place.gate().trigger()
    told = place.decision(started.id)
    assert (told.verdict, told.build_id) == ("started", "b1")


@pytest.mark.parametrize("start", [Gate.wake, lambda gate: gate.trigger(source_version="abc")])
def test_a_deferred_trigger_is_pending_and_then_covered(start: Callable[[Gate], Decision]) -> None:
    place = Place()
    place.gate().trigger()
    place.clock.advance("1m")
    deferred = place.gate().trigger(reason="cms", source_version="abc", event_id="e1")
    told = place.decision(deferred.id)
    assert told.verdict == "pending"
    assert "waits for the cooldown until 2026-01-01 00:10:00 UTC, in 9m" in str(told.lines)
    place.clock.advance("9m")
    start(place.gate())
    for told in (place.decision(deferred.id), place.event("e1"), place.version("abc")):
        assert (told.verdict, told.build_id) == ("covered", "b2")


# --- replaced, superseded --------------------------------------------------------------------------------------------


def pending(*triggers: dict[str, Any]) -> Place:
    """A gate that cools down, with these triggers pending, a second apart."""
    place = Place()
    place.gate().trigger()
    for number, more in enumerate(triggers):
        place.clock.advance("1s")
        place.gate().trigger(event_id=f"e{number}", **more)
    return place


def then_built(place: Place) -> Place:
    place.clock.advance("10m")
    assert place.gate().wake().build_id == "b2"
    return place


MAIN, OTHER = {"line": "main"}, {"line": "other"}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ({"source_version": "v1", **MAIN}, {"source_version": "v2", **MAIN}, "covered"),
        ({"source_version": "v1", **MAIN}, {"source_version": "v1", **OTHER}, "covered"),
        ({}, {"source_version": "v2", **MAIN}, "covered"),
        ({"source_version": "v1", **MAIN}, {"source_version": "v2", **OTHER}, "replaced"),
        ({"source_version": "v1", "at": 1, **MAIN}, {"source_version": "v2", "at": 2, **OTHER}, "replaced"),
        ({"source_version": "v1", **MAIN}, {"source_version": "v2"}, "replaced"),
        ({"source_version": "v1"}, {"source_version": "v2"}, "replaced"),
        ({"source_version": "v1"}, {}, "replaced"),
        ({"environment": {"LOCALE": "us"}}, {"environment": {"LOCALE": "de"}}, "replaced"),
        ({"environment": {"LOCALE": "us"}}, {}, "replaced"),
        ({}, {"environment": {"LOCALE": "us"}}, "covered"),
        ({"source_version": "v1", "secondary_versions": {"lib": "1"}}, {"source_version": "v1"}, "replaced"),
        ({"environment": {"LOCALE": "us"}}, {"environment": {"LOCALE": "us"}}, "covered"),
    ],
)
def test_what_no_build_contains_is_replaced_and_never_covered(
    first: dict[str, Any], second: dict[str, Any], verdict: str
) -> None:
    place = pending(first, second)
    expected = "pending" if verdict == "covered" else verdict
    assert place.event("e0").verdict == expected
    assert place.event("e1").verdict == "pending"
    then_built(place)
    told = place.event("e0")
    assert (told.verdict, told.build_id) == (verdict, "b2" if verdict == "covered" else None)
    assert place.event("e1").build_id == "b2"
    if "source_version" in first:
        is_built = first["source_version"] == second.get("source_version")
        assert place.version("v1").verdict == ("covered" if is_built else verdict)


def test_only_what_the_next_version_of_its_line_was_built_onto_is_superseded() -> None:
    place = Place()
    for version, parent, line in (("w1", "w0", "other"), ("v1", "v0", "main"), ("v2", "v1", "main")):
        place.gate().trigger(source_version=version, parent=parent, line=line, force=True)
        place.clock.advance("1m")
    told = {version: place.version(version) for version in ("v0", "v1", "w0", "x")}
    assert {version: (one.verdict, one.build_id) for version, one in told.items()} == {
        "v0": ("unknown", None),  # v1, which was built onto it, is not the newest of the line
        "v1": ("covered", "b2"),
        "w0": ("superseded", "b1"),
        "x": ("unknown", None),
    }


def test_a_push_that_names_no_version_supersedes_none_by_name() -> None:
    """No answer says that "None was built already"."""
    place = Place()
    place.gate().trigger(parent="v1", line="main")
    assert (place.version("v1").verdict, place.version("v1").build_id) == ("unknown", None)


def test_what_is_deferred_beside_a_start_is_none_of_that_start() -> None:
    place = Place(overlap="defer")
    place.errors = [TimeoutError("no answer")]
    place.gate().trigger()
    place.clock.advance("1s")
    deferred = place.gate().trigger()
    assert (str(deferred.why), place.decision(deferred.id).verdict) == ("claimed", "pending")


def test_of_the_same_second_the_parent_is_contained() -> None:
    newest = single(request(line="main", at_ms=2, source_version="B", parent="A"), NOW)
    for version, is_contained in (("A", True), ("C", False)):
        note = note_of(request(line="main", at_ms=2, source_version=version))
        assert contains(newest, note) is is_contained


@pytest.mark.parametrize("of_build", [{}, {"at_ms": 2, "source_version": "B"}])
def test_where_no_instant_and_no_parent_tells_the_last_to_arrive_is_the_newer(of_build: dict[str, object]) -> None:
    assert contains(single(request(line="main", **of_build), NOW), note_of(request(line="main", source_version="A")))


def test_what_was_pushed_onto_the_built_version_is_not_contained_in_it() -> None:
    """v3 came without an instant, and counted as of v1's. v2 came later, with an instant after that: it was built, and
    v3 was called covered by it."""
    v1, v2 = {"source_version": "v1", "at": 10}, {"source_version": "v2", "at": 11}
    v3 = {"source_version": "v3", "parent": "v2"}
    place = then_built(pending(*({**push, **MAIN} for push in (v1, v3, v2))))
    assert [place.version(version).verdict for version in ("v1", "v2", "v3")] == ["covered", "covered", "replaced"]


def test_replaced_says_by_what() -> None:
    place = then_built(pending({"source_version": "v1"}, {"source_version": "v2"}))
    line = place.version("v1").lines[0]
    follows = "another line, or not known to follow it"
    assert line == f"source version v1: replaced by v2 ({follows}): no build was made for it"


def test_of_what_was_replaced_twice_the_newest_is_named() -> None:
    """If two answers are possible, the later one is given."""
    place = then_built(pending({"source_version": "v1"}, {"source_version": "v2"}))
    for version in ("v1", "v3"):
        place.gate().trigger(source_version=version)
    assert place.version("v1").lines[0].startswith("source version v1: replaced by v3 ")


def test_nor_is_another_line_named_where_the_push_between_is_missing() -> None:
    """By their parents alone v4 is not known to contain v2. Both are of one line, and it told "another line, or none
    is known"."""
    versions = [{"source_version": f"v{n}", "parent": f"v{n - 1}", "line": "main"} for n in (2, 4)]
    told = pending(*versions).event("e0")
    assert told.lines[0].startswith("event e0: replaced by v4 (another line, or not known to follow it)")


def test_what_was_replaced_once_and_built_another_time_is_covered() -> None:
    place = then_built(pending({"source_version": "v1"}))
    place.gate().trigger(source_version="v1")
    place.gate().trigger(source_version="v2")
    assert place.version("v1").build_id == "b2"


def test_an_older_version_that_joined_is_covered_by_the_newer_one() -> None:
    place = pending({"source_version": "v2", "parent": "v1", **MAIN}, {"source_version": "v1", **MAIN})
    assert place.version("v1").verdict == "pending"
    assert then_built(place).version("v1").build_id == "b2"


def test_the_newest_is_known_though_many_older_ones_came_after_it() -> None:
    newest = {"source_version": "v9", "at": 9, **MAIN}
    older = [{"source_version": f"v{number}", "at": number, **MAIN} for number in range(6)]
    place = then_built(pending(newest, *older))
    assert place.event("e0").build_id == "b2"
    assert place.version("v9").build_id == "b2"
    assert place.version("v5").build_id == "b2"


def test_an_older_version_that_came_after_the_newer_one_was_built_is_superseded() -> None:
    place = then_built(pending({"source_version": "v2", "parent": "v1", **MAIN}))
    late = place.gate().trigger(source_version="v1", line="main")
    told = place.version("v1")
    assert str(late.why) == "superseded"
    assert (told.verdict, told.build_id) == ("superseded", "b2")
    assert told.lines[0].startswith("source version v1: an older version of its line; v2 was built already")


# --- instants --------------------------------------------------------------------------------------------------------


def test_instants_of_two_machines_do_not_credit_a_trigger_to_the_earlier_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second after what the first build covers, where clocks may be two apart: the later answer is given."""
    place = Place()
    monkeypatch.setattr(place.store, "clock_margin_ms", 2_000, raising=False)
    gate = place.gate()
    gate.hold(why="a test")
    gate.trigger()
    gate.resume()
    place.clock.advance("1s")
    assert gate.wake().build_id == "b1"
    later = gate.trigger()
    told = place.decision(later.id)
    assert told.verdict == "pending"
    assert told.lines[-1] == "or by build b1 before that: clocks may be 2s apart"
    place.clock.advance("20m")
    place.gate().wake()
    assert place.decision(later.id).build_id == "b2"


def test_the_trigger_of_a_caller_that_waits_is_known_by_its_token() -> None:
    place = Place()
    place.gate().trigger()
    waiting = place.gate().trigger(waits=True)
    assert place.decision(waiting.id).verdict == "pending"
    assert "callers of `holdoff run --wait`: 1, unless they have given up" in told_of(place)
    place.clock.advance("1s")  # a wake comes after the callers that wait
    then_built(place)
    assert place.decision(waiting.id).build_id == "b2"


# --- skipped, unknown, aged out --------------------------------------------------------------------------------------


def test_of_a_storm_an_early_event_is_said_to_be_taken() -> None:
    place = Place()
    for number in range(13):
        place.gate().trigger(event_id=f"push-{number}")

    assert place.event("push-12").verdict == "pending"
    early = place.event("push-4")
    assert early.verdict == "unknown"
    assert early.lines[0] == (
        "event push-4: it was accepted, and is not among the newest 3 triggers that are kept by name for each build"
    )
    assert "it was accepted" not in place.event("push-99").lines[0]


def test_a_skipped_trigger_is_told_what_came_after_it() -> None:
    place = Place(on_cooldown="skip")
    place.gate().trigger()
    place.clock.advance("1m")
    skipped = place.gate().trigger()
    told = place.decision(skipped.id)
    assert told.verdict == "passed_over"
    assert "nothing has started since" in str(told.lines)
    place.clock.advance("10m")
    place.gate().trigger()
    told = place.decision(skipped.id)
    assert (told.verdict, told.build_id) == ("passed_over", "b2")
    assert "nothing has started since" not in str(told.lines)


def test_of_a_version_that_is_built_no_event_says_that_no_build_contains_it() -> None:
    place = Place()
    place.gate().trigger(source_version="v1", event_id="push")
    place.clock.advance("1m")
    place.gate().trigger(source_version="v1", event_id="by hand")
    place.gate().trigger(source_version="v2", event_id="cms")
    told = place.event("by hand")
    follows = "another line, or not known to follow it"
    assert told.lines[0] == f"event by hand: replaced by v2 ({follows}): no build was made for it"
    assert place.version("v1").build_id == "b1"


def test_a_skip_beside_a_start_is_not_called_covered() -> None:
    """Clocks are apart by more than what is between them; and the build has the one trigger that made it."""
    place = Place(on_cooldown="skip")
    vars(place.store)["clock_margin_ms"] = 2_000
    for _ in range(2):
        place.gate().trigger()
        skipped = place.gate().trigger()
        place.clock.advance("1s")
        assert [place.decision(one.id).verdict for one in (skipped, place.gate().trigger())] == ["passed_over"] * 2
        place.clock.advance("10m")


@pytest.mark.parametrize(("line", "said"), [(None, " or its version was replaced"), ("main", "")])
def test_an_instant_alone_leaves_a_doubt(line: str | None, said: str) -> None:
    """G8, "a version is called covered only if a build contains it": v1 is older than what was started, and skipped."""
    place = Place()
    place.gate().trigger(source_version="v2", line="main", at=2)
    place.gate().trigger(source_version="v3", line="main", at=3)
    skipped = place.gate().trigger(source_version="v1", line="main", at=1)
    place.gate().trigger(source_version="v4", line=line, at=4)
    assert skipped.why is Why.SUPERSEDED
    assert place.decision(skipped.id).lines[0].endswith(f"not built yet, unless the decision said skipped{said}")
    place.clock.advance("10m")
    place.gate().wake()
    assert place.decision(skipped.id).lines[0].endswith(f"by build b2, unless the decision said skipped{said}")


def test_what_is_no_longer_noted_may_have_been_replaced() -> None:
    """The three newest triggers of a build are noted. This one is older, of another line, and was replaced."""
    place = Place()
    place.gate().trigger()
    replaced = place.gate().trigger(source_version="v1", line="side")
    for number in range(3):
        place.gate().trigger(source_version=f"m{number}", line="main", at=number)
    assert place.decision(replaced.id).lines[0].endswith(" or its version was replaced")


def test_one_whose_start_is_not_known_is_being_started() -> None:
    place = Place()
    place.errors = [TimeoutError("no answer")]
    unknown = place.gate().trigger()
    assert place.decision(unknown.id).verdict == "starting"
    place.clock.advance("2m")
    place.gate().wake()
    assert place.decision(unknown.id).verdict == "started"


def test_of_two_that_are_stored_in_the_other_order_both_are_pending_and_covered() -> None:
    """The one that came last was stored first: it was called skipped, dropped or failed."""
    place = Place()
    place.gate().trigger()
    place.clock.advance("1m")
    one, other = place.gate(), place.gate()
    one.trigger()
    fold, later = place.store.fold, []

    def overtaken(key: Any, **how: Any) -> Any:
        place.store.fold = fold  # type: ignore[method-assign]
        place.clock.advance("1m")
        later.append(other.trigger())
        return fold(key, **how)

    place.store.fold = overtaken  # type: ignore[method-assign]
    earlier = one.trigger()
    assert [place.decision(said.id).verdict for said in (earlier, *later)] == ["pending"] * 2
    place.clock.advance("10m")
    one.wake()
    assert [place.decision(said.id).verdict for said in (earlier, *later)] == ["covered"] * 2
    place.clock.advance("1m")
    dropped = one.trigger()
    one.reset(drop_pending=True)
    assert place.decision(dropped.id).verdict == "passed_over"


def test_one_whose_start_was_refused_is_pending() -> None:
    """Its token is a few milliseconds older than the decision: meanwhile the gate is read, and the store opened."""
    place = Place()
    place.errors = [StartRefused("no room", worth_retrying=True)]
    gate = place.gate()

    def get(key: Any) -> Record:
        place.clock.advance("3ms")
        return type(place.store).get(place.store, key)

    place.store.get = get  # type: ignore[method-assign]
    refused = gate.trigger()
    assert (refused.why, place.decision(refused.id).verdict) == (Why.START_FAILED, "pending")


def test_what_has_aged_out_is_said_to_have() -> None:
    place = Place(on_cooldown="skip")
    place.gate().trigger()
    place.clock.advance("1m")
    skipped = place.gate().trigger()
    place.clock.advance("91d")
    assert place.decision(skipped.id).verdict == "aged_out"
    told = place.event("never-seen")
    assert told.verdict == "unknown"
    assert "90 days" in str(told.lines)


COMMIT = "4f2a91c09a1b2c3d4e5f60718293a4b5c6d7e8f9"


@pytest.mark.parametrize("asked", [COMMIT[:7], COMMIT[:12], COMMIT])
def test_a_commit_may_be_asked_for_as_git_shortens_it(asked: str) -> None:
    """It was "not known here. It was skipped, never came, or is no longer kept", though its build was there."""
    place = Place()
    place.gate().trigger(source_version="1" * 40)
    place.gate().trigger(source_version=COMMIT)
    assert (place.version(asked).verdict, place.version(asked).subject) == ("pending", f"source version {COMMIT}")
    place.clock.advance("10m")
    place.gate().wake()
    place.clock.advance("10m")
    place.gate().trigger(source_version="2" * 40)
    assert (place.version(asked).verdict, place.version(asked).build_id) == ("covered", "b2")


def test_a_short_commit_is_found_beneath_a_trigger_that_names_no_version() -> None:
    place = Place()
    place.gate().trigger(source_version=COMMIT)
    place.gate().trigger(reason="a CMS")
    assert place.version(COMMIT[:7]).build_id == "b1"


@pytest.mark.parametrize(
    ("known", "asked"), [(COMMIT, COMMIT[:6]), (COMMIT, "09a1b2c"), ("release-26", "release"), ("20261129", "2026112")]
)
def test_nothing_else_is_taken_for_a_commit_s_short_form(known: str, asked: str) -> None:
    place = Place()
    place.gate().trigger(source_version=known)
    assert place.version(asked).verdict == "unknown"


def test_the_gate_itself() -> None:
    place = Place(quiet="30s")
    gate = place.gate()
    gate.hold(why="incident 42", by="ada")
    gate.trigger(reason="cms")
    assert "waits for quiet until 2026-01-01 00:00:30 UTC, in 30s" in told_of(place)
    place.clock.advance("1m")
    text = told_of(place)
    assert "on hold by ada for 1m, until a person resumes it: incident 42" in text
    assert "pending: 1 trigger, the first 1m ago (cms)\n" in text
    assert "hold by ada 1m ago: incident 42" in text
    gate.hold(why="incident 42", duration="1h")
    assert "on hold for 0s, until 2026-01-01 01:01:00 UTC, in 1h: incident 42" in told_of(place)


def test_the_gate_shows_its_newest_builds_and_what_is_odd() -> None:
    place = Place()
    for _ in range(4):
        place.gate().trigger()
        place.clock.advance("11m")
    place.clock.set("2025-06-01T00:00:00Z")
    text = told_of(place)
    assert [name for name in ("b1", "b2", "b3", "b4") if f"build {name}:" in text] == ["b2", "b3", "b4"]
    assert "in the future" in text


def test_a_build_of_the_old_snippet() -> None:
    place = Place()
    old = Record(lastbuild=Decimal(1767225000))
    place.store.swap(place.gate().key, expected=Record(), new=old)
    assert "not one of Holdoff's own" in told_of(place)


def test_a_build_of_the_old_snippet_after_one_of_our_own() -> None:
    """As after a way back to it."""
    place = Place()
    place.gate().trigger()
    assert "not one of Holdoff's own" not in told_of(place)
    place.clock.advance("1h")
    key, now = place.gate().key, place.store.get(place.gate().key)
    place.store.swap(key, expected=now, new=now.but(lastbuild=Decimal(place.clock.now_ms() // 1000)))
    lines = explain.explain_gate(place.scene()).lines
    assert [line[:13] for line in lines[1:]] == ["last build at", "build b1: sta"]


@pytest.mark.parametrize("text", ["site", "site/local", "site/local/nonsense", "/x/01M85NYKKEWFN0J68EQ0X9G3XK"])
def test_what_is_no_decision_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        explain.parse_decision_id(text)


# --- words -----------------------------------------------------------------------------------------------------------


def test_what_failed_is_told_as_what_it_was() -> None:
    """A start that was refused is no build that failed, and a build that failed is no refused start."""
    refused, failed = Place(), Place(on_failure="rearm")
    refused.errors = [StartRefused("no such project"), StartRefused("no such project")]
    refused.gate().trigger()
    assert "tried once: the last start was refused: no such project" in told_of(refused)
    assert "waits for the back-off after that until " in told_of(refused)
    refused.clock.advance("2m")
    refused.gate().wake()
    assert "tried twice: the last start was refused: no such project" in told_of(refused)

    started = failed.gate().trigger()
    failed.gate().finished(str(started.build_id), succeeded=False)
    failed.clock.advance("5s")
    told = told_of(failed)
    assert "tried once: the last build failed 5s ago" in told
    assert "refused" not in told


def test_a_start_that_no_try_could_finish_is_told_as_such() -> None:
    """A hook that never answers looked like a start of a second ago, night after night."""
    place = Place()
    gate = place.gate()
    place.errors = [TimeoutError("no answer")] * 2
    gate.trigger(source_version="v1")
    assert "not one of Holdoff's own" not in told_of(place)  # though the claim has moved lastbuild
    assert "a start is under way; if it does not end, a trigger or wake in 1m or later" in told_of(place)
    assert "failed" not in gate.status().attention
    place.clock.advance("61s")
    assert "a start was left unfinished; the next trigger or wake finishes it" in told_of(place)
    gate.wake()
    told = told_of(place)
    assert "a start is not finished yet: try 2, the first 1m1s ago. Its build may exist; the log of " in told
    assert "a trigger or wake in 1m or later tries to finish it; `holdoff reset --drop-claim` gives it up" in told
    of_version = place.version("v1")
    assert of_version.verdict == "starting"
    assert of_version.lines[1].startswith("a start is not finished yet: try 2, the first 1m1s ago.")
    assert "failed" not in gate.status().attention  # this try may be under way
    place.clock.advance("61s")
    assert "failed" in gate.status().attention
    assert "the next trigger or wake tries to finish it" in told_of(place)
    gate.wake()
    assert "not finished" not in told_of(place)
    assert "failed" not in gate.status().attention


def told_of(place: Place) -> str:
    return "\n".join(explain.explain_gate(place.scene()).lines)


def test_what_waits_for_a_start_that_cannot_be_finished_is_not_due_before_the_next_try() -> None:
    """With a cooldown of a second, *starts in 1s* was promised, a minute before anything could start."""
    place = Place()
    place.policy = holdoff.Policy("1s")
    gate = place.gate()
    place.errors = [TimeoutError("no answer")] * 2
    gate.trigger()
    place.clock.advance("61s")
    decision = gate.trigger()
    assert decision.why is Why.CLAIMED
    assert "a start could not be finished: " in str(decision)
    assert decision.retry_after == 60


def test_what_is_due_is_told_since_or_from_when() -> None:
    place = Place()
    place.gate().trigger()
    place.gate().trigger()
    place.clock.advance("12m")
    told = told_of(place)
    assert "due for 2m: the next trigger or wake builds it" in told
    assert "due until" not in told
    place.policy = holdoff.Policy("10m", quiet="20s")
    assert "the next wake builds it" in told_of(place)
    place.gate().wake()
    place.gate().trigger()
    place.clock.advance("1.5s")
    assert "UTC, in 9m59s" in told_of(place), "no wait is said to be shorter than it is"


def test_what_another_clock_wrote_is_not_told_as_0s_ago() -> None:
    place = Place()
    place.gate().trigger()
    place.clock.set("2025-12-31T23:00:00Z")
    assert "build b1: started 1h ahead of this clock" in told_of(place)
