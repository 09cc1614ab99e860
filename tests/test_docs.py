"""The documents are true: every message and command in them is what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import holdoff
from holdoff.cli.main import VERBS
from holdoff.core.decision import Outcome, Why
from holdoff.core.errors import StartRefused
from holdoff.starters import Call
from holdoff.testing import ManualClock

if TYPE_CHECKING:
    from holdoff.core.decision import Decision
    from holdoff.core.request import Request

ROOT = Path(__file__).parent.parent


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [verb for verb in VERBS if f"`holdoff {verb}" not in text] == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page on GitHub, which keeps every blank and hyphen of a heading, also those at its ends."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_to_a_heading_leads_there_on_github_too() -> None:
    pages, lost, seen = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], [], 0
    for page in pages:
        for name, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", page.read_text()):
            to = page.parent / name if name else page
            seen += 1
            if to.suffix == ".md" and anchor not in anchors(to):
                lost.append(f"{page}: {name}#{anchor}")

    assert seen > 100
    assert lost == []


def test_every_public_name_exists_and_is_typed() -> None:
    for name in holdoff.__all__:
        assert getattr(holdoff, name) is not None
    assert (ROOT / "src/holdoff/py.typed").exists()


def test_every_message_is_explained() -> None:
    text = (ROOT / "docs/messages.md").read_text()
    missing = [str(decision) for decision in decisions() if f"`{decision}`" not in text]
    assert missing == []


def test_every_reason_code_is_explained() -> None:
    text = (ROOT / "docs/messages.md").read_text()
    internal = {Why.TAKEN_OVER}
    assert [why for why in Why if why not in internal and f"`{why}`" not in text] == []


def test_the_tests_that_hold_the_guarantees_are_there() -> None:
    files = {path.stem: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    text = (ROOT / "docs/guarantees.md").read_text()
    named = re.findall(r"`(?:tests/\w+/)?(test_\w+|Test\w+)(?:\.py)?`", text)
    assert len(named) > 10
    assert [
        name for name in named if name not in files and not any(f"class {name}:" in one for one in files.values())
    ] == []


class Stage:
    """One gate in memory, its builds with readable ids, and a clock."""

    def __init__(self, *, woken: bool = True, **policy: Any) -> None:
        self.clock = ManualClock()
        self.errors: list[Exception] = []
        self.built = 40
        self.gate = holdoff.Gate(
            "site-build",
            store=holdoff.open_store("memory:"),
            policy=holdoff.Policy(**({"cooldown": "10m"} | policy)),
            starter=Call(self._start),
            clock=self.clock,
            woken=woken,
        )

    def _start(self, _request: Request, _token: str) -> str:
        if self.errors:
            raise self.errors.pop()
        self.built += 1
        return f"site-build:{self.built}"

    def after(self, duration: str, **trigger: Any) -> Decision:
        self.clock.advance(duration)
        return self.gate.trigger(**trigger)


def decisions() -> list[Decision]:
    """Each kind of decision that a trigger or a wake gets."""
    return [
        *_plain(),
        *_failures(),
        *_policies(),
        *_holds(),
    ]


def _plain() -> list[Decision]:
    stage, silent = Stage(), Stage(woken=False)
    skips = Stage(on_cooldown="skip")
    started = stage.gate.trigger(event_id="delivery-7")
    silent.gate.trigger()
    skips.gate.trigger()
    told = [
        started,
        stage.after("3m12s"),
        stage.gate.trigger(event_id="delivery-7"),
        silent.after("3m12s"),
        skips.after("3m12s"),
        skips.gate.trigger(force=True),
    ]
    stage.clock.advance("6m48s")
    return [*told, stage.gate.wake(), stage.gate.wake()]


def _failures() -> list[Decision]:
    refused, unknown, failed, again = Stage(), Stage(), Stage(), Stage(on_failure="rearm")
    refused.errors = [StartRefused("Project cannot be found")]
    told = [refused.gate.trigger(), refused.after("10s")]
    unknown.errors = [TimeoutError("no answer in 10s")]
    told += [unknown.gate.trigger(), unknown.after("10s")]
    unknown.clock.advance("50s")
    for stage, duration in ((failed, "2m"), (again, "0s")):
        started = stage.gate.trigger()
        stage.clock.advance(duration)
        stage.gate.finished(str(started.build_id), succeeded=False)
    told += [failed.after("1m12s"), again.after("10s")]
    return [*told, unknown.gate.trigger(), _ahead()]


def _ahead() -> Decision:
    """After a clock was wrong by two hours."""
    stage = Stage(on_cooldown="skip")
    stage.clock.advance("2h")
    stage.gate.trigger()
    stage.clock.set("2026-01-01T00:00:00Z")
    return stage.gate.trigger()


def _policies() -> list[Decision]:
    quiet = Stage(quiet="30s")
    unchanged = Stage(unchanged="skip")
    limit = Stage(cooldown="1m", limit="1/1h")
    overlap = Stage(cooldown="1m", overlap="defer")
    first = unchanged.gate.trigger(source_version="4f2a91c")
    unchanged.gate.finished(str(first.build_id), succeeded=True)
    limit.gate.trigger()
    overlap.gate.trigger()
    return [
        quiet.gate.trigger(),
        unchanged.gate.trigger(source_version="4f2a91c"),
        limit.after("20m"),
        overlap.after("20m"),
        _superseded(),
    ]


def _superseded() -> Decision:
    pushes = Stage()
    pushes.gate.trigger(source_version="9c01d3e", line="main", parent="4f2a91c")
    return pushes.gate.trigger(source_version="4f2a91c", line="main")


def _holds() -> list[Decision]:
    held, until = Stage(), Stage()
    held.gate.hold(why="incident 42")
    until.gate.hold(why="release freeze", duration="2h")
    return [held.gate.trigger(), until.gate.trigger()]


def test_the_outcomes_are_all_there() -> None:
    assert {decision.outcome for decision in decisions()} == set(Outcome)
