"""Webhooks: first the signature, then the event, then an answer that the sender can act on.

| status | what it means to the sender |
|---|---|
| 200 | decided: started, skipped, or nothing to build for it; or all is well, to a load balancer that asks |
| 202 | kept: it is built later |
| 400 | not a request that can be read |
| 401 | not signed as it should be |
| 403 | signed, and asks for what this sender may not; kept as well |
| 422 | signed, but no rule here says what to build for it; kept among the dead letters, where there are any |
| 500 | not set up as it should be, or broken; kept as well, once the signature was checked |
| 503 | no decision could be made: send it again; kept among the dead letters, where there are any |

Some senders take any status but 200 for a failure, and send the webhook again (``Scheme.only_200``). They get 200
instead of 202.

**Dead letters** are webhooks that were signed correctly and came to nothing: senders seldom try again. They are kept
without their secrets, and with the power that they had (``events.aside``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from holdoff.core.decision import Outcome
from holdoff.core.errors import EventError, HoldoffError, NotAllowed, SignatureError
from holdoff.core.value import Value
from holdoff.ingress.dispatch import Answer, Dispatch, LeftMs
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.aside import put_aside, taken_back
from holdoff.ingress.events.cms_senders import HANDSHAKES, SHAKEN
from holdoff.ingress.events.envelopes import http_message
from holdoff.ingress.events.http import HttpRequest
from holdoff.ingress.events.kinds import fits, kind_of_event
from holdoff.ingress.events.message import Message
from holdoff.ingress.events.paths import text_at
from holdoff.ingress.events.signatures import Webhooks, check

#: The longest text of a handshake that is sent back.
_MOST_ECHO: Final = 1_000


class Reply(Value, kw_only=False):
    """What the sender is answered: a status, and plain JSON values or a plain text."""

    status: int
    body: dict[str, Any] | str
    origin: str | None = None  #: who may send CloudEvents: that specification's http-webhook.md, section 4

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        allowed = {"webhook-allowed-origin": self.origin, "webhook-allowed-rate": "*"} if self.origin else {}
        of_text = {
            "content-type": "text/plain; charset=utf-8",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",  # it answers a GET
        }
        kind = of_text if isinstance(self.body, str) else {"content-type": "application/json"}
        return kind | allowed | ({"retry-after": "30"} if self.status == 503 else {})


def reply_to(
    read: Callable[[], HttpRequest],
    now_ms: int,
    dispatch: Dispatch,
    left_ms: LeftMs,
    *,
    webhooks: Webhooks,
    keep: Callable[[dict[str, object]], None],
    log: EventLog,
    refused: Callable[[HoldoffError], None] | None = None,
) -> Reply:
    """Check a request, carry it out, and say what became of it. The decision is in the store before the answer.

    Args:
        read: makes the request; may raise a ``HoldoffError``.
        keep: keeps a dead letter; may raise anything.
        refused: gets the error of a request that was not let in. The default is the log.
    """
    try:
        checked = check(read(), webhooks, now_ms)
    except HoldoffError as error:
        (refused or partial(log.failed, kind="http"))(error)
        return undecided(error)
    message: Message | None = None
    try:
        message = http_message(checked.request, checked.origin)
        echo = _echo(message)
        done = dispatch.carry_out(message, left_ms)
    except Exception as error:  # noqa: BLE001  (whatever it is, its sender seldom tries again)
        log.failed(error, kind="http", message_id=message and message.id)
        try:
            if message is None or not kind_of_event(message, [SHAKEN]):  # a late answer is of no use to its sender
                keep(put_aside(checked.request, checked.origin, error))
        except Exception as lost:  # noqa: BLE001  (the sender still gets its answer)
            log.failed(lost, kind="dead letters")
        if isinstance(error, EventError):
            return Reply(403 if isinstance(error, NotAllowed) else 422, {"error": str(error)})
        return undecided(error)
    status = 202 if has_put_off(done) and not checked.only_200 else 200
    return Reply(status, echo or done, checked.request.headers.get("webhook-request-origin"))


def _echo(message: Message) -> Answer | str | None:
    """The whole answer that the sender of a handshake wants to see; ``None``: the message is no handshake. Raises an
    ``EventError`` if the text may be more than a token."""
    first = message.but(event=message.event[0]) if isinstance(message.event, list) and message.event else message
    for _, when, at, name in HANDSHAKES:
        if fits(first, f"{at} & {when}") and (text := text_at(first.event, at)):
            if len(text) > _MOST_ECHO or not text.isprintable() or set("<>") & set(text):
                why = f"is not answered: it has more than {_MOST_ECHO} characters, or '<', '>' or a control character"
                raise EventError(at.removeprefix("?"), why)
            return {name: text} if name else text
    return None


def has_put_off(done: Answer) -> bool:
    """Whether a build comes later, or a start is in progress and its result is not known."""
    under_way = {"outcome": Outcome.STARTED, "build_id": None}.items()
    answers = done.get("answers", [done])
    return any(one.get("outcome") in (Outcome.DEFERRED, Outcome.FAILED) or under_way <= one.items() for one in answers)


def carry_out_again(letter: Mapping[str, Any], letter_id: str, dispatch: Dispatch) -> Answer:
    """Carry out a dead letter, with the power that its webhook had. ``letter_id``: its id if its sender gave none, so
    that it is carried out once. Raises a ``HoldoffError`` if it fails again."""
    message = http_message(*taken_back(letter))
    return dispatch.carry_out(message.but(id=message.id or letter_id))


def undecided(error: Exception) -> Reply:
    """The answer if no decision was made. It tells the sender no more than it needs."""
    if isinstance(error, SignatureError):
        return Reply(401, {"error": error.public})
    if isinstance(error, EventError):
        return Reply(400, {"error": "not a request that can be read"})
    if getattr(error, "retryable", False):
        return Reply(503, {"error": "no decision could be made; send it again"})
    return Reply(500, {"error": "not set up as it should be, or broken; its log says more"})
