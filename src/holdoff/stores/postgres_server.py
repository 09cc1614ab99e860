"""The way to a PostgreSQL database: its URL, connections, transactions and time, and one bound for all that goes wrong.

**One bound.** A call takes ``busy_ms`` at most, however often it tries again, each time over a new connection: after a
lost one, a restart, a failover, a deadlock. The server ends a statement that takes longer, and a transaction whose
client has gone silent. psycopg would wait for ever for a server that is there and says nothing, so every wait has an
end here (``Link.wait``). A COMMIT without an answer leaves a doubt, and is tried again like all else: a write that is
in is recognised by its id.

**No state stays with a session**, so pgbouncer may hand each transaction to another one: settings are made for the
transaction, statements are sent as text, several in one message, and none is prepared. Only who waits for news has a
session of its own; behind pgbouncer nothing would be heard, and there the next due instant is waited for instead.

**A process has connections of its own**, a few for all its threads, and a child of a fork leaves its parent's alone.
None is used again after an error, and after a loss none of those that rested.

**The server has the time**, and says it in every transaction. What this machine's clock is wrong by lies between what
our sending and our receiving allow; the estimate moves only as far as it must.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
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
#: SQL, and what stands for its ``%(names)s``.
Statement = tuple[str, Mapping[str, object]]

CLOCK: Final = SystemClock()
#: Those of psycopg, and Python's own where a value cannot be sent or read.
ERRORS: Final = (psycopg.Error, ValueError, ArithmeticError, RecursionError, MemoryError)
#: How long a call may take in all, and the making of a connection.
BUSY_MS: Final = 10_000
CONNECT_MS: Final = 5_000
#: A firewall or a NAT forgets a connection that rests, and says nothing: what is sent is never acknowledged. So the
#: kernel keeps it in use, and gives up on it in time for another try. A URL may say otherwise.
KEEPING: Final = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 3_000}
#: The wait before the second try, and the longest wait before any try.
FIRST_WAIT_MS: Final = 10
LONGEST_WAIT_MS: Final = 500
#: How many connections of a process may be in use, besides those that wait for news.
CONNECTIONS: Final = 10
#: Of the tables. A release that raises it locks ``gates`` meanwhile, so that no write is half-way.
VERSION: Final = 1
BEGIN: Final = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = %(schema)s;
SET LOCAL statement_timeout = %(left_ms)s;
SET LOCAL idle_in_transaction_session_timeout = %(busy_ms)s
"""
#: Which version stands there (``max``: a row even without one; named in full: a user without a right to the schema is
#: told so), what time it is; and a decision that was given has to survive a power cut.
HEAD: Final = """
SELECT max(version), floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
FROM "{schema}".version
"""
COMMIT: Final[Statement] = ("COMMIT", {})
ROLLBACK: Final[Statement] = ("ROLLBACK", {})


class Address(Value):
    """Where a database is.

    Attributes:
        parameters: libpq's, secrets among them.
        schema: where the tables are.
        shown: the URL, without user, password and libpq's parameters.
    """

    parameters: dict[str, Any]
    schema: str
    shown: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises: ConfigError: libpq cannot read the URL, or reads it in another way than it is meant."""
        named = re.search("[?&]schema=([^&]*)", url)
        schema = named[1] if named else "holdoff"
        try:
            found = conninfo_to_dict(re.sub("([?&])schema=[^&]*(&|$)", lambda it: it[1] if it[2] else "", url))
        except psycopg.Error:  # whose words may be parts of a password
            found = {"port": "not to be read"}
        host, port, name = (str(found.get(part) or "") for part in ("host", "port", "dbname"))
        is_meant = re.fullmatch("[0-9,]*", port) and "@" not in f"{host}{name}"
        if not is_meant or not re.fullmatch("(?!pg_)[a-z_][a-z0-9_]{0,39}", schema):
            want = "'postgresql://HOST/DATABASE', with ?schema=NAME for another than holdoff, and libpq's parameters"
            raise ConfigError(field="store", got=url, want=f"{want} (in a password %40 is @, %2F is / and %3A is :)")
        hosts, ports = host.split(","), port.split(",")
        at = [f"[{one}]" if ":" in one else quote(one, safe="") for one in hosts]
        at = [f"{one}:{ports[n % len(ports)]}".rstrip(":") for n, one in enumerate(at)]
        shown = f"postgresql://{','.join(at)}/{quote(name)}{f'?schema={schema}' if named else ''}"
        return cls(parameters=found, schema=schema, shown=shown)


class Attempt:
    """One try of a call: until when, and whether a COMMIT was sent."""

    commits = False

    def __init__(self, give_up_ms: int) -> None:
        self.give_up_ms = give_up_ms

    @property
    def left_ms(self) -> int:
        """The rest of the time; at least 1, because 0 is no bound to PostgreSQL."""
        return max(1, self.give_up_ms - running_ms())


class Link(psycopg.Connection[Row]):
    """A connection, and the try that has it. ``hears``: whether what is notified comes here, once that is known."""

    attempt: Attempt = Attempt(0)
    hears: bool | None = None

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """As psycopg waits, but with an end."""
        return super().wait(_ending(gen, self.attempt), *args, **kwargs)

    def talk(self, *statements: Statement) -> list[list[Row]]:
        """Send statements as one message. The rows of each one that has some."""
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
    """A generator of psycopg's, step by step, until the time is up. (While it waits, psycopg asks every 0.1 s.)"""
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
    """A process's connections: those that rest, and those of who waits; and how many more may be in use.

    The thread that came first gets the next one: else, in a burst of 50, some wait four times as long as the others.
    What a signal's handler takes amid ``take`` or ``give`` it has given back when they go on.
    """

    def __init__(self) -> None:
        self.idle: deque[Link] = deque()
        self.waiting: deque[Link] = deque()
        self.free = CONNECTIONS
        self._queue: deque[threading.Lock] = deque()
        self._lock = threading.RLock()

    def take(self, timeout_s: float) -> bool:
        """Whether one may be used now, or in time."""
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
        """Give it to the thread that has waited longest."""
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self.free += 1


class Server:
    """One database. ``offset_ms`` is what to add to this machine's time for the server's."""

    def __init__(self, url: str, *, busy_ms: int | None = None) -> None:
        self.address: Address = Address.of(url)
        self.busy_ms: int = BUSY_MS if busy_ms is None else busy_ms
        self.offset_ms: int = 0
        self._head: Statement = (HEAD.format(schema=self.address.schema), {})
        self._of_process: dict[int, _Links] = {}

    # --- one transaction ---------------------------------------------------------------------------------------------

    def begin(self, link: Link, *statements: Statement) -> list[list[Row]]:
        """The first message of a transaction: its bounds, and statements. Their rows.

        Raises:
            StoreMismatch: the tables are of a newer Holdoff.
        """
        sent_ms = CLOCK.now_ms()
        ((version, server_ms, _),), *found = self.begin_bare(link, self._head, *statements)
        self.offset_ms = min(max(self.offset_ms, server_ms - CLOCK.now_ms()), server_ms - sent_ms)
        if version != VERSION:
            what, hint = f"of a newer Holdoff (schema {version}, known here: {VERSION})", "pip install -U holdoff"
            if version is None:
                what = "that do not say of which version they are, as after a restore without data"
                hint = f'INSERT INTO "{self.address.schema}".version VALUES ({VERSION})'
            raise StoreMismatch(f"{self.address.shown} has tables {what}", hint=f"Put that right: {hint}")
        return found

    def begin_bare(self, link: Link, *statements: Statement) -> list[list[Row]]:
        """The same, whatever stands there."""
        server_ms = max(1, link.attempt.left_ms * 9 // 10)  # its own word for what took too long comes before our end
        bounds = {"schema": self.address.schema, "left_ms": server_ms, "busy_ms": self.busy_ms}
        return link.talk((BEGIN, bounds), *statements)

    def read(self, doing: str, *statement: Any) -> list[Row]:
        """What one statement finds; nothing, where there are no tables yet."""
        try:
            return self.call(doing, lambda link: self.begin(link, statement, COMMIT)[0])
        except NoTables:
            return []

    # --- one call ----------------------------------------------------------------------------------------------------

    def call(self, doing: str, act: Callable[[Link], T], *, writes: bool = False) -> T:
        """What ``act`` answers, with a connection; tried again while that may help.

        Raises:
            StoreError: whatever went wrong.
        """
        give_up_ms, in_doubt, first = running_ms() + self.busy_ms, False, None
        for tries in count():
            attempt = Attempt(give_up_ms)
            try:
                return self._once(act, attempt)
            except ERRORS as error:
                meaning = meaning_of(error)
                in_doubt |= attempt.commits and meaning.is_loss
                wait_ms = min(FIRST_WAIT_MS << tries, LONGEST_WAIT_MS)
                if meaning.is_loss:
                    self.close()
                if not meaning.passes or attempt.left_ms <= 2 * wait_ms:  # a try needs time, too
                    if first and isinstance(error, psycopg.errors.QueryCanceled):
                        error = first  # that the time for the last try was short says nothing
                    told = typed(error, self.address.shown, doing, writes=writes, in_doubt=in_doubt)
                    raise told from (None if isinstance(told, StoreDenied) else error)  # which names the user
                first = first or error
            CLOCK.sleep(wait_ms)
        raise AssertionError  # count() has no end

    def _once(self, act: Callable[[Link], T], attempt: Attempt) -> T:
        links = self._links
        if not links.take(attempt.left_ms / 1000):
            raise psycopg.errors.TooManyConnections(f"all {CONNECTIONS} of this process are in use")
        try:
            return self._with_one_of(links.idle, act, attempt)
        finally:
            links.give()

    def _with_one_of(self, links: deque[Link], act: Callable[[Link], T], attempt: Attempt) -> T:
        """What ``act`` answers, with a connection that rests there, or a new one; after an error it is closed."""
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
        links.append(link)
        return answer

    def wait(self, statement: Statement, channel: str, most_ms: int) -> bool:
        """Wait until something is notified; no longer than the statement says (``None``: no matter), and than
        ``most_ms``. Whether it was less."""

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
            raise typed(error, self.address.shown, "waiting for news", writes=False, in_doubt=False) from error

    # --- connections -------------------------------------------------------------------------------------------------

    @property
    def _links(self) -> _Links:
        pid = os.getpid()
        return self._of_process.get(pid) or self._of_process.setdefault(pid, _Links())

    def _connect(self, attempt: Attempt) -> Link:
        hosts = str(self.address.parameters.get("host")).count(",") + 1  # each of them is tried for so long
        ours = {
            "connect_timeout": max(1, min(CONNECT_MS, attempt.left_ms) // hosts // 1000),
            "client_encoding": "UTF8",
            "fallback_application_name": "holdoff",
        }
        return Link.connect(**{**KEEPING, **self.address.parameters, **ours}, autocommit=True)

    def close(self) -> None:
        """Close what rests; it is opened again when needed."""
        links = self._links
        for resting in (links.idle, links.waiting):
            with suppress(IndexError):  # another thread may be first
                while True:
                    resting.pop().close()
