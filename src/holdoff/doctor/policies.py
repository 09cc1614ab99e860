"""The findings of ``holdoff aws check``, and IAM's simulator, which is asked about rights that cannot be tried.

``SimulatePrincipalPolicy`` counts a principal's policies and boundary, and policies of the organisation that have no
conditions. It does not count policies of resources or sessions:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html.

It takes a user, group or role. The session of a role has the role's name and not its path, so IAM is asked for the
path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from holdoff.aws.client import Clients, Limits
from holdoff.aws.errors import denied_hint, describe
from holdoff.core.value import Value

LIMITS: Final = Limits(connect_s=2, read_s=5, tries=3)
#: The reason in a service's message ("because no identity-based policy allows the s3:GetObject action"):
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html.
_REASON: Final = re.compile(
    r"no [\w -]+? (?:policy|boundary) allows|an explicit deny(?: in an? [\w -]+? (?:policy|boundary))?"
)


class Finding(Value, kw_only=False):
    """What was found: one line of ``holdoff aws check``."""

    #: ``ok``; ``warn``: it works, and could be better; ``fail``: it does not; ``unchecked``: this process cannot tell.
    level: str
    about: str  #: what was looked at, such as the table or a gate
    message: str
    hint: str | None = None  #: what to do, if there is something to do

    def __str__(self) -> str:
        line = f"{self.level:<9} {self.about}: {self.message}"
        return f"{line}. {self.hint}" if self.hint else line


ok: Final = partial(Finding, "ok")
warn: Final = partial(Finding, "warn")
fail: Final = partial(Finding, "fail")
unchecked: Final = partial(Finding, "unchecked")


class Policies:
    """The rights of a role, by its ARN; ``None``: of this process."""

    def __init__(self, region: str, role: str | None = None, *, iam: object = None, sts: object = None) -> None:
        self.role = role
        self._region = region
        self._iam = Clients("iam", LIMITS, given=iam)
        self._sts = Clients("sts", LIMITS, given=sts)
        self._caller = ""
        self._principal = role
        self._silence: Exception | None = None

    def caller(self) -> str:
        """The ARN of this process. Asking for it needs no right. Raises any error of botocore."""
        self._caller = self._caller or str(self._sts.of(self._region).get_caller_identity()["Arn"])
        return self._caller

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of a resource in the same account, with a star, as in a policy, for an unknown account."""
        parts = (self.role or self._caller).split(":", 5)
        partition, account = (parts[1], parts[4]) if len(parts) == 6 else ("aws", "*")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def ask(
        self, about: str, action: str, resource: str, context: Mapping[str, str] = {}, *, only_for: str | None = None
    ) -> Finding:
        """Whether an action on a resource is allowed; ``unchecked`` if IAM cannot be asked.

        Args:
            context: keys for the conditions of policies, besides the keys of every request.
            only_for: the only feature that needs the right; ``None``: Holdoff needs it.
        """
        if self.role is None and self._caller.endswith(":root"):
            return ok(about, f"{action} is allowed to the account itself")
        try:
            decision, lacking = self._simulated(action, resource, context)
        except Exception as error:  # noqa: BLE001  (after any error it is not known)
            # IAM is asked only once: a further answer would be the same, and could take as long.
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
        """A role by its ARN. Raises any error of botocore."""
        return dict(self._iam.of(self._region).get_role(RoleName=arn.rpartition("/")[2])["Role"])

    def _simulated(self, action: str, resource: str, more: Mapping[str, str]) -> tuple[str, list[str]]:
        """IAM's decision, and the keys of conditions whose values it does not know."""
        if self._silence is not None:
            raise self._silence
        if self._principal is None:  # the user, or the role behind a session
            caller = self.caller()
            is_session = ":assumed-role/" in caller
            self._principal = str(self.get_role(f"/{caller.split('/')[1]}")["Arn"]) if is_session else caller
        region, account = resource.split(":")[3:5]  # a real request has them as keys, the simulator does not
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
    about: str, action: str, resource: str, *, only_for: str | None = None, where: str = "", said: str
) -> Finding:
    """The finding that an action is not allowed, with the reason if ``said``, the service's message, has one.
    ``only_for``: the only feature that needs the right."""
    reason = _REASON.search(said)
    because = reason and f" ({reason[0]}{' it' if reason[0].endswith('allows') else ''})"
    found = f"{action} is not allowed{where}{because or ''}"
    hint = denied_hint(said, action, resource)
    return fail(about, found, hint) if only_for is None else warn(about, f"{found}: no {only_for}", hint)
