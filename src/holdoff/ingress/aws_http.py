"""Webhooks at a function: the signature first, then the trigger, then an answer that the sender can act on.

| status | what it means to the sender |
|---|---|
| 200 | decided: started, skipped, or nothing to build for it |
| 202 | kept: it is built later |
| 401 | not signed as it should be |
| 422 | signed, but nobody here knows what to build for it; kept among the dead letters, where there are any |
| 500 | this function is not set up as it should be, or broken; kept as well, once the signature was checked |
| 503 | no decision could be made: send it again; kept among the dead letters, where there are any |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdoff.core.decision import Outcome
from holdoff.core.errors import EventError, HoldoffError, SignatureError
from holdoff.core.exact_json import dumps
from holdoff.ingress.dead_letters import DeadLetters, as_it_came, understood
from holdoff.ingress.events import http_message, http_request
from holdoff.ingress.paths import dig
from holdoff.ingress.routes import Asked
from holdoff.ingress.signatures import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdoff.ingress.dispatch import Answer, Dispatch
    from holdoff.ingress.events import HttpRequest, Message
    from holdoff.ingress.signatures import Secrets
    from holdoff.ingress.telling import Telling

KEPT: Final = (Outcome.DEFERRED, Outcome.FAILED)
AGAIN_IN_S: Final = 30


class Web:
    """Answers webhooks.

    Args:
        secrets: fetches those of the webhooks' senders.
        dead_letters: the URL of a queue for what comes to nothing; empty: there is none.
        telling: says what is done.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        secrets: Callable[[], Secrets],
        dead_letters: str,
        telling: Telling,
    ) -> None:
        self._dispatch = dispatch
        self._secrets = secrets
        self._dead_letters = DeadLetters(dead_letters) if dead_letters else None
        self._telling = telling

    def answer(self, event: object, now_ms: int) -> Answer:
        """The response to a request, as API Gateway, function URLs and load balancers take it."""
        return fitted(self._answered(event, now_ms), event)

    def _answered(self, event: object, now_ms: int) -> Answer:
        try:
            request = http_request(event)
            check(request, self._secrets(), now_ms)
        except SignatureError as error:
            self._complain(error)
            return _response(401, {"error": error.public})
        except EventError as error:
            self._complain(error)
            return _response(400, {"error": "not a request that can be read"})
        except HoldoffError as error:
            self._complain(error)
            return undecided(error)
        return self._signed(request)

    def _signed(self, request: HttpRequest) -> Answer:
        message: Message | None = None
        try:
            message = http_message(request)
            answer = self._dispatch.carry_out(message)
        except EventError as error:
            self._complain(error, message)
            self._keep(as_it_came(request, error))
            return _response(422, {"error": str(error)})
        except Exception as error:  # noqa: BLE001  (whatever it is: its sender seldom tries again)
            self._complain(error, message)
            self._keep(self._letter(request, message, error))
            return undecided(error)
        return _response(202 if answer.get("outcome") in KEPT else 200, answer)

    def _letter(
        self, request: HttpRequest, message: Message | None, error: Exception
    ) -> dict[str, object]:
        try:
            meaning = None if message is None else self._dispatch.routes.meaning(message)
        except Exception:  # noqa: BLE001  (the error that is kept already)
            meaning = None
        return understood(meaning) if isinstance(meaning, Asked) else as_it_came(request, error)

    def _keep(self, letter: dict[str, object]) -> None:
        if self._dead_letters is None:
            return
        try:
            self._dead_letters.keep(letter)
        except Exception as error:  # noqa: BLE001  (the sender is answered all the same)
            self._telling.failed(error, kind="dead letters")

    def _complain(self, error: Exception, message: Message | None = None) -> None:
        message_id = None if message is None else message.id
        self._telling.failed(error, kind="http", message_id=message_id)


def fitted(response: Answer, event: object) -> Answer:
    """The response as its front end takes it: a load balancer that sends several values for a header takes nothing else
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#multi-value-headers)."""
    if not (dig(event, "requestContext", "elb") and dig(event, "multiValueHeaders")):
        return response
    several = {name: [value] for name, value in response["headers"].items()}
    return {name: value for name, value in response.items() if name != "headers"} | {
        "multiValueHeaders": several
    }


def undecided(error: Exception) -> Answer:
    if getattr(error, "retryable", False):
        return _response(503, {"error": "no decision could be made; send it again"})
    return _response(500, {"error": "not set up as it should be, or broken; its log says more"})


def _response(status: int, body: Answer) -> Answer:
    headers = {"content-type": "application/json"}
    if status == 503:
        headers["retry-after"] = str(AGAIN_IN_S)
    return {
        "statusCode": status,
        "headers": headers,
        "body": dumps(body),
        "isBase64Encoded": False,
    }
