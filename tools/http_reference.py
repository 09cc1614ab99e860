"""Makes docs/reference/http.md from the API's description (``holdoff.server.openapi``).

Run: python -m tools.written
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdoff.server.openapi import description

HEAD: Final = """\
<!-- Made by `python -m tools.written` from holdoff.server.openapi. Edit that. -->

# The HTTP API

What `holdoff serve` answers below `/api/v1`. The same as JSON, for programs that make clients, is at
`/api/v1/openapi.json` (OpenAPI {openapi}). [A server of your own](../server.md) has a first try with `curl`, and says
who may do what.

Every request has a token: `Authorization: Bearer TOKEN`. Each operation names the scope that the token needs. An
operation with `GET` takes its inputs in the query, one with `POST` in a JSON object. An input that is not listed
here is refused.

"""
#: An example, which helps more than types.
EXAMPLE: Final = """\
A first request, and its answer. (It has more fields, such as the instants.)

```http
POST /api/v1/trigger HTTP/1.1
Authorization: Bearer TOKEN
Content-Type: application/json

{"project": "site", "reason": "by hand", "source_version": "4f2a91c"}
```

```json
{"id": "site/local/01M82X0000000000000000000A", "outcome": "deferred", "why": "cooling_down", "build_id": null,
 "message": "site deferred: last built 3m12s ago, starts in 6m48s"}
```

"""


def page() -> str:
    api = description()
    parts = [HEAD.format(**api), EXAMPLE]
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            parts += _operation(method.upper(), path, operation)
    parts.append("## Schemas\n\n")
    for name, schema in api["components"]["schemas"].items():
        parts += [f"### {name}\n\n", *_fields(schema)]
    return "".join(parts).rstrip() + "\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    summary = operation["summary"].replace("``", "`")
    yield f"## `{method} {path}`\n\n{summary} {operation['description']}\n\n"
    inputs = {one["name"]: one["schema"] for one in operation["parameters"]}
    needed = [one["name"] for one in operation["parameters"] if one["required"]]
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        inputs |= body["properties"]
        needed += body["required"]
    if inputs:
        yield from _fields({"properties": inputs, "required": needed})
    for status, response in operation["responses"].items():
        if status != "default":
            (content,) = response["content"].values()
            yield f"* **{status}**: {response['description']}{_shape(content['schema'])}\n"
    yield "* any other: [a problem](#problem)\n\n"


def _shape(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"; [{name}](#{name.lower()})"
    fields = ", ".join(f"`{name}`" for name in schema.get("required", ()))
    return f"; an object with {fields}" if fields else ""


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | |\n|---|---|---|\n"
    for name, field in schema["properties"].items():
        must = "**needed**" if name in schema.get("required", ()) else ""
        words = ". ".join(part for part in (must, field.get("description", "")) if part)
        yield f"| `{name}` | {_type(field)} | {words} |\n"
    yield "\n"


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    kinds = field.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
