"""A trait that thousands share: as fast as if nobody shared anything, and no ring of it."""

from __future__ import annotations

from support.bench._load import bodies, correlating, login, references, through
from support.bench.context import Context
from support.bench.figures import Figure


def run(ctx: Context) -> list[Figure]:
    accounts = ctx.size(5_000, 5_000)
    rng = ctx.random()
    hub, apart = references(rng, accounts), references(rng, accounts)
    with ctx.web(processes=2) as web, correlating(ctx):
        warm = bodies(
            [
                login(n, "w", ref, f"10.9.{n % 250}.1", f"w{n}")
                for n, ref in enumerate(references(rng, 500))
            ],
            500,
        )
        through(ctx, web.port, "activity", warm)
        own = [
            login(n, "apart", ref, f"10.{n // 60000}.{n // 250 % 240}.{n % 250}", f"dev-a{n}")
            for n, ref in enumerate(apart)
        ]
        yardstick = accounts / through(ctx, web.port, "activity", bodies(own, 500))
        shared = [login(n, "hub", ref, "198.51.100.7", f"dev-h{n}") for n, ref in enumerate(hub)]
        value = accounts / through(ctx, web.port, "activity", bodies(shared, 500))
    with ctx.connect() as db:
        rings = db.execute("SELECT count(*) FROM cases_ring WHERE dissolved_at IS NULL").fetchone()[
            0
        ]
        sharers = db.execute(
            "SELECT sharers FROM cases_trait WHERE kind = 'ip' AND value = '198.51.100.7'"
        ).fetchone()[0]
    ratio = value / yardstick
    return [
        Figure(
            "hub_5000", value, "facts/s", yardstick, ratio, sharers, ctx.seed,
            "no ring, ≥ 0.7 of facts that share nothing", rings == 0 and ratio >= 0.7,
        )
    ]  # fmt: skip
