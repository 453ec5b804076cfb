"""When somebody last looked at a case: what changed since then is marked for them alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from cases.models import Case, CaseVisit, User

# Looking again within this time is the same visit, so that a reload does not wipe the marks.
SAME_VISIT = timedelta(minutes=30)

# One statement, so that two tabs that open at once do not undo each other.
_NOTE = """
INSERT INTO cases_casevisit AS seen (case_id, user_id, at, previous_at) VALUES (%s, %s, %s, NULL)
ON CONFLICT ON CONSTRAINT one_visit_per_person DO UPDATE
SET previous_at = CASE WHEN seen.at < %s THEN seen.at ELSE seen.previous_at END,
    at = EXCLUDED.at
RETURNING previous_at
"""


def note(case: Case, *, user: User) -> datetime | None:
    """Write down that `user` looks at `case` now; say when they looked before, if they did."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [case.pk, user.pk, now, now - SAME_VISIT])
        return cursor.fetchone()[0]


def last_of(user: User, cases: Iterable[int]) -> dict[int, datetime]:
    """The last visit of `user` to each of `cases`, where there was one."""
    rows = CaseVisit.objects.filter(user=user, case_id__in=list(cases))
    return dict(rows.values_list("case_id", "at"))
