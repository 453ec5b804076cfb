"""Cases as the rows of a list: what each row says besides its own columns, in two queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Max
from django.utils import timezone

from cases import visits, wall
from cases.models import Case, Finding, User

FRESH = timedelta(days=1)
# What one burst of detectors found arrives within this time and belongs to the opening.
SETTLING = timedelta(hours=1)


def dressed(cases: Iterable[Case], user: User) -> list[Case]:
    """The same cases with `findings`, `last_finding_at`, `why` and `marks` put to each, and
    without what `user` may not know of them."""
    cases = wall.veil(cases, user)
    told = findings_of(user, {case.account_id for case in cases})
    seen = visits.last_of(user, [case.pk for case in cases])
    for case in cases:
        case.findings, case.last_finding_at = told.get(case.account_id, (0, None))
        case.why = why(case)
        case.marks = marks(case, seen.get(case.pk))
    return cases


def findings_of(user: User, accounts: set[int]) -> dict[int, tuple[int, object]]:
    rows = (
        Finding.objects.visible_to(user)
        .filter(account_id__in=accounts, shadow=False, withdrawn=False)
        .values("account_id")
        .annotate(n=Count("pk"), last=Max("created_at"))
    )
    return {row["account_id"]: (row["n"], row["last"]) for row in rows}


def why(case: Case) -> str:
    """One line: what opened the case, or what brought it back."""
    if case.reopened_because:
        return case.reopened_because
    said = case.opened_because or {}
    return str(said.get("detail") or said.get("rule", "").replace("_", " ") or "opened by hand")


def marks(case: Case, visited_at) -> list[tuple[str, str]]:
    """(words, tone) of what sets a row apart, as the help page explains it.

    new: opened within a day, claimed by nobody, not yet read by this person. rising: what came in
    after the opening has settled made the score grow. changed: a finding since one's last visit.
    """
    now = timezone.now()
    found = []
    if case.reopened_from_id or case.reopened_because:
        found.append(("reopened", "wall"))
    later = case.last_finding_at and case.last_finding_at > case.opened_at + SETTLING
    if later and case.account.score > case.score_at_opening and case.state != Case.State.CLOSED:
        found.append(("rising", "danger"))
    unread = case.fence == 0 and not visited_at and not case.reopened_from_id
    if unread and case.opened_at > now - FRESH and case.state != Case.State.CLOSED:
        found.append(("new", "accent"))
    if case.snoozed_until and case.snoozed_until > now:
        found.append(("snoozed", "outline"))
    if visited_at and case.last_finding_at and case.last_finding_at > visited_at:
        found.append(("changed", "warn"))
    if case.restricted:
        found.append(("restricted", "wall"))
    return found
