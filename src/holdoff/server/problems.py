"""Errors as answers: problem details (RFC 9457), with a status for each kind of error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from holdoff.core.errors import ConfigError, EventError, HoldoffError, NotAllowed, StoreUnavailable
from holdoff.server.files import NoSuchLetter

#: The first row that fits counts. Every other error is the server's own: 500.
STATUS: Final = (
    (NoSuchLetter, 404),
    (NotAllowed, 403),
    (EventError, 422),
    (StoreUnavailable, 503),
)
RETRY_AFTER: Final = {429: {"retry-after": "60"}, 503: {"retry-after": "30"}}


class Problem(Exception):
    """The refusal of a request. ``more``: members besides those of the RFC."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: object) -> None:
        super().__init__(detail)
        self.status: int = status
        self.detail: str = detail
        self.headers: dict[str, str] = {**RETRY_AFTER.get(status, {}), **(headers or {})}
        self.more: dict[str, object] = more

    @classmethod
    def of(cls, error: Problem | HoldoffError) -> Problem:
        """The problem that an error of Holdoff is to the client."""
        if isinstance(error, Problem):
            return error
        status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
        return cls(status, str(error), error=type(error).__name__)

    @classmethod
    def of_input(cls, error: ConfigError) -> Problem:
        """The problem of a wrong value in the request."""
        return cls(422, str(error), field=error.field)

    def response(self) -> Response:
        told = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail, **self.more}
        return as_json(told, self.status, self.headers, media_type="application/problem+json")


def as_json(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    """An answer in JSON. It is in ASCII, because untrusted texts may have halves of surrogate pairs."""
    return Response(json.dumps(content), status, headers, media_type)
