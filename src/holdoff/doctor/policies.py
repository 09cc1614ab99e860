"""Rights that cannot be tried without effect: what IAM's own simulator says of them.

``SimulatePrincipalPolicy`` takes into account a principal's policies and boundary, and an organisation's policies that
have no conditions; not those of resources or sessions:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html.

It wants a user, group or role. Of the session of a role one learns only the role's name, not its path: IAM is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from holdoff.aws.client import Clients, Limits
from holdoff.aws.errors import denied_hint, describe
from holdoff.doctor.findings import Finding, fail, ok, unchecked, warn

LIMITS: Final = Limits(connect_s=2, read_s=5, tries=3)
#: Why a request was denied ("because no identity-based policy allows the s3:GetObject action"), as the service says:
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html.
_REASON: Final = re.compile(
    r"no [\w -]+? (?:policy|boundary) allows|an explicit deny(?: in an? [\w -]+? (?:policy|boundary))?"
)


class Policies:
    """Whose rights are asked for: this process's own, or those of a role.

    Args:
        region: where to ask.
        role: the role's ARN; ``None``: this process's own.
        iam, sts: clients of the user's own.
    """

    def __init__(self, region: str, role: str | None = None, *, iam: object = None, sts: object = None) -> None:
        self.role = role
        self._region = region
        self._iam = Clients("iam", LIMITS, given=iam)
        self._sts = Clients("sts", LIMITS, given=sts)
        self._caller = ""
        self._principal = role
        self._silence: Exception | None = None

    def caller(self) -> str:
        """Who this process is: an ARN. No right is needed to ask. Raises whatever botocore raised."""
        self._caller = self._caller or str(self._sts.of(self._region).get_caller_identity()["Arn"])
        return self._caller

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of something in the same account; with stars, as in a policy, for what is not known."""
        parts = (self.role or self._caller).split(":", 5)
        partition, account = (parts[1], parts[4]) if len(parts) == 6 else ("aws", "*")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def ask(
        self, about: str, action: str, resource: str, context: Mapping[str, str] = {}, *, only_for: str | None = None
    ) -> Finding:
        """Whether an action on a resource is allowed; ``unchecked`` where IAM cannot be asked.

        Args:
            context: keys that a policy may ask for, besides those of every request.
            only_for: all that goes without it.
        """
        if self.role is None and self._caller.endswith(":root"):
            return ok(about, f"{action} is allowed to the account itself")
        try:
            decision, lacking = self._simulated(action, resource, context)
        except Exception as error:  # noqa: BLE001  (whatever it is: then it is not known)
            # It is asked once, as each further answer would be the same, and may take as long.
            hint = "Allow yourself iam:SimulatePrincipalPolicy and iam:GetRole, or look it up"
            known, self._silence = self._silence, error
            what = f"whether {action} on {resource} is allowed: IAM does not tell ({describe(error)})"
            return unchecked(about, what, None if known else hint)
        where = f" to {self.role}" if self.role else ""
        if decision == "allowed":
            return ok(about, f"{action} is allowed{where}")
        if lacking and decision != "explicitDeny":
            return unchecked(about, f"whether {action} is allowed depends on {', '.join(lacking)}")
        said = "an explicit deny" if decision == "explicitDeny" else ""
        return denied(about, action, resource, only_for=only_for, where=where, said=said)

    def get_role(self, arn: str) -> dict[str, Any]:
        """A role, by its ARN. Raises whatever botocore raised."""
        return dict(self._iam.of(self._region).get_role(RoleName=arn.rpartition("/")[2])["Role"])

    def _simulated(self, action: str, resource: str, more: Mapping[str, str]) -> tuple[str, list[str]]:
        """IAM's decision, and the keys of conditions that it was not given."""
        if self._silence is not None:
            raise self._silence
        if self._principal is None:  # the user, or the role behind a session
            caller = self.caller()
            is_session = ":assumed-role/" in caller
            self._principal = str(self.get_role(f"/{caller.split('/')[1]}")["Arn"]) if is_session else caller
        region, account = resource.split(":")[3:5]  # each request says them of itself, and the simulator not
        known = {"aws:RequestedRegion": region or self._region, "aws:ResourceAccount": account, **more}
        context = [
            {"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": [value]}
            for name, value in known.items()
        ]
        answer = self._iam.of(self._region).simulate_principal_policy(
            PolicySourceArn=self._principal, ActionNames=[action], ResourceArns=[resource], ContextEntries=context
        )
        result = answer["EvaluationResults"][0]
        specific = result.get("ResourceSpecificResults") or [{}]
        lacking = {key for part in (result, specific[0]) for key in part.get("MissingContextValues", ())}
        return str(result["EvalDecision"]), sorted(lacking)


def denied(
    about: str, action: str, resource: str, *, only_for: str | None = None, where: str = "", said: str = ""
) -> Finding:
    """That an action is not allowed, and why, as far as the service says. ``only_for``: all that goes without it."""
    reason = _REASON.search(said)
    because = reason and f" ({reason[0]}{' it' if reason[0].endswith('allows') else ''})"
    found = f"{action} is not allowed{where}{because or ''}"
    hint = denied_hint(said, action, resource)
    return fail(about, found, hint) if only_for is None else warn(about, f"{found}: no {only_for}", hint)
