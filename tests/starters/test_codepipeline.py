"""The CodePipeline starter, with the real client, against a stand-in that does what AWS documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest

import holdoff
from holdoff.core import token as tokens
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.starters.codepipeline import _STATES, CodePipeline
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.standins.codebuild import StandinClock
from tests.standins.codepipeline import CodePipelineStandin, Pipeline

NAME = "release"
REGION = "eu-west-1"
SOURCES = {"Source": "CodeStarSourceConnection", "Image": "ECR", "Content": "S3"}
DECLARES = Pipeline(name=NAME, variables={"HOLDOFF_TOKEN": "none", "TAG": "latest"}, sources=SOURCES)
PLAIN = Pipeline(name=NAME, sources=SOURCES)
TAGGED = Pipeline(name=NAME, variables={"TAG": "latest"})


@pytest.fixture(autouse=True)
def _aws(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that mean nothing, and no waiting before retries."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _s: None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-01-01T00:00:00Z")


@pytest.fixture
def standin(clock: ManualClock) -> Iterator[CodePipelineStandin]:
    with CodePipelineStandin([DECLARES], clock=StandinClock(clock.now_ms)) as started:
        yield started


@pytest.fixture
def starter(standin: CodePipelineStandin) -> CodePipeline:
    return CodePipeline(endpoint=standin.url)


def token_at(clock: ManualClock) -> str:
    return tokens.make(clock.now_ms(), clock.random(80))


def request(**more: Any) -> Request:
    return Request(project=NAME, region=REGION, **more)


def sent(standin: CodePipelineStandin) -> dict[str, Any]:
    """The last start, without its token."""
    last = dict(standin.start_requests[-1].request)
    last.pop("clientRequestToken")
    return last


# --- what is sent ------------------------------------------------------------------------------------


def test_freezes_all_but_the_token() -> None:
    starter = CodePipeline(source_action="Source", environment={"STAGE": "prod", "TAG": "x"})
    asked = request(key="k", source_version="4f2", environment={"TAG": "v1"}, secondary_versions={"Image": "sha256:1"})
    assert json.loads(starter.freeze(asked).parameters) == {
        "name": NAME,
        "variables": {"HOLDOFF_KEY": "k", "STAGE": "prod", "TAG": "v1"},
        "revisions": {"Image": "sha256:1", "Source": "4f2"},
    }
    assert CodePipeline("other").freeze(request(source_version="4f2")).parameters == '{"name":"other"}'


def test_sends_the_variables_that_are_declared(standin: CodePipelineStandin, clock: ManualClock) -> None:
    token = token_at(clock)
    asked = request(environment={"TAG": "v1", "OTHER": "x", "HOLDOFF_TOKEN": "forged"})
    build_id = CodePipeline(endpoint=standin.url).start(asked, token)
    [build] = standin.builds_started
    assert (build.id, build.env) == (build_id, {"HOLDOFF_TOKEN": token, "TAG": "v1"})
    assert build.token == token


def test_sends_no_variables_where_none_is_declared(clock: ManualClock) -> None:
    with CodePipelineStandin([PLAIN], clock=StandinClock(clock.now_ms)) as standin:
        CodePipeline(endpoint=standin.url).start(request(environment={"TAG": "v1"}), token_at(clock))
        assert sent(standin) == {"name": NAME}


def test_sends_versions_as_the_source_actions_take_them(standin: CodePipelineStandin, clock: ManualClock) -> None:
    starter = CodePipeline(endpoint=standin.url, source_action="Source")
    asked = request(source_version="4f2a91c", secondary_versions={"Image": "sha256:1", "Content": "v7"})
    starter.start(asked, token_at(clock))
    assert sent(standin)["sourceRevisions"] == [
        {"actionName": "Content", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v7"},
        {"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:1"},
        {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "4f2a91c"},
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pipeline": ""}, "codepipeline is ''"),
        ({"pipeline": "arn:aws:codepipeline:eu-west-1:1:release"}, "no ARN"),
        ({"source_action": "a b"}, "source_action is 'a b'"),
        ({"source_action": 5}, "source_action is 5; write a name"),
        ({"environment": {"KEY": {"type": "PARAMETER_STORE", "value": "x"}}}, "write text"),
        ({"environment": {"HOLDOFF_TOKEN": "x"}}, "carries the start's token"),
        ({"environment": {"A": "x" * 16_000, "B": "x" * 500}}, "at most 16,384 bytes"),
        ({"role": "start-builds"}, "role is 'start-builds'; write an IAM role's ARN"),
        ({"external_id": "x"}, "role is None; write an IAM role's ARN"),
        ({"role": "arn:aws:iam::222222222222:role/x", "client": object()}, "write nothing beside a client"),
    ],
)
def test_settings_that_are_wrong_are_refused_at_once(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CodePipeline(**settings)
    assert told in str(caught.value)


def test_find_cancel_and_start_together_are_well_under_the_claims_lease() -> None:
    ask_first, start, questions = 7_000, 2 * (3_000 + 4_000) + 6_000, 2 * 12_000
    assert CodePipeline().start_budget_ms == ask_first + start + questions == 51_000
    assert CodePipeline(role="arn:aws:iam::222222222222:role/x").start_budget_ms == 56_000


# --- certainly none, or not known ------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["GetPipeline", "StartPipelineExecution"])
@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("AccessDeniedException", False),
        ("ValidationException", False),
        ("ConflictException", True),
        ("ConcurrentPipelineExecutionsLimitExceededException", True),
        ("ThrottlingException", True),
    ],
)
def test_what_is_certain(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock, operation: str, code: str, passes: bool
) -> None:
    standin.fault(operation, "error", code=code, times=9)
    with pytest.raises(StartRefused, match=f"release in eu-west-1 was not started .{code}") as caught:
        starter.start(request(), token_at(clock))
    assert caught.value.worth_retrying is passes
    assert caught.value.hint
    if code == "AccessDeniedException":
        right = f"Allow codepipeline:{operation} on arn:aws:codepipeline:eu-west-1:*:release"
        assert str(caught.value).endswith(right)


def test_no_such_pipeline(starter: CodePipeline, clock: ManualClock) -> None:
    with pytest.raises(StartRefused, match="`aws codepipeline list-pipelines --region eu-west-1`"):
        starter.start(Request(project="nowhere", region=REGION), token_at(clock))
    assert starter.find(token_at(clock), Request(project="nowhere", region=REGION)) is None


def test_a_source_action_that_is_not_there(standin: CodePipelineStandin, clock: ManualClock) -> None:
    starter = CodePipeline(endpoint=standin.url, source_action="Code")
    with pytest.raises(StartRefused, match="no source action Code"):
        starter.start(request(source_version="4f2"), token_at(clock))


def test_a_pipeline_that_cannot_be_asked_for_was_certainly_not_started(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    standin.fault("GetPipeline", "drop", times=9)
    with pytest.raises(StartRefused):
        starter.start(request(), token_at(clock))
    assert standin.start_requests == []


@pytest.mark.parametrize(("kind", "more"), [("drop", {}), ("http", {"status": 503})])
def test_what_is_not_known(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock, kind: Any, more: Any
) -> None:
    standin.fault("StartPipelineExecution", kind, after_commit=True, **more)
    standin.fault("StartPipelineExecution", kind, times=9, **more)
    with pytest.raises(StartUnknown) as unknown:
        starter.start(request(), token_at(clock))
    assert "next trigger or wake" not in str(unknown.value)  # the decision says that, and when


def test_of_a_request_another_starter_froze_is_unknown(starter: CodePipeline, clock: ManualClock) -> None:
    with pytest.raises(StartUnknown, match="frozen by another starter than CodePipeline"):
        starter.start(request(parameters='{"projectName":"release"}'), token_at(clock))


# --- finding -----------------------------------------------------------------------------------------


def test_finds_by_the_token_among_many(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdoff.starters.on_aws.ASK_MS", 600_000)  # the machine may be slow
    token = token_at(clock)
    build_id = starter.start(request(), token)
    client = standin.client()
    for _ in range(120):
        client.start_pipeline_execution(name=NAME)
    assert starter.find(token, request()) == build_id
    assert starter.find(token_at(clock), request()) is None


def test_finds_by_the_token_though_the_service_s_clock_is_behind(starter: CodePipeline, clock: ManualClock) -> None:
    """Only an execution without a token has to have begun after the claim."""
    token = tokens.make(clock.now_ms() + 30_000, clock.random(80))
    build_id = starter.start(request(), token)
    assert starter.find(token, request()) == build_id


def test_looks_no_further_than_the_token_s_instant(standin: CodePipelineStandin, clock: ManualClock) -> None:
    client = standin.client()
    for _ in range(101):
        client.start_pipeline_execution(name=NAME)
    clock.advance("11m")
    asked = standin.fault("ListPipelineExecutions", "pause", seconds=0.001, times=9)
    each = standin.fault("GetPipelineExecution", "pause", seconds=0.001, times=9)
    assert CodePipeline(endpoint=standin.url).find(token_at(clock), request()) is None
    assert (len(asked.arrived), len(each.arrived)) == (1, 0)


def test_looks_no_further_once_the_token_is_found(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    for _ in range(3):
        starter.start(request(), token_at(clock))
    token = token_at(clock)
    build_id = starter.start(request(), token)
    each = standin.fault("GetPipelineExecution", "pause", seconds=0.001, times=9)
    assert starter.find(token, request()) == build_id
    assert len(each.arrived) == 1


@pytest.mark.parametrize("operation", ["ListPipelineExecutions", "GetPipelineExecution"])
def test_that_fails_does_not_say_that_there_is_none(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock, operation: str
) -> None:
    token = token_at(clock)
    starter.start(request(), token)
    standin.fault(operation, "error", code="AccessDeniedException")
    with pytest.raises(StartUnknown, match=f"Allow codepipeline:{operation} on"):
        starter.find(token, request())


class TestWithoutTheVariable:
    """A pipeline that does not declare HOLDOFF_TOKEN: the first execution since that contradicts nothing."""

    @pytest.fixture
    def standin(self, clock: ManualClock) -> Iterator[CodePipelineStandin]:
        with CodePipelineStandin([TAGGED], clock=StandinClock(clock.now_ms)) as started:
            yield started

    def test_the_first_since_is_taken_for_it(
        self, standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
    ) -> None:
        starter.start(request(), token_at(clock))
        clock.advance("1s")
        token = token_at(clock)
        assert starter.find(token, request()) is None, "it began before"
        first = starter.start(request(), token)
        clock.advance("1s")
        starter.start(request(), token_at(clock))
        assert starter.find(token, request()) == first

    def test_one_with_other_variables_or_versions_is_not(
        self, standin: CodePipelineStandin, clock: ManualClock
    ) -> None:
        starter = CodePipeline(endpoint=standin.url, source_action="Source")
        token = token_at(clock)
        ours = request(environment={"TAG": "v1"}, source_version="4f2")
        for other in (request(environment={"TAG": "v2"}), request(environment={"TAG": "v1"}, source_version="93b")):
            starter.start(other, token_at(clock))
        assert starter.find(token, ours) is None
        build_id = starter.start(ours, token)
        assert starter.find(token, ours) == build_id

    def test_variables_that_the_service_told_late_count(
        self, standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
    ) -> None:
        token, ours = token_at(clock), request(environment={"TAG": "v1"})
        build_id = starter.start(ours, token)
        variables = standin.builds_started[-1].env
        variables["TAG"] = ""
        assert starter.find(token, ours) is None
        variables["TAG"] = "v1"
        assert starter.find(token, ours) == build_id

    def test_one_that_a_change_set_off_is_not(
        self, standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = standin._summary
        pushed = {"trigger": {"triggerType": "WebhookV2"}}
        monkeypatch.setattr(standin, "_summary", lambda build: plain(build) | pushed)
        token = token_at(clock)
        standin.client().start_pipeline_execution(name=NAME)
        assert starter.find(token, request()) is None


# --- asking, stopping --------------------------------------------------------------------------------


def test_every_state_that_there_is_has_a_word() -> None:
    model = botocore.session.Session().get_service_model("codepipeline")
    assert set(_STATES) == set(model.shape_for("PipelineExecutionStatus").enum)


def test_an_end(standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock) -> None:
    good, bad = (starter.start(request(), token_at(clock)) for _ in range(2))
    assert starter.status(good) == "running"
    standin.finish(good)
    standin.finish(bad, "FAILED")
    assert (starter.status(good), starter.status(bad)) == ("succeeded", "failed")


def test_one_that_cannot_be_asked_after_says_so(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    build_id = starter.start(request(), token_at(clock))
    standin.fault("GetPipelineExecution", "error", code="AccessDeniedException")
    with pytest.raises(HoldoffError, match="cannot ask after"):
        starter.status(build_id)


@pytest.mark.parametrize("build_id", ["site-build:x", "release", f"nowhere:{'0' * 8}-0000-0000-0000-{'0' * 12}"])
def test_what_was_never_there(starter: CodePipeline, build_id: str) -> None:
    assert starter.status(build_id) is None
    with pytest.raises(HoldoffError, match="cannot stop the build"):
        starter.cancel(build_id)


def test_one_that_is_stopped_ends_when_its_actions_have(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    build_id = starter.start(request(), token_at(clock))
    starter.cancel(build_id)
    starter.cancel(build_id)  # it is stopping already
    assert starter.status(build_id) == "running"
    standin.settle()
    assert starter.status(build_id) == "failed"
    starter.cancel(build_id)  # it has ended


def test_a_page_of_a_proxy_stops_nothing(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    build_id = starter.start(request(), token_at(clock))
    standin.fault("StopPipelineExecution", "http", status=200)
    with pytest.raises(HoldoffError, match=r"cannot stop .*the answer is not the service's"):
        starter.cancel(build_id)


def test_one_that_cannot_be_stopped_says_so(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    build_id = starter.start(request(), token_at(clock))
    standin.fault("StopPipelineExecution", "error", code="PipelineExecutionNotStoppableException")
    with pytest.raises(HoldoffError, match="cannot stop"):  # it still runs
        starter.cancel(build_id)


# --- through a gate ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pipeline", [DECLARES, PLAIN], ids=["declares the token", "does not"])
@pytest.mark.parametrize("later", ["61s", "2h"])
def test_a_lost_answer_is_one_execution(clock: ManualClock, pipeline: Pipeline, later: str) -> None:
    store = MemoryStore()
    with CodePipelineStandin([pipeline], clock=StandinClock(clock.now_ms)) as standin:

        def gate() -> holdoff.Gate:
            starter, policy = CodePipeline(endpoint=standin.url), holdoff.Policy(cooldown="10m")
            return holdoff.Gate(NAME, region=REGION, store=store, policy=policy, starter=starter, clock=clock)

        standin.fault("StartPipelineExecution", "drop", after_commit=True, times=1)
        standin.fault("StartPipelineExecution", "drop", times=9)
        assert gate().trigger(source_version="one").why == "start_unknown"
        standin.clear_faults()
        clock.advance(later)
        assert gate().wake().taken_over == standin.builds_started[0].id
        assert len(standin.builds_started) == 1


def test_a_look_that_was_too_long_goes_on_where_it_was(
    standin: CodePipelineStandin, starter: CodePipeline, clock: ManualClock
) -> None:
    """Else a start that was left would be looked for in vain for ever, once more are listed than there is time for."""
    token = token_at(clock)
    left = starter.start(request(), token)
    for _ in range(5):
        starter.start(request(), token_at(clock))
    standin.fault("GetPipelineExecution", "pause", seconds=0.001, times=3)
    standin.fault("GetPipelineExecution", "error", code="ThrottlingException")
    with pytest.raises(StartUnknown):
        starter.find(token, request())
    rest = standin.fault("GetPipelineExecution", "pause", seconds=0.001, times=9)

    assert starter.for_region(REGION).find(token, request()) == left
    assert len(rest.arrived) == 3
