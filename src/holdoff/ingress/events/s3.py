"""The ids of S3's events: the same on every way. Pure.

S3's events have no id of their own, so their content makes one. S3 sends a notification, or EventBridge an event, or
both, and either may be delivered again. Bucket, key and sequencer are in both forms
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). Only writes and deletions have a sequencer. The
other events are told apart by the request's id.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote_plus

from holdoff.ingress.events.paths import text_at

#: The two forms have different names for these. EventBridge's ``Object Deleted`` includes deletions by lifecycle rules.
_SAME: Final = {"Removed": "Deleted", "LifecycleExpiration": "Deleted"}


def s3_id(event: Any) -> str | None:
    """The id; ``None``: the event does not say enough for one."""
    what = text_at(event, "detail-type", "eventName")
    bucket = text_at(event, "detail.bucket.name", "s3.bucket.name")
    # A notification has the key encoded as in a URL, EventBridge has it plain.
    key = text_at(event, "detail.object.key") or unquote_plus(text_at(event, "s3.object.key") or "")
    sequencer = text_at(event, "detail.object.sequencer", "s3.object.sequencer")
    mark = sequencer or text_at(event, "detail.request-id", "responseElements.x-amz-request-id")
    if not (bucket and key and mark and what):
        return None
    # ``Object Created`` and ``ObjectCreated:Put`` are the same; so are ``Object Deleted`` and ``ObjectRemoved:Delete``.
    short = what.removeprefix("s3:").partition(":")[0].replace(" ", "").removeprefix("Object")
    return f"s3:{bucket}/{key}#{mark}:{_SAME.get(short, short)}"
