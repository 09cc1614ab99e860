"""``holdoff plan``: which policy would have served your own past best? Builds nothing, and changes nothing."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from holdoff.cli.common import (
    add_json,
    add_store,
    draw,
    key_of,
    load_config,
    options,
    print_json,
    read_bytes,
    say,
    show,
)
from holdoff.cli.table import show_table
from holdoff.core.errors import UsageError
from holdoff.core.policy import CooldownFrom, Overlap, Policy
from holdoff.core.request import KEY_MARK
from holdoff.core.units import parse_duration
from holdoff.plan import answer, sources
from holdoff.plan.history import from_bytes
from holdoff.plan.report import settings_of, written
from holdoff.plan.times import zone_named

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.plan.answer import Plan
    from holdoff.plan.history import History

#: A row's colour by what it is; SGR parameters.
_COLOURS: Final = {"take this": "32;1", "efficient": "32", "present": "35"}
#: What is tried where no policy is given.
COOLDOWNS: Final = ("0", "1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h")
QUIETS: Final = ("0", "30s", "2m")
#: The least bound of a quiet time in the grid.
LEAST_MAX_WAIT_MS: Final = 300_000
#: So many builds of a gate's own history are read at most.
MOST_BUILDS: Final = 100_000
EPILOG: Final = """\
  holdoff plan --git . --build-time 4m                     a repository's commits
  holdoff plan site --git . --cooldown 5m,10m --quiet 0,30s
  gh run list --limit 1000 --json createdAt,startedAt,updatedAt |
      holdoff plan --history - --html plan.html
  holdoff plan site                                        its own history

A history is CSV, JSON or JSON lines with a time in each row. "longest" is the
longest wait for the start of a build that has the change, "to end" for its end.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``plan``."""
    parser.epilog = EPILOG
    what = "its policy in holdoff.toml is tried, too; its own history is replayed unless another is named"
    parser.add_argument("project", metavar="PROJECT", nargs="?", help=what)
    parser.add_argument("--key", help="the history of this key of PROJECT; the same as PROJECT@KEY")
    parser.add_argument("--region", help="the gate's region (default: the project's or the store's)")
    _add_history(parser)
    _add_policies(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page that needs nothing else")
    parser.add_argument("--svg", metavar="FILE", help="write the picture of builds against waiting")
    add_store(parser)
    add_json(parser)


def _add_history(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the history")
    one = group.add_mutually_exclusive_group()
    one.add_argument("--git", metavar="PATH", help="the commits of this repository")
    one.add_argument("--history", metavar="FILE", help="CSV, JSON or JSON lines; - reads it from stdin")
    one.add_argument("--codebuild", metavar="NAME", help="the builds of this CodeBuild project")
    group.add_argument("--branch", help="of --git (default: HEAD)")
    group.add_argument("--time-column", metavar="NAME", help="which column of --history has the time (default: found)")
    group.add_argument("--zone", help="of times that have none, such as Europe/Berlin (default: UTC)")
    group.add_argument("--last", metavar="DURATION", help="only what came so long before the newest trigger: 90d")
    group.add_argument("--build-time", metavar="DURATION", help="how long a build takes (default: the history's)")
    group.add_argument("--price-per-minute", metavar="PRICE", type=_price, help="of a minute of building: 0.005")


def _add_policies(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the policies, each combination of these")
    group.add_argument("--cooldown", metavar="DURATION,...", help=f"default: {','.join(COOLDOWNS)}")
    group.add_argument("--quiet", metavar="DURATION,...", help=f"0 is none (default: {','.join(QUIETS)})")
    most = "bounds the quiet time; 0 is none (default: the cooldown, at least 5m)"
    group.add_argument("--max-wait", metavar="DURATION,...", help=most)
    group.add_argument("--limit", metavar="COUNT/DURATION,...", help="at most so many starts in any window: 3/1h")
    group.add_argument("--overlap", choices=get_args(Overlap), help="while the build before still runs")
    group.add_argument("--cooldown-from", choices=get_args(CooldownFrom), help="of the build before")
    most = "how long a change may wait for the end of its build: the policy with the fewest builds within that is taken"
    group.add_argument("--longest-wait", metavar="DURATION", help=most)


def _price(text: str) -> float:
    price = float(text)
    if not 0 <= price < 1e6:
        raise ValueError
    return price


def main(args: argparse.Namespace) -> int:
    """Replay, and say which to take."""
    config = load_config(args)
    with options():
        given = {name: _duration(args, name) for name in ("last", "build_time", "longest_wait")}
    history, own = _history(args, config), _own_policy(args, config)
    if given["last"] is not None:
        history = history.newest(given["last"])
    if bad := answer.bad_rows(history):
        say(bad)
    policies = _policies(args, own)
    plan = answer.plan(
        history,
        policies,
        present=own,
        most_ms=given["longest_wait"],
        build_ms=given["build_time"],
        price=args.price_per_minute,
        project=args.project,
        told=_progress(len(policies)),
    )
    if sys.stderr.isatty():
        draw("\r\033[K", stream=sys.stderr)
    _draw(plan, {"html": args.html, "svg": args.svg})
    if args.json:
        print_json(answer.to_dict(plan))
    else:
        _show(plan)
    return 0


def _duration(args: argparse.Namespace, name: str) -> int | None:
    text = getattr(args, name)
    return None if text is None else parse_duration(text, field=name)


# --- what is replayed ----------------------------------------------------------------------------------------------


def _history(args: argparse.Namespace, config: Config) -> History:
    zone = None if args.zone is None else zone_named(args.zone)
    if args.git is not None:
        return sources.from_git(args.git, args.branch)
    if args.codebuild is not None:
        return sources.from_codebuild(args.codebuild, args.region)
    if args.history is not None:
        project = args.project if args.key is None else f"{args.project}{KEY_MARK}{args.key}"
        name = "stdin" if args.history == "-" else args.history
        return from_bytes(read_bytes(args.history), name, column=args.time_column, zone=zone, project=project)
    if args.project is None:
        raise UsageError(
            "no history; name one by --git PATH, --history FILE or --codebuild NAME, or a PROJECT for its own"
        )
    store = config.open_store(args.store)
    key = key_of(config, args, store)
    return sources.from_builds(store.history(key, limit=MOST_BUILDS), f"history of {key}")


def _own_policy(args: argparse.Namespace, config: Config) -> Policy | None:
    if args.project is None:
        return None
    known = config.projects.get(args.project.partition(KEY_MARK)[0])
    if known is None:
        say(f"{args.project} is not in holdoff.toml: no present policy to compare with")
    return None if known is None else known.policy


def _policies(args: argparse.Namespace, own: Policy | None) -> list[Policy]:
    """The present one, one that builds every trigger, and each combination of what is given, or of a grid. What is not
    varied stays as it is in the present one."""
    kept: dict[str, Any] = (
        {} if own is None else {key: value for key, value in settings_of(own).items() if key not in _VARIED}
    )
    kept |= {name: getattr(args, name) for name in ("overlap", "cooldown_from") if getattr(args, name) is not None}
    limits = _listed(args.limit) or (kept.pop("limit", None),)
    lists = [_listed(args.cooldown) or COOLDOWNS, _listed(args.quiet) or QUIETS, _listed(args.max_wait) or (None,)]
    found = [Policy(0)] if own is None else [own, Policy(0)]
    with options():
        for cooldown, quiet, most, limit in itertools.product(*lists, limits):
            cooldown_ms, quiet_ms = parse_duration(cooldown, field="cooldown"), parse_duration(quiet, field="quiet")
            most_ms = 0 if most is None else parse_duration(most, field="max_wait")
            if most is None and args.quiet is None:  # of the grid
                most_ms = max(cooldown_ms, LEAST_MAX_WAIT_MS)
            if quiet_ms and 0 < most_ms < quiet_ms:
                continue  # it could not bound the quiet time
            waits = {"quiet": written(quiet_ms)} if quiet_ms else {}
            waits |= {"max_wait": written(most_ms)} if quiet_ms and most_ms else {}
            found.append(Policy(cooldown, limit=limit, **waits, **kept))
    return list(dict.fromkeys(found))


#: What the combinations set; a project's other settings stay as they are.
_VARIED: Final = ("cooldown", "quiet", "max_wait")


def _listed(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(part.strip() for part in text.split(","))


def _progress(count: int) -> Callable[[int, int], None]:
    """Says on stderr, where that is a terminal, how far a long replay is."""
    shows = sys.stderr.isatty()

    def told(place: int, done: int) -> None:
        if shows:
            draw(f"\r\033[Kreplaying policy {place + 1} of {count}: {done:,} triggers", stream=sys.stderr)

    return told


# --- what is said --------------------------------------------------------------------------------------------------


def _show(plan: Plan) -> None:
    """A table in a terminal that is wide enough, lines elsewhere."""
    show(*answer.about(plan), "")
    rows = answer.rows(plan)
    colours = [next((_COLOURS[mark] for mark in answer.marks(plan, place)), "") for place in range(len(rows))]
    if not (sys.stdout.isatty() and show_table([answer.HEADINGS, *rows], colours)):
        kept = [n for n in range(len(answer.HEADINGS)) if any(row[n] for row in rows)]
        show(*("  ".join(row[n] for n in kept).rstrip() for row in [answer.HEADINGS, *rows]))
    show("", plan.choice.why, "", *plan.toml.splitlines(), "", "The worst moments:")
    show(*(f"  {answer.moment(moment)}" for moment in plan.taken.worst))


def _draw(plan: Plan, files: Mapping[str, str | None]) -> None:
    from holdoff.plan import page

    for kind, name in files.items():
        if name is None:
            continue
        try:
            with open(name, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(page.page(plan) if kind == "html" else page.picture(plan))
        except OSError as error:
            raise UsageError(f"{name} cannot be written: {error.strerror}") from None
