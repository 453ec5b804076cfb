"""The case page of a member of a ring of 300, and the ring's own page: time on the server."""

from __future__ import annotations

from support.bench._load import median, timed
from support.bench._pages import page
from support.bench.context import Context
from support.bench.figures import Figure

MEMBERS, NEIGHBOURS = 300, 12
# Each member shares a device with the next twelve: 3,600 links, one ring.
ROWS = """
INSERT INTO cases_ring (created_at, changed_at, size) VALUES (now(), now(), {members});
INSERT INTO cases_account (ref, kind, score, ring_id, first_seen_at, last_seen_at)
SELECT 'fl-ring' || n, 'freelancer', 12, (SELECT max(id) FROM cases_ring), now(), now()
FROM generate_series(1, {members}) n;
INSERT INTO cases_trait (kind, value, sharers)
SELECT 'device', 'dev-ring' || n, {neighbours} FROM generate_series(1, {members}) n;
INSERT INTO cases_sighting (account_id, trait_id, first_at, last_at, times)
SELECT a.id, t.id, now(), now(), 3
FROM generate_series(1, {members}) n, generate_series(0, {neighbours}) d
    JOIN cases_account a ON true JOIN cases_trait t ON true
WHERE a.ref = 'fl-ring' || 1 + (n + d - 1) % {members} AND t.value = 'dev-ring' || n;
INSERT INTO cases_link (a_id, b_id, strength)
SELECT DISTINCT least(x.id, y.id), greatest(x.id, y.id), 7.5
FROM generate_series(1, {members}) n, generate_series(1, {neighbours}) d
    JOIN cases_account x ON true JOIN cases_account y ON true
WHERE x.ref = 'fl-ring' || n AND y.ref = 'fl-ring' || 1 + (n + d - 1) % {members};
"""


def run(ctx: Context) -> list[Figure]:
    times = ctx.size(60, 10)
    with ctx.connect() as db:
        told = {"members": MEMBERS, "neighbours": NEIGHBOURS}
        for statement in ROWS.format(**told).split(";")[:-1]:
            db.execute(statement)
        from support.bench._rows import CASES

        db.execute(CASES.format(mark="ring"))
        db.execute("ANALYZE")
        ring = db.execute("SELECT max(id) FROM cases_ring").fetchone()[0]
        ref = db.execute("SELECT max(ref) FROM cases_case").fetchone()[0]
    case = median(timed(page(ctx, "analyst", f"/cases/{ref}/"), times))
    shown = median(timed(page(ctx, "analyst", f"/rings/{ring}/"), times))
    return [
        Figure("ring_page", case, "ms", None, None, MEMBERS, ctx.seed, "< 300 ms", case < 300),
        Figure(
            "ring_page_of_ring", shown, "ms", None, None, MEMBERS, ctx.seed, "< 300 ms", shown < 300
        ),
    ]
