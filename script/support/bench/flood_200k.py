"""A detector that floods: no ring, scores capped, and the queue as fast as before."""

from __future__ import annotations

from support.bench import _rows
from support.bench._load import (
    bodies,
    correlated,
    correlating,
    median,
    references,
    signal,
    through,
    timed,
)
from support.bench._pages import page
from support.bench.context import Context
from support.bench.figures import Figure

CASES = 10_000


def run(ctx: Context) -> list[Figure]:
    rows, times = ctx.size(200_000, 20_000), ctx.size(100, 30)
    refs = references(ctx.random(), 2_000)
    _rows.open_cases(ctx, CASES, "calm")
    look = page(ctx, "analyst", "/queue/")
    before = median(timed(look, times))
    with ctx.web(processes=2) as web, correlating(ctx):
        made = (signal(n, "f", refs[n % len(refs)], confidence=0.9) for n in range(rows))
        spent = through(ctx, web.port, "signals", bodies(made, 500))
        correlated(ctx)
    after = median(timed(look, times))
    with ctx.connect() as db:
        rings = db.execute("SELECT count(*) FROM cases_ring WHERE dissolved_at IS NULL").fetchone()[
            0
        ]
        highest = db.execute(
            "SELECT max(score) FROM cases_account WHERE ref = ANY(%s)", [refs]
        ).fetchone()[0]
    ratio = after / before
    good = rings == 0 and highest <= 12 and ratio <= 1.5
    return [
        Figure(
            "flood_200k", after, "ms median of the queue", before, ratio, rows, ctx.seed,
            "no ring, scores under the cap, queue ≤ 1.5", good,
        ),
        Figure("flood_200k_rate", rows / spent, "signals/s", None, None, rows, ctx.seed),
    ]  # fmt: skip
