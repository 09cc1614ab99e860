"""Each row of the tables in ``docs/starters.md`` that say what comes of a start, tried at the starter it is for."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from holdoff.core.errors import StartRefused
from holdoff.references import References
from holdoff.starters import Command, sending, templates
from tests.standins.hooks import HookStandin
from tests.starters.test_http import (
    KINDS,
    NEVER,
    NOT_NOW,
    NOTHING_LISTENS,
    REQUEST,
    UNKNOWN,
    Case,
    case_of,
    over_once,
    tls_server,
)
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT: Final = (Path(__file__).parents[2] / "docs/starters.md").read_text()
STARTED: Final = "started"
SAYS: Final = {
    "started": STARTED,
    "certainly no build": NEVER,
    "certainly no build, worth a retry": NOT_NOW,
    "not known": UNKNOWN,
}
OWN: Final = {"github": "GitHub's answers", "gitlab": "GitLab's answers", "webhook": "A build hook's answers"}
REDIRECTS: Final = range(301, 309)


def table(heading: str) -> dict[str, str]:
    """The rows of a table: what happens, and what it means."""
    section = TEXT.partition(f"### {heading}\n")[2].partition("\n#")[0]
    rows = dict(re.findall(r"^\| (?!what happens|---)(.*?) \| (.*?) \|$", section, re.MULTILINE))
    assert rows, heading
    return {name: SAYS[says] for name, says in rows.items()}


ROWS: Final = [
    *((kind, name, says) for kind, heading in OWN.items() for name, says in table(heading).items()),
    *((kind, name, says) for kind in KINDS for name, says in table("All three").items()),
]


def statuses(kind: str, name: str) -> list[int]:
    """Those that a row names."""
    if name == "5xx":
        return [*range(500, 600)]
    if name == "other 4xx":
        own = {
            status for row in (*table(OWN[kind]), *table("All three")) for status in map(int, re.findall(r"\d{3}", row))
        }
        return [status for status in range(400, 500) if status not in own]
    return [int(status) for status in re.findall(r"\b[1-5]\d\d\b", name)]


class Trial:
    """One row at one starter."""

    def __init__(self, kind: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.kind, self.folder, self.patch = kind, folder, patch

    def answered(self, status: int, headers: dict[str, str] | None = None, body: object = b"", **more: Any) -> str:
        """What a start says that is answered so."""
        (said,) = self.each([(status, headers or {}, body)], **more)
        return said

    def each(self, answers: list[tuple[int, dict[str, str], object]], **more: Any) -> list[str]:
        """What starts say that are answered so, one after the other."""
        case, said = case_of(self.kind, **more), []
        with case.standin:
            for number, (status, headers, body) in enumerate(answers, 1):
                case.standin.fault("status", status=status, headers=headers, body=body)
                said.append(self.of(case))
                assert len(case.standin.seen) == number, "no redirect is followed, and nothing sent again"
                case.clock.sleep(3_600_000)
        return said

    def faulty(self, kind: Any, **more: Any) -> str:
        """What a start says that is answered by a fault."""
        case = case_of(self.kind)
        with case.standin, self.patch.context() as patch:
            over_once(case.standin.fault(kind, **more), patch)
            return self.of(case)

    def elsewhere(self, url: str, **more: Any) -> str:
        """What a start says at this address."""
        return self.of(case_of(self.kind, url=url, **more))

    def of(self, case: Case) -> str:
        said = case.start()
        return said if said in (NEVER, NOT_NOW, UNKNOWN) else STARTED


def _as_it_should_be(trial: Trial) -> list[str]:
    case = case_of(trial.kind)
    with case.standin:
        return [trial.of(case)]


def _limited(body: object = b"", **headers: str) -> Callable[[Trial], list[str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda trial: [trial.answered(status, named, body) for status in (403, 429)]


def _words(trial: Trial) -> list[str]:
    said = ("API rate limit exceeded", "You have exceeded a secondary rate limit", "Abuse detection mechanism")
    return [trial.answered(status, body={"message": words}) for words in said for status in (403, 429)]


def _app(trial: Trial, key: str, **fault: Any) -> str:
    trial.patch.setenv("APP_KEY", key)
    case = case_of("github", app="Iv23abc", private_key="env:APP_KEY")
    with case.standin:
        if fault:
            case.standin.fault(**fault, for_all=True)
        said = trial.of(case)
        assert case.standin.starts == []
        return said


def _rsa() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password).decode()


def _no_host(trial: Trial) -> list[str]:
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    trial.patch.setattr(socket, "getaddrinfo", not_found)
    return [trial.elsewhere("https://ci.invalid")]


def _proxy(trial: Trial) -> list[str]:
    with HookStandin() as proxy:
        proxy.fault("status", status=407, for_all=True)
        proxy.fault("drop", for_all=True)
        trial.patch.setenv("HTTPS_PROXY", proxy.url)
        return [trial.elsewhere("https://ci.example") for _ in range(2)]


def _bad_tls(trial: Trial) -> list[str]:
    case = case_of(trial.kind)
    with case.standin:
        case.starter = case.starter_at(case.standin.url.replace("http:", "https:"))
        return [trial.of(case)]


def _certificate(trial: Trial) -> list[str]:
    with tls_server(trial.folder) as url:
        return [trial.elsewhere(url)]


def _no_secret(trial: Trial) -> list[str]:
    trial.patch.delenv({"webhook": "HOOK", "github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}[trial.kind])
    return [trial.elsewhere("http://127.0.0.1:9")]


def _aws_is_silent(trial: Trial) -> list[str]:
    def silent(_service: str) -> Any:
        raise TimeoutError

    trial.patch.setattr(templates, "REFERENCES", References(os.environ, silent))
    more = {"headers": {"X-Key": "ssm:/holdoff/key"}} if trial.kind == "webhook" else {"token": "ssm:/holdoff/key"}
    return [trial.elsewhere("http://127.0.0.1:9", **more)]


def _no_url(trial: Trial) -> list[str]:
    if trial.kind != "webhook":
        trial.kind = "webhook"  # of the others a setting, which is refused
    said = []
    for url in (
        "file:///etc/passwd",
        "ftp://ci.example/x",
        "http://",
        "not a url",
        "http+unix://x",
        "gopher://127.0.0.1",
    ):
        trial.patch.setenv("URL", url)
        case = case_of("webhook", url="http://127.0.0.1:9")
        case.starter = type(case.starter)("env:URL")
        said.append(trial.of(case))
    return said


@contextmanager
def raw(answer: bytes, *, reset: bool = False) -> Iterator[str]:
    """A server that reads a request's head, and answers with these bytes; or resets the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                connection.recv(65_536)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def _reset(trial: Trial) -> list[str]:
    with raw(b"", reset=True) as url:
        return [trial.elsewhere(url)]


def _no_http(trial: Trial) -> list[str]:
    said = []
    for answer in (
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000,
    ):
        with raw(answer) as url:
            said.append(trial.elsewhere(url))
    return said


def _huge(trial: Trial) -> list[str]:
    trial.patch.setattr(sending, "MOST_BYTES", 100_000)
    long = json.dumps({"workflow_run_id": 1, "id": 1, "build": {"id": "x" * 200_000}, "more": "x" * 200_000}).encode()
    bomb = gzip.compress(b" " * 50_000_000 + long)
    return [
        trial.answered(200, body=long),
        trial.answered(200, {"Content-Encoding": "gzip"}, bomb),
        trial.answered(200, {"Content-Encoding": "gzip"}, gzip.compress(long)[:50]),
        trial.answered(200, {"Content-Encoding": "br"}, b"\x0b\x00\x80x\x03"),
    ]


def _without_id(trial: Trial) -> list[str]:
    bodies: list[object] = [
        b"",
        {},
        [1],
        {"id": None, "workflow_run_id": {}},
        {"id": "", "workflow_run_id": True},
        b"[" * 90_000,
    ]
    return [trial.answered(status, body=body) for body in bodies for status in (200, 201, 299)]


def _refused(*given: int) -> Callable[[Trial], list[str]]:
    return lambda trial: [trial.answered(status, refused=[status]) for status in given]


#: How each row is tried, where it names more than statuses.
TRIED: dict[str, Callable[[Trial], list[str]]] = {
    "2xx with `workflow_run_id`": _as_it_should_be,
    "2xx with `id`": _as_it_should_be,
    "2xx with the value that `id` names": _as_it_should_be,
    "any 2xx, if `id` is not set": lambda trial: [trial.answered(one, id=None) for one in (200, 201, 202, 204, 299)],
    "202 without a body (Render queues the deploy)": lambda trial: [
        trial.answered(202, id=one) for one in ("build.id", "header:Location")
    ],
    "403 or 429 with `Retry-After`": _limited(retry_after="60"),
    "403 or 429 with `x-ratelimit-remaining: 0`": _limited(x_ratelimit_remaining="0", x_ratelimit_reset="1767225660"),
    "403 or 429 that speaks of a rate limit or abuse detection": _words,
    "a private key of an app that is no key, or that GitHub refuses": lambda trial: [
        _app(trial, "no key"),
        _app(trial, _rsa(), kind="status", status=401),
    ],
    "no answer when an app asks for its token": lambda trial: [_app(trial, _rsa(), kind="drop")],
    '400 "Too many pipelines"': lambda trial: [
        trial.answered(
            400, body={"message": {"base": ["Too many pipelines created in the last minute. Try again later."]}}
        )
    ],
    "a status in `refused`, under 500": _refused(300, 302, 409, 429, 499),
    "a status in `refused`, 500 or more": _refused(500, 502, 503, 599),
    "no such host": _no_host,
    "no connection": lambda trial: [trial.elsewhere(NOTHING_LISTENS)],
    "a proxy that refuses, or breaks the connection": _proxy,
    "TLS that fails": _bad_tls,
    "a certificate that is not valid": _certificate,
    "a secret that is not there": _no_secret,
    "a secret that AWS cannot return at the moment": _aws_is_silent,
    "an address that is no URL of HTTP": _no_url,
    "the request was sent, and no answer came": lambda trial: [
        trial.faulty(how, after=after) for how in ("drop", "hang") for after in (False, True)
    ],
    "the request was sent, and the connection was reset": _reset,
    "an answer that comes too slowly": lambda trial: [trial.faulty("drip", part=part) for part in ("head", "body")],
    "an answer that is not HTTP": _no_http,
    "2xx without an id": _without_id,
    "2xx with a page in HTML": lambda trial: [trial.faulty("lie")],
    "2xx with more than 8 MB, packed or unpacked": _huge,
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"HOOK": HookStandin.secret, "KEY": "s3cr3t-key", "GITHUB_TOKEN": "github_pat_11ABCDEFG0secret"}
    for name, value in {**secrets, "GITLAB_TOKEN": "glpat-secret-secret"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("kind", "name", "says"), ROWS, ids=[f"{kind}: {name}" for kind, name, _ in ROWS])
def test_a_row_is_true(kind: str, name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(kind, tmp_path, monkeypatch)
    own = [*table(OWN[kind])]
    if name in TRIED:
        said = TRIED[name](trial)
    else:
        headers = {"Location": "http://127.0.0.1:9/elsewhere"}
        # What the starter's own rows say goes before those of all three.
        is_own = name in own
        asked = [one for one in statuses(kind, name) if is_own or not any(str(one) in row for row in own)]
        said = trial.each([(one, headers if one in REDIRECTS else {}, b"") for one in asked]) or [says]
    assert set(said) == {says}


def test_no_row_is_missing() -> None:
    """Each status from 200 to 599 is in some row of each starter; each way to try one is a row."""
    rows = {name for _, name, _ in ROWS}
    assert [name for name in TRIED if name not in rows] == []
    assert [name for name in rows - TRIED.keys() if not statuses("github", name)] == []


# --- a command -----------------------------------------------------------------------------------------------------


def _command(argv: list[str], folder: str | None = None) -> str:
    starter = Command(argv, folder=folder)
    try:
        build_id = starter.start(REQUEST, "TOKEN")
    except StartRefused as refused:
        return NOT_NOW if refused.worth_retrying else NEVER
    starter.wait(build_id, lambda: None, 60_000)
    return STARTED


def _not_executable(folder: Path) -> str:
    (folder / "program").write_text("#!/bin/sh\n")
    return _command([str(folder / "program")])


def _no_room(patch: pytest.MonkeyPatch) -> list[str]:
    said = []
    for number in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY):

        def popen(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        with patch.context() as within:
            within.setattr(os, "posix_spawn", popen)
            said.append(_command(["true"]))
    return said


COMMANDS: dict[str, Callable[[Path, pytest.MonkeyPatch], list[str]]] = {
    "no such program": lambda *_: [_command(["no-such-program"]), _command(["/no/such/program"])],
    "a program that may not be executed": lambda folder, _: [_not_executable(folder)],
    "no such folder": lambda folder, _: [_command(["true"], str(folder / "none"))],
    "too many processes or open files, no memory, a program that is being written": lambda _, patch: _no_room(patch),
    "the process has begun": lambda *_: [_command(["true"])],
    "a process that exits with a status other than 0": lambda *_: [_command(["false"])],
}


@pytest.mark.parametrize(("name", "says"), table("A command's start").items())
def test_a_row_of_a_command_is_true(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(COMMANDS[name](tmp_path, monkeypatch)) == {says}
