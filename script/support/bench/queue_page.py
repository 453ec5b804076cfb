"""The queue page with a million open cases, beside ten thousand: time on the server."""

from __future__ import annotations

from support.bench import _rows
from support.bench._load import percentile, timed
from support.bench._pages import page
from support.bench.context import Context
from support.bench.figures import Figure

FEW = 10_000


def run(ctx: Context) -> list[Figure]:
    many, times = ctx.size(1_000_000, 100_000), ctx.size(200, 40)
    _rows.open_cases(ctx, FEW, "few")
    look = page(ctx, "analyst", "/queue/")
    few = percentile(timed(look, times), 0.95)
    _rows.open_cases(ctx, many - FEW, "many", first=FEW + 1)
    value = percentile(timed(look, times), 0.95)
    ratio = value / few
    return [
        Figure(
            "queue_page", value, "ms p95", few, ratio, many, ctx.seed,
            "< 100 ms and ≤ 1.5 of ten thousand", value < 100 and ratio <= 1.5,
        )
    ]  # fmt: skip
