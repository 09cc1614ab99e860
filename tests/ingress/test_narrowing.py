"""Rules narrow or send elsewhere, seen from the outside: what builds, at which gate, and what is left alone.

What comes are all events of each host that are no push of its default branch (``sent_by_git``), signed as it signs,
under rules that only choose a project; then some under rules that name what they take; then one push for several
projects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdoff.core.errors import StoreError
from holdoff.core.request import GateKey
from holdoff.ingress.events.http import HttpRequest
from tests.ingress import payloads as p
from tests.ingress import sent_by_aws, sent_by_git, shapes
from tests.ingress.driven import BY_NAME, Event, Json, World, project, with_texts
from tests.ingress.function import REGION
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holdoff.core.record import Record

pytestmark = pytest.mark.usefixtures("aws_env")

X, A, S, T = (digit * 40 for digit in "1256")


@pytest.fixture
def world_of(shared_standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Makes the function of a file with the projects ``site`` and ``docs``, and these rules."""

    def made(*rules: str) -> World:
        return World(shared_standin, tmp_path, monkeypatch, project("site"), project("docs"), *rules)

    return made


def rule(when: str, project: str | None = '"site"', *more: str) -> str:
    """A table ``[[rules]]``."""
    named = [] if project is None else [f"project = {project}"]
    return "\n".join(["[[rules]]", f"when = {{ {when} }}", *named, *more, ""])


def at(world: World, name: str = "site") -> Record:
    return world.dispatch.store.get(GateKey(name, REGION))


def come(world: World, host: str, event: Event) -> Json:
    """It comes by a URL that names no project: the rules choose one."""
    event = event.but(path="/hook") if isinstance(event, HttpRequest) else event
    return world.get(event, scheme=BY_NAME[host].scheme)


def pushed(world: World, host: str, version: str, ref: str = "refs/heads/main", parent: str = "9" * 40) -> Json:
    """A push a second later."""
    world.wait("1s")
    return come(world, host, BY_NAME[host].push(version, parent, world.clock.now_ms(), ref=ref))


# --- rules that only choose the project --------------------------------------------------------------

_MORE: dict[str, list[Event]] = {
    "GitHub": [
        p.github_pull_request(merged=False),
        p.github_pull_request("synchronize"),
        p.github("delete", {"ref": "v1", "ref_type": "tag"}),
        p.github("create", {"ref": "v1", "ref_type": "tag"}),
        p.github("check_run", {"action": "created", "check_run": {"head_sha": A, "name": "lint"}}),
        p.github("check_suite", {"action": "requested", "check_suite": {"head_sha": A, "head_branch": "main"}}),
        p.github("status", {"sha": A, "state": "success", "branches": [{"name": "main"}]}),
        p.github("workflow_dispatch", {"ref": "refs/heads/side", "inputs": None}),
        p.github("deployment", {"action": "created", "deployment": {"ref": "main", "sha": A}}),
        p.github("fork", {"forkee": {"full_name": "mona/site"}}),
        p.github("watch", {"action": "started"}),
    ],
    "GitLab": [
        p.gitlab("pipeline", {"object_kind": "pipeline", "object_attributes": {"ref": "main", "sha": A}}),
        p.gitlab("build", {"object_kind": "build", "ref": "main", "sha": A, "build_status": "success"}),
        p.gitlab("release", {"object_kind": "release", "tag": "v1", "action": "create", "commit": {"id": A}}),
        p.gitlab("deployment", {"object_kind": "deployment", "ref": "main", "status": "success"}),
    ],
    "Bitbucket Cloud": [p.bitbucket("pullrequest:rejected", {}), p.bitbucket("repo:fork", {})],
    "Azure DevOps": [p.azure("ms.vss-pipelines.run-state-changed-event", {"run": {"state": "completed"}})],
}


def no_changes(host: str) -> list[Event]:
    """What a host sends that is no push of its default branch."""
    listed = [*sent_by_git.SENT, *sent_by_aws.SENT]
    found = [sent.what for sent in listed if sent.sender == host and isinstance(sent.becomes, str)]
    assert len(found) >= 5
    return [*found, *_MORE.get(host, [])]


_BY_HEADER = {"GitHub": "x-github-event", "GitLab": "x-gitlab-event", "Azure DevOps": "content-type"} | {
    name: f"x-{name.lower()}-event" for name in ("Gitea", "Forgejo", "Gogs")
}
_BY_PATH = {
    "GitLab": '"project.path_with_namespace" = "octo/site"',
    "Bitbucket Data Center": '"repository.slug" = "site"',
    "Azure DevOps": '"resource.repository.name" = "site"',
    "CodeCommit": '"detail.repositoryName" = "web"',
}
#: Rules that say whose project it is, and nothing of an event's type or ref, by what they look at.
CHOOSING: dict[str, Callable[[str], str]] = {
    "the repository in the event": lambda host: rule(_BY_PATH.get(host, '"repository.full_name" = "octo/site"')),
    "change.repository": lambda _: rule('"change.repository" = ["octo/site", "OCTO/*", "web"]'),
    "change.sender": lambda host: rule(f'"change.sender" = "{host.split()[0]}*"'),
    "the URL": lambda _: rule('"http.path" = "/hook"'),
    "any type": lambda host: rule(f'"http.headers.{_BY_HEADER.get(host, "x-event-key")}" = "*", "change.ref" = "*"'),
    "nothing": lambda _: rule("", '["site"]', 'reason = "because"', "[rules.environment]", 'BY = "change.sender"'),
    "nothing, and two rules": lambda _: (
        rule("", '"site"', "continue = true") + rule('"change.repository" = "other/*"', '"docs"')
    ),
}
PUSHING = [name for name in BY_NAME if name != "CodeCommit's trigger"]
CASES = [(host, by) for host in PUSHING for by in CHOOSING if host != "CodeCommit" or by not in ("the URL", "any type")]


@pytest.mark.parametrize(("host", "by"), CASES, ids=[f"{host} by {by}" for host, by in CASES])
def test_a_rule_that_only_chooses_the_project_makes_no_change_of_what_is_none(
    world_of: Callable[..., World], host: str, by: str
) -> None:
    world = world_of(CHOOSING[by](host))
    for event in no_changes(host):
        assert "ignored" in come(world, host, event)
    assert world.builds == []

    assert pushed(world, host, X)["outcome"] == "started"
    assert pushed(world, host, A)["outcome"] == "deferred"
    waiting = at(world)
    for event in no_changes(host):
        assert "ignored" in come(world, host, event)
    assert at(world) == waiting
    world.rest()
    assert [one for one in world.builds if one[0] == "site"] == [("site", X), ("site", A)]
    assert world.of_version(A).verdict == "covered"


def test_what_no_change_is_of_other_services_stays_none_under_a_rule_that_chooses(
    world_of: Callable[..., World],
) -> None:
    world = world_of(
        rule('source = ["aws.s3", "aws.ecr", "aws.codecommit", "aws.codebuild", "aws.codepipeline"]'),
        rule('"change.sender" = ["S3", "ECR"]'),
        rule('"s3.bucket.name" = "content"'),
        rule('"detail.repository-name" = "web"'),
        rule(""),
    )
    ignored = [sent for sent in sent_by_aws.SENT if isinstance(sent.becomes, str)]
    assert len(ignored) > 15
    for sent in ignored:
        assert "ignored" in come(world, "CodeCommit", sent.what), sent.name
    assert world.builds == []


# --- rules that name what they take ------------------------------------------------------------------


def _dispatch(ref: str) -> HttpRequest:
    return p.github("workflow_dispatch", {"ref": ref, "inputs": None, "workflow": ".github/workflows/site.yml"})


def _failed_image() -> Json:
    return shapes.ecr(result="FAILURE")


_CHECK_RUN = p.github("check_run", {"action": "completed", "check_run": {"head_sha": A}})
_RELEASE = p.gitlab("Release Hook", {"object_kind": "release", "tag": "v1", "action": "create"})
_FORGE_RELEASE = p.forge("Gitea", "release", {"action": "published", "release": {"tag_name": "v1"}})
_SYSTEM = p.gitlab_system_hook("project_create")
_MERGED = '"http.headers.x-github-event" = "pull_request", action = "closed", "pull_request.merged" = true'
#: What comes, under which rule, and with which version it is built; ``""``: it is not.
NAMED: dict[str, tuple[str, Event, str, str | None]] = {
    "a release by its type": ("GitHub", p.github_release(), rule('"http.headers.x-github-event" = "release"'), "v1.0"),
    "a release by change.type": ("GitHub", p.github_release(), rule('"change.type" = "release"'), "v1.0"),
    "a release by its tag only": ("GitHub", p.github_release(), rule("", '"site"', 'tags = ["v*"]'), ""),
    "a check by its type": ("GitHub", _CHECK_RUN, rule('"http.headers.x-github-event" = ["check_run", "star"]'), None),
    "a check by its action": ("GitHub", _CHECK_RUN, rule('action = "completed"'), ""),
    "a merged pull request": ("GitHub", p.github_pull_request(), rule(_MERGED), None),
    "one that was closed only": ("GitHub", p.github_pull_request(merged=False), rule(_MERGED), ""),
    "a dispatch on main": (
        "GitHub",
        _dispatch("refs/heads/main"),
        rule('"http.headers.x-github-event" = "workflow_dispatch"'),
        "main",
    ),
    "a dispatch on a side branch": (
        "GitHub",
        _dispatch("refs/heads/side"),
        rule('"http.headers.x-github-event" = "workflow_dispatch"'),
        "",
    ),
    "a dispatch on a side branch, by both": (
        "GitHub",
        _dispatch("refs/heads/side"),
        rule('"http.headers.x-github-event" = "workflow_dispatch"', '"site"', 'branches = ["side"]'),
        "side",
    ),
    "GitLab's release by its header": (
        "GitLab",
        _RELEASE,
        rule('"http.headers.x-gitlab-event" = "Release Hook"'),
        None,
    ),
    "GitLab's release by its kind": ("GitLab", _RELEASE, rule('object_kind = "release"'), None),
    "a system hook by its name": ("GitLab", _SYSTEM, rule('event_name = "project_*"'), None),
    "a system hook by being one": ("GitLab", _SYSTEM, rule('"http.headers.x-gitlab-event" = "System Hook"'), ""),
    "Gitea's release": ("Gitea", _FORGE_RELEASE, rule('"http.headers.x-gitea-event" = "release"'), None),
    "Gitea's release, as at GitHub": ("Gitea", _FORGE_RELEASE, rule('"http.headers.x-github-event" = "release"'), None),
    "Bitbucket's merge": (
        "Bitbucket Cloud",
        p.bitbucket_merged(),
        rule('"http.headers.x-event-key" = "pullrequest:fulfilled"'),
        None,
    ),
    "Azure's merge": (
        "Azure DevOps",
        p.azure("git.pullrequest.merged", {"pullRequestId": 2}),
        rule('eventType = "git.pullrequest.merged"'),
        None,
    ),
    "a failed push of an image, by its action": ("", _failed_image(), rule('"detail.action-type" = "PUSH"'), ""),
    "a failed push of an image, by its result": ("", _failed_image(), rule('"detail.result" = "FAILURE"'), None),
    "a failed deletion of an image, by its action": (
        "",
        shapes.ecr(**{"action-type": "DELETE", "result": "FAILURE"}),
        rule('"detail.action-type" = "DELETE"'),
        "",
    ),
    "a deleted image, by its result": (
        "",
        shapes.ecr(**{"action-type": "DELETE"}),
        rule('"detail.result" = "SUCCESS"'),
        "",
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_a_rule_takes_what_is_ignored_only_where_it_names_its_type(world_of: Callable[..., World], case: str) -> None:
    host, event, rules, version = NAMED[case]
    world = world_of(rules)
    became = come(world, host, event) if host else world.send(event)
    assert ("ignored" in became) is (version == ""), became
    assert world.builds == ([] if version == "" else [("site", version)])


REFS = [
    ('branches = ["side"]', "refs/heads/side", True),
    ('branches = ["side"]', "refs/heads/main", False),
    ('branches = ["$default-branch"]', "refs/heads/main", True),
    ('branches = ["$default-branch"]', "refs/heads/side", False),
    ('tags = ["v*"]', "refs/tags/v1", True),
    ('tags = ["v*"]', "refs/heads/v1", False),
    ('tags = ["**"]\nbranches = ["**"]', "refs/heads/a/b", True),
]


@pytest.mark.parametrize(("narrowing", "ref", "is_built"), REFS)
def test_a_rule_that_names_a_ref_takes_it_at_every_host(
    world_of: Callable[..., World], narrowing: str, ref: str, is_built: bool
) -> None:
    world = world_of(rule("", '"site"', narrowing))
    expected = []
    for place, host in enumerate(BY_NAME):
        version = f"{place + 1:040}"
        became = pushed(world, host, version, ref, parent="7" * 40)
        assert ("ignored" in became) is not is_built, host
        expected += [("site", version)] if is_built else []
        world.rest()
        world.wait("10m")
    assert world.builds == expected


def test_the_default_branch_is_what_the_project_says_where_the_sender_does_not(
    shared_standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = project("site", more='branch = "trunk"')
    world = World(shared_standin, tmp_path, monkeypatch, trunk, rule("", '"site"', 'branches = ["$default-branch"]'))
    for host in ("Bitbucket Cloud", "CodeCommit"):
        assert "ignored" in pushed(world, host, X)
        assert pushed(world, host, A, "refs/heads/trunk")["outcome"] == "started"
        world.wait("10m")


_ANY_REPOSITORY = '"change.repository" = "?*"'
_TWO = {
    "a tag": ("refs/tags/v1", 'tags = ["v*"]'),
    "a branch": ("refs/heads/next", 'branches = ["next"]'),
}


@pytest.mark.parametrize("host", BY_NAME)
@pytest.mark.parametrize("what", _TWO)
def test_what_a_guard_keeps_from_the_first_rule_goes_on_to_one_that_names_it(
    world_of: Callable[..., World], host: str, what: str
) -> None:
    ref, narrowing = _TWO[what]
    world = world_of(rule(_ANY_REPOSITORY), rule('"change.ref" = "*"', '"docs"', narrowing), rule("", '"docs"'))
    assert pushed(world, host, X)["outcome"] == "started"
    assert pushed(world, host, S, ref)["outcome"] == "started"
    assert "ignored" in pushed(world, host, T, "refs/heads/side")
    assert world.builds == [("site", X), ("docs", S)]


def test_a_release_goes_on_to_the_rule_that_names_it(world_of: Callable[..., World]) -> None:
    world = world_of(rule(_ANY_REPOSITORY), rule('"http.headers.x-github-event" = "release"', '"docs"'))
    assert "ignored" in come(world, "GitHub", _CHECK_RUN)
    assert come(world, "GitHub", p.github_release())["outcome"] == "started"
    assert world.builds == [("docs", "v1.0")]


# --- a gate for each branch --------------------------------------------------------------------------


@pytest.mark.parametrize("host", BY_NAME)
def test_one_rule_makes_a_gate_for_each_branch(world_of: Callable[..., World], host: str) -> None:
    world = world_of(rule("", '"site"', 'branches = ["**"]', 'key = "change.branch"'))
    refs = {"main": (X, A), "a/side": (S, T)}
    for place in (0, 1):
        for branch, versions in refs.items():
            parent = versions[0] if place else "9" * 40
            became = pushed(world, host, versions[place], f"refs/heads/{branch}", parent=parent)
            assert became["outcome"] == ("started", "deferred")[place]
            assert became["project"] == f"site@{branch}"
    assert "ignored" in pushed(world, host, "8" * 40, "refs/tags/v1")
    for branch, versions in refs.items():
        waiting = at(world, f"site@{branch}").pending
        assert waiting is not None
        assert (waiting.count, waiting.request.source_version) == (1, versions[1])
    world.rest()
    assert sorted(world.builds) == [("site", version) for version in (X, A, S, T)]
    for branch, versions in refs.items():
        assert [world.of_version(version, f"site@{branch}").verdict for version in versions] == ["covered"] * 2
        assert world.of_version(versions[0], "site@other").verdict == "unknown"
    assert at(world).lastbuild is None


def test_one_rule_makes_a_gate_for_each_tag_and_branch(world_of: Callable[..., World]) -> None:
    world = world_of(rule("", '"site"', 'branches = ["**"]', 'tags = ["**"]', 'key = "change.ref"'))
    for place, ref in enumerate(("refs/heads/main", "refs/tags/v1", "refs/tags/v2", "refs/heads/v1")):
        assert pushed(world, "GitHub", f"{place + 1:040}", ref)["outcome"] == "started", ref
    assert len(world.builds) == 4


def test_without_a_key_another_branch_replaces_main_and_is_said_to(world_of: Callable[..., World]) -> None:
    """A rule that gives all branches one gate: the last to arrive is built. It never says that main is in it."""
    world = world_of(rule("", '"site"', 'branches = ["**"]'))
    pushed(world, "GitHub", X)
    pushed(world, "GitHub", A, parent=X)
    pushed(world, "GitHub", S, "refs/heads/side", parent=X)
    world.rest()
    assert world.versions == [X, S]
    assert world.of_version(A).verdict == "replaced"
    assert world.of_event(f"id-of-{A}").verdict == "replaced"


def _gone(ref: str) -> dict[str, Event]:
    """That a branch was deleted, as each host says it."""
    name = ref.split("/", 2)[2]
    deleted = shapes.codecommit("referenceDeleted", referenceName=name, referenceFullName=ref)
    del deleted["detail"]["commitId"]
    zero: Json = {"after": p.ZERO, "commits": []}
    return {
        "GitHub": p.github_push(ref, deleted=True, head_commit=None, **zero),
        "GitLab": p.gitlab_push(ref, checkout_sha=None, **zero),
        "Bitbucket Cloud": p.bitbucket_push(p.bitbucket_change(name, new=None)),
        "Bitbucket Data Center": p.data_center_push(p.data_center_change(ref, what="DELETE")),
        "Gitea": p.forge_push("Gitea", ref, **zero),
        "Azure DevOps": p.azure_push((ref, p.BEFORE, p.ZERO)),
        "CodeCommit": deleted,
    }


@pytest.mark.parametrize("host", _gone("refs/heads/main"))
def test_a_deleted_branch_builds_at_no_gate(world_of: Callable[..., World], host: str) -> None:
    world = world_of(rule("", '"site"', 'branches = ["**"]', 'key = "change.branch"'))
    for ref in ("refs/heads/main", "refs/heads/side"):
        assert "ignored" in come(world, host, _gone(ref)[host])
    assert world.builds == []


_BOTH: dict[str, Event] = {
    "Bitbucket Cloud": p.bitbucket_push(p.bitbucket_change("side", new=p.OTHER), p.bitbucket_change()),
    "Bitbucket Data Center": p.data_center_push(
        p.data_center_change("refs/heads/side") | {"toHash": p.OTHER}, p.data_center_change()
    ),
    "Azure DevOps": p.azure_push(("refs/heads/main", p.BEFORE, p.AFTER), ("refs/heads/side", p.ZERO, p.OTHER)),
}


@pytest.mark.parametrize("host", _BOTH)
def test_of_a_push_of_two_branches_each_goes_its_own_way(world_of: Callable[..., World], host: str) -> None:
    world = world_of(rule(_ANY_REPOSITORY))
    answers = come(world, host, _BOTH[host])["answers"]
    assert sorted(answer.get("outcome", "ignored") for answer in answers) == ["ignored", "started"]
    assert world.builds == [("site", p.AFTER)]

    keyed = world_of(rule("", '"site"', 'branches = ["**"]', 'key = "change.branch"'))
    for _ in range(2):
        come(keyed, host, _BOTH[host])
    keyed.rest()
    assert sorted(keyed.builds) == [("site", p.AFTER), ("site", p.OTHER)]


# --- one push for several projects -------------------------------------------------------------------

MONOREPO = (
    rule('"repository.full_name" = "octo/site"', '"site"', 'paths = ["site/**", "shared/**"]', "continue = true"),
    rule('"repository.full_name" = "octo/site"', '"docs"', 'paths = ["docs/**", "shared/**"]'),
)


def _changing(*paths: str) -> HttpRequest:
    """A push of two commits, the first of which changes these files."""
    commits = [{"id": p.OTHER, "modified": list(paths)}, {"id": p.AFTER, "added": ["README.md"]}]
    return p.github_push(commits=commits)


def _pushed(world: World, version: str, *paths: str) -> Json:
    event = with_texts(_changing(*paths), {p.AFTER: version, p.DELIVERY: f"id-of-{version}"})
    return come(world, "GitHub", event)


def test_a_push_builds_each_project_whose_files_it_changes_once(world_of: Callable[..., World]) -> None:
    world = world_of(*MONOREPO)
    both = _pushed(world, X, "shared/a.css")
    assert [one["outcome"] for one in both["answers"]] == ["started", "started"]
    assert both["status"] == 200
    again = _pushed(world, X, "shared/a.css")
    assert [one["why"] for one in again["answers"]] == ["duplicate", "duplicate"]
    assert _pushed(world, A, "docs/a.md")["project"] == "docs"
    assert _pushed(world, S, "site/a.html")["project"] == "site"
    assert "ignored" in _pushed(world, T, "tools/a.sh")
    world.rest()
    assert world.builds == [("site", X), ("docs", X), ("docs", A), ("site", S)]


@pytest.mark.parametrize("failing", ["site", "docs"])
def test_where_one_of_two_projects_fails_the_other_is_built_and_the_missing_one_later(
    world_of: Callable[..., World], failing: str
) -> None:
    world = world_of(*MONOREPO)
    other = "docs" if failing == "site" else "site"
    with world.store_down(failing):
        assert _pushed(world, X, "shared/a.css")["status"] == 503
    assert world.builds == [(other, X)]
    again = _pushed(world, X, "shared/a.css")
    assert {one["project"]: one["outcome"] for one in again["answers"]} == {failing: "started", other: "skipped"}
    assert world.builds == [(other, X), (failing, X)]
    assert world.send(shapes.in_sqs(*world.queue.letters)) == {"batchItemFailures": []}
    world.rest()
    assert len(world.builds) == 2


@pytest.mark.parametrize("failing", ["site", "docs"])
def test_the_dead_letter_of_such_a_push_builds_the_missing_one(world_of: Callable[..., World], failing: str) -> None:
    world = world_of(*MONOREPO)
    with world.store_down(failing):
        _pushed(world, X, "shared/a.css")
    (letter,) = world.queue.letters
    assert world.send(shapes.in_sqs(letter)) == {"batchItemFailures": []}
    assert sorted(world.builds) == [("docs", X), ("site", X)]


def test_of_a_queues_record_for_two_projects_the_one_that_failed_comes_again(world_of: Callable[..., World]) -> None:
    world = world_of(rule('source = "aws.codecommit"', '["site", "docs"]'))
    batch = shapes.in_sqs(shapes.codecommit())
    with world.store_down("site"), pytest.raises(StoreError):
        world.send(batch)
    for _ in range(2):
        assert world.send(batch) == {"batchItemFailures": []}
    assert [name for name, _ in world.builds] == ["docs", "site"]
