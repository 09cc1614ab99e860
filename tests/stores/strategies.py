"""Any record of one gate, any claim that may be tried on it, and one realistic record."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from holdoff.core.record import (
    KEPT_EVENTS,
    KEPT_WRITES,
    Claim,
    Counts,
    Finished,
    GateKey,
    Opening,
    Pending,
    Record,
    Request,
    Running,
)
from holdoff.testing import strategies
from holdoff.testing.strategies import NOW_MS

__all__ = ["KEY", "NOW_MS", "finisheds", "gates_and_openings", "numbers", "records", "typical"]

KEY = GateKey("site-build", "eu-west-1")

#: Every number DynamoDB can keep: 38 digits, and magnitudes from 1E-130 to 9.99...E+125, or zero.
numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.builds(
    lambda sign, digits, magnitude: Decimal(f"{sign}{digits[0]}.{digits[1:]}E{magnitude}"),
    st.sampled_from(["", "-"]),
    st.from_regex("[1-9][0-9]{0,37}", fullmatch=True),
    st.integers(-130, 125) | st.sampled_from([-130, 0, 9, 125]),
)
finisheds = strategies.builds(KEY)
records = strategies.records(KEY)


@st.composite
def gates_and_openings(draw: st.DrawFn) -> tuple[Record, Opening]:
    """A gate, and a claim to try on it: often one that is just ready, or just not."""
    record = draw(records)
    if draw(st.booleans()):
        record = replace(record, claim=None, pending=None, hold=None)
    return record, draw(strategies.openings(KEY, record))


# --- one realistic gate -------------------------------------------------------------------------


def typical(*, environment: tuple[tuple[str, str], ...] = (), event: str | None = None) -> Record:
    """A gate in full use: a claim out, triggers pending, a build running, one finished, 16 events."""
    token = "01KAZ3TBSRY8V6Q9W4N2M5X7PD"

    def fold(version: str, **more: object) -> Pending:
        request = Request(
            project=KEY.project,
            region=KEY.region,
            reason="push to main",
            source_version=version * 5,
            event_id=event,
            environment=environment,
        )
        return Pending(request=request, count=3, first_ms=NOW_MS, last_ms=NOW_MS, due_ms=NOW_MS)

    build = "site-build:6f0d5d4e-4b0a-4ad0-8a0e-8a62b3f4c1d2"
    return Record(
        lastbuild=Decimal("1795395667.123"),
        writes=tuple(f"W{n}ABCDEF" for n in range(KEPT_WRITES)),
        claim=Claim(
            token=token,
            claimed_ms=NOW_MS,
            held_ms=NOW_MS,
            lease_until_ms=NOW_MS + 60_000,
            covers=fold("4f2a91c0"),
            before=Decimal("1795395067.456"),
            counted=True,
        ),
        pending=fold("93bc07d1"),
        running=Running(
            build_id=build,
            token=token,
            started_ms=NOW_MS,
            lease_until_ms=NOW_MS + 8 * 3_600_000,
            covers=fold("07d193bc"),
            claimed_ms=NOW_MS,
            before=Decimal("1795394467.789"),
        ),
        finished=Finished(
            build_id=build,
            token=token,
            started_ms=NOW_MS,
            claimed_ms=NOW_MS,
            covered_ms=NOW_MS,
            ended_ms=NOW_MS + 240_000,
            succeeded=True,
            source_version="d4e5f6a7" * 5,
        ),
        built="d4e5f6a7" * 5,
        events=tuple(f"{n:011x}" for n in range(KEPT_EVENTS)),
        counts=Counts(started=1204, deferred=5630, skipped=12, failed=3),
        due_ms=NOW_MS + 60_000,
    )
