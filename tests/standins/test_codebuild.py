"""The stand-in for CodeBuild keeps what its docstring promises, to the real boto3 client."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.standins.codebuild import (
    CodeBuildStandin,
    FaultKind,
    Outcome,
    Project,
    StandinClock,
    client_for,
    control,
    wall_ms,
)
from tests.waiting import PATIENCE_S

PROJECT = "site-build"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def standin() -> Iterator[CodeBuildStandin]:
    with CodeBuildStandin(projects=[PROJECT]) as started:
        yield started


@pytest.fixture
def client(standin: CodeBuildStandin) -> Any:
    return standin.client()


def start(client: Any, token: str | None = None, **parameters: Any) -> Any:
    """The build that StartBuild answers."""
    if token is not None:
        parameters["idempotencyToken"] = token
    return client.start_build(**{"projectName": PROJECT, **parameters})["build"]


def look(client: Any, build_id: str) -> Any:
    [build] = client.batch_get_builds(ids=[build_id])["builds"]
    return build


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\)")


class TestStartBuild:
    def test_describes_the_build(self, standin: CodeBuildStandin, client: Any) -> None:
        build = start(client, sourceVersion="4f2a91c")
        assert build["id"].startswith("site-build:")
        assert build["arn"] == f"arn:aws:codebuild:eu-west-1:123456789012:build/{build['id']}"
        assert build["sourceVersion"] == build["resolvedSourceVersion"] == "4f2a91c"
        assert build["startTime"].timestamp() == standin.clock.now_ms() / 1000
        assert build["projectName"] == PROJECT
        assert build["buildNumber"] == 1
        assert build["buildStatus"] == "IN_PROGRESS"
        assert build["currentPhase"] == "QUEUED"
        assert build["buildComplete"] is False
        assert build["initiator"] == "standin"
        assert "endTime" not in build
        assert start(client)["buildNumber"] == 2

    def test_merges_the_variables_over_the_projects_own(self) -> None:
        project = Project(name=PROJECT, environment={"STAGE": "test", "LANG": "C"})
        with CodeBuildStandin([project]) as standin:
            build = start(
                standin.client(),
                environmentVariablesOverride=[
                    {"name": "STAGE", "value": "prod"},
                    {"name": "KEY", "value": "/key", "type": "PARAMETER_STORE"},
                ],
            )
            assert build["environment"]["environmentVariables"] == [
                {"name": "STAGE", "value": "prod", "type": "PLAINTEXT"},
                {"name": "LANG", "value": "C", "type": "PLAINTEXT"},
                {"name": "KEY", "value": "/key", "type": "PARAMETER_STORE"},
            ]
            [started] = standin.builds_started
            assert started.env == {"STAGE": "prod", "LANG": "C", "KEY": "/key"}

    def test_refuses_a_project_that_does_not_exist(self, client: Any) -> None:
        with refused("ResourceNotFoundException") as caught:
            start(client, projectName="nowhere")
        message = caught.value.response["Error"]["Message"]
        arn = "arn:aws:codebuild:eu-west-1:123456789012:project/nowhere"
        assert message == f"Project cannot be found: {arn}"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b'{"projectName": ""}', "InvalidInputException"),
            (
                b'{"projectName": "site-build", "environmentVariablesOverride": [{"value": "x"}]}',
                "InvalidInputException",
            ),
            (b'{"projectName": ', "SerializationException"),
        ],
    )
    def test_refuses_what_the_client_checks_itself(self, client: Any, body: bytes, code: str) -> None:
        def replace_body(params: dict[str, Any], **_: Any) -> None:
            params["body"] = body

        client.meta.events.register("before-call.codebuild.StartBuild", replace_body)
        with refused(code):
            start(client)


class TestIdempotencyToken:
    def test_the_same_request_is_the_same_build(self, standin: CodeBuildStandin, client: Any) -> None:
        variables = [{"name": "STAGE", "value": "prod"}]
        first = start(client, "t1", environmentVariablesOverride=variables)
        standin.advance(1)
        again = start(client, "t1", environmentVariablesOverride=variables)
        assert again["id"] == first["id"]
        assert again["startTime"] == first["startTime"]
        assert len(standin.builds_by_token()["t1"]) == 1
        assert len(standin.start_requests) == 2

    @pytest.mark.parametrize(
        "changed",
        [
            {"sourceVersion": "other"},
            {"environmentVariablesOverride": [{"name": "A", "value": "b"}]},
            {"projectName": "docs"},
        ],
    )
    def test_a_changed_parameter_is_an_error(
        self, standin: CodeBuildStandin, client: Any, changed: dict[str, Any]
    ) -> None:
        standin.add_project("docs")
        start(client, "t1", sourceVersion="main")
        with refused("InvalidInputException"):
            start(client, "t1", **{"sourceVersion": "main", **changed})
        assert len(standin.builds_started) == 1

    def test_it_is_case_sensitive(self, client: Any) -> None:
        assert start(client, "t1")["id"] != start(client, "T1")["id"]

    def test_it_is_forgotten_after_five_minutes(self, standin: CodeBuildStandin, client: Any) -> None:
        first = start(client, "t1")
        standin.advance(299.999)
        assert start(client, "t1")["id"] == first["id"]
        standin.advance(0.001)  # the repeat before did not prolong it
        assert start(client, "t1")["id"] != first["id"]
        assert len(standin.builds_by_token()["t1"]) == 2

    def test_after_five_minutes_other_parameters_are_fine(self, standin: CodeBuildStandin, client: Any) -> None:
        start(client, "t1")
        standin.advance(300)
        start(client, "t1", sourceVersion="other")

    def test_without_one_each_request_is_a_build(self, standin: CodeBuildStandin, client: Any) -> None:
        start(client)
        start(client)
        assert len(standin.builds_by_token()[""]) == 2

    def test_requests_at_once_are_one_build(self, standin: CodeBuildStandin, client: Any) -> None:
        with ThreadPoolExecutor(16) as pool:
            builds = list(pool.map(lambda _: start(client, "t1"), range(64)))
        assert len({build["id"] for build in builds}) == 1
        assert len(standin.builds_started) == 1

    def test_a_request_that_failed_does_not_use_it_up(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.fault("StartBuild", "error", code="ThrottlingException")
        with refused("ThrottlingException"):
            start(client, "t1")
        start(client, "t1", sourceVersion="other")


class TestBuilds:
    @pytest.mark.parametrize("outcome", ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT"])
    def test_end_after_their_duration(self, standin: CodeBuildStandin, client: Any, outcome: Outcome) -> None:
        standin.add_project(PROJECT, duration=90, outcome=outcome)
        build = start(client)
        standin.advance(89.999)
        running = look(client, build["id"])
        assert (running["buildStatus"], running["currentPhase"]) == ("IN_PROGRESS", "BUILD")
        standin.advance(3600)
        ended = look(client, build["id"])
        assert (ended["buildStatus"], ended["currentPhase"]) == (outcome, "COMPLETED")
        assert ended["buildComplete"] is True
        assert ended["endTime"] - ended["startTime"] == timedelta(seconds=90)

    def test_keep_the_duration_they_started_with(self, standin: CodeBuildStandin, client: Any) -> None:
        build = start(client)
        standin.add_project(PROJECT, duration=1)
        standin.advance(3600)
        assert look(client, build["id"])["buildStatus"] == "IN_PROGRESS"

    def test_stop(self, standin: CodeBuildStandin, client: Any) -> None:
        build = start(client)
        standin.advance(5)
        stopped = client.stop_build(id=build["id"])["build"]
        assert (stopped["buildStatus"], stopped["buildComplete"]) == ("STOPPED", True)
        assert stopped["endTime"] - stopped["startTime"] == timedelta(seconds=5)

    def test_that_ended_keep_their_status_when_stopped(self, standin: CodeBuildStandin, client: Any) -> None:
        build = start(client)
        standin.finish(build["id"], "FAILED")
        assert client.stop_build(id=build["id"])["build"]["buildStatus"] == "FAILED"
        with pytest.raises(ValueError, match="has ended before"):
            standin.finish(build["id"])

    def test_that_do_not_exist(self, client: Any) -> None:
        with refused("ResourceNotFoundException"):
            client.stop_build(id="site-build:none")
        found = client.batch_get_builds(ids=["site-build:none"])
        assert (found["builds"], found["buildsNotFound"]) == ([], ["site-build:none"])

    def test_are_fetched_a_hundred_at_a_time(self, client: Any) -> None:
        with refused("InvalidInputException"):
            client.batch_get_builds(ids=["site-build:none"] * 101)


class TestLists:
    def test_are_newest_first(self, client: Any) -> None:
        ids = [start(client)["id"] for _ in range(3)]
        listed = client.list_builds_for_project(projectName=PROJECT)
        assert listed["ids"] == ids[::-1]
        assert "nextToken" not in listed
        for order, expected in (("ASCENDING", ids), ("DESCENDING", ids[::-1])):
            listed = client.list_builds_for_project(projectName=PROJECT, sortOrder=order)
            assert listed["ids"] == expected

    def test_have_pages_of_a_hundred(self, client: Any) -> None:
        ids = [start(client)["id"] for _ in range(201)]
        pages = list(client.get_paginator("list_builds_for_project").paginate(projectName=PROJECT))
        assert [len(page["ids"]) for page in pages] == [100, 100, 1]
        assert [id_ for page in pages for id_ in page["ids"]] == ids[::-1]
        with refused("InvalidInputException"):  # documented: no sort order beyond 100 builds
            client.list_builds_for_project(projectName=PROJECT, sortOrder="DESCENDING")

    def test_are_of_one_project(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.add_project("docs")
        start(client)
        assert client.list_builds_for_project(projectName="docs")["ids"] == []
        assert start(client, projectName="docs")["buildNumber"] == 1
        with refused("ResourceNotFoundException"):
            client.list_builds_for_project(projectName="nowhere")
        with refused("InvalidInputException"):
            client.list_builds_for_project(projectName=PROJECT, nextToken="made up")

    def test_projects_by_name_and_arn(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.add_project("docs", limit=2, environment={"STAGE": "prod"})
        arn = "arn:aws:codebuild:eu-west-1:123456789012:project/docs"
        found = client.batch_get_projects(names=[PROJECT, arn, "nowhere"])
        assert [project["name"] for project in found["projects"]] == [PROJECT, "docs"]
        assert found["projects"][1]["arn"] == arn
        assert found["projects"][1]["concurrentBuildLimit"] == 2
        assert found["projectsNotFound"] == ["nowhere"]


class TestLimits:
    def test_of_a_project(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.add_project(PROJECT, limit=1)
        standin.add_project("docs")
        build = start(client, "t1")
        with refused("AccountLimitExceededException"):
            start(client, "t2")
        assert start(client, "t1")["id"] == build["id"]  # a repeat starts nothing
        start(client, projectName="docs")
        standin.finish(build["id"])
        start(client, "t2")

    def test_of_the_account(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.add_project("docs", duration=10)
        standin.set_account_limit(2)
        start(client)
        start(client, projectName="docs")
        with refused("AccountLimitExceededException"):
            start(client)
        standin.advance(10)
        start(client)


class TestFaults:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("InvalidInputException", 400),
            ("ResourceNotFoundException", 400),
            ("AccountLimitExceededException", 400),
            ("AccessDeniedException", 400),
            ("ThrottlingException", 400),
            ("ExpiredTokenException", 400),
            ("UnrecognizedClientException", 400),
            ("InternalServerError", 500),
            ("ServiceUnavailable", 503),
        ],
    )
    def test_errors(self, standin: CodeBuildStandin, client: Any, code: str, status: int) -> None:
        standin.fault("StartBuild", "error", code=code, message="no")
        with refused(code) as caught:
            start(client)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert caught.value.response["Error"]["Message"] == "no"
        assert standin.builds_started == []
        if hasattr(client.exceptions, code):
            assert isinstance(caught.value, getattr(client.exceptions, code))
        start(client)

    @pytest.mark.parametrize("after_commit", [False, True])
    def test_bare_http(self, standin: CodeBuildStandin, client: Any, after_commit: bool) -> None:
        standin.fault("StartBuild", "http", status=503, after_commit=after_commit)
        with refused("503"):
            start(client, "t1")
        assert len(standin.builds_started) == after_commit

    @pytest.mark.parametrize("after_commit", [False, True])
    def test_dropped_connections(self, standin: CodeBuildStandin, client: Any, after_commit: bool) -> None:
        standin.fault("StartBuild", "drop", after_commit=after_commit)
        with pytest.raises(ConnectionClosedError):
            start(client, "t1")
        assert len(standin.builds_started) == after_commit
        start(client, "t1")
        assert len(standin.builds_started) == 1

    @pytest.mark.parametrize("after_commit", [False, True])
    def test_hangs(self, standin: CodeBuildStandin, after_commit: bool) -> None:
        hang = standin.fault("StartBuild", "hang", after_commit=after_commit)
        impatient = standin.client(read_timeout=0.2)
        with pytest.raises(ReadTimeoutError):
            start(impatient, "t1")
        [request] = hang.wait_arrived()
        assert request == {"projectName": PROJECT, "idempotencyToken": "t1"}
        hang.release()
        start(standin.client(), "t1")
        assert len(standin.builds_started) == 1

    def test_a_hang_of_some_seconds_ends_as_a_drop(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.fault("StartBuild", "hang", seconds=0.05)
        with pytest.raises(ConnectionClosedError):
            start(client)
        assert standin.builds_started == []

    def test_a_delay_is_answered(self, standin: CodeBuildStandin) -> None:
        standin.fault("StartBuild", "delay", seconds=0.3)
        before_ms = wall_ms()
        start(standin.client())
        assert wall_ms() - before_ms >= 300

    @pytest.mark.parametrize("after_commit", [False, True])
    def test_a_pause_waits_for_the_test(self, standin: CodeBuildStandin, client: Any, after_commit: bool) -> None:
        pause = standin.fault("StartBuild", "pause", after_commit=after_commit)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(start, client, "t1")
            pause.wait_arrived()
            assert len(standin.builds_started) == after_commit
            assert client.list_builds_for_project(projectName=PROJECT)  # others go on
            assert not answer.done()
            pause.release()
            assert answer.result()["id"] == standin.builds_started[0].id

    def test_a_paused_request_commits_late(self, standin: CodeBuildStandin) -> None:
        """The client has given up; its request has not."""
        pause = standin.fault("StartBuild", "pause")
        with pytest.raises(ReadTimeoutError):
            start(standin.client(read_timeout=0.2), "t1")
        assert standin.builds_started == []
        with pytest.raises(TimeoutError, match="0 of 1 builds"):
            standin.wait_started(timeout=0.01)
        pause.release()
        [late] = standin.wait_started()
        assert start(standin.client(), "t1")["id"] == late.id

    def test_many_requests_meet_at_one_pause(self, standin: CodeBuildStandin, client: Any) -> None:
        pause = standin.fault("StartBuild", "pause", times=4)
        with ThreadPoolExecutor(4) as pool:
            builds = [pool.submit(start, client, f"t{n}") for n in range(4)]
            assert len(pause.wait_arrived(count=4)) == 4
            pause.release()
            assert len({build.result()["id"] for build in builds}) == 4

    def test_none_arrives(self, standin: CodeBuildStandin) -> None:
        pause = standin.fault("StartBuild", "pause")
        with pytest.raises(TimeoutError, match="0 of 1 requests at StartBuild pause"):
            pause.wait_arrived(timeout=0.01)

    def test_are_a_queue_for_each_operation(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.fault("StartBuild", "error", code="ThrottlingException", times=2)
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        standin.fault("BatchGetBuilds", "http", status=500)
        for code in ("ThrottlingException", "ThrottlingException", "AccessDeniedException"):
            with refused(code):
                start(client)
        build = start(client)
        with refused("500"):
            look(client, build["id"])
        assert look(client, build["id"])["id"] == build["id"]

    def test_after_commit_wait_for_a_commit(self, standin: CodeBuildStandin, client: Any) -> None:
        drop = standin.fault("StartBuild", "drop", after_commit=True)
        with refused("ResourceNotFoundException"):
            start(client, projectName="nowhere")
        assert drop.arrived == []
        with pytest.raises(ConnectionClosedError):
            start(client)

    def test_are_one_a_request(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.fault("StartBuild", "delay", seconds=0.001)
        standin.fault("StartBuild", "drop", after_commit=True)
        start(client)
        with pytest.raises(ConnectionClosedError):
            start(client)

    def test_of_a_stop_after_its_commit(self, standin: CodeBuildStandin, client: Any) -> None:
        build = start(client)
        standin.fault("StopBuild", "drop", after_commit=True)
        with pytest.raises(ConnectionClosedError):
            client.stop_build(id=build["id"])
        assert look(client, build["id"])["buildStatus"] == "STOPPED"

    def test_can_be_cleared(self, standin: CodeBuildStandin, client: Any) -> None:
        standin.fault("StartBuild", "drop", times=100)
        standin.clear_faults()
        start(client)

    @pytest.mark.parametrize(
        ("operation", "kind", "complaint"),
        [
            ("StartBiuld", "drop", "operation is 'StartBiuld'; it must be one of StartBuild, "),
            ("StartBuild", "explode", "kind is 'explode'; it must be one of error, "),
            ("StartBuild", "error", "needs code"),
            ("StartBuild", "http", "needs status"),
            ("StartBuild", "delay", "needs seconds"),
        ],
    )
    def test_that_make_no_sense(
        self, standin: CodeBuildStandin, operation: str, kind: FaultKind, complaint: str
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            standin.fault(operation, kind)


class TestRetriesOfTheSdk:
    """What the client's own retries make of a lost answer."""

    def test_with_a_token(self, standin: CodeBuildStandin) -> None:
        standin.fault("StartBuild", "drop", after_commit=True)
        start(standin.client(attempts=2), "t1")
        assert [request.token for request in standin.start_requests] == ["t1", "t1"]
        assert len(standin.builds_started) == 1

    def test_without_one(self, standin: CodeBuildStandin) -> None:
        standin.fault("StartBuild", "drop", after_commit=True)
        start(standin.client(attempts=2))
        assert len(standin.builds_started) == 2


class TestLog:
    def test_has_every_request_and_every_build(self, standin: CodeBuildStandin, client: Any) -> None:
        since_ms = wall_ms()
        start(client, "t1", sourceVersion="v1")
        standin.advance(60)
        standin.fault("StartBuild", "drop")
        with pytest.raises(ConnectionClosedError):
            start(client, "t2")
        start(client, "t3")
        requests, builds = standin.start_requests, standin.builds_started
        assert [request.token for request in requests] == ["t1", "t2", "t3"]
        assert [request.order for request in requests] == [1, 2, 3]
        assert [(build.token, build.order, build.number) for build in builds] == [
            ("t1", 1, 1),
            ("t3", 2, 2),
        ]
        assert builds[0].source_version == "v1"
        assert builds[0].request == requests[0].request
        assert builds[1].clock_ms - builds[0].clock_ms == 60_000
        assert since_ms <= builds[0].wall_ms <= builds[1].wall_ms <= wall_ms()


class TestClock:
    def test_stands_still(self) -> None:
        clock = StandinClock()
        assert clock.now_ms() == clock.now_ms()
        assert clock.advance(0.0001) - clock.now_ms() == 0  # rounded up to a millisecond
        with pytest.raises(ValueError, match="does not go back"):
            clock.advance(-1)

    def test_follows_another(self) -> None:
        now_ms = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
        with CodeBuildStandin([PROJECT], clock=StandinClock(lambda: now_ms)) as standin:
            assert start(standin.client())["startTime"] == datetime(2026, 1, 1, tzinfo=UTC)
            now_ms += 1000
            assert start(standin.client())["startTime"].second == 1


CLIENT_PROCESS = """
import boto3
from botocore.config import Config
client = boto3.client("codebuild", config=Config(retries={"total_max_attempts": 1}))
client.start_build(projectName="site-build", idempotencyToken="t1")
"""


@pytest.mark.parametrize("after_commit", [False, True])
def test_a_client_killed_exactly_there(standin: CodeBuildStandin, after_commit: bool) -> None:
    pause = standin.fault("StartBuild", "pause", after_commit=after_commit)
    environment = {**os.environ, **standin.environment()}
    with subprocess.Popen([sys.executable, "-c", CLIENT_PROCESS], env=environment) as process:
        pause.wait_arrived(timeout=PATIENCE_S)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(standin.builds_by_token().get("t1", [])) == after_commit
    pause.release()  # what the service has received it still does
    start(standin.client(), "t1")
    assert len(standin.builds_by_token()["t1"]) == 1


@pytest.fixture
def url() -> Iterator[str]:
    """A stand-in in a process of its own."""
    command = [sys.executable, "-m", "tests.standins.codebuild", "--project", PROJECT]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


class TestAnotherProcess:
    def test_is_driven_by_control_calls(self, url: str) -> None:
        client = client_for(url)
        first = start(client, "t1")
        now_ms = control(url, "log")["clock_ms"]
        assert control(url, "advance", seconds=300) == now_ms + 300_000
        assert start(client, "t1")["id"] != first["id"]
        assert len(control(url, "builds_by_token")["t1"]) == 2
        control(url, "finish", build_id=first["id"], status="FAULT")
        assert look(client, first["id"])["buildStatus"] == "FAULT"
        control(url, "add_project", name="docs", duration=5, outcome="FAILED")
        docs = start(client, projectName="docs")
        control(url, "advance", seconds=5)
        assert look(client, docs["id"])["buildStatus"] == "FAILED"
        control(url, "set_account_limit", limit=1)
        with refused("AccountLimitExceededException"):
            start(client)
        log = control(url, "log")
        assert [build["project"] for build in log["builds_started"]] == [PROJECT, PROJECT, "docs"]
        assert len(log["start_requests"]) == 4

    def test_has_the_faults_and_the_meeting_place(self, url: str) -> None:
        fault = control(url, "fault", operation="StartBuild", kind="pause", after_commit=True)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(start, client_for(url), "t1")
            [request] = control(url, "wait_arrived", fault=fault["id"])
            assert request["idempotencyToken"] == "t1"
            assert len(control(url, "log")["builds_started"]) == 1
            control(url, "release", fault=fault["id"])
            assert answer.result()["buildStatus"] == "IN_PROGRESS"
        control(url, "fault", operation="StartBuild", kind="drop")
        control(url, "clear_faults")
        start(client_for(url), "t2")

    @pytest.mark.parametrize(
        ("name", "arguments", "complaint"),
        [
            ("explode", {}, "KeyError: 'explode'"),
            ("advance", {"minutes": 1}, "unexpected keyword argument 'minutes'"),
            ("fault", {"operation": "StartBuild", "kind": "error"}, "needs code"),
            ("add_project", {"name": "docs", "outcome": "GREAT"}, "outcome is 'GREAT'"),
        ],
    )
    def test_complains(self, standin: CodeBuildStandin, name: str, arguments: dict[str, Any], complaint: str) -> None:
        with pytest.raises(RuntimeError, match=complaint):
            control(standin.url, name, **arguments)

    def test_says_that_none_arrived(self, standin: CodeBuildStandin) -> None:
        pause = standin.fault("StartBuild", "pause")
        with pytest.raises(RuntimeError, match="0 of 1 requests"):
            control(standin.url, "wait_arrived", fault=pause.id, timeout=0.01)


def test_what_it_does_not_know(standin: CodeBuildStandin, client: Any) -> None:
    with refused("UnknownOperationException"):
        client.list_projects()


def test_closing_drops_what_is_held_and_frees_the_port() -> None:
    threads_before = threading.active_count()
    with CodeBuildStandin([PROJECT]) as standin, ThreadPoolExecutor(1) as pool:
        pause = standin.fault("StartBuild", "pause")
        answer = pool.submit(start, standin.client())
        pause.wait_arrived()
        standin.close()
        with pytest.raises(ConnectionClosedError):
            answer.result()
        assert standin.builds_started == []
        address = urlparse(standin.url)
    assert threading.active_count() == threads_before
    with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
        probe.connect((address.hostname, address.port))
