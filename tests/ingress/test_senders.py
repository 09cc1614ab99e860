"""What each sender's events become: triggers with version, line, instant, parent and id, or why nothing is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from holdoff.config import parse
from holdoff.core.errors import EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest, content_of
from holdoff.ingress.events.intents import Ignored, Intent
from holdoff.ingress.events.message import Message, Origin
from holdoff.ingress.events.rules import Routes
from tests.ingress import payloads as p
from tests.ingress.driven import HOSTS, Host
from tests.ingress.events_table import PAGE, SENT, written
from tests.ingress.sent import Built, Other, Refused, Sent
from tests.ingress.sent_by_others import pubsub
from tests.ingress.shapes import REGION
from tests.ingress.wanted import ONE

OUTSIDE = Origin(outside=True, scheme="secret")


def messages(sent: Sent) -> list[Message]:
    """An event's messages; a webhook's as after its secret was checked."""
    return [http_message(sent.what, OUTSIDE)] if isinstance(sent.what, HttpRequest) else opened(sent.what)


def as_built(outcome: Intent | EventError) -> Built:
    """What of a trigger the table has."""
    assert isinstance(outcome, Request), outcome
    return Built(
        version=outcome.source_version,
        line=outcome.line,
        at_ms=outcome.at_ms,
        parent=outcome.parent,
        id=outcome.event_id,
        by=outcome.by,
        reason=outcome.reason or "",
    )


@pytest.mark.parametrize("sent", SENT, ids=[sent.name for sent in SENT])
def test_what_an_event_becomes(sent: Sent) -> None:
    outcomes = [outcome for message in messages(sent) for outcome in ONE.intents(message)]
    match sent.becomes:
        case str(why):
            assert outcomes == [Ignored(why)]
        case Refused(says):
            (error,) = outcomes
            assert isinstance(error, EventError)
            assert says in str(error)
        case Other(kind, _):
            assert [type(outcome).__name__ for outcome in outcomes] == [kind]
        case built:  # what else is in it may be nothing to build
            assert tuple(as_built(one) for one in outcomes if not isinstance(one, Ignored)) == built


def dotted(event: object) -> object:
    """The event with each key that leads to an object written into the keys below it."""
    if not isinstance(event, dict):
        return event
    found: dict[str, object] = {}
    for name, value in event.items():
        found |= {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    return found


def with_dots(sent: Sent) -> list[Message]:
    if isinstance(sent.what, HttpRequest):
        return messages(sent._replace(what=sent.what.but(body=json.dumps(dotted(content_of(sent.what))).encode())))
    with suppress(EventError):
        return opened(dotted(sent.what))
    return []


def test_an_event_whose_keys_have_dots_is_no_crash() -> None:
    """A path finds such keys, too: ``push.changes`` as one key is what ``changes`` below ``push`` is."""
    for sent in SENT:
        for message in with_dots(sent):
            assert ONE.intents(message), sent.name


def test_no_two_events_of_the_table_have_one_name() -> None:
    assert len({sent.name for sent in SENT}) == len(SENT)


def test_the_table_in_the_documents_says_what_becomes_of_them() -> None:
    page = PAGE.read_text()
    assert written(page) == page, "write it anew: python -m tests.ingress.events_table"


# --- with rules ------------------------------------------------------------------------------------
def with_rule(**when: str) -> Routes:
    """One project, and a rule that gives it all events of these conditions; ``__`` in a name stands for a dot."""
    conditions = ", ".join(f"{json.dumps(path.replace('__', '.'))} = {json.dumps(text)}" for path, text in when.items())
    project = '[projects.site]\ncooldown = "10m"\nstarter = { codebuild = "site" }\n'
    return Routes(parse(f'{project}[[rules]]\nwhen = {{ {conditions} }}\nproject = "site"\n'), REGION)


def header(name: str, value: str) -> dict[str, str]:
    return {f"http__headers__{name}": value}


@pytest.mark.parametrize(
    ("name", "repository"),
    [("RhodeCode: pullrequest-create", "octo/site"), ("Beanstalk: comment", "site"), ("OneDev: IssueOpened", "7")],
)
def test_a_rule_takes_another_event_of_a_host_by_its_repository(name: str, repository: str) -> None:
    (sent,) = (one for one in SENT if one.name == name)
    (outcome,) = with_rule(change__type="another event", change__repository=repository).intents(messages(sent)[0])
    assert isinstance(outcome, Request)


def test_a_rule_that_only_says_whose_project_it_is_makes_no_change_of_anything() -> None:
    routes, ignored = with_rule(), [one for one in SENT if isinstance(one.becomes, str)]
    assert ignored
    for sent in ignored:
        for message in messages(sent):
            assert all(isinstance(outcome, Ignored) for outcome in routes.intents(message)), sent.name


IGNORED = [one for one in SENT if isinstance(one.becomes, str) and one.becomes.startswith("nothing is built for")]


def test_a_rule_takes_what_is_ignored_by_naming_its_type() -> None:
    # A dispatch has a branch besides, and the default one here.
    routes = with_rule(change__type="?*")
    assert IGNORED
    for sent in IGNORED:
        for message in messages(sent):
            (outcome,) = routes.intents(message)
            assert isinstance(outcome, Request), (sent.name, outcome)


_ISSUE, _SIDE = content_of(p.github("issues", {"action": "opened"})), content_of(p.github_push("refs/heads/side"))
_IN_CLOUD_EVENTS = {"specversion": "1.0", "id": "7", "source": "/octo", "type": "dev.knative.source.github.issues"}


@pytest.mark.parametrize(
    ("event", "path", "pattern", "is_taken"),
    [
        ({**_IN_CLOUD_EVENTS, "data": _ISSUE}, "type", "dev.knative.*", True),
        ({**_IN_CLOUD_EVENTS, "data": _ISSUE}, "data__action", "opened", True),
        ({**_IN_CLOUD_EVENTS, "data": _ISSUE}, "data__repository__full_name", "octo/site", False),
        ({**_IN_CLOUD_EVENTS, "data": _SIDE}, "data__ref", "refs/heads/side", True),
        (pubsub(_ISSUE), "message__data__action", "opened", True),
        (pubsub(_ISSUE), "subscription", "projects/octo/*", False),
        (pubsub(_SIDE), "message__data__ref", "refs/heads/side", True),
        (pubsub({"action": "DELETE", "tag": "eu.gcr.io/octo/site:1"}), "message__data__action", "DELETE", True),
    ],
)
def test_a_rule_names_the_type_of_what_is_carried(
    event: dict[str, object], path: str, pattern: str, is_taken: bool
) -> None:
    (outcome,) = with_rule(**{path: pattern}).intents(http_message(p.posted(event, {}), OUTSIDE))
    assert isinstance(outcome, Request) == is_taken


CONTROL = [one for one in SENT if "the webhook is set up" in str(one.becomes)]


@pytest.mark.parametrize("sent", CONTROL, ids=[sent.name for sent in CONTROL])
def test_no_rule_makes_a_change_of_a_ping(sent: Sent) -> None:
    assert len(CONTROL) >= 8
    for message in messages(sent):
        assert with_rule(change__type="?*").intents(message) == [Ignored(str(sent.becomes))]


DISPATCH = {"inputs": None, "workflow": ".github/workflows/site.yml"}
TAKEN: dict[str, tuple[HttpRequest, dict[str, str], Built]] = {
    "a release builds its tag": (
        p.github_release(),
        header("x-github-event", "release") | {"action": "published"},
        Built("v1.0", "octo/site refs/tags/v1.0", id=p.DELIVERY, by="octocat", reason="release published on octo/site"),
    ),
    "a dispatch builds its branch": (
        p.github("workflow_dispatch", {"ref": "refs/heads/main", **DISPATCH}),
        header("x-github-event", "workflow_dispatch"),
        Built(
            "main", "octo/site refs/heads/main", id=p.DELIVERY, by="octocat", reason="workflow_dispatch on octo/site"
        ),
    ),
    "what a mirror has builds its commit": (
        p.data_center_push(key="mirror:repo_synchronized"),
        header("x-event-key", "mirror:*"),
        Built(
            p.AFTER,
            "OCTO/site refs/heads/main",
            None,
            p.BEFORE,
            f"{p.DELIVERY}#refs/heads/main",
            "admin",
            "mirrored OCTO/site main",
        ),
    ),
    "a mirror that has too many refs builds the newest": (
        p.data_center("mirror:repo_synchronized", {"refLimitExceeded": True, "changes": []}),
        header("x-event-key", "mirror:*"),
        Built(id=p.DELIVERY, reason="Bitbucket: mirror:repo_synchronized"),
    ),
    "a tag": (
        p.gitlab_push("refs/tags/v1"),
        {"ref": "refs/tags/v*"},
        Built(p.AFTER, "octo/site refs/tags/v1", None, p.BEFORE, p.DELIVERY, "jsmith", "push to octo/site v1"),
    ),
    "an annotated tag builds its commit, and is no version itself": (
        p.gitlab_push("refs/tags/v1", before=p.OTHER, after=p.BEFORE, checkout_sha=p.AFTER),
        {"ref": "refs/tags/v*"},
        Built(p.AFTER, "octo/site refs/tags/v1", None, None, p.DELIVERY, "jsmith", "push to octo/site v1"),
    ),
    "a draft": (
        p.strapi_entry("update", None),
        {"entry.publishedAt": "null"},
        Built(reason="Strapi: entry.update of a draft"),
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_built_when_a_rule_takes_it(case: str) -> None:
    request, when, expected = TAKEN[case]
    (outcome,) = with_rule(**when).intents(http_message(request, OUTSIDE))
    assert as_built(outcome) == expected


@pytest.mark.parametrize(
    ("name", "where", "what_it_is"),
    [
        ("Directus: a draft", {"collection": "posts"}, {"payload.status": "draft"}),
        ("Directus: a draft", {"event": "items.create"}, {"payload.status": "draft"}),
        ("Agility: a draft", {"instanceGUID": "x"}, {"state": "Saved"}),
        ("Hygraph: a draft", {"operation": "update"}, {"data.stage": "DRAFT"}),
        ("Cosmic: a draft", {"resource": "objects"}, {"data.object.status": "draft"}),
        ("Squidex: a draft", {"payload.type": "Created"}, {"payload.status": "Draft"}),
        ("Optimizely: a draft: Draft", {"tenantId": "52"}, {"data.docId": "*_Draft"}),
        ("Craft: an entry, saved while its author writes", {"senderClass": "*"}, {"sender.isProvisionalDraft": "true"}),
        ("microCMS: a new draft", {"contents.old": "null"}, {"contents.new.publishValue": "null"}),
        ("Webflow: a draft", {"triggerType": "collection_item_created"}, {"payload.isDraft": "true"}),
        (
            *("Shopify: products/create, draft", {"http.headers.x-shopify-topic": "products/create"}),
            {"status": "draft"},
        ),
        (
            *("WordPress: a post, draft before and draft now", {"post_before.post_status": "draft"}),
            {"post.post_status": "draft"},
        ),
    ],
)
def test_a_rule_that_says_where_a_draft_is_takes_it_only_if_it_says_that_it_is_one(
    name: str, where: dict[str, str], what_it_is: dict[str, str]
) -> None:
    (message,) = messages(next(sent for sent in SENT if sent.name == name))
    assert isinstance(with_rule(**where).intents(message)[0], Ignored)
    assert isinstance(with_rule(**what_it_is).intents(message)[0], Request)


def test_a_dispatch_on_another_branch_stays_out_though_its_type_is_named() -> None:
    side = http_message(p.github("workflow_dispatch", {"ref": "refs/heads/side", **DISPATCH}), OUTSIDE)
    (outcome,) = with_rule(**header("x-github-event", "workflow_dispatch")).intents(side)
    assert outcome == Ignored("side is not the default branch main, and no rule takes it")


@pytest.mark.parametrize("host", HOSTS, ids=[host.name for host in HOSTS])
def test_a_push_of_a_tag_has_one_name_at_all_hosts(host: Host) -> None:
    table = '[projects.site]\ncooldown = 1\nstarter = { command = ["make"] }\n[[rules]]\nproject = "site"\n'
    for kind, names, ref in (("push of a tag", "tags", "refs/tags/v1"), ("push", "branches", "refs/heads/side")):
        for said in ("push of a tag", "push"):
            rule = f"when = {{ 'change.type' = '{said}' }}\n{names} = '**'"
            sent = Sent(host.name, kind, host.made(ref), "")
            (outcome,) = Routes(parse(table + rule), REGION).intents(messages(sent)[0])
            assert isinstance(outcome, Request if said == kind else Ignored), (kind, said, outcome)


# --- what a push says besides ----------------------------------------------------------------------
def commits(newest: str, older: str) -> list[dict[str, str]]:
    return [{"id": p.AFTER, "message": newest}, {"id": p.OTHER, "message": older}]


def pushed(listed: list[dict[str, str]]) -> HttpRequest:
    """In the form that many hosts have, with the commits that they list."""
    return p.posted({"ref": "refs/heads/main", "before": p.BEFORE, "after": p.AFTER, "commits": listed}, {})


def target(message: str) -> dict[str, object]:
    change = p.bitbucket_change()
    change["new"]["target"]["message"] = message
    return change


@pytest.mark.parametrize(
    ("newest", "older"),
    [
        (
            p.github_push(head_commit={"id": p.AFTER, "message": "x [skip ci]"}),
            p.github_push(head_commit={"id": p.AFTER, "message": "x"}, commits=commits("x", "[skip ci]")),
        ),
        (
            p.gitlab_push(commits=commits("[skip ci]", "x")[::-1]),
            p.gitlab_push(commits=commits("x", "[skip ci]")[::-1]),
        ),
        (p.bitbucket_push(target("[skip ci]")), p.bitbucket_push(target("x"))),
        (p.forge_push(commits=commits("[skip ci]", "x")), p.forge_push(commits=commits("x", "[skip ci]"))),
        # As Beanstalk's first form has it, and Gogs' by a topic: https://support.beanstalkapp.com
        (pushed(commits("[skip ci]", "x")), pushed(commits("x", "[skip ci]"))),
    ],
    ids=["GitHub", "GitLab", "Bitbucket", "Gitea", "a git host"],
)
def test_the_newest_commit_of_a_push_can_say_to_skip_it(newest: HttpRequest, older: HttpRequest) -> None:
    (skipped,) = ONE.intents(http_message(newest, OUTSIDE))
    assert skipped == Ignored("its newest commit, or its push, says to skip it ([skip ci])")
    (built,) = ONE.intents(http_message(older, OUTSIDE))
    assert isinstance(built, Request)


def of_data_center(*messages: str) -> HttpRequest:
    listed = [{"id": name, "message": message} for name, message in zip((p.AFTER, p.OTHER), messages, strict=True)]
    return p.data_center_push(commits=listed)


def of_azure(*messages: str) -> HttpRequest:
    body = json.loads(p.azure_push().body)
    names = zip((p.AFTER, p.OTHER), messages, strict=True)
    body["resource"]["commits"] = [{"commitId": name, "comment": message} for name, message in names]
    return p.posted(body, {})


@pytest.mark.parametrize("push", [of_data_center, of_azure])
def test_of_commits_that_are_listed_in_no_order_that_of_the_version_can_say_to_skip_it(
    push: Callable[..., HttpRequest],
) -> None:
    (skipped,) = ONE.intents(http_message(push("[skip ci]", "x"), OUTSIDE))
    assert skipped == Ignored("its newest commit, or its push, says to skip it ([skip ci])")
    (built,) = ONE.intents(http_message(push("x", "[skip ci]"), OUTSIDE))
    assert isinstance(built, Request)


@pytest.mark.parametrize(
    ("options", "is_skipped"),
    [
        ({"ci": {"skip": True}}, True),
        ({"integrations": {"skip_ci": True}}, True),
        (["ci.skip"], True),  # of GitLab 11.7
        ({"ci": {"variable": {"A=skip": 1}}}, False),
        ({"merge_request": {"create": True}}, False),
        ({}, False),
        (None, False),
    ],
)
@pytest.mark.parametrize("header", [{}, {"X-Gitlab-Event": "Push Hook"}])
def test_a_push_to_gitlab_can_say_to_skip_it(options: object, is_skipped: bool, header: dict[str, str]) -> None:
    push = json.loads(p.gitlab_push(push_options=options).body)
    message = http_message(p.posted(push, header), OUTSIDE)
    (outcome,) = ONE.intents(message)
    assert isinstance(outcome, Ignored if is_skipped else Request)
    table = '[projects.site]\ncooldown = 1\nstarter = { command = ["make"] }\nskip_ci = false\n'
    (outcome,) = Routes(parse(table), REGION).intents(message)
    assert isinstance(outcome, Request)
    for of in ({}, {"checkout_sha": None}):
        tag = json.loads(p.gitlab_push("refs/tags/v1", push_options=options).body) | {"object_kind": "tag_push"} | of
        (outcome,) = with_rule(ref="refs/tags/*").intents(http_message(p.posted(tag, {}), OUTSIDE))
        assert isinstance(outcome, Ignored if is_skipped else Request)


def test_an_event_without_the_id_of_its_sender_has_none_and_is_never_taken_for_another() -> None:
    headers = {"X-Event-Key": "repo:push"}
    push = p.bitbucket_push()
    (outcome,) = ONE.intents(
        http_message(push.but(headers={name.lower(): text for name, text in headers.items()}), OUTSIDE)
    )
    assert as_built(outcome).id is None


@pytest.mark.parametrize("again", [p.prismic_published(), p.datocms("item", "publish", attempted_auto_retries_count=3)])
def test_what_is_sent_again_has_the_same_id(again: HttpRequest) -> None:
    first = p.prismic_published() if b"prismic" in again.body else p.datocms("item", "publish")
    ids = [as_built(ONE.intents(http_message(one, OUTSIDE))[0]).id for one in (first, again)]
    assert ids[0] == ids[1] is not None


@pytest.mark.parametrize(
    ("push", "where"),
    [
        (p.bitbucket("repo:push", {}), "push.changes"),
        (p.data_center("repo:refs_changed", {"changes": None}), "changes"),
        (p.azure("git.push", {"pushId": 14}), "resource.refUpdates"),  # its resource details set to "Minimal"
        (p.posted({"eventType": "git.push", "createdDate": "2026-11-25T03:00:00Z"}, {}), "resource.refUpdates"),
    ],
    ids=["Bitbucket", "Data Center", "Azure DevOps", "Azure DevOps, without its publisher"],
)
def test_a_push_without_its_changes_is_an_error_that_says_where_they_were_sought(push: HttpRequest, where: str) -> None:
    (error,) = ONE.intents(http_message(push, OUTSIDE))
    assert isinstance(error, EventError)
    assert where in str(error)


@pytest.mark.parametrize("sender", ["Gitea", "Forgejo", "Gogs"])
def test_a_push_that_does_not_say_its_repository_is_not_said_to_be_at_github(sender: str) -> None:
    (outcome,) = ONE.intents(http_message(p.forge_push(sender, repository={"default_branch": "main"}), OUTSIDE))
    assert (as_built(outcome).line, as_built(outcome).reason) == (f"{sender} refs/heads/main", "push to main")
