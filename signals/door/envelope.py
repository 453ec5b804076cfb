"""What is wrong with an event's CloudEvents attributes, and what else it carries."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from signals.door.catalogue import Envelope
from signals.door.fields import error, shown
from signals.door.texts import harmless

KNOWN = frozenset(
    "specversion id source type subject time datacontenttype dataschema data".split()  # noqa: SIM905
)
EXTENSIONS_MAX = 20
_EXTENSION = re.compile(r"[a-z0-9]{1,40}")
_EXAMPLES: dict[str, Any] = {
    "specversion": "1.0",
    "id": "i",
    "source": "/s",
    "type": "t",
    "subject": "s",
    "time": "2000-01-01T00:00:00Z",
    "data": {},
}
_WANTED = {
    "specversion": 'must be "1.0": the door speaks CloudEvents 1.0',
    "id": "must be 1 to 255 printable characters; with the source it names the event for ever",
    "source": "must be the source that this key belongs to",
    "type": "must be a code of 1 to 120 characters",
    "subject": "must be a kind and a reference, such as account/fl-ac45b2",
    "time": "must be an RFC 3339 time with a zone, such as 2026-10-10T12:00:00Z",
    "data": "must be an object",
}


class Rejected(Exception):
    """This item is not taken; `errors` says why, each with a pointer."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__()
        unique = {(e["pointer"], e["code"]): e for e in reversed(errors)}
        self.errors = list(reversed(unique.values()))[:20]


def attribute_errors(item: Any, source: str, subject: str) -> list[dict[str, str]]:
    """Everything wrong with the attributes of `item`, for the sender `source`."""
    if not isinstance(item, dict):
        return [error("", "not_an_object", "Each event is a JSON object (CloudEvents 1.0).")]
    problems = []
    for name, wanted in _WANTED.items():
        if name not in item:
            if name == "data" and "data_base64" in item:
                detail = "Send data as JSON, not as data_base64."
                problems.append(error("/data_base64", "bad_format", detail))
                continue
            problems.append(error(f"/{name}", "required", f"{name} is missing; it {wanted}."))
        elif not _fits(name, item[name]):
            code = "wrong_type" if type(item[name]) is not type(_EXAMPLES[name]) else "bad_format"
            problems.append(error(f"/{name}", code, f"{name} {wanted}."))
    broken = {problem["pointer"] for problem in problems}
    if "/source" not in broken and item["source"] != source:
        detail = f"This key belongs to {source}, not to {shown(item['source'])}."
        problems.append(error("/source", "wrong_source", detail))
    if "/subject" not in broken and not re.match(subject, item["subject"]):
        problems.append(error("/subject", "bad_format", f"subject {_WANTED['subject']}."))
    content = item.get("datacontenttype")
    if content is not None and not is_json(content):
        detail = "datacontenttype must be application/json, or left out."
        problems.append(error("/datacontenttype", "bad_format", detail))
    return problems


def _fits(name: str, value: Any) -> bool:
    if name == "data":
        return isinstance(value, dict)
    try:
        envelope = msgspec.convert({**_EXAMPLES, name: value}, Envelope)
    except (msgspec.ValidationError, OverflowError):
        return False
    return name != "time" or 1990 <= envelope.time.year <= 2100


def is_json(content: Any) -> bool:
    if not isinstance(content, str):
        return False
    media = content.split(";")[0].strip().lower()
    return media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )


def extensions(item: dict[str, Any]) -> dict[str, Any] | msgspec.UnsetType:
    """Further attributes, which CloudEvents lets anybody add: kept when they are plain values."""
    more = item.keys() - KNOWN
    if not more:
        return msgspec.UNSET
    kept = {
        name: harmless(value[:500] if isinstance(value, str) else value)
        for name in sorted(more)
        if _EXTENSION.fullmatch(name)
        and isinstance(value := item[name], str | bool | int)
        and (isinstance(value, str) or -(2**31) <= value < 2**31)
    }
    return dict(list(kept.items())[:EXTENSIONS_MAX]) or msgspec.UNSET
