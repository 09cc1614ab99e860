"""How far a service's clock is from this machine's, by the answers it dates."""

from email.utils import formatdate
from typing import Any

import pytest

from holdoff.aws.clock import ServiceClock

NOW_MS = 1_795_395_667_000


def answered(service_ms: int) -> dict[str, Any]:
    """An answer that the service gave at that instant of its own clock."""
    date = formatdate(service_ms // 1000, usegmt=True)
    return {"ResponseMetadata": {"RequestId": "r", "HTTPHeaders": {"date": date}}}


@pytest.mark.parametrize("offset_ms", [0, 999, -999, 1_400, -1_400])
def test_a_clock_within_2_s_is_left_alone(offset_ms: int) -> None:
    for fraction_ms in range(0, 1000, 100):
        clock, now_ms = ServiceClock(), NOW_MS + fraction_ms
        clock.saw(answered(now_ms + offset_ms), now_ms - 20, now_ms + 20)
        assert clock.offset_ms() == 0


@pytest.mark.parametrize("offset_ms", [2_600, -2_600, 90_000, -290_000])
def test_a_clock_further_off_is_corrected(offset_ms: int, caplog: pytest.LogCaptureFixture) -> None:
    clock = ServiceClock()
    for fraction_ms in range(0, 1000, 100):
        now_ms = NOW_MS + fraction_ms
        clock.saw(answered(now_ms + offset_ms), now_ms - 20, now_ms + 20)
        assert abs(clock.offset_ms() - offset_ms) <= 520
    assert abs(clock.offset_ms() - offset_ms) <= 70  # ten answers narrow it
    assert len(caplog.records) == 1
    assert ("behind" if offset_ms > 0 else "ahead of") in caplog.records[0].getMessage()


def test_a_clock_that_was_set_is_measured_anew() -> None:
    clock = ServiceClock()
    clock.saw(answered(NOW_MS + 90_000), NOW_MS, NOW_MS + 10)
    assert clock.offset_ms() != 0
    clock.saw(answered(NOW_MS), NOW_MS, NOW_MS + 10)
    assert clock.offset_ms() == 0


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Nov 2026 02:25:04 GMT"])
def test_an_answer_without_a_date_says_nothing(header: str | None) -> None:
    clock = ServiceClock()
    clock.saw({"ResponseMetadata": {"RequestId": "r", "HTTPHeaders": {"date": header}}}, NOW_MS, NOW_MS)
    clock.saw({}, NOW_MS, NOW_MS)
    assert clock.offset_ms() == 0


def test_a_proxys_clock_is_not_the_services() -> None:
    clock, page = ServiceClock(), answered(NOW_MS + 3_600_000)
    del page["ResponseMetadata"]["RequestId"]
    clock.saw(page, NOW_MS, NOW_MS + 10)
    assert clock.offset_ms() == 0


def test_a_slow_answer_says_nothing() -> None:
    clock = ServiceClock()
    clock.saw(answered(NOW_MS + 21_000), NOW_MS, NOW_MS + 21_000)
    assert clock.offset_ms() == 0
