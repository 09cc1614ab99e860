"""Makes docs/reference/python.md from the docstrings of the names that ``holdoff`` exports.

Run: python -m tools.written
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import holdoff

HEAD: Final = """\
<!-- Made by `python -m tools.written` from the docstrings. Edit those. -->

# The Python API

All names here are of `holdoff` itself: `import holdoff`, then `holdoff.Gate`. Durations are seconds or texts such as
`"10m"`. Instants are ISO 8601, aware `datetime`s or epoch seconds; where a name ends with `_ms` they are epoch
milliseconds.

```python
import holdoff

gate = holdoff.Gate("site", policy=holdoff.Policy("10m"), starter=holdoff.starters.Command(["make", "site"]))
decision = gate.trigger(reason="edited")
print(decision)  # "site started: build ..."; within ten minutes "site deferred: last built ..."
if decision.build_id:
    gate.wait(decision.build_id)  # until the command has ended
```

"""
FIRST: Final = ("Gate", "Policy", "Decision", "Outcome", "Why", "Request", "open_store", "Status", "WakeLoop")
THEN: Final = ("Starter", "starters", "Store", "testing")
#: The titles of a docstring's sections, where they differ. A section is a list.
TITLES: Final = {"Args": "Arguments"}
SECTION: Final = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")


def page() -> str:
    errors = [name for name in holdoff.__all__ if name not in {*FIRST, *THEN, "HoldoffError"}]
    parts = [HEAD]
    for name in (*FIRST, *THEN):
        parts += _named(name, getattr(holdoff, name))
    parts.append("## Errors\n\nEvery one is a `HoldoffError`, and says what to do next in `hint`.\n\n")
    for name in ("HoldoffError", *errors):
        parts += [f"### `{name}`\n\n", *_base(getattr(holdoff, name)), *_text(getattr(holdoff, name))]
    return "".join(parts).rstrip() + "\n"


def _named(name: str, thing: Any) -> Iterator[str]:
    yield f"## `{name}`\n\n"
    if inspect.ismodule(thing):
        yield from _text(thing)
        for inner in thing.__all__:
            if not hasattr(holdoff, inner):
                yield f"### `{name}.{inner}`\n\n"
                yield from _signature(f"{name}.{inner}", getattr(thing, inner))
                yield from _text(getattr(thing, inner))
        return
    if getattr(thing, "_is_protocol", False):  # the top of its file says what an implementation must do
        yield from _text(inspect.getmodule(thing))
    yield from _signature(name, thing)
    yield from _text(thing)
    if isinstance(thing, type) and issubclass(thing, enum.Enum):
        yield "".join(f"* `{one.name}`: `{one.value!r}`\n" for one in thing) + "\n"
    elif isinstance(thing, type):
        yield from _members(name, thing)


def _members(name: str, thing: type) -> Iterator[str]:
    for member, value in vars(thing).items():
        if member.startswith("_"):
            continue
        if isinstance(value, property) and value.fget is not None:
            yield f"### `{name}.{member}`\n\n"
            yield from _text(value.fget)
        elif isinstance(value, (staticmethod, classmethod)) or inspect.isfunction(value):
            yield f"### `{name}.{member}()`\n\n"
            yield from _signature(member, getattr(thing, member), of_class=True)
            yield from _text(value)


def _signature(name: str, thing: Any, *, of_class: bool = False) -> Iterator[str]:
    """A signature; a long one has one argument a line."""
    if getattr(thing, "_is_protocol", False) or (isinstance(thing, type) and issubclass(thing, enum.Enum)):
        return
    signature = inspect.signature(thing)
    if "in_order" in signature.parameters:  # a Value: its docstring lists its attributes
        return
    given = [one for one in signature.parameters.values() if not (of_class and one.name == "self")]
    words = [_shown(str(one)) for one in given]
    at = next((n for n, one in enumerate(given) if one.kind is one.KEYWORD_ONLY), None)
    if at is not None and not any(one.kind is one.VAR_POSITIONAL for one in given):
        words.insert(at, "*")
    returns = "" if signature.return_annotation in (inspect.Signature.empty, None) else signature.return_annotation
    arrow = f" -> {returns}" if returns and not isinstance(thing, type) else ""
    line = f"{name}({', '.join(words)}){arrow}"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){arrow}"
    yield f"```text\n{line}\n```\n\n"


def _shown(parameter: str) -> str:
    """An argument as in the source."""
    return re.sub(r"<function .* at \w+>", "...", re.sub(r": '([^']*)'", r": \1", parameter))


def _base(error: type) -> Iterator[str]:
    base = error.__bases__[0].__name__
    if base in holdoff.__all__:
        yield f"A [`{base}`](#{base.lower()}). "


def _text(thing: Any) -> Iterator[str]:
    """A docstring as Markdown."""
    yield "".join(_blocks(inspect.getdoc(thing) or "")).replace("``", "`") + "\n"


def _blocks(doc: str) -> Iterator[str]:
    section = ""
    for line in doc.splitlines():
        if match := SECTION.match(line):
            section = match[1]
            yield f"*{TITLES.get(section, section)}*\n\n"
        elif section and line.startswith("    "):
            yield _entry(section, line[4:])
        elif line.startswith(">>>"):
            yield f"    {line}\n"
        else:
            section = "" if line else section
            yield f"{line}\n"


def _entry(section: str, line: str) -> str:
    """A line of a list: a new entry, or the continuation of an entry."""
    name, colon, words = line.partition(": ")
    if colon and not line.startswith(" ") and section not in {"Returns", "Yields"}:
        return f"* `{name}`: {words}\n"
    return f"  {line.strip()}\n" if section not in {"Returns", "Yields"} else f"{line.strip()}\n"
