"""The decision rail: an unbound form for every verb that is open to the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from cases import holds, playbook
from cases.forms import (
    AssignForm,
    HoldForm,
    NoteForm,
    ProposeForm,
    ReasonForm,
    SkipForm,
    SnoozeForm,
)
from cases.models import Case
from cases.models.sight import sees_compliance
from cases.states import Verb
from cases.templatetags.portal import words
from cases.views.colleagues import who_may_take

OUTCOMES = [
    ("cleared", "Cleared"),
    ("monitor", "Monitor"),
    ("restricted", "Restricted"),
    ("offboarded", "Off-boarded"),
]


def forms_for(request: HttpRequest, context: dict[str, Any]) -> dict[str, forms.Form]:
    """Empty forms by slot; a view puts the bound one in the place of its slot."""
    case, allowed = context["case"], context["allowed"]
    found: dict[str, forms.Form] = {
        "note": NoteForm(auto_id="note_%s", behind_wall=context["behind"]),
        "escalate": ReasonForm(auto_id="escalate_%s"),
        "return": ReasonForm(auto_id="return_%s"),
        "reopen": ReasonForm(auto_id="reopen_%s"),
        "wake": ReasonForm(auto_id="wake_%s"),
        "snooze": SnoozeForm(auto_id="snooze_%s"),
        "skip": SkipForm(auto_id="skip_%s"),
        "justify": ReasonForm(auto_id="justify_%s"),
        "refuse_hold": ReasonForm(auto_id="refuse_hold_%s"),
    }
    if allowed.get(Verb.ASSIGN):
        found["assign"] = AssignForm(auto_id="assign_%s", people=who_may_take(case))
    if allowed.get(Verb.PROPOSE):
        found["propose"] = propose_form(case)
    if allowed.get(Verb.OVERTURN):
        found["overturn"] = propose_form(case, prefix="overturn")
    if allowed.get(Verb.HOLD):
        levels = hold_levels(case, request.user)
        if levels:
            found["hold"] = HoldForm(auto_id="hold_%s", levels=levels)
    return found


def propose_form(
    case: Case, data: Mapping[str, Any] | None = None, prefix: str | None = None
) -> ProposeForm:
    """The outcomes of a case and, per outcome, the reasons that the typology knows."""
    book = playbook.of(case.typology_code)
    codes = []
    for outcome, label in OUTCOMES:
        reasons = book.reasons(outcome)
        rows = [(code, reason_words(code, row)) for code, row in reasons.items()]
        if rows:
            codes.append((label, rows))
    name = prefix or "propose"
    return ProposeForm(data, auto_id=f"{name}_%s", outcomes=OUTCOMES, codes=codes)


def reason_words(code: str, row: Mapping[str, Any]) -> str:
    return str(row.get("title") or row.get("text") or words(code))


def hold_levels(case: Case, user) -> list[tuple[str, str]]:
    """Where the money could go from here, as far as `user` may ask for it."""
    found = []
    for level, may, because in holds.options(case.account, user):
        if may:
            then = f" ({because[:1].lower()}{because[1:].rstrip('.')})" if because else ""
            found.append((level, words(level) + then))
    return found


def shown_level(level: str, user) -> str:
    """Before the wall one sees that payouts are held, not how far compliance has gone."""
    if sees_compliance(user) or level in ("normal", "released"):
        return level
    return "soft_hold"
