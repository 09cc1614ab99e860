"""``holdoff.toml`` from a model: written, loaded and compared; then damaged in one place, which the error must name."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.config import Config, parse
from holdoff.config.projects import POLICY_KEYS
from holdoff.core.errors import ConfigError
from holdoff.core.policy import Limit
from holdoff.starters.codebuild import CodeBuild
from holdoff.starters.command import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

ORDER = ("w", "d", "h", "m", "s")
UNIT_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
CHOICES = {
    "on_cooldown": ("defer", "skip"),
    "overlap": ("allow", "skip", "defer", "cancel"),
    "cooldown_from": ("start", "finish"),
    "on_failure": ("keep", "rearm"),
    "unchanged": ("build", "skip"),
}
DEFAULTS: dict[str, Any] = {name: choices[0] for name, choices in CHOICES.items()} | {
    "quiet_ms": None,
    "max_wait_ms": None,
    "limit": None,
}


def quoted(value: object) -> str:
    """A text or a list of texts in TOML: as JSON has it, but for halves of surrogate pairs."""
    return dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Written:
    """A value as it stands in the file, and what it means."""

    toml: str
    means: Any


@dataclass(frozen=True)
class Table:
    """One ``[projects.NAME]``: settings in the order they are written."""

    name: str
    settings: Mapping[str, Written]

    def text(self, **instead: str | None) -> str:
        """The table, with some settings written otherwise, put in, or (``None``) left out."""
        lines = {key: value.toml for key, value in self.settings.items()} | instead
        body = [f"{key} = {toml}" for key, toml in lines.items() if toml is not None]
        return "\n".join([f"[projects.{quoted(self.name)}]", *body, ""])


# --- right -----------------------------------------------------------------------------------------


def _in_units(parts: dict[str, int]) -> Written:
    text = "".join(f"{parts[unit]}{unit}" for unit in ORDER if unit in parts)
    return Written(f'"{text}"', sum(n * UNIT_MS[unit] for unit, n in parts.items()))


durations = st.one_of(
    st.integers(1, 9_999).map(lambda n: Written(str(n), n * 1_000)),
    st.integers(1, 99_999).map(lambda n: Written(f"{n // 1000}.{n % 1000:03}", n)),
    st.integers(1, 999).map(lambda n: Written(f'"PT{n}M"', n * 60_000)),
    st.dictionaries(st.sampled_from(ORDER), st.integers(1, 9), min_size=1, max_size=3).map(_in_units),
)
names = st.sampled_from(["docs", "site-build", "a b", "Käse", "x.y", "🚀"])
limits = st.tuples(st.integers(1, 100), durations.filter(lambda d: d.toml.startswith('"'))).map(
    lambda pair: Written(f'"{pair[0]}/{pair[1].toml[1:]}', Limit(count=pair[0], window_ms=pair[1].means))
)
words = st.sampled_from(["make", "--all", "ünïcode", "a b", "$HOME", '"'])
commands = st.lists(words, min_size=1, max_size=3).map(
    lambda argv: Written(f"{{ command = {quoted(argv)} }}", ("command", argv))
)
variables = st.dictionaries(st.sampled_from(["STAGE", "_X"]), words, min_size=1)
codebuilds = st.tuples(st.sampled_from(["site", "Other-1"]), variables).map(
    lambda pair: Written(
        f"{{ codebuild = {quoted(pair[0])}, environment = {{ "
        + ", ".join(f"{name} = {quoted(value)}" for name, value in pair[1].items())
        + " } }",
        ("codebuild", pair),
    )
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any project that can work, its settings in any order."""
    settings = {"cooldown": draw(durations), "starter": draw(commands | codebuilds)}
    if draw(st.booleans()):
        quiet = settings["quiet"] = draw(durations)
        longer = durations.filter(lambda d: d.means >= quiet.means)
        if draw(st.booleans()):
            settings["max_wait"] = draw(longer | st.just(quiet))
    if draw(st.booleans()):
        settings["limit"] = draw(limits)
    for key, choices in CHOICES.items():
        if draw(st.booleans()):
            choice = draw(st.sampled_from(choices))
            settings[key] = Written(quoted(choice), choice)
    if draw(st.booleans()):
        region = draw(st.sampled_from(["here", "eu-west-1", "Köln"]))
        settings["region"] = Written(quoted(region), region)
    order = draw(st.permutations(list(settings)))
    return Table(draw(names), {key: settings[key] for key in order})


files = st.lists(tables(), max_size=3, unique_by=lambda table: table.name)
stores = st.sampled_from([None, "memory:", "sqlite:////tmp/gates.db", "dynamodb://builds"])


@given(stores, files)
def test_what_is_written_is_what_is_loaded(store: str | None, projects: list[Table]) -> None:
    top = f"store = {quoted(store)}\n" if store else ""
    config = parse(top + "\n".join(table.text() for table in projects))
    assert config.store == store
    assert set(config.projects) == {table.name for table in projects}
    for table in projects:
        _compare(config, table)


def _compare(config: Config, table: Table) -> None:
    project = config.project(table.name)
    means = {key: value.means for key, value in table.settings.items()}
    wanted = {f"{key}_ms": means.get(key) for key in ("cooldown", "quiet", "max_wait")}
    wanted |= {key: means.get(key, DEFAULTS[key]) for key in ("limit", *CHOICES)}
    assert {key: getattr(project.policy, key) for key in wanted} == wanted
    assert len(wanted) == len(POLICY_KEYS), "a setting that this test does not know"
    assert project.region == means.get("region")
    starter, (kind, settings) = project.make_starter(), means["starter"]
    if kind == "command":
        assert isinstance(starter, Command)
        assert starter.argv == settings
    else:
        assert isinstance(starter, CodeBuild)
        variables = {name: variable["value"] for name, variable in starter._variables.items()}
        assert (starter.project, variables) == settings


# --- wrong in one place ----------------------------------------------------------------------------

NO_DURATION = ["'soon'", "-1", "true", "'367d'", "[]", "nan", "inf", "2026-01-01", "'5m1h'", "''"]
DAMAGE: dict[str, list[str]] = {
    "cooldown": NO_DURATION,
    "quiet": [*NO_DURATION, "0", "'0s'"],
    "max_wait": [*NO_DURATION, "0"],
    "limit": ["3", "true", "'0/1h'", "'3/0s'", "'101/1h'", "'3/soon'", "'3'", "'/1h'", "'-1/1h'"],
    **{key: ["'no'", "1", "true", "''", "['skip']"] for key in CHOICES},
    "region": ["5", "''", "'a#b'", "'a/b'", '"\\u0007"', "[]"],
    "starter": [
        "1",
        "'x'",
        "{}",
        "[]",
        "{ command = ['x'], codebuild = 'y' }",
    ],
    "starter.comand": ["{ comand = ['x'] }"],
    "starter.command": ["{ command = 'make docs' }", "{ command = [] }", "{ command = [1] }"],
    "starter.codebuild": ["{ codebuild = '' }", "{ codebuild = 7 }"],
    "starter.environment": ["{ codebuild = 'x', environment = 1 }"],
    "starter.environment.A": ["{ codebuild = 'x', environment = { A = 1 } }"],
    "starter.environment.9": ["{ codebuild = 'x', environment = { 9 = 'x' } }"],
    "starter.enviroment": ["{ command = ['x'], enviroment = {} }"],
    "colour": ["'red'"],
    "coldown": ["'1h'"],
}
damages = st.sampled_from(sorted(DAMAGE)).flatmap(
    lambda key: st.tuples(st.just(key), st.sampled_from(DAMAGE[key]))
) | st.sampled_from([("cooldown", None), ("starter", None)])


@given(files.filter(bool), st.data())
def test_one_wrong_place_is_named_and_no_other(projects: list[Table], data: st.DataObject) -> None:
    hurt = data.draw(st.sampled_from(projects))
    key, wrong = data.draw(damages)
    instead = {key.partition(".")[0]: wrong}
    texts = [table.text(**(instead if table is hurt else {})) for table in projects]
    with pytest.raises(ConfigError) as refused:
        parse("\n".join(texts))
    assert refused.value.field == f"projects.{hurt.name}.{key}"
    assert refused.value.want
    assert str(refused.value).startswith(f"projects.{hurt.name}.{key} is ")


@given(
    files,
    st.sampled_from([("store", "store = 1"), ("store", "store = 'mysql://x'"), ("stroe", "stroe = 'memory:'")]),
)
def test_a_wrong_top_is_named(projects: list[Table], wrong: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("\n".join([wrong[1], *(table.text() for table in projects)]))
    assert refused.value.field == wrong[0]
