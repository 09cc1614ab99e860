"""What the webhooks of GitHub and GitLab say by themselves. Pure.

A push to another branch than the default one builds nothing unless a rule says so: a gate folds what waits into one
build of the newest, so a push to a side branch would take the place of the change on the main one.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from __future__ import annotations

from typing import Any

from holdoff.ingress.aws_mappings import short_ref
from holdoff.ingress.meanings import Ignored, Said
from holdoff.ingress.paths import dig, needed, text_at


def of_github(name: str, event: Any) -> Said | Ignored:
    """A delivery of GitHub (or of Gitea and Forgejo, which send the same). ``name``: its ``X-GitHub-Event``."""
    if name == "ping":
        return Ignored("a ping of GitHub: the webhook is set up")
    if name == "push":
        return _github_push(event)
    repository = text_at(event, "repository", "full_name") or "GitHub"
    by = text_at(event, "sender", "login")
    if name == "release" and text_at(event, "action") == "published":
        tag = needed(event, "release", "tag_name")
        return Said(reason=f"release {tag} of {repository}", source_version=tag, by=by)
    if name == "workflow_dispatch":
        ref = short_ref(needed(event, "ref"))
        return Said(reason=f"{name} on {repository} {ref}", source_version=ref, by=by)
    action = text_at(event, "action")
    reason = " ".join(filter(None, (name, action, "on", repository)))
    if name == "repository_dispatch":
        return Said(reason=reason, by=by)
    return Said(reason=reason, by=by, unless_rule=_only_by_rule("GitHub", name, action))


def _github_push(event: Any) -> Said | Ignored:
    ref, after = needed(event, "ref"), needed(event, "after")
    if dig(event, "deleted") is True or _is_nothing(after):
        return Ignored(f"{short_ref(ref)} was deleted")
    tagged = text_at(event, "head_commit", "id") if ref.startswith("refs/tags/") else None
    return Said(
        reason=_push(text_at(event, "repository", "full_name"), ref),
        source_version=tagged or after,  # of an annotated tag, ``after`` is the tag's own object
        by=text_at(event, "sender", "login") or text_at(event, "pusher", "name"),
        unless_rule=_side_branch(ref, text_at(event, "repository", "default_branch")),
    )


def of_gitlab(event: Any) -> Said | Ignored:
    """A delivery of GitLab, of a project's, a group's or a system hook."""
    name = text_at(event, "object_kind") or text_at(event, "event_name") or "event"
    by = text_at(event, "user_username")
    if name not in ("push", "tag_push"):
        return Said(reason=name, by=by, unless_rule=_only_by_rule("GitLab", name, None))
    ref = needed(event, "ref")
    commit = text_at(event, "checkout_sha") or needed(event, "after")
    if _is_nothing(commit):
        return Ignored(f"{short_ref(ref)} was deleted")
    default = text_at(event, "project", "default_branch")
    return Said(
        reason=_push(text_at(event, "project", "path_with_namespace"), ref),
        source_version=commit,
        by=by,
        unless_rule=_side_branch(ref, default) if name == "push" else None,
    )


def _is_nothing(commit: str) -> bool:
    """All zeros: what a deleted branch points at."""
    return not commit.strip("0")


def _push(repository: str | None, ref: str) -> str:
    return " ".join(filter(None, ("push to", repository, short_ref(ref))))


def _side_branch(ref: str, default: str | None) -> str | None:
    if default is None or ref == f"refs/heads/{default}":
        return None
    return f"{short_ref(ref)} is not the default branch {default}, and no rule takes it"


def _only_by_rule(sender: str, name: str, action: str | None) -> str:
    what = " ".join(filter(None, (name, action)))
    return f"nothing is built for {sender}'s {what} unless a rule takes it"
