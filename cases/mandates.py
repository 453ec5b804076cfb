"""Steps that the policy itself asks for: which accounts must verify what, and why.

A mandate is a row of the policy: a step, a trigger's name and the conditions under which it holds.
Set-based, so that the correlator can ask for a whole batch, and safe to repeat.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from cases import audit, calendars, playbook, webhooks
from cases.models import Account, Case, Policy, Verification

# A mandate that rests on findings comes again with a newer finding; one that rests on the account
# alone comes once, and not while the same step is pending anyway.
_MANDATE = """
INSERT INTO cases_verification (account_id, case_id, typology_code, step, trigger, mandated,
    policy_id, requested_at, due_at, reason_told, accommodation, accommodation_reason, offers,
    alternative, outcome, waived_reason)
SELECT a.id, c.id, %(typology)s, %(step)s, %(trigger)s, true,
    %(policy)s, %(now)s, %(due)s, %(told)s, false, '', 1, '', '', ''
FROM cases_account a
LEFT JOIN cases_case c ON c.account_id = a.id AND c.state <> 'closed'
WHERE a.id = ANY(%(accounts)s)
  AND (%(kind)s = '' OR a.kind = %(kind)s)
  AND (%(since)s::timestamptz IS NULL OR coalesce(a.opened_at, a.first_seen_at) >= %(since)s)
  AND (NOT %(needs_case)s OR c.id IS NOT NULL)
  AND (%(score)s::numeric IS NULL OR a.score >= %(score)s)
  AND CASE WHEN %(by_finding)s THEN EXISTS (
        SELECT FROM cases_finding f
        WHERE f.account_id = a.id AND f.typology_code = %(typology)s
          AND NOT f.shadow AND NOT f.withdrawn AND NOT f.accommodation
          AND (%(code)s = '' OR f.code = %(code)s)
          AND (%(family)s = '' OR f.family = %(family)s)
          AND f.weight >= %(weight)s
          AND f.detector <> %(own)s
          AND f.created_at > coalesce((
              SELECT max(v.requested_at) FROM cases_verification v
              WHERE v.account_id = a.id AND v.step = %(step)s AND v.trigger = %(trigger)s
          ), '-infinity'))
      ELSE NOT EXISTS (
        SELECT FROM cases_verification v
        WHERE v.account_id = a.id AND v.step = %(step)s
          AND (v.trigger = %(trigger)s OR v.outcome = ''))
      END
ORDER BY a.id
ON CONFLICT DO NOTHING
RETURNING id, account_id, case_id
"""
# A step that was mandated before there was a case is waited for by the case that opens.
_ADOPT = """
UPDATE cases_verification v SET case_id = c.id FROM unnest(%s::bigint[]) k(id)
JOIN cases_case c ON c.id = k.id
WHERE v.account_id = c.account_id AND v.case_id IS NULL AND v.outcome = ''
"""
_REPORTED = """
SELECT account_id, code, family, max(weight) FROM cases_finding
WHERE account_id = ANY(%s) AND typology_code = %s AND (code = ANY(%s) OR family = ANY(%s))
GROUP BY account_id, code, family
"""
REGISTRATION = "registration"
# Findings that verification makes itself mandate nothing, or a refusal would feed on itself.
DETECTOR = "/portal/verification"


@transaction.atomic
def mandate_for(
    account_ids: Iterable[int], trigger: str | None = None, *, registered: Iterable[int] = ()
) -> list[int]:
    """Ask these accounts for what the active policies mandate; the ids of what is new.

    `registered`: those that have just registered; a mandate `on` registration is for them alone.
    `trigger` narrows it to one mandate. Runs in the caller's transaction, with a fixed number of
    queries whatever the number of accounts.
    """
    new = sorted(set(registered))
    ids = sorted({*account_ids, *new})
    made: list[int] = []
    if not ids:
        return made
    for policy in Policy.objects.filter(active=True).order_by("id"):
        book = playbook.of(policy.typology_code)
        rows = [row for row in book.mandates if trigger in (None, row["trigger"])]
        reported = _reported(policy, rows, ids)
        for row in rows:
            whom = _concerned(row, new if _on(row) == REGISTRATION else ids, reported)
            made += _mandate(book, policy, row, whom) if whom else []
    return made


def _reported(policy: Policy, rows: list[dict[str, Any]], ids: list[int]) -> list[tuple]:
    """One look at the findings for all mandates: (account, code, family, highest weight)."""
    conditions = [row.get("when", {}) for row in rows]
    codes = sorted({when["finding"] for when in conditions if "finding" in when})
    families = sorted({when["family"] for when in conditions if "family" in when})
    if not codes and not families:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_REPORTED, [ids, policy.typology_code, codes, families])
        return cursor.fetchall()


def _concerned(row: dict[str, Any], ids: list[int], reported: list[tuple]) -> list[int]:
    """Those of `ids` that the mandate can be about; it then asks exactly, of these few."""
    when = row.get("when", {})
    if not {"finding", "family"} & set(when):
        return ids
    about = {
        account
        for account, code, family, weight in reported
        if when.get("finding", code) == code
        and when.get("family", family) == family
        and weight >= when.get("weight_min", 0)
    }
    return sorted(about.intersection(ids))


def adopt(cases: Iterable[Case]) -> int:
    """Let cases that open now wait for what was asked of their accounts before; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_ADOPT, [[case.pk for case in cases]])
        return cursor.rowcount


def for_cases(cases: Iterable[Case]) -> list[int]:
    """What the opening of these cases mandates."""
    return mandate_for([case.account_id for case in cases])


def announce(limit: int = 200) -> int:
    """Have the platform ask the people for what is pending and was not told yet; how many.

    Safe to run twice and at once: each row is told under its lock.
    """
    pending = Verification.objects.filter(outcome="", told_at=None).order_by("requested_at")
    done = 0
    for pk in pending.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            row = (
                Verification.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
                .select_related("account")
                .filter(pk=pk, outcome="", told_at=None)
                .first()
            )
            if row is not None:
                tell(row)
                done += 1
    return done


def tell(verification: Verification) -> None:
    """Ask the platform to pass the request, or the offer of another way, on to the person."""
    verification.told_at = timezone.now()
    verification.save(update_fields=["told_at"])
    if not verification.reason_told:
        return  # a step in which the person takes no part
    webhooks.enqueue(
        "verification.requested",
        {
            "account": verification.account.ref,
            "verification": f"ver_{verification.pk}",
            "step": verification.step,
            "text": verification.reason_told,
            "due": verification.due_at.isoformat(),
            "offer": verification.offers,
            "alternative": verification.alternative,
        },
        order_key=verification.account.ref,
        subject=verification,
    )


def _mandate(book: playbook.Playbook, policy: Policy, row: dict[str, Any], ids: list[int]):
    step, now = book.step(row["step"]), timezone.now()
    if step is None:
        return []
    days = row.get("due_business_days", step.get("due_business_days", 5))
    with connection.cursor() as cursor:
        cursor.execute(_MANDATE, {**_conditions(row, now), **{
            "typology": policy.typology_code,
            "step": row["step"],
            "trigger": row["trigger"],
            "policy": policy.pk,
            "now": now,
            "due": calendars.due(now, days, book.calendar),
            "told": step.get("told", ""),
            "accounts": ids,
            "own": DETECTOR,
        }})  # fmt: skip
        made = cursor.fetchall()
    if made:
        accounts = Account.objects.in_bulk([account for _, account, _ in made])
        cases = Case.objects.in_bulk([case for _, _, case in made if case])
        audit.record_many(
            {
                "verb": "verification.mandated",
                "actor": None,
                "case": cases.get(case),
                "account": accounts[account],
                "data": {"step": row["step"], "trigger": row["trigger"], "verification": pk},
            }
            for pk, account, case in made
        )
    return [pk for pk, _, _ in made]


def _on(row: dict[str, Any]) -> str:
    """The occasion that a mandate is bound to; empty: whenever its conditions hold."""
    on = row.get("on", "")
    if on not in ("", REGISTRATION):
        raise ValueError(f"mandate {row['trigger']}: unknown occasion {on!r}")
    return on


def _conditions(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    when = row.get("when", {})
    unknown = set(when) - {
        "account_kind", "account_age_days_max", "case_opened", "score_min", "finding", "family",
        "weight_min",
    }  # fmt: skip
    if unknown:  # a condition that nobody understands must not count as met
        raise ValueError(f"mandate {row['trigger']}: unknown conditions {sorted(unknown)}")
    days = when.get("account_age_days_max")
    return {
        "kind": when.get("account_kind", ""),
        "since": now - timedelta(days=days) if days is not None else None,
        "needs_case": bool(when.get("case_opened", False)),
        "score": json.dumps(when["score_min"]) if "score_min" in when else None,
        "by_finding": bool({"finding", "family", "weight_min"} & set(when)),
        "code": when.get("finding", ""),
        "family": when.get("family", ""),
        "weight": when.get("weight_min", 0),
    }
