"""Every starter of ours under the one suite, and the suite on starters that are wrong: it must say what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from holdoff import Gate, Policy, open_store
from holdoff.core.decision import Outcome
from holdoff.core.errors import StartRefused
from holdoff.starters import Call, CodeBuild, CodePipeline, Command
from holdoff.starters.processes import name_of_child
from holdoff.testing import ManualClock, StarterConformance
from tests.standins.codebuild import CodeBuildStandin, FaultKind, StandinClock
from tests.standins.codepipeline import CodePipelineStandin, Pipeline
from tests.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from holdoff.core.request import Request


# --- ours ----------------------------------------------------------------------------------------------------------


class OnAStandin(StarterConformance):
    """With the real client, at a stand-in that keeps tokens as AWS documents it, or forgets them."""

    lacks: ClassVar[Collection[str]] = ("wait",)
    operation = "StartBuild"
    standin: CodeBuildStandin

    @pytest.fixture(autouse=True)
    def _service(self, aws_env: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _s: None)
        self.clock = ManualClock("2026-01-01T00:00:00Z")
        with self.made(StandinClock(self.clock.now_ms)) as self.standin:
            yield

    def made(self, clock: StandinClock) -> CodeBuildStandin:
        return CodeBuildStandin(projects=[self.project], clock=clock)

    def starter_with(self, **settings: Any) -> Any:
        return CodeBuild(endpoint=self.standin.url, **settings)

    def make_starter(self, tmp_path: Path) -> Any:
        return self.starter_with()

    def another(self, starter: Any) -> Any:
        return self.starter_with()

    def reconfigured(self, starter: Any) -> Any:
        return self.starter_with(environment={"STAGE": "other"})

    def builds(self) -> Sequence[str]:
        return [build.id for build in self.standin.builds_started]

    def sent(self) -> Sequence[object]:
        return [start.request for start in self.standin.start_requests]

    @contextmanager
    def refusing(self) -> Iterator[None]:
        with self._fault([self.operation], "error", code="AccessDeniedException"):
            yield

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        before_it = {"GetPipeline"}  # without its answer nothing is started
        with self._fault(self.standin.operations().keys() - before_it, "drop", after_commit=True):
            yield

    @contextmanager
    def _fault(self, operations: Iterable[str], kind: FaultKind, **details: Any) -> Iterator[None]:
        """However often the starter tries."""
        for operation in operations:
            self.standin.fault(operation, kind, times=100, **details)
        yield
        self.standin.clear_faults()

    def end(self, build_id: str, *, succeeded: bool) -> None:
        self.standin.finish(build_id, "SUCCEEDED" if succeeded else "FAILED")

    def advance(self, ms: int) -> None:
        self.clock.sleep(ms)

    def now_ms(self) -> int:
        return self.clock.now_ms()


class TestCodeBuild(OnAStandin):
    """Single builds."""


class TestCodeBuildBatch(OnAStandin):
    """Batches of builds."""

    operation = "StartBuildBatch"

    def starter_with(self, **settings: Any) -> Any:
        return super().starter_with(batch=True, **settings)


class TestCodePipeline(OnAStandin):
    """A pipeline that declares the token's variable. Whatever the service does with tokens, nothing relies on it."""

    lacks = ("wait", "tokens")
    operation = "StartPipelineExecution"

    def made(self, clock: StandinClock) -> CodeBuildStandin:
        variables: dict[str, str | None] = {"HOLDOFF_TOKEN": "none", "STAGE": "none"}
        return CodePipelineStandin([Pipeline(name=self.project, variables=variables)], clock=clock)

    def starter_with(self, **settings: Any) -> Any:
        return CodePipeline(endpoint=self.standin.url, **settings)

    def settle(self, build_id: str) -> None:
        assert isinstance(self.standin, CodePipelineStandin)
        self.standin.settle()


class TestCommand(StarterConformance):
    """Each build is a shell that waits for its exit status on a pipe of its own."""

    lacks = ("tokens", "find", "freeze", "for_region")

    @pytest.fixture(autouse=True)
    def _processes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Every process that really started is noted in a file, by forks of this one too."""
        self.folder = tmp_path
        self.ledger = tmp_path / "ledger"
        self.ledger.touch()
        self.losing = False
        self.children: list[Any] = []
        monkeypatch.setattr(Command, "_execute", self._noted(Command._execute))
        monkeypatch.setattr("holdoff.starters.command._is_job_of_terminal", lambda: False)
        yield
        for child in self.children:
            child.kill()
            child.wait()
        for pid in {pid_of(build_id) for build_id in self.builds()} - {child.pid for child in self.children}:
            os.kill(pid, signal.SIGKILL)  # a fork's

    def _noted(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            child = execute(*arguments, **options)
            self.children.append(child)
            with self.ledger.open("a") as ledger:
                ledger.write(f"{name_of_child(child.pid)}\n")
            if self.losing:
                raise KeyboardInterrupt
            return child

        return noted

    def make_starter(self, tmp_path: Path) -> Command:
        os.mkfifo(tmp_path / "status")
        self.runs_in = tmp_path / "work"
        self.runs_in.mkdir()
        return Command(["sh", "-c", f"read status < {tmp_path}/status; exit $status"], folder=str(self.runs_in))

    def builds(self) -> Sequence[str]:
        return self.ledger.read_text().split()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        self.runs_in.rmdir()
        yield
        self.runs_in.mkdir()

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.losing = True
        yield

    def end(self, build_id: str, *, succeeded: bool) -> None:
        (self.folder / "status").write_text(f"{0 if succeeded else 7}\n")
        self.settle(build_id)

    def settle(self, build_id: str) -> None:
        with suppress(ChildProcessError):  # its waiter was quicker
            os.waitid(os.P_PID, pid_of(build_id), os.WEXITED | os.WNOWAIT)


def pid_of(build_id: str) -> int:
    return int(build_id.rpartition(":")[2])


class TestCall(StarterConformance):
    """A function that notes its builds in a file."""

    lacks = ("tokens", "find", "freeze", "for_region", "status", "cancel", "wait")

    def make_starter(self, tmp_path: Path) -> Call:
        self.ledger = tmp_path / "ledger"
        self.ledger.touch()
        self.refuses = self.loses = False
        return Call(self._start)

    def _start(self, request: Request, token: str) -> None:
        if self.refuses:
            raise StartRefused("not now")
        with self.ledger.open("a") as ledger:
            ledger.write(f"{token}\n")
        if self.loses:
            raise TimeoutError

    def builds(self) -> Sequence[str]:
        return self.ledger.read_text().split()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        self.refuses = True
        yield
        self.refuses = False

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.loses = True
        yield


# --- a service in memory, and starters that are right or wrong -----------------------------------------------------


class Service:
    """Builds in memory, with tokens; what a start is sent is its text."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.states: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.since: dict[str, int] = {}
        self.sent: list[tuple[str, str]] = []
        self.now_ms = 0
        self.refuses = self.loses = False
        self.id_ends = ""

    def start(self, parameters: str, token: str) -> str:
        with self.lock:
            self.sent.append((parameters, token))
            if self.refuses:
                raise PermissionError
            build_id = self.tokens.get(token)
            if build_id is None or self.now_ms - self.since[token] >= Right.token_memory_ms:
                build_id = self.tokens[token] = f"build:{len(self.states)}{self.id_ends}"
                self.states[build_id], self.since[token] = "running", self.now_ms
            if self.loses:
                raise TimeoutError
            return build_id


class Right:
    """What the suite finds no fault in."""

    start_budget_ms = 10_000
    token_memory_ms = 240_000

    def __init__(self, service: Service, stage: str = "one") -> None:
        self.service, self.stage = service, stage

    def for_region(self, region: str) -> Any:
        return self

    def freeze(self, request: Request) -> Request:
        return request.but(parameters=self.stage)

    def start(self, request: Request, token: str) -> str:
        try:
            return self.service.start(request.parameters, token)
        except PermissionError as error:
            raise StartRefused("not allowed") from error

    def find(self, token: str, request: Request) -> str | None:
        if self.service.loses:
            raise TimeoutError
        return self.service.tokens.get(token)

    def status(self, build_id: str) -> str | None:
        return self.service.states.get(build_id)

    def cancel(self, build_id: str) -> None:
        if build_id not in self.service.states:
            raise LookupError(build_id)
        self.service.states[build_id] = "failed"

    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        while (state := self.status(build_id)) == "running":
            threading.Event().wait(every_ms / 1000)
            beat()
        return None if state is None else int(state == "failed")


class RightSuite(StarterConformance):
    lacks = ("fork",)
    silence_s = PATIENCE_S
    kind: type[Right] = Right

    def make_starter(self, tmp_path: Path | None = None) -> Right:
        self.service = Service()
        return self.kind(self.service)

    def another(self, starter: Right) -> Right:
        return self.kind(self.service)

    def reconfigured(self, starter: Right) -> Right:
        return self.kind(self.service, stage="two")

    def builds(self) -> Sequence[str]:
        return [*self.service.states]

    def sent(self) -> Sequence[object]:
        return self.service.sent

    @contextmanager
    def refusing(self) -> Iterator[None]:
        self.service.refuses = True
        yield
        self.service.refuses = False

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.service.loses = True
        yield
        self.service.loses = False

    def end(self, build_id: str, *, succeeded: bool) -> None:
        self.service.states[build_id] = "succeeded" if succeeded else "failed"

    def advance(self, ms: int) -> None:
        self.service.now_ms += ms


class IgnoresItsToken(Right):
    def start(self, request: Request, token: str) -> str:
        return super().start(request, f"{token}-{len(self.service.states)}")

    def find(self, token: str, request: Request) -> str | None:
        return next((id_ for known, id_ in self.service.tokens.items() if known.startswith(token)), None)


class PromisesTooLongAMemory(Right):
    token_memory_ms = 2 * Right.token_memory_ms


class GivesIdsThatCannotBeKept(Right):
    """As a line of a tool's output has it."""

    def __init__(self, service: Service, stage: str = "one") -> None:
        super().__init__(service, stage)
        service.id_ends = "\n"


class KeepsTheTokenOnItself(Right):
    def __init__(self, service: Service, stage: str = "one") -> None:
        super().__init__(service, stage)
        self.here: set[threading.Thread] = set()

    def start(self, request: Request, token: str) -> str:
        self.token = token
        self.meet()
        return super().start(request, self.token)

    def meet(self) -> None:
        """Of a pool's threads each waits for all the others here."""
        pool = [one for one in threading.enumerate() if one.name.startswith("ThreadPoolExecutor")]
        if threading.current_thread() in pool:
            self.here.add(threading.current_thread())
            until(lambda: self.here.issuperset(pool))


class RefusesWhenInDoubt(Right):
    def start(self, request: Request, token: str) -> str:
        try:
            return super().start(request, token)
        except TimeoutError as error:
            raise StartRefused("no answer") from error


class ReturnsTheTokenWhenInDoubt(Right):
    def start(self, request: Request, token: str) -> str:
        try:
            return super().start(request, token)
        except TimeoutError:
            return token


class BuildsBeforeItIsRefused(Right):
    def start(self, request: Request, token: str) -> str:
        if self.service.refuses:
            self.service.refuses = False
            super().start(request, token)
            raise StartRefused("not allowed")
        return super().start(request, token)


class LeavesARefusalInDoubt(Right):
    def start(self, request: Request, token: str) -> str:
        return self.service.start(request.parameters, token)


class FindsNothingByRaising(Right):
    def find(self, token: str, request: Request) -> str | None:
        return self.service.tokens[token]


class FindsTheNewest(Right):
    def find(self, token: str, request: Request) -> str | None:
        return next(reversed(self.service.states), None)


class FindsOnlyWhatItsServiceRemembers(Right):
    def find(self, token: str, request: Request) -> str | None:
        late = self.service.now_ms - self.service.since.get(token, 0) >= self.token_memory_ms
        return None if late else super().find(token, request)


class FindsOnlyWhatRuns(Right):
    def find(self, token: str, request: Request) -> str | None:
        build_id = super().find(token, request)
        return build_id if build_id and self.status(build_id) == "running" else None


class FindsNothingWithoutAnAnswer(Right):
    def find(self, token: str, request: Request) -> str | None:
        try:
            return super().find(token, request)
        except TimeoutError:
            return None


class BuildsAgainWhatHasEnded(Right):
    def start(self, request: Request, token: str) -> str:
        if self.status(self.service.tokens.get(token, "")) == "failed":
            del self.service.tokens[token]
        return super().start(request, token)


class KnowsOnlyItsOwnBuilds(Right):
    def start(self, request: Request, token: str) -> str:
        self.own = super().start(request, token)
        return self.own

    def status(self, build_id: str) -> str | None:
        return super().status(build_id) if build_id == getattr(self, "own", None) else None


class NeverBeats(Right):
    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        return super().wait(build_id, lambda: None, every_ms)


class TellsNoStatusOfAFailure(Right):
    def wait(self, build_id: str, beat: Callable[[], None], every_ms: int) -> int | None:
        return 0 if super().wait(build_id, beat, every_ms) == 0 else None


class FreezesTheVariablesAway(Right):
    def freeze(self, request: Request) -> Request:
        return request.but(parameters=f"{self.stage}{request.environment}", environment=())


class LeasesItsBuildsForADecade(Right):
    build_lease_ms = 10 * 366 * 86_400_000


class LeasesItsBuildsForNoTime(Right):
    build_lease_ms = 0


class RemembersForHalfAMillisecond(Right):
    token_memory_ms = 240_000.5  # type: ignore[assignment]


class SpeaksTheServicesWords(Right):
    def status(self, build_id: str) -> str | None:
        return {"running": "IN_PROGRESS"}.get(state := super().status(build_id) or "UNKNOWN", state)


class CancelsEverything(Right):
    def cancel(self, build_id: str) -> None:
        super().cancel(build_id)
        self.service.states = dict.fromkeys(self.service.states, "failed")


class CancelsWhatIsNotThere(Right):
    def cancel(self, build_id: str) -> None:
        if build_id in self.service.states:
            super().cancel(build_id)


class FreezesTheHour(Right):
    frozen = 0

    def freeze(self, request: Request) -> Request:
        FreezesTheHour.frozen += 1
        return request.but(parameters=f"{self.stage} at {self.frozen}")


class FreezesMoreThanItsParameters(Right):
    def freeze(self, request: Request) -> Request:
        return super().freeze(request.but(reason=f"frozen: {request.reason}"))


class SendsTheSettingsOfNow(Right):
    def start(self, request: Request, token: str) -> str:
        return super().start(self.freeze(request), token)


class IsAnotherElsewhere(Right):
    def for_region(self, region: str) -> Any:
        return Right(self.service)


class TakesLongerThanAClaim(Right):
    start_budget_ms = 60_000


class NamesNoBudget(Right):
    start_budget_ms = 0


class HidesItsFind(Right):
    find = property()


WRONG: dict[type[Right], set[str]] = {
    IgnoresItsToken: {
        "test_one_token_is_one_build",
        "test_one_token_from_many_threads_is_one_build",
        "test_what_was_lost_is_had_by_its_token",
        "test_a_token_is_known_when_its_build_has_ended",
        "test_a_take_over_sends_the_very_same",  # the token is sent along
    },
    PromisesTooLongAMemory: {"test_one_token_is_one_build"},
    GivesIdsThatCannotBeKept: {"test_each_token_is_a_build"},
    KeepsTheTokenOnItself: {"test_many_threads_can_start"},
    RefusesWhenInDoubt: {"test_a_lost_answer_is_no_refusal"},
    ReturnsTheTokenWhenInDoubt: {"test_a_lost_answer_is_no_refusal"},
    BuildsBeforeItIsRefused: {"test_refused_means_that_there_is_no_build"},
    LeavesARefusalInDoubt: {"test_refused_means_that_there_is_no_build"},
    FindsNothingByRaising: {"test_find_answers_none_for_an_unknown_token"},
    FindsTheNewest: {"test_find_answers_none_for_an_unknown_token", "test_find_knows_what_was_started"},
    FindsOnlyWhatItsServiceRemembers: {"test_find_knows_what_was_started"},
    FindsOnlyWhatRuns: {"test_find_knows_what_has_ended"},
    FindsNothingWithoutAnAnswer: {"test_find_without_an_answer_raises"},
    BuildsAgainWhatHasEnded: {"test_a_token_is_known_when_its_build_has_ended"},
    KnowsOnlyItsOwnBuilds: {"test_status_follows_a_build", "test_cancel_ends_that_build_and_no_other"},
    NeverBeats: {"test_wait_beats_until_the_end"},
    TellsNoStatusOfAFailure: {"test_wait_tells_the_exit_status"},
    FreezesTheVariablesAway: {"test_freeze_is_pure"},
    LeasesItsBuildsForADecade: {"test_its_budget_is_under_the_lease"},
    LeasesItsBuildsForNoTime: {"test_its_budget_is_under_the_lease"},
    RemembersForHalfAMillisecond: {"test_its_budget_is_under_the_lease"},
    SpeaksTheServicesWords: {
        "test_status_follows_a_build",
        "test_cancel_ends_that_build_and_no_other",
        "test_wait_beats_until_the_end",
        "test_wait_tells_the_exit_status",
    },
    CancelsEverything: {"test_cancel_ends_that_build_and_no_other"},
    CancelsWhatIsNotThere: {"test_cancel_of_an_unknown_build_raises"},
    FreezesTheHour: {"test_freeze_is_pure", "test_for_region_is_of_the_same_kind"},
    FreezesMoreThanItsParameters: {"test_freeze_is_pure"},
    SendsTheSettingsOfNow: {"test_a_take_over_sends_the_very_same"},
    IsAnotherElsewhere: {"test_for_region_is_of_the_same_kind"},
    TakesLongerThanAClaim: {"test_its_budget_is_under_the_lease"},
    NamesNoBudget: {"test_its_budget_is_under_the_lease"},
    HidesItsFind: {
        "test_it_has_what_it_declares",
        *(name for name in vars(StarterConformance) if "find" in name or "found" in name),
    },
}


def failures(kind: type[Right]) -> set[str]:
    """The tests of the suite that fail for a starter."""
    silence_s = 0.1 if "test_wait_beats_until_the_end" in WRONG.get(kind, ()) else PATIENCE_S
    suite = type("Suite", (RightSuite,), {"kind": kind, "silence_s": silence_s})
    failed = set()
    for name in dir(suite):
        if name.startswith("test_") and callable(getattr(suite, name)):
            case = suite()
            try:
                getattr(case, name)(case.make_starter())
            except Exception:  # noqa: BLE001  (as pytest does)
                failed.add(name)
    return failed


def test_a_starter_that_is_right_passes() -> None:
    assert failures(Right) == set()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda kind: kind.__name__)
def test_the_suite_catches_a_starter_that(wrong: type[Right]) -> None:
    assert failures(wrong) == WRONG[wrong]


def test_what_it_lacks_has_to_be_something() -> None:
    with pytest.raises(TypeError, match="names cancle; there are"):
        type("Suite", (StarterConformance,), {"lacks": ["cancle"]})


def test_a_clock_needs_no_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; from holdoff.testing import ManualClock"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE_S)


class NoText:
    """What cannot be made text."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize("result", [NoText(), 10**5000, "", None], ids=["no text", "too long", "empty", "none"])
def test_a_function_whose_result_is_no_id_has_built_all_the_same(result: object) -> None:
    """Once it was taken for a start that is not known, and called again after the lease."""
    gate = Gate("p", store=open_store("memory:"), policy=Policy("10m"), starter=Call(lambda *_: result))
    decision = gate.trigger()

    assert (decision.outcome, decision.build_id) == (Outcome.STARTED, decision.token)
