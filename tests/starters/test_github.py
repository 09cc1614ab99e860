"""GitHub Actions: apps and their tokens, runs with and without a ``run-name``, and a start that was left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from holdoff.core import token as tokens
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown
from holdoff.core.request import Request
from holdoff.starters import GitHub
from holdoff.testing import ManualClock
from tests.standins.codebuild import StandinClock
from tests.standins.github import GitHubStandin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = Request(project="site", region="local", source_version="4f2a91c", line="acme/site refs/heads/release")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-01-01T00:00:00Z")


@pytest.fixture
def github(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubStandin]:
    monkeypatch.setenv("GITHUB_TOKEN", GitHubStandin.token)
    with GitHubStandin(clock=StandinClock(clock.now_ms)) as standin:
        yield standin


@pytest.fixture
def make(github: GitHubStandin, clock: ManualClock) -> Callable[..., Any]:
    def made(**settings: Any) -> Any:
        starter = GitHub("acme/site", workflow="build.yml", endpoint=github.url, **settings)
        starter.clock = clock
        return starter

    return made


def token_at(ms: int, number: int = 1) -> str:
    return tokens.make(ms, number)


# --- what is sent --------------------------------------------------------------------------------------------------


def test_a_dispatch_has_ref_inputs_and_token(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    starter = make(ref="{branch|main}", inputs={"version": "{source_version}", "STAGE": "{key}"})
    token = token_at(clock.now_ms())
    starter.start(starter.freeze(REQUEST.but(environment=(("LINES", "1\n2"),))), token)
    assert github.seen[0].json == {
        "ref": "release",
        "inputs": {"version": "4f2a91c", "LINES": "1\n2", "holdoff_token": token},
        "return_run_details": True,
    }
    assert github.seen[0].headers["x-github-api-version"] == "2022-11-28"


def test_where_the_trigger_has_no_branch_the_ref_is_main(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    make(ref="{branch}").start(REQUEST.but(line=None), token_at(clock.now_ms()))
    assert github.seen[0].json["ref"] == "main"


def test_what_github_says_is_told(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    with pytest.raises(StartRefused, match=r"422 \(No ref found for: gone\)\. The workflow needs"):
        make(ref="gone").start(REQUEST, token_at(clock.now_ms()))


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [({"x-ratelimit-remaining": "0"}, 90), ({"x-ratelimit-remaining": "0", "retry-after": "30"}, 90), ({}, 60)],
    ids=["reset", "reset before retry-after", "a minute"],
)
def test_where_github_asks_to_slow_down_nothing_is_sent_until_then(
    github: GitHubStandin, make: Any, clock: ManualClock, told: dict[str, str], wait_s: int
) -> None:
    reset = str((clock.now_ms() + 90_000) // 1000)
    github.fault("status", status=429, headers={**told, "x-ratelimit-reset": reset}, body=b'{"message": "rate limit"}')
    starter = make()
    with pytest.raises(StartRefused, match="429"):
        starter.start(REQUEST, token_at(clock.now_ms()))
    clock.sleep(wait_s * 1000 - 1)
    with pytest.raises(StartRefused, match="it asked to wait, 1 s more"):
        starter.start(REQUEST, token_at(clock.now_ms()))
    clock.sleep(1)
    starter.start(REQUEST, token_at(clock.now_ms()))
    assert len(github.builds) == 1


def test_a_server_that_tells_no_id_leaves_it_to_find(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    starter, token = make(), token_at(clock.now_ms())
    github.fault("status", status=204)
    with pytest.raises(StartUnknown):
        starter.start(REQUEST, token)
    github.dispatch("7", inputs={"holdoff_token": token})
    assert starter.find(token, REQUEST) == "7"


# --- find ----------------------------------------------------------------------------------------------------------


def test_a_run_is_found_among_very_many(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    token = token_at(clock.now_ms())
    github.dispatch("1", inputs={"holdoff_token": token})
    for number in range(2, 252):
        github.dispatch(str(number), inputs={"holdoff_token": token_at(clock.now_ms(), number)})
    assert make().find(token, REQUEST) == "1"
    assert len(github.seen) == 3


def test_behind_as_many_runs_as_github_lists_it_is_not_said_that_there_is_none(
    github: GitHubStandin, make: Any, clock: ManualClock
) -> None:
    token = token_at(clock.now_ms())
    github.dispatch("1", inputs={"holdoff_token": token})
    for number in range(1_000):
        github.dispatch(str(number + 2), inputs={"holdoff_token": token_at(clock.now_ms(), number + 1)})
    with pytest.raises(StartUnknown, match="GitHub lists no more than 1,000 runs"):
        make().find(token, REQUEST)


def test_runs_from_before_the_token_are_not_looked_at(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    for number in range(150):
        github.dispatch(str(number), inputs={"holdoff_token": token_at(0, number)})
    clock.sleep(3_600_000)
    assert make().find(token_at(clock.now_ms()), REQUEST) is None
    assert len(github.seen) == 1


@pytest.mark.parametrize("ref", ["main", "refs/heads/main"])
def test_without_a_run_name_it_is_the_first_since_on_that_ref(
    github: GitHubStandin, make: Any, clock: ManualClock, ref: str
) -> None:
    github.run_name = None
    github.dispatch("1")
    clock.sleep(60_500)
    token = token_at(clock.now_ms())
    github.dispatch("2", "release")
    assert make(ref=ref).find(token, REQUEST) is None
    github.dispatch("3")
    github.dispatch("4")
    assert make(ref=ref).find(token, REQUEST) == "3"


def test_without_a_run_name_the_ref_is_the_triggers(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    github.run_name = None
    starter, token = make(ref="{branch|main}"), token_at(clock.now_ms())
    build_id = starter.start(REQUEST, token)
    assert starter.find(token, REQUEST) == build_id
    assert starter.find(token, REQUEST.but(line=None)) is None


def test_with_a_run_name_a_persons_run_is_no_claims(github: GitHubStandin, make: Any, clock: ManualClock) -> None:
    github.dispatch("1")
    assert make().find(token_at(clock.now_ms()), REQUEST) is None


@pytest.mark.parametrize("body", [{}, {"workflow_runs": {}}, {"workflow_runs": [{"id": 1}]}, [], b"<html>"], ids=str)
def test_an_answer_in_other_words_tells_nothing(
    github: GitHubStandin, make: Any, clock: ManualClock, body: object
) -> None:
    github.fault("status", status=200, body=body, for_all=True)
    with pytest.raises(StartUnknown, match="cannot look"):
        make().find(token_at(clock.now_ms()), REQUEST)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_question_that_is_refused_tells_nothing(
    github: GitHubStandin, make: Any, clock: ManualClock, status: int
) -> None:
    github.fault("status", status=status, for_all=True)
    with pytest.raises(StartUnknown, match=str(status)):
        make().find(token_at(clock.now_ms()), REQUEST)


# --- status and cancel ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conclusion", "says"),
    [
        ("success", "succeeded"),
        ("neutral", "succeeded"),
        *((other, "failed") for other in ("failure", "cancelled", "timed_out", "skipped", "startup_failure", "stale")),
    ],
)
def test_an_end_is_by_its_conclusion(github: GitHubStandin, make: Any, conclusion: str, says: str) -> None:
    github.dispatch("1")
    assert make().status("1") == "running"
    github.builds["1"].state = conclusion
    assert make().status("1") == says


def test_what_is_not_said_is_not_known(github: GitHubStandin, make: Any) -> None:
    github.fault("lie", for_all=True)
    assert make().status("1") is None
    github.fault("status", status=502, for_all=True)
    with pytest.raises(HoldoffError, match="502"):
        make().status("1")


def test_cancelling_what_has_ended_is_no_error(github: GitHubStandin, make: Any) -> None:
    github.dispatch("1")
    github.builds["1"].state = "success"
    make().cancel("1")
    assert github.builds["1"].state == "success"


# --- an app --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    """An app's key, private and public."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    private = made.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    public = made.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture
def app(github: GitHubStandin, make: Any, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("APP_KEY", key[0])
    github.app_key = key[1]
    return make(app="Iv23abc", private_key="env:APP_KEY")


def start(app: Any, clock: ManualClock, number: int = 1) -> str:
    return str(app.start(app.freeze(REQUEST), token_at(clock.now_ms(), number)))


def test_an_apps_token_is_kept_until_it_expires(github: GitHubStandin, app: Any, clock: ManualClock) -> None:
    start(app, clock)
    start(app, clock, 2)
    assert (len(github.app_tokens), len(github.builds)) == (1, 2)
    clock.sleep(56 * 60_000)
    start(app, clock, 3)
    assert (len(github.app_tokens), len(github.builds)) == (2, 3)


def test_an_app_may_be_named_by_its_number(github: GitHubStandin, app: Any, make: Any, clock: ManualClock) -> None:
    start(make(app=123456, private_key="env:APP_KEY"), clock)
    assert len(github.builds) == 1


def test_an_apps_token_that_was_revoked_is_not_kept(github: GitHubStandin, app: Any, clock: ManualClock) -> None:
    """Whatever it was wanted for; else what was left behind could not be found for an hour."""
    token, start_it = token_at(clock.now_ms(), 2), app.freeze(REQUEST)
    start(app, clock)
    github.app_tokens.clear()
    with pytest.raises(StartRefused):
        app.start(start_it, token)
    build_id = app.start(start_it, token)
    asked: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("find", (token, start_it)),
        ("status", (build_id,)),
        ("cancel", (build_id,)),
    )
    for name, given in asked:
        github.app_tokens.clear()
        with pytest.raises(HoldoffError, match="401"):
            getattr(app, name)(*given)
        getattr(app, name)(*given)
    assert len(github.builds) == 2


@pytest.mark.parametrize(
    ("status", "passes"), [(401, False), (403, False), (404, False), (301, False), (429, True), (500, True)]
)
def test_without_an_apps_token_there_is_no_build(
    github: GitHubStandin, app: Any, clock: ManualClock, status: int, passes: bool
) -> None:
    github.fault("status", status=status, for_all=True)
    with pytest.raises(StartRefused, match=f"no token for the app, it answered {status}") as refused:
        start(app, clock)
    assert refused.value.worth_retrying is passes
    assert github.builds == {}


@pytest.mark.parametrize("how", ["drop", "lie"])
def test_an_apps_token_that_does_not_come_is_no_build(
    github: GitHubStandin, app: Any, clock: ManualClock, how: Any
) -> None:
    github.fault(how, for_all=True)
    with pytest.raises(StartRefused) as refused:
        start(app, clock)
    assert refused.value.worth_retrying


def test_a_key_that_is_none_is_not_told(
    github: GitHubStandin, app: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_KEY", "s3cr3t, no PEM")
    with pytest.raises(StartRefused, match="private_key") as refused:
        start(app, clock)
    assert "s3cr3t" not in str(refused.value)
    assert github.seen == []


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("github", {"repository": "site"}),
        ("github", {"repository": "acme/site/../other"}),
        ("workflow", {"workflow": None}),
        ("workflow", {"workflow": "a/b.yml"}),
        ("ref", {"ref": ""}),
        ("ref", {"ref": "{build_id}"}),
        ("inputs.a", {"inputs": {"a": 1}}),
        ("token", {"token": "ghp_abc"}),
        ("app", {"app": "Iv23abc"}),
        ("app", {"app": float("nan"), "private_key": "env:KEY"}),
        ("app", {"app": True, "private_key": "env:KEY"}),
        ("app", {"private_key": "env:KEY"}),
        ("app", {"app": "Iv23abc", "private_key": "env:KEY", "token": "env:TOKEN"}),
        ("private_key", {"app": "Iv23abc", "private_key": "-----BEGIN"}),
        ("endpoint", {"endpoint": "https://me:pw@ghe.example"}),
        ("endpoint", {"endpoint": "ghe.example"}),
    ],
)
def test_a_wrong_setting_is_named(field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        GitHub(**{"repository": "acme/site", "workflow": "build.yml", **settings})
    assert refused.value.field == field
