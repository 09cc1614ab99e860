"""G8 from the outside: in whatever order pushes come, the newest is built last, and never an older one after it.

Each host is driven as it sends, signed, at the whole function. What a host says decides what can be known: all but
GitLab, Bitbucket Cloud, Gitea, Forgejo and Gogs say when a push was; all but CodeCommit's trigger say which version was
there before.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from holdoff.core.errors import StoreUnavailable
from holdoff.ingress.events.http import HttpRequest
from tests.ingress import shapes
from tests.ingress.driven import BY_NAME, HOSTS, Event, Json, World, project, with_texts
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("aws_env")

#: X was built before; A, B and C were pushed after it, in this order, each on the one before.
X, A, B, C = (digit * 40 for digit in "1234")
BEFORE = {A: X, B: A, C: B}
NAME = {X: "X", A: "A", B: "B", C: "C"}
TIMED = [host.name for host in HOSTS if host.instant]
UNTIMED = [host.name for host in HOSTS if not host.instant]
FOLLOWING = [host.name for host in HOSTS if host.says_parent]


@pytest.fixture
def world(shared_standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(shared_standin, tmp_path, monkeypatch, project("site"))


class Pushes:
    """A host's pushes of X, A, B and C, a minute apart, and how they come to the function."""

    def __init__(self, world: World, host: str, *, apart_s: int = 60, ahead_s: int = 0) -> None:
        self.world, self.host = world, BY_NAME[host]
        now_ms = world.clock.now_ms() + 1_000 * ahead_s
        self.made = {
            version: self.host.push(version, BEFORE.get(version, "0" * 39 + "1"), now_ms + 1_000 * apart_s * place)
            for place, version in enumerate((X, A, B, C))
        }

    def come(self, *versions: str) -> list[Json]:
        """Each comes a second after the one before."""
        answers = []
        for version in versions:
            self.world.wait("1s")
            answers.append(self.world.get(self.made[version], scheme=self.host.scheme))
        return answers

    def fail(self, version: str) -> Event:
        """It comes while the store does not answer: what is left of it, to be sent again."""
        with self.world.store_down():
            if isinstance(self.made[version], HttpRequest):
                assert self.come(version)[0]["status"] == 503
                return self.world.queue.letters.pop()
            with pytest.raises(StoreUnavailable):
                self.come(version)
        return shapes.failed_invocation(self.made[version])

    def become_old(self) -> None:
        """All of them were pushed by now, and the gate is free."""
        self.world.rest()
        self.world.wait("1h")


def built(world: World) -> str:
    """What was built, in order: "XB"."""
    world.rest()
    return "".join(NAME.get(version or "", "?") for version in world.versions)


def said_of(world: World, version: str) -> str:
    return world.of_version(version).verdict


# --- what failed, and comes again --------------------------------------------------------------------


@pytest.mark.parametrize("host", BY_NAME)
def test_a_failed_push_that_comes_again_after_a_newer_one_is_not_built(world: World, host: str) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old()
    pushes.fail(A)
    pushes.come(B)
    (again,) = pushes.come(A)
    assert (again["outcome"], again["why"]) == ("skipped", "superseded")
    assert built(world) == "XB"
    assert said_of(world, A) == ("superseded" if pushes.host.says_parent else "unknown")


@pytest.mark.parametrize("host", BY_NAME)
def test_it_joins_the_newer_one_that_waits_and_is_covered_by_it(world: World, host: str) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    world.wait("5m")  # of a cooldown of ten
    pushes.fail(A)
    pushes.come(B)
    (again,) = pushes.come(A)
    assert (again["outcome"], said_of(world, A)) == ("deferred", "pending")
    assert built(world) == "XB"
    assert {world.of_version(version).build_id for version in (A, B)} == {world.standin.builds_started[-1].id}
    assert world.scene().record.running.covers.count == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("host", BY_NAME)
def test_a_dead_letter_sent_again_the_next_day_is_not_built(world: World, host: str) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old()
    letter = pushes.fail(A)
    pushes.come(B)
    world.wait("24h")
    assert world.send(shapes.in_sqs(letter)) == {"batchItemFailures": []}
    world.send(letter)
    assert built(world) == "XB"
    assert [line["why"] for line in world.lines if line["event"] == "decision"][-2:] == ["superseded"] * 2


@pytest.mark.parametrize("host", BY_NAME)
def test_a_dead_letter_is_built_the_next_day_where_nothing_newer_was(world: World, host: str) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old()
    letter = pushes.fail(A)
    world.wait("24h")
    assert world.send(shapes.in_sqs(letter)) == {"batchItemFailures": []}
    assert pushes.come(A)[0]["why"] == "duplicate"  # and its host delivers it again, too
    assert built(world) == "XA"


# --- a batch in another order ------------------------------------------------------------------------


@pytest.mark.parametrize("free", [True, False], ids=["gate is free", "gate is cooling"])
@pytest.mark.parametrize("host", BY_NAME)
def test_of_a_reordered_batch_the_newest_is_built_last(world: World, host: str, free: bool) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old() if free else world.wait("5m")
    letters = [pushes.fail(version) for version in (A, B)]
    assert world.send(shapes.in_sqs(*reversed(letters))) == {"batchItemFailures": []}
    assert built(world) == "XB"
    assert said_of(world, B) == "covered"
    assert said_of(world, A) == ("covered" if not free else "superseded" if pushes.host.says_parent else "unknown")


@pytest.mark.parametrize("free", [True, False], ids=["gate is free", "gate is cooling"])
@pytest.mark.parametrize("order", list(permutations((A, B, C))), ids=lambda order: "".join(NAME[one] for one in order))
@pytest.mark.parametrize("host", TIMED)
def test_in_any_order_the_newest_is_built_last(world: World, host: str, order: tuple[str, ...], free: bool) -> None:
    """Of a host that says when a push was."""
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old() if free else world.wait("5m")
    pushes.come(*order)
    assert built(world) == ("XC" if not free or order[0] == C else f"X{NAME[order[0]]}C")
    for version in order:
        said = world.of_version(version)
        at = [one for one in world.standin.builds_started if one.id == said.build_id]
        assert (said.verdict, bool(at)) in (("covered", True), ("superseded", True), ("unknown", False))
        assert all((one.source_version or "") >= version for one in at), f"{NAME[version]} is in none of these"
        assert (said.verdict == "covered") is (not free or version >= order[0])


@pytest.mark.parametrize("host", UNTIMED)
def test_a_host_that_says_no_instant_puts_two_that_follow_one_another_in_order(world: World, host: str) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old()
    assert [one["why"] for one in pushes.come(B, A)] == ["ready", "superseded"]
    pushes.come(C)
    assert built(world) == "XBC"


@pytest.mark.parametrize("free", [True, False], ids=["gate is free", "gate is cooling"])
@pytest.mark.parametrize("host", FOLLOWING)
def test_of_two_in_the_same_second_the_parent_decides(world: World, host: str, free: bool) -> None:
    pushes = Pushes(world, host, apart_s=0)
    pushes.come(X)
    pushes.become_old() if free else world.wait("5m")
    assert pushes.come(B, A)[1]["why"] == ("superseded" if free else "cooling_down")
    assert built(world) == "XB"


@pytest.mark.parametrize("host", UNTIMED)
def test_without_instants_what_did_not_follow_one_another_counts_as_it_came(world: World, host: str) -> None:
    """C, then A: that B was between them is not known, so that A is taken for what was pushed last. It is built, in
    case it is; and nothing says that it is in the build of C."""
    pushes = Pushes(world, host)
    pushes.come(X)
    pushes.become_old()
    pushes.come(C, A)
    assert built(world) == "XCA"
    assert [world.of_version(version).build_id for version in (C, A)] == [
        build.id for build in world.standin.builds_started[-2:]
    ]


# --- clocks that are wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize("free", [True, False], ids=["gate is free", "gate is cooling"])
@pytest.mark.parametrize("host", TIMED)
def test_a_clock_that_was_ahead_makes_no_later_change_look_older(world: World, host: str, free: bool) -> None:
    """A came with an instant of tomorrow; B and C, with right ones, are newer all the same."""
    wrong, right = Pushes(world, host, ahead_s=86_400), Pushes(world, host)
    right.come(X)
    right.become_old() if free else world.wait("5m")
    wrong.come(A)
    now_ms = world.clock.now_ms()
    for place, version in enumerate((B, C), 1):
        right.made[version] = right.host.push(version, BEFORE[version], now_ms + 1_000 * place)
        assert right.come(version)[0]["why"] == "cooling_down"
    assert built(world) == ("XAC" if free else "XC")
    assert said_of(world, B) == said_of(world, C) == "covered"


def test_holdoffs_own_form_with_an_instant_of_the_future(world: World) -> None:
    asked = {"project": "site", "line": "main", "at": "2036-01-01T00:00:00Z"}
    world.send({**asked, "source_version": A})
    for version in (B, C):
        world.wait("1m")
        world.send({**asked, "source_version": version, "at": world.clock.now_ms() / 1_000})
    assert built(world) == "AC"


# --- by several ways ---------------------------------------------------------------------------------


def test_a_push_by_a_queue_and_a_newer_one_by_a_topic_are_of_one_line(world: World) -> None:
    pushes = Pushes(world, "CodeCommit")
    pushes.come(X)
    pushes.become_old()
    world.send(shapes.in_sns(pushes.made[B]))
    world.send(shapes.in_sqs(shapes.notification(pushes.made[A])))
    world.wait("24h")
    world.send(shapes.in_sqs(shapes.failed_invocation(shapes.in_sns(pushes.made[A]))))
    assert built(world) == "XB"


def test_a_mirror_that_lags_behind_brings_no_older_version_back(
    shared_standin: CodeBuildStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror of Bitbucket Data Center tells each change again when it has it, with the date of that."""
    rule = '[[rules]]\nwhen = { eventKey = "mirror:*" }\nproject = "site"'
    world = World(shared_standin, tmp_path, monkeypatch, project("site"), rule)
    pushes = Pushes(world, "Bitbucket Data Center")
    pushes.come(A, B)
    pushes.become_old()
    for version in (A, B):
        late = with_texts(pushes.host.push(version, BEFORE[version], world.clock.now_ms()), {"id-of": "mirrored"})
        world.get(with_texts(late, {"repo:refs_changed": "mirror:repo_synchronized"}), scheme="bitbucket")
        world.rest()
        world.wait("1h")
    assert built(world) == "ABB"


def test_another_line_replaces_and_is_never_said_to_cover(world: World) -> None:
    """Two repositories of one project: the last to arrive is built, and what it took the place of is said to be so."""
    pushes = Pushes(world, "GitHub")
    pushes.come(X, A)
    world.send({"project": "site", "source_version": "v7", "line": "elsewhere", "event_id": "other"})
    world.rest()
    assert world.versions == [X, "v7"]
    assert said_of(world, A) == "replaced"
    assert world.of_event(f"id-of-{A}").verdict == "replaced"
    assert said_of(world, "v7") == "covered"


@pytest.mark.parametrize("host", BY_NAME)
def test_a_force_push_back_to_an_older_version_is_the_newest(world: World, host: str) -> None:
    """A, B, and A again: each is the other's parent, so that the instant decides, or what came last."""
    pushes = Pushes(world, host)
    pushes.come(X, A)
    pushes.become_old()
    pushes.come(B)
    back = pushes.host.push(A, B, world.clock.now_ms())
    world.wait("1s")
    answer = world.get(with_texts(back, {"id-of": "again"}), scheme=pushes.host.scheme)
    assert answer["why"] == "cooling_down"
    assert built(world) == "XABA"


@pytest.mark.parametrize("host", TIMED)
def test_what_comes_again_when_its_id_is_long_forgotten_is_still_the_older_one(world: World, host: str) -> None:
    """A gate remembers sixteen ids."""
    pushes = Pushes(world, host)
    pushes.come(X, A)
    pushes.become_old()
    for number in range(20):
        version = f"{number:039}5"
        pushes.made[version] = pushes.host.push(version, "7" * 40, world.clock.now_ms())
        pushes.come(version)
    world.rest()
    assert pushes.come(A)[0]["why"] == "superseded"


@pytest.mark.parametrize("host", ["GitLab", "Gitea", "Bitbucket Cloud"])
@pytest.mark.parametrize("order", [(C, B, A), (B, C, A)], ids=["CBA", "BCA"])
def test_three_that_wait_follow_their_parents(world: World, host: str, order: tuple[str, ...]) -> None:
    pushes = Pushes(world, host)
    pushes.come(X)
    world.wait("5m")
    pushes.come(*order)
    assert built(world) == "XC"


def test_a_version_that_no_build_contains_is_not_called_covered(world: World) -> None:
    """C, then B, which its host says came before; A came between, and nothing tells that C is newer."""
    pushes = Pushes(world, "GitLab")
    pushes.come(X)
    world.wait("5m")
    pushes.come(C, A, B)
    assert built(world) == "XB"
    assert said_of(world, C) == "replaced"
    assert said_of(world, A) == "covered"
