"""One mutant, one process: the tests on it, cheapest first, until one fails."""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.util
import io
import os
import resource
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pytest

from tests.mutants.mutations import Mutant, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

Outcome = Literal["killed", "timeout", "survived"]

#: The tests in tests/core that are about each module.
ABOUT: Final = {
    "machine": ("steps", "waits", "claims", "tally", "machine", "wake_ms", "outlived"),
    "protocol": ("outcomes", "protocol"),
    "policy": ("policy",),
}
#: What a mutant has to get past after those: arguments of pytest.
STAGES: Final = {
    "core": (),
    "guarantees": ("tests/guarantees", "-k", "memory and not sqlite and not dynamodb"),
    "model": ("tests/model/test_model.py", "-k", "every_history or random or stays_mended"),
}
#: The pytest of each stage: nothing written, nothing drawn by lot.
PYTEST: Final = (
    *("-x", "-q", "--tb=no", "--no-header", "--assert=plain"),
    *("-p", "no:cacheprovider", "-p", "no:logging"),
)
#: Modules of ours that know nothing of the code.
KEPT: Final = ("tests.mutants", "tests.conftest", "tests.engines")
#: A mutant may use so much more processor time than the code as it is, and at least so many seconds.
TIMES, AT_LEAST_S = 5, 10
#: And so many seconds of anything: for one that waits.
ALARM_S = 3_600


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: ``by`` names the test that failed, or the stage that did not end."""

    key: str
    outcome: Outcome
    by: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    """The processor time of each stage on the code as it is, seconds."""

    seconds: dict[str, float]

    def of(self, stage: str) -> int:
        """What a mutant gets."""
        return int(max(AT_LEAST_S, TIMES * self.seconds.get(stage, 0)))


def measured(stages: Sequence[str]) -> Budget:
    """How long each stage takes on the code as it is, which must pass."""
    _import_all()
    module = "policy"
    same = Mutant(module, "the code as it is", ("", path_of(module).read_text(), ""))
    seconds = {}
    for stage in stages:
        verdict = next(verdicts([same], Budget({stage: 120}), 1, stages=[stage]))
        if verdict.outcome != "survived":
            raise SystemExit(f"The code as it is fails {verdict.by}: nothing to be learned.")
        seconds[stage] = verdict.cpu_s
    return Budget(seconds)


def _import_all() -> None:
    """Once for all: pytest itself, what the tests use besides our own code, and everything compiled."""
    sys.dont_write_bytecode = False
    words = [word for stage in STAGES for word in _words(stage, "machine")]
    files = [word for word in words if word.startswith("tests/")]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        if pytest.main([*PYTEST, "--collect-only", *files]):
            raise SystemExit(f"The tests cannot be imported:\n{said.getvalue()}")
    gc.freeze()


def _words(stage: str, module: str) -> tuple[str, ...]:
    """The arguments of pytest: the tests about the module first, and of one stage only."""
    if stage != "core":
        return STAGES[stage]
    about = [*ABOUT[module], *(name for other in ABOUT if other != module for name in ABOUT[other])]
    return tuple(f"tests/core/test_{name}.py" for name in about)


def verdicts(
    mutants: Sequence[Mutant],
    budget: Budget,
    workers: int,
    *,
    stages: Sequence[str] = tuple(STAGES),
) -> Iterator[Verdict]:
    """What becomes of each, as it is known; so many at a time."""
    with tempfile.TemporaryDirectory(prefix="holdoff-mutants-") as folder:
        waiting, busy = list(reversed(mutants)), dict[int, Mutant]()
        while waiting or busy:
            while waiting and len(busy) < workers:
                mutant = waiting.pop()
                busy[_fork(mutant, budget, stages, Path(folder))] = mutant
            pid, status, used = os.wait4(-1, 0)
            story = Path(folder, str(pid))
            yield _verdict(busy.pop(pid).key, status, used.ru_utime + used.ru_stime, story)
            story.unlink(missing_ok=True)


def _fork(mutant: Mutant, budget: Budget, stages: Sequence[str], folder: Path) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            _stand_trial(mutant, budget, stages, folder)
        finally:
            os._exit(1)
    return pid


def _verdict(key: str, status: int, cpu_s: float, story: Path) -> Verdict:
    lines = story.read_text().splitlines() if story.exists() else []
    by = lines[-1] if lines else "at its import"
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM}:
            return Verdict(key, "timeout", by, cpu_s)
        return Verdict(key, "killed", f"{by}, signal {os.WTERMSIG(status)}", cpu_s)
    return Verdict(key, "killed" if os.WEXITSTATUS(status) else "survived", by, cpu_s)


# --- in the process of the mutant ----------------------------------------------------------------------------------


def _stand_trial(mutant: Mutant, budget: Budget, stages: Sequence[str], folder: Path) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    signal.alarm(ALARM_S)
    gc.set_threshold(100_000)
    _forget_the_code()
    sys.meta_path.insert(0, _Finder(mutant))
    witness = _Witness(folder / str(os.getpid()))
    for stage in stages:
        witness.say(f"in {stage}")
        _allow(budget.of(stage))
        if pytest.main([*PYTEST, *_words(stage, mutant.module)], plugins=[witness]):
            os._exit(1)
    os._exit(0)


def _forget_the_code() -> None:
    """Whatever may hold on to the code as it is, so that it is imported afresh with the mutant in it."""
    for name in list(sys.modules):
        if name.startswith(("holdoff", "tests.")) and not name.startswith(KEPT):
            del sys.modules[name]


def _allow(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, most))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives out the mutant where the module is asked for."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != f"holdoff.core.{self.mutant.module}":
            return None
        where = str(path_of(self.mutant.module))
        return importlib.util.spec_from_loader(name, self, origin=where)

    def exec_module(self, module: ModuleType) -> None:
        where = str(path_of(self.mutant.module))
        exec(compile(self.mutant.source, where, "exec"), module.__dict__)


class _Witness:
    """Writes down which test failed first."""

    def __init__(self, story: Path) -> None:
        self.story = story

    def say(self, line: str) -> None:
        self.story.write_text(line)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.say(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.say(f"{report.nodeid}, at its import")
