"""The projects of a ``holdoff.toml``, each with its policy and starter, and the gates that they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice

from holdoff.clock import now_ms
from holdoff.config.checks import TOP, listed, must_be, refuse_unknown, under
from holdoff.core.builds import as_it_is_now, as_known
from holdoff.core.errors import ConfigError, HoldoffError, RecordInvalid
from holdoff.core.policy import Policy
from holdoff.core.record import Record
from holdoff.core.request import KEY_MARK, NO_REGION, GateKey
from holdoff.core.shown import MISSING, Unquoted, in_toml
from holdoff.core.terms import Terms
from holdoff.core.units import A_DURATION, MAX_INSTANT_MS
from holdoff.core.value import Value
from holdoff.core.waits import wake_ms
from holdoff.fitting import check_overlap
from holdoff.gate import Gate
from holdoff.starters import processes
from holdoff.stores.open import default_url, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Final

    from holdoff.clock import Clock
    from holdoff.config.rules import Rule
    from holdoff.config.server import Server
    from holdoff.config.webhooks import Webhook
    from holdoff.observe.explain import Scene
    from holdoff.observe.status import Status
    from holdoff.starters.base import Starter
    from holdoff.stores.base import Store

#: The arguments of ``Policy``, in order.
POLICY_KEYS: Final = ("cooldown", *(Policy.__init__.__kwdefaults__ or ()))
_ON_AWS: Final = ("environment", "region", "endpoint", "role", "external_id")
STARTER_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "command": (),
    "codebuild": (*_ON_AWS, "batch", "options"),
    "codepipeline": (*_ON_AWS, "source_action"),
    "webhook": (
        *("method", "headers", "json", "form", "refused", "id", "status_url", "state", "succeeded", "failed"),
        *("cancel_url", "cancel_method", "token_memory", "build_lease"),
    ),
    "github": ("workflow", "ref", "inputs", "token", "app", "private_key", "endpoint"),
    "gitlab": ("ref", "environment", "token", "trigger_token", "endpoint"),
}
ON_HTTP: Final = {"webhook": "Webhook", "github": "GitHub", "gitlab": "GitLab"}
#: The starters' classes, each imported when it is first made. ``Command`` is made separately: it takes an output.
_CLASSES: Final = {"codebuild": "CodeBuild", "codepipeline": "CodePipeline", **ON_HTTP}
#: What a project can allow events from outside to do.
POWERS: Final = ("force", "wake", "end")
EVENT_KEYS: Final = ("allow", "allow_environment", "branch", "skip_ci")
PROJECT_KEYS: Final = (*POLICY_KEYS, "region", "starter", *EVENT_KEYS)
#: Settings of a starter that people write into the project's table, and what to write there instead.
_OF_STARTERS: Final = {
    name: f"it in the starter's table: starter = {{ {name} = ... }}"
    for kind, options in STARTER_KEYS.items()
    for name in (kind, *options)
}
_BESIDE_STARTER: Final = dict.fromkeys(PROJECT_KEYS, "it beside starter, not within")
_STARTER: Final = f"a table such as {{ command = ['make', 'docs'] }}, with one of {', '.join(STARTER_KEYS)}"


class Project(Value):
    """One table ``[projects.NAME]``.

    Attributes:
        allow: what events from outside may do besides asking for a build, of ``POWERS``.
        allow_environment: the variables that events may set.
        branch: the branch that a push builds, a pattern; ``None``: the sender's default branch.
        usual_branches: the branches, as patterns, where the sender does not say which is its default.
        skip_ci: whether ``[skip ci]`` in a commit's message is obeyed.
    """

    name: str
    policy: Policy
    region: str | None = None
    starter: Mapping[str, Any] = {}
    folder: str | None = None
    allow: tuple[str, ...] = ()
    allow_environment: tuple[str, ...] = ()
    branch: str | None = None
    usual_branches: tuple[str, ...] = ("main", "master")
    skip_ci: bool = True

    def __repr__(self) -> str:
        return f"Project({self.name!r}, ...)"  # a starter's settings may be secret

    def make_starter(self, *, stdout: int | None = None) -> Starter:
        """Make the project's starter. ``stdout``: where a command's output goes; ``None``: this process's stdout."""
        settings = dict(self.starter)
        if "command" in settings:
            from holdoff.starters.command import Command

            return Command(settings["command"], stdout=stdout, folder=self.folder)
        made: Starter
        for kind, name in _CLASSES.items():
            if kind in settings:
                from holdoff import starters  # at the top it would import importlib and warnings

                more = {"folder": self.folder} if kind in ON_HTTP else {}
                made = getattr(starters, name)(settings.pop(kind), **more, **settings)
                return made
        for kind, entry in _plugins().items():
            if kind in settings:
                try:
                    made = entry.load()(settings)
                except HoldoffError:
                    raise
                except Exception as error:  # another package's code may raise anything
                    said = f"{entry.value} raised {type(error).__name__}: {error}"
                    raise HoldoffError(f"projects.{self.name}.starter cannot be made: {said}") from error
                return made
        # A plug-in may be uninstalled under a server.
        raise ConfigError(field=f"projects.{self.name}.starter", got=settings, want=_STARTER)


class Config(Value):
    """The content of a ``holdoff.toml``; without a file, the defaults.

    Attributes:
        store: its URL; a relative path in the file starts at the file's folder.
        rules: which event belongs to which project; the first rule that matches wins.
        webhooks: where the secrets of webhooks are, by scheme.
        server: the settings of ``holdoff serve``.
        passed_over: a sentence about a file that was found nearer and is not used.
    """

    path: Path | None = None
    sight: tuple[int, ...] | None = None  #: facts about the file, from before it was read (``trust.sight``)
    passed_over: str | None = None
    store: str | None = None
    projects: Mapping[str, Project] = {}
    rules: tuple[Rule, ...] = ()
    webhooks: Mapping[str, Webhook] = {}
    server: Server | None = None

    def project(self, name: str) -> Project:
        """The project of a name, which has no key. An unknown name raises ConfigError, which lists the projects."""
        if name in self.projects:
            return self.projects[name]
        table = f"a table [projects.{in_toml(name)}]"
        if self.path is None:
            where = "looked upward, to the top of the repository or your home"
            want = f"one with {table} ({where}); `holdoff init` writes a first one"
            raise ConfigError(field="holdoff.toml", got=Unquoted("not found"), want=want)
        want = table + (f", or name one of these: {listed(self.projects)}" if self.projects else "")
        raise ConfigError(field=f"{self.path}: projects.{name}", got=MISSING, want=want)

    def open_store(self, url: str | None = None) -> Store:
        """The store of this URL, else of the file's, else a SQLite store for this file in the user's state
        directory."""
        if url is not None:
            with under("--store or HOLDOFF_STORE: "):
                return open_store(url)
        if self.store is None and self.path is not None and not self.path.is_file():  # --config <(sops -d holdoff.toml)
            raise ConfigError(field=f"{self.path}: store", got=MISSING, want="a store: a pipe has none of its own")
        return open_store(self.store or default_url(self.path))

    def key(self, project: str, key: str | None, region: str | None, store: Store) -> GateKey:
        """The gate of these names. Without a region it is in the project's, else in the store's."""
        named = GateKey.of(project, key, NO_REGION)
        if region is None:
            known = self.projects.get(named.name)
            region = (known and known.region) or store.region
        return named.but(region=region)

    def keys(self, store: Store) -> list[GateKey]:
        """The projects' own gates, those without a key."""
        return [GateKey(project.name, project.region or store.region) for project in self.projects.values()]

    def due(self, store: Store, clock: Clock, *, looked_at: int | None = None) -> Iterator[GateKey]:
        """The gates that are due by the store, which goes by the settings of the last write. Then those of the projects
        here that are due by today's settings only. ``looked_at``: of how many that wait this is found out."""
        waiting = list(store.due(MAX_INSTANT_MS))
        at_ms = now_ms(store, clock)  # not before: only from an answer does the store know its own time
        due = dict.fromkeys(store.due(at_ms) if waiting else ())
        yield from due
        others = (key for key in waiting if key not in due and key.name in self.projects)
        for key in islice(others, looked_at):
            try:
                if (record := store.get(key)).pending is None:
                    continue
                terms = self.gate(key, store).terms
                by_today_ms = wake_ms(as_it_is_now(record, terms, at_ms), terms)
            except Exception as error:  # noqa: BLE001  (the wake reports what is wrong)
                by_today_ms = None if isinstance(error, RecordInvalid) else at_ms
            if by_today_ms is not None and by_today_ms <= at_ms:
                yield key

    def statuses(
        self,
        store: Store,
        clock: Clock,
        project: str | None = None,
        region: str | None = None,
        *,
        stale_after_ms: int | None = None,
    ) -> Iterator[Status]:
        """The gates of a store, and then the projects that have no gate there yet: all, or those of a project and
        region. Each is told as of an instant after it was read: what is written meanwhile is not in the future."""
        from holdoff.observe.status import Status, status_of  # `holdoff run` does not need it

        there = set[str]()
        new = ((key, Record()) for key in self.keys(store) if key.project not in there)  # looked at after the store's
        for key, found in chain(store.gates(project), new):
            if project in (None, key.project) and region in (None, key.region):
                there.add(key.project)
                at_ms = now_ms(store, clock)
                if isinstance(found, RecordInvalid):
                    yield Status(key=key, record=Record(), state="unreadable", now_ms=at_ms, error=str(found))
                else:
                    seen = self.seen(key, found, store, at_ms)
                    yield status_of(key, *seen, at_ms, stale_after_ms=stale_after_ms)

    def seen(self, key: GateKey, record: Record, store: Store, at_ms: int) -> tuple[Record, Terms | None]:
        """What status, history and explain go by: the record, with what this machine knows of a running command; and
        the terms, ``None``: the gate's project is not in the file."""
        known, terms = self.projects.get(key.name), None
        runs = None if record.running is None else processes.command_lives(record.running.build_id)
        if known is not None:
            is_command = runs is not None or "command" in known.starter
            terms = Terms(policy=known.policy, clock_margin_ms=store.clock_margin_ms, children=is_command)
        if runs is not None:
            record = as_known(record, terms or Terms(policy=Policy(0)), at_ms, starts=None, runs=runs)
        return record, terms

    def scene(self, key: GateKey, store: Store, clock: Clock) -> Scene:
        """The gate as it is in the store now, for ``observe.explain``."""
        record = store.get(key)
        return self.scene_of(key, record, store, now_ms(store, clock))

    def scene_of(self, key: GateKey, record: Record, store: Store, at_ms: int) -> Scene:
        """The gate as it was in a record that was read already."""
        from holdoff.observe.explain import Scene  # `holdoff run` does not need it

        record, terms = self.seen(key, record, store, at_ms)
        return Scene(store=store, key=key, record=record, terms=terms, now_ms=at_ms)

    def knows(self, key: GateKey, store: Store) -> bool:
        """Whether the file or the store has a gate. In the store: its item or, if that has expired, its builds."""
        try:
            return key in self.keys(store) or store.item(key) is not None or any(store.history(key, limit=1))
        except RecordInvalid:
            return True

    def gate(self, key: GateKey, store: Store, **more: Any) -> Gate:
        """The gate of a project, or of a key of it. ``more``: further arguments of ``Gate``."""
        project = self.project(key.name)
        if "starter" not in more:
            more["starter"] = project.make_starter()
        gate = Gate(key.name, key=key.key, region=key.region, store=store, policy=project.policy, **more)
        gate.from_file = True
        return gate

    def gate_without_starter(self, key: GateKey, store: Store, **more: Any) -> Gate:
        """The gate of a key for a person, who may change it also if its project is not in the file."""
        known = self.projects.get(key.name)
        more |= {"policy": known.policy if known else Policy(0), "knows_policy": known is not None}
        return Gate(key.name, key=key.key, region=key.region, store=store, **more)


def project_of(name: str, table: object, folder: str | None) -> Project:
    """The project in a table ``[projects.NAME]`` of a file in this folder."""
    at = f"projects.{name}"
    settings = must_be(dict, table, at, "a table of settings")
    projects = {key for key, one in settings.items() if _may_be_project(one)}
    dotted = dict.fromkeys(projects, "a name that has dots in quotes: [projects.'www.example.com']")
    refuse_unknown(settings, PROJECT_KEYS, f"{at}.", dotted | TOP | _OF_STARTERS)
    if "cooldown" not in settings:
        raise ConfigError(field=f"{at}.cooldown", got=MISSING, want=A_DURATION)
    region = settings.get("region")
    with under("the name of a "):
        GateKey(name, "local")
        if KEY_MARK in name:
            want = f"a name without {KEY_MARK!r}, which stands before a key"
            raise ConfigError(field="project", got=name, want=want)
    with under(f"{at}."):
        GateKey(name, "local" if region is None else region)
        policy = Policy(**{key: settings[key] for key in POLICY_KEYS if key in settings})
        starter = must_be(dict, settings.get("starter", MISSING), "starter", _STARTER)
        check_overlap(policy, _made(starter))
    project = Project(name=name, policy=policy, region=region, starter=starter, folder=folder)
    return project.but(**_of_events(settings, at)) if settings.keys() & set(EVENT_KEYS) else project


def _may_be_project(table: object) -> bool:
    """Whether a table within a project's table may be another project, whose name has dots that TOML read as tables."""
    if not isinstance(table, dict) or table.keys() & STARTER_KEYS.keys():
        return False
    return "cooldown" in table or any(isinstance(one, dict) for one in table.values())


def _of_events(settings: Mapping[str, object], at: str) -> dict[str, Any]:
    """A project's settings for events, as ``Project`` takes them."""
    from holdoff.config.patterns import check_name  # only projects with such settings need these two
    from holdoff.config.variables import check_variable

    powers = must_be(list, settings.get("allow", []), f"{at}.allow", f"a list of {', '.join(POWERS)}")
    for power in powers:
        if power not in POWERS:
            raise ConfigError(field=f"{at}.allow", got=power, want=f"one or more of {', '.join(POWERS)}")
    names = must_be(list, settings.get("allow_environment", []), f"{at}.allow_environment", "a list of names")
    for name in names:
        check_variable(must_be(str, name, f"{at}.allow_environment", "names of variables"), f"{at}.allow_environment")
    branch = settings.get("branch")
    if branch is not None:
        check_name(must_be(str, branch, f"{at}.branch", "a branch's name, such as 'main'"), f"{at}.branch")
    skip_ci = must_be(bool, settings.get("skip_ci", True), f"{at}.skip_ci", "true or false")
    return {"allow": tuple(powers), "allow_environment": tuple(names), "branch": branch, "skip_ci": skip_ci}


def _made(settings: dict[str, Any]) -> Starter | None:
    """The starter in a table; ``None``: a plug-in's, which is not made here."""
    kinds = [kind for kind in STARTER_KEYS if kind in settings]
    if len(kinds) > 1:
        raise ConfigError(field="starter", got=settings, want="only one of " + " and ".join(kinds))
    if kinds:
        refuse_unknown(settings, (*kinds, *STARTER_KEYS[kinds[0]]), "starter.", _BESIDE_STARTER)
        with under("starter."):
            return Project(name="", policy=Policy(0), starter=settings).make_starter()  # connects to nothing
    if not settings.keys() & _plugins().keys():
        from difflib import get_close_matches

        misspelt = {key: one for key, one in settings.items() if get_close_matches(key.lower(), STARTER_KEYS)}
        refuse_unknown(misspelt, tuple(STARTER_KEYS), "starter.")
        raise ConfigError(field="starter", got=settings, want=_STARTER)
    return None


def _plugins() -> dict[str, Any]:
    from importlib import metadata  # slow to import, and seldom needed

    return {entry.name: entry for entry in metadata.entry_points(group="holdoff.starters")}
