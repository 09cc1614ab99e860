"""Rules narrow or send elsewhere; the guards that are built in stay on unless a rule names what they look at."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from holdoff.config import parse
from holdoff.core.errors import ConfigError, EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import Ignored, Intent
from holdoff.ingress.events.message import Origin
from holdoff.ingress.events.rules import Routes
from tests.ingress import payloads as p
from tests.ingress.sent_by_others import gitee_push, harness
from tests.ingress.shapes import REGION

PROJECTS = """
[projects.site]
cooldown = 1
starter = { command = ["make"] }
[projects.docs]
cooldown = 1
starter = { command = ["make"] }
"""
FROM_GITHUB = 'when = { "http.headers.x-github-event" = "*" }\n'
A_PUSH = 'when = { "http.headers.x-github-event" = "push" }\n'


def outcomes(rules: str, request: HttpRequest, *, projects: str = PROJECTS) -> list[Intent | EventError]:
    routes = Routes(parse(projects + rules), REGION)
    return routes.intents(http_message(request, Origin(outside=True, scheme="github")))


def pushed(**changes: Any) -> HttpRequest:
    return p.github_push(**changes)


def taken(found: list[Intent | EventError]) -> list[tuple[str, str | None]]:
    """The projects that are asked, each with its key; empty: nothing is built."""
    assert not any(isinstance(one, EventError) for one in found), found
    return [(one.project, one.key) for one in found if isinstance(one, Request)]


def why(found: list[Intent | EventError]) -> str:
    (one,) = found
    assert isinstance(one, Ignored), one
    return one.why


@pytest.mark.parametrize("power", [{"region": "us-east-1"}, {"key": "a"}], ids=["region", "key"])
def test_no_rule_lets_an_event_from_outside_say_its_region_or_its_key(power: dict[str, str]) -> None:
    """Nor a rule that takes what no sender here is known to have sent."""
    rule = '[[rules]]\nwhen = { "change.type" = "null" }\nproject = "site"\n'
    (found,) = outcomes(rule, p.posted({"project": "site", **power}, {}))
    assert "is for a rule to say" in str(found)


def test_a_branch_that_a_project_names_is_all_that_is_said_of_it() -> None:
    """No advice to set what is set."""
    tables = PROJECTS.replace("[projects.site]", '[projects.site]\nbranch = "trunk"')
    push = p.bitbucket_push(p.bitbucket_change("side"))
    assert why(outcomes(BY_SITE, push, projects=tables)) == "side is not trunk, and no rule takes it"


BY_SITE = '[[rules]]\nwhen = {}\nproject = "site"\n'
BY_REPOSITORY = '[[rules]]\nwhen = { "repository.full_name" = "octo/site" }\nproject = "site"\n'
TAG, SIDE = {"ref": "refs/tags/v1"}, {"ref": "refs/heads/side"}


@pytest.mark.parametrize("rules", [BY_REPOSITORY, f'[[rules]]\n{FROM_GITHUB}project = "site"\n'])
def test_a_rule_that_only_chooses_the_project_lifts_no_guard(rules: str) -> None:
    assert taken(outcomes(rules, pushed())) == [("site", None)]
    assert "not the default branch" in why(outcomes(rules, pushed(**SIDE)))
    assert "is no branch" in why(outcomes(rules, pushed(**TAG)))
    assert "was deleted" in why(outcomes(rules, pushed(deleted=True, after="0" * 40)))


def test_a_rule_with_names_does_not_take_an_event_without_a_ref() -> None:
    rule, star = (
        '[[rules]]\nwhen = { "http.headers.x-github-event" = "star" }\nproject = "site"\n',
        p.github("star", {}),
    )
    assert taken(outcomes(rule, star)) == [("site", None)]
    for names in ('branches = ["**"]', 'branches = ["$default-branch"]', 'tags = ["**"]'):
        assert why(outcomes(f"{rule}{names}\n", star)) == "the event names no branch and no tag, and the rule wants one"


@pytest.mark.parametrize(
    ("narrowing", "push", "is_taken"),
    [
        ('branches = ["next", "side"]', SIDE, True),
        ('branches = ["next"]', SIDE, False),
        ('branches = ["**"]', {"ref": "refs/heads/a/b"}, True),
        ('branches = ["*"]', {"ref": "refs/heads/a/b"}, False),
        ('branches = ["release/*"]', {"ref": "refs/heads/release/1"}, True),
        ('branches = "$default-branch"', {}, True),
        ('branches = "$default-branch"', SIDE, False),
        ('tags = ["v*"]', TAG, True),
        ('tags = ["v*"]', {}, False),
        ('tags = ["v*"]\nbranches = ["$default-branch"]', {}, True),
    ],
)
def test_branches_and_tags_narrow(narrowing: str, push: dict[str, Any], is_taken: bool) -> None:
    found = outcomes(f'[[rules]]\n{A_PUSH}project = "site"\n{narrowing}\n', pushed(**push))
    assert taken(found) == ([("site", None)] if is_taken else [])


@pytest.mark.parametrize(
    "when",
    ['ref = "refs/heads/side"', 'ref = "refs/heads/*"', '"change.branch" = "side"', '"change.ref" = "refs/*"'],
)
def test_a_condition_on_the_ref_names_it(when: str) -> None:
    rules = f'[[rules]]\nwhen = {{ "http.headers.x-github-event" = "push", {when} }}\nproject = "site"\n'
    assert taken(outcomes(rules, pushed(**SIDE))) == [("site", None)]


def test_so_does_one_on_the_short_name_that_a_sender_has_beside_it() -> None:
    rules = '[[rules]]\nwhen = { "changes.0.ref.displayId" = "side" }\nproject = "site"\n'
    assert taken(outcomes(rules, p.data_center_push(p.data_center_change("refs/heads/side")))) == [("site", None)]


@pytest.mark.parametrize(
    ("branch", "projects"), [("main", ["docs"]), ("trunk", ["site"]), ("side", [])], ids=["main", "trunk", "side"]
)
@pytest.mark.parametrize("named", ['project = ["site", "docs"]', "", 'project = "event.to"'])
def test_each_project_has_a_default_branch_of_its_own_where_the_sender_names_none(
    branch: str, projects: list[str], named: str
) -> None:
    tables = PROJECTS.replace("[projects.site]", '[projects.site]\nbranch = "trunk"')
    rules = f'[[rules]]\nwhen = {{}}\nbranches = ["$default-branch"]\n{named}\n'
    push = p.bitbucket_push(p.bitbucket_change(branch))
    found: list[tuple[str, str | None]] = []
    for name in ("site", "docs"):
        to = push.but(path=f"/hooks/{name}", body=json.dumps({**json.loads(push.body), "to": name}).encode())
        found += taken(outcomes(rules, to, projects=tables))
    assert sorted({project for project, _ in found}) == projects


@pytest.mark.parametrize(
    ("ref", "projects"), [("heads/main", []), ("heads/trunk", ["site"]), ("tags/v1", [])], ids=["main", "trunk", "tag"]
)
@pytest.mark.parametrize("rules", ["", '[[rules]]\nwhen = {}\nproject = "site"\nbranches = ["$default-branch"]\n'])
def test_a_project_s_branch_is_the_one_whatever_the_sender_calls_the_default(
    ref: str, projects: list[str], rules: str
) -> None:
    """It was passed over in silence where the sender, GitHub above all, names a default branch."""
    tables = PROJECTS.replace("[projects.site]", '[projects.site]\nbranch = "trunk"')
    found = outcomes(rules, pushed(ref=f"refs/{ref}"), projects=tables)
    assert [project for project, _ in taken(found)] == projects
    if ref == "heads/main" and not rules:
        assert "main is not trunk, and no rule takes it" in str(found)


def test_what_a_guard_keeps_from_one_rule_goes_on_only_to_those_that_name_it() -> None:
    tables = PROJECTS.replace("[projects.docs]", '[projects.docs]\nbranch = "side"')
    for_all = '[[rules]]\nwhen = {}\nproject = "docs"\n'
    assert taken(outcomes(for_all, pushed(**SIDE), projects=tables)) == [("docs", None)]
    assert taken(outcomes(BY_REPOSITORY + for_all, pushed(**SIDE), projects=tables)) == []
    named = outcomes(BY_REPOSITORY + for_all + 'branches = ["side"]\n', pushed(**SIDE), projects=tables)
    assert taken(named) == [("docs", None)]


def test_of_several_refs_in_one_push_each_is_what_it_is() -> None:
    rules = '[[rules]]\nwhen = {}\nproject = "site"\nbranches = ["**"]\ntags = ["**"]\n'
    changes = (p.bitbucket_change(), p.bitbucket_change("v1", kind="tag"), p.bitbucket_change("old", new=None))
    branch, tag, deleted = outcomes(rules, p.bitbucket_push(*changes))
    assert isinstance(branch, Request)
    assert isinstance(tag, Request)
    assert [one.line for one in (branch, tag)] == ["octo/site refs/heads/main", "octo/site refs/tags/v1"]
    own = (branch.event_id or "").partition("#")[0]
    assert [one.event_id for one in (branch, tag)] == [f"{own}#refs/heads/main", f"{own}#refs/tags/v1"]
    assert deleted == Ignored("old was deleted")


def test_a_condition_on_anything_names_nothing() -> None:
    rules = '[[rules]]\nwhen = { ref = "*" }\nproject = "site"\n'
    assert taken(outcomes(rules, pushed(**SIDE))) == []


def test_a_build_for_each_branch_is_two_lines() -> None:
    rules = '[[rules]]\nwhen = {}\nproject = "site"\nbranches = ["**"]\nkey = "change.branch"\n'
    assert taken(outcomes(rules, pushed(**SIDE))) == [("site", "side")]
    assert taken(outcomes(rules, pushed())) == [("site", "main")]


def test_paths_in_braces_make_a_text() -> None:
    rules = '[[rules]]\nwhen = {}\nproject = "site"\nkey = "{change.repository}-{event.ref}"\n'
    assert taken(outcomes(rules, pushed())) == [("site", "octo/site-refs/heads/main")]
    wrong = '[[rules]]\nwhen = {}\nproject = "site"\nkey = "{event.nothing}"\n'
    (error,) = outcomes(wrong, pushed())
    assert "event.nothing is missing, and a rule takes a text from there" in str(error)


@pytest.mark.parametrize("text", ["{ change.branch }", "{change.branche}", "a {sns.topicArn}", " change.branch"])
def test_a_path_in_braces_that_can_lead_nowhere_is_refused(text: str) -> None:
    """It would stand for itself: one gate for all branches."""
    with pytest.raises(ConfigError, match=r"rules\[0\]\.key is .*; write a path such as"):
        parse(f'{PROJECTS}[[rules]]\nwhen = {{}}\nproject = "site"\nkey = "{text}"\n')
    parse(f"{PROJECTS}[[rules]]\nwhen = {{}}\nproject = 'site'\nreason = '{{a}} {{\"b\": 1}}'\n")


# --- paths ---------------------------------------------------------------------------------------


def commits(*changes: dict[str, list[str]]) -> dict[str, Any]:
    listed = [{"id": str(n), "added": [], "modified": [], "removed": []} | one for n, one in enumerate(changes)]
    return {"commits": listed}


OF_SRC_BUT_MD = 'paths = ["src/**"]\npaths_ignore = ["**.md"]'


@pytest.mark.parametrize(
    ("narrowing", "changes", "is_taken"),
    [
        ('paths = ["docs/**"]', [{"added": ["docs/a/b.md"]}], True),
        ('paths = ["docs/**"]', [{"modified": ["src/a"]}, {"removed": ["docs/a"]}], True),
        ('paths = ["docs/**"]', [{"removed": ["docs/a"]}, {"modified": ["src/a"]}], True),
        ('paths = ["docs/**"]', [{"modified": ["src/docs/a"]}], False),
        ('paths = ["docs/*"]', [{"modified": ["docs/a/b.md"]}], False),
        ('paths = ["*.md"]', [{"modified": ["a/b.md"]}], False),
        ('paths = ["**/*.md"]', [{"modified": ["b.md"]}], True),
        ('paths = ["**.md"]', [{"modified": ["a/b.md"]}], True),
        ('paths = ["[id].tsx"]', [{"modified": ["[id].tsx"]}], True),
        ('paths = ["[id].tsx"]', [{"modified": ["i.tsx"]}], False),
        ('paths_ignore = ["docs/**"]', [{"modified": ["docs/a"]}], False),
        ('paths_ignore = ["docs/**"]', [{"modified": ["docs/a"]}, {"added": ["src/b"]}], True),
        (OF_SRC_BUT_MD, [{"modified": ["src/a.md"]}], False),
        (OF_SRC_BUT_MD, [{"modified": ["src/a.md"]}, {"modified": ["src/a.py"]}], True),
        (OF_SRC_BUT_MD, [{"modified": ["src/a.md", "README.txt"]}], False),  # neither file is of the rule
        (OF_SRC_BUT_MD, [{"modified": ["src/a.md"]}, {"removed": ["test/a.py"]}], False),
    ],
)
def test_paths_are_of_all_commits(narrowing: str, changes: list[dict[str, list[str]]], is_taken: bool) -> None:
    found = outcomes(f'[[rules]]\n{A_PUSH}project = "site"\n{narrowing}\n', pushed(**commits(*changes)))
    assert taken(found) == ([("site", None)] if is_taken else [])


OF_DOCS = '[[rules]]\nwhen = {}\nproject = "site"\npaths = ["docs/**"]\n'
OF_SOURCES = commits({"modified": ["src/a"]})


@pytest.mark.parametrize(
    "unknown",
    [
        *([], None, [{"id": "1"}], [{"id": "1"}, {"added": ["src/a"]}], [{"added": []}] * 2),
        *([{"added": ["src/a"]}] * 2048, [{"added": ["src/a"] * 3000}]),
    ],
)
@pytest.mark.parametrize("more", ["", 'paths_ignore = ["src/**"]'])
def test_where_not_all_paths_are_known_the_change_is_built(unknown: object, more: str) -> None:
    assert taken(outcomes(OF_DOCS + more, pushed(commits=unknown))) == [("site", None)]


@pytest.mark.parametrize("more", [{"forced": True}, {"created": True, "before": p.ZERO}], ids=["forced", "created"])
def test_what_was_taken_away_or_is_new_is_in_no_list_of_paths(more: dict[str, Any]) -> None:
    assert taken(outcomes(OF_DOCS, pushed(**OF_SOURCES))) == []
    assert taken(outcomes(OF_DOCS, pushed(**OF_SOURCES, **more))) == [("site", None)]


@pytest.mark.parametrize(("total", "is_taken"), [(1, False), (2, True), (None, True)])
@pytest.mark.parametrize("sender", ["Gitea", "Forgejo", "Gogs"])
def test_a_list_of_commits_that_may_be_longer_does_not_narrow(sender: str, total: int | None, is_taken: bool) -> None:
    """Gogs lists five at most, and never says how many there are:
    https://github.com/gogs/gogs/blob/main/internal/database/actions.go"""
    found = outcomes(OF_DOCS, p.forge_push(sender, **OF_SOURCES, total_commits=total))
    assert taken(found) == ([("site", None)] if is_taken else [])
    for push in (gitee_push, partial(harness, "branch_updated")):
        found = outcomes(OF_DOCS, p.posted(push(**OF_SOURCES, total_commits_count=total), {}))
        assert taken(found) == ([("site", None)] if is_taken else [])


def test_the_default_branch_as_github_called_it_at_first() -> None:
    """``master_branch``, which its pushes still have beside the other."""
    old = p.github_push("refs/heads/trunk", repository={"name": "site", "master_branch": "trunk"})
    assert taken(outcomes("", old)) == [("site", None)]
    renamed = p.github_push("refs/heads/trunk", repository={"default_branch": "main", "master_branch": "trunk"})
    assert taken(outcomes("", renamed)) == []


NOT_OF_RULE = "no file was changed that the rule's paths and paths_ignore choose"
MONOREPO = f"""
[[rules]]
{A_PUSH}paths = ["site/**"]
project = "site"
continue = true
[[rules]]
{A_PUSH}paths = ["docs/**"]
project = "docs"
"""


def test_a_push_may_go_to_several_projects() -> None:
    both = pushed(**commits({"added": ["site/a", "docs/a"]}))
    assert taken(outcomes(MONOREPO, both)) == [("site", None), ("docs", None)]
    assert taken(outcomes(MONOREPO, pushed(**commits({"added": ["docs/a"]})))) == [("docs", None)]
    assert why(outcomes(MONOREPO, pushed(**commits({"added": ["other"]})))) == NOT_OF_RULE
    listed = f'[[rules]]\n{A_PUSH}project = ["site", "docs"]\n'
    assert taken(outcomes(listed, both)) == [("site", None), ("docs", None)]


def test_without_continue_the_first_rule_that_takes_an_event_keeps_it() -> None:
    both = pushed(**commits({"added": ["site/a", "docs/a"]}))
    assert taken(outcomes(MONOREPO.replace("continue = true", ""), both)) == [("site", None)]


def test_an_ignoring_rule_ends_the_list_and_takes_nothing_back() -> None:
    rules = MONOREPO.replace('project = "docs"', 'ignore = "by hand"')
    both = pushed(**commits({"added": ["site/a", "docs/a"]}))
    assert taken(outcomes(rules, both)) == [("site", None)]
    assert why(outcomes(rules, pushed(**commits({"added": ["docs/a"]})))) == "by hand"


@pytest.mark.parametrize("changes", [{}, {"push": {"changes": None}}], ids=["none", "null"])
def test_what_does_not_say_what_it_changed_is_ignored_by_a_rule_for_all_but_not_by_one_for_some(changes: Any) -> None:
    rules, push = '[[rules]]\nwhen = {}\nignore = "by hand"\n', p.bitbucket("repo:push", changes)
    assert why(outcomes(rules, push)) == "by hand"
    for names in ('branches = "side"', 'tags = "v*"', 'paths = "docs/**"', 'paths_ignore = "docs/**"'):
        (error,) = outcomes(f"{rules}{names}\n", push)
        assert "does not say what was pushed" in str(error)


@pytest.mark.parametrize("names", ['branches = ["side"]', 'tags = ["v*"]', 'branches = ["side"]\ntags = ["v*"]'])
@pytest.mark.parametrize("push", [{}, SIDE, TAG], ids=["main", "side", "tag"])
def test_an_ignoring_rule_ignores_what_its_names_say_and_nothing_else(names: str, push: dict[str, Any]) -> None:
    rules = f'[[rules]]\nwhen = {{}}\n{names}\nignore = "left out"\n'
    rules += '[[rules]]\nwhen = {}\nbranches = ["**"]\ntags = ["**"]\nproject = "site"\n'
    is_left_out = ("side" in names and push is SIDE) or ("v*" in names and push is TAG)
    found = outcomes(rules, pushed(**push))
    assert why(found) == "left out" if is_left_out else taken(found) == [("site", None)]


@pytest.mark.parametrize(
    ("changed", "is_left_out"),
    [
        (commits({"modified": ["docs/a"]}, {"removed": ["docs/b"]}), True),
        (commits({"modified": ["docs/a", "src/a"]}), False),
        (commits({"modified": ["src/a"]}), False),
        ({"commits": []}, False),
    ],
    ids=["docs", "both", "sources", "unknown"],
)
@pytest.mark.parametrize(
    "names", ['paths = ["docs/**"]', 'paths_ignore = ["src/**"]', 'paths = ["docs/**"]\npaths_ignore = ["**.py"]']
)
def test_an_ignoring_rule_loses_no_change_of_other_files(
    changed: dict[str, Any], is_left_out: bool, names: str
) -> None:
    rules = f'[[rules]]\nwhen = {{}}\n{names}\nignore = "by hand"\n[[rules]]\nwhen = {{}}\nproject = "site"\n'
    assert bool(taken(outcomes(rules, pushed(**changed)))) is not is_left_out


# --- [skip ci] -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_skipped"),
    [
        ("fix\n\n[skip ci]", True),
        ("[CI SKIP] fix", True),
        ("fix [no ci]", True),
        ("fix [skip-ci]", True),
        ("[CI_skip] fix", True),
        ("[skip actions]", True),
        ("[actions skip]", True),
        ("fix\n\n\nskip-checks: true", True),
        ("fix\n\n\nSigned-off-by: mona\nskip-checks:true\n", True),
        ("fix\n\nskip-checks: true", False),
        ("skip ci", False),
        ("[skip cinema]", False),
        ("add a page", False),
        ("bump by dependabot[bot]", False),
        (None, False),
    ],
)
def test_skip_ci_is_obeyed_as_github_documents_it(text: str | None, is_skipped: bool) -> None:
    head = {"id": "a" * 40, "message": text}
    only = '[projects.site]\ncooldown = 1\nstarter = { command = ["make"] }\n'
    found = outcomes("", pushed(head_commit=head), projects=only)
    assert taken(found) == ([] if is_skipped else [("site", None)])
    assert taken(outcomes("", pushed(head_commit=head), projects=only + "skip_ci = false\n")) == [("site", None)]


def test_no_source_version_can_be_said() -> None:
    rules = '[[rules]]\nwhen = {}\nproject = "site"\nsource_version = false\n'
    (found,) = outcomes(rules, pushed())
    assert isinstance(found, Request)
    assert found.source_version is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('branches = ["refs/heads/main"]', "write 'main': the name without refs/heads/"),
        ('paths = ["/docs/**"]', "write 'docs/**': no such name begins with '/'"),
        ('paths = ["./docs/**"]', "write 'docs/**'"),
        ('paths = ["docs/"]', "write 'docs/**': a file's path, not a folder's"),
        ('paths = ["!docs/**"]', "without '!': to leave names out, use paths_ignore"),
        ('branches = ["!side"]', "without '!': to leave names out, use a rule before it that has 'ignore'"),
        ('tags = ["$default-branch"]', "rules[0].tags is"),
        ('tags = ["v[12].[0-9]+"]', "only * and ? stand for other characters"),
        ('branches = ["side^"]', "a name that git allows: no white space, [ \\ ^ ~ : '..' '//', and"),
        ('branches = ["release/"]', "write 'release/**': no such name ends with '/'"),
        ('branches = ["main, next"]', "a name that git allows"),
        ('branches = ["feature//*"]', "a name that git allows"),
        ('branches = ["v1..v2"]', "a name that git allows"),
        ('branches = ["*/.wip"]', "a name that git allows"),
        ('tags = ["v1."]', "a name that git allows"),
        ('tags = ["v*.lock"]', "a name that git allows"),
        ('tags = ["HEAD@{1}"]', "a name that git allows"),
        ('paths = ["docs//*"]', "a path without '//', '.' and '..'"),
        ('paths = ["docs/../*"]', "a path without '//', '.' and '..'"),
        ('paths = ["../docs/**"]', "a path without '//', '.' and '..'"),
        ('paths_ignore = ["**/."]', "a path without '//', '.' and '..'"),
        ('branches = ["$default"]', "in branches '$default-branch'"),
        ("branches = []", "rules[0].branches is []"),
        ("paths = 7", "rules[0].paths is 7"),
        ('continue = "yes"', "write true or false"),
        ('project = ["site", "site"]', "write each project once"),
        ("source_version = true", "rules[0].source_version is True"),
        ('key = "{branch}"', "write a path in the braces, such as '{change.branch}'"),
        ('key = "{change.branch"', "write a path in the braces, such as '{change.branch}'"),
        ('environment = { PATH = "event.ref" }', "says which code runs"),
        ('environment = { aws_region = "event.ref" }', "says which code runs"),
    ],
)
def test_a_rule_that_could_never_do_what_it_says_is_refused(rule: str, said: str) -> None:
    project = "" if rule.startswith("project") else 'project = "site"\n'
    with pytest.raises(ConfigError) as caught:
        parse(f"{PROJECTS}[[rules]]\nwhen = {{}}\n{project}{rule}\n")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        *(
            'branches = ["release/**", "v1.?", "*.x", "a@b", "feature/#7-ü", "v1./x", "locked", "?", "{x}"]',
            "tags = 'v*.*'",
        ),
        'paths = [".github/**", "docs/.x", "a..b", "**.md", "[id]/page.tsx", "a b/...", "..x", "**/*", "main.lock"]',
    ],
)
def test_a_name_that_may_be_is_taken(names: str) -> None:
    assert parse(f'{PROJECTS}[[rules]]\nwhen = {{}}\nproject = "site"\n{names}\n').rules[0].has_names


@pytest.mark.parametrize("branch", ["release/", "main, next", "main next", "a//b"])
def test_a_projects_branch_that_no_push_has_is_refused(branch: str) -> None:
    with pytest.raises(ConfigError, match=r"projects\.docs\.branch is '.*'; write "):
        parse(f"[projects.docs]\ncooldown = 1\nbranch = '{branch}'\nstarter = {{ command = ['make'] }}\n")


def test_a_variable_in_a_rule_may_have_braces_that_are_the_builds_own() -> None:
    config = parse(
        f'{PROJECTS}[[rules]]\nwhen = {{}}\nproject = "site"\nenvironment = {{ TPL = "{{project}}-{{branch}}" }}\n'
    )
    assert config.rules[0].environment == {"TPL": "{project}-{branch}"}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ('"http.path" = "hooks/site"', "write a path such as '/hooks/site'"),
        ('"http.method" = "post"', "write 'POST'"),
        ('"sns.TopicArn" = "cms-edits"', "write an ARN such as"),
        ('"sqs.eventSourceARN" = ["*:edits", "edits"]', "write an ARN such as"),
        ('"change.ref" = "main"', "write a full ref"),
        ('"change.branch" = ["main", "refs/heads/main"]', "write 'main': the name without refs/heads/"),
        ('"change.tag" = " v*"', "write a name without white space around it"),
        ('"change.branches" = "main"', "a path below the event"),
        ('"http.headers.X-Event-Key" = "*"', "is 'http.headers.X-Event-Key'; write a path below the event"),
        ('"http.headers.X-GitHub-Event" = "*"', "is 'http.headers.X-GitHub-Event'; write a path below the event"),
        ('"http.headers.authorization" = "Bearer x"', "a header that cannot be a secret"),
        ('"http.headers.x-api-key" = "x"', "a header that cannot be a secret"),
        ('"http.headers.x-gitlab-token" = "*"', "a header that cannot be a secret"),
    ],
)
def test_a_pattern_that_can_never_match_is_refused(when: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f'{PROJECTS}[[rules]]\nwhen = {{ {when} }}\nproject = "site"\n')
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ('"change.sender" = "Github"', r"rules\[1\]\.when\.change\.sender is 'Github'; write .* such as GitHub, "),
        ('"change.sender" = ["GitLab", "bitbucket*"]', "is 'bitbucket.*'; write .* such as Bitbucket, "),
        ('"change.type" = "Push"', "is 'Push'; write .* such as push, push of a tag, "),
    ],
)
def test_a_sender_or_type_that_there_is_none_of_is_refused(when: str, said: str) -> None:
    rules = '[[rules]]\nwhen = { "change.sender" = ["GitHub", "G*b", "null"], "change.type" = "p*h" }\nignore = "x"\n'
    with pytest.raises(ConfigError, match=said):
        outcomes(f"{rules}[[rules]]\nwhen = {{ {when} }}\nproject = 'site'\n", pushed())


def test_a_rule_that_nothing_can_reach_is_refused() -> None:
    rules = '[[rules]]\nwhen = {}\nproject = "site"\n[[rules]]\nwhen = { ref = "x" }\nproject = "docs"\n'
    with pytest.raises(ConfigError, match=r"rules\[0\]\.when is {}; write the last rule"):
        parse(PROJECTS + rules)
    parse(PROJECTS + rules.replace('project = "site"', 'project = "site"\ncontinue = true'))
    with pytest.raises(ConfigError, match=r"rules\[0\]\.when is {}; write the last rule"):
        parse(PROJECTS + rules.replace('project = "site"', 'ignore = "not now"'))
    with pytest.raises(ConfigError, match="either ignore or a project, not both"):
        parse(PROJECTS + rules.replace('project = "site"', 'ignore = "not now"\ncontinue = true'))


def test_a_path_may_be_named_like_a_secret_where_it_is_no_header() -> None:
    parse(PROJECTS + '[[rules]]\nwhen = {}\nproject = "site"\nsource_version = "event.detail.object.key"\n')
    with pytest.raises(ConfigError, match="a header that cannot be a secret"):
        parse(PROJECTS + '[[rules]]\nwhen = {}\nproject = "site"\nsource_version = "http.headers.x-key"\n')


@pytest.mark.parametrize(
    "wrong",
    [
        'allow = ["sweep"]',
        'allow = "force"',
        'allow_environment = ["PATH"]',
        'allow_environment = ["LD_PRELOAD"]',
        'allow_environment = ["*"]',
        'allow_environment = ["a b"]',
        'branch = "refs/heads/main"',
        "branch = 7",
        'skip_ci = "no"',
    ],
)
def test_what_a_project_says_of_events_is_checked(wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f'[projects.site]\ncooldown = 1\nstarter = {{ command = ["make"] }}\n{wrong}\n')
    assert f"projects.site.{wrong.partition(' ')[0]}" in str(caught.value)


@pytest.mark.parametrize("at", [[], "noon", -1, 10**30, "2026-11-25T03:00:00", True])
def test_an_instant_of_a_sender_that_is_none_loses_nothing(at: object) -> None:
    repository = {"full_name": "octo/site", "default_branch": "main", "pushed_at": at}
    (found,) = outcomes(BY_REPOSITORY, pushed(repository=repository))
    assert isinstance(found, Request)
    assert found.at_ms is None
