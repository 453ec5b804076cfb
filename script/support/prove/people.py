"""What the proofs about people's work share: people, cases by SQL, processes, the last count."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from support import say
from support.bench import _rows
from support.bench._load import FORK
from support.bench.context import Context
from support.say import Failed

PROCESSES = 8
# Two cases of one account open, a holder without a lease, a proposal beside no waiting case or a
# waiting case beside no proposal, a case whose last event says another state.
ILLEGAL = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM cases_case WHERE state <> 'closed'
                              GROUP BY account_id HAVING count(*) > 1) AS a)
     + (SELECT count(*) FROM cases_case WHERE (state IN ('in_review', 'in_compliance'))
          <> (assignee_id IS NOT NULL AND claimed_until IS NOT NULL))
     + (SELECT count(*) FROM cases_case AS c WHERE (state = 'pending_approval') <> EXISTS (
            SELECT FROM cases_decision AS d WHERE d.case_id = c.id AND d.state = 'proposed'))
     + (SELECT count(*) FROM cases_case AS c WHERE c.version > 0 AND c.state <> (
            SELECT e.data->>'after' FROM cases_auditevent AS e
            WHERE e.case_id = c.id AND e.data ? 'after' ORDER BY e.id DESC LIMIT 1))
"""
# Of each case: events that do not begin where the one before ended, and claims that were given
# while another one ran.
BROKEN = """
SELECT count(*) FILTER (WHERE before IS DISTINCT FROM coalesce(last, 'open')),
       count(*) FILTER (WHERE verb = 'claim' AND last IN ('in_review', 'in_compliance'))
FROM (SELECT verb, data->>'before' AS before,
             lag(data->>'after') OVER (PARTITION BY case_id ORDER BY id) AS last
      FROM cases_auditevent WHERE case_id IS NOT NULL AND data ? 'after') AS e
"""


@dataclass(frozen=True)
class Tally:
    """Figures of a proof, some of which must be nought."""

    figures: dict[str, Any]
    wrong: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not any(self.figures[name] for name in self.wrong)

    def tell(self, *, as_json: bool) -> None:
        if as_json:
            print(json.dumps({**asdict(self)["figures"], "clean": self.clean}), flush=True)
            return
        say.line()
        for name, value in self.figures.items():
            must = "   (must be 0)" if name in self.wrong else ""
            say.line(f"  {name:<22} {value}{must}")


def number(ctx: Context, sql: str) -> int:
    with ctx.connect() as db:
        row = db.execute(sql.encode()).fetchone()
    return int(row[0]) if row else 0


def broken(ctx: Context) -> tuple[int, int]:
    with ctx.connect() as db:
        row = db.execute(BROKEN.encode()).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def cases(ctx: Context, count: int, mark: str) -> None:
    with say.step(f"Opening {count:,} cases"):
        _rows.open_cases(ctx, count, mark)


def user_id(ctx: Context, role: str) -> int:
    with ctx.connect() as db:
        row = db.execute(
            "SELECT id FROM cases_user WHERE username = %s", [ctx.people[role]["username"]]
        ).fetchone()
    if row is None:
        raise Failed(f"There is nobody with the role {role}.")
    return int(row[0])


def side_by_side(work: Callable[..., None], *given: Any, within: float) -> list[dict[str, Any]]:
    """Run `work(place, ready, results, *given)` in eight processes; what each put as its result."""
    results, ready = FORK.Queue(), FORK.Barrier(PROCESSES)
    running = [
        FORK.Process(target=work, args=(place, ready, results, *given))
        for place in range(PROCESSES)
    ]
    for each in running:
        each.start()
    try:
        return [results.get(timeout=within) for _ in running]
    finally:
        for each in running:
            each.join(10)
            if each.is_alive():
                each.terminate()
