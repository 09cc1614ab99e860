"""The handler, from an event to the gate and back, each envelope by its own rules."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.config import Config
from holdoff.core.errors import ConfigError, EventError, NotAllowed, RecordInvalid, StoreUnavailable
from holdoff.core.request import GateKey, Request
from holdoff.ingress import aws_http
from holdoff.ingress.events.envelopes import opened
from holdoff.ingress.events.rules import Routes
from holdoff.ingress.settings import Settings
from holdoff.observe.log import LONGEST
from holdoff.wake.scheduler import Scheduler
from tests.ingress import shapes
from tests.ingress.function import ARN, FILE, REGION, Context, Stage, build_ended
from tests.ingress.signed import FRONT_ENDS, in_disguise, signed
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("aws_env")


@pytest.fixture
def stage(standin: CodeBuildStandin, tmp_path: Path) -> Stage:
    return Stage(standin, tmp_path)


def queue(*bodies: object, fifo: bool = False, **wrong: str) -> dict[str, Any]:
    """A batch of a queue."""
    arn = f"arn:aws:sqs:{REGION}:123456789012:triggers" + (".fifo" if fifo else "")
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {
        "Records": [
            {"messageId": f"m{n}", "body": text, "eventSource": "aws:sqs", "eventSourceARN": arn} | wrong
            for n, text in enumerate(texts, 1)
        ]
    }


def site(event_id: str = "e1", **more: object) -> dict[str, object]:
    return {"project": "site", "event_id": event_id, **more}


def failures(answer: dict[str, Any]) -> list[str]:
    return [failed["itemIdentifier"] for failed in answer["batchItemFailures"]]


# --- triggers and their wakes ----------------------------------------------------------------------


def test_a_burst_is_one_build_now_and_one_when_the_wake_comes(stage: Stage) -> None:
    answers = [stage.after("1s", site(f"e{n}")) for n in range(5)]
    assert [answer["outcome"] for answer in answers] == ["started", *["deferred"] * 4]
    assert {project for project, _ in stage.wakes.arranged} == {"site"}
    wake = {"holdoff": "wake", "project": "site", "region": REGION}
    assert stage.after("5m", wake)["outcome"] == "deferred"  # too early: and is arranged again
    woken = stage.after("5m", wake)
    assert (woken["outcome"], woken["covers"], woken["waited"]) == ("started", 4, 603.0)
    assert stage.built == ["site-build", "site-build"]
    assert stage.after("1s", wake)["why"] == "idle"  # delivered twice


def test_each_deferral_promises_the_wake_that_was_arranged(stage: Stage) -> None:
    stage.send(site("e1"))
    assert "starts in 10m" in stage.send(site("e2"))["message"]
    stage.wakes.failing = True
    assert "at the next trigger or wake in 9m or later" in stage.after("1m", site("e3"))["message"]
    line = stage.lines[-2]  # and the log says why, and whose
    assert (line["event"], line["kind"]) == ("error", "schedule")
    assert (line["project"], line["region"]) == ("site", "eu-west-1")


def test_without_a_scheduler_nothing_is_promised(standin: CodeBuildStandin, tmp_path: Path) -> None:
    stage = Stage(standin, tmp_path, scheduled=False)
    stage.send(site("e1"))
    assert "at the next trigger or wake" in stage.send(site("e2"))["message"]


def test_what_is_skipped_arranges_no_wake(standin: CodeBuildStandin, tmp_path: Path) -> None:
    skipping = FILE.replace('cooldown = "10m"', 'cooldown = "10m"\non_cooldown = "skip"')
    stage = Stage(standin, tmp_path, text=skipping)
    stage.send(site("e1"))
    assert stage.send(site("e2"))["outcome"] == "skipped"
    assert stage.wakes.arranged == []


def test_a_start_left_in_doubt_is_woken_after_its_lease(stage: Stage) -> None:
    stage.standin.fault("StartBuild", "http", status=500, times=3, after_commit=True)
    answer = stage.send(site())
    assert (answer["outcome"], answer["why"]) == ("failed", "start_unknown")
    ((project, in_ms),) = stage.wakes.arranged
    assert (project, in_ms) == ("site", 60_000)
    wake = {"holdoff": "wake", "project": "site", "region": REGION}
    assert stage.after("61s", wake)["taken_over"] == stage.standin.builds_started[0].id
    assert stage.built == ["site-build"]


def test_one_event_by_many_ways_is_one_trigger(standin: CodeBuildStandin, tmp_path: Path) -> None:
    event = {
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "region": REGION,
        "detail": {"event": "referenceUpdated", "referenceFullName": "refs/heads/main", "commitId": "4f2a91c"},
    }
    rule = "\n[[rules]]\nwhen = {{ source = 'aws.codecommit' }}\nproject = 'site'\n"
    stage = Stage(standin, tmp_path, text=FILE + rule)
    notification = {
        "Type": "Notification",
        "MessageId": "n1",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:pushes",
        "Message": json.dumps(event),
    }
    topic = {"Records": [{"EventSource": "aws:sns", "Sns": notification}]}
    assert stage.send(event)["outcome"] == "started"
    assert stage.send(topic)["why"] == "duplicate"
    assert failures(stage.send(queue(event, notification))) == []
    assert stage.status("site").record.pending is None


def test_why_nothing_is_built_is_told_in_words_that_a_log_and_an_answer_can_carry(
    stage: Stage,
) -> None:
    deleted = {"event": "referenceDeleted", "referenceFullName": "\ud800\n" + "long" * 500}
    event = {"detail-type": "CodeCommit Repository State Change", "source": "aws.codecommit"}
    answer = stage.send({**event, "detail": deleted})
    assert answer["ignored"].encode().startswith(b"\\ud800\\nlong")
    assert len(answer["ignored"]) <= LONGEST
    assert stage.lines[-1]["ignored"] == answer["ignored"]


def test_whose_project_nobody_can_tell_is_refused(stage: Stage) -> None:
    with pytest.raises(EventError, match="project"):
        stage.send({"id": "1", "detail-type": "Scheduled Event", "source": "aws.events"})


def test_a_function_frozen_for_ever_leaves_no_event_behind(stage: Stage, standin: CodeBuildStandin) -> None:
    """Deferred from memory by one function, delivered again to another after the build that answered it."""
    for event_id in ("e1", "e2", "e3"):
        stage.after("1s", site(event_id))
    wake = {"holdoff": "wake", "project": "site", "region": REGION}
    other = stage.another()
    assert other.after("10m", wake)["covers"] == 2
    assert other.after("1s", site("e3"))["why"] == "duplicate"
    assert other.after("1h", site("e3"))["why"] == "duplicate"
    assert stage.built == ["site-build"] * 2


def test_an_invocation_that_lambda_repeats_is_one_trigger(stage: Stage) -> None:
    stage.context.aws_request_id = "8476a536"
    assert stage.send({"project": "site"})["outcome"] == "started"
    assert stage.another().send({"project": "site"})["why"] == "duplicate"
    stage.context.aws_request_id = "another"
    assert stage.send({"project": "site"})["outcome"] == "deferred"


@pytest.mark.parametrize("event", [{"project": "site"}, [{"project": "site"}, {"project": "site"}]])
def test_what_lambda_gave_up_is_the_same_trigger(stage: Stage, event: object) -> None:
    """A function that was cut off after its decision; its event is sent again from the dead letters."""
    stage.context.aws_request_id = "8476a536"
    stage.send(event)
    before = stage.status("site").record.pending
    stage.context.aws_request_id = "another"
    stage.send({"requestContext": {"requestId": "8476a536", "functionArn": ARN}, "requestPayload": event})
    assert stage.status("site").record.pending == before


def test_what_lambda_gave_up_may_be_null(standin: CodeBuildStandin, tmp_path: Path) -> None:
    """The old snippet's invocation, with one project: no answer of HTTP's is a trigger."""
    one = FILE.replace("[projects.docs]", "[[rules]]\nwhen = {{}}\nproject = 'site'\n[projects.docs]")
    stage = Stage(standin, tmp_path, text=one)
    record = {"requestContext": {"requestId": "8476a536", "functionArn": ARN}, "requestPayload": None}
    assert stage.send(record)["outcome"] == "started"


def test_each_deferral_of_a_batch_is_one_write_and_is_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.send(queue(site("e1"), site("e2")))
    dispatch = stage.function._dispatch
    assert dispatch is not None
    store = dispatch.store
    writes: list[str] = []

    def count(name: str) -> None:
        write = getattr(store, name)

        def counted(*args: Any, **more: Any) -> Any:
            writes.append(name)
            return write(*args, **more)

        monkeypatch.setattr(store, name, counted)

    for name in ("swap", "fold"):
        count(name)
    stage.send(queue(*(site(f"e{n}") for n in range(3, 9))))
    assert writes == ["fold"] * 6
    pending = stage.status("site").record.pending
    assert pending is not None
    assert pending.count == 7


# --- queues ----------------------------------------------------------------------------------------


def test_only_what_failed_comes_again(stage: Stage) -> None:
    answer = stage.send(queue(site("e1"), {"project": "nowhere"}, "not json", site("e2")))
    assert failures(answer) == ["m2", "m3"]
    assert stage.outcomes("site") == ["started", "deferred"]


def test_a_fifo_queue_stops_at_the_first_failure(stage: Stage) -> None:
    answer = stage.send(queue(site("e1"), {"project": "nowhere"}, site("e2"), fifo=True))
    assert failures(answer) == ["m2", "m3"]
    assert stage.outcomes("site") == ["started"]


@pytest.mark.parametrize("fifo", [False, True])
def test_of_a_batch_of_which_nothing_is_carried_out_the_invocation_fails(stage: Stage, fifo: bool) -> None:
    """A mapping that takes no reports of failures, as one made by hand does, would delete what was answered."""
    for bodies in ([{"project": "nowhere"}], [{"project": "nowhere"}, "not json"]):
        with pytest.raises(EventError, match="'nowhere' is not one of those configured"):
            stage.send(queue(*bodies, fifo=fifo))
    stage.context.left_ms, stage.context.passes_ms = 60_000, 50_000
    with pytest.raises(EventError, match="'nowhere' is not one of those configured"):
        stage.send(queue({"project": "nowhere"}, site("e1"), fifo=fifo))
    assert stage.built == []


def test_what_is_no_batch_of_a_queue_is_not_answered_as_one(stage: Stage) -> None:
    """By hand, most often: a record without its id could not be named among the failures."""
    (record,) = queue(site("e1"))["Records"]
    del record["messageId"]
    assert stage.send({"Records": [record]})["outcome"] == "started"
    with pytest.raises(EventError, match=r"event\.Records"):
        stage.send({"Records": [*queue(site("e2"))["Records"], "no record"]})


def test_a_batch_delivered_twice_changes_nothing(stage: Stage) -> None:
    batch = queue(site("e1"), site("e2"))
    assert failures(stage.send(batch)) == []
    before = stage.status("site").record.pending
    assert failures(stage.send(batch)) == []
    assert stage.status("site").record.pending == before
    assert stage.built == ["site-build"]


# --- ends of builds --------------------------------------------------------------------------------


def test_a_builds_end_starts_what_waited_for_it(stage: Stage) -> None:
    first = stage.send({"project": "docs"})["build_id"]
    assert stage.after("2h", {"project": "docs"})["why"] == "running"
    answer = stage.send(build_ended(first))
    assert (answer["finished"], answer["succeeded"]) == ("docs", True)
    assert answer["then"]["outcome"] == "started"
    assert stage.built == ["docs-build", "docs-build"]


def test_ends_come_twice_late_and_in_any_order(stage: Stage) -> None:
    first = stage.send({"project": "docs"})["build_id"]
    stage.send(build_ended(first, "FAILED"))
    second = stage.after("2h", {"project": "docs"})["build_id"]
    before = stage.status("docs").record
    for late in (build_ended(first), build_ended(first, "STOPPED"), build_ended(first, "FAILED")):
        assert stage.send(late)["finished"] is None
    assert stage.send(build_ended(second, "IN_PROGRESS"))["ignored"]
    assert stage.status("docs").record == before
    assert stage.send(build_ended(second, "TIMED_OUT"))["succeeded"] is False


def test_an_end_before_its_start_is_recorded_is_kept_and_no_error(stage: Stage) -> None:
    """Other builds of the account end, too, while a start is under way: as an error each would set off an alarm."""
    stage.standin.fault("StartBuild", "http", status=500, times=3, after_commit=True)
    stage.send({"project": "docs"})
    end = build_ended(stage.standin.builds_started[0].id)
    assert stage.send(end)["finished"] is None
    stage.after("61s", {"holdoff": "sweep"})  # its start is recorded, and with it the end that was kept
    record = stage.status("docs").record
    assert (record.running, record.finished and record.finished.succeeded) == (None, True)


@pytest.mark.parametrize("own_region", ['region = "eu-west-1"\n', ""])
def test_an_end_in_the_region_that_a_trigger_named(standin: CodeBuildStandin, tmp_path: Path, own_region: str) -> None:
    text = FILE.replace('region = "eu-west-1"\n', own_region)
    stage = Stage(standin, tmp_path, text=text)
    first = stage.send({"project": "docs", "region": "us-east-1"})["build_id"]
    end = build_ended(first, region="us-east-1")
    assert stage.send(end)["finished"] == "docs"
    assert stage.send(end)["finished"] is None


def test_an_end_of_a_build_of_no_project_here_is_ignored_with_the_reason(stage: Stage) -> None:
    """One rule of EventBridge may tell of all builds of an account: their ends are no errors."""
    for build_id, region in (("other-build:1", "eu-west-1"), ("docs-build:1", "us-east-1")):
        name = build_id.partition(":")[0]
        why = f"build {build_id} has ended, and no project here has the starter codebuild = '{name}' in {region}"
        assert stage.send(build_ended(build_id, region=region)) == {"ignored": why}
        assert (stage.lines[-1]["event"], stage.lines[-1]["ignored"]) == ("ignored", why)


def test_an_end_of_a_build_that_a_person_started_leaves_a_line(stage: Stage) -> None:
    assert stage.send(build_ended("docs-build:by-hand")) == {"finished": None, "build_id": "docs-build:by-hand"}
    line = stage.lines[-1]
    why = "no gate here is known to have started it; if a start is under way, the end is kept for its build"
    assert (line["event"], line["project"], line["why"]) == ("finished", "docs", why)


# --- the sweep -------------------------------------------------------------------------------------


def test_the_sweep_finds_what_a_lost_schedule_left(stage: Stage) -> None:
    stage.send(site("e1"))
    stage.send(site("e2"))
    assert stage.after("9m", {"holdoff": "sweep"}) == {"due": 0, "woken": 0}
    assert stage.lines[-1]["stale"] == 540.0
    assert stage.after("3m", {"holdoff": "sweep"}) == {"due": 1, "woken": 1}
    assert stage.lines[-1]["overdue"] == 120.0
    assert stage.lines[-1]["stale"] == 0.0
    assert stage.built == ["site-build", "site-build"]


def test_a_build_that_is_followed_is_not_overdue_and_hides_no_gate_that_is(stage: Stage) -> None:
    """``status`` does not count it either: nothing waits."""
    stage.send({"project": "docs"})  # it is to be looked after within minutes
    stage.send(site("e1"))
    assert stage.after("30m", {"holdoff": "sweep"}) == {"due": 1, "woken": 1}
    assert stage.lines[-1]["overdue"] == 0.0
    stage.send(site("e2"))
    stage.send(site("e3"))
    assert stage.after("30m", {"holdoff": "sweep"}) == {"due": 2, "woken": 2}
    assert stage.lines[-1]["overdue"] == 1200.0


def test_a_sweep_goes_by_a_cooldown_that_is_shorter_now(standin: CodeBuildStandin, tmp_path: Path) -> None:
    """What waited was woken at the end of the old cooldown only: a day, say, after the new one was deployed."""
    stage = Stage(standin, tmp_path, text=FILE.replace("memory:", "sqlite:///gates.db"))
    stage.send(site("e1"))
    stage.send(site("e2"))
    file = tmp_path / "holdoff.toml"
    file.write_text(file.read_text().replace('"10m"', '"1m"'))
    assert stage.after("6m", {"holdoff": "sweep"}) == {"due": 1, "woken": 1}
    assert stage.lines[-1]["overdue"] == 0.0
    assert stage.built == ["site-build", "site-build"]


def two_that_wait(stage: Stage) -> None:
    """Two projects, whose first builds are over, with a second trigger each."""
    for project in ("docs", "site"):
        stage.send({"project": project, "event_id": "1"})
        stage.send({"project": project, "event_id": "2"})
    for build in stage.standin.builds_started:
        stage.standin.finish(build.id)


def test_one_gates_trouble_does_not_keep_the_others_waiting(stage: Stage) -> None:
    two_that_wait(stage)
    stage.clock.advance("2h")
    stage.standin.fault("BatchGetBuilds", "error", code="AccessDeniedException", times=9)
    stage.send({"holdoff": "sweep"})
    assert "site-build" in stage.built[2:]


def test_a_sweep_stops_before_its_time_is_up_but_not_before_it_did_anything(stage: Stage) -> None:
    """A function whose time-out is a minute gets on, too: by half a minute each sweep."""
    two_that_wait(stage)
    stage.context.left_ms, stage.context.passes_ms = 60_000, 25_000
    stage.clock.advance("2h")
    assert stage.send({"holdoff": "sweep"}) == {"due": 2, "woken": 1}
    assert len(stage.built) == 3
    assert stage.after("5m", {"holdoff": "sweep"})["woken"] == 1
    assert len(stage.built) == 4


def test_a_sweep_wakes_what_is_due_before_it_looks_at_what_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a look takes long, it once used up the time of the wakes."""
    two_that_wait(stage)
    stage.clock.advance("2h")
    for n in (1, 2):
        stage.send(site(f"a{n}", key="waits"))
    dispatch = stage.function._dispatch
    assert dispatch is not None
    get = dispatch.store.get

    def slow(key: GateKey) -> Any:
        if key.key == "waits":
            stage.context.left_ms = 0
        return get(key)

    monkeypatch.setattr(dispatch.store, "get", slow)
    assert stage.send({"holdoff": "sweep"}) == {"due": 2, "woken": 2}


def test_a_gate_of_a_key_is_triggered_woken_and_swept_like_any_other(stage: Stage) -> None:
    for n in (1, 2):
        stage.send(site(f"a{n}", key="feature/a"))
    stage.send(site("b1", key="feature/b"))
    assert stage.outcomes("site") == ["started", "deferred", "started"]
    assert {project for project, _ in stage.wakes.arranged} == {"site@feature/a"}
    wake = {"holdoff": "wake", "project": "site@feature/a", "region": REGION}
    assert stage.after("9m", wake)["why"] == "cooling_down"
    assert stage.after("1m", {"holdoff": "sweep"}) == {"due": 1, "woken": 1}
    assert stage.lines[-2]["project"] == "site"
    assert stage.lines[-2]["key"] == "feature/a"
    assert stage.built == ["site-build"] * 3


def test_a_gate_that_cannot_be_read_stops_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    two_that_wait(stage)
    dispatch = stage.function._dispatch
    assert dispatch is not None
    get = dispatch.store.get

    def spoilt(key: GateKey) -> Any:
        if key.project == "docs":
            raise RecordInvalid("docs cannot be read")
        return get(key)

    monkeypatch.setattr(dispatch.store, "get", spoilt)
    assert stage.after("2h", {"holdoff": "sweep"}) == {"due": 2, "woken": 1}
    assert stage.built[2:] == ["site-build"]
    assert {line["project"] for line in stage.lines if line["event"] == "error"} == {"docs"}


# --- HTTP ------------------------------------------------------------------------------------------


def webhook(body: object, *, path: str = "/hooks/site", **headers: str) -> dict[str, Any]:
    """A request at a function URL."""
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json"} | headers,
        "requestContext": {"http": {"method": "POST", "path": path}},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def plain(body: object, **more: Any) -> dict[str, Any]:
    return webhook(body, **{"x-holdoff-secret": "so is this"}, **more)


def push(delivery: str, secret: str = "it is a secret") -> dict[str, Any]:
    """A push, as GitHub sends it."""
    event = webhook(
        {"ref": "refs/heads/main", "after": "4f2a91c", "deleted": False},
        **{"x-github-event": "push", "x-github-delivery": delivery},
    )
    digest = hmac.new(secret.encode(), event["body"].encode(), hashlib.sha256).hexdigest()
    event["headers"]["x-hub-signature-256"] = f"sha256={digest}"
    return event


def test_a_signed_push_builds_and_its_redelivery_does_not(stage: Stage) -> None:
    answer = stage.send(push("d1"))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["outcome"] == "started"
    assert stage.standin.builds_started[0].source_version == "4f2a91c"
    assert json.loads(stage.send(push("d1"))["body"])["why"] == "duplicate"
    assert stage.send(push("d2"))["statusCode"] == 202


@pytest.mark.parametrize("several", [False, True])
def test_a_load_balancer_is_answered_as_it_asked(stage: Stage, several: bool) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html: Base64 encoding
    status, status code, and headers in the form that the target group is set to."""
    asked = plain({})
    event = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:1"}},
        "httpMethod": "POST",
        "path": "/hooks/site",
        "body": asked["body"],
        "isBase64Encoded": False,
    }
    if several:
        event["multiValueHeaders"] = {name: [value] for name, value in asked["headers"].items()}
    else:
        event["headers"] = asked["headers"]
    answer = stage.send(event)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    one = {"content-type": "application/json"}
    assert answer.get("headers") == (None if several else one)
    assert answer.get("multiValueHeaders") == ({"content-type": ["application/json"]} if several else None)


def test_who_does_not_sign_is_refused_and_told_nothing(stage: Stage) -> None:
    stage.send({"project": "docs"})
    for event in (push("d1", secret="guessed"), webhook({}), plain({}) | {"headers": {}}):
        answer = stage.send(event)
        assert answer["statusCode"] == 401
        assert json.loads(answer["body"]) == {"error": "not signed as it should be"}
    assert stage.built == ["docs-build"]
    assert [line.get("kind") for line in stage.lines if "error" in line] == ["http"] * 3
    assert "guessed" not in json.dumps(stage.lines)
    assert "it is a secret" not in json.dumps(stage.lines)


class Queue:
    """The seam to SQS."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []

    def send_message(self, **asked: Any) -> None:
        self.letters.append(json.loads(asked["MessageBody"]))


@pytest.fixture
def letters(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What comes to the dead letters."""
    made = Queue()
    stage.environment["HOLDOFF_DEAD_LETTERS"] = "https://sqs.example/1/dead"
    monkeypatch.setattr(aws_http, "make_client", lambda *_: made)
    return made.letters


def test_what_nobody_can_map_is_kept_as_it_came(stage: Stage, letters: list[dict[str, Any]]) -> None:
    answer = stage.send(plain({"project": "nowhere"}, path="/elsewhere"))
    assert answer["statusCode"] == 422
    (letter,) = letters
    assert json.loads(letter["request"]["body"]) == {"project": "nowhere"}
    assert "nowhere" in letter["error"]
    assert "so is this" not in json.dumps(letter)
    with pytest.raises(EventError, match="nowhere"):
        stage.send(letter)  # it still cannot be handled


def test_once_there_is_a_rule_a_dead_letter_is_understood(
    stage: Stage, letters: list[dict[str, Any]], standin: CodeBuildStandin, tmp_path: Path
) -> None:
    sent = plain({"space": "blog", "rev": "7"}, path="/", **{"idempotency-key": "w1"})
    assert stage.send(sent)["statusCode"] == 422
    rule = """
        [[rules]]
        when = {{ space = "blog" }}
        project = "site"
        source_version = "event.rev"
    """
    wiser = Stage(standin, tmp_path, text=FILE + rule)
    assert failures(wiser.send(queue(letters[0]))) == []
    assert standin.builds_started[0].source_version == "7"
    assert json.loads(wiser.send(sent)["body"])["why"] == "duplicate"


def test_what_could_not_be_decided_is_kept_as_it_came(
    stage: Stage, letters: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.send({"project": "docs"})
    dispatch = stage.function._dispatch
    assert dispatch is not None

    def silent(*_: object, **__: object) -> object:
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as broken:
        for name in ("get", "swap", "fold"):
            broken.setattr(dispatch.store, name, silent)
        answer = stage.send(push("d1"))
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "30")
    assert stage.send(letters[0])["outcome"] == "started"
    assert stage.standin.builds_started[-1].source_version == "4f2a91c"
    assert json.loads(stage.send(push("d1"))["body"])["why"] == "duplicate"


def test_a_letter_has_the_power_of_its_webhook_and_no_more(
    standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that is for ``docs``: what it asks of ``site`` is refused at once, and again from the dead letters."""
    text = FILE.replace('secret = "env:PLAIN"', 'secret = {{ secret = "env:PLAIN", projects = ["docs"] }}')
    stage, made = Stage(standin, tmp_path, text=text), Queue()
    stage.environment["HOLDOFF_DEAD_LETTERS"] = "https://sqs.example/1/dead"
    monkeypatch.setattr(aws_http, "make_client", lambda *_: made)
    assert stage.send(plain({"project": "site"}))["statusCode"] == 403
    for letter in (made.letters[0], queue(made.letters[0])):
        with pytest.raises(NotAllowed, match="is not one of those that this webhook's secret is for"):
            stage.send(letter)
    assert stage.built == []
    assert stage.send(plain({}, path="/hooks/docs"))["statusCode"] == 200
    assert stage.built == ["docs-build"]


@pytest.mark.parametrize(
    "asked",
    [
        {"force": True},
        {"environment": {"TAG": "1"}},
        {"region": "us-east-1"},
        {"key": "k"},
        build_ended("site-build:8745a7a9"),
    ],
)
def test_who_may_build_may_not_ask_for_all(stage: Stage, asked: dict[str, Any]) -> None:
    answer = stage.send(plain({"project": "site", **asked}))
    assert (answer["statusCode"], stage.built) == (403, [])
    assert "event." in answer["body"]


def test_a_large_webhook_is_kept_and_sent_again(stage: Stage, letters: list[dict[str, Any]]) -> None:
    """GitHub's may have 25 MB: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""
    files = [f"docs/{number:06}.md" for number in range(100_000)]
    stage.send(plain({"project": "nowhere", "source_version": "v1", "files": files}, path="/elsewhere"))
    assert len(json.dumps(letters[0])) < 1_048_576
    with pytest.raises(EventError, match="nowhere"):
        stage.send(letters[0])


# --- answers to those who ask otherwise ------------------------------------------------------------


def test_a_load_balancers_health_check_is_answered_and_touches_nothing(stage: Stage) -> None:
    stage.environment["HOLDOFF_CONFIG"] += ".gone"
    event = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:1"}},
        "httpMethod": "GET",
        "path": "/",
        "headers": {"user-agent": "ELB-HealthChecker/2.0"},
        "body": "",
        "isBase64Encoded": False,
    }
    assert stage.send(event)["statusCode"] == 200
    assert (stage.lines, stage.built) == ([], [])


def test_a_sender_that_takes_200_only_gets_it_where_a_decision_was_made(stage: Stage) -> None:
    """Prismic sends what was not answered with 200 again, five times: https://prismic.io/docs/webhooks"""
    stage.environment |= {"HOLDOFF_WEBHOOK_PRISMIC": "env:PRISMIC", "PRISMIC": "prism"}
    edit = webhook({"type": "api-update", "secret": "prism", "domain": "acme"})
    assert stage.send(edit)["statusCode"] == 200
    answer = stage.send(edit)
    assert (answer["statusCode"], json.loads(answer["body"])["outcome"]) == (200, "deferred")
    assert stage.send(edit | {"rawPath": "/elsewhere"})["statusCode"] == 422
    assert "prism" not in json.dumps(stage.lines)


def test_a_webhook_is_answered_202_if_one_of_its_builds_comes_later(standin: CodeBuildStandin, tmp_path: Path) -> None:
    stage = Stage(standin, tmp_path, text=FILE + '[[rules]]\nwhen = {{}}\nproject = ["site", "docs"]\n')
    assert stage.send(plain({"page": 1}))["statusCode"] == 200
    stage.clock.advance("20m")
    answer = stage.send(plain({"page": 2}))
    outcomes = [one["outcome"] for one in json.loads(answer["body"])["answers"]]
    assert (answer["statusCode"], outcomes) == (202, ["started", "deferred"])


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_any_front_end_will_do(stage: Stage, front_end: str) -> None:
    asked = signed("secret").but(headers={"x-holdoff-secret": "so is this"}, body=b"{}")
    assert stage.send(FRONT_ENDS[front_end](asked))["statusCode"] == 200
    assert stage.send(FRONT_ENDS[front_end](asked.but(headers={})))["statusCode"] == 401
    assert stage.built == ["site-build"]


@pytest.mark.parametrize("disguise", in_disguise(signed("secret")))
def test_http_in_disguise_is_let_in_by_nothing(stage: Stage, disguise: str) -> None:
    asked = signed("secret").but(headers={"x-holdoff-secret": "so is this"}, body=b'{"project": "site"}')
    assert stage.send(in_disguise(asked)[disguise])["statusCode"] == 401
    assert stage.built == []


# --- errors of unknown kinds ----------------------------------------------------------------------


@pytest.fixture
def broken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The gate of ``site`` has a plug-in that raises what no protocol allows."""
    stage.send({"project": "docs"})
    dispatch = stage.function._dispatch
    assert dispatch is not None
    gate_of = dispatch.gate

    def raising(key: GateKey) -> Any:
        if key.project == "site":
            raise RuntimeError("a plug-in's own")
        return gate_of(key)

    monkeypatch.setattr(dispatch, "gate", raising)
    return stage


def test_a_foreign_error_spoils_its_own_record_only(broken: Stage) -> None:
    answer = broken.send(queue(site("e1"), {"project": "docs", "event_id": "e2"}))
    assert failures(answer) == ["m1"]
    assert broken.lines[-2]["error"] == "RuntimeError"
    with pytest.raises(RuntimeError):
        broken.send([site("e1"), {"project": "docs", "event_id": "e3"}])
    assert len(broken.outcomes("docs")) == 3


def test_a_foreign_error_does_not_end_a_sweep(broken: Stage) -> None:
    dispatch = broken.function._dispatch
    assert dispatch is not None
    site_gate = dispatch.config.gate(GateKey("site", REGION), dispatch.store, clock=broken.clock)
    for trigger in (site_gate.trigger, site_gate.trigger, lambda: broken.send({"project": "docs"})):
        trigger()
    for build in broken.standin.builds_started:
        broken.standin.finish(build.id)
    assert broken.after("2h", {"holdoff": "sweep"}) == {"due": 2, "woken": 1}
    (line,) = [line for line in broken.lines if line["event"] == "error"]
    assert (line["kind"], line["project"], line["region"]) == ("sweep", "site", "eu-west-1")


def test_a_webhook_is_kept_whatever_went_wrong(broken: Stage, letters: list[dict[str, Any]]) -> None:
    assert broken.send(push("d1"))["statusCode"] == 500
    assert letters[0]["origin"] == {"scheme": "github", "projects": None}
    assert letters[0]["request"]["headers"]["x-github-delivery"] == "d1"


# --- the settings ----------------------------------------------------------------------------------


def test_the_file_and_the_snippets_project_are_not_both_meant(stage: Stage) -> None:
    stage.environment["CODEBUILD_PROJECT_NAME"] = "site-build"
    with pytest.raises(ConfigError, match="CODEBUILD_PROJECT_NAME is 'site-build'; write nothing"):
        stage.send({"project": "site"})
    assert stage.lines[-1]["event"] == "error"


def test_a_file_in_the_package(standin: CodeBuildStandin, tmp_path: Path) -> None:
    stage = Stage(standin, tmp_path)
    del stage.environment["HOLDOFF_CONFIG"]
    stage.environment["LAMBDA_TASK_ROOT"] = str(tmp_path)
    assert stage.send({"project": "site"})["outcome"] == "started"


def test_no_secret_and_no_event_is_in_the_log(stage: Stage) -> None:
    stage.send(plain({"note": "an event's own words", "source_version": "abc"}))
    with pytest.raises(EventError):
        stage.send({"project": "nowhere", "note": "an event's own words"})
    told = json.dumps(stage.lines)
    assert "own words" not in told
    assert "so is this" not in told
    assert '"abc"' in told


def test_a_change_for_the_worse_leaves_what_was_right(stage: Stage) -> None:
    stage.send({"project": "site"})
    path = stage.environment["HOLDOFF_CONFIG"]
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write("\n[projects.more]\ncooldown = 'ten'\n")
    assert stage.after("10m", {"project": "site"})["outcome"] == "started"
    assert "projects.more.cooldown is 'ten'" in json.dumps(stage.lines)


def test_a_secret_that_cannot_be_had_is_no_way_in(stage: Stage) -> None:
    stage.send({"project": "docs"})
    del stage.environment["GITHUB"]
    assert stage.send(push("d1"))["statusCode"] == 500
    assert stage.built == ["docs-build"]


def test_a_secret_that_cannot_be_had_keeps_out_its_own_senders_only(stage: Stage) -> None:
    del stage.environment["PLAIN"]
    assert stage.send(plain({}))["statusCode"] == 500
    assert stage.send(push("d1"))["statusCode"] == 200


@pytest.mark.parametrize("qualifier", ["", ":$LATEST"])
def test_whoever_invokes_first_the_wakes_go_to_the_function_by_its_plain_name(
    qualifier: str,
) -> None:
    scheduler = Settings({"HOLDOFF_SCHEDULE_ROLE": "arn:role"}).scheduler(Context(invoked_function_arn=ARN + qualifier))
    assert isinstance(scheduler, Scheduler)
    assert scheduler.target == ARN


@pytest.mark.parametrize("left_ms", [60_000, 300_000])
def test_a_batch_that_runs_out_of_time_is_not_cut_off(stage: Stage, left_ms: int) -> None:
    stage.context.left_ms, stage.context.passes_ms = left_ms, left_ms * 2 // 5
    assert failures(stage.send(queue(site("e1"), site("e2"), site("e3")))) == ["m2", "m3"]
    assert stage.built == ["site-build"]


def test_a_short_time_out_is_no_reason_to_carry_out_one_message_of_a_batch(stage: Stage) -> None:
    """The others would come again, and after some times go to the dead letters, untried."""
    stage.context.left_ms = 60_000
    assert failures(stage.send(queue(*(site(f"e{n}") for n in range(10))))) == []
    assert stage.outcomes("site") == ["started", *["deferred"] * 9]


def test_a_webhook_is_answered_whatever_is_wrong_with_the_settings(stage: Stage) -> None:
    stage.environment["HOLDOFF_CONFIG"] += ".gone"
    answer = stage.send(push("d1"))
    assert answer["statusCode"] == 500
    assert "HOLDOFF_CONFIG" not in answer["body"]
    with pytest.raises(ConfigError, match="HOLDOFF_CONFIG is"):
        stage.send({})


def test_with_the_snippets_variables_any_branch_of_codecommit_builds() -> None:
    variables = {
        "REGION_NAME": REGION,
        "DDB_TABLE_NAME": "builds",
        "CODEBUILD_PROJECT_NAME": "site-build",
        "COOLDOWN": "600",
    }
    (project,) = Settings(variables).config(0).projects.values()
    (found,) = Routes(Config(projects={project.name: project}), REGION).intents(
        *opened(shapes.codecommit(referenceName="develop", referenceFullName="refs/heads/develop"))
    )
    assert isinstance(found, Request)
    assert found.line == "web refs/heads/develop"
