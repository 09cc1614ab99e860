"""The pages: all gates at ``/``, one gate at ``/gates/PROJECT``. They are rendered here and complete without scripts.

A form is carried out as the API's operation of the same name, with the same checks and rights. A browser may send a
form only from these pages: the origin is checked, the cookies are ``SameSite=Lax``, and a form repeats the secret in a
cookie, which no other site can know. A GET changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from holdoff.clock import new_token
from holdoff.core.decision import Why
from holdoff.core.errors import ConfigError, HoldoffError
from holdoff.core.request import MAX_EVENT_ID, GateKey, storable
from holdoff.core.shown import escaped
from holdoff.core.token import instant_ms
from holdoff.core.units import iso, say_age, say_duration
from holdoff.observe import explain as answers
from holdoff.observe.status import ATTENTION, marks_in, say_instant, triggers_of
from holdoff.server.access import COOKIE, Caller, check_origin
from holdoff.server.api import OPERATIONS, Operation, carried_out
from holdoff.server.board import MOST_OF_ONE, Histories, board, row_of
from holdoff.server.bodies import read
from holdoff.server.drawing import ZOOMS, Window
from holdoff.server.live import Watch
from holdoff.server.problems import Problem
from holdoff.server.site import Site
from holdoff.server.what_if import FIELDS, asked_of, look

CSP: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
FORM_COOKIE: Final = "holdoff_form"
FORM: Final = "application/x-www-form-urlencoded"
#: How many pages are made at once.
AT_ONCE: Final = 4
#: How many replays may wait for their turn; further ones are refused.
MOST_WAITING: Final = 8
MOST_FORM: Final = 16_384
LISTED_BUILDS: Final = 50
#: What the first page's list offers. No gate is stale there: no age is given from which a trigger would be.
ONLY: Final = ("attention", *(name for name in ATTENTION if name != "stale"), "ready", "cooling_down")
#: The operations of the API that have a form: the form's title, a field of its own, and that field's label.
ACTS: Final = {
    "trigger": ("Ask for a build", "force", "force it: start now, whatever the gate waits for"),
    "hold": ("Hold", "duration", "for how long, such as 2h; empty: until it is resumed"),
    "resume": ("Resume", "", ""),
    "reset": ("Reset: end the cooldown", "drop_pending", "drop what is pending, too"),
}
DONE: Final = {"hold": "The gate was put on hold.", "resume": "The hold was ended.", "reset": "The gate was reset."}
OPERATION: Final = {one.path.strip("/"): one for one in OPERATIONS if one.method == "POST"}
_PLAIN: Final = re.compile(r"[\w-][\w.-]*", re.ASCII)
_KINDS: Final = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_FILES: Final = files("holdoff.server")
_STATIC: Final = {name: _FILES.joinpath("static", name).read_bytes() for name in _KINDS}
_VERSION: Final = hashlib.sha256(b"".join(_STATIC.values())).hexdigest()[:12]


def gate_url(key: GateKey, **more: str) -> str:
    """The URL of a gate's page. Browsers and proxies change unusual paths, so a name that is not plain is in the
    query."""
    is_plain = _PLAIN.fullmatch(key.name) is not None
    named = {"project": "" if is_plain else key.name, "key": key.key, "region": key.region, **more}
    asked = urlencode({name: value for name, value in named.items() if value})
    return f"/gates/{key.name if is_plain else ''}?{asked}"


_templates: Final = Environment(
    # Jinja's own loader of packages finds nothing in a zip that is called ./holdoff.pyz.
    loader=DictLoader({file.name: file.read_text(encoding="utf-8") for file in _FILES.joinpath("templates").iterdir()}),
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
_templates.globals |= {
    "age": lambda ms, now_ms: say_age(now_ms - ms), "duration": say_duration, "instant": say_instant, "iso": iso,
    "triggers_of": triggers_of, "reasons_of": answers.reasons_of,
    "gate_url": gate_url, "what_if_fields": FIELDS, "zooms": tuple(ZOOMS),
    "static": lambda name: f"/static/{name}?{_VERSION}",
}  # fmt: skip
#: A page of this server: a login leads to no other place.
_PAGE: Final = re.compile(r"/(gates/|what-if\?|\?)")
#: A form field's value, which comes back as it is; or characters that may not print.
_VALUE_OR_CHARS: Final = re.compile(r'value="[^"]*"|[^\n -~]+')
Handler = Callable[[Request], Awaitable[Response]]


def html(template: str, status: int = 200, **about: Any) -> Response:
    text = _templates.get_template(template).render(about)
    text = _VALUE_OR_CHARS.sub(lambda found: found[0] if found[0].startswith("value=") else escaped(found[0]), text)
    # With "no-referrer" a browser would send the forms of this page with "Origin: null".
    headers = {"content-security-policy": CSP, "referrer-policy": "same-origin"}
    return Response(text.encode("utf-8", "replace"), status, headers, "text/html; charset=utf-8")


def routes(site: Site) -> list[BaseRoute]:
    pages = Pages(site)
    return [
        Route("/", pages.shown(pages.overview)),
        Route("/gates/{project:path}", pages.shown(pages.gate)),
        Route("/gates/{project:path}", pages.shown(pages.act), methods=["POST"]),
        Route("/what-if", pages.shown(pages.what_if)),
        Route("/login", pages.shown(pages.login), methods=["POST"]),
        Route("/logout", pages.shown(pages.logout), methods=["POST"]),
        Route("/live", Watch(site).stream),
        Route("/static/{name}", _static),
    ]


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise Problem(404, "no such page")
    return Response(_STATIC[name], headers={"cache-control": "public, max-age=31536000"}, media_type=_KINDS[name])


class Pages:
    def __init__(self, site: Site) -> None:
        self.site: Site = site
        self.histories: Histories = Histories()
        # Pages take processor time. They wait for one another, so that hooks and calls of the API need not wait for
        # them.
        self.views: CapacityLimiter = CapacityLimiter(AT_ONCE)
        self.turns: CapacityLimiter = CapacityLimiter(1)  # replays take more, and no other page waits for them

    def shown(self, page: Handler) -> Handler:
        """The route that shows a page, or a page for its error. A caller that is not known is asked to log in."""

        async def answer(request: Request) -> Response:
            try:
                return await page(request)
            except (Problem, HoldoffError) as error:
                problem = Problem.of(error)
            to = getattr(request.state, "to", request.url.path + (f"?{request.url.query}" if request.url.query else ""))
            shown = html("problem.html", problem.status, problem=problem, caller=None, form="", to=to)
            shown.headers.update(problem.headers)
            if problem.status == 401 and COOKIE in request.cookies:
                _drop_cookie(shown)  # otherwise a revoked token would count before the user that a proxy names
            return shown

        return answer

    async def overview(self, request: Request) -> Response:
        caller = self._looks(request)
        asked, zoom = request.query_params, _zoom(request)
        text, only = asked.get("q", "")[:200].strip(), asked.get("only", "")[:200]
        page = int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 6 else 1

        def here(**change: object) -> str:
            wanted = {"zoom": zoom, "q": text, "only": only, "page": ""} | change
            return "/?" + urlencode({name: value for name, value in wanted.items() if value})

        about: dict[str, Any] = {"zoom": zoom, "q": text, "only": only, "here": here, "names": ONLY, "caller": caller}

        def show() -> Response:
            found = board(self.site, self.histories, zoom, text, marks_in(only), max(page, 1))
            return self._with_form(request, "overview.html", board=found, window=found["window"], **about)

        return await run_sync(show, limiter=self.views)

    async def gate(self, request: Request) -> Response:
        caller = self._looks(request)
        return await self._gate(request, caller, done=DONE.get(request.query_params.get("done", ""), ""))

    async def _gate(self, request: Request, caller: Caller, *, status: int = 200, **more: Any) -> Response:
        zoom = _zoom(request)
        asked = storable(request.query_params.get("ask", "").strip(), MAX_EVENT_ID)

        acts = {what: one for what, one in ACTS.items() if OPERATION[what].scope in caller.scopes}
        about = {"zoom": zoom, "caller": caller, "acts": acts, "ask": asked, "done": "", "problem": None, "sent": {}}
        about["once"] = new_token(self.site.clock)

        def show() -> Response:
            key = self._key(request)
            scene = self.site.scene(key)
            window = Window.of(zoom, scene.now_ms)
            builds = list(scene.builds(MOST_OF_ONE))
            row = row_of(scene, scene.status, builds, MOST_OF_ONE, window)
            says = answers.explain_gate(scene).lines
            answer = _asked(self.site, scene, asked) if asked else None
            seen = {"key": key, "row": row, "says": says, "answer": answer, "listed": builds[:LISTED_BUILDS]}
            seen["outcome_of"] = scene.outcome_of
            return self._with_form(request, "gate.html", status, window=window, **about | more | seen)

        return await run_sync(show, limiter=self.views)

    async def what_if(self, request: Request) -> Response:
        caller = self._looks(request)
        asked = asked_of(request.query_params)
        if self.turns.statistics().tasks_waiting >= MOST_WAITING:
            raise Problem(503, "too many replays at once: try again in a minute")

        def show() -> Response:
            key = self._key(request)
            answer, problem = look(self.site, key, asked)
            status = 422 if problem else 200
            about = {"key": key, "caller": caller, "asked": asked, "answer": answer, "problem": problem}
            return self._with_form(request, "what_if.html", status, **about)

        return await run_sync(show, limiter=self.turns)

    async def act(self, request: Request) -> Response:
        check_origin(request)
        caller = self._looks(request)
        form = await self._form(request)
        operation = OPERATION.get(form.get("what", "")) if form.get("what") in ACTS else None
        if operation is None:
            raise Problem(422, f"'what' must be one of {', '.join(ACTS)}")
        caller.needs(operation.scope)
        try:
            key, done = await run_sync(self._carry_out, request, caller, operation, form)
        except (Problem, HoldoffError) as error:
            problem = Problem.of(error)
            return await self._gate(request, caller, status=problem.status, problem=problem, sent=form)
        told = {"ask": done["id"]} if "outcome" in done else {"done": form["what"]}
        if done.get("why") == Why.DUPLICATE:
            told = {"ask": form["once"]}  # explain the trigger that came first
        return RedirectResponse(gate_url(key, **told), 303)

    def _carry_out(
        self, request: Request, caller: Caller, operation: Operation, form: dict[str, str]
    ) -> tuple[GateKey, dict[str, Any]]:
        what, key = form["what"], self._key(request)
        if form.get("sure") != "yes":
            raise Problem(422, "nothing was done: tick the box to confirm")
        by, why = form.get("by", "").strip(), form.get("why", "").strip()
        if not why or not (by or caller.name):
            raise Problem(422, "nothing was done: say who, and why")
        asked = {"project": key.name, "key": key.key, "region": key.region, "by": by or None}
        # The id makes a form that is sent twice, by a double click, a duplicate.
        asked |= {"reason": why, "event_id": form.get("once") or None} if what == "trigger" else {"why": why}
        extra = ACTS[what][1]
        if form.get(extra):
            asked[extra] = form[extra].strip() if extra == "duration" else True  # type: ignore[assignment]
        return key, carried_out(self.site, operation, caller, asked)

    async def login(self, request: Request) -> Response:
        """Take a token, set it as a cookie that no script can read, and show the page that was asked for."""
        check_origin(request)
        form = await self._form(request, guarded=False)
        token, request.state.to = form.get("token", "").strip(), form.get("to", "")
        self.site.guard.token(request, token).needs("look")
        answer = RedirectResponse(request.state.to if _PAGE.match(request.state.to) else "/", 303)
        _set_cookie(request, answer, COOKIE, token)
        return answer

    async def logout(self, request: Request) -> Response:
        check_origin(request)
        await self._form(request)
        answer = RedirectResponse("/", 303)
        _drop_cookie(answer)
        return answer

    def _looks(self, request: Request) -> Caller:
        return self.site.guard.caller(request).needs("look")

    def _key(self, request: Request) -> GateKey:
        asked = request.query_params
        project = request.path_params.get("project") or asked.get("project", "")
        try:
            return self.site.key(project, asked.get("key"), asked.get("region") or None)
        except ConfigError as error:
            raise Problem.of_input(error) from None

    def _with_form(self, request: Request, template: str, status: int = 200, **about: Any) -> Response:
        """A page with forms, which repeat the secret in the cookie."""
        known = request.cookies.get(FORM_COOKIE, "")
        secret = known if instant_ms(known) is not None else new_token(self.site.clock)
        answer = html(template, status, form=secret, is_logged_in=COOKIE in request.cookies, **about)
        if secret != known:
            _set_cookie(request, answer, FORM_COOKIE, secret)
        return answer

    async def _form(self, request: Request, *, guarded: bool = True) -> dict[str, str]:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Problem(415, f"the body must be a form: {FORM}")
        body = await read(request, MOST_FORM)
        try:
            form = dict(parse_qsl(body.decode(), max_num_fields=20, errors="strict"))
        except ValueError:
            raise Problem(400, "the body is not a form") from None
        known = request.cookies.get(FORM_COOKIE, "")
        if guarded and not (known and hmac.compare_digest(known.encode(), form.get("form", "").encode())):
            raise Problem(403, "this form is too old or not from this server: go back, reload the page and try again")
        return form


def _zoom(request: Request) -> str:
    zoom = request.query_params.get("zoom", "1d")
    return zoom if zoom in ZOOMS else "1d"


def _set_cookie(request: Request, answer: Response, name: str, value: str) -> None:
    # Behind a proxy with TLS only the browser knows of it, and says so only with forms: in the header Origin.
    is_secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    # Not "strict": a link in a chat or a mail would lead to the login.
    answer.set_cookie(name, value, httponly=True, samesite="lax", path="/", secure=is_secure)


def _drop_cookie(answer: Response) -> None:
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")


def _asked(site: Site, scene: answers.Scene, asked: str) -> answers.Explanation:
    """Explain what a text names: a decision by its id, an event by its id, or a version."""
    try:
        key, token = answers.parse_decision_id(asked)
        if key != scene.key:
            scene = site.scene(site.key(key.name, key.key, key.region))
        return answers.explain_decision(scene, token)
    except (ConfigError, Problem):  # an event's id or a version may look like a decision's id
        event = answers.explain_event(scene, asked)
    if event.verdict != "unknown":
        return event
    version = answers.explain_version(scene, asked)
    if version.verdict != "unknown":
        return version
    return event.but(lines=(asked + event.lines[0].removeprefix(event.subject), *event.lines[1:]))
