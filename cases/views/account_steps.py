"""Verification at the account: steps that were asked for before there was a case."""

from __future__ import annotations

from collections.abc import Callable

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from cases import permissions, playbook, verification
from cases.forms import SecondLookForm
from cases.models import Account, Verification, VerificationAttempt
from cases.views import verification_forms
from cases.views.access import access_account
from cases.views.account import page


@require_POST
def record_step(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Add an attempt to a step that was asked before there was a case."""
    subject = access_account(request.user, ref)
    rows = Verification.objects.visible_to(request.user)
    step = get_object_or_404(rows, pk=pk, account=subject)
    form = verification_forms.attempt_form(playbook.of(step.typology_code), step, request.POST)

    def run() -> None:
        told = verification_forms.said(form, request.user)
        verification.record_attempt(step, actor=request.user, **told)

    return _act(request, subject, f"record-{pk}", form, run)


@require_POST
def second_look(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    subject = access_account(request.user, ref)
    steps = Verification.objects.visible_to(request.user).filter(account=subject)
    attempt = get_object_or_404(
        VerificationAttempt.objects.select_related("verification"), pk=pk, verification__in=steps
    )
    form = SecondLookForm(request.POST, auto_id=f"look{pk}_%s")

    def run() -> None:
        told = form.cleaned_data
        verification.review_attempt(
            attempt, actor=request.user, agrees=told["agrees"] == "yes", note=told["note"]
        )

    return _act(request, subject, f"look-{pk}", form, run)


def _act(
    request: HttpRequest, subject: Account, slot: str, form: Form, run: Callable[[], None]
) -> HttpResponse:
    """Call `run` if the form is good; what was typed stays when it is not, or is too late."""
    status = 422
    if form.is_valid():
        try:
            run()
            return redirect("cases:account", ref=subject.ref)
        except verification.NotAllowed as exc:
            form.add_error(None, str(exc))
            status = 409
        except permissions.Denied as exc:
            form.add_error(None, str(exc))
            status = 403
    context = page(request, subject, {slot: form})
    return render(request, "cases/account.html", context, status=status)
