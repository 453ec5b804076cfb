"""Pages by key, not by number: the same cost at any depth, and no row twice or missed.

A cursor holds the values of the last row's ordering fields. The ordering is one of the view's
own list and always ends in the primary key, so it is total.
"""

import base64
import binascii
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api.problems import Unprocessable

CURSOR_MAX = 1024


class KeysetPagination(BasePagination):
    """`?page_size=&cursor=&ordering=`; answers `{next, previous, results}`.

    The view says `orderings = {"name": ("-field", …)}`; the first is the default. Fields that
    may be null do not belong in an ordering.
    """

    page_size = 50
    max_page_size = 200

    def paginate_queryset(
        self, queryset: QuerySet, request: Request, view: Any = None
    ) -> list[Model]:
        self.request = request
        size = self._page_size(view)
        name, ordering = self._ordering(view)
        backwards, values = self._position(queryset.model, ordering)
        order = [_flip(field) for field in ordering] if backwards else ordering
        if values is not None:
            queryset = queryset.filter(after(order, values))
        rows = list(queryset.order_by(*order)[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()
        has_next, has_previous = (True, more) if backwards else (more, values is not None)
        self.next = self._link(name, ordering, rows[-1], "n") if rows and has_next else None
        self.previous = self._link(name, ordering, rows[0], "p") if rows and has_previous else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict) -> dict:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link,
                "previous": link,
                "results": {"type": "array", "items": schema, "maxItems": self.max_page_size},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        limit = getattr(view, "max_page_size", self.max_page_size)
        return [
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string", "maxLength": CURSOR_MAX},
                "description": "From `next` or `previous`; made by the portal.",
            },
            {
                "name": "page_size",
                "in": "query",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": limit,
                    "default": min(self.page_size, limit),
                },
                "description": "How many to a page; more than the maximum gives the maximum.",
            },
            {
                "name": "ordering",
                "in": "query",
                "schema": {"type": "string", "enum": list(view.orderings)},
                "description": "The first is the default.",
            },
        ]

    def _page_size(self, view: Any) -> int:
        limit = getattr(view, "max_page_size", self.max_page_size)
        raw = self.request.query_params.get("page_size")
        if raw is None:
            return min(self.page_size, limit)
        if not raw.isascii() or not raw.isdigit() or len(raw) > 6 or int(raw) < 1:
            raise _invalid("page_size", "A whole number of at least 1.")
        return min(int(raw), limit)

    def _ordering(self, view: Any) -> tuple[str, tuple[str, ...]]:
        name = self.request.query_params.get("ordering") or next(iter(view.orderings))
        if name not in view.orderings:
            raise _invalid("ordering", f"One of {', '.join(view.orderings)}.")
        return name, view.orderings[name]

    def _position(
        self, model: type[Model], ordering: tuple[str, ...]
    ) -> tuple[bool, list[Any] | None]:
        raw = self.request.query_params.get("cursor")
        if not raw:
            return False, None
        try:
            if len(raw) > CURSOR_MAX:
                raise ValueError("too long")
            padded = raw + "=" * (-len(raw) % 4)
            direction, *values = json.loads(base64.b64decode(padded, b"-_", validate=True))
            if direction not in ("n", "p") or len(values) != len(ordering):
                raise ValueError("of another ordering")
            return direction == "p", [
                _typed(model, field, value) for field, value in zip(ordering, values, strict=True)
            ]
        except (ValueError, TypeError, ValidationError, binascii.Error, RecursionError) as exc:
            raise _invalid("cursor", "Not a cursor of this list; begin without one.") from exc

    def _link(self, name: str, ordering: tuple[str, ...], row: Model, direction: str) -> str:
        values = [_plain(getattr(row, _bare(field))) for field in ordering]
        packed = json.dumps([direction, *values], separators=(",", ":")).encode()
        query = self.request.query_params.copy()
        query["cursor"] = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        query["ordering"] = name
        pairs = [(key, value) for key, items in query.lists() for value in items]
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(pairs)}")


def after(ordering: list[str] | tuple[str, ...], values: list[Any]) -> Q:
    """Rows that come after `values` in `ordering`.

    The first comparison stands alone beside the rest so that an index can start there.
    """
    tail = Q(pk__in=[])
    equal = Q()
    for field, value in zip(ordering, values, strict=True):
        compare = "lt" if field.startswith("-") else "gt"
        tail |= equal & Q(**{f"{_bare(field)}__{compare}": value})
        equal &= Q(**{_bare(field): value})
    first, value = ordering[0], values[0]
    bound = "lte" if first.startswith("-") else "gte"
    return Q(**{f"{_bare(first)}__{bound}": value}) & tail


def _typed(model: type[Model], field: str, value: Any) -> Any:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise ValueError("not a plain value")
    if isinstance(value, str) and len(value) > 40:
        raise ValueError("too long")
    name = _bare(field)
    found = model._meta.pk if name == "pk" else model._meta.get_field(name)
    typed = found.to_python(value)
    found.run_validators(typed)
    if isinstance(typed, datetime) and typed.tzinfo is None:
        raise ValueError("no time zone")
    return typed


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (int, str)) else str(value)


def _bare(field: str) -> str:
    return field.removeprefix("-")


def _flip(field: str) -> str:
    return field[1:] if field.startswith("-") else f"-{field}"


def _invalid(name: str, detail: str) -> Unprocessable:
    return Unprocessable({"parameter": name, "detail": detail, "code": "invalid"})
