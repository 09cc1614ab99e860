"""``deploy/server/nginx.conf`` as it stands, in a real nginx before a real ``holdoff serve``; only where it listens,
where the server is and which certificate it has are the test's own."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import PATIENCE, Cli, cli
from tests.conftest import engine_or_skip
from tests.engines.deploying import nginx
from tests.server.conftest import signed_push
from tests.server.test_serve import SECRET, Server, certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

__all__ = ["cli"]
pytestmark = pytest.mark.slow
TEXT: Final = (Path(__file__).parents[2] / "deploy/server/nginx.conf").read_text()
HOST: Final = "builds.example.com"


class Front:
    """What a client on the internet sees."""

    def __init__(self, url: str, server: Server, cert: str) -> None:
        self.port, self.server = urlsplit(url).port or 0, server
        self.trusted = ssl.create_default_context(cafile=cert)
        self.opened = ExitStack()

    def open(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
        """One request; its answer is yet to be read. ``_`` in a name is ``-``."""
        named = {name.replace("_", "-"): one for name, one in headers.items()}
        return self.sent(method, path, {"host": HOST, **named}, body)

    def sent(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> HTTPResponse:
        """The same, with these headers and no others."""
        connection = HTTPSConnection("127.0.0.1", self.port, context=self.trusted, timeout=PATIENCE)
        self.opened.callback(connection.close)
        connection.request(method, path, body, headers)
        return self.opened.enter_context(connection.getresponse())

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """One request, answered."""
        answer = self.open(method, path, body, **headers)
        text = answer.read()
        return answer.status, json.loads(text) if text[:1] in b"{[" else text.decode()

    @property
    def token(self) -> str:
        """The header of a caller with all scopes."""
        return f"Bearer {self.server.token}"


@contextmanager
def fronted(cli: Cli, *options: str, change: tuple[str, str] = ("", "")) -> Iterator[Front]:
    """The proxy and the server behind it. ``change``: what a person changes in nginx.conf, to what."""
    server = Server(cli, "true", *options)
    cert, key = certificate(cli.folder)
    zones = "\n".join(re.findall(r"^# (limit_req_zone .*;)", TEXT, re.MULTILINE))
    assert change[0] in TEXT
    text = TEXT.replace(*change) if change[0] else TEXT
    for old, new in (
        (r"listen 443 ssl;", "listen 127.0.0.1:{port} ssl;"),
        (r"listen \[::\]:443 ssl;", ""),
        (r"/\S+/fullchain\.pem", cert),
        (r"/\S+/privkey\.pem", key),
        (r"127\.0\.0\.1:4653;", f"127.0.0.1:{server.port};"),
    ):
        text, count = re.subn(old, new, text)
        assert count, old
    folder = cli.folder / "nginx"
    folder.mkdir()
    with engine_or_skip(nginx(folder, f"{zones}\n{text}")) as url:
        front = Front(url, server, cert)
        with front.opened:
            yield front


@pytest.fixture
def front(cli: Cli) -> Iterator[Front]:
    with fronted(cli) as found:
        yield found


def test_a_push_gets_through_and_is_told_apart_from_a_stranger_s(front: Front) -> None:
    body, headers = signed_push("d1", SECRET)

    assert front.ask("POST", "/hooks/site", body, **headers)[0] in (200, 202)
    assert front.ask("POST", "/hooks/site", body, **headers | {"x-hub-signature-256": "sha256=0"})[0] == 401
    assert front.ask("GET", "/api/v1/status")[0] == 401
    assert front.ask("GET", "/api/v1/status", authorization=front.token)[0] == 200


def test_the_page_is_live_through_it(front: Front) -> None:
    """Each event comes when it is sent, not when a buffer is full."""
    stream = front.open("GET", "/live", authorization=front.token)
    first = stream.readline()
    body, headers = signed_push("d1", SECRET)
    front.ask("POST", "/hooks/site", body, **headers)
    lines = iter(stream.readline, b"")
    came = next(line for line in lines if line.startswith(b"event:"))

    assert (first, came) == (b"retry: 3000\n", b"event: look\n")


def test_a_form_of_the_page_is_taken(front: Front) -> None:
    """The server sees the host and the scheme that the browser does: its origin is right, its cookie for TLS alone."""
    token = f"token={front.server.token}".encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = front.open("POST", "/login", token, origin=f"https://{HOST}", sec_fetch_site="same-origin", **form)
    foreign = front.open("POST", "/login", token, origin="https://evil.example", **form)
    cookie = answer.headers["set-cookie"]

    assert (answer.status, foreign.status) == (303, 403)
    assert "Secure" in cookie
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert front.ask("GET", "/", cookie=cookie.partition(";")[0])[0] == 200


def test_failures_count_for_the_client_whatever_it_says_of_itself(front: Front) -> None:
    """Each time another X-Forwarded-For: it is the address that the proxy saw which counts."""
    told = [
        front.ask("GET", "/api/v1/status", x_forwarded_for=f"192.0.2.{n}", authorization="Bearer holdoff_wrong")[0]
        for n in range(22)
    ]

    assert told == [401] * 20 + [429] * 2


@pytest.mark.parametrize("name", ["X-Forwarded-User", "x_forwarded_user", "X-FORWARDED-USER"])
def test_a_client_cannot_say_who_it_is(cli: Cli, name: str) -> None:
    with fronted(cli, "--trust-header", "X-Forwarded-User") as front:
        for path in ("/", "/api/v1/status", "/metrics", "/hooks/site"):
            method = "POST" if "hooks" in path else "GET"
            assert front.sent(method, path, {"host": HOST, name: "ada"}).status == 401, path
        itself = {"X-Forwarded-User": "ada", "Host": HOST}
        assert front.server.ask("GET", "/api/v1/status", headers=itself)[0] == 200, "the server believes its proxy"


def test_the_proxy_s_own_login_says_who_it_is(cli: Cli) -> None:
    digest = b64encode(hashlib.sha1(b"pw").digest()).decode()  # as htpasswd -s writes it
    (cli.folder / "users").write_text(f"ada:{{SHA}}{digest}\n")
    login = f"$remote_user;\n    auth_basic builds;\n    auth_basic_user_file {cli.folder}/users;"
    change = ('"";\n\n    # URLs', f"{login}\n\n    # URLs")
    with fronted(cli, "--trust-header", "X-Forwarded-User", change=change) as front:
        known = {"authorization": "Basic " + b64encode(b"ada:pw").decode()}
        body = json.dumps({"project": "site", "why": "it moves"}).encode()
        anonymous = front.ask("GET", "/", x_forwarded_user="grace")[0]
        held = front.ask(
            "POST", "/api/v1/hold", body, content_type="application/json", x_forwarded_user="grace", **known
        )
        hold = cli.record("site").hold

    assert (anonymous, held[0]) == (401, 200)
    assert hold is not None
    assert hold.by == "ada"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:4653"])
def test_from_outside_no_one_is_taken_for_this_machine(cli: Cli, host: str) -> None:
    """What ``--anonymous`` lets a user of this machine do, a client of the proxy may not, whatever host it names."""
    with fronted(cli, "--anonymous", "look,trigger,operate") as front:
        assert front.ask("GET", "/api/v1/status", host=host)[0] == 421
        assert front.ask("GET", "/api/v1/status")[0] == 401
        forwarded = {"host": "localhost", "x-forwarded-for": "192.0.2.1"}
        assert front.server.ask("GET", "/api/v1/status", headers=forwarded)[0] == 401, "whatever the proxy forgets"


def test_bodies_have_a_limit(front: Front) -> None:
    """The server's own is 6 MiB; the proxy reads a little more, so that the server says so."""
    url = "/hooks/site/in-the-url-7f3a"
    assert front.ask("POST", url, b"{" + b" " * (6 << 20))[0] == 413
    status, text = front.ask("POST", url, b" " * (8 << 20))

    assert (status, "nginx" in text) == (413, True)


def test_a_slow_client_is_let_go(cli: Cli) -> None:
    with fronted(cli, change=("client_body_timeout 20s", "client_body_timeout 300ms")) as front:
        with socket.create_connection(("127.0.0.1", front.port), timeout=PATIENCE) as plain:
            slow = front.trusted.wrap_socket(plain, server_hostname="127.0.0.1")
            slow.sendall(f"POST /hooks/site HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\nx".encode())
            told = slow.recv(4096)
            slow.close()
        assert told == b"" or b" 408 " in told
        assert front.server.is_there()


def test_no_secret_of_a_url_stands_in_its_log_of_errors(cli: Cli) -> None:
    """Which has the whole URL of each request that comes while the server starts again."""
    errors = cli.folder / "errors"
    with fronted(cli, change=("    listen 443 ssl;", f"    error_log {errors};\n    listen 443 ssl;")) as front:
        front.server.end()
        statuses = [front.ask("POST", path, b"{}")[0] for path in ("/hooks/site/in-the-url-7f3a", "/api/v1/hold")]

    assert statuses == [502, 502]
    assert "/api/v1/hold" in errors.read_text()
    assert "7f3a" not in errors.read_text()


def test_what_comes_too_fast_is_told_and_pushes_may_come_in_bursts(front: Front) -> None:
    body, headers = signed_push("d1", SECRET)
    pushes = [front.ask("POST", "/hooks/site", body, **headers)[0] for _ in range(150)]
    looks = [front.ask("GET", "/healthz")[0] for _ in range(90)]

    assert set(pushes) <= {200, 202}
    assert {200, 503} >= set(looks)
    assert looks[0] == 200
