"""What people find on a case: whose identity, whose interest, what an authority asks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from cases import decisions, determinations
from cases.finding_forms import IdentityForm, InterestForm, KeepOpenForm
from cases.forms import ReasonForm
from cases.models import Case
from cases.permissions import Denied
from cases.transitions import NotAllowed
from cases.views import account as account_page
from cases.views.access import access_account, access_case
from cases.views.acting import act


@require_POST
def interest(request: HttpRequest, ref: str) -> HttpResponse:
    """An officer's finding on a blockable interest."""
    case = access_case(request.user, ref)
    form = InterestForm(request.POST, auto_id="interest_%s")

    def run() -> None:
        said = form.cleaned_data
        determinations.find_interest(
            case,
            said["interest"],
            actor=request.user,
            reason=said["reason"],
            seen=request.POST.get("seen"),
        )

    return act(request, case, run, form=form, slot="interest", said="Recorded.")


@require_POST
def identity(request: HttpRequest, ref: str) -> HttpResponse:
    """Whose identity the account of this case carries."""
    case = access_case(request.user, ref)
    form = IdentityForm(request.POST, auto_id="identity_%s")

    def run() -> None:
        said = form.cleaned_data
        determinations.find_identity(
            case.account,
            said["identity"],
            actor=request.user,
            reason=said["reason"],
            case=case,
            seen=request.POST.get("seen"),
        )

    return act(request, case, run, form=form, slot="identity", said="Recorded.")


@require_POST
def account_identity(request: HttpRequest, ref: str) -> HttpResponse:
    """The same from the account's page; its open case, if there is one, gets the event."""
    account = access_account(request.user, ref)
    case = Case.objects.visible_to(request.user).open().filter(account=account).first()
    form = IdentityForm(request.POST, auto_id="identity_%s")
    status = 422
    if form.is_valid():
        said = form.cleaned_data
        try:
            determinations.find_identity(
                account,
                said["identity"],
                actor=request.user,
                reason=said["reason"],
                case=case,
                seen=request.POST.get("seen"),
            )
        except (NotAllowed, Denied) as exc:
            form.add_error(None, str(exc))
            status = 403 if isinstance(exc, Denied) else 409
        else:
            return redirect("cases:account", ref=account.ref)
    account.refresh_from_db()
    context = account_page.page(request, account) | {"identity_form": form}
    return render(request, "cases/account.html", context, status=status)


@require_POST
def keep_open(request: HttpRequest, ref: str) -> HttpResponse:
    """An authority asks not to off-board the account yet."""
    case = access_case(request.user, ref)
    form = KeepOpenForm(request.POST, auto_id="keep_open_%s")

    def run() -> None:
        said = form.cleaned_data
        decisions.keep_open(
            case, actor=request.user, until=said["until"], reference=said["reference"]
        )

    done = "Recorded; no off-boarding until then. Holds stay as they are."
    return act(request, case, run, form=form, slot="keep_open", said=done)


@require_POST
def lift_keep_open(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = ReasonForm(request.POST, auto_id="lift_%s")

    def run() -> None:
        decisions.lift_keep_open(case, actor=request.user, reason=form.cleaned_data["reason"])

    return act(request, case, run, form=form, slot="lift_keep_open", said="No longer kept open.")
