"""A cursor whose statements the server keeps planned: parsing them anew costs more than they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorDebugWrapper


class _Logged(CursorDebugWrapper):
    """Logs a statement as it is written: its parameters are not part of it."""

    def debug_sql(self, sql=None, params=None, use_last_executed_query=False, many=False):
        return super().debug_sql(sql, params, False, many)


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
