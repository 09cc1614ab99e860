"""``[[rules]]``: read, applied, and refused where they are wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from holdoff.config import parse
from holdoff.core.errors import ConfigError, EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import BuildEnded, Ignored
from holdoff.ingress.events.rules import Routes
from tests.ingress import shapes
from tests.ingress.shapes import in_sns, in_sqs, notification
from tests.ingress.wanted import WEBHOOK, only, wants, without_order

if TYPE_CHECKING:
    from holdoff.ingress.events.intents import Intent

PROJECTS = """
[projects.site]
cooldown = 1
starter = { codebuild = "site-build" }
[projects.docs]
cooldown = 1
starter = { command = ["make"] }
"""


def routes(rules: str) -> Routes:
    return Routes(parse(PROJECTS + rules), shapes.REGION)


def intent(rules: str, event: object) -> Intent:
    (message,) = opened(event)
    return without_order(only(routes("[[rules]]\n" + rules), message))


def posted(rules: str, body: object, **headers: str) -> Intent:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(body).encode()
    request = HttpRequest(method="POST", path="/cms/pages", headers=named, body=text)
    return without_order(only(routes("[[rules]]\n" + rules), http_message(request, WEBHOOK)))


def asked(found: object) -> Request:
    assert isinstance(found, Request)
    return found


# --- what a rule takes -----------------------------------------------------------------------------

ECR = shapes.ecr()


@pytest.mark.parametrize(
    "when",
    [
        "{}",
        "{ source = 'aws.ecr' }",
        "{ source = 'aws.*', 'detail.repository-name' = ['api', 'web'], 'detail.image-tag' = 'v*' }",
        "{ source = 'aws.ecr', detail.repository-name = 'web', detail.image-tag = 'v?' }",
        "{ source = 'aws.ecr', detail = { image-tag = 'v*' } }",
    ],
)
def test_a_rule_takes_what_matches_all_of_it(when: str) -> None:
    assert asked(intent(f"when = {when}\nproject = 'site'", ECR)).project == "site"


@pytest.mark.parametrize(
    "when",
    [
        "{ source = 'aws.s3' }",
        "{ source = 'aws' }",
        "{ source = 'aws.ecr', 'detail.image-tag' = 'w*' }",
        "{ 'detail.image-tag.more' = '*' }",
        "{ 'detail' = '*' }",
        "{ 'nothing' = '*' }",
        "{ 'resources' = '*' }",
        "{ 'resources.0' = '*' }",
        "{ 'event.source' = 'aws.ecr' }",
        "{ 'detail.image-tag' = 'v[0-9]' }",  # brackets stand for themselves
    ],
)
def test_and_nothing_else(when: str) -> None:
    with pytest.raises(EventError, match=r"event\.project is missing, and no rule names one"):
        intent(f"when = {when}\nproject = 'site'", ECR)


def test_numbers_truth_values_and_lists_are_matched_by_their_text() -> None:
    event = {"page": 7, "live": True, "tags": ["a", "b"], "pi": 3.5, "none": [], "deep": {"list": [{"x": "y"}, {}]}}
    for when in (
        "{ page = 7, live = true, pi = '3.5' }",
        "{ page = '7', live = 'true' }",
        "{ tags = 'b' }",
        "{ 'tags.1' = 'b' }",
        "{ 'deep.list.0.x' = 'y' }",
        "{ page = [6, 7, 8] }",
        "{ none = '[]', 'deep.list.1' = '{}' }",
    ):
        assert asked(intent(f"when = {when}\nproject = 'docs'", event)).project == "docs"
    for when in ("{ live = 1 }", "{ none = '*' }", "{ deep = '*' }", "{ tags = '[]' }", "{ deep = '{}' }"):
        with pytest.raises(EventError):
            intent(f"when = {when}\nproject = 'docs'", event)


def test_a_key_may_have_dots_of_its_own(samples: dict[str, object]) -> None:
    when = "{ 'CodePipeline.job.data.actionConfiguration.configuration.FunctionName' = 'my-*' }"
    rule = f"when = {when}\nproject = 'docs'\nreason = 'event.CodePipeline.job.accountId'"
    found = asked(intent(rule, samples["codepipeline job"]))
    assert (found.project, found.reason) == ("docs", "123456789012")


def test_the_first_that_matches_wins() -> None:
    rules = (
        "[[rules]]\nwhen = { source = 'x' }\nproject = 'docs'\n"
        "[[rules]]\nwhen = { source = 'aws.ecr' }\nproject = 'site'\n"
        "[[rules]]\nwhen = {}\nproject = 'docs'\n"
    )
    (message,) = opened(ECR)
    assert asked(only(routes(rules), message)).project == "site"
    (message,) = opened({"page": 7})
    assert asked(only(routes(rules), message)).project == "docs"


# --- what it says ----------------------------------------------------------------------------------


def test_a_rule_goes_over_what_the_event_says() -> None:
    found = intent(
        "when = { source = 'aws.ecr' }\n"
        "project = 'docs'\n"
        "region = 'event.region'\n"
        "reason = 'a new base image'\n"
        "source_version = 'main'\n"
        "event_id = 'event.detail.image-digest'\n"
        "environment = { TAG = 'event.detail.image-tag', STAGE = 'prod' }",
        ECR,
    )
    assert found == wants(
        project="docs",
        region="eu-west-1",
        reason="a new base image",
        source_version="main",
        event_id=ECR["detail"]["image-digest"],
        environment={"TAG": "v1", "STAGE": "prod"},
    )


def test_what_a_rule_leaves_out_is_as_it_is_built_in() -> None:
    found = intent("when = { source = 'aws.codecommit' }\nproject = 'docs'", shapes.codecommit())
    assert found == wants(
        project="docs",
        reason="push to web main",
        source_version="3e5983DESTINATION",
        event_id="17793124-05d4-b198-2fde-7ededc63b103",
        by="Mary_Major",
    )


def test_the_project_may_be_in_the_event() -> None:
    rule = "when = {}\nproject = 'event.detail.repository-name'"
    assert asked(intent(rule, shapes.ecr(**{"repository-name": "docs"}))).project == "docs"
    with pytest.raises(EventError, match="project 'web' is not one of those configured: docs, site"):
        intent(rule, ECR)


def test_a_rule_may_fill_in_what_it_names_and_choose_a_webhook() -> None:
    """What a rule fills in is not known before an event comes: it is no literal text, and no name of a project yet."""
    rule = "when = {}\nproject = '{event.detail.repository-name}'\nevent_id = '{event.id}/{event.detail.image-tag}'"
    assert asked(intent(rule, shapes.ecr(**{"repository-name": "docs"}))).project == "docs"
    with pytest.raises(EventError, match="missing"):  # it is no webhook
        intent("when = { http.webhook = 'github' }\nproject = 'docs'\n[[rules]]\nwhen = {}\nproject = 'event.no'", ECR)


def test_a_number_beyond_all_names_is_no_text() -> None:
    with pytest.raises(EventError, match=r"event\.n is a number, and a rule takes a text"):
        intent("when = {}\nsource_version = 'event.n'", {"n": 10**5_000})
    assert asked(intent("when = {}\nproject = 'docs'\nreason = 'event.n'", {"n": 1})).reason == "1"


@pytest.mark.parametrize("setting", ["project", "region", "source_version", "event_id"])
def test_a_path_that_leads_to_no_text_is_named(setting: str) -> None:
    for path, kind in (("event.detail.no", "missing"), ("event.detail", "an object")):
        with pytest.raises(EventError) as caught:
            intent(f"when = {{}}\n{setting} = '{path}'", ECR)
        assert caught.value.missing == path
        assert f"{path} is {kind}, and a rule takes a text from there" in str(caught.value)
    with pytest.raises(EventError, match=r"event\.nowhere is missing"):
        intent("when = {}\nenvironment = { A = 'event.nowhere' }", ECR)


def test_a_variable_that_a_rule_sets_is_the_rules_whatever_the_event_says() -> None:
    rule = "when = {}\nproject = 'docs'\nenvironment = { TAG = 'ours' }"
    found = asked(intent(rule, in_sns({"source_version": "v1", "environment": {"TAG": "theirs"}})))
    assert found.environment == (("TAG", "ours"),)


def test_no_build_is_lost_for_a_reason_that_is_not_there() -> None:
    rule = "when = {}\nproject = 'docs'\nreason = 'event.detail.no'"
    assert asked(intent(rule, ECR)).reason == "image web:v1 pushed"
    half = "when = {}\nproject = 'docs'\nreason = 'tag {event.detail.image-tag} {event.detail.no}'"
    assert asked(intent(half, ECR)).reason == "tag v1"


def test_the_envelopes_can_be_looked_at() -> None:
    sns = "when = { 'sns.TopicArn' = '*:edits' }\nproject = 'docs'\nreason = 'sns.Subject'"
    found = asked(intent(sns, in_sqs(notification("x", Subject="page 7"))))
    assert (found.project, found.reason) == ("docs", "page 7")
    sqs = "when = { 'sqs.eventSourceARN' = '*:triggers' }\nproject = 'docs'"
    assert asked(intent(sqs, in_sqs("x"))).project == "docs"
    text = "when = { 'sqs.body' = 'page*' }\nproject = 'docs'\nreason = 'sqs.body'"
    found = asked(intent(text, in_sqs("page 7 was edited")))
    assert (found.project, found.reason) == ("docs", "page 7 was edited")
    with pytest.raises(EventError, match="no rule names one"):
        intent(text, {"sqs": {"body": "page 7"}})  # no event can claim an envelope for itself
    group = "when = {}\nproject = 'docs'\nevent_id = 'sqs.attributes.SentTimestamp'"
    assert asked(intent(group, in_sqs("x"))).event_id == "1545082649183"
    http = (
        "when = { 'http.path' = '/cms/*', 'http.headers.x-cms-event' = 'saved' }\n"
        "project = 'docs'\nevent_id = 'http.headers.x-request-uuid'"
    )
    found = asked(posted(http, {}, x_cms_event="saved", x_request_uuid="u"))
    assert (found.project, found.event_id) == ("docs", "u")
    with pytest.raises(EventError, match=r"sns\.TopicArn is missing"):
        intent("when = {}\nproject = 'sns.TopicArn'", in_sqs("x"))


@pytest.mark.parametrize(("envelope", "name"), [("sns", "on"), ("sqs", "bodyguard")])
def test_an_event_of_its_own_may_have_a_key_of_an_envelopes_name(envelope: str, name: str) -> None:
    path = f"{envelope}.{name}"
    rule = f"when = {{ '{path}' = 'true' }}\nproject = 'docs'\nreason = 'event.{path}'"
    assert asked(intent(rule, {envelope: {name: True}})).reason == "true"


def test_others_json_is_not_read_as_ours_when_a_rule_takes_it() -> None:
    event = {"event_id": 1234, "project": {"id": 7}, "environment": "production", "region": "EU"}
    rule = "when = { 'project.id' = 7 }\nproject = 'docs'"
    assert intent(rule, in_sqs(event | {"page": 7})) == wants(
        project="docs", reason="message in triggers", event_id="m0"
    )
    # Nothing but words of ours: what fits is taken, and what does not is no error.
    assert intent(rule, in_sqs(event | {"by": "mona"})) == wants(
        project="docs", by="mona", reason="message in triggers", event_id="m0"
    )


def test_a_rule_ignores() -> None:
    rule = "when = { 'detail.image-tag' = 'v*' }\nignore = 'releases are built by hand'"
    assert intent(rule, ECR) == Ignored("releases are built by hand")


def test_a_rule_takes_what_is_not_built_otherwise() -> None:
    push = shapes.github_push(ref="refs/heads/side")
    rule = "when = { ref = 'refs/heads/*' }\nproject = 'docs'"
    found = asked(posted(rule, push, x_github_event="push"))
    assert (found.project, found.source_version) == ("docs", push["after"])


@pytest.mark.parametrize(
    "event",
    [
        shapes.codecommit("referenceDeleted"),
        shapes.ecr(result="FAILURE"),
        {"Service": "Amazon S3", "Event": "s3:TestEvent"},
        shapes.codebuild("IN_PROGRESS"),
    ],
)
def test_what_is_nothing_to_build_is_that_for_a_rule_too(event: object) -> None:
    assert isinstance(intent("when = {}\nproject = 'docs'", event), Ignored)


def test_one_build_may_follow_anothers_end_which_is_still_told() -> None:
    rule = "when = { source = 'aws.codebuild', 'detail.build-status' = 'SUCCEEDED' }\nproject = 'docs'"
    event = shapes.codebuild()
    ended = intent(rule, event)
    assert isinstance(ended, BuildEnded)
    assert ended.name == "site-build"
    found = asked(ended.then)
    assert (found.project, found.event_id) == ("docs", event["id"])
    assert found.reason == "build site-build:8745a7a9-c340-456a-9166 SUCCEEDED"
    assert found.source_version is None
    for told in (intent(rule, shapes.codebuild("FAILED")), intent("when = {}\nignore = 'never'", event)):
        assert isinstance(told, BuildEnded)
        assert told.then is None


def test_a_rule_that_does_not_name_the_end_makes_nothing_of_it() -> None:
    ended = intent("when = {}\nproject = 'docs'", shapes.codebuild())
    assert isinstance(ended, BuildEnded)
    assert ended.then is None


def test_every_project_of_a_rule_follows_an_end() -> None:
    rule = "[[rules]]\nwhen = { source = 'aws.codebuild' }\nproject = ['docs', 'site', 'api']\n"
    by = routes(f"{rule}[projects.api]\ncooldown = 1\nstarter = {{ command = ['make'] }}\n")
    (message,) = opened(shapes.codebuild())
    ended, other = by.intents(message)
    assert isinstance(ended, BuildEnded)
    assert [asked(ended.then).project, asked(other).project] == ["docs", "api"]  # a build never sets off itself


def test_what_a_rule_cannot_make_of_an_end_does_not_keep_the_end_from_its_gate() -> None:
    """The gate would have waited for its lease."""
    rule = "[[rules]]\nwhen = { source = 'aws.codebuild' }\nproject = 'docs'\nkey = 'event.detail.no'\n"
    (message,) = opened(shapes.codebuild())
    error, ended = routes(rule).intents(message)
    assert isinstance(ended, BuildEnded)
    assert ended.then is None
    assert isinstance(error, EventError)
    assert "event.detail.no is missing" in str(error)


def test_wakes_are_not_a_rules() -> None:
    (wake,) = opened({"holdoff": "sweep"})
    assert not isinstance(only(routes("[[rules]]\nwhen = {}\nignore = 'no'\n"), wake), Ignored)


def test_the_same_rule_for_the_same_event_however_it_comes() -> None:
    rule = "when = { source = 'aws.ecr' }\nproject = 'docs'"
    ways = [ECR, in_sns(ECR), in_sqs(ECR), in_sqs(notification(ECR))]
    assert len({str(intent(rule, way)) for way in ways}) == 1


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("project = 'docs'", "rules[0].when is missing; write a table such as { source"),
        ("when = 'x'\nproject = 'docs'", "rules[0].when is 'x'; write a table such as"),
        ("when = {}", "rules[0].project is missing; write a project for such events, or ignore"),
        ("when = {}\nproject = 'doc'", "rules[0].project is 'doc'; write a project of this file"),
        ("when = {}\nproject = ''", "rules[0].project is ''; write a project of this file (docs,"),
        ("when = {}\nproject = []", "rules[0].project is []; write a text, or a path such as"),
        ("when = {}\nproject = 7", "rules[0].project is 7; write a text, or a path such as"),
        ("when = {}\nprojekt = 'docs'", "rules[0].projekt is not a setting; write project (did"),
        ("when = {}\nproject = 'event.'", "rules[0].project is 'event.'; write a path such as"),
        ("when = {}\nproject = 'event.a..b'", "rules[0].project is 'event.a..b'; write a path"),
        ("when = {}\nproject = 'http.host'", "rules[0].project is 'http.host'; write a path"),
        ("when = {}\nreason = 'http.headers.X-A'", "rules[0].reason is 'http.headers.X-A'; write"),
        ("when = {}\nkey = 'http.headers.x-gitlab-token'", "or in small letters a header that cannot be a secret"),
        ("when = {}\nkey = 'of {http.headers.x-gitlab-token}'", "or in small letters a header that cannot be a secret"),
        ("when = {}\nreason = 'sns.Topic'", "rules[0].reason is 'sns.Topic'; write a path such"),
        ("when = {}\nreason = ''", "rules[0].reason is ''; write text of 1 to 200 characters"),
        ('when = {}\nreason = "a\\nb"', "rules[0].reason is 'a\\nb'; write text of 1 to 200"),
        ("when = {}\nsource_version = ''", "rules[0].source_version is ''; write text of 1 to 200"),
        ("when = {}\nevent_id = 'x'", "rules[0].event_id is 'x'; write a path such as"),
        ("when = {}\nregion = 'a#b'", "rules[0].region is 'a#b'; write a name without"),
        ("when = {}\nenvironment = 7", "rules[0].environment is 7; write a table such as"),
        ("when = {}\nenvironment = { A = 7 }", "rules[0].environment.A is 7; write a text, or a"),
        (
            "when = {}\nenvironment = { 'A B' = 'x' }",
            "rules[0].environment is 'A B'; write names",
        ),
        ("when = {}\nreason = false", "rules[0].reason is False; write a text, or a"),
        (
            "when = { http.webhook = 'githup' }\nproject = 'docs'",
            "when.http.webhook is 'githup'; write one of gitlab, ",
        ),
        ("when = {}\nignore = 7", "rules[0].ignore is 7; write a text"),
        ("when = {}\nignore = ''", "rules[0].ignore is ''; write text of 1 to 200 characters"),
        ("when = {}\nignore = 'x'\nproject = 'docs'", "rules[0].ignore is 'x'; write either ignore or a project"),
        ("when = { a = 1.5 }\nproject = 'docs'", "rules[0].when.a is 1.5; write a text, in which"),
        ("when = { a = [] }\nproject = 'docs'", "rules[0].when.a is []; write a text, in which"),
        ("when = { a = [['x']] }\nproject = 'docs'", "rules[0].when.a is ['x']; write a text, in"),
        ("when = { a = {} }\nproject = 'docs'", "rules[0].when.a is {}; write a text, in which"),
        (
            "when = { http.headers.X-A = 'x' }\nproject = 'docs'",
            "when is 'http.headers.X-A'; write",
        ),
        (f"when = {{ {'a' * 401} = 'x' }}\nproject = 'docs'", "write a path below the event"),
        (f"when = {{}}\nproject = 'event.{'a' * 400}'", "write a path such as 'event.detail"),
        ("when = { '' = 'x' }\nproject = 'docs'", "rules[0].when is ''; write a path below the"),
        (
            "when = { 'a..b' = 'x' }\nproject = 'docs'",
            "rules[0].when is 'a..b'; write a path below",
        ),
    ],
)
def test_a_wrong_rule_is_refused_at_load(rule: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(PROJECTS + "[[rules]]\n" + rule)
    assert message in str(caught.value)


def test_which_rule_it_is_is_said() -> None:
    with pytest.raises(ConfigError, match=r"^rules\[1\]\.when is missing"):
        parse(PROJECTS + "[[rules]]\nwhen = {}\nproject = 'docs'\n[[rules]]\nproject = 'docs'")
    for rules, message in (("rules = 7", "rules is 7; write"), ("rules = [7]", "rules[0] is 7;")):
        with pytest.raises(ConfigError) as caught:
            parse(rules)
        assert message in str(caught.value)
