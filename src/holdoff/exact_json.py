"""JSON with numbers exact both ways: an integer stays one, a fraction is a ``Decimal``, all digits survive.

(The old snippet's encoder made ``int`` of a Decimal unless it was positive with a remainder: ``-0.5`` became ``0``.)
"""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

#: Beyond every number that a store keeps. Written out, ``1e999999999`` would fill the memory.
MAX_EXPONENT: Final = 400


def loads(text: str | bytes) -> Any:
    """Any JSON value.

    Raises:
        ValueError: not JSON, or with a number that nothing keeps: ``1e999999999``, ``NaN``.
    """
    return json.loads(text, parse_float=_number, parse_constant=_no_number)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        _no_number(text)
    return number if abs(number.adjusted()) <= MAX_EXPONENT else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is no number that can be kept")


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON text. Sets become sorted lists and bytes base64 text, as the AWS command line shows them.

    Raises:
        TypeError: a value JSON has no form for.
    """
    return _encode(value, indent, 0)


def _encode(value: object, indent: int | None, depth: int) -> str:
    if indent is None:
        try:
            return _plain(value)
        except TypeError:  # it, or something in it, is none of JSON's own types
            pass
    if isinstance(value, Decimal) and value.is_finite():
        whole = value.adjusted() <= MAX_EXPONENT and value == value.to_integral_value()
        return str(int(value)) if whole else str(value)
    if isinstance(value, dict):
        pairs = [f"{_plain(str(k))}: {_encode(v, indent, depth + 1)}" for k, v in value.items()]
        return _wrapped("{}", pairs, indent, depth)
    if isinstance(value, list | tuple | set | frozenset):
        items = [_encode(entry, indent, depth + 1) for entry in value]
        ordered = sorted(items) if isinstance(value, set | frozenset) else items
        return _wrapped("[]", ordered, indent, depth)
    if isinstance(value, bytes | bytearray):
        return _plain(b64encode(value).decode())
    return _plain(value)


#: C's speed, for what it knows.
_plain = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


def _wrapped(brackets: str, parts: list[str], indent: int | None, depth: int) -> str:
    if indent is None or not parts:
        return brackets[0] + ", ".join(parts) + brackets[1]
    pad = "\n" + " " * indent * (depth + 1)
    return brackets[0] + pad + f",{pad}".join(parts) + "\n" + " " * indent * depth + brackets[1]
