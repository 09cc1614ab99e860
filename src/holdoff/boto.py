"""Clients of AWS services, made when they are first needed.

All of a process's clients come from one botocore session: what is slow about the first (credentials, endpoints, service
descriptions) is done once, and a function that needs three clients starts in little more than the time of one.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.session import Session

_lock = threading.Lock()
_sessions: dict[tuple[tuple[str, str], ...], Session] = {}


def client(
    service: str,
    *,
    region: str | None,
    endpoint: str | None = None,
    connect_s: int,
    read_s: int,
    tries: int,
    connections: int = 8,
) -> Any:
    """A client with these time-outs (seconds), which makes at most ``tries`` tries of a call.

    Args:
        region: ``None``: the environment's, or the profile's.
        endpoint: another than AWS's own; ``None``: as ``AWS_ENDPOINT_URL_*`` say, else AWS's own.

    Raises:
        ImportError: botocore is not installed.
        BotoCoreError, ValueError: what it was given makes no client.
    """
    from botocore.config import Config

    config = Config(
        connect_timeout=connect_s,
        read_timeout=read_s,
        retries={"mode": "standard", "total_max_attempts": tries},
        tcp_keepalive=True,
        max_pool_connections=connections,
    )
    with _lock:  # a session is not for sharing between threads; a client is
        return _session().create_client(
            service, region_name=region, endpoint_url=endpoint, config=config
        )


def prepare(*services: str) -> None:
    """Load ahead of time what makes the first client of a service slow. What is wrong, the client itself will say."""
    with suppress(Exception):
        for service in services:
            client(service, region=None, connect_s=1, read_s=1, tries=1).close()


def code_of(error: BaseException | None) -> str:
    """The code of a service's error answer; empty for any other error."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or "")


def _session() -> Session:
    """The session of this environment: who changes it (a test, a program that takes on a role) gets another."""
    from botocore.session import get_session

    settings = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    if settings not in _sessions:
        _sessions.clear()
        _sessions[settings] = get_session()
    return _sessions[settings]
