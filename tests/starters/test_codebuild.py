"""The CodeBuild starter, with the real boto3 client, against a stand-in that honours tokens as AWS documents them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import botocore.exceptions
import botocore.session
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError, SSLError

import holdoff
from holdoff.aws import client as aws
from holdoff.aws import lean
from holdoff.aws.client import Limits
from holdoff.aws.errors import ANSWERS, FAILURES, Cause, Row
from holdoff.core import token as tokens
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown, Verdict
from holdoff.core.request import GateKey, Request
from holdoff.starters import on_aws
from holdoff.starters.codebuild import BATCH, BUILD, CodeBuild
from holdoff.starters.on_aws import ASK_MS, ASKING, STARTING, Questions
from holdoff.stores.memory import MemoryStore
from holdoff.testing import ManualClock
from tests.aws.wire import time_out_when
from tests.standins.codebuild import CodeBuildStandin, Outcome, StandinClock
from tests.waiting import PATIENCE_S

PROJECT = "site-build"
TRIES = STARTING.tries
REGION = "eu-west-1"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _aws(aws_env: Mapping[str, str]) -> None:
    """Credentials that mean nothing."""


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long botocore would have waited before its retries; it does not wait."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    return waited


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-01-01T00:00:00Z")


@pytest.fixture
def standin(clock: ManualClock) -> Iterator[CodeBuildStandin]:
    with CodeBuildStandin(projects=[PROJECT], clock=StandinClock(clock.now_ms)) as started:
        yield started


@pytest.fixture(params=["botocore", "lean"])
def starter(standin: CodeBuildStandin, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CodeBuild:
    """By either client; only botocore's waits are seen."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", request.param)
    monkeypatch.setattr("holdoff.clock.SystemClock.sleep", lambda *_: None)
    return CodeBuild(endpoint=standin.url)


@pytest.fixture
def token(clock: ManualClock) -> str:
    return token_at(clock)


def token_at(clock: ManualClock) -> str:
    return tokens.make(clock.now_ms(), clock.random(80))


def request(**more: Any) -> Request:
    return Request(project=PROJECT, region=REGION, **more)


def sent(starter: CodeBuild, **more: Any) -> Any:
    """What ``freeze`` froze."""
    return json.loads(starter.freeze(request(**more)).parameters)


def variables(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def refusal(starter: CodeBuild, token: str) -> StartRefused:
    with pytest.raises(StartRefused) as caught:
        starter.start(request(), token)
    return caught.value


def unknown(starter: CodeBuild, token: str) -> StartUnknown:
    with pytest.raises(StartUnknown) as caught:
        starter.start(request(), token)
    assert "next trigger or wake" not in str(caught.value)  # the decision says that, and when
    return caught.value


# --- what is sent ------------------------------------------------------------------------------------


class TestFreeze:
    def test_is_all_that_is_sent_but_the_token(self) -> None:
        starter = CodeBuild(
            environment={
                "STAGE": "prod",
                "KEY": {"type": "PARAMETER_STORE", "value": "/deploy/key"},
            },
            options={"timeoutInMinutesOverride": 90, "computeTypeOverride": "BUILD_GENERAL1_LARGE"},
        )
        frozen = starter.freeze(request(source_version="4f2a91c", environment=(("STAGE", "test"), ("LANG", "C"))))
        assert frozen.parameters == (
            '{"computeTypeOverride":"BUILD_GENERAL1_LARGE","environmentVariablesOverride":['
            '{"name":"KEY","type":"PARAMETER_STORE","value":"/deploy/key"},'
            '{"name":"LANG","value":"C"},{"name":"STAGE","value":"test"}],'
            '"projectName":"site-build","sourceVersion":"4f2a91c","timeoutInMinutesOverride":90}'
        )

    def test_has_the_gate_s_key(self) -> None:
        assert sent(CodeBuild(), key="main")["environmentVariablesOverride"] == variables(("HOLDOFF_KEY", "main"))

    def test_of_nothing_special_is_short(self) -> None:
        assert CodeBuild().freeze(request()).parameters == '{"projectName":"site-build"}'

    def test_does_not_depend_on_the_order_of_the_settings(self) -> None:
        one = CodeBuild(environment={"A": "1", "B": "2"})
        two = CodeBuild(environment={"B": "2", "A": "1"})
        assert one.freeze(request()) == two.freeze(request())

    def test_names_the_starters_own_project(self) -> None:
        assert sent(CodeBuild("other"))["projectName"] == "other"

    def test_has_no_token_of_the_triggers(self) -> None:
        assert sent(CodeBuild(), environment=(("HOLDOFF_TOKEN", "forged"),)) == {"projectName": PROJECT}

    def test_versions_of_other_sources_go_over_the_options(self) -> None:
        options = {"secondarySourcesVersionOverride": [{"sourceIdentifier": "lib", "sourceVersion": "main"}]}
        starter = CodeBuild(options=options)
        assert sent(starter)["secondarySourcesVersionOverride"] == options["secondarySourcesVersionOverride"]
        got = sent(starter, secondary_versions={"theme": "v2", "lib": "4f2"})
        assert got["secondarySourcesVersionOverride"] == [
            {"sourceIdentifier": "lib", "sourceVersion": "4f2"},
            {"sourceIdentifier": "theme", "sourceVersion": "v2"},
        ]

    def test_again_follows_new_settings(self) -> None:
        """After a refusal the request is frozen afresh, so that a corrected setting counts."""
        frozen = CodeBuild(environment={"STAGE": "wrong"}).freeze(request())
        again = CodeBuild(environment={"STAGE": "right"}).freeze(frozen)
        assert "right" in again.parameters
        assert "wrong" not in again.parameters


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"project": ""}, "codebuild is ''"),
            ({"project": 7}, "codebuild is 7"),
            ({"region": " "}, "region is ' '"),
            ({"endpoint": "localhost:8000"}, "endpoint is 'localhost:8000'; write a URL such as"),
            ({"endpoint": "http://[::1"}, "endpoint is 'http://[::1'; write a URL such as"),
            ({"endpoint": ""}, "endpoint is ''; write a URL such as"),
            ({"endpoint": 7}, "endpoint is 7; write a URL such as"),
            ({"endpoint": ["http://me:S3CR3T@host"]}, "endpoint is a list (not shown"),
            ({"environment": ["STAGE"]}, "environment is a list (not shown: it may be a secret); write a table"),
            ({"environment": {"STAGE": 7}}, "environment.STAGE is 7; write its value as text"),
            ({"environment": {"NOT-SO": "x"}}, "environment.NOT-SO is 'x'"),
            ({"environment": {"HOLDOFF_TOKEN": "x"}}, "carries the start's token"),
            ({"environment": {"KEY": {"type": "VAULT", "value": "x"}}}, "environment.KEY is"),
            ({"environment": {"KEY": {"type": "PLAINTEXT"}}}, "environment.KEY is"),
            ({"options": "large"}, "options is text (not shown: it may be a secret)"),
            ({"options": {"idempotencyToken": "x"}}, "each start has a token of its own"),
            ({"options": {"projectName": "x"}}, "write the starter's project"),
            ({"options": {"sourceVersion": "x"}}, "write the trigger's source version"),
            ({"options": {"environmentVariablesOverride": []}}, "write the starter's environment"),
            ({"options": {"computTypeOverride": "x"}}, "is 'x'; write it as computeTypeOverride"),
            ({"options": {1: 2}}, "parameters of StartBuild"),
            ({"options": {"shape": "x"}}, "options.shape is 'x'; write parameters of StartBuild"),
            ({"options": {"imageOverride": {1, 2}}}, "options.imageOverride is"),
            ({"options": {"secondarySourcesVersionOverride": "main"}}, "write a list of tables of sourceIdentifier"),
            ({"options": {"secondarySourcesVersionOverride": [{"sourceVersion": "x"}]}}, "write a list of tables"),
            ({"project": "docs\0"}, "a CodeBuild project's name"),
            ({"batch": "yes"}, "batch is 'yes'; write true or false"),
            ({"batch": True, "options": {"timeoutInMinutesOverride": 9}}, "write it as buildTimeoutInMinutesOverride"),
            ({"role": "arn:aws:iam::1:role/x"}, "role is 'arn:aws:iam::1:role/x'; write an IAM role's ARN"),
            ({"options": {"imageOverride": float("nan")}}, "options.imageOverride is nan"),
            ({"options": {"buildspecOverride": "x" * 16_385}}, "at most 16,384 bytes"),
        ],
    )
    def test_that_are_wrong_are_refused_at_once(self, settings: dict[str, Any], told: str) -> None:
        with pytest.raises(ConfigError) as caught:
            CodeBuild(**settings)
        assert told in str(caught.value)

    @pytest.mark.parametrize("kind", [BUILD, BATCH], ids=["build", "batch"])
    def test_every_option_is_a_parameter_of_its_operation(self, kind: Any) -> None:
        model = botocore.session.Session().get_service_model("codebuild")
        theirs = set(model.operation_model(kind.starts).input_shape.members)
        ours = {"projectName", "sourceVersion", "environmentVariablesOverride", "idempotencyToken"}
        assert theirs - ours == kind.options

    def test_a_starter_costs_no_botocore_until_it_starts(self) -> None:
        code = (
            "import sys; from holdoff.starters import CodeBuild; from holdoff.core.request import Request;"
            "CodeBuild().freeze(Request(project='p', region='r')); print('botocore' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert run.stdout == b"False\n"


class TestStart:
    def test_sends_what_was_frozen_and_the_token(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str
    ) -> None:
        frozen = starter.freeze(request(source_version="4f2a91c", environment=(("A", "1"),)))
        build_id = starter.start(frozen, token)
        [build] = standin.builds_started
        assert build.id == build_id
        assert build.source_version == "4f2a91c"
        assert build.env == {"A": "1", "HOLDOFF_TOKEN": token}
        ours = {"name": "HOLDOFF_TOKEN", "value": token, "type": "PLAINTEXT"}
        assert build.request == {
            "projectName": PROJECT,
            "sourceVersion": "4f2a91c",
            "environmentVariablesOverride": [*variables(("A", "1")), ours],
            "idempotencyToken": token,
        }

    def test_freezes_what_is_not_frozen(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        starter.start(request(), token)
        assert standin.builds_started[0].project == PROJECT

    def test_sends_the_frozen_text_whatever_the_settings_are_now(self, standin: CodeBuildStandin, token: str) -> None:
        frozen = CodeBuild(environment={"STAGE": "one"}).freeze(request())
        CodeBuild(endpoint=standin.url, environment={"STAGE": "two"}).start(frozen, token)
        assert standin.builds_started[0].env["STAGE"] == "one"

    def test_twice_with_one_token_is_one_build(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        frozen = starter.freeze(request())
        assert starter.start(frozen, token) == starter.start(frozen, token)
        assert len(standin.builds_started) == 1
        assert len(standin.start_requests) == 2

    def test_options_reach_the_service(self, standin: CodeBuildStandin, token: str) -> None:
        CodeBuild(endpoint=standin.url, options={"queuedTimeoutInMinutesOverride": 30}).start(request(), token)
        assert standin.builds_started[0].request["queuedTimeoutInMinutesOverride"] == 30

    def test_takes_a_client_of_ones_own(self, standin: CodeBuildStandin, token: str) -> None:
        CodeBuild(client=standin.client()).start(request(), token)
        assert len(standin.builds_started) == 1

    def test_of_a_request_another_starter_froze_is_unknown(self, starter: CodeBuild, token: str) -> None:
        for text in ("[]", "{}", "make docs"):
            with pytest.raises(StartUnknown, match="frozen by another starter"):
                starter.start(request(parameters=text), token)

    def test_from_many_threads_makes_one_client(
        self, standin: CodeBuildStandin, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[str | None] = []
        real = aws.make_client

        def counting(service: str, limits: Limits, *, region: str | None = None, **more: Any) -> Any:
            made.append(region)
            return real(service, limits, region=region, **more)

        monkeypatch.setattr(aws, "make_client", counting)
        starter = CodeBuild(endpoint=standin.url)
        together = threading.Barrier(8)

        def start(token: str) -> str:
            together.wait(PATIENCE_S)
            return starter.start(request(), token)

        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(start, [token_at(clock) for _ in range(8)]))
        assert made == [REGION]
        assert len(set(ids)) == 8


class TestRegion:
    def made_for(self, starter: CodeBuild, region: str, standin: CodeBuildStandin) -> str:
        bound = starter.for_region(region)
        bound.start(Request(project=PROJECT, region=region), f"token-for-{region}")
        return str(bound._starting.of(bound.region).meta.region_name)

    def test_is_the_starters_else_the_gates_else_botocores(self, standin: CodeBuildStandin) -> None:
        own = CodeBuild(endpoint=standin.url, region="us-east-2")
        assert self.made_for(own, "eu-north-1", standin) == "us-east-2"
        assert self.made_for(CodeBuild(endpoint=standin.url), "eu-north-1", standin) == "eu-north-1"
        assert self.made_for(CodeBuild(endpoint=standin.url), "local", standin) == REGION

    def test_missing_is_refused_and_says_where_to_name_it(self, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_REGION")
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(StartRefused, match="Name a region") as caught:
            CodeBuild().start(Request(project=PROJECT, region="local"), token)
        assert not caught.value.worth_retrying
        assert "list-projects --region REGION`" in CodeBuild().target_of(GateKey(PROJECT, "local")).missing

    def test_that_is_none_is_refused(self, token: str) -> None:
        with pytest.raises(StartRefused, match="Name a region"):
            CodeBuild(region="not a region").start(request(), token)


class TestTimes:
    def test_find_cancel_and_start_together_are_well_under_the_claims_lease(
        self, standin: CodeBuildStandin, token: str
    ) -> None:
        starter = CodeBuild(endpoint=standin.url)
        starter.cancel(starter.start(request(), token))
        for clients, limits in ((starter._starting, STARTING), (starter._asking, ASKING)):
            config = clients.of(REGION).meta.config
            assert (config.connect_timeout, config.read_timeout) == (limits.connect_s, limits.read_s)
            assert config.retries == {"mode": "standard", "total_max_attempts": limits.tries}
        assert STARTING.longest_ms == 1000 * (2 * (2 + 2 + 6) + (1 + 5)) == 26_000
        assert ASKING.longest_ms == 7_000 < ASK_MS
        assert CodeBuild().start_budget_ms == ASK_MS + ASK_MS + 26_000 == 50_000

    @pytest.mark.parametrize("took_ms", [[7_000], [4_999, 7_000], [2_500, 2_499, 7_000], [1_000] * 4 + [999, 7_000]])
    def test_a_service_that_stalls_takes_no_longer_than_was_reckoned(
        self, took_ms: list[int], standin: CodeBuildStandin, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every question is answered just in time, and every page has another; to stop and to start get no answer."""
        monkeypatch.setattr(on_aws, "SystemClock", lambda: clock)
        monkeypatch.setattr("holdoff.aws.client.SystemClock", lambda: clock)
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda wait_s: clock.sleep(round(1000 * wait_s)))
        plain, asked = standin.client(), cycle(took_ms)
        for _ in range(250):
            plain.start_build(projectName=PROJECT)

        def late(event_name: str, **_: object) -> None:
            if (operation := event_name.rpartition(".")[2]) in ("StopBuild", "StartBuild"):
                clock.sleep(10_000 if operation == "StartBuild" else ASKING.longest_ms)
                raise ReadTimeoutError(endpoint_url=standin.url)
            clock.sleep(next(asked))

        starter = CodeBuild(endpoint=standin.url)
        for clients in (starter._starting, starter._asking):
            clients.of(REGION).meta.events.register("before-send.codebuild", late)
        began_ms = clock.now_ms()
        with suppress(StartUnknown):
            starter.find("a token of another's", request())
        found_ms = clock.now_ms()
        assert 7_000 <= found_ms - began_ms <= ASK_MS
        with pytest.raises(HoldoffError, match="cannot stop"):
            starter.cancel("site-build:x")
        assert clock.now_ms() - found_ms <= ASK_MS
        with pytest.raises(StartUnknown):
            starter.start(request(), tokens.make(1, 1))
        assert clock.now_ms() - began_ms <= starter.start_budget_ms
        assert len(standin.start_requests) == 250, "no start arrived"

    def test_botocore_waits_no_longer_than_was_reckoned(
        self, standin: CodeBuildStandin, token: str, waits: list[float]
    ) -> None:
        standin.fault("StartBuild", "error", code="ThrottlingException", times=TRIES)
        refusal(CodeBuild(endpoint=standin.url), token)
        [wait] = waits
        assert wait <= 1 + 5

    def test_a_build_may_queue_8_hours_and_run_36(self) -> None:
        assert CodeBuild.build_lease_ms == 44 * 3600 * 1000
        model = botocore.session.Session().get_service_model("codebuild")
        members = model.operation_model("StartBuild").input_shape.members
        longest = sum(
            members[name].metadata["max"] for name in ("timeoutInMinutesOverride", "queuedTimeoutInMinutesOverride")
        )
        assert CodeBuild.build_lease_ms == longest * 60_000


# --- certainly no build, or not known: every line of the table ------------------------------------

ANSWERED = [(name, row) for row in ANSWERS for name in row.names.split()]
FAILED = [(name, row) for row in FAILURES for name in row.names.split()]
CONNECTIONS = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "NoConnection"}


def failing(standin: CodeBuildStandin, event: str, error: Exception) -> CodeBuild:
    """A starter whose client fails at a step of its own."""
    client = standin.client(attempts=TRIES)
    starter = CodeBuild(client=client)

    def fail(**_: Any) -> None:
        raise error

    client.meta.events.register(f"{event}.codebuild.StartBuild", fail)
    return starter


def exception(name: str) -> Exception:
    """One of botocore's, of the clients' or of the lean client's, or one that derives from it."""
    if name == "ImportError":
        return ModuleNotFoundError("No module named 'awscrt'")
    kind = getattr(botocore.exceptions, name, None) or getattr(aws, name, None) or getattr(lean, name)
    made: Exception = type("Derived", (kind,), {"fmt": "it went wrong"})()
    return made


def check_refusal(error: StartRefused, row: Row) -> None:
    assert error.worth_retrying is (row.verdict is Verdict.NOT_NOW)
    assert error.hint or row.cause is Cause.STATE
    assert "{" not in str(error)
    assert f"{PROJECT} in {REGION} was not started" in str(error)


@dataclass
class Table:
    """What the lines of the table are tried on."""

    clock: ManualClock
    standin: CodeBuildStandin


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    clock = ManualClock("2026-01-01T00:00:00Z")
    with CodeBuildStandin(projects=[PROJECT], clock=StandinClock(clock.now_ms)) as standin:
        yield Table(clock, standin)


class TestTable:
    """One stand-in for all lines: each has a token of its own."""

    @pytest.fixture
    def clock(self, table: Table) -> ManualClock:
        return table.clock

    @pytest.fixture
    def standin(self, table: Table) -> Iterator[CodeBuildStandin]:
        yield table.standin
        table.standin.clear_faults()

    @pytest.fixture
    def starter(self, standin: CodeBuildStandin) -> CodeBuild:
        """One to each: the SDK gives a client that has failed often no more retries."""
        return CodeBuild(client=standin.client(attempts=TRIES))

    @pytest.mark.parametrize(("code", "row"), ANSWERED, ids=[name for name, _ in ANSWERED])
    def test_an_answer_that_is_certain(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str, code: str, row: Row
    ) -> None:
        fault = standin.fault("StartBuild", "error", code=code, message="So it is.", times=TRIES)
        error = refusal(starter, token)
        check_refusal(error, row)
        assert f"({code}: So it is)" in str(error)
        assert len(fault.arrived) == (TRIES if code in RETRIED else 1)
        assert token not in standin.builds_by_token()

    @pytest.mark.parametrize(("code", "row"), ANSWERED, ids=[name for name, _ in ANSWERED])
    def test_the_same_answer_after_a_try_in_doubt_is_not(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str, code: str, row: Row
    ) -> None:
        standin.fault("StartBuild", "drop", after_commit=True)
        standin.fault("StartBuild", "error", code=code, times=TRIES)
        error = unknown(starter, token)
        assert "one try to start site-build in eu-west-1 got no clear answer" in str(error)
        assert code in str(error)
        assert len(standin.builds_by_token()[token]) == 1

    @pytest.mark.parametrize(("name", "row"), FAILED, ids=[name for name, _ in FAILED])
    def test_a_failure_that_is_certain(self, standin: CodeBuildStandin, token: str, name: str, row: Row) -> None:
        event = "before-send" if name in CONNECTIONS else "before-parameter-build"
        check_refusal(refusal(failing(standin, event, exception(name)), token), row)

    @pytest.mark.parametrize(("name", "row"), FAILED, ids=[name for name, _ in FAILED])
    def test_the_same_failure_after_a_try_in_doubt_is_not(
        self, standin: CodeBuildStandin, token: str, name: str, row: Row
    ) -> None:
        client = standin.client(attempts=TRIES)
        starter = CodeBuild(client=client)
        standin.fault("StartBuild", "drop", after_commit=True)

        def fail_later(**_: Any) -> None:
            if token in standin.builds_by_token():
                raise exception(name)

        event = "before-send" if name in CONNECTIONS else "before-sign"
        client.meta.events.register(f"{event}.codebuild.StartBuild", fail_later)
        unknown(starter, token)

    def test_an_answer_in_no_row_is_unknown(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        standin.fault("StartBuild", "error", code="SomethingNewException")
        assert "SomethingNewException" in str(unknown(starter, token))

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    @pytest.mark.parametrize("after_commit", [False, True])
    def test_a_bare_status_of_the_services_own_is_unknown(
        self,
        standin: CodeBuildStandin,
        starter: CodeBuild,
        token: str,
        status: int,
        after_commit: bool,
    ) -> None:
        standin.fault("StartBuild", "http", status=status, after_commit=after_commit, times=TRIES)
        assert f"(HTTP {status}: " in str(unknown(starter, token))

    @pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
    def test_a_status_from_500_on_is_unknown_whatever_its_code(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str, code: str
    ) -> None:
        standin.fault("StartBuild", "error", code=code, status=503, times=TRIES)
        unknown(starter, token)

    @pytest.mark.parametrize("after_commit", [False, True])
    def test_a_connection_that_closes_is_unknown(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str, after_commit: bool
    ) -> None:
        standin.fault("StartBuild", "drop", after_commit=after_commit, times=TRIES)
        assert "it is not known whether site-build" in str(unknown(starter, token))

    @pytest.mark.parametrize("after_commit", [False, True])
    def test_no_answer_in_time_is_unknown(self, standin: CodeBuildStandin, token: str, after_commit: bool) -> None:
        standin.fault("StartBuild", "hang", after_commit=after_commit, times=TRIES)
        starter = CodeBuild(client=standin.client(read_timeout=0.1, attempts=TRIES))
        assert "imeout" in str(unknown(starter, token))

    def test_an_answer_that_cannot_be_read_is_unknown(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str
    ) -> None:
        standin.fault("StartBuild", "http", status=200, after_commit=True)
        unknown(starter, token)

    def test_an_answer_without_a_build_is_unknown(self, token: str) -> None:
        class Odd:
            def start_build(self, **_: Any) -> dict[str, Any]:
                return {}

        unknown(CodeBuild(client=Odd()), token)

    def test_an_error_of_a_client_that_is_not_botocores_is_unknown(self, token: str) -> None:
        class Odd:
            def start_build(self, **_: Any) -> dict[str, Any]:
                raise RuntimeError

        assert "RuntimeError" in str(unknown(CodeBuild(client=Odd()), token))

    def test_a_certificate_that_does_not_hold_is_certain(self, standin: CodeBuildStandin, token: str) -> None:
        said = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
        error = SSLError(endpoint_url=standin.url, error=said)
        assert "AWS_CA_BUNDLE" in str(refusal(failing(standin, "before-send", error), token))

    def test_any_other_trouble_with_tls_is_unknown(self, standin: CodeBuildStandin, token: str) -> None:
        error = SSLError(endpoint_url=standin.url, error="[SSL] record layer failure")
        unknown(failing(standin, "before-send", error), token)

    def test_whatever_fails_before_the_first_try_is_certain(self, standin: CodeBuildStandin, token: str) -> None:
        error = botocore.exceptions.UnsupportedSignatureVersionError(signature_version="v9")
        assert not refusal(failing(standin, "before-sign", error), token).worth_retrying

    def test_an_answer_from_where_the_credentials_come_from_is_certain(
        self, standin: CodeBuildStandin, token: str
    ) -> None:
        denied = {"Error": {"Code": "AccessDenied", "Message": "not you"}}
        error = ClientError(denied, "AssumeRole")
        assert "AWS credentials" in str(refusal(failing(standin, "before-sign", error), token))


#: Codes that botocore's standard mode tries again.
RETRIED = {name for row in ANSWERS if row.verdict is Verdict.NOT_NOW for name in row.names.split()} - {
    "AccountLimitExceededException",
    "ServiceQuotaExceededException",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
    "ConflictException",
    "ConcurrentPipelineExecutionsLimitExceededException",
    "429",
}


class TestRefusals:
    """The real thing, where it can be had: not only the error's name."""

    def test_no_such_project(self, starter: CodeBuild, token: str) -> None:
        with pytest.raises(StartRefused) as caught:
            starter.start(Request(project="nowhere", region=REGION), token)
        assert "nowhere in eu-west-1 was not started (ResourceNotFoundException: " in str(caught.value)
        assert "`aws codebuild list-projects --region eu-west-1`" in str(caught.value)

    def test_a_right_is_missing(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        arn = "arn:aws:codebuild:eu-west-1:*:project/site-build"
        assert f"Allow codebuild:StartBuild on {arn}" in str(refusal(starter, token))

    def test_a_right_is_missing_on_a_project_named_by_its_arn(self, standin: CodeBuildStandin, token: str) -> None:
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        arn = "arn:aws-cn:codebuild:cn-north-1:123456789012:project/site-build"
        starter = CodeBuild(arn, endpoint=standin.url)
        assert str(refusal_at(starter, token)).endswith(f"Allow codebuild:StartBuild on {arn}")

    def test_the_accounts_limit(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        standin.set_account_limit(0)
        error = refusal(starter, token)
        assert error.worth_retrying
        assert "Cannot have more than 0 active builds" in str(error)

    def test_a_parameter_of_a_wrong_type(self, standin: CodeBuildStandin, token: str) -> None:
        starter = CodeBuild(endpoint=standin.url, options={"timeoutInMinutesOverride": "long"})
        assert "timeoutInMinutesOverride" in str(refusal(starter, token))
        assert standin.start_requests == []

    def test_no_credentials(self, starter: CodeBuild, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        assert "Unable to locate credentials" in str(refusal(starter, token))

    def test_no_such_profile(self, starter: CodeBuild, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "missing")
        assert "missing" in str(refusal(starter, token))

    def test_a_port_where_nothing_listens(self, token: str) -> None:
        error = refusal(CodeBuild(endpoint="http://127.0.0.1:9"), token)
        assert error.worth_retrying
        assert "Check the network, the endpoint" in str(error)

    def test_an_endpoint_that_is_no_url(self) -> None:
        with pytest.raises(ConfigError, match="endpoint is 'http://'"):
            CodeBuild(endpoint="http://")

    def test_no_botocore(self, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("botocore", "botocore.config", "botocore.session"):
            monkeypatch.setitem(sys.modules, name, None)
        assert "pip install 'holdoff[aws]'" in str(refusal(CodeBuild(), token))

    def test_no_botocore_when_looking_does_not_say_that_there_is_no_build(
        self, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("botocore", "botocore.config", "botocore.session"):
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(StartUnknown, match=r"holdoff\[aws\]"):
            CodeBuild().find(token, request())


def refusal_at(starter: CodeBuild, token: str) -> StartRefused:
    with pytest.raises(StartRefused) as caught:
        starter.start(request(), token)
    return caught.value


class TestRetries:
    @pytest.mark.parametrize("kind", ["drop", "hang"])
    def test_a_lost_answer_is_asked_for_again_and_is_one_build(
        self, standin: CodeBuildStandin, token: str, kind: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fault = standin.fault("StartBuild", kind, after_commit=True)
        firsts: list[object] = []

        def is_over(reader: socket.socket) -> bool:
            """Of the first that reads an answer, once the service has its request."""
            if standin.url.endswith(f":{reader.getpeername()[1]}"):
                firsts.append(reader.getsockname())
            return bool(fault.arrived and firsts) and reader.getsockname() == firsts[0]

        if kind == "hang":  # a dropped connection is over by itself: the first that waits may be that of the second try
            time_out_when(is_over, monkeypatch)
        starter = CodeBuild(client=standin.client(attempts=TRIES))
        build_id = starter.start(request(), token)
        [build] = standin.builds_started
        assert build.id == build_id
        first, second = standin.start_requests
        assert first.request == second.request

    def test_a_throttled_try_leaves_no_doubt(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        standin.fault("StartBuild", "error", code="ThrottlingException")
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        refusal(starter, token)

    def test_one_call_in_doubt_leaves_none_for_the_next(
        self, standin: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
    ) -> None:
        standin.fault("StartBuild", "drop", times=TRIES)
        unknown(starter, token_at(clock))
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        refusal(starter, token_at(clock))

    def test_starters_may_share_a_client(self, standin: CodeBuildStandin, clock: ManualClock) -> None:
        client = standin.client(attempts=TRIES)
        one, other = CodeBuild(client=client), CodeBuild(client=client)
        standin.fault("StartBuild", "drop", times=TRIES)
        unknown(one, token_at(clock))
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        refusal(other, token_at(clock))
        assert client.start_build(projectName=PROJECT)

    def test_threads_do_not_share_their_doubts(self, standin: CodeBuildStandin, clock: ManualClock) -> None:
        starter = CodeBuild(client=standin.client(attempts=1))
        held = standin.fault("StartBuild", "hang")
        standin.fault("StartBuild", "error", code="AccessDeniedException")
        with ThreadPoolExecutor(1) as pool:
            hanging = pool.submit(unknown, starter, token_at(clock))
            held.wait_arrived()
            refusal(starter, token_at(clock))
            held.release()
            hanging.result(PATIENCE_S)


class TestMismatch:
    """CodeBuild does not like the parameters, and perhaps because the token was used with others."""

    def test_of_a_first_attempt_it_is_a_refusal(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str
    ) -> None:
        """No build can have a token that was never sent before: none is looked for."""
        standin.fault("StartBuild", "error", code="InvalidInputException", message="MISMATCH!")
        standin.fault("ListBuildsForProject", "http", status=500, times=TRIES)
        assert "See the starter's settings" in str(refusal(starter, token))

    @pytest.mark.parametrize("may_look", [True, False])
    def test_of_a_later_attempt_it_proves_nothing(
        self, standin: CodeBuildStandin, clock: ManualClock, may_look: bool
    ) -> None:
        """The claim stays, whatever the refusal says: the first attempt's build may exist, and here it does."""
        store = MemoryStore()

        class Later(CodeBuild):
            """A version that sends something else beside what is frozen."""

            def _send(self, region: str | None, parameters: dict[str, Any], token: str) -> str:
                return super()._send(region, {**parameters, "timeoutInMinutesOverride": 5}, token)

        def gate(kind: type[CodeBuild]) -> holdoff.Gate:
            starts = kind(endpoint=standin.url, region=REGION)
            return holdoff.Gate(PROJECT, store=store, policy=holdoff.Policy("10m"), starter=starts, clock=clock)

        standin.fault("StartBuild", "http", status=500, times=TRIES, after_commit=True)
        assert gate(CodeBuild).trigger().why == "start_unknown"
        clock.advance("61s")
        if not may_look:
            standin.fault("ListBuildsForProject", "error", code="AccessDeniedException", times=TRIES)
        decision = gate(Later).wake()
        assert [build.id for build in standin.builds_started] == ([decision.taken_over] if may_look else [ANY])
        assert (store.get(GateKey(PROJECT, "local")).claim is None) is may_look
        if not may_look:
            assert "InvalidInputException" in str(decision)


# --- finding, asking, stopping -----------------------------------------------------------------------


class TestFind:
    def test_finds_the_build_of_a_token(
        self, standin: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
    ) -> None:
        first, second, third = (token_at(clock) for _ in range(3))
        ids = [starter.start(request(), token) for token in (first, second)]
        assert [starter.find(token, request()) for token in (first, second, third)] == [*ids, None]

    def test_of_a_project_without_builds_is_none(self, starter: CodeBuild, token: str) -> None:
        assert starter.find(token, request()) is None

    def test_of_a_project_that_does_not_exist_is_none(self, starter: CodeBuild, token: str) -> None:
        assert starter.find(token, Request(project="nowhere", region=REGION)) is None

    def test_looks_where_the_frozen_request_says(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str
    ) -> None:
        build_id = starter.start(request(), token)
        renamed = CodeBuild("renamed-since", endpoint=standin.url)
        assert renamed.find(token, starter.freeze(request())) == build_id

    def test_finds_it_among_more_than_a_page(
        self, standin: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
    ) -> None:
        token = token_at(clock)
        build_id = starter.start(request(), token)
        client = standin.client()
        for _ in range(205):
            client.start_build(projectName=PROJECT)
        assert starter.find(token, request()) == build_id

    def test_stops_at_builds_from_long_before_the_token(
        self, standin: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
    ) -> None:
        client = standin.client()
        for _ in range(101):
            client.start_build(projectName=PROJECT)
        never = standin.fault("ListBuildsForProject", "error", code="NeverAsked", after_commit=True)
        clock.advance("10m")
        with pytest.raises(StartUnknown, match="NeverAsked"):
            starter.find(token_at(clock), request())  # 10 minutes: not clearly before
        asked = standin.fault("ListBuildsForProject", "pause", seconds=0.001, times=5)
        clock.advance("1s")
        assert starter.find(token_at(clock), request()) is None
        assert len(asked.arrived) == 1
        assert len(never.arrived) == 1

    def test_looks_through_all_for_a_token_that_is_not_ours(
        self, standin: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
    ) -> None:
        build_id = starter.start(request(), "another's own")
        clock.advance("1h")
        assert starter.find("another's own", request()) == build_id

    @pytest.mark.parametrize("operation", ["ListBuildsForProject", "BatchGetBuilds"])
    @pytest.mark.parametrize("code", ["AccessDeniedException", "InternalFailure"])
    def test_that_fails_does_not_say_that_there_is_none(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str, operation: str, code: str
    ) -> None:
        starter.start(request(), token)
        standin.fault(operation, "error", code=code)
        with pytest.raises(StartUnknown, match="cannot look among the builds of site-build") as got:
            starter.find(token, request())
        hint = f"Allow codebuild:{operation} on arn:" if code == "AccessDeniedException" else "--drop-claim"
        assert hint in str(got.value)


class TestBatch:
    """What differs from single builds; what does not, the conformance suite has."""

    @pytest.fixture
    def starter(self, standin: CodeBuildStandin) -> CodeBuild:
        return CodeBuild(endpoint=standin.url, batch=True, options={"buildTimeoutInMinutesOverride": 90})

    def test_is_started_as_one(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        starter.start(request(source_version="4f2", secondary_versions={"lib": "93b"}), token)
        [batch] = standin.builds_started
        assert batch.batch
        assert batch.request["buildTimeoutInMinutesOverride"] == 90
        assert batch.request["idempotencyToken"] == batch.env["HOLDOFF_TOKEN"] == token

    def test_and_a_build_are_not_taken_for_one_another(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str
    ) -> None:
        single = CodeBuild(endpoint=standin.url)
        build_id = single.start(request(), token)
        assert (starter.status(build_id), starter.find(token, request())) == (None, None)
        with pytest.raises(HoldoffError, match="cannot stop"):
            starter.cancel(build_id)

    def test_is_found_in_a_listing_that_has_no_order(
        self, standin: CodeBuildStandin, starter: CodeBuild, clock: ManualClock
    ) -> None:
        for _ in range(120):
            standin.client().start_build_batch(projectName=PROJECT)
        clock.advance("2h")
        token = token_at(clock)
        build_id = starter.start(request(), token)
        for _ in range(120):
            standin.client().start_build_batch(projectName=PROJECT)
        assert starter.find(token, request()) == build_id

    def test_a_right_that_is_missing_is_the_batch_s(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str
    ) -> None:
        standin.fault("StartBuildBatch", "error", code="AccessDeniedException")
        assert "Allow codebuild:StartBuildBatch on arn:" in str(refusal(starter, token))


class TestStatus:
    @pytest.mark.parametrize(
        ("ended", "told"),
        [
            ("SUCCEEDED", "succeeded"),
            ("FAILED", "failed"),
            ("FAULT", "failed"),
            ("TIMED_OUT", "failed"),
        ],
    )
    def test_of_a_build_that_ended(
        self, standin: CodeBuildStandin, starter: CodeBuild, token: str, ended: Outcome, told: str
    ) -> None:
        build_id = starter.start(request(), token)
        assert starter.status(build_id) == "running"
        standin.finish(build_id, ended)
        assert starter.status(build_id) == told

    def test_of_a_build_that_was_cancelled(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        build_id = starter.start(request(), token)
        starter.cancel(build_id)
        assert starter.status(build_id) == "failed"
        starter.cancel(build_id)  # again changes nothing

    def test_of_a_build_that_does_not_exist(self, starter: CodeBuild) -> None:
        assert starter.status("site-build:none") is None

    def test_asks_in_the_region_of_its_gate(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        there = starter.for_region("us-east-1")
        with CodeBuildStandin(projects=[PROJECT], region="us-east-1") as elsewhere:
            build_id = starter.start(request(), token)
            starter._asking._made[aws._generation, "us-east-1"] = elsewhere.client()
            other_id = elsewhere.client().start_build(projectName=PROJECT)["build"]["id"]
            assert (there.status(other_id), there.status(build_id)) == ("running", None)
            there.cancel(other_id)
            assert there.status(other_id) == "failed"

    def test_that_cannot_be_asked_says_so(self, standin: CodeBuildStandin, starter: CodeBuild) -> None:
        standin.fault("BatchGetBuilds", "error", code="AccessDeniedException")
        with pytest.raises(HoldoffError, match="cannot ask after the build site-build:x") as caught:
            starter.status("site-build:x")
        assert "Allow codebuild:BatchGetBuilds on " in str(caught.value)

    def test_a_page_of_a_proxy_cancels_nothing(self, standin: CodeBuildStandin, starter: CodeBuild, token: str) -> None:
        """The build goes on: counted as cancelled, the next one would overlap it."""
        build_id = starter.start(request(), token)
        standin.fault("StopBuild", "http", status=200)
        with pytest.raises(HoldoffError, match=r"cannot stop the build .*the answer is not the service's"):
            starter.cancel(build_id)
        assert starter.status(build_id) == "running"

    def test_cancelling_what_does_not_exist_says_so(self, starter: CodeBuild) -> None:
        with pytest.raises(HoldoffError, match="cannot stop the build site-build:x"):
            starter.cancel("site-build:x")


# --- through a gate ----------------------------------------------------------------------------------


class Blind(CodeBuild):
    """One that never finds a build, so that a take-over starts it again."""

    def find(self, token: str, request: Request) -> str | None:
        return None


class TestGate:
    @pytest.fixture
    def gate(self, standin: CodeBuildStandin, clock: ManualClock) -> Callable[..., holdoff.Gate]:
        """A gate as another process, perhaps after a deploy, would have it."""
        store = MemoryStore()

        def make(kind: type[CodeBuild] = CodeBuild, **settings: Any) -> holdoff.Gate:
            return holdoff.Gate(
                PROJECT,
                region=REGION,
                store=store,
                policy=holdoff.Policy(cooldown="10m"),
                starter=kind(endpoint=standin.url, **settings),
                clock=clock,
            )

        return make

    def test_starts_one_build(self, standin: CodeBuildStandin, gate: Callable[..., holdoff.Gate]) -> None:
        decision = gate(environment={"STAGE": "prod"}).trigger(source_version="4f2a91c", environment={"A": "1"})
        [build] = standin.builds_started
        assert decision.build_id == build.id
        assert build.source_version == "4f2a91c"
        assert build.env == {"STAGE": "prod", "A": "1", "HOLDOFF_TOKEN": build.token}
        assert decision.id.endswith(str(build.token))

    @pytest.mark.parametrize("code", ["AccessDeniedException", "AccountLimitExceededException"])
    def test_gives_the_slot_back_after_a_refusal_and_starts_when_due(
        self,
        standin: CodeBuildStandin,
        clock: ManualClock,
        gate: Callable[..., holdoff.Gate],
        code: str,
    ) -> None:
        standin.fault("StartBuild", "error", code=code)
        refused = gate(environment={"STAGE": "wrong"}).trigger(source_version="one")
        assert (refused.outcome, refused.why) == ("failed", "start_failed")
        assert refused.due_ms is not None
        wait_ms = refused.due_ms - clock.now_ms()
        assert wait_ms == (5_000 if code.startswith("AccountLimit") else 60_000)
        clock.advance(wait_ms / 1000)
        corrected = gate(environment={"STAGE": "right"}).wake()
        assert corrected.outcome == "started"
        [build] = standin.builds_started
        assert (build.env["STAGE"], build.source_version) == ("right", "one")

    def lost(self, standin: CodeBuildStandin, *, after_commit: bool) -> None:
        """Every try of the next start is lost; the first one made the build, or none did."""
        standin.fault("StartBuild", "drop", after_commit=after_commit)
        standin.fault("StartBuild", "drop", times=TRIES - 1)

    @pytest.mark.parametrize("kind", [CodeBuild, Blind])
    @pytest.mark.parametrize("after_commit", [False, True])
    def test_a_take_over_after_a_deploy_sends_the_very_same(
        self,
        standin: CodeBuildStandin,
        clock: ManualClock,
        gate: Callable[..., holdoff.Gate],
        kind: type[CodeBuild],
        after_commit: bool,
    ) -> None:
        self.lost(standin, after_commit=after_commit)
        unknown = gate(environment={"STAGE": "one"}).trigger(source_version="one")
        assert unknown.why == "start_unknown"
        clock.advance("61s")
        options = {"timeoutInMinutesOverride": 90}
        deployed = gate(kind, environment={"STAGE": "two"}, options=options)
        decision = deployed.trigger(source_version="two")
        [build] = standin.builds_started
        assert (build.env["STAGE"], build.source_version) == ("one", "one")
        assert decision.taken_over == build.id
        assert decision.outcome == "deferred"
        requests = [arrived.request for arrived in standin.start_requests]
        assert requests == [requests[0]] * len(requests)
        found = after_commit and kind is CodeBuild
        assert len(requests) == TRIES + (0 if found else 1)

    def test_a_take_over_after_the_token_was_forgotten_finds_the_build(
        self, standin: CodeBuildStandin, clock: ManualClock, gate: Callable[..., holdoff.Gate]
    ) -> None:
        self.lost(standin, after_commit=True)
        gate().trigger(source_version="one")
        clock.advance("2h")
        decision = gate().wake()
        [build] = standin.builds_started
        assert decision.taken_over == build.id

    def test_a_take_over_that_may_not_look_starts_nothing(
        self, standin: CodeBuildStandin, clock: ManualClock, gate: Callable[..., holdoff.Gate]
    ) -> None:
        self.lost(standin, after_commit=True)
        gate().trigger()
        clock.advance("2h")
        standin.fault("ListBuildsForProject", "error", code="AccessDeniedException")
        gate().trigger()
        assert len(standin.builds_started) == 1
        clock.advance("61s")
        assert gate().trigger().taken_over == standin.builds_started[0].id

    def test_follows_the_build_to_its_end(self, standin: CodeBuildStandin, clock: ManualClock) -> None:
        gate = holdoff.Gate(
            PROJECT,
            region=REGION,
            store=MemoryStore(),
            policy=holdoff.Policy(cooldown="1m", overlap="cancel"),
            starter=CodeBuild(endpoint=standin.url),
            clock=clock,
        )
        first = gate.trigger()
        clock.advance("1m")
        second = gate.trigger()
        assert second.outcome == "started"
        client = standin.client()
        [build] = client.batch_get_builds(ids=[first.build_id])["builds"]
        assert build["buildStatus"] == "STOPPED"


# --- killed ------------------------------------------------------------------------------------------

CLIENT = """
import sys, holdoff
store, endpoint = sys.argv[1:]
gate = holdoff.Gate("site-build", region="eu-west-1", store=holdoff.open_store(store),
    policy=holdoff.Policy(cooldown="10m"),
    starter=holdoff.starters.CodeBuild(endpoint=endpoint, environment={"STAGE": "one"}))
gate.trigger(source_version="one")
"""


@pytest.mark.parametrize(
    ("kind", "after_commit", "builds_at_death"),
    [("hang", False, 0), ("pause", False, 1), ("hang", True, 1)],
    ids=["before the commit", "before a commit that comes all the same", "after the commit"],
)
@pytest.mark.parametrize("later", ["61s", "2h"])
def test_killed_while_starting_is_one_build_per_token(
    tmp_path: Path, kind: Any, after_commit: bool, builds_at_death: int, later: str
) -> None:
    """SIGKILL while StartBuild is under way; the next trigger after the lease finishes the start."""
    clock = ManualClock(holdoff.clock.SystemClock().now_ms() / 1000)
    url = f"sqlite:///{tmp_path / 'gates.db'}"
    with CodeBuildStandin(projects=[PROJECT], clock=StandinClock(clock.now_ms)) as standin:
        fault = standin.fault("StartBuild", kind, after_commit=after_commit)
        child = subprocess.Popen([sys.executable, "-c", CLIENT, url, standin.url], cwd=ROOT)
        try:
            fault.wait_arrived(timeout=PATIENCE_S)
        finally:
            child.kill()
        assert child.wait(PATIENCE_S) == -signal.SIGKILL
        fault.release()
        if builds_at_death:
            standin.wait_started(builds_at_death)
        clock.advance(later)
        clock.advance("1s" if later == "61s" else 0)
        with holdoff.Gate(
            PROJECT,
            region=REGION,
            store=holdoff.open_store(url),
            policy=holdoff.Policy(cooldown="10m"),
            starter=CodeBuild(endpoint=standin.url, environment={"STAGE": "two"}),
            clock=clock,
        ) as gate:
            decision = gate.trigger(source_version="two")
        [(token, builds)] = standin.builds_by_token().items()
        assert len(builds) == 1
        assert token
        assert decision.taken_over == builds[0].id
        assert builds[0].env["STAGE"] == builds[0].source_version == "one"


def test_a_list_without_end_is_not_read_to_it_where_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr("holdoff.clock.SystemClock.now_ms", lambda _: clock.now_ms())

    def page(**_: object) -> dict[str, str]:
        clock.set("2020-01-01T00:00:00Z")
        return {"nextToken": "again"}

    pages = islice(Questions().pages(page), 100)
    with pytest.raises(TimeoutError):
        list(pages)
