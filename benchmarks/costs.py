"""What a million triggers cost on AWS: requests as they are counted, list prices, and the arithmetic between them.

Run: python -m benchmarks.costs [--write]    prints the tables of docs/costs.md, or puts them there
Counted, by tests/e2e/test_costs.py: the requests and capacity units of Holdoff, and the bytes of its log lines.
Assumed, and said so in the document: how long a request takes, the platform's own log lines, and what others do.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parent.parent / "docs/costs.md"
BEGIN: Final = "<!-- made by python -m benchmarks.costs -->\n"
END: Final = "<!-- end -->\n"
MILLION: Final = 1_000_000

# --- prices ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in us-east-1, without free tiers and discounts."""

    what: str
    usd: float
    per: float
    unit: str
    seen: str
    page: str


LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"
DYNAMODB: Final = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
EVENTBRIDGE: Final = "https://aws.amazon.com/eventbridge/pricing/"
CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"
PRICES: Final = {
    "request": Price("Lambda, requests", 0.20, MILLION, "1 M", "May 2026", LAMBDA),
    "gb_s": Price("Lambda, arm64", 0.0000133334, 1, "GB-s", "May 2026", LAMBDA),
    "write": Price("DynamoDB on-demand, write request units", 0.625, MILLION, "1 M", "July 2025", DYNAMODB),
    "read": Price("DynamoDB on-demand, read request units", 0.125, MILLION, "1 M", "July 2025", DYNAMODB),
    "wake": Price("EventBridge Scheduler, invocations", 1.00, MILLION, "1 M", "March 2026", EVENTBRIDGE),
    "log": Price("CloudWatch Logs, ingestion", 0.50, 1e9, "GB", "June 2026", CLOUDWATCH),
    "metric": Price("CloudWatch, custom metrics", 0.30, 1, "metric and month", "June 2026", CLOUDWATCH),
    "alarm": Price("CloudWatch, alarms", 0.10, 1, "alarm and month", "June 2026", CLOUDWATCH),
}

# --- what one invocation takes ---------------------------------------------------------------------

MEMORY_GB: Final = 0.5
#: Milliseconds that are billed: for the function's own work, and for each request while it waits for the answer.
OWN_MS: Final = 5
DYNAMODB_MS: Final = 10
START_MS: Final = 300
SCHEDULE_MS: Final = 100
#: The platform's own lines (start, runtimeDone, report) for each invocation, in the JSON format.
PLATFORM_LOG: Final = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one invocation of a kind takes: requests to DynamoDB, and the units they are charged as."""

    what: str
    requests: int = 0
    writes: float = 0
    reads: float = 0
    starts: int = 0
    schedules: int = 0
    wakes: int = 0
    log: int = 0

    @property
    def ms(self) -> int:
        """How long it is billed for."""
        waits = DYNAMODB_MS * self.requests + START_MS * self.starts + SCHEDULE_MS * self.schedules
        return OWN_MS + waits

    def usd(self, count: int = MILLION) -> dict[str, float]:
        """What so many cost, by service."""
        used: dict[str, dict[str, float]] = {
            "Lambda": {"request": 1, "gb_s": MEMORY_GB * self.ms / 1000},
            "DynamoDB": {"write": self.writes, "read": self.reads},
            "Scheduler": {"wake": self.wakes},
            "Logs": {"log": PLATFORM_LOG + self.log},
        }
        return {
            service: sum(count * n * PRICES[name].usd / PRICES[name].per for name, n in of.items())
            for service, of in used.items()
        }

    def total(self, count: int = MILLION) -> float:
        """What so many cost."""
        return sum(self.usd(count).values())


STARTED: Final = Use(what="started", requests=3, writes=4, reads=1, starts=1, log=1150)
ENDED: Final = Use(what="the end of a build, recorded", requests=2, writes=4, reads=1, log=210)
SKIPPED: Final = Use(what="skipped", requests=1, reads=1, log=810)
SKIPPED_WARM: Final = Use(what="skipped, within a second of the last look", log=810)
DEFERRED: Final = Use(
    what="deferred, the first since the last build", requests=2, writes=2, reads=1, schedules=1, log=815
)
DEFERRED_MORE: Final = Use(what="deferred, joining others", requests=2, writes=1, reads=1, log=815)
DEFERRED_WARM: Final = Use(what="deferred, joining others; gate seen before", requests=1, writes=1, log=815)
WOKEN: Final = Use(
    what="the wake that builds what was deferred", requests=3, writes=7, reads=1, starts=1, wakes=1, log=1040
)
SWEEP: Final = Use(what="a sweep that finds nothing", requests=2, reads=1, log=400)
HOLDOFF: Final = (STARTED, ENDED, SKIPPED, SKIPPED_WARM, DEFERRED, DEFERRED_MORE, DEFERRED_WARM, WOKEN)

#: GetItem, eventually consistent, for every event; UpdateItem for a build. It prints the item.
SNIPPET_STARTS: Final = Use(what="the old snippet: builds", requests=2, writes=1, reads=0.5, starts=1, log=200)
SNIPPET_REFUSES: Final = Use(what="the old snippet: refuses", requests=1, reads=0.5, log=200)
#: A conditional PutItem for every event, failed or not, and an UpdateItem with the result.
POWERTOOLS_STARTS: Final = Use(what="Powertools: executes", requests=2, writes=2, starts=1)
POWERTOOLS_REFUSES: Final = Use(what="Powertools: a duplicate", requests=1, writes=1)
OTHERS: Final = (SNIPPET_STARTS, SNIPPET_REFUSES, POWERTOOLS_STARTS, POWERTOOLS_REFUSES)

# --- a month ---------------------------------------------------------------------------------------

DAYS: Final = 30
#: One project, a cooldown of ten minutes, triggers around the clock: as many builds as there can be.
BUILDS: Final = DAYS * 24 * 6
SWEEPS: Final = DAYS * 24 * 12
ALARMS: Final = 6
METRICS: Final = 12

Month = tuple[tuple[Use, int], ...]
HOLDOFF_MONTH: Final[Month] = (
    (DEFERRED, BUILDS),
    (DEFERRED_WARM, MILLION - BUILDS),
    (WOKEN, BUILDS),
    (ENDED, BUILDS),
)
SNIPPET_MONTH: Final[Month] = ((SNIPPET_STARTS, BUILDS), (SNIPPET_REFUSES, MILLION - BUILDS))
POWERTOOLS_MONTH: Final[Month] = (
    (POWERTOOLS_STARTS, BUILDS),
    (POWERTOOLS_REFUSES, MILLION - BUILDS),
)


def month_usd(month: Month) -> float:
    """What a month of these uses costs."""
    return sum(use.total(count) for use, count in month)


def standing_usd() -> dict[str, float]:
    """What a month costs without any trigger."""
    return {
        f"{SWEEPS:,} sweeps": SWEEP.total(SWEEPS),
        f"{ALARMS} alarms": ALARMS * PRICES["alarm"].usd,
        f"{METRICS} metrics, each written in every hour": METRICS * PRICES["metric"].usd,
    }


# --- the tables ------------------------------------------------------------------------------------


def tables() -> str:
    """The generated part of the document."""
    return f"{_months()}\n{_uses()}\n{_prices()}"


def _prices() -> str:
    lines = [f"| {p.what} | ${_digits(p.usd)} | {p.unit} | {p.seen} | [page]({p.page}) |" for p in PRICES.values()]
    head = "| price | US dollars | per | last seen | |\n|---|---|---|---|---|"
    return "\n".join([head, *lines, ""])


def _digits(usd: float) -> str:
    """All its digits, and cents at least."""
    whole, _, part = f"{usd:.10f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}"


def _uses() -> str:
    head = (
        "| a million of these | requests | write units | read units | ms billed | log bytes "
        "| Lambda | DynamoDB | Scheduler | Logs | in all |\n|---|" + "---:|" * 10
    )
    return "\n".join([head, *map(_use, (*HOLDOFF, *OTHERS)), ""])


def _use(use: Use) -> str:
    cells = [
        use.what,
        str(use.requests),
        f"{use.writes:g}",
        f"{use.reads:g}",
        str(use.ms),
        f"{PLATFORM_LOG + use.log:,}",
        *(f"${usd:.2f}" for usd in use.usd().values()),
        f"**${use.total():.2f}**",
    ]
    return f"| {' | '.join(cells)} |"


def _months() -> str:
    months = {
        "Holdoff: one build each ten minutes, always of the newest": HOLDOFF_MONTH,
        "the old snippet: as many builds, the last change lost": SNIPPET_MONTH,
        "Powertools idempotency: as many builds, the last change lost": POWERTOOLS_MONTH,
    }
    rows = [f"| {what} | ${month_usd(month):.2f} |" for what, month in months.items()]
    rows += [f"| Holdoff, without any trigger: {w} | ${usd:.2f} |" for w, usd in standing_usd().items()]
    rows.append(f"| Holdoff, in all | **${month_usd(HOLDOFF_MONTH) + sum(standing_usd().values()):.2f}** |")
    head = f"| a month with a million triggers and {BUILDS:,} builds | |\n|---|---:|"
    return "\n".join([head, *rows, ""])


def with_tables(document: str) -> str:
    """The document with its tables as they are now."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def main() -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(description="What a million triggers cost on AWS.")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/costs.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
    else:
        print(tables())


if __name__ == "__main__":
    main()
