"""Secrets and settings by reference: ``env:NAME``, ``ssm:NAME``, ``secretsmanager:NAME``.

What they stand for is fetched when first wanted and kept for ``KEPT_MS``, so that a rotated secret is taken up without
a new deployment. No error tells a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdoff import boto
from holdoff.core.errors import ConfigError, StoreUnavailable
from holdoff.settings import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEPT_MS: Final = 300_000
CONNECT_S: Final = 2
READ_S: Final = 3
TRIES: Final = 2
WANTED: Final = "'env:NAME', 'ssm:NAME' or 'secretsmanager:NAME'"


class References:
    """What references stand for.

    Args:
        environment: for ``env:``.
        make_client: makes the client of a service; another, where a test has its own.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        make_client: Callable[[str], Any] = lambda service: boto.client(
            service, region=None, connect_s=CONNECT_S, read_s=READ_S, tries=TRIES
        ),
    ) -> None:
        self._environment = environment
        self._make_client = make_client
        self._kept: dict[str, tuple[int, str]] = {}

    def value(self, reference: str, now_ms: int, *, field: str) -> str:
        """What a reference stands for.

        Raises:
            ConfigError: it is no reference, or there is no such thing, or no right to read it.
            StoreUnavailable: it could not be fetched just now, and nothing is known from before.
        """
        kept = self._kept.get(reference)
        if kept is not None and now_ms - kept[0] < KEPT_MS:
            return kept[1]
        try:
            value = self._fetched(reference, field)
        except StoreUnavailable:
            if kept is None:
                raise
            value = kept[1]  # the old one, until the service answers again
        self._kept[reference] = now_ms, value
        return value

    def _fetched(self, reference: str, field: str) -> str:
        source, _, name = reference.partition(":")
        match source:
            case "env" if name:
                value = self._environment.get(name, "")
            case "ssm" | "secretsmanager" if name:
                value = self._asked(source, name, reference, field)
            case _:
                # It may be the secret itself, where somebody wrote that instead.
                raise ConfigError(field=field, got=Words("something else"), want=WANTED)
        if not value:
            raise ConfigError(field=field, got=reference, want="the name of something not empty")
        return value

    def _asked(self, service: str, name: str, reference: str, field: str) -> str:
        try:
            return _ask(self._make_client(service), service, name)
        except Exception as error:
            want = _WANTED.get(boto.code_of(error))
            if want is None:
                raise StoreUnavailable(
                    f"{field}: {reference} could not be read: {error}", hint="Try again"
                ) from error
            raise ConfigError(
                field=field, got=reference, want=want.format(_RIGHT[service])
            ) from error


def _ask(client: Any, service: str, name: str) -> str:
    if service == "ssm":
        answer = client.get_parameter(Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"])
    return str(client.get_secret_value(SecretId=name).get("SecretString") or "")


_RIGHT: Final = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}
_WANTED: Final = {
    "ParameterNotFound": "the name of a parameter that exists",
    "ResourceNotFoundException": "the name of a secret that exists",
    "ValidationException": "a name that the service takes",
    "AccessDeniedException": "one that may be read: grant {} (and kms:Decrypt on its key, if it has its own)",
}
