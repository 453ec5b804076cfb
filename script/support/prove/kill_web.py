"""R1: web processes are killed while eight clients post batches and retry."""

from __future__ import annotations

from support.bench.context import Context
from support.prove import rounds
from support.prove.accounts import Accounts

# One in eight kills hits the master, the others one of its workers.
MAIN_SHARE = 0.125


def run(ctx: Context, *, kills: int) -> Accounts:
    return rounds.run(ctx, proof="kill-web", kills=kills, victims=["web"], main_share=MAIN_SHARE)
