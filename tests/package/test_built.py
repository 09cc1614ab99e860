"""What stands in pyproject.toml, and what is built of it: metadata, sdist and wheel."""

from __future__ import annotations

import ast
import re
import sys
import tarfile
import zipfile
from email import message_from_bytes
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Final

import pytest

import holdoff
from tests.package.conftest import BIN, PROJECT, ROOT, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path

#: Which extra brings what Holdoff imports besides the standard library. (OpenTelemetry is used where it is loaded.)
EXTRAS: Final = {
    "anyio": "server",
    "botocore": "aws",
    "httpx2": "server",
    "jinja2": "server",
    "jwt": "server",
    "markupsafe": "server",
    "matplotlib": "plan",
    "prometheus_client": "server",
    "psycopg": "postgres",
    "starlette": "server",
    "uvicorn": "server",
}
REPOSITORY: Final[str] = PROJECT["project"]["urls"]["Homepage"]


# --- pyproject.toml --------------------------------------------------------------------------------------------------


def imported() -> Iterator[tuple[str, str]]:
    """Each package of others that a file imports at run time, and the file."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in run_time(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"holdoff"}:
                yield name, path.relative_to(ROOT / "src/holdoff").as_posix()


def run_time(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from run_time(child)


def test_each_package_that_is_imported_is_in_its_extra_and_no_other_is() -> None:
    # ``testing`` is for those who have hypothesis.
    assert {name for name, path in imported() if not path.startswith("testing/")} == set(EXTRAS)
    distributions = packages_distributions()
    asked = PROJECT["project"]["optional-dependencies"]
    for extra in set(EXTRAS.values()):
        named = {plain(re.split(r"[\[>=]", line)[0]) for line in asked[extra]}
        of = {name: {plain(each) for each in distributions[name]} for name in EXTRAS if EXTRAS[name] == extra}
        assert [name for name in of if not of[name] & named] == [], extra
        assert named <= set().union(*of.values()), extra


def test_one_place_says_where_the_repository_is() -> None:
    files = [ROOT / "pyproject.toml", *ROOT.glob("*.md"), *ROOT.glob(".github/**/*.y*ml"), *ROOT.glob("docs/**/*.md")]
    owner = re.compile(r"(?:https://github\.com|https://raw\.githubusercontent\.com)/([\w-]+/holdoff)\b")
    assert {found for file in files for found in owner.findall(file.read_text())} == {
        REPOSITORY.removeprefix("https://github.com/")
    }


def test_the_pins_are_what_the_project_asks_for() -> None:
    asked = [line for group in PROJECT["dependency-groups"].values() for line in group if isinstance(line, str)]
    asked += [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    pinned = {plain(line.partition("==")[0]) for line in (ROOT / "requirements-dev.txt").read_text().splitlines()}
    assert [line for line in asked if plain(re.split(r"[\[>=;]", line)[0]) not in pinned] == []


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# --- what is built ---------------------------------------------------------------------------------------------------


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def test_a_package_index_takes_both(dist: Path, wheel: Path, sdist: Path) -> None:
    assert run(BIN / "twine", "--no-color", "check", "--strict", wheel, sdist).count("PASSED") == 2
    assert run(BIN / "check-wheel-contents", wheel).endswith(": OK\n")


def test_the_sdist_is_the_repository_and_nothing_else(sdist: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert held == {"PKG-INFO", *(name for name in listed if (ROOT / name).exists())}


def test_the_wheel_holds_the_package_and_what_it_reads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert held == {path.relative_to(ROOT / "src").as_posix() for path in files}
    assert {"holdoff/py.typed", "holdoff/server/static/page.js", "holdoff/server/templates/base.html"} < held


def test_the_page_is_read_from_a_zip_too(wheel: Path) -> None:
    """As zipapp makes one: there is no folder beside the modules. One that is called as ./ZIP has such a path."""
    zipped = f"{wheel.parent}/./{wheel.name}"
    code = f"""
import sys
sys.path.insert(0, {zipped!r})
from holdoff.server import pages, problems
shown = pages.html("problem.html", problem=problems.Problem(404, "no such gate"), caller=None, form="", to="")
print(pages.__file__, shown.body)
"""
    said = run(sys.executable, "-I", "-c", code)
    assert said.startswith(zipped)
    assert "/static/page.css" in said


def test_the_metadata_says_what_it_is(wheel: Path) -> None:
    said = metadata_of(wheel)
    assert said["Version"] == holdoff.__version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("License-File") == ["LICENSE"]
    assert said["Description-Content-Type"] == "text/markdown"
    assert [line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line] == []
    assert set(said.get_all("Provides-Extra", [])) == {"otel", *EXTRAS.values()}
    labels = [line.partition(",")[0] for line in said.get_all("Project-URL", [])]
    assert {"Documentation", "Changelog", "Issues", "Security"} < set(labels)


def test_no_link_of_the_readme_is_relative(wheel: Path) -> None:
    text = str(metadata_of(wheel).get_payload())
    links = re.findall(r"\]\(([^)\s]+)", text) + re.findall(r"(?:src|href)=\"([^\"]+)", text)
    links += re.findall(r"^\[[^\]]+\]:\s*(\S+)", text, re.MULTILINE)
    assert [link for link in links if not link.startswith("https://")] == []
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)", text)
    assert pictures
    assert [url for url in pictures if not url.startswith("https://raw.githubusercontent.com/")] == []
    of_release = f"/holdoff/v{holdoff.__version__}/", f"/holdoff/blob/v{holdoff.__version__}/"
    ours = [link.partition(mark)[2].partition("#")[0] for link in links for mark in of_release if mark in link]
    assert len(ours) > 10
    assert [path for path in ours if not (ROOT / path).exists()] == []
