"""Bodies that people's programs send: small, strict JSON, read one way only."""

import json
from typing import Any

from rest_framework.parsers import BaseParser

from cases.api.problems import BadJson, TooLarge

BODY_MAX = 256 * 1024
DEPTH_MAX = 12


class StrictJSONParser(BaseParser):
    """An object of at most `BODY_MAX` bytes: no key twice, no NaN, not nested deeply."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict:
        raw = stream.read(BODY_MAX + 1)
        if len(raw) > BODY_MAX:
            raise TooLarge(f"At most {BODY_MAX} bytes.")
        if not raw.strip():
            return {}
        try:
            body = json.loads(
                raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
            )
        except (ValueError, RecursionError) as exc:
            raise BadJson(f"Not JSON that can be read: {type(exc).__name__}.") from exc
        if not isinstance(body, dict):
            raise BadJson("The body is one JSON object.")
        if _depth(body) > DEPTH_MAX:
            raise BadJson(f"Nested more than {DEPTH_MAX} deep.")
        return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError("a key comes twice")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        if deepest > DEPTH_MAX:
            break
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return deepest
