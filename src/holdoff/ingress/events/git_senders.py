"""What the webhooks of hosts of git repositories ask for by themselves. Pure.

A push of the default branch builds. A push to another one builds nothing unless a rule takes it: a gate folds what
waits into one build of the newest, so it would take the place of the change on the main one. All else that a host tells
(a merge, a release, a star, a test) is no change of its own: where it made one, a push tells that, too.

``at`` stands only where the sender says when it was *pushed*; the dates of commits say when they were written.

Their JSON may come without the headers that tell what it is, by a topic or a queue. So for each there are rows that
know it by what is in it (*bare*), where that is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdoff.ingress.events.kinds import Kind, control, refused, trial

Fields = dict[str, Any]


def _others(sender: str, path: str, about: str = "", *, when: str = "", named_by: tuple[str, ...] = ()) -> Fields:
    """What builds nothing unless a rule names its type. ``path``: where its type is, or one of several with commas
    between; ``about``: more of its type."""
    what = f"{{{path}}}{about}"
    return {
        "sender": sender,
        "when": when or path,
        "ignored": f"nothing is built for {sender}'s {what} unless a rule takes it",
        "named_by": named_by or tuple(path.split(",")),
        "reason": what,
    }


def _without(sender: str, changes: str, advice: str, when: str) -> Kind:
    """A push that does not say what it changed: no reason to lose it silently."""
    why = f"is a push that does not say what was pushed, in {changes}: {advice}"
    return refused(sender, "push", why, when)


#: Its version, and that of a tag: the ``after`` of an annotated tag is the tag's own object.
_AFTER: Final = {"name": "push", "version": "{after!}", "tagged": "{head_commit.id,after!}"}

# --- Gitea, Forgejo and Gogs -----------------------------------------------------------------------
# They send GitHub's headers, too, so that they stand before it. None says when a push was.
# https://docs.gitea.com/usage/webhooks   https://forgejo.org/docs/latest/user/webhooks/
# https://github.com/gogs/gogs/blob/main/internal/database/webhook.go
_FORGES: Final = tuple(f"http.headers.x-{name}-event" for name in ("forgejo", "gitea", "gogs", "github"))


def _like_gitea(sender: str, name: str) -> tuple[Kind, ...]:
    path = f"http.headers.x-{name}-event"
    common: Fields = {
        "sender": sender,
        "id": f"{{http.headers.x-{name}-delivery}}",
        "repository": "{repository.full_name}",
        "default": "{repository.default_branch}",
        "by": "{sender.login,sender.username,pusher.login,pusher.username}",
    }
    push: Fields = _AFTER | {
        "reason": "push to {repository.full_name} {ref}",
        "ref": "{ref!}",
        "parent": "{before}",
        "text": "{head_commit.message,commits.0.message}",
        "commits": "commits",
        "total": "total_commits",
    }
    return (
        Kind(when=f"{path}=push", **common | push),
        Kind(name="another event", **common | _others(sender, path, "{action^ }", named_by=_FORGES)),
    )


# --- GitHub: https://docs.github.com/en/webhooks/webhook-events-and-payloads -----------------------
_TYPE: Final = "http.headers.x-github-event"
_GITHUB: Final[Fields] = {
    "sender": "GitHub",
    "id": "{http.headers.x-github-delivery}",
    "repository": "{repository.full_name,repository.url,repository.name|GitHub}",
    "default": "{repository.default_branch}",
    "by": "{sender.login,pusher.name}",
}
_PUSH: Final[Fields] = {
    **_AFTER,
    "reason": "push to {repository.full_name,repository.name|GitHub} {ref}",
    "ref": "{ref!}",
    "parent": "{before}",
    "text": "{head_commit.message}",
    "at": "repository.pushed_at",
    "deleted": "deleted",
    "commits": "commits",
    "forced": "forced",
}
_RULE: Final[Fields] = _others("GitHub", _TYPE, "{action^ }") | {
    "reason": f"{{{_TYPE}}}{{action^ }} on {{repository.full_name|GitHub}}"
}
_GITHUB_KINDS: Final = (
    trial("GitHub", f"{_TYPE}=ping", "a ping"),
    Kind(when=f"{_TYPE}=push", **_GITHUB | _PUSH),
    Kind(
        name="release",
        ref="refs/tags/{release.tag_name}",
        version="{release.tag_name}",
        ref_named_by=(_TYPE, "change.type"),  # a release is of a tag
        **_GITHUB | _RULE | {"when": f"{_TYPE}=release"},
    ),
    # The starter's own, with a start's token (``starters.github``): it would set off itself, and no rule lifts that.
    control("GitHub", "a dispatch", "Holdoff itself dispatched this workflow", f"inputs.holdoff_token={'?' * 26}"),
    Kind(
        name="workflow_dispatch",
        ref="{ref}",
        version="{ref}",
        **_GITHUB | _RULE | {"when": f"{_TYPE}=workflow_dispatch"},
    ),
    Kind(name="another event", **_GITHUB | _RULE),
)

_MOVED: Final = "before & after & ref=refs/*"
_GITHUB_BARE: Final = (
    trial("GitHub", "zen & hook_id", "a ping"),
    # Its pushes are like GitHub's, with ten commits: https://help.gitee.com/webhook/gitee-webhook-push-data-format
    trial("Gitee", "http.headers.x-gitee-ping=true"),
    Kind(when=f"{_MOVED} & hook_name", **_GITHUB | _PUSH | {"sender": "Gitee", "total": "total_commits_count"}),
    Kind(name="another event", **_others("Gitee", "hook_name", when="hook_name=*_hooks & repository.full_name")),
    Kind(when=f"{_MOVED} & repository.pushed_at", **_GITHUB | _PUSH),
    # Gitea, Forgejo, Gogs and others send nearly the same; how many commits they list, each says in its own way.
    Kind(when=_MOVED, **_GITHUB | _PUSH | {"sender": "a git host", "commits": None}),
    *(
        Kind(name="another event", **_GITHUB | _others("GitHub", "action|event", when=marks, named_by=("action",)))
        for marks in (  # without headers; an advisory of security has no sender
            "sender.login & action,repository.full_name,organization.login",
            "action & repository.full_name,security_advisory.ghsa_id",
        )
    ),
)

# --- GitLab: https://docs.gitlab.com/user/project/integrations/webhook_events/ ---------------------
# https://docs.gitlab.com/administration/system_hooks/: those of system hooks have ``event_name`` only.
# No event says when its push was. Its id is in the headers that ``http.delivery_id`` reads.
_HOOK: Final = "http.headers.x-gitlab-event"
_GITLAB: Final[Fields] = {
    "sender": "GitLab",
    "repository": "{project.path_with_namespace,repository.homepage,repository.name}",
    "default": "{project.default_branch}",
    "by": "{user_username,user.username,user_name}",
}
_GITLAB_PUSH: Final[Fields] = {
    "name": "push",
    "version": "{after!}",
    "tagged": "{checkout_sha,after!}",  # null of a deleted one; of an annotated one ``after`` is the tag's own object
    "reason": "push to {project.path_with_namespace,repository.name|GitLab} {ref}",
    "ref": "{ref!}",
    "parent": "{before}",
    "text": "{commits.-1.message}",
    "commits": "commits",
    "total": "total_commits_count",
}

#: ``git push -o ci.skip``, now and at first: https://docs.gitlab.com/topics/git/commit/#push-options-for-gitlab-cicd
_TOLD_TO_SKIP: Final = " & push_options.ci.skip,push_options.integrations.skip_ci,push_options=true|ci.skip"


def _pushed_at_gitlab(where: str, mark: str, names: str = "push|tag_push") -> Iterator[Kind]:
    """A push, by the fields that may have its name. ``mark``: what only GitLab's events have."""
    for told, more in ((_TOLD_TO_SKIP, {"text": "[skip ci]"}), ("", {})):
        yield Kind(when=f"{mark} & {where}={names}{told}", **_GITLAB | _GITLAB_PUSH | more)


def _other_at_gitlab(where: str, when: str = "") -> Kind:
    fields = _others("GitLab", where, "{object_attributes.action^ }", when=when)
    return Kind(name="another event", **_GITLAB | fields)


_TOLD: Final = "object_kind,event_name"
_GITLAB_KINDS: Final = (
    # The header has the type, too, in other words; of system hooks it only says that they are such.
    *_pushed_at_gitlab(f"{_TOLD},{_HOOK}", _HOOK, "push|tag_push|Push Hook|Tag Push Hook"),
    _other_at_gitlab(_TOLD, f"{_TOLD} & {_HOOK}=System Hook"),
    _other_at_gitlab(f"{_TOLD},{_HOOK}", _HOOK),
)
#: Only GitLab calls it ``object_kind``. What has an ``event_name`` is of a project, a user, a group or a key.
_SYSTEM_EVENTS: Final = (
    "event_name=repository_update|project_*|user_*|group_*|subgroup_*|key_* & project_id,user_id,group_id,key"
)
_GITLAB_BARE: Final = (
    *_pushed_at_gitlab("object_kind", "object_kind"),
    _other_at_gitlab("object_kind"),
    *_pushed_at_gitlab("event_name", "project_id"),
    _other_at_gitlab("event_name", _SYSTEM_EVENTS),
)

# --- Bitbucket Cloud: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ -----------
# One push may have changed several branches. It says neither when it was nor which branch is the default one.
_KEY: Final = "http.headers.x-event-key"
_BY_HAND: Final = "trigger the project by hand"


def _at_bitbucket(state: str, type_: str, at: str, **more: Any) -> Kind:
    """A change of Bitbucket Cloud's. ``state``: which of its two states has the name; ``at``: what refs begin with."""
    change = "push.changes.0"
    return Kind(
        sender="Bitbucket",
        name="push",
        when=f"{change}.{state}.type={type_}",
        each="push.changes",
        id="{http.headers.x-request-uuid}",
        repository="{repository.full_name,repository.fullName}",
        ref=f"{at}{{{change}.{state}.name!}}",
        reason=f"push to {{repository.full_name,repository.fullName}} {{{change}.{state}.name}}",
        by="{actor.nickname,actor.username,actor.display_name}",
        **more,
    )


_PUSHED: Final = {
    "version": "{push.changes.0.new.target.hash!}",
    "parent": "{push.changes.0.old.target.hash}",
    "text": "{push.changes.0.new.target.message}",
}
_BITBUCKET_KINDS: Final = (
    _at_bitbucket("new", "tag", "refs/tags/", **_PUSHED),
    _at_bitbucket("new", "*", "refs/heads/", **_PUSHED),
    _at_bitbucket("old", "tag", "refs/tags/", deleted="push.changes.0.old"),
    _at_bitbucket("old", "*", "refs/heads/", deleted="push.changes.0.old"),
    _without("Bitbucket", "push.changes", _BY_HAND, f"{_KEY}=repo:push"),
)


# --- Bitbucket Data Center: https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
def _pushed_to_data_center(changes: str, reason: str = "push to") -> Fields:
    """A change of Data Center's. ``changes``: the list that it is in."""
    change = f"{changes}.0"
    ref = f"{change}.ref.id,{change}.refId"
    return {
        "sender": "Bitbucket",
        "each": changes,
        "id": "{http.headers.x-request-id}",
        "repository": "{repository.project.key}/{repository.slug}",
        "ref": f"{{{ref}!}}",
        "ref_named_by": (f"{change}.ref.displayId",),
        "reason": f"{reason} {{repository.project.key}}/{{repository.slug}} {{{ref}}}",
        "version": f"{{{change}.toHash!}}",
        "parent": f"{{{change}.fromHash}}",
        "by": "{actor.name,actor.displayName}",
        "at": "date",
        "commits": "commits",
    }


#: Where its name is, and that of what else Bitbucket sends.
_NAMED: Final = f"{_KEY},eventKey"
_PUSH_THERE, _MIRRORED = f"{_NAMED}=repo:refs_changed", f"{_NAMED}=mirror:repo_synchronized"


def _other_at_bitbucket(when: str) -> Fields:
    return _others("Bitbucket", _NAMED, when=when)


_DATA_CENTER_KINDS: Final = (
    trial("Bitbucket", f"{_NAMED}=diagnostics:ping", "a ping"),
    Kind(name="push", when=_PUSH_THERE, **_pushed_to_data_center("changes")),
    _without("Bitbucket", "changes", _BY_HAND, _PUSH_THERE),
    # A mirror that lags behind has the push now. Of very many refs none is named.
    Kind(
        name="a mirror's",
        id="{http.headers.x-request-id}",
        **_other_at_bitbucket(f"{_MIRRORED} & refLimitExceeded=true"),
    ),
    Kind(name="a mirror's", **_other_at_bitbucket(_MIRRORED) | _pushed_to_data_center("changes", "mirrored")),
    Kind(
        name="another event",
        id="{http.headers.x-request-uuid,http.headers.x-request-id}",
        repository="{repository.full_name}",
        by="{actor.nickname,actor.name,actor.display_name,actor.displayName}",
        **_other_at_bitbucket(_NAMED),
    ),
    # Of the plug-in that it had for web hooks, which names no event:
    # https://confluence.atlassian.com/bitbucketserver/post-service-webhook-for-bitbucket-server-776640367.html
    Kind(name="push", when="repository.project.key", **_pushed_to_data_center("refChanges")),
)
#: Of Bitbucket Cloud's JSON nothing tells the type.
_BITBUCKET_BARE: Final = (
    Kind(
        sender="Bitbucket",
        name="another event",
        when="actor.uuid & repository.uuid & repository.full_name",
        ignored="nothing is built for Bitbucket's other events unless a rule takes it",
        named_by=("pullrequest.state", "commit_status.state", "issue.state"),
        reason="an event on {repository.full_name}",
    ),
)

# --- Azure DevOps: https://learn.microsoft.com/en-us/azure/devops/service-hooks/events -------------
# It sends no headers of its own. One push may have changed several refs. Its documents show events without the
# subscription that real ones have.
_SERVICE_HOOKS: Final = (
    "eventType & publisherId & subscriptionId",
    "eventType & publisherId=tfs|rm|pipelines|audit|azure-devops",
)
_AZURE_KINDS: Final = (
    trial("Azure DevOps", "eventType & publisherId & subscriptionId=00000000-0000-0000-0000-000000000000"),
    Kind(
        sender="Azure DevOps",
        name="push",
        when="eventType=git.push",
        each="resource.refUpdates",
        id="{id}",
        repository="{resource.repository.project.name}/{resource.repository.name}",
        ref="{resource.refUpdates.0.name!}",
        default="{resource.repository.defaultBranch}",
        reason="push to {resource.repository.project.name}/{resource.repository.name} {resource.refUpdates.0.name}",
        version="{resource.refUpdates.0.newObjectId!}",
        parent="{resource.refUpdates.0.oldObjectId}",
        by="{resource.pushedBy.uniqueName,resource.pushedBy.displayName}",
        at="resource.date",
        commits="resource.commits",
    ),
    _without(
        "Azure DevOps",
        "resource.refUpdates",
        "set the service hook's resource details to 'All'",
        "eventType=git.push & publisherId",
    ),
    *(
        Kind(name="another event", id="{id}", **_others("Azure DevOps", "eventType", when=one))
        for one in _SERVICE_HOOKS
    ),
)


# --- Gerrit, Pagure, Harness, Hugging Face, SourceCraft --------------------------------------------
def _of_ref(sender: str, when: str, ref: str, new: str, old: str, /, **more: Any) -> Kind:
    """A push, by the paths of a ref and of its versions."""
    reason = f"push to {more.get('repository', '')} {{{ref}}}"
    versions = {"version": f"{{{new}!}}", "parent": f"{{{old}}}", "ref": f"{{{ref}!}}"}
    return Kind(sender=sender, name="push", when=when, ref_named_by=(ref,), reason=reason, **versions | more)


_IN_HUB: Final = "event.scope=repo.content* & repo.name"
_AT_GERRIT: Final = (
    "assignee-changed|change-*|comment-added|custom-keyed-values-changed|draft-published|dropped-output|hashtags-changed"
    "|merge-failed|patchset-created|private-state-changed|project-created|project-head-updated|ref-*"
    "|batch-ref-updated|reviewer-*|topic-changed|vote-deleted|wip-state-changed"
)
#: Whole, and short as they were at first; and what stands above them.
_NAMES_OF_BRANCHES: Final = (("refs/*", ""), ("*", "refs/heads/"))
_OF_A_REF: Final = (
    # https://gerrit-review.googlesource.com/Documentation/cmd-stream-events.html
    *(
        _of_ref(
            "Gerrit",
            f"type={kind} & eventCreatedOn & {update}.refName={names}",
            *(f"{update}.{name}" for name in ("refName", "newRev", "oldRev")),
            each=each,
            ref=f"{above}{{{update}.refName!}}",
            repository=f"{{{update}.project}}",
            by="{submitter.username,submitter.name}",
            at="eventCreatedOn",
        )
        for kind, update, each in (
            ("ref-updated", "refUpdate", ""),
            ("batch-ref-updated", "refUpdates.0", "refUpdates"),
        )
        for names, above in _NAMES_OF_BRANCHES
    ),
    Kind(name="another event", **_others("Gerrit", "type", when=f"type={_AT_GERRIT} & eventCreatedOn")),
    # https://docs.pagure.org/pagure/usage/using_webhooks.html
    *(
        _of_ref(
            "Pagure",
            f"topic=*git.receive & msg_id & msg.branch={names}",
            *("msg.branch", "msg.end_commit", "msg.old_commit"),
            ref=f"{above}{{msg.branch!}}",
            id="{msg_id}",
            repository="{msg.repo.fullname}",
            by="{msg.agent}",
        )
        for names, above in _NAMES_OF_BRANCHES
    ),
    Kind(name="another event", **_others("Pagure", "topic", when="topic & msg_id & i & msg.agent")),
    # https://developer.harness.io/docs/code-repository/pull-requests/webhook: ``sha`` of an annotated tag is its own
    _of_ref(
        "Harness",
        "trigger=branch_*|tag_* & repo.git_url",
        *("ref.name", "sha", "old_sha"),
        version="{commit.sha,sha!}",
        repository="{repo.path}",
        default="{repo.default_branch}",
        text="{commit.message}",
        by="{principal.display_name}",
    ),
    Kind(name="another event", **_others("Harness", "trigger", when="trigger & repo.git_url")),
    # https://huggingface.co/docs/hub/webhooks
    Kind(
        sender="Hugging Face",
        name="push",
        when=f"{_IN_HUB} & updatedRefs.0.newSha=null",
        each="updatedRefs",
        ref="{updatedRefs.0.ref!}",
        deleted="updatedRefs.0.ref",
    ),
    _of_ref(
        "Hugging Face",
        _IN_HUB,
        *(f"updatedRefs.0.{name}" for name in ("ref", "newSha", "oldSha")),
        each="updatedRefs",
        repository="{repo.name}",
        default="main",
    ),
    Kind(name="another event", **_others("Hugging Face", "event.scope", when="event.scope & repo.name")),
    Kind(name="another event", **_others("SourceCraft", "header.type", when="header.type=pull_request.* & header.id")),
)

TABLES: Final = (
    *(_like_gitea(sender, sender.lower()) for sender in ("Forgejo", "Gitea", "Gogs")),
    *(_GITHUB_KINDS, _GITLAB_KINDS, _BITBUCKET_KINDS, _DATA_CENTER_KINDS, _AZURE_KINDS, _OF_A_REF),
    *(_GITLAB_BARE, _GITHUB_BARE, _BITBUCKET_BARE),
)
