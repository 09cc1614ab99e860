"""Sample events and webhooks of the packages in ``engines.public_samples``, each as its service would send it."""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from holdoff.ingress.events.http import HttpRequest
from tests.engines.public_samples import samples_of
from tests.ingress.payloads import DELIVERY, posted
from tests.ingress.samples import read_samples
from tests.ingress.shapes import eventbridge

#: How the webhooks that Weblate is tested with are sent, by the name of the constant. Those of Bitbucket's POST service
#: are left out: it is gone.
_HOOKS: dict[str, dict[str, str]] = {
    "GITHUB_PAYLOAD": {"X-GitHub-Event": "push", "X-GitHub-Delivery": DELIVERY},
    "GITHUB_NEW_PAYLOAD": {"X-GitHub-Event": "push", "X-GitHub-Delivery": DELIVERY},
    "GITLAB_PAYLOAD": {"X-Gitlab-Event": "Push Hook"},
    "BITBUCKET_PAYLOAD_WEBHOOK": {"X-Event-Key": "repo:push", "X-Request-UUID": DELIVERY},
    "BITBUCKET_PAYLOAD_HOSTED": {"X-Event-Key": "repo:push", "X-Request-UUID": DELIVERY},
    "BITBUCKET_PAYLOAD_WEBHOOK_CLOSED": {"X-Event-Key": "repo:push", "X-Request-UUID": DELIVERY},
    "BITBUCKET_PAYLOAD_MERGED": {"X-Event-Key": "pullrequest:fulfilled", "X-Request-UUID": DELIVERY},
    "BITBUCKET_PAYLOAD_SERVER": {"X-Event-Key": "repo:refs_changed", "X-Request-Id": DELIVERY},
    "BITBUCKET_PAYLOAD_SERVER_MERGED": {"X-Event-Key": "pr:merged", "X-Request-Id": DELIVERY},
    "GITEA_PAYLOAD": {"X-Gitea-Event": "push", "X-Gogs-Event": "push", "X-GitHub-Event": "push"},
    "AZURE_PAYLOAD_OLD": {},
    "AZURE_PAYLOAD_NEW": {},
    "AZURE_PAYLOAD_FALLBACK": {},
    "PAGURE_PAYLOAD": {"X-Pagure-Topic": "git.receive"},
    "GITEE_PAYLOAD": {"X-Gitee-Event": "Push Hook"},
}


class Sample(NamedTuple):
    """One sample: an event of AWS, or a webhook; and whose it is."""

    name: str
    what: HttpRequest | Any


def github() -> Iterator[Sample]:
    """Those of ``@octokit/webhooks-examples``, of GitHub and of each version of its server."""
    for index in sorted(samples_of("@octokit/webhooks-examples").glob("*/index.json")):
        for event in json.loads(index.read_text()):
            headers = {"X-GitHub-Event": event["name"], "X-GitHub-Delivery": DELIVERY}
            for n, body in enumerate(event["examples"]):
                yield Sample(f"{index.parent.name} {event['name']} {n}", posted(body, headers))


def hooks() -> Iterator[Sample]:
    """Those that Weblate is tested with."""
    for node in ast.parse(samples_of("Weblate").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in _HOOKS:
            name = node.targets[0].id
            yield Sample(f"weblate {name}", posted(json.loads(ast.literal_eval(node.value)), _HOOKS[name]))


def aws() -> Iterator[Sample]:
    """Those of the SAM CLI, and of four packages with events for tests."""
    for name, event in read_samples().items():
        yield Sample(f"sam {name}", event)
    for package, short in (
        ("aws-event-mocks", "mocks"),
        ("aws-lambda-sample-events", "sample"),
        ("lambda-local", "local"),
    ):
        for path in sorted(samples_of(package).iterdir()):
            if path.suffix in (".json", ".js") and not path.name.startswith("handler"):
                yield Sample(f"{short} {path.stem}", _read(path))
    for path in sorted(samples_of("lambda-event-mock").glob("*.json")):
        event = _read(path)
        # What they put records into stands by itself, and is no event yet; most records do, too.
        if path.stem == "kinesis-firehose-record":
            event = {"invocationId": "1", "deliveryStreamArn": "arn:x", "records": [event]}
        elif path.stem.endswith("-record"):
            event = {"Records": [event]}
        if path.stem != "event-with-records":
            yield Sample(f"mock {path.stem}", event)


def registered() -> Iterator[Sample]:
    """An event of each type in AWS's registry of schemas, with all that one may have; each text is its field's name."""
    tables = json.loads(gzip.decompress(samples_of("@aws-cdk/aws-service-spec").read_bytes()))["schema"]
    types = {one["$id"]: one["properties"] for one in tables["eventTypeDefinition"]["entities"]}
    made = {"boolean": True, "integer": 1, "number": 1, "json": {}, "date-time": "2026-11-25T03:00:00Z"}

    def value(name: str, field: Any, depth: int) -> Any:
        match field["type"]:
            case "ref" if depth < 6:
                inside = types[field["reference"]["$ref"]]
                return {name: value(name, one["type"], depth + 1) for name, one in inside.items()}
            case "array":
                return [value(name, field["element"], depth + 1)]
            case "map":
                return {name: value(name, field["element"], depth + 1)}
            case other:
                return made.get(other, name)

    for event in tables["event"]["entities"]:
        detail = {name: value(name, one["type"], 0) for name, one in types[event["rootProperty"]["$ref"]].items()}
        source, kind = event["source"], event["detailType"]
        yield Sample(f"{source} {kind}", eventbridge(source, kind, detail))


#: What the templates among them have for what is different each time.
_FILLED = (("UTC", "2026-11-25T03:00:00Z"), ("UUID", DELIVERY), ("TIMESTAMP", "1795575600"))


def _read(path: Path) -> Any:
    """A file's JSON: of a module of JavaScript, what it exports."""
    text = path.read_text()
    for name, value in _FILLED:
        text = re.sub(rf"\{{\{{{name}[^}}]*\}}\}}", value, text)
    exported = text[text.index("{") :].strip().rstrip(";") if path.suffix == ".js" else text
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", exported))  # JavaScript allows a last comma
