"""Show what a detector sent: hostile characters made visible, names and contacts masked."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from cases.masking import MASK, PERSONAL, masked

__all__ = ["MASK", "PERSONAL", "masked", "pretty", "visible"]

PAYLOAD_MAX = 20_000


def visible(text: str) -> str:
    """`text` with characters that hide, reorder or control spelled out, lines kept."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c)[0] not in "CZ" or c == " " else _spelled(c)
        for c in text
    )


def _spelled(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def pretty(value: Any) -> tuple[str, bool]:
    """`value` as JSON for a page, and whether it was cut."""
    text = visible(json.dumps(value, ensure_ascii=False, indent=2))
    return text[:PAYLOAD_MAX], len(text) > PAYLOAD_MAX
