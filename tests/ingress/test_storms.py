"""Storms: many edits, few builds, and the last edit always built. Signed as their senders sign; the clock is moved."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from holdoff.ingress.events.http import HttpRequest
from tests.ingress import payloads as p
from tests.ingress.driven import BY_NAME, Event, World, project, with_texts
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("aws_env")


@pytest.fixture
def world_of(shared_standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Makes the function of a file with one project, with these settings, and these rules."""

    def made(more: str = "", *rules: str) -> World:
        return World(shared_standin, tmp_path, monkeypatch, project("site", more=more), *rules)

    return made


def _entry(number: int) -> str:
    return f"entry-{number}"


def _contentful(topic: str) -> Callable[[int], HttpRequest]:
    def made(number: int) -> HttpRequest:
        event = with_texts(p.contentful(topic), {'"e1"': f'"{_entry(number)}"', p.DELIVERY: f"call-{number}"})
        assert isinstance(event, HttpRequest)
        return event

    return made


def _strapi(event: str, published: str | None) -> Callable[[int], HttpRequest]:
    def made(number: int) -> HttpRequest:
        entry = {"id": number, "title": "x", "publishedAt": published}
        return p.strapi(f"entry.{event}", model="article", entry=entry)

    return made


def _dato(kind: str, status: str) -> Callable[[int], HttpRequest]:
    def made(number: int) -> HttpRequest:
        texts = {'"38"': f'"{number}"', "103216210": f"call-{number}"}
        event = with_texts(p.datocms("item", kind, status=status), texts)
        assert isinstance(event, HttpRequest)
        return event

    return made


def _sanity(document: str) -> Callable[[int], HttpRequest]:
    def made(number: int) -> HttpRequest:
        request = p.sanity("update", document.format(number))
        return request.but(headers={**request.headers, "idempotency-key": f"call-{number}"})

    return made


def _storyblok(action: str) -> Callable[[int], HttpRequest]:
    return lambda number: p.storyblok(action, story_id=number, full_slug=_entry(number))


def _prismic(number: int) -> HttpRequest:
    event = with_texts(p.prismic_published(), {"Z0PcvBEAACsAuVRG": f"master-ref-{number}"})
    assert isinstance(event, HttpRequest)
    return event


AT = "2026-11-25T03:00:00.264Z"
#: What a writer's typing sets off: by which scheme it is signed, and the event.
AUTOSAVES: dict[str, tuple[str, Callable[[int], HttpRequest]]] = {
    "Contentful, auto_save": ("contentful", _contentful("Entry.auto_save")),
    "Contentful, save": ("contentful", _contentful("Entry.save")),
    "Storyblok, a stage": ("storyblok", _storyblok("stage.changed")),
    "Storyblok, an update": ("storyblok", _storyblok("updated")),
    "Strapi, update": ("secret", _strapi("update", None)),
    "Strapi, create": ("secret", _strapi("create", None)),
    "DatoCMS, of a draft": ("secret", _dato("update", "draft")),
    "DatoCMS, of an updated one": ("secret", _dato("update", "updated")),
    "Sanity, of a draft": ("sanity", _sanity("drafts.post-{}")),
    "Sanity, of a version": ("sanity", _sanity("versions.r1.post-{}")),
    "Prismic, of a release": ("prismic", lambda number: p.prismic(releases={"update": [{"id": str(number)}]})),
}
PUBLISHES: dict[str, tuple[str, Callable[[int], HttpRequest]]] = {
    "Contentful": ("contentful", _contentful("Entry.publish")),
    "Storyblok": ("storyblok", _storyblok("published")),
    "Strapi": ("secret", _strapi("publish", AT)),
    "Strapi, update": ("secret", _strapi("update", AT)),
    "DatoCMS": ("secret", _dato("publish", "published")),
    "Sanity": ("sanity", _sanity("post-{}")),
    "Prismic": ("prismic", _prismic),
}
_RULES = {
    "no rule": "",
    "a rule for all": '[[rules]]\nwhen = {}\nproject = "site"',
    "a rule by the URL": '[[rules]]\nwhen = { "http.path" = "/hooks/*" }\nproject = "site"',
    "rules by the types": """
[[rules]]
when = { "http.headers.x-strapi-event" = ["entry.*"] }
project = "site"
[[rules]]
when = { "http.headers.x-contentful-topic" = "*.Entry.*publish" }
project = "site"
[[rules]]
when = { "entity_type" = "item", "event_type" = ["update", "publish"] }
project = "site"
[[rules]]
when = { "http.headers.sanity-operation" = ["create", "update"] }
project = "site"
""",
}


SIX_HUNDRED = {("no rule", sender) for sender in ("Contentful, auto_save", "Storyblok, an update", "Strapi, update")}


@pytest.mark.parametrize("rules", _RULES)
@pytest.mark.parametrize("sender", AUTOSAVES)
def test_six_hundred_autosaves_build_nothing(world_of: Callable[..., World], sender: str, rules: str) -> None:
    scheme, made = AUTOSAVES[sender]
    world = world_of("", _RULES[rules])
    for number in range(600 if (rules, sender) in SIX_HUNDRED else 20):
        world.clock.advance("1s")
        answer = world.get(made(number), scheme=scheme)
        assert (answer["status"], "ignored" in answer) == (200, True)
    assert (world.builds, world.alarms.due, world.scene().record.pending) == ([], set(), None)


@pytest.mark.parametrize("sender", PUBLISHES)
def test_autosaves_leave_what_waits_alone(world_of: Callable[..., World], sender: str) -> None:
    scheme, made = PUBLISHES[sender]
    world = world_of()
    for number in (1, 2):
        world.get(made(number), scheme=scheme)
    waiting = world.scene().record
    for saves in AUTOSAVES.values():
        for number in range(5):
            world.get(saves[1](number), scheme=saves[0])
    assert world.scene().record == waiting
    world.rest()
    assert len(world.builds) == 2


@pytest.mark.parametrize("sender", PUBLISHES)
def test_of_thirty_publishes_in_ten_seconds_the_last_is_in_the_second_build(
    world_of: Callable[..., World], sender: str
) -> None:
    scheme, made = PUBLISHES[sender]
    world = world_of()
    began_ms = world.clock.now_ms()
    answers = []
    for number in range(30):
        answers.append(world.get(made(number), scheme=scheme))
        world.clock.sleep(10_000 // 30)
    assert [answer["outcome"] for answer in answers] == ["started", *["deferred"] * 29]
    assert {answer["status"] for answer in answers[1:]} == {200 if scheme == "prismic" else 202}
    assert len(world.builds) == 1

    world.rest()
    first, second = world.standin.builds_started[-2:]
    assert world.clock.now_ms() == began_ms + 600_000  # at once when the cooldown is over
    assert len(world.builds) == 2
    running = world.scene().record.running
    assert running is not None
    assert (running.build_id, running.covers.count) == (second.id, 29)
    reasons = [note.reason for note in running.covers.notes]
    assert len(reasons) == len(set(reasons)) or scheme == "prismic"
    assert running.covers.request.reason == reasons[0]
    own = _event_id(world, -1)
    if own is not None:
        assert world.of_event(own).build_id == second.id
        assert world.of_event(str(_event_id(world, 0))).build_id == first.id


def _event_id(world: World, place: int) -> str | None:
    """The id of one of the events that were decided on, as the log has it."""
    asked = [line for line in world.lines if line["event"] == "decision" and line["kind"] != "wake"]
    found: str | None = asked[place].get("event_id")
    return found


# --- a long afternoon of edits -------------------------------------------------------------------------

#: The settings, and the minutes after the first edit at which builds start.
SETTINGS: dict[str, tuple[str, list[float]]] = {
    "a cooldown": ("", [0, 10, 20]),
    "a quiet time": ('quiet = "2m"', [21.5]),
    "a short quiet time": ('quiet = "15s"', [0.25, 10.25, 20.25]),
    "a quiet time, and a longest wait": ('quiet = "2m"\nmax_wait = "5m"', [5, 15, 25]),
    "a limit": ('limit = "2/1h"', [0, 10, 60]),
}


@pytest.mark.parametrize("how", SETTINGS)
@pytest.mark.parametrize("sender", ["GitHub", "GitLab", "Azure DevOps", "CodeCommit"])
def test_forty_pushes_in_twenty_minutes_are_three_builds_at_most(
    world_of: Callable[..., World], sender: str, how: str
) -> None:
    world = world_of(SETTINGS[how][0])
    host, began_ms = BY_NAME[sender], world.clock.now_ms()
    versions = [f"{number:040x}" for number in range(1, 42)]
    for before, version in pairwise(versions):
        world.get(host.push(version, before, world.clock.now_ms()), scheme=host.scheme)
        world.wait("30s")
    world.rest()
    assert world.versions == sorted(world.versions, key=str)
    assert world.versions[-1] == versions[-1]
    assert _minutes(world, began_ms) == SETTINGS[how][1]
    assert sum(_covered(world)) == 40
    for version in versions[-3:]:
        assert world.of_version(version).build_id == world.standin.builds_started[-1].id


@pytest.mark.parametrize("how", ["a cooldown", "a quiet time, and a longest wait"])
@pytest.mark.parametrize("sender", PUBLISHES)
def test_forty_edits_in_twenty_minutes_are_three_builds(world_of: Callable[..., World], sender: str, how: str) -> None:
    world = world_of(SETTINGS[how][0])
    (scheme, made), began_ms = PUBLISHES[sender], world.clock.now_ms()
    last_ms = 0
    for number in range(40):
        last_ms = world.clock.now_ms()
        world.get(made(number), scheme=scheme)
        world.wait("30s")
    world.rest()
    assert _minutes(world, began_ms) == SETTINGS[how][1]
    assert sum(_covered(world)) == 40
    running = world.scene().record.running
    assert running is not None
    assert running.claimed_ms >= running.covers.last_ms == last_ms


def _minutes(world: World, began_ms: int) -> list[float]:
    """When builds were started, in minutes after the first edit."""
    return [(build.started_ms - began_ms) / 60_000 for build in reversed(list(world.scene().builds()))]


def _covered(world: World) -> list[int]:
    """How many triggers each build covered."""
    return [build.covers.count for build in world.scene().builds() if build.covers is not None]


# --- senders that send again ---------------------------------------------------------------------------


def test_two_edits_that_prismic_sends_four_times_each_are_two_builds(world_of: Callable[..., World]) -> None:
    """It sends what was not answered with 200 again, up to five times, ten minutes apart:
    https://prismic.io/docs/webhooks. A project with several webhooks to one URL sends each edit several times."""
    world = world_of()
    answers = []
    for number in (1, 1, 2, 1, 2, 2, 1, 2):
        answers.append(world.get(_prismic(number), scheme="prismic"))
        world.wait("10m")
    assert [answer["status"] for answer in answers] == [200] * 8
    assert [answer["outcome"] for answer in answers].count("skipped") == 6
    world.rest()
    assert len(world.builds) == 2


def test_two_edits_in_a_minute_that_prismic_sends_four_times_each_are_two_builds(
    world_of: Callable[..., World],
) -> None:
    world = world_of()
    for number in (1, 2, 1, 2, 1, 2, 1, 2):
        assert world.get(_prismic(number), scheme="prismic")["status"] == 200
        world.wait("7s")
    world.rest()
    assert (len(world.builds), sum(_covered(world))) == (2, 2)


REPEATED: dict[str, tuple[str, Event]] = {
    **{f"{name}, a publish": (scheme, made(1)) for name, (scheme, made) in PUBLISHES.items() if name != "Storyblok"},
    **{host.name: (host.scheme, host.push("5" * 40, "4" * 40, 1795575600000)) for host in BY_NAME.values()},
}
#: They send no id of an event.
WITHOUT_AN_ID = {name for name in REPEATED if name.startswith("Strapi")}


@pytest.mark.parametrize("name", [name for name in REPEATED if name not in WITHOUT_AN_ID])
def test_what_a_sender_sends_again_in_a_storm_is_one_build(world_of: Callable[..., World], name: str) -> None:
    world = world_of()
    scheme, event = REPEATED[name]
    for _ in range(50):
        world.get(event, scheme=scheme)
        world.wait("1m")
    world.rest()
    assert len(world.builds) == 1
    decided = [line for line in world.lines if line["event"] == "decision"]
    assert [line["outcome"] for line in decided] == ["started", *["skipped"] * 49]


def test_a_storm_costs_one_wake_at_a_time(world_of: Callable[..., World]) -> None:
    """Thirty that wait for the same instant arrange one wake for it, and none is left over."""
    world = world_of()
    for number in range(30):
        world.get(_strapi("publish", AT)(number), scheme="secret")
        world.wait("100ms")
    assert len(world.alarms.due) == 1
    world.rest()
    assert json.dumps([line["why"] for line in world.lines if line.get("kind") == "wake"]) == '["ready"]'
