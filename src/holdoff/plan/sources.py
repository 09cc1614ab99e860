"""Fetches histories: from git, from a store, from CodeBuild."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from typing import Any, Final

from holdoff.core.errors import HoldoffError, UsageError
from holdoff.core.policy import Policy
from holdoff.core.record import Finished
from holdoff.plan.history import MOST_SPREAD, Entry, History, Span, each_once, in_order, span_of, spread

#: How many builds of CodeBuild are asked for at a time: the most that the service allows.
_AT_A_TIME: Final = 100
#: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html
_SUCCEEDED: Final = {"SUCCEEDED": True} | dict.fromkeys(("FAILED", "FAULT", "TIMED_OUT"), False)
#: The most builds that are read, of a gate's own history or of CodeBuild, which keeps those of a year.
MOST_BUILDS: Final = 100_000


def from_git(path: str, branch: str | None = None) -> History:
    """The commits of a branch (``HEAD`` unless given) by the times of the commits: git does not record pushes. With
    ``--first-parent`` a merge counts once, as its push does (https://git-scm.com/docs/git-log). Without git, or without
    such a repository or branch, it raises UsageError."""
    form = ["--first-parent", "--no-show-signature", "--format=%ct %H"]
    argv = ["git", "-C", path, "log", *form, "--end-of-options", *filter(None, [branch]), "--"]
    try:
        done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())  # what to do is in git's later lines
        raise UsageError(f"git log of {path} failed: {said or f'status {done.returncode}'}")
    newest_first = [line.split() for line in done.stdout.decode().splitlines()]
    commits: list[Entry] = [(int(time) * 1000, None, version, False) for time, version in reversed(newest_first)]
    if not commits:
        raise UsageError(f"git log of {path} has no commits")
    source = f"git log of {path}" + (f", {branch}" if branch else "")
    note = "the times are those of commits: commits that were pushed together were one trigger, and count as many here"
    return in_order(source, commits).but(notes=(note,))


def from_builds(
    builds: Iterable[Finished], source: str, *, policy: Policy | None = None, most: int = MOST_SPREAD
) -> History:
    """The triggers that a gate's builds covered. Without a build it raises EventError.

    Args:
        builds: the gate's history in the store, the newest build first.
        policy: of the gate; if it skips, a note says that the history does not have the skipped triggers.
        most: how many triggers, as for ``history.spread``.
    """
    history = spread(source, each_once(map(span_of_build, builds)), most)
    if policy is None or "skip" not in (policy.on_cooldown, policy.overlap, policy.unchanged):
        return history
    return history.but(notes=(*history.notes, "triggers that this policy skipped are in Holdoff's log, but not here"))


def span_of_build(build: Finished) -> Span:
    """The span of a build as its store has it."""
    covers = build.covers
    triggers = None if covers is None else (covers.first_ms, covers.last_ms, covers.count)
    return span_of(build.started_ms, build.ended_ms, build.succeeded, triggers)


def from_codebuild(project: str, region: str | None = None, *, client: Any = None) -> History:
    """The builds of a CodeBuild project and their durations
    (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildsForProject.html). Any error of the service
    becomes a UsageError that says why. ``client``: of boto3; made here unless given."""
    from holdoff.aws.client import Limits, make_client
    from holdoff.aws.errors import describe as said

    try:
        limits = Limits(connect_s=5, read_s=30, tries=4)
        builds = list(_codebuild_builds(client or make_client("codebuild", limits, region=region), project))
    except ImportError:
        raise UsageError("CodeBuild cannot be asked: botocore is not installed; pip install 'holdoff[aws]'") from None
    except HoldoffError:
        raise
    except Exception as error:  # noqa: BLE001  (no region, no credentials, any answer: the message says why)
        raise UsageError(f"the builds of {project} cannot be read from CodeBuild: {said(error)}") from None
    history = spread(f"CodeBuild project {project}", builds)
    return history.but(notes=(*history.notes, "these are builds: triggers that were held back or dropped are not here"))


def _codebuild_builds(client: Any, project: str) -> Iterator[Span]:
    pages = client.get_paginator("list_builds_for_project").paginate(
        projectName=project, PaginationConfig={"MaxItems": MOST_BUILDS}
    )
    for page in pages:
        ids = page.get("ids", [])
        for first in range(0, len(ids), _AT_A_TIME):
            for build in client.batch_get_builds(ids=ids[first : first + _AT_A_TIME])["builds"]:
                start, end = build.get("startTime"), build.get("endTime")
                if start is not None:
                    ended_ms = None if end is None else round(end.timestamp() * 1000)
                    succeeded = _SUCCEEDED.get(build.get("buildStatus"))
                    yield span_of(round(start.timestamp() * 1000), ended_ms, succeeded, None)
