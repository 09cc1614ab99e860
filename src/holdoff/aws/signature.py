"""AWS's signature, version 4, of a POST: pure, and without botocore.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final

_METHOD: Final = "AWS4-HMAC-SHA256"


class Signer:
    """Signs the requests to one service in one region, with an access key. ``token``: the session's; empty: there is
    none."""

    def __init__(self, key_id: str, secret: str, token: str, *, region: str, service: str) -> None:
        self._key_id, self._secret, self._token, self._region, self._service = key_id, secret, token, region, service

    def signed(self, path: str, headers: Mapping[str, str], body: bytes, now_s: int) -> dict[str, str]:
        """The headers, ``host`` among them, and the headers of the signature.

        Args:
            path: as it is sent, of letters, digits, ``/``, ``-``, ``_``, ``.`` and ``~``: nothing in it is quoted.
            headers: by name, in lower case. A value has no blanks at its ends, and no two in a row.
            now_s: epoch seconds.
        """
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        signed = {**headers, "x-amz-date": at}
        if self._token:
            signed["x-amz-security-token"] = self._token
        names = sorted(signed)
        listed = ";".join(names)
        lines = "".join([f"{name}:{signed[name]}\n" for name in names])
        request = f"POST\n{path}\n\n{lines}\n{listed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{at[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"{_METHOD}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{self._secret}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        who = f"Credential={self._key_id}/{scope}"
        signed["authorization"] = f"{_METHOD} {who}, SignedHeaders={listed}, Signature={key.hex()}"
        return signed
