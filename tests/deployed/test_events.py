"""From any event to the right build: each comes to the deployed function by its own way, and the command line tells."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest

from holdoff.core.request import GateKey
from holdoff.wake.scheduler import wake_event
from tests.deployed.conftest import SECRET
from tests.deployed.stack import REGION, until
from tests.ingress.function import build_ended

if TYPE_CHECKING:
    from tests.deployed.conftest import Deployed

pytestmark = [pytest.mark.dynamodb, pytest.mark.ministack]


def pushed(repository: str, tag: str) -> dict[str, object]:
    """What ECR says of an image
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html)."""
    return {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": repository,
        "image-tag": tag,
        "image-digest": f"sha256:{tag}",
    }


def signed(body: bytes, delivery: str, secret: str = SECRET) -> dict[str, str]:
    """The headers of GitHub
    (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries)."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={digest}",
    }


def to_main(commit: str) -> bytes:
    repository = {"full_name": "acme/site", "default_branch": "main"}
    return json.dumps({"ref": "refs/heads/main", "after": commit, "repository": repository}).encode()


def test_a_burst_from_everywhere_is_one_build_and_one_to_come(deployed: Deployed) -> None:
    for n in range(2):
        deployed.stack.put_event("aws.ecr", "ECR Image Action", pushed("web", f"v{n}"))
        deployed.stack.publish({"project": "web", "source_version": f"topic-{n}"})
        deployed.stack.send({"project": "web", "source_version": f"queue-{n}"})
        deployed.stack.deliver({"project": "web", "source_version": f"invoke-{n}"})
    deployed.until_taken("web", 8)
    gate = deployed.gate("web")
    assert gate["pending"]["count"] == 7
    (started,) = deployed.started("web")
    (build,) = deployed.history("web")
    assert (build["build_id"], build["ended"]) == (started, None)
    explained = deployed.cli("explain", "web")
    assert explained["verdict"] == "cooling_down"
    assert any("pending: 7 triggers" in line for line in explained["answer"])


def test_what_a_rule_makes_of_an_event_reaches_the_build(deployed: Deployed) -> None:
    deployed.stack.put_event("aws.ecr", "ECR Image Action", pushed("image", "v7"))
    deployed.until_started("image", 1)
    (build,) = (one for one in deployed.standin.builds_started if one.project == "image")
    assert build.source_version == "sha256:v7"
    assert build.env["STAGE"] == "prod"
    assert build.env["TAG"] == "v7"
    assert deployed.history("image")[0]["covers"]["reasons"] == ["image image:v7 pushed"]


def test_a_changed_object_in_a_bucket_is_a_trigger(deployed: Deployed) -> None:
    s3 = deployed.stack.client("s3")
    s3.create_bucket(Bucket="content", CreateBucketConfiguration={"LocationConstraint": REGION})
    notify = {
        "LambdaFunctionArn": deployed.stack.outputs["FunctionArn"],
        "Events": ["s3:ObjectCreated:*"],
    }
    s3.put_bucket_notification_configuration(
        Bucket="content", NotificationConfiguration={"LambdaFunctionConfigurations": [notify]}
    )
    s3.put_object(Bucket="content", Key="page one.md", Body=b"hello")
    deployed.until_started("content", 1)
    (build,) = deployed.history("content")
    assert build["covers"]["reasons"] == ["ObjectCreated:Put s3://content/page one.md"]


def test_the_end_of_a_build_starts_what_waited_for_it(deployed: Deployed) -> None:
    started = [
        deployed.stack.invoke({"project": "nightly", "source_version": version}) for version in ("n1", "n2", "n3")
    ]
    assert [(answer["outcome"], answer["why"]) for answer in started] == [
        ("started", "ready"),
        ("deferred", "running"),
        ("deferred", "running"),
    ]
    first = started[0]["build_id"]
    deployed.standin.finish(first)
    event = build_ended(first)
    deployed.stack.put_event(event["source"], event["detail-type"], event["detail"])
    deployed.until_started("nightly", 2)
    last, before = until(lambda: deployed.history("nightly")[:2], what="two builds")
    assert (before["build_id"], before["succeeded"]) == (first, True)
    covers = last["covers"]  # that n3 contains n2 is not known: they name no line
    assert (last["ended"], covers["count"], covers["source_versions"], covers["replaced"]) == (None, 2, ["n3"], ["n2"])
    assert deployed.gate("nightly")["running"]["build_id"] == last["build_id"]


def test_a_refused_start_spends_no_cooldown_and_is_tried_again(deployed: Deployed) -> None:
    deployed.standin.add_project("fragile", limit=1)
    client = deployed.standin.client()
    in_the_way = client.start_build(projectName="fragile")["build"]["id"]
    answer = deployed.stack.invoke({"project": "fragile", "source_version": "f1"})
    assert (answer["outcome"], answer["why"]) == ("failed", "start_failed")
    gate = deployed.gate("fragile")
    assert (gate["last_build"], gate["pending"]["source_version"]) == (None, "f1")
    assert gate["pending"]["count"] == 1
    deployed.standin.finish(in_the_way)
    until(lambda: _woken_and_started(deployed), what="the build that was refused")
    (build,) = deployed.history("fragile")
    assert build["source_version"] == "f1"
    assert deployed.started("fragile") == [in_the_way, build["build_id"]]


def _woken_and_started(deployed: Deployed) -> bool:
    """Woken by hand: a refused start is tried again after some seconds, and a schedule waits for its minute."""
    return bool(deployed.stack.invoke(wake_event(GateKey("fragile", REGION)))["outcome"] == "started")


def test_a_signed_webhook_builds_and_an_unsigned_one_does_not(deployed: Deployed) -> None:
    body = to_main("4f2a91c")
    status, answer = deployed.stack.post("/hooks", body, signed(body, "d1", "another secret"))
    assert (status, list(answer)) == (401, ["error"])
    assert deployed.started("hooks") == []
    status, answer = deployed.stack.post("/hooks", body, signed(body, "d2"))
    assert (status, answer["outcome"]) == (200, "started")
    body = to_main("9b1c02d")
    status, answer = deployed.stack.post("/hooks", body, signed(body, "d3"))
    assert (status, answer["outcome"]) == (202, "deferred")
    (build,) = deployed.history("hooks")
    assert (build["source_version"], build["covers"]["reasons"]) == (
        "4f2a91c",
        ["push to acme/site main"],
    )
    assert SECRET not in json.dumps(deployed.stack.log())


def test_what_cannot_be_mapped_is_kept(deployed: Deployed) -> None:
    lost = deployed.stack.put_event("shop", "Order", {"site": "nowhere"})
    body = to_main("0c1f2aa")
    status, answer = deployed.stack.post("/", body, signed(body, "d-lost"))
    assert status == 422
    assert "event.project is missing" in answer["error"]
    letters: list[str] = []

    def both() -> bool:
        letters.extend(deployed.stack.dead_letters())
        return all(any(one in letter for letter in letters) for one in (lost, "d-lost"))

    until(both, what=f"{lost} and d-lost among the dead letters")
    (given_up,) = (letter for letter in letters if lost in letter)
    assert "'nowhere' is not one of those configured" in given_up


def test_one_bad_message_of_a_queue_does_not_keep_the_others(deployed: Deployed) -> None:
    deployed.stack.send({"project": "nowhere"})
    deployed.stack.send({"project": "queued", "source_version": "q1"})
    deployed.until_started("queued", 1)
    until(lambda: _in_queue(deployed) == (0, 1), what="only the bad message is left, for later")


def _in_queue(deployed: Deployed) -> tuple[int, ...]:
    """How many messages are to come, and how many are out or come again later."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = deployed.stack.client("sqs").get_queue_attributes(
        QueueUrl=deployed.stack.outputs["QueueUrl"], AttributeNames=names
    )
    return tuple(int(found["Attributes"][name]) for name in names)
