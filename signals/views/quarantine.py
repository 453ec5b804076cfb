"""What was set aside because it spoiled its batch: seen, worked in again or put away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases import permissions
from cases.forms import Plain, text_field
from cases.views import paging
from signals import quarantine
from signals.models import QuarantinedItem


class WhyForm(Plain):
    reason = text_field("Why", most=quarantine.REASON_MOST, rows=2)


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    return _page(request)


@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, "release", quarantine.release)


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, "discard", quarantine.discard)


def _act(
    request: HttpRequest, pk: int, name: str, verb: Callable[..., QuarantinedItem]
) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    item = get_object_or_404(QuarantinedItem.objects.visible_to(request.user), pk=pk)
    form = _form(name, item, request.POST)
    if not form.is_valid():
        return _page(request, forms={(name, pk): form}, status=422)
    try:
        item = verb(item, actor=request.user, reason=form.cleaned_data["reason"])
    except quarantine.NotPossible as exc:
        return _page(request, problem=str(exc), status=409)
    if item.discarded_at is not None:
        messages.success(request, "Put away: it will not be worked in.")
    elif item.released_at is not None:
        messages.success(request, "Worked in: it counts from now on.")
    else:
        problem = "It failed again and stays here, with the new error."
        return _page(request, problem=problem, status=409)
    return redirect("signals:quarantine")


def _form(name: str, item: QuarantinedItem, data: Any = None) -> WhyForm:
    return WhyForm(data, auto_id=f"{name}-{item.pk}-%s")


def _page(
    request: HttpRequest,
    *,
    problem: str = "",
    forms: dict[tuple[str, int], WhyForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Those that wait; `show=all` also those that were worked in or put away."""
    everything = request.GET.get("show") == "all"
    rows = QuarantinedItem.objects.visible_to(request.user)
    rows = rows.select_related("batch__detector", "released_by", "discarded_by")
    if not everything:
        rows = rows.waiting()
    page = paging.page(request, rows, ["-id"])
    bound = forms or {}
    found = [
        {
            "shown": one,
            "release": bound.get(("release", one.item.pk)) or _form("release", one.item),
            "discard": bound.get(("discard", one.item.pk)) or _form("discard", one.item),
        }
        for one in quarantine.shown(page.rows)
    ]
    context = {"page": page, "rows": found, "all": everything, "problem": problem}
    return render(request, "signals/quarantine.html", context, status=status)
