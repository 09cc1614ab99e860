"""The suite of all stores on stores that are wrong: it must say so."""

from __future__ import annotations

import fnmatch
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core.effects import Lost, Swapped
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.core.value import Value
from holdoff.stores.codec import seen_ms
from holdoff.testing import StoreConformance
from tests.conformance.test_machines import WRONG, Attributed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdoff.core.pending import Fold
    from holdoff.core.record import Finished
    from holdoff.stores.base import Store

PAGE = 50


class ListsAPageOfGates(Attributed):
    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        return iter(list(super().gates(project))[:PAGE])


class ListsAPageOfWhatIsDue(Attributed):
    def due(self, now_ms: int) -> Iterator[GateKey]:
        return iter(list(super().due(now_ms))[:PAGE])


class ListsAPageOfTheHistory(Attributed):
    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        return iter(list(super().history(key, limit=limit))[:PAGE])


class ListsTheHistoryByItsStarts(Attributed):
    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        return iter(sorted(super().history(key), key=lambda build: build.started_ms, reverse=True)[:limit])


class TakesALimitOfZeroForNone(Attributed):
    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        return super().history(key, limit=limit or None)


class KeepsTenBuilds(Attributed):
    def keep(self, key: GateKey, build: Finished) -> None:
        super().keep(key, build)
        for old in list(super().history(key))[10:]:
            del self._history[key][old.token]


class KeepsOneBuildOfAnInstant(Attributed):
    def keep(self, key: GateKey, build: Finished) -> None:
        same = [one.token for one in super().history(key) if one.claimed_ms == build.claimed_ms]
        for token in same:
            del self._history[key][token]
        super().keep(key, build)


class KeepsWhatItKnewOfABuild(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()) -> Any:
        known = {one.token for one in self.history(key)}
        history = tuple(build for build in history if build.token not in known)
        return super().swap(key, expected=expected, new=new, history=history)


class FindsNoBuildByItsNotes(Attributed):
    def naming(self, key: GateKey, texts: list[str]) -> Iterator[Finished]:
        return (build for build in self.history(key) if build.source_version in texts)


class Renames(Attributed):
    """Keys are not kept as they are."""

    def kept(self, key: GateKey) -> GateKey:
        raise NotImplementedError

    def get(self, key: GateKey) -> Record:
        return super().get(self.kept(key))

    def swap(self, key: GateKey, **given: Any) -> Any:
        return super().swap(self.kept(key), **given)


class KnowsNoCapitals(Renames):
    def kept(self, key: GateKey) -> GateKey:
        return GateKey(key.project.lower(), key.region)


class TrimsNames(Renames):
    def kept(self, key: GateKey) -> GateKey:
        return GateKey(key.project.strip(), key.region)


class JoinsProjectAndRegion(Renames):
    def kept(self, key: GateKey) -> GateKey:
        return GateKey(f"{key.project}:{key.region}", "-")


class KnowsNoCapitalsInRegions(Renames):
    def kept(self, key: GateKey) -> GateKey:
        return GateKey(key.project, key.region.lower())


class CutsLongNames(Renames):
    def kept(self, key: GateKey) -> GateKey:
        return GateKey(key.project[:1_024], key.region)


class CutsLongRegions(Renames):
    def kept(self, key: GateKey) -> GateKey:
        return GateKey(key.project, key.region[:255])


class OrdersAsUTF16(Attributed):
    """As Java and JavaScript do."""

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        return iter(sorted(super().gates(project), key=lambda gate: gate[0].project.encode("utf-16-be")))


class FindsProjectsByAPattern(Attributed):
    """As LIKE does."""

    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        pattern = "*" if project is None else project.replace("_", "?").replace("%", "*")
        return ((key, r) for key, r in super().gates() if fnmatch.fnmatchcase(key.project, pattern))


class Changes(Attributed):
    """Values are not kept as they are."""

    def kept(self, value: Any) -> Any:
        return value

    def swap(self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()) -> Any:
        return super().swap(key, expected=expected, new=self._all(new), history=history)

    def _all(self, value: Any) -> Any:
        if isinstance(value, Value):
            return value.but(**{name: self._all(getattr(value, name)) for name in type(value)._fields})
        return tuple(map(self._all, value)) if isinstance(value, tuple) else self.kept(value)


class CutsLongTexts(Changes):
    def kept(self, value: Any) -> Any:
        return value[:255] if isinstance(value, str) else value


class CutsVeryLongTexts(Changes):
    def kept(self, value: Any) -> Any:
        return value[:16_000] if isinstance(value, str) else value


class NormalisesTexts(Changes):
    def kept(self, value: Any) -> Any:
        return value.replace("e\u0301", "\u00e9") if isinstance(value, str) else value


class ChangesLineEnds(Changes):
    def kept(self, value: Any) -> Any:
        return value.replace("\r\n", "\n") if isinstance(value, str) else value


class LosesWhatIsFalse(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()) -> Any:
        if new.finished:
            new = new.but(finished=new.finished.but(succeeded=new.finished.succeeded or None))
        return super().swap(key, expected=expected, new=new, history=history)


class FoldsAndLosesTheHold(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        answer = super().fold(key, expected=expected, fold=fold)
        if isinstance(answer, Swapped):
            self._gates[key] = answer.record.but(hold=None)
        return answer


class FoldsAndLosesTheBackOff(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        answer = super().fold(key, expected=expected, fold=fold)
        if isinstance(answer, Swapped) and answer.record.pending:
            self._gates[key] = answer.record.but(pending=answer.record.pending.but(failures=0, retry_ms=0))
        return answer


class TakesEventsForTheSameByTheirLetters(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        now = self.get(key)
        is_known = (fold.event or "").lower() in [event.lower() for event in now.events]
        return Lost(now) if is_known else super().fold(key, expected=expected, fold=fold)


class ListsWhatMayChangeMeanwhile(Attributed):
    def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
        return ((key, self._gates[key]) for key in self._gates if project in (None, key.project))


class LosesTheRestOfWhatIsDue(Attributed):
    def due(self, now_ms: int) -> Iterator[GateKey]:
        before = dict(self._gates)
        for key in super().due(now_ms):
            if self._gates != before:
                return
            yield key


class HandsOutWhatIsDueOnce(Attributed):
    """As a queue does."""

    def due(self, now_ms: int) -> Iterator[GateKey]:
        for key in super().due(now_ms):
            self._due.remove(key, self._gates[key])
            yield key


class ListsTheHistoryByItsTokens(Attributed):
    def history(self, key: GateKey, *, limit: int | None = None) -> Iterator[Finished]:
        return iter(sorted(super().history(key), key=lambda build: build.token, reverse=True)[:limit])


class DeletesWhatOnceWasToExpire(Attributed):
    def __init__(self) -> None:
        super().__init__()
        self._once: dict[GateKey, int] = {}

    def swap(self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()) -> Any:
        for gone in [one for one, at_ms in self._once.items() if one != key and at_ms <= seen_ms(new)]:
            self._gates.pop(gone, None)
        if new.expires_ms is not None:
            self._once[key] = new.expires_ms
        return super().swap(key, expected=expected, new=new, history=history)


class DeletesForALookAhead(Attributed):
    """What has not expired yet goes for one who asks what will be due."""

    def due(self, now_ms: int) -> Iterator[GateKey]:
        for key in self._expiring.until(now_ms, self._gates):
            del self._gates[key]
        return super().due(now_ms)


class NeedsAWriteOfOurs(Attributed):
    """Where another program made the item, no swap ever wins."""

    def swap(self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()) -> Any:
        now = self.get(key)
        if key in self._gates and not now.writes:
            return Lost(now)
        return super().swap(key, expected=expected, new=new, history=history)


class CreatesOnlyWhereNothingIs(Attributed):
    def swap(self, key: GateKey, *, expected: Record, new: Record, history: tuple[Finished, ...] = ()) -> Any:
        now = self.get(key)
        if key in self._gates and now.but(others=()) == Record():
            return Lost(now)
        return super().swap(key, expected=expected, new=new, history=history)


class TakesNumbersForFlags(Attributed):
    def item(self, key: GateKey) -> dict[str, object] | None:
        item = super().item(key)
        return item and {name: int(value) if isinstance(value, bool) else value for name, value in item.items()}


class AnswersFromWhatItRead(Attributed):
    """For a while, whatever another process has written since."""

    def __init__(self) -> None:
        super().__init__()
        self.read = dict[GateKey, Record]()

    def get(self, key: GateKey) -> Record:
        return self.read.setdefault(key, super().get(key))

    def another(self) -> AnswersFromWhatItRead:
        other = AnswersFromWhatItRead()
        vars(other).update(vars(self), read={})
        return other


class IsClosedForGood(Attributed):
    closed = False

    def close(self) -> None:
        self.closed = True

    def get(self, key: GateKey) -> Record:
        assert not self.closed
        return super().get(key)


class BeginsAfresh(Attributed):
    def initialise(self) -> list[str]:
        self._gates.clear()
        return []


class KnowsNoMargin(Attributed):
    clock_margin_ms = None  # type: ignore[assignment]


class MixesItsThreads(Attributed):
    def fold(self, key: GateKey, *, expected: Record, fold: Fold) -> Any:
        self.mine = fold
        time.sleep(0.001)
        return super().fold(key, expected=expected, fold=self.mine)


ALSO_WRONG = [
    store
    for store in list(globals().values())
    if isinstance(store, type) and issubclass(store, Attributed) and store not in (Attributed, Renames, Changes)
]


def suite_of(kind: type[Attributed]) -> Iterator[Callable[[Path], None]]:
    """The suite for this store; its stores have nothing outside their process."""

    class Suite(StoreConformance):
        shares_between_processes = False
        race_rounds = 3

        def make_store(self, tmp_path: Path) -> Store:
            return kind()

        def another(self, store: Store) -> Store:
            return store.another() if isinstance(store, AnswersFromWhatItRead) else store

        def write_behind(self, store: Store, key: GateKey, attributes: dict[str, object]) -> bool:
            assert isinstance(store, Attributed)
            lastbuild = {name: Decimal(str(value)) for name, value in attributes.items() if name == "lastbuild"}
            if attributes.keys() & {"format", "claim"}:
                return False
            store.write_behind(key, {**attributes, **lastbuild})
            return True

    return (getattr(Suite(), name) for name in vars(StoreConformance) if name.startswith("test_"))


def test_a_store_that_is_right_passes(tmp_path: Path) -> None:
    for test in suite_of(Attributed):
        test(tmp_path)


@pytest.mark.parametrize("wrong", [*WRONG, *ALSO_WRONG], ids=lambda store: store.__name__)
def test_the_suite_catches_a_store_that(wrong: type[Attributed], tmp_path: Path) -> None:
    assert any(fails(test, tmp_path) for test in suite_of(wrong))


def fails(test: Callable[[Path], None], tmp_path: Path) -> bool:
    try:
        test(tmp_path)
    except (AssertionError, RuntimeError):
        return True
    return False
