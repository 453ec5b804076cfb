"""The correlator's working tables: what one round hands from step to step.

They are temporary, live as long as the session and are emptied at commit, so that a round makes
no catalogue rows. Each step says which it reads and which it fills.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection

TABLES = {
    # signals.correlation.facts → here: the round's facts, and all references of it
    "work_fact": (
        "id uuid, event_id text, type text, ref text, subject_kind text, at timestamptz, data jsonb"
    ),
    "work_ref": "ref text, at timestamptz",
    # cases.accounts: references with their accounts
    "work_account": "ref text PRIMARY KEY, id bigint",
    # who used what, then the same with ids where the pair is new
    "work_use": "ref text, kind text, value text, first_at timestamptz, last_at timestamptz, "
    "times int",
    "work_new": "trait_id bigint, account_id bigint, PRIMARY KEY (trait_id, account_id)",
    # traits whose sharers or standing changed; hashes that are new
    "work_dirty": "trait_id bigint PRIMARY KEY, kind text, before int, after int, "
    "restated boolean DEFAULT false",
    "work_hash": "trait_id bigint PRIMARY KEY, kind text, value text",
    # pairs of accounts to look at again, and what came of it
    "work_pair": "a bigint, b bigint",
    "work_link": "a bigint, b bigint, before numeric, after numeric",
    # accounts whose score is to be computed again
    "work_score": "account_id bigint PRIMARY KEY",
}


@contextmanager
def tables() -> Iterator:
    """A cursor in a session that has the working tables, all of them empty."""
    with connection.cursor() as cursor:
        # Compiling these statements costs more than running them; sorts of a round fit in memory.
        cursor.execute(
            "SET LOCAL client_min_messages = warning; SET LOCAL jit = off;"
            " SET LOCAL work_mem = '64MB'"
        )
        cursor.execute(
            "; ".join(
                f"CREATE TEMP TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS"
                for name, columns in TABLES.items()
            )
        )
        empty(cursor, TABLES)
        yield cursor


def empty(cursor, names: Iterable[str]) -> None:
    cursor.execute("; ".join(f"DELETE FROM {name}" for name in names))  # noqa: S608


def analyze(cursor, name: str, rows: int, *columns: str) -> None:
    """Let the planner know a working table when it is large enough to matter.

    `columns` names those that decide: reading JSON for statistics that nobody asks costs more
    than the rest.
    """
    if rows > 200:
        cursor.execute(f"ANALYZE {name}" + (f" ({', '.join(columns)})" if columns else ""))


# What a round reads and fills faster than the database's own upkeep, which comes once a minute,
# can follow. Planned as if empty, a look-up by index becomes a walk through the table.
GROWING = (
    "cases_account", "cases_trait", "cases_sighting", "cases_link", "cases_traitnear",
    "cases_nearhash", "cases_finding", "cases_case",
)  # fmt: skip
_OUTGROWN = """
SELECT s.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.relname = ANY(%s) AND s.n_mod_since_analyze > greatest(1000, c.reltuples)
"""


def keep_statistics(cursor) -> list[str]:
    """Let the planner know the tables that have doubled since it last looked; their names."""
    cursor.execute(_OUTGROWN, [list(GROWING)])
    names = [row[0] for row in cursor.fetchall()]
    for name in names:
        cursor.execute(f"ANALYZE {name}")
    return names


# One writer at a time over accounts' links, scores and rings, whoever asks: the correlator or a
# person. Held until the transaction ends.
LOCK = 0x636F7272
# Held by the one correlator that waits for the other lock.
TURN = 0x7475726E


def lock(cursor) -> None:
    """Wait for our turn."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def try_lock(cursor, name: int = LOCK) -> bool:
    """Whether it is our turn now."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [name])
    return cursor.fetchone()[0]


def reconsider(cursor, accounts: Iterable[int]) -> None:
    """Have the correlator's next round compute these scores again and ask whether a case is due."""
    cursor.execute(
        "INSERT INTO cases_reconsider (account_id) SELECT unnest(%s::bigint[])"
        " ON CONFLICT DO NOTHING",
        [sorted(set(accounts))],
    )
