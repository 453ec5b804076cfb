"""Proposals and the second person: what would be done, over which evidence, and who signs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases import audit, decisions, evidence, four_eyes, offboarding, permissions, transitions
from cases.auth.step_up import step_up_required
from cases.forms import ReasonForm
from cases.models import Action, Decision
from cases.permissions import Denied
from cases.states import Verb
from cases.transitions import NotAllowed
from cases.views.access import access_case, access_decision
from cases.views.acting import act, seen_version
from cases.views.rail import propose_form
from cases.views.work import number


@require_POST
def propose(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = propose_form(case, request.POST)

    def run() -> None:
        said = form.cleaned_data
        decisions.propose(
            case,
            said["outcome"],
            actor=request.user,
            reason_code=said["reason_code"],
            reason=said["reason"],
            notice=said["notice"],
            version=seen_version(request),
            fence=number(request, "fence"),
        )

    done = f"{case.ref}: outcome recorded; what needs a second person waits for one."
    return act(request, case, run, form=form, slot="propose", said=done)


@require_POST
@step_up_required
def overturn(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = propose_form(case, request.POST, prefix="overturn")

    def run() -> None:
        said = form.cleaned_data
        standing = four_eyes.standing(case)
        if standing is None:
            raise NotAllowed("There is no decision to overturn.")
        decisions.overturn(
            standing,
            actor=request.user,
            outcome=said["outcome"],
            reason_code=said["reason_code"],
            reason=said["reason"],
            notice=said["notice"],
            version=seen_version(request),
        )

    return act(request, case, run, form=form, slot="overturn", said="Waits for a second person.")


@require_GET
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """One proposal or decision with all that the second person needs to judge it."""
    shown = access_decision(request.user, pk)
    audit.read(request.user, shown.case, "decision page", decision=shown.pk)
    return _page(request, shown)


@require_POST
@step_up_required
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign this very proposal, and only if the evidence is what the proposer saw."""
    return _sign(request, pk, lambda row, reason: decisions.approve(row, actor=request.user))


@require_POST
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    def run(row: Decision, reason: str) -> None:
        decisions.reject(row, actor=request.user, reason=reason)

    form = ReasonForm(request.POST, auto_id="reject_%s")
    return _sign(request, pk, run, form=form, slot="reject")


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    def run(row: Decision, reason: str) -> None:
        decisions.withdraw(row, actor=request.user, reason=reason)

    form = ReasonForm(request.POST, auto_id="withdraw_%s")
    return _sign(request, pk, run, form=form, slot="withdraw")


@require_POST
def retry_action(request: HttpRequest, pk: int, action: int) -> HttpResponse:
    """Send a step again that the platform did not take."""
    return _sign(request, pk, lambda row, reason: offboarding.retry(
        _action(row, action), actor=request.user
    ))  # fmt: skip


@require_POST
@step_up_required
def skip_action(request: HttpRequest, pk: int, action: int) -> HttpResponse:
    """Go on without a step, saying why."""
    form = ReasonForm(request.POST, auto_id=f"skip{action}_%s")
    return _sign(
        request,
        pk,
        lambda row, reason: offboarding.skip(
            _action(row, action), actor=request.user, reason=reason
        ),
        form=form,
        slot=f"skip-{action}",
    )


def _action(row: Decision, pk: int) -> Action:
    found = row.actions.filter(pk=pk).first()
    if found is None:
        raise NotAllowed("There is no such step.")
    return found


def _sign(request, pk, run, *, form: forms.Form | None = None, slot: str = "") -> HttpResponse:
    row = access_decision(request.user, pk)
    if form is not None and not form.is_valid():
        return _page(request, row, forms={slot: form}, status=422)
    try:
        run(row, form.cleaned_data["reason"] if form is not None else "")
    except NotAllowed as exc:
        changes = exc.changes if isinstance(exc, decisions.EvidenceChanged) else []
        return _page(
            request, _again(row), problem=str(exc), changes=changes,
            forms={slot: form} if form else {}, status=409,
        )  # fmt: skip
    except Denied as exc:
        return _page(request, _again(row), problem=str(exc), status=403)
    messages.success(request, "Done and recorded.")
    return redirect("cases:decision", pk=pk)


def _again(row: Decision) -> Decision:
    row.refresh_from_db()
    return row


def _page(
    request: HttpRequest,
    row: Decision,
    *,
    problem: str = "",
    changes: list[str] | None = None,
    forms: dict[str, forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    user = request.user
    waiting = row.state == Decision.State.PROPOSED
    moved = evidence_changes(row) if waiting else []
    steps = list(row.actions.select_related("skipped_by").order_by("position"))
    context: dict[str, Any] = {
        "decision": row,
        "case": row.case,
        "account": row.case.account,
        "problem": problem,
        "changes": changes or moved,
        "plan": row.plan,
        "actions": steps,
        "waiting": waiting,
        "why_not_approve": four_eyes.why_not_approve(row, user) if waiting else "",
        "why_not_reject": four_eyes.why_not_reject(row, user) if waiting else "",
        "why_not_withdraw": four_eyes.why_not_withdraw(row, user) if waiting else "",
        "why_not_retry": transitions.why_not(row.case, Verb.CARRY_OUT, user) if steps else "",
        "why_not_skip": ""
        if permissions.is_officer(user)
        else "Only a compliance officer may skip a step.",
        "forms": {
            "reject": ReasonForm(auto_id="reject_%s"),
            "withdraw": ReasonForm(auto_id="withdraw_%s"),
            "skip": ReasonForm(auto_id="skip_%s"),
            **(forms or {}),
        },
    }
    return render(request, "cases/decision.html", context, status=status)


def evidence_changes(row: Decision) -> list[str]:
    """What is different from what the proposer saw; the approval would be refused."""
    now = evidence.gather(row.case)
    if evidence.digest(now) == row.digest:
        return []
    return evidence.changes(row.evidence, now) or ["the evidence"]
