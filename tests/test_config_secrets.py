"""A secret that stands in the wrong place is told by no error, log line or traceback, wherever it stands.

Every place of a ``holdoff.toml``, of a store's URL, of a function's environment, of a command line and of the library's
arguments is tried with secrets of several looks. Where that is accepted, it is no mistake. Where it is refused, nothing
that comes out may hold it.
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

import holdoff
from holdoff.cli import main
from holdoff.config import parse, read
from holdoff.core.errors import ConfigError, HoldoffError, StoreUnavailable
from holdoff.core.request import Request
from holdoff.core.shown import shown_url, without_secrets
from holdoff.ingress.aws_lambda import Function
from holdoff.ingress.settings import Settings
from holdoff.starters import Call, CodeBuild, Command
from holdoff.stores.open import open_store
from holdoff.wake.scheduler import Scheduler
from tests.test_config import toml

#: As generators make them, and one of words.
SECRETS = {
    "canary": "S3CR3T-canary",
    "base64": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY=",
    "hex": "5f0c9a7be4d2416f8a3b",
    "token": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
#: What is at home where secrets are is not shown either though it is but words.
WORDS = "topsecret passphrase"
secrets = pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
#: Where there is much to try.
TWO = {name: SECRETS[name] for name in ("canary", "base64")}
two_secrets = pytest.mark.parametrize("secret", TWO.values(), ids=TWO)


def told_by(error: BaseException) -> str:
    """All that an error tells: its text, its fields, and what its traceback says of it and of those it rests on."""
    said = [str(vars(error))]
    chain: BaseException | None = error
    while chain is not None:
        said += [str(chain), repr(chain), str(chain.args), *traceback.format_exception_only(chain)]
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return "\n".join(said)


def refuses_without_telling(secret: str, call: Callable[[], object]) -> bool:
    """Whether it is refused. By a typed error, which does not tell the secret."""
    try:
        call()
    except HoldoffError as error:
        assert secret not in told_by(error)
        return True
    return False


# --- holdoff.toml --------------------------------------------------------------------------------------------------

FILE: dict[str, Any] = {
    "store": "memory:",
    "projects": {
        "docs": {
            "cooldown": "1h",
            "on_cooldown": "defer",
            "quiet": "1m",
            "max_wait": "5m",
            "limit": "3/1h",
            "overlap": "allow",
            "cooldown_from": "start",
            "on_failure": "keep",
            "unchanged": "build",
            "allow": ["force"],
            "allow_environment": ["TAG"],
            "branch": "main",
            "skip_ci": False,
            "region": "eu-west-1",
            "starter": {
                "codebuild": "docs-build",
                "region": "eu-west-1",
                "endpoint": "http://127.0.0.1:9",
                "environment": {"STAGE": "test", "KEY": {"type": "PARAMETER_STORE", "value": "/key"}},
                "options": {"imageOverride": "x", "logsConfigOverride": {"cloudWatchLogs": {"status": "DISABLED"}}},
            },
        },
        "site": {"cooldown": 60, "starter": {"command": ["make", "site"]}},
        "hook": {
            "cooldown": 60,
            "starter": {
                "webhook": "env:HOOK",
                "method": "POST",
                "headers": {"Authorization": "Bearer {env:KEY}", "X-Why": "{reason}"},
                "json": {"version": "{source_version}", "more": {"list": ["{key}"]}},
                "refused": [302],
                "id": "build.id",
                "status_url": "https://ci.example/{build_id}",
                "state": ["state"],
                "succeeded": ["ok"],
                "failed": ["no"],
                "cancel_url": "https://ci.example/{build_id}/cancel",
                "cancel_method": "DELETE",
                "token_memory": "24h",
                "build_lease": "1h",
            },
        },
        "actions": {
            "cooldown": 60,
            "starter": {
                "github": "acme/site",
                "workflow": "build.yml",
                "ref": "main",
                "inputs": {"version": "{source_version}"},
                "app": "Iv1",
                "private_key": "env:KEY",
                "endpoint": "https://github.example/api/v3",
            },
        },
        "pipelines": {
            "cooldown": 60,
            "starter": {
                "gitlab": "acme/site",
                "ref": "main",
                "environment": {"STAGE": "test"},
                "token": "env:TOKEN",
                "trigger_token": "env:TRIGGER",
                "endpoint": "https://gitlab.example",
            },
        },
    },
    "rules": [
        {
            "when": {"source": "acme", "detail": {"kind": ["page", "post"]}, "http.headers.x-kind": "*"},
            "project": "docs",
            "region": "eu-west-1",
            "key": "event.detail.branch",
            "reason": "an edit",
            "source_version": "event.detail.version",
            "event_id": "event.id",
            "line": "event.detail.branch",
            "at": "event.time",
            "parent": "event.detail.before",
            "environment": {"TAG": "event.detail.tag"},
            "secondary_versions": {"THEME": "event.detail.theme"},
        },
        {
            "when": {"source": "git"},
            "branches": ["main"],
            "tags": ["v*"],
            "paths": ["docs/**"],
            "paths_ignore": ["*.txt"],
            "project": ["docs", "site"],
            "continue": True,
        },
        {"when": {}, "ignore": "not ours"},
    ],
    "webhooks": {
        "github": "env:GITHUB_SECRET",
        "gitlab": ["ssm:/new", "secretsmanager:old"],
        "secret": {"secret": "env:DOCS", "projects": ["docs"]},
        "acme": {
            "secret": "env:ACME",
            "projects": ["docs"],
            "header": "X-Acme-Signature",
            "prefix": "sha1=",
            "encoding": "hex",
            "algorithm": "sha1",
            "timestamp": "X-Acme-Time",
            "signed": "{time}.{body}",
        },
    },
    "server": {
        "listen": "127.0.0.1:4653",
        "tokens": "tokens",
        "dead_letters": "letters",
        "certificate": "certificate.pem",
        "key": "key.pem",
        "user_header": "X-Forwarded-User",
        "proxies": ["127.0.0.1"],
        "user_scopes": ["look"],
        "anonymous": ["look"],
    },
}
Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a value: of each entry, the entries in it, and one that is not there yet."""
    if isinstance(value, dict):
        yield (*at, "NEW")
    if at:
        yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def forms(secret: str) -> dict[str, Any]:
    """A secret where a text is meant, a list, a table, a reference, a path, a pattern or an assignment."""
    return {
        "text": secret,
        "list": [secret],
        "lists": [[secret]],
        "table": {"value": secret, "x": 1},
        "typed": {"type": secret, "value": secret},
        "mistyped": {"type": "SECRET", "value": secret},
        "key": {secret: 1},
        "number": [secret, 7],
        "control": f"{secret}\n",
        "long": f"{secret}{'x' * 500}",
        "reference": f"file:{secret}",
        "path": f"event.{secret}..",
        "url": f"https://me:{secret}@example.com/?token={secret}",
        "assigned": f"TOKEN={secret}",
    }


def changed(data: Any, place: Place, value: object) -> Any:
    """The data with another value in one place."""
    data = inner = copy.deepcopy(data)
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return data


def as_file(data: dict[str, Any]) -> str:
    return "\n".join(f"{toml(key)} = {toml(value)}" for key, value in data.items())


def test_the_file_itself_is_right() -> None:
    assert len(parse(as_file(FILE)).rules) == 3


def told_by_parsing(text: str) -> str:
    try:
        parse(text)
    except ConfigError as error:
        return told_by(error)
    return ""


#: The names of projects are names, and told.
NAMED: set[Place] = {("projects",), ("projects", "NEW")}
EACH = [pytest.param(place, id=".".join(map(str, place)) or "top") for place in places(FILE)]


def by_turns(place: Place, number: int) -> str:
    """One secret or the other: each place is tried with both, and each of what is tried there, too."""
    return (*TWO.values(),)[(len(str(place)) + number) % 2]


@pytest.mark.parametrize("place", EACH)
def test_a_secret_anywhere_in_the_file(place: Place) -> None:
    for number, form in enumerate(forms("")):
        secret = by_turns(place, number)
        if form != "key" or place not in NAMED:
            assert secret not in told_by_parsing(as_file(changed(FILE, place, forms(secret)[form]))), form


@pytest.mark.parametrize("place", [place for place in EACH if place.values[0] not in NAMED])
def test_a_secret_as_the_name_of_a_setting(place: Any) -> None:
    for number, (form, value) in enumerate(
        itertools.product(("{}", "TOKEN={} x", "-----BEGIN KEY-----\n{}"), (1, ["x"]))
    ):
        secret = by_turns(place, number)
        name = form.replace("{}", secret)
        assert secret not in told_by_parsing(as_file(changed(FILE, place, {name: value})))
        if place[-1] == "NEW":
            assert secret not in told_by_parsing(as_file(changed(FILE, (*place[:-1], name), value)))


AT_HOME = [
    "projects.docs.starter",
    "projects.docs.starter.environment",
    "projects.docs.starter.environment.STAGE",
    "projects.docs.starter.options",
    "projects.docs.starter.options.NEW",
    "projects.site.starter.command",
    "projects.hook.starter.webhook",
    "projects.hook.starter.method",
    "projects.hook.starter.headers",
    "projects.hook.starter.headers.Authorization",
    "projects.hook.starter.json",
    "projects.hook.starter.refused",
    "projects.actions.starter.private_key",
    "projects.actions.starter.endpoint",
    "projects.pipelines.starter.token",
    "projects.pipelines.starter.trigger_token",
    "webhooks",
    "webhooks.github",
    "webhooks.gitlab",
    "store",
]


@pytest.mark.parametrize("where", AT_HOME)
def test_where_secrets_are_at_home_not_even_words_are_shown(where: str) -> None:
    place: Place = tuple(where.split("."))
    for value in forms(WORDS).values():
        refuses_without_telling(WORDS, lambda value=value: parse(as_file(changed(FILE, place, value))))  # type: ignore[misc]


@secrets
@pytest.mark.parametrize(
    "text",
    [
        "github = {}",
        "'x' = '{}",
        "x = '{}' '{}'",
        'x = "\\q{}"',
        "['{}']\n['{}']",
        "a.b = 1\n[a.b.'{}']",
        "'{}' = 1\n'{}' = 2",
        "x = {{ '{}' = 1, '{}' = 1 }}",
        "x = '''{}",
        "x = [{}",
        "{}",
        "= {}",
        "x = 2026-13-45T{}",
        "x = 1979-05-27T00:32:00\u0000{}",
    ],
)
def test_a_file_that_is_no_toml(text: str, secret: str) -> None:
    assert refuses_without_telling(
        secret, lambda: parse(text.replace("{}", secret).replace("{{", "{").replace("}}", "}"))
    )


@secrets
def test_a_file_that_cannot_be_read(secret: str, tmp_path: Path) -> None:
    named = f"{secret.replace('/', '-')}"
    assert refuses_without_telling(secret, lambda: read(secret, named_by="HOLDOFF_CONFIG"))
    assert refuses_without_telling(secret, lambda: read(f"ssm:{secret}", named_by="HOLDOFF_CONFIG"))
    assert refuses_without_telling(named, lambda: read(named))


@pytest.mark.parametrize("name", ["/no/such.toml", "such2.toml", "folder"])
def test_a_files_name_that_is_one_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match=f"config is '{name}'; write a file that exists"):
        read(name)


# --- a store -------------------------------------------------------------------------------------------------------

URLS = [
    "{}",
    "{}:",
    "me:{}@host",
    "{}@host",
    "{}://host",
    "mysql://me:{}@host/db",
    "postgresql://host/db?sslmodo={}",
    "postgresql://me:{}@host@host/db",
    "postgresql+psycopg://me:{}@host/db?sslpassword={}",
    "https://host/services/{}",
    "redis://:{}@host",
    "https:///me:{}@host",
    "dynamodb:///KEY:{}@builds",
    "sqlite://me:{}@host/gates.db",
    "sqlite:///gates.db?key={}",
    "sqlite:gates.db?key={}",
    "memory:{}",
    "memory://me:{}@host",
    "dynamodb://KEY:{}@builds",
    "dynamodb://{}:x@builds?region=eu-west-1",
    "dynamodb://builds?region=eu-west-1&aws_secret_access_key={}",
    "dynamodb://builds?region=eu-west-1&{}",
    "dynamodb://builds?region=eu-west-1&{}=x",
    "dynamodb://builds?region=eu-west-1#{}",
    "dynamodb://builds?endpoint=http://me:{}@127.0.0.1:9",
    "dynamodb://builds?endpoint=http://me:{}%40127.0.0.1:9",
    "dynamodb://builds?endpoint=http%3A%2F%2Fme%3A{}%40127.0.0.1%3A9",
    "dynamodb://builds?endpoint=http://127.0.0.1:9/%3Ftoken={}",
    "dynamodb://builds?endpoint={}",
    "dynamodb://builds?region=eu-west-1&region={}",
    "dynamodb://builds?region={}",
    "dynamodb://builds/{}",
    "dynamodb://{}/builds",
    "dynamodb://[{}",
    "dynamodb://arn:aws:dynamodb:eu-west-1:123456789012:table/builds?region={}",
    "dynamodb://arn:aws:dynamodb:eu-west-1:{}:table/builds",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}",
]


@secrets
@pytest.mark.parametrize("url", URLS)
def test_a_secret_in_the_url_of_a_store(url: str, secret: str) -> None:
    url = url.replace("{}", secret)
    assert refuses_without_telling(secret, lambda: open_store(url))
    assert refuses_without_telling(secret, lambda: parse(f"store = {toml(url)}"))
    assert secret not in shown_url(url)


@secrets
@pytest.mark.parametrize("form", ["postgresql://me:{}@host/db", "postgres://host/db?password={}"])
def test_a_password_in_the_file_is_refused_and_elsewhere_not_told(form: str, secret: str) -> None:
    url = form.replace("{}", quote(secret, safe=""))
    with pytest.raises(ConfigError, match="it without the password, which comes from PGPASSWORD") as caught:
        parse(f"store = {toml(url)}")
    assert secret not in told_by(caught.value)
    assert secret not in f"{open_store(url).url}{open_store(url)!r}"


@secrets
def test_a_secret_instead_of_a_table(secret: str) -> None:
    """A secret may look like a table's name. All others are refused and not told."""
    refuses_without_telling(secret, lambda: holdoff.open_store(f"dynamodb://{secret} x"))
    with pytest.raises(ConfigError) as caught:
        Settings({"DDB_TABLE_NAME": f"{secret}!", "REGION_NAME": "eu-west-1"}).store(holdoff.config.Config())
    assert secret not in told_by(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x", "'mysql://x'"),
        ("mysql://me:pw@db.example:3306/x?y=1", "'mysql://...@db.example:3306/...?y=...'"),
        ("postgresql://me:p/w?d#@db.example/x", "'postgresql://...@db.example/...'"),
        ("sqlite:///gates.db?mode=ro", "'sqlite:///gates.db?mode=...'"),
        ("sqlite:////var/me@host/gates.db", "'sqlite:////var/me@host/gates.db'"),
        ("postgresql:///me:pw@db.example/x", "'postgresql://...@db.example/...'"),
        ("localhost:8000", "'localhost:8000'"),
        ("gates.db", "text (not shown: it may be a secret)"),
    ],
)
def test_what_is_shown_of_a_url(url: str, said: str) -> None:
    assert str(shown_url(url)) == said


def test_what_a_service_says_is_told_without_the_passwords_of_its_urls() -> None:
    said = "cannot connect to https://me:pw@proxy:8080/x and http://:pw@b"
    assert without_secrets(said) == "cannot connect to https://proxy:8080/x and http://b"
    assert str(StoreUnavailable(said)) == "cannot connect to https://proxy:8080/x and http://b"


# --- a function ----------------------------------------------------------------------------------------------------

ENVIRONMENT = {
    "REGION_NAME": "eu-west-1",
    "DDB_TABLE_NAME": "builds",
    "CODEBUILD_PROJECT_NAME": "site-build",
    "COOLDOWN": "600",
    "HOLDOFF_WEBHOOK_GITHUB": "env:GITHUB",
    "GITHUB": "it is a secret",
}
VARIABLES = {
    "REGION_NAME": ["{}"],
    "DDB_TABLE_NAME": ["{}!", "me:{}@builds"],
    "COOLDOWN": ["{}"],
    "HOLDOFF_CONFIG": ["{}", "ssm:{}", "env:{}", "/tmp/{}", "https://me:{}@host/holdoff.toml"],
    "HOLDOFF_SCHEDULE_ROLE": ["{}"],
    "HOLDOFF_SCHEDULE_DEAD_LETTERS": ["{}"],
    "HOLDOFF_DEAD_LETTERS": ["{}", "https://me:{}@sqs/1/dead"],
    "HOLDOFF_WEBHOOK_GITHUB": ["{}", "env:{}", "ssm:{}", "secretsmanager:{}", "file:{}"],
    "AWS_ENDPOINT_URL": ["{}", "http://me:{}@127.0.0.1:9", "http://127.0.0.1:9?token={}"],
}


class Refusing:
    """A service that refuses all it is asked, and says of what, as AWS's do."""

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> None:
            said = {"Code": "ValidationException", "Message": f"Value '{asked}' failed to satisfy constraint"}
            raise ClientError({"Error": said}, operation)

        return call


class Context:
    """What Lambda hands over besides the event."""

    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:holdoff"
    aws_request_id = "1"


@two_secrets
@pytest.mark.parametrize(("name", "form"), [(name, form) for name, of in VARIABLES.items() for form in of])
def test_a_secret_in_a_variable_of_the_function(
    name: str,
    form: str,
    secret: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = ENVIRONMENT | {name: form.replace("{}", secret)}
    if name == "HOLDOFF_CONFIG":
        environment["CODEBUILD_PROJECT_NAME"] = ""
    if name.startswith("AWS_"):
        monkeypatch.setenv(name, environment[name])
    else:
        monkeypatch.setattr("holdoff.aws.client.make_client", lambda *_, **__: Refusing())
        monkeypatch.setattr("holdoff.ingress.settings.make_client", lambda *_, **__: Refusing())
        monkeypatch.setattr("holdoff.ingress.aws_http.make_client", lambda *_, **__: Refusing())
    caplog.set_level(logging.DEBUG, logger="holdoff")
    lines: list[object] = []
    told = []
    function = Function(environment, write=lines.append)
    for event in ({"project": "site-build"}, {"holdoff": "sweep"}, signed_webhook()):
        try:
            told.append(json.dumps(function.answer(event, Context())))
        except HoldoffError as error:
            told.append(told_by(error))
    told += [json.dumps(lines), caplog.text, *capsys.readouterr()]
    assert secret not in "\n".join(told)
    assert any(lines)


def signed_webhook() -> dict[str, Any]:
    """A push, signed with the function's secret, as a function URL delivers it."""
    import hmac

    body = json.dumps({"ref": "refs/heads/main", "after": "a" * 40, "repository": {"default_branch": "main"}})
    signature = hmac.digest(ENVIRONMENT["GITHUB"].encode(), body.encode(), "sha256").hex()
    return {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"x-github-event": "push", "x-hub-signature-256": f"sha256={signature}", "x-github-delivery": "d1"},
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "body": body,
        "isBase64Encoded": False,
    }


def test_the_file_and_the_project_both_named(tmp_path: Path) -> None:
    secret = SECRETS["canary"]
    settings = Settings(ENVIRONMENT | {"HOLDOFF_CONFIG": secret})
    assert refuses_without_telling(secret, lambda: settings.config(0))
    settings = Settings(ENVIRONMENT | {"HOLDOFF_CONFIG": "holdoff.toml", "CODEBUILD_PROJECT_NAME": secret})
    assert refuses_without_telling(secret, lambda: settings.config(0))


# --- the command line ----------------------------------------------------------------------------------------------

COMMANDS = [
    "status --store {}",
    "status --store postgresql://me:{}@host/db",
    "status --store postgresql:///me:{}@host/db",
    *(f"status --store postgresql://127.0.0.1:1/db?{name}={{}}" for name in ("sslmode", "service", "keepalives")),
    "status --store postgresql://127.0.0.1:1/db?ssl_min_protocol_version={}",
    "status --store postgresql://127.0.0.1:1/db?hostaddr={}",
    "status --store dynamodb://KEY:{}@builds",
    "status --config {}",
    "status --config {}.d/x",
    "status --max-stale {}",
    "status --token {}",
    "status --token={}",
    "status p {}",
    "{}",
    "run p --cooldown {} -- true",
    "run p --cooldown 1h --wait --quiet {} -- true",
    "run p --cooldown 1h --overlap {} -- true",
    "run p --cooldown 1h --skip-exit-code {} -- true",
    "run p --cooldown 1h -- PASSWORD={} true",
    "run p --cooldown 1h {} -- true",
    "trigger p --at {}",
    "hold p --why x --for {}",
    "wake --watch --every {}",
    "history p --limit {}",
    "store {}",
    "serve --anonymous {}",
    "serve --listen {}",
    "token new me --scope {}",
    "token new me {} --scope look",
    "token revoke holdoff_{}",
    "aws {}",
    "aws check --store sqlite:///x.db?key={}",
    "aws check --store dynamodb://builds?region=eu-west-1 --role {}",
    "aws check --store dynamodb://builds?region=eu-west-1 --schedule-role {}",
]


@two_secrets
@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_secret_on_the_command_line(
    command: str,
    debug: bool,
    secret: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "holdoff.toml").write_text("[projects.p]\ncooldown = '1h'\nstarter = { command = ['true'] }\n")
    argv = [word.replace("{}", secret) for word in command.split(" ")]
    if debug:
        argv.insert(1, "--debug")
    try:
        status = main.run(argv)
    except SystemExit as end:
        status = end.code  # type: ignore[assignment]
    assert status not in (0, 1)
    told = "".join(capfd.readouterr())
    assert told
    assert secret not in told


@secrets
@pytest.mark.parametrize("name", ["HOLDOFF_STORE", "HOLDOFF_CONFIG"])
@pytest.mark.parametrize("form", ["{}", "mysql://me:{}@host/db", "file:{}"])
def test_a_secret_in_a_variable_of_the_command_line(
    name: str, form: str, secret: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, form.replace("{}", secret))
    assert main.run(["status", "--debug"]) == 78
    told = "".join(capfd.readouterr())
    assert "not shown" in told or "..." in told
    assert secret not in told


# --- the library ---------------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Any], object]] = {
    "open_store": open_store,
    "Policy.cooldown": holdoff.Policy,
    "Policy.quiet": lambda x: holdoff.Policy("1h", quiet=x),
    "Policy.limit": lambda x: holdoff.Policy("1h", limit=x),
    "Policy.overlap": lambda x: holdoff.Policy("1h", overlap=x),
    "Call.budget": lambda x: Call(print, budget=x),
    "Command": lambda x: Command(f"curl -H 'Authorization: {x}'"),
    "CodeBuild.environment": lambda x: CodeBuild("p", environment={"A": {"type": "SECRET", "value": x}}),
    "CodeBuild.environment list": lambda x: CodeBuild("p", environment=[x]),  # type: ignore[arg-type]
    "CodeBuild.environment name": lambda x: CodeBuild("p", environment={f"{x}-": "A"}),
    "CodeBuild.endpoint": lambda x: CodeBuild("p", endpoint=f"http://me:{x}@host"),
    "CodeBuild.options": lambda x: CodeBuild("p", options=x),
    "CodeBuild.options name": lambda x: CodeBuild("p", options={x: "y"}),
    "CodeBuild.options value": lambda x: CodeBuild("p", options={"sourceAuth": {"resource": x}}),
    "CodeBuild.options type": lambda x: CodeBuild("p", options={"imageOverride": {x}}),
    "Request.environment": lambda x: Request(project="p", region="r", environment={"A": f"{x}\0"}),  # type: ignore[arg-type]
    "Request.environment name": lambda x: Request(project="p", region="r", environment={f"{x} ": "a"}),  # type: ignore[arg-type]
    "Request.environment type": lambda x: Request(project="p", region="r", environment=x),
    "Request.environment pairs": lambda x: Request(project="p", region="r", environment=[("A", x, 1)]),  # type: ignore[arg-type]
    "Request.environment twice": lambda x: Request(project="p", region="r", environment=(("A", x), ("A", "b"))),
    "Request.reason": lambda x: Request(project="p", region="r", reason=f"{x}\n"),
    "Request.parameters": lambda x: Request(project="p", region="r", parameters=f"{x}\ud800"),
    "Scheduler.role": lambda x: Scheduler("arn:aws:lambda:x", role=x),
    "Scheduler.dead_letters": lambda x: Scheduler("arn:aws:lambda:x", role="arn:aws:iam::1:role/x", dead_letters=x),
}


@secrets
@pytest.mark.parametrize("name", CALLS)
def test_a_secret_as_an_argument(name: str, secret: str) -> None:
    assert refuses_without_telling(secret, lambda: CALLS[name](secret))


@secrets
def test_a_parameter_that_botocore_refuses(secret: str, aws_env: object) -> None:
    """Of a wrong type: botocore's words have the value."""
    starter = CodeBuild("p", region="eu-west-1", endpoint="http://127.0.0.1:9", options={"sourceAuthOverride": secret})
    asked = Request(project="p", region="eu-west-1")
    with pytest.raises(HoldoffError) as caught:
        starter.start(starter.freeze(asked), "01M85NYKKE0000000000000000")
    assert "sourceAuthOverride" in str(caught.value)
    assert secret not in str(caught.value)


@secrets
def test_a_command_that_begins_with_a_variable(secret: str) -> None:
    starter = Command([f"TOKEN={secret}", "make"])
    with pytest.raises(HoldoffError) as caught:
        starter.start(Request(project="p", region="local"), "t")
    assert secret not in told_by(caught.value)


@secrets
def test_a_config_is_printed_without_what_its_starters_are_given(secret: str) -> None:
    config = parse(as_file(changed(FILE, ("projects", "docs", "starter", "environment", "STAGE"), secret)))
    assert secret not in repr(config)


def test_a_hooks_url_in_the_file_is_no_riddle() -> None:
    """It is the likeliest first mistake, and the error said that the URL is *something else*."""
    hook = "https://api.netlify.com/build_hooks/5c23354f454e1350f8543e78"
    with pytest.raises(ConfigError, match=r"site.starter.webhook is no reference \(not shown: it may be the secret\)"):
        parse(f'[projects.site]\ncooldown = "10m"\nstarter = {{ webhook = "{hook}" }}\n')
