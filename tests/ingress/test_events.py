"""Envelopes opened: the innermost event comes out, with its own id, whatever it came in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from holdoff.core.errors import EventError
from holdoff.core.request import Request
from holdoff.ingress.events.envelopes import MAX_DEPTH, http_message, is_fifo, is_sqs, opened
from holdoff.ingress.events.http import HttpRequest, content_of, http_request, is_http
from holdoff.ingress.events.intents import Ignored
from tests.ingress import payloads, shapes
from tests.ingress.shapes import failed_invocation, in_sns, in_sqs, notification, sqs_record, v2
from tests.ingress.wanted import ONE, WEBHOOK, only

COMMIT = shapes.codecommit()
WAYS = {
    "by itself": COMMIT,
    "sns": in_sns(COMMIT),
    "sqs": in_sqs(COMMIT),
    "sns in sqs": in_sqs(notification(COMMIT)),
    "dead letter": in_sqs(COMMIT, queue="dead", message_id="x"),
    "failed invocation": in_sqs(failed_invocation(COMMIT)),
    "failed invocation of sns": in_sqs(failed_invocation(in_sns(COMMIT))),
    "pipe": [COMMIT],
    "pipe from sqs": [sqs_record(COMMIT)],
}


@pytest.mark.parametrize("way", WAYS)
def test_an_event_has_the_same_id_whatever_way_it_comes(way: str) -> None:
    (message,) = opened(WAYS[way])

    assert (message.kind, message.id, message.event) == ("eventbridge", COMMIT["id"], COMMIT)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_json_that_was_written_as_json_again_is_read_again(times: int) -> None:
    text: Any = COMMIT
    for _ in range(times):
        text = json.dumps(text)
    for event in (text, in_sqs(text), in_sqs(json.dumps(notification(text)))):
        (message,) = opened(event)
        assert (message.kind, message.id, message.event) == ("eventbridge", COMMIT["id"], COMMIT)


def test_a_detail_that_is_a_text_is_read() -> None:
    pushed = payloads.github_push()
    for event in (COMMIT, shapes.eventbridge("my.app", "push", content_of(pushed))):
        (message,) = opened(in_sqs({**event, "detail": json.dumps(event["detail"])}))
        assert ONE.intents(message) == ONE.intents(opened(event)[0])
        assert isinstance(only(ONE, message), Request)


@pytest.mark.parametrize("text", ['"edited"', '"[1"', "7", '"7"', "null", '"' * 99])
def test_a_text_that_is_no_json_of_an_object_stays_what_it_is(text: str) -> None:
    assert opened(in_sqs(text))[0].event == text


S3_WAYS = {
    "eventbridge": shapes.s3_created(),
    "notification": shapes.s3_notification(),
    "notification in sqs": in_sqs(shapes.s3_notification()),
    "notification in sns in sqs": in_sqs(notification(shapes.s3_notification())),
    "eventbridge in sqs": in_sqs(shapes.s3_created()),
}


@pytest.mark.parametrize("way", S3_WAYS)
def test_an_s3_event_has_the_same_id_in_both_forms(way: str) -> None:
    (message,) = opened(S3_WAYS[way])

    assert message.id == "s3:content/a b/ä.md#617f08299329d189:Created"


def test_a_deletion_has_another_id_than_the_write_and_the_same_in_both_forms() -> None:
    (written,) = opened(shapes.s3_notification())
    (deleted,) = opened(shapes.s3_notification("ObjectRemoved:DeleteMarkerCreated"))
    (too,) = opened(shapes.s3_created("Object Deleted"))

    assert written.id != deleted.id == too.id


def test_what_has_no_sequencer_is_told_apart_by_its_request() -> None:
    event = shapes.s3_notification("ObjectRestore:Post")
    del event["Records"][0]["s3"]["object"]["sequencer"]

    assert opened(event)[0].id == "s3:content/a b/ä.md#N4N7GDK58NMKJ12R:Restore"


def test_an_s3_event_that_does_not_say_enough_has_the_id_of_its_envelope() -> None:
    event = shapes.s3_notification()
    del event["Records"][0]["s3"]["bucket"]

    assert opened(event)[0].id is None
    assert opened(in_sqs(event))[0].id == "m0"


# --- queues and topics -----------------------------------------------------------------------------


def test_text_stays_text_and_the_envelopes_are_at_hand() -> None:
    (message,) = opened(in_sqs(notification("page 7 was edited", Subject="edited")))

    assert (message.kind, message.id, message.event) == ("sns", "n-1", "page 7 was edited")
    assert message.envelopes["sns"]["Subject"] == "edited"
    assert message.envelopes["sqs"]["eventSourceARN"].endswith(":triggers")


@pytest.mark.parametrize("text", ["", "[1, 2]", "7", "null", '"x"', "{", '{"a": 1', "NaN"])
def test_text_that_is_no_object_is_text(text: str) -> None:
    if not text:
        with pytest.raises(EventError, match=r"record\.body is empty; it must be a text"):
            opened(in_sqs(text))
        return
    (message,) = opened(in_sqs(text))
    assert (message.kind, message.id) == ("sqs", "m0")


def test_json_of_others_is_of_the_envelopes_kind() -> None:
    (message,) = opened(in_sqs({"page": 7}))

    assert (message.kind, message.id, message.event) == ("sqs", "m0", {"page": 7})


def test_several_in_one_message_have_ids_of_their_own() -> None:
    several = opened(in_sqs([{"page": 7}, {"page": 8}, shapes.codecommit()]))

    assert [one.id for one in several] == ["m0#0", "m0#1", COMMIT["id"]]


def test_a_record_that_cannot_be_opened_does_not_spoil_its_neighbours() -> None:
    batch = in_sqs({"page": 7}, "", {"page": 8})
    batch["Records"][1]["body"] = None

    assert [opened({"Records": [batch["Records"][n]]})[0].event["page"] for n in (0, 2)] == [7, 8]
    with pytest.raises(EventError) as caught:
        opened({"Records": [batch["Records"][1]]})
    assert caught.value.missing == "record.body"


def test_notifications_of_the_developer_tools_are_eventbridge_events_with_another_spelling() -> None:
    event = shapes.codebuild() | {"detailType": "CodeBuild Build State Change"}
    del event["detail-type"], event["id"]
    (message,) = opened(in_sns(event))

    assert (message.kind, message.id) == ("eventbridge", "n-1")
    assert message.event["detail-type"] == "CodeBuild Build State Change"


def test_which_batches_are_a_queues() -> None:
    assert is_sqs(in_sqs("x"))
    assert not is_fifo(in_sqs("x"))
    assert is_fifo(in_sqs("x", queue="triggers.fifo"))
    others: list[object] = [
        in_sns("x"),
        {"Records": []},
        {"Records": "x"},
        {},
        None,
        "x",
        [in_sqs("x")],
    ]
    for other in others:
        assert not is_sqs(other)
        assert not is_fifo(other)


def test_a_record_that_a_pipe_put_into_a_queue_is_opened() -> None:
    """With its own id, the same as where the pipe hands it on in a list."""
    row = {"eventID": "c4ca42", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {}}
    text = in_sqs({"project": "site", "source_version": "4f2a91c"}, message_id="inner-")["Records"][0]
    note = in_sns("edited", message_id="n-7")["Records"][0]
    written = shapes.s3_notification()["Records"][0]
    for record, own_id in (
        (row, "c4ca42"),
        (text, "inner-0"),
        (note, "n-7"),
        (written, "s3:content/a b/ä.md#617f08299329d189:Created"),
    ):
        (listed,) = opened([record])
        (queued,) = opened(in_sqs(record))
        assert (queued.id, queued.event) == (listed.id, listed.event)
        assert queued.id == own_id


def test_a_stream_s_record_that_a_pipe_put_on_a_bus_is_an_event_of_one_s_own() -> None:
    """Whatever changed in a table is a change: a rule takes it by the pipe's ``source``."""
    row = {"eventID": "c4ca42", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {}}
    event = shapes.eventbridge("Pipe edits", "Event from aws:dynamodb", row)
    (message,) = opened(event)
    assert (message.kind, message.id, message.event) == ("eventbridge", event["id"], event)


def test_an_event_of_aws_carries_no_other() -> None:
    event = shapes.eventbridge("aws.health", "AWS Health Event", shapes.s3_created())
    (message,) = opened(event)
    assert message.event == event


def test_an_event_of_one_s_own_keeps_its_message_s_id() -> None:
    """Another program's ``eventID`` may be the same each time."""
    (message,) = opened(in_sqs({"eventSource": "my-cms", "eventID": "publish"}))
    assert message.id == "m0"


@pytest.mark.parametrize("batch", [{"Records": []}, {"Records": [], "isFinalInvokeForWindow": True, "state": {}}])
def test_an_empty_batch_is_ignored_with_the_reason(batch: dict[str, Any]) -> None:
    for event in (batch, in_sns(batch), in_sqs(in_sns(batch))):
        (message,) = opened(event)
        assert only(ONE, message) == Ignored("a batch with nothing in it")


def test_envelopes_in_envelopes_have_an_end() -> None:
    event: dict[str, Any] = {"page": 7}
    for _ in range(MAX_DEPTH // 2):
        event = in_sqs(event)
    assert opened(event)[0].event == {"page": 7}

    with pytest.raises(EventError, match="more than 8 deep"):
        opened(in_sqs(event))


def test_what_a_message_holds_is_not_in_its_repr() -> None:
    (message,) = opened(in_sns({"token": "a secret"}, "n-7"))

    assert "a secret" not in repr(message)
    assert "n-7" in repr(message)


# --- HTTP ------------------------------------------------------------------------------------------


def test_an_http_request_is_never_opened_unchecked() -> None:
    for event in (v2({"project": "site"}), in_sqs(v2({"project": "site"})), in_sns(v2())):
        with pytest.raises(EventError, match="is an HTTP request where none can be checked"):
            opened(event)


def test_what_is_http() -> None:
    assert is_http(v2())
    assert not is_http(failed_invocation({}))
    others: list[object] = [{}, None, [], "x", in_sqs(v2()), {"requestContext": None}]
    for other in others:
        assert not is_http(other)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (v2() | {"body": 7}, "event.body is a number; it must be a text"),
        (v2() | {"body": "%", "isBase64Encoded": True}, "event.body is not the base64"),
        (v2() | {"body": "ä", "isBase64Encoded": True}, "event.body is not the base64"),
        (v2() | {"body": "\ud800"}, "event.body is not the base64 or the text"),
        (v2() | {"headers": {"a": 7}}, "event.headers is not an object of names and texts"),
        (v2() | {"headers": {"a": ["x", None]}}, "event.headers is not an object of names"),
    ],
)
def test_a_broken_request_is_refused(event: object, message: str) -> None:
    with pytest.raises(EventError, match=message):
        http_request(event)


def test_headers_that_come_twice_are_both_there() -> None:
    event = v2() | {"headers": {"X-Hub-Signature-256": "one", "x-hub-signature-256": "two"}}
    assert http_request(event).headers == {"x-hub-signature-256": "one,two"}

    event = v2() | {"headers": {"a": "2"}, "multiValueHeaders": {"A": ["1", "2"]}}
    assert http_request(event).headers == {"a": "1,2"}
    assert http_request(v2() | {"headers": None}).headers == {}


def test_a_body_is_the_bytes_that_were_sent() -> None:
    sent = b'{"a": "\xff\x00"}'
    event = v2() | {"body": base64.b64encode(sent).decode(), "isBase64Encoded": True}

    assert http_request(event).body == sent
    assert http_request(v2("ä")).body == "ä".encode()
    assert http_request(v2()).body == b""


def post(body: bytes = b"{}", /, **headers: str) -> HttpRequest:
    """A request with these headers; ``_`` in a name is meant as ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method="POST", path="/hooks/site", headers=named, body=body)


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind", "event"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": 1}', "", {"a": 1}),
        (b'{"a": 1}', FORM, {"a": 1}),  # as curl sends it unless told otherwise
        (b"payload=%7B%22a%22%3A+1%7D", FORM, {"a": 1}),  # GitHub, when it is set so
        (b"a=1&b=", FORM, {"a": "1", "b": ""}),
        (b"", "application/json", {}),
        (b" \n", "", {}),
        (b"edited", "text/plain", "edited"),
    ],
)
def test_a_body_is_read_as_what_it_is(body: bytes, kind: str, event: object) -> None:
    assert http_message(post(body, content_type=kind), WEBHOOK).event == event


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"a": ', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"9" * 5_000, "application/json"),
        (b"x", "application/vnd.acme+json"),
        (b"\xff", "application/json"),
        (b"\xff", "text/plain"),
        (b"payload=x", FORM),
        (b"&".join(b"a=%d" % n for n in range(1_001)), FORM),
    ],
)
def test_a_body_that_is_not_what_it_is_called_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(EventError) as caught:
        http_message(post(body, content_type=kind), WEBHOOK)
    assert caught.value.missing == "body"


@pytest.mark.parametrize(
    ("headers", "own_id"),
    [
        ({"x_github_event": "push", "x_github_delivery": "d1", "idempotency_key": "k"}, "d1"),
        ({"x_github_event": "push"}, None),
        (
            {"x_gitlab_event": "Push Hook", "idempotency_key": "k", "x_gitlab_webhook_uuid": "u"},
            "k",
        ),
        ({"x_gitlab_event": "Push Hook", "x_gitlab_webhook_uuid": "u"}, "u"),
        # Hooks that a hook's receiver sets off share this one: two pushes would pass for one.
        ({"x_gitlab_event": "Push Hook", "x_gitlab_event_uuid": "e"}, None),
        ({"webhook_id": "msg_1", "idempotency_key": "k"}, "msg_1"),
        ({"idempotency_key": "k"}, "k"),
        ({"idempotency_key": ""}, None),
        ({}, None),
    ],
)
def test_whose_delivery_it_is(headers: dict[str, str], own_id: str | None) -> None:
    assert http_message(post(**headers), WEBHOOK).id == own_id


def test_eventbridge_by_an_api_destination_keeps_its_own_id() -> None:
    message = http_message(post(json.dumps(COMMIT).encode(), idempotency_key="k"), WEBHOOK)

    assert (message.kind, message.id) == ("eventbridge", COMMIT["id"])
    assert message.envelopes["http"]["path"] == "/hooks/site"


def test_a_checked_request_may_wake() -> None:
    assert http_message(post(b'{"holdoff": "sweep"}'), WEBHOOK).kind == "wake"
    assert http_message(post(b'{"holdoff": "other"}'), WEBHOOK).kind == "http"
    for header in ("x_github_event", "x_gitlab_event", "x_gitea_event", "x_event_key", "x_contentful_topic"):
        assert http_message(post(b'{"holdoff": "sweep"}', **{header: "push"}), WEBHOOK).kind == "http"


def test_headers_that_may_be_secrets_are_not_handed_on() -> None:
    secrets = {
        "authorization": "Bearer s",
        "cookie": "s",
        "x_gitlab_token": "s",
        "x_holdoff_secret": "s",
        "x_hub_signature_256": "s",
        "webhook_signature": "s",
        "x_api_key": "s",
    }
    message = http_message(post(**secrets, x_event_key="repo:push", user_agent="curl"), WEBHOOK)

    assert message.envelopes["http"]["headers"] == {"x-event-key": "repo:push", "user-agent": "curl"}
    assert "s'" not in repr(post(**secrets))
