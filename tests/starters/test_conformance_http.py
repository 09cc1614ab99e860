"""The starters of web services under the one suite, each at a stand-in that behaves as its service documents."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from holdoff.starters import GitHub, GitLab, Webhook
from holdoff.testing import ManualClock, StarterConformance
from tests.standins.codebuild import StandinClock
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.hooks import HookStandin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from tests.standins.web import WebStandin


class OnTheWeb(StarterConformance):
    """With the real client."""

    lacks: ClassVar[Collection[str]] = ("wait", "tokens", "for_region")
    standin: Any
    good, bad = "success", "failure"

    @pytest.fixture(autouse=True)
    def _service(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.clock = ManualClock("2026-01-01T00:00:00Z")
        with self.made(StandinClock(self.clock.now_ms)) as self.standin:
            monkeypatch.setenv("HOOK", getattr(self.standin, "hook", ""))
            monkeypatch.setenv("GITHUB_TOKEN", GitHubStandin.token)
            monkeypatch.setenv("GITLAB_TOKEN", GitLabStandin.token)
            monkeypatch.setenv("TRIGGER", GitLabStandin.trigger_token)
            yield

    def made(self, clock: StandinClock) -> WebStandin:
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        raise NotImplementedError

    def starter_with(self, **settings: Any) -> Any:
        starter = self.kind(**{**self.settings(), **settings})
        starter.clock = self.clock
        return starter

    kind: Any
    other: ClassVar[dict[str, Any]] = {"ref": "release"}

    def make_starter(self, tmp_path: Path) -> Any:
        return self.starter_with()

    def another(self, starter: Any) -> Any:
        return self.starter_with()

    def reconfigured(self, starter: Any) -> Any:
        return self.starter_with(**self.other)

    def builds(self) -> Sequence[str]:
        return [*self.standin.builds]

    def sent(self) -> Sequence[object]:
        return [(seen.path, seen.body) for seen in self.standin.starts]

    @contextmanager
    def refusing(self) -> Iterator[None]:
        self.standin.fault("status", status=403, times=100)
        yield
        self.standin.clear_faults()

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.standin.fault("drop", after=True, for_all=True, times=100)
        yield
        self.standin.clear_faults()

    def end(self, build_id: str, *, succeeded: bool) -> None:
        self.standin.builds[build_id].state = self.good if succeeded else self.bad

    def advance(self, ms: int) -> None:
        self.clock.sleep(ms)

    def now_ms(self) -> int:
        return self.clock.now_ms()


class TestWebhook(OnTheWeb):
    """A hook of one's own that remembers tokens, with all its settings."""

    lacks = ("wait", "find", "for_region")
    kind = Webhook
    other: ClassVar[dict[str, Any]] = {"json": {"stage": "other"}}

    def made(self, clock: StandinClock) -> WebStandin:
        return HookStandin(clock=clock)

    def settings(self) -> dict[str, Any]:
        return {
            "url": "env:HOOK",
            "json": {"reason": "{reason}", "stage": "{environment.STAGE|none}"},
            "id": "build.id",
            "status_url": self.standin.url + "/builds/{build_id}",
            "state": "build.state",
            "succeeded": ["success"],
            "failed": ["fail*", "cancelled"],
            "cancel_url": self.standin.url + "/builds/{build_id}/cancel",
            "token_memory": "24h",
        }


class TestPlainWebhook(OnTheWeb):
    """A hook as Netlify's is: an address that builds, and nothing more."""

    lacks = ("wait", "tokens", "find", "for_region", "status", "cancel")
    kind = Webhook
    other: ClassVar[dict[str, Any]] = {"form": {"stage": "other"}}

    def made(self, clock: StandinClock) -> WebStandin:
        return HookStandin(clock=clock, remembers=False)

    def settings(self) -> dict[str, Any]:
        return {"url": "env:HOOK", "id": "build.id"}


class TestGitHub(OnTheWeb):
    """With a personal token, and a workflow that has the token in its ``run-name``."""

    kind = GitHub

    def made(self, clock: StandinClock) -> WebStandin:
        return GitHubStandin(clock=clock)

    def settings(self) -> dict[str, Any]:
        inputs = {"version": "{source_version}"}
        return {
            "repository": "acme/site",
            "workflow": "build.yml",
            "inputs": inputs,
            "endpoint": self.standin.url,
        }


class TestGitLab(OnTheWeb):
    """By the API."""

    kind = GitLab
    bad = "failed"

    def made(self, clock: StandinClock) -> WebStandin:
        return GitLabStandin(clock=clock)

    def settings(self) -> dict[str, Any]:
        return {"project": "acme/site", "endpoint": self.standin.url}


class TestGitLabTrigger(TestGitLab):
    """Started by a trigger token, followed by an access token."""

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "trigger_token": "env:TRIGGER", "token": "env:GITLAB_TOKEN"}


class TestGitLabTriggerAlone(TestGitLab):
    """With nothing but a trigger token."""

    lacks = ("wait", "tokens", "find", "for_region", "status", "cancel")

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "trigger_token": "env:TRIGGER"}
