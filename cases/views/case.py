"""The case page: who and how urgent, why it is here, what may be done, the evidence, the history.

`show` answers for the page and for every verb on it: the whole page, or for htmx the parts that a
verb may have changed. The number of queries does not depend on the case, its ring or its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases import audit, permissions, playbook, transitions, visits, wall
from cases.models import (
    Action,
    AuditEvent,
    Case,
    Decision,
    Hold,
    HoldRequest,
    Note,
    Typology,
    User,
    Verification,
)
from cases.models.sight import sees_compliance
from cases.states import WORKING, Verb
from cases.views import money_out, panels, rail, ring_data, rows, why
from cases.views import verification_forms as steps
from cases.views.access import access_case

HISTORY = 60


@dataclass(frozen=True)
class Unsent:
    """What was typed into the form `slot`, and why it was not taken."""

    why: str
    texts: list[tuple[str, str]]
    slot: str


@require_GET
def case(request: HttpRequest, ref: str) -> HttpResponse:
    """The page. Looking at it is recorded, before anything is shown."""
    subject = access_case(request.user, ref)
    audit.read(request.user, subject, "case page")
    return show(request, subject, visited=visits.note(subject, user=request.user))


def show(
    request: HttpRequest,
    case: Case,
    *,
    forms: dict[str, forms.Form] | None = None,
    changes: list[transitions.Change] | None = None,
    visited: datetime | None = None,
    unsent: Unsent | None = None,
    status: int = 200,
) -> HttpResponse:
    """The state after the attempt. `forms` hold what was typed, `changes` what came between.

    `unsent` is shown where the form is gone: the case is no longer one that the verb is for.
    """
    parts = bool(request.htmx) and request.htmx.target == "rail"
    context = shared(request, case, forms or {}, changes or [], visited)
    if unsent and not context["allowed"].get(unsent.slot, True):
        context["unsent"] = unsent
    if not parts:
        context |= evidence(request, case, visited)
    template = "cases/_case_parts.html" if parts else "cases/case.html"
    return render(request, template, context, status=status)


def shared(
    request: HttpRequest,
    case: Case,
    forms: dict[str, forms.Form],
    changes: list[transitions.Change],
    visited: datetime | None,
) -> dict[str, Any]:
    """What the header, the rail and the history need: a verb may change each of it."""
    user = request.user
    allowed = {verb: (may, because) for verb, may, because in transitions.available(case, user)}
    typology = (
        Typology.objects.visible_to(user).filter(code=case.typology_code, active=True).first()
    )
    decision = latest_decision(case, user)
    mine = case.assignee_id == user.pk and case.state in WORKING.values()
    wall.veiled(case, user)
    behind = sees_compliance(user)
    account_verifications = verifications(case, user)
    context = {
        "case": case,
        "account": case.account,
        "mine": mine,
        "behind": behind,
        "typology": typology,
        "allowed": {str(verb): answer[0] for verb, answer in allowed.items()},
        "blocked": [(verb.label, because) for verb, (may, because) in allowed.items() if not may],
        "why_not": {str(verb): answer[1] for verb, answer in allowed.items()},
        "decision": decision,
        "actions": actions(decision),
        "hold": live_hold(case, user),
        "changes": changes,
        "visited": visited,
        "history": history(case, user, visited),
        "verifications": account_verifications,
        "may_reveal": user.has_perm(permissions.REVEAL),
        "may_claim": user.has_perm(permissions.REVIEW),
        "may_comply": user.has_perm(permissions.COMPLY),
    }
    hold = context["hold"]
    context["hold_level"] = rail.shown_level(hold.level, user) if hold else ""
    context["money"] = money_out.of(case.account, user, hold=hold)
    context["outcomes"] = rail.OUTCOMES
    context["hold_request"] = waiting_request(case, user)
    context["forms"] = rail.forms_for(request, context) | forms
    context["may_waive"] = user.has_perm(permissions.APPROVE) or user.has_perm(permissions.COMPLY)
    book = playbook.of(case.typology_code)
    if context["allowed"].get(Verb.REQUEST_VERIFICATION):
        context["forms"].setdefault("request_verification", steps.request_form(book))
    steps.dress(account_verifications, book, user, forms)
    context |= panels.shown(case, user, forms, context)
    return context


def evidence(request: HttpRequest, case: Case, visited: datetime | None) -> dict[str, Any]:
    """What only the whole page shows: the score, the ring, earlier cases."""
    user = request.user
    context: dict[str, Any] = {"why": why.explained(case.account, since=visited)}
    context["because"] = rows.why(case)
    if case.account.ring_id:
        context["ring"] = ring_data.overview(case.account.ring, user)
    context["earlier"] = wall.veil(
        Case.objects.visible_to(user)
        .filter(account=case.account_id)
        .exclude(pk=case.pk)
        .order_by("-opened_at")[:20],
        user,
    )
    return context


def latest_decision(case: Case, user: User) -> Decision | None:
    rows = Decision.objects.visible_to(user).filter(case=case)
    return rows.select_related("proposed_by", "approved_by", "ended_by").order_by("-id").first()


def actions(decision: Decision | None) -> list[Action]:
    if decision is None or decision.state != Decision.State.APPROVED:
        return []
    return list(decision.actions.order_by("position"))


def live_hold(case: Case, user: User) -> Hold | None:
    held = Hold.objects.visible_to(user).filter(account=case.account_id, live=True)
    return held.select_related("set_by", "second_by").first()


def waiting_request(case: Case, user: User) -> HoldRequest | None:
    """A change of the hold that one person asked for and a second has to meet."""
    if not sees_compliance(user):
        return None
    rows = case.account.hold_requests.filter(state=HoldRequest.State.WAITING)
    return rows.select_related("asked_by").first()


def verifications(case: Case, user: User) -> list[Verification]:
    """The steps asked of this account with their attempts, what is pending first."""
    return steps.of_account(case.account_id, user)


def history(case: Case, user: User, visited: datetime | None) -> list[dict[str, Any]]:
    """Notes and events as one list, the newest last; reads are left to the audit tab."""
    notes = (
        Note.objects.visible_to(user)
        .filter(case=case)
        .select_related("author", "replaced_by")
        .order_by("-made_at")[:HISTORY]
    )
    events = (
        AuditEvent.objects.visible_to(user)
        .filter(case=case)
        .exclude(verb__in=["read", "note", Verb.RENEW])
        .order_by("-id")[:HISTORY]
    )
    entries = [
        {
            "at": note.made_at,
            "anchor": f"note-{note.pk}",
            "who": str(note.author),
            "what": "Note" + (" behind the wall" if note.wall else ""),
            "text": note.text,
            "replaced": getattr(note, "replaced_by", None) is not None,
            "corrects": note.replaces_id,
            "own": note.author_id == user.pk,
            "pk": note.pk,
            "wall": note.wall,
            "note": True,
        }
        for note in notes
    ]
    entries += [
        {
            "at": event.at,
            "anchor": f"event-{event.pk}",
            "who": event.actor_name if event.actor_id else "the portal",
            "what": event.verb,
            "text": event.note,
            "after": event.data.get("after", ""),
        }
        for event in events
    ]
    entries.sort(key=lambda entry: entry["at"])
    for entry in entries[-HISTORY:]:
        entry["new"] = bool(visited and entry["at"] > visited and entry["who"] != str(user))
    return entries[-HISTORY:]
