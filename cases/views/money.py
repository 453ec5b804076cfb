"""Holds on an account's money: asked for, agreed to by a second person, justified, told again."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from cases import holds
from cases.auth.step_up import step_up_required
from cases.forms import HoldForm, ReasonForm
from cases.models import Case, Hold, HoldRequest
from cases.models.sight import sees_compliance
from cases.views.access import access_case
from cases.views.acting import act
from cases.views.rail import hold_levels


@require_POST
def hold(request: HttpRequest, ref: str) -> HttpResponse:
    """Change the hold. What needs two people waits for the second; the money stays as it is."""
    case = access_case(request.user, ref)
    levels = hold_levels(case, request.user)
    form = HoldForm(request.POST, auto_id="hold_%s", levels=levels)

    def run() -> None:
        said = form.cleaned_data
        holds.set_hold(
            case.account,
            said["level"],
            actor=request.user,
            reason=said["reason"],
            case=case,
            basis=said["basis"],
        )

    return act(request, case, run, form=form, slot="hold", said="Recorded; see whether it waits.")


@require_POST
@step_up_required
def confirm_hold(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Agree as the second person to a change of the hold."""
    case = access_case(request.user, ref)
    asked = _request(request, case, pk)
    run = lambda: holds.confirm(asked, actor=request.user)  # noqa: E731
    return act(request, case, run, said="The platform is told.")


@require_POST
def refuse_hold(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Turn a change of the hold down, or take one's own request back."""
    case = access_case(request.user, ref)
    asked = _request(request, case, pk)
    form = ReasonForm(request.POST, auto_id="refuse_hold_%s")

    def run() -> None:
        holds.refuse(asked, actor=request.user, reason=form.cleaned_data["reason"])

    return act(request, case, run, form=form, slot="refuse_hold", said="The hold stays as it is.")


@require_POST
def justify_hold(request: HttpRequest, ref: str) -> HttpResponse:
    """Confirm as a second person that a hold stays, so that it no longer shouts."""
    case = access_case(request.user, ref)
    form = ReasonForm(request.POST, auto_id="justify_%s")

    def run() -> None:
        live = _live(request, case)
        holds.justify(live, actor=request.user, reason=form.cleaned_data["reason"])

    return act(request, case, run, form=form, slot="justify", said="The hold stays.")


@require_POST
def resend_hold(request: HttpRequest, ref: str) -> HttpResponse:
    """Tell the platform again what it did not acknowledge."""
    case = access_case(request.user, ref)
    run = lambda: holds.resend(_live(request, case), actor=request.user)  # noqa: E731
    return act(request, case, run, said="Sent again.")


def _live(request: HttpRequest, case: Case) -> Hold:
    found = Hold.objects.visible_to(request.user).filter(account=case.account_id, live=True).first()
    if found is None:
        raise Http404
    return found


def _request(request: HttpRequest, case: Case, pk: int) -> HoldRequest:
    if not sees_compliance(request.user):
        raise Http404
    found = case.account.hold_requests.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
