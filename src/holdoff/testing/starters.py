"""The suite that every starter must pass. Pytest collects its tests from a subclass that makes the starter:

    from holdoff.testing import StarterConformance

    class TestMyStarter(StarterConformance):
        lacks = ("cancel", "wait")

        def make_starter(self, tmp_path):
            return MyStarter(...)

        def builds(self):
            return [build.id for build in my_service.builds]

The suite drives the service behind the starter, a stand-in of yours. It counts the builds there, and makes the service
refuse, lose answers and end builds. ``lacks`` names what the starter does not have or the stand-in cannot do. Tests
that need it are left out, and one test compares ``lacks`` with the starter.
"""

from __future__ import annotations

import itertools
import multiprocessing
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import pytest

from holdoff.core import token as tokens
from holdoff.core.errors import StartRefused
from holdoff.core.request import MAX_BUILD_ID, Request, storable
from holdoff.fitting import build_lease_ms, starter_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

_Test = TypeVar("_Test", bound="Callable[..., None]")

CLAIM_LEASE_MS: Final = 60_000
#: The optional methods of a starter; then its other promises, and what a stand-in can do.
METHODS: Final = {"find", "freeze", "status", "cancel", "wait", "for_region"}
CAPABILITIES: Final = METHODS | {"tokens", "refusals", "lost answers", "fork"}
_numbers = itertools.count(1)


def needs(*capabilities: str) -> Callable[[_Test], _Test]:
    """Mark a test for starters with all of these capabilities."""

    def mark(test: _Test) -> _Test:
        test.needs = frozenset(capabilities)  # type: ignore[attr-defined]
        return test

    return mark


class StarterConformance:
    """What ``holdoff.starters.base`` promises, as tests."""

    #: The ``CAPABILITIES`` that the starter and its stand-in do not have.
    lacks: ClassVar[Collection[str]] = ()
    project: str = "site-build"
    region: str = "eu-west-1"
    #: How many threads start a build at once.
    threads = 8
    #: After how many seconds a build without a beat is ended.
    silence_s: float = 10

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        lacks = {*cls.lacks}
        if unknown := lacks - CAPABILITIES:
            raise TypeError(f"{cls.__name__}.lacks names {', '.join(unknown)}; there are {', '.join(CAPABILITIES)}")
        for name, test in vars(StarterConformance).items():
            if getattr(test, "needs", frozenset()) & lacks:
                setattr(cls, name, None)

    def make_starter(self, tmp_path: Path) -> Any:
        """A starter in front of a service without builds. Each test has an instance of the class to itself."""
        raise NotImplementedError

    def builds(self) -> Sequence[str]:
        """The ids of all builds of the service, running or ended, the oldest first."""
        raise NotImplementedError

    def another(self, starter: Any) -> Any:
        """A second starter with the same settings at the same service, as another process would have it."""
        return starter

    def reconfigured(self, starter: Any) -> Any:
        """A starter with *other* settings at the same service, as after a deploy. For ``freeze``."""
        raise NotImplementedError

    def sent(self) -> Sequence[object]:
        """All requests to start builds that the service got, each in full, in order. For ``freeze``."""
        raise NotImplementedError

    def refusing(self) -> AbstractContextManager[object]:
        """Meanwhile, the service refuses to start builds. For ``refusals``."""
        raise NotImplementedError

    def losing_answers(self) -> AbstractContextManager[object]:
        """Meanwhile, the service does all that it is asked, but no answer arrives. For ``lost answers``."""
        raise NotImplementedError

    def end(self, build_id: str, *, succeeded: bool) -> None:
        """End a running build. For ``status`` and ``wait``."""
        raise NotImplementedError

    def settle(self, build_id: str) -> None:
        """Return when a cancelled build has ended, if that takes a moment."""

    def advance(self, ms: int) -> None:
        """Let the service's time pass, if it can be moved."""

    def now_ms(self) -> int:
        """The service's time, which new tokens contain."""
        return 1_767_225_600_000

    @pytest.fixture
    def starter(self, tmp_path: Path) -> Any:
        """The starter under test."""
        return self.make_starter(tmp_path)

    def test_it_has_what_it_declares(self, starter: Any) -> None:
        assert {name for name in METHODS if not hasattr(starter, name)} == METHODS & {*self.lacks}
        assert ("tokens" in self.lacks) == (not getattr(starter, "token_memory_ms", 0)), "token_memory_ms"

    def test_its_budget_is_under_the_lease(self, starter: Any) -> None:
        """The budget of ``find``, ``cancel`` and ``start`` together."""
        assert 0 < starter.start_budget_ms < CLAIM_LEASE_MS
        for name in ("start_budget_ms", "token_memory_ms"):
            starter_ms(starter, name, 0)  # raises
        build_lease_ms(None, starter)

    def test_each_token_is_a_build(self, starter: Any) -> None:
        ids = [starter.start(self._frozen(starter), self._token()) for _ in range(2)]
        assert ids == [*self.builds()]
        assert len({*ids}) == 2
        assert ids == [storable(build_id, MAX_BUILD_ID) for build_id in ids], "an id is kept as it is"

    def test_any_request_can_be_started(self, starter: Any) -> None:
        variables = (("EMPTY", ""), ("LINES", "a\nb"), ("STAGE", "Käse & <ünïcode> 🚀"))
        notes = {"reason": "Käse 🚀", "source_version": "4f2a91c", "line": "refs/heads/main", "by": "ada"}
        starter.start(self._frozen(starter, environment=variables, key="ünïcode", **notes), self._token())
        assert len(self.builds()) == 1

    @needs("tokens")
    def test_one_token_is_one_build(self, starter: Any) -> None:
        frozen, token = self._frozen(starter), self._token()
        build_id = starter.start(frozen, token)
        assert self.another(starter).start(frozen, token) == build_id
        self.advance(starter.token_memory_ms - 1)
        assert starter.start(frozen, token) == build_id, "for all of token_memory_ms"
        assert [*self.builds()] == [build_id]

    @needs("tokens", "status")
    def test_a_token_is_known_when_its_build_has_ended(self, starter: Any) -> None:
        frozen, token = self._frozen(starter), self._token()
        build_id = starter.start(frozen, token)
        self.end(build_id, succeeded=False)
        assert self.another(starter).start(frozen, token) == build_id

    @needs("tokens")
    def test_one_token_from_many_threads_is_one_build(self, starter: Any) -> None:
        ids = self._together(starter, [self._token()] * self.threads)
        assert [*self.builds()] == [*{*ids}]

    def test_many_threads_can_start(self, starter: Any) -> None:
        ids = self._together(starter, [self._token() for _ in range(self.threads)])
        assert sorted(ids) == sorted(self.builds())
        assert len({*ids}) == self.threads

    @needs("fork")
    def test_a_fork_can_start(self, starter: Any) -> None:
        frozen = self._frozen(starter)
        starter.start(frozen, self._token())
        child = multiprocessing.get_context("fork").Process(target=starter.start, args=(frozen, self._token()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 and later warn of a fork with threads, which is tested here
            child.start()
        child.join()
        assert (child.exitcode, len(self.builds())) == (0, 2)

    @needs("refusals")
    def test_refused_means_that_there_is_no_build(self, starter: Any) -> None:
        frozen, token = self._frozen(starter), self._token()
        with self.refusing():
            assert isinstance(_raised(starter.start, frozen, token), StartRefused)
        assert [*self.builds()] == []
        starter.start(frozen, token)
        assert len(self.builds()) == 1, "a refusal does not use the token up"

    @needs("lost answers")
    def test_a_lost_answer_is_no_refusal(self, starter: Any) -> None:
        _, _, error = self._lost(starter)
        assert len(self.builds()) == 1, "losing_answers() has to let it start"
        assert error is not None
        assert not isinstance(error, StartRefused)

    @needs("lost answers", "tokens")
    def test_what_was_lost_is_had_by_its_token(self, starter: Any) -> None:
        frozen, token, _ = self._lost(starter)
        assert [self.another(starter).start(frozen, token)] == [*self.builds()]

    @needs("lost answers", "find")
    def test_what_was_lost_is_found(self, starter: Any) -> None:
        frozen, token, _ = self._lost(starter)
        assert [self.another(starter).find(token, frozen)] == [*self.builds()]

    @needs("find")
    def test_find_knows_what_was_started(self, starter: Any) -> None:
        frozen, given = self._frozen(starter), [self._token() for _ in range(3)]
        ids = [starter.start(frozen, token) for token in given]
        self.advance(10 * CLAIM_LEASE_MS)  # services forget tokens: that is why the gate asks
        assert [self.another(starter).find(token, frozen) for token in given] == ids

    @needs("find", "status")
    def test_find_knows_what_has_ended(self, starter: Any) -> None:
        for succeeded in (True, False):
            frozen, token = self._frozen(starter), self._token()
            build_id = starter.start(frozen, token)
            self.end(build_id, succeeded=succeeded)
            assert self.another(starter).find(token, frozen) == build_id, "else it is built twice"

    @needs("find", "lost answers")
    def test_find_without_an_answer_raises(self, starter: Any) -> None:
        frozen, token, find = self._frozen(starter), self._token(), self.another(starter).find
        found = build_id = starter.start(frozen, token)
        with self.losing_answers(), suppress(Exception):
            found = find(token, frozen)
        assert found == build_id, "None says that there certainly is no build"

    @needs("find")
    def test_find_answers_none_for_an_unknown_token(self, starter: Any) -> None:
        frozen = self._frozen(starter)
        assert starter.find(self._token(), frozen) is None, "without builds"
        starter.start(frozen, self._token())
        assert starter.find(self._token(), frozen) is None, "with a build of another token"

    @needs("status")
    def test_status_follows_a_build(self, starter: Any) -> None:
        for succeeded, state in ((True, "succeeded"), (False, "failed")):
            build_id = starter.start(self._frozen(starter), self._token())
            assert starter.status(build_id) == "running"
            self.end(build_id, succeeded=succeeded)
            assert starter.status(build_id) == self.another(starter).status(build_id) == state
        assert starter.status("unknown:build") is None

    @needs("cancel", "status")
    def test_cancel_ends_that_build_and_no_other(self, starter: Any) -> None:
        one, other = (starter.start(self._frozen(starter), self._token()) for _ in range(2))
        self.another(starter).cancel(one)
        self.settle(one)
        assert starter.status(one) in {"succeeded", "failed"}
        assert starter.status(other) == "running"

    @needs("cancel")
    def test_cancel_of_an_unknown_build_raises(self, starter: Any) -> None:
        starter.start(self._frozen(starter), self._token())
        assert _raised(starter.cancel, "unknown:build") is not None, "the gate would think that it was cancelled"

    @needs("wait")
    def test_wait_tells_the_exit_status(self, starter: Any) -> None:
        for succeeded in (True, False):
            build_id = starter.start(self._frozen(starter), self._token())
            self.end(build_id, succeeded=succeeded)
            status = starter.wait(build_id, lambda: None, CLAIM_LEASE_MS)
            assert (type(status), status == 0) == (int, succeeded)
        assert starter.wait("unknown:build", lambda: None, CLAIM_LEASE_MS) is None

    @needs("wait")
    def test_wait_beats_until_the_end(self, starter: Any) -> None:
        build_id, runs = starter.start(self._frozen(starter), self._token()), [True]

        def end() -> None:
            if runs:
                runs.pop()
                self.end(build_id, succeeded=True)

        late = threading.Timer(self.silence_s, end)
        late.start()
        assert starter.wait(build_id, end, 10) == 0
        assert (late.is_alive(), runs) == (True, []), "beat() was not called every every_ms, until the end"
        late.cancel()

    @needs("freeze")
    def test_freeze_is_pure(self, starter: Any) -> None:
        asked: dict[str, Any] = {"reason": "push", "source_version": "4f2a91c", "environment": (("STAGE", "one"),)}
        frozen, bare = self._frozen(starter, **asked), Request(project=self.project, region=self.region, **asked)
        assert frozen.but(parameters="") == bare, "only the parameters are set"
        assert frozen == self._frozen(starter, **asked) == self.another(starter).freeze(frozen)
        assert [*self.sent()] == []

    @needs("freeze")
    def test_a_take_over_sends_the_very_same(self, starter: Any) -> None:
        frozen, token, other = self._frozen(starter), self._token(), self.reconfigured(starter)
        assert self._frozen(other) != frozen, "reconfigured() has to change what is sent"
        starter.start(frozen, token)
        other.start(frozen, token)
        first, second = self.sent()
        assert first == second

    @needs("for_region")
    def test_for_region_is_of_the_same_kind(self, starter: Any) -> None:
        there = starter.for_region(self.region)
        assert type(there) is type(starter)
        assert self._frozen(there) == self._frozen(starter)
        assert [there.start(self._frozen(there), self._token())] == [*self.builds()]

    def _frozen(self, starter: Any, **more: Any) -> Request:
        request = Request(project=self.project, region=self.region, **more)
        return starter.freeze(request) if hasattr(starter, "freeze") else request

    def _lost(self, starter: Any) -> tuple[Request, str, BaseException | None]:
        """A start whose answer was lost: its request, its token, and its exception."""
        frozen, token = self._frozen(starter), self._token()
        with self.losing_answers():
            return frozen, token, _raised(starter.start, frozen, token)

    def _token(self) -> str:
        return tokens.make(self.now_ms(), next(_numbers))

    def _together(self, starter: Any, given: list[str]) -> list[str]:
        """The ids of builds that are started with these tokens at the same time."""
        frozen, barrier = self._frozen(starter), threading.Barrier(len(given))

        def start(token: str) -> str:
            barrier.wait(60)
            return str(starter.start(frozen, token))

        with ThreadPoolExecutor(len(given)) as pool:
            return list(pool.map(start, given))


def _raised(act: Callable[..., object], *arguments: object) -> BaseException | None:
    try:
        act(*arguments)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the caller wants any of them)
        return error
    return None
