"""The way to DynamoDB: one client, made when it is first needed, and what is known of the service's clock.

botocore is imported when the client is made, not before: it takes longer than many a decision.

**Time-outs.** A call makes at most ``TRIES`` tries. Each may take ``CONNECT_S`` for the connection, as long again for
the TLS handshake, and ``READ_S`` for the answer; before the second and the third try botocore waits at most 1 s and
2 s:

    3 x (2 + 2 + 4) + 1 + 2 = 27 s

which, with a slow name server beside, stays well under the 60 s lease of a claim: who gets no answer to a confirm has
given up before anybody takes the claim over. A client of your own (``client=``) brings its own time-outs.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from holdoff import boto
from holdoff.core.errors import ConfigError, StoreError
from holdoff.stores.dynamodb_errors import Call, no_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.clock import Clock

log = logging.getLogger("holdoff.stores.dynamodb")

Answer = dict[str, Any]

CONNECT_S: Final = 2
READ_S: Final = 4
TRIES: Final = 3
CONNECTIONS: Final = 64

#: The service's clock is believed where it is further off than this.
OFFSET_MS: Final = 2_000
#: Answers that took longer say too little about the service's clock.
QUICK_MS: Final = 1_000


class DynamoDBAPI(Protocol):
    """What Holdoff needs of a client: ``boto3.client("dynamodb")`` has it."""

    def get_item(self, **parameters: Any) -> Answer: ...
    def update_item(self, **parameters: Any) -> Answer: ...
    def transact_write_items(self, **parameters: Any) -> Answer: ...
    def query(self, **parameters: Any) -> Answer: ...
    def scan(self, **parameters: Any) -> Answer: ...
    def describe_table(self, **parameters: Any) -> Answer: ...
    def create_table(self, **parameters: Any) -> Answer: ...
    def update_table(self, **parameters: Any) -> Answer: ...
    def describe_time_to_live(self, **parameters: Any) -> Answer: ...
    def update_time_to_live(self, **parameters: Any) -> Answer: ...
    def describe_continuous_backups(self, **parameters: Any) -> Answer: ...


class Connection:
    """One table's client.

    Attributes:
        name: the table, its region and endpoint, as errors name them; no secrets.
        offset: what is known of the service's clock.
    """

    def __init__(
        self,
        table: str,
        *,
        region: str | None,
        endpoint: str | None,
        client: DynamoDBAPI | None,
        clock: Clock,
    ) -> None:
        self.table = table
        self.offset = ServiceClock()
        self._region = region
        self._endpoint = endpoint
        self._clock = clock
        self._own = client is None
        self._client = client
        self._made_in = os.getpid()
        self._lock = threading.Lock()
        self._tries = _Tries()
        if client is not None:
            self._tries.watch(client)

    @property
    def region(self) -> str:
        """The given region, else the environment's, else the one that botocore finds.

        Raises:
            ConfigError: there is none.
        """
        named = self._named_region()
        if named:
            return named
        found = getattr(
            getattr(self._made("finding its region"), "meta", None), "region_name", None
        )
        if not found:
            raise no_region(self.table)
        return str(found)

    @region.setter
    def region(self, region: str) -> None:
        self._region = region

    @property
    def name(self) -> str:
        """``dynamodb://builds?region=eu-west-1``."""
        named = {"region": self._named_region(), "endpoint": _without_secrets(self._endpoint)}
        query = urlencode({k: v for k, v in named.items() if v}, safe=":/")
        return f"dynamodb://{self.table}" + (f"?{query}" if query else "")

    def ask(
        self, doing: str, call: Callable[[DynamoDBAPI], Answer], *, write: bool = False
    ) -> Answer:
        """One call of the service.

        Args:
            doing: what for, as errors say it: "claiming site-build (eu-west-1)".
            write: whether it writes an item, so that an answer that never came leaves a doubt.

        Raises:
            StoreError: whatever went wrong.
            ConditionFailed: a conditional write did not go through.
        """
        client = self._made(doing)
        from botocore.exceptions import BotoCoreError, ClientError

        self._tries.begin()
        sent_ms = self._clock.now_ms()
        try:
            answer = call(client)
        except ClientError as error:
            self.offset.saw(error.response, sent_ms, self._clock.now_ms())
            raise self._call(doing, write=write).refused(error) from error
        except BotoCoreError as error:
            raise self._call(doing, write=write).failed(error) from error
        self.offset.saw(answer, sent_ms, self._clock.now_ms())
        return answer

    def close(self) -> None:
        """Let go of the connections; the next call makes new ones. A client that was given is left alone."""
        with self._lock:
            client, self._client = self._client, None if self._own else self._client
        if self._own and client is not None:
            client.close()  # type: ignore[attr-defined]

    # --- the client ------------------------------------------------------------------------------

    def _made(self, doing: str) -> DynamoDBAPI:
        with self._lock:
            forked = self._own and self._made_in != os.getpid()  # connections cannot be shared
            if self._client is None or forked:
                self._client = self._make(doing)
                self._made_in = os.getpid()
                self._tries.watch(self._client)
            return self._client

    def _make(self, doing: str) -> DynamoDBAPI:
        try:
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise StoreError(
                f"{self.name} needs botocore, which is not installed ({error})",
                hint="pip install 'holdoff[aws]'",
            ) from error
        try:
            client: DynamoDBAPI = boto.client(
                "dynamodb",
                region=self._named_region(),
                endpoint=self._endpoint,
                connect_s=CONNECT_S,
                read_s=READ_S,
                tries=TRIES,
                connections=CONNECTIONS,
            )
        except BotoCoreError as error:
            raise self._call(doing).failed(error) from error
        except ValueError as error:
            raise ConfigError(
                field=f"the endpoint of dynamodb://{self.table}",
                got=_without_secrets(self._endpoint),
                want="a URL such as http://127.0.0.1:8000",
            ) from error
        return client

    def _named_region(self) -> str | None:
        environment = os.environ
        return (
            self._region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        )

    def _call(self, doing: str, *, write: bool = False) -> Call:
        return Call(
            name=self.name,
            table=self.table,
            region=self._named_region(),
            is_local=self._endpoint is not None,
            doing=doing,
            write=write,
            in_doubt=self._tries.in_doubt,
        )


def _without_secrets(endpoint: str | None) -> str | None:
    if endpoint is None or "@" not in endpoint:
        return endpoint
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _Tries:
    """Whether a try of this thread's present call went out and was not answered, so that it may be in all the same.

    Throttled after that does not mean that nothing was written.
    """

    def __init__(self) -> None:
        self._mine = threading.local()

    def watch(self, client: object) -> None:
        """See every try of a botocore client. Of a client of another kind nothing is seen."""
        events = getattr(getattr(client, "meta", None), "events", None)
        if events is not None:
            for operation in ("UpdateItem", "TransactWriteItems"):
                events.register(f"needs-retry.dynamodb.{operation}", self._saw)

    def begin(self) -> None:
        """A new call."""
        self._mine.in_doubt = False

    @property
    def in_doubt(self) -> bool:
        """Whether one try may be in."""
        return bool(getattr(self._mine, "in_doubt", False))

    def _saw(
        self, response: tuple[Any, Any] | None, caught_exception: Exception | None, **_: object
    ) -> None:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

        never_sent = isinstance(caught_exception, ConnectTimeoutError | EndpointConnectionError)
        failed = caught_exception is not None and not never_sent
        if failed or (response is not None and response[0].status_code >= 500):
            self._mine.in_doubt = True


class ServiceClock:
    """How far the service's clock is from this machine's, from the ``Date`` of its answers.

    ``Date`` has whole seconds, so one answer says only: the service read its clock within that second, between our
    sending and our receiving. Each further answer narrows it. Where they contradict each other a clock was set, and
    the newest counts.

    A clock within 2 s is left alone: two machines uncorrected in either direction, each with the half second that one
    answer cannot tell, are at most 5 s apart (``DynamoDBStore.clock_margin_ms``).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._low_ms: int | None = None
        self._high_ms = 0
        self._warned = False

    def saw(self, answer: Answer, sent_ms: int, received_ms: int) -> None:
        """Learn from an answer; without a ``Date``, or from a slow one, nothing."""
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        date_ms = _date_ms(headers.get("date"))
        if date_ms is None or not 0 <= received_ms - sent_ms <= QUICK_MS:
            return
        low_ms, high_ms = date_ms - received_ms, date_ms + 1_000 - sent_ms
        with self._lock:
            if self._low_ms is not None:
                narrow = max(low_ms, self._low_ms), min(high_ms, self._high_ms)
                low_ms, high_ms = narrow if narrow[0] <= narrow[1] else (low_ms, high_ms)
            self._low_ms, self._high_ms = low_ms, high_ms
            warn = self._offset() != 0 and not self._warned
            self._warned = self._warned or warn
        if warn:
            self._warn()

    def offset_ms(self) -> int:
        """What to add to this machine's time for the service's; 0 where they are at most 2 s apart, or not known."""
        with self._lock:
            return self._offset()

    def measured_ms(self) -> tuple[int, int] | None:
        """What to add to this machine's time for the service's, corrected or not, and how much it may be off."""
        with self._lock:
            if self._low_ms is None:
                return None
            return (self._low_ms + self._high_ms) // 2, (self._high_ms - self._low_ms + 1) // 2

    def _offset(self) -> int:
        if self._low_ms is None:
            return 0
        middle_ms = (self._low_ms + self._high_ms) // 2
        return middle_ms if abs(middle_ms) > OFFSET_MS else 0

    def _warn(self) -> None:
        offset_ms = self.offset_ms()
        log.warning(
            "this machine's clock is %.1f s %s DynamoDB's; Holdoff corrects for it, "
            "and setting the clock is better",
            abs(offset_ms) / 1000,
            "behind" if offset_ms > 0 else "ahead of",
        )


def _date_ms(header: object) -> int | None:
    from email.utils import parsedate_to_datetime

    try:
        return int(parsedate_to_datetime(str(header)).timestamp()) * 1_000
    except (ValueError, OverflowError):
        return None
