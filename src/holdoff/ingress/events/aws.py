"""What the events of AWS services ask for by themselves, and the ids of S3's. Pure.

No source version is taken from ECR or S3, though they name one. CodeBuild reads it as a version of *its* source
(https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html: a commit, branch or tag of a repository,
or the version of the very ZIP file in S3 that is built): an image's digest is never one, and an object's version only
where that object is the source. Without a version the newest is built, which is right for each. A rule can say more.

S3's events have no id of their own; what they say makes one, whichever way they come. S3 sends a notification, or
EventBridge an event, or both, and either may be delivered again. Bucket, key and sequencer are in both forms
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). Only writes and deletions have a sequencer; of
the rest the request's id tells one from the next.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote_plus

from holdoff.core.errors import EventError
from holdoff.ingress.events.intents import BuildEnded, Draft, Ignored
from holdoff.ingress.events.paths import dig, filled, needed, text_at

#: The key under which CodePipeline hands a job to a function
#: (https://docs.aws.amazon.com/lambda/latest/dg/services-codepipeline.html).
PIPELINE_JOB: Final = "CodePipeline.job"
#: The states in which a build has ended: API_Build's buildStatus but IN_PROGRESS
#: (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html).
_ENDED: Final = ("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED")
_BUILD: Final = re.compile(r"(?a)arn:[\w-]+:codebuild:(?P<region>[\w-]+):\d+:build/(?P<id>(?P<project>[\w-]+):[\w-]+)")


def of_eventbridge(event: Any) -> Draft | Ignored:
    """An event of EventBridge: one of those known by their type, or else any."""
    kind = text_at(event, "detail-type")
    match text_at(event, "source"), kind:
        case "aws.codecommit", "CodeCommit Repository State Change":
            return of_codecommit(event)
        case "aws.ecr", "ECR Image Action":
            return _ecr(event)
        case "aws.events", "Scheduled Event":
            return Draft(reason=filled("schedule {resources.0/}", event))
        case "aws.s3", "Object Created" | "Object Deleted":  # a deletion is a change, too
            return of_s3(event)
        case _:
            return Draft(reason=kind)


def of_codecommit(event: Any) -> Draft | Ignored:
    """Either form: an event of EventBridge, or the record of a trigger of CodeCommit itself, with one reference.

    https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
    """
    ref = filled("{detail.referenceName}{codecommit.references.0.ref}", event) or "a reference"
    what = text_at(event, "detail.event")
    if what == "referenceDeleted" or dig(event, "codecommit.references.0.deleted") is True:
        return Ignored(f"{ref} was deleted")
    if what == "unreferencedMergeCommitCreated":
        return Ignored("a merge commit without a branch")
    repository = filled("{detail.repositoryName}{eventSourceARN:}", event) or "CodeCommit"
    return Draft(
        reason=f"push to {repository} {ref}",
        source_version=needed(event, "codecommit.references.0.commit" if "codecommit" in event else "detail.commitId"),
        by=filled("{detail.callerUserArn/}{userIdentityARN/}", event),
    )


def _ecr(event: Any) -> Draft | Ignored:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    if (needed(event, "detail.action-type"), text_at(event, "detail.result")) != ("PUSH", "SUCCESS"):
        return Ignored(filled("no image was pushed: {detail.action-type} {detail.result}", event))
    image = needed(event, "detail.repository-name")
    tag, digest = text_at(event, "detail.image-tag"), text_at(event, "detail.image-digest")
    return Draft(reason=f"image {image}{f':{tag}' if tag else f'@{digest}' if digest else ''} pushed")


def of_s3(event: Any) -> Draft | Ignored:
    """Either form."""
    if text_at(event, "Event") == "s3:TestEvent":
        return Ignored("a test event of S3")
    what, bucket, key = _names(event)
    return Draft(reason=f"{what or 'event'} s3://{bucket}/{key}")


def s3_id(event: Any) -> str | None:
    """The id; ``None``: the event does not say enough for one."""
    what, bucket, key = _names(event)
    sequencer = text_at(event, "detail.object.sequencer", "s3.object.sequencer")
    mark = sequencer or text_at(event, "detail.request-id", "responseElements.x-amz-request-id")
    if not (bucket and key and mark and what):
        return None
    # ``Object Created`` and ``ObjectCreated:Put`` are one; so are ``Object Deleted`` and ``ObjectRemoved:Delete``.
    short = what.partition(":")[0].replace(" ", "").removeprefix("Object")
    return f"s3:{bucket}/{key}#{mark}:{'Deleted' if short == 'Removed' else short}"


def _names(event: Any) -> tuple[str | None, str | None, str | None]:
    """What happened, bucket and key. A notification has the key encoded as in a URL, EventBridge has it plain."""
    key = text_at(event, "detail.object.key") or unquote_plus(text_at(event, "s3.object.key") or "") or None
    return text_at(event, "detail-type", "eventName"), text_at(event, "detail.bucket.name", "s3.bucket.name"), key


def of_codebuild(event: Any) -> BuildEnded | Ignored:
    """An event of CodeBuild: the end of a build, or nothing. Never a trigger: builds would set off builds.

    https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html
    """
    kind = text_at(event, "detail-type")
    if kind != "CodeBuild Build State Change":
        return Ignored(f"{kind or 'an event of CodeBuild'} ends no build")
    status = needed(event, "detail.build-status")
    if status not in _ENDED:
        return Ignored(f"the build is {status}")
    build = _BUILD.fullmatch(needed(event, "detail.build-id"))
    if build is None:
        raise EventError("event.detail.build-id", "is not the ARN of a build")
    variables = dig(event, "detail.additional-information.environment.environment-variables")
    named = [one for one in variables if dig(one, "name") == "HOLDOFF_KEY"] if isinstance(variables, list) else []
    return BuildEnded(
        codebuild=build["project"],
        region=text_at(event, "region") or build["region"],
        build_id=build["id"],
        succeeded=status == "SUCCEEDED",
        detail=status,
        key=text_at(named[0], "value") if named else None,
    )


def of_other(event: Any) -> Draft:
    """A record of a stream, a job of a pipeline, or anything else."""
    template = "CodePipeline job" if dig(event, PIPELINE_JOB) else "{eventSource:} {eventName:}"
    return Draft(reason=filled(template, event))
