"""Signals through HTTP in batches of 500, beside a raw COPY of the same rows to the same table.

Two yardsticks: one COPY in one transaction, and the same COPY committed every 500 rows, which is
what the door promises to each of its callers. Both write the same columns, indexes and checks.
"""

from __future__ import annotations

import time

from support.bench._load import SOURCES, bodies, median, post_all, references, signal
from support.bench.context import Context
from support.bench.figures import Figure

ROUNDS, BATCH = 3, 500
EMPTY = (
    "SET portal.allow_truncate = on;"
    " TRUNCATE signals_signal, signals_intakebatch, signals_intakebalance CASCADE"
)


def run(ctx: Context) -> list[Figure]:
    rows = ctx.size(200_000, 40_000)
    refs = references(ctx.random(), rows // 10)
    key = ctx.keys[SOURCES["signals"]]
    posted, copied, committed = [], [], []
    with ctx.web(processes=2) as web, ctx.connect() as db:
        warm = bodies([signal(n, "w", refs[n % len(refs)]) for n in range(4000)], 500)
        post_all(web.port, "signals", key, warm, clients=2)
        for turn in range(ROUNDS):
            made = (signal(n, f"r{turn}", refs[n % len(refs)]) for n in range(rows))
            sent = bodies(made, BATCH)
            db.execute(EMPTY)
            spent, _ = post_all(web.port, "signals", key, sent, clients=2)
            posted.append(rows / spent)
            stored = db.execute("SELECT count(*) FROM signals_signal").fetchone()[0]
            if stored != rows:
                raise AssertionError(f"{stored} of {rows} signals are stored")
            parts = _stored(db)
            copied.append(rows / _copy(db, [parts]))
            committed.append(rows / _copy(db, _split(parts, BATCH)))
    value, yardstick, alike = median(posted), median(copied), median(committed)
    ratio = value / yardstick
    return [
        Figure(
            "door_batch", value, "signals/s", yardstick, ratio, rows, ctx.seed,
            "≥ 30,000/s and ≥ 0.6 of COPY", value >= 30_000 and ratio >= 0.6,
        ),
        Figure(
            "door_batch_commits", value, "signals/s", alike, value / alike, rows, ctx.seed,
            "beside a COPY that commits every 500 rows",
        ),
    ]  # fmt: skip


def _stored(db) -> list[bytes]:
    """The stored rows as COPY sends them, a line each."""
    with db.cursor().copy("COPY signals_signal TO STDOUT") as out:
        return [bytes(part) for part in out]


def _split(parts: list[bytes], size: int) -> list[list[bytes]]:
    return [parts[start : start + size] for start in range(0, len(parts), size)]


def _copy(db, groups: list[list[bytes]]) -> float:
    """Seconds that COPY takes into the same table, emptied before; each group is a commit."""
    db.execute(EMPTY)
    joined = [b"".join(group) for group in groups]
    began = time.perf_counter()
    for group in joined:
        with db.cursor().copy("COPY signals_signal FROM STDIN") as into:
            into.write(group)
    return time.perf_counter() - began
