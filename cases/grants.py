"""The rights of the database role that the portal runs as: everything it needs, nothing more.

The tables belong to the role that migrates. The application's role reads and writes rows, owns
nothing, truncates nothing, and can only add to the tables that are append-only.
"""

from __future__ import annotations

from django.db import connection, transaction
from psycopg import sql

APPEND_ONLY = ("cases_auditevent",)


@transaction.atomic
def grant_application_role(role: str, *, create: bool = False) -> int:
    """Give `role` its rights on all tables that exist and say on how many. Safe to run again.

    Run it after each migration: new tables are not granted by themselves.
    """
    name = sql.Identifier(role)
    with connection.cursor() as cursor:
        if create and not _exists(cursor, role):
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        cursor.execute("SELECT current_database(), current_schema()")
        database, schema = (sql.Identifier(each) for each in cursor.fetchone())
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name))
        cursor.execute(
            sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, name)
        )
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        )
        tables = [row[0] for row in cursor.fetchall()]
        for table in tables:
            target = sql.Identifier(table)
            cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(target, name))
            rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
            cursor.execute(sql.SQL(f"GRANT {rights} ON {{}} TO {{}}").format(target, name))
    return len(tables)


def _exists(cursor, role: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return cursor.fetchone() is not None
