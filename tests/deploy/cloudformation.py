"""The part of CloudFormation that our template uses: what it comes to, given its parameters.

Resources are named as they are in the template: ``Ref`` gives the name, ``GetAtt`` the name and the attribute.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = ROOT / "deploy/aws/template.yaml"
PSEUDO: Final = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "holdoff",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE: Final = object()


@cache
def _template() -> str:
    from cfnlint.decode import cfn_yaml  # a second to import, which every run of any test would wait for

    return json.dumps(cfn_yaml.load(str(TEMPLATE)))


def template() -> dict[str, Any]:
    """The template as it is written."""
    return json.loads(_template())  # type: ignore[no-any-return]


def transformed() -> dict[str, Any]:
    """The template as SAM makes plain CloudFormation of it, its package uploaded."""
    return json.loads(_transformed())  # type: ignore[no-any-return]


@cache
def _transformed() -> str:
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    source = template()
    source["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://packages/holdoff-lambda.zip"
    os.environ.setdefault("AWS_DEFAULT_REGION", PSEUDO["AWS::Region"])
    return json.dumps(Translator({}, Parser()).translate(source, {}))


class Stack:
    """The template with parameters: its resources and outputs as they would be created.

    Raises:
        ValueError: a rule of the template refuses the parameters.
    """

    def __init__(self, **parameters: str) -> None:
        self._template = transformed()
        defaults = {name: str(p["Default"]) for name, p in self._template["Parameters"].items()}
        assert parameters.keys() <= defaults.keys()
        self._parameters = defaults | PSEUDO | parameters
        self._check_rules()
        self.resources: dict[str, Any] = self._made("Resources")
        self.outputs: dict[str, Any] = self._made("Outputs")

    def properties(self, name: str) -> dict[str, Any]:
        """A resource's properties."""
        made: dict[str, Any] = self.resources[name]["Properties"]
        return made

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a type, by name."""
        return {n: r["Properties"] for n, r in self.resources.items() if r["Type"] == kind}

    def _check_rules(self) -> None:
        for rule in self._template["Rules"].values():
            for assertion in rule["Assertions"]:
                if not self._resolved(assertion["Assert"]):
                    raise ValueError(assertion["AssertDescription"])

    def _made(self, section: str) -> dict[str, Any]:
        entries = self._template[section].items()
        return {
            name: self._resolved({key: value for key, value in entry.items() if key != "Condition"})
            for name, entry in entries
            if "Condition" not in entry or self._condition(entry["Condition"])
        }

    def _condition(self, name: str) -> bool:
        return bool(self._resolved(self._template["Conditions"][name]))

    def _resolved(self, node: Any) -> Any:
        if isinstance(node, list):
            return [made for one in node if (made := self._resolved(one)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, value),) = node.items()
            if name in {"Ref", "Condition"} and isinstance(value, str):
                return self._ref(value) if name == "Ref" else self._condition(value)
            if name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), value)
        made = {key: self._resolved(value) for key, value in node.items()}
        return {key: value for key, value in made.items() if value is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        assert name in self._parameters or name in self._template["Resources"], name
        return self._parameters.get(name, name)

    def _function(self, name: str, value: Any) -> Any:
        if name == "If":
            which, yes, no = value
            return self._resolved(yes if self._condition(which) else no)
        if name == "GetAtt":
            assert value[0] in self._template["Resources"], value
            return ".".join(value)
        if name == "Sub":
            return self._substituted(value)
        args = self._resolved(value)
        match name:
            case "Equals":
                return args[0] == args[1]
            case "Not":
                return not args[0]
            case "And":
                return all(args)
            case "Or":
                return any(args)
            case "Join":
                assert isinstance(value[0], str), "CloudFormation takes no function between parts"
                return args[0].join(args[1])
            case "Split":
                return args[1].split(args[0])
            case _:
                raise NotImplementedError(name)

    def _substituted(self, value: Any) -> str:
        text, given = (value, {}) if isinstance(value, str) else value
        head, *rest = str(text).split("${")
        parts = [part.partition("}") for part in rest]
        return head + "".join(
            str(self._resolved(given[name]) if name in given else self._ref(name)) + after for name, _, after in parts
        )
