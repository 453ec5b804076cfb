"""Whom a form may name."""

from __future__ import annotations

from django.db.models import QuerySet

from cases.models import Case, User
from cases.queue import RIGHT
from cases.states import QUEUE_OF


def who_may_take(case: Case) -> QuerySet[User]:
    """The people who work in the case's queue, its present holder left out."""
    codename = RIGHT[QUEUE_OF.get(case.state, case.queue)].split(".")[1]
    able = User.objects.filter(is_active=True, groups__permissions__codename=codename)
    return able.exclude(pk=case.assignee_id).distinct().order_by("display_name", "username")
