"""R9: pairs of conflicting moves on one case, let go by a barrier. One wins, the other is told."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from support.bench.context import Context
from support.prove import people
from support.prove.people import Tally

PAIRS_PER_KILL = 50  # `--kills 200`: 10,000 pairs
KINDS = (
    "approve/reject", "approve/withdraw", "approve/approve", "close/escalate", "claim/assign",
    "claim/claim",
)  # fmt: skip
ROLES = ("analyst", "senior", "officer")


def run(ctx: Context, *, kills: int) -> Tally:
    pairs = kills * PAIRS_PER_KILL
    started = time.monotonic()
    share = -(-pairs // people.PROCESSES)
    people.cases(ctx, share * people.PROCESSES, "moves")
    with ctx.connect() as db:
        rows = db.execute("SELECT id FROM cases_case ORDER BY id").fetchall()
    ids = [row[0] for row in rows]
    roles = {role: people.user_id(ctx, role) for role in ROLES}
    done = people.side_by_side(_pairs, ctx, ids, roles, within=7200)
    total: Counter[str] = Counter()
    for each in done:
        total.update(each)
    gaps, doubles = people.broken(ctx)
    made = total["pairs"]
    return Tally(
        {
            "proof": "moves",
            "seed": ctx.seed,
            "pairs": made,
            **{kind: total[kind] for kind in KINDS},
            "first_won": total["first"],
            "second_won": total["second"],
            "none_won": total["none"],
            "both_won": total["both"],
            "loser_not_told": total["untold"],
            "histories_broken": gaps + doubles,
            "illegal": people.number(ctx, people.ILLEGAL),
            "seconds": round(time.monotonic() - started, 1),
        },
        wrong=("none_won", "both_won", "loser_not_told", "histories_broken", "illegal"),
    )


def _pairs(
    place: int, ready: Any, results: Any, ctx: Context, ids: list[int], roles: dict[str, int]
) -> None:
    os.environ["DATABASE_POOL"] = "0"
    ctx.django()
    from django.db import connections

    people_of = _people(roles)
    count: Counter[str] = Counter()
    # Two threads that stay: each keeps its connection, so that the pair begins at once.
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
        ready.wait()
        for turn, case_id in enumerate(ids[place :: people.PROCESSES]):
            kind = KINDS[turn % len(KINDS)]
            acts = _prepare(kind, case_id, people_of)
            start = Barrier(2)
            ends = [
                pool.submit(_act, act, start) for pool, act in zip((one, two), acts, strict=True)
            ]
            said = [end.result(timeout=120) for end in ends]
            won = tuple(each == "won" for each in said)
            count[kind] += 1
            count["pairs"] += 1
            count[
                {(True, False): "first", (False, True): "second", (True, True): "both"}.get(
                    won, "none"
                )
            ] += 1
            count["untold"] += any(each not in ("won", "refused") for each in said)
        for pool in (one, two):
            pool.submit(connections.close_all).result()
    results.put(dict(count))


def _people(roles: dict[str, int]) -> dict[str, Any]:
    """The three of the demo, a second analyst and a second officer."""
    from django.contrib.auth.models import Group

    from cases import permissions
    from cases.models import User

    found = {role: User.objects.get(pk=pk) for role, pk in roles.items()}
    for name, role in (("second-analyst", "analyst"), ("second-officer", "officer")):
        user, _ = User.objects.get_or_create(
            username=name, defaults={"email": f"{name}@example.com"}
        )
        user.groups.add(Group.objects.get(name=role))
        found[name] = User.objects.get(pk=user.pk)
    for user in found.values():
        permissions.allows(user, permissions.VIEW)
    return found


def _prepare(kind: str, case_id: int, who: dict[str, Any]) -> tuple[Any, Any]:
    """Bring the case to where both moves are allowed; the two moves."""
    from cases import decisions, playbook, queue
    from cases.models import Case, Decision

    analyst, officer = who["analyst"], who["officer"]

    def case() -> Case:
        return Case.objects.select_related("account").get(pk=case_id)

    one, two = case(), case()
    if kind == "claim/claim":
        second = who["second-analyst"]
        return lambda: queue.claim(one, actor=analyst), lambda: queue.claim(two, actor=second)
    if kind == "claim/assign":
        to, senior = who["second-analyst"], who["senior"]
        return (
            lambda: queue.claim(one, actor=analyst, version=one.version),
            lambda: queue.assign(two, to, senior, version=two.version),
        )
    queue.claim(case(), actor=analyst)
    book = playbook.of(one.typology_code)
    if kind == "close/escalate":
        fence = case().fence
        reason = next(iter(book.reasons("monitor")))
        return (
            lambda: decisions.propose(
                one, "monitor", actor=analyst, reason_code=reason, reason="r", fence=fence
            ),
            lambda: decisions.escalate(two, actor=analyst, reason="r", fence=fence),
        )
    reason = next(code for code, row in book.reasons("restricted").items() if not row.get("needs"))
    proposed = decisions.propose(
        case(), "restricted", actor=analyst, reason_code=reason, reason="r"
    )
    first, second = (Decision.objects.get(pk=proposed.pk) for _ in range(2))
    other = {
        "approve/reject": lambda: decisions.reject(second, actor=who["second-officer"], reason="r"),
        "approve/withdraw": lambda: decisions.withdraw(second, actor=analyst),
        "approve/approve": lambda: decisions.approve(second, actor=who["second-officer"]),
    }[kind]
    return lambda: decisions.approve(first, actor=officer), other


def _act(act: Any, start: Barrier) -> str:
    from cases.permissions import Denied
    from cases.transitions import NotAllowed

    start.wait(60)
    try:
        act()
    except (NotAllowed, Denied):
        return "refused"
    except Exception as fault:  # a deadlock or a bare constraint: nobody was told anything
        return f"{type(fault).__name__}: {fault}"
    return "won"
