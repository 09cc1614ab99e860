"""JSON with numbers exact both ways: an integer stays one, a fraction is a ``Decimal``, all digits survive.

(The old snippet's encoder made ``int`` of a Decimal unless it was positive with a remainder: ``-0.5`` became ``0``.)
"""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal
from typing import Any


def loads(text: str) -> Any:
    """Any JSON value."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON text. Sets become sorted lists and bytes base64 text, as the AWS command line shows them.

    Raises:
        TypeError: a value JSON has no form for.
    """
    return _encode(value, indent, 0)


def _encode(value: object, indent: int | None, depth: int) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == value.to_integral_value() else str(value)
    if isinstance(value, dict):
        pairs = [f"{json.dumps(str(k))}: {_encode(v, indent, depth + 1)}" for k, v in value.items()]
        return _wrapped("{}", pairs, indent, depth)
    if isinstance(value, list | tuple | set | frozenset):
        items = [_encode(entry, indent, depth + 1) for entry in value]
        ordered = sorted(items) if isinstance(value, set | frozenset) else items
        return _wrapped("[]", ordered, indent, depth)
    if isinstance(value, bytes | bytearray):
        return json.dumps(b64encode(value).decode())
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _wrapped(brackets: str, parts: list[str], indent: int | None, depth: int) -> str:
    if indent is None or not parts:
        return brackets[0] + ", ".join(parts) + brackets[1]
    pad = "\n" + " " * indent * (depth + 1)
    return brackets[0] + pad + f",{pad}".join(parts) + "\n" + " " * indent * depth + brackets[1]
