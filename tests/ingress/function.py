"""A function as Lambda would have it, in this process: on a store in memory, its builds at the CodeBuild stand-in."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holdoff.core.errors import WakeError
from holdoff.core.request import GateKey
from holdoff.ingress.aws_lambda import Function
from holdoff.testing import ManualClock
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

    from holdoff.observe.status import Status

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:holdoff"
REGION = "eu-west-1"
FILE = """
store = "memory:"

[projects.site]
cooldown = "10m"
region = "eu-west-1"
starter = {{ codebuild = "site-build", endpoint = "{url}" }}

[projects.docs]
cooldown = "1h"
overlap = "defer"
region = "eu-west-1"
starter = {{ codebuild = "docs-build", endpoint = "{url}" }}

[webhooks]
github = "env:GITHUB"
secret = "env:PLAIN"
"""


@dataclass
class Context:
    """What Lambda hands over besides the event."""

    invoked_function_arn: str = ARN
    function_name: str = "holdoff"
    left_ms: int = 300_000
    passes_ms: int = 0  #: so much time passes from one look to the next
    aws_request_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        self.left_ms -= self.passes_ms
        return self.left_ms


@dataclass
class Wakes:
    """The seam to a scheduler: remembers which wakes were arranged, or fails where told."""

    arranged: list[tuple[str, int]] = field(default_factory=list)
    failing: bool = False

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        if self.failing:
            raise WakeError(f"the wake of {key} could not be scheduled")
        self.arranged.append((key.project, due_ms - now_ms))


class Stage:
    """The function, its clock, its wakes, its log and the builds."""

    def __init__(self, standin: CodeBuildStandin, folder: Path, *, text: str = FILE, scheduled: bool = True) -> None:
        path = folder / "holdoff.toml"
        path.write_text(text.format(url=standin.url))
        self.standin = standin
        self.clock = ManualClock("2026-11-25T03:00:00Z")
        self.wakes = Wakes()
        self.lines: list[dict[str, Any]] = []
        self.context = Context()
        self.environment = {
            "HOLDOFF_CONFIG": str(path),
            "GITHUB": "it is a secret",
            "PLAIN": "so is this",
        }
        self._scheduled = scheduled
        self.function = self._new_function()

    def _new_function(self) -> Function:
        return Function(
            self.environment,
            clock=self.clock,
            write=self.lines.append,
            new_scheduler=lambda _context: self.wakes if self._scheduled else None,
        )

    def another(self) -> Stage:
        """Another instance of the function, on the same store."""
        ours, other = self.function._dispatch, copy(self)
        assert ours is not None
        other.function = other._new_function()
        other.send({"holdoff": "sweep"})
        theirs = other.function._dispatch
        assert theirs is not None
        theirs.store = ours.store
        return other

    def send(self, event: object) -> dict[str, Any]:
        """One invocation."""
        return self.function.answer(event, self.context)

    def after(self, duration: str, event: object) -> dict[str, Any]:
        """One invocation, so much later."""
        self.clock.advance(duration)
        return self.send(event)

    @property
    def built(self) -> list[str]:
        """The projects that were built, in order."""
        return [build.project for build in self.standin.builds_started]

    def outcomes(self, project: str) -> list[str]:
        """What was decided on the triggers of a project, in order."""
        decisions = [line for line in self.lines if line["event"] == "decision" and line["kind"] != "wake"]
        return [line["outcome"] for line in decisions if line["project"] == project]

    def status(self, project: str) -> Status:
        """How a gate stands."""
        dispatch = self.function._dispatch
        assert dispatch is not None
        return dispatch.gate(GateKey(project, REGION)).status()


def build_ended(build_id: str, status: str = "SUCCEEDED", *, region: str = REGION) -> dict[str, Any]:
    """CodeBuild's own event, as EventBridge delivers it
    (https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html)."""
    project = build_id.partition(":")[0]
    arn = f"arn:aws:codebuild:{region}:123456789012:build/{build_id}"
    return {
        "version": "0",
        "id": f"end-of-{build_id}",
        "detail-type": "CodeBuild Build State Change",
        "source": "aws.codebuild",
        "account": "123456789012",
        "time": "2026-11-25T03:00:00Z",
        "region": region,
        "resources": [arn],
        "detail": {
            "build-status": status,
            "project-name": project,
            "build-id": arn,
            "current-phase": "COMPLETED",
        },
    }
