"""What hosts of git repositories send, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.ingress import payloads as p
from tests.ingress.payloads import AFTER, BEFORE, DELIVERY, OTHER, ZERO
from tests.ingress.sent import Built, Sent, nothing, of

MAIN = "octo/site refs/heads/main"
PUSHED_MS = 1795395667000
NOON_MS = 1795575600000  # 2026-11-25T03:00:00Z


def _side(ref: str, default: str = "main") -> str:
    return f"{ref} is not the default branch {default}, and no rule takes it"


def _tag(ref: str) -> str:
    return f"{ref} is no branch, and no rule takes it"


def _git(**more: Any) -> Built:
    fields = {"line": MAIN, "version": AFTER, "parent": BEFORE, "id": DELIVERY, "reason": "push to octo/site main"}
    return Built(**fields | more)


def _github() -> Iterator[Sent]:
    sent = of("GitHub")
    push = _git(at_ms=PUSHED_MS, by="octocat")
    yield sent("push of the default branch", p.github_push(), push)
    yield sent("push, as a form", p.github_push(form=True), push)
    told = _git(parent=None, id=None)
    yield sent("push, told by a step of a workflow", p.github_step(), told)
    yield sent("push, told by a step of a workflow, as a form", p.github_step(form=True), told)
    yield sent("push of another branch", p.github_push("refs/heads/side"), _side("side"))
    yield sent("push of a merge queue", p.github_merge_queue(), _side("gh-readonly-queue/main/pr-104-837f1b3e8f5d6a0a"))
    yield sent("push of a tag", p.github_push("refs/tags/v1"), _tag("v1"))
    gone = p.github_push(deleted=True, after=ZERO, head_commit=None, commits=[])
    yield sent("push, of a deleted branch", gone, "main was deleted")
    gone = p.github_push("refs/heads/refs/tags/v1", deleted=True, after=ZERO, head_commit=None, commits=[])
    yield sent("push, of a deleted branch that is named as a tag", gone, "refs/tags/v1 was deleted")
    for event, body in (
        ("create", {"ref": "main", "ref_type": "branch", "master_branch": "main"}),
        ("delete", {"ref": "main", "ref_type": "branch"}),
        ("workflow_dispatch", {"ref": "refs/heads/main", "inputs": None, "workflow": ".github/workflows/site.yml"}),
    ):
        yield sent(event, p.github(event, body), nothing("GitHub", event))
    yield sent("release", p.github_release(), nothing("GitHub", "release published"))
    yield sent("pull_request closed, merged", p.github_pull_request(), nothing("GitHub", "pull_request closed"))
    for event, action in (
        ("repository_dispatch", "deploy"),
        ("workflow_run", "completed"),
        ("check_run", "completed"),
        ("merge_group", "checks_requested"),
        ("issue_comment", "created"),
        ("star", "created"),
        ("package", "published"),
    ):
        yield sent(f"{event} {action}", p.github(event, {"action": action}), nothing("GitHub", f"{event} {action}"))
    for name in ("package", "registry_package"):  # the build that pushed it may be this one
        yield sent(f"{name} published, an image", p.github_image(name), nothing("GitHub", f"{name} published"))
    yield sent("ping", p.github("ping", {"zen": "x", "hook_id": 1}), "a ping of GitHub: the webhook is set up")


def _gitlab() -> Iterator[Sent]:
    sent = of("GitLab")
    push = _git(by="jsmith")
    yield sent("push of the default branch", p.gitlab_push(), push)
    yield sent("push of the default branch, without commits", p.gitlab_push(commits=[], total_commits_count=0), push)
    yield sent("push of another branch", p.gitlab_push("refs/heads/side"), _side("side"))
    gone = p.gitlab_push(after=ZERO, checkout_sha=None, commits=[])
    yield sent("push, of a deleted branch", gone, "main was deleted")
    yield sent("tag_push", p.gitlab_push("refs/tags/v1"), _tag("v1"))
    gone = p.gitlab_push("refs/tags/v1", after=ZERO, checkout_sha=None)
    yield sent("tag_push, of a deleted tag", gone, "v1 was deleted")
    for event, action in (
        ("merge_request", "merge"),
        ("release", ""),
        ("pipeline", ""),
        ("note", ""),
        ("issue", "open"),
    ):
        body = {"object_kind": event, "object_attributes": {"action": action} if action else {}}
        yield sent(f"{event} {action}".strip(), p.gitlab(event, body), nothing("GitLab", f"{event} {action}".strip()))
    yield sent("push, of a system hook", p.gitlab_system_hook("push"), push)
    for event in ("repository_update", "project_create"):
        yield sent(f"{event}, of a system hook", p.gitlab_system_hook(event), nothing("GitLab", event))


def _bitbucket() -> Iterator[Sent]:
    sent, change = of("Bitbucket Cloud"), p.bitbucket_change
    push = _git(by="emmap1", id=f"{DELIVERY}#refs/heads/main")
    yield sent("repo:push of main or master", p.bitbucket_push(), push)
    repository = {"fullName": "octo/site", "slug": "site"}  # as the tests of Jenkins and Weblate have it
    plugin = p.bitbucket("repo:push", {"repository": repository, "push": {"changes": [change()]}})
    yield sent("repo:push of a plug-in of Data Center's", plugin, push)
    short = change()
    del short["new"]["type"], short["old"]  # as the tests of Argo CD have it
    yield sent("repo:push, in short", p.bitbucket_push(short), push._replace(parent=None))
    tag = change("v1", kind="annotated_tag")  # as its documents have it
    yield sent("repo:push of an annotated tag", p.bitbucket_push(tag), _tag("v1"))
    both = p.bitbucket_push(change(), change("master", new=OTHER))
    master: Any = {"line": "octo/site refs/heads/master", "reason": "push to octo/site master"}
    yield sent(
        "repo:push of several branches",
        both,
        push,
        push._replace(version=OTHER, id=f"{DELIVERY}#refs/heads/master", **master),
    )
    yield sent(
        "repo:push of another branch",
        p.bitbucket_push(change("side")),
        "side is not main or master, and no rule takes it (Bitbucket does not say which branch is the default one: "
        "set projects.site.branch)",
    )
    yield sent("repo:push of a tag", p.bitbucket_push(change("v1", kind="tag")), _tag("v1"))
    yield sent("repo:push, of a deleted branch", p.bitbucket_push(change(new=None)), "main was deleted")
    none = p.bitbucket("repo:push", {"push": {"changes": []}})  # as the tests of Jenkins have it
    yield sent("repo:push of nothing", none, "nothing was pushed: push.changes is empty")
    yield sent("pullrequest:fulfilled", p.bitbucket_merged(), nothing("Bitbucket", "pullrequest:fulfilled"))
    built = p.bitbucket("repo:commit_status_updated", {"commit_status": {"state": "SUCCESSFUL"}})
    yield sent("repo:commit_status_updated", built, nothing("Bitbucket", "repo:commit_status_updated"))


def _data_center() -> Iterator[Sent]:
    sent, change = of("Bitbucket Data Center"), p.data_center_change
    main: Any = {"line": "OCTO/site refs/heads/main", "reason": "push to OCTO/site main"}
    push = _git(at_ms=NOON_MS, by="admin", id=f"{DELIVERY}#refs/heads/main", **main)
    yield sent("repo:refs_changed of main or master", p.data_center_push(), push)
    several = p.data_center_push(change("refs/heads/master", what="ADD"), change())
    master: Any = {"line": "OCTO/site refs/heads/master", "reason": "push to OCTO/site master"}
    first = push._replace(parent=None, id=f"{DELIVERY}#refs/heads/master", **master)
    yield sent("repo:refs_changed of several branches", several, first, push)
    yield sent("repo:refs_changed of a tag", p.data_center_push(change("refs/tags/v1", what="ADD")), _tag("v1"))
    yield sent("repo:refs_changed, of a deleted branch", p.data_center_push(change(what="DELETE")), "main was deleted")
    none = p.data_center("repo:refs_changed", {"eventKey": "repo:refs_changed", "changes": []})
    yield sent("repo:refs_changed of nothing", none, "nothing was pushed: changes is empty")
    mirrored = nothing("Bitbucket", "mirror:repo_synchronized")
    yield sent("mirror:repo_synchronized", p.data_center_push(key="mirror:repo_synchronized"), mirrored)
    merged = p.data_center("pr:merged", {"pullRequest": {"id": 9}})
    yield sent("pr:merged", merged, nothing("Bitbucket", "pr:merged"))
    ping = p.data_center("diagnostics:ping", {"test": True})
    yield sent("diagnostics:ping", ping, "a ping of Bitbucket: the webhook is set up")


def _forges() -> Iterator[Sent]:
    for name in ("Gitea", "Forgejo", "Gogs"):
        sent = of(name)
        push = _git(by="gitea")
        yield sent("push of the default branch", p.forge_push(name), push)
        yield sent("push, as a form", p.forge_push(name, form=True), push)
        yield sent("push of another branch", p.forge_push(name, "refs/heads/side"), _side("side"))
        yield sent("push of a tag", p.forge_push(name, "refs/tags/v1"), _tag("v1"))
        test = p.forge_push(name, before=AFTER)
        yield sent("a test of the webhook", test, "nothing was pushed: main is where it was")
        for event in ("create", "delete"):
            yield sent(event, p.forge(name, event, {"ref": "main", "ref_type": "branch"}), nothing(name, event))
        release = p.forge(name, "release", {"action": "published", "release": {"tag_name": "v1"}})
        yield sent("release", release, nothing(name, "release published"))
        if name == "Gogs":
            continue
        yield sent("package created, an image", p.forge_image(name), nothing(name, "package created"))


def _azure() -> Iterator[Sent]:
    sent = of("Azure DevOps")
    push = _git(at_ms=NOON_MS + 331, by="jamal@example.com", id=f"{DELIVERY}#refs/heads/main")
    yield sent("git.push of the default branch", p.azure_push(), push)
    several = p.azure_push(("refs/heads/side", ZERO, OTHER), ("refs/heads/main", BEFORE, AFTER))
    yield sent("git.push of several branches", several, push)
    yield sent("git.push of another branch", p.azure_push(("refs/heads/side", ZERO, OTHER)), _side("side"))
    yield sent("git.push of a tag", p.azure_push(("refs/tags/v1", ZERO, OTHER)), _tag("v1"))
    yield sent("git.push, of a deleted branch", p.azure_push(("refs/heads/main", BEFORE, ZERO)), "main was deleted")
    none = p.azure("git.push", {"refUpdates": []})
    yield sent("git.push of nothing", none, "nothing was pushed: resource.refUpdates is empty")
    test = p.azure_push(subscription="00000000-0000-0000-0000-000000000000")
    yield sent("a test", test, "a test of Azure DevOps: the webhook is set up")
    checked_in = Built(id=DELIVERY, by="Ann", reason="check-in of changeset 17")
    changeset = {"changesetId": 17, "checkedInBy": {"displayName": "Ann"}}
    yield sent("tfvc.checkin", p.azure("tfvc.checkin", changeset), checked_in)
    for event in ("git.pullrequest.merged", "build.complete", "message.posted"):
        yield sent(event, p.azure(event, {"id": 2}), nothing("Azure DevOps", event))


SENT = (*_github(), *_gitlab(), *_bitbucket(), *_data_center(), *_forges(), *_azure())
