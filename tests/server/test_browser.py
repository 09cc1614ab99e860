"""The page in a real Chromium (Playwright with the system's): with and without scripts, wide and on a phone, in both
themes, by keyboard, and looked at by axe."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import uvicorn

from holdoff.config import parse
from holdoff.core.policy import Policy
from holdoff.server import live
from tests.cli.conftest import PATIENCE
from tests.server.conftest import FILE
from tests.server.day import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.server.conftest import Served

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]
ROOT: Final = Path(__file__).parents[2]
ALL = ("look", "trigger", "operate")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
#: The style sheet has no rule that depends on both.
windows = pytest.mark.parametrize(
    ("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide, light", "phone, dark"]
)


class Site:
    """A server on a real port, which a browser can ask."""

    def __init__(self, served: Served) -> None:
        self.served, self.site = served, served.site
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(served.app, log_config=None, lifespan="off", ws="none"))
        self.site.is_stopping = lambda: self._server.should_exit
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._socket]))
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture
def site(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A day of pushes at three gates."""
    monkeypatch.setattr(live, "LOOK_S", 0.1)
    served = serve(anonymous=ALL)
    for name in ("site", "docs", "another"):
        policy = served.site.config.projects[name].policy if name != "another" else Policy("20m", quiet="2m")
        simulate(served.site.store, name, policy, served.site.now_ms())
    site = Site(served)
    yield site
    site.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Opens pages; what the console complains of fails the test."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_(path: str = "/", **how: Any) -> Any:
        context = chromium.new_context(**{"viewport": WIDE, **how})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(site.url) else complaints.append(asked.url))
        page.goto(site.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@windows
def test_both_widths_and_themes(opened: Callable[..., Any], theme: str, size: dict[str, int]) -> None:
    for path in ("/", "/?zoom=7d", "/gates/site", "/what-if?project=site"):
        page = opened(path, viewport=size, color_scheme=theme)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        is_dark = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 200
        bars = page.locator("rect.build").evaluate_all("all => all.map(one => getComputedStyle(one).fill)")

        assert is_dark is (theme == "dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert bars
        assert "rgb(0, 0, 0)" not in bars  # the style sheet reached them


@windows
def test_axe_finds_nothing(opened: Callable[..., Any], site: Site, theme: str, size: dict[str, int]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    site.served.push("d1")
    site.served.push("d2")
    for path in ("/", "/gates/site?ask=d1", "/what-if?project=site"):
        page = opened(path, viewport=size, color_scheme=theme, bypass_csp=True)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = axe.Axe().run(page).response["violations"]

        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_without_scripts_all_of_it_works(opened: Callable[..., Any], site: Site) -> None:
    page = opened("/", java_script_enabled=False)
    page.get_by_role("link", name="1h").click()
    page.get_by_label("Name").fill("sit")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="site", exact=True).click()
    page.locator("summary", has_text="Hold").click()
    form = page.locator("form", has=page.locator("input[value=hold]"))
    form.get_by_label("Who").fill("ada")
    form.get_by_label("Why").fill("the database moves")
    form.get_by_label("Yes").check()
    form.get_by_role("button", name="Hold").click()

    page.get_by_text("The gate was put on hold.").wait_for()
    hold = site.site.store.get(site.site.key("site")).hold
    assert hold
    assert (hold.why, hold.by) == ("the database moves", "ada")


def test_what_if_without_scripts(opened: Callable[..., Any]) -> None:
    page = opened("/gates/site", java_script_enabled=False)
    page.get_by_label("Cooldowns").fill("5m, 20m")
    page.get_by_label("Quiet times").fill("0")
    page.get_by_role("button", name="What if?").click()
    tried = page.locator("table.figures tbody th").all_inner_texts()

    assert tried == ["cooldown 10m", "cooldown 0s", "cooldown 5m", "cooldown 20m"]
    assert page.locator("svg.plan circle.dot").count() >= len(tried)
    assert page.locator("svg.plan rect.build").count() > 2
    assert page.get_by_label("Cooldowns").input_value() == "5m, 20m"


def test_a_form_that_is_not_confirmed_is_not_sent(opened: Callable[..., Any], site: Site) -> None:
    page = opened("/gates/site")
    page.locator("summary", has_text="Hold").click()
    form = page.locator("form", has=page.locator("input[value=hold]"))
    form.get_by_label("Who").fill("ada")
    form.get_by_label("Why").fill("x")
    form.get_by_role("button", name="Hold").click()

    assert page.evaluate("document.activeElement.name") == "sure"
    assert site.site.store.get(site.site.key("site")).hold is None


def test_a_burst_a_failure_an_explain_and_a_hold(opened: Callable[..., Any], site: Site) -> None:
    """What others do comes by itself, and what is being typed stays. What is done here shows on another's page."""
    row = opened("/?zoom=1h&q=site")
    page = opened("/gates/site?zoom=1h")
    page.get_by_text("live", exact=True).wait_for()
    page.get_by_label("Event id").fill("d7")
    for number in range(8):
        site.served.push(f"d{number}", version=f"{number:07}")
    page.locator("rect.waiting").first.wait_for(state="attached")
    row.locator("rect.waiting").first.wait_for(state="attached")
    build = site.site.store.get(site.site.key("site")).running
    assert build
    site.served.api("POST", "/finished", {"project": "site", "build_id": build.build_id, "succeeded": False})
    page.locator("td.bad").first.wait_for()
    assert page.get_by_label("Event id").input_value() == "d7"
    page.get_by_role("button", name="Explain").press("Enter")  # a click misses it if the page grows under the mouse
    assert page.locator(".verdict").inner_text() == "event d7: pending, not built yet"

    page.locator("summary", has_text="Hold").click()
    form = page.locator("form", has=page.locator("input[value=hold]"))
    form.get_by_label("Who").fill("ada")
    form.get_by_label("Why").fill("it is broken")
    form.get_by_label("Yes").check()
    form.get_by_role("button", name="Hold").click()
    page.locator("rect.held").first.wait_for(state="attached")
    row.locator(".badge.held").wait_for()


def test_a_button_has_an_edge_in_forced_colours(opened: Callable[..., Any]) -> None:
    page = opened("/gates/site", forced_colors="active")
    edges = page.locator("button").evaluate_all("all => all.map(one => getComputedStyle(one).borderTopWidth)")

    assert edges
    assert set(edges) == {"1px"}


def test_by_keyboard_alone(opened: Callable[..., Any]) -> None:
    page = opened("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
    assert {"q", "only", "site", "docs", "another"} <= set(seen)
    page.get_by_role("link", name="another").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/gates/another?*")


def test_what_has_the_focus_keeps_it_in_another_place(opened: Callable[..., Any], site: Site) -> None:
    page = opened("/")
    page.get_by_text("live", exact=True).wait_for()
    names = page.locator("li h2").all_inner_texts()
    page.get_by_role("link", name=names[-1]).focus()
    site.served.api("POST", "/hold", {"project": names[-1], "why": "it needs attention now"})
    page.locator(".badge.held").wait_for()

    assert page.locator("li h2").all_inner_texts() != names
    assert page.evaluate("document.activeElement.textContent") == names[-1]


def test_the_first_build_comes_by_itself(opened: Callable[..., Any], site: Site) -> None:
    text = FILE.format(folder=site.served.folder).replace("[projects.docs]", "[projects.fresh]")
    site.site.go_by(parse(text.replace('["docs"]', '["fresh"]')), site.site.store)
    page = opened("/gates/fresh")
    page.get_by_text("live", exact=True).wait_for()
    assert page.get_by_text("None yet.").is_visible()
    site.served.api("POST", "/trigger", {"project": "fresh", "reason": "the first"})

    page.locator("#builds td", has_text="the first").wait_for()


def test_a_server_that_ends_is_told(opened: Callable[..., Any], site: Site) -> None:
    page = opened("/")
    page.get_by_text("live", exact=True).wait_for()
    site.site.is_stopping = lambda: True
    page.get_by_text("not live").wait_for()


@pytest.fixture
def guarded(chromium: Any, site: Site) -> Iterator[Any]:
    """A page whose reader has logged in by a token. What its console says of refusals is no fault."""
    site.site.guard.server = site.site.guard.server.but(anonymous=())
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.clock.install()
    page.goto(site.url)
    page.get_by_label("Token").fill(site.site.guard.tokens.new("eyes", ("look",)))
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("live", exact=True).wait_for()
    yield page
    context.close()


def test_it_is_live_again_after_a_proxy_has_refused_the_stream(guarded: Any, site: Site) -> None:
    """As nginx does while the server behind it starts again: no browser opens such a stream again by itself."""
    guarded.route("**/live", lambda route: route.fulfill(status=502))
    refused = guarded.expect_response("**/live")
    with refused as answer:
        site.site.is_stopping = lambda: True
    assert answer.value.status == 502
    guarded.get_by_text("not live").wait_for()
    site.site.is_stopping = lambda: False
    guarded.unroute("**/live")
    guarded.clock.run_for(4_000)
    guarded.get_by_text("live", exact=True).wait_for()


def test_a_token_that_is_revoked_ends_at_the_log_in(guarded: Any, site: Site) -> None:
    with guarded.expect_response("**/live") as answer:
        site.site.guard.tokens.revoke("eyes")
    assert answer.value.status == 401
    guarded.get_by_text("not live").wait_for()
    guarded.clock.run_for(4_000)
    guarded.get_by_role("heading", name="Log in").wait_for()


def test_a_link_of_another_site_needs_no_other_log_in(guarded: Any, site: Site) -> None:
    """In a chat or a mail, say."""
    guarded.route("http://chat.example/", lambda route: route.fulfill(body=f'<a href="{site.url}/gates/site">it</a>'))
    guarded.goto("http://chat.example/")
    guarded.get_by_role("link", name="it").click()
    guarded.get_by_role("heading", name="site").wait_for()


def test_the_picture_in_the_documents_can_be_made_again(tmp_path: Path) -> None:
    """The same in every run; another Chromium may draw a letter otherwise, so it is not compared with the one there."""
    pictures = [tmp_path / "1.png", tmp_path / "2.png"]
    for file in pictures:
        subprocess.run([sys.executable, "-m", "tools.page_picture", file], cwd=ROOT, check=True, timeout=PATIENCE)

    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert (ROOT / "docs/page.png").read_bytes()[:8] == pictures[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
