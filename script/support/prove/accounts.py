"""The six figures that every proof ends with, from what clients saw and what the database holds.

lost: acknowledged to a client and not stored. duplicated: stored or scored more than once, or told
the platform under two names. unaccounted: received, but in no outcome, or an outcome without its
row. orphaned: accepted and worked in nowhere, or a case that should be there and is not.
unaudited: a case whose state has no event that says so. unchained is not counted yet: the audit
trail is append-only, but its seals come later.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg

from support import say

TWICE = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM signals_signal
                              GROUP BY detector_id, event_id HAVING count(*) > 1) AS a)
     + (SELECT count(*) FROM (SELECT 1 FROM cases_finding
                              GROUP BY account_id, detector, fingerprint HAVING count(*) > 1) AS b)
     + (SELECT count(*) FROM (SELECT 1 FROM cases_case WHERE state <> 'closed'
                              GROUP BY account_id HAVING count(*) > 1) AS c)
     + (SELECT count(*) FROM (SELECT 1 FROM cases_enrichmentjob
                              GROUP BY key HAVING count(*) > 1) AS d)
     + (SELECT count(*) FROM cases_finding AS f WHERE f.times <> (
            SELECT count(*) FROM signals_signal AS s
            JOIN cases_account AS a ON a.ref = s.account_ref
            WHERE a.id = f.account_id AND s.fingerprint = f.fingerprint AND NOT s.shadow)
          AND f.detector LIKE '/detectors/%')
"""
UNBALANCED = """
SELECT coalesce(sum(abs(received - accepted - duplicate - conflict - rejected)), 0)
     + abs(coalesce(sum(accepted), 0) - (SELECT count(*) FROM signals_signal)
           - (SELECT count(*) FROM signals_activityevent))
FROM signals_intakebalance
"""
ORPHANS = """
SELECT (SELECT count(*) FROM signals_signal AS s WHERE NOT EXISTS (
            SELECT 1 FROM cases_finding AS f JOIN cases_account AS a ON a.id = f.account_id
            WHERE a.ref = s.account_ref AND f.fingerprint = s.fingerprint))
     + (SELECT count(*) FROM signals_intakebatch WHERE done_at IS NULL)
     + (SELECT count(*) FROM cases_account AS a WHERE EXISTS (
            SELECT 1 FROM cases_finding AS f WHERE f.account_id = a.id AND f.weight >= 7
            AND f.confidence >= 0.8 AND NOT f.shadow AND NOT f.withdrawn)
          AND NOT EXISTS (SELECT 1 FROM cases_case AS c WHERE c.account_id = a.id))
"""
UNAUDITED = """
SELECT count(*) FROM cases_case AS c
WHERE NOT EXISTS (SELECT 1 FROM cases_auditevent AS e WHERE e.case_id = c.id)
"""
LATENESS = """
SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late), 0),
       coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY late), 0), coalesce(max(late), 0)
FROM (SELECT extract(epoch FROM done_at - received_at) AS late FROM signals_intakebatch) AS b
"""


@dataclass
class ClientLog:
    """Every attempt of every client. Written by many threads."""

    acknowledged: set[str] = field(default_factory=set)
    attempts: int = 0
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def attempt(self, answer: dict[str, Any] | None) -> None:
        with self._lock:
            self.attempts += 1
            if answer is None:
                self.failed += 1
                return
            for each in answer["results"]:
                if each["outcome"] in ("accepted", "duplicate"):
                    self.acknowledged.add(each["id"])


@dataclass(frozen=True)
class Accounts:
    proof: str
    seed: int
    kills: int
    events: int
    attempts: int
    attempts_cut_off: int
    lost: int
    duplicated: int
    unaccounted: int
    orphaned: int
    unaudited: int
    worked_in_p50_s: float
    worked_in_p95_s: float
    worked_in_max_s: float
    seconds: float

    @property
    def clean(self) -> bool:
        wrong = (self.lost, self.duplicated, self.unaccounted, self.orphaned, self.unaudited)
        return not any(wrong)

    def tell(self, *, as_json: bool) -> None:
        if as_json:
            print(json.dumps(asdict(self)), flush=True)
            return
        say.line()
        for name, value in asdict(self).items():
            say.line(f"  {name:<18} {value}")
        say.line("  unchained          seals not yet: the audit trail is append-only, not sealed")
        say.line("  SIGKILL leaves the page cache intact: this is no proof against power loss.")


def settle(
    url: str, log: ClientLog, *, proof: str, seed: int, kills: int, seconds: float
) -> Accounts:
    """Count. Call when the clients have stopped and everything is worked in."""
    with psycopg.connect(url, autocommit=True) as connection:

        def number(sql: str) -> int:
            row = connection.execute(sql.encode()).fetchone()
            return int(row[0]) if row else 0

        stored = {row[0] for row in connection.execute("SELECT event_id FROM signals_signal")}
        late = connection.execute(LATENESS).fetchone() or (0, 0, 0)
        return Accounts(
            proof=proof,
            seed=seed,
            kills=kills,
            events=len(stored),
            attempts=log.attempts,
            attempts_cut_off=log.failed,
            lost=len(log.acknowledged - stored),
            duplicated=number(TWICE),
            unaccounted=number(UNBALANCED),
            orphaned=number(ORPHANS),
            unaudited=number(UNAUDITED),
            worked_in_p50_s=round(float(late[0]), 2),
            worked_in_p95_s=round(float(late[1]), 2),
            worked_in_max_s=round(float(late[2]), 2),
            seconds=round(seconds, 1),
        )
