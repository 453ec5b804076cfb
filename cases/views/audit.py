"""The trail, for those who audit it, and the history of one case, for those who work it."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from cases import audit as trail
from cases import permissions, sheet
from cases.auth.rights import needs
from cases.auth.step_up import step_up_required
from cases.models import AuditEvent
from cases.views.access import access_case
from cases.views.paging import Page, page

EXPORT_LIMIT = 10_000
LAST_DAY = date(9999, 12, 30)  # the days after have no end that can be told in every zone
_ORDER = ["-id"]
# What fills a history without telling how the case moved; auditors ask for it.
_LOOKING = ("read",)


class SearchForm(forms.Form):
    """What the trail may be narrowed to."""

    verb = forms.CharField(required=False, max_length=60, help_text="or its beginning")
    person = forms.CharField(required=False, max_length=150, help_text="sign-in name")
    case = forms.CharField(required=False, max_length=20)
    account = forms.CharField(required=False, max_length=128)
    request = forms.CharField(required=False, max_length=64, label="Request id")
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def narrow(self, events: QuerySet) -> QuerySet:
        """`events` that fit what was filled in; nothing, when that cannot be read."""
        if not self.is_valid():
            return events.none()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        fields = {
            "verb": "verb__startswith",
            "person": "actor__username",
            "case": "case__ref",
            "account": "account__ref",
            "request": "request_id",
        }
        for name, lookup in fields.items():
            if name in given:
                events = events.filter(**{lookup: given[name]})
        if "since" in given:
            events = events.filter(at__gte=_midnight(given["since"]))
        if "until" in given and given["until"] < LAST_DAY:
            events = events.filter(at__lt=_midnight(given["until"]) + timedelta(days=1))
        return events

    def told(self) -> dict[str, str]:
        """What was asked for, for the event that says that somebody looked."""
        given = getattr(self, "cleaned_data", {})
        return {name: str(value) for name, value in given.items() if value}


class ExportForm(forms.Form):
    reason = forms.CharField(max_length=300, label="What for")


@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """Search the trail. Looking is itself an event."""
    _require_reader(request)
    form = SearchForm(request.GET or {})
    found = page(request, form.narrow(_events(request)), _ORDER)
    trail.read(request.user, request.user, "audit trail", asked=form.told())
    return _search(request, form, found, ExportForm())


@require_POST
@needs(permissions.EXPORT)
@needs(permissions.AUDIT)
@step_up_required
def export(request: HttpRequest) -> HttpResponse:
    """The events that were searched for, as a sheet, with a reason that is kept."""
    form, reason = SearchForm(request.GET or {}), ExportForm(request.POST)
    if not reason.is_valid():
        found = page(request, form.narrow(_events(request)), _ORDER)
        return _search(request, form, found, reason, status=422)
    events = list(form.narrow(_events(request)).order_by("-id")[:EXPORT_LIMIT])
    trail.exported(
        request.user,
        None,
        "audit trail",
        count=len(events),
        reason=reason.cleaned_data["reason"],
        asked=form.told(),
    )
    head = ("id", "at", "verb", "who", "case", "account", "object", "note", "data", "ip", "request")
    response = HttpResponse(
        "".join(sheet.lines(head, (_row(event) for event in events))), content_type="text/csv"
    )
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


@require_GET
def history(request: HttpRequest, ref: str) -> HttpResponse:
    """What happened to a case, as far as this person may know; `?all=1` with who looked."""
    case = access_case(request.user, ref)
    events = AuditEvent.objects.visible_to(request.user).filter(case=case)
    everything = request.GET.get("all") == "1"
    if not everything:
        events = events.exclude(verb__in=_LOOKING)
    found = page(request, events.select_related("actor"), _ORDER)
    trail.read(request.user, case, "history")
    context = {"case": case, "page": found, "everything": everything}
    fragment = getattr(request, "htmx", False)
    name = "cases/audit/_history.html" if fragment else "cases/audit/history.html"
    return render(request, name, context)


def _search(
    request: HttpRequest, form: SearchForm, found: Page, export: ExportForm, status: int = 200
) -> HttpResponse:
    context = {"form": form, "page": found, "export": export, "query": request.GET.urlencode()}
    return render(request, "cases/audit/search.html", context, status=status)


def _require_reader(request: HttpRequest) -> None:
    """Auditors, and within what they may see those who manage people."""
    if not permissions.allows(request.user, permissions.MANAGE_PEOPLE):
        permissions.require(request.user, permissions.AUDIT)


def _events(request: HttpRequest) -> QuerySet:
    rows = AuditEvent.objects.visible_to(request.user)
    return rows.select_related("actor", "case", "account")


def _row(event: AuditEvent) -> list[Any]:
    return [
        event.pk,
        event.at.isoformat(),
        event.verb,
        event.actor_name,
        event.case.ref if event.case else "",
        event.account.ref if event.account else "",
        f"{event.object_type} {event.object_ref}".strip(),
        event.note,
        json.dumps(event.data, sort_keys=True, ensure_ascii=False),
        event.ip or "",
        event.request_id,
    ]


def _midnight(day) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
