"""docs/aws.md names all there is, and nothing that is not."""

from __future__ import annotations

import re

import pytest

from tests.deploy import terraform
from tests.deploy.cloudformation import ROOT, Stack, template, transformed
from tests.deploy.test_rights import ALL, listed, statements

DOCUMENT = (ROOT / "docs/aws.md").read_text()


def rows(heading: str) -> list[str]:
    """The rows of the table under a heading."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def named(lines: list[str]) -> set[str]:
    """What stands in the first cells."""
    return {name for line in lines for name in re.findall(r"`([^`]+)`", line.split("|")[1])}


def test_every_parameter_is_in_it() -> None:
    parameters = template()["Parameters"]
    assert [name for name in parameters if not re.search(rf"\b{name}[=`]", DOCUMENT)] == []


def test_every_parameter_that_a_command_sets_exists() -> None:
    overrides = re.findall(r"--parameter-overrides ([^\n]+)", DOCUMENT)
    names = {part.partition("=")[0] for line in overrides for part in line.split()}
    assert names
    assert names <= template()["Parameters"].keys()


def test_every_resource_says_what_it_is_for() -> None:
    assert named(rows("What is in the stack")) == transformed()["Resources"].keys()


def test_every_output_is_named() -> None:
    others = {"FunctionName", "FunctionArn", "TableName"}  # they say it themselves
    outputs = template()["Outputs"].keys() - others
    assert [name for name in outputs if not re.search(rf"\b{name}\b", DOCUMENT)] == []


def test_every_right_says_why() -> None:
    stack = Stack(**ALL)
    granted = {a for s in statements(stack.properties("FunctionRole")) for a in listed(s["Action"])}
    assert named(rows("What it may do, and why")) == granted


def test_every_variable_is_in_it() -> None:
    variables = template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert named(rows("What it is told")) == variables.keys()


def test_every_alarm_says_what_to_do() -> None:
    said = named(rows("Alarms"))
    assert said == Stack(**ALL).of("AWS::CloudWatch::Alarm").keys()


@pytest.mark.parametrize("name", ["docs/aws.md", "docs/costs.md", "deploy/terraform/README.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    path = ROOT / name
    targets = [t for t in re.findall(r"\]\(([^)#]+)", path.read_text()) if "://" not in t]
    assert targets
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_module_is_called_as_it_is_shown() -> None:
    shown = (terraform.MODULE / "README.md").read_text()
    block = re.search(r'module "holdoff" \{(.*?)\n\}', shown, re.DOTALL)
    assert block is not None
    arguments = set(re.findall(r"^  (\w+) +=", block[1], re.MULTILINE)) - {"source"}
    assert arguments <= terraform.blocks("variable").keys()
    assert set(re.findall(r"module\.holdoff\.(\w+)", shown)) <= {
        *terraform.blocks("output"),
        "aws_dynamodb_table",
    }
