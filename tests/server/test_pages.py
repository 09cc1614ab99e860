"""The page, as a client without a browser gets it: what it says, and what it lets none do."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING, Any, Literal
from unittest.mock import Mock
from urllib.parse import parse_qs, quote, urlsplit

import anyio
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from holdoff.core.errors import RecordInvalid, StoreUnavailable
from holdoff.core.policy import Policy
from holdoff.core.record import Record
from holdoff.core.request import GateKey
from holdoff.gate import Gate
from holdoff.server import board as boards
from holdoff.server import live, pages
from holdoff.server.access import COOKIE
from holdoff.server.drawing import Window, draw
from holdoff.starters import Call
from holdoff.stores.open import open_store
from holdoff.testing import ManualClock
from tests.scenes import scene_of
from tests.server.conftest import FILE
from tests.server.day import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx2 import Response

    from tests.server.conftest import Served
    from tests.standins.hooks import HookStandin

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{7*7}}&lt;"""
ALL = ("look", "trigger", "operate")


class Browser:
    """Sends forms as a browser does: those that a page has, with the cookies that it set."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.client = TestClient(
            served.app, base_url="http://localhost", client=("127.0.0.1", 50_000), follow_redirects=False,
            raise_server_exceptions=True,
        )  # fmt: skip
        self.headers = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}

    def get(self, path: str = "/") -> Response:
        return self.client.get(path)

    def text(self, path: str = "/") -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, act: str, **fields: str) -> Response:
        """Fill in a form of a gate's page, confirmed unless said otherwise. A field that is empty is not sent."""
        at = "/gates/site"
        found = re.search(r'name="form" value="([^"]+)"', self.get(at).text)
        filled = {"form": found[1] if found else "", "what": act, "by": "ada", "why": "to see", "sure": "yes"} | fields
        filled = {name: one for name, one in filled.items() if one}
        return self.client.post(at, data=filled, headers=self.headers)

    def log_in(self, token: str) -> Response:
        return self.client.post("/login", data={"token": token}, headers=self.headers)


@pytest.fixture
def browser(serve: Callable[..., Served]) -> Browser:
    """On loopback, where all may be done without a token."""
    return Browser(serve(anonymous=ALL))


def test_where_the_zone_of_the_machine_cannot_be_the_page_goes_by_utc(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(browser)
    monkeypatch.setenv("TZ", "XXX-25")
    time.tzset()
    try:
        text = browser.text("/gates/site")
        assert re.search(r"\d\d:\d\d:\d\d UTC", text)
        assert "XXX" not in text
    finally:
        monkeypatch.undo()
        time.tzset()


def record(browser: Browser, project: str = "site") -> Record:
    site = browser.served.site
    return site.store.get(site.key(project))


def filled(browser: Browser, *more: str, days: float = 1) -> None:
    """A day of pushes at both projects, and at others that holdoff.toml does not know."""
    site = browser.served.site
    for name in ("site", "docs", *more):
        policy = site.config.projects[name].policy if name in site.config.projects else Policy("10m")
        simulate(site.store, name, policy, site.now_ms(), days=days)


# --- what it says ----------------------------------------------------------------------------------------------------


def test_each_gate_is_a_row_with_a_drawing_and_its_text(browser: Browser) -> None:
    filled(browser)
    text = browser.text()

    assert text.count('<li class="row">') == 2
    assert re.search(r'aria-label="The last 1d of site \(local\): \d+ triggers, \d+ builds', text)
    for kind in ("pulse", "build", "holdoff"):
        assert f'<rect class="{kind}"' in text


def test_a_page_beyond_the_last_is_the_last(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates may go while a page is open."""
    monkeypatch.setattr(boards, "MOST_ROWS", 1)

    assert browser.text("/?page=9").count('<li class="row">') == 1
    assert 'page=2" aria-current="page"' in browser.text("/?page=9")
    assert '<ol class="gates" start="2">' in browser.text("/?page=9")


def test_a_store_that_is_away_says_when_to_come_back(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser.served.site.store, "gates", Mock(side_effect=StoreUnavailable("it is away")))
    answer = browser.get()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "it is away" in answer.text


def test_without_a_gate_it_says_so(browser: Browser) -> None:
    assert "No gate matches." in browser.text("/?q=nothing-is-called-so")


def test_the_numbers_are_those_of_the_gates(browser: Browser) -> None:
    browser.served.push("d1")
    for number in range(2, 6):
        browser.served.push(f"d{number}", version=f"{number:07}")
    browser.served.clock.advance("12m")
    found = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", browser.text())

    assert found == [
        ("triggers", "5"), ("builds", "1"), ("builds saved", "0"), ("failed", "0"), ("longest wait", "12m"),
    ]  # fmt: skip


def numbers(browser: Browser) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", browser.text()))


def test_what_is_built_again_after_a_failure_counts_once(serve: Callable[..., Served]) -> None:
    """No build is saved by triggers that fail again and again."""
    browser = Browser(serve(text=FILE.replace('"10m"', '0\non_failure = "rearm"'), anonymous=ALL))
    served, gate = browser.served, browser.served.site.dispatch.gate(GateKey("site", "local"))
    served.push("d1")
    served.push("d2", version="5f2a91c")
    for _ in range(3):
        build = record(browser).running
        assert build is not None
        gate.finished(build.build_id, succeeded=False)
        assert numbers(browser)["triggers"] == "2", "while it is pending"
        served.clock.advance("1h")
        assert gate.wake() is not None
        assert numbers(browser)["triggers"] == "2", "while it is built"
    served.push("d3", version="6f2a91c")

    assert numbers(browser) | {"longest wait": ""} == {
        "triggers": "3", "builds": "6", "builds saved": "0", "failed": "3", "longest wait": "",
    }  # fmt: skip
    served.clock.advance("2d")
    served.push("d4", version="7f2a91c")
    assert numbers(browser)["triggers"] == "1", "what was built before the time shown does not count"


def test_triggers_of_a_start_that_may_exist_count(browser: Browser, hook: HookStandin) -> None:
    hook.fault("status", status=500)
    browser.served.push("d1")

    assert numbers(browser)["triggers"] == "1"


def test_what_wants_attention_comes_first_as_in_status(browser: Browser) -> None:
    browser.send("hold")
    held_first = re.findall(r'<h2><a href="[^"]*">([^<]*)', browser.text())
    browser.send("resume")

    assert held_first == ["site", "docs"]
    assert re.findall(r'<h2><a href="[^"]*">([^<]*)', browser.text()) == ["docs", "site"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=DOC", ["docs"]),
        ("only=held", ["site"]),
        ("only=attention", ["site"]),
        ("only=failed,held", ["site"]),
        ("only=ready", ["docs"]),
        ("only=ready&q=site", []),
        ("only=nonsense", []),
        ("page=99999999999999", ["site", "docs"]),
        ("page=2", ["site", "docs"]),
        ("zoom=9y&page=-1", ["site", "docs"]),
    ],
)
def test_the_filter(browser: Browser, query: str, names: list[str]) -> None:
    browser.send("hold")

    assert re.findall(r'<h2><a href="[^"]*">([^<]*)', browser.text(f"/?{query}")) == names


def test_the_page_of_a_gate_says_what_it_waits_for(browser: Browser) -> None:
    browser.served.push("d1")
    browser.served.push("d2", version="0123abc")
    text = browser.text("/gates/site")

    assert "waits for the cooldown until 2026-11-28 09:10:00 UTC, in 10m" in text
    assert 'class="due"' in text
    assert "<th scope=" in text


def test_what_waits_for_a_running_command_is_due_at_no_instant(browser: Browser) -> None:
    """The lease of a command is renewed while it runs. The drawing said that the pending trigger is due now."""
    site = browser.served.site
    known = site.config.projects["site"].but(policy=Policy(0, overlap="defer"), starter={"command": ["true"]})
    site.dispatch.config = site.config.but(projects={"site": known})
    gate = pages_gate(browser, "site", 0, overlap="defer")
    gate.trigger()
    gate.trigger()

    assert '<span class="ready">ready after it ends</span>' in browser.text()
    assert " is due " not in browser.text("/gates/site")
    assert browser.served.api("GET", "/status").json()["gates"][0]["ready"] is None


def test_a_build_whose_lease_is_over_is_not_drawn_as_running(browser: Browser) -> None:
    """With ``overlap = "allow"`` the record keeps it: nothing waits for its end."""
    pages_gate(browser, "site").trigger()
    assert re.findall(r"[:>] ?is running<", browser.text("/gates/site")) == [": is running<", ">is running<"]
    browser.served.clock.sleep(12 * 3_600_000)

    assert not re.findall(r"[:>] ?is running<", browser.text("/gates/site"))
    assert "its end was not reported" in browser.text("/gates/site")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("d2", "event d2: pending, not built yet"),
        ("0123abc", "source version 0123abc: pending, not built yet"),
        ("d1", "event d1: it was covered by build b1"),
        ("nothing", "nothing: not known here"),
    ],
)
def test_why_didnt_my_build_run(browser: Browser, asked: str, answer: str) -> None:
    browser.served.push("d1")
    browser.served.push("d2", version="0123abc")
    text = browser.text(f"/gates/site?ask={asked}")
    found = re.search(r'<p class="verdict">(.*?)</p>', text)

    assert found
    assert re.sub(r"build \S+$", "build b1", found[1]).startswith(answer)


def test_a_gate_that_cannot_be_read_hides_no_other(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    site = browser.served.site
    broken, one = GateKey("broken", "local"), RecordInvalid("its <format> is of the future")
    gates = [(broken, one), *site.store.gates()]
    monkeypatch.setattr(site.store, "gates", lambda _=None: iter(gates))
    text = browser.text()

    assert "cannot be read: its &lt;format&gt; is of the future" in text
    assert text.index("broken") < text.index(">docs<")


def test_a_gate_that_is_not_there(browser: Browser) -> None:
    answer = browser.get("/gates/nowhere")

    assert answer.status_code == 404
    assert "nowhere (local): no such gate" in answer.text


# --- hostile texts ---------------------------------------------------------------------------------------------------


def test_hostile_texts_are_texts_in_every_place(browser: Browser) -> None:
    site, name = browser.served.site, HOSTILE
    policy = Policy("10m")
    simulate(site.store, name, policy, site.now_ms(), days=0.2)
    gate = pages_gate(browser, name)
    gate.trigger(reason=HOSTILE, source_version=HOSTILE, event_id=HOSTILE, by=HOSTILE, force=True)
    build = site.store.get(gate.key).running
    assert build
    gate.finished(build.build_id, succeeded=False, detail=HOSTILE)
    gate.trigger(reason=HOSTILE, source_version=HOSTILE, by=HOSTILE)
    gate.hold(why=HOSTILE, by=HOSTILE)
    asked = quote(HOSTILE)
    at = pages.gate_url(gate.key, ask=HOSTILE)

    for path in ("/", f"/?q={asked}&only={asked}&zoom={asked}", at, f"/gates/{asked}?region={asked}&key={asked}"):
        text = browser.get(path).text
        assert "<img" not in text, path
        assert text.count("<script") == 1, path
        assert "49" not in re.findall(r"\d+&amp;lt;", text)
    assert browser.text(at).count("&lt;script&gt;alert(1)") > 8


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\x9b"])
def test_what_turns_text_around_or_cannot_be_seen_is_an_escape_as_on_the_command_line(
    browser: Browser, char: str
) -> None:
    """A branch that is called feature/, U+202E, evil was read as feature/live."""
    name = f"feature/{char}evil"
    pages_gate(browser, name).trigger(reason=name, source_version=name, by=name)
    gate = GateKey.of(name, None, "local")

    for path in ("/", pages.gate_url(gate, ask=name), f"/what-if?project={quote(name)}", f"/gates/{quote(name)}x"):
        shown = re.sub('value="[^"]*"', "", browser.get(path).text)
        assert char not in shown, path
        assert "feature/" + repr(char)[1:-1] + "evil" in shown, path
    assert f'name="project" value="{name}"' in browser.text(pages.gate_url(gate))  # a form asks for this very gate


def pages_gate(browser: Browser, name: str, cooldown: str | int = "10m", **more: Any) -> Any:
    from holdoff import Gate
    from tests.server.day import Builder

    site = browser.served.site
    return Gate(name, policy=Policy(cooldown, **more), store=site.store, clock=site.clock, starter=Builder())


@pytest.mark.parametrize("name", ["a/b", ".", "..", "a/../b", "a b", "ä?#%2F", "a//b", "a&b=c"])
@pytest.mark.parametrize("key", [None, "feature/x"])
def test_a_name_of_any_kind_has_its_page(browser: Browser, name: str, key: str | None) -> None:
    site = browser.served.site
    gate_key = GateKey.of(name, key, "local")
    from holdoff import Gate
    from tests.server.day import Builder

    Gate(name, key=key, policy=Policy(0), store=site.store, clock=site.clock, starter=Builder()).trigger()
    found = re.findall(r'<h2><a href="([^"]*)"', browser.text("/?only=unknown,running,pending"))
    answers = [browser.text(at.replace("&amp;", "&")) for at in found]

    assert f"<h1>{gate_key.project.replace('&', '&amp;')} <small>" in "".join(answers)


# --- what a person does ----------------------------------------------------------------------------------------------


def test_hold_and_resume_note_who_and_why(browser: Browser) -> None:
    answer = browser.send("hold", duration="2h")
    hold = record(browser).hold
    told = browser.text(answer.headers["location"])

    assert answer.status_code == 303
    assert hold
    assert (hold.why, hold.by, hold.until_ms) == ("to see", "ada", browser.served.site.now_ms() + 7_200_000)
    assert "The gate was put on hold." in told
    assert 'class="held"' in told
    browser.send("resume", why="done")
    assert record(browser).hold is None
    assert "is on hold" not in browser.text(answer.headers["location"])  # the page that still is open
    assert record(browser).acts[0].why == "done"


def test_a_forced_build_starts_in_the_cooldown(browser: Browser, hook: HookStandin) -> None:
    browser.served.push("d1")
    answer = browser.send("trigger", force="yes")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)["ask"][0]
    request = record(browser).running

    assert request
    assert (request.covers.request.forced, request.covers.request.by) == (True, "ada")
    assert asked.startswith("site/local/")
    assert [line["kind"] for line in browser.served.lines if line.get("why") == "forced"] == ["api"]
    assert "it started build" in browser.text(answer.headers["location"])


def test_without_force_it_waits_like_any_other(browser: Browser) -> None:
    browser.served.push("d1")
    browser.send("trigger")

    assert record(browser).pending


def test_reset_ends_the_cooldown(browser: Browser) -> None:
    browser.served.push("d1")
    browser.send("reset")

    assert record(browser).lastbuild_ms in (None, 0)


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"sure": ""}, 422, "tick the box"),
        ({"why": ""}, 422, "say who, and why"),
        ({"why": "  "}, 422, "say who, and why"),
        ({"by": ""}, 422, "say who, and why"),
        ({"duration": "soon"}, 422, "duration"),
        ({"what": "finished"}, 422, "must be one of"),
        ({"form": "01M85NYK000000000000000000"}, 403, "not from this server"),
        ({"form": "é"}, 403, "not from this server"),
        ({"form": ""}, 403, "not from this server"),
    ],
)
def test_what_is_not_right_changes_nothing(browser: Browser, fields: dict[str, str], status: int, says: str) -> None:
    before = record(browser)
    answer = browser.send("hold", **fields)

    assert answer.status_code == status
    assert says in answer.text
    assert record(browser) == before


def test_a_form_that_was_refused_is_shown_as_it_was_filled_in(browser: Browser) -> None:
    answer = browser.send("hold", by=HOSTILE[:40], why="moving house", duration="soon")
    (opened,) = re.findall(r"<details open>.*?</details>", answer.text, re.DOTALL)

    assert "<summary>Hold</summary>" in opened
    assert re.findall(r'name="(?:why|duration)" value="([^"]*)"', opened) == ["moving house", "soon"]
    assert "<script>alert(1)" not in answer.text
    assert answer.text.count("moving house") == 1
    assert "<details open>" not in browser.text("/gates/site")


@pytest.mark.parametrize(("what", "extra"), [("trigger", "force"), ("reset", "drop_pending")])
def test_a_tick_that_was_set_is_set_where_the_form_comes_back(browser: Browser, what: str, extra: str) -> None:
    """Else the second try does less than what was asked for."""
    answer = browser.send(what, by="ada", why="", **{extra: "yes"})

    assert answer.status_code == 422
    assert re.findall(r'name="(\w+)" value="yes" checked', answer.text) == [extra]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost", "sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:81", "sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/gates/site", "/login", "/logout"])
def test_another_site_can_send_no_form(browser: Browser, headers: dict[str, str], path: str) -> None:
    browser.get("/gates/site")
    form = browser.client.cookies[pages.FORM_COOKIE]
    data = {"form": form, "what": "hold", "by": "ada", "why": "x", "sure": "yes", "token": browser.served.token}
    answer = browser.client.post(path, data=data, headers=headers)

    assert answer.status_code == 403
    assert record(browser).hold is None
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize("has_cookie", [True, False])
@pytest.mark.parametrize("form", ["", "another"])
def test_a_form_repeats_the_secret_in_its_cookie(browser: Browser, form: str, has_cookie: bool) -> None:
    browser.get("/gates/site")
    if not has_cookie:
        browser.client.cookies.clear()
    data = {"form": form, "what": "hold", "by": "ada", "why": "x", "sure": "yes"}
    answer = browser.client.post("/gates/site", data=data, headers=browser.headers)

    assert (answer.status_code, "go back, reload the page" in answer.text) == (403, True)
    assert record(browser).hold is None


def test_json_is_no_form(browser: Browser) -> None:
    assert browser.client.post("/gates/site", json={"what": "hold"}, headers=browser.headers).status_code == 415


def test_nothing_is_changed_by_get(browser: Browser) -> None:
    browser.served.push("d1")
    before = record(browser)
    query = f"what=reset&by=a&why=b&sure=yes&form={browser.client.cookies.get(pages.FORM_COOKIE, '')}"
    for path in ("/", "/gates/site", "/login", "/logout", "/live"):
        if path != "/live":
            browser.get(f"{path}?{query}")
    assert record(browser) == before


# --- who -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(served: Served) -> Browser:
    """Nothing without a token."""
    return Browser(served)


@pytest.mark.parametrize("path", ["/", "/gates/site", "/live"])
def test_a_stranger_sees_nothing(guarded: Browser, path: str) -> None:
    answer = guarded.get(path)

    assert answer.status_code == 401
    assert "docs" not in answer.text
    assert path == "/live" or "<h1>Log in</h1>" in answer.text


@pytest.mark.parametrize("path", ["/", "/api/v1/status"])
def test_a_stranger_is_told_once_which_command_makes_a_token(guarded: Browser, path: str) -> None:
    answer = unescape(guarded.get(path).text)

    assert answer.count("holdoff token new NAME --scope look") == answer.count("holdoff token new") == 1


def test_a_token_logs_in_by_a_cookie_that_no_script_reads(guarded: Browser) -> None:
    answer = guarded.log_in(guarded.served.token)
    cookie = answer.headers["set-cookie"]

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Log out" in guarded.text()
    form = guarded.client.cookies[pages.FORM_COOKIE]
    assert guarded.client.post("/logout", data={"form": form}, headers=guarded.headers).status_code == 303
    guarded.client.cookies.delete(COOKIE)
    assert guarded.get().status_code == 401


def test_a_login_shows_the_page_that_was_asked_for_and_no_other_place(guarded: Browser) -> None:
    """A link to a gate led to the list of all gates."""
    at = "/gates/site?zoom=7d"
    asked = f'name="to" value="{at}"'
    wrong = guarded.client.post("/login", data={"token": "wrong", "to": at}, headers=guarded.headers)

    assert asked in guarded.get(at).text
    assert (wrong.status_code, asked in wrong.text) == (401, True)
    for to, place in ((at, at), ("//evil.example/gates/", "/"), ("https://evil.example", "/"), ("/logout", "/")):
        form = {"token": guarded.served.token, "to": to}
        answer = guarded.client.post("/login", data=form, headers=guarded.headers, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, place)


def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(guarded: Browser) -> None:
    answer = guarded.client.post(
        "/login", data={"token": guarded.served.token}, headers={"host": "b.example", "origin": "https://b.example"}
    )

    assert "Secure" in answer.headers["set-cookie"]


def test_who_may_only_trigger_asks_for_a_build_but_forces_none(guarded: Browser) -> None:
    guarded.log_in(guarded.served.site.guard.tokens.new("ci", ("look", "trigger")))

    assert guarded.send("trigger").status_code == 303
    assert guarded.send("trigger", force="yes").status_code == 403
    assert len(list(guarded.served.site.scene(GateKey("site", "local")).builds())) == 1


def test_a_wrong_token_is_told_and_counted(guarded: Browser) -> None:
    answers = [guarded.log_in("holdoff_wrong") for _ in range(25)]

    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert COOKIE not in guarded.client.cookies
    assert guarded.log_in(guarded.served.token).status_code == 303


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        (("look",), []),
        (("look", "trigger"), ["trigger"]),
        (ALL, ["trigger", "hold", "resume", "reset"]),
    ],
)
def test_a_caller_has_the_forms_of_its_scopes(guarded: Browser, scopes: tuple[str, ...], seen: list[str]) -> None:
    guarded.log_in(guarded.served.site.guard.tokens.new("ci", scopes))

    assert re.findall(r'name="what" value="(\w+)"', guarded.text("/gates/site")) == seen


@pytest.mark.parametrize("what", ["hold", "reset", "resume"])
def test_a_form_that_was_not_shown_is_refused(guarded: Browser, what: str) -> None:
    guarded.log_in(guarded.served.site.guard.tokens.new("ci", ("look", "trigger")))
    answer = guarded.send(what, form=guarded.client.cookies.get(pages.FORM_COOKIE) or "")
    form = guarded.client.cookies[pages.FORM_COOKIE]
    answer = guarded.send(what, form=form)

    assert answer.status_code == 403
    assert "operate" in answer.text
    assert record(guarded).hold is None


def test_who_is_noted_is_the_token_too(guarded: Browser) -> None:
    guarded.log_in(guarded.served.site.guard.tokens.new("laptop", ALL))
    guarded.send("hold", by="")
    first = record(guarded).hold
    guarded.send("hold", by="ada")
    second = record(guarded).hold

    assert first
    assert second
    assert (first.by, second.by) == ("laptop", "ada (laptop)")


def test_a_token_that_may_not_look_is_not_logged_in(guarded: Browser) -> None:
    """There would be no way out of the page that says so."""
    answer = guarded.log_in(guarded.served.site.guard.tokens.new("ci", ("trigger",)))

    assert (answer.status_code, "'look'" in unescape(answer.text)) == (403, True)
    assert COOKIE not in guarded.client.cookies
    assert "<h1>Log in</h1>" in guarded.get().text


def test_a_token_that_is_revoked_does_not_stand_before_a_proxys_user(serve: Callable[..., Served]) -> None:
    """One who once logged in by a token has it in a cookie still when a proxy says who the user is."""
    browser = Browser(serve(user_header="X-Forwarded-User"))
    browser.log_in(browser.served.token)
    browser.served.site.guard.tokens.revoke("all")
    browser.client.headers["x-forwarded-user"] = "ada"

    assert (browser.get().status_code, browser.get().status_code) == (401, 200)


# --- what a browser may do with it -----------------------------------------------------------------------------------


def test_the_policy_of_content_is_strict(browser: Browser) -> None:
    filled(browser)
    for path in ("/", "/gates/site", "/gates/nowhere"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert not re.search(r"""<style|\sstyle=|\son\w+=|javascript:|<script[^>]*>[^<]""", answer.text), path
        assert not re.findall(r"""(?:src|href|action)="(?!/|#|\?)[^"]*""", answer.text), path
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "kind"), [("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
)
def test_static_files_are_kept_by_browsers(browser: Browser, name: str, kind: str) -> None:
    at = re.search(rf'"(/static/{re.escape(name)}\?[^"]+)"', browser.text())
    assert at
    answer = browser.get(at[1])

    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == kind, "with nosniff a browser takes no other"
    assert "max-age" in answer.headers["cache-control"]
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ["pages.py", "..%2fpages.py", "%2e%2e/pages.py", "page.css/"])
def test_there_are_no_other_files(browser: Browser, name: str) -> None:
    assert browser.get(f"/static/{name}").status_code == 404


# --- how much is read ------------------------------------------------------------------------------------------------


def test_of_many_gates_a_page_has_some_and_reads_histories_once(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = browser.served.site
    for number in range(120):
        pages_gate(browser, f"gate-{number:03}").trigger()
    read: list[GateKey] = []
    of_store = site.store.history

    def history(key: GateKey, *, limit: int | None = None) -> Any:
        read.append(key)
        return of_store(key, limit=limit)

    monkeypatch.setattr(site.store, "history", history)
    first = browser.text()
    browser.text("/?page=2")
    once = len(read)
    pages_gate(browser, "gate-007").trigger()
    browser.text()

    assert first.count('<li class="row">') == boards.MOST_ROWS
    assert 'href="/?zoom=1d&amp;page=3"' in first
    assert once == 120
    assert read[once:] == [GateKey("gate-007", "local")]


def test_builds_beyond_what_is_read_are_told(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_OF_ONE", 4)
    filled(browser)
    text = browser.text()

    assert 'class="unread"' in text
    assert "Only the newest builds are counted" in text
    assert "older builds are not read here" in text


# --- live ------------------------------------------------------------------------------------------------------------


def stream_of(browser: Browser, monkeypatch: pytest.MonkeyPatch, *between: Callable[[], object]) -> list[str]:
    """What comes of a stream while this happens, an item a look."""
    monkeypatch.setattr(live, "LOOK_S", 0.01)
    site = browser.served.site
    scope = {
        "type": "http", "method": "GET", "path": "/live", "query_string": b"", "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 5), "server": ("localhost", 80), "scheme": "http",
    }  # fmt: skip

    async def read() -> list[str]:
        events, found = live.Watch(site).events(Request(scope)), []
        await anext(events)
        acts = iter(between)
        async for one in events:
            found.append(one)
            act = next(acts, None)
            if act is None:
                break
            act()
        return found

    return anyio.run(read)


def test_a_change_is_an_event(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None:
        """It goes on."""

    came = stream_of(browser, monkeypatch, nothing, lambda: browser.served.push("d1"), nothing)

    assert [one.partition("\n")[0] for one in came] == [":", ":", "event: look", ":"]


def test_a_stream_ends_with_the_server_and_with_the_right_to_look(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = browser.served.site

    def stop() -> None:
        monkeypatch.setattr(site, "is_stopping", lambda: True)

    assert len(stream_of(browser, monkeypatch, stop, lambda: None, lambda: None)) <= 2
    monkeypatch.setattr(site, "is_stopping", lambda: False)
    monkeypatch.setattr(site.guard, "server", site.guard.server.but(anonymous=()))
    assert stream_of(browser, monkeypatch, lambda: None) == []


def test_a_question_about_a_gate_that_has_no_path_of_its_own_names_it(browser: Browser) -> None:
    new = Record(lastbuild=None, due_ms=1).swapped("AAAAAAA")
    browser.served.site.store.swap(GateKey("a/b", "local"), expected=Record(), new=new)
    asks = 'role="search" class="ask">\n<input type="hidden" name="project" value="a/b">'
    assert asks in browser.text("/gates/?project=a/b&region=")


ODD = ["%00", "%ED%A0%80", "", "a/b", "%F0%9F", "x" * 3000, "site@", "@", "%2e%2e/x", "٣", "-1", "1" * 400]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_no_address_breaks_it(browser: Browser, odd: str) -> None:
    for path in (
        f"/?q={odd}&only={odd}&page={odd}&zoom={odd}",
        f"/gates/{odd}",
        f"/gates/?project={odd}",
        f"/gates/site?region={odd}&ask={odd}",
        f"/gates/site?key={odd}&done={odd}",
        f"/gates/site?ask={odd}&zoom={odd}",
    ):
        assert browser.get(path).status_code in (200, 403, 404, 422), path


def test_a_pulse_says_how_many_triggers_it_stands_for(browser: Browser) -> None:
    for event in range(5):
        browser.served.push(f"d{event}")

    assert re.search(r'<text [^>]*class="count [a-z]+">4</text>', browser.text())


def test_a_build_that_could_not_be_cancelled_is_told_in_the_same_words_everywhere(browser: Browser) -> None:
    """In the list of what the gate does, in the drawing, and in the table of builds."""
    browser.served.push("d0")
    store, seen = browser.served.site.store, record(browser)
    assert seen.running is not None
    left = seen.but(running=seen.running.but(cancel_failed=True)).swapped("AAAAAAA")
    store.swap(browser.served.site.key("site"), expected=seen, new=left)

    assert browser.text("/gates/site").count("is running, and could not be cancelled for a newer one") == 3


def test_the_first_page_offers_no_choice_that_no_gate_can_match(browser: Browser) -> None:
    offered = re.findall(r'<option value="([^"]*)"', browser.text())

    assert {"failed", "pending", "ready"} < {*offered}
    assert "stale" not in offered  # the page knows no age from which a gate is


def test_a_late_report_of_an_end_is_seen_after_half_a_minute() -> None:
    """It changes a history and not the record of its gate."""
    clock, kept = ManualClock(), boards.Histories()
    gate = Gate("site", store=open_store("memory:"), policy=Policy(0), starter=Call(lambda *_: None), clock=clock)
    builds = [gate.trigger().build_id for _ in range(2)]

    def outcomes() -> list[bool | None]:
        scene = scene_of(gate.store, gate.key, gate.terms, clock.now_ms())
        return [build.succeeded for build in kept.newest(scene, 16, 3_600_000)]

    assert outcomes() == [None, None]
    before = gate.store.get(gate.key)
    gate.finished(str(builds[0]), succeeded=True)
    assert gate.store.get(gate.key) == before
    clock.advance("29s")
    assert outcomes() == [None, None]
    clock.advance("1s")
    assert outcomes() == [None, True]


@pytest.mark.parametrize(
    ("zoom", "labels"),
    [
        ("1h", ["08:00", "08:10", "08:20", "08:30", "08:40", "08:50", "09:00", "09:10"]),
        ("1d", ["12:00", "16:00", "20:00", "00:00", "04:00", "08:00", "12:00"]),
        ("7d", ["Sun 22", "Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27", "Sat 28", "Sun 29"]),
    ],
)
def test_the_lines_of_a_drawing_are_named_by_their_times(zoom: str, labels: list[str]) -> None:
    ticks = Window.of(zoom, ManualClock("2026-11-28T09:00:00Z").now_ms()).ticks()
    assert [label for _, label in ticks] == labels


def test_a_holdoff_from_an_end_that_was_never_reported_begins_at_the_start() -> None:
    clock, policy = ManualClock(), Policy("10m", cooldown_from="finish")
    gate = Gate("site", store=open_store("memory:"), policy=policy, starter=Call(lambda *_: None), clock=clock)
    for _ in range(2):
        gate.trigger(force=True)
        clock.advance("20m")
    scene = scene_of(gate.store, gate.key, gate.terms, clock.now_ms())
    drawing = draw(scene, scene.status, list(scene.builds()), Window.of("1h", clock.now_ms()), is_cut=False)
    before, _newest = (shape for shape in drawing.shapes if shape.kind == "holdoff")
    assert (round(0.72 * before.x), round(0.72 * before.width)) == (20, 10)


@pytest.mark.parametrize(("duration", "until"), [("15m", 65), (None, 72)])
def test_a_hold_is_drawn_until_it_ends(duration: str | None, until: int) -> None:
    """In minutes of the picture, which ends in the 72nd. The hold begins in the 50th."""
    clock = ManualClock()
    gate = Gate("site", store=open_store("memory:"), policy=Policy("10m"), starter=Call(lambda *_: "b1"), clock=clock)
    gate.hold(why="incident 42", duration=duration)
    clock.advance("10m")
    scene = scene_of(gate.store, gate.key, gate.terms, clock.now_ms())
    drawing = draw(scene, scene.status, [], Window.of("1h", clock.now_ms()), is_cut=False)

    (held,) = (shape for shape in drawing.shapes if shape.kind == "held")
    assert (round(0.72 * held.x), round(0.72 * (held.x + held.width))) == (50, until)
    assert held.says == "on hold: incident 42"


@pytest.mark.parametrize(
    ("counts_from", "reset_at", "drawn"),
    [
        ("start", None, [(20, 10)]),
        ("finish", None, [(22, 10)]),
        ("start", 5, [(20, 5)]),
        ("finish", 5, [(22, 3)]),
        ("start", 30, [(20, 10)]),
        ("finish", 30, [(22, 10)]),
    ],
)
def test_a_holdoff_is_drawn_until_it_ends_or_a_person_ends_it(
    counts_from: Literal["start", "finish"], reset_at: int | None, drawn: list[tuple[int, int]]
) -> None:
    """In minutes of the picture. The build starts in the 20th and takes two; the cooldown is ten."""
    clock, policy = ManualClock(), Policy("10m", cooldown_from=counts_from)
    gate = Gate("site", store=open_store("memory:"), policy=policy, starter=Call(lambda *_: "b1"), clock=clock)
    gate.trigger()
    for minute in range(1, 41):
        clock.advance("1m")
        if minute == 2:
            gate.finished("b1", succeeded=True)
        if minute == reset_at:
            gate.reset()
    scene = scene_of(gate.store, gate.key, gate.terms, clock.now_ms())
    drawing = draw(scene, scene.status, list(scene.builds()), Window.of("1h", clock.now_ms()), is_cut=False)

    shades = [shape for shape in drawing.shapes if shape.kind == "holdoff"]
    assert [(round(0.72 * shape.x), round(0.72 * shape.width)) for shape in shades] == drawn
