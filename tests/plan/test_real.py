"""Real histories: one small enough for pencil and paper, this project's own, and those of packages of this machine."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core.errors import UsageError
from holdoff.core.policy import Policy
from holdoff.core.units import to_datetime
from holdoff.plan import answer, grid
from holdoff.plan.history import History
from holdoff.plan.read import from_bytes
from holdoff.plan.replay import by_build, by_core, replay
from holdoff.plan.report import measured, said, settings_of
from holdoff.plan.sources import from_git

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
#: When xorg 7.0.0-0ubuntu2 to -0ubuntu10 were uploaded, as its changelog has it, the newest first, from three zones.
#: (On a Debian machine: zcat /usr/share/doc/x11-common/changelog.gz | sed -n 's/^ -- .*>  //p')
XORG = b"""\
Fri, 20 Jan 2006 11:25:57 +0100
Fri, 20 Jan 2006 16:39:24 +1100
Fri, 20 Jan 2006 15:27:03 +1100
Fri, 20 Jan 2006 10:21:13 +1100
Fri, 20 Jan 2006 01:39:58 +1100
Fri, 20 Jan 2006 00:00:58 +1100
Thu, 19 Jan 2006 23:00:03 +1100
Thu, 19 Jan 2006 17:06:53 +1100
Thu, 19 Jan 2006 08:33:23 +1100
"""
HOUR = 3_600_000
#: By hand, in UTC; builds take an hour. Of each build: when it starts, and what it has with how long each waited.
#:
#: cooldown 6h                                    | quiet 3h
#: 18th 21:33:23  the 1st, at once                | 19th 00:33:23  the 1st (21:33:23): 3h
#: 19th 06:06:53  the 2nd, at once: 03:33:23 past | 19th 09:06:53  the 2nd (06:06:53): 3h
#: 19th 12:06:53  the 3rd (12:00:03): 6m50s       | 19th 17:39:58  the 3rd (12:00:03): 5h39m55s, the 4th (13:00:58):
#: 19th 18:06:53  the 4th (13:00:58): 5h05m55s,   |                4h39m, the 5th (14:39:58): 3h
#:                the 5th (14:39:58): 3h26m55s    | 20th 02:21:13  the 6th (23:21:13): 3h
#: 20th 00:06:53  the 6th (23:21:13): 45m40s      | 20th 08:39:24  the 7th (04:27:03): 4h12m21s, the 8th (05:39:24): 3h
#: 20th 06:06:53  the 7th (04:27:03): 1h39m50s,   | 20th 13:25:57  the 9th (10:25:57): 3h
#:                the 8th (05:39:24): 27m29s      |
#: 20th 12:06:53  the 9th (10:25:57): 1h40m56s    |
#: Of nine the median is the fifth, and 95 of 100 are all nine.
BY_HAND: dict[str, tuple[Policy, list[str], list[str], int]] = {
    "cooldown 6h": (
        Policy("6h"),
        ["18 21:33:23", "19 06:06:53", "19 12:06:53", "19 18:06:53", "20 00:06:53", "20 06:06:53", "20 12:06:53"],
        ["45m40s", "5h6m", "5h6m", "6h6m"],
        2,
    ),
    "quiet 3h": (
        Policy(0, quiet="3h"),
        ["19 00:33:23", "19 09:06:53", "19 17:39:58", "20 02:21:13", "20 08:39:24", "20 13:25:57"],
        ["3h", "5h40m", "5h40m", "6h40m"],
        3,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_nine_uploads_of_xorg(name: str) -> None:
    policy, starts, waits, saved = BY_HAND[name]
    past = from_bytes(XORG, "xorg").past(HOUR)
    row = measured(past, policy, replay(past, policy))

    assert [to_datetime(start).strftime("%d %H:%M:%S") for start in by_build(past, policy).started_ms] == starts
    assert [
        said(ms) for ms in (row.start.median_ms, row.start.p95_ms, row.start.longest_ms, row.end.longest_ms)
    ] == waits
    assert (row.saved, row.building_ms, row.overlap_ms) == (saved, len(starts) * HOUR, 0)


def test_the_worst_of_them() -> None:
    past, policy = from_bytes(XORG, "xorg").past(HOUR), Policy("6h")
    row = measured(past, policy, replay(past, policy))

    waited = [(started_ms - at_ms) // 1000 for at_ms, started_ms, _ in row.worst]
    assert waited == [5 * 3600 + 5 * 60 + 55, 3600 + 40 * 60 + 56, 3600 + 39 * 60 + 50, 45 * 60 + 40, 6 * 60 + 50]


def check(history: History, policies: Sequence[Policy]) -> None:
    """What holds of any history: both ways agree, nothing is lost, and no promise is broken."""
    past = history.past(HOUR)
    for policy in policies:
        made = by_build(past, policy)
        row = measured(past, policy, replay(past, policy))

        assert made == by_core(past, policy), settings_of(policy)
        assert row.never == 0
        assert row.promised_ms is None or (row.start.longest_ms or 0) <= row.promised_ms


def test_this_project_s_own_commits() -> None:
    try:
        history = from_git(str(ROOT))
    except UsageError as error:
        pytest.skip(f"this tree is no repository: {error}")
    made = answer.plan(history, grid.policies(None), build_ms=HOUR // 6)

    check(history, grid.policies(None, cooldowns=["0", "10m", "2h"]))
    assert made.figures[0].builds == len(history.at_ms)
    assert (made.taken.start.longest_ms or 0) <= HOUR


def changelogs() -> list[bytes]:
    """Of packages of this machine, each once: many of a source's packages have the same."""
    found = dict.fromkeys(path.read_bytes() for path in sorted(Path("/usr/share/doc").glob("*/changelog*.gz"))[:400])
    texts = (gzip.decompress(packed).decode("utf-8", "replace") for packed in found)
    stamps = ("\n".join(re.findall(r"^ -- .*>  (.*)$", text, re.MULTILINE)) for text in texts)
    return [stamp.encode() for stamp in stamps if stamp.count("\n") >= 50]


@pytest.mark.slow
def test_the_uploads_of_what_is_installed_here() -> None:
    found = changelogs()
    if not found:
        pytest.skip("no package here has a Debian changelog of fifty entries")
    policies: list[dict[str, Any]] = [
        {"cooldown": "1d"},
        {"cooldown": "7d", "quiet": "1d", "max_wait": "10d"},
        {"cooldown": "1h", "limit": "2/30d"},
        {"cooldown": "6h", "overlap": "defer", "cooldown_from": "finish"},
    ]
    for stamps in found[:20]:
        check(from_bytes(stamps, "a changelog"), [Policy(**one) for one in policies])
