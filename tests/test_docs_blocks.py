"""Every block of every page is run, read by what reads it for users, or has the test named that does so.

Pages in ``PLAYED`` are typed from the top to the bottom, and what their commands say is compared (``tests.documents``).
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import socket
import subprocess
import tomllib
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from holdoff.cli.main import VERBS, parser_of
from holdoff.config import parse
from holdoff.core.errors import ConfigError
from holdoff.server.openapi import description
from tests.conftest import engine_or_skip
from tests.documents import Block, agree, blocks, differences
from tests.engines import frameworks
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(DOCS.rglob("*.md"))
#: Typed as they stand.
PLAYED: Final = [
    DOCS / "index.md",
    DOCS / "troubleshooting.md",
    *sorted((DOCS / "start").glob("*.md")),
    *sorted((DOCS / "howto").glob("*.md")),
]
#: Blocks that another test, or a command, runs or makes: page and language, and which.
ELSEWHERE: Final = {
    ("config.md", "text"): "tests/test_config_docs.py",
    ("events.md", "toml"): "tests/ingress/test_documents.py",
    ("migrate.md", "console"): "tests/e2e/test_migrate.py",
    ("performance.md", ""): "benchmarks/__main__.py",
    ("plan.md", "console"): "tests/plan/test_plan.py",
    ("plan.md", "csv"): "tests/plan/test_plan.py",
    ("plan.md", "toml"): "tests/plan/test_plan.py",
    ("postgres.md", "sql"): "tests/stores/test_postgres.py",
    ("reference/python.md", "text"): "tools/python_reference.py",
    ("server.md", "sh"): "tests/server/test_docs.py",
    ("vps.md", "crontab"): "tests/test_vps.py",
    ("vps.md", "sh"): "tests/test_vps.py",
}
#: Blocks that nothing runs as they stand, and why not: page and language. Holdoff's own commands in them are read by
#: the shipped parsers all the same.
REASONS: Final = {
    ("aws.md", "console"): "they change an AWS account; tests/deployed deploys the same template to an emulator",
    ("cli.md", "console"): "gates with hours of history; tests/cli/test_status.py and test_verbs.py hold what is said",
    ("howto/nightly.md", "crontab"): "it is cron's; the command in it is typed in the block after it",
    ("observability.md", "console"): "it asks an AWS account; tests/cli/test_aws_check.py holds what is said",
    ("postgres.md", "console"): "a server of yours; tests/stores/test_postgres.py has one of its own",
    ("troubleshooting.md", "text"): "a lock of ten seconds; its words are in QUOTED",
    (
        "vps.md",
        "console",
    ): "it wants root; tests/stores/test_sqlite_users.py shares a file where it has that",
}


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


def every_block() -> list[tuple[Path, Block]]:
    return [(page, block) for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize("page", PLAYED, ids=name_of)
def test_a_page_says_what_its_commands_do(page: Path) -> None:
    if page.name in frameworks.PAGES:
        with engine_or_skip(frameworks.interpreter()) as python:
            assert differences(page, str(python)) == []
    else:
        assert differences(page) == []


@pytest.mark.parametrize(
    ("page", "really", "same"),
    [
        ("site started: build vm:41", f"site started: build {socket.gethostname()}:e10.23.4:977", True),
        ("site deferred: starts in 10m", "site deferred: starts in 9m58s", True),
        ("site deferred: starts in 10m", "site deferred: starts in 5m", False),
        ("site deferred: starts in 10m", "site skipped: ready in 10m", False),
        ("until 2026-11-28 13:24:55 UTC", "until 2027-01-02 03:04:05 UTC", True),
        ("one\n...\nthree", "one\ntwo\nthree", True),
        ("one\n...\nthree", "one\ntwo", False),
        ("one", "one\ntwo", False),
    ],
    ids=range(8),
)
def test_a_page_that_is_wrong_is_found_out(page: str, really: str, same: bool) -> None:
    assert agree(page, really) is same


@pytest.mark.parametrize(
    ("page", "block"), every_block(), ids=[f"{name_of(page)}:{block.line}" for page, block in every_block()]
)
def test_a_block_is_right(page: Path, block: Block) -> None:
    place = name_of(page), block.language
    typed = page in PLAYED and (block.path or block.language in {"console", "sh"})
    if place in READERS_OF or (block.language in READERS and place not in ELSEWHERE):
        READERS_OF.get(place, READERS.get(block.language, str))(block.text)
    elif not typed:
        assert place in ELSEWHERE.keys() | REASONS.keys(), f"{page}:{block.line}: which test runs this block?"


def ours(text: str) -> Iterator[list[str]]:
    """The commands of ours in a block, each without the program and without the command after ``--``."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = [*lexer, ";"]
        for at, word in enumerate(words):
            if word.endswith("holdoff") and words[at + 1] in VERBS:
                rest = words[at + 1 :]
                yield rest[: next(n for n, one in enumerate(rest) if one == "--" or set(one) <= set(";|&()<>"))]


@pytest.mark.parametrize("page", [page for page in PAGES if "holdoff " in page.read_text()], ids=name_of)
def test_every_command_of_ours_is_one(page: Path) -> None:
    """The shipped parsers take it, whether it is run or not."""
    for block in blocks(page):
        if block.language in {"console", "sh", "crontab", "ini"}:
            commands = "".join(f"$ {typed}" for typed, _ in block.steps) if block.language == "console" else block.text
            for verb, *rest in ours(commands):
                parser, _ = parser_of(verb)
                parser.parse_args(rest)  # says which option is wrong, and exits


@pytest.mark.parametrize("page", [page for page in PAGES if "holdoff serve &" in page.read_text()], ids=name_of)
def test_what_is_typed_behind_a_server_waits_until_it_is_up(page: Path) -> None:
    behind = page.read_text().partition("holdoff serve &")[2]
    assert "--retry-connrefused" in behind[behind.index("curl ") :].split("http", 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if "`pip install -e .`" in page.read_text()], ids=name_of)
def test_a_package_of_the_readers_own_can_be_installed(page: Path, tmp_path: Path) -> None:
    """Beside its tests, as the page has it: setuptools refuses a folder of several modules that names none."""
    for block in blocks(page):
        if block.path:
            (tmp_path / block.path).write_text(block.text)
    venv.create(tmp_path / ".venv", with_pip=True)
    install = [str(tmp_path / ".venv/bin/pip"), "install", "--quiet", "--no-deps", "-e", "."]
    done = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 0, done.stderr


def test_cron_finds_holdoff() -> None:
    """It looks in /usr/bin and /bin, where no way to install of vps.md puts a program."""
    lines = [
        line
        for page in PAGES
        for block in blocks(page)
        if block.language == "crontab"
        for line in block.text.splitlines()
    ]
    assert [re.findall(r"\S*holdoff(?= )", line) for line in lines] == [["~/.local/bin/holdoff"]] * 3


def test_every_parameter_of_the_stack_that_is_set_is_one() -> None:
    """`sam deploy --parameter-overrides NAME=VALUE`, wherever the documents have it."""
    template = (ROOT / "deploy/aws/template.yaml").read_text().partition("\nParameters:\n")[2]
    known = set(re.findall(r"^  (\w+):$", re.split(r"^\w", template, flags=re.MULTILINE)[0], re.MULTILINE))
    told = re.findall(r"--parameter-overrides ([^\n]+)", "".join(page.read_text() for page in PAGES))
    names = {name for line in told for name in re.findall(r"(\w+)=", line)}
    assert len(names) > 3
    assert names - known == set()


def test_the_tests_elsewhere_are_there_and_no_reason_is_stale() -> None:
    there = {(name_of(page), block.language) for page, block in every_block()}
    assert [place for place in (*ELSEWHERE, *REASONS) if place not in there] == []
    assert [test for test in ELSEWHERE.values() if not (ROOT / test).exists()] == []


def _toml(text: str) -> None:
    """The shipped loader takes it. Lines to add to a project stand below a project's name; a package's are TOML."""
    tables = tomllib.loads(text)
    if "project" in tables:
        return
    try:
        parse(text)
    except ConfigError:
        named = {rule["project"] for rule in tables.get("rules", ()) if isinstance(rule.get("project"), str)}
        more = (f'[projects."{name}"]\ncooldown = 1\nstarter = {{ command = ["x"] }}\n' for name in named)
        parse(text + "".join(more))


def _python(text: str) -> None:
    compile(text, "a page", "exec")


def _ini(text: str) -> None:
    configparser.ConfigParser(strict=False, interpolation=None).read_string(text)


def _http(text: str) -> None:
    json.loads(text.partition("\n\n")[2])


READERS: Final = {
    "http": _http,
    "ini": _ini,
    "json": json.loads,
    "python": _python,
    "toml": _toml,
    "yaml": yaml.safe_load,
}
#: Of a starter that only the page itself installs: the loader takes it where the page is typed.
READERS_OF: Final = {("howto/starter.md", "toml"): tomllib.loads}


def test_the_example_of_the_api_is_as_the_api_is() -> None:
    asked, answered = [block.text for block in blocks(DOCS / "reference/http.md")]
    api = description()
    body = api["paths"]["/api/v1/trigger"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert json.loads(asked.partition("\n\n")[2]).keys() <= body["properties"].keys()
    decision = api["components"]["schemas"]["Decision"]
    assert {*decision["required"]} <= json.loads(answered).keys() <= decision["properties"].keys()


# --- words that pages quote ---------------------------------------------------------------------------------------


QUOTED: Final = {
    "not signed as it should be": "src/holdoff/core/errors.py",
    "No gates yet: the first trigger makes one": "src/holdoff/server/templates/overview.html",
    "No gate matches": "src/holdoff/server/templates/overview.html",
    "(others had it for": "src/holdoff/stores/sqlite_place.py",
}


def test_what_a_symptom_is_known_by_is_what_is_said() -> None:
    page = re.sub(r"\s+", " ", (DOCS / "troubleshooting.md").read_text())
    assert [words for words in QUOTED if words not in page] == []
    assert [words for words, file in QUOTED.items() if words not in (ROOT / file).read_text()] == []


def test_every_word_of_the_glossary_is_there_once_and_in_order() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert words == sorted(set(words))
    assert len(words) > 30
