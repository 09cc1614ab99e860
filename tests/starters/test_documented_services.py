"""Every example of ``docs/starters.md``, as it stands there, at stand-ins for the services that it is for."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from holdoff.config import parse
from holdoff.core import token as tokens
from holdoff.core.request import Request
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.services import Services

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT: Final = (Path(__file__).parents[2] / "docs/starters.md").read_text()
SECTIONS: Final = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
EXAMPLES: Final = {
    f"{section.partition(chr(10))[0]} {number}": example
    for section in SECTIONS
    for number, example in enumerate(re.findall(r"^```toml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL), 1)
}
HOOKS: Final = {name: text for name, text in EXAMPLES.items() if "webhook = " in text}
REQUEST: Final = Request(project="site", region="local", source_version="4f2a91c", reason="Käse & more")
TOKEN: Final = tokens.make(1_767_225_600_000, 1)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    with Services() as standin:
        for name, value in {
            "NETLIFY_HOOK": f"{standin.url}/api.netlify.com/build_hooks/5c23354f454e1350f8543e78",
            "NETLIFY_SITE": "3970e0fe",
            "NETLIFY_TOKEN": "nfp_1",
            "VERCEL_HOOK": f"{standin.url}/api.vercel.com/v1/integrations/deploy/prj_98g/tKybB",
            "VERCEL_TEAM": "team_1",
            "VERCEL_TOKEN": "vc_1",
            "CLOUDFLARE_ACCOUNT": "f9f79265",
            "CLOUDFLARE_TOKEN": "cf_1",
            "RENDER_HOOK": f"{standin.url}/api.render.com/deploy/srv-1?key=abc",
            "RENDER_SERVICE": "srv-1",
            "RENDER_KEY": "rnd_1",
            "JENKINS_URL": f"{standin.url}/jenkins",
            "JENKINS_AUTH": base64.b64encode(b"ada:11").decode(),
            "BUILD_URL": f"{standin.url}/own/build",
            "BUILD_KEY": "own_1",
            "GITHUB_TOKEN": GitHubStandin.token,
            "GITLAB_TOKEN": GitLabStandin.token,
        }.items():
            monkeypatch.setenv(name, value)
        yield standin


def starter_in(example: str, standin: Any) -> Any:
    text = example.replace("https://api.", f"{standin.url}/api.")
    return parse(text).projects["site"].make_starter()


def start(starter: Any) -> str:
    return str(starter.start(starter.freeze(REQUEST), TOKEN))


@pytest.mark.parametrize("name", HOOKS)
def test_an_example_builds(services: Services, name: str) -> None:
    build = start(starter_in(HOOKS[name], services))
    assert build == ("1" if "\nid = " in HOOKS[name] else TOKEN)
    assert len(services.builds) == 1


@pytest.mark.parametrize("name", [name for name, text in HOOKS.items() if "status_url" in text])
@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_the_end_of_an_example_is_known(services: Services, name: str, end: str) -> None:
    starter = starter_in(HOOKS[name], services)
    build = start(starter)
    assert starter.status(build) == "running"
    services.builds[build].state = end
    assert starter.status(build) == end
    assert starter.status("99") in (None, "running"), "of Jenkins it may be in the queue"


@pytest.mark.parametrize("name", [name for name, text in HOOKS.items() if "cancel_url" in text])
def test_an_example_can_be_stopped(services: Services, name: str) -> None:
    starter = starter_in(HOOKS[name], services)
    build = start(starter)
    starter.cancel(build)
    assert starter.status(build) == "failed"


def test_what_is_asked_for_is_in_the_request(services: Services) -> None:
    sent = {}
    for name in HOOKS:
        start(starter_in(HOOKS[name], services))
        sent[name] = services.starts[-1]
    assert sent["Netlify 1"].query == {"trigger_title": "Käse & more"}
    assert sent["Vercel 2"].json["gitSource"] == {"type": "github", "org": "acme", "repo": "site", "ref": "main"}
    assert sent["Render 1"].query == {"key": "abc"}
    assert sent["Render 2"].json == {"commitId": "4f2a91c"}
    assert sent["Jenkins 1"].form == {"VERSION": "4f2a91c", "REASON": "Käse & more"}
    assert sent["A hook of your own 1"].json == {"project": "site", "version": "4f2a91c", "why": "Käse & more"}


@pytest.mark.usefixtures("services")
def test_the_examples_of_github_and_gitlab_build() -> None:
    with GitHubStandin() as github:
        starter = parse(EXAMPLES["GitHub Actions 1"]).projects["site"].make_starter()
        starter._endpoint = github.url  # type: ignore[attr-defined]
        assert start(starter) in github.builds
        assert set(re.findall(r"^      (\w+): \{ required", TEXT, re.MULTILINE)) <= github.inputs
    with GitLabStandin() as gitlab:
        starter = parse(EXAMPLES["GitLab CI 1"]).projects["site"].make_starter()
        starter._endpoint = gitlab.url  # type: ignore[attr-defined]
        assert start(starter) in gitlab.builds


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_loads(name: str) -> None:
    parse(EXAMPLES[name]).projects["site"].make_starter()
