"""Claim the next case, with lease, record and worker, by eight processes; beside bare SQL."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from support.bench import _rows
from support.bench._load import FORK, median
from support.bench.context import Context
from support.bench.figures import Figure

PROCESSES, ROUNDS = 8, 3
# What the portal's statement does to the case, and nothing else.
BARE = """
UPDATE cases_case SET state = 'in_review', state_since = now(), assignee_id = %(user)s,
    claimed_until = now() + interval '30 minutes', fence = fence + 1, version = version + 1
WHERE id = (
    SELECT id FROM cases_case
    WHERE queue = 'review' AND state = 'open' AND snoozed_until IS NULL
    ORDER BY severity DESC, due_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""


def run(ctx: Context) -> list[Figure]:
    cases, seconds = ctx.size(1_000_000, 60_000), ctx.size(10, 3)
    _rows.open_cases(ctx, cases, "claim")
    with ctx.connect() as db:
        user = db.execute("SELECT id FROM cases_user WHERE username = %s", [_analyst(ctx)])
        user_id = user.fetchone()[0]
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(_round(ctx, _claim_bare, user_id, seconds))
        ours.append(_round(ctx, _claim, user_id, seconds))
    _check(ctx)
    value, yardstick = median(ours), median(bare)
    return [
        Figure(
            "claim_next", value, "claims/s", yardstick, value / yardstick, cases, ctx.seed,
            "≥ 1,000/s, none double", value >= 1000,
        )
    ]  # fmt: skip


def _analyst(ctx: Context) -> str:
    return ctx.people["analyst"]["username"]


def _round(ctx: Context, work: Any, user_id: int, seconds: int) -> float:
    """Claims per second of all processes together."""
    results, ready = FORK.Queue(), FORK.Barrier(PROCESSES)
    running = [
        FORK.Process(target=work, args=(ctx, user_id, seconds, ready, results))
        for _ in range(PROCESSES)
    ]
    for each in running:
        each.start()
    try:
        counts = [results.get(timeout=seconds + 60) for _ in running]
        for each in running:
            each.join()
    finally:
        for each in running:
            each.kill()
    return sum(counts) / seconds


def _claim(ctx: Context, user_id: int, seconds: int, ready: Any, results: Any) -> None:
    import os

    os.environ["DATABASE_POOL"] = "0"
    ctx.django()
    from cases import queue
    from cases.models import User

    user = User.objects.get(pk=user_id)
    queue.claim_next(user)
    ready.wait()
    results.put(_count(lambda: queue.claim_next(user), seconds))


def _claim_bare(ctx: Context, user_id: int, seconds: int, ready: Any, results: Any) -> None:
    with psycopg.connect(ctx.database_url, autocommit=True) as db:
        db.execute(BARE, {"user": user_id}).fetchone()
        ready.wait()
        results.put(_count(lambda: db.execute(BARE, {"user": user_id}).fetchone(), seconds))


def _count(claim: Any, seconds: int) -> int:
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        if claim() is None:
            raise AssertionError("the queue ran dry; the figure would be of an empty queue")
        done += 1
    return done


def _check(ctx: Context) -> None:
    """Every claim took a case that nobody else had: as many fences as claims, each at one."""
    with ctx.connect() as db:
        double = db.execute("SELECT count(*) FROM cases_case WHERE fence > 1").fetchone()[0]
        events, claimed = db.execute(
            "SELECT count(*), count(DISTINCT case_id) FROM cases_auditevent WHERE verb = 'claim'"
        ).fetchone()
    if double or events != claimed:
        raise AssertionError(
            f"{double} cases were claimed twice ({events} events, {claimed} cases)"
        )
