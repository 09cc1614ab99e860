"""What answers, and the want of one, say of a build: the tables of the starters of web services, row by row; and that
no secret gets out."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.core import token as tokens
from holdoff.core.errors import ConfigError, HoldoffError, StartRefused, StartUnknown, StoreUnavailable, Verdict
from holdoff.core.request import Request
from holdoff.references import References
from holdoff.starters import GitHub, GitLab, Webhook, on_http, sending, templates
from holdoff.testing import ManualClock
from tests.standins.codebuild import StandinClock
from tests.standins.github import GitHubStandin
from tests.standins.gitlab import GitLabStandin
from tests.standins.hooks import HookStandin
from tests.test_config_secrets import told_by
from tests.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.standins.web import Fault, WebStandin

REQUEST = Request(project="site", region="local", source_version="4f2a91c", reason="a push")
#: Certainly no build, and something has to be changed; or it passes by itself; or it is not known.
NEVER, NOT_NOW, UNKNOWN = "never", "not now", "unknown"
#: Below those that the system gives to any process that asks for one.
NOTHING_LISTENS = "http://127.0.0.1:9"
KINDS = ("webhook", "github", "gitlab")
SECRETS = (HookStandin.secret, GitHubStandin.token, GitLabStandin.token, GitLabStandin.trigger_token, "s3cr3t-key")


class Case:
    """A starter of one kind in front of its stand-in."""

    def __init__(self, kind: str, url: str | None = None, **more: Any) -> None:
        self.kind, self.clock = kind, ManualClock("2026-01-01T00:00:00Z")
        made = {"webhook": HookStandin, "github": GitHubStandin, "gitlab": GitLabStandin}[kind]
        if url is None:
            self.standin: WebStandin = made(clock=StandinClock(self.clock.now_ms))
        self.starter = self.starter_at(url or self.standin.url, **more)
        self.started = 0

    def starter_at(self, url: str, **more: Any) -> Any:
        starter: Any
        if self.kind == "webhook":
            at = f"{url}/build_hooks/{{env:HOOK}}"
            settings = {"id": "build.id", "headers": {"X-Key": "env:KEY"}, "json": {"version": "{source_version}"}}
            starter = Webhook(at, **{**settings, **more})
        elif self.kind == "github":
            starter = GitHub("acme/site", workflow="build.yml", endpoint=url, **more)
        else:
            starter = GitLab("acme/site", endpoint=url, **more)
        starter.clock = self.clock
        return starter

    def token(self) -> str:
        self.started += 1
        return tokens.make(self.clock.now_ms(), self.started)

    def start(self) -> str:
        """What became of a start: NEVER, NOT_NOW, UNKNOWN, or the build's id."""
        try:
            return str(self.starter.start(self.starter.freeze(REQUEST), self.token()))
        except StartRefused as error:
            self.error: HoldoffError = error
            return NOT_NOW if error.worth_retrying else NEVER
        except StartUnknown as error:
            self.error = error
            return UNKNOWN


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", HookStandin.secret)
    monkeypatch.setenv("KEY", "s3cr3t-key")
    monkeypatch.setenv("GITHUB_TOKEN", GitHubStandin.token)
    monkeypatch.setenv("GITLAB_TOKEN", GitLabStandin.token)
    monkeypatch.setenv("TRIGGER", GitLabStandin.trigger_token)


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    case = Case(request.param)
    with case.standin:
        yield case


def case_of(kind: str, **more: Any) -> Case:
    return Case(kind, **more)


def over_once(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a request is over once the fault is under way, and at no other instant."""

    class Timer:
        def __init__(self, left_s: float, cut: Callable[[], None]) -> None:
            assert left_s == (on_http.SEND_BY_MS + on_http.ANSWER_MS) / 1000
            self._cut, self._thread = cut, threading.Thread(target=self._run)

        def _run(self) -> None:
            if fault.under_way.wait(PATIENCE_S):
                self._cut()

        def start(self) -> None:
            self._thread.start()

        def cancel(self) -> None:
            fault.under_way.set()  # nothing waits for it any more
            self._thread.join()

    monkeypatch.setattr(on_http, "ANSWER_MS", 1000 * PATIENCE_S)
    monkeypatch.setattr(threading, "Timer", Timer)


# --- an answer -----------------------------------------------------------------------------------------------------

LIMIT = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767225660"}
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
#: Where GitHub and GitLab have the id of a build.
IDS = ("workflow_run_id", "id")
#: Status, headers, body; and what it says to a webhook, GitHub and GitLab.
ANSWERS: dict[str, tuple[int, dict[str, str], object, str, str, str]] = {
    "moved for good": (301, {"Location": "/elsewhere"}, b"", NEVER, NEVER, NEVER),
    "found": (302, {"Location": "/elsewhere"}, b"", UNKNOWN, NEVER, NEVER),
    "see other": (303, {"Location": "/elsewhere"}, b"", UNKNOWN, NEVER, NEVER),
    "send it there": (307, {"Location": "/elsewhere"}, b"", NEVER, NEVER, NEVER),
    "send it there for good": (308, {"Location": "/elsewhere"}, b"", NEVER, NEVER, NEVER),
    "bad request": (400, {}, {"message": "bad"}, NEVER, NEVER, NEVER),
    "too many pipelines": (400, {}, {"message": {"base": ["Too many pipelines"]}}, NEVER, NEVER, NOT_NOW),
    "no credentials": (401, {}, b"", NEVER, NEVER, NEVER),
    "no right": (403, {}, b"", NEVER, NEVER, NEVER),
    "no right, far from a limit": (403, {"x-ratelimit-remaining": "4999"}, b"", NEVER, NEVER, NEVER),
    "a limit": (403, LIMIT, b"", NEVER, NOT_NOW, NEVER),
    "a limit with a time": (403, {"Retry-After": "60"}, b"", NEVER, NOT_NOW, NEVER),
    "a secondary limit": (403, {}, SECONDARY, NEVER, NOT_NOW, NEVER),
    "not there": (404, {}, b"", NEVER, NEVER, NEVER),
    "a time-out of a proxy": (408, {}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "a conflict": (409, {}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "gone": (410, {}, b"", NEVER, NEVER, NEVER),
    "not understood": (422, {}, b"", NEVER, NEVER, NEVER),
    "too early": (425, {}, b"", NOT_NOW, NOT_NOW, NOT_NOW),
    "too many": (429, {}, b"", NOT_NOW, NOT_NOW, NOT_NOW),
    "a fault": (500, {}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "a gateway's": (502, {}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "not available": (503, {"Retry-After": "5"}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "a gateway's time-out": (504, {}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "done, without a word": (204, {}, b"", UNKNOWN, UNKNOWN, UNKNOWN),
    "done, in other words": (200, {}, {"ok": True}, UNKNOWN, UNKNOWN, UNKNOWN),
    "done, with no id": (200, {}, dict.fromkeys(IDS, True) | {"build": {"id": True}}, UNKNOWN, UNKNOWN, UNKNOWN),
    "done, in no words": (200, {}, b"\xff{", UNKNOWN, UNKNOWN, UNKNOWN),
    "an odd one": (299, {}, [1], UNKNOWN, UNKNOWN, UNKNOWN),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_an_answer_says(case: Case, name: str) -> None:
    status, headers, body, *says = ANSWERS[name]
    case.standin.fault("status", status=status, headers=headers, body=body)
    assert case.start() == says[KINDS.index(case.kind)]
    assert str(status) in str(case.error)
    assert len(case.standin.seen) == 1, "nothing is repeated, and no redirect followed"


#: What a refusal advises, by the names above: to a webhook, GitHub and GitLab.
ADVICE: dict[str, tuple[str, str, str]] = {
    "moved for good": ("It has moved",) * 3,
    "found": ("", "The repository has moved", "See the project's path: it has moved, or this is a page to log in at"),
    "too many pipelines": ("See the starter's settings", "See the starter's settings", "GitLab asks to slow down"),
    "no credentials": ("See the starter's settings", "Renew the token, or see the app's id", "Renew the token, with"),
    "no right": ("See the starter's settings", "Grant 'Actions: write'", "Renew the token, with the scope 'api'"),
    "a limit": ("See the starter's settings", "GitHub asks to slow down", "Renew the token"),
    "a limit with a time": ("See the starter's settings", "GitHub asks to slow down", "Renew the token"),
    "a secondary limit": ("See the starter's settings", "GitHub asks to slow down", "Renew the token"),
    "not there": ("See the starter's settings", "See the names of repository and workflow", "See the project's path"),
    "not understood": ("See the starter's settings", "The workflow needs", "See the ref, .gitlab-ci.yml"),
    "too many": ("It asks to slow down",) * 3,
}


@pytest.mark.parametrize("name", ADVICE)
def test_what_a_refusal_advises(case: Case, name: str) -> None:
    status, headers, body, *_ = ANSWERS[name]
    case.standin.fault("status", status=status, headers=headers, body=body)
    case.start()
    advice = ADVICE[name][KINDS.index(case.kind)]
    assert isinstance(case.error, HoldoffError)
    assert (case.error.hint or "").startswith(advice), case.error.hint
    assert bool(advice) is isinstance(case.error, StartRefused)


def test_a_page_of_something_on_the_way_is_no_start(case: Case) -> None:
    case.standin.fault("lie")
    assert case.start() == UNKNOWN


def test_a_hook_without_an_id_takes_any_2xx(case: Case) -> None:
    if case.kind == "webhook":
        case.starter = case.starter_at(case.standin.url, id=None)
        case.standin.fault("status", status=200)
        token = tokens.make(case.clock.now_ms(), 1)
        assert case.start() == token


def test_statuses_of_its_own_are_refusals_of_a_hook() -> None:
    case = case_of("webhook", refused=[302, 503])
    with case.standin:
        case.standin.fault("status", status=302)
        case.standin.fault("status", status=503)
        assert (case.start(), case.start()) == (NEVER, NOT_NOW)


# --- no answer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_connection_is_no_build(kind: str) -> None:
    assert case_of(kind, url=NOTHING_LISTENS).start() == NOT_NOW


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_not_found_is_no_build(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    assert case_of(kind, url="https://ci.invalid").start() == NOT_NOW


def test_a_name_server_that_takes_long_is_no_build(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claimant that is late must not start: the claim may be taken over by now."""
    ask = socket.getaddrinfo

    def slow(*arguments: Any, **more: Any) -> Any:
        case.clock.sleep(on_http.SEND_BY_MS)
        return ask(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert case.start() == NOT_NOW
    assert case.standin.seen == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_accepts_nothing_is_no_build(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", hangs)
    assert case_of(kind, url="http://192.0.2.1").start() == NOT_NOW


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_is_not_there_is_no_build(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", NOTHING_LISTENS)
    assert case_of(kind, url="https://ci.example").start() == NOT_NOW


@pytest.mark.parametrize("status", [403, 407, 502])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_refuses_is_no_build(kind: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to it is a CONNECT, with nothing of the request."""
    with HookStandin() as proxy:
        proxy.fault("status", status=status, for_all=True)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert case_of(kind, url="https://ci.example").start() == NOT_NOW
        assert [seen.method for seen in proxy.seen] == ["CONNECT"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_breaks_off_is_no_build(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with HookStandin() as proxy:
        proxy.fault("drop", for_all=True)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert case_of(kind, url="https://ci.example").start() == NOT_NOW
        assert len(proxy.seen) <= 1


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), OSError(24, "Too many open files")])
@pytest.mark.parametrize("kind", KINDS)
def test_no_room_for_a_request_passes(kind: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise error

    monkeypatch.setattr(threading.Timer, "start", none)
    assert case_of(kind, url=NOTHING_LISTENS).start() == NOT_NOW


def test_a_name_server_that_takes_longer_than_all_the_time_is_the_last_that_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The timer has found nothing to cut by then, and a proxy may drip for ever."""
    ask, case = socket.getaddrinfo, case_of("webhook", url="https://ci.example")

    def slow(*arguments: Any, **more: Any) -> Any:
        case.clock.sleep(on_http.SEND_BY_MS + on_http.ANSWER_MS)
        return ask(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with HookStandin() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert case.start() == NOT_NOW
        assert proxy.seen == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_does_not_fit_is_no_build(kind: str, tmp_path: Path) -> None:
    with tls_server(tmp_path) as url:
        case = case_of(kind, url=url)
        assert case.start() == NEVER
        assert "certificate" in str(case.error)


@pytest.mark.parametrize("kind", KINDS)
def test_tls_where_there_is_none_is_no_build(kind: str) -> None:
    case = case_of(kind)
    with case.standin:
        case.starter = case.starter_at(case.standin.url.replace("http:", "https:"))
        assert case.start() == NOT_NOW


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """One with a certificate that it has made itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "server.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                with suppress(OSError):  # the client does not trust it
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("how", ["drop", "hang"])
def test_no_answer_to_what_was_sent_is_not_known(
    case: Case, how: Any, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the build began or not."""
    over_once(case.standin.fault(how, after=after), monkeypatch)
    began = time.monotonic()
    assert case.start() == UNKNOWN
    assert time.monotonic() - began < PATIENCE_S, "what hangs lets go by itself then"
    until(lambda: len(case.standin.builds) == after)


def test_what_the_network_has_not_taken_by_the_end_is_not_delivered_later() -> None:
    """Else the system would go on to send it for minutes, when the next claimant has found no build and started one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        time = sending.Time(ManualClock("2026-01-01T00:00:00Z"), 200, 100)
        with pytest.raises(sending.Unanswered) as gone:
            sending.send(time, "POST", url, headers={}, json="x" * 300_000)
        assert gone.value.verdict is Verdict.UNKNOWN
        connection, _ = server.accept()
        got = 0
        with connection, suppress(ConnectionResetError):
            connection.settimeout(PATIENCE_S)
            while part := connection.recv(65_536):
                got += len(part)
    assert got < 300_000


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_drips_is_cut_off(case: Case, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    over_once(case.standin.fault("drip", part=part), monkeypatch)
    assert case.start() == UNKNOWN
    until(lambda: len(case.standin.builds) == 1)


def test_a_refusal_whose_body_drips_is_a_refusal(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head says all that is needed."""
    monkeypatch.setattr(case.standin, "reply", lambda _: (403, {}, b"x" * 1000))
    over_once(case.standin.fault("drip"), monkeypatch)
    assert case.start() == NEVER


def test_an_answer_without_end_is_not_read(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 1000)
    case.standin.fault("status", status=200, body=b"x" * 100_000)
    assert case.start() == UNKNOWN


# --- Retry-After ---------------------------------------------------------------------------------------------------


def in_a_minute(case: Case) -> str:
    return format_datetime(datetime.fromtimestamp(case.clock.now_ms() / 1000 + 60, UTC), usegmt=True)


def in_a_minute_by_asctime(case: Case) -> str:
    """As recipients must take it: https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats"""
    return time.asctime(time.gmtime(case.clock.now_ms() // 1000 + 60))


@pytest.mark.parametrize("form", ["seconds", "date", "asctime"])
def test_no_start_is_sent_until_retry_after_is_over(case: Case, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {"seconds": lambda _: "60", "date": in_a_minute, "asctime": in_a_minute_by_asctime}
    case.standin.fault("status", status=429, headers={"Retry-After": forms[form](case)})
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "XXX-5")
        time.tzset()
        assert case.start() == NOT_NOW
    time.tzset()
    case.clock.sleep(59_000)
    case.starter = case.starter_at(case.standin.url)  # `holdoff serve` has one for its webhooks and one for its loop
    with pytest.raises(StartRefused, match=r"did not start it: it asked to wait, 1 s more"):
        case.starter.start(case.starter.freeze(REQUEST), case.token())
    assert len(case.standin.starts) == 1
    case.clock.sleep(1_000)
    assert case.start() in case.standin.builds


@pytest.mark.parametrize("wait", ["soon", "-5", "Thu, 99 Xyz 2026", "999999999999999"])
def test_a_retry_after_that_is_none_is_no_reason_to_wait_for_ever(case: Case, wait: str) -> None:
    case.standin.fault("status", status=429, headers={"Retry-After": wait})
    assert case.start() == NOT_NOW
    case.clock.sleep(3_600_000)
    assert case.start() in case.standin.builds


def test_a_service_is_not_waited_for_longer_where_the_clock_is_set_back(case: Case) -> None:
    """The machine booted with a clock that was years ahead: no build would start until then."""
    case.clock.set("2030-01-01T00:00:00Z")
    case.standin.fault("status", status=429, headers={"Retry-After": "60"})
    assert case.start() == NOT_NOW
    case.clock.set("2026-01-01T00:00:00Z")
    assert case.start() in case.standin.builds


# --- what is not there ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_that_is_not_there_is_no_build(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = {"webhook": "HOOK", "github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}[kind]
    monkeypatch.delenv(name)
    case = case_of(kind, url="http://127.0.0.1:9")
    assert case.start() == NEVER
    assert f"env:{name}" in str(case.error)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_that_cannot_be_had_just_now_is_tried_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> str:
        raise StoreUnavailable("the secret: ssm:/hook could not be read (ReadTimeoutError)")

    monkeypatch.setattr(templates.REFERENCES, "value", fails)
    case = case_of(kind, url="http://127.0.0.1:9")
    assert case.start() == NOT_NOW
    assert "could not be read" in str(case.error)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    case = case_of("gitlab", token="file:token", folder=str(tmp_path))
    with case.standin:
        assert case.start() == NEVER
        with pytest.raises(ConfigError, match="a file that is not there"):  # as a server says when it starts
            case.starter.check_secrets()
        (tmp_path / "token").write_text(f"\ufeff{GitLabStandin.token}\n")
        assert case.start() in case.standin.builds
        case.starter.check_secrets()


def test_the_name_of_a_secrets_file_is_looked_for_as_it_is_written(tmp_path: Path) -> None:
    """Not as the text that is kept with each start has it, where JSON writes some letters in another way."""
    (tmp_path / "cl\u00e9").write_text("secret")
    Webhook("https://example.com/{file:cl\u00e9}", folder=str(tmp_path)).check_secrets()


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_client_it_says_what_to_install(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "httpx2", None)
    case = case_of(kind, url="http://127.0.0.1:9")
    assert case.start() == NEVER
    assert "pip install 'holdoff[server]'" in str(case.error)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_no_record_should_keep_are_refused(kind: str) -> None:
    name = {"webhook": "json", "github": "inputs", "gitlab": "environment"}[kind]
    with pytest.raises(ConfigError, match=r"bytes; write settings of at most 16,384 bytes"):
        case_of(kind, url="http://127.0.0.1:9", **{name: {"x": "y" * 17_000}})


def test_what_another_starter_has_frozen_is_not_sent(case: Case) -> None:
    for parameters in ('{"for":"another"}', "[]", "no JSON"):
        with pytest.raises(StartUnknown, match="another starter"):
            case.starter.start(REQUEST.but(parameters=parameters), case.token())
        if hasattr(case.starter, "find"):
            with pytest.raises(StartUnknown, match="Give the gate that starter back"):
                case.starter.find(case.token(), REQUEST.but(parameters=parameters))
    assert case.standin.seen == []


# --- secrets -------------------------------------------------------------------------------------------------------

FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"kind": "status", "status": 403, "body": {"message": "no"}},
    "dropped": {"kind": "drop"},
    "a page": {"kind": "lie"},
    "moved": {"kind": "status", "status": 301, "headers": {"Location": "/x"}},
    "nothing": {"kind": "status", "status": 429, "times": 0},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_secret_gets_into_a_log_an_error_or_the_store(
    case: Case, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    frozen = case.starter.freeze(REQUEST)
    case.standin.fault(**FAULTS[fault])
    case.start()
    said = [caplog.text, frozen.parameters, repr(case.starter)]
    said += [told_by(case.error)] if hasattr(case, "error") else []
    assert caplog.records, "the client logs"
    assert [secret for secret in SECRETS if secret in "\n".join(said)] == []


@pytest.mark.parametrize("setting", ["inputs", "environment"])
def test_a_secret_that_a_service_repeats_is_not_told(setting: str) -> None:
    """GitHub does: "Provided value '...' for input 'key' not in the list of allowed values"."""
    case = case_of("github" if setting == "inputs" else "gitlab", **{setting: {"key": "{env:KEY}"}})
    own = GitHubStandin.token if setting == "inputs" else GitLabStandin.token
    for message in (f"Provided value 's3cr3t-key' for input 'key' by {own}", {"base": [f"s3cr3t-key {own}"]}):
        case.standin.fault("status", status=422, body={"message": message})
    with case.standin:
        for _ in range(2):
            assert case.start() == NEVER
            assert [secret for secret in ("s3cr3t-key", own) if secret in told_by(case.error)] == []
            assert "..." in told_by(case.error)


@pytest.mark.parametrize("value", ["s3cr3t\nkey", "s3cr3t ключ", "s3cr3t\x00key"], ids=["lines", "letters", "zero"])
def test_a_secret_that_no_header_can_have_starts_nothing(
    case: Case, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = dict.fromkeys(("KEY", "GITHUB_TOKEN", "GITLAB_TOKEN"), value)
    monkeypatch.setattr(templates, "REFERENCES", References({**values, "HOOK": HookStandin.secret}))
    assert case.start() == NEVER
    assert [part for part in ("s3cr3t", "ключ") if part in told_by(case.error)] == []
    assert case.standin.seen == []


def test_what_is_in_a_field_is_no_reference() -> None:
    case = case_of("webhook", json={"reason": "{reason}", "version": "v{source_version}"})
    with case.standin:
        request = REQUEST.but(reason="{env:KEY}", source_version="{token}")
        case.starter.start(case.starter.freeze(request), case.token())
        assert case.standin.seen[0].json == {"reason": "{env:KEY}", "version": "v{token}"}
