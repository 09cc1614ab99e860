"""Any record that may stand in a store, and any claim that may be tried on it."""

from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

from holdoff.core.record import (
    KEPT_EVENTS,
    KEPT_WRITES,
    Claim,
    Counts,
    Finished,
    GateKey,
    Hold,
    Opening,
    Pending,
    Record,
    Request,
    Running,
)

T = TypeVar("T")

KEY = GateKey("site-build", "eu-west-1")
NOW_MS = 1_795_395_667_000

texts = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=12,
)
counts_of = st.integers(0, 10**9)
instants = st.integers(0, 2 * NOW_MS)
digests = st.sampled_from([f"{n:015x}" for n in range(6)])
write_ids = st.text("0123456789ABCDEF", min_size=8, max_size=8)
variables = st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), texts, max_size=3)


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """That, or ``None``."""
    return st.none() | strategy


@st.composite
def seconds(draw: st.DrawFn, digits: int = 26) -> Decimal:
    """Epoch seconds as anybody may have written them: whole, to the millisecond, or far finer."""
    whole = draw(st.integers(0, 253_402_300_798) | st.just(NOW_MS // 1000))
    fraction = draw(st.text("0123456789", max_size=digits) | st.just("") | st.just("000"))
    return Decimal(f"{whole}.{fraction}") if fraction else Decimal(whole)


requests = st.builds(
    Request,
    project=st.just(KEY.project),
    region=st.just(KEY.region),
    reason=maybe(texts),
    source_version=maybe(texts),
    event_id=maybe(texts),
    environment=variables.map(lambda found: tuple(sorted(found.items()))),
    parameters=st.just("") | texts,
)
pendings = st.builds(
    Pending,
    request=requests,
    count=counts_of,
    first_ms=instants,
    last_ms=instants,
    due_ms=instants,
    failures=st.integers(0, 9),
    reasons=st.lists(texts, max_size=3).map(tuple),
    versions=st.lists(texts, max_size=3).map(tuple),
    events=st.lists(digests, max_size=3).map(tuple),
    revocable=st.integers(0, 9),
)
claims = st.builds(
    Claim,
    token=texts,
    attempt=st.integers(1, 9),
    claimed_ms=instants,
    held_ms=instants,
    lease_until_ms=instants,
    covers=pendings,
    before=maybe(seconds()),
    sent_until_ms=instants,
    refused=st.booleans(),
    counted=st.booleans(),
)
runnings = st.builds(
    Running,
    build_id=texts,
    token=texts,
    started_ms=instants,
    lease_until_ms=instants,
    covers=pendings,
    claimed_ms=instants,
    before=maybe(seconds()),
    polled_ms=maybe(instants),
    cancel_failed=st.booleans(),
)
finisheds = st.builds(
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
    covers=maybe(pendings),
)
holds = st.builds(Hold, since_ms=instants, why=texts, by=maybe(texts), until_ms=maybe(instants))
records = st.builds(
    Record,
    lastbuild=maybe(seconds()),
    writes=st.lists(write_ids, max_size=KEPT_WRITES, unique=True).map(tuple),
    claim=maybe(claims),
    pending=maybe(pendings),
    running=maybe(runnings),
    finished=maybe(finisheds),
    hold=maybe(holds),
    starts=st.lists(instants, max_size=3).map(tuple),
    built=maybe(texts),
    events=st.lists(digests, max_size=KEPT_EVENTS, unique=True).map(tuple),
    counts=st.builds(
        Counts, started=counts_of, deferred=counts_of, skipped=counts_of, failed=counts_of
    ),
    due_ms=maybe(instants),
)


@st.composite
def gates_and_openings(draw: st.DrawFn) -> tuple[Record, Opening]:
    """A gate, and a claim to try on it: often one that is just ready, or just not."""
    often = {"claim": None, "pending": None, "hold": None} if draw(st.booleans()) else {}
    # Up to 17 digits of fraction: core.units loses the 29th digit when it rounds to milliseconds.
    lastbuild = draw(maybe(seconds(digits=17)))
    fixed = {name: st.just(value) for name, value in often.items()}
    record = draw(records.flatmap(lambda r: _changed(r, lastbuild, fixed)))
    near_ms = int((record.lastbuild or 0) * 1000) + draw(st.integers(-2, 2))
    opening = Opening(
        write_id=draw(write_ids),
        claim=draw(claims.map(_without_before)),
        ready_if_ms=draw(st.sampled_from([near_ms, near_ms, 2 * NOW_MS, -1, None])),
        event=draw(maybe(digests)),
    )
    return record, opening


def _changed(
    record: Record, lastbuild: Decimal | None, fixed: dict[str, st.SearchStrategy[None]]
) -> st.SearchStrategy[Record]:
    kept = {name: st.just(getattr(record, name)) for name in Record.__dataclass_fields__}
    return st.builds(Record, **{**kept, "lastbuild": st.just(lastbuild), **fixed})


def _without_before(claim: Claim) -> Claim:
    fields = {name: getattr(claim, name) for name in Claim.__dataclass_fields__}
    return Claim(**{**fields, "before": None})


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
