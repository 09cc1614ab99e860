"""The API's description (OpenAPI 3.1), made from the table of its operations."""

from __future__ import annotations

import re
from typing import Any, Final

from holdoff import __version__
from holdoff.core.decision import Outcome, Why
from holdoff.server.api import AT, OPERATIONS, Operation

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, and what would be right"},
        "field": {"type": "string", "description": "the input that is wrong"},
        "error": {"type": "string", "description": "the kind of error"},
    },
}
DECISION: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "outcome", "why", "message"],
    "properties": {
        "id": {"type": "string", "description": "the decision's id, for /explain"},
        "outcome": {"enum": [str(one) for one in Outcome]},
        "why": {"enum": [str(one) for one in Why]},
        "build_id": {"type": ["string", "null"], "description": "null while the start is under way"},
        "message": {"type": "string", "description": "the decision as a sentence"},
    },
}
MEANS: Final = {200: "done", 202: "built later, or the start is under way"}
#: The schemas of answers, where there is more to say than that the answer is an object.
_ANSWERS: Final = {
    "/status": {"type": "object", "required": ["gates", "store", "at"]},
    "/explain": {"type": "object", "required": ["subject", "verdict", "answer"]},
    "/history": {"type": "object", "required": ["builds"]},
    "/trigger": {"$ref": "#/components/schemas/Decision"},
    "/finished": {"type": "object", "required": ["finished", "build_id", "message"]},
    "/dead-letters": {"type": "object", "required": ["dead_letters"]},
}


def description() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(AT + one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdoff", "version": __version__, "summary": "Many triggers in, few builds out."},
        "paths": paths,
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": PROBLEM, "Decision": DECISION},
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    in_path = re.findall(r"\{(\w+)\}", one.path)
    answer = {"application/json": {"schema": _ANSWERS.get(one.path, {"type": "object"})}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    said: dict[str, Any] = {
        "operationId": one.act.__name__,
        "summary": (one.act.__doc__ or "").partition("\n")[0],
        "description": f"Needs the scope `{one.scope}`.",
        "responses": {
            **{str(status): {"description": MEANS[status], "content": answer} for status in one.statuses},
            "default": {"description": "a problem (RFC 9457)", "content": problem},
        },
    }  # fmt: skip
    inputs = {name: schema for name, schema in one.inputs.items() if name not in in_path}
    said["parameters"] = [
        {"name": name, "in": "path", "required": True, "schema": one.inputs[name]} for name in in_path
    ]
    if one.method == "GET":
        said["parameters"] += [
            {"name": name, "in": "query", "required": name in one.needs, "schema": _in_query(schema)}
            for name, schema in inputs.items()
        ]
    elif inputs:
        body = {"type": "object", "additionalProperties": False, "required": [*one.needs], "properties": inputs}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return said


def _in_query(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an input in a query. A query has no null, so the first kind counts."""
    kinds = schema["type"]
    return schema | {"type": kinds[0] if isinstance(kinds, list) else kinds}
