"""The same events in other forms: as they were, as a topic or a queue hands them on, as a document shows them.

What is a change is built in every form, with its version where it has one; what is none builds nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from holdoff.config import parse
from holdoff.core.errors import EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import Ignored, Intent, WakeAsked
from holdoff.ingress.events.message import Message, Origin
from holdoff.ingress.events.rules import Routes
from tests.ingress import payloads as p
from tests.ingress import shapes as s
from tests.ingress.payloads import AFTER, BEFORE, OTHER, Json
from tests.ingress.sent_by_git import NOON_MS
from tests.ingress.sent_by_others import cloud_event, event_grid, launchpad
from tests.ingress.shapes import REGION
from tests.ingress.test_bare import bare
from tests.ingress.test_senders import with_rule
from tests.ingress.wanted import ONE, WEBHOOK, wants

PROJECT = '[projects.site]\ncooldown = "10m"\nstarter = { codebuild = "site" }\n'


def body(request: HttpRequest) -> Json:
    """Its JSON."""
    content: Json = json.loads(request.body)
    return content


def by_queue(event: Json) -> Message:
    """The message, as a queue brings it."""
    (message,) = opened(s.in_sqs(event))
    return message


def by_webhook(event: Json, scheme: str = "secret") -> Message:
    """The message, as a webhook without headers that say what it is."""
    return http_message(p.posted(event, {}), Origin(outside=True, scheme=scheme))


def only(message: Message, routes: Routes = ONE) -> Intent | EventError:
    (outcome,) = routes.intents(message)
    return outcome


# --- what is no change ------------------------------------------------------------------------------

ALERT = {"action": "fixed", "alert": {}, "repository": {"node_id": "R_1", "full_name": "octo/site"}}
MERGED = {"object_kind": "vulnerability", "object_attributes": {"project_id": 1, "state": "detected"}}
DOCUMENTED = {"id": p.DELIVERY, "publisherId": "tfs", "scope": "all", "resource": {"status": "succeeded"}}
DISPATCH = {"ref": "refs/heads/main", "inputs": {"holdoff_token": "0" * 26}, "sender": {"login": "octocat"}}
ENTRY = {"id": "e1", "type": "Entry", "space": {"sys": {"id": "s1"}}}
DEPLOY = {"id": "d1", "site_id": "s1", "state": "ready", "deploy_ssl_url": "https://x.example.com"}
#: By name: the event, and a part of what is said of it.
NOT_CHANGES: dict[str, tuple[Json, str]] = {
    "GitHub: of an app": (
        {"action": "created", "installation": {}, "sender": {"login": "octocat", "node_id": "U_1"}},
        "GitHub's created",
    ),
    "GitHub: an alert, of no sender": (ALERT, "GitHub's fixed"),
    "GitHub: an advisory": ({"action": "published", "security_advisory": {"ghsa_id": "GHSA-1"}}, "GitHub's published"),
    "GitHub: an image, as receivers are tested": (
        {"action": "published", "package": {"name": "site", "package_type": "CONTAINER", "owner": {"login": "octo"}}},
        "a git host's published",
    ),
    "GitHub: a ping of an app": ({"zen": "x", "hook_id": 1, "hook": {"type": "App"}}, "a ping"),
    "GitLab: of a project, of a system hook": (
        {"event_name": "project_create", "project_id": 1, "path_with_namespace": "octo/site"},
        "project_create",
    ),
    # https://docs.gitlab.com/administration/system_hooks/
    **{
        f"GitLab: of a system hook, {name}": (
            {
                "event_name": name,
                "user_id": 1,
                "username": "ann",
                "user_username": "ann",
                "group_id": 2,
                "path": "octo",
            },
            name,
        )
        for name in (
            *("user_create", "user_destroy", "user_failed_login", "user_rename"),
            *(f"user_{done}_{what}" for done in ("add_to", "remove_from", "update_for") for what in ("team", "group")),
            *(f"user_access_request_{done}" for done in ("to_project", "to_group", "revoked_for_project")),
            *("subgroup_create", "subgroup_destroy", "group_rename"),
        )
    },
    "GitLab: of a group, of a system hook": (
        {"event_name": "group_rename", "group_id": 1, "path": "octo"},
        "group_rename",
    ),
    "GitLab: of a seat, of a system hook": (
        {"object_kind": "gitlab_subscription_member_approval", "action": "enqueue", "object_attributes": {"id": 1}},
        "gitlab_subscription_member_approval",
    ),
    "GitLab: of a key, of a system hook": (
        {"event_name": "key_create", "username": "ann", "key": "ssh-rsa x"},
        "key_create",
    ),
    "GitLab: repository_update, of a system hook": (
        {
            "event_name": "repository_update",
            "project": {"path_with_namespace": "octo/site"},
            "refs": ["refs/heads/main"],
        },
        "repository_update",
    ),
    "GitLab: of no project": (MERGED, "GitLab's vulnerability"),
    "Azure DevOps: as its documents show it": ({**DOCUMENTED, "eventType": "build.complete"}, "build.complete"),
    # In short: a build that it triggered would trigger itself.
    **{
        f"Azure DevOps: {kind}, in short": ({"eventType": kind, "publisherId": publisher, "resource": {}}, kind)
        for kind, publisher in (
            ("build.complete", "tfs"),
            ("ms.vss-release.deployment-completed-event", "rm"),
            ("ms.vss-pipelines.run-state-changed-event", "pipelines"),
        )
    },
    **{
        f"Azure DevOps: {kind}, of {more}": ({"eventType": kind, "resource": {}, "createdDate": "2026", **more}, kind)
        for kind, more in (
            ("elasticagentpool.resized", {"publisherId": "distributedtask", "resourceVersion": "1.0"}),
            ("ms.vss-alerts.alert-created-event", {"publisherId": "advsec", "resourceVersion": "1.0"}),
            ("git.pullrequest.created", {}),  # as receivers are tested
            ("git.repo.created", {}),
            ("build.complete", {}),
            ("workitem.updated", {}),
        )
    },
    "Bitbucket: a push of nothing": ({"push": {"changes": []}, "repository": {"uuid": "{1}"}}, "nothing was pushed"),
    "Bitbucket: a merge, as receivers are tested": (
        {"eventKey": "pr:merged", "pullRequest": {"id": 9, "toRef": {"repository": {"slug": "site"}}}},
        "Bitbucket's pr:merged",
    ),
    "Bitbucket: a push of no branch, of its old plug-in": (
        {"repository": {"slug": "site"}, "refChanges": [{"refId": "refs/notes/reviews/1", "toHash": AFTER}]},
        "refs/notes/reviews/1 is no branch",
    ),
    **{
        f"Gitee: {kind}, as receivers are tested": ({"hook_name": kind, **about}, f"Gitee's {kind}")
        for kind, about in (
            ("merge_request_hooks", {"pull_request": {"number": 42}}),
            ("note_hooks", {"repository": {"path_with_namespace": "octo/site"}}),
        )
    },
    "Gerrit: a deleted project": ({"type": "project-deleted", "eventCreatedOn": 1795395667}, "project-deleted"),
    # https://gerrit.googlesource.com/plugins/replication: a deletion that is to be replicated
    "Gerrit: a deleted project elsewhere": (
        {"type": "project-deletion-replication-done", "eventCreatedOn": 1795395667},
        "project-deletion-replication-done",
    ),
    "Pagure: as receivers are tested": ({"topic": "pagure.issue.new", "msg": {"agent": "ann"}}, "pagure.issue.new"),
    "Phabricator": ({"object": {"type": "TASK", "phid": "PHID-TASK-abcd"}, "action": {"test": False}}, "TASK"),
    "Phabricator: a test": ({"object": {"type": "CMIT", "phid": "PHID-CMIT-a"}, "action": {"test": True}}, "a test"),
    "Contentful: a draft": ({"sys": {**ENTRY, "version": 8}, "fields": {}}, "Contentful's Entry"),
    "Contentful: a version of the timeline": ({"sys": {**ENTRY, "type": "EntryVersion"}}, "Contentful's EntryVersion"),
    "Contentful: several at once": (
        {"sys": {**ENTRY, "type": "BulkContentOperation"}},
        "Contentful's BulkContentOperation",
    ),
    "Contentful: a model": ({"sys": {**ENTRY, "type": "ContentType", "revision": 3}}, "Contentful's ContentType"),
    "Sanity: a draft": ({"_id": "drafts.post-1", "_type": "post"}, "Sanity's draft"),
    "Sanity: a version of a release": ({"_id": "versions.r1.post-1", "_type": "post"}, "Sanity's versions.r1"),
    "Sanity: a release": ({"_id": "_.releases.r1", "_type": "system.release"}, "Sanity's _.releases.r1"),
    "Strapi: a draft": (body(p.strapi_entry("update", None)), "entry.update of a draft"),
    "Strapi: a stage": (body(p.strapi("review-workflows.updateEntryStage")), "review-workflows"),
    "Strapi: a release that failed": (
        {"event": "releases.publish", "createdAt": "2026-11-25T03:00:00Z", "isPublished": False, "error": "x"},
        "releases.publish of a draft",
    ),
    # Verdin sends Strapi's events, and has its own name for this one.
    "Strapi: a draft that is discarded, at Verdin": (
        {"event": "entry.discard-draft", "model": "article", "entry": {"documentId": "k2m7", "publishedAt": None}},
        "entry.discard-draft",
    ),
    **{
        f"Snipcart: {kind}": ({"eventName": kind, "mode": "Test", "createdOn": "2026-11-25", "content": {}}, kind)
        for kind in ("v3/subscription.state.cancelled", "customauth:customer_updated")
    },
    "lakeFS: before a commit": (
        {"event_type": "prepare-commit", "hook_id": "h", "repository_id": "site"},
        "prepare-commit",
    ),
    "Slack: a check of the certificate": ({"ssl_check": "1", "token": "x"}, "a check of the certificate"),
    # https://github.com/prismicio/prismic-gatsby, its fixtures
    "Prismic: a release, at its other address": (
        {"type": "api-update", "releases": {"update": [{}]}, "domain": "octo", "apiUrl": "http://octo.wroom.io/api"},
        "without a new master ref",
    ),
    "Prismic: a test, at its other address": (
        {"type": "test-trigger", "domain": "octo", "apiUrl": "http://octo.wroom.test/api"},
        "a test of Prismic",
    ),
    "Strapi: a test": (body(p.strapi("trigger-test")), "a test of Strapi"),
    "Netlify: a deploy": (DEPLOY, "deploy in the state ready"),
    "GitHub: a dispatch of Holdoff's": (DISPATCH, "Holdoff itself dispatched"),
    "Azure DevOps: as receivers of pull requests are tested": (
        {"eventType": "git.pullrequest.merged", "resource": {"pullRequestId": 42}},
        "git.pullrequest.merged",
    ),
    **{
        f"Webflow: {kind}, in its first form": ({"triggerType": kind, "payload": draft}, "Webflow's draft")
        for kind, draft in (
            ("collection_item_created", {"_id": "1", "_draft": True}),
            ("collection_item_changed", {"_id": "1", "_draft": True, "published-on": None}),
        )
    },
    "Webflow: a member, in its first form": (
        {"triggerType": "memberships_user_account_added", "payload": {"_id": "1"}},
        "memberships_user_account_added",
    ),
    "JFrog: what Xray found": (
        {"top_severity": "Major", "watch_name": "all", "issues": [{"severity": "Major", "type": "security"}]},
        "JFrog's Major",
    ),
    # https://docs.drone.io/webhooks/overview/
    "Drone: a build": (
        {"event": "build", "action": "created", "repo": {"uid": "1", "slug": "octo/site"}, "build": {"number": 1}},
        "Drone's build",
    ),
    "GitLab: a merge request": (
        {"object_kind": "merge_request", "object_attributes": {"action": "open"}},
        "GitLab's merge_request open",
    ),
    # As receivers of all that is reported are tested: https://github.com/zulip/zulip, zerver/webhooks/*/fixtures
    "Jira: a filter": ({"timestamp": 1, "webhookEvent": "filter_updated", "filter": {}}, "filter_updated"),
    "Vercel: an attack": (
        {"id": "1", "type": "attack.detected", "createdAt": 1, "region": "iad1", "payload": {}},
        "attack.detected",
    ),
    "Vercel: a deployment, in its first form": (
        {"id": "1", "type": "deployment-ready", "createdAt": 1, "payload": {"deploymentId": "dpl_F"}},
        "deployment-ready",
    ),
    "Jira: an attachment": (
        {"timestamp": 1, "webhookEvent": "attachment_created", "attachment": {}},
        "attachment_created",
    ),
    "Jira: a project": ({"timestamp": 1, "webhookEvent": "project_created", "project": {}}, "project_created"),
    "Raygun: a comment": (
        {
            "event": "error_activity",
            "eventType": "CommentAdded",
            "error": {"url": "x"},
            "application": {"name": "site"},
        },
        "CommentAdded",
    ),
    "Rollbar: a test": ({"event_name": "test", "data": {"message": "This is a test payload from Rollbar."}}, "a test"),
    "Rollbar: a deploy": (
        {"event_name": "deploy", "data": {"deploy": {"environment": "production", "revision": AFTER, "project_id": 7}}},
        "Rollbar's deploy",
    ),
    "Sentry: an issue": (
        {"action": "resolved", "installation": {"uuid": "6502"}, "data": {"issue": {}}, "actor": {"id": "sentry"}},
        "Sentry's resolved",
    ),
    "Slack: too many events": (
        {"type": "app_rate_limited", "team_id": "T1", "api_app_id": "A1", "minute_rate_limited": 1518467820},
        "app_rate_limited",
    ),
    "SonarQube: without a quality gate": (
        {
            "serverUrl": "https://x",
            "analysedAt": "2026-11-25T03:00:00Z",
            "status": "SUCCESS",
            "project": {"key": "site"},
        },
        "SonarQube's SUCCESS",
    ),
    "WordPress: a login": ({"hook": "wp_login", "user_login": "ann"}, "WordPress's wp_login"),
    # https://docs.stripe.com/event-destinations#events-overview
    "Stripe: an event of its second API": (
        {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found", "livemode": False},
        "Stripe's v1.billing.meter",
    ),
}


@pytest.mark.parametrize("bring", [by_queue, by_webhook])
@pytest.mark.parametrize("name", NOT_CHANGES)
def test_what_is_no_change_builds_nothing_without_its_headers(name: str, bring: Any) -> None:
    event, says = NOT_CHANGES[name]
    for routes in (ONE, with_rule(), with_rule(change__sender="*", change__type="*")):
        outcome = only(bring(event), routes)
        assert isinstance(outcome, Ignored)
        assert says in outcome.why


def test_no_rule_makes_a_change_of_a_ping_without_its_headers() -> None:
    for name in ("GitHub: a ping of an app", "GitHub: a dispatch of Holdoff's", "Strapi: a test"):
        assert isinstance(only(by_queue(NOT_CHANGES[name][0]), with_rule(change__type="?*")), Ignored)


@pytest.mark.parametrize("scheme", ["azure", "storyblok", "vercel"])
def test_what_a_known_sender_signed_and_no_table_knows_is_ignored_unless_a_rule_names_it(scheme: str) -> None:
    unknown = by_webhook({"new": "event"}, scheme)
    for routes in (ONE, with_rule(), with_rule(http__webhook=scheme)):
        outcome = only(unknown, routes)
        assert isinstance(outcome, Ignored)
        assert "of a kind that is not known" in outcome.why
    assert isinstance(only(unknown, with_rule(change__type="another event")), Request)
    assert isinstance(only(by_webhook({"new": "event"})), Request)  # of a sender that is not known it is a change


# --- what is a change -------------------------------------------------------------------------------


def test_a_push_of_the_old_plug_in_of_bitbuckets_is_one_without_its_project() -> None:
    change = {"refId": "refs/heads/main", "fromHash": BEFORE, "toHash": AFTER, "type": "UPDATE"}
    request = only(by_queue({"repository": {"slug": "site"}, "refChanges": [change]}))
    assert isinstance(request, Request)
    assert (request.source_version, request.parent) == (AFTER, BEFORE)
    side = only(by_queue({"repository": {"slug": "site"}, "refChanges": [{**change, "refId": "refs/heads/side"}]}))
    assert isinstance(side, Ignored)


def test_a_push_of_gitlabs_in_short_has_the_version_to_check_out() -> None:
    request = only(by_queue({"object_kind": "push", "ref": "refs/heads/main", "checkout_sha": AFTER}))
    assert isinstance(request, Request)
    assert request.source_version == AFTER


def test_a_push_of_gitees_that_lacks_its_version_is_not_lost() -> None:
    event = {"hook_name": "push_hooks", "ref": "refs/heads/main", "repository": {"path_with_namespace": "octo/site"}}
    assert isinstance(only(by_queue(event)), Request)


@pytest.mark.parametrize("homepage", ["www.example.com", "", None])
def test_the_line_of_an_old_push_is_its_repository_s_and_not_its_home_page_s(homepage: str | None) -> None:
    """Two repositories may have one home page. At first GitHub's had no full name."""
    old = {"name": "site", "url": "https://github.com/octo/site", "homepage": homepage, "master_branch": "main"}
    request = only(http_message(p.github_push(repository=old), WEBHOOK))
    assert isinstance(request, Request)
    assert request.line == "https://github.com/octo/site refs/heads/main"


@pytest.mark.parametrize(("field", "is_system_hook"), [("object_kind", False), ("event_name", True)])
def test_a_push_of_gitlabs_is_known_by_either_of_its_names(field: str, is_system_hook: bool) -> None:
    event = body(p.gitlab_system_hook("push", project_id=1))
    event = event if is_system_hook else {**event, "object_kind": "push", "event_name": None}
    request = only(by_queue(event))
    assert isinstance(request, Request)
    assert (request.source_version, request.parent, request.line) == (AFTER, BEFORE, "octo/site refs/heads/main")
    side = only(by_queue({**event, "ref": "refs/heads/side"}))
    assert isinstance(side, Ignored)
    assert "side is not the default branch main" in side.why
    tag = {**event, field: "tag_push", "ref": "refs/tags/v1", "after": OTHER}  # an annotated one is an object itself
    (tagged,) = with_rule(ref="refs/tags/*").intents(by_queue(tag))
    assert isinstance(tagged, Request)
    assert tagged.source_version == AFTER


def test_of_a_push_that_lists_not_all_commits_no_file_is_taken_for_all_that_changed() -> None:
    """Gitea lists five. Without its headers it looks like GitHub's, which lists all."""
    site = Routes(parse(f'{PROJECT}[[rules]]\nwhen = {{}}\npaths = ["site/**"]\nproject = "site"\n'), REGION)
    (message,) = opened(bare(p.forge_push(total_commits=9)))
    assert isinstance(only(message, site), Request)
    (message,) = opened(bare(p.forge_push("Gogs", total_commits=None)))
    assert isinstance(only(message, site), Request)
    (message,) = opened(bare(p.forge_push()))
    assert isinstance(only(message, site), Ignored)
    commit = {"id": AFTER, "added": ["docs/a"], "modified": [], "removed": []}
    (message,) = opened(bare(p.github_push(commits=[commit])))
    assert isinstance(only(message, site), Ignored)


def test_a_push_of_github_s_first_form_is_one() -> None:
    """Of 2012: its repository has neither a full name nor a default branch."""
    event = {"before": BEFORE, "after": AFTER, "ref": "refs/heads/master", "repository": {"name": "site"}}
    request = only(by_queue(event))
    assert isinstance(request, Request)
    assert (request.source_version, request.parent) == (AFTER, BEFORE)
    assert isinstance(only(by_queue({**event, "ref": "refs/heads/side"})), Ignored)


def test_a_tag_and_a_side_branch_that_a_step_of_a_workflow_tells_build_nothing() -> None:
    tags = Routes(parse(f'{PROJECT}[[rules]]\nwhen = {{}}\ntags = ["v*"]\nproject = "site"\n'), REGION)
    for ref, why in (("refs/tags/v1", "v1 is no branch"), ("refs/heads/side", "side is not main")):
        message = http_message(p.github_step(ref), WEBHOOK)
        assert isinstance(ignored := only(message), Ignored)
        assert ignored.why.startswith(why)
    assert isinstance(built := only(http_message(p.github_step("refs/tags/v1"), WEBHOOK), tags), Request)
    assert built.source_version == AFTER


@pytest.mark.parametrize("headers", [{}, {"X-GitHub-Event": "push"}], ids=["bare", "with headers"])
def test_a_push_in_short_is_one_of_its_branch(headers: dict[str, str]) -> None:
    """As the tests of https://github.com/adnanh/webhook have it."""

    def pushed(ref: str) -> Intent | EventError:
        event = {"ref": ref, "head_commit": {"id": AFTER, "message": "Fix"}}
        return only(http_message(p.posted(event, headers), Origin(outside=True, scheme="secret")))

    assert isinstance(built := pushed("refs/heads/main"), Request)
    assert (built.source_version, built.reason) == (AFTER, "push to main")
    for ref in ("refs/heads/side", "refs/tags/v1"):
        assert isinstance(pushed(ref), Ignored)


def test_an_image_beside_the_repositories_is_no_change_without_its_headers() -> None:
    for event in (body(p.github_image()), body(p.forge_image("Gitea"))):
        assert isinstance(only(by_queue(event)), Ignored)


def test_a_push_that_data_centers_plug_in_tells() -> None:
    def change(ref: str) -> Json:
        return {"refId": ref, "fromHash": BEFORE, "toHash": AFTER, "type": "UPDATE"}

    repository = {"slug": "site", "project": {"key": "OCTO"}}
    event = {"repository": repository, "refChanges": [change("refs/heads/side"), change("refs/heads/main")]}
    side, main = ONE.intents(by_webhook(event))
    assert isinstance(side, Ignored)
    assert main == wants(
        project="site",
        source_version=AFTER,
        parent=BEFORE,
        line="OCTO/site refs/heads/main",
        reason="push to OCTO/site main",
    )


@pytest.mark.parametrize(
    "push",
    [
        p.github_push(deleted=True, after=None, head_commit=None, commits=[]),
        p.data_center_push(p.data_center_change(what="DELETE") | {"toHash": AFTER}),
        p.posted(
            {
                "repository": {"slug": "site", "project": {"key": "OCTO"}},
                "refChanges": [{"refId": "refs/heads/main", "toHash": AFTER, "type": "DELETE"}],
            },
            {},
        ),
    ],
    ids=["GitHub", "Data Center", "its old plug-in"],
)
def test_what_its_sender_calls_deleted_is_whatever_version_is_beside_it(push: HttpRequest) -> None:
    outcome = only(http_message(push, WEBHOOK))
    assert isinstance(outcome, Ignored)
    assert outcome.why == "main was deleted"


def test_a_push_that_deleted_a_file_first_is_one() -> None:
    """Data Center says of a ref in words like these that it was deleted. Other hosts may list files."""
    pushed = {"ref": "refs/heads/main", "after": AFTER, "changes": [{"type": "DELETE", "path": "docs/a"}]}
    assert isinstance(only(http_message(p.posted(pushed, {}), WEBHOOK)), Request)


def test_a_push_to_data_center_that_names_its_branch_in_short() -> None:
    """As receivers are tested."""
    change = {"ref": {"displayId": "main"}, "toHash": AFTER}
    repository = {"slug": "site", "project": {"key": "OCTO"}}
    event = {"eventKey": "repo:refs_changed", "changes": [change], "repository": repository}
    assert only(by_webhook(event)) == wants(
        project="site", source_version=AFTER, line="OCTO/site refs/heads/main", reason="push to OCTO/site main"
    )


def test_a_push_of_nothing_that_a_plug_in_of_data_center_s_tells_is_none() -> None:
    """The tests of https://github.com/jenkinsci/bitbucket-branch-source-plugin: the name is Data Center's, and the form
    is that of Bitbucket Cloud."""
    event = {"push": {"changes": []}, "repository": {"slug": "site", "fullName": "octo/site", "scmId": "git"}}
    told = http_message(p.bitbucket("repo:refs_changed", event), WEBHOOK)
    assert only(told) == Ignored("nothing was pushed: push.changes is empty")


def test_a_push_of_azures_as_its_documents_show_it() -> None:
    event = {name: value for name, value in body(p.azure_push()).items() if name != "subscriptionId"}
    request = only(by_webhook(event, "azure"))
    assert isinstance(request, Request)
    assert (request.source_version, request.at_ms) == (AFTER, NOON_MS + 331)


def test_a_push_to_quay_whose_tags_are_an_object() -> None:
    pushed = {"updated_tags": {"latest": "b750fe79"}, "pushed_image_count": 2}
    (request,) = ONE.intents(http_message(p.quay(**pushed), WEBHOOK))
    assert request == wants(project="site", reason="image octo/site pushed")


def test_a_push_to_quay_of_which_a_template_leaves_out_the_repository_is_one() -> None:
    event = {name: value for name, value in body(p.quay(updated_tags=["latest"])).items() if name != "repository"}
    assert isinstance(only(by_queue(event)), Request)


def test_a_chart_that_harbors_first_form_tells_is_a_change() -> None:
    """Before its version 2: https://github.com/goharbor/harbor, ``EventTypeUploadChart``."""
    repository = {"repo_full_name": "octo/site"}
    told = {"resources": [{"tag": "0.1.0"}], "repository": repository}
    for event in ("pushImage", "uploadChart"):
        assert only(by_webhook({"type": event, "event_data": told})) == wants(
            project="site", reason=f"{event} in Harbor"
        )


def test_a_push_to_docker_hub_without_a_tag_has_an_id_of_its_own() -> None:
    event = body(p.docker_hub())
    del event["push_data"]["tag"]
    request = only(by_webhook(event))
    assert isinstance(request, Request)
    assert (request.event_id, request.reason) == ("docker:octo/site@1795395667", "image octo/site pushed")


@pytest.mark.parametrize(
    "event",
    [
        body(p.strapi_entry("update")),
        {"sys": {**ENTRY, "revision": 8}, "fields": {}},
        {"sys": {**ENTRY, "type": "DeletedEntry", "deletedAt": "2026-11-25T03:00:00Z"}},
        {"_id": "post-1", "_type": "post"},
    ],
    ids=["Strapi", "Contentful", "Contentful, unpublished", "Sanity"],
)
def test_what_is_public_is_a_change_without_its_headers(event: Json) -> None:
    assert isinstance(only(by_queue(event)), Request)


@pytest.mark.parametrize(
    "event",
    [
        {"event_name": "post_published", "user_id": 7},
        {"event": "entry.saved", "entry": {"id": 7}},
        {"eventType": "article.published", "publisherId": "acme"},
        {"sys": {"id": "e1", "version": 8}},
        {"_id": "drafts.7", "title": "x"},
        {"action": "published", "id": 7},
    ],
    ids=str,
)
def test_what_only_looks_like_a_known_senders_is_a_change(event: Json) -> None:
    for message in (by_queue(event), by_webhook(event)):
        assert isinstance(only(message), Request)


# --- as other front ends and carriers hand them on -----------------------------------------------------


def test_a_body_that_pipes_have_opened_is_opened() -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html"""
    record = s.in_sqs(s.ecr())["Records"][0]
    (message,) = opened([{**record, "body": json.loads(record["body"])}])
    (as_text,) = opened([record])
    assert only(message) == only(as_text)
    assert isinstance(only(message), Request)


def test_what_sns_posts_without_an_envelope_has_its_id() -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html"""
    headers = {"x-amz-sns-message-id": "n-1", "x-amz-sns-rawdelivery": "true", "content-type": "text/plain"}
    by_sns = p.posted("edited", headers)
    assert only(http_message(by_sns, WEBHOOK)) == wants(project="site", reason="webhook", event_id="n-1")
    written = http_message(p.posted(s.s3_notification("ObjectCreated:Put"), headers), WEBHOOK)
    (by_topic,) = opened(s.in_sns(s.s3_notification("ObjectCreated:Put")))
    assert only(written) == only(by_topic)
    tagged = only(http_message(p.posted(s.s3_notification("ObjectTagging:Put"), headers), WEBHOOK))
    assert tagged == Ignored("nothing is built for S3's ObjectTagging:Put unless a rule takes it")


def test_a_record_that_a_webhook_has_beside_one_of_s3_brings_no_power_of_its_own() -> None:
    letter = {"holdoff": "webhook", "origin": {"scheme": "github", "projects": None}, "request": {}}
    records = [*s.s3_notification("ObjectCreated:Put")["Records"], letter]
    message = http_message(p.posted({"Records": records}, {}), WEBHOOK)
    assert message.origin == WEBHOOK
    assert only(message) == wants(project="site", reason="webhook")


def test_several_records_in_one_webhook_are_one_build() -> None:
    records = 2 * s.s3_notification("ObjectCreated:Put")["Records"]
    assert only(by_webhook({"Records": records})) == wants(project="site", reason="webhook")


def test_the_id_of_a_delivery_of_woocommerce_is_none() -> None:
    """It is made of the webhook's id and the second: two changes within a second share it."""
    outcome = only(http_message(p.posted({"x": 1}, {"x-wc-webhook-delivery-id": "d-1"}), WEBHOOK))
    assert isinstance(outcome, Request)
    assert outcome.event_id is None


def test_what_a_cloud_event_carries_has_its_id_whether_its_headers_say_it_or_its_json() -> None:
    """As Knative's sources for GitHub and GitLab send it: https://knative.dev/docs/eventing/sources/"""
    event = {"specversion": "1.0", "source": "/octo/site", "type": "dev.knative.source.github.push", "id": "e-7"}
    headers = {f"ce-{name}": text for name, text in event.items()}
    for posted in (p.posted(body(p.github_push()), headers), p.posted({**event, "data": body(p.github_push())}, {})):
        outcome = only(http_message(posted, WEBHOOK))
        assert isinstance(outcome, Request)
        assert (outcome.event_id, outcome.source_version) == ("/octo/site#e-7", AFTER)


@pytest.mark.parametrize("is_json", [True, False])
@pytest.mark.parametrize("missing", ["id", "source"])
def test_a_cloud_event_without_an_id_or_a_source_has_no_id(missing: str, is_json: bool) -> None:
    """An id is one of its source: two sources may count from 1."""
    event = {"specversion": "1.0", "id": "1", "source": "/octo", "type": "com.example.priced"}
    del event[missing]
    posted = p.posted(event, {}) if is_json else p.posted({}, {f"ce-{name}": text for name, text in event.items()})
    outcome = only(http_message(posted, WEBHOOK))
    assert isinstance(outcome, Request)
    assert outcome.event_id is None


def test_a_cloud_event_that_is_a_trigger_too_is_the_trigger() -> None:
    about = {"specversion": "1.0", "id": "7", "source": "/octo", "type": "com.example.priced"}
    asked = {"project": "site", "source_version": "4f2a91c", "event_id": "e-1"}
    in_headers = p.posted(asked, {f"ce-{name}": text for name, text in about.items()})
    for message in (by_queue(about | asked), by_webhook(about | asked), http_message(in_headers, WEBHOOK)):
        outcome = only(message)
        assert isinstance(outcome, Request)
        assert (outcome.source_version, outcome.event_id) == ("4f2a91c", "e-1")


@pytest.mark.parametrize(
    ("name", "is_warmer"),
    [
        *((name, False) for name in ("docs-swarm-update", "nightly-swarmer", "DockerSwarmUpdate", "warmers-club")),
        *((name, False) for name in ("keep-the-swarm", "housekeep-a-warm-archive", "keep-warmth")),
        *((name, True) for name in ("warmup", "site-warm-up", "api_warmer_5m", "site-WarmUpPluginDefault1")),
        *((name, True) for name in ("zappa-keep-warm-handler.keep_warm_callback", "ApiWarmer", "site-keepWarm")),
        *((name, True) for name in ("keep-lambda-warm", "site-keep_api_warm-5m")),
    ],
)
def test_a_schedule_is_a_warmers_by_whole_words(name: str, is_warmer: bool) -> None:
    arn = f"arn:aws:events:eu-west-1:123456789012:rule/{name}"
    (message,) = opened({**s.eventbridge("aws.events", "Scheduled Event", {}), "resources": [arn]})
    assert isinstance(only(message), Ignored if is_warmer else Request)


@pytest.mark.parametrize(
    "header",
    [
        "x-shopify-webhook-id",
        "shopify-webhook-id",
        "x-mlflow-delivery-id",
        "x-launchpad-delivery",
        "x-verdin-delivery",
        "x-coding-delivery",
        "x-gitcode-delivery",
        "x-gitverse-delivery",
        "x-tangled-delivery",
        "x-securesourcemanager-delivery",
    ],
)
def test_what_its_sender_calls_the_same_is_the_same(header: str) -> None:
    outcome = only(http_message(p.posted({"x": 1}, {header: "d-1"}), WEBHOOK))
    assert isinstance(outcome, Request)
    assert outcome.event_id == "d-1"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("rules", ["", '[[rules]]\nwhen = { "http.method" = "*" }\nproject = "site"\n'])
def test_a_request_that_only_looks_builds_nothing(method: str, rules: str) -> None:
    """A browser, the preview of a link, a handshake: the secret may be in the URL."""
    message = http_message(p.posted({}, {}).but(method=method, body=b""), Origin(outside=True, scheme="url"))
    outcome = only(message, Routes(parse(PROJECT + rules), REGION))
    assert isinstance(outcome, EventError if method == "GET" else Ignored)
    assert method in str(outcome)
    sweep, routes = p.posted({"holdoff": "sweep"}, {}), Routes(parse(PROJECT + 'allow = ["wake"]\n' + rules), REGION)
    assert str(only(http_message(sweep.but(method=method), WEBHOOK), routes)) == str(outcome)
    assert only(http_message(sweep, WEBHOOK), routes) == WakeAsked()


@pytest.mark.parametrize("tag", [f"sha256-{'a' * 64}", f"sha256-{'a' * 64}.sig"])
def test_what_is_pushed_about_an_image_is_none(tag: str) -> None:
    """https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema"""
    (message,) = opened(s.ecr(**{"image-tag": tag}))
    assert isinstance(only(message), Ignored)
    (message,) = opened(s.ecr(**{"image-tag": "sha256-of-nothing"}))
    assert isinstance(only(message), Request)


def test_no_rule_makes_a_change_of_a_ping_of_a_sender_whose_events_it_names() -> None:
    ping = http_message(p.posted({"type": "ping"}, {"circleci-event-type": "ping"}), WEBHOOK)
    routes = with_rule(**{"http.headers.circleci-event-type": "p*"})
    assert isinstance(only(ping, routes), Ignored)


def test_a_record_that_pipes_post_is_opened_and_has_the_power_of_its_secret_and_no_more() -> None:
    """By an API destination each record is a request of its own."""
    (by_queue,) = opened(s.in_sqs(s.ecr()))
    (record,) = s.in_sqs(s.ecr())["Records"]
    posted = http_message(p.posted(record, {}), WEBHOOK)
    assert posted.origin == WEBHOOK
    assert only(posted) == only(by_queue)
    letter = {"holdoff": "webhook", "origin": {"scheme": "github", "projects": None}, "request": {"method": "POST"}}
    for forged in (s.in_sqs(letter)["Records"][0], s.in_sqs(letter), s.in_sqs(s.in_sns(letter))):
        outcome = only(http_message(p.posted(forged, {}), WEBHOOK))
        assert isinstance(outcome, EventError)
        assert "write 'wake' or 'sweep'" in str(outcome)


def test_what_only_has_a_word_of_an_envelope_is_a_change() -> None:
    events: list[Json] = [{"eventSource": "shop"}, {"Records": [{"x": 1}]}, {"headers": {}, "body": "x"}]
    for event in events:
        assert isinstance(only(by_webhook(event)), Request), event


@pytest.mark.parametrize("source", ["acme.webhooks", "aws.partner/acme.example/hooks"])
def test_a_senders_event_in_one_of_your_own_is_the_senders(source: str) -> None:
    """As API Gateway or a function puts a body on a bus: what EventBridge says of it is beside it."""

    def on_bus(event: Json, routes: Routes = ONE) -> Intent | EventError:
        (message,) = opened(s.eventbridge(source, "hook", event))
        return only(message, routes)

    push = on_bus(body(p.github_push()))
    assert isinstance(push, Request)
    assert (push.source_version, push.parent, push.line) == (AFTER, BEFORE, "octo/site refs/heads/main")
    assert push.event_id == "17793124-05d4-b198-2fde-7ededc63b103"
    assert on_bus(body(p.github_push("refs/heads/side"))) == Ignored(
        "side is not the default branch main, and no rule takes it"
    )
    for none in (p.github("star", {"action": "created"}), p.gitlab("Issue Hook", {"object_kind": "issue"})):
        assert isinstance(on_bus(body(none)), Ignored)
    assert isinstance(on_bus(body(p.strapi_entry("update", None))), Ignored)
    own = on_bus({"x": 1, "source": "aws.ec2", "id": "7"})
    assert isinstance(own, Request)
    assert own.event_id == "17793124-05d4-b198-2fde-7ededc63b103"
    side = body(p.github_push("refs/heads/side"))
    for rule, is_taken in (
        ('when = { source = "a*" }', False),
        ('when = { source = "a*", "detail.ref" = "refs/heads/*" }', True),
        ('when = { source = "a*", ref = "refs/heads/*" }', False),  # an event of EventBridge has no ref
        ('when = { source = "a*" }\nbranches = ["side"]', True),
    ):
        routes = Routes(parse(f'{PROJECT}[[rules]]\n{rule}\nproject = "site"\n'), REGION)
        assert isinstance(on_bus(side, routes), Request if is_taken else Ignored), rule


@pytest.mark.parametrize(("topic", "is_built"), [("products/update", True), ("orders/create", False)])
def test_shopify_says_the_type_beside_the_payload_on_a_bus_and_in_pubsub(topic: str, is_built: bool) -> None:
    """https://shopify.dev/docs/apps/build/webhooks/delivery-structure"""
    told = {"metadata": {"X-Shopify-Topic": topic}, "payload": {"id": 7}}
    (on_bus,) = opened(s.eventbridge("aws.partner/shopify.com/1/site", "shopifyWebhook", told))
    message = {"attributes": {"X-Shopify-Topic": topic}, "data": "e30=", "messageId": "m-7"}
    in_pubsub = by_webhook({"message": message, "subscription": "projects/octo/subscriptions/site"})
    for came, event_id in ((on_bus, "17793124-05d4-b198-2fde-7ededc63b103"), (in_pubsub, "m-7")):
        outcome = only(came)
        if is_built:
            assert outcome == wants(project="site", reason=f"{topic} in Shopify", event_id=event_id)
        else:
            assert outcome == Ignored(f"nothing is built for Shopify's {topic} unless a rule takes it")


OWN: list[tuple[Json, bool]] = [
    ({"type": "project.updated", "createdAt": 1}, True),
    ({"entity_type": "price", "event_type": "x", "environment": "prod"}, True),
    ({"entity_type": "price", "event_type": "x", "webhook_call_id": "7"}, False),
    ({"entity_type": "item_type", "event_type": "update", "environment": "main"}, False),
    ({"type": "order.placed", "eventCreatedOn": "2026"}, True),
    ({"action": "updated", "repository": {"full_name": "a/b"}}, True),
    ({"sender": {"login": "ann"}, "repository": {"full_name": "a/b"}}, False),
    ({"healthcheck": True}, True),
    ({"object_kind": "push", "project_id": 1}, True),  # without a ref it is no push
    ({"object_kind": "issue"}, True),
    ({"object_kind": "issue", "project_id": 1}, False),
    ({"repository": {"project": {"key": "A"}}, "refChanges": [{}, {}]}, True),
]


@pytest.mark.parametrize("source", ["my.app", "aws.partner/acme.example/hooks"])
@pytest.mark.parametrize(("detail", "is_built"), OWN, ids=str)
def test_an_event_of_ones_own_that_looks_like_a_senders_is_taken_by_its_type(
    source: str, detail: Json, is_built: bool
) -> None:
    (message,) = opened(s.eventbridge(source, "thing", detail))
    assert isinstance(only(message), Request if is_built else Ignored)
    for when in ({"source": source, "detail-type": "thing"}, {"detail-type": "thing"}, {"source": source}):
        assert isinstance(only(message, with_rule(**when)), Request)
    assert isinstance(only(message, with_rule(source="*")), Request if is_built else Ignored)


def test_each_change_in_a_push_by_a_bus_is_one_and_rules_see_it_in_the_detail() -> None:
    push = body(p.bitbucket_push(p.bitbucket_change(), p.bitbucket_change()))
    push["push"]["changes"][1]["new"]["name"] = "side"
    (message,) = opened(s.eventbridge("my.app", "hook", push))
    first, second = ONE.intents(message)
    assert isinstance(first, Request)
    assert isinstance(second, Ignored)
    name = "detail.push.changes.0.new.name"
    rule = f'[[rules]]\nwhen = {{ "{name}" = "side" }}\nproject = "site"\nkey = "event.{name}"\n'
    first, second = Routes(parse(f"{PROJECT}{rule}"), REGION).intents(message)
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert (first.key, second.key) == (None, "side")


def test_no_rule_takes_a_senders_test_by_a_bus() -> None:
    (message,) = opened(s.eventbridge("my.app", "thing", {"zen": "x", "hook_id": 1}))
    assert isinstance(only(message, with_rule(source="my.app")), Ignored)


def test_a_detail_of_an_aws_service_is_not_taken_for_what_it_says() -> None:
    (message,) = opened(s.eventbridge("aws.ec2", "EC2 Instance State-change Notification", body(p.github_push())))
    assert isinstance(only(message), Ignored)


def test_at_launchpad_a_rule_that_names_the_type_takes_a_push_of_main_and_another_default_branch() -> None:
    both = launchpad("refs/heads/main", AFTER)
    both["ref_changes"]["refs/heads/develop"] = {"new": {"commit_sha1": OTHER}}
    message = http_message(p.posted(both, {"x-launchpad-event-type": "git:push:0.1"}), WEBHOOK)
    rule = '[[rules]]\nwhen = { "http.headers.x-launchpad-event-type" = "git:push:*" }\nproject = "site"\n'
    project = PROJECT + 'branch = "develop"\n'
    assert isinstance(only(message, Routes(parse(project), REGION)), Ignored)
    assert isinstance(only(message, Routes(parse(project + rule), REGION)), Request)


# --- what is carried -----------------------------------------------------------------------------------


def _base64(event: Json) -> str:
    return base64.b64encode(json.dumps(event).encode()).decode()


def _of_topic(event: Json) -> Json:
    """https://docs.cloud.google.com/eventarc/docs/workflows/cloudevents#pubsub"""
    message = {"data": _base64(event), "messageId": "2070443601311540"}
    return {
        **cloud_event("google.cloud.pubsub.topic.v1.messagePublished"),
        "data": {"message": message, "subscription": "projects/octo/subscriptions/site"},
    }


#: An event in what carries it, and where it then is.
CARRIERS: dict[str, tuple[Callable[[Json], Json], str]] = {
    "base64 in a CloudEvent": (lambda event: {**cloud_event("mine"), "data_base64": _base64(event)}, "data"),
    "a CloudEvent in another": (lambda event: {**cloud_event("mine"), "data": _enveloped(event)}, "data.data"),
    "a message of a topic in a CloudEvent": (_of_topic, "data.message.data"),
    "a CloudEvent on a bus": (lambda event: s.eventbridge("my.app", "thing", _enveloped(event)), "detail.data"),
    "base64 in a CloudEvent on a bus": (
        lambda event: s.eventbridge("my.app", "thing", {**cloud_event("mine"), "data_base64": _base64(event)}),
        "detail.data",
    ),
    "a message of a topic on a bus": (
        lambda event: s.eventbridge("my.app", "x", _of_topic(event)),
        "detail.data.message.data",
    ),
}


def _enveloped(event: Json) -> Json:
    return {**cloud_event("mine"), "data": event}


@pytest.mark.parametrize("bring", [by_queue, by_webhook])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_carried_is_what_counts_however_deep_it_is(carrier: str, bring: Callable[[Json], Message]) -> None:
    carried, path = CARRIERS[carrier]
    pushed = only(bring(carried(body(p.github_push()))))
    assert isinstance(pushed, Request)
    assert pushed.source_version == AFTER
    side = bring(carried(body(p.github_push("refs/heads/side"))))
    assert only(side) == Ignored("side is not the default branch main, and no rule takes it")
    assert isinstance(only(side, with_rule(**{f"{path}.ref": "refs/heads/side"})), Request)
    assert isinstance(only(side, with_rule(**{f"{path}.ref": "refs/heads/main"})), Ignored)
    draft = bring(carried({"event": "entry.update", "model": "article", "entry": {"id": 7, "publishedAt": None}}))
    assert only(draft) == Ignored("nothing is built for Strapi's entry.update of a draft unless a rule takes it")
    assert isinstance(only(draft, with_rule(**{f"{path}.entry.publishedAt": "null"})), Request)


def test_a_rule_may_look_at_data_that_came_in_base64() -> None:
    bring: tuple[Callable[[Any], Message], ...] = (by_queue, by_webhook)
    for of_own in bring:
        event = {**cloud_event("mine"), "data_base64": _base64({"page": "7"})}
        for one in (event, [event]):
            assert isinstance(only(of_own(one), with_rule(**{"data.page": "7"})), Request)


def test_what_is_carried_may_be_of_the_type_test() -> None:
    """Only of a whole webhook it says that a button was pressed."""
    for of_own in ({**cloud_event("com.example.exam"), "data": {"type": "test"}}, cloud_event("test")):
        assert isinstance(only(by_webhook(of_own)), Request)
    assert isinstance(only(by_webhook({"type": "test"})), Ignored)


def test_what_is_carried_has_an_end() -> None:
    event: Json = body(p.github_push("refs/heads/side"))  # that it would be, without an end
    for _ in range(300):
        event = _enveloped(event)
    built = only(by_queue(event))
    assert isinstance(built, Request)
    assert built.event_id == "/octo#7"


@pytest.mark.parametrize("bring", [by_queue, by_webhook])
def test_base64_in_a_list_of_cloud_events_is_data_too(bring: Callable[[Any], Message]) -> None:
    draft = {"event": "entry.update", "model": "article", "entry": {"id": 7, "publishedAt": None}}
    message = bring([{**cloud_event("mine"), "data_base64": _base64(draft)}])
    assert only(message) == Ignored("nothing is built for Strapi's entry.update of a draft unless a rule takes it")


def test_base64_of_no_json_is_no_data() -> None:
    for data in ("AQIDBA==", "/w==", "?"):
        built = only(by_queue({**cloud_event("mine"), "data_base64": data}))
        assert isinstance(built, Request)
        assert built.event_id == "/octo#7"


# --- several at once ----------------------------------------------------------------------------------
LISTS: dict[str, Callable[[str], Json]] = {
    "Event Grid": event_grid,
    "CloudEvents": cloud_event,
}


@pytest.mark.parametrize("sender", LISTS)
def test_each_event_of_a_list_counts_for_itself(sender: str) -> None:
    """What is no change does not build because a second event came with it, and keeps back none beside it."""
    scanned, pushed = LISTS[sender]("Microsoft.Storage.BlobTierChanged"), LISTS[sender]("Microsoft.Storage.BlobCreated")
    first, second = {**pushed, "id": "1"}, {**pushed, "id": "2"}
    for events, ids in (
        ([scanned, scanned], []),
        ([scanned, first], ["1"]),
        ([first, second, scanned], ["1", "2"]),
        ([first, {"eventType": "mine", "data": {}}], ["1", None]),
    ):
        outcomes = ONE.intents(http_message(p.posted(events, {}), Origin(outside=True, scheme="secret")))
        built = [one for one in outcomes if isinstance(one, Request)]
        assert [one.event_id and one.event_id.rpartition("#")[2] for one in built] == ids
        assert all(isinstance(one, Request | Ignored) for one in outcomes)
        assert len(outcomes) == len(events)


@pytest.mark.parametrize("sender", LISTS)
def test_a_list_means_the_same_by_a_queue(sender: str) -> None:
    events = [LISTS[sender](f"Microsoft.Storage.{kind}") for kind in ("BlobTierChanged", "BlobCreated")]
    scanned, pushed = (outcome for message in opened(s.in_sqs(events)) for outcome in ONE.intents(message))
    assert scanned == Ignored(
        f"nothing is built for {sender}'s Microsoft.Storage.BlobTierChanged unless a rule takes it"
    )
    assert isinstance(pushed, Request)


def _versions(message: Message) -> list[tuple[str | None, str | None]]:
    built = [one for one in ONE.intents(message) if isinstance(one, Request)]
    return [(one.event_id, one.source_version) for one in built]


def test_of_two_pushes_in_a_list_neither_passes_for_the_other() -> None:
    events = [json.loads(p.gitlab_push(after=one, checkout_sha=one).body) for one in (AFTER, OTHER)]
    message = http_message(p.posted(events, {"webhook-id": "7"}), WEBHOOK)
    assert _versions(message) == [("7#0", AFTER), ("7#1", OTHER)]


def test_every_branch_of_a_push_in_a_list_counts() -> None:
    push = p.azure_push(("refs/heads/feature", BEFORE, AFTER), ("refs/heads/main", BEFORE, OTHER))
    ((event_id, version),) = _versions(http_message(push, WEBHOOK))
    assert version == OTHER
    assert _versions(http_message(p.posted([json.loads(push.body)], {}), WEBHOOK)) == [(event_id, version)]


@pytest.mark.parametrize("items", [["a", "b"], [{"a": 1}] * 1_001], ids=["two", "very many"])
def test_a_list_is_one_event_if_its_headers_say_what_it_is(items: list[Any]) -> None:
    about = {"ce-specversion": "1.0", "ce-type": "mine", "ce-source": "shop", "ce-id": "7"}
    assert _versions(http_message(p.posted(items, about), WEBHOOK)) == [("shop#7", None)]


def test_a_list_of_event_grid_counts_by_a_secret_of_azure_devops() -> None:
    by_azure = Origin(outside=True, scheme="azure")
    assert len(_versions(http_message(p.posted([event_grid("Microsoft.Storage.BlobCreated")], {}), by_azure))) == 1


def test_a_handshake_keeps_back_no_change_beside_it() -> None:
    asked = event_grid("Microsoft.EventGrid.SubscriptionValidationEvent", validationCode="512d38b6")
    events = [asked, event_grid("Microsoft.Storage.BlobCreated")]
    ignored, built = ONE.intents(http_message(p.posted(events, {}), WEBHOOK))
    assert ignored == Ignored("a handshake of Event Grid")
    assert isinstance(built, Request)


def test_too_many_events_in_a_list_are_refused() -> None:
    message = http_message(p.posted([event_grid("Microsoft.Storage.BlobCreated")] * 1_001, {}), WEBHOOK)
    error = only(message)
    assert isinstance(error, EventError)
    assert str(error).startswith("event has more than 1000 changes")


def test_too_many_changes_in_a_push_by_a_bus_are_refused() -> None:
    push = body(p.bitbucket_push(*[p.bitbucket_change()] * 1_001))
    (message,) = opened(s.eventbridge("my.app", "hook", push))
    error = only(message)
    assert isinstance(error, EventError)
    assert str(error).startswith("event has more than 1000 changes")
