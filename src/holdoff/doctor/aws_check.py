"""``holdoff aws check``: looks at everything that a set-up needs in an account, and changes nothing.

A right is tried by a request that needs it and changes nothing (``stores.dynamodb.rights``). Where there is no such
request, the right is looked up in IAM's simulator (``policies``). With ``--role``, for a function's rights, all rights
are looked up.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdoff.aws.clock import OFFSET_MS
from holdoff.aws.errors import Target, describe, hint, is_denied, row_of
from holdoff.config import Config
from holdoff.core.errors import StoreDenied
from holdoff.core.request import GateKey
from holdoff.core.units import say_duration
from holdoff.doctor.policies import Finding, Policies, denied, fail, ok, unchecked, warn
from holdoff.doctor.services import builds, wakes
from holdoff.stores.dynamodb.connection import Answer
from holdoff.stores.dynamodb.item import INDEX
from holdoff.stores.dynamodb.regions import replicas_of
from holdoff.stores.dynamodb.rights import RIGHTS, trials
from holdoff.stores.dynamodb.store import DynamoDBStore
from holdoff.stores.dynamodb.table import faults_of, our_index


def check(
    config: Config, store: DynamoDBStore, policies: Policies, *, role: str | None = None, group: str = "holdoff"
) -> Iterator[Finding]:
    """The findings. The table comes first: if it does not answer or refuses the credentials, StoreError is raised,
    because nothing else would be worth asking. ``role``, ``group``: of the schedules that wake the gates; no role: no
    schedule does."""
    try:
        caller = policies.caller()
        yield ok("identity", caller + (f", asking about {policies.role}" if policies.role else ""))
    except Exception as error:  # noqa: BLE001  (after any error it is not known)
        advice = hint(row_of(error), Target(service="STS", name="STS", region=store.region), "GetCallerIdentity")
        yield unchecked("identity", f"STS does not tell who this is ({describe(error)})", advice)
    keys = config.keys(store)
    arn = store.table
    table: Answer | None = {}
    try:
        if (table := store.definition.described()) is None:
            yield fail("table", f"{store.url}: there is no such table", "`holdoff store init` creates it")
        else:
            arn = str(table["TableArn"])
            yield from _table(store, table)
    except StoreDenied as refused:
        if not is_denied(refused.__cause__):
            raise  # the credentials are wrong: every other answer would be the same
        arn = arn if arn.startswith("arn:") else policies.arn("dynamodb", store.region, f"table/{arn}")
        yield unchecked("table", refused.message, refused.hint)
    yield _clock(store)
    if table is not None:
        yield from _rights(store, policies, arn, keys, scans=bool(table) and our_index(table) is None)
    if table:
        yield from _copies(store, table, keys)
    if not keys:
        yield warn("projects", "there are none", "Name one: --codebuild NAME, or write holdoff.toml")
    for key in keys:
        yield from builds(config.projects[key.project], key, policies)
    yield from wakes(role, group, policies, store.region)


def _table(store: DynamoDBStore, table: Answer) -> Iterator[Finding]:
    """The faults that ``holdoff store check`` finds."""
    try:
        faults = faults_of(store.url, table)
        shortcomings = [] if faults else store.definition.shortcomings_of(table)
        yield from (fail("table", fault) for fault in faults)
        yield from (warn("table", shortcoming) for shortcoming in shortcomings)
        if not faults and not shortcomings:
            yield ok("table", f"{store.url}: keys, index, billing and expiry are right")
    except StoreDenied as refused:
        yield unchecked("table", refused.message, refused.hint)


def _clock(store: DynamoDBStore) -> Finding:
    measured = store.connection.service_clock.measured_ms()
    if measured is None:
        return unchecked("clock", "the service's answers did not say what time it is")
    offset_ms, within_ms = measured
    apart = f"is {say_duration(abs(offset_ms))} {'behind' if offset_ms > 0 else 'ahead of'}"
    if abs(offset_ms) <= within_ms:
        apart = "agrees with"
    found = f"this machine {apart} DynamoDB, give or take {within_ms / 1000:.1f} s"
    if abs(offset_ms) <= OFFSET_MS:
        return ok("clock", found)
    return warn("clock", found, "Holdoff corrects for it, but it is better to set the clock")


def _rights(
    store: DynamoDBStore, policies: Policies, arn: str, keys: list[GateKey], *, scans: bool = False
) -> Iterator[Finding]:
    """``scans``: there is no index, so Holdoff finds due gates by a Scan, whose right it then needs like any other."""
    index = f"{arn}/index/{INDEX}"
    only_for = {right: None if scans and right.operation == "scan" else right.only_for for right in RIGHTS}
    if policies.role is not None:
        for right in RIGHTS:
            if scans or right.operation != "scan":  # otherwise only commands of people scan
                resource = index if right.on_index else arn
                yield policies.ask("rights", right.action, resource, only_for=only_for[right])
        return
    for right, error in trials(store.connection, keys[0].project if keys else "holdoff"):
        where, resource = (f" on the index {INDEX}", index) if right.on_index else ("", arn)
        if error is None:
            yield ok("rights", f"{right.action} is allowed{where}")
        elif isinstance(error, StoreDenied):
            said = describe(error.__cause__ or error)
            yield denied("rights", right.action, resource, only_for=only_for[right], where=where, said=said)
        else:
            yield fail("rights", error.message, error.hint)


def _copies(store: DynamoDBStore, table: Answer, keys: list[GateKey]) -> Iterator[Finding]:
    replicas = replicas_of(table, store.region)
    troubles = replicas.troubles(keys)
    yield from (fail("regions", trouble) for trouble in troubles)
    if not replicas.regions:
        yield ok("regions", f"a table of one region, {store.region}")
    elif not troubles:
        where = ", ".join(replicas.regions)
        yield ok("regions", f"a global table ({where}); each gate is written through {store.region}")
