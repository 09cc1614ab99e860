"""Wakes by EventBridge Scheduler: a one-time schedule for each gate and minute, which deletes itself.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: ``at(yyyy-mm-ddThh:mm:ss)``; all schedules
"invoke their targets with 60 second precision": a schedule for 1:00 fires between 1:00:00 and 1:00:59. So each wake is
scheduled for a whole minute. The service refuses an instant in the past.

A schedule's name contains the gate, the target and the minute. So if another process arranges the same wake, the
service answers with a conflict, and the wake is arranged. A wake that comes too early (clocks differ) is answered
*deferred*, and the next minute is arranged under another name. A wake that comes twice finds nothing left to do.
"""

from __future__ import annotations

import json
from typing import Final

from holdoff.aws.client import Clients, Limits
from holdoff.aws.errors import Cause, Target, code_of, describe, hint, row_of
from holdoff.core.errors import ConfigError, WakeError
from holdoff.core.request import GateKey
from holdoff.core.units import to_datetime

MINUTE_MS: Final = 60_000
#: A request takes a moment, and clocks differ: no wake is scheduled for an instant nearer than this.
SOON_MS: Final = 5_000

LIMITS: Final = Limits(connect_s=2, read_s=3, tries=2)
#: The variables that the handler takes these settings from.
_VARIABLES: Final = {"role": " (HOLDOFF_SCHEDULE_ROLE)", "dead_letters": " (HOLDOFF_SCHEDULE_DEAD_LETTERS)"}


class Scheduler:
    """Wakes gates through EventBridge Scheduler, which invokes ``target`` with ``wake_event(key)``.

    Rights: ``scheduler:CreateSchedule`` on the group's schedules, ``iam:PassRole`` on the role.

    Args:
        target: the ARN of the function to invoke.
        role: the ARN of the role by which the service may invoke it.
        group: the group of the schedules. It has to exist.
        dead_letters: the ARN of a queue for wakes that could not be delivered.
        client: a client of your own.

    Raises:
        ConfigError: an argument is no ARN where it has to be one.
    """

    def __init__(
        self,
        target: str,
        *,
        role: str,
        group: str = "holdoff",
        dead_letters: str | None = None,
        client: object = None,
    ) -> None:
        for field, arn in (("target", target), ("role", role), ("dead_letters", dead_letters)):
            if arn is not None and not arn.startswith("arn:"):
                raise ConfigError(field=f"the scheduler's {field}", got=arn, want=f"its ARN{_VARIABLES.get(field, '')}")
        self._sent = {
            "Arn": target,
            "RoleArn": role,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3_600},  # by then the sweep has found the gate
            **({"DeadLetterConfig": {"Arn": dead_letters}} if dead_letters else {}),
        }
        self.target = target
        self.group = group
        self._clients = Clients("scheduler", LIMITS, given=client, lean=True)
        self._arranged: set[str] = set()

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """Arrange a wake, as ``ingress.dispatch.WakeScheduler`` says."""
        at_ms = next_minute_ms(due_ms, now_ms)
        if schedule_name(key, self.target, at_ms) in self._arranged:
            return None
        for try_ms in (at_ms, at_ms + MINUTE_MS):  # by the service's clock the first may be in the past
            try:
                return self._arrange(key, try_ms)
            except Exception as error:  # noqa: BLE001  (after any error the wake is not arranged)
                failed, row = error, row_of(error)
            if row is None or row.cause is not Cause.INPUT:
                break
        target = Target(
            service="Scheduler",
            name=self.group,
            region=None,
            resource=f"the schedules of the group {self.group}, and iam:PassRole on {self._sent['RoleArn']}",
            missing="Create the schedule group, or name another: HOLDOFF_SCHEDULE_GROUP",
            settings="the schedules' group, role and dead letters",
        )
        advice = hint(row, target, "CreateSchedule", describe(failed)) or "See the service's answer"
        raise WakeError(
            f"the wake of {key} could not be scheduled in the group {self.group}: {describe(failed)}",
            hint=f"{advice}. Until then the sweep finds the gate (`holdoff aws check` looks closer)",
        ) from failed

    def _arrange(self, key: GateKey, at_ms: int) -> None:
        name = schedule_name(key, self.target, at_ms)
        try:
            self._clients.of(None).create_schedule(
                Name=name,
                GroupName=self.group,
                ScheduleExpression=f"at({to_datetime(at_ms):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Description=f"Holdoff wakes {key}"[:512],
                Target=self._sent | {"Input": json.dumps(wake_event(key))},
            )["ScheduleArn"]
        except Exception as error:
            if code_of(error) != "ConflictException":
                raise
        if len(self._arranged) >= 1_000:  # known schedules are not created again
            self._arranged.clear()
        self._arranged.add(name)


def wake_event(key: GateKey) -> dict[str, str]:
    """The event that the function is invoked with."""
    return {"holdoff": "wake", "project": key.project, "region": key.region}


def next_minute_ms(due_ms: int, now_ms: int) -> int:
    """The first whole minute that is neither before ``due_ms`` nor too near."""
    return -(-max(due_ms, now_ms + SOON_MS) // MINUTE_MS) * MINUTE_MS


def schedule_name(key: GateKey, target: str, at_ms: int) -> str:
    """One name for each gate, target and minute: ``site-build-0123456789abcdef-202611250307``.

    It may have 64 characters of ``[0-9a-zA-Z-_.]``.
    """
    from hashlib import blake2b

    digest = blake2b(json.dumps([key.project, key.region, target]).encode(), digest_size=8)
    readable = "".join(char if char.isascii() and char.isalnum() else "-" for char in key.project)
    return f"{readable[:34]}-{digest.hexdigest()}-{to_datetime(at_ms):%Y%m%d%H%M}"
