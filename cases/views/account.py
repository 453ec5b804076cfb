"""The account page: what the platform said about it, what it uses, what was found and decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from cases import audit, determinations, permissions, wall
from cases.auth.step_up import step_up_required
from cases.finding_forms import IDENTITY_WORDS, IdentityForm
from cases.forms import InfrastructureForm, ReasonForm, RevealForm
from cases.models import (
    Account,
    Case,
    Contract,
    Hold,
    PayoutMethod,
    Relation,
    RingOverride,
    User,
)
from cases.views import rail, ring_data, verification_forms, why
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


def page(
    request: HttpRequest, account: Account, bound: Mapping[str, Form] | None = None
) -> dict[str, Any]:
    """What the account's page shows. `bound`: forms of verification steps that were refused."""
    user = request.user
    may_change = user.has_perm(permissions.REVIEW)
    forms = {"reason_form": ReasonForm(auto_id=False), "infrastructure_form": InfrastructureForm(
        auto_id=False)}  # fmt: skip
    open_case = Case.objects.visible_to(user).open().filter(account=account).first()
    hold = Hold.objects.visible_to(user).filter(account=account, live=True).first()
    return {
        "account": account,
        **verification_forms.panel(account, user, bound or {}),
        "may_change": may_change,
        **(forms if may_change else {}),
        "overrides": list(overrides(account, user)[:40]),
        "identity_words": IDENTITY_WORDS[account.identity],
        "why_not_identity": determinations.why_not_identity(account, user, open_case),
        "identity_form": IdentityForm(
            auto_id="identity_%s",
            initial={"identity": account.identity},
        ),
        "reveal": RevealForm(),
        "may_reveal": user.has_perm(permissions.REVEAL),
        "cases": wall.veil(
            Case.objects.visible_to(user)
            .filter(account=account)
            .select_related("assignee")
            .order_by("-opened_at")[:50],
            user,
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
        "hold_level": rail.shown_level(hold.level, user) if hold else "",
        "relations": list(
            Relation.objects.visible_to(user)
            .filter(members__account=account, active=True)
            .order_by("ref")[:20]
        ),
    }


def overrides(account: Account, user: User) -> QuerySet[RingOverride]:
    """What analysts' hands said of this account and what may be undone, the newest first."""
    rows = RingOverride.objects.visible_to(user).filter(undone_at=None)
    naming = Q(account=account) | Q(other=account) | Q(anchors__contains=[account.pk])
    return rows.filter(naming).select_related("account", "other", "made_by").order_by("-made_at")


def contracts(account: Account, user: User) -> list[Contract]:
    role = "client" if account.kind == Account.Kind.CLIENT else "freelancer"
    rows = Contract.objects.visible_to(user).filter(**{role: account})
    return list(rows.select_related("client", "freelancer").order_by("-opened_at")[:50])
