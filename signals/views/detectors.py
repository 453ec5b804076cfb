"""Detectors: who they are, what they send, their keys and what of theirs was refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import permissions
from cases.views import paging
from signals import detectors as verbs
from signals import keys, rejects, statistics
from signals.forms import (
    KeyForm,
    LimitsForm,
    MendForm,
    RegisterForm,
    RevokeForm,
    SwitchForm,
)
from signals.models import Detector, DetectorKey, QuarantinedItem, RejectedItem


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    permissions.require(request.user, permissions.VIEW_DETECTORS)
    rows = list(Detector.objects.visible_to(request.user))
    today = statistics.balances_of_day(timezone.now().date())
    for row in rows:
        row.today = today.get(row.pk)
    aside = QuarantinedItem.objects.visible_to(request.user).waiting().count()
    return render(request, "signals/detectors.html", {"detectors": rows, "aside": aside})


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    form = RegisterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            detector = verbs.register(actor=request.user, **form.cleaned_data)
        except (ValidationError, IntegrityError) as exc:
            _tell(form, exc)
        else:
            return redirect("signals:detector", detector.pk)
    status = 422 if form.is_bound else 200
    return render(request, "signals/register.html", {"form": form}, status=status)


@require_GET
def detector(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _access(request, pk))


@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    found = _access(request, pk)
    form = SwitchForm(request.POST)
    if form.is_valid():
        try:
            verbs.switch(found, actor=request.user, **form.cleaned_data)
        except ValidationError as exc:
            _tell(form, exc)
        else:
            return redirect("signals:detector", pk)
    return _page(request, found, switch_form=form, status=422)


@require_POST
def limits(request: HttpRequest, pk: int) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    found = _access(request, pk)
    form = LimitsForm(request.POST)
    if form.is_valid():
        try:
            verbs.change(found, actor=request.user, **form.cleaned_data)
        except ValidationError as exc:
            _tell(form, exc)
        else:
            return redirect("signals:detector", pk)
    return _page(request, found, limits_form=form, status=422)


@require_POST
def make_key(request: HttpRequest, pk: int) -> HttpResponse:
    """A further key, or with `rotate` one that makes room. Shown in this answer and never again."""
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    found = _access(request, pk)
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, found, key_form=form, status=422)
    days = form.cleaned_data["days"]
    expires = timezone.now() + timedelta(days=days) if days else None
    make = keys.rotate if "rotate" in request.POST else keys.make
    try:
        new = make(found, actor=request.user, expires_at=expires)
    except keys.TooManyKeys as exc:
        form.add_error(None, f"{exc}.")
        return _page(request, found, key_form=form, status=409)
    return _page(request, found, new_key=new)


@require_POST
def revoke_key(request: HttpRequest, pk: int, prefix: str) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    key = get_object_or_404(DetectorKey, detector=_access(request, pk), prefix=prefix)
    form = RevokeForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    keys.revoke(key, actor=request.user, reason=reason)
    return redirect("signals:detector", pk)


@require_GET
def refused(request: HttpRequest, pk: int) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    found = _access(request, pk)
    rows = RejectedItem.objects.visible_to(request.user).filter(detector=found)
    if request.GET.get("show") != "all":
        rows = rows.waiting()
    page = paging.page(request, rows, ["-id"])
    context = {"detector": found, "page": page, "all": request.GET.get("show") == "all"}
    return render(request, "signals/rejects.html", context)


@require_GET
def reject(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    return _reject_page(request, _access_reject(request, pk, item))


@require_POST
def replay(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    found = _access_reject(request, pk, item)
    form = MendForm(request.POST, pointers=_pointers(found))
    if not form.is_valid():
        return _reject_page(request, found, form=form, status=422)
    try:
        receipt = rejects.replay(found, actor=request.user, changes=form.cleaned_data["changes"])
    except rejects.NotReplayable as exc:
        return _reject_page(request, found, form=form, problem=str(exc), status=409)
    found.refresh_from_db()
    status = 422 if receipt.rejected else 200
    return _reject_page(request, found, result=receipt.results[0], status=status)


@require_POST
def dismiss(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    permissions.require(request.user, permissions.MANAGE_DETECTORS)
    rejects.dismiss(_access_reject(request, pk, item), actor=request.user)
    return redirect("signals:rejects", pk)


def _access(request: HttpRequest, pk: int) -> Detector:
    rows = Detector.objects.visible_to(request.user).select_related("owner")
    return get_object_or_404(rows, pk=pk)


def _access_reject(request: HttpRequest, pk: int, item: int) -> RejectedItem:
    rows = RejectedItem.objects.visible_to(request.user).select_related("detector", "replayed_by")
    return get_object_or_404(rows, pk=item, detector_id=pk)


def _tell(form: Any, exc: Exception) -> None:
    """Put a verb's objections to the fields that they are about."""
    if not isinstance(exc, ValidationError):
        form.add_error(None, "Somebody else registered this source just now.")
        return
    named = exc.message_dict if hasattr(exc, "error_dict") else {"__all__": exc.messages}
    for name, messages in named.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, message)


def _page(request: HttpRequest, found: Detector, *, status: int = 200, **more: Any) -> HttpResponse:
    found.refresh_from_db()
    manages = request.user.has_perm(permissions.MANAGE_DETECTORS)
    initial = {
        name: getattr(found, name)
        for name in ("name", "description", "typology", "quota_per_minute", "quota_per_day")
    }
    initial["allowed_indicators"] = "\n".join(found.allowed_indicators)
    refused = RejectedItem.objects.visible_to(request.user).filter(detector=found).waiting()
    context = {
        "detector": found,
        "manages": manages,
        "balance": statistics.balance(found),
        "quality": statistics.quality(found),
        "used": statistics.used(found),
        "indicators": statistics.by_indicator(found),
        "keys": found.keys.select_related("created_by")[:20],
        "rejects": refused.order_by("-pk")[:10],
        "switch_form": SwitchForm(initial={"state": found.state, "reason": found.off_reason}),
        "limits_form": LimitsForm(initial=initial),
        "key_form": KeyForm(),
        **more,
    }
    return render(request, "signals/detector.html", context, status=status)


def _pointers(item: RejectedItem) -> list[str]:
    """Where it was wrong, each place once."""
    return list(dict.fromkeys(error["pointer"] for error in item.errors if error["pointer"]))


def _reject_page(
    request: HttpRequest,
    item: RejectedItem,
    *,
    form: MendForm | None = None,
    problem: str = "",
    result: dict | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "item": item,
        "detector": item.detector,
        "body": rejects.masked_body(item),
        "form": form or MendForm(pointers=_pointers(item)),
        "problem": problem,
        "result": result,
    }
    return render(request, "signals/reject.html", context, status=status)
