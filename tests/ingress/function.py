"""A function as Lambda would have it, in this process: on a store in memory, its builds at the CodeBuild stand-in."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holdoff.core.errors import WakeError
from holdoff.ingress.aws_lambda import Function
from holdoff.testing import ManualClock
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

    from holdoff.core.record import GateKey
    from holdoff.core.status import Status

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
    aws_request_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
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

    def __init__(
        self, standin: CodeBuildStandin, folder: Path, *, text: str = FILE, waker: bool = True
    ) -> None:
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
        self._waker = waker
        self.function = self._new_function()

    def _new_function(self) -> Function:
        return Function(
            self.environment,
            clock=self.clock,
            tell=self.lines.append,
            make_waker=lambda _environment, _context: self.wakes if self._waker else None,
        )

    def another(self) -> Stage:
        """Another instance of the function, on the same store."""
        ours, other = self.function._ready, copy(self)
        assert ours is not None
        other.function = other._new_function()
        other.send({"holdoff": "sweep"})
        theirs = other.function._ready
        assert theirs is not None
        theirs.dispatch.store = ours.dispatch.store
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

    def status(self, project: str) -> Status:
        """How a gate stands."""
        ready = self.function._ready
        assert ready is not None
        return ready.dispatch._gate(project, REGION).status()


def build_ended(
    build_id: str, status: str = "SUCCEEDED", *, region: str = REGION
) -> dict[str, Any]:
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
