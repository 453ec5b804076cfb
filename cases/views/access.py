"""The doors to single rows: what one may not read looks like a 404."""

from __future__ import annotations

from django.http import Http404

from cases.models import Account, Case, Decision, Ring, User


def access_case(user: User, ref: str) -> Case:
    """The case with its account and people, if `user` may read it."""
    rows = Case.objects.visible_to(user).select_related(
        "account", "account__ring", "account__score_policy", "assignee", "escalated_by"
    )
    return _one(rows.filter(ref=ref))


def access_account(user: User, ref: str) -> Account:
    rows = Account.objects.visible_to(user).select_related("ring", "score_policy")
    return _one(rows.filter(ref=ref))


def access_ring(user: User, pk: int) -> Ring:
    return _one(Ring.objects.visible_to(user).filter(pk=pk))


def access_decision(user: User, pk: int) -> Decision:
    """A decision on a case that `user` may read, and itself not behind a wall they stand before."""
    rows = Decision.objects.visible_to(user).select_related(
        "case", "case__account", "proposed_by", "approved_by", "ended_by", "policy"
    )
    return _one(rows.filter(pk=pk, case__in=Case.objects.visible_to(user)))


def _one(rows):
    row = rows.first()
    if row is None:
        raise Http404
    return row
