"""Guards: why an event builds nothing, whatever project a rule gives it to. Pure.

Each guard looks at one thing: the event's type, its ref, its commit's message, its files. A rule lifts the guard of the
type or of the ref by a condition on what the guard looks at. A project switches ``[skip ci]`` off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from holdoff.config.patterns import DEFAULT_BRANCH, is_anything, names_any
from holdoff.config.projects import Project
from holdoff.config.rules import Rule
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.paths import short_ref

#: https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
#: GitLab allows a hyphen or an underscore instead of the space (its lib/gitlab/ci/pipeline/chain/skip.rb).
_SKIPS: Final = re.compile(r"\[(?:skip[ _-]ci|ci[ _-]skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_SKIP_TRAILER: Final = re.compile(r"\n\n\n(?:[\w-]+:.*\n)*skip-checks:\s*true\s*\Z", re.IGNORECASE)


def no_change(draft: Draft, rule: Rule | None) -> str | None:
    """Why an event is no change, whatever the project."""
    if draft.deleted:
        return f"{short_ref(draft.ref or 'a reference')} was deleted"
    if draft.ref is not None and draft.parent is not None and draft.parent == draft.source_version:
        return f"nothing was pushed: {short_ref(draft.ref)} is where it was"  # Gitea's test of a webhook
    return None if _names(rule, draft.named_by) else draft.ignored


def not_wanted(draft: Draft, rule: Rule | None, project: Project) -> str | None:
    """Why this project does not want the change."""
    if project.skip_ci and draft.text and (_SKIPS.search(draft.text) or _SKIP_TRAILER.search(draft.text)):
        return "its newest commit, or its push, says to skip it ([skip ci])"
    if rule is not None and (rule.branches or rule.tags):
        return _not_named(draft, rule, [project])  # each project has a default branch of its own
    if draft.ref is None or _names(rule, draft.ref_named_by):
        return None
    if draft.branch is None:
        return f"{short_ref(draft.ref)} is no branch, and no rule takes it"
    if _is_default(draft, project):
        return None
    default = draft.default and f"the default branch {draft.default}"
    wanted = project.branch or default or " or ".join(project.usual_branches)
    why = f"{draft.branch} is not {wanted}, and no rule takes it"
    if project.branch or draft.default:
        return why
    return f"{why} ({draft.sender} does not say which branch is the default one: set projects.{project.name}.branch)"


def _is_default(draft: Draft, project: Project) -> bool:
    """Whether the branch is the default one: by the project's pattern, else by the sender's name for it, else by the
    usual names."""
    if draft.branch is None:
        return False
    if project.branch is None and draft.default is not None:
        return draft.branch == draft.default
    return names_any(draft.branch, (project.branch,) if project.branch else project.usual_branches)


def misfit(draft: Draft, rule: Rule, projects: Iterable[Project]) -> str | None:
    """Why the names in a rule (``branches``, ``tags``, ``paths``, ``paths_ignore``) do not fit the event."""
    if (rule.branches or rule.tags) and (why := _not_named(draft, rule, projects)):
        return why
    # A change must not be lost: if not all files are known, or other files were changed, too, no rule ignores it.
    if draft.changed is None:
        return "not all files are known" if rule.ignore and (rule.paths or rule.paths_ignore) else None
    chosen = [
        (not rule.paths or names_any(path, rule.paths)) and not names_any(path, rule.paths_ignore)
        for path in draft.changed
    ]
    if not any(chosen):
        return "no file was changed that the rule's paths and paths_ignore choose"
    return "other files were changed, too" if rule.ignore and not all(chosen) else None


def _not_named(draft: Draft, rule: Rule, projects: Iterable[Project]) -> str | None:
    """Why a rule's branches and tags do not fit a ref."""
    if draft.ref is None:
        return "the event names no branch and no tag, and the rule wants one"
    named = ((draft.branch, rule.branches), (draft.tag, rule.tags))
    is_taken = any(name is not None and names_any(name, patterns) for name, patterns in named)
    if is_taken or (DEFAULT_BRANCH in rule.branches and any(_is_default(draft, project) for project in projects)):
        return None
    return f"{short_ref(draft.ref)} is none of the rule's branches and tags"


def is_named(draft: Draft, rule: Rule) -> bool:
    """Whether a rule names the event's type, branch or tag, and so may lift a guard."""
    return bool(rule.branches or rule.tags) or _names(rule, (*draft.named_by, *draft.ref_named_by))


def _names(rule: Rule | None, paths: tuple[str, ...]) -> bool:
    """Whether a rule has a condition on one of these paths, other than ``*``."""
    return rule is not None and any(path in paths and not is_anything(patterns) for path, patterns in rule.when)
