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


def _without(sender: str, changes: str, advice: str, when: str) -> tuple[Kind, ...]:
    """A push that lists no change; and one without a list, which is no reason to lose it silently."""
    why = f"is a push that does not say what was pushed, in {changes}: {advice}"
    nothing = control(sender, "push", f"nothing was pushed: {changes} is empty", f"{when} & {changes}=[]")
    return nothing, refused(sender, "push", why, when)


def _of_ref(sender: str, when: str, ref: str, new: str, old: str, /, **more: Any) -> Kind:
    """A push, by the paths of a ref and of its versions."""
    names = {"name": "push", "reason": f"push to {more.get('repository', '')} {{{ref}}}", "ref": f"{{{ref}!}}"}
    return Kind(**{"sender": sender, "when": when, "version": f"{{{new}!}}", "parent": f"{{{old}}}"} | names | more)


def _of_refs(
    sender: str, when: str, each: str, ref: str, new: str, old: str, id_: str = "", /, **more: Any
) -> Iterator[Kind]:
    """A push of several refs, some of which may be gone: by the paths in an item of the list ``each``."""
    name, now = f"{each}.0.{ref}", f"{each}.0.{new}"
    gone = f"{when} & {now}=null"
    yield Kind(sender=sender, name="push", when=gone, each=each, ref=f"{{{name}!}}", deleted=name)
    yield _of_ref(
        sender, when, name, f"{now}{id_}", f"{each}.0.{old}{id_}", each=each, text=f"{{{now}.message}}", **more
    )


# --- GitHub: https://docs.github.com/en/webhooks/webhook-events-and-payloads -----------------------
_TYPE: Final = "http.headers.x-github-event"
_GITHUB: Final[Fields] = {
    "sender": "GitHub",
    "id": "{http.headers.x-github-delivery}",
    "repository": "{repository.full_name,repository.url,repository.name|GitHub}",
    "default": "{repository.default_branch,repository.master_branch}",
    "by": "{sender.login,sender.username,pusher.login,pusher.username,pusher.name}",
}
_PUSH: Final[Fields] = {
    "name": "push",
    "version": "{after!}",
    "tagged": "{head_commit.id,after!}",  # of an annotated tag ``after`` is the tag's own object
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

# --- Gitea, Forgejo and Gogs -----------------------------------------------------------------------
# They send GitHub's headers, too, so that they stand before it. None says when a push was.
# https://docs.gitea.com/usage/webhooks   https://forgejo.org/docs/latest/user/webhooks/
# https://github.com/gogs/gogs/blob/main/internal/database/webhook.go
_FORGES: Final = tuple(f"http.headers.x-{name}-event" for name in ("forgejo", "gitea", "gogs", "github"))


def _like_gitea(sender: str, name: str) -> tuple[Kind, ...]:
    path = f"http.headers.x-{name}-event"
    common = _GITHUB | {
        "sender": sender,
        "id": f"{{http.headers.x-{name}-delivery}}",
        "repository": "{repository.full_name}",
    }
    push = _PUSH | {
        "reason": "push to {repository.full_name} {ref}",
        "text": "{head_commit.message,commits.0.message}",
        "total": "total_commits",
    }
    return (
        Kind(when=f"{path}=push", **common | push),
        Kind(name="another event", **common | _others(sender, path, "{action^ }", named_by=_FORGES)),
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
_GITLAB_PUSH: Final = _PUSH | {
    "tagged": "{checkout_sha,after!}",  # null of a deleted one
    "reason": "push to {project.path_with_namespace,repository.name|GitLab} {ref}",
    "text": "{commits.-1.message}",
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
_CHANGE: Final = "push.changes.0"
_BITBUCKET_KINDS: Final = (
    *(
        _of_ref(
            *("Bitbucket", f"{_CHANGE}.{state}.{kind}", f"{_CHANGE}.{state}.name"),
            *(f"{_CHANGE}.new.target.hash", f"{_CHANGE}.old.target.hash"),
            each="push.changes",
            id="{http.headers.x-request-uuid}",
            repository="{repository.full_name,repository.fullName}",
            ref=f"{above}{{{_CHANGE}.{state}.name!}}",
            text=f"{{{_CHANGE}.new.target.message}}",
            by="{actor.nickname,actor.username,actor.display_name}",
            deleted=deleted,
        )
        for state, deleted in (("new", ""), ("old", f"{_CHANGE}.old"))
        for kind, above in (("type=tag|annotated_tag", "refs/tags/"), ("name", "refs/heads/"))
    ),
    *_without("Bitbucket", "push.changes", _BY_HAND, f"{_KEY}=repo:push"),
)


# --- Bitbucket Data Center: https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
def _at_data_center(when: str, changes: str, /, **more: Any) -> Kind:
    """A change of Data Center's. ``changes``: the list that it is in."""
    change = f"{changes}.0"
    return _of_ref(
        *("Bitbucket", when, f"{change}.ref.id,{change}.refId", f"{change}.toHash", f"{change}.fromHash"),
        each=changes,
        id="{http.headers.x-request-id}",
        repository="{repository.project.key}/{repository.slug}",
        ref_named_by=(f"{change}.ref.displayId",),
        by="{actor.name,actor.displayName}",
        at="date",
        commits="commits",
        **more,
    )


#: Where its name is, and that of what else Bitbucket sends.
_NAMED: Final = f"{_KEY},eventKey"
_PUSH_THERE, _MIRRORED = f"{_NAMED}=repo:refs_changed", f"{_NAMED}=mirror:repo_synchronized"
_DATA_CENTER_KINDS: Final = (
    trial("Bitbucket", f"{_NAMED}=diagnostics:ping", "a ping"),
    _at_data_center(_PUSH_THERE, "changes"),
    *_without("Bitbucket", "changes", _BY_HAND, _PUSH_THERE),
    # A mirror that lags behind has the push now. Of very many refs it lists none.
    _at_data_center(
        _MIRRORED,
        "changes",
        **_others("Bitbucket", _NAMED, when=_MIRRORED)
        | {"name": "a mirror's", "reason": "mirrored {repository.project.key}/{repository.slug} {changes.0.refId}"},
    ),
    Kind(
        name="another event",
        id="{http.headers.x-request-uuid,http.headers.x-request-id}",
        repository="{repository.full_name}",
        by="{actor.nickname,actor.name,actor.display_name,actor.displayName}",
        **_others("Bitbucket", _NAMED),
    ),
    # Of the plug-in that it had for web hooks, which names no event:
    # https://confluence.atlassian.com/bitbucketserver/post-service-webhook-for-bitbucket-server-776640367.html
    _at_data_center("repository.project.key", "refChanges"),
)
#: Of Bitbucket Cloud's JSON nothing tells the type.
_BITBUCKET_BARE: Final = (
    control("Bitbucket", "push", "nothing was pushed: push.changes is empty", "push.changes=[]"),
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
# subscription that real ones have, and others show them without their publisher.
_IN_FULL: Final = "set the service hook's resource details to 'All'"
_SERVICE_HOOKS: Final = (
    "eventType & publisherId=tfs|rm|pipelines|audit|azure-devops",
    "eventType & publisherId & subscriptionId,resourceVersion",
    "eventType=git.*|build.complete|workitem.*|ms.vss-*|ms.azure-devops-* & createdDate",
)
_AZURE_KINDS: Final = (
    trial("Azure DevOps", "eventType & publisherId & subscriptionId=00000000-0000-0000-0000-000000000000"),
    _of_ref(
        *("Azure DevOps", "eventType=git.push"),
        *(f"resource.refUpdates.0.{name}" for name in ("name", "newObjectId", "oldObjectId")),
        each="resource.refUpdates",
        id="{id}",
        repository="{resource.repository.project.name}/{resource.repository.name}",
        default="{resource.repository.defaultBranch}",
        by="{resource.pushedBy.uniqueName,resource.pushedBy.displayName}",
        at="resource.date",
        commits="resource.commits",
    ),
    *_without("Azure DevOps", "resource.refUpdates", _IN_FULL, "eventType=git.push & publisherId,createdDate"),
    *(
        Kind(name="another event", id="{id}", **_others("Azure DevOps", "eventType", when=one))
        for one in _SERVICE_HOOKS
    ),
)


# --- Gerrit, Pagure, Harness, Hugging Face, SourceHut, Launchpad, Phabricator, and others ----------
_AT_GERRIT: Final = (
    "assignee-changed|change-*|comment-added|custom-keyed-values-changed|draft-published|dropped-output|hashtags-changed"
    "|merge-failed|patchset-created|private-state-changed|project-created|project-deleted|project-head-updated|ref-*"
    "|batch-ref-updated|reviewer-*|topic-changed|vote-deleted|wip-state-changed"
)
#: SourceHut's headers. Other senders may have them, too, so that its events are known by their names besides.
_AT_SOURCEHUT: Final = "http.headers.x-webhook-event"
_DELIVERY: Final = "{http.headers.x-webhook-delivery}"
_TOLD_BY_SOURCEHUT: Final = "repo:create|repo:update|repo:delete|REPO_*|GIT_*|TICKET_*|PATCHSET_*|JOB_*"
_AT_LAUNCHPAD: Final = "http.headers.x-launchpad-event-type"
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
            f"topic=*git.receive & msg.agent & msg.branch={names}",
            *("msg.branch", "msg.end_commit", "msg.old_commit"),
            ref=f"{above}{{msg.branch!}}",
            id="{msg_id}",
            repository="{msg.repo.fullname}",
            by="{msg.agent}",
        )
        for names, above in _NAMES_OF_BRANCHES
    ),
    *(
        Kind(name="another event", **_others("Pagure", "topic", when=when))
        for when in ("topic & msg_id & i & msg.agent", "topic=*pagure.* & msg.agent")
    ),
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
        commits="commits",
        total="total_commits_count",
        forced="forced",
    ),
    Kind(name="another event", **_others("Harness", "trigger", when="trigger & repo.git_url")),
    # https://huggingface.co/docs/hub/webhooks
    *_of_refs(
        *("Hugging Face", "event.scope=repo.content* & repo.name", "updatedRefs", "ref", "newSha", "oldSha"),
        repository="{repo.name}",
        default="main",
    ),
    Kind(name="another event", **_others("Hugging Face", "event.scope", when="event.scope & repo.name")),
    # https://man.sr.ht/git.sr.ht/api.md#webhooks   https://man.sr.ht/graphql.md#webhooks: what is in it, a query says.
    *_of_refs(
        *("SourceHut", f"{_AT_SOURCEHUT}=repo:post-update", "refs", "name", "new", "old", ".id"),
        id=_DELIVERY,
    ),
    *_of_refs(
        *("SourceHut", f"{_AT_SOURCEHUT}=GIT_POST_RECEIVE", "data.webhook.updates", "ref.name", "new", "old", ".id"),
        id=_DELIVERY,
        repository="{data.webhook.repository.name}",
    ),
    Kind(
        sender="SourceHut",
        name="push",
        when=f"{_AT_SOURCEHUT}=repo:post-update|GIT_POST_RECEIVE",
        id=_DELIVERY,
        reason="push to SourceHut",
    ),
    Kind(
        name="another event",
        id=_DELIVERY,
        **_others(
            "SourceHut",
            _AT_SOURCEHUT,
            when=f"{_AT_SOURCEHUT}={_TOLD_BY_SOURCEHUT} & http.headers.x-webhook-delivery",
        ),
    ),
    # https://ubuntu.com/docs/launchpad/user/reference/webhooks/
    *(
        Kind(
            sender="Launchpad",
            name="push",
            when=f"ref_changes.refs/heads/{name}.new.commit_sha1 & git_repository_path",
            ref=f"refs/heads/{name}",
            ref_named_by=(_AT_LAUNCHPAD, "change.type"),  # another branch may be in the same push
            reason=f"push to {{git_repository_path}} {name}",
        )
        for name in ("main", "master")
    ),
    Kind(name="another event", **_others("Launchpad", _AT_LAUNCHPAD)),
    # https://secure.phabricator.com/book/phabricator/article/webhooks: it says no branch.
    trial("Phabricator", "object.phid=PHID-* & action.test=true"),
    Kind(sender="Phabricator", name="a commit", when="object.phid=PHID-CMIT-*", reason="commit at Phabricator"),
    Kind(name="another event", **_others("Phabricator", "object.type", when="object.phid=PHID-* & object.type")),
    # Its events stand in the tests of https://github.com/argoproj/argo-cd
    trial("SourceCraft", "header.type=webhook.ping & header.id", "a ping"),
    _of_ref(
        *("SourceCraft", "header.type=repository.push & header.id"),
        *(f"ref_update.{name}" for name in ("ref", "after_sha", "before_sha")),
        tagged="{ref_update.checkout_sha,ref_update.after_sha!}",
        id="{header.id}",
        repository="{repository.organization.slug}/{repository.slug}",
        default="{repository.default_branch}",
        by="{pusher.slug}",
        at="pushed_at",
    ),
    Kind(
        name="another event",
        **_others("SourceCraft", "header.type", when="header.type=*.* & header.id & header.repository_id"),
    ),
    # https://github.com/scm-manager/scm-argocd-plugin: of a push it says the branch, and no version.
    *(
        Kind(
            sender="SCM-Manager",
            name="push",
            when=f"HTMLURL & Branch.Name=?* & Branch.DefaultBranch={is_default}",
            ref="refs/heads/{Branch.Name}",
            default=default,
            reason="push to {HTMLURL} {Branch.Name}",
        )
        for is_default, default in (("true", "{Branch.Name}"), ("*", ""))
    ),
    Kind(name="another event", **_others("SCM-Manager", "action", when="sourceBranch.name & repository.sourceUrl")),
)

TABLES: Final = (
    *(_like_gitea(sender, sender.lower()) for sender in ("Forgejo", "Gitea", "Gogs")),
    *(_GITHUB_KINDS, _GITLAB_KINDS, _BITBUCKET_KINDS, _DATA_CENTER_KINDS, _AZURE_KINDS, _OF_A_REF),
    *(_GITLAB_BARE, _GITHUB_BARE, _BITBUCKET_BARE),
)
