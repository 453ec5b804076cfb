"""The analyst's hand on what ties one account to others, from the account's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from cases import permissions
from cases import rings as hand
from cases.forms import InfrastructureForm, ReasonForm
from cases.models import Account, Relation, RingOverride, Trait, User
from cases.permissions import Denied
from cases.views import account as account_page
from cases.views.access import access_account


@require_POST
def undo(request: HttpRequest, ref: str, override: int) -> HttpResponse:
    """Take back a pin, a cut or a refused offer that names this account."""
    account = access_account(request.user, ref)
    row = _one(account_page.overrides(account, request.user), override)
    return _with_reason(request, account, row, hand.undo, "Undone.")


@require_POST
def withdraw_relation(request: HttpRequest, ref: str, relation: int) -> HttpResponse:
    """The relation no longer holds, or never did."""
    account = access_account(request.user, ref)
    rows = Relation.objects.visible_to(request.user).filter(members__account=account)
    return _with_reason(
        request, account, _one(rows, relation), hand.withdraw_relation, "Withdrawn."
    )


@require_POST
def mark_infrastructure(request: HttpRequest, ref: str, trait: int) -> HttpResponse:
    """What the account uses is a shared place or tool: it ties next to nothing from now on."""
    account = access_account(request.user, ref)
    row = _one(_traits(account, request.user), trait)
    form = InfrastructureForm(request.POST)

    def run() -> None:
        said = form.cleaned_data
        hand.mark_infrastructure(
            row, said["kind"], actor=request.user, reason=said["reason"], label=said["label"]
        )

    return _change(request, account, form, run, "Marked.")


@require_POST
def unmark_infrastructure(request: HttpRequest, ref: str, trait: int) -> HttpResponse:
    account = access_account(request.user, ref)
    row = _one(_traits(account, request.user), trait)
    return _with_reason(
        request, account, row, hand.unmark_infrastructure, "No longer infrastructure."
    )


def _with_reason(
    request: HttpRequest, account: Account, row: Any, verb: Callable[..., Any], said: str
) -> HttpResponse:
    form = ReasonForm(request.POST)

    def run() -> None:
        verb(row, actor=request.user, reason=form.cleaned_data["reason"])

    return _change(request, account, form, run, said)


def _change(
    request: HttpRequest,
    account: Account,
    form: forms.Form,
    run: Callable[[], None],
    said: str,
) -> HttpResponse:
    """Do it and show the account afterwards; 403, 409 and 422 say what stood in the way."""
    permissions.require(request.user, permissions.REVIEW, obj=account)
    problem, status = "Say why.", 422
    if form.is_valid():
        try:
            run()
        except hand.NotAllowed as exc:
            problem, status = str(exc), 409
        except Denied as exc:
            problem, status = str(exc), 403
        else:
            messages.success(request, said)
            return redirect("cases:account", ref=account.ref)
    account.refresh_from_db()
    context = account_page.page(request, account) | {"problem": problem}
    return render(request, "cases/account.html", context, status=status)


def _traits(account: Account, user: User):
    return Trait.objects.visible_to(user).filter(sightings__account=account)


def _one(rows: Any, pk: int) -> RingOverride | Relation | Trait:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
