"""A state machine that compares a store with a plain model, for any steps in any order. Needs ``hypothesis``.

    from holdoff.testing import StoreMachine

    class MyMachine(StoreMachine):
        def make_store(self):
            return MyStore(...)  # fresh and empty

    TestMyMachine = MyMachine.TestCase

``StoreConformance`` checks one promise after the other. The machine finds faults that only an odd order of steps shows.
The model is a dict of records and a dict of builds. It shares no code with any store, not even ``Fold.applied``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdoff.core import record as values
from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import Finished, Note, Pending, Record, digest
from holdoff.core.request import GateKey
from holdoff.testing import strategies

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject, SearchStrategy

    from holdoff.core.pending import Fold
    from holdoff.core.request import Request
    from holdoff.stores.base import Store

#: Two regions of one project, and a project whose name begins with the other's.
KEYS: Final = (GateKey("site", "x"), GateKey("site", "y"), GateKey("site-2", "x"))
NEVER_MS: Final = 10 * strategies.NOW_MS
WEEK_MS: Final = 7 * 86_400_000

_keys = st.sampled_from(KEYS)
_which = st.integers(0, 1)


class StoreMachine(RuleBasedStateMachine):
    """What ``holdoff.stores.base.Store`` promises, as a state machine on two store objects of the same gates."""

    def make_store(self) -> Store:
        """A new, empty store."""
        raise NotImplementedError

    def another(self, store: Store) -> Store:
        """A second store on the same gates, as another process would have it."""
        return store

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        """Set these attributes of a gate's item as another program would, without the store; False: no program can.

        It may be ``lastbuild`` alone, as the old snippet writes it, or an attribute that is not Holdoff's.
        """
        return False

    def __init__(self) -> None:
        super().__init__()
        first = self.make_store()
        self.stores: list[Store] = [first, self.another(first)]
        self.gates: dict[GateKey, Record] = {}
        self.builds: dict[GateKey, dict[str, Finished]] = {key: {} for key in KEYS}
        self.past: list[Record] = []
        self.written: int = 0

    def teardown(self) -> None:
        """Close the connections."""
        for store in self.stores:
            store.close()

    @rule(key=_keys, which=_which, data=st.data())
    def swap(self, key: GateKey, which: int, data: DataObject) -> None:
        """A swap by a writer that has read the last write."""
        self._swap(key, which, self._record(key), data)

    @rule(key=_keys, which=_which, data=st.data())
    def swap_on_an_old_record(self, key: GateKey, which: int, data: DataObject) -> None:
        """A swap by a writer that has not read the last write, or the last change of ``lastbuild``."""
        self._swap(key, which, data.draw(st.sampled_from(self._old_records(key)), label="expected"), data)

    def _swap(self, key: GateKey, which: int, expected: Record, data: DataObject) -> None:
        history = tuple(data.draw(_histories(key), label="history"))
        self._write(key, which, expected, data.draw(_records(key), label="new"), history)

    def _write(
        self, key: GateKey, which: int, expected: Record, new: Record, history: tuple[Finished, ...] = ()
    ) -> None:
        now = self._record(key)
        self.written += 1
        new = new.swapped(f"W{self.written:07}")
        answer = self.stores[which].swap(key, expected=expected, new=new, history=history)
        if now.writes[:1] != expected.writes[:1] or now.lastbuild != expected.lastbuild:
            assert answer == Lost(now)
            return
        assert isinstance(answer, Swapped)
        assert answer.record.but(others=()) == new.but(others=())
        self._becomes(key, new.but(others=now.others))
        self.builds[key].update({build.token: build for build in history})

    @rule(key=_keys, which=_which, data=st.data())
    def fold(self, key: GateKey, which: int, data: DataObject) -> None:
        """Some triggers that were decided on one read, most often the last."""
        now = self._record(key)
        if now.pending is None or data.draw(st.booleans(), label="anew"):
            new = now.but(pending=data.draw(strategies.made(Pending, key), label="pending"))
            if data.draw(st.booleans(), label="full"):
                writes = tuple(f"OLD{n:05}" for n in range(values.KEPT_WRITES))
                new = new.but(writes=writes, events=tuple(f"EVENT{n}" for n in range(values.KEPT_EVENTS)))
            self._write(key, which, now, new)
        old = data.draw(st.booleans(), label="old")
        olds = st.sampled_from(self._old_records(key)[-5:])
        expected = data.draw(olds, label="expected") if old else self._record(key)
        for _ in range(data.draw(st.integers(1, 3), label="folds")):
            now = self._record(key)
            fold = data.draw(strategies.folds(key, now), label="fold")
            answer = self.stores[which].fold(key, expected=expected, fold=fold)
            joined = _folded(now, expected, fold)
            assert answer == (Lost(now) if joined is None else Swapped(joined))
            if joined is not None:
                self._becomes(key, joined)

    def _old_records(self, key: GateKey) -> list[Record]:
        now = self._record(key)
        near = now.but(lastbuild=(now.lastbuild or Decimal(0)) + Decimal("1E-16"))  # the same number as a float
        old = [Record(), *self.past[-2:], near, near, now.but(lastbuild=None)]
        return [*old, now.but(moved="ANOTHER2"), now.but(writes=()), now.but(writes=("ANOTHER1", *now.writes))]

    @rule(key=_keys, which=_which, data=st.data())
    def keep(self, key: GateKey, which: int, data: DataObject) -> None:
        """Keep a build that has left its record, perhaps again with more details, or one that never was in a record."""
        for build in data.draw(_histories(key), label="history"):
            self.stores[which].keep(key, build)
            self.builds[key][build.token] = build

    @rule(key=_keys, lastbuild=strategies.seconds())
    def the_old_snippet_builds(self, key: GateKey, lastbuild: Decimal) -> None:
        """The old snippet writes ``lastbuild`` and no other attribute."""
        if self.write_behind(key, {"lastbuild": lastbuild}):
            self._becomes(key, self._record(key).but(lastbuild=lastbuild))

    @rule(key=_keys, name=st.sampled_from(["owner", "Due", "x"]), value=strategies.texts | st.booleans())
    def another_program_adds_an_attribute(self, key: GateKey, name: str, value: object) -> None:
        """The attribute is not ours, and every write must leave it as it is."""
        now = self._record(key)
        if self.write_behind(key, {name: value}):
            self._becomes(key, now.but(others=tuple(sorted({**dict(now.others), name: value}.items()))))

    @rule(which=_which, data=st.data())
    def look_for_what_is_due(self, which: int, data: DataObject) -> None:
        """Look at, just before and just after the due instants."""
        dues = [record.due_ms for record in self.gates.values() if record.due_ms is not None]
        near = [due_ms + by for due_ms in dues for by in (-1, 0, 1)]
        self._check_due(self.stores[which], data.draw(st.sampled_from([0, *near]), label="now"))

    @rule(which=_which, ends=st.booleans())
    def close(self, which: int, ends: bool) -> None:
        """Close a store, which is used again; or its process ends, and another one opens a store."""
        self.stores[which].close()
        if ends:
            self.stores[which] = self.another(self.stores[1 - which])

    @invariant()
    def everything_is_there(self) -> None:
        """All is read through one store or the other, also what the other one wrote."""
        store = self.stores[self.written % 2]
        for key in KEYS:
            assert store.get(key) == self._record(key)
            self._check_item(store, key)
            newest_first = sorted(self.builds[key].values(), key=lambda b: b.claimed_ms, reverse=True)
            assert list(store.history(key)) == newest_first
            assert list(store.history(key, limit=1)) == newest_first[:1]
        for project in (None, "site", "site-2", "sit"):
            wanted = [(key, self.gates[key]) for key in sorted(self.gates) if project in (None, key.project)]
            assert list(store.gates(project)) == wanted
        dues = [record.due_ms for record in self.gates.values() if record.due_ms is not None]
        self._check_due(store, max(dues, default=NEVER_MS))

    def _check_item(self, store: Store, key: GateKey) -> None:
        item, record = store.item(key), self.gates.get(key)
        if record is None:
            assert item is None
            return
        assert item is not None
        known = {"cb_project": key.project, "region": key.region, "lastbuild": record.lastbuild, **dict(record.others)}
        assert {name: item.get(name) for name in known} == known

    def _check_due(self, store: Store, now_ms: int) -> None:
        dues = {key: r.due_ms for key, r in self.gates.items() if r.due_ms is not None}
        found = list(store.due(now_ms))
        assert sorted(found) == sorted(key for key, due_ms in dues.items() if due_ms <= now_ms)
        assert [dues[key] for key in found] == sorted(dues[key] for key in found)

    def _record(self, key: GateKey) -> Record:
        return self.gates.get(key, Record())

    def _becomes(self, key: GateKey, new: Record) -> None:
        self.past.append(self._record(key))
        self.gates[key] = new


def _records(key: GateKey) -> SearchStrategy[Record]:
    """Any record that does not expire while the machine runs."""
    far_ms = 2 * NEVER_MS
    return strategies.made(Record, key).map(lambda r: r.but(expires_ms=None if r.expires_ms is None else far_ms))


def _histories(key: GateKey) -> SearchStrategy[list[Finished]]:
    """Up to two of five possible builds, a week apart. The same build often comes again with other details."""

    def named(pair: tuple[int, Finished]) -> Finished:
        number, build = pair
        return build.but(token=f"BUILD{number}", claimed_ms=strategies.NOW_MS + number * WEEK_MS)

    build = st.tuples(st.integers(0, 4), strategies.made(Finished, key)).map(named)
    return st.lists(build, max_size=2, unique_by=lambda build: build.token)


def _folded(now: Record, expected: Record, fold: Fold) -> Record | None:
    """The record after a fold; ``None``: the fold is lost."""
    pending, request = now.pending, fold.request
    if pending is None or now.moved is None or now.moved != expected.moved or now.lastbuild != expected.lastbuild:
        return None
    if fold.write_id in now.writes or (fold.event is not None and fold.event in now.events):
        return None
    last_ms = pending.last_ms if fold.last_ms is None else fold.last_ms
    if fold.in_order and last_ms < pending.last_ms:
        return None
    if fold.older != _older(request, pending.request):
        return None
    parents = [note.parent for note in pending.notes if request.line is not None]
    if not fold.older and request.source_version is not None and digest(request.source_version) in parents:
        return None
    note = Note(
        reason=request.reason,
        version=request.source_version,
        event=digest(request.event_id),
        line=digest(request.line),
        at_ms=request.at_ms if request.line else None,
        parent=digest(request.parent) if request.line else None,
        variables=digest(repr((request.environment, request.secondary_versions)))
        if request.environment or request.secondary_versions
        else None,
    )
    joined = pending.but(
        request=pending.request if fold.older else request,
        count=pending.count + 1,
        last_ms=last_ms,
        notes=(note, *pending.notes)[: values.KEPT_NOTES],
        waiters=tuple(filter(None, (fold.waiter, *pending.waiters)))[: values.KEPT_WAITERS],
    )
    events = tuple(filter(None, (fold.event, *now.events)))[: values.KEPT_EVENTS]
    return now.but(pending=joined, writes=(fold.write_id, *now.writes)[: values.KEPT_WRITES], events=events)


def _older(one: Request, other: Request) -> bool:
    if None in (one.line, other.line) or one.line != other.line:
        return False
    if one.at_ms is not None and other.at_ms is not None and one.at_ms != other.at_ms:
        return one.at_ms < other.at_ms
    child = one.source_version is not None and one.source_version == other.parent
    parent = other.source_version is not None and other.source_version == one.parent
    return child and not parent
