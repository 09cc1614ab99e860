"""GitLab CI: by a trigger token and by the API; and how a pipeline is found among those of pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core import token as tokens
from holdoff.core.errors import ConfigError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.starters import GitLab
from holdoff.starters.on_http import ASK_MS
from holdoff.testing import ManualClock
from tests.standins.codebuild import StandinClock
from tests.standins.gitlab import GitLabStandin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = Request(
    project="site", region="local", key="release", source_version="4f2a91c", line="acme/site refs/heads/release"
)
TOKEN = tokens.make(1_767_225_600_000, 1)
BY_TRIGGER = {"trigger_token": "env:TRIGGER"}


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabStandin]:
    monkeypatch.setenv("GITLAB_TOKEN", GitLabStandin.token)
    monkeypatch.setenv("TRIGGER", GitLabStandin.trigger_token)
    with GitLabStandin(clock=StandinClock(ManualClock("2026-01-01T00:00:00Z").now_ms)) as standin:
        yield standin


@pytest.fixture
def make(gitlab: GitLabStandin) -> Callable[..., Any]:
    return lambda **settings: GitLab("acme/site", endpoint=gitlab.url, **settings)


@pytest.mark.parametrize("how", [{}, BY_TRIGGER], ids=["api", "trigger"])
def test_a_pipeline_is_told_what_it_builds(gitlab: GitLabStandin, make: Any, how: dict[str, str]) -> None:
    starter = make(ref="{branch|main}", environment={"STAGE": "prod", "WHY": "{event_id}"}, **how)
    build = starter.start(starter.freeze(REQUEST.but(environment=(("STAGE", "test"),))), TOKEN)
    assert gitlab.builds[build].about["variables"] == {
        "HOLDOFF_PROJECT": "site",
        "HOLDOFF_REGION": "local",
        "HOLDOFF_KEY": "release",
        "HOLDOFF_SOURCE_VERSION": "4f2a91c",
        "HOLDOFF_LINE": "acme/site refs/heads/release",
        "HOLDOFF_TOKEN": TOKEN,
        "STAGE": "test",
    }
    assert gitlab.seen[0].json["ref"] == "release"


def test_where_the_trigger_has_no_branch_the_ref_is_main(gitlab: GitLabStandin, make: Any) -> None:
    make(ref="{branch}").start(REQUEST.but(line=None), TOKEN)
    assert gitlab.seen[0].json["ref"] == "main"


def test_by_a_trigger_token_alone_no_pipeline_is_followed(make: Any) -> None:
    """No token here may look."""
    followed = ("find", "status", "cancel")
    assert [hasattr(make(**BY_TRIGGER), name) for name in followed] == [False] * 3
    assert [hasattr(make(**BY_TRIGGER, token="env:GITLAB_TOKEN"), name) for name in followed] == [True] * 3


def test_an_access_token_is_not_sent_with_a_trigger_token(gitlab: GitLabStandin, make: Any) -> None:
    make(**BY_TRIGGER, token="env:GITLAB_TOKEN").start(REQUEST, TOKEN)
    assert "authorization" not in gitlab.seen[0].headers


def test_what_gitlab_says_is_told(gitlab: GitLabStandin, make: Any) -> None:
    with pytest.raises(StartRefused, match=r"400 \(Reference not found\)\. See the ref"):
        make(ref="gone").start(REQUEST, TOKEN)
    gitlab.fault("status", status=400, body={"error": "ref is empty"}, for_all=True)
    with pytest.raises(StartRefused, match=r"400 \(ref is empty\)"):
        make().start(REQUEST, TOKEN)


def test_a_trigger_token_that_is_not_the_projects_is_refused(
    gitlab: GitLabStandin, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIGGER", "another")
    with pytest.raises(StartRefused, match="404"):
        make(**BY_TRIGGER).start(REQUEST, TOKEN)


def test_pipelines_of_pushes_are_not_asked_after(gitlab: GitLabStandin, make: Any) -> None:
    build = gitlab.push("trigger", {"HOLDOFF_TOKEN": TOKEN})
    gitlab.push("api", {"HOLDOFF_TOKEN": "another"})
    for _ in range(120):
        gitlab.push()
    assert make().find(TOKEN, REQUEST) == build
    assert len(gitlab.seen) == 4, "two pages, and the variables of two"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_look_among_more_than_there_is_time_for_ends_all_the_same(
    gitlab: GitLabStandin, make: Any, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """Else a claim that was left behind among many pipelines would stay for ever."""
    build = gitlab.push("api", {"HOLDOFF_TOKEN": TOKEN if is_there else "another"})
    for _ in range(30):
        gitlab.push("api", {"HOLDOFF_TOKEN": "another"})
    starter, clock = make(), ManualClock("2026-01-01T00:00:00Z")
    starter.clock = clock
    ask = starter._ask

    def slowly(*given: Any) -> Any:
        clock.sleep(ASK_MS // 12)
        return ask(*given)

    monkeypatch.setattr(starter, "_ask", slowly)
    for _ in range(3):
        with pytest.raises(StartUnknown, match="no time left"):
            starter.find(TOKEN, REQUEST)
    assert starter.find(TOKEN, REQUEST) == (build if is_there else None)


@pytest.mark.parametrize("body", [{}, [1], [{}], b"<html>", [{"source": "api"}]], ids=str)
def test_an_answer_in_other_words_tells_nothing(gitlab: GitLabStandin, make: Any, body: object) -> None:
    gitlab.fault("status", status=200, body=body, for_all=True)
    with pytest.raises(StartUnknown, match="cannot look"):
        make().find(TOKEN, REQUEST)


@pytest.mark.parametrize("body", [{}, b"<html>"], ids=str)
def test_variables_in_other_words_tell_nothing(gitlab: GitLabStandin, make: Any, body: object) -> None:
    """They may be those with the token: that there is none is only said by GitLab."""
    number = gitlab.push("api", {"HOLDOFF_TOKEN": TOKEN})
    gitlab.fault("status", status=200, body=[gitlab._told(number)], for_all=True)
    gitlab.fault("status", status=200, body=body, for_all=True)
    with pytest.raises(StartUnknown, match="something else"):
        make().find(TOKEN, REQUEST)


def test_variables_that_may_not_be_seen_tell_nothing(gitlab: GitLabStandin, make: Any) -> None:
    gitlab.push("api")
    gitlab.fault("status", status=403, for_all=True)
    with pytest.raises(StartUnknown, match="403"):
        make().find(TOKEN, REQUEST)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("success", "succeeded"),
        *((state, "failed") for state in ("failed", "canceled", "skipped")),
        *((state, "running") for state in ("created", "pending", "running", "manual", "scheduled", "canceling", "new")),
    ],
)
def test_a_state_is_an_end_or_none(gitlab: GitLabStandin, make: Any, state: str, says: str) -> None:
    build = gitlab.push()
    gitlab.builds[build].state = state
    assert make().status(build) == says


def test_an_answer_without_a_state_is_no_running_build(gitlab: GitLabStandin, make: Any) -> None:
    build = gitlab.push()
    gitlab.fault("status", status=200, body={}, for_all=True)
    assert make().status(build) is None


def test_cancelling_what_has_ended_is_no_error(gitlab: GitLabStandin, make: Any) -> None:
    build = gitlab.push()
    gitlab.builds[build].state = "success"
    make().cancel(build)
    assert gitlab.builds[build].state == "success"


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("gitlab", {"project": "site"}),
        ("gitlab", {"project": "acme/site?x=1"}),
        ("ref", {"ref": 7}),
        ("environment", {"environment": ["A"]}),
        ("environment", {"environment": {"HOLDOFF_TOKEN": "{token}"}}),
        ("token", {"token": "glpat-abc"}),
        ("trigger_token", {"trigger_token": "glptt-abc"}),
        ("endpoint", {"endpoint": "https://gitlab.example/?x"}),
    ],
)
def test_a_wrong_setting_is_named(field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        GitLab(**{"project": "acme/site", **settings})
    assert refused.value.field == field
