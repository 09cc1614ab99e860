"""Whatever comes: an intent, or an error of ours. And the same thing twice is the same event."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdoff.config import Config, parse
from holdoff.config.rules import _KEYS
from holdoff.config.schemes import NAMES
from holdoff.core.errors import ConfigError, EventError, SignatureError
from holdoff.core.request import MAX_EVENT_ID, MAX_REASON, MAX_VERSION, Request
from holdoff.ingress.events.envelopes import http_message, is_fifo, is_sqs, opened
from holdoff.ingress.events.http import http_request, is_http
from holdoff.ingress.events.intents import BuildEnded, Ignored, WakeAsked
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.rules import Routes
from tests.ingress import shapes
from tests.ingress.shapes import (
    failed_invocation,
    in_sns,
    in_sqs,
    notification,
    s3_notification,
    sqs_record,
    v2,
)
from tests.ingress.wanted import ONE, SEVERAL, WEBHOOK, only, routes
from tests.test_config import toml

if TYPE_CHECKING:
    from tests.ingress.samples import Samples

RULES = """
[projects.site]
cooldown = 1
starter = { codebuild = "site-build" }
[projects.docs]
cooldown = 1
starter = { command = ["make"] }

[[rules]]
when = { source = "aws.codebuild" }
project = "docs"
source_version = "event.detail.project-name"
[[rules]]
when = { source = "aws.*", "detail.image-tag" = "v*" }
project = "event.detail.repository-name"
environment = { TAG = "event.detail.image-tag" }
[[rules]]
when = { "http.headers.x-github-event" = "*" }
project = "docs"
event_id = "event.head_commit.id"
[[rules]]
when = { "Records.0.s3.bucket.name" = "*" }
ignore = "none of ours"
[[rules]]
when = { "sns.TopicArn" = "*" }
reason = "event.reason"
source_version = "event.a.0.b"
"""
ALL_ROUTES = (
    ONE,
    SEVERAL,
    routes(),
    Routes(parse(RULES), shapes.REGION),
)

# --- any JSON --------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    return text.split()


WORDS = words("""
Records eventSource EventSource eventSourceARN body messageId Sns Message MessageId TopicArn Type Subject s3
object bucket key sequencer detail detail-type detailType source id holdoff project region reason source_version
event_id environment force by requestContext requestPayload http httpMethod method path rawPath headers
multiValueHeaders isBase64Encoded codecommit references commit ref deleted after CodePipeline.job build-id
build-status head_commit object_kind checkout_sha resources
""")
TEXTS = words("""
aws:sqs aws:sns aws:s3 aws:codecommit aws:kinesis Notification aws.codebuild aws.s3 aws.ecr aws.codecommit wake
sweep site docs push refs/heads/main CodeBuild?Build?State?Change ECR?Image?Action Object?Created SUCCEEDED
""")
texts = (
    st.sampled_from([text.replace("?", " ") for text in TEXTS])
    | st.text(st.characters(), max_size=20)
    | st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), min_size=1, max_size=2)
    | st.sampled_from(["\x00", "x" * 2_000, "9" * 400, "{}", "[]", "%ff", "=", "ä" * 1_100])
)
numbers = st.integers() | st.floats(allow_nan=True) | st.sampled_from([10**400, -(10**4_000), 1 << 256, True, False])
junk = st.recursive(
    texts | numbers | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | texts, inner, max_size=5),
    max_leaves=20,
)

quickly = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def is_fit(asked: Request) -> bool:
    """Whether a gate would take it."""
    assert asked.gate.name == asked.project
    lengths = (len(asked.reason or ""), len(asked.source_version or ""), len(asked.event_id or ""))
    return all(length <= limit for length, limit in zip(lengths, (MAX_REASON, MAX_VERSION, MAX_EVENT_ID), strict=True))


def is_understood_or_refused(message: Message) -> None:
    for by in ALL_ROUTES:
        outcomes = by.intents(message)
        assert outcomes
        for outcome in outcomes:
            if isinstance(outcome, EventError):
                assert str(outcome)
                assert outcome.missing
                continue
            assert not isinstance(outcome, BuildEnded) or isinstance(by.gates_of(outcome), list)
            assert isinstance(outcome, Request | BuildEnded | WakeAsked | Ignored)
            assert not isinstance(outcome, Request) or is_fit(outcome)


def is_taken_or_refused(event: object) -> None:
    """An event by all the ways the handler goes with it."""
    is_sqs(event)
    is_fifo(event)
    try:
        messages = [http_message(http_request(event), WEBHOOK)] if is_http(event) else opened(event)
    except SignatureError:  # of a front end that hides what was signed
        return
    except EventError as error:
        assert error.missing
        return
    for message in messages:
        is_understood_or_refused(message)


@quickly
@given(junk)
def test_any_json_is_an_event_or_an_error_of_ours(event: object) -> None:
    is_taken_or_refused(event)
    try:
        opened({"Records": [event]})
    except EventError as error:
        assert error.missing


@quickly
@given(junk)
def test_any_json_in_any_envelope(event: object) -> None:
    text = json.dumps(event)
    for envelope in (in_sns(text), in_sqs(text), in_sqs(notification(text))):
        is_taken_or_refused(envelope)
    is_taken_or_refused(failed_invocation(event))
    is_taken_or_refused([event])


@given(st.text(st.characters()) | st.text('{}[]":,0123456789eE-+.tfn\\u', max_size=60))
def test_any_text_in_any_envelope(text: str) -> None:
    is_taken_or_refused(in_sns(text))
    is_taken_or_refused(in_sqs(text))


def test_deep_and_huge_things() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"Records": [deep]}
    is_taken_or_refused(deep)
    for text in ("[" * 100_000, '{"a":' * 100_000, "9" * 5_000, '{"force": ' + "9" * 5_000 + "}"):
        is_taken_or_refused(in_sns(text))
        is_taken_or_refused(in_sqs(text))
        is_taken_or_refused(v2(text, content_type="application/json"))


# --- true events, damaged --------------------------------------------------------------------------

TRUE_EVENTS: list[Any] = [
    shapes.codecommit(),
    shapes.ecr(),
    shapes.s3_created(),
    s3_notification(),
    shapes.codebuild(),
    in_sns(shapes.codecommit()),
    in_sqs(notification(shapes.ecr()), {"project": "site"}, "text"),
    failed_invocation(in_sns(s3_notification())),
    v2(shapes.github_push(), x_github_event="push", x_github_delivery="d"),
    v2(shapes.gitlab_push(), x_gitlab_event="Push Hook", idempotency_key="k"),
    v2({"project": "site"}, x_holdoff_secret="s"),
    {"holdoff": "wake", "project": "site", "region": "eu-west-1"},
    {"project": "site", "environment": {"A": "b"}, "force": True, "source_version": "v1"},
]


def places(value: object, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in a JSON value, as paths."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    below = [place for key, inner in items for place in places(inner, (*above, key))]
    return [(*above, key) for key, _ in items] + below


@st.composite
def damaged(draw: st.DrawFn, true_events: list[Any]) -> Any:
    """A true event with up to three places of it dropped, replaced or doubled."""
    event = copy.deepcopy(draw(st.sampled_from(true_events)))
    for _ in range(draw(st.integers(1, 3))):
        open_places = places(event)
        if open_places:
            _damage(draw, event, draw(st.sampled_from(open_places)))
    return event


def _damage(draw: st.DrawFn, event: Any, place: tuple[Any, ...]) -> None:
    for key in place[:-1]:
        event = event[key]
    how = draw(st.sampled_from(["drop", "replace", "wrap"]))
    if how == "drop":
        del event[place[-1]]
    elif how == "replace":
        event[place[-1]] = draw(junk)
    else:
        event[place[-1]] = [event[place[-1]], draw(junk)]


@quickly
@given(damaged(TRUE_EVENTS))
def test_a_damaged_event_is_taken_or_refused(event: object) -> None:
    is_taken_or_refused(event)


@quickly
@given(data=st.data())
def test_a_damaged_sample_is_taken_or_refused(samples: Samples, data: st.DataObject) -> None:
    is_taken_or_refused(data.draw(damaged(list(samples.values()))))


# --- twice is once ---------------------------------------------------------------------------------


def by_topic(event: Any, n: int) -> Any:
    return in_sns(event, f"n{n}")


def by_queue(event: Any, n: int) -> Any:
    return in_sqs(event, message_id=f"m{n}-")


def by_topic_and_queue(event: Any, n: int) -> Any:
    return in_sqs(notification(event, f"n{n}"), message_id=f"m{n}-")


def by_pipe(event: Any, n: int) -> Any:
    return [sqs_record(event, message_id=f"p{n}")]


def by_failure(event: Any, _n: int) -> Any:
    return failed_invocation(event)


WAYS = st.lists(st.sampled_from([by_topic, by_queue, by_topic_and_queue, by_pipe, by_failure]), max_size=2)
WITH_AN_ID: list[Any] = [
    shapes.codecommit(),
    shapes.ecr(),
    shapes.s3_created(),
    s3_notification(),
    {"source_version": "v1", "event_id": "e1"},
    shapes.eventbridge("com.acme", "x", {}) | {"id": "x" * 2_000},
]


@given(st.sampled_from(WITH_AN_ID), WAYS, st.integers(0, 9))
def test_an_event_with_an_id_is_the_same_trigger_by_any_way(event: Any, ways: list[Any], n: int) -> None:
    (plain,) = opened(event)
    for way in ways:
        event = way(event, n)
    (wrapped,) = opened(event)

    once, again = only(ONE, plain), only(ONE, wrapped)
    assert isinstance(once, Request)
    assert isinstance(again, Request)
    assert once.event_id == again.event_id is not None
    assert (once.source_version, once.project) == (again.source_version, again.project)


@quickly
@given(damaged(TRUE_EVENTS))
def test_the_same_delivery_twice_has_the_same_ids(event: Any) -> None:
    def ids(delivered: Any) -> list[Any]:
        try:
            several = [http_message(http_request(delivered), WEBHOOK)] if is_http(delivered) else opened(delivered)
            intents = [only(ALL_ROUTES[0], message) for message in several]
        except SignatureError as error:
            return [str(error)]
        except EventError as error:
            return [error.missing]
        return [(m.id, getattr(a, "event_id", None)) for m, a in zip(several, intents, strict=True)]

    assert ids(event) == ids(copy.deepcopy(event))


# --- the settings ----------------------------------------------------------------------------------

SETTINGS = st.sampled_from([*_KEYS, *NAMES, "secret", "projects", "header"])
toml_values = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["event.a.b", "event.", "http.path", "http.headers.x", "env:A", "site", "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SETTINGS | st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


def is_config_or_error(text: str) -> None:
    try:
        config = parse(text)
    except ConfigError as error:
        assert "; write " in str(error)
    else:
        assert isinstance(config, Config)
        by = Routes(config, shapes.REGION)
        for event in TRUE_EVENTS[:4]:
            try:
                only(by, opened(event)[0])
            except EventError as error:
                assert error.missing


SITE = "[projects.site]\ncooldown = 1\nstarter = { codebuild = 'x' }\n"


@given(st.dictionaries(SETTINGS, toml_values, max_size=4))
def test_any_rule_is_a_rule_or_a_config_error(rule: dict[str, Any]) -> None:
    is_config_or_error(f"rules = {toml([{'when': {}} | rule])}\n{SITE}")


@given(toml_values, toml_values)
def test_any_rules_and_webhooks(rules: Any, webhooks: Any) -> None:
    is_config_or_error(f"rules = {toml(rules)}\nwebhooks = {toml(webhooks)}\n{SITE}")
