"""One-time schedules: their instants, their names, and what the service's answers mean."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from holdoff.core.errors import WakeError
from holdoff.core.request import GateKey
from holdoff.core.units import parse_instant
from holdoff.wake.scheduler import (
    MINUTE_MS,
    SOON_MS,
    Scheduler,
    next_minute_ms,
    schedule_name,
    wake_event,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = GateKey("site-build", "eu-west-1")
TARGET = "arn:aws:lambda:eu-west-1:000000000000:function:holdoff"
ROLE = "arn:aws:iam::000000000000:role/holdoff-wakes"
NOW = parse_instant("2026-11-25T03:07:30Z", field="now")


class Service:
    """The seam: remembers what it was asked, and answers with errors where told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.errors = list(errors)
        self.answer: dict[str, Any] = {"ScheduleArn": "arn:aws:scheduler:eu-west-1:000000000000:schedule/holdoff/x"}

    def create_schedule(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return self.answer


def scheduler(service: Service, **more: Any) -> Scheduler:
    return Scheduler(TARGET, role=ROLE, client=service, **more)


def refused(code: str, said: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": said}}, "CreateSchedule")


def instants(service: Service) -> list[str]:
    return [asked["ScheduleExpression"] for asked in service.asked]


# --- the instant -----------------------------------------------------------------------------------


@given(st.integers(0, 10**13), st.integers(0, 10**13))
def test_a_wake_is_never_early_never_past_and_never_a_minute_too_late(due: int, now: int) -> None:
    at = next_minute_ms(due, now)
    assert at % MINUTE_MS == 0
    assert at >= due
    assert at >= now + SOON_MS
    assert at < max(due, now + SOON_MS) + MINUTE_MS


@pytest.mark.parametrize(
    ("due", "at"),
    [
        ("2026-11-25T03:10:00Z", "at(2026-11-25T03:10:00)"),
        ("2026-11-25T03:10:00.001Z", "at(2026-11-25T03:11:00)"),
        ("2026-11-25T03:07:29Z", "at(2026-11-25T03:08:00)"),  # past: the next minute
    ],
)
def test_the_expression_is_a_whole_minute_in_utc(due: str, at: str) -> None:
    service = Service()
    scheduler(service).wake_at(KEY, parse_instant(due, field="due"), NOW)
    assert instants(service) == [at]
    assert service.asked[0]["ScheduleExpressionTimezone"] == "UTC"


def test_wakes_that_cannot_be_delivered_go_to_the_dead_letters() -> None:
    service, queue = Service(), "arn:aws:sqs:eu-west-1:000000000000:holdoff-dead"
    for more in ({"dead_letters": queue}, {}):
        scheduler(service, **more).wake_at(KEY, NOW, NOW)
    assert [asked["Target"].get("DeadLetterConfig") for asked in service.asked] == [{"Arn": queue}, None]


# --- the name --------------------------------------------------------------------------------------


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=300).filter(
        lambda name: name.find("@", 1) != len(name) - 1  # a key after its mark
    ),
    st.integers(0, 10**13),
)
def test_any_project_has_a_name_that_the_service_takes(project: str, at: int) -> None:
    name = schedule_name(GateKey(project, "eu-west-1"), TARGET, at)
    assert re.fullmatch(r"[0-9a-zA-Z\-_.]{1,64}", name)


def test_names_tell_gates_targets_and_minutes_apart() -> None:
    names = {
        schedule_name(key, target, at)
        for key in (KEY, GateKey("site-build", "eu-west-2"), GateKey("site/build", "eu-west-1"))
        for target in (TARGET, TARGET + ":live")
        for at in (NOW, NOW + MINUTE_MS)
    }
    assert len(names) == 12


# --- what the service says ---------------------------------------------------------------------------


def test_what_is_there_already_is_arranged() -> None:
    service = Service(refused("ConflictException"))
    scheduler(service).wake_at(KEY, NOW, NOW)


def test_a_page_of_a_proxy_arranges_nothing() -> None:
    """botocore takes a 200 with any body for an empty answer."""
    service = Service()
    service.answer = {}
    with pytest.raises(WakeError, match="not the service's"):
        scheduler(service).wake_at(KEY, NOW, NOW)


def test_the_same_wake_is_asked_for_once() -> None:
    service = Service()
    waker = scheduler(service)
    for due in (NOW + 40_000, NOW + 50_000, NOW + 89_000, NOW + 90_000, NOW + 91_000):
        waker.wake_at(KEY, due, NOW)
    assert instants(service) == ["at(2026-11-25T03:09:00)", "at(2026-11-25T03:10:00)"]


def test_a_minute_that_is_past_for_the_service_becomes_the_next() -> None:
    service = Service(refused("ValidationException"))
    scheduler(service).wake_at(KEY, NOW, NOW)
    assert instants(service) == ["at(2026-11-25T03:08:00)", "at(2026-11-25T03:09:00)"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused("AccessDeniedException"), "iam:PassRole"),
        (
            refused("AccessDeniedException", f"x is not authorized to perform: iam:PassRole on resource: {ROLE}"),
            f"Allow iam:PassRole on {ROLE}. Until then",
        ),
        (refused("ResourceNotFoundException"), "HOLDOFF_SCHEDULE_GROUP"),
        (refused("ServiceQuotaExceededException"), "quota"),
        (refused("ThrottlingException"), "until then the sweep finds the gate"),
        (EndpointConnectionError(endpoint_url="http://x"), "Check the network"),
        (RuntimeError("odd"), "until then the sweep finds the gate"),
    ],
)
def test_what_could_not_be_arranged_says_so(error: Exception, said: str) -> None:
    service = Service(error)
    waker = scheduler(service)
    with pytest.raises(WakeError, match=r"site-build \(eu-west-1\)") as caught:
        waker.wake_at(KEY, NOW, NOW)
    assert said.casefold() in str(caught.value).casefold()
    waker.wake_at(KEY, NOW, NOW)  # and is tried again
    assert len(service.asked) == 2


def test_a_role_that_cannot_be_right_is_not_asked_for_for_ever() -> None:
    service = Service(refused("ValidationException"), refused("ValidationException"))
    with pytest.raises(WakeError):
        scheduler(service).wake_at(KEY, NOW, NOW)
    assert len(service.asked) == 2


# --- a service of the real protocol ------------------------------------------------------------------


@pytest.mark.ministack
@pytest.mark.parametrize("by", ["botocore", "lean"])
def test_the_schedule_is_there_once_and_says_what_to_do(
    ministack_url: str, aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", by)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SCHEDULER", ministack_url)
    client, group = boto3.client("scheduler"), f"holdoff-test-{by}"
    client.create_schedule_group(Name=group)
    due = parse_instant("2099-01-01T00:00:00Z", field="due")
    for _ in range(2):  # two functions
        waker = Scheduler(TARGET, role=ROLE, group=group, dead_letters=TARGET)
        waker.wake_at(KEY, due, NOW)
    (found,) = client.list_schedules(GroupName=group)["Schedules"]
    schedule = client.get_schedule(GroupName=group, Name=found["Name"])
    assert schedule["ScheduleExpression"] == "at(2099-01-01T00:00:00)"
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert (schedule["Target"]["Arn"], schedule["Target"]["RoleArn"]) == (TARGET, ROLE)
    assert json.loads(schedule["Target"]["Input"]) == wake_event(KEY)
    client.close()
