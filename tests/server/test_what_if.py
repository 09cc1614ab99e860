"""What if a gate had gone by another policy: the page over its own past, in bounds, for those who may look."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from holdoff.core.pending import single
from holdoff.core.policy import Policy
from holdoff.core.record import Record, Running
from holdoff.core.request import GateKey, Request
from holdoff.plan import answer, grid, sources
from holdoff.server import pages, what_if
from tests.server.day import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx2 import Response

    from tests.server.conftest import Served


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A server with three days of pushes at one of its gates."""
    served = serve()
    site = served.site
    simulate(site.store, "site", site.config.projects["site"].policy, site.now_ms(), days=3)
    return served


def ask(served: Served, token: str | None = "", **query: str) -> Response:
    """The page; by default with all scopes."""
    headers = {} if token is None else {"authorization": f"Bearer {token or served.token}"}
    return served.client.get(f"/what-if?{urlencode({'project': 'site'} | query)}", headers=headers)


def tried(answered: Response) -> list[str]:
    return re.findall(r'<th scope="row">([^<]*)</th>', answered.text)


def test_it_says_what_holdoff_plan_says(served: Served) -> None:
    policy = served.site.config.projects["site"].policy
    scene = served.site.scene(GateKey("site", "local"))
    history = sources.from_builds(scene.builds(), "it")
    same = answer.plan(history, grid.policies(policy), present=policy)

    shown = ask(served)

    assert shown.status_code == 200
    assert tried(shown) == [row.name for row in same.figures]
    assert escape(same.choice.why) in shown.text
    assert all(moment in shown.text for moment in answer.worst(same))
    assert shown.text.count('class="plan"') == 2


def test_what_is_asked_is_tried_beside_the_present_policy(served: Served) -> None:
    shown = ask(served, cooldown="5m, 20m", quiet="0,30s", longest="12m", build="6m")

    combined = ["cooldown 5m", "cooldown 5m, quiet 30s", "cooldown 20m", "cooldown 20m, quiet 30s"]
    assert tried(shown) == ["cooldown 10m", "cooldown 0s", *combined]
    assert "within 12m" in shown.text
    assert "builds take 6m, as given" in shown.text
    assert 'value="5m, 20m"' in shown.text


@pytest.mark.parametrize("most_steps", [what_if.MOST_STEPS, 50])
def test_that_skipped_triggers_are_not_there_is_said(
    served: Served, monkeypatch: pytest.MonkeyPatch, most_steps: int
) -> None:
    monkeypatch.setattr(what_if, "MOST_STEPS", most_steps)
    config = served.site.config
    assert "triggers that this policy skipped" not in ask(served, cooldown="5m", quiet="0").text
    skips = config.projects["site"].but(policy=Policy("10m", on_cooldown="skip"))
    served.site.go_by(config.but(projects={**config.projects, "site": skips}), served.site.store)
    shown = ask(served, cooldown="5m", quiet="0").text
    assert "triggers that this policy skipped are in Holdoff&#x27;s log, but not here" in shown
    assert ("left out: at most 25 are replayed" in shown) is (most_steps == 50)


BAD = {
    "no duration": {"cooldown": "a parsec"},
    "a negative one": {"quiet": "-5m"},
    "one of many": {"cooldown": "5m,,x"},
    "far too long": {"longest": "9" * 200},
    "not finite": {"build": "1e999"},
    "a null": {"cooldown": "\0"},
    "other digits": {"quiet": "\u0665m"},
    "markup": {"cooldown": "<script>alert(1)</script>"},
    "too many": {"cooldown": ",".join(f"{n}s" for n in range(1, 50)), "quiet": "0"},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told_above_the_form(served: Served, name: str) -> None:
    shown = ask(served, **BAD[name])

    assert (shown.status_code, tried(shown)) == (422, [])
    assert 'role="alert"' in shown.text
    assert 'action="/what-if"' in shown.text
    assert "<script>alert" not in shown.text


def test_a_wrong_field_is_named_as_the_form_names_it(served: Served) -> None:
    shown = ask(served, longest="-1", build="")

    assert "&#39;No change waits longer than&#39; is &#39;-1&#39;; write zero or more" in shown.text


def test_too_many_policies_are_counted(served: Served) -> None:
    shown = ask(served, **BAD["too many"]).text
    assert re.search(r"the number of policies is \d\d; write at most 40 combinations", shown)


STRANGE = [
    "cooldown=%FF%FE&quiet=%00",
    "cooldown=5m&cooldown=6m",
    "cooldown=" + quote("\ud800".encode("utf-8", "surrogatepass")),
    "cooldown=" + "0," * 4000,
    "quiet=" + "9" * 3000 + "d",
    "longest=0&build=0&cooldown=0&quiet=0",
    "cooldown=,,,&quiet=,",
    "build=999d",
    "longest=%F0%9F%95%B0",
    "key=..%2F..&region=%0d%0aX: y",
]


@pytest.mark.parametrize("query", STRANGE, ids=range(len(STRANGE)))
def test_no_query_breaks_it(served: Served, query: str) -> None:
    headers = {"authorization": f"Bearer {served.token}"}
    shown = served.client.get(f"/what-if?project=site&{query}", headers=headers)

    assert shown.status_code in {200, 404, 422}
    assert shown.headers["content-security-policy"] == pages.CSP


def test_who_may_not_look_sees_nothing(served: Served) -> None:
    hooked = served.site.guard.tokens.new("hooks", ("trigger",))

    assert ask(served, None).status_code == 401
    assert ask(served, hooked).status_code == 403
    assert ask(served, served.site.guard.tokens.new("eyes", ("look",))).status_code == 200
    assert ask(served, project="no-such").status_code == 404
    assert served.client.post("/what-if?project=site").status_code == 405


def test_a_gate_without_builds(served: Served) -> None:
    shown = ask(served, project="docs")

    assert shown.status_code == 200
    assert "No builds yet" in shown.text


def test_a_gate_with_a_key_is_named_as_on_its_own_page(served: Served) -> None:
    simulate(served.site.store, "site@main", Policy("10m"), served.site.now_ms(), days=0.2)
    shown = ask(served, key="main").text

    assert "<title>What if: site@main " in shown
    assert "<h1>What if: site@main <small>" in shown
    assert "[projects.site]" in shown  # its settings are those of the project


def test_a_policy_that_stays_is_not_written_again(served: Served) -> None:
    shown = ask(served, cooldown="10m", quiet="0").text

    assert "the present policy." in shown
    assert "[projects.site]" not in shown


def test_it_changes_nothing_and_starts_nothing(served: Served) -> None:
    key = GateKey("site", "local")
    before = served.site.store.get(key), list(served.site.store.history(key))

    ask(served)

    assert (served.site.store.get(key), list(served.site.store.history(key))) == before


def _burst(served: Served, count: int) -> None:
    """A running build that covers so many triggers."""
    at_ms = served.site.now_ms() - 600_000
    covers = single(Request(project="docs", region="local"), at_ms - 300_000).but(last_ms=at_ms, count=count)
    running = Running(
        token="T" * 26,
        build_id="b",
        covers=covers,
        started_ms=at_ms,
        claimed_ms=at_ms,
        lease_until_ms=at_ms + 9_000_000,
    )
    key = GateKey("docs", "local")
    served.site.store.swap(key, expected=served.site.store.get(key), new=Record(running=running).swapped("TESTTEST"))


def test_a_storm_of_a_billion_triggers_is_cut_and_that_is_said(served: Served) -> None:
    _burst(served, 10**9)

    shown = ask(served, project="docs")

    assert shown.status_code == 200
    assert f"{10**9 - what_if.MOST_TRIGGERS:,} older triggers were left out" in shown.text


def test_what_is_replayed_trigger_by_trigger_is_cut_the_shorter(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    _burst(served, 5_000)
    monkeypatch.setattr(what_if, "MOST_STEPS", 400)
    skips = Policy("10m", overlap="cancel")
    config = served.site.config
    docs = config.projects["docs"].but(policy=skips)
    served.site.go_by(config.but(projects={**config.projects, "docs": docs}), served.site.store)

    shown = ask(served, project="docs", cooldown="5m,10m,20m", quiet="0")

    steps = 400 // 3
    assert f"{5_000 - steps:,} older triggers were left out: at most {steps}" in shown.text


def test_old_builds_are_left_out_and_that_is_said(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if, "MOST_BUILDS", 10)

    assert "only the newest 10 builds were read" in ask(served).text


def test_when_many_ask_the_next_is_sent_away(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_WAITING", 0)

    assert ask(served).status_code == 503
