"""My work: what is mine, what waits for me, and how the queues stand."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from cases import permissions
from cases.models import Case, Decision, User
from cases.views.look import WORKS, address
from cases.views.paging import capped
from cases.views.rows import dressed

WAITING = {"review": Case.State.OPEN, "compliance": Case.State.ESCALATED}

# Where the roles begin for whom no case and no proposal ever waits.
START = [
    (permissions.MANAGE_PEOPLE, "cases:people"),
    (permissions.AUDIT, "cases:audit"),
    (permissions.MANAGE_DETECTORS, "signals:detectors"),
]


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first page: cases for whom they may wait, else the page that the role works on."""
    user = request.user
    if not any(user.has_perm(right) for right in WORKS):
        for right, name in START:
            if user.has_perm(right) and (there := address(name)):
                return redirect(there)
    if not user.has_perm(permissions.VIEW):
        return render(request, "cases/home_elsewhere.html")
    mine = Case.objects.visible_to(user).open().filter(assignee=user)
    context = {
        "mine": dressed(
            mine.select_related("account", "assignee").order_by("-severity", "due_at", "id")[:50],
            user,
        ),
        "approvals": approvals(user),
        "queues": queues(user),
        "may_claim": user.has_perm(permissions.REVIEW),
        "may_comply": user.has_perm(permissions.COMPLY),
    }
    return render(request, "cases/home.html", context)


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "cases/help.html")


def approvals(user: User) -> list[Decision]:
    """Proposals that `user` could sign as the second person, the longest waiting first.

    Whether they may is settled when they do: here only what is certainly not theirs is left out.
    """
    if not (user.has_perm(permissions.APPROVE) or user.has_perm(permissions.COMPLY)):
        return []
    waiting = (
        Decision.objects.visible_to(user)
        .filter(state=Decision.State.PROPOSED, case__in=Case.objects.visible_to(user))
        .exclude(proposed_by=user)
        .exclude(case__workers__user=user)
        .exclude(case__assignee=user)
    )
    if not user.has_perm(permissions.COMPLY):
        waiting = waiting.filter(needs_officer=False)
    return list(
        waiting.select_related("case", "case__account", "proposed_by").order_by("proposed_at")[:50]
    )


def queues(user: User) -> list[dict[str, Any]]:
    """Per queue: how many wait (counted to 100), how many are late, the oldest. None asleep."""
    now = timezone.now()
    awake = Q(snoozed_until=None) | Q(snoozed_until__lte=now)
    found = []
    for name, state in WAITING.items():
        waiting = Case.objects.visible_to(user).filter(awake, queue=name, state=state)
        oldest = waiting.order_by("opened_at").values_list("opened_at", flat=True).first()
        found.append(
            {
                "name": name,
                "waiting": capped(waiting),
                "late": capped(waiting.filter(due_at__lt=now), along=("due_at", "id")),
                "oldest": oldest,
            }
        )
    return found
