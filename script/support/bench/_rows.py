"""Rows by SQL, for what would take hours through the doors."""

from __future__ import annotations

from support.bench.context import Context

ACCOUNTS = """
INSERT INTO cases_account (ref, score, first_seen_at, last_seen_at)
SELECT 'fl-{mark}' || n, 4 + n % 9, now(), now() FROM generate_series({first}, {last}) n
"""
CASES = """
INSERT INTO cases_case (ref, account_id, typology_code, state, state_since, queue, severity,
    opened_at, opened_because, due_at, score_at_opening, fence, version, snooze, outcome,
    cleared_families, reopened_because, blockable_interest, restricted, flags)
SELECT cases_next_ref(), a.id, 'dprk_itw', 'open', now(), 'review', 1 + a.id % 4,
    now() - a.id % 1000 * interval '1 minute', '{{"rule": "score"}}',
    now() + (a.id * 7919) % 10000 * interval '1 minute', a.score, 0, 0, '{{}}', '',
    '{{}}', '', 'undetermined', false, '{{}}'
FROM cases_account a WHERE a.ref LIKE 'fl-{mark}%'
ORDER BY a.id
"""
CHUNK = 200_000


def open_cases(ctx: Context, count: int, mark: str, *, first: int = 1) -> None:
    """`count` open cases of review, of all severities and deadlines, and room to work in."""
    with ctx.connect() as db:
        for start in range(first, first + count, CHUNK):
            last = min(start + CHUNK, first + count) - 1
            part = f"{mark}{start}-"
            db.execute(ACCOUNTS.format(mark=part, first=start, last=last))
            db.execute(CASES.format(mark=part))
        db.execute("VACUUM ANALYZE cases_case")
        db.execute("VACUUM ANALYZE cases_account")
        db.execute("CHECKPOINT")
