"""What a run says: figures, and the survivors with what is argued for them."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.mutants.run import Verdict

ARGUED = Path(__file__).with_name("survivors.toml")
#: At least so many of a hundred must die, argued for or not.
LEAST_PERCENT: Final = 95.0


def read_arguments(path: Path = ARGUED) -> dict[str, str]:
    """Why each known survivor may live, by its name."""
    groups = tomllib.loads(path.read_text()).get("argued", [])
    argued: dict[str, str] = {}
    for group in groups:
        if set(group) != {"why", "mutants"} or not group["why"].strip():
            raise SystemExit(f"{path}: each [[argued]] has why and mutants, got {group}")
        argued |= dict.fromkeys(group["mutants"], " ".join(group["why"].split()))
    if len(argued) != sum(len(group["mutants"]) for group in groups):
        raise SystemExit(f"{path} names a mutant twice")
    return argued


@dataclass(frozen=True, slots=True)
class Report:
    """A run, judged."""

    verdicts: list[Verdict]
    argued: dict[str, str]
    whole: bool

    @property
    def survivors(self) -> list[str]:
        """Who is alive."""
        return [verdict.key for verdict in self.verdicts if verdict.outcome == "survived"]

    @property
    def percent(self) -> float:
        """Of a hundred mutants, how many died; one that never ends counts as dead."""
        return 100 * (1 - len(self.survivors) / max(1, len(self.verdicts)))

    @property
    def problems(self) -> list[str]:
        """What has to be done, if anything."""
        alive, tried = set(self.survivors), {verdict.key for verdict in self.verdicts}
        found = [f"nobody argues for {key}" for key in self.survivors if key not in self.argued]
        found += [f"killed, take the argument away: {k}" for k in self.argued if k in tried - alive]
        if self.whole:
            found += [f"no such mutant, mend the name: {k}" for k in self.argued if k not in tried]
            if self.percent < LEAST_PERCENT:
                found.append(f"{self.percent:.1f} % killed; at least {LEAST_PERCENT} % must be")
        return found

    def __str__(self) -> str:
        lines = ["", f"{'':10}{'mutants':>9}{'killed':>9}{'timeouts':>9}{'survived':>9}"]
        lines += [_row(name, list(group)) for name, group in groupby(self.verdicts, _module)]
        lines += [_row("all", self.verdicts), f"{self.percent:.2f} % killed", ""]
        known = [key for key in self.survivors if key in self.argued]
        lines += [f"{key}\n    {self.argued[key]}" for key in known]
        return "\n".join([*lines, "", *(self.problems or ["Every survivor is argued for."])])


def _module(verdict: Verdict) -> str:
    return re.split("[.:]", verdict.key)[0]


def _row(name: str, verdicts: list[Verdict]) -> str:
    count = Counter(verdict.outcome for verdict in verdicts)
    figures = (len(verdicts), count["killed"], count["timeout"], count["survived"])
    return f"{name:10}" + "".join(f"{figure:9,}" for figure in figures)
