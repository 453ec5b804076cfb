"""What follows when people judge an account to be the listed party, and when that falls away.

Which indicator a confirmed hit counts as is the typology's data (`screening.confirmed` in its
playbook), by what of the account was compared; `*` is for all the rest.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from cases import audit, decisions, intake, scores, transitions, working
from cases.enrichment import store
from cases.models import (
    Account,
    Case,
    Finding,
    HitDecision,
    Indicator,
    ScreeningHit,
    Typology,
    User,
)
from cases.states import Queue, State, Verb

SOURCE = "/portal/screening"
_DETAIL = "A screening hit was judged to be the account's holder; it is with compliance."


@transaction.atomic
def confirm(hit: ScreeningHit, decision: HitDecision, *, actor: User) -> Case | None:
    """Make the judgement a finding and bring the account before compliance. Returns the case.

    Takes the correlator's lock, then the account, then the case, as everybody does.
    """
    with connection.cursor() as cursor:
        working.lock(cursor)
    account = Account.objects.select_for_update(no_key=True).get(pk=hit.account_id)
    case = Case.objects.open().filter(account=account).first()
    if case is not None:
        transitions.lock(case)
    rows = [_finding(hit, decision, indicator, evidence) for indicator, evidence in _counts_as(hit)]
    scores.add_findings(rows)
    account.refresh_from_db()
    data = {"hit": hit.pk, "hit_decision": decision.pk, "findings": len(rows)}
    if case is not None:
        _escalate(case, data)
    elif rows:
        case = intake.to_compliance(account, rows[0]["typology"], detail=_DETAIL, data=data)
    audit.record(
        "hit.confirmed", actor=actor, case=case, account=account, obj=hit, wall=True,
        note=decision.reason, list=hit.entry.list.code, uid=hit.entry.uid, **data,
    )  # fmt: skip
    return case


@transaction.atomic
def take_back(hits: Iterable[ScreeningHit], *, actor: User | None, reason: str) -> set[int]:
    """Take the findings of hits that no longer count out of the score, and say so on the cases.

    Nothing else moves: cases, holds and decisions stay for people. Returns the accounts.
    """
    moved: set[int] = set()
    for hit in hits:
        findings = Finding.objects.filter(
            account=hit.account_id, detector=SOURCE, fingerprint__startswith=f"hit_{hit.pk}/",
            withdrawn=False,
        )  # fmt: skip
        codes = dict(findings.values_list("pk", "code"))
        if not codes:
            continue
        moved |= scores.withdraw_findings(codes, actor=actor, reason=reason)
        case = hit.account.cases.order_by("closed_at", "-pk").last()
        case = Case.objects.open().filter(account=hit.account_id).first() or case
        audit.record(
            "hit.taken_back", actor=actor, case=case, account=hit.account, obj=hit, wall=True,
            note=reason, list=hit.entry.list.code, uid=hit.entry.uid,
            findings=sorted(codes), codes=sorted(set(codes.values())),
        )  # fmt: skip
    return moved


def _counts_as(hit: ScreeningHit) -> list[tuple[Indicator, dict[str, Any]]]:
    """The indicator of each active typology that a confirmed hit of this kind counts as."""
    found = []
    for typology in Typology.objects.filter(active=True).order_by("pk"):
        kinds = (typology.texts.get("screening") or {}).get("confirmed") or {}
        row = kinds.get(hit.screened_kind) or kinds.get("*")
        indicator = row and typology.indicators.filter(code=row["indicator"]).first()
        if indicator:
            found.append((indicator, row.get("evidence") or {}))
    return found


def _finding(
    hit: ScreeningHit, decision: HitDecision, indicator: Indicator, said: dict[str, Any]
) -> dict[str, Any]:
    """One row for `scores.add_findings`; the officers' judgement is sure, so confidence is 1."""
    evidence = {
        "list": hit.entry.list.code,
        "uid": hit.entry.uid,
        "score": float(hit.score),
        "matched_alias": hit.explanation.get("listed", hit.entry.primary_name),
        "list_version": hit.list_version.published,
        **said,
    }
    return {
        "account_id": hit.account_id,
        "typology": indicator.typology.code,
        "indicator_code": indicator.code,
        "detector_source": SOURCE,
        # A judgement that was taken back and made again is another finding.
        "fingerprint": f"hit_{hit.pk}/{decision.pk}:{indicator.typology.code}",
        "confidence": 1,
        "weight": store.weight(indicator, evidence),
        "evidence": evidence,
        "occurred_at": decision.second_at or decision.made_at,
    }


def _escalate(case: Case, data: dict[str, Any]) -> None:
    """Bring an open case to compliance, if it is not there or being carried out."""
    if case.state == State.PENDING_APPROVAL and case.queue == Queue.REVIEW:
        decisions.void(case, because="a screening hit was judged meanwhile")
    waiting = case.state in (State.OPEN, State.IN_REVIEW, State.AWAITING_VERIFICATION)
    if waiting and case.queue == Queue.REVIEW:
        transitions.apply(
            case, Verb.ESCALATE, actor=None, note=_DETAIL, data=data, wall=True,
            severity=Case.Severity.CRITICAL, snoozed_until=None,
        )  # fmt: skip
