"""Guards: why an event builds nothing although it has come, whatever project a rule gives it to. Pure.

Each guard looks at one thing: the event's type, its ref, its commit's message, its files. A rule lifts the guard of the
type or the ref by a condition on what the guard looks at; ``[skip ci]`` is switched off by the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from holdoff.config.patterns import is_anything, names_any
from holdoff.config.projects import Project
from holdoff.config.rules import DEFAULT_BRANCH, Rule
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.paths import short_ref

#: https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
_SKIPS: Final = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_SKIP_TRAILER: Final = re.compile(r"\n\n\n(?:[\w-]+:.*\n)*skip-checks:\s*true\s*\Z", re.IGNORECASE)


def branch_of(ref: str) -> str | None:
    """``refs/heads/main`` -> ``main``; ``None``: no branch."""
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def tag_of(ref: str) -> str | None:
    """``refs/tags/v1`` -> ``v1``; ``None``: no tag."""
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None


def _builds(branch: str, draft: Draft, project: Project) -> bool:
    """Whether a push of this branch builds: the project says which does, else the sender, else the usual names do.

    What a sender says is a name, what a project says is a pattern.
    """
    if project.branch is None and draft.default is not None:
        return branch == draft.default
    return names_any(branch, project.usual_branches if project.branch is None else (project.branch,))


def _is_default(branch: str | None, draft: Draft, projects: Iterable[Project]) -> bool:
    return branch is not None and any(_builds(branch, draft, project) for project in projects)


def no_change(draft: Draft, rule: Rule | None) -> str | None:
    """Why it is no change, whatever the project."""
    if draft.deleted:
        return f"{short_ref(draft.ref or 'a reference')} was deleted"
    if draft.ref is not None and draft.parent is not None and draft.parent == draft.source_version:
        return f"nothing was pushed: {short_ref(draft.ref)} is where it was"  # what Gitea's test of a webhook says
    if draft.ignored is None or _names(rule, draft.named_by):
        return None
    return draft.ignored


def not_wanted(draft: Draft, rule: Rule | None, project: Project) -> str | None:
    """Why this project does not want the change."""
    if project.skip_ci and draft.text and (_SKIPS.search(draft.text) or _SKIP_TRAILER.search(draft.text)):
        return "its newest commit says to skip it ([skip ci])"
    if rule is not None and (rule.branches or rule.tags):
        return _not_named(draft, rule, [project])  # of several projects each has a default branch of its own
    if draft.ref is None or _names(rule, draft.ref_named_by):
        return None
    branch = branch_of(draft.ref)
    if branch is None:
        return f"{short_ref(draft.ref)} is no branch, and no rule takes it"
    if _is_default(branch, draft, [project]):
        return None
    if project.branch is not None:
        return f"{branch} is not {project.branch}, and no rule takes it"
    if draft.default is not None:
        return f"{branch} is not the default branch {draft.default}, and no rule takes it"
    said = f"{draft.sender} does not say which branch is the default one: set projects.{project.name}.branch"
    return f"{branch} is not {' or '.join(project.usual_branches)}, and no rule takes it ({said})"


def filtered(draft: Draft, rule: Rule, projects: Iterable[Project]) -> str | None:
    """Why the names in a rule (``branches``, ``tags``, ``paths``, ``paths_ignore``) let the event pass by.

    Args:
        projects: those that the rule is for.
    """
    if (rule.branches or rule.tags) and (why := _not_named(draft, rule, projects)):
        return why
    # A change must not be lost: where not all files are known, or others were changed, too, no rule ignores it by them.
    if draft.changed is None:
        is_of_files = rule.paths or rule.paths_ignore
        return "not all files are known that were changed" if rule.ignore and is_of_files else None
    among, said = (all, "other files than") if rule.ignore else (any, "no file of")
    if rule.paths and not among(names_any(path, rule.paths) for path in draft.changed):
        return f"{said} the rule's paths {'were' if rule.ignore else 'was'} changed"
    if rule.paths_ignore and all(names_any(path, rule.paths_ignore) for path in draft.changed):
        return "all files that were changed are in the rule's paths_ignore"
    return None


def _not_named(draft: Draft, rule: Rule, projects: Iterable[Project]) -> str | None:
    """Why a ref is none of those that a rule names."""
    if draft.ref is None:
        return "the event names no branch and no tag, and the rule wants one"
    branch, tag = branch_of(draft.ref), tag_of(draft.ref)
    is_taken = DEFAULT_BRANCH in rule.branches and _is_default(branch, draft, projects)
    is_taken |= bool(branch and names_any(branch, rule.branches)) or bool(tag and names_any(tag, rule.tags))
    return None if is_taken else f"{short_ref(draft.ref)} is none of the rule's branches and tags"


def has_names(rule: Rule) -> bool:
    """Whether a rule lets events pass by their branches, tags or files."""
    return bool(rule.branches or rule.tags or rule.paths or rule.paths_ignore)


def is_named(draft: Draft, rule: Rule) -> bool:
    """Whether a rule names the event's type, branch or tag, and so may take what a guard keeps from others."""
    return bool(rule.branches or rule.tags) or _names(rule, (*draft.named_by, *draft.ref_named_by))


def _names(rule: Rule | None, paths: tuple[str, ...]) -> bool:
    """Whether a rule has a condition on one of these paths that says something."""
    if rule is None:
        return False
    return any(path in paths and not is_anything(patterns) for path, patterns in rule.when)
