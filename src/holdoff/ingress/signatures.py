"""Whether a webhook is signed as it should be. Pure: the time is an argument, the secrets are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdoff.ingress.events import HttpRequest

#: By scheme ("github", "gitlab", "standard", "secret"); several of one, so that they can be rotated.
Secrets = Mapping[str, Sequence[str]]


def check(request: HttpRequest, secrets: Secrets, now_ms: int) -> str:
    """The scheme by which the request is signed.

    Raises:
        SignatureError: it is not, or not as it should be.
    """
    raise NotImplementedError
