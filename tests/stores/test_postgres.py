"""The PostgreSQL store where things are not as they should be: on real servers, which stop, freeze, die and fail over.

What every store must promise is in the conformance suite; this is what only a server can do to us.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import holdoff
from holdoff.core.effects import Lost, Swapped
from holdoff.core.errors import (
    ConfigError,
    RecordInvalid,
    StoreDenied,
    StoreError,
    StoreMismatch,
    StoreMissing,
    StoreThrottled,
    StoreUnavailable,
)
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.stores import postgres, postgres_server
from holdoff.stores.base import check_writable
from holdoff.stores.open import open_store
from holdoff.stores.postgres import PostgresStore
from holdoff.stores.postgres_errors import MEANINGS
from holdoff.stores.postgres_server import CONNECTIONS, VERSION, Address, Link
from holdoff.testing import ManualClock
from holdoff.testing.conformance import build, deferred, fold, pending
from holdoff.wake.loop import WakeLoop
from tests.conftest import engine_or_skip
from tests.engines.postgres import DATABASE, PASSWORD, USER, Cluster, cluster, pgbouncer, standby
from tests.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]
KEY = GateKey("p", "local")
BUILT = Record(lastbuild=Decimal("1795395667.25"), writes=("WRITE001",))
NEXT = BUILT.swapped("WRITE002")


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """A store with one gate."""
    made = PostgresStore(postgres_url)
    made.swap(KEY, expected=Record(), new=BUILT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def mine() -> Iterator[Cluster]:
    """A server to be stopped, frozen and killed."""
    with engine_or_skip(cluster()) as server:
        yield server


@pytest.fixture
def victim(mine: Cluster) -> Iterator[PostgresStore]:
    """A store with one gate on it."""
    if mine.process is None:
        mine.start()
    mine.psql("DROP SCHEMA IF EXISTS holdoff CASCADE")
    made = PostgresStore(mine.url)
    made.swap(KEY, expected=Record(), new=BUILT)
    yield made
    made.close()


def sql(store: PostgresStore, text: str) -> list[tuple[Any, ...]]:
    """Past the store, as another program."""
    address = store.server.address
    with psycopg.connect(**address.parameters, autocommit=True, options=f"-csearch_path={address.schema}") as db:
        cursor = db.execute(text)
        return cursor.fetchall() if cursor.description else []


def write(store: PostgresStore) -> Swapped | Lost:
    """A swap of the one gate."""
    return store.swap(KEY, expected=BUILT, new=NEXT)


def refused(act: Callable[[], object], kind: type[StoreError], status: int, *words: str) -> StoreError:
    """It is refused in these words, and without a secret wherever it may be looked for."""
    with pytest.raises(kind) as caught:
        act()
    error = caught.value
    assert type(error) is kind or kind is StoreMissing
    assert error.exit_code == status
    for word in words:
        assert word in str(error)
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert PASSWORD not in told
    return error


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The time of calls goes on only where they nap between two tries. A call has four tries, and for each the server
    has more time than a slow machine needs."""
    made = ManualClock()
    began_ms = made.now_ms()

    def nap(ms: int) -> None:
        assert made.now_ms() - began_ms < 1_000_000, "it never gives up"
        made.sleep(ms)

    monkeypatch.setattr(postgres_server, "running_ms", made.now_ms)
    monkeypatch.setattr(postgres_server.CLOCK, "sleep", nap)
    for name, ms in {"BUSY_MS": 60_000, "FIRST_WAIT_MS": 5_000, "LONGEST_WAIT_MS": 20_000}.items():
        monkeypatch.setattr(postgres_server, name, ms)
    return made


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may take as long as the slowest machine needs."""
    monkeypatch.setattr(postgres_server, "BUSY_MS", 1000 * PATIENCE_S)


def pids(store: PostgresStore) -> list[int]:
    """The sessions of this store, and of others in its database."""
    found = sql(store, "SELECT pid FROM pg_stat_activity WHERE application_name = 'holdoff' AND datname = 'builds'")
    return [pid for (pid,) in found]


# --- tables --------------------------------------------------------------------------------------------------------


def test_many_that_are_first_at_once_create_the_tables_once(postgres_url: str) -> None:
    stores = [PostgresStore(postgres_url) for _ in range(8)]
    barrier = threading.Barrier(len(stores))

    def first(number: int) -> list[str]:
        barrier.wait()
        if number % 2:
            return stores[number].initialise()
        assert isinstance(stores[number].swap(GateKey(f"p{number}", "r"), expected=Record(), new=BUILT), Swapped)
        return []

    with ThreadPoolExecutor(len(stores)) as pool:
        told = list(pool.map(first, range(len(stores))))
    assert sum(len(lines) for lines in told) <= 1
    assert len(list(stores[0].gates())) == 4
    for store in stores:
        store.close()


def test_to_initialise_says_what_it_did_and_does_it_once(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    (missing,) = store.check()
    assert "the first trigger creates them" in missing
    assert (store.get(KEY), list(store.due(5)), list(store.gates()), list(store.history(KEY))) == (Record(), [], [], [])
    (made,) = store.initialise()
    assert made.endswith(f"created the tables gates, history and version in schema {store.server.address.schema}")
    assert store.initialise() == []
    assert store.check() == [f"{store.url}: fsync is off: what is acknowledged may be lost in a power cut"]
    store.close()


def test_a_table_that_would_lose_gates_is_found_by_check(store: PostgresStore) -> None:
    sql(store, "ALTER TABLE gates SET UNLOGGED")
    assert f"{store.url}: gates is unlogged: a crash of the server empties it" in store.check()


@pytest.mark.parametrize("gone", ["gates", "history", "gates, history"])
def test_a_table_that_was_dropped_is_created_again(store: PostgresStore, gone: str) -> None:
    """The error said that `holdoff store init` does it, which did nothing."""
    sql(store, f"DROP TABLE {gone}")
    assert "the first trigger creates them" in " ".join(store.check())
    (made,) = store.initialise()
    assert "created the tables" in made
    assert store.initialise() == []
    sql(store, f"DROP TABLE {gone}")
    store.keep(KEY, build(1))
    assert isinstance(store.swap(KEY, expected=store.get(KEY), new=NEXT), Swapped)
    assert [each.token for each in store.history(KEY)] == [build(1).token]


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ("CREATE TABLE version AS SELECT 7 AS version", "another Holdoff"),
        ("CREATE TABLE version (major int)", "tables there that are not Holdoff's"),
    ],
)
def test_beside_a_version_that_is_not_known_nothing_is_created(postgres_url: str, theirs: str, told: str) -> None:
    """The tables of another program may stand there, or those of a newer Holdoff under other names."""
    store = PostgresStore(postgres_url)
    sql(store, f"CREATE SCHEMA {store.server.address.schema}")
    sql(store, theirs)
    for act in (store.initialise, lambda: write(store), lambda: store.keep(KEY, build(1))):
        refused(act, StoreMismatch, 78, told, "")
    assert sql(store, "SELECT to_regclass('gates'), to_regclass('history')") == [(None, None)]
    store.close()


def test_a_newer_schema_is_refused_before_anything_is_written_also_by_one_that_is_connected(
    store: PostgresStore,
) -> None:
    before = sql(store, "SELECT item::text, xmin FROM gates")
    sql(store, f"UPDATE version SET version = {VERSION + 1}")
    for act in (
        lambda: store.get(KEY),
        lambda: write(store),
        lambda: store.fold(KEY, expected=BUILT, fold=fold()),
        lambda: store.keep(KEY, build(1)),
        store.check,
    ):
        refused(act, StoreMismatch, 78, f"another Holdoff (schema {VERSION + 1}", "pip install -U holdoff")
    assert sql(store, "SELECT item::text, xmin FROM gates") == before


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE gates (colour text)",
        "CREATE TABLE version (of text); CREATE TABLE gates (x text)",
        "CREATE TABLE version AS SELECT 1 AS version; CREATE TABLE gates (project text, region text, item text)",
    ],
)
def test_another_programs_tables_are_left_alone(postgres_url: str, theirs: str) -> None:
    store = PostgresStore(postgres_url, busy_ms=500)
    schema = store.server.address.schema
    sql(store, f"CREATE SCHEMA {schema}")
    sql(store, theirs)
    refused(lambda: write(store), StoreMismatch, 78, "tables there that are not Holdoff's", "?schema=NAME")
    assert sql(store, "SELECT count(*) FROM gates") == [(0,)]
    store.close()


def test_a_row_or_build_that_cannot_be_read_is_left_out(store: PostgresStore, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        store.keep(KEY, build(number, covers=None))
    sql(store, "UPDATE history SET build = '[]' WHERE token LIKE '%01'")
    sql(store, "INSERT INTO gates VALUES ('', 'r', 1, NULL, '{}'), (E'a\\x07b', 'r', 1, NULL, '{}')")
    assert [each.build_id for each in store.history(KEY)] == ["site-build:2", "site-build:0"]
    assert [key for key, _ in store.gates()] == [KEY]
    assert list(store.due(5)) == []
    assert "a build of its history is left out" in caplog.text
    assert "a row that no gate can have is left out" in caplog.text


def test_what_cannot_be_stored_is_a_store_error_and_changes_nothing(store: PostgresStore) -> None:
    for key, expected in ((KEY, BUILT), (GateKey("q", "local"), Record())):
        with pytest.raises(StoreError):
            store.swap(key, expected=expected, new=BUILT.but(due_ms=2**70).swapped("WRITE002"))
    assert list(store.gates()) == [(KEY, BUILT)]


def test_a_text_with_a_nul_is_kept(store: PostgresStore) -> None:
    record = deferred(KEY, parameters="a\0b").but(writes=("W",))
    assert store.swap(KEY, expected=BUILT, new=record) == Swapped(record)
    assert store.get(KEY) == record


def test_names_that_are_too_long_for_an_index_are_refused(store: PostgresStore) -> None:
    """At once: where there was room for a gate, and none for its builds, the first one's end was refused for ever."""
    longest = GateKey(os.urandom(800).hex(), os.urandom(500).hex())
    assert isinstance(store.swap(longest, expected=Record(), new=BUILT, history=(build(1),)), Swapped)
    for end in ("x", "x" * 40, os.urandom(200).hex()):
        too_long = GateKey(longest.project + end, longest.region)
        act = lambda key=too_long: store.swap(key, expected=Record(), new=BUILT)  # noqa: E731
        refused(act, StoreError, 69, "has no room for such long names", "2,600 bytes")


def test_a_database_in_another_encoding_is_named(postgres_server: Cluster) -> None:
    postgres_server.psql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    store = PostgresStore(postgres_server.url_of("latin"))
    try:
        # A claim in ASCII was kept there and its confirm was not: the build was started again at each lease.
        record, rocket = BUILT.but(built="ünïcode 🚀"), build(1, detail="🚀", covers=None)
        assert isinstance(store.swap(KEY, expected=Record(), new=record, history=(rocket,)), Swapped)
        assert store.get(KEY) == record
        assert list(store.naming(KEY, ["🚀"])) == list(store.history(KEY)) == [rocket]
        named = GateKey("🚀", "local")
        refused(
            lambda: store.swap(named, expected=Record(), new=record),
            RecordInvalid,
            65,
            "cannot keep this value",
            "UTF8",
        )
    finally:
        store.close()
        postgres_server.psql("DROP DATABASE latin")


def test_the_sql_of_the_documents(postgres_server: Cluster) -> None:
    grants, by_hand = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/postgres.md").read_text(), re.DOTALL)
    store = PostgresStore(postgres_server.url)
    gate = GateKey("site", "local")
    try:
        store.initialise()
        sql(store, grants.replace("'PASSWORD'", f"'{PASSWORD}'"))
        user = PostgresStore(postgres_server.url_of(DATABASE, user="holdoff_app"))
        assert isinstance(user.swap(gate, expected=Record(), new=BUILT, history=(build(1),)), Swapped)
        assert all("this user" not in line for line in user.check())
        sql(store, by_hand)
        assert user.get(gate) == BUILT.but(lastbuild=Decimal(0))
        user.close()
    finally:
        sql(store, "DROP SCHEMA holdoff CASCADE; DROP OWNED BY holdoff_app; DROP ROLE holdoff_app")
        store.close()


# --- who may not ---------------------------------------------------------------------------------------------------


@contextmanager
def role(store: PostgresStore, name: str, attributes: str = "") -> Iterator[str]:
    """A user of no rights, and the URL of the same store for it."""
    sql(store, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' {attributes}")
    address = store.server.address
    parts = address.parameters
    yield f"postgresql://{name}:{PASSWORD}@{parts['host']}:{parts['port']}/{DATABASE}?schema={address.schema}"
    sql(store, f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize(
    ("change", "kind", "status", "words"),
    [
        ({"password": f"{PASSWORD}-not"}, StoreDenied, 77, ["refused this user or its password", "PGPASSWORD"]),
        ({"user": f"{PASSWORD}-user"}, StoreDenied, 77, ["refused this user or its password"]),
        ({"database": "nope"}, StoreMissing, 69, ["has no such database", "createdb"]),
        ({"port": 9}, StoreUnavailable, 69, ["did not answer", "refused"]),
    ],
    ids=["password", "user", "database", "port"],
)
@pytest.mark.usefixtures("clock")
def test_who_or_what_is_wrong(
    postgres_server: Cluster, change: dict[str, Any], kind: type[StoreError], status: int, words: list[str]
) -> None:
    url = postgres_server.url_of(change.pop("database", DATABASE), **change)
    store = PostgresStore(url)
    for act in (lambda: store.get(KEY), lambda: write(store), store.initialise, store.check):
        error = refused(act, kind, status, *words)
    assert PASSWORD not in f"{store.url}{store!r}{error}"
    if kind is StoreUnavailable:
        assert "nothing was written" in str(refused(lambda: write(store), kind, status))
        assert "written" not in str(refused(lambda: store.get(KEY), kind, status))


def test_a_host_that_there_is_not_is_told_at_once() -> None:
    store = PostgresStore(f"postgresql://{USER}:{PASSWORD}@nowhere.invalid/builds")
    refused(lambda: store.get(KEY), StoreUnavailable, 69, "has a host that is not found", "nowhere.invalid")


WRONG_WAYS = """
    sslmode=require sslmode=verify-full sslmode=S3CR3T target_session_attrs=no channel_binding=require service=no
    hostaddr=no gssencmode=require keepalives_idle=no options=-cno%3Dx require_auth=md5 load_balance_hosts=no
"""


@pytest.mark.parametrize("parameters", WRONG_WAYS.split())
def test_a_way_that_does_not_lead_there_is_told_at_once(
    postgres_server: Cluster, clock: ManualClock, parameters: str
) -> None:
    store, began_ms = PostgresStore(f"{postgres_server.url}?{parameters}"), clock.now_ms()
    refused(
        lambda: write(store), StoreMismatch, 78, "cannot be reached with these parameters", "See the URL's parameters"
    )
    assert clock.now_ms() == began_ms, "it is not tried again"


def test_a_user_that_may_not_log_in_is_told_at_once(store: PostgresStore, clock: ManualClock) -> None:
    """Neither tried again for ten seconds nor called a server that did not answer: no code comes with these errors."""
    with role(store, "locked_out") as url:
        began_ms, its = clock.now_ms(), PostgresStore(url)
        sql(store, "ALTER ROLE locked_out NOLOGIN")
        refused(lambda: its.get(KEY), StoreDenied, 77, "refused this user", "is not permitted to log in")
        sql(store, f"ALTER ROLE locked_out LOGIN; REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC")
        try:
            refused(lambda: its.get(KEY), StoreDenied, 77, "refused this user", "permission denied for database")
        finally:
            sql(store, f"GRANT CONNECT ON DATABASE {DATABASE} TO PUBLIC")
        assert clock.now_ms() == began_ms, "it is not tried again"


def test_rights_are_asked_for_by_name(store: PostgresStore) -> None:
    schema = store.server.address.schema
    with role(store, "stranger") as url:
        stranger = PostgresStore(url)
        refused(lambda: stranger.get(KEY), StoreDenied, 77, "does not allow that", "USAGE on the schema")
        sql(store, f"GRANT USAGE ON SCHEMA {schema} TO stranger; GRANT SELECT ON gates, history, version TO stranger")
        assert stranger.get(KEY) == BUILT
        assert f"{stranger.url}: this user may not update in gates" in stranger.check()
        refused(lambda: write(stranger), StoreDenied, 77, "does not allow that")
        sql(store, "GRANT INSERT, UPDATE, DELETE ON gates, history TO stranger")
        assert isinstance(write(stranger), Swapped)
        elsewhere = PostgresStore(url.replace(schema, "elsewhere"))
        refused(lambda: write(elsewhere), StoreDenied, 77, "CREATE on the database")
        for each in (stranger, elsewhere):
            each.close()


def test_in_a_schema_that_is_given_no_right_to_the_database_is_needed(store: PostgresStore) -> None:
    with role(store, "tenant") as url:
        sql(store, "CREATE SCHEMA given AUTHORIZATION tenant")
        tenant = PostgresStore(url.replace(store.server.address.schema, "given"))
        assert isinstance(tenant.swap(KEY, expected=Record(), new=BUILT), Swapped)
        tenant.close()


@pytest.mark.parametrize("schema", ["select", "user"])
def test_a_schema_may_be_named_as_a_word_of_sql(store: PostgresStore, schema: str) -> None:
    with role(store, "tenant") as url:
        sql(store, f"GRANT CREATE ON DATABASE {DATABASE} TO tenant")
        tenant = PostgresStore(url.replace(store.server.address.schema, schema))
        assert isinstance(tenant.swap(KEY, expected=Record(), new=BUILT), Swapped)
        assert tenant.initialise() == []
        assert tenant.get(KEY) == BUILT
        check_writable(tenant, KEY)
        assert tenant.get(KEY) == BUILT
        tenant.close()


def test_a_user_that_may_only_read(clock: ManualClock, store: PostgresStore) -> None:
    with role(store, "reader") as url:
        sql(store, f"GRANT USAGE ON SCHEMA {store.server.address.schema} TO reader")
        sql(
            store,
            "GRANT ALL ON gates, history, version TO reader; ALTER ROLE reader SET default_transaction_read_only = on",
        )
        reader = PostgresStore(url)
        assert reader.get(KEY) == BUILT
        for act in (lambda: write(reader), lambda: check_writable(reader, KEY)):
            refused(act, StoreDenied, 77, "read-only replica, or lets this user only read")
        assert f"{reader.url}: it is a read-only replica, or lets this user only read" in reader.check()
        assert list(reader.due(5)) == []
        reader.close()


def test_more_connections_than_there_are(clock: ManualClock, store: PostgresStore) -> None:
    with role(store, "one", "CONNECTION LIMIT 1") as url:
        first, second = (PostgresStore(url) for _ in range(2))
        sql(store, f"GRANT USAGE ON SCHEMA {store.server.address.schema} TO one; GRANT SELECT ON gates, version TO one")
        assert first.get(KEY) == BUILT
        refused(lambda: second.get(KEY), StoreThrottled, 69, "has too many connections", "max_connections")
        first.close()

        def is_let_in() -> bool:
            with suppress(StoreThrottled):  # the server lets a connection go a moment after it was closed
                return second.get(KEY) == BUILT
            return False

        until(is_let_in)
        second.close()


@pytest.mark.parametrize(
    ("code", "kind", "what"),
    [
        ("53100", StoreUnavailable, "has no space left on its disk"),
        ("53200", StoreThrottled, "is short of a resource"),
        ("40001", StoreThrottled, "has other writers at the same gate"),
        ("40P01", StoreThrottled, "has other writers at the same gate"),
        ("55P03", StoreThrottled, "has other writers at the same gate"),
        ("57014", StoreThrottled, "took too long"),
        ("25006", StoreDenied, "read-only replica"),
        ("58030", StoreUnavailable, "has an error of its operating system"),
        ("57P01", StoreUnavailable, "is stopping, starting or failing over"),
        ("XX001", StoreError, "refused the statement"),
        ("P0001", StoreError, "refused the statement"),
    ],
)
def test_what_the_server_says_has_its_meaning_and_changes_nothing(
    clock: ManualClock, store: PostgresStore, code: str, kind: type[StoreError], what: str
) -> None:
    """Said by a trigger, in the midst of a write: at the second message."""
    sql(store, f"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE SQLSTATE ''{code}''; END'")
    sql(store, "CREATE TRIGGER no BEFORE UPDATE ON gates FOR EACH ROW EXECUTE FUNCTION no()")
    error = refused(lambda: write(store), kind, kind.exit_code, what)
    doubt = code == "57P01"
    assert ("; the write may or may not be in" in str(error)) is doubt
    assert ("; nothing was written" in str(error)) is (isinstance(error, StoreUnavailable) and not doubt)
    sql(store, "DROP TRIGGER no ON gates")
    assert store.get(KEY) == BUILT
    assert isinstance(write(store), Swapped)


def test_a_conflict_that_passes_is_tried_again(store: PostgresStore) -> None:
    """Twice the server sees a deadlock."""
    sql(store, "CREATE SEQUENCE tries")
    sql(
        store,
        "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF nextval(''tries'') < 3 THEN RAISE SQLSTATE ''40P01''; END IF; RETURN new; END'",
    )
    sql(store, "CREATE TRIGGER twice BEFORE UPDATE ON gates FOR EACH ROW EXECUTE FUNCTION twice()")
    assert write(store) == Swapped(NEXT)
    assert sql(store, "SELECT last_value FROM tries") == [(3,)]


def test_every_row_of_the_table_says_what_to_do() -> None:
    for code, meaning in MEANINGS.items():
        assert meaning.what, code
        assert meaning.hint[0].isupper() or meaning.hint[0] == "`", code


# --- answers that are lost -----------------------------------------------------------------------------------------


def lose(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The connection breaks after the server has committed, so often."""
    commit_with, left = Link.commit_with, [times]

    def loses(self: Link, *statements: Any) -> None:
        commit_with(self, *statements)
        left[0] -= 1
        if left[0] >= 0:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(Link, "commit_with", loses)


def test_a_write_whose_answer_was_lost_is_recognised_by_its_id(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(monkeypatch, 1)
    answer = store.swap(KEY, expected=BUILT, new=NEXT, history=(build(1, covers=None),))
    assert answer == Lost(NEXT)
    assert list(store.history(KEY)) == [build(1, covers=None)]


@pytest.mark.parametrize("lost", [1, 2])
def test_a_gate_starts_one_build_and_counts_each_trigger_once(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    started: list[str] = []
    starter = holdoff.starters.Call(lambda _request, token: started.append(token))
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("1h"), starter=starter)
    lose(monkeypatch, lost)
    assert [str(gate.trigger(event_id=f"e{n}").outcome) for n in range(3)] == ["started", "deferred", "deferred"]
    pending = store.get(gate.key).pending
    assert pending is not None
    assert (len(started), pending.count) == (1, 2)


def test_a_doubt_that_lasts_is_told(clock: ManualClock, store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a write that is in, and whose connection cannot be made again."""
    lose(monkeypatch, 1)
    connect = store.server._connect

    def none_left(turn: Any) -> Link:
        if turn.commits or not tried:
            tried.append(turn)
            return connect(turn)
        raise psycopg.OperationalError("connection refused")

    tried: list[Any] = []
    store.close()
    monkeypatch.setattr(store.server, "_connect", none_left)
    refused(lambda: write(store), StoreUnavailable, 69, "the write may or may not be in", "Trigger again")
    monkeypatch.undo()
    assert store.get(KEY) == NEXT


# --- servers that stop, freeze, die and fail over ------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL], ids=["fast", "at once", "killed"])
@pytest.mark.usefixtures("patient")
def test_a_restart_is_waited_for_and_nothing_acknowledged_is_lost(
    mine: Cluster, victim: PostgresStore, how: signal.Signals
) -> None:
    """Four writers, whose server goes and comes back amid their writes."""
    keys = [GateKey(f"w{n}", "local") for n in range(4)]
    done, stop = dict.fromkeys(keys, Record()), threading.Event()

    def write_on(key: GateKey) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            new = done[key].swapped(f"W{number}")
            answer = victim.swap(key, expected=done[key], new=new)
            assert answer.record == new if isinstance(answer, Swapped) else answer.current == new  # its own
            done[key] = new

    def has_failed() -> bool:
        return any(writer.done() for writer in writers)

    with ThreadPoolExecutor(len(keys)) as pool:
        writers = [pool.submit(write_on, key) for key in keys]
        until(lambda: all(record.writes for record in done.values()))
        mine.stop(how)
        mine.start()
        before = dict(done)  # what a record keeps of its writes, until all of that has been written since
        until(lambda: all(before[key].writes[0] not in record.writes for key, record in done.items()) or has_failed())
        stop.set()
        for writer in writers:
            writer.result(PATIENCE_S)
    assert {key: victim.get(key) for key in keys} == done


def test_a_server_that_does_not_come_back_is_told_within_the_bound(
    mine: Cluster, clock: ManualClock, victim: PostgresStore
) -> None:
    mine.stop(signal.SIGKILL)
    for act, word in ((lambda: write(victim), "nothing was written"), (lambda: victim.get(KEY), "Try again")):
        began_ms = clock.now_ms()
        refused(act, StoreUnavailable, 69, "did not answer", word)
        assert victim.server.busy_ms // 2 < clock.now_ms() - began_ms <= victim.server.busy_ms


def test_a_server_that_is_there_and_says_nothing_is_given_up(mine: Cluster, victim: PostgresStore) -> None:
    """psycopg and TCP would wait for ever: its kernel still answers."""
    victim.get(KEY)
    victim.server.busy_ms = 600
    mine.signal(signal.SIGSTOP)
    try:
        for act in (lambda: victim.get(KEY), lambda: write(victim)):
            began = time.monotonic()
            refused(act, StoreUnavailable, 69, "did not answer")
            assert time.monotonic() - began < PATIENCE_S
    finally:
        mine.signal(signal.SIGCONT)
    victim.server.busy_ms = 1000 * PATIENCE_S
    assert isinstance(write(victim), Swapped | Lost)
    assert victim.get(KEY) == NEXT


def test_a_connection_that_was_cut_while_it_rested_costs_nothing(store: PostgresStore) -> None:
    for _ in range(3):
        store.get(KEY)
        sql(store, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdoff'")
        assert store.get(KEY) == BUILT


@contextmanager
def firewall(server: Cluster) -> Iterator[tuple[int, Callable[[], None]]]:
    """The port of a relay to a server, and what has it forget its connections as a firewall does: what comes on one of
    them is dropped, and its sender hears nothing of that."""
    ends: list[socket.socket] = []

    def relay(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while sent := source.recv(65536):
                target.sendall(sent)

    def serve() -> None:
        with suppress(OSError):
            while True:
                pair = door.accept()[0], socket.create_connection(("127.0.0.1", server.port))
                ends.extend(pair)
                for source, target in (pair, pair[::-1]):
                    threading.Thread(target=relay, args=(source, target), daemon=True).start()

    def forget() -> None:
        code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # return 0: keep no byte of a packet
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", 1, ctypes.addressof(code)))  # SO_ATTACH_FILTER

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1], forget
    for end in ends:
        end.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops packets for a socket, and gives up on them")
@pytest.mark.usefixtures("patient")
def test_connections_that_a_firewall_forgot_cost_a_moment_and_no_error(
    mine: Cluster, victim: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a NAT's in a cloud, of those that rest for minutes. Its own patience would end in an error."""
    monkeypatch.setitem(postgres_server.KEEPING, "tcp_user_timeout", 300)
    with firewall(mine) as (port, forget):
        store = PostgresStore(mine.url_of(DATABASE, port=port))
        assert store.get(KEY) == BUILT
        forget()
        assert write(store) == Swapped(NEXT)
        store.close()


def test_a_replica_reads_and_the_primary_is_found(
    mine: Cluster, victim: PostgresStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the primary dies, the replica is promoted, and the same store goes on there."""
    with standby(mine) as other:
        replica = PostgresStore(other.url)
        assert replica.get(KEY) == BUILT
        assert not replica.server._links.idle, "or it would be asked again once its name leads to the primary"
        refused(lambda: write(replica), StoreDenied, 77, "read-only replica", "Name the primary, or all")
        assert f"{replica.url}: it is a read-only replica, or lets this user only read" in replica.check()
        hosts = f"127.0.0.1:{other.port},127.0.0.1:{mine.port}"
        url = f"postgresql://{USER}:{PASSWORD}@{hosts}/{DATABASE}?target_session_attrs=read-write"
        both = PostgresStore(url)
        assert isinstance(write(both), Swapped)
        until(lambda: replica.get(KEY) == NEXT)
        mine.stop(signal.SIGKILL)
        naps_ms: list[int] = []

        def nap(ms: int) -> None:
            naps_ms.append(ms)
            if len(naps_ms) == 3:
                other.promote()

        monkeypatch.setattr(postgres_server.CLOCK, "sleep", nap)
        assert both.swap(KEY, expected=NEXT, new=NEXT.swapped("WRITE003")) == Swapped(NEXT.swapped("WRITE003"))
        assert len(naps_ms) >= 3
        for each in (replica, both):
            each.close()


def test_a_write_that_waits_for_a_replica_is_not_answered_before_the_replica_has_it(
    mine: Cluster, victim: PostgresStore
) -> None:
    """Its session is ended meanwhile, as by a restart of the server. The next try finds the write in the table, and
    answered at once; after a failover the replica had no such write."""
    store = PostgresStore(mine.url, busy_ms=3_000)
    mine.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")  # and there is none
    mine.psql("SELECT pg_reload_conf()")
    try:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(write, store)
            waits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            until(lambda: mine.psql(f"SELECT 1 {waits}"))
            mine.psql(f"SELECT pg_terminate_backend(pid) {waits}")
            refused(answer.result, StoreUnavailable, 69, "the write may or may not be in")
    finally:
        mine.psql("ALTER SYSTEM RESET synchronous_standby_names")
        mine.psql("SELECT pg_reload_conf()")
    assert write(store) == Lost(NEXT)
    store.close()


def test_hosts_that_take_no_writes_are_named(mine: Cluster, victim: PostgresStore, clock: ManualClock) -> None:
    with standby(mine) as other:
        store = PostgresStore(f"{other.url}?target_session_attrs=read-write")
        refused(lambda: store.get(KEY), StoreUnavailable, 69, "has no host that takes writes")


@pytest.mark.parametrize("by", ["the URL", "hostaddr", "PGHOST"])
def test_of_several_hosts_no_replica_is_asked_unless_the_url_says_so(
    mine: Cluster, victim: PostgresStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A replica may be hours behind, and a connection to it would be used again once the primary is back."""
    with standby(mine) as other:
        hosts, ports = "127.0.0.1,127.0.0.1", f"{other.port},{mine.port}"
        url = f"postgresql://{USER}:{PASSWORD}@/{DATABASE}?host={hosts}&port={ports}"
        if by == "hostaddr":
            url = url.replace("host=", "hostaddr=")
        elif by == "PGHOST":
            url = url.replace(f"host={hosts}&", "")
            monkeypatch.setenv("PGHOST", hosts)
        both, any_of_them = PostgresStore(url), PostgresStore(f"{url}&target_session_attrs=any")
        assert "read-only replica" not in str(both.check())
        assert "read-only replica" in str(any_of_them.check())
        both.close()
        mine.stop(signal.SIGKILL)
        refused(lambda: both.get(KEY), StoreUnavailable, 69, "has no host that takes writes")
        any_of_them.close()


# --- clients that are silent, many, forked or interrupted ----------------------------------------------------------


@pytest.mark.usefixtures("patient")
def test_a_client_that_falls_silent_amid_a_write_holds_up_no_other(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends its transaction; when it speaks again it starts anew, on what the other wrote."""
    silent, slept, go_on = PostgresStore(_url(store)), threading.Event(), threading.Event()
    begin_bare = silent.server.begin_bare

    def falls_silent(link: Link, *statements: Any) -> Any:
        if slept.is_set():
            return begin_bare(link, *statements)
        monkeypatch.setattr(silent.server, "busy_ms", 200)
        found = begin_bare(link, *statements)
        slept.set()
        go_on.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(silent.server, "begin_bare", falls_silent)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(silent.swap, KEY, expected=BUILT, new=BUILT.swapped("SILENT01"))
        try:
            assert slept.wait(PATIENCE_S)
            assert isinstance(write(store), Swapped)
        finally:
            monkeypatch.setattr(silent.server, "busy_ms", 1000 * PATIENCE_S)
            go_on.set()
        assert answer.result(PATIENCE_S) == Lost(NEXT)
    silent.close()


def _url(store: PostgresStore) -> str:
    address = store.server.address
    parts = address.parameters
    return f"postgresql://{USER}:{PASSWORD}@{parts['host']}:{parts['port']}/{DATABASE}?schema={address.schema}"


def test_a_gate_that_another_holds_is_waited_for_then_told(store: PostgresStore) -> None:
    usual_ms = store.server.busy_ms
    with psycopg.connect(**store.server.address.parameters) as other:
        other.execute(f"SELECT 1 FROM {store.server.address.schema}.gates FOR UPDATE")
        assert store.get(KEY) == BUILT, "readers wait for nothing"
        store.server.busy_ms = 400
        refused(lambda: write(store), StoreThrottled, 69, "took too long", "pg_stat_activity", "nothing was written")
        store.server.busy_ms, elsewhere = usual_ms, GateKey("q", "local")
        assert isinstance(store.swap(elsewhere, expected=Record(), new=BUILT), Swapped), "another gate"
        other.rollback()
    assert isinstance(write(store), Swapped)


def test_where_no_more_files_can_be_opened_that_is_a_store_error(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psycopg waits for a connection by a file of its own. Its OSError ended the beats of a lease, without a word."""
    store.close()

    def connect(**_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(postgres_server.Link, "connect", connect)
        patch.setattr(store.server, "busy_ms", 600)
        for act in (lambda: store.get(KEY), lambda: store.wait_for_due(0, 0, 1)):
            refused(act, StoreUnavailable, 69, "did not answer", "Too many open files")
    assert store.get(KEY) == BUILT


@pytest.mark.usefixtures("patient")
def test_many_threads_share_a_few_connections(store: PostgresStore) -> None:
    most: list[int] = []

    def use(number: int) -> None:
        for _ in range(10):
            store.get(KEY)
        if number == 0:
            most.append(len(pids(store)))

    others = len(pids(store)) - len(store.server._links.idle)
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(use, range(40)))
    assert len(store.server._links.idle) <= CONNECTIONS
    assert max(most) <= CONNECTIONS + others


def test_when_all_connections_are_in_use_that_is_told(store: PostgresStore) -> None:
    links, usual_ms, store.server.busy_ms = store.server._links, store.server.busy_ms, 300
    assert all(links.take(0) for _ in range(CONNECTIONS))
    refused(lambda: store.get(KEY), StoreThrottled, 69, "all 10 of this process are in use")
    store.server.busy_ms = usual_ms
    for _ in range(CONNECTIONS):
        links.give()
    assert (store.get(KEY), links.free) == (BUILT, CONNECTIONS)


def test_who_came_first_has_the_next_connection(store: PostgresStore) -> None:
    links, order = store.server._links, list[int]()
    assert all(links.take(0) for _ in range(CONNECTIONS))

    def use(number: int) -> None:
        assert links.take(PATIENCE_S)
        order.append(number)
        links.give()

    threads = [threading.Thread(target=use, args=(number,)) for number in range(12)]
    for waiting, thread in enumerate(threads, 1):
        thread.start()
        until(lambda waiting=waiting: len(links._queue) == waiting)  # type: ignore[misc]
    links.give()
    for thread in threads:
        thread.join()
    assert order == list(range(12))


def test_a_child_leaves_its_parents_connections_alone(store: PostgresStore) -> None:
    store.get(KEY)
    (link,) = store.server._links.idle
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert store.get(KEY) == BUILT
            assert isinstance(write(store), Swapped)
            store.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert store.get(KEY) == NEXT
    assert list(store.server._links.idle) == [link]


def test_a_handler_may_use_the_store_amid_a_use_and_may_raise(store: PostgresStore) -> None:
    told: list[object] = []

    def interrupt(_number: int, _frame: object) -> None:
        told.append(store.get(KEY))
        raise TimeoutError("enough")

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with psycopg.connect(**store.server.address.parameters) as other:
            other.execute(f"SELECT 1 FROM {store.server.address.schema}.gates FOR UPDATE")
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(TimeoutError, match="enough"):
                write(store)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert told == [BUILT]
    assert store.server._links.free == CONNECTIONS
    assert isinstance(write(store), Swapped), "nothing is left locked"


# --- time ----------------------------------------------------------------------------------------------------------


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Shifted(type(postgres_server.CLOCK)):  # type: ignore[misc]
    """A machine whose clock is wrong."""

    def __init__(self, ahead_ms: int) -> None:
        self.ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return int(super().now_ms()) + self.ahead_ms


def test_the_servers_time_goes(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.get(KEY)
    assert store.clock_offset_ms() == 0, "this machine's clock is the server's, and no answer says otherwise"
    for ahead_ms in (90_000, -90_000, 0):
        monkeypatch.setattr(postgres_server, "CLOCK", Shifted(ahead_ms))
        asked_ms = now_ms()
        store.get(KEY)
        assert abs(store.clock_offset_ms() + ahead_ms) <= now_ms() - asked_ms + 1


def test_a_decision_survives_a_power_cut_whatever_the_database_is_set_to(store: PostgresStore) -> None:
    with role(store, "hasty") as url:
        sql(store, f"GRANT USAGE ON SCHEMA {store.server.address.schema} TO hasty; GRANT SELECT ON version TO hasty")
        sql(store, "ALTER ROLE hasty SET synchronous_commit = off")
        hasty = PostgresStore(url)
        assert hasty.server.read("looking", "SHOW synchronous_commit", {}) == [("on",)]
        hasty.close()


# --- news ----------------------------------------------------------------------------------------------------------


def test_a_gate_that_comes_due_ends_the_wait_and_one_that_was_looked_at_does_not(store: PostgresStore) -> None:
    at_ms = now_ms()
    store.swap(KEY, expected=BUILT, new=NEXT.but(due_ms=at_ms))
    assert store.wait_for_due(at_ms, at_ms, 50) is False or store.wait_for_due(at_ms, at_ms, 50) is False
    assert store.wait_for_due(at_ms - 1, at_ms, 5_000) is True
    due_ms = now_ms() + 300
    store.swap(KEY, expected=store.get(KEY), new=NEXT.but(due_ms=due_ms))
    while not store.wait_for_due(at_ms, now_ms(), 2000 * PATIENCE_S) or now_ms() < due_ms:
        pass
    assert now_ms() < due_ms + 1000 * PATIENCE_S


@pytest.mark.parametrize("through", ["postgres", "pgbouncer"])
def test_a_wake_does_not_wait_for_a_poll(store: PostgresStore, request: pytest.FixtureRequest, through: str) -> None:
    """A loop that looks once in ten minutes; behind pgbouncer, once in a second, at whole seconds of its own."""
    url = _url(store)
    if through == "pgbouncer":
        url = f"{request.getfixturevalue('pgbouncer_url')}?schema={store.server.address.schema}"
    hearer, built = PostgresStore(url), threading.Event()
    starter = holdoff.starters.Call(lambda _request, _token: built.set())

    def made(its: PostgresStore, key: GateKey) -> holdoff.Gate:
        return holdoff.Gate(
            key.name, region=key.region, store=its, policy=holdoff.Policy(0, quiet="1s"), starter=starter
        )

    loop = WakeLoop(hearer, lambda key: made(hearer, key), clock=holdoff.clock.SystemClock(), every="10m")
    stop = loop.start()
    try:
        assert made(store, GateKey("site", "local")).trigger().due_ms is not None
        assert built.wait(PATIENCE_S)
        (link,) = hearer.server._links.waiting or [None]
        assert link is None or link.hears is (through == "postgres")
    finally:
        began = time.monotonic()
        stop()
        assert time.monotonic() - began < PATIENCE_S, "it hears that it is to stop"
        hearer.close()


def test_only_a_due_instant_that_moved_is_news(store: PostgresStore) -> None:
    record = deferred()
    with psycopg.connect(**store.server.address.parameters, autocommit=True) as ear:
        ear.execute(f"LISTEN {store.server.address.schema}_due")

        def heard() -> int:
            sql(store, f"NOTIFY {store.server.address.schema}_due, 'END'")  # comes after all that was committed before
            payloads = (one.payload for one in ear.notifies(timeout=PATIENCE_S))
            return len(list(iter(lambda: next(payloads), "END")))

        store.swap(KEY, expected=BUILT, new=record)
        assert heard() == 1
        store.fold(KEY, expected=record, fold=fold())
        store.swap(KEY, expected=store.get(KEY), new=store.get(KEY).swapped("SWAP0002"))
        store.keep(KEY, build(1))
        assert heard() == 0
        store.swap(KEY, expected=store.get(KEY), new=record.swapped("SWAP0003").but(due_ms=None))
        assert heard() == 0


# --- pgbouncer -----------------------------------------------------------------------------------------------------


def test_nothing_stays_with_a_session_behind_pgbouncer(store: PostgresStore, pgbouncer_url: str) -> None:
    behind = PostgresStore(f"{pgbouncer_url}?schema={store.server.address.schema}")
    behind.wait_for_due(0, 0, 1)
    assert write(behind) == Swapped(NEXT)
    with psycopg.connect(pgbouncer_url, autocommit=True, prepare_threshold=None) as db:
        for question, answer in (
            ("SHOW statement_timeout", "0"),
            ("SHOW idle_in_transaction_session_timeout", "0"),
            ("SHOW search_path", '"$user", public'),
            ("SELECT count(*)::text FROM pg_prepared_statements", "0"),
            ("SELECT count(*)::text FROM pg_listening_channels()", "0"),
        ):
            for _ in range(3):
                assert db.execute(question.encode()).fetchone() == (answer,), question
    behind.close()


def test_sessions_that_are_cut_behind_pgbouncer_cost_nothing(store: PostgresStore, pgbouncer_url: str) -> None:
    behind = PostgresStore(f"{pgbouncer_url}?schema={store.server.address.schema}")
    record = BUILT
    for number in range(5):
        new = record.swapped(f"CUT{number}")
        assert behind.swap(KEY, expected=record, new=new) == Swapped(new)
        sql(store, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdoff'")
        record = new
    behind.close()


def test_a_parameter_that_pgbouncer_does_not_take_is_told_at_once(pgbouncer_url: str, clock: ManualClock) -> None:
    store, began_ms = PostgresStore(f"{pgbouncer_url}?options=-cjit%3Doff"), clock.now_ms()
    refused(lambda: store.get(KEY), StoreMismatch, 78, "cannot be reached with these parameters", "options")
    assert clock.now_ms() == began_ms, "it is not tried again"


def test_a_pgbouncer_that_pools_by_statement_is_named(mine: Cluster, victim: PostgresStore) -> None:
    with engine_or_skip(pgbouncer(mine, mode="statement")) as url:
        store = PostgresStore(url)
        refused(lambda: write(store), StoreMismatch, 78, "pool_mode = transaction")
        store.close()


# --- its URL -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "schema"),
    [
        ("postgresql://me:pw@db.example:6432/builds", "postgresql://db.example:6432/builds", "holdoff"),
        ("postgres://db.example/builds", "postgresql://db.example/builds", "holdoff"),
        ("postgresql:///builds?host=/run/pg", "postgresql://%2Frun%2Fpg/builds", "holdoff"),
        ("postgresql:///a%20b%2Fc?host=/run/pg&port=9", "postgresql://%2Frun%2Fpg:9/a%20b/c", "holdoff"),
        ("postgresql://[::1]:5,[fe80::1]/d", "postgresql://[::1]:5,[fe80::1]/d", "holdoff"),
        ("postgresql://:7/d", "postgresql://:7/d", "holdoff"),
        ("postgresql:///d", "postgresql:///d", "holdoff"),
        ("postgresql://h1,h2/d?port=6", "postgresql://h1:6,h2:6/d", "holdoff"),
        ("postgresql://me:p%40w@h/d?schema=ci", "postgresql://h/d?schema=ci", "ci"),
        ("postgresql://h/d?schema=ci&sslmode=require", "postgresql://h/d?schema=ci", "ci"),
        ("postgresql://h/d?sslmode=require&schema=ci", "postgresql://h/d?schema=ci", "ci"),
        ("postgresql://me:p?w@h1:1,h2:2/d?sslpassword=x", "postgresql://h1:1,h2:2/d", "holdoff"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str, schema: str) -> None:
    address = Address.of(url)
    assert (address.shown, address.schema) == (shown, schema)
    assert "schema" not in address.parameters
    again = Address.of(address.shown).parameters
    assert [again.get(part) for part in ("host", "dbname")] == [address.parameters.get(p) for p in ("host", "dbname")]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:S3CR3T%ss@h/d",
        "postgresql://h/d?sslmodo=S3CR3T",
        "postgresql://me:S3CR3T@[h/d",
        "postgresql://me:S3C/R3T@h/d",
        "postgresql://me:5/R3T@h/d",
        "postgresql://h/d?schema=S3CR3T",
        "postgresql://h/d?schema=pg_x",
        "postgresql://h/d?schema=two-words",
        "postgresql://h/d?schema=x;drop",
        "postgresql://h/d?schema=",
    ],
)
def test_a_url_that_is_read_in_another_way_than_it_is_meant_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="write 'postgresql://HOST/DATABASE'") as caught:
        open_store(url)
    assert "(up to 40 of a-z, 0-9, _)" in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert "S3C" not in told
    assert "R3T" not in told


def test_without_psycopg_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from holdoff.stores.open import open_store
open_store("memory:")
try:
    open_store("postgresql://me:S3CR3T@host/db")
except Exception as error:
    print(type(error).__name__, error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.startswith("StoreError a store in PostgreSQL needs psycopg: ")
    assert told.endswith("pip install 'holdoff[postgres]'\n")


def test_a_clock_that_a_test_moves_is_the_gates_own(store: PostgresStore) -> None:
    clock, starter = ManualClock(), holdoff.starters.Call(print)
    gate = holdoff.Gate("site", store=store, policy=holdoff.Policy("10m"), starter=starter, clock=clock)
    gate.trigger()
    assert store.get(gate.key).lastbuild_ms == clock.now_ms()


def test_nothing_is_read_through_as_a_whole(store: PostgresStore) -> None:
    """What is read or deleted has an index, if there are so many rows that one is worth while."""
    statements = (postgres.GET, postgres.GATES, postgres.HISTORY, postgres.DUE, postgres.NEXT)
    values = {"project": "p", "region": "r", "limit": 20, "texts": None, "now_ms": 5, "since_ms": 5, "forgotten_ms": 5}
    with psycopg.connect(**store.server.address.parameters, autocommit=True) as db:
        cursor = psycopg.ClientCursor(db)
        cursor.execute(f"SET search_path = {store.server.address.schema}; SET enable_seqscan = off")
        plans = [
            "\n".join(line for (line,) in cursor.execute(f"EXPLAIN {sql}", values))
            for sql in (*statements, postgres.EXPIRE)
        ]
    assert not [plan for plan in plans if "Seq Scan" in plan]
    assert "gates_expires" in plans[-1]
    assert "history_claimed" in plans[-1]


def test_builds_are_found_by_what_they_name(store: PostgresStore) -> None:
    made = [build(n, covers=pending(source_version=f'v"é\\{n}')) for n in range(3)]
    for one in made:
        store.keep(KEY, one)

    def found(*texts: str, key: GateKey = KEY) -> list[str]:
        return [one.build_id for one in store.naming(key, texts)]

    assert found('v"é\\1') == [made[1].build_id]
    assert found('v"é', 'v"é\\2', 'v"é\\0') == [made[2].build_id, made[0].build_id]
    assert found('v"é\\1', key=GateKey("q", "local")) == []
    sql(store, f"UPDATE history SET build = json_build_array('v\"é\\2') WHERE token = '{made[2].token}'")
    assert found(*(f'v"é\\{n}' for n in range(3))) == [made[1].build_id, made[0].build_id]
