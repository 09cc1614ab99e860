"""The page of a plan in a real Chromium, from a file: no requests, no complaints, both themes, wide and on a phone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core.policy import Policy
from holdoff.plan import answer, grid, page
from holdoff.plan.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]
T0 = 1_795_395_600_000
MINUTE = 60_000
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
BURSTS = [T0 + day * 86_400_000 + n * 20_000 for day in range(5) for n in range(60 if day == 2 else 12)]
#: What may look odd: the triggers, the policies, and what is known besides.
PLANS: dict[str, tuple[list[int], list[Policy], dict[str, Any]]] = {
    "a storm": (BURSTS, grid.policies(Policy("2m")), {"present": Policy("2m"), "build_ms": 4 * MINUTE, "price": 0.01}),
    "one trigger": ([T0], grid.policies(None), {}),
    "one policy": (BURSTS, [Policy("5m")], {"present": Policy("5m")}),
    "thousands": (
        [T0 + 400 * n for n in range(20_000)],
        grid.policies(None, cooldowns=[f"{n}s" for n in range(100)], quiets=["0", "30s"]),
        {"build_ms": MINUTE},
    ),
    "absurd waits": (BURSTS, grid.policies(None, cooldowns=["1m", "30d"], quiets=["0", "1d"]), {"build_ms": MINUTE}),
    "nothing built": (BURSTS[:2], [Policy("1h", on_cooldown="skip")], {}),
    "a long name": (
        BURSTS,
        [
            Policy("10m", quiet="30s", max_wait="10m", limit="3/1h", overlap="defer", cooldown_from="finish"),
            Policy("1m"),
        ],
        {"build_ms": MINUTE, "project": "a-project-with-a-name-that-is-" + "very-" * 30 + "long"},
    ),
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=PLANS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one of the plans."""
    at_ms, policies, more = PLANS[request.param]
    history = History(source="edits.csv", at_ms=tuple(at_ms), took_ms=(None,) * len(at_ms))
    path = tmp_path_factory.mktemp("plan") / "plan.html"
    path.write_text(page.page(answer.plan(history, policies, **more)))
    return path


@pytest.fixture
def shown(chromium: Any, written: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page, in a window and a theme; what the console complains of, or what is loaded besides, fails the test."""
    size, theme = request.param
    complaints: list[str] = []
    context = chromium.new_context(viewport=size, color_scheme=theme)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.on("console", lambda said: complaints.append(said.text))
    opened.on("request", lambda asked: complaints.append(asked.url) if asked.url != written.as_uri() else None)
    opened.goto(written.as_uri())
    yield opened
    context.close()
    assert complaints == []


HOW = [(WIDE, "light"), (PHONE, "dark")]
IDS = ["wide, light", "phone, dark"]


@pytest.mark.parametrize("shown", HOW, ids=IDS, indirect=True)
def test_it_fits_and_its_texts_can_be_read(shown: Any) -> None:
    ground = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 200
    clashes = shown.evaluate(
        """() => [...document.querySelectorAll("svg")].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            const boxes = [...svg.querySelectorAll("text")].map(one => [one.textContent, one.getBoundingClientRect()]);
            const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
            return boxes.flatMap(([name, box], n) => [
                ...(box.left < frame.left - 1 || box.right > frame.right + 1 ? [name + " is cut"] : []),
                ...boxes.slice(n + 1).filter(([, other]) => !apart(box, other)).map(([other]) => name + " / " + other),
            ]);
        })"""
    )

    assert is_dark is (shown.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"))
    assert shown.evaluate("document.documentElement.scrollWidth") <= shown.viewport_size["width"]
    assert clashes == []
    fills = shown.locator("circle, rect").evaluate_all("all => all.map(one => getComputedStyle(one).fill)")
    assert "rgb(0, 0, 0)" not in fills


@pytest.mark.parametrize("shown", HOW, ids=IDS, indirect=True)
def test_axe_finds_nothing(shown: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(shown).response["violations"]

    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
