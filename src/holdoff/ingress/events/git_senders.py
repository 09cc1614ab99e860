"""What the webhooks of hosts of git repositories ask for by themselves. Pure.

A push of the default branch builds. A push of another branch builds nothing unless a rule takes it. A gate folds all
that waits into one build of the newest, so the other branch would replace the change on the default branch. All other
events (a merge, a release, a star, a test) are no changes: if a merge changed a branch, the host sends a push as well.

``at`` is there only if the sender says when a version was *pushed*. A commit's date says when the commit was written.

A topic or a queue may hand on the JSON without its headers. For most hosts there are rows that know the JSON by its
content (*bare*).
"""

from __future__ import annotations

from typing import Any, Final

from holdoff.ingress.events.kinds import Kind, change, control, ignored, other, push, refused, trial

#: Where hosts say it, the surest first. A row may have words of its own.
_SAID: Final[dict[str, Any]] = {
    "repository": "{repository.full_name,repository.fullName,project.path_with_namespace,msg.repo.fullname,repo.path"
    ",repo.name,refUpdate.project,refUpdates.0.project,data.webhook.repository.name,git_repository_path,HTMLURL"
    ",repository.url,repository.homepage,repository.name,repository,event.repo.repo_name,payload.repository.name"
    ",content.repository.name,project.path,projectId}",
    "default": "{repository.default_branch,repository.master_branch,project.default_branch,repo.default_branch"
    ",resource.repository.defaultBranch}",
    "by": "{sender.login,sender.username,pusher.login,pusher.username,pusher.name,pusher.slug,pusher.did"
    ",user_username,user.username,user_name,actor.nickname,actor.username,actor.name,actor.display_name,actor.displayName"
    ",principal.display_name,msg.agent,submitter.username,submitter.name,resource.pushedBy.uniqueName"
    ",resource.pushedBy.displayName,event.actor.username,payload.beanstalk_user.login,createdUser.name}",
}
#: Where they say the newest commit's message, if not in the list of commits; and that a ref was deleted.
_OF_A_PUSH: Final[dict[str, Any]] = {
    "text": "{head_commit.message,commit.message,push.changes.0.new.target.message,refs.0.new.message"
    ",data.webhook.updates.0.new.message}",
    "deleted": "deleted=true",
}


def _other(sender: str, path: str, about: str = "", **more: Any) -> Kind:
    """``other``, with what hosts say; ``about``: more of the type."""
    return other(sender, path, **_SAID | {"what": f"{{{path}}}{about}"} | more)


def _push(sender: str, when: str, ref: str, new: str, old: str, /, **more: Any) -> Kind:
    return push(sender, when, ref, new, old, **_SAID | _OF_A_PUSH | more)


def _without(sender: str, changes: str, when: str, advice: str = "trigger the project by hand") -> tuple[Kind, ...]:
    """A push with an empty list of changes; and a push without a list, which must not be lost silently."""
    why = f"is a push that does not say what was pushed, in {changes}: {advice}"
    nothing = control(sender, "push", f"nothing was pushed: {changes} is empty", f"{when} & {changes}=[]")
    return nothing, refused(sender, "push", why, when)


# --- GitHub: https://docs.github.com/en/webhooks/webhook-events-and-payloads -----------------------
_TYPE: Final = "http.headers.x-github-event"
_PUSH: Final[dict[str, Any]] = {
    "tagged": "{head_commit.id,after,commit,last_commit!}",  # of an annotated tag ``after`` is the tag's own object
    "at": "repository.pushed_at",
    "commits": "commits",
}


def _like_github(sender: str, when: str, **more: Any) -> Kind:
    """A push in GitHub's form, which other hosts use, too. A step of a workflow tells its commit:
    https://github.com/marketplace/actions/workflow-webhook-action"""
    return _push(sender, when, "ref", "after,head_commit.id,commit,last_commit", "before", **_PUSH | more)


def _other_at_github(event: str = "", **more: Any) -> Kind:
    """An event of GitHub that is no push: all others, or the one of this name."""
    reason = f"{{{_TYPE}}}{{action^ }} on {{repository.full_name|GitHub}}"
    fields = {"when": f"{_TYPE}={event or '*'}", "name": event or "another event", "reason": reason}
    return _other("GitHub", _TYPE, "{action^ }", **fields | more)


_GITHUB_KINDS: Final = (
    trial("GitHub", f"{_TYPE}=ping", "a ping"),
    _like_github("GitHub", f"{_TYPE}=push"),
    _other_at_github(
        "release",
        ref="refs/tags/{release.tag_name}",
        version="{release.tag_name}",
        ref_named_by=(_TYPE, "change.type"),  # every release has a tag
    ),
    # The starter dispatched this one, with the token of a start (``starters.github``): no rule may build it again.
    control("GitHub", "a dispatch", "Holdoff itself dispatched this workflow", f"inputs.holdoff_token={'?' * 26}"),
    _other_at_github("workflow_dispatch", ref="{ref}", version="{ref}"),
    _other_at_github(),
)

_MOVED: Final = "after,head_commit.id,last_commit & ref=refs/*"
_IN_TEAMHUB: Final = "subject.uuid & project.uuid,repository.uuid"
_AT_CODING: Final = "http.headers.x-coding-event,http.headers.x-coding-service-hook-event"
_GITHUB_BARE: Final = (
    trial("GitHub", "zen & hook_id", "a ping"),
    # Its pushes are like GitHub's, with ten commits: https://help.gitee.com/webhook/gitee-webhook-push-data-format
    trial("Gitee", "http.headers.x-gitee-ping=true"),
    _like_github("Gitee", f"{_MOVED} & hook_name", total="total_commits_count"),
    # Its first forms, as public samples of git.oschina.net still have them.
    change("Gitee", "an event", "hook=*hook_name* only hook", "hook of Gitee", carries="hook"),
    change("Gitee", "push", "hook_name=push_hooks & push_data.after", "push to Gitee", carries="push_data"),
    _other("Gitee", "hook_name", when="hook_name=issue_hooks|merge_request_hooks|note_hooks|tag_push_hooks"),
    _like_github("GitHub", f"{_MOVED} & repository.pushed_at"),
    _like_github("Gitorious", "after & ref & pushed_at & pushed_by & project.name", at="pushed_at"),  # refs are short
    # Gitea, Forgejo, Gogs, TeamHub and others send nearly the same. They differ in how they say that a list is cut off.
    _like_github("a git host", _MOVED, total="total_commits"),
    _other("TeamHub", "type", when=f"type=project|repository & operation=created|updated|deleted & {_IN_TEAMHUB}"),
    # Its web hooks, and its service hooks: https://coding.net/help/docs/project-settings/open/webhook.html
    _like_github("CODING", f"{_AT_CODING},event=push|GIT_PUSHED & {_AT_CODING},team.domain", total="total_commits"),
    _other("CODING", f"{_AT_CODING},event", when=f"{_AT_CODING},eventName & {_AT_CODING},team.name_pinyin"),
    *(
        _other(sender, "action|event", when=marks, named_by="action")
        for sender, marks in (  # without headers; an advisory of security has no sender
            ("GitHub", "sender.login & action,repository.full_name,organization.login & sender.node_id"),
            ("GitHub", "action & repository.node_id,security_advisory.ghsa_id,package.owner.node_id"),
            ("a git host", "sender.login & repository.full_name,organization.login"),
            ("a git host", "sender.login & sender.avatar_url & action"),
            ("a git host", "action & issue.user.login,pull_request.head.sha,run.repository.full_name"),
            ("a git host", "action & workflow_run.conclusion,workflow_job.conclusion,deployment_status.state"),
            ("a git host", "action & package.owner.login,check_run.conclusion,check_suite.conclusion,deployment.sha"),
            ("a git host", "action & sender.id,sender.username & repository.fullName,repository.default_branch"),
            ("a git host", "old_name & new_name & repository.full_name"),
        )
    ),
)

# --- Gitea, Forgejo and Gogs -----------------------------------------------------------------------
# They send GitHub's headers, too, so their tables stand before GitHub's. None says when a push happened.
# https://docs.gitea.com/usage/webhooks   https://forgejo.org/docs/latest/user/webhooks/
# https://github.com/gogs/gogs/blob/main/internal/database/webhook.go
_FORGES: Final = ",".join(f"http.headers.x-{name}-event" for name in ("forgejo", "gitea", "gogs", "github"))


def _like_gitea(sender: str, name: str) -> tuple[Kind, ...]:
    path = f"http.headers.x-{name}-event"
    pushed = _like_github(sender, f"{path}=push", total="total_commits")
    return pushed, _other(sender, path, "{action^ }", named_by=_FORGES)


# --- GitLab: https://docs.gitlab.com/user/project/integrations/webhook_events/ ---------------------
# https://docs.gitlab.com/administration/system_hooks/: events of system hooks have ``event_name`` only.
# No event says when its push happened. Its id is in the headers that ``http.delivery_id`` reads.
_HOOK: Final = "http.headers.x-gitlab-event"
_TOLD: Final = "object_kind,event_name"
_DONE: Final = "{object_attributes.action^ }"
#: A push, by GitLab's header or by a name that only GitLab uses.
_PUSHED_THERE: Final = f"{_HOOK},object_kind,project_id & {_TOLD},{_HOOK}=push|tag_push|Push Hook|Tag Push Hook"
#: ``git push -o ci.skip``, now and at first: https://docs.gitlab.com/topics/git/commit/#push-options-for-gitlab-cicd
_TOLD_TO_SKIP: Final = " & push_options.ci.skip,push_options.integrations.skip_ci,push_options=true|ci.skip"
#: Other senders may have an ``object_kind``, too, so GitLab's events are listed, and Gongfeng's ``review``.
_AT_GITLAB: Final = (
    "object_kind=access_token|build|deployment|deploy_token|emoji|feature_flag|gitlab_subscription_*|issue|member"
    "|merge_request|milestone|note|pipeline|project|release|review|subgroup|vulnerability|wiki_page|work_item"
    " & project_id,project.path_with_namespace,group.group_id,object_attributes.id,object_attributes.action"
    ",object_attributes.project_id,object_attributes.new_access_level,reviewed_by_user_id"
)
#: Each says whose it is.
_SYSTEM_EVENTS: Final = (
    "event_name=project_create|project_destroy|project_rename|project_transfer|project_update & path_with_namespace",
    "event_name=repository_update & project.path_with_namespace",
    "event_name=group_create|group_destroy|group_rename|subgroup_create|subgroup_destroy & group_id & path",
    "event_name=user_create|user_destroy|user_failed_login|user_rename & username,email & user_id",
    "event_name=key_create|key_destroy & username & key",
    "event_name=user_access_request_*|user_add_to_*|user_remove_from_*|user_update_for_* & user_username,user_email",
)
_LIKE_GITLAB: Final = "http.headers.codeup-event,http.headers.x-codeup-event,http.headers.x-atomgit-event"


def _at_gitlab(when: str, **more: Any) -> Kind:
    tagged = "{checkout_sha,after!}"  # the first is null if the tag was deleted
    fields = {"tagged": tagged, "commits": "commits", "total": "total_commits_count"}
    return _push("GitLab", when, "ref", "after,checkout_sha", "before", **fields | more)


_GITLAB_KINDS: Final = (
    trial("Codeup, AtomGit", f"{_LIKE_GITLAB} only before,after"),  # their pushes are like GitLab's
    _at_gitlab(f"{_PUSHED_THERE}{_TOLD_TO_SKIP}", text="[skip ci]"),
    _at_gitlab(_PUSHED_THERE),
    # The header says the type, too, in other words. Of all system hooks it says the same.
    _other("GitLab", _TOLD, _DONE, when=f"{_TOLD} & {_HOOK}=System Hook"),
    _other("GitLab", f"{_TOLD},{_HOOK}", _DONE, when=_HOOK),
    _other("GitLab", _TOLD, _DONE, when=_AT_GITLAB),
    *(_other("GitLab", "event_name", when=one) for one in _SYSTEM_EVENTS),
)

# --- Bitbucket Cloud: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ -----------
# One push may have changed several branches. It says neither when it happened nor which branch is the default one.
_KEY: Final = "http.headers.x-event-key"
_CHANGE: Final = "push.changes.0"
_NAME: Final = f"{_CHANGE}.new.name,{_CHANGE}.old.name"


def _at_cloud(when: str, above: str) -> Kind:
    versions = (f"{_CHANGE}.{one}.target.hash" for one in ("new", "old"))
    more = {"each": "push.changes", "id": "{http.headers.x-request-uuid}", "deleted": f"{_CHANGE}.new=null"}
    return _push("Bitbucket", when, "", *versions, ref=f"{above}{{{_NAME}!}}", **more)


_BITBUCKET_KINDS: Final = (
    _at_cloud(f"{_CHANGE}.new.type,{_CHANGE}.old.type=tag|annotated_tag", "refs/tags/"),
    _at_cloud(_NAME, "refs/heads/"),
    *_without("Bitbucket", "push.changes", f"{_KEY},push.changes=repo:push|[]"),  # an empty list may have no header
    # Its first service, which is gone, says the branch of a tip only.
    _push(
        *("Bitbucket", "canon_url & repository.scm=git & commits.0.raw_node", "", "commits.0.raw_node", ""),
        each="commits",
        id="{commits.0.raw_node}",
        ref="{commits.0.branch|refs/a commit below the tip}",
        text="{commits.0.message}",
    ),
)


# --- Bitbucket Data Center: https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
def _at_data_center(when: str, changes: str, at: str = "date", /, **more: Any) -> Kind:
    """A change at Data Center. ``changes``: the path of the list of changes."""
    change = f"{changes}.0"
    ref = f"{change}.ref.id,{change}.refId,{change}.ref.displayId"
    return _push(
        *("Bitbucket", when, ref, f"{change}.toHash", f"{change}.fromHash"),
        each=changes,
        id="{http.headers.x-request-id}",
        repository="{repository.project.key}/{repository.slug}",
        deleted=f"{change}.type=DELETE",
        at=at,
        commits="commits",
        **more,
    )


#: Where the event's name is. Bitbucket Cloud sends the header, too.
_NAMED: Final = f"{_KEY},eventKey"
_THERE: Final = "repo:*|pr:*|mirror:*|proj*:modified"
_PUSH_THERE, _MIRRORED = f"{_NAMED}=repo:refs_changed", f"{_NAMED}=mirror:repo_synchronized"
_DATA_CENTER_KINDS: Final = (
    trial("Bitbucket", f"{_NAMED}=diagnostics:ping", "a ping"),
    _at_data_center(_PUSH_THERE, "changes"),
    *_without("Bitbucket", "changes", _PUSH_THERE),
    # A mirror has the push now. Its date is that of the mirroring, and not of the change. If there are very many refs,
    # the event lists none.
    _at_data_center(
        *(_MIRRORED, "changes", ""),
        name="a mirror's",
        ignored="nothing is built for Bitbucket's mirror:repo_synchronized unless a rule takes it",
        named_by=tuple(_NAMED.split(",")),
        reason="mirrored {repository.project.key}/{repository.slug} {changes.0.refId}",
    ),
    _other("Bitbucket", _NAMED, when=_KEY, id="{http.headers.x-request-uuid,http.headers.x-request-id}"),
    _other("Bitbucket", _NAMED, when=f"eventKey={_THERE} & date,pullRequest.toRef.repository.slug"),
    # Its old plug-in for web hooks names no event:
    # https://confluence.atlassian.com/bitbucketserver/post-service-webhook-for-bitbucket-server-776640367.html
    _at_data_center("refChanges.0.refId", "refChanges"),
    ignored(  # nothing in Bitbucket Cloud's JSON says the type
        *("Bitbucket", "another event", "event on {repository.full_name,repository.fullName,project.key}"),
        "pullrequest.state,commit_status.state,issue.state",
        when="actor.uuid,pullrequest.authorLogin & repository.uuid,project.uuid,repository.scmId"
        " & repository.full_name,repository.fullName,project.type=*/*|project",
    ),
)

# --- Azure DevOps: https://learn.microsoft.com/en-us/azure/devops/service-hooks/events -------------
# It sends no headers of its own. One push may have changed several refs. Its documents show events without a
# subscription, which real events have. Other documents show events without a publisher.
_IN_FULL: Final = "set the service hook's resource details to 'All'"
_SERVICE_HOOKS: Final = (
    "eventType & createdDate,scope & publisherId=tfs|rm|pipelines|audit|azure-devops",
    "eventType & publisherId & resourceVersion=?.?*",
    "eventType=build.complete|ms.vss-* & publisherId",
    "eventType=git.*|build.complete|workitem.*|ms.vss-*|ms.azure-devops-* & createdDate,resource.pullRequestId",
)
_AZURE_KINDS: Final = (
    trial("Azure DevOps", "eventType & publisherId & subscriptionId=00000000-0000-0000-0000-000000000000"),
    _push(
        *("Azure DevOps", "eventType=git.push"),
        *(f"resource.refUpdates.0.{name}" for name in ("name", "newObjectId", "oldObjectId")),
        each="resource.refUpdates",
        id="{id}",
        repository="{resource.repository.project.name}/{resource.repository.name}",
        at="resource.date",
        commits="resource.commits",
    ),
    *_without("Azure DevOps", "resource.refUpdates", "eventType=git.push & publisherId,createdDate", _IN_FULL),
    change(  # into a repository of TFVC, whose changesets are no versions of git
        *("Azure DevOps", "a check-in", "eventType=tfvc.checkin & publisherId,createdDate"),
        "check-in of changeset {resource.changesetId}",
        id="{id}",
        by="{resource.checkedInBy.uniqueName,resource.checkedInBy.displayName}",
    ),
    *(_other("Azure DevOps", "eventType", when=one, id="{id}") for one in _SERVICE_HOOKS),
)


# --- Gerrit, Pagure, Harness, Hugging Face, SourceHut, Launchpad, Phabricator, and others ----------
_AT_GERRIT: Final = (
    "assignee-changed|change-*|comment-added|custom-keyed-values-changed|draft-published|dropped-output|fetch-ref-*"
    "|hashtags-changed|merge-failed|patchset-created|private-state-changed|project-created|project-delet*|project-head-updated"
    "|ref-*|batch-ref-updated|reviewer-*|topic-changed|vote-deleted|wip-state-changed"
)


def _at_gerrit(kind: str, update: str, **more: Any) -> Kind:
    ref, new, old = (f"{update}.{name}" for name in ("refName", "newRev", "oldRev"))
    return _push("Gerrit", f"type={kind} & eventCreatedOn,{new} & {ref}", ref, new, old, at="eventCreatedOn", **more)


#: SourceHut's headers. Other senders may use them, too, so the names of SourceHut's events are listed.
_AT_SOURCEHUT: Final = "http.headers.x-webhook-event,data.webhook.event"
_DELIVERY: Final = "http.headers.x-webhook-delivery,data.webhook.uuid"
_TOLD_BY_SOURCEHUT: Final = (
    f"repo:create|repo:update|repo:delete|REPO_*|GIT_PRE_*|TICKET_*|PATCHSET_*|JOB_CREATED|JOB_UPDATED & {_DELIVERY}"
)


def _at_sourcehut(event: str, each: str, name: str) -> Kind:
    paths = (f"{each}.0.{path}" for path in (name, "new.id", "old.id"))
    more = {"each": each, "id": f"{{{_DELIVERY}}}", "deleted": f"{each}.0.new=null"}
    return _push("SourceHut", f"{_AT_SOURCEHUT}={event}", *paths, **more)


_BACKLOG: Final = "project.projectKey & createdUser.id"
_IN_PAGURE: Final = "msg.branch,body.branch,branch,msg.commit.branch,commit.branch"
_ON_FEDORAS_BUS: Final = "org.fedoraproject.*|org.centos.*|org.release-monitoring.*|git.*centos.org/*"
_AT_LAUNCHPAD: Final = "http.headers.x-launchpad-event-type"
_PHID: Final = "object.phid,storyData.objectPHID,storyData[objectPHID]"
_AT_RADICLE: Final = "http.headers.x-radicle-event-type"
_IN_RADICLE: Final = "branch,repository.default_branch"
_AT_SCM_MANAGER: Final = "HTMLURL & Branch.Name=?* & Branch.DefaultBranch"
_PUSHED_TO_RHODECODE: Final = "event.name=repo-push & event.server_url"
_OF_A_REF: Final = (
    # https://gerrit-review.googlesource.com/Documentation/cmd-stream-events.html: at first without their instant
    _at_gerrit("ref-updated", "refUpdate"),
    _at_gerrit("batch-ref-updated", "refUpdates.0", each="refUpdates"),
    _other("Gerrit", "type", when=f"type={_AT_GERRIT} & eventCreatedOn,patchSet.number,abandoner.name"),
    # https://docs.pagure.org/pagure/usage/using_webhooks.html: Fedora's bus has its events, too, and others'
    _push(
        *("Pagure", f"topic=*git.receive & {_IN_PAGURE}", _IN_PAGURE),
        *("msg.end_commit,body.end_commit,end_commit,msg.commit.rev,commit.rev", "msg.old_commit,body.old_commit"),
        id="{msg_id,id}",
    ),
    trial("Pagure", "topic=*Test.notification & msg_id & msg.content"),
    *(_other("Pagure", "topic", when=when) for when in ("topic & msg_id & msg.agent", "topic=*pagure.* & msg.agent")),
    _other("Fedora", "topic", when=f"topic={_ON_FEDORAS_BUS}", carries="body", id="{msg_id,id}"),
    # https://developer.harness.io/docs/code-repository/pull-requests/webhook: ``sha`` of an annotated tag is its own
    _push(
        *("Harness", "trigger=branch_*|tag_* & repo.git_url & ref.name", "ref.name", "sha", "old_sha"),
        tagged="{commit.sha,sha!}",
        commits="commits",
        total="total_commits_count",
    ),
    _other("Harness", "trigger", when="trigger=pullreq_*|merge_queue_* & repo.git_url"),
    # https://huggingface.co/docs/hub/webhooks
    _push(
        *("Hugging Face", "event.scope=repo.content* & repo.name"),
        *(f"updatedRefs.0.{name}" for name in ("ref", "newSha", "oldSha")),
        each="updatedRefs",
        deleted="updatedRefs.0.newSha=null",
        default="main",
    ),
    _push(  # at first it listed no refs
        *("Hugging Face", "event.scope=repo.content & repo.name & repo.headSha", "", "repo.headSha", ""),
        ref="refs/heads/main",
        default="main",
    ),
    _other("Hugging Face", "event.scope", when="event.scope=repo|repo.*|discussion|discussion.* & repo.name"),
    # https://man.sr.ht/git.sr.ht/api.md#webhooks   https://man.sr.ht/graphql.md#webhooks: a query says what is sent.
    _at_sourcehut("repo:post-update", "refs", "name"),
    _at_sourcehut("GIT_POST_RECEIVE", "data.webhook.updates", "ref.name"),
    change(
        *("SourceHut", "push", f"{_AT_SOURCEHUT}=repo:post-update|GIT_POST_RECEIVE", "push to SourceHut"),
        id=f"{{{_DELIVERY}}}",
    ),
    _other("SourceHut", _AT_SOURCEHUT, when=f"{_AT_SOURCEHUT}={_TOLD_BY_SOURCEHUT}", id=f"{{{_DELIVERY}}}"),
    # https://ubuntu.com/docs/launchpad/user/reference/webhooks/
    # https://docs.cloud.google.com/source-repositories/docs/pubsub-notifications
    *(
        _push(
            *(sender, f"{refs}.refs/heads/{name}.{new} & {repository}", "", "", ""),
            ref=f"refs/heads/{name}",
            ref_named_by=("change.type", *type_at),  # another branch may be in the same push
            repository=f"{{{repository}}}",
        )
        for sender, refs, new, repository, type_at in (
            ("Launchpad", "ref_changes", "new.commit_sha1", "git_repository_path", [_AT_LAUNCHPAD]),
            ("Cloud Source Repositories", "refUpdateEvent.refUpdates", "newId", "name", []),
        )
        for name in ("main", "master")
    ),
    change("Launchpad", "push", "bzr_branch_path & new.revision_id", "push to {bzr_branch_path}"),  # of one branch
    _other("Launchpad", _AT_LAUNCHPAD),
    _other("Launchpad", "action", when="merge_proposal,snap_build,livefs_build,recipe_build,build=/~*/+*/* & action"),
    ignored(
        *("Cloud Source Repositories", "another event", "event of {name}", "change.type"),
        when="name=projects/*/repos/* & url & eventTime",
    ),
    # https://secure.phabricator.com/book/phabricator/article/webhooks: it says no branch.
    trial("Phabricator", "object.phid=PHID-* & action.test=true"),
    change("Phabricator", "a commit", f"{_PHID}=PHID-CMIT-*", "commit at Phabricator"),
    _other("Phabricator", "object.type,storyType", when=f"{_PHID}=PHID-* & object.type,storyType"),
    # https://docs.rhodecode.com: of a push it says the branches, and not which commit is the newest of which branch.
    # Commits of Subversion have no branch. Mercurial has a default branch of its own.
    change(
        *("RhodeCode", "a commit", f"{_PUSHED_TO_RHODECODE} & event.repo.repo_type=svn"),
        "commit to {event.repo.repo_name}",
        by="{event.actor.username}",
    ),
    *(
        _push(
            *("RhodeCode", f"{_PUSHED_TO_RHODECODE}{of}", "event.push.branches.0.name", "", ""),
            each="event.push.branches",
            default=default,
        )
        for of, default in ((" & event.repo.repo_type=hg", "default"), ("", ""))
    ),
    _other("RhodeCode", "event.name", when="event.name & event.server_url & event.repo.repo_name"),
    # Its events stand in the tests of https://github.com/argoproj/argo-cd
    trial("SourceCraft", "header.type=webhook.ping & header.id", "a ping"),
    _push(
        *("SourceCraft", "header.type=repository.push & header.id"),
        *(f"ref_update.{name}" for name in ("ref", "after_sha", "before_sha")),
        tagged="{ref_update.checkout_sha,ref_update.after_sha!}",
        id="{header.id}",
        repository="{repository.organization.slug}/{repository.slug}",
        at="pushed_at",
    ),
    _other("SourceCraft", "header.type", when="header.type=*.* & header.id & header.repository_id"),
    # https://github.com/scm-manager/scm-argocd-plugin: of a push it says the branch, and no version.
    _push("SCM-Manager", f"{_AT_SCM_MANAGER}=true", "Branch.Name", "", "", default="{Branch.Name}"),
    # If the branch is not the default one, only SCM-Manager knows which is: no branch has this name.
    _push("SCM-Manager", f"{_AT_SCM_MANAGER}=false", "Branch.Name", "", "", default="that SCM-Manager has"),
    _push("SCM-Manager", _AT_SCM_MANAGER, "Branch.Name", "", ""),
    _other("SCM-Manager", "action", when="sourceBranch.name & repository.sourceUrl"),
    # https://github.com/theonedev/onedev/blob/main/server-core/src/main/java/io/onedev/server/model/support/WebHook.java
    _push(
        *("OneDev", "type=RefUpdated & refName & projectId,project.id", "refName", "", "oldCommitId"),
        version="{newCommitId}",  # not in each of its versions
    ),
    _other(
        *("OneDev", "type"),
        when="type=BuildFinished|BuildLabel*|BuildPending|BuildResumed|BuildRetrying|BuildRunning|BuildSubmitted"
        "|BuildUpdated|CodeComment*|IssueChanged|IssueComment*|IssueCommit*|IssueDeleted|IssueOpened|Issues*"
        "|PullRequest*|Workspace* & projectId,project.id & date",
    ),
    # https://radicle.garden/help/ci: without a branch it is the default one
    _push("Radicle", f"{_AT_RADICLE}=push|branch_created|branch_updated", _IN_RADICLE, "after", "before"),
    _other("Radicle", _AT_RADICLE),
    # https://forge-allura.apache.org/p/allura/wiki/Webhooks: each push of Mercurial is one of its tip, in any branch
    change("SourceForge", "a commit", "ref=refs/tags/tip & after & size", "commit to {repository.full_name}"),
    # https://developer.nulab.com/docs/backlog/api/2/get-recent-updates: its types are numbers, and 12 is a push
    _push("Backlog", f"type=12 & {_BACKLOG}", "content.ref", "", "", deleted="content.change_type=delete"),
    change("Backlog", "a commit", f"type=11 & {_BACKLOG}", "commit to {project.projectKey}"),
    _other("Backlog", "type", when=f"type=?|?? & {_BACKLOG}"),
    # https://support.beanstalkapp.com/article/958-modular-webhooks-json-examples: its classic pushes are like GitHub's
    _push(
        *("Beanstalk", "trigger=push & payload.type=GitPush", "payload.ref", "payload.after", "payload.before"),
        commits="payload.commits",
    ),
    change("Beanstalk", "a commit", "trigger=commit & payload.type=*Commit", "commit to {payload.repository.name}"),
    _other("Beanstalk", "trigger", when="trigger & payload.type & payload.repository.type=*Repository"),
)

TABLES: Final = (
    *(_like_gitea(sender, sender.lower()) for sender in ("Forgejo", "Gitea", "Gogs")),
    *(_GITHUB_KINDS, _GITLAB_KINDS, _BITBUCKET_KINDS, _DATA_CENTER_KINDS, _AZURE_KINDS, _OF_A_REF),
    _GITHUB_BARE,
)
