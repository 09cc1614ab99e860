"""The common part of the starters of web services: what an answer says about the build.

An answer, or a missing one (``sending``), says one of three things (``Verdict``). NEVER: there certainly is no build,
and something has to be changed first. NOT_NOW: there certainly is no build, and the cause passes by itself. UNKNOWN: a
build may exist, and the claim stays for its lease. The first row that fits an answer counts, of those of the service
(``rows``) and then of those for all services (``COMMON``).

**Time-outs.** A start is sent by SEND_BY_MS, and waits for the answer ANSWER_MS more. ``find`` and ``cancel`` take
ASK_MS each, with all their requests. That is 49 s, under the 60 s lease of a claim. The gate retries, not the starter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final

from holdoff.clock import Clock, SystemClock, TimeLimit, http_date_ms
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown, StoreUnavailable, Verdict
from holdoff.core.request import Request, storable
from holdoff.core.shown import Unquoted, printable
from holdoff.core.token import instant_ms
from holdoff.core.units import iso
from holdoff.core.value import Value
from holdoff.references import UNSHOWN
from holdoff.starters.base import GIVE_UP, LOOK_BACK_MS, MAX_FROZEN_BYTES, frozen_parameters
from holdoff.starters.sending import Answer, Time, Unanswered, send
from holdoff.starters.templates import check_secrets, without_referenced

SEND_BY_MS: Final = 10_000
ANSWER_MS: Final = 15_000
ASK_MS: Final = 12_000
#: A service cannot ask for a longer wait.
LONGEST_WAIT_MS: Final = 3_600_000
PAGE: Final = 100
ENDS: Final = ("succeeded", "failed")


class Row(Value, kw_only=False):
    """What answers of these statuses say. ``words``: the body has one of these; ``header``: the answer has this header,
    ``name`` or ``name: value``."""

    statuses: Iterable[int]
    verdict: Verdict
    hint: str = ""
    words: tuple[str, ...] = ()
    header: str = ""

    def fits(self, answer: Answer) -> bool:
        name, _, value = self.header.partition(": ")
        has = answer.headers.get(name)
        return (
            answer.status in self.statuses
            and (not name or (has is not None and value in ("", has)))
            and (not self.words or any(word.encode() in answer.body.lower() for word in self.words))
        )


#: No redirect is followed. After a 408 or 409 an earlier request of the same token may be in progress. Another 4xx
#: refuses before anything is done (RFC 9110, 15.5).
COMMON: Final = (
    Row((301, 307, 308), Verdict.NEVER, "It has moved: write its new address"),
    Row((425, 429), Verdict.NOT_NOW, "It asks to slow down, and it is tried again"),
    Row((408, 409), Verdict.UNKNOWN),
    Row(range(400, 500), Verdict.NEVER, "See the starter's settings, and what the service says of them"),
)
#: Any proxy may send a 5xx. A 302 may follow a start (Jenkins once did that), or lead to a login page.
_NO_ROW: Final = Row((), Verdict.UNKNOWN)


class OnHttp:
    """A starter of one service. A subclass says what it sends, and where the answer has the build's id. The public
    methods are described in ``starters.base``; those that not each starter has begin with ``_`` here."""

    service: ClassVar[str]
    id_at: str | None  #: where the answer to a start has the build's id
    rows: tuple[Row, ...] = ()
    clock: Clock = SystemClock()
    start_budget_ms = SEND_BY_MS + ANSWER_MS + 2 * ASK_MS
    #: How long the service asked to wait, by clock and settings: several starters may have the same settings.
    _asked_to_wait: ClassVar[dict[tuple[Clock, str], TimeLimit]] = {}
    #: Send a start with these parts; and: the build's id in the answer to a start that succeeded (``None``: none).
    _send: Callable[[Time, dict[str, Any], Request, str], Answer]
    _id_in: Callable[[Answer, str], object]
    #: The state of a build by its id, as in ``_status``.
    _state_of: Callable[[Time, str], str | None]

    def __init__(self, kind: str, parts: dict[str, Any], folder: str | None) -> None:
        """``kind``: the name of the starter's setting; ``parts``: what it sends besides the fields of the request."""
        self.folder = folder
        self._parts = {"for": kind, **parts}
        self._frozen_parts = json.dumps(self._parts, sort_keys=True, separators=(",", ":"))
        if len(self._frozen_parts) > MAX_FROZEN_BYTES:
            want = f"settings of at most {MAX_FROZEN_BYTES:,} bytes: they are kept with each start"
            raise ConfigError(field=kind, got=Unquoted(f"{len(self._frozen_parts):,} bytes"), want=want)

    def check_secrets(self) -> None:
        """Raise ``ConfigError`` if a secret is missing that should be on this machine."""
        check_secrets([value for name, value in vars(self).items() if name != "_frozen_parts"], self.folder)

    def freeze(self, request: Request) -> Request:
        """The request with all else that is sent, as JSON text. References stay references."""
        return request.but(parameters=self._frozen_parts)

    def start(self, request: Request, token: str) -> str:
        time, parts = Time(self.clock, SEND_BY_MS, ANSWER_MS), self._frozen(request)
        asked_to_wait = self._asked_to_wait.get((self.clock, self._frozen_parts))
        if asked_to_wait is not None and (left_ms := asked_to_wait.left_ms()):
            raise self._failed(f"it asked to wait, {-(-left_ms // 1000)} s more", Verdict.NOT_NOW)
        try:
            answer = self._send(time, parts, request, token)
        except (ConfigError, StoreUnavailable) as error:  # a secret could not be fetched; nothing was sent
            passes = isinstance(error, StoreUnavailable)
            raise self._failed(error.message, Verdict.NOT_NOW if passes else Verdict.NEVER) from None
        except Unanswered as error:
            raise self._failed(error.message, error.verdict, error.hint) from None
        if answer.is_done:
            return self._started(answer, token)
        row = self._row_of(answer)
        if row.verdict is Verdict.NOT_NOW:
            asked_to_wait = TimeLimit(self.clock, self._asked_to_wait_ms(answer))
            self._asked_to_wait[self.clock, self._frozen_parts] = asked_to_wait
        raise self._failed(self._summary(answer), row.verdict, row.hint)

    def _started(self, answer: Answer, token: str) -> str:
        found = self._id_in(answer, token)
        if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
            return printable(str(found)).strip() or token
        raise self._failed(f"{self._summary(answer)}, but without the id of a build ({self.id_at})", Verdict.UNKNOWN)

    def _row_of(self, answer: Answer) -> Row:
        return next((row for row in (*self.rows, *COMMON) if row.fits(answer)), _NO_ROW)

    def _frozen(self, request: Request) -> dict[str, Any]:
        return frozen_parameters(self, request, lambda parts: parts.get("for") == self._parts["for"])

    def _failed(self, message: str, verdict: Verdict, hint: str | None = None) -> HoldoffError:
        if verdict is Verdict.UNKNOWN:
            return StartUnknown(f"{self.service}: {message}")
        message, passes = f"{self.service} did not start it: {message}", verdict is Verdict.NOT_NOW
        return StartRefused(message, hint=hint or None, worth_retrying=passes)

    def _asked_to_wait_ms(self, answer: Answer) -> int:
        """https://www.rfc-editor.org/rfc/rfc9110#name-retry-after"""
        text = answer.headers.get("retry-after", "")
        try:
            wait_ms = int(text[:6]) * 1000 if text.isdecimal() else http_date_ms(text) - self.clock.now_ms()
        except (ValueError, OverflowError):
            return 0
        return max(0, min(wait_ms, LONGEST_WAIT_MS))

    def _summary(self, answer: Answer) -> str:
        words = storable(printable(without_referenced(self._message_in(answer))).strip(), 200)
        return f"it answered {answer.status}" + (f" ({words})" if words else "")

    def _message_in(self, answer: Answer) -> str:
        return ""

    def _status(self, build_id: str) -> str | None:
        return self._state_of(Time(self.clock, ASK_MS), build_id)

    def _done(self, answer: Answer) -> Answer:
        """The answer. Raises ``HoldoffError`` if it is an error."""
        if not answer.is_done:
            raise HoldoffError(f"{self.service}: {self._summary(answer)}")
        return answer


class OnApi(OnHttp):
    """A starter of a service with an API, whose builds have numbers and can be listed."""

    id_at: str
    _headers: Callable[[Time], dict[str, str]]
    #: The URL of a build; the id of the build with a token, among all since its instant; the state in an answer.
    _url_of: Callable[[str], str]
    _found: Callable[[Time, dict[str, Any], Request, str], str | None]
    _state: Callable[[dict[str, Any]], str | None]
    #: Whether an answer certainly is the service's to a request to stop a build.
    _cancels: Callable[[Answer], bool]

    def _id_in(self, answer: Answer, token: str) -> object:
        return answer.table().get(self.id_at)

    def _ask(self, time: Time, method: str, url: str, **body: Any) -> Answer:
        return send(time, method, url, headers=self._headers(time), **body)

    def _find(self, token: str, request: Request) -> str | None:
        try:
            return self._found(Time(self.clock, ASK_MS), self._frozen(request), request, token)
        except (HoldoffError, LookupError, TypeError) as error:
            why = error if isinstance(error, HoldoffError) else HoldoffError(f"{self.service} answered something else")
            raise StartUnknown(f"cannot look among the builds: {why.message}", hint=why.hint or GIVE_UP) from None

    def _pages(
        self, time: Time, url: str, token: str, listed: str | None = None, end: str = ""
    ) -> Iterator[dict[str, Any]]:
        """The builds that may have a token, the newest first. ``url``: up to the instant; ``end``: what follows it."""
        since = iso(max(0, (instant_ms(token) or 0) - LOOK_BACK_MS))[:19]
        url += f"{since}Z{end}&per_page={PAGE}&page="
        page = 1
        builds: list[Any] = [{}] * PAGE
        while len(builds) == PAGE:
            builds = self._list(self._ask(time, "GET", f"{url}{page}"), listed)
            yield from builds
            page += 1

    def _list(self, answer: Answer, at: str | None = None) -> list[Any]:
        """The list in an answer. An answer without a list may be a proxy's, and proves nothing about builds."""
        answer = self._done(answer)
        listed = answer.json() if at is None else answer.table().get(at)
        if not isinstance(listed, list):
            raise HoldoffError(f"{self.service} answered something else")
        return listed

    def _state_of(self, time: Time, build_id: str) -> str | None:
        if not build_id.isdecimal():
            return None
        answer = self._ask(time, "GET", self._url_of(build_id))
        return None if answer.status == 404 else self._state(self._done(answer).table())

    def _cancel(self, build_id: str) -> None:
        if not build_id.isdecimal():
            raise HoldoffError(f"{self.service} has no build {build_id}")
        time = Time(self.clock, ASK_MS)
        answer = self._ask(time, "POST", f"{self._url_of(build_id)}/cancel")
        if answer.status == 409 and self._state_of(time, build_id) in ENDS:
            return
        if not self._cancels(self._done(answer)):  # a proxy's page, say: the build may go on
            raise HoldoffError(f"{self.service} answered something else")


def endpoint_in(value: object, otherwise: str) -> str:
    """The setting ``endpoint``, the URL of the service's API. Raises ``ConfigError`` if it is no plain URL."""
    text = otherwise if value is None else value.rstrip("/") if isinstance(value, str) else ""
    if not text.startswith(("https://", "http://")) or any(mark in text for mark in "@?#{} \n"):
        raise ConfigError(field="endpoint", got=UNSHOWN, want=f"a URL such as {otherwise}")
    return text
