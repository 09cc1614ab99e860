"""``docs/config.md`` is true: no key is missing, defaults are those of the code, examples load, and each timeline is
what a gate does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from holdoff import Gate, Policy, open_store
from holdoff.config import parse, rules, webhooks
from holdoff.config.projects import EVENT_KEYS, POLICY_KEYS, STARTER_KEYS, Project
from holdoff.config.schemes import NAMES, Scheme
from holdoff.config.server import KEYS, Server
from holdoff.core.request import Request
from holdoff.core.units import parse_duration
from holdoff.testing import ManualClock

TEXT: Final = (Path(__file__).parent.parent / "docs/config.md").read_text()
SECTIONS: Final = {
    part.partition("\n")[0].strip(): part for part in re.split(r"^#{2,3} ", TEXT, flags=re.MULTILINE)[1:]
}
TIMELINE: Final = re.compile(r"^```text\n(.*)\ntrigger  (.*)\nbuild    (.*)\n```$", re.MULTILINE)
TIMELINES: Final = [match.groups() for match in TIMELINE.finditer(TEXT)]
EXAMPLES: Final = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
MINUTE_MS: Final = 60_000


def rows(section: str) -> dict[str, tuple[str, str]]:
    """A section's table: the default and the example of each key."""
    found = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", SECTIONS[section], re.MULTILINE)
    return {key: (default, example) for key, default, example in found}


# --- no key is missing -----------------------------------------------------------------------------


def test_every_key_of_the_file_is_there() -> None:
    with pytest.raises(ValueError, match="one of ") as refused:
        parse("xyz = 1")
    assert set(rows("The file")) == set(str(refused.value).rpartition("one of ")[2].split(", "))


def test_every_key_of_a_project_is_there() -> None:
    sections = {name.strip("`") for name in SECTIONS if name.startswith("`")}
    assert {*POLICY_KEYS, *EVENT_KEYS, "region", "starter"} <= sections


@pytest.mark.parametrize("starter", list(STARTER_KEYS))
def test_every_key_of_a_starter_is_there(starter: str) -> None:
    assert set(rows(f"`{starter}`")) == set(STARTER_KEYS[starter])


def test_every_key_of_a_rule_is_there() -> None:
    assert set(rows("`[[rules]]`: which events are whose")) == set(rules._KEYS)


def test_every_key_of_webhooks_is_there() -> None:
    known = {*NAMES, *webhooks._OWN, "secret", "projects"}
    assert set(rows("`[webhooks]`: where the secrets are")) == known


def test_every_key_of_the_server_is_there() -> None:
    found = rows("`[server]`: where it listens, and who may do what")
    assert set(found) == set(KEYS)
    assert found["listen"][0] == f'`"{Server().listen}"`'


# --- defaults --------------------------------------------------------------------------------------


def default_of(section: str) -> str:
    """The default as the page has it."""
    match = re.search(r"^(Default: [^.]*|No default)", SECTIONS[section], re.MULTILINE)
    assert match, section
    return match[1]


@pytest.mark.parametrize("key", POLICY_KEYS)
def test_the_default_of_a_policy_is_as_it_says(key: str) -> None:
    said = default_of(f"`{key}`")
    if key == "cooldown":
        assert said == "No default"
        return
    quoted = re.match(r'Default: `"(\w+)"`', said)
    if quoted is None:
        assert said == "Default: none"
    more: dict[str, Any] = {key: quoted[1]} if quoted else {}
    assert Policy("10m", **more) == Policy("10m")
    assert quoted is not None or getattr(Policy("10m"), f"{key}_ms" if key != "limit" else key) is None


@pytest.mark.parametrize("key", EVENT_KEYS)
def test_the_default_of_what_concerns_events_is_as_it_says(key: str) -> None:
    default = getattr(Project(name="p", policy=Policy(0)), key)
    plain = {None: "Default: the one that the sender says", True: "Default: `true`", (): "Default: `[]`"}[default]
    assert default_of(f"`{key}`").startswith(plain)


@pytest.mark.parametrize("key", ["prefix", "encoding", "algorithm"])
def test_the_default_of_a_scheme_is_as_it_says(key: str) -> None:
    said = rows("`[webhooks]`: where the secrets are")[key][0]
    assert said == f'`"{getattr(Scheme(name="acme"), key)}"`'


# --- examples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_loads(text: str) -> None:
    parse(text)


#: What a starter is named by, where ``p`` will not do.
NAMED: Final = {"webhook": "env:HOOK", "github": "acme/site", "gitlab": "acme/site"}
#: What must stand beside a setting: the first of those that has it.
_FOLLOWED: Final = {"status_url": '"https://x/{build_id}"', "state": '"s"', "succeeded": '["a"]', "failed": '["b"]'}
BESIDE: Final = (
    {"role": '"arn:aws:iam::123456789012:role/builds"', "external_id": '"x"'},
    _FOLLOWED,
    {"app": '"Iv1"', "private_key": '"env:KEY"', "workflow": '"x.yml"'},
    *({"workflow": '"x.yml"', key: "{}"} for key in ("ref", "inputs", "token", "endpoint")),
)


def beside(starter: str, key: str) -> str:
    """The settings without which one is not right, as lines."""
    known = STARTER_KEYS[starter]
    group = next((group for group in BESIDE if key in group and group.keys() <= {*known}), {})
    return "".join(f"{name} = {value}\n" for name, value in group.items() if name != key)


def test_every_example_in_a_table_is_right() -> None:
    """Each alone, in the place that it is for."""
    for starter in STARTER_KEYS:
        for key, (_, example) in rows(f"`{starter}`").items():
            name = NAMED.get(starter, "p")
            table = f'[projects.p]\ncooldown = 1\n[projects.p.starter]\n{starter} = "{name}"\n'
            parse(f"{table}{beside(starter, key)}{setting(example)}")
    for key, (_, example) in rows("`[[rules]]`: which events are whose").items():
        projects = "".join(f"[projects.{name}]\ncooldown = 1\nstarter.command = ['x']\n" for name in ("site", "docs"))
        more = "" if key == "when" else "when = { a = 'b' }\n"
        more += "" if key in ("project", "ignore") else "project = 'site'\n"
        parse(f"{projects}[[rules]]\n{more}{setting(example)}")


def setting(example: str) -> str:
    """What stands between the backquotes."""
    match = re.match(r"`([^`]*)`", example)
    assert match, example
    return match[1]


# --- timelines -------------------------------------------------------------------------------------


class Builder:
    """Builds that take as long as the page says. One of the version ``f`` fails at its first try."""

    def __init__(self, clock: ManualClock, takes_ms: int) -> None:
        self.clock, self.takes_ms = clock, takes_ms
        self.versions: list[str] = []
        self.running: dict[str, tuple[int, str]] = {}

    def start(self, request: Request, _token: str) -> str:
        version = request.source_version or "?"
        self.versions.append(version)
        build_id = f"site:{len(self.versions)}"
        self.running[build_id] = (self.clock.now_ms() + self.takes_ms, version)
        return build_id

    def status(self, build_id: str) -> str:
        return "running" if build_id in self.running else "failed"

    def cancel(self, build_id: str) -> None:
        del self.running[build_id]

    def end_what_is_over(self, gate: Gate) -> bool:
        """Whether one has failed."""
        failed = False
        for build_id, (ends_ms, version) in list(self.running.items()):
            if ends_ms <= self.clock.now_ms():
                del self.running[build_id]
                fails = version == "f" and self.versions.count("f") == 1
                gate.finished(build_id, succeeded=not fails)
                failed |= fails
        return failed


def replayed(head: str, triggers: str, minutes: int) -> str:
    """The line of builds, a character a minute."""
    settings, _, rest = head.partition("; a build takes ")
    clock = ManualClock()
    builder = Builder(clock, parse_duration(rest or "1m", field="a build takes"))
    policy = Policy(**tomllib.loads(settings.replace(", ", "\n")))
    gate = Gate("site", store=open_store("memory:"), policy=policy, starter=builder, clock=clock, woken=True)
    line = ""
    for minute in range(minutes):
        failed, before = builder.end_what_is_over(gate), len(builder.versions)
        gate.wake()
        if (version := triggers[minute : minute + 1].strip()) != "":
            gate.trigger(source_version=version)
        started = builder.versions[before:]
        line += started[-1] if started else "x" if failed else "-" if builder.running else " "
        clock.advance("1m")
    return line.rstrip()


@pytest.mark.parametrize(("head", "triggers", "builds"), TIMELINES, ids=range(len(TIMELINES)))
def test_a_timeline_is_what_a_gate_does(head: str, triggers: str, builds: str) -> None:
    assert replayed(head, triggers, len(builds) + 1) == builds


def test_every_setting_of_a_policy_has_a_timeline() -> None:
    assert [key for key in POLICY_KEYS if not any(f"{key} = " in head for head, _, _ in TIMELINES)] == []
