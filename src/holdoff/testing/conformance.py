"""The suite that every store must pass. Pytest collects its tests from a subclass that makes the store:

    from holdoff.testing import StoreConformance

    class TestMyStore(StoreConformance):
        def make_store(self, tmp_path):
            return MyStore(...)

``make_store`` returns a new, empty store; ``another`` a second one on the same gates, as another process would open it.
With ``write_behind`` the suite changes an item without the store. If no other program can change the items of your
store, leave that method as it is.
"""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from holdoff.core import record as values
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import RecordInvalid
from holdoff.core.pending import Fold, single
from holdoff.core.record import FORMAT, Finished, Note, Pending, Record, digest
from holdoff.core.request import GateKey, Request
from holdoff.stores.base import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = GateKey("site-build", "eu-west-1")
NOW_MS = 1_795_395_667_000


def request(key: GateKey = KEY, **fields: Any) -> Request:
    """A request for this gate."""
    return Request(project=key.name, region=key.region, key=key.key, **fields)


def pending(key: GateKey = KEY, **fields: Any) -> Pending:
    """What is pending after one trigger, at ``NOW_MS``."""
    return single(request(key, **fields), NOW_MS)


def deferred(key: GateKey = KEY, **fields: Any) -> Record:
    """A gate that cools down, with one trigger that was deferred by the swap ``SWAP0001``, and a value in every other
    field, which no fold may change."""
    refused = pending(key, **fields).but(failures=1, retry_ms=NOW_MS, refusal="not now")
    cooling = full_record(key).but(lastbuild=Decimal("1795395600.5"), due_ms=NOW_MS + 1, expires_ms=None)
    return cooling.but(claim=None, pending=refused, writes=(), events=()).swapped("SWAP0001")


def fold(write_id: str = "FOLD0001", *, key: GateKey = KEY, last_ms: int | None = NOW_MS + 5, **changes: Any) -> Fold:
    """A fold of one more trigger into what is pending."""
    return Fold(write_id=write_id, request=request(key, reason=write_id), last_ms=last_ms).but(**changes)


def build(number: int, **changes: Any) -> Finished:
    """A build that has left its record. A greater number: a later claim, an earlier start and a smaller token."""
    at_ms, token = NOW_MS + number, f"01M82X{9_999 - number:04}00000000000B{number:04}"
    made = Finished(build_id=f"site-build:{number}", token=token, started_ms=2 * NOW_MS - number, claimed_ms=at_ms)
    return made.but(**{"covers": pending(), **changes})


def full_record(key: GateKey = KEY) -> Record:
    """A record with a different value in every field, which does not expire."""
    record: Record = _full("Record", key, "")
    assert record.claim is not None
    assert record.pending is not None
    claim = record.claim.but(covers=pending(key, reason="push"))
    many = record.pending.but(notes=(*record.pending.notes, Note()))
    return record.but(claim=claim, pending=many, expires_ms=2 * NOW_MS)


def _records() -> Iterator[Record]:
    """A record with a value in every field; one with values that are false in Python; one with the longest texts."""
    yield (full := full_record())
    ended = _full("Finished", KEY, "").but(succeeded=False, exit_status=0, ended_ms=0)
    running = _full("Running", KEY, "").but(before=Decimal(0), polled_ms=0, cancel_failed=False)
    yield full.but(lastbuild=Decimal(0), running=running, finished=ended, due_ms=0)
    texts = {"reason": 200, "source_version": 200, "event_id": 1024, "line": 300, "parameters": 4096}
    longest: dict[str, Any] = {name: "🚀" * most for name, most in texts.items()}
    yield full.but(pending=pending(environment=(("A", "\r\n\t\f" + "a" * 16_379),), **longest))


def _full(of: str, key: GateKey, where: str) -> Any:
    """A value of this type, different for each ``where``."""
    of = of.removesuffix(" | None")
    by_type = {
        "str": f"Käse & <ünïcode> 🚀 {where} e\u0301 ",
        "int": NOW_MS + sum(where.encode()),
        "bool": True,
        "Decimal": Decimal(f"1795395667.1234{sum(where.encode())}"),
        "tuple[tuple[str, str], ...]": (("EMPTY", ""), ("STAGE", where)),
        "tuple[tuple[str, Any], ...]": (),  # of others
    }
    if of in by_type:
        return by_type[of]
    if of.startswith("tuple["):
        of = of.removeprefix("tuple[").removesuffix(", ...]")
        return tuple([_full(of, key, f"{where}{number}") for number in "21"])
    kind = Request if of == "Request" else getattr(values, of)
    given: dict[str, Any] = {}
    if kind is Request:
        given = {
            "project": key.name,
            "region": key.region,
            "key": key.key,
            "secondary_versions": (("lib", f"v{where}"),),
        }
    fields = {n: _full(kind.__annotations__[n], key, f"{where}.{n}") for n in kind._fields if n not in given}
    return kind(**fields, **given)


class StoreConformance:
    """What ``holdoff.stores.base.Store`` promises, as tests."""

    #: Rounds of each race. A store with slow round trips may lower it.
    race_rounds = 25
    race_threads = 8
    #: How many gates and builds are listed: more than one page of a service.
    many = 120
    #: Whether a child of a fork finds the same gates.
    shares_between_processes = True
    #: Whether the first write of a gate deletes what has expired. False: a service deletes it in its own time.
    deletes_expired = True

    def make_store(self, tmp_path: Path) -> Store:
        """A new, empty store."""
        raise NotImplementedError

    def another(self, store: Store) -> Store:
        """A second store on the same gates, as another process would have it."""
        return store

    def write_behind(self, store: Store, key: GateKey, attributes: dict[str, object]) -> bool:
        """Set these attributes of a gate's item as another program would, without the store; False: none can."""
        return False

    def _racers(self, store: Store, number: int) -> list[Store]:
        """A store for each of ``number`` threads. Half of the threads share one."""
        return [self.another(store) if n % 2 else store for n in range(number)]

    def _filled(self, tmp_path: Path, record: Record) -> Store:
        store = self.make_store(tmp_path)
        assert store.swap(KEY, expected=Record(), new=record) == Swapped(record)
        return store

    def test_a_gate_that_was_never_written_never_built(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.get(KEY) == Record()
        assert store.item(KEY) is None
        assert list(store.gates()) == []
        assert list(store.history(KEY)) == []

    def test_it_has_what_a_store_has(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert isinstance(store, Store)
        assert [type(one) for one in (store.url, store.region, store.clock_margin_ms)] == [str, str, int]

    def test_to_initialise_check_or_close_it_changes_nothing(self, tmp_path: Path) -> None:
        store = self._filled(tmp_path, full_record())
        store.keep(KEY, build(1))
        for act in (store.initialise, store.check, store.close):
            act()
            assert (store.get(KEY), list(store.history(KEY))) == (full_record(), [build(1)])

    def test_every_field_survives(self, tmp_path: Path) -> None:
        for number, record in enumerate(_records()):
            store = self._filled(tmp_path / str(number), record)
            assert store.get(KEY) == record
            assert self.another(store).get(KEY) == record

    def test_what_is_taken_away_is_gone(self, tmp_path: Path) -> None:
        store = self._filled(tmp_path, full_record())
        bare, other = Record(lastbuild=full_record().lastbuild, writes=("WRITE003",)), self.another(store)
        assert other.get(KEY) == full_record()
        assert store.swap(KEY, expected=full_record(), new=bare) == Swapped(bare)
        assert store.get(KEY) == other.get(KEY) == bare

    def test_lastbuild_is_exact(self, tmp_path: Path) -> None:
        for digits in ("0", "1795395667", "1795395667.1234567", "1.2345678901234567890123456789012345678"):
            store = self._filled(tmp_path, Record(lastbuild=Decimal(digits), writes=("W",)))
            assert store.get(KEY).lastbuild == Decimal(digits)
            assert Decimal(str(_item(store)["lastbuild"])) == Decimal(digits)

    def test_gates_keep_apart(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        long, far = "l" * 1_499, "r" * 999
        names = "A/x,a/X,a/x,a/x:y,a/y,a /x,a%b/x,a:x/y,a@k/x,a_b/x,axb/x,e\u0301/x,"
        names += f"{long}1/x,{long}2/{far}1,{long}2/{far}2,\u00e9/x,\uff5e/x,🚀/x"
        keys = [GateKey(*name.split("/")) for name in names.split(",")]
        for number, key in enumerate(keys):
            store.swap(key, expected=Record(), new=Record(lastbuild=Decimal(number), writes=("W",)))
            store.keep(key, build(number, covers=None))
        assert [store.get(key).lastbuild for key in keys] == [*range(len(keys))]
        built = [one.build_id for key in keys for one in store.history(key)]
        assert built == [build(number).build_id for number in range(len(keys))]
        assert [key for key, _ in store.gates()] == keys
        for project in {key.project for key in keys}:
            assert [key for key, _ in store.gates(project)] == [key for key in keys if key.project == project]

    def test_all_of_many_are_listed(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        keys = [GateKey(f"site@{number:04}", "r") for number in range(self.many)]
        for number, key in enumerate(keys):
            store.swap(key, expected=Record(), new=Record(due_ms=number).swapped("W"))
            store.keep(KEY, build(number))
        assert [key for key, _ in store.gates()] == keys
        assert list(store.due(NOW_MS)) == keys
        assert list(store.history(KEY)) == [build(number) for number in reversed(range(self.many))]

    def test_a_list_may_be_used_while_it_is_read(self, tmp_path: Path) -> None:
        """As a sweep does, which wakes each gate that it finds."""
        store, keys = self.make_store(tmp_path), [GateKey(name, "r") for name in "bdf"]
        for number, key in enumerate(keys):
            store.swap(key, expected=Record(), new=Record(due_ms=number).swapped("W"))
            store.keep(KEY, build(number))
        found: list[GateKey] = []
        for listed in (store.due(5), (key for key, _ in store.gates()), (KEY for _ in store.history(KEY))):
            for number, key in enumerate(listed):
                found.append(key)
                store.swap(key, expected=store.get(key), new=store.get(key).but(due_ms=None).swapped(f"W{number}"))
                store.swap(GateKey(f"{key.project}0", "r"), expected=Record(), new=Record().swapped("W"))
                store.keep(KEY, build(100 + number))
        assert found[:3] == keys
        assert {*keys, KEY} <= {*found[3:]}

    def test_every_item_of_ours_says_its_format(self, tmp_path: Path) -> None:
        assert _item(self._filled(tmp_path, full_record()))["format"] == FORMAT

    def test_attributes_of_others_survive_every_write(self, tmp_path: Path) -> None:
        store = self._filled(tmp_path, deferred())
        theirs: dict[str, object] = {"owner": "ada", "deployed": True}
        if not self.write_behind(store, KEY, theirs):
            return
        seen = store.get(KEY)
        assert isinstance(store.fold(KEY, expected=deferred(), fold=fold()), Swapped)
        assert isinstance(store.swap(KEY, expected=store.get(KEY), new=deferred().swapped("SWAP0002")), Swapped)
        assert [repr(_item(store).get(name)) for name in theirs] == ["'ada'", "True"]
        assert seen.but(others=()) == deferred()

    def test_an_item_of_the_old_snippet_is_a_gate(self, tmp_path: Path) -> None:
        store, other = self.make_store(tmp_path), GateKey("site-build", "of another program")
        if self.write_behind(store, KEY, {"lastbuild": 1_795_395_667}) and self.write_behind(store, other, {"by": "x"}):
            assert store.get(KEY) == Record(lastbuild=Decimal(1_795_395_667))
            for key in (KEY, other):
                assert isinstance(store.swap(key, expected=store.get(key), new=full_record(key)), Swapped), key

    def test_a_newer_format_is_refused_before_anything_is_written(self, tmp_path: Path) -> None:
        store = self._filled(tmp_path, deferred())
        if not self.write_behind(store, KEY, {"format": FORMAT + 1}):
            return
        before = store.item(KEY)
        assert "newer Holdoff" in _refusal(lambda: store.get(KEY))
        assert "newer Holdoff" in _refusal(lambda: store.fold(KEY, expected=deferred(), fold=fold()))
        assert "newer Holdoff" in _refusal(lambda: store.swap(KEY, expected=Record(), new=full_record()))
        assert store.item(KEY) == before

    def test_a_gate_that_cannot_be_read_is_the_only_one(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        keys = [GateKey("a", "r"), GateKey("b", "r"), GateKey("c", "r")]
        record = Record(due_ms=5).swapped("W")
        for key in keys:
            store.swap(key, expected=Record(), new=record)
        if not self.write_behind(store, keys[1], {"claim": "what is this?"}):
            return
        found = list(store.gates())
        assert [key for key, _ in found] == keys
        assert [found[0][1], found[2][1]] == [record, record]
        assert isinstance(found[1][1], RecordInvalid)
        assert {keys[0], keys[2]} <= set(store.due(5))
        assert str(keys[1]) in _refusal(lambda: store.get(keys[1]))

    def test_a_swap_yields(self, tmp_path: Path) -> None:
        """A swap is lost after another write; after a change of ``lastbuild`` alone, as the old snippet makes it; if it
        would create a gate that exists; if it would change a gate that does not exist."""
        first = Record(lastbuild=Decimal(5), writes=("W1",))
        for number, (there, expected) in enumerate(
            [
                (first.but(writes=("W2", "W1")), first),
                (first, first.but(lastbuild=Decimal("5.0000000000000001"))),  # which no float tells apart
                (first, first.but(lastbuild=None)),
                (Record(writes=("W1",)), Record()),
            ]
        ):
            store = self._filled(tmp_path / str(number), there)
            assert self.another(store).swap(KEY, expected=expected, new=full_record()) == Lost(there), number
            assert store.get(KEY) == there
        store = self.make_store(tmp_path / "none")
        assert store.swap(KEY, expected=full_record(), new=Record(writes=("W",))) == Lost(Record())
        assert store.get(KEY) == Record()

    def test_a_fold_joins_what_is_pending(self, tmp_path: Path) -> None:
        record = deferred(reason="the first").but(events=("E1",))
        for number, joins in enumerate(
            [
                fold(event="e1", waiter="TOKEN1"),
                fold(last_ms=None),
                fold(in_order=True, last_ms=NOW_MS),
                fold(last_ms=NOW_MS - 1),
                fold(request=request(reason=None, source_version="abc", environment=(("A", "b"),))),
            ]
        ):
            store = self._filled(tmp_path / str(number), record)
            new = joins.joined_to(record)
            assert store.fold(KEY, expected=record, fold=joins) == Swapped(new), joins
            assert self.another(store).get(KEY) == new

    def test_the_older_of_a_line_is_counted_and_not_built(self, tmp_path: Path) -> None:
        record = deferred(line="main", at_ms=NOW_MS, source_version="new")
        store = self._filled(tmp_path, record)
        old = fold(request=request(line="main", at_ms=NOW_MS - 1, source_version="old"))
        assert store.fold(KEY, expected=record, fold=old) == Lost(record), "it may not become the newest"
        joined = store.fold(KEY, expected=record, fold=old.but(older=True))
        assert joined == Swapped(old.but(older=True).joined_to(record))
        now = store.get(KEY)
        assert (now.pending and now.pending.request.source_version, _count(now)) == ("new", 2)

    def test_a_fold_yields(self, tmp_path: Path) -> None:
        """A fold is lost after a swap, a change of ``lastbuild``, itself, its event, or a trigger that came later."""
        record = deferred().but(events=("E1",))
        swapped = record.swapped("SWAP0002")
        idle = record.but(pending=None)
        for number, (there, expected, late) in enumerate(
            [
                (swapped, record, fold()),
                (record, record.but(lastbuild=Decimal("1795395600.5000000000000001")), fold()),
                (record, record.but(lastbuild=None), fold()),
                (record, record, fold("SWAP0001")),
                (record, record, fold(event="E1")),
                (record, record, fold(in_order=True, last_ms=NOW_MS - 1)),
                (record, record, fold(older=True)),
                (idle, idle, fold()),
                (idle, record, fold()),
            ]
        ):
            store = self._filled(tmp_path / str(number), there)
            assert store.fold(KEY, expected=expected, fold=late) == Lost(there), (number, late)
            assert store.get(KEY) == there
        assert self.make_store(tmp_path / "none").fold(KEY, expected=record, fold=fold()) == Lost(Record())

    def test_folds_do_not_conflict(self, tmp_path: Path) -> None:
        """Two folds on one read, through two stores: both are in, in the store's order, and a swap sees both."""
        record = deferred()
        store = self._filled(tmp_path, record)
        first, second = fold("FOLD0001", event="E1"), fold("FOLD0002", event="E2")
        assert isinstance(store.fold(KEY, expected=record, fold=first), Swapped)
        both = second.joined_to(first.joined_to(record))
        assert self.another(store).fold(KEY, expected=record, fold=second) == Swapped(both)
        assert store.swap(KEY, expected=record, new=record.swapped("SWAP0002")) == Lost(both)

    def test_a_fold_sent_again_is_recognised(self, tmp_path: Path) -> None:
        """The answer to a fold was lost, and other triggers have come before the client tries again."""
        record = deferred()
        store = self._filled(tmp_path, record)
        for write_id in ("FOLD0001", "FOLD0002"):
            assert isinstance(store.fold(KEY, expected=record, fold=fold(write_id)), Swapped)
        again = store.fold(KEY, expected=record, fold=fold("FOLD0001"))
        assert isinstance(again, Lost)
        assert again.current == store.get(KEY)
        assert again.current.writes == ("FOLD0002", "FOLD0001", "SWAP0001")

    def test_registers_keep_the_newest(self, tmp_path: Path) -> None:
        record = deferred()
        store = self._filled(tmp_path, record)
        for number in range(20):
            joins = fold(f"FOLD{number:04}", event=f"E{number}", waiter=f"T{number}")
            record = joins.joined_to(record)
            assert store.fold(KEY, expected=record, fold=joins) == Swapped(record)
        assert store.get(KEY) == record
        assert record.pending is not None
        assert record.pending.count == 21
        assert (len(record.writes), len(record.events)) == (values.KEPT_WRITES, values.KEPT_EVENTS)
        assert (len(record.pending.notes), len(record.pending.waiters)) == (values.KEPT_NOTES, values.KEPT_WAITERS)

    def test_history_is_kept_by_the_same_step(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        builds = [build(number) for number in range(3)]
        record = Record()
        for number, one in enumerate(builds):
            new = record.swapped(f"W{number}")
            store.swap(KEY, expected=record, new=new, history=(one,))
            record = new
        assert list(store.history(KEY)) == builds[::-1]
        assert list(self.another(store).history(KEY)) == builds[::-1]
        assert [list(store.history(KEY, limit=limit)) for limit in (2, 0)] == [builds[:0:-1], []]
        assert list(store.history(GateKey("site-build", "elsewhere"))) == []

    def test_a_lost_swap_keeps_no_history(self, tmp_path: Path) -> None:
        record = Record(lastbuild=Decimal(5), writes=("W",))
        store = self._filled(tmp_path, record)
        lost = store.swap(KEY, expected=Record(), new=Record(writes=("LATE",)), history=(build(1),))
        assert lost == Lost(record)
        assert list(store.history(KEY)) == []
        assert [key for key, _ in store.gates()] == [KEY]

    def test_what_is_learnt_later_of_a_build_is_kept_in_its_place(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = Record().swapped("W1")
        store.swap(KEY, expected=Record(), new=record, history=(build(1), build(2)))
        ended = build(1, ended_ms=NOW_MS + 9, succeeded=False, exit_status=0, detail="it went wrong")
        self.another(store).keep(KEY, ended)
        assert list(store.history(KEY)) == [build(2), ended]
        assert store.get(KEY) == record
        ended = ended.but(succeeded=True)
        store.swap(KEY, expected=record, new=record.swapped("W2"), history=(ended,))
        assert list(store.history(KEY)) == [build(2), ended]

    def test_two_builds_of_one_instant_are_two(self, tmp_path: Path) -> None:
        store, at_ms = self.make_store(tmp_path), build(1).claimed_ms
        for number in (1, 2):
            store.keep(KEY, build(number, claimed_ms=at_ms))
        assert {one.token for one in store.history(KEY)} == {build(1).token, build(2).token}

    def test_a_build_is_found_by_what_it_names(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        if not (naming := getattr(store, "naming", None)):
            return
        of_event = build(2, covers=pending(source_version="93bc07d", event_id="E2"))
        for one in (build(1, source_version="4f2a91c"), of_event, build(3)):
            store.keep(KEY, one)
        for wanted, *texts in ((1, "4f2a91c"), (2, "93bc07d"), (2, digest("E2"), "E2")):
            assert build(wanted).token in [one.token for one in naming(KEY, texts)], texts

    def test_history_is_no_gate(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        record = Record(lastbuild=Decimal(5), writes=("W",), due_ms=5)
        store.swap(KEY, expected=Record(), new=record, history=(build(1),))
        store.keep(GateKey("b", "r"), build(2))
        assert list(store.gates()) == [(KEY, record)]
        assert list(store.gates("site-build")) == [(KEY, record)]
        assert list(store.due(NOW_MS)) == [KEY]

    def test_due_lists_what_is_due_and_nothing_else(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        for name, due_ms in (("just", 200), ("late", 100), ("later", 201), ("never", None)):
            store.swap(GateKey(name, "r"), expected=Record(), new=Record(writes=("W",), due_ms=due_ms))
        for _ in range(2):
            assert [key.project for key in store.due(200)] == ["late", "just"]
        assert [key.project for key in store.due(99)] == []

    def test_due_follows_every_swap_and_no_fold(self, tmp_path: Path) -> None:
        store = self._filled(tmp_path, deferred())
        assert isinstance(store.fold(KEY, expected=deferred(), fold=fold()), Swapped)
        assert (list(store.due(NOW_MS)), list(store.due(NOW_MS + 1))) == ([], [KEY])
        store.swap(KEY, expected=store.get(KEY), new=Record(writes=("W2",)))
        assert list(store.due(2 * NOW_MS)) == []

    def test_what_has_expired_may_go_and_nothing_else(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        goes, new, stays, used = [GateKey(f"a@{name}", "r") for name in ("goes", "new", "stays", "used")]
        for key, expires_ms in ((stays, NOW_MS + 1000), (goes, NOW_MS), (used, NOW_MS), (KEY, None)):
            record = Record(writes=("W",), expires_ms=expires_ms)
            store.swap(key, expected=Record(), new=record, history=(build(1, covers=None),))
        store.swap(used, expected=store.get(used), new=Record(writes=("W2", "W")))
        assert list(store.due(10**15)) == [], "nothing is due, and to look ahead deletes nothing"
        store.swap(new, expected=Record(), new=deferred().but(expires_ms=NOW_MS))
        assert store.get(new).pending, "a new gate deletes others that have expired, and not itself"
        kept = [key for key, _ in store.gates()]
        assert kept == ([] if self.deletes_expired else [goes]) + [new, stays, used, KEY]
        assert list(store.history(goes)) == [build(1, covers=None)], "kept for as long as any other"

    def test_of_many_swaps_one_wins(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        racers = self._racers(store, self.race_threads)
        current = Record()
        for number in range(self.race_rounds):
            news = [current.but(writes=(f"{number:03}-{n:03}",), lastbuild=Decimal(n)) for n in range(len(racers))]
            answers = _race(
                racers,
                lambda s, n, seen=current, news=news: s.swap(KEY, expected=seen, new=news[n]),  # type: ignore[misc]
            )
            won = [answer for answer in answers if isinstance(answer, Swapped)]
            assert len(won) == 1
            current = store.get(KEY)
            assert current == won[0].record
            assert all(answer.current == current for answer in answers if isinstance(answer, Lost))

    def test_many_folds_are_all_in(self, tmp_path: Path) -> None:
        """Sixteen deciders with the same read."""
        store = self._filled(tmp_path, deferred())
        racers = self._racers(store, 16)
        answers = _race(racers, lambda s, n: s.fold(KEY, expected=deferred(), fold=fold(f"F{n}", event=f"E{n}")))
        assert all(isinstance(answer, Swapped) for answer in answers)
        now = store.get(KEY)
        assert _count(now) == 17
        assert sorted(now.writes) == sorted(f"F{n}" for n in range(16))
        assert sorted(now.events) == sorted(f"E{n}" for n in range(16))

    def test_a_swap_that_takes_the_pending_takes_every_fold(self, tmp_path: Path) -> None:
        store = self._filled(tmp_path, deferred())
        racers = self._racers(store, self.race_threads)
        taken: list[int] = []

        def act(s: Store, n: int) -> Swapped | Lost:
            if n:
                return s.fold(KEY, expected=deferred(), fold=fold(f"F{n}"))
            while True:
                seen = s.get(KEY)
                answer = s.swap(KEY, expected=seen, new=seen.but(pending=None).swapped("CLAIMED1"))
                if isinstance(answer, Swapped):
                    taken.append(_count(seen))
                    return answer

        answers = _race(racers, act)
        assert taken == [sum(isinstance(answer, Swapped) for answer in answers)], "the first trigger for the claim"

    def test_a_store_survives_a_fork(self, tmp_path: Path) -> None:
        """The fork comes while threads use the store. Then parent and children write at once, each through its copy."""
        if not self.shares_between_processes:
            return
        store, stop = self._filled(tmp_path, deferred()), threading.Event()
        processes = multiprocessing.get_context("fork")
        children = [processes.Process(target=_fold_ten, args=(store, f"C{n}"), daemon=True) for n in range(3)]
        with ThreadPoolExecutor(2) as busy, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # threads at a fork are what is tried here
            try:
                for _ in range(2):
                    busy.submit(_read_until, store, stop)
                for child in children:
                    child.start()
                _fold_ten(store, "P")
                for child in children:
                    child.join(60)
            finally:
                stop.set()
        assert [child.exitcode for child in children] == [0, 0, 0], "a child failed, or hung for a minute"
        assert _count(store.get(KEY)) == 41


def _refusal(act: Callable[[], object]) -> str:
    try:
        raise AssertionError(f"this was answered: {act()}")
    except RecordInvalid as error:
        return str(error)


def _count(record: Record) -> int:
    return record.pending.count if record.pending else 0


def _item(store: Store) -> dict[str, object]:
    item = store.item(KEY)
    assert item is not None
    return item


def _race(racers: list[Store], act: Callable[[Store, int], Swapped | Lost]) -> list[Swapped | Lost]:
    """All threads act at once, each on its own store. Returns the answers."""
    barrier = threading.Barrier(len(racers))

    def one(store: Store, number: int) -> Swapped | Lost:
        barrier.wait()
        return act(store, number)

    with ThreadPoolExecutor(len(racers)) as pool:
        return list(pool.map(one, racers, range(len(racers))))


def _read_until(store: Store, stop: threading.Event) -> None:
    while not stop.is_set():
        store.get(KEY)


def _fold_ten(store: Store, name: str) -> None:
    for number in range(10):
        answer = store.fold(KEY, expected=deferred(), fold=fold(f"{name}-{number}"))
        assert isinstance(answer, Swapped), answer
