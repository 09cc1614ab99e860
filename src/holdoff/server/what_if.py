"""What if a gate had gone by another policy? Replays its past as ``holdoff plan`` does, within the limits of a page.

There are limits for the builds read, the triggers replayed and the policies tried. The page says what is left out. A
replay writes nothing and calls no starter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from holdoff.core.errors import ConfigError, EventError
from holdoff.core.policy import Policy
from holdoff.core.request import GateKey
from holdoff.core.units import parse_duration
from holdoff.observe.explain import Scene
from holdoff.plan import answer, grid, page, sources
from holdoff.plan.answer import Plan
from holdoff.plan.history import History
from holdoff.plan.replay import is_fast
from holdoff.server.site import Site

MOST_BUILDS: Final = 2_000
MOST_POLICIES: Final = 40
#: How many triggers are replayed from build to build; and how many, of all policies together, one by one.
MOST_TRIGGERS: Final = 50_000
MOST_STEPS: Final = 20_000
MOST_TEXT: Final = 200
#: The fields of the form: the label, and an example.
FIELDS: Final = {
    "cooldown": ("Cooldowns", "5m, 10m, 30m"),
    "quiet": ("Quiet times", "0, 30s, 2m"),
    "longest": ("No change waits longer than", "15m"),
    "build": ("Builds take", "as its history says"),
}
#: The texts in the form's fields, by the fields' names.
Asked = dict[str, str]


def asked_of(query: Mapping[str, str]) -> Asked:
    return {name: query.get(name, "")[:MOST_TEXT].strip() for name in FIELDS}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def look(site: Site, key: GateKey, asked: Asked) -> tuple[Markup | None, str | None]:
    """The answer in HTML, if the gate has a past; and what is wrong with the fields, if anything is."""
    scene = site.scene(key)
    try:
        return Markup(page.body(_plan(scene, asked))), None  # its texts are escaped there
    except ConfigError as error:
        return None, str(error)
    except EventError:  # no builds yet
        return None, None


def _plan(scene: Scene, asked: Asked) -> Plan:
    own = scene.terms.policy if scene.terms else None
    tried = grid.policies(own, cooldowns=_listed(asked["cooldown"]), quiets=_listed(asked["quiet"]))
    if len(tried) > MOST_POLICIES:
        want = f"at most {MOST_POLICIES} combinations of cooldowns and quiet times; `holdoff plan` takes more"
        raise ConfigError(field="the number of policies", got=len(tried), want=want)
    most_ms, build_ms = (
        parse_duration(asked[of], field=repr(FIELDS[of][0])) if asked[of] else None for of in ("longest", "build")
    )
    history = _history(scene, own, tried)
    return answer.plan(history, tried, present=own, most_ms=most_ms, build_ms=build_ms, project=scene.key.name)


def _history(scene: Scene, own: Policy | None, tried: list[Policy]) -> History:
    builds, source = list(scene.builds(MOST_BUILDS)), f"history of {scene.key}"
    history = sources.from_builds(builds, source, policy=own, most=MOST_TRIGGERS)
    past = history.past()
    slow = sum(not is_fast(past, policy) for policy in tried)
    if slow * len(history.at_ms) > MOST_STEPS:
        history = sources.from_builds(builds, source, policy=own, most=MOST_STEPS // slow)
    if len(builds) < MOST_BUILDS:
        return history
    return history.but(notes=(*history.notes, f"only the newest {MOST_BUILDS:,} builds were read"))
