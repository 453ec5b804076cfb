"""The receivers of our messages, what became of each message, and sending one again."""

from __future__ import annotations

import json

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases import audit, egress, permissions, receivers
from cases import webhooks as messenger
from cases.auth.rights import needs
from cases.auth.step_up import step_up_required
from cases.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from cases.views.paging import page

_STATES = [("", "Any"), *WebhookDelivery.State.choices]


class EndpointForm(forms.Form):
    name = forms.CharField(max_length=80)
    url = forms.CharField(max_length=500, label="Address")
    event_types = forms.CharField(
        required=False,
        max_length=1000,
        help_text="Types or their beginnings, separated by spaces; empty means all",
    )

    def clean_url(self) -> str:
        try:
            egress.check_url(self.cleaned_data["url"])
        except egress.Refused as exc:
            raise forms.ValidationError(str(exc)) from exc
        return self.cleaned_data["url"]

    def clean_event_types(self) -> list[str]:
        return self.cleaned_data["event_types"].split()


class ChangeForm(EndpointForm):
    name = None


class SwitchForm(forms.Form):
    state = forms.ChoiceField(choices=[("on", "on"), ("paused", "paused")])
    note = forms.CharField(max_length=300)


class NoteForm(forms.Form):
    note = forms.CharField(max_length=300, label="Why")


@require_GET
def webhooks(request: HttpRequest) -> HttpResponse:
    return _list(request, EndpointForm())


@require_POST
@needs(permissions.MANAGE_WEBHOOKS)
@step_up_required
def add(request: HttpRequest) -> HttpResponse:
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    if WebhookEndpoint.objects.visible_to(request.user).filter(name=form.cleaned_data["name"]):
        form.add_error("name", "There is a receiver of this name.")
        return _list(request, form, status=422)
    try:
        endpoint, secret = receivers.add(actor=request.user, **form.cleaned_data)
    except IntegrityError:
        form.add_error("name", "There is a receiver of this name.")
        return _list(request, form, status=422)
    return _endpoint(request, endpoint, secret=secret)


@require_GET
def endpoint(request: HttpRequest, pk: int) -> HttpResponse:
    return _endpoint(request, _access(request, pk))


@require_POST
@needs(permissions.MANAGE_WEBHOOKS)
@step_up_required
def change(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = _access(request, pk), ChangeForm(request.POST)
    if not form.is_valid():
        return _endpoint(request, row, form=form, status=422)
    receivers.change(row, actor=request.user, **form.cleaned_data)
    return _done(request, "Saved.", row)


@require_POST
@needs(permissions.MANAGE_WEBHOOKS)
@step_up_required
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    row = _access(request, pk)
    return _endpoint(request, row, secret=receivers.rotate(row, actor=request.user))


@require_POST
@needs(permissions.MANAGE_WEBHOOKS)
@step_up_required
def retire(request: HttpRequest, pk: int, secret: str) -> HttpResponse:
    row = _access(request, pk)
    receivers.retire(row, secret, actor=request.user)
    return _done(request, "That secret signs no more.", row)


@require_POST
@needs(permissions.MANAGE_WEBHOOKS)
@step_up_required
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = _access(request, pk), SwitchForm(request.POST)
    if not form.is_valid():
        return _endpoint(request, row, problem="Say why.", status=422)
    state, note = form.cleaned_data["state"], form.cleaned_data["note"]
    receivers.switch(row, state, actor=request.user, note=note)
    return _done(request, f"The receiver is {state}.", row)


@require_GET
def delivery(request: HttpRequest, public_id: str) -> HttpResponse:
    """One message with every attempt; its content only for who may read cases."""
    return _delivery(request, _access_delivery(request, public_id))


@require_POST
@needs(permissions.REPLAY_WEBHOOKS)
@step_up_required
def replay(request: HttpRequest, public_id: str) -> HttpResponse:
    row, form = _access_delivery(request, public_id), NoteForm(request.POST)
    if not form.is_valid():
        return _delivery(request, row, problem="Say why.", status=422)
    try:
        messenger.replay(row, actor=request.user, note=form.cleaned_data["note"])
    except messenger.NotPossible as exc:
        return _delivery(request, row, problem=str(exc), status=409)
    messages.success(request, "It goes out again, under the same id.")
    return redirect("cases:delivery", row.public_id)


def _watch(request: HttpRequest) -> None:
    permissions.require(request.user, permissions.VIEW_WEBHOOKS)


def _access(request: HttpRequest, pk: int) -> WebhookEndpoint:
    _watch(request)
    row = WebhookEndpoint.objects.visible_to(request.user).filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def _access_delivery(request: HttpRequest, public_id: str) -> WebhookDelivery:
    _watch(request)
    rows = WebhookDelivery.objects.visible_to(request.user).select_related("endpoint")
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row


def _rights(request: HttpRequest) -> dict[str, bool]:
    return {
        "manages": permissions.allows(request.user, permissions.MANAGE_WEBHOOKS),
        "replays": permissions.allows(request.user, permissions.REPLAY_WEBHOOKS),
        "reads": permissions.allows(request.user, permissions.VIEW),
    }


def _list(request: HttpRequest, form: EndpointForm, status: int = 200) -> HttpResponse:
    _watch(request)
    counts = {
        state: Count("deliveries", filter=Q(deliveries__state=state))
        for state in ("waiting", "dead", "refused")
    }
    rows = WebhookEndpoint.objects.visible_to(request.user).annotate(**counts)
    context = {
        "endpoints": rows.order_by("name"),
        "form": form,
        "orphans": WebhookDelivery.objects.visible_to(request.user)
        .filter(endpoint=None, state="waiting")
        .count(),
        **_deliveries(request),
        **_rights(request),
    }
    return render(request, "cases/webhooks/list.html", context, status=status)


def _deliveries(request: HttpRequest, row: WebhookEndpoint | None = None) -> dict:
    rows = WebhookDelivery.objects.visible_to(request.user).select_related("endpoint")
    if row is not None:
        rows = rows.filter(endpoint=row)
    state = request.GET.get("state", "")
    if state in WebhookDelivery.State.values:
        rows = rows.filter(state=state)
    return {"page": page(request, rows, ["-id"]), "states": _STATES, "state": state}


def _endpoint(
    request: HttpRequest,
    row: WebhookEndpoint,
    *,
    form: ChangeForm | None = None,
    secret: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    row.refresh_from_db()
    shown = {"url": row.url, "event_types": " ".join(row.event_types)}
    context = {
        "endpoint": row,
        "form": form or ChangeForm(initial=shown),
        "secret": secret,
        "problem": problem,
        "secrets": [{k: v for k, v in each.items() if k != "sealed"} for each in row.secrets],
        **_deliveries(request, row),
        **_rights(request),
    }
    return render(request, "cases/webhooks/endpoint.html", context, status=status)


def _delivery(
    request: HttpRequest, row: WebhookDelivery, *, problem: str = "", status: int = 200
) -> HttpResponse:
    rights = _rights(request)
    content = ""
    if rights["reads"]:
        audit.read(request.user, row, "webhook message", message=row.public_id)
        content = json.dumps(row.payload, indent=2, sort_keys=True, ensure_ascii=False)[:20_000]
    attempts = WebhookAttempt.objects.visible_to(request.user).filter(delivery=row)
    context = {
        "delivery": row,
        "attempts": attempts.order_by("-id")[:100],
        "content": content,
        "problem": problem,
        **rights,
    }
    return render(request, "cases/webhooks/delivery.html", context, status=status)


def _done(request: HttpRequest, said: str, row: WebhookEndpoint) -> HttpResponse:
    messages.success(request, said)
    return redirect("cases:webhook", row.pk)
