"""``[webhooks]``: read, refused where it is wrong, and never shown; and what becomes of it in a function."""

from __future__ import annotations

from typing import Any

import pytest

from holdoff.config import parse
from holdoff.config.schemes import NAMES, SCHEMES
from holdoff.config.webhooks import Reference
from holdoff.core.errors import ConfigError
from holdoff.ingress.events.signatures import check
from holdoff.ingress.settings import Settings
from tests.ingress.signed import NOW_MS, SECRETS, signed

PROJECTS = "".join(f"[projects.{name}]\ncooldown = 1\nstarter = {{ codebuild = 'x' }}\n" for name in ("site", "docs"))
#: A secret, as people have them: it must not be in any error.
HUNTER = "hunter2-Zx9"


def read(text: str) -> Any:
    return parse(f"{text}\n{PROJECTS}").webhooks


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert HUNTER not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"
    return str(caught.value)


# --- what it says ----------------------------------------------------------------------------------


def test_where_the_secrets_are_and_what_they_are_for() -> None:
    webhooks = read(
        "[webhooks]\ngithub = ' env:GITHUB_SECRET\\n'\n".replace("'", '"')
        + "gitlab = ['ssm:/holdoff/gitlab', 'secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:x']\n"
        "secret = { secret = 'env:A', projects = ['site', 'docs'] }\n"
        "url = [{ secret = 'env:B', projects = 'docs' }, 'env:C']\n"
    )
    assert {name: list(hook.secrets) for name, hook in webhooks.items()} == {
        "github": [Reference(text="env:GITHUB_SECRET")],
        "gitlab": [
            Reference(text="ssm:/holdoff/gitlab"),
            Reference(text="secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:x"),
        ],
        "secret": [Reference(text="env:A", projects=("site", "docs"))],
        "url": [Reference(text="env:B", projects=("docs",)), Reference(text="env:C")],
    }
    assert all(hook.scheme is None for hook in webhooks.values())
    assert read("[webhooks]") == {}


def test_a_scheme_of_ones_own_is_of_the_same_class_as_those_built_in() -> None:
    secrets = "['env:A', { secret = 'env:B', projects = ['site'] }]"
    acme = read(f"[webhooks.acme]\nsecret = {secrets}\nprojects = ['docs']\nheader = 'X-Acme'")["acme"]
    assert [one.projects for one in acme.secrets] == [("docs",), ("site",)]
    assert type(acme.scheme) is type(SCHEMES[0])
    assert (acme.scheme.header, acme.scheme.algorithm, acme.scheme.encoding) == ("x-acme", "sha256", "hex")
    assert acme.scheme.signed == "{body}"
    timed = read("[webhooks.acme]\nsecret = 'env:A'\nheader = 'a'\ntimestamp = 'X-Time'")["acme"].scheme
    assert (timed.time, timed.signed) == ("x-time", "{time}.{body}")
    inside = read("[webhooks.acme]\nsecret = 'env:A'\nheader = 'a'\nprefix = 't={time},v1='")["acme"].scheme
    assert (inside.is_timed, inside.signed) == (True, "{time}.{body}")


# --- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        f"'{HUNTER}'",
        "'env:'",
        f"'env:{HUNTER}'",
        "'env:whsec_aGVsbG8='",
        "'env:whsec_aGVsbG8'",
        "7",
        "[]",
        f"['env:A', '{HUNTER}']",
        "'env:A B'",
        f"'ssm:{HUNTER}!'",
        "'env:A\\u0007'",
    ],
)
def test_a_secret_in_the_place_of_its_reference_is_refused_and_not_shown(value: str) -> None:
    assert refused(f"[webhooks]\nsecret = {value}".replace("'", '"')) == (
        "webhooks.secret is no reference (not shown: it may be the secret); write where the secret is, never the secret"
        ": 'env:NAME', 'file:PATH', 'ssm:NAME' or 'secretsmanager:NAME'"
    )


OWN = "[webhooks.acme]\nsecret = 'env:A'\nheader = 'X-Acme'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("webhooks = 7", "webhooks is 7; write a table such as"),
        (f"webhooks = '{HUNTER}'", "webhooks is text (not shown"),
        ("[webhooks]\ngit-hub = 'env:A'", "webhooks.git-hub is not a setting; write github"),
        (f"[webhooks]\n{HUNTER} = 'env:A'", "webhooks.... is not a setting; write one of gitlab"),
        (
            f"[webhooks.github]\nsecret = '{HUNTER}'",
            "webhooks.github.secret is no reference (not shown: it may be the secret); write where",
        ),
        ("[webhooks.github]\nprojects = ['site']", "webhooks.github.secret is missing; write where"),
        ("[webhooks.github]\nsecret = 'env:A'\nheader = 'x'", "webhooks.github.header is not a setting"),
        (f"[webhooks.github]\nsecret = 'env:A'\n{HUNTER} = 1", "webhooks.github.... is not a setting"),
        (
            f"[webhooks.github]\nsecret = 'env:A'\nprojects = ['site', '{HUNTER}']",
            "webhooks.github.projects is not such a list; write a list of projects of this file (docs, site)",
        ),
        ("[webhooks.github]\nsecret = 'env:A'\nprojects = []", "webhooks.github.projects is not such a list"),
        ("[webhooks.acme]\nsecret = 'env:A'", "webhooks.acme.header is missing; write the name of the header"),
        ("[webhooks.acme]\nheader = 'x'", "webhooks.acme.secret is missing; write where the secret is"),
        (f"[webhooks.'{HUNTER}']\nheader = 'x'", "is not such a name; write a name of small letters"),
        (f"{OWN}header2 = '{HUNTER}'", "is not a setting; write header (did you mean that?)"),
        (
            f"{OWN}encoding = '{HUNTER}'",
            "webhooks.acme.encoding is wrong (not shown: it may be a secret); write one of hex, base64, base64url",
        ),
        (
            f"{OWN}algorithm = 'md5'",
            "webhooks.acme.algorithm is wrong (not shown: it may be a secret); write one of sha1",
        ),
        (
            f"{OWN}timestamp = 'X Time'",
            "webhooks.acme.timestamp is wrong (not shown: it may be a secret); write the name",
        ),
        (f"{OWN}prefix = 7", "webhooks.acme.prefix is wrong (not shown: it may be a secret); write what stands before"),
        (
            f"{OWN}signed = '{{time}}'",
            "webhooks.acme.signed is wrong (not shown: it may be a secret); write what is signed",
        ),
        (
            f"{OWN}signed = '{{body}}{{id}}'",
            "webhooks.acme.signed is wrong (not shown: it may be a secret); write what is signed",
        ),
        (f"{OWN}signed = '{{time}}{{body}}'", "write '{time}' in it where there is a timestamp, and only there"),
        (f"{OWN}timestamp = 'T'\nsigned = '{{body}}'", "a time that is not signed proves nothing"),
    ],
)
def test_what_is_wrong_is_said_without_what_stands_there(text: str, message: str) -> None:
    assert message in refused(text)


# --- in a function ---------------------------------------------------------------------------------


def test_each_built_in_scheme_has_a_variable_for_one_project() -> None:
    for name in NAMES:
        settings = Settings({f"HOLDOFF_WEBHOOK_{name.upper()}": " env:IT ", "IT": f" \n{SECRETS[name]}\r\n"})
        origin = check(
            signed("url path" if name == "url" else name), settings.webhooks(parse(""), NOW_MS), NOW_MS
        ).origin
        assert (origin.scheme, origin.projects) == (name, None)


def test_the_files_secrets_and_those_of_variables_are_all_there() -> None:
    config = parse(
        "[webhooks]\ngithub = { secret = 'env:HUB', projects = ['site'] }\n"
        f"[webhooks.beam]\nsecret = 'env:BEAM'\nheader = 'X-Beam'\nprefix = 'v0='\ntimestamp = 'X-Beam-Time'\n"
        f"signed = 'v0:{{time}}:{{body}}'\n{PROJECTS}"
    )
    settings = Settings(
        {
            "HUB": SECRETS["github"],
            "TEA": SECRETS["gitea"],
            "BEAM": SECRETS["beam"],
            "HOLDOFF_WEBHOOK_GITHUB": "env:NOWHERE",
            "HOLDOFF_WEBHOOK_GITEA": "env:TEA",
        }
    )
    webhooks = settings.webhooks(config, NOW_MS)
    origins = [check(signed(name), webhooks, NOW_MS).origin for name in ("github", "gitea", "beam")]
    assert [(one.scheme, one.projects) for one in origins] == [("github", ("site",)), ("gitea", None), ("beam", None)]


def test_an_error_names_the_reference_and_the_setting_it_stands_in() -> None:
    settings = Settings(
        {"HOLDOFF_WEBHOOK_GITHUB": "env:NOWHERE", "HOLDOFF_WEBHOOK_STANDARD": "env:BAD", "BAD": HUNTER + "!"}
    )
    webhooks = settings.webhooks(parse(""), NOW_MS)
    for name, said in (
        (
            "github",
            "HOLDOFF_WEBHOOK_GITHUB is env:NOWHERE, a variable that is not set or empty; write the name of one that is",
        ),
        ("standard", "HOLDOFF_WEBHOOK_STANDARD is env:BAD, where no key is; write that of a key in base64"),
    ):
        with pytest.raises(ConfigError) as caught:
            check(signed(name), webhooks, NOW_MS)
        assert said in str(caught.value)
        assert HUNTER not in f"{caught.value!r} {caught.value}"


def test_a_secret_in_the_place_of_a_variables_reference_is_not_shown() -> None:
    webhooks = Settings({"HOLDOFF_WEBHOOK_GITHUB": HUNTER}).webhooks(parse(""), NOW_MS)
    with pytest.raises(
        ConfigError, match=r"HOLDOFF_WEBHOOK_GITHUB is no reference .*; write where the secret is"
    ) as caught:
        check(signed("github"), webhooks, NOW_MS)
    assert HUNTER not in f"{caught.value!r} {caught.value}"
