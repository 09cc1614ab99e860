"""Tokens: 26 characters that sort by time and carry their instant (a ULID: 48 bits of milliseconds, 80 random bits).

Format: https://github.com/ulid/spec. Randomness comes in as an argument; ``clock`` draws it.
"""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: To the digits that ``int`` reads.
_DIGITS: Final = str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
#: Two digits at a time.
_PAIRS: Final = tuple([high + low for high in _ALPHABET for low in _ALPHABET])


def encode(number: int, length: int) -> str:
    """``number`` in Crockford's base 32, ``length`` characters."""
    digits = [_PAIRS[(number >> shift) & 1023] for shift in range(10 * (-(-length // 2) - 1), -1, -10)]
    return "".join(digits)[-length:]


def make(now_ms: int, randomness: int) -> str:
    """The token for an instant and 80 random bits."""
    return _stamp(now_ms) + encode(randomness, 16)


@lru_cache(maxsize=8)
def _stamp(now_ms: int) -> str:
    return encode(now_ms, 10)


def restamped(token: str, now_ms: int) -> str:
    """The same token for another instant; what is no token of ours stays as it is."""
    return _stamp(now_ms) + token[10:] if _is_token(token) else token


def another(name: str, now_ms: int, nth: int) -> str:
    """The ``nth`` name after this one, which ends with a token: for another instant, and unlike all others of it."""
    return f"{name[:-26]}{_stamp(now_ms)}{name[-16:-4]}{_PAIRS[nth >> 10 & 1023]}{_PAIRS[nth & 1023]}"


def _is_token(text: str) -> bool:
    return len(text) == 26 and not text.strip(_ALPHABET)


def instant_ms(token: str) -> int | None:
    """The instant a token carries, epoch milliseconds; ``None``: not a token of ours."""
    return int(token[:10].translate(_DIGITS), 32) if _is_token(token) else None
