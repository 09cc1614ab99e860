"""JSON Web Signatures (RFC 7515) by a shared secret, as far as a webhook needs them: compact, HS256, and nothing else.

The token names its own algorithm. A token with another algorithm (``none``, RS256), or with extensions (``crit``), is
no proof, whatever its signature: https://www.rfc-editor.org/rfc/rfc8725#section-3.1. Pure.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def claims_of(token: str, key: bytes, now_ms: int, tolerance_ms: int) -> Mapping[str, Any]:
    """What a token says; nothing, if this key did not sign it, or if it is not valid now (``exp``, ``nbf``)."""
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        return {}
    right = base64.urlsafe_b64encode(hmac.digest(key, f"{parts[1]}.{parts[2]}".encode(), "sha256")).rstrip(b"=")
    head, claims = _table(parts[1]), _table(parts[2])
    is_signed = hmac.compare_digest(parts[3].encode(), right) and head.get("alg") == "HS256" and "crit" not in head
    is_good = _s(claims, "nbf", 0) * 1000 - tolerance_ms <= now_ms < _s(claims, "exp", 10**12) * 1000 + tolerance_ms
    return claims if is_signed and is_good else {}


def _table(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _s(claims: Mapping[str, Any], name: str, otherwise: float) -> float:
    """An instant, epoch seconds. A value that is no number makes the token invalid."""
    at = claims.get(name, otherwise)
    return at if isinstance(at, int | float) and not isinstance(at, bool) else float("nan")
