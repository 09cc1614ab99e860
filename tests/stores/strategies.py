"""Any record of one gate, any fold that may be tried on it, and one realistic record."""

from decimal import Decimal

from hypothesis import strategies as st

from holdoff.core.pending import Fold, note_of, single
from holdoff.core.record import KEPT_EVENTS, KEPT_WRITES, Claim, Finished, Pending, Record, Running, digest
from holdoff.core.request import GateKey, Request
from holdoff.stores.dynamodb import item as items
from holdoff.testing import strategies
from holdoff.testing.strategies import NOW_MS

__all__ = ["KEY", "NOW_MS", "finisheds", "gates_and_folds", "item_of", "numbers", "records", "typical"]

KEY = GateKey("site-build", "eu-west-1")

#: Every number DynamoDB can keep: 38 digits, and magnitudes from 1E-130 to 9.99...E+125, or zero.
numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.builds(
    lambda sign, digits, magnitude: Decimal(f"{sign}{digits[0]}.{digits[1:]}E{magnitude}"),
    st.sampled_from(["", "-"]),
    st.from_regex("[1-9][0-9]{0,37}", fullmatch=True),
    st.integers(-130, 125) | st.sampled_from([-130, 0, 9, 125]),
)
finisheds = strategies.made(Finished, KEY)
records = strategies.made(Record, KEY)


def item_of(record: Record) -> items.Item:
    """The attributes of a record as they stand in DynamoDB, without the keys."""
    values = items.swap_update(Record(), record)["ExpressionAttributeValues"]
    return {name: values[f":{name}"] for name in items.TOUCHED if f":{name}" in values}


@st.composite
def gates_and_folds(draw: st.DrawFn) -> tuple[Record, Fold]:
    """A gate with something pending after a swap, and a trigger to fold into it."""
    record = draw(records).swapped(draw(strategies.write_ids))
    record = record.but(pending=draw(strategies.made(Pending, KEY)))
    return record, draw(strategies.folds(KEY, record))


# --- one realistic gate ----------------------------------------------------------------------------------------------


def typical(*, environment: tuple[tuple[str, str], ...] = (), event: str | None = None) -> Record:
    """A gate in full use: a claim out, triggers pending, a build running, one finished, 16 events."""
    token = "01KAZ3TBSRY8V6Q9W4N2M5X7PD"

    def fold(version: str) -> Pending:
        request = Request(
            project=KEY.project,
            region=KEY.region,
            reason="push to main",
            source_version=version * 5,
            event_id=event,
            environment=environment,
        )
        return single(request, NOW_MS).but(count=3, notes=(note_of(request),) * 3)

    build = "site-build:6f0d5d4e-4b0a-4ad0-8a0e-8a62b3f4c1d2"
    return Record(
        lastbuild=Decimal("1795395667.123"),
        writes=tuple(f"W{n:02}ABCDE" for n in range(KEPT_WRITES)),
        moved="W03ABCDE",
        claim=Claim(
            token=token,
            claimed_ms=NOW_MS,
            held_ms=NOW_MS,
            lease_until_ms=NOW_MS + 60_000,
            covers=fold("4f2a91c0"),
            before=Decimal("1795395067.456"),
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
            ended_ms=NOW_MS + 240_000,
            succeeded=True,
            source_version="d4e5f6a7" * 5,
        ),
        built="d4e5f6a7" * 5,
        events=tuple(digest(str(n)) or "" for n in range(KEPT_EVENTS)),
        due_ms=NOW_MS + 60_000,
    )
