"""A claim whose build is in the record already: it is ended, not taken over again and again."""

from __future__ import annotations

from dataclasses import replace

from holdoff.core import machine
from holdoff.core.machine import Rules
from holdoff.core.policy import Policy
from holdoff.core.record import Record
from holdoff.core.units import seconds_from_ms
from holdoff.testing.conformance import NOW_MS, claim

RULES = Rules(policy=Policy("10m"))


def test_a_claim_that_its_build_has_outlived_is_ended_by_its_confirm() -> None:
    held = claim()
    claimed = Record(lastbuild=seconds_from_ms(NOW_MS), claim=held)
    built = machine.confirmed(claimed, held, "build-1", RULES, NOW_MS + 1_000)
    again = replace(
        built,
        claim=replace(held, attempt=2, held_ms=NOW_MS + 60_000, before=built.lastbuild),
        lastbuild=seconds_from_ms(NOW_MS + 60_000),
    )
    assert again.claim is not None
    ended = machine.confirmed(again, again.claim, "build-1", RULES, NOW_MS + 61_000)
    assert ended == built, "as if it had not been made again, and counted once"


def test_another_s_claim_is_left_alone() -> None:
    held = claim()
    built = machine.confirmed(Record(claim=held), held, "build-1", RULES, NOW_MS)
    newer = replace(built, claim=replace(held, token="01M82X0000000000000000NEXT"))
    assert machine.confirmed(newer, held, "build-1", RULES, NOW_MS) is newer
