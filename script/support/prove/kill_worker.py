"""R2: Celery's main processes and their children are killed in turn while work comes in."""

from __future__ import annotations

from support.bench.context import Context
from support.prove import rounds
from support.prove.accounts import Accounts


def run(ctx: Context, *, kills: int) -> Accounts:
    return rounds.run(
        ctx,
        proof="kill-worker",
        kills=kills,
        victims=["correlation", "worker"],
        main_share=0.5,
        pause=3.0,  # a steady stream, so that lateness shows redelivery and not a backlog
    )
