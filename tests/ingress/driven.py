"""The function driven from outside: webhooks signed as their senders sign, wakes that come when they were arranged for.

``World`` is a ``Stage`` with the secrets of all senders, a queue for dead letters and a scheduler that keeps its word.
``HOSTS`` are the hosts of git repositories, each with how it tells a push.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import pytest

from holdoff.core.errors import StoreUnavailable
from holdoff.core.request import GateKey
from holdoff.core.units import iso, parse_duration
from holdoff.ingress import aws_http
from holdoff.ingress.events.http import HttpRequest
from holdoff.observe.explain import Explanation, Scene, explain_event, explain_version
from holdoff.testing import ManualClock
from holdoff.wake.scheduler import wake_event
from tests.ingress import payloads as p
from tests.ingress import shapes
from tests.ingress.function import REGION, Stage, Wakes
from tests.ingress.signed import SECRETS, SENDERS, by_url, mac
from tests.scenes import scene_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdoff.core.record import Record
    from holdoff.ingress.dispatch import Dispatch
    from tests.standins.codebuild import CodeBuildStandin

Json = dict[str, Any]
Event = HttpRequest | Json
#: The schemes of the senders that are driven here.
SCHEMES = (
    *("github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket", "azure"),
    *("storyblok", "contentful", "sanity", "prismic", "secret"),
)


def project(name: str, cooldown: str = "10m", more: str = "") -> str:
    """The table of a project; ``<url>`` is the CodeBuild stand-in's."""
    starter = f'{{ codebuild = "{name}-build", endpoint = "<url>" }}'
    return f'[projects.{name}]\ncooldown = "{cooldown}"\nregion = "{REGION}"\nstarter = {starter}\n{more}\n'


def settings(*tables: str) -> str:
    """A ``holdoff.toml`` with these projects and rules, as ``Stage`` formats it."""
    hooks = [f'{name} = "env:HOOK_{name.upper()}"' for name in SCHEMES]
    text = "\n".join(['store = "memory:"', *tables, "[webhooks]", *hooks])
    return text.replace("{", "{{").replace("}", "}}").replace("<url>", "{url}")


class Alarms(Wakes):
    """A scheduler: which gates it is to wake, and when. It forgets none, and wakes none that it was not told of."""

    def __init__(self) -> None:
        super().__init__()
        self.due: set[tuple[int, GateKey]] = set()

    def wake_at(self, key: GateKey, due_ms: int, now_ms: int) -> None:
        super().wake_at(key, due_ms, now_ms)
        self.due.add((due_ms, key))


class Queue:
    """The queue of dead letters."""

    def __init__(self) -> None:
        self.letters: list[Json] = []

    def send_message(self, **asked: str) -> None:
        self.letters.append(json.loads(asked["MessageBody"]))


class World(Stage):
    """The function, its senders, its wakes and its builds."""

    def __init__(self, standin: CodeBuildStandin, folder: Path, patch: pytest.MonkeyPatch, *tables: str) -> None:
        super().__init__(standin, folder, text=settings(*tables))
        self.wakes = self.alarms = Alarms()
        self.environment |= {f"HOOK_{name.upper()}": SECRETS[name] for name in SCHEMES}
        self.environment["HOLDOFF_DEAD_LETTERS"] = "https://sqs.example/1/dead"
        self.queue = Queue()
        patch.setattr(aws_http, "make_client", lambda *_: self.queue)
        self._before = len(standin.builds_started)
        # Or its tokens would be those of builds before.
        self.clock = ManualClock("2026-11-25T03:00:00Z", seed=self._before)
        self.function = self._new_function()
        self.send({"holdoff": "sweep"})

    @property
    def dispatch(self) -> Dispatch:
        dispatch = self.function._dispatch
        assert dispatch is not None
        return dispatch

    @property
    def builds(self) -> list[tuple[str, str | None]]:
        """What was built: the project without its ``-build``, and the version, in order."""
        started = self.standin.builds_started[self._before :]
        return [(build.project.removesuffix("-build"), build.source_version) for build in started]

    @property
    def versions(self) -> list[str | None]:
        return [version for _, version in self.builds]

    # --- what comes ------------------------------------------------------------------------------

    def get(self, event: Event, *, scheme: str = "secret") -> Json:
        """What becomes of an event: the decision, or ``{"status": ..., "error": ...}``."""
        if not isinstance(event, HttpRequest):
            return self.send(event)
        answer = self.send(by_url(signed_by(scheme, event, self.clock.now_ms())))
        return {"status": answer["statusCode"], **json.loads(answer["body"])}

    @contextmanager
    def store_down(self, *projects: str) -> Iterator[None]:
        """The store does not answer: for these projects, or at all."""

        def failing(real: Callable[..., object]) -> Callable[..., object]:
            def answer(key: GateKey, *more: object, **named: object) -> object:
                if not projects or key.project in projects:
                    raise StoreUnavailable("no answer")
                return real(key, *more, **named)

            return answer

        with pytest.MonkeyPatch.context() as patch:
            for name in ("get", "swap", "fold"):
                patch.setattr(self.dispatch.store, name, failing(getattr(self.dispatch.store, name)))
            yield

    # --- time ------------------------------------------------------------------------------------

    def wait(self, duration: str) -> None:
        """So much time passes; the wakes that are due in it come at their instants."""
        until_ms = self.clock.now_ms() + parse_duration(duration, field="duration")
        while (alarm := min(self.alarms.due, default=None)) is not None and alarm[0] <= until_ms:
            self.alarms.due.remove(alarm)
            self.clock.sleep(max(0, alarm[0] - self.clock.now_ms()))
            self.send(wake_event(alarm[1]))
        self.clock.sleep(until_ms - self.clock.now_ms())

    def rest(self) -> None:
        """All wakes come that were arranged; then nothing may wait."""
        for _ in range(100):
            if not self.alarms.due:
                break
            self.wait(f"{max(0, min(self.alarms.due)[0] - self.clock.now_ms()) / 1000}s")
        gates = cast("Iterator[tuple[GateKey, Record]]", self.dispatch.store.gates())
        waiting = [key for key, record in gates if record.pending or record.claim]
        assert not waiting, f"no wake was arranged for {waiting}"

    # --- what is said of it ----------------------------------------------------------------------

    def scene(self, name: str = "site") -> Scene:
        key = GateKey(name, REGION)
        return scene_of(self.dispatch.store, key, self.dispatch.gate(key).terms, self.clock.now_ms())

    def of_version(self, version: str, name: str = "site") -> Explanation:
        return explain_version(self.scene(name), version)

    def of_event(self, event_id: str, name: str = "site") -> Explanation:
        return explain_event(self.scene(name), event_id)


def signed_by(scheme: str, request: HttpRequest, ms: int) -> HttpRequest:
    """The request as its sender signs it; its own headers stay what they are."""
    if scheme == "contentful":
        return _signed_by_contentful(request, ms)
    made = SENDERS[scheme](request, ms)
    return made.but(headers={**made.headers, **request.headers})


def _signed_by_contentful(request: HttpRequest, ms: int) -> HttpRequest:
    """https://www.contentful.com/developers/docs/webhooks/request-verification/"""
    names = sorted(["x-contentful-signed-headers", "x-contentful-timestamp", "x-contentful-topic"])
    headers = {**request.headers, names[0]: ",".join(names), names[1]: str(ms)}
    listed = ";".join(f"{name}:{headers[name]}" for name in names)
    canonical = f"POST\n{request.path}\n{listed}\n".encode() + request.body
    return request.but(headers=headers | {"x-contentful-signature": mac(SECRETS["contentful"], canonical)})


def with_texts(event: Event, texts: dict[str, str]) -> Event:
    """An event of a sender's documents with other texts in it, in its headers, too."""

    def replaced(text: str) -> str:
        for old, new in texts.items():
            text = text.replace(old, new)
        return text

    if isinstance(event, HttpRequest):
        headers = {name: replaced(value) for name, value in event.headers.items()}
        return event.but(headers=headers, body=replaced(event.body.decode()).encode())
    return cast("Json", json.loads(replaced(json.dumps(event))))


# --- hosts of git repositories -----------------------------------------------------------------------


class Made(Protocol):
    def __call__(self, ref: str = ...) -> Event: ...


class Host(NamedTuple):
    """A host of git repositories, and how it tells a push.

    ``said``: the version, the one before it, the id and the instant in ``made``, as its documents show them.
    ``instant``: writes an instant; ``None``: it says none.
    """

    name: str
    scheme: str
    made: Made
    said: tuple[str, str | None, str, str | None]
    instant: Callable[[int], str] | None = None

    def push(self, version: str, parent: str, at_ms: int, *, ref: str = "refs/heads/main") -> Event:
        """The push of a version. Its id is the version's."""
        new, old, own, at = self.said
        texts = {new: version, own: f"id-of-{version}"} | ({old: parent} if old else {})
        texts |= {at: self.instant(at_ms)} if at and self.instant else {}
        return with_texts(self.made(ref), texts)

    @property
    def says_parent(self) -> bool:
        return self.said[1] is not None


_AS_DOCUMENTED = (p.AFTER, p.BEFORE, p.DELIVERY)


def _seconds(at_ms: int) -> str:
    return f"{iso(at_ms // 1000 * 1000).partition('.')[0].rstrip('Z')}Z"


def _bitbucket(ref: str = "refs/heads/main") -> Event:
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    return p.bitbucket_push(p.bitbucket_change(ref.split("/", 2)[2], kind=kind))


def _codecommit(ref: str = "refs/heads/main") -> Event:
    """https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html"""
    kind, name = ("tag" if "/tags/" in ref else "branch"), ref.split("/", 2)[2]
    return shapes.codecommit(referenceType=kind, referenceName=name, referenceFullName=ref)


def _codecommit_trigger(ref: str = "refs/heads/main") -> Event:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html"""
    record = {
        "eventSource": "aws:codecommit",
        "eventId": "5a824061-17ca-46a9-bbf9-114edeadbeef",
        "eventTime": "2026-11-25T03:00:00.000+0000",
        "eventSourceARN": f"arn:aws:codecommit:{REGION}:123456789012:web",
        "codecommit": {"references": [{"ref": ref, "commit": "5c4ef1049f1d27deadbeeff313e0730018be182b"}]},
    }
    return {"Records": [record]}


def _forge(name: str) -> Host:
    def made(ref: str = "refs/heads/main") -> Event:
        return p.forge_push(name, ref)

    return Host(name, name.lower(), made, (*_AS_DOCUMENTED, None))


HOSTS = (
    Host("GitHub", "github", p.github_push, (*_AS_DOCUMENTED, "1795395667"), lambda ms: str(ms // 1000)),
    Host("GitLab", "gitlab", p.gitlab_push, (*_AS_DOCUMENTED, None)),
    Host("Bitbucket Cloud", "bitbucket", _bitbucket, (*_AS_DOCUMENTED, None)),
    Host(
        "Bitbucket Data Center",
        "bitbucket",
        lambda ref="refs/heads/main": p.data_center_push(p.data_center_change(ref)),
        (*_AS_DOCUMENTED, "2026-11-25T13:00:00+1000"),
        lambda ms: _seconds(ms).replace("Z", "+0000"),
    ),
    _forge("Gitea"),
    _forge("Forgejo"),
    _forge("Gogs"),
    Host(
        "Azure DevOps",
        "azure",
        lambda ref="refs/heads/main": p.azure_push((ref, p.BEFORE, p.AFTER)),
        (*_AS_DOCUMENTED, "2026-11-25T03:00:00.3309587Z"),
        iso,
    ),
    Host(
        "CodeCommit",
        "",
        _codecommit,
        (
            "3e5983DESTINATION",
            "3e5a9bf1d6b4f00d3d3c1e80a9a5bf1f0a5bd1a5",
            "17793124-05d4-b198-2fde-7ededc63b103",
            "2026-11-25T03:00:00Z",
        ),
        _seconds,
    ),
    Host(
        "CodeCommit's trigger",
        "",
        _codecommit_trigger,
        (
            "5c4ef1049f1d27deadbeeff313e0730018be182b",
            None,
            "5a824061-17ca-46a9-bbf9-114edeadbeef",
            "2026-11-25T03:00:00.000+0000",
        ),
        lambda ms: _seconds(ms).replace("Z", ".000+0000"),
    ),
)
BY_NAME = {host.name: host for host in HOSTS}
