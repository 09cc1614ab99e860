"""``holdoff plan``: which policy would have suited your own past best? It builds nothing, and changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import add_gate, add_json, draw, load_config, print_json, read_bytes, say, show, write
from holdoff.cli.look import scene_of_builds
from holdoff.cli.table import laid_out, show_table
from holdoff.clock import SystemClock
from holdoff.core.errors import UsageError
from holdoff.core.policy import Policy, choices
from holdoff.core.request import KEY_MARK
from holdoff.core.units import optional_duration, parse_duration
from holdoff.plan import answer, grid, sources
from holdoff.plan.history import checked
from holdoff.plan.read import from_bytes
from holdoff.plan.times import Zone, zone_named

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.plan.answer import Plan
    from holdoff.plan.history import History

#: The colours of marked rows; SGR parameters.
_COLOURS: Final = {"take this": "32;1", "efficient": "32", "present": "35"}
#: Which columns are left out where a terminal is too narrow for all: none at first, then more and more.
_LEFT_OUT: Final = tuple(
    ("promised", "overlap", "p95", "median", "building", "cost", "longest", "saved")[:count] for count in range(9)
)
#: Options that every policy takes over, and options that list values to combine.
_KEPT: Final = ("overlap", "cooldown_from", "on_failure")
_LISTS: Final = {"cooldowns": "cooldown", "quiets": "quiet", "most": "max_wait", "limits": "limit"}
#: The options that write a file.
_FILES: Final = ("html", "svg", "png")
#: The width of a full progress bar, in characters.
_BAR: Final = 30
EPILOG: Final = """\
  holdoff plan --git . --build-time 4m            a repository's commits
  holdoff plan site --git . --cooldown 5m,10m --quiet 0,30s
  gh run list --workflow site.yml --branch main --limit 1000 \\
      --json createdAt,startedAt,updatedAt,conclusion,headSha |
      holdoff plan --history - --html plan.html
  holdoff plan site                               its own history

A history has a time in each row, object or line. In the table, "longest" is
the longest time that a change waited for the start of a build that has it;
"to end" is the longest time until that build's end.
"""


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    what = "its policy in holdoff.toml is tried, too; its own history is replayed unless you name another"
    add_gate(parser, optional=what)
    _add_history(parser)
    _add_policies(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page without scripts; - is stdout")
    for kind in _FILES[1:]:
        what = "write the picture of builds against waiting (matplotlib); - is stdout"
        parser.add_argument(f"--{kind}", metavar="FILE", help=what)
    add_json(parser)


def _add_history(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the history")
    one = group.add_mutually_exclusive_group()
    one.add_argument("--git", metavar="PATH", help="the commits of this repository")
    one.add_argument("--history", metavar="FILE", help="CSV, JSON, JSON lines or a log; - reads it from stdin")
    one.add_argument("--codebuild", metavar="NAME", help="the builds of this CodeBuild project")
    group.add_argument("--branch", help="the branch of --git (default: HEAD)")
    group.add_argument("--time-column", metavar="NAME", help="which column of --history has the time (default: found)")
    group.add_argument("--zone", help="for times without a zone, such as Europe/Berlin (default: UTC)")
    group.add_argument("--last", metavar="DURATION", help="only this last part of the history: 90d")
    group.add_argument("--build-time", metavar="DURATION", help="how long a build takes (default: the history's)")
    group.add_argument("--price-per-minute", metavar="PRICE", type=price, help="what a minute of building costs: 0.005")


def _add_policies(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the policies, each combination of these")
    group.add_argument("--cooldown", metavar="DURATION,...", help=f"default: {','.join(grid.COOLDOWNS)}")
    group.add_argument("--quiet", metavar="DURATION,...", help=f"0 is none (default: {','.join(grid.QUIETS)})")
    most = "bounds the quiet time; 0 is none (default: none with --quiet, else the cooldown and at least 5m)"
    group.add_argument("--max-wait", metavar="DURATION,...", help=most)
    group.add_argument("--limit", metavar="COUNT/DURATION,...", help="at most 3 starts in any hour: 3/1h; 0 is none")
    group.add_argument("--overlap", choices=choices("overlap"), help="what happens while the build before still runs")
    group.add_argument("--cooldown-from", choices=choices("cooldown_from"), help="what the cooldown counts from")
    group.add_argument("--on-failure", choices=choices("on_failure"), help="what happens after a failed build")
    most = "how long a change may wait for the end of its build; the policy with the fewest builds within that wins"
    group.add_argument("--longest-wait", metavar="DURATION", help=most)


def price(text: str) -> float:
    """A price. The message of argparse about a wrong one has this function's name in it: ``invalid price value``."""
    found = float(text)
    if not 0 <= found < 1e6:
        raise ValueError
    return found


def plan(args: argparse.Namespace) -> int:
    files = {kind: name for kind in _FILES if (name := getattr(args, kind)) is not None}
    on_stdout = [kind for kind, name in files.items() if name == "-"] + (["json"] if args.json else [])
    if len(on_stdout) > 1:
        raise UsageError(f"--{on_stdout[0]} and --{on_stdout[1]} both write to stdout; name a file for one")
    config = load_config(args)
    given = {  # of these, 0 is a time, too
        name: None if (text := getattr(args, name)) is None else parse_duration(text, field=name)
        for name in ("build_time", "longest_wait")
    }
    last_ms = optional_duration(args.last, field="last")
    own = _own_policy(args, config)
    zone = None if args.zone is None else zone_named(args.zone)
    with _progress_bar() as progress:
        history = checked(_history(args, config, own, zone), SystemClock().now_ms())
        if last_ms is not None:
            history = history.newest(last_ms)
        plan = answer.plan(
            history,
            _policies(args, own),
            present=own,
            most_ms=given["longest_wait"],
            build_ms=given["build_time"],
            price=args.price_per_minute,
            project=args.project and args.project.partition(KEY_MARK)[0],
            zone=zone,
            progress=progress,
        )
        for kind, name in files.items():
            _write(plan, kind, name)
    if bad := answer.bad_rows(history):
        say(bad)
    if args.json:
        print_json(answer.to_dict(plan))
    elif not on_stdout:
        _show(plan)
    return 0


# --- what is replayed ----------------------------------------------------------------------------------------------


def _history(args: argparse.Namespace, config: Config, own: Policy | None, zone: Zone | None) -> History:
    for name, of in (("branch", "git"), ("time_column", "history")):
        if getattr(args, name) is not None and getattr(args, of) is None:
            raise UsageError(f"--{name.replace('_', '-')} is for --{of}")
    if args.git is not None:
        return sources.from_git(args.git, args.branch)
    if args.codebuild is not None:
        return sources.from_codebuild(args.codebuild, args.region)
    if args.history is not None:
        project = args.project if args.key is None else f"{args.project}{KEY_MARK}{args.key}"
        name = "stdin" if args.history == "-" else args.history
        return from_bytes(read_bytes(args.history), name, column=args.time_column, zone=zone, project=project)
    if args.project is None:
        raise UsageError("no history; give --git PATH, --history FILE or --codebuild NAME, or a PROJECT for its own")
    store = config.open_store(args.store)
    key = config.key(args.project, args.key, args.region, store)
    scene, _ = scene_of_builds(config, store, key)
    return sources.from_builds(scene.builds(sources.MOST_BUILDS), f"history of {key}", policy=own)


def _own_policy(args: argparse.Namespace, config: Config) -> Policy | None:
    if args.project is None:
        return None
    known = config.projects.get(args.project.partition(KEY_MARK)[0])
    if known is None:
        say(f"{args.project} is not in holdoff.toml, so there is no present policy to compare with")
    return None if known is None else known.policy


def _policies(args: argparse.Namespace, own: Policy | None) -> list[Policy]:
    kept = {name: getattr(args, name) for name in _KEPT if getattr(args, name) is not None}
    lists = {name: _listed(getattr(args, option)) for name, option in _LISTS.items()}
    return grid.policies(own, **lists, kept=kept)


def _listed(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(part.strip() for part in text.split(","))


@contextmanager
def _progress_bar() -> Iterator[Callable[[float], None]]:
    """Draw a progress bar on stderr, where that is a terminal, until the work ends or fails."""
    if not sys.stderr.isatty():
        yield lambda _share: None
        return

    def draw_share(share: float) -> None:
        done = int(share * _BAR)
        draw(f"\r\033[Kreplaying [{'#' * done}{'.' * (_BAR - done)}] {share:.0%}", stream=sys.stderr)

    draw("reading ...", stream=sys.stderr)
    try:
        yield draw_share
    finally:
        draw("\r\033[K", stream=sys.stderr)


# --- what is said --------------------------------------------------------------------------------------------------


def _show(plan: Plan) -> None:
    """Print the table, with fewer columns in a narrow terminal, and then the recommendation, where it is seen."""
    show(*answer.about(plan), "")
    rows = answer.table(plan)
    if not (sys.stdout.isatty() and any(_show_without(rows, plan, left_out) for left_out in _LEFT_OUT)):
        show(*laid_out(rows))
    show("", plan.why, "")
    if plan.choice.taken != plan.present:
        where = "In holdoff.toml:" if plan.present is None else "In holdoff.toml, in place of these settings there:"
        show(where, "", *plan.toml.splitlines(), "")
    show("The worst moments:")
    show(*(f"  {moment}" for moment in answer.worst(plan)))


def _show_without(rows: list[list[str]], plan: Plan, left_out: tuple[str, ...]) -> bool:
    kept = [place for place, name in enumerate(rows[0]) if name not in left_out]
    colours = [next((_COLOURS[mark] for mark in answer.marks(plan, place)), "") for place in range(len(plan.figures))]
    return show_table([[row[place] for place in kept] for row in rows], colours)


def _write(plan: Plan, kind: str, name: str) -> None:
    if kind == "html":
        from holdoff.plan import page

        content = page.page(plan).encode()
    else:
        from holdoff.plan import chart

        content = chart.chart(plan, kind)
    if name == "-":
        return write(content)
    try:
        with open(name, "wb") as file:  # noqa: PTH123
            file.write(content)
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}") from None
