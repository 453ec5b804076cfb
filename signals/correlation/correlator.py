"""The correlator: what the door took in, worked into scores, links, rings and cases.

One round is one transaction under one lock: it takes pending batches in the order of arrival,
works them in as sets, and marks them done. Killed at any point it leaves nothing behind; run again
it does the same. Everything it derives depends on the facts alone, not on how they were batched.
"""

import time
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from cases import (
    accounts,
    components,
    intake,
    links,
    near,
    relations,
    relink,
    rules,
    scores,
    traits,
    working,
)
from signals.correlation import facts, findings, poison
from signals.models import IntakeBatch, IntakeKind, QuarantinedItem

log = structlog.get_logger("signals.correlation")

ITEMS_PER_ROUND = 10_000
RECONSIDER_PER_ROUND = 2_000
# Longer than a usual round or a person's act takes, shorter than the sweep's interval.
WAIT_FOR_TURN = 3.0


@dataclass
class Round:
    """What one round worked in."""

    batches: int = 0
    signals: int = 0
    activity: int = 0
    opened: int = 0
    reconsidered: int = 0
    quarantined: int = 0
    unfinished: bool = False  # time was up before the work was
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        return not (self.batches or self.reconsidered)


class Busy(Exception):
    """Another correlator holds the lock."""


def correlate(*, seconds: float | None = None, items: int = ITEMS_PER_ROUND) -> Round:
    """Work until nothing is pending or the time is up. Returns the sum of the rounds.

    What was committed before the call is worked in when it returns, or somebody is at it.
    """
    started, total = time.monotonic(), Round()
    while True:
        if seconds is not None and time.monotonic() - started >= seconds:
            total.unfinished = True
            break
        try:
            done = one_round(items=items)
        except Busy:
            # Whoever has the lock may have looked for work just before ours came in.
            if _waited_for_turn():
                continue
            break
        more = relink.step()
        if done.idle and not more:
            break
        for name in ("batches", "signals", "activity", "opened", "reconsidered", "quarantined"):
            setattr(total, name, getattr(total, name) + getattr(done, name))
        for step, spent in done.seconds.items():
            total.seconds[step] = total.seconds.get(step, 0) + spent
    return total


def _waited_for_turn() -> bool:
    """Wait until the lock was free once; False when another waits already, or it takes too long.

    One waiter is enough: it looks for work after all that came in while it waited.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if not working.try_lock(cursor, working.TURN):
                return False
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, true)", [f"{WAIT_FOR_TURN * 1000:.0f}ms"]
            )
            working.lock(cursor)
    except OperationalError:
        return False
    return True


def one_round(*, items: int = ITEMS_PER_ROUND) -> Round:
    """Work in the next batches; what is poison among them is set aside and the rest goes on."""
    try:
        return _round(items=items)
    except poison.FAULTS as exc:
        log.warning("round_failed", error=type(exc).__name__)
    found = sum(poison.set_aside(batch, _attempt) for batch in _next(items))
    done = _round(items=items)
    done.quarantined = found
    return done


def _round(*, items: int) -> Round:
    with transaction.atomic(), working.tables() as cursor:
        if not working.try_lock(cursor):
            raise Busy
        batches = _next(items)
        cursor.execute(
            "DELETE FROM cases_reconsider WHERE account_id IN"
            " (SELECT account_id FROM cases_reconsider ORDER BY account_id LIMIT %s"
            "  FOR UPDATE SKIP LOCKED) RETURNING account_id",
            [RECONSIDER_PER_ROUND],
        )
        again = {row[0] for row in cursor.fetchall()}
        if not batches and not again:
            return Round()
        working.keep_statistics(cursor)
        done = _work(cursor, batches, again, without=_quarantined(batches))
        IntakeBatch.objects.filter(pk__in=[batch.pk for batch in batches]).update(
            done_at=timezone.now()
        )
    return done


def _attempt(batch: IntakeBatch, without: list[UUID]) -> None:
    """Work a part of a batch in and take it all back: raises what that part raises."""
    with transaction.atomic(), working.tables() as cursor:
        working.lock(cursor)
        _work(cursor, [batch], set(), without=without)
        transaction.set_rollback(True)


def work_again(cursor, batch: IntakeBatch, item: UUID) -> Round:
    """Work in one item of a batch that was done without it. In a transaction of the caller's that
    has the working tables and the lock."""
    alone = IntakeBatch(pk=batch.pk, kind=batch.kind, count=1, first_id=item, last_id=item)
    return _work(cursor, [alone], set(), without=[])


def _next(items: int) -> list[IntakeBatch]:
    chosen, count = [], 0
    for batch in IntakeBatch.objects.pending()[:500]:
        count += batch.count
        if chosen and count > items:
            break
        chosen.append(batch)
    return chosen


def _work(cursor, batches: list[IntakeBatch], again: set[int], *, without: list[UUID]) -> Round:
    """The steps, in order. Each reads and fills the working tables that it names."""
    done = Round(batches=len(batches), reconsidered=len(again))
    clock = _Clock(done.seconds)
    link_rules = rules.links()
    signals = [batch for batch in batches if batch.kind == IntakeKind.SIGNALS]
    activity = [batch for batch in batches if batch.kind == IntakeKind.ACTIVITY]
    cursor.execute(scores.WORK)
    if activity:
        _read(cursor, facts.READ, activity, without)
        done.activity = sum(batch.count for batch in activity)
        working.analyze(cursor, "work_fact", done.activity, "type", "ref", "subject_kind")
        cursor.execute(facts.REFS)
    if signals:
        _read(cursor, findings.READ, signals, without)
        done.signals = sum(batch.count for batch in signals)
        working.analyze(cursor, "work_finding", done.signals, "account_ref", "fingerprint")
        cursor.execute(findings.REFS)
    clock("read")
    working.analyze(cursor, "work_ref", done.activity + done.signals)
    accounts.ensure(cursor)
    working.analyze(cursor, "work_account", done.activity + done.signals)
    accounts.mark_seen(cursor)
    clock("accounts")
    moved: set[int] = set()
    restated: list[int] = []
    registered: list[int] = []
    if activity:
        cursor.execute(facts.REGISTERED)
        registered = [row[0] for row in cursor.fetchall()]
        restated = accounts.take_facts(cursor)
        moved = _tie(cursor, link_rules, clock)
    touched = set(again)
    news: set[int] = set()
    if signals:
        scores.put_findings(cursor)
        cursor.execute("SELECT account_id, bool_or(new) FROM work_found GROUP BY account_id")
        for account, new in cursor.fetchall():
            touched.add(account)
            if new:
                news.add(account)
        clock("findings")
    scores.rescore(touched)
    clock("scores")
    opened = intake.open_or_join(touched | moved, news=news, told=restated, registered=registered)
    done.opened = len(opened.cases)
    clock("cases")
    if activity:
        intake.look_again(cursor, restated, apart_from=opened.cases)
        clock("enrichment")
    return done


def _tie(cursor, link_rules: rules.LinkRules, clock) -> set[int]:
    """Traits, near-duplicates, relations, links and rings. The accounts whose ring changed."""
    cursor.execute(facts.USES.format(payout=traits.PAYOUT_KEY))
    clock("uses")
    traits.take_uses(cursor, link_rules)
    traits.take_payout_methods(cursor)
    traits.take_infrastructure(cursor)
    clock("traits")
    near.take_hashes(cursor, link_rules)
    clock("near")
    changed = links.take_changes(cursor, link_rules, related=relations.take(cursor))
    clock("links")
    moved = components.take_links(cursor, link_rules) if changed else set()
    clock("rings")
    return moved


def _read(cursor, sql: str, batches: list[IntakeBatch], without: list[UUID]) -> None:
    cursor.execute(
        sql,
        {
            "first": min(batch.first_id for batch in batches),
            "last": max(batch.last_id for batch in batches),
            "batches": [batch.pk for batch in batches],
            "without": without,
        },
    )


def _quarantined(batches: list[IntakeBatch]) -> list[UUID]:
    return list(
        QuarantinedItem.objects.filter(
            batch__in=[batch.pk for batch in batches], released_at=None
        ).values_list("item_id", flat=True)
    )


class _Clock:
    def __init__(self, seconds: dict[str, float]):
        self.seconds, self.last = seconds, time.perf_counter()

    def __call__(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0) + now - self.last
        self.last = now
