"""A cursor whose statements the server keeps planned.

For the few that are asked thousands of times a second: parsing and planning them anew costs more
than they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db import connection, models
from django.db.backends.utils import CursorDebugWrapper

_M = TypeVar("_M", bound=models.Model)


class _Logged(CursorDebugWrapper):
    """Logs a statement as it is written: its parameters are not part of it."""

    def debug_sql(self, sql=None, params=None, use_last_executed_query=False, many=False):
        return super().debug_sql(sql, params, False, many)


def instance(model: type[_M], cursor: Any) -> _M | None:
    """The object of the cursor's next row, whose columns are those of the model's table."""
    row = cursor.fetchone()
    if row is None:
        return None
    found = dict(zip((column.name for column in cursor.description), row, strict=True))
    names, values = [], []
    for field in model._meta.concrete_fields:
        value = found[field.column]
        for convert in field.get_db_converters(connection):
            value = convert(value, None, connection)
        names.append(field.attname)
        values.append(value)
    return model.from_db(connection.alias, names, values)


@contextmanager
def cursor() -> Iterator[Any]:
    """Like `connection.cursor()`, with parameters bound by the server.

    Django's own cursor writes the parameters into the text, so that no two statements are alike.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        bare = psycopg.Cursor(connection.connection)
    logged = connection.queries_logged
    with _Logged(bare, connection) if logged else connection.make_cursor(bare) as made:
        yield made
