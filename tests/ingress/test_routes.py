"""What messages want: what is built in, whose project it is, and what cannot be mapped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.config import parse
from holdoff.core.errors import EventError
from holdoff.core.request import MAX_EVENT_ID, MAX_REASON, MAX_VERSION, GateKey, Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import BuildEnded, Ignored, WakeAsked
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.rules import Routes
from holdoff.ingress.events.trigger_json import KEYS
from tests.ingress import shapes
from tests.ingress.shapes import REGION, eventbridge, in_sns, in_sqs, notification
from tests.ingress.wanted import ONE, SEVERAL, WEBHOOK, only, routes, wants, without_order

if TYPE_CHECKING:
    from holdoff.ingress.events.intents import Intent


def intent(event: object, by: Routes = ONE) -> Intent:
    (message,) = opened(event)
    return without_order(only(by, message))


def asked(event: object, by: Routes = ONE) -> Request:
    found = intent(event, by)
    assert isinstance(found, Request)
    return found


def posted(body: object, by: Routes = ONE, path: str = "/hooks/site", **headers: str) -> Intent:
    """What a webhook means."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(body).encode()
    request = HttpRequest(method="POST", path=path, headers=named, body=text)
    return without_order(only(by, http_message(request, WEBHOOK)))


def refused(event: object, by: Routes = ONE) -> EventError:
    with pytest.raises(EventError) as caught:
        intent(event, by)
    assert caught.value.exit_code == 65
    assert not caught.value.retryable
    return caught.value


# --- EventBridge -----------------------------------------------------------------------------------

ID = "17793124-05d4-b198-2fde-7ededc63b103"


def test_a_push_to_codecommit() -> None:
    assert intent(shapes.codecommit()) == wants(
        project="site",
        reason="push to web main",
        source_version="3e5983DESTINATION",
        event_id=ID,
        by="Mary_Major",
    )
    assert isinstance(intent(shapes.codecommit("referenceCreated")), Request)
    assert intent(shapes.codecommit("referenceDeleted")) == Ignored("main was deleted")
    assert isinstance(intent(shapes.codecommit("unreferencedMergeCommitCreated")), Ignored)
    assert refused(shapes.codecommit(commitId=None)).missing == "event.detail.commitId"


def test_a_trigger_of_codecommit_itself() -> None:
    record = {
        "eventSource": "aws:codecommit",
        "eventSourceARN": "arn:aws:codecommit:eu-west-1:123456789012:web",
        "eventId": "e1",
        "userIdentityARN": "arn:aws:iam::123456789012:user/mona",
        "codecommit": {"references": [{"commit": "4f2a91c", "ref": "refs/heads/main"}]},
    }
    assert intent({"Records": [record]}) == wants(
        project="site",
        reason="push to web main",
        source_version="4f2a91c",
        event_id="e1#refs/heads/main",
        by="mona",
    )
    (reference,) = record["codecommit"]["references"]  # type: ignore[index]
    reference["deleted"] = True
    assert intent({"Records": [record]}) == Ignored("main was deleted")
    del reference["deleted"], reference["commit"]
    assert refused({"Records": [record]}).missing == "event.codecommit.references.0.commit"


def test_an_image_pushed_to_ecr_builds_the_newest_source() -> None:
    assert intent(shapes.ecr()) == wants(project="site", reason="image web:v1 pushed", event_id=ID)
    untagged = shapes.ecr()
    del untagged["detail"]["image-tag"]  # which says less than an empty tag
    assert asked(untagged).reason == "image web pushed"
    assert isinstance(intent(shapes.ecr(**{"image-tag": ""})), Ignored)
    assert isinstance(intent(shapes.ecr(result="FAILURE")), Ignored)
    assert isinstance(intent(shapes.ecr(**{"action-type": "DELETE"})), Ignored)
    assert refused(shapes.ecr(**{"repository-name": None})).missing == "event.detail.repository-name"


def test_an_object_in_s3_builds_the_newest_source_in_both_forms() -> None:
    by_bridge, by_note = asked(shapes.s3_created()), asked(shapes.s3_notification())

    assert by_bridge.reason == "Object Created s3://content/a b/ä.md"
    assert by_note.reason == "ObjectCreated:Put s3://content/a b/ä.md"
    assert by_bridge.event_id == by_note.event_id
    assert by_bridge.source_version is by_note.source_version is None
    assert asked(shapes.s3_created("Object Deleted")).reason is not None  # a change, too


def test_the_test_event_of_s3_builds_nothing() -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "content"}
    assert intent(in_sqs(event)) == Ignored("a test event of S3")


def test_a_schedule_is_named() -> None:
    arn = "arn:aws:events:eu-west-1:123456789012:rule/nightly"
    event = eventbridge("aws.events", "Scheduled Event", {}, resources=[arn])
    assert (asked(event).reason, asked(event).event_id) == ("schedule nightly", ID)
    others: list[object] = [[], None, [{}], "x"]
    for resources in others:
        assert asked(event | {"resources": resources}).reason == "schedule"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("com.acme.cms", "page edited"),
        # Not the service's own event, though it has its name.
        ("com.acme.cms", "ECR Image Action"),
    ],
)
def test_an_event_of_ones_own_is_a_trigger_named_for_its_type(source: str, kind: str) -> None:
    assert intent(eventbridge(source, kind, {"commitId": "x"})) == wants(project="site", reason=kind, event_id=ID)


# --- builds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"])
def test_a_build_that_ended(status: str) -> None:
    assert intent(shapes.codebuild(status)) == BuildEnded(
        starter="codebuild",
        name="site-build",
        region=REGION,
        account="123456789012",
        build_id="site-build:8745a7a9-c340-456a-9166",
        succeeded=status == "SUCCEEDED",
        detail=status,
    )


def test_no_other_event_of_a_build_is_a_trigger_or_builds_would_set_off_builds() -> None:
    for status in ("IN_PROGRESS", "QUEUED"):
        assert isinstance(intent(shapes.codebuild(status)), Ignored)
    assert isinstance(intent(shapes.codebuild() | {"detail-type": "CodeBuild Build Phase Change"}), Ignored)
    assert isinstance(intent({"source": "aws.codebuild", "detail-type": None}), Ignored)


GATES = """
[projects.by-name]
cooldown = 1
starter = { codebuild = "web" }
[projects.elsewhere]
cooldown = 1
starter = { codebuild = "web", region = "us-east-1" }
[projects.by-gate]
cooldown = 1
region = "us-east-1"
starter = { codebuild = "web" }
[projects.by-arn]
cooldown = 1
starter = { codebuild = "arn:aws:codebuild:eu-west-1:123456789012:project/web" }
[projects.other]
cooldown = 1
starter = { codebuild = "other" }
[projects.odd]
cooldown = 1
starter = { codebuild = "arn:" }
[projects.local]
cooldown = 1
region = "local"
starter = { codebuild = "web" }
[projects.command]
cooldown = 1
starter = { command = ["web"] }
"""


def test_whose_build_it_was() -> None:
    by = Routes(parse(GATES), REGION)
    ended = intent(shapes.codebuild(project="web"), by)

    assert isinstance(ended, BuildEnded)
    gates = by.gates_of(ended)
    assert [key.project for key in gates if key == by.own_gate(key.project)] == ["by-name", "by-arn", "local"]
    assert GateKey("by-gate", REGION) in gates  # where a trigger named the region
    one = intent(shapes.codebuild(project="site"))
    assert isinstance(one, BuildEnded)
    assert ONE.gates_of(one) == [GateKey("site", REGION)]
    assert SEVERAL.gates_of(one) == []


def test_a_build_that_was_told_its_gates_key_belongs_to_that_gate() -> None:
    event = shapes.codebuild(project="site")
    variables = [{"name": "OTHER", "value": "x"}, {"name": "HOLDOFF_KEY", "value": "feature/a"}]
    event["detail"]["additional-information"] = {"environment": {"environment-variables": variables}}
    ended = intent(event)

    assert isinstance(ended, BuildEnded)
    assert ONE.gates_of(ended) == [GateKey("site@feature/a", REGION)]


# --- Holdoff's own ---------------------------------------------------------------------------------

OWN = {
    "project": "docs",
    "region": "us-east-1",
    "reason": "by hand",
    "source_version": "v1",
    "event_id": "e1",
    "environment": {"STAGE": "prod"},
    "force": True,
    "by": "mona",
    "key": "feature/a",
    "line": "refs/heads/feature/a",
    "at": "2026-11-25T03:00:00Z",
    "parent": "v0",
}
MEANT = {name: value for name, value in OWN.items() if name not in ("force", "at")}
MEANT |= {"forced": True, "at_ms": 1_795_575_600_000}


#: What a direct invocation may say, and an event from outside only where the project allows it.
POWERS = ("region", "environment", "force", "key")


@pytest.mark.parametrize("way", ["direct", "sns", "sqs", "sns in sqs", "http"])
def test_a_trigger_in_our_own_form_whatever_way_it_comes(way: str) -> None:
    own, meant = OWN, MEANT
    if way != "direct":
        own = {name: value for name, value in OWN.items() if name not in POWERS}
        meant = {name: value for name, value in MEANT.items() if name not in (*POWERS, "forced")}
    ways = {
        "direct": own,
        "sns": in_sns(own),
        "sqs": in_sqs(own),
        "sns in sqs": in_sqs(notification(own)),
    }
    request = HttpRequest(method="POST", path="/", headers={}, body=json.dumps(own).encode())
    (message,) = [http_message(request, WEBHOOK)] if way == "http" else opened(ways[way])
    found = only(SEVERAL, message)

    assert found == wants(**meant)
    assert isinstance(found, Request)


@pytest.mark.parametrize("event", [{}, None, "x", 7, [], {"anything": "at all"}])
def test_with_one_project_anything_at_all_is_a_trigger(event: object) -> None:
    assert intent(event) == wants(project="site")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("project", 7, "event.project is a number; write a text"),
        ("project", "", "event.project is empty; write a text"),
        ("region", [], "event.region is a list; write a text"),
        ("reason", {}, "event.reason is an object; write a text"),
        ("source_version", 4, "event.source_version is a number; write a text"),
        ("event_id", True, "event.event_id is true or false; write a text"),
        ("force", "yes", "event.force is a text; write true or false"),
        ("environment", [], "event.environment is a list; write an object of names and texts"),
        ("environment", {"A": 1}, "event.environment is an object; write an object of names"),
        ("environment", {"A B": "c"}, "environment.A B is not pairs of names"),
        ("environment", {"A": "\0"}, "environment.A is not pairs of names"),
        ("environment", {"A": "x" * 20_000}, "environment is not at most 16,384 bytes"),
        ("environment", {"A": "\ud800"}, "environment.A is not pairs of names"),
        ("key", 7, "event.key is a number; write a text"),
        ("key", "a\nb", "key is not text of 1 to 2,048 characters"),
        ("line", [], "event.line is a list; write a text"),
        ("at", True, "event.at is true or false; write a text"),
        ("at", "yesterday", "at is not an instant such as"),
        ("at", -1, "at is not an instant such as"),
        ("parent", {}, "event.parent is an object; write a text"),
        ("reson", "x", "event.reson is not a key of this form (did you mean reason?)"),
        ("eventid", "x", "event.eventid is not a key of this form (did you mean event_id?)"),
        ("region", "a/b", "region is not a name without"),
        ("region", "x" * 1_025, "region is not a name of 1 to 1,024 bytes"),
    ],
)
def test_what_is_wrong_in_our_own_form_is_named(key: str, value: object, said: str) -> None:
    assert said in str(refused({"source_version": "v1"} | {key: value}))


def test_null_is_nothing() -> None:
    assert intent(dict.fromkeys(OWN)) == wants(project="site")


@pytest.mark.parametrize(
    "event",
    [
        {"region": "EMEA", "reason": "x", "page": 7},
        {"project": {"id": 7}, "environment": "production", "page": 7},
        {"project": "another", "by": "x", "force": True, "page": 7},
        {"event_id": "page.edited", "page": 7},  # may be the same for all of them
        {"key": "page-7", "at": "noon"},
    ],
)
def test_json_of_others_is_not_read_as_ours(event: dict[str, Any]) -> None:
    assert posted(event) == wants(project="site", reason="webhook")
    assert intent(in_sqs(event)) == wants(project="site", reason="message in triggers", event_id="m0")
    assert intent(event) == wants(project="site")


@pytest.mark.parametrize(
    "event",
    [
        {"project": "site", "page": 7},
        {"source_version": "v1", "page": 7, "reasons": ["edited"]},
        {"source_version": "v1", "reasons": ["edited"]},
        {"source_version": "v1", "ref": "refs/heads/main", "after": "v1", "forced": False},  # GitHub's push, and ours
        {"project": "site", "event_kind": "published"},
        {"project": "site", "event_uuid": "7f"},
        {"project": "site", "resource_version": "7"},
        {"project": "site", "version": "7"},
    ],
)
def test_what_only_we_say_is_read_whatever_stands_beside(event: dict[str, Any]) -> None:
    found = asked(in_sqs(event))
    for key in KEYS & event.keys():
        assert getattr(found, key) == event[key]


def test_wakes_and_sweeps() -> None:
    wake = {"holdoff": "wake", "project": "docs", "region": REGION}

    assert intent(wake, SEVERAL) == WakeAsked(GateKey("docs", REGION))
    assert intent(in_sqs(wake), SEVERAL) == WakeAsked(GateKey("docs", REGION))
    assert intent({"holdoff": "wake"}) == WakeAsked(GateKey("site", REGION))
    keyed = {"holdoff": "wake", "project": "docs@feature/a"}
    assert intent(keyed, SEVERAL) == WakeAsked(GateKey("docs@feature/a", REGION))
    assert intent({"holdoff": "sweep"}, SEVERAL) == WakeAsked()
    assert "nap" not in str(refused({"holdoff": "nap"}))
    assert refused({"holdoff": "nap"}).missing == "event.holdoff"
    assert refused({"holdoff": "wake", "project": "gone"}).missing == "project"
    assert refused({"holdoff": "wake", "region": "a/b"}).missing == "region"
    assert refused({"holdoff": "wake", "project": 7}).missing == "event.project"
    assert refused({"holdoff": "wake"}, SEVERAL).missing == "event.project"


# --- topics, queues, webhooks ----------------------------------------------------------------------


def test_a_topic_names_the_reason_and_a_queue_itself() -> None:
    assert asked(in_sns("x")).reason == "message on edits"
    assert asked(in_sqs(notification("x", Subject="page 7"))).reason == "page 7"
    assert asked(in_sqs("x")).reason == "message in triggers"
    assert posted({"page": 7}, idempotency_key="k") == wants(project="site", reason="webhook", event_id="k")


# --- whose project ---------------------------------------------------------------------------------


def test_the_project_is_the_events_own_then_the_paths_then_the_only_one() -> None:
    def project(body: object, path: str, by: Routes = SEVERAL) -> str:
        found = posted(body, by, path)
        assert isinstance(found, Request)
        return found.project

    assert project({"project": "docs"}, "/hooks/site") == "docs"
    assert project({}, "/hooks/site") == "site"
    assert project({}, "/hooks/site/") == "site"
    assert project({}, "/anything", ONE) == "site"
    assert project({}, "/hooks/a%20b", routes(**{"a b": None, "c": None})) == "a b"
    with pytest.raises(EventError, match=r"event\.project is missing.*docs, site"):
        project({}, "/anything")


@pytest.mark.parametrize("path", ["/hooks/sit", "/prod/hooks/sit/", "/hooks/sit/push"])
@pytest.mark.parametrize("by", [ONE, SEVERAL], ids=["one", "several"])
def test_a_misspelt_project_in_the_url_is_refused_by_its_name(path: str, by: Routes) -> None:
    """Though there is one project only, and it is clear what would be built: the URL says another."""
    with pytest.raises(EventError, match=r"the URL names sit after /hooks/, which is no project; projects: .*site"):
        posted({}, by, path)


def test_a_ping_says_that_the_url_is_misspelt() -> None:
    ping = {"zen": "Keep it logically awesome.", "hook_id": 1}
    assert isinstance(posted(ping, ONE, "/hooks/site", x_github_event="ping"), Ignored)
    with pytest.raises(EventError, match="which is no project"):
        posted(ping, ONE, "/hooks/sit", x_github_event="ping")


def test_what_stands_in_the_url_of_a_hook_is_not_shown_where_it_may_be_a_secret() -> None:
    with pytest.raises(EventError, match=r"the URL names \.\.\. after /hooks/, which is no project"):
        posted({}, ONE, "/hooks/7f3a09c1b2d4")


@pytest.mark.parametrize("path", ["/", "/hooks", "/prod", "/hooks/github", "/hooks/site/push"])
def test_a_url_that_names_no_project_is_for_the_only_one(path: str) -> None:
    assert isinstance(posted({}, ONE, path), Request)


def test_what_a_sender_puts_behind_the_project_does_not_hide_it() -> None:
    found = posted({}, SEVERAL, "/hooks/docs/push")
    assert isinstance(found, Request)
    assert found.project == "docs"


def test_who_is_not_named_or_not_known_is_told_who_is() -> None:
    assert str(refused({}, SEVERAL)) == (
        "event.project is missing, and no rule names one; projects: docs, site. Name one in the event, "
        "in the URL's last part, or by a [[rules]] table in holdoff.toml"
    )
    assert str(refused({"project": "sit\x00"}, SEVERAL)) == (
        "project 'sit\\x00' is not one of those configured: docs, site"
    )
    assert "configured: none" in str(refused({"project": "x"}, routes()))
    assert "configured: p0, p1, p10, p100, p101, p102, p103, p104, p105, p106 and 290 more" in str(
        refused({"project": "x"}, routes(**{f"p{n}": None for n in range(300)}))
    )


# --- fitting ---------------------------------------------------------------------------------------


def test_a_reason_is_made_fit() -> None:
    assert asked({"reason": "\ntwo  words\x1b[31m \ud800\nlines"}).reason == "two words\ufffd[31m \ufffd"
    long = asked({"reason": "x" * 10_000}).reason
    assert long == "x" * (MAX_REASON - 1) + "…"
    assert asked({"reason": " \n"}).reason is None


def test_an_id_that_does_not_fit_stays_one_of_its_own() -> None:
    ids = [f"{'x' * MAX_EVENT_ID}{n}" for n in range(3)] + ["a\nb", "a\tb", "\ud800", "\ud801"]
    fitted = [asked({"event_id": one}).event_id for one in ids]

    assert len(set(fitted)) == len(ids)
    assert all(one is not None and len(one) <= MAX_EVENT_ID for one in fitted)
    assert fitted == [asked({"event_id": one}).event_id for one in ids]
    assert asked({"event_id": "x" * MAX_EVENT_ID}).event_id == "x" * MAX_EVENT_ID


@pytest.mark.parametrize("version", ["x" * (MAX_VERSION + 1), "a\nb", "\ud800"])
def test_half_of_a_source_version_is_not_built(version: str) -> None:
    error = refused({"source_version": version})
    assert error.missing == "source_version"
    assert version not in str(error)


def test_what_is_wrong_is_not_shown_only_named() -> None:
    secret = "hunter2"
    for event in (
        {"force": secret},
        {"environment": {"TOKEN": f"{secret}\0"}},
        {"source_version": f"{secret}\n"},
        {"region": f"{secret}#"},
    ):
        assert secret not in str(refused(event))


def test_a_message_made_by_hand_with_nonsense_is_refused_or_taken() -> None:
    events: list[object] = [None, 7, "x", [], {}]
    for kind in ("direct", "wake", "eventbridge", "sns", "sqs", "s3", "http"):
        for event in events:
            message = Message(kind=kind, id=None, event=event)
            try:
                only(ONE, message)
            except EventError as error:
                assert error.missing
