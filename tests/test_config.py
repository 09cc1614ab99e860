"""``holdoff.toml``: what is right is read; what is wrong is refused with file, key and what would be right."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff import Gate, Policy
from holdoff.config import Config, Project, load, nearest, parse, read
from holdoff.config.checks import VARIABLES
from holdoff.config.projects import POLICY_KEYS
from holdoff.config.schemes import NAMES
from holdoff.core.errors import ConfigError, RecordInvalid
from holdoff.core.request import GateKey
from holdoff.ingress.settings import Settings
from holdoff.starters.call import Call
from holdoff.starters.command import Command
from holdoff.stores.memory import MemoryStore
from holdoff.stores.open import default_url, open_store
from holdoff.testing import ManualClock
from tests.users import ALICE, BOB, TEAM, as_user, needs_root, public_folder, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdoff.core.record import Record

COMMAND = 'starter = { command = ["true"] }\n'


def project(settings: str) -> str:
    """A file with one project."""
    return f"[projects.docs]\n{settings}\n"


# --- right -----------------------------------------------------------------------------------------


def test_a_project_has_its_policy_region_and_starter() -> None:
    config = parse(
        'store = "sqlite:///g.db"\n'
        + project('cooldown = "1h"\nquiet = 30\nmax_wait = "PT5M"\nregion = "here"\n' + COMMAND)
    )
    docs = config.project("docs")

    assert config.store == "sqlite:///g.db"
    assert (docs.name, docs.region) == ("docs", "here")
    assert (docs.policy.cooldown_ms, docs.policy.quiet_ms) == (3_600_000, 30_000)
    assert docs.policy.max_wait_ms == 300_000
    starter = docs.make_starter(stdout=2)
    assert isinstance(starter, Command)
    assert (starter.argv, starter.stdout) == (["true"], 2)


def test_a_build_that_starts_while_the_gates_are_listed_is_in_no_future() -> None:
    """The time was taken before the list, and the page said of such a build that a clock was wrong."""
    config, clock = parse(project(f'cooldown = "1h"\n{COMMAND}')), ManualClock()

    class Busy(MemoryStore):
        def gates(self, project: str | None = None) -> Iterator[tuple[GateKey, Record]]:
            clock.advance("2s")
            config.gate(GateKey("docs", "local"), self, clock=clock, starter=Call(lambda *_: "b1")).trigger()
            return super().gates(project)

    (status,) = config.statuses(Busy(), clock)
    assert (status.notes, status.last_built_ms) == ((), status.now_ms)


def test_a_gate_of_a_key_has_the_settings_of_its_project() -> None:
    config = parse('store = "memory:"\n' + project('cooldown = "1h"\nregion = "here"\n' + COMMAND))
    gate = config.gate(GateKey("docs@next", "here"), config.open_store())
    assert gate.key == GateKey("docs@next", "here")
    assert gate.policy.cooldown_ms == 3_600_000


@pytest.mark.parametrize(
    ("project_", "key", "region", "found"),
    [
        ("docs", None, None, "docs in here"),
        ("docs@next", None, None, "docs@next in here"),
        ("docs", "next", None, "docs@next in here"),
        ("docs", "next", "there", "docs@next in there"),
        ("other", None, None, "other in local"),
    ],
)
def test_the_gate_of_a_name_is_in_its_projects_region(
    project_: str, key: str | None, region: str | None, found: str
) -> None:
    config = parse('store = "memory:"\n' + project('cooldown = "1h"\nregion = "here"\n' + COMMAND))
    gate = config.key(project_, key, region, config.open_store())
    assert f"{gate.project} in {gate.region}" == found


def test_an_empty_file_and_no_file_are_all_defaults() -> None:
    assert parse("") == Config()


def test_every_setting_of_a_policy_can_be_in_the_file() -> None:
    settings = {
        "cooldown": '"1h"',
        "on_cooldown": '"skip"',
        "quiet": '"1m"',
        "max_wait": '"5m"',
        "limit": '"3/1h"',
        "overlap": '"skip"',
        "cooldown_from": '"finish"',
        "on_failure": '"rearm"',
        "unchanged": '"skip"',
    }
    assert set(settings) == set(POLICY_KEYS)
    text = "\n".join(f"{key} = {value}" for key, value in settings.items())

    assert parse(project(text + "\n" + COMMAND)).project("docs").policy.limit is not None


# --- wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "the file is not TOML: Invalid value (at end of document)"),
        (project("cooldown = 10m"), "write valid TOML, each key once, texts and durations in quotes: cooldown = '10m'"),
        (
            project("cooldown = 1\ncooldown = 2"),
            "Cannot overwrite a value (at line 3, column 13); write valid TOML, each key",
        ),
        ("x = " + "9" * 5_000, "the file is not TOML: "),
        ("x = 0x" + "f" * 5_000, "the file is not TOML: a whole number of more than 64 bits"),
        ("x = " + "[" * 5_000, "the file is not TOML: "),
        ("stroe = 'x'", "stroe is not a setting; write store (did you mean that?)"),
        ("xyz = 1", "xyz is not a setting; write one of store, projects, rules, webhooks"),
        ("cooldown = '5m'", "cooldown is not a setting of this table; write it below a heading [projects.NAME]"),
        ("region = 'eu-west-1'", "region is not a setting of this table; write it below a heading [projects.NAME]"),
        ("listen = '[::1]:80'", "listen is not a setting of this table; write it below the heading [server]"),
        (
            project("cooldown = 1\n" + COMMAND + "store = 'sqlite:///g.db'"),
            "projects.docs.store is not a setting of this table; write it above the first heading [...]",
        ),
        (
            "[server]\nstore = 'x'",
            "server.store is not a setting of this table; write it above the first heading [...]",
        ),
        ("[webhooks]\nstore = 'x'", "webhooks.store is not a setting of this table; write it above the first heading"),
        (
            project("cooldown = 1\n[projects.docs.webhooks]\ngithub = 'env:X'"),
            "projects.docs.webhooks is not a setting of this table; write the heading [webhooks]",
        ),
        (
            project("cooldown = 1\nstarter = { command = ['make'], region = 'here' }"),
            "projects.docs.starter.region is not a setting of this table; write it beside starter",
        ),
        (
            "[[rules]]\nwhen = {}\nprojects = ['docs']",
            "rules[0].projects is not a setting of this table; write project",
        ),
        (
            "[projects.a.b.c]\ncooldown = 1",
            "projects.a.b is not a setting of this table; write a name that has dots",
        ),
        (
            project("cooldown = 1\nstarters = { command = ['make'] }"),
            "projects.docs.starters is not a setting; write starter (did you mean that?)",
        ),
        (
            project("cooldown = 1\nstarter = { command = ['make'] }\n[projects.docs.Starter]\nurl = 'x'"),
            "projects.docs.Starter is not a setting; write starter (did you mean that?)",
        ),
        (
            project("cooldown = 1\nstarter = { command = ['make'] }\n[projects.docs.most]\nnone = 2"),
            "projects.docs.most is not a setting; write one of cooldown",
        ),
        (
            "[projects.a.b]\ncooldown = 1",
            "projects.a.b is not a setting of this table; write a name that has dots",
        ),
        ("webhooks.acme = 'env:ACME'", "prismic, url, or [webhooks.NAME] for a scheme of your own"),
        ("STORE = 'x'", "STORE is not a setting; write store (did you mean that?)"),
        (project("Cooldown = 1"), "projects.docs.Cooldown is not a setting; write cooldown (did you mean that?)"),
        *(
            (project(f"cooldown = 1\n{COMMAND}branch = '{name}'"), f"projects.docs.branch is '{name}'; write {want}")
            for name, want in {
                "main ": "a name without white space around it",
                "/main": "'main': no such name begins with '/'",
                "refs/heads/main": "'main': the name without refs/heads/",
                "!main": "a name without '!'",
                "$default-branch": "a name; a rule may have",
            }.items()
        ),
        ("[site]\ncooldown = '5m'", "site is not a setting of this table; write the heading [projects.site]"),
        (
            project("cooldown = 1\ncommand = ['make']"),
            "projects.docs.command is not a setting of this table; write it in the starter's table: starter = {",
        ),
        (
            project("cooldown = 1\nworkflow = 'site.yml'"),
            "projects.docs.workflow is not a setting of this table; write it in the starter's table: starter = {",
        ),
        (
            project("cooldown = 1\nstarter = { command = ['make'], overlap = 'defer' }"),
            "projects.docs.starter.overlap is not a setting of this table; write it beside starter",
        ),
        ("store = 1", "store is 1; write a store URL"),
        ("store = 'mysql://x'", "store is 'mysql://x'; write 'sqlite:///PATH'"),
        ("projects = 1", "projects is 1; write tables [projects.NAME]"),
        ("projects.docs = 1", "projects.docs is 1; write a table of settings"),
        (project(COMMAND), "projects.docs.cooldown is missing; write a duration"),
        (project("coldown = 1"), "projects.docs.coldown is not a setting; write cooldown"),
        (project("cooldown = '10 minutes'"), "projects.docs.cooldown is '10 minutes'; write a"),
        (project("cooldown = -1"), "projects.docs.cooldown is -1; write zero or more"),
        (project("cooldown = '10000d'"), "projects.docs.cooldown is '10000d'; write at most 366d"),
        (project("cooldown = nan"), "projects.docs.cooldown is nan; write a duration"),
        (project("cooldown = inf"), "projects.docs.cooldown is inf; write a duration"),
        (project("cooldown = true"), "projects.docs.cooldown is True; write a duration"),
        (project("cooldown = 2026-01-01"), "projects.docs.cooldown is datetime.date"),
        (project("cooldown = 1\nlimit = 3"), "projects.docs.limit is 3; write a count"),
        (project("cooldown = 1\nlimit = '0/1h'"), "projects.docs.limit is '0/1h'; write a count"),
        (project("cooldown = 1\nmax_wait = 1"), "projects.docs.max_wait is 1; write quiet as well"),
        (
            project("cooldown = 1\nquiet = '5m'\nmax_wait = '1m'"),
            "projects.docs.max_wait is '1m'; write at least quiet (5m)",
        ),
        (project("cooldown = 1\noverlap = 'no'"), "projects.docs.overlap is 'no'; write one of"),
        (project("cooldown = 1\nregion = 5"), "projects.docs.region is 5; write a name"),
        (project("cooldown = 1\nregion = 'a#b'"), "projects.docs.region is 'a#b'; write a name"),
        (project("cooldown = 1"), "projects.docs.starter is missing; write a table such as"),
        (project("cooldown = 1\nstarter = 'x'"), "projects.docs.starter is 'x'; write a table"),
        (
            project("cooldown = 1\noverlap = 'cancel'\nstarter = { webhook = 'env:HOOK' }"),
            "projects.docs.overlap is 'cancel'; write another: this starter cannot cancel a build",
        ),
        (project("cooldown = 1\nstarter = {}"), "projects.docs.starter is {}; write a table"),
        (
            project("cooldown = 1\nstarter = { image = 'x' }"),
            "with one of command, codebuild, codepipeline, webhook, github, gitlab",
        ),
        (
            project("cooldown = 1\nstarter = { command = 'make docs' }"),
            "projects.docs.starter.command is text (not shown: it may be a secret); write a list",
        ),
        (
            project("cooldown = 1\nstarter = { command = [] }"),
            "projects.docs.starter.command is []; write a list",
        ),
        (
            project("cooldown = 1\nstarter = { command = ['x'], codebuild = 'y' }"),
            "write only one of command and codebuild",
        ),
        (
            project("cooldown = 1\nstarter = { command = ['x'], enviroment = {} }"),
            "projects.docs.starter.enviroment is not a setting; write only command",
        ),
        (
            project("cooldown = 1\nstarter = { comand = ['x'] }"),
            "projects.docs.starter.comand is not a setting; write command (did you mean that?)",
        ),
        (
            project("cooldown = 1\nstarter = { COMMAND = ['x'] }"),
            "projects.docs.starter.COMMAND is not a setting; write command (did you mean that?)",
        ),
        (
            project("cooldown = 1\nstarter = { github = 'https://github.com/acme/site', workflow = 'b.yml' }"),
            "projects.docs.starter.github is wrong (not shown: it may be a secret); write a repository",
        ),
        (
            "store = 'sqlite:///$HOME/gates.db'",
            "without $ or an unknown ~user: no variable is filled in, but ~ is your home directory",
        ),
        (  # it would be a folder of that name in each working directory, with a store of its own
            "store = 'sqlite:///~no-such-user/gates.db'",
            "without $ or an unknown ~user: no variable is filled in, but ~ is your home directory",
        ),
        (
            "[projects.'docs@next']\ncooldown = 1",
            "the name of a project is 'docs@next'; write a name without '@', which stands before a key",
        ),
        (
            "[projects.'']\ncooldown = 1",
            "the name of a project is ''; write a name of 1 to 2,048 bytes",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)

    assert message in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("length", [2_048, 2_049])
def test_a_name_may_have_2048_bytes(length: int) -> None:
    text = f"[projects.{'x' * length}]\ncooldown = 1\n{COMMAND}"
    if length == 2_048:
        assert list(parse(text).projects) == ["x" * length]
        return
    with pytest.raises(ConfigError, match="1 to 2,048 bytes; this one has 2,049"):
        parse(text)


def test_errors_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "holdoff.toml"
    file.write_text(project("cooldown = 'soon'\n" + COMMAND))

    with pytest.raises(ConfigError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}: projects.docs.cooldown is 'soon'; write ")


@pytest.mark.parametrize(
    ("name", "table"), [("site-2", "site-2"), ("example.com", '"example.com"'), ("my site", '"my site"'), ("ä", '"ä"')]
)
def test_the_table_that_is_missing_is_one_that_toml_reads(name: str, table: str) -> None:
    for config in (Config(), parse("")):
        with pytest.raises(ConfigError) as caught:
            config.project(name)
        assert f"a table [projects.{table}]" in str(caught.value)
    assert list(parse(f"[projects.{table}]\ncooldown = 1\n{COMMAND}").projects) == [name]


def test_an_empty_name_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set, in ``--config "$FILE"`` or ``--store "$URL"``: not any other file or store."""
    tmp_path.joinpath("holdoff.toml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--config is ''; write a file that exists"):
        load("")
    with pytest.raises(ConfigError, match="store is ''; write 'sqlite:///PATH'"):
        parse("store = 'memory:'").open_store("")


@pytest.mark.parametrize("around", ["\r", " ", "\n"], ids=repr)
def test_white_space_around_a_store_is_no_part_of_it(around: str, tmp_path: Path) -> None:
    """HOLDOFF_STORE, in a file of variables with the line ends of Windows, once made a file ``gates.db\\r``."""
    url = f"sqlite:///{tmp_path}/gates.db"
    assert Config().open_store(f"{url}{around}").url == url
    assert parse(f"store = {json.dumps(f'{around}{url}{around}')}").open_store().url == url


def test_a_tilde_that_no_shell_took_away_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In ``--config=~/holdoff.toml``, and in a unit of systemd, none does."""
    (tmp_path / "holdoff.toml").write_text('store = "sqlite:///~/gates.db"')
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("~/holdoff.toml").path == tmp_path / "holdoff.toml"
    monkeypatch.setenv("HOLDOFF_CONFIG", "~/holdoff.toml")
    assert load().path == tmp_path / "holdoff.toml"
    assert load().open_store().url == f"sqlite:///{tmp_path}/gates.db"


def test_a_byte_order_mark_of_an_editor_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "holdoff.toml"
    file.write_text("\ufeff" + project("cooldown = 1\r\n" + COMMAND), encoding="utf-8")
    assert list(read(file).projects) == ["docs"]


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "holdoff.toml"
    file.write_bytes(b"\xff")

    with pytest.raises(ConfigError, match="is not UTF-8; write a TOML file in UTF-8"):
        read(file)


# --- variables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HOLDOFF_STOER", "HOLDOFF_STORE"),
        ("HOLDOFF_STRE", "HOLDOFF_STORE"),
        ("holdoff_store", "HOLDOFF_STORE"),
        ("HOLDOF_CONFIG", "HOLDOFF_CONFIG"),
        ("HOLD_OFF_CONFIG", "HOLDOFF_CONFIG"),
        ("HOLDOFF_SCHEDULER_ROLE", "HOLDOFF_SCHEDULE_ROLE"),
        ("HOLDOFF_DEADLETTERS", "HOLDOFF_DEAD_LETTERS"),
        ("HOLDOFF_WEBHOOK_GITHUP", "HOLDOFF_WEBHOOK_GITHUB"),
        ("HOLDOFF_WEBHOOKS_STANDARD", "HOLDOFF_WEBHOOK_STANDARD"),
    ],
)
def test_a_misspelt_variable_is_refused_and_the_right_name_told(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With HOLDOFF_STOER gates of another store were once asked, without a word."""
    monkeypatch.setenv(name, "ssm:/holdoff")
    message = rf"^environment variable {name} is not a setting; write {meant} \(did you mean that\?\)$"
    ways: tuple[Callable[[], Config], ...] = (load, lambda: Settings(os.environ).config(0))
    for read_it in ways:
        with pytest.raises(ConfigError, match=message):
            read_it()
    monkeypatch.setenv(name, "")
    load()


def test_a_variable_that_says_where_an_unknown_senders_secret_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a CMS, say, that sends the secret itself: its webhooks were answered 401."""
    monkeypatch.setenv("HOLDOFF_WEBHOOK_STRAPI", "ssm:/holdoff/strapi")
    with pytest.raises(
        ConfigError, match=r"WEBHOOK_STRAPI is not a setting; write one of .*, HOLDOFF_WEBHOOK_SECRET, "
    ):
        load()


@pytest.mark.parametrize(
    "names",
    [
        ("HOLDOFF_SERVICE_HOST", "HOLDOFF_SERVICE_PORT", "HOLDOFF_PORT", "HOLDOFF_PORT_4653_TCP_ADDR"),  # Kubernetes
        ("HOLDOFF_STORE_SERVICE_HOST", "HOLDOFF_STORE_PORT", "HOLDOFF_STORE_PORT_5432_TCP"),
        ("HOLDOFF_STORE2", "HOLDOFF_STORE_2", "HOLDOFF_STORE_A", "HOLDOFF_STORES", "HOLDOFF_STORE_URL"),
        ("HOLDOFF_STATE", "HOLDOFF_RESTORE", "HOLDOFF_CORE", "HOLDOFF_CONF"),
        ("HOLDOFF_PROJECT", "HOLDOFF_REGION", "HOLDOFF_TOKEN", "HOLDOFF_KEY", "HOLDOFF_REASON"),  # a command's
        ("HOLDOFF_SOURCE_VERSION", "HOLDOFF_LINE", "HOLDOFF_DB_PASSWORD", "HOLD", "XHOLDOFF_STORE"),
        ("HOLDOFF_WEBHOOK_ACME", "HOLDOFF_WEBHOOK_CRM", "HOLDOFF_WEBHOOK_SHOP"),  # secrets themselves
    ],
    ids=lambda names: names[0],
)
def test_a_variable_that_may_be_the_user_s_own_is_left_alone(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.setenv(name, "x")
    load()


def test_every_variable_that_is_read_is_known_and_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parent.parent
    pages = (root / "docs/config.md").read_text() + (root / "docs/aws.md").read_text()
    documented = set(re.findall(r"^\| (`HOLDOFF_.*?) \|", pages, re.MULTILINE))
    settings = set(re.findall("HOLDOFF_[A-Z_]+", " ".join(documented)))
    assert set(VARIABLES) == {name for name in settings if not name.startswith("HOLDOFF_WEBHOOK_")}
    source = "".join(path.read_text() for path in (root / "src").rglob("*.py"))
    read_there = set(re.findall(r'(?:= |get\()"(HOLDOFF_[A-Z_]+)"', source)) - {"HOLDOFF_WEBHOOK_"}
    assert read_there - set(VARIABLES) <= {"HOLDOFF_TOKEN", "HOLDOFF_KEY"}, "these two a build finds"
    for name in (*VARIABLES, *(f"HOLDOFF_WEBHOOK_{scheme.upper()}" for scheme in NAMES)):
        if name != "HOLDOFF_CONFIG":
            monkeypatch.setenv(name, "x")
    load()


# --- finding it ------------------------------------------------------------------------------------


def test_the_nearest_upward_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a"):
        (folder / "holdoff.toml").write_text("")
    (below / "holdoff.toml").mkdir()  # a folder is no file
    monkeypatch.delenv("HOLDOFF_CONFIG", raising=False)
    monkeypatch.chdir(below)

    assert nearest(below) == (str(tmp_path / "a" / "holdoff.toml"), None)
    assert load().path == tmp_path / "a" / "holdoff.toml"
    assert load(str(tmp_path / "holdoff.toml")).path == tmp_path / "holdoff.toml"


@pytest.mark.parametrize("top", ["a repository", "a worktree of one", "home"])
def test_it_is_not_looked_for_above_the_repository_or_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: str
) -> None:
    below = tmp_path / "top" / "below"
    below.mkdir(parents=True)
    if top == "home":
        (tmp_path / "link").symlink_to(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path / "link" / "top"))
    elif top == "a repository":
        (tmp_path / "top" / ".git").mkdir()
    else:
        (tmp_path / "top" / ".git").write_text("gitdir: ...")
    (tmp_path / "holdoff.toml").touch()
    assert nearest(below) == (None, None)
    (tmp_path / "top" / "holdoff.toml").touch()
    assert nearest(below) == (str(tmp_path / "top" / "holdoff.toml"), None)


@dataclass
class Standing:
    """A file in a folder, by whom and with which rights; and why another user has a say in it, if so."""

    name: str
    owner: int = 0
    group: int = 0
    mode: int = 0o644
    folder_owner: int = 0
    folder_mode: int = 0o755
    why: str | None = None


#: A group of which some other user is a member, on every system that has users.
OTHERS = next((user for user in pwd.getpwall() if user.pw_gid and user.pw_uid), None)
DAEMON = OTHERS.pw_gid if OTHERS else 1
#: A group of which no user of this machine is a member, as far as it tells.
EMPTY = next(
    (
        group.gr_gid
        for group in grp.getgrall()
        if not group.gr_mem and group.gr_gid not in {one.pw_gid for one in pwd.getpwall()}
    ),
    TEAM,
)


@needs_root
@pytest.mark.parametrize(
    "case",
    [
        Standing("one's own"),
        Standing("another's", owner=BOB, why=f": belongs to {BOB}, not to you (root). "),
        Standing("everyone's", mode=0o666, why=": can be written by all users. "),
        Standing("everyone's, with the bit of /tmp", mode=0o1666, why=": can be written by all users. "),
        Standing("a group's", group=DAEMON, mode=0o664, why=": can be written by the group "),
        Standing("a group's without members", group=EMPTY, mode=0o664, why=": can be written by the group "),
        Standing("one's own group's", group=os.getegid(), mode=0o664),
        Standing(
            "a group's that the machine does not know", group=TEAM, mode=0o664, why=": can be written by the group "
        ),
        Standing("a group's to read", group=DAEMON),
        Standing("in another's folder", folder_owner=BOB, why=f"belongs to {BOB}, not to you (root). "),
        Standing("in everyone's folder", folder_mode=0o777, why="can be written by all users. "),
        Standing("in a folder such as /tmp", folder_mode=0o1777),
        Standing("another's in such a folder", owner=BOB, folder_mode=0o1777, why=f": belongs to {BOB}"),
    ],
    ids=lambda case: case.name,
)
def test_a_file_that_another_user_has_a_say_in_is_passed_over(
    case: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commands once ran as root. By name any file is taken."""
    shared = tmp_path / "shared"
    (shared / "below").mkdir(parents=True)
    (tmp_path / "holdoff.toml").touch()
    file = shared / "holdoff.toml"
    file.touch()
    os.chown(file, case.owner, case.group)
    file.chmod(case.mode)
    os.chown(shared, case.folder_owner, 0)
    shared.chmod(case.folder_mode)
    monkeypatch.chdir(shared / "below")
    monkeypatch.delenv("HOLDOFF_CONFIG", raising=False)

    config = load()
    if case.why is None:
        assert (config.path, config.passed_over) == (file, None)
    else:
        assert config.path == tmp_path / "holdoff.toml"
        assert str(config.passed_over).startswith(f"{file} is passed over: ")
        assert case.why in str(config.passed_over)
        assert str(config.passed_over).endswith(f"To use it, name it: --config {file}")
    assert load(str(file)).path == file


@pytest.mark.parametrize(("others", "is_obeyed"), [([], True), (["bob"], False)])
def test_ones_own_group_may_have_other_members(
    others: list[str], is_obeyed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "holdoff.toml"
    file.touch()
    file.chmod(0o664)
    me = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group((me, "x", gid, [me, *others])))
    assert nearest(tmp_path)[0] == (str(file) if is_obeyed else None)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="only Linux has lists as these")
@pytest.mark.parametrize("whose", ["holdoff.toml", "."])
@pytest.mark.parametrize(
    ("kind", "number", "rights", "mask", "is_obeyed"),
    [
        pytest.param("user", BOB, 6, 6, False, id="another user may write"),
        pytest.param("group", TEAM, 6, 6, False, id="a group may write"),
        pytest.param("user", BOB, 4, 6, True, id="another user may read"),
        pytest.param("user", BOB, 6, 4, True, id="the mask keeps others from it"),
        pytest.param("user", os.geteuid(), 6, 6, True, id="one's own"),
    ],
)
def test_a_file_that_an_access_control_list_lets_others_write_is_passed_over(
    kind: str, number: int, rights: int, mask: int, is_obeyed: bool, whose: str, tmp_path: Path
) -> None:
    """In the mode such a list shows only as rights of the group, in which there may be no others."""
    if trust._has_others(os.getegid(), os.geteuid()):
        pytest.skip("the group of this user has others")
    (tmp_path / "holdoff.toml").touch()
    undefined = 0xFFFFFFFF
    of_owner, named = (1, 7, undefined), (2 if kind == "user" else 8, rights, number)
    entries = [of_owner, named, (4, 4, undefined), (16, mask, undefined), (32, 4, undefined)]
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))
    try:
        os.setxattr(tmp_path / whose, "system.posix_acl_access", listed)
    except OSError:
        pytest.skip("this file system has no access control lists")

    found, passed_over = nearest(tmp_path)
    assert (found is not None) is is_obeyed
    assert is_obeyed or "by a user or group in its access control list" in str(passed_over)


@needs_root
def test_another_s_link_to_a_file_of_one_s_own_is_passed_over(tmp_path: Path) -> None:
    """The command would run in the link's folder, whose makefile is another's."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "holdoff.toml").touch()
    shared = tmp_path / "shared"
    shared.mkdir()
    link = shared / "holdoff.toml"
    link.symlink_to(tmp_path / "own" / "holdoff.toml")
    shared.chmod(0o1777)
    assert nearest(shared)[0] == str(link)
    os.lchown(link, BOB, BOB)

    assert nearest(shared) == (
        None,
        f"{link} is passed over: the link belongs to {BOB}, not to you (root). To use it, name it: --config {link}",
    )


@pytest.mark.parametrize("shared", ["file", "way"])
def test_a_link_that_others_could_lead_elsewhere_is_passed_over(shared: str, tmp_path: Path) -> None:
    """They could put another file, or another link, where it leads."""
    for name in ("own", "way", "file"):
        (tmp_path / name).mkdir()
    (tmp_path / "file/holdoff.toml").touch()
    (tmp_path / "way/link").symlink_to("../file/holdoff.toml")
    link = tmp_path / "own/holdoff.toml"
    link.symlink_to(tmp_path / "way/link")
    assert nearest(link.parent) == (str(link), None)

    (tmp_path / shared).chmod(0o777)
    found, passed_over = nearest(link.parent)
    assert found is None
    assert str(passed_over).startswith(f"{link} is passed over: its folder ")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.symlink_to("nowhere"), "a link to nothing"),
        (lambda path: path.symlink_to("holdoff.toml"), "a link to nothing"),
        (os.mkfifo, "no file"),
    ],
    ids=["a dangling link", "a link to itself", "a pipe"],
)
def test_what_has_the_name_and_is_no_file_is_passed_over_aloud(
    make: Callable[[Path], None], what: str, tmp_path: Path
) -> None:
    path = tmp_path / "holdoff.toml"
    make(path)
    assert nearest(tmp_path)[1] == f"{path} is passed over: it is {what}"


@needs_root
def test_root_s_file_is_obeyed_by_others() -> None:
    with public_folder() as folder:
        (folder / "holdoff.toml").touch()
        assert as_user(ALICE, lambda: nearest(folder)) == (str(folder / "holdoff.toml"), None)


# --- the store that goes without saying --------------------------------------------------------------


def test_each_file_has_a_default_store_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two checkouts of a repository once shared one, and a change of the second was built in the first's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    files = [tmp_path / name / "holdoff.toml" for name in ("one", "two", "what?")]
    for file in files:
        file.parent.mkdir()
        file.touch()
    urls = [read(file).open_store().url for file in files]

    assert urls[0] == f"sqlite:////state/holdoff{tmp_path}/one/holdoff.toml.db"
    assert urls[2] == f"sqlite:////state/holdoff{tmp_path}/what%3F/holdoff.toml.db"
    assert Config().open_store().url == "sqlite:////state/holdoff/gates.db"
    monkeypatch.chdir(tmp_path / "two")
    assert read("holdoff.toml").open_store().url == urls[1] != urls[0]
    (tmp_path / "three").symlink_to("two")
    assert read(tmp_path / "three" / "holdoff.toml").open_store().url == urls[1], "the same folder by another name"
    (tmp_path / "one" / "linked.toml").symlink_to(files[1])
    assert read(tmp_path / "one" / "linked.toml").open_store().url not in urls, "its builds are made in another folder"


def test_a_user_and_a_folder_may_have_a_dollar_in_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a variable that is set is taken for one: a path is joined from folders that may have any name."""
    monkeypatch.setenv("XDG_STATE_HOME", "/home/svc$/state")
    monkeypatch.delenv("work", raising=False)
    file = tmp_path / "$work" / "holdoff.toml"
    file.parent.mkdir()
    file.touch()
    assert read(file).open_store().url == f"sqlite:////home/svc$/state/holdoff{file}.db"
    assert Config().open_store().url == "sqlite:////home/svc$/state/holdoff/gates.db"
    file.write_text("store = 'sqlite:///gates.db'")
    assert read(file).open_store().url == f"sqlite:///{file.parent}/gates.db"

    monkeypatch.setenv("STATE", "/var/lib")
    for url in ("sqlite:///$STATE/gates.db", "sqlite:////srv/${STATE}/gates.db"):
        with pytest.raises(ConfigError, match="without \\$ or an unknown ~user: no variable"):
            Config().open_store(url)


def test_white_space_around_a_url_is_no_part_of_it() -> None:
    """``docker run --env-file`` takes a file with the line ends of Windows. A program that opened the store of its
    environment itself had another file than the command line, and one build too many."""
    assert open_store(" sqlite:///gates.db\r\n").url == "sqlite:///gates.db"
    assert open_store("memory:\n").url == "memory:"


def test_a_pipe_has_no_store_of_its_own(tmp_path: Path) -> None:
    """By ``--config <(...)`` each trigger had another store, and no cooldown was kept."""
    read_end, write_end = os.pipe()
    os.write(write_end, project(f"cooldown = 1\n{COMMAND}").encode())
    os.close(write_end)
    config = read(f"/dev/fd/{read_end}")
    os.close(read_end)
    with pytest.raises(ConfigError, match=r"^/dev/fd/\d+: store is missing; write a store: a pipe has none of its own"):
        config.open_store()
    assert config.open_store("memory:").url == "memory:"


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    with pytest.raises(ConfigError, match="HOME is missing; write an absolute path, or name a store"):
        default_url()
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_url() == "sqlite:////state/holdoff/gates.db"


def test_a_relative_home_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be another folder, with gates of its own, in each working directory."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "relative")

    with pytest.raises(ConfigError, match="HOME is 'relative'; write an absolute path, or name a store"):
        default_url()


# --- whatever stands there -------------------------------------------------------------------------

words = st.sampled_from([*POLICY_KEYS, "region", "starter", "command", "codebuild", "store"])
scalars = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["10m", "3/1h", "skip", "defer", "memory:", "sqlite:///x"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def toml(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable()  # which TOML escapes as JSON does
        return json.dumps(value) if plain else '"' + "".join(f"\\U{ord(char):08X}" for char in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return repr(value)


def is_config_or_error(text: str) -> None:
    try:
        config = parse(text, Path("holdoff.toml"))
    except ConfigError as error:
        assert str(error)
        assert error.exit_code == 78
    else:
        assert isinstance(config, Config)


@given(st.text())
def test_any_text_is_a_config_or_a_config_error(text: str) -> None:
    is_config_or_error(text)


@given(st.dictionaries(st.sampled_from(["store", "projects"]) | st.text(max_size=9), values))
def test_any_toml_is_a_config_or_a_config_error(data: dict[str, Any]) -> None:
    is_config_or_error("\n".join(f"{toml(key)} = {toml(value)}" for key, value in data.items()))


@given(st.text(max_size=9), st.dictionaries(words | st.text(max_size=9), values))
def test_any_project_is_a_config_or_a_config_error(name: str, settings: dict[str, Any]) -> None:
    table = {"cooldown": "1h", "starter": {"command": ["true"]}} | settings
    is_config_or_error(f"projects = {toml({name: table})}")


SCHEMES = ["", "sqlite:///", "sqlite:", "dynamodb://", "dynamodb:", "memory:", "x://"]


@given(st.builds(str.__add__, st.sampled_from(SCHEMES), st.text() | st.text("/[]?&=%:@#a1.")))
def test_any_text_as_a_store_url_is_a_store_or_a_config_error(url: str) -> None:
    try:
        store = open_store(url)
    except ConfigError as error:
        assert "; write " in str(error)
    else:
        assert callable(store.swap)


def test_what_is_due_is_asked_of_the_store_s_clock() -> None:
    """PostgreSQL and DynamoDB tell their time with an answer. ``holdoff wake`` asked with the time of this machine what
    was due: where that was two hours behind, each build came two hours late."""

    class Server(MemoryStore):
        answers = 0

        def due(self, now_ms: int) -> Iterator[GateKey]:
            self.answers += 1
            return super().due(now_ms)

        def clock_offset_ms(self) -> int:
            return 7_200_000 if self.answers else 0

    config, store = parse(project('cooldown = "1h"\n' + COMMAND)), Server()
    starter, clock = Call(lambda *_: None), ManualClock("2026-01-01T00:00:00Z")
    gate = Gate("docs", store=store, policy=Policy("1h"), starter=starter, clock=clock)
    for _ in range(2):
        gate.trigger()
    behind = ManualClock("2025-12-31T23:00:00Z")  # it is one o'clock
    assert list(config.due(store, behind)) == [gate.key]


def test_of_what_waits_only_gates_that_today_s_settings_make_due_are_woken() -> None:
    """Not those of other files, nor those that cannot be read; and of many that wait, the next few are read."""

    class Spoilt(MemoryStore):
        reads, is_spoilt = 0, False

        def get(self, key: GateKey) -> Record:
            self.reads += 1
            if self.is_spoilt and key.key == "spoilt":
                raise RecordInvalid("it cannot be read")
            return super().get(key)

    config, store = parse(project('cooldown = "1h"\n' + COMMAND)), Spoilt()
    starter, clock = Call(lambda *_: None), ManualClock("2026-01-01T00:00:00Z")
    for name in ("other", "docs@spoilt", "docs@a", "docs@b"):
        for _ in range(2):
            Gate(name, store=store, policy=Policy("1d"), starter=starter, clock=clock).trigger()
        clock.advance("1m")
    clock.advance("2h")
    store.is_spoilt = True
    assert [key.project for key in config.due(store, clock)] == ["docs@a", "docs@b"]
    store.reads = 0
    assert [key.project for key in config.due(store, clock, looked_at=2)] == ["docs@a"]
    assert store.reads == 2


def test_a_plug_in_that_is_gone_from_under_a_server_is_named() -> None:
    """While it is installed again, say. The error was a bare StopIteration, of which no caller knows."""
    with pytest.raises(ConfigError, match=r"projects\.site\.starter"):
        Project(name="site", policy=Policy(1), starter={"acme": "x"}).make_starter()
