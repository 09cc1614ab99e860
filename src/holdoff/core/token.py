"""Tokens: 26 characters that sort by time and carry their instant (a ULID: 48 bits of milliseconds, 80 random bits).

Format: https://github.com/ulid/spec. Randomness comes in as an argument; ``clock`` draws it.
"""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE: Final = {char: value for value, char in enumerate(_ALPHABET)}


def encode(number: int, length: int) -> str:
    """``number`` in Crockford's base 32, ``length`` characters."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * length - 5, -1, -5))


def make(now_ms: int, randomness: int) -> str:
    """The token for an instant and 80 random bits."""
    return encode(now_ms, 10) + encode(randomness, 16)


def restamped(token: str, now_ms: int) -> str:
    """The same token for another instant; what is no token of ours stays as it is."""
    return token if instant_ms(token) is None else encode(now_ms, 10) + token[10:]


def instant_ms(token: str) -> int | None:
    """The instant a token carries, epoch milliseconds; ``None``: not a token of ours."""
    if len(token) != 26 or any(char not in _VALUE for char in token):
        return None
    number = 0
    for char in token[:10]:
        number = number * 32 + _VALUE[char]
    return number
