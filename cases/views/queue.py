"""The queue as a list."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases import permissions
from cases.models import Case
from cases.views.filters import CaseFilter
from cases.views.paging import capped, page
from cases.views.rows import dressed


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Cases, narrowed and ordered by the URL. Back, reload and sharing give the same list."""
    return case_list(request, "cases/queue.html")


def case_list(
    request: HttpRequest, template: str, *, extra: dict[str, Any] | None = None, **base: Any
) -> HttpResponse:
    """The cases that `base` names, as far as the URL narrows them; `extra` is for the template."""
    seen = Case.objects.visible_to(request.user).filter(**base)
    narrowing = CaseFilter(request.GET, queryset=seen, request=request)
    valid = narrowing.is_valid()
    found = narrowing.qs if valid else seen.none()
    shown = page(request, found.select_related("account", "assignee"), narrowing.order)
    shown.rows = dressed(shown.rows, request.user)
    context = {
        "page": shown,
        "filter": narrowing,
        "total": capped(found),
        "anything": bool(shown.rows) or narrowing.narrowed or seen.exists(),
        "may_read": request.user.has_perm(permissions.VIEW),
        "may_claim": request.user.has_perm(permissions.REVIEW),
        "may_comply": request.user.has_perm(permissions.COMPLY),
        **(extra or {}),
    }
    if request.htmx and request.htmx.target == "list":
        template = "cases/_list.html"
    return render(request, template, context, status=200 if valid else 422)
