"""The changelog grows by fragments, and a tag is published only if it, the version and the changelog agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import holdoff
from tests.package.conftest import BIN, PROJECT, ROOT, run
from tools.release import notes

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {one["directory"]: one["name"] for one in PROJECT["tool"]["towncrier"]["type"]}
FRAGMENTS = [path for path in sorted((ROOT / "changes").iterdir()) if path.name != "README.md"]


def test_every_fragment_is_in_the_draft() -> None:
    draft = " ".join(run(BIN / "towncrier", "build", "--draft", "--version", "next", cwd=ROOT).split())
    for path in FRAGMENTS:
        assert re.fullmatch(rf"(\d+|\+[\w-]+)\.({'|'.join(KINDS)})(\.\d+)?\.md", path.name), path.name
        said = " ".join(path.read_text().split())
        assert said.endswith("."), path.name
        assert said in draft, path.name


def test_the_readme_of_the_fragments_has_each_kind() -> None:
    text = (ROOT / "changes/README.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(KINDS)


def checkout(folder: Path, changelog: str, *fragments: str) -> Path:
    (folder / "src/holdoff").mkdir(parents=True)
    (folder / "src/holdoff/__init__.py").write_text((ROOT / "src/holdoff/__init__.py").read_text())
    (folder / "CHANGELOG.md").write_text(changelog)
    (folder / "changes").mkdir()
    for name in ("README.md", *fragments):
        (folder / "changes" / name).write_text("It does that now.\n")
    return folder


def test_towncrier_makes_the_section_that_a_release_needs(tmp_path: Path) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    there = checkout(tmp_path, changelog, "16.added.md", "+words.fixed.md")
    (there / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    with pytest.raises(SystemExit, match=r"changes/ still has \+words.fixed.md, 16.added.md; run: towncrier build"):
        notes(f"v{holdoff.__version__}", there)
    run("git", "init", "--quiet", cwd=there)
    run(BIN / "towncrier", "build", "--yes", cwd=there)
    assert notes(f"v{holdoff.__version__}", there).split("\n\n") == [
        "### New",
        "- It does that now. (#16)",
        "### Mended",
        "- It does that now.",
    ]
    older = changelog.partition(PROJECT["tool"]["towncrier"]["start_string"])[2].strip()
    assert older.startswith("## ")
    assert (there / "CHANGELOG.md").read_text().strip().endswith(older)
    assert [path.name for path in (there / "changes").iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("v99.0.0", "the tag is v99.0.0, and src/holdoff/__init__.py has"),
        (f"v{holdoff.__version__}", "CHANGELOG.md has no section"),
    ],
    ids=["another-version", "no-section"],
)
def test_a_tag_that_does_not_agree_is_not_published(tmp_path: Path, tag: str, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        notes(tag, checkout(tmp_path, "# Changelog\n"))
