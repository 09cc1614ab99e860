"""The Lambda handler: ``holdoff.ingress.aws_lambda.handler``. It takes any event to the right gate, and answers.

It is a drop-in for the old snippet. With the variables REGION_NAME, DDB_TABLE_NAME, CODEBUILD_PROJECT_NAME and COOLDOWN
(seconds) it works on the same table, beside functions that still run the snippet. ``settings`` has all variables.

The answer depends on the caller:

* a queue (SQS): ``batchItemFailures``, so that only failed records come again. A FIFO queue's batch ends at the first
  failure. If all records failed, the invocation fails;
* HTTP (API Gateway, function URL): a status and the decision as JSON, once the signature was checked;
* all others: the decision as a JSON object. If a message fails, the invocation fails. Lambda then delivers an
  asynchronous event again, and hands it to the dead-letter queue in the end. The event's other messages were carried
  out; if they come again, they are duplicates.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

from holdoff.aws.client import prepare
from holdoff.clock import Clock, SystemClock
from holdoff.core.errors import HoldoffError
from holdoff.ingress.dispatch import EVER_MS, TIME_FOR_A_WAKE_MS, Answer, Dispatch, LeftMs, WakeScheduler
from holdoff.ingress.event_log import EventLog
from holdoff.ingress.events.envelopes import is_custom_resource, is_fifo, is_sqs, opened
from holdoff.ingress.events.http import http_request, is_health_check, is_http
from holdoff.ingress.settings import DEAD_LETTERS, ROLE, Settings
from holdoff.references import KEPT_MS


def handler(event: object, context: object = None) -> Answer:
    """One invocation.

    Raises:
        ConfigError: a variable or the file is missing or wrong.
        EventError: an event cannot be understood.
        StoreError: no decision could be made; deliver the event again.
    """
    return _function().answer(event, context)


@cache
def _function() -> Function:
    """The process's function, which keeps clients and last snapshots between invocations."""
    return Function(os.environ)


class Function:
    """A function with the settings in its environment.

    Args:
        write: takes log lines; standard output is Lambda's log.
        new_scheduler: makes the scheduler of wakes from an invocation's context.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        clock: Clock | None = None,
        write: Callable[[dict[str, object]], None] | None = None,
        new_scheduler: Callable[[object], WakeScheduler | None] | None = None,
    ) -> None:
        self._settings = Settings(environment)
        self._clock = clock or SystemClock()
        function = environment.get("AWS_LAMBDA_FUNCTION_NAME") or "holdoff"
        self._log = EventLog(write or _print, clock=self._clock, function=function)
        self._new_scheduler = new_scheduler or self._settings.scheduler
        self._dispatch: Dispatch | None = None
        self._until_ms = 0

    def answer(self, event: object, context: object = None) -> Answer:
        """What ``handler`` does."""
        left_ms: LeftMs = getattr(context, "get_remaining_time_in_millis", lambda: EVER_MS)
        if is_http(event):
            return self._http(event, context, left_ms)
        if is_custom_resource(event):
            return self._custom_resource(event)
        dispatch = self._dispatch_for(context)
        if is_sqs(event):
            return self._batch(event, dispatch, left_ms)
        return self._each(event, dispatch, left_ms, getattr(context, "aws_request_id", None))

    def _custom_resource(self, event: object) -> Answer:
        from holdoff.ingress.custom_resource import answer  # urllib is slow to import, and seldom needed

        try:
            said: Answer = {"ignored": answer(event)}
        except OSError as error:
            self._log.failed(error, kind="invocation")
            raise
        self._log.noted("ignored", kind="direct", **said)
        return said

    def _each(self, event: object, dispatch: Dispatch, left_ms: LeftMs, request_id: str | None) -> Answer:
        """Carry out every message, even if others fail. Then raise the first error, if there was one."""
        answers: list[Answer] = []
        errors: list[Exception] = []
        try:
            messages = opened(event, request_id=request_id)
        except HoldoffError as error:
            self._log.failed(error, kind="invocation")
            raise
        for message in messages:
            try:
                answers.append(dispatch.carry_out(message, left_ms))
            except Exception as error:  # noqa: BLE001  (a plug-in may raise anything)
                self._log.failed(error, kind=message.kind, message_id=message.id)
                errors.append(error)
        if errors:
            raise errors[0]
        return answers[0] if len(answers) == 1 else {"answers": answers}

    def _batch(self, event: Any, dispatch: Dispatch, left_ms: LeftMs) -> Answer:
        """A queue's batch: failed records come again, and end in the queue's own dead letters."""
        failed: list[str] = []
        errors: list[Exception] = []
        in_order, needed_ms = is_fifo(event), min(TIME_FOR_A_WAKE_MS, left_ms() // 2)
        for place, record in enumerate(event["Records"]):
            own_id = str(record["messageId"])
            # A later record must not overtake a failed one. After a time-out the whole batch would come again.
            if (failed and in_order) or (place and left_ms() < needed_ms):
                failed.append(own_id)
                continue
            try:
                self._each({"Records": [record]}, dispatch, left_ms, None)
            except Exception as error:  # noqa: BLE001  (it is logged: only this record comes again)
                failed.append(own_id)
                errors.append(error)
        if errors and len(failed) == len(event["Records"]):
            raise errors[0]  # a mapping without ReportBatchItemFailures would delete the batch
        return {"batchItemFailures": [{"itemIdentifier": own_id} for own_id in failed]}

    def _http(self, event: object, context: object, left_ms: LeftMs) -> Answer:
        from holdoff.ingress.aws_http import keep_in, response
        from holdoff.ingress.webhook import Reply, reply_to, undecided

        if is_health_check(event):
            return response(event, Reply(200, {}))
        try:
            dispatch = self._dispatch_for(context)
        except HoldoffError as error:
            return response(event, undecided(error))  # the sender may retry on this answer
        now_ms = self._clock.now_ms()
        webhooks = self._settings.webhooks(dispatch.config, now_ms)
        keep, read = partial(keep_in, self._settings.text(DEAD_LETTERS)), partial(http_request, event)
        reply = reply_to(read, now_ms, dispatch, left_ms, webhooks=webhooks, keep=keep, log=self._log)
        return response(event, reply)

    def _dispatch_for(self, context: object) -> Dispatch:
        """The dispatch, made at the first invocation, which names the function, and again if the settings change."""
        now_ms, known = self._clock.now_ms(), self._dispatch
        if known is not None and now_ms < self._until_ms:
            return known
        try:
            config = self._settings.config(now_ms)
            if known is None or config != known.config:
                store, scheduler = self._settings.store(config), self._new_scheduler(context)
                known = Dispatch(config, store, clock=self._clock, log=self._log, scheduler=scheduler)
        except HoldoffError as error:
            self._log.failed(error, kind="invocation")
            if known is None:
                raise  # otherwise the last right settings stay
        self._dispatch, self._until_ms = known, now_ms + KEPT_MS
        return known


def _print(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201  (Lambda's log is standard output)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # The first invocation would load these with a share of a processor. The init phase has a whole processor.
    for module in ("holdoff.stores.dynamodb.store", "holdoff.starters.codebuild"):
        import_module(module)
    prepare("dynamodb", "codebuild", *(["scheduler"] if os.environ.get(ROLE) else []))
