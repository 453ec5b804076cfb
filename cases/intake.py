"""Opening cases, and joining what is new to the ones that are open.

A case opens on one strong finding, on the score, or on membership of a ring in which somebody has
a case; the heaviest weight goes to compliance at once. After clearing, what was judged does not
open again: a new family, a higher weight or a new ring does, as a new case that says so.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from django.db import connection
from django.utils import timezone

from cases import audit, calendars, enrichment, mandates, rules
from cases.models import Account, Case, Policy

STRONG = """
SELECT DISTINCT ON (f.account_id) f.account_id, f.id, f.code, f.weight, f.confidence, i.title
FROM cases_finding f LEFT JOIN cases_indicator i ON i.id = f.indicator_id
WHERE f.account_id = ANY(%(ids)s) AND f.typology_code = %(typology)s
  AND NOT (f.shadow OR f.withdrawn OR f.accommodation OR f.spare)
  AND (f.weight >= %(weight)s AND f.confidence >= %(confidence)s OR f.weight >= %(compliance)s)
ORDER BY f.account_id, f.weight DESC, f.points DESC, f.code, f.fingerprint
"""
SCORED = """
SELECT a.id, a.score FROM cases_account a
WHERE a.id = ANY(%(ids)s) AND a.score_policy_id = %(policy)s AND a.score >= %(score)s
"""
LAST = """
SELECT DISTINCT ON (c.account_id) c.account_id, c.id, c.ref, c.state, c.closed_at,
       c.cleared_families, c.outcome
FROM cases_case c WHERE c.account_id = ANY(%s)
ORDER BY c.account_id, (c.state <> 'closed') DESC, c.id DESC
"""
# What each account's findings amount to beyond what was judged when its last case closed.
UNJUDGED = """
SELECT DISTINCT ON (f.account_id) f.account_id, f.code, f.family, f.weight,
       coalesce((c.cleared_families ->> f.family)::numeric, 0) AS judged
FROM unnest(%s::bigint[]) k(id) JOIN cases_case c ON c.id = k.id
JOIN cases_finding f ON f.account_id = c.account_id
WHERE NOT (f.shadow OR f.withdrawn OR f.accommodation) AND f.weight > 2
  AND CASE WHEN c.cleared_families = '{}' THEN f.created_at > c.closed_at
           ELSE f.weight > coalesce((c.cleared_families ->> f.family)::numeric, 0) END
ORDER BY f.account_id, f.weight DESC, f.points DESC, f.code
"""
# Rings in which somebody has a case that was not cleared, and who in them has none open.
BY_RING = """
SELECT m.id, m.ring_id, m.ring_since, r.size, (
    SELECT array_agg(c.ref ORDER BY c.id) FROM cases_case c JOIN cases_account o
        ON o.id = c.account_id AND o.ring_id = m.ring_id AND o.id <> m.id
    WHERE c.outcome <> 'cleared'
) AS refs
FROM cases_account m JOIN cases_ring r ON r.id = m.ring_id AND r.size >= %(size)s
WHERE m.ring_id IN (SELECT ring_id FROM cases_account WHERE id = ANY(%(ids)s))
  AND NOT EXISTS (SELECT FROM cases_case c WHERE c.account_id = m.id AND c.state <> 'closed')
"""
RAISE = """
UPDATE cases_case c SET severity = n.severity,
    snoozed_until = CASE WHEN n.woken THEN NULL ELSE c.snoozed_until END,
    snooze = CASE WHEN n.woken THEN '{"woke": "a new signal came in"}' ELSE c.snooze END
FROM unnest(%s::bigint[], %s::int[], %s::boolean[]) n(id, severity, woken) WHERE c.id = n.id
"""


# Reads work_new, work_fact, work_account: open cases of accounts that the round told us more about.
TOLD_MORE = """
SELECT c.id FROM cases_case c
WHERE c.state <> 'closed' AND NOT c.id = ANY(%(apart)s) AND c.account_id IN (
    SELECT account_id FROM work_new
    UNION SELECT unnest(%(restated)s::bigint[])
    UNION SELECT w.id FROM work_fact f JOIN work_account w ON w.ref = f.ref
          WHERE f.type IN ('payout_method.added', 'payout_method.removed')
) ORDER BY c.id
"""


@dataclass
class Reason:
    """Why a case opens: the rule, in words, and what it was about."""

    account_id: int
    policy: Policy
    rule: str
    detail: str
    compliance: bool = False
    data: dict = field(default_factory=dict)
    reopened_from: int | None = None
    reopened_because: str = ""


@dataclass
class Opened:
    cases: list[Case] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)


def open_or_join(
    accounts: Iterable[int],
    *,
    news: Collection[int] = (),
    told: Collection[int] = (),
    registered: Collection[int] = (),
) -> Opened:
    """Open what is due for these accounts and tell open cases what is new. Safe to repeat.

    `news`: accounts with findings that were not there before; `told`: those of which the platform
    said something new; `registered`: those that it has just registered. Runs in the caller's
    transaction, under the correlator's lock; a fixed number of queries but for what it opens.
    """
    ids = sorted(set(accounts))
    result = Opened()
    if not ids and not told and not registered:
        return result
    policies = rules.active()
    last = _last_cases(ids)
    reasons: dict[int, Reason] = {}
    for policy in policies:
        for reason in _by_evidence(policy, ids):
            held = reasons.get(reason.account_id)
            if held is None or (reason.compliance and not held.compliance):
                reasons[reason.account_id] = reason
    waiting = {account for account, row in last.items() if row["state"] != Case.State.CLOSED}
    fresh = _allowed([reasons[each] for each in reasons if each not in waiting], last)
    result.cases += _open(fresh)
    by_ring = _by_ring(policies, [*ids, *(case.account_id for case in result.cases)])
    result.cases += _open(by_ring)
    result.joined = _join(policies, [each for each in ids if each in waiting], news)
    _follow_up(result.cases)
    # Findings, age and risk mandate something without a case too: a handover, a new account.
    opened = {case.account_id for case in result.cases}
    mandates.mandate_for({*ids, *told, *opened}, registered=registered)
    return result


def look_again(cursor, restated: Iterable[int], *, apart_from: Iterable[Case] = ()) -> int:
    """Have analyzers look at what the round's facts told about accounts with an open case.

    `restated`: accounts whose own facts changed. Which analyzers there is work for, they say; what
    they saw before is not looked at again. A fixed number of queries. How many jobs are new.
    """
    cursor.execute(
        TOLD_MORE,
        {"restated": list(restated), "apart": [case.pk for case in apart_from]},
    )
    ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0
    return len(enrichment.request_many(Case.objects.filter(pk__in=ids), reason="new facts"))


def to_compliance(account: Account, typology_code: str, *, detail: str, data: dict) -> Case | None:
    """Open a case that compliance has to see whatever the score says; None without a policy.

    For an account without an open case, under the correlator's lock.
    """
    policy = next((row for row in rules.active() if row.typology_code == typology_code), None)
    if policy is None:
        return None
    reason = Reason(account.pk, policy, "compliance", detail, compliance=True, data=data)
    before = _last_cases([account.pk]).get(account.pk)
    if before is not None:
        reason.reopened_from, reason.reopened_because = before["id"], detail
    (case,) = _open([reason])
    _follow_up([case])
    mandates.mandate_for([account.pk])
    return case


def judged_families(account: Account) -> dict[str, float]:
    """{family: highest weight} of what stands against the account: kept when its case closes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT family, max(weight) FROM cases_finding WHERE account_id = %s"
            " AND NOT shadow AND NOT withdrawn GROUP BY family ORDER BY family",
            [account.pk],
        )
        return {family: float(weight) for family, weight in cursor.fetchall()}


def _by_evidence(policy: Policy, ids: list[int]) -> list[Reason]:
    opening = policy.data["opening"]
    strong_weight = Decimal(str(opening["single_finding_weight"]))
    compliance = Decimal(str(opening["compliance_weight"]))
    params = {
        "ids": ids,
        "typology": policy.typology_code,
        "policy": policy.pk,
        "weight": strong_weight,
        "confidence": opening["single_finding_confidence"],
        "compliance": compliance,
        "score": opening["score"],
    }
    found: dict[int, Reason] = {}
    with connection.cursor() as cursor:
        cursor.execute(SCORED, params)
        for account, score in cursor.fetchall():
            found[account] = Reason(
                account, policy, "score",
                f"The score of {score} has reached {opening['score']}.", data={"score": str(score)},
            )  # fmt: skip
        cursor.execute(STRONG, params)
        for account, finding, code, weight, confidence, title in cursor.fetchall():
            straight = weight >= compliance
            found[account] = Reason(
                account, policy, "compliance" if straight else "finding",
                f"{_named(title, code)}: weight {_plain(weight)} with confidence "
                f"{_plain(confidence)} "
                + ("goes to compliance at once." if straight else "opens a case alone."),
                compliance=straight, data={"finding": finding, "code": code},
            )  # fmt: skip
    return list(found.values())


def _last_cases(ids: list[int]) -> dict[int, dict]:
    """The open case of each account, else the one closed last."""
    with connection.cursor() as cursor:
        cursor.execute(LAST, [ids])
        names = [column[0] for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def _allowed(reasons: list[Reason], last: dict[int, dict]) -> list[Reason]:
    """Without those whose evidence was all judged before; the others say what is new."""
    closed = {each.account_id: last[each.account_id] for each in reasons if each.account_id in last}
    if not closed:
        return reasons
    with connection.cursor() as cursor:
        cursor.execute(UNJUDGED, [[row["id"] for row in closed.values()]])
        unjudged = {row[0]: row[1:] for row in cursor.fetchall()}
    allowed = []
    for reason in reasons:
        before = closed.get(reason.account_id)
        if before is None:
            allowed.append(reason)
        elif reason.account_id in unjudged:
            code, family, weight, judged = unjudged[reason.account_id]
            reason.reopened_from = before["id"]
            reason.reopened_because = (
                f"{code} of weight {_plain(weight)} is new since {before['ref']} was closed: "
                + (f"{family} had at most {_plain(judged)}." if judged else f"no {family} before.")
            )
            allowed.append(reason)
    return allowed


def _by_ring(policies: list[Policy], ids: list[int]) -> list[Reason]:
    policy = next((row for row in policies if row.data["opening"].get("ring_with_a_case")), None)
    if policy is None:
        return []
    size = policy.data["opening"].get("ring_min_size", 2)
    with connection.cursor() as cursor:
        cursor.execute(BY_RING, {"ids": ids, "size": size})
        members = [row for row in cursor.fetchall() if row[4]]
    last = _last_cases([row[0] for row in members])
    reasons = []
    for account, ring, since, members_count, refs in members:
        reason = Reason(
            account, policy, "ring",
            f"Member of ring {ring} of {members_count} accounts, in which "
            f"{', '.join(refs[:3])}{' and others' if len(refs) > 3 else ''} "
            f"{'is a case' if len(refs) == 1 else 'are cases'}.",
            data={"ring": ring, "cases": refs[:20]},
        )  # fmt: skip
        before = last.get(account)
        if before is not None:
            if since is None or since <= before["closed_at"]:
                continue
            reason.reopened_from = before["id"]
            reason.reopened_because = f"It came into ring {ring} after {before['ref']} was closed."
        reasons.append(reason)
    return reasons


def _open(reasons: list[Reason]) -> list[Case]:
    if not reasons:
        return []
    now = timezone.now()
    accounts = Account.objects.in_bulk([reason.account_id for reason in reasons])
    with connection.cursor() as cursor:
        cursor.execute("SELECT cases_next_ref() FROM generate_series(1, %s)", [len(reasons)])
        refs = [row[0] for row in cursor.fetchall()]
    ordered = sorted(reasons, key=lambda each: accounts[each.account_id].ref)
    cases = Case.objects.bulk_create(
        _case(ref, reason, accounts[reason.account_id], now)
        for ref, reason in zip(sorted(refs), ordered, strict=True)
    )
    audit.record_many(
        {
            "verb": "case.reopened" if reason.reopened_from else "case.opened",
            "actor": None,
            "case": case,
            "note": reason.reopened_because or reason.detail,
            "data": {
                "rule": reason.rule, "policy": reason.policy.version, "queue": case.queue,
                "severity": int(case.severity), "reopened_from": reason.reopened_from,
                **reason.data,
            },
        }
        for case, reason in zip(cases, ordered, strict=True)
    )  # fmt: skip
    return cases


def _case(ref: str, reason: Reason, account: Account, now: datetime) -> Case:
    severity = _severity(reason.policy, account.score)
    if reason.compliance:
        severity = Case.Severity.CRITICAL
    elif reason.rule == "ring":
        # Not for what others did, but so that the ring is read while its other cases are.
        least = reason.policy.data.get("severity", {}).get("ring_member_at_least", 2)
        severity = max(severity, Case.Severity(least))
    return Case(
        ref=ref,
        account=account,
        typology_code=reason.policy.typology_code,
        state=Case.State.ESCALATED if reason.compliance else Case.State.OPEN,
        queue=Case.Queue.COMPLIANCE if reason.compliance else Case.Queue.REVIEW,
        state_since=now,
        opened_at=now,
        opened_because={
            "rule": reason.rule, "detail": reason.detail, "policy": reason.policy.version,
            **reason.data,
        },
        severity=severity,
        due_at=_due(reason.policy, severity, compliance=reason.compliance, now=now),
        score_at_opening=account.score,
        reopened_from_id=reason.reopened_from,
        reopened_because=reason.reopened_because[:300],
    )  # fmt: skip


def _join(policies: list[Policy], ids: list[int], news: Collection[int]) -> list[int]:
    """Raise the severity of open cases, wake the snoozed, note what is new. Their ids.

    A case that somebody is working on at this instant is passed over and looked at again in the
    next round, so that nobody waits for anybody.
    """
    if not ids:
        return []
    by_code = {policy.typology_code: policy for policy in policies}
    joined, busy = [], set(ids)
    changed: list[tuple[int, int, bool]] = []
    events = []
    cases = (
        Case.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .exclude(state=Case.State.CLOSED)
        .filter(account_id__in=ids)
        .select_related("account")
        .order_by("pk")
    )
    for case in cases:
        busy.discard(case.account_id)
        policy = by_code.get(case.typology_code)
        severity = _severity(policy, case.account.score) if policy else case.severity
        raised = severity > case.severity
        new = case.account_id in news
        if not (raised or new):
            continue
        before = int(case.severity)
        woken = new and case.snoozed_until is not None
        if raised or woken:
            case.severity = max(case.severity, severity)
            changed.append((case.pk, int(case.severity), woken))
        events.append(
            {
                "verb": "case.signal_joined", "actor": None, "case": case,
                "data": {
                    "score": str(case.account.score), "severity": int(case.severity),
                    "severity_before": before, "woke": woken,
                },
            }
        )  # fmt: skip
        joined.append(case.pk)
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(RAISE, [list(column) for column in zip(*changed, strict=True)])
    audit.record_many(events)
    if busy:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO cases_reconsider (account_id) SELECT unnest(%s::bigint[])"
                " ON CONFLICT DO NOTHING",
                [sorted(busy)],
            )
    return joined


def _follow_up(cases: list[Case]) -> None:
    """What a new case starts by itself."""
    if cases:
        mandates.adopt(cases)
        enrichment.request_many(cases, reason="case opened")


def _severity(policy: Policy, score: Decimal) -> Case.Severity:
    steps = policy.data.get("severity", {})
    if score >= steps.get("critical_score", 18):
        return Case.Severity.CRITICAL
    if score >= steps.get("high_score", 12):
        return Case.Severity.HIGH
    return Case.Severity.MEDIUM if score >= steps.get("medium_score", 8) else Case.Severity.LOW


def _due(policy: Policy, severity: int, *, compliance: bool, now: datetime) -> datetime:
    deadlines = policy.data["deadlines"]
    name = Case.Severity(severity).name.lower()
    days = (
        deadlines["compliance_business_days"]
        if compliance
        else deadlines["review_business_days"][name]
    )
    return _due_at(now, days, policy.data.get("calendar", calendars.DEFAULT))


@lru_cache(maxsize=64)
def _due_at(now: datetime, days: int, calendar: str) -> datetime:
    return calendars.due(now, days, calendar)


def _named(title: str | None, code: str) -> str:
    return f"{title} ({code})" if title else code


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
