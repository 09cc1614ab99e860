"""What the webhooks of GitHub (and of Gitea and Forgejo, which send the same) and GitLab ask for by themselves. Pure.

A push to another branch than the default one builds nothing unless a rule takes it: a gate folds what waits into one
build of the newest, so a push to a side branch would take the place of the change on the main one.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from __future__ import annotations

from typing import Any, Final

from holdoff.ingress.events.intents import Draft, Ignored
from holdoff.ingress.events.paths import dig, filled, needed, short_ref, text_at

#: What else of GitHub's builds by itself: the reason, and where the version is.
_BUILDS: Final[dict[str, tuple[str, str | None]]] = {
    "release published": ("release {release.tag_name} of {repository.full_name|GitHub}", "release.tag_name"),
    "workflow_dispatch": ("workflow_dispatch on {repository.full_name|GitHub} {ref}", "ref"),
    "repository_dispatch": ("repository_dispatch {action} on {repository.full_name|GitHub}", None),
}


def of_github(name: str, event: Any) -> Draft | Ignored:
    """A delivery of GitHub. ``name``: its ``X-GitHub-Event``."""
    if name == "ping":
        return Ignored("a ping of GitHub: the webhook is set up")
    if name == "push":
        return _pushed(event, guards_tags=True)
    by, what = text_at(event, "sender.login"), filled(f"{name} {{action}}", event)
    reason, path = _BUILDS.get(what) or _BUILDS.get(name) or (None, None)
    if reason is None:
        only = f"nothing is built for GitHub's {what} unless a rule takes it"
        return Draft(reason=filled(f"{what} on {{repository.full_name|GitHub}}", event), by=by, unless_rule=only)
    version = None if path is None else short_ref(needed(event, path))
    return Draft(reason=filled(reason, event), source_version=version, by=by)


def of_gitlab(event: Any) -> Draft | Ignored:
    """A delivery of GitLab, of a project's, a group's or a system hook."""
    name = text_at(event, "object_kind", "event_name") or "event"
    if name in ("push", "tag_push"):
        return _pushed(event, guards_tags=False)  # tags are subscribed to by themselves, there
    only = f"nothing is built for GitLab's {name} unless a rule takes it"
    return Draft(reason=name, by=text_at(event, "user_username"), unless_rule=only)


def _pushed(event: Any, *, guards_tags: bool) -> Draft | Ignored:
    """A push of either: what the two call by different names is at the first path that is there.

    ``guards_tags``: whether a tag, too, builds nothing unless a rule takes it.
    """
    ref = needed(event, "ref")
    is_tag = ref.startswith("refs/tags/")
    # The ``after`` of GitHub's annotated tag is the tag's own object.
    commit = text_at(event, "checkout_sha", *(["head_commit.id"] if is_tag else [])) or needed(event, "after")
    if dig(event, "deleted") is True or not commit.strip("0"):  # all zeros: what a deleted branch points at
        return Ignored(f"{short_ref(ref)} was deleted")
    default, unless_rule = text_at(event, "repository.default_branch", "project.default_branch"), None
    if default is not None and ref != f"refs/heads/{default}" and (guards_tags or not is_tag):
        unless_rule = f"{short_ref(ref)} is not the default branch {default}, and no rule takes it"
    return Draft(
        reason=filled("push to {repository.full_name}{project.path_with_namespace} {ref}", event),
        source_version=commit,
        by=text_at(event, "sender.login", "pusher.name", "user_username"),
        unless_rule=unless_rule,
    )
