"""Webhooks as their senders' documents show them: the headers that tell what they are, and the bodies.

Signatures are left out: ``test_signatures`` has those. Each builder's docstring says where its form comes from.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from holdoff.ingress.events.http import HttpRequest

BEFORE, AFTER, OTHER, ZERO = "a" * 40, "b" * 40, "c" * 40, "0" * 40
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
Json = dict[str, Any]


def posted(body: object, headers: Json, *, form: bool = False) -> HttpRequest:
    """The request that brings it; ``form``: the JSON is a field of a form."""
    text = json.dumps(body)
    content = "application/x-www-form-urlencoded" if form else "application/json"
    named = {name.lower(): value for name, value in headers.items()}
    sent = urlencode({"payload": text}) if form else text
    return HttpRequest(
        method="POST", path="/hooks/site", headers={"content-type": content, **named}, body=sent.encode()
    )


# --- GitHub -----------------------------------------------------------------------------------------
def _repository(pushed_at: object = 1795395667) -> Json:
    return {"id": 1, "full_name": "octo/site", "default_branch": "main", "pushed_at": pushed_at}


def github(event: str, body: Json, *, form: bool = False) -> HttpRequest:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers"""
    full = {"repository": _repository(), "sender": {"login": "octocat"}, **body}
    return posted(full, {"X-GitHub-Event": event, "X-GitHub-Delivery": DELIVERY}, form=form)


def github_image(name: str = "package") -> HttpRequest:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#package"""
    version = {"version": "sha256:8a", "container_metadata": {"tag": {"name": "latest", "digest": "sha256:8a"}}}
    image = {"name": "site", "namespace": "octo", "package_type": "CONTAINER", "package_version": version}
    return github(name, {"action": "published", name: image})


def github_step(ref: str = "refs/heads/main", *, form: bool = False) -> HttpRequest:
    """https://github.com/marketplace/actions/workflow-webhook-action: as GitHub signs, with the number of the run."""
    told = {"event": "push", "repository": "octo/site", "commit": AFTER, "ref": ref, "head": "", "workflow": "Site"}
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "12"}
    if not form:
        return posted(told, headers)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return posted({}, headers | kind).but(body=urlencode(told).encode())


def github_push(ref: str = "refs/heads/main", *, form: bool = False, **more: object) -> HttpRequest:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#push"""
    commit = {"id": AFTER, "message": "Fix", "timestamp": "2001-01-01T00:00:00Z", "added": [], "modified": ["a"]}
    body: Json = {
        "ref": ref,
        "before": BEFORE,
        "after": AFTER,
        "created": False,
        "deleted": False,
        "forced": False,
        "pusher": {"name": "octocat"},
        "commits": [commit],
        "head_commit": commit,
        **more,
    }
    return github("push", body, form=form)


def github_merge_queue() -> HttpRequest:
    """The branch on which a merge queue tries a merge: pushed like any other.
    https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
    """
    return github_push("refs/heads/gh-readonly-queue/main/pr-104-837f1b3e8f5d6a0a")


def github_release(action: str = "published") -> HttpRequest:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#release"""
    return github("release", {"action": action, "release": {"tag_name": "v1.0", "target_commitish": "main"}})


def github_pull_request(action: str = "closed", *, merged: bool = True) -> HttpRequest:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request"""
    about = {
        "merged": merged,
        "merge_commit_sha": AFTER,
        "base": {"ref": "main"},
        "head": {"ref": "side", "sha": OTHER},
    }
    return github("pull_request", {"action": action, "number": 2, "pull_request": about})


# --- GitLab -----------------------------------------------------------------------------------------
_GITLAB = {"path_with_namespace": "octo/site", "default_branch": "main"}


def gitlab(event: str, body: Json) -> HttpRequest:
    """https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers"""
    headers = {"X-Gitlab-Event": event, "X-Gitlab-Event-UUID": OTHER, "Idempotency-Key": DELIVERY}
    return posted({"project": _GITLAB, "user_username": "jsmith", **body}, headers)


def gitlab_push(ref: str = "refs/heads/main", **more: object) -> HttpRequest:
    """https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events"""
    commits = [{"id": name, "message": name, "added": [], "modified": [], "removed": []} for name in (OTHER, AFTER)]
    is_tag = ref.startswith("refs/tags/")
    body: Json = {
        "object_kind": "tag_push" if is_tag else "push",
        "event_name": "tag_push" if is_tag else "push",
        "before": BEFORE,
        "after": AFTER,
        "ref": ref,
        "checkout_sha": AFTER,
        "commits": commits,
        "total_commits_count": len(commits),
        **more,
    }
    return gitlab("Tag Push Hook" if is_tag else "Push Hook", body)


def gitlab_system_hook(event: str, **more: object) -> HttpRequest:
    """https://docs.gitlab.com/administration/system_hooks/#hooks-request-example"""
    push = {"event_name": event, "before": BEFORE, "after": AFTER, "ref": "refs/heads/main", "checkout_sha": AFTER}
    return gitlab("System Hook", {**push, "commits": [], "total_commits_count": 0, **more})


# --- Bitbucket Cloud --------------------------------------------------------------------------------
def bitbucket(key: str, body: Json) -> HttpRequest:
    """https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#HTTP-headers"""
    headers = {"X-Event-Key": key, "X-Hook-UUID": OTHER, "X-Request-UUID": DELIVERY, "X-Attempt-Number": "1"}
    full = {"actor": {"nickname": "emmap1"}, "repository": {"full_name": "octo/site"}, **body}
    return posted(full, headers)


def bitbucket_change(name: str = "main", *, kind: str = "branch", new: str | None = AFTER) -> Json:
    """One of ``changes``: of a branch or a tag; ``new`` None: it was deleted."""

    def state(commit: str) -> Json:
        target = {"hash": commit, "message": "Fix\n", "date": "2001-01-01T00:00:00+00:00"}
        return {"type": kind, "name": name, "target": target}

    return {
        "old": None if kind == "tag" and new else state(BEFORE),
        "new": state(new) if new else None,
        "created": False,
        "closed": new is None,
        "forced": False,
    }


def bitbucket_push(*changes: Json) -> HttpRequest:
    """https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push"""
    return bitbucket("repo:push", {"push": {"changes": list(changes or (bitbucket_change(),))}})


def bitbucket_merged() -> HttpRequest:
    """https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Merged"""
    about = {"id": 1, "state": "MERGED", "merge_commit": {"hash": AFTER}, "destination": {"branch": {"name": "main"}}}
    return bitbucket("pullrequest:fulfilled", {"pullrequest": about})


# --- Bitbucket Data Center --------------------------------------------------------------------------
def data_center(key: str, body: Json) -> HttpRequest:
    """https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html"""
    return posted(body, {"X-Event-Key": key, "X-Request-Id": DELIVERY})


def data_center_change(ref: str = "refs/heads/main", *, what: str = "UPDATE") -> Json:
    """One of ``changes``; ``what``: ``ADD``, ``UPDATE`` or ``DELETE``."""
    kind = "TAG" if ref.startswith("refs/tags/") else "BRANCH"
    return {
        "ref": {"id": ref, "displayId": ref.partition("/")[2].partition("/")[2], "type": kind},
        "refId": ref,
        "fromHash": ZERO if what == "ADD" else BEFORE,
        "toHash": ZERO if what == "DELETE" else AFTER,
        "type": what,
    }


def data_center_push(*changes: Json, key: str = "repo:refs_changed", **more: object) -> HttpRequest:
    """https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html#Eventpayload-Push"""
    body = {
        "eventKey": key,
        "date": "2026-11-25T13:00:00+1000",
        "actor": {"name": "admin", "displayName": "Administrator"},
        "repository": {"slug": "site", "project": {"key": "OCTO"}},
        "changes": list(changes or (data_center_change(),)),
        **more,
    }
    return data_center(key, body)


# --- Gitea, Forgejo, Gogs ---------------------------------------------------------------------------
#: Each sends the headers of those it comes from, too.
_FORGES = {"Gogs": ("Gogs", "GitHub"), "Gitea": ("Gitea", "Gogs", "GitHub")}
_FORGES["Forgejo"] = ("Forgejo", *_FORGES["Gitea"])


def forge(sender: str, event: str, body: Json, *, form: bool = False) -> HttpRequest:
    """https://docs.gitea.com/usage/webhooks#event-information, https://forgejo.org/docs/latest/user/webhooks/ and
    https://github.com/gogs/gogs/blob/main/internal/database/webhook.go"""
    headers = {f"X-{name}-Event": event for name in _FORGES[sender]}
    headers |= {f"X-{name}-Delivery": DELIVERY for name in _FORGES[sender]}
    full = {"repository": {"full_name": "octo/site", "default_branch": "main"}, "sender": {"login": "gitea"}, **body}
    return posted(full, headers, form=form)


def forge_push(
    sender: str = "Gitea", ref: str = "refs/heads/main", *, form: bool = False, **more: object
) -> HttpRequest:
    """https://docs.gitea.com/usage/webhooks#event-information"""
    commit = {"id": AFTER, "message": "Fix\n", "added": ["a"], "removed": [], "modified": []}
    body: Json = {"ref": ref, "before": BEFORE, "after": AFTER, "commits": [commit], "total_commits": 1, **more}
    return forge(sender, "push", body, form=form)


def forge_image(sender: str) -> HttpRequest:
    """https://github.com/go-gitea/gitea/blob/main/modules/structs/hook.go"""
    package = {"type": "container", "name": "site", "version": "latest", "owner": {"login": "octo"}}
    return forge(sender, "package", {"action": "created", "package": package})


# --- Azure DevOps -----------------------------------------------------------------------------------
def azure(event: str, resource: Json, *, subscription: str = "aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e") -> HttpRequest:
    """https://learn.microsoft.com/en-us/azure/devops/service-hooks/events"""
    body = {
        "subscriptionId": subscription,
        "notificationId": 3,
        "id": DELIVERY,
        "eventType": event,
        "publisherId": "tfs",
        "resource": resource,
        "createdDate": "2026-11-25T03:00:09.0000000Z",
    }
    return posted(body, {})


def azure_push(*updates: tuple[str, str, str], **more: str) -> HttpRequest:
    """https://learn.microsoft.com/en-us/azure/devops/service-hooks/events#git.push"""
    listed = updates or (("refs/heads/main", BEFORE, AFTER),)
    resource = {
        "commits": [{"commitId": AFTER, "comment": "Fix"}],
        "refUpdates": [{"name": ref, "oldObjectId": old, "newObjectId": new} for ref, old, new in listed],
        "repository": {"name": "site", "project": {"name": "octo"}, "defaultBranch": "refs/heads/main"},
        "pushedBy": {"displayName": "Jamal Hartnett", "uniqueName": "jamal@example.com"},
        "pushId": 14,
        "date": "2026-11-25T03:00:00.3309587Z",
    }
    return azure("git.push", resource, **more)


# --- Content systems --------------------------------------------------------------------------------
def contentful(topic: str) -> HttpRequest:
    """https://www.contentful.com/developers/docs/webhooks/headers/"""
    headers = {
        "X-Contentful-Topic": f"ContentManagement.{topic}",
        "X-Contentful-Webhook-Name": "site",
        "X-Contentful-Idempotency-Key": DELIVERY,
    }
    place = {"space": {"sys": {"id": "s1"}}, "environment": {"sys": {"id": "master"}}}
    sys = {"id": "e1", "type": topic.partition(".")[0], "updatedAt": "2026-11-25T03:00:00Z", **place}
    return posted({"sys": sys, "fields": {}}, headers)


def sanity(operation: str, document: str = "post-1") -> HttpRequest:
    """https://www.sanity.io/docs/content-lake/webhooks"""
    headers = {
        "sanity-operation": operation,
        "sanity-document-id": document,
        "sanity-project-id": "p1",
        "sanity-dataset": "production",
        "sanity-transaction-id": OTHER,
        "sanity-transaction-time": "2026-11-25T03:00:00Z",
        "sanity-webhook-id": "w1",
        "idempotency-key": DELIVERY,
    }
    return posted({"slug": "hello"}, headers)


def strapi(event: str, **more: object) -> HttpRequest:
    """https://docs.strapi.io/cms/backend-customization/webhooks"""
    body = {"event": event, "createdAt": "2026-11-25T03:00:00.649Z", **more}
    return posted(body, {"X-Strapi-Event": event})


def strapi_entry(event: str, published: str | None = "2026-11-25T03:00:00.264Z") -> HttpRequest:
    """https://docs.strapi.io/cms/backend-customization/webhooks#entrycreate"""
    return strapi(f"entry.{event}", model="article", entry={"id": 7, "title": "x", "publishedAt": published})


def datocms(entity: str, event: str, *, status: str | None = None, **more: object) -> HttpRequest:
    """https://www.datocms.com/docs/general-concepts/webhooks and
    https://www.datocms.com/docs/content-management-api/resources/webhook-call"""
    body = {
        "webhook_call_id": "103216210",
        "event_triggered_at": "2026-11-25T03:00:00Z",
        "attempted_auto_retries_count": 0,
        "webhook_id": "28374",
        "site_id": "205",
        "environment": "main",
        "is_environment_primary": True,
        "entity_type": entity,
        "event_type": event,
        "entity": {"id": "38", "type": entity, "attributes": {}, "meta": {"status": status} if status else {}},
        "related_entities": [],
        **more,
    }
    return posted(body, {"X-Site-Id": "205", "X-Environment": "main"})


def prismic(kind: str = "api-update", **more: object) -> HttpRequest:
    """https://prismic.io/docs/webhooks"""
    body = {"type": kind, "domain": "octo", "apiUrl": "https://octo.cdn.prismic.io/api", "secret": None, **more}
    return posted(body, {})


def prismic_published() -> HttpRequest:
    """What comes when content is published."""
    return prismic(masterRef="Z0PcvBEAACsAuVRG", releases={}, masks={}, tags={}, documents=["W1"])


def storyblok(action: str | None, text: str = "A person did it", **more: object) -> HttpRequest:
    """https://www.storyblok.com/docs/concepts/webhooks"""
    named = {} if action is None else {"action": action}
    return posted({"text": text, **named, "space_id": 44203, **more}, {})


def storyblok_story(action: str = "published") -> HttpRequest:
    """A story's."""
    return storyblok(action, story_id=5826, full_slug="blog/hello")


# --- Image registries, hosts of sites, and others ----------------------------------------------------
def docker_hub(tag: str = "latest") -> HttpRequest:
    """https://docs.docker.com/docker-hub/repos/manage/webhooks/"""
    body = {
        "callback_url": "https://registry.hub.docker.com/u/octo/site/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
        "push_data": {"pushed_at": 1795395667, "pusher": "octocat", "tag": tag, "images": []},
        "repository": {"repo_name": "octo/site", "name": "site", "namespace": "octo", "status": "Active"},
    }
    return posted(body, {})


def quay(**more: object) -> HttpRequest:
    """https://docs.quay.io/guides/notifications.html"""
    body = {
        "name": "site",
        "repository": "octo/site",
        "namespace": "octo",
        "docker_url": "quay.io/octo/site",
        "homepage": "https://quay.io/repository/octo/site",
    }
    return posted(body | (more or {"updated_tags": ["latest"]}), {})


def vercel(kind: str = "deployment.succeeded") -> HttpRequest:
    """https://vercel.com/docs/webhooks/webhooks-api"""
    payload = {"user": {"id": "u1"}, "deployment": {"id": "d1", "url": "x.vercel.app"}}
    return posted({"id": "uev_1", "type": kind, "createdAt": 1795395667000, "region": "cdg1", "payload": payload}, {})


def netlify(event: str = "deploy_created") -> HttpRequest:
    """https://docs.netlify.com/deploy/deploy-notifications/#payload-signature"""
    return posted({"id": "5c", "site_id": "1c", "state": "ready", "branch": "main"}, {"X-Netlify-Event": event})


def unknown() -> HttpRequest:
    """What a plug-in of WordPress posts, or any sender that no table knows."""
    return posted({"hook": "publish_post", "post_id": 7, "post": {"post_title": "x", "post_status": "publish"}}, {})
