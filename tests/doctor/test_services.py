"""What `holdoff aws check` says of a project's starter: builds, batches, pipelines, roles of other accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from holdoff.config import Project
from holdoff.core.policy import Policy
from holdoff.core.request import GateKey
from holdoff.doctor.policies import Policies
from holdoff.doctor.services import builds
from tests.doctor.test_aws_check import Iam
from tests.standins.codebuild import CodeBuildStandin
from tests.standins.codepipeline import CodePipelineStandin, Pipeline
from tests.standins.sts import StsStandin

KEY = GateKey("site", "eu-west-1")
ACCOUNT = "123456789012"
ROLE = "arn:aws:iam::222222222222:role/start-builds"
FUNCTION = "arn:aws:iam::123456789012:role/fn"


@pytest.fixture(autouse=True)
def _aws(aws_env: Mapping[str, str]) -> None:
    """Credentials that mean nothing."""


@pytest.fixture
def codebuild() -> Iterator[CodeBuildStandin]:
    with CodeBuildStandin(["site"]) as standin:
        yield standin


@pytest.fixture
def pipelines() -> Iterator[CodePipelineStandin]:
    with CodePipelineStandin([Pipeline(name="release", variables={"HOLDOFF_TOKEN": "none"}), "plain"]) as standin:
        yield standin


def told(
    starter: dict[str, Any], *, overlap: Any = "cancel", iam: Iam | None = None, role: str | None = None
) -> list[str]:
    """All that is said, without the gate."""
    asking = iam or Iam({"EvalDecision": "allowed"})
    policies = Policies("eu-west-1", role, iam=asking, sts=asking)
    policies.caller()
    project = Project(name="site", policy=Policy("10m", overlap=overlap), starter=starter)
    return [str(found).replace(f"{KEY}: ", "") for found in builds(project, KEY, policies)]


def allowed(service: str, *operations: str) -> list[str]:
    return [f"ok        {service}:{operation} is allowed" for operation in operations]


def test_a_batch_has_rights_of_its_own(codebuild: CodeBuildStandin) -> None:
    assert told({"codebuild": "site", "batch": True, "endpoint": codebuild.url}) == [
        "ok        CodeBuild project site is there, in eu-west-1",
        *allowed(
            "codebuild",
            "ListBuildBatchesForProject",
            "BatchGetBuildBatches",
            "StopBuildBatch",
            "StartBuildBatch",
        ),
    ]
    assert codebuild.start_requests == []


def test_a_pipeline_that_is_right(pipelines: CodePipelineStandin) -> None:
    iam = Iam({"EvalDecision": "allowed"})
    starter = {"codepipeline": "release", "source_action": "Source", "endpoint": pipelines.url}
    assert told(starter, iam=iam) == [
        "ok        CodePipeline pipeline release is there, in eu-west-1",
        *allowed(
            "codepipeline",
            "GetPipeline",
            "ListPipelineExecutions",
            "GetPipelineExecution",
            "StopPipelineExecution",
            "StartPipelineExecution",
        ),
    ]
    assert iam.asked[0]["ResourceArns"] == [f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:release"]
    assert pipelines.start_requests == []


def test_the_right_to_stop_is_only_for_who_cancels(pipelines: CodePipelineStandin) -> None:
    lines = told({"codepipeline": "release", "endpoint": pipelines.url}, overlap="skip")
    assert [line for line in lines if "Stop" in line] == []


def test_a_pipeline_that_is_not_as_the_starter_has_it(pipelines: CodePipelineStandin) -> None:
    lines = told({"codepipeline": "plain", "source_action": "Code", "endpoint": pipelines.url})
    assert (
        "warn      an unfinished start can be found again only by its time and its versions. Declare a variable "
        in lines[1]
    )
    assert lines[2] == "fail      it has no action Code. Its actions are Source"


def test_a_pipeline_that_is_not_there(pipelines: CodePipelineStandin) -> None:
    (line,) = told({"codepipeline": "nowhere", "endpoint": pipelines.url})
    assert line.startswith(
        "fail      there is no CodePipeline pipeline nowhere in eu-west-1. `aws codepipeline list-pipelines"
    )


def test_a_service_that_cannot_be_asked_does_not_say_that_there_is_no_pipeline(pipelines: CodePipelineStandin) -> None:
    pipelines.fault("GetPipeline", "error", code="ThrottlingException", message="slow down")
    (line,) = told({"codepipeline": "release", "endpoint": pipelines.url})
    assert line == "fail      CodePipeline cannot be asked (ThrottlingException: slow down)"


def test_a_starter_of_no_aws_service_is_not_looked_at() -> None:
    assert told({"command": ["true"]}) == ["unchecked its starter is not an AWS service: command"]


def test_a_project_that_its_arn_names_is_asked_about_by_that_arn(codebuild: CodeBuildStandin) -> None:
    arn = "arn:aws:codebuild:eu-west-1:999999999999:project/site"
    told({"codebuild": arn, "endpoint": codebuild.url}, iam=(iam := Iam({"EvalDecision": "allowed"})))
    assert [asked["ResourceArns"] for asked in iam.asked] == [[arn]]


@pytest.mark.parametrize("operation", ["GetPipeline", "ListPipelineExecutions", "GetPipelineExecution"])
def test_a_right_that_is_missing(pipelines: CodePipelineStandin, operation: str) -> None:
    pipelines.fault(operation, "error", code="AccessDeniedException", message="no")
    lines = told({"codepipeline": "release", "endpoint": pipelines.url})
    (failed,) = [line for line in lines if line.startswith("fail")]
    right = f"Allow codepipeline:{operation} on arn:aws:codepipeline:eu-west-1:{ACCOUNT}:release"
    assert failed == f"fail      codepipeline:{operation} is not allowed. {right}"


def test_where_no_client_can_be_made_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    (line,) = told({"codebuild": "site"})
    assert line == "fail      CodeBuild cannot be asked (The config profile (nowhere) could not be found)"


class TestRole:
    @pytest.fixture
    def sts(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[StsStandin]:
        with StsStandin({ROLE: None}) as standin:
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", standin.url)
            yield standin

    def test_its_rights_are_tried_in_its_account(self, sts: StsStandin, codebuild: CodeBuildStandin) -> None:
        lines = told({"codebuild": "site", "role": ROLE, "endpoint": codebuild.url}, overlap="skip")
        assert lines == [
            "ok        CodeBuild project site is there, in eu-west-1",
            *allowed("codebuild", "ListBuildsForProject", "BatchGetBuilds"),
            f"unchecked whether {ROLE} may codebuild:StartBuild. Look it up in its account",
        ]
        assert set(codebuild.keys) == {"ASSUMED1"}

    def test_what_it_may_not_do_there_is_said(self, sts: StsStandin, codebuild: CodeBuildStandin) -> None:
        codebuild.fault("BatchGetBuilds", "error", code="AccessDeniedException", message="no")
        lines = told({"codebuild": "site", "role": ROLE, "endpoint": codebuild.url})
        assert "Allow codebuild:BatchGetBuilds on arn:aws:codebuild:eu-west-1:222222222222:project/site" in lines[2]

    def test_one_that_may_not_be_assumed_fails(self, sts: StsStandin, codebuild: CodeBuildStandin) -> None:
        del sts.roles[ROLE]
        (line,) = told({"codebuild": "site", "role": ROLE, "endpoint": codebuild.url})
        assert line.startswith(
            f"fail      sts:AssumeRole is not allowed. Allow sts:AssumeRole on {ROLE} to this process"
        )

    def test_the_function_s_right_to_assume_it_is_looked_up(self, sts: StsStandin, codebuild: CodeBuildStandin) -> None:
        iam = Iam({"EvalDecision": "allowed"})
        starter = {"codebuild": "site", "role": ROLE, "endpoint": codebuild.url}
        assert f"ok        sts:AssumeRole is allowed to {FUNCTION}" in told(starter, iam=iam, role=FUNCTION)
        assert [(one["ActionNames"], one["ResourceArns"]) for one in iam.asked] == [(["sts:AssumeRole"], [ROLE])]
