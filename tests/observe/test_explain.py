"""Why did(n't) my build run? Each kind of answer, from the store alone."""

from __future__ import annotations

import pytest

import holdoff
from holdoff.core.errors import ConfigError
from holdoff.observe import explain
from holdoff.observe.explain import Explanation, Scene
from holdoff.starters import Call
from holdoff.testing import ManualClock


class Place:
    """One gate in memory, and what anybody could ask about it."""

    def __init__(self, **policy: str) -> None:
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
        return Scene.of(self.store, self.gate().key, self.policy, self.clock.now_ms())

    def decision(self, decision_id: str) -> Explanation:
        key, token, _ = explain.parse_decision_id(decision_id)
        assert key == self.gate().key
        return explain.explain_decision(self.scene(), token)


def test_a_trigger_that_started_names_its_build() -> None:
    place = Place()
    started = place.gate().trigger()
    told = place.decision(started.id)
    assert (told.verdict, told.build_id) == ("started", "b1")


def test_a_deferred_trigger_is_pending_and_then_covered() -> None:
    place = Place()
    place.gate().trigger()
    place.clock.advance("1m")
    deferred = place.gate().trigger(reason="cms", source_version="abc", event_id="e1")
    told = place.decision(deferred.id)
    assert told.verdict == "pending"
    assert "waits for the cooldown until 2026-01-01T00:10:00.000Z, in 9m" in str(told)
    place.clock.advance("9m")
    place.gate().wake()
    for told in (
        place.decision(deferred.id),
        explain.explain_event(place.scene(), "e1"),
        explain.explain_version(place.scene(), "abc"),
    ):
        assert (told.verdict, told.build_id) == ("covered", "b2")


def test_an_answer_from_memory_has_its_receipt_too() -> None:
    place = Place()
    gate = place.gate()
    gate.trigger()
    gate.trigger()
    place.clock.advance("1m")
    from_memory = gate.trigger()
    assert place.decision(from_memory.id).verdict == "pending"
    place.clock.advance("9m")
    place.gate().wake()
    assert place.decision(from_memory.id).build_id == "b2"


def test_a_skipped_trigger_is_told_what_came_after_it() -> None:
    place = Place(on_cooldown="skip")
    place.gate().trigger()
    place.clock.advance("1m")
    skipped = place.gate().trigger()
    told = place.decision(skipped.id)
    assert told.verdict == "passed_over"
    assert "nothing has started since" in str(told)
    place.clock.advance("10m")
    place.gate().trigger()
    told = place.decision(skipped.id)
    assert (told.verdict, told.build_id) == ("passed_over", "b2")


def test_one_whose_start_is_not_known_is_being_started() -> None:
    place = Place()
    place.errors = [TimeoutError("no answer")]
    unknown = place.gate().trigger()
    assert place.decision(unknown.id).verdict == "starting"
    place.clock.advance("2m")
    place.gate().wake()
    assert place.decision(unknown.id).verdict == "started"


def test_what_has_aged_out_is_said_to_have() -> None:
    place = Place(on_cooldown="skip")
    place.gate().trigger()
    place.clock.advance("1m")
    skipped = place.gate().trigger()
    place.clock.advance("91d")
    assert place.decision(skipped.id).verdict == "aged_out"
    told = explain.explain_event(place.scene(), "never-seen")
    assert told.verdict == "unknown"
    assert "90 days" in str(told)


def test_the_gate_itself() -> None:
    place = Place(quiet="30s")
    gate = place.gate()
    gate.hold(why="incident 42", by="ada")
    gate.trigger(reason="cms")
    place.clock.advance("1m")
    text = str(explain.explain_gate(place.scene()))
    assert "on hold by ada for 1m, until somebody resumes it: incident 42" in text
    assert "pending: 1 trigger, the first 1m ago (cms)" in text
    assert "hold by ada 1m ago: incident 42" in text


def test_a_build_nobody_of_ours_started() -> None:
    from decimal import Decimal

    from holdoff.core.record import Record

    place = Place()
    old = Record(lastbuild=Decimal(1767225000))
    place.store.swap(place.gate().key, expected=Record(), new=old)
    assert "not one of Holdoff's own" in str(explain.explain_gate(place.scene()))


@pytest.mark.parametrize(
    "text", ["site", "site/local", "site/local/nonsense", "/x/01M85NYKKEWFN0J68EQ0X9G3XK"]
)
def test_what_is_no_decision_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        explain.parse_decision_id(text)
