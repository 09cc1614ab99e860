"""The answer to a custom resource of CloudFormation. Without an answer its stack hangs for an hour.

A custom resource is no trigger: its stack waits for a result that Holdoff does not have. So the answer to its creation
is a failure that says so. The answer to its deletion is success, or the stack could never be deleted
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.request import Request, urlopen

from holdoff.ingress.events.paths import text_at

#: Where CloudFormation takes answers. No answer goes to another place.
_URL: Final = re.compile(
    r"https://cloudformation-custom-resource-response-[a-z0-9-]+\.s3(?:[.-][a-z0-9]+)*\.amazonaws\.com(\.cn)?/\S+"
)
_WHY: Final = (
    "Holdoff builds nothing for a custom resource: take it out of the template, "
    "and let an EventBridge rule on the stack's events trigger instead"
)
_TIMEOUT_S: Final = 5


def answer(event: Any, put: Callable[[Request], object] = lambda sent: urlopen(sent, timeout=_TIMEOUT_S)) -> str:
    """Send the answer, and say what it was. Raises ``OSError`` if ``put``, which sends it, raises one."""
    url = text_at(event, "ResponseURL") or ""
    if _URL.fullmatch(url) is None:
        return f"a custom resource whose answer is wanted at another place than CloudFormation's: {_WHY}"
    status = "SUCCESS" if event["RequestType"] == "Delete" else "FAILED"
    body = {name: event.get(name) for name in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")}
    body |= {"Status": status, "Reason": _WHY, "PhysicalResourceId": body["PhysicalResourceId"] or body["RequestId"]}
    try:
        put(Request(url, data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}))
    except OSError as error:
        raise OSError(f"CloudFormation did not take an answer ({error}); deliver the event again") from None
    return f"a custom resource, which was answered with {status}: {_WHY}"
