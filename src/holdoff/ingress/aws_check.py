"""``holdoff aws check``: looks at all that a set-up needs in an account, and changes nothing.

Each right is tried by a request that needs it and does nothing (``dynamodb_rights``), or, where there is no such
request, looked up in IAM's simulator (``aws_policies``). For a function's rights name its role: then all of them are
looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from holdoff.core.errors import ConfigError, StoreDenied, StoreError
from holdoff.core.units import say_duration
from holdoff.ingress.aws_check_builds import builds
from holdoff.ingress.aws_check_wakes import wakes
from holdoff.ingress.aws_finding import Finding, Level, fail, ok, unchecked, warn
from holdoff.ingress.aws_policies import Policies, Wanted, reason_of, said
from holdoff.starters.codebuild_errors import is_denied
from holdoff.stores.dynamodb import DynamoDBStore
from holdoff.stores.dynamodb_client import OFFSET_MS
from holdoff.stores.dynamodb_global import replicas_of
from holdoff.stores.dynamodb_item import INDEX
from holdoff.stores.dynamodb_rights import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holdoff.config import Config
    from holdoff.core.record import GateKey
    from holdoff.ingress.aws_check_wakes import Schedules
    from holdoff.stores.base import Store
    from holdoff.stores.dynamodb_client import Answer
    from holdoff.stores.dynamodb_rights import Right

NO_ACCOUNT: Final = (
    "Renew the AWS credentials of this process (`aws sso login`, new keys, the role)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is looked at.

    Attributes:
        config: the projects.
        store: where their gates are.
        policies: whose rights.
        schedules: what wakes the gates; ``None``: nothing in AWS does.
    """

    config: Config
    store: DynamoDBStore
    policies: Policies
    schedules: Schedules | None = None


def dynamodb_of(store: Store) -> DynamoDBStore:
    """The store, if it is in AWS.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(store, DynamoDBStore):
        return store
    want = "--store dynamodb://TABLE?region=REGION, or that in holdoff.toml; `holdoff store check` takes any"
    raise ConfigError(field="store", got=store.url, want=want)


def check(setup: Setup) -> Iterator[Finding]:
    """One finding after the other. The table comes first: where it does not answer, nothing else is worth asking.

    Raises:
        StoreError: it does not answer, or does not take these credentials.
    """
    yield _identity(setup.policies)
    table = _described(setup.store)
    yield from _table(setup.store, table)
    yield _clock(setup.store)
    keys = setup.config.keys(setup.store)
    if table is not None:
        yield from _rights(setup, table, keys)
    if isinstance(table, dict):
        yield from _copies(setup.store, table, keys)
    if not keys:
        yield warn(
            "projects", "there are none", "Name one: --codebuild NAME, or write holdoff.toml"
        )
    for key in keys:
        project = setup.config.projects[key.project]
        yield from builds(project, key, setup.policies)
    yield from wakes(setup.schedules, setup.policies, setup.store.region)


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing failed."""
    return all(finding.level is not Level.FAIL for finding in findings)


def _identity(policies: Policies) -> Finding:
    try:
        caller = policies.caller()
    except Exception as error:  # noqa: BLE001  (whatever it is: then it is not known)
        return unchecked("identity", f"STS does not say who this is ({said(error)})", NO_ACCOUNT)
    return ok("identity", caller + (f", asking about {policies.role}" if policies.role else ""))


# --- the table -----------------------------------------------------------------------------------


def _described(store: DynamoDBStore) -> Answer | StoreDenied | None:
    try:
        return store.described()
    except StoreDenied as denied:
        if is_denied(denied.__cause__):
            return denied
        raise  # it is the credentials: every other answer would be the same


def _table(store: DynamoDBStore, table: Answer | StoreDenied | None) -> Iterator[Finding]:
    if table is None:
        yield fail(
            "table", f"{store.url}: there is no such table", "`holdoff store init` creates it"
        )
    elif isinstance(table, StoreDenied):
        yield unchecked("table", table.message, table.hint)
    else:
        yield from _shape(store)
        yield from _safety(store, table)


def _shape(store: DynamoDBStore) -> Iterator[Finding]:
    """Keys, index, billing, expiry: what ``holdoff store check`` says."""
    try:
        wrong = store.check()
    except StoreDenied as denied:
        yield unchecked("table", denied.message, denied.hint)
        return
    yield from (fail("table", trouble) for trouble in wrong)
    if not wrong:
        yield ok("table", f"{store.url}: keys, index, billing and expiry are right")


def _safety(store: DynamoDBStore, table: Answer) -> Iterator[Finding]:
    """What nobody misses until it is needed."""
    if table.get("DeletionProtectionEnabled"):
        yield ok("table", "deletion protection is on")
    else:
        yield warn(
            "table",
            "deletion protection is off",
            "Turn it on: with the table go the pending builds",
        )
    try:
        recoverable = store.is_recoverable()
    except StoreError as error:
        yield unchecked("table", f"point-in-time recovery: {error.message}")
        return
    if recoverable:
        yield ok("table", "point-in-time recovery is on")
    else:
        yield warn(
            "table",
            "point-in-time recovery is off",
            "Turn it on: a restored table has its pending builds",
        )


def _clock(store: DynamoDBStore) -> Finding:
    measured = store.clock_measured_ms()
    if measured is None:
        return unchecked("clock", "the service's answers did not say what time it is")
    offset_ms, within_ms = measured
    way = "behind" if offset_ms > 0 else "ahead of"
    apart = f"is {say_duration(abs(offset_ms))} {way}"
    if abs(offset_ms) <= within_ms:
        apart = "agrees with"
    told = f"this machine {apart} DynamoDB, give or take {within_ms / 1000:.1f} s"
    if abs(offset_ms) <= OFFSET_MS:
        return ok("clock", told)
    return warn("clock", told, "Holdoff corrects for it, and setting the clock is better")


# --- rights on it --------------------------------------------------------------------------------


def _rights(setup: Setup, table: Answer | StoreDenied, keys: list[GateKey]) -> Iterator[Finding]:
    store, policies = setup.store, setup.policies
    arn = _arn(store, table, policies)
    if policies.role is None:
        yield from _tried(store, keys[0].project if keys else "holdoff", arn)
    else:
        for right in RIGHTS:
            if right.only_for is None:  # the others are for people's commands
                yield policies.ask("rights", _wanted(right, arn), store.region)


def _tried(store: DynamoDBStore, project: str, arn: str) -> Iterator[Finding]:
    for right, error in store.try_rights(project):
        where = f" on the index {INDEX}" if right.on_index else ""
        if error is None:
            yield ok("rights", f"{right.action} is allowed{where}")
        elif isinstance(error, StoreDenied):
            reason = reason_of(error.__cause__)
            yield _wanted(right, arn).denied("rights", where=where, reason=reason)
        else:
            yield fail("rights", error.message, error.hint)


def _wanted(right: Right, arn: str) -> Wanted:
    resource = f"{arn}/index/{INDEX}" if right.on_index else arn
    return Wanted(action=right.action, resource=resource, only_for=right.only_for)


def _arn(store: DynamoDBStore, table: Answer | StoreDenied, policies: Policies) -> str:
    """The table's, as the service says it, or as it has to be."""
    if isinstance(table, dict):
        return str(table["TableArn"])
    if store.table.startswith("arn:"):
        return store.table
    of = policies.arn()
    return f"arn:{of.partition}:dynamodb:{store.region}:{of.account}:table/{store.table}"


# --- regions -------------------------------------------------------------------------------------


def _copies(store: DynamoDBStore, table: Answer, keys: list[GateKey]) -> Iterator[Finding]:
    replicas = replicas_of(table, store.region)
    troubles = replicas.troubles(keys)
    yield from (fail("regions", trouble) for trouble in troubles)
    if not replicas.regions:
        yield ok("regions", f"a table of one region, {store.region}")
    elif not troubles:
        where = ", ".join(replicas.regions)
        yield ok(
            "regions", f"a global table ({where}); each gate is written through {store.region}"
        )
