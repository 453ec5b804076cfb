"""The decision rail: an unbound form for every verb that is open to the person."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest

from cases.forms import (
    AssignForm,
    HoldForm,
    NoteForm,
    ProposeForm,
    ReasonForm,
    SkipForm,
    SnoozeForm,
)
from cases.states import Verb
from cases.views.colleagues import who_may_take


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
    }
    if allowed.get(Verb.ASSIGN):
        found["assign"] = AssignForm(auto_id="assign_%s", people=who_may_take(case))
    return found
