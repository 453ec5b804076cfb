"""Signals through HTTP in batches of 500, beside a raw COPY of the same rows to the same table."""

from __future__ import annotations

import time

from support.bench._load import SOURCES, bodies, median, post_all, references, signal
from support.bench.context import Context
from support.bench.figures import Figure

ROUNDS = 3
EMPTY = (
    "SET portal.allow_truncate = on;"
    " TRUNCATE signals_signal, signals_intakebatch, signals_intakebalance CASCADE"
)


def run(ctx: Context) -> list[Figure]:
    rows = ctx.size(200_000, 40_000)
    refs = references(ctx.random(), rows // 10)
    key = ctx.keys[SOURCES["signals"]]
    posted, copied = [], []
    with ctx.web(processes=2) as web, ctx.connect() as db:
        warm = bodies([signal(n, "w", refs[n % len(refs)]) for n in range(4000)], 500)
        post_all(web.port, "signals", key, warm, clients=2)
        for turn in range(ROUNDS):
            made = (signal(n, f"r{turn}", refs[n % len(refs)]) for n in range(rows))
            sent = bodies(made, 500)
            db.execute(EMPTY)
            spent, _ = post_all(web.port, "signals", key, sent, clients=2)
            posted.append(rows / spent)
            stored = db.execute("SELECT count(*) FROM signals_signal").fetchone()[0]
            if stored != rows:
                raise AssertionError(f"{stored} of {rows} signals are stored")
            copied.append(rows / _copy(db))
    value, yardstick = median(posted), median(copied)
    ratio = value / yardstick
    return [
        Figure(
            "door_batch", value, "signals/s", yardstick, ratio, rows, ctx.seed,
            "≥ 30,000/s and ≥ 0.6 of COPY", value >= 30_000 and ratio >= 0.6,
        )
    ]  # fmt: skip


def _copy(db) -> float:
    """Seconds that one COPY of the stored rows takes into the same table, emptied before."""
    with db.cursor().copy("COPY signals_signal TO STDOUT (FORMAT binary)") as out:
        parts = [bytes(part) for part in out]
    db.execute("SET portal.allow_truncate = on; TRUNCATE signals_signal")
    began = time.perf_counter()
    with db.cursor().copy("COPY signals_signal FROM STDIN (FORMAT binary)") as into:
        for part in parts:
            into.write(part)
    return time.perf_counter() - began
