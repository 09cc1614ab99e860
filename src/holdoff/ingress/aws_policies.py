"""Rights that cannot be tried without effect: what IAM's own simulator says of them.

``SimulatePrincipalPolicy`` takes into account a principal's policies and boundary, and an organisation's policies that
have no conditions; not those of resources or sessions:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html.

It wants a user, group or role. Of who uses a role one learns only the role's name, not its path: IAM is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from holdoff import boto
from holdoff.ingress.aws_finding import Finding, fail, ok, unchecked, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_S: Final = 2
READ_S: Final = 5
TRIES: Final = 3
_REASON: Final = re.compile(r"no [a-z -]+ policy allows|an explicit deny in an? [a-z -]+ policy")


class IamAPI(Protocol):
    """What is needed of a client: ``boto3.client("iam")`` has it."""

    def simulate_principal_policy(self, **parameters: Any) -> dict[str, Any]: ...
    def get_role(self, **parameters: Any) -> dict[str, Any]: ...


class StsAPI(Protocol):
    """What is needed of a client: ``boto3.client("sts")`` has it."""

    def get_caller_identity(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An action that Holdoff needs.

    Attributes:
        action, resource: as a policy names them.
        only_for: what goes without it; ``None``: nothing does.
        context: keys that a policy may ask for, besides those of every request.
    """

    action: str
    resource: str
    only_for: str | None = None
    context: Mapping[str, str] | None = None

    def denied(self, about: str, *, where: str = "", reason: str = "") -> Finding:
        """That it is not allowed, and why, as far as the service says."""
        told = f"{self.action} is not allowed{where}" + (f" ({reason})" if reason else "")
        hint = f"Allow {self.action} on {self.resource}"
        if "explicit deny" in reason:
            hint = f"Take {self.action} on {self.resource} out of that deny"
        if self.only_for is None:
            return fail(about, told, hint)
        return warn(about, f"{told}: no {self.only_for}", hint)


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an ARN that others are made of."""

    partition: str
    account: str

    @classmethod
    def of(cls, text: str) -> Arn:
        """Those of ``arn:PARTITION:SERVICE:REGION:ACCOUNT:...``; of anything else stars, as in a policy."""
        parts = text.split(":", 5)
        return cls(parts[1], parts[4]) if len(parts) == 6 else cls("aws", "*")


class Policies:
    """Whose rights are asked for: this process's own, or those of a role.

    Args:
        region: where to ask.
        role: the role's ARN; ``None``: whoever this process is.
        iam, sts: clients of your own.
    """

    def __init__(
        self,
        region: str,
        role: str | None = None,
        *,
        iam: IamAPI | None = None,
        sts: StsAPI | None = None,
    ) -> None:
        self.role = role
        self._region = region
        self._iam = iam
        self._sts = sts
        self._caller: str | None = None
        self._source: str | None = role
        self._deaf: Exception | None = None

    def caller(self) -> str:
        """Who this process is: an ARN. No right is needed to ask.

        Raises:
            Exception: whatever botocore raised.
        """
        if self._caller is None:
            if self._sts is None:
                self._sts = _client("sts", self._region)
            self._caller = str(self._sts.get_caller_identity()["Arn"])
        return self._caller

    def arn(self) -> Arn:
        """Partition and account, as far as they can be known."""
        return Arn.of(self.role or self._caller or "")

    def ask(self, about: str, wanted: Wanted, region: str) -> Finding:
        """Whether it is allowed; ``unchecked`` where IAM cannot be asked."""
        if self.role is None and (self._caller or "").endswith(":root"):
            return ok(about, f"{wanted.action} is allowed to the account itself")
        try:
            decision, lacking = self._simulated(wanted, region)
        except Exception as error:  # noqa: BLE001  (whatever it is: then it is not known)
            return self._not_told(about, wanted, error)
        where = f" to {self.role}" if self.role else ""
        if decision == "allowed":
            return ok(about, f"{wanted.action} is allowed{where}")
        if lacking and decision != "explicitDeny":
            keys = ", ".join(lacking)
            return unchecked(about, f"whether {wanted.action} is allowed depends on {keys}")
        reason = "an explicit deny" if decision == "explicitDeny" else ""
        return wanted.denied(about, where=where, reason=reason)

    def _not_told(self, about: str, wanted: Wanted, error: Exception) -> Finding:
        """It is asked once, as each further answer would be the same, and may take as long."""
        hint = None
        if self._deaf is None:
            hint = "Allow yourself iam:SimulatePrincipalPolicy and iam:GetRole, or look it up"
        self._deaf = error
        what = f"whether {wanted.action} on {wanted.resource} is allowed"
        return unchecked(about, f"{what}: IAM does not tell ({said(error)})", hint)

    def get_role(self, arn: str) -> dict[str, Any]:
        """A role, by its ARN.

        Raises:
            Exception: whatever botocore raised.
        """
        role: dict[str, Any] = self._made().get_role(RoleName=arn.rpartition("/")[2])["Role"]
        return role

    def _simulated(self, wanted: Wanted, region: str) -> tuple[str, list[str]]:
        """IAM's decision, and the keys of conditions that it was not given."""
        if self._deaf is not None:
            raise self._deaf
        answer = self._made().simulate_principal_policy(
            PolicySourceArn=self._principal(),
            ActionNames=[wanted.action],
            ResourceArns=[wanted.resource],
            ContextEntries=_context(wanted, region),
        )
        result = answer["EvaluationResults"][0]
        specific = result.get("ResourceSpecificResults") or [{}]
        lacking = [
            *result.get("MissingContextValues", ()),
            *specific[0].get("MissingContextValues", ()),
        ]
        return str(result["EvalDecision"]), sorted(set(lacking))

    def _principal(self) -> str:
        """The user or role behind who we are."""
        if self._source is None:
            caller = self.caller()
            parts = caller.split("/")
            is_session = ":assumed-role/" in caller
            self._source = str(self.get_role(parts[1])["Arn"]) if is_session else caller
        return self._source

    def _made(self) -> IamAPI:
        if self._iam is None:
            self._iam = _client("iam", self._region)
        return self._iam


def said(error: BaseException) -> str:
    """An error in one line, without a full stop."""
    from holdoff.starters.codebuild_errors import words

    return words(error)


def reason_of(error: BaseException | None) -> str:
    """Why a request was denied, where the service says so.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html: "because no identity-based policy
    allows the s3:GetObject action", "with an explicit deny in a service control policy".
    """
    response = getattr(error, "response", None) or {}
    found = _REASON.search(str(response.get("Error", {}).get("Message", "")))
    if found is None:
        return ""
    return f"{found[0]} it" if found[0].endswith("allows") else found[0]


def _client(service: str, region: str) -> Any:
    return boto.client(service, region=region, connect_s=CONNECT_S, read_s=READ_S, tries=TRIES)


def _context(wanted: Wanted, region: str) -> list[dict[str, Any]]:
    """What each request says of itself, and the simulator would not know."""
    account = wanted.resource.split(":")[4]
    known = {"aws:RequestedRegion": region, "aws:ResourceAccount": account}
    return [
        {"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": [value]}
        for name, value in {**known, **(wanted.context or {})}.items()
    ]
