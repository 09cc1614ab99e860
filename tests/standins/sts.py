"""A stand-in for AWS STS: lends roles to those whom their trust policy names, for as long as a test says.

It speaks the query protocol (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). A role that is not there
and one that may not be assumed are the same AccessDenied, as in AWS.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.waiting import PATIENCE_S

DENIED = "User: arn:aws:iam::111111111111:role/fn is not authorized to perform: sts:AssumeRole on resource: "
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass
class StsStandin:
    """The service. ``roles``: each with the external id that it asks for."""

    roles: dict[str, str | None]
    lifetime: float = 3600  #: seconds
    silent: bool = False  #: gives no answer until closed
    unanswered: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> StsStandin:
        self._closing = threading.Event()
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if standin.silent:
                    standin.unanswered += 1
                    standin._closing.wait(PATIENCE_S)
                    return
                status, answer = standin._answer({name: values[0] for name, values in parse_qs(body).items()})
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append(request)
        role = request["RoleArn"]
        if role not in self.roles or self.roles[role] != request.get("ExternalId"):
            said = f"{DENIED}{role}"
            error = f"<Type>Sender</Type><Code>AccessDenied</Code><Message>{said}</Message>"
            return 403, f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error></ErrorResponse>'.encode()
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime))
        keys = (
            f"<AccessKeyId>ASSUMED{len(self.asked)}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>t</SessionToken><Expiration>{until}</Expiration>"
        )
        user = f"<AssumedRoleUser><AssumedRoleId>R:holdoff</AssumedRoleId><Arn>{role}/holdoff</Arn></AssumedRoleUser>"
        result = f"<AssumeRoleResult><Credentials>{keys}</Credentials>{user}</AssumeRoleResult>"
        return 200, f'<AssumeRoleResponse xmlns="{NAMESPACE}">{result}</AssumeRoleResponse>'.encode()
