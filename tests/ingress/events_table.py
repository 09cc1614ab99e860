"""The table in ``docs/events.md`` of what senders send and what becomes of it, from the data of ``test_senders``.

``python -m tests.ingress.events_table`` writes it between its two marks in that page.
"""

from __future__ import annotations

from pathlib import Path

from tests.ingress import sent_by_aws, sent_by_cms, sent_by_git, sent_by_others
from tests.ingress.payloads import AFTER, BEFORE, DELIVERY, OTHER
from tests.ingress.sent import Becomes, Built, Other, Refused, Sent

PAGE = Path(__file__).parents[2] / "docs/events.md"
MARKS = ("<!-- senders: written by python -m tests.ingress.events_table -->\n", "<!-- senders: end -->\n")
SENT: tuple[Sent, ...] = (*sent_by_aws.SENT, *sent_by_git.SENT, *sent_by_others.SENT, *sent_by_cms.SENT)
#: How the table shows what is different each time.
_SHOWN = {AFTER: "commit", BEFORE: "commit before", OTHER: "another commit", DELIVERY: "delivery id"}


def table() -> str:
    """The table, in Markdown: a row for each event of each sender."""
    rows = ["| sender | event | becomes | version | line | what is newer | id |", "|---|---|---|---|---|---|---|"]
    return "\n".join([*rows, *(row for sent in SENT for row in _rows(sent))]) + "\n"


def _rows(sent: Sent) -> list[str]:
    several = sent.becomes if _is_built(sent.becomes) else (sent.becomes,)
    return [f"| {' | '.join(map(_shown, (sent.sender, sent.event, *_cells(one))))} |" for one in several]


def _is_built(becomes: Becomes) -> bool:
    return isinstance(becomes, tuple) and not isinstance(becomes, Refused | Other)


def _cells(one: object) -> tuple[str | None, ...]:
    if not isinstance(one, Built):
        return _told(one), "", "", "", ""
    newer = ["by its instant"] * (one.at_ms is not None) + ["what follows its parent"] * (one.parent is not None)
    return f"a build: {one.reason}".removesuffix(": "), one.version, one.line, "; ".join(newer), one.id


def _told(one: object) -> str:
    if isinstance(one, Other):
        return one.shown
    if isinstance(one, Refused):
        return f"an error: it {one.says}"
    text = str(one)
    return "ignored, unless a rule takes it" if text.startswith("nothing is built for") else f"ignored: {text}"


def _shown(text: str | None) -> str:
    for value, name in _SHOWN.items():
        text = (text or "").replace(value, name)
    return (text or "").replace("|", "\\|")


def written(page: str) -> str:
    """The page with the table in it, between its marks."""
    above, mark, rest = page.partition(MARKS[0])
    _, end, below = rest.partition(MARKS[1])
    if not (mark and end):
        raise ValueError(f"{PAGE.name} has no {MARKS[0].strip()} and {MARKS[1].strip()}")
    return f"{above}{mark}\n{table()}\n{end}{below}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
