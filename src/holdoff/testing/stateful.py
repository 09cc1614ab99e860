"""A store under any steps in any order, beside a plain model of what every store must promise. Needs ``hypothesis``.

    from holdoff.testing.stateful import StoreMachine

    class MyMachine(StoreMachine):
        def make_store(self):
            return MyStore(...)  # fresh and empty

    TestMyMachine = MyMachine.TestCase

``StoreConformance`` asks for one promise after the other; this finds what only an odd order of steps shows. The model
is a dict of records and a dict of builds. It shares no code with any store, not even ``Opening.apply``.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import Finished, GateKey, Opening, Record
from holdoff.testing import strategies

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject, SearchStrategy

    from holdoff.stores.base import Store

#: Two regions of one project, and a project whose name begins with the other's.
KEYS: Final = (GateKey("site", "x"), GateKey("site", "y"), GateKey("site-2", "x"))
NEVER_MS: Final = 10 * strategies.NOW_MS
WEEK_MS: Final = 7 * 86_400_000

_keys = st.sampled_from(KEYS)
_which = st.integers(0, 1)
_in_the_way = st.sampled_from([None, None, None, "claim", "pending", "hold"])


class StoreMachine(RuleBasedStateMachine):
    """What ``holdoff.stores.base.Store`` promises, as a state machine on two store objects of the same gates."""

    def make_store(self) -> Store:
        """A fresh, empty store."""
        raise NotImplementedError

    def another(self, store: Store) -> Store:
        """A second store on the same gates, as another process has it."""
        return store

    def write_behind(self, key: GateKey, attributes: dict[str, object]) -> bool:
        """Set these attributes of a gate's item as another program would, past the store; False: nobody can.

        It may be ``lastbuild`` alone, as the old snippet writes it, or an attribute that is none of Holdoff's.
        """
        return False

    def __init__(self) -> None:
        super().__init__()
        first = self.make_store()
        self.stores = [first, self.another(first)]
        self.gates: dict[GateKey, Record] = {}
        self.builds: dict[GateKey, dict[str, Finished]] = {key: {} for key in KEYS}
        self.others: dict[GateKey, dict[str, object]] = {key: {} for key in KEYS}
        self.past: list[Record] = [Record()]
        self.written = 0

    def teardown(self) -> None:
        """Let go of connections."""
        for store in self.stores:
            store.close()

    # --- steps ---------------------------------------------------------------------------------

    @rule(key=_keys, which=_which, data=st.data())
    def swap(self, key: GateKey, which: int, data: DataObject) -> None:
        """By somebody who has seen the last write."""
        self._swap(key, which, self._record(key), data)

    @rule(key=_keys, which=_which, data=st.data())
    def swap_on_an_old_sight(self, key: GateKey, which: int, data: DataObject) -> None:
        """By somebody who has not, or not seen that ``lastbuild`` has moved."""
        now = self._record(key)
        moved = (now.lastbuild or Decimal(0)) + Decimal("0.0000001")
        sights = [*self.past, replace(now, lastbuild=moved), replace(now, lastbuild=None)]
        sights += [replace(now, writes=()), replace(now, writes=("ANOTHER1", *now.writes))]
        self._swap(key, which, data.draw(st.sampled_from(sights), label="expected"), data)

    def _swap(self, key: GateKey, which: int, expected: Record, data: DataObject) -> None:
        now = self._record(key)
        new = data.draw(strategies.records(key), label="new").written(self._write_id())
        history = tuple(data.draw(_histories(key), label="history"))
        answer = self.stores[which].swap(key, expected=expected, new=new, history=history)
        if now.writes[:1] != expected.writes[:1] or now.lastbuild != expected.lastbuild:
            assert answer == Lost(now)
            return
        assert answer == Swapped(new)
        self._becomes(key, new)
        self.builds[key].update({build.token: build for build in history})

    @rule(key=_keys, which=_which, data=st.data())
    def open(self, key: GateKey, which: int, data: DataObject) -> None:
        """A claim by somebody who has seen nothing; often with at most one thing in the way."""
        if data.draw(st.booleans(), label="made ready"):
            self._make_ready(key, which, but=data.draw(_in_the_way, label="but for"))
        now = self._record(key)
        opening = data.draw(strategies.openings(key, now), label="opening")
        written = [*now.writes[:1], *now.writes[-1:]]
        again = data.draw(st.sampled_from([None, None, *written]), label="sent again")
        opening = replace(opening, write_id=again or self._write_id())
        answer = self.stores[which].open(key, opening)
        new = _opened(now, opening)
        assert answer == (Lost(now) if new is None else Swapped(new))
        if new is not None:
            self._becomes(key, new)

    def _make_ready(self, key: GateKey, which: int, but: str | None) -> None:
        """All but the cooldown and known events, and ``but`` for one of the record's attributes."""
        now = self._record(key)
        gone: dict[str, Any] = dict.fromkeys({"claim", "pending", "hold"} - {but})
        new = replace(now, **gone).written(self._write_id())
        assert self.stores[which].swap(key, expected=now, new=new) == Swapped(new)
        self._becomes(key, new)

    @rule(key=_keys, lastbuild=strategies.seconds())
    def the_old_snippet_builds(self, key: GateKey, lastbuild: Decimal) -> None:
        """It writes ``lastbuild``, and knows of nothing else."""
        if self.write_behind(key, {"lastbuild": lastbuild}):
            self._becomes(key, replace(self._record(key), lastbuild=lastbuild))

    @rule(
        key=_keys,
        name=st.sampled_from(["owner", "Due", "x"]),
        value=strategies.texts | st.booleans(),
    )
    def another_program_adds_an_attribute(self, key: GateKey, name: str, value: object) -> None:
        """It is none of ours, and must stay as it is whatever we write."""
        if self.write_behind(key, {name: value}):
            self._becomes(key, self._record(key))
            self.others[key][name] = value

    @rule(which=_which, data=st.data())
    def look_for_what_is_due(self, which: int, data: DataObject) -> None:
        """At, just before and just after the instants that count."""
        dues = [record.due_ms for record in self.gates.values() if record.due_ms is not None]
        near = [due_ms + by for due_ms in dues for by in (-1, 0, 1)]
        self._check_due(self.stores[which], data.draw(st.sampled_from([0, *near]), label="now"))

    @rule(which=_which)
    def close(self, which: int) -> None:
        """It is used again without more ado."""
        self.stores[which].close()

    @rule(which=_which)
    def another_process(self, which: int) -> None:
        """One ends, another begins."""
        self.stores[which].close()
        self.stores[which] = self.another(self.stores[1 - which])

    # --- what must hold after each step --------------------------------------------------------

    @invariant()
    def everything_is_there(self) -> None:
        """Through the one store or the other, whoever wrote."""
        store = self.stores[self.written % 2]
        for key in KEYS:
            assert store.get(key) == self._record(key)
            self._check_item(store, key)
            self._check_history(store, key)
        for project in (None, "site", "site-2", "sit"):
            wanted = [key for key in sorted(self.gates) if project in (None, key.project)]
            assert list(store.gates(project)) == [(key, self.gates[key]) for key in wanted]
        self._check_due(store, NEVER_MS)

    def _check_item(self, store: Store, key: GateKey) -> None:
        item = store.item(key)
        if key not in self.gates:
            assert item is None
            return
        assert item is not None
        assert (item["cb_project"], item["region"]) == (key.project, key.region)
        assert item.get("lastbuild") == self._record(key).lastbuild
        assert {name: item.get(name) for name in self.others[key]} == self.others[key]

    def _check_history(self, store: Store, key: GateKey) -> None:
        newest_first = sorted(self.builds[key].values(), key=lambda b: b.claimed_ms, reverse=True)
        assert list(store.history(key)) == newest_first

    def _check_due(self, store: Store, now_ms: int) -> None:
        dues = {key: r.due_ms for key, r in self.gates.items() if r.due_ms is not None}
        found = list(store.due(now_ms))
        assert sorted(found) == sorted(key for key, due_ms in dues.items() if due_ms <= now_ms)
        assert [dues[key] for key in found] == sorted(dues[key] for key in found)

    # --- the model -----------------------------------------------------------------------------

    def _record(self, key: GateKey) -> Record:
        return self.gates.get(key, Record())

    def _becomes(self, key: GateKey, new: Record) -> None:
        self.past.append(self._record(key))
        self.gates[key] = new

    def _write_id(self) -> str:
        self.written += 1
        return f"W{self.written:07}"


def _histories(key: GateKey) -> SearchStrategy[list[Finished]]:
    """Up to two builds of ten that there are, a week apart; the same build may come again with more known of it."""

    def named(pair: tuple[int, Finished]) -> Finished:
        number, build = pair
        claimed_ms = strategies.NOW_MS + number * WEEK_MS
        return replace(build, token=f"BUILD{number}", claimed_ms=claimed_ms)

    build = st.tuples(st.integers(0, 9), strategies.builds(key)).map(named)
    return st.lists(build, max_size=2, unique_by=lambda build: build.token)


def _opened(record: Record, opening: Opening) -> Record | None:
    """The record after this claim; ``None``: it is not surely ready."""
    if any([record.claim, record.pending, record.hold, opening.event in record.events]):
        return None
    if opening.write_id in record.writes:
        return None
    latest, last = opening.ready_if_ms, record.lastbuild
    if last is not None and latest is not None and Fraction(last) * 1000 > latest:
        return None
    return replace(
        record,
        lastbuild=Decimal(opening.claim.held_ms) / 1000,
        claim=replace(opening.claim, before=last),
        writes=(opening.write_id, *record.writes),
        due_ms=opening.claim.lease_until_ms,
    )
