"""``holdoff rules try``: what Holdoff would do with an event, and why. It triggers nothing and needs no secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from holdoff.cli.common import add_json, add_store, opened, print_json, read_bytes, say, show
from holdoff.core.errors import EventError, HoldoffError, UsageError
from holdoff.core.request import Request
from holdoff.core.units import iso
from holdoff.ingress.events import envelopes
from holdoff.ingress.events.ends import of_no_project
from holdoff.ingress.events.http import HttpRequest, http_request, is_health_check, is_http, unpacked
from holdoff.ingress.events.intents import BuildEnded, Ignored, Intent, WakeAsked
from holdoff.ingress.events.message import Message, Origin
from holdoff.ingress.events.rules import Found, Routes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from holdoff.config import Config

_FIELDS: Final = ("key", "region", "reason", "source_version", "line", "parent", "event_id", "by")
#: The origin of a webhook whose secret was right.
_WEBHOOK: Final = Origin(outside=True, scheme="try")


def add_rules_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["try"], help="say what Holdoff would do with an event, and why; do nothing")
    parser.add_argument("event", metavar="EVENT.json", help="an event as the function gets it; - reads it from stdin")
    parser.add_argument(
        "--header",
        metavar="'NAME: VALUE'",
        action="append",
        default=[],
        help="the file is a webhook's body, and this is one of its headers, such as 'X-GitHub-Event: push'",
    )
    parser.add_argument("--path", help="the path that the webhook is sent to, such as /hooks/site-build")
    add_store(parser)
    add_json(parser)


def rules(args: argparse.Namespace) -> int:
    """Print the outcomes; the exit status is 65 where the event cannot be understood."""
    config, store = opened(args)
    routes = Routes(config, store.region)
    found: list[Found] = []
    for message in _messages(args, config):
        found += [message] if isinstance(message, Found) else routes.found(message)
    found = [_refuse_unknown_end(one, routes) for one in found]
    if args.json:
        print_json({"outcomes": [_facts(one) for one in found]})
    else:
        for one in found:
            _show(one)
    errors = [one.outcome for one in found if isinstance(one.outcome, EventError)]
    return errors[0].exit_code if errors else 0


def _messages(args: argparse.Namespace, config: Config) -> Sequence[Message | Found]:
    """The messages in the event, or the outcome of an event that the function does not open."""
    body = read_bytes(args.event)
    if args.header or args.path is not None:
        headers = dict(_header(text) for text in args.header)
        sent = HttpRequest(method="POST", path=args.path or "/", headers=headers, body=body)
        return [_webhook(unpacked(sent), config)]
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        name = "stdin" if args.event == "-" else args.event
        raise UsageError(f"{name} is not JSON; for a webhook's body that is not JSON give --header") from None
    if is_health_check(event):
        return [Found(Ignored("a load balancer's health check"))]
    if is_http(event):
        return [_webhook(http_request(event), config)]
    if envelopes.is_custom_resource(event):
        return [Found(Ignored("a custom resource of CloudFormation, which is answered"))]
    return envelopes.opened(event)


def _webhook(request: HttpRequest, config: Config) -> Message:
    """The message in a request whose secret was right. A secret in the request's path is taken out."""
    if not config.webhooks:
        say("[webhooks] of holdoff.toml names no secret: `holdoff serve` refuses webhooks of which it knows no secret")
    above, _, last = request.path.rstrip("/").rpartition("/")
    if "url" in config.webhooks and last not in config.projects:
        request = request.but(path=above or "/")
    return envelopes.http_message(request, _WEBHOOK)


def _refuse_unknown_end(found: Found, routes: Routes) -> Found:
    """The outcome; an error in place of the end of a build that no gate here can have started."""
    end = found.outcome
    if not isinstance(end, BuildEnded) or end.then is not None or routes.gates_of(end):
        return found
    return found.but(outcome=of_no_project(end))


def _header(text: str) -> tuple[str, str]:
    name, mark, value = text.partition(":")
    if not mark or not name.strip():
        raise UsageError("--header takes 'NAME: VALUE', such as 'X-GitHub-Event: push'")
    return name.strip().lower(), value.strip()


def _facts(found: Found) -> dict[str, Any]:
    """An outcome, the event and the rule as plain JSON values."""
    outcome, of_outcome = _outcome(found.outcome)
    facts: dict[str, Any] = {"outcome": outcome}
    if found.draft is not None and found.draft.sender is not None:
        facts["event"] = f"{found.draft.sender}: {found.draft.type}"
    if found.rule is not None:
        facts["rule"] = f"rules[{found.rule}]"
    return facts | of_outcome


def _outcome(outcome: Intent | EventError) -> tuple[str, dict[str, Any]]:
    """The name of an outcome, and what it has, as plain JSON values."""
    match outcome:
        case Request():
            said = {"project": outcome.project, **{name: getattr(outcome, name) for name in _FIELDS}}
            said["at"] = None if outcome.at_ms is None else iso(outcome.at_ms)
            said |= {"environment": dict(outcome.environment), "versions": dict(outcome.secondary_versions)}
            said["force"] = outcome.forced
            return "trigger", {name: value for name, value in said.items() if value}
        case BuildEnded():
            then = {} if outcome.then is None else {"then": _outcome(outcome.then)[1]}
            return "end", {"build_id": outcome.build_id, "succeeded": outcome.succeeded, **then}
        case WakeAsked(gate):
            return "wake", {"gate": "all that are due" if gate is None else str(gate)}
        case Ignored(why):
            return "ignored", {"why": why}
        case HoldoffError():
            return "refused", {"why": str(outcome)}


def _show(found: Found) -> None:
    facts = _facts(found)
    heads = {
        "trigger": "{project} would be asked for a build",
        "ignored": "nothing would be built: {why}",
        "end": "the end of build {build_id} would be reported to its gate",
        "wake": "gates that would be woken: {gate}",
        "refused": "the event would be refused: {why}",
    }
    show(heads[facts["outcome"]].format_map(facts))
    for name, value in facts.items():
        if name not in ("outcome", "project", "why", "gate", "build_id"):
            show(f"  {name.replace('_', ' '):15} {value if isinstance(value, str) else json.dumps(value)}")
