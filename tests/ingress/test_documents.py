"""``docs/events.md`` is true: its examples load, and do what is said of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from holdoff.config import parse
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import http_message, opened
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.intents import BuildEnded, Ignored
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.rules import Routes
from tests.ingress import shapes
from tests.ingress.shapes import in_sns, in_sqs
from tests.ingress.test_signatures import check
from tests.ingress.wanted import WEBHOOK, only, wants, without_order

TEXT = (Path(__file__).parents[2] / "docs/events.md").read_text()
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
PROJECTS = "".join(
    f'[projects.{name}]\ncooldown = "10m"\nstarter = {{ codebuild = "{name}" }}\n'
    for name in ("site-build", "site-next", "web")
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_loaded(example: str) -> None:
    config = parse(example if "[projects." in example else example + PROJECTS)
    assert config.rules or config.webhooks or config.projects


def all_rules() -> Routes:
    return Routes(parse("".join(one for one in EXAMPLES if "[[rules]]" in one) + PROJECTS), shapes.REGION)


def asked(message: Message) -> Request:
    found = without_order(only(all_rules(), message))
    assert isinstance(found, Request)
    return found


def posted(body: bytes, **headers: str) -> Message:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http_message(HttpRequest(method="POST", path="/", headers=named, body=body), WEBHOOK)


def test_the_examples_do_what_they_say() -> None:
    image = asked(opened(shapes.ecr())[0])
    assert (image.project, image.environment) == ("site-build", (("TAG", "v1"),))

    event = shapes.s3_created()
    event["detail"] |= {"bucket": {"name": "sources"}}
    event["detail"]["object"] |= {"key": "site.zip"}
    assert asked(opened(event)[0]).source_version == "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"

    assert asked(opened(shapes.codecommit())[0]).project == "web"
    (side,) = opened(shapes.codecommit(referenceName="side"))
    assert without_order(only(all_rules(), side)) == Ignored("only main is built")

    push = b'{"ref": "refs/heads/next", "after": "4f2a91c", "repository": {"default_branch": "main"}}'
    following = asked(posted(push, x_github_event="push"))
    assert (following.project, following.source_version) == ("site-next", "4f2a91c")

    edits = in_sns("x")
    edits["Records"][0]["Sns"] |= {"TopicArn": "arn:aws:sns:eu-west-1:1:cms-edits", "Subject": "7"}
    assert (asked(opened(edits)[0]).project, asked(opened(edits)[0]).reason) == ("site-build", "7")

    topic = "ContentManagement.Entry.publish"
    edit = {"x_contentful_topic": topic, "x_contentful_idempotency_key": "k1"}
    published = asked(posted(b'{"sys": {"type": "Entry", "contentType": {"sys": {"id": "page"}}}}', **edit))
    assert (published.project, published.event_id) == ("site-build", "k1")

    def push_to(repository: str, **more: Any) -> list[tuple[str, str | None]]:
        about = {"full_name": repository, "default_branch": "main"}
        body = {"ref": "refs/heads/main", "after": "4f2a91c", "repository": about, **more}
        found = all_rules().intents(posted(json.dumps(body).encode(), x_github_event="push"))
        return [(one.project, one.key) for one in found if isinstance(one, Request)]

    assert push_to("acme/web", ref="refs/heads/a/b") == [("web", "a/b")]
    assert push_to("acme/web", ref="refs/tags/v1") == [("site-next", None)]
    assert push_to("acme/web", ref="refs/tags/x") == []
    assert push_to("acme/mono", commits=[{"added": ["shared/a"]}]) == [("site-build", None), ("web", None)]
    assert push_to("acme/mono", commits=[{"added": ["docs/a/b.txt"]}]) == []

    ended = without_order(only(all_rules(), opened(shapes.codebuild(project="library"))[0]))
    assert isinstance(ended, BuildEnded)
    assert ended.then is not None
    assert ended.then.project == "site-build"


def test_our_own_form_as_it_is_shown() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    (message,) = opened(in_sqs(shown))
    assert without_order(only(all_rules(), message)) == wants(
        project="site-build", source_version="4f2a91c", reason="edited", event_id="edit-7"
    )


def test_the_call_of_curl_as_it_is_shown() -> None:
    headers: dict[str, Any] = {
        "x-holdoff-secret": "s",
        "content-type": "application/x-www-form-urlencoded",  # what curl -d sends
    }
    request = HttpRequest(method="POST", path="/hooks/site-build", headers=headers, body=b"{}")
    assert check(request, {"secret": ["s"]}, 0) == "secret"
    assert without_order(only(all_rules(), http_message(request, WEBHOOK))) == wants(
        project="site-build", reason="webhook"
    )
