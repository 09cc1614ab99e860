"""Any build hook as a starter: a URL that starts a build, of Netlify, Vercel, Render, Jenkins or your own.

``docs/starters.md`` has the settings for each service, and where the service documents them.

**Tokens.** Each start carries its token in the header ``Idempotency-Key``, or where a text says ``{token}``. Most hooks
ignore the token and cannot find a build by it. So a start without an answer is sent again after the claim's lease, and
may build twice. ``token_memory`` is for services that document how long they remember a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import quote

from holdoff.core.errors import ConfigError, HoldoffError, Verdict
from holdoff.core.request import Request
from holdoff.core.shown import MISSING, Unquoted, printable, shown_name
from holdoff.core.units import Duration, parse_duration
from holdoff.references import UNSHOWN
from holdoff.starters.on_http import ASK_MS, ENDS, OnHttp, Row
from holdoff.starters.sending import Answer, Time, send
from holdoff.starters.templates import OF_A_BUILD, STARTING, body_of, entries_in, filled, found_at, text_in, values_of

_METHODS: Final = ("POST", "PUT", "PATCH", "GET", "DELETE")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,60}")
IDEMPOTENCY: Final = "idempotency-key"


class Webhook(OnHttp):
    """Starts builds by a request to a URL.

    Texts are filled in (``templates``) with secrets, by reference, and with fields of the trigger.

    Args:
        url: where to send the request; with a reference, because such URLs are secrets.
        method: default: POST.
        headers: headers of every request to the service; secrets by reference.
        json, form: the body, one of them or none.
        refused: statuses, besides most 4xx ones, that mean: there certainly is no build.
        id: where the answer has the build's id: ``deploy.id``, or ``header:Location`` (its last part). Without ``id``,
            or if a 202 has no body, the token is the build's id.
        status_url: where to ask for a build's state, with ``{build_id}`` in it.
        state: where the answer to that has the state. If there are several, all of them with blanks between.
        succeeded, failed: the states, with stars, of builds that succeeded or failed. In any other state a build runs.
        cancel_url, cancel_method: how to stop a build.
        token_memory: for how long the service remembers a token, by its documentation.
        build_lease: how long a build can take at most; without ``status_url`` it counts as ended then.
        folder: where the relative paths of ``file:`` references start.

    Raises:
        ConfigError: an argument is not what it should be.
    """

    service = "the build hook"
    #: There only with ``status_url``; and only with ``cancel_url``.
    status: Callable[[str], str | None]
    cancel: Callable[[str], None]

    def __init__(
        self,
        url: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        refused: Sequence[int] = (),
        id: str | None = None,  # noqa: A002  (as the setting is called)
        status_url: str | None = None,
        state: str | Sequence[str] = (),
        succeeded: Sequence[str] = (),
        failed: Sequence[str] = (),
        cancel_url: str | None = None,
        cancel_method: str = "POST",
        token_memory: object = 0,
        build_lease: Duration = "2h",
        folder: str | None = None,
    ) -> None:
        named = entries_in("headers", _header_names(headers), STARTING)
        parts: dict[str, Any] = {
            "method": _method_in("method", method),
            "url": text_in("webhook", url, STARTING, secret=True, url=True),
            "headers": {name.lower(): text for name, text in named.items()},  # so that none is sent twice
            "body": _body_in(json, form),
        }
        if "{token}" not in repr(parts):
            if IDEMPOTENCY in parts["headers"]:
                want = "'{token}': a build that is started again for the same event is another one"
                raise ConfigError(field=f"headers.{IDEMPOTENCY}", got=UNSHOWN, want=want)
            parts["headers"][IDEMPOTENCY] = "{token}"
        super().__init__("webhook", parts, folder)
        want = "a list of statuses from 300 to 599, such as [302, 503]"
        self.rows: tuple[Row, ...] = tuple(
            Row((status,), Verdict.NOT_NOW if status >= 500 else Verdict.NEVER)
            for status in _listed("refused", refused, lambda one: one in range(300, 600), want)
        )
        self.id_at: str | None = None if id is None else text_in("id", id)
        self._cancel_method = _method_in("cancel_method", cancel_method)
        if status_url is not None:
            self._follow(status_url, state, succeeded, failed)
        elif state or succeeded or failed:
            raise ConfigError(field="status_url", got=MISSING, want="it, beside state, succeeded and failed")
        if cancel_url is not None:
            self._cancel_url = text_in("cancel_url", cancel_url, OF_A_BUILD, url=True)
            self.cancel = self._cancel
        self.token_memory_ms: int = parse_duration(token_memory, field="token_memory")
        self.build_lease_ms: int = parse_duration(build_lease, field="build_lease")
        if not self.build_lease_ms:
            raise ConfigError(field="build_lease", got=build_lease, want="how long a build can take, such as '30m'")

    def _follow(self, url: str, state: object, succeeded: object, failed: object) -> None:
        paths = [state] if isinstance(state, str) else state
        paths = _beside_status_url("state", paths, "where the answer has the state, such as 'status'")
        want = "a list of states, such as ['live', '*_failed']"
        ends = {"succeeded": succeeded, "failed": failed}
        self._ends = {name: _beside_status_url(name, patterns, want) for name, patterns in ends.items()}
        self._status_url = text_in("status_url", url, OF_A_BUILD, url=True)
        self._state = [text_in("state", path, OF_A_BUILD) for path in paths]
        self.status = self._status

    def _send(self, time: Time, parts: dict[str, Any], request: Request, token: str) -> Answer:
        values = values_of(request, token)
        url = filled(parts["url"], values, self.folder, _in_url) or ""
        body = {name: body_of(given, values, self.folder) for name, given in parts["body"].items()}
        return send(time, parts["method"], url, headers=self._headers(parts["headers"], values), **body)

    def _headers(self, texts: Mapping[str, str], values: Mapping[str, str | None]) -> dict[str, str]:
        found = ((name, filled(text, values, self.folder, _in_header)) for name, text in texts.items())
        return {name: value for name, value in found if value is not None}

    def _id_in(self, answer: Answer, token: str) -> object:
        if self.id_at is None:
            return token
        kind, _, name = self.id_at.partition(":")
        if kind == "header":
            found: object = answer.headers.get(name.strip().lower(), "").rstrip("/").rpartition("/")[2]
        else:
            found = found_at(answer.json(), self.id_at, {})
        # A login page is a 200 without an id, too. Render answers a deploy that it queues with a 202 and no body.
        is_queued = answer.status == 202 and answer.is_whole and not answer.body.strip()
        return token if is_queued and found in (None, "") else found

    def _ask(self, time: Time, method: str, url: str, build_id: str) -> Answer:
        values = {"build_id": build_id}
        of_a_trigger = [f"{{{name}" for name in (*STARTING, "environment.")]
        texts = self._parts["headers"].items()
        headers = {name: text for name, text in texts if not any(field in text for field in of_a_trigger)}
        to = filled(url, values, self.folder, _in_url) or ""
        return send(time, method, to, headers=self._headers(headers, values))

    def _state_of(self, time: Time, build_id: str) -> str | None:
        answer = self._ask(time, "GET", self._status_url, build_id)
        body = None if answer.status in (404, 410) else self._done(answer).json()
        if not body:
            return None
        states = [found_at(body, path, {"build_id": build_id}) for path in self._state]
        state = " ".join(one if isinstance(one, str) else json.dumps(one) for one in states)
        ends = (name for name, patterns in self._ends.items() if any(fnmatchcase(state, one) for one in patterns))
        return next(ends, "running")

    def _cancel(self, build_id: str) -> None:
        time = Time(self.clock, ASK_MS)
        answer = self._ask(time, self._cancel_method, self._cancel_url, build_id)
        if not answer.is_done and not (hasattr(self, "status") and self._state_of(time, build_id) in ENDS):
            raise HoldoffError(f"{self.service} did not stop {build_id}: {self._summary(answer)}")


def _body_in(json: object, form: object) -> dict[str, Any]:
    if json is not None and form is not None:
        raise ConfigError(field="form", got=Unquoted("there"), want="one body: json or form")
    if json is not None:
        return {"json": entries_in("json", json, STARTING, nested=True)}
    return {} if form is None else {"data": entries_in("form", form, STARTING)}


def _in_url(value: str) -> str:
    """A value quoted for a URL, also ``.`` and ``..``, which the client would take for steps in the path."""
    return quote(value, safe="") if value.strip(".") else "%2E" * len(value)


def _in_header(value: str) -> str:
    return printable(value.encode("ascii", "replace").decode())


def _method_in(field: str, value: object) -> str:
    if value not in _METHODS:
        raise ConfigError(field=field, got=UNSHOWN, want=f"one of {', '.join(_METHODS)}")
    return str(value)


def _listed(field: str, value: object, fits: Callable[[object], bool], want: str) -> list[Any]:
    listed = list(value) if isinstance(value, list | tuple) else [None]
    if not all(map(fits, listed)):
        raise ConfigError(field=field, got=UNSHOWN, want=want)
    return listed


def _beside_status_url(field: str, value: object, want: str) -> list[str]:
    listed = _listed(field, value, lambda one: isinstance(one, str), want)
    if not listed:
        raise ConfigError(field=field, got=MISSING, want=f"it, beside status_url: {want}")
    return listed


def _header_names(headers: object) -> object:
    for name, text in headers.items() if isinstance(headers, Mapping) else ():
        is_named = isinstance(name, str) and _HEADER.fullmatch(name)
        if not is_named or not str(text).isascii():
            got, want = ("not ASCII", "only ASCII") if is_named else ("no header", "a name such as Authorization")
            raise ConfigError(field=f"headers.{shown_name(str(name))}", got=Unquoted(got), want=want)
    return headers
