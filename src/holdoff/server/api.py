"""The API, ``/api/v1``: one row for each operation. Its route, its checks and its description are made from the row.

The inputs come in a query or in a JSON object. This file checks only their names and types; ``Request``, ``Gate`` and
the other classes that take them check their values. A caller with the scope ``trigger`` has the rights of an event from
outside (``events.powers``): it triggers the project's own gate, sets only the variables that the project lists, and
forces a build only if the project allows that. A caller with ``operate`` may use every input.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from anyio.to_thread import run_sync
from starlette.requests import Request as Asks
from starlette.responses import Response
from starlette.routing import Route

from holdoff.core.errors import ConfigError
from holdoff.core.request import MAX_BUILD_ID, MAX_EVENT_ID, MAX_LINE, MAX_VERSION, Request, check_note, first_line
from holdoff.core.units import iso, parse_instant
from holdoff.core.value import Value
from holdoff.gate import Gate
from holdoff.ingress.dispatch import Answer
from holdoff.ingress.events import powers
from holdoff.ingress.events.intents import Draft
from holdoff.ingress.events.message import Origin
from holdoff.ingress.webhook import has_put_off
from holdoff.observe import explain as answers
from holdoff.server.access import Caller, check_origin
from holdoff.server.bodies import query_of, read_object
from holdoff.server.problems import Problem, as_json
from holdoff.server.site import Site

AT: Final = "/api/v1"
MOST_BODY: Final = 262_144
MOST_BUILDS: Final = 200
Inputs = dict[str, Any]


def text(most: int, says: str) -> dict[str, Any]:
    """The schema of a text that ``core.request.check_note`` accepts, or null."""
    plain_text = {"minLength": 1, "maxLength": most, "pattern": "^[^\\x00-\\x1f\\x7f]+$"}
    return {"type": ["string", "null"], **plain_text, "description": says}


def note(says: str) -> dict[str, Any]:
    """The schema of a text for people to read. Of a longer one, such as a commit's message, the first line is kept."""
    return {"type": ["string", "null"], "description": says}


def flag(says: str) -> dict[str, Any]:
    return {"type": "boolean", "description": says}


def pairs(says: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"type": "string"}, "description": says}


NOT_NULL: Final = {"type": "string"}
#: A key's mark must not stand at the end, as in ``core.request.GateKey``.
ANY_PROJECT: Final = text(500, "the project's name") | {"pattern": "^(?!.[^@]*@$)[^\\x00-\\x1f\\x7f]+$"}
NO_SLASH: Final = {"pattern": "^[^\\x00-\\x1f\\x7f#/]+$"}
#: The inputs with the schema of a ``note``.
NOTES: Final = ("reason", "why", "by", "detail")
WHY: Final = note("for those who ask later")
BY: Final = note("for whom the caller acts; the caller's own name is noted, too")
GATE: Final[dict[str, dict[str, Any]]] = {
    "project": ANY_PROJECT | NOT_NULL,
    "key": text(200, "the gate of this key of the project (a branch, a customer), whose name has none"),
    "region": text(200, "the gate's region; the project's or the store's unless given") | NO_SLASH,
}  # fmt: skip


class Operation(Value):
    """One operation."""

    method: str
    path: str
    scope: str  #: the scope that its caller needs
    inputs: dict[str, dict[str, Any]]  #: their schemas by name; a GET takes them in the query, a POST in the body
    act: Callable[[Site, Caller, Inputs], Answer]  #: carries it out, in a thread
    needs: tuple[str, ...] = ()  #: the inputs that must be there
    statuses: tuple[int, ...] = (200,)  #: of its answers without a problem


# --- looking ---------------------------------------------------------------------------------------------------------


def status(site: Site, _caller: Caller, asked: Inputs) -> Answer:
    """What the gates are doing, as ``holdoff status --json`` prints it."""
    found = site.statuses(asked.get("project"))
    if asked.get("project") and not found:
        raise Problem(404, "no such gate")
    return {"gates": [one.to_dict() for one in found], "store": site.store.url, "at": iso(site.now_ms())}


def explain(site: Site, _caller: Caller, asked: Inputs) -> Answer:
    """Why did(n't) my build run?"""
    named = [name for name in ("decision", "event_id", "source_version") if asked.get(name)]
    if len(named) > 1:
        raise Problem(422, f"give only one of {' and '.join(named)}")
    if named == ["decision"]:
        key, token = answers.parse_decision_id(asked["decision"])
        return answers.explain(site.scene(site.key(key.name, key.key, key.region)), token=token).to_dict()
    if not asked.get("project"):
        raise Problem(422, "the project is missing, or the id of a decision")
    scene = site.scene(site.key_of(asked))
    return answers.explain(scene, event=asked.get("event_id"), version=asked.get("source_version")).to_dict()


def history(site: Site, _caller: Caller, asked: Inputs) -> Answer:
    """The builds, the newest first, with what each covered."""
    scene = site.scene(site.key_of(asked))
    return {"builds": [answers.build_to_dict(build) for build in scene.builds(asked.get("limit", 20))]}


# --- doing -----------------------------------------------------------------------------------------------------------


def trigger(site: Site, caller: Caller, asked: Inputs) -> Answer:
    """Ask for a build. The decision is in the store before the answer; the start may still be under way."""
    key = site.config.key(asked["project"], asked.get("key"), asked.get("region"), site.store)
    if key.name not in site.config.projects:
        raise Problem(404, f"{key.name}: no such project in holdoff.toml")
    at, forced = asked.pop("at", None), asked.pop("force", False)
    names = {"project": key.name, "key": key.key, "region": key.region, "by": caller.says(asked.get("by"))}
    instant_ms = None if at is None else parse_instant(at, field="at")
    request = Request(**asked | names, forced=forced, at_ms=instant_ms)
    project, own = site.config.projects[key.name], site.dispatch.routes.own_gate(key.name)
    draft = Draft(environment=dict(request.environment), forced=forced, region=key.region, key=key.key)
    powers.check(Origin(outside="operate" not in caller.scopes), draft, None, project, own.region)
    return site.dispatch.trigger(request, "api").to_dict()


def finished(site: Site, caller: Caller, asked: Inputs) -> Answer:
    """Report that a build ended. A repeated report changes nothing."""
    how: Any = {name: asked.get(name) for name in ("succeeded", "detail", "exit_status")}
    key = site.key_of(asked)
    build_id = asked["build_id"]

    def end(gate: Gate) -> tuple[bool, bool]:
        is_newest = gate.finished(build_id, **how)
        return is_newest, is_newest or gate.has_build(build_id)

    is_newest, is_known = site.edit("finished", key, caller.name, end)
    message = "noted" if is_newest else "this is not the build that runs; its end is kept in the history"
    if not is_known:
        message = "no build with this id is known here; if a start is under way, the end is kept for its build"
    return {"finished": is_newest, "build_id": build_id, "message": message}


def hold(site: Site, caller: Caller, asked: Inputs) -> Answer:
    """Let nothing start for now. Triggers stay pending."""
    return _edited("hold", site, caller, asked, why=asked["why"], duration=asked.get("duration"))


def resume(site: Site, caller: Caller, asked: Inputs) -> Answer:
    """End a hold."""
    return _edited("resume", site, caller, asked, why=asked.get("why"))


def reset(site: Site, caller: Caller, asked: Inputs) -> Answer:
    """End a cooldown."""
    drop = {name: asked.get(name, False) for name in ("drop_pending", "drop_claim")}
    return _edited("reset", site, caller, asked, why=asked.get("why"), **drop)


def _edited(what: str, site: Site, caller: Caller, asked: Inputs, **how: object) -> Answer:
    key, by = site.key_of(asked), caller.says(asked.get("by"))
    site.edit(what, key, by, lambda gate: getattr(gate, what)(by=by, **how))
    return site.scene(key).status.to_dict()


def letters(site: Site, _caller: Caller, _asked: Inputs) -> Answer:
    """Webhooks that could not be carried out, the oldest first."""
    return {"dead_letters": [site.letters.about(id_) for id_ in site.letters.ids()]}


def letter(site: Site, _caller: Caller, asked: Inputs) -> Answer:
    """One dead letter: the webhook as it came, without its secrets."""
    return site.letters.about(asked["id"]) | {"letter": site.letters.read(asked["id"])}


def retry(site: Site, _caller: Caller, asked: Inputs) -> Answer:
    """Carry out a dead letter again, with the rights of its webhook. It is deleted unless that fails."""
    return site.retry(asked["id"])


_LETTER: Final = {"id": {"type": "string", "description": "the letter's id, from the list"}}
_VERSION: Final = text(MAX_VERSION, "what to build: a commit, a tag")
_EVENT: Final = text(MAX_EVENT_ID, "the event behind it; a second trigger with this id is a duplicate")
OPERATIONS: Final = (
    Operation(method="GET", path="/status", scope="look", act=status,
              inputs={"project": ANY_PROJECT | {"description": "only the gates of this project; all unless given"}}),
    Operation(method="GET", path="/explain", scope="look", act=explain,
              inputs={**GATE, "project": ANY_PROJECT, "decision": text(4_000, "the id of a decision"),
                      "event_id": _EVENT, "source_version": _VERSION}),
    Operation(method="GET", path="/history", scope="look", act=history, needs=("project",),
              inputs={**GATE, "limit": {"type": "integer", "minimum": 1, "maximum": MOST_BUILDS,
                                        "description": "how many builds, the newest first; 20 unless given"}}),
    Operation(method="POST", path="/trigger", scope="trigger", act=trigger, needs=("project",),
              statuses=(200, 202), inputs={
                  **GATE, "reason": note("why, for people to read"), "source_version": _VERSION,
                  "event_id": _EVENT, "by": BY,
                  "environment": pairs("variables for the build; without operate, only those that the project allows"),
                  "secondary_versions": pairs("the version of each of the build's other sources, by its identifier"),
                  "force": flag("start now, in spite of any wait; without operate, if the project allows it"),
                  "line": text(MAX_LINE, "the line on which versions follow one another: a branch"),
                  "at": {"type": ["string", "number", "null"], "description": "when it happened, by its source"},
                  "parent": text(MAX_VERSION, "the version before, on the same line")}),
    Operation(method="POST", path="/finished", scope="trigger", act=finished,
              needs=("project", "build_id", "succeeded"),
              inputs={**GATE, "build_id": text(MAX_BUILD_ID, "as `history` shows it") | NOT_NULL,
                      "succeeded": flag("whether the build succeeded"),
                      "detail": note("how it ended, in words"),
                      "exit_status": {"type": ["integer", "null"], "description": "the status of a command"}}),
    Operation(method="POST", path="/hold", scope="operate", act=hold, needs=("project", "why"),
              inputs={**GATE, "why": WHY | NOT_NULL, "by": BY,
                      "duration": {"type": ["string", "number", "null"], "description": "such as '2h', or seconds"}}),
    Operation(method="POST", path="/resume", scope="operate", act=resume, needs=("project",),
              inputs={**GATE, "why": WHY, "by": BY}),
    Operation(method="POST", path="/reset", scope="operate", act=reset, needs=("project",),
              inputs={**GATE, "why": WHY, "by": BY, "drop_pending": flag("drop what is pending: it is not built"),
                      "drop_claim": flag("give up a start that cannot be finished; its build may exist")}),
    Operation(method="GET", path="/dead-letters", scope="operate", act=letters, inputs={}),
    Operation(method="GET", path="/dead-letters/{id}", scope="operate", act=letter,
              inputs=_LETTER),
    Operation(method="POST", path="/dead-letters/{id}/retry", scope="operate", act=retry,
              statuses=(200, 202), inputs=_LETTER),
)  # fmt: skip


def routes(site: Site) -> list[Route]:
    return [Route(AT + one.path, partial(_answer, site, one), methods=[one.method]) for one in OPERATIONS]


async def _answer(site: Site, operation: Operation, asks: Asks) -> Response:
    caller = site.guard.caller(asks).needs(operation.scope)
    if operation.method == "GET":
        asked: Inputs = query_of(asks)
    else:
        check_origin(asks)
        asked = await read_object(asks, MOST_BODY)
    done = await run_sync(carried_out, site, operation, caller, asked | asks.path_params)
    return as_json(done, 202 if has_put_off(done) else 200)


def carried_out(site: Site, operation: Operation, caller: Caller, asked: Inputs) -> Answer:
    """The answer of an operation. Raises Problem or HoldoffError if it was not carried out."""
    try:
        return operation.act(site, caller, _checked(operation, asked))
    except ConfigError as error:
        raise Problem.of_input(error) from None


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float), "object": (dict,),
    "null": (type(None),),
}  # fmt: skip


def _checked(operation: Operation, asked: Inputs) -> Inputs:
    """The inputs. One that is missing, unknown or of another type raises Problem; a text that is too long or not
    printable raises ConfigError."""
    schemas = operation.inputs
    for name in asked:
        if name not in schemas:
            raise Problem(422, f"an input is not known; the inputs are {', '.join(schemas) or 'none'}", field=name[:80])
    for name in operation.needs:
        if asked.get(name) is None:
            raise Problem(422, f"{name} is missing", field=name)
    return {name: _typed(name, value, schemas[name]) for name, value in asked.items()}


def _typed(name: str, value: Any, schema: dict[str, Any]) -> Any:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kinds == ["integer"] and isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)  # in a query every value is a text
    is_flag = isinstance(value, bool)
    is_typed = any(isinstance(value, _TYPES[kind]) and is_flag is (kind == "boolean") for kind in kinds)
    span = f", from {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else ""
    if not is_typed or (span and not schema["minimum"] <= value <= schema["maximum"]):
        raise Problem(422, f"{name} must be of type {' or '.join(kinds)}{span}", field=name)
    if "maxLength" in schema:
        check_note(name, value, schema["maxLength"])
    return first_line(value) if name in NOTES else value
