"""References to secrets: how every setting names a secret, and how the secret is fetched.

    "env:GITHUB_SECRET"                a variable of the environment
    "file:/run/credentials/x/token"    a file; a relative path starts at the folder of ``holdoff.toml``
    "ssm:/holdoff/github"              a parameter of AWS Systems Manager, by name or ARN; it is decrypted
    "secretsmanager:holdoff/github"    a secret of AWS Secrets Manager, by name or ARN

A setting with anything else in it is refused, and the error does not show it: it may be the secret itself. A variable
and a file are read each time. A secret from AWS is cached for ``KEPT_MS``, so a rotated secret takes effect without a
restart. While the service does not answer, the cached secret stays in use. A failure is cached for ``FAILED_MS``, so
that not every request of a stranger makes a call to AWS. White space around a secret is removed. No error shows a
secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from holdoff.core.errors import ConfigError, HoldoffError, StoreUnavailable
from holdoff.core.shown import Unquoted, shown_name

#: The characters of names of variables, files, parameters and secrets, and of ARNs of parameters and secrets:
#: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
#: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
#: A text that begins with ``whsec_`` is a key of Standard Webhooks, and no variable's name.
FORM: Final = (
    r"(?a:env:(?!whsec_)[A-Za-z_]\w*|file:[^{}|\x00-\x1f\x7f]*[^{}|\s\x00-\x1f\x7f]|ssm:[\w.:/-]+"
    r"|secretsmanager:[\w/+=.@:-]+)"
)
NO_REFERENCE: Final = Unquoted("no reference (not shown: it may be the secret)")
UNSHOWN: Final = Unquoted("wrong (not shown: it may be a secret)")
WANT: Final = "where the secret is, never the secret: 'env:NAME', 'file:PATH', 'ssm:NAME' or 'secretsmanager:NAME'"
KEPT_MS: Final = 300_000
FAILED_MS: Final = 5_000
MOST_CHARACTERS: Final = 100_000
_RIGHT: Final = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}
#: For a reference that leads to nothing: what it is, and what would be right.
_NOTHING: Final = {
    "env": ("a variable that is not set or empty", "the name of one that is set, or export it where Holdoff runs"),
    "file": ("a file that is not there, not readable or empty", "the path of one that has the secret in it"),
}
#: What would be right, by the service's error code.
_BY_CODE: Final = {
    "ParameterNotFound": "the name of a parameter that exists",
    "ResourceNotFoundException": "the name of a secret that exists",
    "ValidationException": "a name that the service takes",
    "AccessDeniedException": "one that may be read: grant {} (and kms:Decrypt on its key, if it has its own)",
}


def reference_of(value: object, field: str) -> str:
    """The reference in a setting. If it is none, raises a ``ConfigError`` that does not show the setting."""
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(FORM, text):
        return text
    raise ConfigError(field=field, got=value if isinstance(value, Unquoted) else NO_REFERENCE, want=WANT)


def shown_reference(reference: str) -> Unquoted:
    """A reference as an error may show it: the text after ``env:`` may be the secret itself."""
    return Unquoted(re.sub("[^/:]+", lambda part: shown_name(part[0]), reference))


class References:
    """Fetches the secrets that references name. One object serves all threads of a process.

    Args:
        environment: where variables are.
        client_of: makes the client of an AWS service. Default: one whose calls leave time to send a start.
    """

    def __init__(self, environment: Mapping[str, str], client_of: Callable[[str], Any] | None = None) -> None:
        self._environment = environment
        self._client_of = client_of or _client_of
        self._kept: dict[tuple[str, str], tuple[int, str | HoldoffError | None]] = {}

    def value(self, reference: str, now_ms: int, *, field: str, folder: str | None = None) -> str:
        """The secret that a reference names, without white space around it.

        Args:
            folder: where a relative path of a file starts. Default: the working directory.

        Raises:
            ConfigError: this is no reference, or there is no such secret, or no right to read it.
            StoreUnavailable: the secret could not be fetched now, and none is cached.
        """
        source, _, name = reference_of(reference, field).partition(":")
        if source in _RIGHT:
            return self._fetched(reference, now_ms, field)
        return _held(self._environment.get(name) if source == "env" else _content(name, folder), reference, field)

    def _fetched(self, reference: str, now_ms: int, field: str) -> str:
        at_ms, kept = self._kept.get((reference, field), (0, None))
        if kept is None or abs(now_ms - at_ms) >= (KEPT_MS if isinstance(kept, str) else FAILED_MS):
            self._kept[reference, field] = now_ms, kept  # other threads use it while this one asks
            kept = self._fetched_now(reference, field)
            self._kept[reference, field] = self._kept[reference, field][0], kept
        if isinstance(kept, HoldoffError):
            raise kept.with_traceback(None)
        return kept

    def _fetched_now(self, reference: str, field: str) -> str | HoldoffError:
        try:
            return _held(self._ask(reference, field), reference, field)
        except HoldoffError as error:
            known = self._kept[reference, field][1] if isinstance(error, StoreUnavailable) else None
            return known if isinstance(known, str) else error  # the old secret, until the service answers again

    def _ask(self, reference: str, field: str) -> object:
        service, _, name = reference.partition(":")
        try:
            client = self._client_of(service)
            if service == "ssm":
                return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
            answer = client.get_secret_value(SecretId=name)
            return None if "SecretBinary" in answer else answer["SecretString"]  # a page of a proxy's has neither
        except HoldoffError:
            raise
        except Exception as error:  # noqa: BLE001  (any error: its message has the name, and is not shown)
            raise _unread(error, service, shown_reference(reference), field) from None


def _unread(error: Exception, service: str, named: Unquoted, field: str) -> HoldoffError:
    from holdoff.aws.errors import code_of, denied_hint, describe, is_denied

    if isinstance(error, ImportError):
        return ConfigError(field=field, got=named, want="another, or install what asks AWS: pip install 'holdoff[aws]'")
    want = _BY_CODE.get(code_of(error), "")
    if is_denied(error) and "kms:" in (advice := denied_hint(describe(error), "", named)):
        want = f"one that may be decrypted: {advice}"  # this advice names the key only
    if want:
        return ConfigError(field=field, got=named, want=want.replace("{}", _RIGHT[service]))
    why = code_of(error) or type(error).__name__  # not its message: it has the name
    return StoreUnavailable(f"{field}: {named} could not be read ({why})", hint="Try again")


def _held(value: object, reference: str, field: str) -> str:
    text = str(value or "").strip("\ufeff \t\r\n")
    source = reference.partition(":")[0]
    what, want = _NOTHING.get(source, ("where nothing is", "the name of something that is there"))
    if source in _RIGHT and re.match(r'\{\s*"', text):  # the console's default; ssm has it as /aws/reference/...
        what, want = "a secret of key/value pairs", "the name of one in plain text, with the value alone"
    elif text:
        return text
    raise ConfigError(field=field, got=Unquoted(f"{shown_reference(reference)}, {what}"), want=want)


def _content(path: str, folder: str | None) -> str | None:
    path = os.path.join(folder or "", os.path.expanduser(path))  # noqa: PTH111, PTH118  (pathlib is slow to import)
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            return file.read(MOST_CHARACTERS)
    except (OSError, ValueError):
        return None


def _client_of(service: str) -> Any:
    from holdoff.aws.client import Limits, make_client

    return make_client(service, Limits(connect_s=2, read_s=3, tries=1), lean=lambda _: None)
