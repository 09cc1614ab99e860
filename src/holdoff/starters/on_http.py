"""What the starters of web services have in common: what an answer says of the build.

An answer, or the want of one (``sending``), says one of three things (``Verdict``): there certainly is no build, and
something has to be changed first (NEVER) or it passes by itself (NOT_NOW); or it is not known (UNKNOWN), and the claim
stays for its lease. Each service has rows of its own (``rows``); then come these:

    301, 307, 308   NEVER     it has moved, and no redirect is followed
    425, 429        NOT_NOW   no start is sent until ``Retry-After`` is over
    408, 409        UNKNOWN   an earlier request of the same token may be under way
    other 4xx       NEVER     refused before anything was done (RFC 9110, 15.5)
    all else        UNKNOWN   a 5xx comes from anything on the way; a 302 may follow a start (Jenkins once did that), or
                              lead to a page to log in at; a 2xx that is not as the service answers is no start

**Time-outs.** A start sends until SEND_BY_MS, and waits for the answer ANSWER_MS more; ``find`` and ``cancel`` take
ASK_MS each, with all their requests: 49 s, under the 60 s lease of a claim. Tries are the gate's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final

from holdoff.clock import Clock, SystemClock
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown, StoreUnavailable
from holdoff.core.request import Request, storable
from holdoff.core.shown import Unquoted, printable
from holdoff.core.token import instant_ms
from holdoff.core.units import http_date_ms, iso
from holdoff.core.value import Value
from holdoff.core.verdict import Verdict
from holdoff.starters.base import LOOK_BACK_MS, MAX_FROZEN_BYTES
from holdoff.starters.sending import Answer, Time, Unanswered, send
from holdoff.starters.templates import without_referenced

SEND_BY_MS: Final = 10_000
ANSWER_MS: Final = 15_000
ASK_MS: Final = 12_000
#: However long a service asks to wait.
LONGEST_WAIT_MS: Final = 3_600_000
PAGE: Final = 100
ENDS: Final = ("succeeded", "failed")
_LATER: Final = "When the claim's lease is over, the next trigger or wake finishes this start"


class Row(Value, kw_only=False):
    """One line of a table. ``words``: the body has one of these; ``header``: a header that it has, ``name`` or
    ``name: value``. Of several rows the first that fits counts."""

    statuses: Iterable[int]
    verdict: Verdict
    hint: str = ""
    words: tuple[str, ...] = ()
    header: str = ""

    def fits(self, answer: Answer) -> bool:
        """Whether it is about this answer."""
        name, _, value = self.header.partition(": ")
        has = answer.headers.get(name)
        return (
            answer.status in self.statuses
            and (not name or (has is not None and value in ("", has)))
            and (not self.words or any(word.encode() in answer.body.lower() for word in self.words))
        )


COMMON: Final = (
    Row((301, 307, 308), Verdict.NEVER, "It has moved: write its new address"),
    Row((425, 429), Verdict.NOT_NOW, "It asks to slow down, and it is tried again"),
    Row((408, 409), Verdict.UNKNOWN),
    Row(range(400, 500), Verdict.NEVER, "See the starter's settings, and what the service says of them"),
)
_NO_ROW: Final = Row((), Verdict.UNKNOWN)


class OnHttp:
    """A starter of one service. Each says what it sends, and where its answer has the build's id."""

    service: ClassVar[str]
    id_at: str | None  #: where the answer to a start has the build's id
    rows: tuple[Row, ...] = ()
    clock: Clock = SystemClock()
    start_budget_ms = SEND_BY_MS + ANSWER_MS + 2 * ASK_MS
    #: By clock and settings, until when no start is sent: a process may have several starters of the same settings.
    _not_before_ms: ClassVar[dict[tuple[Clock, str], int]] = {}
    #: Ask for the build with these parts; the build's id in an answer that says it was done (``None``: it has none).
    _send: Callable[[Time, dict[str, Any], Request, str], Answer]
    _id_in: Callable[[Answer, str], object]
    #: The state of the build with an id, as ``_status`` has it.
    _asked: Callable[[Time, str], str | None]

    def __init__(self, kind: str, parts: dict[str, Any], folder: str | None) -> None:
        """``kind``: of starter, as its setting is called; ``parts``: what it sends besides the request's own fields."""
        self.folder = folder
        self._parts = {"for": kind, **parts}
        self._frozen_parts = json.dumps(self._parts, sort_keys=True, separators=(",", ":"))
        if len(self._frozen_parts) > MAX_FROZEN_BYTES:
            want = f"settings of at most {MAX_FROZEN_BYTES:,} bytes: they are kept with each start"
            raise ConfigError(field=kind, got=Unquoted(f"{len(self._frozen_parts):,} bytes"), want=want)

    def freeze(self, request: Request) -> Request:
        """The request with all that is sent besides its own fields, as JSON text. References stay references."""
        return request.but(parameters=self._frozen_parts)

    def start(self, request: Request, token: str) -> str:
        """Start the build, and return its id.

        Raises:
            StartRefused: it certainly does not exist.
            StartUnknown: it may.
        """
        time, parts = Time.of(self.clock, SEND_BY_MS, ANSWER_MS), self._frozen(request)
        wait_ms = self._not_before_ms.get((self.clock, self._frozen_parts), 0) - self.clock.now_ms()
        if wait_ms > 0:
            raise self._no_start(f"it asked to wait, {-(-wait_ms // 1000)} s more", Verdict.NOT_NOW)
        try:
            answer = self._send(time, parts, request, token)
        except (ConfigError, StoreUnavailable) as error:  # of a reference; nothing was sent
            passes = isinstance(error, StoreUnavailable)
            raise self._no_start(error.message, Verdict.NOT_NOW if passes else Verdict.NEVER) from None
        except Unanswered as error:
            raise self._no_start(error.message, error.verdict, error.hint) from None
        if answer.is_done:
            return self._started(answer, token)
        row = self._row_of(answer)
        if row.verdict is Verdict.NOT_NOW:
            until_ms = self.clock.now_ms() + self._asked_to_wait_ms(answer)
            self._not_before_ms[self.clock, self._frozen_parts] = until_ms
        raise self._no_start(self._said(answer), row.verdict, row.hint)

    def _started(self, answer: Answer, token: str) -> str:
        found = self._id_in(answer, token)
        if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
            return printable(str(found)).strip() or token
        raise self._no_start(f"{self._said(answer)}, but without the id of a build ({self.id_at})", Verdict.UNKNOWN)

    def _row_of(self, answer: Answer) -> Row:
        return next((row for row in (*self.rows, *COMMON) if row.fits(answer)), _NO_ROW)

    def _frozen(self, request: Request) -> dict[str, Any]:
        """What was frozen, or is frozen now."""
        try:
            parts = json.loads(request.parameters or self._frozen_parts)
        except ValueError:
            parts = None
        if isinstance(parts, dict) and parts.get("for") == self._parts["for"]:
            return parts
        raise StartUnknown(
            f"this start of {request.project} was frozen by another starter than {self.service}",
            hint="Give the gate that starter back until the start is finished",
        )

    def _no_start(self, said: str, verdict: Verdict, hint: str | None = None) -> HoldoffError:
        if verdict is Verdict.UNKNOWN:
            hint = f"{_LATER}{', if there is no build yet' if hasattr(self, 'find') else ''}"
            return StartUnknown(f"{self.service}: {said}", hint=hint)
        said, passes = f"{self.service} did not start it: {said}", verdict is Verdict.NOT_NOW
        return StartRefused(said, hint=hint or None, worth_retrying=passes)

    def _asked_to_wait_ms(self, answer: Answer) -> int:
        """https://www.rfc-editor.org/rfc/rfc9110#name-retry-after"""
        text = answer.headers.get("retry-after", "")
        try:
            wait_ms = int(text[:6]) * 1000 if text.isdecimal() else http_date_ms(text) - self.clock.now_ms()
        except (ValueError, TypeError, OverflowError):
            return 0
        return max(0, min(wait_ms, LONGEST_WAIT_MS))

    def _said(self, answer: Answer) -> str:
        words = storable(printable(without_referenced(self._words(answer))).strip(), 200)
        return f"it answered {answer.status}" + (f" ({words})" if words else "")

    def _words(self, answer: Answer) -> str:
        """What an answer says in words."""
        return ""

    def _status(self, build_id: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; ``None``: no such build here.

        Raises:
            HoldoffError: it could not be asked.
        """
        return self._asked(Time.of(self.clock, ASK_MS), build_id)

    def _told(self, answer: Answer) -> Any:
        """What the answer to a question says.

        Raises:
            HoldoffError: it is none.
        """
        if not answer.is_done:
            raise HoldoffError(f"{self.service}: {self._said(answer)}")
        return answer.json()


class OnApi(OnHttp):
    """A starter of a service with an API, whose builds have numbers, and can be listed."""

    id_at: str
    _headers: Callable[[Time], dict[str, str]]
    #: The URL of a build; the id of the one with a token among all since an instant; the state that an answer tells.
    _url_of: Callable[[str], str]
    _found: Callable[[Time, dict[str, Any], Request, str], str | None]
    _state: Callable[[dict[str, Any]], str | None]

    def _id_in(self, answer: Answer, token: str) -> object:
        said = answer.json()
        return said.get(self.id_at) if isinstance(said, dict) else None

    def _ask(self, time: Time, method: str, url: str, **body: Any) -> Answer:
        return send(time, method, url, headers=self._headers(time), **body)

    def _find(self, token: str, request: Request) -> str | None:
        """The build with this token, if there is one.

        Raises:
            StartUnknown: that cannot be told.
        """
        try:
            return self._found(Time.of(self.clock, ASK_MS), self._frozen(request), request, token)
        except (HoldoffError, LookupError, TypeError, AttributeError) as error:
            said = error.message if isinstance(error, HoldoffError) else f"{self.service} answered something else"
            raise StartUnknown(f"cannot look among the builds: {said}") from None

    def _pages(self, time: Time, url: str, token: str, listed: str | None = None) -> Iterator[dict[str, Any]]:
        """The builds that may have a token, the newest first. ``url``: ends where the instant belongs."""
        since = iso(max(0, (instant_ms(token) or 0) - LOOK_BACK_MS))[:19]
        url += f"{since}Z&per_page={PAGE}&page="
        page = 1
        builds: list[Any] = [{}] * PAGE
        while len(builds) == PAGE:
            builds = self._list(self._ask(time, "GET", f"{url}{page}"), listed)
            yield from builds
            page += 1

    def _list(self, answer: Answer, at: str | None = None) -> list[Any]:
        """The list in an answer. An answer without one may be a proxy's: it does not prove that there are no builds."""
        said = self._told(answer)
        listed = said if at is None else said.get(at)
        if not isinstance(listed, list):
            raise HoldoffError(f"{self.service} answered something else")
        return listed

    def _asked(self, time: Time, build_id: str) -> str | None:
        answer = self._ask(time, "GET", self._url_of(build_id)) if build_id.isdecimal() else None
        said = None if answer is None or answer.status == 404 else self._told(answer)
        return self._state(said) if isinstance(said, dict) else None

    def _cancel(self, build_id: str) -> None:
        """Stop it. One that has ended stays as it is.

        Raises:
            HoldoffError: it could not be stopped, or there is none.
        """
        if not build_id.isdecimal():
            raise HoldoffError(f"{self.service} has no build {build_id}")
        time = Time.of(self.clock, ASK_MS)
        answer = self._ask(time, "POST", f"{self._url_of(build_id)}/cancel")
        if answer.status != 409 or self._asked(time, build_id) not in ENDS:
            self._told(answer)


def endpoint_in(value: object, otherwise: str) -> str:
    """The setting ``endpoint``: where the service's API is.

    Raises:
        ConfigError: it is no plain URL.
    """
    text = otherwise if value is None else value.rstrip("/") if isinstance(value, str) else ""
    if not text.startswith(("https://", "http://")) or any(mark in text for mark in "@?#{} \n"):
        raise ConfigError(field="endpoint", got=Unquoted("something else"), want=f"a URL such as {otherwise}")
    return text
