"""The Lambda handler: ``holdoff.ingress.aws_lambda.handler``. From any event to the right gate, and an answer.

A drop-in for the old snippet: with its variables REGION_NAME, DDB_TABLE_NAME, CODEBUILD_PROJECT_NAME and COOLDOWN
(seconds) it works on the same table, beside functions that still run the snippet. ``aws_settings`` has all variables.

What is answered depends on who asks:

* a queue (SQS): ``batchItemFailures``, so that only what failed comes again; a FIFO queue's batch ends at the first
  failure;
* HTTP (API Gateway, function URL): a status and the decision as JSON, once the signature was checked;
* anybody else: the decision as a JSON object. Where none could be made the invocation fails, so that Lambda delivers
  an asynchronous event again, and then hands it to the dead-letter queue. All its other messages were carried out; if
  they come again, they are duplicates.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from holdoff import boto
from holdoff.clock import SystemClock
from holdoff.core.errors import EventError, HoldoffError
from holdoff.ingress import aws_settings as settings
from holdoff.ingress.dispatch import EVER_MS, TIME_FOR_A_WAKE_MS, Dispatch
from holdoff.ingress.events import is_fifo, is_http, is_sqs, opened, opened_record
from holdoff.ingress.references import KEPT_MS, References
from holdoff.ingress.routes import Routes
from holdoff.ingress.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from holdoff.clock import Clock
    from holdoff.config import Config
    from holdoff.ingress.dispatch import Answer
    from holdoff.ingress.events import Message
    from holdoff.wakers.base import Waker


def handler(event: object, context: object = None) -> Answer:
    """One invocation.

    Raises:
        ConfigError: a variable or the file is missing or wrong.
        EventError: an event cannot be understood.
        EventEarly, StoreError: no decision could be made; deliver the event again.
    """
    if _functions:
        function = _functions[0]
    else:
        function = Function(os.environ)
        _functions.append(function)
    return function.answer(event, context)


#: This process's function, once it was invoked: clients and last sights are kept between invocations.
_functions: Final[list[Function]] = []


@dataclass(frozen=True, slots=True)
class _Ready:
    """All that an invocation needs, until the settings are to be read again."""

    config: Config
    dispatch: Dispatch
    until_ms: int


class Function:
    """A function with its settings.

    Args:
        environment: where they are.
        clock: what says what time it is.
        tell: takes log lines; standard output is Lambda's log.
        make_waker: makes what arranges wakes, of the environment and an invocation's context.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        clock: Clock | None = None,
        tell: Callable[[dict[str, object]], None] | None = None,
        make_waker: Callable[[Mapping[str, str], object], Waker | None] | None = None,
    ) -> None:
        self._environment = environment
        self._clock = clock or SystemClock()
        function = environment.get("AWS_LAMBDA_FUNCTION_NAME") or "holdoff"
        self._telling = Telling(tell or _print, clock=self._clock, function=function)
        self._make_waker = make_waker or _waker
        self._references = References(environment)
        self._ready: _Ready | None = None

    def answer(self, event: object, context: object = None) -> Answer:
        """What ``handler`` does."""
        try:
            ready = self._ready_for(context)
        except HoldoffError as error:
            if is_http(event):
                return _undecided(event, error)  # an answer by which its sender may try again
            raise
        left_ms = getattr(context, "get_remaining_time_in_millis", lambda: EVER_MS)
        try:
            if is_http(event):
                return self._web(event, ready)
            if is_sqs(event):
                return self._batch(event, ready.dispatch, left_ms)
            return self._each(event, ready.dispatch, left_ms, context)
        finally:
            ready.dispatch.settle()

    # --- by who asks -------------------------------------------------------------------------------

    def _each(
        self, event: object, dispatch: Dispatch, left_ms: Callable[[], int], context: object
    ) -> Answer:
        """Every message, whatever became of the others; then the first error, if there was one."""
        answers: list[Answer] = []
        errors: list[Exception] = []
        for message in self._opened(event, context):
            try:
                answers.append(dispatch.carry_out(message, left_ms))
            except Exception as error:  # noqa: BLE001  (a plug-in's own, say; the others do not wait for its author)
                self._complain(error, message)
                errors.append(error)
        if errors:
            raise errors[0]
        return answers[0] if len(answers) == 1 else {"answers": answers}

    def _opened(self, event: object, context: object) -> list[Message]:
        try:
            return opened(event, request_id=getattr(context, "aws_request_id", None))
        except EventError as error:
            self._complain(error)
            raise

    def _batch(self, event: Any, dispatch: Dispatch, left_ms: Callable[[], int]) -> Answer:
        """A queue's batch: what failed comes again, and in the end goes to the queue's own dead letters."""
        failed: list[dict[str, str]] = []
        in_order = is_fifo(event)  # then what comes later must not overtake what failed
        for place, record in enumerate(event["Records"]):
            stops = bool(failed) and in_order
            if place and left_ms() < TIME_FOR_A_WAKE_MS:
                stops = True  # cut off in the middle, all of them would come again
            if stops or not self._is_carried_out(record, dispatch, left_ms):
                failed.append({"itemIdentifier": str(record["messageId"])})
        return {"batchItemFailures": failed}

    def _is_carried_out(self, record: Any, dispatch: Dispatch, left_ms: Callable[[], int]) -> bool:
        try:
            for message in opened_record(record):
                dispatch.carry_out(message, left_ms)
        except Exception as error:  # noqa: BLE001  (as above: only this record comes again)
            self._complain(error, message_id=str(record["messageId"]))
            return False
        return True

    def _web(self, event: object, ready: _Ready) -> Answer:
        from holdoff.ingress.aws_http import Web

        now_ms = self._clock.now_ms()
        web = Web(
            ready.dispatch,
            secrets=lambda: settings.secrets_of(
                ready.config, self._environment, self._references, now_ms
            ),
            dead_letters=self._environment.get(settings.DEAD_LETTERS, "").strip(),
            telling=self._telling,
        )
        return web.answer(event, now_ms)

    def _complain(
        self, error: Exception, message: Message | None = None, *, message_id: str | None = None
    ) -> None:
        if message is None:
            kind = "invocation" if message_id is None else "sqs"
        else:
            kind, message_id = message.kind, message.id
        self._telling.failed(error, kind=kind, message_id=message_id)

    # --- what it needs -----------------------------------------------------------------------------

    def _ready_for(self, context: object) -> _Ready:
        """Made at the first invocation, which tells the function's own name; again where the file may have changed."""
        now_ms = self._clock.now_ms()
        if self._ready is None or now_ms >= self._ready.until_ms:
            self._ready = self._made(context, now_ms)
        return self._ready

    def _made(self, context: object, now_ms: int) -> _Ready:
        until_ms, old = now_ms + KEPT_MS, self._ready
        try:
            config = settings.config_of(self._environment, self._references, now_ms)
            if old is not None and config == old.config:
                return _Ready(config, old.dispatch, until_ms)
            return _Ready(config, self._new_dispatch(config, context), until_ms)
        except HoldoffError as error:
            self._complain(error)
            if old is None:
                raise
            return _Ready(old.config, old.dispatch, until_ms)  # what was right goes on

    def _new_dispatch(self, config: Config, context: object) -> Dispatch:
        return Dispatch(
            config,
            settings.store_of(config, self._environment),
            Routes.of(config),
            clock=self._clock,
            telling=self._telling,
            waker=self._make_waker(self._environment, context),
        )


def _undecided(event: object, error: HoldoffError) -> Answer:
    from holdoff.ingress.aws_http import fitted, undecided

    return fitted(undecided(error), event)


def _waker(environment: Mapping[str, str], context: object) -> Waker | None:
    """EventBridge Scheduler, where it was given a role and the invocation says what to wake."""
    role = environment.get(settings.ROLE, "").strip()
    target = getattr(context, "invoked_function_arn", None)
    if not role or not target:
        return None
    from holdoff.wakers.scheduler import Scheduler

    return Scheduler(
        # As the schedules' role names it: a right is on a function, a version or an alias
        # (https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html).
        str(target).removesuffix(":$LATEST"),
        role=role,
        group=environment.get(settings.GROUP, "").strip() or settings.DEFAULT_GROUP,
        dead_letters=environment.get(settings.SCHEDULE_DEAD_LETTERS, "").strip() or None,
    )


def _print(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201  (Lambda's log is standard output)


def _prepare() -> None:
    """What the first invocation would load, on a share of a processor; the init phase has a whole one."""
    for module in ("holdoff.stores.dynamodb", "holdoff.starters.codebuild"):
        import_module(module)
    boto.prepare("dynamodb", "codebuild", *(["scheduler"] if os.environ.get(settings.ROLE) else []))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _prepare()
