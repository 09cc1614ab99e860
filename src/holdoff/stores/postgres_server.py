"""The connection to a PostgreSQL database: its URL, connections, transactions and time, and one time limit for a call.

**One time limit.** A call takes ``busy_ms`` at most, with all its tries. Each retry has another connection: after a
lost one, a restart, a failover, a deadlock. The server ends a statement that takes longer, or a transaction if the
client is silent. psycopg would wait without end for a silent server, so every wait has an end (``Link.wait``). A
COMMIT without an answer leaves a doubt, and is tried again like any call: a write that is in is recognised by its id.

**A session keeps no state**, so pgbouncer may give each transaction to another one. Settings are made for the
transaction. Statements are sent as text, several in one message, and none is prepared. Only a process that waits for
notifications has a session of its own. Behind pgbouncer it would get none, so there it waits for the next due instant.

**A process has its own connections**, a few for all its threads. A child of a fork does not use its parent's. A
connection is not used again after an error. After a lost connection, all idle ones are closed.

**The server has the time**, and returns it in every transaction. The error of this machine's clock lies between two
bounds, from the instants of sending and receiving. The estimate moves only as far as these bounds require.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from holdoff.clock import SystemClock, running_ms
from holdoff.core.errors import ConfigError, StoreDenied, StoreMismatch
from holdoff.core.value import Value
from holdoff.stores.postgres_errors import NoTables, meaning_of, typed

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")
Row = tuple[Any, ...]
#: SQL, and the values of its ``%(names)s``.
Statement = tuple[str, Mapping[str, object]]

CLOCK: Final = SystemClock()
#: The errors of psycopg, and Python's own for a value that cannot be sent or read.
ERRORS: Final = (psycopg.Error, ValueError, ArithmeticError, RecursionError, MemoryError)
#: How long a call may take in all, and how long connecting may take.
BUSY_MS: Final = 10_000
CONNECT_MS: Final = 5_000
#: A firewall or a NAT silently forgets an idle connection: what is sent then is never acknowledged. So the kernel keeps
#: the connection in use, and gives it up in time for another try. A URL may have other values.
KEEPING: Final = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 3_000}
#: Of several hosts, unless a URL says otherwise: a replica may be hours behind, and a decision rests on what is read.
WRITING: Final = {"target_session_attrs": "read-write"}
#: The wait before the second try, and the longest wait before any try.
FIRST_WAIT_MS: Final = 10
LONGEST_WAIT_MS: Final = 500
#: How many connections of a process may be in use, besides those that wait for notifications.
CONNECTIONS: Final = 10
#: The version of the tables. A release that raises it has to lock ``gates`` meanwhile, so that no write is half-way.
VERSION: Final = 1
BEGIN: Final = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = %(schema)s;
SET LOCAL statement_timeout = %(left_ms)s;
SET LOCAL idle_in_transaction_session_timeout = %(busy_ms)s
"""
#: Reads the version (``max``: a row even without one; in full: an error then names a missing right to the schema, and
#: no whole row counts as a version) and the time, and sees to it that a commit survives a power cut.
HEAD: Final = """
SELECT max(known.version), floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END,
    pg_is_in_recovery()
FROM "{schema}".version AS known
"""
COMMIT: Final[Statement] = ("COMMIT", {})
ROLLBACK: Final[Statement] = ("ROLLBACK", {})


class Address(Value):
    """The address of a database."""

    parameters: dict[str, Any]  #: libpq's, with secrets
    schema: str  #: of the tables
    shown: str  #: the URL, without user, password and libpq's parameters

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises: ConfigError: libpq cannot read the URL, or reads it differently from what the user meant."""
        named = re.search("[?&]schema=([^&]*)", url)
        schema = named[1] if named else "holdoff"
        try:
            found = conninfo_to_dict(re.sub("([?&])schema=[^&]*(&|$)", lambda it: it[1] if it[2] else "", url))
        except psycopg.Error:  # its message may have parts of a password
            found = {"port": "not to be read"}
        host, port, name = (str(found.get(part) or "") for part in ("host", "port", "dbname"))
        is_meant = re.fullmatch("[0-9,]*", port) and "@" not in f"{host}{name}"
        if not is_meant or not re.fullmatch("(?!pg_)[a-z_][a-z0-9_]{0,39}", schema):
            want = "'postgresql://HOST/DATABASE', with ?schema=NAME (up to 40 of a-z, 0-9, _) for another than holdoff"
            want += ", and libpq's parameters (in a password %40 is @, %2F is / and %3A is :)"
            raise ConfigError(field="store", got=url, want=want)
        hosts, ports = host.split(","), port.split(",")
        at = [f"[{one}]" if ":" in one else quote(one, safe="") for one in hosts]
        at = [f"{one}:{ports[n % len(ports)]}".rstrip(":") for n, one in enumerate(at)]
        shown = f"postgresql://{','.join(at)}/{quote(name)}{f'?schema={schema}' if named else ''}"
        return cls(parameters=found, schema=schema, shown=shown)


class Attempt:
    """One try of a call: when it has to give up, and whether a COMMIT was sent."""

    commits = False

    def __init__(self, give_up_ms: int) -> None:
        self.give_up_ms = give_up_ms

    @property
    def left_ms(self) -> int:
        """The time left; at least 1, because 0 means no limit to PostgreSQL."""
        return max(1, self.give_up_ms - running_ms())


class Link(psycopg.Connection[Row]):
    """A connection, and the try that uses it. ``hears``: whether it gets notifications; ``None``: not known yet.
    ``is_replica``: such a connection is used once. In a moment the host's name may lead to the primary."""

    attempt: Attempt = Attempt(0)
    hears: bool | None = None
    is_replica: bool = False

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """psycopg's wait, with a time limit."""
        return super().wait(_ending(gen, self.attempt), *args, **kwargs)

    def talk(self, *statements: Statement) -> list[list[Row]]:
        """Send statements as one message. Returns the rows of each statement that has rows."""
        cursor, found = psycopg.ClientCursor(self), []
        cursor.execute(";".join([cursor.mogrify(sql, values) for sql, values in statements]))
        while True:
            if cursor.description:
                found.append(cursor.fetchall())
            if not cursor.nextset():
                return found

    def commit_with(self, *statements: Statement) -> None:
        """The last message of a transaction that writes."""
        self.attempt.commits = True
        self.talk(*statements, COMMIT)


def _ending(gen: PQGen[T], attempt: Attempt) -> PQGen[T]:
    """Run a generator of psycopg's, step by step, until the time is up. (While it waits, a step comes every 0.1 s.)"""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and running_ms() >= attempt.give_up_ms:
                raise psycopg.OperationalError("no answer in time")
            wanted = gen.send(ready)
    except StopIteration as end:
        return cast("T", end.value)


class _Links:
    """The connections of a process: idle ones, those that wait for notifications, and how many more may be in use.

    The thread that came first gets the next one: otherwise, in a burst of 50, some wait four times as long as others. A
    signal handler may interrupt ``take`` or ``give``: it gives back what it takes before they go on.
    """

    def __init__(self) -> None:
        self.idle: deque[Link] = deque()
        self.waiting: deque[Link] = deque()
        self.free = CONNECTIONS
        self._queue: deque[threading.Lock] = deque()
        self._lock = threading.RLock()

    def take(self, timeout_s: float) -> bool:
        """Take one, now or in time. Returns whether that succeeded."""
        with self._lock:
            if self.free:
                self.free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        if turn.acquire(timeout=timeout_s):
            return True
        with self._lock, suppress(ValueError):  # its turn has come at this moment
            self._queue.remove(turn)
            return False
        return True

    def give(self) -> None:
        """Give one back, to the thread that has waited longest."""
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self.free += 1


class Server:
    """One database. ``offset_ms``: what to add to this machine's time for the server's."""

    def __init__(self, url: str, *, busy_ms: int | None = None) -> None:
        self.address: Address = Address.of(url)
        self.busy_ms: int = BUSY_MS if busy_ms is None else busy_ms
        self.offset_ms: int = 0
        self._head: Statement = (HEAD.format(schema=self.address.schema), {})
        self._of_process: dict[int, _Links] = {}

    def begin(self, link: Link, *statements: Statement) -> list[list[Row]]:
        """Send the first message of a transaction: its time limits, and statements. Returns the rows of the statements.
        Raises ``StoreMismatch`` if the tables are of a newer Holdoff."""
        sent_ms = CLOCK.now_ms()
        ((version, server_ms, _, link.is_replica),), *found = self.begin_bare(link, self._head, *statements)
        self.offset_ms = min(max(self.offset_ms, server_ms - CLOCK.now_ms()), server_ms - sent_ms)
        if version != VERSION:
            what = f"{self.address.shown} has tables of another Holdoff (schema {version}, known here: {VERSION})"
            raise StoreMismatch(what, hint="Upgrade this one: pip install -U holdoff")
        return found

    def begin_bare(self, link: Link, *statements: Statement) -> list[list[Row]]:
        """The same, whatever the version of the tables."""
        server_ms = max(1, link.attempt.left_ms * 9 // 10)  # less than our own limit, so that the server's error comes
        bounds = {"schema": self.address.schema, "left_ms": server_ms, "busy_ms": self.busy_ms}
        return link.talk((BEGIN, bounds), *statements)

    def read(self, doing: str, sql: str, values: Mapping[str, object]) -> list[Row]:
        """The rows of one statement; none, if there are no tables yet."""
        try:
            return self.call(doing, lambda link: self.begin(link, (sql, values), COMMIT)[0])
        except NoTables:
            return []

    def call(self, doing: str, act: Callable[[Link], T], *, writes: bool = False) -> T:
        """Call ``act`` with a connection, and try again while that may help. All errors become a ``StoreError``."""
        give_up_ms, in_doubt, wait_ms = running_ms() + self.busy_ms, False, FIRST_WAIT_MS
        while True:
            attempt = Attempt(give_up_ms)
            try:
                return self._once(act, attempt)
            except ERRORS as error:
                meaning = meaning_of(error)
                in_doubt |= attempt.commits and meaning.is_loss
                if meaning.is_loss:
                    self.close()
                if not meaning.passes or attempt.left_ms <= 2 * wait_ms:  # a try needs time, too
                    raised = typed(error, self.address.shown, doing, writes=writes, in_doubt=in_doubt)
                    may_tell = isinstance(raised, StoreDenied | StoreMismatch)  # its message may quote a secret
                    raise raised from (None if may_tell else error)
            CLOCK.sleep(wait_ms)
            wait_ms = min(2 * wait_ms, LONGEST_WAIT_MS)

    def _once(self, act: Callable[[Link], T], attempt: Attempt) -> T:
        links = self._links
        if not links.take(attempt.left_ms / 1000):
            raise psycopg.errors.TooManyConnections(f"all {CONNECTIONS} of this process are in use")
        try:
            return self._with_one_of(links.idle, act, attempt)
        finally:
            links.give()

    def _with_one_of(self, links: deque[Link], act: Callable[[Link], T], attempt: Attempt) -> T:
        """Call ``act`` with an idle connection or a new one. After an error the connection is closed."""
        try:
            link = links.pop()
        except IndexError:
            link = self._connect(attempt)
        try:
            link.attempt = attempt
            answer = act(link)
        except BaseException:
            link.close()
            raise
        if link.is_replica:
            link.close()
        else:
            links.append(link)
        return answer

    def wait(self, statement: Statement, channel: str, most_ms: int) -> bool:
        """Wait for a notification, for at most ``most_ms``, and at most as long as the statement says (``None``: no
        limit). Returns whether the wait was shorter than ``most_ms``."""

        def act(link: Link) -> bool:
            if link.hears is None:
                ((pid,),) = link.talk(("SELECT pg_backend_pid()", {}))[0]
                link.hears = pid == link.info.backend_pid  # pgbouncer makes one up
                link.talk((f"LISTEN {channel}" if link.hears else "SELECT", {}))
            ((next_ms,),) = self.begin(link, statement, COMMIT)[0]
            wait_ms = most_ms if next_ms is None else max(0, min(most_ms, next_ms))
            link.attempt.give_up_ms += wait_ms
            if link.hears:
                return bool(list(link.notifies(timeout=wait_ms / 1000, stop_after=1))) or wait_ms < most_ms
            CLOCK.sleep(wait_ms)
            return wait_ms < most_ms

        try:
            return self._with_one_of(self._links.waiting, act, Attempt(running_ms() + self.busy_ms))
        except ERRORS as error:
            raise typed(
                error, self.address.shown, "waiting for a notification", writes=False, in_doubt=False
            ) from error

    @property
    def _links(self) -> _Links:
        pid = os.getpid()
        return self._of_process.get(pid) or self._of_process.setdefault(pid, _Links())

    def _connect(self, attempt: Attempt) -> Link:
        found = self.address.parameters
        given = [found.get(name) or os.environ.get(f"PG{name.upper()}") for name in ("host", "hostaddr")]
        hosts = max(str(one).count(",") for one in given) + 1  # libpq gives each host the time-out
        ours = {
            "connect_timeout": max(1, min(CONNECT_MS, attempt.left_ms) // hosts // 1000),
            "client_encoding": "UTF8",
            "fallback_application_name": "holdoff",
        }
        unless_said = KEEPING if hosts == 1 else KEEPING | WRITING
        try:
            return Link.connect(**{**unless_said, **found, **ours}, autocommit=True)
        except OSError as error:  # psycopg waits by a file of its own, and no more can be opened
            if error.errno is None:  # a signal handler's own, such as TimeoutError
                raise
            raise psycopg.OperationalError(str(error)) from error

    def close(self) -> None:
        """Close the idle connections; they are opened again when needed."""
        links = self._links
        for resting in (links.idle, links.waiting):
            with suppress(IndexError):  # another thread may be first
                while True:
                    resting.pop().close()
