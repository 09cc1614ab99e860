"""What stands in .github: valid, safe, and in step with the Makefile, the package and the forms' own advice."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.package.conftest import BIN, PROJECT, ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

GITHUB: Final = ROOT / ".github"
WORKFLOWS: Final = sorted(GITHUB.glob("workflows/*.yml"))
FORMS: Final = {
    "workflows/*.yml": "github-workflows",
    "ISSUE_TEMPLATE/[!c]*.yml": "github-issue-forms",
    "ISSUE_TEMPLATE/config.yml": "github-issue-config",
    "dependabot.yml": "dependabot",
}


@pytest.mark.parametrize(("files", "schema"), FORMS.items(), ids=list(FORMS.values()))
def test_each_file_is_what_github_reads(files: str, schema: str) -> None:
    found = sorted(GITHUB.glob(files))
    assert found
    run(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *found)


def test_the_auditor_finds_nothing() -> None:
    """Injection, rights that are too wide, credentials that are left, actions that are not pinned, and more."""
    run(BIN / "zizmor", "--offline", "--pedantic", "--no-progress", GITHUB)


def test_every_action_is_pinned_by_commit_and_says_its_version() -> None:
    uses = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def jobs() -> list[dict[str, Any]]:
    return [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values()]


def test_what_a_workflow_runs_is_there() -> None:
    steps = [step["run"] for job in jobs() for step in job["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {target for step in steps for target in re.findall(r"\bmake ([a-z-]+)", step)}
    assert asked <= targets
    assert {"package", "docs", "test-fast"} <= asked
    modules = {name for step in steps for name in re.findall(r"-m (tools\.\w+)", step)}
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []
    assert shutil.which(".ci/run", path=str(ROOT)) or (ROOT / ".ci/run").exists()


def test_ci_tries_each_python_that_the_package_is_for() -> None:
    said = [line.rpartition(" :: ")[2] for line in PROJECT["project"]["classifiers"] if " :: 3." in line]
    (matrix,) = [job["strategy"]["matrix"] for job in jobs() if "strategy" in job]
    assert matrix["python"] == said


def test_publishing_needs_no_secret_and_builds_nothing() -> None:
    text = (GITHUB / "workflows/release.yml").read_text()
    assert "secrets." not in text
    publish = yaml.safe_load(text)["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert [step for step in publish["steps"] if "run" in step] == []


def test_a_bug_s_form_asks_for_commands_that_there_are(tmp_path: Path) -> None:
    text = (GITHUB / "ISSUE_TEMPLATE/bug.yml").read_text()
    for command in ("holdoff --version", "holdoff explain PROJECT --json", "holdoff explain --event ID --json"):
        assert command in text
    assert run(BIN / "holdoff", "--version", cwd=tmp_path).startswith("holdoff ")
    said = run(BIN / "holdoff", "explain", "--help", cwd=tmp_path)
    assert "--event" in said
    assert "--json" in said
