"""R8: eight people's programs claim without pause, some freeze beyond their lease and then write.

A holder is frozen by SIGSTOP as often as wanted; its claim runs out, another one claims the case,
and then the first goes on where it was, with the fence that it had.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

from support import say
from support.bench._load import FORK
from support.bench.context import Context
from support.prove import people
from support.prove.people import Tally

CLAIMS_PER_KILL = 500  # `--kills 200`: 100,000 claims
FROZEN_PER_KILL = 0.5


def run(ctx: Context, *, kills: int) -> Tally:
    claims, stale = kills * CLAIMS_PER_KILL, max(1, round(kills * FROZEN_PER_KILL))
    started = time.monotonic()
    people.cases(ctx, claims // 2, "claims")
    user = people.user_id(ctx, "analyst")
    share = claims // people.PROCESSES
    done = people.side_by_side(_claim, ctx, user, share, within=3600)
    seconds = max(each["seconds"] for each in done)
    say.line(f"  {sum(each['claims'] for each in done):,} claims in {seconds:.0f} s")
    tried, refused = _frozen(ctx, user, people.user_id(ctx, "senior"), stale)
    gaps, doubles = people.broken(ctx)
    return Tally(
        {
            "proof": "claims",
            "seed": ctx.seed,
            "claims": sum(each["claims"] for each in done),
            "claims_per_s": round(sum(each["claims"] for each in done) / seconds),
            "double": doubles + sum(each["regressed"] for each in done),
            "stale_writes": tried,
            "stale_refused": refused,
            "stale_written": tried - refused,
            "histories_broken": gaps,
            "illegal": people.number(ctx, people.ILLEGAL),
            "seconds": round(time.monotonic() - started, 1),
        },
        wrong=("double", "stale_written", "histories_broken", "illegal"),
    )


def _claim(place: int, ready: Any, results: Any, ctx: Context, user_id: int, share: int) -> None:
    """Claim and, every other time, give back: cases come round and their fences must only grow."""
    os.environ["DATABASE_POOL"] = "0"
    ctx.django()
    from cases import queue
    from cases.models import User

    user = User.objects.get(pk=user_id)
    rng = random.Random(f"{ctx.seed}/claims/{place}")
    fences: dict[int, int] = {}
    regressed = made = 0
    ready.wait()
    started = time.monotonic()
    while made < share:
        case = queue.claim_next(user)
        if case is None:
            break
        made += 1
        regressed += case.fence <= fences.get(case.pk, 0)
        fences[case.pk] = case.fence
        if rng.random() < 0.6:
            queue.release(case, actor=user, fence=case.fence)
    results.put({"claims": made, "regressed": regressed, "seconds": time.monotonic() - started})


def _frozen(ctx: Context, user_id: int, other_id: int, count: int) -> tuple[int, int]:
    """Writes of holders that were stopped beyond their lease: how many tried, how many refused."""
    refused = 0
    for _ in range(count):
        ours, theirs = FORK.Pipe()
        holder = FORK.Process(target=_hold, args=(theirs, ctx, user_id))
        holder.start()
        try:
            case_id = ours.recv()
            os.kill(holder.pid or 0, signal.SIGSTOP)
            with ctx.connect() as db:
                db.execute(
                    "UPDATE cases_case SET claimed_until = now() - interval '1 second'"
                    " WHERE id = %s", [case_id]
                )  # fmt: skip
            taker = FORK.Process(target=_take, args=(ctx, other_id, case_id))
            taker.start()
            taker.join(60)
            os.kill(holder.pid or 0, signal.SIGCONT)
            ours.send("go on")
            refused += ours.recv() == "refused"
        finally:
            holder.join(30)
    return count, refused


def _hold(pipe: Any, ctx: Context, user_id: int) -> None:
    os.environ["DATABASE_POOL"] = "0"
    ctx.django()
    from cases import decisions, queue
    from cases.models import User
    from cases.transitions import NotAllowed

    user = User.objects.get(pk=user_id)
    case = queue.claim_next(user)
    if case is None:
        raise AssertionError("the queue ran dry")
    pipe.send(case.pk)
    pipe.recv()
    try:
        decisions.escalate(case, actor=user, reason="late", fence=case.fence)
    except NotAllowed:
        pipe.send("refused")
    else:
        pipe.send("written")


def _take(ctx: Context, user_id: int, case_id: int) -> None:
    os.environ["DATABASE_POOL"] = "0"
    ctx.django()
    from cases import queue
    from cases.models import Case, User

    queue.claim(Case.objects.get(pk=case_id), actor=User.objects.get(pk=user_id))
