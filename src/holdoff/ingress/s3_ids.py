"""S3's events have no id of their own; what they say makes one, the same whichever way they come. Pure.

S3 sends a notification, or EventBridge an event, or both, and either may be delivered again. Bucket, key and sequencer
are in both forms (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). Only writes and deletions have a sequencer; of
the rest the request's id tells one from the next.
"""

from __future__ import annotations

from urllib.parse import unquote_plus

from holdoff.ingress.paths import dig, text_at


def s3_id(event: object) -> str | None:
    """The id; ``None``: the event does not say enough for one."""
    about = dig(event, "detail") or dig(event, "s3")
    bucket, key = text_at(about, "bucket", "name"), s3_key(event)
    what = text_at(event, "detail-type") or text_at(event, "eventName")
    request = text_at(about, "request-id") or text_at(event, "responseElements", "x-amz-request-id")
    mark = text_at(about, "object", "sequencer") or request
    if not (bucket and key and mark and what):
        return None
    return f"s3:{bucket}/{key}#{mark}:{_short(what)}"


def s3_key(event: object) -> str | None:
    """The object's key. A notification has it encoded as in a URL, EventBridge has it plain."""
    if plain := text_at(event, "detail", "object", "key"):
        return plain
    return unquote_plus(text_at(event, "s3", "object", "key") or "") or None


def _short(what: str) -> str:
    """``Object Created`` and ``ObjectCreated:Put`` are one; so are ``Object Deleted`` and ``ObjectRemoved:Delete``."""
    name = what.partition(":")[0].replace(" ", "").removeprefix("Object")
    return "Deleted" if name == "Removed" else name
