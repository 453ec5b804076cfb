"""Identifiers made before storing: UUIDs in order of time (version 7), shown as ULIDs."""

import secrets
import time
from uuid import UUID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LOW = (1 << 62) - 1


def reserve(count: int) -> int:
    """The first of `count` consecutive identifiers, as a number; nobody else gets one of them.

    48 bits of milliseconds, then version, variant and 74 random bits. The random part starts
    with a zero bit, so that counting up never carries into the version.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(73)
    low = random & (_LOW >> 1)
    return (
        (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (random >> 61) << 64 | 0b10 << 62 | low
    )


def ulid(value: int | UUID) -> str:
    """26 characters that sort as the identifier does."""
    number = value if isinstance(value, int) else value.int
    return "".join(
        [_ALPHABET[number >> 125], _ALPHABET[number >> 120 & 31]]
        + [_PAIRS[number >> shift & 1023] for shift in range(110, -1, -10)]
    )


def from_ulid(text: str) -> UUID:
    """The identifier that `text` shows; ValueError when it shows none."""
    if len(text) != 26:
        raise ValueError("a ULID has 26 characters")
    number = 0
    for character in text.upper():
        if character not in _VALUES:
            raise ValueError(f"{character!r} is no character of a ULID")
        number = number << 5 | _VALUES[character]
    if number >> 128:
        raise ValueError("this ULID is too large")
    return UUID(int=number)
