"""Every mutant of the core: each is a whole source file with one thing wrong.

What is done to which node is mutmut's, whole. Its runner is not used: that calls every function by a detour that picks
the version which is meant just now, and so leaves out what runs while a module is imported (constants, the defaults of
dataclasses, decorated functions, policies that the tests make once for a file), and makes each step of the model
checker dearer. Here a mutant is imported afresh, by a process of its own.

Not mutated, as mutmut has it: annotations, decorators, documentation, the arguments of ``len`` and ``isinstance``; no
statement is left out, and a bare ``if x:`` is not turned round.
"""

from __future__ import annotations

import difflib
import importlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

if TYPE_CHECKING:
    from collections.abc import Collection

MODULES = ("machine", "protocol", "policy")
CORE = Path(importlib.import_module("holdoff.core").__path__[0])


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutant.

    Attributes:
        key: its name, from what was there and what is there instead: it stays when other lines come or go.
        parts: the source before the statement that is changed, that statement, and what comes after it.
    """

    module: str
    key: str
    parts: tuple[str, str, str]

    @property
    def source(self) -> str:
        """The whole file."""
        return "".join(self.parts)


def path_of(module: str) -> Path:
    """The file of a module."""
    return CORE / f"{module}.py"


def all_mutants() -> list[Mutant]:
    """Every mutant of every module, in the order of the code."""
    return [mutant for module in MODULES for mutant in mutants_of(module)]


def mutants_of(module: str) -> list[Mutant]:
    """Those of one module, but for those that are no Python at all."""
    wrapper = MetadataWrapper(cst.parse_module(path_of(module).read_text()))
    visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    wrapper.visit(visitor)
    statements, code_of = wrapper.module.body, wrapper.module.code_for_node
    texts = [wrapper.module.with_changes(body=[]).code, *map(code_of, statements)]
    places = _places(wrapper.module, module)
    made: dict[str, Mutant] = {}
    for mutation in visitor.mutations:
        number, where = places[mutation.original_node]
        text = code_of(
            statements[number].deep_replace(mutation.original_node, mutation.mutated_node)
        )
        if not _compiles(text):
            continue
        key = _unused(f"{where}: {_change(texts[number + 1], text)}", made)
        around = "".join(texts[: number + 1]), text, "".join(texts[number + 2 :])
        made[key] = Mutant(module, key, around)
    return list(made.values())


def _unused(key: str, made: Collection[str]) -> str:
    numbered = (f"{key} #{number}" for number in itertools.count(2))
    return key if key not in made else next(other for other in numbered if other not in made)


class _Visitor(MutationVisitor):  # type: ignore[misc]  # untyped to `make check`
    """mutmut's, but into decorated functions too: without the detour nothing speaks against it."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef):
            return False
        return bool(super()._skip_node_and_children(node))


def _places(tree: cst.Module, module: str) -> dict[cst.CSTNode, tuple[int, str]]:
    """Of each node, the number of its outermost statement, and the name of what it is in."""
    places: dict[cst.CSTNode, tuple[int, str]] = {}

    def walk(node: cst.CSTNode, number: int, name: str) -> None:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            name = f"{name}.{node.name.value}"
        places[node] = number, name
        for child in node.children:
            walk(child, number, name)

    for number, statement in enumerate(tree.body):
        walk(statement, number, module)
    return places


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _change(original: str, mutated: str) -> str:
    """What was there, and what is there instead, in as few lines as can be."""
    lines = list(
        difflib.unified_diff(original.splitlines(), mutated.splitlines(), n=0, lineterm="")
    )
    was = [line[1:].strip() for line in lines[3:] if line.startswith("-")]
    becomes = [line[1:].strip() for line in lines[3:] if line.startswith("+")]
    return f"{' '.join(was)} -> {' '.join(becomes) or 'nothing'}"
