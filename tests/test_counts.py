"""What a decision costs, counted and not timed: calls, statements, requests, bytes, modules. A figure that grows by a
tenth fails here; one that shrinks is to be written down, so that it stays so.

A clock is wrong by a tenth on any machine that does other things; these counts are the same everywhere. Calls are those
of Python functions, of the oldest Python that is supported: a newer one makes fewer.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse

import holdoff
from holdoff.aws.client import make_client
from holdoff.core.decision import Outcome, Why
from holdoff.core.pending import single
from holdoff.core.protocol import Snapshot
from holdoff.core.record import Finished, Record
from holdoff.core.request import GateKey, Request
from holdoff.exact_json import dumps
from holdoff.observe.explain import Explanation, Scene, explain_event, explain_gate, explain_version
from holdoff.starters import Call
from holdoff.stores import sqlite
from holdoff.stores.codec import build_to_plain
from holdoff.stores.dynamodb.connection import LIMITS
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.memory import MemoryStore
from holdoff.stores.sqlite import SQLiteStore
from holdoff.stores.sqlite_place import CHANGES
from holdoff.testing import ManualClock
from tests.aws.wire import Wire
from tests.conftest import FAKE_AWS
from tests.scenes import scene_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import FrameType

    from holdoff.stores.base import Store

GROWS: Final = 1.1


def check(name: str, counted: float, figure: float) -> None:
    """Within a tenth of the figure."""
    assert counted <= figure * GROWS, f"{name}: {counted:g}, and was {figure:g}"


class Desk:
    """A gate whose last build has ended, on a clock that the test moves."""

    def __init__(self, store: Store, **policy: Any) -> None:
        self.clock = ManualClock()
        self.store, self.policy = store, holdoff.Policy("10m", **policy)
        self.gate = self.anew()
        for _ in range(20):  # all its registers are full
            self.built()

    def anew(self) -> holdoff.Gate:
        """The gate as a new process has it."""
        return holdoff.Gate(
            "site", store=self.store, policy=self.policy, starter=Call(lambda *_: "b"), clock=self.clock
        )

    def built(self) -> None:
        """One more build, from start to end."""
        self.clock.advance("10m")
        assert self.trigger().outcome is Outcome.STARTED
        self.gate.finished("b", succeeded=True)

    def trigger(self, **more: Any) -> holdoff.Decision:
        """As a webhook's."""
        return self.gate.trigger(reason="push", source_version="4f2a91c", **more)


def calls(act: Callable[[], object]) -> int:
    """How many Python functions it calls, generators' turns included."""
    made = 0

    def saw(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    gc.disable()  # a collection calls what others have asked to be called then
    sys.setprofile(saw)
    try:
        act()
    finally:
        sys.setprofile(None)
        gc.enable()
    return made


#: Calls of Python functions in one decision.
CALLS: Final[Mapping[str, int]] = {
    "started, memory": 309,
    "started, sqlite": 553,
    "deferred, memory": 223,
    "deferred, sqlite": 340,
    "skipped, read, memory": 137,
    "skipped, read, sqlite": 170,
    "skipped": 120,
    "skipped again": 9,
}


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "gates.db")


def _name(store: Store, what: str) -> str:
    return f"{what}, {'sqlite' if isinstance(store, SQLiteStore) else 'memory'}"


def test_calls_of_a_start(store: Store) -> None:
    desk = Desk(store)
    desk.clock.advance("10m")
    name = _name(store, "started")
    check(name, calls(desk.trigger), CALLS[name])


def test_calls_of_a_deferral(store: Store) -> None:
    desk = Desk(store)
    desk.trigger()
    desk.trigger()
    name = _name(store, "deferred")
    check(name, calls(desk.trigger), CALLS[name])


def test_calls_of_a_skip(store: Store) -> None:
    desk = Desk(store, on_cooldown="skip")
    desk.gate = desk.anew()
    name = _name(store, "skipped, read")
    check(name, calls(desk.trigger), CALLS[name])
    number = iter(range(3))
    desk.trigger(event_id="e")
    check("skipped", calls(lambda: desk.trigger(event_id=f"e{next(number)}")), CALLS["skipped"])
    desk.trigger()
    desk.trigger()
    check("skipped again", calls(desk.trigger), CALLS["skipped again"])


#: SQL statements of one decision, and how many of them are commits of a write: each waits for the disk.
STATEMENTS: Final = {
    "started": (16, 2),
    "deferred first": (8, 1),
    "deferred": (8, 1),
    "skipped, read": (7, 0),
}


def _statements(store: SQLiteStore, act: Callable[[], object]) -> tuple[int, int]:
    connection, said = store._connection, list[str]()
    assert connection is not None
    connection.set_trace_callback(said.append)
    act()
    assert store._connection is connection
    # How long it may wait is told to SQLite anew where a millisecond has passed since the last time.
    said = [sql for sql in said if not sql.startswith("PRAGMA busy_timeout")]
    return len(said), said.count("BEGIN IMMEDIATE")


def test_statements(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "gates.db")
    desk = Desk(store)
    desk.clock.advance("10m")
    counted = {"started": _statements(store, desk.trigger), "deferred first": _statements(store, desk.trigger)}
    counted["deferred"] = _statements(store, desk.trigger)
    other = SQLiteStore(tmp_path / "others.db")
    counted["skipped, read"] = _statements(other, Desk(other, on_cooldown="skip").anew().trigger)
    for name, (statements, writes) in counted.items():
        check(f"statements, {name}", statements, STATEMENTS[name][0])
        assert writes <= STATEMENTS[name][1], name


#: Requests to DynamoDB, and the bytes of their bodies, for a gate in use that the process has seen.
REQUESTS: Final = {"started": (2, 3072), "deferred first": (1, 2355)}


class Line:
    """A client whose requests are made whole, and go nowhere; the answer says nothing."""

    def __init__(self) -> None:
        session = botocore.session.get_session()
        keys = {"aws_access_key_id": "A", "aws_secret_access_key": "s"}
        self.client = session.create_client("dynamodb", region_name="eu-west-1", **keys)
        self.client.meta.events.register("before-send.dynamodb", self._sent)
        self.bodies: list[int] = []

    def _sent(self, request: Any, **_: object) -> AWSResponse:
        self.bodies.append(len(request.body))
        return _Answer(request.url, 200, {"x-amzn-RequestId": "R"}, None)


class _Answer(AWSResponse):  # type: ignore[misc]
    content = b"{}"


def test_requests_and_bytes() -> None:
    line, desk = Line(), Desk(MemoryStore())
    record = desk.store.get(desk.gate.key)
    desk.store = DynamoDBStore("builds", region="local", client=line.client)
    desk.gate = desk.anew()
    desk.gate._snapshot = Snapshot(record=record, seen_ms=desk.clock.now_ms())
    desk.clock.advance("10m")
    counted = {}
    for name in ("started", "deferred first"):
        line.bodies.clear()
        desk.trigger(event_id=name)
        counted[name] = (len(line.bodies), sum(line.bodies))
    for name, (requests, size) in counted.items():
        assert requests <= REQUESTS[name][0], name
        check(f"bytes, {name}", size, REQUESTS[name][1])


#: Modules that one decision on SQLite needs: ours, and all.
MODULES: Final = (38, 111)
IMPORTS: Final = """
import sys, holdoff
from holdoff.starters import Call
gate = holdoff.Gate("site", policy=holdoff.Policy("10m"), store=holdoff.open_store("sqlite:///" + sys.argv[1]),
                    starter=Call(lambda *_: "b"))
gate.trigger()
print(sum(name.partition(".")[0] == "holdoff" for name in sys.modules), len(sys.modules))
"""


def test_modules(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-S",
        "-c",
        f"import sys; sys.path[:0] = {sys.path!r}\n{IMPORTS}",
        str(tmp_path / "gates.db"),
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    for name, counted, figure in zip(("ours", "all"), said, MODULES, strict=True):
        check(f"modules, {name}", int(counted), figure)


#: Modules that `holdoff run` needs in front of a command, on SQLite: ours, and all. Each takes a tenth of a millisecond
#: at least, and every command waits for them.
RUN_MODULES: Final = {"starts": (45, 114), "skips": (44, 112)}
PROGRAM: Final = """
import os, sys
end = os._exit  # how the program ends
def told(status):
    print(sum(name.partition(".")[0] == "holdoff" for name in sys.modules), len(sys.modules), flush=True)
    end(status)
os._exit = told
from holdoff.cli import entry
entry()
"""


def test_modules_of_run(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{PROGRAM}"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HOLDOFF_")}  # each is looked at
    plain |= {"HOLDOFF_PROJECT": "site", "HOLDOFF_REASON": "push"}  # but for these: a command that calls Holdoff
    run = ["run", "p", "--cooldown", "1h", "--store", f"sqlite:///{tmp_path}/gates.db", "--", "true"]
    for what, figures in RUN_MODULES.items():
        done = subprocess.run([*command, *run], check=True, capture_output=True, text=True, cwd=tmp_path, env=plain)
        said = done.stdout.split()
        for name, counted, figure in zip(("ours", "all"), said, figures, strict=True):
            check(f"modules of a run that {what}, {name}", int(counted), figure)


#: Modules that the function has loaded when its first event comes, by the lean client: ours, and all.
FUNCTION: Final = (83, 214)
READY: Final = """
import sys, holdoff.ingress.aws_lambda
assert "botocore" not in sys.modules
print(sum(name.partition(".")[0] == "holdoff" for name in sys.modules), len(sys.modules))
"""


def test_modules_of_the_function() -> None:
    settings = {**FAKE_AWS, "AWS_LAMBDA_FUNCTION_NAME": "holdoff", "HOLDOFF_SCHEDULE_ROLE": "arn:aws:iam::1:role/x"}
    said = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{READY}"],
        env=settings | {"HOLDOFF_AWS_CLIENT": "lean"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    for name, counted, figure in zip(("ours", "all"), said, FUNCTION, strict=True):
        check(f"modules of the function, {name}", int(counted), figure)


WRITE: Final[Mapping[str, Any]] = {
    "TableName": "builds",
    "Key": {"cb_project": {"S": "site"}, "region": {"S": "eu-west-1"}},
    "UpdateExpression": "SET a = :a",
    "ExpressionAttributeValues": {":a": {"L": [{"S": str(number)} for number in range(30)]}},
}
#: Calls of Python functions in one request of a store's client, its signature and its answer's head included.
BY: Final = {"lean": 114, "botocore": 1514}


@pytest.mark.parametrize("by", BY)
def test_calls_of_a_request(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FAKE_AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", by)
    with Wire() as wire:
        client = make_client("dynamodb", LIMITS, endpoint=wire.url, lean=lambda _: None)
        client.update_item(**WRITE)
        check(f"a request by {by}", calls(lambda: client.update_item(**WRITE)), BY[by])
        client.close()


def test_a_thousand_gates_take_no_thread() -> None:
    store, before = MemoryStore(), threading.active_count()
    gates = [
        holdoff.Gate(f"p{n}", store=store, policy=holdoff.Policy("10m"), starter=Call(lambda *_: "b"))
        for n in range(1_000)
    ]
    for gate in gates * 3:
        gate.trigger()
    assert threading.active_count() <= before  # one of a test before may end meanwhile


@pytest.mark.parametrize("on_cooldown", ["skip", "defer"])
def test_a_start_that_is_over_is_answered_from_no_memory(store: Store, on_cooldown: Any) -> None:
    """The moment a start is confirmed, other gate objects of the process start the next one."""
    clock, said = ManualClock(), list[Why]()
    policy = holdoff.Policy("0", on_cooldown=on_cooldown)

    def start(_request: object, token: str) -> str:
        if not said:
            said.extend(other.trigger().why for _ in range(3))
        return token

    one, other = (holdoff.Gate("hot", store=store, policy=policy, starter=Call(start), clock=clock) for _ in range(2))
    assert one.trigger().outcome is Outcome.STARTED
    assert set(said) == {Why.CLAIMED}
    assert other.trigger().outcome is Outcome.STARTED


def test_nothing_is_read_through_as_a_whole(tmp_path: Path) -> None:
    """The gates of one project, what is due, the newest builds, and what a new gate sweeps out."""
    store = SQLiteStore(tmp_path / "gates.db")
    Desk(store)
    assert store._connection is not None
    said: list[str] = []
    store._connection.set_trace_callback(said.append)
    assert [key for key, _ in store.gates("site")] == [GateKey("site", "local")]
    list(store.history(GateKey("site", "local"), limit=3))
    list(store.due(5))
    for name in ("goes", "new"):
        store.swap(GateKey(f"site@{name}", "local"), expected=Record(), new=Record(expires_ms=0).swapped("WRITE001"))
    plans = [
        str(row[3], "utf-8")
        for sql in said
        if " FROM " in sql
        for row in store._connection.execute(f"EXPLAIN QUERY PLAN {sql}")
    ]
    assert {"gates_due", "gates_expires", "history_claimed"} <= {word for plan in plans for word in plan.split()}
    assert not [plan for plan in plans if plan.startswith("SCAN") or "TEMP B-TREE" in plan]


#: Builds, or gates, of which a look must not meet each one.
MANY: Final = 500


def _built(n: int) -> tuple[str, str, int, str, str]:
    """A row of the history."""
    request = Request(project="site", region="local", source_version=f"v{n}", event_id=f"e{n}", reason="push")
    covers = single(request, 1_000 + n)
    at_ms = covers.first_ms
    build = Finished(build_id=f"b{n}", token=f"T{n:025}", started_ms=at_ms, claimed_ms=at_ms, covers=covers)
    return "site", "local", at_ms, build.token, dumps(build_to_plain(build))


def test_what_one_asks_about_is_looked_up_among_builds(tmp_path: Path) -> None:
    """A version, an event and the newest few: as many calls as of a gate with ten builds."""
    made = dict[int, int]()
    for number in (10, MANY):
        store, key = SQLiteStore(tmp_path / f"{number}.db"), GateKey("site", "local")
        store.initialise()
        with sqlite3.connect(store.path) as db:
            db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?)", map(_built, range(number)))
        db.close()
        scene = scene_of(store, key, None, 10_000)
        acts: list[tuple[Callable[[Scene, str], Explanation], str, str]] = [
            (explain_version, "v3", "covered"),
            (explain_version, "v", "unknown"),
            (explain_event, "e3", "covered"),
            (explain_event, "e", "unknown"),
        ]
        assert [act(scene, asked).verdict for act, asked, _ in acts] == [verdict for *_, verdict in acts]
        made[number] = calls(lambda: ([act(scene, asked) for act, asked, _ in acts], explain_gate(scene)))  # noqa: B023
        store.close()
    check("explain", made[MANY], made[10])


def test_what_is_due_is_found_without_a_look_at_what_is_not() -> None:
    """In memory; in SQL an index does it."""
    store, run = MemoryStore(), dict[int, int]()
    for n in range(MANY):
        record = Record(due_ms=10_000 + n, expires_ms=None if n % 2 else 20_000 + n).swapped("WRITE001")
        store.swap(GateKey(f"p{n}", "local"), expected=Record(), new=record)
        if n in (9, MANY - 1):
            assert len(list(store.due(10_004))) == 5
            run[n] = opcodes(lambda: store.due(10_004))
    check("due", run[MANY - 1], run[9] + 20 * MANY.bit_length())


def opcodes(act: Callable[[], object]) -> int:
    """How many steps of Python it takes."""
    taken = 0

    def saw(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal taken
        frame.f_trace_opcodes, taken = True, taken + (event == "opcode")
        return saw

    before = sys.gettrace()
    sys.settrace(saw)
    try:
        act()
    finally:
        sys.settrace(before)
    return taken


def test_threads_that_wait_to_write_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen that come while another commits: one commit more."""
    store, write, inside, go_on = (
        SQLiteStore(tmp_path / "gates.db"),
        sqlite._write,
        threading.Event(),
        threading.Event(),
    )

    def slowly(*args: Any) -> None:
        write(*args)
        inside.set()
        go_on.wait(30)

    def swap(n: int) -> None:
        store.swap(GateKey(f"p{n}", "local"), expected=Record(), new=Record(due_ms=n).swapped("WRITE001"))

    store.initialise()
    before = _changes(store)
    monkeypatch.setattr(sqlite, "_write", slowly)
    threads = [threading.Thread(target=swap, args=(n,)) for n in range(17)]
    threads[0].start()
    assert inside.wait(30)
    for thread in threads[1:]:
        thread.start()
    until(lambda: len(store.turns._waiting) == len(threads))
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(list(store.gates())) == 17
    assert _changes(store) - before == 2
    store.close()


def _changes(store: SQLiteStore) -> int:
    """How many commits have changed the file, as it says itself."""
    return int.from_bytes(store.path.read_bytes()[CHANGES])
