"""The settings in a function's environment: projects, store, scheduler of wakes, secrets.

The old snippet's variables name one project. A ``holdoff.toml``, in the package or in an SSM parameter
(``HOLDOFF_CONFIG=ssm:NAME``), names many. ``docs/aws.md`` lists all variables.

Secrets are named by references (``holdoff.references``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from holdoff.aws.client import Limits, make_client
from holdoff.config import FILE, Config, Project, parse, read
from holdoff.config.checks import refuse_misspelt
from holdoff.config.schemes import NAMES
from holdoff.config.webhooks import Reference
from holdoff.core.errors import ConfigError
from holdoff.core.policy import Policy
from holdoff.core.units import A_DURATION, parse_duration
from holdoff.references import References
from holdoff.stores.base import Store

if TYPE_CHECKING:
    from holdoff.ingress.dispatch import WakeScheduler
    from holdoff.ingress.events.signatures import Webhooks  # only webhooks need it

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

WANTED: Final = {
    REGION: "the AWS region of the table and the project, such as 'eu-west-1'",
    TABLE: "the DynamoDB table's name",
    PROJECT: "the CodeBuild project's name",
    COOLDOWN: A_DURATION,
}
#: For calls that fetch a secret, or keep a dead letter.
LIMITS: Final = Limits(connect_s=2, read_s=3, tries=2)


class Settings:
    """The settings in an environment. ``client_of`` makes the client of a service that holds secrets."""

    def __init__(
        self,
        environment: Mapping[str, str],
        client_of: Callable[[str], Any] = lambda service: make_client(service, LIMITS),
    ) -> None:
        self._environment = environment
        self._references = References(environment, client_of)

    def text(self, name: str) -> str:
        """A variable, without white space around it; empty if it is not set."""
        return self._environment.get(name, "").strip()

    def config(self, now_ms: int) -> Config:
        """The projects of the file that is named or in the package, else the project of the old snippet's variables.

        Raises:
            ConfigError: there is neither, or both, or a setting is wrong.
            StoreUnavailable: the parameter could not be read just now.
        """
        refuse_misspelt(self._environment)
        root = self._environment.get("LAMBDA_TASK_ROOT")
        packed = os.path.join(root, FILE) if root else ""
        named = self.text(CONFIG) or (packed if os.path.isfile(packed) else "")
        if not named:
            return self._one_project()
        if project := self.text(PROJECT):
            want = "nothing: the projects are in the file that is named or in the package; or leave that out"
            raise ConfigError(field=f"environment variable {PROJECT}", got=project, want=want)
        if not named.startswith("ssm:"):
            return read(named, named_by=CONFIG)
        text = self._references.value(named, now_ms, field=CONFIG)
        try:
            return parse(text)
        except ConfigError as error:
            raise error.under(f"{named}: ") from None

    def _one_project(self) -> Config:
        """The project of the old snippet's variables. It skips, unless wakes are scheduled: nothing else wakes it."""
        region, name, cooldown = self._needed(REGION), self._needed(PROJECT), self._needed(COOLDOWN)
        parse_duration(cooldown, field=COOLDOWN)  # an error names the variable, and not the policy's field
        policy = Policy(cooldown, on_cooldown="defer" if self.text(ROLE) else "skip")
        # As with the snippet, EventBridge's pattern decides which branches build.
        starter = {"codebuild": name, "region": region}
        project = Project(name=name, policy=policy, region=region, starter=starter, usual_branches=("**",))
        return Config(projects={name: project})

    def _needed(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise ConfigError(field=f"environment variable {name}", got=value, want=WANTED[name])
        return value

    def store(self, config: Config) -> Store:
        """The file's store, else the table of the old snippet's variables."""
        if config.store is not None:
            return config.open_store()
        from holdoff.stores.dynamodb.store import DynamoDBStore

        return DynamoDBStore(self._needed(TABLE), region=self._needed(REGION))

    def scheduler(self, context: object) -> WakeScheduler | None:
        """EventBridge Scheduler, if there is a role for it, and the invocation says what to wake."""
        role = self.text(ROLE)
        target = getattr(context, "invoked_function_arn", None)
        if not role or not target:
            return None
        from holdoff.wake.scheduler import Scheduler

        return Scheduler(
            # In the form of the schedules' role: a right is on a function, a version or an alias
            # (https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html).
            str(target).removesuffix(":$LATEST"),
            role=role,
            group=self.text(GROUP) or DEFAULT_GROUP,
            dead_letters=self.text(SCHEDULE_DEAD_LETTERS) or None,
        )

    def webhooks(self, config: Config, now_ms: int) -> Webhooks:
        """The schemes and secrets of webhooks, from ``HOLDOFF_WEBHOOK_GITHUB`` and its like, and from the file. Each
        secret is fetched when it is needed: a secret that cannot be fetched keeps out its own senders only."""
        from holdoff.ingress.events.signatures import Secret, Webhooks

        folder = None if config.path is None else str(config.path.absolute().parent)

        def secret(at: str, one: Reference) -> Secret:
            fetch = partial(self._references.value, one.text, now_ms, field=at, folder=folder)
            return Secret(at=at, reference=one.text, fetch=fetch, projects=one.projects)

        named: dict[str, tuple[Secret, ...]] = {}
        for name in NAMES:
            if text := self.text(variable := WEBHOOK + name.upper()):
                named[name] = (secret(variable, Reference(text=text)),)
        for name, hook in config.webhooks.items():
            named[name] = tuple(secret(f"webhooks.{name}", one) for one in hook.secrets)
        return Webhooks(secrets=named, own=tuple(hook.scheme for hook in config.webhooks.values() if hook.scheme))
