"""The API: what each operation answers, what it refuses, and that its description is true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from holdoff.core.errors import RecordInvalid, StoreUnavailable
from holdoff.core.record import Claim, Pending, Record
from holdoff.core.request import GateKey, Request
from holdoff.server.api import OPERATIONS, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.conftest import Served

SITE = {"project": "site"}
#: A call of each operation that is as it should be.
CALLS: dict[str, tuple[str, str, Any]] = {
    "status": ("GET", "/status", None),
    "explain": ("GET", "/explain?project=site", None),
    "history": ("GET", "/history?project=site", None),
    "trigger": ("POST", "/trigger", SITE),
    "finished": ("POST", "/finished", SITE | {"build_id": "b0", "succeeded": True}),
    "hold": ("POST", "/hold", SITE | {"why": "incident 42"}),
    "resume": ("POST", "/resume", SITE),
    "reset": ("POST", "/reset", SITE),
    "letters": ("GET", "/dead-letters", None),
    "letter": ("GET", "/dead-letters/01M8GXEE3MMQ7XD2FSXHR7DFGV", None),
    "retry": ("POST", "/dead-letters/01M8GXEE3MMQ7XD2FSXHR7DFGV/retry", None),
}


def problem(answer: Any) -> tuple[int, str]:
    """The status and the words of a problem, which must be one."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["status"] == answer.status_code
    assert told["title"]
    return answer.status_code, told["detail"]


# --- what each answers -----------------------------------------------------------------------------------------------


def test_a_note_of_many_lines_keeps_its_first(served: Served) -> None:
    """A commit's message must not refuse a build, nor a build's output its end."""
    message = "\nfix: the\ttitle " + "x" * 300 + "\n\nbody"
    started = served.api("POST", "/trigger", SITE | {"reason": message})
    served.api("POST", "/finished", SITE | {"build_id": "b0", "succeeded": False, "detail": message})
    (build,) = served.api("GET", "/history?project=site").json()["builds"]

    kept = f"fix: the title {'x' * 184}…"
    assert (started.status_code, build["detail"]) == (200, kept)
    assert build["covers"]["reasons"][0].startswith("fix: the title x")
    assert problem(served.api("POST", "/hold", SITE | {"why": " \n"})) == (
        422,
        "why is None; write a reason, for people who ask why nothing builds",
    )


def test_a_build_from_its_trigger_to_its_end(served: Served) -> None:
    asked = {"project": "site", "source_version": "4f2a91c", "event_id": "e1", "line": "main", "reason": "by hand"}
    started = served.api("POST", "/trigger", asked | {"at": "2026-11-28T08:59:00Z", "parent": "81d02be"})
    later = served.api("POST", "/trigger", asked | {"event_id": "e2", "source_version": "9c01d3e", "by": "Ada"})
    again = served.api("POST", "/trigger", asked)
    (docs, site) = served.api("GET", "/status").json()["gates"]
    ended = served.api("POST", "/finished", {"project": "site", "build_id": "b0", "succeeded": False, "exit_status": 2})
    (build,) = served.api("GET", "/history?project=site").json()["builds"]

    assert (started.status_code, started.json()["build_id"]) == (200, "b0")
    assert (later.status_code, later.json()["why"]) == (202, "cooling_down")
    assert (again.status_code, again.json()["why"]) == (200, "duplicate")
    assert (docs["state"], site["running"]["build_id"], site["pending"]["count"]) == ("ready", "b0", 1)
    assert ended.json() == {"finished": True, "build_id": "b0", "message": "noted"}
    assert (build["succeeded"], build["exit_status"], build["covers"]["reasons"]) == (False, 2, ["by hand"])
    assert served.site.store.get(GateKey("site", "local")).pending.request.by == "Ada (all)"  # type: ignore[union-attr]


def test_why_did_not_my_build_run(served: Served) -> None:
    decision = served.api("POST", "/trigger", SITE | {"event_id": "e1", "source_version": "v1"}).json()["id"]
    served.api("POST", "/trigger", SITE | {"event_id": "e2", "source_version": "v2"})

    def verdict(asked: str) -> str:
        told: str = served.api("GET", f"/explain?{asked}").json()["verdict"]
        return told

    assert verdict("project=site") == "cooling_down"
    assert verdict("project=site&event_id=e1") == "covered"
    assert verdict("project=site&source_version=v2") == "pending"
    assert verdict(f"decision={quote(decision, safe='')}") == "started"


def test_the_callers_own_name_is_noted_however_long_the_other_is(served: Served) -> None:
    held = served.api("POST", "/hold", {"project": "site", "why": "x", "by": "a" * 200})

    assert held.json()["hold"]["by"] == "a" * 194 + " (all)"


def test_a_hold_reads_no_other_gate(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """On DynamoDB a look at all gates is a scan."""
    monkeypatch.setattr(served.site.store, "gates", None)

    assert served.api("POST", "/hold", {"project": "site", "why": "x"}).json()["state"] == "held"


def test_a_hold_until_it_is_ended(served: Served) -> None:
    held = served.api("POST", "/hold", SITE | {"why": "incident 42", "duration": "2h", "by": "Ada"})
    waits = served.api("POST", "/trigger", SITE)
    resumed = served.api("POST", "/resume", SITE | {"why": "mended"})

    assert (held.json()["state"], held.json()["hold"]["by"]) == ("held", "Ada (all)")
    assert (waits.status_code, waits.json()["why"]) == (202, "held")
    assert (resumed.json()["state"], resumed.json()["hold"]) == ("pending", None)
    assert [line["event"] for line in served.lines] == ["hold", "decision", "resume"]
    assert served.lines[0]["by"] == "Ada (all)"


def test_a_reset_frees_a_gate_and_drops_what_waits(served: Served) -> None:
    served.api("POST", "/trigger", SITE)
    served.api("POST", "/trigger", SITE)
    reset = served.api("POST", "/reset", SITE | {"drop_pending": True}).json()

    assert (reset["state"], reset["pending"]) == ("ready", None)


def test_a_start_that_cannot_be_finished_is_given_up(served: Served) -> None:
    key = GateKey("site", "local")
    covers = Pending(request=Request(project="site", region="local"), count=1, first_ms=1, last_ms=1)
    claim = Claim(token="T", claimed_ms=1, held_ms=1, lease_until_ms=2, covers=covers)
    served.site.store.swap(key, expected=Record(), new=Record(lastbuild=None, claim=claim).swapped("AAAAAAA"))
    served.api("POST", "/reset", SITE | {"drop_claim": True})

    assert served.site.store.get(key).claim is None


def test_an_end_is_told_whose_it_is(served: Served) -> None:
    def end(build_id: str) -> tuple[bool, str]:
        asked = {"project": "site", "build_id": build_id, "succeeded": True, "detail": "by its script"}
        told = served.api("POST", "/finished", asked).json()
        return told["finished"], told["message"]

    for _ in range(2):
        served.api("POST", "/trigger", SITE | {"force": True})
        served.clock.advance("1s")
    newest, before = served.api("GET", "/history?project=site&limit=2").json()["builds"]

    assert (newest["build_id"], before["build_id"]) == ("b1", "b0")
    assert end("b1") == (True, "noted")
    assert end("b0") == (False, "this is not the build that runs; its end is kept in the history")
    assert end("other")[1].startswith("no build with this id is known here")
    (newest,) = served.api("GET", "/history?project=site&limit=1").json()["builds"]
    assert (newest["build_id"], newest["detail"]) == ("b1", "by its script")


def test_a_gate_of_a_key_is_named_in_the_body(served: Served) -> None:
    """Keys and projects may hold slashes."""
    keyed = SITE | {"key": "feature/x"}
    started = served.api("POST", "/trigger", keyed | {"force": True, "environment": {"STAGE": "x"}})
    (gate,) = served.api("GET", "/status?project=site@feature/x").json()["gates"]

    assert started.json()["project"] == gate["project"] == "site@feature/x"
    assert served.api("GET", "/history?project=site&key=feature/x").json()["builds"][0]["build_id"] == "b0"


def test_a_gate_that_cannot_be_read_hides_no_other(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    store = served.site.store
    spoilt = RecordInvalid("its lastbuild is no number")
    monkeypatch.setattr(store, "gates", lambda _=None: iter([(GateKey("docs", "local"), spoilt)]))
    gates = served.api("GET", "/status").json()["gates"]

    assert [gate["state"] for gate in gates] == ["unreadable", "ready"]


def test_a_gate_that_is_only_in_the_store_can_be_held(served: Served) -> None:
    store, key = served.site.store, GateKey("old", "local")
    store.swap(key, expected=Record(), new=Record(lastbuild=None, due_ms=1).swapped("AAAAAAA"))

    assert served.api("POST", "/hold", {"project": "old", "why": "x"}).json()["state"] == "held"
    assert problem(served.api("POST", "/trigger", {"project": "old"}))[0] == 404


# --- what each refuses -----------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[int, str, tuple[str, str, Any]]] = {
    "unknown project": (404, "no such", ("POST", "/trigger", {"project": "sit"})),
    "unknown gate": (404, "no such gate", ("POST", "/hold", {"project": "sit", "why": "x"})),
    "unknown gate, looked at": (404, "no such gate", ("GET", "/explain?project=sit", None)),
    "unknown project, looked at": (404, "no such gate", ("GET", "/status?project=sit", None)),
    "no project": (422, "project is missing", ("POST", "/trigger", {})),
    "two keys": (422, "write the key once", ("POST", "/trigger", {"project": "site@x", "key": "y"})),
    "unknown input": (422, "an input is not known", ("POST", "/trigger", SITE | {"sourceversion": "v1"})),
    "wrong type": (422, "force must be of type boolean", ("POST", "/trigger", SITE | {"force": "yes"})),
    "true is no number": (422, "at must be", ("POST", "/trigger", SITE | {"at": True})),
    "too long": (422, "1 to 200 characters", ("POST", "/trigger", SITE | {"source_version": "x" * 201})),
    "control characters": (422, "without control characters", ("POST", "/trigger", SITE | {"line": "a\nb"})),
    "half a character": (422, "without control characters", ("POST", "/trigger", SITE | {"line": "\ud800"})),
    "no instant": (422, "at is", ("POST", "/trigger", SITE | {"at": "soon"})),
    "no variable": (422, "environment", ("POST", "/trigger", SITE | {"environment": {"A B": "x"}})),
    "no text": (422, "environment", ("POST", "/trigger", SITE | {"environment": {"A": 1}})),
    "forbidden variable": (403, "no event may set", ("POST", "/trigger", SITE | {"environment": {"PATH": "x"}})),
    "no duration": (422, "duration is", ("POST", "/hold", SITE | {"why": "x", "duration": "a while"})),
    "no reason": (422, "why is missing", ("POST", "/hold", SITE)),
    "two questions": (422, "give only one of", ("GET", "/explain?project=site&event_id=x&source_version=y", None)),
    "no decision": (422, "decision", ("GET", "/explain?decision=x", None)),
    "no question": (422, "project is missing", ("GET", "/explain", None)),
    "no limit": (422, "limit must be of type integer, from 1 to 200", ("GET", "/history?project=site&limit=0", None)),
    "a limit below": (
        422,
        "limit must be of type integer, from 1 to 200",
        ("GET", "/history?project=site&limit=-1", None),
    ),
    "a limit far beyond": (422, "from 1 to 200", ("GET", f"/history?project=site&limit={10**20}", None)),
    "twice": (422, "twice", ("GET", "/history?project=site&project=docs", None)),
    "a list": (422, "JSON object", ("POST", "/trigger", [])),
    "no letter": (404, "no id", ("GET", "/dead-letters/..%5Ctokens", None)),
    "no letter, above": (404, "no such page", ("GET", "/dead-letters/..%2ftokens", None)),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_wrong_is_told(served: Served, name: str) -> None:
    status, words, (method, path, body) = REFUSED[name]
    got, said = problem(served.api(method, path, body))

    assert (got, words in said) == (status, True), said


def test_no_input_of_a_query_is_null(served: Served) -> None:
    """A query has no null: a client that is made from the description would have to send one."""
    paths = served.client.get("/api/v1/openapi.json").json()["paths"]
    inputs = [one for path in paths.values() for one in path.get("get", {}).get("parameters", ())]
    assert {one["schema"]["type"] for one in inputs} == {"string", "integer"}
    assert [one["name"] for one in inputs if one["in"] == "path"] == ["id"]
    assert "id" not in [one["name"] for one in inputs if one["in"] == "query"]


NEEDED = [(one, name) for one in OPERATIONS if one.method == "POST" for name in one.needs]
BODY = {"project": "site", "build_id": "b1", "succeeded": True, "why": "x"}


@pytest.mark.parametrize(("operation", "name"), NEEDED, ids=[f"{one.path[1:]} {name}" for one, name in NEEDED])
def test_an_input_that_is_needed_is_asked_for(served: Served, operation: Operation, name: str) -> None:
    body = {needed: BODY[needed] for needed in operation.needs if needed != name}

    assert problem(served.api("POST", operation.path, body)) == (422, f"{name} is missing")


def test_what_a_report_of_an_end_needs(served: Served) -> None:
    (finished,) = (one for one in OPERATIONS if one.path == "/finished")
    assert finished.needs == ("project", "build_id", "succeeded")


def test_a_body_must_be_json_that_says_so(served: Served) -> None:
    """A form is what any page on the web can have a browser send."""
    form = served.api("POST", "/trigger", headers={"content-type": "text/plain"}, content=b'{"project": "site"}')
    broken = served.api("POST", "/trigger", headers={"content-type": "application/json"}, content=b"{")
    large = served.api("POST", "/trigger", headers={"content-type": "application/json"}, content=b" " * 300_000)

    assert [problem(one)[0] for one in (form, broken, large)] == [415, 400, 413]


def test_a_store_that_does_not_answer_is_a_503(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> Any:
        raise StoreUnavailable("it did not answer", hint="Try again")

    for name in ("get", "item", "swap", "gates"):
        monkeypatch.setattr(served.site.store, name, away)
    answers = [served.api(*CALLS[name][:2], CALLS[name][2]) for name in ("status", "trigger", "hold", "explain")]

    assert [problem(one) for one in answers] == [(503, "it did not answer. Try again")] * 4
    assert {one.headers["retry-after"] for one in answers} == {"30"}
    assert served.client.get("/readyz").status_code == 503
    assert served.client.get("/healthz").status_code == 200


def test_what_is_broken_here_tells_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.site, "statuses", lambda _=None: 1 / 0)

    assert problem(served.api("GET", "/status")) == (500, "an internal error of this server; its log says more")
    assert served.lines[-1]["message"] == "division by zero"


def test_unknown_pages_and_methods_are_problems(served: Served) -> None:
    assert problem(served.api("GET", "/nothing"))[0] == 404
    assert problem(served.api("DELETE", "/hold")) == (405, "this takes POST")


# --- scopes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.act.__name__)
def test_each_needs_its_scope(served: Served, operation: Any) -> None:
    method, path, body = CALLS[operation.act.__name__]
    tokens = {scope: served.site.guard.tokens.new(scope, [scope]) for scope in ("look", "trigger", "operate")}
    refused = {scope for scope, token in tokens.items() if served.api(method, path, body, token).status_code == 403}

    assert refused == set(tokens) - {operation.scope}
    assert problem(served.client.request(method, f"/api/v1{path}", json=body))[0] == 401


def test_a_gate_that_cannot_be_read_keeps_no_server_from_being_ready(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a gate with the name that is asked for: the store has answered."""

    def spoilt(_key: GateKey) -> Any:
        raise RecordInvalid("holdoff (local) cannot be read")

    monkeypatch.setattr(served.site.store, "get", spoilt)
    assert served.client.get("/readyz").status_code == 200


# --- its description -------------------------------------------------------------------------------------------------


def test_every_operation_is_described(served: Served) -> None:
    told = served.client.get("/api/v1/openapi.json").json()
    paths = {path.removeprefix("/api/v1"): set(methods) for path, methods in told["paths"].items()}

    assert paths == {one.path: {one.method.lower()} for one in OPERATIONS}


@pytest.mark.slow
def test_schemathesis_finds_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the description says is taken is taken, what it says is answered is answered, and there is no 500."""
    import schemathesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    monkeypatch.setattr("holdoff.server.access.MOST_FAILURES", 10**9)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", served.app)
    operations: list[Any] = [one.ok() for one in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) == len(OPERATIONS)
    headers = {"Authorization": f"Bearer {served.token}"}
    few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    modes = schemathesis.GenerationMode
    for operation in operations:
        # A schema does not say what an instant or a variable is, and that one question will do.
        is_more = operation.definition.raw["operationId"] in {"explain", "trigger", "hold"}
        more = [positive_data_acceptance] if is_more else []
        for mode in (modes.POSITIVE, modes.NEGATIVE):

            @few
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Any) -> None:
                asked = case.body if isinstance(case.body, dict) else case.query or {}
                # Nor does a schema say that a project with a key in its name takes no other.
                assume(asked.get("key") is None or "@" not in str(asked.get("project"))[1:])
                case.call_and_validate(headers=headers, excluded_checks=more)  # noqa: B023

            call()


# --- a fuzzer over every route ---------------------------------------------------------------------------------------

ROUTES = ("/hooks/site", "/hooks/", "/healthz", "/readyz", "/metrics", *(f"/api/v1{one.path}" for one in OPERATIONS))
NAMES = sorted({name for one in OPERATIONS for name in one.inputs})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["site", "docs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["content-type", "content-encoding", "x-github-event", "x-hub-signature-256", "x-holdoff-secret", "cookie",
         "x-forwarded-for", "x-forwarded-user", "origin", "host", "accept", "authorization",
         "sec-fetch-site", "x-gitlab-token"]
    ),
    st.sampled_from(["application/json", "gzip", "push", "in-the-url-7f3a", "for docs alone", "holdoff=x", "null", "["])
    | st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=12),
    max_size=4,
)  # fmt: skip


@pytest.fixture
def open_to_all(serve: Callable[..., Served]) -> Served:
    return serve(anonymous=("look", "trigger", "operate"), user_header="X-Forwarded-User")


def _fit(text: str) -> str:
    return text.encode(errors="replace").decode()


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_breaks_it(open_to_all: Served, data: st.DataObject) -> None:
    served = open_to_all
    path = data.draw(st.sampled_from(ROUTES)) + data.draw(st.sampled_from(["", "/", "/x", "/in-the-url-7f3a", "%00"]))
    query = data.draw(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), st.text(max_size=8), max_size=3))
    body = data.draw(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), JSON, max_size=4) | JSON)
    raw = data.draw(st.just(json.dumps(body).encode()) | st.binary(max_size=20))
    known = data.draw(st.sampled_from([{}, {"authorization": f"Bearer {served.token}"}]))
    headers = {"content-type": "application/json", **known} | data.draw(HEADERS)
    method = data.draw(st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]))
    answer = served.client.request(
        method,
        path,
        params={_fit(name): _fit(value) for name, value in query.items()},
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        content=raw,
    )

    assert answer.status_code != 500, (answer.text, served.lines[-1:])
