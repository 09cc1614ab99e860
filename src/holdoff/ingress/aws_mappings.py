"""What the events of AWS services say by themselves. Pure.

No source version is taken from ECR or S3, though they name one. CodeBuild reads it as a version of *its* source
(https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html: a commit, branch or tag of a repository,
or the version of the very ZIP file in S3 that is built): an image's digest is never one, and an object's version only
where that object is the source. Without a version the newest is built, which is right for each. A rule can say more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from holdoff.core.errors import EventError
from holdoff.ingress.events import PIPELINE_JOB
from holdoff.ingress.meanings import Ended, Ignored, Said
from holdoff.ingress.paths import dig, look_up, needed, text_at
from holdoff.ingress.s3_ids import s3_key

if TYPE_CHECKING:
    from collections.abc import Callable

#: The states in which a build has ended: API_Build's buildStatus but IN_PROGRESS
#: (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html).
_ENDED: Final = ("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED")
_BUILD: Final = re.compile(
    r"(?a)arn:[\w-]+:codebuild:(?P<region>[\w-]+):\d+:build/(?P<project>[\w-]+):(?P<number>[\w-]+)"
)


def of_eventbridge(event: Any) -> Said | Ignored:
    """An event of EventBridge: one of those known by their type, or else any."""
    kind = text_at(event, "detail-type")
    known = _EVENTBRIDGE.get((text_at(event, "source"), kind))
    return known(event) if known else Said(reason=kind)


def _codecommit(event: Any) -> Said | Ignored:
    """https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html"""
    detail = event.get("detail")
    ref = text_at(detail, "referenceName") or "a reference"
    if text_at(detail, "event") == "referenceDeleted":
        return Ignored(f"{ref} was deleted")
    if text_at(detail, "event") == "unreferencedMergeCommitCreated":
        return Ignored("a merge commit without a branch")
    return Said(
        reason=f"push to {text_at(detail, 'repositoryName') or 'CodeCommit'} {ref}",
        source_version=needed(event, "detail", "commitId"),
        by=_last(text_at(detail, "callerUserArn"), "/"),
    )


def of_codecommit_trigger(record: Any) -> Said | Ignored:
    """A trigger of CodeCommit itself, with one reference."""
    reference = look_up(record, "codecommit.references.0")
    ref = text_at(reference, "ref") or "a reference"
    if dig(reference, "deleted") is True:
        return Ignored(f"{ref} was deleted")
    repository = _last(text_at(record, "eventSourceARN"), ":") or "CodeCommit"
    return Said(
        reason=f"push to {repository} {short_ref(ref)}",
        source_version=needed(reference, "commit", root="event.codecommit.references.0"),
        by=_last(text_at(record, "userIdentityARN"), "/"),
    )


def _ecr(event: Any) -> Said | Ignored:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    detail = event.get("detail")
    action, result = needed(event, "detail", "action-type"), text_at(detail, "result")
    if (action, result) != ("PUSH", "SUCCESS"):
        return Ignored(f"no image was pushed: {action} {result or ''}".rstrip())
    image = needed(event, "detail", "repository-name")
    tag, digest = text_at(detail, "image-tag"), text_at(detail, "image-digest")
    named = f"{image}:{tag}" if tag else f"{image}@{digest}" if digest else image
    return Said(reason=f"image {named} pushed")


def _schedule(event: Any) -> Said:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html"""
    resources = dig(event, "resources")
    rule = resources[0] if isinstance(resources, list) and resources else None
    name = _last(rule if isinstance(rule, str) else None, "/")
    return Said(reason=" ".join(filter(None, ("schedule", name))))


def of_s3(event: Any) -> Said | Ignored:
    """Either form of an S3 event; a deletion is a change, too."""
    if text_at(event, "Event") == "s3:TestEvent":
        return Ignored("a test event of S3")
    about = dig(event, "detail") or dig(event, "s3")
    what = text_at(event, "detail-type") or text_at(event, "eventName") or "event"
    return Said(reason=f"{what} s3://{text_at(about, 'bucket', 'name')}/{s3_key(event)}")


_EVENTBRIDGE: Final[dict[tuple[str | None, str | None], Callable[[Any], Said | Ignored]]] = {
    ("aws.codecommit", "CodeCommit Repository State Change"): _codecommit,
    ("aws.ecr", "ECR Image Action"): _ecr,
    ("aws.events", "Scheduled Event"): _schedule,
    ("aws.s3", "Object Created"): of_s3,
    ("aws.s3", "Object Deleted"): of_s3,
}


def of_codebuild(event: Any) -> Ended | Ignored:
    """An event of CodeBuild: the end of a build, or nothing to us. Never a trigger: builds would set off builds.

    https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html
    """
    kind = text_at(event, "detail-type")
    if kind != "CodeBuild Build State Change":
        return Ignored(f"{kind or 'an event of CodeBuild'} ends no build")
    status = needed(event, "detail", "build-status")
    if status not in _ENDED:
        return Ignored(f"the build is {status}")
    arn = needed(event, "detail", "build-id")
    match = _BUILD.fullmatch(arn)
    if match is None:
        raise EventError("event.detail.build-id", "is not the ARN of a build")
    return Ended(
        codebuild=match["project"],
        region=text_at(event, "region") or match["region"],
        build_id=f"{match['project']}:{match['number']}",
        succeeded=status == "SUCCEEDED",
        detail=status,
    )


def of_other(event: Any) -> Said:
    """A record of a stream, a job of a pipeline, or anything else."""
    if dig(event, PIPELINE_JOB):
        return Said(reason="CodePipeline job")
    source, name = text_at(event, "eventSource"), text_at(event, "eventName")
    return Said(reason=" ".join(filter(None, (_last(source, ":"), _last(name, ":")))) or None)


def of_topic(sns: Any) -> Said:
    """A message on an SNS topic that says nothing more by itself."""
    topic = _last(text_at(sns, "TopicArn"), ":") or "a topic"
    return Said(reason=text_at(sns, "Subject") or f"message on {topic}")


def of_queue(sqs: Any) -> Said:
    """A message in a queue that says nothing more by itself."""
    queue = _last(text_at(sqs, "eventSourceARN"), ":") or "a queue"
    return Said(reason=f"message in {queue}")


def short_ref(ref: str) -> str:
    """``refs/heads/main`` -> ``main``."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _last(text: str | None, separator: str) -> str | None:
    """What comes after the last separator: a name out of an ARN."""
    return None if text is None else text.rpartition(separator)[2] or None
