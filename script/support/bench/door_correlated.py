"""Signals accepted through HTTP and worked into scores, links and cases, beside accepting alone."""

from __future__ import annotations

from support.bench._load import (
    SOURCES,
    bodies,
    correlated,
    correlating,
    post_all,
    references,
    signal,
    through,
)
from support.bench.context import Context
from support.bench.figures import Figure


def run(ctx: Context) -> list[Figure]:
    rows = ctx.size(200_000, 30_000)
    refs = references(ctx.random(), rows // 5)
    key = ctx.keys[SOURCES["signals"]]

    def made(mark: str, count: int) -> list[bytes]:
        return bodies((signal(n, mark, refs[n % len(refs)]) for n in range(count)), 500)

    with ctx.web(processes=2) as web:
        alone, _ = post_all(web.port, "signals", key, made("a", rows), clients=2)
        with correlating(ctx):
            correlated(ctx)
            spent = through(ctx, web.port, "signals", made("b", rows))
    with ctx.connect() as db:
        found = db.execute("SELECT count(*) FROM cases_finding").fetchone()[0]
    if not found:
        raise AssertionError("nothing was correlated")
    value, yardstick = rows / spent, rows / alone
    return [
        Figure(
            "door_correlated", value, "signals/s", yardstick, value / yardstick, rows, ctx.seed,
            "≥ 10,000/s", value >= 10_000,
        )
    ]  # fmt: skip
