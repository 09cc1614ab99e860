"""A role of another account: assumed by botocore, once for all that act as it, within the time a decision has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from holdoff.aws import client as aws
from holdoff.aws.client import ASSUMING
from holdoff.aws.lean import Lean
from holdoff.core import token as tokens
from holdoff.core.errors import HoldoffError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.starters import CodeBuild, CodePipeline
from holdoff.testing import ManualClock
from tests.standins.codebuild import CodeBuildStandin, StandinClock
from tests.standins.codepipeline import CodePipelineStandin
from tests.standins.sts import StsStandin
from tests.waiting import until

PROJECT = "site-build"
REGION = "eu-west-1"
ROLE = "arn:aws:iam::222222222222:role/start-builds"
REQUEST = Request(project=PROJECT, region=REGION)


@pytest.fixture
def sts(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[StsStandin]:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _s: None)
    with StsStandin({ROLE: None}) as standin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", standin.url)
        yield standin


def test_a_role_is_botocores_also_where_the_lean_client_is_wanted(
    aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", "lean")
    by_role = [CodeBuild(role=role, region=REGION)._starting.of(REGION) for role in (None, ROLE)]
    assert [isinstance(client, Lean) for client in by_role] == [True, False]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-01-01T00:00:00Z")


@pytest.fixture
def codebuild(sts: StsStandin, clock: ManualClock) -> Iterator[CodeBuildStandin]:
    with CodeBuildStandin(projects=[PROJECT], clock=StandinClock(clock.now_ms)) as standin:
        yield standin


@pytest.fixture
def starter(codebuild: CodeBuildStandin) -> CodeBuild:
    return CodeBuild(role=ROLE, endpoint=codebuild.url)


def token_at(clock: ManualClock) -> str:
    return tokens.make(clock.now_ms(), clock.random(80))


def test_builds_are_started_found_and_stopped_by_the_role(
    sts: StsStandin, codebuild: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
) -> None:
    token = token_at(clock)
    build_id = starter.start(REQUEST, token)
    assert starter.find(token, REQUEST) == build_id
    starter.cancel(build_id)
    assert starter.status(build_id) == "failed"
    assert set(codebuild.keys) == {"ASSUMED1"}
    [asked] = sts.asked
    assert (asked["RoleArn"], asked["RoleSessionName"]) == (ROLE, "holdoff")


def test_all_that_act_as_a_role_share_its_credentials(
    sts: StsStandin, codebuild: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
) -> None:
    starter.start(REQUEST, token_at(clock))
    CodeBuild(role=ROLE, endpoint=codebuild.url).start(REQUEST, token_at(clock))
    with CodePipelineStandin([PROJECT], clock=StandinClock(clock.now_ms)) as pipelines:
        CodePipeline(role=ROLE, endpoint=pipelines.url).start(REQUEST, token_at(clock))
        assert set(pipelines.keys) == {"ASSUMED1"}
    assert len(sts.asked) == 1


def test_a_project_without_a_role_is_asked_by_whoever_this_process_is(
    codebuild: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
) -> None:
    starter.start(REQUEST, token_at(clock))
    CodeBuild(endpoint=codebuild.url).start(REQUEST, token_at(clock))
    first, second = codebuild.keys
    assert first == "ASSUMED1" != second


def test_credentials_are_renewed_before_they_run_out(
    sts: StsStandin, codebuild: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
) -> None:
    sts.lifetime = 60  # botocore renews in the last 10 minutes
    for _ in range(3):
        starter.start(REQUEST, token_at(clock))
    assert codebuild.keys == ["ASSUMED1", "ASSUMED2", "ASSUMED3"]


def test_an_external_id_is_sent_where_there_is_one(
    sts: StsStandin, codebuild: CodeBuildStandin, clock: ManualClock
) -> None:
    sts.roles[ROLE] = "our-secret-handshake"
    with pytest.raises(StartRefused, match="external id"):
        CodeBuild(role=ROLE, endpoint=codebuild.url).start(REQUEST, token_at(clock))
    CodeBuild(role=ROLE, external_id="our-secret-handshake", endpoint=codebuild.url).start(REQUEST, token_at(clock))
    assert len(codebuild.builds_started) == 1


def test_one_that_may_not_be_assumed_is_refused_with_what_is_to_be_done(
    sts: StsStandin, codebuild: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
) -> None:
    del sts.roles[ROLE]
    told = f"Allow sts:AssumeRole on {ROLE} to this process, and let that role's trust policy name it"
    with pytest.raises(StartRefused, match=told) as refused:
        starter.start(REQUEST, token_at(clock))
    assert not refused.value.worth_retrying
    with pytest.raises(StartUnknown, match=told):
        starter.find(token_at(clock), REQUEST)
    with pytest.raises(HoldoffError, match=told):
        starter.status("site-build:x")
    assert codebuild.keys == []


def test_what_the_role_may_not_do_is_to_be_allowed_to_the_role(
    codebuild: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
) -> None:
    codebuild.fault("StartBuild", "error", code="AccessDeniedException", message="no")
    arn = "arn:aws:codebuild:eu-west-1:222222222222:project/site-build"
    with pytest.raises(StartRefused, match=f"Allow codebuild:StartBuild on {arn.replace('*', '.')} to {ROLE}"):
        starter.start(REQUEST, token_at(clock))


def test_an_sts_that_is_silent_is_asked_as_often_as_was_reckoned(
    sts: StsStandin, starter: CodeBuild, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a twentieth of the real time."""
    monkeypatch.setattr(aws, "ASSUMING", ASSUMING.but(connect_s=0.05, read_s=0.15))
    sts.silent = True
    with pytest.raises(StartRefused):  # certain: nothing was sent
        starter.start(REQUEST, token_at(clock))
    until(lambda: sts.unanswered >= ASSUMING.tries)  # the last may come there after it was given up here
    assert sts.unanswered == ASSUMING.tries


def test_an_sts_that_is_not_there_is_waited_for(
    sts: StsStandin, starter: CodeBuild, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(StartRefused) as refused:
        starter.start(REQUEST, token_at(clock))
    assert refused.value.worth_retrying


def test_without_credentials_of_its_own_a_process_can_assume_none(
    starter: CodeBuild, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StartRefused, match="Give this process AWS credentials"):
        starter.start(REQUEST, token_at(clock))


def test_the_time_it_takes_is_reckoned_in(starter: CodeBuild) -> None:
    assert ASSUMING.longest_ms == 5_000
    assert starter.start_budget_ms == CodeBuild().start_budget_ms + 5_000 < 60_000
