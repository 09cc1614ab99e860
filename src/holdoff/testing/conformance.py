"""The suite that every store must pass. Pytest collects it from a subclass that makes the store:

    from holdoff.testing import StoreConformance

    class TestMyStore(StoreConformance):
        def make_store(self, tmp_path):
            return MyStore(...)

``make_store`` gives a fresh, empty store; ``another`` a second one on the same gates, as another process would open it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import (
    Act,
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
from holdoff.core.units import seconds_from_ms

if TYPE_CHECKING:
    from pathlib import Path

    from holdoff.stores.base import Store

KEY = GateKey("site-build", "eu-west-1")
NOW_MS = 1_795_395_667_000


def pending(key: GateKey = KEY, *, due_ms: int = NOW_MS + 600_000, **request: Any) -> Pending:
    """A pending of one trigger."""
    asked = Request(project=key.project, region=key.region, **request)
    return Pending(request=asked, count=1, first_ms=NOW_MS, last_ms=NOW_MS, due_ms=due_ms)


def claim(key: GateKey = KEY, **changes: Any) -> Claim:
    """A claim made at ``NOW_MS``, with a lease of a minute."""
    made = Claim(
        token="01M82X0000000000000000TEST",
        claimed_ms=NOW_MS,
        held_ms=NOW_MS,
        lease_until_ms=NOW_MS + 60_000,
        covers=pending(key),
        counted=True,
    )
    return replace(made, **changes)


def opening(key: GateKey = KEY, **changes: Any) -> Opening:
    """A claim at ``NOW_MS`` that wants ten minutes since the last start."""
    wanted = Opening(write_id="OPENING1", claim=claim(key), ready_if_ms=NOW_MS - 600_000)
    return replace(wanted, **changes)


def full_record(key: GateKey = KEY) -> Record:
    """A record with something in every field."""
    rich = pending(
        key,
        reason="Käse & <ünïcode> 🚀",
        source_version="4f2a91c",
        event_id="delivery-7",
        by="ada",
        forced=True,
        environment=(("STAGE", "prod"), ("EMPTY", "")),
        parameters='{"projectName": "site-build"}',
    )
    notes = {"reasons": ("push", "cron"), "versions": ("abc",), "events": ("0123456789abcde",)}
    rich = replace(rich, **notes)  # type: ignore[arg-type]
    return Record(
        lastbuild=Decimal("1795395667.1234567"),
        writes=("WRITE002", "WRITE001"),
        claim=claim(key, attempt=3, covers=rich, before=Decimal("1795395000.5")),
        pending=replace(rich, count=7, failures=2),
        running=Running(
            build_id="site-build:1",
            token="01M82X00000000000000RUNNIN",
            started_ms=NOW_MS,
            lease_until_ms=NOW_MS + 1,
            covers=rich,
            claimed_ms=NOW_MS - 1,
            polled_ms=NOW_MS,
            cancel_failed=True,
            before=Decimal(0),
        ),
        finished=Finished(
            build_id="site-build:0",
            token="01M82X00000000000000FINISH",
            started_ms=NOW_MS - 9,
            claimed_ms=NOW_MS - 10,
            covered_ms=NOW_MS - 11,
            ended_ms=NOW_MS - 1,
            succeeded=False,
            source_version="abc",
            detail="exit status 2",
        ),
        hold=Hold(since_ms=NOW_MS, why="incident 42", by="ada", until_ms=NOW_MS + 7_200_000),
        starts=(NOW_MS, NOW_MS - 5),
        built="abc",
        events=("0123456789abcde", "fedcba987654321"),
        counts=Counts(started=1, deferred=2, skipped=3, failed=4),
        acts=(Act(what="reset", at_ms=NOW_MS, by="ada", why="stuck"), Act(what="hold", at_ms=5)),
        due_ms=NOW_MS + 60_000,
    )


class StoreConformance:
    """What ``holdoff.stores.base.Store`` promises, as tests."""

    #: Rounds of each race. A store with slow round trips may lower it.
    race_rounds = 25
    race_threads = 8

    def make_store(self, tmp_path: Path) -> Store:
        """A fresh, empty store."""
        raise NotImplementedError

    def another(self, store: Store) -> Store:
        """A second store on the same gates, as another process has it."""
        return store

    # --- reading and writing -------------------------------------------------------------------

    def test_a_gate_nobody_wrote_never_built(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.get(KEY) == Record()
        assert store.item(KEY) is None
        assert list(store.gates()) == []

    def test_every_field_survives(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = full_record()
        assert store.swap(KEY, expected=Record(), new=record) == Swapped(record)
        assert store.get(KEY) == record
        assert self.another(store).get(KEY) == record

    def test_what_is_taken_away_is_gone(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        full = full_record()
        store.swap(KEY, expected=Record(), new=full)
        bare = Record(lastbuild=full.lastbuild, writes=("WRITE003",))
        assert store.swap(KEY, expected=full, new=bare) == Swapped(bare)
        assert store.get(KEY) == bare

    def test_lastbuild_is_exact(self, tmp_path: Path) -> None:
        for digits in (
            "0",
            "1795395667",
            "1795395667.1234567",
            "1.2345678901234567890123456789012345678",
        ):
            store = self.make_store(tmp_path)
            record = Record(lastbuild=Decimal(digits), writes=("W",))
            store.swap(KEY, expected=Record(), new=record)
            assert store.get(KEY).lastbuild == Decimal(digits)
            item = store.item(KEY)
            assert item is not None
            assert Decimal(str(item["lastbuild"])) == Decimal(digits)

    def test_gates_keep_apart(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        keys = [GateKey("a", "x"), GateKey("a", "y"), GateKey("b", "x")]
        for number, key in enumerate(keys):
            store.swap(key, expected=Record(), new=Record(lastbuild=Decimal(number), writes=("W",)))
        assert [store.get(key).lastbuild for key in keys] == [0, 1, 2]
        assert [key for key, _ in store.gates()] == keys
        assert [key for key, _ in store.gates("a")] == keys[:2]

    # --- swap ----------------------------------------------------------------------------------

    def test_swap_refuses_another_write(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = Record(lastbuild=Decimal(5), writes=("W1",))
        store.swap(KEY, expected=Record(), new=first)
        second = Record(lastbuild=Decimal(5), writes=("W2", "W1"))
        self.another(store).swap(KEY, expected=first, new=second)
        late = Record(lastbuild=Decimal(6), writes=("W3", "W1"))
        assert store.swap(KEY, expected=first, new=late) == Lost(second)
        assert store.get(KEY) == second

    def test_swap_refuses_another_lastbuild_under_the_same_write(self, tmp_path: Path) -> None:
        """The old snippet moves ``lastbuild`` and leaves our write id as it is."""
        store = self.make_store(tmp_path)
        record = Record(lastbuild=Decimal(5), writes=("W1",))
        store.swap(KEY, expected=Record(), new=record)
        for wrong in (
            replace(record, lastbuild=Decimal("5.0000001")),
            replace(record, lastbuild=None),
        ):
            assert store.swap(KEY, expected=wrong, new=full_record()) == Lost(record)

    def test_swap_refuses_to_create_what_is_there(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = Record(writes=("W1",))
        store.swap(KEY, expected=Record(), new=record)
        assert store.swap(KEY, expected=Record(), new=full_record()) == Lost(record)

    def test_swap_refuses_to_change_what_is_gone(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.swap(KEY, expected=full_record(), new=Record(writes=("W",))) == Lost(Record())
        assert store.get(KEY) == Record()

    # --- open ----------------------------------------------------------------------------------

    def test_open_claims_a_gate_that_never_built(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        wanted = opening()
        opened = store.open(KEY, wanted)
        assert opened == Swapped(wanted.apply(Record()) or Record())
        assert store.get(KEY) == opened.record
        assert opened.record.claim is not None
        assert opened.record.claim.before is None

    def test_open_keeps_what_stood_before(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        bare = replace(full_record(), claim=None, pending=None, hold=None)
        before = Decimal("1795000000.1234567")
        bare = replace(bare, lastbuild=before, due_ms=None)
        store.swap(KEY, expected=Record(), new=bare)
        opened = store.open(KEY, opening())
        assert isinstance(opened, Swapped)
        assert opened == Swapped(opening().apply(bare) or Record())
        assert store.get(KEY) == opened.record
        assert opened.record.claim is not None
        assert opened.record.claim.before == before
        assert opened.record.lastbuild == seconds_from_ms(NOW_MS)

    def test_open_wants_the_whole_cooldown_and_no_more(self, tmp_path: Path) -> None:
        edge = seconds_from_ms(NOW_MS - 600_000)
        for lastbuild, ready in (
            (edge, True),
            (edge + Decimal("0.0000001"), False),
            (edge - Decimal("0.0000001"), True),
            (edge + 1_000_000, False),
        ):
            store = self.make_store(tmp_path)
            record = replace(Record(), lastbuild=lastbuild, claim=None, writes=("W",), due_ms=None)
            store.swap(KEY, expected=Record(), new=record)
            opened = store.open(KEY, opening())
            assert isinstance(opened, Swapped) is ready, lastbuild
            if not ready:
                assert opened == Lost(record)

    def test_open_refuses_whatever_needs_thought(self, tmp_path: Path) -> None:
        old = Record(lastbuild=Decimal(5), writes=("W",))
        full = full_record()
        for record in (
            replace(old, claim=claim()),
            replace(old, pending=pending()),
            replace(old, hold=full.hold),
            replace(old, events=("0123456789abcde",)),
        ):
            store = self.make_store(tmp_path)
            store.swap(KEY, expected=Record(), new=record)
            assert store.open(KEY, opening(event="0123456789abcde")) == Lost(record)
            assert store.get(KEY) == record

    def test_open_by_force_minds_no_cooldown(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.swap(
            KEY, expected=Record(), new=Record(lastbuild=seconds_from_ms(NOW_MS), writes=("W",))
        )
        assert isinstance(store.open(KEY, opening(ready_if_ms=None)), Swapped)

    def test_an_open_sent_again_is_not_done_again(self, tmp_path: Path) -> None:
        """Its answer was lost, and somebody else has finished that claim before the client tries again."""
        store = self.make_store(tmp_path)
        wanted = opening(ready_if_ms=None)
        opened = store.open(KEY, wanted)
        assert isinstance(opened, Swapped)
        ended = replace(opened.record, claim=None, due_ms=None).written("FINISHED")
        assert self.another(store).swap(KEY, expected=opened.record, new=ended) == Swapped(ended)
        assert store.open(KEY, wanted) == Lost(ended)
        assert store.get(KEY) == ended

    # --- history -------------------------------------------------------------------------------

    def test_history_is_kept_by_the_same_step(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        builds = [self._build(number) for number in range(3)]
        record = Record()
        for build in builds:
            new = Record(lastbuild=Decimal(5), writes=(build.token[:8],))
            store.swap(KEY, expected=record, new=new, history=(build,))
            record = new
        assert list(store.history(KEY)) == builds[::-1]
        assert list(self.another(store).history(KEY)) == builds[::-1]
        assert list(store.history(GateKey("site-build", "elsewhere"))) == []

    def test_a_lost_swap_keeps_no_history(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = Record(lastbuild=Decimal(5), writes=("W",))
        store.swap(KEY, expected=Record(), new=record)
        late = Record(writes=("LATE",))
        lost = store.swap(KEY, expected=Record(), new=late, history=(self._build(1),))
        assert lost == Lost(record)
        assert list(store.history(KEY)) == []
        assert [key for key, _ in store.gates()] == [KEY]

    def test_history_is_no_gate(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = Record(lastbuild=Decimal(5), writes=("W",), due_ms=5)
        store.swap(KEY, expected=Record(), new=record, history=(self._build(1),))
        assert list(store.gates()) == [(KEY, record)]
        assert list(store.gates("site-build")) == [(KEY, record)]
        assert list(store.due(NOW_MS)) == [KEY]

    def _build(self, number: int) -> Finished:
        full = full_record()
        assert full.finished is not None
        return replace(
            full.finished,
            token=f"01M82X000000000000000BLD{number:02}",
            claimed_ms=NOW_MS + number,
            ended_ms=None if number == 1 else NOW_MS + number + 5,
            covers=full.pending,
        )

    # --- due -----------------------------------------------------------------------------------

    def test_due_lists_what_is_due_and_nothing_else(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        for name, due_ms in (("late", 100), ("just", 200), ("later", 201), ("never", None)):
            record = Record(writes=("W",), due_ms=due_ms)
            store.swap(GateKey(name, "r"), expected=Record(), new=record)
        assert [key.project for key in store.due(200)] == ["late", "just"]
        assert [key.project for key in store.due(99)] == []

    def test_due_follows_every_write(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = Record(writes=("W1",), due_ms=100)
        store.swap(KEY, expected=Record(), new=record)
        store.swap(KEY, expected=record, new=Record(writes=("W2",)))
        assert list(store.due(1000)) == []
        store.open(KEY, opening())
        assert list(store.due(NOW_MS + 60_000)) == [KEY]
        assert list(store.due(NOW_MS + 59_999)) == []

    # --- races ---------------------------------------------------------------------------------

    def test_of_many_opens_one_wins(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        racers = self._racers(store)
        for number in range(self.race_rounds):
            key = GateKey(f"race-{number}", "r")
            answers = self._race(
                racers,
                lambda s, n, key=key: s.open(key, opening(key, write_id=f"OPEN{n:04}")),
            )
            won = [answer for answer in answers if isinstance(answer, Swapped)]
            assert len(won) == 1
            assert store.get(key) == won[0].record
            assert all(
                answer.current == won[0].record for answer in answers if isinstance(answer, Lost)
            )

    def test_of_many_swaps_one_wins(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        racers = self._racers(store)
        current = Record()
        for number in range(self.race_rounds):
            seen = current

            def swap(s: Store, n: int, seen: Record = seen, number: int = number) -> Swapped | Lost:
                new = replace(seen, writes=(f"{number:03}-{n:03}",), lastbuild=Decimal(n))
                return s.swap(KEY, expected=seen, new=new)

            won = [answer for answer in self._race(racers, swap) if isinstance(answer, Swapped)]
            assert len(won) == 1
            current = store.get(KEY)
            assert current == won[0].record

    def _racers(self, store: Store) -> list[Store]:
        return [self.another(store) for _ in range(self.race_threads)]

    def _race(self, racers: list[Store], act: Any) -> list[Swapped | Lost]:
        """Every thread acts at once, each on a store of its own; what each was answered."""
        barrier = threading.Barrier(len(racers))
        answers: list[Swapped | Lost] = []
        errors: list[BaseException] = []

        def one(number: int, mine: Store) -> None:
            try:
                barrier.wait()
                answers.append(act(mine, number))
            except BaseException as error:  # noqa: BLE001  (told below, in the main thread)
                errors.append(error)

        threads = [threading.Thread(target=one, args=each) for each in enumerate(racers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors
        assert len(answers) == len(racers)
        return answers
