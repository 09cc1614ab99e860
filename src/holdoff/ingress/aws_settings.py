"""What a function's environment says: which projects, which store, who wakes, which secrets.

One project, by the old snippet's variables, or many, by a ``holdoff.toml``: in the package, or in an SSM parameter
(``HOLDOFF_CONFIG=ssm:NAME``). ``docs/aws.md`` lists all variables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from holdoff.config import FILE, Config, Project, parse, read
from holdoff.core.errors import ConfigError
from holdoff.core.policy import Policy
from holdoff.core.units import type_of_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from holdoff.ingress.references import References
    from holdoff.ingress.signatures import Secrets
    from holdoff.stores.base import Store

REGION: Final = "REGION_NAME"
TABLE: Final = "DDB_TABLE_NAME"
PROJECT: Final = "CODEBUILD_PROJECT_NAME"
COOLDOWN: Final = "COOLDOWN"
CONFIG: Final = "HOLDOFF_CONFIG"
ROLE: Final = "HOLDOFF_SCHEDULE_ROLE"
GROUP: Final = "HOLDOFF_SCHEDULE_GROUP"
DEFAULT_GROUP: Final = "holdoff"
SCHEDULE_DEAD_LETTERS: Final = "HOLDOFF_SCHEDULE_DEAD_LETTERS"
DEAD_LETTERS: Final = "HOLDOFF_DEAD_LETTERS"
WEBHOOK: Final = "HOLDOFF_WEBHOOK_"
SCHEMES: Final = ("github", "gitlab", "standard", "secret")

WANTED: Final = {
    REGION: "the AWS region of the table and the project, such as 'eu-west-1'",
    TABLE: "the DynamoDB table's name",
    PROJECT: "the CodeBuild project's name",
    COOLDOWN: type_of_duration,
}


def config_of(environment: Mapping[str, str], references: References, now_ms: int) -> Config:
    """The projects: of the file that is named or in the package, else the one of the old snippet's variables.

    Raises:
        ConfigError: there is neither, or both, or something in it is wrong.
        StoreUnavailable: the parameter could not be read just now.
    """
    named = environment.get(CONFIG, "").strip() or _in_package(environment)
    if not named:
        return _one_project(environment)
    if environment.get(PROJECT, "").strip():
        want = f"nothing: the projects are in {named}; or leave that out"
        raise ConfigError(
            field=f"environment variable {PROJECT}", got=environment[PROJECT], want=want
        )
    if not named.startswith("ssm:"):
        return read(named, named_by=CONFIG)
    text = references.value(named, now_ms, field=CONFIG)
    try:
        return parse(text)
    except ConfigError as error:
        raise error.under(f"{named}: ") from None


def store_of(config: Config, environment: Mapping[str, str]) -> Store:
    """The file's store, else the table of the old snippet's variables."""
    if config.store is not None:
        return config.open_store()
    from holdoff.stores.dynamodb import DynamoDBStore

    return DynamoDBStore(_variable(environment, TABLE), region=_variable(environment, REGION))


def secrets_of(
    config: Config, environment: Mapping[str, str], references: References, now_ms: int
) -> Secrets:
    """The webhooks' secrets: the file's, else those of ``HOLDOFF_WEBHOOK_GITHUB`` and its like. Each is fetched when it
    is asked for: one that cannot be had keeps nobody out but its own senders."""
    named = config.webhooks or {
        scheme: (environment[variable],)
        for scheme in SCHEMES
        if environment.get(variable := WEBHOOK + scheme.upper(), "").strip()
    }
    return _Fetched(
        named,
        lambda scheme, reference: references.value(reference, now_ms, field=f"webhooks.{scheme}"),
    )


class _Fetched(Mapping[str, "Sequence[str]"]):
    def __init__(
        self, named: Mapping[str, Sequence[str]], fetch: Callable[[str, str], str]
    ) -> None:
        self._named = named
        self._fetch = fetch

    def __getitem__(self, scheme: str) -> list[str]:
        return [self._fetch(scheme, reference) for reference in self._named[scheme]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)


def _in_package(environment: Mapping[str, str]) -> str | None:
    """The file that was packed along."""
    root = environment.get("LAMBDA_TASK_ROOT")
    path = os.path.join(root, FILE) if root else ""  # noqa: PTH118  (see config)
    return path if os.path.isfile(path) else None  # noqa: PTH113


def _one_project(environment: Mapping[str, str]) -> Config:
    """As the old snippet had it. Nothing woke what it put off, so it skips, unless wakes are scheduled."""
    found = {name: _variable(environment, name) for name in WANTED}
    on_cooldown = "defer" if environment.get(ROLE, "").strip() else "skip"
    try:
        policy = Policy(found[COOLDOWN], on_cooldown=on_cooldown)
    except ConfigError as error:
        raise ConfigError(field=COOLDOWN, got=found[COOLDOWN], want=error.want) from None
    name, region = found[PROJECT], found[REGION]
    project = Project(
        name=name, policy=policy, region=region, starter={"codebuild": name, "region": region}
    )
    return Config(projects={name: project})


def _variable(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigError(field=f"environment variable {name}", got=value, want=WANTED[name])
    return value
