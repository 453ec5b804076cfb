"""Verification on the case page: asked for, recorded, looked at a second time, eased, waived."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from cases import playbook, verification
from cases.forms import ReasonForm, SecondLookForm
from cases.models import Case, User, Verification
from cases.views.access import access_case
from cases.views.acting import act, seen_version
from cases.views.verification_forms import attempt_form, request_form, said


@require_POST
def request_step(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = request_form(playbook.of(case.typology_code), request.POST)

    def run() -> None:
        said = form.cleaned_data
        verification.request(
            case,
            said["step"],
            actor=request.user,
            note=said["note"],
            reason_told=said["told"],
            version=seen_version(request),
        )

    done = "Asked; the case waits for the answer or the deadline."
    return act(request, case, run, form=form, slot="request_verification", said=done)


@require_POST
def record(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Add an attempt. What is adverse counts only after a second person looked at it."""
    case = access_case(request.user, ref)
    step = _step(request.user, case, pk)
    form = attempt_form(playbook.of(step.typology_code), step, request.POST)

    def run() -> None:
        verification.record_attempt(step, actor=request.user, **said(form, request.user))

    return act(request, case, run, form=form, slot=f"record-{pk}", said="Attempt recorded.")


@require_POST
def second_look(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    case = access_case(request.user, ref)
    steps = Verification.objects.visible_to(request.user).filter(account=case.account_id)
    step = steps.filter(attempts__pk=pk).first()
    if step is None:
        raise Http404
    attempt = step.attempts.select_related("verification").get(pk=pk)
    form = SecondLookForm(request.POST, auto_id=f"look{pk}_%s")

    def run() -> None:
        said = form.cleaned_data
        verification.review_attempt(
            attempt, actor=request.user, agrees=said["agrees"] == "yes", note=said["note"]
        )

    return act(request, case, run, form=form, slot=f"look-{pk}", said="Second look recorded.")


@require_POST
def accommodate(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """The person cannot do the step as it is. Never scored against them."""
    return _with_reason(request, ref, pk, "ease", verification.accommodate)


@require_POST
def waive(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    return _with_reason(request, ref, pk, "waive", verification.waive)


def _with_reason(request: HttpRequest, ref: str, pk: int, slot: str, verb) -> HttpResponse:
    case = access_case(request.user, ref)
    step = _step(request.user, case, pk)
    form = ReasonForm(request.POST, auto_id=f"{slot}{pk}_%s")

    def run() -> None:
        verb(step, actor=request.user, reason=form.cleaned_data["reason"])

    return act(request, case, run, form=form, slot=f"{slot}-{pk}", said="Recorded.")


def _step(user: User, case: Case, pk: int) -> Verification:
    found = Verification.objects.visible_to(user).filter(pk=pk, account=case.account_id).first()
    if found is None:
        raise Http404
    return found
