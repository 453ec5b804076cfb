"""One signal to a request, eight clients at once."""

from __future__ import annotations

from support.bench._load import SOURCES, bodies, percentile, post_all, references, signal
from support.bench.context import Context
from support.bench.figures import Figure

CLIENTS = 8


def run(ctx: Context) -> list[Figure]:
    rows = ctx.size(20_000, 6_000)
    refs = references(ctx.random(), 2_000)
    key = ctx.keys[SOURCES["signals"]]
    with ctx.web(processes=2, threads=8) as web:
        warm = bodies([signal(n, "w", refs[n % len(refs)]) for n in range(400)], 1)
        post_all(web.port, "signals", key, warm, clients=CLIENTS)
        sent = bodies((signal(n, "s", refs[n % len(refs)]) for n in range(rows)), 1)
        spent, took = post_all(web.port, "signals", key, sent, clients=CLIENTS)
    rate = rows / spent
    p50, p95 = percentile(took, 0.5) * 1000, percentile(took, 0.95) * 1000
    return [
        Figure(
            "door_single", rate, "signals/s", None, None, rows, ctx.seed, "≥ 1,000/s", rate >= 1000
        ),
        Figure("door_single_p50", p50, "ms", None, None, rows, ctx.seed),
        Figure("door_single_p95", p95, "ms", None, None, rows, ctx.seed, "< 25 ms", p95 < 25),
    ]
