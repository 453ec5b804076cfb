"""The account page: what the platform said about it, what it uses, what was found and decided."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from cases import audit, permissions
from cases.auth.step_up import step_up_required
from cases.forms import RevealForm
from cases.models import Account, Case, Contract, Hold, PayoutMethod, Relation, User
from cases.views import ring_data, why
from cases.views.access import access_account


@require_GET
def account(request: HttpRequest, ref: str) -> HttpResponse:
    """Personal data is masked here; `reveal` shows it once, with a reason that is recorded."""
    subject = access_account(request.user, ref)
    audit.read(request.user, subject, "account page")
    return render(request, "cases/account.html", page(request, subject))


@require_POST
@step_up_required
def reveal(request: HttpRequest, ref: str) -> HttpResponse:
    """Show the account's personal data in this one answer, once the read is on record.

    Nothing is remembered: the next page is masked again.
    """
    subject = access_account(request.user, ref)
    permissions.require(request.user, permissions.REVEAL, obj=subject)
    form = RevealForm(request.POST)
    if not form.is_valid():
        return render(
            request, "cases/account.html", page(request, subject) | {"reveal": form}, status=422
        )
    audit.read(
        request.user,
        subject,
        "personal data revealed",
        reason=form.cleaned_data["reason"],
        purpose=form.cleaned_data["purpose"],
    )
    context = page(request, subject) | {"revealed": True}
    return render(request, "cases/account.html", context)


def page(request: HttpRequest, account: Account) -> dict[str, Any]:
    user = request.user
    return {
        "account": account,
        "reveal": RevealForm(),
        "may_reveal": user.has_perm(permissions.REVEAL),
        "cases": list(
            Case.objects.visible_to(user)
            .filter(account=account)
            .select_related("assignee")
            .order_by("-opened_at")[:50]
        ),
        "why": why.explained(account),
        "sightings": ring_data.traits_of(account, user),
        "payouts": list(
            PayoutMethod.objects.visible_to(user)
            .filter(account=account)
            .select_related("trait")
            .order_by("-added_at")[:50]
        ),
        "contracts": contracts(account, user),
        "hold": Hold.objects.visible_to(user).filter(account=account, live=True).first(),
        "relations": list(
            Relation.objects.visible_to(user)
            .filter(members__account=account, active=True)
            .order_by("ref")[:20]
        ),
    }


def contracts(account: Account, user: User) -> list[Contract]:
    role = "client" if account.kind == Account.Kind.CLIENT else "freelancer"
    rows = Contract.objects.visible_to(user).filter(**{role: account})
    return list(rows.select_related("client", "freelancer").order_by("-opened_at")[:50])
