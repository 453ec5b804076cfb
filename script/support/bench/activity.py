"""Facts of the platform through HTTP, with sightings and links, beside accepting them alone."""

from __future__ import annotations

from collections.abc import Iterator

from support import population
from support.bench._load import SOURCES, bodies, correlated, correlating, post_all, through
from support.bench.context import Context
from support.bench.figures import Figure


def run(ctx: Context) -> list[Figure]:
    accounts = ctx.size(20_000, 3_000)
    first, second = _facts(accounts, ctx.seed), _facts(accounts, ctx.seed + 1)
    with ctx.web(processes=2) as web:
        sent = bodies(first, 500)
        key = ctx.keys[SOURCES["activity"]]
        alone, _ = post_all(web.port, "activity", key, sent, clients=2)
        with correlating(ctx):
            correlated(ctx)
            facts = list(second)
            spent = through(ctx, web.port, "activity", bodies(facts, 500))
    with ctx.connect() as db:
        sightings = db.execute("SELECT count(*) FROM cases_sighting").fetchone()[0]
    if not sightings:
        raise AssertionError("no sighting was made")
    value, yardstick = len(facts) / spent, len(facts) / alone
    return [
        Figure(
            "activity", value, "facts/s", yardstick, value / yardstick, len(facts), ctx.seed,
            "≥ 10,000/s", value >= 10_000,
        )
    ]  # fmt: skip


def _facts(accounts: int, seed: int) -> Iterator[dict]:
    return population.make(accounts, seed=seed)[0]
