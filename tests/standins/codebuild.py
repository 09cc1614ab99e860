"""A stand-in for AWS CodeBuild that the real boto3 client can talk to, for tests.

It listens on 127.0.0.1 and speaks CodeBuild's JSON 1.1 protocol, which is what botocore prefers for
this service. Use it in process::

    with CodeBuildStandin(projects=["site-build"]) as standin:
        standin.client().start_build(projectName="site-build", idempotencyToken="t1")
        assert len(standin.builds_by_token()["t1"]) == 1

or as a process of its own, ``python -m tests.standins.codebuild --project site-build``, which
prints its URL and is then driven with ``control(url, ...)``. A control call is the method of the
same name on ``CodeBuildStandin``, as JSON under ``/_standin/``.

What AWS documents, and the stand-in does:

- StartBuild (docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html): an
  ``idempotencyToken`` is case sensitive and valid for 5 minutes; the same token with the same
  parameters is the same build, with a changed parameter "a parameter mismatch error". Overrides
  hold for that build only. Errors declared: InvalidInputException, ResourceNotFoundException,
  AccountLimitExceededException.
- ListBuildsForProject (.../API_ListBuildsForProject.html): by build number, newest first, 100 a
  page; "if the project has more than 100 builds, setting the sort order will result in an error".
- StopBuild (docs.aws.amazon.com/codebuild/latest/userguide/stop-build.html): a build that is
  already complete keeps its status.
- BatchGetBuilds and BatchGetProjects take 1 to 100 ids, names or (projects) ARNs.
- StartBuildBatch, BatchGetBuildBatches and StopBuildBatch are as their counterparts, with names of
  their own; StartBuildBatch declares no limit. ListBuildBatchesForProject (.../
  API_ListBuildBatchesForProject.html) lists "by identifier", and not by time.
- A project with a concurrent build limit refuses more builds
  (docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html).

What AWS does not document, and is assumed here: the mismatch error is InvalidInputException (the
only declared error that fits); a token counts for the whole account, from the first request that
started a build, and a repeat does not prolong it; lists of parameters are compared in their order;
a repeat of a token is answered even when a limit is reached; what the messages say.

Left out: the check of the signature, queued builds (the account limit refuses at once, where AWS
queues up to five times the limit first), the builds of a batch, retries of builds, phases, logs and artifacts,
the resolving of branch names (``resolvedSourceVersion`` is ``sourceVersion``), delayed visibility
of new builds, and the CBOR protocol.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Literal, Self, cast, get_args

from tests.waiting import PATIENCE_S

JSON = dict[str, Any]
Outcome = Literal["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT"]
FaultKind = Literal["error", "http", "drop", "hang", "delay", "pause"]

TOKEN_VALID_MS = 5 * 60 * 1000
PAGE = 100
ACCOUNT = "123456789012"
CONTROL_PREFIX = "/_standin/"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever http_proxy says
STATUS_OF_ERROR = {"InternalServerError": 500, "InternalFailure": 500, "ServiceUnavailable": 503}


class ServiceError(Exception):
    """An error answer. With a code: as the service writes it. Without: as a load balancer does."""

    def __init__(self, code: str, message: str = "", status: int | None = None) -> None:
        super().__init__(f"{code or status}: {message}")
        self.status = status or STATUS_OF_ERROR.get(code, 400)
        page = f"<html><body>{self.status}</body></html>".encode()
        self.body = json.dumps({"__type": code, "message": message}).encode() if code else page


class Dropped(Exception):
    """The connection is to be closed without an answer."""


def wall_ms() -> int:
    """The machine's clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


class StandinClock:
    """What time it is for the stand-in. It stands still until told to advance.

    With a ``source`` of epoch milliseconds it runs along with that one: ``StandinClock(wall_ms)``,
    or a manual clock that the test moves anyway.
    """

    def __init__(self, source: Callable[[], int] | None = None) -> None:
        made_ms = wall_ms()
        self._source = source or (lambda: made_ms)
        self._advanced_ms = 0

    def now_ms(self) -> int:
        return self._source() + self._advanced_ms

    def advance(self, seconds: float) -> int:
        """Moves the clock on, and returns the new instant in epoch milliseconds."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds} s")
        self._advanced_ms += math.ceil(seconds * 1000)
        return self.now_ms()


@dataclass(frozen=True, kw_only=True)
class Project:
    """A build project, and what becomes of the builds that it starts from now on."""

    name: str
    duration: float | None = None  #: seconds; None: runs until finished or stopped
    outcome: Outcome = "SUCCEEDED"
    environment: dict[str, str] = field(default_factory=dict)
    limit: int | None = None  #: builds at once; None: as many as the account may

    def __post_init__(self) -> None:
        _one_of("outcome", self.outcome, get_args(Outcome))


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """A StartBuild request that arrived, whatever became of it. ``order`` counts from 1."""

    order: int
    wall_ms: int
    clock_ms: int
    token: str | None
    request: JSON  #: its parameters, as sent


@dataclass(frozen=True, kw_only=True)
class StartedBuild(StartRequest):
    """A build that really started. ``order`` counts the starts of all projects from 1."""

    id: str
    number: int
    project: str
    source_version: str | None
    env: dict[str, str]
    batch: bool = False


@dataclass
class _Build:
    started: StartedBuild
    variables: list[JSON]
    duration: float | None
    outcome: str
    ended: tuple[str, int] | None = None  # status and instant, where a test ended it

    def state(self, now_ms: int) -> tuple[str, int | None]:
        """The status at this instant, and since when it has been final."""
        if self.ended:
            return self.ended
        if self.duration is not None:
            end_ms = self.started.clock_ms + math.ceil(self.duration * 1000)
            if now_ms >= end_ms:
                return self.outcome, end_ms
        return "IN_PROGRESS", None


@dataclass(kw_only=True)
class Fault:
    """A fault in the queue of one operation, and a meeting place with the requests that hit it."""

    id: int
    operation: str
    kind: FaultKind
    changed: threading.Condition = field(repr=False)
    times: int = 1  #: how many more requests it takes
    after_commit: bool = False
    code: str = ""
    message: str = "on demand"
    status: int | None = None
    seconds: float | None = None
    arrived: list[JSON] = field(default_factory=list)  #: the parameters of the requests it took
    released: bool = False

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, get_args(FaultKind))
        needed = {"error": "code", "http": "status", "delay": "seconds"}.get(self.kind)
        if needed and not getattr(self, needed):
            raise ValueError(f"a fault of kind {self.kind!r} needs {needed}")

    def wait_arrived(self, count: int = 1, timeout: float = PATIENCE_S) -> list[JSON]:
        """Waits until ``count`` requests are at this fault; their parameters."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.arrived) >= count, timeout):
                found = f"{len(self.arrived)} of {count} requests"
                raise TimeoutError(f"{found} at {self.operation} {self.kind} after {timeout} s")
            return list(self.arrived)

    def release(self) -> None:
        """Lets every request that this fault holds, or will hold, go on."""
        with self.changed:
            self.released = True
            self.changed.notify_all()

    def as_json(self) -> JSON:
        names = ("id", "operation", "kind", "times", "after_commit", "arrived", "released")
        return {name: getattr(self, name) for name in names}


class CodeBuildStandin:
    """The service: its projects, builds, tokens and faults, behind one lock."""

    service = "codebuild"
    target_prefix = "CodeBuild_20161006."

    def __init__(
        self,
        projects: Iterable[str | Project] = (),
        *,
        clock: StandinClock | None = None,
        account_limit: int | None = None,
        region: str = "eu-west-1",
        port: int = 0,
    ) -> None:
        self.clock = clock or StandinClock()
        self.account_limit = account_limit  #: builds at once; None: no limit
        self.region = region
        self._changed = threading.Condition(threading.RLock())
        self._closing = False
        self._projects: dict[str, Project] = {}
        self._builds: dict[str, _Build] = {}  # by id, in the order of their starts
        self._requests: list[StartRequest] = []
        self._tokens: dict[str, tuple[int, JSON, _Build]] = {}  # instant, parameters, build
        self._faults: list[Fault] = []
        self._queues: dict[str, deque[Fault]] = {name: deque() for name in self.operations()}
        self.keys: list[str] = []  #: by which access key each request was signed
        for project in projects:
            known = project if isinstance(project, Project) else Project(name=project)
            self._projects[known.name] = known
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.daemon = True

    @classmethod
    def operations(cls) -> dict[str, Callable[[Any, JSON], JSON]]:
        return _OPERATIONS

    # --- its life

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        """Drops every request that is held, and closes the port and every connection."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    # --- how to reach it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def client(self, *, read_timeout: float = PATIENCE_S, attempts: int = 1) -> Any:
        """A boto3 client for this stand-in; it does not retry unless told to."""
        return client_for(
            self.url, service=self.service, region=self.region, read_timeout=read_timeout, attempts=attempts
        )

    def environment(self) -> dict[str, str]:
        """The variables that point boto3 in another process at this stand-in."""
        return {
            f"AWS_ENDPOINT_URL_{self.service.upper()}": self.url,
            "AWS_ACCESS_KEY_ID": "standin",
            "AWS_SECRET_ACCESS_KEY": "standin",
            "AWS_DEFAULT_REGION": self.region,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    # --- control: each is also a call under /_standin/

    def advance(self, seconds: float) -> int:
        with self._changed:
            return self.clock.advance(seconds)

    def add_project(self, name: str, **settings: Any) -> None:
        """Creates a ``Project``, or replaces its settings; builds under way keep theirs."""
        with self._changed:
            self._projects[name] = Project(name=name, **settings)

    def set_account_limit(self, limit: int | None) -> None:
        with self._changed:
            self.account_limit = limit

    def finish(self, build_id: str, status: Outcome = "SUCCEEDED") -> None:
        """Ends a build that is in progress, now, with this status."""
        _one_of("status", status, get_args(Outcome))
        with self._changed:
            if not self._end(self._builds[build_id], status):
                raise ValueError(f"{build_id} has ended before")

    def fault(
        self,
        operation: str,
        kind: FaultKind,
        *,
        times: int = 1,
        after_commit: bool = False,
        **details: Any,
    ) -> Fault:
        """Queues a fault for the next ``times`` requests of an operation; one fault a request.

        - ``error``: the error ``code`` (with ``message``, and ``status`` if not the code's own);
        - ``http``: a bare HTTP ``status``, as from a load balancer;
        - ``drop``: the connection closes without an answer;
        - ``hang``: no answer until released or for ``seconds``, then as ``drop``;
        - ``delay``: ``seconds`` of waiting (or until released), then as if nothing had been;
        - ``pause``: until released (or for ``seconds``), then as if nothing had been.

        ``after_commit``: the operation takes effect first. A request that is refused for its own
        sake has no effect: it gets its refusal, and the fault waits for the next one.
        """
        _one_of("operation", operation, tuple(self.operations()))
        with self._changed:
            fault = Fault(
                id=len(self._faults),
                operation=operation,
                kind=kind,
                changed=self._changed,
                times=times,
                after_commit=after_commit,
                **details,
            )
            self._faults.append(fault)
            self._queues[operation].append(fault)
            return fault

    def wait_arrived(self, fault: int, count: int = 1, timeout: float = PATIENCE_S) -> list[JSON]:
        """``Fault.wait_arrived``, for a caller that has only the fault's id."""
        return self._faults[fault].wait_arrived(count, timeout)

    def release(self, fault: int | None = None) -> None:
        """``Fault.release``, by the fault's id; None: all of them."""
        for held in self._faults if fault is None else [self._faults[fault]]:
            held.release()

    def clear_faults(self) -> None:
        """Takes the faults that wait for a request out of the queues, and releases the others."""
        with self._changed:
            for queue in self._queues.values():
                queue.clear()
            self.release()

    @property
    def start_requests(self) -> list[StartRequest]:
        with self._changed:
            return list(self._requests)

    @property
    def builds_started(self) -> list[StartedBuild]:
        with self._changed:
            return [build.started for build in self._builds.values()]

    def builds_by_token(self) -> dict[str, list[StartedBuild]]:
        """The builds that really started, under their token; those without one under ``""``."""
        found: dict[str, list[StartedBuild]] = {}
        for started in self.builds_started:
            found.setdefault(started.token or "", []).append(started)
        return found

    def wait_started(self, count: int = 1, timeout: float = PATIENCE_S) -> list[StartedBuild]:
        """Waits until ``count`` builds have really started: for a request without a listener."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._builds) >= count, timeout):
                raise TimeoutError(f"{len(self._builds)} of {count} builds after {timeout} s")
            return self.builds_started

    def log(self) -> JSON:
        with self._changed:
            return {
                "clock_ms": self.clock.now_ms(),
                "start_requests": self.start_requests,
                "builds_started": self.builds_started,
            }

    # --- serving: the faults around an operation

    def _serve(self, operation: str, request: JSON) -> JSON:
        operations = self.operations()
        if operation not in operations:
            raise ServiceError("UnknownOperationException", f"no such operation: {operation!r}")
        with self._changed:
            if operation.startswith("Start"):
                self._log_request(request)
            met = self._meet_fault(operation, request, after_commit=False)
            answer = operations[operation](self, request)
            if not met:
                self._meet_fault(operation, request, after_commit=True)
            return answer

    def _meet_fault(self, operation: str, request: JSON, *, after_commit: bool) -> bool:
        """Takes the first fault of the queue if it belongs here; False: there was none."""
        queue = self._queues[operation]
        if not queue or queue[0].after_commit != after_commit:
            return False
        fault = queue[0]
        fault.times -= 1
        if fault.times <= 0:
            queue.popleft()
        self._meet(fault, request)
        return True

    def _meet(self, fault: Fault, request: JSON) -> None:
        fault.arrived.append(request)
        self._changed.notify_all()
        if fault.kind in ("hang", "delay", "pause"):
            self._changed.wait_for(lambda: fault.released or self._closing, fault.seconds)
        if fault.kind in ("drop", "hang") or self._closing:
            raise Dropped
        if fault.kind in ("error", "http"):
            raise ServiceError(fault.code, fault.message, fault.status)

    # --- the operations, called with the lock held

    def _start_build(self, request: JSON) -> JSON:
        return {"build": self._describe(self._start(request))}

    def _start_build_batch(self, request: JSON) -> JSON:
        return {"buildBatch": self._describe(self._start(request, batch=True))}

    def _start(self, request: JSON, *, batch: bool = False) -> _Build:
        project = self._project(_text(request, "projectName"))
        variables = _merged(project.environment, request.get("environmentVariablesOverride", []))
        token = request.get("idempotencyToken")
        build = self._repeated(token, request) if token else None
        if build is None:
            if not batch:
                self._check_limits(project)
            build = self._commit(project, request, variables, batch=batch)
        return build

    def _repeated(self, token: str, request: JSON) -> _Build | None:
        """The build that this token has started, while the token is remembered."""
        started_ms, parameters, build = self._tokens.get(token, (None, None, None))
        if started_ms is None or self.clock.now_ms() - started_ms >= TOKEN_VALID_MS:
            return None
        if parameters != request:
            raise ServiceError(
                "InvalidInputException",
                "Parameter mismatch: the idempotency token was used with other parameters",
            )
        return build

    def _check_limits(self, project: Project) -> None:
        now_ms = self.clock.now_ms()
        builds = [build for build in self._builds.values() if not build.started.batch]
        running = [b.started.project for b in builds if not b.state(now_ms)[1]]
        for limit, count, whose in (
            (project.limit, running.count(project.name), "project"),
            (self.account_limit, len(running), "account"),
        ):
            if limit is not None and count >= limit:
                message = f"Cannot have more than {limit} active builds for the {whose}"
                raise ServiceError("AccountLimitExceededException", message)

    def _commit(self, project: Project, request: JSON, variables: list[JSON], *, batch: bool = False) -> _Build:
        token = request.get("idempotencyToken")
        started = StartedBuild(
            order=len(self._builds) + 1,
            wall_ms=wall_ms(),
            clock_ms=self.clock.now_ms(),
            token=token,
            request=request,
            id=f"{project.name}:{uuid.uuid4()}",
            number=len(self._of_project(project.name, batch=batch)) + 1,
            project=project.name,
            source_version=request.get("sourceVersion"),
            env={variable["name"]: variable["value"] for variable in variables},
            batch=batch,
        )
        build = _Build(started, variables, project.duration, project.outcome)
        self._builds[started.id] = build
        self._changed.notify_all()
        if token:
            self._tokens[token] = (started.clock_ms, request, build)
        return build

    def _stop_build(self, request: JSON) -> JSON:
        return {"build": self._stop(request)}

    def _stop_build_batch(self, request: JSON) -> JSON:
        return {"buildBatch": self._stop(request, batch=True)}

    def _stop(self, request: JSON, *, batch: bool = False) -> JSON:
        build = self._builds.get(_text(request, "id"))
        if build is None or build.started.batch != batch:
            raise ServiceError("ResourceNotFoundException", f"Build cannot be found: {request['id']}")
        self._end(build, "STOPPED")
        return self._describe(build)

    def _batch_get_builds(self, request: JSON) -> JSON:
        found, missing = self._get(request)
        return {"builds": found, "buildsNotFound": missing}

    def _batch_get_build_batches(self, request: JSON) -> JSON:
        found, missing = self._get(request, batch=True)
        return {"buildBatches": found, "buildBatchesNotFound": missing}

    def _get(self, request: JSON, *, batch: bool = False) -> tuple[list[JSON], list[str]]:
        ids = _batch(request, "ids")
        known = {id_ for id_, build in self._builds.items() if build.started.batch == batch}
        return [self._describe(self._builds[id_]) for id_ in ids if id_ in known], [i for i in ids if i not in known]

    def _batch_get_projects(self, request: JSON) -> JSON:
        names = _batch(request, "names")
        found = [self._projects[_bare(name)] for name in names if _bare(name) in self._projects]
        return {
            "projects": [self._describe_project(project) for project in found],
            "projectsNotFound": [name for name in names if _bare(name) not in self._projects],
        }

    def _list_builds_for_project(self, request: JSON) -> JSON:
        builds = self._of_project(self._project(_text(request, "projectName")).name)
        order = request.get("sortOrder")
        if order not in (None, "ASCENDING", "DESCENDING"):
            raise ServiceError("InvalidInputException", f"Invalid sort order: {order}")
        if order and len(builds) > PAGE:
            raise ServiceError("InvalidInputException", "Sort order with more than 100 builds")
        if order != "ASCENDING":
            builds.reverse()
        if "nextToken" in request:
            builds = [build for build in builds if build.number < _number(request["nextToken"])]
        page: JSON = {"ids": [build.id for build in builds[:PAGE]]}
        if len(builds) > PAGE:
            page["nextToken"] = f"before-{builds[PAGE - 1].number}"
        return page

    def _list_build_batches_for_project(self, request: JSON) -> JSON:
        project = self._project(_text(request, "projectName")).name
        ids = sorted(build.id for build in self._of_project(project, batch=True))
        start = _number(request["nextToken"]) if "nextToken" in request else 0
        page: JSON = {"ids": ids[start : start + PAGE]}
        if len(ids) > start + PAGE:
            page["nextToken"] = f"before-{start + PAGE}"
        return page

    # --- their parts

    def _log_request(self, request: JSON) -> None:
        arrived = StartRequest(
            order=len(self._requests) + 1,
            wall_ms=wall_ms(),
            clock_ms=self.clock.now_ms(),
            token=request.get("idempotencyToken"),
            request=request,
        )
        self._requests.append(arrived)

    def _arn(self, resource: str) -> str:
        return f"arn:aws:codebuild:{self.region}:{ACCOUNT}:{resource}"

    def _project(self, name: str) -> Project:
        project = self._projects.get(_bare(name))
        if project is None:
            arn = self._arn(f"project/{_bare(name)}")
            raise ServiceError("ResourceNotFoundException", f"Project cannot be found: {arn}")
        return project

    def _of_project(self, name: str, *, batch: bool = False) -> list[StartedBuild]:
        of_kind = [b.started for b in self._builds.values() if b.started.batch == batch]
        return [started for started in of_kind if started.project == name]

    def _end(self, build: _Build, status: str) -> bool:
        now_ms = self.clock.now_ms()
        if build.state(now_ms)[1] is not None:
            return False
        build.ended = (status, now_ms)
        return True

    def _describe(self, build: _Build) -> JSON:
        started, now_ms = build.started, self.clock.now_ms()
        status, end_ms = build.state(now_ms)
        running_phase = "QUEUED" if now_ms == started.clock_ms else "BUILD"
        described: JSON = {
            "id": started.id,
            "arn": self._arn(f"build/{started.id}"),
            "buildNumber": started.number,
            "projectName": started.project,
            "initiator": "standin",
            "startTime": started.clock_ms / 1000,
            "buildStatus": status,
            "currentPhase": running_phase if end_ms is None else "COMPLETED",
            "buildComplete": end_ms is not None,
            "environment": _environment(build.variables),
        }
        if started.source_version:
            described["sourceVersion"] = started.source_version
            described["resolvedSourceVersion"] = started.source_version
        if end_ms is not None:
            described["endTime"] = end_ms / 1000
        return _as_batch(described) if started.batch else described

    def _describe_project(self, project: Project) -> JSON:
        described: JSON = {
            "name": project.name,
            "arn": self._arn(f"project/{project.name}"),
            "environment": _environment(_merged(project.environment, [])),
        }
        if project.limit is not None:
            described["concurrentBuildLimit"] = project.limit
        return described


_OPERATIONS: dict[str, Callable[[CodeBuildStandin, JSON], JSON]] = {
    "StartBuild": CodeBuildStandin._start_build,
    "StopBuild": CodeBuildStandin._stop_build,
    "BatchGetBuilds": CodeBuildStandin._batch_get_builds,
    "BatchGetProjects": CodeBuildStandin._batch_get_projects,
    "ListBuildsForProject": CodeBuildStandin._list_builds_for_project,
    "StartBuildBatch": CodeBuildStandin._start_build_batch,
    "StopBuildBatch": CodeBuildStandin._stop_build_batch,
    "BatchGetBuildBatches": CodeBuildStandin._batch_get_build_batches,
    "ListBuildBatchesForProject": CodeBuildStandin._list_build_batches_for_project,
}
_CONTROLS: dict[str, Callable[..., Any]] = {
    "advance": CodeBuildStandin.advance,
    "add_project": CodeBuildStandin.add_project,
    "set_account_limit": CodeBuildStandin.set_account_limit,
    "finish": CodeBuildStandin.finish,
    "fault": CodeBuildStandin.fault,
    "wait_arrived": CodeBuildStandin.wait_arrived,
    "release": CodeBuildStandin.release,
    "clear_faults": CodeBuildStandin.clear_faults,
    "wait_started": CodeBuildStandin.wait_started,
    "builds_by_token": CodeBuildStandin.builds_by_token,
    "log": CodeBuildStandin.log,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a test that forgets close() still ends
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], standin: CodeBuildStandin) -> None:
        self.standin = standin
        self._handlers: list[threading.Thread] = []
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks DNS for the name of the host

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._handlers.append(threading.current_thread())
        super().process_request_thread(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for handler in self._handlers:
            handler.join(timeout=PATIENCE_S)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # the client has gone: its affair
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE_S  # for a client that connects and says nothing
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"
        if self.path.startswith(CONTROL_PREFIX):
            self._control(self.path.removeprefix(CONTROL_PREFIX), body)
        else:
            self._operation(self.headers.get("X-Amz-Target", ""), body)

    do_GET = do_POST  # noqa: N815 - the base class names it

    def _operation(self, target: str, body: bytes) -> None:
        try:
            request = _object(body)
            standin = self.server.standin
            standin.keys.append(self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0])
            answer = standin._serve(target.removeprefix(standin.target_prefix), request)
        except Dropped:
            return
        except ServiceError as error:
            self._reply(error.status, error.body)
        else:
            self._reply(200, json.dumps(answer).encode())

    def _control(self, name: str, body: bytes) -> None:
        try:
            answer = _CONTROLS[name](self.server.standin, **_object(body))
        except TimeoutError as error:
            self._reply(408, json.dumps({"error": str(error)}).encode())
        except (ServiceError, TypeError, ValueError, LookupError) as error:
            self._reply(400, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        else:
            self._reply(200, json.dumps(answer, default=_plain).encode())

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        kind = "text/html" if body.startswith(b"<") else "application/x-amz-json-1.1"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing: the log is ``start_requests`` and ``builds_started``."""


def client_for(
    url: str,
    *,
    service: Any = "codebuild",
    region: str = "eu-west-1",
    read_timeout: float = PATIENCE_S,
    attempts: int = 1,
) -> Any:
    """A boto3 client for the stand-in at this URL, with keys that mean nothing."""
    import boto3  # here, because the server itself does without
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="standin",
        aws_secret_access_key="standin",
        config=Config(
            proxies={},
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


def control(url: str, name: str, /, **arguments: Any) -> Any:
    """A control call to the stand-in at this URL; RuntimeError: what it complains of."""
    body = json.dumps(arguments).encode()
    request = urllib.request.Request(url + CONTROL_PREFIX + name, data=body)
    try:
        with _OPENER.open(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(f"{name}: {error.read().decode()}") from None


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} is {value!r}; it must be one of {', '.join(allowed)}")


def _object(body: bytes) -> JSON:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", "the body is not a JSON object")
    return value


def _plain(value: object) -> object:
    return value.as_json() if isinstance(value, Fault) else asdict(cast(Any, value))


def _text(request: JSON, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ServiceError("InvalidInputException", f"{name} must not be empty")
    return value


def _batch(request: JSON, name: str) -> list[str]:
    values: list[str] = request.get(name, [])
    if not 1 <= len(values) <= PAGE:
        raise ServiceError("InvalidInputException", f"{name} must have 1 to {PAGE} members")
    return values


def _number(next_token: str) -> int:
    number = next_token.removeprefix("before-")
    if number == next_token or not number.isdigit():
        raise ServiceError("InvalidInputException", f"Invalid next token: {next_token}")
    return int(number)


def _bare(name_or_arn: str) -> str:
    return name_or_arn.rpartition(":project/")[2]


def _merged(environment: dict[str, str], overrides: list[JSON]) -> list[JSON]:
    """The project's variables with the build's own over them, as the service describes them."""
    merged = {name: {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in environment.items()}
    for override in overrides:
        name = _text(override, "name")
        merged[name] = {"type": "PLAINTEXT", "value": "", **override}
    return list(merged.values())


def _as_batch(described: JSON) -> JSON:
    """A build's description in the words of a batch's."""
    words = {"buildNumber": "buildBatchNumber", "buildStatus": "buildBatchStatus", "buildComplete": "complete"}
    batch = {words.get(name, name): value for name, value in described.items()}
    return batch | {"arn": described["arn"].replace(":build/", ":build-batch/")}


def _environment(variables: list[JSON]) -> JSON:
    return {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": variables,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for AWS CodeBuild, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--project", action="append", default=[], help="may be repeated")
    parser.add_argument("--account-limit", type=int, help="builds at once")
    parser.add_argument("--ticking", action="store_true", help="follow the machine's clock")
    options = parser.parse_args()
    standin = CodeBuildStandin(
        options.project,
        clock=StandinClock(wall_ms) if options.ticking else None,
        account_limit=options.account_limit,
        port=options.port,
    )
    with standin:
        print(standin.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
