"""Who asks: tokens, the header of a proxy, callers on loopback; and who gets no answer."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.config.server import Server, server_of
from holdoff.core.errors import ConfigError, UsageError
from holdoff.server import access
from holdoff.server.access import COOKIE, MOST_FAILURES
from holdoff.server.files import Tokens
from holdoff.server.run import check_access
from holdoff.testing import ManualClock
from tests.users import ALICE, needs_root, public_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server.conftest import Served

STATUS = "/api/v1/status"
USER = {"x-forwarded-user": "ada"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_kept_as_a_digest(served: Served) -> None:
    token = served.site.guard.tokens.new("laptop", ["look"])
    text = served.site.guard.tokens.path.read_text()

    assert len(token) == len("holdoff_") + 43
    assert token not in text
    assert [one["name"] for one in json.loads(text)["tokens"]] == ["all", "laptop"]
    assert served.site.guard.tokens.path.stat().st_mode & 0o777 == 0o600


def test_a_token_that_is_revoked_is_out_at_once(served: Served) -> None:
    other = Tokens(str(served.site.guard.tokens.path), ManualClock(seed=1))  # the command line's
    token = other.new("laptop", ["look"])
    before = served.client.get(STATUS, headers=bearer(token)).status_code
    other.revoke("laptop")

    assert (before, served.client.get(STATUS, headers=bearer(token)).status_code) == (200, 401)


def test_names_of_tokens_are_told_apart(served: Served) -> None:
    with pytest.raises(UsageError, match="already"):
        served.site.guard.tokens.new("all", ["look"])
    with pytest.raises(UsageError, match="no token 'other'"):
        served.site.guard.tokens.revoke("other")
    with pytest.raises(ConfigError):
        served.site.guard.tokens.new("a\nb", ["look"])


def test_a_wrong_token_is_not_made_up_for(serve: Callable[..., Served]) -> None:
    """By nothing beside it: not by another right one, a proxy's user, or loopback."""
    served = serve(anonymous=("look",), user_header="X-Forwarded-User")
    served.client.cookies.set(COOKIE, served.token)

    assert served.client.get(STATUS, headers=USER).status_code == 200
    assert served.client.get(STATUS, headers=USER | bearer("holdoff_wrong")).status_code == 401
    served.client.cookies.set(COOKIE, "holdoff_wrong")
    assert served.client.get(STATUS, headers=USER).status_code == 401


def test_a_cookie_is_a_token(served: Served) -> None:
    served.client.cookies.set(COOKIE, served.token)

    assert served.client.get(STATUS).status_code == 200


@pytest.mark.parametrize("text", ["{}", "", '{"tokens": [1]}', '{"tokens": [{"name": "x"}]}', "\xff"])
def test_a_spoilt_file_lets_none_in(served: Served, text: str) -> None:
    served.site.guard.tokens.path.write_text(text, "latin-1")
    answer = served.api("GET", "/status")

    assert answer.status_code == 500
    assert str(served.folder) not in answer.text  # what is wrong is no stranger's affair
    assert "a file as `holdoff token new` writes it" in served.lines[-1]["message"]


@needs_root
def test_a_file_that_another_user_could_write_is_not_obeyed() -> None:
    with public_folder() as folder:
        file = folder / "tokens"
        Tokens(str(file), ManualClock()).new("mallory", ["operate"])
        file.chmod(0o666)
        with pytest.raises(ConfigError, match="can be written by all users"):
            Tokens(str(file), ManualClock()).all()
        file.chmod(0o600)
        os.chown(file, ALICE, -1)
        with pytest.raises(ConfigError, match=f"belongs to {ALICE}"):
            Tokens(str(file), ManualClock()).all()


# --- a proxy's user --------------------------------------------------------------------------------------------------


def test_a_proxy_says_who_the_user_is(serve: Callable[..., Served]) -> None:
    served = serve(user_header="X-Forwarded-User", user_scopes=("look", "operate"))
    held = served.client.post("/api/v1/hold", json={"project": "site", "why": "x"}, headers=USER)

    assert held.json()["hold"]["by"] == "ada"
    assert served.client.post("/api/v1/trigger", json={"project": "site"}, headers=USER).status_code == 403


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", USER, 200),
        ("::1", USER, 200),
        ("10.1.2.3", USER, 401),
        ("testclient", USER, 401),
        ("127.0.0.1", {}, 401),
        ("127.0.0.1", {"x-forwarded-user": ""}, 401),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    serve: Callable[..., Served], address: str, headers: dict[str, str], status: int
) -> None:
    served = serve(user_header="X-Forwarded-User")

    assert served.at(address).get(STATUS, headers=headers).status_code == status


def test_proxies_can_be_listed(serve: Callable[..., Served]) -> None:
    served = serve(user_header="X-Forwarded-User", proxies=("10.1.2.0/24",))

    assert served.at("10.1.2.3").get(STATUS, headers=USER).status_code == 200
    assert served.at("127.0.0.1").get(STATUS, headers=USER).status_code == 401


def test_a_users_name_may_have_any_letters(serve: Callable[..., Served]) -> None:
    """Proxies send it in UTF-8."""
    served = serve(user_header="X-Forwarded-User")
    name = {"x-forwarded-user": "José".encode()}
    held = served.client.post("/api/v1/hold", json={"project": "site", "why": "x"}, headers=name)  # type: ignore[arg-type]

    assert held.json()["hold"]["by"] == "José"


def test_of_two_users_neither_is_believed(serve: Callable[..., Served]) -> None:
    served = serve(user_header="X-Forwarded-User")
    twice = [("x-forwarded-user", "ada"), ("x-forwarded-user", "root")]

    assert served.client.get(STATUS, headers=twice).status_code == 401


# --- loopback, and other sites ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("127.0.0.1", "localhost:4653", 200),
        ("127.0.0.1", "127.0.0.1:4653", 200),
        ("::1", "[::1]:4653", 200),
        ("127.0.0.1", "rebound.example", 401),
        ("127.0.0.1", "re_bound.example", 401),
        ("127.0.0.1", "127.0.0.1.example", 401),
        ("127.0.0.1", "[", 401),
        ("127.0.0.1", "", 401),
        ("10.1.2.3", "localhost:4653", 401),
    ],
)
def test_anonymous_is_for_loopback_by_a_loopback_name(
    serve: Callable[..., Served], address: str, host: str, status: int
) -> None:
    served = serve(anonymous=("look",))

    assert served.at(address).get(STATUS, headers={"host": host}).status_code == status


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_what_a_proxy_hands_on_is_not_of_this_machine(serve: Callable[..., Served], name: str) -> None:
    """A client of it may name any host, a loopback one too."""
    served = serve(anonymous=("look",))

    assert served.client.get(STATUS, headers={name: "192.0.2.1"}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://[x"}, {"sec-fetch-site": "cross-site"}],
    ids=str,
)
def test_another_site_changes_nothing(serve: Callable[..., Served], headers: dict[str, str]) -> None:
    served = serve(anonymous=("look", "operate"))
    hold: Any = {"url": "/api/v1/hold", "json": {"project": "site", "why": "x"}}

    assert served.client.post(**hold, headers=headers).status_code == 403
    assert served.client.post(**hold, headers={"origin": "http://localhost"}).status_code == 200


def test_no_page_of_another_origin_reads_anything(served: Served) -> None:
    answer = served.client.options(STATUS, headers={"origin": "https://x", "access-control-request-method": "POST"})

    assert answer.status_code == 405
    assert [name for name in answer.headers if name.startswith("access-control")] == []


# --- failures --------------------------------------------------------------------------------------------------------


def test_failures_of_an_address_are_limited(served: Served) -> None:
    wrong = [served.client.get(STATUS, headers=bearer("holdoff_no")).status_code for _ in range(MOST_FAILURES + 1)]
    other = served.at("10.9.9.9").get(STATUS).status_code
    right = served.api("GET", "/status").status_code
    served.clock.advance("1m")

    assert wrong == [401] * MOST_FAILURES + [429]
    assert (other, right) == (401, 200)
    assert served.client.get(STATUS).status_code == 401


def test_unsigned_webhooks_are_limited_and_their_log_too(served: Served) -> None:
    answers = [served.push(secret="wrong").status_code for _ in range(MOST_FAILURES + 5)]

    assert answers == [401] * MOST_FAILURES + [429] * 5
    assert len(served.lines) == MOST_FAILURES + 1
    assert served.push("d1").status_code == 200  # what is right gets through
    assert served.site.metrics.registry.get_sample_value("holdoff_unsigned_total") == MOST_FAILURES + 5


def test_behind_a_proxy_each_client_counts_for_itself(served: Served) -> None:
    def failed(address: str, sent: str) -> int:
        status: int = served.at(address).get(STATUS, headers={"x-forwarded-for": sent}).status_code
        return status

    for _ in range(MOST_FAILURES):
        failed("127.0.0.1", "192.0.2.1")

    assert failed("127.0.0.1", "6.6.6.6, 192.0.2.1") == 429  # only what the proxy itself added counts
    assert failed("127.0.0.1", "192.0.2.2") == 401
    assert failed("10.1.2.3", "192.0.2.1") == 401  # no proxy of ours
    two = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1")]  # HAProxy adds a header of its own
    assert served.at("127.0.0.1").get(STATUS, headers=two).status_code == 429


@pytest.mark.parametrize("client", ["192.0.2.1:{}", "[2001:db8::1]:{}", "[2001:db8::{:x}]"])
def test_a_proxy_that_names_ports_too_names_one_client(served: Served, client: str) -> None:
    headers = [{"x-forwarded-for": client.format(50_000 + place)} for place in range(MOST_FAILURES + 1)]

    assert [served.client.get(STATUS, headers=one).status_code for one in headers][-1] == 429


def test_one_site_of_ipv6_is_one(served: Served) -> None:
    answers = [served.at(f"2001:db8::{place:x}").get(STATUS).status_code for place in range(MOST_FAILURES + 1)]

    assert answers[-1] == 429


def test_clients_of_ipv4_that_are_written_as_ipv6_are_not_one(served: Served) -> None:
    answers = [served.at(f"::ffff:192.0.2.{place}").get(STATUS).status_code for place in range(MOST_FAILURES + 1)]

    assert set(answers) == {401}
    assert [served.at(one).get(STATUS).status_code for one in ["192.0.2.9", "::ffff:192.0.2.9"] * 10][-1] == 429


# --- where it listens ------------------------------------------------------------------------------------------------


def test_it_is_not_reached_from_elsewhere_without_tokens(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve(listen="0.0.0.0:4653")
    check_access(served.site)
    served.site.guard.tokens.revoke("all")
    with pytest.raises(ConfigError, match="make a token first"):
        check_access(served.site)
    check_access(serve(listen="[::1]:4653", tokens=str(tmp_path / "none")).site)
    with pytest.raises(ConfigError, match="any program that reaches this address"):
        check_access(serve(listen="[::]:4653", anonymous=("look",), tokens=str(tmp_path / "others")).site)


SETTINGS: dict[str, tuple[dict[str, object], str]] = {
    "port": ({"listen": "127.0.0.1"}, "server.listen is '127.0.0.1'; write ADDRESS:PORT"),
    "large port": ({"listen": "127.0.0.1:65536"}, "server.listen"),
    "no text": ({"listen": 4653}, "server.listen is 4653; write text"),
    "unknown": ({"listn": "x"}, "did you mean that"),
    "scope": ({"anonymous": ["all"]}, "server.anonymous"),
    "header": ({"user_header": "X User"}, "server.user_header"),
    "proxies": ({"proxies": ["10.0.0.0/33"]}, "server.proxies"),
    "a scope that is none": ({"user_scopes": False}, "server.user_scopes is False; write a list of texts"),
    "proxies in a table": ({"proxies": {}}, "server.proxies is {}; write a list of texts"),
    "no tokens": ({"tokens": ""}, "server.tokens is ''; write a path"),
    "blank tokens": ({"tokens": " "}, "server.tokens is ' '; write a path"),
    "no dead letters": ({"dead_letters": " "}, "server.dead_letters is ' '; write a path"),
    "no file": ({"tokens": "a\0b"}, "write a path"),
    "no certificate": ({"certificate": "", "key": "key.pem"}, "server.certificate is ''; write a path"),
    "certificate alone": ({"certificate": "x.pem"}, "server.certificate is '/srv/x.pem'; write a file in PEM, and key"),
    "key alone": ({"key": "x.pem"}, "server.key"),
}


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_wrong_setting_is_refused(name: str) -> None:
    table, words = SETTINGS[name]
    with pytest.raises(ConfigError) as caught:
        server_of(table, "/srv")

    assert words in str(caught.value)


def test_settings_are_meant_from_the_files_folder() -> None:
    found = server_of({"tokens": "tokens", "dead_letters": "/var/letters", "proxies": [], "anonymous": "look"}, "/srv")

    assert found == Server(tokens="/srv/tokens", dead_letters="/var/letters", proxies=(), anonymous=("look",))
    assert found.address == ("127.0.0.1", 4653)


# --- every answer ----------------------------------------------------------------------------------------------------


def test_no_strangers_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_ADDRESSES", 2)
    monkeypatch.setattr(access, "MOST_FAILURES", 0)
    failures = access.Failures(ManualClock())
    for address, are_many in (("a", [True, False, False]), ("b", [True, True, False]), ("c", [False, False, True])):
        failures.add(address)
        assert [failures.are_many(one) for one in "abc"] == are_many


@pytest.mark.parametrize("path", ["/healthz", "/nothing", STATUS, "/hooks/site", "/metrics"])
def test_every_answer_has_the_headers(served: Served, path: str) -> None:
    headers = served.client.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
