"""Hypothesis strategies for whatever may stand in a store: any record, any build of a history, any claim to try.

Needs ``hypothesis``; nothing else of Holdoff imports this.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from hypothesis import strategies as st

from holdoff.core.record import (
    KEPT_ACTS,
    KEPT_EVENTS,
    KEPT_WRITES,
    Act,
    Claim,
    Counts,
    Finished,
    Hold,
    Opening,
    Pending,
    Record,
    Request,
    Running,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from holdoff.core.record import GateKey

_T = TypeVar("_T")

NOW_MS: Final = 1_795_395_667_000

texts = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=12,
)
numbers = st.integers(0, 10**9)
instants = st.integers(0, 2 * NOW_MS)
digests = st.sampled_from([f"{n:015x}" for n in range(6)])
write_ids = st.text("0123456789ABCDEF", min_size=8, max_size=8)
variables = st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), texts, max_size=3)


def maybe(strategy: SearchStrategy[_T]) -> SearchStrategy[_T | None]:
    """That, or ``None``."""
    return st.none() | strategy


@st.composite
def seconds(draw: st.DrawFn) -> Decimal:
    """Epoch seconds as anybody may have written them: whole, to the millisecond, or to all 38 digits."""
    whole = draw(st.integers(0, 253_402_300_798) | st.just(NOW_MS // 1000))
    fraction = draw(st.text("0123456789", max_size=26) | st.just("") | st.just("000"))
    return Decimal(f"{whole}.{fraction}") if fraction else Decimal(whole)


@cache
def requests(key: GateKey) -> SearchStrategy[Request]:
    """Any request for a build of this gate."""
    return st.builds(
        Request,
        project=st.just(key.project),
        region=st.just(key.region),
        reason=maybe(texts),
        source_version=maybe(texts),
        event_id=maybe(texts),
        environment=variables.map(lambda found: tuple(sorted(found.items()))),
        by=maybe(texts),
        forced=st.booleans(),
        parameters=st.just("") | texts,
    )


@cache
def pendings(key: GateKey) -> SearchStrategy[Pending]:
    """Any triggers folded into one."""
    return st.builds(
        Pending,
        request=requests(key),
        count=numbers,
        first_ms=instants,
        last_ms=instants,
        due_ms=instants,
        failures=st.integers(0, 9),
        reasons=st.lists(texts, max_size=3).map(tuple),
        versions=st.lists(texts, max_size=3).map(tuple),
        events=st.lists(digests, max_size=3).map(tuple),
        revocable=st.lists(digests, max_size=3).map(tuple),
    )


@cache
def claims(key: GateKey) -> SearchStrategy[Claim]:
    """Any start in progress."""
    return st.builds(
        Claim,
        token=texts,
        attempt=st.integers(1, 9),
        claimed_ms=instants,
        held_ms=instants,
        lease_until_ms=instants,
        covers=pendings(key),
        before=maybe(seconds()),
        sent_until_ms=instants,
        refused=st.booleans(),
        counted=st.booleans(),
    )


@cache
def runnings(key: GateKey) -> SearchStrategy[Running]:
    """Any build that runs."""
    return st.builds(
        Running,
        build_id=texts,
        token=texts,
        started_ms=instants,
        lease_until_ms=instants,
        covers=pendings(key),
        claimed_ms=instants,
        before=maybe(seconds()),
        polled_ms=maybe(instants),
        cancel_failed=st.booleans(),
    )


@cache
def builds(key: GateKey) -> SearchStrategy[Finished]:
    """Any build that has ended."""
    return st.builds(
        Finished,
        build_id=texts,
        token=texts,
        started_ms=instants,
        claimed_ms=instants,
        covered_ms=instants,
        ended_ms=maybe(instants),
        succeeded=maybe(st.booleans()),
        source_version=maybe(texts),
        detail=maybe(texts),
        covers=maybe(pendings(key)),
    )


@cache
def records(key: GateKey) -> SearchStrategy[Record]:
    """Any state of this gate."""
    return st.builds(
        Record,
        lastbuild=maybe(seconds()),
        writes=st.lists(write_ids, max_size=KEPT_WRITES, unique=True).map(tuple),
        claim=maybe(claims(key)),
        pending=maybe(pendings(key)),
        running=maybe(runnings(key)),
        finished=maybe(builds(key)),
        hold=maybe(
            st.builds(Hold, since_ms=instants, why=texts, by=maybe(texts), until_ms=maybe(instants))
        ),
        starts=st.lists(instants, max_size=3).map(tuple),
        built=maybe(texts),
        events=st.lists(digests, max_size=KEPT_EVENTS, unique=True).map(tuple),
        counts=st.builds(
            Counts, started=numbers, deferred=numbers, skipped=numbers, failed=numbers
        ),
        acts=st.lists(
            st.builds(Act, what=texts, at_ms=instants, by=maybe(texts), why=maybe(texts)),
            max_size=KEPT_ACTS,
        ).map(tuple),
        due_ms=maybe(instants),
    )


@st.composite
def openings(draw: st.DrawFn, key: GateKey, record: Record) -> Opening:
    """A claim to try on a gate in this state: often where it is just ready, or just not."""
    near_ms = int((record.lastbuild or 0) * 1000) + draw(st.integers(-1, 1))
    return Opening(
        write_id=draw(write_ids),
        claim=replace(draw(claims(key)), before=None),
        ready_if_ms=draw(st.sampled_from([near_ms, near_ms, near_ms, 2 * NOW_MS, -1, None])),
        event=draw(st.sampled_from([None, *record.events]) | digests),
    )
