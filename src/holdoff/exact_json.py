"""JSON with exact numbers, read and written: an integer stays an integer, a fraction is a ``Decimal``, all digits stay.

(The old snippet's encoder turned every Decimal into an ``int`` unless it was positive and had a fraction: ``-0.5``
became ``0``.)
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation

from holdoff.clock import SystemClock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn

#: More than the exponent of any number that a store keeps. ``1e999999999``, written out, would fill the memory.
MAX_EXPONENT: Final = 400


def loads(text: str | bytes) -> Any:
    """Any JSON value. Raises ``ValueError`` for other texts, and for a number that no store keeps: ``1e999999999``."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _decode(text)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        _no_number(text)
    return number if abs(number.adjusted()) <= MAX_EXPONENT else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is no number that can be kept")


_decode = json.JSONDecoder(parse_float=_number, parse_constant=_no_number).decode


def dumps(value: object, *, indent: int | None = None, ensure_ascii: bool = False) -> str:
    """JSON text. Sets become sorted lists and bytes base64 text, as the AWS command line shows them. Raises
    ``TypeError`` for a value that JSON has no form for."""
    text = _Encoder(allow_nan=False, ensure_ascii=ensure_ascii, indent=indent).encode(value)
    first, *numbers = text.split(f'"{_MARK}')
    return first + "".join([part.replace('"', "", 1) for part in numbers])


class _Encoder(json.JSONEncoder):
    """Also encodes values that JSON has no type for. A fraction becomes a text with a mark, and ``dumps`` takes that
    and the quotes away."""

    def default(self, o: object) -> object:
        if isinstance(o, Decimal) and o.is_finite():
            whole = o.adjusted() <= MAX_EXPONENT and o == o.to_integral_value()
            return int(o) if whole else f"{_MARK}{o}"
        if isinstance(o, set | frozenset):
            return sorted(o, key=dumps)
        if isinstance(o, bytes | bytearray):
            from base64 import b64encode

            return b64encode(o).decode()
        return super().default(o)


#: No text in the JSON begins with this: each process draws its own.
_MARK: Final = f"number {SystemClock().random(128):x} "
