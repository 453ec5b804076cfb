"""Show what a detector sent: hostile characters made visible, names and contacts masked."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

PERSONAL = frozenset(
    {
        "account_name", "address", "display_name", "email", "first_name", "full_name", "handle",
        "holder_name", "last_name", "matched_alias", "name", "new_name", "phone", "quote_ref",
    }
)  # fmt: skip
MASK = "••••"
PAYLOAD_MAX = 20_000


def masked(value: Any, personal: frozenset[str] = PERSONAL) -> Any:
    """`value` with the content of personal fields hidden, however deep they are."""
    if isinstance(value, dict):
        return {
            key: MASK if key.lower() in personal and item else masked(item, personal)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, personal) for item in value]
    return value


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
