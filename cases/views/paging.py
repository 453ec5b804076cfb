"""Pages by key: the next page starts after the last row seen, whatever was added before it."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

SIZE = 50


@dataclass
class Page:
    rows: list[Any]
    first_href: str
    next_href: str
    summary: str


def page(request: HttpRequest, rows: QuerySet, order: list[str], *, size: int = SIZE) -> Page:
    """The rows after `?after=`, in `order` (field names, `-` for descending, the key last)."""
    values = decode(request.GET.get("after", ""), len(order))
    if values is not None:
        rows = rows.filter(beyond(order, values))
    found = list(rows.order_by(*order)[: size + 1])
    more = len(found) > size
    found = found[:size]
    next_href = href(request, encode(found[-1], order)) if more else ""
    summary = f"{len(found)} shown" + (", more on the next page" if more else "")
    first = href(request, "") if values is not None else ""
    return Page(rows=found, first_href=first, next_href=next_href, summary=summary)


def beyond(order: list[str], values: list[Any]) -> Q:
    """Rows behind `values` in `order`; the bound on the first field stands apart, for the index."""
    condition = Q()
    for depth in range(len(order)):
        same = Q()
        for name, value in zip(order[:depth], values[:depth], strict=True):
            same &= Q(**{name.lstrip("-"): value})
        name, value = order[depth], values[depth]
        way = "lt" if name.startswith("-") else "gt"
        condition |= same & Q(**{f"{name.lstrip('-')}__{way}": value})
    name, value = order[0], values[0]
    way = "lte" if name.startswith("-") else "gte"
    return Q(**{f"{name.lstrip('-')}__{way}": value}) & condition


def encode(row: Any, order: list[str]) -> str:
    values = [getattr(row, name.lstrip("-")) for name in order]
    plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode(text: str, length: int) -> list[Any] | None:
    """What `encode` made, or None: a cursor that somebody mended by hand begins at the start."""
    if not text or len(text) > 300:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(values, list) or len(values) != length:
            return None
        return [_value(value) for value in values]
    except (ValueError, binascii.Error, RecursionError):
        return None


def _value(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, (float, list, dict)):
        raise ValueError("not a key")
    if isinstance(value, int):
        if abs(value) > 2**62:
            raise ValueError("not a key")
        return value
    moment = parse_datetime(value)
    if moment is None or moment.tzinfo is None:
        raise ValueError("not a key")
    return moment


def href(request: HttpRequest, after: str) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    if after:
        query["after"] = after
    return f"?{query.urlencode()}"


def capped(rows: QuerySet, most: int = 100, *, along: tuple[str, ...] = ()) -> int:
    """How many there are, counted no further than one past `most`.

    `along` names the order of an index that has them together, so that counting is not a search.
    """
    return len(rows.order_by(*along).values_list("pk")[: most + 1])
