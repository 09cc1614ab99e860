"""Wakes by EventBridge Scheduler: a one-time schedule for each gate and minute, which deletes itself.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: ``at(yyyy-mm-ddThh:mm:ss)``; all schedules
"invoke their targets with 60 second precision": one for 1:00 fires between 1:00:00 and 1:00:59. So a wake is due at
the next whole minute. An instant already past is refused.

The schedule's name says which gate, target and minute, so that whoever else arranges the same wake meets a conflict,
which means that it is arranged already. A wake that comes too early (clocks differ) is answered *deferred*, and then
the next minute is arranged under another name. A wake that comes twice finds nothing left to do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from holdoff import boto
from holdoff.core.errors import WakeError
from holdoff.core.units import to_datetime

if TYPE_CHECKING:
    from holdoff.core.record import GateKey

MINUTE_MS: Final = 60_000
#: A request takes a moment, and clocks differ: nothing is scheduled for an instant nearer than this.
SOON_MS: Final = 5_000
#: How many arranged wakes a process remembers, so as not to arrange them again.
KEPT_NAMES: Final = 1_000
#: The service goes on trying to invoke the target for so long. The sweep has found the gate by then.
GIVE_UP_S: Final = 3_600
#: A name may have 64 characters: ``site-build-0123456789abcdef-202611250307``.
NAME_OF_PROJECT: Final = 34

CONNECT_S: Final = 2
READ_S: Final = 3
TRIES: Final = 2


class SchedulerAPI(Protocol):
    """What Holdoff needs of a client: ``boto3.client("scheduler")`` has it."""

    def create_schedule(self, **parameters: Any) -> dict[str, Any]: ...


class Scheduler:
    """Wakes gates through EventBridge Scheduler, which invokes ``target`` with ``wake_event(key)``.

    Rights: ``scheduler:CreateSchedule`` on the group's schedules, ``iam:PassRole`` on the role.

    Args:
        target: the ARN of the function to invoke.
        role: the ARN of the role by which the service may invoke it.
        group: the schedules' group; it has to exist.
        region: where; ``None``: the environment's.
        dead_letters: the ARN of a queue for wakes that could not be delivered.
        client: a client of your own.
    """

    def __init__(
        self,
        target: str,
        *,
        role: str,
        group: str = "holdoff",
        region: str | None = None,
        dead_letters: str | None = None,
        client: SchedulerAPI | None = None,
    ) -> None:
        self.target = target
        self.role = role
        self.group = group
        self._region = region
        self._dead_letters = dead_letters
        self._client = client
        self._arranged: dict[str, None] = {}

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        """See ``Waker.wake_at``."""
        at_ms = next_minute_ms(due_ms, now_ms)
        if schedule_name(key, self.target, at_ms) in self._arranged:
            return
        try:
            self._arrange(key, at_ms)
        except Exception as error:  # whatever it is: the wake is not arranged
            if boto.code_of(error) != "ValidationException":
                raise self._failed(key, error) from error
            self._arrange_later(key, at_ms)

    def _arrange_later(self, key: GateKey, at_ms: int) -> None:
        """The service's clock may be past that minute already."""
        try:
            self._arrange(key, at_ms + MINUTE_MS)
        except Exception as error:
            raise self._failed(key, error) from error

    def _arrange(self, key: GateKey, at_ms: int) -> None:
        name = schedule_name(key, self.target, at_ms)
        try:
            self._made().create_schedule(
                Name=name,
                GroupName=self.group,
                ScheduleExpression=f"at({to_datetime(at_ms):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Description=f"Holdoff wakes {key}"[:512],
                Target=self._target(key),
            )
        except Exception as error:
            if boto.code_of(error) != "ConflictException":
                raise
        self._remember(name)

    def _target(self, key: GateKey) -> dict[str, Any]:
        target: dict[str, Any] = {
            "Arn": self.target,
            "RoleArn": self.role,
            "Input": json.dumps(wake_event(key)),
            "RetryPolicy": {"MaximumEventAgeInSeconds": GIVE_UP_S},
        }
        if self._dead_letters:
            target["DeadLetterConfig"] = {"Arn": self._dead_letters}
        return target

    def _remember(self, name: str) -> None:
        if len(self._arranged) >= KEPT_NAMES:
            self._arranged.clear()
        self._arranged[name] = None

    def _made(self) -> SchedulerAPI:
        if self._client is None:
            self._client = boto.client(
                "scheduler", region=self._region, connect_s=CONNECT_S, read_s=READ_S, tries=TRIES
            )
        return self._client

    def _failed(self, key: GateKey, error: Exception) -> WakeError:
        hint = _HINTS.get(boto.code_of(error), "The sweep finds the gate")
        return WakeError(
            f"the wake of {key} could not be scheduled in the group {self.group}: {error}",
            hint=f"{hint} (`holdoff aws check` looks closer)",
        )


_HINTS: Final = {
    "AccessDeniedException": "Grant the function scheduler:CreateSchedule on its group and iam:PassRole on the "
    "schedules' role",
    "ResourceNotFoundException": "Create the schedule group, or name another: HOLDOFF_SCHEDULE_GROUP",
    "ServiceQuotaExceededException": "Raise the account's quota of schedules; until then the sweep finds the gate",
}


def wake_event(key: GateKey) -> dict[str, str]:
    """What the function is invoked with."""
    return {"holdoff": "wake", "project": key.project, "region": key.region}


def next_minute_ms(due_ms: int, now_ms: int) -> int:
    """The first whole minute that is neither before ``due_ms`` nor too near."""
    return -(-max(due_ms, now_ms + SOON_MS) // MINUTE_MS) * MINUTE_MS


def schedule_name(key: GateKey, target: str, at_ms: int) -> str:
    """One name for each gate, target and minute, of the characters that a name may have: ``[0-9a-zA-Z-_.]``."""
    from hashlib import blake2b

    digest = blake2b(json.dumps([key.project, key.region, target]).encode(), digest_size=8)
    readable = "".join(char if char.isascii() and char.isalnum() else "-" for char in key.project)
    return f"{readable[:NAME_OF_PROJECT]}-{digest.hexdigest()}-{to_datetime(at_ms):%Y%m%d%H%M}"
