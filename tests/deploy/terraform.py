"""The Terraform module as plain values: parsed, not evaluated. Expressions stay text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import hcl2

from tests.deploy.cloudformation import ROOT

MODULE: Final = ROOT / "deploy/terraform"
Block = dict[str, Any]


def plain(node: Any) -> Any:
    """What the parser gives, without its quotes and notes."""
    if isinstance(node, dict):
        return {plain(k): plain(v) for k, v in node.items() if not k.startswith("__")}
    if isinstance(node, list):
        return [plain(one) for one in node]
    if isinstance(node, str) and len(node) > 1 and node[0] == node[-1] == '"':
        return node[1:-1]
    return node


@cache
def parsed(path: Path) -> Block:
    """A file."""
    with path.open() as file:
        content: Block = plain(hcl2.load(file))
    return content


def files() -> list[Path]:
    """All files of the module."""
    return sorted(MODULE.glob("*.tf"))


def blocks(section: str) -> dict[str, Block]:
    """All blocks of a section: ``{"aws_sqs_queue.triggers": {...}}``, ``{"alarm_email": {...}}``."""
    found: dict[str, Block] = {}
    for file in files():
        for block in parsed(file).get(section, []):
            for name, body in block.items():
                if section in {"resource", "data"}:
                    found |= {f"{name}.{label}": content for label, content in body.items()}
                else:
                    found[name] = body
    return found


def resource(name: str) -> Block:
    """A resource, by type and name."""
    return blocks("resource")[name]


def statements(document: str) -> list[Block]:
    """The statements of a policy document, those that are there only sometimes included."""
    data = blocks("data")[f"aws_iam_policy_document.{document}"]
    sometimes = [content for dynamic in data.get("dynamic", []) for content in dynamic["statement"]["content"]]
    return [*data.get("statement", []), *sometimes]
